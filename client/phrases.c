/* SPDX-License-Identifier: Apache-2.0 */

#include "client/phrases.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "client/i18n.h"
#include "common/cleanup.h"

enum {
        NUMBERS_MAX = 10, /* %1$s to %9$s; [0] is not used */
        DEPTH_MAX = 8,    /* parts within parts */
};

/* What stood in the place of a number. */
struct part {
        const char *text;
        size_t n;
};

/* The next piece of a pattern: a number (returned), or a literal of *ret_n bytes (0), or its end (-1). */
static int next_piece(const char **pattern, const char **ret_literal, size_t *ret_n) {
        const char *p = *pattern;

        if (!*p)
                return -1;
        if (p[0] == '%' && p[1] >= '1' && p[1] <= '9') {
                *pattern = p + strlen("%1$s");
                return p[1] - '0';
        }

        *ret_literal = p;
        *ret_n = strcspn(p, "%");
        *pattern = p + *ret_n;
        if (*ret_n == 0) { /* %% */
                *ret_n = 1;
                *pattern = p + 2;
        }
        return 0;
}

/* The last place in text where a literal stands, or else the first: NULL if there is none. */
static const char *find_literal(const struct part *text, const char *literal, size_t n, bool last) {
        const char *found = NULL;

        for (const char *p = text->text; p + n <= text->text + text->n; p++)
                if (memcmp(p, literal, n) == 0) {
                        found = p;
                        if (!last)
                                break;
                }

        return found;
}

/* Whether text is what the pattern says. A number at its begin takes as much as it can, so that what was
 * appended piece by piece is taken apart from its end; the others take as little as they can. Nothing is
 * tried twice. */
static bool match(const char *pattern, struct part text, struct part parts[NUMBERS_MAX]) {
        int pending = 0; /* a number whose end is not known yet */
        const char *const begin = pattern;
        const char *literal = "", *at;
        bool first = false;
        size_t n = 0;
        int number;

        while ((number = next_piece(&pattern, &literal, &n)) >= 0) {
                if (number > 0) {
                        first = pattern == begin + strlen("%1$s");
                        pending = number;
                        continue;
                }

                at = *pattern ? find_literal(&text, literal, n, first)
                     : text.n >= n && memcmp(text.text + text.n - n, literal, n) == 0 ? text.text + text.n - n
                                                                                      : NULL;
                if (!at || (pending == 0 && at != text.text))
                        return false;
                if (pending > 0)
                        parts[pending] = (struct part){ text.text, (size_t)(at - text.text) };
                text.n -= (size_t)(at - text.text) + n;
                text.text = at + n;
                pending = 0;
                first = false;
        }

        if (pending > 0)
                parts[pending] = text;
        return pending > 0 || text.n == 0;
}

static void write_text(const char *const *patterns, struct part text, unsigned depth, FILE *f);

static void write_translated(const char *translated, const struct part parts[NUMBERS_MAX], unsigned depth,
                             FILE *f) {
        const char *literal;
        size_t n;
        int number;

        while ((number = next_piece(&translated, &literal, &n)) >= 0) {
                if (number > 0)
                        write_text(phrases_parts, parts[number], depth + 1, f);
                else
                        fwrite(literal, 1, n, f);
        }
}

static void write_text(const char *const *patterns, struct part text, unsigned depth, FILE *f) {
        for (size_t i = 0; depth < DEPTH_MAX && text.n > 0 && patterns[i]; i++) {
                const char *translated = gettext(patterns[i]);
                struct part parts[NUMBERS_MAX] = {};

                if (translated != patterns[i] && match(patterns[i], text, parts)) {
                        write_translated(translated, parts, depth, f);
                        return;
                }
        }

        fwrite(text.text, 1, text.n, f);
}

char *phrase_translate(const char *text) {
        _cleanup_(freep) char *translated = NULL;
        size_t size = 0;
        FILE *f;

        f = open_memstream(&translated, &size);
        if (!f)
                return NULL;

        write_text(phrases_sentences, (struct part){ text, strlen(text) }, 0, f);
        return fclose(f) == 0 ? TAKE_PTR(translated) : NULL;
}
