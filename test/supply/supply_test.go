package main

import (
	"context"
	"strings"
	"testing"
)

const (
	npmClean   = `{"auditReportVersion":2,"vulnerabilities":{},"metadata":{"vulnerabilities":{"total":0},"dependencies":{"total":3}}}`
	npmFound   = `{"auditReportVersion":2,"vulnerabilities":{"aws-cdk":{}},"metadata":{"vulnerabilities":{"high":1,"total":1},"dependencies":{"total":3}}}`
	npmRefused = `{"message":"405 Method Not Allowed - POST https://registry.example.com/-/npm/v1/security/advisories/bulk","statusCode":405}`
	npmNothing = `{"auditReportVersion":2,"vulnerabilities":{},"metadata":{"vulnerabilities":{"total":0},"dependencies":{"total":0}}}`

	pipClean   = `{"dependencies":[{"name":"six","version":"1.17.0","vulns":[]}],"fixes":[]}`
	pipFound   = `{"dependencies":[{"name":"six","version":"1.17.0","vulns":[{"id":"PYSEC-2099-1","fix_versions":[],"aliases":[],"description":"made up"}]}],"fixes":[]}`
	pipSkipped = `{"dependencies":[{"name":"cfn-lint","skip_reason":"Dependency not found on PyPI and could not be audited: cfn-lint (1.58.0)"}],"fixes":[]}`
)

// TestJudge: each tool's own words for clean, found, and a database that does not answer. None of
// the tools keeps the last two apart by its exit status alone.
func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name  string
		judge func(result) (verdict, string)
		r     result
		want  verdict
		why   string
	}{
		{"go clean", judgeGo, result{"No vulnerabilities found.\n", "", 0}, clean, ""},
		{"go found", judgeGo, result{"Vulnerability #1: GO-2099-0001\n", "", 3}, found, "GO-2099-0001"},
		{"go unreachable", judgeGo, result{"", "govulncheck: fetching vulnerabilities: Get \"https://vuln.go.dev/index/modules.json.gz\": no such host\n", 1}, unchecked, "no such host"},
		{"go usage", judgeGo, result{"", "patterns are not accepted for module only scanning\n", 2}, unchecked, "patterns are not accepted"},
		{"go says nothing", judgeGo, result{"", "", 0}, unchecked, "exit status 0"},
		{"go missing", judgeGo, result{"", "exec: \"go\": executable file not found in $PATH", -1}, unchecked, "not found"},

		{"npm clean", judgeNPM, result{npmClean, "", 0}, clean, ""},
		{"npm found", judgeNPM, result{npmFound, "", 1}, found, "aws-cdk"},
		{"npm refused", judgeNPM, result{npmRefused, "npm error audit endpoint returned an error\n", 1}, unchecked, "405 Method Not Allowed"},
		{"npm no lock file", judgeNPM, result{npmNothing, "", 0}, unchecked, "lists no package"},
		{"npm other output", judgeNPM, result{"", "npm error code ENOLOCK\n", 1}, unchecked, "ENOLOCK"},
		{"npm clean, but failed", judgeNPM, result{npmClean, "npm error killed\n", 1}, unchecked, "killed"},

		{"pip clean", judgePython, result{pipClean, "No known vulnerabilities found\n", 0}, clean, ""},
		{"pip found", judgePython, result{pipFound, "Found 1 known vulnerability\n", 1}, found, "six 1.17.0: PYSEC-2099-1 made up"},
		{"pip skipped", judgePython, result{pipSkipped, "No known vulnerabilities found\n", 0}, unchecked, "1 packages skipped: Dependency not found on PyPI"},
		{"pip unreachable", judgePython, result{"", "Traceback\nrequests.exceptions.ConnectionError: Failed to resolve 'api.osv.dev'\n", 1}, unchecked, "Failed to resolve"},
		{"pip nothing", judgePython, result{`{"dependencies":[]}`, "", 0}, unchecked, "dependencies"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, why := test.judge(test.r)
			if got != test.want || !strings.Contains(why, test.why) {
				t.Errorf("verdict %d, %q; want %d, %q", got, why, test.want, test.why)
			}
		})
	}
}

// TestVulnStatus: one audit that could not be made is no pass, and one finding fails in any case.
func TestVulnStatus(t *testing.T) {
	for _, test := range []struct {
		name string
		npm  string
		pip  string
		want int
		says []string
	}{
		{"clean", npmClean, pipClean, statusClean, []string{"npm, CDK CLI: no known vulnerabilities"}},
		{"unchecked", npmRefused, pipClean, statusUnchecked,
			[]string{"npm, CDK CLI: NOT CHECKED (405 Method", "1 of 7 audits", "This is not a pass: npm, CDK CLI"}},
		{"found", npmClean, pipFound, statusFound, []string{"judges: VULNERABLE\n  six 1.17.0"}},
		{"both", npmRefused, pipFound, statusFound, []string{"This is not a pass: npm", "known vulnerabilities: Python"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			all := audits(func(string) string { return "" }, []string{"examples/own-step"})
			got := vuln(t.Context(), &out, all, func(_ context.Context, args ...string) result {
				switch args[0] {
				case "npm":
					return result{stdout: test.npm}
				case "go":
					return result{stdout: "No vulnerabilities found.\n"}
				}
				return result{stdout: test.pip}
			})
			if got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
			for _, want := range test.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("says\n%s\nwithout %q", out.String(), want)
				}
			}
		})
	}
}

// TestZips: the functions of an asset manifest, and nothing else.
func TestZips(t *testing.T) {
	got, err := zips([]byte(`{"files":{
		"22":{"displayName":"Pipeline/Processor/Code","source":{"path":"asset.22","packaging":"zip"}},
		"11":{"displayName":"API/Status/Code","source":{"path":"asset.11","packaging":"zip"}},
		"33":{"displayName":"Template","source":{"path":"Orders.template.json","packaging":"file"}}}}`))
	if err != nil || len(got) != 2 || got[0] != (asset{"processor", "22", "asset.22"}) || got[1] != (asset{"status", "11", "asset.11"}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := zips([]byte(`{"files":{}}`)); err == nil {
		t.Error("a manifest without functions passes")
	}
}

// TestWithAsset: the hash is added to what is there, and an empty document is an error.
func TestWithAsset(t *testing.T) {
	text, n, err := withAsset([]byte(`{"bomFormat":"CycloneDX","components":[{}],"properties":[{"name":"a"}]}`), "11")
	if err != nil || n != 1 || !strings.Contains(string(text), `"orderpipeline:cdk:asset"`) || !strings.Contains(string(text), `"a"`) {
		t.Errorf("%s, %d, %v", text, n, err)
	}
	for _, bad := range []string{`{"bomFormat":"CycloneDX"}`, `{"components":[{}]}`, ``} {
		if _, _, err := withAsset([]byte(bad), ""); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}
