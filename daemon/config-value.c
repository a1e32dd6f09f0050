/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "common/parse.h"
#include "daemon/config-private.h"

static int parse_choice(const char *const *choices, const char *text, uint64_t *ret_value) {
        for (uint64_t i = 0; choices[i]; i++)
                if (strcmp(choices[i], text) == 0) {
                        *ret_value = i;
                        return 0;
                }

        return -EINVAL;
}

static int parse_boolean_value(const char *text, uint64_t *ret_value) {
        bool b = false;
        int r;

        r = parse_boolean(text, &b);
        if (r < 0)
                return r;

        *ret_value = b;
        return 0;
}

static int parse_percent_value(const char *text, uint64_t *ret_value) {
        uint32_t ppm = 0;
        int r;

        r = parse_percent(text, &ppm);
        if (r < 0)
                return r;

        *ret_value = ppm;
        return 0;
}

static int parse_typed(const struct setting_desc *desc, const char *text, uint64_t *ret_value) {
        switch (desc->type) {
        case SETTING_BOOLEAN:
                return parse_boolean_value(text, ret_value);
        case SETTING_DURATION:
                return parse_duration(text, ret_value);
        case SETTING_SIZE:
                return parse_size(text, ret_value);
        case SETTING_PERCENT:
                return parse_percent_value(text, ret_value);
        case SETTING_COUNT:
                return parse_u64(text, ret_value);
        case SETTING_CHOICE:
                return parse_choice(desc->choices, text, ret_value);
        case SETTING_TEXT:
                return desc->validate(text);
        case _SETTING_TYPE_MAX:
                break;
        }

        assert(!"a setting without a type");
        return -EINVAL;
}

int setting_parse(const struct setting_desc *desc, const char *text, uint64_t *ret_value) {
        uint64_t value = 0;
        int r;

        r = parse_typed(desc, text, &value);
        if (r < 0)
                return r;
        if (value < desc->min || (desc->max > 0 && value > desc->max))
                return -ERANGE;

        *ret_value = value;
        return 0;
}

/* Parts per million as the shortest decimal percentage: 5000 is "0.5%". */
static int format_percent(uint64_t ppm, char **ret_text) {
        char fraction[8];
        int n = 4;

        (void)snprintf(fraction, sizeof(fraction), "%04u", (unsigned)(ppm % 10000)); /* 4 digits */
        while (n > 0 && fraction[n - 1] == '0')
                n--;

        return asprintf(ret_text, "%" PRIu64 "%s%.*s%%", ppm / 10000, n > 0 ? "." : "", n, fraction);
}

static int format_copy(const char *text, char **ret_text) {
        *ret_text = strdup(text);
        return *ret_text ? 0 : -1;
}

/* Negative: no memory, as asprintf() has it. */
static int format_typed(const struct setting_desc *desc, uint64_t value, char **ret_text) {
        char duration[DURATION_TEXT_MAX], size[SIZE_TEXT_MAX];

        switch (desc->type) {
        case SETTING_BOOLEAN:
                return format_copy(value ? "yes" : "no", ret_text);
        case SETTING_DURATION:
                return format_copy(format_duration_exact(value, duration), ret_text);
        case SETTING_SIZE:
                return format_copy(format_size_exact(value, size), ret_text);
        case SETTING_PERCENT:
                return format_percent(value, ret_text);
        case SETTING_COUNT:
                return asprintf(ret_text, "%" PRIu64, value);
        case SETTING_CHOICE:
                return format_copy(desc->choices[value], ret_text);
        case SETTING_TEXT:
        case _SETTING_TYPE_MAX:
                break;
        }

        assert(!"a setting without a type");
        return -1;
}

int setting_format(const struct setting_desc *desc, uint64_t value, char **ret_text) {
        char *text = NULL;

        if (format_typed(desc, value, &text) < 0)
                return -ENOMEM;

        *ret_text = text;
        return 0;
}

static void print_limit(FILE *f, const struct setting_desc *desc, const char *words, uint64_t limit) {
        _cleanup_(freep) char *text = NULL;

        if (setting_format(desc, limit, &text) == 0) /* else fclose() reports the same lack of memory */
                fprintf(f, "%s %s", words, text);
}

static void print_limits(FILE *f, const struct setting_desc *desc) {
        if (desc->type == SETTING_BOOLEAN || desc->type == SETTING_CHOICE || desc->type == SETTING_TEXT)
                return;
        if (desc->min > 0)
                print_limit(f, desc, "; at least", desc->min);
        if (desc->max > 0)
                print_limit(f, desc, desc->min > 0 ? ", at most" : "; at most", desc->max);
}

int setting_accepted(const struct setting_desc *desc, char **ret_text) {
        static const char *const words[_SETTING_TYPE_MAX] = {
                [SETTING_BOOLEAN] = "yes, no",
                [SETTING_DURATION] = "a duration such as 10ms, 1s, 1h30m",
                [SETTING_SIZE] = "a size such as 512K, 64M, 1G",
                [SETTING_PERCENT] = "a percentage such as 0.5%",
                [SETTING_COUNT] = "a whole number",
                [SETTING_CHOICE] = "",
                [SETTING_TEXT] = "",
        };
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        fputs(desc->type == SETTING_TEXT ? desc->accepted : words[desc->type], f);
        for (size_t i = 0; desc->type == SETTING_CHOICE && desc->choices[i]; i++)
                fprintf(f, "%s%s", i > 0 ? ", " : "", desc->choices[i]);
        print_limits(f, desc);

        if (fclose(f) != 0)
                return -ENOMEM;

        *ret_text = TAKE_PTR(text);
        return 0;
}
