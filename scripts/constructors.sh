#!/bin/sh
# Prints the functions that make commands, for
#
#	go vet -unusedresult.funcs="$(scripts/constructors.sh)" ./...
#
# which finds a command that is made and given to nobody, as in redis.Set("k", "v").
# The flag replaces vet's own list, which is therefore repeated.
set -eu
p=github.com/kermes-redis/kermes/redis
{
	printf '%s\n' context.WithCancel context.WithDeadline context.WithTimeout context.WithValue errors.New fmt.Errorf fmt.Sprint \
		fmt.Sprintf fmt.Sprintln slices.Clip slices.Compact slices.Delete slices.Grow slices.Insert slices.Replace sort.Reverse
	${GO:-go} doc -short $p | sed -nE "s|^ *func ([A-Z][A-Za-z0-9]*)[[(].* \\(?([a-z]+ )?(Cmd\\[.*\\]\|Status\|Buffered)\\)?\$|$p.\\1|p"
} | paste -sd, -
