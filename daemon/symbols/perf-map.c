/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/perf-map.h"

#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"

enum { READ_SIZE = 64 * 1024 };

static int query_set(struct perf_map_query *query, uint64_t start, const char *name, size_t length) {
        char *copy = strndup(name, MIN(length, (size_t)PERF_MAP_NAME_MAX));

        if (!copy)
                return -ENOMEM;
        free(query->name);
        query->name = copy;
        query->offset = query->address - start;
        return 0;
}

/* A line that is not understood is passed over: the writer may be in the middle of it. */
static int map_line(const char *line, size_t length, struct perf_map_query *queries, size_t n) {
        char *end;
        uint64_t start, size;

        start = strtoull(line, &end, 16);
        if (end == line || *end != ' ')
                return 0;
        size = strtoull(end + 1, &end, 16);
        if (*end != ' ' || (size_t)(end + 1 - line) >= length)
                return 0;

        for (size_t i = 0; i < n; i++)
                if (queries[i].address >= start && queries[i].address - start < size) {
                        int r = query_set(&queries[i], start, end + 1, length - (size_t)(end + 1 - line));

                        if (r < 0)
                                return r;
                }
        return 0;
}

/* Whole lines of the buffer; what is left over moves to its front. Lines longer than the buffer are lost. */
static int map_lines(char *buffer, size_t *size, struct perf_map_query *queries, size_t n) {
        char *line = buffer, *newline;
        int r;

        while ((newline = memchr(line, '\n', *size - (size_t)(line - buffer)))) {
                *newline = '\0';
                r = map_line(line, (size_t)(newline - line), queries, n);
                if (r < 0)
                        return r;
                line = newline + 1;
        }
        *size -= (size_t)(line - buffer);
        if (*size == READ_SIZE)
                *size = 0;
        memmove(buffer, line, *size);
        return 0;
}

int perf_map_lookup(int fd, struct perf_map_query *queries, size_t n) {
        _cleanup_(freep) char *buffer = malloc(READ_SIZE);
        size_t size = 0;
        struct stat st;
        off_t offset;

        if (!buffer)
                return -ENOMEM;
        if (fstat(fd, &st) < 0)
                return -errno;
        offset = st.st_size > PERF_MAP_BYTES_MAX ? st.st_size - PERF_MAP_BYTES_MAX : 0;

        while (offset < st.st_size) {
                ssize_t n_read = pread(fd, buffer + size, READ_SIZE - size, offset);
                int r;

                if (n_read < 0 && errno == EINTR)
                        continue;
                if (n_read < 0)
                        return -errno;
                if (n_read == 0)
                        break;
                offset += n_read;
                size += (size_t)n_read;
                r = map_lines(buffer, &size, queries, n);
                if (r < 0)
                        return r;
        }
        return 0;
}
