package codec

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

type Home struct{ City, Street string }

type inner struct{ Note string }

// Written writes itself as text, and reads nothing.
type Written struct{ Hidden string }

func (w Written) MarshalText() ([]byte, error) { return []byte("written " + w.Hidden), nil }

// Read reads itself, and is written as a text by nobody.
type Read struct{ Hidden string }

func (r *Read) UnmarshalText(b []byte) error { r.Hidden = string(b); return nil }

type household struct {
	*Home
	inner
	Count int
}

func TestEmbeddedStructsAreMadeOnTheWay(t *testing.T) {
	got, err := FromFields[household]([]redis.FieldValue{{Field: "City", Value: "Oslo"}, {Field: "Note", Value: "x"}, {Field: "Count", Value: "3"}})
	if diff := cmp.Diff(household{Home: &Home{City: "Oslo"}, inner: inner{Note: "x"}, Count: 3}, got, cmp.AllowUnexported(household{})); err != nil || diff != "" {
		t.Error(err, diff)
	}
	fields, err := Fields(household{inner: inner{Note: "x"}, Count: 3})
	if diff := cmp.Diff([]string{"Note", "x", "Count", "3"}, fields); err != nil || diff != "" {
		t.Error(err, diff)
	}
	type private struct{ *inner }
	if _, err := Fields(private{}); err == nil || !strings.Contains(err.Error(), "not exported") {
		t.Error(err)
	}
}

func TestMoreValuesThanFieldsAreLeftAlone(t *testing.T) {
	p, err := read(reflect.TypeFor[household]())
	if err != nil {
		t.Fatal(err)
	}
	got, err := byOrder[household](p, resp.Value("*6\r\n$4\r\nOslo\r\n_\r\n$1\r\nx\r\n_\r\n$1\r\n7\r\n$1\r\n8\r\n"))
	if err != nil || got.City != "Oslo" || got.Note != "x" || got.Count != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWhatHasATextOfItsOwnIsOneField(t *testing.T) {
	type one struct{ Written }
	fields, err := Fields(one{Written{"x"}})
	if diff := cmp.Diff([]string{"Written", "written x"}, fields); err != nil || diff != "" {
		t.Error(err, diff)
	}
	type two struct{ Read }
	if _, err := Fields(two{Read{"x"}}); err == nil || !strings.Contains(err.Error(), "Read") {
		t.Errorf("what can only be read is written field by field: %v", err)
	}
	type named struct {
		Home `redis:"home,json"`
	}
	fields, err = Fields(named{Home{City: "Oslo"}})
	if diff := cmp.Diff([]string{"home", `{"City":"Oslo","Street":""}`}, fields); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestABlankFieldWithoutItsTagChangesNothing(t *testing.T) {
	type blank struct {
		_    struct{}
		Name string
	}
	fields, err := Fields(blank{Name: "x"})
	if diff := cmp.Diff([]string{"Name", "x"}, fields); err != nil || diff != "" {
		t.Error(err, diff)
	}
}
