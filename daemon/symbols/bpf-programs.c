/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/bpf-programs.h"

#include <bpf/bpf.h>

enum { FUNCTIONS_MAX = 256 }; /* BPF_MAX_SUBPROGS in include/linux/bpf_verifier.h */

void bpf_programs_done(struct bpf_programs *programs) {
        free(programs->ranges);
        *programs = (struct bpf_programs){};
}

static int add_range(struct bpf_programs *programs, const struct bpf_program_range *range) {
        if (programs->n_ranges == programs->n_allocated) {
                size_t n = programs->n_allocated ? programs->n_allocated * 2 : 64;
                struct bpf_program_range *ranges = reallocarray(programs->ranges, n, sizeof(*ranges));

                if (!ranges)
                        return -ENOMEM;
                programs->ranges = ranges;
                programs->n_allocated = n;
        }

        programs->ranges[programs->n_ranges++] = *range;
        return 0;
}

/* The form of bpf_get_prog_name() in kernel/bpf/core.c. */
static void write_name(const struct bpf_prog_info *info, char *name, size_t size) {
        int used = snprintf(name, size, "bpf_prog_");

        for (size_t i = 0; i < sizeof(info->tag); i++)
                used += snprintf(name + used, size - (size_t)used, "%02x", info->tag[i]);
        (void)snprintf(name + used, size - (size_t)used, "_%s", info->name[0] ? info->name : "F");
}

static int add_program(struct bpf_programs *programs, int fd) {
        uint64_t starts[FUNCTIONS_MAX];
        uint32_t sizes[FUNCTIONS_MAX];
        struct bpf_prog_info info = {
                .nr_jited_ksyms = FUNCTIONS_MAX,
                .jited_ksyms = (uintptr_t)starts,
                .nr_jited_func_lens = FUNCTIONS_MAX,
                .jited_func_lens = (uintptr_t)sizes,
        };
        struct bpf_program_range range = {};
        uint32_t info_size = sizeof(info);
        int r;

        if (bpf_obj_get_info_by_fd(fd, &info, &info_size) < 0)
                return -errno;

        write_name(&info, range.name, sizeof(range.name));
        /* The kernel says how many there are; the arrays hold as many as fitted. */
        info.nr_jited_ksyms = MIN(info.nr_jited_ksyms, info.nr_jited_func_lens);
        for (uint32_t i = 0; i < info.nr_jited_ksyms && i < FUNCTIONS_MAX; i++) {
                range.start = starts[i];
                range.size = sizes[i];
                r = add_range(programs, &range);
                if (r < 0)
                        return r;
        }

        return 0;
}

int bpf_programs_read(struct bpf_programs *programs) {
        uint32_t id = 0;
        int r;

        programs->n_ranges = 0;
        while (bpf_prog_get_next_id(id, &id) == 0) {
                _cleanup_(closep) int fd = bpf_prog_get_fd_by_id(id);

                if (fd < 0 && errno == ENOENT)
                        continue; /* gone since */
                r = fd < 0 ? -errno : add_program(programs, fd);
                if (r < 0) {
                        bpf_programs_done(programs);
                        return r;
                }
        }

        /* ENOENT: that was the last one. */
        return errno == ENOENT ? 0 : -errno;
}

const struct bpf_program_range *bpf_programs_find(const struct bpf_programs *programs, uint64_t address) {
        for (size_t i = 0; i < programs->n_ranges; i++)
                if (address >= programs->ranges[i].start &&
                    address - programs->ranges[i].start < programs->ranges[i].size)
                        return &programs->ranges[i];

        return NULL;
}
