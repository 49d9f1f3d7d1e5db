package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// Exit statuses of supply vuln. Findings come before audits that could not be made.
const (
	statusClean     = 0
	statusFound     = 1
	statusUnchecked = 3
)

// verdict is what an audit came to. Only a database that answered can make it clean.
type verdict int

const (
	unchecked verdict = iota
	clean
	found
)

// audit asks one vulnerability database about one set of packages.
type audit struct {
	name    string
	command []string
	// judge reads the verdict from how the command ended, and why: the findings, or what went wrong.
	judge func(result) (verdict, string)
}

// audits are all of them. The variables GOVULNDB and OSV_URL name mirrors of the databases; npm has
// its registry setting. The examples are folders with modules of their own.
func audits(getenv func(string) string, examples []string) []audit {
	goAudit := func(name string, args ...string) audit {
		command := append(slices.Clone(goTool), "govulncheck")
		if db := getenv("GOVULNDB"); db != "" {
			command = append(command, "-db", db)
		}
		return audit{"Go, " + name, append(command, args...), judgeGo}
	}
	// Not the database of PyPI itself: pip-audit passes packages that PyPI does not answer for.
	osv := cmp.Or(getenv("OSV_URL"), "https://api.osv.dev/v1/query")
	pythonAudit := func(name, requirements string) audit {
		return audit{"Python, " + name, []string{".local/judges/bin/pip-audit", "--format=json",
			"--progress-spinner=off", "--vulnerability-service=osv", "--osv-url=" + osv, "--disable-pip",
			"--require-hashes", "--requirement=" + requirements}, judgePython}
	}
	all := []audit{
		goAudit("this module", "-tags=emulator,slow", "./..."),
		goAudit("golangci-lint", "-C=tools", "-scan=package", "tool"),
		goAudit("audit tools", "-C=tools/supply", "-scan=package", "tool"),
		{"npm, CDK CLI", []string{"npm", "audit", "--json"}, judgeNPM},
		pythonAudit("emulator", "internal/local/requirements.txt"),
		pythonAudit("judges", "tools/requirements.txt"),
	}
	for _, example := range examples {
		all = append(all, goAudit(filepath.ToSlash(example), "-C="+example, "-scan=package", "./..."))
	}
	return all
}

// vuln makes all audits and gives the exit status.
func vuln(
	ctx context.Context, out io.Writer, audits []audit, run func(context.Context, ...string) result,
) int {
	var notChecked, withFindings []string
	for _, a := range audits {
		switch v, why := a.judge(run(ctx, a.command...)); v {
		case clean:
			fmt.Fprintf(out, "%s: no known vulnerabilities\n", a.name)
		case found:
			withFindings = append(withFindings, a.name)
			fmt.Fprintf(out, "%s: VULNERABLE\n%s\n", a.name, why)
		default:
			notChecked = append(notChecked, a.name)
			fmt.Fprintf(out, "%s: NOT CHECKED (%s)\n", a.name, why)
		}
	}
	status := statusClean
	if len(notChecked) > 0 {
		status = statusUnchecked
		fmt.Fprintf(out, "\nvuln: %d of %d audits could not reach their database or failed. "+
			"This is not a pass: %s\n", len(notChecked), len(audits), strings.Join(notChecked, "; "))
	}
	if len(withFindings) > 0 {
		status = statusFound
		fmt.Fprintf(out, "\nvuln: known vulnerabilities: %s\n", strings.Join(withFindings, "; "))
	}
	return status
}

// judgeGo relies on govulncheck's exit statuses: 0 and 3 are verdicts, all others are
// failures.
func judgeGo(r result) (verdict, string) {
	switch {
	case r.status == 0 && r.stdout != "":
		return clean, ""
	case r.status == 3:
		return found, r.stdout
	}
	return unchecked, failureOf(r)
}

// judgeNPM reads the report: npm exits with 1 for findings and for a registry that does not answer.
func judgeNPM(r result) (verdict, string) {
	var report struct {
		AuditReportVersion int
		Message            string
		Metadata           struct {
			Vulnerabilities struct{ Total *int }
			Dependencies    struct{ Total int }
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		return unchecked, failureOf(r)
	}
	total := report.Metadata.Vulnerabilities.Total
	switch {
	case report.AuditReportVersion == 0 || total == nil:
		return unchecked, cmp.Or(report.Message, failureOf(r))
	case report.Metadata.Dependencies.Total == 0:
		return unchecked, "the report lists no package"
	case *total > 0:
		return found, r.stdout
	case r.status != 0:
		return unchecked, failureOf(r)
	}
	return clean, ""
}

// judgePython reads the report: pip-audit exits with 0 also when it skipped a package.
func judgePython(r result) (verdict, string) {
	var report struct {
		Dependencies []struct {
			Name, Version string
			Vulns         []struct{ ID, Description string }
			SkipReason    string `json:"skip_reason"`
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || len(report.Dependencies) == 0 {
		return unchecked, failureOf(r)
	}
	var findings, skipped []string
	for _, d := range report.Dependencies {
		if d.SkipReason != "" {
			skipped = append(skipped, d.SkipReason)
		}
		for _, v := range d.Vulns {
			findings = append(findings,
				fmt.Sprintf("  %s %s: %s %s", d.Name, d.Version, v.ID, v.Description))
		}
	}
	switch {
	case len(findings) > 0:
		return found, strings.Join(findings, "\n")
	case len(skipped) > 0:
		return unchecked, fmt.Sprintf("%d packages skipped: %s", len(skipped), skipped[0])
	case r.status != 0:
		return unchecked, failureOf(r)
	}
	return clean, ""
}

func failureOf(r result) string {
	return cmp.Or(lastLine(r.stderr), lastLine(r.stdout), fmt.Sprintf("exit status %d", r.status))
}
