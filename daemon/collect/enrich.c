/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/enrich.h"

#include <pthread.h>
#include <string.h>

#include "bpf/abi.h"
#include "daemon/store/batch.h"
#include "daemon/symbols/culprit.h"
#include "daemon/symbols/kallsyms.h"
#include "daemon/symbols/kernel-stack.h"
#include "daemon/symbols/task.h"
#include "daemon/symbols/user-stack.h"

enum {
        ENRICH_ADDRESSES_MAX = 128, /* kernel.perf_event_max_stack is 127 */
        USER_FILES_MAX = 32,
        USER_FILE_BYTES_MAX = 4 * 1024 * 1024, /* of symbol tables; the daemon is to stay small */
};

/* Unwinding may take a fiftieth of a CPU, and half a second at once: symbol tables of some programs are huge, and a flood
 * of windows in these must not cost more than it tells. */
#define USER_TIME_SHARE 50
#define USER_TIME_BURST_NS (NSEC_PER_SEC / 2)
#define USER_IDLE_NS (30 * NSEC_PER_SEC) /* after which the files' memory is given back */

struct enricher {
        unsigned n_ref; /* the owner and the jobs under way; counted on the loop's thread only */
        pthread_mutex_t lock; /* of kallsyms: the worker rereads it, the loop's thread looks up names of functions */
        struct kallsyms *kallsyms;
        struct bpf_programs programs; /* as of the last stack */
        int root_fd;
        struct worker *worker;
        struct cgroup_resolver *cgroups;
        struct user_symboliser *users;
        struct worker *user_worker;
        int64_t user_credit_ns;   /* on the user worker's thread, as the next; in debt after an expensive stack */
        uint64_t user_credited_ns;
        uint64_t user_asked_ns;   /* on the loop's thread: the last stack; 0: memory was given back since */
        struct job tidy;
        bool is_tidying;
};

int enricher_new(struct kallsyms *kallsyms, int root_fd, struct worker *worker, struct worker *user_worker,
                 struct enricher **ret_enricher) {
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
        enricher->user_worker = user_worker;
        enricher->user_credit_ns = USER_TIME_BURST_NS;
        if ((r = cgroup_resolver_new(root_fd, &enricher->cgroups)) < 0 ||
            (r = user_symboliser_new(root_fd,
                                     &(struct user_symboliser_limits){ USER_FILES_MAX, USER_FILE_BYTES_MAX },
                                     &enricher->users)) < 0)
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
        user_symboliser_free(enricher->users);
        (void)pthread_mutex_destroy(&enricher->lock); /* nobody is left to hold it */
        free(enricher);
        return NULL;
}

void enrichment_done(struct enrichment *e) {
        e->stack = stack_unref(e->stack);
        e->user_stack = stack_unref(e->user_stack);
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

#if defined(__x86_64__)
#define USER_ARCH_HERE USER_ARCH_X86_64
#elif defined(__aarch64__)
#define USER_ARCH_HERE USER_ARCH_ARM64
#else
#define USER_ARCH_HERE USER_ARCH_OTHER
#endif

/* Credit grows with time and is spent by unwinding. */
static bool may_unwind(struct enricher *enricher, uint64_t now_ns) {
        uint64_t earned = (now_ns - enricher->user_credited_ns) / USER_TIME_SHARE;

        enricher->user_credited_ns = now_ns;
        enricher->user_credit_ns = MIN(enricher->user_credit_ns + (int64_t)earned, (int64_t)USER_TIME_BURST_NS);
        return enricher->user_credit_ns > 0;
}

static int name_user_stack(struct enrichment *e) {
        struct enricher *enricher = e->enricher;
        const struct abi_user *u = e->user;
        struct user_snapshot snapshot = { .pid = e->pid, .tgid = e->tgid };
        struct stamp before, after;
        uint64_t skip;
        int r;

        stamp_now(&before);
        if (!may_unwind(enricher, before.monotonic_ns)) {
                e->user_skipped = true;
                return 0;
        }

        snapshot.arch = u->is_32bit ? USER_ARCH_OTHER : USER_ARCH_HERE;
        snapshot.has_registers = (int)u->has_registers;
        memcpy(snapshot.registers, u->registers, sizeof(u->registers));
        skip = u->has_registers ? snapshot.registers[USER_ARCH_HERE == USER_ARCH_ARM64 ? USER_REGISTER_ARM64_SP :
                                                                                       USER_REGISTER_X86_64_RSP] -
                                          u->data_start :
                                  0;
        if (skip < u->data_bytes) {
                snapshot.stack = u->data + skip;
                snapshot.stack_size = u->data_bytes - skip;
        }
        snapshot.frames = u->frames;
        snapshot.n_frames = u->frames_bytes > 0 ? (size_t)u->frames_bytes / sizeof(u->frames[0]) : 0;

        r = user_stack_symbolise(enricher->users, &snapshot, &e->user_stack);
        stamp_now(&after);
        enricher->user_credit_ns -= (int64_t)(after.monotonic_ns - before.monotonic_ns);
        return r;
}

static int name_cgroup(struct enrichment *e) {
        int r;

        r = cgroup_resolver_path(e->enricher->cgroups, e->cgroup_id, e->pid, &e->cgroup);
        if (r < 0)
                return r == -ENOMEM ? r : 0; /* the task is gone: null */

        r = cgroup_container_id(e->cgroup, &e->container);
        return r == -ENOMEM ? r : 0;
}

static struct enrichment *enrichment_of(struct job *job) {
        return (struct enrichment *)((char *)job - offsetof(struct enrichment, job));
}

static void run(struct job *job) {
        struct enrichment *e = enrichment_of(job);
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

static void run_user(struct job *job) {
        struct enrichment *e = enrichment_of(job);

        if (name_user_stack(e) < 0) /* only -ENOMEM */
                e->user_skipped = true;
}

static void user_done(struct job *job) {
        struct enrichment *e = enrichment_of(job);

        e->user_skipped = e->user_skipped || !job->ran;
        finish(e);
}

/* The second part, on a thread of its own: reading symbol tables can take seconds. It touches user_stack and
 * user_skipped only. */
static void start_user(struct enrichment *e) {
        struct worker *worker = e->enricher->user_worker;

        e->job = (struct job){ .run = run_user, .done = user_done };
        if (!worker) {
                run_user(&e->job);
                finish(e);
        } else if (worker_submit(worker, &e->job) < 0) {
                e->user_skipped = true;
                finish(e);
        }
}

static void kernel_named(struct enrichment *e) {
        e->kernel_named = true;
        if (e->user && e->error == 0)
                start_user(e);
        else
                finish(e);
}

static void job_done(struct job *job) {
        struct enrichment *e = enrichment_of(job);

        if (!job->ran)
                e->error = -ECANCELED;
        kernel_named(e);
}

static struct enricher *enricher_of_tidy(struct job *job) {
        return (struct enricher *)((char *)job - offsetof(struct enricher, tidy));
}

static void tidy_run(struct job *job) {
        user_symboliser_drop_caches(enricher_of_tidy(job)->users);
}

static void tidy_done(struct job *job) {
        struct enricher *enricher = enricher_of_tidy(job);

        enricher->is_tidying = false;
        enricher_unref(enricher);
}

void enricher_tidy(struct enricher *enricher, uint64_t now_ns) {
        if (!enricher->user_worker || enricher->is_tidying || enricher->user_asked_ns == 0 ||
            now_ns - enricher->user_asked_ns < USER_IDLE_NS)
                return;

        enricher->tidy = (struct job){ .run = tidy_run, .done = tidy_done };
        if (worker_submit(enricher->user_worker, &enricher->tidy) < 0)
                return; /* the queue is full, so this is no quiet time */

        enricher->is_tidying = true;
        enricher->user_asked_ns = 0;
        enricher->n_ref++;
}

void enrich(struct enricher *enricher, struct enrichment *e) {
        struct stamp now;
        int r;

        if (e->user) {
                stamp_now(&now);
                enricher->user_asked_ns = now.monotonic_ns;
        }

        e->enricher = enricher;
        e->job = (struct job){ .run = run, .done = job_done };
        enricher->n_ref++;

        if (!enricher->worker) {
                run(&e->job);
                kernel_named(e);
                return;
        }

        r = worker_submit(enricher->worker, &e->job);
        if (r < 0) {
                e->error = r;
                kernel_named(e);
        }
}
