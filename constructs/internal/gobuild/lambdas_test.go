package gobuild

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestLambdasAreReproducible: the functions of this module, built in two folders, have the same
// bytes. TestModes of bundle is about the rest of the zip, and test/embed compares the hashes that
// the CDK gives the zips of this folder and of a module cache.
func TestLambdasAreReproducible(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	for _, name := range []string{"lambdas", "order", "internal"} {
		if err := os.CopyFS(filepath.Join(elsewhere, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, elsewhere, name, string(text))
	}
	mains, err := filepath.Glob(filepath.Join(root, "lambdas", "*", "main"))
	if err != nil || len(mains) < 3 {
		t.Fatalf("main packages: %q, %v", mains, err)
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		here := Build{
			Package: "./lambdas/" + name + "/main", Dir: root, GOOS: "linux", GOARCH: "arm64", Isolated: true,
		}
		there := here
		there.Dir = elsewhere
		one, err := here.Run()
		if err != nil {
			t.Fatal(err)
		}
		two, err := there.Run()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, two) {
			t.Errorf("%s: another folder gives another binary", name)
		}
		if bytes.Contains(one, []byte(root)) {
			t.Errorf("%s names the folder it was built in", name)
		}
	}
}
