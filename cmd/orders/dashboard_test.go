package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/dashboard"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// The picture in the docs is that of the dashboard as it is. It is drawn anew by
//
//	orders dashboard --env prod --example --out docs/dashboard.svg
func TestDashboardInDocs(t *testing.T) {
	snapshot, err := os.ReadFile("../../test/snapshot/testdata/prod-monitoring.json")
	if err != nil {
		t.Fatal(err)
	}
	cmd := dashboardCmd{Example: true}
	d, data, err := cmd.read(t.Context(), &app{target: deployment.Target{Env: "prod"}}, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	want, err := dashboard.SVG(d, data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/dashboard.svg")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(string(want), "\n")); diff != "" {
		t.Errorf("docs/dashboard.svg is out of date: orders dashboard --env prod --example --out docs/dashboard.svg (-docs +now):\n%s", diff)
	}
	// The story is told: datapoints everywhere, an alarm that is on, and nothing that the example does not know.
	for i, w := range d.Widgets {
		for k, m := range w.Metrics {
			if !m.Hidden && len(data.Series[[2]int{i, k}]) == 0 {
				t.Errorf("%s: no datapoints for %s %s", w.Title, m.Name, m.Label)
			}
		}
	}
}

func TestDashboardUsage(t *testing.T) {
	for args, want := range map[string]string{
		"dashboard":                              "--out",
		"dashboard --out x.gif":                  "ends in .svg or .png",
		"dashboard --out x.svg --since 1s":       "--since",
		"dashboard --out x.svg --since sometime": "--since",
	} {
		var said strings.Builder
		status := run(context.Background(), strings.Fields(args), &app{stdout: &said, stderr: &said})
		if status != failure.StatusUsage || !strings.Contains(said.String(), want) {
			t.Errorf("%s: status %d, says %s", args, status, said.String())
		}
	}
}
