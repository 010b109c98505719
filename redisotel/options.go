package redisotel

import (
	"net"
	"strconv"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of the instrumentation.
const scope = "github.com/kermes-redis/kermes/redisotel"

// defaultPort is the one that the conventions leave out.
const defaultPort = 6379

// Options are options of [Interceptor], [ObservePool] and [QueueHooks]. The zero value
// uses the global providers.
type Options struct {
	// TracerProvider makes the spans. Nil means the global one.
	TracerProvider trace.TracerProvider

	// MeterProvider makes the metrics. Nil means the global one.
	MeterProvider metric.MeterProvider

	// Server returns the address of the server, as "host:port", at each call:
	// the Master method of a sentinel client, the Addr method of a pool. It must
	// be quick and safe for concurrent use. Nil leaves the address out.
	Server func() string

	// Namespace is the number of the database. Empty leaves it out.
	Namespace string

	// QueryText adds the commands with their arguments to the spans, shortened
	// and without passwords, as redis.Redacted shows them. They are your data.
	QueryText bool

	// PoolName tells pools apart in the metrics of ObservePool. Empty means the
	// address that Server returns.
	PoolName string
}

func (o Options) withDefaults() Options {
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	if o.PoolName == "" && o.Server != nil {
		o.PoolName = o.Server()
	}
	return o
}

// Attributes of the semantic conventions for databases.
const (
	keySystem    = attribute.Key("db.system.name")
	keyOperation = attribute.Key("db.operation.name")
	keyBatch     = attribute.Key("db.operation.batch.size")
	keyNamespace = attribute.Key("db.namespace")
	keyText      = attribute.Key("db.query.text")
	keyStatus    = attribute.Key("db.response.status_code")
	keyProcedure = attribute.Key("db.stored_procedure.name")
	keyErrorType = attribute.Key("error.type")
	keyAddress   = attribute.Key("server.address")
	keyPort      = attribute.Key("server.port")
	keyPool      = attribute.Key("db.client.connection.pool.name")
	keyState     = attribute.Key("db.client.connection.state")
	keyAttempts  = attribute.Key("kermes.attempts") // ours
)

// server returns the attributes of the address.
func (o Options) server() []attribute.KeyValue {
	if o.Server == nil {
		return nil
	}
	addr := o.Server()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr // a unix socket
	}
	if host == "" {
		return nil
	}
	attrs := []attribute.KeyValue{keyAddress.String(host)}
	if n, err := strconv.Atoi(port); err == nil && n != defaultPort {
		attrs = append(attrs, keyPort.Int(n))
	}
	return attrs
}
