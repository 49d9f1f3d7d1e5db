package filterpolicy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMatch: the policies as AWS documents them ("String value matching", "AND/OR logic").
func TestMatch(t *testing.T) {
	for _, test := range []struct {
		policy, channel string // channel "": the attribute is missing
		want            bool
	}{
		{`{}`, "", true},
		{`{"channel":["web"]}`, "web", true},
		{`{"channel":["web"]}`, "store", false},
		{`{"channel":["web"]}`, "Web", false},
		{`{"channel":["web"]}`, "", false},
		{`{"channel":["store","web"]}`, "web", true},
		{`{"channel":["web"],"currency":["EUR"]}`, "web", true},
		{`{"channel":["web"],"currency":["USD"]}`, "web", false},
		{`{"channel":[{"prefix":"we"}]}`, "web", true},
		{`{"channel":[{"prefix":"eb"}]}`, "web", false},
		{`{"channel":[{"suffix":"eb"}]}`, "web", true},
		{`{"channel":[{"suffix":"b"}]}`, "store", false},
		{`{"channel":[{"equals-ignore-case":"WEB"}]}`, "web", true},
		{`{"channel":[{"equals-ignore-case":"WEB"}]}`, "store", false},
		{`{"channel":[{"anything-but":"web"}]}`, "web", false},
		{`{"channel":[{"anything-but":"web"}]}`, "store", true},
		{`{"channel":[{"anything-but":["web","store"]}]}`, "store", false},
		{`{"channel":[{"anything-but":["web","store"]}]}`, "phone", true},
		{`{"channel":[{"anything-but":"web"}]}`, "", false},
		{`{"channel":[{"anything-but":{"prefix":"we"}}]}`, "web", false},
		{`{"channel":[{"anything-but":{"prefix":"we"}}]}`, "store", true},
		{`{"channel":[{"exists":false}]}`, "", true},
		{`{"channel":[{"exists":false}]}`, "web", false},
		{`{"channel":[{"exists":true}]}`, "", false},
		{`{"channel":[{"exists":true}]}`, "web", true},
		{`{"channel":[{"anything-but":"web"},{"exists":false}]}`, "", true},
		{`{"channel":[{"cidr":"10.0.0.0/24"}]}`, "10.0.0.7", true},
		{`{"channel":[{"cidr":"10.0.0.0/24"}]}`, "10.0.1.7", false},
		{`{"channel":[{"cidr":"10.0.0.0/24"}]}`, "web", false},
		{`{"channel":[7]}`, "7", false},
		{`{"channel":[{"numeric":["=",7]}]}`, "7", false},
		{`{"channel":[true,null]}`, "true", false},
		{`{"$or":[{"channel":["web"]},{"currency":["USD"]}]}`, "web", true},
		{`{"$or":[{"channel":["web"]},{"currency":["EUR"]}]}`, "", true},
		{`{"$or":[{"channel":["web"]},{"currency":["USD"]}]}`, "store", false},
		{`{"currency":["USD"],"$or":[{"channel":["web"]},{"channel":["store"]}]}`, "web", false},
		{`{"$or":[{"channel":["web"],"currency":["USD"]},{"channel":["store"]}]}`, "web", false},
		{`{"$or":["web"]}`, "web", false}, // a key like any other
	} {
		policy, err := Parse(Attributes, []byte(test.policy))
		if err != nil {
			t.Errorf("%s: %v", test.policy, err)
			continue
		}
		attributes := map[string]string{"currency": "EUR"}
		if test.channel != "" {
			attributes["channel"] = test.channel
		}
		if got := policy.Match(attributes); got != test.want {
			t.Errorf("%s lets channel %q through: %t, want %t", test.policy, test.channel, got, test.want)
		}
	}
}

// TestParseRefuses: what SNS refuses, and what no message can match in any scope.
func TestParseRefuses(t *testing.T) {
	list := func(n int) string { return strings.TrimSuffix(strings.Repeat(`"x",`, n), ",") }
	for _, test := range []struct {
		scope        Scope
		policy, want string
	}{
		{Attributes, `x`, "not JSON"},
		{Attributes, `{} {}`, "not JSON"},
		{Attributes, `[]`, "not a JSON object"},
		{Attributes, `{"a":"web"}`, `a has the value "web" (SNS needs a list of values)`},
		{Attributes, `{"a":[]}`, "a has an empty list (SNS refuses it, and no value is in it)"},
		{Attributes, `{"a":{"b":["x"]}}`, "a is nested (SNS allows nesting in a policy on the message body only)"},
		{Body, `{"data":{}}`, "data has no conditions"},
		{Body, `{"data":{"a":"x"}}`, `data.a has the value "x" (SNS needs a list of values)`},
		{Body, `{"data":{"a":[]}}`, "data.a has an empty list (SNS refuses it, and no value is in it)"},
		{Attributes, `{"$or":[{"a":["x"]},{}]}`, "$or has an alternative without conditions"},
		{Attributes, `{"$or":[{"a":[]},{"b":["x"]}]}`, "a has an empty list (SNS refuses it, and no value is in it)"},
		{Attributes, `{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}`, "6 keys are too many (SNS allows 5)"},
		{Body, `{"data":{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}}`, "6 keys are too many (SNS allows 5)"},
		{Attributes, `{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"$or":[{"f":["1"]},{"g":["1"]}]}`, "6 keys are too many (SNS allows 5)"},
		{Attributes, `{"a":[` + list(151) + `]}`, "151 combinations of values are too many"},
		{Attributes, `{"a":[` + list(13) + `],"b":[` + list(12) + `]}`, "156 combinations of values are too many"},
		{Body, `{"a":{"b":{"c":[` + list(4) + `]}},"d":{"e":[` + list(7) + `]}}`, "168 combinations of values are too many"},
		{Attributes, `{"a":[` + list(50) + `],"$or":[{"b":[` + list(2) + `]},{"c":[` + list(2) + `]}]}`, "200 combinations of values are too many"},
		{Attributes, `{"a":[["x"]]}`, `a: ["x"] is not a string, a number, true, false, null or an operator`},
		{Attributes, `{"a":[{"prefix":"x","suffix":"y"}]}`, `is not one operator`},
		{Attributes, `{"a":[{"wildcard":"x*"}]}`, `a: {"wildcard":"x*"} has no operator of SNS (prefix, suffix, equals-ignore-case, anything-but, numeric, cidr, exists)`},
		{Attributes, `{"a":[{"prefix":1}]}`, `a: {"prefix":1} needs a string`},
		{Attributes, `{"a":[{"suffix":null}]}`, `needs a string`},
		{Attributes, `{"a":[{"equals-ignore-case":["x"]}]}`, `needs a string`},
		{Attributes, `{"a":[{"exists":"true"}]}`, `needs true or false`},
		{Attributes, `{"a":[{"cidr":"10.0.0.0"}]}`, `needs a range of addresses such as 10.0.0.0/24`},
		{Attributes, `{"a":[{"anything-but":[]}]}`, `needs texts or numbers, at least one, and not both`},
		{Attributes, `{"a":[{"anything-but":["x",1]}]}`, `needs texts or numbers, at least one, and not both`},
		{Attributes, `{"a":[{"anything-but":{"suffix":"x"}}]}`, `is not supported by SNS (anything-but takes texts, numbers or a prefix)`},
		{Attributes, `{"a":[{"numeric":[]}]}`, `is not a comparison or a range`},
		{Attributes, `{"a":[{"numeric":[">"]}]}`, `is not a comparison or a range`},
		{Attributes, `{"a":[{"numeric":["<",1,">",0]}]}`, `is not a comparison or a range`},
		{Attributes, `{"a":[{"numeric":[">",1,"<",2,"<",3]}]}`, `is not a comparison or a range`},
		{Attributes, `{"a":[{"numeric":[">","1"]}]}`, `is not a comparison or a range`},
		{Attributes, `{"a":[{"numeric":[">=",5,"<=",5]}]}`, `{"numeric":[">=",5,"<=",5]} is an empty range (SNS needs the lower limit first)`},
	} {
		_, err := Parse(test.scope, []byte(test.policy))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want %s", test.policy, err, test.want)
		}
	}
	_, err := Parse(Attributes, []byte(`{"a":[],"b":"x"}`))
	if problems := Problems(err); len(problems) != 2 {
		t.Errorf("problems are %v, want both", problems)
	}
	if problems := Problems(fmt.Errorf("one")); len(problems) != 1 {
		t.Errorf("problems are %v, want one", problems)
	}
}

// TestParseAccepts: the limits themselves are within the limits, and every operator is known.
func TestParseAccepts(t *testing.T) {
	list := func(n int) string { return strings.TrimSuffix(strings.Repeat(`"x",`, n), ",") }
	for _, test := range []struct {
		scope  Scope
		policy string
	}{
		{Attributes, `{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"]}`},
		{Attributes, `{"a":[` + list(150) + `]}`},
		{Attributes, `{"a":["x",1,1.5,true,null,{"prefix":"x"},{"suffix":"x"},{"equals-ignore-case":"x"},{"anything-but":"x"},{"anything-but":[1,2]},{"exists":true},{"cidr":"::/8"}]}`},
		{Attributes, `{"a":[{"numeric":["=",1]},{"numeric":[">",-1.5,"<=",2]},{"numeric":["<",3]}]}`},
		{Body, `{"a":{"b":{"c":[` + list(4) + `]}},"d":{"e":[` + list(3) + `]}}`}, // 72, as in the page
	} {
		if _, err := Parse(test.scope, []byte(test.policy)); err != nil {
			t.Errorf("%s: %v", test.policy, err)
		}
	}
}

func TestAlternatives(t *testing.T) {
	policy, err := Parse(Body, []byte(`{"a":["1"],"b":{"$or":[{"c":["2"]},{"d":[3],"e":[null]}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, alternative := range policy.Alternatives {
		var names []string
		for _, leaf := range alternative {
			names = append(names, fmt.Sprint(leaf.Name(), leaf.Conditions))
		}
		got = append(got, strings.Join(names, " "))
	}
	want := []string{`a["1"] b.c["2"]`, `a["1"] b.d[3] b.e[null]`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alternatives (-want +got):\n%s", diff)
	}
}

// FuzzParse: whatever a policy holds, it is parsed within the limits or refused.
func FuzzParse(f *testing.F) {
	f.Add(`{"a":["x"],"$or":[{"b":[1]},{"c":[{"numeric":[">",1,"<",2]}]}]}`)
	f.Add(`{"a":{"b":{"$or":[{"c":[{"exists":false}]},{"d":[{"anything-but":{"prefix":"x"}}]}]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, scope := range []Scope{Attributes, Body} {
			policy, err := Parse(scope, []byte(text))
			if err != nil {
				continue
			}
			policy.Match(map[string]string{"a": "x"})
			if n := len(policy.Alternatives); n == 0 || n > MaxCombinations {
				t.Errorf("%d alternatives", n)
			}
		}
	})
}
