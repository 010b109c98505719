package conn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kermes-redis/kermes/resp"
)

// LibName and LibVersion are what CLIENT LIST shows for this library.
const (
	LibName    = "kermes"
	LibVersion = "0.1.0"
)

// ServerInfo is what the server said of itself in reply to HELLO. With RESP2
// by option only Proto is known.
type ServerInfo struct {
	// Proto is the protocol in use, 2 or 3.
	Proto int
	// Version of the server, as in "7.0.15".
	Version string
	// Mode is "standalone", "cluster" or "sentinel".
	Mode string
	// Role is "master" or "replica" at the time of the handshake; empty for a
	// sentinel.
	Role string
	// ID of the connection, as in CLIENT ID.
	ID int64
	// NoHello says that the server was asked for HELLO and does not know it, or refuses
	// it: Options.Protocol 2 saves the question next time.
	NoHello bool
	// HungUp says that the peer has hung up on HELLO, twice, as proxies do at commands
	// that they do not know: it was told neither the name nor the library of the client.
	HungUp bool
}

// step is one command of the handshake and what its reply means.
type step struct {
	cmd      resp.Command
	name     string
	optional bool
	mild     bool // an error reply is none, but what accept says is
	waivable bool // a peer that does not know the command is let off, as proxies are
	accept   func(v resp.Value) error
}

// The steps of a handshake that have consequences of their own.
const (
	stepHello       = "HELLO"
	stepAuth        = "AUTH"
	stepCredentials = "credentials"
)

// stepError says at which step a dial has failed.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + textOf(e.err) }
func (e *stepError) Unwrap() error { return e.err }

// handshake makes the connection ready in one round trip, or two where HELLO
// is unknown. Every reply is checked.
func (c *wire) handshake(ctx context.Context) error {
	user, password, err := c.credentials(ctx)
	if err != nil {
		return err
	}
	c.info.Proto = 2
	if c.opts.Protocol == 2 {
		steps := append(c.authSteps(user, password), c.setupSteps()...)
		if c.asksWhatItIs() {
			steps = append(steps, c.peerStep())
		}
		return c.perform(ctx, steps, password)
	}
	hello := []step{c.helloStep(user, password)}
	err = c.perform(ctx, append(hello, c.setupSteps()...), password)
	if err == nil || !c.fallsBack(err, password != "" || user != "") {
		return err
	}
	c.info = ServerInfo{Proto: 2, NoHello: true}
	steps := append(c.authSteps(user, password), c.setupSteps()...)
	return c.perform(ctx, append(steps, c.peerStep()), password)
}

// fallsBack reports whether the handshake failed at HELLO, for a reason for which RESP2
// is spoken: any but a refusal of whoever asks. A wrong password must not be tried
// twice; but proxies that do not know HELLO may ask for AUTH first.
func (c *wire) fallsBack(err error, authenticates bool) bool {
	failed, ok := errors.AsType[*stepError](err)
	if !ok || failed.step != stepHello || c.opts.Protocol == 3 {
		return false
	}
	if _, wrong := errors.AsType[*PeerError](err); wrong {
		return false
	}
	e, ok := errors.AsType[*resp.Error](err)
	switch {
	case !ok:
		_, odd := errors.AsType[*resp.ValueError](err)
		return odd // the reply is no HELLO's
	case e.Code == "NOAUTH":
		return authenticates
	case e.Code == "DENIED" || refusesCredentials(e):
		return false
	}
	return !strings.HasPrefix(e.Message, "max number of clients")
}

func (c *wire) credentials(ctx context.Context) (user, password string, err error) {
	if c.opts.Credentials == nil {
		return c.opts.Username, c.opts.Password, nil
	}
	if user, password, err = c.opts.Credentials(ctx, c.opts.Addr); err != nil {
		return "", "", &stepError{step: stepCredentials, err: err}
	}
	return user, password, nil
}

// Reauth is [Conn.Reauth] without the lease.
func (c *wire) Reauth(ctx context.Context) error {
	mustHave(ctx)
	user, password, err := c.credentials(ctx)
	if err != nil {
		return c.notSent(err)
	}
	cmd, ok := authCommand(user, password)
	if !ok {
		return nil
	}
	r, err := c.do(ctx, c.newCall(ctx, 1), &cmd)
	if err != nil {
		return err
	}
	defer r.Release()
	if err := (step{name: stepAuth}).check(r.Value, c.opts.Addr, password); err != nil {
		failed := newError(OpHandshake, c.opts.Addr, err)
		failed.Class = ClassRejected
		return failed
	}
	return nil
}

func authCommand(user, password string) (cmd resp.Command, ok bool) {
	switch {
	case user != "":
		return resp.NewCommand("AUTH", resp.String(user), resp.String(password)), true
	case password != "":
		return resp.NewCommand("AUTH", resp.String(password)), true
	}
	return resp.Command{}, false
}

// perform sends all steps in one write and checks each reply. The first
// failure of a mandatory step is returned, once all replies are in. It holds none of
// the secrets that the steps have carried, whichever reply repeats them.
func (c *wire) perform(ctx context.Context, steps []step, secrets ...string) error {
	if len(steps) == 0 {
		return nil
	}
	cmds := make([]resp.Command, len(steps))
	for i, s := range steps {
		cmds[i] = s.cmd
	}
	var failed error
	came := 0
	err := c.DoBatch(ctx, cmds, func(i int, v resp.Value) {
		came = i + 1
		if failed != nil || steps[i].optional {
			return
		}
		failed = steps[i].check(v, c.opts.Addr, secrets...)
	})
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return &stepError{step: steps[min(came, len(steps)-1)].name, err: unanswered(err)}
	}
	return nil
}

// unanswered returns the cause of an error of a command of the handshake.
func unanswered(err error) error {
	late := false
	if e, ok := errors.AsType[*Error](err); ok {
		late, err = e.Timeout(), e.Err
	}
	switch {
	case late:
		return &silentError{err: err}
	case hungUp(err):
		return &hangUpError{err: err}
	}
	return err
}

func (s step) check(v resp.Value, addr string, secrets ...string) error {
	err := v.Err()
	if err != nil && (s.mild || s.waivable && unknownCommand(err)) {
		return nil
	}
	if err == nil && s.accept != nil {
		err = s.accept(v)
	}
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*resp.Error](err)
	if ok {
		e = redacted(e, secrets...)
		err = e
	}
	if ok && refusesCredentials(e) {
		err = &AuthError{Addr: addr, Err: e}
	}
	return &stepError{step: s.name, err: err}
}

func (c *wire) helloStep(user, password string) step {
	cmd := resp.NewCommand("HELLO", resp.Int(3))
	if password != "" || user != "" {
		if user == "" {
			user = "default"
		}
		cmd = cmd.With(resp.String("AUTH"), resp.String(user), resp.String(password))
	}
	if c.opts.ClientName != "" {
		cmd = cmd.With(resp.String("SETNAME"), resp.String(c.opts.ClientName))
	}
	return step{cmd: cmd, name: stepHello, accept: c.acceptHello}
}

func (c *wire) acceptHello(v resp.Value) error {
	info := ServerInfo{}
	for key, value := range v.Pairs() {
		k, err := key.Bytes()
		if err != nil {
			return err
		}
		switch string(k) {
		case "proto":
			n, err := value.Int()
			if err != nil {
				return err
			}
			info.Proto = int(n)
		case "version":
			info.Version = text(value)
		case "mode":
			info.Mode = text(value)
		case "role":
			info.Role = text(value)
		case "id":
			info.ID, _ = value.Int()
		}
	}
	switch {
	case info == ServerInfo{}:
		return &resp.ValueError{Want: "map", Kind: v.Kind()}
	case info.Proto == 0 && v.Kind() == resp.KindMap:
		info.Proto = 3
	case info.Proto != 3:
		if c.opts.Protocol == 3 {
			return fmt.Errorf("the server answered with protocol %d, and Options.Protocol is 3", info.Proto)
		}
		info.Proto = 2
	}
	c.info = info
	return c.opts.checkPeer(info.Mode)
}

// authSteps authenticate a connection that sends no HELLO.
func (c *wire) authSteps(user, password string) []step {
	var steps []step
	if cmd, ok := authCommand(user, password); ok {
		steps = append(steps, step{cmd: cmd, name: stepAuth})
	}
	if c.opts.ClientName != "" && !c.opts.bare {
		steps = append(steps, step{cmd: resp.NewCommand("CLIENT SETNAME", resp.String(c.opts.ClientName)), name: "CLIENT SETNAME", waivable: true})
	}
	return steps
}

// setupSteps follow authentication, in whichever form it came.
func (c *wire) setupSteps() []step {
	var steps []step
	if c.opts.DB != 0 && !c.opts.Sentinel {
		steps = append(steps, step{cmd: resp.NewCommand("SELECT", resp.Int(int64(c.opts.DB))), name: "SELECT"})
	}
	if c.opts.Role != RoleAny {
		steps = append(steps, step{cmd: resp.NewCommand("ROLE"), name: "ROLE", accept: c.acceptRole})
	}
	if c.opts.bare {
		return append(steps, step{cmd: resp.NewCommand("PING"), name: "PING", optional: true}) // any reply will do
	}
	return append(steps, c.infoSteps()...)
}

// infoSteps tell the server what the client is, which it need not understand.
func (c *wire) infoSteps() []step {
	if c.opts.NoClientInfo || c.opts.Sentinel {
		return nil
	}
	const name = "CLIENT SETINFO"
	return []step{
		{cmd: resp.NewCommand(name, resp.String("LIB-NAME"), resp.String(LibName)), name: name, optional: true},
		{cmd: resp.NewCommand(name, resp.String("LIB-VER"), resp.String(LibVersion)), name: name, optional: true},
	}
}

// asksWhatItIs reports whether a peer that is not asked HELLO is asked for its ROLE,
// so that a sentinel in place of a server is named, and a server in place of a
// sentinel. Whoever wants no CLIENT SETINFO has a proxy that hangs up on such things.
func (c *wire) asksWhatItIs() bool {
	return !c.opts.bare && c.opts.Role == RoleAny && (c.opts.Sentinel || !c.opts.NoClientInfo)
}

// peerStep asks a server that does not know HELLO what it is. Any other answer than
// another kind of peer's is taken.
func (c *wire) peerStep() step {
	return step{cmd: resp.NewCommand("ROLE"), name: "ROLE", accept: func(v resp.Value) error {
		switch firstText(v) {
		case "master", "slave":
			return c.opts.checkPeer("standalone")
		case "sentinel":
			return c.opts.checkPeer("sentinel")
		}
		return nil
	}, mild: true}
}

func (c *wire) acceptRole(v resp.Value) error {
	got := firstText(v)
	want := map[Role]string{RoleMaster: "master", RoleReplica: "slave"}[c.opts.Role]
	if got != want {
		return &RoleError{Want: c.opts.Role, Got: knownRole(got), Addr: c.opts.Addr}
	}
	c.role = v.Clone()
	return nil
}

// knownRole returns a role that servers have, and "" for any other text, which may be
// anything that a peer has heard.
func knownRole(word string) string {
	switch word {
	case "master", "slave", "sentinel":
		return word
	}
	return ""
}

// firstText returns the first element of an array as text, or "".
func firstText(v resp.Value) string {
	for first := range v.Elems() {
		return text(first)
	}
	return ""
}

func text(v resp.Value) string {
	b, _ := v.Bytes()
	return string(b)
}

// unknownCommand reports whether a peer says that it does not know the command, in
// the words of servers or of proxies.
func unknownCommand(err error) bool {
	text := strings.ToLower(err.Error())
	for _, words := range [...]string{"unknown command", "unsupported command", "not supported", "unknown subcommand", "is not allowed"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

func refusesCredentials(e *resp.Error) bool {
	switch e.Code {
	case "WRONGPASS", "NOAUTH":
		return true
	case "ERR":
		return strings.HasPrefix(e.Message, "invalid password") || strings.HasPrefix(e.Message, "AUTH <password> called without") ||
			strings.HasPrefix(e.Message, "Client sent AUTH, but no password is set")
	}
	return false
}
