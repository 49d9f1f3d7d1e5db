package dashboard

import (
	"fmt"
	"html"
	"strings"
)

// SVG draws the dashboard as text, so that a change to it shows in a diff.
func SVG(d *Dashboard, data Data) ([]byte, error) {
	width, height := size(d)
	c := &svg{}
	c.addf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" `+
		`font-family="Helvetica,Arial,sans-serif" font-size="11">`, width, height)
	c.addf(`<g>`)
	draw(c, d, data)
	c.addf(`</g>`)
	c.addf(`</svg>`)
	return []byte(c.String()), nil
}

type svg struct{ strings.Builder }

func (c *svg) addf(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

func (c *svg) origin(x, y int) { c.addf("</g>\n"+`<g transform="translate(%d,%d)">`, x, y) }

func (c *svg) rect(x, y, width, height, radius int, fill string, opacity float64, stroke string) {
	attributes := ""
	if radius > 0 {
		attributes += fmt.Sprintf(` rx="%d"`, radius)
	}
	attributes += fmt.Sprintf(` fill="%s"`, fill)
	if opacity < 1 {
		attributes += fmt.Sprintf(` fill-opacity="%g"`, opacity)
	}
	if stroke != "" {
		attributes += fmt.Sprintf(` stroke="%s"`, stroke)
	}
	c.addf(`<rect x="%d" y="%d" width="%d" height="%d"%s/>`, x, y, width, height, attributes)
}

func (c *svg) line(x0, y0, x1, y1 float64, color string, dashed bool) {
	dashes := ""
	if dashed {
		dashes = ` stroke-dasharray="5 3"`
	}
	c.addf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"%s/>`,
		x0, y0, x1, y1, color, dashes)
}

func (c *svg) polyline(points []point, color string) {
	var text []string
	for _, p := range points {
		text = append(text, fmt.Sprintf("%.1f,%.1f", p.x, p.y))
	}
	c.addf(`<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`,
		strings.Join(text, " "), color)
}

func (c *svg) dot(at point, color string) {
	c.addf(`<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`, at.x, at.y, color)
}

func (c *svg) text(x, y, size int, color, anchor, text string) {
	if text != "" {
		c.addf(`<text x="%d" y="%d" font-size="%d" fill="%s" text-anchor="%s">%s</text>`,
			x, y, size, color, anchor, html.EscapeString(text))
	}
}
