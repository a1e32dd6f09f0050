/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/netdev-select.h"

#include <assert.h>
#include <string.h>

#include "common/cleanup.h"

void netdev_select_done(struct netdev_select *select) {
        free(select->candidates);
        free(select->next);
        *select = (struct netdev_select){};
}

static int netdev_select_reserve(struct netdev_select *select, size_t n) {
        struct netdev_candidate *candidates, *next;
        size_t allocated = MAX(select->allocated, (size_t)64);

        if (n <= select->allocated)
                return 0;
        while (allocated < n)
                allocated *= 2;

        candidates = reallocarray(select->candidates, allocated, sizeof(*candidates));
        if (!candidates)
                return -ENOMEM;
        select->candidates = candidates;

        next = reallocarray(select->next, allocated, sizeof(*next));
        if (!next)
                return -ENOMEM;
        select->next = next;

        select->allocated = allocated;
        return 0;
}

static int compare_names(const void *a, const void *b) {
        const struct netdev_candidate *x = a, *y = b;

        return strcmp(x->name, y->name);
}

/* This pass's interfaces by name. -EBADMSG: one came twice. */
static int netdev_select_take(struct netdev_select *select, const struct proc_net_dev_row *rows, size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct netdev_candidate *candidate = &select->next[i];

                *candidate = (struct netdev_candidate){
                        .row = i,
                        .packets = rows[i].counters[NETDEV_RX_PACKETS] + rows[i].counters[NETDEV_TX_PACKETS],
                };
                assert(rows[i].name.size <= NETDEV_NAME_MAX);
                memcpy(candidate->name, rows[i].name.data, rows[i].name.size);
        }

        qsort(select->next, n, sizeof(*select->next), compare_names);
        for (size_t i = 1; i < n; i++)
                if (compare_names(&select->next[i - 1], &select->next[i]) == 0)
                        return -EBADMSG;

        return 0;
}

/* Takes over what the pass before knew of them. Returns how many of its chosen ones are left. */
static size_t netdev_select_inherit(struct netdev_select *select, size_t n, netdev_is_physical_fn is_physical,
                                    void *userdata, bool *ret_new_hardware) {
        const struct netdev_candidate *old = select->candidates, *end = old + select->n_candidates;
        size_t n_chosen = 0;

        *ret_new_hardware = false;
        for (size_t i = 0; i < n; i++) {
                struct netdev_candidate *candidate = &select->next[i];

                while (old < end && compare_names(old, candidate) < 0)
                        old++;
                if (old < end && compare_names(old, candidate) == 0) {
                        candidate->baseline = old->baseline;
                        candidate->physical = old->physical;
                        candidate->chosen = old->chosen;
                } else {
                        candidate->physical = is_physical(candidate->name, userdata);
                        *ret_new_hardware |= candidate->physical;
                }
                n_chosen += candidate->chosen;
        }

        return n_chosen;
}

/* Packets since all were compared; an interface that began anew counts from zero. */
static uint64_t activity(const struct netdev_candidate *candidate) {
        return candidate->packets >= candidate->baseline ? candidate->packets - candidate->baseline
                                                         : candidate->packets;
}

/* Hardware, then the busier one, where the chosen weigh double. */
static int compare_all(const void *a, const void *b) {
        const struct netdev_candidate *x = a, *y = b;
        uint64_t busy_x = activity(x) >> !x->chosen, busy_y = activity(y) >> !y->chosen;

        if (x->physical != y->physical)
                return x->physical ? -1 : 1;
        if (busy_x != busy_y)
                return busy_x > busy_y ? -1 : 1;
        if (x->chosen != y->chosen)
                return x->chosen ? -1 : 1;
        return strcmp(x->name, y->name);
}

/* The chosen stay, unless hardware comes. */
static int compare_vacancy(const void *a, const void *b) {
        const struct netdev_candidate *x = a, *y = b;

        if (x->physical == y->physical && x->chosen != y->chosen)
                return x->chosen ? -1 : 1;
        return compare_all(a, b);
}

static void netdev_select_choose(struct netdev_select *select, size_t n, size_t n_max, bool all) {
        qsort(select->next, n, sizeof(*select->next), all ? compare_all : compare_vacancy);
        for (size_t i = 0; i < n; i++) {
                select->next[i].chosen = i < n_max;
                if (all)
                        select->next[i].baseline = select->next[i].packets;
        }
        qsort(select->next, n, sizeof(*select->next), compare_names);
}

static void netdev_select_publish(struct netdev_select *select, size_t n, bool *chosen) {
        struct netdev_candidate *old = select->candidates;

        select->candidates = select->next;
        select->n_candidates = n;
        select->next = old;

        for (size_t i = 0; i < n; i++)
                chosen[select->candidates[i].row] = select->candidates[i].chosen;
}

int netdev_select(struct netdev_select *select, const struct proc_net_dev_row *rows, size_t n, size_t n_max,
                  netdev_is_physical_fn is_physical, void *userdata, bool *chosen) {
        bool new_hardware, all;
        size_t n_chosen;
        int r;

        r = netdev_select_reserve(select, n);
        if (r >= 0)
                r = netdev_select_take(select, rows, n);
        if (r < 0)
                return r;

        n_chosen = netdev_select_inherit(select, n, is_physical, userdata, &new_hardware);
        all = select->n_candidates == 0 || ++select->n_passes >= NETDEV_SELECT_PERIOD;
        if (all)
                select->n_passes = 0;
        if (all || new_hardware || n_chosen != MIN(n, n_max))
                netdev_select_choose(select, n, n_max, all);

        netdev_select_publish(select, n, chosen);
        return 0;
}
