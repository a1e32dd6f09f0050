/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A snapshot of a user task's registers and stack, taken in the kernel, to a stack of names. Unwinds with the
 * DWARF tables of the files that are mapped (distributions build without frame pointers), with frame pointers
 * where there are none, and names what it finds. Reads files and can take tens of milliseconds: for a
 * worker's thread, one object per thread. Every shortfall leaves the best that is known, with the reason in
 * frame.note.
 */

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "daemon/store/stack.h"

enum user_arch {
        USER_ARCH_X86_64,
        USER_ARCH_ARM64,
        USER_ARCH_OTHER, /* also 32-bit processes: no unwinding, the kernel's frames only */
};

/* Indices into user_snapshot.registers: the numbers of DWARF. */
enum {
        USER_REGISTER_X86_64_RBP = 6,
        USER_REGISTER_X86_64_RSP = 7,
        USER_REGISTER_X86_64_RIP = 16, /* rax rdx rcx rbx rsi rdi rbp rsp r8..r15 rip */
        USER_REGISTER_ARM64_FP = 29,
        USER_REGISTER_ARM64_SP = 31,
        USER_REGISTER_ARM64_PC = 32, /* x0..x30 sp, and pc after them */
        USER_REGISTERS_MAX = 33,
};

enum {
        USER_STACK_BYTES_MAX = 16 * 1024, /* of the snapshot; more is ignored */
        USER_FRAMES_MAX = 127,            /* PERF_MAX_STACK_DEPTH */
};

/* What the kernel side took. All borrowed. */
struct user_snapshot {
        enum user_arch arch;
        pid_t pid, tgid; /* in the initial namespace */
        uint64_t registers[USER_REGISTERS_MAX];
        int has_registers; /* 0: a kernel that cannot give them; then only frames */
        const void *stack; /* the bytes from the stack pointer upward */
        size_t stack_size;
        const struct bpf_stack_build_id *frames; /* by frame pointers, innermost first; may be none */
        size_t n_frames;
};

struct user_symboliser;

struct user_symboliser_limits {
        size_t n_files_max;    /* kept open; 32 */
        size_t file_bytes_max; /* of symbol tables kept; 16 MiB */
};

struct user_symboliser_stats {
        size_t n_files, file_bytes;   /* in the cache now */
        uint64_t n_stacks, n_unwound; /* made in all; of these unwound from registers */
};

/* root_fd is "/" and duplicated. 0, -ENOMEM, -errno. */
int user_symboliser_new(int root_fd, const struct user_symboliser_limits *limits,
                        struct user_symboliser **ret_symboliser);
struct user_symboliser *user_symboliser_free(struct user_symboliser *symboliser);
DEFINE_CLEANUP(struct user_symboliser *, user_symboliser_free)

/* *ret_stack is sealed, owned by the caller, and may have no frames (a snapshot without registers and
 * frames). 0, -ENOMEM. */
int user_stack_symbolise(struct user_symboliser *symboliser, const struct user_snapshot *snapshot,
                         struct stack **ret_stack);
/* Forgets all files: when no stack was asked for in a while, their memory is worth more. */
void user_symboliser_drop_caches(struct user_symboliser *symboliser);
void user_symboliser_get_stats(const struct user_symboliser *symboliser,
                               struct user_symboliser_stats *ret_stats);
