package upgrade

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

// A frozen assembly has these words where the hashes of its functions, of its template, and the
// machine's architecture were: the functions are built for the machine that the test runs on.
const (
	templateWord = "@template@"
	hostWord     = "@host@"
)

func functionWord(name string) string { return "@" + name + "@" }

// functions of a release: the folders in lambdas, and their part of an asset's name.
var functions = map[string]string{
	"processor": "Pipeline/Processor/Code",
	"publisher": "Pipeline/Publisher/Code",
	"status":    "API/Status/Code",
}

// The files of an assembly.
const (
	templateFile = "Orders.template.json"
	assetsFile   = "Orders.assets.json"
	manifestFile = "manifest.json"
	sourcesFile  = "functions.zip"
)

var assemblyFiles = []string{templateFile, assetsFile, manifestFile}

// freezeRelease writes testdata for a release.
func freezeRelease(t *testing.T, now map[string]template) {
	t.Helper()
	if !semver.IsValid(*freeze) {
		t.Fatalf("-freeze %s: it needs a version, such as v0.2.0", *freeze)
	}
	dir := filepath.Join("testdata", *freeze)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	stateful := map[string]map[string]kept{}
	for env, parsed := range now {
		stateful[env] = parsed.stateful()
	}
	writeJSON(t, filepath.Join(dir, "stateful.json"), stateful)
	freezeAssembly(t, dir)
	freezeFunctions(t, filepath.Join(dir, sourcesFile))
}

func freezeAssembly(t *testing.T, dir string) {
	t.Helper()
	out := t.TempDir()
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CDK_OUTDIR="+out, `CDK_CONTEXT_JSON=`+localContext(t))
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}

	// What the CDK deploys the orders stack by. What stands beside it holds no orders; the rest of the
	// manifest says where the app's constructs were made.
	var manifest struct {
		Version           string                    `json:"version"`
		Artifacts         map[string]map[string]any `json:"artifacts"`
		MinimumCLIVersion string                    `json:"minimumCliVersion"`
	}
	read(t, filepath.Join(out, manifestFile), &manifest)
	for name, artifact := range manifest.Artifacts {
		if name != "Orders" && name != "Orders.assets" {
			delete(manifest.Artifacts, name)
		}
		delete(artifact, "metadata")
		delete(artifact, "additionalMetadataFile")
	}
	writeJSON(t, filepath.Join(out, manifestFile), manifest)

	var assets struct {
		Files map[string]struct{ DisplayName string }
	}
	read(t, filepath.Join(out, assetsFile), &assets)
	words := []string{`"` + hostArchitecture() + `"`, `"` + hostWord + `"`}
	for hash, asset := range assets.Files {
		word := templateWord
		for name, display := range functions {
			if strings.HasPrefix(asset.DisplayName, display) {
				word = functionWord(name)
			}
		}
		words = append(words, hash, word)
	}
	for _, name := range assemblyFiles {
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		frozen := strings.NewReplacer(words...).Replace(string(text))
		if left := regexp.MustCompile(`[0-9a-f]{64}`).FindString(frozen); left != "" {
			t.Fatalf("%s holds %s, an asset that is neither a function nor the template: thaw must know how to make it", name, left)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.TrimRight(frozen, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// localContext is that of cdk.json, for the local environment.
func localContext(t *testing.T) string {
	t.Helper()
	var config struct{ Context map[string]any }
	read(t, filepath.Join(root, "cdk.json"), &config)
	config.Context["env"] = "local"
	text, err := json.Marshal(config.Context)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// freezeFunctions packs what the functions are built from.
func freezeFunctions(t *testing.T, file string) {
	t.Helper()
	args := []string{"list", "-deps", "-f", `{{with .Module}}{{if .Main}}{{$.Dir}}{{range $.GoFiles}}|{{.}}{{end}}{{range $.EmbedFiles}}|{{.}}{{end}}{{end}}{{end}}`}
	for name := range functions {
		args = append(args, "./lambdas/"+name+"/main")
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	list, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"go.mod", "go.sum"}
	for _, line := range strings.Split(strings.TrimSpace(string(list)), "\n") {
		folder, files, _ := strings.Cut(line, "|")
		folder, err := filepath.Rel(abs, folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Split(files, "|") {
			names = append(names, path.Join(filepath.ToSlash(folder), name))
		}
	}
	slices.Sort(names)
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		entry, err := archive.Create(name)
		if err == nil {
			_, err = entry.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), os.WriteFile(file, packed.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func hostArchitecture() string {
	if runtime.GOARCH == "amd64" {
		return "x86_64"
	}
	return runtime.GOARCH
}

func writeJSON(t *testing.T, file string, v any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := errors.Join(e.Encode(v), os.WriteFile(file, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}
