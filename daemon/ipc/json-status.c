/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-status.h"

#include <string.h>
#include <sys/utsname.h>

int json_host_read(struct json_host *ret_host) {
        struct json_host host;
        struct utsname uts;
        sd_id128_t boot_id;
        int r;

        r = sd_id128_get_boot(&boot_id);
        if (r < 0)
                return r;
        if (uname(&uts) < 0)
                return -errno;

        _Static_assert(sizeof(host.name) == sizeof(uts.nodename), "room for the host's name");
        _Static_assert(sizeof(host.kernel) == sizeof(uts.release), "room for the kernel's release");
        memcpy(host.name, uts.nodename, sizeof(host.name));
        memcpy(host.kernel, uts.release, sizeof(host.kernel));
        (void)sd_id128_to_string(boot_id, host.boot_id); /* returns the buffer */
        *ret_host = host;
        return 0;
}

static void set_counters(struct json_writer *writer, const struct collector_info *info) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < info->n_counters; i++) {
                struct json_writer object = json_writer_object();

                json_set_text(&object, "name", info->counters[i].name);
                json_set_u64(&object, "value", info->counters[i].value);
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, "counters", &array);
}

static void append_collector(struct json_writer *array, const struct status_collector *collector) {
        struct json_writer object = json_writer_object();

        json_set_text(&object, "name", collector->name);
        json_set_text(&object, "summary", collector->summary);
        json_set_text(&object, "state", collector_state_to_string(collector->state));
        json_set_text(&object, "reason", collector->reason);
        json_set_u64(&object, "intervalNsec", collector->interval_ns);
        json_set_u64(&object, "configuredIntervalNsec", collector->configured_interval_ns);
        json_set_u64(&object, "passes", collector->n_passes);
        json_set_u64(&object, "failedPasses", collector->n_failed_passes);
        json_set_u64(&object, "latePasses", collector->n_late_passes);
        json_set_u64(&object, "passCostNsec", collector->pass_cost_ns);
        if (collector->last_pass_us > 0)
                json_set_u64(&object, "lastPassUsec", collector->last_pass_us);
        else
                json_set_null(&object, "lastPassUsec");
        set_counters(&object, &collector->info);
        json_append_writer(array, &object);
}

static void set_collectors(struct json_writer *writer, const struct status *status) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < status->n_collectors; i++)
                append_collector(&array, &status->collectors[i]);

        json_set_writer(writer, "collectors", &array);
}

static void append_setting(struct json_writer *array, const struct status_setting *setting) {
        struct json_writer object = json_writer_object();
        _cleanup_(freep) char *name = NULL;

        if (asprintf(&name, "%s.%s", setting->section, setting->key) < 0) {
                name = NULL; /* asprintf() leaves it undefined */
                object.error = -ENOMEM;
        }

        json_set_text(&object, "name", name);
        json_set_text(&object, "value", setting->value);
        json_set_bool(&object, "runtime", setting->runtime);
        json_append_writer(array, &object);
}

static void set_settings(struct json_writer *writer, const struct status *status) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < status->n_settings; i++)
                append_setting(&array, &status->settings[i]);

        json_set_writer(writer, "settings", &array);
}

static void set_disk(struct json_writer *writer, const struct history_stats *history) {
        struct json_writer object = json_writer_object();

        json_set_text(&object, "state", history_state_to_string(history->state));
        json_set_text(&object, "reason", history->reason);
        json_set_text(&object, "path", history->path);
        json_set_text(&object, "setAside", history->set_aside);
        json_set_u64(&object, "bytes", history->disk.bytes);
        json_set_u64(&object, "budgetBytes", history->disk.budget_bytes);
        if (history->disk.oldest_us > 0)
                json_set_u64(&object, "oldestUsec", history->disk.oldest_us);
        else
                json_set_null(&object, "oldestUsec");
        json_set_u64(&object, "events", history->disk.n_events);
        json_set_u64(&object, "flushes", history->n_flushes);
        json_set_u64(&object, "failures", history->n_failures);
        json_set_u64(&object, "queuedEvents", history->n_queued);
        json_set_u64(&object, "lateEvents", history->n_late_events);
        json_set_u64(&object, "lostEvents", history->n_events_lost);
        json_set_u64(&object, "unreadableRecords", history->n_unreadable);
        json_set_u64(&object, "writtenBytesPerHour", history->written_per_hour);
        json_set_writer(writer, "disk", &object);
}

static void set_store(struct json_writer *writer, const struct status *status) {
        struct json_writer object = json_writer_object();
        const struct store_stats *store = &status->store;

        json_set_u64(&object, "bytes", store->bytes);
        if (status->store_budget_bytes > 0)
                json_set_u64(&object, "budgetBytes", status->store_budget_bytes);
        else
                json_set_null(&object, "budgetBytes");
        json_set_u64(&object, "passes", store->n_passes);
        json_set_u64(&object, "passesDropped", store->n_passes_dropped);
        json_set_u64(&object, "series", store->n_series);
        json_set_u64(&object, "seriesRefused", store->n_series_refused);
        json_set_u64(&object, "events", store->n_events);
        json_set_u64(&object, "eventsDropped", store->n_events_dropped);
        json_set_u64(&object, "stacks", store->n_stacks);
        if (status->has_history)
                set_disk(&object, &status->history);
        else
                json_set_null(&object, "disk");
        json_set_writer(writer, "store", &object);
}

static void set_traffic(struct json_writer *writer, const struct status *status) {
        json_set_u64(writer, "connections", status->n_connections);
        json_set_u64(writer, "subscriptions", status->n_subscriptions);
        json_set_u64(writer, "droppedMessages", status->n_dropped_messages);
        json_set_u64(writer, "refusedConnections", status->n_refused_connections);
        json_set_u64(writer, "journalEntries", status->n_journal_entries);
        json_set_u64(writer, "journalSuppressed", status->n_journal_suppressed);
        json_set_u64(writer, "journalDropped", status->n_journal_dropped);
}

int json_status(const struct status *status, const struct json_host *host, uint64_t now_us,
                struct json_object **ret_object) {
        struct json_writer writer = json_writer_object();

        json_set_text(&writer, "version", status->version);
        json_set_text(&writer, "hostname", host->name);
        json_set_text(&writer, "kernel", host->kernel);
        json_set_text(&writer, "bootId", host->boot_id);
        json_set_u64(&writer, "nowUsec", now_us);
        json_set_u64(&writer, "startedUsec", status->started_us);
        json_set_u64(&writer, "cpuNsec", status->cpu_ns);
        json_set_u64(&writer, "bpfNsec", status->bpf_ns);
        json_set_u64(&writer, "rssBytes", status->rss_bytes);
        set_collectors(&writer, status);
        set_settings(&writer, status);
        set_store(&writer, status);
        set_traffic(&writer, status);
        return json_writer_finish(&writer, ret_object);
}
