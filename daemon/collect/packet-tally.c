/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/packet-tally.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/cleanup.h"

#define OTHER "other"

const struct metric_desc packet_metrics[_PACKET_METRIC_MAX] = {
        [PACKET_SAMPLED] = { .name = "sampled",
                             .unit = "1",
                             .help = "Packets drawn in samples, by kind",
                             .row_name = "protocol",
                             .labels = { "flags", "port" },
                             .type = METRIC_COUNTER,
                             .width_bits = 64,
                             .from_zero = true },
        [PACKET_SOURCES] = { .name = "sources",
                             .unit = "1",
                             .help = "Packets drawn in samples, by source address",
                             .row_name = "source",
                             .type = METRIC_COUNTER,
                             .width_bits = 64,
                             .from_zero = true },
        [PACKET_SAMPLES] = { .name = "samples",
                             .unit = "1",
                             .help = "Samples taken",
                             .type = METRIC_COUNTER,
                             .width_bits = 64,
                             .from_zero = true },
        [PACKET_OBSERVED] = { .name = "observed",
                              .unit = "1",
                              .help = "Packets that went by during samples",
                              .type = METRIC_COUNTER,
                              .width_bits = 64,
                              .from_zero = true },
        [PACKET_BYTES] = { .name = "bytes",
                           .unit = "bytes",
                           .help = "Bytes of the packets drawn",
                           .type = METRIC_COUNTER,
                           .width_bits = 64,
                           .from_zero = true },
        [PACKET_DISTINCT] = { .name = "distinct-sources",
                              .unit = "1",
                              .help = "Different source addresses, counted in each sample",
                              .type = METRIC_COUNTER,
                              .width_bits = 64,
                              .from_zero = true },
        [PACKET_DEVICES] = { .name = "devices",
                             .unit = "1",
                             .help = "Samples taken, by device",
                             .row_name = "device",
                             .type = METRIC_COUNTER,
                             .width_bits = 64,
                             .from_zero = true },
};

/* A kind as the key of an entry. */
struct kind {
        uint8_t protocol; /* enum abi_packet_protocol */
        uint8_t flags;
        uint8_t flags_mixed, port_mixed;
        uint16_t port; /* where has_port */
        uint8_t has_port;
};

struct source {
        uint8_t version;
        uint8_t address[16];
};

_Static_assert(sizeof(struct kind) <= TALLY_KEY_MAX && sizeof(struct source) <= TALLY_KEY_MAX &&
                       (int)ABI_DEVICE_MAX <= (int)TALLY_KEY_MAX,
               "keys fit into an entry");

static struct kind kind_of(const struct tally_entry *entry) {
        struct kind kind;

        memcpy(&kind, entry->key, sizeof(kind));
        return kind;
}

static void set_kind(struct tally_entry *entry, const struct kind *kind) {
        memcpy(entry->key, kind, sizeof(*kind));
}

static int compare_keys(const void *a, const void *b) {
        const struct tally_entry *x = a, *y = b;

        return memcmp(x->key, y->key, sizeof(x->key));
}

static int compare_counts(const void *a, const void *b) {
        const struct tally_entry *x = a, *y = b;

        if (x->n != y->n)
                return x->n < y->n ? 1 : -1;
        return compare_keys(a, b);
}

/* Joins equal keys and puts the most frequent first. Returns how many are left. */
static size_t rank(struct tally_entry *entries, size_t n) {
        size_t kept = 0;

        qsort(entries, n, sizeof(*entries), compare_keys);
        for (size_t i = 0; i < n; i++)
                if (kept > 0 && compare_keys(&entries[kept - 1], &entries[i]) == 0)
                        entries[kept - 1].n += entries[i].n;
                else
                        entries[kept++] = entries[i];

        qsort(entries, kept, sizeof(*entries), compare_counts);
        return kept;
}

/* The entry that the latest samples had least use for. */
static struct tally_entry *stalest(struct tally_table *table) {
        struct tally_entry *entry = &table->entries[0];

        for (size_t i = 1; i < table->n; i++)
                if (table->entries[i].sample < entry->sample)
                        entry = &table->entries[i];

        return entry;
}

static void table_add(struct tally_table *table, const struct tally_entry *added, uint64_t sample) {
        struct tally_entry *entry = NULL;

        for (size_t i = 0; !entry && i < table->n; i++)
                if (compare_keys(&table->entries[i], added) == 0)
                        entry = &table->entries[i];

        if (!entry) {
                entry = table->n < TALLY_KEEP_MAX ? &table->entries[table->n++] : stalest(table);
                *entry = *added;
                entry->n = 0;
        }

        entry->n += added->n;
        entry->sample = sample;
}

/* Adds the first n_max entries as they are and returns the rest's place. */
static size_t add_first(struct tally_table *table, const struct tally_entry *entries, size_t n, size_t n_max,
                        uint64_t sample) {
        size_t n_added = MIN(n, n_max);

        for (size_t i = 0; i < n_added; i++)
                table_add(table, &entries[i], sample);
        return n_added;
}

/* What is rare loses its port first, then its flags: shares by protocol and flags stay exact as long as can
 * be. */
static void add_kinds(struct packet_tally *tally, struct tally_entry *entries, size_t n) {
        size_t n_added;

        n = rank(entries, n);
        n_added = add_first(&tally->kinds, entries, n, TALLY_KINDS_MAX, tally->n_samples);

        entries += n_added;
        n -= n_added;
        for (size_t i = 0; i < n; i++) {
                struct kind kind = kind_of(&entries[i]);

                kind.port_mixed = kind.has_port;
                kind.port = 0;
                set_kind(&entries[i], &kind);
        }
        n = rank(entries, n);
        n_added = add_first(&tally->kinds, entries, n, TALLY_MIXED_MAX, tally->n_samples);

        entries += n_added;
        n -= n_added;
        for (size_t i = 0; i < n; i++) {
                struct kind kind = kind_of(&entries[i]);

                kind.flags_mixed = 1;
                kind.flags = 0;
                set_kind(&entries[i], &kind);
        }
        n = rank(entries, n);
        (void)add_first(&tally->kinds, entries, n, _ABI_PACKET_PROTOCOL_MAX,
                        tally->n_samples); /* all of them: no more than protocols */
}

/* All-zero is the key of the rest, and of packets that have no source of which we know. */
static void add_sources(struct packet_tally *tally, struct tally_entry *entries, size_t n) {
        const uint8_t none[TALLY_KEY_MAX] = {};
        struct tally_entry rest = {};
        size_t n_named = 0;

        n = rank(entries, n);
        for (size_t i = 0; i < n; i++) {
                bool has_source = memcmp(entries[i].key, none, sizeof(none)) != 0;

                tally->n_distinct += has_source;
                if (has_source && n_named++ < TALLY_SOURCES_MAX)
                        table_add(&tally->sources, &entries[i], tally->n_samples);
                else
                        rest.n += entries[i].n;
        }

        if (rest.n > 0)
                table_add(&tally->sources, &rest, tally->n_samples);
}

static void kind_entry(const struct abi_packet *packet, struct tally_entry *entry) {
        const struct kind kind = {
                .protocol = packet->protocol,
                .flags = packet->protocol == ABI_PACKET_TCP ? packet->flags : 0,
                .has_port = packet->protocol == ABI_PACKET_TCP || packet->protocol == ABI_PACKET_UDP,
                .port = packet->port,
        };

        *entry = (struct tally_entry){ .n = 1 };
        set_kind(entry, &kind);
}

static void source_entry(const struct abi_packet *packet, struct tally_entry *entry) {
        struct source source = { .version = packet->version };

        *entry = (struct tally_entry){ .n = 1 };
        memcpy(source.address, packet->source, packet->version == 4 ? 4 : sizeof(source.address));
        if (packet->version != 0)
                memcpy(entry->key, &source, sizeof(source));
}

int packet_tally_add(struct packet_tally *tally, const struct abi_packet *packets, size_t n_packets,
                     uint64_t n_observed, const char device[ABI_DEVICE_MAX]) {
        _cleanup_(freep) struct tally_entry *entries = NULL;
        struct tally_entry on = { .n = 1 };

        entries = calloc(MAX(n_packets, (size_t)1), sizeof(*entries));
        if (!entries)
                return -ENOMEM;

        tally->n_samples++;
        tally->n_observed += n_observed;
        tally->n_drawn += n_packets;
        memcpy(on.key, device, ABI_DEVICE_MAX);
        table_add(&tally->devices, &on, tally->n_samples);

        for (size_t i = 0; i < n_packets; i++) {
                tally->n_bytes += packets[i].length;
                kind_entry(&packets[i], &entries[i]);
        }
        add_kinds(tally, entries, n_packets);

        for (size_t i = 0; i < n_packets; i++)
                source_entry(&packets[i], &entries[i]);
        add_sources(tally, entries, n_packets);
        return 0;
}

char *packet_flags_text(uint8_t flags, char text[PACKET_FLAGS_TEXT_MAX]) {
        static const char letters[] =
                "FSRPAUEC"; /* from bit 0 on: the fourteenth byte of the header (RFC 9293) */
        size_t n = 0;

        for (unsigned bit = 0; bit < 8; bit++)
                if (flags & 1U << bit)
                        text[n++] = letters[bit];
        text[n] = '\0';
        return text;
}

static int report_kind(const struct tally_entry *entry, struct batch *batch) {
        static const char *const protocols[] = {
                [ABI_PACKET_OTHER] = OTHER,
                [ABI_PACKET_TCP] = "tcp",
                [ABI_PACKET_UDP] = "udp",
                [ABI_PACKET_ICMP] = "icmp",
        };
        _Static_assert(ELEMENTSOF(protocols) == _ABI_PACKET_PROTOCOL_MAX, "a name for each protocol");
        const struct kind kind = kind_of(entry);
        char flags[PACKET_FLAGS_TEXT_MAX], port[8] = "";
        int r;

        if (kind.has_port && !kind.port_mixed)
                (void)snprintf(port, sizeof(port), "%u", kind.port); /* at most five digits */
        r = batch_add_row(
                batch, PACKET_SAMPLED,
                &(struct row_key){
                        .name = protocols[kind.protocol < ELEMENTSOF(protocols) ? kind.protocol : 0],
                        .labels = { kind.flags_mixed ? OTHER : packet_flags_text(kind.flags, flags),
                                    kind.port_mixed ? OTHER : port },
                });
        return r < 0 ? r : batch_add(batch, CPU_NONE, entry->n);
}

static int report_source(const struct tally_entry *entry, struct batch *batch) {
        char text[INET6_ADDRSTRLEN] = OTHER;
        struct source source;

        memcpy(&source, entry->key, sizeof(source));
        if (source.version != 0 &&
            !inet_ntop(source.version == 4 ? AF_INET : AF_INET6, source.address, text, sizeof(text)))
                return -errno;

        return batch_add_single(batch, PACKET_SOURCES, text, entry->n);
}

static int report_device(const struct tally_entry *entry, struct batch *batch) {
        char name[ABI_DEVICE_MAX + 1] = "";

        memcpy(name, entry->key, ABI_DEVICE_MAX);
        for (char *p = name; *p; p++)
                if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
                        *p = '?'; /* the kernel allows any byte but blanks, '/' and ':' */
        return batch_add_single(batch, PACKET_DEVICES, name, entry->n);
}

static int report_table(const struct tally_table *table, struct batch *batch,
                        int (*report)(const struct tally_entry *entry, struct batch *batch)) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < table->n; i++)
                r = report(&table->entries[i], batch);
        return r;
}

int packet_tally_report(const struct packet_tally *tally, struct batch *batch) {
        const struct {
                enum packet_metric metric;
                uint64_t value;
        } singles[] = {
                { PACKET_SAMPLES, tally->n_samples },
                { PACKET_OBSERVED, tally->n_observed },
                { PACKET_BYTES, tally->n_bytes },
                { PACKET_DISTINCT, tally->n_distinct },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(singles); i++)
                r = batch_add_single(batch, singles[i].metric, "", singles[i].value);
        if (r == 0)
                r = report_table(&tally->kinds, batch, report_kind);
        if (r == 0)
                r = report_table(&tally->sources, batch, report_source);
        if (r == 0)
                r = report_table(&tally->devices, batch, report_device);
        return r;
}
