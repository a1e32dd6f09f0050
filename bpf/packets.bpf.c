/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Draws one in N of the packets that one device receives and writes down protocol, TCP flags, destination
 * port and source. Attached for two seconds at a time, when the device's counters look like a flood. It stops
 * by itself at a moment and at a number that are set before it is attached, whatever becomes of the daemon.
 *
 * netif_receive_skb is passed by every packet that is handed to the network stack: after GRO (what that
 * merged counts once), before VLAN, bonding, bridge and macvlan move it to another device, and not by what
 * XDP dropped. A bridged packet passes once for its port and once for the bridge; looking at one device takes
 * each once.
 */

#include "packets.h"
#include "core.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define IP_FRAGMENT 0x3fff /* more fragments, or an offset */
#define LINK_HEADER_MAX 64
#define NO_MAC_HEADER 0xffff
#define VLANS_MAX 2
#define EXTENSIONS_MAX 6 /* headers between IPv6 and what it carries */

/* include/uapi/linux/in.h, in6.h */
enum {
        PROTOCOL_HOP = 0,
        PROTOCOL_ICMP = 1,
        PROTOCOL_TCP = 6,
        PROTOCOL_UDP = 17,
        PROTOCOL_ROUTING = 43,
        PROTOCOL_AUTH = 51,
        PROTOCOL_ICMPV6 = 58,
        PROTOCOL_OPTIONS = 60,
};

char LICENSE[] SEC("license")
= "GPL";

volatile struct abi_packets_config config = {};
volatile __u32 n_drawn = 0; /* written with atomics, may pass config.n_max by a packet per CPU */

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, __u64);
} observed SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, ABI_PACKETS_RING);
} drawn SEC(".maps");

/* Headers as they are on the wire, up to the fields that are looked at. */
struct vlan_header {
        __be16 tag, protocol;
};

struct ipv4_header {
        __u8 version_length, tos;
        __be16 length, id, fragment;
        __u8 ttl, protocol;
        __be16 checksum;
        __u8 source[4];
};

struct ipv6_header {
        __u8 unused[6];
        __u8 next, hops;
        __u8 source[16];
};

#define IPV6_HEADER_SIZE 40 /* with the destination, which nobody asks for */

struct extension_header {
        __u8 next, length;
};

struct ports {
        __be16 source, destination;
};

#define TCP_FLAGS_OFFSET 13

/* The linear part of a packet from its network header on. All reads stay inside it: behind it lies other
 * memory. */
struct view {
        const __u8 *data;
        __u32 size;
        __u32 at;
};

static __always_inline int view_read(const struct view *view, __u32 offset, void *buffer, __u32 size) {
        __u32 from = view->at + offset;

        if (from + size > view->size)
                return -1;
        return bpf_probe_read_kernel(buffer, size, view->data + from);
}

static __always_inline void read_transport(const struct view *view, __u8 protocol,
                                           struct abi_packet *packet) {
        struct ports ports = {};
        __u8 flags = 0;

        if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6) {
                packet->protocol = ABI_PACKET_ICMP;
                return;
        }
        if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP)
                return;
        if (view_read(view, 0, &ports, sizeof(ports)) < 0)
                return;
        if (protocol == PROTOCOL_TCP && view_read(view, TCP_FLAGS_OFFSET, &flags, sizeof(flags)) < 0)
                return;

        packet->protocol = protocol == PROTOCOL_TCP ? ABI_PACKET_TCP : ABI_PACKET_UDP;
        packet->port = __builtin_bswap16(ports.destination);
        packet->flags = flags;
}

static __always_inline void read_ipv4(struct view *view, struct abi_packet *packet) {
        struct ipv4_header ip = {};
        __u32 size;

        if (view_read(view, 0, &ip, sizeof(ip)) < 0)
                return;
        size = (ip.version_length & 0xf) * 4;
        if (ip.version_length >> 4 != 4 || size < 20)
                return;

        packet->version = 4;
        __builtin_memcpy(packet->source, ip.source, sizeof(ip.source));
        if (ip.fragment & __builtin_bswap16(IP_FRAGMENT))
                return;

        view->at += size;
        read_transport(view, ip.protocol, packet);
}

static __always_inline void read_ipv6(struct view *view, struct abi_packet *packet) {
        struct ipv6_header ip = {};
        __u8 next;

        if (view_read(view, 0, &ip, sizeof(ip)) < 0 || ip.unused[0] >> 4 != 6)
                return;

        packet->version = 6;
        __builtin_memcpy(packet->source, ip.source, sizeof(ip.source));
        view->at += IPV6_HEADER_SIZE;
        next = ip.next;
        for (int i = 0; i < EXTENSIONS_MAX; i++) {
                struct extension_header extension = {};

                if (next != PROTOCOL_HOP && next != PROTOCOL_ROUTING && next != PROTOCOL_OPTIONS &&
                    next != PROTOCOL_AUTH)
                        break;
                if (view_read(view, 0, &extension, sizeof(extension)) < 0)
                        return;
                view->at += next == PROTOCOL_AUTH ? (extension.length + 2) * 4 : (extension.length + 1) * 8;
                next = extension.next;
        }

        read_transport(view, next, packet);
}

static __always_inline void read_network(struct view *view, __u16 protocol, struct abi_packet *packet) {
        for (int i = 0; i < VLANS_MAX; i++) {
                struct vlan_header vlan = {};

                if (protocol != ETH_P_8021Q && protocol != ETH_P_8021AD)
                        break;
                if (view_read(view, 0, &vlan, sizeof(vlan)) < 0)
                        return;
                view->at += sizeof(vlan);
                protocol = __builtin_bswap16(vlan.protocol);
        }

        if (protocol == ETH_P_IP)
                read_ipv4(view, packet);
        else if (protocol == ETH_P_IPV6)
                read_ipv6(view, packet);
}

static __always_inline void read_packet(struct sk_buff *skb, struct abi_packet *packet) {
        const __u8 *head = BPF_CORE_READ(skb, head), *data = BPF_CORE_READ(skb, data);
        __u32 length = BPF_CORE_READ(skb, len), mac = BPF_CORE_READ(skb, mac_header);
        struct view view = { .data = data, .size = length - BPF_CORE_READ(skb, data_len) };
        __u32 link = mac == NO_MAC_HEADER ? 0 : (__u32)(data - head) - mac;

        packet->length = length + (link <= LINK_HEADER_MAX ? link : 0);
        read_network(&view, __builtin_bswap16(BPF_CORE_READ(skb, protocol)), packet);
}

static __always_inline int draw(struct sk_buff *skb, const char *device, __u32 netns) {
        struct abi_packet *packet;
        __u64 *n;
        __u32 zero = 0;

        for (int i = 0; i < ABI_DEVICE_MAX; i++) {
                if (device[i] != config.device[i])
                        return 0;
                if (!device[i])
                        break;
        }
        if (netns != config.netns)
                return 0;

        n = bpf_map_lookup_elem(&observed, &zero);
        if (!n)
                return 0;
        (*n)++;
        if (bpf_get_prandom_u32() > config.draw_below)
                return 0;

        __sync_fetch_and_add(&n_drawn, 1);
        packet = bpf_ringbuf_reserve(&drawn, sizeof(*packet), 0);
        if (!packet)
                return 0;

        __builtin_memset(packet, 0, sizeof(*packet));
        read_packet(skb, packet);
        bpf_ringbuf_submit(packet, BPF_RB_NO_WAKEUP); /* taken when the sample is over */
        return 0;
}

/* The number of the device's namespace; 0 where there is only one. */
static __always_inline __u32 namespace_of(struct net_device *device) {
        if (!bpf_core_field_exists(device->nd_net.net))
                return 0;
        return BPF_CORE_READ(device, nd_net.net, ns.inum);
}

static __always_inline int is_over(void) {
        return n_drawn >= config.n_max || bpf_ktime_get_ns() >= config.until_ns;
}

SEC("?tp_btf/netif_receive_skb")
int BPF_PROG(irqd_packet, struct sk_buff *skb) {
        struct net_device *device;
        char name[ABI_DEVICE_MAX] = {};

        if (is_over())
                return 0;
        device = skb->dev;
        bpf_core_read(name, sizeof(name), &device->name);
        return draw(skb, name, namespace_of(device));
}

/* The same where the kernel's type information does not have the tracepoint. */
SEC("?raw_tp/netif_receive_skb")
int irqd_packet_raw(struct bpf_raw_tracepoint_args *ctx) {
        struct sk_buff *skb = (struct sk_buff *)ctx->args[0];
        struct net_device *device;
        char name[ABI_DEVICE_MAX] = {};

        if (is_over())
                return 0;
        device = BPF_CORE_READ(skb, dev);
        bpf_core_read(name, sizeof(name), &device->name);
        return draw(skb, name, namespace_of(device));
}
