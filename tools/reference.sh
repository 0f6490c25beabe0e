#!/bin/sh
# reference.sh - the reference of the public headers, as HTML in build/reference.
#
# What is not described there, and a reference to what there is not, is an error (docs/Doxyfile, tools/manual.py).
set -eu
cd "$(dirname "$0")/.."

tools/manual.py check
rm -rf build/reference
mkdir -p build/reference
doxygen docs/Doxyfile
echo "reference: build/reference/index.html"
