package resp_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

func Example() {
	c := resp.NewCommand("SET", resp.String("k"), resp.Int(42))
	fmt.Printf("%q\n", c.AppendTo(nil))

	r := resp.NewReader(strings.NewReader(":1\r\n-ERR no\r\n"), resp.Limits{})
	v, _ := r.ReadValue()
	n, _ := v.Int()
	fmt.Println(n)
	v, _ = r.ReadValue()
	fmt.Println(v.Err())
	// Output:
	// "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n42\r\n"
	// 1
	// ERR no
}

func ExampleNewCommand() {
	c := resp.NewCommand("CONFIG GET", resp.String("maxmemory")).With(resp.String("port"))
	fmt.Printf("%q\n", c.AppendTo(nil))
	// Output: "*4\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$9\r\nmaxmemory\r\n$4\r\nport\r\n"
}

func ExampleCommand_Flagged() {
	c := resp.NewCommand("BLPOP", resp.String("queue"), resp.Float(2.5)).Flagged()
	wait, _ := c.Timeout()
	fmt.Println(c.Flags() == resp.Blocking, wait)
	// Output: true 2.5s
}

func ExampleCommand_WithTimeout() {
	c := resp.NewCommand("MYMODULE.WAIT", resp.Int(5)).WithTimeout(5 * time.Second)
	fmt.Println(c.Flags()&resp.Blocking != 0)
	// Output: true
}

func ExampleCommand_Stateful() {
	c := resp.NewCommand("client", resp.String("reply"), resp.String("off"))
	fmt.Println(c.Stateful())
	fmt.Println(resp.IsStateful("SELECT"), resp.IsStateful("GET"))
	// Output:
	// true
	// true false
}

func ExampleCommand_AppendPieces() {
	large := []byte(strings.Repeat("x", 1000))
	c := resp.NewCommand("SET", resp.String("k"), resp.Bytes(large))
	pieces := c.AppendPieces(nil, 512)
	fmt.Println(len(pieces), &pieces[1][0] == &large[0])
	// Output: 3 true
}

func ExampleFlagsOf() {
	fmt.Println(resp.FlagsOf("get") == resp.ReadOnly, resp.FlagsOf("INCR") == 0)
	// Output: true true
}

func ExampleFloat() {
	fmt.Println(resp.Float(0.1).String(), resp.Float(1e30).String())
	// Output: 0.1 1e+30
}

func ExampleScanner() {
	s := resp.NewScanner(resp.Limits{Bulk: 1 << 20})
	buf := []byte("$5\r\nhel")
	n, err := s.Scan(buf)
	fmt.Println(n, err, s.Need())
	buf = append(buf, "lo\r\n"...)
	n, err = s.Scan(buf)
	fmt.Println(n, err)
	// Output:
	// 0 <nil> 4
	// 11 <nil>
}

func ExampleLimits() {
	r := resp.NewReader(strings.NewReader("$2000000\r\n"), resp.Limits{Bulk: 1 << 20})
	_, err := r.ReadValue()
	fmt.Println(errors.Is(err, resp.ErrLimit))
	fmt.Println(err)
	// Output:
	// true
	// resp: at byte 0: length of bulk string beyond the limit of 1048576 (Limits.Bulk)
}

func ExampleValue_Bytes() {
	_, err := resp.Value("$-1\r\n").Bytes()
	fmt.Println(errors.Is(err, resp.ErrNull))
	b, _ := resp.Value("=8\r\ntxt:text\r\n").Bytes()
	fmt.Printf("%s\n", b)
	// Output:
	// true
	// text
}

func ExampleValue_Elems() {
	for e := range resp.Value("*2\r\n+a\r\n:1\r\n").Elems() {
		fmt.Println(e)
	}
	// Output:
	// a
	// (integer) 1
}

func ExampleValue_Pairs() {
	for _, reply := range []string{"%1\r\n$1\r\nf\r\n$1\r\nv\r\n", "*2\r\n$1\r\nf\r\n$1\r\nv\r\n"} {
		for k, v := range resp.Value(reply).Pairs() {
			fmt.Println(k, v)
		}
	}
	// Output:
	// "f" "v"
	// "f" "v"
}

func ExampleValue_Attrs() {
	v := resp.Value("|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n")
	for k, e := range v.Attrs() {
		fmt.Println(k, e)
	}
	fmt.Println(v)
	// Output:
	// ttl (integer) 3600
	// "v"
}

func ExampleCursor() {
	c := resp.Value("*3\r\n+name\r\n:1\r\n:2\r\n").Cursor()
	name, _ := c.Next()
	fmt.Println(name, c.Left())
	for e, ok := c.Next(); ok; e, ok = c.Next() {
		fmt.Println(e.Int())
	}
	// Output:
	// name 2
	// 1 <nil>
	// 2 <nil>
}

func ExampleError() {
	err := resp.Value("-WRONGTYPE Operation against a key\r\n").Err()
	fmt.Println(errors.Is(err, &resp.Error{Code: "WRONGTYPE"}))
	// Output: true
}

func ExampleError_Rejected() {
	for _, text := range []string{
		"READONLY You can't write against a read only replica.", "NOAUTH Authentication required.",
		"WRONGTYPE x", "BUSY the lock is held",
	} {
		e := resp.ParseError(text)
		fmt.Println(e.Code, e.Rejected(), e.Refused())
	}
	// Output:
	// READONLY true true
	// NOAUTH false true
	// WRONGTYPE false false
	// BUSY false false
}

func ExampleError_AnswerTo() {
	get, eval := resp.NewCommand("GET"), resp.NewCommand("EVAL")
	e := resp.ParseError("LOADING the dataset, says a server of another make")
	fmt.Println(e.AnswerTo(&get).Rejected(), e.AnswerTo(&eval).Rejected())
	// Output: true false
}

func ExampleAppendMap() {
	b := resp.AppendMap(nil, 1)
	b = resp.AppendBulk(b, "f")
	b = resp.AppendInt(b, 1)
	fmt.Println(resp.Value(b))
	// Output: {"f" => (integer) 1}
}

// counted is the owner of replies in a fake of a connection.
type counted struct{ out int }

func (c *counted) ReleaseReply() { c.out-- }

func ExampleNewReply() {
	owner := &counted{out: 1}
	r := resp.NewReply(resp.Value("+OK\r\n"), owner)
	kept := r.Clone()
	r.Release()
	fmt.Println(kept, owner.out)
	// Output: OK 0
}

func ExampleReply_Keep() {
	r := resp.NewReply(resp.Value("+OK\r\n"), nil)
	v := r.Value
	if !r.Keep() { // as of most replies
		v = v.Clone()
		r.Release()
	}
	fmt.Println(v)
	// Output: OK
}
