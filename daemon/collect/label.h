/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Row labels out of kernel text. Names of drivers and network interfaces come with any bytes; what leaves a
 * collector is valid UTF-8 without control characters, so that it fits into JSON and cannot drive a terminal.
 * Everything else is kept as it is.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "daemon/collect/proc-table.h"

/* Room for the labels of one row. Keeps its memory between rows. All-zero is empty. */
struct label_buffer {
        char *data;
        size_t size;
        size_t allocated;
};

void label_buffer_done(struct label_buffer *buffer);
/* Forgets the labels and makes room for n_labels made of n_bytes in total. 0 or -ENOMEM. */
int label_buffer_reset(struct label_buffer *buffer, size_t n_labels, size_t n_bytes);
/* The slice as a label: bytes that are no UTF-8 or control a terminal become "\xNN"; with squeeze, runs of
 * blanks become one. Valid until the next reset; NULL for an empty slice. Never more labels and bytes than
 * reset() was told. */
const char *label_add(struct label_buffer *buffer, struct text_slice slice, bool squeeze);
