/* SPDX-License-Identifier: Apache-2.0 */

#include "client/compare.h"

#include <string.h>

#include "client/compare-figures.h"
#include "client/field.h"
#include "common/cleanup.h"
#include "common/json-build.h"
#include "common/json-strict.h"

/* A change: its score decides on the order, the JSON object is what is told. */
struct change {
        double score;
        struct json_object *object; /* owned */
};

struct changes {
        struct change *items;
        size_t n, n_allocated;
};

static void changes_done(struct changes *changes) {
        for (size_t i = 0; i < changes->n; i++)
                json_putp(&changes->items[i].object);
        free(changes->items);
}

/* Consumes the object; NULL: it could not be made. */
static int changes_add(struct changes *changes, double score, struct json_object *object) {
        _cleanup_(json_putp) struct json_object *owned = object;
        size_t n = MAX(changes->n_allocated * 2, (size_t)32);
        struct change *items;

        if (!object)
                return -ENOMEM;
        if (changes->n == changes->n_allocated) {
                items = reallocarray(changes->items, n, sizeof(*items));
                if (!items)
                        return -ENOMEM;
                changes->items = items;
                changes->n_allocated = n;
        }

        changes->items[changes->n++] = (struct change){ .score = score, .object = TAKE_PTR(owned) };
        return 0;
}

static struct json_object *change_object(const char *kind, const char *subject, const char *measure,
                                         const char *unit, const char *change) {
        _cleanup_(json_putp) struct json_object *object = json_object_new_object();

        if (!object || json_add_text(object, "kind", kind) < 0 ||
            json_add_text(object, "subject", subject) < 0 || json_add_text(object, "measure", measure) < 0 ||
            (unit ? json_add_text(object, "unit", unit) : json_add_null(object, "unit")) < 0 ||
            json_add_text(object, "change", change) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static struct json_object *figure_object(const struct figure *figure) {
        const struct figure_rule *rule = &compare_rules[figure->type];
        double then = figure->values[THEN], now = figure->values[NOW];
        const char *change = now > then ? (then > 0 ? "more" : "new") : (now > 0 ? "less" : "gone");
        _cleanup_(json_putp) struct json_object *object =
                change_object(rule->kind, figure->subject, rule->measure, rule->unit, change);

        if (!object || json_add(object, "then", json_object_new_double(then)) < 0 ||
            json_add(object, "now", json_object_new_double(now)) < 0 ||
            (then > 0 && now > 0 ? json_add(object, "ratio", json_object_new_double(now / then))
                                 : json_add_null(object, "ratio")) < 0)
                return NULL;
        return TAKE_PTR(object);
}

/* Of a culprit's windows one line says enough where the number of them says it. */
static bool is_told(const struct compare *compare, const struct figure *figure) {
        if (figure->type != WINDOWS_TOTAL && (figure->type != WINDOWS_WORST || figure->values[NOW] > 0))
                return false;

        for (size_t i = 0; i < compare->n_figures; i++)
                if (compare->figures[i].type == WINDOWS_COUNT &&
                    strcmp(compare->figures[i].key, figure->key) == 0)
                        return compare_score(compare, &compare->figures[i]) > 0;

        return false;
}

static int add_figures(const struct compare *compare, struct changes *changes) {
        for (size_t i = 0; i < compare->n_figures; i++) {
                double score = compare_score(compare, &compare->figures[i]);
                int r;

                if (score <= 0 || is_told(compare, &compare->figures[i]))
                        continue;
                r = changes_add(changes, score, figure_object(&compare->figures[i]));
                if (r < 0)
                        return r;
        }

        return 0;
}

static int severity_rank(struct json_object *finding) {
        const char *severity = field_string(finding, "severity");

        return !severity                           ? 0
               : strcmp(severity, "critical") == 0 ? 2
               : strcmp(severity, "warning") == 0  ? 1
                                                   : 0;
}

static struct json_object *find_finding(struct json_object *report, struct json_object *wanted) {
        struct json_object *findings = field_array(report, "findings");

        for (size_t i = 0; i < array_length(findings); i++) {
                struct json_object *finding = array_at(findings, i);

                if (strcmp(field_string(finding, "code") ?: "", field_string(wanted, "code") ?: "") == 0 &&
                    strcmp(field_string(finding, "subject") ?: "", field_string(wanted, "subject") ?: "") ==
                            0)
                        return finding;
        }

        return NULL;
}

static struct json_object *finding_object(struct json_object *then, struct json_object *now,
                                          const char *change) {
        struct json_object *finding = now ?: then;
        _cleanup_(json_putp) struct json_object *object =
                change_object("finding", field_string(finding, "subject") ?: "",
                              field_string(finding, "code") ?: "?", NULL, change);

        if (!object ||
            (then ? json_add_text(object, "then", field_string(then, "severity") ?: "?")
                  : json_add_null(object, "then")) < 0 ||
            (now ? json_add_text(object, "now", field_string(now, "severity") ?: "?")
                 : json_add_null(object, "now")) < 0 ||
            json_add_null(object, "ratio") < 0)
                return NULL;
        return TAKE_PTR(object);
}

/* Before all figures: what is judged counts for more than what is only counted. Those of severity info are
 * not. */
#define FINDING_SCORE 1e12
/* What was recorded, not what the machine did: after all else. */
#define RECORDING_SCORE 0.1

static double finding_weight(struct json_object *finding) {
        static const char *const codes[] = { "collector-gap", "collector-degraded", "coverage-low",
                                             "not-recorded", "windows-not-recorded" };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (strcmp(field_string(finding, "code") ?: "", codes[i]) == 0)
                        return RECORDING_SCORE;

        return FINDING_SCORE;
}

static int add_finding(struct changes *changes, struct json_object *then, struct json_object *now) {
        int was = then ? severity_rank(then) : 0, is = now ? severity_rank(now) : 0;
        const char *change = was == 0 ? "new" : is == 0 ? "gone" : is > was ? "worse" : "better";

        if (was == is)
                return 0;

        return changes_add(changes, finding_weight(now ?: then) * (is > was ? 2 + is : was),
                           finding_object(was > 0 ? then : NULL, is > 0 ? now : NULL, change));
}

static int add_findings(const struct compare *compare, struct changes *changes) {
        struct json_object *then = compare->sides[THEN]->report, *now = compare->sides[NOW]->report;
        struct json_object *findings = field_array(now, "findings");
        int r = 0;

        for (size_t i = 0; r >= 0 && i < array_length(findings); i++)
                r = add_finding(changes, find_finding(then, array_at(findings, i)), array_at(findings, i));

        findings = field_array(then, "findings");
        for (size_t i = 0; r >= 0 && i < array_length(findings); i++)
                if (!find_finding(now, array_at(findings, i)))
                        r = add_finding(changes, array_at(findings, i), NULL);
        return r;
}

static int compare_changes(const void *a, const void *b) {
        const struct change *x = a, *y = b;

        if (x->score != y->score)
                return x->score < y->score ? 1 : -1;
        return strcmp(field_string(x->object, "subject") ?: "", field_string(y->object, "subject") ?: "");
}

static struct json_object *side_object(const struct compare *compare, int side) {
        static const char *const keys[] = { "hostname",  "bootId", "sinceUsec",
                                            "untilUsec", "tier",   "eventsLeftOut" };
        _cleanup_(json_putp) struct json_object *object = json_object_new_object();
        double watched_ns = compare->watched_hours[side] * 3600 * (double)NSEC_PER_SEC;

        for (size_t i = 0; object && i < ELEMENTSOF(keys); i++) {
                struct json_object *value = NULL;

                (void)json_object_object_get_ex(compare->sides[side]->report, keys[i],
                                                &value); /* false: NULL */
                if (json_object_object_add(object, keys[i], json_object_get(value)) != 0)
                        return NULL;
        }
        if (!object || json_add(object, "watchedNsec", json_object_new_int64((int64_t)watched_ns)) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static int make_result(const struct compare *compare, struct changes *changes,
                       struct json_object **ret_result) {
        _cleanup_(json_putp) struct json_object *result = json_object_new_object(),
                                                *array = json_object_new_array();

        if (!result || !array)
                return -ENOMEM;
        for (size_t i = 0; i < changes->n; i++)
                if (json_array_append(array, TAKE_PTR(changes->items[i].object)) < 0)
                        return -ENOMEM;
        if (json_add(result, "then", side_object(compare, THEN)) < 0 ||
            json_add(result, "now", side_object(compare, NOW)) < 0 ||
            json_add(result, "changes", TAKE_PTR(array)) < 0)
                return -ENOMEM;

        *ret_result = TAKE_PTR(result);
        return 0;
}

int compare_reports(const struct compare_side *then, const struct compare_side *now,
                    struct json_object **ret_result) {
        _cleanup_(compare_done) struct compare compare = { .sides = { then, now } };
        _cleanup_(changes_done) struct changes changes = {};
        int r;

        r = compare_fill(&compare);
        if (r >= 0)
                r = add_findings(&compare, &changes);
        if (r >= 0)
                r = add_figures(&compare, &changes);
        if (r < 0)
                return r;

        if (changes.n > 0)
                qsort(changes.items, changes.n, sizeof(*changes.items), compare_changes);
        return make_result(&compare, &changes, ret_result);
}
