package resp

// sentence is a reply by which a server refuses a command before it executes it, as
// it is written in the server. A star stands for what it fills in, a percent sign for one
// word of that: scripts have sentences of their own that begin and end alike.
type sentence struct {
	code, text string
	proof      proof
	from       string // which servers say it
}

// sentences were read from the programs: from Redis 7.0.15, 8.0 and 8.6 and from Valkey
// 8.1 and 9.1, where "all" stands, and from what is published of older ones (2.8 to 6.2).
// Valkey names itself where Redis says Redis, and so do servers made after them.
var sentences = [...]sentence{
	// The state of the server: the same command may work elsewhere or later.
	{"READONLY", "You can't write against a read only replica.", provesRejected, "5.0 to 6.2, all"},
	{"READONLY", "You can't write against a read only slave.", provesRejected, "2.8 to 4.0"},
	{"READONLY", "Can not run script with write flag on readonly replica", provesRejected, "all"},
	{"LOADING", "% is loading the dataset in memory", provesRejected, "2.8 to 6.2, all"},
	{"MASTERDOWN", "Link with MASTER is down and replica-serve-stale-data is set to 'no'.", provesRejected, "5.0 to 6.2, all"},
	{"MASTERDOWN", "Link with MASTER is down and slave-serve-stale-data is set to 'no'.", provesRejected, "2.8 to 4.0"},
	{"MASTERDOWN", "Link with MASTER is down, replica-serve-stale-data is set to 'no' and 'allow-stale' flag is not set on the script.", provesRejected, "all"},
	{"NOREPLICAS", "Not enough good replicas to write.", provesRejected, "5.0 to 6.2, all"},
	{"NOREPLICAS", "Not enough good slaves to write.", provesRejected, "2.8 to 4.0"},
	{"BUSY", "% is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", provesRejected, "2.8 to 6.2, all"},
	{"BUSY", "% is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.", provesRejected, "all"},
	{"BUSY", "% is busy running a module command.", provesRejected, "all"},
	{"CLUSTERDOWN", "Hash slot not served", provesRejected, "3.0 to 6.2, all"},
	{"CLUSTERDOWN", "The cluster is down", provesRejected, "3.0 to 6.2, all"},
	{"CLUSTERDOWN", "The cluster is down and only accepts read commands", provesRejected, "6.0 and 6.2, all"},
	{"TRYAGAIN", "Multiple keys request during rehashing of slot", provesRejected, "3.0 to 6.2, all"},
	{"UNBLOCKED", "force unblock from blocking operation, instance state changed (* -> replica?)", provesRejected, "5.0 to 6.2, all"},
	{"EXECABORT", "Transaction discarded because of previous errors.", provesRejected, "2.8 to 6.2, all"},
	{"EXECABORT", "Transaction discarded because of: *", provesRejected, "6.2, all"},
	{"ERR", "max number of clients reached", provesRejected, "2.8 to 6.2, all"},
	{"ERR", "max number of clients + cluster connections reached", provesRejected, "6.2, all"},

	// Who asks, and how.
	{"NOAUTH", "Authentication required.", provesRefused, "2.8 to 6.2, all"},
	{"NOAUTH", "HELLO must be called with the client already authenticated, otherwise the HELLO * can be used to authenticate the client and select the RESP protocol version at the same time", provesRefused, "6.0 and 6.2, all"},
	{"WRONGPASS", "invalid username-password pair or user is disabled.", provesRefused, "6.0 and 6.2, all"},
	{"NOPROTO", "unsupported protocol version", provesRefused, "6.0 and 6.2, all"},
	{"NOPERM", "this user has no permissions to run the '%' command", provesRefused, "6.0 to 7.0"},
	{"NOPERM", "this user has no permissions to run the '%' command or its subcommand", provesRefused, "6.0 and 6.2"},
	{"NOPERM", "this user has no permissions to access one of the keys used as arguments", provesRefused, "6.0 to 7.0"},
	{"NOPERM", "this user has no permissions to access one of the channels used as arguments", provesRefused, "6.2 and 7.0"},
	{"NOPERM", "User % has no permissions to run the '%' command", provesRefused, "7.2 and later, Valkey"},
	{"NOPERM", "User % has no permissions to access the '*' key", provesRefused, "7.2 and later, Valkey"},
	{"NOPERM", "User % has no permissions to access the '*' channel", provesRefused, "7.2 and later, Valkey"},
	{"NOPERM", "User % has no permissions to access database %", provesRefused, "Valkey 9.1"},
	{"NOPERM", "ACLs rules changed between the moment the transaction was accumulated and the EXEC call. *", provesRefused, "6.0 and 6.2, all"},
	{"DENIED", "% is running in protected mode because protected mode is enabled *", provesRefused, "3.2 to 6.2, all"},
	{"ERR", "unknown command '*', with args beginning with: *", provesRefused, "7.0 and later, Valkey"},
	{"ERR", "unknown command `*`, with args beginning with: *", provesRefused, "5.0 to 6.2"},
	{"ERR", "unknown command '*'", provesRefused, "2.8 to 4.0, Sentinels"},
	{"ERR", "unknown subcommand '*'. Try * HELP.", provesRefused, "all"},
	{"ERR", "wrong number of arguments for '*' command", provesRefused, "2.8 to 6.2, all"},

	// Memory, disk, scripts.
	{"OOM", "command not allowed when used memory > 'maxmemory'.", provesRefused, "2.8 to 6.2, all"},
	{"OOM", "allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'", provesRefused, "all"},
	{"MISCONF", "Errors writing to the AOF file: *", provesRefused, "4.0 to 6.2, all"},
	{"MISCONF", "% is configured to save RDB snapshots, but it*", provesRefused, "2.8 to 6.2, all"},
	{"MISCONF", "% is configured to persist data to AOF, but it's currently unable to persist to disk. *", provesRefused, "all"},
	{"NOSCRIPT", "No matching script. Please use EVAL.", provesRefused, "2.8 to 6.2, Redis 7 and 8"},
	{"NOSCRIPT", "No matching script.", provesRefused, "Valkey 8.1 and 9.1"},

	// Clusters, failovers, replication, calls that were freed.
	{"CROSSSLOT", "Keys in request don't hash to the same slot", provesRefused, "3.0 to 6.2, all"},
	{"UNBLOCKED", "client unblocked via CLIENT UNBLOCK", provesRefused, "5.0 to 6.2, all"},
	{"UNBLOCKED", "the stream key no longer exists", provesRefused, "5.0 to 7.0"},
	{"INPROG", "Failover already in progress", provesRefused, "2.8 to 6.2, all"},
	{"NOGOODSLAVE", "No suitable replica to promote", provesRefused, "2.8 to 6.2, all"},
	{"NOMASTERLINK", "Can't SYNC while *", provesRefused, "2.8 to 6.2, all"},
}
