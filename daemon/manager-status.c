/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/manager-status.h"

#include <string.h>
#include <sys/resource.h>

#include "build-config.h"

static uint64_t timeval_ns(const struct timeval *tv) {
        return (uint64_t)tv->tv_sec * NSEC_PER_SEC + (uint64_t)tv->tv_usec * NSEC_PER_USEC;
}

static void fill_process(struct status *status) {
        _cleanup_(fclosep) FILE *f = NULL;
        struct rusage usage;
        unsigned long size, resident;

        if (getrusage(RUSAGE_SELF, &usage) == 0)
                status->cpu_ns = timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime);

        /* proc(5): statm is in pages; our own process, whatever --root says. */
        f = fopen("/proc/self/statm", "re");
        if (f && fscanf(f, "%lu %lu", &size, &resident) == 2)
                status->rss_bytes = (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int fill_collectors(const struct status_sources *s, struct status *status) {
        status->collectors = calloc(MAX(s->n_runners, (size_t)1), sizeof(*status->collectors));
        if (!status->collectors)
                return -ENOMEM;

        for (size_t i = 0; i < s->n_runners; i++) {
                const struct collector_info *info = &status->collectors[i].info;

                runner_get_status(s->runners[i], &status->collectors[i]);
                status->n_collectors++;
                for (size_t j = 0; j < info->n_counters; j++)
                        if (strcmp(info->counters[j].name, "bpfRunNsec") == 0)
                                status->bpf_ns += info->counters[j].value;
        }

        return 0;
}

static size_t count_settings(const struct config *config) {
        size_t n = 0;

        for (size_t i = 0; i < config_n_sections(config); i++)
                n += config_section_desc(config, i)->n_settings;

        return n;
}

static int fill_settings(const struct status_sources *s, struct status *status) {
        status->settings = calloc(MAX(count_settings(s->config), (size_t)1), sizeof(*status->settings));
        if (!status->settings)
                return -ENOMEM;

        for (size_t i = 0; i < config_n_sections(s->config); i++)
                for (size_t j = 0; j < config_section_desc(s->config, i)->n_settings; j++) {
                        const struct setting_desc *desc = &config_section_desc(s->config, i)->settings[j];
                        struct status_setting *setting = &status->settings[status->n_settings];
                        int r;

                        setting->section = config_section_name(s->config, i);
                        setting->key = desc->name;
                        setting->runtime = desc->runtime;
                        r = config_format(s->config, setting->section, setting->key, &setting->value);
                        if (r < 0)
                                return r;
                        status->n_settings++;
                }

        return 0;
}

static void fill_clients(const struct status_sources *s, struct status *status) {
        struct varlink_server_stats server;
        struct journal_stats journal;

        varlink_server_get_stats(s->server, &server);
        status->n_connections = server.n_connections;
        status->n_subscriptions = monitor_n_subscriptions(s->monitor);
        status->n_dropped_messages = server.n_dropped_messages;
        status->n_refused_connections = server.n_refused;

        journal_loop_get_stats(s->journal, &journal);
        status->n_journal_entries = journal.n_entries;
        status->n_journal_suppressed = journal.n_suppressed;
        status->n_journal_dropped = journal.n_dropped;
}

int manager_fill_status(const struct status_sources *s, struct status *ret_status) {
        struct status status = { .version = VERSION, .started_us = s->started_us };
        int r;

        fill_process(&status);
        fill_clients(s, &status);
        store_get_stats(s->store, &status.store);
        status.has_history = s->history != NULL;
        if (s->history)
                history_get_stats(s->history, &status.history);

        r = fill_collectors(s, &status);
        if (r >= 0)
                r = fill_settings(s, &status);
        if (r < 0) {
                status_done(&status);
                return r;
        }

        *ret_status = status;
        return 0;
}
