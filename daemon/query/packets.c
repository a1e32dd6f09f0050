/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/packets.h"

#include <string.h>

#include "daemon/query/rates.h"
#include "daemon/query/span.h"

#define SOURCE "packets"
#define OTHER "other" /* the collector's word for what it does not list */

/* The order of the labels: packets_metrics[] of the collector. */
enum { LABEL_FLAGS, LABEL_PORT };

static int query_metric(const struct store *store, const char *metric, const struct packets *span,
                        struct rates **ret_rates) {
        const struct rates_request request = {
                .source = SOURCE,
                .metric = metric,
                .since_us = span->first_us,
                .until_us = span->last_us,
        };

        return rates_query(store, &request, ret_rates);
}

static int query_total(const struct store *store, const char *metric, const struct packets *span,
                       uint64_t *ret_total) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        uint64_t total = 0;
        int r;

        r = query_metric(store, metric, span, &rates);
        if (r < 0)
                return r;

        for (size_t i = 0; i < rates->n_rows; i++)
                total += rates->rows[i].total;
        *ret_total = total;
        return 0;
}

static int compare_groups(const void *a, const void *b) {
        const struct packets_group *x = a, *y = b;
        int r;

        if (x->n != y->n)
                return x->n < y->n ? 1 : -1;
        r = strcmp(x->protocol, y->protocol);
        if (r == 0)
                r = strcmp(x->flags, y->flags);
        return r ?: strcmp(x->port, y->port);
}

static int compare_names(const void *a, const void *b) {
        const struct packets_name *x = a, *y = b;

        if (x->n != y->n)
                return x->n < y->n ? 1 : -1;
        return strcmp(x->name, y->name);
}

/* The group of that key, made if need be: a row that went and came back is in the rates once for each of its
 * lives. */
static int find_group(struct packets *packets, const struct rates_row *row,
                      struct packets_group **ret_group) {
        const char *flags = row->labels[LABEL_FLAGS] ?: "", *port = row->labels[LABEL_PORT] ?: "";
        struct packets_group *group;

        for (size_t i = 0; i < packets->n_groups; i++) {
                group = &packets->groups[i];
                if (strcmp(group->protocol, row->name) == 0 && strcmp(group->flags, flags) == 0 &&
                    strcmp(group->port, port) == 0) {
                        *ret_group = group;
                        return 0;
                }
        }

        group = &packets->groups[packets->n_groups++]; /* first: what is half filled is freed with the rest */
        group->protocol = strdup(row->name);
        group->flags = strdup(flags);
        group->port = strdup(port);
        *ret_group = group;
        return group->protocol && group->flags && group->port ? 0 : -ENOMEM;
}

static int fill_groups(const struct store *store, struct packets *packets) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        int r;

        r = query_metric(store, "sampled", packets, &rates);
        if (r < 0)
                return r;

        packets->groups = calloc(MAX(rates->n_rows, (size_t)1), sizeof(*packets->groups));
        if (!packets->groups)
                return -ENOMEM;

        for (size_t i = 0; i < rates->n_rows; i++) {
                struct packets_group *group;

                if (rates->rows[i].total == 0)
                        continue;
                r = find_group(packets, &rates->rows[i], &group);
                if (r < 0)
                        return r;
                group->n += rates->rows[i].total;
                packets->n_sampled += rates->rows[i].total;
        }

        qsort(packets->groups, packets->n_groups, sizeof(*packets->groups), compare_groups);
        return 0;
}

/* The rows of a metric by name, with what the collector did not name in *ret_rest. */
static int fill_names(const struct store *store, const struct packets *packets, const char *metric,
                      struct packets_name **names, size_t *n_names, uint64_t *ret_rest) {
        _cleanup_(rates_freep) struct rates *rates = NULL;
        int r;

        r = query_metric(store, metric, packets, &rates);
        if (r < 0)
                return r;

        *names = calloc(MAX(rates->n_rows, (size_t)1), sizeof(**names));
        if (!*names)
                return -ENOMEM;

        for (size_t i = 0; i < rates->n_rows; i++) {
                const struct rates_row *row = &rates->rows[i];
                size_t at = 0;

                if (row->total == 0)
                        continue;
                if (ret_rest && strcmp(row->name, OTHER) == 0) {
                        *ret_rest += row->total;
                        continue;
                }
                while (at < *n_names && strcmp((*names)[at].name, row->name) != 0)
                        at++;
                if (at == *n_names) {
                        (*names)[at].name = strdup(row->name);
                        if (!(*names)[at].name)
                                return -ENOMEM;
                        (*n_names)++;
                }
                (*names)[at].n += row->total;
        }

        qsort(*names, *n_names, sizeof(**names), compare_names);
        return 0;
}

/* The moments of the passes between which samples came in. */
struct sample_times {
        uint64_t before_us; /* the pass before the first sample */
        uint64_t first_us, last_us;
        uint64_t n;
};

static int note_samples(const struct store_pass *pass, bool baseline, void *userdata) {
        struct sample_times *times = userdata;
        uint64_t n = 0;

        for (size_t i = 0; !baseline && i < pass->n_changes; i++)
                n += pass->changes[i].delta;

        if (n > 0) {
                times->n += n;
                times->last_us = pass->stamp.realtime_us;
                if (times->first_us == 0)
                        times->first_us = times->last_us;
        } else if (times->first_us == 0)
                times->before_us = pass->stamp.realtime_us;

        return 0;
}

static int find_metric(const struct store *store, unsigned source, const char *name, unsigned *ret_metric) {
        const struct metric_desc *metrics;
        size_t n;

        metrics = store_source_metrics(store, source, &n);
        for (size_t i = 0; i < n; i++)
                if (strcmp(metrics[i].name, name) == 0) {
                        *ret_metric = (unsigned)i;
                        return 0;
                }

        return -ENOENT;
}

/* -ENOENT when there was no sample. */
static int find_samples(const struct store *store, uint64_t since_us, uint64_t until_us,
                        struct sample_times *times) {
        struct store_scan request = { .since_us = since_us, .until_us = until_us };
        unsigned metric = 0;
        struct span span;
        int source, r;

        source = store_find_source(store, SOURCE);
        if (source < 0)
                return -ENOENT;
        r = find_metric(store, (unsigned)source, "samples", &metric);
        if (r < 0)
                return r;

        request.metrics = store_metric_bit(metric);
        r = span_scan(store, (unsigned)source, &request, note_samples, times, &span);
        if (r < 0)
                return r;

        return times->n > 0 ? 0 : -ENOENT;
}

static int fill(const struct store *store, struct packets *packets) {
        int r;

        r = query_total(store, "observed", packets, &packets->n_observed);
        if (r >= 0)
                r = query_total(store, "bytes", packets, &packets->n_bytes);
        if (r >= 0)
                r = query_total(store, "distinct-sources", packets, &packets->n_distinct);
        if (r >= 0)
                r = fill_groups(store, packets);
        if (r >= 0)
                r = fill_names(store, packets, "sources", &packets->sources, &packets->n_sources,
                               &packets->n_unnamed);
        if (r >= 0)
                r = fill_names(store, packets, "devices", &packets->devices, &packets->n_devices, NULL);
        return r;
}

int packets_query(const struct store *store, uint64_t since_us, uint64_t until_us,
                  struct packets **ret_packets) {
        _cleanup_(packets_freep) struct packets *packets = NULL;
        struct sample_times times = {};
        int r;

        r = find_samples(store, since_us, until_us, &times);
        if (r < 0)
                return r;

        packets = calloc(1, sizeof(*packets));
        if (!packets)
                return -ENOMEM;

        packets->n_samples = times.n;
        packets->first_us = times.before_us; /* where the differences start */
        packets->last_us = times.last_us;
        r = fill(store, packets);
        if (r < 0)
                return r;
        if (packets->n_sampled == 0)
                return -ENOENT; /* it was over before a packet was drawn */

        packets->first_us = times.first_us;
        *ret_packets = TAKE_PTR(packets);
        return 0;
}

static void free_names(struct packets_name *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(names[i].name);
        free(names);
}

struct packets *packets_free(struct packets *packets) {
        if (!packets)
                return NULL;

        for (size_t i = 0; i < packets->n_groups; i++) {
                free(packets->groups[i].protocol);
                free(packets->groups[i].flags);
                free(packets->groups[i].port);
        }
        free(packets->groups);
        free_names(packets->sources, packets->n_sources);
        free_names(packets->devices, packets->n_devices);
        free(packets);
        return NULL;
}

static bool matches(const char *wanted, const char *text) {
        return !wanted || strcmp(wanted, text) == 0;
}

uint64_t packets_count(const struct packets *packets, const char *protocol, const char *flags,
                       const char *port) {
        uint64_t n = 0;

        for (size_t i = 0; i < packets->n_groups; i++) {
                const struct packets_group *group = &packets->groups[i];

                if (matches(protocol, group->protocol) && matches(flags, group->flags) &&
                    matches(port, group->port))
                        n += group->n;
        }

        return n;
}

double packets_share(const struct packets *packets, const char *protocol, const char *flags,
                     const char *port) {
        return (double)packets_count(packets, protocol, flags, port) / (double)packets->n_sampled;
}

const char *packets_top_port(const struct packets *packets, const char *protocol, const char *flags) {
        const char *top = NULL;
        uint64_t n_top = 0;

        for (size_t i = 0; i < packets->n_groups; i++) {
                const struct packets_group *group = &packets->groups[i];
                uint64_t n;

                if (!matches(protocol, group->protocol) || !matches(flags, group->flags) || !*group->port ||
                    strcmp(group->port, OTHER) == 0)
                        continue;
                n = packets_count(packets, protocol, flags, group->port);
                if (n > n_top) {
                        n_top = n;
                        top = group->port;
                }
        }

        return top;
}
