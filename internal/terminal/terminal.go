// Package terminal is what the operator's command prints with: steps, a progress bar, tables, JSON,
// and text that is safe for a terminal.
package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Is reports whether w is a terminal.
func Is(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// Steps prints lines with the time since the start. It is safe for concurrent use.
type Steps struct {
	mu      sync.Mutex
	out     io.Writer
	started time.Time
}

// NewSteps starts the clock.
func NewSteps(out io.Writer) *Steps { return &Steps{out: out, started: time.Now()} }

// Step prints a line.
func (s *Steps) Step(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	elapsed := time.Since(s.started).Seconds()
	fmt.Fprintf(s.out, "[%6.1f s] %s\n", elapsed, fmt.Sprintf(format, args...))
}

// Progress draws a progress bar when w is a terminal, and nothing otherwise. The format of the
// counters has two numbers, done and total: "%d of about %d orders". add is safe for concurrent
// use; finish must be called once.
func Progress(w io.Writer, total int, counters string) (add func(n int), finish func()) {
	if !Is(w) {
		return func(int) {}, func() {}
	}
	bars := mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
	bar := bars.AddBar(int64(max(1, total)),
		mpb.PrependDecorators(decor.CountersNoUnit(counters)),
		mpb.AppendDecorators(
			decor.AverageSpeed(0, "%.0f/s"), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_MMSS)))
	return bar.IncrBy, func() {
		if !bar.Completed() {
			bar.Abort(false)
		}
		bars.Wait()
	}
}

// Table collects rows and aligns their columns.
type Table struct{ writer table.Writer }

// NewTable returns a table without borders. Without columns it has no header.
func NewTable(columns ...any) *Table {
	w := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	w.SetStyle(style)
	if len(columns) > 0 {
		w.AppendHeader(columns)
	}
	return &Table{w}
}

// Row adds a row. Its cells are sanitized.
func (t *Table) Row(cells ...any) {
	for i, cell := range cells {
		if text, ok := cell.(string); ok {
			cells[i] = Sanitize(text)
		}
	}
	t.writer.AppendRow(cells)
}

// Print prints the table without the blanks at the ends of its lines.
func (t *Table) Print(w io.Writer) {
	for line := range strings.Lines(t.writer.Render() + "\n") {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}

// JSON prints a value as JSON with its bytes as they are (no HTML escapes), indented or on one
// line.
func JSON(w io.Writer, value any, indent bool) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if indent {
		encoder.SetIndent("", "  ")
	}
	return encoder.Encode(value)
}

// Sanitize replaces control characters other than newlines and tabs, so that text from outside
// cannot move the cursor or change the colors.
func Sanitize(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// OneLine joins the words of a text with single spaces.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// Count returns "1 order", "2 orders", "3 retries".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, found := strings.CutSuffix(noun, "y"); found {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Age returns a duration in its largest unit: 4s, 3m, 5h, 12d.
func Age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// List joins texts with commas: the first limit of them, and how many more there are.
func List(texts []string, limit int) string {
	if len(texts) <= limit {
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(texts[:limit], ", "), len(texts)-limit)
}
