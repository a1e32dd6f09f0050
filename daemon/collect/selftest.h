/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Does the method work on this machine? Injects windows of known length beside a private irq-delay collector and
 * compares what it found with what really happened. Used by "irqctl selftest" and the kernel tests; the
 * daemon does not contain it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/collect/injector.h"
#include "daemon/store/event.h"

struct selftest_options {
        enum injector_context context;
        const uint64_t *lengths_ns; /* window lengths to inject, in this order */
        size_t n_lengths;
        unsigned n_runs;            /* of each length */
        uint64_t heartbeat_ns;
        uint64_t threshold_ns;      /* at least twice the heartbeat */
        uint64_t slack_ns;          /* by which a true length may miss the bracket */
        int cpu;                    /* on which windows are injected; CPU_NONE: the last one online */
        bool busy;                  /* keep that CPU busy in user mode meanwhile */
};

struct selftest_length {
        uint64_t length_ns;         /* as asked for */
        unsigned n_injected;        /* undisturbed ones, which the rest is about */
        unsigned n_disturbed;       /* the hypervisor took the CPU at an edge of the window: repeated */
        unsigned n_unobserved;      /* the collector itself says that it did not watch: repeated */
        unsigned n_found;
        unsigned n_inside;          /* found, and the true length lies in the bracket */
        uint64_t median_width_ns;   /* of the brackets */
        uint64_t worst_miss_ns;     /* largest distance of a true length from its bracket */
        unsigned n_by_class[_EVENT_CLASS_MAX];
};

/* An injected window that was not found, or whose true length is not inside: for whoever asks why. */
struct selftest_miss {
        struct injection injection;
        bool found;
        uint64_t end_ns, min_ns, max_ns; /* of the window found, or else of the one that ended nearest */
        enum event_class class;          /* CLASS_NONE: there was no window at all */
};

struct selftest_result {
        int cpu;
        struct selftest_length *lengths;
        size_t n_lengths;
        struct selftest_miss *misses;
        size_t n_misses;
        unsigned n_spurious;        /* irq-off or unknown windows on that CPU that nobody injected */
        bool passed;                /* n_runs of each undisturbed, all found and inside, median widths at most 1.2 heartbeats */
};

void selftest_result_done(struct selftest_result *result);

/* Two sorts of windows are not judged but repeated, at most as often again as asked for. At an edge of the window the hypervisor
 * took the CPU: it is longer than the injector's clock says, by no more than the steal time in its record (one in twenty may
 * lack that: a host's page fault is not accounted). Or the window was
 * not found and the collector's own coverage has a hole of at least its length: the kernel ran no BPF programs there, as
 * some sandboxes arrange for their agents. A window that is not found under full coverage is a failure.
 * Takes about the sum of all windows plus 10 ms for each. progress may be NULL. 0, also when it did not pass;
 * -EOPNOTSUPP with *ret_reason; -EINTR when *stop became true; other -errno, *ret_reason NULL or a literal. */
int selftest_run(const struct selftest_options *options, const volatile bool *stop,
                 void (*progress)(void *userdata, size_t done, size_t total), void *userdata,
                 struct selftest_result *ret_result, const char **ret_reason);

/* Chooses the CPU to hold up (wanted, or CPU_NONE for the last one online) and pins the caller where it must be: elsewhere for
 * INJECTOR_IPI, to that CPU for INJECTOR_PROCESS. 0; -ENODEV, -EOPNOTSUPP with *ret_reason; -errno. */
int selftest_choose_cpu(enum injector_context context, int wanted, int *ret_cpu, const char **ret_reason);
