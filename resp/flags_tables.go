package resp

// The tables hold names in capitals. They are switches, which cost a program
// nothing until it asks. They follow COMMAND INFO of Redis 7.0 to 8.4 and of
// Valkey 8 and 9, and the documentation of Redis up to 8.10.

// readsData knows the commands that the server calls readonly.
func readsData(name []byte) bool {
	switch string(name) {
	case // keys
		"CLUSTERSCAN", "DBSIZE", "DUMP", "EXISTS", "EXPIRETIME", "KEYS", "LOLWUT", "MEMORY USAGE", "OBJECT ENCODING",
		"OBJECT FREQ", "OBJECT IDLETIME", "OBJECT REFCOUNT", "PEXPIRETIME", "PTTL", "RANDOMKEY", "SCAN",
		"SORT_RO", "TOUCH", "TTL", "TYPE",
		// strings, bitmaps, HyperLogLog
		"BITCOUNT", "BITFIELD_RO", "BITPOS", "DIGEST", "GET", "GETBIT", "GETRANGE", "LCS", "MGET", "PFCOUNT",
		"STRLEN", "SUBSTR",
		// hashes
		"HEXISTS", "HEXPIRETIME", "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "HPEXPIRETIME", "HPTTL",
		"HRANDFIELD", "HSCAN", "HSTRLEN", "HTTL", "HVALS",
		// lists
		"LINDEX", "LLEN", "LPOS", "LRANGE",
		// sets
		"SCARD", "SDIFF", "SDIFFCARD", "SINTER", "SINTERCARD", "SISMEMBER", "SMEMBERS", "SMISMEMBER",
		"SRANDMEMBER", "SSCAN", "SUNION", "SUNIONCARD",
		// sorted sets
		"ZCARD", "ZCOUNT", "ZDIFF", "ZINTER", "ZINTERCARD", "ZLEXCOUNT", "ZMSCORE", "ZRANDMEMBER", "ZRANGE",
		"ZRANGEBYLEX", "ZRANGEBYSCORE", "ZRANK", "ZREVRANGE", "ZREVRANGEBYLEX", "ZREVRANGEBYSCORE", "ZREVRANK",
		"ZSCAN", "ZSCORE", "ZUNION",
		// geography
		"GEODIST", "GEOHASH", "GEOPOS", "GEORADIUSBYMEMBER_RO", "GEORADIUS_RO", "GEOSEARCH",
		// streams
		"XINFO CONSUMERS", "XINFO GROUPS", "XINFO STREAM", "XLEN", "XPENDING", "XRANGE", "XREAD", "XREVRANGE",
		// vector sets
		"VCARD", "VDIM", "VEMB", "VGETATTR", "VINFO", "VISMEMBER", "VLINKS", "VRANDMEMBER", "VRANGE", "VSIM",
		// arrays
		"ARCOUNT", "ARGET", "ARGETRANGE", "ARGREP", "ARINFO", "ARLASTITEMS", "ARLEN", "ARMGET", "ARNEXT", "AROP",
		"ARSCAN",
		// scripts
		"EVALSHA_RO", "EVAL_RO", "FCALL_RO":
		return true
	}
	return false
}

// readsModule knows those of the modules that came with Redis Stack and are part
// of Redis since 8.0. FT.CURSOR is none: reading moves the cursor.
func readsModule(name []byte) bool {
	switch string(name) {
	case // JSON
		"JSON.ARRINDEX", "JSON.ARRLEN", "JSON.GET", "JSON.MGET", "JSON.OBJKEYS", "JSON.OBJLEN", "JSON.RESP",
		"JSON.STRLEN", "JSON.TYPE",
		// search
		"FT.AGGREGATE", "FT.DICTDUMP", "FT.EXPLAIN", "FT.EXPLAINCLI", "FT.INFO", "FT.PROFILE", "FT.SEARCH",
		"FT.SPELLCHECK", "FT.SUGGET", "FT.SUGLEN", "FT.SYNDUMP", "FT.TAGVALS", "FT._LIST",
		// time series
		"TS.GET", "TS.INFO", "TS.MGET", "TS.MRANGE", "TS.MREVRANGE", "TS.QUERYINDEX", "TS.RANGE", "TS.REVRANGE",
		// Bloom and cuckoo filters
		"BF.CARD", "BF.EXISTS", "BF.INFO", "BF.MEXISTS", "BF.SCANDUMP",
		"CF.COUNT", "CF.EXISTS", "CF.INFO", "CF.MEXISTS", "CF.SCANDUMP",
		// sketches
		"CMS.INFO", "CMS.QUERY", "TOPK.COUNT", "TOPK.INFO", "TOPK.LIST", "TOPK.QUERY",
		"TDIGEST.BYRANK", "TDIGEST.BYREVRANK", "TDIGEST.CDF", "TDIGEST.INFO", "TDIGEST.MAX", "TDIGEST.MIN",
		"TDIGEST.QUANTILE", "TDIGEST.RANK", "TDIGEST.REVRANK", "TDIGEST.TRIMMED_MEAN":
		return true
	}
	return false
}

// asksServer knows the commands that ask a server about itself, or leave the
// same however often they are executed, and touch no data.
func asksServer(name []byte) bool {
	switch string(name) {
	case // server and connection
		"COMMAND", "ECHO", "INFO", "LASTSAVE", "PING", "ROLE", "TIME",
		"ACL CAT", "ACL DRYRUN", "ACL GENPASS", "ACL GETUSER", "ACL LIST", "ACL USERS", "ACL WHOAMI",
		"CLIENT GETNAME", "CLIENT GETREDIR", "CLIENT ID", "CLIENT INFO", "CLIENT LIST", "CLIENT TRACKINGINFO",
		"COMMAND COUNT", "COMMAND DOCS", "COMMAND GETKEYS", "COMMAND GETKEYSANDFLAGS", "COMMAND INFO",
		"COMMAND LIST", "CONFIG GET", "MODULE LIST",
		// what it observes
		"BACKUP LIST", "BACKUP STATUS", "COMMANDLOG GET", "COMMANDLOG LEN", "HOTKEYS GET", "LATENCY DOCTOR", "LATENCY GRAPH", "LATENCY HISTOGRAM",
		"LATENCY HISTORY", "LATENCY LATEST", "MEMORY DOCTOR", "MEMORY MALLOC-STATS", "MEMORY STATS",
		"SLOWLOG GET", "SLOWLOG LEN",
		// channels, scripts
		"PUBSUB CHANNELS", "PUBSUB NUMPAT", "PUBSUB NUMSUB", "PUBSUB SHARDCHANNELS", "PUBSUB SHARDNUMSUB",
		"FUNCTION DUMP", "FUNCTION LIST", "FUNCTION STATS", "SCRIPT EXISTS", "SCRIPT LOAD", "SCRIPT SHOW",
		// cluster and sentinel
		"CLUSTER COUNT-FAILURE-REPORTS", "CLUSTER COUNTKEYSINSLOT", "CLUSTER GETKEYSINSLOT", "CLUSTER INFO",
		"CLUSTER KEYSLOT", "CLUSTER LINKS", "CLUSTER MYID", "CLUSTER MYSHARDID", "CLUSTER NODES",
		"CLUSTER REPLICAS", "CLUSTER SHARDS", "CLUSTER SLAVES", "CLUSTER SLOT-STATS", "CLUSTER SLOTS",
		"SENTINEL CKQUORUM", "SENTINEL GET-MASTER-ADDR-BY-NAME", "SENTINEL GET-PRIMARY-ADDR-BY-NAME",
		"SENTINEL INFO-CACHE", "SENTINEL MASTER", "SENTINEL MASTERS", "SENTINEL MYID",
		"SENTINEL PENDING-SCRIPTS", "SENTINEL PRIMARIES", "SENTINEL PRIMARY", "SENTINEL REPLICAS",
		"SENTINEL SENTINELS", "SENTINEL SLAVES",
		// help
		"ACL HELP", "CLIENT HELP", "CLUSTER HELP", "COMMAND HELP", "COMMANDLOG HELP", "CONFIG HELP",
		"FUNCTION HELP", "LATENCY HELP", "MEMORY HELP", "MODULE HELP", "OBJECT HELP", "PUBSUB HELP",
		"SCRIPT HELP", "SENTINEL HELP", "SLOWLOG HELP", "XGROUP HELP", "XINFO HELP":
		return true
	}
	return false
}

// mayBlock knows the commands that wait on the server, if only on demand.
func mayBlock(name []byte) bool {
	switch string(name) {
	case "BLMOVE", "BLMOVEM", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "WAIT", "WAITAOF",
		"XREAD", "XREADGROUP":
		return true
	}
	return false
}

// hasSubcommands knows the commands whose first argument is the second word of
// their name.
func hasSubcommands(name []byte) bool {
	switch string(name) {
	case "ACL", "BACKUP", "CLIENT", "CLUSTER", "COMMAND", "COMMANDLOG", "CONFIG", "FUNCTION", "HOTKEYS", "LATENCY", "MEMORY", "MODULE",
		"OBJECT", "PUBSUB", "SCRIPT", "SENTINEL", "SLOWLOG", "XGROUP", "XINFO":
		return true
	}
	return false
}

// onlyOnce knows the commands that are about the connection or the server that
// they were meant for.
func onlyOnce(name []byte) bool {
	switch string(name) {
	case "WAIT", "WAITAOF", "SHUTDOWN", "FAILOVER", "REPLICAOF", "SLAVEOF", "CLIENT KILL", "CLUSTER FAILOVER",
		"CLUSTER RESET", "SENTINEL FAILOVER", "SENTINEL RESET", "SENTINEL SIMULATE-FAILURE", "BACKUP START",
		"BACKUP SEAL", "BACKUP ABORT", "BACKUP CLEANUP":
		return true
	}
	return false
}
