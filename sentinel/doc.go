// Package sentinel knows who the master is. It asks the sentinels of a Redis or
// Valkey deployment, listens to them, and tells of every change. Package client
// is built on it; a proxy, an exporter or an operator's tool can use it without a
// client.
//
//	g, err := sentinel.NewGroup(sentinel.GroupOptions{Sentinels: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}})
//	if err != nil {
//		return err
//	}
//	defer g.Close()
//	addr, epoch, err := g.Resolve(ctx, "mymaster")
//
// # How a master is found
//
// All sentinels are asked at once, each with a short timeout; one that hangs
// costs nothing. What a majority of them says is believed ([BelieveMajority]), of several
// such answers the one with the highest configuration epoch: see [Belief] (Sentinel client
// spec, steps 1 and 2; step 3, to ask the server itself, is for the one that connects to
// it). If no master is found the error is a *[ResolveError]. It
// matches [ErrNoSentinel] or [ErrMasterUnknown], and holds what each sentinel
// said.
//
// # How it is followed
//
// A link to every sentinel is subscribed to its messages and pinged with a
// deadline. After a link was lost and made again, it subscribes first and then
// asks. Each link also asks from time to time without a reason, and quickly while
// a failover is on or somebody has doubts: see [Watch.Doubt]. Where the sentinel's
// user may not SUBSCRIBE, asking is all there is.
//
// A view of the master moves when the configuration epoch does: never back on
// stale news, unless a majority, or every sentinel that answers, has reported a
// lower epoch for some time.
//
// # Being told
//
// [Group.Watch] has a master watched. [Watch.View] is what the group believes of
// it, [Watch.Await] waits for it, and a [Follower] is told of every change at
// once. [Group.Listen] tells of everything as an [Event], and [LogEvents] logs
// that. [Group.Status] is a snapshot, [Group.Stats] what was.
//
// # Groups
//
// A [Group] is a set of sentinels; all that watch its masters share one link to
// each. [Groups] is a registry of groups that may change at run time.
//
//	var groups sentinel.Groups
//	_, err := groups.Add("eu", sentinel.GroupOptions{Sentinels: []string{"eu-1", "eu-2", "eu-3"}})
//
// # Defaults
//
// What [GroupOptions] leave out is:
//
//	DefaultDialTimeout       300ms   for a connection to a sentinel
//	DefaultQueryTimeout      300ms   for each question
//	DefaultGatherWindow      50ms    that a first answer waits for better ones
//	DefaultPingInterval      1s      between two PINGs on a link
//	DefaultPongTimeout       1.5s    for the answer
//	DefaultPollInterval      2s      between two questions to a sentinel that sends events
//	DefaultSoloPollInterval  250ms   to one that may not be subscribed to
//	DefaultAlarmInterval     50ms    to all, while something is wrong
//	DefaultRegressionGrace   5s      of an older epoch, before it is believed
//	DefaultSentinelForget    10m     out of reach, before a sentinel is forgotten
//	SentinelPort             26379   where an address has none
//
// # For clients built on this package
//
// Package client needs more of a watch than a program does. These names are exported for
// it, and for others that build a client: what it tells the group ([Watch.Doubt],
// [Watch.Deny], [Watch.Send]), what it asks ([Watch.Deserted], [Watch.Coordinated],
// [Watch.Backing]), and what it is told ([Follower]). [Listeners] gives events to
// functions.
//
// docs/sentinel.md lists the guarantees for each phase of a failover, and what no
// client can guarantee; docs/operating.md says how to set up the servers.
package sentinel
