/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/culprit.h"

#include <string.h>

#include "daemon/symbols/kernel-stack.h"
#include "daemon/symbols/pattern.h"

/* clang-format off */
/* The rule. Functions whose caller is the one to name; '*' at the end stands for anything. */
static const struct {
        enum culprit_kind kind;
        const char *pattern;
} table[] = {
        /* Unlocking with interrupts restored or enabled: the timer that was pending fires right here. */
        { CULPRIT_ENABLE, "_raw_spin_unlock*" },
        { CULPRIT_ENABLE, "_raw_read_unlock*" },
        { CULPRIT_ENABLE, "_raw_write_unlock*" },
        { CULPRIT_ENABLE, "__raw_spin_unlock*" },
        { CULPRIT_ENABLE, "raw_spin_rq_unlock*" },
        { CULPRIT_ENABLE, "rt_spin_unlock" },
        { CULPRIT_ENABLE, "rt_read_unlock" },
        { CULPRIT_ENABLE, "rt_write_unlock" },
        { CULPRIT_ENABLE, "local_irq_enable" },
        { CULPRIT_ENABLE, "local_irq_restore" },
        { CULPRIT_ENABLE, "raw_local_irq_*" },
        { CULPRIT_ENABLE, "arch_local_irq_*" },
        { CULPRIT_ENABLE, "native_restore_fl" },
        { CULPRIT_ENABLE, "native_irq_enable" },
        { CULPRIT_ENABLE, "pv_native_irq_enable" },
        { CULPRIT_ENABLE, "xen_irq_enable*" },
        { CULPRIT_ENABLE, "xen_restore_fl*" },
        { CULPRIT_ENABLE, "__raw_callee_save_*" },
        { CULPRIT_ENABLE, "bpf_local_irq_*" },
        { CULPRIT_ENABLE, "trace_hardirqs_on*" },
        { CULPRIT_ENABLE, "lockdep_hardirqs_on*" },
        { CULPRIT_ENABLE, "trace_preempt_on" },
        { CULPRIT_ENABLE, "preempt_count_sub" },
        { CULPRIT_ENABLE, "preempt_schedule*" },
        { CULPRIT_ENABLE, "__local_bh_enable*" },
        { CULPRIT_ENABLE, "_local_bh_enable" },
        { CULPRIT_ENABLE, "local_bh_enable*" },
        { CULPRIT_ENABLE, "irqentry_enter*" },
        { CULPRIT_ENABLE, "irqentry_exit*" },
        { CULPRIT_ENABLE, "raw_irqentry_exit*" },
        /* The next task enables what the scheduler disabled: __schedule is named. */
        { CULPRIT_ENABLE, "finish_task_switch" },
        { CULPRIT_ENABLE, "finish_lock_switch" },

        /* Running softirqs at the end of an interrupt or of a bh-disabled section. What ran in a softirq is above
         * these; below is the interrupt handler or who enabled softirqs. */
        { CULPRIT_SOFTIRQ, "do_softirq" },
        { CULPRIT_SOFTIRQ, "__do_softirq" },
        { CULPRIT_SOFTIRQ, "___do_softirq" },
        { CULPRIT_SOFTIRQ, "do_softirq_own_stack" },
        { CULPRIT_SOFTIRQ, "____do_softirq" },
        { CULPRIT_SOFTIRQ, "call_on_irq_stack" },
        { CULPRIT_SOFTIRQ, "asm_call_*" },
        { CULPRIT_SOFTIRQ, "handle_softirqs" },
        { CULPRIT_SOFTIRQ, "invoke_softirq" },
        { CULPRIT_SOFTIRQ, "irq_exit" },
        { CULPRIT_SOFTIRQ, "irq_exit_rcu" },
        { CULPRIT_SOFTIRQ, "__irq_exit_rcu" },

        { CULPRIT_LOCK, "_raw_spin_lock*" },
        { CULPRIT_LOCK, "_raw_spin_trylock*" },
        { CULPRIT_LOCK, "_raw_read_lock*" },
        { CULPRIT_LOCK, "_raw_read_trylock*" },
        { CULPRIT_LOCK, "_raw_write_lock*" },
        { CULPRIT_LOCK, "_raw_write_trylock*" },
        { CULPRIT_LOCK, "__raw_spin_lock*" },
        { CULPRIT_LOCK, "do_raw_spin_lock*" },
        { CULPRIT_LOCK, "raw_spin_rq_lock*" },
        { CULPRIT_LOCK, "raw_spin_rq_trylock" },
        { CULPRIT_LOCK, "task_rq_lock" },
        { CULPRIT_LOCK, "__task_rq_lock" },
        { CULPRIT_LOCK, "double_rq_lock" },
        { CULPRIT_LOCK, "native_queued_spin_lock_slowpath" },
        { CULPRIT_LOCK, "queued_spin_lock_slowpath" },
        { CULPRIT_LOCK, "resilient_queued_spin_lock_slowpath" },
        { CULPRIT_LOCK, "__pv_queued_spin_lock_slowpath" },
        { CULPRIT_LOCK, "__pv_queued_spin_unlock*" },
        { CULPRIT_LOCK, "pv_wait_*" },
        { CULPRIT_LOCK, "pv_kick_*" },
        { CULPRIT_LOCK, "kvm_wait" },
        { CULPRIT_LOCK, "kvm_kick_cpu" },
        { CULPRIT_LOCK, "hv_qlock_wait" },
        { CULPRIT_LOCK, "xen_qlock_wait" },
        { CULPRIT_LOCK, "queued_read_lock_slowpath" },
        { CULPRIT_LOCK, "queued_write_lock_slowpath" },
        { CULPRIT_LOCK, "osq_lock" },
        { CULPRIT_LOCK, "lock_acquire" },
        { CULPRIT_LOCK, "__lock_acquire" },
        { CULPRIT_LOCK, "lock_release" },
        { CULPRIT_LOCK, "lock_is_held_type" },
        { CULPRIT_LOCK, "_atomic_dec_and_lock*" },
        { CULPRIT_LOCK, "refcount_dec_and_lock*" },

        { CULPRIT_MEMORY, "memcpy*" },
        { CULPRIT_MEMORY, "__memcpy*" },
        { CULPRIT_MEMORY, "memmove*" },
        { CULPRIT_MEMORY, "__memmove*" },
        { CULPRIT_MEMORY, "memset*" },
        { CULPRIT_MEMORY, "__memset*" },
        { CULPRIT_MEMORY, "memcmp" },
        { CULPRIT_MEMORY, "__memcmp" },
        { CULPRIT_MEMORY, "memchr*" },
        { CULPRIT_MEMORY, "memscan" },
        { CULPRIT_MEMORY, "bcmp" },
        { CULPRIT_MEMORY, "strlen" },
        { CULPRIT_MEMORY, "strnlen" },
        { CULPRIT_MEMORY, "strcmp" },
        { CULPRIT_MEMORY, "strncmp" },
        { CULPRIT_MEMORY, "strcasecmp" },
        { CULPRIT_MEMORY, "strncasecmp" },
        { CULPRIT_MEMORY, "strcpy" },
        { CULPRIT_MEMORY, "strncpy" },
        { CULPRIT_MEMORY, "strlcpy" },
        { CULPRIT_MEMORY, "strscpy*" },
        { CULPRIT_MEMORY, "sized_strscpy" },
        { CULPRIT_MEMORY, "strcat" },
        { CULPRIT_MEMORY, "strchr*" },
        { CULPRIT_MEMORY, "strrchr" },
        { CULPRIT_MEMORY, "strstr" },
        { CULPRIT_MEMORY, "strnstr" },
        { CULPRIT_MEMORY, "clear_page" }, /* not clear_page*, copy_page*: copy_page_range is a culprit */
        { CULPRIT_MEMORY, "clear_page_erms" },
        { CULPRIT_MEMORY, "clear_page_rep" },
        { CULPRIT_MEMORY, "clear_page_orig" },
        { CULPRIT_MEMORY, "clear_pages" },
        { CULPRIT_MEMORY, "__clear_pages_unrolled" },
        { CULPRIT_MEMORY, "__pi_clear_page" },
        { CULPRIT_MEMORY, "copy_page" },
        { CULPRIT_MEMORY, "copy_page_regs" },
        { CULPRIT_MEMORY, "__pi_copy_page" },
        { CULPRIT_MEMORY, "copy_mc_*" },
        { CULPRIT_MEMORY, "copy_user_*" },
        { CULPRIT_MEMORY, "__copy_user_*" },
        { CULPRIT_MEMORY, "rep_movs_alternative" },
        { CULPRIT_MEMORY, "rep_stos_alternative" },
        { CULPRIT_MEMORY, "_copy_from_user" },
        { CULPRIT_MEMORY, "_copy_to_user" },
        { CULPRIT_MEMORY, "__arch_copy_*" },
        { CULPRIT_MEMORY, "__arch_clear_user" },
        { CULPRIT_MEMORY, "__pi_mem*" },
        { CULPRIT_MEMORY, "__pi_str*" },
        { CULPRIT_MEMORY, "csum_partial*" },
        { CULPRIT_MEMORY, "crc32*" },
        { CULPRIT_MEMORY, "__crc32*" },
        { CULPRIT_MEMORY, "jhash*" },
        { CULPRIT_MEMORY, "siphash*" },
        { CULPRIT_MEMORY, "__siphash*" },

        { CULPRIT_CONTAINER, "radix_tree_*" },
        { CULPRIT_CONTAINER, "__radix_tree_*" },
        { CULPRIT_CONTAINER, "xa_*" },
        { CULPRIT_CONTAINER, "__xa_*" },
        { CULPRIT_CONTAINER, "xas_*" },
        { CULPRIT_CONTAINER, "__xas_*" },
        { CULPRIT_CONTAINER, "idr_*" },
        { CULPRIT_CONTAINER, "ida_*" },
        { CULPRIT_CONTAINER, "mas_*" },
        { CULPRIT_CONTAINER, "mtree_*" },
        { CULPRIT_CONTAINER, "rb_erase*" }, /* not rb_*: the trace ring buffer's functions begin so, too */
        { CULPRIT_CONTAINER, "rb_insert*" },
        { CULPRIT_CONTAINER, "rb_next*" },
        { CULPRIT_CONTAINER, "rb_prev" },
        { CULPRIT_CONTAINER, "rb_first*" },
        { CULPRIT_CONTAINER, "rb_last" },
        { CULPRIT_CONTAINER, "rb_replace*" },
        { CULPRIT_CONTAINER, "__rb_erase*" },
        { CULPRIT_CONTAINER, "__rb_insert*" },
        { CULPRIT_CONTAINER, "interval_tree_*" },
        { CULPRIT_CONTAINER, "timerqueue_*" },
        { CULPRIT_CONTAINER, "__list_*" },
        { CULPRIT_CONTAINER, "list_sort" },
        { CULPRIT_CONTAINER, "list_del*" },
        { CULPRIT_CONTAINER, "list_add*" },
        { CULPRIT_CONTAINER, "llist_*" },
        { CULPRIT_CONTAINER, "plist_*" },
        { CULPRIT_CONTAINER, "sort" },
        { CULPRIT_CONTAINER, "sort_r" },
        { CULPRIT_CONTAINER, "bsearch" },
        { CULPRIT_CONTAINER, "bitmap_*" },
        { CULPRIT_CONTAINER, "__bitmap_*" },
        { CULPRIT_CONTAINER, "_find_*" },
        { CULPRIT_CONTAINER, "find_next_bit*" },
        { CULPRIT_CONTAINER, "__find_nth_*" },
        { CULPRIT_CONTAINER, "cpumask_next*" },
        { CULPRIT_CONTAINER, "__sw_hweight*" },
        { CULPRIT_CONTAINER, "percpu_counter_*" },
        { CULPRIT_CONTAINER, "__percpu_counter_*" },
        { CULPRIT_CONTAINER, "refcount_*" },

        { CULPRIT_DELAY, "__delay" },
        { CULPRIT_DELAY, "__udelay" },
        { CULPRIT_DELAY, "__ndelay" },
        { CULPRIT_DELAY, "__const_udelay" },
        { CULPRIT_DELAY, "__timer_delay" },
        { CULPRIT_DELAY, "delay_tsc" },
        { CULPRIT_DELAY, "delay_loop" },
        { CULPRIT_DELAY, "delay_halt*" },
        { CULPRIT_DELAY, "ktime_get*" },
        { CULPRIT_DELAY, "sched_clock*" },
        { CULPRIT_DELAY, "native_sched_clock" },
        { CULPRIT_DELAY, "local_clock*" },
        { CULPRIT_DELAY, "read_tsc" },
        { CULPRIT_DELAY, "read_hpet" },
        { CULPRIT_DELAY, "arch_counter_*" }, /* arm64 */
        { CULPRIT_DELAY, "acpi_pm_read" },
        { CULPRIT_DELAY, "kvm_clock_*" },
        { CULPRIT_DELAY, "pvclock_clocksource_read*" },
        { CULPRIT_DELAY, "bpf_ktime_get*" },
        { CULPRIT_DELAY, "bpf_loop" },
        { CULPRIT_DELAY, "ioread*" },
        { CULPRIT_DELAY, "iowrite*" },
        { CULPRIT_DELAY, "native_read_msr*" },
        { CULPRIT_DELAY, "native_write_msr*" },

        { CULPRIT_TRACING, "bpf_trampoline_*" },
        { CULPRIT_TRACING, "bpf_dispatcher_*" },
        { CULPRIT_TRACING, "bpf_trace_run*" },
        { CULPRIT_TRACING, "__bpf_trace_*" },
        { CULPRIT_TRACING, "__bpf_prog_enter*" },
        { CULPRIT_TRACING, "__bpf_prog_exit*" },
        { CULPRIT_TRACING, "__traceiter_*" },
        { CULPRIT_TRACING, "trace_event_raw_event_*" },
        { CULPRIT_TRACING, "perf_trace_*" },
        { CULPRIT_TRACING, "trace_call_bpf" },
        { CULPRIT_TRACING, "ftrace_*" },
        { CULPRIT_TRACING, "__fentry__" },
        { CULPRIT_TRACING, "arch_rethook_*" },
        { CULPRIT_TRACING, "kprobe_*" },
        { CULPRIT_TRACING, "kretprobe_*" },
        { CULPRIT_TRACING, "__x86_indirect_*" },
        { CULPRIT_TRACING, "__x86_return_thunk" },
        { CULPRIT_TRACING, "srso_*" },
        { CULPRIT_TRACING, "retbleed_*" },

        { CULPRIT_ROOT, "do_syscall_64" },
        { CULPRIT_ROOT, "do_fast_syscall_32" },
        { CULPRIT_ROOT, "__do_fast_syscall_32" },
        { CULPRIT_ROOT, "do_int80_*" },
        { CULPRIT_ROOT, "entry_SYSCALL_*" },
        { CULPRIT_ROOT, "entry_SYSENTER_*" },
        { CULPRIT_ROOT, "invoke_syscall" }, /* arm64, innermost first */
        { CULPRIT_ROOT, "do_el0_svc*" },
        { CULPRIT_ROOT, "el0_svc*" },
        { CULPRIT_ROOT, "el0t_64_sync*" },
        { CULPRIT_ROOT, "el0_sync*" }, /* before 5.14 */
        { CULPRIT_ROOT, "ret_from_fork*" },
        { CULPRIT_ROOT, "secondary_startup_64*" },
};

static const char *const idle[] = {
        "default_idle*", "pv_native_safe_halt", "pvm_safe_halt", "native_safe_halt", "xen_safe_halt", "tdx_*halt", "acpi_safe_halt",
        "acpi_idle_*", "intel_idle*", "mwait_idle*", "amd_e400_idle", "poll_idle", "cpuidle_*", "cpu_idle_poll",
        "haltpoll_*", "arch_cpu_idle*", "cpu_do_idle", "psci_*idle*", "call_cpuidle", "do_idle", "cpu_startup_entry",
        "io_idle", "tick_nohz_idle_*",
};

/* Beside CULPRIT_SOFTIRQ. */
static const char *const interrupt_exit[] = {
        "irqentry_*", "raw_irqentry_*", "sysvec_*", "__sysvec_*", "common_interrupt", "__common_interrupt",
        "exit_to_user_mode*", "el0_interrupt", "__el0_irq_*", "el1_interrupt", "__el1_irq", "do_interrupt_handler",
};
/* clang-format on */

enum culprit_kind culprit_classify(const char *symbol, const char *module) {
        if (module && strcmp(module, "bpf") != 0 && strncmp(module, "__builtin__", 11) != 0)
                return CULPRIT_SPECIFIC;
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (symbol_matches(symbol, table[i].pattern))
                        return table[i].kind;
        return CULPRIT_SPECIFIC;
}

static bool frame_ends_search(const struct frame *frame) {
        return frame->symbol && (kernel_symbol_is_entry(frame->symbol) ||
                                 culprit_classify(frame->symbol, frame->module) == CULPRIT_ROOT);
}

int culprit_find(const struct stack *stack, size_t *ret_index) {
        for (size_t i = 0; i < stack->n_frames; i++) {
                const struct frame *frame = &stack->frames[i];

                if (!frame->symbol)
                        return -ENOENT;
                if (frame_ends_search(frame))
                        break;
                if (culprit_classify(frame->symbol, frame->module) == CULPRIT_SPECIFIC) {
                        *ret_index = i;
                        return 0;
                }
        }

        if (stack->n_frames == 0)
                return -ENOENT;
        *ret_index = 0;
        return 0;
}

int culprit_name(const struct stack *stack, char **ret_name) {
        const char *symbol;
        size_t index;
        char *name;
        int r;

        r = culprit_find(stack, &index);
        if (r < 0)
                return r;
        symbol = stack->frames[index].symbol;
        name = strndup(symbol, symbol_base_length(symbol));
        if (!name)
                return -ENOMEM;
        *ret_name = name;
        return 0;
}

bool culprit_in_idle(const struct stack *stack) {
        if (stack->n_frames == 0 || !stack->frames[0].symbol || stack->frames[0].module)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(idle); i++)
                if (symbol_matches(stack->frames[0].symbol, idle[i]))
                        return true;
        return false;
}

static bool is_interrupt_exit(const struct frame *frame) {
        if (frame->module)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(interrupt_exit); i++)
                if (symbol_matches(frame->symbol, interrupt_exit[i]))
                        return true;

        return culprit_classify(frame->symbol, frame->module) == CULPRIT_SOFTIRQ;
}

bool culprit_in_interrupt_exit(const struct stack *stack) {
        for (size_t i = 0; i < stack->n_frames && stack->frames[i].symbol; i++) {
                if (kernel_symbol_is_entry(stack->frames[i].symbol))
                        return i > 0;
                if (!is_interrupt_exit(&stack->frames[i]))
                        return false;
        }

        return false;
}

static uint64_t fingerprint_add(uint64_t hash, const char *text, size_t size) {
        for (size_t i = 0; i <= size; i++)
                hash = (hash ^ (uint8_t)(i < size ? text[i] : '\0')) * UINT64_C(0x100000001b3);
        return hash;
}

uint64_t culprit_fingerprint(const struct stack *stack) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        size_t culprit;

        if (culprit_find(stack, &culprit) < 0)
                return 0;
        for (size_t i = culprit; i < stack->n_frames; i++) {
                const char *symbol = stack->frames[i].symbol ?: "", *module = stack->frames[i].module ?: "";

                if (i > culprit && frame_ends_search(&stack->frames[i]))
                        break;
                hash = fingerprint_add(hash, module, strlen(module));
                hash = fingerprint_add(hash, symbol, symbol_base_length(symbol));
        }
        return hash ?: 1;
}
