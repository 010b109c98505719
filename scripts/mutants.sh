#!/bin/sh
# Changes one token after the other in each package and runs the package's own tests:
#
#	scripts/mutants.sh resp pool
#	MUTANTS_TIME=10m scripts/mutants.sh codec
#
# What lives is a hole in the tests, or changes nothing: docs/mutants.md. gremlins is run
# at the version of the Makefile, outside go.mod, for at most MUTANTS_TIME a package;
# then it stops; what lived until then has been printed. Tests that need a process of a server
# are not run: they skip, as no redis-server is found.
set -eu
out=${MUTANTS_OUT:-}
go=$(command -v "${GO:-go}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
GOBIN=$tmp/tool "$go" install "$GREMLINS"
mkdir "$tmp/bin"
# gremlins has no options for the tests: the go that it finds ends at the first failure,
# and runs tests that find no program.
env=$(command -v env)
cat >"$tmp/bin/go" <<EOF
#!/bin/sh
if [ "\$1" = test ]; then
	shift
	exec "$go" test -short -failfast -exec "$env PATH=$tmp/none" "\$@"
fi
exec "$go" "\$@"
EOF
chmod +x "$tmp/bin/go"
for package in "$@"; do
	echo "mutants of $package"
	{ env -u KERMES_REQUIRE_REDIS PATH="$tmp/bin:$PATH" \
		timeout -s INT -k 60 "${MUTANTS_TIME:-60m}" \
		"$tmp/tool/gremlins" unleash --workers "${WORKERS:-1}" --invert-logical \
		--timeout-coefficient "${MUTANTS_WAIT:-10}" ${out:+--output "$out/$package.json"} "./$package" ||
		echo "stopped with status $?, which is 124 after ${MUTANTS_TIME:-60m}"; } |
		grep --line-buffered -vE '^ *(KILLED|NOT COVERED) ' || true
done
