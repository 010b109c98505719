#!/bin/sh
# Makes sure that redis-server and redis-sentinel are on PATH: uses what is
# there, else installs them, else says in one line what is missing.
set -u

have() { command -v "$1" >/dev/null 2>&1; }
ready() { have redis-server && have redis-sentinel; }

ready && exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
	have sudo && sudo -n true 2>/dev/null && as_root="sudo -n"
fi

if [ "$(id -u)" = 0 ] || [ -n "$as_root" ]; then
	if have apt-get; then
		export DEBIAN_FRONTEND=noninteractive
		# The packages must not start servers of their own.
		$as_root apt-get update -qq >/dev/null 2>&1
		RUNLEVEL=1 $as_root apt-get install -y -qq redis-server redis-sentinel redis-tools >/dev/null 2>&1
	elif have dnf; then
		$as_root dnf install -y -q redis >/dev/null 2>&1 || $as_root dnf install -y -q valkey-compat-redis >/dev/null 2>&1
	elif have apk; then
		$as_root apk add --quiet redis >/dev/null 2>&1
	fi
fi
if ! ready && have brew; then
	brew install --quiet redis >/dev/null 2>&1
fi
ready && exit 0

msg="redis-server and redis-sentinel (6.2 or later) are not on PATH and could not be installed: please install them (apt-get install redis-server redis-sentinel; dnf install redis; apk add redis; brew install redis)"
echo "$msg" >&2
if [ "${KERMES_REQUIRE_REDIS:-}" = 1 ] || [ "${1:-}" = required ]; then exit 1; fi
echo "tests that need real servers will be skipped" >&2
exit 0
