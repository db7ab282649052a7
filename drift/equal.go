package drift

import (
	"math"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/driftcast/driftcast/cluster"
)

// equal says whether two scalars are the same value at a path: numbers by value,
// 80 as "80", quantities as the server does ("1000m" is "1", "1Gi" is "1024Mi"),
// durations ("60s" is "1m0s"). Texts that mean what people wrote into them, such
// as labels, data, arguments and environment, are compared as texts.
func equal(path Pointer, a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case bool:
		return x == b
	case string:
		y, ok := b.(string)
		if ok && x == y {
			return true
		}
		if ok && !literal(path) {
			return sameQuantity(path, x, y) || sameDuration(x, y)
		}
		if !ok && !literal(path) {
			return sameNumber(x, b)
		}
		return false
	case int64, float64:
		if y, ok := b.(string); ok {
			return !literal(path) && sameNumber(y, a)
		}
		p, okA := float(a)
		q, okB := float(b)
		return okA && okB && p == q
	}
	return false
}

// literal says whether a text at the path is just a text.
func literal(path Pointer) bool {
	for _, token := range path {
		switch token {
		case "metadata", "data", "binaryData", "stringData", "args", "command", "matchLabels", "nodeSelector", "selector", "env", "annotations", "labels",
			"image", "parameters", "volumeAttributes":
			return true
		}
	}
	return false
}

// quantities are the fields that hold quantities, or maps of them.
func quantities(path Pointer) bool {
	for _, token := range path {
		switch token {
		case "limits", "requests", "capacity", "allocatable", "hard", "overhead", "sizeLimit", "storage", "divisor", "min", "max", "default",
			"defaultRequest", "maxLimitRequestRatio", "averageValue", "value", "podFixed", "minAllowed", "maxAllowed", "claims":
			return true
		}
	}
	return false
}

func sameQuantity(path Pointer, x, y string) bool {
	if !quantities(path) {
		return false
	}
	a, errA := resource.ParseQuantity(x)
	b, errB := resource.ParseQuantity(y)
	return errA == nil && errB == nil && a.Cmp(b) == 0
}

func sameDuration(x, y string) bool {
	if x == "" || y == "" || !strings.ContainsAny(x, "hms") || !strings.ContainsAny(y, "hms") {
		return false
	}
	a, errA := time.ParseDuration(x)
	b, errB := time.ParseDuration(y)
	return errA == nil && errB == nil && a == b
}

// sameNumber compares a text with a number: an int-or-string, or a quantity.
func sameNumber(text string, number any) bool {
	n, ok := float(number)
	if !ok {
		return false
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f == n
	}
	q, err := resource.ParseQuantity(text)
	return err == nil && q.AsApproximateFloat64() == n
}

func float(v any) (float64, bool) {
	switch x := v.(type) {
	case int64:
		return float64(x), true
	case float64:
		return x, !math.IsNaN(x)
	}
	return 0, false
}

// zero says whether a value is one that the server may leave out.
func zero(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case bool:
		return !x
	case string:
		return x == ""
	case int64:
		return x == 0
	case float64:
		return x == 0
	case map[string]any:
		for _, item := range x {
			if !zero(item) {
				return false
			}
		}
		return true
	case []any:
		return len(x) == 0
	}
	return false
}

// redacted says whether a value stands for another that must not be kept.
func redacted(v any) bool {
	text, ok := v.(string)
	return ok && strings.HasPrefix(text, cluster.Redacted)
}
