package redis

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"github.com/kermes-redis/kermes/resp"
)

func TestAFutureIsFourWords(t *testing.T) {
	if n := unsafe.Sizeof(Future[string]{}); n > 4*unsafe.Sizeof(uintptr(0)) && unsafe.Sizeof(uintptr(0)) == 8 {
		t.Errorf("%d bytes", n)
	}
}

func TestATicketSaysWhatItWasMadeOf(t *testing.T) {
	p := &Pipeline{gen: maxGen}
	for _, i := range []int{0, 1, 1<<31 - 1} {
		for _, n := range []int{0, 3, maxName, maxName + 1} {
			k := p.ticket(i, strings.Repeat("x", n))
			if k.index() != i || k.gen() != maxGen || k.nameLen() != min(n, maxName) {
				t.Errorf("%d, %d: index %d, gen %d, %d", i, n, k.index(), k.gen(), k.nameLen())
			}
		}
	}
}

func TestAFutureOfBeforeAResetIsPendingAfterTheLastGeneration(t *testing.T) {
	p := &Pipeline{gen: maxGen}
	before := Get("k").Queue(p)
	p.Reset()
	if _, err := before.Value(); !errors.Is(err, ErrPending) || p.gen != 0 {
		t.Errorf("%v, generation %d", err, p.gen)
	}
}

func TestTheErrorOfAFutureNamesItsCommand(t *testing.T) {
	for _, name := range []string{"GET", strings.Repeat("X", maxName), strings.Repeat("X", maxName+9)} {
		p := &Pipeline{}
		f := New(Int, name).Queue(p)
		p.begin()
		p.store.put(0, resp.Value("+no number\r\n"))
		p.end()
		_, err := f.Value()
		var e *DecodeError
		if !errors.As(err, &e) || e.Command != name[:min(len(name), maxName)] {
			t.Errorf("%.20q: %v", name, err)
		}
	}
}
