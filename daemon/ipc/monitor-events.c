/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "common/varlink-frame.h"
#include "daemon/ipc/json-event.h"
#include "daemon/ipc/json-writer.h"
#include "daemon/ipc/monitor-internal.h"
#include "daemon/query/windows.h"

const struct varlink_field monitor_list_fields[] = {
        { "sinceUsec", VARLINK_INTEGER, false }, { "untilUsec", VARLINK_INTEGER, false },
        { "kinds", VARLINK_STRINGS, false },     { "cpus", VARLINK_INTEGERS, false },
        { "culprit", VARLINK_STRING, false },    { "afterId", VARLINK_INTEGER, false },
        { "limit", VARLINK_INTEGER, false },     {},
};

static struct events_request events_request_of(const struct monitor_params *params) {
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
};

static int page_init(struct page *page, size_t n_max, size_t bytes_max) {
        *page = (struct page){ .n_max = n_max, .bytes_max = bytes_max };
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

        r = json_event_within(event, MONITOR_EVENTS_BYTES, &object, &size);
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

/* {"events": [...]}, from the last item to the first if reverse. */
static int page_finish(struct page *page, bool reverse, struct json_object **ret_object) {
        struct json_writer array = json_writer_array();
        struct json_object *events;
        size_t n = page->n;
        int r;

        page->n = 0; /* the items move */
        for (size_t i = 0; i < n; i++)
                json_append(&array, page->items[reverse ? n - 1 - i : i]);

        r = json_writer_finish(&array, &events);
        if (r < 0)
                return r;
        return monitor_wrap("events", events, ret_object);
}

/* One reply: the newest that fit. */
static int list_at_once(struct varlink_call *call, struct monitor *monitor, struct monitor_params *params) {
        _cleanup_(freep) struct event **events = NULL;
        _cleanup_(page_done) struct page page = {};
        struct events_request request;
        struct json_object *object;
        size_t n;
        int r;

        params->limit = params->limit ?: MONITOR_EVENTS_DEFAULT;
        request = events_request_of(params);
        r = events_query(monitor->store, &request, &events, &n);
        if (r < 0)
                return r;
        r = page_init(&page, n, MONITOR_EVENTS_BYTES);
        if (r < 0)
                return r;

        for (size_t i = n; i > 0; i--) {
                r = page_add(&page, events[i - 1]);
                if (r < 0)
                        return r;
                if (r > 0)
                        break;
        }

        r = page_finish(&page, true, &object);
        if (r < 0)
                return r;
        return varlink_call_reply(call, object);
}

/* A list on its way to the peer, page by page as it reads. Between two pages the store goes on: events are
 * found again by their ids. Freed with the final reply, or when the call is closed. */
struct listing {
        struct monitor *monitor;      /* borrowed */
        struct monitor_params params; /* after_id: the last one sent */
        char *culprit;
        int64_t last_id; /* where the list ends, also if events are added meanwhile */
};

static struct listing *listing_free(struct listing *listing) {
        if (!listing)
                return NULL;

        monitor_params_done(&listing->params);
        free(listing->culprit);
        free(listing);
        return NULL;
}
DEFINE_CLEANUP(struct listing *, listing_free)

static void listing_closed(struct varlink_call *call, void *data) {
        (void)listing_free(data); /* returns NULL */
}

/* Fills the next page. *ret_more: there are events after it. */
static int listing_fill(struct listing *listing, struct page *page, bool *ret_more) {
        const struct events_request request = events_request_of(&listing->params);
        _cleanup_(freep) struct event **events = NULL;
        bool more = false;
        size_t n;
        int r;

        r = events_query(listing->monitor->store, &request, &events, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n && events[i]->id <= listing->last_id; i++) {
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

static int listing_part(struct varlink_call *call, void *data) {
        _cleanup_(page_done) struct page page = {};
        struct listing *listing = data;
        struct json_object *object;
        bool more;
        int r;

        r = page_init(&page, MONITOR_PAGE_EVENTS, MONITOR_PAGE_BYTES);
        if (r < 0)
                return r;
        r = listing_fill(listing, &page, &more);
        if (r < 0)
                return r;
        r = page_finish(&page, false, &object);
        if (r < 0)
                return r;
        if (more)
                return varlink_call_notify(call, object);

        r = varlink_call_reply(call, object);
        if (r >= 0) /* on failure the call is closed, which frees it */
                (void)listing_free(listing);
        return r;
}

/* Sets the list's ends: a limit counts from the newest. */
static int listing_find_ends(struct listing *listing) {
        const struct events_request request = events_request_of(&listing->params);
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

static int listing_new(struct monitor *monitor, struct monitor_params *params, struct listing **ret_listing) {
        _cleanup_(listing_freep) struct listing *listing = NULL;
        int r;

        listing = calloc(1, sizeof(*listing));
        if (!listing)
                return -ENOMEM;

        listing->monitor = monitor;
        listing->params = *params;
        *params = (struct monitor_params){};
        if (listing->params.culprit) {
                listing->culprit = strdup(listing->params.culprit);
                if (!listing->culprit)
                        return -ENOMEM;
                listing->params.culprit = listing->culprit;
        }

        r = listing_find_ends(listing);
        if (r < 0)
                return r;

        *ret_listing = TAKE_PTR(listing);
        return 0;
}

int monitor_list_events(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        _cleanup_(monitor_params_done) struct monitor_params params = {};
        struct monitor *monitor = userdata;
        struct listing *listing;
        int r;

        r = monitor_parse(call, monitor_list_fields, parameters, &params, NULL);
        if (r != 0)
                return MIN(r, 0);
        if (!varlink_call_wants_more(call))
                return list_at_once(call, monitor, &params);

        r = listing_new(monitor, &params, &listing);
        if (r < 0)
                return r;

        varlink_call_on_closed(call, listing_closed, listing);
        varlink_call_on_writable(call, listing_part, listing);
        return 0;
}
