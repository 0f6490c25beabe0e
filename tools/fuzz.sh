#!/bin/sh
# fuzz.sh - runs each fuzzer of a build for its share of the time.
#
#   tools/fuzz.sh BUILD SECONDS
#
# What it learns stays in BUILD/corpus/; an input that fails is left in BUILD/failures/.  Once the fault is
# mended, move that input to tests/fuzz/corpus/<name>/, where `make test` replays it for ever.
set -eu

build=$1
seconds=$2

fuzzers=$(find "$build/tests" -maxdepth 1 -name 'fuzz_*' -type f -perm -u+x | sort)
if [ -z "$fuzzers" ]; then
    echo "fuzz.sh: no fuzzers in $build/tests" >&2
    exit 1
fi
# shellcheck disable=SC2086 # count the words
set -- $fuzzers
each=$((seconds / $#))
[ "$each" -gt 0 ] || each=1

status=0
for fuzzer in "$@"; do
    name=${fuzzer##*/fuzz_}
    seeds=tests/fuzz/corpus/$name
    mkdir -p "$build/corpus/$name" "$build/failures"
    [ -d "$seeds" ] || seeds=
    echo "fuzz $name: $each s"
    # shellcheck disable=SC2086 # no seeds is no argument
    if ! "$fuzzer" -max_total_time="$each" -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$build/failures/$name-" "$build/corpus/$name" $seeds; then
        echo "fuzz $name: FAILED, see $build/failures/" >&2
        status=1
    fi
done
exit $status
