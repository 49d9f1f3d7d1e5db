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
	open := func(env, identity, file string) (s, interrupted *State) {
		t.Helper()
		s, interrupted, err := NewState(env, []any{identity}, spans, now, file)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Checkpoint) > 0 {
			t.Errorf("a new replay has the checkpoint %v", s.Checkpoint)
		}
		return s, interrupted
	}
	first, interrupted := open("local", "a", "")
	if interrupted != nil {
		t.Errorf("before the first run: %v", interrupted)
	}
	checkpoint := recovery.Checkpoint{
		{Done: true, Published: 3}, {Next: map[string]string{"orderId": "x"}},
	}
	if err := first.Save(checkpoint); err != nil {
		t.Fatal(err)
	}
	later := spans
	spans = []recovery.Span{{First: now, Last: now.Add(time.Hour)}}
	_, interrupted = open("local", "a", "")
	spans = later
	if diff := cmp.Diff(first, interrupted, cmpopts.IgnoreUnexported(State{})); diff != "" {
		t.Errorf("interrupted (-saved +read):\n%s", diff)
	}
	for _, other := range [][2]string{{"local", "b"}, {"dev", "a"}} {
		if _, interrupted := open(other[0], other[1], ""); interrupted != nil {
			t.Errorf("%v goes on from %v", other, interrupted)
		}
	}
	_, _, err := NewState("local", []any{"b"}, spans, now, first.file)
	if err == nil || !strings.Contains(err.Error(), "of another replay") {
		t.Errorf("with the file of another replay: %v", err)
	}
	first.Remove()
	if _, interrupted := open("local", "a", ""); interrupted != nil {
		t.Errorf("after it was removed: %v", interrupted)
	}
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = NewState("local", []any{"a"}, spans, now, bad)
	if err == nil || !strings.Contains(err.Error(), "is not the state file") {
		t.Errorf("with another file: %v", err)
	}

	// An environment takes its states along when it goes.
	kept, _ := open("dev", "a", "")
	for _, s := range []*State{first, kept} {
		if err := s.Save(checkpoint); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveStates("local"); err != nil {
		t.Fatal(err)
	}
	if _, interrupted := open("local", "a", ""); interrupted != nil {
		t.Errorf("after its environment is gone: %v", interrupted)
	}
	if _, interrupted := open("dev", "a", ""); interrupted == nil {
		t.Error("the state of another environment is gone")
	}
}
