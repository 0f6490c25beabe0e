#!/bin/sh
# pythons.sh - other CPythons for the tests, taken from Debian's suites.
#
#   tools/pythons.sh                    fetch the usual set, print "name<TAB>executable" lines
#   tools/pythons.sh list               print what the cache holds, fetch nothing
#   tools/pythons.sh fetch NAME...      fetch these; a NAME is SUITE-VERSION: trixie-3.13, sid-3.14
#                                       a "t" at its end builds the free-threaded one from Debian's
#                                       source package: sid-3.14t (some minutes), a "b" the ordinary
#                                       one, whose build tree has the programs of test_embed
#   tools/pythons.sh remove NAME...     remove these from the cache
#
# Debian 12 has CPython 3.11; its newer suites have newer ones, linked with a newer glibc.  They
# are unpacked into folders, with all that they depend on, and the interpreter is told to use the
# loader and libraries of its folder.  So it runs from there as it is: no root, no chroot, and
# programs that it starts find the machine's own libraries.
#
# Packages come by name from the mirror that this machine's apt is configured for.
set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ouro/pythons
usual='trixie-3.13 sid-3.14 sid-3.15'

say() { printf 'pythons: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

need() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 || die "this needs $tool; here it works on Debian and its like"
    done
}

# The mirror that apt has for Debian's main archive: not the security one, not a third party's.
find_mirror() {
    apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^Debian|//p' | sort -u | head -n 1
}

# apt, with all of its state in the folder $state, so that the machine's own is left alone.  The
# empty status file makes it resolve every dependency, libc first, as on a machine with nothing.
run_apt() {
    tool=$1
    shift
    "$tool" -q -q -o Dir::State="$state" -o Dir::State::Lists="$state/lists" \
        -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
        -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts="$state/parts" \
        -o APT::Install-Recommends=false -o APT::Sandbox::User="$(id -un)" "$@"
}

prepare_apt() {
    suite=$1
    state=$cache/.apt-$suite
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/parts"
    : >"$state/status"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keyring" ] || die "this needs the package debian-archive-keyring"
    mirror=$(find_mirror)
    [ -n "$mirror" ] || die "apt has no Debian mirror configured (or never had an update)"
    for kind in deb deb-src; do
        printf '%s [signed-by=%s] %s %s main\n' "$kind" "$keyring" "$mirror" "$suite"
    done >"$state/sources.list"
    run_apt apt-get update >&2
}

# patchelf sets the loader in an executable: the machine's own if it has one, else unpacked here.
find_patchelf() {
    if command -v patchelf >/dev/null 2>&1; then
        patchelf=patchelf
        return
    fi
    patchelf=$cache/.patchelf/usr/bin/patchelf
    [ -x "$patchelf" ] && return
    mkdir -p "$cache/.patchelf"
    (cd "$cache/.patchelf" && apt-get -q -q -o APT::Sandbox::User="$(id -un)" download patchelf >&2 &&
        dpkg-deb -x patchelf_*.deb .)
}

# A folder that holds the interpreter, its test package and everything that they depend on.
unpack_binary() {
    name=$1 version=$2
    root=$cache/$name
    part=$cache/.part-$name
    rm -rf "$part" "$state/cache/archives"
    mkdir -p "$part" "$state/cache/archives/partial"
    run_apt apt-get -y --download-only install "python$version" "libpython$version" \
        "libpython$version-testsuite" >&2
    # The packages of these suites expect /lib to be a link to /usr/lib, and so on.
    for folder in bin sbin lib lib64; do
        mkdir -p "$part/usr/$folder"
        ln -s "usr/$folder" "$part/$folder"
    done
    for package in "$state"/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$part"
    done
    rm -rf "$state/cache/archives"

    loader=$(cd "$part" && find usr/lib64 usr/lib -name 'ld-linux*.so.*' | head -n 1)
    libraries=$(cd "$part" && dirname "$(find usr/lib -name libc.so.6 | head -n 1)")
    [ -n "$loader" ] && [ -n "$libraries" ] || die "$name: no loader or no libc in its packages"
    # DT_RPATH, and not RUNPATH: it also holds for the libraries that libraries need.
    "$patchelf" --set-interpreter "$root/$loader" --force-rpath --set-rpath "$root/$libraries" \
        "$part/usr/bin/python$version"
    rm -rf "$root"
    mv "$part" "$root"
    "$root/usr/bin/python$version" -c 'import ssl, ctypes, sqlite3, test.support' ||
        die "$name: unpacked, but it does not run"
    ln -sfn "usr/bin/python$version" "$root/python"
}

# Debian packages no free-threaded build and no test programs for embedding: build them, from the
# source package's original archive, without the long profile-guided optimisation.
build_source() {
    name=$1 version=$2 flags=$3
    need gcc make
    root=$cache/$name
    part=$cache/.part-$name
    rm -rf "$part" "$root"
    mkdir -p "$part" "$root"
    (cd "$part" && run_apt apt-get source --download-only "python$version" >&2)
    tar -C "$root" --strip-components=1 -xf "$part"/*.orig.tar.?z
    rm -rf "$part"
    say "$name: building"
    (cd "$root" && ./configure --quiet $flags && nice make -s -j"$(nproc)") >"$root.log" 2>&1 ||
        die "$name: the build failed, see $root.log"
    rm -f "$root.log"
}

fetch_one() {
    name=$1
    suite=${name%-*}
    version=${name##*-}
    [ "$suite" != "$name" ] || die "'$name' is not SUITE-VERSION, like trixie-3.13"
    [ -x "$cache/$name/python" ] && return
    need apt-get dpkg-deb
    say "$name: fetching"
    prepare_apt "$suite"
    case $version in
        *t) build_source "$name" "${version%t}" --disable-gil ;;
        *b) build_source "$name" "${version%b}" '' ;;
        *) find_patchelf && unpack_binary "$name" "$version" ;;
    esac
}

list_all() {
    for python in "$cache"/*/python; do
        [ -x "$python" ] || continue
        folder=${python%/python}
        real=$(readlink "$python") && python=$folder/$real
        printf '%s\t%s\n' "${folder##*/}" "$python"
    done
}

verb=${1:-usual}
[ $# -eq 0 ] || shift
case $verb in
    usual) for name in $usual; do fetch_one "$name"; done; list_all ;;
    list) list_all ;;
    fetch) for name in "$@"; do fetch_one "$name"; done; list_all ;;
    remove) for name in "$@"; do rm -rf "${cache:?}/${name:?}"; done ;;
    -h | --help | help) sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" ;;
    *) say "unknown verb '$verb' (list, fetch, remove)"; exit 2 ;;
esac
