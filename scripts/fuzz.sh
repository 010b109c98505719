#!/bin/sh
# Runs every fuzz target of the module for the given time (default 10s). Inputs that only
# cover more are not made smaller first (-fuzzminimizetime 1x): that takes most of the
# time of a target that is slow or whose coverage varies, in one of ours all but 33
# executions of a minute. A failing input is then larger than it could be; run the target
# without.
#
# What earlier runs have found of interest is not in the way: a target runs all of it before
# anything new, which on a machine that fuzzes often takes more than a short time. Set
# FUZZCACHE to a folder that keeps it.
set -eu
time=${1:-10s}
work=$(mktemp -d)
log=$work/log
trap 'rm -rf "$work"' EXIT
cache=${FUZZCACHE:-$work/cache}
case $cache in /*) ;; *) cache=$PWD/$cache ;; esac

# ended reports whether nothing has failed but the run itself: on a busy machine it may take
# the end of the time for an error of the target. One that is real has an input.
ended() {
	grep -q '^    context deadline exceeded$' "$log" && ! grep -qE 'Failing input|failure while|panic|race' "$log"
}

for dir in $(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go | awk '{print $2}' | sort -u); do
		echo "fuzz $dir $target"
		failed=0
		# The last -test.fuzzcachedir counts; go test gives that of its own cache.
		go test -run '^$' -fuzzminimizetime 1x -fuzz "^$target\$" -fuzztime "$time" "$dir" \
			-args -test.fuzzcachedir="$cache/$dir" >"$log" 2>&1 || failed=$?
		cat "$log"
		[ "$failed" -eq 0 ] || ended || exit "$failed"
	done
done
