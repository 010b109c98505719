package pool

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestStatsAsJSONHaveTheErrorAsText(t *testing.T) {
	for want, s := range map[string]Stats{
		`{"Open":2,"Idle":1,"Leased":0,"Dialing":0,"Waiting":0,"InFlight":0,"Dials":3,"DialErrors":1,"Leases":0,"Waits":0,"Closed":0,"LastDialError":"refused"}`: {Open: 2, Idle: 1, Dials: 3, DialErrors: 1, LastDialError: errors.New("refused")},
		`{"Open":0,"Idle":0,"Leased":0,"Dialing":0,"Waiting":0,"InFlight":0,"Dials":0,"DialErrors":0,"Leases":0,"Waits":0,"Closed":0}`:                           {},
	} {
		got, err := json.Marshal(s)
		if err != nil || string(got) != want {
			t.Errorf("%s, %v\nwant %s", got, err, want)
		}
	}
}
