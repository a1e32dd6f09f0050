/* SPDX-License-Identifier: Apache-2.0 */

#include "client/html-findings.h"

#include <string.h>

#include "client/field.h"
#include "client/html-table.h"
#include "client/i18n.h"
#include "client/phrases.h"
#include "client/verbs.h"
#include "common/cleanup.h"

static bool html_ends_sentence(const char *line) {
        static const char *const stops[] = { ".", "!", "?", "\u3002" };
        size_t n = strlen(line);

        for (size_t i = 0; i < ELEMENTSOF(stops); i++)
                if (n >= strlen(stops[i]) && strcmp(line + n - strlen(stops[i]), stops[i]) == 0)
                        return true;

        return false;
}

/* Lines of a terminal, each a sentence on its own there: here they follow each other. An empty line ends a
 * paragraph. */
static void html_paragraphs(FILE *f, char *text) {
        bool any = false;

        for (char *line; (line = strsep(&text, "\n"));) {
                line += strspn(line, " ");
                if (!*line) {
                        (void)fputs(any && text && *text ? "</p>\n<p class=\"lead\">" : "", f);
                        any = false;
                        continue;
                }

                if (*line >= 'a' && *line <= 'z')
                        *line = (char)(*line - 'a' + 'A');
                html_text(f, line);
                (void)fputs(html_ends_sentence(line) ? "" : _("."), f);
                (void)fputc('\n', f);
                any = true;
        }
}

/* The text report's first lines are the page's, too. */
static int html_lead(FILE *f, struct json_object *report, uint64_t now_us) {
        const struct style style = { .utf8 = true, .now_us = now_us, .unwrapped = true };
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *memory;
        int r;

        memory = open_memstream(&text, &size);
        if (!memory)
                return -ENOMEM;
        r = render_headline(&style, report, memory);
        if (r == 0 && array_length(field_array(report, "findings")) == 0)
                r = render_no_findings(&style, report, memory);
        if (fclose(memory) != 0 || r < 0)
                return -ENOMEM;

        (void)fputs("<p class=\"lead\">", f);
        html_paragraphs(f, text);
        (void)fputs("</p>\n", f);
        return 0;
}

/* "evidence: steal 51.0 ms, windows 3", as the text report has it. */
static int html_evidence(FILE *f, struct json_object *evidence) {
        bool any = false;

        if (!evidence)
                return 0;
        json_object_object_foreach(evidence, name, value) {
                _cleanup_(freep) char *words = NULL;

                (void)value;
                if (evidence_words(evidence, name, &words) < 0)
                        return -ENOMEM;
                if (!words)
                        continue;
                (void)fputs(any ? ", " : "<p class=\"evidence\">", f);
                html_text(f, any ? NULL : _("Evidence: "));
                html_text(f, words);
                any = true;
        }
        if (any)
                (void)fputs("</p>", f);
        return 0;
}

/* A sentence of the daemon's, in the user's language. */
static int html_phrase(FILE *f, const char *text) {
        _cleanup_(freep) char *translated = phrase_translate(text ?: "");

        html_text(f, translated);
        return translated ? 0 : -ENOMEM;
}

static int html_finding(FILE *f, struct json_object *finding) {
        const char *severity = field_string(finding, "severity") ?: "info";
        const char *class = strcmp(severity, "critical") == 0  ? "critical"
                            : strcmp(severity, "warning") == 0 ? "warning"
                                                               : "info";

        (void)fprintf(f, "<li class=\"%s\"><p><strong>%s</strong> ", class, class);
        if (html_phrase(f, field_string(finding, "text")) < 0)
                return -ENOMEM;
        (void)fputs("</p>", f);
        if (html_evidence(f, field_object(finding, "evidence")) < 0)
                return -ENOMEM;
        if (field_has(finding, "advice")) {
                (void)fputs("<p class=\"advice\">", f);
                if (html_phrase(f, field_string(finding, "advice")) < 0)
                        return -ENOMEM;
                (void)fputs("</p>", f);
        }
        (void)fputs("</li>\n", f);
        return 0;
}

int html_findings(FILE *f, struct json_object *report, uint64_t now_us) {
        struct json_object *findings = field_array(report, "findings");

        if (html_lead(f, report, now_us) < 0)
                return -ENOMEM;
        (void)fputs("<ol class=\"findings\">\n", f);
        for (size_t i = 0; i < array_length(findings); i++)
                if (html_finding(f, array_at(findings, i)) < 0)
                        return -ENOMEM;
        (void)fputs("</ol>\n", f);
        return 0;
}
