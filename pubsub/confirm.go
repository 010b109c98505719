package pubsub

import (
	"fmt"

	"github.com/kermes-redis/kermes/resp"
)

// reply handles what parseDelivery does not know: confirmations, answers to
// PING, errors, and messages in an unusual form.
func (s *Subscriber) reply(ss *session, v resp.Value) error {
	switch v.Kind() {
	case resp.KindPush, resp.KindArray:
		return s.replyArray(ss, v)
	case resp.KindText:
		return s.pong(ss)
	case resp.KindError, resp.KindBulkError:
		return s.refuse(ss, v.Err())
	}
	return fmt.Errorf("%w: a reply of kind %v", errOutOfStep, v.Kind())
}

// replyArray handles an array of RESP2 or a push of RESP3.
func (s *Subscriber) replyArray(ss *session, v resp.Value) error {
	c := v.Cursor()
	var parts [4][]byte
	n := 0
	for ; n < len(parts); n++ {
		e, ok := c.Next()
		if !ok {
			break
		}
		parts[n], _ = e.Bytes()
		if e.Kind() == resp.KindArray {
			parts[n] = e // the keys of __redis__:invalidate: see Message.Keys
		}
	}
	switch string(parts[0]) {
	case "subscribe", "unsubscribe":
		return s.confirm(ss, Channel, string(parts[0]) == "subscribe", parts[1])
	case "psubscribe", "punsubscribe":
		return s.confirm(ss, Pattern, string(parts[0]) == "psubscribe", parts[1])
	case "ssubscribe", "sunsubscribe":
		return s.confirm(ss, Shard, string(parts[0]) == "ssubscribe", parts[1])
	case "message":
		ss.deliver(&delivery{kind: Channel, name: parts[1], channel: parts[1], payload: parts[2]})
		return nil
	case "smessage":
		ss.deliver(&delivery{kind: Shard, name: parts[1], channel: parts[1], payload: parts[2]})
		return nil
	case "pmessage":
		ss.deliver(&delivery{kind: Pattern, name: parts[1], channel: parts[2], payload: parts[3]})
		return nil
	case "pong":
		return s.pong(ss)
	}
	if v.Kind() == resp.KindPush {
		return nil // of some other kind, such as invalidate
	}
	return fmt.Errorf("%w: %q", errOutOfStep, parts[0])
}
