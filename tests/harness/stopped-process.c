/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/harness/stopped-process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READY_TIMEOUT_MS = 30000 };

static void run_child(int output_fd, const char *const *argv, int (*prepare)(void *), void *userdata) {
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies leaves no spinner */
        if (prepare && prepare(userdata) < 0)
                _exit(126);
        if (dup2(output_fd, STDOUT_FILENO) < 0 || dup2(null_fd, STDIN_FILENO) < 0)
                _exit(126);
        (void)execv(argv[0], (char *const *)argv);
        _exit(127);
}

/* Waits until the child has written "ready". Others may write before: node says where its log goes. */
static int wait_ready(int fd) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        char text[4096];
        size_t size = 0;

        for (;;) {
                ssize_t n;

                if (poll(&poll_fd, 1, READY_TIMEOUT_MS) <= 0)
                        return -ETIMEDOUT;
                n = read(fd, text + size, sizeof(text) - size);
                if (n <= 0)
                        return -EPIPE;
                size += (size_t)n;
                if (memmem(text, size, "ready", 5))
                        return 0;
                if (size > sizeof(text) / 2) {
                        memmove(text, text + size - 4, 4); /* what may be the beginning of it */
                        size = 4;
                }
        }
}

static uint64_t cpu_ticks(pid_t pid) {
        clockid_t clock;
        struct timespec used = {};

        if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
                return UINT64_MAX;
        return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

/* The child spins: once it has used some CPU time more, it has left the write() behind "ready", also on a
 * processor that is emulated. */
static void let_spin(pid_t pid) {
        uint64_t start = cpu_ticks(pid);

        for (unsigned i = 0; i < 30000 && cpu_ticks(pid) < start + 10000000; i++)
                (void)usleep(1000);
}

static void take_registers(struct stopped_process *process) {
#if defined(__x86_64__)
        struct user_regs_struct r;
        struct iovec iov = { &r, sizeof(r) };

        if (ptrace(PTRACE_GETREGSET, process->pid, 1 /* NT_PRSTATUS */, &iov) < 0)
                abort();
        memcpy(process->snapshot.registers,
               (const uint64_t[]){ r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10,
                                   r.r11, r.r12, r.r13, r.r14, r.r15, r.rip },
               17 * sizeof(uint64_t));
        process->snapshot.arch = USER_ARCH_X86_64;
        process->snapshot.has_registers = 1;
#elif defined(__aarch64__)
        struct user_regs_struct r;
        struct iovec iov = { &r, sizeof(r) };

        if (ptrace(PTRACE_GETREGSET, process->pid, 1 /* NT_PRSTATUS */, &iov) < 0)
                abort();
        memcpy(process->snapshot.registers, r.regs, sizeof(r.regs));
        process->snapshot.registers[USER_REGISTER_ARM64_SP] = r.sp;
        process->snapshot.registers[USER_REGISTER_ARM64_PC] = r.pc;
        process->snapshot.arch = USER_ARCH_ARM64;
        process->snapshot.has_registers = 1;
#endif
}

static uint64_t stack_pointer(const struct user_snapshot *snapshot) {
        return snapshot->registers[snapshot->arch == USER_ARCH_ARM64 ? USER_REGISTER_ARM64_SP
                                                                     : USER_REGISTER_X86_64_RSP];
}

/* Page by page up to the end of the stack's mapping. */
static void take_stack(struct stopped_process *process) {
        uint64_t address = stack_pointer(&process->snapshot);
        size_t size = 0;

        while (size < sizeof(process->stack)) {
                size_t n = 4096 - (address + size) % 4096;
                struct iovec local = { process->stack + size, n < sizeof(process->stack) - size
                                                                      ? n
                                                                      : sizeof(process->stack) - size };
                struct iovec remote = { (void *)(address + size), local.iov_len };
                ssize_t got = process_vm_readv(process->pid, &local, 1, &remote, 1, 0);

                if (got <= 0)
                        break;
                size += (size_t)got;
        }
        process->snapshot.stack = process->stack;
        process->snapshot.stack_size = size;
}

static int stop_and_take(struct stopped_process *process) {
        int status;

        if (ptrace(PTRACE_INTERRUPT, process->pid, NULL, NULL) < 0)
                return -errno;
        if (waitpid(process->pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
                return -ECHILD;
        take_registers(process);
        take_stack(process);
        process->snapshot.pid = process->snapshot.tgid = process->pid;
        process->snapshot.frames = process->frames;
        process->snapshot.n_frames = 0;
        return 0;
}

int stopped_process_start(struct stopped_process *process, const char *const *argv,
                          int (*prepare)(void *userdata), void *userdata) {
        int fds[2], r;

        memset(process, 0, sizeof(*process));
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        process->pid = fork();
        if (process->pid < 0)
                return -errno;
        if (process->pid == 0)
                run_child(fds[1], argv, prepare, userdata);
        (void)close(fds[1]);
        process->output_fd = fds[0];

        r = wait_ready(process->output_fd);
        if (r == 0)
                let_spin(process->pid);
        if (r == 0 && ptrace(PTRACE_SEIZE, process->pid, NULL, NULL) < 0)
                r = -errno;
        if (r == 0)
                r = stop_and_take(process);
        if (r < 0)
                stopped_process_kill(process);
        return r;
}

void stopped_process_again(struct stopped_process *process) {
        if (ptrace(PTRACE_CONT, process->pid, NULL, NULL) < 0)
                abort();
        let_spin(process->pid);
        if (stop_and_take(process) < 0)
                abort();
}

void stopped_process_kill(struct stopped_process *process) {
        if (process->pid <= 0)
                return;
        (void)kill(process->pid, SIGKILL);
        while (waitpid(process->pid, NULL, __WALL) < 0 && errno == EINTR)
                ;
        (void)close(process->output_fd);
        process->pid = 0;
}
