/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/enrich.h"

#include <pthread.h>
#include <string.h>

#include "daemon/store/batch.h"
#include "daemon/symbols/culprit.h"
#include "daemon/symbols/kallsyms.h"
#include "daemon/symbols/kernel-stack.h"
#include "daemon/symbols/task.h"

enum { ENRICH_ADDRESSES_MAX = 128 }; /* kernel.perf_event_max_stack is 127 */

struct enricher {
        unsigned n_ref; /* the owner and the jobs under way; counted on the loop's thread only */
        pthread_mutex_t lock; /* of kallsyms: the worker rereads it, the loop's thread looks up names of functions */
        struct kallsyms *kallsyms;
        struct bpf_programs programs; /* as of the last stack */
        int root_fd;
        struct worker *worker;
        struct cgroup_resolver *cgroups;
};

int enricher_new(struct kallsyms *kallsyms, int root_fd, struct worker *worker, struct enricher **ret_enricher) {
        _cleanup_(enricher_unrefp) struct enricher *enricher = NULL;
        int r;

        enricher = calloc(1, sizeof(*enricher));
        if (!enricher)
                return -ENOMEM;

        if (pthread_mutex_init(&enricher->lock, NULL) != 0) {
                free(TAKE_PTR(enricher));
                return -ENOMEM;
        }
        enricher->n_ref = 1;
        enricher->root_fd = root_fd;
        enricher->worker = worker;
        r = cgroup_resolver_new(root_fd, &enricher->cgroups);
        if (r < 0)
                return r;

        enricher->kallsyms = kallsyms;
        *ret_enricher = TAKE_PTR(enricher);
        return 0;
}

struct enricher *enricher_unref(struct enricher *enricher) {
        if (!enricher || --enricher->n_ref > 0)
                return NULL;

        bpf_programs_done(&enricher->programs);
        kallsyms_free(enricher->kallsyms);
        cgroup_resolver_free(enricher->cgroups);
        (void)pthread_mutex_destroy(&enricher->lock); /* nobody is left to hold it */
        free(enricher);
        return NULL;
}

void enrichment_done(struct enrichment *e) {
        e->stack = stack_unref(e->stack);
        free(TAKE_PTR(e->culprit));
        free(TAKE_PTR(e->function_name));
        free(TAKE_PTR(e->cgroup));
        free(TAKE_PTR(e->container));
}

/* Programs first: one that is run by hand is unloaded a moment later. What is theirs is no reason to read kallsyms again,
 * which takes much longer. */
static const struct bpf_programs *refresh_symbols(struct enrichment *e) {
        struct enricher *enricher = e->enricher;
        const struct bpf_programs *programs;
        uint64_t others[ENRICH_ADDRESSES_MAX];
        struct stamp now;
        size_t n = 0;

        programs = bpf_programs_read(&enricher->programs) >= 0 ? &enricher->programs : NULL;
        for (size_t i = 0; i < MIN(e->n_addresses, ELEMENTSOF(others)); i++)
                if (!programs || !bpf_programs_find(programs, e->addresses[i]))
                        others[n++] = e->addresses[i];

        stamp_now(&now);
        (void)kallsyms_refresh(enricher->kallsyms, others, n, now.monotonic_ns); /* the old table stays */
        return programs;
}

static int name_stack(struct enrichment *e) {
        enum kernel_stack_origin origin =
                e->stack_kind == ENRICH_STACK_TIMER ? KERNEL_STACK_TIMER : KERNEL_STACK_PLAIN;
        const struct bpf_programs *programs;
        int r;

        if (e->stack_kind == ENRICH_STACK_NONE)
                return 0;

        programs = refresh_symbols(e);
        r = kernel_stack_symbolise(e->enricher->kallsyms, programs, origin, e->addresses, e->n_addresses, &e->stack);
        if (r < 0)
                return r;

        e->stripped = r > 0;
        e->in_idle = culprit_in_idle(e->stack);
        e->fingerprint = culprit_fingerprint(e->stack);
        r = culprit_name(e->stack, &e->culprit);
        return r == -ENOENT ? 0 : r;
}

bool enricher_name_function(void *userdata, uint64_t address, char *buf, size_t size) {
        struct enricher *enricher = userdata;
        struct kallsyms_symbol symbol;
        bool found;

        if (pthread_mutex_trylock(&enricher->lock) != 0)
                return false;

        found = kallsyms_lookup(enricher->kallsyms, address, &symbol) >= 0;
        if (found)
                (void)snprintf(buf, size, "%s", symbol.name); /* cut at the buffer's end */
        (void)pthread_mutex_unlock(&enricher->lock);
        return found;
}

static int name_function(struct enrichment *e) {
        struct kallsyms_symbol symbol;

        if (e->function == 0 || kallsyms_lookup(e->enricher->kallsyms, e->function, &symbol) < 0)
                return 0;

        e->function_name = strdup(symbol.name);
        return e->function_name ? 0 : -ENOMEM;
}

static int name_cgroup(struct enrichment *e) {
        int r;

        r = cgroup_resolver_path(e->enricher->cgroups, e->cgroup_id, e->pid, &e->cgroup);
        if (r < 0)
                return r == -ENOMEM ? r : 0; /* the task is gone: null */

        r = cgroup_container_id(e->cgroup, &e->container);
        return r == -ENOMEM ? r : 0;
}

static void run(struct job *job) {
        struct enrichment *e = (struct enrichment *)((char *)job - offsetof(struct enrichment, job));
        int r;

        /* The task first: it may be about to exit. */
        r = name_cgroup(e);
        (void)pthread_mutex_lock(&e->enricher->lock); /* fails only for a mutex that is none */
        if (r >= 0)
                r = name_stack(e);
        if (r >= 0)
                r = name_function(e);
        (void)pthread_mutex_unlock(&e->enricher->lock);
        if (r < 0)
                e->error = r;
}

static void finish(struct enrichment *e) {
        struct enricher *enricher = e->enricher;

        e->done(e);
        enricher_unref(enricher);
}

static void job_done(struct job *job) {
        struct enrichment *e = (struct enrichment *)((char *)job - offsetof(struct enrichment, job));

        if (!job->ran)
                e->error = -ECANCELED;
        finish(e);
}

void enrich(struct enricher *enricher, struct enrichment *e) {
        int r;

        e->enricher = enricher;
        e->job = (struct job){ .run = run, .done = job_done };
        enricher->n_ref++;

        if (!enricher->worker) {
                run(&e->job);
                finish(e);
                return;
        }

        r = worker_submit(enricher->worker, &e->job);
        if (r < 0) {
                e->error = r;
                finish(e);
        }
}
