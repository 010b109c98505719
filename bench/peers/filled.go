package main

import (
	"context"
	"strings"

	"github.com/kermes-redis/kermes/resp"
)

// filledClient is raw, and makes what a caller is to have. Where the parts of a reply
// are it knows beforehand.
type filledClient struct{ *rawClient }

type filledWorker struct{ *rawWorker }

func openFilled(s servers) (client, error) { return filledClient{&rawClient{s: s}}, nil }

func (c filledClient) worker() (worker, error) {
	r, err := c.dial()
	return filledWorker{r}, err
}

// hash fills a map of the right size with strings that are parts of one block.
func (r filledWorker) hash(context.Context) error {
	b, err := r.exchange(r.w.hash, r.w.hashSize)
	if err != nil {
		return err
	}
	d := shared()
	var texts strings.Builder
	texts.Grow(hashFields * (len(d.fields[0]) + len(d.texts[0])))
	for rest := b[len(resp.AppendArray(nil, 2*hashFields)):]; len(rest) > 0; {
		rest = take(&texts, rest, len(d.fields[0]))
		rest = take(&texts, rest, len(d.texts[0]))
	}
	m := make(map[string]string, hashFields)
	for block := texts.String(); block != ""; {
		field := block[:len(d.fields[0])]
		block = block[len(field):]
		m[field] = block[:len(d.texts[0])]
		block = block[len(d.texts[0]):]
	}
	return checkHash(m)
}

// take copies a string of n bytes, 10 to 99, and returns what is behind it.
func take(to *strings.Builder, reply []byte, n int) []byte {
	const head, end = len("$12\r\n"), len("\r\n")
	to.Write(reply[head : head+n])
	return reply[head+n+end:]
}

// get makes the value.
func (r filledWorker) get(_ context.Context, k int) error {
	b, err := r.exchange(r.w.get[k], len(r.w.gotten[k]))
	if err != nil {
		return err
	}
	value := shared().values[k]
	var text strings.Builder
	text.Grow(len(value))
	take(&text, b, len(value))
	return same(text.String(), value, nil)
}

// pipeGet makes the values, which are parts of one block.
func (r filledWorker) pipeGet(_ context.Context, first, n int) error {
	w := r.w.pipes[n]
	b, err := r.exchange(w.get[first/batchSize], len(w.gotten[first/batchSize]))
	if err != nil {
		return err
	}
	values := shared().values[first:]
	size := len(values[0])
	var texts strings.Builder
	texts.Grow(n * size)
	for len(b) > 0 {
		b = take(&texts, b, size)
	}
	for i, block := 0, texts.String(); i < n; i++ {
		if err := same(block[:size], values[i], nil); err != nil {
			return err
		}
		block = block[size:]
	}
	return nil
}

// bigGet reads into memory of its own, which is then the string.
func (r filledWorker) bigGet(ctx context.Context) error {
	r.buf = nil
	return r.rawWorker.bigGet(ctx)
}
