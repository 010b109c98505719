package resp_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// A fake of a server writes replies of every kind, in RESP3.
func ExampleAppendText() {
	for _, null := range [][]byte{resp.AppendNull(nil), resp.AppendNullBulk(nil), resp.AppendNullArray(nil)} {
		fmt.Println(resp.Value(null).IsNull()) // the last two are RESP2
	}
	b := resp.AppendAttribute(nil, 1) // about the array
	b = resp.AppendText(b, "ttl")
	b = resp.AppendInt(b, 3600)
	b = resp.AppendArray(b, 7)
	b = resp.AppendBool(b, true)
	b = resp.AppendDouble(b, 1.5)
	b = resp.AppendBig(b, "36893488147419103232")
	b = resp.AppendVerbatim(b, "txt", "as it is")
	b = resp.AppendError(b, "WRONGTYPE no list")
	b = resp.AppendBulkError(b, "ERR of\r\ntwo lines")
	b = resp.AppendSet(b, 1)
	b = resp.AppendBulk(b, "member")
	fmt.Println(resp.Value(b))

	push := resp.AppendPush(nil, 2) // nobody has asked for it
	push = resp.AppendBulk(push, "invalidate")
	push = resp.AppendArray(push, 0)
	fmt.Println(resp.Value(push).Kind() == resp.KindPush)
	// Output:
	// true
	// true
	// true
	// [(true), (double) 1.5, (big number) 36893488147419103232, "as it is", (error) WRONGTYPE no list, (error) ERR of\r\ntwo lines, ~["member"]]
	// true
}

// A program that does not know the shape of a reply looks at its kind.
func ExampleValue_Kind() {
	show := func(v resp.Value) {
		switch v.Kind() {
		case resp.KindNull:
			fmt.Println("nothing")
		case resp.KindText, resp.KindBulk, resp.KindVerbatim:
			text, _ := v.Bytes()
			fmt.Printf("text %s of format %q\n", text, v.Format())
		case resp.KindInt, resp.KindDouble, resp.KindBig:
			f, err := v.Float()
			fmt.Println("number", f, err)
		case resp.KindBool:
			fmt.Println(v.Bool())
		case resp.KindError, resp.KindBulkError:
			fmt.Println("error", v.Err())
		case resp.KindArray, resp.KindSet, resp.KindMap, resp.KindPush:
			fmt.Println(v.Kind(), "of", v.Len(), "keys and values")
		case resp.KindAttribute: // never a reply by itself
		}
	}
	for _, reply := range []string{"_\r\n", "$5\r\nhello\r\n", ":3\r\n", "#t\r\n", "-ERR no\r\n", "%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n"} {
		show(resp.Value(reply))
	}
	// Output:
	// nothing
	// text hello of format ""
	// number 3 <nil>
	// true <nil>
	// error ERR no
	// map of 4 keys and values
}

// A function that takes keys and numbers of whatever type its caller has.
func ExampleArgOf() {
	type userID string
	add := func(c resp.Command, id userID, score float32, n uint64) resp.Command {
		return c.With(resp.ArgOf(id), resp.ArgOf(score), resp.Uint(n)) // each a Scalar
	}
	c := add(resp.NewCommand("ZADD", resp.String("board")), "u7", 0.1, 1<<63)
	for i := range c.NArgs() {
		fmt.Print(c.Arg(i), " ")
	}
	fmt.Println(c.Size() >= len(c.AppendTo(nil))) // room for it
	// Output: board u7 0.1 9223372036854775808 true
}

// What a client may do with a command that Redis does not know: this one reads, and
// must be sent once.
func ExampleCommand_WithFlags() {
	c := resp.NewCommand("MYMODULE.DRAIN", resp.String("k")).WithFlags(resp.ReadOnly | resp.NoRetry)
	fmt.Println(c.Flags()&resp.ReadOnly != 0, c.Flags()&resp.Idempotent != 0, c.Flags()&resp.NoRetry != 0)
	// Output: true false true
}

// Several replies may have come with one read.
func ExampleReader_Buffered() {
	r := resp.NewReader(strings.NewReader("+OK\r\n:1\r\n"), resp.Limits{})
	for {
		v, err := r.ReadValue()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(v)
		if r.Buffered() == 0 {
			break // what comes next may have to be waited for
		}
	}
	// Output:
	// OK
	// (integer) 1
}

// A client that follows a master learns of a demotion by the errors of writes.
func ExampleError_IsReadOnly() {
	for _, text := range []string{
		"READONLY You can't write against a read only replica.",
		"EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.",
		"WRONGTYPE Operation against a key holding the wrong kind of value",
	} {
		fmt.Println(resp.ParseError(text).IsReadOnly())
	}
	// Output:
	// true
	// true
	// false
}

// A client that sends many commands keeps them as the bytes that are sent.
func ExampleBatch() {
	var b resp.Batch
	defer b.Free()
	set := resp.NewCommand("SET", resp.String("k"), resp.Int(1))
	get := resp.NewCommand("GET", resp.String("k")).Flagged()
	for _, c := range []*resp.Command{&set, &get} {
		b.Add(c)
	}
	some, all := b.Flags(0)
	fmt.Println(b.Len(), b.Size(0) > 40, some == resp.ReadOnly, all == 0)
	fmt.Println(b.Repeatable(0), b.Repeatable(1), b.NextSpecial(0) == b.Len())
	second := b.Command(1)
	fmt.Println(second.Name(), len(b.Commands(0)))
	_, waits := b.Timeout(1)
	fmt.Println(waits)

	multi, exec := resp.NewCommand("MULTI"), resp.NewCommand("EXEC")
	b.Enclose(&multi, &exec)
	wire := []byte(nil)
	for left := b.From(0); ; { // a Rest
		out, n := left.AppendTo(wire)
		if n == 0 {
			break
		}
		wire = out
	}
	fmt.Println(strings.Count(string(wire), "*"), "commands")

	values := resp.ReceiverFunc(func(i int, v resp.Value) { fmt.Println(i, v) })
	values.Receive(0, resp.Value("+OK\r\n")) // by whoever reads the replies
	// Output:
	// 2 true true true
	// false true true
	// GET 2
	// false
	// 4 commands
	// 0 OK
}

// placed is the owner of a reply that was read into the room of its command.
type placed struct{ n int }

func (placed) ReleaseReply()              {}
func (p placed) PlacedReply() (int, bool) { return p.n, true }

// A large reply is read to where its caller wants it.
func ExampleReply_Placed() {
	c := resp.NewCommand("GET", resp.String("backup"))
	c.SetRoom(make([]byte, 1<<20))
	// This is what a connection does:
	room := c.Room()
	owner := placed{copy(room, "large")}
	r := resp.NewReply(resp.Value(":5\r\n"), owner)
	// And this its caller:
	if n, ok := r.Placed(); ok {
		fmt.Printf("%s\n", room[:n])
	}
	r.Release()
	// Output: large
}

// The replies of a connection that reuses its buffer have an owner.
func ExampleOwner() {
	o := &resp.Owner{Releaser: &counted{out: 1}}
	r := o.Reply(resp.Value("+OK\r\n"))
	defer r.Release()
	fmt.Println(r)
	// Output: OK
}

// A scanner goes from one connection to the next.
func ExampleScanner_Reset() {
	s := resp.NewScanner(resp.Limits{})
	n, err := s.Scan([]byte("*2\r\n:1\r\n")) // and then the connection broke
	fmt.Println(n, err)
	s.Reset()
	n, err = s.Scan([]byte("+OK\r\n"))
	fmt.Println(n, err)
	// Output:
	// 0 <nil>
	// 5 <nil>
}

// How long a command that waits may be awaited when it is sent again.
func ExampleCommand_TimeLeft() {
	c := resp.NewCommand("BLPOP", resp.String("queue"), resp.Int(10)).Flagged()
	again := c.TimeLeft(4 * time.Second)
	d, ok := again.Timeout()
	fmt.Println(d, ok, again.Arg(1))
	// Output: 6s true 6
}
