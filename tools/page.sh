#!/bin/sh
# page.sh - builds the page of `ouro report --html`: tools/page.sh WEB FOLDER OUT
#
# WEB is the folder of its sources; FOLDER is where npm installs what web/package-lock.json names, and where it is
# built; OUT is the template.  Without npm, or where it reaches no registry, OUT is empty and old: the tool is built without
# the page, and the next build tries again.
set -eu

web=$1 folder=$2 out=$3

fail() {
    echo "ouro report --html will not be there: $1" >&2
    : >"$out"
    touch -d @0 "$out"
    exit 0
}

command -v npm >/dev/null || fail "there is no npm (Debian: apt install npm)"
mkdir -p "$folder"
if ! cmp -s "$web/package-lock.json" "$folder/installed.json"; then
    cp "$web/package.json" "$web/package-lock.json" "$folder"
    (cd "$folder" && npm ci --no-audit --no-fund --fetch-retries=1) >"$folder/npm.log" 2>&1 ||
        fail "npm could not install its parts, see $folder/npm.log"
    cp "$web/package-lock.json" "$folder/installed.json"
fi
cp "$web"/*.js "$web"/*.mjs "$web"/*.css "$web"/*.html "$folder"
cd "$folder" && node build.mjs "$out"
