package mq

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// When says when a periodic job is due. [Cron] and [Every] make some.
type When interface {
	// Next returns the first tick after t, or the zero time if there is none. It must
	// be the same in all processes.
	Next(t time.Time) time.Time
}

// Every is due each d: at the multiples of d since 1 January 1970, UTC, so that all
// processes agree. The least is a second.
func Every(d time.Duration) When { return every(d) }

type every time.Duration

func (e every) Next(t time.Time) time.Time {
	d := max(time.Duration(e), time.Second).Milliseconds()
	return time.UnixMilli((t.UnixMilli()/d + 1) * d)
}

// cron is a parsed expression: a bit for each value.
type cron struct {
	minutes                   uint64
	hours, days, months, week uint32
	anyHour                   bool // the hour field says how often, not at which hours
	anyDay, anyWeekday        bool
	loc                       *time.Location
}

// cronYears is how far a tick is looked for: 29 February may be eight years away.
const cronYears = 9

var cronMacros = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

var (
	monthNames = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
	dayNames   = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// Cron returns when the five fields of a crontab line are due: minute, hour, day of the
// month, month, day of the week. A field is "*", a value, a range "1-5", a list
// "1,3,5", and any of them but a value with a step "*/15"; months and days of the week
// may have their English names, and Sunday is 0 or 7. If both days are restricted, a
// tick is due when either matches. "@hourly", "@daily", "@weekly", "@monthly" and
// "@yearly" are short for what they say. Nil means UTC.
//
// When clocks go forward, a tick of an hour that is left out is due when they have.
// When they go back, one of an hour that comes twice is due the first time. Lines
// whose hours begin with "*" are due by time that passes: neither concerns them.
func Cron(line string, loc *time.Location) (When, error) {
	c, err := parseCron(line, loc)
	if err != nil {
		return nil, err
	}
	if c.Next(time.Unix(0, 0)).IsZero() {
		return nil, fmt.Errorf("%w: cron line %q is never due", ErrInvalid, line)
	}
	return c, nil
}

func parseCron(line string, loc *time.Location) (*cron, error) {
	if loc == nil {
		loc = time.UTC
	}
	text := strings.ToLower(strings.TrimSpace(line))
	if m, ok := cronMacros[text]; ok {
		text = m
	}
	f := strings.Fields(text)
	if len(line) > maxID || len(f) != 5 {
		return nil, fmt.Errorf("%w: cron line %q has not five fields", ErrInvalid, line)
	}
	c := &cron{loc: loc, anyHour: f[1][0] == '*', anyDay: f[2][0] == '*', anyWeekday: f[4][0] == '*'}
	var sets [5]uint64
	for i, field := range []struct {
		name   string
		lo, hi int
		names  []string
	}{
		{"minute", 0, 59, nil}, {"hour", 0, 23, nil}, {"day", 1, 31, nil}, {"month", 1, 12, monthNames}, {"weekday", 0, 7, dayNames},
	} {
		var err error
		if sets[i], err = cronField(f[i], field.lo, field.hi, field.names); err != nil {
			return nil, fmt.Errorf("%w: cron line %q: %s: %s", ErrInvalid, line, field.name, err.Error())
		}
	}
	if sets[4]&(1<<7) != 0 {
		sets[4] |= 1
	}
	c.minutes, c.hours, c.days = sets[0], uint32(sets[1]), uint32(sets[2])
	c.months, c.week = uint32(sets[3]), uint32(sets[4]&0x7f)
	return c, nil
}

// cronField reads a list of ranges.
func cronField(text string, lo, hi int, names []string) (set uint64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		from, to, step := lo, hi, 1
		if span != "*" {
			a, b, isRange := strings.Cut(span, "-")
			if from, err = cronValue(a, lo, hi, names); err != nil {
				return 0, err
			}
			to = from
			if isRange {
				if to, err = cronValue(b, lo, hi, names); err != nil {
					return 0, err
				}
			} else if stepped {
				return 0, fmt.Errorf("a step of a single value, %q", part)
			}
		} else if hi == 7 {
			to = 6 // Sunday once
		}
		if stepped {
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 || step > 59 {
				return 0, fmt.Errorf("step %q", stepText)
			}
		}
		if from > to {
			return 0, fmt.Errorf("range %q goes backwards", span)
		}
		for v := from; v <= to; v += step {
			set |= 1 << v
		}
	}
	return set, nil
}

func cronValue(text string, lo, hi int, names []string) (int, error) {
	for i, name := range names {
		if text == name {
			return lo + i, nil
		}
	}
	if len(text) > 2 || text == "" || text[0] < '0' || text[0] > '9' {
		return 0, fmt.Errorf("%q is no number", text)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < lo || n > hi {
		return 0, fmt.Errorf("%q is not within %d to %d", text, lo, hi)
	}
	return n, nil
}

// dueDay reports whether a day matches.
func (c *cron) dueDay(t time.Time) bool {
	if c.months&(1<<t.Month()) == 0 {
		return false
	}
	day, week := c.days&(1<<t.Day()) != 0, c.week&(1<<t.Weekday()) != 0
	if c.anyDay || c.anyWeekday {
		return day && week
	}
	return day || week
}

func (c *cron) due(t time.Time) bool {
	return c.dueDay(t) && c.hours&(1<<t.Hour()) != 0 && c.minutes&(1<<t.Minute()) != 0
}

// Next goes through time, over days and hours that do not match.
func (c *cron) Next(after time.Time) time.Time {
	at := after.In(c.loc).Truncate(time.Second)
	at = at.Add(time.Duration(60-at.Second()) * time.Second)
	before := at.Add(-time.Minute)
	for end := at.AddDate(cronYears, 0, 0); at.Before(end); {
		if !c.anyHour && c.leftOut(before, at) {
			return at
		}
		if c.due(at) && (c.anyHour || !repeated(at)) {
			return at
		}
		before, at = at, c.step(at)
	}
	return time.Time{}
}

// step returns the next moment that may match.
func (c *cron) step(at time.Time) time.Time {
	if !c.dueDay(at) {
		if next := time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, c.loc); next.After(at) {
			return next
		}
	}
	rest := c.minutes >> (at.Minute() + 1)
	if !c.dueDay(at) || c.hours&(1<<at.Hour()) == 0 || rest == 0 {
		return at.Add(time.Duration(60-at.Minute()) * time.Minute)
	}
	return at.Add(time.Duration(1+bits.TrailingZeros64(rest)) * time.Minute)
}

// wall returns what the clock on the wall shows at t, as a time without changes.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// leftOut reports whether something was due at an hour that the clock has left out
// between two moments.
func (c *cron) leftOut(before, at time.Time) bool {
	gap := wall(at).Sub(wall(before)) - at.Sub(before)
	if gap <= 0 {
		return false
	}
	for w := wall(at).Add(-time.Minute); w.After(wall(before)); w = w.Add(-time.Minute) {
		if c.due(w) {
			return true
		}
	}
	return false
}

// repeated reports whether the clock on the wall has shown the same before.
func repeated(t time.Time) bool {
	_, now := t.Zone()
	_, then := t.Add(-3 * time.Hour).Zone()
	if then <= now {
		return false
	}
	first := t.Add(-time.Duration(then-now) * time.Second)
	return wall(first).Equal(wall(t))
}
