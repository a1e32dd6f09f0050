/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/config-private.h"
#include "daemon/config-suggest.h"
#include "tests/harness/alloc-fail.h"

static const char *const modes[] = { "active", "passive", NULL };

static const struct setting_desc delay_settings[] = {
        { .name = "enabled", .type = SETTING_BOOLEAN, .default_text = "yes" },
        { .name = "threshold",
          .type = SETTING_DURATION,
          .default_text = "10ms",
          .min = 100000,
          .runtime = true },
        { .name = "heartbeat", .type = SETTING_DURATION, .default_text = "0" },
        { .name = "mode", .type = SETTING_CHOICE, .default_text = "active", .choices = modes },
};
static const struct setting_desc store_settings[] = {
        { .name = "memory", .type = SETTING_SIZE, .default_text = "64M", .min = 1 << 20, .max = 1 << 30 },
        { .name = "budget", .type = SETTING_PERCENT, .default_text = "0.5%" },
        { .name = "max-events", .type = SETTING_COUNT, .default_text = "100", .max = 1000 },
};

static unsigned n_checks;

static int check_delay(const struct config *config, char **ret_reason) {
        n_checks++;
        if (config_get(config, "irq-delay", "threshold") >= 2 * config_get(config, "irq-delay", "heartbeat"))
                return 0;

        *ret_reason =
                strdup("threshold is below twice the heartbeat; accepted: heartbeat up to threshold / 2");
        return -EINVAL;
}

static const struct config_section delay_section = {
        .name = "irq-delay",
        .settings = delay_settings,
        .n_settings = ELEMENTSOF(delay_settings),
        .check = check_delay,
};
static const struct config_section store_section = {
        .name = "store",
        .settings = store_settings,
        .n_settings = ELEMENTSOF(store_settings),
};

static int validate_word(const char *text) {
        return strchr(text, ' ') ? -EINVAL : 0;
}

static const struct setting_desc rule_settings[] = {
        { .name = "metric", .type = SETTING_TEXT, .default_text = "", .validate = validate_word, .accepted = "a word" },
        { .name = "threshold", .type = SETTING_COUNT, .default_text = "7" },
        { .name = "clear", .type = SETTING_COUNT, .default_text = "5" },
};

static int check_rule(const struct config *config, const char *section, const char **ret_key, char **ret_reason) {
        if (!*config_get_text(config, section, "metric")) {
                *ret_reason = strdup("watches nothing; accepted: a metric");
                return -EINVAL;
        }
        if (config_get(config, section, "clear") <= config_get(config, section, "threshold"))
                return 0;

        *ret_key = "clear";
        *ret_reason = strdup("clear is above the threshold; accepted: less");
        return -EINVAL;
}

static const struct config_section rule_family = {
        .name = "rule",
        .settings = rule_settings,
        .n_settings = ELEMENTSOF(rule_settings),
        .family = true,
        .check_named = check_rule,
};
static const struct config_section *const sections[] = { &delay_section, &store_section, &rule_family };

/* A configuration directory of its own for each test. */
struct fixture {
        struct config *config;
        char *error;
        char dir[64], path[96];
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        strcpy(f->dir, "/tmp/irqwatch-config-XXXXXX");
        if (!mkdtemp(f->dir) || config_new(sections, ELEMENTSOF(sections), &f->config) < 0)
                return -1;

        snprintf(f->path, sizeof(f->path), "%s/x.conf", f->dir);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        char command[128];

        snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
        config_free(f->config);
        free(f->error);
        if (system(command) != 0)
                return -1;

        free(f);
        return 0;
}

static void write_file(const struct fixture *f, const char *name, const char *data, size_t size) {
        char path[160];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", f->dir, name);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(data, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
}

static void make_drop_in_dir(const struct fixture *f) {
        char path[128];

        snprintf(path, sizeof(path), "%s.d", f->path);
        assert_int_equal(mkdir(path, 0700), 0);
}

/* Loads one text from the start and checks the message word by word, less the directory. */
static void expect_error_data(struct fixture *f, const char *data, size_t size, const char *expected) {
        free(TAKE_PTR(f->error));
        f->config = config_free(f->config);
        assert_int_equal(config_new(sections, ELEMENTSOF(sections), &f->config), 0);

        write_file(f, "x.conf", data, size);
        assert_int_equal(config_load(f->config, f->path, true, &f->error), -EINVAL);
        assert_int_equal(strncmp(f->error, f->dir, strlen(f->dir)), 0);
        assert_string_equal(f->error + strlen(f->dir), expected);
}

static void expect_error(struct fixture *f, const char *text, const char *expected) {
        expect_error_data(f, text, strlen(text), expected);
}

static void expect_loads(struct fixture *f, const char *text) {
        write_file(f, "x.conf", text, strlen(text));
        assert_int_equal(config_load(f->config, f->path, true, &f->error), 0);
        assert_null(f->error);
}

static void test_defaults(void **state) {
        struct fixture *f = *state;

        assert_true(config_get_boolean(f->config, "irq-delay", "enabled"));
        assert_int_equal(config_get(f->config, "irq-delay", "threshold"), 10000000);
        assert_int_equal(config_get(f->config, "irq-delay", "mode"), 0);
        assert_int_equal(config_get(f->config, "store", "memory"), 64 << 20);
        assert_int_equal(config_get(f->config, "store", "budget"), 5000);
        assert_int_equal(config_get(f->config, "store", "max-events"), 100);
        assert_ptr_equal(config_find(f->config, "irq-delay", "threshold"), &delay_settings[1]);
        assert_null(config_find(f->config, "irq-delay", "memory"));
        assert_null(config_find(f->config, "nope", "memory"));
}

static void test_load(void **state) {
        struct fixture *f = *state;

        expect_loads(f, "\xEF\xBB\xBF# comment with \xC3\xA9\n"
                        "[irq-delay]\r\n"
                        "threshold=20ms ; said why\r\n"
                        "  heartbeat = 5ms\n" /* indented: a line of its own, not more of the threshold */
                        "; another comment\n"
                        "\n"
                        "[store]\n"
                        "\tmemory = 1G\n"
                        "budget = 12.25%\n"
                        "[irq-delay]\n" /* again: merged */
                        "mode = passive\n"
                        "enabled = off");
        assert_int_equal(config_get(f->config, "irq-delay", "threshold"), 20000000);
        assert_int_equal(config_get(f->config, "irq-delay", "heartbeat"), 5000000);
        assert_int_equal(config_get(f->config, "irq-delay", "mode"), 1);
        assert_false(config_get_boolean(f->config, "irq-delay", "enabled"));
        assert_int_equal(config_get(f->config, "store", "memory"), 1 << 30);
        assert_int_equal(config_get(f->config, "store", "budget"), 122500);
}

static void test_empty_and_missing(void **state) {
        struct fixture *f = *state;

        assert_int_equal(config_load(f->config, f->path, false, &f->error), 0);
        assert_int_equal(config_load(f->config, f->path, true, &f->error), -ENOENT);
        assert_string_equal(f->error + strlen(f->dir), "/x.conf: cannot read: No such file or directory");
        free(TAKE_PTR(f->error));
        expect_loads(f, "");
        expect_loads(f, "\n\n");
        expect_loads(f, "[store]");
        assert_int_equal(config_load(f->config, f->dir, false, &f->error), -EISDIR);
        assert_non_null(strstr(f->error, ": cannot read: Is a directory"));
}

static void test_value_errors(void **state) {
        struct fixture *f = *state;

        expect_error(f, "\n[irq-delay]\nthreshold = 10\n",
                     "/x.conf:3: [irq-delay] threshold: \"10\" is not understood; accepted: a duration such "
                     "as 10ms, 1s, 1h30m; at least 100us");
        expect_error(f, "[irq-delay]\nthreshold = 1us\n",
                     "/x.conf:2: [irq-delay] threshold: \"1us\" is out of range; accepted: a duration such "
                     "as 10ms, 1s, 1h30m; at least 100us");
        expect_error(f, "[irq-delay]\nmode = Active\n",
                     "/x.conf:2: [irq-delay] mode: \"Active\" is not understood; accepted: active, passive");
        expect_error(f, "[irq-delay]\nenabled = maybe\n",
                     "/x.conf:2: [irq-delay] enabled: \"maybe\" is not understood; accepted: yes, no");
        expect_error(f, "[irq-delay]\nenabled =\n",
                     "/x.conf:2: [irq-delay] enabled: \"\" is not understood; accepted: yes, no");
        expect_error(f, "[store]\nmemory = 2G\n",
                     "/x.conf:2: [store] memory: \"2G\" is out of range; accepted: a size such as 512K, "
                     "64M, 1G; at least 1M, at most 1G");
        expect_error(f, "[store]\nmax-events = 1001\n",
                     "/x.conf:2: [store] max-events: \"1001\" is out of range; accepted: a whole number; "
                     "at most 1000");
        expect_error(
                f, "[store]\nbudget = 5\n",
                "/x.conf:2: [store] budget: \"5\" is not understood; accepted: a percentage such as 0.5%");
}

static void test_name_errors(void **state) {
        struct fixture *f = *state;

        expect_error(f, "[irq-delay]\n# c\ntreshold = 10ms\n",
                     "/x.conf:3: unknown key \"treshold\" in [irq-delay], did you mean \"threshold\"? "
                     "accepted: enabled, threshold, heartbeat, mode");
        expect_error(f, "[irq-delay]\nThreshold = 10ms\n",
                     "/x.conf:2: unknown key \"Threshold\" in [irq-delay], did you mean \"threshold\"? "
                     "accepted: enabled, threshold, heartbeat, mode");
        expect_error(f, "[store]\nthreshold = 10ms\n",
                     "/x.conf:2: unknown key \"threshold\" in [store]; accepted: memory, budget, max-events");
        expect_error(f, "[irq-dealy]\n#threshold = 10ms\n",
                     "/x.conf:1: unknown section \"irq-dealy\", did you mean \"irq-delay\"? "
                     "accepted: irq-delay, store, rule NAME");
        expect_error(f, "[x\x1b[2J]\n", "/x.conf:1: unknown section \"x?[2J\"; accepted: irq-delay, store, rule NAME");
        expect_error(f, "memory = 1G\n",
                     "/x.conf:1: a setting before the first section; accepted: a line such as [irq-delay] "
                     "above it");
}

static void test_syntax_errors(void **state) {
        struct fixture *f = *state;

        expect_error(
                f, "[store]\nmemory\n",
                "/x.conf:2: \"memory\" is not understood; accepted: [section], key = value, or a comment "
                "after # or ;");
        expect_error(
                f, "\n[store\nmemory = 1G\n",
                "/x.conf:2: \"[store\" is not understood; accepted: [section], key = value, or a comment "
                "after # or ;");
        /* The first of two errors is named, whoever notices it. */
        expect_error(f, "[store]\nnonsense\nbudget = x\n",
                     "/x.conf:2: \"nonsense\" is not understood; accepted: [section], key = value, or a "
                     "comment after # or ;");
        expect_error(f, "[store]\nmax-events = x\nnonsense\n",
                     "/x.conf:2: [store] max-events: \"x\" is not understood; accepted: a whole number; "
                     "at most 1000");
}

static void test_bytes(void **state) {
        static const char nul[] = "[store]\nmemory = 1\0G\n", latin1[] = "[store]\n\n# caf\xE9\n";
        struct fixture *f = *state;

        expect_error_data(f, nul, sizeof(nul) - 1,
                          "/x.conf:2: NUL byte in the file; accepted: text in UTF-8");
        expect_error_data(f, latin1, sizeof(latin1) - 1,
                          "/x.conf:3: not UTF-8 (byte 0xe9); accepted: text in UTF-8");
}

static void test_sizes(void **state) {
        struct fixture *f = *state;
        _cleanup_(freep) char *text = malloc(1 << 20);
        size_t n = strlen("[store]\n");

        memset(text, 'x', 1 << 20);
        memcpy(text, "[store]\n", n);
        memcpy(text + n + 5000, "\n", 2);
        write_file(f, "x.conf", text, n + 5001);
        assert_int_equal(config_load(f->config, f->path, true, &f->error), -EINVAL);
        assert_non_null(strstr(f->error, "/x.conf:2: line too long (5000 bytes); accepted: at most "));
        free(TAKE_PTR(f->error));

        write_file(f, "x.conf", text, 1 << 20);
        assert_int_equal(config_load(f->config, f->path, true, &f->error), -EFBIG);
        assert_string_equal(f->error + strlen(f->dir), "/x.conf: file too large; accepted: at most 256 KiB");
}

/* Every length around the limit of inih's buffer, which the distribution's build decides: either the line is
 * taken whole or it is refused, never cut or split. */
static void test_line_lengths(void **state) {
        struct fixture *f = *state;
        unsigned n_taken = 0, n_refused = 0;

        for (int n = 20; n < 600; n++) {
                _cleanup_(freep) char *text = NULL, *error = NULL;
                int r;

                assert_true(asprintf(&text, "[store]\n#%*s\nmax-events =%*s7\n", n, "x", n, "") > 0);
                r = config_load_text(f->config, "x", text, strlen(text), &error);
                n_taken += r == 0;
                n_refused += r == -EINVAL;
                if (r == 0)
                        assert_int_equal(config_get(f->config, "store", "max-events"), 7);
                else
                        assert_non_null(strstr(error, ": line too long"));
        }

        assert_in_range(n_taken, 100, 580);
        assert_int_equal(n_taken + n_refused, 580);
}

static void test_drop_ins(void **state) {
        struct fixture *f = *state;

        make_drop_in_dir(f);
        write_file(f, "x.conf.d/20-b.conf", "[store]\nmax-events = 20\n", 24);
        write_file(f, "x.conf.d/10-a.conf", "[store]\nmax-events = 10\nbudget = 1%\n", 36);
        write_file(f, "x.conf.d/30-c.conf.bak", "[store]\nmax-events = 30\n", 24);
        write_file(f, "x.conf.d/.40-d.conf", "[store]\nmax-events = 40\n", 24);
        write_file(f, "x.conf.d/README", "not a setting\n", 14);

        expect_loads(f, "[store]\nmax-events = 1\nbudget = 2%\nmemory = 2M\n");
        assert_int_equal(config_get(f->config, "store", "max-events"), 20);
        assert_int_equal(config_get(f->config, "store", "budget"), 10000);
        assert_int_equal(config_get(f->config, "store", "memory"), 2 << 20);

        write_file(f, "x.conf.d/20-b.conf", "[store]\n\nmax-events = x\n", 24);
        assert_int_equal(config_load(f->config, f->path, true, &f->error), -EINVAL);
        assert_non_null(strstr(f->error, "/x.conf.d/20-b.conf:3: [store] max-events"));
}

static void test_drop_in_without_main(void **state) {
        struct fixture *f = *state;

        make_drop_in_dir(f);
        write_file(f, "x.conf.d/a.conf", "[store]\nmax-events = 9\n", 23);
        assert_int_equal(config_load(f->config, f->path, false, &f->error), 0);
        assert_int_equal(config_get(f->config, "store", "max-events"), 9);
}

/* What does not fit together is judged once, when all is loaded: a drop-in can mend the main file. */
static void test_checks(void **state) {
        struct fixture *f = *state;

        expect_error(
                f, "[irq-delay]\nthreshold = 20ms\n\nheartbeat = 12ms\n[store]\nmemory=2M\n",
                "/x.conf:4: [irq-delay] threshold is below twice the heartbeat; accepted: heartbeat up to "
                "threshold / 2");
        free(TAKE_PTR(f->error));

        make_drop_in_dir(f);
        write_file(f, "x.conf.d/a.conf", "[irq-delay]\nthreshold = 24ms\n", 29);
        n_checks = 0;
        expect_loads(f, "[irq-delay]\nthreshold = 20ms\nheartbeat = 12ms\n");
        assert_int_equal(n_checks, 1);
}

static void expect_set_error(struct fixture *f, const char *section, const char *key, const char *value,
                             const char *expected) {
        _cleanup_(freep) char *error = NULL;

        assert_int_equal(config_set(f->config, section, key, value, &error), -EINVAL);
        assert_string_equal(error, expected);
}

static void test_set(void **state) {
        struct fixture *f = *state;

        assert_int_equal(config_set(f->config, "irq-delay", "heartbeat", "5ms", &f->error), 0);
        assert_int_equal(config_set(f->config, "irq-delay", "threshold", "12ms", &f->error), 0);
        assert_null(f->error);
        expect_set_error(f, "irq-delay", "threshold", "9ms",
                         "threshold is below twice the heartbeat; accepted: heartbeat up to threshold / 2");
        expect_set_error(f, "irq-delay", "threshold", "9",
                         "[irq-delay] threshold: \"9\" is not understood; accepted: a duration such as 10ms, "
                         "1s, 1h30m; at least 100us");
        expect_set_error(f, "stor", "memory", "1G",
                         "unknown section \"stor\", did you mean \"store\"? accepted: irq-delay, store, rule NAME");
        expect_set_error(
                f, "store", "Memory", "1G",
                "unknown key \"Memory\" in [store], did you mean \"memory\"? accepted: memory, budget, "
                "max-events");
        assert_int_equal(config_get(f->config, "irq-delay", "threshold"), 12000000);
        assert_int_equal(config_get(f->config, "irq-delay", "heartbeat"), 5000000);
}

static void check_format(struct fixture *f, const char *section, const char *key, const char *value,
                         const char *expected) {
        _cleanup_(freep) char *text = NULL;

        assert_int_equal(config_set(f->config, section, key, value, &f->error), 0);
        assert_int_equal(config_format(f->config, section, key, &text), 0);
        assert_string_equal(text, expected);
}

static void test_format(void **state) {
        struct fixture *f = *state;

        check_format(f, "irq-delay", "enabled", "1", "yes");
        check_format(f, "irq-delay", "enabled", "off", "no");
        check_format(f, "irq-delay", "threshold", "1500us", "1.5ms");
        check_format(f, "irq-delay", "heartbeat", "0", "0");
        check_format(f, "irq-delay", "mode", "passive", "passive");
        check_format(f, "store", "memory", "1024K", "1M");
        check_format(f, "store", "max-events", "0", "0");
        check_format(f, "store", "budget", "0.5%", "0.5%");
        check_format(f, "store", "budget", "100%", "100%");
        check_format(f, "store", "budget", "0.0001%", "0.0001%");
        check_format(f, "store", "budget", "12.0300%", "12.03%");
}

static void test_copy(void **state) {
        struct fixture *f = *state;
        _cleanup_(config_freep) struct config *copy = NULL;

        assert_int_equal(config_set(f->config, "store", "max-events", "5", &f->error), 0);
        assert_int_equal(config_copy(f->config, &copy), 0);
        assert_int_equal(config_set(copy, "store", "max-events", "6", &f->error), 0);
        assert_int_equal(config_get(f->config, "store", "max-events"), 5);
        assert_int_equal(config_get(copy, "store", "max-events"), 6);
}

static void test_suggest(void **state) {
        static const char *const names[] = { "threshold", "heartbeat", "mode" };

        assert_string_equal(suggest("treshold", names, 3), "threshold");
        assert_string_equal(suggest("hearbtaet", names, 3), "heartbeat");
        assert_string_equal(suggest("MODE", names, 3), "mode");
        assert_null(suggest("interval", names, 3));
        assert_null(suggest("", names, 3));
        assert_null(suggest("threshold", names, 0));
        assert_int_equal(suggest_distance("abcd", "acbd", 4), 1);
        assert_int_equal(suggest_distance("", "abc", 4), 3);
        assert_int_equal(suggest_distance("kitten", "sitting", 9), 3);
        assert_true(suggest_distance("a", "abcdef", 2) > 2);
        assert_true(suggest_distance("0123456789012345678901234567890123456789012345678901234567890123456789",
                                     "a", 99) > 99);
}

static void test_no_memory(void **state) {
        struct fixture *f = *state;
        static const char text[] = "[store]\nmax-events = 5\nx = 1\n";

        write_file(f, "x.conf", text, sizeof(text) - 1);
        for (unsigned nth = 1;; nth++) {
                struct config *config = NULL;
                _cleanup_(freep) char *error = NULL;
                int r;

                alloc_fail_at(nth);
                r = config_new(sections, ELEMENTSOF(sections), &config);
                if (r == 0)
                        r = config_load(config, f->path, true, &error);
                config_free(config);
                if (!alloc_fail_end()) {
                        assert_int_equal(r, -EINVAL);
                        break;
                }

                assert_true(r == -ENOMEM || r == -EINVAL);
        }
}

/* Sections of a family are made as files name them, and keep what earlier files said. */
static void test_family(void **state) {
        struct fixture *f = *state;
        static const char drop_in[] = "[rule b]\nmetric = y\n[rule a]\nthreshold = 9\n";

        assert_int_equal(config_n_sections(f->config), 2);
        assert_non_null(config_find(f->config, "rule a", "metric")); /* the family's keys are known before */
        make_drop_in_dir(f);
        write_file(f, "x.conf.d/10.conf", drop_in, strlen(drop_in));
        expect_loads(f, "[rule a]\nmetric = x\nthreshold = 8\n");

        assert_int_equal(config_n_sections(f->config), 4);
        assert_string_equal(config_section_name(f->config, 2), "rule a");
        assert_ptr_equal(config_section_desc(f->config, 3), &rule_family);
        assert_string_equal(config_get_text(f->config, "rule a", "metric"), "x");
        assert_int_equal(config_get(f->config, "rule a", "threshold"), 9);
        assert_string_equal(config_get_text(f->config, "rule b", "metric"), "y");
        assert_int_equal(config_get(f->config, "rule b", "threshold"), 7);
}

/* What does not fit together is blamed on the line that said it, in whichever file that was. */
static void test_family_errors(void **state) {
        struct fixture *f = *state;

        expect_error(f, "[rule a]\nmetric = x\nclear = 8\nthreshold = 7\n",
                     "/x.conf:3: [rule a] clear is above the threshold; accepted: less");
        expect_error(f, "[store]\n[rule a]\n", "/x.conf:2: [rule a] watches nothing; accepted: a metric");
        expect_error(f, "[rule a]\nmetric = a b\n",
                     "/x.conf:2: [rule a] metric: \"a b\" is not understood; accepted: a word");
        expect_error(f, "[rule a]\nmetrik = x\n",
                     "/x.conf:2: unknown key \"metrik\" in [rule a], did you mean \"metric\"? accepted: metric, "
                     "threshold, clear");
        expect_error(f, "[rule a b]\n",
                     "/x.conf:1: \"rule a b\" is no name of a section; accepted: a word, a blank, and at most 48 "
                     "letters, digits and . _ -");
        expect_error(f, "[ruel a]\n",
                     "/x.conf:1: unknown section \"ruel a\"; accepted: irq-delay, store, rule NAME");
}

static void test_family_set(void **state) {
        _cleanup_(config_freep) struct config *copy = NULL;
        struct fixture *f = *state;

        expect_loads(f, "[rule a]\nmetric = x\n");
        assert_int_equal(config_set(f->config, "rule a", "clear", "6", &f->error), 0);
        assert_int_equal(config_set(f->config, "rule a", "clear", "8", &f->error), -EINVAL);
        assert_int_equal(config_get(f->config, "rule a", "clear"), 6);
        free(TAKE_PTR(f->error));
        assert_int_equal(config_set(f->config, "rule new", "clear", "1", &f->error), -EINVAL); /* watches nothing */
        assert_int_equal(config_n_sections(f->config), 3);

        assert_int_equal(config_copy(f->config, &copy), 0);
        assert_string_equal(config_get_text(copy, "rule a", "metric"), "x");
        assert_int_equal(config_get(copy, "rule a", "clear"), 6);
}

static void test_family_limit(void **state) {
        struct fixture *f = *state;
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        for (int i = 0; i <= CONFIG_NAMED_MAX; i++)
                fprintf(file, "[rule r%i]\n", i);
        fclose(file);
        assert_int_equal(config_load_text(f->config, "x", text, size, &f->error), -EINVAL);
        assert_string_equal(f->error, "x:257: too many sections; accepted: at most 256 of this kind");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
                cmocka_unit_test_setup_teardown(test_load, setup, teardown),
                cmocka_unit_test_setup_teardown(test_family, setup, teardown),
                cmocka_unit_test_setup_teardown(test_family_errors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_family_set, setup, teardown),
                cmocka_unit_test_setup_teardown(test_family_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_empty_and_missing, setup, teardown),
                cmocka_unit_test_setup_teardown(test_value_errors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_name_errors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_syntax_errors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_line_lengths, setup, teardown),
                cmocka_unit_test_setup_teardown(test_drop_ins, setup, teardown),
                cmocka_unit_test_setup_teardown(test_drop_in_without_main, setup, teardown),
                cmocka_unit_test_setup_teardown(test_checks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_set, setup, teardown),
                cmocka_unit_test_setup_teardown(test_format, setup, teardown),
                cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
                cmocka_unit_test(test_suggest),
                cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
