#!/bin/sh
# Compile the locks again. Needs `uv`; the locks name packages and hashes only, never a registry's host.
set -eu
cd "$(dirname "$0")/.."
compile="uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --generate-hashes --quiet --no-header"
$compile requirements/build.in -o requirements/build.txt "$@"
$compile pyproject.toml --extra county -o requirements/county.txt "$@"
$compile pyproject.toml --extra county --group dev -c requirements/county.txt -o requirements/dev.txt "$@"
