package lock

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/internal/leak"
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
	if left := running(); code == 0 && left != "" {
		fmt.Println("goroutines of lockers that were closed:\n" + left)
		code = 1
	}
	os.Exit(code)
}

// running returns the stacks of the goroutines of lockers that do not end. All of them
// are closed by now.
func running() (left string) {
	ctx, cancel := context.WithTimeout(context.Background(), leak.DefaultWait)
	defer cancel()
	_ = leak.WaitUntil(ctx, func() bool {
		left = ""
		buf := make([]byte, 1<<20)
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, "kermes/lock.(") {
				left += stack + "\n\n"
			}
		}
		return left == ""
	})
	return left
}
