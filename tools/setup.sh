#!/bin/sh
# setup.sh - sees to it that what a make target needs is on the machine.
#
#   tools/setup.sh [--check] GROUP...     groups: build, page, test, lint, fuzz, bench
#
# A need is something that can be tried (a command, a pkg-config module), and the Debian package that
# brings it.  When all is there, nothing is asked of the network and this takes a few hundredths of a
# second.  What is missing is installed by apt, through sudo when not root; elsewhere, and with --check,
# one line says what to install.
set -eu

# need PACKAGE COMMAND...: adds PACKAGE to what is missing, unless COMMAND succeeds.
missing=
need() {
    package=$1
    shift
    if ! "$@" >/dev/null 2>&1; then
        missing="$missing $package"
    fi
}

has() { command -v "$1"; }

# 3.25 or later
has_cmake() {
    version=$(cmake --version | sed -n 's/^cmake version \([0-9]*\)\.\([0-9]*\).*/\1 * 1000 + \2/p')
    [ $((${version:-0})) -ge 3025 ]
}

compiles() { echo "#include <$1>" | cc -E -; }

has_python_module() { python3 -c "import $1" || /usr/bin/python3 -c "import $1"; }

# The version of Debian's own python3, which the names of its packages have.
system_python_version() {
    /usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo 3.11
}

need_build() {
    need cmake has_cmake
    need make has make
    need gcc has cc
    need libc6-dev compiles stdio.h
    need pkg-config has pkg-config
    need libjansson-dev pkg-config --exists jansson
    need libzstd-dev pkg-config --exists libzstd
    need libsqlite3-dev pkg-config --exists sqlite3
    need libcairo2-dev pkg-config --exists cairo-png cairo-svg
    need zlib1g-dev pkg-config --exists zlib
    need libdw-dev pkg-config --exists libdw libelf
    need libiberty-dev compiles libiberty/demangle.h
    need libgmp-dev compiles gmp.h
    need python3 has python3
}

# For `ouro report --html`: the build goes on without it, and so does the tool.
need_page() {
    need nodejs has node
    need npm has npm
}

need_test() {
    need_page
    # The browser that the page is shown in; Playwright, which drives it, is installed by the tests.
    need chromium has chromium
    need libcmocka-dev pkg-config --exists cmocka
    need python3-pytest has_python_module pytest
    need python3-dev pkg-config --exists python3-embed
    need "libpython$(system_python_version)-testsuite" has_python_module test.test_gc
    need python3-venv has_python_module ensurepip
    need g++ has g++
    need clang has clang
    # The programs that tests/programs/ runs on Ouro's heap.
    need sqlite3 has sqlite3
    need git has git
    # What reads what `ouro export` writes.
    need golang-go has go
    need zstd has zstd
    need default-jdk-headless has javac
    # Where systemd runs, this package starts a server: there it is left to the person.
    if ! [ -d /run/systemd/system ]; then
        need redis-server has redis-server
    fi
}

need_lint() {
    need clang has clang
    need clang-tidy has clang-tidy
    need clang-format has clang-format
    need cppcheck has cppcheck
    need mandoc has mandoc
    need doxygen has doxygen
    need g++ has g++
    need libcmocka-dev pkg-config --exists cmocka
    need python3-dev pkg-config --exists python3-embed
}

need_fuzz() {
    need clang has clang
    need libclang-rt-dev has_fuzzer_runtime
}

has_fuzzer_runtime() {
    [ -n "$(find "$(clang -print-resource-dir)/" -name 'libclang_rt.fuzzer*.a')" ]
}

need_bench() {
    need python3-venv /usr/bin/python3 -m ensurepip --version
    need libmimalloc2.0 has_library libmimalloc.so.2
    need libjemalloc2 has_library libjemalloc.so.2
    need libtcmalloc-minimal4 has_library libtcmalloc_minimal.so.4
    need python3-dev pkg-config --exists python3-embed
    need libgc-dev pkg-config --exists bdw-gc
    need libglib2.0-dev pkg-config --exists gobject-2.0
}

has_library() { PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep -F "$1"; }

install_missing() {
    sudo=
    if [ "$(id -u)" -ne 0 ]; then
        sudo=sudo
    fi
    if ! has apt-get >/dev/null || { [ -n "$sudo" ] && ! has sudo >/dev/null; }; then
        tell_missing
    fi
    echo "Installing:$missing"
    # Most often a failure means that the lists of packages are old or were never fetched.
    try_install || { $sudo apt-get -qq update </dev/null && try_install; } || {
        cat "$log" >&2
        rm -f "$log"
        exit 1
    }
    rm -f "$log"
}

# One go at it; what apt says is worth reading only when it fails.
log=${TMPDIR:-/tmp}/ouro-setup.$$
try_install() {
    # shellcheck disable=SC2086 # a list of words
    $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends install $missing </dev/null >"$log" 2>&1
}

tell_missing() {
    echo "Missing; please install (names as in Debian):$missing" >&2
    exit 1
}

check=no
for group in "$@"; do
    case $group in
        --check) check=yes ;;
        build | page | test | lint | fuzz | bench) "need_$group" ;;
        *) echo "setup.sh: no group '$group'" >&2; exit 2 ;;
    esac
done
if [ -n "$missing" ]; then
    if [ $check = yes ]; then
        tell_missing
    fi
    install_missing
fi
