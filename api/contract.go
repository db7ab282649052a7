package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/labstack/echo/v4"

	"github.com/driftcast/driftcast/api/gen"
)

// contract is openapi.yaml, ready to check requests against.
type contract struct {
	routes  map[string]*operation // by method and echo's path
	options *openapi3filter.Options
}

type operation struct {
	route *routers.Route
	query map[string]bool // the parameters it takes
	body  bool
}

// readContract reads openapi.yaml. It is an error when a route of the contract
// is not served.
func readContract(e *echo.Echo) (*contract, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(contractText)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	served := map[string]bool{}
	for _, r := range e.Routes() {
		served[r.Method+" "+r.Path] = true
	}
	k := &contract{routes: map[string]*operation{}, options: &openapi3filter.Options{
		MultiError: true, SkipSettingDefaults: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			key := method + " " + base + echoPath(path)
			if !served[key] {
				return nil, fmt.Errorf("openapi.yaml: %s is not served", key)
			}
			o := &operation{query: map[string]bool{}, body: op.RequestBody != nil,
				route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}}
			for _, p := range op.Parameters {
				if p.Value.In == openapi3.ParameterInQuery {
					o.query[p.Value.Name] = true
				}
			}
			k.routes[key] = o
		}
	}
	return k, nil
}

// echoPath writes the path template of OpenAPI the way echo does.
func echoPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// conform checks a request against the contract, whole: unknown parameters are
// errors, and all that is wrong is told at once.
func (s *Server) conform(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		op := s.contract.routes[r.Method+" "+c.Path()]
		if op == nil { // New has found every route of the contract: the method is another, which echo says
			return next(c)
		}
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return problemf(http.StatusBadRequest, "the query is not well escaped: %v", err)
		}
		if err := op.known(query); err != nil {
			return err
		}
		if op.body {
			if err := s.readBody(c); err != nil {
				return err
			}
		}
		params := make(map[string]string, 2)
		for _, name := range c.ParamNames() {
			value := c.Param(name)
			if r.URL.RawPath != "" {
				if value, err = url.PathUnescape(value); err != nil {
					return badParameter(name, "not well escaped")
				}
			}
			params[name] = value
		}
		err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
			Request: r, PathParams: params, QueryParams: query, Route: op.route, Options: s.contract.options,
		})
		if err != nil {
			return explain(err)
		}
		return next(c)
	}
}

// known refuses parameters that the operation does not have, and repeated ones.
func (op *operation) known(query url.Values) error {
	var faults []gen.ProblemError
	for name, values := range query {
		switch {
		case !op.query[name]:
			faults = append(faults, gen.ProblemError{Parameter: pointer(name), Detail: "there is no such parameter here"})
		case len(values) > 1:
			faults = append(faults, gen.ProblemError{Parameter: pointer(name), Detail: "it is there more than once"})
		}
	}
	if faults == nil {
		return nil
	}
	return &problem{status: http.StatusBadRequest, detail: "the request has a wrong parameter", errors: faults}
}

// readBody reads a JSON body within the limit and puts it back. Syntax errors
// are told with their place.
func (s *Server) readBody(c echo.Context) error {
	r := c.Request()
	kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || kind != echo.MIMEApplicationJSON {
		return problemf(http.StatusUnsupportedMediaType, "want Content-Type: application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, s.o.BodyLimit))
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	if err := syntax(body); err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.ContentLength = int64(len(body))
	return nil
}

// syntax says where a text stops being one JSON value.
func syntax(body []byte) error {
	var value json.RawMessage
	d := json.NewDecoder(bytes.NewReader(body))
	err := d.Decode(&value)
	at, reason := int64(len(body)), "the body is cut short"
	var fault *json.SyntaxError
	switch {
	case errors.As(err, &fault):
		at, reason = fault.Offset-1, fault.Error()
	case errors.Is(err, io.EOF):
		at, reason = 0, "the body is empty; send {} where there is nothing to say"
	case err == nil:
		rest := bytes.TrimLeft(body[d.InputOffset():], " \t\r\n")
		if len(rest) == 0 {
			return nil
		}
		at, reason = int64(len(body)-len(rest)), "there is more after the value"
	}
	before := body[:max(0, min(at, int64(len(body))))]
	line := bytes.Count(before, []byte{'\n'}) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return &problem{status: http.StatusBadRequest, detail: "the body is not JSON",
		errors: []gen.ProblemError{{Detail: reason, Line: &line, Column: &column}}}
}

// explain turns what kin-openapi found into a problem: 422 where the body is
// at fault, else 400.
func explain(err error) error {
	p := &problem{status: http.StatusBadRequest, detail: "the request is not as the contract wants it"}
	each(err, func(fault *openapi3filter.RequestError) {
		if fault.RequestBody != nil {
			p.status = http.StatusUnprocessableEntity
		}
		leaves := 0
		each(fault.Err, func(leaf *openapi3.SchemaError) {
			leaves++
			p.errors = append(p.errors, blame(fault, leaf.Reason, leaf.JSONPointer()))
		})
		if leaves == 0 {
			reason := fault.Reason
			if fault.Err != nil {
				reason = fault.Err.Error()
			}
			p.errors = append(p.errors, blame(fault, reason, nil))
		}
	})
	return p
}

func blame(fault *openapi3filter.RequestError, reason string, path []string) gen.ProblemError {
	e := gen.ProblemError{Detail: reason}
	switch {
	case fault.Parameter == nil:
		e.Pointer = pointer("/" + strings.Join(path, "/"))
	case fault.Parameter.In == openapi3.ParameterInHeader:
		e.Header = &fault.Parameter.Name
	default:
		e.Parameter = &fault.Parameter.Name
	}
	return e
}

// each visits the errors of type T in a tree of multi-errors, each once.
func each[T error](err error, visit func(T)) {
	var multi openapi3.MultiError
	if m, ok := err.(openapi3.MultiError); ok { //nolint:errorlint // the tree is walked by hand
		multi = m
	}
	for _, e := range multi {
		each(e, visit)
	}
	if multi != nil {
		return
	}
	if found, ok := err.(T); ok { //nolint:errorlint // wrapped ones would be visited twice
		visit(found)
	}
}
