/* SPDX-License-Identifier: Apache-2.0 */

#include "client/flame-events.h"

#include <string.h>

/* A trailing '*' matches any rest. */
static bool flame_entry_matches(const char *pattern, const char *symbol) {
        size_t n = strlen(pattern);

        if (pattern[n - 1] == '*')
                return strncmp(pattern, symbol, n - 1) == 0;
        return strcmp(pattern, symbol) == 0;
}

static bool flame_entry_find(const char *const *patterns, const char *symbol) {
        for (; *patterns; patterns++)
                if (flame_entry_matches(*patterns, symbol))
                        return true;
        return false;
}

bool flame_is_interrupt_entry(const char *symbol) {
        static const char *const entries[] = {
                /* softirqs: kernel/softirq.c; handle_softirqs() since 6.10 */
                "__do_softirq",
                "handle_softirqs",
                "do_softirq_own_stack",
                "__irq_exit_rcu",
                /* x86: idtentry.h, arch/x86/entry/entry_64.S; the later ones before 5.8 */
                "asm_sysvec_*",
                "asm_common_interrupt",
                "asm_spurious_interrupt",
                "asm_exc_nmi",
                "common_interrupt",
                "apic_timer_interrupt",
                "reschedule_interrupt",
                "call_function_interrupt",
                "call_function_single_interrupt",
                "irq_work_interrupt",
                "hyperv_callback_vector",
                "xen_hvm_callback_vector",
                "ret_from_intr",
                "end_repeat_nmi",
                /* arm64: arch/arm64/kernel/entry.S; without the suffix before 5.13 */
                "el1h_64_irq*",
                "el1h_64_fiq*",
                "el0t_64_irq*",
                "el0t_64_fiq*",
                "el0t_32_irq*",
                "el1_irq",
                "el0_irq",
                "el0_irq_naked",
                /* arm, riscv, powerpc, s390, loongarch */
                "__irq_svc",
                "__irq_usr",
                "handle_riscv_irq",
                "do_irq",
                "hardware_interrupt_common*",
                "decrementer_common*",
                "io_int_handler",
                "ext_int_handler",
                "handle_loongarch_irq",
                NULL,
        };

        return flame_entry_find(entries, symbol);
}

bool flame_is_kernel_entry(const char *symbol) {
        static const char *const entries[] = {
                "entry_SYSCALL_*",
                "entry_SYSENTER_*",
                "entry_INT80_*",
                "do_syscall_64",
                "do_int80_*",
                "asm_exc_*",
                "page_fault",
                "async_page_fault",
                "system_call_fastpath",
                "ret_from_fork*",
                "secondary_startup_64*",
                "start_secondary",
                "x86_64_start_kernel",
                "start_kernel",
                "rest_init",
                "kthread",
                "el0t_64_sync*",
                "el0_sync",
                "el0_svc*",
                "__primary_switched",
                "secondary_start_kernel",
                "system_call_common*",
                NULL,
        };

        return flame_entry_find(entries, symbol) || flame_is_interrupt_entry(symbol);
}
