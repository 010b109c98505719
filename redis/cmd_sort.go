package redis

// SortOptions are options of [Sort]. The zero value sorts numbers, ascending.
type SortOptions struct {
	By     string   // a pattern of keys to sort by: "weight_*"; "nosort" does not sort
	Get    []string // patterns of keys to return instead; "#" is the element
	Offset int64    // how many to skip
	Count  int64    // how many at most; zero is all
	Desc   bool     // descending
	Alpha  bool     // compare as strings
}

func sorting(name, key string, o SortOptions) words {
	w := words{args: few()}
	w = w.str(key)
	w = w.opt("BY", o.By)
	if o.Offset < 0 || o.Count < 0 {
		w = w.fail(negative)
	}
	if o.Offset != 0 || o.Count != 0 {
		n := o.Count
		if n == 0 {
			n = -1
		}
		w = w.str("LIMIT")
		w = w.int(o.Offset)
		w = w.int(n)
	}
	for _, g := range o.Get {
		w = w.str("GET", g)
	}
	w = w.flag(o.Desc, "DESC")
	w = w.flag(o.Alpha, "ALPHA")
	return w
}

// Sort returns the sorted elements of a list, set or sorted set, or what
// SortOptions.Get makes of them, where keys may be missing.
//
// See https://redis.io/commands/sort.
func Sort(key string, o SortOptions) Cmd[[]Opt[string]] {
	w := sorting("SORT", key, o)
	return write(OptTexts, "SORT", w.args...).check(w.bad)
}

// SortRO is [Sort] that may run on a replica. Redis 7.0.
//
// See https://redis.io/commands/sort_ro.
func SortRO(key string, o SortOptions) Cmd[[]Opt[string]] {
	w := sorting("SORT_RO", key, o)
	return read(OptTexts, "SORT_RO", w.args...).check(w.bad)
}

// SortStore stores the result of [Sort] as a list at to and returns its length.
//
// See https://redis.io/commands/sort.
func SortStore(to, key string, o SortOptions) Cmd[int64] {
	w := sorting("SORT", key, o)
	w = w.str("STORE", to)
	return write(Int, "SORT", w.args...).check(w.bad)
}
