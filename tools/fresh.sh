#!/bin/sh
# fresh.sh - does what the README promises of a fresh Debian 12: `make demo` and `make test`, on one that has nothing.
#
#   tools/fresh.sh [TARGET...]
#
# debootstrap unpacks a minimal Debian into a temporary folder; what is committed here is cloned into it, and the targets run
# there, as root.  A developer's machine has long had what a fresh one lacks, and newer versions of it.
#
# Of this machine's settings it gets those of the network: names, certificates, and what apt and pip were told.
set -eu

say() { printf 'fresh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

[ "$(id -u)" -eq 0 ] || die "only root can change the root: sudo $0"
command -v debootstrap >/dev/null || die "this needs debootstrap: apt install debootstrap"
project=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- demo test

fresh=$(mktemp -d)
trap 'rm -rf --one-file-system "$fresh"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$fresh" # apt downloads as a user of its own

say "unpacking Debian 12 into $fresh"
debootstrap --variant=minbase --include=ca-certificates,git,make bookworm "$fresh" >"$fresh.log" 2>&1 || {
    tail -n 5 "$fresh.log" >&2
    die "debootstrap failed; all that it said is in $fresh.log"
}
rm -f "$fresh.log"
for file in /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt /etc/pip.conf /etc/apt/apt.conf.d/*; do
    [ ! -f "$file" ] || cp -L "$file" "$fresh$file"
done
git clone --quiet --bare "$project" "$fresh/ouro.git"
say "make $*, of $(git -C "$fresh/ouro.git" log -1 --format='%h %s')"

# Mounted for this process and its children alone: nothing to undo.
unshare --mount sh -eu -c '
    fresh=$1
    shift
    mount -t proc proc "$fresh/proc"
    mount -t sysfs sys "$fresh/sys"
    mount -t tmpfs run "$fresh/run"
    mount --rbind /dev "$fresh/dev"
    exec chroot "$fresh" env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -eu -c "
            apt-get -qq update
            git clone --quiet /ouro.git /ouro
            cd /ouro
            for target; do make \$target; done" sh "$@"
' sh "$fresh" "$@"
say "well: make $*"
