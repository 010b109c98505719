package resp

import (
	"strings"
	"testing"
	"time"
)

// sized returns a command that is so many bytes long when it is encoded.
func sized(size int) Command {
	for n := size; ; n-- {
		c := NewCommand("SET", String("k"), String(strings.Repeat("v", n)))
		if len(c.AppendTo(nil)) == size {
			return c
		}
	}
}

func pieces(r Rest) (counts []int, sizes []int) {
	for {
		out, n := r.AppendTo(nil)
		if n == 0 {
			return counts, sizes
		}
		counts, sizes = append(counts, n), append(sizes, len(out))
	}
}

// What is sent in one piece, and gathered in one, is bounded in commands and bytes: no
// command is put to what has as many already.
func TestABatchIsSentInPiecesOfABoundedSize(t *testing.T) {
	for _, c := range []struct{ size, total, most int }{
		{40, 3*partCommands + 1, partCommands},
		{64, partCommands, partCommands}, // both bounds at once
		{partBytes / 8, 20, 8}, {partBytes/8 - 1, 20, 9}, {partBytes/8 + 1, 20, 8},
		{partBytes, 3, 1}, {partBytes - 200, 4, 2},
	} {
		cmd := sized(c.size)
		cmds := make([]Command, c.total)
		var b Batch
		for i := range cmds {
			cmds[i] = cmd
			b.Add(&cmd)
		}
		lent := BatchOf(cmds)
		for name, b := range map[string]*Batch{"encoded": &b, "lent": &lent} {
			counts, sizes := pieces(b.From(0))
			for i, n := range counts {
				want := min(c.most, c.total-i*c.most)
				if n != want || sizes[i] != n*c.size {
					t.Errorf("%d of %d bytes, %s: piece %d is %d commands, want %d", c.total, c.size, name, i, n, want)
				}
			}
		}
		b.Free()
	}
}

func TestASizeIsAboutThatOfTheBytes(t *testing.T) {
	var b Batch
	var cmds []Command
	for i := range 3 * partCommands {
		cmds = append(cmds, sized(40+i%50))
		b.Add(&cmds[i])
	}
	defer b.Free()
	lent := BatchOf(cmds)
	for _, from := range []int{0, 1, 2, partCommands - 1, partCommands, partCommands + 1, len(cmds) - 1, len(cmds)} {
		size, commands := len(encoded(cmds[from:])), len(cmds)-from
		if got := b.Size(from); got != size {
			t.Errorf("from %d: %d bytes, want %d", from, got, size)
		}
		if got := lent.Size(from); got < size || got > size+200*commands {
			t.Errorf("lent, from %d: %d bytes of %d", from, got, size)
		}
	}
	large, waiting := sized(3*partBytes), NewCommand("BLPOP", String("list"), Int(3)).WithTimeout(3*time.Second)
	b.Add(&large)
	b.Add(&waiting)
	size := len(encoded([]Command{large, waiting}))
	if got := b.Size(0) - len(encoded(cmds)); got < size || got > size+400 {
		t.Errorf("%d bytes for commands that are not copied, of %d", got, size)
	}
}

// The bytes of a large command are used when it is sent; those of all others are copied.
func TestOnlyALargeCommandIsNotCopied(t *testing.T) {
	for _, c := range []struct {
		more   int
		copied bool
	}{{-1, true}, {0, true}, {1, false}} {
		value := []byte(strings.Repeat("a", partBytes))
		cmd := NewCommand("SET", Bytes(value))
		value = value[:len(value)-(cmd.Size()-partBytes)+c.more]
		cmd = NewCommand("SET", Bytes(value))
		if cmd.Size() != partBytes+c.more {
			t.Fatal(cmd.Size())
		}
		var b Batch
		b.Add(&cmd)
		value[0] = 'b'
		out, _ := drain(b.From(0))
		if got := !strings.Contains(string(out), "b"); got != c.copied {
			t.Errorf("%d bytes: copied %v", cmd.Size(), got)
		}
		b.Free()
	}
}
