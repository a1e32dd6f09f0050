/* SPDX-License-Identifier: Apache-2.0 */

#include "common/json-strict.h"

#include <json-c/json_visit.h>

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/utf8.h"

/* The lexical pass: one token after the other; json-c then judges their order. */
struct json_scan {
        const char *text;
        size_t size;
        unsigned depth, depth_max;
        size_t n_containers, n_containers_max; /* objects and arrays; JSON_CONTAINERS_UNLIMITED */
        size_t fed;       /* what the tokener has already got */
        size_t n_members; /* of all objects, as written */
        struct json_tokener *tokener;
        struct json_object *value;
};

static void json_tokener_freep(struct json_tokener **tokener) {
        if (*tokener)
                json_tokener_free(*tokener);
}

static int json_scan_hex4(const char *text, size_t size, unsigned *ret) {
        unsigned value = 0;

        if (size < 4)
                return -EBADMSG;

        for (size_t i = 0; i < 4; i++) {
                char c = text[i];

                if (c >= '0' && c <= '9')
                        value = value << 4 | (unsigned)(c - '0');
                else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                        value = value << 4 | (unsigned)((c | 0x20) - 'a' + 10);
                else
                        return -EBADMSG;
        }

        *ret = value;
        return 0;
}

/* After the backslash and the u. Returns the escape's length, 0 when refused. */
static size_t json_scan_unicode_escape(const char *text, size_t size) {
        unsigned high, low;

        if (json_scan_hex4(text + 2, size - 2, &high) < 0 || high == 0)
                return 0;
        if (high < 0xd800 || high > 0xdfff)
                return 6;
        if (high >= 0xdc00)
                return 0;
        if (size < 12 || text[6] != '\\' || text[7] != 'u')
                return 0;
        if (json_scan_hex4(text + 8, size - 8, &low) < 0 || low < 0xdc00 || low > 0xdfff)
                return 0;

        return 12;
}

static size_t json_scan_escape(const char *text, size_t size) {
        if (size < 2 || text[1] == '\0')
                return 0;
        if (text[1] == 'u')
                return json_scan_unicode_escape(text, size);
        return strchr("\"\\/bfnrt", text[1]) ? 2 : 0;
}

/* Returns the length of the string token with both quotes, 0 when refused. */
static size_t json_scan_string(const char *text, size_t size) {
        size_t at = 1;

        while (at < size) {
                unsigned char c = (unsigned char)text[at];
                size_t n;

                if (c == '"')
                        return at + 1;
                if (c < 0x20)
                        return 0;
                if (c == '\\')
                        n = json_scan_escape(text + at, size - at);
                else
                        n = c < 0x80 ? 1 : utf8_sequence(text + at, size - at);
                if (n == 0)
                        return 0;

                at += n;
        }

        return 0;
}

static size_t json_scan_digits(const char *text, size_t size) {
        size_t n = 0;

        while (n < size && text[n] >= '0' && text[n] <= '9')
                n++;
        return n;
}

static bool json_integer_fits(const char *digits, size_t n, bool negative) {
        static const size_t n_max = sizeof("9223372036854775807") - 1;

        if (n != n_max)
                return n < n_max;
        return memcmp(digits, negative ? "9223372036854775808" : "9223372036854775807", n_max) <= 0;
}

/* Fraction and exponent. Returns their length or -EBADMSG. */
static ssize_t json_scan_real_part(const char *text, size_t size) {
        size_t at = 0, n;

        if (at < size && text[at] == '.') {
                n = json_scan_digits(text + at + 1, size - at - 1);
                if (n == 0)
                        return -EBADMSG;
                at += 1 + n;
        }

        if (at < size && (text[at] == 'e' || text[at] == 'E')) {
                at++;
                if (at < size && (text[at] == '+' || text[at] == '-'))
                        at++;
                n = json_scan_digits(text + at, size - at);
                if (n == 0)
                        return -EBADMSG;
                at += n;
        }

        return (ssize_t)at;
}

/* Returns the number's length, 0 when refused. */
static size_t json_scan_number(const char *text, size_t size, bool *ret_overflows) {
        size_t sign = text[0] == '-', n;
        ssize_t real;

        n = json_scan_digits(text + sign, size - sign);
        if (n == 0 || (n > 1 && text[sign] == '0'))
                return 0;

        real = json_scan_real_part(text + sign + n, size - sign - n);
        if (real < 0)
                return 0;

        *ret_overflows = real == 0 && !json_integer_fits(text + sign, n, sign);
        return sign + n + (size_t)real;
}

static size_t json_scan_word(const char *text, size_t size) {
        static const char *const words[] = { "true", "false", "null" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                size_t n = strlen(words[i]);

                if (n <= size && memcmp(text, words[i], n) == 0)
                        return n;
        }

        return 0;
}

static int json_feed(struct json_scan *scan, const char *text, size_t size) {
        enum json_tokener_error error;

        if (scan->value)
                return -EBADMSG; /* something follows the value */

        scan->value = json_tokener_parse_ex(scan->tokener, text, (int)size);
        error = json_tokener_get_error(scan->tokener);
        if (scan->value)
                return json_tokener_get_parse_end(scan->tokener) == size ? 0 : -EBADMSG;
        if (error == json_tokener_success)
                return -ENOMEM; /* a value is never null here, so this is json-c's lack of memory */
        return error == json_tokener_continue ? 0 : -EBADMSG;
}

/* json-c would saturate an integer that is too large. With ".0" put behind its digits it parses as the
 * double that is nearest. */
static int json_feed_overflow(struct json_scan *scan, size_t end) {
        int r;

        r = json_feed(scan, scan->text + scan->fed, end - scan->fed);
        if (r < 0)
                return r;

        scan->fed = end;
        return json_feed(scan, ".0", 2);
}

static bool json_scan_open(struct json_scan *scan) {
        scan->depth++;
        scan->n_containers++;
        return scan->depth <= scan->depth_max && (scan->n_containers_max == JSON_CONTAINERS_UNLIMITED ||
                                                  scan->n_containers <= scan->n_containers_max);
}

/* Returns the length of the token at offset at, or -EBADMSG, -ENOMEM. */
static ssize_t json_scan_token(struct json_scan *scan, size_t at) {
        const char *text = scan->text + at;
        size_t size = scan->size - at, n;
        bool overflows = false;
        int r;

        switch (*text) {
        case '{':
        case '[':
                return json_scan_open(scan) ? 1 : -EBADMSG;
        case '}':
        case ']':
                return scan->depth-- == 0 ? -EBADMSG : 1;
        case ':':
                scan->n_members++;
                return 1;
        case ',':
                return 1;
        case '"':
                n = json_scan_string(text, size);
                break;
        case '-':
        case '0' ... '9':
                n = json_scan_number(text, size, &overflows);
                break;
        default:
                n = json_scan_word(text, size);
        }

        if (n == 0)
                return -EBADMSG;
        if (overflows) {
                r = json_feed_overflow(scan, at + n);
                if (r < 0)
                        return r;
        }

        return (ssize_t)n;
}

static bool json_is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int json_scan_all(struct json_scan *scan) {
        size_t at = 0, end = 0;

        while (at < scan->size) {
                char c = scan->text[at];
                ssize_t n;

                if (json_is_blank(c)) {
                        at++;
                        continue;
                }
                if (scan->depth == 0 && (end > 0 || (c != '{' && c != '[')))
                        return -EBADMSG; /* one value, and that an object or array */

                n = json_scan_token(scan, at);
                if (n < 0)
                        return (int)n;
                at += (size_t)n;
                end = at;
        }

        if (end == 0 || scan->depth > 0)
                return -EBADMSG;
        return json_feed(scan, scan->text + scan->fed, end - scan->fed);
}

static int json_check_finite(struct json_object *value, int flags, struct json_object *parent,
                             const char *key, size_t *index, void *userdata) {
        if (json_object_is_type(value, json_type_double) && !isfinite(json_object_get_double(value)))
                return JSON_C_VISIT_RETURN_ERROR;
        return JSON_C_VISIT_RETURN_CONTINUE;
}

static int json_count_member(struct json_object *value, int flags, struct json_object *parent,
                             const char *key, size_t *index, void *userdata) {
        size_t *n = userdata;

        /* A container is visited twice, before and after what it holds. */
        *n += key && !(flags & JSON_C_VISIT_SECOND);
        return JSON_C_VISIT_RETURN_CONTINUE;
}

/* json-c keeps the last of several members with one key, others keep the first: what a message says must not
 * depend on who reads it. */
static bool json_has_duplicates(const struct json_scan *scan, struct json_object *value) {
        size_t n = 0;

        return json_c_visit(value, 0, json_count_member, &n) < 0 || n != scan->n_members;
}

bool json_is_finite(struct json_object *value) {
        return json_c_visit(value, 0, json_check_finite, NULL) == 0;
}

int json_strict_parse(const char *text, size_t size, unsigned depth_max, size_t n_containers_max,
                      struct json_object **ret_value) {
        _cleanup_(json_tokener_freep) struct json_tokener *tokener = NULL;
        _cleanup_(json_putp) struct json_object *value = NULL;
        struct json_scan scan = {
                .text = text,
                .size = size,
                .depth_max = depth_max,
                .n_containers_max = n_containers_max,
        };
        int r;

        if (size > INT_MAX)
                return -EBADMSG;

        tokener = json_tokener_new_ex((int)depth_max + 1); /* the scan's limit is the exact one */
        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);

        scan.tokener = tokener;
        r = json_scan_all(&scan);
        value = scan.value;
        if (r < 0)
                return r;
        if (!value || json_has_duplicates(&scan, value) || !json_is_finite(value))
                return -EBADMSG;

        *ret_value = TAKE_PTR(value);
        return 0;
}
