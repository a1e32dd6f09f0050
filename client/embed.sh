#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed.sh FILE NAME: prints C that defines NAME as the file's text, ended by a NUL.
set -eu
[ -s "$1" ] # od would turn a missing or empty file into an empty, valid array
printf '/* Made from %s by embed.sh. */\nextern const char %s[];\nconst char %s[] = {\n' \
        "$(basename "$1")" "$2" "$2"
od -An -v -tx1 "$1" | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
printf '0x00\n};\n'
