//go:build emulator

package local

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func realTools(t *testing.T) *Tools {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	tools, err := Install(t.Context(), root, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	return tools
}

func TestRealEmulator(t *testing.T) {
	tools := realTools(t)
	e := start(t, tools, EmulatorOptions{})
	cfg, err := e.Config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name := "a"
	if _, err := sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name}); err != nil {
		t.Error(err)
	}
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	wantGone(t, e.PID())
}

func TestKilledOwnerLeavesNoRealEmulator(t *testing.T) {
	tools := *realTools(t)
	tools.Root = t.TempDir()
	testKilledOwner(t, &tools, EmulatorOptions{})
}
