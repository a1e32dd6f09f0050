/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/proc-pressure.h"

#include "common/cleanup.h"
#include "daemon/collect/text-scan.h"

/* "full avg10=0.00 avg60=0.00 avg300=0.00 total=1234": the averages are not ours to check. */
static int read_total(struct text_slice line, uint64_t *ret_total_us) {
        static const char *const keys[] = { "full", "avg10=", "avg60=", "avg300=", "total=" };
        struct text_slice word = {}, rest;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (!text_next_word(&line, &word) || !text_slice_starts_with(word, keys[i]))
                        return -EBADMSG;
        if (text_next_word(&line, &rest))
                return -EBADMSG;

        return text_slice_to_u64(text_slice_skip(word, sizeof("total=") - 1), ret_total_us);
}

int proc_pressure_parse(const char *text, size_t size, uint64_t *ret_total_us) {
        const char *end = text + size;
        uint64_t total_us = 0;
        struct text_slice line;
        bool found = false;
        int r;

        while ((r = text_next_line(&text, end, &line)) > 0) {
                if (text_slice_starts_with(line, "some "))
                        continue;
                r = found ? -EBADMSG : read_total(line, &total_us);
                if (r < 0)
                        return r;
                found = true;
        }
        if (r < 0)
                return r;
        if (!found)
                return -EBADMSG;

        *ret_total_us = total_us;
        return 0;
}
