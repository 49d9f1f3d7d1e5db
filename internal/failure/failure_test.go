package failure

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	wrapped := fmt.Errorf("stack: %w", &Error{What: "not deployed", Next: "deploy it"})
	for name, test := range map[string]struct {
		err    error
		want   string
		status int
	}{
		"none":        {nil, "", 0},
		"plain":       {errors.New("broken"), "orders: broken\n", 1},
		"wrapped":     {wrapped, "orders: not deployed\n   ->   deploy it\n", 1},
		"usage":       {Usage("which queue?", "name it"), "orders: which queue?\n   ->   name it\n", 2},
		"status only": {&Error{Status: 3}, "", 3},
		"several": {
			errors.Join(errors.New("a"), &Error{What: "b", Status: 4}), "orders: a\norders: b\n", 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if status := Report(&out, test.err); status != test.status || out.String() != test.want {
				t.Errorf("status %d, %q; want %d, %q", status, out.String(), test.status, test.want)
			}
		})
	}
	if got := Usage("a", "b").Error(); got != "a (b)" {
		t.Errorf("Error() = %q", got)
	}
}
