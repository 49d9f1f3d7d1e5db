package dashboard

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Series are the datapoints of one metric or expression, oldest first.
type Series []Point

// Point is a datapoint.
type Point struct {
	// At is the start of the period.
	At time.Time
	// Value in the metric's unit.
	Value float64
}

// Data is what CloudWatch holds for a dashboard. The zero value draws a dashboard without
// datapoints.
type Data struct {
	// From and To bound the time that the graphs show.
	From, To time.Time
	// Series by widget and metric: the indexes into Dashboard.Widgets and Widget.Metrics.
	Series map[[2]int]Series
	// States of the alarms, by their names in Widget.Alarms: OK, ALARM or INSUFFICIENT_DATA.
	States map[string]string
	// Note is the last line, such as where the datapoints are from.
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
var colors = []string{
	"#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b",
	"#e377c2", "#7f7f7f", "#bcbd22", "#17becf", "#aec7e8",
}

var stateColors = map[string]string{
	"OK": "#1d8102", "ALARM": "#d13212", "INSUFFICIENT_DATA": "#687078",
}

// canvas is what a dashboard is drawn on. Lengths are pixels, colors are those of HTML; "" draws
// nothing.
type canvas interface {
	// origin sets the origin of the coordinates of what follows.
	origin(x, y int)
	rect(x, y, width, height, radius int, fill string, opacity float64, stroke string)
	line(x0, y0, x1, y1 float64, color string, dashed bool)
	polyline(points []point, color string)
	dot(at point, color string)
	// text has its baseline at y; anchor is the part of it at x: start, middle or end.
	text(x, y, size int, color, anchor, text string)
}

type point struct{ x, y float64 }

// size returns the size of the picture.
func size(d *Dashboard) (width, height int) {
	bottom := 0
	for _, w := range d.Widgets {
		bottom = max(bottom, w.Y+w.Height)
	}
	return Width, bottom*row + 24
}

// draw draws layout, titles, legends, alarm lines and datapoints.
func draw(c canvas, d *Dashboard, data Data) {
	width, height := size(d)
	c.rect(0, 0, width, height, 0, "#f2f3f3", 1, "")
	p := picture{c}
	for i, w := range d.Widgets {
		c.origin(w.X*column, w.Y*row)
		width, height := w.Width*column, w.Height*row
		c.rect(3, 3, width-6, height-6, 3, "#ffffff", 1, "#d5dbdb")
		switch w.Type {
		case "text":
			c.text(14, 27, 15, "#16191f", "start", plain(w.Markdown))
		case "alarm":
			p.alarms(w, data, width)
		default:
			p.graph(i, w, data, width, height)
		}
	}
	c.origin(0, 0)
	c.text(8, height-8, 11, "#687078", "start", data.Note)
}

// picture draws widgets.
type picture struct{ canvas }

// plain removes the markup of bold text and links.
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

func (p picture) alarms(w Widget, data Data, width int) {
	p.text(14, 22, 13, "#16191f", "start", w.Title)
	const perRow = 6
	tile := (width - 20) / perRow
	for i, alarm := range w.Alarms {
		x, y := 10+i%perRow*tile, 32+i/perRow*row
		state := data.States[alarm]
		color := cmp.Or(stateColors[state], "#aab7b8")
		p.rect(x+2, y, tile-4, row-6, 3, color, 0.15, color)
		p.text(x+10, y+17, 12, "#16191f", "start", alarm)
		p.text(x+10, y+31, 10, color, "start", cmp.Or(state, "not deployed"))
	}
}

func (p picture) graph(index int, w Widget, data Data, width, height int) {
	x0, x1 := left, width-right
	p.text(14, 21, 13, "#16191f", "start", w.Title)
	p.text(x1, 21, 10, "#687078", "end", w.Unit)
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
	y0, y1 := top+8, height-legends-14*lines
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
		p.line(float64(x0), y(v), float64(x1), y(v), "#eaeded", false)
		p.text(x0-6, int(y(v))+4, 10, "#687078", "end", number(v))
	}
	if span := data.To.Sub(data.From); span > 0 {
		at := func(t time.Time) float64 {
			return float64(x0) + float64(t.Sub(data.From))/float64(span)*float64(x1-x0)
		}
		for i, anchor := range []string{"start", "middle", "middle", "end"} {
			t := data.From.Add(span * time.Duration(i) / 3)
			p.text(int(at(t)), y1+12, 9, "#687078", anchor, t.UTC().Format("15:04"))
		}
		for k, s := range slices.Backward(series) { // the first is drawn last, on top
			var points []point
			for _, v := range s {
				if !v.At.Before(data.From) && !v.At.After(data.To) {
					points = append(points, point{at(v.At), y(v.Value)})
				}
			}
			color := colors[k%len(colors)]
			if len(points) == 1 {
				p.dot(points[0], color)
			} else if len(points) > 1 {
				p.polyline(points, color)
			}
		}
	}
	for _, line := range w.Lines {
		p.line(float64(x0), y(line.Value), float64(x1), y(line.Value), "#d13212", true)
		label := line.Label + " " + number(line.Value)
		behind := 6 * utf8.RuneCountInString(label) // so that the label stays legible over the graph
		p.rect(x1-behind, int(y(line.Value))-14, behind, 12, 0, "#ffffff", 0.8, "")
		p.text(x1, int(y(line.Value))-4, 10, "#d13212", "end", label)
	}
	for k, i := range shown {
		x, y := left+k%perLine*slot, height-12-14*(lines-1-k/perLine)
		p.rect(x, y-5, 10, 3, 0, colors[k%len(colors)], 1, "")
		p.text(x+14, y, 10, "#16191f", "start", caption(w.Metrics[i]))
	}
}

func caption(m Metric) string {
	if m.Expression != "" {
		return m.Label
	}
	label := cmp.Or(m.Label, m.Name)
	return label + " · " + m.Statistic
}

// nice returns a round number that is not below v, for an axis.
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

// number formats a number in few characters: 0.05, 1.2k, 3M.
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
