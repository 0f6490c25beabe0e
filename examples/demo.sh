#!/bin/sh
# demo.sh - the main job on a real program: index Python's standard library, plain and then under Ouro.
#
#     demo.sh PATH-OF-OURO [PYTHON]
#
# Ends with 0 when both runs print the same.
set -eu

if [ $# -lt 1 ]; then
    echo "use: demo.sh PATH-OF-OURO [PYTHON]" >&2
    exit 2
fi
ouro=$1
if [ $# -ge 2 ]; then
    python=$2
elif [ -x /usr/bin/python3 ]; then
    python=/usr/bin/python3
else
    python=python3
fi
program=$(dirname "$0")/index_library.py
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# User and system seconds of a command, beside its elapsed time, without a tool that may not be there.
timed() {
    "$python" - "$@" <<'END'
import resource, subprocess, sys, time
name, output, report, *command = sys.argv[1:]
began = time.monotonic()
with open(output, "wb") as out, open(report, "wb") as errors:
    code = subprocess.call(command, stdout=out, stderr=errors)
wall = time.monotonic() - began
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print("%-12s %6.2f s elapsed   %6.2f s of CPU time   %5d MB at most"
      % (name, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024))
sys.exit(code)
END
}

run() {
    name=$1
    shift
    if ! timed "$name" "$work/$name.out" "$work/$name.err" "$@"; then
        cat "$work/$name.err" >&2
        echo "demo: the $name run failed" >&2
        exit 1
    fi
}

echo "Indexing the standard library of $("$python" -V), plain and then under Ouro."
echo
run plain "$python" "$program"
run ouro "$ouro" run "$python" "$program"
echo
cat "$work/plain.out"
echo
if ! cmp -s "$work/plain.out" "$work/ouro.out"; then
    echo "demo: the two runs printed different things:" >&2
    diff "$work/plain.out" "$work/ouro.out" >&2 || true
    exit 1
fi
echo "Both runs printed the same. One run each is a first look; \`make bench\` measures."
echo
echo "What \`ouro run\` had to say at the end:"
echo
cat "$work/ouro.err"
