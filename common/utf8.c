/* SPDX-License-Identifier: Apache-2.0 */

#include "common/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"

static const char UTF8_REPLACEMENT[] = "\xef\xbf\xbd"; /* U+FFFD */

static bool utf8_is_continuation(unsigned char c) {
        return (c & 0xc0) == 0x80;
}

/* The second byte carries all limits of RFC 3629's table: overlong forms, surrogates, U+10FFFF. */
static bool utf8_second_ok(unsigned char first, unsigned char second) {
        switch (first) {
        case 0xe0:
                return second >= 0xa0 && second <= 0xbf;
        case 0xed:
                return second >= 0x80 && second <= 0x9f;
        case 0xf0:
                return second >= 0x90 && second <= 0xbf;
        case 0xf4:
                return second >= 0x80 && second <= 0x8f;
        default:
                return utf8_is_continuation(second);
        }
}

static size_t utf8_expected(unsigned char first) {
        if (first < 0x80)
                return 1;
        if (first >= 0xc2 && first <= 0xdf)
                return 2;
        if (first >= 0xe0 && first <= 0xef)
                return 3;
        if (first >= 0xf0 && first <= 0xf4)
                return 4;
        return 0;
}

size_t utf8_sequence(const char *text, size_t size) {
        const unsigned char *s = (const unsigned char *)text;
        size_t n;

        if (size == 0)
                return 0;

        n = utf8_expected(s[0]);
        if (n == 0 || n > size)
                return 0;
        if (n >= 2 && !utf8_second_ok(s[0], s[1]))
                return 0;
        for (size_t i = 2; i < n; i++)
                if (!utf8_is_continuation(s[i]))
                        return 0;

        return n;
}

/* Bytes of ASCII at the beginning, in words: nearly all that is ever looked at is nothing else. */
static size_t ascii_words(const char *text, size_t size) {
        uint64_t word;
        size_t at = 0;

        for (; size - at >= sizeof(word); at += sizeof(word)) {
                memcpy(&word, text + at, sizeof(word));
                if (word & UINT64_C(0x8080808080808080))
                        break;
        }
        return at;
}

size_t utf8_valid_prefix(const char *text, size_t size) {
        size_t at = 0;

        while (at < size) {
                size_t n = ascii_words(text + at, size - at) ?: utf8_sequence(text + at, size - at);

                if (n == 0)
                        break;
                at += n;
        }

        return at;
}

int utf8_make_valid(const char *text, size_t size, char **ret_text, size_t *ret_size) {
        const size_t n_replacement = strlen(UTF8_REPLACEMENT);
        size_t out = 0;
        char *copy;

        copy = malloc(size * n_replacement + 1);
        if (!copy)
                return -ENOMEM;

        for (size_t at = 0; at < size;) {
                size_t n = utf8_valid_prefix(text + at, size - at);

                memcpy(copy + out, text + at, n);
                out += n;
                at += n;
                if (at < size) {
                        memcpy(copy + out, UTF8_REPLACEMENT, n_replacement);
                        out += n_replacement;
                        at++;
                }
        }

        copy[out] = '\0';
        *ret_text = copy;
        *ret_size = out;
        return 0;
}

/* C0, DEL and C1 (U+0080..U+009F): a terminal acts on them. */
static bool utf8_is_control(const char *text, size_t n) {
        unsigned char c = (unsigned char)text[0];

        return (n == 1 && (c < 0x20 || c == 0x7F)) || (n == 2 && c == 0xC2 && (unsigned char)text[1] < 0xA0);
}

char *utf8_printable(const char *text, char *buf, size_t size) {
        size_t left = strlen(text), used = 0, cut = 0;

        assert(size >= 4);

        while (left > 0) {
                size_t n = utf8_sequence(text, left);
                bool replace = n == 0 || utf8_is_control(text, n);
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
