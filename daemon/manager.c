/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/manager.h"

#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "build-config.h"
#include "common/log.h"
#include "common/worker.h"
#include "daemon/collect/collector.h"
#include "daemon/config-alert.h"
#include "daemon/config-sections.h"
#include "daemon/ipc/monitor.h"
#include "daemon/ipc/server.h"
#include "daemon/manager-alerts.h"
#include "daemon/manager-history.h"
#include "daemon/manager-journal.h"
#include "daemon/manager-status.h"
#include "daemon/runner.h"

enum {
        USER_JOBS_MAX = 16,           /* windows waiting for their user stacks; more stay without */
        FINISH_MS = 300,              /* for what was seen last; the end takes less than a second in all */
        SYMBOL_JOBS_MAX = 256,        /* windows waiting for names; more stay without */
        SERIES_MAX = 4 * 1024 * 1024, /* per source; 4,096 interrupts on 512 CPUs have half as many cells */
        CONNECTIONS_PER_UID_MAX = 32,
        STREAMS_MAX = 64,
        OUTPUT_BYTES_MAX = 4 * 1024 * 1024,
};

struct manager {
        struct manager_options options;
        sd_event *event;
        int root_fd;
        unsigned n_possible_cpus;
        char *possible_cpus;

        const struct config_section **sections; /* ours and the collectors' */
        size_t n_sections;
        struct config *config;

        struct store *store;
        struct history_loop *history; /* NULL: in memory only */
        struct worker *worker, *slow_worker;
        struct runner **runners; /* in the registry's order */
        size_t n_runners;
        struct event_sink sink;  /* where collectors deliver; see sink_add() */

        struct journal_loop *journal;
        struct alerts_loop *alerts;
        struct monitor *monitor;
        struct varlink_server *server;
        const struct varlink_interface *interfaces[2];
        char *socket_dir;        /* made by us, removed at the end */
        uint64_t started_us;
};

static size_t registry_size(void) {
        size_t n = 0;

        while (collector_registry[n])
                n++;

        return n;
}

static int load_config(struct manager *m, struct config **ret_config) {
        _cleanup_(config_freep) struct config *config = NULL;
        _cleanup_(freep) char *error = NULL;
        int r;

        r = config_new(m->sections, m->n_sections, &config);
        if (r < 0)
                return r;

        r = config_load_alert_rules(config, &error);
        if (r >= 0)
                r = config_load(config, m->options.config_path, m->options.config_required, &error);
        if (r < 0) {
                log_error("%s", error ? error : strerror(-r));
                return r;
        }

        *ret_config = TAKE_PTR(config);
        return 0;
}

static void fill_store_limits(const struct config *config, struct store_limits *limits) {
        *limits = (struct store_limits){
                .budget_bytes = config_get(config, "store", "memory"),
                .retention_ns = config_get(config, "store", "retention"),
                .n_events_max = config_get(config, "store", "max-events"),
                .n_series_max = SERIES_MAX,
        };
}

static int open_root(struct manager *m) {
        _cleanup_(cpu_set_done) struct cpu_set possible = {};
        const char *root = m->options.root_dir ? m->options.root_dir : "/";
        int r;

        m->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (m->root_fd < 0) {
                r = -errno;
                log_error("cannot open %s: %s", root, strerror(-r));
                return r;
        }

        r = cpu_list_read(m->root_fd, "sys/devices/system/cpu/possible", &possible);
        if (r < 0) {
                log_error("cannot read %s/sys/devices/system/cpu/possible: %s; is sysfs mounted?",
                          m->options.root_dir ? m->options.root_dir : "", strerror(-r));
                return r;
        }

        for (int cpu = cpu_set_next(&possible, 0); cpu >= 0; cpu = cpu_set_next(&possible, cpu + 1))
                m->n_possible_cpus = (unsigned)cpu + 1;
        return cpu_list_format(&possible, &m->possible_cpus);
}

/* Kept first: what the journal and subscribers were told can be asked for. */
static void deliver(void *userdata, struct event *event) {
        struct manager *m = userdata;
        int r;

        r = store_keep_event(m->store, event);
        if (r < 0)
                log_warning("an event is not in memory: %s", strerror(-r));

        journal_loop_event(m->journal, event);
        if (m->monitor) /* gone already when the last ones are told at the end */
                monitor_publish(m->monitor, event);
}

static int sink_add(struct event_sink *sink, struct event *event) {
        struct manager *m = (struct manager *)((char *)sink - offsetof(struct manager, sink));

        if (m->history)
                return history_loop_event(m->history, event);

        store_number_event(m->store, event);
        deliver(m, event);
        return 0;
}

static void on_transition(void *userdata, const char *collector, enum collector_state state,
                          const char *reason) {
        switch (state) {
        case COLLECTOR_RUNNING:
                log_info("%s: running", collector);
                break;
        case COLLECTOR_DISABLED:
                log_info("%s: %s", collector, reason);
                break;
        case COLLECTOR_UNSUPPORTED:
                log_notice("%s: unsupported: %s", collector, reason);
                break;
        case COLLECTOR_DEGRADED:
        case COLLECTOR_FAILING:
        case _COLLECTOR_STATE_MAX:
        default:
                log_warning("%s: %s: %s", collector, collector_state_to_string(state), reason ? reason : "");
                break;
        }
}

static const struct runner_callbacks runner_callbacks = { .on_transition = on_transition };

static int on_worker(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct manager *m = userdata;
        int r = 0;

        worker_collect(m->worker);
        worker_collect(m->slow_worker);
        for (size_t i = 0; r >= 0 && i < m->n_runners; i++)
                r = runner_dispatch(m->runners[i]);

        return r;
}

static int start_workers(struct manager *m) {
        int r;

        if ((r = worker_new("irqwatch-names", SYMBOL_JOBS_MAX, &m->worker)) < 0 ||
            (r = worker_new("irqwatch-users", USER_JOBS_MAX, &m->slow_worker)) < 0 ||
            (r = sd_event_add_io(m->event, NULL, worker_fd(m->worker), EPOLLIN, on_worker, m)) < 0)
                return r;

        return sd_event_add_io(m->event, NULL, worker_fd(m->slow_worker), EPOLLIN, on_worker, m);
}

static int start_collectors(struct manager *m) {
        const struct collector_env env = {
                .root_fd = m->root_fd,
                .is_fixture = m->options.root_dir != NULL,
                .n_possible_cpus = m->n_possible_cpus,
                .config = m->config,
                .worker = m->worker,
                .slow_worker = m->slow_worker,
        };
        int r;

        m->runners = calloc(registry_size(), sizeof(*m->runners));
        if (!m->runners)
                return -ENOMEM;

        for (size_t i = 0; collector_registry[i]; i++) {
                r = runner_new(m->event, collector_registry[i], &env, m->store, &m->sink, &runner_callbacks, m,
                               &m->runners[i]);
                if (r < 0)
                        return r;
                m->n_runners++;

                r = runner_start(m->runners[i]);
                if (r < 0)
                        return r;
        }

        /* What loading BPF objects took is not needed again. */
        (void)malloc_trim(0); /* returns whether anything was given back */
        return 0;
}

static int get_status(void *userdata, struct status *ret_status) {
        struct manager *m = userdata;
        struct status_sources sources = {
                .config = m->config,
                .runners = m->runners,
                .n_runners = m->n_runners,
                .store = m->store,
                .history = m->history ? history_loop_get(m->history) : NULL,
                .server = m->server,
                .monitor = m->monitor,
                .journal = m->journal,
                .started_us = m->started_us,
        };

        return manager_fill_status(&sources, ret_status);
}

/* The part of the daemon that a section belongs to takes its changed settings. */
static int apply_section(struct manager *m, const char *section) {
        struct store_limits limits;
        int r;

        fill_store_limits(m->config, &limits);
        store_set_limits(m->store, &limits);
        journal_loop_configure(m->journal, m->config);
        r = alerts_loop_configure(m->alerts, m->config);
        if (r < 0)
                return r;
        if (m->history)
                history_loop_configure(m->history, m->config);

        for (size_t i = 0; i < m->n_runners; i++) {
                if (section && strcmp(collector_registry[i]->section->name, section) != 0)
                        continue;
                r = runner_reconfigure(m->runners[i], m->config);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int on_set(void *userdata, const char *section, const char *key, const char *value, char **ret_error) {
        struct manager *m = userdata;
        const struct setting_desc *desc = config_find(m->config, section, key);
        int r;

        if (desc && !desc->runtime) {
                if (asprintf(ret_error, "%s.%s cannot be changed while irqwatchd runs: write it into %s and restart",
                             section, key, m->options.config_path) < 0)
                        *ret_error = NULL;
                return -EINVAL;
        }

        r = config_set(m->config, section, key, value, ret_error);
        if (r < 0)
                return r;

        log_notice("%s.%s set to %s until the next reload or restart", section, key, value);
        return apply_section(m, section);
}

static const struct alert_engine *get_alerts(void *userdata) {
        const struct manager *m = userdata;

        return alerts_loop_engine(m->alerts);
}

static const struct monitor_ops monitor_ops = {
        .get_status = get_status,
        .get_alerts = get_alerts,
        .set = on_set,
};

static gid_t socket_group(void) {
        const struct group *group = getgrnam(IRQWATCH_GROUP);

        return group ? group->gr_gid : (gid_t)-1;
}

/* Run by hand there is no RuntimeDirectory=: one missing directory is made, and removed at the end. */
static int make_socket_dir(struct manager *m) {
        _cleanup_(freep) char *path = NULL;
        char *dir;

        path = strdup(m->options.socket_path);
        if (!path)
                return -ENOMEM;

        dir = dirname(path);
        if (mkdir(dir, 0755) < 0)
                return errno == EEXIST ? 0 : -errno;

        m->socket_dir = strdup(dir);
        return m->socket_dir ? 0 : -ENOMEM;
}

static int listen_on_path(struct manager *m) {
        const char *path = m->options.socket_path;
        int r;

        r = make_socket_dir(m);
        if (r >= 0)
                r = varlink_server_listen(m->server, path, socket_group());
        if (r == -EADDRINUSE)
                log_error("another irqwatchd answers on %s: stop it, or choose another path with --socket", path);
        else if (r < 0)
                log_error("cannot listen on %s: %s; another place: --socket PATH", path, strerror(-r));
        return r;
}

static int listen_for_clients(struct manager *m) {
        int n, r;

        n = sd_listen_fds(1);
        if (n <= 0)
                return listen_on_path(m);

        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
                r = varlink_server_listen_fd(m->server, fd);
                if (r < 0) {
                        log_error("cannot use the socket handed over by the service manager: %s; it must be a listening UNIX stream "
                          "socket (ListenStream= of irqwatchd.socket)", strerror(-r));
                        return r;
                }
        }

        return 0;
}

static int start_server(struct manager *m) {
        static const struct varlink_server_info info = {
                .vendor = "irqwatch",
                .product = "irqwatchd",
                .version = VERSION,
                .url = "https://irqwatch.io",
        };
        const struct varlink_server_limits limits = {
                .n_connections_max = (unsigned)config_get(m->config, "daemon", "max-connections"),
                .n_connections_per_uid_max = CONNECTIONS_PER_UID_MAX,
                .n_streams_max = STREAMS_MAX,
                .output_bytes_max = OUTPUT_BYTES_MAX,
        };
        int r;

        m->interfaces[0] = monitor_interface(m->monitor);
        r = varlink_server_new(m->event, &info, m->interfaces, &limits, &m->server);
        if (r < 0)
                return r;

        return listen_for_clients(m);
}

static void reload(struct manager *m) {
        struct config *config = NULL, *old;
        struct stamp now;

        stamp_now(&now);
        (void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu",
                         (unsigned long long)(now.monotonic_ns / NSEC_PER_USEC)); /* no manager: nobody to tell */

        if (load_config(m, &config) < 0) {
                log_error("the settings stay as they were: mend the file and reload again");
        } else {
                old = m->config;
                m->config = config;
                if (apply_section(m, NULL) < 0)
                        log_error("not every changed setting could be applied; \"irqctl status\" shows those in force");
                else
                        log_info("settings reloaded from %s", m->options.config_path);
                config_free(old);
        }

        (void)sd_notify(false, "READY=1");
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        reload(userdata);
        return 0;
}

static int add_signals(struct manager *m) {
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        sigaddset(&mask, SIGPIPE); /* a pipe's reader that went away is an error of write() only */
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;

        /* Without a handler these two end the loop. */
        if ((r = sd_event_add_signal(m->event, NULL, SIGTERM, NULL, NULL)) < 0 ||
            (r = sd_event_add_signal(m->event, NULL, SIGINT, NULL, NULL)) < 0)
                return r;

        return sd_event_add_signal(m->event, NULL, SIGHUP, on_hangup, m);
}

/* After the socket, which says that no other daemon is at work. */
static int start_history(struct manager *m) {
        const struct history_loop_host host = {
                .state_dir = m->options.state_dir,
                .possible_cpus = m->possible_cpus,
        };

        int r;

        if (!config_get_boolean(m->config, "store", "disk"))
                return 0;

        r = history_loop_new(m->event, m->config, &host, m->store, deliver, m, &m->history);
        if (r >= 0)
                monitor_use_history(m->monitor, history_loop_get(m->history));
        return r;
}

static int build(struct manager *m) {
        struct store_limits limits;
        struct stamp now;
        int r;

        stamp_now(&now);
        m->started_us = now.realtime_us;
        m->sink.add = sink_add;

        if ((r = config_sections_new(collector_registry, &m->sections, &m->n_sections)) < 0 || (r = load_config(m, &m->config)) < 0 || (r = open_root(m)) < 0 ||
            (r = sd_event_new(&m->event)) < 0 || (r = add_signals(m)) < 0)
                return r;

        fill_store_limits(m->config, &limits);
        if ((r = store_new(&limits, &m->store)) < 0 || (r = start_workers(m)) < 0 ||
            (r = journal_loop_new(m->event, m->config, &m->journal)) < 0 ||
            (r = monitor_new(m->store, &monitor_ops, m, &m->monitor)) < 0 ||
            (r = alerts_loop_new(m->event, m->store, &m->sink, m->config, &m->alerts)) < 0)
                return r;

        /* Clients first: a second daemon on the same socket must fail before it arms anything. */
        if ((r = start_server(m)) < 0 || (r = start_history(m)) < 0 || (r = start_collectors(m)) < 0)
                return r;

        return 0;
}

int manager_new(const struct manager_options *options, struct manager **ret_manager) {
        _cleanup_(manager_freep) struct manager *m = NULL;
        int r;

        m = calloc(1, sizeof(*m));
        if (!m)
                return -ENOMEM;

        m->options = *options;
        m->root_fd = -EBADF;
        r = build(m);
        if (r < 0) {
                log_error("irqwatchd cannot start: %s", strerror(-r));
                return r;
        }

        *ret_manager = TAKE_PTR(m);
        return 0;
}

struct manager *manager_free(struct manager *m) {
        if (!m)
                return NULL;

        /* The server's streams point into the monitor, jobs of the worker into collectors. */
        m->server = varlink_server_free(m->server);
        m->worker = worker_free(m->worker);
        m->slow_worker = worker_free(m->slow_worker);
        for (size_t i = 0; i < m->n_runners; i++)
                m->runners[i] = runner_free(m->runners[i]);
        free(m->runners);
        alerts_loop_free(m->alerts);
        m->monitor = monitor_free(m->monitor);
        m->history = history_loop_free(m->history);
        journal_loop_free(m->journal);
        store_free(m->store);
        config_free(m->config);
        free(m->sections);
        sd_event_unref(m->event);
        if (m->socket_dir)
                (void)rmdir(m->socket_dir); /* stays when somebody else put something there */
        free(m->socket_dir);
        free(m->possible_cpus);
        (void)close_safe(m->root_fd);
        free(m);
        return NULL;
}

static void tell_ready(struct manager *m) {
        size_t n_running = 0;

        for (size_t i = 0; i < m->n_runners; i++) {
                struct status_collector status;

                runner_get_status(m->runners[i], &status);
                n_running += status.state == COLLECTOR_RUNNING || status.state == COLLECTOR_DEGRADED;
        }

        (void)sd_notifyf(false, "READY=1\nSTATUS=%zu of %zu collectors running", n_running, m->n_runners);
        log_info("version " VERSION ": %zu of %zu collectors running", n_running, m->n_runners);
}

/* A window that ended just before the end is one that was seen. */
static void finish_collectors(struct manager *m) {
        struct stamp now;

        stamp_now(&now);
        for (size_t i = 0; i < m->n_runners; i++)
                runner_finish(m->runners[i], now.monotonic_ns + FINISH_MS * NSEC_PER_MSEC);
}

int manager_run(struct manager *m) {
        int r;

        /* 0 when no watchdog is asked for. */
        r = sd_event_set_watchdog(m->event, true);
        if (r < 0)
                log_warning("no watchdog: %s", strerror(-r));

        tell_ready(m);
        r = sd_event_loop(m->event);
        (void)sd_notify(false, "STOPPING=1");
        if (r < 0)
                log_error("the event loop failed: %s", strerror(-r));
        finish_collectors(m);
        return r;
}
