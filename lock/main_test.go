package lock

import (
	"os"
	"testing"

	"github.com/kermes-redis/kermes/internal/redistest"
)

var shared redistest.SharedRedis

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		play(role)
		return
	}
	code := m.Run()
	shared.Close()
	os.Exit(code)
}
