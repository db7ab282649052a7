package actuators

import (
	"fmt"
	"os"
	"strings"
	"text/template"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/corrector"
)

// Blank is what a template may fill in: {{.Name}}, {{.Node}}, ….
type Blank struct {
	Subject   string // kind/namespace/name
	Kind      string // of the object: Node, Deployment, …
	Namespace string // "": it has none
	Name      string // of the object: of a GPU's subject, its node
	ID        string // the correction's
	Policy    string
	Target    string
	Risk      string
	Params    map[string]string // of the policy
}

// fill reads a template, in YAML, and fills its strings in one by one: what is
// filled in can never become structure. The object has the name that the
// template gives it or driftcast-<correction>.
func fill(a corrector.Action, subject place) (object, error) {
	text := a.Params["template"]
	if path := a.Params["template_file"]; text == "" && path != "" {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("param template_file: %w", err)
		}
		text = string(raw)
	}
	if text == "" {
		return nil, fmt.Errorf("%w: param template or template_file is required: a manifest in YAML", corrector.ErrInvalid)
	}
	var body map[string]any
	if err := yaml.Unmarshal([]byte(text), &body); err != nil {
		return nil, fmt.Errorf("%w: template: %w", corrector.ErrInvalid, err)
	}
	blank := Blank{Subject: a.Subject.String(), Kind: subject.Kind, Namespace: subject.Namespace, Name: subject.Name, ID: a.ID,
		Policy: a.Policy, Target: a.Target, Risk: fmt.Sprintf("%.2f", a.Risk), Params: a.Params}
	filled, err := fillIn(body, blank)
	if err != nil {
		return nil, fmt.Errorf("%w: template: %w", corrector.ErrInvalid, err)
	}
	fields, _ := filled.(map[string]any)
	o := &unstructured.Unstructured{Object: fields}
	if o.GetKind() == "" || o.GetAPIVersion() == "" {
		return nil, fmt.Errorf("%w: template: apiVersion and kind are required", corrector.ErrInvalid)
	}
	if o.GetName() == "" {
		o.SetName("driftcast-" + a.ID)
	}
	o.SetGenerateName("") // another name each time would be another object each time
	return o, nil
}

func fillIn(value any, blank Blank) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			filled, err := fillIn(inner, blank)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			v[key] = filled
		}
	case []any:
		for i, inner := range v {
			filled, err := fillIn(inner, blank)
			if err != nil {
				return nil, err
			}
			v[i] = filled
		}
	case string:
		t, err := template.New("").Option("missingkey=error").Parse(v)
		if err != nil {
			return nil, err
		}
		var b strings.Builder
		err = t.Execute(&b, blank)
		return b.String(), err
	}
	return value, nil
}
