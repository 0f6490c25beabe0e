#!/bin/sh
# headers.sh - every header can be included alone: the public ones as C99 and as C++17, ours as C17.
set -eu
cd "$(dirname "$0")/.."

status=0

# check HEADER COMPILER OPTION...: compile a file that includes nothing else, twice over.
check() {
    header=$1
    shift
    printf '#include "%s"\n#include "%s"\nint ouro_only;\n' "$header" "$header" |
        "$@" -Wall -Wextra -Wpedantic -pedantic-errors -Wundef -Werror -fsyntax-only -Iinclude -Isrc - ||
        { echo "headers.sh: $header: not with $*" >&2; status=1; }
}

for header in include/ouro/*.h; do
    name=${header#include/}
    for compiler in gcc clang; do
        check "$name" $compiler -std=c99 -x c
    done
    for compiler in g++ clang++; do
        check "$name" $compiler -std=c++17 -x c++
    done
done
# Those of differential tests include CPython's, and one of the tool's cairo's.
for header in $(find src cli tests -name '*.h' | sort); do
    # shellcheck disable=SC2046 # a list of options
    check "$PWD/$header" gcc -std=c17 -D_GNU_SOURCE -Icli -Itests/helpers \
        $(pkg-config --cflags-only-I python3-embed cairo | sed 's/-I/-isystem /g') -x c
done
exit $status
