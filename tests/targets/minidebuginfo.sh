#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# minidebuginfo.sh NM OBJCOPY INPUT OUTPUT: strips INPUT and packs its function symbols into .gnu_debugdata, as Fedora does.
# NM and OBJCOPY are those for INPUT's architecture.
set -eu
nm=$1
objcopy=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$nm" "$1" --format=posix --defined-only | awk '$2 ~ /[tT]/ { print $1 }' | sort -u >"$work/keep"
"$objcopy" --only-keep-debug "$1" "$work/debug"
"$objcopy" -S --remove-section .gdb_index --remove-section .comment --keep-symbols="$work/keep" "$work/debug" "$work/mini"
xz "$work/mini"
"$objcopy" --strip-all "$1" "$work/out"
"$objcopy" --add-section .gnu_debugdata="$work/mini.xz" "$work/out" "$2"
