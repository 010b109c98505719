package resp_test

import (
	"io"

	"github.com/kermes-redis/kermes/resp"
)

// lastError reads r to its end and returns the error's text.
func lastError(r io.Reader) string {
	rd := resp.NewReader(r, resp.Limits{})
	for {
		if _, err := rd.ReadValue(); err != nil {
			return err.Error()
		}
	}
}
