package filterpolicy

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Kind is the type of the values that a condition can match.
type Kind string

const (
	// KindText is a string.
	KindText Kind = "string"
	// KindNumber is a number.
	KindNumber Kind = "number"
	// KindBool is true or false.
	KindBool Kind = "boolean"
	// KindNull is null.
	KindNull Kind = "null"
	// KindAny is any value (exists true).
	KindAny Kind = "any"
	// KindMissing is no value (exists false).
	KindMissing Kind = "missing"
)

// Condition is one of the values, or operators, that a leaf lists.
type Condition struct {
	// Kind is the type of the values that the condition can match.
	Kind Kind
	// Exact is the text that the condition compares with, for a text without an operator.
	Exact *string

	source any
	text   func(value string) bool // of KindText
}

// String returns the condition as it is in the policy.
func (c Condition) String() string { return encode(c.source) }

// MatchesMissing reports whether the condition matches a message without the value.
func (c Condition) MatchesMissing() bool { return c.Kind == KindMissing }

// MatchesText reports whether the condition matches a string. A condition on numbers does not, even
// when the string is a number.
func (c Condition) MatchesText(value string) bool {
	return c.Kind == KindAny || c.Kind == KindText && c.text(value)
}

const operators = "prefix, suffix, equals-ignore-case, anything-but, numeric, cidr, exists"

func parseCondition(v any) (Condition, error) {
	c := Condition{source: v}
	switch v := v.(type) {
	case string:
		c.Kind, c.Exact = KindText, &v
		c.text = func(value string) bool { return value == v }
		return c, nil
	case json.Number:
		c.Kind = KindNumber
		return c, nil
	case bool:
		c.Kind = KindBool
		return c, nil
	case nil:
		c.Kind = KindNull
		return c, nil
	case map[string]any:
		if len(v) != 1 {
			return c, fmt.Errorf("%s is not one operator", c)
		}
		for operator, argument := range v {
			return c, c.parseOperator(operator, argument)
		}
	}
	return c, fmt.Errorf("%s is not a string, a number, true, false, null or an operator", c)
}

func (c *Condition) parseOperator(operator string, argument any) error {
	text, isText := argument.(string)
	needsText := fmt.Errorf("%s needs a string", c)
	c.Kind = KindText
	switch operator {
	case "exists":
		exists, ok := argument.(bool)
		if !ok {
			return fmt.Errorf("%s needs true or false", c)
		}
		if c.Kind = KindMissing; exists {
			c.Kind = KindAny
		}
	case "prefix":
		if !isText {
			return needsText
		}
		c.text = func(value string) bool { return strings.HasPrefix(value, text) }
	case "suffix":
		if !isText {
			return needsText
		}
		c.text = func(value string) bool { return strings.HasSuffix(value, text) }
	case "equals-ignore-case":
		if !isText {
			return needsText
		}
		c.text = func(value string) bool { return strings.EqualFold(value, text) }
	case "cidr":
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("%s needs a range of addresses such as 10.0.0.0/24", c)
		}
		c.text = func(value string) bool {
			address, err := netip.ParseAddr(value)
			return err == nil && network.Masked().Contains(address)
		}
	case "numeric":
		c.Kind = KindNumber
		return c.parseNumeric(argument)
	case "anything-but":
		return c.parseAnythingBut(argument)
	default:
		return fmt.Errorf("%s has no operator of SNS (%s)", c, operators)
	}
	return nil
}

// parseNumeric checks a comparison or a range: an operator and a number, once or twice.
func (c *Condition) parseNumeric(argument any) error {
	terms, _ := argument.([]any)
	var comparisons []string
	var limits []float64
	for i := 0; i+1 < len(terms); i += 2 {
		comparison, _ := terms[i].(string)
		number, _ := terms[i+1].(json.Number)
		limit, err := number.Float64()
		if err != nil {
			break
		}
		comparisons, limits = append(comparisons, comparison), append(limits, limit)
	}
	if len(terms) != 2*len(comparisons) {
		comparisons = nil
	}
	switch strings.Join(comparisons, " ") {
	case "=", "<", "<=", ">", ">=":
		return nil
	case "> <", "> <=", ">= <", ">= <=":
		if limits[0] < limits[1] {
			return nil
		}
		return fmt.Errorf("%s is an empty range (SNS needs the lower limit first)", c)
	}
	return fmt.Errorf(
		`%s is not a comparison or a range, such as [">=",10] or [">",0,"<",10]`, c)
}

// parseAnythingBut checks texts or numbers, one or a list, or a prefix.
func (c *Condition) parseAnythingBut(argument any) error {
	if prefix, ok := argument.(map[string]any); ok {
		text, isText := prefix["prefix"].(string)
		if len(prefix) != 1 || !isText {
			return fmt.Errorf("%s is not supported by SNS (anything-but takes texts, numbers or a "+
				"prefix)", c)
		}
		c.text = func(value string) bool { return !strings.HasPrefix(value, text) }
		return nil
	}
	values, isList := argument.([]any)
	if !isList {
		values = []any{argument}
	}
	var texts []string
	numbers := 0
	for _, v := range values {
		switch v := v.(type) {
		case string:
			texts = append(texts, v)
		case json.Number:
			numbers++
		}
	}
	switch len(values) {
	case 0:
	case len(texts):
		c.text = func(value string) bool { return !slices.Contains(texts, value) }
		return nil
	case numbers:
		c.Kind = KindNumber
		return nil
	}
	return fmt.Errorf("%s needs texts or numbers, at least one, and not both", c)
}
