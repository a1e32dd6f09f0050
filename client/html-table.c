/* SPDX-License-Identifier: Apache-2.0 */

#include "client/html-table.h"

#include <inttypes.h>
#include <stdarg.h>

#include "client/field.h"
#include "client/flame-text.h"
#include "client/i18n.h"
#include "common/parse.h"

void html_text(FILE *f, const char *text) {
        if (text)
                flame_text_write_xml(f, text);
}

void html_format(FILE *f, const char *format, ...) {
        _cleanup_(freep) char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0)
                text = NULL;
        html_text(f, text ?: "\u2026"); /* without memory it is left open */
}

/* Numbers of CPUs as ranges, words separated by commas. */
static void html_list(FILE *f, struct json_object *array) {
        _cleanup_(freep) char *text = NULL;

        text = json_object_is_type(array_at(array, 0), json_type_int) ? format_cpus(array)
                                                                      : format_strings(array);
        html_text(f, text ?: "\u2026"); /* without memory the list is left open */
}

void html_value_cell(FILE *f, struct json_object *object, const struct html_column *column) {
        char text[DURATION_RANGE_TEXT_MAX + FIELD_TEXT_MAX];

        if (!field_has(object, column->key)) {
                (void)fputs("\u2013", f); /* ferror() is looked at when the page is complete; so below */
                return;
        }

        switch (column->kind) {
        case HTML_COUNT:
                (void)fprintf(f, "%" PRIu64, field_u64(object, column->key));
                break;
        case HTML_RATE:
                (void)fputs(format_count(field_double(object, column->key), text), f);
                break;
        case HTML_NSEC:
                (void)fputs(format_duration(field_u64(object, column->key), text), f);
                break;
        case HTML_SHARE:
                html_text(f, format_cpu_share(field_double(object, column->key), text));
                break;
        case HTML_MOMENT:
                (void)fputs(format_moment(field_u64(object, column->key), field_u64(object, column->key),
                                          true, text),
                            f);
                break;
        case HTML_LIST:
                html_list(f, field_array(object, column->key));
                break;
        case HTML_RANGE:
                (void)fputs(format_duration_range(field_u64(object, column->key),
                                                  field_u64(object, column->other), text),
                            f);
                break;
        default:
                html_text(f, field_string(object, column->key));
        }
}

static bool html_is_number(enum html_kind kind) {
        return kind >= HTML_COUNT && kind != HTML_LIST;
}

static void html_row(FILE *f, struct json_object *object, const struct html_column *columns) {
        (void)fputs("<tr>", f);
        for (const struct html_column *c = columns; c->title; c++) {
                const char *element = c->kind == HTML_NAME      ? "th scope=\"row\""
                                      : html_is_number(c->kind) ? "td class=\"n\""
                                      : c->kind == HTML_LIST    ? "td class=\"list\""
                                                                : "td";

                (void)fprintf(f, "<%s>", element);
                html_value_cell(f, object, c);
                (void)fputs(c->kind == HTML_NAME ? "</th>" : "</td>", f);
        }
        (void)fputs("</tr>\n", f);
}

void html_table(FILE *f, const char *caption, struct json_object *array, const struct html_column *columns,
                size_t n_max) {
        size_t n = array_length(array);

        (void)fputs("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"", f);
        html_text(f, caption);
        (void)fputs("\"><table><caption>", f);
        html_text(f, caption);
        if (n > n_max)
                html_format(f, _(" (the first %zu of %zu)"), n_max, n);
        (void)fputs("</caption>\n<thead><tr>", f);
        for (const struct html_column *c = columns; c->title; c++) {
                (void)fprintf(f, "<th scope=\"col\"%s>", html_is_number(c->kind) ? " class=\"n\"" : "");
                html_text(f, _(c->title));
                (void)fputs("</th>", f);
        }
        (void)fputs("</tr></thead>\n<tbody>\n", f);
        for (size_t i = 0; i < MIN(n, n_max); i++)
                html_row(f, array_at(array, i), columns);
        (void)fputs("</tbody></table></div>\n", f);
}
