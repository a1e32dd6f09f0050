/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The few kernel types that the programs touch, declared by hand with just the fields in use. CO-RE relocates
 * them against the running kernel's BTF; a field that may be missing is asked for with
 * bpf_core_field_exists() first.
 */

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct timerqueue_node {
        __s64 expires;
};

struct hrtimer {
        struct timerqueue_node node;
        void *function;
        __u8 is_soft;
};

struct timer_list {
        void *function;
};

struct irqaction {
        void *handler;
        const char *name;
};

struct ns_common {
        unsigned int inum;
};

struct net {
        struct ns_common ns;
};

typedef struct {
        struct net *net; /* with CONFIG_NET_NS */
} possible_net_t;

struct net_device {
        char name[16];
        possible_net_t nd_net;
};

struct sk_buff {
        struct net_device *dev;
        unsigned char *head, *data;
        unsigned int len, data_len;
        __be16 protocol;
        __u16 mac_header;
};

struct napi_struct {
        struct net_device *dev;
};

struct rq {
        __u64 prev_steal_time; /* with CONFIG_PARAVIRT */
};

struct cfs_rq {
        struct rq *rq; /* with CONFIG_FAIR_GROUP_SCHED */
};

struct sched_entity {
        struct cfs_rq *cfs_rq; /* with CONFIG_FAIR_GROUP_SCHED */
};

struct task_struct {
        unsigned int flags;
        int pid;
        int tgid;
        char comm[16];
        struct task_struct *real_parent;
        struct task_struct *group_leader;
        struct sched_entity se;
};

#pragma clang attribute pop
