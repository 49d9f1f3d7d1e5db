package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/cost"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/internal/prices"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

type costCmd struct {
	Template []string `placeholder:"FILE" help:"Template in JSON, or a cdk.out folder; repeatable."`
	Compare  []string `placeholder:"ENV,…" help:"Show these environments side by side."`

	Orders       cost.Count  `default:"100000" placeholder:"N" help:"Orders per month: 100k, 10M, 1B."`
	Size         cost.Size   `default:"1KB" placeholder:"SIZE" help:"Size of an order document."`
	Batch        int         `default:"1" placeholder:"N" help:"Orders per call, 1 to 25."`
	Subscribers  int         `default:"2" placeholder:"N" help:"Subscriptions, the template's first."`
	StatusChecks float64     `default:"1" placeholder:"N" help:"GET requests per order."`
	Duplicates   cost.Share  `default:"1%" placeholder:"SHARE" help:"Orders that were posted before."`
	Refused      cost.Share  `default:"0.1%" placeholder:"SHARE" help:"Orders that are refused."`
	Peak         cost.Factor `default:"10x" placeholder:"FACTOR" help:"Busiest hour to the average."`
	Months       float64     `default:"1" placeholder:"N" help:"Months of orders in the table."`

	Prices string `placeholder:"FILE" help:"Price file, instead of internal/prices/prices.json."`
	Curve  bool   `help:"Draw the bill from a thousand to a billion orders."`
	SVG    string `name:"svg" placeholder:"FILE" help:"Write that curve as a picture."`
	JSON   bool   `help:"Print the bill as JSON."`
}

// Help is the long help.
func (costCmd) Help() string {
	return `Computes what AWS charges for a month: line by line, at list price and after the
always-free tier, next to the reference design and to the least that this chain can cost. It needs
no AWS account.

By default it synthesizes the environment of --env. With --template it reads templates that are
there (the files of a cdk.out folder, or what 'aws cloudformation get-template' returns), of any
stack that holds an OrderPipeline; give the monitoring stack's as well. Each pipeline in them gets
the whole workload. What the bill has no line for is listed at its end.

Prices are those of --region (us-east-1 when not given): internal/prices/prices.json, or a file in
its format. The calls and the processor time of an order are measured; the file
internal/cost/measurements.json has their date, and the command that measures again.

Not in the bill: taxes, discounts, support, cold starts, traffic of a VPC, retries after failures.

Examples:

  orders cost --env prod
  orders cost --env prod --orders 10M --batch 25
  orders cost --compare prod,staging
  orders cost --env prod --region eu-central-1 --curve --svg cost.svg
  orders cost --template cdk.out --json | jq .withFreeTier`
}

// Run computes and prints.
func (cmd *costCmd) Run(ctx context.Context, a *app) error {
	list, err := cmd.list(cmp.Or(a.target.Region, prices.DefaultRegion))
	if err != nil {
		return err
	}
	systems, err := cmd.systems(ctx, a)
	if err != nil {
		return err
	}
	var bills []*cost.Bill
	for _, s := range systems {
		bill, err := s.Bill(s.name, cmd.workload(), list)
		if err != nil {
			return failure.Usage(err.Error(), program()+" cost --help lists the flags")
		}
		bills = append(bills, bill)
	}
	switch {
	case cmd.JSON && len(bills) == 1:
		return cmd.json(a, systems[0], bills[0], list)
	case cmd.JSON:
		return terminal.JSON(a.stdout, bills, true)
	case len(bills) > 1:
		cost.Compare(a.stdout, bills)
		return nil
	}
	bills[0].Print(a.stdout)
	if !cmd.Curve && cmd.SVG == "" {
		return nil
	}
	curve, err := systems[0].Curve(cmd.workload(), list)
	if err != nil {
		return err
	}
	if cmd.Curve {
		a.printf("\n%s", curve.Text())
	}
	return cmd.picture(bills[0], curve)
}

func (cmd *costCmd) workload() cost.Workload {
	return cost.Workload{
		Orders: cmd.Orders, Size: cmd.Size, Batch: cmd.Batch, Subscribers: cmd.Subscribers,
		StatusChecks: cmd.StatusChecks, Duplicates: cmd.Duplicates, Refused: cmd.Refused,
		Peak: cmd.Peak, Months: cmd.Months,
	}
}

// list reads the prices.
func (cmd *costCmd) list(region string) (prices.List, error) {
	const next = "give --region one of its regions, or --prices a file in the format of " +
		"internal/prices/prices.json"
	if cmd.Prices == "" {
		list, err := prices.In(region)
		if err != nil {
			return list, failure.Usage("--region: "+err.Error(), next)
		}
		return list, nil
	}
	text, err := os.ReadFile(cmd.Prices)
	if err != nil {
		return prices.List{}, failure.Usage("--prices: "+err.Error(), "give a file that can be read")
	}
	list, err := prices.Parse(text, region)
	if err != nil {
		return list, failure.Usage(fmt.Sprintf("--prices: %s: %v", cmd.Prices, err), next)
	}
	return list, nil
}

// system is what one bill is for.
type system struct {
	*cost.System
	name string
}

// systems reads the templates, or synthesizes the environments.
func (cmd *costCmd) systems(ctx context.Context, a *app) (all []system, err error) {
	if len(cmd.Compare) > 0 && (len(cmd.Template) > 0 || cmd.Curve || cmd.SVG != "") {
		return nil, failure.Usage("--compare cannot be combined with --template, --curve or --svg",
			"compare environments, or read templates one by one")
	}
	if len(cmd.Template) > 0 {
		templates, err := readTemplates(cmd.Template)
		if err != nil {
			return nil, err
		}
		read, err := cost.Read(templates...)
		if err != nil {
			return nil, failure.Usage("--template: "+err.Error(), "give the template of a stack that "+
				"holds an OrderPipeline, and of its monitoring stack")
		}
		var names []string
		for _, path := range cmd.Template {
			name, _, _ := strings.Cut(filepath.Base(path), ".")
			names = append(names, name)
		}
		return []system{{read, strings.Join(names, ", ")}}, nil
	}
	environments := cmd.Compare
	if len(environments) == 0 {
		environments = []string{a.target.Env}
	}
	for _, env := range environments {
		if !environmentName.MatchString(env) {
			return nil, failure.Usage(fmt.Sprintf("--compare: %q is not a valid name", env),
				"write --compare prod,staging")
		}
	}
	root, err := local.Root()
	if err != nil {
		return nil, err
	}
	tools, err := local.Install(ctx, root, terminal.NewSteps(a.stderr).Step)
	if err != nil {
		return nil, err
	}
	for _, env := range environments {
		templates, err := tools.Synthesize(ctx, env)
		if err != nil {
			return nil, err
		}
		read, err := cost.Read(slices.Collect(maps.Values(templates))...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", env, err)
		}
		all = append(all, system{read, env})
	}
	return all, nil
}

// readTemplates reads files, and the templates in cdk.out folders.
func readTemplates(paths []string) (templates [][]byte, err error) {
	for _, path := range paths {
		files := []string{path}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			files, _ = filepath.Glob(filepath.Join(path, "*.template.json"))
			if len(files) == 0 {
				return nil, failure.Usage(fmt.Sprintf("--template: no *.template.json in %s", path),
					"run cdk synth first, or give a template")
			}
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, failure.Usage(fmt.Sprintf("--template: no file %s", file),
					"give a template in JSON, or a cdk.out folder")
			} else if err != nil {
				return nil, fmt.Errorf("--template: %w", err)
			}
			templates = append(templates, text)
		}
	}
	return templates, nil
}

// json prints one bill with what stands next to it.
func (cmd *costCmd) json(a *app, s system, bill *cost.Bill, list prices.List) error {
	answer := struct {
		*cost.Bill
		ReferenceClaim float64     `json:"referenceClaim"`
		Reference      *cost.Bill  `json:"reference"`
		Floor          *cost.Bill  `json:"floor"`
		Curve          *cost.Curve `json:"curve,omitempty"`
	}{
		bill, cost.ReferenceClaim,
		cost.Reference(cmd.Orders, list), cost.Floor(cmd.workload(), list), nil,
	}
	if cmd.Curve || cmd.SVG != "" {
		curve, err := s.Curve(cmd.workload(), list)
		if err != nil {
			return err
		}
		answer.Curve = curve
		if err := cmd.picture(bill, curve); err != nil {
			return err
		}
	}
	return terminal.JSON(a.stdout, answer, true)
}

// picture writes the SVG, if it is asked for.
func (cmd *costCmd) picture(bill *cost.Bill, curve *cost.Curve) error {
	if cmd.SVG == "" {
		return nil
	}
	title := fmt.Sprintf("%s: monthly bill, %s, prices of %s", bill.Name, bill.Region, bill.Date)
	if err := os.WriteFile(cmd.SVG, curve.SVG(title), 0o644); err != nil {
		return failure.Usage("--svg: "+err.Error(), "give a file that can be written")
	}
	return nil
}
