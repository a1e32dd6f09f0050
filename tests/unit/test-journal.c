/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include "common/cpulist.h"
#include "common/fileio.h"
#include "common/utf8.h"
#include "daemon/alert/journal-entry.h"
#include "daemon/alert/journal-message.h"
#include "daemon/alert/journal.h"
#include "tests/harness/alloc-fail.h"

static const char no_socket[] = "/nonexistent/irqwatch-test";

static void add_frame(struct stack *stack, const char *symbol, uint64_t offset, const char *module) {
        stack->frames[stack->n_frames++] = (struct frame){
                .symbol = symbol ? strdup(symbol) : NULL,
                .offset = offset,
                .module = module ? strdup(module) : NULL,
        };
}

/* The first window of the diagnose-tools case study. */
static struct event *make_event(void) {
        struct event *event = NULL;

        assert_int_equal(event_new(EVENT_IRQ_DELAY, &event), 0);
        event->id = 1723475353662573;
        event->class = CLASS_IRQ_OFF;
        event->confidence = CONFIDENCE_HIGH;
        event->cpu = 1;
        event->has_duration = true;
        event->duration_min_ns = 48200000;
        event->duration_max_ns = 51000000;
        event->has_task = true;
        event->pid = 25319;
        event->tgid = 25318;
        strcpy(event->comm, "insmod");
        event->culprit = strdup("nf_ct_frag6_expire.cold");
        event->cgroup = strdup("/x");
        assert_int_equal(stack_new(3, &event->kernel_stack), 0);
        add_frame(event->kernel_stack, "nf_ct_frag6_expire.cold", 0x44, "nf_defrag_ipv6");
        add_frame(event->kernel_stack, NULL, 0, NULL);
        add_frame(event->kernel_stack, "do_one_initcall", 0x59, NULL);
        assert_int_equal(stack_new(2, &event->user_stack), 0);
        add_frame(event->user_stack, "main", 0x1c, "/usr/sbin/insmod");
        add_frame(event->user_stack, NULL, 0x23f0, "/lib/libc.so.6");
        return event;
}

static void expect_message(const struct event *event, const char *expected) {
        _cleanup_(freep) char *text = NULL;

        assert_int_equal(journal_message_format(event, &text), 0);
        assert_string_equal(text, expected);
}

static void test_message(void **state) {
        _cleanup_(event_unrefp) struct event *event = make_event();

        expect_message(event, "Interrupts were off on CPU 1 for 48.2-51.0 ms in nf_ct_frag6_expire.cold "
                              "(insmod, pid 25319, cgroup /x): irq-off");

        event->confidence = CONFIDENCE_LOW;
        event->class = CLASS_STEAL;
        free(TAKE_PTR(event->culprit));
        expect_message(event,
                       "The hypervisor took CPU 1 away for 48.2-51.0 ms (insmod, pid 25319, cgroup /x): "
                       "steal (low confidence)");

        event->class = CLASS_PLATFORM;
        event->has_task = false;
        expect_message(event, "The machine stood still, and with it CPU 1, for 48.2-51.0 ms (cgroup /x): "
                              "platform (low confidence)");

        free(TAKE_PTR(event->cgroup));
        event->confidence = CONFIDENCE_NONE;
        event->class = CLASS_UNKNOWN;
        event->cpu = CPU_NONE;
        expect_message(event, "Interrupts came late on a CPU by 48.2-51.0 ms: unknown");

        event->kind = EVENT_SOFTIRQ;
        event->class = CLASS_NONE;
        event->cpu = 3;
        event->has_duration = false;
        expect_message(event, "A softirq ran on CPU 3 for a time not known");
}

/* Every class of every kind of window makes a sentence. */
static void test_all_classes(void **state) {
        for (int kind = 0; kind < _EVENT_KIND_MAX; kind++)
                for (int c = 0; c < _EVENT_CLASS_MAX; c++) {
                        _cleanup_(event_unrefp) struct event *event = make_event();
                        _cleanup_(freep) char *text = NULL;
                        int priority;

                        event->kind = kind;
                        event->class = c;
                        assert_int_equal(journal_message_format(event, &text), 0);
                        assert_non_null(strstr(text, "insmod, pid 25319"));
                        assert_null(strstr(text, "(null)"));
                        priority = journal_message_priority(event);
                        assert_in_range(priority, LOG_WARNING, LOG_NOTICE);
                }
}

static void test_facts(void **state) {
        static const int64_t cpus[] = { 0, 3 };
        _cleanup_(event_unrefp) struct event *event = NULL;

        assert_int_equal(event_new(EVENT_AFFINITY, &event), 0);
        assert_int_equal(event_add_integer(event, "irq", 24), 0);
        assert_int_equal(event_add_integers(event, "cpus", cpus, 2), 0);
        assert_int_equal(event_add_string(event, "name", "eth0\n-rx"), 0);
        expect_message(event, "affinity: irq=24, cpus=0,3, name=eth0?-rx");
}

static struct event *make_affinity(const char *cause, const char *balancer, size_t n_new) {
        static const int64_t cpus[] = { 0, 1, 2, 7 };
        struct event *event = NULL;

        assert_int_equal(event_new(EVENT_AFFINITY, &event), 0);
        event->culprit = strdup("IRQ 24 eth0\n-rx");
        assert_non_null(event->culprit);
        assert_int_equal(event_add_integer(event, "irq", 24), 0);
        assert_int_equal(event_add_string(event, "cause", cause), 0);
        assert_int_equal(event_add_integers(event, "oldCpus", cpus, 4), 0);
        assert_int_equal(event_add_integers(event, "newCpus", cpus, n_new), 0);
        if (balancer)
                assert_int_equal(event_add_string(event, "irqbalance", balancer), 0);
        return event;
}

static void test_affinity(void **state) {
        const struct journal_settings settings = { .enabled = true, .burst = 2, .interval_ns = NSEC_PER_SEC };
        _cleanup_(event_unrefp) struct event *configured = make_affinity("configured", "not running", 1);
        _cleanup_(event_unrefp) struct event *effective = make_affinity("effective", NULL, 0);
        _cleanup_(event_unrefp) struct event *balanced = make_affinity("configured", "running", 2);
        _cleanup_(journal_freep) struct journal *journal = NULL;
        struct journal_stats stats;

        expect_message(configured, "IRQ 24 eth0?-rx was moved from CPUs 0-2,7 to CPU 0");
        expect_message(effective, "IRQ 24 eth0?-rx was moved by the kernel from CPUs 0-2,7 to no CPU");
        assert_int_equal(journal_message_priority(configured), LOG_NOTICE);
        assert_false(journal_message_is_routine(configured));

        /* Routine takes no entry, and no place in the limit from those that have one. */
        assert_int_equal(journal_new(&settings, "/nonexistent", 0, &journal), 0);
        for (unsigned i = 0; i < 100; i++) {
                journal_add(journal, effective, i);
                journal_add(journal, balanced, i);
        }
        assert_int_equal(journal_n_pending(journal), 0);
        assert_int_equal(journal_deadline(journal), UINT64_MAX);
        journal_get_stats(journal, &stats);
        assert_int_equal(stats.n_suppressed + stats.n_dropped, 0);
}

static void expect_field(const struct journal_entry *entry, size_t i, const char *expected) {
        assert_true(i < entry->n_fields);
        assert_int_equal(entry->fields[i].iov_len, strlen(expected));
        assert_memory_equal(entry->fields[i].iov_base, expected, strlen(expected));
}

static void test_fields(void **state) {
        static const char *const expected[] = {
                "MESSAGE=Interrupts were off on CPU 1 for 48.2-51.0 ms in nf_ct_frag6_expire.cold (insmod, "
                "pid "
                "25319, cgroup /x): irq-off",
                "MESSAGE_ID=91e3b7f3c5b04854adae2736a375e2f9",
                "PRIORITY=4",
                "SYSLOG_IDENTIFIER=irqwatchd",
                "IRQWATCH_KIND=irq-delay",
                "IRQWATCH_EVENT_ID=1723475353662573",
                "IRQWATCH_CPU=1",
                "IRQWATCH_DURATION_MIN_NSEC=48200000",
                "IRQWATCH_DURATION_MAX_NSEC=51000000",
                "IRQWATCH_CLASS=irq-off",
                "IRQWATCH_CULPRIT=nf_ct_frag6_expire.cold",
                "IRQWATCH_TARGET_PID=25319",
                "IRQWATCH_TARGET_COMM=insmod",
                "IRQWATCH_TARGET_CGROUP=/x",
                ("IRQWATCH_STACK=nf_ct_frag6_expire.cold+0x44 [nf_defrag_ipv6]\n?\ndo_one_initcall+0x59\n"
                 "main+0x1c (/usr/sbin/insmod)\n?+0x23f0 (/lib/libc.so.6)"),
        };
        _cleanup_(event_unrefp) struct event *event = make_event();
        _cleanup_(journal_entry_freep) struct journal_entry *entry = NULL;

        assert_int_equal(journal_entry_new(event, &entry), 0);
        assert_int_equal(entry->n_fields, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                expect_field(entry, i, expected[i]);
}

static void test_sparse_fields(void **state) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        _cleanup_(journal_entry_freep) struct journal_entry *entry = NULL;

        assert_int_equal(event_new(EVENT_IRQ_DELAY, &event), 0);
        event->cpu = CPU_NONE;
        event->class = CLASS_IDLE_EXIT;
        assert_int_equal(stack_new(1, &event->kernel_stack), 0); /* without frames */
        assert_int_equal(journal_entry_new(event, &entry), 0);
        assert_int_equal(entry->n_fields, 7); /* nothing empty, nothing made up */
        expect_field(entry, 2, "PRIORITY=5");
        expect_field(entry, 5, "IRQWATCH_EVENT_ID=0");
        expect_field(entry, 6, "IRQWATCH_CLASS=idle-exit");
}

static void test_alert(void **state) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        _cleanup_(journal_entry_freep) struct journal_entry *entry = NULL;

        assert_int_equal(event_new(EVENT_ALERT, &event), 0);
        event->cpu = CPU_NONE;
        assert_int_equal(event_add_string(event, "rule", "softirq-time"), 0);
        assert_int_equal(event_add_string(event, "state", "cleared"), 0);
        assert_int_equal(event_add_integer(event, "value", 12), 0);
        assert_int_equal(event_add_integer(event, "threshold", 20), 0);
        assert_int_equal(journal_entry_new(event, &entry), 0);
        expect_field(entry, 0, "MESSAGE=alert: rule=softirq-time, state=cleared, value=12, threshold=20");
        expect_field(entry, 1, "MESSAGE_ID=b3070191a4fc43b48e997065e77bf4e5");
        expect_field(entry, 2, "PRIORITY=5");
        expect_field(entry, 6, "IRQWATCH_RULE=softirq-time");
        expect_field(entry, 7, "IRQWATCH_STATE=cleared");
        expect_field(entry, 8, "IRQWATCH_VALUE=12");
        expect_field(entry, 9, "IRQWATCH_THRESHOLD=20");
}

static struct event *make_alert(const char *rule, const char *state, const char *text, int64_t priority) {
        struct event *event = NULL;

        assert_int_equal(event_new(EVENT_ALERT, &event), 0);
        assert_int_equal(event_add_string(event, "rule", rule), 0);
        assert_int_equal(event_add_string(event, "state", state), 0);
        assert_int_equal(event_add_string(event, "text", text), 0);
        assert_int_equal(event_add_integer(event, "priority", priority), 0);
        return event;
}

/* The sentence is the message; the rule's priority counts while it is raised, and less when it is over. */
static void test_alert_sentence(void **state) {
        static const struct {
                const char *state;
                int64_t priority;
                int expected;
        } cases[] = {
                { "raised", LOG_CRIT, LOG_CRIT },
                { "cleared", LOG_CRIT, LOG_NOTICE },
                { "suppressed", LOG_CRIT, LOG_NOTICE },
                { "cleared", LOG_DEBUG, LOG_DEBUG },
        };
        _cleanup_(event_unrefp) struct event *event = make_alert("drops", "raised", "17/s\x1b[2J, limit 3", LOG_ERR);
        _cleanup_(event_unrefp) struct event *summary = make_alert("drops", "suppressed", "5 more times", LOG_ERR);
        _cleanup_(journal_entry_freep) struct journal_entry *entry = NULL;

        expect_message(event, "Alert drops raised: 17/s?[2J, limit 3");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(event_unrefp) struct event *other = make_alert("x", cases[i].state, "", cases[i].priority);

                assert_int_equal(journal_message_priority(other), cases[i].expected);
        }

        assert_int_equal(event_add_integer(summary, "suppressed", 5), 0);
        assert_int_equal(journal_entry_new(summary, &entry), 0);
        expect_field(entry, 0, "MESSAGE=Alert drops suppressed: 5 more times");
        expect_field(entry, 1, "MESSAGE_ID=1ff41edf5aee4dc09ebdffc9eb7cb2be");
        expect_field(entry, entry->n_fields - 1, "IRQWATCH_SUPPRESSED=5");
}

/* A task may call itself anything: it must not forge a line or break the terminal. The field has the bytes.
 */
static void test_hostile_names(void **state) {
        _cleanup_(event_unrefp) struct event *event = make_event();
        _cleanup_(journal_entry_freep) struct journal_entry *entry = NULL;
        const char *message;

        strcpy(event->comm, "a\n<0>\x1b[2J\xff");
        free(event->cgroup);
        event->cgroup = calloc(1, 5000);
        memset(event->cgroup, 'g', 4999);
        assert_int_equal(journal_entry_new(event, &entry), 0);
        message = journal_entry_message(entry);
        assert_non_null(strstr(message, "(a?<0>?[2J?, pid 25319, cgroup ggg"));
        assert_non_null(strstr(message, "ggg...): irq-off"));
        assert_true(strlen(message) < 600);
        assert_int_equal(utf8_valid_prefix(message, strlen(message)), strlen(message));
        expect_field(entry, 12, "IRQWATCH_TARGET_COMM=a\n<0>\x1b[2J\xff");
        assert_int_equal(entry->fields[13].iov_len, strlen("IRQWATCH_TARGET_CGROUP=") + 4999);
}

static void test_summary(void **state) {
        _cleanup_(journal_entry_freep) struct journal_entry *one = NULL, *many = NULL, *other = NULL;

        assert_int_equal(journal_entry_new_summary(EVENT_IRQ_DELAY, 37, 10 * NSEC_PER_SEC, 48200000, &many),
                         0);
        expect_field(many, 0,
                     "MESSAGE=37 windows suppressed in the last 10.0 s, the longest at least 48.2 ms; "
                     "\"irqctl events\" has them");
        expect_field(many, 1, "MESSAGE_ID=1ff41edf5aee4dc09ebdffc9eb7cb2be");
        expect_field(many, 2, "PRIORITY=5");
        expect_field(many, 4, "IRQWATCH_KIND=irq-delay");
        expect_field(many, 5, "IRQWATCH_SUPPRESSED=37");
        assert_int_equal(journal_entry_new_summary(EVENT_IRQ_DELAY, 1, NSEC_PER_SEC, 0, &one), 0);
        expect_field(one, 0, "MESSAGE=1 window suppressed in the last 1.00 s; \"irqctl events\" has them");
        assert_int_equal(journal_entry_new_summary(EVENT_ALERT, 2, NSEC_PER_SEC, 0, &other), 0);
        expect_field(other, 0,
                     "MESSAGE=2 alert entries suppressed in the last 1.00 s; \"irqctl events\" has them");
}

/* Each id is there once, and explained. */
static void test_catalog(void **state) {
        _cleanup_(text_buffer_done) struct text_buffer catalog = {};
        sd_id128_t ids[_EVENT_KIND_MAX + 1] = { [_EVENT_KIND_MAX] = JOURNAL_ID_SUPPRESSED };

        assert_int_equal(text_buffer_read(&catalog, AT_FDCWD, getenv("IRQWATCH_CATALOG"), 1 << 20), 0);
        for (int i = 0; i < _EVENT_KIND_MAX; i++)
                ids[i] = journal_message_id(i);

        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                char line[64];

                snprintf(line, sizeof(line), "\n-- " SD_ID128_FORMAT_STR "\n", SD_ID128_FORMAT_VAL(ids[i]));
                if (!strstr(catalog.data, line))
                        fail_msg("no catalog entry%s", line);
                for (size_t j = 0; j < i; j++)
                        assert_false(sd_id128_equal(ids[i], ids[j]));
        }
}

static void test_no_memory(void **state) {
        _cleanup_(event_unrefp) struct event *event = make_event();

        for (unsigned nth = 1;; nth++) {
                struct journal_entry *entry = NULL;
                struct journal *journal = NULL;
                struct journal_settings settings = { .enabled = true, .burst = 1, .interval_ns = 1 };
                int r, s;

                alloc_fail_at(nth);
                r = journal_entry_new(event, &entry);
                s = journal_new(&settings, no_socket, 0, &journal);
                if (!alloc_fail_end()) {
                        assert_int_equal(r, 0);
                        assert_int_equal(s, 0);
                        journal_entry_free(entry);
                        journal_free(journal);
                        break;
                }

                assert_true(r == -ENOMEM || s == -ENOMEM);
                journal_entry_free(entry);
                journal_free(journal);
        }
}

/* Catches what goes to stderr; release with stderr_end(). */
struct capture {
        int saved, file;
};

static void stderr_begin(struct capture *c) {
        c->file = memfd_create("stderr", MFD_CLOEXEC);
        c->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        assert_true(c->file >= 0 && c->saved >= 0);
        assert_int_equal(dup2(c->file, STDERR_FILENO), STDERR_FILENO);
}

static void stderr_end(struct capture *c, char *buf, size_t size) {
        ssize_t n;

        assert_int_equal(dup2(c->saved, STDERR_FILENO), STDERR_FILENO);
        n = pread(c->file, buf, size - 1, 0);
        assert_true(n >= 0);
        buf[n] = '\0';
        close(c->saved);
        close(c->file);
}

/* Until all entries came back; the deadline only ends a test that hangs. */
static void collect_all(struct journal *journal) {
        while (journal_n_pending(journal) > 0) {
                struct pollfd pollfd = { .fd = journal_fd(journal), .events = POLLIN };

                assert_int_equal(poll(&pollfd, 1, 60000), 1);
                journal_collect(journal);
        }
}

static void test_without_journal(void **state) {
        _cleanup_(event_unrefp) struct event *event = make_event();
        _cleanup_(journal_entry_freep) struct journal_entry *entry = NULL;
        struct capture c;
        char text[1024];
        int r;

        assert_int_equal(journal_entry_new(event, &entry), 0);
        stderr_begin(&c);
        r = journal_entry_send(entry, no_socket);
        stderr_end(&c, text, sizeof(text));
        assert_int_equal(r, JOURNAL_PRINTED);
        assert_string_equal(text, "<4>irqwatchd: Interrupts were off on CPU 1 for 48.2-51.0 ms in "
                                  "nf_ct_frag6_expire.cold (insmod, pid 25319, cgroup /x): irq-off\n");
}

static void test_limits(void **state) {
        const struct journal_settings settings = { .enabled = true,
                                                   .burst = 2,
                                                   .interval_ns = 10 * NSEC_PER_SEC };
        _cleanup_(event_unrefp) struct event *event = make_event();
        _cleanup_(journal_freep) struct journal *journal = NULL;
        struct journal_stats stats;
        struct capture c;
        char text[4096];

        assert_int_equal(journal_new(&settings, no_socket, 0, &journal), 0);
        stderr_begin(&c);
        for (uint64_t i = 0; i < 5; i++) {
                event->duration_min_ns = (i + 1) * 10 * NSEC_PER_MSEC;
                journal_add(journal, event, i);
        }
        journal_run(journal, 9 * NSEC_PER_SEC); /* too early */
        event->kind = EVENT_HARDIRQ;            /* each kind has its own bucket */
        journal_add(journal, event, 9 * NSEC_PER_SEC);
        collect_all(journal);
        journal_run(journal, journal_deadline(journal));
        collect_all(journal);
        stderr_end(&c, text, sizeof(text));

        journal_get_stats(journal, &stats);
        assert_int_equal(stats.n_entries, 4);
        assert_int_equal(stats.n_suppressed, 3);
        assert_int_equal(stats.n_dropped, 0);
        assert_int_equal(journal_deadline(journal), UINT64_MAX);
        assert_non_null(strstr(text, "\n<4>irqwatchd: A hard interrupt handler ran on CPU 1"));
        assert_non_null(
                strstr(text, "\n<5>irqwatchd: 3 windows suppressed in the last 10.0 s, the longest at least "
                             "50.0 ms; \"irqctl events\" has them\n"));
}

static void test_disabled(void **state) {
        struct journal_settings settings = { .enabled = false, .burst = 1, .interval_ns = NSEC_PER_SEC };
        _cleanup_(event_unrefp) struct event *event = make_event();
        _cleanup_(journal_freep) struct journal *journal = NULL;
        struct journal_stats stats;
        struct capture c;
        char text[1024];

        assert_int_equal(journal_new(&settings, no_socket, 0, &journal), 0);
        journal_add(journal, event, 0);
        assert_int_equal(journal_n_pending(journal), 0);
        assert_int_equal(journal_deadline(journal), UINT64_MAX);

        settings.enabled = true;
        journal_configure(journal, &settings, 0);
        stderr_begin(&c);
        journal_add(journal, event, 0);
        collect_all(journal);
        stderr_end(&c, text, sizeof(text));
        journal_get_stats(journal, &stats);
        assert_int_equal(stats.n_entries, 1);
        assert_int_equal(stats.n_suppressed + stats.n_dropped, 0);
}

/* A journal socket that nobody reads, filled to the brim. */
static int hung_socket(char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(closep) int sender = -EBADF;
        int fd;

        strcpy(path, "/tmp/irqwatch-journal-XXXXXX");
        assert_non_null(mkdtemp(path));
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", path);

        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fd >= 0 && sender >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        while (sendto(sender, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) == 1)
                ;
        assert_int_equal(errno, EAGAIN);
        strcpy(path, address.sun_path);
        return fd;
}

static void remove_socket(char *path) {
        assert_int_equal(unlink(path), 0);
        *strrchr(path, '/') = '\0';
        assert_int_equal(rmdir(path), 0);
}

static void test_hung_journal(void **state) {
        const struct journal_settings settings = { .enabled = true,
                                                   .burst = 1000,
                                                   .interval_ns = NSEC_PER_SEC };
        _cleanup_(event_unrefp) struct event *event = make_event();
        _cleanup_(journal_freep) struct journal *journal = NULL;
        _cleanup_(closep) int fd = -EBADF;
        struct journal_stats stats, later;
        struct pollfd pollfd;
        char path[128];

        fd = hung_socket(path);
        assert_int_equal(journal_new(&settings, path, 0, &journal), 0);
        for (unsigned i = 0; i < JOURNAL_QUEUE_MAX + 20; i++)
                journal_add(journal, event, 0);

        journal_get_stats(journal, &stats);
        assert_in_range(stats.n_dropped, 1, 20); /* some may have been taken off the queue by now */
        assert_int_equal(stats.n_dropped + journal_n_pending(journal), JOURNAL_QUEUE_MAX + 20);

        pollfd = (struct pollfd){ .fd = journal_fd(journal), .events = POLLIN };
        assert_int_equal(poll(&pollfd, 1, 60000), 1);
        journal_collect(journal);
        journal_get_stats(journal, &later);
        assert_true(later.n_dropped > stats.n_dropped);
        assert_int_equal(later.n_entries, 0);

        journal = journal_free(journal); /* while the socket still hangs: what waits is given up */
        remove_socket(path);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_message),         cmocka_unit_test(test_all_classes),
                cmocka_unit_test(test_facts),           cmocka_unit_test(test_fields),
                cmocka_unit_test(test_sparse_fields),   cmocka_unit_test(test_alert),
                cmocka_unit_test(test_alert_sentence),  cmocka_unit_test(test_affinity),
                cmocka_unit_test(test_hostile_names),   cmocka_unit_test(test_summary),
                cmocka_unit_test(test_catalog),         cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_without_journal), cmocka_unit_test(test_limits),
                cmocka_unit_test(test_disabled),        cmocka_unit_test(test_hung_journal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
