/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon's sentences in the user's language. Findings come from the daemon as English text, the same in
 * JSON, in the journal and in every locale. For a person the client takes such a text apart by the patterns
 * that the daemon makes them of, and puts it together again from the translated pattern and what varied in
 * it. What fits no pattern (another version's) stays as it came: English is better than nothing.
 */

/* Marks a pattern for tools/update-po: a text in which %1$s to %9$s stand for anything and %% for a percent
 * sign. */
#define P_(text) (text)

/* Both end in NULL. */
extern const char *const phrases_sentences[];
extern const char *const phrases_parts[];

/* A copy of text, translated as far as it is known. NULL when out of memory. The caller frees. */
char *phrase_translate(const char *text);
