package codec

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// field is a field of a struct and of a hash.
type field struct {
	name      string // in the hash
	path      string // in Go, for errors: "User.Address.City"
	rival     string // another field of the same name and depth
	index     []int
	omitEmpty bool
	json      bool
	nanos     bool // a duration as a number of nanoseconds
	binary    bool // by encoding.BinaryMarshaler
	marshals  bool // encoding.TextMarshaler
	parses    bool // encoding.TextUnmarshaler
}

var (
	marshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	duration    = reflect.TypeFor[time.Duration]()

	binaryMarshaler   = reflect.TypeFor[encoding.BinaryMarshaler]()
	binaryUnmarshaler = reflect.TypeFor[encoding.BinaryUnmarshaler]()
)

// check returns why the field cannot be read, and why it cannot be written.
func (f *field) check(full reflect.Type) (in, out error) {
	t := full
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	f.marshals = reflect.PointerTo(t).Implements(marshaler)
	f.parses = reflect.PointerTo(t).Implements(unmarshaler)
	if f.nanos && t != duration {
		err := fmt.Errorf("codec: %s: nanos is for a time.Duration", f.path)
		return err, err
	}
	if f.binary {
		return f.checkBinary(t)
	}
	if f.json || plain(t) {
		return nil, nil
	}
	if !f.parses {
		in = fmt.Errorf("codec: %s: a field of type %s cannot be read from a hash", f.path, full)
	}
	if !f.marshals {
		out = fmt.Errorf("codec: %s: a field of type %s has no form in a hash", f.path, full)
	}
	return in, out
}

func (f *field) checkBinary(t reflect.Type) (in, out error) {
	if !reflect.PointerTo(t).Implements(binaryUnmarshaler) {
		in = fmt.Errorf("codec: %s: %s is no encoding.BinaryUnmarshaler", f.path, t)
	}
	if !reflect.PointerTo(t).Implements(binaryMarshaler) {
		out = fmt.Errorf("codec: %s: %s is no encoding.BinaryMarshaler", f.path, t)
	}
	return in, out
}

func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8
	}
	return false
}

// get returns the text of the field; false if it is left out.
func (f *field) get(from reflect.Value) (string, bool, error) {
	for n, i := range f.index {
		if n > 0 && from.Kind() == reflect.Pointer {
			if from.IsNil() {
				return "", false, nil
			}
			from = from.Elem()
		}
		from = from.Field(i)
	}
	if f.omitEmpty && from.IsZero() {
		return "", false, nil
	}
	if from.Kind() == reflect.Pointer {
		if from.IsNil() {
			return "", false, nil
		}
		from = from.Elem()
	}
	s, err := f.format(from)
	if err != nil {
		return "", false, fmt.Errorf("codec: %s: %w", f.path, err)
	}
	return s, true, nil
}

func (f *field) format(v reflect.Value) (string, error) {
	switch {
	case f.json:
		b, err := json.Marshal(v.Interface())
		return string(b), err
	case f.binary:
		b, err := addressed(v).(encoding.BinaryMarshaler).MarshalBinary()
		return string(b), err
	case f.marshals:
		b, err := addressed(v).(encoding.TextMarshaler).MarshalText()
		return string(b), err
	case f.nanos:
		return strconv.FormatInt(v.Int(), 10), nil
	case v.Type() == duration:
		return time.Duration(v.Int()).String(), nil
	}
	switch v.Kind() {
	case reflect.String:
		return v.String(), nil
	case reflect.Slice:
		return string(v.Bytes()), nil
	case reflect.Bool:
		if v.Bool() {
			return "1", nil
		}
		return "0", nil
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), nil
	}
	return strconv.FormatInt(v.Int(), 10), nil
}

// addressed returns a pointer to a copy of v: the method may be the pointer's.
func addressed(v reflect.Value) any {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p.Interface()
}

// set parses s into the field, making embedded pointers on its way.
func (f *field) set(into reflect.Value, s string) error {
	for n, i := range f.index {
		if n > 0 {
			into = alloc(into)
		}
		into = into.Field(i)
	}
	if err := f.parse(alloc(into), s); err != nil {
		return fmt.Errorf("codec: %s: %w", f.path, err)
	}
	return nil
}

func alloc(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}

func (f *field) parse(v reflect.Value, s string) (err error) {
	switch {
	case f.json:
		return json.Unmarshal([]byte(s), v.Addr().Interface())
	case f.binary:
		return v.Addr().Interface().(encoding.BinaryUnmarshaler).UnmarshalBinary([]byte(s))
	case f.parses:
		return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	case v.Type() == duration:
		d, err := parseDuration(s)
		v.SetInt(int64(d))
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Slice:
		v.SetBytes([]byte(s))
	case reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(s)
		v.SetBool(b)
	case reflect.Float32, reflect.Float64:
		var x float64
		x, err = strconv.ParseFloat(s, v.Type().Bits())
		v.SetFloat(x)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var n uint64
		n, err = strconv.ParseUint(s, 10, v.Type().Bits())
		v.SetUint(n)
	default:
		var n int64
		n, err = strconv.ParseInt(s, 10, v.Type().Bits())
		v.SetInt(n)
	}
	return err
}

// parseDuration reads a duration, and a number without a unit as nanoseconds: so do
// clients that store durations as the integers that they are.
func parseDuration(s string) (time.Duration, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Duration(n), nil
	}
	return time.ParseDuration(s)
}
