package codec

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// plan says how a struct type maps to a hash.
type plan struct{ fields []field }

type field struct {
	name      string // in the hash
	path      string // in Go, for errors: "User.Address.City"
	index     []int
	omitEmpty bool
	text      bool // TextMarshaler and TextUnmarshaler
}

var (
	marshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	duration    = reflect.TypeFor[time.Duration]()
)

// plans remembers the plan, or the error, of each type: map[reflect.Type]any.
var plans sync.Map

func planOf(t reflect.Type) (*plan, error) {
	known, ok := plans.Load(t)
	if !ok {
		known = makePlan(t)
		plans.Store(t, known)
	}
	if err, bad := known.(error); bad {
		return nil, err
	}
	return known.(*plan), nil
}

func makePlan(t reflect.Type) any {
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("codec: %s is not a struct", t)
	}
	p := &plan{}
	if err := p.add(t, t.Name(), nil, []reflect.Type{t}); err != nil {
		return err
	}
	return p
}

// add walks a struct. above are the types it is embedded in: a cycle of pointers
// has no end.
func (p *plan) add(t reflect.Type, path string, index []int, above []reflect.Type) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, tagged := sf.Tag.Lookup("redis")
		name, options, _ := strings.Cut(tag, ",")
		if name == "-" {
			continue
		}
		at := append(append([]int(nil), index...), i)
		where := path + "." + sf.Name
		if inner, ok := embedded(sf, name); ok {
			if contains(above, inner) {
				return fmt.Errorf("codec: %s: %s embeds itself", where, inner)
			}
			if err := p.add(inner, where, at, append(above, inner)); err != nil {
				return err
			}
			continue
		}
		if !sf.IsExported() {
			if tagged {
				return fmt.Errorf("codec: %s: tagged, but not exported", where)
			}
			continue
		}
		f := field{name: name, path: where, index: at, omitEmpty: options == "omitempty"}
		if f.name == "" {
			f.name = sf.Name
		}
		if err := f.check(sf.Type); err != nil {
			return err
		}
		p.put(f)
	}
	return nil
}

// put adds a field. Of two with one name the outer one counts, as in Go.
func (p *plan) put(f field) {
	for i, g := range p.fields {
		if g.name != f.name {
			continue
		}
		if len(f.index) < len(g.index) {
			p.fields[i] = f
		}
		return
	}
	p.fields = append(p.fields, f)
}

func embedded(sf reflect.StructField, name string) (reflect.Type, bool) {
	if !sf.Anonymous || name != "" {
		return nil, false
	}
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		if !sf.IsExported() {
			return nil, false // reflect cannot set it
		}
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || isText(t) {
		return nil, false
	}
	return t, true
}

func contains(ts []reflect.Type, t reflect.Type) bool {
	for _, x := range ts {
		if x == t {
			return true
		}
	}
	return false
}

func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(marshaler) && reflect.PointerTo(t).Implements(unmarshaler)
}

func (f *field) check(t reflect.Type) error {
	full := t
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if isText(t) {
		f.text = true
		return nil
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return nil
		}
	}
	return fmt.Errorf("codec: %s: a field of type %s has no form in a hash", f.path, full)
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
	return s, true, err
}

func (f *field) format(v reflect.Value) (string, error) {
	if f.text {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		b, err := p.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return "", fmt.Errorf("codec: %s: %w", f.path, err)
		}
		return string(b), nil
	}
	switch v.Kind() {
	case reflect.String:
		return v.String(), nil
	case reflect.Bool:
		if v.Bool() {
			return "1", nil
		}
		return "0", nil
	case reflect.Float32:
		return strconv.FormatFloat(v.Float(), 'g', -1, 32), nil
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), nil
	case reflect.Slice:
		return string(v.Bytes()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), nil
	}
	if v.Type() == duration {
		return time.Duration(v.Int()).String(), nil
	}
	return strconv.FormatInt(v.Int(), 10), nil
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

func (f *field) parse(v reflect.Value, s string) error {
	if f.text {
		return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
		return nil
	case reflect.Slice:
		v.SetBytes([]byte(s))
		return nil
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		v.SetBool(b)
		return err
	case reflect.Float32, reflect.Float64:
		x, err := strconv.ParseFloat(s, v.Type().Bits())
		v.SetFloat(x)
		return err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(s, 10, v.Type().Bits())
		v.SetUint(n)
		return err
	}
	if v.Type() == duration {
		d, err := time.ParseDuration(s)
		v.SetInt(int64(d))
		return err
	}
	n, err := strconv.ParseInt(s, 10, v.Type().Bits())
	v.SetInt(n)
	return err
}
