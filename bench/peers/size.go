package main

import "os"

// programSize returns by how many bytes a program that uses GET only is larger
// than one that links the network and TLS.
func programSize(b *builds, client string) (float64, error) {
	var sizes [2]int64
	for i, name := range []string{"empty", client} {
		file, err := b.of(name)
		if err != nil {
			return 0, err
		}
		info, err := os.Stat(file)
		if err != nil {
			return 0, err
		}
		sizes[i] = info.Size()
	}
	return float64(sizes[1] - sizes[0]), nil
}
