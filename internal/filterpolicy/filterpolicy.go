// Package filterpolicy reads the filter policies of SNS subscriptions. The constructs check with it
// at synth whether any event can match a policy, and the operator's replay to one subscriber
// decides with it which events the subscriber gets.
//
// The rules are those of Amazon SNS, "Filter policy constraints", "String value matching",
// "Numeric value matching" and "AND/OR logic".
package filterpolicy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Scope is what a policy is about: FilterPolicyScope of a subscription.
type Scope string

const (
	// Attributes is a policy on message attributes.
	Attributes Scope = "MessageAttributes"
	// Body is a policy on the message's body, which is JSON. It can be nested.
	Body Scope = "MessageBody"
)

const (
	// MaxKeys is the most keys that a policy can have at once. Keys of which only the members have
	// conditions do not count.
	MaxKeys = 5
	// MaxCombinations is the most combinations of values: the product of the lengths of all lists,
	// each times its nesting level, and the sum over the alternatives of an $or.
	MaxCombinations = 150

	or = "$or"
)

// Policy is a filter policy. It matches a message when one of its alternatives does.
type Policy struct {
	// Alternatives are what the $or operators of the policy expand to. A policy without $or has one.
	Alternatives []Alternative
}

// Alternative lists what a message must have, all of it.
type Alternative []Leaf

// Leaf is a list of conditions on one value. It matches when one of the conditions does.
type Leaf struct {
	// Path is the name of the attribute, or the path of the value in the body.
	Path []string
	// Conditions are the conditions, at least one.
	Conditions []Condition
}

// Name returns the path as text.
func (l Leaf) Name() string { return strings.Join(l.Path, ".") }

// Parse reads a policy. The error holds every problem that SNS refuses the policy for, see
// [Problems]. A policy without keys matches every message.
func Parse(scope Scope, policy []byte) (*Policy, error) {
	d := json.NewDecoder(bytes.NewReader(policy))
	d.UseNumber()
	var root any
	if err := d.Decode(&root); err != nil {
		return nil, fmt.Errorf("not JSON (%w)", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not JSON (there is text after it)")
	}
	object, ok := root.(map[string]any)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	p := parser{scope: scope}
	if combinations := p.count(object, nil, 1, 1); len(p.problems) == 0 &&
		combinations > MaxCombinations {
		p.addf("%d combinations of values are too many (SNS allows %d: the product of the lengths "+
			"of all lists, each times its nesting level)", combinations, MaxCombinations)
	}
	if len(p.problems) > 0 {
		return nil, errors.Join(p.problems...)
	}
	// There are at most as many alternatives as combinations.
	parsed := &Policy{Alternatives: expand(object, nil, []Alternative{nil})}
	for _, alternative := range parsed.Alternatives {
		if n := len(alternative); n > MaxKeys {
			return nil, fmt.Errorf("%d keys are too many (SNS allows %d)", n, MaxKeys)
		}
	}
	return parsed, nil
}

// Problems returns the problems in an error of [Parse].
func Problems(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}

// Match reports whether a message with these attributes, all of type String, passes a policy on
// attributes.
func (p *Policy) Match(attributes map[string]string) bool {
	return slices.ContainsFunc(p.Alternatives, func(all Alternative) bool {
		return !slices.ContainsFunc(all, func(l Leaf) bool {
			value, present := attributes[l.Name()]
			return !slices.ContainsFunc(l.Conditions, func(c Condition) bool {
				if !present {
					return c.MatchesMissing()
				}
				return c.MatchesText(value)
			})
		})
	})
}

type parser struct {
	scope    Scope
	problems []error
}

func (p *parser) addf(format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf(format, args...))
}

// count returns the number of combinations in an object of the policy, times those so far, and
// reports what SNS refuses.
func (p *parser) count(object map[string]any, path []string, level, combinations int) int {
	if len(object) == 0 && level > 1 {
		p.addf("%s has no conditions", strings.Join(path, "."))
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		at := append(slices.Clone(path), key)
		name := strings.Join(at, ".")
		if alternatives, ok := alternativesOf(key, object[key]); ok {
			sum := 0
			for _, alternative := range alternatives {
				if len(alternative) == 0 {
					p.addf("%s has an alternative without conditions", name)
				}
				sum += p.count(alternative, path, level, combinations)
			}
			combinations = sum
			continue
		}
		switch value := object[key].(type) {
		case map[string]any:
			if p.scope != Body {
				p.addf("%s is nested (SNS allows nesting in a policy on the message body only)", name)
				continue
			}
			combinations = p.count(value, at, level+1, combinations)
		case []any:
			if len(value) == 0 {
				p.addf("%s has an empty list (SNS refuses it, and no value is in it)", name)
			}
			for _, v := range value {
				if _, err := parseCondition(v); err != nil {
					p.addf("%s: %w", name, err)
				}
			}
			combinations *= max(len(value), 1) * level
		default:
			p.addf("%s has the value %s (SNS needs a list of values)", name, encode(value))
		}
		combinations = min(combinations, 1<<20) // no overflow; far too many already
	}
	return combinations
}

// alternativesOf returns the alternatives of the operator $or: two objects or more. With any other
// value, $or is a key like any other.
func alternativesOf(key string, value any) (alternatives []map[string]any, ok bool) {
	list, isList := value.([]any)
	if key != or || !isList || len(list) < 2 {
		return nil, false
	}
	for _, v := range list {
		object, isObject := v.(map[string]any)
		if !isObject {
			return nil, false
		}
		alternatives = append(alternatives, object)
	}
	return alternatives, true
}

// expand adds an object's leaves to each of the alternatives so far. Everything was counted, so the
// conditions have no errors.
func expand(object map[string]any, path []string, so []Alternative) []Alternative {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if alternatives, ok := alternativesOf(key, object[key]); ok {
			var all []Alternative
			for _, alternative := range alternatives {
				all = append(all, expand(alternative, path, so)...)
			}
			so = all
			continue
		}
		at := append(slices.Clone(path), key)
		if nested, ok := object[key].(map[string]any); ok {
			so = expand(nested, at, so)
			continue
		}
		leaf := Leaf{Path: at}
		for _, v := range object[key].([]any) {
			c, _ := parseCondition(v)
			leaf.Conditions = append(leaf.Conditions, c)
		}
		longer := make([]Alternative, len(so))
		for i, alternative := range so {
			longer[i] = append(slices.Clone(alternative), leaf)
		}
		so = longer
	}
	return so
}

// encode returns a part of a policy as JSON, with < and > unescaped.
func encode(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}
