/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/packet-trigger.h"

#include <string.h>

#include "common/cleanup.h"

#define LOOPBACK "lo" /* nobody floods himself; local traffic is often small */

enum {
        /* Receivers acknowledge at least every second full segment (RFC 9293, 3.8.6.3), most less often. */
        BYTES_PER_ACK = 2500,
        PASSES_IN_A_ROW = 2,   /* one may be a burst */
        COOL_DOWN_GROWTH = 16, /* times the setting at most */
        NEWS_FACTOR = 4,
        /* Ranks of two readings differ by more than one part in that many, or they are equal: the readings are
         * of two moments, which lie apart when the machine is busy, as it is under a flood. */
        OTHER_READING = 4,
};

/* Without a suspect for this long, the next one is a new case. */
#define CASE_CLOSED_NS (600 * NSEC_PER_SEC)

uint64_t packet_suspect_rate(const struct packet_limits *limits, const struct packet_device *change,
                             uint64_t elapsed_ns) {
        double seconds = (double)elapsed_ns / (double)NSEC_PER_SEC;
        uint64_t n_acks = change->tx_bytes / BYTES_PER_ACK;

        if (elapsed_ns == 0 || change->rx_packets <= n_acks)
                return 0;
        if ((double)(change->rx_packets - n_acks) < (double)limits->packets_min * seconds)
                return 0;
        if (change->rx_bytes / change->rx_packets > limits->mean_size_max)
                return 0;

        return (uint64_t)((double)change->rx_packets / seconds);
}

/* Of two ends of a link the one that is flooded receives at least what it answers; the flooding one sends at
 * least what comes back. Twice what came in without what went out is never less at the flooded end, even when
 * each packet is answered. */
static uint64_t rank_of(const struct packet_device *change, uint64_t elapsed_ns) {
        uint64_t twice = 2 * change->rx_packets, rank = twice > change->tx_packets ? twice - change->tx_packets : 1;

        return (uint64_t)((double)rank * (double)NSEC_PER_SEC / (double)MAX(elapsed_ns, UINT64_C(1)));
}

/* The suspect that ranks highest in this reading, whose devices were read at one moment. */
static void find_in_reading(const struct packet_limits *limits, const struct packet_devices *before,
                            const struct packet_devices *after, uint64_t elapsed_ns,
                            bool (*is_usable)(void *userdata, const char *device), void *userdata,
                            struct packet_suspect *suspect) {
        for (size_t i = 0; i < after->n; i++) {
                const struct packet_device *device = &after->items[i];
                struct packet_device change;
                uint64_t per_second, rank;

                if (strcmp(device->name, LOOPBACK) == 0 ||
                    packet_devices_change(before, device, &change) == 0)
                        continue;
                per_second = packet_suspect_rate(limits, &change, elapsed_ns);
                rank = rank_of(&change, elapsed_ns);
                if (per_second == 0 || (suspect->device && rank <= suspect->rank))
                        continue;
                if (is_usable && !is_usable(userdata, device->name))
                        continue;
                *suspect = (struct packet_suspect){
                        .device = device,
                        .per_second = per_second,
                        .rank = rank,
                };
        }
}

void packet_find_suspect(const struct packet_limits *limits, const struct packet_devices *before,
                         const struct packet_devices *after, uint64_t elapsed_ns,
                         bool (*is_usable)(void *userdata, const char *device), void *userdata,
                         struct packet_suspect *suspect) {
        struct packet_suspect found = {};

        find_in_reading(limits, before, after, elapsed_ns, is_usable, userdata, &found);
        if (found.device && (!suspect->device || found.rank > suspect->rank + suspect->rank / OTHER_READING))
                *suspect = found;
}

static bool is_due(const struct packet_trigger *trigger, const struct packet_limits *limits, uint64_t now_ns,
                   uint64_t per_second) {
        uint64_t since;

        if (trigger->sampled_ns == 0)
                return true;

        since = now_ns - trigger->sampled_ns;
        if (per_second / NEWS_FACTOR >= MAX(trigger->sampled_rate, UINT64_C(1)))
                return since >= limits->cool_down_ns;
        return since >=
               MAX(MIN(trigger->cool_down_ns, limits->cool_down_ns * COOL_DOWN_GROWTH), limits->cool_down_ns);
}

bool packet_trigger_step(struct packet_trigger *trigger, const struct packet_limits *limits, uint64_t now_ns,
                         uint64_t per_second) {
        uint64_t longest = limits->cool_down_ns * COOL_DOWN_GROWTH;

        if (per_second == 0) {
                trigger->n_passes = 0;
                if (now_ns - trigger->suspect_last_ns >= CASE_CLOSED_NS)
                        trigger->cool_down_ns = 0;
                return false;
        }

        trigger->suspect_last_ns = now_ns;
        if (++trigger->n_passes < PASSES_IN_A_ROW || !is_due(trigger, limits, now_ns, per_second))
                return false;

        /* The first one of a case is followed by the setting, the second by twice as long. */
        trigger->cool_down_ns =
                trigger->cool_down_ns == 0 ? limits->cool_down_ns : MIN(trigger->cool_down_ns * 2, longest);
        trigger->sampled_ns = now_ns;
        trigger->sampled_rate = per_second;
        return true;
}

uint32_t packet_sample_ratio(const struct packet_limits *limits, uint64_t per_second) {
        double expected = (double)per_second * (double)limits->duration_ns / (double)NSEC_PER_SEC;
        double ratio = expected / (double)MAX(limits->n_max, UINT64_C(1));

        if (ratio <= 1)
                return 1;
        if (ratio >= (double)UINT32_MAX)
                return UINT32_MAX;
        return (uint32_t)ratio + ((double)(uint32_t)ratio < ratio);
}
