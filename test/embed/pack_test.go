//go:build slow

package embed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const modulePath = "github.com/orderpipeline/orderpipeline"

// publish packs this module as a Go proxy does, what git ignores left out, and puts it into a
// folder that GOPROXY=file:// serves. The version follows from the content: a version that changes
// what it holds is what go.sum is there to refuse.
func publish(t testing.TB, dir string) (version string) {
	t.Helper()
	files := sources(t)
	sum := sha256.New()
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(root, f.Path()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", f.Path(), len(content), content)
	}
	stamp := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	version = module.PseudoVersion("v0", "", stamp, hex.EncodeToString(sum.Sum(nil))[:12])

	var packed bytes.Buffer
	if err := zip.Create(&packed, module.Version{Path: modulePath, Version: version}, files); err != nil {
		t.Fatalf("a proxy could not serve this module: %v", err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := json.Marshal(map[string]any{"Version": version, "Time": stamp})
	if err != nil {
		t.Fatal(err)
	}
	served := filepath.Join(dir, filepath.FromSlash(modulePath), "@v")
	if err := errors.Join(
		os.RemoveAll(dir),
		os.MkdirAll(served, 0o755),
		os.WriteFile(filepath.Join(served, "list"), []byte(version+"\n"), 0o644),
		os.WriteFile(filepath.Join(served, version+".info"), info, 0o644),
		os.WriteFile(filepath.Join(served, version+".mod"), mod, 0o644),
		os.WriteFile(filepath.Join(served, version+".zip"), packed.Bytes(), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s@%s: %d files, %d KiB packed", modulePath, version, len(files), packed.Len()/1024)
	return version
}

// sources are the files that a commit of the tree as it is would hold.
func sources(t testing.TB) (files []zip.File) {
	t.Helper()
	git := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	git.Dir = root
	names, err := git.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		if info, err := os.Lstat(filepath.Join(root, name)); err == nil && info.Mode().IsRegular() { // else deleted, and not yet committed
			files = append(files, file(name))
		}
	}
	return files
}

// file is a path from the root, with slashes.
type file string

func (f file) Path() string                 { return string(f) }
func (f file) Lstat() (fs.FileInfo, error)  { return os.Lstat(filepath.Join(root, string(f))) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(filepath.Join(root, string(f))) }
