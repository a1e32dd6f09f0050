/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bpf-witness: counts timers by task as a BPF program sees them, from "ready" on its standard output until
 * standard input ends; then prints one line "TID COUNT" for each.
 */

#include <bpf/bpf.h>
#include <err.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "witness.skel.h"

int main(void) {
        struct witness_bpf *skel;
        uint32_t tid, *previous = NULL;
        uint64_t n;
        int map;

        skel = witness_bpf__open_and_load();
        if (!skel || witness_bpf__attach(skel) < 0)
                errx(1, "cannot attach to hrtimer_expire_entry");

        puts("ready");
        (void)fflush(stdout); /* who waits in vain for it fails */
        while (getchar() != EOF)
                ;

        witness_bpf__detach(skel);
        map = bpf_map__fd(skel->maps.seen);
        for (; bpf_map_get_next_key(map, previous, &tid) == 0; previous = &tid)
                if (bpf_map_lookup_elem(map, &tid, &n) == 0)
                        printf("%" PRIu32 " %" PRIu64 "\n", tid, n);

        witness_bpf__destroy(skel);
        return 0;
}
