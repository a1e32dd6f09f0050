/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parser of /proc/interrupts: numbered rows of the generic interrupt layer (show_interrupts(),
 * kernel/irq/proc.c) and named rows of the architecture (arch_show_interrupts(), arch/ARCH/kernel/irq.c or
 * smp.c; s390 has a show_interrupts() of its own). Text in, rows out; no I/O. Reads the layouts of kernels
 * 3.10 to 7.x.
 */

#include <stdbool.h>

#include "daemon/collect/proc-table.h"

struct proc_interrupts_row {
        struct text_slice name;    /* "24", "LOC", "IPI0" */
        struct text_slice chip;    /* numbered rows: "IO-APIC", "OPAL EVT" */
        struct text_slice hwirq;   /* numbered rows: "2-edge", "30 Level", inner blanks as printed */
        struct text_slice actions; /* "ehci_hcd:usb1, snd"; named rows: the description */
        bool numbered;             /* an IRQ, not a row of the architecture */
        bool single;               /* one count that belongs to no CPU: counts[0] */
        const uint64_t *counts;    /* n_cpus of the table, or one; borrowed for the call */
};

/* Gets the row and the table, whose cpus belong to the counts. A negative return ends the parse. */
typedef int (*proc_interrupts_fn)(const struct proc_interrupts_row *row, const struct proc_table *table,
                                  void *userdata);

/* Calls fn for every row that has counts. table is scratch that keeps its memory; slices point into text.
 * 0; -EBADMSG: truncated or garbled, the rows delivered so far are to be thrown away; -ENOMEM; what fn
 * returned. */
int proc_interrupts_parse(const char *text, size_t size, struct proc_table *table, proc_interrupts_fn fn,
                          void *userdata);
