/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/proc-stat.h"

#include <assert.h>

#include "common/cleanup.h"
#include "daemon/collect/text-scan.h"

const char *cpu_mode_to_string(enum cpu_mode mode) {
        static const char *const names[] = {
                [CPU_MODE_USER] = "user",       [CPU_MODE_NICE] = "nice",     [CPU_MODE_SYSTEM] = "system",
                [CPU_MODE_IDLE] = "idle",       [CPU_MODE_IOWAIT] = "iowait", [CPU_MODE_IRQ] = "irq",
                [CPU_MODE_SOFTIRQ] = "softirq", [CPU_MODE_STEAL] = "steal",   [CPU_MODE_GUEST] = "guest",
        };
        _Static_assert(ELEMENTSOF(names) == _CPU_MODE_MAX, "one name per mode");

        assert(mode < _CPU_MODE_MAX);
        return names[mode];
}

/* Later fields (guest_nice, which is part of nice, and what may come) need only be numbers. */
static int read_times(struct text_slice rest, uint64_t times[static _CPU_MODE_MAX]) {
        struct text_slice word;
        uint64_t time;
        size_t n = 0;
        int r;

        while (text_next_word(&rest, &word)) {
                r = text_slice_to_u64(word, &time);
                if (r < 0)
                        return r;
                if (n < _CPU_MODE_MAX)
                        times[n++] = time;
        }

        return n == _CPU_MODE_MAX ? 0 : -EBADMSG;
}

/* "cpu12 4705 356 ..." */
static int read_cpu_line(struct text_slice line, struct cpu_columns *columns) {
        uint64_t times[_CPU_MODE_MAX];
        struct text_slice name;
        int cpu, r;

        if (!text_next_word(&line, &name))
                return -EBADMSG;

        r = text_slice_to_cpu(text_slice_skip(name, sizeof("cpu") - 1), &cpu);
        if (r >= 0)
                r = read_times(line, times);
        if (r < 0)
                return r;

        return cpu_columns_add(columns, cpu, times);
}

int proc_stat_parse(const char *text, size_t size, struct cpu_columns *columns) {
        uint64_t sums[_CPU_MODE_MAX];
        const char *end = text + size;
        struct text_slice line;
        int r;

        assert(columns->n_columns == _CPU_MODE_MAX);
        cpu_columns_clear(columns);

        r = text_next_line(&text, end, &line);
        if (r <= 0 || !text_slice_starts_with(line, "cpu "))
                return -EBADMSG;
        r = read_times(text_slice_skip(line, sizeof("cpu") - 1), sums);
        if (r < 0)
                return r;

        while ((r = text_next_line(&text, end, &line)) > 0 && text_slice_starts_with(line, "cpu")) {
                r = read_cpu_line(line, columns);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        /* The CPUs are complete only if what comes after them has begun. */
        if (r == 0 || !text_slice_starts_with(line, "intr ") || columns->n_cpus == 0)
                return -EBADMSG;

        return 0;
}
