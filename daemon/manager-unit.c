/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/manager-unit.h"

#include <string.h>

#include "common/log.h"

enum {
        UNIT_CALLS_MAX = 16, /* without an answer at a time; more are refused */
        UNIT_TIMEOUT_SECONDS = 10,
};

struct unit_starter {
        sd_event *event; /* borrowed */
        unit_bus_fn open_bus;
        sd_bus *bus;
        unsigned n_calls, n_started, n_failed;
        bool failed; /* and said so */
};

/* Of one call, for its answer. */
struct unit_call {
        struct unit_starter *starter; /* borrowed: the bus, and with it the answer, goes before it */
        char unit[];
};

int unit_starter_new(sd_event *event, unit_bus_fn open_bus, struct unit_starter **ret_starter) {
        struct unit_starter *starter;

        starter = calloc(1, sizeof(*starter));
        if (!starter)
                return -ENOMEM;

        starter->event = event;
        starter->open_bus = open_bus ?: sd_bus_open_system;
        *ret_starter = starter;
        return 0;
}

struct unit_starter *unit_starter_free(struct unit_starter *starter) {
        if (!starter)
                return NULL;

        sd_bus_close_unref(starter->bus);
        free(starter);
        return NULL;
}

static void fail(struct unit_starter *starter, const char *unit, const char *why) {
        starter->n_failed++;
        if (!starter->failed)
                log_warning("cannot start %s for an alert: %s; \"systemctl start %s\" tells more. Further "
                            "failures "
                            "are not logged until a unit could be started",
                            unit, why, unit);
        starter->failed = true;
}

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        struct unit_call *call = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(message);

        call->starter->n_calls--;
        if (error) {
                fail(call->starter, call->unit, error->message ?: error->name);
        } else {
                call->starter->n_started++;
                call->starter->failed = false;
        }

        return 0;
}

static int connect_bus(struct unit_starter *starter) {
        sd_bus *bus = NULL;
        int r;

        if (starter->bus && sd_bus_is_open(starter->bus) > 0)
                return 0;

        starter->bus = sd_bus_close_unref(starter->bus);
        starter->n_calls = 0;
        r = starter->open_bus(&bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(bus, starter->event, SD_EVENT_PRIORITY_IDLE);
        if (r < 0) {
                sd_bus_close_unref(bus);
                return r;
        }

        starter->bus = bus;
        return 0;
}

static int call_start(struct unit_starter *starter, const char *unit) {
        sd_bus_message *message = NULL;
        sd_bus_slot *slot = NULL;
        struct unit_call *call;
        int r;

        call = malloc(sizeof(*call) + strlen(unit) + 1);
        if (!call)
                return -ENOMEM;
        call->starter = starter;
        strcpy(call->unit, unit);

        r = sd_bus_message_new_method_call(starter->bus, &message, "org.freedesktop.systemd1",
                                           "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                           "StartUnit");
        if (r >= 0)
                r = sd_bus_message_append(message, "ss", unit, "replace");
        if (r >= 0)
                r = sd_bus_call_async(starter->bus, &slot, message, on_answer, call,
                                      UNIT_TIMEOUT_SECONDS * USEC_PER_SEC);
        sd_bus_message_unref(message);
        if (r < 0) {
                free(call);
                return r;
        }

        /* From here on the bus owns the slot, and the slot the call. */
        (void)sd_bus_slot_set_destroy_callback(slot, free); /* fails for no slot only */
        (void)sd_bus_slot_set_floating(slot, true);
        sd_bus_slot_unref(slot);
        starter->n_calls++;
        return 0;
}

void unit_starter_start(struct unit_starter *starter, const char *unit) {
        int r;

        if (starter->n_calls >= UNIT_CALLS_MAX) {
                fail(starter, unit, "too many calls to the service manager have no answer yet");
                return;
        }

        r = connect_bus(starter);
        if (r < 0) {
                fail(starter, unit, "the system bus cannot be reached");
                return;
        }

        r = call_start(starter, unit);
        if (r < 0)
                fail(starter, unit, strerror(-r));
}

void unit_starter_get_stats(const struct unit_starter *starter, unsigned *ret_n_started,
                            unsigned *ret_n_failed) {
        *ret_n_started = starter->n_started;
        *ret_n_failed = starter->n_failed;
}
