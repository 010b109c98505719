package codec

import (
	"errors"
	"reflect"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// HSet sets fields of a hash from the struct v, or a pointer to one, and returns
// how many of them are new.
//
// A field of the struct is a field of the hash by its own name, or by the one in
// its tag: `redis:"name"`. With `redis:"name,omitempty"` a zero value is left out,
// with `redis:"-"` the field is. Nil pointers are left out. Embedded structs count
// as if their fields were v's own.
//
// What go-redis stores differs in three points, each of which has an option: it
// leaves out fields without a tag (a blank field says so, _ struct{} `redis:",tagged"`),
// writes durations as nanoseconds (`redis:"name,nanos"`), and uses
// encoding.BinaryMarshaler (`redis:"name,binary"`). A duration without a unit is read
// as nanoseconds with and without the option.
//
// Fields may be strings, []byte, bools (1 or 0), integers, floats,
// time.Duration (as time.Duration.String), what implements
// encoding.TextMarshaler, as time.Time does, and pointers to these. Any other is
// written as JSON with `redis:"name,json"`. Without that, it is an error that
// names the field.
//
// See https://redis.io/commands/hset.
func HSet(key string, v any) redis.Cmd[int64] {
	pairs, err := Fields(v)
	if err == nil && len(pairs) == 0 {
		err = errors.New("a struct without fields to set")
	}
	if err != nil {
		return redis.Invalid[int64]("HSET", err)
	}
	return redis.HSet(key, pairs...)
}

// HGetAll returns a hash as a T, a struct, by the rules of [HSet]. Fields of the
// hash that T does not have are ignored; fields of T that the hash does not have
// stay zero. A key that does not exist is redis.ErrNil. What implements
// encoding.TextUnmarshaler is read by it.
//
// See https://redis.io/commands/hgetall.
func HGetAll[T any](key string) redis.Cmd[T] {
	if _, err := read(reflect.TypeFor[T]()); err != nil {
		return redis.Invalid[T]("HGETALL", err)
	}
	return redis.As(redis.HGetAll(key), Struct[T])
}

// HMGet returns those fields of a hash that T has, by the rules of [HSet]. It
// moves less than [HGetAll] where the hash has more. If none exists, T is zero.
//
// See https://redis.io/commands/hmget.
func HMGet[T any](key string) redis.Cmd[T] {
	p, err := read(reflect.TypeFor[T]())
	if err != nil {
		return redis.Invalid[T]("HMGET", err)
	}
	names := make([]string, len(p.fields))
	for i, f := range p.fields {
		names[i] = f.name
	}
	return redis.As(redis.HMGet(key, names...), func(v resp.Value) (T, error) { return byOrder[T](p, v) })
}

// Struct decodes the reply of HGETALL as a T. See [HGetAll].
func Struct[T any](v resp.Value) (T, error) {
	var t T
	p, err := read(reflect.TypeFor[T]())
	if err != nil {
		return t, err
	}
	m, err := redis.TextMap(v)
	if err != nil {
		return t, err
	}
	if len(m) == 0 {
		return t, redis.ErrNil
	}
	return t, p.fill(&t, m)
}

// FromFields returns fields as a T, a struct, by the rules of [HSet]: those of a
// stream entry, or of redis.HScan.
//
//	for e, err := range redis.Consume(ctx, client, "orders", options) {
//		order, err := codec.FromFields[Order](e.Fields)
//		...
//	}
func FromFields[T any](fields []redis.FieldValue) (T, error) {
	var t T
	p, err := read(reflect.TypeFor[T]())
	if err != nil {
		return t, err
	}
	m := make(map[string]string, len(fields))
	for _, f := range fields {
		m[f.Field] = f.Value
	}
	return t, p.fill(&t, m)
}

func byOrder[T any](p *plan, v resp.Value) (T, error) {
	var t T
	values, err := redis.OptTexts(v)
	if err != nil {
		return t, err
	}
	m := make(map[string]string, len(values))
	for i, s := range values {
		if s.OK && i < len(p.fields) {
			m[p.fields[i].name] = s.Value
		}
	}
	return t, p.fill(&t, m)
}

func (p *plan) fill(t any, m map[string]string) error {
	into := reflect.ValueOf(t).Elem()
	for _, f := range p.fields {
		s, ok := m[f.name]
		if !ok {
			continue
		}
		if err := f.set(into, s); err != nil {
			return err
		}
	}
	return nil
}

// Fields returns the fields and values, in turn, that [HSet] would send; XADD and
// HSETEX take them too.
func Fields(v any) ([]string, error) {
	from := reflect.ValueOf(v)
	for from.Kind() == reflect.Pointer && !from.IsNil() {
		from = from.Elem()
	}
	if from.Kind() != reflect.Struct {
		return nil, errors.New("codec: not a struct, nor a pointer to one")
	}
	p, err := written(from.Type())
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, 2*len(p.fields))
	for _, f := range p.fields {
		s, ok, err := f.get(from)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, f.name, s)
		}
	}
	return out, nil
}
