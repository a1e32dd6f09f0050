/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Kernel addresses to names at event time, from proc/kallsyms. Keeps one packed table resident and reads
 * the file again only when there is a reason: modules came or went, or an address lies where modules and BPF
 * programs live and the table has nothing, or only a BPF program, there. No global state; one thread
 * at a time may use an object, which may be a worker's. Addresses must not leave the daemon.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/symbols/kallsyms-table.h"

struct kallsyms;

struct kallsyms_stats {
        size_t n_symbols;
        size_t memory_bytes; /* of the table */
        uint64_t n_reads;    /* of proc/kallsyms, the first included */
        uint64_t n_failed;   /* rereads that failed: the old table stayed */
};

/* Reads proc/kallsyms and proc/modules below root_fd, which is duplicated. now_ns is CLOCK_MONOTONIC, as in
 * kallsyms_refresh(). 0; -EPERM when the kernel shows all addresses as 0: the caller lacks CAP_SYSLOG or
 * kernel.kptr_restrict is 2; -ENODATA no text symbols; -EBADMSG not a kallsyms; -ENOMEM; -errno of
 * opening (-ENOENT: a kernel without CONFIG_KALLSYMS). */
int kallsyms_new(int root_fd, uint64_t now_ns, struct kallsyms **ret_kallsyms);
/* Whether kallsyms_new() would return -EPERM. 1, 0, or -errno of opening. */
int kallsyms_are_hidden(int root_fd);
struct kallsyms *kallsyms_free(struct kallsyms *kallsyms);
DEFINE_CLEANUP(struct kallsyms *, kallsyms_free)

/* Makes sure that the table is fit for these addresses; call before looking them up. Checks a hash of
 * proc/modules at most once a second. Addresses without a symbol outside of the kernel proper, and those in
 * BPF programs (which come and go without a trace in proc/modules), reread the table at most every 10 s,
 * backing off to 10 min while that changes nothing. Returns 1 when the table was reread (names that were
 * looked up before are invalid then), 0 when not; a failed reread keeps the old table and returns its
 * negative errno. */
int kallsyms_refresh(struct kallsyms *kallsyms, const uint64_t *addresses, size_t n, uint64_t now_ns);

/* 0; -ENOENT when no symbol fits. Strings are borrowed until the next refresh. */
int kallsyms_lookup(const struct kallsyms *kallsyms, uint64_t address, struct kallsyms_symbol *ret_symbol);
/* Addresses of the functions of that name (statics may share one), ascending: returns how many there
 * are and stores the first n_max. Takes about a millisecond. */
size_t kallsyms_find(const struct kallsyms *kallsyms, const char *name, uint64_t *ret_addresses,
                     size_t n_max);
void kallsyms_get_stats(const struct kallsyms *kallsyms, struct kallsyms_stats *ret_stats);

/* Length of a symbol's name without what compilers append to clones of a function: ".cold", ".constprop.0",
 * ".isra.1", ".part.2", ".llvm.123", ".lto_priv.0", ".localalias", also several of them. A leading dot
 * (ppc64's entry points) is part of the name. */
size_t symbol_base_length(const char *name) _pure_;
