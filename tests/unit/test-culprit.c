/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/symbols/culprit.h"

/* "symbol[module]" separated by blanks, innermost first; "?" is a frame without symbol. Offsets are
 * made up from seed, because nothing may depend on them. */
static struct stack *make_stack(const char *text, unsigned seed) {
        _cleanup_(stack_unrefp) struct stack *stack = NULL;
        char copy[2048], *saved = NULL;

        assert_true(strlen(text) < sizeof(copy));
        (void)strcpy(copy, text);
        assert_int_equal(stack_new(64, &stack), 0);
        for (char *word = strtok_r(copy, " ", &saved); word; word = strtok_r(NULL, " ", &saved)) {
                struct frame *frame = &stack->frames[stack->n_frames++];
                char *module = strchr(word, '[');

                if (strcmp(word, "?") == 0)
                        continue;
                if (module) {
                        *module++ = '\0';
                        *strchr(module, ']') = '\0';
                        frame->module = strdup(module);
                }
                frame->symbol = strdup(word);
                frame->offset = seed * stack->n_frames;
        }
        stack_seal(stack);
        return TAKE_PTR(stack);
}

/* The four stacks of the diagnose-tools case study below the timer interrupt's own frames. */
#define INSMOD \
        "nf_ct_frag6_expire.cold[nf_defrag_ipv6] do_one_initcall do_init_module load_module " \
        "__do_sys_finit_module __x64_sys_finit_module do_syscall_64 entry_SYSCALL_64_after_hwframe " \
        "start_secondary secondary_startup_64_no_verify"
#define MPT \
        "mpt_put_msg_frame[mptbase] mptscsih_qcmd[mptscsih] mptspi_qcmd[mptspi] scsi_dispatch_cmd " \
        "scsi_queue_rq blk_mq_dispatch_rq_list __blk_mq_do_dispatch_sched blk_mq_do_dispatch_sched " \
        "__blk_mq_sched_dispatch_requests blk_mq_sched_dispatch_requests __blk_mq_run_hw_queue " \
        "__blk_mq_delay_run_hw_queue blk_mq_run_hw_queue blk_mq_sched_insert_requests " \
        "blk_mq_flush_plug_list __blk_flush_plug blk_finish_plug "
#define CPPTOOLS \
        MPT "read_pages page_cache_ra_unbounded page_cache_ra_order ondemand_readahead page_cache_sync_ra"
#define NODE MPT "swap_cluster_readahead swapin_readahead do_swap_page handle_pte_fault __handle_mm_fault"
#define CUPSD \
        "radix_tree_tag_set xfs_inode_set_reclaim_tag[xfs] destroy_inode do_unlinkat do_syscall_64 " \
        "entry_SYSCALL_64_after_hwframe"

static void test_culprits(void **state) {
        static const struct {
                const char *stack, *culprit;
        } cases[] = {
                { INSMOD, "nf_ct_frag6_expire" },
                { CPPTOOLS, "mpt_put_msg_frame" },
                { NODE, "mpt_put_msg_frame" },
                { CUPSD, "xfs_inode_set_reclaim_tag" },
                /* enable primitives */
                { "_raw_spin_unlock_irqrestore ata_scsi_queuecmd[libata] scsi_dispatch_cmd",
                  "ata_scsi_queuecmd" },
                { "_raw_spin_unlock_irq evil_ioctl[evil] do_syscall_64", "evil_ioctl" },
                { "__local_bh_enable_ip nf_conntrack_hash_check_insert[nf_conntrack]",
                  "nf_conntrack_hash_check_insert" },
                { "finish_task_switch.isra.0 __schedule schedule do_nanosleep", "__schedule" },
                { "irqentry_exit sysvec_call_function_single asm_sysvec_call_function_single victim",
                  "sysvec_call_function_single" },
                /* locks: who wanted it */
                { "native_queued_spin_lock_slowpath _raw_spin_lock_irqsave free_pcppages_bulk "
                  "free_unref_page",
                  "free_pcppages_bulk" },
                { "kvm_wait __pv_queued_spin_lock_slowpath _raw_spin_lock_irqsave try_to_wake_up",
                  "try_to_wake_up" },
                /* copying, waiting */
                { "memset_orig evil_clear[evil]", "evil_clear" },
                { "clear_page_erms clear_huge_page do_huge_pmd_anonymous_page", "clear_huge_page" },
                { "copy_page_range dup_mmap copy_process", "copy_page_range" },
                { "delay_tsc __const_udelay evil_wait[evil]", "evil_wait" },
                { "arch_counter_get_cntvct __delay __const_udelay evil_wait[evil]", "evil_wait" },
                { "ktime_get evil_wait[evil]", "evil_wait" },
                /* BPF programs */
                { "bpf_ktime_get_ns bpf_prog_0123456789abcdef_spin[bpf] bpf_loop "
                  "bpf_prog_0123456789abcdee_main[bpf] bpf_trace_run1",
                  "bpf_prog_0123456789abcdef_spin" },
                { "bpf_trampoline_6442506740[bpf] do_unlinkat do_syscall_64", "do_unlinkat" },
                /* a module's function is specific whatever its name */
                { "memcpy_toio_slow[evil] evil_ioctl[evil]", "memcpy_toio_slow" },
                /* softirqs: what ran in one, else the interrupt at whose end they were run */
                { "net_rx_action handle_softirqs __irq_exit_rcu common_interrupt asm_common_interrupt victim",
                  "net_rx_action" },
                { "handle_softirqs __irq_exit_rcu irq_exit_rcu common_interrupt asm_common_interrupt victim",
                  "common_interrupt" },
                { "handle_softirqs run_ksoftirqd smpboot_thread_fn kthread", "run_ksoftirqd" },
                /* generic up to where the search ends: the innermost */
                { "_raw_spin_unlock_irq __irq_exit_rcu asm_common_interrupt victim", "_raw_spin_unlock_irq" },
                { "memcpy _raw_spin_lock do_syscall_64 entry_SYSCALL_64_after_hwframe", "memcpy" },
                { "asm_exc_page_fault victim", "asm_exc_page_fault" },
                /* arm64: nothing but the way into the kernel */
                { "__arch_copy_to_user invoke_syscall el0_svc_common.constprop.0 do_el0_svc el0_svc",
                  "__arch_copy_to_user" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(stack_unrefp) struct stack *stack = make_stack(cases[i].stack, 1);
                _cleanup_(freep) char *name = NULL;

                assert_int_equal(culprit_name(stack, &name), 0);
                assert_string_equal(name, cases[i].culprit);
                assert_true(culprit_fingerprint(stack) != 0);
        }
}

static void test_unknown(void **state) {
        static const char *const cases[] = { "", "?", "? victim", "_raw_spin_unlock_irq ? victim" };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(stack_unrefp) struct stack *stack = make_stack(cases[i], 1);
                _cleanup_(freep) char *name = NULL;

                assert_int_equal(culprit_name(stack, &name), -ENOENT);
                assert_null(name);
                assert_int_equal(culprit_fingerprint(stack), 0);
        }
}

static uint64_t fingerprint(const char *text, unsigned seed) {
        _cleanup_(stack_unrefp) struct stack *stack = make_stack(text, seed);

        return culprit_fingerprint(stack);
}

static void test_fingerprint(void **state) {
        uint64_t base =
                fingerprint("_raw_spin_unlock_irqrestore evil_ioctl[evil] vfs_ioctl do_syscall_64", 1);

        /* offsets, clones and what lies above the culprit or below the root do not matter */
        assert_int_equal(
                base, fingerprint("_raw_spin_unlock_irqrestore evil_ioctl[evil] vfs_ioctl do_syscall_64", 9));
        assert_int_equal(base, fingerprint("memset evil_ioctl.cold[evil] vfs_ioctl.isra.0 do_syscall_64", 3));
        assert_int_equal(base, fingerprint("evil_ioctl[evil] vfs_ioctl do_syscall_64 start_secondary", 1));
        assert_int_equal(base, fingerprint("evil_ioctl[evil] vfs_ioctl asm_common_interrupt victim", 1));
        /* everything else does */
        assert_int_not_equal(base, fingerprint("evil_ioctl[good] vfs_ioctl do_syscall_64", 1));
        assert_int_not_equal(base, fingerprint("evil_ioctl[evil] vfs_ioctl2 do_syscall_64", 1));
        assert_int_not_equal(base, fingerprint("evil_ioctl[evil] do_syscall_64", 1));
        assert_int_not_equal(base, fingerprint("evil_ioctl[evil] ? vfs_ioctl do_syscall_64", 1));
        assert_int_not_equal(fingerprint("ab c", 1), fingerprint("a bc", 1));
        assert_int_not_equal(fingerprint(CPPTOOLS, 1), fingerprint(NODE, 1));
        /* it is kept in records and compared over versions: a change of the algorithm is a change of format
         */
        assert_int_equal(fingerprint(CUPSD, 1), UINT64_C(0xd772814ad2657513));
}

static void test_idle(void **state) {
        static const struct {
                const char *stack;
                bool idle;
        } cases[] = {
                { "pv_native_safe_halt default_idle default_idle_call do_idle", true },
                { "acpi_safe_halt acpi_idle_enter cpuidle_enter_state cpuidle_enter do_idle", true },
                { "intel_idle_ibrs cpuidle_enter_state", true },
                { "cpuidle_enter_state cpuidle_enter do_idle", true },
                { "schedule_idle do_idle", false },
                { "intel_idle[evil]", false },
                { "net_rx_action handle_softirqs __irq_exit_rcu common_interrupt asm_common_interrupt "
                  "default_idle",
                  false },
                { "", false },
                { "?", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(stack_unrefp) struct stack *stack = make_stack(cases[i].stack, 1);

                assert_int_equal(culprit_in_idle(stack), cases[i].idle);
        }
}

static void test_interrupt_exit(void **state) {
        static const struct {
                const char *stack;
                bool exit;
        } cases[] = {
                { "handle_softirqs __irq_exit_rcu sysvec_apic_timer_interrupt asm_sysvec_apic_timer_interrupt", true },
                { "irqentry_exit_to_user_mode asm_sysvec_reschedule_ipi", true },
                { "irqentry_exit asm_common_interrupt do_idle", true },
                { "__irq_exit_rcu common_interrupt asm_common_interrupt victim do_syscall_64", true },
                { "asm_common_interrupt victim", false }, /* not on the way out, but behind it */
                { "net_rx_action handle_softirqs __irq_exit_rcu common_interrupt asm_common_interrupt", false },
                { "_raw_spin_unlock_irqrestore evil sysvec_thermal asm_sysvec_thermal", false },
                { "handle_softirqs[evil] sysvec_thermal asm_sysvec_thermal", false },
                { "handle_softirqs __local_bh_enable_ip do_syscall_64", false }, /* a task's */
                { "handle_softirqs ? asm_common_interrupt", false },
                { "", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(stack_unrefp) struct stack *stack = make_stack(cases[i].stack, 1);

                assert_int_equal(culprit_in_interrupt_exit(stack), cases[i].exit);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_culprits),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_fingerprint),
                cmocka_unit_test(test_idle),
                cmocka_unit_test(test_interrupt_exit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
