/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/steal-stat.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/collect/proc-file.h"
#include "daemon/collect/proc-stat.h"

enum {
        FILE_MAX = 8 * 1024 * 1024,
        N_KEPT = 3, /* a window may reach back over a pass or two before its record comes */
};

struct reading {
        uint64_t at_ns;
        bool valid;
        struct cpu_columns times;
};

struct steal_stat {
        struct proc_file file;
        uint64_t tick_ns;
        struct reading kept[N_KEPT]; /* a ring */
        unsigned next;
        struct reading now;
};

struct steal_stat *steal_stat_free(struct steal_stat *stat) {
        if (!stat)
                return NULL;

        proc_file_done(&stat->file);
        for (unsigned i = 0; i < N_KEPT; i++)
                cpu_columns_done(&stat->kept[i].times);
        cpu_columns_done(&stat->now.times);
        free(stat);
        return NULL;
}

int steal_stat_new(int root_fd, struct steal_stat **ret_stat) {
        _cleanup_(steal_stat_freep) struct steal_stat *stat = NULL;
        long user_hz = sysconf(_SC_CLK_TCK);
        int r;

        assert(user_hz > 0); /* a constant of the C library's port */

        stat = calloc(1, sizeof(*stat));
        if (!stat)
                return -ENOMEM;

        stat->file.fd = -EBADF;
        stat->tick_ns = NSEC_PER_SEC / (uint64_t)user_hz;
        stat->now.times.n_columns = _CPU_MODE_MAX;
        for (unsigned i = 0; i < N_KEPT; i++)
                stat->kept[i].times.n_columns = _CPU_MODE_MAX;

        r = proc_file_open(&stat->file, root_fd, "proc/stat", FILE_MAX);
        if (r < 0)
                return r;

        *ret_stat = TAKE_PTR(stat);
        return 0;
}

static int read_into(struct steal_stat *stat, struct reading *reading, uint64_t at_ns) {
        int r;

        reading->valid = false;
        r = proc_file_read(&stat->file);
        if (r >= 0)
                r = proc_stat_parse(stat->file.buffer.data, stat->file.buffer.size, &reading->times);
        if (r < 0)
                return r;

        reading->at_ns = at_ns;
        reading->valid = true;
        return 0;
}

int steal_stat_read(struct steal_stat *stat, uint64_t at_ns) {
        return read_into(stat, &stat->kept[stat->next++ % N_KEPT], at_ns);
}

/* The CPU's steal time in ticks; false: it was offline. */
static bool find_ticks(const struct reading *reading, int cpu, uint64_t *ret_ticks) {
        for (size_t i = 0; i < reading->times.n_cpus; i++)
                if (reading->times.cpus[i] == cpu) {
                        *ret_ticks = reading->times.values[CPU_MODE_STEAL][i];
                        return true;
                }

        return false;
}

/* The last reading before that moment, NULL: none. */
static const struct reading *find_before(const struct steal_stat *stat, uint64_t at_ns) {
        const struct reading *found = NULL;

        for (unsigned i = 0; i < N_KEPT; i++) {
                const struct reading *reading = &stat->kept[i];

                if (reading->valid && reading->at_ns <= at_ns && (!found || reading->at_ns > found->at_ns))
                        found = reading;
        }

        return found;
}

int steal_stat_find(struct steal_stat *stat, int cpu, uint64_t start_ns, uint64_t end_ns, uint64_t at_ns,
                    struct stolen *ret_stolen) {
        const struct reading *before = find_before(stat, start_ns);
        uint64_t from, to, stolen, outside;
        int r;

        if (!before)
                return 1;
        r = read_into(stat, &stat->now, at_ns);
        if (r < 0)
                return r;
        if (!find_ticks(before, cpu, &from) || !find_ticks(&stat->now, cpu, &to))
                return 1;

        stolen = to > from ? (to - from) * stat->tick_ns : 0;
        /* All of it may have been outside of the window, as far as there was room, and a tick more by
         * rounding. */
        outside = (at_ns - before->at_ns) - (end_ns - start_ns) + stat->tick_ns;
        *ret_stolen = (struct stolen){
                .certain_ns = stolen > outside ? MIN(stolen - outside, end_ns - start_ns) : 0,
                .possible_ns = MIN(stolen, end_ns - start_ns),
        };
        return 0;
}
