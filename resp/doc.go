// Package resp turns commands into bytes and bytes into replies, in RESP2 and
// RESP3. It does no I/O but through the [io.Reader] of a [Reader], starts no
// goroutine and knows no timeouts: those are for package conn.
//
//	c := resp.NewCommand("SET", resp.String("k"), resp.Int(42))
//	wire := c.AppendTo(nil)
//
//	r := resp.NewReader(nc, resp.Limits{})
//	v, err := r.ReadValue()       // I/O or protocol: the connection is done for
//	if err := v.Err(); err != nil // an error reply: the connection is fine
//	n, err := v.Int()
//
// # Commands
//
// A [Command] is a value: a name, arguments, and what a client must know of it
// ([Flags], how long it may block). Numbers stay numbers until they are encoded.
// The common ones allocate nothing, and [ArgOf] makes an argument of any [Scalar].
// [Command.Init] makes one in place, for what is made of commands and would copy it.
//
// # Replies
//
// A [Value] is the bytes of one complete reply, of some [Kind]; its accessors and [Cursor]
// read them without building a tree. A [Scanner] finds where a reply ends in a growing
// buffer; a [Reader] does it with a buffer of its own. Every type of RESP3 is
// known: attributes in front of any value, pushes, strings, arrays, sets and maps
// that are streamed, and the nulls of both protocols. The same accessor takes what
// either protocol answers: [Value.Float] a double or a string, [Value.Bool] a
// boolean or 0 and 1, [Value.Pairs] a map or a flat array.
//
// # Who owns the bytes
//
// [String] and [Bytes] copy nothing: what an argument was made of must not change
// until the reply has come. A Value, and every slice and Value taken from it,
// aliases the buffer that the reply was read into. It is valid until the next
// [Reader.ReadValue], or until [Reply.Release]; [Value.Clone] copies what is to
// stay, and [Reply.Keep] may save the copy of a large reply. A Reply goes back to its
// [Owner], which is a [Keeper] if it can let the bytes go. Errors own their strings.
// Of strings, only a streamed one is joined in new memory.
//
// # Limits
//
// Bytes are not trusted. A Scanner checks every end of line, length and number,
// and stops at the [Limits]:
//
//	a text, error, big number  512 MiB   DefaultMaxLine
//	any other line         64 KiB
//	a string               512 MiB   DefaultMaxBulk, the server's proto-max-bulk-len
//	a reply                1 GiB     DefaultMaxReply
//	elements               2^31-1    DefaultMaxElems, of one aggregate
//	depth                  128       DefaultMaxDepth, attributes included
//	attributes of a reply  16        DefaultMaxAttrs
//
// Memory follows the bytes that have arrived, never the lengths that a header
// claims, and the work is linear in them, in however small pieces they come. No
// bytes make anything here panic.
//
// Lengths are digits only, at most 19, with -1 only for the nulls $-1 and *-1, and
// a question mark only for $, *, ~ and %. An integer that does not fit 64 bits, a
// double that is written otherwise than RESP3 says or is too large, a boolean other
// than t and f, a push without elements, an attribute that nothing follows, are
// errors, as are CR and LF within a line. One thing is let through: a big number
// of other bytes than digits, which a Lua script can make, is a [ValueError] when
// it is asked for, for the frame around it is sound.
//
// # Errors
//
//	SyntaxError  the bytes are no reply (ErrProtocol) or beyond a limit (ErrLimit);
//	             close the connection
//	io.EOF       the stream has ended between two replies
//	io.ErrUnexpectedEOF  or inside one
//	*Error       the server has answered with an error
//	ErrNull      the reply is a null, where a value was asked for
//	ValueError   the reply is of another kind than what was asked for
//
// # What an error reply proves
//
// Whether a command may be sent again depends on whether it has been executed.
// Of some error replies that is known:
//
//	READONLY         not executed: this is a replica. Ask for the master, again.
//	MASTERDOWN       not executed: a replica without its master
//	LOADING          not executed: the server is reading its data
//	UNBLOCKED        a blocking command took no element: its server is no master any
//	                 more. After WAIT and WAITAOF: nothing is known of the writes.
//	                 A call that CLIENT UNBLOCK has freed is only refused: it is
//	                 not to wait again.
//	NOREPLICAS       not executed: too few replicas for min-replicas-to-write
//	BUSY             not executed: a script has run for too long
//	CLUSTERDOWN      not executed
//	TRYAGAIN         not executed: slots are moving
//	EXECABORT        none of the transaction was executed; queue it anew
//	ERR max number of clients reached    not executed; the connection is closed
//
// These are [Error.Rejected]: the same command may work elsewhere or later, and
// any command may be sent again, with patience. The next ones prove the same, but
// trying again as it is does not help. With those above they are [Error.Refused]:
//
//	NOAUTH, WRONGPASS, NOPERM, DENIED, NOPROTO   the user, or the protocol
//	OOM, MISCONF     memory is short; the disk fails
//	NOSCRIPT         the script is not loaded: send EVAL
//	MOVED, ASK, CROSSSLOT                        of a cluster
//	INPROG, NOGOODSLAVE, NOMASTERLINK            failovers, replication
//	ERR unknown command, wrong number of arguments, and other words of the parser
//
// Any other error, WRONGTYPE included, says nothing by itself. What no reply
// has come for is unknown as well: only commands that are [ReadOnly] or
// [Idempotent] may be sent again then.
//
// Scripts, functions and modules run code of their users, which answers what it
// likes, also "BUSY the lock is held", and passes on the error of a command in its
// middle, after others have written. Of EVAL, FCALL, their relatives and modules
// only a whole sentence of the server proves something (refusal_table.go has them,
// with the versions that they were read from), and only without what the server adds
// to the error that has ended a script (" script: <hash>, on @user_script:1.").
// [Error.AnswerTo] tells an error which command it answers. Where that is unknown
// the same holds as of scripts.
//
// # For clients built on this package
//
// The other packages of the module need more of commands and replies than a program
// does. These names are exported for them, and for others that build a client:
//
//   - commands in their encoded form: [Batch], [BatchOf], [Batch.Place],
//     [Batch.Follow], [Batch.Follows], [Rest], [Receiver], [ReceiverFunc],
//     [RunReceiver], [GiveRun], [GiveEach], [Value.MayBeError], [Command.Init], [Command.AppendPieces], [Command.AppendSized], [Command.AppendShort],
//     [Command.SetRoom], [Command.Room];
//   - what a command may do: [FlagsOf], [IsStateful], [Command.Stateful], [Command.TimeLeft];
//   - who owns a reply: [NewReply], [Owner], [Releaser], [Keeper], [Placer];
//   - what an error proves: [Error.AnswerTo], [Error.InReply], [Error.UnknownScript];
//   - replies in pieces and in runs: [Scanner.Skip], [Scanner.Need], [Scanner.ScanRun], [Cursor.NextBulks], [Cursor.AppendInts].
//
// The protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/.
package resp
