package dashboard

import (
	"bytes"
	"fmt"
	"image/color"

	"git.sr.ht/~sbinet/gg"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

// PNG draws the picture for where an SVG is not shown, such as a chat. It uses the Go font, so that
// it looks the same on every machine.
func PNG(d *Dashboard, data Data) ([]byte, error) {
	typeface, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("font: %w", err)
	}
	c := &bitmap{Context: gg.NewContext(size(d)), typeface: typeface, faces: map[int]font.Face{}}
	c.SetLineWidth(1)
	draw(c, d, data)
	if c.err != nil {
		return nil, c.err
	}
	var file bytes.Buffer
	if err := c.EncodePNG(&file); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}

type bitmap struct {
	*gg.Context
	x, y     float64 // origin
	typeface *opentype.Font
	faces    map[int]font.Face // by size
	err      error
}

func (c *bitmap) origin(x, y int) { c.x, c.y = float64(x), float64(y) }

func (c *bitmap) rect(
	x, y, width, height, radius int, fill string, opacity float64, stroke string,
) {
	c.DrawRoundedRectangle(c.x+float64(x), c.y+float64(y),
		float64(width), float64(height), float64(radius))
	c.setColor(fill, opacity)
	if stroke == "" {
		c.Fill()
		return
	}
	c.FillPreserve()
	c.setColor(stroke, 1)
	c.Stroke()
}

func (c *bitmap) line(x0, y0, x1, y1 float64, color string, dashed bool) {
	if dashed {
		c.SetDash(5, 3)
		defer c.SetDash()
	}
	c.DrawLine(c.x+x0, c.y+y0, c.x+x1, c.y+y1)
	c.setColor(color, 1)
	c.Stroke()
}

func (c *bitmap) polyline(points []point, color string) {
	for _, p := range points {
		c.LineTo(c.x+p.x, c.y+p.y)
	}
	c.setColor(color, 1)
	c.SetLineWidth(1.5)
	c.Stroke()
	c.SetLineWidth(1)
}

func (c *bitmap) dot(at point, color string) {
	c.DrawCircle(c.x+at.x, c.y+at.y, 2.5)
	c.setColor(color, 1)
	c.Fill()
}

func (c *bitmap) text(x, y, size int, color, anchor, text string) {
	face := c.faces[size]
	if face == nil {
		var err error
		options := &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingFull}
		if face, err = opentype.NewFace(c.typeface, options); err != nil {
			c.err = err
			return
		}
		c.faces[size] = face
	}
	c.SetFontFace(face)
	c.setColor(color, 1)
	ax := map[string]float64{"start": 0, "middle": 0.5, "end": 1}[anchor]
	c.DrawStringAnchored(text, c.x+float64(x), c.y+float64(y), ax, 0)
}

// setColor sets a color, #rrggbb.
func (c *bitmap) setColor(name string, opacity float64) {
	rgba := color.NRGBA{A: uint8(opacity * 255)}
	_, err := fmt.Sscanf(name, "#%02x%02x%02x", &rgba.R, &rgba.G, &rgba.B)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("color %q: %w", name, err)
	}
	c.SetColor(rgba)
}
