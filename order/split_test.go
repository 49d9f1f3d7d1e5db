package order_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/order"
)

func TestSplit(t *testing.T) {
	elements := func(n int) string { return "[" + strings.Repeat("{},", n-1) + "{}]" }
	tests := []struct {
		name, body string
		want       []string
		batch      bool
		code       order.Code
	}{
		{"one order", good, []string{good}, false, ""},
		{"one order, with white space", " {}\n", []string{" {}\n"}, false, ""},
		{"no order, but a document", "null", []string{"null"}, false, ""},
		{"a string", `"[]"`, []string{`"[]"`}, false, ""},
		{"an array of one", "[" + good + "]", []string{good}, true, ""},
		{"the bytes of each", "\n[ {\"a\" : 1.00} ,\t{\"b\":\"\\ud800,]\"}\r\n, {} ] ",
			[]string{`{"a" : 1.00}`, `{"b":"\ud800,]"}`, "{}"}, true, ""},
		{"whatever the elements are", `[1,"a",null,[[]],[],{"a":[1,2]}]`,
			[]string{"1", `"a"`, "null", "[[]]", "[]", `{"a":[1,2]}`}, true, ""},
		{"duplicates are for Parse to find", `[{"a":1,"a":1}]`, []string{`{"a":1,"a":1}`}, true, ""},
		{"the most", elements(order.MaxMessageOrders),
			strings.Split(strings.Trim(elements(order.MaxMessageOrders), "[]"), ","), true, ""},

		{"too many", elements(order.MaxMessageOrders + 1), nil, true, order.BatchTooLong},
		{"none", " [ ] ", nil, true, order.EmptyBatch},
		{"nothing", "", nil, false, order.NotJSON},
		{"not JSON", "a", nil, false, order.NotJSON},
		{"not closed", "[{}", nil, false, order.NotJSON},
		{"more behind", "[{}]]", nil, false, order.NotJSON},
		{"a comma too many", "[{},]", nil, false, order.NotJSON},
		{"one bad element", "[{},{]", nil, false, order.NotJSON},
		{"invalid UTF-8", "[{},\"\xff\"]", nil, false, order.NotJSON},
		{"too many, and not JSON", elements(2000) + "]", nil, false, order.NotJSON},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			documents, batch, refusal := order.Split([]byte(test.body))
			var got []string
			for _, document := range documents {
				got = append(got, string(document))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
			if batch != test.batch {
				t.Errorf("got batch %v, want %v", batch, test.batch)
			}
			var want *order.Refusal
			if test.code != "" {
				want = &order.Refusal{Code: test.code}
			}
			if diff := cmp.Diff(want, refusal); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
}

// An append to one document must not write into the next.
func TestSplitDocumentsAreApart(t *testing.T) {
	documents, _, _ := order.Split([]byte("[{},{}]"))
	_ = append(documents[0], 'x')
	if string(documents[1]) != "{}" {
		t.Errorf("got %s", documents[1])
	}
	_ = append(documents[0], "xxxx"...)
	if cap(documents[0]) != len(documents[0]) {
		t.Error("room to write into the next")
	}
}
