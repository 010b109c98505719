package mq_test

import (
	"errors"
	"testing"
	"time"

	_ "time/tzdata" // zones on every machine

	"github.com/kermes-redis/kermes/mq"
)

func TestCronLines(t *testing.T) {
	for _, c := range []struct {
		line, zone, after string
		want              []string // each the next of the one before
	}{
		{"*/15 * * * *", "UTC", "2026-03-01T10:07:30Z", []string{"2026-03-01T10:15:00Z", "2026-03-01T10:30:00Z"}},
		{"0 8 * * 1-5", "UTC", "2026-03-06T08:00:00Z", []string{"2026-03-09T08:00:00Z", "2026-03-10T08:00:00Z"}},
		{"0 8 * * mon-fri", "UTC", "2026-03-06T07:59:59Z", []string{"2026-03-06T08:00:00Z", "2026-03-09T08:00:00Z"}},
		{"30 6 13 * 5", "UTC", "2026-03-01T00:00:00Z", []string{"2026-03-06T06:30:00Z", "2026-03-13T06:30:00Z"}},
		{"30 6 */2 * 5", "UTC", "2026-03-01T12:00:00Z", []string{"2026-03-13T06:30:00Z"}},
		{"0 0 29 2 *", "UTC", "2026-03-01T00:00:00Z", []string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
		{"59 23 31 dec 7", "UTC", "2026-12-30T00:00:00Z", []string{"2026-12-31T23:59:00Z"}},
		{"5,10-20/5 0 1 1 *", "UTC", "2026-01-01T00:00:00Z", []string{"2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z",
			"2026-01-01T00:15:00Z", "2026-01-01T00:20:00Z", "2027-01-01T00:05:00Z"}},
		{"@daily", "UTC", "2026-03-01T00:00:00Z", []string{"2026-03-02T00:00:00Z"}},
		{"@weekly", "UTC", "2026-03-01T00:00:00Z", []string{"2026-03-08T00:00:00Z"}},
		// Berlin: on 29 March 2026 the clock goes from 2:00 to 3:00, on 25 October from 3:00 back to 2:00.
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15:00Z", []string{"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"}},
		{"30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
		{"0 3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"}},
		{"0 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", []string{"2026-11-01T05:00:00Z", "2026-11-02T06:00:00Z"}},
		// Half an hour, and a zone whose midnight is left out.
		{"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", []string{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
		{"0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", []string{"2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"}},
	} {
		loc, err := time.LoadLocation(c.zone)
		must(t, err)
		when, err := mq.Cron(c.line, loc)
		must(t, err)
		at, err := time.Parse(time.RFC3339, c.after)
		must(t, err)
		for _, want := range c.want {
			if at = when.Next(at); at.UTC().Format(time.RFC3339) != want {
				t.Errorf("%s in %s: %s, want %s", c.line, c.zone, at.UTC().Format(time.RFC3339), want)
				break
			}
		}
	}
}

func TestCronLinesThatAreNone(t *testing.T) {
	for _, line := range []string{"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *",
		"* * * * 8", "5/2 * * * *", "*/0 * * * *", "*/60 * * * *", "9-3 * * * *", "a * * * *", "-1 * * * *", "1,,2 * * * *",
		"0 0 30 2 *", "0 0 31 4,6,9,11 *", "@never", "+1 * * * *"} {
		if _, err := mq.Cron(line, nil); !errors.Is(err, mq.ErrInvalid) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestEveryIsTheSameInAllProcesses(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 7, 30, 1, time.UTC)
	if got := mq.Every(5 * time.Minute).Next(at).UTC(); !got.Equal(time.Date(2026, 3, 1, 10, 10, 0, 0, time.UTC)) {
		t.Error(got)
	}
	if got := mq.Every(0).Next(at); got.Sub(at) > time.Second {
		t.Error(got)
	}
}

func FuzzCron(f *testing.F) {
	for _, s := range []string{"*/15 0-5 1,2 jan-mar 7", "@daily", "0 0 29 2 *", "30 2 * * sun"} {
		f.Add(s, int64(1_772_000_000))
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string, unix int64) {
		when, err := mq.Cron(line, berlin)
		if err != nil {
			return
		}
		at := time.Unix(unix&(1<<32-1), 0)
		next := when.Next(at)
		if !next.After(at) || next.Second() != 0 {
			t.Fatalf("%q: %v after %v", line, next, at)
		}
		if again := when.Next(next.Add(-time.Second)); !again.Equal(next) {
			t.Fatalf("%q: %v, and %v from a second before", line, next, again)
		}
	})
}
