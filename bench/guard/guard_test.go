package main

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
)

var typical = figures{Instructions: 3000, Allocations: 1, Bytes: 64, Reads: 1.02, Writes: 1}

func TestEachFigureIsHeldToItsMargin(t *testing.T) {
	table := map[string]figures{"GET": typical}
	for name, f := range map[string]func(*figures){
		"instructions": func(f *figures) { f.Instructions *= 1.12 },
		"allocations":  func(f *figures) { f.Allocations++ },
		"bytes":        func(f *figures) { f.Bytes += 16 },
		"reads":        func(f *figures) { f.Reads += 0.6 },
		"writes":       func(f *figures) { f.Writes++ },
	} {
		now := typical
		f(&now)
		if err := check("GET", now, table); !errors.Is(err, errExceeded) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	within := figures{Instructions: 3200, Allocations: 1.2, Bytes: 70, Reads: 1.4, Writes: 1.1}
	less := figures{Instructions: 1000}
	uncounted := figures{Instructions: -1, Allocations: 1, Bytes: 64, Reads: -1, Writes: -1}
	for _, now := range []figures{typical, within, less, uncounted} {
		if err := check("GET", now, table); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatTheTableDoesNotHaveIsAnError(t *testing.T) {
	if check("SET", typical, map[string]figures{"GET": typical}) == nil {
		t.Error("a row that is not in the table passes")
	}
	uncounted := typical
	uncounted.Instructions = -1
	if check("GET", typical, map[string]figures{"GET": uncounted}) == nil {
		t.Error("a figure that the table does not have passes")
	}
}

func TestATableIsReadAsItWasWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "table")
	all := make(map[string]figures)
	for i, r := range rows() {
		all[r.name] = figures{Instructions: float64(1000 * i), Allocations: 0.25, Bytes: 64, Reads: -1, Writes: -1}
	}
	if err := os.WriteFile(file, format(rows(), all), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := readTable(file); err != nil || !maps.Equal(got, all) {
		t.Fatal(got, err)
	}
	if err := os.WriteFile(file, []byte("| --- |\n| GET | 1 | x | 3 | 4 | 5 |\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readTable(file); err == nil {
		t.Error("a table with something else than numbers passes")
	}
}

func TestTheTableHasARowForEachOperation(t *testing.T) {
	table, err := readTable("../GUARD.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows() {
		if f, ok := table[r.name]; !ok || f.Instructions <= 0 || r.socket != (f.Writes > 0) {
			t.Errorf("%s: %+v", r.name, f)
		}
	}
	if len(table) != len(rows()) {
		t.Errorf("%d rows in the table, %d operations", len(table), len(rows()))
	}
}

func TestEveryOperationSucceedsInMemory(t *testing.T) {
	leak.Check(t)
	for _, r := range rows() {
		c, done, err := r.open(conn.Options{Dial: r.dial})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // once learnt, and once known
			if err := r.run(c, max(r.callers, 1)); err != nil {
				t.Errorf("%s: %v", r.name, err)
			}
		}
		if follows := c.Name() != ""; follows != r.follows {
			t.Errorf("%s: a client that follows sentinels: %v", r.name, follows)
		}
		if err := done(); err != nil {
			t.Error(err)
		}
	}
}
