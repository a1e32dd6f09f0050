/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes as text and back (RFC 4648, section 4, with padding): how bytes go through JSON.
 */

#include <stddef.h>
#include <stdint.h>

/* Characters that so many bytes become, without the NUL. */
static inline size_t base64_length(size_t size) {
        return (size + 2) / 3 * 4;
}

/* Writes base64_length(size) characters and a NUL. */
void base64_encode(const void *data, size_t size, char *ret_text);
/* Room for length / 4 * 3 bytes. Strict: no blanks, no missing padding, no bits beyond the end. 0 or
 * -EBADMSG. */
int base64_decode(const char *text, size_t length, void *ret_data, size_t *ret_size);
