/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/alert/rule-value.h"

#include <math.h>
#include <string.h>

#include "common/parse.h"

enum { NUMBER_DIGITS_MAX = 15 }; /* what a double holds exactly */

/* Digits with at most one point; not strtod(), which knows locales, exponents, signs and infinities. */
static int parse_decimal(const char *text, size_t n, double *ret_value) {
        double value = 0, unit = 1;
        size_t n_digits = 0;
        bool fraction = false;

        for (size_t i = 0; i < n; i++) {
                if (text[i] == '.' && !fraction && i > 0 && i + 1 < n) {
                        fraction = true;
                        continue;
                }
                if (text[i] < '0' || text[i] > '9' || ++n_digits > NUMBER_DIGITS_MAX)
                        return -EINVAL;
                value = value * 10 + (text[i] - '0');
                unit *= fraction ? 10 : 1;
        }
        if (n_digits == 0)
                return -EINVAL;

        *ret_value = value / unit;
        return 0;
}

int alert_amount_parse(const char *text, enum alert_scale scale, double *ret_value) {
        size_t n = strlen(text);
        uint64_t ns;
        int r;

        switch (scale) {
        case ALERT_NUMBER:
                return parse_decimal(text, n, ret_value);
        case ALERT_SHARE:
                if (n == 0 || text[n - 1] != '%')
                        return -EINVAL;
                r = parse_decimal(text, n - 1, ret_value);
                if (r == 0)
                        *ret_value /= 100;
                return r;
        case ALERT_DURATION:
                r = parse_duration(text, &ns);
                if (r < 0)
                        return -EINVAL;
                *ret_value = (double)ns;
                return 0;
        case ALERT_SEVERITY:
        case _ALERT_SCALE_MAX:
        default:
                return -EINVAL;
        }
}

int alert_amount_validate(const char *text) {
        static const enum alert_scale scales[] = { ALERT_NUMBER, ALERT_SHARE, ALERT_DURATION };
        double value;

        for (size_t i = 0; i < ELEMENTSOF(scales); i++)
                if (alert_amount_parse(text, scales[i], &value) == 0)
                        return 0;

        return -EINVAL;
}

/* Four significant digits, and no exponent for anything a counter can reach. */
static void format_number(double value, char *buf) {
        double magnitude = fabs(value);
        int digits = magnitude >= 1000 ? 0 : magnitude >= 100 ? 1 : magnitude >= 10 ? 2 : 3;
        char *end;

        if (!isfinite(value)) { /* of what is not there any more */
                strcpy(buf, "none");
                return;
        }

        (void)snprintf(buf, ALERT_VALUE_TEXT_MAX - 8, "%.*f", digits, value);
        if (!strchr(buf, '.'))
                return;

        end = buf + strlen(buf);
        while (end[-1] == '0')
                *--end = '\0';
        if (end[-1] == '.')
                end[-1] = '\0';
}

static const char *severity_word(double value) {
        size_t i = 0;

        while (alert_severities[i + 1] && (double)(i + 1) <= value)
                i++;

        return alert_severities[i];
}

char *alert_value_format(const struct alert_rule *rule, double value, char *buf) {
        switch (rule->scale) {
        case ALERT_SHARE:
                format_number(value * 100, buf);
                if (isfinite(value))
                        strcat(buf, "%");
                break;
        case ALERT_DURATION: {
                char text[DURATION_TEXT_MAX];

                (void)snprintf(buf, ALERT_VALUE_TEXT_MAX, "%s",
                               isfinite(value) ? format_duration((uint64_t)value, text) : "none");
                break;
        }
        case ALERT_SEVERITY:
                /* Below the least there is no finding at all. */
                (void)snprintf(buf, ALERT_VALUE_TEXT_MAX, "%s", value < 0 ? "none" : severity_word(value));
                break;
        case ALERT_NUMBER:
        case _ALERT_SCALE_MAX:
        default:
                format_number(value, buf);
                break;
        }

        return buf;
}
