/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/diagnose-tools.h"
#include "common/fileio.h"
#include "common/json-strict.h"

static struct json_object *get(struct json_object *object, const char *name) {
        struct json_object *value = NULL;

        assert_true(json_object_object_get_ex(object, name, &value)); /* null or not, it is there */
        return value;
}

static void check_string(struct json_object *object, const char *name, const char *expected) {
        const char *text = json_object_get_string(get(object, name));

        if (!expected)
                assert_null(text);
        else
                assert_string_equal(text, expected);
}

static void check_number(struct json_object *object, const char *name, int64_t expected) {
        assert_true(json_object_is_type(get(object, name), json_type_int));
        assert_int_equal(json_object_get_int64(get(object, name)), expected);
}

static struct json_object *frame(struct json_object *event, const char *stack, size_t i) {
        struct json_object *frames = get(event, stack);

        assert_true(json_object_is_type(frames, json_type_array));
        assert_true(i < json_object_array_length(frames));
        return json_object_array_get_idx(frames, i);
}

static struct json_object *read_text(const char *text, size_t n_expected) {
        struct json_object *events = NULL;

        assert_int_equal(diagnose_tools_read(text, &events), 0);
        assert_int_equal(json_object_array_length(events), n_expected);
        return events;
}

static struct json_object *read_case_study(void) {
        _cleanup_(text_buffer_done) struct text_buffer text = {};
        char path[4096];

        (void)snprintf(path, sizeof(path), "%s/diagnose-tools/irq-delay.log", getenv("IRQWATCH_FIXTURES"));
        assert_int_equal(text_buffer_read(&text, AT_FDCWD, path, 1 << 20), 0);
        return read_text(text.data, 4);
}

static void test_case_study(void **state) {
        static const struct {
                const char *comm;
                int64_t pid, tgid, cpu, ms, time_us, id;
                size_t n_kernel, n_user;
                const char *innermost, *module, *second;
        } expected[] = {
                { "insmod", 25319, 25319, 1, 988, 1723475353662573, 2, 10, 1, "nf_ct_frag6_expire.cold",
                  "nf_defrag_ipv6", "do_one_initcall" },
                { "cpptools", 24898, 20542, 3, 36, 1723475243630794, 4, 22, 3, "mpt_put_msg_frame", "mptbase",
                  "mptscsih_qcmd" },
                { "node", 13484, 13484, 14, 29, 1723473811793837, 5, 22, 5, "mpt_put_msg_frame", "mptbase",
                  "mptscsih_qcmd" },
                { "cupsd", 954, 954, 2, 81, 1723520730823385, 2, 6, 2, "radix_tree_tag_set", NULL,
                  "xfs_inode_set_reclaim_tag" },
        };
        _cleanup_(json_putp) struct json_object *events = read_case_study();

        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                struct json_object *event = json_object_array_get_idx(events, i);

                check_string(event, "kind", "irq-delay");
                check_string(event, "comm", expected[i].comm);
                check_string(event, "cgroup", "/");
                check_number(event, "id", expected[i].id);
                check_number(event, "pid", expected[i].pid);
                check_number(event, "tgid", expected[i].tgid);
                check_number(event, "cpu", expected[i].cpu);
                check_number(event, "durationMinNsec", expected[i].ms * 1000000);
                check_number(event, "timeUsec", expected[i].time_us);
                assert_int_equal(json_object_array_length(get(event, "kernelStack")), expected[i].n_kernel);
                assert_int_equal(json_object_array_length(get(event, "userStack")), expected[i].n_user);
                check_string(frame(event, "kernelStack", 0), "symbol", expected[i].innermost);
                check_string(frame(event, "kernelStack", 0), "module", expected[i].module);
                check_string(frame(event, "kernelStack", 1), "symbol", expected[i].second);
        }
}

static void test_case_study_frames(void **state) {
        _cleanup_(json_putp) struct json_object *events = read_case_study();
        struct json_object *cupsd = json_object_array_get_idx(events, 3),
                           *insmod = json_object_array_get_idx(events, 0);

        check_string(frame(insmod, "kernelStack", 2), "symbol", "do_init_module");
        check_string(frame(cupsd, "kernelStack", 1), "module", "xfs"); /* a tab in front of it, not blanks */
        check_string(frame(cupsd, "kernelStack", 3), "symbol", "do_unlinkat");
        check_string(frame(cupsd, "userStack", 0), "symbol", NULL);
        check_number(frame(cupsd, "userStack", 0), "address", 0x7f4a40e3910b);
        assert_null(
                strstr(json_object_to_json_string(events), "ffffffff")); /* kernel addresses are not kept */
}

static const char other_commands[] =
        "Load飙高：[1583992747:970548]\n"
        "##CGROUP:[/a]  156654      [022]  采样命中[R]\n"
        "    内核态堆栈：\n"
        "#@        0xffffffff81025022 save_stack_trace_tsk  ([kernel.kallsyms])\n"
        "#@        0xffffffffa0fc0419 diagnose_save_stack_trace\t[diagnose]  ([kernel.kallsyms])\n"
        "#@        0xffffffff810aa670 hrtimer_interrupt  ([kernel.kallsyms])\n"
        "#@        0xffffffff81660432 apic_timer_interrupt  ([kernel.kallsyms])\n"
        "#*        0xffffffffffffff yes (UNKNOWN)\n"
        "    进程链信息：\n"
        "#^        0xffffffffffffff sshd: root@pts/6      (UNKNOWN)\n"
        "##\n"
        "##CGROUP:[/b]  4959      [013]  采样命中\n"
        "#@        0xffffffff8129b58b ep_poll  ([kernel.kallsyms])\n"
        "#@        0xffffffff810aa670 UNKNOWN\n"
        "    用户态堆栈：\n"
        "no address in memory maps\n"
        "#~        0x7f28339f9965 (anonymous namespace)::f(int) (.part.0) ([symbol])\n"
        "#~        0x7f4a0573538d UNKNOWN ([symbol])\n"
        "#~        0x7f4a0573538e [/usr/lib/a b.so+0x1f0] ([symbol])\n"
        "#*        0xffffffffffffff JS Helper (UNKNOWN)\n"
        "##CGROUP:[/c]  7      [014]  采样命中\n"
        "#@        0xffffffff8129b58b hrtimer_interrupt+0x1f/0x30  ([kernel.kallsyms])\n"
        "中断延迟, PID: 9[a]b], CPU: 39, 96 ms, 时间: [12:34]\n";

static void test_other_commands(void **state) {
        _cleanup_(json_putp) struct json_object *events = read_text(other_commands, 4);
        struct json_object *yes = json_object_array_get_idx(events, 0),
                           *js = json_object_array_get_idx(events, 1);
        struct json_object *third = json_object_array_get_idx(events, 2),
                           *last = json_object_array_get_idx(events, 3);

        check_string(yes, "kind", "other");
        check_string(yes, "durationMinNsec", NULL);
        assert_int_equal(json_object_array_length(get(yes, "kernelStack")), 0); /* all of it the tool's own */

        check_string(js, "comm", "JS Helper");
        check_string(frame(js, "kernelStack", 1), "symbol", NULL);
        check_string(frame(js, "userStack", 0), "symbol", "(anonymous namespace)::f(int) (.part.0)");
        check_string(frame(js, "userStack", 1), "symbol", NULL);
        check_string(frame(js, "userStack", 2), "file", "/usr/lib/a b.so");
        check_number(frame(js, "userStack", 2), "offset", 0x1f0);

        /* without a frame of the module the timer's frames are this stack's own */
        check_string(frame(third, "kernelStack", 0), "symbol", "hrtimer_interrupt");
        check_number(frame(third, "kernelStack", 0), "offset", 0x1f);

        check_string(last, "kind", "irq-delay"); /* ASCII punctuation, cut off after its first line */
        check_number(last, "cpu", 39);
        check_number(last, "durationMinNsec", 96000000);
        check_number(last, "timeUsec", 12000034);
        check_number(last, "pid", 9);
        check_string(last, "kernelStack", NULL);
}

static void test_nonsense(void **state) {
        _cleanup_(json_putp) struct json_object *none = read_text("", 0),
                                                *dashes = read_text("##\n\n##\nx\n#@\n##", 1);
        _cleanup_(json_putp) struct json_object *huge =
                read_text("中断延迟，PID： 99999999999999999999[x]， CPU：-1, 99999999999999999 ms, "
                          "时间：[9999999999999999:1]\n",
                          1);

        (void)none, (void)dashes;
        check_string(json_object_array_get_idx(huge, 0), "pid", NULL);
        check_string(json_object_array_get_idx(huge, 0), "durationMinNsec", NULL);
        check_number(json_object_array_get_idx(huge, 0), "timeUsec", 0);
}

/* An event with everything that the format can hold. */
static const char full[] =
        "{\"id\":1234,\"kind\":\"irq-delay\",\"timeUsec\":1723475353062573,"
        "\"bootId\":\"00000000000000000000000000000000\",\"cpu\":3,\"durationMinNsec\":52345678,"
        "\"durationMaxNsec\":57345679,\"class\":null,\"confidence\":null,\"culprit\":null,\"pid\":77,"
        "\"tgid\":70,"
        "\"comm\":\"my worker\",\"cgroup\":\"/system.slice/x.service\",\"container\":null,\"parents\":[],"
        "\"kernelStack\":[{\"symbol\":\"spin\",\"offset\":0,\"module\":\"mod_x\"},"
        "{\"symbol\":null,\"offset\":0,\"module\":null},{\"symbol\":\"hrtimer_interrupt\",\"offset\":0,"
        "\"module\":null}],"
        "\"userStack\":[{\"symbol\":\"f(int, char const*)\",\"offset\":0,\"file\":null,\"buildId\":null,"
        "\"address\":4660,\"note\":null},{\"symbol\":null,\"offset\":291,\"file\":\"\\/usr\\/lib\\/"
        "libc.so.6\","
        "\"buildId\":null,\"address\":140000000,\"note\":null},{\"symbol\":null,\"offset\":0,\"file\":null,"
        "\"buildId\":null,\"address\":98765,\"note\":null},{\"symbol\":null,\"offset\":0,\"file\":null,"
        "\"buildId\":null,\"address\":null,\"note\":null}],\"evidence\":{}}";

static char *write_text(const char *event_text, int expected) {
        _cleanup_(json_putp) struct json_object *event = NULL;
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        assert_int_equal(json_strict_parse(event_text, strlen(event_text), 32, JSON_CONTAINERS_UNLIMITED, &event), 0);
        assert_int_equal(diagnose_tools_write(out, event), expected);
        assert_int_equal(fclose(out), 0);
        return text;
}

static void test_round_trip(void **state) {
        _cleanup_(json_putp) struct json_object *events = NULL, *expected = NULL;
        _cleanup_(freep) char *text = write_text(full, 0);

        events = read_text(text, 1);
        assert_int_equal(json_strict_parse(full, strlen(full), 32, JSON_CONTAINERS_UNLIMITED, &expected), 0);
        if (!json_object_equal(expected, json_object_array_get_idx(events, 0)))
                fail_msg("read back: %s", json_object_to_json_string(events));
}

static void test_write(void **state) {
        _cleanup_(freep) char *text = write_text(full, 0), *nothing = NULL, *hostile = NULL;

        assert_true(strncmp(text, "中断延迟，PID： 77[my worker]， CPU：3, 52 ms, 时间：[1723475353:62573]\n",
                            60) == 0);
        assert_non_null(strstr(text, "\n##CGROUP:[/system.slice/x.service]  77      [1234]  采样命中\n"));
        assert_non_null(
                strstr(text, "\n    进程信息： [/system.slice/x.service / my worker]， PID： 70 / 77\n"));
        assert_non_null(strstr(text, "\n#@        0xffffffffffffff spin\t[mod_x]  ([kernel.kallsyms])\n"));
        assert_non_null(strstr(text, "\n#~        0x1234 f(int, char const*) ([symbol])\n"));
        assert_non_null(strstr(text, "\n#*        0xffffffffffffff my worker (UNKNOWN)\n##\n"));

        nothing = write_text("{\"kind\":\"softirq\"}", 1);
        assert_string_equal(nothing, "");
        hostile = write_text("{\"kind\":\"irq-delay\",\"comm\":\"x\\n##\\n#@ y\",\"kernelStack\":7}", 0);
        assert_null(strstr(hostile, "\n#@"));
}

static void test_write_error(void **state) {
        _cleanup_(json_putp) struct json_object *event = NULL;
        FILE *full_disk = fopen("/dev/full", "w");

        assert_non_null(full_disk);
        assert_int_equal(json_strict_parse(full, strlen(full), 32, JSON_CONTAINERS_UNLIMITED, &event), 0);
        assert_int_equal(diagnose_tools_write(full_disk, event), -EIO);
        (void)fclose(full_disk);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_case_study),     cmocka_unit_test(test_case_study_frames),
                cmocka_unit_test(test_other_commands), cmocka_unit_test(test_nonsense),
                cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_write),
                cmocka_unit_test(test_write_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
