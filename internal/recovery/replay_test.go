package recovery

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMerge(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 14, 0, minute, 0, 0, time.UTC) }
	got := Merge([]Span{{at(10), at(12)}, {at(0), at(5)}, {at(3), at(4)}, {at(5), at(7)}})
	if diff := cmp.Diff([]Span{{at(0), at(7)}, {at(10), at(12)}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestParseFilter: the policies as AWS documents them ("Amazon SNS, String value matching").
func TestParseFilter(t *testing.T) {
	for _, test := range []struct {
		policy, channel string // channel "": the attribute is missing
		want            bool
	}{
		{``, "web", true},
		{`{}`, "", true},
		{`{"channel":["web"]}`, "web", true},
		{`{"channel":["web"]}`, "store", false},
		{`{"channel":["web"]}`, "", false},
		{`{"channel":["store","web"]}`, "web", true},
		{`{"channel":["web"],"currency":["EUR"]}`, "web", true},
		{`{"channel":["web"],"currency":["USD"]}`, "web", false},
		{`{"channel":[{"prefix":"we"}]}`, "web", true},
		{`{"channel":[{"suffix":"b"}]}`, "store", false},
		{`{"channel":[{"equals-ignore-case":"WEB"}]}`, "web", true},
		{`{"channel":[{"anything-but":"web"}]}`, "web", false},
		{`{"channel":[{"anything-but":["web","store"]}]}`, "phone", true},
		{`{"channel":[{"anything-but":"web"}]}`, "", false},
		{`{"channel":[{"exists":false}]}`, "", true},
		{`{"channel":[{"exists":true}]}`, "", false},
	} {
		filter, err := ParseFilter(test.policy)
		if err != nil {
			t.Errorf("%s: %v", test.policy, err)
			continue
		}
		attributes := map[string]string{"currency": "EUR"}
		if test.channel != "" {
			attributes["channel"] = test.channel
		}
		if got := filter(attributes); got != test.want {
			t.Errorf("%s lets channel %q through: %t, want %t", test.policy, test.channel, got, test.want)
		}
	}
	for _, policy := range []string{`x`, `{"channel":"web"}`, `{"$or":[{"channel":["web"]}]}`,
		`{"channel":[{"numeric":[">",1]}]}`, `{"channel":[1]}`, `{"channel":[null]}`,
		`{"channel":[{"anything-but":{"prefix":"x"}}]}`} {
		if _, err := ParseFilter(policy); err == nil || !strings.Contains(err.Error(), "filter policy") {
			t.Errorf("%s: %v, want an error", policy, err)
		}
	}
}
