/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Symbol names of C++ and Rust, in both of its manglings, in readable form. Pure. The demangler is that of
 * the GNU toolchain (libiberty); here it is kept from writing more than anybody would read.
 */

enum {
        DEMANGLE_INPUT_MAX =
                2048, /* longer ones are not tried: names come from files of unprivileged users */
        DEMANGLE_OUTPUT_MAX = 1024, /* longer ones are cut, with "..." at the end */
};

/* *ret_name: owned by the caller; a copy of the symbol when it is not mangled or cannot be demangled. 0 or
 * -ENOMEM. */
int demangle(const char *symbol, char **ret_name);
