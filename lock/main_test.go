package lock

import (
	"os"
	"testing"

	"github.com/kermes-redis/kermes/internal/testredis"
)

var shared testredis.Shared

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		play(role)
		return
	}
	code := m.Run()
	shared.Close()
	os.Exit(code)
}
