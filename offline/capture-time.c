/* SPDX-License-Identifier: Apache-2.0 */

#include "offline/capture-time.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fileio.h"

enum {
        TEXT_MAX = 4096,
        STAT_MAX = 16 * 1024 * 1024,
};

const char *capture_clock_to_string(enum capture_clock clock) {
        static const char *const words[] = {
                [CAPTURE_UPTIME] = "from proc/uptime",
                [CAPTURE_DATE] = "from the files \"date\"",
                [CAPTURE_NAME] = "from the names of the captures, taken as local time",
                [CAPTURE_FILES] = ("those of the files themselves: right only if they were not copied without "
                                   "their times"),
        };

        _Static_assert(ELEMENTSOF(words) == _CAPTURE_CLOCK_MAX, "words for every clock");
        return (unsigned)clock < ELEMENTSOF(words) ? words[clock] : NULL;
}

/* A regular file, or nothing: no pipe is waited for. */
static int read_text(int fd, const char *name, size_t max, struct text_buffer *buffer) {
        _cleanup_(closep) int file = openat(fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (file < 0 || fstat(file, &st) < 0 || !S_ISREG(st.st_mode))
                return -ENODATA;
        return text_buffer_pread(buffer, file, max);
}

/* "350735.47 234388.90" */
static int uptime_of(int fd, const char *name, double *ret_seconds) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        double up, idle;

        if (read_text(fd, name, TEXT_MAX, &buffer) < 0 || sscanf(buffer.data, "%lf %lf", &up, &idle) != 2 ||
            !(up > 0) || up > 1e10)
                return -ENODATA;

        *ret_seconds = up;
        return 0;
}

static int by_uptime(int dir_fd, int proc_fd, struct stamp *ret_stamp) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        uint64_t boot;
        const char *p;
        double up;

        if (uptime_of(proc_fd, "uptime", &up) < 0 && uptime_of(dir_fd, "uptime", &up) < 0)
                return -ENODATA;
        if (read_text(proc_fd, "stat", STAT_MAX, &buffer) < 0)
                return -ENODATA;
        p = strstr(buffer.data, "\nbtime ");
        if (!p || sscanf(p, "\nbtime %" SCNu64, &boot) != 1 || boot > UINT32_MAX * UINT64_C(4))
                return -ENODATA;

        ret_stamp->monotonic_ns = (uint64_t)(up * (double)NSEC_PER_SEC);
        ret_stamp->realtime_us = boot * USEC_PER_SEC + ret_stamp->monotonic_ns / NSEC_PER_USEC;
        return 0;
}

static int from_tm(struct tm *tm, bool utc, uint64_t *ret_us) {
        time_t seconds;

        tm->tm_isdst = -1;
        seconds = utc ? timegm(tm) : mktime(tm);
        if (seconds <= 0)
                return -EINVAL;

        *ret_us = (uint64_t)seconds * USEC_PER_SEC;
        return 0;
}

static int parse_epoch(const char *text, uint64_t *ret_us) {
        double seconds;
        int end = 0;

        text += *text == '@';
        if (strspn(text, "0123456789") != 10 || sscanf(text, "%lf%n", &seconds, &end) != 1 ||
            (text[end] && !isspace((unsigned char)text[end])))
                return -EINVAL;

        *ret_us = (uint64_t)(seconds * (double)USEC_PER_SEC);
        return 0;
}

/* What stands where a year, or what comes after it, may: blanks and a time zone's name in between. */
static const char *skip_zone(const char *p, bool *ret_utc) {
        char zone[8] = "";
        int end = 0;

        if (sscanf(p, " %7[A-Z]%n", zone, &end) == 1 && strcmp(zone, "Z") != 0)
                p += end;
        *ret_utc = strcmp(zone, "UTC") == 0 || strcmp(zone, "GMT") == 0;
        return p;
}

/* "+0800", "+08:00", "Z", or nothing. */
static int from_offset(const char *text, struct tm *tm, bool utc, uint64_t *ret_us) {
        unsigned h, m;
        char sign[2];
        int r;

        if (sscanf(text, " %1[+-]%2u:%2u", sign, &h, &m) != 3 &&
            sscanf(text, " %1[+-]%2u%2u", sign, &h, &m) != 3)
                return from_tm(tm, utc || *text == 'Z', ret_us);

        r = from_tm(tm, true, ret_us);
        if (r >= 0 && *sign == '-')
                *ret_us += (h * 60 + m) * 60 * USEC_PER_SEC;
        else if (r >= 0)
                *ret_us -= (h * 60 + m) * 60 * USEC_PER_SEC;
        return r;
}

int capture_date_parse(const char *text, uint64_t *ret_us) {
        static const char *const forms[][2] = {
                { "%a %b %d %H:%M:%S ", " %Y" },    /* Sun Nov 22 22:43:12 UTC 2026 */
                { "%a %b %d %I:%M:%S %p ", " %Y" }, /* Sun Nov 22 10:43:12 PM UTC 2026 */
                { "%a %d %b %Y %I:%M:%S %p ", "" }, /* Sun 22 Nov 2026 10:43:12 PM UTC */
                { "%a %d %b %H:%M:%S ", " %Y" },    /* Sun 22 Nov 22:43:12 UTC 2026 */
                { "%a, %d %b %Y %H:%M:%S ", "" },   /* date -R: an offset follows */
                { "%Y-%m-%d %H:%M:%S", "" },        { "%Y-%m-%dT%H:%M:%S", "" },
        };

        while (isspace((unsigned char)*text))
                text++;
        if (parse_epoch(text, ret_us) >= 0)
                return 0;

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                struct tm tm = {};
                const char *end = strptime(text, forms[i][0], &tm);
                bool utc;

                if (!end)
                        continue;
                if (*end == '.' || *end == ',')
                        end += 1 + strspn(end + 1, "0123456789"); /* a fraction: seconds will do */
                end = skip_zone(end, &utc);
                if (*forms[i][1] && !strptime(end, forms[i][1], &tm))
                        continue;
                return from_offset(end, &tm, utc, ret_us);
        }

        return -EINVAL;
}

static int by_date(int dir_fd, int proc_fd, struct stamp *ret_stamp) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};

        if (read_text(dir_fd, "date", TEXT_MAX, &buffer) < 0 &&
            read_text(proc_fd, "date", TEXT_MAX, &buffer) < 0)
                return -ENODATA;
        if (capture_date_parse(buffer.data, &ret_stamp->realtime_us) < 0)
                return -ENODATA;

        ret_stamp->monotonic_ns = ret_stamp->realtime_us * NSEC_PER_USEC;
        return 0;
}

int capture_name_parse(const char *name, uint64_t *ret_us) {
        for (const char *p = name; *p; p++) {
                unsigned y, mo, d, h, mi, s;
                struct tm tm = {};

                if (!isdigit((unsigned char)*p) || (p > name && isdigit((unsigned char)p[-1])))
                        continue; /* at a hyphen, which would be a sign, or in the middle of a number */
                if (strspn(p, "0123456789") == 10) {
                        *ret_us = strtoull(p, NULL, 10) * USEC_PER_SEC;
                        return 0;
                }
                if (sscanf(p, "%4u%2u%2u%*1[-_T]%2u%2u%2u", &y, &mo, &d, &h, &mi, &s) != 6 &&
                    sscanf(p, "%4u-%2u-%2u%*1[-_T ]%2u%*1[-:._]%2u%*1[-:._]%2u", &y, &mo, &d, &h, &mi, &s) !=
                            6 &&
                    sscanf(p, "%4u%2u%2u%2u%2u%2u", &y, &mo, &d, &h, &mi, &s) != 6)
                        continue;
                if (y < 1990 || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || s > 60)
                        continue;

                tm = (struct tm){ .tm_year = (int)y - 1900,
                                  .tm_mon = (int)mo - 1,
                                  .tm_mday = (int)d,
                                  .tm_hour = (int)h,
                                  .tm_min = (int)mi,
                                  .tm_sec = (int)s };
                return from_tm(&tm, false, ret_us);
        }

        return -EINVAL;
}

static int by_files(int proc_fd, struct stamp *ret_stamp) {
        static const char *const names[] = { "interrupts", "softirqs", "stat" };
        struct stat st;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (fstatat(proc_fd, names[i], &st, 0) == 0 && S_ISREG(st.st_mode) && st.st_mtim.tv_sec > 0) {
                        ret_stamp->realtime_us = (uint64_t)st.st_mtim.tv_sec * USEC_PER_SEC +
                                                 (uint64_t)st.st_mtim.tv_nsec / NSEC_PER_USEC;
                        ret_stamp->monotonic_ns = ret_stamp->realtime_us * NSEC_PER_USEC;
                        return 0;
                }

        return -ENODATA;
}

int capture_time(int dir_fd, int proc_fd, const char *name, enum capture_clock clock,
                 struct stamp *ret_stamp) {
        switch (clock) {
        case CAPTURE_UPTIME:
                return by_uptime(dir_fd, proc_fd, ret_stamp);
        case CAPTURE_DATE:
                return by_date(dir_fd, proc_fd, ret_stamp);
        case CAPTURE_NAME:
                if (capture_name_parse(name, &ret_stamp->realtime_us) < 0)
                        return -ENODATA;
                ret_stamp->monotonic_ns = ret_stamp->realtime_us * NSEC_PER_USEC;
                return 0;
        case CAPTURE_FILES:
                return by_files(proc_fd, ret_stamp);
        case _CAPTURE_CLOCK_MAX:
        default:
                return -ENODATA;
        }
}
