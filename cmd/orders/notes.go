package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/internal/recovery"
)

// replayNotes is the file in which a replay keeps how far its scan has come.
type replayNotes struct {
	Version    int                 `json:"version"` // 1
	Key        string              `json:"key"`     // which replay it is of
	Begun      time.Time           `json:"begun"`
	Spans      []recovery.Span     `json:"spans"` // as they were then: "until now" does not move
	Checkpoint recovery.Checkpoint `json:"checkpoint"`

	file string
}

// notes finds what an interrupted run of the same command has left, or begins anew.
func (r *replay) notes(spans []recovery.Span) (*replayNotes, error) {
	parts := []any{r.deployment.Env, r.deployment.TableName, r.cmd.ToSubscriber}
	if r.cmd.From != nil {
		to := ""
		if r.cmd.To != nil {
			to = r.cmd.To.text
		}
		parts = append(parts, r.cmd.From.text, to)
	} else {
		parts = append(parts, spans)
	}
	encoded, err := json.Marshal(parts)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%x", sha256.Sum256(encoded))[:16]
	n := &replayNotes{Version: 1, Key: key, Begun: r.cmd.now.UTC(), Spans: spans, file: r.cmd.Resume}
	if n.file == "" {
		folder, err := notesFolder()
		if err != nil {
			return nil, err
		}
		n.file = filepath.Join(folder, "replay-"+key+".json")
	}
	if r.cmd.Restart {
		return n, nil
	}
	content, err := os.ReadFile(n.file)
	if errors.Is(err, os.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return nil, err
	}
	var before replayNotes
	if err := json.Unmarshal(content, &before); err != nil || before.Version != 1 || len(before.Checkpoint) == 0 {
		return nil, &failure{what: fmt.Sprintf("%s is not the file of a replay", n.file), next: "name another with --resume, or begin anew with --restart", err: err}
	}
	if before.Key != key {
		return nil, &failure{what: fmt.Sprintf("%s is the file of another replay", n.file), next: "give the very flags of that one, or name another file with --resume, or begin anew with --restart"}
	}
	before.file = n.file
	return &before, nil
}

// notesFolder is below the project's .local, or the person's caches where there is no project around.
func notesFolder() (string, error) {
	if root, err := local.Root(); err == nil {
		return filepath.Join(root, local.StateDir, "replay"), nil
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		return "", &failure{what: "there is no place to note how far the replay has come: " + err.Error(), next: "name a file with --resume", err: err}
	}
	return filepath.Join(caches, "orderpipeline"), nil
}

// apply lets the scan go on from the notes, and keep them.
func (n *replayNotes) apply(r *replay) {
	if len(n.Checkpoint) > 0 {
		fmt.Fprintf(r.stderr, "going on with the run of %s, which has published %s (--restart begins anew)\n",
			n.Begun.Format(time.RFC3339), count(n.Checkpoint.Published(), "event"))
	}
	r.replay.Checkpoint = n.Checkpoint
	r.replay.Save = func(c recovery.Checkpoint) error {
		n.Checkpoint = c
		return n.write()
	}
}

// write replaces the file as a whole: a cut-off one would be worth nothing.
func (n *replayNotes) write() error {
	content, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(n.file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(n.file+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(n.file+".new", n.file)
}

func (n *replayNotes) remove() {
	if n != nil { // there was no scan
		_ = os.Remove(n.file)
	}
}
