package redis

import "github.com/kermes-redis/kermes/resp"

// Publish sends message to the subscribers of channel and returns how many got
// it. Subscribe by package pubsub.
//
// See https://redis.io/commands/publish.
func Publish[V Blob](channel string, message V) Cmd[int64] {
	return write(Int, "PUBLISH", resp.String(channel), blob(message))
}

// SPublish is [Publish] to a shard channel. Redis 7.0.
//
// See https://redis.io/commands/spublish.
func SPublish[V Blob](channel string, message V) Cmd[int64] {
	return write(Int, "SPUBLISH", resp.String(channel), blob(message))
}

// PubSubChannels returns the channels with subscribers that match the glob
// pattern, all if it is empty.
//
// See https://redis.io/commands/pubsub-channels.
func PubSubChannels(pattern string) Cmd[[]string] {
	return query(Texts, "PUBSUB CHANNELS", maybe(pattern)...)
}

// PubSubNumPat returns how many patterns are subscribed to.
//
// See https://redis.io/commands/pubsub-numpat.
func PubSubNumPat() Cmd[int64] { return query(Int, "PUBSUB NUMPAT") }

// PubSubNumSub returns how many subscribers channels have.
//
// See https://redis.io/commands/pubsub-numsub.
func PubSubNumSub(channels ...string) Cmd[map[string]int64] {
	return query(MapOf(Text, Int), "PUBSUB NUMSUB", addStrs(few(), channels)...)
}

// PubSubShardChannels is [PubSubChannels] of shard channels. Redis 7.0.
//
// See https://redis.io/commands/pubsub-shardchannels.
func PubSubShardChannels(pattern string) Cmd[[]string] {
	return query(Texts, "PUBSUB SHARDCHANNELS", maybe(pattern)...)
}

// PubSubShardNumSub is [PubSubNumSub] of shard channels. Redis 7.0.
//
// See https://redis.io/commands/pubsub-shardnumsub.
func PubSubShardNumSub(channels ...string) Cmd[map[string]int64] {
	return query(MapOf(Text, Int), "PUBSUB SHARDNUMSUB", addStrs(few(), channels)...)
}

// maybe makes an argument of s unless it is empty.
func maybe(s string) []resp.Arg {
	if s == "" {
		return nil
	}
	return []resp.Arg{resp.String(s)}
}
