/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/kernel/watch.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "common/cpulist.h"
#include "daemon/collect/irq-metrics.h"
#include "daemon/collect/registry.h"

static int on_event(struct event_sink *sink, struct event *event) {
        struct watch *w = (struct watch *)((char *)sink - offsetof(struct watch, sink));

        if (w->n_events == w->n_allocated) {
                size_t n = w->n_allocated ? w->n_allocated * 2 : 256;
                void *p = reallocarray(w->events, n,
                                       sizeof(*w->events)); /* NOLINT(bugprone-sizeof-expression) */

                if (!p)
                        return -ENOMEM;
                w->events = p;
                w->n_allocated = n;
        }

        w->events[w->n_events++] = event_ref(event);
        return 0;
}

void watch_done(struct watch *w) {
        if (w->collector)
                w->collector = collector_irq_delay.close(w->collector);
        config_free(w->config);
        for (size_t i = 0; i < w->n_events; i++)
                event_unref(w->events[i]);
        free(w->events);
        batch_done(&w->batch);
        w->root_fd = close_safe(w->root_fd);
}

static int configure(struct watch *w, const char *const *settings) {
        int r;

        w->sections[0] = collector_irq_delay.section;
        r = config_new(w->sections, ELEMENTSOF(w->sections), &w->config);
        for (; r >= 0 && *settings; settings++) {
                _cleanup_(freep) char *error = NULL, *key = strdup(*settings);
                char *value = key ? strchr(key, '=') : NULL;

                if (!value)
                        return -ENOMEM;
                *value++ = '\0';
                r = config_set(w->config, "irq-delay", key, value, &error);
        }

        return r;
}

static int count_cpus(struct watch *w) {
        _cleanup_(cpu_set_done) struct cpu_set possible = {};
        int r;

        r = cpu_list_read(w->root_fd, "sys/devices/system/cpu/possible", &possible);
        for (int cpu = 0; r >= 0 && (cpu = cpu_set_next(&possible, cpu)) >= 0; cpu++)
                w->n_cpus = (unsigned)cpu + 1;
        return r;
}

int watch_open(struct watch *w, const char *const *settings, const char **ret_missing) {
        struct collector_env env = {};
        int r;

        *w = (struct watch){ .sink.add = on_event };
        w->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (w->root_fd < 0)
                return -errno;
        if ((r = count_cpus(w)) < 0 || (r = configure(w, settings)) < 0)
                return r;

        env = (struct collector_env){ .root_fd = w->root_fd,
                                      .n_possible_cpus = w->n_cpus,
                                      .config = w->config };
        r = collector_irq_delay.probe(&env, ret_missing);
        return r < 0 ? r : collector_irq_delay.open(&env, &w->collector);
}

static uint64_t monotonic_ns(void) {
        struct stamp now;

        stamp_now(&now);
        return now.monotonic_ns;
}

int watch_pump(struct watch *w, uint64_t duration_ns) {
        struct pollfd pfd = { .fd = collector_irq_delay.event_fd(w->collector), .events = POLLIN };
        uint64_t now = monotonic_ns(), until = now + duration_ns;
        int r;

        for (; now < until; now = monotonic_ns()) {
                uint64_t at = MIN(until, MAX(collector_irq_delay.next_deadline(w->collector), now));
                struct timespec wait = { .tv_sec = (time_t)((at - now) / NSEC_PER_SEC),
                                         .tv_nsec = (long)((at - now) % NSEC_PER_SEC) };

                if (ppoll(&pfd, 1, &wait, NULL) < 0 && errno != EINTR)
                        return -errno;
                r = collector_irq_delay.dispatch(w->collector, &w->sink);
                if (r < 0)
                        return r;
        }

        return 0;
}

int watch_read_observed(struct watch *w, unsigned cpu, uint64_t *ret_now_ns, uint64_t *ret_observed_ns) {
        struct batch *batch = &w->batch;
        int r;

        batch_clear(batch);
        stamp_now(&batch->stamp);
        r = collector_irq_delay.sample(w->collector, batch);
        if (r < 0)
                return r;

        *ret_now_ns = batch->stamp.monotonic_ns;
        *ret_observed_ns = 0;
        for (size_t i = 0; i < batch->n_rows; i++)
                for (size_t j = 0; batch->rows[i].metric == IRQ_OBSERVED && j < batch->rows[i].n_cells; j++)
                        if (batch->cells[batch->rows[i].first_cell + j].cpu == (int)cpu)
                                *ret_observed_ns = batch->cells[batch->rows[i].first_cell + j].value;
        return 0;
}
