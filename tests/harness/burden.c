/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the kernel tests put on a machine, one command each, and what only a system call can tell about it.
 * Not part of the product.
 */

#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/cpulist.h"
#include "common/parse.h"
#include "daemon/collect/injector.h"
#include "daemon/collect/selftest.h"

enum { THREADS_MAX = 64, WATCH_MS = 10, NAME_MAX_BPF = 16 };

static atomic_bool stop;

static unsigned number(const char *text) {
        uint64_t n;

        if (parse_u64(text, &n) < 0 || n > UINT32_MAX)
                errx(2, "not a number: %s", text);
        return (unsigned)n;
}

static void pin(unsigned cpu) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof(set), &set) < 0)
                err(1, "cannot run on CPU %u", cpu);
}

static void *spin(void *cpu) {
        pin((unsigned)(uintptr_t)cpu);
        while (!atomic_load_explicit(&stop, memory_order_relaxed))
                ;
        return NULL;
}

/* Timers whose time is long past: the kernel runs them at once and says that they are very late. */
static void *arm_past_timers(void *cpu) {
        static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };
        int fds[ELEMENTSOF(clocks)];

        pin((unsigned)(uintptr_t)cpu);
        for (size_t i = 0; i < ELEMENTSOF(clocks); i++)
                if ((fds[i] = timerfd_create(clocks[i], TFD_CLOEXEC)) < 0)
                        err(1, "timerfd_create");

        for (unsigned n = 0; !atomic_load_explicit(&stop, memory_order_relaxed); n++) {
                size_t i = n % ELEMENTSOF(clocks);
                /* From the beginning of time to a moment ago; every eighth goes on by itself from there. */
                struct itimerspec at = { .it_value.tv_nsec = 1, .it_interval.tv_sec = n % 8 == 7 };
                struct timespec now;
                uint64_t n_expired;

                (void)clock_gettime(clocks[i], &now); /* cannot fail for these */
                if (n % 2 == 1 && now.tv_sec > 3)
                        at.it_value.tv_sec = now.tv_sec - 1 - (time_t)(n % 3);
                if (timerfd_settime(fds[i], TFD_TIMER_ABSTIME, &at, NULL) < 0 ||
                    read(fds[i], &n_expired, sizeof(n_expired)) < 0)
                        err(1, "timerfd");
                (void)usleep(200); /* shorter when a signal comes */
        }

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)close(fds[i]); /* nothing is lost */
        return NULL;
}

/* A program that polls by sleeping for a microsecond: a timer interrupt each time. */
static void *sleep_shortly(void *cpu) {
        pin((unsigned)(uintptr_t)cpu);
        if (prctl(PR_SET_TIMERSLACK, 1) < 0)
                err(1, "PR_SET_TIMERSLACK");
        while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
                const struct timespec moment = { .tv_nsec = 1000 };

                (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL); /* shorter when a signal comes */
        }
        return NULL;
}

/* Calls of the next CPU, whatever that runs: each change of a counter there is one. */
static void *call_next(void *cpu) {
        struct perf_event_attr attr = {
                .type = PERF_TYPE_SOFTWARE,
                .size = sizeof(attr),
                .config = PERF_COUNT_SW_DUMMY,
                .disabled = true,
        };
        int fd;

        pin((unsigned)(uintptr_t)cpu);
        fd = (int)syscall(SYS_perf_event_open, &attr, -1, (int)(uintptr_t)cpu + 1, -1, PERF_FLAG_FD_CLOEXEC);
        if (fd < 0)
                err(1, "perf_event_open");
        while (!atomic_load_explicit(&stop, memory_order_relaxed))
                if (ioctl(fd, PERF_EVENT_IOC_ENABLE) < 0 || ioctl(fd, PERF_EVENT_IOC_DISABLE) < 0)
                        err(1, "PERF_EVENT_IOC_ENABLE");

        (void)close(fd); /* it counted nothing */
        return NULL;
}

/* SECONDS CPU... */
static int run_threads(char **argv, void *(*function)(void *)) {
        pthread_t threads[THREADS_MAX];
        size_t n = 0;

        for (char **cpu = argv + 1; *cpu && n < THREADS_MAX; cpu++, n++)
                if (pthread_create(&threads[n], NULL, function, (void *)(uintptr_t)number(*cpu)) != 0)
                        errx(1, "pthread_create");

        (void)sleep(number(argv[0])); /* shorter when a signal comes */
        atomic_store(&stop, true);
        while (n > 0)
                (void)pthread_join(threads[--n], NULL); /* fails only for threads that are not ours */
        return 0;
}

/* CPU LENGTH PAUSE COUNT: many windows with interrupts off, in microseconds, faster than irqctl makes them.
 */
static int hold(char **argv) {
        struct injector *injector = NULL;
        const char *reason = NULL;
        int cpu, r;

        r = injector_new(INJECTOR_IPI, &injector, &reason);
        if (r >= 0)
                r = selftest_choose_cpu(INJECTOR_IPI, (int)number(argv[0]), &cpu, &reason);
        for (unsigned i = 0; r >= 0 && i < number(argv[3]); i++) {
                struct injection injection;

                r = injector_run(injector, (unsigned)cpu, number(argv[1]) * UINT64_C(1000), &injection);
                (void)usleep(number(argv[2])); /* shorter when a signal comes */
        }

        injector = injector_free(injector);
        if (r < 0)
                errx(1, "cannot hold the CPU: %s", reason ? reason : strerror(-r));
        return 0;
}

/* COMMAND...: runs it with perf_event_open() refused, as container runtimes do. */
static int without_perf(char **argv) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog program = { .len = ELEMENTSOF(code), .filter = code };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                err(1, "seccomp");
        (void)execv(argv[0], argv); /* returns only when it failed */
        err(1, "%s", argv[0]);
}

static int program_name(uint32_t id, char name[static NAME_MAX_BPF]) {
        struct bpf_prog_info info = {};
        uint32_t size = sizeof(info);
        int fd, r;

        fd = bpf_prog_get_fd_by_id(id);
        if (fd < 0)
                return fd;

        r = bpf_obj_get_info_by_fd(fd, &info, &size);
        if (r >= 0)
                memcpy(name, info.name, NAME_MAX_BPF);
        (void)close(fd); /* nothing is lost */
        return r;
}

/* One line for each BPF program, map and link that is loaded. */
static int list_objects(char **argv) {
        char name[NAME_MAX_BPF] = "";
        uint32_t id;

        for (id = 0; bpf_prog_get_next_id(id, &id) == 0;)
                if (program_name(id, name) >= 0)
                        printf("prog %u %s\n", id, name);
        for (id = 0; bpf_map_get_next_id(id, &id) == 0;)
                printf("map %u -\n", id);
        for (id = 0; bpf_link_get_next_id(id, &id) == 0;)
                printf("link %u -\n", id);
        return 0;
}

/* Names every injector's program that comes up, until standard input ends: who holds interrupts off besides
 * us? */
static int watch_injectors(char **argv) {
        struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
        uint32_t newest = 0;

        do {
                char name[NAME_MAX_BPF] = "";

                for (uint32_t id = newest; bpf_prog_get_next_id(id, &id) == 0; newest = id)
                        if (program_name(id, name) >= 0 && strncmp(name, "inject_", strlen("inject_")) == 0) {
                                printf("%u %s\n", id, name);
                                (void)fflush(stdout); /* a lost line fails the test that reads it */
                        }
        } while (poll(&input, 1, WATCH_MS) == 0);

        return 0;
}

static void print_length(const struct selftest_length *l, bool is_first) {
        printf("%s{\"lengthNsec\":%llu,\"injected\":%u,\"found\":%u,\"inside\":%u,\"medianWidthNsec\":%llu,"
               "\"worstMissNsec\":%llu,\"byClass\":{",
               is_first ? "" : ",", (unsigned long long)l->length_ns, l->n_injected, l->n_found, l->n_inside,
               (unsigned long long)l->median_width_ns, (unsigned long long)l->worst_miss_ns);
        for (int class = CLASS_NONE + 1, n = 0; class < _EVENT_CLASS_MAX; class ++)
                if (l->n_by_class[class] > 0)
                        printf("%s\"%s\":%u", n++ ? "," : "", event_class_to_string((enum event_class) class),
                               l->n_by_class[class]);
        printf("}}");
}

static void print_miss(const struct selftest_miss *m, bool is_first) {
        printf("%s{\"startNsec\":%llu,\"endNsec\":%llu,\"found\":%s,\"recordEndNsec\":%llu,\"recordMinNsec\":"
               "%llu,"
               "\"recordMaxNsec\":%llu}",
               is_first ? "" : ",", (unsigned long long)m->injection.start_ns,
               (unsigned long long)m->injection.end_ns, m->found ? "true" : "false",
               (unsigned long long)m->end_ns, (unsigned long long)m->min_ns, (unsigned long long)m->max_ns);
}

/* ipi|process: the library's self-test, told as irqctl tells it and with every miss. */
static int selftest(char **argv) {
        static const uint64_t lengths[] = { 2 * NSEC_PER_MSEC,  5 * NSEC_PER_MSEC,  10 * NSEC_PER_MSEC,
                                            20 * NSEC_PER_MSEC, 50 * NSEC_PER_MSEC, 100 * NSEC_PER_MSEC };
        const struct selftest_options options = {
                .context = strcmp(argv[0], "process") == 0 ? INJECTOR_PROCESS : INJECTOR_IPI,
                .lengths_ns = lengths,
                .n_lengths = ELEMENTSOF(lengths),
                .n_runs = 50,
                .heartbeat_ns = NSEC_PER_MSEC,
                .threshold_ns = 2 * NSEC_PER_MSEC,
                .slack_ns = NSEC_PER_MSEC / 10,
                .cpu = CPU_NONE,
                .busy = true,
        };
        _cleanup_(selftest_result_done) struct selftest_result result = {};
        const char *reason = NULL;
        int r;

        r = selftest_run(&options, NULL, NULL, NULL, &result, &reason);
        if (r < 0)
                errx(1, "selftest: %s", reason ? reason : strerror(-r));

        printf("{\"passed\":%s,\"cpu\":%i,\"spurious\":%u,\"lengths\":[", result.passed ? "true" : "false",
               result.cpu, result.n_spurious);
        for (size_t i = 0; i < result.n_lengths; i++)
                print_length(&result.lengths[i], i == 0);
        printf("],\"misses\":[");
        for (size_t i = 0; i < result.n_misses; i++)
                print_miss(&result.misses[i], i == 0);
        printf("]}\n");
        return result.passed ? 0 : 1;
}

static int spin_command(char **argv) {
        return run_threads(argv, spin);
}

static int past_timers_command(char **argv) {
        return run_threads(argv, arm_past_timers);
}

static int timers_command(char **argv) {
        return run_threads(argv, sleep_shortly);
}

static int calls_command(char **argv) {
        return run_threads(argv, call_next);
}

int main(int argc, char **argv) {
        static const struct {
                const char *name;
                int n_arguments;
                int (*run)(char **argv);
        } commands[] = {
                { "spin", 2, spin_command },
                { "past-timers", 2, past_timers_command },
                { "timers", 2, timers_command },
                { "calls", 2, calls_command },
                { "hold", 4, hold },
                { "selftest", 1, selftest },
                { "without-perf", 1, without_perf },
                { "bpf-objects", 0, list_objects },
                { "injectors", 0, watch_injectors },
        };

        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (argc > 1 && strcmp(argv[1], commands[i].name) == 0 && argc - 2 >= commands[i].n_arguments)
                        return commands[i].run(argv + 2);

        errx(2, "usage: burden spin|past-timers|timers|calls|hold|without-perf|bpf-objects|injectors "
                "ARGUMENT...");
}
