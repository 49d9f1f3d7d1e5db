package documents

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/order"
)

func TestRead(t *testing.T) {
	type place struct {
		Line int
		Text string
	}
	for name, test := range map[string]struct {
		input string
		want  []place
		err   string
	}{
		"one":         {" {\"a\" : 1.0}\n", []place{{1, `{"a" : 1.0}`}}, ""},
		"lines":       {"{}\n\n7\n", []place{{1, "{}"}, {3, "7"}}, ""},
		"array":       {"[ {} ,\n\"b\"]\n[1]", []place{{1, "{}"}, {2, `"b"`}, {3, "1"}}, ""},
		"not JSON":    {"{}\n{\n oops}", nil, "f:3: not JSON"},
		"cut off":     {"{}\n{\"a\":\n\n", nil, "f:2: not JSON: it ends in the middle"},
		"empty":       {" \n", nil, "f: contains no order"},
		"byte order":  {"\xef\xbb\xbf{}", nil, "f:1: starts with a byte order mark"},
		"a comma":     {"{},", nil, "f:1: not JSON"},
		"empty array": {"[]", nil, "contains no order"},
	} {
		t.Run(name, func(t *testing.T) {
			documents, err := Read("f", []byte(test.input))
			var got []place
			for _, d := range documents {
				got = append(got, place{d.Line, string(d.Bytes)})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}

// The samples are valid, each spelled so that careless code changes it, and no two alike.
func TestSamples(t *testing.T) {
	schema := order.DefaultSchema()
	seen := map[string]bool{}
	web, changed := 0, 0
	for i := range 100 {
		d := Sample("run", i)
		parsed, refusal := schema.Parse(d.Bytes)
		if refusal != nil || parsed.ID != d.ID || seen[d.ID] {
			t.Errorf("sample %d: %v, id %q: %s", i, refusal, parsed.ID, d.Bytes)
		}
		seen[d.ID] = true
		if d.Channel() == "web" {
			web++
		}
		var value any
		if err := json.Unmarshal(d.Bytes, &value); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(value); !bytes.Equal(again, d.Bytes) {
			changed++
		}
	}
	if web != 50 || changed != 100 {
		t.Errorf("%d of channel web, want 50; decoding and encoding changes %d, want all 100", web, changed)
	}
	if one, other := NewRun("x"), NewRun("x"); one == other {
		t.Error("two runs share their ids")
	}
}
