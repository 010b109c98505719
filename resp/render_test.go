package resp_test

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/kermes-redis/kermes/resp"
)

// render writes a reply in the notation of testdata/more.tsv, through the
// accessors that a user has.
func render(v resp.Value) string { return renderAttrs(v) + renderBare(v) }

func renderAttrs(v resp.Value) string {
	if len(v) == 0 || v[0] != '|' {
		return ""
	}
	var pairs []string
	for k, e := range v.Attrs() {
		pairs = append(pairs, render(k)+": "+render(e))
	}
	return "attr{" + strings.Join(pairs, ", ") + "} "
}

func renderBare(v resp.Value) string {
	if err := v.Err(); err != nil {
		e := err.(*resp.Error)
		code := e.Code
		if code == "" {
			code = `""`
		}
		return fmt.Sprintf("err %s %q", code, e.Message)
	}
	switch v.Kind() {
	case resp.KindNull:
		return "nil"
	case resp.KindBool:
		return ok(v.Bool())
	case resp.KindInt:
		return "int " + ok(v.Int())
	case resp.KindDouble:
		f, err := v.Float()
		return "double " + ok(strconv.FormatFloat(f, 'g', -1, 64), err)
	case resp.KindBig:
		b, err := v.Bytes()
		if _, bad := errors.AsType[*resp.ValueError](err); bad {
			return "bad big"
		}
		return "big " + ok(string(b), err)
	case resp.KindText:
		return "simple " + quoted(v.Bytes())
	case resp.KindBulk:
		return "bulk " + quoted(v.Bytes())
	case resp.KindVerbatim:
		return "verbatim " + v.Format() + " " + quoted(v.Bytes())
	case resp.KindMap:
		return renderMap(v)
	case resp.KindArray:
		return renderElems(v)
	case resp.KindSet, resp.KindPush:
		return string(rune(v.Kind())) + renderElems(v)
	}
	return "nothing"
}

func renderMap(v resp.Value) string {
	var pairs []string
	for k, e := range v.Pairs() {
		pairs = append(pairs, render(k)+": "+render(e))
	}
	if v.Len() != 2*len(pairs) {
		return fmt.Sprintf("Len is %d with %d pairs", v.Len(), len(pairs))
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

func renderElems(v resp.Value) string {
	var elems []string
	for e := range v.Elems() {
		elems = append(elems, render(e))
	}
	if v.Len() != len(elems) {
		return fmt.Sprintf("Len is %d with %d elements", v.Len(), len(elems))
	}
	return "[" + strings.Join(elems, " ") + "]"
}

func ok(x any, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(x)
}

func quoted(b []byte, err error) string { return ok(strconv.Quote(string(b)), err) }

// readAll renders all replies of r and what ends them, unless that is the EOF
// between two replies.
func readAll(r io.Reader) string {
	rd := resp.NewReader(r, resp.Limits{})
	var parts []string
	for {
		v, err := rd.ReadValue()
		switch {
		case errors.Is(err, io.EOF) && len(parts) > 0:
		case err != nil:
			parts = append(parts, errorWord(err))
		default:
			parts = append(parts, render(v))
			continue
		}
		return strings.Join(parts, "; ")
	}
}

func errorWord(err error) string {
	switch {
	case errors.Is(err, resp.ErrProtocol):
		return "EProto"
	case errors.Is(err, resp.ErrLimit):
		return "ELimit"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "EUnexpectedEOF"
	case errors.Is(err, io.EOF):
		return "EOF"
	}
	return err.Error()
}
