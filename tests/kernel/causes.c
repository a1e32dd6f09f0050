/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/kernel/causes.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#include "common/cpulist.h"
#include "daemon/collect/selftest.h"
#include "daemon/symbols/kallsyms.h"
#include "tests/kernel/causes.skel.h"

enum {
        PATIENCE_MS = 300,
        IDLE_PATIENCE_MS = 100, /* then records that came meanwhile must be taken */
        BLOCK = 4096,
        LEARNING_READS = 64,
        ETHER_TYPE = 0x88b5, /* for local experiments */
        FRAME_BYTES = 64,
};

#define DEVICE "irqw0"
#define PEER "irqw1"

struct causes {
        struct causes_bpf *skel;
        struct kallsyms *kallsyms;
        struct injector *injector;
        struct bpf_link *link;
        enum cause cause;
        int cpu, other_cpu; /* where things happen; where the caller of an IPI is */
        int idle_cpu;       /* one of these */
        int device, peer;   /* interface numbers */
        int packet_fd, timer_fd, disk_fd;
        uint32_t xdp_flags; /* 0: not attached */
        void *block;
        off_t offset;
        pthread_t spinner;
        bool has_spinner;
        atomic_bool spinner_stop;
        char function[128];
};

static int pin(int cpu) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET((size_t)cpu, &set);
        return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}

static void *spin(void *userdata) {
        struct causes *c = userdata;

        if (pin(c->cpu) < 0)
                return NULL; /* the CPU stays idle, which the test notices */
        while (!atomic_load_explicit(&c->spinner_stop, memory_order_relaxed))
                ;
        return NULL;
}

static void stop_spinner(struct causes *c) {
        if (!c->has_spinner)
                return;

        atomic_store(&c->spinner_stop, true);
        (void)pthread_join(c->spinner, NULL); /* fails only for threads that are not ours */
        c->has_spinner = false;
        atomic_store(&c->spinner_stop, false);
}

void causes_end(struct causes *c) {
        stop_spinner(c);
        if (c->xdp_flags)
                (void)bpf_xdp_detach(c->device, c->xdp_flags, NULL); /* it goes with the namespace anyway */
        c->xdp_flags = 0;
        (void)bpf_link__destroy(c->link); /* NULL-safe; closing is all there is to it */
        c->link = NULL;
        c->injector = injector_free(c->injector);
        c->timer_fd = close_safe(c->timer_fd);
        c->disk_fd = close_safe(c->disk_fd);
}

struct causes *causes_free(struct causes *c) {
        if (!c)
                return NULL;

        causes_end(c);
        causes_bpf__destroy(c->skel);
        kallsyms_free(c->kallsyms);
        (void)close_safe(c->packet_fd);
        free(c->block);
        free(c);
        return NULL;
}

/* Runs "ip" in this process' network namespace. */
static int run_ip(const char *const *arguments) {
        pid_t pid;
        int status, r;

        r = posix_spawnp(&pid, "ip", NULL, NULL, (char *const *)arguments, environ);
        if (r != 0)
                return -r;
        if (waitpid(pid, &status, 0) < 0)
                return -errno;

        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static void disable_ipv6(void) {
        int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                (void)!write(fd, "1", 1); /* else the devices say a few words more to each other */
        (void)close_safe(fd);
}

/* A pair of devices in a namespace of our own; it ends with this process. */
static int make_network(struct causes *c, const char **ret_missing) {
        static const char *const add[] = { "ip",   "link", "add",  DEVICE, "type",
                                           "veth", "peer", "name", PEER,   NULL };
        static const char *const device_up[] = { "ip", "link", "set", DEVICE, "up", NULL };
        static const char *const peer_up[] = { "ip", "link", "set", PEER, "up", NULL };
        struct sockaddr_ll address = { .sll_family = AF_PACKET };

        if (unshare(CLONE_NEWNET) < 0)
                return -errno;
        disable_ipv6();
        if (run_ip(add) < 0 || run_ip(device_up) < 0 || run_ip(peer_up) < 0) {
                *ret_missing = "a pair of veth devices (iproute2, CONFIG_VETH)";
                return -EOPNOTSUPP;
        }

        c->device = (int)if_nametoindex(DEVICE);
        c->peer = (int)if_nametoindex(PEER);
        c->packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        address.sll_ifindex = c->peer;
        if (c->packet_fd < 0 || bind(c->packet_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return 0;
}

static int choose_cpus(struct causes *c, const char **ret_missing) {
        _cleanup_(cpu_set_done) struct cpu_set online = {};
        int r;

        r = cpu_list_read(AT_FDCWD, "/sys/devices/system/cpu/online", &online);
        if (r < 0)
                return r;

        c->cpu = cpu_set_next(&online, 0);
        c->other_cpu = cpu_set_next(&online, c->cpu + 1);
        c->idle_cpu = c->cpu;
        if (c->other_cpu < 0) {
                *ret_missing = "a second CPU";
                return -EOPNOTSUPP;
        }
        return 0;
}

static int load(struct causes *c) {
        _cleanup_(closep) int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct timespec now;
        uint64_t address;
        int r;

        if (root_fd < 0)
                return -errno;
        (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
        r = kallsyms_new(root_fd, (uint64_t)now.tv_sec * NSEC_PER_SEC, &c->kallsyms);
        if (r < 0)
                return r;

        c->skel = causes_bpf__open();
        if (!c->skel)
                return -errno;
        if (kallsyms_find(c->kallsyms, "timerfd_tmrproc", &address, 1) > 0)
                c->skel->rodata->timerfd_function = address;
        r = causes_bpf__load(c->skel);
        if (r >= 0)
                c->skel->bss->redirect_ifindex = (uint32_t)c->peer;
        return r;
}

int causes_new(struct causes **ret_causes, const char **ret_missing) {
        _cleanup_(causes_freep) struct causes *c = NULL;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->packet_fd = c->timer_fd = c->disk_fd = -EBADF;
        if (posix_memalign(&c->block, BLOCK, BLOCK) != 0)
                return -ENOMEM;

        if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_loop, NULL) <= 0) {
                *ret_missing = "bpf_loop() (5.17)";
                return -EOPNOTSUPP;
        }
        if ((r = choose_cpus(c, ret_missing)) < 0 || (r = make_network(c, ret_missing)) < 0 ||
            (r = load(c)) < 0)
                return r;

        *ret_causes = TAKE_PTR(c);
        return 0;
}

static int attach(struct causes *c, struct bpf_program *program) {
        c->link = bpf_program__attach(program);
        return c->link ? 0 : -errno;
}

static int attach_xdp(struct causes *c, uint32_t flags) {
        int r;

        r = bpf_xdp_attach(c->device, bpf_program__fd(c->skel->progs.cause_xdp), flags, NULL);
        if (r >= 0)
                c->xdp_flags = flags;
        return r;
}

static int read_disk(struct causes *c) {
        ssize_t n;

        n = pread(c->disk_fd, c->block, BLOCK, c->offset);
        c->offset = (c->offset + BLOCK) % (256 * BLOCK);
        return n < 0 ? -errno : 0;
}

/* Which interrupt the disk makes: the one that comes once for each read. */
static int learn_irq(struct causes *c, const char **ret_missing) {
        unsigned best = 0;
        int r = 0;

        memset((void *)c->skel->bss->irq_counts, 0, sizeof(c->skel->bss->irq_counts));
        for (unsigned i = 0; i < LEARNING_READS && r >= 0; i++)
                r = read_disk(c);
        if (r < 0)
                return r;

        for (unsigned i = 0; i < ELEMENTSOF(c->skel->bss->irq_counts); i++)
                if (c->skel->bss->irq_counts[i] > c->skel->bss->irq_counts[best])
                        best = i;
        if (c->skel->bss->irq_counts[best] < LEARNING_READS) {
                *ret_missing = "a disk that makes an interrupt for each read";
                return -EOPNOTSUPP;
        }

        c->skel->bss->wanted_irq = best;
        return 0;
}

static int begin_hardirq(struct causes *c, const char **ret_missing) {
        _cleanup_(freep) char *zeros = NULL;
        char path[] = "/var/tmp/irqwatch-causes-XXXXXX";
        int r;

        zeros = calloc(256, BLOCK);
        if (!zeros)
                return -ENOMEM;
        c->disk_fd = mkostemp(path, O_DIRECT | O_CLOEXEC);
        if (c->disk_fd < 0) {
                *ret_missing = "a file system with O_DIRECT on /var/tmp";
                return -EOPNOTSUPP;
        }
        (void)unlink(path); /* else a file of a megabyte stays */
        for (unsigned i = 0; i < 256; i++)
                if (pwrite(c->disk_fd, c->block, BLOCK, (off_t)i * BLOCK) < 0)
                        return -errno;
        if (fsync(c->disk_fd) < 0)
                return -errno;

        r = attach(c, c->skel->progs.cause_hardirq);
        return r < 0 ? r : learn_irq(c, ret_missing);
}

static int begin_injector(struct causes *c, enum cause cause, const char **ret_missing) {
        int r;

        r = injector_new(cause == CAUSE_PROCESS ? INJECTOR_PROCESS : INJECTOR_IPI, &c->injector, ret_missing);
        if (r < 0 || cause != CAUSE_IPI_BUSY)
                return r;

        r = pthread_create(&c->spinner, NULL, spin, c);
        c->has_spinner = r == 0;
        return -r;
}

static int begin_hrtimer(struct causes *c, const char **ret_missing) {
        if (!c->skel->rodata->timerfd_function) {
                *ret_missing = "the kernel's symbol timerfd_tmrproc";
                return -EOPNOTSUPP;
        }
        c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
        return c->timer_fd < 0 ? -errno : attach(c, c->skel->progs.cause_hrtimer);
}

int causes_begin(struct causes *c, enum cause cause, const char **ret_missing) {
        int r;

        causes_end(c);
        c->cause = cause;
        c->function[0] = '\0';
        r = pin(cause == CAUSE_IPI_BUSY || cause == CAUSE_IPI_IDLE ? c->other_cpu : c->cpu);
        if (r < 0)
                return r;

        switch (cause) {
        case CAUSE_PROCESS:
        case CAUSE_IPI_BUSY:
                return begin_injector(c, cause, ret_missing);
        case CAUSE_SOFTIRQ_NAPI:
                return attach_xdp(c, XDP_FLAGS_DRV_MODE);
        case CAUSE_SOFTIRQ_BACKLOG:
                return attach_xdp(c, XDP_FLAGS_SKB_MODE);
        case CAUSE_BH_OFF:
                return attach_xdp(c,
                                  XDP_FLAGS_DRV_MODE); /* so that packets raise the softirq of a NAPI poll */
        case CAUSE_HARDIRQ:
                return begin_hardirq(c, ret_missing);
        case CAUSE_HRTIMER:
                return begin_hrtimer(c, ret_missing);
        case CAUSE_IPI_IDLE:
        case CAUSE_SOFTIRQ_TIMER:
        case _CAUSE_MAX:
        default:
                return 0;
        }
}

/* To everybody; the type says whose it is. */
static void make_frame(uint8_t frame[static FRAME_BYTES], uint16_t type) {
        struct ether_header *header = (struct ether_header *)frame;

        memset(frame, 0, FRAME_BYTES);
        memset(header->ether_dhost, 0xff, sizeof(header->ether_dhost));
        header->ether_type = htons(type);
}

static int send_packet(struct causes *c) {
        uint8_t frame[FRAME_BYTES];

        make_frame(frame, ETHER_TYPE);
        return send(c->packet_fd, frame, sizeof(frame), 0) < 0 ? -errno : 0;
}

static int run_bh_off(struct causes *c) {
        uint8_t frame[FRAME_BYTES];
        LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));

        make_frame(frame, ETHER_TYPE + 1); /* none that the XDP program spins for */
        return bpf_prog_test_run_opts(bpf_program__fd(c->skel->progs.cause_bh_off), &opts);
}

static int run_bpf_timer(struct causes *c) {
        LIBBPF_OPTS(bpf_test_run_opts, opts);
        int r;

        r = bpf_prog_test_run_opts(bpf_program__fd(c->skel->progs.cause_timer), &opts);
        return r < 0 ? r : opts.retval ? -EIO : 0;
}

static int run_hrtimer(struct causes *c) {
        const struct itimerspec soon = { .it_value.tv_nsec = 300000 };
        uint64_t n;

        if (timerfd_settime(c->timer_fd, 0, &soon, NULL) < 0)
                return -errno;
        return read(c->timer_fd, &n, sizeof(n)) < 0 ? -errno : 0;
}

/* Whether the CPU is idle is seen best from there: asks again and again. */
static int run_ipi_idle(struct causes *c) {
        LIBBPF_OPTS(bpf_test_run_opts, opts, .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = (uint32_t)c->idle_cpu);
        const struct timespec pause = { .tv_nsec = NSEC_PER_MSEC };
        int r;

        r = pin(c->idle_cpu == c->cpu ? c->other_cpu : c->cpu) < 0 ? -ENXIO : 0;
        for (unsigned i = 0; i < IDLE_PATIENCE_MS && r >= 0 && !c->skel->bss->ended_ns; i++) {
                (void)nanosleep(&pause, NULL); /* shorter when a signal comes */
                r = bpf_prog_test_run_opts(bpf_program__fd(c->skel->progs.cause_ipi_idle), &opts);
        }
        if (!c->skel->bss->ended_ns)
                c->idle_cpu = c->idle_cpu == c->cpu ? c->other_cpu : c->cpu; /* the other one next time */
        return r;
}

static int trigger(struct causes *c) {
        switch (c->cause) {
        case CAUSE_IPI_IDLE:
                return run_ipi_idle(c);
        case CAUSE_SOFTIRQ_NAPI:
        case CAUSE_SOFTIRQ_BACKLOG:
                return send_packet(c);
        case CAUSE_SOFTIRQ_TIMER:
                return run_bpf_timer(c);
        case CAUSE_BH_OFF:
                return run_bh_off(c);
        case CAUSE_HARDIRQ:
                return read_disk(c);
        case CAUSE_HRTIMER:
                return run_hrtimer(c);
        case CAUSE_PROCESS:
        case CAUSE_IPI_BUSY:
        case _CAUSE_MAX:
        default:
                return -EINVAL;
        }
}

/* Softirqs may be left to ksoftirqd. */
static bool wait_until_ended(struct causes *c) {
        const struct timespec pause = { .tv_nsec = NSEC_PER_MSEC };

        for (unsigned i = 0; i < PATIENCE_MS; i++) {
                if (c->skel->bss->ended_ns)
                        return true;
                (void)nanosleep(&pause, NULL); /* shorter when a signal comes */
        }
        return false;
}

static void name_function(struct causes *c) {
        struct kallsyms_symbol symbol;

        c->function[0] = '\0';
        if (c->skel->bss->ran_function &&
            kallsyms_lookup(c->kallsyms, c->skel->bss->ran_function, &symbol) >= 0)
                (void)snprintf(c->function, sizeof(c->function), "%s", symbol.name); /* symbols are shorter */
}

static int run_program(struct causes *c, uint64_t length_ns, struct injection *ret_injection) {
        int r;

        c->skel->bss->ended_ns = 0;
        c->skel->bss->duration_ns = length_ns;
        c->skel->bss->armed = 1;
        r = trigger(c);
        if (r < 0)
                return r;
        if (!(c->cause == CAUSE_IPI_IDLE ? c->skel->bss->ended_ns != 0 : wait_until_ended(c))) {
                c->skel->bss->armed = 0;
                return -EAGAIN;
        }

        name_function(c);
        *ret_injection = (struct injection){
                .cpu = c->skel->bss->ran_on_cpu,
                .start_ns = c->skel->bss->started_ns,
                .end_ns = c->skel->bss->ended_ns,
        };
        return 0;
}

int causes_run(struct causes *c, uint64_t length_ns, struct injection *ret_injection) {
        int r;

        r = c->injector ? injector_run(c->injector, (unsigned)c->cpu, length_ns, ret_injection)
                        : run_program(c, length_ns, ret_injection);
        return r == -ENXIO ? -EAGAIN : r; /* somebody took the CPU offline for a moment */
}

const char *causes_function(const struct causes *c) {
        return c->function;
}

const char *causes_device(const struct causes *c) {
        return c->cause == CAUSE_SOFTIRQ_NAPI ? DEVICE : "";
}
