#!/usr/bin/env bash
# Builds the programs of this commit twice, in folders of different depth, and fails where they differ.
set -eu -o pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
revision=$(git rev-parse --short=12 HEAD)
trap 'rm -rf "$folder"' EXIT

# build_in SOURCE BUILD
build_in() {
	mkdir -p "$1"
	git archive HEAD | tar -x -C "$1"
	CC=gcc meson setup "$2" "$1" --buildtype=release -Dtests=disabled -Drevision="$revision"
	ninja -C "$2" --quiet
}

build_in "$folder/source" "$folder/source/build"
build_in "$folder/another/source" "$folder/elsewhere"
for program in allocd allocd-bench allocd-dev; do
	cmp "$folder/source/build/$program" "$folder/elsewhere/$program"
	sha256sum "$folder/elsewhere/$program" | sed 's| .*/|  |'
done
