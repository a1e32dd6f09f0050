/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/text-scan.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/cpulist.h"

enum {
        DIGITS_SAFE = 19, /* decimal digits that always fit into 64 bits */
        DIGITS_MAX = 20,
        HEX32_DIGITS = 8,
};

int text_next_line(const char **text, const char *end, struct text_slice *ret_line) {
        const char *start = *text, *newline;

        if (start == end)
                return 0;

        newline = memchr(start, '\n', (size_t)(end - start));
        if (!newline)
                return -EBADMSG;

        *ret_line = (struct text_slice){ start, (size_t)(newline - start) };
        *text = newline + 1;
        return 1;
}

bool text_next_word(struct text_slice *rest, struct text_slice *ret_word) {
        const char *p = rest->data, *end = p + rest->size, *start;

        while (p < end && *p == ' ')
                p++;
        for (start = p; p < end && *p != ' '; p++)
                ;

        *rest = (struct text_slice){ p, (size_t)(end - p) };
        if (p == start)
                return false;

        *ret_word = (struct text_slice){ start, (size_t)(p - start) };
        return true;
}

int text_next_u64(struct text_slice *rest, uint64_t *ret_value) {
        struct text_slice word;

        return text_next_word(rest, &word) ? text_slice_to_u64(word, ret_value) : -EBADMSG;
}

bool text_slice_same(struct text_slice a, struct text_slice b) {
        return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

bool text_slice_equal(struct text_slice slice, const char *text) {
        return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

bool text_slice_starts_with(struct text_slice slice, const char *prefix) {
        size_t size = strlen(prefix);

        return slice.size >= size && memcmp(slice.data, prefix, size) == 0;
}

struct text_slice text_slice_skip(struct text_slice slice, size_t n) {
        return (struct text_slice){ slice.data + n, slice.size - n };
}

int text_slice_to_u64(struct text_slice slice, uint64_t *ret_value) {
        uint64_t value = 0;

        if (slice.size == 0 || slice.size > DIGITS_MAX || (slice.size > 1 && slice.data[0] == '0'))
                return -EBADMSG;

        for (size_t i = 0; i < slice.size; i++) {
                unsigned digit = (unsigned)(unsigned char)slice.data[i] - '0';

                if (digit > 9)
                        return -EBADMSG;
                if (i < DIGITS_SAFE)
                        value = value * 10 + digit;
                else if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
                         __builtin_add_overflow(value, (uint64_t)digit, &value))
                        return -EBADMSG;
        }

        *ret_value = value;
        return 0;
}

int text_slice_to_cpu(struct text_slice slice, int *ret_cpu) {
        uint64_t value;
        int r;

        r = text_slice_to_u64(slice, &value);
        if (r < 0)
                return r;
        if (value >= CPU_LIMIT)
                return -EBADMSG;

        *ret_cpu = (int)value;
        return 0;
}

int text_slice_to_hex32(struct text_slice slice, uint64_t *ret_value) {
        uint64_t value = 0;

        if (slice.size != HEX32_DIGITS)
                return -EBADMSG;

        for (size_t i = 0; i < HEX32_DIGITS; i++) {
                char c = slice.data[i];

                if (c >= '0' && c <= '9')
                        value = value * 16 + (uint64_t)(c - '0');
                else if (c >= 'a' && c <= 'f')
                        value = value * 16 + (uint64_t)(c - 'a') + 10;
                else
                        return -EBADMSG;
        }

        *ret_value = value;
        return 0;
}
