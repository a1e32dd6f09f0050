/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The options that all verbs share. They may stand before or behind the verb; what is not recognised is left
 * for the verb's own getopt_long().
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/cpulist.h"
#include "common/timespan.h"

enum json_mode { JSON_OFF, JSON_PRETTY, JSON_SHORT };
enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
        const char *host; /* another machine, reached by ssh; NULL: this one */
        const char *input; /* a file or directory in place of irqwatchd; NULL: none */
        uint64_t record_since_us; /* where that begins; known after input_prepare() */
        const char *socket;
        bool socket_given;
        bool since_boot; /* a point in time was given as "boot" */
        struct time_base base; /* what points in time were resolved against */
        bool has_since, has_until;
        const char *since_text, *until_text; /* as given; NULL: not given */
        uint64_t since_us, until_us;
        bool has_cpus;
        struct cpu_set cpus; /* owned */
        const char *boot; /* --boot: which; NULL: not given */
        bool list_boots;
        enum json_mode json;
        enum color_mode color;
        bool no_pager;
        char **arguments; /* owned array: argv as main() got it, for a verb that is a program of its own */
};

extern const char options_help[];

/* Defaults, with the clocks read. 0 or -errno. */
int options_init(struct options *options);
void options_done(struct options *options);
/* Takes the common options out of argv (argc shrinks); argv[0] is left alone and "--" ends them. With --input points
 * in time are not understood yet: see input_prepare(). 0; otherwise the exit status after a message was printed. */
int options_take(struct options *options, int *argc, char **argv);
/* Understands the points in time that were given, by the base. Returns as options_take(). */
int options_resolve(struct options *options);
/* The span asked for, since by default default_ago_ns ago. *ret_until_us is 0 where it is now. 0; otherwise
 * the exit status after a message. */
int options_span(const struct options *options, uint64_t default_ago_ns, uint64_t *ret_since_us,
                 uint64_t *ret_until_us);
/* What getopt_long() made of an option that the verb does not have: a pointer to --help; returns
 * EXIT_USAGE. */
int options_see_help(const char *command);
/* Prints a verb's help and the common options'. Returns EXIT_DONE. */
int options_print_help(const char *text);
/* For verbs that have only --help and no arguments: -1 go on, otherwise the exit status. */
int options_expect_nothing(int argc, char **argv, const char *help);
