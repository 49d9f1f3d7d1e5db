package gobuild

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a module with a main package ./cmd into a new folder.
func module(t *testing.T, main string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.com/shop\n\ngo 1.24\n")
	write(t, dir, "cmd/main.go", main)
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const hello = "package main\n\nfunc main() { println(\"hello\") }\n"

func TestBuildIsReproducible(t *testing.T) {
	one := Build{Package: "./cmd", Dir: module(t, hello), GOOS: "linux", GOARCH: "arm64"}
	two := Build{Package: "./cmd", Dir: module(t, hello), GOOS: "linux", GOARCH: "arm64"}
	a, err := one.Run()
	if err != nil {
		t.Fatal(err)
	}
	// The consumer's settings stay out.
	t.Setenv("GOFLAGS", "-mod=mod -tags=own")
	t.Setenv("GOWORK", filepath.Join(t.TempDir(), "go.work"))
	t.Setenv("CGO_ENABLED", "1")
	b, err := two.Run()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the same source in two folders gives different binaries")
	}
	if bytes.Contains(a, []byte(one.Dir)) {
		t.Error("the binary names the folder it was built in")
	}
	file, err := elf.NewFile(bytes.NewReader(a))
	if err != nil {
		t.Fatal(err)
	}
	if file.Machine != elf.EM_AARCH64 || file.Section(".symtab") != nil {
		t.Errorf("machine %s, symbols %v; want arm64, stripped", file.Machine, file.Section(".symtab"))
	}
}

func TestBuildRunsOncePerProcess(t *testing.T) {
	b := Build{Package: "./cmd", Dir: module(t, hello), GOOS: "linux", GOARCH: "amd64"}
	first, err := b.Run()
	if err != nil {
		t.Fatal(err)
	}
	write(t, b.Dir, "cmd/main.go", "broken")
	again, err := b.Run()
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("built again: %v", err)
	}
	Register("code", b)
	if got, ok := Of("code"); !ok || got != b {
		t.Errorf("the code's build is %v", got)
	}
	if _, ok := Of("other code"); ok {
		t.Error("Of returns a build for code that was never registered")
	}
}

func TestBuildFails(t *testing.T) {
	for _, test := range []struct {
		name, main string
		want       []string
	}{
		{"does not compile", "package main\n\nfunc main() { undefined() }\n",
			[]string{"golambda: building ./cmd for linux/arm64 in ", "undefined: undefined"}},
		{"is a library", "package cmd\n\nfunc Main() {}\n", []string{"is not a main package"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := Build{Package: "./cmd", Dir: module(t, test.main), GOOS: "linux", GOARCH: "arm64"}
			_, err := b.Run()
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not say %q", err, want)
				}
			}
		})
	}
	t.Run("no Go", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := Build{Package: "./cmd", Dir: module(t, hello), GOOS: "linux", GOARCH: "arm64"}.Run()
		if err == nil || !strings.Contains(err.Error(), "there is no go on the PATH: install Go") {
			t.Errorf("error is %v", err)
		}
	})
}
