/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bpf-gaps MICROSECONDS: prints a line "CPU START END KIND WHAT" (CLOCK_MONOTONIC, ns) for each stretch of at least
 * that length in which nothing on the CPU proved that interrupts were on (silence; what ended it), or in which one
 * handler or softirq ran or waited (handler, softirq, wait; its number); from "ready" on its standard output until
 * standard input ends, then "end".
 */

#include <bpf/libbpf.h>
#include <err.h>
#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "gaps.h"
#include "gaps.skel.h"

static int print_gap(void *userdata, void *data, size_t size) {
        static const char *const names[] = {
#define NAME(name) [GAP_##name] = #name,
                GAPS_EVIDENCE(NAME)
#undef NAME
        };
        static const char *const kinds[] = {
                [GAP_SILENCE] = "silence",
                [GAP_HANDLER] = "handler",
                [GAP_SOFTIRQ] = "softirq",
                [GAP_WAIT] = "wait",
        };
        const struct gap *gap = data;

        (void)userdata;
        (void)size;
        printf("%" PRIu32 " %" PRIu64 " %" PRIu64 " %s ", gap->cpu, (uint64_t)gap->start_ns,
               (uint64_t)gap->end_ns, kinds[gap->kind]);
        if (gap->kind == GAP_SILENCE)
                puts(names[gap->number]);
        else
                printf("%u\n", gap->number);
        return 0;
}

/* irq_vectors/ is x86's: what is not there is no evidence. */
static void attach(struct gaps_bpf *skel) {
        struct bpf_program *program;

        bpf_object__for_each_program(
                program, skel->obj) if (!bpf_program__attach(program)) /* held until the process ends */
                warnx("no %s", bpf_program__section_name(program));
}

int main(int argc, char **argv) {
        struct ring_buffer *ring;
        struct gaps_bpf *skel;

        if (argc != 2)
                errx(2, "usage: bpf-gaps MICROSECONDS");
        skel = gaps_bpf__open();
        if (!skel)
                err(1, "cannot open the programs");
        skel->rodata->shortest_ns = strtoull(argv[1], NULL, 10) * 1000;
        if (gaps_bpf__load(skel) < 0)
                err(1, "cannot load the programs");
        attach(skel);
        ring = ring_buffer__new(bpf_map__fd(skel->maps.gaps), print_gap, NULL, NULL);
        if (!ring)
                err(1, "cannot read the ring buffer");

        puts("ready");
        (void)fflush(stdout); /* who waits in vain for it fails */
        while (poll(&(struct pollfd){ .fd = 0, .events = POLLIN }, 1, 100) == 0) {
                (void)ring_buffer__consume(ring); /* what is lost shows in n_lost */
                (void)fflush(stdout);             /* who reads sees an early end */
        }
        (void)ring_buffer__consume(ring);
        if (skel->bss->n_lost > 0)
                errx(1, "%" PRIu64 " records were lost", (uint64_t)skel->bss->n_lost);
        puts("end");
        return 0;
}
