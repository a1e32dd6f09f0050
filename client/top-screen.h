/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The terminal: the only user of ncurses. Takes it over on open, shows grids, reads keys, and gives it back
 * as it was: on close, while the job is stopped, and when the program crashes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/top-grid.h"

/* There is one terminal, and so one screen. 0; -ENOTTY: stdin or stdout is no terminal; -ENXIO: it cannot do
 * what is needed (no cursor addressing); -ENOMEM. */
int top_screen_open(bool colour, bool utf8);
void top_screen_close(void);
static inline void top_screen_closep(bool *open) {
        if (*open)
                top_screen_close();
}

void top_screen_size(unsigned *ret_width, unsigned *ret_height);
/* Only what differs from the last grid is sent. */
void top_screen_show(const struct top_grid *grid);
/* The next key, a character or enum top_key; 0: none is waiting. */
uint32_t top_screen_key(void);
/* The terminal was resized, or the job was stopped and goes on: take it over again. */
void top_screen_refresh(void);
/* Gives the terminal back until top_screen_refresh(). */
void top_screen_suspend(void);
