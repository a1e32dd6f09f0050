/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "common/varlink-frame.h"
#include "daemon/ipc/json-event.h"
#include "daemon/ipc/json-writer.h"
#include "daemon/ipc/monitor-internal.h"
#include "daemon/query/windows.h"
#include "daemon/store/disk-event.h"

const struct varlink_field monitor_list_fields[] = {
        { "sinceUsec", VARLINK_INTEGER, false },
        { "untilUsec", VARLINK_INTEGER, false },
        { "kinds", VARLINK_STRINGS, false },
        { "cpus", VARLINK_INTEGERS, false },
        { "culprit", VARLINK_STRING, false },
        { "afterId", VARLINK_INTEGER, false },
        { "limit", VARLINK_INTEGER, false },
        { "stacks", VARLINK_BOOLEAN, false },
        {},
};

struct events_request monitor_events_request(const struct monitor_params *params) {
        return (struct events_request){
                .since_us = params->since_us,
                .until_us = params->until_us,
                .kinds = params->kinds,
                .cpus = params->has_cpus ? &params->cpus : NULL,
                .culprit = params->culprit,
                .after_id = params->after_id,
                .limit = params->limit,
        };
}

/* Events that are on their way into one reply. */
struct page {
        struct json_object **items; /* owned */
        size_t n, n_max;
        size_t bytes, bytes_max;
        bool with_stacks;
};

static int page_init(struct page *page, size_t n_max, size_t bytes_max, const struct monitor_params *params) {
        *page = (struct page){ .n_max = n_max, .bytes_max = bytes_max, .with_stacks = !params->no_stacks };
        page->items = calloc(MAX(n_max, (size_t)1), sizeof(*page->items));
        return page->items ? 0 : -ENOMEM;
}

static void page_done(struct page *page) {
        for (size_t i = 0; i < page->n; i++)
                (void)json_object_put(page->items[i]); /* the result says whether it was the last reference */
        free(page->items);
}

/* 0; 1: it does not fit and was left out; -ENOMEM. The first one always fits. */
static int page_add(struct page *page, const struct event *event) {
        struct json_object *object;
        size_t size;
        int r;

        if (page->n == page->n_max)
                return 1;

        r = json_event_within(event, MONITOR_EVENTS_BYTES, page->with_stacks, &object, &size);
        if (r < 0)
                return r;

        size++; /* the comma */
        if (page->n > 0 && page->bytes + size > page->bytes_max) {
                (void)json_object_put(object);
                return 1;
        }

        page->items[page->n++] = object;
        page->bytes += size;
        return 0;
}

/* The array, from the last item to the first if reverse. */
static int page_finish(struct page *page, bool reverse, struct json_object **ret_object) {
        struct json_writer array = json_writer_array();
        size_t n = page->n;

        page->n = 0; /* the items move */
        for (size_t i = 0; i < n; i++)
                json_append(&array, page->items[reverse ? n - 1 - i : i]);

        return json_writer_finish(&array, ret_object);
}

/* One reply: the newest that fit. */
static int answer_list(const struct monitor_question *question, const struct store *store,
                       struct monitor_answer *answer) {
        const struct events_request request = monitor_events_request(question->params);
        _cleanup_(freep) struct event **events = NULL;
        _cleanup_(page_done) struct page page = {};
        size_t n;
        int r;

        r = events_query(store, &request, &events, &n);
        if (r >= 0)
                r = page_init(&page, n, MONITOR_EVENTS_BYTES, question->params);
        if (r < 0)
                return r;

        for (size_t i = n; i > 0; i--) {
                r = page_add(&page, events[i - 1]);
                if (r < 0)
                        return r;
                if (r > 0)
                        break;
        }

        answer->key = "events";
        return page_finish(&page, true, &answer->value);
}

/* A list on its way to the peer, page by page as it reads, from memory or from disk. Between two pages the
 * store goes on: events are found again by their ids. Freed with the final reply, or when the call is closed.
 */
struct listing {
        struct history_query history;   /* first: a question on its way is found by it */
        struct monitor *monitor;        /* borrowed */
        struct json_object *parameters; /* a reference: params borrow their texts from it */
        struct monitor_params params;   /* after_id: the last one sent */
        int64_t first_id;               /* of a limited list, while its ends are looked for */
        int64_t last_id; /* where the list ends, also if events are added meanwhile; 0: with the newest */
        struct varlink_call *call; /* a reference, while a question is on its way */
        bool closed;               /* meanwhile */
        struct json_object *items; /* the page that was read, owned */
        bool more;
};

static struct listing *listing_free(struct listing *listing) {
        if (!listing)
                return NULL;

        (void)varlink_call_unref(listing->call); /* returns NULL */
        (void)json_object_put(listing->items);   /* the results say whether it was the last reference */
        (void)json_object_put(listing->parameters);
        monitor_params_done(&listing->params);
        free(listing);
        return NULL;
}

/* With a question on its way the other thread still uses it. */
static void listing_closed(struct varlink_call *call, void *data) {
        struct listing *listing = data;

        if (listing->call)
                listing->closed = true;
        else
                (void)listing_free(listing); /* returns NULL */
}

/* Fills the next page with events from the store. *ret_more: there are others after it. */
static int listing_fill(struct listing *listing, const struct store *store, struct page *page,
                        bool *ret_more) {
        const struct events_request request = monitor_events_request(&listing->params);
        _cleanup_(freep) struct event **events = NULL;
        bool more = false;
        size_t n;
        int r;

        r = events_query(store, &request, &events, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n && (listing->last_id == 0 || events[i]->id <= listing->last_id); i++) {
                r = page_add(page, events[i]);
                if (r < 0)
                        return r;
                more = r > 0;
                if (more)
                        break;
                listing->params.after_id = events[i]->id;
        }

        *ret_more = more;
        return 0;
}

/* The next page out of a store, into listing->items. */
static int listing_make_page(struct listing *listing, const struct store *store) {
        _cleanup_(page_done) struct page page = {};
        int r;

        r = page_init(&page, MONITOR_PAGE_EVENTS, MONITOR_PAGE_BYTES, &listing->params);
        if (r >= 0)
                r = listing_fill(listing, store, &page, &listing->more);
        return r < 0 ? r : page_finish(&page, false, &listing->items);
}

/* Sends the page. After the last one the listing is gone; on failure the call is closed, which frees it. */
static int listing_send(struct listing *listing, struct varlink_call *call) {
        struct json_object *object;
        int r;

        r = monitor_wrap("events", TAKE_PTR(listing->items), &object);
        if (r < 0)
                return r;
        if (listing->more)
                return varlink_call_notify(call, object);

        varlink_call_on_closed(call, NULL, NULL);
        r = varlink_call_reply(call, object);
        (void)listing_free(listing); /* returns NULL */
        return r;
}

static int listing_part(struct varlink_call *call, void *data) {
        struct listing *listing = data;
        int r;

        r = listing_make_page(listing, listing->monitor->store);
        return r < 0 ? r : listing_send(listing, call);
}

/* Sets the list's ends: a limit counts from the newest. */
static int listing_find_ends(struct listing *listing) {
        const struct events_request request = monitor_events_request(&listing->params);
        _cleanup_(freep) struct event **events = NULL;
        size_t n;
        int r;

        r = events_query(listing->monitor->store, &request, &events, &n);
        if (r < 0)
                return r;

        listing->params.limit = 0;
        if (n > 0) {
                listing->params.after_id = events[0]->id - 1;
                listing->last_id = events[n - 1]->id;
        }

        return 0;
}

static int listing_start(struct listing *listing, struct varlink_call *call) {
        int r;

        r = listing_find_ends(listing);
        if (r >= 0)
                varlink_call_on_writable(call, listing_part, listing);
        return r;
}

static bool listing_wants(const struct event *event, void *userdata) {
        const struct listing *listing = userdata;
        const struct events_request request = monitor_events_request(&listing->params);

        return events_match(event, &request);
}

static int listing_next(struct varlink_call *call, void *data);

/* The question is answered: the peer gets the page, and the next one once it has taken it. What disk cannot
 * say memory does. */
static void listing_done(struct history_query *history, int result) {
        struct listing *listing = (struct listing *)history;
        _cleanup_(varlink_call_unrefp) struct varlink_call *call = TAKE_PTR(listing->call);

        if (listing->closed || result == -ECANCELED) {
                if (!listing->closed)
                        varlink_call_on_closed(call, NULL, NULL);
                (void)listing_free(listing); /* returns NULL */
                return;
        }

        if (result < 0)
                (void)listing_start(listing,
                                    call); /* on failure nobody is left to answer: the connection ends */
        else if (!listing->items || listing->more)
                varlink_call_on_writable(call, listing_next, listing);
        if (result >= 0 && listing->items)
                (void)listing_send(listing, call); /* likewise */
}

static int listing_ask(struct listing *listing, struct varlink_call *call) {
        int r;

        listing->history.done = listing_done;
        listing->call = varlink_call_ref(call);
        r = history_ask(listing->monitor->history, &listing->history);
        if (r >= 0)
                return 0;

        listing->call = varlink_call_unref(listing->call);
        return listing_start(listing, call);
}

static int listing_run_page(struct history_query *history, const struct store *store) {
        struct listing *listing = (struct listing *)history;
        int r;

        r = listing_make_page(listing, store);
        listing->more |= history->loaded.events_left_out;
        return r;
}

/* Asks for the next page, and sends nothing until it is there. */
static int listing_next(struct varlink_call *call, void *data) {
        struct listing *listing = data;

        varlink_call_on_writable(call, NULL, NULL);
        listing->history = (struct history_query){
                .run = listing_run_page,
                .request = {
                        .since_us = listing->params.since_us,
                        .until_us = listing->params.until_us,
                        .events = true,
                        .events_max = MONITOR_PAGE_EVENTS,
                        .oldest_first = true,
                        .after_id = listing->params.after_id,
                        .last_id = listing->last_id,
                        .wants = listing_wants,
                        .userdata = listing,
                },
        };
        return listing_ask(listing, call);
}

static int listing_note_end(struct event *event, void *userdata) {
        struct listing *listing = userdata;

        listing->last_id = MAX(listing->last_id, event->id);
        listing->first_id = event->id;
        return 0;
}

/* On another thread: where the newest ones begin and end. */
static int listing_read_ends(struct history_query *history, struct disk_file *file) {
        struct listing *listing = (struct listing *)history;
        const struct disk_event_filter filter = {
                .since_us = listing->params.since_us,
                .until_us = listing->params.until_us,
                .after_id = listing->params.after_id,
                .newest_first = true,
                .limit = listing->params.limit,
                .wants = listing_wants,
                .userdata = listing,
        };
        int r;

        r = disk_event_read(file, &filter, listing_note_end, listing, &history->loaded.n_damaged);
        if (listing->first_id > 0)
                listing->params.after_id = listing->first_id - 1;
        listing->params.limit = 0;
        return r;
}

/* From disk; with a limit its ends must be known first. */
static int listing_start_on_disk(struct listing *listing, struct varlink_call *call) {
        if (listing->params.limit == 0) {
                varlink_call_on_writable(call, listing_next, listing);
                return 0;
        }

        listing->history = (struct history_query){ .read = listing_read_ends };
        return listing_ask(listing, call);
}

static int listing_new(struct monitor *monitor, struct monitor_params *params, struct json_object *parameters,
                       struct listing **ret_listing) {
        struct listing *listing;

        listing = calloc(1, sizeof(*listing));
        if (!listing)
                return -ENOMEM;

        listing->monitor = monitor;
        listing->params = *params;
        listing->parameters = json_object_get(parameters);
        *params = (struct monitor_params){};
        *ret_listing = listing;
        return 0;
}

int monitor_list_events(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        _cleanup_(monitor_params_done) struct monitor_params params = {};
        struct monitor *monitor = userdata;
        struct listing *listing;
        bool memory;
        int r;

        if (!varlink_call_wants_more(call))
                return monitor_ask(call, monitor, monitor_list_fields, parameters,
                                   MONITOR_EVENTS | MONITOR_LIST, answer_list);

        r = monitor_parse(call, monitor, monitor_list_fields, parameters, &params, NULL);
        if (r != 0)
                return MIN(r, 0);

        memory = !monitor->history || monitor_memory_has_events(monitor, &params);
        r = listing_new(monitor, &params, parameters, &listing);
        if (r < 0)
                return r;

        varlink_call_on_closed(call, listing_closed, listing);
        return memory ? listing_start(listing, call) : listing_start_on_disk(listing, call);
}
