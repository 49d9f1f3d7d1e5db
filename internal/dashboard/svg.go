package dashboard

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Series is the datapoints of one metric or expression, oldest first.
type Series []Point

// Point of a series.
type Point struct {
	// At is the start of the period.
	At time.Time
	// Value in the metric's unit.
	Value float64
}

// Data is what an environment holds. The zero value draws a dashboard without datapoints.
type Data struct {
	// From and To are the time that the graphs show.
	From, To time.Time
	// Series by widget and metric: the indexes into Dashboard.Widgets and Widget.Metrics.
	Series map[[2]int]Series
	// States of the alarms by what Widget.Alarms has: OK, ALARM or INSUFFICIENT_DATA.
	States map[string]string
	// Note in the last line, such as where the datapoints are from.
	Note string
}

const (
	// Width of the picture in pixels.
	Width = 1440

	column, row  = Width / 24, 44
	left, right  = 52, 12 // of a graph, inside its widget
	top, legends = 30, 26
)

// colors are CloudWatch's own for the first ten metrics of a graph.
var colors = []string{"#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf", "#aec7e8"}

var stateColors = map[string]string{"OK": "#1d8102", "ALARM": "#d13212", "INSUFFICIENT_DATA": "#687078"}

// SVG draws the dashboard: layout, titles, metrics, alarm lines, and the datapoints that there are.
func SVG(d *Dashboard, data Data) []byte {
	p := &picture{}
	bottom := 0
	for _, w := range d.Widgets {
		bottom = max(bottom, w.Y+w.Height)
	}
	height := bottom*row + 24
	p.addf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="Helvetica,Arial,sans-serif" font-size="11">`, Width, height, Width, height)
	p.addf(`<rect width="%d" height="%d" fill="#f2f3f3"/>`, Width, height)
	for i, w := range d.Widgets {
		x, y, width, height := w.X*column, w.Y*row, w.Width*column, w.Height*row
		p.addf(`<g transform="translate(%d,%d)">`, x, y)
		p.addf(`<rect x="3" y="3" width="%d" height="%d" rx="3" fill="#fff" stroke="#d5dbdb"/>`, width-6, height-6)
		switch w.Type {
		case "text":
			p.text(14, 27, "15", "#16191f", "start", plain(w.Markdown))
		case "alarm":
			p.alarms(w, data, width)
		default:
			p.graph(i, w, data, width, height)
		}
		p.addf(`</g>`)
	}
	p.text(8, height-8, "11", "#687078", "start", data.Note)
	p.addf(`</svg>`)
	return []byte(p.String())
}

type picture struct{ strings.Builder }

func (p *picture) addf(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *picture) text(x, y int, size, color, anchor, text string) {
	if text != "" {
		p.addf(`<text x="%d" y="%d" font-size="%s" fill="%s" text-anchor="%s">%s</text>`, x, y, size, color, anchor, html.EscapeString(text))
	}
}

// plain takes the signs out of the little Markdown that there is.
func plain(markdown string) string {
	text := strings.ReplaceAll(markdown, "**", "")
	for {
		before, rest, found := strings.Cut(text, "](")
		if !found {
			return strings.ReplaceAll(text, "[", "")
		}
		_, after, _ := strings.Cut(rest, ")")
		text = before + after
	}
}

func (p *picture) alarms(w Widget, data Data, width int) {
	p.text(14, 22, "13", "#16191f", "start", w.Title)
	const perRow = 6
	tile := (width - 20) / perRow
	for i, alarm := range w.Alarms {
		x, y := 10+i%perRow*tile, 32+i/perRow*row
		state := data.States[alarm]
		color := cmp.Or(stateColors[state], "#aab7b8")
		p.addf(`<rect x="%d" y="%d" width="%d" height="%d" rx="3" fill="%s" fill-opacity="0.15" stroke="%s"/>`, x+2, y, tile-4, row-6, color, color)
		p.text(x+10, y+17, "12", "#16191f", "start", alarm)
		p.text(x+10, y+31, "10", color, "start", cmp.Or(state, "not deployed"))
	}
}

func (p *picture) graph(index int, w Widget, data Data, width, height int) {
	p.text(14, 21, "13", "#16191f", "start", w.Title)
	var shown []int
	for i, m := range w.Metrics {
		if !m.Hidden {
			shown = append(shown, i)
		}
	}
	slot := 120 // of a legend
	for _, i := range shown {
		slot = max(slot, 26+6*utf8.RuneCountInString(caption(w.Metrics[i])))
	}
	perLine := max(1, (width-left-right)/slot)
	lines := (len(shown) + perLine - 1) / perLine
	x0, x1, y0, y1 := left, width-right, top+8, height-legends-14*lines
	series := make([]Series, len(shown))
	highest := 0.0
	stacked := map[time.Time]float64{}
	for k, i := range shown {
		for _, point := range data.Series[[2]int{index, i}] {
			if w.Stacked { // one above the other
				stacked[point.At] += point.Value
				point.Value = stacked[point.At]
			}
			series[k] = append(series[k], point)
			highest = max(highest, point.Value)
		}
	}
	for _, line := range w.Lines {
		highest = max(highest, line.Value*1.15)
	}
	scale := nice(highest)
	y := func(v float64) float64 { return float64(y1) - v/scale*float64(y1-y0) }
	for i := range 5 {
		v := scale * float64(i) / 4
		p.addf(`<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#eaeded"/>`, x0, y(v), x1, y(v))
		p.text(x0-6, int(y(v))+4, "10", "#687078", "end", number(v))
	}
	p.text(14, y0-4, "9", "#687078", "start", w.Unit)
	if span := data.To.Sub(data.From); span > 0 {
		at := func(t time.Time) float64 { return float64(x0) + float64(t.Sub(data.From))/float64(span)*float64(x1-x0) }
		for i := range 4 {
			t := data.From.Add(span * time.Duration(i) / 3)
			p.text(int(at(t)), y1+12, "9", "#687078", []string{"start", "middle", "middle", "end"}[i], t.UTC().Format("15:04"))
		}
		for k, s := range slices.Backward(series) { // the first is drawn last, on top
			var points []string
			for _, point := range s {
				if !point.At.Before(data.From) && !point.At.After(data.To) {
					points = append(points, fmt.Sprintf("%.1f,%.1f", at(point.At), y(point.Value)))
				}
			}
			color := colors[k%len(colors)]
			if len(points) == 1 {
				px, py, _ := strings.Cut(points[0], ",")
				p.addf(`<circle cx="%s" cy="%s" r="2.5" fill="%s"/>`, px, py, color)
			} else if len(points) > 1 {
				p.addf(`<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`, strings.Join(points, " "), color)
			}
		}
	}
	for _, line := range w.Lines {
		p.addf(`<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#d13212" stroke-dasharray="5 3"/>`, x0, y(line.Value), x1, y(line.Value))
		p.text(x1, int(y(line.Value))-4, "10", "#d13212", "end", line.Label+" "+number(line.Value))
	}
	for k, i := range shown {
		x, y := left+k%perLine*slot, height-12-14*(lines-1-k/perLine)
		p.addf(`<rect x="%d" y="%d" width="10" height="3" fill="%s"/>`, x, y-5, colors[k%len(colors)])
		p.text(x+14, y, "10", "#16191f", "start", caption(w.Metrics[i]))
	}
}

func caption(m Metric) string {
	if m.Expression != "" {
		return m.Label
	}
	label := cmp.Or(m.Label, m.Name)
	return label + " · " + m.Statistic
}

// nice is a round number that is not below v, for an axis.
func nice(v float64) float64 {
	if v <= 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 4, 5, 10} {
		if step*power >= v*(1-1e-9) {
			return step * power
		}
	}
	return 10 * power
}

// number is short: 0.05, 1.2k, 3M.
func number(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= unit.size {
			return strconv.FormatFloat(v/unit.size, 'g', 3, 64) + unit.name
		}
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
