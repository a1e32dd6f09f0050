/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/injector.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "bpf/injector.skel.h"

struct injector {
        struct injector_bpf *skel;
        enum injector_context context;
};

enum { RAW_TP_ARGS_MAX = 12 }; /* MAX_BPF_FUNC_ARGS in include/linux/bpf.h */

struct injector *injector_free(struct injector *injector) {
        if (!injector)
                return NULL;

        injector_bpf__destroy(injector->skel);
        free(injector);
        return NULL;
}

static int ignore_libbpf_message(enum libbpf_print_level level, const char *format, va_list ap) {
        return 0; /* failures come back as return codes */
}

static bool has_kfunc(const char *name) {
        struct btf *btf;
        bool found;

        btf = btf__load_vmlinux_btf();
        if (!btf)
                return false;
        found = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
        btf__free(btf);
        return found;
}

/* Whether the kernel has what the program needs. */
static int check_kernel(enum injector_context context, const char **ret_reason) {
        int r;

        r = libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_loop, NULL);
        if (r < 0)
                return r;
        if (r == 0) {
                *ret_reason = "the kernel has no bpf_loop(): it needs 5.17 or later";
                return -EOPNOTSUPP;
        }
        if (context == INJECTOR_PROCESS && !has_kfunc("bpf_local_irq_save")) {
                *ret_reason = "the kernel has no bpf_local_irq_save(): it needs 6.14 or later, with BTF";
                return -EOPNOTSUPP;
        }

        return 0;
}

int injector_new(enum injector_context context, struct injector **ret_injector, const char **ret_reason) {
        _cleanup_(injector_freep) struct injector *injector = NULL;
        int r;

        (void)libbpf_set_print(ignore_libbpf_message); /* returns the previous callback */
        r = check_kernel(context, ret_reason);
        if (r < 0)
                return r;

        injector = calloc(1, sizeof(*injector));
        if (!injector)
                return -ENOMEM;

        injector->context = context;
        injector->skel = injector_bpf__open();
        if (!injector->skel)
                return -errno;

        bpf_program__set_autoload(injector->skel->progs.inject_ipi, context == INJECTOR_IPI);
        bpf_program__set_autoload(injector->skel->progs.inject_process, context == INJECTOR_PROCESS);
        r = injector_bpf__load(injector->skel);
        if (r < 0)
                return r;

        *ret_injector = TAKE_PTR(injector);
        return 0;
}

static int run_ipi(struct injector *injector, unsigned cpu, uint64_t duration_ns) {
        __u64 args[RAW_TP_ARGS_MAX] = { duration_ns };
        LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args),
                    .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = cpu);

        return bpf_prog_test_run_opts(bpf_program__fd(injector->skel->progs.inject_ipi), &opts);
}

static int run_process(struct injector *injector, uint64_t duration_ns) {
        __u64 args[1] = { duration_ns };
        LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));

        return bpf_prog_test_run_opts(bpf_program__fd(injector->skel->progs.inject_process), &opts);
}

int injector_run(struct injector *injector, unsigned cpu, uint64_t duration_ns, struct injection *ret_injection) {
        int r;

        if (duration_ns > INJECTOR_DURATION_MAX_MS * NSEC_PER_MSEC)
                return -EINVAL;

        r = injector->context == INJECTOR_IPI ? run_ipi(injector, cpu, duration_ns) :
                                                run_process(injector, duration_ns);
        if (r < 0)
                return r;

        *ret_injection = (struct injection){
                .cpu = injector->skel->bss->injected_cpu,
                .start_ns = injector->skel->bss->injected_start_ns,
                .end_ns = injector->skel->bss->injected_end_ns,
        };
        return 0;
}
