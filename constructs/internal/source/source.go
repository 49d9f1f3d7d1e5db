// Package source finds the folder with the sources of this module, wherever an embedding app got
// them from, so that the packaged functions can be built at synth.
package source

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// Module is the import path of this module.
const Module = "github.com/orderpipeline/orderpipeline"

// Dir returns the folder of this module's go.mod: the one that this file was compiled from, so that
// the functions match the constructs. Where the compiler recorded no folder (-trimpath), Dir runs
// `go list -m` in the working folder.
var Dir = sync.OnceValues(func() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	return find(file, goList)
})

func find(file string, goList func() (string, error)) (string, error) {
	if filepath.IsAbs(file) {
		if dir := filepath.Join(filepath.Dir(file), "..", "..", ".."); isModule(dir) {
			return dir, nil
		}
	}
	dir, err := goList()
	if err == nil && isModule(dir) {
		return dir, nil
	}
	why := "it has no go.mod of that module"
	if err != nil {
		why = err.Error()
	} else if dir != "" {
		why = dir + " has no go.mod of that module"
	}
	return "", fmt.Errorf("the sources of %s were not found: %s; "+
		"a vendor folder holds only imported packages, so set each function's Code to your own build, "+
		"such as golambda.NewCode of a main package in your module", Module, why)
}

func isModule(dir string) bool {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	line, _, _ := bytes.Cut(mod, []byte("\n"))
	return err == nil && strings.TrimSpace(string(line)) == "module "+Module
}

func goList() (string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", Module)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go list -m: %w %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}
