/* SPDX-License-Identifier: Apache-2.0 */

#include "client/i18n.h"
#include "client/top-live.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "client/message.h"
#include "client/top-layout.h"
#include "client/top-screen.h"
#include "client/verbs.h"
#include "common/json-strict.h"

/* A daemon that has not answered for this long is said not to. */
#define PATIENCE_NS (5 * NSEC_PER_SEC)
#define KEY_BURST 64 /* keys taken before the screen is drawn again */

struct live {
        struct top_fetch *fetch;
        struct top_view *view;
        bool utf8;
        struct top_grid grid;
        struct top_table table;
        struct top_shown shown;
        char *event;         /* text of the open event */
        const char **lines;  /* of it */
        uint64_t started_ns; /* the last fetch */
        uint64_t next_ns;    /* when to fetch again */
        bool quit;
};

static void live_close_event(struct live *live) {
        free(live->event);
        free(live->lines);
        live->event = NULL;
        live->lines = NULL;
}

static void live_done(struct live *live) {
        live_close_event(live);
        top_grid_done(&live->grid);
        top_table_done(&live->table);
}

static uint64_t live_clock(clockid_t clock) {
        struct timespec ts;

        (void)clock_gettime(clock, &ts); /* cannot fail */
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Signals: the handler wakes the loop up through a pipe, which tells it the number. */

static int signal_pipe[2] = { -EBADF, -EBADF };

static void live_on_signal(int sig) {
        unsigned char byte = (unsigned char)sig;
        int error = errno;

        if (write(signal_pipe[1], &byte, 1) < 0)
                errno = error; /* full: there is enough to wake up for */
}

static int live_catch_signals(void) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH };
        struct sigaction action = { .sa_handler = live_on_signal, .sa_flags = SA_RESTART };

        if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void)sigaction(signals[i], &action, NULL); /* fails for no valid signal */
        return 0;
}

static int live_draw(struct live *live) {
        struct top_page page = {
                .utf8 = live->utf8,
                .now_us = live_clock(CLOCK_REALTIME) / NSEC_PER_USEC,
                .trouble = live->fetch->trouble,
                .text = live->lines,
        };
        int r;

        top_screen_size(&page.width, &page.height);
        r = top_layout(live->fetch->model, live->view, &page, &live->grid, &live->table, &live->shown);
        if (r < 0)
                return r;
        top_screen_show(&live->grid);
        return 0;
}

static int live_fetch(struct live *live) {
        uint64_t now_ns = live_clock(CLOCK_MONOTONIC);

        live->started_ns = now_ns;
        live->next_ns = now_ns + top_view_period(live->view);
        return top_fetch_start(live->fetch, live_clock(CLOCK_REALTIME) / NSEC_PER_USEC, live->view->at_us,
                               live->view->span_ns);
}

/* The text of an event as lines. */
static int live_split(struct live *live) {
        size_t n = 1, i = 0;

        for (const char *p = live->event; *p; p++)
                n += *p == '\n';
        live->lines = calloc(n + 1, sizeof(*live->lines));
        if (!live->lines)
                return -ENOMEM;

        for (char *p = live->event, *line; (line = strsep(&p, "\n"));)
                live->lines[i++] = line;
        if (i > 0 && !*live->lines[i - 1])
                live->lines[i - 1] = NULL; /* what follows the last line's end */
        return 0;
}

/* Turns blanks into line ends where a line is wider than the screen. A byte is taken for a column: lines with
 * names that are not ASCII end earlier. */
static void live_wrap(char *text, size_t width) {
        char *start = text, *blank = NULL;

        for (char *p = text; *p; p++) {
                if (*p == '\n') {
                        start = p + 1;
                        blank = NULL;
                } else if (*p == ' ' && p[1] != ' ' && p > start && p[-1] != ' ')
                        blank = p;
                if ((size_t)(p - start) >= width && blank) {
                        *blank = '\n';
                        start = blank + 1;
                        blank = NULL;
                }
        }
}

static int live_open_event(struct live *live) {
        const struct style style = { .utf8 = live->utf8,
                                     .now_us = live_clock(CLOCK_REALTIME) / NSEC_PER_USEC,
                                     .width = live->grid.width };
        _cleanup_(json_putp) struct json_object *event = NULL;
        size_t size = 0;
        FILE *f;
        int r;

        live_close_event(live);
        r = top_fetch_event(live->fetch, top_chosen_window(live->fetch->model, live->view), &event);
        if (r < 0)
                return r;
        if (!event) {
                (void)snprintf(live->view->message, sizeof(live->view->message), "%s",
                               _("irqwatchd no longer has this window"));
                return 0;
        }

        f = open_memstream(&live->event, &size);
        if (!f)
                return -ENOMEM;
        r = render_event(&style, event, f);
        if (fclose(f) != 0 || r < 0)
                return -ENOMEM;

        live_wrap(live->event, live->grid.width);
        live->view->mode = TOP_MODE_EVENT;
        return live_split(live);
}

static int live_key(struct live *live, uint32_t key) {
        live->shown.now_us = live_clock(CLOCK_REALTIME) / NSEC_PER_USEC;
        switch (top_view_key(live->view, key, &live->shown)) {
        case TOP_QUIT:
                live->quit = true;
                return 0;
        case TOP_FETCH:
                return live_fetch(live);
        case TOP_OPEN:
                return live_open_event(live);
        default:
                return 0;
        }
}

static int live_keys(struct live *live) {
        uint32_t key;
        int r = 0;

        for (unsigned i = 0; i < KEY_BURST && r == 0 && !live->quit && (key = top_screen_key()) != 0; i++)
                r = live_key(live, key);
        return r < 0 ? r : live_draw(live);
}

/* As the shell expects it: the terminal is ours no more, and the job stops. */
static void live_stop(void) {
        top_screen_suspend();
        (void)raise(SIGSTOP); /* cannot fail for ourselves */
        top_screen_refresh();
}

static int live_signals(struct live *live) {
        unsigned char bytes[64];
        ssize_t n = read(signal_pipe[0], bytes, sizeof(bytes));

        for (ssize_t i = 0; i < n; i++)
                switch (bytes[i]) {
                case SIGTSTP:
                        live_stop();
                        break;
                case SIGCONT:
                case SIGWINCH:
                        top_screen_refresh();
                        break;
                default:
                        live->quit = true;
                        return 0;
                }

        return live_draw(live);
}

static int live_answer(struct live *live) {
        int r;

        do
                r = top_fetch_continue(live->fetch);
        while (r == 0 && live->fetch->busy && varlink_client_has_reply(live->fetch->client));
        if (r < 0)
                return r;
        return r > 0 || !live->fetch->busy ? live_draw(live) : 0;
}

/* Nobody answers: say so, and try anew with the next fetch. */
static int live_give_up(struct live *live) {
        top_fetch_done(live->fetch);
        live->fetch->trouble = strdup(_("irqwatchd does not answer"));
        return live->fetch->trouble ? live_draw(live) : -ENOMEM;
}

static int live_time(struct live *live) {
        uint64_t now_ns = live_clock(CLOCK_MONOTONIC);

        if (live->fetch->busy)
                return now_ns >= live->started_ns + PATIENCE_NS ? live_give_up(live) : 0;
        if (!top_view_is_live(live->view) && !live->fetch->trouble)
                return 0;
        if (now_ns < live->next_ns)
                return 0;

        return live_fetch(live) < 0 ? -ENOMEM : live->fetch->trouble ? live_draw(live) : 0;
}

/* Milliseconds until there is something to do without being woken up; -1: for ever. */
static int live_timeout(const struct live *live) {
        uint64_t now_ns = live_clock(CLOCK_MONOTONIC), then_ns;

        if (live->fetch->busy)
                then_ns = live->started_ns + PATIENCE_NS;
        else if (top_view_is_live(live->view) || live->fetch->trouble)
                then_ns = live->next_ns;
        else
                return -1;

        return then_ns > now_ns ? (int)((then_ns - now_ns) / NSEC_PER_MSEC) + 1 : 0;
}

static int live_turn(struct live *live) {
        struct pollfd fds[] = {
                { .fd = STDIN_FILENO, .events = POLLIN },
                { .fd = signal_pipe[0], .events = POLLIN },
                { .fd = top_fetch_fd(live->fetch), .events = POLLIN },
        };
        int r = 0;

        if (poll(fds, ELEMENTSOF(fds), live_timeout(live)) < 0)
                return errno == EINTR ? 0 : -errno;

        if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) { /* the terminal is gone */
                live->quit = true;
                return 0;
        }
        if (fds[1].revents)
                r = live_signals(live);
        if (r == 0 && !live->quit && fds[0].revents)
                r = live_keys(live);
        /* A key may have begun to fetch anew, on another connection. */
        if (r == 0 && !live->quit && fds[2].revents && top_fetch_fd(live->fetch) == fds[2].fd &&
            live->fetch->busy)
                r = live_answer(live);
        return r < 0 || live->quit ? r : live_time(live);
}

static int live_open_screen(bool colour, bool utf8) {
        int r = top_screen_open(colour, utf8);

        if (r == -ENOTTY)
                return fail_with(_("top needs a terminal. For a file or a pipe: irqctl top -b -n 1"));
        if (r == -ENXIO)
                return fail_with(_("this terminal (TERM=%s) cannot place the cursor, or is not known here. "
                                 "Try: TERM=xterm "
                                 "irqctl top; or irqctl top -b"),
                                 getenv("TERM") ?: "");
        return r < 0 ? fail_memory() : 0;
}

int top_live(struct top_fetch *fetch, struct top_view *view, bool colour, bool utf8) {
        _cleanup_(live_done) struct live live = { .fetch = fetch, .view = view, .utf8 = utf8 };
        _cleanup_(top_screen_closep) bool open = false;
        int r;

        r = live_catch_signals();
        if (r < 0)
                return fail_with(_("cannot make a pipe: %s"), strerror(-r));
        r = live_open_screen(colour, utf8);
        if (r != 0)
                return r;

        open = true;
        live.next_ns = live_clock(CLOCK_MONOTONIC) + top_view_period(view);
        r = live_draw(&live);
        while (r == 0 && !live.quit)
                r = live_turn(&live);

        top_screen_close();
        open = false;
        if (r == -ENOMEM)
                return fail_memory();
        return r < 0 ? fail_with(_("cannot wait for keys: %s"), strerror(-r)) : EXIT_DONE;
}
