// Package redistest helps to test programs that use Kermes, without a server to
// install and without a network.
//
//   - [Func] is a redis.Client that answers from a Go function: for a test of what
//     the program does with a reply. The program calls it as any client: [Func.Do],
//     [Func.DoBatch] for pipelines, [Func.WithConn] for transactions.
//   - [Server] is a fake server on loopback that does what the test says, and by
//     default what a tiny Redis would do: for a test of broken connections, errors
//     and silence.
//   - [Group] is a whole Sentinel group inside the test: master, replicas and
//     sentinels, with failovers and crashes on command: for a test of the program
//     as it will run, and of all that needs hashes, lists, sorted sets, streams or
//     scripts.
//
// miniredis (github.com/alicebob/miniredis/v2) works with Kermes as it is, too: give its
// address to kermes.Open.
//
// Everything is on free ports of 127.0.0.1, ends with the test, and may be used by
// several goroutines.
//
// The package is for tests: it depends on an in-memory Redis, which the library
// itself does not.
package redistest

// TB is what the package needs of *testing.T, *testing.B and *testing.F.
type TB interface {
	Helper()
	Name() string
	Cleanup(func())
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Failed() bool
}
