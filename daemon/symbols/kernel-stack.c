/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/kernel-stack.h"

#include <string.h>

#include "daemon/symbols/pattern.h"

enum { BPF_IMAGE_SIZE = 4096 };

/* Where the kernel is entered. One kernel has the names of one architecture, and they do not clash, so that
 * a single table serves all. hrtimer code runs in hard interrupts only (soft timers are not measured): the
 * innermost interrupt entry is the end of the timer interrupt's own frames. */
static const struct {
        const char *pattern;
        bool interrupt;
} entries[] = {
        /* x86, arch/x86/entry/entry_64.S and idtentry.h: asm_sysvec_apic_timer_interrupt, and on hypervisors
         * asm_sysvec_hyperv_stimer0, asm_sysvec_hyperv_callback, asm_sysvec_xen_hvm_callback. The entry
         * for device interrupts is that of HPET and PIT, too. FRED (6.9) has one for everything. */
        { "asm_sysvec_*", true },
        { "asm_common_interrupt", true },
        { "asm_exc_xen_hypervisor_callback", true },
        { "asm_fred_entrypoint_kernel", true },
        { "asm_fred_entrypoint_user", true },
        { "asm_exc_*", false },
        { "asm_int80_emulation", false },
        { "asm_load_gs_index", false },
        /* arm64, arch/arm64/kernel/entry.S: "el1h_64_irq" since 5.14, "el1_irq" before; from user mode
         * el0_irq goes on in el0_irq_naked, at a label that kallsyms has. */
        { "el1h_64_irq", true },
        { "el1t_64_irq", true },
        { "el0t_64_irq", true },
        { "el0t_32_irq", true },
        { "el1h_64_fiq", true },
        { "el0t_64_fiq", true },
        { "el1_irq", true },
        { "el0_irq", true },
        { "el0_irq_naked", true },
        { "el1h_64_sync", false },
        { "el1_sync", false },
        /* ppc64, arch/powerpc/kernel/exceptions-64s.S. Not tried on a machine. */
        { "decrementer_common_virt", true },
        { "decrementer_common_real", true },
        { "decrementer_common", true },
        /* s390x, arch/s390/kernel/entry.S: clock comparator interrupts are external ones. Not tried. */
        { "ext_int_handler", true },
        { "io_int_handler", true },
        { "pgm_check_handler", false },
};

/* What lies between a traced function and the program that looks at it. */
static const char *const tracing[] = {
        "bpf_trampoline_*",  "bpf_trace_run*",   "__traceiter_*",    "__bpf_trace_*",
        "__bpf_prog_enter*", "__bpf_prog_exit*", "perf_trace_*",     "trace_call_bpf",
        "bpf_get_stack*",    "__bpf_get_stack*", "bpf_dispatcher_*", "ftrace_trampoline",
};

static bool symbol_in(const char *name, const char *const *patterns, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (symbol_matches(name, patterns[i]))
                        return true;
        return false;
}

bool kernel_symbol_is_entry(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(entries); i++)
                if (symbol_matches(name, entries[i].pattern))
                        return true;
        return false;
}

bool kernel_symbol_is_interrupt_entry(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(entries); i++)
                if (entries[i].interrupt && symbol_matches(name, entries[i].pattern))
                        return true;
        return false;
}

struct lookup {
        const struct kallsyms *kallsyms;
        const struct bpf_programs *programs;
};

static bool is_bpf(const struct kallsyms_symbol *symbol) {
        return symbol->module && strcmp(symbol->module, "bpf") == 0;
}

/* Trampolines and dispatchers have a page each (bpf_image_ksym_init() in kernel/bpf/trampoline.c, bpf_dispatcher_change_prog()
 * in dispatcher.c), and are in no list of programs. */
static bool is_bpf_image(const struct kallsyms_symbol *symbol) {
        return symbol->name && is_bpf(symbol) && strncmp(symbol->name, "bpf_prog_", 9) != 0 &&
               symbol->offset < BPF_IMAGE_SIZE;
}

/* kallsyms knows where BPF code began when it was read; the kernel's list of programs has the last word. */
static int lookup_program(const struct lookup *lookup, uint64_t address, struct kallsyms_symbol *symbol) {
        const struct bpf_program_range *range = bpf_programs_find(lookup->programs, address);

        if (!range)
                return is_bpf_image(symbol) ? 0 : -ENOENT;
        if (symbol->name && is_bpf(symbol) && symbol->start == range->start)
                return 0; /* kallsyms has the names of a program's single functions */

        *symbol = (struct kallsyms_symbol){
                .name = range->name,
                .module = "bpf",
                .start = range->start,
                .offset = address - range->start,
        };
        return 0;
}

static int lookup_address(const struct lookup *lookup, uint64_t address, struct kallsyms_symbol *ret_symbol) {
        int r;

        *ret_symbol = (struct kallsyms_symbol){};
        r = kallsyms_lookup(lookup->kallsyms, address, ret_symbol);
        if (lookup->programs && (r < 0 || is_bpf(ret_symbol)))
                r = lookup_program(lookup, address, ret_symbol);
        if (r < 0)
                *ret_symbol = (struct kallsyms_symbol){};
        return r;
}

/* A caller's address is the one it returns to, which after a call at the very end of a function (of one
 * that does not return) is already in the next function: look up the byte before. The innermost
 * address, and one that was interrupted, are where they are. */
static int lookup_frame(const struct lookup *lookup, uint64_t address, bool exact,
                        struct kallsyms_symbol *ret_symbol) {
        int r = lookup_address(lookup, exact ? address : address - 1, ret_symbol);

        if (r < 0)
                return r;
        if (!exact)
                ret_symbol->offset++;
        return 0;
}

static void lookup_frames(const struct lookup *lookup, const uint64_t *addresses, size_t n,
                          struct kallsyms_symbol *symbols) {
        bool exact = true;

        for (size_t i = 0; i < n; i++) {
                (void)lookup_frame(lookup, addresses[i], exact, &symbols[i]); /* no name: no symbol */
                exact = symbols[i].name && kernel_symbol_is_entry(symbols[i].name);
        }
}

/* The number of frames through the innermost interrupt entry; 0 when there is none. */
static size_t count_interrupt_frames(const struct kallsyms_symbol *symbols, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (symbols[i].name && kernel_symbol_is_interrupt_entry(symbols[i].name))
                        return i + 1;
        return 0;
}

/* The number of frames through the outermost tracing frame of those on top. BPF programs are stepped over,
 * but only count when tracing machinery has called them. */
static size_t count_tracing_frames(const struct kallsyms_symbol *symbols, size_t n) {
        size_t n_tracing = 0;

        for (size_t i = 0; i < n && symbols[i].name; i++) {
                if (symbol_in(symbols[i].name, tracing, ELEMENTSOF(tracing)))
                        n_tracing = i + 1;
                else if (!symbols[i].module || strcmp(symbols[i].module, "bpf") != 0)
                        break;
        }
        return n_tracing;
}

static int fill_frame(struct frame *frame, const struct kallsyms_symbol *symbol) {
        if (!symbol->name) {
                frame->note = strdup("no kernel symbol fits this address");
                return frame->note ? 0 : -ENOMEM;
        }

        frame->offset = symbol->offset;
        if (symbol->is_padding) {
                if (asprintf(&frame->symbol, "__pfx_%s", symbol->name) < 0)
                        frame->symbol = NULL;
        } else {
                frame->symbol = strdup(symbol->name);
        }
        if (!frame->symbol)
                return -ENOMEM;
        if (symbol->module) {
                frame->module = strdup(symbol->module);
                if (!frame->module)
                        return -ENOMEM;
        }
        return 0;
}

static int build_stack(const struct kallsyms_symbol *symbols, size_t n, struct stack **ret_stack) {
        _cleanup_(stack_unrefp) struct stack *stack = NULL;
        int r;

        r = stack_new(n, &stack);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = fill_frame(&stack->frames[stack->n_frames++], &symbols[i]);
                if (r < 0)
                        return r;
        }
        stack_seal(stack);
        *ret_stack = TAKE_PTR(stack);
        return 0;
}

int kernel_stack_symbolise(const struct kallsyms *kallsyms, const struct bpf_programs *programs, enum kernel_stack_origin origin,
                           const uint64_t *addresses, size_t n, struct stack **ret_stack) {
        const struct lookup lookup = { .kallsyms = kallsyms, .programs = programs };
        _cleanup_(freep) struct kallsyms_symbol *symbols = NULL;
        size_t n_used = 0, n_own = 0;
        int r;

        while (n_used < n && addresses[n_used])
                n_used++;
        symbols = calloc(n_used + 1, sizeof(*symbols));
        if (!symbols)
                return -ENOMEM;
        lookup_frames(&lookup, addresses, n_used, symbols);

        if (origin == KERNEL_STACK_TIMER)
                n_own = count_interrupt_frames(symbols, n_used);
        if (n_own == 0)
                n_own = count_tracing_frames(symbols, n_used);

        r = build_stack(symbols + n_own, n_used - n_own, ret_stack);
        return r < 0 ? r : n_own > 0;
}
