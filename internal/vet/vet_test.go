// Package vet holds the test that go vet finds the two mistakes that compile and do
// nothing, or worse; and that names say which methods need a lock, and error texts have one form.
package vet

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const program = `package main

import "github.com/kermes-redis/kermes/redis"

func main() {
	redis.Set("k", "v")
	redis.Get("k")
	var p redis.Pipeline
	q := p
	_ = q.Len()
}
`

func TestVetFindsCommandsThatAreNotSentAndPipelinesThatAreCopied(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mod := "module mistakes\n\ngo 1.26\n\nrequire github.com/kermes-redis/kermes v0.0.0\n\nreplace github.com/kermes-redis/kermes => " + root + "\n"
	for name, text := range map[string]string{"go.mod": mod, "main.go": program} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := exec.Command(filepath.Join(root, "scripts", "constructors.sh"))
	list.Dir = root
	funcs, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	vet := exec.Command("go", "vet", "-unusedresult.funcs="+strings.TrimSpace(string(funcs)), ".")
	vet.Dir, vet.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod")
	out, err := vet.CombinedOutput()
	if err == nil {
		t.Error("vet finds nothing")
	}
	for _, want := range []string{
		"main.go:6:2: result of github.com/kermes-redis/kermes/redis.Set call not used",
		"main.go:7:2: result of github.com/kermes-redis/kermes/redis.Get call not used",
		"main.go:9:7: assignment copies lock value to q",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("vet does not say %q:\n%s", want, out)
		}
	}
}
