/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A clock that runs faster than time, for the daemon as it is: a library to be preloaded, so that production
 * code knows nothing of it. The clock begins $FAST_CLOCK_BEHIND seconds in the past and stands still while
 * anything is being done: only when all threads wait, and the loop's timer would let it sleep, it is put
 * forward to that timer's moment. What the daemon does between two moments so takes no time, and nothing
 * waits in vain. Once the clock has caught up with the realtime clock it goes on as that does.
 *
 * Who moves the simulated machine is told of each moment before the daemon sees it: over the socket
 * $FAST_CLOCK_FD, realtime in ns as eight bytes, and answers with the same.
 *
 * For programs of one loop (epoll and timerfd with absolute times) and of threads that wait for conditions.
 */

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
        THREADS_MAX = 32,
        TIMERS_MAX = 8,
        BUSY_MS = 1, /* what is waited at a time for threads that are at work */
};
#define SECOND UINT64_C(1000000000)

struct timer {
        int fd;
        clockid_t clock;
        uint64_t at_ns; /* 0: off */
};

static struct {
        uint64_t behind_ns, start_realtime_ns, start_monotonic_ns;
        _Atomic uint64_t elapsed_ns; /* of the simulated clock since it began */
        atomic_bool caught_up;
        int fd; /* of who moves the machine; -1: nobody */
        struct timer timers[TIMERS_MAX];
        size_t n_timers;
} the_clock = { .fd = -1, .caught_up = true };

/* Threads other than the first; a waiting one has its condition here. */
static struct {
        pthread_mutex_t lock;
        unsigned n_busy;
        int n_slots;
        const pthread_cond_t *waits_for[THREADS_MAX];
} threads = { .lock = PTHREAD_MUTEX_INITIALIZER };
static _Thread_local int thread_slot = -1;

static uint64_t real_ns(clockid_t id) {
        struct timespec ts = {};

        (void)syscall(SYS_clock_gettime, id, &ts); /* cannot fail for the clocks used here */
        return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

static _Noreturn void give_up(const char *why) {
        (void)fprintf(stderr, "fast-clock: %s\n", why);
        abort();
}

__attribute__((constructor)) static void begin(void) {
        const char *behind = getenv("FAST_CLOCK_BEHIND"), *fd = getenv("FAST_CLOCK_FD");

        if (!behind)
                return;

        the_clock.behind_ns = strtoull(behind, NULL, 10) * SECOND;
        the_clock.fd = fd ? atoi(fd) : -1;
        the_clock.start_realtime_ns = real_ns(CLOCK_REALTIME) - the_clock.behind_ns;
        the_clock.start_monotonic_ns = real_ns(CLOCK_MONOTONIC);
        the_clock.caught_up = false;
}

static uint64_t simulated_ns(clockid_t id) {
        bool monotonic = id != CLOCK_REALTIME;

        if (the_clock.caught_up)
                return real_ns(id) + (monotonic ? the_clock.behind_ns : 0);

        return (monotonic ? the_clock.start_monotonic_ns : the_clock.start_realtime_ns) +
               the_clock.elapsed_ns;
}

int clock_gettime(clockid_t id, struct timespec *ret) {
        uint64_t now;

        if (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC && id != CLOCK_BOOTTIME)
                return (int)syscall(SYS_clock_gettime, id, ret);

        now = simulated_ns(id);
        *ret = (struct timespec){ .tv_sec = (time_t)(now / SECOND), .tv_nsec = (long)(now % SECOND) };
        return 0;
}

/* What was lived is another boot of the machine: a daemon that goes on where this one ended, by the real
 * clock, has a monotonic clock that is behind. */
int sd_id128_get_boot(uint8_t ret[16]);
int sd_id128_get_boot(uint8_t ret[16]) {
        (void)memset(ret, 0xfc, 16);
        return 0;
}

/* Timers */

static struct timer *find_timer(int fd) {
        for (size_t i = 0; i < the_clock.n_timers; i++)
                if (the_clock.timers[i].fd == fd)
                        return &the_clock.timers[i];

        return NULL;
}

int timerfd_create(int clock, int flags) {
        int fd = (int)syscall(SYS_timerfd_create, clock, flags);

        if (fd < 0)
                return fd;
        if (the_clock.n_timers == TIMERS_MAX)
                give_up("too many timers");

        the_clock.timers[the_clock.n_timers++] = (struct timer){ .fd = fd, .clock = clock };
        return fd;
}

/* Off; at once, when its moment has come; when the clock is the real one again, at its moment there. */
static int arm(const struct timer *timer) {
        uint64_t shift = timer->clock == CLOCK_REALTIME ? 0 : the_clock.behind_ns, at = 0;
        struct itimerspec spec = {};

        if (timer->at_ns > 0 && (the_clock.caught_up || timer->at_ns <= simulated_ns(timer->clock)))
                at = timer->at_ns > shift && the_clock.caught_up ? timer->at_ns - shift : 1;
        spec.it_value = (struct timespec){ .tv_sec = (time_t)(at / SECOND), .tv_nsec = (long)(at % SECOND) };
        return (int)syscall(SYS_timerfd_settime, timer->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old) {
        struct timer *timer = find_timer(fd);

        if (!timer || old || new->it_interval.tv_sec || new->it_interval.tv_nsec)
                give_up("a timer of a kind that it does not know");

        timer->at_ns = (uint64_t) new->it_value.tv_sec *SECOND + (uint64_t) new->it_value.tv_nsec;
        if (timer->at_ns > 0 && !(flags & TFD_TIMER_ABSTIME))
                timer->at_ns += simulated_ns(timer->clock);
        return arm(timer);
}

static void tell_mover(void) {
        uint64_t now = simulated_ns(CLOCK_REALTIME), answer;

        if (the_clock.fd < 0)
                return;
        if (write(the_clock.fd, &now, sizeof(now)) != sizeof(now) ||
            read(the_clock.fd, &answer, sizeof(answer)) != sizeof(answer))
                give_up("who moves the machine is gone");
}

/* To the moment of the next timer. False: none is set. */
static bool put_forward(void) {
        uint64_t step = UINT64_MAX;

        for (size_t i = 0; i < the_clock.n_timers; i++) {
                const struct timer *timer = &the_clock.timers[i];
                uint64_t now = simulated_ns(timer->clock);

                if (timer->at_ns > 0 && timer->at_ns <= now)
                        return true;
                if (timer->at_ns > 0 && timer->at_ns - now < step)
                        step = timer->at_ns - now;
        }
        if (step == UINT64_MAX)
                return false;

        if (simulated_ns(CLOCK_REALTIME) + step >= real_ns(CLOCK_REALTIME))
                the_clock.caught_up = true;
        the_clock.elapsed_ns += step;
        tell_mover();
        for (size_t i = 0; i < the_clock.n_timers; i++)
                (void)arm(&the_clock.timers[i]); /* as before */
        return true;
}

static bool all_wait(void) {
        bool idle;

        (void)pthread_mutex_lock(&threads.lock);
        idle = threads.n_busy == 0;
        (void)pthread_mutex_unlock(&threads.lock);
        return idle;
}

int epoll_wait(int fd, struct epoll_event *events, int n_max, int timeout) {
        while (!the_clock.caught_up && timeout != 0) {
                int n = (int)syscall(SYS_epoll_pwait, fd, events, n_max, 0, NULL, 0);

                if (n == 0 && !all_wait())
                        n = (int)syscall(SYS_epoll_pwait, fd, events, n_max, BUSY_MS, NULL, 0);
                else if (n == 0 && !put_forward())
                        break;
                if (n != 0)
                        return n;
        }

        return (int)syscall(SYS_epoll_pwait, fd, events, n_max, timeout, NULL, 0);
}

/* Threads */

/* Of symbols with several versions dlsym() may give the oldest. */
static void *find_real(const char *name) {
        static const char *const versions[] = { "GLIBC_2.3.2", "GLIBC_2.34", "GLIBC_2.17" };

        for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
                void *symbol = dlvsym(RTLD_NEXT, name, versions[i]);

                if (symbol)
                        return symbol;
        }

        return dlsym(RTLD_NEXT, name);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *data) {
        static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
        int r;

        if (!real)
                real = find_real("pthread_create");
        (void)pthread_mutex_lock(&threads.lock);
        threads.n_busy++;
        (void)pthread_mutex_unlock(&threads.lock);
        r = real(thread, attributes, run, data);
        if (r != 0)
                give_up("no thread");
        return r;
}

static void begin_waiting(const pthread_cond_t *condition) {
        (void)pthread_mutex_lock(&threads.lock);
        if (thread_slot < 0) {
                if (threads.n_slots == THREADS_MAX)
                        give_up("too many threads");
                thread_slot = threads.n_slots++;
        }
        threads.waits_for[thread_slot] = condition;
        threads.n_busy--;
        (void)pthread_mutex_unlock(&threads.lock);
}

/* Unless the thread was marked when it was woken. */
static void end_waiting(void) {
        (void)pthread_mutex_lock(&threads.lock);
        if (threads.waits_for[thread_slot]) {
                threads.waits_for[thread_slot] = NULL;
                threads.n_busy++;
        }
        (void)pthread_mutex_unlock(&threads.lock);
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
        static int (*real)(pthread_cond_t *, pthread_mutex_t *);
        int r;

        if (!real)
                real = find_real("pthread_cond_wait");
        begin_waiting(condition);
        r = real(condition, mutex);
        end_waiting();
        return r;
}

/* From now on the one that waits counts as busy, though it may not run yet. */
int pthread_cond_signal(pthread_cond_t *condition) {
        static int (*real)(pthread_cond_t *);

        if (!real)
                real = find_real("pthread_cond_signal");
        (void)pthread_mutex_lock(&threads.lock);
        for (size_t i = 0; i < THREADS_MAX; i++)
                if (threads.waits_for[i] == condition) {
                        threads.waits_for[i] = NULL;
                        threads.n_busy++;
                        break;
                }
        (void)pthread_mutex_unlock(&threads.lock);
        return real(condition);
}
