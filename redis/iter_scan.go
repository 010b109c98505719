package redis

import (
	"context"
	"iter"
)

// ScanOptions are options of [Scan] and its relatives. The zero value scans all.
type ScanOptions struct {
	Match string // a glob pattern; empty is all
	Count int    // how much work the server does for a page; zero leaves it at 10
	Type  string // only keys of this type, as [Type] says it; for Scan only

	// Dedup leaves out what has come already: a scan may return an element
	// several times. It keeps all of them in memory; pages do not heed it.
	Dedup bool
}

// Scan iterates over the keys of the database, page by page. What exists during
// all of the scan comes at least once. It holds nothing while the loop body runs,
// so the loop may be left at any time and may use the same client.
//
// The loop ends with the first error. A cursor belongs to its server: a scan of
// replicas stays with one of them (see [Pinner]); when the master changes during a
// scan of it, keys may be missed.
//
//	for key, err := range redis.Scan(ctx, client, redis.ScanOptions{Match: "user:*"}) {
//		if err != nil {
//			return err
//		}
//		...
//	}
//
// See https://redis.io/commands/scan.
func Scan(ctx context.Context, d Doer, o ScanOptions) iter.Seq2[string, error] {
	return scan(ctx, d, o.Dedup, func(s string) string { return s },
		func(cursor uint64) Cmd[Page[string]] { return ScanPage(cursor, o) })
}

// HScan iterates over the fields of a hash. See [Scan].
//
// See https://redis.io/commands/hscan.
func HScan(ctx context.Context, d Doer, key string, o ScanOptions) iter.Seq2[FieldValue, error] {
	return scan(ctx, d, o.Dedup, func(f FieldValue) string { return f.Field },
		func(cursor uint64) Cmd[Page[FieldValue]] { return HScanPage(key, cursor, o) })
}

// SScan iterates over the members of a set. See [Scan].
//
// See https://redis.io/commands/sscan.
func SScan(ctx context.Context, d Doer, key string, o ScanOptions) iter.Seq2[string, error] {
	return scan(ctx, d, o.Dedup, func(s string) string { return s },
		func(cursor uint64) Cmd[Page[string]] { return SScanPage(key, cursor, o) })
}

// ZScan iterates over the members of a sorted set. See [Scan].
//
// See https://redis.io/commands/zscan.
func ZScan(ctx context.Context, d Doer, key string, o ScanOptions) iter.Seq2[Z, error] {
	return scan(ctx, d, o.Dedup, func(z Z) string { return z.Member },
		func(cursor uint64) Cmd[Page[Z]] { return ZScanPage(key, cursor, o) })
}

func scan[T any](ctx context.Context, d Doer, dedup bool, id func(T) string, pageFrom func(uint64) Cmd[Page[T]]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var seen map[string]struct{}
		if dedup {
			seen = map[string]struct{}{}
		}
		d := d
		if p, ok := d.(Pinner); ok {
			d = p.Pin()
		}
		var cursor uint64
		for {
			p, err := pageFrom(cursor).Do(ctx, d)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range p.Items {
				if repeated(seen, id(item)) {
					continue
				}
				if !yield(item, nil) {
					return
				}
			}
			if cursor = p.Cursor; cursor == 0 {
				return
			}
		}
	}
}

// repeated notes id in seen, unless that is nil, and reports whether it was there.
func repeated(seen map[string]struct{}, id string) bool {
	if seen == nil {
		return false
	}
	n := len(seen)
	seen[id] = struct{}{}
	return len(seen) == n
}
