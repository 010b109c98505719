package sentinel_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/kermes-redis/kermes/sentinel"
)

// Which events wake somebody, in the words of a dashboard.
func ExampleEventKind() {
	urgent := func(k sentinel.EventKind) bool {
		switch k {
		case sentinel.EventAlone, sentinel.EventQuorumLost, // no sentinel, or too few of them
			sentinel.EventOrphan, sentinel.EventConflict, sentinel.EventEpochReset, // what was written may be lost
			sentinel.EventRebooted,   // the master may have come back empty
			sentinel.EventServerDown: // without sentinels
			return true
		case sentinel.EventSentinelDown, sentinel.EventSentinelStale, sentinel.EventSentinelRefused,
			sentinel.EventReplicaDown:
			return false // one of several: in the morning
		}
		return false
	}
	fmt.Println(urgent(sentinel.EventAlone), urgent(sentinel.EventReplicaDown))
	// Output: true false
}

// How long writes were held, and who the master is: what a chart of failovers needs.
func ExampleGroup_Listen() {
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1:" + sentinel.SentinelPort}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	stop := g.Listen(func(e sentinel.Event) {
		switch e.Kind {
		case sentinel.EventHold:
			log.Print("a failover of ", e.Master, " was announced")
		case sentinel.EventRelease:
			log.Print("writes were held for ", e.Duration)
		case sentinel.EventResolved, sentinel.EventSwitched, sentinel.EventAdopted:
			log.Print("the master is ", e.Addr)
		case sentinel.EventQuorumFound, sentinel.EventReplicaUp, sentinel.EventSentinelUp:
			log.Print("again: ", e.Kind)
		case sentinel.EventSentinelFound, sentinel.EventSentinelForgotten:
			log.Print("the sentinels are ", g.Sentinels())
		}
	})
	defer stop()
}

// An operator's page of all groups.
func ExampleGroups_Status() {
	var groups sentinel.Groups
	defer groups.Close()
	if _, err := groups.Add("eu", sentinel.GroupOptions{
		Sentinels: []string{"127.0.0.1:1"},
		Believe:   sentinel.BelieveFirst, // in place of sentinel.BelieveMajority: see Belief
	}); err != nil {
		log.Fatal(err)
	}
	for _, s := range groups.Status() {
		fmt.Println(s.Name, len(s.Sentinels), len(s.Masters))
	}
	_, err := groups.Get("us")
	fmt.Println(errors.Is(err, sentinel.ErrUnknownGroup))
	_ = groups.Close()
	_, err = groups.Add("us", sentinel.GroupOptions{Sentinels: []string{"127.0.0.1:1"}})
	fmt.Println(errors.Is(err, sentinel.ErrClosed))
	// Output:
	// eu 1 0
	// true
	// true
}

// Servers behind NAT: sentinels report addresses that are not those to dial.
func ExampleAddrKind() {
	o := sentinel.GroupOptions{
		Sentinels: []string{"gateway:26379"},
		AddrMap: func(kind sentinel.AddrKind, addr string) string {
			port := addr[len(addr)-4:]
			switch kind {
			case sentinel.AddrMaster, sentinel.AddrReplica:
				return "gateway:1" + port
			case sentinel.AddrSentinel:
				return "gateway:2" + port
			}
			return addr
		},
	}
	fmt.Println(o.AddrMap(sentinel.AddrReplica, "10.0.0.7:6379"))
	// Output: gateway:16379
}

// What the group believes of one master.
func ExampleWatch_Status() {
	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	w, err := g.Watch("mymaster", sentinel.WatchOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Await(context.Background()); err != nil {
		log.Fatal(err)
	}
	s := w.Status() // a MasterStatus
	fmt.Println(s.Addr, s.Epoch, s.Confirming, "of", s.Needed)
}
