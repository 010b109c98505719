package redis

import (
	"slices"

	"github.com/kermes-redis/kermes/resp"
)

func sortedTexts(v resp.Value) ([]string, error) {
	s, err := Texts(v)
	slices.Sort(s)
	return s, err
}
