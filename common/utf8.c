/* SPDX-License-Identifier: Apache-2.0 */

#include "common/utf8.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_continuation(unsigned char c) {
        return (c & 0xC0) == 0x80;
}

/* Length of the sequence that this first byte announces, 0 for a byte that cannot be first. */
static size_t sequence_length(unsigned char first) {
        if (first < 0x80)
                return first > 0;
        if (first >= 0xC2 && first <= 0xDF)
                return 2;
        if (first >= 0xE0 && first <= 0xEF)
                return 3;
        if (first >= 0xF0 && first <= 0xF4)
                return 4;

        return 0;
}

/* Length of the valid character at text, 0 when there is none: RFC 3629, section 4. */
static size_t character_length(const char *text, size_t size) {
        const unsigned char *s = (const unsigned char *)text;
        size_t n;

        n = size > 0 ? sequence_length(s[0]) : 0;
        if (n == 0 || n > size)
                return 0;

        for (size_t i = 1; i < n; i++)
                if (!is_continuation(s[i]))
                        return 0;

        if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
            (s[0] == 0xF4 && s[1] > 0x8F))
                return 0;

        return n;
}

size_t utf8_valid_prefix(const char *text, size_t size) {
        size_t i = 0, n;

        while (i < size && (n = character_length(text + i, size - i)) > 0)
                i += n;

        return i;
}

/* C0, DEL and C1 (U+0080..U+009F): a terminal acts on them. */
static bool is_control(const char *text, size_t n) {
        unsigned char c = (unsigned char)text[0];

        return (n == 1 && (c < 0x20 || c == 0x7F)) || (n == 2 && c == 0xC2 && (unsigned char)text[1] < 0xA0);
}

char *utf8_printable(const char *text, char *buf, size_t size) {
        size_t left = strlen(text), used = 0, cut = 0;

        assert(size >= 4);

        while (left > 0) {
                size_t n = character_length(text, left);
                bool replace = n == 0 || is_control(text, n);
                size_t width = replace ? 1 : n;

                n = n ? n : 1;
                if (used + width + 4 <= size)
                        cut = used + width; /* up to here, "..." would still fit */
                if (used + width + 1 > size) {
                        memcpy(buf + cut, "...", 4);
                        return buf;
                }

                memcpy(buf + used, replace ? "?" : text, width);
                used += width;
                text += n;
                left -= n;
        }

        buf[used] = '\0';
        return buf;
}
