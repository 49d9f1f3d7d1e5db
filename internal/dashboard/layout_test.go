package dashboard

import (
	"image"
	"os"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

// ruler is a canvas that keeps where texts are, by their widgets.
type ruler struct {
	t        *testing.T
	typeface *opentype.Font
	at       image.Point
	texts    map[image.Point][]measured
}

type measured struct {
	text string
	box  image.Rectangle // relative to the widget
}

func (r *ruler) origin(x, y int)                                       { r.at = image.Pt(x, y) }
func (r *ruler) rect(_, _, _, _, _ int, _ string, _ float64, _ string) {}
func (r *ruler) line(_, _, _, _ float64, _ string, _ bool)             {}
func (r *ruler) polyline([]point, string)                              {}
func (r *ruler) dot(point, string)                                     {}

func (r *ruler) text(x, y, size int, _, anchor, text string) {
	if text == "" {
		return
	}
	face, err := opentype.NewFace(r.typeface, &opentype.FaceOptions{Size: float64(size), DPI: 72})
	if err != nil {
		r.t.Fatal(err)
	}
	width := font.MeasureString(face, text).Ceil()
	x -= map[string]int{"start": 0, "middle": width / 2, "end": width}[anchor]
	r.texts[r.at] = append(r.texts[r.at], measured{text, image.Rect(x, y-size*3/4, x+width, y)})
}

// deployed is the dashboard of an environment, from its template.
func deployed(t *testing.T, env string) *Dashboard {
	t.Helper()
	template, err := os.ReadFile("../../test/snapshot/testdata/" + env + "-monitoring.json")
	if err != nil {
		t.Fatal(err)
	}
	d, err := FromTemplate(template, Values{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// At 1440 pixels every title, legend, number and alarm's name is inside its widget, and none is written over another.
func TestLayout(t *testing.T) {
	typeface, err := opentype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{"prod", "staging", "dev", "local"} {
		d := deployed(t, env)
		r := &ruler{t: t, typeface: typeface, texts: map[image.Point][]measured{}}
		data := Example(d)
		data.Note = "" // stands below the widgets
		draw(r, d, data)
		seen := 0
		for _, w := range d.Widgets {
			inside := image.Rect(4, 4, w.Width*column-4, w.Height*row-4)
			texts := r.texts[image.Pt(w.X*column, w.Y*row)]
			for i, one := range texts {
				seen++
				if !one.box.In(inside) {
					t.Errorf("%s, %q: %q is at %v, beyond its widget %v", env, w.Title, one.text, one.box, inside)
				}
				for _, other := range texts[:i] {
					if one.box.Overlaps(other.box) && one.text != other.text {
						t.Errorf("%s, %q: %q is written over %q", env, w.Title, one.text, other.text)
					}
				}
			}
		}
		if seen < 150 {
			t.Errorf("%s: sees only %d texts", env, seen)
		}
	}
}
