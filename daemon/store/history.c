/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/history-private.h"

#include <poll.h>
#include <string.h>
#include <time.h>

enum {
        WRITES_MAX = 2,
        FINISH_MS = 2000, /* what the last flush may take */
};

const char *history_state_to_string(enum history_state state) {
        static const char *const names[] = {
                [HISTORY_OPENING] = "opening",
                [HISTORY_WRITING] = "writing",
                [HISTORY_FAILING] = "failing",
        };

        _Static_assert(ELEMENTSOF(names) == _HISTORY_STATE_MAX, "a word for every state");
        return (unsigned)state < ELEMENTSOF(names) ? names[state] : NULL;
}

uint64_t history_now_ns(void) {
        struct stamp now;

        stamp_now(&now);
        return now.monotonic_ns;
}

void history_change_state(struct history *h, enum history_state state, const char *format, ...) {
        bool tell = h->state != state || state == HISTORY_WRITING;
        char *text = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);

        h->state = state;
        if (tell)
                h->callbacks->on_transition(h->userdata, state, text ?: history_state_to_string(state));
        free(h->reason);
        h->reason = state == HISTORY_WRITING ? NULL : text;
        if (state == HISTORY_WRITING)
                free(text);
}

struct event_item *history_item(const struct history *h, size_t index) {
        return &h->items[(h->first_item + index) % HISTORY_EVENTS_MAX];
}

static void tell(struct history *h, struct event_item *item) {
        if (item->told)
                return;

        item->told = true;
        h->callbacks->deliver(h->userdata, item->event);
}

static void drop_items(struct history *h, size_t n) {
        for (size_t i = 0; i < n; i++)
                (void)event_unref(history_item(h, i)->event); /* returns NULL */

        h->first_item = (h->first_item + n) % HISTORY_EVENTS_MAX;
        h->n_items -= n;
}

void history_items_written(struct history *h, size_t n) {
        for (size_t i = 0; i < n; i++)
                tell(h, history_item(h, i));
        drop_items(h, n);
}

/* Of a disk that is known not to answer nothing is awaited. */
static bool is_given_up(const struct history *h) {
        return h->state == HISTORY_FAILING || h->hanging;
}

void history_lose_patience(struct history *h, uint64_t now_ns) {
        for (size_t i = 0; i < h->n_items; i++) {
                struct event_item *item = history_item(h, i);

                if (item->told)
                        continue;
                if (!is_given_up(h) && now_ns < item->since_ns + HISTORY_PATIENCE_NS)
                        return;
                if (!is_given_up(h)) {
                        h->hanging = true;
                        history_change_state(
                                h, HISTORY_FAILING,
                                "%s: the disk has not answered for %u s; until it does, everything is kept "
                                "in memory, and events are told before they are on disk",
                                h->path, (unsigned)(HISTORY_PATIENCE_NS / NSEC_PER_SEC));
                }
                h->stats.n_late_events++;
                tell(h, item);
        }
}

/* With a full ring the oldest one will never be on disk, unless it is on its way. */
static int make_room(struct history *h) {
        if (h->n_items < HISTORY_EVENTS_MAX)
                return 0;
        if (h->write.in_flight && h->write.n_events > 0)
                return -ENOBUFS;

        tell(h, history_item(h, 0));
        drop_items(h, 1);
        h->stats.n_events_lost++;
        return 0;
}

int history_add_event(struct history *h, struct event *event) {
        uint64_t now_ns = history_now_ns();

        store_number_event(h->store, event);
        if (make_room(h) < 0) {
                h->stats.n_events_lost++;
                h->callbacks->deliver(h->userdata, event); /* all before it were told: the disk is given up */
                return 0;
        }

        *history_item(h, h->n_items++) = (struct event_item){ .event = event_ref(event), .since_ns = now_ns };
        history_run(h, now_ns);
        return 0;
}

int history_fd(const struct history *h, unsigned index) {
        return worker_fd(index == 0 ? h->writer : h->reader);
}

void history_collect(struct history *h) {
        if (h->writer)
                worker_collect(h->writer);
        worker_collect(h->reader);
}

uint64_t history_deadline(const struct history *h) {
        uint64_t deadline_ns = UINT64_MAX;

        if (!h->write.in_flight)
                deadline_ns = MAX(h->retry_ns, h->is_open ? h->next_flush_ns : 0);
        if (h->waiting)
                deadline_ns = MIN(deadline_ns, h->waiting->since_ns + HISTORY_PATIENCE_NS);
        for (size_t i = 0; i < h->n_items; i++)
                if (!history_item(h, i)->told)
                        return MIN(deadline_ns, history_item(h, i)->since_ns + HISTORY_PATIENCE_NS);

        return deadline_ns;
}

void history_run(struct history *h, uint64_t now_ns) {
        history_lose_patience(h, now_ns);
        history_release_queries(h, h->write.in_flight ? h->number - 1 : h->number, now_ns);
        history_move_log(h, now_ns);
        history_write(h, now_ns);
}

void history_configure(struct history *h, const struct history_settings *settings) {
        h->settings = *settings;
        h->next_flush_ns = MIN(h->next_flush_ns, history_now_ns() + settings->flush_ns);
}

/* One turn: until something comes back from the threads, or the time is up. */
static void wait_turn(struct history *h, uint64_t until_ns) {
        struct pollfd fds[] = {
                { .fd = history_fd(h, 0), .events = POLLIN },
                { .fd = history_fd(h, 1), .events = POLLIN },
        };
        uint64_t now_ns = history_now_ns();

        if (now_ns < until_ns)
                (void)poll(fds, ELEMENTSOF(fds),
                           (int)((until_ns - now_ns) / NSEC_PER_MSEC) + 1); /* or a signal */
        history_collect(h);
}

void history_wait_open(struct history *h, uint64_t timeout_ns) {
        uint64_t until_ns = history_now_ns() + timeout_ns;

        while (h->state == HISTORY_OPENING && history_now_ns() < until_ns)
                wait_turn(h, until_ns);
}

static int copy_run(struct history *h, const struct disk_run *run) {
        const char **texts[] = { &h->run.version, &h->run.hostname, &h->run.kernel,
                                 &h->run.machine, &h->run.cpus,     &h->run.settings };

        _Static_assert(ELEMENTSOF(texts) == ELEMENTSOF(h->run_texts), "a place for every text");
        h->run = *run;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                h->run_texts[i] = strdup(*texts[i] ?: "");
                if (!h->run_texts[i])
                        return -ENOMEM;
                *texts[i] = h->run_texts[i];
        }

        return 0;
}

static int build(struct history *h, const char *dir, const struct disk_run *run) {
        int r;

        h->dir = strdup(dir);
        h->items = calloc(HISTORY_EVENTS_MAX, sizeof(*h->items));
        if (!h->dir || !h->items)
                return -ENOMEM;
        if (asprintf(&h->path, "%s/" DISK_FILE_NAME, dir) < 0) {
                h->path = NULL;
                return -ENOMEM;
        }

        if ((r = copy_run(h, run)) < 0 || (r = worker_new("irqwatch-write", WRITES_MAX, &h->writer)) < 0)
                return r;
        return worker_new("irqwatch-read", HISTORY_QUERIES_MAX + 1, &h->reader);
}

int history_new(const char *dir, const char *vfs, const struct disk_run *run,
                const struct history_settings *settings, struct store *store,
                const struct history_callbacks *callbacks, void *userdata, struct history **ret_history) {
        _cleanup_(history_freep) struct history *h = NULL;
        int r;

        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;

        h->vfs = vfs;
        h->settings = *settings;
        h->store = store;
        h->callbacks = callbacks;
        h->userdata = userdata;
        h->started_ns = history_now_ns();
        r = build(h, dir, run);
        if (r < 0)
                return r;

        history_write_init(h);
        history_checkpoint_init(h);
        history_write(h, h->started_ns); /* opens the file */
        *ret_history = TAKE_PTR(h);
        return 0;
}

int history_open_file(const char *path, struct history **ret_history) {
        _cleanup_(history_freep) struct history *h = NULL;
        int r;

        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;

        h->open_flags = SQL_READ_ONLY | SQL_IMMUTABLE;
        h->path = strdup(path);
        if (!h->path)
                return -ENOMEM;
        r = disk_file_open(path, h->open_flags, NULL, &h->file);
        if (r >= 0)
                r = worker_new("irqwatch-read", HISTORY_QUERIES_MAX + 1, &h->reader);
        if (r < 0)
                return r;

        h->is_open = true;
        *ret_history = TAKE_PTR(h);
        return 0;
}

/* What is under way ends, then all that memory has is written; a disk that does not answer is not waited for.
 */
static void finish(struct history *h) {
        uint64_t until_ns = history_now_ns() + FINISH_MS * NSEC_PER_MSEC;

        h->retry_ns = 0;
        while (h->write.in_flight && history_now_ns() < until_ns)
                wait_turn(h, until_ns);
        h->flush_wanted = true;
        history_write(h, history_now_ns());
        while (h->write.in_flight && history_now_ns() < until_ns)
                wait_turn(h, until_ns);
}

struct history *history_free(struct history *h) {
        if (!h)
                return NULL;

        if (h->writer && h->reader)
                finish(h);
        h->ending = true;
        h->writer = worker_free(h->writer);
        history_cancel_queries(h);
        h->reader = worker_free(h->reader);
        for (size_t i = 0; i < h->n_items; i++)
                tell(h, history_item(h, i));
        drop_items(h, h->n_items);

        (void)disk_file_close(h->file); /* returns NULL, as does disk_close() */
        (void)disk_close(h->disk);
        flush_cursor_done(&h->cursor);
        for (size_t i = 0; i < ELEMENTSOF(h->run_texts); i++)
                free(h->run_texts[i]);
        free(h->items);
        free(h->reason);
        free(h->set_aside);
        free(h->path);
        free(h->dir);
        free(h);
        return NULL;
}

void history_get_stats(const struct history *h, struct history_stats *ret_stats) {
        uint64_t hours_ms = MAX((history_now_ns() - h->started_ns) / NSEC_PER_MSEC, UINT64_C(1));

        *ret_stats = h->stats;
        ret_stats->state = h->state;
        ret_stats->reason = h->reason;
        ret_stats->set_aside = h->set_aside;
        ret_stats->path = h->path;
        ret_stats->n_queued = h->n_items;
        ret_stats->written_per_hour =
                (uint64_t)((double)h->stats.disk.written_bytes * 3600 * 1000 / (double)hours_ms);
}
