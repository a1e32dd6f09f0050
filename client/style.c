/* SPDX-License-Identifier: Apache-2.0 */

#include "client/style.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <wchar.h>

#include "common/utf8.h"

enum { PROSE_WIDTH_MAX = 100 }; /* longer lines of prose are hard to read, however wide the terminal */

static const char *const colour_codes[_COLOUR_MAX] = {
        [COLOUR_NONE] = "",          [COLOUR_BOLD] = "\033[1m",      [COLOUR_DIM] = "\033[2m",
        [COLOUR_RED] = "\033[1;31m", [COLOUR_YELLOW] = "\033[1;33m", [COLOUR_GREEN] = "\033[32m",
        [COLOUR_CYAN] = "\033[36m",
};

const char *style_on(const struct style *style, enum colour colour) {
        return style->colour ? colour_codes[colour] : "";
}

const char *style_off(const struct style *style, enum colour colour) {
        return style->colour && colour != COLOUR_NONE ? "\033[0m" : "";
}

void style_print(const struct style *style, FILE *f, enum colour colour, const char *format, ...) {
        va_list ap;

        fputs(style_on(style, colour), f);
        va_start(ap, format);
        (void)vfprintf(f, format, ap); /* a failed stream is found out when it is closed */
        va_end(ap);
        fputs(style_off(style, colour), f);
}

void style_heading(const struct style *style, FILE *f, const char *format, ...) {
        va_list ap;

        fprintf(f, "\n%s", style_on(style, COLOUR_BOLD));
        va_start(ap, format);
        (void)vfprintf(f, format, ap); /* see above */
        va_end(ap);
        fprintf(f, "%s\n", style_off(style, COLOUR_BOLD));
}

void style_label(const struct style *style, FILE *f, enum colour colour, unsigned width, const char *text) {
        unsigned used = text_width(text);

        style_print(style, f, colour, "%s%*s", text, used < width ? (int)(width - used) : 0, "");
}

/* One character: its bytes and its code; bytes that belong to none come alone, as -1. */
static size_t text_decode(const char *text, int32_t *ret_c) {
        const unsigned char *p = (const unsigned char *)text;
        size_t n = utf8_sequence(text, strnlen(text, 4));
        int32_t c = n == 1 ? *p : n > 1 ? *p & (0xff >> (n + 1)) : -1;

        for (size_t i = 1; i < n; i++)
                c = c << 6 | (p[i] & 0x3f);

        *ret_c = c;
        return MAX(n, (size_t)1);
}

static unsigned char_width(int32_t c) {
        int w = c < 0 ? 1 : wcwidth((wchar_t)c);

        return w < 0 ? 1 : (unsigned)w;
}

static unsigned text_width_n(const char *text, size_t n) {
        const char *end = text + n;
        unsigned width = 0;
        int32_t c;

        while (text < end) {
                text += text_decode(text, &c);
                width += char_width(c);
        }

        return width;
}

unsigned text_width(const char *text) {
        return text_width_n(text, strlen(text));
}

/* C0, DEL, C1, and the marks that change the direction of writing: a task may call itself anything. */
static bool is_unprintable(int32_t c) {
        return c < 0x20 /* also -1 */ || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
               (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

char *text_sanitize(const char *text) {
        char *copy, *p;

        copy = malloc(strlen(text) + 1);
        if (!copy)
                return NULL;

        for (p = copy; *text;) {
                int32_t c;
                size_t n = text_decode(text, &c);

                if (is_unprintable(c))
                        *p++ = '?';
                else
                        p = mempcpy(p, text, n);
                text += n;
        }

        *p = '\0';
        return copy;
}

struct text_part text_fit(const char *text, unsigned width, bool utf8) {
        struct text_part part = { .ellipsis = utf8 ? "…" : ".." };
        unsigned all = text_width(text);
        int32_t c;

        if (all <= width)
                return (struct text_part){ .n = strlen(text), .ellipsis = "", .width = all };

        part.width = text_width(part.ellipsis);
        if (part.width > width)
                return (struct text_part){ .ellipsis = "" };

        for (;;) {
                size_t n = text_decode(text + part.n, &c);

                if (part.width + char_width(c) > width)
                        return part;
                part.width += char_width(c);
                part.n += n;
        }
}

static bool is_unit(const char *word, size_t n) {
        static const char *const units[] = { "ns", "us", "ms", "s", "%" };

        n -= n > 0 && strchr(",;.:)", word[n - 1]);
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (n == strlen(units[i]) && memcmp(word, units[i], n) == 0)
                        return true;

        return false;
}

/* Chinese has no blanks between words: a line may end at any character but before these. */
static bool is_closing(int32_t c) {
        return c == 0x2026 || c == 0x3001 || c == 0x3002 || c == 0x300b || c == 0x300d || c == 0x2019 || c == 0x201d ||
               c == 0xff01 || c == 0xff09 || c == 0xff0c || c == 0xff1a || c == 0xff1b || c == 0xff1f;
}

/* Length of what stands before a place where a line of wide characters may end: one of these with the marks that
 * close it, or the word in front of them; at most n. */
static size_t wrap_wide(const char *text, size_t n) {
        size_t used = 0, length;
        bool wide = false;
        int32_t c;

        while (used < n) {
                length = text_decode(text + used, &c);
                if (used > 0 && !is_closing(c) && (wide || char_width(c) == 2))
                        return used;
                wide |= char_width(c) == 2;
                used += length;
        }

        return n;
}

/* Length of what must stay on one line: a word, a number with its unit, or a quoted command that can be
 * copied only in one piece, unless that takes more than room. */
static size_t wrap_unit(const char *text, unsigned room) {
        size_t n = wrap_wide(text, strcspn(text, " \n")), next;
        const char *quote = memchr(text, '"', n), *end;

        if (quote && (end = strchr(quote + 1, '"')) && !memchr(quote, '\n', (size_t)(end - quote))) {
                size_t quoted = (size_t)(end - text) + wrap_wide(end, strcspn(end, " \n"));

                if (quoted <= room)
                        return MAX(n, quoted);
        }

        if (n > 0 && text[n] == ' ' && text[n - 1] >= '0' && text[n - 1] <= '9') {
                next = strcspn(text + n + 1, " \n");
                if (is_unit(text + n + 1, next))
                        n += 1 + next;
        }

        return n;
}

/* Each line has its own colour sequences: pagers forget colours at the end of a line. */
static void wrap_line_end(const struct style *style, FILE *f, unsigned column, enum colour colour) {
        fprintf(f, "%s\n%*s%s", style_off(style, colour), (int)column, "", style_on(style, colour));
}

void style_wrap(const struct style *style, FILE *f, unsigned column, enum colour colour, const char *text) {
        unsigned limit = style->unwrapped ? UINT_MAX
                         : style->width   ? MIN(style->width, (unsigned)PROSE_WIDTH_MAX)
                                          : PROSE_WIDTH_MAX;
        unsigned x = column;

        fputs(style_on(style, colour), f);
        while (*text) {
                size_t blanks = strspn(text, " ");
                size_t n = wrap_unit(text + blanks, limit > column ? limit - column : 0);
                unsigned w = text_width_n(text + blanks, n);

                if (x > column && x + (unsigned)blanks + w > limit) {
                        wrap_line_end(style, f, column, colour);
                        x = column;
                } else {
                        fprintf(f, "%*s", (int)blanks, "");
                        x += (unsigned)blanks;
                }

                (void)fwrite(text + blanks, 1, n, f); /* a failed stream is found out when it is closed */
                x += w;
                text += blanks + n;
                if (*text == '\n') {
                        wrap_line_end(style, f, column, colour);
                        x = column;
                        text++;
                }
        }

        fprintf(f, "%s\n", style_off(style, colour));
}
