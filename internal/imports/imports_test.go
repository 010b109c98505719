// Package imports holds the test that keeps the layers of the module apart.
package imports

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kermes-redis/kermes"

// allowed is the table of DESIGN.md: what each package of the library may
// import of the module. Packages that are missing here may not exist.
var allowed = map[string][]string{
	"resp":     {},
	"conn":     {"resp"},
	"redis":    {"conn", "resp"},
	"codec":    {"redis", "conn", "resp"},
	"pool":     {"conn", "resp"},
	"pubsub":   {"conn", "resp"},
	"sentinel": {"redis", "conn", "resp"},
	"client":   {"sentinel", "redis", "pool", "conn", "resp"},
	".":        {"client", "redis"},
	"mq":       {"redis", "pubsub", "conn", "resp"},
	"lock":     {"redis", "pubsub", "conn", "resp"},
}

// others are packages outside the library: free to import the library, never
// imported by it.
var others = []string{"bench", "examples", "internal", "redistest"}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range list(t, "./...") {
		name := local(p.ImportPath)
		if outside(name) {
			continue
		}
		may, known := allowed[name]
		if !known {
			t.Errorf("package %s is not in the table of imports", name)
			continue
		}
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, module) {
				continue
			}
			if !slices.Contains(may, local(imported)) {
				t.Errorf("%s imports %s, which the table forbids", name, local(imported))
			}
		}
	}
}

func TestLibraryDependsOnTheStandardLibraryOnly(t *testing.T) {
	standard := map[string]bool{}
	all := list(t, "-deps", "./...")
	for _, p := range all {
		standard[p.ImportPath] = p.Standard
	}
	for _, p := range all {
		if !strings.HasPrefix(p.ImportPath, module) || outside(local(p.ImportPath)) {
			continue
		}
		for _, dep := range p.Deps {
			if !standard[dep] && !strings.HasPrefix(dep, module) {
				t.Errorf("%s depends on %s", local(p.ImportPath), dep)
			}
			if strings.HasPrefix(dep, module) && outside(local(dep)) {
				t.Errorf("%s depends on %s, which is no part of the library", local(p.ImportPath), local(dep))
			}
		}
	}
}

func outside(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains(others, first)
}

func local(importPath string) string {
	return path.Clean(strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/"))
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,Deps,Standard"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, e.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}
