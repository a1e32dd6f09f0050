/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/config-sections.h"

#include <string.h>

#include "daemon/collect/collector.h"

static const struct setting_desc daemon_settings[] = {
        {
                .name = "max-connections",
                .type = SETTING_COUNT,
                .default_text = "128",
                .min = 1,
                .max = 4096,
                .help = "clients that may be connected at a time",
        },
};

/* How long a part of the history on disk is kept, where its budget allows. */
#define KEEP(key, text, least_s, what)                                                                             \
        {                                                                                                          \
                .name = key, .type = SETTING_DURATION, .default_text = text, .min = (least_s)*NSEC_PER_SEC,        \
                .max = UINT64_C(3660) * 24 * 3600 * NSEC_PER_SEC, .help = what, .runtime = true,                   \
        }

static const struct setting_desc store_settings[] = {
        {
                .name = "memory",
                .type = SETTING_SIZE,
                .default_text = "64M",
                .min = UINT64_C(1) << 20,
                .max = UINT64_C(64) << 30,
                .help = "memory for samples, events and stacks; the oldest go first",
                .runtime = true,
        },
        {
                .name = "retention",
                .type = SETTING_DURATION,
                .default_text = "1h",
                .min = 60 * NSEC_PER_SEC,
                .max = 7 * 24 * 3600 * NSEC_PER_SEC,
                .help = "how long samples and events are kept in memory",
                .runtime = true,
        },
        {
                .name = "max-events",
                .type = SETTING_COUNT,
                .default_text = "10000",
                .min = 1,
                .max = 10000000,
                .help = "events that are kept in memory at most",
                .runtime = true,
        },
        {
                .name = "disk",
                .type = SETTING_BOOLEAN,
                .default_text = "yes",
                .help = "keep history on disk, in the state directory",
        },
        {
                .name = "disk-budget",
                .type = SETTING_SIZE,
                .default_text = "256M",
                .min = UINT64_C(16) << 20,
                .max = UINT64_C(64) << 30,
                .help = "size of the history on disk; the oldest go first",
                .runtime = true,
        },
        {
                .name = "flush",
                .type = SETTING_DURATION,
                .default_text = "5s",
                .min = NSEC_PER_SEC,
                .max = 60 * NSEC_PER_SEC,
                .help = "time between two writes of samples: what a crash may cost",
                .runtime = true,
        },
        KEEP("keep-raw", "3h", 1800, "how long samples are kept on disk as they were read"),
        KEEP("keep-10s", "3d", 7200, "how long they are kept in steps of 10 s"),
        KEEP("keep-1min", "2w", 24 * 3600, "how long they are kept in steps of 1 min"),
        KEEP("keep-10min", "400d", 24 * 3600, "how long they are kept in steps of 10 min"),
        KEEP("keep-events", "400d", 3600, "how long events are kept on disk"),
};

static const struct setting_desc journal_settings[] = {
        {
                .name = "enabled",
                .type = SETTING_BOOLEAN,
                .default_text = "yes",
                .help = "write an entry to the journal for every window above the threshold",
                .runtime = true,
        },
        {
                .name = "burst",
                .type = SETTING_COUNT,
                .default_text = "10",
                .min = 1,
                .max = 10000,
                .help = "entries of one kind that may be written per interval; the rest is summed up",
                .runtime = true,
        },
        {
                .name = "interval",
                .type = SETTING_DURATION,
                .default_text = "10s",
                .min = 100 * NSEC_PER_MSEC,
                .max = 24 * 3600 * NSEC_PER_SEC,
                .help = "the time in which the burst is granted anew",
                .runtime = true,
        },
};

const struct config_section config_section_daemon = {
        .name = "daemon",
        .settings = daemon_settings,
        .n_settings = ELEMENTSOF(daemon_settings),
};

const struct config_section config_section_store = {
        .name = "store",
        .settings = store_settings,
        .n_settings = ELEMENTSOF(store_settings),
};

const struct config_section config_section_journal = {
        .name = "journal",
        .settings = journal_settings,
        .n_settings = ELEMENTSOF(journal_settings),
};

int config_sections_new(const struct collector_ops *const *registry,
                        const struct config_section ***ret_sections, size_t *ret_n) {
        static const struct config_section *const own[] = {
                &config_section_daemon, &config_section_store, &config_section_journal,
                &config_section_alerts, &config_family_alert,
        };
        const struct config_section **sections;
        size_t n = 0;

        while (registry[n])
                n++;

        sections = calloc(ELEMENTSOF(own) + n, sizeof(*sections));
        if (!sections)
                return -ENOMEM;

        memcpy(sections, own, sizeof(own));
        for (size_t i = 0; i < n; i++)
                sections[ELEMENTSOF(own) + i] = registry[i]->section;

        *ret_sections = sections;
        *ret_n = ELEMENTSOF(own) + n;
        return 0;
}
