/* SPDX-License-Identifier: Apache-2.0 */

/*
 * alert-flood N: a rule that is breached and well again N times within a minute, by a simulated clock, with the
 * engine and the journal of the daemon. Prints how many raises were told and how many were summed up.
 */

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "daemon/alert/engine.h"
#include "daemon/alert/journal.h"
#include "daemon/config-alert.h"
#include "daemon/config-sections.h"

struct flood {
        struct journal *journal;
        double value;
        uint64_t now_ns;
        int64_t id;
        uint64_t n_raised, n_suppressed;
};

static int read_value(void *userdata, const struct alert_rule *rule, struct alert_readings *readings) {
        const struct flood *flood = userdata;
        const struct alert_reading reading = { .cpu = 1, .value = flood->value };

        return alert_readings_add(readings, &reading);
}

/* The journal's queue is for real time: here it is waited for. */
static void emit(void *userdata, struct event *event) {
        struct flood *flood = userdata;
        const struct evidence *suppressed = event_find_evidence(event, "suppressed");

        event->id = ++flood->id;
        flood->n_raised += strcmp(event_find_evidence(event, "state")->string, "raised") == 0;
        flood->n_suppressed += suppressed ? (uint64_t)suppressed->integer : 0;
        journal_add(flood->journal, event, flood->now_ns);
        while (journal_n_pending(flood->journal) > 0) {
                struct pollfd pollfd = { .fd = journal_fd(flood->journal), .events = POLLIN };

                if (poll(&pollfd, 1, 10000) <= 0)
                        abort();
                journal_collect(flood->journal);
        }
}

static const struct alert_engine_ops ops = { .read = read_value, .emit = emit };

static struct alert_rule **make_rule(size_t *ret_n) {
        static const char text[] = "[alert flood]\nmetric = softirqs/softirqs\nrow = NET_RX\nper = cpu\n"
                                   "threshold = 1000\nclear = 500\nfor = 0\nhold = 0\n";
        static const struct config_section *const sections[] = { &config_family_alert };
        _cleanup_(config_freep) struct config *config = NULL;
        struct alert_rule **rules = NULL;
        char *error = NULL;

        if (config_new(sections, 1, &config) < 0 || config_load_text(config, "text", text, strlen(text), &error) < 0 ||
            config_get_alert_rules(config, &rules, ret_n) < 0)
                abort();
        return rules;
}

static void judge(struct flood *flood, struct alert_engine *engine, double value, uint64_t ns) {
        struct stamp now;

        flood->now_ns += ns;
        flood->value = value;
        now = (struct stamp){ .monotonic_ns = flood->now_ns,
                              .realtime_us = UINT64_C(1700000000000000) + flood->now_ns / NSEC_PER_USEC };
        if (alert_engine_evaluate(engine, ALERT_METRIC_RULES, &now) < 0)
                abort();
}

int main(int argc, char **argv) {
        const struct journal_settings settings = { .enabled = true, .burst = 10, .interval_ns = 10 * NSEC_PER_SEC };
        const struct alert_burst burst = { settings.burst, settings.interval_ns };
        uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
        struct flood flood = { .now_ns = 1000 * NSEC_PER_SEC };
        struct alert_engine *engine = NULL;
        const struct stamp start = { .monotonic_ns = flood.now_ns };
        struct journal_stats stats;
        struct alert_rule **rules;
        size_t n_rules = 0;

        rules = make_rule(&n_rules);
        if (n == 0 || journal_new(&settings, JOURNAL_SOCKET, flood.now_ns, &flood.journal) < 0 ||
            alert_engine_new(&ops, &flood, &engine) < 0 ||
            alert_engine_set_rules(engine, rules, n_rules, &burst, &start) < 0)
                return 1;

        for (uint64_t i = 0; i < n; i++) {
                judge(&flood, engine, 2000, 30 * NSEC_PER_SEC / n);
                judge(&flood, engine, 0, 30 * NSEC_PER_SEC / n);
        }
        judge(&flood, engine, 0, 60 * NSEC_PER_SEC);

        journal_get_stats(flood.journal, &stats);
        printf("%" PRIu64 " told, %" PRIu64 " summed up, %" PRIu64 " entries, %" PRIu64 " dropped\n", flood.n_raised,
               flood.n_suppressed, stats.n_entries, stats.n_dropped);
        config_free_rules(rules, n_rules);
        alert_engine_free(engine);
        journal_free(flood.journal);
        return 0;
}
