package main

import (
	"os"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress is a bar on standard error, when that is a terminal. total is an estimate. add may be called from anywhere.
func (a *app) progress(total int, what string) (add func(n int), finish func()) {
	file, ok := a.stderr.(*os.File)
	if !ok || !isatty.IsTerminal(file.Fd()) {
		return func(int) {}, func() {}
	}
	bars := mpb.New(mpb.WithOutput(file), mpb.WithWidth(40))
	bar := bars.AddBar(int64(max(1, total)),
		mpb.PrependDecorators(decor.CountersNoUnit("%d of about %d "+what)),
		mpb.AppendDecorators(decor.AverageSpeed(0, "%.0f/s"), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_MMSS)))
	return bar.IncrBy, func() {
		if !bar.Completed() {
			bar.Abort(false)
		}
		bars.Wait()
	}
}

// newTable is a table without lines, that begins with the names of its columns.
func newTable(columns ...any) table.Writer {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	t.AppendHeader(columns)
	return t
}

// printTable prints a table without the blanks at the lines' ends.
func (a *app) printTable(t table.Writer) {
	for line := range strings.Lines(t.Render() + "\n") {
		a.printf("%s\n", strings.TrimRight(line, " \n"))
	}
}

// harmless is text from outside, fit for a terminal: nothing in it moves the cursor.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, text)
}
