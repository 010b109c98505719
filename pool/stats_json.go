package pool

import "encoding/json"

// MarshalJSON returns the fields by their names, and LastDialError as text, for
// expvar and the like.
func (s Stats) MarshalJSON() ([]byte, error) {
	type plain Stats // without this method
	text := ""
	if s.LastDialError != nil {
		text = s.LastDialError.Error()
	}
	return json.Marshal(struct {
		plain
		LastDialError string `json:",omitempty"`
	}{plain(s), text})
}
