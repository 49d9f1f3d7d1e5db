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

	"github.com/orderpipeline/orderpipeline/internal/failure"
)

const (
	cdkProgram   = "node_modules/aws-cdk/bin/cdk"
	toolkitStack = "CDKToolkit" // the CDK's name for what `cdk bootstrap` makes
)

// DeployOptions are optional.
type DeployOptions struct {
	Env    string    // the environment, `-c env=`; "": local
	App    string    // what `cdk --app` gets; "": what cdk.json says
	Output string    // folder for the synthesized app; "": cdk.out in the emulator's folder
	Stdout io.Writer // gets what the CDK prints; it is in cdk.log in the emulator's folder as well
}

// Deploy brings the app's stacks to the emulator with the CDK's own command line: bootstrap (once an emulator), deploy, then
// [WireValidators] for each REST API. Stacks that have not changed are left as they are.
func (t *Tools) Deploy(ctx context.Context, e *Emulator, options DeployOptions) error {
	if options.Env == "" {
		options.Env = "local"
	}
	if options.Output == "" {
		options.Output = filepath.Join(e.Dir, "cdk.out")
	}
	_ = os.Remove(e.deployedFile()) // until this deployment has ended well, nobody knows what is there
	digest, err := digest(t.Root, options.Env)
	if err != nil {
		return err
	}
	if err := t.bootstrap(ctx, e, options.Stdout); err != nil {
		return err
	}
	args := []string{"deploy", "--all", "--require-approval=never", "--progress=events", "-c", "env=" + options.Env, "--output=" + options.Output}
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

// Deployed says whether Deploy has brought the project's files, as they are now, to this emulator: then deploying again would
// change nothing. Stacks that were changed by other means are not noticed.
func (t *Tools) Deployed(e *Emulator, env string) bool {
	deployed := readString(e.deployedFile())
	if deployed == "" {
		return false
	}
	current, err := digest(t.Root, env)
	return err == nil && deployed == current
}

func (e *Emulator) deployedFile() string { return filepath.Join(e.Dir, "deployed") }

// digest is a sum over everything that a deployment is made of: all files of the project, but for hidden folders, node_modules
// (package-lock.json stands for it) and cdk.out.
func digest(root, env string) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s\n", env, runtime.Version())
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "cdk.out") {
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

// bootstrap makes what every CDK deployment needs (the bucket for code, roles), once an emulator.
func (t *Tools) bootstrap(ctx context.Context, e *Emulator, stdout io.Writer) error {
	cfg, err := e.Config(ctx)
	if err != nil {
		return err
	}
	name := toolkitStack
	_, err = cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err == nil {
		return nil
	}
	if api := smithy.APIError(nil); !errors.As(err, &api) || api.ErrorCode() != "ValidationError" { // ValidationError: there is none
		return fmt.Errorf("ask the emulator for its stacks: %w", err)
	}
	// Run outside the project's folder: with a cdk.json in sight the CDK would first compile and run the app.
	return t.cdk(ctx, e, e.Dir, "bootstrap.log", stdout, "bootstrap", "aws://"+Account+"/"+Region)
}

func (t *Tools) cdk(ctx context.Context, e *Emulator, dir, logName string, stdout io.Writer, args ...string) error {
	args = append([]string{filepath.Join(t.Root, cdkProgram)}, append(args, "--ci", "--no-notices", "--no-version-reporting")...)
	cmd := command(ctx, dir, t.CDKEnviron(append(e.Environ(), "CDK_HOME="+filepath.Join(e.Dir, "cdk"))), t.Node, args...)
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
		Next: "the whole output is in " + rel(t.Root, log),
		Err:  err,
	}
}

// CDKEnviron is an environment made fit for the CDK: its Node first on the PATH, for the jsii kernel under the app too.
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
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20", // where the machine's Node is used, its age is its owner's matter
		"CDK_DISABLE_CLI_TELEMETRY=true",
	)
}

// CDK prepares the pinned CDK command line, with this process's terminal and AWS settings: what `orders up` runs for AWS. The
// caller may set Env; see [Tools.CDKEnviron].
func (t *Tools) CDK(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, t.Node, append([]string{filepath.Join(t.Root, cdkProgram)}, args...)...)
	cmd.Dir = t.Root
	cmd.Env = t.CDKEnviron(os.Environ())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// A terminal's Ctrl-C reaches the CDK by itself; a second signal would make it leave without tidying up.
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
