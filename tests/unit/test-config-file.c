/* SPDX-License-Identifier: Apache-2.0 */

/* etc/irqwatchd.conf, as installed, names every setting of the build with its real default. */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <string.h>

#include "common/fileio.h"
#include "daemon/collect/collector.h"
#include "daemon/config-private.h"
#include "daemon/config-sections.h"

struct fixture {
        const struct config_section **sections;
        size_t n_sections;
        struct config *defaults;
        char *text; /* the file with its settings uncommented */
};

/* A comment has a blank after '#', a setting that is commented out has none. */
static void uncomment(const char *file, FILE *out) {
        for (const char *line = file, *end; *line; line = end) {
                end = strchrnul(line, '\n');
                end += *end == '\n';
                if (line[0] == '#' && line[1] != ' ' && line[1] != '\n')
                        line++;
                fprintf(out, "%.*s", (int)(end - line), line);
        }
}

static int setup(void **state) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        struct fixture *f = calloc(1, sizeof(*f));
        size_t size = 0;
        FILE *out;

        if (text_buffer_read(&buffer, AT_FDCWD, getenv("IRQWATCH_CONF"), 1 << 20) < 0 ||
            config_sections_new(collector_registry, &f->sections, &f->n_sections) < 0 ||
            config_new(f->sections, f->n_sections, &f->defaults) < 0)
                return -1;

        out = open_memstream(&f->text, &size);
        uncomment(buffer.data, out);
        fclose(out);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        config_free(f->defaults);
        free(f->sections);
        free(f->text);
        free(f);
        return 0;
}

static void test_as_installed(void **state) {
        struct fixture *f = *state;
        _cleanup_(freep) char *error = NULL;

        if (config_load(f->defaults, getenv("IRQWATCH_CONF"), true, &error) < 0)
                fail_msg("%s", error);
        assert_non_null(strstr(f->text, "\nmax-connections = 128\n"));
}

static void test_equals_defaults(void **state) {
        struct fixture *f = *state;
        _cleanup_(config_freep) struct config *config = NULL;
        const struct config_part *part = NULL;
        _cleanup_(freep) char *error = NULL;
        const char *key = NULL;

        assert_int_equal(config_new(f->sections, f->n_sections, &config), 0);
        if (config_load_text(config, "irqwatchd.conf", f->text, strlen(f->text), &error) < 0)
                fail_msg("%s", error);

        for (size_t i = 0; i < f->defaults->n_parts; i++)
                for (size_t j = 0; j < f->defaults->parts[i].section->n_settings; j++)
                        assert_int_equal(config->parts[i].values[j].number, f->defaults->parts[i].values[j].number);
        /* Two examples of rules. */
        assert_int_equal(config->n_parts, f->defaults->n_parts + 2);
        if (config_check(config, &part, &key, &error) < 0)
                fail_msg("[%s] %s", part->name, error);
}

/* The text of one section, or NULL. */
static char *section_text(const char *text, const char *name) {
        _cleanup_(freep) char *head = NULL;
        const char *start, *end;

        if (asprintf(&head, "[%s]\n", name) < 0)
                return NULL;

        start = strstr(text, head);
        if (!start)
                return NULL;

        end = strstr(start + 1, "\n[");
        return strndup(start, end ? (size_t)(end - start + 1) : strlen(start));
}

static void expect_keys(const char *text, const struct config_section *family) {
        for (size_t i = 0; i < family->n_settings; i++) {
                char line[256];

                snprintf(line, sizeof(line), "\n%s = ", family->settings[i].name);
                if (!strstr(text, line))
                        fail_msg("[%s NAME] lacks%s", family->name, line);
        }
}

static void test_complete(void **state) {
        struct fixture *f = *state;

        for (size_t i = 0; i < f->n_sections; i++) {
                const struct config_section *section = f->sections[i];
                _cleanup_(freep) char *text = section_text(f->text, section->name);

                /* Of a family there are examples, with values of their own. */
                if (section->family) {
                        expect_keys(f->text, section);
                        continue;
                }
                if (!text)
                        fail_msg("no [%s]", section->name);
                for (size_t j = 0; j < section->n_settings; j++) {
                        char line[256];

                        snprintf(line, sizeof(line), "\n%s = %s\n", section->settings[j].name,
                                 section->settings[j].default_text);
                        if (!strstr(text, line))
                                fail_msg("[%s] lacks%s", section->name, line);
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_as_installed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_equals_defaults, setup, teardown),
                cmocka_unit_test_setup_teardown(test_complete, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
