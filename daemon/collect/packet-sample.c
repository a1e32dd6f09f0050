/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/packet-sample.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "bpf/packets.skel.h"
#include "common/cleanup.h"

struct packet_sample {
        struct packets_bpf *skel;
        struct bpf_program *program;
        struct bpf_link *link; /* NULL: not attached */
        struct ring_buffer *ring;
        struct abi_packets_config request; /* of the one that runs, or ran last */
        uint64_t *n_observed;              /* per possible CPU */
        int n_cpus;
        size_t n_packets;
        struct abi_packet packets[ABI_PACKETS_MAX];
};
DEFINE_CLEANUP(struct packet_sample *, packet_sample_free)

static int ignore_libbpf_message(enum libbpf_print_level level, const char *format, va_list ap) {
        return 0; /* its errors come back as return codes; its texts are for developers */
}

static struct btf *kernel_types(void) {
        (void)libbpf_set_print(ignore_libbpf_message); /* returns the previous callback */
        return btf__load_vmlinux_btf();
}

int packet_sample_probe(const char **ret_reason) {
        struct btf *btf = kernel_types();

        if (!btf) {
                *ret_reason = "the kernel offers no type information (/sys/kernel/btf/vmlinux): it needs "
                              "CONFIG_DEBUG_INFO_BTF=y";
                return -EOPNOTSUPP;
        }

        btf__free(btf);
        return 0;
}

/* Typed where the kernel's types have the tracepoint, raw elsewhere. */
static struct bpf_program *choose_program(struct packets_bpf *skel) {
        struct btf *btf = kernel_types();
        bool typed = btf && btf__find_by_name_kind(btf, "btf_trace_netif_receive_skb", BTF_KIND_TYPEDEF) > 0;

        btf__free(btf);
        return typed ? skel->progs.irqd_packet : skel->progs.irqd_packet_raw;
}

static int take_record(void *userdata, void *data, size_t size) {
        struct packet_sample *sample = userdata;

        /* Several CPUs at once may draw a few more than was asked for. */
        if (size >= sizeof(struct abi_packet) && sample->n_packets < sample->request.n_max)
                sample->packets[sample->n_packets++] = *(const struct abi_packet *)data;
        return 0;
}

/* Closes the link's descriptor, which detaches the program, whatever bpf_link__destroy() returns. */
static void detach(struct packet_sample *sample) {
        (void)bpf_link__destroy(sample->link);
        sample->link = NULL;
}

struct packet_sample *packet_sample_free(struct packet_sample *sample) {
        if (!sample)
                return NULL;

        detach(sample);
        ring_buffer__free(sample->ring);
        packets_bpf__destroy(sample->skel);
        free(sample->n_observed);
        free(sample);
        return NULL;
}

static int load(struct packet_sample *sample) {
        int r;

        sample->skel = packets_bpf__open();
        if (!sample->skel)
                return -errno;

        sample->program = choose_program(sample->skel);
        r = bpf_program__set_autoload(sample->program, true);
        if (r < 0)
                return r;
        r = packets_bpf__load(sample->skel);
        if (r < 0)
                return r;

        sample->ring = ring_buffer__new(bpf_map__fd(sample->skel->maps.drawn), take_record, sample, NULL);
        return sample->ring ? 0 : -errno;
}

int packet_sample_new(struct packet_sample **ret_sample) {
        _cleanup_(packet_sample_freep) struct packet_sample *sample = NULL;
        int r;

        sample = calloc(1, sizeof(*sample));
        if (!sample)
                return -ENOMEM;

        sample->n_cpus = libbpf_num_possible_cpus();
        if (sample->n_cpus < 0)
                return sample->n_cpus;
        sample->n_observed = calloc((size_t)sample->n_cpus, sizeof(*sample->n_observed));
        if (!sample->n_observed)
                return -ENOMEM;

        r = load(sample);
        if (r < 0)
                return r;

        *ret_sample = TAKE_PTR(sample);
        return 0;
}

static int observed_map(const struct packet_sample *sample) {
        return bpf_map__fd(sample->skel->maps.observed);
}

/* Forgets what a sample before left behind: packets of one that was not finished. */
static int reset(struct packet_sample *sample) {
        uint32_t zero = 0;
        int r;

        r = ring_buffer__consume(sample->ring);
        if (r < 0)
                return r;

        memset(sample->n_observed, 0, (size_t)sample->n_cpus * sizeof(*sample->n_observed));
        r = bpf_map_update_elem(observed_map(sample), &zero, sample->n_observed, BPF_ANY);
        if (r < 0)
                return r;

        sample->n_packets = 0;
        sample->skel->bss->n_drawn = 0;
        return 0;
}

int packet_sample_start(struct packet_sample *sample, const struct packet_sample_request *request) {
        struct abi_packets_config config = {
                .until_ns = request->until_ns,
                .netns = request->namespace_inode,
                .draw_below = UINT32_MAX / request->one_in,
                .n_max = MIN(request->n_max, (uint32_t)ABI_PACKETS_MAX),
        };
        struct bpf_link *link;
        int r;

        assert(!sample->link);
        r = reset(sample);
        if (r < 0)
                return r;

        memcpy(config.device, request->device, strnlen(request->device, sizeof(config.device) - 1));
        sample->request = config;
        memcpy((void *)&sample->skel->bss->config, &config, sizeof(config));
        link = bpf_program__attach(sample->program);
        if (!link)
                return -errno;

        sample->link = link;
        return 0;
}

bool packet_sample_is_running(const struct packet_sample *sample) {
        return sample->link;
}

bool packet_sample_is_over(const struct packet_sample *sample, uint64_t now_ns) {
        return now_ns >= sample->request.until_ns ||
               *(const volatile uint32_t *)&sample->skel->bss->n_drawn >= sample->request.n_max;
}

int packet_sample_finish(struct packet_sample *sample, struct packet_sample_result *ret_result) {
        struct packet_sample_result result = { .packets = sample->packets };
        uint32_t zero = 0;
        int r;

        detach(sample);

        r = ring_buffer__consume(sample->ring);
        if (r < 0)
                return r;
        r = bpf_map_lookup_elem(observed_map(sample), &zero, sample->n_observed);
        if (r < 0)
                return r;

        for (int i = 0; i < sample->n_cpus; i++)
                result.n_observed += sample->n_observed[i];
        result.n_packets = sample->n_packets;
        memcpy(result.device, sample->request.device, sizeof(result.device));
        *ret_result = result;
        return 0;
}
