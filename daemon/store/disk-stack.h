/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stacks in a file of history: each once, however many events have it, and each of its texts once, however
 * many stacks have that. Both are counted, so that they go with the last one. Private to daemon/store.
 */

#include "daemon/store/disk-file.h"
#include "daemon/store/stack.h"

/* One more user of the stack. *ret_id: how to ask for it. Within a transaction. 0 or -errno. */
int disk_stack_use(struct disk_file *file, const struct stack *stack, int64_t *ret_id);
/* One user less. Within a transaction. */
int disk_stack_leave(struct disk_file *file, int64_t id);
/* 0; -ENOENT; -EBADMSG; -errno. */
int disk_stack_read(struct disk_file *file, int64_t id, struct stack **ret_stack);
/* Calls fn with the id of every text of the stack, 0 for none, until it returns something else than 0, which is
 * returned. 0; -ENOENT; -EBADMSG; -errno. */
int disk_stack_strings(struct disk_file *file, int64_t id, int (*fn)(int64_t string, void *userdata), void *userdata);
