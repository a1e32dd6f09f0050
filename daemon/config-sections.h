/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The settings that belong to no collector: [daemon], [store], [journal], [alerts] and the family [alert NAME]; and the
 * list of all sections of a build, these and every collector's.
 */

#include <stddef.h>

#include "daemon/config.h"

struct collector_ops;

extern const struct config_section config_section_daemon;
extern const struct config_section config_section_store;
extern const struct config_section config_section_journal;
extern const struct config_section config_section_alerts; /* config-alert.c, as the next one */
extern const struct config_section config_family_alert;

/* Those above and the section of every collector in the NULL-terminated registry, for config_new().
 * The caller frees *ret_sections (the array only). 0 or -ENOMEM. */
int config_sections_new(const struct collector_ops *const *registry,
                        const struct config_section ***ret_sections, size_t *ret_n);
