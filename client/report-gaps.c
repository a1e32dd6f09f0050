/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The report's "Gaps": what nothing was recorded of, and why. Collectors that paused together are told
 * together: before the daemon's start all of them have a gap, each until its own first pass.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client/field.h"
#include "client/i18n.h"
#include "client/phrases.h"
#include "client/verbs.h"
#include "common/parse.h"

enum {
        GAPS_MAX = 8, /* lines */
};

#define TOGETHER_USEC (2 * USEC_PER_SEC) /* their ends may differ by a pass */

static bool near(uint64_t a, uint64_t b) {
        return (a > b ? a - b : b - a) <= TOGETHER_USEC;
}

static bool gaps_are_one(struct json_object *a, struct json_object *b) {
        const char *x = field_string(a, "reason"), *y = field_string(b, "reason");

        return near(field_u64(a, "sinceUsec"), field_u64(b, "sinceUsec")) &&
               near(field_u64(a, "untilUsec"), field_u64(b, "untilUsec")) && strcmp(x ?: "", y ?: "") == 0;
}

static bool gap_is_told(struct json_object *gaps, const size_t *told, size_t n_told, size_t index) {
        for (size_t i = 0; i < n_told; i++)
                if (gaps_are_one(array_at(gaps, told[i]), array_at(gaps, index)))
                        return true;
        return false;
}

/* "affinity, interrupts": all collectors whose gap is this one. */
static int gap_collectors(struct json_object *gaps, size_t index, char **ret_text) {
        size_t size = 0;
        FILE *memory;

        memory = open_memstream(ret_text, &size);
        if (!memory)
                return -ENOMEM;
        for (size_t i = index; i < array_length(gaps); i++) {
                struct json_object *gap = array_at(gaps, i);

                if (gaps_are_one(gap, array_at(gaps, index)))
                        fprintf(memory, "%s%s", i > index ? ", " : "", field_string(gap, "collector") ?: "?");
        }
        return fclose(memory) == 0 ? 0 : -ENOMEM;
}

/* "interrupts, 14:06:30 - 14:06:33 (3.50 s): why" */
static int render_gap(const struct style *style, struct json_object *gaps, size_t index, FILE *f) {
        struct json_object *gap = array_at(gaps, index);
        uint64_t since = field_u64(gap, "sinceUsec"), until = field_u64(gap, "untilUsec");
        char a[FIELD_TEXT_MAX], b[FIELD_TEXT_MAX], length[DURATION_TEXT_MAX];
        _cleanup_(freep) char *collectors = NULL, *text = NULL, *safe = NULL, *reason = NULL;
        int r;

        r = gap_collectors(gaps, index, &collectors);
        if (r < 0)
                return r;
        reason = phrase_translate(field_string(gap, "reason") ?: _("reason not known"));
        if (!reason)
                return -ENOMEM;
        if (asprintf(&text, "%s, %s - %s (%s): %s", collectors, format_moment(since, style->now_us, false, a),
                     format_moment(until, same_day(since, until) ? until : style->now_us, false, b),
                     format_duration(until > since ? (until - since) * NSEC_PER_USEC : 0, length),
                     reason) < 0) {
                text = NULL;
                return -ENOMEM;
        }

        safe = text_sanitize(text);
        if (!safe)
                return -ENOMEM;

        fputs("  ", f);
        style_wrap(style, f, 4, COLOUR_NONE, safe);
        return 0;
}

int render_gaps(const struct style *style, struct json_object *report, FILE *f) {
        struct json_object *gaps = field_array(report, "gaps");
        size_t told[GAPS_MAX], n_told = 0, n_more = 0;
        int r;

        if (array_length(gaps) == 0)
                return 0;

        style_heading(style, f, _("Gaps: nothing was recorded here"));
        for (size_t i = 0; i < array_length(gaps); i++) {
                if (gap_is_told(gaps, told, n_told, i))
                        continue;
                if (n_told == GAPS_MAX) {
                        n_more++;
                        continue;
                }
                r = render_gap(style, gaps, i, f);
                if (r < 0)
                        return r;
                told[n_told++] = i;
        }

        if (n_more > 0)
                fprintf(f, _("  ... and %zu more gaps (--json=pretty has all)\n"), n_more);
        return 0;
}
