package orderapi

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestASCII(t *testing.T) {
	const text = `{"title":"Bestellung für 日本 😀 \u00e9","x":"a\\"}`
	got := ascii(text)
	if strings.ContainsFunc(got, func(r rune) bool { return r > 127 }) {
		t.Errorf("not ASCII: %s", got)
	}
	var want, value any
	if err := errors.Join(json.Unmarshal([]byte(text), &want), json.Unmarshal([]byte(got), &value)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, value); diff != "" {
		t.Errorf("another value (-want +got):\n%s", diff)
	}
}
