/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parser of the files below /proc/pressure (psi_show(), kernel/sched/psi.c). Text in, number out; no I/O.
 */

#include <stddef.h>
#include <stdint.h>

/* The total of the line "full". 0; -EBADMSG: truncated, garbled, or without such a line. */
int proc_pressure_parse(const char *text, size_t size, uint64_t *ret_total_us);
