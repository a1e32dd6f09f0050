/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/config-suggest.h"

#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"

enum { NAME_MAX_BYTES = 63 };

static int same(char a, char b) {
        return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment; rows[] are the current and the two rows before it. */
static void distance_row(const char *a, const char *b, size_t i, size_t n_b,
                         size_t rows[3][NAME_MAX_BYTES + 1]) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
                size_t best = above[j - 1] + !same(a[i - 1], b[j - 1]);

                best = MIN(best, above[j] + 1);
                best = MIN(best, row[j - 1] + 1);
                if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                        best = MIN(best, above2[j - 2] + 1);
                row[j] = best;
        }
}

size_t suggest_distance(const char *a, const char *b, size_t limit) {
        size_t rows[3][NAME_MAX_BYTES + 1] = {};
        size_t n_a = strlen(a), n_b = strlen(b);

        if (n_a > NAME_MAX_BYTES || n_b > NAME_MAX_BYTES || MAX(n_a, n_b) - MIN(n_a, n_b) > limit)
                return limit + 1;

        for (size_t j = 0; j <= n_b; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= n_a; i++)
                distance_row(a, b, i, n_b, rows);

        return rows[n_a % 3][n_b];
}

const char *suggest(const char *typed, const char *const *names, size_t n) {
        const char *best = NULL;
        size_t best_distance = 0;

        for (size_t i = 0; i < n; i++) {
                size_t limit = MAX(strlen(names[i]) / 3, (size_t)1);
                size_t distance = suggest_distance(typed, names[i], limit);

                if (distance <= limit && (!best || distance < best_distance)) {
                        best = names[i];
                        best_distance = distance;
                }
        }

        return best;
}
