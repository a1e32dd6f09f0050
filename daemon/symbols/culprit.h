/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who is to blame, by a kernel stack that was taken at the end of a window: the innermost function that
 * is not merely what enables interrupts, takes a lock, copies memory or keeps a tree for whoever called it.
 * The rule is the table in culprit.c. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/stack.h"

enum culprit_kind {
        CULPRIT_SPECIFIC, /* not in the table: can be a culprit */
        CULPRIT_ENABLE, /* its last act is to enable interrupts or softirqs: the window ends in it, not by it
                         */
        CULPRIT_LOCK,   /* waits for a lock that the caller wanted */
        CULPRIT_MEMORY, /* copies, compares, clears, sums what the caller gave it */
        CULPRIT_CONTAINER, /* trees, lists, bitmaps of the caller */
        CULPRIT_DELAY,     /* waits as the caller said, or reads a clock or a device's register */
        CULPRIT_TRACING,   /* observers and their trampolines */
        CULPRIT_SOFTIRQ,   /* runs softirqs at the end of an interrupt */
        CULPRIT_ROOT,      /* where every stack of its sort begins: the search ends here */
        _CULPRIT_KIND_MAX,
};

/* The table's word on one function; module as in struct frame. Functions of modules are always specific: the
 * table speaks of the kernel proper (and of trampolines). */
enum culprit_kind culprit_classify(const char *symbol, const char *module) _pure_;

/* The index of the culprit's frame. The search ends at the entry of an interrupt (what lies below was
 * interrupted and is innocent) and at a CULPRIT_ROOT; if all frames up to there are generic, it is the
 * innermost one. 0; -ENOENT when there is no frame, or the one at which the search must end has no symbol:
 * unknown code in between may be the culprit. */
int culprit_find(const struct stack *stack, size_t *ret_index);
/* The culprit's name without compiler suffixes, owned by the caller. 0, -ENOENT, -ENOMEM. */
int culprit_name(const struct stack *stack, char **ret_name);

/* True when the innermost frame is of the idle loop: the CPU slept, nothing in the kernel held it. */
bool culprit_in_idle(const struct stack *stack);

/* True when all there is below the interrupt's entry is the kernel's way out of that interrupt, whose handler has returned
 * and whose softirqs have not begun: code that does nothing that takes long. */
bool culprit_in_interrupt_exit(const struct stack *stack);

/* The same for stacks that are the same to a reader: FNV-1a, 64 bits, over module NUL base-name NUL of each
 * frame from the culprit outwards, up to the interrupt entry or CULPRIT_ROOT at which the search would end,
 * without either. Offsets, compiler suffixes, addresses and frames above the culprit do not count, so it
 * stays the same when modules are reloaded, over reboots, and over machines with the same kernel. 0 when
 * there is no culprit. */
uint64_t culprit_fingerprint(const struct stack *stack);
