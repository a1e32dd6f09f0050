/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/label.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { ESCAPE_SIZE = 4 }; /* "\xNN" */

void label_buffer_done(struct label_buffer *buffer) {
        free(buffer->data);
        *buffer = (struct label_buffer){};
}

int label_buffer_reset(struct label_buffer *buffer, size_t n_labels, size_t n_bytes) {
        size_t need = n_bytes * ESCAPE_SIZE + n_labels; /* each byte escaped, and the NULs */
        char *data;

        buffer->size = 0;
        if (need <= buffer->allocated)
                return 0;

        data = realloc(buffer->data, need);
        if (!data)
                return -ENOMEM;

        buffer->data = data;
        buffer->allocated = need;
        return 0;
}

static bool is_continuation(unsigned char c) {
        return (c & 0xc0) == 0x80;
}

/* Bytes of the printable character at p, 0 if there is none: the well-formed sequences of the Unicode
 * standard's table 3-7, less C0, DEL and C1 controls. */
static size_t printable_size(const unsigned char *p, size_t n) {
        if (p[0] >= 0x20 && p[0] < 0x7f)
                return 1;
        if (p[0] >= 0xc2 && p[0] <= 0xdf && n >= 2 && is_continuation(p[1]))
                return p[0] == 0xc2 && p[1] < 0xa0 ? 0 : 2;
        if (p[0] >= 0xe0 && p[0] <= 0xef && n >= 3 && is_continuation(p[1]) && is_continuation(p[2]))
                return (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ? 0 : 3;
        if (p[0] >= 0xf0 && p[0] <= 0xf4 && n >= 4 && is_continuation(p[1]) && is_continuation(p[2]) &&
            is_continuation(p[3]))
                return (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90) ? 0 : 4;

        return 0;
}

static char *put_escape(char *out, unsigned char c) {
        static const char hex[] = "0123456789abcdef";

        *out++ = '\\';
        *out++ = 'x';
        *out++ = hex[c >> 4];
        *out++ = hex[c & 0xf];
        return out;
}

const char *label_add(struct label_buffer *buffer, struct text_slice slice, bool squeeze) {
        const unsigned char *p = (const unsigned char *)slice.data, *end;
        char *label, *out;

        if (slice.size == 0)
                return NULL;

        end = p + slice.size;
        label = out = buffer->data + buffer->size;
        assert(buffer->size + slice.size * ESCAPE_SIZE + 1 <= buffer->allocated);

        while (p < end) {
                size_t n = printable_size(p, (size_t)(end - p));

                if (n == 0)
                        out = put_escape(out, *p++);
                else if (squeeze && *p == ' ' && out > label && out[-1] == ' ')
                        p++;
                else
                        while (n-- > 0)
                                *out++ = (char)*p++;
        }
        *out++ = '\0';

        buffer->size = (size_t)(out - buffer->data);
        return label;
}
