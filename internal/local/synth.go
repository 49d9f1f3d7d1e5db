package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// Synthesize runs the app for an environment, without building the functions' code, and returns the
// templates of its stacks, by the stacks' construct ids.
func (t *Tools) Synthesize(ctx context.Context, env string) (map[string][]byte, error) {
	text, err := os.ReadFile(filepath.Join(t.Root, "cdk.json"))
	if err != nil {
		return nil, err
	}
	var settings struct{ Context map[string]any }
	if err := json.Unmarshal(text, &settings); err != nil {
		return nil, fmt.Errorf("cdk.json: %w", err)
	}
	if settings.Context == nil {
		settings.Context = map[string]any{}
	}
	settings.Context["env"] = env
	settings.Context["aws:cdk:bundling-stacks"] = []string{}
	given, err := json.Marshal(settings.Context)
	if err != nil {
		return nil, err
	}
	out, err := os.MkdirTemp("", "orders-synth-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	var messages bytes.Buffer
	command := exec.CommandContext(ctx, "go", "run", ".")
	command.Dir = t.Root
	command.Env = append(t.CDKEnviron(os.Environ()),
		"CDK_OUTDIR="+out, "CDK_CONTEXT_JSON="+string(given), "CDK_VALIDATION=false")
	command.Stderr = &messages
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &failure.Error{
			What: "cannot synthesize the app: " + strings.TrimSpace(messages.String()),
			Next: "fix what it reports, then run the command again", Err: err,
		}
	}
	const suffix = ".template.json"
	files, err := filepath.Glob(filepath.Join(out, "*"+suffix))
	if err != nil {
		return nil, err
	}
	templates := map[string][]byte{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), suffix)
		if templates[name], err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	return templates, nil
}
