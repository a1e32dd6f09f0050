/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any text as what a user or a file of the kernel's may say: a point in time, a duration, a list or a mask of
 * CPUs, a number. What is accepted reads the same after it was printed again.
 */

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "common/parse.h"
#include "common/timespan.h"
#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

static void check_moment(const char *text) {
        static const struct time_base base = { .now_us = UINT64_C(1700000000000000),
                                               .boot_us = UINT64_C(1690000000000000) };
        char printed[TIMESTAMP_TEXT_MAX];
        uint64_t us, again;

        if (parse_timestamp(text, &base, &us) < 0)
                return;

        CHECK(strlen(format_timestamp(us, 1, printed)) < sizeof(printed));
        if (us < UINT64_C(253402300800) * USEC_PER_SEC) /* the year 10000 has a digit more */
                CHECK(parse_timestamp(printed, &base, &again) == 0 && again == us);
}

static void check_duration(const char *text) {
        char printed[DURATION_TEXT_MAX];
        uint64_t ns, again;

        if (parse_duration(text, &ns) == 0)
                CHECK(parse_duration(format_duration_exact(ns, printed), &again) == 0 && again == ns);
}

static void check_cpus(const char *text, int (*parse)(const char *text, struct cpu_set *set)) {
        _cleanup_(cpu_set_done) struct cpu_set set = {}, again = {}, copy = {};
        _cleanup_(freep) char *printed = NULL;
        size_t n = 0;

        if (parse(text, &set) < 0)
                return;

        for (int cpu = cpu_set_next(&set, 0); cpu >= 0; cpu = cpu_set_next(&set, cpu + 1)) {
                CHECK(cpu_set_contains(&set, cpu) && cpu < CPU_LIMIT);
                n++;
        }
        CHECK(n == cpu_set_count(&set));
        CHECK(cpu_list_format(&set, &printed) == 0 && cpu_list_parse(printed, &again) == 0);
        CHECK(cpu_set_equal(&set, &again));
        CHECK(cpu_set_copy(&copy, &set) == 0 && cpu_set_equal(&copy, &set));
        for (int cpu = cpu_set_next(&set, 0); cpu >= 0; cpu = cpu_set_next(&set, cpu + 1))
                cpu_set_remove(&copy, cpu);
        CHECK(cpu_set_count(&copy) == 0 && cpu_set_next(&copy, 0) < 0);
}

/* Any two lengths as a bracket. */
static void check_range(const uint8_t *data, size_t size) {
        char printed[DURATION_RANGE_TEXT_MAX];
        uint64_t bounds[2];

        if (size < sizeof(bounds))
                return;
        memcpy(bounds, data, sizeof(bounds));
        for (unsigned shift = 0; shift < 64; shift += 7) {
                uint64_t min_ns = MIN(bounds[0], bounds[1]) >> shift,
                         max_ns = MAX(bounds[0], bounds[1]) >> shift;

                CHECK(strlen(format_duration_range(min_ns, max_ns, printed)) < sizeof(printed));
                CHECK(strlen(format_duration(max_ns, printed)) < DURATION_TEXT_MAX);
        }
}

/* What is valid stays as it is, and all is valid afterwards. */
static void check_utf8(const char *data, size_t size) {
        _cleanup_(freep) char *text = NULL;
        size_t n;

        CHECK(utf8_make_valid(data, size, &text, &n) == 0);
        CHECK(utf8_valid_prefix(text, n) == n && text[n] == '\0');
        if (utf8_valid_prefix(data, size) == size)
                CHECK(n == size && memcmp(text, data, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *)data, size);
        uint64_t n;

        CHECK(text && setenv("TZ", "UTC", 1) == 0); /* names of other zones are not read back */
        check_moment(text);
        check_duration(text);
        check_cpus(text, cpu_list_parse);
        check_cpus(text, cpu_mask_parse);
        (void)parse_u64(text, &n); /* only that it reads no more than the text */
        check_range(data, size);
        check_utf8((const char *)data, size);
        return 0;
}
