/* SPDX-License-Identifier: Apache-2.0 */

/*
 * "irqctl top" without a terminal: model, table, layout and keys against golden files
 * (fixtures/client/golden/top.*.txt; IRQWATCH_UPDATE_GOLDEN=1 writes them anew), and by their rules.
 */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/field.h"
#include "client/top-json.h"
#include "client/top-layout.h"
#include "common/fileio.h"
#include "common/json-strict.h"
#include "tests/harness/alloc-fail.h"

#define NOW_US (UINT64_C(1795356790) * USEC_PER_SEC) /* 2026-11-22 14:13:10 UTC */

static const int two_nodes[] = { 0, 0, 1, 1 };

/* Names that a process or a driver may choose. */
#define HOSTILE "\\u001b]0;owned\\u0007<b>\\u202e"

static const char softirqs[] = "{\"metric\":\"softirqs\",\"elapsedNsec\":2000000000,\"cpus\":\"0-3\","
                               "\"online\":\"0-2\",\"names\":[\"NET_RX\",\"TIMER\"],"
                               "\"texts\":[\"\",\"\"],"
                               "\"totals\":[200400,1500],\"counts\":[2,0,400,2,200000,3,0,500,1,500,2,500]}";
static const char interrupts[] =
        "{\"metric\":\"interrupts\",\"elapsedNsec\":2000000000,\"cpus\":\"0-3\",\"online\":\"0-2\",\"names\":"
        "[\"24\",\"25\",\"26\",\"LOC\"],"
        "\"texts\":[\"eth0-TxRx-0\",\"eth0-TxRx-1\",\"" HOSTILE "\",\"Local timer interrupts\"],"
        "\"totals\":[90000,300,8,3000],\"counts\":[1,2,90000,1,1,300,1,0,8,3,0,1000,1,1000,2,1000]}";
static const char cpu_time[] =
        "{\"metric\":\"cpu_time\",\"elapsedNsec\":2000000000,\"cpus\":\"0-2\",\"online\":\"0-2\",\"names\":["
        "\"user\",\"irq\",\"softirq\"],"
        "\"texts\":[\"\",\"\",\"\"],"
        "\"totals\":[1,20000000,1920000000],\"counts\":[1,0,1,1,1,20000000,2,2,1900000000,0,20000000]}";
static const char ksoftirqd[] = "{\"metric\":\"ksoftirqd\",\"elapsedNsec\":2000000000,\"cpus\":\"0-2\","
                                "\"online\":\"0-2\",\"names\":[\"\"],"
                                "\"texts\":[\"\"],"
                                "\"totals\":[1000000000],\"counts\":[1,2,1000000000]}";
static const char latency[] = "[{\"cpu\":0,\"p99Nsec\":65535,\"maxNsec\":120000,\"coverage\":1},{\"cpu\":1,"
                              "\"p99Nsec\":65535,\"maxNsec\":51000000,"
                              "\"coverage\":0.9},{\"cpu\":2,\"p99Nsec\":0,\"maxNsec\":0,\"coverage\":0}]";
static const char events[] =
        "[{\"id\":7,\"kind\":\"irq-delay\",\"timeUsec\":1795356700000000,\"cpu\":1,\"durationMinNsec\":"
        "48200000,"
        "\"durationMaxNsec\":51000000,\"class\":\"irq-off\",\"culprit\":\"nvme_submit_cmd\",\"comm\":"
        "\"kworker/1:2\",\"pid\":77},"
        "{\"id\":9,\"kind\":\"softirq\",\"timeUsec\":1795356780000000,\"cpu\":2,\"durationMinNsec\":9000000,"
        "\"durationMaxNsec\":9000000,\"class\":null,\"culprit\":\"NET_RX\",\"comm\":\"" HOSTILE
        "\",\"pid\":1}]";
static const char alerts[] = "[{\"rule\":\"" HOSTILE "\",\"text\":\"CPU 2\",\"raisedUsec\":1795356700000000,"
                             "\"clearedUsec\":null},{\"rule\":\"cleared\",\"raisedUsec\":1795356600000000,"
                             "\"clearedUsec\":1795356700000000}]";

static struct json_object *parse(const char *text) {
        struct json_object *object = json_tokener_parse(text);

        assert_non_null(object);
        return object;
}

static int set_part(struct top_model *model, enum top_part part, const char *text) {
        _cleanup_(json_putp) struct json_object *object = parse(text);

        switch (part) {
        case TOP_LATENCY:
                return top_model_set_latency(model, object);
        case TOP_WINDOWS:
                return top_model_add_windows(model, object);
        case TOP_ALERTS:
                return top_model_set_alerts(model, object);
        default:
                return top_model_set_rates(model, part, object);
        }
}

static int fill(struct top_model *model) {
        static const char *const texts[] = {
                [TOP_SOFTIRQS] = softirqs,   [TOP_INTERRUPTS] = interrupts, [TOP_CPU_TIME] = cpu_time,
                [TOP_KSOFTIRQD] = ksoftirqd, [TOP_LATENCY] = latency,       [TOP_WINDOWS] = events,
                [TOP_ALERTS] = alerts,
        };
        int r = 0;

        model->until_us = NOW_US;
        model->since_us = NOW_US - 2 * USEC_PER_SEC;
        for (enum top_part part = 0; r == 0 && part < ELEMENTSOF(texts); part++)
                r = set_part(model, part, texts[part]);
        return r < 0 ? r : top_model_index(model, two_nodes, ELEMENTSOF(two_nodes));
}

/* The page as text. The caller frees. */
static char *draw(const struct top_model *model, const struct top_view *view, unsigned width, unsigned height,
                  bool utf8) {
        const struct top_page page = { .width = width, .height = height, .utf8 = utf8, .now_us = NOW_US };
        _cleanup_(top_table_done) struct top_table table = {};
        _cleanup_(top_grid_done) struct top_grid grid = {};
        struct top_shown shown;
        char *text = NULL;
        size_t size = 0;
        FILE *f;

        assert_int_equal(top_layout(model, view, &page, &grid, &table, &shown), 0);
        if (height > 0)
                assert_int_equal(grid.height, height);
        f = open_memstream(&text, &size);
        assert_non_null(f);
        top_grid_write(&grid, !utf8, f);
        assert_int_equal(fclose(f), 0);
        return text;
}

static void check_golden(const char *name, const char *text) {
        _cleanup_(text_buffer_done) struct text_buffer golden = {};
        char path[4096];

        (void)snprintf(path, sizeof(path), "%s/client/golden/top.%s.txt", getenv("IRQWATCH_FIXTURES"), name);
        if (getenv("IRQWATCH_UPDATE_GOLDEN")) {
                FILE *f = fopen(path, "we");

                assert_non_null(f);
                fputs(text, f);
                assert_int_equal(fclose(f), 0);
                return;
        }

        assert_int_equal(text_buffer_read(&golden, AT_FDCWD, path, 1 << 20), 0);
        assert_string_equal(text, golden.data);
}

static void test_golden(void **state) {
        static const struct {
                const char *name;
                unsigned width, height;
                bool utf8;
                struct top_view view;
        } cases[] = {
                { "80x24", 80, 24, true, {} },
                { "80x24.totals", 80, 24, true, { .totals = true, .sort = "MAX" } },
                { "80x24.ascii", 80, 24, false, { .group = TOP_BY_SOURCE } },
                { "80x24.past",
                  80,
                  24,
                  true,
                  { .at_us = NOW_US - 600 * USEC_PER_SEC, .group = TOP_BY_NODE } },
                { "80x24.help", 80, 24, true, { .mode = TOP_MODE_HELP } },
                { "80x24.filter", 80, 24, true, { .filter = "1-2" } },
                { "120x10.device", 120, 10, true, { .group = TOP_BY_DEVICE } },
                { "40x7", 40, 7, true, { .mode = TOP_MODE_FILTER, .input = "0-" } },
                { "batch", 200, 0, true, {} },
                { "nothing", 80, 16, true, { .filter = "no such name", .group = TOP_BY_SOURCE } },
        };
        _cleanup_(top_model_done) struct top_model model = {};

        assert_int_equal(fill(&model), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct top_view view = cases[i].view;
                _cleanup_(freep) char *text = NULL;

                view.delay_ns = view.span_ns = 2 * NSEC_PER_SEC;
                model.until_us = view.at_us ?: NOW_US;
                model.since_us = model.until_us - 2 * USEC_PER_SEC;
                text = draw(&model, &view, cases[i].width, cases[i].height, cases[i].utf8);
                check_golden(cases[i].name, text);
        }
}

/* What a name holds never reaches the terminal as a control. */
static void test_hostile(void **state) {
        _cleanup_(top_model_done) struct top_model model = {};

        assert_int_equal(fill(&model), 0);
        for (enum top_group group = 0; group < _TOP_GROUP_MAX; group++) {
                struct top_view view = { .group = group, .delay_ns = NSEC_PER_SEC, .span_ns = NSEC_PER_SEC };
                _cleanup_(freep) char *text = draw(&model, &view, 300, 0, true);

                assert_non_null(strstr(text, "?]0;owned?<b>?"));
                for (const char *p = text; *p; p++)
                        assert_false((unsigned char)*p < 0x20 && *p != '\n');
                assert_null(strstr(text, "\u202e"));
        }
}

/* Any size: nothing is written outside, and it does not fail. */
static void test_sizes(void **state) {
        _cleanup_(top_model_done) struct top_model model = {};

        assert_int_equal(fill(&model), 0);
        for (enum top_group group = 0; group < _TOP_GROUP_MAX; group++)
                for (unsigned width = 1; width < 130; width += 7)
                        for (unsigned height = 1; height < 50; height += 3) {
                                struct top_view view = { .group = group,
                                                         .span_ns = NSEC_PER_SEC,
                                                         .top_line = 5 };

                                free(draw(&model, &view, width, height, true));
                        }
}

static void test_absent(void **state) {
        _cleanup_(top_model_done) struct top_model model = {};
        struct top_view view = { .span_ns = NSEC_PER_SEC };
        _cleanup_(freep) char *text = NULL;

        assert_int_equal(fill(&model), 0);
        assert_int_equal(top_model_set_absent(&model, TOP_KSOFTIRQD, "no collector"), 0);
        assert_int_equal(top_model_set_absent(&model, TOP_ALERTS, NULL), 0);
        assert_int_equal(top_model_index(&model, NULL, 0), 0);
        text = draw(&model, &view, 120, 24, true);
        assert_non_null(strstr(text, "not known: ksoftirqd, alerts"));
        assert_null(strstr(text, "KSD%"));
        assert_non_null(strstr(text, "SI%"));
}

/* The newest stay. */
static void test_many_windows(void **state) {
        _cleanup_(top_model_done) struct top_model model = {};

        for (int i = 1; i <= TOP_WINDOWS_MAX * 2 + 3; i++) {
                char text[64];

                (void)snprintf(text, sizeof(text), "[{\"id\":%d,\"comm\":\"x\"}]", i);
                assert_int_equal(set_part(&model, TOP_WINDOWS, text), 0);
        }
        assert_int_equal(model.n_windows, TOP_WINDOWS_MAX);
        assert_int_equal(model.windows[TOP_WINDOWS_MAX - 1].id, TOP_WINDOWS_MAX * 2 + 3);
        assert_int_equal(model.windows[0].id, TOP_WINDOWS_MAX + 4);
        assert_int_equal(top_chosen_window(&model, &(struct top_view){ .window = 1 }),
                         TOP_WINDOWS_MAX * 2 + 2);
}

static void test_device_names(void **state) {
        static const struct {
                const char *action, *device;
        } cases[] = {
                { "eth0-TxRx-3", "eth0" },
                { "i40e-eth0-TxRx-0", "i40e-eth0" },
                { "nvme0q17", "nvme0" },
                { "virtio0-input.0", "virtio0" },
                { "mlx5_comp3@pci:0000:3b:00.0", "pci:0000:3b:00.0" },
                { "xhci_hcd", "xhci_hcd" },
                { "ahci[0000:00:17.0]", "ahci[0000:00:17.0]" },
                { "uhci_hcd:usb1, eth0-1", "uhci_hcd:usb1, eth0-1" },
                { "q1", "q1" },
                { "-", "-" },
                { "@", "@" },
                { "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *start;
                size_t n = top_device_name(cases[i].action, &start);

                assert_int_equal(n, strlen(cases[i].device));
                assert_memory_equal(start, cases[i].device, n);
        }
}

/* Presses keys one after the other; returns what the last one asks for. */
static enum top_action press(struct top_view *view, const char *keys) {
        static const char *const columns[] = { "SOFTIRQ", "IRQ" };
        const struct top_shown shown = {
                .columns = columns,
                .n_columns = 2,
                .n_lines = 100,
                .page = 10,
                .n_windows = 2,
                .now_us = NOW_US,
                .history_us = 3600 * USEC_PER_SEC,
        };
        static const struct {
                char letter;
                enum top_key key;
        } special[] = {
                { 'L', TOP_KEY_LEFT },   { 'R', TOP_KEY_RIGHT },      { 'U', TOP_KEY_UP },
                { 'D', TOP_KEY_DOWN },   { 'P', TOP_KEY_PAGE_DOWN },  { 'E', TOP_KEY_END },
                { 'H', TOP_KEY_HOME },   { '\n', TOP_KEY_ENTER },     { '\t', TOP_KEY_TAB },
                { 'X', TOP_KEY_ESCAPE }, { '\b', TOP_KEY_BACKSPACE },
        };
        enum top_action action = TOP_NOTHING;

        for (; *keys; keys++) {
                uint32_t key = (unsigned char)*keys;

                for (size_t i = 0; i < ELEMENTSOF(special); i++)
                        if (*keys == special[i].letter)
                                key = special[i].key;
                action = top_view_key(view, key, &shown);
        }
        return action;
}

static void test_keys(void **state) {
        struct top_view view;

        top_view_init(&view, 2 * NSEC_PER_SEC);
        assert_int_equal(press(&view, "q"), TOP_QUIT);
        assert_int_equal(press(&view, "x"), TOP_NOTHING);

        assert_int_equal(press(&view, "s"), TOP_REDRAW);
        assert_string_equal(view.sort, "SOFTIRQ");
        press(&view, "s");
        assert_string_equal(view.sort, "IRQ");
        press(&view, "s");
        assert_string_equal(view.sort, "");
        press(&view, "S");
        assert_string_equal(view.sort, "IRQ");
        press(&view, "g");
        assert_int_equal(view.group, TOP_BY_NODE);
        assert_string_equal(view.sort, "");
        press(&view, "GG");
        assert_int_equal(view.group, TOP_BY_DEVICE);

        assert_int_equal(press(&view, "+"), TOP_FETCH);
        assert_int_equal(view.span_ns, 10 * NSEC_PER_SEC);
        press(&view, "++++++");
        assert_int_equal(view.span_ns, 3600 * NSEC_PER_SEC);
        assert_int_equal(top_view_period(&view), 60 * NSEC_PER_SEC);
        press(&view, "------");
        assert_int_equal(view.span_ns, 2 * NSEC_PER_SEC);
        assert_int_equal(press(&view, "-"), TOP_NOTHING);

        press(&view, "PD");
        assert_int_equal(view.top_line, 11);
        press(&view, "PPPPPPPPPPPP");
        assert_int_equal(view.top_line, 90);
        press(&view, "U");
        assert_int_equal(view.top_line, 89);
}

static void test_keys_of_time(void **state) {
        struct top_view view;

        top_view_init(&view, 2 * NSEC_PER_SEC);
        assert_int_equal(press(&view, "R"), TOP_NOTHING);
        assert_int_equal(press(&view, "L"), TOP_FETCH);
        assert_int_equal(view.at_us, NOW_US - 2 * USEC_PER_SEC);
        press(&view, "[");
        assert_int_equal(view.at_us, NOW_US - 62 * USEC_PER_SEC);
        press(&view, "]R");
        assert_int_equal(view.at_us, 0);
        assert_true(top_view_is_live(&view));
        press(&view, "H");
        assert_int_equal(view.at_us, NOW_US - 3600 * USEC_PER_SEC);
        press(&view, "[");
        assert_int_equal(view.at_us, NOW_US - 3600 * USEC_PER_SEC);
        assert_string_equal(view.message, "this is the oldest there is");
        press(&view, "E");
        assert_int_equal(view.at_us, 0);

        assert_int_equal(press(&view, "@5m\n"), TOP_FETCH);
        assert_int_equal(view.at_us, NOW_US - 300 * USEC_PER_SEC);
        assert_int_equal(press(&view, "@soon\n"), TOP_REDRAW);
        assert_non_null(strstr(view.message, "not a time"));
        press(&view, "Ef");
        assert_true(view.frozen);
        assert_false(top_view_is_live(&view));
        assert_int_equal(press(&view, "f"), TOP_FETCH);
}

static void test_keys_of_windows_and_filter(void **state) {
        struct top_view view;

        top_view_init(&view, NSEC_PER_SEC);
        press(&view, "/nett\b\n");
        assert_string_equal(view.filter, "net");
        press(&view, "/xX");
        assert_string_equal(view.filter, "net");
        press(&view, "X");
        assert_string_equal(view.filter, "");

        press(&view, "\tDDD");
        assert_int_equal(view.mode, TOP_MODE_WINDOWS);
        assert_int_equal(view.window, 1);
        assert_int_equal(press(&view, "\n"), TOP_OPEN);
        view.mode = TOP_MODE_EVENT;
        press(&view, "q");
        assert_int_equal(view.mode, TOP_MODE_WINDOWS);
        press(&view, "q");
        assert_int_equal(view.mode, TOP_MODE_TABLE);

        press(&view, "/");
        for (unsigned i = 0; i < 200; i++)
                press(&view, "z");
        assert_int_equal(strlen(view.input), TOP_TEXT_MAX - 1);
}

static void test_json(void **state) {
        _cleanup_(json_putp) struct json_object *object = NULL;
        _cleanup_(top_model_done) struct top_model model = {};
        struct json_object *cpu;

        assert_int_equal(fill(&model), 0);
        assert_int_equal(top_json(&model, &object), 0);
        assert_true(json_is_finite(object));
        assert_int_equal(array_length(field_array(object, "cpus")), 4);
        cpu = array_at(field_array(object, "cpus"), 2);
        assert_int_equal(field_integer(cpu, "cpu", -1), 2);
        assert_int_equal(field_integer(cpu, "node", -1), 1);
        assert_true(field_double(cpu, "softirqsPerSecond") == 100250);
        assert_true(field_double(cpu, "softirqShare") > 0.94);
        assert_true(field_double(cpu, "ksoftirqdShare") == 0.5);
        assert_false(field_has(cpu, "latenessMaxNsec"));
        cpu = array_at(field_array(object, "cpus"), 3);
        assert_false(field_boolean(cpu, "online"));
        assert_false(field_has(cpu, "softirqShare"));
        assert_int_equal(array_length(field_array(object, "windows")), 2);
        assert_int_equal(array_length(field_array(object, "interrupts")), 4);
}

/* Each allocation of table, layout and grid fails once. */
static void test_no_memory(void **state) {
        _cleanup_(top_model_done) struct top_model model = {};

        assert_int_equal(fill(&model), 0);
        for (enum top_group group = 0; group < _TOP_GROUP_MAX; group++) {
                const struct top_view view = { .group = group };
                const struct top_page page = { .width = 80, .height = 24 };
                bool failed = true;

                for (unsigned n = 1; failed; n++) {
                        _cleanup_(top_table_done) struct top_table table = {};
                        _cleanup_(top_grid_done) struct top_grid grid = {};
                        struct top_shown shown;
                        int r;

                        alloc_fail_at(n);
                        r = top_layout(&model, &view, &page, &grid, &table, &shown);
                        failed = alloc_fail_end();
                        assert_true(r == 0 || r == -ENOMEM);
                        assert_true(failed || r == 0);
                        assert_true(n < 1000);
                }
        }
}

static uint64_t history_of(const char *status) {
        const struct top_page page = { .width = 80, .height = 24, .now_us = NOW_US };
        _cleanup_(top_model_done) struct top_model model = {};
        _cleanup_(json_putp) struct json_object *object = json_tokener_parse(status);
        _cleanup_(top_table_done) struct top_table table = {};
        _cleanup_(top_grid_done) struct top_grid grid = {};
        struct top_shown shown;
        struct top_view view;

        assert_int_equal(fill(&model), 0);
        assert_int_equal(top_model_set_status(&model, object), 0);
        top_view_init(&view, NSEC_PER_SEC);
        assert_int_equal(top_layout(&model, &view, &page, &grid, &table, &shown), 0);
        return shown.history_us;
}

/* Home and the arrows go as far back as disk does. */
static void test_history(void **state) {
        char status[128];

        assert_int_equal(history_of("{\"store\": {\"disk\": null}}"), 3600 * USEC_PER_SEC);
        (void)snprintf(status, sizeof(status), "{\"store\": {\"disk\": {\"oldestUsec\": %" PRIu64 "}}}",
                       NOW_US - 86400 * USEC_PER_SEC); /* fits */
        assert_int_equal(history_of(status), 86400 * USEC_PER_SEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),
                cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_absent),
                cmocka_unit_test(test_many_windows),
                cmocka_unit_test(test_device_names),
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_keys_of_time),
                cmocka_unit_test(test_history),
                cmocka_unit_test(test_keys_of_windows_and_filter),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_no_memory),
        };

        (void)setenv("TZ", "UTC", 1);
        tzset();
        (void)setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
