/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/worker.h"

enum { DEADLINE_MS = 30000 };

struct test_job {
        struct job job;
        sem_t *started, *gate; /* optional: says that it runs, and waits to go on */
        int number;
        bool blocked_signals;
        char thread_name[16];
        struct test_job **order; /* where done() leaves its trace */
        size_t *n_done;
};

static void job_run(struct job *job) {
        struct test_job *test = (struct test_job *)job;
        sigset_t set;

        (void)pthread_sigmask(SIG_SETMASK, NULL, &set); /* only reads */
        test->blocked_signals =
                sigismember(&set, SIGTERM) && sigismember(&set, SIGHUP) && sigismember(&set, SIGUSR1);
        (void)pthread_getname_np(pthread_self(), test->thread_name, sizeof(test->thread_name));
        if (test->started)
                (void)sem_post(test->started);
        if (test->gate)
                while (sem_wait(test->gate) < 0)
                        ;
}

static void job_done(struct job *job) {
        struct test_job *test = (struct test_job *)job;

        test->order[(*test->n_done)++] = test;
}

static void job_setup(struct test_job *test, int number, struct test_job **order, size_t *n_done) {
        *test = (struct test_job){
                .job = { .run = job_run, .done = job_done },
                .number = number,
                .order = order,
                .n_done = n_done,
        };
}

static void collect(struct worker *worker, const size_t *n_done, size_t n) {
        while (*n_done < n) {
                struct pollfd pollfd = { .fd = worker_fd(worker), .events = POLLIN };

                assert_int_equal(poll(&pollfd, 1, DEADLINE_MS), 1);
                worker_collect(worker);
        }
}

static bool readable(const struct worker *worker) {
        struct pollfd pollfd = { .fd = worker_fd(worker), .events = POLLIN };

        return poll(&pollfd, 1, 0) == 1;
}

static void test_in_order(void **state) {
        _cleanup_(worker_freep) struct worker *worker = NULL;
        struct test_job jobs[64], *order[64];
        size_t n_done = 0;

        assert_int_equal(worker_new("test-worker-015", ELEMENTSOF(jobs), &worker), 0);
        assert_false(readable(worker));
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
                job_setup(&jobs[i], (int)i, order, &n_done);
                assert_int_equal(worker_submit(worker, &jobs[i].job), 0);
        }
        assert_int_equal(worker_n_pending(worker), ELEMENTSOF(jobs));
        collect(worker, &n_done, ELEMENTSOF(jobs));

        for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
                assert_ptr_equal(order[i], &jobs[i]);
                assert_true(jobs[i].job.ran);
                assert_true(jobs[i].blocked_signals);
                assert_string_equal(jobs[i].thread_name, "test-worker-015");
        }
        assert_int_equal(worker_n_pending(worker), 0);
        assert_int_equal(worker_n_dropped(worker), 0);
        assert_false(readable(worker));
}

static void test_full_queue(void **state) {
        _cleanup_(worker_freep) struct worker *worker = NULL;
        struct test_job jobs[4], *order[4];
        sem_t started, gate;
        size_t n_done = 0;

        assert_int_equal(sem_init(&started, 0, 0), 0);
        assert_int_equal(sem_init(&gate, 0, 0), 0);
        assert_int_equal(worker_new("test", 2, &worker), 0);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                job_setup(&jobs[i], (int)i, order, &n_done);

        jobs[0].started = &started;
        jobs[0].gate = &gate;
        assert_int_equal(worker_submit(worker, &jobs[0].job), 0);
        assert_int_equal(sem_wait(&started), 0); /* it runs: the whole queue is free */
        assert_int_equal(worker_submit(worker, &jobs[1].job), 0);
        assert_int_equal(worker_submit(worker, &jobs[2].job), 0);
        assert_int_equal(worker_submit(worker, &jobs[3].job), -ENOBUFS);
        assert_int_equal(worker_n_dropped(worker), 1);
        assert_int_equal(worker_n_pending(worker), 3);
        assert_false(readable(worker));

        assert_int_equal(sem_post(&gate), 0);
        collect(worker, &n_done, 3);
        assert_int_equal(worker_submit(worker, &jobs[3].job), 0);
        collect(worker, &n_done, 4);
        assert_int_equal(worker_n_dropped(worker), 1);
}

static void *open_gate(void *data) {
        (void)sem_post(data);
        return NULL;
}

/* The running job ends, the waiting ones come back unrun, each exactly once. */
static void test_free_with_work(void **state) {
        struct test_job jobs[5], *order[5];
        struct worker *worker = NULL;
        size_t n_done = 0;
        sem_t started, gate;
        pthread_t opener;

        assert_int_equal(sem_init(&started, 0, 0), 0);
        assert_int_equal(sem_init(&gate, 0, 0), 0);
        assert_int_equal(worker_new("test", 10, &worker), 0);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                job_setup(&jobs[i], (int)i, order, &n_done);
        jobs[0].started = &started;
        jobs[0].gate = &gate;
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                assert_int_equal(worker_submit(worker, &jobs[i].job), 0);
        assert_int_equal(sem_wait(&started), 0);

        /* With job 0 still held nothing else can have run, whoever wins the race from here on. */
        assert_int_equal(pthread_create(&opener, NULL, open_gate, &gate), 0);
        assert_null(worker_free(worker));
        assert_int_equal(pthread_join(opener, NULL), 0);

        assert_int_equal(n_done, ELEMENTSOF(jobs));
        assert_true(jobs[0].job.ran);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
                assert_ptr_equal(order[i], &jobs[i]);
                /* in order: nothing ran after one that did not */
                assert_true(i == 0 || jobs[i - 1].job.ran || !jobs[i].job.ran);
        }
}

static void test_free_idle(void **state) {
        struct worker *worker = NULL;

        assert_null(worker_free(NULL));
        assert_int_equal(worker_new("test", 1, &worker), 0);
        assert_null(worker_free(worker));
}

/* What finishes is handed back even when nobody collected it. */
static void test_free_finished(void **state) {
        struct test_job job, *order[1];
        struct worker *worker = NULL;
        struct pollfd pollfd = { .events = POLLIN };
        size_t n_done = 0;

        assert_int_equal(worker_new("test", 1, &worker), 0);
        job_setup(&job, 0, order, &n_done);
        assert_int_equal(worker_submit(worker, &job.job), 0);
        pollfd.fd = worker_fd(worker);
        assert_int_equal(poll(&pollfd, 1, DEADLINE_MS), 1);
        assert_int_equal(n_done, 0);
        assert_null(worker_free(worker));
        assert_int_equal(n_done, 1);
        assert_true(job.job.ran);
}

struct chain_job {
        struct job job;
        struct worker *worker;
        int left;
        int last_result;
};

static void chain_run(struct job *job) {
}

static void chain_done(struct job *job) {
        struct chain_job *chain = (struct chain_job *)job;

        if (chain->left-- > 0)
                chain->last_result = worker_submit(chain->worker, job);
}

/* done() may submit its own job again; while the worker ends that is refused instead of looping. */
static void test_resubmit(void **state) {
        struct chain_job chain = { .job = { .run = chain_run, .done = chain_done }, .left = 3 };
        struct worker *worker = NULL;

        assert_int_equal(worker_new("test", 1, &worker), 0);
        chain.worker = worker;
        assert_int_equal(worker_submit(worker, &chain.job), 0);
        while (chain.left >= 0) {
                struct pollfd pollfd = { .fd = worker_fd(worker), .events = POLLIN };

                assert_int_equal(poll(&pollfd, 1, DEADLINE_MS), 1);
                worker_collect(worker);
        }
        assert_int_equal(chain.last_result, 0);

        chain.left = 1000000;
        assert_int_equal(worker_submit(worker, &chain.job), 0);
        assert_null(worker_free(worker));
        assert_int_equal(chain.last_result, -ENOBUFS);
        assert_int_equal(chain.left, 999999);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_in_order),       cmocka_unit_test(test_full_queue),
                cmocka_unit_test(test_free_with_work), cmocka_unit_test(test_free_idle),
                cmocka_unit_test(test_free_finished),  cmocka_unit_test(test_resubmit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
