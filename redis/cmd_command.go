package redis

import "github.com/kermes-redis/kermes/resp"

// CommandCount returns how many commands the server has.
//
// See https://redis.io/commands/command-count.
func CommandCount() Cmd[int64] { return query(Int, "COMMAND COUNT") }

// CommandFilter selects commands. Set at most one; the zero value selects all.
type CommandFilter struct {
	Module   string // of this module
	Category string // of this ACL category
	Pattern  string // matched by this glob pattern
}

// CommandList returns the names of commands. Redis 7.0.
//
// See https://redis.io/commands/command-list.
func CommandList(f CommandFilter) Cmd[[]string] {
	w := words{args: few()}
	switch {
	case f.Module != "":
		w = w.str("FILTERBY", "MODULE", f.Module)
	case f.Category != "":
		w = w.str("FILTERBY", "ACLCAT", f.Category)
	case f.Pattern != "":
		w = w.str("FILTERBY", "PATTERN", f.Pattern)
	}
	return query(Texts, "COMMAND LIST", w.args...)
}

// CommandInfo is what the server knows of a command.
type CommandInfo struct {
	Name        string
	Arity       int64    // with the name; negative if it is a minimum
	Flags       []string // "write", "readonly", "blocking", ...
	FirstKey    int64    // its position; 0 if there is none
	LastKey     int64    // negative from the end
	KeyStep     int64
	Categories  []string
	Tips        []string
	Subcommands []CommandInfo
}

// Commands returns what the server knows of commands, of all if none is named;
// empty for those that it does not know.
//
// See https://redis.io/commands/command-info.
func Commands(names ...string) Cmd[[]Opt[CommandInfo]] {
	if len(names) == 0 {
		return query(commandInfos, "COMMAND")
	}
	return query(commandInfos, "COMMAND INFO", addStrs(few(), names)...)
}

func commandInfos(v resp.Value) ([]Opt[CommandInfo], error) { return list(v, OptOf(commandInfo)) }

func commandInfo(v resp.Value) (i CommandInfo, err error) {
	c, err := tuple(v, 6)
	if err != nil {
		return i, err
	}
	i.Name = next(&c, Text, &err)
	i.Arity = next(&c, Int, &err)
	i.Flags = next(&c, Texts, &err)
	i.FirstKey = next(&c, Int, &err)
	i.LastKey = next(&c, Int, &err)
	i.KeyStep = next(&c, Int, &err)
	if v.Len() >= 7 { // Redis 6
		i.Categories = next(&c, Texts, &err)
	}
	if v.Len() >= 10 { // Redis 7.0
		i.Tips = next(&c, Texts, &err)
		_ = next(&c, Raw, &err) // key specifications
		i.Subcommands = next(&c, subcommands, &err)
	}
	return i, err
}

func subcommands(v resp.Value) ([]CommandInfo, error) { return list(v, commandInfo) }

// CommandDoc is the documentation of a command.
type CommandDoc struct {
	Summary, Since, Group, Complexity string
	Flags                             []string // "deprecated", "syscmd"
	DeprecatedSince, ReplacedBy       string
	Subcommands                       map[string]CommandDoc
}

// CommandDocs returns the documentation of commands, of all if none is named.
// Redis 7.0.
//
// See https://redis.io/commands/command-docs.
func CommandDocs(names ...string) Cmd[map[string]CommandDoc] {
	return query(commandDocs, "COMMAND DOCS", addStrs(few(), names)...)
}

func commandDocs(v resp.Value) (map[string]CommandDoc, error) {
	return MapOf(Text, commandDoc)(v)
}

func commandDoc(v resp.Value) (d CommandDoc, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "summary":
			d.Summary, err = Text(v)
		case "since":
			d.Since, err = Text(v)
		case "group":
			d.Group, err = Text(v)
		case "complexity":
			d.Complexity, err = Text(v)
		case "doc_flags":
			d.Flags, err = Texts(v)
		case "deprecated_since":
			d.DeprecatedSince, err = Text(v)
		case "replaced_by":
			d.ReplacedBy, err = Text(v)
		case "subcommands":
			d.Subcommands, err = commandDocs(v)
		}
		return err
	})
	return d, err
}

// CommandGetKeys returns the keys of a command: CommandGetKeys("MSET", "a", "1").
//
// See https://redis.io/commands/command-getkeys.
func CommandGetKeys(command ...string) Cmd[[]string] {
	return query(Texts, "COMMAND GETKEYS", addStrs(few(), command)...).check(some(len(command), noCommand))
}

// KeyFlags is a key of a command and what is done to it: "RO", "RW", "access", ...
type KeyFlags struct {
	Key   string
	Flags []string
}

// CommandGetKeysAndFlags is [CommandGetKeys] with what is done to them. Redis 7.0.
//
// See https://redis.io/commands/command-getkeysandflags.
func CommandGetKeysAndFlags(command ...string) Cmd[[]KeyFlags] {
	return query(keysFlags, "COMMAND GETKEYSANDFLAGS", addStrs(few(), command)...).check(some(len(command), noCommand))
}

func keysFlags(v resp.Value) ([]KeyFlags, error) { return list(v, keyFlags) }

func keyFlags(v resp.Value) (k KeyFlags, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return k, err
	}
	k.Key = next(&c, Text, &err)
	k.Flags = next(&c, Texts, &err)
	return k, err
}
