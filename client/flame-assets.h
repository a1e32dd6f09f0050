/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * flame.js and flame.css as NUL-terminated text, put into the program when it is built. Neither contains
 * "]]>", since both go into CDATA sections; a test checks it.
 */

extern const char flame_js[];
extern const char flame_css[];
