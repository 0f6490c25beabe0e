#!/bin/sh
# lint.sh - everything that finds faults without running the program.
#
#   tools/lint.sh                every step
#   tools/lint.sh STEP...        these only: gcc clang tidy cppcheck layers ownership headers format man reference
#   tools/lint.sh --fix-format   lay out all sources as .clang-format has it
#
# All steps run, even when one fails; the last line says which did.
set -eu
cd "$(dirname "$0")/.."

build=build/lint
jobs=${JOBS:-$(nproc)}

c_sources() { find include src cli tests examples bench -name '*.[ch]' | sort; }

# configure NAME OPTION...: all sources, warnings as errors.
configure() {
    name=$1
    shift
    cmake -S . -B "$build/$name" -DCMAKE_BUILD_TYPE=Release -DOURO_TESTS=ON -DOURO_WERROR=ON \
        -DOURO_FAULT=ON "$@" >/dev/null
}

configure_gcc() { CC=gcc configure gcc; }

# With assertions: they tell the analysers what cannot be.
configure_clang() { CC=clang configure clang -DOURO_DEBUG_ASSERTS=ON; }

compile() { cmake --build "$build/$1" --parallel "$jobs" -- -s --no-print-directory; }

step_gcc() { configure_gcc && compile gcc; }

step_clang() { configure_clang && compile clang; }

# The examples are no part of the build: people copy them.
step_tidy() {
    configure_clang
    # Each source that is compiled, once.
    {
        sed -n 's/^ *"file": "\(.*\)",*$/\1/p' "$build/clang/compile_commands.json" | sort -u |
            xargs -P "$jobs" -n 4 clang-tidy --quiet -p "$build/clang" &&
            clang-tidy --quiet examples/objects/*.c -- -std=c17 -Iinclude
    } 2>"$build/tidy.log" || { grep 'error:' "$build/tidy.log" >&2; return 1; }
}

# The one macro of libc's headers that stands where a type does.
run_cppcheck() {
    cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
        --std=c11 '-DElfW(type)=Elf64_##type' -j "$jobs" --suppressions-list=cmake/cppcheck.txt "$@"
}

step_cppcheck() {
    configure_clang
    run_cppcheck --project="$build/clang/compile_commands.json"
    run_cppcheck -Iinclude examples/objects
}

step_layers() { tools/layers.py; }

step_ownership() { tools/ownership.sh; }

step_headers() { tools/headers.sh; }

step_format() { c_sources | xargs clang-format --dry-run --Werror; }

# The pages that are written by hand, and those that are made from the headers.
step_man() {
    tools/manual.py pages "$build/man"
    mandoc -T lint -W warning man/*.[1-9] "$build"/man/*.3
}

step_reference() { tools/reference.sh; }

case ${1-} in
    --fix-format)
        c_sources | xargs clang-format -i
        exit
        ;;
    --step)
        "step_$2"
        exit
        ;;
esac

failed=
mkdir -p "$build"
# shellcheck disable=SC2046 # a list of words
for step in ${*:-layers ownership headers man reference format gcc clang cppcheck tidy}; do
    echo "lint: $step"
    # In a process of its own: the shell forgets set -e inside a condition.
    if ! tools/lint.sh --step "$step"; then
        failed="$failed $step"
    fi
done
if [ -n "$failed" ]; then
    echo "lint: FAILED:$failed" >&2
    exit 1
fi
echo "lint: all is well"
