package codec

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// plan says how a struct type maps to a hash.
type plan struct {
	fields []field
	encode error // the first field that has no form in a hash
	decode error // the first that cannot be read from one
}

// plans remembers the plan, or the error, of each type: map[reflect.Type]any.
var plans sync.Map

func planOf(t reflect.Type) (*plan, error) {
	known, ok := plans.Load(t)
	if !ok {
		p, err := makePlan(t)
		known = any(p)
		if err != nil {
			known = err
		}
		plans.Store(t, known)
	}
	if err, bad := known.(error); bad {
		return nil, err
	}
	return known.(*plan), nil
}

// written is the plan of a type whose values are to be written.
func written(t reflect.Type) (*plan, error) {
	p, err := planOf(t)
	if err != nil {
		return nil, err
	}
	return p, p.encode
}

// read is the plan of a type that is to be read.
func read(t reflect.Type) (*plan, error) {
	p, err := planOf(t)
	if err != nil {
		return nil, err
	}
	return p, p.decode
}

func makePlan(t reflect.Type) (*plan, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("codec: %s is not a struct", t)
	}
	p := &plan{}
	if err := p.add(t, t.Name(), nil, []reflect.Type{t}); err != nil {
		return nil, err
	}
	if len(p.fields) == 0 {
		return nil, fmt.Errorf("codec: %s has no field for a hash", t)
	}
	for i := range p.fields {
		f := &p.fields[i]
		if f.rival != "" {
			return nil, fmt.Errorf("codec: %s and %s are both %q", f.rival, f.path, f.name)
		}
		in, out := f.check(t.FieldByIndex(f.index).Type)
		p.encode, p.decode = first(p.encode, out), first(p.decode, in)
	}
	return p, nil
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// add walks a struct. above are the types it is embedded in: a cycle of pointers
// has no end.
func (p *plan) add(t reflect.Type, path string, index []int, above []reflect.Type) error {
	onlyTagged := taggedOnly(t)
	for i := range t.NumField() {
		sf := t.Field(i)
		if _, tagged := sf.Tag.Lookup("redis"); sf.Name == "_" || onlyTagged && !tagged {
			continue
		}
		f := field{path: path + "." + sf.Name, index: append(slices.Clone(index), i)}
		tagged, err := f.readTag(sf)
		switch inner := embedded(sf, f.name); {
		case err != nil:
			return fmt.Errorf("codec: %s: %w", f.path, err)
		case f.name == "-":
		case inner != nil && slices.Contains(above, inner):
			return fmt.Errorf("codec: %s: %s embeds itself", f.path, inner)
		case inner != nil:
			if !sf.IsExported() && sf.Type.Kind() == reflect.Pointer {
				return fmt.Errorf("codec: %s: an embedded pointer to a type that is not exported cannot be set", f.path)
			}
			if err := p.add(inner, f.path, f.index, append(above, inner)); err != nil {
				return err
			}
		case sf.IsExported():
			p.put(f.named(sf.Name))
		case tagged:
			return fmt.Errorf("codec: %s: tagged, but not exported", f.path)
		}
	}
	return nil
}

// taggedOnly reports whether a struct has a blank field with the tag `redis:",tagged"`.
func taggedOnly(t reflect.Type) bool {
	for i := range t.NumField() {
		if sf := t.Field(i); sf.Name == "_" && sf.Tag.Get("redis") == ",tagged" {
			return true
		}
	}
	return false
}

// put adds a field. Of two with one name the outer one counts, as in Go; two of
// the same depth are rivals.
func (p *plan) put(f field) {
	i := slices.IndexFunc(p.fields, func(g field) bool { return g.name == f.name })
	switch {
	case i < 0:
		p.fields = append(p.fields, f)
	case len(f.index) < len(p.fields[i].index):
		p.fields[i] = f
	case len(f.index) == len(p.fields[i].index):
		p.fields[i].rival = f.path
	}
}

// embedded returns the struct type whose fields count as the outer ones', or nil.
func embedded(sf reflect.StructField, name string) reflect.Type {
	if !sf.Anonymous || name != "" {
		return nil
	}
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if p := reflect.PointerTo(t); t.Kind() != reflect.Struct || p.Implements(marshaler) || p.Implements(unmarshaler) {
		return nil
	}
	return t
}

// readTag reads `redis:"name,option,..."` and reports whether there is one.
func (f *field) readTag(sf reflect.StructField) (tagged bool, err error) {
	tag, tagged := sf.Tag.Lookup("redis")
	name, options, more := strings.Cut(tag, ",")
	f.name = name
	for more {
		var option string
		option, options, more = strings.Cut(options, ",")
		switch option {
		case "omitempty":
			f.omitEmpty = true
		case "json":
			f.json = true
		case "nanos":
			f.nanos = true
		case "binary":
			f.binary = true
		default:
			return tagged, errors.New("unknown option " + option + " in its tag")
		}
	}
	return tagged, nil
}

func (f field) named(name string) field {
	if f.name == "" {
		f.name = name
	}
	return f
}
