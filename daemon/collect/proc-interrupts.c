/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/proc-interrupts.h"

#include <string.h>

/*
 * What follows the counts of a numbered row, over the years (prec: width of the IRQ column):
 *
 *   3.10 .. 6.x  " %8s" chip, then " %*lu" hwirq in prec columns, or as many blanks without an irq domain
 *   7.x          "  %-*s" chip in the width of the longest, then the same
 *   s390         " %8s" chip, no hwirq (show_msi_interrupt(), arch/s390/kernel/irq.c)
 *
 * then " %-8s" "Level" or "Edge" where CONFIG_GENERIC_IRQ_SHOW_LEVEL is set (ARM, powerpc), then "-%-8s"
 * desc->name if there is one (x86: the flow handler, "edge"), then "  " and the actions. A chip's name may
 * have blanks in it ("OPAL EVT", "RISC-V INTC"), and irq_print_chip() callbacks print it without padding.
 */

/* Counts that belong to no CPU: ERR and MIS (x86, MIPS, LoongArch), Err (ARM), BAD (powerpc before 2.6.32).
 */
static const char *const single_names[] = { "ERR", "MIS", "Err", "BAD" };

static bool slice_is(struct text_slice slice, const char *text) {
        return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

static bool is_single_name(struct text_slice name) {
        for (size_t i = 0; i < ELEMENTSOF(single_names); i++)
                if (slice_is(name, single_names[i]))
                        return true;

        return false;
}

static size_t count_blanks(const char *p, const char *end) {
        const char *s = p;

        while (s < end && *s == ' ')
                s++;

        return (size_t)(s - p);
}

static size_t count_digits(const char *p, const char *end) {
        const char *s = p;

        while (s < end && *s >= '0' && *s <= '9')
                s++;

        return (size_t)(s - p);
}

/* Columns up to the next blank. */
static size_t count_word(const char *p, const char *end) {
        const char *blank = memchr(p, ' ', (size_t)(end - p));

        return (size_t)((blank ? blank : end) - p);
}

/* Columns of a hardware interrupt number at p, n_blanks behind the chip: right-aligned in the width of the
 * IRQ column, which tells it from a number within a chip's name. 0: it is none. */
static size_t match_hwirq(const char *p, const char *end, size_t n_blanks, size_t prec) {
        size_t n = count_digits(p, end);

        if (n == 0 || n_blanks + n <= prec)
                return 0;

        return p + n == end || p[n] == ' ' || p[n] == '-' ? n : 0;
}

/* Columns of "Level" or "Edge" at p, 0 if it is neither. */
static size_t match_trigger(const char *p, const char *end) {
        struct text_slice word = { p, count_word(p, end) };

        return slice_is(word, "Level") || slice_is(word, "Edge") ? word.size : 0;
}

/* The end of the trigger and the handler's name at p, or p if there is neither. */
static const char *skip_flow(const char *p, const char *end, size_t n_blanks_max) {
        const char *s = p + count_blanks(p, end);
        size_t n = match_trigger(s, end);

        if (n > 0 && (size_t)(s - p) <= n_blanks_max) {
                p = s + n;
                s = p + count_blanks(p, end);
                n_blanks_max = 4; /* "%-8s" of "Edge" */
        }
        if (s < end && *s == '-' && (size_t)(s - p) <= n_blanks_max)
                p = s + count_word(s, end);

        return p;
}

/* Where the chip's name ends: before the hardware number, or before two blanks. */
static const char *find_chip_end(const char *p, const char *end, size_t prec, size_t *ret_hwirq_digits) {
        for (;;) {
                const char *word_end = p + count_word(p, end);
                size_t n_blanks = count_blanks(word_end, end);
                const char *next = word_end + n_blanks;

                *ret_hwirq_digits = match_hwirq(next, end, n_blanks, prec);
                if (next == end || *ret_hwirq_digits > 0 || n_blanks > 1)
                        return word_end;

                p = next;
        }
}

static void split_description(struct text_slice rest, size_t prec, struct proc_interrupts_row *row) {
        const char *end = rest.data + rest.size, *chip_end, *hwirq, *hwirq_end;
        size_t n_digits = 0;

        chip_end = find_chip_end(rest.data, end, prec, &n_digits);
        row->chip = (struct text_slice){ rest.data, (size_t)(chip_end - rest.data) };

        hwirq = chip_end + count_blanks(chip_end, end);
        /* Behind the number the flow comes at once; without one it comes behind a gap that was skipped. */
        hwirq_end = skip_flow(hwirq + n_digits, end, n_digits > 0 ? 1 : 0);
        row->hwirq = (struct text_slice){ hwirq, (size_t)(hwirq_end - hwirq) };

        hwirq_end += count_blanks(hwirq_end, end);
        row->actions = (struct text_slice){ hwirq_end, (size_t)(end - hwirq_end) };
}

/* The row of ERR and its like: one count and nothing else. On any other form *line is left as it is. */
static bool read_single(struct proc_table *table, struct proc_line *line) {
        struct proc_line copy = *line;

        if (!is_single_name(line->name) || proc_line_read_count(&copy, &table->counts[0]) < 0 ||
            proc_line_rest(&copy).size > 0)
                return false;

        *line = copy;
        return true;
}

static int parse_row(struct proc_line *line, struct proc_table *table, proc_interrupts_fn fn,
                     void *userdata) {
        struct proc_interrupts_row row = {
                .name = line->name,
                .counts = table->counts,
                .numbered =
                        count_digits(line->name.data, line->name.data + line->name.size) == line->name.size,
        };
        struct text_slice rest;
        int r;

        row.single = read_single(table, line);
        if (!row.single) {
                r = proc_table_read_counts(table, line);
                if (r < 0)
                        return r;
        }

        rest = proc_line_rest(line);
        if (memchr(rest.data, '\0', rest.size))
                return -EBADMSG;

        if (!row.numbered)
                row.actions = rest;
        else if (rest.size > 0)
                split_description(rest, line->name_width, &row);

        return fn(&row, table, userdata);
}

/* 32-bit ARM names the owner of the FIQ in a row without counts (show_fiq_list(), arch/arm/kernel/fiq.c). */
static bool has_no_counts(const struct proc_line *line) {
        struct text_slice rest = proc_line_rest(line);

        return slice_is(line->name, "FIQ") && rest.size > 0 && count_digits(rest.data, rest.data + 1) == 0;
}

/* IRQ numbers ascend in all layouts: one that does not comes from a garbled file. *last is the highest so
 * far, -1 for none. 0 or -EBADMSG. */
static int check_order(struct text_slice name, int64_t *last) {
        size_t n = count_digits(name.data, name.data + name.size);
        int64_t irq = 0;

        if (n < name.size)
                return 0;
        if (n > 10)
                return -EBADMSG;

        for (size_t i = 0; i < n; i++)
                irq = irq * 10 + (name.data[i] - '0');
        if (irq <= *last)
                return -EBADMSG;

        *last = irq;
        return 0;
}

int proc_interrupts_parse(const char *text, size_t size, struct proc_table *table, proc_interrupts_fn fn,
                          void *userdata) {
        const char *end = text + size;
        struct proc_line line;
        int64_t last_irq = -1;
        size_t n_rows = 0;
        int r;

        r = proc_table_read_header(table, &text, end);
        if (r < 0)
                return r;

        while ((r = proc_table_next_line(&text, end, &line)) > 0) {
                if (has_no_counts(&line))
                        continue;

                r = check_order(line.name, &last_irq);
                if (r >= 0)
                        r = parse_row(&line, table, fn, userdata);
                if (r < 0)
                        return r;
                n_rows++;
        }
        if (r < 0)
                return r;

        return n_rows > 0 ? 0 : -EBADMSG;
}
