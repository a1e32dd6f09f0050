/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the tests of user stacks share: targets to stop and look at, and what their stacks must say.
 */

#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/symbols/user-process.h"
#include "daemon/symbols/user-stack.h"
#include "tests/harness/stopped-process.h"
#include "tests/harness/temp-tree.h"

#define CHAIN \
        "chain_12 chain_11 chain_10 chain_09 chain_08 chain_07 chain_06 chain_05 chain_04 chain_03 " \
        "chain_02 " \
        "chain_01 main"

static _unused_ const struct user_symboliser_limits limits = { .n_files_max = 32, .file_bytes_max = 16 * 1024 * 1024 };

static _unused_ const char *target_path(const char *name, char *path, size_t size) {
        const char *directory = getenv("IRQWATCH_TARGETS");

        assert_non_null(directory);
        (void)snprintf(path, size, "%s/target-%s", directory, name);
        return path;
}

/* Some targets are built only where there is a compiler for them, or for one architecture. */
static _unused_ bool has_target(const char *name) {
        char path[PATH_MAX];

        return access(target_path(name, path, sizeof(path)), X_OK) == 0;
}

static _unused_ void print_stack(const struct stack *stack) {
        for (size_t i = 0; i < stack->n_frames; i++) {
                const struct frame *frame = &stack->frames[i];

                print_message("  #%zu %llx %s+0x%llx (%s) [%s]\n", i, (unsigned long long)frame->address,
                              frame->symbol ?: "?", (unsigned long long)frame->offset, frame->module ?: "-",
                              frame->note ?: "");
        }
}

/* Every word of expected is the symbol of a frame, in this order; with strict, of frames
 * that follow each other directly, from the innermost on. */
static _unused_ void assert_functions(const struct stack *stack, const char *expected, bool strict) {
        char copy[2048], *saved = NULL;
        size_t i = 0;

        (void)snprintf(copy, sizeof(copy), "%s", expected);
        for (char *word = strtok_r(copy, " ", &saved); word; word = strtok_r(NULL, " ", &saved)) {
                for (;; i++) {
                        const char *symbol = i < stack->n_frames ? stack->frames[i].symbol : NULL;

                        if (symbol && strcmp(symbol, word) == 0)
                                break;
                        if (strict || i >= stack->n_frames) {
                                print_stack(stack);
                                fail_msg("frame %zu is not %s", i, word);
                        }
                }
                i++;
        }
}

/* Symbols that contain these texts, in this order. */
static _unused_ void assert_contain(const struct stack *stack, const char *const *texts) {
        for (size_t i = 0; *texts; i++) {
                if (i == stack->n_frames) {
                        print_stack(stack);
                        fail_msg("%s is missing", *texts);
                }
                if (stack->frames[i].symbol && strstr(stack->frames[i].symbol, *texts))
                        texts++;
        }
}

static _unused_ struct stack *symbolise_below(int root_fd, const struct user_snapshot *snapshot) {
        _cleanup_(user_symboliser_freep) struct user_symboliser *symboliser = NULL;
        struct stack *stack = NULL;

        assert_int_equal(user_symboliser_new(root_fd, &limits, &symboliser), 0);
        assert_int_equal(user_stack_symbolise(symboliser, snapshot, &stack), 0);
        assert_non_null(stack);
        return stack;
}

static _unused_ struct stack *symbolise(const struct user_snapshot *snapshot) {
        _cleanup_(closep) int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return symbolise_below(root_fd, snapshot);
}

static _unused_ bool has_note(const struct stack *stack, const char *text) {
        for (size_t i = 0; i < stack->n_frames; i++)
                if (stack->frames[i].note && strstr(stack->frames[i].note, text))
                        return true;
        return false;
}

static _unused_ void start_target(struct stopped_process *process, const char *name, const char *argument) {
        char path[PATH_MAX];
        const char *const argv[] = { target_path(name, path, sizeof(path)), argument, NULL };

        assert_int_equal(stopped_process_start(process, argv, NULL, NULL), 0);
}

/* The whole chain, complete up to the program's start, nothing guessed. */
static _unused_ void check_chain(const struct stack *stack, const char *module) {
        assert_functions(stack, CHAIN, true);
        assert_string_equal(stack->frames[0].module, module);
        assert_int_equal(strlen(stack->frames[0].build_id), 40);
        assert_true(stack->frames[0].address != 0);
        for (size_t i = 0; i < 13; i++)
                assert_null(stack->frames[i].note);
        for (size_t i = 1; i < 13; i++)
                assert_true(stack->frames[i].offset > 0);
        assert_false(has_note(stack, "caller"));
}
