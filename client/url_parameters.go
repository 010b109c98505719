package client

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/kermes-redis/kermes/conn"
)

// ignored are the parameters of go-redis that have no meaning here.
var ignored = []string{
	"conn_max_lifetime_jitter", "context_timeout_enabled", "dialer_retries", "dialer_retry_timeout", "identitySuffix",
	"idle_check_frequency",
	"max_retry_backoff", "min_retry_backoff", "pipeline_pool_size", "pipeline_read_buffer_size",
	"pipeline_write_buffer_size", "pool_fifo", "pool_timeout", "route_by_latency_tolerance", "unstable_resp3",
	"use_disconnected_replicas", "write_timeout",
}

// takeParameters takes those out of values that are neither of a connection nor of
// sentinels.
func (o *Options) takeParameters(values url.Values) error {
	for _, name := range inOrder(values) {
		var err error
		switch {
		case name == "addr", name == "master_name":
			err = fmt.Errorf("%s needs sentinels: redis://host:26379?master_name=name", name)
		case name == "max_redirects", name == "read_only":
			err = fmt.Errorf("%s is for Redis Cluster, which is not supported", name)
		case slices.Contains(ignored, name):
			o.Ignored = append(o.Ignored, name)
			delete(values, name)
		default:
			err = o.takeParameter(values, name)
		}
		if err != nil {
			return err
		}
	}
	slices.Sort(o.Ignored)
	return nil
}

func (o *Options) takeParameter(values url.Values, name string) error {
	set := o.setter(name)
	if set == nil {
		return nil // package conn knows it, or says that nobody does
	}
	value, err := once(values, name)
	if err != nil || value == "" || name == "max_active_conns" && value == "0" && o.Pool.MaxConns != 0 {
		return err // the latter is no bound for go-redis, which pool_size is
	}
	return set(value)
}

// decisive are parameters that count where another one sets the same option too, as
// they do in go-redis: pool_size, idle_timeout, max_conn_age, any_node, route_randomly.
var decisive = []string{"max_active_conns", "conn_max_idle_time", "conn_max_lifetime", "replica_only", "route_by_latency"}

// inOrder returns the names of values, those that count most at the end.
func inOrder(values url.Values) []string {
	names := slices.Sorted(maps.Keys(values))
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(slices.Index(decisive, a), slices.Index(decisive, b))
	})
	return names
}

// setter returns what sets the option of a parameter.
func (o *Options) setter(name string) func(value string) error {
	integer := func(to *int) func(string) error {
		return func(value string) (err error) {
			if *to, err = strconv.Atoi(value); err != nil {
				return fmt.Errorf("%s is not a number", name)
			}
			return nil
		}
	}
	switch name {
	case "max_retries":
		return integer(&o.MaxRetries)
	case "pool_size", "max_active_conns":
		return integer(&o.Pool.MaxConns)
	case "min_idle_conns":
		return integer(&o.Pool.MinIdle)
	case "max_idle_conns":
		return integer(&o.Pool.MaxIdle)
	case "max_concurrent_dials":
		return integer(&o.Pool.MaxDials)
	case "solo_conns":
		return integer(&o.Pool.SoloConns)
	case "shared_conns":
		return integer(&o.Pool.SharedConns)
	}
	if set := o.durationSetter(name); set != nil {
		return set
	}
	return o.otherSetter(name)
}

func (o *Options) durationSetter(name string) func(value string) error {
	field := &o.RetryTime
	switch name {
	case "retry_time":
	case "conn_max_idle_time", "idle_timeout":
		field = &o.Pool.IdleTime
	case "conn_max_lifetime", "max_conn_age":
		field = &o.Pool.MaxLifetime
	default:
		return nil
	}
	return func(value string) (err error) {
		*field, err = conn.ParseDuration(name, value)
		return err
	}
}

func (o *Options) otherSetter(name string) func(value string) error {
	truth := func(set func()) func(string) error {
		return func(value string) error {
			yes, err := conn.ParseBool(name, value)
			if yes {
				set()
			}
			return err
		}
	}
	switch name {
	case "no_wait":
		return truth(func() { o.NoWait = true })
	case "require_quorum":
		return truth(func() { o.RequireQuorum = true })
	case "replica_only":
		return truth(func() { o.Replicas.Policy = ReplicaOnly })
	case "any_node":
		return truth(func() { o.Replicas.Policy = AnyNode })
	case "route_randomly":
		return truth(func() { o.Replicas.Choose = Random() })
	case "route_by_latency":
		return truth(func() { o.Replicas.Choose = LowestLatency() })
	case "max_lag":
		return func(value string) (err error) {
			if o.Replicas.MaxLag, err = strconv.ParseInt(value, 10, 64); err != nil {
				return fmt.Errorf("%s is not a number of bytes", name)
			}
			return nil
		}
	}
	return nil
}
