// Package dashboard reads and draws CloudWatch dashboards: the body that AWS documents under
// "Dashboard body structure and syntax", as far as this project's dashboards use it.
package dashboard

import (
	"encoding/json"
	"fmt"
)

// Dashboard is a grid of 24 columns.
type Dashboard struct{ Widgets []Widget }

// Widget is a text, a graph or a list of alarms on the dashboard.
type Widget struct {
	Type                string // "metric", "text" or "alarm"
	X, Y, Width, Height int
	Title               string
	Markdown            string   // of a text widget
	Alarms              []string // ARNs, of an alarm widget
	Metrics             []Metric
	Lines               []Line
	Unit                string // of the left axis
	Stacked             bool
}

// Metric is a metric of a graph, or an expression over others of the same graph.
type Metric struct {
	Namespace, Name string
	Dimensions      map[string]string
	Statistic       string
	Period          int // seconds
	Label           string
	Expression      string // instead of Namespace and Name
	ID              string
	Hidden          bool // used by an expression only
}

// Line is a horizontal line across a graph, such as the threshold of an alarm.
type Line struct {
	Label string
	Value float64
}

// Parse reads the body of a dashboard.
func Parse(body []byte) (*Dashboard, error) {
	var raw struct {
		Widgets []struct {
			Type                string
			X, Y, Width, Height int
			Properties          struct {
				Title, Markdown string
				Alarms          []string
				Metrics         [][]any
				Stacked         bool
				Stat            string
				Period          int
				Annotations     struct{ Horizontal []Line }
				YAxis           struct{ Left struct{ Label string } }
			}
		}
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, fmt.Errorf("dashboard body: %w", err)
	}
	d := &Dashboard{}
	for _, w := range raw.Widgets {
		p := w.Properties
		widget := Widget{
			Type: w.Type, X: w.X, Y: w.Y, Width: w.Width, Height: w.Height,
			Title: p.Title, Markdown: p.Markdown, Alarms: p.Alarms,
			Lines: p.Annotations.Horizontal, Unit: p.YAxis.Left.Label, Stacked: p.Stacked,
		}
		for _, m := range p.Metrics {
			metric, err := parseMetric(m, p.Stat, p.Period)
			if err != nil {
				return nil, fmt.Errorf("widget %q: %w", p.Title, err)
			}
			widget.Metrics = append(widget.Metrics, metric)
		}
		d.Widgets = append(d.Widgets, widget)
	}
	return d, nil
}

// parseMetric reads [namespace, name, dimension, value, ..., {options}] or [{expression}].
func parseMetric(fields []any, statistic string, period int) (Metric, error) {
	m := Metric{Statistic: statistic, Period: period, Dimensions: map[string]string{}}
	if m.Period == 0 {
		m.Period = 300 // CloudWatch's default
	}
	if m.Statistic == "" {
		m.Statistic = "Average"
	}
	var texts []string
	for _, field := range fields {
		switch v := field.(type) {
		case string:
			texts = append(texts, v)
		case map[string]any:
			option := func(name string) string { s, _ := v[name].(string); return s }
			m.Label, m.Expression, m.ID = option("label"), option("expression"), option("id")
			if s := option("stat"); s != "" {
				m.Statistic = s
			}
			if n, ok := v["period"].(float64); ok {
				m.Period = int(n)
			}
			if visible, ok := v["visible"].(bool); ok {
				m.Hidden = !visible
			}
		default:
			return m, fmt.Errorf("metric: unexpected %v", field)
		}
	}
	if m.Expression != "" {
		return m, nil
	}
	if len(texts) < 2 || len(texts)%2 != 0 {
		return m, fmt.Errorf(
			"metric: %q is not a namespace, a name, and pairs of dimension and value", texts)
	}
	m.Namespace, m.Name = texts[0], texts[1]
	for i := 2; i < len(texts); i += 2 {
		m.Dimensions[texts[i]] = texts[i+1]
	}
	return m, nil
}
