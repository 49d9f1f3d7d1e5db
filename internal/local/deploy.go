package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/failure"
)

const (
	cdkProgram   = "node_modules/aws-cdk/bin/cdk"
	toolkitStack = "CDKToolkit" // the stack that `cdk bootstrap` creates
)

// DeployOptions are the settings of a deployment.
type DeployOptions struct {
	// Env is the environment, `-c env=`. Default: local.
	Env string
	// App is the value of `cdk --app`. Default: that of cdk.json.
	App string
	// Output is the folder for the synthesized app. Default: cdk.out in the emulator's folder.
	Output string
	// Stdout receives the output of the CDK, which is also in cdk.log in the emulator's folder.
	Stdout io.Writer
}

// Deploy deploys the app's stacks to the emulator with the CDK's own command line: bootstrap (once
// per emulator), deploy, then [WireValidators] for each REST API. Stacks that have not changed are
// left alone.
func (t *Tools) Deploy(ctx context.Context, e *Emulator, options DeployOptions) error {
	if options.Env == "" {
		options.Env = contract.EnvironmentLocal
	}
	if options.Output == "" {
		options.Output = filepath.Join(e.Dir, "cdk.out")
	}
	_ = os.Remove(e.deployedFile()) // unknown until this deployment succeeds
	digest, err := digest(t.Root, options.Env)
	if err != nil {
		return err
	}
	if err := t.bootstrap(ctx, e, options.Stdout); err != nil {
		return err
	}
	args := []string{
		"deploy", "--all", "--require-approval=never", "--progress=events",
		"-c", "env=" + options.Env, "--output=" + options.Output,
	}
	if options.App != "" {
		args = append(args, "--app="+options.App)
	}
	if err := t.cdk(ctx, e, t.Root, "cdk.log", options.Stdout, args...); err != nil {
		return err
	}
	if err := wireAll(ctx, e); err != nil {
		return err
	}
	if options.App != "" {
		return nil
	}
	return os.WriteFile(e.deployedFile(), []byte(digest), 0o644)
}

// Deployed reports whether Deploy has deployed the project's files, as they are now, to this
// emulator, so that deploying again would change nothing. It does not see changes by other means.
func (t *Tools) Deployed(e *Emulator, env string) bool {
	deployed := readString(e.deployedFile())
	if deployed == "" {
		return false
	}
	current, err := digest(t.Root, env)
	return err == nil && deployed == current
}

func (e *Emulator) deployedFile() string { return filepath.Join(e.Dir, "deployed") }

// digest returns a hash of everything that a deployment is made from: all files of the project
// except hidden folders, node_modules (package-lock.json stands for it) and cdk.out.
func digest(root, env string) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s\n", env, runtime.Version())
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			generated := strings.HasPrefix(name, ".") || name == "node_modules" || name == "cdk.out"
			if path != root && generated {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) { // an editor's temporary file
			return nil
		}
		fmt.Fprintf(sum, "%s %d\n", rel(root, path), len(content))
		sum.Write(content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// bootstrap creates what every CDK deployment needs (the bucket for code, roles), once per
// emulator.
func (t *Tools) bootstrap(ctx context.Context, e *Emulator, stdout io.Writer) error {
	cfg, err := e.Config(ctx)
	if err != nil {
		return err
	}
	name := toolkitStack
	_, err = cloudformation.NewFromConfig(cfg).DescribeStacks(ctx,
		&cloudformation.DescribeStacksInput{StackName: &name})
	if err == nil {
		return nil
	}
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "ValidationError" { // the code of a missing stack
		return fmt.Errorf("read the stacks of the emulator: %w", err)
	}
	// Outside of the project's folder: where there is a cdk.json, the CDK first compiles and runs the
	// app.
	return t.cdk(ctx, e, e.Dir, "bootstrap.log", stdout, "bootstrap", "aws://"+Account+"/"+Region)
}

func (t *Tools) cdk(
	ctx context.Context, e *Emulator, dir, logName string, stdout io.Writer, args ...string,
) error {
	args = append([]string{filepath.Join(t.Root, cdkProgram)}, args...)
	args = append(args, "--ci", "--no-notices", "--no-version-reporting")
	env := t.CDKEnviron(append(e.Environ(), "CDK_HOME="+filepath.Join(e.Dir, "cdk")))
	cmd := command(ctx, dir, env, t.Node, args...)
	log := filepath.Join(e.Dir, logName)
	err := runLogged(cmd, log, stdout)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &failure.Error{
		What: fmt.Sprintf("cdk %s failed: %v", args[1], err),
		Next: "read its output in " + rel(t.Root, log),
		Err:  err,
	}
}

// CDKEnviron adapts an environment to the CDK: its Node is first on the PATH, also for the jsii
// kernel of the app.
func (t *Tools) CDKEnviron(env []string) []string {
	path := filepath.Dir(t.Node)
	for _, variable := range env {
		if value, found := cutName(variable, "PATH"); found {
			path = filepath.Dir(t.Node) + string(os.PathListSeparator) + value
		}
	}
	return append(env,
		"PATH="+path, // the last value of a name counts
		"JSII_NODE="+t.Node,
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20", // the machine's Node may be that old
		"CDK_DISABLE_CLI_TELEMETRY=true",
	)
}

// CDK returns the pinned CDK command line with this process's terminal and AWS settings, as
// `orders up` runs it for AWS. The caller may change its Env; see [Tools.CDKEnviron].
func (t *Tools) CDK(ctx context.Context, args ...string) *exec.Cmd {
	args = append([]string{filepath.Join(t.Root, cdkProgram)}, args...)
	cmd := exec.CommandContext(ctx, t.Node, args...)
	cmd.Dir = t.Root
	cmd.Env = t.CDKEnviron(os.Environ())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// The terminal's Ctrl-C reaches the CDK by itself; a second signal would end it before it has
	// cleaned up.
	cmd.Cancel = func() error { return nil }
	cmd.WaitDelay = time.Minute
	return cmd
}

// wireAll wires the validators of every REST API in the emulator.
func wireAll(ctx context.Context, e *Emulator) error {
	cfg, err := e.Config(ctx)
	if err != nil {
		return err
	}
	apis, err := apigateway.NewFromConfig(cfg).GetRestApis(ctx, &apigateway.GetRestApisInput{})
	if err != nil {
		return fmt.Errorf("list the REST APIs: %w", err)
	}
	for _, api := range apis.Items {
		if err := WireValidators(ctx, cfg, *api.Id); err != nil {
			return err
		}
	}
	return nil
}
