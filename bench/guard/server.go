package main

import (
	"context"
	"net"

	"github.com/kermes-redis/kermes/internal/canned"
	"github.com/kermes-redis/kermes/resp"
)

// dial is for conn.Options: to a server in memory, so that nothing but the client is
// counted.
func (r *row) dial(context.Context, string, string) (net.Conn, error) {
	return canned.New(canned.Options{Answer: r.answer, Crowd: r.callers > 1}), nil
}

// answer gives the reply of the row's command, and else what a program's commands of
// every row are answered with.
func (r *row) answer(_ int, words []string) []byte {
	switch words[0] {
	case "SET", "CLIENT", "WATCH":
		return []byte("+OK\r\n")
	case "ROLE":
		return []byte("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
	}
	if r.reply != nil {
		return r.reply()
	}
	if words[0] == "GET" {
		return resp.AppendBulk(nil, value)
	}
	return resp.AppendInt(nil, 1)
}
