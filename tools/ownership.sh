#!/bin/sh
# ownership.sh - compile, without making anything, where owned and borrowed references are different types.
#
#   tools/ownership.sh [FILE.c ...]     these; without any: the object system and its examples
#
# A loan that is let go of, or an owned reference that is lent without ouro_lend(), is an error then (include/ouro/object.h).
set -eu
cd "$(dirname "$0")/.."

compile() {
    "${CC:-cc}" -std=c17 -fsyntax-only -Werror=incompatible-pointer-types -D_DEFAULT_SOURCE -DOURO_OWNERSHIP=1 \
        -Iinclude -Isrc "$@"
}

# The check itself: what must not pass.
wrong=$(mktemp --suffix=.c)
trap 'rm -f "$wrong"' EXIT
printf '#include <ouro/ouro.h>\nvoid f(ouro_loan l);\nvoid f(ouro_loan l) { ouro_decref(l); }\n' >"$wrong"
if compile "$wrong" 2>/dev/null; then
    echo "ownership: letting go of a loan is not noticed" >&2
    exit 1
fi

[ $# -gt 0 ] || set -- src/object/*.c src/gc/*.c src/types/*.c examples/objects/*.c examples/lisp/*.c
for file in "$@"; do
    compile "$file"
done
echo "ownership: $# files, no owned reference is taken for a borrowed one"
