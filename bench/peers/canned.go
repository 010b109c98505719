package main

import (
	"context"
	"net"
	"strconv"
	"strings"

	"github.com/kermes-redis/kermes/internal/canned"
	"github.com/kermes-redis/kermes/resp"
)

// dialCanned connects to a server in memory that answers what the clients ask. It shows
// what a client costs without a kernel.
func dialCanned(context.Context, string, string) (net.Conn, error) {
	return canned.New(canned.Options{Answer: answer}), nil
}

// answer is how a server would answer, as far as the clients care.
func answer(proto int, words []string) []byte {
	d := shared()
	switch strings.ToUpper(words[0]) {
	case "GET":
		k, _ := strconv.Atoi(strings.TrimPrefix(words[1], "key:"))
		return resp.AppendBulk(nil, d.values[k])
	case "HGETALL":
		return hashReply(proto == 3)
	case "EVALSHA", "EVAL":
		n, _ := strconv.Atoi(words[4])
		return resp.AppendInt(nil, int64(len(d.values[0])+n))
	case "CLUSTER": // rueidis asks whether it is one
		return []byte("-ERR This instance has cluster support disabled\r\n")
	case "PING":
		return []byte("+PONG\r\n")
	case "CLIENT":
		if len(words) > 1 && strings.EqualFold(words[1], "maint_notifications") {
			return []byte("-ERR unknown subcommand\r\n")
		}
	}
	return rawOK
}
