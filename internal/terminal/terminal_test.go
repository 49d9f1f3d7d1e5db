package terminal

import (
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	var out strings.Builder
	table := NewTable("NAME", "N")
	table.Row("a\x1b[31m", 1)
	table.Row("longer", 22)
	table.Print(&out)
	if want := "NAME     N\na�[31m   1\nlonger  22\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	out.Reset()
	table = NewTable()
	table.Row("region", "us-east-1")
	table.Print(&out)
	if want := "region  us-east-1\n"; out.String() != want {
		t.Errorf("without a header: got %q, want %q", out.String(), want)
	}
}

func TestTexts(t *testing.T) {
	for got, want := range map[string]string{
		Count(1, "order"):                     "1 order",
		Count(0, "order"):                     "0 orders",
		Count(3, "retry"):                     "3 retries",
		Age(-time.Second):                     "0s",
		Age(90 * time.Second):                 "1m",
		Age(47 * time.Hour):                   "47h",
		Age(72 * time.Hour):                   "3d",
		OneLine(" a\n\tb  c "):                "a b c",
		Sanitize("a\tb\nc\x1b[2J\u009b1m"):    "a\tb\nc�[2J�1m",
		List([]string{"a", "b"}, 2):           "a, b",
		List([]string{"a", "b", "c", "d"}, 2): "a, b, and 2 more",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestJSONKeepsItsBytes(t *testing.T) {
	var out strings.Builder
	if err := JSON(&out, map[string]string{"a": "<&>"}, false); err != nil || out.String() != "{\"a\":\"<&>\"}\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

// What is not a terminal gets no progress bar.
func TestProgressOutsideATerminal(t *testing.T) {
	var out strings.Builder
	add, finish := Progress(&out, 3, "%d of %d")
	add(2)
	finish()
	if out.Len() > 0 {
		t.Errorf("printed %q", out.String())
	}
}
