/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What unwinding the user stack of the interrupted task takes: its registers, a bounded copy of its stack, and
 * the addresses that frame pointers lead to, with build-ids, for when the task is gone by then.
 */

#include "state.h"

#if defined(__TARGET_ARCH_x86)
struct pt_regs___user {
        unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
} __attribute__((preserve_access_index));

#define USER32_CS 0x23 /* arch/x86/include/asm/segment.h: __USER32_CS */

static __always_inline __u64 read_registers(struct abi_user *u, void *pt_regs) {
        struct pt_regs___user *regs = pt_regs;
        __u64 *r = u->registers;

        r[0] = BPF_CORE_READ(regs, ax);
        r[1] = BPF_CORE_READ(regs, dx);
        r[2] = BPF_CORE_READ(regs, cx);
        r[3] = BPF_CORE_READ(regs, bx);
        r[4] = BPF_CORE_READ(regs, si);
        r[5] = BPF_CORE_READ(regs, di);
        r[6] = BPF_CORE_READ(regs, bp);
        r[7] = BPF_CORE_READ(regs, sp);
        r[8] = BPF_CORE_READ(regs, r8);
        r[9] = BPF_CORE_READ(regs, r9);
        r[10] = BPF_CORE_READ(regs, r10);
        r[11] = BPF_CORE_READ(regs, r11);
        r[12] = BPF_CORE_READ(regs, r12);
        r[13] = BPF_CORE_READ(regs, r13);
        r[14] = BPF_CORE_READ(regs, r14);
        r[15] = BPF_CORE_READ(regs, r15);
        r[16] = BPF_CORE_READ(regs, ip);
        u->is_32bit = BPF_CORE_READ(regs, cs) == USER32_CS;
        u->has_registers = 1;
        return r[7];
}
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs___user {
        __u64 regs[31], sp, pc, pstate;
} __attribute__((preserve_access_index));

#define PSR_MODE32_BIT 0x10

static __always_inline __u64 read_registers(struct abi_user *u, void *pt_regs) {
        struct pt_regs___user *regs = pt_regs;

        BPF_CORE_READ_INTO(&u->registers, regs, regs); /* x0..x30 */
        u->registers[31] = BPF_CORE_READ(regs, sp);
        u->registers[32] = BPF_CORE_READ(regs, pc);
        u->is_32bit = !!(BPF_CORE_READ(regs, pstate) & PSR_MODE32_BIT);
        u->has_registers = 1;
        return u->registers[31];
}
#else
static __always_inline __u64 read_registers(struct abi_user *u, void *pt_regs) {
        return 0;
}
#endif

/* Whole pages, so that one that is not in memory ends the copy without spoiling it. */
static __always_inline void copy_stack_pages(struct abi_user *u, __u64 sp) {
        __u64 start = sp & ~(__u64)(ABI_PAGE - 1);
        __u64 end = sp + config.user_stack_bytes;

        u->data_start = start;
        for (int i = 0; i < ABI_USER_PAGES_MAX; i++) {
                if (start + (__u64)i * ABI_PAGE >= end ||
                    bpf_probe_read_user(u->data + i * ABI_PAGE, ABI_PAGE, (void *)(start + (__u64)i * ABI_PAGE)) < 0)
                        return;
                u->data_bytes = (i + 1) * ABI_PAGE;
        }
}

static __always_inline int has_user_stack(void) {
        struct task_struct *task = (struct task_struct *)bpf_get_current_task();

        return (__u32)bpf_get_current_pid_tgid() != 0 && !(BPF_CORE_READ(task, flags) & PF_KTHREAD);
}

static __always_inline void record_user(void *ctx, struct abi_cpu *c, __u64 sequence) {
        struct abi_user *u;
        __u64 sp = 0;

        if (!config.user_stack_bytes)
                return;

        /* One of these is as big as ten windows: they must not crowd those out. */
        u = NULL;
        if (bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) < RECORDS_BYTES / 2)
                u = bpf_ringbuf_reserve(&records, sizeof(*u), 0);
        if (!u) {
                c->n_user_lost++;
                return;
        }

        u->type = ABI_RECORD_USER;
        u->cpu = bpf_get_smp_processor_id();
        u->sequence = sequence;
        u->has_registers = 0;
        u->is_32bit = 0;
        u->data_bytes = 0;
        u->data_start = 0;
        u->frames_bytes = bpf_get_stack(ctx, u->frames, sizeof(u->frames), BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
        if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) /* 5.15 */
                sp = read_registers(u, (void *)bpf_task_pt_regs(bpf_get_current_task_btf()));
        if (sp)
                copy_stack_pages(u, sp);
        bpf_ringbuf_submit(u, 0);
}
