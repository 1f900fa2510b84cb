package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "bookledger"

// Modules that a package must not depend on, directly or indirectly.
const (
	nats   = "github.com/nats-io"
	pebble = "github.com/cockroachdb/pebble"
	excel  = "github.com/xuri/excelize"
)

// Areas that a package's own files must not import or call.
const (
	noHTTP     = "HTTP"
	noIO       = "I/O"
	noFloats   = "floats"
	noMapOrder = "map order"
)

// layer is one row of the layout table.
type layer struct {
	imports []string // packages of this module that it may import; "…/*" means everything below
	never   []string // what it must not depend on; packages of this module without the module's name
	own     []string // areas that its own files must not use
}

// layout is the table of packages. Every package must be in it.
var layout = map[string]layer{
	"schemas":              {never: []string{"events"}},
	"events":               {imports: []string{"events/internal/scan"}, own: []string{noIO, noFloats, noHTTP}},
	"events/internal/scan": {never: []string{"events", nats, pebble}, own: []string{noIO, noFloats, noHTTP}},
	"events/record":        {imports: []string{"events", "events/internal/scan"}, never: []string{nats, pebble}},
	// Separate from record, which every package imports: evidence needs only proofs
	// and heads, and the projection only tiles.
	"events/record/merkle":   {never: []string{"events", nats, pebble}, own: []string{noIO, noHTTP, noFloats}},
	"events/record/treehead": {imports: []string{"events/record/merkle"}, never: []string{"events/journal", "projections", nats, pebble}, own: []string{noIO, noHTTP, noFloats}},
	"events/journal":         {imports: []string{"events", "events/record"}, never: []string{"projections", pebble}},
	"projections/fold":       {imports: []string{"events"}, never: []string{"projections/internal/store", pebble}, own: []string{noIO, noMapOrder}},
	"projections/book":       {imports: []string{"events", "projections/fold"}, never: []string{"projections/internal/store", pebble, nats, excel}, own: []string{noHTTP, noIO}},
	"projections/list":       {imports: []string{"events", "projections/book", "projections/fold"}, never: []string{"projections/internal/store", pebble, nats, excel}, own: []string{noHTTP, noIO}},
	"projections/checkpoint": {imports: []string{"events", "events/record", "events/record/*", "projections/book", "projections/fold"}, never: []string{nats, pebble, excel}, own: []string{noHTTP, noIO}},
	"projections/provenance": {
		imports: []string{"events", "events/record", "projections/book", "projections/fold", "projections/list"},
		never:   []string{"projections/internal/store", pebble, nats, excel}, own: []string{noHTTP, noIO},
	},
	"projections/access": {
		imports: []string{"events", "projections/book", "projections/fold"},
		never:   []string{"projections/internal/store", pebble, nats, excel}, own: []string{noHTTP, noIO},
	},
	"projections/audit": {
		imports: []string{"events", "events/record", "projections", "projections/access", "projections/book", "projections/checkpoint", "projections/fold", "projections/provenance", "projections/replay", "schemas"},
		never:   []string{nats, excel}, own: []string{noHTTP, noIO},
	},
	"projections/internal/store": {imports: []string{"events"}, never: []string{"projections/fold", nats, excel}, own: []string{noHTTP}},
	"projections/internal/admission": {
		imports: []string{"events", "events/record", "events/record/treehead", "projections/book", "projections/checkpoint", "projections/fold"},
		never:   []string{"projections/internal/store", nats, pebble, excel},
		own:     []string{noHTTP, noIO},
	},
	"projections/internal/pipeline": {never: []string{"events", nats, pebble, excel}, own: []string{noHTTP, noIO}},
	"projections/active": {
		imports: []string{"events", "projections/fold", "projections/book", "projections/list", "projections/internal/store"},
		never:   []string{nats, excel}, own: []string{noHTTP},
	},
	"projections": {
		imports: []string{"events", "events/record", "events/record/*", "projections/*"},
		never:   []string{"events/journal", "exporter"}, own: []string{noHTTP},
	},
	"projections/replay": {
		imports: []string{"events", "events/record", "events/record/*", "projections/fold", "projections/book", "projections/checkpoint", "projections/internal/admission", "projections/internal/pipeline", "projections/provenance"},
		never:   []string{pebble, nats, excel}, own: []string{noHTTP},
	},
	"exporter": {
		imports: []string{"events", "projections/book", "schemas"},
		never:   []string{pebble, nats}, own: []string{noHTTP},
	},
	"exporter/proof": {
		imports: []string{"exporter", "events", "projections/book", "projections/checkpoint", "schemas", "events/record", "events/record/*", "projections/replay"},
		never:   []string{pebble, nats}, own: []string{noHTTP},
	},
	"cmd/bookaudit": {imports: []string{"exporter/proof"}, never: []string{pebble, nats, "cmd/bookledger", "cmd/internal", "events/journal", "projections/active", "projections/internal/store"}, own: []string{noHTTP}},
	// The demo's issuer needs no password, its people are made up, and fixture is for
	// tests: the production program must not link them.
	"cmd/internal":   {imports: []string{"*"}, never: []string{"cmd/bookdemo", "cmd/internal/fixture"}},
	"cmd/bookledger": {imports: []string{"*"}, never: []string{"cmd/bookdemo", "cmd/internal/fixture"}},
	"cmd/bookdemo":   {imports: []string{"*"}, never: []string{"cmd/bookledger"}},
}

// Functions of package time that read the wall clock, and functions that wait.
var (
	clockReaders = []string{"Now", "Since", "Until"}
	clockWaiters = []string{"Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
)

// mayCall lists the exceptions for packages. In cmd every package may wait; the
// clock is read in one place and passed on.
var mayCall = map[string][]string{
	"events/journal":        {"After", "NewTimer", "NewTicker"}, // waits for a server; no record depends on it
	"cmd/internal/cli":      {"Now"},
	"cmd/internal/delivery": {"Now"}, // network deadlines need the wall clock
	"cmd/internal/fixture":  {"Now"}, // in tests no program passes a clock on
}

// pack is a package as go list describes it.
type pack struct {
	ImportPath, Dir, Doc string
	GoFiles              []string
	Imports, Deps        []string
}

// ours returns the package's path below the module, or "" for other modules.
func ours(path string) string {
	name, _ := strings.CutPrefix(path, module+"/")
	if name == path {
		return ""
	}
	return name
}

// under reports whether path is root or below it.
func under(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

func layerOf(name string) (layer, bool) {
	for _, root := range [...]string{"cmd/internal", "cmd/bookledger", "cmd/bookdemo"} {
		if under(name, root) {
			name = root
		}
	}
	l, ok := layout[name]
	return l, ok
}

// importFaults returns how a package's imports and dependencies break the layout.
func importFaults(p pack) (faults []string) {
	name := ours(p.ImportPath)
	l, ok := layerOf(name)
	if !ok {
		return []string{name + " is not in the layout"}
	}
	for _, path := range p.Imports {
		imported := ours(path)
		allowed := imported == "" || slices.ContainsFunc(l.imports, func(a string) bool {
			below, all := strings.CutSuffix(a, "*")
			return a == imported || all && strings.HasPrefix(imported, below)
		})
		if !allowed {
			faults = append(faults, fmt.Sprintf("%s imports %s", name, imported))
		}
	}
	for _, path := range p.Deps {
		for _, never := range l.never {
			root := never
			if !strings.Contains(root, ".") {
				root = module + "/" + root
			}
			if under(path, root) {
				faults = append(faults, fmt.Sprintf("%s is built from %s", name, path))
			}
		}
	}
	return append(faults, bannedImports(p, l.own)...)
}

// banned lists the imports of each area.
var banned = map[string][]string{
	noHTTP:   {"net/http", "golang.org/x/net/http2"},
	noIO:     {"os", "net", "io/ioutil", "io/fs", "log", "syscall", "database/sql", "golang.org/x/sys"},
	noFloats: {"math", "math/big"},
}

// bannedImports returns the imports that a package's own files must not use.
func bannedImports(p pack, own []string) (faults []string) {
	name := ours(p.ImportPath)
	for _, path := range p.Imports {
		for _, area := range own {
			for _, root := range banned[area] {
				if under(path, root) && path != "math/bits" {
					faults = append(faults, fmt.Sprintf("%s imports %s: %s", name, path, area))
				}
			}
		}
		if !under(name, "cmd") && (path == "flag" || under(path, "github.com/spf13")) {
			faults = append(faults, fmt.Sprintf("%s imports %s: flags are for cmd", name, path))
		}
	}
	return faults
}

var (
	floatNames = regexp.MustCompile(`^(float32|float64|complex64|complex128|ParseFloat|FormatFloat|AppendFloat)$`)
	floatVerbs = regexp.MustCompile(`%[-+# 0-9.*]*[feEgG]`)
)

// sourceFaults returns what a file contains and calls although its package must not.
func sourceFaults(name, file string, text any) (faults []string, _ error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	l, _ := layerOf(name)
	fault := func(format string, args ...any) {
		faults = append(faults, name+", "+filepath.Base(file)+": "+fmt.Sprintf(format, args...))
	}
	imports := map[string]string{} // by their names in the file
	for _, spec := range parsed.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		known := path.Base(imported)
		if spec.Name != nil {
			known = spec.Name.Name
		}
		if imports[known] = imported; known == "." {
			fault("imports %s with a dot, so that its calls cannot be checked", imported)
		}
	}
	floats, maps := slices.Contains(l.own, noFloats), slices.Contains(l.own, noMapOrder)
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && forbiddenCall(name, l, imports[x.Name], n.Sel.Name) {
				fault("uses %s.%s", imports[x.Name], n.Sel.Name)
			}
		case *ast.Ident:
			if floats && floatNames.MatchString(n.Name) {
				fault("uses %s", n.Name)
			}
		case *ast.BasicLit:
			if floats && (n.Kind == token.FLOAT || n.Kind == token.STRING && floatVerbs.MatchString(n.Value)) {
				fault("writes %s: floats", n.Value)
			}
		case *ast.MapType:
			if maps {
				fault("holds a map, and might go through it in its order")
			}
		}
		return true
	})
	return faults, nil
}

// forbiddenCall reports whether the package must not make a call: of the clock or
// the environment outside cmd, or I/O in a package without it.
func forbiddenCall(name string, l layer, imported, call string) bool {
	cmd := under(name, "cmd")
	if imported == "time" {
		return (slices.Contains(clockReaders, call) || !cmd && slices.Contains(clockWaiters, call)) && !slices.Contains(mayCall[name], call)
	}
	if cmd {
		return false
	}
	switch imported {
	case "os":
		return strings.HasSuffix(call, "env") || strings.HasSuffix(call, "Env") || call == "Environ" || call == "Args"
	case "fmt":
		return strings.HasPrefix(call, "Print") && slices.Contains(l.own, noIO)
	}
	return false
}

// root returns the path of the repository.
const root = "../.."

func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir, c.Stderr = root, t.Output()
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return out
}

// TestLayout checks the layout: imports against direct imports, never against all
// dependencies, and own against the package's own files. Every package must have a
// package comment.
func TestLayout(t *testing.T) {
	seen := 0
	list := json.NewDecoder(bytes.NewReader(output(t, "go", "list", "-json=ImportPath,Dir,Doc,GoFiles,Imports,Deps", "./...")))
	for list.More() {
		var p pack
		if err := list.Decode(&p); err != nil {
			t.Fatal(err)
		}
		for _, fault := range importFaults(p) {
			t.Error(fault)
		}
		name := ours(p.ImportPath)
		for _, file := range p.GoFiles {
			faults, err := sourceFaults(name, filepath.Join(p.Dir, file), nil)
			if err != nil {
				t.Error(err)
			}
			for _, fault := range faults {
				t.Error(fault)
			}
		}
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no doc comment", name)
		}
		if _, ok := layout[name]; ok {
			seen++
		}
	}
	if seen < len(layout)-3 { // some folders of cmd have no Go files of their own
		t.Errorf("only %d packages of the layout were found", seen)
	}
}

// TestLayoutCanFail checks that TestLayout would find violations, and finds none
// where there are none.
func TestLayoutCanFail(t *testing.T) {
	for _, c := range []struct {
		pack pack
		want int
	}{
		{pack{ImportPath: module + "/events", Imports: []string{"time", module + "/events/internal/scan"}, Deps: []string{"net/http"}}, 0},
		{pack{ImportPath: module + "/projections", Imports: []string{module + "/projections/internal/store"}, Deps: []string{pebble + "/v2", "net/http"}}, 0},
		{pack{ImportPath: module + "/cmd/internal/portal", Imports: []string{module + "/exporter"}, Deps: []string{nats + "/nats.go"}}, 0},
		{pack{ImportPath: module + "/schemas", Imports: []string{module + "/events"}, Deps: []string{module + "/events"}}, 2},
		{pack{ImportPath: module + "/projections/replay", Imports: []string{module + "/projections/internal/store"}, Deps: []string{pebble + "/v2/vfs"}}, 2},
		{pack{ImportPath: module + "/events/journal", Deps: []string{module + "/projections/fold"}}, 1},
		{pack{ImportPath: module + "/projections", Imports: []string{module + "/exporter"}, Deps: []string{module + "/exporter", module + "/events/journal"}}, 3},
		{pack{ImportPath: module + "/cmd/bookaudit", Imports: []string{module + "/exporter"}, Deps: []string{nats + "/nats.go"}}, 2},
		{pack{ImportPath: module + "/cmd/internal/portal", Deps: []string{module + "/cmd/bookdemo/issuer"}}, 1},
		{pack{ImportPath: module + "/cmd/bookledger", Deps: []string{module + "/cmd/bookdemo/synthetic"}}, 1},
		{pack{ImportPath: module + "/util"}, 1},
		{pack{ImportPath: module + "/events", Imports: []string{"net/http", "os", "math/bits"}}, 3}, // net/http is both HTTP and I/O
		{pack{ImportPath: module + "/exporter", Imports: []string{"flag", "net/http", "os"}}, 2},
		{pack{ImportPath: module + "/cmd/bookledger", Imports: []string{"flag", "net/http", "os"}}, 0},
		{pack{ImportPath: module + "/projections/active", Imports: []string{module + "/projections/internal/admission"}}, 1},
	} {
		if got := importFaults(c.pack); len(got) != c.want {
			t.Errorf("%s: found %q, want %d", c.pack.ImportPath, got, c.want)
		}
	}
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"events", `import "time"; func f(t time.Time) string { return t.Format("100%") }`, 0},
		{"cmd/bookledger", `import ("os"; "time"); var _, _ = os.Getenv("A"), time.After(1)`, 0},
		{"cmd/bookledger", `import "time"; var _, now = time.Since(time.Time{}), time.Now`, 2},
		{"cmd/internal/cli", `import "time"; var now = time.Now`, 0},
		{"events/journal", `import "time"; var _ = time.After(1)`, 0},
		{"events", `import "time"; var _ = time.Now()`, 1},
		{"events", `import clock "time"; func f() { clock.Sleep(1) }`, 1},
		{"events", `import . "time"; var _ = Now()`, 1},
		{"events", `var _ float64 = 1.5`, 2},
		{"events", `import "fmt"; func f(v any) string { return fmt.Sprintf("%6.2f", v) }`, 1},
		{"events", `import "fmt"; func f() { fmt.Println() }`, 1},
		{"events/journal", `import "time"; var _ = time.Since`, 1},
		{"projections/fold", `import "time"; var now = time.Now; var m map[string]int`, 2},
		{"projections/active", `import "os"; var _ = os.Getenv("A")`, 1},
	} {
		got, err := sourceFaults(c.name, "made_up.go", "package p; "+c.text)
		if err != nil || len(got) != c.want {
			t.Errorf("%s of %s: found %q (%v), want %d", c.text, c.name, got, err, c.want)
		}
	}
	if got := strangers("cmd/a.go\nevents/b.go\n.ci/run\nREADME.md\ndocs/x.md\nMakefile\n"); !slices.Equal(got, []string{"Makefile", "docs"}) {
		t.Errorf("at the top level, found %q", got)
	}
}

// strangers returns the names at the top level that do not belong there.
func strangers(files string) (found []string) {
	known := strings.Fields("cmd events projections exporter schemas go.mod go.sum README.md")
	for file := range strings.FieldsFuncSeq(files, func(r rune) bool { return r == '\n' || r == 0 }) {
		entry, _, _ := strings.Cut(file, "/")
		if !strings.HasPrefix(entry, ".") && !slices.Contains(known, entry) && !slices.Contains(found, entry) {
			found = append(found, entry)
		}
	}
	slices.Sort(found)
	return found
}

// TestTopLevel checks that the top level of the repository contains nothing else,
// and that each main.go has fewer than 100 lines.
func TestTopLevel(t *testing.T) {
	for _, program := range []string{"bookledger", "bookdemo", "bookaudit"} {
		if text, err := os.ReadFile(filepath.Join(root, "cmd", program, "main.go")); err != nil || bytes.Count(text, []byte("\n")) >= 100 {
			t.Errorf("main.go of %s has %d lines (%v)", program, bytes.Count(text, []byte("\n")), err)
		}
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("this is no clone of the repository")
	}
	if found := strangers(string(output(t, "git", "ls-files", "-z"))); len(found) > 0 {
		t.Errorf("at the top level stand %q", found)
	}
}
