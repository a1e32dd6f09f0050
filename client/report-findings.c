/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The report's findings: what is wrong in a sentence, when, and the first thing to do; with --finding also
 * what it rests on and the whole advice. What another finding explains is only named.
 */

#include <ctype.h>
#include <string.h>

#include "client/i18n.h"
#include "client/phrases.h"
#include "client/field.h"
#include "client/verbs.h"

enum { FINDING_INDENT = 10 };

/* Numbers to look something up by: the advice has them as commands. */
static bool is_reference(const char *name) {
        size_t n = strlen(name);

        return n > 2 && strcmp(name + n - 2, "Id") == 0;
}

/* "evidence: steal 51.0 ms, windows 3" */
static int render_evidence(const struct style *style, struct json_object *evidence, unsigned indent,
                           FILE *f) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *memory;
        int r = 0;

        if (!evidence || json_object_object_length(evidence) == 0)
                return 0;

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        json_object_object_foreach(evidence, name, value) {
                _cleanup_(freep) char *words = NULL;

                (void)value;
                if (r >= 0 && !is_reference(name))
                        r = evidence_words(evidence, name, &words);
                if (words)
                        fprintf(memory, "%s%s", ftell(memory) > 0 ? ", " : "", words);
        }
        if (fclose(memory) != 0 || r < 0)
                return -ENOMEM;
        if (!*text)
                return 0;

        fprintf(f, "%*s", (int)indent, "");
        style_print(style, f, COLOUR_DIM, _("evidence: "));
        style_wrap(style, f, indent + text_width(_("evidence: ")), COLOUR_DIM, text);
        return 0;
}

/* Cuts after the first sentence: what to do first. A point that ends one is followed by a blank and a
 * capital, and does not stand in a quoted command. The full stop of Chinese is one wherever it stands. */
static void cut_advice(char *advice) {
        static const char full_stop[] = "\u3002";
        bool quoted = false;

        for (char *p = advice; *p; p++) {
                quoted ^= *p == '"';
                if (!quoted && strncmp(p, full_stop, strlen(full_stop)) == 0) {
                        p[strlen(full_stop)] = '\0';
                        return;
                }
                if (*p == '.' && p[1] == ' ' && !quoted && (isupper((unsigned char)p[2]) || p[2] == '"')) {
                        p[1] = '\0';
                        return;
                }
        }
}

/* "CPU 1: ... [syn-flood, 14:03:10 - 14:03:20]" */
static int format_finding(const struct style *style, struct json_object *finding, char **ret_text) {
        const char *subject = field_string(finding, "subject"), *text = field_string(finding, "text") ?: "";
        uint64_t since = field_u64(finding, "sinceUsec"), until = field_u64(finding, "untilUsec");
        bool named = !subject || strstr(text, subject);
        char a[FIELD_TEXT_MAX], b[FIELD_TEXT_MAX];
        _cleanup_(freep) char *sentence = NULL, *translated = phrase_translate(text);

        if (!translated)
                return -ENOMEM;
        if (asprintf(&sentence, "%s%s%s [%s%s%s%s%s]", named ? "" : subject, named ? "" : ": ", translated,
                     field_string(finding, "code") ?: "?", until > 0 ? ", " : "",
                     until > 0 ? format_moment(since, style->now_us, false, a) : "",
                     until > since ? " - " : "",
                     until > since
                             ? format_moment(until, same_day(since, until) ? until : style->now_us, false, b)
                             : "") < 0) {
                sentence = NULL;
                return -ENOMEM;
        }

        *ret_text = text_sanitize(sentence);
        return *ret_text ? 0 : -ENOMEM;
}

static int render_finding(const struct style *style, struct json_object *finding, bool detailed, FILE *f) {
        const char *severity = field_string(finding, "severity") ?: "info";
        _cleanup_(freep) char *sentence = NULL, *advice = NULL, *translated = NULL, *label = text_sanitize(severity);
        int r;

        r = format_finding(style, finding, &sentence);
        if (r < 0)
                return r;
        translated = phrase_translate(field_string(finding, "advice") ?: "");
        advice = translated ? text_sanitize(translated) : NULL;
        if (!advice || !label)
                return -ENOMEM;

        for (char *p = label; *p; p++)
                *p = (char)toupper((unsigned char)*p);
        style_print(style, f, severity_colour(severity), "%-*s", FINDING_INDENT, label);
        style_wrap(style, f, FINDING_INDENT, COLOUR_NONE, sentence);
        if (detailed)
                r = render_evidence(style, field_object(finding, "evidence"), FINDING_INDENT, f);
        else
                cut_advice(advice);
        if (*advice) {
                fprintf(f, "%*s-> ", FINDING_INDENT, "");
                style_wrap(style, f, FINDING_INDENT + 3, COLOUR_NONE, advice);
        }

        return r;
}

/* "explained by syn-flood: softirq-imbalance, ksoftirqd-saturated" */
static int render_explained(const struct style *style, struct json_object *findings, FILE *f) {
        _cleanup_(freep) char *text = NULL, *safe = NULL;
        const char *last = NULL;
        size_t size = 0;
        FILE *memory;

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        for (size_t i = 0; i < array_length(findings); i++) {
                struct json_object *finding = array_at(findings, i);
                const char *by = field_string(finding, "explainedBy");

                if (!by)
                        continue;
                if (!last || strcmp(by, last) != 0)
                        {
                        fputs(last ? ". " : "", memory);
                        fprintf(memory, _("Explained by %s: "), by);
                }
                else
                        fputs(", ", memory);
                fputs(field_string(finding, "code") ?: "?", memory);
                last = by;
        }
        if (fclose(memory) != 0)
                return -ENOMEM;
        if (!last)
                return 0;

        safe = text_sanitize(text);
        if (!safe)
                return -ENOMEM;
        fprintf(f, "\n%*s", FINDING_INDENT, "");
        style_wrap(style, f, FINDING_INDENT, COLOUR_DIM, safe);
        return 0;
}

int render_findings(const struct style *style, struct json_object *report, FILE *f) {
        struct json_object *findings = field_array(report, "findings");
        int r;

        if (array_length(findings) == 0)
                return render_no_findings(style, report, f);

        for (size_t i = 0; i < array_length(findings); i++) {
                if (field_has(array_at(findings, i), "explainedBy"))
                        continue;
                fputc('\n', f);
                r = render_finding(style, array_at(findings, i), false, f);
                if (r < 0)
                        return r;
        }

        r = render_explained(style, findings, f);
        if (r < 0)
                return r;
        fprintf(f, "\n%*s", FINDING_INDENT, "");
        style_wrap(style, f, FINDING_INDENT, COLOUR_DIM,
                   _("irqctl report --finding CODE: what one rests on, and all of the advice"));
        return 0;
}

static bool is_named_before(struct json_object *findings, size_t i) {
        const char *own = field_string(array_at(findings, i), "code") ?: "?";

        while (i-- > 0)
                if (strcmp(field_string(array_at(findings, i), "code") ?: "?", own) == 0)
                        return true;

        return false;
}

static int write_codes(FILE *f, struct json_object *findings) {
        for (size_t i = 0; i < array_length(findings); i++) {
                _cleanup_(freep) char *safe = NULL;

                if (is_named_before(findings, i))
                        continue;
                safe = text_sanitize(field_string(array_at(findings, i), "code") ?: "?");
                if (!safe)
                        return -ENOMEM;
                fprintf(f, "%s %s", i > 0 ? "," : "", safe);
        }

        return 0;
}

/* A code that is misspelt must not read like a clean bill of health: those that there are, are named. */
static int render_no_such_finding(const struct style *style, struct json_object *findings, const char *code,
                                  FILE *f) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *memory;
        int r;

        if (array_length(findings) == 0) {
                fprintf(f, _("no finding %s in this span\n"), code);
                return 0;
        }

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        fprintf(memory, _("no finding %s in this span, which has:"), code);
        r = write_codes(memory, findings);
        if (fclose(memory) != 0 || r < 0)
                return -ENOMEM;

        style_wrap(style, f, 0, COLOUR_NONE, text);
        return 0;
}

int render_findings_of(const struct style *style, struct json_object *report, const char *code, FILE *f) {
        struct json_object *findings = field_array(report, "findings");
        size_t n = 0;
        int r;

        for (size_t i = 0; i < array_length(findings); i++) {
                struct json_object *finding = array_at(findings, i);
                const char *by = field_string(finding, "explainedBy"), *own = field_string(finding, "code");

                if (!own || strcmp(own, code) != 0)
                        continue;
                if (n++ > 0)
                        fputc('\n', f);
                r = render_finding(style, finding, true, f);
                if (r < 0)
                        return r;
                if (by)
                        {
                        fprintf(f, "%*s", FINDING_INDENT, "");
                        fprintf(f, _("Explained by %s.\n"), by);
                }
        }

        return n > 0 ? 0 : render_no_such_finding(style, findings, code, f);
}
