/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * html.js and html.css as NUL-terminated text, put into the program when it is built. Neither contains "</",
 * which would end the element that it is put into; a test checks it.
 */

extern const char html_js[];
extern const char html_css[];
