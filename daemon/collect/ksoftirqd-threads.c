/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/ksoftirqd-threads.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "common/cleanup.h"

enum {
        FILE_MAX = 4096,
        PATH_SIZE = 64, /* "PID/schedstat" */
};

void ksoftirqd_threads_done(struct ksoftirqd_threads *threads) {
        for (size_t i = 0; i < threads->n_fds; i++)
                (void)close_safe(threads->fds[i]);
        free(threads->fds);
        text_buffer_done(&threads->text);
        *threads = (struct ksoftirqd_threads){};
}

bool ksoftirqd_threads_have(const struct ksoftirqd_threads *threads, int cpu) {
        return (size_t)cpu < threads->n_fds && threads->fds[cpu] >= 0;
}

size_t ksoftirqd_threads_missing(const struct ksoftirqd_threads *threads, const struct cpu_set *cpus) {
        size_t n = 0;

        for (int cpu = cpu_set_next(cpus, 0); cpu >= 0; cpu = cpu_set_next(cpus, cpu + 1))
                n += !ksoftirqd_threads_have(threads, cpu);

        return n;
}

static int ksoftirqd_threads_reserve(struct ksoftirqd_threads *threads, size_t n) {
        int *fds;

        if (n <= threads->n_fds)
                return 0;

        fds = reallocarray(threads->fds, n, sizeof(*fds));
        if (!fds)
                return -ENOMEM;

        threads->fds = fds;
        while (threads->n_fds < n)
                fds[threads->n_fds++] = -EBADF;
        return 0;
}

/* A task's small file into threads->text. 0; 1: the task is gone, or has no such file; -ENOMEM, -EMFILE,
 * -errno. */
static int read_file(struct ksoftirqd_threads *threads, int proc_fd, const char *pid, const char *name) {
        char path[PATH_SIZE];
        int r;

        (void)snprintf(path, sizeof(path), "%.20s/%s", pid, name);
        r = text_buffer_read(&threads->text, proc_fd, path, FILE_MAX);
        return r == -ENOENT || r == -ESRCH || r == -EACCES ? 1 : r;
}

/* Whose thread the task is: 0 with the CPU, 1 nobody's. By name first, which is cheap to read. */
static int identify(struct ksoftirqd_threads *threads, int proc_fd, const char *pid, int *ret_cpu) {
        struct text_slice comm;
        struct proc_task_stat stat;
        int r;

        r = read_file(threads, proc_fd, pid, "comm");
        if (r != 0)
                return r;
        if (!text_slice_starts_with((struct text_slice){ threads->text.data, threads->text.size },
                                    "ksoftirqd/"))
                return 1;

        r = read_file(threads, proc_fd, pid, "stat");
        if (r != 0)
                return r;
        if (proc_task_stat_parse(threads->text.data, threads->text.size, &stat) < 0 || !stat.kernel_thread)
                return 1;

        comm = stat.comm;
        return ksoftirqd_parse_comm(comm, ret_cpu) < 0;
}

static int adopt(struct ksoftirqd_threads *threads, int proc_fd, const char *pid, int cpu) {
        _cleanup_(closep) int fd = -EBADF;
        char path[PATH_SIZE];
        int r;

        (void)snprintf(path, sizeof(path), "%.20s/schedstat", pid);
        fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;

        r = ksoftirqd_threads_reserve(threads, (size_t)cpu + 1);
        if (r < 0)
                return r;

        threads->fds[cpu] = TAKE_FD(fd);
        return 0;
}

/* Looks at one task. The number of threads found, 0 or 1, or -errno. */
static int look_at(struct ksoftirqd_threads *threads, int proc_fd, const char *pid,
                   const struct cpu_set *cpus) {
        int cpu, r;

        if (pid[0] < '1' || pid[0] > '9')
                return 0;

        r = identify(threads, proc_fd, pid, &cpu);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!cpu_set_contains(cpus, cpu) || ksoftirqd_threads_have(threads, cpu))
                return 0;

        r = adopt(threads, proc_fd, pid, cpu);
        return r < 0 ? r : ksoftirqd_threads_have(threads, cpu);
}

int ksoftirqd_threads_find(struct ksoftirqd_threads *threads, int root_fd, const struct cpu_set *cpus) {
        size_t n_missing = ksoftirqd_threads_missing(threads, cpus);
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        if (n_missing == 0)
                return 0;

        dir = opendir_at(root_fd, "proc");
        if (!dir)
                return -errno;

        /* The kernel lists tasks by number, and these were made when it booted: they come early. */
        while (n_missing > 0 && (entry = readdir(dir))) {
                r = look_at(threads, dirfd(dir), entry->d_name, cpus);
                if (r < 0)
                        return r;
                n_missing -= (size_t)r;
        }

        return 0;
}

int ksoftirqd_threads_read(struct ksoftirqd_threads *threads, int cpu, struct proc_schedstat *ret_schedstat) {
        int r;

        assert(ksoftirqd_threads_have(threads, cpu));

        r = text_buffer_pread(&threads->text, threads->fds[cpu], FILE_MAX);
        if (r == -ESRCH || r == -ENOENT) {
                threads->fds[cpu] = close_safe(threads->fds[cpu]);
                return 1;
        }
        if (r < 0)
                return r;

        return proc_schedstat_parse(threads->text.data, threads->text.size, ret_schedstat);
}
