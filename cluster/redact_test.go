package cluster_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/cluster"
)

func TestRedactedTexts(t *testing.T) {
	r := cluster.NewRedactor(salt)
	const s = "hunter2"
	for name, text := range map[string]string{
		"an address":            "postgres://shop:hunter2@db:5432/shop?sslmode=off",
		"an address with an @":  "postgres://shop:hunter2@hunter2@db:5432/shop",
		"a flag":                "--password=hunter2",
		"a flag and its value":  "run --api-key hunter2",
		"properties":            "user=shop\ndb.password = hunter2 and hunter2\nport=1",
		"YAML":                  "auth:\n  token: hunter2\n",
		"a YAML block":          "password: |\n  hunter2\n  hunter2\nport: 1",
		"JSON":                  `{"user":"shop","clientSecret": "hunter2 \" hunter2", "port": 1}`,
		"a header":              "Authorization: Bearer hunter2",
		"a private key":         "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
		"a private key, cut":    "-----BEGIN PRIVATE KEY-----\nhunter2\n",
		"single quotes":         "passwd='hunter2 hunter2' port=1",
		"upper case":            "DB_PASSWORD: hunter2",
		"a parameter of a page": "https://x.test/a?access_token=hunter2&b=1",
	} {
		t.Run(name, func(t *testing.T) {
			got := r.Text(text)
			if strings.Contains(got, s) || !strings.Contains(got, cluster.Redacted) {
				t.Errorf("got %q", got)
			}
			if again := r.Text(got); again != got {
				t.Errorf("redacted again %q became %q", got, again)
			}
		})
	}
	for _, text := range []string{"", "the token has expired", "secret \"tls\" not found", "https://x.test/a", "tokens=", "image:v1"} {
		if got := r.Text(text); got != text && text != "tokens=" {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestWhatIsRedactedOfObjects(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		keep []string // names that must stay
	}{
		"a Secret":        {`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"user":"HIDE"},"stringData":{"x":"HIDE"}}`, []string{`"user"`}},
		"an environment":  {`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","env":[{"name":"PORT","value":"HIDE"},{"name":"P","valueFrom":{"secretKeyRef":{"name":"db","key":"pw"}}}]}]}}`, []string{`"PORT"`, `"secretKeyRef":{"key":"pw","name":"db"}`}},
		"init containers": {`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"initContainers":[{"name":"c","env":[{"name":"A","value":"HIDE"}]}]}}`, nil},
		"a ConfigMap":     {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"password":"HIDE","app.yml":"port: 1\nsecret: HIDE\n","tls.key":"HIDE","port":"80"}}`, []string{`"port":"80"`, "port: 1"}},
		"a custom kind":   {`{"apiVersion":"x.test/v1","kind":"Db","metadata":{"name":"d","annotations":{"x.test/token":"HIDE"}},"spec":{"credentials":{"user":"HIDE","list":["HIDE",7]},"url":"amqp://a:HIDE@q/"}}`, nil},
		"arguments":       {`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","args":["--token","HIDE","-v"],"command":["sh","-c","PASSWORD=HIDE run"]}]}}`, []string{`"-v"`, `"--token"`}},
		"references stay": {`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"imagePullSecrets":[{"name":"pull"}],"automountServiceAccountToken":false,"volumes":[{"name":"v","secret":{"secretName":"tls"}}],"serviceAccountName":"sa"}}`, []string{`"pull"`, `"secretName":"tls"`, `false`}},
		"last applied":    {`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{\"a\":\"HIDE\"}}"}},"data":{"a":"HIDE"}}`, nil},
		"broken applied":  {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"s","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"a\":\"HIDE"}}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := compact(t, c.text)
			all := kept(t, o)
			if strings.Contains(all, "HIDE") {
				t.Errorf("kept a secret: %s", all)
			}
			for _, want := range c.keep {
				if !strings.Contains(all, want) {
					t.Errorf("lost %s: %s", want, all)
				}
			}
		})
	}
}

// kept is every byte that is kept of an object.
func kept(t interface{ Fatal(...any) }, o *cluster.Object) string {
	all, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(all) + string(o.Body) + string(o.LastApplied)
}

func TestNoSecretIsEverKept(t *testing.T) {
	const mark = "qqZZqq" // no other generator makes this
	secret := rapid.Custom(func(t *rapid.T) string {
		return mark + rapid.StringMatching(`[a-zA-Z0-9 .,;:=+"'\\#!-]{0,12}`).Draw(t, "secret") + mark
	})
	key := rapid.SampledFrom([]string{"password", "DB_PASSWORD", "client-secret", "apiKey", "token", "auth.token", "privateKey", "credentials", "secret_access_key"})
	r := rapid.Custom(func(t *rapid.T) map[string]any {
		k, v := key.Draw(t, "key"), secret.Draw(t, "value")
		text, _ := json.Marshal(map[string]any{"a": 1, k: v})
		containers := []any{map[string]any{"name": "c",
			"env":  []any{map[string]any{"name": "X", "value": v}},
			"args": []any{"--" + k + "=" + v, "--" + k, v, "-v"}}}
		return rapid.SampledFrom([]map[string]any{
			{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"any": v}, "stringData": map[string]any{"any": v}},
			{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{k: v, "file": k + ": " + v + "\nport: 1", "json": string(text), "props": "a=b\n" + k + "=" + v}},
			{"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": containers, "initContainers": containers}}}},
			{"apiVersion": "batch/v1", "kind": "CronJob", "spec": map[string]any{"jobTemplate": map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": containers}}}}}},
			{"apiVersion": "x.test/v1", "kind": "X", "spec": map[string]any{k: map[string]any{"deep": []any{v, map[string]any{"er": v}}}}},
		}).Draw(t, "object")
	})
	rapid.Check(t, func(t *rapid.T) {
		object := r.Draw(t, "object")
		applied, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		object["metadata"] = map[string]any{"name": "x", "annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": string(applied)}}
		tr := transform()
		o, err := tr.Object(&unstructured.Unstructured{Object: object})
		if err != nil {
			t.Fatal(err)
		}
		if all := kept(t, o); strings.Contains(all, mark) {
			t.Fatalf("kept a secret: %s", all)
		}
		twice, err := cluster.Canonical(tr.Redactor.Object(decode(t, o.Body).(map[string]any)))
		if err != nil || string(twice) != string(o.Body) {
			t.Fatalf("redacted again it is another: %s\n%s", o.Body, twice)
		}
	})
}

func TestDigestsAreEqualWhereValuesAreAndSaltsAre(t *testing.T) {
	body := func(salt, value string) string {
		o, err := cluster.Transform{Redactor: cluster.NewRedactor([]byte(salt))}.Object(object(t, fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"a":%q}}`, value)))
		if err != nil {
			t.Fatal(err)
		}
		return string(o.Body)
	}
	again := body("salt", "x")
	if body("salt", "x") != again || body("salt", "x") == body("salt", "y") || body("salt", "x") == body("pepper", "x") {
		t.Errorf("got %s %s %s", body("salt", "x"), body("salt", "y"), body("pepper", "x"))
	}
}

// FuzzTransform reads what a server, or somebody in its place, might send.
func FuzzTransform(f *testing.F) {
	f.Add([]byte(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"status":{"conditions":[1,{"type":2}],"capacity":{"cpu":"x"}},"spec":{"taints":"no"}}`))
	f.Add([]byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","managedFields":[{"manager":"m","fieldsV1":{"f:a":1}}]},"spec":{"template":{"spec":{"containers":[{"env":[1]}]}}}}`))
	f.Add([]byte(`{"apiVersion":"v1","kind":"Event","type":"Warning","involvedObject":{"apiVersion":"a/b/c"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		value, err := cluster.Decode(body)
		object, ok := value.(map[string]any)
		if err != nil || !ok {
			t.Skip()
		}
		o, err := transform().Object(&unstructured.Unstructured{Object: object})
		if err != nil || o.Body == nil {
			return
		}
		if _, err := cluster.Diff(o.Body, []byte(`{}`)); err != nil {
			t.Errorf("its body is no JSON: %v", err)
		}
	})
}
