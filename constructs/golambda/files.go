package golambda

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// binaryName is what the runtime provided.al2023 starts.
const binaryName = "bootstrap"

// checkFiles reports every name that cannot lie beside the binary.
func checkFiles(files map[string][]byte) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !filepath.IsLocal(name) || path.Clean(name) != name || name == "." {
			errs = append(errs, fmt.Errorf("golambda: CodeProps.Files is %q: needs a path inside the function's folder, with slashes", name))
		} else if name == binaryName {
			errs = append(errs, fmt.Errorf("golambda: CodeProps.Files is %q: needs another name: this is the binary's", name))
		}
	}
	return errors.Join(errs...)
}

// digest tells one set of files from another.
func digest(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%q %d\n%s\n", name, len(files[name]), files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeFiles writes the files below a folder.
func writeFiles(dir string, files map[string][]byte) error {
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("golambda: %w", err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return fmt.Errorf("golambda: %w", err)
		}
	}
	return nil
}
