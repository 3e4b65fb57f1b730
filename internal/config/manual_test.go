package config

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The Config type is the manual, and docs/configuration.md says the same for operators: a key that one of them lacks, or
// a default that they do not agree on, fails here.
func TestEveryFieldIsDocumented(t *testing.T) {
	structs := structsOf(t, "config.go")
	manual, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{} // key → its row of a table
	for line := range strings.Lines(string(manual)) {
		if key, rest, ok := strings.Cut(strings.TrimPrefix(line, "| `"), "` |"); ok && strings.HasPrefix(line, "| `") {
			rows[key] = rest
		}
	}
	documented := 0
	var walk func(prefix string, v reflect.Value)
	walk = func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			field := v.Type().Field(i)
			key := prefix + field.Tag.Get("yaml")
			if field.Tag.Get("yaml") == "" {
				t.Errorf("field %s has no yaml key", field.Name)
			}
			doc := structs[v.Type().Name()][field.Name]
			if !strings.HasPrefix(doc, field.Name+" ") || !strings.HasSuffix(strings.TrimSpace(doc), ".") {
				t.Errorf("%s.%s is documented by %q, want a sentence that begins with its name", v.Type().Name(), field.Name, doc)
			}
			if field.Type.Kind() == reflect.Struct {
				walk(key+".", v.Field(i))
				continue
			}
			documented++
			row, ok := rows[key]
			if !ok {
				t.Errorf("docs/configuration.md has no row of %s", key)
			} else if want := inManual(v.Field(i)); !strings.HasPrefix(row, " "+want+" |") && want != "" {
				t.Errorf("docs/configuration.md: the row of %s begins with %q, want the default %s", key, row[:min(20, len(row))], want)
			}
		}
	}
	walk("", reflect.ValueOf(Default()))
	if len(rows) != documented {
		t.Errorf("docs/configuration.md has %d rows for %d keys", len(rows), documented)
	}
}

// inManual returns the default as the manual writes it; nothing where the field's zero value has a meaning of its own.
func inManual(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	if d, ok := v.Interface().(time.Duration); ok {
		s := strings.TrimSuffix(d.String(), "0s")
		if s == "" || s[len(s)-1] >= '0' && s[len(s)-1] <= '9' {
			s = d.String() // 30s
		}
		if strings.HasSuffix(s, "h0m") {
			s = strings.TrimSuffix(s, "0m")
		}
		return s
	}
	return fmt.Sprint(v.Interface())
}

// structsOf returns the doc comments of the fields of each struct in a file.
func structsOf(t *testing.T, file string) map[string]map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			all[spec.Name.Name] = map[string]string{}
			for _, f := range s.Fields.List {
				for _, name := range f.Names {
					all[spec.Name.Name][name.Name] = f.Doc.Text()
				}
			}
		}
		return true
	})
	return all
}
