/* SPDX-License-Identifier: Apache-2.0 */

/* What a kernel's type information says about irq-delay, with kernels that lack one thing each. */

#include <bpf/btf.h>
#include <string.h>

#include "daemon/collect/irq-programs.h"
#include "test.h"

static const char *const needed[] = {
        "btf_trace_hrtimer_expire_entry",
        "btf_trace_hrtimer_expire_exit",
        "btf_trace_irq_handler_entry",
        "btf_trace_softirq_entry",
};

/* A kernel that has these tracepoints and those of needed[], but not the one left out. */
static struct btf *make_kernel(const char *left_out, const char *const *more, size_t n_more) {
        struct btf *btf = btf__new_empty();
        int type;

        assert_non_null(btf);
        type = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
        assert_true(type > 0);

        for (size_t i = 0; i < ELEMENTSOF(needed); i++)
                if (!left_out || strcmp(needed[i], left_out) != 0)
                        assert_true(btf__add_typedef(btf, needed[i], type) > 0);
        for (size_t i = 0; i < n_more; i++)
                assert_true(btf__add_typedef(btf, more[i], type) > 0);
        return btf;
}

static void test_tracepoint_missing(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(needed); i++) {
                struct btf *btf = make_kernel(needed[i], NULL, 0);
                struct irq_features features;
                const char *reason = NULL;

                assert_int_equal(irq_features_find(btf, &features, &reason), -EOPNOTSUPP);
                assert_non_null(reason);
                assert_non_null(strstr(reason, "tracepoint"));
                assert_non_null(strstr(reason, strstr(needed[i], "hrtimer") ? "hrtimer_expire" : "irq"));
                btf__free(btf);
        }
}

static void test_nothing_known(void **state) {
        struct btf *btf = btf__new_empty();
        struct irq_features features;
        const char *reason = NULL;

        assert_int_equal(irq_features_find(btf, &features, &reason), -EOPNOTSUPP);
        assert_non_null(reason);
        btf__free(btf);
}

static void test_optional_features(void **state) {
        static const char *const csd[] = { "btf_trace_csd_function_entry", "btf_trace_csd_function_exit" };
        static const char *const call[] = {
                "btf_trace_call_function_single_entry",
                "btf_trace_call_function_single_exit",
                "btf_trace_call_function_entry",
                "btf_trace_call_function_exit",
        };
        static const char *const ipi[] = { "btf_trace_ipi_entry", "btf_trace_ipi_exit" };
        static const char *const others[] = { "btf_trace_tasklet_entry", "btf_trace_timer_expire_entry",
                                              "btf_trace_napi_poll" };
        const struct {
                const char *const *more;
                size_t n_more;
                struct irq_features features;
        } kernels[] = {
                { NULL, 0, {} },
                { csd, ELEMENTSOF(csd), { .csd_function = true } },
                { call, ELEMENTSOF(call), { .call_function = true } },
                { ipi, ELEMENTSOF(ipi), { .ipi = true } },
                { others, ELEMENTSOF(others), { .tasklet = true, .timer = true, .napi_poll = true } },
        };

        for (size_t i = 0; i < ELEMENTSOF(kernels); i++) {
                struct btf *btf = make_kernel(NULL, kernels[i].more, kernels[i].n_more);
                struct irq_features features = {};
                const char *reason = NULL;

                assert_int_equal(irq_features_find(btf, &features, &reason), 0);
                assert_null(reason);
                assert_memory_equal(&features, &kernels[i].features, sizeof(features));
                btf__free(btf);
        }
}

/* A struct type with one member. */
static void add_struct(struct btf *btf, const char *name, const char *member) {
        int type = btf__add_int(btf, "long", 8, 0);

        assert_true(type > 0);
        assert_true(btf__add_struct(btf, name, 8) > 0);
        assert_int_equal(btf__add_field(btf, member, type, 0, 0), 0);
}

/* The runqueue must tell it, and be found from the task. */
static void test_steal(void **state) {
        static const struct {
                const char *rq_member, *cfs_rq_member;
                bool steal;
        } kernels[] = {
                { "prev_steal_time", "rq", true },
                { "prev_steal_time_rq", "rq", false },
                { "prev_steal_time", "load", false }, /* without CONFIG_FAIR_GROUP_SCHED */
        };

        for (size_t i = 0; i < ELEMENTSOF(kernels); i++) {
                struct btf *btf = make_kernel(NULL, NULL, 0);
                struct irq_features features = {};
                const char *reason = NULL;

                add_struct(btf, "rq", kernels[i].rq_member);
                add_struct(btf, "cfs_rq", kernels[i].cfs_rq_member);
                assert_int_equal(irq_features_find(btf, &features, &reason), 0);
                assert_true(features.steal == kernels[i].steal);
                btf__free(btf);
        }
}

/* A type of that name that is no tracepoint's is none. */
static void test_other_kinds_do_not_count(void **state) {
        struct btf *btf = make_kernel(needed[0], NULL, 0);
        struct irq_features features;
        const char *reason = NULL;

        assert_true(btf__add_struct(btf, needed[0], 4) > 0);
        assert_int_equal(irq_features_find(btf, &features, &reason), -EOPNOTSUPP);
        btf__free(btf);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tracepoint_missing),
                cmocka_unit_test(test_nothing_known),
                cmocka_unit_test(test_optional_features),
                cmocka_unit_test(test_steal),
                cmocka_unit_test(test_other_kinds_do_not_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
