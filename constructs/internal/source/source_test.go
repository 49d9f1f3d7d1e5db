package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDir(t *testing.T) {
	dir, err := Dir()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "lambdas", "processor", "main")); err != nil {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	here := t.TempDir()
	mod := []byte("module " + Module + "\n")
	if err := os.WriteFile(filepath.Join(here, "go.mod"), mod, 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("constructs", "internal", "source", "source.go")
	compiledFrom := filepath.Join(here, file)
	vendored := filepath.Join(t.TempDir(), "vendor", Module, file)
	trimmed := Module + "@v1.0.0/constructs/internal/source/source.go"
	list := func(dir string, err error) func() (string, error) {
		return func() (string, error) { return dir, err }
	}
	for _, test := range []struct {
		name, file string
		list       func() (string, error)
		want       string
		err        string
	}{
		{"in the folder it was compiled from", compiledFrom, nil, here, ""},
		{"-trimpath", trimmed, list(here, nil), here, ""},
		{"vendored", vendored, list("", nil), "", "it has no go.mod of that module"},
		{"vendored, with a folder", vendored, list("/consumer/vendor", nil), "",
			"/consumer/vendor has no go.mod of that module"},
		{"no Go", trimmed, list("", errors.New("go list -m: no go")), "", "go list -m: no go"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := find(test.file, test.list)
			if got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
			if test.err == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.err) ||
				!strings.Contains(err.Error(), "set each function's Code") {
				t.Errorf("error is %v, want %q and the remedy", err, test.err)
			}
		})
	}
}
