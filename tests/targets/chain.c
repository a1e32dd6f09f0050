/* SPDX-License-Identifier: Apache-2.0 */

/* A program to unwind: main, then chain_01 to chain_12, each with its own frame size and none a tail call.
 * Says "ready" on stdout when the innermost is reached and spins there, or does what its argument says:
 * "signal" spins in a signal handler, "leaf" in a function without a frame, "vdso" asks for the time again and
 * again, "deep" puts more on the stack than a snapshot holds. */

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef LINKAGE
#define LINKAGE static
#endif
#define NOINLINE __attribute__((noinline))

static volatile unsigned sink;
static volatile int mode, stop;

static void say_ready(void) {
        if (write(STDOUT_FILENO, "ready\n", 6) != 6)
                _exit(1);
}

LINKAGE NOINLINE void handler(int number) {
        say_ready();
        while (!stop)
                sink += (unsigned)number;
}

LINKAGE NOINLINE unsigned read_clock(unsigned x) {
        struct timespec now;

        say_ready();
        while (!stop) {
                (void)clock_gettime(CLOCK_MONOTONIC, &now);
                sink += (unsigned)now.tv_nsec + x;
        }
        return sink;
}

/* Calls nothing, and needs no stack. */
LINKAGE NOINLINE unsigned leaf(unsigned x) {
        while (!stop)
                sink += x;
        return sink;
}

LINKAGE NOINLINE unsigned chain_12(unsigned x) {
        if (mode == 's')
                (void)raise(SIGUSR1);
        if (mode == 'v')
                return read_clock(x) + 1;
        say_ready();
        if (mode == 'l')
                return leaf(x) + 1;
        while (!stop)
                sink += x;
        return sink;
}

#define CHAIN(outer, inner, bytes) \
        LINKAGE NOINLINE unsigned outer(unsigned x) { \
                volatile char space[bytes]; \
                unsigned result; \
\
                space[x % (bytes)] = (char)x; \
                result = inner(x + 1); \
                return result + (unsigned)space[(x + 1) % (bytes)]; \
        }

CHAIN(chain_11, chain_12, 8)
CHAIN(chain_10, chain_11, 200)
CHAIN(chain_09, chain_10, 1)
CHAIN(chain_08, chain_09, 64)
CHAIN(chain_07, chain_08, 1024)
CHAIN(chain_06, chain_07, 16)
CHAIN(chain_05, chain_06, 3)
CHAIN(chain_04, chain_05, 333)
CHAIN(chain_03, chain_04, 32)
CHAIN(deep_03, chain_04, 40000)

LINKAGE NOINLINE unsigned chain_02(unsigned x) {
        unsigned result = mode == 'd' ? deep_03(x) : chain_03(x);

        return result + sink;
}

CHAIN(chain_01, chain_02, 128)

int main(int argc, char **argv) {
        mode = argc > 1 ? argv[1][0] : 0;
        (void)signal(SIGUSR1, handler);
        return (int)chain_01((unsigned)argc) + 1;
}
