package pubsub

// delivery is a message as it lies in the read buffer.
type delivery struct {
	kind    Kind
	name    []byte // what was subscribed to: channel or pattern
	channel []byte
	payload []byte
}

// The starts of deliveries, without the first byte (which is > in RESP3 and *
// in RESP2) and the second, the number of elements.
const (
	messageHead  = "\r\n$7\r\nmessage\r\n"
	smessageHead = "\r\n$8\r\nsmessage\r\n"
	pmessageHead = "\r\n$8\r\npmessage\r\n"
)

// parseDelivery takes the message at the start of b apart and returns how many
// bytes it has. It returns 0 for everything else: incomplete messages, other
// replies, and messages in a form that Redis does not use, such as streamed
// strings. It accepts nothing that a resp.Scanner does not.
func parseDelivery(b []byte) (d delivery, n int) {
	if len(b) < len("*3")+len(messageHead) || b[0] != '>' && b[0] != '*' {
		return d, 0
	}
	var i int
	switch {
	case b[1] == '3' && string(b[2:2+len(messageHead)]) == messageHead:
		i = 2 + len(messageHead)
	case len(b) < 2+len(pmessageHead):
		return d, 0
	case b[1] == '4' && string(b[2:2+len(pmessageHead)]) == pmessageHead:
		d.kind = Pattern
		if d.name, i = parseBulk(b, 2+len(pmessageHead)); i == 0 {
			return d, 0
		}
	case b[1] == '3' && string(b[2:2+len(smessageHead)]) == smessageHead:
		d.kind = Shard
		i = 2 + len(smessageHead)
	default:
		return d, 0
	}
	if d.channel, i = parseBulk(b, i); i == 0 {
		return d, 0
	}
	if d.kind != Pattern {
		d.name = d.channel
	}
	d.payload, i = parseBulk(b, i)
	return d, i
}

// maxDigits is how many digits of a length are read here: less than a gigabyte,
// and no overflow.
const maxDigits = 9

// parseBulk returns the string at b[i:] and where the next element begins, or 0
// as that.
func parseBulk(b []byte, i int) (s []byte, next int) {
	if i+1 >= len(b) || b[i] != '$' {
		return nil, 0
	}
	i++
	size, start := 0, i
	for i < len(b) && b[i]-'0' <= 9 {
		size = size*10 + int(b[i]-'0')
		i++
		if i-start > maxDigits {
			return nil, 0
		}
	}
	if i == start || size > len(b)-i-4 || b[i] != '\r' || b[i+1] != '\n' {
		return nil, 0
	}
	i += 2
	end := i + size
	if b[end] != '\r' || b[end+1] != '\n' {
		return nil, 0
	}
	return b[i:end:end], end + 2
}
