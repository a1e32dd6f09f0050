/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Starts units of the service manager: StartUnit of org.freedesktop.systemd1 over the system bus, without
 * waiting for the answer. No shell, no child process. The bus is connected to when the first unit is to be
 * started. A failure is logged once, until a unit could be started again.
 */

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"

struct unit_starter;

/* How the bus is reached; NULL: sd_bus_open_system(). */
typedef int (*unit_bus_fn)(sd_bus **ret_bus);

/* 0 or -ENOMEM. */
int unit_starter_new(sd_event *event, unit_bus_fn open_bus, struct unit_starter **ret_starter);
/* Answers that are still to come are not waited for. */
struct unit_starter *unit_starter_free(struct unit_starter *starter);
DEFINE_CLEANUP(struct unit_starter *, unit_starter_free)
/* Starts a unit, or logs why it cannot be. A unit that runs already is left alone. */
void unit_starter_start(struct unit_starter *starter, const char *unit);
/* For tests: units started, and failures. */
void unit_starter_get_stats(const struct unit_starter *starter, unsigned *ret_n_started,
                            unsigned *ret_n_failed);
