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

/* The files of one config_load(), by which values remember where they were set: from 1. */
struct files {
        char **paths; /* owned */
        size_t n;
};

static void files_done(struct files *files) {
        for (size_t i = 0; i < files->n; i++)
                free(files->paths[i]);
        free(files->paths);
}

/* One run over one file's text. inih's callback has no line number in the usual builds, so that lines are
 * counted here, in the reader: inih asks it for one line at a time. */
struct config_reader {
        struct config *config;
        unsigned file;    /* number of the file, 0: none */
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

/* inih calls its handler for keys only: a misspelt section without keys would go unnoticed, and one of a
 * family would not be made. */
static void take_section_line(struct config_reader *reader, const char *line) {
        const char *end = strchr(line, ']');
        struct config_part *part = NULL;
        char name[CONFIG_QUOTE_MAX];
        int r;

        if (line[0] != '[' || !end)
                return; /* inih reports what is not closed */

        (void)snprintf(name, sizeof(name), "%.*s", (int)MIN(end - line - 1, (long)sizeof(name)), line + 1);
        r = config_make_part(reader->config, name, &part);
        if (r == -ENOMEM)
                reader_fail(reader, r, NULL);
        else if (r < 0)
                reader_fail(reader, -EINVAL, config_bad_section(reader->config, name, r));
        else
                *part = (struct config_part){ part->section, part->name, part->values, reader->file,
                                              reader->line };
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
        take_section_line(reader, buffer);
        return reader->error < 0 ? NULL : buffer;
}

/* For ini_parse_stream(): non-zero is success. */
static int take_value(void *userdata, const char *section, const char *key, const char *value) {
        struct config_reader *reader = userdata;
        struct config_value *slot = NULL;
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

        r = config_assign(reader->config, section, key, value, &slot, &message);
        if (r < 0) {
                reader_fail(reader, r, message);
                return 0;
        }

        slot->file = reader->file;
        slot->line = reader->line;
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

static int load_text(struct config *config, unsigned file, const char *path, const char *text, size_t size,
                     char **ret_error) {
        struct config_reader reader = {
                .config = config,
                .file = file,
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
        return load_text(config, 0, path, text, size, ret_error);
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

static int files_add(struct files *files, const char *path) {
        char **paths;

        paths = reallocarray(files->paths, files->n + 1, sizeof(*paths));
        if (!paths)
                return -ENOMEM;

        files->paths = paths;
        paths[files->n] = strdup(path);
        if (!paths[files->n])
                return -ENOMEM;

        files->n++;
        return 0;
}

static int load_file(struct config *config, struct files *files, const char *path, bool required,
                     char **ret_error) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        int r;

        r = text_buffer_read(&buffer, AT_FDCWD, path, CONFIG_FILE_MAX);
        if (r == -ENOENT && !required)
                return 0;
        if (r < 0)
                return fail_file(path, r, ret_error);

        r = files_add(files, path);
        if (r < 0)
                return r;

        return load_text(config, (unsigned)files->n, path, buffer.data, buffer.size, ret_error);
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

static int load_drop_ins(struct config *config, struct files *files, const char *path, char **ret_error) {
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
                        r = load_file(config, files, file, true, ret_error);
                free(entries[i]);
        }

        free(entries);
        return r;
}

static bool is_later(unsigned file, unsigned line, unsigned than_file, unsigned than_line) {
        return file > than_file || (file == than_file && line > than_line);
}

/* Where the setting to blame was set; without one, the last of the section's settings that a file has. */
static void find_origin(const struct config_part *part, const char *key, unsigned *ret_file,
                        unsigned *ret_line) {
        const struct setting_desc *desc = NULL;
        const struct config_value *value = key ? config_part_value(part, key, &desc) : NULL;

        *ret_file = value ? value->file : 0;
        *ret_line = value ? value->line : 0;
        if (*ret_file > 0)
                return;

        *ret_file = part->section->family ? part->file : 0;
        *ret_line = part->section->family ? part->line : 0;
        for (size_t i = 0; i < part->section->n_settings; i++) {
                value = &part->values[i];
                if (value->file > 0 && is_later(value->file, value->line, *ret_file, *ret_line)) {
                        *ret_file = value->file;
                        *ret_line = value->line;
                }
        }
}

static int check_loaded(const struct config *config, const struct files *files, const char *path,
                        char **ret_error) {
        const struct config_part *part = NULL;
        _cleanup_(freep) char *reason = NULL;
        const char *key = NULL;
        unsigned file, line;
        int r;

        r = config_check(config, &part, &key, &reason);
        if (r != -EINVAL)
                return r;

        find_origin(part, key, &file, &line);
        if (file > 0)
                r = asprintf(ret_error, "%s:%u: [%s] %s", files->paths[file - 1], line, part->name, reason);
        else
                r = asprintf(ret_error, "%s: [%s] %s", path, part->name, reason);

        return r < 0 ? -ENOMEM : -EINVAL;
}

int config_load(struct config *config, const char *path, bool required, char **ret_error) {
        _cleanup_(files_done) struct files files = {};
        int r;

        r = load_file(config, &files, path, required, ret_error);
        if (r == 0)
                r = load_drop_ins(config, &files, path, ret_error);
        if (r == 0)
                r = check_loaded(config, &files, path, ret_error);

        return r;
}
