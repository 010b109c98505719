#!/bin/sh
# Changes one token after the other in each package and runs the package's own tests:
#
#	scripts/mutants.sh resp pool
#
# What lives is a hole in the tests, or changes nothing. gremlins is run at the version of
# the Makefile, outside go.mod.
set -eu
out=${MUTANTS_OUT:-}
for package in "$@"; do
	echo "mutants of $package"
	${GO:-go} run "$GREMLINS" unleash --workers "${WORKERS:-2}" --timeout-coefficient 10 \
		${out:+--output "$out/$package.json"} "./$package" | grep -vE '^ *(KILLED|NOT COVERED) '
done
