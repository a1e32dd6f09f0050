/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages in the user's language (gettext). What a human reads is marked and translated here, in the client:
 * the daemon's answers, its journal, JSON and everything that programs read stay as they are in every
 * language.
 */

#include <libintl.h>

#define _(text) gettext(text)
/* Marks a text that is translated where it is used, by _(). */
#define N_(text) text

/* Takes the language from the environment. Numbers keep their points: LC_NUMERIC stays "C". */
void i18n_setup(void);
