package gobuild

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
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

func TestIsolatedBuildIsReproducible(t *testing.T) {
	one := Build{Package: "./cmd", Dir: module(t, hello), GOOS: "linux", GOARCH: "arm64", Isolated: true}
	two := one
	two.Dir = module(t, hello)
	a, err := one.Run()
	if err != nil {
		t.Fatal(err)
	}
	// The consumer's settings stay out.
	t.Setenv("GOFLAGS", "-mod=mod -tags=own")
	t.Setenv("GOWORK", filepath.Join(t.TempDir(), "go.work"))
	t.Setenv("CGO_ENABLED", "1")
	t.Setenv("GOARM64", "v9.0")
	t.Setenv("GOEXPERIMENT", "jsonv2")
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

const shop = `package main

import "example.com/prices"

var version, channel = "none", "none"

func main() { print(prices.Currency, " ", version, " ", channel, " ", tagged) }
`

// workspace writes a workspace with a module ./shop, whose main package imports a module ./prices
// that only go.work names, and has a file for a build tag. It returns the folder of ./shop.
func workspace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "go.work", "go 1.24\n\nuse (\n\t./shop\n\t./prices\n)\n")
	write(t, dir, "prices/go.mod", "module example.com/prices\n\ngo 1.24\n")
	write(t, dir, "prices/prices.go", "package prices\n\nconst Currency = \"EUR\"\n")
	write(t, dir, "shop/go.mod", "module example.com/shop\n\ngo 1.24\n")
	write(t, dir, "shop/cmd/main.go", shop)
	write(t, dir, "shop/cmd/with.go", "//go:build shopprod\n\npackage main\n\nconst tagged = true\n")
	write(t, dir, "shop/cmd/without.go", "//go:build !shopprod\n\npackage main\n\nconst tagged = false\n")
	return filepath.Join(dir, "shop")
}

// printed runs a binary, and returns what it prints.
func printed(t *testing.T, binary []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// TestBuildIsTheConsumersProgram: the program is the one that `go build` makes in the same folder,
// with the same environment.
func TestBuildIsTheConsumersProgram(t *testing.T) {
	for _, test := range []struct {
		name, goflags string
		build         Build // what a consumer adds
		want          string
	}{
		{"workspace", "", Build{}, "EUR none none false"},
		{"GOFLAGS", "-tags=shopprod -ldflags=-X=main.version=7", Build{}, "EUR 7 none true"},
		{"GOFLAGS in quotes", `-mod=readonly '-tags=other shopprod' "-ldflags=-X main.version=7 -X main.channel=web"`,
			Build{}, "EUR 7 web true"},
		{"GOFLAGS for a pattern", "--ldflags=-X=main.version=6 -ldflags=example.com/shop/...=-X=main.version=7",
			Build{}, "EUR 7 none false"},
		{"props", "", Build{Tags: "other,shopprod", LDFlags: "-X main.version=8"}, "EUR 8 none true"},
		{"both", "-tags=shopprod -ldflags=-X=main.version=7", Build{Tags: "other", LDFlags: "-X main.channel=web"},
			"EUR 7 web true"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("GOFLAGS", test.goflags)
			t.Setenv("GOWORK", "")
			var binaries [][]byte
			for range 2 {
				b := test.build
				b.Package, b.Dir, b.GOOS, b.GOARCH = "./cmd", workspace(t), runtime.GOOS, runtime.GOARCH
				binary, err := b.Run()
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Contains(binary, []byte(b.Dir)) {
					t.Error("the binary names the folder it was built in")
				}
				binaries = append(binaries, binary)
			}
			if got := printed(t, binaries[0]); got != test.want {
				t.Errorf("the program prints %q, want %q", got, test.want)
			}
			if !bytes.Equal(binaries[0], binaries[1]) {
				t.Error("the same source in two folders gives different binaries")
			}
		})
	}
}

func TestSplitFlags(t *testing.T) {
	for goflags, want := range map[string][]string{
		"":                        nil,
		" -a  -b=c\t":             {"-a", "-b=c"},
		`'-ldflags=-X a=b' -v`:    {"-ldflags=-X a=b", "-v"},
		`"-ldflags=-X 'a=b c'"`:   {"-ldflags=-X 'a=b c'"},
		`-ldflags=-X='main.a' -v`: {"-ldflags=-X='main.a'", "-v"},
		`'-tags=x`:                {"'-tags=x"},
	} {
		if got := splitFlags(goflags); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", goflags, got, want)
		}
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
			[]string{"golambda: building ./cmd for linux/arm64 in ", "undefined: undefined",
				"golambda follows GOFLAGS (-tags=shopprod) and go.work (none), and builds without cgo (CGO_ENABLED=0), " +
					`with -trimpath, -buildvcs=false, -tags=lambda.norpc and -ldflags="-s -w -buildid=".`}},
		{"is a library", "package cmd\n\nfunc Main() {}\n", []string{"is not a main package"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("GOFLAGS", "-tags=shopprod")
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
	t.Run("isolated", func(t *testing.T) {
		b := Build{Package: "./cmd", Dir: module(t, "broken"), GOOS: "linux", GOARCH: "arm64", Isolated: true}
		_, err := b.Run()
		if want := "Offline, download them first: go -C " + b.Dir + " mod download"; err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	})
	t.Run("no Go", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := Build{Package: "./cmd", Dir: module(t, hello), GOOS: "linux", GOARCH: "arm64"}.Run()
		if err == nil || !strings.Contains(err.Error(), "there is no go on the PATH: install Go") {
			t.Errorf("error is %v", err)
		}
	})
}
