package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/dashboard"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

type dashboardCmd struct {
	Out     string        `help:"File to draw into, FILE.svg or FILE.png." required:"" placeholder:"FILE"`
	Since   time.Duration `help:"How far back the graphs go (${default})." default:"3h" placeholder:"TIME"`
	Empty   bool          `help:"Draw no datapoints: only what the code says, without asking the environment." xor:"data"`
	Example bool          `help:"Draw made-up datapoints, of a table that fails for a while, without asking the environment." xor:"data"`
}

// Help is the long help.
func (dashboardCmd) Help() string {
	return `Synthesizes the monitoring stack as the code is now and draws its dashboard: layout, titles, metrics, alarm lines. Where the
environment is deployed, with the states of its alarms and the datapoints that it holds. So a change can be looked at before it is
deployed.

Examples:

  orders dashboard --out dashboard.svg
  orders dashboard --env prod --since 24h --out prod.png
  orders dashboard --env prod --empty --out prod.svg
  orders dashboard --env prod --example --out docs/dashboard.svg`
}

// Run draws.
func (cmd *dashboardCmd) Run(ctx context.Context, a *app) error {
	draw := map[string]func(*dashboard.Dashboard, dashboard.Data) ([]byte, error){".svg": dashboard.SVG, ".png": dashboard.PNG}[filepath.Ext(cmd.Out)]
	if draw == nil {
		return &failure{what: fmt.Sprintf("--out is %q, and the picture is an SVG or a PNG", cmd.Out), next: "give it a name that ends in .svg or .png", status: usageStatus}
	}
	if cmd.Since < time.Minute {
		return &failure{what: "--since must be at least a minute", next: "3h is good", status: usageStatus}
	}
	root, err := local.Root()
	if err != nil {
		return err
	}
	template, err := synthesize(ctx, a, root)
	if err != nil {
		return err
	}
	env := environment{region: "REGION", outputs: map[string]string{}, absent: "none were asked for."}
	if !cmd.Empty && !cmd.Example {
		if err := env.read(ctx, a); err != nil {
			return err
		}
	}
	body, err := env.body(template)
	if err != nil {
		return err
	}
	d, err := dashboard.Parse(body)
	if err != nil {
		return err
	}
	data, err := cmd.data(ctx, a, &env, d)
	if err != nil {
		return err
	}
	picture, err := draw(d, data)
	if err != nil {
		return err
	}
	if err := os.WriteFile(cmd.Out, picture, 0o644); err != nil {
		return err
	}
	a.printf("%s\n", cmd.Out)
	return nil
}

// data is what the graphs show.
func (cmd *dashboardCmd) data(ctx context.Context, a *app, env *environment, d *dashboard.Dashboard) (dashboard.Data, error) {
	about := fmt.Sprintf("Environment %s, as synthesized.", a.target.Env)
	if cmd.Example {
		data := dashboard.Example(d)
		data.Note = about + " " + data.Note
		return data, nil
	}
	if env.cfg == nil {
		return dashboard.Data{Note: strings.TrimSpace(about + " No datapoints: " + env.absent)}, nil
	}
	to := time.Now().UTC().Truncate(time.Minute)
	data := dashboard.Data{From: to.Add(-cmd.Since), To: to, Note: fmt.Sprintf("%s Datapoints and states as of %s.", about, to.Format(time.RFC3339))}
	err := env.fill(ctx, d, &data)
	return data, err
}

// synthesize runs the app, without building the functions' code, and gives the monitoring stack's template.
func synthesize(ctx context.Context, a *app, root string) (map[string]any, error) {
	tools, err := local.Install(ctx, root, newClock(a.stderr).step)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err != nil {
		return nil, err
	}
	var settings struct{ Context map[string]any }
	if err := json.Unmarshal(text, &settings); err != nil {
		return nil, fmt.Errorf("cdk.json: %w", err)
	}
	if settings.Context == nil {
		settings.Context = map[string]any{}
	}
	settings.Context["env"] = a.target.Env
	settings.Context["aws:cdk:bundling-stacks"] = []string{}
	given, err := json.Marshal(settings.Context)
	if err != nil {
		return nil, err
	}
	out, err := os.MkdirTemp("", "orders-dashboard-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	var said bytes.Buffer
	command := exec.CommandContext(ctx, "go", "run", ".")
	command.Dir = root
	command.Env = append(tools.CDKEnviron(os.Environ()), "CDK_OUTDIR="+out, "CDK_CONTEXT_JSON="+string(given), "CDK_VALIDATION=false")
	command.Stderr = &said
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &failure{what: "the app cannot be synthesized: " + strings.TrimSpace(said.String()), next: "mend what it says, then try again", err: err}
	}
	text, err = os.ReadFile(filepath.Join(out, "Monitoring.template.json"))
	if err != nil {
		return nil, err
	}
	var template map[string]any
	return template, json.Unmarshal(text, &template)
}

// environment is what is deployed: what the template's references mean.
type environment struct {
	cfg     *aws.Config // nil: nothing is
	absent  string      // why
	region  string
	orders  string            // name of the orders stack
	outputs map[string]string // of the orders stack
	prefix  string            // of the alarms' names
	client  *cloudwatch.Client
}

// read finds the deployment; that there is none is no error.
func (e *environment) read(ctx context.Context, a *app) error {
	cfg, _, err := a.deployment(ctx)
	if absent := (*deployment.NotDeployedError)(nil); errors.As(err, &absent) {
		e.absent = "the environment is not deployed."
		return nil
	} else if err != nil {
		return err
	}
	e.cfg, e.region, e.orders = &cfg, cfg.Region, contract.StackName(a.target.Env)
	e.prefix = contract.MonitoringStackName(a.target.Env)
	described, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &e.orders})
	if err != nil {
		return err
	}
	for _, stack := range described.Stacks {
		for _, output := range stack.Outputs {
			e.outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
		}
	}
	e.client = (&doctor{app: a, cfg: cfg, d: &deployment.Deployment{Env: a.target.Env, Endpoint: aws.ToString(cfg.BaseEndpoint)}}).cloudWatch()
	return nil
}

// body is that of the dashboard in a template, references resolved as far as is known.
func (e *environment) body(template map[string]any) ([]byte, error) {
	resources, _ := template["Resources"].(map[string]any)
	for _, resource := range resources {
		r, _ := resource.(map[string]any)
		if r["Type"] == "AWS::CloudWatch::Dashboard" {
			properties, _ := r["Properties"].(map[string]any)
			return []byte(e.text(properties["DashboardBody"])), nil
		}
	}
	return nil, &failure{what: "the monitoring stack has no dashboard", next: "see DashboardProps.Disabled", status: 1}
}

// text of a value with references. What nothing is known of bears the name of its resource.
func (e *environment) text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if join, ok := v["Fn::Join"].([]any); ok && len(join) == 2 {
			var all strings.Builder
			parts, _ := join[1].([]any)
			for _, part := range parts {
				all.WriteString(e.text(part))
			}
			return all.String()
		}
		if attribute, ok := v["Fn::GetAtt"].([]any); ok && len(attribute) == 2 {
			return alarmName(fmt.Sprint(attribute[0]))
		}
		if ref, ok := v["Ref"].(string); ok {
			if ref == "AWS::Region" {
				return e.region
			}
			return ref
		}
		if output, ok := v["Fn::GetStackOutput"].(map[string]any); ok {
			name, _ := output["OutputName"].(string)
			if value := e.outputs[name]; value != "" {
				return value
			}
			return name
		}
	}
	return ""
}

// alarmName is the alarm's name in the construct: without the stack's constructs before it, and the hash behind.
func alarmName(logicalID string) string {
	_, name, found := strings.Cut(logicalID, "Alarm")
	if !found || len(name) < 9 {
		return logicalID
	}
	return name[:len(name)-8]
}

// fill gets states and datapoints.
func (e *environment) fill(ctx context.Context, d *dashboard.Dashboard, data *dashboard.Data) error {
	data.States = map[string]string{}
	pages := cloudwatch.NewDescribeAlarmsPaginator(e.client, &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: &e.prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the alarms: %w", err)
		}
		for _, alarm := range page.MetricAlarms {
			// STACK-CONSTRUCTSAlarmNAMEhash-RANDOM
			name := aws.ToString(alarm.AlarmName)
			if parts := strings.Split(strings.TrimPrefix(name, e.prefix+"-"), "-"); len(parts) > 0 {
				data.States[alarmName(parts[0])] = string(alarm.StateValue)
			}
		}
	}
	data.Series = map[[2]int]dashboard.Series{}
	for i, w := range d.Widgets {
		if len(w.Metrics) == 0 {
			continue
		}
		if err := e.series(ctx, i, w, data); err != nil {
			return fmt.Errorf("datapoints of %q: %w", w.Title, err)
		}
	}
	return nil
}

func (e *environment) series(ctx context.Context, widget int, w dashboard.Widget, data *dashboard.Data) error {
	var queries []cwtypes.MetricDataQuery
	at := map[string]int{}
	for i, m := range w.Metrics {
		id := m.ID
		if id == "" {
			id = fmt.Sprintf("auto%d", i)
		}
		at[id] = i
		q := cwtypes.MetricDataQuery{Id: &id, ReturnData: aws.Bool(!m.Hidden)}
		if m.Expression != "" {
			if e.cfg.BaseEndpoint != nil {
				continue // the emulator knows no metric math
			}
			q.Expression = aws.String(m.Expression)
			q.Period = aws.Int32(int32(m.Period))
		} else {
			stat := &cwtypes.MetricStat{Metric: &cwtypes.Metric{Namespace: &m.Namespace, MetricName: &m.Name}, Stat: &m.Statistic, Period: aws.Int32(int32(m.Period))}
			for name, value := range m.Dimensions {
				stat.Metric.Dimensions = append(stat.Metric.Dimensions, cwtypes.Dimension{Name: &name, Value: &value})
			}
			q.MetricStat = stat
		}
		queries = append(queries, q)
	}
	if !slices.ContainsFunc(queries, func(q cwtypes.MetricDataQuery) bool { return aws.ToBool(q.ReturnData) }) {
		return nil
	}
	pages := cloudwatch.NewGetMetricDataPaginator(e.client, &cloudwatch.GetMetricDataInput{
		MetricDataQueries: queries, StartTime: &data.From, EndTime: &data.To, ScanBy: cwtypes.ScanByTimestampAscending,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, result := range page.MetricDataResults {
			key := [2]int{widget, at[aws.ToString(result.Id)]}
			for i, t := range result.Timestamps {
				data.Series[key] = append(data.Series[key], dashboard.Point{At: t.UTC(), Value: result.Values[i]})
			}
		}
	}
	return nil
}
