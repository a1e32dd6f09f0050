/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bench-empty: attaches programs that do nothing, says "ready" and keeps them until standard input ends.
 */

#include <err.h>
#include <stdio.h>

#include "empty.skel.h"

int main(void) {
        struct empty_bpf *skel;

        skel = empty_bpf__open_and_load();
        if (!skel || empty_bpf__attach(skel) < 0)
                errx(1, "cannot attach the empty programs: run as root");

        puts("ready");
        (void)fflush(stdout); /* who waits in vain for it fails */
        while (getchar() != EOF)
                ;
        empty_bpf__destroy(skel);
        return 0;
}
