/* SPDX-License-Identifier: Apache-2.0 */

#include "common/timespan.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/parse.h"

static uint64_t clock_us(clockid_t id) {
        struct timespec ts;

        (void)clock_gettime(id, &ts); /* cannot fail for these clocks */
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

int time_base_now(struct time_base *base) {
        uint64_t now_us = clock_us(CLOCK_REALTIME), uptime_us = clock_us(CLOCK_BOOTTIME);

        if (uptime_us > now_us)
                return -ERANGE; /* a clock set to before its own boot: no moment to name */

        *base = (struct time_base){ .now_us = now_us, .boot_us = now_us - uptime_us };
        return 0;
}

/* A moment in parts. usec holds the fraction of the second. */
struct wall_time {
        struct tm tm;
        uint64_t usec;
};

static bool tm_same_wall(const struct tm *a, const struct tm *b) {
        return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday &&
               a->tm_hour == b->tm_hour && a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

/* Of two moments that look the same on the clock. */
static bool is_better(uint64_t us, uint64_t best, uint64_t not_after_us) {
        bool fits = us <= not_after_us;

        if (fits != (best <= not_after_us))
                return fits;

        return fits ? us > best : us < best;
}

/* The local moment at which clocks showed *tm. Where a clock that is set back shows it twice, the first one;
 * or, where not_after_us is not 0, the last one that is not later than that. What a clock that is set forward
 * never shows is taken as standard time, which lies just behind the jump. */
static int tm_to_us(const struct tm *wall, uint64_t not_after_us, uint64_t *ret_us) {
        /* -1 finds changes of the zone that are no daylight saving time */
        static const int guesses[] = { 0, 1, -1 };
        bool found = false;
        uint64_t best = 0;

        for (size_t i = 0; i < ELEMENTSOF(guesses); i++) {
                struct tm tm = *wall;
                uint64_t us;
                time_t t;

                tm.tm_isdst = guesses[i];
                t = mktime(&tm);
                if (t < 0 || (uint64_t)t > UINT64_MAX / USEC_PER_SEC)
                        continue;

                us = (uint64_t)t * USEC_PER_SEC;
                if (!tm_same_wall(&tm, wall))
                        continue;
                if (!found || is_better(us, best, not_after_us))
                        best = us;
                found = true;
        }

        if (!found) {
                struct tm tm = *wall;
                time_t t;

                tm.tm_isdst = 0;
                t = mktime(&tm);
                if (t < 0)
                        return -EINVAL;
                best = (uint64_t)t * USEC_PER_SEC;
        }

        *ret_us = best;
        return 0;
}

/* Exactly n digits, at most max. Moves *text. */
static int take_number(const char **text, int n, int min, int max, int *ret) {
        int value = 0;

        for (int i = 0; i < n; i++) {
                if ((*text)[i] < '0' || (*text)[i] > '9')
                        return -EINVAL;
                value = value * 10 + ((*text)[i] - '0');
        }
        if (value < min || value > max)
                return -EINVAL;

        *text += n;
        *ret = value;
        return 0;
}

static bool take_char(const char **text, char c) {
        if (**text != c)
                return false;

        (*text)++;
        return true;
}

static int days_of_month(int year, int month) {
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return days[month - 1] + (month == 2 && leap);
}

static int take_date(const char **text, struct tm *tm) {
        int year, month, day;

        if (take_number(text, 4, 1970, 9999, &year) < 0 || !take_char(text, '-') ||
            take_number(text, 2, 1, 12, &month) < 0 || !take_char(text, '-') ||
            take_number(text, 2, 1, days_of_month(year, month), &day) < 0)
                return -EINVAL;

        tm->tm_year = year - 1900;
        tm->tm_mon = month - 1;
        tm->tm_mday = day;
        return 0;
}

/* ".123456": digits beyond the sixth are cut. */
static int take_fraction(const char **text, uint64_t *ret_usec) {
        uint64_t usec = 0, weight = USEC_PER_SEC / 10;

        if (**text < '0' || **text > '9')
                return -EINVAL;

        for (; **text >= '0' && **text <= '9'; (*text)++, weight /= 10)
                usec += (uint64_t)(**text - '0') * weight;

        *ret_usec = usec;
        return 0;
}

/* "14:03", "14:03:10", "14:03:10.5" */
static int take_clock(const char **text, struct wall_time *wall) {
        if (take_number(text, 2, 0, 23, &wall->tm.tm_hour) < 0 || !take_char(text, ':') ||
            take_number(text, 2, 0, 59, &wall->tm.tm_min) < 0)
                return -EINVAL;

        if (!take_char(text, ':'))
                return 0;
        if (take_number(text, 2, 0, 59, &wall->tm.tm_sec) < 0)
                return -EINVAL;

        return take_char(text, '.') ? take_fraction(text, &wall->usec) : 0;
}

/* "+02:00", "+0200", "+02" behind a time. Seconds east of Greenwich. */
static int take_offset(const char **text, int64_t *ret_seconds) {
        int sign = **text == '-' ? -1 : 1, hours, minutes = 0;

        (*text)++;
        if (take_number(text, 2, 0, 14, &hours) < 0)
                return -EINVAL;
        if ((take_char(text, ':') || **text) && take_number(text, 2, 0, 59, &minutes) < 0)
                return -EINVAL;

        *ret_seconds = sign * (hours * 3600 + minutes * 60);
        return 0;
}

/* The zone's own two names, as format_timestamp() prints them: they also say which half of a doubled hour is
 * meant. */
static int local_zone_to_us(const struct wall_time *wall, const char *zone, uint64_t *ret_us) {
        tzset();
        for (int dst = 0; dst <= 1; dst++) {
                struct tm tm = wall->tm;
                time_t t;

                if (strcmp(zone, tzname[dst]) != 0)
                        continue;
                tm.tm_isdst = dst;
                t = mktime(&tm);
                if (t < 0 || tm.tm_isdst != dst)
                        continue;
                *ret_us = (uint64_t)t * USEC_PER_SEC;
                return 0;
        }

        return -EINVAL;
}

static int fixed_zone_to_us(const struct wall_time *wall, int64_t offset, uint64_t *ret_us) {
        struct tm tm = wall->tm;
        time_t t = timegm(&tm) - offset;

        if (t < 0)
                return -EINVAL;

        *ret_us = (uint64_t)t * USEC_PER_SEC;
        return 0;
}

static int zone_to_us(const struct wall_time *wall, const char *zone, uint64_t *ret_us) {
        int64_t offset = 0;

        if (!*zone)
                return tm_to_us(&wall->tm, 0, ret_us);
        if (*zone == ' ')
                zone++;
        if (strcmp(zone, "UTC") == 0 || strcmp(zone, "Z") == 0)
                return fixed_zone_to_us(wall, 0, ret_us);
        if (*zone == '+' || *zone == '-') {
                if (take_offset(&zone, &offset) < 0 || *zone)
                        return -EINVAL;
                return fixed_zone_to_us(wall, offset, ret_us);
        }

        return local_zone_to_us(wall, zone, ret_us);
}

/* "2026-11-22", optionally with a time and a zone. */
static int parse_dated(const char *text, uint64_t *ret_us) {
        struct wall_time wall = {};
        uint64_t us;
        int r;

        r = take_date(&text, &wall.tm);
        if (r < 0)
                return r;

        if (*text == 'T' || (*text == ' ' && text[1] >= '0' && text[1] <= '9')) {
                text++;
                r = take_clock(&text, &wall);
                if (r < 0)
                        return r;
        }

        r = zone_to_us(&wall, text, &us);
        if (r < 0)
                return r;

        *ret_us = us + wall.usec;
        return 0;
}

static int local_tm(uint64_t us, struct tm *ret_tm) {
        time_t t = (time_t)(us / USEC_PER_SEC);

        return localtime_r(&t, ret_tm) ? 0 : -ERANGE;
}

/* Midnight, days before the day of now. */
static int parse_day(const struct time_base *base, int days_ago, uint64_t *ret_us) {
        struct tm tm, noon;

        if (local_tm(base->now_us, &tm) < 0)
                return -EINVAL;

        /* By way of noon, which no change of clocks removes. */
        noon = (struct tm){ .tm_year = tm.tm_year,
                            .tm_mon = tm.tm_mon,
                            .tm_mday = tm.tm_mday - days_ago,
                            .tm_hour = 12,
                            .tm_isdst = -1 };
        if (mktime(&noon) < 0)
                return -EINVAL;

        tm = (struct tm){ .tm_year = noon.tm_year, .tm_mon = noon.tm_mon, .tm_mday = noon.tm_mday };
        return tm_to_us(&tm, 0, ret_us);
}

/* "14:03": the last moment at which the local clock showed it. */
static int parse_clock(const char *text, const struct time_base *base, uint64_t *ret_us) {
        struct wall_time wall = {};
        uint64_t us;
        int r;

        r = take_clock(&text, &wall);
        if (r < 0 || *text)
                return -EINVAL;

        for (int days_ago = 0; days_ago <= 1; days_ago++) {
                uint64_t midnight;
                struct tm day;

                r = parse_day(base, days_ago, &midnight);
                if (r < 0)
                        return r;
                r = local_tm(midnight, &day);
                if (r < 0)
                        return r;

                wall.tm.tm_year = day.tm_year;
                wall.tm.tm_mon = day.tm_mon;
                wall.tm.tm_mday = day.tm_mday;
                r = tm_to_us(&wall.tm, base->now_us - wall.usec, &us);
                if (r < 0)
                        return r;
                if (us + wall.usec <= base->now_us)
                        break;
        }

        *ret_us = us + wall.usec;
        return 0;
}

/* "10m", "-10m", "10m ago" */
static int parse_ago(const char *text, const struct time_base *base, uint64_t *ret_us) {
        _cleanup_(freep) char *copy = NULL;
        uint64_t ns, us;
        size_t length;
        int r;

        copy = strdup(text + (*text == '-'));
        if (!copy)
                return -ENOMEM;

        length = strlen(copy);
        if (length > 4 && strcmp(copy + length - 4, " ago") == 0)
                copy[length - 4] = '\0';

        r = parse_duration(copy, &ns);
        if (r < 0)
                return -EINVAL;

        us = ns / NSEC_PER_USEC;
        *ret_us = us < base->now_us ? base->now_us - us : 0;
        return 0;
}

static int parse_epoch(const char *text, uint64_t *ret_us) {
        uint64_t usec = 0, seconds;
        char digits[24];
        size_t n;
        int r;

        n = strspn(text, "0123456789");
        if (n >= sizeof(digits))
                return -EINVAL;
        memcpy(digits, text, n);
        digits[n] = '\0';

        r = parse_u64(digits, &seconds);
        if (r < 0 || seconds > INT64_MAX / USEC_PER_SEC)
                return -EINVAL;

        text += n;
        if (take_char(&text, '.') && take_fraction(&text, &usec) < 0)
                return -EINVAL;
        if (*text)
                return -EINVAL;

        *ret_us = seconds * USEC_PER_SEC + usec;
        return 0;
}

int parse_timestamp(const char *text, const struct time_base *base, uint64_t *ret_us) {
        uint64_t us = base->now_us;
        int r = 0;

        if (strcmp(text, "now") == 0)
                us = base->now_us;
        else if (strcmp(text, "boot") == 0)
                us = base->boot_us;
        else if (strcmp(text, "today") == 0)
                r = parse_day(base, 0, &us);
        else if (strcmp(text, "yesterday") == 0)
                r = parse_day(base, 1, &us);
        else if (*text == '@')
                r = parse_epoch(text + 1, &us);
        else if (strlen(text) > 4 && text[4] == '-')
                r = parse_dated(text, &us);
        else if (strlen(text) > 2 && text[2] == ':')
                r = parse_clock(text, base, &us);
        else
                r = parse_ago(text, base, &us);
        if (r < 0)
                return r;

        *ret_us = us;
        return 0;
}

char *format_timestamp(uint64_t us, int with_usec, char *buf) {
        char zone[12] = "", clock[24];
        struct tm tm;

        if (local_tm(us, &tm) < 0 || strftime(clock, sizeof(clock), "%Y-%m-%d %H:%M:%S", &tm) == 0) {
                (void)snprintf(buf, TIMESTAMP_TEXT_MAX, "@%" PRIu64, us / USEC_PER_SEC);
                return buf;
        }

        (void)strftime(zone, sizeof(zone), "%Z", &tm); /* an overlong name is left out */
        if (with_usec)
                (void)snprintf(buf, TIMESTAMP_TEXT_MAX, "%s.%06u %s", clock, (unsigned)(us % USEC_PER_SEC),
                               zone);
        else
                (void)snprintf(buf, TIMESTAMP_TEXT_MAX, "%s %s", clock, zone);
        return buf;
}
