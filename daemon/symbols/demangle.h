/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Symbol names of C++ and Rust in readable form. Pure. C++ goes through the C++ runtime's own demangler;
 * Rust's older mangling is C++'s with a hash at the end and its own escapes, which are resolved here. Rust's
 * newer mangling ("_R...") is left as it is.
 */

enum {
        DEMANGLE_INPUT_MAX =
                2048, /* longer ones are not tried: names come from files of unprivileged users */
        DEMANGLE_OUTPUT_MAX = 1024, /* longer ones are cut, with "..." at the end */
};

/* *ret_name: owned by the caller; a copy of the symbol when it is not mangled or cannot be demangled.
 * *ret_note: NULL, or a literal that says why a mangled name was left so; may be NULL. 0 or -ENOMEM. */
int demangle(const char *symbol, char **ret_name, const char **ret_note);
