package lint

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// TestExportedNamesAreDocumented: every exported name of every package has a doc comment: functions, types, methods, constants and
// variables everywhere (a group's comment counts for its members); struct fields and interface methods in the constructs and the
// stacks as well, where the comment is the documentation of a setting: unit, default, what it is for.
func TestExportedNamesAreDocumented(t *testing.T) {
	folders := map[string][]string{}
	for _, file := range sources(t) {
		if strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") && !strings.Contains(file, "testdata/") {
			folders[path.Dir(file)] = append(folders[path.Dir(file)], file)
		}
	}
	names := 0
	for folder, files := range folders {
		set := token.NewFileSet()
		var parsed []*ast.File
		for _, file := range files {
			syntax, err := parser.ParseFile(set, filepath.Join(root, file), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, syntax)
		}
		pkg, err := doc.NewFromFiles(set, parsed, folder)
		if err != nil {
			t.Fatal(err)
		}
		c := checker{t: t, set: set, names: &names, fields: folder == "stacks" || strings.HasPrefix(folder, "constructs/") && !strings.Contains(folder, "/internal/")}
		if pkg.Doc == "" {
			t.Errorf("%s: the package has no comment", folder)
		}
		c.values(pkg.Consts)
		c.values(pkg.Vars)
		c.funcs(pkg.Funcs)
		for _, typ := range pkg.Types {
			c.typ(typ)
			c.values(typ.Consts)
			c.values(typ.Vars)
			c.funcs(typ.Funcs)
			c.funcs(typ.Methods)
		}
	}
	if names < 100 {
		t.Errorf("looked at %d names only: does the test see the source?", names)
	}
}

type checker struct {
	t      *testing.T
	set    *token.FileSet
	names  *int
	fields bool
}

func (c checker) want(documented bool, at token.Pos, name string) {
	c.t.Helper()
	if *c.names++; !documented {
		c.t.Errorf("%s: %s has no doc comment", strings.TrimPrefix(c.set.Position(at).String(), root+"/"), name)
	}
}

func (c checker) values(values []*doc.Value) {
	for _, value := range values {
		for _, spec := range value.Decl.Specs {
			spec := spec.(*ast.ValueSpec)
			for _, name := range spec.Names {
				if name.IsExported() {
					c.want(value.Doc != "" || spec.Doc != nil || spec.Comment != nil, name.Pos(), name.Name)
				}
			}
		}
	}
}

func (c checker) funcs(funcs []*doc.Func) {
	for _, f := range funcs {
		c.want(f.Doc != "", f.Decl.Pos(), strings.TrimPrefix(f.Recv+"."+f.Name, "."))
	}
}

func (c checker) typ(typ *doc.Type) {
	c.want(typ.Doc != "", typ.Decl.Pos(), typ.Name)
	if !c.fields {
		return
	}
	for _, spec := range typ.Decl.Specs {
		var members *ast.FieldList
		switch body := spec.(*ast.TypeSpec).Type.(type) {
		case *ast.StructType:
			members = body.Fields
		case *ast.InterfaceType:
			members = body.Methods
		default:
			continue
		}
		for _, member := range members.List {
			for _, name := range member.Names { // none: embedded, documented where it comes from
				if name.IsExported() {
					c.want(member.Doc != nil || member.Comment != nil, name.Pos(), typ.Name+"."+name.Name)
				}
			}
		}
	}
}

// In pieces, so that this file passes its own test.
var (
	registryHosts = regexp.MustCompile(`(?i)\b(` + strings.Join([]string{
		`registry\.` + `npmjs\.org`, `registry\.` + `yarnpkg\.com`, `npm\.` + `pkg\.github\.com`,
		`pypi\.` + `org`, `files\.` + `pythonhosted\.org`,
		`proxy\.` + `golang\.org`, `sum\.` + `golang\.org`,
		`repo1?\.` + `maven\.(apache\.)?org`,
	}, `|`) + `)\b`)
	machinePaths = regexp.MustCompile(`(?:^|[\s"'` + "`" + `=:(,<>\[])(/` + `root|/` + `work|/` + `home/[a-z0-9_-]+|/` + `Users/[A-Za-z0-9_-]+)(?:/|["'` + "`" + `\s)>\],:]|$)`)
)

// TestNoRegistryOrMachineInTheSource: no file names the host of a package registry (each machine's own settings say where packages
// come from) or a path of the machine that it was written on.
func TestNoRegistryOrMachineInTheSource(t *testing.T) {
	for _, file := range sources(t) {
		content, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		number := 0
		for line := range strings.Lines(string(content)) {
			number++
			if found := registryHosts.FindString(line); found != "" {
				t.Errorf("%s:%d: names the package registry %s", file, number, found)
			}
			if found := machinePaths.FindStringSubmatch(strings.TrimRight(line, "\r\n")); found != nil {
				t.Errorf("%s:%d: names a machine's path, %s", file, number, found[1])
			}
		}
	}
}

func TestPatterns(t *testing.T) {
	for line, want := range map[string]bool{
		`"resolved": "https://registry.` + `npmjs.org/x"`: true,
		`--index-url https://pypi.` + `org/simple`:        true,
		`see https://pkg.go.dev/net/http`:                 false,
		`cd /` + `work/main`:                              true,
		`cd /` + `root`:                                   true,
		`HOME=/` + `home/jo`:                              true,
		`"/` + `Users/jo/x"`:                              true,
		`.github/workflows/ci.yaml`:                       false,
		`path/work/item`:                                  false,
		`GET /workers`:                                    false,
		`/` + `home is where`:                             false,
	} {
		if got := registryHosts.MatchString(line) || machinePaths.MatchString(line); got != want {
			t.Errorf("%s: %t, want %t", line, got, want)
		}
	}
}

// sources are the files that are, or are about to be, in git; without git, all that lie here.
func sources(t *testing.T) []string {
	t.Helper()
	var files []string
	out, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err == nil {
		for file := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
			if _, err := os.Stat(filepath.Join(root, file)); err == nil { // not one that is being removed
				files = append(files, file)
			}
		}
	} else {
		err = filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
			if name := entry.Name(); err == nil && entry.IsDir() && file != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "cdk.out") {
				return filepath.SkipDir
			}
			if err == nil && entry.Type().IsRegular() {
				file, err = filepath.Rel(root, file)
				files = append(files, filepath.ToSlash(file))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) == 0 {
		t.Fatal("no source found")
	}
	return files
}
