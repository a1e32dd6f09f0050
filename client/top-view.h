/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the user of "irqctl top" chose to see, and the keys that change it. Pure: no terminal, no daemon.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/top-model.h"

enum top_group {
        TOP_BY_CPU,    /* a line per CPU */
        TOP_BY_NODE,   /* a line per NUMA node */
        TOP_BY_SOURCE, /* a line per softirq and interrupt, with a strip of CPUs */
        TOP_BY_DEVICE, /* the same, interrupts of one device together */
        _TOP_GROUP_MAX,
};

enum top_mode {
        TOP_MODE_TABLE,
        TOP_MODE_WINDOWS, /* a window is being chosen */
        TOP_MODE_EVENT,   /* one is open */
        TOP_MODE_HELP,
        TOP_MODE_FILTER, /* text is being typed */
        TOP_MODE_TIME,
};

enum { TOP_TEXT_MAX = 64 };

struct top_view {
        enum top_group group;
        enum top_mode mode;
        char sort[TOP_TEXT_MAX]; /* title of the column; "": as there is room */
        bool reverse;
        bool totals;
        bool frozen;
        uint64_t at_us; /* end of the span; 0: now */
        uint64_t span_ns, delay_ns;
        char filter[TOP_TEXT_MAX]; /* a list of CPUs, or part of a name */
        char input[TOP_TEXT_MAX];  /* being typed */
        size_t top_line;           /* of the table, of an open event, of the help */
        size_t window;             /* the chosen one, counted from the newest */
        char message[128];         /* about the last key; "" none */
};

/* What the caller has to do after a key. */
enum top_action {
        TOP_REDRAW,
        TOP_FETCH, /* another span: ask the daemon */
        TOP_OPEN,  /* the chosen window */
        TOP_QUIT,
        TOP_NOTHING,
};

/* Keys that are no characters. */
enum top_key {
        TOP_KEY_UP = 0x110000, /* beyond Unicode */
        TOP_KEY_DOWN,
        TOP_KEY_LEFT,
        TOP_KEY_RIGHT,
        TOP_KEY_PAGE_UP,
        TOP_KEY_PAGE_DOWN,
        TOP_KEY_HOME,
        TOP_KEY_END,
        TOP_KEY_ENTER,
        TOP_KEY_ESCAPE,
        TOP_KEY_BACKSPACE,
        TOP_KEY_TAB,
        _TOP_KEY_MAX,
};

/* What a key needs to know of what is shown. */
struct top_shown {
        const char *const *columns; /* titles, in order */
        size_t n_columns;
        size_t n_lines;      /* of the table, or of what stands in its place */
        size_t page;         /* of them on the screen */
        size_t n_windows;    /* on the screen */
        uint64_t now_us;     /* realtime */
        uint64_t history_us; /* how far back there may be data */
};

void top_view_init(struct top_view *view, uint64_t delay_ns);
enum top_action top_view_key(struct top_view *view, uint32_t key, const struct top_shown *shown);
/* Whether the span moves with the clock. */
static inline bool top_view_is_live(const struct top_view *view) {
        return view->at_us == 0 && !view->frozen;
}
/* How long until it should be asked for again: a long span need not be read often. */
uint64_t top_view_period(const struct top_view *view) _pure_;
extern const char *const top_help[]; /* lines, NULL at the end */
