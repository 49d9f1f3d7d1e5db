package golambda

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// moduleDir returns the absolute path of a module's folder. "" is the module of the working folder.
func moduleDir(dir string) (string, error) {
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("golambda: CodeProps.ModuleDir: %w", err)
		}
		if _, err := os.Stat(filepath.Join(abs, "go.mod")); err != nil {
			return "", fmt.Errorf(
				"golambda: CodeProps.ModuleDir: %q is not the folder of a Go module (%w)", dir, err)
		}
		return abs, nil
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("golambda: finding the module of the working folder: %w", err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("golambda: CodeProps.ModuleDir: unset, and " + wd +
				" is not inside a Go module (set it to the folder of the module to build)")
		}
	}
}
