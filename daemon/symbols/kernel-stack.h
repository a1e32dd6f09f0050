/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Raw kernel addresses to a stack of names, without the frames of the observer itself. No judgement about
 * the rest: see culprit.h. Addresses do not survive (KASLR): a frame without a symbol has a note
 * instead.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/stack.h"
#include "daemon/symbols/bpf-programs.h"
#include "daemon/symbols/kallsyms.h"

enum kernel_stack_origin {
        KERNEL_STACK_PLAIN, /* taken by a tracing program: only its machinery on top goes */
        KERNEL_STACK_TIMER, /* taken in a timer interrupt: goes through the interrupt's entry */
};

/* programs says where BPF programs lie now; NULL: as kallsyms has them.
 * addresses: innermost first, as bpf_get_stack() gives them; a 0 ends them. *ret_stack is sealed and owned by
 * the caller; it has no frames when the interrupt came out of user mode. Frames below an interrupt's entry
 * are kept whatever they are: a BPF program there can be the culprit. Returns 1 when the observer's frames
 * were found and left out, 0 when nothing on top is known as such and all was kept, -ENOMEM. */
int kernel_stack_symbolise(const struct kallsyms *kallsyms, const struct bpf_programs *programs, enum kernel_stack_origin origin,
                           const uint64_t *addresses, size_t n, struct stack **ret_stack);

/* True for the assembler entry of an interrupt or exception: the frame after it was interrupted there, and
 * has not called it. */
bool kernel_symbol_is_entry(const char *name) _pure_;
/* True for the assembler entry of an interrupt only. */
bool kernel_symbol_is_interrupt_entry(const char *name) _pure_;
