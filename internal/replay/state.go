// Package replay prepares a replay of stored orders: with the settings of the deployed publisher,
// to the topic or to one subscriber, and with a state file from which an interrupted one goes on.
package replay

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/internal/recovery"
)

const stateVersion = 1

// State is the file in which a replay keeps how far its scan got.
type State struct {
	// Version is the version of the format.
	Version int `json:"version"`
	// Key identifies the replay: its environment, its orders and its target.
	Key string `json:"key"`
	// Begun is when the first run started.
	Begun time.Time `json:"begun"`
	// Spans are those of the first run, so that "until now" does not move.
	Spans []recovery.Span `json:"spans"`
	// Checkpoint is how far the scan got.
	Checkpoint recovery.Checkpoint `json:"checkpoint"`

	file string
}

// OpenState reads the state that an interrupted run of the same replay left, or returns a new one.
// identity is what makes replays the same. file is the state file; "" chooses one for the identity.
// With restart, an existing file is ignored.
func OpenState(
	identity []any, spans []recovery.Span, now time.Time, file string, restart bool,
) (*State, error) {
	encoded, err := json.Marshal(identity)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%x", sha256.Sum256(encoded))[:16]
	if file == "" {
		folder, err := stateFolder()
		if err != nil {
			return nil, err
		}
		file = filepath.Join(folder, "replay-"+key+".json")
	}
	s := &State{Version: stateVersion, Key: key, Begun: now.UTC(), Spans: spans, file: file}
	if restart {
		return s, nil
	}
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	before := &State{file: file}
	err = json.Unmarshal(content, before)
	if err != nil || before.Version != stateVersion || len(before.Checkpoint) == 0 {
		return nil, &failure.Error{
			What: fmt.Sprintf("%s is not the state file of a replay", file),
			Next: "name another file with --resume, or start again with --restart", Err: err,
		}
	}
	if before.Key != key {
		return nil, &failure.Error{
			What: fmt.Sprintf("%s is the state file of another replay", file),
			Next: "repeat the flags of that replay, or name another file with --resume, " +
				"or start again with --restart",
		}
	}
	return before, nil
}

// stateFolder is below the project's .local, or the user's cache outside of a project.
func stateFolder() (string, error) {
	if root, err := local.Root(); err == nil {
		return filepath.Join(root, local.StateDir, "replay"), nil
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		return "", &failure.Error{
			What: "no folder for the state file of the replay: " + err.Error(),
			Next: "name a file with --resume", Err: err,
		}
	}
	return filepath.Join(caches, "orderpipeline"), nil
}

// Save replaces the file as a whole, so that an interrupted write leaves the previous one.
func (s *State) Save(c recovery.Checkpoint) error {
	s.Checkpoint = c
	content, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(s.file+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(s.file+".new", s.file)
}

// Remove removes the file of a replay that is finished. A nil state has none.
func (s *State) Remove() {
	if s != nil {
		_ = os.Remove(s.file)
	}
}
