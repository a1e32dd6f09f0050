/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/cpus-gauge.h"

enum { CPUS_TOLD_APART = 64 };

void cpus_gauge_done(struct cpus_gauge *gauge) {
        cpu_set_done(&gauge->cpus);
        *gauge = (struct cpus_gauge){};
}

static bool covers(const struct cpu_set *cpus, const struct cpu_set *online) {
        for (int cpu = cpu_set_next(online, 0); cpu >= 0; cpu = cpu_set_next(online, cpu + 1))
                if (!cpu_set_contains(cpus, cpu))
                        return false;

        return true;
}

static int remember(struct cpus_gauge *gauge, const struct cpu_set *cpus) {
        int r;

        for (int cpu = cpu_set_next(cpus, 0); cpu >= 0; cpu = cpu_set_next(cpus, cpu + 1)) {
                r = cpu_set_add(&gauge->cpus, cpu);
                if (r < 0)
                        return r;
        }

        return 0;
}

int cpus_gauge_add(struct cpus_gauge *gauge, struct batch *batch, const struct cpu_set *cpus,
                   const struct cpu_set *online) {
        bool all = cpu_set_count(online) > CPUS_TOLD_APART && covers(cpus, online);
        int r = 0;

        gauge->all = gauge->all || all;
        if (gauge->all)
                r = batch_add(batch, CPU_NONE, all);
        if (r == 0 && !all)
                r = remember(gauge, cpus);

        for (int cpu = cpu_set_next(&gauge->cpus, 0); r == 0 && cpu >= 0;
             cpu = cpu_set_next(&gauge->cpus, cpu + 1))
                r = batch_add(batch, cpu, !all && cpu_set_contains(cpus, cpu));
        return r;
}
