#!/bin/sh
# Runs every fuzz target of the module for the given time (default 10s). Inputs that only
# cover more are not made smaller first (-fuzzminimizetime 1x): that takes most of the time
# of a target that is slow or whose coverage varies, in one of ours all but 33 executions
# of a minute. A failing input is then larger than it could be; run the target without.
set -eu
time=${1:-10s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# ended reports whether nothing has failed but go test itself: on a busy machine it may take
# the end of -fuzztime for an error of the target. One that is real has an input.
ended() {
	grep -q '^    context deadline exceeded$' "$log" && ! grep -qE 'Failing input|failure while|panic|race' "$log"
}

for dir in $(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go | awk '{print $2}' | sort -u); do
		echo "fuzz $dir $target"
		failed=0
		go test -run '^$' -fuzzminimizetime 1x -fuzz "^$target\$" -fuzztime "$time" "$dir" >"$log" 2>&1 || failed=$?
		cat "$log"
		[ "$failed" -eq 0 ] || ended || exit "$failed"
	done
done
