package snapshot

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// run starts the app of a tree as the CDK CLI does, and returns what it wrote to stderr.
func run(t *testing.T, tree, out, env string) (string, error) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "CDK_OUTDIR="+out, `CDK_CONTEXT_JSON={"env":"`+env+`"}`,
		"CDK_VALIDATION=false", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
	cmd.Stderr = &stderr
	err := cmd.Run()
	return stderr.String(), err
}

func TestUnknownEnvironment(t *testing.T) {
	stderr, err := run(t, root, t.TempDir(), "production")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("exits with %v, want 1", err)
	}
	want := `there is no environment "production" ` +
		"(-c env=NAME takes dev, staging, prod, local; default dev)\n"
	if !strings.HasPrefix(stderr, want) || strings.Contains(stderr, "goroutine") {
		t.Errorf("prints\n%s\nwant\n%s", stderr, want)
	}
}

// The same source gives the same templates and the same Lambda code in any folder.
func TestTwoFolders(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the app and its functions twice")
	}
	other := filepath.Join(t.TempDir(), "a folder of another name")
	if err := copySources(other, root); err != nil {
		t.Fatal(err)
	}
	here, there := t.TempDir(), t.TempDir()
	for out, tree := range map[string]string{here: root, there: other} {
		if stderr, err := run(t, tree, out, "prod"); err != nil {
			t.Fatalf("%s: %v\n%s", tree, err, stderr)
		}
	}
	for _, name := range []string{"Orders.template.json", "Orders.assets.json"} {
		a, err := os.ReadFile(filepath.Join(here, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(there, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(a), "\n"), strings.Split(string(b), "\n")); diff != "" {
			t.Errorf("%s (-here +there):\n%s", name, diff)
		}
	}
	assets, err := filepath.Glob(filepath.Join(here, "asset.*", "*"))
	if err != nil || len(assets) != 3 {
		t.Fatalf("built %q (%v), want three functions", assets, err)
	}
	for _, asset := range assets {
		if filepath.Base(asset) != "bootstrap" {
			t.Errorf("an asset contains %s", asset)
		}
	}
}

// copySources copies the files that the app is built from.
func copySources(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			base := d.Name()
			if name != "." && (strings.HasPrefix(base, ".") ||
				slices.Contains([]string{"node_modules", "cdk.out", "test"}, base)) {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		switch filepath.Ext(name) {
		case ".go", ".mod", ".sum", ".json":
		default:
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o644)
	})
}
