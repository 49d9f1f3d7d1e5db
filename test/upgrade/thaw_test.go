//go:build emulator

package upgrade

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// thaw makes a release's assembly, with its functions built from its own sources for this machine.
func thaw(t *testing.T, release string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	src := unpack(t, filepath.Join(release, sourcesFile))
	words := []string{hostWord, hostArchitecture()}
	for name := range functions {
		binary := filepath.Join(t.TempDir(), "bootstrap")
		// With symbols, which a deployment leaves out: so the functions change in the upgrade even when
		// their sources do not.
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-o", binary, "./lambdas/"+name+"/main")
		cmd.Dir = src
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0")
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s of %s: %v\n%s", name, filepath.Base(release), err, said)
		}
		content, err := os.ReadFile(binary)
		if err != nil {
			t.Fatal(err)
		}
		hash := hexSum(content)
		asset := filepath.Join(dir, "asset."+hash)
		if err := errors.Join(os.Mkdir(asset, 0o755), os.WriteFile(filepath.Join(asset, "bootstrap"), content, 0o755)); err != nil {
			t.Fatal(err)
		}
		words = append(words, functionWord(name), hash)
	}
	for _, name := range assemblyFiles { // the template first: its hash is in the others
		text, err := os.ReadFile(filepath.Join(release, name))
		if err != nil {
			t.Fatal(err)
		}
		thawed := strings.NewReplacer(words...).Replace(string(text))
		if name == templateFile {
			words = append(words, templateWord, hexSum([]byte(thawed)))
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(thawed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func unpack(t *testing.T, file string) (dir string) {
	t.Helper()
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	dir = t.TempDir()
	for _, f := range archive.File {
		if !filepath.IsLocal(f.Name) {
			t.Fatalf("%s holds %s", file, f.Name)
		}
		reader, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reader)
		to := filepath.Join(dir, f.Name)
		if err := errors.Join(err, reader.Close(), os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, text, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func hexSum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
