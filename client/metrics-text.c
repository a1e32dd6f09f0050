/* SPDX-License-Identifier: Apache-2.0 */

#include "client/metrics-text.h"

#include <inttypes.h>
#include <string.h>

#include "common/utf8.h"

static const char *const type_words[] = {
        [METRICS_COUNTER] = "counter",
        [METRICS_GAUGE] = "gauge",
        [METRICS_HISTOGRAM] = "histogram",
        [METRICS_INFO] = "info",
};
_Static_assert(ELEMENTSOF(type_words) == _METRICS_TYPE_MAX, "a word for each type");

/* What a sample's name ends in. Only OpenMetrics tells a family's name from its samples'. */
static const char *sample_suffix(const struct metrics_family *family) {
        if (family->type == METRICS_COUNTER)
                return "_total";
        return family->type == METRICS_INFO ? "_info" : "";
}

/* OpenMetrics escapes quotes in help, the older format does not know that escape there. */
static void write_help(struct metrics_writer *writer, const char *help) {
        for (; *help; help++) {
                if (*help == '\n')
                        fputs("\\n", writer->f);
                else if (*help == '\\' || (*help == '"' && writer->format == METRICS_OPENMETRICS))
                        fprintf(writer->f, "\\%c", *help);
                else
                        fputc(*help, writer->f);
        }
}

static void write_head(struct metrics_writer *writer) {
        const struct metrics_family *family = writer->family;
        bool open = writer->format == METRICS_OPENMETRICS;
        const char *suffix = open ? "" : sample_suffix(family);
        const char *type = !open && family->type == METRICS_INFO ? "gauge" : type_words[family->type];

        fprintf(writer->f, "# HELP %s%s ", family->name, suffix);
        write_help(writer, family->help);
        fprintf(writer->f, "\n# TYPE %s%s %s\n", family->name, suffix, type);
        if (open && family->unit)
                fprintf(writer->f, "# UNIT %s %s\n", family->name, family->unit);
}

/* Control characters become "\xNN" in words, as the daemon does with bytes that are not UTF-8: two names that
 * differ stay different, and no terminal that shows them is upset. DEL counts as one, and so do the C1
 * controls. */
static size_t write_character(FILE *f, const char *text, size_t size) {
        unsigned char byte = (unsigned char)*text;
        size_t n = utf8_sequence(text, size);

        if (n == 2 && byte == 0xc2 && (unsigned char)text[1] < 0xa0) {
                fprintf(f, "\\\\x%02x", (unsigned char)text[1]);
                return 2;
        }
        if (byte == '\n')
                fputs("\\n", f);
        else if (n == 0 || byte < 0x20 || byte == 0x7f)
                fprintf(f, "\\\\x%02x", byte);
        else if (byte == '"' || byte == '\\')
                fprintf(f, "\\%c", byte);
        else
                (void)fwrite(text, 1, n, f); /* the stream keeps its error */
        return MAX(n, (size_t)1);
}

static void write_label(FILE *f, const struct metrics_label *label, bool first) {
        size_t size = strlen(label->value);

        fprintf(f, "%s%s=\"", first ? "" : ",", label->name);
        for (size_t i = 0; i < size;)
                i += write_character(f, label->value + i, size - i);
        fputc('"', f);
}

static void write_labels(FILE *f, const struct metrics_label *labels, const char *le) {
        bool first = true;

        if ((!labels || !labels->name) && !le)
                return;

        fputc('{', f);
        for (; labels && labels->name; labels++, first = false)
                write_label(f, labels, first);
        if (le)
                fprintf(f, "%sle=\"%s\"", first ? "" : ",", le);
        fputc('}', f);
}

/* Exact, without trailing zeros. */
static void write_seconds(FILE *f, uint64_t ns) {
        uint64_t fraction = ns % NSEC_PER_SEC;
        int digits = 9;

        fprintf(f, "%" PRIu64, ns / NSEC_PER_SEC);
        if (fraction == 0)
                return;
        for (; fraction % 10 == 0; digits--)
                fraction /= 10;
        fprintf(f, ".%0*" PRIu64, digits, fraction);
}

static void write_exemplar(struct metrics_writer *writer, const struct metrics_exemplar *exemplar) {
        if (!exemplar || writer->format != METRICS_OPENMETRICS)
                return;

        fputs(" # ", writer->f);
        if (!exemplar->labels->name)
                fputs("{}", writer->f);
        write_labels(writer->f, exemplar->labels, NULL);
        fputc(' ', writer->f);
        write_seconds(writer->f, exemplar->value_ns);
        fputc(' ', writer->f);
        write_seconds(writer->f, exemplar->time_us * NSEC_PER_USEC);
}

static void begin_sample(struct metrics_writer *writer, const char *suffix,
                         const struct metrics_label *labels, const char *le) {
        if (!writer->opened)
                write_head(writer);

        writer->opened = true;
        writer->n_samples++;
        fputs(writer->family->name, writer->f);
        fputs(suffix, writer->f);
        write_labels(writer->f, labels, le);
        fputc(' ', writer->f);
}

void metrics_family(struct metrics_writer *writer, const struct metrics_family *family) {
        writer->family = family;
        writer->opened = false;
}

void metrics_u64_example(struct metrics_writer *writer, const struct metrics_label *labels, uint64_t value,
                         const struct metrics_exemplar *exemplar) {
        begin_sample(writer, sample_suffix(writer->family), labels, NULL);
        fprintf(writer->f, "%" PRIu64, value);
        write_exemplar(writer, exemplar);
        fputc('\n', writer->f);
}

void metrics_u64(struct metrics_writer *writer, const struct metrics_label *labels, uint64_t value) {
        metrics_u64_example(writer, labels, value, NULL);
}

void metrics_seconds(struct metrics_writer *writer, const struct metrics_label *labels, uint64_t ns) {
        begin_sample(writer, sample_suffix(writer->family), labels, NULL);
        write_seconds(writer->f, ns);
        fputc('\n', writer->f);
}

void metrics_histogram(struct metrics_writer *writer, const struct metrics_label *labels,
                       const struct metrics_bucket *buckets, size_t n, const uint64_t *sum_ns) {
        uint64_t count = 0;

        for (size_t i = 0; i < n; i++) {
                count += buckets[i].count;
                begin_sample(writer, "_bucket", labels, buckets[i].le);
                fprintf(writer->f, "%" PRIu64, count);
                write_exemplar(writer, buckets[i].exemplar);
                fputc('\n', writer->f);
        }
        if (!sum_ns)
                return;

        begin_sample(writer, "_sum", labels, NULL);
        write_seconds(writer->f, *sum_ns);
        fputc('\n', writer->f);
        begin_sample(writer, "_count", labels, NULL);
        fprintf(writer->f, "%" PRIu64 "\n", count);
}

void metrics_end(struct metrics_writer *writer) {
        if (writer->format == METRICS_OPENMETRICS)
                fputs("# EOF\n", writer->f);
}

static size_t count_characters(const char *text) {
        size_t size = strlen(text), n = 0;

        for (size_t i = 0; i < size; n++)
                i += MAX(utf8_sequence(text + i, size - i), (size_t)1);

        return n;
}

/* Bytes of the first n characters, of which each is printable as it is: so no escape makes them more. */
static size_t bytes_of_characters(const char *text, size_t n) {
        size_t size = strlen(text), i = 0;

        for (; i < size && n > 0; n--)
                i += MAX(utf8_sequence(text + i, size - i), (size_t)1);

        return i;
}

void metrics_exemplar_fit(const struct metrics_label *labels, struct metrics_exemplar_labels *ret_fitted) {
        size_t room = METRICS_EXEMPLAR_CHARACTERS, used = 0, n = 0;

        memset(ret_fitted->labels, 0, sizeof(ret_fitted->labels));
        for (; labels->name && n < METRICS_EXEMPLAR_LABELS; labels++) {
                size_t name = strlen(labels->name), bytes;
                char *text = ret_fitted->text + used;

                if (!labels->value || !*labels->value || room <= name)
                        continue;

                /* Made printable first: an escape would have more characters than what it stands for. */
                (void)utf8_printable(labels->value, text, sizeof(ret_fitted->text) - used);
                bytes = bytes_of_characters(text, room - name);
                text[bytes] = '\0';
                room -= name + count_characters(text);
                ret_fitted->labels[n++] = (struct metrics_label){ labels->name, text };
                used += bytes + 1;
                if (sizeof(ret_fitted->text) - used < 4)
                        break;
        }
}
