/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/irq-programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <sys/mman.h>

#include "bpf/irq-delay.skel.h"
#include "daemon/symbols/kallsyms.h"

/* Some milliseconds of work, as each may have stacks to be named. */
enum { RECORDS_AT_ONCE = 64 };

static int ignore_libbpf_message(enum libbpf_print_level level, const char *format, va_list ap) {
        return 0; /* its errors come back as return codes; its texts are for developers */
}

static bool has_tracepoint(const struct btf *btf, const char *name) {
        char type[128];

        (void)snprintf(type, sizeof(type), "btf_trace_%s", name); /* names are short literals */
        return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

static bool has_member(const struct btf *btf, const char *type, const char *member) {
        int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
        const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

        for (unsigned i = 0; t && i < btf_vlen(t); i++) {
                const char *name = btf__name_by_offset(btf, btf_members(t)[i].name_off);

                if (name && strcmp(name, member) == 0)
                        return true;
        }

        return false;
}

int irq_features_find(const struct btf *btf, struct irq_features *ret_features, const char **ret_reason) {
        if (!has_tracepoint(btf, "hrtimer_expire_entry") || !has_tracepoint(btf, "hrtimer_expire_exit")) {
                *ret_reason = "the kernel has no tracepoint timer:hrtimer_expire_entry/exit";
                return -EOPNOTSUPP;
        }
        if (!has_tracepoint(btf, "irq_handler_entry") || !has_tracepoint(btf, "softirq_entry")) {
                *ret_reason = "the kernel has no tracepoints irq:irq_handler_entry and irq:softirq_entry";
                return -EOPNOTSUPP;
        }

        *ret_features = (struct irq_features){
                .csd_function = has_tracepoint(btf, "csd_function_entry"),
                .call_function = has_tracepoint(btf, "call_function_single_entry"),
                .ipi = has_tracepoint(btf, "ipi_entry") && has_tracepoint(btf, "ipi_exit"),
                .local_timer = has_tracepoint(btf, "local_timer_entry"),
                .tasklet = has_tracepoint(btf, "tasklet_entry"),
                .timer = has_tracepoint(btf, "timer_expire_entry"),
                .napi_poll = has_tracepoint(btf, "napi_poll"),
                .steal = has_member(btf, "rq", "prev_steal_time") && has_member(btf, "cfs_rq", "rq"),
        };
        return 0;
}

int irq_features_find_kernel(struct irq_features *ret_features, const char **ret_reason) {
        struct btf *btf;
        int r;

        (void)libbpf_set_print(ignore_libbpf_message); /* returns the previous callback */
        btf = btf__load_vmlinux_btf();
        if (!btf) {
                *ret_reason = "the kernel offers no type information (/sys/kernel/btf/vmlinux): it needs "
                              "CONFIG_DEBUG_INFO_BTF=y";
                return -EOPNOTSUPP;
        }

        r = irq_features_find(btf, ret_features, ret_reason);
        btf__free(btf);
        return r;
}

static void select_programs(struct irq_delay_bpf *skel, const struct irq_features *features) {
        bool vectors = features->call_function && !features->csd_function;
        bool ipis = features->ipi && !features->call_function && !features->csd_function;
        const struct {
                struct bpf_program *program;
                bool wanted;
        } optional[] = {
                { skel->progs.irqd_local_timer_entry, features->local_timer },
                { skel->progs.irqd_csd_entry, features->csd_function },
                { skel->progs.irqd_csd_exit, features->csd_function },
                { skel->progs.irqd_call_single_entry, vectors },
                { skel->progs.irqd_call_single_exit, vectors },
                { skel->progs.irqd_call_entry, vectors },
                { skel->progs.irqd_call_exit, vectors },
                { skel->progs.irqd_ipi_entry, ipis },
                { skel->progs.irqd_ipi_exit, ipis },
                { skel->progs.irqd_tasklet_entry, features->tasklet },
                { skel->progs.irqd_tasklet_exit, features->tasklet },
                { skel->progs.irqd_timer_entry, features->timer },
                { skel->progs.irqd_timer_exit, features->timer },
                { skel->progs.irqd_napi_poll, features->napi_poll },
        };

        for (size_t i = 0; i < ELEMENTSOF(optional); i++)
                bpf_program__set_autoload(optional[i].program, optional[i].wanted);
}

static uint64_t find_function(const struct kallsyms *kallsyms, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++) {
                uint64_t address;

                if (kallsyms_find(kallsyms, names[i], &address, 1) > 0)
                        return address;
        }

        return 0;
}

/* The frame of the timer interrupt's entry points behind its call: on x86 a few instructions in, in arm64's
 * el1_irq of 5.10 some 200 bytes. */
static uint64_t function_end(const struct kallsyms *kallsyms, uint64_t start) {
        enum { SIZE_MAX_BYTES = 512, STEP = 4 };
        struct kallsyms_symbol symbol;
        uint64_t end = start;

        while (start && end - start < SIZE_MAX_BYTES && kallsyms_lookup(kallsyms, end, &symbol) >= 0 &&
               symbol.start == start)
                end += STEP;
        return end;
}

static void set_addresses(struct irq_delay_bpf *skel, const struct kallsyms *kallsyms) {
        /* The tick's callback was renamed in 6.9 (kernel/time/tick-sched.c); the new name was another function's before. */
        static const char *const tick[] = { "tick_sched_timer", "tick_nohz_handler" };
        static const char *const heartbeat[] = { "perf_swevent_hrtimer" };
        /* x86; arm64, and before 5.15 */
        static const char *const entry[] = { "asm_sysvec_apic_timer_interrupt", "el1h_64_irq", "el1_irq" };

        skel->rodata->tick_function = find_function(kallsyms, tick, ELEMENTSOF(tick));
        skel->rodata->heartbeat_function = find_function(kallsyms, heartbeat, ELEMENTSOF(heartbeat));

        skel->rodata->timer_entry_start = find_function(kallsyms, entry, ELEMENTSOF(entry));
        skel->rodata->timer_entry_end = function_end(kallsyms, skel->rodata->timer_entry_start);
}

static int map_state(struct irq_programs *programs) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        void *p;

        programs->cpus_size = (programs->n_cpus * sizeof(*programs->cpus) + page - 1) / page * page;
        p = mmap(NULL, programs->cpus_size, PROT_READ, MAP_SHARED, bpf_map__fd(programs->skel->maps.cpus), 0);
        if (p == MAP_FAILED)
                return -errno;

        programs->cpus = p;
        return 0;
}

/* libbpf goes on until the ring is empty, or until it is told an error; what it has delivered is consumed either way. */
static int deliver_record(void *userdata, void *data, size_t size) {
        struct irq_programs *programs = userdata;
        int r;

        r = programs->on_record(programs->userdata, data, size);
        if (r < 0)
                return r;
        return --programs->n_records_left == 0 ? -EOVERFLOW : 0;
}

int irq_programs_load(struct irq_programs *programs, unsigned n_cpus, const struct kallsyms *kallsyms,
                      int (*on_record)(void *userdata, void *data, size_t size), void *userdata) {
        struct irq_features features = {};
        const char *reason = NULL;
        int r;

        *programs = (struct irq_programs){ .n_cpus = n_cpus, .on_record = on_record, .userdata = userdata };
        r = irq_features_find_kernel(&features, &reason);
        if (r < 0)
                return r;

        programs->skel = irq_delay_bpf__open();
        if (!programs->skel)
                return -errno;

        select_programs(programs->skel, &features);
        set_addresses(programs->skel, kallsyms);
        programs->has_steal = features.steal;
        programs->has_heartbeat_function = programs->skel->rodata->heartbeat_function != 0;
        if ((r = bpf_map__set_max_entries(programs->skel->maps.cpus, n_cpus)) < 0 ||
            (r = bpf_map__set_max_entries(programs->skel->maps.scratch, n_cpus)) < 0 ||
            (r = irq_delay_bpf__load(programs->skel)) < 0 || (r = map_state(programs)) < 0)
                return r;

        programs->config = &programs->skel->bss->config;
        programs->ring = ring_buffer__new(bpf_map__fd(programs->skel->maps.records), deliver_record, programs, NULL);
        return programs->ring ? 0 : -errno;
}

int irq_programs_attach(struct irq_programs *programs) {
        return irq_delay_bpf__attach(programs->skel);
}

void irq_programs_done(struct irq_programs *programs) {
        ring_buffer__free(programs->ring);
        if (programs->cpus)
                (void)munmap((void *)programs->cpus, programs->cpus_size); /* cannot fail for our own mapping */
        irq_delay_bpf__destroy(programs->skel);
        *programs = (struct irq_programs){};
}

int irq_programs_fd(const struct irq_programs *programs) {
        return ring_buffer__epoll_fd(programs->ring);
}

int irq_programs_consume(struct irq_programs *programs) {
        int r;

        programs->n_records_left = RECORDS_AT_ONCE;
        r = ring_buffer__consume(programs->ring);
        return programs->n_records_left == 0 ? 0 : r;
}

int irq_programs_times_fd(const struct irq_programs *programs) {
        return bpf_map__fd(programs->skel->maps.times);
}

void irq_programs_get_cost(const struct irq_programs *programs, uint64_t *ret_ns, uint64_t *ret_runs, uint64_t *ret_missed) {
        struct bpf_program *program;

        *ret_ns = 0;
        *ret_runs = 0;
        *ret_missed = 0;
        bpf_object__for_each_program(program, programs->skel->obj) {
                struct bpf_prog_info info = {};
                __u32 size = sizeof(info);

                if (bpf_program__fd(program) >= 0 &&
                    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0) {
                        *ret_ns += info.run_time_ns;
                        *ret_runs += info.run_cnt;
                        *ret_missed += info.recursion_misses;
                }
        }
}
