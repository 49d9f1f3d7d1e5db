package golambda

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// moduleDir checks the folder of a module, or finds that of the working folder.
func moduleDir(dir string) (string, error) {
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("golambda: CodeProps.ModuleDir %q: %w", dir, err)
		}
		if _, err := os.Stat(filepath.Join(abs, "go.mod")); err != nil {
			return "", fmt.Errorf("golambda: CodeProps.ModuleDir %q needs to be the folder of a Go module: %w", dir, err)
		}
		return abs, nil
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("golambda: finding the working folder's module: %w", err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("golambda: no go.mod in " + wd + " nor above it: CodeProps.ModuleDir needs the folder of the module to build")
		}
	}
}
