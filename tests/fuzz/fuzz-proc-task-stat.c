/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as /proc/PID/stat, schedstat and /proc/pressure/irq: no read outside them; what is accepted reads
 * the same after it was printed again as the kernel prints it, and is refused when cut.
 */

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/proc-pressure.h"
#include "daemon/collect/proc-task-stat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

static void check_stat(const char *text, size_t size) {
        struct proc_task_stat stat;
        int cpu;

        if (proc_task_stat_parse(text, size, &stat) < 0)
                return;

        CHECK(stat.comm.data > text && stat.comm.data + stat.comm.size < text + size);
        CHECK(stat.comm.data[-1] == '(' && stat.comm.data[stat.comm.size] == ')');
        CHECK(!memchr(stat.comm.data + stat.comm.size + 1, ')',
                      (size_t)(text + size - stat.comm.data) - stat.comm.size - 1));
        if (ksoftirqd_parse_comm(stat.comm, &cpu) == 0)
                CHECK(cpu >= 0);
        CHECK(proc_task_stat_parse(text, size - 1, &stat) == -EBADMSG);
}

static void check_schedstat(const char *text, size_t size) {
        struct proc_schedstat once, twice;
        char printed[80];
        int n;

        if (proc_schedstat_parse(text, size, &once) < 0)
                return;

        n = snprintf(printed, sizeof(printed), "%llu %llu 1\n", (unsigned long long)once.run_ns,
                     (unsigned long long)once.run_delay_ns);
        CHECK(proc_schedstat_parse(printed, (size_t)n, &twice) == 0);
        CHECK(once.run_ns == twice.run_ns && once.run_delay_ns == twice.run_delay_ns);
        CHECK(proc_schedstat_parse(text, size - 1, &twice) == -EBADMSG);
}

static void check_pressure(const char *text, size_t size) {
        uint64_t total_us, again;

        if (proc_pressure_parse(text, size, &total_us) < 0)
                return;

        CHECK(proc_pressure_parse(text, size, &again) == 0 && again == total_us);
        CHECK(proc_pressure_parse(text, size - 1, &again) == -EBADMSG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *)data;

        check_stat(text, size);
        check_schedstat(text, size);
        check_pressure(text, size);
        return 0;
}
