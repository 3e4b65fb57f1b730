package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/latchkey-id/latchkey/"

// mayImport is who may import whom, by the path within internal. The pure rooms come first; nothing below is imported by
// anything above. Test files may import anything.
var mayImport = map[string][]string{
	"signin":  {},
	"limit":   {"signin"},
	"policy":  {},
	"dpop":    {"signin"},
	"sigv4":   {},
	"fetch":   {},
	"seal":    {"signin"},
	"wire":    {"signin"},
	"store":   {"signin"},
	"keyring": {"seal", "signin", "store"},
	"rootkey": {"keyring"},
	"notice":  {"signin", "store"},
	"audit":   {"signin", "store"},
	"reuse":   {"signin", "store"},

	"perimeter": {"permit", "policy", "signin", "store"},

	"transfer": {"store"},

	"trust":      {"limit", "signin"},
	"credential": {"keyring", "seal", "signin"},
	"caller":     {"credential", "keyring", "notice", "signin", "sigv4", "store"},
	"identity":   {"limit", "notice", "seal", "signin", "store"},

	"clients": {"fetch", "limit", "signin", "store"},

	// The doors. They know the contract of the store, and never each other.
	"authorize": {"audit", "clients", "identity", "notice", "perimeter", "permit", "policy", "seal", "signin", "store", "wire"},
	"token":     {"caller", "clients", "credential", "dpop", "keyring", "limit", "notice", "perimeter", "permit", "policy", "reuse", "seal", "signin", "store", "wire"},
	"register":  {"audit", "clients", "limit", "signin", "store", "wire"},
	"sts":       {"caller", "signin", "wire"},
	"control":   {"audit", "caller", "perimeter", "permit", "seal", "signed", "signin", "store", "wire"},
	"discovery": {"keyring", "wire"},
	"openapi":   {"wire"},
	"signed":    {"caller", "limit", "wire"},
	"permit":    {"caller", "policy", "signin", "store"},

	"clientcredentials": {"caller", "credential", "keyring", "limit", "permit", "policy", "signed", "signin", "store", "wire"},
	"exchange":          {"credential", "keyring", "limit", "perimeter", "permit", "policy", "signin", "store", "trust", "wire"},
	"revoke":            {"audit", "dpop", "notice", "permit", "policy", "seal", "signed", "signin", "store", "wire"},
	"introspect":        {"caller", "notice", "permit", "policy", "seal", "signed", "signin", "store", "wire"},

	"telemetry": {"signin"},

	"config": {"keyring", "limit", "rootkey", "signin"},
	"server": {"audit", "authorize", "caller", "clientcredentials", "clients", "config", "control", "discovery", "dpop", "exchange", "fetch", "introspect", "keyring", "limit", "notice", "openapi", "perimeter", "permit", "register", "reuse", "revoke", "signed", "signin", "store", "sts", "telemetry", "token", "trust", "wire"},

	"store/schema":    {},
	"store/sqlite":    {"signin", "store", "store/schema"},
	"store/postgres":  {"signin", "store", "store/schema"},
	"store/storetest": {"signin", "store"},

	"pglocal":        {},
	"pglocal/pgtest": {"pglocal"},

	"cluster": nil, // anything: its tests start whole servers

	"capacity":         {},
	"capacity/measure": nil, // anything: it measures all of it; but no driver

	"house":   {},
	"attacks": {}, // tests only
	"soak":    {},
	"testkit": nil, // anything: it starts a whole server
	"bench":   nil, // anything: it measures all of it
}

// goFile is one parsed source file of the project.
type goFile struct {
	path string // from the root of the project
	test bool
	ast  *ast.File
	fset *token.FileSet
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// sources parses every Go file of this module.
func sources(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	top := root(t)
	fset := token.NewFileSet()
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			other := rel == "test" || rel == "tools" || rel == "examples" || d.Name() == "testdata" || d.Name() == "node_modules"
			if other || (rel != "." && strings.HasPrefix(d.Name(), ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, goFile{path: filepath.ToSlash(rel), test: strings.HasSuffix(path, "_test.go"), ast: f, fset: fset})
		return nil
	})
	if err != nil || len(files) < 50 {
		t.Fatalf("found %d Go files: %v", len(files), err)
	}
	return files
}

// room returns the path within internal of the package that f is in; of the parts of bench, bench.
func room(f goFile) (string, bool) {
	dir, ok := strings.CutPrefix(filepath.ToSlash(filepath.Dir(f.path)), "internal/")
	if strings.HasPrefix(dir, "bench/") {
		dir = "bench"
	}
	return dir, ok
}

func TestRoomsImportOnlyWhatTheTableAllows(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range sources(t) {
		name, ok := room(f)
		if !ok {
			continue
		}
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("%s: room %q is not in the import table of this test", f.path, name)
			continue
		}
		seen[name] = true
		if f.test || allowed == nil {
			continue
		}
		for _, spec := range f.ast.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			other, ours := strings.CutPrefix(path, module+"internal/")
			if ours && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s, which the table does not allow to %s", f.path, other, name)
			}
		}
	}
	for name := range mayImport {
		if !seen[name] {
			t.Errorf("the import table names %s, which does not exist", name)
		}
	}
}

// The table above is a promise to readers: the graph of rooms has no cycle, and drivers are known to cmd alone.
func TestOnlyCommandsKnowDrivers(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || strings.HasPrefix(f.path, "cmd/") || strings.HasPrefix(f.path, "internal/testkit/") || strings.HasPrefix(f.path, "internal/bench") {
			continue
		}
		for _, spec := range f.ast.Imports {
			if strings.Contains(spec.Path.Value, "internal/store/sqlite") || strings.Contains(spec.Path.Value, "internal/store/postgres") {
				t.Errorf("%s imports a driver", f.path)
			}
		}
	}
}

func TestEveryPackageSaysWhatItDoes(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range sources(t) {
		dir := filepath.ToSlash(filepath.Dir(f.path))
		if f.test {
			continue
		}
		documented[dir] = documented[dir] || f.ast.Doc != nil && len(strings.Fields(f.ast.Doc.Text())) > 8
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no comment that says what goes in and what comes out", dir)
		}
	}
}

func TestEverythingExportedIsDocumented(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		for _, decl := range f.ast.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil && !conventional(d.Name.Name) {
					t.Errorf("%s: %s has no comment", f.fset.Position(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, ok := spec.(*ast.TypeSpec); ok && s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
						t.Errorf("%s: type %s has no comment", f.fset.Position(s.Pos()), s.Name.Name)
					}
				}
			}
		}
	}
}

// conventional names are methods that an interface of the standard library or of a library explains.
func conventional(name string) bool {
	return slices.Contains([]string{"Error", "Unwrap", "Run", "Describe", "Collect", "UnmarshalJSONFrom", "Write", "WriteHeader",
		"Enabled", "Handle", "WithAttrs", "WithGroup", "UnmarshalYAML", "Len", "Less", "Swap"}, name)
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	id, ok := typ.(*ast.Ident)
	return !ok || id.IsExported()
}

// Time is read at the edge and passed inward: what a room answers depends on its arguments alone.
func TestRoomsDoNotReadTheClock(t *testing.T) {
	edge := []string{"internal/server/", "internal/testkit/", "internal/bench/", "cmd/"}
	for _, f := range sources(t) {
		if f.test || slices.ContainsFunc(edge, func(p string) bool { return strings.HasPrefix(f.path, p) }) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if ok && pkg.Name == "time" && sel.Sel.Name == "Now" && !measures(f) {
				t.Errorf("%s reads the clock", f.fset.Position(sel.Pos()))
			}
			return true
		})
	}
}

// measures tells whether the file may read the clock to measure how long something took, and for nothing else.
func measures(f goFile) bool {
	return strings.HasPrefix(f.path, "internal/store/sqlite/") || strings.HasPrefix(f.path, "internal/store/postgres/")
}

// vague names say what kind of code is in a place, and not what it is about.
var vague = regexp.MustCompile(`^(util|utils|helper|helpers|common|model|models|service|services|dto|misc|base)(_test)?\.go$`)

func TestFilesAreNamedAfterTheirSubject(t *testing.T) {
	for _, f := range sources(t) {
		if vague.MatchString(filepath.Base(f.path)) {
			t.Errorf("%s: name it after what it is about", f.path)
		}
	}
}

// A file that a reader can hold in mind. Tables of tests may be longer.
func TestFilesAreShort(t *testing.T) {
	const longest = 400
	for _, f := range sources(t) {
		if n := f.fset.File(f.ast.Pos()).LineCount(); !f.test && n > longest {
			t.Errorf("%s has %d lines, want at most %d", f.path, n, longest)
		}
	}
}

func TestNoInitAndNoLeftovers(t *testing.T) {
	for _, f := range sources(t) {
		for _, decl := range f.ast.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
				t.Errorf("%s: there is no init here; start things in plain sight", f.fset.Position(d.Pos()))
			}
		}
		for _, group := range f.ast.Comments {
			if text := group.Text(); strings.Contains(text, "TO"+"DO") || strings.Contains(text, "FIX"+"ME") {
				t.Errorf("%s: leftover: %s", f.fset.Position(group.Pos()), strings.TrimSpace(text))
			}
		}
	}
}

// The command that the README names is the one that is run on every change.
func TestCIRunsTheTestCommand(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root(t), ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "make test") {
		t.Error(".ci/run does not call make test")
	}
}

func TestFormatted(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "gofmt", "-l", "cmd", "internal", "test", "examples")
	cmd.Dir = root(t)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("gofmt: %v\n%s", err, out)
	}
	if len(out) > 0 {
		t.Errorf("gofmt would change:\n%s", out)
	}
}
