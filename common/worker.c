/* SPDX-License-Identifier: Apache-2.0 */

#include "common/worker.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

enum { WORKER_NAME_MAX = 15 }; /* TASK_COMM_LEN - 1 */

struct job_list {
        struct job *first, *last;
};

struct worker {
        pthread_t thread;
        pthread_mutex_t lock;   /* the lists, n_waiting and stop */
        pthread_cond_t changed; /* work came, or stop */
        struct job_list waiting, finished;
        unsigned n_waiting, n_max;
        bool stop;
        char name[WORKER_NAME_MAX + 1];
        /* Of the loop's thread alone: */
        unsigned n_pending;
        uint64_t n_dropped;
        int event_fd;
};

static void job_list_append(struct job_list *list, struct job *job) {
        job->next = NULL;
        if (list->last)
                list->last->next = job;
        else
                list->first = job;
        list->last = job;
}

static struct job *job_list_take(struct job_list *list) {
        struct job *job = list->first;

        if (!job)
                return NULL;

        list->first = job->next;
        if (!list->first)
                list->last = NULL;
        job->next = NULL;
        return job;
}

static void worker_signal(struct worker *worker) {
        static const uint64_t one = 1;

        /* Can fail only when the counter is full, and then the descriptor is readable already. */
        (void)!write(worker->event_fd, &one, sizeof(one));
}

/* Waits for work. Returns NULL when the worker ends. */
static struct job *worker_next(struct worker *worker) {
        struct job *job = NULL;

        (void)pthread_mutex_lock(&worker->lock); /* a normal mutex: fails only by programmer error */
        while (!worker->stop && !worker->waiting.first)
                (void)pthread_cond_wait(&worker->changed, &worker->lock);
        if (!worker->stop) {
                job = job_list_take(&worker->waiting);
                worker->n_waiting--;
        }
        (void)pthread_mutex_unlock(&worker->lock);
        return job;
}

static void worker_finish(struct worker *worker, struct job *job) {
        (void)pthread_mutex_lock(&worker->lock);
        job->ran = true;
        job_list_append(&worker->finished, job);
        worker_signal(worker);
        (void)pthread_mutex_unlock(&worker->lock);
}

static void *worker_main(void *data) {
        struct worker *worker = data;
        struct job *job;

        (void)pthread_setname_np(pthread_self(), worker->name); /* only for ps and top */
        while ((job = worker_next(worker))) {
                job->run(job);
                worker_finish(worker, job);
        }
        return NULL;
}

/* Signals stay with the loop's thread, which reads them from a signalfd: block all before the thread is
 * made, so that there is no moment at which it could take one. */
static int worker_start(struct worker *worker) {
        sigset_t all, old;
        int r;

        (void)sigfillset(&all);
        r = pthread_sigmask(SIG_SETMASK, &all, &old);
        if (r != 0)
                return -r;

        r = pthread_create(&worker->thread, NULL, worker_main, worker);
        (void)pthread_sigmask(SIG_SETMASK, &old, NULL); /* valid: it was in force before */
        return -r;
}

static void worker_destroy(struct worker *worker) {
        (void)pthread_cond_destroy(&worker->changed);
        (void)pthread_mutex_destroy(&worker->lock);
        (void)close_safe(worker->event_fd);
        free(worker);
}
DEFINE_CLEANUP(struct worker *, worker_destroy)

int worker_new(const char *name, unsigned n_max, struct worker **ret_worker) {
        _cleanup_(worker_destroyp) struct worker *worker = NULL;
        int r;

        assert(strlen(name) <= WORKER_NAME_MAX);

        worker = calloc(1, sizeof(*worker));
        if (!worker)
                return -ENOMEM;

        worker->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        worker->changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
        worker->n_max = n_max;
        (void)strncpy(worker->name, name, WORKER_NAME_MAX);
        worker->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (worker->event_fd < 0)
                return -errno;

        r = worker_start(worker);
        if (r < 0)
                return r;

        *ret_worker = TAKE_PTR(worker);
        return 0;
}

static void worker_hand_back(struct worker *worker, struct job_list *list) {
        struct job *job;

        while ((job = job_list_take(list))) {
                worker->n_pending--;
                job->done(job);
        }
}

struct worker *worker_free(struct worker *worker) {
        if (!worker)
                return NULL;

        (void)pthread_mutex_lock(&worker->lock);
        worker->stop = true;
        (void)pthread_cond_signal(&worker->changed);
        (void)pthread_mutex_unlock(&worker->lock);
        (void)pthread_join(worker->thread, NULL);

        worker_hand_back(worker, &worker->finished);
        worker_hand_back(worker, &worker->waiting);
        worker_destroy(worker);
        return NULL;
}

int worker_submit(struct worker *worker, struct job *job) {
        bool full;

        (void)pthread_mutex_lock(&worker->lock);
        full = worker->stop || worker->n_waiting >= worker->n_max; /* stop: a done() that submits again */
        if (!full) {
                job->ran = false;
                job_list_append(&worker->waiting, job);
                worker->n_waiting++;
                worker->n_pending++;
                (void)pthread_cond_signal(&worker->changed);
        }
        (void)pthread_mutex_unlock(&worker->lock);

        if (full) {
                worker->n_dropped++;
                return -ENOBUFS;
        }
        return 0;
}

int worker_fd(const struct worker *worker) {
        return worker->event_fd;
}

void worker_collect(struct worker *worker) {
        struct job_list finished;
        uint64_t count;

        /* Counter and list change together: the descriptor is readable exactly while jobs wait. */
        (void)pthread_mutex_lock(&worker->lock);
        (void)!read(worker->event_fd, &count, sizeof(count));
        finished = worker->finished;
        worker->finished = (struct job_list){};
        (void)pthread_mutex_unlock(&worker->lock);

        worker_hand_back(worker, &finished);
}

uint64_t worker_n_dropped(const struct worker *worker) {
        return worker->n_dropped;
}

unsigned worker_n_pending(const struct worker *worker) {
        return worker->n_pending;
}
