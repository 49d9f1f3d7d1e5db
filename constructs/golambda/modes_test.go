package golambda

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/orderpipeline/orderpipeline/constructs/internal/gobuild"
)

// TestModes: the modes in the zip do not depend on the umask of the machine that deploys.
func TestModes(t *testing.T) {
	b := &bundler{
		build: gobuild.Build{Package: "./cmd", Dir: module(t, hello), GOOS: "linux", GOARCH: "arm64"},
		files: map[string][]byte{"prices/eu.json": []byte("[]")},
	}
	for _, umask := range []int{0o077, 0o002} {
		dir := t.TempDir()
		before := syscall.Umask(umask)
		b.TryBundle(&dir, nil)
		syscall.Umask(before)
		for name, want := range map[string]fs.FileMode{"bootstrap": 0o755, "prices/eu.json": 0o644} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode(); got != want {
				t.Errorf("umask %03o: %s has the mode %s, want %s", umask, name, got, want)
			}
		}
	}
}
