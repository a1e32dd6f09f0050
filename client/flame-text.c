/* SPDX-License-Identifier: Apache-2.0 */

#include "client/flame-text.h"

#include <stdbool.h>
#include <string.h>

#include "common/utf8.h"

/* Control characters, non-characters (both forbidden in XML 1.0 or discouraged), and the directional
 * overrides with which a name could rearrange the line around it. */
static bool flame_text_is_unfit(uint32_t c) {
        return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c & 0xFFFE) == 0xFFFE ||
               (c >= 0xFDD0 && c <= 0xFDEF) || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
               (c >= 0x2060 && c <= 0x2069) || c == 0xFEFF;
}

size_t flame_text_next(const char *s, uint32_t *ret_code_point) {
        static const unsigned char lead_bits[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
        size_t n = utf8_sequence(s, strnlen(s, 4));
        uint32_t c;

        *ret_code_point = TEXT_REPLACEMENT;
        if (n == 0)
                return 1;

        c = (unsigned char)s[0] & lead_bits[n];
        for (size_t i = 1; i < n; i++)
                c = c << 6 | ((unsigned char)s[i] & 0x3F);
        if (!flame_text_is_unfit(c))
                *ret_code_point = c;
        return n;
}

static void flame_text_put(FILE *out, uint32_t c) {
        if (c < 0x80) {
                (void)fputc((int)c, out); /* here and below: ferror() is the caller's */
                return;
        }
        if (c < 0x800)
                (void)fputc((int)(0xC0 | c >> 6), out);
        else if (c < 0x10000)
                (void)fputc((int)(0xE0 | c >> 12), out);
        else
                (void)fputc((int)(0xF0 | c >> 18), out);
        if (c >= 0x10000)
                (void)fputc((int)(0x80 | (c >> 12 & 0x3F)), out);
        if (c >= 0x800)
                (void)fputc((int)(0x80 | (c >> 6 & 0x3F)), out);
        (void)fputc((int)(0x80 | (c & 0x3F)), out);
}

static void flame_text_put_xml(FILE *out, uint32_t c) {
        switch (c) {
        case '&':
                (void)fputs("&amp;", out);
                break;
        case '<':
                (void)fputs("&lt;", out);
                break;
        case '>':
                (void)fputs("&gt;", out);
                break;
        case '"':
                (void)fputs("&quot;", out);
                break;
        default:
                flame_text_put(out, c);
        }
}

/* East Asian wide forms and emoji, roughly: enough to place an ellipsis. flame.js has the same rule. */
static size_t flame_text_width(uint32_t c) {
        return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                               (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) || c >= 0x1F300
                       ? 2
                       : 1;
}

size_t flame_text_columns(const char *s) {
        size_t n_columns = 0;
        uint32_t c;

        while (*s) {
                s += flame_text_next(s, &c);
                n_columns += flame_text_width(c);
        }
        return n_columns;
}

void flame_text_write_xml(FILE *out, const char *s) {
        uint32_t c;

        while (*s) {
                s += flame_text_next(s, &c);
                flame_text_put_xml(out, c);
        }
}

void flame_text_write_xml_cut(FILE *out, const char *s, size_t n_columns) {
        uint32_t c;

        if (flame_text_columns(s) <= n_columns) {
                flame_text_write_xml(out, s);
                return;
        }

        for (size_t used = 0; *s;) {
                s += flame_text_next(s, &c);
                used += flame_text_width(c);
                if (used >= n_columns)
                        break;
                flame_text_put_xml(out, c);
        }
        if (n_columns > 0)
                flame_text_put(out, 0x2026);
}

void flame_text_write_folded(FILE *out, const char *s) {
        uint32_t c;

        while (*s) {
                s += flame_text_next(s, &c);
                flame_text_put(out, c == ';' ? ':' : c);
        }
}

void flame_text_write_line(FILE *out, const char *s) {
        uint32_t c;

        while (*s) {
                s += flame_text_next(s, &c);
                flame_text_put(out, c);
        }
}
