package redis

import (
	"slices"

	"github.com/kermes-redis/kermes/resp"
)

const (
	// replyBlock is how many bytes of short replies share an allocation. It bounds what
	// a string that is kept holds on to.
	replyBlock = 4 << 10
	// longReply is from which size on a reply has a block to itself.
	longReply = replyBlock/4 + 1
	// fewReplies is up to how many replies the list of places needs no allocation.
	fewReplies = 10
	// fewBlocks is up to how many blocks the list of them needs none.
	fewBlocks = 2
	// keepReplies is how long a list of places, or of blocks, a pipeline keeps over a Reset.
	keepReplies = 16 << 10
)

// replyStore keeps the replies of a pipeline: their bytes in blocks, which never change,
// and for each where it lies there. A place takes half the room of a slice or string, and
// the collector does not look at it.
type replyStore struct {
	places []place  // one for each command that has been given to a Doer
	blocks []string // each as long as there is room in it
	room   []byte   // the block where short replies are put, as far as it is used
	block  uint32   // its number; 0 as long as there is nothing in it
	stored int      // bytes of short replies that are in blocks

	fewPlaces [fewReplies]place
	fewBlocks [fewBlocks]string
}

// place is where a reply lies.
type place struct {
	block uint32 // its number
	start uint16 // of the reply within it
	size  uint16 // of the reply; 0 where it is the whole block
}

// The numbers of blocks: no reply is there yet, it is OK, and the first of blocks.
const (
	noBlock uint32 = iota
	okBlock
	firstBlock
)

const okReply = "+OK\r\n"

// at returns reply i, or nil if there is none.
func (s *replyStore) at(i int) resp.Value {
	if i >= len(s.places) {
		return nil
	}
	at := s.places[i]
	if at.block < firstBlock {
		if at.block == noBlock {
			return nil
		}
		return bytesOf(okReply)
	}
	block := s.blocks[at.block-firstBlock]
	if at.size > 0 {
		block = block[at.start:][:at.size]
	}
	return bytesOf(block)
}

// extend makes places for n more replies.
func (s *replyStore) extend(n int) {
	if s.places == nil && n <= fewReplies {
		s.places = s.fewPlaces[:0]
	}
	s.places = slices.Grow(s.places, n)[:len(s.places)+n]
}

// put keeps a copy of v as reply i. Empty bytes, which only a Doer of somebody else's
// gives, are none.
func (s *replyStore) put(i int, v resp.Value) {
	if len(v) == 0 {
		return
	}
	end := [1]int{len(v)}
	s.putRun(i, v, end[:])
}

// putRun keeps a copy of replies from number first on, which lie in buf one behind the
// other and end where ends says.
func (s *replyStore) putRun(first int, buf []byte, ends []int) {
	places := s.places[first:]
	from, start := 0, 0 // buf[from:start] is to be copied yet, into room
	room, used := cap(s.room), len(s.room)
	for i, end := range ends {
		size := end - start
		switch {
		case size == len(okReply) && string(buf[start:end]) == okReply:
			if from < start {
				s.fill(buf[from:start])
			}
			places[i], from = place{block: okBlock}, end
		case size >= longReply:
			s.fill(buf[from:start])
			places[i], from = place{block: s.addBlock(string(buf[start:end]))}, end
		default:
			if size > room-used {
				s.fill(buf[from:start])
				// As if all that are to come were of this size.
				s.reserve(size * min(len(places)-i, replyBlock/size))
				from, room, used = start, cap(s.room), len(s.room) // reserve has moved them
			}
			if s.block == noBlock {
				s.block = s.addBlock(textOf(s.room[:room]))
			}
			places[i] = place{s.block, uint16(used), uint16(size)}
			used += size
		}
		start = end
	}
	s.fill(buf[from:])
}

// fill puts p into the room that there is.
func (s *replyStore) fill(p []byte) {
	s.stored += len(p)
	s.room = append(s.room, p...)
}

// reserve makes room for n bytes of short replies in one block.
func (s *replyStore) reserve(n int) {
	if n > cap(s.room)-len(s.room) {
		s.room, s.block = make([]byte, 0, n), noBlock
	}
}

func (s *replyStore) addBlock(b string) uint32 {
	if s.blocks == nil {
		s.blocks = s.fewBlocks[:0]
	}
	s.blocks = append(s.blocks, b)
	return firstBlock + uint32(len(s.blocks)-1)
}

// reset forgets the replies. The room is used again unless it was lent: somebody has
// strings that are parts of it.
func (s *replyStore) reset(lent bool) {
	if cap(s.places) > keepReplies {
		s.places = nil
		clear(s.fewPlaces[:]) // as they were left when the list outgrew them
	}
	if cap(s.blocks) > keepReplies {
		s.blocks = nil
	}
	clear(s.places)
	clear(s.blocks)
	clear(s.fewBlocks[:]) // which the list may have outgrown as well
	s.places, s.blocks = s.places[:0], s.blocks[:0]
	if lent {
		s.room = nil
	} else if most := min(s.stored, replyBlock); most > cap(s.room) {
		s.room = make([]byte, 0, most)
	}
	s.room, s.block, s.stored = s.room[:0], noBlock, 0
}
