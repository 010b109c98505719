package redis

import (
	"regexp"
	"strings"
	"testing"
)

// link finds [Function] in a comment.
var link = regexp.MustCompile(`\[([A-Z]\w+)\]`)

func TestDocumentationSaysWhichServerACommandNeeds(t *testing.T) {
	docs := map[string]string{}
	for _, fn := range commandFunctions(t) {
		docs[fn.Name.Name] = fn.Doc.Text()
	}
	// A relative may say it: "[FCall] of a function with the flag no-writes".
	says := func(fn, version string) bool {
		text := docs[fn]
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			text += docs[m[1]]
		}
		return strings.Contains(strings.ReplaceAll(text, "\n", " "), version)
	}
	current := map[string]bool{}
	for name, since := range commandsSince(t) {
		for _, row := range allCases() {
			if row.since != "" || row.name() != name {
				continue
			}
			current[row.fn] = true
			if since > "6.2" && !says(row.fn, "Redis "+since) {
				t.Errorf("%s does not say that it needs Redis %s", row.fn, since)
			}
		}
	}
	for _, a := range newerCases() {
		version := a.since
		if !strings.HasPrefix(version, "Valkey") {
			version = "Redis " + version
		}
		if !current[a.fn] && docs[a.fn] != "" && !says(a.fn, version) && a.since != "Valkey 9.1" && a.since != "Valkey 9" {
			t.Errorf("%s does not say that it needs %s", a.fn, version)
		}
	}
}

// commandsSince is what the server says of its commands: "7.0" by "LCS".
func commandsSince(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	add := func(name, since string) {
		major, rest, _ := strings.Cut(since, ".")
		minor, _, _ := strings.Cut(rest, ".")
		out[strings.ToUpper(strings.ReplaceAll(name, "|", " "))] = major + "." + minor
	}
	for name, d := range get(t, dial(t, 3), CommandDocs()) {
		add(name, d.Since)
		for sub, s := range d.Subcommands {
			add(sub, s.Since)
		}
	}
	return out
}
