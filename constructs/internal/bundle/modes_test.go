package bundle

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/constructs/internal/gobuild"
)

// TestModes: the modes of everything in the zip do not depend on the umask of the machine that
// deploys.
func TestModes(t *testing.T) {
	module := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/shop\n\ngo 1.24\n", "main.go": "package main\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := &bundler{
		build: gobuild.Build{Package: ".", Dir: module, GOOS: "linux", GOARCH: "arm64"},
		files: map[string][]byte{"a.json": nil, "prices/eu/de.json": []byte("[]")},
	}
	want := map[string]fs.FileMode{
		".": fs.ModeDir | 0o755, "bootstrap": 0o755, "a.json": 0o644, "prices": fs.ModeDir | 0o755,
		"prices/eu": fs.ModeDir | 0o755, "prices/eu/de.json": 0o644,
	}
	for _, umask := range []int{0o077, 0o002} {
		dir := t.TempDir()
		before := syscall.Umask(umask)
		if umask == 0o077 {
			dir = filepath.Join(dir, "out") // as CDK makes it
			if err := os.Mkdir(dir, 0o777); err != nil {
				t.Error(err)
			}
		}
		b.TryBundle(&dir, nil)
		syscall.Umask(before)
		got := map[string]fs.FileMode{}
		if err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			got[name] = info.Mode()
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("umask %03o (-want +got):\n%s", umask, diff)
		}
	}
}
