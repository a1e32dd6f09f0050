/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/flame-graph.h"
#include "common/json-strict.h"

#define FRAME(symbol) "{\"symbol\":\"" symbol "\",\"offset\":1,\"module\":null}"
#define UNNAMED "{\"symbol\":null,\"offset\":1,\"file\":\"/usr/lib/libc.so.6\"}"

static struct json_object *parse(const char *text) {
        struct json_object *value = NULL;

        assert_int_equal(json_strict_parse(text, strlen(text), 32, JSON_CONTAINERS_UNLIMITED, &value), 0);
        return value;
}

/* Folds the events and compares; contexts are those of the frames of the last line, outermost first. */
static void check(const char *events_text, enum flame_weight weight, const struct flame_filter *filter,
                  const char *expected) {
        _cleanup_(json_putp) struct json_object *events = parse(events_text);
        _cleanup_(flame_graph_done) struct flame_graph graph = {};
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *out;

        flame_graph_init(&graph, weight);
        assert_int_equal(flame_graph_add_events(&graph, events, filter), 0);
        out = open_memstream(&text, &size);
        assert_non_null(out);
        assert_int_equal(flame_graph_write_folded(&graph, out), 0);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, expected);
}

static const struct flame_filter everything = {};

static void test_order(void **state) {
        static const char events[] = "[{\"comm\":\"dd\",\"durationMinNsec\":2500000,\"durationMaxNsec\":"
                                     "9000000,\"class\":\"irq-off\","
                                     "\"kernelStack\":[" FRAME("inner") "," FRAME(
                                             "entry") "],"
                                                      "\"userStack\":[" FRAME("read") "," FRAME("main") "]}]";

        check(events, FLAME_WEIGHT_TIME, &everything, "dd;main;read;entry_[k];inner_[k] 2500\n");
        check(events, FLAME_WEIGHT_COUNT, &everything, "dd;main;read;entry_[k];inner_[k] 1\n");
}

/* Rounded to the nearest microsecond once per stack, not once per window. */
static void test_rounding(void **state) {
        check("[{\"comm\":\"a\",\"culprit\":\"f\",\"durationMinNsec\":1400},"
              "{\"comm\":\"a\",\"culprit\":\"f\",\"durationMinNsec\":1400}]",
              FLAME_WEIGHT_TIME, &everything, "a;f_[k] 3\n");
}

static void test_unknown_frames(void **state) {
        check("[{\"comm\":\"a\",\"durationMinNsec\":1000,\"userStack\":[" UNNAMED "," UNNAMED
              "," FRAME("f") "," UNNAMED "],\"kernelStack\":[" FRAME("k") "]}]",
              FLAME_WEIGHT_TIME, &everything, "a;[unknown];f;[unknown];k_[k] 1\n");
}

/* Who held the CPU stands on top where it was not the code that was interrupted. */
static void test_causes(void **state) {
        static const struct {
                const char *class, *culprit, *expected;
        } cases[] = {
                { "irq-off", "\"spin\"", "a;k_[k] 1\n" },
                { "hardirq", "\"eth0\"", "a;k_[k];eth0_[k] 1\n" },
                { "hardirq", "null", "a;k_[k];[hardirq] 1\n" },
                { "softirq", "\"k\"", "a;k_[k] 1\n" },
                { "ipi", "null", "a;k_[k];[ipi] 1\n" },
                { "steal", "\"x\"", "a;k_[k];[steal] 1\n" },
                { "platform", "null", "a;k_[k];[platform] 1\n" },
                { "idle-exit", "null", "a;k_[k];[idle-exit] 1\n" },
                { "unknown", "null", "a;k_[k] 1\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char events[512];

                (void)snprintf(events, sizeof(events),
                               "[{\"comm\":\"a\",\"durationMinNsec\":1000,\"class\":\"%s\",\"culprit\":%s,"
                               "\"kernelStack\":[" FRAME("k") "]}]",
                               cases[i].class, cases[i].culprit);
                check(events, FLAME_WEIGHT_TIME, &everything, cases[i].expected);
        }
        check("[{\"comm\":null,\"durationMinNsec\":1000,\"class\":\"irq-off\"}]", FLAME_WEIGHT_TIME,
              &everything, "[no task];[no kernel stack] 1\n");
}

static void test_contexts(void **state) {
        _cleanup_(json_putp) struct
                json_object
                        *
                                events =
                                        parse(
                                                "[{\"comm\":\"a\",\"durationMinNsec\":1,\"userStack\":"
                                                "[" FRAME("handle_softirqs") "],\"kernelStack\":[" FRAME("net"
                                                                                                         "_rx"
                                                                                                         "_ac"
                                                                                                         "tio"
                                                                                                         "n") "," FRAME(
                                                        "handle_softirqs") "," FRAME("do_softirq") "]}]");
        static const enum flame_context expected[] = { FLAME_TASK,   FLAME_TASK,      FLAME_USER,
                                                       FLAME_KERNEL, FLAME_INTERRUPT, FLAME_INTERRUPT };
        _cleanup_(flame_graph_done) struct flame_graph graph = {};

        flame_graph_init(&graph, FLAME_WEIGHT_TIME);
        assert_int_equal(flame_graph_add_events(&graph, events, &everything), 0);
        assert_int_equal(graph.tree.n_nodes, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                assert_int_equal(graph.tree.nodes[i].context, expected[i]);
}

static void test_entries(void **state) {
        static const char *const entries[] = { "asm_sysvec_apic_timer_interrupt",
                                               "asm_sysvec_call_function_single",
                                               "asm_common_interrupt",
                                               "__do_softirq",
                                               "handle_softirqs",
                                               "el1h_64_irq",
                                               "apic_timer_interrupt" };
        static const char *const others[] = { "asm_exc_page_fault", "do_syscall_64", "asm_sysvec", "",
                                              "interrupt" };

        for (size_t i = 0; i < ELEMENTSOF(entries); i++)
                assert_true(flame_is_interrupt_entry(entries[i]));
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                assert_false(flame_is_interrupt_entry(others[i]));
        assert_true(flame_is_kernel_entry("asm_exc_page_fault"));
        assert_true(flame_is_kernel_entry("entry_SYSCALL_64_after_hwframe"));
        assert_false(flame_is_kernel_entry("main"));
}

static const char three[] =
        "[{\"id\":1,\"kind\":\"irq-delay\",\"cpu\":0,\"comm\":\"a\",\"culprit\":\"f\",\"timeUsec\":100,"
        "\"durationMinNsec\":1000},"
        "{\"id\":2,\"kind\":\"softirq\",\"cpu\":3,\"comm\":\"b\",\"culprit\":null,\"timeUsec\":200,"
        "\"durationMinNsec\":2000,\"kernelStack\":[" FRAME("g") "," FRAME(
                "h") "]},"
                     "{\"id\":3,\"kind\":\"irq-delay\",\"cpu\":3,\"comm\":\"c\",\"culprit\":\"h\","
                     "\"timeUsec\":300,"
                     "\"durationMinNsec\":4000}]";

static void test_filter(void **state) {
        static const char *const softirq[] = { "hardirq", "softirq", NULL };
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};

        assert_int_equal(cpu_set_add(&cpus, 3), 0);
        check(three, FLAME_WEIGHT_TIME, &everything, "a;f_[k] 1\nb;h_[k];g_[k] 2\nc;h_[k] 4\n");
        check(three, FLAME_WEIGHT_TIME, &(struct flame_filter){ .kinds = softirq }, "b;h_[k];g_[k] 2\n");
        check(three, FLAME_WEIGHT_TIME, &(struct flame_filter){ .cpus = &cpus },
              "b;h_[k];g_[k] 2\nc;h_[k] 4\n");
        check(three, FLAME_WEIGHT_TIME, &(struct flame_filter){ .culprit = "h" },
              "b;h_[k];g_[k] 2\nc;h_[k] 4\n");
        check(three, FLAME_WEIGHT_TIME, &(struct flame_filter){ .culprit = "f" }, "a;f_[k] 1\n");
        check(three, FLAME_WEIGHT_TIME, &(struct flame_filter){ .since_us = 150, .until_us = 250 },
              "b;h_[k];g_[k] 2\n");
}

static void test_summary(void **state) {
        _cleanup_(json_putp) struct json_object *events = parse(three),
                                                *more = parse("[{\"comm\":\"x\"},7,null,[]]");
        _cleanup_(flame_graph_done) struct flame_graph graph = {};
        _cleanup_(freep) char *subtitle = NULL, *title = NULL;

        flame_graph_init(&graph, FLAME_WEIGHT_TIME);
        assert_int_equal(flame_graph_add_events(&graph, events, &everything), 0);
        assert_int_equal(flame_graph_add_events(&graph, more, &everything), 0);
        assert_int_equal(graph.summary.n_events, 3);
        assert_int_equal(graph.summary.n_unweighted, 4);
        assert_int_equal(graph.summary.first_us, 100);
        assert_int_equal(graph.summary.last_us, 300);
        assert_int_equal(cpu_set_count(&graph.summary.cpus), 2);

        subtitle = flame_graph_subtitle(&graph, "host", 0, 0);
        title = flame_graph_title(&graph, (const char *const[]){ "irq-delay", NULL });
        assert_non_null(strstr(subtitle, "7 µs in 3 windows"));
        assert_non_null(strstr(subtitle, "4 without a duration left out"));
        assert_non_null(strstr(subtitle, "CPUs 0,3"));
        assert_non_null(strstr(title, "lower bounds"));
}

/* Members of wrong types are not there; nothing crashes. */
static void test_wrong_types(void **state) {
        check("[{\"comm\":5,\"durationMinNsec\":1000,\"class\":[],\"culprit\":{},\"cpu\":\"x\",\"timeUsec\":-"
              "1,"
              "\"kernelStack\":[1,null,{\"symbol\":7}],\"userStack\":\"no\"}]",
              FLAME_WEIGHT_TIME, &everything, "[no task];[unknown]_[k] 1\n");
        check("[{\"comm\":\"a\",\"durationMinNsec\":-5},{\"comm\":\"a\",\"durationMinNsec\":\"5\"}]",
              FLAME_WEIGHT_TIME, &everything, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),          cmocka_unit_test(test_rounding),
                cmocka_unit_test(test_unknown_frames), cmocka_unit_test(test_causes),
                cmocka_unit_test(test_contexts),       cmocka_unit_test(test_entries),
                cmocka_unit_test(test_filter),         cmocka_unit_test(test_summary),
                cmocka_unit_test(test_wrong_types),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
