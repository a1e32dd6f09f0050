/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A directory with captures of proc files: the daemon's own collectors read them, one pass for each capture,
 * and the queries do the rest. What a capture lacks is a gap, with its reason.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "build-config.h"
#include "common/fileio.h"
#include "common/json-build.h"
#include "common/timespan.h"
#include "daemon/collect/registry.h"
#include "daemon/ipc/json-status.h"
#include "offline/capture-time.h"
#include "offline/capture.h"
#include "offline/input.h"

enum {
        CAPTURES_MAX = 256,
        DEPTH_MAX = 2, /* DIR/1/proc, DIR/1/sosreport-web1/proc */
};
#define APART_MIN_NS (100 * NSEC_PER_MSEC) /* less apart than that captures are copies of one */

struct reading {
        const struct collector_ops *ops;
        const char *const *files;
        const char *reason; /* why it has less than every pass; NULL: it has all */
        char *text;         /* that the reason points to, if it is not a literal */
        unsigned source;
        size_t n_passes;
};

struct captures {
        struct input *input;
        const char *path;
        struct capture items[CAPTURES_MAX];
        size_t n;
        struct reading readings[8];
        size_t n_readings;
        struct config *config;
};

/* Those that read what captures have, and the files that they want. */
static const struct {
        const struct collector_ops *ops;
        const char *files[3];
        bool optional; /* of captures that do not have them nothing is said */
} collectors[] = {
        { &collector_softirqs, { "softirqs" } }, { &collector_interrupts, { "interrupts" } },
        { &collector_cpu, { "stat" } },          { &collector_softnet, { "net/softnet_stat" } },
        { &collector_netdev, { "net/dev" } },    { &collector_tcp, { "net/snmp", "net/netstat" }, true },
};

static void captures_done(struct captures *captures) {
        for (size_t i = 0; i < captures->n; i++)
                capture_done(&captures->items[i]);
        for (size_t i = 0; i < captures->n_readings; i++)
                free(captures->readings[i].text);
        (void)config_free(captures->config); /* returns NULL */
        (void)input_free(captures->input);   /* likewise */
}

static int compare_names(const void *a, const void *b) {
        return strverscmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(names[i]);
        free(names);
}

/* Names of subdirectories, in their order: "2" before "10". 0 or -errno. */
static int list_directories(int fd, char ***ret_names, size_t *ret_n) {
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
        char **names = calloc(CAPTURES_MAX, sizeof(*names));
        struct dirent *entry;
        size_t n = 0;
        int r = dir && names ? 0 : -ENOMEM;

        while (r >= 0 && n < CAPTURES_MAX && (entry = readdir(dir))) {
                struct stat st;

                if (*entry->d_name == '.' || fstatat(fd, entry->d_name, &st, 0) < 0 || !S_ISDIR(st.st_mode))
                        continue;
                names[n] = strdup(entry->d_name);
                r = names[n++] ? 0 : -ENOMEM;
        }
        if (dir)
                (void)closedir(dir); /* and the copy with it */
        else
                (void)close_safe(copy);
        if (r < 0) {
                free_names(names, n);
                return r;
        }

        qsort(names, n, sizeof(*names), compare_names);
        *ret_names = names;
        *ret_n = n;
        return 0;
}

/* Those below fd, and where a directory is none itself, below that. */
static int find_captures(struct captures *captures, int fd, unsigned depth) {
        char **names = NULL;
        size_t n = 0;
        int r;

        r = list_directories(fd, &names, &n);
        for (size_t i = 0; r >= 0 && i < n && captures->n < CAPTURES_MAX; i++) {
                r = capture_open(fd, names[i], &captures->items[captures->n]);
                captures->n += r == 0;
                if (r > 0 && depth < DEPTH_MAX) {
                        _cleanup_(closep) int inner =
                                openat(fd, names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                        r = inner >= 0 ? find_captures(captures, inner, depth + 1) : 0;
                }
                r = r == -EACCES ? 0 : r;
        }
        free_names(names, n);
        return MIN(r, 0);
}

static int compare_stamps(const void *a, const void *b) {
        const struct capture *x = a, *y = b;

        return (x->stamp.monotonic_ns > y->stamp.monotonic_ns) -
               (x->stamp.monotonic_ns < y->stamp.monotonic_ns);
}

/* By that clock. 0; 1: it does not tell them apart, or not of all. */
static int set_times(struct captures *captures, enum capture_clock clock) {
        for (size_t i = 0; i < captures->n; i++) {
                struct capture *capture = &captures->items[i];

                if (capture_time(capture->dir_fd, capture->proc_fd, capture->name, clock, &capture->stamp) <
                    0)
                        return 1;
        }

        qsort(captures->items, captures->n, sizeof(*captures->items), compare_stamps);
        for (size_t i = 1; i < captures->n; i++) {
                const struct stamp *before = &captures->items[i - 1].stamp,
                                   *stamp = &captures->items[i].stamp;

                if (stamp->monotonic_ns < before->monotonic_ns + APART_MIN_NS ||
                    stamp->realtime_us <= before->realtime_us)
                        return 1;
        }
        return 0;
}

static int find_times(struct captures *captures, char **ret_text) {
        char a[TIMESTAMP_TEXT_MAX], b[TIMESTAMP_TEXT_MAX];
        struct input *input = captures->input;
        int clock = 0;

        while (clock < _CAPTURE_CLOCK_MAX && set_times(captures, (enum capture_clock)clock) > 0)
                clock++;
        if (clock == _CAPTURE_CLOCK_MAX)
                return input_fail(-EINVAL, ret_text,
                                  "cannot tell how much time lies between the captures in %s: put "
                                  "proc/uptime and proc/stat "
                                  "into each, or a file \"date\" with what \"date +%%s.%%N\" prints",
                                  captures->path);

        input->record.captured = true;
        input->record.since_us = captures->items[0].stamp.realtime_us;
        input->record.now_us = captures->items[captures->n - 1].stamp.realtime_us;
        return input_note(input, "%zu captures, %s to %s; times are %s", captures->n,
                          format_timestamp(input->record.since_us, 0, a),
                          format_timestamp(input->record.now_us, 0, b),
                          capture_clock_to_string((enum capture_clock)clock));
}

static _printf_(2, 3) int give_reason(struct reading *reading, const char *format, ...) {
        va_list ap;
        int r;

        if (reading->reason)
                return 0; /* the first one */

        va_start(ap, format);
        r = vasprintf(&reading->text, format, ap);
        va_end(ap);
        if (r < 0) {
                reading->text = NULL;
                return -ENOMEM;
        }

        reading->reason = reading->text;
        return 0;
}

/* 0; 1: a file is missing, or no file: no pipe or device is opened. */
static int check_files(const struct capture *capture, struct reading *reading) {
        struct stat st;

        for (size_t i = 0; i < 3 && reading->files[i]; i++) {
                int r = 0;

                if (fstatat(capture->proc_fd, reading->files[i], &st, 0) < 0)
                        r = give_reason(reading, "there is no %s in the capture %s", reading->files[i],
                                        capture->name);
                else if (!S_ISREG(st.st_mode))
                        r = give_reason(reading, "%s in the capture %s is no file", reading->files[i],
                                        capture->name);
                else
                        continue;
                return r < 0 ? r : 1;
        }

        return 0;
}

/* One pass of one collector. 0; 1: there is none; -ENOMEM. */
static int read_pass(struct captures *captures, const struct capture *capture,
                     const struct capture_root *root, struct reading *reading, struct batch *batch) {
        const struct collector_env env = {
                .root_fd = root->fd,
                .is_fixture = true,
                .n_possible_cpus = CPU_LIMIT,
                .config = captures->config,
        };
        const char *reason = NULL;
        void *state = NULL;
        int r;

        r = check_files(capture, reading);
        if (r != 0)
                return r;
        r = reading->ops->probe(&env, &reason);
        if (r >= 0)
                r = reading->ops->open(&env, &state);
        if (r >= 0) {
                batch_clear(batch);
                batch->stamp = capture->stamp;
                r = reading->ops->sample(state, batch);
                (void)reading->ops->close(state); /* returns NULL */
        }
        if (r >= 0)
                r = store_commit(captures->input->store, reading->source, batch);
        if (r >= 0)
                reading->n_passes++;
        if (r >= 0 || r == -ENOMEM)
                return r;

        r = give_reason(reading, "%s in the capture %s cannot be understood: it is damaged, or was cut off",
                        reading->files[0], capture->name);
        return r < 0 ? r : 1;
}

static int read_capture(struct captures *captures, const struct capture *capture, char **ret_text) {
        struct capture_root root;
        struct batch batch;
        int r;

        r = capture_root_make(capture, &root);
        if (r < 0)
                return input_fail(r, ret_text,
                                  "cannot read %s: no temporary directory can be made: %s. Set TMPDIR to a "
                                  "directory that can "
                                  "be written to",
                                  captures->path, strerror(-r));

        batch_init(&batch);
        for (size_t i = 0; i < captures->n_readings && r >= 0; i++) {
                struct reading *reading = &captures->readings[i];

                r = read_pass(captures, capture, &root, reading, &batch);
                if (r > 0)
                        r = store_mark_gap(captures->input->store, reading->source, &capture->stamp,
                                           reading->reason);
        }
        batch_done(&batch);
        capture_root_done(&root);
        return r;
}

static bool any_has(const struct captures *captures, const char *file) {
        for (size_t i = 0; i < captures->n; i++)
                if (faccessat(captures->items[i].proc_fd, file, F_OK, 0) == 0)
                        return true;

        return false;
}

static int prepare_readings(struct captures *captures) {
        static const struct config_section *sections[ELEMENTSOF(collectors)];
        int r = 0;

        _Static_assert(ELEMENTSOF(collectors) <= ELEMENTSOF(captures->readings), "room for all of them");
        for (size_t i = 0; i < ELEMENTSOF(collectors) && r >= 0; i++) {
                struct reading *reading = &captures->readings[captures->n_readings];

                sections[i] = collectors[i].ops->section;
                if (collectors[i].optional && !any_has(captures, collectors[i].files[0]))
                        continue;
                captures->n_readings++;
                *reading = (struct reading){ .ops = collectors[i].ops, .files = collectors[i].files };
                r = store_add_source(captures->input->store, reading->ops->name, reading->ops->metrics,
                                     reading->ops->n_metrics, &reading->source);
        }

        return r < 0 ? r : config_new(sections, ELEMENTSOF(sections), &captures->config);
}

/* The first word of a file, or the n-th one; NULL-safe ways to look at more places follow each other. */
static void read_word(const struct capture *capture, const char *name, unsigned n, char *to, size_t size) {
        _cleanup_(closep) int fd = -EBADF;
        char text[256], *save = NULL, *word;
        struct stat st;
        ssize_t length;

        if (*to)
                return;
        fd = openat(capture->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return;
        length = read(fd, text, sizeof(text) - 1);
        text[length > 0 ? length : 0] = '\0';
        word = strtok_r(text, " \t\n", &save);
        while (word && n-- > 0)
                word = strtok_r(NULL, " \t\n", &save);
        if (word)
                (void)snprintf(to, size, "%s", word); /* cut off where it is longer than any can be */
}

static void read_host(const struct capture *capture, struct json_host *host) {
        sd_id128_t id;

        read_word(capture, "hostname", 0, host->name, sizeof(host->name));
        read_word(capture, "proc/sys/kernel/hostname", 0, host->name, sizeof(host->name));
        read_word(capture, "uname", 1, host->name, sizeof(host->name));
        read_word(capture, "proc/sys/kernel/osrelease", 0, host->kernel, sizeof(host->kernel));
        read_word(capture, "proc/version", 2, host->kernel, sizeof(host->kernel));
        read_word(capture, "uname", 2, host->kernel, sizeof(host->kernel));
        if (!*host->name)
                (void)snprintf(host->name, sizeof(host->name), "unknown"); /* fits */
        if (!*host->kernel)
                (void)snprintf(host->kernel, sizeof(host->kernel), "unknown"); /* likewise */

        read_word(capture, "proc/sys/kernel/random/boot_id", 0, host->boot_id, sizeof(host->boot_id));
        if (sd_id128_from_string(host->boot_id, &id) < 0)
                id = SD_ID128_NULL;
        (void)sd_id128_to_string(id, host->boot_id); /* returns the buffer */
}

/* As a daemon would put it that had read the captures. */
static int make_status(struct captures *captures) {
        struct status_collector items[ELEMENTSOF(captures->readings)] = {};
        struct monitor_record *record = &captures->input->record;
        struct status status = {
                .version = VERSION,
                .started_us = record->since_us,
                .collectors = items,
                .n_collectors = captures->n_readings,
        };
        struct json_object *object, *reply;
        int r;

        for (size_t i = 0; i < captures->n_readings; i++)
                items[i] = (struct status_collector){
                        .name = captures->readings[i].ops->name,
                        .summary = captures->readings[i].ops->summary,
                        .state = captures->readings[i].reason ? COLLECTOR_UNSUPPORTED : COLLECTOR_RUNNING,
                        .reason = captures->readings[i].reason,
                        .n_passes = captures->readings[i].n_passes,
                        .last_pass_us = captures->readings[i].n_passes > 0 ? record->now_us : 0,
                };
        store_get_stats(captures->input->store, &status.store);
        r = json_status(&status, &record->host, record->now_us, &object);
        if (r < 0)
                return r;

        reply = json_object_new_object();
        if (!reply || json_add(reply, "status", object) < 0)
                r = -ENOMEM;
        if (r >= 0)
                r = input_take_status(captures->input, reply);
        (void)json_object_put(reply); /* the record has its own reference */
        return r;
}

/* Kernel windows are not in proc files; who reads a clean report must know. */
static int note_missing(struct captures *captures) {
        int r;

        r = input_note(captures->input,
                       "captures of proc files have counters only: no windows, stacks or events");
        for (size_t i = 0; i < captures->n_readings && r >= 0; i++)
                if (captures->readings[i].reason)
                        r = input_note(captures->input, "nothing on %s: %s", captures->readings[i].ops->name,
                                       captures->readings[i].reason);
        return r;
}

static int load(struct captures *captures, char **ret_text) {
        size_t most = 0;
        int r;

        r = find_times(captures, ret_text);
        if (r >= 0)
                r = prepare_readings(captures);
        for (size_t i = 0; i < captures->n && r >= 0; i++)
                r = read_capture(captures, &captures->items[i], ret_text);
        for (size_t i = 0; i < captures->n_readings; i++)
                most = MAX(most, captures->readings[i].n_passes);
        if (r >= 0 && most < 2)
                return input_fail(-EINVAL, ret_text,
                                  "cannot read %s: none of interrupts, softirqs and stat can be understood "
                                  "in two captures; %s",
                                  captures->path, captures->readings[0].reason ?: "");
        if (r >= 0) {
                read_host(&captures->items[captures->n - 1], &captures->input->record.host);
                r = make_status(captures);
        }
        return r < 0 ? r : note_missing(captures);
}

int input_open_captures(int fd, const char *path, struct input **ret_input, char **ret_text) {
        _cleanup_(captures_done) struct captures captures = { .path = path };
        int r;

        *ret_text = NULL;
        r = input_new(&captures.input);
        if (r >= 0)
                r = find_captures(&captures, fd, 1);
        if (r >= 0 && captures.n < 2)
                return input_fail(
                        -EINVAL, ret_text,
                        "cannot read %s: there %s in it with proc/interrupts, proc/softirqs or proc/stat, "
                        "and rates "
                        "take two. Put each capture into a subdirectory of its own: %s/1/proc/interrupts, "
                        "%s/2/proc/interrupts",
                        path, captures.n == 1 ? "is one directory" : "are no directories", path, path);
        if (r >= 0)
                r = load(&captures, ret_text);
        if (r < 0)
                return *ret_text || r == -ENOMEM
                               ? r
                               : input_fail(r, ret_text, "cannot read %s: %s", path, strerror(-r));

        *ret_input = TAKE_PTR(captures.input);
        return 0;
}
