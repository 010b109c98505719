package testserver

import "strings"

// Glob matches as the patterns of PSUBSCRIBE and KEYS do, with their
// trap: in [+-]* the "+-]" is a range that swallows the bracket, and nothing
// matches.
func Glob(pattern, s string) bool {
	for len(pattern) > 0 {
		switch pattern[0] {
		case '*':
			return globAfterStar(strings.TrimLeft(pattern, "*"), s)
		case '?':
			if s == "" {
				return false
			}
			pattern, s = pattern[1:], s[1:]
		case '[':
			if s == "" {
				return false
			}
			ok, rest := classMatch(pattern[1:], s[0])
			if !ok {
				return false
			}
			pattern, s = rest, s[1:]
		default:
			if pattern[0] == '\\' && len(pattern) > 1 {
				pattern = pattern[1:]
			}
			if s == "" || s[0] != pattern[0] {
				return false
			}
			pattern, s = pattern[1:], s[1:]
		}
	}
	return s == ""
}

// globAfterStar matches a pattern with any end of s.
func globAfterStar(pattern, s string) bool {
	if pattern == "" {
		return true
	}
	for i := range len(s) + 1 {
		if Glob(pattern, s[i:]) {
			return true
		}
	}
	return false
}

// classMatch matches c against a class, whose opening bracket was consumed,
// and returns the pattern after it.
func classMatch(p string, c byte) (ok bool, rest string) {
	not := false
	if p != "" && p[0] == '^' {
		not, p = true, p[1:]
	}
	for p != "" && p[0] != ']' {
		switch {
		case p[0] == '\\' && len(p) > 1:
			ok = ok || p[1] == c
			p = p[2:]
		case len(p) >= 3 && p[1] == '-':
			lo, hi := min(p[0], p[2]), max(p[0], p[2])
			ok = ok || lo <= c && c <= hi
			p = p[3:]
		default:
			ok = ok || p[0] == c
			p = p[1:]
		}
	}
	if p != "" {
		p = p[1:]
	}
	return ok != not, p
}
