/* SPDX-License-Identifier: Apache-2.0 */

#include "client/i18n.h"
#include "client/field.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/cpulist.h"
#include "common/parse.h"

/* NULL when there is none, it is null or of another type. */
static struct json_object *field_typed(struct json_object *object, const char *name, enum json_type type) {
        struct json_object *value = NULL;

        if (!json_object_is_type(object, json_type_object) ||
            !json_object_object_get_ex(object, name, &value))
                return NULL;

        return json_object_is_type(value, type) ? value : NULL;
}

bool field_has(struct json_object *object, const char *name) {
        struct json_object *value = NULL;

        return json_object_is_type(object, json_type_object) &&
               json_object_object_get_ex(object, name, &value) && value;
}

const char *field_string(struct json_object *object, const char *name) {
        struct json_object *value = field_typed(object, name, json_type_string);

        return value ? json_object_get_string(value) : NULL;
}

int64_t field_integer(struct json_object *object, const char *name, int64_t fallback) {
        struct json_object *value = field_typed(object, name, json_type_int);

        return value ? json_object_get_int64(value) : fallback;
}

uint64_t field_u64(struct json_object *object, const char *name) {
        int64_t value = field_integer(object, name, 0);

        return value > 0 ? (uint64_t)value : 0;
}

double field_double(struct json_object *object, const char *name) {
        struct json_object *value = field_typed(object, name, json_type_double);

        /* JSON does not tell 1 from 1.0 */
        return value ? json_object_get_double(value) : (double)field_integer(object, name, 0);
}

bool field_boolean(struct json_object *object, const char *name) {
        struct json_object *value = field_typed(object, name, json_type_boolean);

        return value && json_object_get_boolean(value);
}

struct json_object *field_object(struct json_object *object, const char *name) {
        return field_typed(object, name, json_type_object);
}

struct json_object *field_array(struct json_object *object, const char *name) {
        return field_typed(object, name, json_type_array);
}

size_t array_length(struct json_object *array) {
        return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

struct json_object *array_at(struct json_object *array, size_t i) {
        return i < array_length(array) ? json_object_array_get_idx(array, i) : NULL;
}

struct json_object *cell_of_cpu(struct json_object *row, int cpu) {
        struct json_object *cells = field_array(row, "perCpu");

        for (size_t i = 0; i < array_length(cells); i++)
                if (field_integer(array_at(cells, i), "cpu", -1) == cpu)
                        return array_at(cells, i);

        return NULL;
}

/* Digits behind the point that make three significant ones; the borders are where rounding would add one. */
static int fraction_digits(double value) {
        return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

char *format_count(double value, char *buf) {
        static const char *const prefixes[] = { "", "k", "M", "G", "T", "P", "E" };
        size_t i = 0;

        if (!(value > 0))
                return strcpy(buf, "0");
        if (value < 0.01)
                return strcpy(buf, "<0.01");

        for (; value >= 999.5 && i + 1 < ELEMENTSOF(prefixes); i++)
                value /= 1000;

        (void)snprintf(buf, FIELD_TEXT_MAX, "%.*f%s", fraction_digits(value), value, prefixes[i]);
        return buf;
}

char *format_bytes(uint64_t bytes, char *buf) {
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double value = (double)bytes;
        size_t i = 0;

        for (; value >= 1023.5; i++)
                value /= 1024;

        (void)snprintf(buf, FIELD_TEXT_MAX, "%.*f %s", i == 0 ? 0 : fraction_digits(value), value, units[i]);
        return buf;
}

char *format_share(double share, char *buf) {
        double percent = share * 100;

        if (!(percent > 0))
                return strcpy(buf, "0 %");
        if (percent >= 100)
                return strcpy(buf, "100 %");
        if (percent < 0.01)
                return strcpy(buf, "<0.01 %");
        if (percent >= 99.95)
                return strcpy(buf, ">99.9 %");

        (void)snprintf(buf, FIELD_TEXT_MAX, "%.*f %%", fraction_digits(percent), percent);
        return buf;
}

char *format_cpu_share(double share, char *buf) {
        if (share < 1)
                return format_share(share, buf);

        (void)snprintf(buf, FIELD_TEXT_MAX, "%.0f %%", share * 100); /* fits */
        return buf;
}

static bool local_parts(uint64_t us, struct tm *ret_tm) {
        time_t t = (time_t)(us / USEC_PER_SEC);

        return localtime_r(&t, ret_tm);
}

bool same_day(uint64_t a_us, uint64_t b_us) {
        struct tm a, b;

        return local_parts(a_us, &a) && local_parts(b_us, &b) && a.tm_year == b.tm_year &&
               a.tm_yday == b.tm_yday;
}

char *format_moment(uint64_t us, uint64_t now_us, bool with_msec, char *buf) {
        struct tm tm;
        size_t n = 0;

        if (!local_parts(us, &tm)) {
                (void)snprintf(buf, FIELD_TEXT_MAX, "@%" PRIu64, us / USEC_PER_SEC);
                return buf;
        }

        n = strftime(buf, FIELD_TEXT_MAX, same_day(us, now_us) ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
        if (with_msec)
                (void)snprintf(buf + n, FIELD_TEXT_MAX - n, ".%03u", (unsigned)(us % USEC_PER_SEC / 1000));
        return buf;
}

char *format_cpus(struct json_object *array) {
        _cleanup_(cpu_set_done) struct cpu_set set = {};
        char *text = NULL;

        for (size_t i = 0; i < array_length(array); i++)
                /* a number that no kernel has is left out, like any field that cannot be read */
                if (cpu_set_add(&set, json_object_get_int(array_at(array, i))) == -ENOMEM)
                        return NULL;

        return cpu_list_format(&set, &text) < 0 ? NULL : text;
}

char *format_affinity_change(struct json_object *event) {
        struct json_object *evidence = field_object(event, "evidence");
        _cleanup_(freep) char *old = format_cpus(field_array(evidence, "oldCpus"));
        _cleanup_(freep) char *new = format_cpus(field_array(evidence, "newCpus"));
        char *text = NULL;

        if (!old || !new)
                return NULL;

        if (asprintf(&text, "%s: %s -> %s (%s)", field_string(event, "culprit") ?: "?", *old ? old : _("none"),
                     *new ? new : _("none"), field_string(evidence, "cause") ?: "?") < 0)
                return NULL;
        return text;
}

char *format_strings(struct json_object *array) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return NULL;

        for (size_t i = 0; i < array_length(array); i++)
                fprintf(f, "%s%s", i > 0 ? ", " : "", json_object_get_string(array_at(array, i)));

        return fclose(f) == 0 ? TAKE_PTR(text) : NULL;
}

static const struct {
        const char *name, *words;
        bool irqs_off;
} classes[] = {
        { "irq-off", N_("interrupts off"), true },
        { "hardirq", N_("in an interrupt handler"), true },
        { "softirq", N_("in a softirq"), true },
        { "ipi", N_("in a cross-CPU call"), true },
        { "steal", N_("CPU taken by the hypervisor"), false },
        { "platform", N_("the whole machine stopped: VM pause or SMI"), false },
        { "idle-exit", N_("slow wake-up from idle"), false },
        { "unknown", N_("cause not known"), false },
};

const char *class_words(const char *class) {
        for (size_t i = 0; i < ELEMENTSOF(classes); i++)
                if (strcmp(class, classes[i].name) == 0)
                        return _(classes[i].words);

        return class;
}

bool class_is_irqs_off(const char *class) {
        for (size_t i = 0; i < ELEMENTSOF(classes); i++)
                if (strcmp(class, classes[i].name) == 0)
                        return classes[i].irqs_off;

        return false;
}

enum colour severity_colour(const char *severity) {
        return strcmp(severity, "critical") == 0  ? COLOUR_RED
               : strcmp(severity, "warning") == 0 ? COLOUR_YELLOW
                                                  : COLOUR_CYAN;
}

/* Units that a name may end in, longest first where one ends in another. */
enum evidence_unit { UNIT_NONE, UNIT_MIN, UNIT_MAX, UNIT_NSEC, UNIT_USEC, UNIT_BYTES, UNIT_RATE, UNIT_PERCENT, _UNIT_MAX };

static const char *const unit_names[_UNIT_MAX] = {
        [UNIT_NONE] = "",     [UNIT_MIN] = "MinNsec", [UNIT_MAX] = "MaxNsec",    [UNIT_NSEC] = "Nsec",
        [UNIT_USEC] = "Usec", [UNIT_BYTES] = "Bytes", [UNIT_RATE] = "PerSecond",
        [UNIT_PERCENT] = "Percent",
};

/* The unit of a name, and the length of what stands before it. */
static enum evidence_unit evidence_unit(const char *name, size_t *ret_length) {
        size_t length = strlen(name);

        for (enum evidence_unit unit = UNIT_MIN; unit < _UNIT_MAX; unit++) {
                size_t n = strlen(unit_names[unit]);

                if (length > n && strcmp(name + length - n, unit_names[unit]) == 0) {
                        *ret_length = length - n;
                        return unit;
                }
        }

        *ret_length = length;
        return UNIT_NONE;
}

/* The first length bytes of a name, as words: "lostRecords" -> "lost records". Fills buf (FIELD_TEXT_MAX). */
static char *spell_name(const char *name, size_t length, char *buf) {
        size_t n = 0;

        for (size_t i = 0; i < length && n + 2 < FIELD_TEXT_MAX; i++) {
                if (i > 0 && isupper((unsigned char)name[i]) && !isupper((unsigned char)name[i - 1]))
                        buf[n++] = ' ';
                buf[n++] = (char)(isprint((unsigned char)name[i]) ? tolower((unsigned char)name[i]) : '?');
        }

        buf[n] = '\0';
        return buf;
}

static void spell_number(int64_t value, enum evidence_unit unit, FILE *f) {
        char buf[FIELD_TEXT_MAX];
        uint64_t u = value > 0 ? (uint64_t)value : 0;

        switch (value < 0 ? UNIT_NONE : unit) {
        case UNIT_MIN:
        case UNIT_MAX:
                fprintf(f, unit == UNIT_MIN ? _("at least %s") : _("at most %s"), format_duration(u, buf));
                break;
        case UNIT_NSEC:
                fputs(format_duration(u, buf), f);
                break;
        case UNIT_USEC:
                fputs(format_moment(u, 0, true, buf), f);
                break;
        case UNIT_BYTES:
                fputs(format_bytes(u, buf), f);
                break;
        case UNIT_PERCENT:
                fprintf(f, "%" PRId64 " %%", value);
                break;
        case UNIT_RATE:
                fprintf(f, "%s/s", format_count((double)u, buf));
                break;
        default:
                fprintf(f, "%" PRId64, value);
        }
}

void write_fact(const char *name, int64_t value, FILE *f) {
        enum evidence_unit unit;
        char buf[FIELD_TEXT_MAX];
        size_t length;

        unit = evidence_unit(name, &length);
        fprintf(f, "%s ", spell_name(name, length, buf));
        spell_number(value, unit, f);
}

/* The member whose name is the first length bytes of name and then the unit's: "worstMaxNsec" for
 * "worstMinNsec". */
static struct json_object *other_bound(struct json_object *evidence, const char *name, size_t length,
                                       enum evidence_unit unit) {
        char other[FIELD_TEXT_MAX];

        if ((size_t)snprintf(other, sizeof(other), "%.*s%s", (int)length, name, unit_names[unit]) >=
            sizeof(other))
                return NULL;

        return field_typed(evidence, other, json_type_int);
}

static bool is_numbers(struct json_object *array) {
        for (size_t i = 0; i < array_length(array); i++)
                if (!json_object_is_type(array_at(array, i), json_type_int))
                        return false;

        return true;
}

static int spell_value(struct json_object *value, enum evidence_unit unit, FILE *f) {
        _cleanup_(freep) char *list = NULL;

        if (json_object_is_type(value, json_type_int)) {
                spell_number(json_object_get_int64(value), unit, f);
                return 0;
        }
        if (json_object_is_type(value, json_type_array)) {
                list = is_numbers(value) ? format_cpus(value) : format_strings(value);
                if (!list)
                        return -ENOMEM;
                fputs(*list ? list : _("none"), f);
                return 0;
        }

        fputs(value ? json_object_get_string(value) : _("not known"), f);
        return 0;
}

int evidence_words(struct json_object *evidence, const char *name, char **ret_text) {
        _cleanup_(freep) char *text = NULL, *safe = NULL;
        struct json_object *value = NULL, *upper = NULL;
        char buf[FIELD_TEXT_MAX];
        enum evidence_unit unit;
        size_t size = 0, length;
        FILE *f;
        int r = 0;

        unit = evidence_unit(name, &length);
        if (unit == UNIT_MAX && other_bound(evidence, name, length, UNIT_MIN))
                return 0;

        (void)json_object_object_get_ex(evidence, name, &value); /* the caller walks over it */
        if (unit == UNIT_MIN && json_object_is_type(value, json_type_int))
                upper = other_bound(evidence, name, length, UNIT_MAX);

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        fprintf(f, "%s ", spell_name(name, length, buf));
        if (upper)
                fputs(format_duration_range(field_u64(evidence, name), (uint64_t)json_object_get_int64(upper),
                                            buf),
                      f);
        else
                r = spell_value(value, unit, f);
        if (fclose(f) != 0 || r < 0)
                return -ENOMEM;

        safe = text_sanitize(text);
        if (!safe)
                return -ENOMEM;

        *ret_text = TAKE_PTR(safe);
        return 1;
}
