package redis

import "github.com/kermes-redis/kermes/resp"

// RoleInfo is the place of a server in the replication.
type RoleInfo struct {
	Role   string // "master", "slave" or "sentinel"
	Offset int64  // of the replication

	Replicas []ReplicaInfo // of a master

	// Of a replica.
	MasterHost string
	MasterPort int64
	State      string // "connect", "connecting", "sync", "connected"

	Masters []string // the names that a sentinel watches
}

// ReplicaInfo is a replica as its master sees it.
type ReplicaInfo struct {
	Host   string
	Port   int64
	Offset int64 // acknowledged
}

// Role returns the place of the server in the replication.
//
// See https://redis.io/commands/role.
func Role() Cmd[RoleInfo] { return query(roleInfo, "ROLE") }

func roleInfo(v resp.Value) (r RoleInfo, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return r, err
	}
	r.Role = next(&c, Text, &err)
	switch r.Role {
	case "master":
		r.Offset = next(&c, Int, &err)
		r.Replicas = next(&c, replicaInfos, &err)
	case "slave":
		r.MasterHost = next(&c, Text, &err)
		r.MasterPort = next(&c, Int, &err)
		r.State = next(&c, Text, &err)
		r.Offset = next(&c, Int, &err)
	case "sentinel":
		r.Masters = next(&c, Texts, &err)
	}
	return r, err
}

func replicaInfos(v resp.Value) ([]ReplicaInfo, error) { return list(v, replicaInfo) }

func replicaInfo(v resp.Value) (r ReplicaInfo, err error) {
	c, err := tuple(v, 3)
	if err != nil {
		return r, err
	}
	r.Host = next(&c, Text, &err)
	r.Port = next(&c, Int, &err)
	r.Offset = next(&c, Int, &err)
	return r, err
}
