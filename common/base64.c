/* SPDX-License-Identifier: Apache-2.0 */

#include "common/base64.h"

#include <errno.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t size, char *ret_text) {
        const uint8_t *in = data;
        char *out = ret_text;

        for (size_t i = 0; i < size; i += 3) {
                uint32_t group = (uint32_t)in[i] << 16;

                group |= i + 1 < size ? (uint32_t)in[i + 1] << 8 : 0;
                group |= i + 2 < size ? in[i + 2] : 0;
                *out++ = digits[group >> 18];
                *out++ = digits[group >> 12 & 63];
                *out++ = i + 1 < size ? digits[group >> 6 & 63] : '=';
                *out++ = i + 2 < size ? digits[group & 63] : '=';
        }
        *out = '\0';
}

static int digit_value(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(const char *text, size_t length, void *ret_data, size_t *ret_size) {
        uint8_t *out = ret_data;
        uint32_t group = 0;
        size_t padding = 0;

        if (length % 4 != 0)
                return -EBADMSG;
        while (padding < 2 && length > 0 && text[length - 1 - padding] == '=')
                padding++;

        for (size_t i = 0; i < length; i++) {
                int value = i < length - padding ? digit_value(text[i]) : 0;

                if (value < 0)
                        return -EBADMSG;
                group = group << 6 | (uint32_t)value;
                if (i % 4 != 3)
                        continue;
                for (size_t j = 0; j < (i + 1 == length ? 3 - padding : 3); j++)
                        *out++ = (uint8_t)(group >> (16 - 8 * j));
                if (i + 1 == length && (group & ((UINT32_C(1) << 8 * padding) - 1)) != 0)
                        return -EBADMSG;
                group = 0;
        }

        *ret_size = (size_t)(out - (uint8_t *)ret_data);
        return 0;
}
