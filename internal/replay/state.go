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

const stateVersion = 2

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

// NewState returns the state of a replay that starts now. interrupted is what an earlier run of the
// same replay left, nil for nothing; the new run replaces it.
//
// identity is what makes replays the same, apart from the environment. file is the state file; ""
// chooses one for the environment and the identity.
func NewState(
	env string, identity []any, spans []recovery.Span, now time.Time, file string,
) (s, interrupted *State, err error) {
	encoded, err := json.Marshal([]any{env, identity})
	if err != nil {
		return nil, nil, err
	}
	key := fmt.Sprintf("%x", sha256.Sum256(encoded))[:16]
	if file == "" {
		folder, err := stateFolder()
		if err != nil {
			return nil, nil, err
		}
		file = filepath.Join(folder, "replay-"+env+"-"+key+".json")
	}
	s = &State{Version: stateVersion, Key: key, Begun: now.UTC(), Spans: spans, file: file}
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	interrupted = &State{file: file}
	err = json.Unmarshal(content, interrupted)
	if err != nil || interrupted.Version != stateVersion || len(interrupted.Checkpoint) == 0 {
		return nil, nil, &failure.Error{
			What: fmt.Sprintf("%s is not the state file of a replay of this version", file),
			Next: "remove it, or name another file with --state", Err: err,
		}
	}
	if interrupted.Key != key {
		return nil, nil, &failure.Error{
			What: fmt.Sprintf("%s is the state file of another replay", file),
			Next: "repeat the flags of that replay, or name another file with --state",
		}
	}
	return s, interrupted, nil
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
			Next: "name a file with --state", Err: err,
		}
	}
	return filepath.Join(caches, "orderpipeline"), nil
}

// RemoveStates removes the states of all interrupted replays of an environment.
func RemoveStates(env string) error {
	folder, err := stateFolder()
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(folder, "replay-"+env+"-*.json"))
	for _, file := range files {
		err = errors.Join(err, os.Remove(file))
	}
	return err
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
