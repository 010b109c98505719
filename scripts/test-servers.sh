#!/usr/bin/env bash
# Runs the tests that talk to real servers on each server of the given folders:
#
#	scripts/test-servers.sh DIR...
#
# A folder holds redis-server and redis-sentinel. Without folders the newer servers are
# unpacked into a temporary one. All servers are tried, whatever fails on the first.
set -euo pipefail
cd "$(dirname "$0")/.."
export KERMES_REQUIRE_REDIS=1

if [ $# = 0 ]; then
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	scripts/newer-servers.sh "$tmp"
	for f in "$tmp"/*/VERSION; do set -- "$@" "$(dirname "$f")"; done
fi
[ $# -gt 0 ] || { echo 'test-servers: no servers' >&2; exit 1; }

failed=()
for dir in "$@"; do
	dir=$(cd "$dir" && pwd)
	for program in redis-server redis-sentinel; do
		[ -x "$dir/$program" ] || { echo "test-servers: no $program in $dir" >&2; exit 1; }
	done
	printf '\n== %s: %s\n' "$dir" "$("$dir/redis-server" --version)"
	PATH=$dir:$PATH go test -count=1 -timeout 20m -p 1 ./redis ./client ./pubsub ./mq ./lock ./internal/testredis ||
		failed+=("$dir")
done
if [ ${#failed[@]} -gt 0 ]; then
	printf '\ntest-servers: failed on %s\n' "${failed[*]}" >&2
	exit 1
fi
