/* SPDX-License-Identifier: Apache-2.0 */

#include "exporter/negotiate.h"

#include <string.h>
#include <strings.h>

enum {
        QUALITY_MAX = 1000, /* q=1.000 */
};

#define TIMEOUT_DEFAULT_NS (10 * NSEC_PER_SEC)
#define TIMEOUT_MAX_NS (60 * NSEC_PER_SEC)
/* Of the scraper's time: for the rendering and for the way back. */
#define TIMEOUT_RESERVE 10

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

/* One element of a header's list, or one of its parameters: without blanks around it. */
struct span {
        const char *text;
        size_t size;
};

static bool span_is(struct span span, const char *word) {
        return span.size == strlen(word) && strncasecmp(span.text, word, span.size) == 0;
}

/* Takes what is before the next separator off the front of *rest; false at the end. */
static bool span_next(struct span *rest, char separator, struct span *ret) {
        const char *end;

        if (!rest->text)
                return false;

        end = memchr(rest->text, separator, rest->size);
        *ret = (struct span){ rest->text, end ? (size_t)(end - rest->text) : rest->size };
        if (end)
                *rest = (struct span){ end + 1, rest->size - ret->size - 1 };
        else
                rest->text = NULL;

        while (ret->size > 0 && is_blank(ret->text[0])) {
                ret->text++;
                ret->size--;
        }
        while (ret->size > 0 && is_blank(ret->text[ret->size - 1]))
                ret->size--;
        return true;
}

/* "0.75" in thousandths; what is no quality counts as 0: nobody asked for that. */
static int quality(struct span value) {
        int thousandths = 0, unit = QUALITY_MAX;

        for (size_t i = 0; i < value.size; i++) {
                char c = value.text[i];

                if (i == 1 && c == '.')
                        continue;
                if (c < '0' || c > '9' || unit == 0)
                        return 0;
                thousandths += (c - '0') * unit;
                unit /= 10;
        }

        return MIN(thousandths, (int)QUALITY_MAX);
}

struct wish {
        struct span name; /* of a media type or coding */
        struct span version;
        int quality;
};

static void parse_wish(struct span element, struct wish *ret) {
        struct span parameter;

        *ret = (struct wish){ .quality = QUALITY_MAX };
        (void)span_next(&element, ';', &ret->name); /* an empty element has an empty name */
        while (span_next(&element, ';', &parameter)) {
                struct span key, value = {};

                (void)span_next(&parameter, '=', &key);
                (void)span_next(&parameter, '=', &value); /* without a value it stays empty */
                if (span_is(key, "q"))
                        ret->quality = quality(value);
                if (span_is(key, "version"))
                        ret->version = value;
        }
}

enum metrics_format negotiate_format(const char *accept) {
        struct span rest = { accept, accept ? strlen(accept) : 0 }, element;
        int open = 0, text = 0;
        bool text_named = false;

        while (span_next(&rest, ',', &element)) {
                struct wish wish;

                parse_wish(element, &wish);
                if (span_is(wish.name, "application/openmetrics-text") &&
                    (wish.version.size == 0 || span_is(wish.version, "1.0.0")))
                        open = MAX(open, wish.quality);
                else if (span_is(wish.name, "text/plain")) {
                        text = MAX(text, wish.quality);
                        text_named = true;
                } else if (!text_named && (span_is(wish.name, "text/*") || span_is(wish.name, "*/*")))
                        text = MAX(text, wish.quality);
        }

        return open > 0 && open >= text ? METRICS_OPENMETRICS : METRICS_TEXT;
}

const char *negotiate_content_type(enum metrics_format format) {
        return format == METRICS_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                             : "text/plain; version=0.0.4; charset=utf-8";
}

bool negotiate_gzip(const char *accept_encoding) {
        struct span rest = { accept_encoding, accept_encoding ? strlen(accept_encoding) : 0 }, element;
        int named = -1, any = 0;

        while (span_next(&rest, ',', &element)) {
                struct wish wish;

                parse_wish(element, &wish);
                if (span_is(wish.name, "gzip") || span_is(wish.name, "x-gzip"))
                        named = wish.quality;
                else if (span_is(wish.name, "*"))
                        any = wish.quality;
        }

        return named >= 0 ? named > 0 : any > 0;
}

uint64_t negotiate_timeout_ns(const char *seconds) {
        uint64_t ns = TIMEOUT_DEFAULT_NS;
        char *end;

        if (seconds && *seconds >= '0' && *seconds <= '9') {
                double value = strtod(seconds, &end); /* the program never leaves the C locale */

                if (*end == '\0' && value > 0)
                        ns = value < 60 ? (uint64_t)(value * 1e9) : TIMEOUT_MAX_NS;
        }

        return ns - ns / TIMEOUT_RESERVE;
}
