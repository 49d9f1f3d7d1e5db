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
and the datapoints. So you can look at a change before you deploy it.

The datapoints of --example tell of a table that fails for a while.

Examples:

  orders dashboard --out dashboard.svg
  orders dashboard --env prod --since 24h --out prod.png
  orders dashboard --env prod --empty --out prod.svg
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
	root, err := local.Root()
	if err != nil {
		return err
	}
	tools, err := local.Install(ctx, root, terminal.NewSteps(a.stderr).Step)
	if err != nil {
		return err
	}
	templates, err := tools.Synthesize(ctx, a.target.Env)
	if err != nil {
		return err
	}
	d, data, err := cmd.read(ctx, a, templates["Monitoring"])
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
	data.To = time.Now().UTC().Truncate(time.Minute)
	data.From = data.To.Add(-cmd.Since)
	data.Note = strings.Join([]string{
		about, "Datapoints and states as of", data.To.Format(time.RFC3339) + "."}, " ")
	source := dashboard.Source{
		Client: deployment.CloudWatch(cfg), Stack: contract.MonitoringStackName(env),
		NoMetricMath: cfg.BaseEndpoint != nil,
	}
	return d, data, source.Read(ctx, d, &data)
}
