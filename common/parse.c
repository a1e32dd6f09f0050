/* SPDX-License-Identifier: Apache-2.0 */

#include "common/parse.h"

#include <inttypes.h>
#include <string.h>

#include "common/cleanup.h"

#define NSEC_PER_MINUTE (60 * NSEC_PER_SEC)
#define NSEC_PER_HOUR (60 * NSEC_PER_MINUTE)
#define NSEC_PER_DAY (24 * NSEC_PER_HOUR)

enum { FRACTION_DIGITS_MAX = 18 }; /* 10^18 still fits into 64 bits */

static const struct {
        const char *name;
        uint64_t ns;
} duration_units[] = {
        { "ns", 1 },
        { "us", NSEC_PER_USEC },
        { "µs", NSEC_PER_USEC },
        { "ms", NSEC_PER_MSEC },
        { "sec", NSEC_PER_SEC },
        { "s", NSEC_PER_SEC },
        { "min", NSEC_PER_MINUTE },
        { "m", NSEC_PER_MINUTE },
        { "h", NSEC_PER_HOUR },
        { "d", NSEC_PER_DAY },
        { "w", 7 * NSEC_PER_DAY },
};

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *text) {
        while (is_blank(*text))
                text++;

        return text;
}

/* strtoull() takes signs, blanks and other bases; this takes digits. Moves *text behind them. */
static int parse_digits(const char **text, uint64_t *ret) {
        const char *p = *text;
        uint64_t value = 0;

        if (!is_digit(*p))
                return -EINVAL;

        for (; is_digit(*p); p++)
                if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
                    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
                        return -ERANGE;

        *text = p;
        *ret = value;
        return 0;
}

/* "12" or "12.375": the value is whole + fraction / scale. */
struct decimal {
        uint64_t whole, fraction, scale;
};

static int parse_decimal(const char **text, struct decimal *ret) {
        struct decimal d = { .scale = 1 };
        const char *p = *text, *start;
        int r;

        r = parse_digits(&p, &d.whole);
        if (r < 0)
                return r;

        if (*p == '.') {
                start = ++p;
                r = parse_digits(&p, &d.fraction);
                if (r < 0 || p - start > FRACTION_DIGITS_MAX)
                        return -EINVAL;
                for (; start < p; start++)
                        d.scale *= 10;
        }

        *text = p;
        *ret = d;
        return 0;
}

static int parse_unit(const char **text, uint64_t *ret_ns) {
        size_t length = 0;

        while ((*text)[length] && !is_digit((*text)[length]) && !is_blank((*text)[length]))
                length++;

        for (size_t i = 0; i < ELEMENTSOF(duration_units); i++)
                if (length == strlen(duration_units[i].name) &&
                    memcmp(*text, duration_units[i].name, length) == 0) {
                        *text += length;
                        *ret_ns = duration_units[i].ns;
                        return 0;
                }

        return -EINVAL;
}

/* One "1.5ms"; what lies below a nanosecond is cut. */
static int parse_component(const char **text, uint64_t *ret_ns) {
        struct decimal d;
        unsigned __int128 ns;
        uint64_t unit;
        int r;

        r = parse_decimal(text, &d);
        if (r < 0)
                return r;

        *text = skip_blanks(*text);
        r = parse_unit(text, &unit);
        if (r < 0)
                return r;

        ns = (unsigned __int128)d.whole * unit + (unsigned __int128)d.fraction * unit / d.scale;
        if (ns > UINT64_MAX)
                return -ERANGE;

        *ret_ns = (uint64_t)ns;
        return 0;
}

int parse_duration(const char *text, uint64_t *ret_ns) {
        uint64_t total = 0;
        int r;

        if (strcmp(text, "0") == 0) {
                *ret_ns = 0;
                return 0;
        }

        do {
                uint64_t ns;

                r = parse_component(&text, &ns);
                if (r < 0)
                        return r;
                if (__builtin_add_overflow(total, ns, &total))
                        return -ERANGE;
                if (is_blank(*text) && is_digit(*skip_blanks(text)))
                        text = skip_blanks(text);
        } while (*text);

        *ret_ns = total;
        return 0;
}

int parse_size(const char *text, uint64_t *ret_bytes) {
        static const char prefixes[] = "KMGTPE";
        uint64_t value;
        unsigned shift = 0;
        const char *prefix;
        int r;

        r = parse_digits(&text, &value);
        if (r < 0)
                return r;

        prefix = *text ? strchr(prefixes, *text) : NULL;
        if (prefix) {
                shift = 10 * (unsigned)(prefix - prefixes + 1);
                text++;
                if (*text && strcmp(text, "iB") != 0)
                        return -EINVAL;
        } else if (*text && strcmp(text, "B") != 0)
                return -EINVAL;

        if (value > UINT64_MAX >> shift)
                return -ERANGE;

        *ret_bytes = value << shift;
        return 0;
}

int parse_percent(const char *text, uint32_t *ret_ppm) {
        enum { PPM_PER_PERCENT = 10000 };
        struct decimal d;
        int r;

        r = parse_decimal(&text, &d);
        if (r < 0)
                return r;
        if (strcmp(text, "%") != 0)
                return -EINVAL;
        if (d.whole > 100 || (d.whole == 100 && d.fraction > 0))
                return -ERANGE;
        if ((unsigned __int128)d.fraction * PPM_PER_PERCENT % d.scale != 0)
                return -EINVAL; /* finer than a millionth: it would silently become something else */

        *ret_ppm = (uint32_t)(d.whole * PPM_PER_PERCENT +
                              (uint64_t)((unsigned __int128)d.fraction * PPM_PER_PERCENT / d.scale));
        return 0;
}

int parse_boolean(const char *text, bool *ret) {
        static const char *const words[][2] = {
                { "no", "yes" },
                { "false", "true" },
                { "off", "on" },
                { "0", "1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                for (int value = 0; value <= 1; value++)
                        if (strcmp(text, words[i][value]) == 0) {
                                *ret = value;
                                return 0;
                        }

        return -EINVAL;
}

int parse_u64(const char *text, uint64_t *ret) {
        uint64_t value;
        int r;

        r = parse_digits(&text, &value);
        if (r < 0)
                return r;
        if (*text)
                return -EINVAL;

        *ret = value;
        return 0;
}

/* "2min 5s": rounded to the smaller unit, which is left out when it is zero. */
static char *format_pair(uint64_t ns, uint64_t big, const char *big_name, uint64_t small,
                         const char *small_name, char *buf) {
        uint64_t rounded = ns / small + (ns % small >= small / 2);
        uint64_t per_big = big / small;

        if (rounded % per_big == 0)
                (void)snprintf(buf, DURATION_TEXT_MAX, "%" PRIu64 "%s", rounded / per_big, big_name);
        else
                (void)snprintf(buf, DURATION_TEXT_MAX, "%" PRIu64 "%s %" PRIu64 "%s", rounded / per_big,
                               big_name, rounded % per_big, small_name);
        return buf;
}

/* Three significant digits of ns in the unit; false when rounding made it 1000 of the unit. */
static bool format_three(uint64_t ns, uint64_t unit, const char *name, char *buf) {
        /* In hundredths, tenths or ones of the unit, by how large the number is. Integers only, so that no
         * locale's decimal comma can get in. */
        for (unsigned scale = 100; scale >= 1; scale /= 10) {
                uint64_t step = MAX(unit / scale, UINT64_C(1));
                uint64_t n = ns / step + (step > 1 && ns % step >= step / 2);

                if (n >= 1000)
                        continue;
                if (scale == 1 || unit == 1)
                        (void)snprintf(buf, DURATION_TEXT_MAX, "%" PRIu64 " %s", n, name);
                else
                        (void)snprintf(buf, DURATION_TEXT_MAX, "%" PRIu64 ".%0*" PRIu64 " %s", n / scale,
                                       scale == 100 ? 2 : 1, n % scale, name);
                return true;
        }

        return false;
}

char *format_duration(uint64_t ns, char *buf) {
        if (ns == 0)
                return strcpy(buf, "0");
        if (ns < NSEC_PER_USEC && format_three(ns, 1, "ns", buf))
                return buf;
        if (ns < NSEC_PER_MSEC && format_three(ns, NSEC_PER_USEC, "us", buf))
                return buf;
        if (ns < NSEC_PER_SEC && format_three(ns, NSEC_PER_MSEC, "ms", buf))
                return buf;
        if (ns < NSEC_PER_MINUTE - NSEC_PER_SEC / 20 && format_three(ns, NSEC_PER_SEC, "s", buf))
                return buf;
        if (ns < NSEC_PER_HOUR - NSEC_PER_SEC / 2)
                return format_pair(ns, NSEC_PER_MINUTE, "min", NSEC_PER_SEC, "s", buf);
        if (ns < NSEC_PER_DAY - NSEC_PER_MINUTE / 2)
                return format_pair(ns, NSEC_PER_HOUR, "h", NSEC_PER_MINUTE, "min", buf);
        return format_pair(ns, NSEC_PER_DAY, "d", NSEC_PER_HOUR, "h", buf);
}

/* Three significant digits; 32 bytes hold every uint64_t. */
static void format_number(double value, char *buf) {
        (void)sprintf(buf, "%.*f", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value);
}

char *format_duration_range(uint64_t min_ns, uint64_t max_ns, char *buf) {
        static const struct {
                uint64_t ns;
                const char *name;
        } units[] = { { NSEC_PER_SEC, "s" }, { NSEC_PER_MSEC, "ms" }, { NSEC_PER_USEC, "us" } };
        char low[32], high[32];
        size_t i = 0;

        if (max_ns < 1000) {
                (void)sprintf(low, "%" PRIu64, min_ns);
                (void)sprintf(high, "%" PRIu64, max_ns);
        } else {
                while (max_ns < units[i].ns - units[i].ns / 2000) /* 999.6 us is 1.00 ms */
                        i++;
                format_number((double)min_ns / (double)units[i].ns, low);
                format_number((double)max_ns / (double)units[i].ns, high);
        }

        /* Two numbers of at most 31 bytes and a unit: always fits. */
        if (strcmp(low, high) == 0)
                (void)sprintf(buf, "%s %s", high, max_ns < 1000 ? "ns" : units[i].name);
        else if (min_ns == 0)
                (void)sprintf(buf, "up to %s %s", high, max_ns < 1000 ? "ns" : units[i].name);
        else
                (void)sprintf(buf, "%s-%s %s", low, high, max_ns < 1000 ? "ns" : units[i].name);
        return buf;
}

/* The part below a minute: the largest unit that leaves a whole part, with the fraction it needs. */
static char *format_fraction(uint64_t ns, char *buf) {
        static const struct {
                uint64_t ns;
                const char *name;
                int digits;
        } units[] = {
                { NSEC_PER_SEC, "s", 9 },
                { NSEC_PER_MSEC, "ms", 6 },
                { NSEC_PER_USEC, "us", 3 },
                { 1, "ns", 0 },
        };
        size_t i = 0;
        uint64_t rest;
        int digits;

        while (ns < units[i].ns)
                i++;

        rest = ns % units[i].ns;
        for (digits = units[i].digits; digits > 0 && rest % 10 == 0; digits--)
                rest /= 10;

        buf += sprintf(buf, "%" PRIu64, ns / units[i].ns);
        if (digits > 0)
                buf += sprintf(buf, ".%0*" PRIu64, digits, rest);
        return stpcpy(buf, units[i].name);
}

char *format_duration_exact(uint64_t ns, char *buf) {
        static const struct {
                uint64_t ns;
                char name;
        } units[] = {
                { NSEC_PER_DAY, 'd' },
                { NSEC_PER_HOUR, 'h' },
                { NSEC_PER_MINUTE, 'm' },
        };
        char *p = buf;

        if (ns == 0)
                return strcpy(buf, "0");

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (ns >= units[i].ns)
                        p += sprintf(p, "%" PRIu64 "%c", ns / units[i].ns, units[i].name);
                ns %= units[i].ns;
        }
        if (ns > 0)
                (void)format_fraction(ns, p);

        return buf;
}

char *format_size_exact(uint64_t bytes, char *buf) {
        static const char prefixes[] = "\0KMGTPE";
        size_t i = 0;

        while (bytes > 0 && bytes % 1024 == 0 && i < ELEMENTSOF(prefixes) - 2) {
                bytes /= 1024;
                i++;
        }

        if (i == 0)
                (void)snprintf(buf, SIZE_TEXT_MAX, "%" PRIu64, bytes);
        else
                (void)snprintf(buf, SIZE_TEXT_MAX, "%" PRIu64 "%c", bytes, prefixes[i]);
        return buf;
}
