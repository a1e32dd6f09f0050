/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/manager-history.h"

#include <sys/epoll.h>
#include <sys/utsname.h>

#include "build-config.h"
#include "common/log.h"
#include "daemon/manager-timer.h"

/* A disk that does not answer while the daemon starts is not waited for longer than this. */
#define OPEN_PATIENCE_NS (1 * NSEC_PER_SEC)

struct history_loop {
        struct history *history;
        struct history_callbacks callbacks;
        void *userdata; /* of deliver */
        void (*deliver)(void *userdata, struct event *event);
        sd_event_source *io[2], *timer;
};

static uint64_t now_ns(void) {
        struct stamp stamp;

        stamp_now(&stamp);
        return stamp.monotonic_ns;
}

static uint64_t get_us(const struct config *config, const char *key) {
        return config_get(config, "store", key) / NSEC_PER_USEC;
}

static struct history_settings read_settings(const struct config *config) {
        return (struct history_settings){
                .flush_ns = config_get(config, "store", "flush"),
                .limits = {
                        .budget_bytes = config_get(config, "store", "disk-budget"),
                        .retention_us = {
                                [TIER_RAW] = get_us(config, "keep-raw"),
                                [TIER_10S] = get_us(config, "keep-10s"),
                                [TIER_1MIN] = get_us(config, "keep-1min"),
                                [TIER_10MIN] = get_us(config, "keep-10min"),
                        },
                        .event_retention_us = get_us(config, "keep-events"),
                },
        };
}

/* Wakes the loop when something is due, and only then. */
static void arm(struct history_loop *loop) {
        timer_arm(loop->timer, history_deadline(loop->history));
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct history_loop *loop = userdata;

        history_collect(loop->history);
        arm(loop);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        struct history_loop *loop = userdata;

        history_run(loop->history, now_ns());
        arm(loop);
        return 0;
}

static void on_transition(void *userdata, enum history_state state, const char *text) {
        if (state == HISTORY_FAILING)
                log_warning("%s", text);
        else
                log_notice("%s", text);
}

static void on_deliver(void *userdata, struct event *event) {
        struct history_loop *loop = userdata;

        loop->deliver(loop->userdata, event);
}

/* SECTION.KEY=VALUE, a line each. */
static int format_settings(const struct config *config, char **ret_text) {
        char *text = NULL;
        size_t size = 0;
        FILE *f;
        int r = 0;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        for (size_t i = 0; i < config_n_sections(config); i++)
                for (size_t j = 0; j < config_section_desc(config, i)->n_settings && r >= 0; j++) {
                        const char *section = config_section_name(config, i),
                                   *key = config_section_desc(config, i)->settings[j].name;
                        _cleanup_(freep) char *value = NULL;

                        r = config_format(config, section, key, &value);
                        if (r >= 0)
                                fprintf(f, "%s.%s=%s\n", section, key, value);
                }
        if (fclose(f) != 0)
                r = -ENOMEM;
        if (r < 0)
                free(text);
        else
                *ret_text = text;
        return r;
}

static int start(struct history_loop *loop, const struct config *config, const struct history_loop_host *host,
                 struct store *store) {
        const struct history_settings settings = read_settings(config);
        _cleanup_(freep) char *text = NULL;
        struct disk_run run = { .version = VERSION, .cpus = host->possible_cpus };
        struct utsname uts;
        int r;

        if (uname(&uts) < 0)
                return -errno;
        r = format_settings(config, &text);
        if (r < 0)
                return r;

        stamp_now(&run.stamp);
        (void)sd_id128_get_boot(&run.boot_id); /* without /proc all zeros: a boot like any other */
        run.hostname = uts.nodename;
        run.kernel = uts.release;
        run.machine = uts.machine;
        run.settings = text;
        loop->callbacks = (struct history_callbacks){ .deliver = on_deliver, .on_transition = on_transition };
        return history_new(host->state_dir, NULL, &run, &settings, store, &loop->callbacks, loop,
                           &loop->history);
}

int history_loop_new(sd_event *event, const struct config *config, const struct history_loop_host *host,
                     struct store *store, void (*deliver)(void *userdata, struct event *event),
                     void *userdata, struct history_loop **ret_loop) {
        _cleanup_(history_loop_freep) struct history_loop *loop = NULL;
        int r;

        loop = calloc(1, sizeof(*loop));
        if (!loop)
                return -ENOMEM;

        loop->deliver = deliver;
        loop->userdata = userdata;
        r = start(loop, config, host, store);
        for (unsigned i = 0; i < ELEMENTSOF(loop->io) && r >= 0; i++)
                r = sd_event_add_io(event, &loop->io[i], history_fd(loop->history, i), EPOLLIN, on_answer,
                                    loop);
        if (r >= 0)
                r = sd_event_add_time(event, &loop->timer, CLOCK_MONOTONIC, 0, 100 * 1000, on_deadline, loop);
        if (r < 0)
                return r;

        history_wait_open(loop->history, OPEN_PATIENCE_NS);
        arm(loop);
        *ret_loop = TAKE_PTR(loop);
        return 0;
}

struct history_loop *history_loop_free(struct history_loop *loop) {
        if (!loop)
                return NULL;

        for (size_t i = 0; i < ELEMENTSOF(loop->io); i++)
                sd_event_source_disable_unref(loop->io[i]);
        sd_event_source_disable_unref(loop->timer);
        history_free(loop->history);
        free(loop);
        return NULL;
}

void history_loop_configure(struct history_loop *loop, const struct config *config) {
        const struct history_settings settings = read_settings(config);

        history_configure(loop->history, &settings);
        arm(loop);
}

int history_loop_event(struct history_loop *loop, struct event *event) {
        int r;

        r = history_add_event(loop->history, event);
        arm(loop);
        return r;
}

struct history *history_loop_get(const struct history_loop *loop) {
        return loop->history;
}
