/* SPDX-License-Identifier: Apache-2.0 */

/* irqwatch-exporter: asks irqwatchd as any client does, and tells Prometheus. Needs no privilege but the
 * socket. */

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "build-config.h"
#include "common/log.h"
#include "exporter/http.h"
#include "exporter/listen.h"

#define DEFAULT_SOCKET "/run/irqwatchd/io.irqwatch.monitor"
#define DEFAULT_LISTEN "localhost:19955"

struct arguments {
        const char *listen;
        struct http_options http;
};

static void print_help(void) {
        printf("Usage: irqwatch-exporter [OPTION...]\n\n"
               "Serves what irqwatchd counts to Prometheus and others, on /metrics.\n\n"
               "      --listen ADDRESS  host:port, [IPv6]:port or :port for all (default: " DEFAULT_LISTEN
               ")\n"
               "      --socket PATH     of irqwatchd (default: " DEFAULT_SOCKET ")\n"
               "      --interrupts-per-cpu PATTERN\n"
               "                        also per CPU: interrupts of these numbers or names (\"eth0-*\")\n"
               "  -h, --help            this text\n"
               "      --version         version\n\n"
               "See irqwatch-exporter(8).\n");
}

/* 0: run; 1: done; negative: usage. */
static int parse_arguments(int argc, char **argv, struct arguments *arguments) {
        enum { OPT_LISTEN = 256, OPT_SOCKET, OPT_PER_CPU, OPT_VERSION };
        static const struct option long_options[] = {
                { "listen", required_argument, NULL, OPT_LISTEN },
                { "socket", required_argument, NULL, OPT_SOCKET },
                { "interrupts-per-cpu", required_argument, NULL, OPT_PER_CPU },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPT_VERSION },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
                switch (c) {
                case OPT_LISTEN:
                        arguments->listen = optarg;
                        break;
                case OPT_SOCKET:
                        arguments->http.socket_path = strncmp(optarg, "unix:", 5) == 0 ? optarg + 5 : optarg;
                        break;
                case OPT_PER_CPU:
                        arguments->http.interrupts_per_cpu = optarg;
                        break;
                case 'h':
                        print_help();
                        return 1;
                case OPT_VERSION:
                        printf("irqwatch-exporter " VERSION "\n");
                        return 1;
                default:
                        return -EINVAL;
                }
        }

        if (optind < argc) {
                log_error("unexpected argument \"%s\"; see irqwatch-exporter --help", argv[optind]);
                return -EINVAL;
        }

        return 0;
}

/* The service manager's socket, if there is one. */
static int open_listener(const struct arguments *arguments, int *ret_fd) {
        int n, r;

        n = sd_listen_fds(1);
        if (n > 1) {
                log_error("the service manager handed over %i sockets: one is possible", n);
                return -EINVAL;
        }
        if (n == 1) {
                *ret_fd = SD_LISTEN_FDS_START;
                return 0;
        }

        r = listen_on(arguments->listen, ret_fd);
        if (r == -EINVAL)
                log_error("--listen: \"%s\" is not host:port, [IPv6]:port or :port", arguments->listen);
        else if (r == -EADDRINUSE)
                log_error("cannot listen on %s: something else does; see ss -tlnp, or choose another port "
                          "with --listen",
                          arguments->listen);
        else if (r < 0)
                log_error("cannot listen on %s: %s", arguments->listen, strerror(-r));
        return r;
}

static void on_state(const char *reason) {
        if (reason)
                log_warning("%s", reason);
        else
                log_info("irqwatchd answers again");
}

/* Blocked in all threads: the main one waits for them. */
static int block_signals(sigset_t *ret_set) {
        sigemptyset(ret_set);
        sigaddset(ret_set, SIGTERM);
        sigaddset(ret_set, SIGINT);
        sigaddset(ret_set, SIGPIPE); /* a scraper that went away is an error of write() only */
        return -pthread_sigmask(SIG_BLOCK, ret_set, NULL);
}

static void wait_for_end(sigset_t *set) {
        int number = 0;

        do
                (void)sigwait(set, &number); /* fails only for a set that is invalid */
        while (number == SIGPIPE);
}

int main(int argc, char **argv) {
        struct arguments arguments = { .listen = DEFAULT_LISTEN, .http = { .socket_path = DEFAULT_SOCKET } };
        _cleanup_(http_freep) struct http *http = NULL;
        sigset_t signals;
        int fd, r;

        log_setup("irqwatch-exporter", LOG_INFO);

        r = parse_arguments(argc, argv, &arguments);
        if (r != 0)
                return r < 0 ? 2 : EXIT_SUCCESS;

        r = block_signals(&signals);
        if (r >= 0)
                r = open_listener(&arguments, &fd);
        if (r < 0)
                return EXIT_FAILURE;

        r = http_new(fd, &arguments.http, on_state, &http);
        if (r < 0) {
                log_error("cannot serve: %s", strerror(-r));
                return EXIT_FAILURE;
        }

        (void)sd_notify(false, "READY=1"); /* no manager: nobody to tell */
        wait_for_end(&signals);
        (void)sd_notify(false, "STOPPING=1");
        return EXIT_SUCCESS;
}
