/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * On which CPUs each interrupt may run and does run: proc/irq/N/smp_affinity_list and effective_affinity_list
 * of every interrupt that has a handler, reread as a whole, with what is different from the time before. Of more than
 * IRQ_AFFINITY_READ_MAX interrupts some at a time take their turn: a pass over thousands would keep the loop from all else
 * for a tenth of a second.
 *
 * The files are opened anew each time: two descriptors for each of thousands of interrupts would be more than
 * a process is allowed by default, and opening costs about as much as reading. The kernel tells nobody of
 * changes of affinity in general (there is a tracepoint on x86 only), so there is no cheaper way to notice.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cpulist.h"
#include "common/fileio.h"
#include "daemon/collect/cpus-gauge.h"
#include "daemon/collect/irq-topology.h"

enum { IRQ_AFFINITY_READ_MAX = 512 }; /* in one go, about 10 ms */

/* A list of CPUs as the kernel gave it, and as it reads. */
struct irq_cpus {
        char *text; /* NULL: the kernel has no such file, or was not asked yet */
        struct cpu_set set;
        struct cpus_gauge gauge; /* for who makes rows of it */
};

struct irq_entry {
        unsigned irq;
        char *actions; /* valid UTF-8 on one line; "" when it has no handler, and then nothing below is known
                        */
        char *device;  /* NULL: not known */
        const char *kind;
        char queue[IRQ_QUEUE_MAX];
        struct irq_cpus configured, effective;
        uint64_t read_ns;   /* when its lists were read last; 0: not yet */
        unsigned described; /* which reading of the topology its names are of */
};

/* The entry says what it is now. The sets are empty where the kernel has no such file. */
struct irq_change {
        const struct irq_entry *entry;
        const struct cpu_set *old_configured, *old_effective;
        bool configured;           /* what was asked for changed; else only where it really goes */
        uint64_t since_reading_ns; /* since the reading before: the change lies between the two */
};
typedef int (*irq_change_fn)(const struct irq_change *change, void *userdata);

struct irq_affinity {
        int root_fd, irq_fd, actions_fd; /* borrowed, proc/irq, sys/kernel/irq */
        struct irq_entry *entries;       /* by number */
        size_t n_entries, entries_allocated;
        struct irq_topology *topology;
        unsigned n_topologies; /* read so far */
        unsigned next_irq;     /* whose turn it is */
        struct text_buffer buffer;
};

/* root_fd is borrowed. 0 or -errno. irq_affinity_done() is needed in both cases. */
int irq_affinity_init(struct irq_affinity *affinity, int root_fd);
void irq_affinity_done(struct irq_affinity *affinity);
/* with_topology: reread names, devices and queues, too, which a change of the set of interrupts asks for as
 * well. Interrupts that are new are read at once, others as their turn comes. Tells of every difference in an interrupt
 * that is still the same: same number, same actions. now_ns: monotonic. 0; negative results of fn; -errno. */
int irq_affinity_read(struct irq_affinity *affinity, bool with_topology, uint64_t now_ns, irq_change_fn fn,
                      void *userdata);
