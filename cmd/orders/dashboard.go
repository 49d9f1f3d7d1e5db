package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/dashboard"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

type dashboardCmd struct {
	Out     string        `required:"" placeholder:"FILE" help:"The picture, FILE.svg or FILE.png."`
	Since   time.Duration `default:"3h" placeholder:"TIME" help:"How far back the graphs go."`
	Empty   bool          `xor:"data" help:"Draw no datapoints; do not read the environment."`
	Example bool          `xor:"data" help:"Draw made-up datapoints; do not read the environment."`
}

// Help is the long help.
func (dashboardCmd) Help() string {
	return `Synthesizes the monitoring stack of the code as it is and draws its dashboard: layout,
titles, metrics and alarm lines. Where the environment is deployed, it adds the states of the alarms
and the datapoints. So you can look at a change before you deploy it. With --stack it draws the
deployed dashboard of a pipeline in another app's stack instead.

The datapoints of --example tell of a table that fails for a while.

Examples:

  orders dashboard --out dashboard.svg
  orders dashboard --env prod --since 24h --out prod.png
  orders dashboard --env prod --empty --out prod.svg
  orders dashboard --stack Shop --out shop.svg
  orders dashboard --env prod --example --out docs/dashboard.svg`
}

// Run draws.
func (cmd *dashboardCmd) Run(ctx context.Context, a *app) error {
	draw := map[string]func(*dashboard.Dashboard, dashboard.Data) ([]byte, error){
		".svg": dashboard.SVG, ".png": dashboard.PNG,
	}[filepath.Ext(cmd.Out)]
	if draw == nil {
		return failure.Usage(fmt.Sprintf("--out: %q is neither an SVG nor a PNG", cmd.Out),
			"give it a name that ends in .svg or .png")
	}
	if cmd.Since < time.Minute {
		return failure.Usage("--since must be at least 1m", "3h is a good value")
	}
	read := cmd.synthesize
	if len(a.target.Stacks) > 0 {
		read = cmd.readStack
	}
	d, data, err := read(ctx, a)
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

// readStack reads the deployed dashboard of a pipeline in the stack of another app.
func (cmd *dashboardCmd) readStack(
	ctx context.Context, a *app,
) (d *dashboard.Dashboard, data dashboard.Data, err error) {
	cfg, deployed, err := a.deployment(ctx)
	if err != nil {
		return nil, data, err
	}
	var names []string
	for _, stack := range deployed.Stacks {
		found, err := deployment.Resources(ctx, cfg, stack, "AWS::CloudWatch::Dashboard")
		if err != nil {
			return nil, data, err
		}
		names = append(names, found...)
	}
	source := dashboard.Source{
		Client: deployment.CloudWatch(cfg), Stacks: deployed.Stacks,
		NoMetricMath: cfg.BaseEndpoint != nil,
	}
	if d, err = source.Deployed(ctx, names, deployed.ProcessorFunction); err != nil {
		return nil, data, err
	}
	if d == nil {
		return nil, data, &failure.Error{
			What: deployed.String() + " has no dashboard",
			Next: "ordermonitoring.NewOrderMonitoring makes one; " +
				"if it is in another stack, name both: --stack THIS,THAT",
		}
	}
	about := fmt.Sprintf("Stack %s, as deployed.", strings.Join(deployed.Stacks, ", "))
	switch {
	case cmd.Example:
		data = dashboard.Example(d)
		data.Note = about + " " + data.Note
		return d, data, nil
	case cmd.Empty:
		data.Note = about + " No datapoints, as requested."
		return d, data, nil
	}
	return d, data, cmd.readData(ctx, d, &data, &source, about)
}

// readData reads the datapoints and the states of the alarms.
func (cmd *dashboardCmd) readData(
	ctx context.Context, d *dashboard.Dashboard, data *dashboard.Data, source *dashboard.Source,
	about string,
) error {
	data.To = time.Now().UTC().Truncate(time.Minute)
	data.From = data.To.Add(-cmd.Since)
	data.Note = strings.Join([]string{
		about, "Datapoints and states as of", data.To.Format(time.RFC3339) + "."}, " ")
	return source.Read(ctx, d, data)
}

// synthesize reads the dashboard of the code as it is, with the data of its environment.
func (cmd *dashboardCmd) synthesize(
	ctx context.Context, a *app,
) (d *dashboard.Dashboard, data dashboard.Data, err error) {
	root, err := local.Root()
	if err != nil {
		return nil, data, err
	}
	tools, err := local.Install(ctx, root, terminal.NewSteps(a.stderr).Step)
	if err != nil {
		return nil, data, err
	}
	templates, err := tools.Synthesize(ctx, a.target.Env)
	if err != nil {
		return nil, data, err
	}
	return cmd.read(ctx, a, templates["Monitoring"])
}

// read reads the dashboard of a template and its data.
func (cmd *dashboardCmd) read(
	ctx context.Context, a *app, template []byte,
) (d *dashboard.Dashboard, data dashboard.Data, err error) {
	env := a.target.Env
	about := fmt.Sprintf("Environment %s, as synthesized.", env)
	if cmd.Empty || cmd.Example {
		d, err = dashboard.FromTemplate(template, dashboard.Values{Region: "REGION"})
		if err != nil {
			return nil, data, err
		}
		data.Note = "No datapoints, as requested."
		if cmd.Example {
			data = dashboard.Example(d)
		}
		data.Note = about + " " + data.Note
		return d, data, nil
	}
	cfg, _, err := a.deployment(ctx)
	if errors.As(err, new(*deployment.NotDeployedError)) {
		d, err = dashboard.FromTemplate(template, dashboard.Values{Region: "REGION"})
		data.Note = about + " No datapoints: the environment is not deployed."
		return d, data, err
	}
	if err != nil {
		return nil, data, err
	}
	outputs, err := deployment.Outputs(ctx, cfg, contract.StackName(env))
	if err != nil {
		return nil, data, err
	}
	values := dashboard.Values{Region: cfg.Region, Outputs: outputs}
	if d, err = dashboard.FromTemplate(template, values); err != nil {
		return nil, data, err
	}
	source := dashboard.Source{
		Client:       deployment.CloudWatch(cfg),
		Stacks:       []string{contract.MonitoringStackName(env)},
		NoMetricMath: cfg.BaseEndpoint != nil,
	}
	return d, data, cmd.readData(ctx, d, &data, &source, about)
}
