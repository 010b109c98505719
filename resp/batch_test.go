package resp

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mixed is commands of every kind: short, of two words, with numbers, of many arguments,
// large, waiting, stateful, without a name.
func mixed() []Command {
	cmds := []Command{
		NewCommand("GET", String("key")).WithFlags(ReadOnly),
		NewCommand("CONFIG GET", String("*")),
		NewCommand("MSET", String("a"), Int(-5), String("b"), Float(1.5), String("c"), Bytes([]byte("\r\n"))).WithFlags(Idempotent),
		NewCommand("SET", String("big"), String(strings.Repeat("x", partBytes+1))),
		NewCommand("BLPOP", String("list"), Int(3)).WithTimeout(3 * time.Second),
		NewCommand("MULTI"),
		NewCommand("", String("argument")),
		NewCommand("SET", String(""), String("")),
	}
	for i := range 2*partCommands + 7 {
		cmds = append(cmds, NewCommand("SET", String("key:"+strconv.Itoa(i)), Int(int64(i))))
	}
	return cmds
}

func encoded(cmds []Command) (b []byte) {
	for i := range cmds {
		b = cmds[i].AppendTo(b)
	}
	return b
}

func drain(r Rest) (out []byte, total int) {
	for n := 1; n > 0; total += n {
		out, n = r.AppendTo(out)
	}
	return out, total
}

func TestABatchIsItsCommands(t *testing.T) {
	cmds := mixed()
	var b Batch
	for i := range cmds {
		b.Add(&cmds[i])
	}
	lent := BatchOf(cmds)
	for name, b := range map[string]*Batch{"encoded": &b, "lent": &lent} {
		if b.Len() != len(cmds) {
			t.Fatal(name, b.Len())
		}
		for _, from := range []int{0, 1, 3, 4, 5, len(cmds) / 2, len(cmds) - 1, len(cmds)} {
			if out, n := drain(b.From(from)); n != len(cmds)-from || !bytes.Equal(out, encoded(cmds[from:])) {
				t.Errorf("%s: %d commands from %d, %d bytes", name, n, from, len(out))
			}
			if out := encoded(b.Commands(from)); !bytes.Equal(out, encoded(cmds[from:])) {
				t.Errorf("%s: copies from %d", name, from)
			}
			some, all, repeatable := Flags(0), ^Flags(0), true
			for i := from; i < len(cmds); i++ {
				some |= cmds[i].Flags()
				all &= cmds[i].Flags()
				repeatable = repeatable && cmds[i].Flags()&(ReadOnly|Idempotent) != 0
			}
			if s, a := b.Flags(from); s != some || a != all || b.Repeatable(from) != repeatable {
				t.Errorf("%s: flags from %d: %v %v", name, from, s, a)
			}
		}
		for i := range cmds {
			got, want := b.Command(i), cmds[i]
			d, timed := b.Timeout(i)
			wantD, wantTimed := want.Timeout()
			if got.Name() != want.Name() || got.NArgs() != want.NArgs() || got.Flags() != want.Flags() || d != wantD || timed != wantTimed {
				t.Errorf("%s: command %d is %s", name, i, got.Name())
			}
		}
		if a, z := b.NextSpecial(0), b.NextSpecial(6); a != 5 || z != 6 || b.NextSpecial(7) != len(cmds) {
			t.Errorf("%s: special commands are %d and %d", name, a, z)
		}
	}
	if got := b.Size(0); got < len(encoded(cmds)) {
		t.Errorf("%d bytes of %d", got, len(encoded(cmds)))
	}
}

func TestCommandsOutliveTheirBatch(t *testing.T) {
	var b Batch
	cmd := NewCommand("CONFIG SET", String("name"), String("value"))
	b.Add(&cmd)
	copies, view := b.Commands(0), b.Command(0)
	name := view.Name()
	b.Free()
	for range 3 * partCommands { // whatever part comes back is overwritten
		other := NewCommand("XXXXXXXXXX", String("yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"))
		b.Add(&other)
	}
	if name != "CONFIG SET" || !bytes.Equal(encoded(copies), encoded([]Command{cmd})) {
		t.Errorf("%q %q", name, encoded(copies))
	}
	b.Free()
	b.Free() // of an empty one
	if b.Len() != 0 || b.Size(0) != 0 || b.NextSpecial(0) != 0 || len(b.Commands(0)) != 0 {
		t.Error("not empty")
	}
}

func TestACommandWithoutArgumentsIsFoundInItsBatch(t *testing.T) {
	var b Batch
	var names []string
	for n := range 20 {
		names = append(names, strings.Repeat("N", n+1))
	}
	names = append(names, "CLIENT ID", "MULTI", "EXEC")
	for _, name := range names {
		cmd := NewCommand(name).WithFlags(ReadOnly)
		b.Add(&cmd)
	}
	for i, name := range names {
		got, want := b.Command(i), NewCommand(name)
		if got.Name() != name || got.NArgs() != 0 || got.Flags() != ReadOnly || !bytes.Equal(got.AppendTo(nil), want.AppendTo(nil)) {
			t.Errorf("%s is %s", name, got.Name())
		}
	}
	b.Free()
}

func TestEncloseFitsAnyBatch(t *testing.T) {
	multi, exec := NewCommand("MULTI"), NewCommand("EXEC")
	for _, n := range []int{0, 1, 3, partCommands - 1, partCommands, 3 * partCommands} {
		var cmds []Command
		var b Batch
		for i := range n {
			cmd := NewCommand("SET", String("key"), Int(int64(i)))
			cmds = append(cmds, cmd)
			b.Add(&cmd)
		}
		b.Enclose(&multi, &exec)
		want := encoded(slices.Concat([]Command{multi}, cmds, []Command{exec}))
		if out, total := drain(b.From(0)); total != n+2 || b.Len() != n+2 || !bytes.Equal(out, want) {
			t.Errorf("%d: %d commands, %q", n, total, out[:min(len(out), 80)])
		}
		if first, last := b.Command(0), b.Command(n+1); first.Name() != "MULTI" || last.Name() != "EXEC" {
			t.Errorf("%d: %s to %s", n, first.Name(), last.Name())
		}
		b.Free()
	}
}
