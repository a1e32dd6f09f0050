/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Folded stacks, the format of FlameGraph and speedscope, in and out, and telling them from diagnose-tools'
 * text. One stack a line, outermost frame first: "comm;frame;frame 1234".
 */

#include <stdio.h>

#include "client/flame-events.h"
#include "client/flame-tree.h"

enum flame_format {
        FLAME_FORMAT_FOLDED,
        FLAME_FORMAT_DIAGNOSE_TOOLS,
        _FLAME_FORMAT_INVALID = -1,
};

/* What a text is, by its lines. _FLAME_FORMAT_INVALID: neither. */
enum flame_format flame_format_detect(const char *text) _pure_;

/*
 * Reads folded stacks. The suffixes "_[k]" (kernel), "_[i]" and "_[j]" (inlined, compiled at run time: both
 * user) of the stackcollapse scripts tell where a frame ran; in a stack without them kernel frames begin at
 * the first function that enters the kernel. scale multiplies the values. Lines of another form, but for
 * comments, are counted in *ret_n_skipped, which may be NULL. text is modified. 0 or -ENOMEM.
 */
int flame_folded_read(char *text, uint64_t scale, struct flame_tree *tree, size_t *ret_n_skipped);

/* Writes every stack of the tree with its own weight divided by divisor, rounded, as folded lines; kernel
 * frames with the suffix "_[k]". The tree should be sorted. 0, -ENOMEM, -EIO when out failed. */
int flame_folded_write(FILE *out, const struct flame_tree *tree, uint64_t divisor);
