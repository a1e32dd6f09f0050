/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a scraper asks for in its headers: format, compression, time. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/metrics-text.h"

/* From an Accept header (RFC 9110); NULL: none was sent. OpenMetrics only where it is asked for by name and
 * not less wanted than the older format. */
enum metrics_format negotiate_format(const char *accept);
/* The media type of a format, for Content-Type. */
const char *negotiate_content_type(enum metrics_format format);
/* From an Accept-Encoding header: whether gzip is welcome. */
bool negotiate_gzip(const char *accept_encoding);
/* From X-Prometheus-Scrape-Timeout-Seconds: how long asking may take, with something left for the way back.
 * Without the header, or with one that is no number, the default of 10 s that Prometheus has. */
uint64_t negotiate_timeout_ns(const char *seconds);
