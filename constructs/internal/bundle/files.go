package bundle

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

// binaryName is the file that the runtime provided.al2023 starts.
const binaryName = "bootstrap"

// CheckFiles reports every name that a file beside the binary cannot have.
func CheckFiles(files map[string][]byte) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !filepath.IsLocal(name) || path.Clean(name) != name || name == "." {
			errs = append(errs, fmt.Errorf("golambda: CodeProps.Files: %q is not a path inside "+
				"the function's folder (relative, with slashes)", name))
		} else if name == binaryName {
			errs = append(errs, fmt.Errorf(
				"golambda: CodeProps.Files: %q is the binary's name (use another name)", name))
		}
	}
	return errors.Join(errs...)
}

// digest returns a hash of names and contents.
func digest(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%q %d\n%s\n", name, len(files[name]), files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeFiles writes the files into a folder. Modes become part of the zip, and Lambda cannot start
// what only its owner may read, so they are set whatever the umask is.
func writeFiles(dir string, files map[string][]byte) error {
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("golambda: %w", err)
		}
		for d := filepath.Dir(file); d != dir; d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				return fmt.Errorf("golambda: %w", err)
			}
		}
		if err := writeFile(file, content, 0o644); err != nil {
			return fmt.Errorf("golambda: %w", err)
		}
	}
	return nil
}

func writeFile(name string, content []byte, mode os.FileMode) error {
	if err := os.WriteFile(name, content, mode); err != nil {
		return err
	}
	return os.Chmod(name, mode)
}
