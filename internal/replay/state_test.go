package replay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orderpipeline/orderpipeline/internal/recovery"
)

func TestState(t *testing.T) {
	t.Chdir(t.TempDir()) // outside of a project
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	spans := []recovery.Span{{First: now.Add(-time.Hour), Last: now}}
	open := func(identity string, at time.Time, file string, restart bool) *State {
		t.Helper()
		s, err := OpenState([]any{identity}, spans, at, file, restart)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := open("a", now, "", false)
	if len(first.Checkpoint) > 0 {
		t.Errorf("a new replay has the checkpoint %v", first.Checkpoint)
	}
	checkpoint := recovery.Checkpoint{{Done: true, Published: 3}, {Next: map[string]string{"orderId": "x"}}}
	if err := first.Save(checkpoint); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, open("a", now.Add(time.Hour), "", false), cmpopts.IgnoreUnexported(State{})); diff != "" {
		t.Errorf("resumed (-saved +read):\n%s", diff)
	}
	for name, s := range map[string]*State{
		"another replay": open("b", now, "", false), "restarted": open("a", now, "", true),
	} {
		if len(s.Checkpoint) > 0 {
			t.Errorf("%s goes on from %v", name, s.Checkpoint)
		}
	}
	if _, err := OpenState([]any{"b"}, spans, now, first.file, false); err == nil || !strings.Contains(err.Error(), "of another replay") {
		t.Errorf("with the file of another replay: %v", err)
	}
	first.Remove()
	if s := open("a", now, "", false); len(s.Checkpoint) > 0 {
		t.Errorf("after it was removed: %v", s.Checkpoint)
	}
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenState([]any{"a"}, spans, now, bad, false); err == nil || !strings.Contains(err.Error(), "is not the state file") {
		t.Errorf("with another file: %v", err)
	}
}
