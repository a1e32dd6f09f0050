/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An event in plain words: the MESSAGE of its journal entry, its priority, and its stack as text.
 */

#include <stdbool.h>

#include "daemon/store/event.h"

/* "Interrupts were off on CPU 1 for 48.2-51.0 ms in nf_ct_frag6_expire.cold (insmod, pid 25319, cgroup /x):
 * irq-off". One line of valid UTF-8 whatever the task is called. 0 or -ENOMEM; the caller frees. */
int journal_message_format(const struct event *event, char **ret_text);
/* Whether it is worth no entry: interrupts that irqbalance moves, every few seconds and for ever, and those that the
 * kernel moves within the CPUs allowed. "irqctl events" has them. */
bool journal_message_is_routine(const struct event *event) _pure_;
/* Of syslog.h: a warning where somebody on this machine is the cause, else a notice. */
int journal_message_priority(const struct event *event) _pure_;
/* A frame per line, innermost first: the kernel's "symbol+0x1c [module]", then the user's
 * "symbol+0x1c (file)"; "?" where no symbol fits. NULL in *ret_text when the event has no frames. 0 or
 * -ENOMEM. */
int journal_message_stack(const struct event *event, char **ret_text);
