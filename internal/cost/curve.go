package cost

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/guptarohit/asciigraph"

	"github.com/orderpipeline/orderpipeline/internal/prices"
)

// Curve is the bill from a thousand to a billion orders.
type Curve struct {
	// Orders are the points, evenly spread over the decades.
	Orders []float64 `json:"orders"`
	// List, WithFree and Reference are the totals at each.
	List      []float64 `json:"list"`
	WithFree  []float64 `json:"withFreeTier"`
	Reference []float64 `json:"reference"`
}

const (
	firstDecade, lastDecade = 3, 9
	perDecade               = 10
)

// Curve computes the bill for numbers of orders from a thousand to a billion.
func (s *System) Curve(w Workload, list prices.List) (*Curve, error) {
	c := &Curve{}
	for i := range (lastDecade-firstDecade)*perDecade + 1 {
		w.Orders = Count(math.Round(math.Pow(10, firstDecade+float64(i)/perDecade)))
		b, err := s.Bill("", w, list)
		if err != nil {
			return nil, err
		}
		c.Orders = append(c.Orders, float64(w.Orders))
		c.List = append(c.List, b.List)
		c.WithFree = append(c.WithFree, b.WithFree)
		c.Reference = append(c.Reference, Reference(w.Orders, list).List)
	}
	return c, nil
}

// legends are the names of the three lines.
var legends = []string{"list", "with free tier", "reference design, list"}

func (c *Curve) logs() [][]float64 {
	var all [][]float64
	for _, amounts := range [][]float64{c.List, c.WithFree, c.Reference} {
		var logs []float64
		for _, amount := range amounts {
			logs = append(logs, math.Log10(max(amount, 0.001))) // nothing has no logarithm
		}
		all = append(all, logs)
	}
	return all
}

// Text draws the curve for a terminal, both axes logarithmic.
func (c *Curve) Text() string {
	marks := []string{"*", "+", "."}
	var sets []asciigraph.CharSet
	for _, mark := range marks {
		sets = append(sets, asciigraph.CreateCharSet(mark))
	}
	var caption []string
	for i, legend := range legends {
		caption = append(caption, marks[i]+" "+legend)
	}
	return asciigraph.PlotMany(c.logs(), asciigraph.Height(18), asciigraph.Width(72),
		asciigraph.SeriesChars(sets...),
		asciigraph.YAxisValueFormatter(func(v float64) string { return money(math.Pow(10, v)) }),
		asciigraph.XAxisRange(firstDecade, lastDecade), asciigraph.XAxisTickCount(7),
		asciigraph.XAxisValueFormatter(func(v float64) string { return short(v) }),
		asciigraph.Caption("USD per month by orders per month: "+strings.Join(caption, ", "))) + "\n"
}

// short names a power of ten: 1k, 10M.
func short(decade float64) string {
	n, unit := math.Pow(10, math.Round(decade)), ""
	for _, next := range []string{"k", "M", "B"} {
		if n >= 1000 {
			n, unit = n/1000, next
		}
	}
	return fmt.Sprintf("%.0f%s", n, unit)
}

// SVG draws the curve as a picture, both axes logarithmic.
func (c *Curve) SVG(title string) []byte {
	const width, height, left, right, top, bottom = 760, 440, 70, 20, 40, 70
	colors := []string{"#1f77b4", "#2ca02c", "#d13212"}
	logs := c.logs()
	low, high := 0.0, 0.0
	for _, series := range logs {
		for _, v := range series {
			low, high = min(low, math.Floor(v)), max(high, math.Ceil(v))
		}
	}
	x := func(decade float64) float64 {
		return left + (decade-firstDecade)/(lastDecade-firstDecade)*(width-left-right)
	}
	y := func(v float64) float64 { return top + (high-v)/(high-low)*(height-top-bottom) }
	var out strings.Builder
	addf := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	label := func(x, y float64, anchor, text string) {
		addf(`<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, html.EscapeString(text))
	}
	grid := func(x0, y0, x1, y1 float64) {
		addf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#d5dbdb"/>`, x0, y0, x1, y1)
	}
	addf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" `+
		`font-family="Helvetica,Arial,sans-serif" font-size="12" fill="#16191f">`,
		width, height, width, height)
	addf(`<rect width="%d" height="%d" fill="#ffffff"/>`, width, height)
	label(left, 24, "start", title)
	for d := float64(firstDecade); d <= lastDecade; d++ {
		grid(x(d), top, x(d), height-bottom)
		label(x(d), height-bottom+18, "middle", short(d))
	}
	for v := low; v <= high; v++ {
		grid(left, y(v), width-right, y(v))
		label(left-8, y(v)+4, "end", fmt.Sprintf("%g", math.Pow(10, v)))
	}
	label(left, height-bottom+38, "start", "orders per month; USD per month")
	for i, series := range logs {
		var points []string
		for j, v := range series {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(math.Log10(c.Orders[j])), y(v)))
		}
		addf(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`,
			strings.Join(points, " "), colors[i])
		at := left + float64(i)*190
		addf(`<rect x="%.1f" y="%d" width="14" height="4" fill="%s"/>`, at, height-17, colors[i])
		label(at+20, height-12, "start", legends[i])
	}
	addf(`</svg>`)
	return []byte(out.String())
}
