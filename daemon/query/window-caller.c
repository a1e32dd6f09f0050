/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/window-caller.h"

#include <string.h>

/* Without what compilers append: ".cold", ".isra.0". */
static size_t base_length(const char *symbol) {
        return *symbol ? strcspn(symbol + 1, ".") + 1 : 0;
}

const struct frame *window_culprit_frames(const struct event *event, size_t *ret_n) {
        const struct stack *stack = event->kernel_stack;

        for (size_t i = 0; stack && event->culprit && i < stack->n_frames; i++) {
                const char *symbol = stack->frames[i].symbol;

                if (!symbol)
                        continue;
                if (strcmp(symbol, event->culprit) != 0 &&
                    (base_length(symbol) != strlen(event->culprit) ||
                     strncmp(symbol, event->culprit, base_length(symbol)) != 0))
                        continue;
                *ret_n = stack->n_frames - i;
                return &stack->frames[i];
        }

        return NULL;
}

struct culprit_stack {
        struct window_group *group;
        const struct frame *frames;
        size_t n;
};

static int compare_symbols(const struct frame *a, const struct frame *b) {
        const char *x = a->symbol ?: "", *y = b->symbol ?: "";
        size_t m = base_length(x), n = base_length(y);

        return strncmp(x, y, MIN(m, n)) ?: (m > n) - (m < n);
}

static size_t common_depth(const struct culprit_stack *a, const struct culprit_stack *b) {
        size_t depth = 0;

        while (depth < MIN(a->n, b->n) && compare_symbols(&a->frames[depth], &b->frames[depth]) == 0)
                depth++;
        return depth;
}

static int compare_stacks(const void *a, const void *b) {
        const struct culprit_stack *x = a, *y = b;
        size_t depth = common_depth(x, y);

        if (depth < MIN(x->n, y->n))
                return compare_symbols(&x->frames[depth], &y->frames[depth]);
        return (x->n > y->n) - (x->n < y->n);
}

static int set_caller(const struct culprit_stack *stack, size_t depth) {
        const char *symbol = depth < stack->n ? stack->frames[depth].symbol : NULL;

        if (!symbol)
                return 0;

        stack->group->caller = strndup(symbol, base_length(symbol));
        return stack->group->caller ? 0 : -ENOMEM;
}

/* Among sorted stacks, no other shares more of a stack's frames than its neighbours do: the first frame that
 * neither of them shares tells it from all. */
int windows_name_callers(struct window_group *groups, size_t n) {
        _cleanup_(freep) struct culprit_stack *stacks = NULL;
        int r = 0;

        if (n < 2)
                return 0;

        stacks = calloc(n, sizeof(*stacks));
        if (!stacks)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                stacks[i].group = &groups[i];
                stacks[i].frames = window_culprit_frames(groups[i].worst, &stacks[i].n);
        }

        qsort(stacks, n, sizeof(*stacks), compare_stacks);
        for (size_t i = 0; r == 0 && i < n; i++) {
                size_t depth = 1; /* the culprit itself is no caller */

                if (i > 0)
                        depth = MAX(depth, common_depth(&stacks[i - 1], &stacks[i]));
                if (i + 1 < n)
                        depth = MAX(depth, common_depth(&stacks[i], &stacks[i + 1]));
                r = set_caller(&stacks[i], depth);
        }

        return r;
}
