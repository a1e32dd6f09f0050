/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-event.h"
#include "daemon/ipc/monitor-internal.h"

const struct varlink_field monitor_subscribe_fields[] = {
        { "kinds", VARLINK_STRINGS, false },
        { "cpus", VARLINK_INTEGERS, false },
        {},
};

/* A peer that listens. Lives from the call until the call is closed. */
struct subscription {
        struct subscription *next;
        struct monitor *monitor;   /* borrowed */
        struct varlink_call *call; /* a reference; NULL once closed */
        struct monitor_params params;
};

static struct subscription *subscription_free(struct subscription *subscription) {
        if (!subscription)
                return NULL;

        (void)varlink_call_unref(subscription->call); /* returns NULL */
        monitor_params_done(&subscription->params);
        free(subscription);
        return NULL;
}
DEFINE_CLEANUP(struct subscription *, subscription_free)

/* Frees those whose call is closed. */
static void reap(struct monitor *monitor) {
        struct subscription **link = &monitor->subscriptions;

        while (*link) {
                struct subscription *subscription = *link;

                if (subscription->call) {
                        link = &subscription->next;
                        continue;
                }

                *link = subscription->next;
                (void)subscription_free(subscription); /* returns NULL */
        }
}

static void subscription_closed(struct varlink_call *call, void *data) {
        struct subscription *subscription = data;
        struct monitor *monitor = subscription->monitor;

        subscription->call = varlink_call_unref(subscription->call);
        monitor->n_subscriptions--;
        if (!monitor->publishing) /* else the list is in use, and monitor_publish() does it */
                reap(monitor);
}

static int notify(struct varlink_call *call, struct json_object *event) {
        struct json_object *object;
        int r;

        r = monitor_wrap("event", event, &object);
        if (r < 0)
                return r;
        return varlink_call_notify(call, object);
}

int monitor_subscribe(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        _cleanup_(subscription_freep) struct subscription *subscription = NULL;
        struct monitor *monitor = userdata;
        int r;

        r = monitor_reply_recorded(call, monitor, NULL);
        if (r != 0)
                return MIN(r, 0);
        subscription = calloc(1, sizeof(*subscription));
        if (!subscription)
                return -ENOMEM;

        r = monitor_parse(call, monitor, monitor_subscribe_fields, parameters, &subscription->params, NULL);
        if (r != 0)
                return MIN(r, 0);
        r = notify(call, NULL);
        if (r < 0)
                return r;

        subscription->monitor = monitor;
        subscription->call = varlink_call_ref(call);
        subscription->next = monitor->subscriptions;
        monitor->subscriptions = subscription;
        monitor->n_subscriptions++;
        varlink_call_on_closed(call, subscription_closed, TAKE_PTR(subscription));
        return 0;
}

static bool subscription_wants(const struct subscription *subscription, const struct event *event) {
        const struct monitor_params *params = &subscription->params;

        if (!subscription->call)
                return false;
        if (params->kinds && !(params->kinds & (UINT32_C(1) << event->kind)))
                return false;
        return !params->has_cpus || cpu_set_contains(&params->cpus, event->cpu);
}

void monitor_publish(struct monitor *monitor, const struct event *event) {
        _cleanup_(json_putp) struct json_object *object = NULL;
        size_t size;

        monitor->publishing = true;
        for (struct subscription *s = monitor->subscriptions; s; s = s->next) {
                if (!subscription_wants(s, event))
                        continue;
                /* Made once, and only if somebody listens. Without memory the event is still in the store. */
                if (!object && json_event_within(event, MONITOR_EVENTS_BYTES, true, &object, &size) < 0)
                        break;
                (void)notify(s->call,
                             json_object_get(object)); /* the server counts what a slow peer misses */
        }

        monitor->publishing = false;
        reap(monitor);
}

size_t monitor_n_subscriptions(const struct monitor *monitor) {
        return monitor->n_subscriptions;
}

void monitor_drop_subscriptions(struct monitor *monitor) {
        monitor->publishing = true; /* whatever closing the calls sets off, the list is walked here */
        for (struct subscription *s = monitor->subscriptions; s; s = s->next) {
                if (!s->call)
                        continue;
                varlink_call_on_closed(s->call, NULL, NULL);
                s->call = varlink_call_unref(s->call);
                monitor->n_subscriptions--;
        }

        reap(monitor);
        monitor->publishing = false;
}
