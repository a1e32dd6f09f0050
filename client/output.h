/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a verb's output goes: the terminal, through a pager where that is wanted, or a file. Opened once the
 * answer is there, closed before the program ends.
 */

#include <json-c/json.h>
#include <sys/types.h>

#include "client/options.h"
#include "client/style.h"

struct output {
        struct style style;
        unsigned n_lines; /* of the terminal; 0: none */
        pid_t pager;      /* 0: none */
        bool open;
};

enum output_flags {
        OUTPUT_NO_PAGER = 1 << 0, /* a stream that does not end */
};

void output_open(struct output *output, const struct options *options, enum output_flags flags);
/* Waits for the pager. EXIT_DONE, or EXIT_FAILED after a message when the output could not be written. Does
 * nothing when it is not open. */
int output_close(struct output *output);
static inline void output_closep(struct output *output) {
        (void)output_close(output); /* the way out after an error that was reported */
}

/* One JSON object and a line end to stdout. 0 or -ENOMEM. */
int output_json(struct json_object *object, enum json_mode mode);
