package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// sbomDir is where the software bills of materials go.
const sbomDir = ".local/sbom"

// sbom writes one CycloneDX document about this module, and one about each Lambda function as the
// CDK app of prod builds it: read from the binary that would be deployed.
func sbom(ctx context.Context, out io.Writer) error {
	assembly := filepath.Join(sbomDir, "cdk.out")
	if err := errors.Join(os.RemoveAll(sbomDir), os.MkdirAll(sbomDir, 0o755)); err != nil {
		return err
	}
	version := "unknown"
	if r := run(ctx, "git", "describe", "--tags", "--always", "--dirty"); r.status == 0 {
		version = strings.TrimSpace(r.stdout)
	}
	err := cyclonedx(ctx, out, "orderpipeline", "", "mod", "-licenses", "-type=library", ".")
	if err != nil {
		return err
	}
	if r := run(ctx, "env", "CDK_OUTDIR="+assembly, `CDK_CONTEXT_JSON={"env":"prod"}`,
		"go", "run", "."); r.status != 0 {
		return fmt.Errorf("synthesizing prod: %s\n%s", failureOf(r), r.stderr)
	}
	manifest, err := os.ReadFile(filepath.Join(assembly, "Orders.assets.json"))
	if err != nil {
		return err
	}
	functions, err := zips(manifest)
	if err != nil {
		return err
	}
	for _, f := range functions {
		binary := filepath.Join(assembly, f.path, "bootstrap")
		if err := cyclonedx(ctx, out, f.name, f.hash, "bin", "-version="+version, binary); err != nil {
			return err
		}
	}
	return os.RemoveAll(assembly)
}

// asset is a folder that the CDK CLI zips and uploads under its hash.
type asset struct{ name, hash, path string }

// zips lists the functions of an asset manifest, sorted by name.
func zips(manifest []byte) ([]asset, error) {
	var m struct {
		Files map[string]struct {
			DisplayName string
			Source      struct{ Path, Packaging string }
		}
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil, fmt.Errorf("asset manifest: %w", err)
	}
	var list []asset
	for hash, f := range m.Files {
		if f.Source.Packaging == "zip" {
			// The construct's path: Pipeline/Processor/Code.
			name := strings.ToLower(path.Base(path.Dir(f.DisplayName)))
			list = append(list, asset{name, hash, f.Source.Path})
		}
	}
	if len(list) == 0 {
		return nil, errors.New("asset manifest: no function")
	}
	slices.SortFunc(list, func(a, b asset) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// cyclonedx writes sbomDir/NAME.cdx.json with cyclonedx-gomod, and checks that it lists something.
// The same source gives the same document. The asset's hash, if any, becomes a property.
func cyclonedx(
	ctx context.Context, out io.Writer, name, assetHash, command string, args ...string,
) error {
	file := filepath.Join(sbomDir, name+".cdx.json")
	line := append(slices.Clone(goTool), "cyclonedx-gomod", command, "-json", "-std", "-noserial",
		"-notimestamp", "-output="+file)
	if r := run(ctx, append(line, args...)...); r.status != 0 {
		return fmt.Errorf("%s: %s", name, failureOf(r))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, components, err := withAsset(text, assetHash)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d components\n", file, components)
	return err
}

// withAsset adds the asset's hash to a CycloneDX document, and counts its components.
func withAsset(text []byte, hash string) (with []byte, components int, err error) {
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, 0, err
	}
	list, _ := document["components"].([]any)
	if document["bomFormat"] != "CycloneDX" || len(list) == 0 {
		return nil, 0, errors.New("not a CycloneDX document with components")
	}
	if hash != "" {
		properties, _ := document["properties"].([]any)
		document["properties"] = append(properties,
			map[string]string{"name": "orderpipeline:cdk:asset", "value": hash})
	}
	with, err = json.MarshalIndent(document, "", "  ")
	return append(with, '\n'), len(list), err
}
