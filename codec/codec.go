// Package codec makes Redis values of Go values and back: [JSON] and [Gob] for
// strings, and structs for hashes.
//
//	user, err := redis.GetAs[User](codec.JSON{}, "user:7").Do(ctx, client)
//
//	n, err := codec.HSet("user:7", user).Do(ctx, client)
//	user, err := codec.HGetAll[User]("user:7").Do(ctx, client)
//
// Tags of fields say how a value is written: `redis:"name,nanos"`, `binary`, and on a
// blank field `tagged` are for data that go-redis shares.
//
// What they return are commands like any other: they run in pipelines and
// transactions too. This is the only package that reflects; [HSet] has the rules.
package codec

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
)

// JSON is a redis.Codec by package encoding/json.
type JSON struct{}

// Encode implements redis.Codec.
func (JSON) Encode(v any) ([]byte, error) { return json.Marshal(v) }

// Decode implements redis.Codec.
func (JSON) Decode(b []byte, v any) error { return json.Unmarshal(b, v) }

// Gob is a redis.Codec by package encoding/gob. Each value carries its type; it
// suits large values.
type Gob struct{}

// Encode implements redis.Codec.
func (Gob) Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

// Decode implements redis.Codec.
func (Gob) Decode(b []byte, v any) error { return gob.NewDecoder(bytes.NewReader(b)).Decode(v) }
