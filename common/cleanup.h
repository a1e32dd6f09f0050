/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Scope-bound ownership: every owning local carries a cleanup attribute and an initialiser, and
 * leaves its scope only through TAKE_PTR() or TAKE_FD().
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
#define _const_ __attribute__((const))
#define _pure_ __attribute__((pure))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define MAX(a, b)                                \
        ({                                       \
                __typeof__(a) _max_a = (a);      \
                __typeof__(b) _max_b = (b);      \
                _max_a > _max_b ? _max_a : _max_b; \
        })
#define MIN(a, b)                                \
        ({                                       \
                __typeof__(a) _min_a = (a);      \
                __typeof__(b) _min_b = (b);      \
                _min_a < _min_b ? _min_a : _min_b; \
        })

#define NSEC_PER_USEC UINT64_C(1000)
#define NSEC_PER_MSEC UINT64_C(1000000)
#define NSEC_PER_SEC UINT64_C(1000000000)
#define USEC_PER_SEC UINT64_C(1000000)

/* Takes the value out of an owning pointer and leaves NULL behind. */
#define TAKE_PTR(p)                            \
        ({                                     \
                __typeof__(p) _taken = (p);    \
                (p) = NULL;                    \
                _taken;                        \
        })

/* Takes the value out of an owning file descriptor and leaves -EBADF behind. */
#define TAKE_FD(fd)                            \
        ({                                     \
                int _taken_fd = (fd);          \
                (fd) = -EBADF;                 \
                _taken_fd;                     \
        })

/* Defines func##p(), the form that _cleanup_() wants, for a function that accepts NULL. */
#define DEFINE_CLEANUP(type, func)                      \
        static inline void func##p(type *p) {           \
                if (*p)                                 \
                        (void)func(*p);                 \
        }

/* free() for _cleanup_(); the cast-free form of passing any pointer's address. */
static inline void freep(void *p) {
        free(*(void **)p);
}

static inline void fclosep(FILE **f) {
        if (*f)
                (void)fclose(*f); /* only for streams that were read: nothing to lose */
}

/* Closes a file descriptor if it is one; returns -EBADF so that "fd = close_safe(fd)" reads well. */
static inline int close_safe(int fd) {
        if (fd >= 0)
                (void)close(fd); /* the descriptor is gone whatever close() says */
        return -EBADF;
}

static inline void closep(int *fd) {
        (void)close_safe(*fd);
}
