/* SPDX-License-Identifier: Apache-2.0 */

#include "client/flame-input.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "client/diagnose-tools.h"
#include "client/flame-text.h"

/* The number at the end of a line: *ret_end is where the blank in front of it is. Decimals are dropped. */
static bool flame_folded_value(const char *line, size_t n, size_t *ret_end, uint64_t *ret_value) {
        size_t at = n;
        uint64_t value = 0;

        while (at > 0 && (isdigit((unsigned char)line[at - 1]) || line[at - 1] == '.'))
                at--;
        if (at == n || at == 0 || !isblank((unsigned char)line[at - 1]) || line[at] == '.')
                return false;

        for (size_t i = at; i < n && line[i] != '.'; i++)
                if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
                    __builtin_add_overflow(value, (uint64_t)(line[i] - '0'), &value))
                        return false;
        while (at > 0 && isblank((unsigned char)line[at - 1]))
                at--;
        *ret_end = at;
        *ret_value = value;
        return at > 0;
}

/* Length of the line at text without its end; *ret_next is the next line or NULL. */
static size_t flame_line(const char *text, const char **ret_next) {
        size_t n = strcspn(text, "\n");

        *ret_next = text[n] ? text + n + 1 : NULL;
        while (n > 0 && isspace((unsigned char)text[n - 1]))
                n--;
        return n;
}

enum flame_format flame_format_detect(const char *text) {
        size_t n_stacks = 0, n_deep = 0, n_others = 0;

        for (const char *line = text, *next; line; line = next) {
                size_t n = flame_line(line, &next), end = 0;
                uint64_t value;

                if (diagnose_tools_is_line(line))
                        return FLAME_FORMAT_DIAGNOSE_TOOLS;
                if (n == 0 || *line == '#')
                        continue;
                if (flame_folded_value(line, n, &end, &value))
                        n_stacks++;
                else
                        n_others++;
                n_deep += memchr(line, ';', end) != NULL;
        }

        /* Many a text has lines that end in a number. */
        return n_deep > 0 && n_stacks > n_others ? FLAME_FORMAT_FOLDED : _FLAME_FORMAT_INVALID;
}

/* Takes the suffix off a frame and says what it means; FLAME_TASK: there is none. */
static enum flame_context flame_folded_suffix(char *name) {
        static const struct {
                const char *suffix;
                enum flame_context context;
        } suffixes[] = {
                { "_[k]", FLAME_KERNEL },
                { "_[i]", FLAME_USER },
                { "_[j]", FLAME_USER },
        };
        size_t n = strlen(name);

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                size_t n_suffix = strlen(suffixes[i].suffix);

                if (n <= n_suffix || strcmp(name + n - n_suffix, suffixes[i].suffix) != 0)
                        continue;
                name[n - n_suffix] = '\0';
                return suffixes[i].context;
        }
        return FLAME_TASK;
}

/* What flame_stack_push_cause() and flame_tree_add() put between functions. */
static bool flame_folded_is_other(const char *name) {
        static const char *const others[] = { "[hardirq]",         "[softirq]",  "[ipi]",
                                              "[steal]",           "[platform]", "[idle-exit]",
                                              "[no kernel stack]", "[cut]" };

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (strcmp(name, others[i]) == 0)
                        return true;
        return false;
}

/* Gives every frame but the first, the process, its context. */
static void flame_folded_contexts(struct flame_frame *frames, size_t n_frames, bool has_suffixes) {
        enum flame_context inner = FLAME_USER;

        for (size_t i = 1; i < n_frames; i++) {
                struct flame_frame *frame = frames + i;
                bool kernel = frame->context == FLAME_KERNEL ||
                              (!has_suffixes && flame_is_kernel_entry(frame->name));

                if (kernel && inner == FLAME_USER)
                        inner = FLAME_KERNEL;
                if (inner == FLAME_KERNEL && flame_is_interrupt_entry(frame->name))
                        inner = FLAME_INTERRUPT;
                if (flame_folded_is_other(frame->name))
                        frame->context = FLAME_OTHER;
                else
                        frame->context = has_suffixes && !kernel ? FLAME_USER : inner;
        }
}

static int flame_folded_read_stack(char *stack, uint64_t value, struct flame_tree *tree) {
        _cleanup_(freep) struct flame_frame *frames = NULL;
        size_t n_frames = 0, n_max = 1;
        bool has_suffixes = false;

        for (const char *p = stack; *p; p++)
                n_max += *p == ';';
        frames = reallocarray(NULL, n_max, sizeof(*frames));
        if (!frames)
                return -ENOMEM;

        for (char *rest = stack, *name; (name = strsep(&rest, ";"));) {
                enum flame_context context = flame_folded_suffix(name);

                if (!*name)
                        continue;
                has_suffixes |= context == FLAME_KERNEL;
                frames[n_frames++] = (struct flame_frame){ .name = name, .context = context };
        }
        if (n_frames > 0)
                frames[0].context = FLAME_TASK;
        flame_folded_contexts(frames, n_frames, has_suffixes);
        return flame_tree_add(tree, frames, n_frames, value, 1);
}

int flame_folded_read(char *text, uint64_t scale, struct flame_tree *tree, size_t *ret_n_skipped) {
        size_t n_skipped = 0;
        const char *next;
        int r;

        for (char *line = text; line; line = (char *)next) {
                size_t n = flame_line(line, &next), end;
                uint64_t value;

                if (!flame_folded_value(line, n, &end, &value) ||
                    __builtin_mul_overflow(value, scale, &value)) {
                        n_skipped += n > 0 && *line != '#';
                        continue;
                }
                line[end] = '\0';
                r = flame_folded_read_stack(line, value, tree);
                if (r < 0)
                        return r;
        }
        if (ret_n_skipped)
                *ret_n_skipped = n_skipped;
        return 0;
}

static void flame_folded_write_stack(FILE *out, const struct flame_tree *tree, int32_t node, uint64_t value) {
        int32_t path[FLAME_DEPTH_MAX + 1];
        size_t n = 0;

        for (; node != FLAME_ROOT; node = tree->nodes[node].parent)
                path[n++] = node;
        while (n > 0) {
                const struct flame_node *at = tree->nodes + path[--n];

                flame_text_write_folded(out, at->name);
                if (at->context == FLAME_KERNEL || at->context == FLAME_INTERRUPT)
                        (void)fputs("_[k]", out); /* here and below: ferror() is checked at the end */
                if (n > 0)
                        (void)fputc(';', out);
        }
        (void)fprintf(out, " %" PRIu64 "\n", value);
}

int flame_folded_write(FILE *out, const struct flame_tree *tree, uint64_t divisor) {
        for (int32_t node = tree->n_nodes > 0 ? FLAME_ROOT : FLAME_NONE; node != FLAME_NONE;
             node = flame_tree_next(tree, node, true)) {
                uint64_t weight = flame_tree_self_weight(tree, node);

                if (node == FLAME_ROOT || weight == 0)
                        continue;
                flame_folded_write_stack(out, tree, node,
                                         weight / divisor + (weight % divisor >= (divisor + 1) / 2));
        }
        return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
