/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/manager-journal.h"

#include <sys/epoll.h>

#include "daemon/manager-timer.h"
#include "daemon/store/batch.h"

struct journal_loop {
        struct journal *journal;
        sd_event_source *io, *timer;
};

static uint64_t now_ns(void) {
        struct stamp stamp;

        stamp_now(&stamp);
        return stamp.monotonic_ns;
}

static struct journal_settings read_settings(const struct config *config) {
        return (struct journal_settings){
                .enabled = config_get_boolean(config, "journal", "enabled"),
                .burst = (unsigned)config_get(config, "journal", "burst"), /* at most 10000 */
                .interval_ns = config_get(config, "journal", "interval"),
        };
}

/* Wakes the loop when a summary is due, and only then. */
static void arm(struct journal_loop *loop) {
        timer_arm(loop->timer, journal_deadline(loop->journal));
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct journal_loop *loop = userdata;

        journal_collect(loop->journal);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        struct journal_loop *loop = userdata;

        journal_run(loop->journal, now_ns());
        arm(loop);
        return 0;
}

int journal_loop_new(sd_event *event, const struct config *config, struct journal_loop **ret_loop) {
        _cleanup_(journal_loop_freep) struct journal_loop *loop = NULL;
        struct journal_settings settings = read_settings(config);
        int r;

        loop = calloc(1, sizeof(*loop));
        if (!loop)
                return -ENOMEM;

        r = journal_new(&settings, JOURNAL_SOCKET, now_ns(), &loop->journal);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &loop->io, journal_fd(loop->journal), EPOLLIN, on_answer, loop);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &loop->timer, CLOCK_MONOTONIC, 0, 100 * 1000, on_deadline, loop);
        if (r < 0)
                return r;

        arm(loop);
        *ret_loop = TAKE_PTR(loop);
        return 0;
}

struct journal_loop *journal_loop_free(struct journal_loop *loop) {
        if (!loop)
                return NULL;

        sd_event_source_disable_unref(loop->io);
        sd_event_source_disable_unref(loop->timer);
        journal_free(loop->journal);
        free(loop);
        return NULL;
}

void journal_loop_configure(struct journal_loop *loop, const struct config *config) {
        struct journal_settings settings = read_settings(config);

        journal_configure(loop->journal, &settings, now_ns());
        arm(loop);
}

void journal_loop_event(struct journal_loop *loop, const struct event *event) {
        journal_add(loop->journal, event, now_ns());
        arm(loop);
}

void journal_loop_get_stats(const struct journal_loop *loop, struct journal_stats *ret_stats) {
        journal_get_stats(loop->journal, ret_stats);
}
