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
	// NoHello says that the server was asked for HELLO and does not know it:
	// Options.Protocol 2 saves the question next time.
	NoHello bool
}

// step is one command of the handshake and what its reply means.
type step struct {
	cmd      resp.Command
	name     string
	optional bool
	accept   func(v resp.Value) error
}

// handshake makes the connection ready in one round trip, or two where HELLO
// is unknown. Every reply is checked.
func (c *Conn) handshake(ctx context.Context) error {
	user, password, err := c.credentials(ctx)
	if err != nil {
		return err
	}
	c.info.Proto = 2
	if c.opts.Protocol == 2 {
		return c.perform(ctx, append(c.authSteps(user, password), c.setupSteps()...))
	}
	hello := []step{c.helloStep(user, password)}
	err = c.perform(ctx, append(hello, c.setupSteps()...))
	if err == nil || c.opts.Protocol == 3 || !noHello(err) {
		return err
	}
	c.info = ServerInfo{Proto: 2, NoHello: true}
	return c.perform(ctx, append(c.authSteps(user, password), c.setupSteps()...))
}

func (c *Conn) credentials(ctx context.Context) (user, password string, err error) {
	if c.opts.Credentials == nil {
		return c.opts.Username, c.opts.Password, nil
	}
	if user, password, err = c.opts.Credentials(ctx, c.opts.Addr); err != nil {
		return "", "", fmt.Errorf("credentials: %w", err)
	}
	return user, password, nil
}

// Reauth asks Options.Credentials anew and sends AUTH, between the commands of
// others. Without credentials it does nothing. When it fails, with an
// *[AuthError] if the server refuses them, the connection is still who it was.
// It must not be called inside MULTI. See https://redis.io/commands/auth.
func (c *Conn) Reauth(ctx context.Context) error {
	user, password, err := c.credentials(ctx)
	if err != nil {
		return c.notSent(err)
	}
	cmd, ok := authCommand(user, password)
	if !ok {
		return nil
	}
	r, err := c.do(ctx, &cmd)
	if err != nil {
		return err
	}
	defer r.Release()
	if err := (step{name: "AUTH"}).check(r.Value, c.opts.Addr); err != nil {
		return &Error{Op: OpHandshake, Addr: c.opts.Addr, Class: ClassRejected, Err: err}
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
// failure of a mandatory step is returned, once all replies are in.
func (c *Conn) perform(ctx context.Context, steps []step) error {
	if len(steps) == 0 {
		return nil
	}
	cmds := make([]resp.Command, len(steps))
	for i, s := range steps {
		cmds[i] = s.cmd
	}
	var failed error
	err := c.DoBatch(ctx, cmds, func(i int, v resp.Value) {
		if failed != nil || steps[i].optional {
			return
		}
		failed = steps[i].check(v, c.opts.Addr)
	})
	if failed != nil {
		return failed
	}
	return err
}

func (s step) check(v resp.Value, addr string) error {
	err := v.Err()
	if err == nil && s.accept != nil {
		err = s.accept(v)
	}
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*resp.Error](err); ok && refusesCredentials(e) {
		return &AuthError{Addr: addr, Err: e}
	}
	return fmt.Errorf("%s: %w", s.name, err)
}

func (c *Conn) helloStep(user, password string) step {
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
	return step{cmd: cmd, name: "HELLO", accept: c.acceptHello}
}

func (c *Conn) acceptHello(v resp.Value) error {
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
	if info.Proto != 3 {
		return fmt.Errorf("server answered with protocol %d", info.Proto)
	}
	c.info = info
	return nil
}

// authSteps authenticate a connection that sends no HELLO.
func (c *Conn) authSteps(user, password string) []step {
	var steps []step
	if cmd, ok := authCommand(user, password); ok {
		steps = append(steps, step{cmd: cmd, name: "AUTH"})
	}
	if c.opts.ClientName != "" {
		steps = append(steps, step{cmd: resp.NewCommand("CLIENT SETNAME", resp.String(c.opts.ClientName)), name: "CLIENT SETNAME"})
	}
	return steps
}

// setupSteps follow authentication, in whichever form it came.
func (c *Conn) setupSteps() []step {
	var steps []step
	if c.opts.DB != 0 && !c.opts.Sentinel {
		steps = append(steps, step{cmd: resp.NewCommand("SELECT", resp.Int(int64(c.opts.DB))), name: "SELECT"})
	}
	if c.opts.Role != RoleAny {
		steps = append(steps, step{cmd: resp.NewCommand("ROLE"), name: "ROLE", accept: c.acceptRole})
	}
	if !c.opts.NoClientInfo && !c.opts.Sentinel {
		steps = append(steps,
			step{cmd: resp.NewCommand("CLIENT SETINFO", resp.String("LIB-NAME"), resp.String(LibName)), optional: true},
			step{cmd: resp.NewCommand("CLIENT SETINFO", resp.String("LIB-VER"), resp.String(LibVersion)), optional: true})
	}
	return steps
}

func (c *Conn) acceptRole(v resp.Value) error {
	var got string
	for first := range v.Elems() {
		got = text(first)
		break
	}
	want := map[Role]string{RoleMaster: "master", RoleReplica: "slave"}[c.opts.Role]
	if got != want {
		return &RoleError{Want: c.opts.Role, Got: got, Addr: c.opts.Addr}
	}
	c.role = v.Clone()
	return nil
}

func text(v resp.Value) string {
	b, _ := v.Bytes()
	return string(b)
}

// noHello says whether the handshake failed because the server does not know
// HELLO or that protocol, and for no other reason: a wrong password must not
// be tried twice.
func noHello(err error) bool {
	if _, auth := errors.AsType[*AuthError](err); auth {
		return false
	}
	if !strings.HasPrefix(err.Error(), "HELLO: ") {
		return false
	}
	e, ok := errors.AsType[*resp.Error](err)
	if !ok {
		return false
	}
	switch e.Code {
	case "NOPROTO", "NOPERM":
		return true
	case "ERR":
		lower := strings.ToLower(e.Message)
		return strings.HasPrefix(lower, "unknown command") || strings.HasPrefix(lower, "unknown or disabled command") ||
			strings.HasPrefix(lower, "unsupported command") ||
			strings.Contains(lower, "hello") && (strings.Contains(lower, "unknown") || strings.Contains(lower, "not supported") || strings.Contains(lower, "not allowed"))
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
