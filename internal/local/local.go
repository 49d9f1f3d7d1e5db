// Package local runs OrderPipeline on one machine, without an AWS account and without Docker: it
// installs the pinned tools (CDK command line, emulator) into the project's own folders, runs the
// emulator, and deploys with the real CDK command line. `orders up` and the tests share it:
//
//	root, err := local.Root()
//	tools, err := local.Install(ctx, root, t.Logf)
//	emulator, err := tools.Start(ctx, local.EmulatorOptions{})
//	defer emulator.Stop()
//	err = tools.Deploy(ctx, emulator, local.DeployOptions{Env: "local"})
//
// Everything it writes is below .local/ and node_modules/ of the project. A problem that a person
// can fix is a [*failure.Error], which says what is wrong and what to do. It never uses real AWS
// credentials: every child process gets the emulator's address and test credentials, whatever the
// environment says.
//
// Linux and macOS; on Windows use WSL.
package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// Module is the module path in the project's go.mod, by which [Root] recognizes the folder.
const Module = "github.com/orderpipeline/orderpipeline"

// StateDir is the folder below the project's for everything that a local run writes except
// node_modules.
const StateDir = ".local"

// Root finds the project's folder: the nearest parent of the working directory with a cdk.json and
// this module's go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project's folder: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if isRoot(at) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", &failure.Error{
				What: fmt.Sprintf("%s is not inside the OrderPipeline project "+
					"(no parent folder has a cdk.json and the go.mod of %s)", dir, Module),
				Next: "change into your clone of the project and run the command again",
				Err:  os.ErrNotExist,
			}
		}
	}
}

func isRoot(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, "cdk.json")); err != nil {
		return false
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(mod)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" {
			return fields[1] == Module
		}
	}
	return false
}

// ignoreMissing returns the error unless it is "does not exist".
func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
