package resp

import (
	"math"
	"strconv"
)

// parseInt parses an integer of RESP: an optional sign and digits. It reports
// false for anything else and for what does not fit.
func parseInt(b []byte) (int64, bool) {
	digits, negative := b, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		digits, negative = b[1:], b[0] == '-'
	}
	n, ok := parseUint(digits)
	switch {
	case !ok:
		return 0, false
	case negative && n <= 1<<63:
		return -int64(n), true
	case negative || n > math.MaxInt64:
		return 0, false
	}
	return int64(n), true
}

// parseUint parses digits, at least one. Leading zeros are allowed.
func parseUint(b []byte) (uint64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		if n >= math.MaxUint64/10 && (n > math.MaxUint64/10 || d > math.MaxUint64%10) {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	return n, true
}

// parseLength parses the length in a header: at most 19 digits, without a sign.
func parseLength(b []byte) (int64, bool) {
	if len(b) > 19 {
		return 0, false
	}
	n, ok := parseUint(b)
	if n > math.MaxInt64 {
		return 0, false
	}
	return int64(n), ok
}

// parseFloat parses a double of RESP. Hexadecimal floats, underscores and other
// spellings of infinity, all of which strconv takes, are no doubles, nor is a
// number too large for one.
func parseFloat(b []byte) (float64, bool) {
	if !decimal(b) {
		return named(b)
	}
	f, err := strconv.ParseFloat(viewString(b), 64)
	return f, err == nil
}

// validFloat reports whether parseFloat would succeed. It avoids the parsing
// for numbers that cannot be too large.
func validFloat(b []byte) bool {
	if !decimal(b) {
		_, ok := named(b)
		return ok
	}
	if len(b) < 300 && !hasExponent(b) {
		return true
	}
	_, err := strconv.ParseFloat(viewString(b), 64)
	return err == nil
}

func named(b []byte) (float64, bool) {
	switch string(b) {
	case "inf":
		return math.Inf(1), true
	case "-inf":
		return math.Inf(-1), true
	case "nan", "-nan":
		return math.NaN(), true
	}
	return 0, false
}

func hasExponent(b []byte) bool {
	for _, c := range b {
		if c|0x20 == 'e' {
			return true
		}
	}
	return false
}

// decimal reports whether b is [sign] digits [. digits] [e [sign] digits] with
// at least one digit in front of the exponent.
func decimal(b []byte) bool {
	b = afterSign(b)
	whole := countDigits(b)
	b = b[whole:]
	fraction := 0
	if len(b) > 0 && b[0] == '.' {
		fraction = countDigits(b[1:])
		b = b[1+fraction:]
	}
	if whole+fraction == 0 {
		return false
	}
	if len(b) == 0 {
		return true
	}
	if b[0]|0x20 != 'e' {
		return false
	}
	b = afterSign(b[1:])
	return len(b) > 0 && countDigits(b) == len(b)
}

func afterSign(b []byte) []byte {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		return b[1:]
	}
	return b
}

func countDigits(b []byte) int {
	for i, c := range b {
		if c-'0' > 9 {
			return i
		}
	}
	return len(b)
}

// validBig reports whether b is a big number: an optional sign and digits.
func validBig(b []byte) bool {
	b = afterSign(b)
	return len(b) > 0 && countDigits(b) == len(b)
}
