package snapshot

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/ordermonitoring"
	"github.com/orderpipeline/orderpipeline/stacks"
)

type resource struct {
	Type       string
	Properties map[string]any
}

func resourcesOf(t *testing.T, text, kind string) map[string]resource {
	t.Helper()
	var parsed struct{ Resources map[string]resource }
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatal(err)
	}
	found := map[string]resource{}
	for id, r := range parsed.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// Two environments in one account share no metric, because metric names are account-wide.
func TestEnvironmentsShareNoMetric(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"dev", "staging"} {
		app, env := newApp(t, name)
		env.Monitoring.Alarms = ordermonitoring.ProfileFull
		env.Monitoring.WithoutAlarms = nil
		_, monitoring := stacks.New(app, env)
		text, _ := templateOf(t, monitoring)
		alarms := resourcesOf(t, text, "AWS::CloudWatch::Alarm")
		if len(alarms) < 20 {
			t.Errorf("%s has %d alarms", name, len(alarms))
		}
		for id, alarm := range alarms {
			p := alarm.Properties
			if p["AlarmName"] != nil {
				t.Errorf("%s: the alarm has the fixed name %v", id, p["AlarmName"])
			}
			// The values are references to the orders stack by name, or names that contain it.
			dimensions, _ := json.Marshal(p["Dimensions"])
			if !strings.Contains(string(dimensions), "OrderPipeline-"+name) {
				t.Errorf("%s: dimensions of another environment: %s", id, dimensions)
			}
			metric := fmt.Sprint(p["Namespace"], p["MetricName"], string(dimensions))
			if before := seen[metric]; before != "" && before != name {
				t.Errorf("%s and %s share %s", before, name, metric)
			}
			seen[metric] = name
		}
		dashboards := resourcesOf(t, text, "AWS::CloudWatch::Dashboard")
		for id, d := range dashboards {
			if d.Properties["DashboardName"] != nil {
				t.Errorf("%s: the dashboard has the fixed name %v", id, d.Properties["DashboardName"])
			}
		}
		body, _ := json.Marshal(dashboards)
		other := "OrderPipeline-" + map[string]string{"dev": "staging", "staging": "dev"}[name]
		if !strings.Contains(string(body), "OrderPipeline-"+name) ||
			strings.Contains(string(body), other) {
			t.Errorf("the dashboard of %s shows %s", name, other)
		}
	}
}

// Prod has the ten alarm metrics that are free per organization.
func TestProdHasTenAlarms(t *testing.T) {
	_, _, monitoring := synth(t, "prod")
	text, _ := templateOf(t, monitoring)
	alarms := resourcesOf(t, text, "AWS::CloudWatch::Alarm")
	for id, alarm := range alarms {
		if alarm.Properties["Metrics"] != nil || alarm.Properties["MetricName"] == nil {
			t.Errorf("%s uses metric math, which is charged for each of its metrics", id)
		}
	}
	if n := len(alarms); n == 0 || n > 10 {
		t.Errorf("%d alarms", n)
	}
}

// Budgets have no fixed names, which would collide. The emulator has no budgets.
func TestBudgets(t *testing.T) {
	for name, want := range map[string]int{"dev": 1, "staging": 1, "prod": 1, "local": 0} {
		_, _, monitoring := synth(t, name)
		text, _ := templateOf(t, monitoring)
		budgets := resourcesOf(t, text, "AWS::Budgets::Budget")
		if len(budgets) != want {
			t.Errorf("%s has %d budgets", name, len(budgets))
		}
		for id, b := range budgets {
			budget := b.Properties["Budget"].(map[string]any)
			if budget["BudgetName"] != nil {
				t.Errorf("%s: %s has the fixed name %v", name, id, budget["BudgetName"])
			}
			filters := fmt.Sprint(budget["CostFilters"])
			if filters != "map[TagKeyValue:[user:OrderPipeline$"+name+"]]" {
				t.Errorf("%s: %s counts %s", name, id, filters)
			}
		}
	}
}

// Cost Anomaly Detection is opt-in. It monitors the tag of its environment, under a unique name.
func TestCostAnomaliesAreOptIn(t *testing.T) {
	for _, on := range []bool{false, true} {
		app, env := newApp(t, "staging")
		env.Monitoring.CostAnomalies = on
		_, monitoring := stacks.New(app, env)
		text, _ := templateOf(t, monitoring)
		monitors := resourcesOf(t, text, "AWS::CE::AnomalyMonitor")
		subscriptions := resourcesOf(t, text, "AWS::CE::AnomalySubscription")
		if (len(monitors) == 1) != on || len(subscriptions) != len(monitors) {
			t.Errorf("CostAnomalies %t: monitors %v", on, monitors)
		}
		for id, m := range monitors {
			specification, _ := m.Properties["MonitorSpecification"].(string)
			name, _ := m.Properties["MonitorName"].(string)
			if m.Properties["MonitorType"] != "CUSTOM" ||
				!strings.Contains(specification, `"OrderPipeline"`) ||
				!strings.Contains(specification, `"staging"`) || !strings.Contains(name, "staging") {
				t.Errorf("%s is %v", id, m.Properties)
			}
		}
	}
}

// The role with which API Gateway writes logs is retained, because other APIs may use it.
func TestAccountStack(t *testing.T) {
	app, env := newApp(t, "dev")
	text, _ := templateOf(t, stacks.NewAccountStack(app, "Account", env))
	accounts, roles := resourcesOf(t, text, "AWS::ApiGateway::Account"), resourcesOf(t, text, "AWS::IAM::Role")
	if len(accounts) != 1 || len(roles) != 1 {
		t.Fatalf("accounts %v, roles %v", accounts, roles)
	}
	for id := range roles {
		for _, account := range accounts {
			got, want := fmt.Sprint(account.Properties["CloudWatchRoleArn"]), "map[Fn::GetAtt:["+id+" Arn]]"
			if got != want {
				t.Errorf("the role is %s, want %s", got, want)
			}
		}
		policies := fmt.Sprint(roles[id].Properties["ManagedPolicyArns"])
		if !strings.Contains(policies, "AmazonAPIGatewayPushToCloudWatchLogs") {
			t.Errorf("the role has %s", policies)
		}
	}
	if n := strings.Count(text, `"DeletionPolicy": "Retain"`); n != 2 {
		t.Errorf("%d resources are retained, want both", n)
	}
}

func TestAccountStackIsOptIn(t *testing.T) {
	for account, want := range map[any]int{nil: 2, "true": 3, true: 3, "false": 2} {
		app, env := newApp(t, "dev")
		if account != nil {
			app.Node().SetContext(jsii.String("account"), account)
		}
		stacks.New(app, env)
		var ids []string
		for _, child := range *app.Node().Children() {
			id := *child.Node().Id()
			if strings.HasPrefix(id, "Orders") || id == "Monitoring" || id == "Account" {
				ids = append(ids, id)
			}
		}
		if len(ids) != want || slices.Contains(ids, "Account") != (want == 3) {
			t.Errorf("-c account=%v: stacks %s", account, ids)
		}
	}
}
