package resp

import "time"

// TimeLeft returns a blocking command as it is after it has waited for a while:
// for the rest of its time, a millisecond at least, since zero would be for ever.
// A command that waits for ever, or does not say for how long, stays as it is, and so
// does one that is not known to say so, such as a script with [Command.WithTimeout].
func (c Command) TimeLeft(waited time.Duration) Command {
	var buf [maxName]byte
	if c.flags&Blocking == 0 || c.timeout <= 0 || waited <= 0 || len(c.name) > len(buf) {
		return c
	}
	name := upper(buf[:0], c.name)
	if !mayBlock(name) {
		return c // a script or a module's command: nobody knows where it says for how long, if it does
	}
	at, unit := c.waitArg(string(name))
	if unit == 0 || at < 0 || at >= c.NArgs() {
		return c
	}
	said, ok := duration(c.Arg(at), unit)
	if !ok || said == 0 {
		return c // for ever, whatever its caller allows for
	}
	rest := func(d time.Duration) time.Duration {
		return max(d-waited, time.Millisecond).Round(time.Millisecond)
	}
	left := rest(said)
	arg := Float(left.Seconds())
	if unit == time.Millisecond {
		arg = Int(left.Milliseconds())
	}
	c.timeout = rest(c.timeout)
	return c.withArg(at, arg)
}

// withArg returns the command with another argument i.
func (c Command) withArg(i int, arg Arg) Command {
	if i < int(c.inline) {
		c.args[i] = arg
		return c
	}
	rest := append([]Arg(nil), c.rest()...)
	rest[i-int(c.inline)] = arg
	c.setRest(rest)
	return c
}
