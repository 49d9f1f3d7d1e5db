package snapshot

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFeatureFlags: the CDK release that go.mod pins knows every feature flag of cdk.json, and
// recommends no other. It ignores an unknown flag without a word.
func TestFeatureFlags(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct{ Context map[string]any }
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	recommended := recommendedFlags(t)
	if len(recommended) < 50 {
		t.Fatalf("CDK recommends only %d flags", len(recommended))
	}
	for flag := range config.Context {
		if _, known := recommended[flag]; strings.HasPrefix(flag, "@aws-cdk") && !known {
			t.Errorf("CDK does not know the flag %s: remove it from cdk.json", flag)
		}
	}
	for flag, value := range recommended {
		if _, set := config.Context[flag]; !set {
			t.Errorf("cdk.json has no value for the flag %s (recommended: %v)", flag, value)
		}
	}
}

// recommendedFlags reads the list out of the package that awscdk brings along for jsii.
func recommendedFlags(t *testing.T) (flags map[string]any) {
	t.Helper()
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}",
		"github.com/aws/aws-cdk-go/awscdk/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	archives, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(folder)), "jsii", "*.tgz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("archives %q (%v), want one", archives, err)
	}
	file, err := os.Open(archives[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if err != nil {
			t.Fatalf("no list of feature flags in %s: %v", archives[0], err)
		}
		if header.Name != "package/recommended-feature-flags.json" {
			continue
		}
		if err := json.NewDecoder(archive).Decode(&flags); err != nil {
			t.Fatal(err)
		}
		return flags
	}
}
