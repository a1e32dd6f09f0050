/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rules about packets that come in masses. They join what one otherwise collects by hand (softirq time of a
 * CPU, its ksoftirqd, its share of NET_RX, packets per second and their size, SYNs, ports) for one and the
 * same stretch of time, the report's moments.
 */

#include <inttypes.h>
#include <string.h>

#include "daemon/query/finding-rule.h"

enum {
        SMALL_PER_SECOND = 10000, /* packets on a device: fewer small ones are nobody's trouble */
        SMALL_BYTES = 128,        /* on average: SYNs, empty ACKs and minimal datagrams have 54 to 80 */
        SMALL_REPLY_RATIO =
                4, /* bytes sent per byte received: more, and the small ones acknowledge a transfer */
        SYN_PER_SECOND = 1000,         /* failed handshakes or dropped requests: no client is as persistent */
        SYN_COOKIES_PER_SECOND = 200,  /* the kernel itself believes in a flood when it sends these */
        SYN_SAMPLE = 50,               /* sampled packets to judge by */
        SYN_SAMPLE_PERCENT = 50,       /* a connection that is used has one SYN in at least four packets */
        SYN_SAMPLE_PER_SECOND = 2000,  /* packets on the device, for the sample to matter */
        SYN_FAILED_RATIO = 4,          /* failed handshakes per successful one */
        UDP_REFUSED_PER_SECOND = 1000, /* datagrams to closed ports */
        UDP_SAMPLE_PERCENT = 80,
        HARM_SOFTIRQ_PERCENT = 50, /* of a CPU, where "top" begins to look wrong */
        HARM_KSOFTIRQD_PERCENT = 40,
        HARM_DROPS_PER_SECOND = 10,
        TOLD_PER_SECOND = 10,  /* fewer are everyday's */
        CRITICAL_PERCENT = 80, /* of a CPU: nothing is left for others soon */
};

/* What a moment has to say of it. */
struct flood {
        const struct moment *moment;
        const char *device;    /* NULL: none had many packets */
        double packets, bytes; /* per second; per packet */
        double sent_bytes;     /* per second */
        double device_drops;
        int cpu;                      /* the one that ran most NET_RX; CPU_NONE */
        double net_rx, net_rx_others; /* per second, of that CPU and of the others on average */
        double softirq, ksoftirqd;    /* percent of that CPU; negative: not known */
        double backlog_drops;
        double cookies, cookies_valid, failed, dropped, opened; /* TCP, per second */
        double refused, overrun;                                /* UDP, per second */
        double syn_percent, udp_percent;                        /* of the sample; 0 without */
        bool tells_syns;                                        /* else datagrams: see tell_of() */
        const char *port;                                       /* most of those go there; NULL */
};

static bool is_small(const struct flood *flood) {
        return flood->packets >= SMALL_PER_SECOND && flood->bytes <= SMALL_BYTES &&
               flood->sent_bytes <= flood->packets * flood->bytes * SMALL_REPLY_RATIO;
}

static bool is_harmful(const struct flood *flood) {
        return flood->softirq >= HARM_SOFTIRQ_PERCENT || flood->ksoftirqd >= HARM_KSOFTIRQD_PERCENT ||
               flood->backlog_drops >= HARM_DROPS_PER_SECOND || flood->device_drops >= HARM_DROPS_PER_SECOND;
}

static void measure_device(const struct load *load, const char *device, struct flood *flood) {
        flood->device = device;
        flood->packets = load_rate(load, LOAD_RX_PACKETS, device, CPU_NONE);
        flood->bytes =
                flood->packets > 0 ? load_rate(load, LOAD_RX_BYTES, device, CPU_NONE) / flood->packets : 0;
        flood->sent_bytes = load_rate(load, LOAD_TX_BYTES, device, CPU_NONE);
        flood->device_drops = load_rate(load, LOAD_RX_DROPS, device, CPU_NONE);
}

/* The device with most packets; among those, one with small packets goes first: a bridge or a tunnel in front
 * of it shows the same flood again, a large transfer beside it another. Nothing comes in from outside through
 * lo. */
static void choose_device(const struct load *load, struct flood *flood) {
        const struct rates *rates = load->metrics[LOAD_RX_PACKETS];

        for (size_t i = 0; rates && i < rates->n_rows; i++) {
                struct flood other = {};

                if (rates->rows[i].total == 0 || strcmp(rates->rows[i].name, "lo") == 0)
                        continue;
                measure_device(load, rates->rows[i].name, &other);
                if (flood->device &&
                    (is_small(flood) != is_small(&other) ? is_small(flood) : flood->packets >= other.packets))
                        continue;
                measure_device(load, rates->rows[i].name, flood);
        }
}

static double percent_of_cpu(const struct load *load, enum load_metric metric, const char *row, int cpu) {
        return load->metrics[metric] ? load_rate(load, metric, row, cpu) * 100 / (double)NSEC_PER_SEC : -1;
}

static void measure_cpu(const struct load *load, struct flood *flood) {
        const struct rates *rates = load->metrics[LOAD_SOFTIRQS];
        const struct rates_row *row = rates_find_row(rates, "NET_RX");
        size_t n_others = 0;
        double total = 0;

        flood->cpu = CPU_NONE;
        flood->softirq = flood->ksoftirqd = -1;
        for (size_t i = 0; row && i < rates->n_cpus; i++) {
                double rate = load_rate(load, LOAD_SOFTIRQS, "NET_RX", rates->cpus[i]);

                total += rate;
                n_others += rates->online[i];
                if (rate <= flood->net_rx)
                        continue;
                flood->net_rx = rate;
                flood->cpu = rates->cpus[i];
        }
        if (flood->cpu == CPU_NONE)
                return;

        flood->net_rx_others = n_others > 1 ? (total - flood->net_rx) / (double)(n_others - 1) : 0;
        flood->softirq = percent_of_cpu(load, LOAD_CPU_TIME, "softirq", flood->cpu);
        flood->ksoftirqd = percent_of_cpu(load, LOAD_KSOFTIRQD_TIME, "", flood->cpu);
}

static void measure_sample(const struct packets *packets, struct flood *flood) {
        if (!packets || packets->n_sampled < SYN_SAMPLE)
                return;

        flood->syn_percent = packets_share(packets, "tcp", "S", NULL) * 100;
        flood->udp_percent = packets_share(packets, "udp", NULL, NULL) * 100;
}

/* Chooses what of the sample is told: one flood beside another, and what a sample has of it, is no evidence.
 */
static void tell_of(struct flood *flood, bool syns) {
        double percent = syns ? flood->syn_percent : flood->udp_percent;

        flood->tells_syns = syns;
        flood->port = percent > 0 ? packets_top_port(flood->moment->packets, syns ? "tcp" : "udp",
                                                     syns ? "S" : NULL)
                                  : NULL;
}

static double tcp_rate(const struct load *load, const char *counter) {
        return load_rate(load, LOAD_TCP, counter, CPU_NONE);
}

static void measure(const struct moment *moment, struct flood *ret_flood) {
        const struct load *load = moment->load;
        struct flood flood = {
                .moment = moment,
                .backlog_drops = load_rate(load, LOAD_SOFTNET, "dropped", CPU_NONE),
                .cookies = tcp_rate(load, "SyncookiesSent"),
                .cookies_valid = tcp_rate(load, "SyncookiesRecv"),
                .failed = tcp_rate(load, "AttemptFails"),
                .dropped = tcp_rate(load, "TCPReqQFullDrop"),
                .opened = tcp_rate(load, "PassiveOpens"),
                .refused = tcp_rate(load, "UdpNoPorts"),
                .overrun = tcp_rate(load, "UdpRcvbufErrors"),
        };

        choose_device(load, &flood);
        measure_cpu(load, &flood);
        measure_sample(moment->packets, &flood);
        *ret_flood = flood;
}

/* What the sender's addresses are good for, or what the kernel counts, or what a sample shows. */
static bool is_syn_flood(const struct flood *flood) {
        if (flood->syn_percent >= SYN_SAMPLE_PERCENT && flood->packets >= SYN_SAMPLE_PER_SECOND)
                return true;
        /* Cookies that come back are real clients, and a backlog that is too short for them. */
        if (flood->cookies >= SYN_COOKIES_PER_SECOND && flood->cookies_valid * 2 < flood->cookies)
                return true;
        /* Dropped requests, or handshakes that the alleged client itself resets. */
        return flood->dropped >= SYN_PER_SECOND ||
               (flood->failed >= SYN_PER_SECOND && flood->failed >= flood->opened * SYN_FAILED_RATIO);
}

static bool is_udp_flood(const struct flood *flood) {
        if (flood->refused >= UDP_REFUSED_PER_SECOND)
                return true;
        return is_small(flood) && flood->udp_percent >= UDP_SAMPLE_PERCENT && is_harmful(flood);
}

/* The moment with most packets of those that a rule is about. */
static bool find_flood(const struct report *report, bool (*is_one)(const struct flood *),
                       struct flood *ret_flood) {
        bool found = false;

        for (size_t i = 0; i < report->moments.n; i++) {
                struct flood flood;

                measure(&report->moments.items[i], &flood);
                if (!is_one(&flood) || (found && flood.packets <= ret_flood->packets))
                        continue;
                *ret_flood = flood;
                found = true;
        }

        return found;
}

/* ": eth0 received 14678 packets per second of 60 bytes, 93 % of a sample TCP SYNs to port 80" */
static void write_packets(const struct flood *flood, FILE *f) {
        double percent = flood->tells_syns ? flood->syn_percent : flood->udp_percent;

        if (flood->device)
                fprintf(f, "%s received %.0f packets per second of %.0f bytes on average", flood->device,
                        flood->packets, flood->bytes);
        else
                fputs("no device on record received them", f);
        if (percent > 0)
                fprintf(f, ", of a sample %.0f %% %s%s%s", percent, flood->tells_syns ? "TCP SYNs" : "UDP",
                        flood->port ? " to port " : "", flood->port ?: "");
}

static void write_cpu(const struct flood *flood, FILE *f) {
        if (flood->cpu == CPU_NONE)
                return;

        fprintf(f, ". CPU %d ran %.0f NET_RX per second", flood->cpu, flood->net_rx);
        if (flood->net_rx_others > 0)
                fprintf(f, " (the others %.0f on average)", flood->net_rx_others);
        if (flood->softirq >= 0)
                fprintf(f, " and spent %.0f %% of its time in softirqs", flood->softirq);
        if (flood->ksoftirqd >= 1)
                fprintf(f, ", ksoftirqd/%d %.0f %%", flood->cpu, flood->ksoftirqd);
}

static void write_tcp(const struct flood *flood, FILE *f) {
        if (flood->cookies >= TOLD_PER_SECOND)
                fprintf(f, "; %.0f SYN cookies per second were sent, %.0f came back", flood->cookies,
                        flood->cookies_valid);
        if (flood->failed >= TOLD_PER_SECOND)
                fprintf(f, "; %.0f handshakes per second failed, %.0f succeeded", flood->failed,
                        flood->opened);
        if (flood->dropped >= TOLD_PER_SECOND)
                fprintf(f, "; %.0f requests per second were dropped", flood->dropped);
}

static void write_udp(const struct flood *flood, FILE *f) {
        if (flood->refused >= TOLD_PER_SECOND)
                fprintf(f, "; %.0f datagrams per second went to closed ports", flood->refused);
        if (flood->overrun >= TOLD_PER_SECOND)
                fprintf(f, "; %.0f per second were lost because the program was slow", flood->overrun);
}

static int set_flood_text(struct finding *finding, const char *what, const struct flood *flood,
                          void (*write_protocol)(const struct flood *, FILE *)) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        fprintf(f, "%s: ", what);
        write_packets(flood, f);
        if (write_protocol)
                write_protocol(flood, f);
        write_cpu(flood, f);
        if (fclose(f) != 0)
                return -ENOMEM;
        return finding_set_text(finding, "%s", text);
}

static int add_sample_evidence(struct finding *finding, const struct flood *flood) {
        const struct packets *packets = flood->moment->packets;
        int r;

        if (!packets || packets->n_sampled == 0)
                return 0;

        r = finding_add_integer(finding, "sampledPackets", packets->n_sampled);
        if (r == 0)
                r = finding_add_rate(finding, "synPercent", packets_share(packets, "tcp", "S", NULL) * 100);
        if (r == 0)
                r = finding_add_rate(finding, "udpPercent", packets_share(packets, "udp", NULL, NULL) * 100);
        if (r == 0 && flood->port)
                r = finding_add_text(finding, "port", flood->port);
        if (r == 0 && packets->n_sources > 0)
                r = finding_add_text(finding, "topSource", packets->sources[0].name);
        if (r == 0 && packets->n_sources > 0)
                r = finding_add_rate(finding, "topSourcePercent",
                                     100.0 * (double)packets->sources[0].n / (double)packets->n_sampled);
        return r;
}

static int add_cpu_evidence(struct finding *finding, const struct flood *flood) {
        int r;

        if (flood->cpu == CPU_NONE)
                return 0;

        r = finding_add_integer(finding, "cpu", (uint64_t)flood->cpu);
        if (r == 0)
                r = finding_add_rate(finding, "netRxPerSecond", flood->net_rx);
        if (r == 0)
                r = finding_add_rate(finding, "netRxOthersPerSecond", flood->net_rx_others);
        if (r == 0 && flood->softirq >= 0)
                r = finding_add_rate(finding, "softirqPercent", flood->softirq);
        if (r == 0 && flood->ksoftirqd >= 0)
                r = finding_add_rate(finding, "ksoftirqdPercent", flood->ksoftirqd);
        if (r == 0)
                r = cpu_set_add(&finding->cpus, flood->cpu);
        return r;
}

static int add_flood_evidence(struct finding *finding, const struct flood *flood) {
        const struct {
                const char *name;
                double value;
        } counters[] = {
                { "synCookiesPerSecond", flood->cookies },
                { "validCookiesPerSecond", flood->cookies_valid },
                { "failedAttemptsPerSecond", flood->failed },
                { "acceptedPerSecond", flood->opened },
                { "requestsDroppedPerSecond", flood->dropped },
                { "refusedDatagramsPerSecond", flood->refused },
                { "overrunDatagramsPerSecond", flood->overrun },
                { "backlogDropsPerSecond", flood->backlog_drops },
                { "deviceDropsPerSecond", flood->device_drops },
        };
        int r = 0;

        if (flood->device)
                r = finding_add_text(finding, "device", flood->device);
        if (r == 0)
                r = finding_add_rate(finding, "packetsPerSecond", flood->packets);
        if (r == 0)
                r = finding_add_rate(finding, "bytesPerPacket", flood->bytes);
        if (r == 0)
                r = add_sample_evidence(finding, flood);
        if (r == 0)
                r = add_cpu_evidence(finding, flood);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(counters); i++)
                if (counters[i].value >= 0.5)
                        r = finding_add_rate(finding, counters[i].name, counters[i].value);
        if (r == 0)
                finding_set_time(finding, flood->moment->load->since_us, flood->moment->load->until_us);
        return r;
}

static bool is_critical(const struct flood *flood) {
        return flood->softirq >= CRITICAL_PERCENT || flood->ksoftirqd >= CRITICAL_PERCENT;
}

int finding_syn_flood(struct finding_context *context) {
        struct finding *finding;
        struct flood flood;
        char subject[32];
        int r;

        if (!find_flood(context->report, is_syn_flood, &flood))
                return 0;

        tell_of(&flood, true);
        /* Full queues refuse real clients, too. */
        (void)snprintf(subject, sizeof(subject), "TCP port %s", flood.port ?: ""); /* a port, or cut */
        r = finding_add(context, is_critical(&flood) || flood.cookies + flood.dropped >= 1 ? SEVERITY_CRITICAL
                                                                                            : SEVERITY_WARNING,
                        flood.port ? subject : flood.device ?: "TCP", &finding);
        if (r == 0)
                r = set_flood_text(finding, "SYN flood", &flood, write_tcp);
        if (r == 0)
                r = finding_set_advice(
                        finding,
                        "\"tcpdump -nc 50 -i %s 'tcp[tcpflags] == tcp-syn'\" (50 packets, free) shows "
                        "sources and "
                        "port. Keep \"sysctl net.ipv4.tcp_syncookies\" at 1: clients get through, without "
                        "TCP options "
                        "while it lasts. Drop it before the stack: nftables in an ingress hook or \"meter\" "
                        "per source "
                        "(a lookup per packet; useless against forged addresses), XDP, best upstream. RPS "
                        "(/sys/class/net/DEV/queues/rx-0/rps_cpus) shares the load over CPUs meanwhile.",
                        flood.device ?: "any");
        if (r == 0)
                r = add_flood_evidence(finding, &flood);
        return r;
}

int finding_udp_flood(struct finding_context *context) {
        struct finding *finding;
        struct flood flood;
        char subject[32];
        int r;

        if (!find_flood(context->report, is_udp_flood, &flood))
                return 0;

        tell_of(&flood, false);
        (void)snprintf(subject, sizeof(subject), "UDP port %s", flood.port ?: ""); /* a port, or cut */
        r = finding_add(context, is_critical(&flood) ? SEVERITY_CRITICAL : SEVERITY_WARNING,
                        flood.port ? subject : flood.device ?: "UDP", &finding);
        if (r == 0)
                r = set_flood_text(finding, "UDP flood", &flood, write_udp);
        if (r == 0)
                r = finding_set_advice(
                        finding,
                        "\"tcpdump -nc 50 -i %s udp\" (50 packets, free) shows sources and port. If nobody "
                        "wants it, "
                        "drop it before the stack: nftables with a netdev ingress hook (a lookup per "
                        "packet), XDP, best "
                        "upstream. If it is wanted, the program needs larger batches (recvmmsg) or several "
                        "sockets "
                        "(SO_REUSEPORT), the CPU help from RPS (/sys/class/net/DEV/queues/rx-0/rps_cpus).",
                        flood.device ?: "any");
        if (r == 0)
                r = add_flood_evidence(finding, &flood);
        return r;
}

int finding_small_packets(struct finding_context *context) {
        struct finding *finding;
        struct flood flood;
        int r;

        if (!find_flood(context->report, is_small, &flood))
                return 0;

        tell_of(&flood, flood.syn_percent >= flood.udp_percent);
        r = finding_add(context, is_harmful(&flood) ? SEVERITY_WARNING : SEVERITY_INFO, flood.device,
                        &finding);
        if (r == 0)
                r = set_flood_text(finding, "Many small packets", &flood, NULL);
        if (r == 0)
                r = finding_set_advice(finding,
                                       "\"tcpdump -nc 50 -i %s\" (50 packets, free) shows what they are. "
                                       "Each costs as much as a "
                                       "large one: GRO (\"ethtool -k\") merges those of a TCP flow, "
                                       "\"ethtool -C rx-usecs\" their "
                                       "interrupts, more queues or RPS share them over CPUs.",
                                       flood.device);
        if (r == 0)
                r = add_flood_evidence(finding, &flood);
        return r;
}
