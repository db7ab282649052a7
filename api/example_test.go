package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/driftcast/driftcast/api"
)

// A server is a handler; Run would give it a listener of its own.
func Example() {
	server, err := api.New(options(new(testing.T))) // rooms that answer from memory
	if err != nil {
		fmt.Println(err)
		return
	}
	answer := httptest.NewRecorder()
	server.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/v1/targets/Unknown", nil))
	fmt.Println(answer.Code, answer.Header().Get("Content-Type"))

	answer = httptest.NewRecorder()
	server.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/-/ready", nil))
	fmt.Print(answer.Code, " ", answer.Body)
	// Output:
	// 404 application/problem+json
	// 200 Driftcast is ready.
}
