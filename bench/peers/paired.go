package main

import "time"

const (
	pairedTurns = 12 // of each client, twice
	pairedParts = 10 // of a measurement's time, one a turn
)

// measurePaired lets a client that follows a master and one in bypass take short turns
// in one process, with the same server: what disturbs a process, or the machine for a
// while, disturbs both. The figure is the median of the turns' ratios.
func measurePaired(w *workload, s servers, d time.Duration, f *figures) error {
	var gangs [2]*gang
	for i, open := range []func(servers) (client, error){openKermesClient, openKermesWatched} {
		c, err := open(s)
		if err != nil {
			return err
		}
		defer c.close()
		if gangs[i], err = newGang(c, w); err != nil {
			return err
		}
		if err := gangs[i].run(d/4, nil); err != nil {
			return err
		}
	}
	var all spread
	for range pairedTurns {
		var took [2]float64
		for _, i := range []int{0, 1, 1, 0} {
			var one figures
			if err := gangs[i].run(d/pairedParts, &one); err != nil {
				return err
			}
			took[i] += one.Ns
			f.Ops += one.Ops
		}
		all = append(all, took[1]/took[0])
		f.Ns += took[1] / (2 * pairedTurns)
	}
	f.Ratio = all.median()
	return nil
}
