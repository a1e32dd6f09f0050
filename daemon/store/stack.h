/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Symbolised call stacks: immutable once built, reference-counted, stored once however many events
 * have them. Frames are innermost first. Raw kernel addresses are not kept (KASLR).
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct frame {
        char *symbol;    /* NULL: no symbol fits */
        char *module;    /* kernel: module or NULL for the kernel proper; user: path of the file or NULL */
        char *build_id;  /* user: lower-case hex or NULL */
        char *note;      /* why this frame is less than it could be, or NULL */
        uint64_t offset; /* into the symbol; into the file when symbol is NULL */
        uint64_t address; /* user frames only; 0 for kernel frames */
};

struct stack {
        unsigned n_ref;
        uint64_t hash; /* over all frames; see stack_seal() */
        size_t n_frames;
        struct frame *frames;
};

/* An empty stack with one reference and room for n frames to be filled in place by the caller
 * (strings heap-allocated, owned by the stack). n_frames starts at 0. 0 or -ENOMEM. */
int stack_new(size_t n, struct stack **ret_stack);
/* Computes the hash; nothing may be changed afterwards. */
void stack_seal(struct stack *stack);
int stack_equal(const struct stack *a, const struct stack *b);
size_t stack_memory(const struct stack *stack); /* bytes on the heap */
struct stack *stack_ref(struct stack *stack);
struct stack *stack_unref(struct stack *stack); /* returns NULL; NULL-safe */
DEFINE_CLEANUP(struct stack *, stack_unref)
