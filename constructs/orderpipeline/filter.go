package orderpipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/filterpolicy"
)

const (
	attributesProp = "FilterPolicy"
	bodyProp       = "FilterPolicyWithMessageBody"

	maxAttributeBytes = 256 // of an attribute's value, see order.Attributes
)

// checkFilters reports filter policies that SNS refuses, and those that no event of the pipeline
// can match: they would deliver nothing, silently.
func (p *OrderPipeline) checkFilters(
	errs *check.Errors, id string,
	attributes map[string]awssns.SubscriptionFilter, body map[string]awssns.FilterOrPolicy,
) {
	if len(attributes) > 0 && len(body) > 0 {
		errs.Addf(bodyProp, "set with FilterPolicy "+
			"(SNS filters a subscription by attributes or by body, not by both)")
	}
	conditions := map[string]any{}
	for name, filter := range attributes {
		if filter == nil {
			errs.Addf(attributesProp, "%s is nil (pass a filter, or leave the attribute out)",
				check.Quote(name))
			continue
		}
		conditions[name] = conditionsOf(filter)
	}
	p.checkPolicy(errs, id, attributesProp, filterpolicy.Attributes, conditions, p.attributeMismatch)
	members := bodyConditions(errs, nil, body)
	p.checkPolicy(errs, id, bodyProp, filterpolicy.Body, members, p.bodyMismatch)
}

func conditionsOf(filter awssns.SubscriptionFilter) []any {
	if conditions := filter.Conditions(); conditions != nil {
		return *conditions
	}
	return []any{}
}

func bodyConditions(
	errs *check.Errors, path []string, policy map[string]awssns.FilterOrPolicy,
) map[string]any {
	all := map[string]any{}
	for name, value := range policy {
		at := append(slices.Clone(path), name)
		switch value := value.(type) {
		case awssns.Policy:
			nested := value.PolicyDoc()
			if nested == nil {
				nested = &map[string]awssns.FilterOrPolicy{}
			}
			all[name] = bodyConditions(errs, at, *nested)
		case awssns.Filter:
			all[name] = conditionsOf(value.FilterDoc())
		default:
			errs.Addf(bodyProp, "%s is nil (pass a filter or a policy, or leave the key out)",
				check.Quote(strings.Join(at, ".")))
		}
	}
	return all
}

// checkPolicy reports what is wrong with a policy. mismatch returns why no event matches a leaf of
// it, or "".
func (p *OrderPipeline) checkPolicy(
	errs *check.Errors, id, prop string, scope filterpolicy.Scope, policy map[string]any,
	mismatch func(filterpolicy.Leaf) string,
) {
	text, err := json.Marshal(policy)
	if err != nil {
		errs.Addf(prop, "cannot be written as JSON (%v)", err)
		return
	}
	parsed, err := filterpolicy.Parse(scope, text)
	if err != nil {
		for _, problem := range filterpolicy.Problems(err) {
			errs.Addf(prop, "%v", problem)
		}
		return
	}
	var reasons []string
	for _, alternative := range parsed.Alternatives {
		for _, leaf := range alternative {
			reason := mismatch(leaf)
			if reason != "" && !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
		}
	}
	for _, reason := range reasons {
		if p.settings.topic.Existing == nil {
			errs.Addf(prop, "%s", reason)
			continue
		}
		p.warn("filterPolicy", fmt.Sprintf("The %s of %s matches no event of the pipeline, only "+
			"messages of other publishers: %s. Change it, or acknowledge this warning.",
			prop, id, reason))
	}
}

// eventAttributes lists the message attributes that an event can have.
func (p *OrderPipeline) eventAttributes() []string {
	return append([]string{contract.AttributeEventType}, p.settings.publisher.EventAttributes...)
}

// attributeMismatch returns why no event matches the conditions on an attribute.
func (p *OrderPipeline) attributeMismatch(leaf filterpolicy.Leaf) string {
	name := leaf.Name()
	if !slices.Contains(p.eventAttributes(), name) {
		if slices.ContainsFunc(leaf.Conditions, filterpolicy.Condition.MatchesMissing) {
			return ""
		}
		return fmt.Sprintf("no event has the attribute %s, so none would be delivered "+
			"(events have %s; add attributes with Publisher.EventAttributes)",
			check.Quote(name), strings.Join(p.eventAttributes(), ", "))
	}
	for _, c := range leaf.Conditions {
		switch c.Kind {
		case filterpolicy.KindNumber, filterpolicy.KindBool, filterpolicy.KindNull:
			return fmt.Sprintf("no event has %s in the attribute %s (the attributes of events are "+
				"text; filter numbers of the document by FilterPolicyWithMessageBody)",
				c, check.Quote(name))
		}
	}
	if name == contract.AttributeEventType {
		return p.constantMismatch(name, p.settings.publisher.Event.Type, leaf)
	}
	return p.textMismatch("attribute", name, name, leaf)
}

// envelope lists the members of an event beside data, with the value of those that are the same in
// all events. All of them are text.
func (p *OrderPipeline) envelope() map[string]string {
	event := p.settings.publisher.Event
	return map[string]string{
		"specversion": "1.0", "id": "", "source": event.Source, "type": event.Type,
		"subject": "", "time": "", "datacontenttype": "application/json",
	}
}

const dataMember = "data"

// bodyMismatch returns why no event matches the conditions on a member of its body.
func (p *OrderPipeline) bodyMismatch(leaf filterpolicy.Leaf) string {
	outer, name := leaf.Path[0], leaf.Name()
	envelope := p.envelope()
	constant, known := envelope[outer]
	missing := slices.ContainsFunc(leaf.Conditions, filterpolicy.Condition.MatchesMissing)
	switch {
	case outer == dataMember && len(leaf.Path) == 1:
		return `no event matches a condition on "data" itself (it is the order document, ` +
			`an object; nest conditions on its members below it)`
	case missing && (!known || len(leaf.Path) > 1):
		return ""
	case outer == dataMember:
		return p.documentMismatch(leaf)
	case !known:
		return fmt.Sprintf("no event has %s (events have %s and data; the order document is below "+
			"data)", check.Quote(name), strings.Join(slices.Sorted(maps.Keys(envelope)), ", "))
	case len(leaf.Path) > 1:
		return fmt.Sprintf("no event has %s (%s is text)", check.Quote(name), outer)
	case constant != "":
		return p.constantMismatch(name, constant, leaf)
	case !slices.ContainsFunc(leaf.Conditions, takesText):
		return fmt.Sprintf("no event has %s in %s (it is text)", leaf.Conditions[0], check.Quote(name))
	}
	return ""
}

func takesText(c filterpolicy.Condition) bool {
	return c.Kind == filterpolicy.KindText || c.Kind == filterpolicy.KindAny
}

// documentMismatch returns why no order document matches the conditions on a member.
func (p *OrderPipeline) documentMismatch(leaf filterpolicy.Leaf) string {
	var types []string
	for _, c := range leaf.Conditions {
		switch c.Kind {
		case filterpolicy.KindText:
			types = append(types, "string")
		case filterpolicy.KindNumber:
			types = append(types, "integer", "number")
		case filterpolicy.KindBool:
			types = append(types, "boolean")
		case filterpolicy.KindNull:
			types = append(types, "null")
		default:
			types = append(types, "string", "integer", "number", "boolean", "null")
		}
	}
	path := leaf.Path[1:]
	if err := p.settings.schema.CheckMember(path, types...); err != nil {
		return fmt.Sprintf("no event matches the conditions on %s (%v)", check.Quote(leaf.Name()), err)
	}
	if len(path) > 1 || !slices.Equal(slices.Compact(slices.Sorted(slices.Values(types))),
		[]string{"string"}) {
		return ""
	}
	return p.textMismatch("member", leaf.Name(), path[0], leaf)
}

// constantMismatch returns why the conditions do not match a text that all events have.
func (p *OrderPipeline) constantMismatch(name, value string, leaf filterpolicy.Leaf) string {
	if slices.ContainsFunc(leaf.Conditions, func(c filterpolicy.Condition) bool {
		return isToken(value) || c.MatchesText(value) || c.Exact != nil && isToken(*c.Exact)
	}) {
		return ""
	}
	return fmt.Sprintf("no event has %s in %s (in all events it is %s)",
		list(leaf.Conditions), check.Quote(name), check.Quote(value))
}

// textMismatch returns why no event has one of the texts in a field of the document.
func (p *OrderPipeline) textMismatch(what, name, field string, leaf filterpolicy.Leaf) string {
	for _, c := range leaf.Conditions {
		if c.Exact == nil || isToken(*c.Exact) {
			return ""
		}
		tooLong := what == "attribute" && (*c.Exact == "" || len(*c.Exact) > maxAttributeBytes)
		if !tooLong && p.settings.schema.AllowsText(field, *c.Exact) {
			return ""
		}
	}
	return fmt.Sprintf("no event has %s in the %s %s (the schema of the order document allows "+
		"other values only)", list(leaf.Conditions), what, check.Quote(name))
}

func isToken(text string) bool { return *awscdk.Token_IsUnresolved(text) }

// list returns conditions as text: "a" or "b".
func list(conditions []filterpolicy.Condition) string {
	var all []string
	for _, c := range conditions {
		all = append(all, c.String())
	}
	return strings.Join(all, " or ")
}
