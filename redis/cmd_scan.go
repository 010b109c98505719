package redis

import (
	"strconv"

	"github.com/kermes-redis/kermes/resp"
)

// Page is a part of a scan.
type Page[T any] struct {
	Cursor uint64 // of the next page; 0 after the last
	Items  []T
}

func page[T any](v resp.Value, items Decoder[[]T]) (p Page[T], err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return p, err
	}
	p.Cursor = next(&c, cursor, &err)
	p.Items = next(&c, items, &err)
	return p, err
}

// cursor decodes an unsigned integer: cursors use all 64 bits.
func cursor(v resp.Value) (uint64, error) {
	p, err := view(v)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(p), 10, 64)
	if err != nil {
		return 0, &DecodeError{Want: "cursor", Got: v.Kind(), Err: err}
	}
	return n, nil
}

func textPage(v resp.Value) (Page[string], error)      { return page(v, Texts) }
func fieldPage(v resp.Value) (Page[FieldValue], error) { return page(v, fieldValues) }
func zPage(v resp.Value) (Page[Z], error)              { return page(v, zs) }

func (o ScanOptions) add(w words) words {
	w = w.opt("MATCH", o.Match)
	w = w.count("COUNT", int64(o.Count))
	w = w.opt("TYPE", o.Type)
	return w
}

// ScanPage returns some keys from a cursor, at first 0. [Scan] does the loop.
//
// See https://redis.io/commands/scan.
func ScanPage(cursor uint64, o ScanOptions) Cmd[Page[string]] {
	w := words{args: append(few(), resp.Uint(cursor))}
	w = o.add(w)
	return read(textPage, "SCAN", w.args...).check(w.bad)
}

// HScanPage returns some fields of a hash from a cursor, at first 0.
//
// See https://redis.io/commands/hscan.
func HScanPage(key string, cursor uint64, o ScanOptions) Cmd[Page[FieldValue]] {
	w := scanKey("HSCAN", key, cursor, o)
	return read(fieldPage, "HSCAN", w.args...).check(w.bad)
}

// HScanFieldsPage is [HScanPage] without the values. Redis 7.4.
//
// See https://redis.io/commands/hscan.
func HScanFieldsPage(key string, cursor uint64, o ScanOptions) Cmd[Page[string]] {
	w := scanKey("HSCAN", key, cursor, o)
	w = w.str("NOVALUES")
	return read(textPage, "HSCAN", w.args...).check(w.bad)
}

// SScanPage returns some members of a set from a cursor, at first 0.
//
// See https://redis.io/commands/sscan.
func SScanPage(key string, cursor uint64, o ScanOptions) Cmd[Page[string]] {
	w := scanKey("SSCAN", key, cursor, o)
	return read(textPage, "SSCAN", w.args...).check(w.bad)
}

// ZScanPage returns some members of a sorted set from a cursor, at first 0.
//
// See https://redis.io/commands/zscan.
func ZScanPage(key string, cursor uint64, o ScanOptions) Cmd[Page[Z]] {
	w := scanKey("ZSCAN", key, cursor, o)
	return read(zPage, "ZSCAN", w.args...).check(w.bad)
}

// ZScanMembersPage is [ZScanPage] without the scores. Valkey 8.0.
//
// See https://valkey.io/commands/zscan.
func ZScanMembersPage(key string, cursor uint64, o ScanOptions) Cmd[Page[string]] {
	w := scanKey("ZSCAN", key, cursor, o)
	w = w.str("NOSCORES")
	return read(textPage, "ZSCAN", w.args...).check(w.bad)
}

func scanKey(name, key string, cursor uint64, o ScanOptions) words {
	w := words{args: []resp.Arg{resp.String(key), resp.Uint(cursor)}}
	if o.Type != "" {
		w = w.fail(typeOfScan)
	}
	w = o.add(w)
	return w
}
