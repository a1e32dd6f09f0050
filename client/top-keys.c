/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "client/i18n.h"
#include "client/top-view.h"
#include "common/parse.h"
#include "common/timespan.h"
#include "common/utf8.h"

/* For 80 columns: what is longer has to be two lines. */
const char *const top_help[] = {
        N_("Every CPU, and what softirqs and interrupts it ran."),
        N_("Colour is by amount: blue little, yellow much."),
        N_("SI%, HI%, KSD%: share of a CPU's time in softirqs, interrupts, its ksoftirqd."),
        N_("P99 and MAX are how late its timers were, in the last minute or more."),
        "",
        N_("  g G         group: by CPU, NUMA node, softirq and interrupt, device"),
        N_("  s S         sort by the next column, the one before; r turns it around"),
        N_("  t           counts within the span instead of rates"),
        N_("  + -         a longer span, a shorter one: 10 s, 1 min, 10 min, 1 h"),
        N_("  /           filter: CPUs such as 0-3,8, or part of a name; Escape clears"),
        N_("  space f     freeze, and go on"),
        N_("  left right  go back in time by one span, and forward; [ and ] by a minute"),
        N_("  @           go to a time, such as 14:03; End is now, Home the oldest"),
        N_("  up down     scroll by a line; PgUp and PgDn by a page"),
        N_("  Tab         choose a window; Enter opens it with its stacks, Escape goes back"),
        N_("  q           quit"),
        "",
        N_("In a group of CPUs, shares and lateness are those of the worst. In strips each"),
        N_("cell is a CPU, or the busiest of a few where they do not all fit."),
        NULL,
};

static const uint64_t spans[] = {
        10 * NSEC_PER_SEC,
        60 * NSEC_PER_SEC,
        600 * NSEC_PER_SEC,
        3600 * NSEC_PER_SEC,
};

void top_view_init(struct top_view *view, uint64_t delay_ns) {
        *view = (struct top_view){ .delay_ns = delay_ns, .span_ns = delay_ns };
}

uint64_t top_view_period(const struct top_view *view) {
        return MAX(view->delay_ns, view->span_ns > 60 * NSEC_PER_SEC ? view->span_ns / 60 : 0);
}

static void top_say(struct top_view *view, const char *text) {
        (void)snprintf(view->message, sizeof(view->message), "%s", text); /* cut at worst */
}

static enum top_action top_longer(struct top_view *view) {
        for (size_t i = 0; i < ELEMENTSOF(spans); i++)
                if (spans[i] > view->span_ns) {
                        view->span_ns = spans[i];
                        return TOP_FETCH;
                }

        return TOP_NOTHING;
}

static enum top_action top_shorter(struct top_view *view) {
        uint64_t shorter = view->delay_ns;

        for (size_t i = 0; i < ELEMENTSOF(spans); i++)
                if (spans[i] < view->span_ns)
                        shorter = MAX(shorter, spans[i]);
        if (shorter >= view->span_ns)
                return TOP_NOTHING;

        view->span_ns = shorter;
        return TOP_FETCH;
}

static enum top_action top_go_to(struct top_view *view, uint64_t at_us, const struct top_shown *shown) {
        view->frozen = false;
        if (at_us >= shown->now_us) {
                view->at_us = 0;
                return TOP_FETCH;
        }

        if (at_us + shown->history_us < shown->now_us) {
                top_say(view, _("this is the oldest there is"));
                at_us = shown->now_us - shown->history_us;
        }
        view->at_us = at_us;
        return TOP_FETCH;
}

static enum top_action top_move(struct top_view *view, uint64_t ns, bool back,
                                const struct top_shown *shown) {
        uint64_t at_us = view->at_us ?: shown->now_us, us = ns / NSEC_PER_USEC;

        if (!back && view->at_us == 0)
                return TOP_NOTHING;
        return top_go_to(view, back ? (at_us > us ? at_us - us : 1) : at_us + us, shown);
}

/* The next column to sort by, in a circle with "none" between the last and the first. */
static enum top_action top_sort(struct top_view *view, bool forward, const struct top_shown *shown) {
        size_t at = shown->n_columns;

        for (size_t i = 0; i < shown->n_columns; i++)
                if (strcmp(shown->columns[i], view->sort) == 0)
                        at = i;

        at = (at + (forward ? 1 : shown->n_columns)) % (shown->n_columns + 1);
        (void)snprintf(view->sort, sizeof(view->sort), "%s", at < shown->n_columns ? shown->columns[at] : "");
        view->top_line = 0;
        return TOP_REDRAW;
}

static enum top_action top_scroll(struct top_view *view, uint32_t key, const struct top_shown *shown) {
        size_t last = shown->n_lines > shown->page ? shown->n_lines - shown->page : 0;

        view->top_line = MIN(view->top_line, last);
        switch (key) {
        case TOP_KEY_UP:
                view->top_line -= view->top_line > 0;
                break;
        case TOP_KEY_DOWN:
                view->top_line += view->top_line < last;
                break;
        case TOP_KEY_PAGE_UP:
                view->top_line -= MIN(view->top_line, shown->page);
                break;
        case TOP_KEY_PAGE_DOWN:
                view->top_line = MIN(view->top_line + shown->page, last);
                break;
        default:
                return TOP_NOTHING;
        }

        return TOP_REDRAW;
}

static enum top_action top_begin_input(struct top_view *view, enum top_mode mode, const char *text) {
        view->mode = mode;
        (void)snprintf(view->input, sizeof(view->input), "%s", text);
        return TOP_REDRAW;
}

static enum top_action top_end_input(struct top_view *view, const struct top_shown *shown) {
        const struct time_base base = { .now_us = shown->now_us };
        enum top_mode mode = view->mode;
        uint64_t us;

        view->mode = TOP_MODE_TABLE;
        view->top_line = 0;
        if (mode == TOP_MODE_FILTER) {
                memcpy(view->filter, view->input, sizeof(view->filter));
                return TOP_REDRAW;
        }
        if (!*view->input)
                return TOP_REDRAW;
        if (parse_timestamp(view->input, &base, &us) < 0) {
                top_say(view, _("not a time. Examples: 14:03, 14:03:10, 10m (ago)"));
                return TOP_REDRAW;
        }

        return top_go_to(view, us, shown);
}

static void top_type(struct top_view *view, uint32_t key) {
        size_t n = strlen(view->input);

        /* Names are of ASCII, as are times. */
        if (key >= 0x20 && key < 0x7f && n + 1 < sizeof(view->input)) {
                view->input[n] = (char)key;
                view->input[n + 1] = '\0';
        } else if (key == TOP_KEY_BACKSPACE && n > 0)
                view->input[n - 1] = '\0';
}

static enum top_action top_key_input(struct top_view *view, uint32_t key, const struct top_shown *shown) {
        if (key == TOP_KEY_ENTER)
                return top_end_input(view, shown);
        if (key == TOP_KEY_ESCAPE)
                view->mode = TOP_MODE_TABLE;
        else
                top_type(view, key);
        return TOP_REDRAW;
}

static enum top_action top_key_windows(struct top_view *view, uint32_t key, const struct top_shown *shown) {
        switch (key) {
        case TOP_KEY_UP:
                view->window -= view->window > 0;
                return TOP_REDRAW;
        case TOP_KEY_DOWN:
                view->window += view->window + 1 < shown->n_windows;
                return TOP_REDRAW;
        case TOP_KEY_ENTER:
                view->top_line = 0;
                return shown->n_windows > 0 ? TOP_OPEN : TOP_NOTHING;
        case TOP_KEY_TAB:
        case TOP_KEY_ESCAPE:
        case 'q':
                view->mode = TOP_MODE_TABLE;
                return TOP_REDRAW;
        default:
                return TOP_NOTHING;
        }
}

static enum top_action top_key_page(struct top_view *view, uint32_t key, const struct top_shown *shown) {
        if (key != TOP_KEY_ESCAPE && key != TOP_KEY_ENTER && key != 'q')
                return top_scroll(view, key, shown);

        view->mode = view->mode == TOP_MODE_EVENT ? TOP_MODE_WINDOWS : TOP_MODE_TABLE;
        view->top_line = 0;
        return TOP_REDRAW;
}

static enum top_action top_toggle(bool *flag) {
        *flag = !*flag;
        return TOP_REDRAW;
}

static enum top_action top_set_group(struct top_view *view, unsigned step) {
        view->group = (enum top_group)((view->group + step) % _TOP_GROUP_MAX);
        view->top_line = 0;
        view->sort[0] = '\0';
        view->reverse = false;
        return TOP_REDRAW;
}

static enum top_action top_set_mode(struct top_view *view, enum top_mode mode) {
        view->mode = mode;
        view->top_line = mode == TOP_MODE_HELP ? 0 : view->top_line;
        view->window = 0;
        return TOP_REDRAW;
}

static enum top_action top_clear_filter(struct top_view *view) {
        view->filter[0] = '\0';
        return TOP_REDRAW;
}

static enum top_action top_freeze(struct top_view *view) {
        view->frozen = !view->frozen;
        return view->frozen ? TOP_REDRAW : TOP_FETCH;
}

static enum top_action top_key_time(struct top_view *view, uint32_t key, const struct top_shown *shown) {
        switch (key) {
        case TOP_KEY_LEFT:
                return top_move(view, view->span_ns, true, shown);
        case TOP_KEY_RIGHT:
                return top_move(view, view->span_ns, false, shown);
        case '[':
                return top_move(view, 60 * NSEC_PER_SEC, true, shown);
        case ']':
                return top_move(view, 60 * NSEC_PER_SEC, false, shown);
        case TOP_KEY_HOME:
                return top_go_to(view, shown->now_us - shown->history_us, shown);
        case TOP_KEY_END:
                return top_go_to(view, shown->now_us, shown);
        case '+':
        case '=':
                return top_longer(view);
        case '-':
                return top_shorter(view);
        case ' ':
        case 'f':
                return top_freeze(view);
        default:
                return TOP_NOTHING;
        }
}

static enum top_action top_key_table(struct top_view *view, uint32_t key, const struct top_shown *shown) {
        switch (key) {
        case 'q':
                return TOP_QUIT;
        case 'g':
                return top_set_group(view, 1);
        case 'G':
                return top_set_group(view, _TOP_GROUP_MAX - 1);
        case 's':
        case 'S':
                return top_sort(view, key == 's', shown);
        case 'r':
                return top_toggle(&view->reverse);
        case 't':
                return top_toggle(&view->totals);
        case '/':
                return top_begin_input(view, TOP_MODE_FILTER, view->filter);
        case '@':
                return top_begin_input(view, TOP_MODE_TIME, "");
        case 'h':
        case '?':
                return top_set_mode(view, TOP_MODE_HELP);
        case 'w':
        case TOP_KEY_TAB:
                return top_set_mode(view, TOP_MODE_WINDOWS);
        case TOP_KEY_ESCAPE:
                return top_clear_filter(view);
        default:
                return top_scroll(view, key, shown);
        }
}

enum top_action top_view_key(struct top_view *view, uint32_t key, const struct top_shown *shown) {
        enum top_action action;

        view->message[0] = '\0';
        switch (view->mode) {
        case TOP_MODE_FILTER:
        case TOP_MODE_TIME:
                return top_key_input(view, key, shown);
        case TOP_MODE_EVENT:
        case TOP_MODE_HELP:
                return top_key_page(view, key, shown);
        default:
                action = top_key_time(view, key, shown);
                if (action != TOP_NOTHING)
                        return action;
                return view->mode == TOP_MODE_WINDOWS ? top_key_windows(view, key, shown)
                                                      : top_key_table(view, key, shown);
        }
}
