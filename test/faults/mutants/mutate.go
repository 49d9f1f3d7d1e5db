package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mutate returns the file that the mutant changes, below the module's root, and its new content.
//
// It looks for the tokens of m.old within one function, so that neither white space, comments,
// trailing commas nor the file in which the function stands matter. $name in m.old is any
// identifier, the same one wherever the name is repeated, and stands for it in m.replacement: a
// renamed variable does not break the mutant either. m.old must occur exactly once.
func mutate(root string, m mutant) (file string, code []byte, err error) {
	source, err := find(root, m.function)
	if err != nil {
		return "", nil, err
	}
	old, err := tokens([]byte(strings.ReplaceAll(m.old, "$", metavariable)))
	if err != nil {
		return "", nil, fmt.Errorf("pattern: %w", err)
	}
	body, err := tokens(source.content[source.from:source.to])
	if err != nil {
		return "", nil, err
	}
	var at []lexeme
	var names map[string]string
	found := 0
	for i := range body {
		if bound, ok := match(old, body[i:]); ok {
			at, names = body[i:i+len(old)], bound
			found++
		}
	}
	if found != 1 {
		return "", nil, fmt.Errorf(
			"%q occurs %d times in %s (must be once: adapt the mutant to the code)",
			m.old, found, m.function)
	}
	var b bytes.Buffer
	b.Write(source.content[:source.imports])
	for _, path := range m.imports {
		if !slices.Contains(source.imported, path) {
			fmt.Fprintf(&b, "\nimport %q", path)
		}
	}
	b.Write(source.content[source.imports : source.from+at[0].from])
	b.WriteString(variable.ReplaceAllStringFunc(m.replacement, func(name string) string {
		return names[metavariable+name[len("$"):]]
	}))
	b.Write(source.content[source.from+at[len(at)-1].to:])
	return source.file, b.Bytes(), nil
}

// metavariable stands for $ in a pattern, since $ is not a character of Go.
const metavariable = "MetaVariable_"

var variable = regexp.MustCompile(`\$\w+`)

// source is a function in its file.
type source struct {
	file     string // below the root
	content  []byte
	from, to int // of the function
	imports  int // where an import can be added
	imported []string
}

// find finds a function by the path of its package below the root, its receiver's type and its
// name.
func find(root, function string) (source, error) {
	path, name, _ := strings.Cut(function, ".")
	files, err := filepath.Glob(filepath.Join(root, path, "*.go"))
	if err != nil {
		return source{}, err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return source{}, err
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, content, parser.SkipObjectResolution)
		if err != nil {
			return source{}, err
		}
		for _, declaration := range parsed.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || nameOf(f) != name || strings.HasSuffix(file, "_test.go") {
				continue
			}
			s := source{
				file:    filepath.Join(path, filepath.Base(file)),
				content: content,
				from:    set.Position(f.Pos()).Offset,
				to:      set.Position(f.End()).Offset,
				imports: set.Position(parsed.Name.End()).Offset,
			}
			for _, spec := range parsed.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return source{}, err
				}
				s.imported = append(s.imported, imported)
			}
			return s, nil
		}
	}
	return source{}, fmt.Errorf("there is no function %s (adapt the mutant to the code)", function)
}

// nameOf is Type.Method, or Function.
func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	receiver := f.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	if t, ok := receiver.(*ast.Ident); ok {
		return t.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

// lexeme is a token with its text, at an offset.
type lexeme struct {
	token    token.Token
	text     string
	from, to int
}

// tokens scans Go code, or a pattern. It leaves out what gofmt adds and removes: comments, the
// semicolons at the ends of lines, and commas before a closing bracket.
func tokens(code []byte) (list []lexeme, err error) {
	var s scanner.Scanner
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(code))
	s.Init(file, code, func(_ token.Position, message string) { err = errors.New(message) }, 0)
	for {
		position, kind, text := s.Scan()
		if kind == token.EOF {
			return list, err
		}
		if kind == token.SEMICOLON && text == "\n" {
			continue
		}
		closes := kind == token.RPAREN || kind == token.RBRACE || kind == token.RBRACK
		if n := len(list); closes && n > 0 && list[n-1].token == token.COMMA {
			list = list[:n-1]
		}
		if text == "" {
			text = kind.String()
		}
		from := file.Offset(position)
		list = append(list, lexeme{kind, text, from, from + len(text)})
	}
}

// match reports whether code begins with the pattern, and what its metavariables stand for.
func match(pattern, code []lexeme) (names map[string]string, ok bool) {
	if len(code) < len(pattern) {
		return nil, false
	}
	names = map[string]string{}
	for i, p := range pattern {
		if p.token != code[i].token {
			return nil, false
		}
		if !strings.HasPrefix(p.text, metavariable) {
			if p.text != code[i].text {
				return nil, false
			}
			continue
		}
		if bound, ok := names[p.text]; ok && bound != code[i].text {
			return nil, false
		}
		names[p.text] = code[i].text
	}
	return names, true
}
