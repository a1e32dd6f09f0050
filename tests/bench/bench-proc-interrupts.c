/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What user space pays for one cell (IRQ and CPU) of /proc/interrupts: the parser alone, and the collector's
 * whole pass, reading the file and filling a batch included. The file is a regular one: the kernel's cost of
 * printing the numbers is not in here.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fileio.h"
#include "daemon/collect/proc-interrupts.h"
#include "daemon/collect/registry.h"

enum { TARGET_CELLS = 20 * 1000 * 1000 };

static uint64_t cpu_time_ns(void) {
        struct timespec ts;

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts); /* cannot fail */
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Queue interrupts as network cards and NVMe have them: busy on one CPU, zero on nearly all others; every
 * eighth row is an architecture's, busy everywhere. */
static void write_row(FILE *f, unsigned irq, unsigned n_cpus) {
        bool busy = irq % 8 == 7;

        fprintf(f, "%4u: ", irq);
        for (unsigned cpu = 0; cpu < n_cpus; cpu++)
                fprintf(f, "%10u ", busy || cpu == irq % n_cpus ? 1000000 + irq * 7919 + cpu : 0);
        fprintf(f, " PCI-MSIX-0000:%02x:00.0 %4u-edge      mlx5_comp%u@pci:0000:%02x:00.0\n", irq % 256, irq,
                irq, irq % 256);
}

static int write_file(const char *path, unsigned n_cpus, unsigned n_irqs) {
        _cleanup_(fclosep) FILE *f = NULL;

        f = fopen(path, "we");
        if (!f)
                return -errno;

        fprintf(f, "%12s", "");
        for (unsigned cpu = 0; cpu < n_cpus; cpu++)
                fprintf(f, "CPU%-8u", cpu);
        fputc('\n', f);
        for (unsigned irq = 0; irq < n_irqs; irq++)
                write_row(f, irq, n_cpus);

        return fflush(f) == 0 ? 0 : -errno;
}

static int count_row(const struct proc_interrupts_row *row, const struct proc_table *table, void *userdata) {
        *(size_t *)userdata += table->n_cpus;
        return 0;
}

static int bench_parser(int root_fd, unsigned n_passes, double *ret_ns) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        _cleanup_(proc_table_done) struct proc_table table = {};
        size_t n_cells = 0;
        uint64_t start;
        int r;

        r = text_buffer_read(&buffer, root_fd, "proc/interrupts", SIZE_MAX);
        if (r < 0)
                return r;

        start = cpu_time_ns();
        for (unsigned i = 0; i < n_passes; i++) {
                r = proc_interrupts_parse(buffer.data, buffer.size, &table, count_row, &n_cells);
                if (r < 0)
                        return r;
        }

        *ret_ns = (double)(cpu_time_ns() - start) / (double)n_cells;
        return 0;
}

static int bench_collector(int root_fd, unsigned n_passes, double *ret_ns) {
        const struct collector_ops *ops = &collector_interrupts;
        const struct collector_env env = { .root_fd = root_fd, .is_fixture = true };
        _cleanup_(batch_done) struct batch batch = {};
        size_t n_cells = 0;
        uint64_t start = 0;
        void *state = NULL;
        int r;

        r = ops->open(&env, &state);
        for (unsigned i = 0; r >= 0 && i <= n_passes; i++) {
                if (i == 1) /* the first pass pays for the memory */
                        start = cpu_time_ns();
                batch_clear(&batch);
                r = ops->sample(state, &batch);
                n_cells += i > 0 ? batch.n_cells : 0;
        }

        *ret_ns = (double)(cpu_time_ns() - start) / (double)n_cells;
        ops->close(state);
        return r;
}

static int bench(const char *root, unsigned n_cpus, unsigned n_irqs) {
        _cleanup_(closep) int root_fd = -EBADF;
        _cleanup_(freep) char *path = NULL;
        unsigned n_passes = TARGET_CELLS / (n_cpus * n_irqs) + 1;
        double parser_ns = 0, collector_ns = 0;
        int r;

        if (asprintf(&path, "%s/proc/interrupts", root) < 0)
                return -ENOMEM;
        r = write_file(path, n_cpus, n_irqs);
        if (r < 0)
                return r;

        root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return -errno;

        r = bench_parser(root_fd, n_passes, &parser_ns);
        if (r >= 0)
                r = bench_collector(root_fd, n_passes, &collector_ns);
        if (r < 0)
                return r;

        printf("%5u CPUs %5u IRQs: parse %6.2f ns/cell, whole pass %6.2f ns/cell, %9.3f ms/pass\n", n_cpus,
               n_irqs, parser_ns, collector_ns, collector_ns * n_cpus * n_irqs / 1e6);
        return unlink(path) < 0 ? -errno : 0;
}

int main(void) {
        static const unsigned sizes[][2] = { { 2, 64 }, { 64, 1024 }, { 512, 4096 } };
        char root[] = "/tmp/irqwatch-bench-XXXXXX", dir[sizeof(root) + 8];
        int r = 0;

        if (!mkdtemp(root))
                return EXIT_FAILURE;
        snprintf(dir, sizeof(dir), "%s/proc", root);
        if (mkdir(dir, 0700) < 0)
                r = -errno;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(sizes); i++)
                r = bench(root, sizes[i][0], sizes[i][1]);
        if (r < 0)
                fprintf(stderr, "bench-proc-interrupts: %s\n", strerror(-r));

        (void)rmdir(dir); /* nobody's but ours, and empty */
        (void)rmdir(root);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
