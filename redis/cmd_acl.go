package redis

import (
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// ACLWhoAmI returns the user of the connection.
//
// See https://redis.io/commands/acl-whoami.
func ACLWhoAmI() Cmd[string] { return query(Text, "ACL WHOAMI") }

// ACLUsers returns the names of all users.
//
// See https://redis.io/commands/acl-users.
func ACLUsers() Cmd[[]string] { return query(Texts, "ACL USERS") }

// ACLList returns the rules of all users, a line each.
//
// See https://redis.io/commands/acl-list.
func ACLList() Cmd[[]string] { return query(Texts, "ACL LIST") }

// ACLCat returns the categories of commands, or the commands of one category.
//
// See https://redis.io/commands/acl-cat.
func ACLCat(category string) Cmd[[]string] { return query(Texts, "ACL CAT", maybe(category)...) }

// ACLSetUser makes or changes a user by rules: "on", ">secret", "~app:*", "+@read".
//
// See https://redis.io/commands/acl-setuser.
func ACLSetUser(user string, rules ...string) Status {
	return status("ACL SETUSER", strs(user, rules)...)
}

// ACLDelUser deletes users, closes their connections and returns how many there
// were.
//
// See https://redis.io/commands/acl-deluser.
func ACLDelUser(users ...string) Cmd[int64] {
	return write(Int, "ACL DELUSER", addStrs(few(), users)...).check(some(len(users), noUsers))
}

// ACLUser is what a user may do.
type ACLUser struct {
	Flags     []string // "on", "nopass", ...
	Passwords []string // SHA-256 of each, in hexadecimal
	ACLSelector
	Selectors []ACLSelector // further ones. Redis 7.0
}

// ACLSelector is a set of permissions.
type ACLSelector struct{ Commands, Keys, Channels string }

// ACLGetUser returns what a user may do, or [ErrNil].
//
// See https://redis.io/commands/acl-getuser.
func ACLGetUser(user string) Cmd[ACLUser] { return query(aclUser, "ACL GETUSER", resp.String(user)) }

func aclUser(v resp.Value) (u ACLUser, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "flags":
			u.Flags, err = Texts(v)
		case "passwords":
			u.Passwords, err = Texts(v)
		case "selectors":
			u.Selectors, err = list(v, aclSelector)
		default:
			err = u.field(name, v)
		}
		return err
	})
	return u, err
}

func aclSelector(v resp.Value) (s ACLSelector, err error) {
	err = named(v, s.field)
	return s, err
}

func (s *ACLSelector) field(name string, v resp.Value) (err error) {
	switch name {
	case "commands":
		s.Commands, err = Text(v)
	case "keys":
		s.Keys, err = Text(v)
	case "channels":
		s.Channels, err = Text(v)
	}
	return err
}

// ACLDryRun returns "OK" if user may run the command, else the reason why not.
// Redis 7.0.
//
// See https://redis.io/commands/acl-dryrun.
func ACLDryRun(user string, command ...string) Cmd[string] {
	return query(Text, "ACL DRYRUN", strs(user, command)...).check(some(len(command), noCommand))
}

// ACLGenPass returns a random password of so many bits, 256 if it is 0, in
// hexadecimal.
//
// See https://redis.io/commands/acl-genpass.
func ACLGenPass(bits int64) Cmd[string] {
	if bits == 0 {
		return query(Text, "ACL GENPASS")
	}
	return query(Text, "ACL GENPASS", resp.Int(bits))
}

// ACLLoad reads the users from the file of the server.
//
// See https://redis.io/commands/acl-load.
func ACLLoad() Status { return status("ACL LOAD") }

// ACLSave writes the users to the file of the server.
//
// See https://redis.io/commands/acl-save.
func ACLSave() Status { return status("ACL SAVE") }

// ACLEvent is a refusal that the server has logged.
type ACLEvent struct {
	Count    int64
	Reason   string // "command", "key", "channel", "auth"
	Context  string // "toplevel", "multi", "lua", "module"
	Object   string // what was refused
	User     string
	Age      time.Duration
	Client   string // a line of [ClientList]
	ID       int64
	Created  time.Time
	Modified time.Time
}

// ACLLog returns the latest n refusals, 10 if n is 0.
//
// See https://redis.io/commands/acl-log.
func ACLLog(n int64) Cmd[[]ACLEvent] {
	if n == 0 {
		return query(aclEvents, "ACL LOG")
	}
	return query(aclEvents, "ACL LOG", resp.Int(n))
}

func aclEvents(v resp.Value) ([]ACLEvent, error) { return list(v, aclEvent) }

func aclEvent(v resp.Value) (e ACLEvent, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "count":
			e.Count, err = Int(v)
		case "reason":
			e.Reason, err = Text(v)
		case "context":
			e.Context, err = Text(v)
		case "object":
			e.Object, err = Text(v)
		case "username":
			e.User, err = Text(v)
		case "age-seconds":
			s, ferr := Float(v)
			e.Age, err = time.Duration(s*float64(time.Second)), ferr
		case "client-info":
			e.Client, err = Text(v)
		case "entry-id":
			e.ID, err = Int(v)
		case "timestamp-created":
			e.Created, err = UnixMillis(v)
		case "timestamp-last-updated":
			e.Modified, err = UnixMillis(v)
		}
		return err
	})
	return e, err
}

// ACLLogReset forgets the refusals.
//
// See https://redis.io/commands/acl-log.
func ACLLogReset() Status { return status("ACL LOG", resp.String("RESET")) }
