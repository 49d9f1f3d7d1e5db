package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Values are what the references in a template stand for.
type Values struct {
	// Region is the region of the stack.
	Region string
	// Outputs are those of the orders stack. The value of a missing one is its name.
	Outputs map[string]string
}

// FromTemplate reads the dashboard of a synthesized monitoring stack. Alarms appear by the names
// that [AlarmName] returns.
func FromTemplate(template []byte, values Values) (*Dashboard, error) {
	body, err := templateBody(template, values)
	if err != nil {
		return nil, err
	}
	return Parse(body)
}

func templateBody(template []byte, values Values) ([]byte, error) {
	var stack struct {
		Resources map[string]struct {
			Type       string
			Properties struct{ DashboardBody any }
		}
	}
	if err := json.Unmarshal(template, &stack); err != nil {
		return nil, fmt.Errorf("monitoring template: %w", err)
	}
	for _, resource := range stack.Resources {
		if resource.Type == "AWS::CloudWatch::Dashboard" {
			return []byte(values.resolve(resource.Properties.DashboardBody)), nil
		}
	}
	return nil, errors.New("the monitoring stack has no dashboard (see DashboardProps.Disabled)")
}

// resolve returns the text of a value with references.
func (v Values) resolve(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case map[string]any:
		if join, ok := value["Fn::Join"].([]any); ok && len(join) == 2 {
			var all strings.Builder
			parts, _ := join[1].([]any)
			for _, part := range parts {
				all.WriteString(v.resolve(part))
			}
			return all.String()
		}
		if attribute, ok := value["Fn::GetAtt"].([]any); ok && len(attribute) == 2 {
			return AlarmName(fmt.Sprint(attribute[0]))
		}
		if ref, ok := value["Ref"].(string); ok {
			if ref == "AWS::Region" {
				return v.Region
			}
			return ref
		}
		if output, ok := value["Fn::GetStackOutput"].(map[string]any); ok {
			name, _ := output["OutputName"].(string)
			if known := v.Outputs[name]; known != "" {
				return known
			}
			return name
		}
	}
	return ""
}

// AlarmName returns the name that an alarm has in the construct, given its logical id: without the
// names of the constructs around it and without the hash.
func AlarmName(logicalID string) string {
	const hash = 8
	_, name, found := strings.Cut(logicalID, "Alarm")
	if !found || len(name) <= hash {
		return logicalID
	}
	return name[:len(name)-hash]
}
