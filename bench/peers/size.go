package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// programSize returns by how many bytes a program that uses GET only is larger
// than one that links the network and TLS.
func programSize(client string) (float64, error) {
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var sizes [2]int64
	for i, name := range []string{"empty", client} {
		out := filepath.Join(dir, name)
		cmd := exec.Command("go", "build", "-trimpath", "-o", out, "./programs/"+name)
		if text, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%w: %s", err, text)
		}
		info, err := os.Stat(out)
		if err != nil {
			return 0, err
		}
		sizes[i] = info.Size()
	}
	return float64(sizes[1] - sizes[0]), nil
}
