/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>

#include "common/fileio.h"
#include "common/utf8.h"
#include "daemon/config-private.h"

/* Ten times what a file with every key and its comments takes, and no memory to speak of. */
enum { CONFIG_FILE_MAX = 256 * 1024 };

/* Where a section was last touched, for messages about settings that do not fit together. */
struct origin {
        char *path; /* owned; NULL: never */
        unsigned line;
};

/* One run over one file's text. inih's callback has no line number in the usual builds, so that lines are
 * counted here, in the reader: inih asks it for one line at a time. */
struct config_reader {
        struct config *config;
        struct origin *origins; /* one per section, or NULL */
        const char *path;
        const char *text; /* not NUL-terminated, validated */
        size_t size, offset;
        unsigned line;
        int error;
        unsigned error_line;
        char *message;
};

/* Keeps the first error only: the later ones are often its consequences. */
static void reader_fail(struct config_reader *reader, int error, char *message) {
        if (reader->error < 0) {
                free(message);
                return;
        }

        reader->error = message || error != -EINVAL ? error : -ENOMEM;
        reader->error_line = reader->line;
        reader->message = message;
}

static _printf_(2, 3) void reader_failf(struct config_reader *reader, const char *format, ...) {
        char *message = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&message, format, ap) < 0)
                message = NULL;
        va_end(ap);

        reader_fail(reader, -EINVAL, message);
}

/* inih calls its handler for keys only: a misspelt section without keys would go unnoticed. */
static void check_section_line(struct config_reader *reader, const char *line) {
        const char *end = strchr(line, ']');
        char name[CONFIG_QUOTE_MAX];

        if (line[0] != '[' || !end)
                return; /* inih reports what is not closed */

        (void)snprintf(name, sizeof(name), "%.*s", (int)MIN(end - line - 1, (long)sizeof(name)), line + 1);
        if (!config_find_section(reader->config, name))
                reader_fail(reader, -EINVAL, config_unknown_section(reader->config, name));
}

static void next_line(struct config_reader *reader, const char **ret_line, size_t *ret_size) {
        const char *line = reader->text + reader->offset;
        size_t left = reader->size - reader->offset;
        const char *end = memchr(line, '\n', left);
        size_t size = end ? (size_t)(end - line) : left;

        reader->offset += MIN(size + 1, left);
        reader->line++;

        /* inih takes an indented line for more of the value above: here it is a line like any other. */
        while (size > 0 && (*line == ' ' || *line == '\t')) {
                line++;
                size--;
        }

        *ret_line = line;
        *ret_size = size;
}

/* For ini_parse_stream(), in the manner of fgets(). */
static char *read_line(char *buffer, int buffer_size, void *stream) {
        struct config_reader *reader = stream;
        const char *line = NULL;
        size_t size = 0;

        if (reader->error < 0 || reader->offset >= reader->size)
                return NULL;

        next_line(reader, &line, &size);
        /* Room for the newline, the NUL and one byte by which inih tells that it was all. */
        if (size + 3 > (size_t)buffer_size) {
                reader_failf(reader, "line too long (%zu bytes); accepted: at most %i bytes", size,
                             buffer_size - 3);
                return NULL;
        }

        memcpy(buffer, line, size);
        memcpy(buffer + size, "\n", 2);
        check_section_line(reader, buffer);
        return reader->error < 0 ? NULL : buffer;
}

static void remember_origin(struct config_reader *reader, const char *section) {
        for (size_t i = 0; reader->origins && i < reader->config->n_sections; i++) {
                struct origin *origin = &reader->origins[i];

                if (strcmp(reader->config->sections[i]->name, section) != 0)
                        continue;

                free(origin->path);
                origin->path = strdup(reader->path); /* without memory the message lacks its place */
                origin->line = reader->line;
        }
}

/* For ini_parse_stream(): non-zero is success. */
static int take_value(void *userdata, const char *section, const char *key, const char *value) {
        struct config_reader *reader = userdata;
        char *message = NULL;
        int r;

        if (!*section) {
                reader_failf(reader,
                             "a setting before the first section; accepted: a line such as [%s] above it",
                             reader->config->n_sections > 0 ? reader->config->sections[0]->name : "section");
                return 0;
        }
        if (!value)
                return 0; /* a line without '=': reported as any line that is not understood */

        r = config_assign(reader->config, section, key, value, &message);
        if (r < 0) {
                reader_fail(reader, r, message);
                return 0;
        }

        remember_origin(reader, section);
        return 1;
}

/* inih says which line it did not understand; what it says is found again by number. */
static void fail_syntax(struct config_reader *reader, unsigned wanted) {
        char line_copy[2 * CONFIG_QUOTE_MAX], quoted[CONFIG_QUOTE_MAX];
        const char *line = NULL;
        size_t size = 0;

        reader->offset = 0;
        reader->line = 0;
        while (reader->line < wanted && reader->offset < reader->size)
                next_line(reader, &line, &size);

        (void)snprintf(line_copy, sizeof(line_copy), "%.*s", (int)MIN(size, sizeof(line_copy)),
                       line ? line : "");
        reader->error = 0; /* this line comes before whatever else was found */
        free(TAKE_PTR(reader->message));
        reader_failf(reader,
                     "\"%s\" is not understood; accepted: [section], key = value, or a comment after # or ;",
                     utf8_printable(line_copy, quoted, sizeof(quoted)));
}

static void check_bytes(struct config_reader *reader) {
        size_t valid = utf8_valid_prefix(reader->text, strnlen(reader->text, reader->size));

        if (valid == reader->size)
                return;

        reader->line = 1;
        for (size_t i = 0; i < valid; i++)
                reader->line += reader->text[i] == '\n';
        if (reader->text[valid] == '\0')
                reader_failf(reader, "NUL byte in the file; accepted: text in UTF-8");
        else
                reader_failf(reader, "not UTF-8 (byte 0x%02x); accepted: text in UTF-8",
                             (unsigned char)reader->text[valid]);
}

static void read_lines(struct config_reader *reader) {
        static const char bom[] = { '\xEF', '\xBB', '\xBF' };
        int r;

        if (reader->size >= sizeof(bom) && memcmp(reader->text, bom, sizeof(bom)) == 0) {
                reader->text += sizeof(bom);
                reader->size -= sizeof(bom);
        }

        r = ini_parse_stream(read_line, reader, take_value, reader);
        if (r < 0)
                reader_fail(reader, -ENOMEM, NULL);
        else if (r > 0 && (reader->error == 0 || (unsigned)r < reader->error_line))
                fail_syntax(reader, (unsigned)r);
}

static int load_text(struct config *config, struct origin *origins, const char *path, const char *text,
                     size_t size, char **ret_error) {
        struct config_reader reader = {
                .config = config,
                .origins = origins,
                .path = path,
                .text = text,
                .size = size,
        };
        _cleanup_(freep) char *message = NULL;

        check_bytes(&reader);
        if (reader.error == 0)
                read_lines(&reader);

        message = TAKE_PTR(reader.message);
        if (reader.error == -EINVAL && asprintf(ret_error, "%s:%u: %s", path, reader.error_line, message) < 0)
                return -ENOMEM;

        return reader.error;
}

int config_load_text(struct config *config, const char *path, const char *text, size_t size,
                     char **ret_error) {
        return load_text(config, NULL, path, text, size, ret_error);
}

static int fail_file(const char *path, int error, char **ret_error) {
        int r;

        if (error == -EFBIG)
                r = asprintf(ret_error, "%s: file too large; accepted: at most %i KiB", path,
                             CONFIG_FILE_MAX / 1024);
        else
                r = asprintf(ret_error, "%s: cannot read: %s", path, strerror(-error));

        return r < 0 ? -ENOMEM : error;
}

static int load_file(struct config *config, struct origin *origins, const char *path, bool required,
                     char **ret_error) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        int r;

        r = text_buffer_read(&buffer, AT_FDCWD, path, CONFIG_FILE_MAX);
        if (r == -ENOENT && !required)
                return 0;
        if (r < 0)
                return fail_file(path, r, ret_error);

        return load_text(config, origins, path, buffer.data, buffer.size, ret_error);
}

static int is_drop_in(const struct dirent *entry) {
        size_t n = strlen(entry->d_name);

        return entry->d_name[0] != '.' && n > strlen(".conf") &&
               strcmp(entry->d_name + n - strlen(".conf"), ".conf") == 0;
}

/* By bytes: alphasort() would order by the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(struct config *config, struct origin *origins, const char *path, char **ret_error) {
        _cleanup_(freep) char *directory = NULL;
        struct dirent **entries = NULL;
        int n, r = 0;

        if (asprintf(&directory, "%s.d", path) < 0)
                return -ENOMEM;

        n = scandir(directory, &entries, is_drop_in, compare_names);
        if (n < 0)
                return errno == ENOENT ? 0 : fail_file(directory, -errno, ret_error);

        for (int i = 0; i < n; i++) {
                _cleanup_(freep) char *file = NULL;

                if (r == 0 && asprintf(&file, "%s/%s", directory, entries[i]->d_name) < 0)
                        r = -ENOMEM;
                if (r == 0)
                        r = load_file(config, origins, file, true, ret_error);
                free(entries[i]);
        }

        free(entries);
        return r;
}

/* A reason about several settings gets the place of the last of the section's settings. */
static int check_loaded(const struct config *config, const struct origin *origins, const char *path,
                        char **ret_error) {
        const struct config_section *section = NULL;
        _cleanup_(freep) char *reason = NULL;
        const struct origin *origin = NULL;
        int r;

        r = config_check(config, &section, &reason);
        if (r != -EINVAL)
                return r;

        for (size_t i = 0; i < config->n_sections; i++)
                if (config->sections[i] == section && origins[i].path)
                        origin = &origins[i];

        if (origin)
                r = asprintf(ret_error, "%s:%u: [%s] %s", origin->path, origin->line, section->name, reason);
        else
                r = asprintf(ret_error, "%s: [%s] %s", path, section->name, reason);

        return r < 0 ? -ENOMEM : -EINVAL;
}

int config_load(struct config *config, const char *path, bool required, char **ret_error) {
        _cleanup_(freep) struct origin *origins = NULL;
        int r;

        origins = calloc(MAX(config->n_sections, (size_t)1), sizeof(*origins));
        if (!origins)
                return -ENOMEM;

        r = load_file(config, origins, path, required, ret_error);
        if (r == 0)
                r = load_drop_ins(config, origins, path, ret_error);
        if (r == 0)
                r = check_loaded(config, origins, path, ret_error);

        for (size_t i = 0; i < config->n_sections; i++)
                free(origins[i].path);
        return r;
}
