#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# minidebuginfo.sh INPUT OUTPUT: strips INPUT and packs its function symbols into .gnu_debugdata, as Fedora does.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm "$1" --format=posix --defined-only | awk '$2 ~ /[tT]/ { print $1 }' | sort -u >"$work/keep"
objcopy --only-keep-debug "$1" "$work/debug"
objcopy -S --remove-section .gdb_index --remove-section .comment --keep-symbols="$work/keep" "$work/debug" "$work/mini"
xz "$work/mini"
strip -s -o "$work/out" "$1"
objcopy --add-section .gnu_debugdata="$work/mini.xz" "$work/out" "$2"
