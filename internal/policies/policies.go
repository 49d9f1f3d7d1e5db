// Package policies reads the IAM policies of CloudFormation templates, and finds what they allow
// with a wildcard. Tests use it: of the templates of all environments (test/snapshot/testdata), and
// of what the constructs synthesize for other props.
package policies

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Statement is one statement of a policy. Its texts are as in the template, with what is only known
// at deployment in angle brackets: <AWS::SQS::Queue> is any attribute of a queue of this template,
// <parameter> a parameter, and <import> another stack's output.
type Statement struct {
	// At is where the policy is: the resource's logical id, and the path of the property.
	At string
	// Type of the resource, such as AWS::IAM::Policy.
	Type                                                   string
	Effect                                                 string
	Principals, Actions, NotActions, Resources, Exceptions []string
	// Condition is the condition's JSON, "" for none.
	Condition string
}

// Finding is one wildcard that a template allows.
type Finding struct {
	// At is where it is, as in Statement.
	At string
	// What is allowed: "ACTION on RESOURCE", with " to PRINCIPAL" in between where the policy names
	// one, "everything but NAME" for an exception, or "managed policy ARN".
	What string
}

// Read gives all statements of a template, and the ARNs of managed policies by the logical ids of
// their roles.
func Read(template []byte) (statements []Statement, managed map[string][]string, err error) {
	var t struct {
		Resources map[string]struct {
			Type       string
			Properties map[string]any
		}
	}
	if err := json.Unmarshal(template, &t); err != nil {
		return nil, nil, fmt.Errorf("template: %w", err)
	}
	r := reader{types: map[string]string{}}
	for id, resource := range t.Resources {
		r.types[id] = resource.Type
	}
	managed = map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		resource := t.Resources[id]
		r.kind = resource.Type
		r.walk(id, resource.Properties)
		for _, arn := range list(resource.Properties["ManagedPolicyArns"]) {
			managed[id] = append(managed[id], r.text(arn))
		}
	}
	return r.statements, managed, r.err
}

// Wildcards finds everything that a template allows with a wildcard: in actions, in resources, to
// everybody, by exception (NotAction, NotResource, NotPrincipal), and by AWS's managed policies,
// which have wildcards of their own. What a template denies may have wildcards.
func Wildcards(template []byte) ([]Finding, error) {
	statements, managed, err := Read(template)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, s := range statements {
		if s.Effect == "Deny" {
			continue
		}
		for _, text := range slices.Concat(s.NotActions, s.Exceptions) {
			findings = append(findings, Finding{s.At, "everything but " + text})
		}
		resources := s.Resources
		if len(resources) == 0 || s.Type == "AWS::KMS::Key" {
			// A trust policy is about its role. A key policy has to write * for its key.
			resources = []string{"itself"}
		}
		to := ""
		if len(s.Principals) > 0 {
			to = " to " + strings.Join(s.Principals, ", ")
		}
		for _, action := range s.Actions {
			for _, resource := range resources {
				if what := action + to + " on " + resource; strings.ContainsAny(what, "*?") {
					findings = append(findings, Finding{s.At, what})
				}
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(managed)) {
		for _, arn := range managed[id] {
			findings = append(findings, Finding{id, "managed policy " + arn})
		}
	}
	return findings, nil
}

// reader collects the statements of one template.
type reader struct {
	types      map[string]string // of logical ids
	kind       string            // of the resource that is being read
	statements []Statement
	err        error
}

// walk finds policies wherever they are: a property that holds statements with an Effect.
func (r *reader) walk(at string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == "Statement" {
				for _, s := range list(v[name]) {
					r.statement(at, s)
				}
				continue
			}
			r.walk(at+"."+name, v[name])
		}
	case []any:
		for i, element := range v {
			r.walk(fmt.Sprintf("%s.%d", at, i), element)
		}
	case string:
		// A policy may be a string of JSON as well, which nobody would find here.
		if strings.Contains(v, `"Effect"`) && r.err == nil {
			r.err = fmt.Errorf("%s: a policy inside a string", at)
		}
	}
}

func (r *reader) statement(at string, value any) {
	v, ok := value.(map[string]any)
	if !ok || v["Effect"] == nil {
		if r.err == nil {
			r.err = fmt.Errorf("%s: a statement without an Effect: %v", at, value)
		}
		return
	}
	s := Statement{
		At: at, Type: r.kind, Effect: r.text(v["Effect"]),
		Actions: r.texts(v["Action"]), NotActions: r.texts(v["NotAction"]),
		Resources:  r.texts(v["Resource"]),
		Principals: r.principals(v["Principal"]),
		Exceptions: append(r.texts(v["NotResource"]), r.principals(v["NotPrincipal"])...),
	}
	if v["Condition"] != nil {
		text, err := json.Marshal(v["Condition"])
		if err != nil && r.err == nil {
			r.err = err
		}
		s.Condition = string(text)
	}
	r.statements = append(r.statements, s)
}

// principals of a statement: {"Service": […]}, {"AWS": "*"} or "*".
func (r *reader) principals(value any) (all []string) {
	byKind, ok := value.(map[string]any)
	if !ok {
		return r.texts(value)
	}
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		all = append(all, r.texts(byKind[kind])...)
	}
	return all
}

func (r *reader) texts(value any) (all []string) {
	for _, v := range list(value) {
		all = append(all, r.text(v))
	}
	return all
}

// text of a value, which may be a function of CloudFormation.
func (r *reader) text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		if len(v) != 1 {
			break
		}
		for function, argument := range v {
			switch function {
			case "Ref":
				return r.reference(argument)
			case "Fn::GetAtt":
				if parts := list(argument); len(parts) == 2 {
					return r.reference(parts[0])
				}
			case "Fn::ImportValue":
				return "<import>"
			case "Fn::Join":
				if parts := list(argument); len(parts) == 2 {
					return strings.Join(r.texts(parts[1]), r.text(parts[0]))
				}
			case "Fn::Sub":
				return r.text(list(argument)[0])
			}
		}
	}
	// A function that is not known here, which must not hide a wildcard.
	text, _ := json.Marshal(value)
	return string(text)
}

// reference to a resource or a parameter, or to what AWS sets, such as AWS::Region.
func (r *reader) reference(to any) string {
	id := fmt.Sprint(to)
	switch {
	case r.types[id] != "":
		return "<" + r.types[id] + ">"
	case strings.HasPrefix(id, "AWS::"):
		return "<" + id + ">"
	}
	return "<parameter>"
}

// list of one value or of many.
func list(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{value}
}
