/* SPDX-License-Identifier: Apache-2.0 */

/* irqwatchd: command line, then the manager. */

#include <getopt.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>

#include "build-config.h"
#include "common/log.h"
#include "daemon/manager.h"

static void print_help(void) {
        printf("Usage: irqwatchd [OPTION...]\n\n"
               "Watches what holds interrupts off and what softirqs and interrupts do, remembers, and\n"
               "answers irqctl(1).\n\n"
               "  -c, --config FILE    settings (default: " SYSCONFDIR "/irqwatchd.conf)\n"
               "      --socket PATH    where clients connect (default: " DEFAULT_SOCKET_PATH ")\n"
               "      --state-dir DIR  where history is kept (default: " STATEDIR ")\n"
               "      --root DIR       read proc/ and sys/ below DIR; collectors in the kernel are off\n"
               "      --debug          log more\n"
               "  -h, --help           this text\n"
               "      --version        version\n\n"
               "See irqwatchd(8) and irqwatchd.conf(5).\n");
}

/* 0: run; 1: done; negative: usage. */
static int parse_arguments(int argc, char **argv, struct manager_options *options) {
        enum { OPT_SOCKET = 256, OPT_STATE_DIR, OPT_ROOT, OPT_DEBUG, OPT_VERSION };
        static const struct option long_options[] = {
                { "config", required_argument, NULL, 'c' },
                { "socket", required_argument, NULL, OPT_SOCKET },
                { "state-dir", required_argument, NULL, OPT_STATE_DIR },
                { "root", required_argument, NULL, OPT_ROOT },
                { "debug", no_argument, NULL, OPT_DEBUG },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPT_VERSION },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "c:h", long_options, NULL)) >= 0) {
                switch (c) {
                case 'c':
                        options->config_path = optarg;
                        options->config_required = true;
                        break;
                case OPT_SOCKET:
                        options->socket_path = optarg;
                        break;
                case OPT_STATE_DIR:
                        options->state_dir = optarg;
                        break;
                case OPT_ROOT:
                        options->root_dir = optarg;
                        break;
                case OPT_DEBUG:
                        log_setup("irqwatchd", LOG_DEBUG);
                        break;
                case 'h':
                        print_help();
                        return 1;
                case OPT_VERSION:
                        printf("irqwatchd " VERSION "\n");
                        return 1;
                default: /* getopt_long() said what is wrong */
                        log_error("see irqwatchd --help");
                        return -EINVAL;
                }
        }

        if (optind < argc) {
                log_error("unexpected argument \"%s\"; see irqwatchd --help", argv[optind]);
                return -EINVAL;
        }

        return 0;
}

static bool has_capability(unsigned capability) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

        if (syscall(SYS_capget, &header, data) < 0)
                return false;

        return data[capability / 32].effective >> (capability % 32) & 1;
}

static bool may_watch_kernel(void) {
        return has_capability(CAP_SYS_ADMIN) || (has_capability(CAP_BPF) && has_capability(CAP_PERFMON));
}

int main(int argc, char **argv) {
        struct manager_options options = {
                .config_path = SYSCONFDIR "/irqwatchd.conf",
                .socket_path = DEFAULT_SOCKET_PATH,
                .state_dir = STATEDIR,
        };
        _cleanup_(manager_freep) struct manager *manager = NULL;
        int r;

        log_setup("irqwatchd", LOG_INFO);

        r = parse_arguments(argc, argv, &options);
        if (r != 0)
                return r < 0 ? 2 : EXIT_SUCCESS;

        if (!options.root_dir && !may_watch_kernel()) {
                log_error("not permitted to watch the kernel: run irqwatchd as root, or with CAP_BPF, CAP_PERFMON "
                          "and CAP_SYSLOG");
                return EXIT_FAILURE;
        }

        r = manager_new(&options, &manager);
        if (r < 0)
                return EXIT_FAILURE;

        return manager_run(manager) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
