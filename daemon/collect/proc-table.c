/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/proc-table.h"

#include <stdbool.h>
#include <string.h>

#include "common/cpulist.h"

enum {
        COUNT_WIDTH = 10, /* all of them are "%10u " or " %10u": show_interrupts(), show_softirqs() */
};

/* A count of zero with the blank in front: most of a large table. */
static const char zero_field[] = "          0";
enum { ZERO_FIELD_SIZE = sizeof(zero_field) - 1 };

void proc_table_done(struct proc_table *table) {
        free(table->cpus);
        free(table->counts);
        *table = (struct proc_table){};
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *p, const char *end) {
        while (p < end && *p == ' ')
                p++;

        return p;
}

static int proc_table_grow(struct proc_table *table) {
        size_t allocated = table->allocated ? table->allocated * 2 : 64;
        uint64_t *counts;
        int *cpus;

        if (table->n_cpus < table->allocated)
                return 0;

        cpus = reallocarray(table->cpus, allocated, sizeof(*cpus));
        if (!cpus)
                return -ENOMEM;
        table->cpus = cpus;

        counts = reallocarray(table->counts, allocated, sizeof(*counts));
        if (!counts)
                return -ENOMEM;
        table->counts = counts;

        table->allocated = allocated;
        return 0;
}

static int proc_table_add_cpu(struct proc_table *table, int cpu) {
        int r;

        if (table->n_cpus > 0 && cpu <= table->cpus[table->n_cpus - 1])
                return -EBADMSG;

        r = proc_table_grow(table);
        if (r < 0)
                return r;

        table->cpus[table->n_cpus++] = cpu;
        return 0;
}

/* "CPU12" at *p. The number, or -EBADMSG. */
static int read_cpu(const char **p, const char *end) {
        const char *s = *p;
        int cpu = 0;

        if (end - s < 4 || memcmp(s, "CPU", 3) != 0 || !is_digit(s[3]))
                return -EBADMSG;

        for (s += 3; s < end && is_digit(*s); s++) {
                cpu = cpu * 10 + (*s - '0');
                if (cpu >= CPU_LIMIT)
                        return -EBADMSG;
        }
        if (s < end && *s != ' ')
                return -EBADMSG;

        *p = s;
        return cpu;
}

int proc_table_read_header(struct proc_table *table, const char **text, const char *end) {
        const char *newline = memchr(*text, '\n', (size_t)(end - *text));
        int r;

        if (!newline)
                return -EBADMSG;

        table->n_cpus = 0;
        for (const char *p = skip_blanks(*text, newline); p < newline; p = skip_blanks(p, newline)) {
                r = read_cpu(&p, newline);
                if (r >= 0)
                        r = proc_table_add_cpu(table, r);
                if (r < 0)
                        return r;
        }
        if (table->n_cpus == 0)
                return -EBADMSG;

        *text = newline + 1;
        return 0;
}

/* Names are words of the kernel's own: "24", "NET_RX", "I/O", "IPI0". */
static bool name_is_sane(const char *name, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (name[i] <= ' ' || name[i] >= 0x7f)
                        return false;

        return size > 0;
}

int proc_table_next_line(const char **text, const char *end, struct proc_line *ret_line) {
        const char *start = *text, *newline, *name, *colon;

        if (start == end)
                return 0;

        newline = memchr(start, '\n', (size_t)(end - start));
        if (!newline)
                return -EBADMSG;

        name = skip_blanks(start, newline);
        colon = memchr(name, ':', (size_t)(newline - name));
        if (!colon || !name_is_sane(name, (size_t)(colon - name)))
                return -EBADMSG;

        *ret_line = (struct proc_line){
                .name = { name, (size_t)(colon - name) },
                .cursor = colon + 1,
                .end = newline,
                .name_width = (size_t)(colon - start),
        };
        *text = newline + 1;
        return 1;
}

/* A number right-aligned in at least COUNT_WIDTH columns behind n_separators blanks. The width tells a count
 * from a word of the description that happens to be a number. Returns what follows, NULL if it is none. */
static const char *find_count(const char *p, const char *end, size_t n_separators, const char **ret_digits) {
        const char *digits = skip_blanks(p, end), *s = digits;

        while (s < end && is_digit(*s))
                s++;

        if (s == digits || (size_t)(digits - p) < n_separators ||
            (size_t)(s - p) < COUNT_WIDTH + n_separators)
                return NULL;
        if (s < end && *s != ' ')
                return NULL;

        *ret_digits = digits;
        return s;
}

static int read_count(struct proc_line *line, size_t n_separators, uint64_t *ret_count) {
        const char *digits = NULL, *after;
        int r;

        after = find_count(line->cursor, line->end, n_separators, &digits);
        if (!after)
                return -EBADMSG;

        r = text_slice_to_u64((struct text_slice){ digits, (size_t)(after - digits) }, ret_count);
        if (r < 0)
                return r;

        line->cursor = after;
        return 0;
}

int proc_line_read_count(struct proc_line *line, uint64_t *ret_count) {
        /* No blank needed: arm64 prints "IPI0:%10u " (arch_show_interrupts(), arch/arm64/kernel/smp.c). */
        return read_count(line, 0, ret_count);
}

int proc_table_read_counts(struct proc_table *table, struct proc_line *line) {
        const char *digits = NULL;
        int r;

        for (size_t i = 0; i < table->n_cpus; i++) {
                if (line->end - line->cursor >= ZERO_FIELD_SIZE &&
                    memcmp(line->cursor, zero_field, ZERO_FIELD_SIZE) == 0) {
                        table->counts[i] = 0;
                        line->cursor += ZERO_FIELD_SIZE;
                        continue;
                }
                r = read_count(line, i > 0, &table->counts[i]);
                if (r < 0)
                        return r;
        }

        /* Behind the zero field anything may follow; a count too many is no description. */
        if (line->cursor < line->end && *line->cursor != ' ')
                return -EBADMSG;
        if (find_count(line->cursor, line->end, 1, &digits))
                return -EBADMSG;

        return 0;
}

struct text_slice proc_line_rest(const struct proc_line *line) {
        const char *start = skip_blanks(line->cursor, line->end), *end = line->end;

        while (end > start && end[-1] == ' ')
                end--;

        return (struct text_slice){ start, (size_t)(end - start) };
}
