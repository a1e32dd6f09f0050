/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Calls of the test service and its answers, as text.
 */

#define ECHO(parameters) "{\"method\":\"org.example.test.Echo\",\"parameters\":" parameters "}"
#define CALL(name) "{\"method\":\"org.example.test." name "\"}"
#define MORE(name, parameters) \
        "{\"method\":\"org.example.test." name "\",\"parameters\":" parameters ",\"more\":true}"
#define ERROR(name, parameters) "{\"error\":\"org.varlink.service." name "\",\"parameters\":" parameters "}"
#define EMPTY "{\"parameters\":{}}"
#define TEXT(text) "{\"parameters\":{\"text\":\"" text "\"}}"
#define ITEM(n) "{\"parameters\":{\"n\":" n ",\"text\":\"\"}}"
#define ITEM_MORE(n) "{\"parameters\":{\"n\":" n ",\"text\":\"\"},\"continues\":true}"
