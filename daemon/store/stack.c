/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/stack.h"

#include <assert.h>
#include <malloc.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/store/hash-table.h"

int stack_new(size_t n, struct stack **ret_stack) {
        struct stack *stack = NULL;

        if (n > (SIZE_MAX - sizeof(*stack)) / sizeof(struct frame))
                return -ENOMEM;

        stack = calloc(1, sizeof(*stack) + n * sizeof(struct frame));
        if (!stack)
                return -ENOMEM;

        stack->n_ref = 1;
        stack->frames = (struct frame *)(stack + 1);
        *ret_stack = stack;
        return 0;
}

void stack_seal(struct stack *stack) {
        uint64_t hash = HASH_SEED;

        for (size_t i = 0; i < stack->n_frames; i++) {
                const struct frame *frame = &stack->frames[i];

                hash = hash_text(hash, frame->symbol);
                hash = hash_text(hash, frame->module);
                hash = hash_text(hash, frame->build_id);
                hash = hash_text(hash, frame->note);
                hash = hash_bytes(hash, &frame->offset, sizeof(frame->offset));
                hash = hash_bytes(hash, &frame->address, sizeof(frame->address));
        }

        stack->hash = hash;
}

static bool string_equal(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

static bool frame_equal(const struct frame *a, const struct frame *b) {
        return a->offset == b->offset && a->address == b->address && string_equal(a->symbol, b->symbol) &&
               string_equal(a->module, b->module) && string_equal(a->build_id, b->build_id) &&
               string_equal(a->note, b->note);
}

int stack_equal(const struct stack *a, const struct stack *b) {
        if (a == b)
                return true;
        if (a->hash != b->hash || a->n_frames != b->n_frames)
                return false;

        for (size_t i = 0; i < a->n_frames; i++)
                if (!frame_equal(&a->frames[i], &b->frames[i]))
                        return false;

        return true;
}

/* The allocator's own figure: room for frames that were never filled in counts as well. */
size_t stack_memory(const struct stack *stack) {
        size_t size = malloc_usable_size((void *)stack);

        for (size_t i = 0; i < stack->n_frames; i++) {
                const struct frame *frame = &stack->frames[i];

                size += malloc_usable_size(frame->symbol) + malloc_usable_size(frame->module) +
                        malloc_usable_size(frame->build_id) + malloc_usable_size(frame->note);
        }

        return size;
}

struct stack *stack_ref(struct stack *stack) {
        assert(stack->n_ref > 0);

        stack->n_ref++;
        return stack;
}

static void frame_done(struct frame *frame) {
        free(frame->symbol);
        free(frame->module);
        free(frame->build_id);
        free(frame->note);
}

struct stack *stack_unref(struct stack *stack) {
        if (!stack)
                return NULL;

        assert(stack->n_ref > 0);
        if (--stack->n_ref > 0)
                return NULL;

        for (size_t i = 0; i < stack->n_frames; i++)
                frame_done(&stack->frames[i]);
        free(stack);
        return NULL;
}
