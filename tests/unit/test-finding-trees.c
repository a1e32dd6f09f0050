/* SPDX-License-Identifier: Apache-2.0 */

/* Findings from whole machines, as the kernel shows them: trees of /proc through the real collectors into a report. See
 * tests/harness/make-trouble.py for what is in them, and what has to be found. */

#include "tests/unit/query-fixture.h"

#include <dirent.h>

#include "daemon/query/report.h"
#include "tests/unit/collect-fixture.h"

static const struct collector_ops *const collectors[] = {
        &collector_softirqs, &collector_interrupts, &collector_cpu, &collector_ksoftirqd,
        &collector_softnet,  &collector_netdev,     &collector_tcp, &collector_affinity,
};

/* When the trees were taken; the report is of what lies between the last two. */
static const double moments[] = { -540, 0, 60 };

/* One pass over a tree. What the tree has no files for is a collector that does not run. */
static void take_pass(struct store *store, const struct collector_ops *ops, int root_fd, double at) {
        _cleanup_(config_freep) struct config *config = default_config(ops);
        const struct collector_env env = { .root_fd = root_fd, .is_fixture = true, .config = config };
        _cleanup_(batch_done) struct batch batch = {};
        const char *reason = NULL;
        void *state = NULL;

        if (ops->probe(&env, &reason) < 0)
                return;
        batch_init(&batch);
        assert_int_equal(ops->open(&env, &state), 0);
        assert_true(ops->sample(state, &batch) >= 0);
        commit(store, add_collector_source(store, ops), at, &batch);
        assert_null(ops->close(state));
}

static void fill(struct store *store, const char *machine) {
        for (size_t i = 0; i < ELEMENTSOF(moments); i++) {
                _cleanup_(freep) char *path = NULL;
                _cleanup_(closep) int root_fd = -EBADF;

                assert_true(asprintf(&path, "trouble/%s/%zu", machine, i) > 0);
                root_fd = open_machine("IRQWATCH_BIG_FIXTURES", path);
                for (size_t j = 0; j < ELEMENTSOF(collectors); j++)
                        take_pass(store, collectors[j], root_fd, moments[i]);
        }
}

static bool has_number(const struct finding *finding, double value) {
        for (size_t i = 0; i < finding->n_evidence; i++) {
                const struct evidence *evidence = &finding->evidence[i];

                if (evidence->type == EVIDENCE_INTEGER && (double)evidence->integer == value)
                        return true;
                for (size_t j = 0; evidence->type == EVIDENCE_INTEGERS && j < evidence->n_integers; j++)
                        if ((double)evidence->integers[j] == value)
                                return true;
        }

        return false;
}

/* Whole numbers of the sentence, but for those that are part of a name, are in the evidence or the subject. */
static void check_numbers(const struct finding *finding) {
        for (const char *p = finding->text; *p; p++) {
                bool starts = p == finding->text || p[-1] == ' ' || p[-1] == '(';
                char *end, word[24];
                double value;

                if (!starts || *p < '0' || *p > '9')
                        continue;
                value = strtod(p, &end);
                (void)snprintf(word, sizeof(word), "%.0f", value); /* fits */
                if (*end && !strchr(" ,.;)", *end))
                        continue;
                if (!has_number(finding, value) && !strstr(finding->subject, word))
                        fail_msg("%s of \"%s\" is not in the evidence", word, finding->text);
        }
}

static const struct finding *find(const struct findings *findings, const char *code) {
        for (size_t i = 0; i < findings->n_items; i++)
                if (strcmp(findings->items[i].code, code) == 0)
                        return &findings->items[i];

        return NULL;
}

static void check_findings(const char *machine, const struct findings *findings, char *expected) {
        char *severity = strchr(expected, ' '), *text = strchr(expected, '\n');
        const struct finding *finding;

        assert_non_null(text);
        *text++ = '\0';
        text[strcspn(text, "\n")] = '\0';
        if (!severity || severity > text) {
                if (find(findings, text))
                        fail_msg("%s: %s", machine, find(findings, text)->text);
                for (size_t i = 0; !*text && i < findings->n_items; i++)
                        fail_msg("%s, which is healthy: %s", machine, findings->items[i].text);
                return;
        }

        *severity++ = '\0';
        finding = find(findings, expected);
        if (!finding)
                fail_msg("%s: no %s", machine, expected);
        if (strcmp(severity_to_string(finding->severity), severity) != 0 || !strstr(finding->text, text))
                fail_msg("%s: %s \"%s\", expected %s \"%s\"", machine, severity_to_string(finding->severity), finding->text,
                         severity, text);
        for (size_t i = 0; i < findings->n_items; i++) {
                check_numbers(&findings->items[i]);
                if (&findings->items[i] != finding && findings->items[i].severity != SEVERITY_INFO)
                        fail_msg("%s: also \"%s\"", machine, findings->items[i].text);
        }
}

static void check_machine_in_trouble(const char *machine) {
        const struct report_request request = { .since_us = AT(0), .until_us = AT(60) };
        _cleanup_(text_buffer_done) struct text_buffer expected = {};
        _cleanup_(report_freep) struct report *report = NULL;
        _cleanup_(store_freep) struct store *store = new_store();
        _cleanup_(closep) int root_fd = -EBADF;
        _cleanup_(freep) char *path = NULL;

        assert_true(asprintf(&path, "trouble/%s", machine) > 0);
        root_fd = open_machine("IRQWATCH_BIG_FIXTURES", path);
        assert_int_equal(text_buffer_read(&expected, root_fd, "expected", SIZE_MAX), 0);
        fill(store, machine);
        assert_int_equal(report_query(store, &request, &report), 0);
        check_findings(machine, &report->findings, expected.data);
}

static void test_trees(void **state) {
        int fd = open_machine("IRQWATCH_BIG_FIXTURES", "trouble");
        const struct dirent *entry;
        DIR *dir = fdopendir(fd);
        unsigned n = 0;

        assert_non_null(dir);
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.') {
                        check_machine_in_trouble(entry->d_name);
                        n++;
                }
        assert_true(n >= 80);
        assert_int_equal(closedir(dir), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_trees),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
