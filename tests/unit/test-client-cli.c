/* SPDX-License-Identifier: Apache-2.0 */

/*
 * irqctl as people run it: exit statuses, messages, and what it says to a server that answers by a script.
 * The program is $IRQWATCH_IRQCTL; the server is a forked child, so nothing here depends on time.
 */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fileio.h"

enum { ARGS_MAX = 16, OUTPUT_MAX = 1024 * 1024, REQUEST_MAX = 4096, CLIENTS_MAX = 4 };

struct scratch {
        char dir[32];
        char socket[64];
};

struct outcome {
        int status;
        struct text_buffer out, err;
};

static void outcome_done(struct outcome *outcome) {
        text_buffer_done(&outcome->out);
        text_buffer_done(&outcome->err);
}

static int setup(void **state) {
        struct scratch *scratch = calloc(1, sizeof(*scratch));

        assert_non_null(scratch);
        strcpy(scratch->dir, "/tmp/irqctl-test-XXXXXX");
        assert_non_null(mkdtemp(scratch->dir));
        (void)snprintf(scratch->socket, sizeof(scratch->socket), "%s/socket", scratch->dir);
        *state = scratch;
        return 0;
}

static int teardown(void **state) {
        struct scratch *scratch = *state;

        (void)unlink(scratch->socket); /* not every test makes one */
        assert_int_equal(rmdir(scratch->dir), 0);
        free(scratch);
        return 0;
}

static int unnamed_file(void) {
        int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        return fd;
}

/* Runs "irqctl --socket SOCKET ARGS...", its stdout to out_fd or into the outcome. */
static void run_to(struct outcome *outcome, const struct scratch *scratch, int out_fd,
                   const char *const *args) {
        _cleanup_(closep) int own_out = -EBADF, err = unnamed_file();
        const char *argv[ARGS_MAX] = { getenv("IRQWATCH_IRQCTL"), "--socket", scratch->socket };
        size_t n = 3;
        int status;
        pid_t pid;

        assert_non_null(argv[0]);
        for (; *args; args++)
                argv[n++] = *args;
        if (out_fd < 0)
                own_out = unnamed_file();

        pid = fork();
        if (pid == 0) {
                (void)dup2(out_fd < 0 ? own_out : out_fd, STDOUT_FILENO);
                (void)dup2(err, STDERR_FILENO);
                (void)unsetenv("COLUMNS");
                (void)setenv("TZ", "UTC", 1);
                (void)execv(argv[0], (char *const *)argv);
                _exit(99);
        }
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));

        *outcome = (struct outcome){ .status = WEXITSTATUS(status) };
        if (own_out >= 0)
                assert_int_equal(text_buffer_pread(&outcome->out, own_out, OUTPUT_MAX), 0);
        assert_int_equal(text_buffer_pread(&outcome->err, err, OUTPUT_MAX), 0);
}

/* Demands a status and that stderr (status not 0) or stdout has the text. */
static void expect(const struct scratch *scratch, int status, const char *text, const char *const *args) {
        _cleanup_(outcome_done) struct outcome outcome = {};
        const char *got;

        run_to(&outcome, scratch, -1, args);
        got = status == 0 ? outcome.out.data : outcome.err.data;
        if (outcome.status != status || !strstr(got, text))
                fail_msg("%s %s: status %i instead of %i, \"%s\" not in: %s", args[0] ?: "",
                         args[0] ? args[1] ?: "" : "", outcome.status, status, text, got);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_usage(void **state) {
        const struct scratch *s = *state;

        expect(s, 0, "Verbs:", ARGS("--help"));
        expect(s, 0, "irqctl ", ARGS("--version"));
        expect(s, 2, "there is no verb \"frobnicate\"", ARGS("frobnicate"));
        expect(s, 2, "Did you mean \"report\"?", ARGS("reprot"));
        expect(s, 2, "Did you mean \"status\"?", ARGS("stat"));
        expect(s, 2, "there is no option \"--nonsense\"", ARGS("--nonsense"));
        expect(s, 2, "See: irqctl report --help", ARGS("report", "--nonsense"));
        expect(s, 2, "takes no argument", ARGS("report", "softirqs"));
        expect(s, 2, "needs one source", ARGS("rates"));
        expect(s, 2, "at most one metric", ARGS("rates", "netdev", "rx-bytes", "tx-bytes"));
        expect(s, 2, "at most one metric", ARGS("rates", "netdev", "rx-bytes", "--metric=tx-bytes"));
        expect(s, 2, "do not go with --latency", ARGS("rates", "softirqs", "softirqs", "--latency"));
        expect(s, 2, "neither \"rate\" nor \"name\"", ARGS("rates", "softirqs", "--sort=x"));
        expect(s, 2, "is none of hardirqs", ARGS("rates", "--latency", "nmis"));
        expect(s, 2, "do not go with --latency", ARGS("rates", "softirqs", "--latency", "--total"));
        expect(s, 2, "do not go with --latency", ARGS("rates", "timers", "--all"));
        expect(s, 2, "neither an event's number nor a time", ARGS("show", "soon"));
        expect(s, 2, "not of the form SECTION.KEY=VALUE", ARGS("set", "threshold"));
        expect(s, 2, "not of the form SECTION.KEY=VALUE", ARGS("set", "a.b=1", "ab="));
        expect(s, 2, "there is no kind \"irq\"", ARGS("events", "--kind=irq"));
        expect(s, 2, "not a number of events", ARGS("events", "-n", "0"));
        expect(s, 2, "--follow goes on for ever", ARGS("events", "-f", "--until", "1m"));
        expect(s, 2, "neither \"table\" nor \"diagnose-tools\"", ARGS("events", "--format=x"));
        expect(s, 2, "does not go with --kind", ARGS("events", "--format=diagnose-tools", "--kind=softirq"));
        expect(s, 2, "one form only", ARGS("events", "--format=diagnose-tools", "-j"));
        expect(s, 2, "takes neither --since nor --until", ARGS("status", "--since", "10m"));
        expect(s, 2, "takes no --cpu", ARGS("status", "--cpu=1"));
        expect(s, 2, "not a list of CPUs", ARGS("report", "--cpu=x"));
        expect(s, 2, "neither \"pretty\" nor \"short\"", ARGS("report", "--json=x"));
        expect(s, 2, "needs a value", ARGS("report", "--since"));
        expect(s, 2, "--no-pager takes no value", ARGS("report", "--no-pager=x"));
        expect(s, 2, "none of always, never, auto", ARGS("report", "--color=x"));
}

static void test_every_help(void **state) {
        static const char *const verbs[] = { "status", "report", "events", "show", "rates", "flame", "set" };

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                char first[32];

                (void)snprintf(first, sizeof(first), "irqctl %s", verbs[i]);
                expect(*state, 0, first, ARGS(verbs[i], "--help"));
                expect(*state, 0, "--since", ARGS(verbs[i], "-h"));
        }
}

static void test_times(void **state) {
        const struct scratch *s = *state;

        expect(s, 2, "cannot understand \"soon\" as a point in time", ARGS("report", "--since", "soon"));
        expect(s, 2, "cannot understand \"10\"", ARGS("--until=10", "report"));
        expect(s, 2, "lies in the future", ARGS("report", "--since", "2999-01-01"));
        expect(s, 2, "is not before --until", ARGS("report", "--since", "10m", "--until", "20m"));
        expect(s, 2, "is not before --until", ARGS("events", "-S2026-01-02", "-U2026-01-01"));
        expect(s, 2, "is empty", ARGS("report", "--since", "now"));
}

static void test_no_daemon(void **state) {
        const struct scratch *s = *state;
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        expect(s, 1, "irqwatchd is not running: there is no socket", ARGS("report"));
        expect(s, 1, "systemctl start irqwatchd", ARGS("events", "-f"));

        strcpy(address.sun_path, s->socket);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        expect(s, 1, "irqwatchd is not running: nobody listens", ARGS("status"));

        if (geteuid() != 0) { /* root may always connect; message.c's text is tested by itself */
                assert_int_equal(chmod(s->socket, 0), 0);
                expect(s, 1, "join the group irqwatch", ARGS("status"));
        }
}

/* One answer of the scripted server: to a request that contains match. replies are sent one after another. */
struct step {
        const char *match;
        const char *const *replies; /* NULL-terminated */
};

static void send_text(int fd, const char *text) {
        size_t n = strlen(text) + 1;

        if (write(fd, text, n) != (ssize_t)n)
                _exit(3);
}

/* Reads one request; false at the end of the connection. */
static bool read_request(int fd, char *request) {
        size_t n = 0;

        do {
                ssize_t got = read(fd, request + n, REQUEST_MAX - n);

                if (got <= 0)
                        return false;
                n += (size_t)got;
        } while (request[n - 1] != '\0' && n < REQUEST_MAX);

        return request[n - 1] == '\0';
}

/* Serves one step per connection, in order; then late is sent to the first client and everything is closed.
 * Exits 0 when all requests came as the script has them. */
static _Noreturn void serve(int listener, const struct step *steps, size_t n_steps, const char *const *late) {
        int clients[CLIENTS_MAX];
        char request[REQUEST_MAX];

        for (size_t i = 0; i < n_steps; i++) {
                clients[i] = accept(listener, NULL, NULL);
                if (clients[i] < 0 || !read_request(clients[i], request) || !strstr(request, steps[i].match))
                        _exit(4);
                for (const char *const *reply = steps[i].replies; *reply; reply++)
                        send_text(clients[i], *reply);
        }
        for (; late && *late; late++)
                send_text(clients[0], *late);

        _exit(0);
}

/* Runs irqctl against a script and demands that the script was played. */
static void play(struct outcome *outcome, const struct scratch *scratch, const struct step *steps,
                 size_t n_steps, const char *const *late, int out_fd, const char *const *args) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(closep) int listener = -EBADF;
        int status;
        pid_t pid;

        (void)unlink(scratch->socket); /* of the script before */
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        strcpy(address.sun_path, scratch->socket);
        assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(listener, CLIENTS_MAX), 0);

        pid = fork();
        if (pid == 0)
                serve(listener, steps, n_steps, late);
        assert_true(pid > 0);

        run_to(outcome, scratch, out_fd, args);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail_msg("%s: the server was asked for something else (%i): %s", args[0], WEXITSTATUS(status),
                         outcome->err.data);
}

static void play_one(const struct scratch *scratch, const char *match, const char *reply, int status,
                     const char *text, const char *const *args) {
        const struct step step = { .match = match, .replies = (const char *const[]){ reply, NULL } };
        _cleanup_(outcome_done) struct outcome outcome = {};
        const char *got;

        play(&outcome, scratch, &step, 1, NULL, -1, args);
        got = status == 0 ? outcome.out.data : outcome.err.data;
        if (outcome.status != status || !strstr(got, text))
                fail_msg("%s: status %i instead of %i, \"%s\" not in: %s", args[0], outcome.status, status,
                         text, got);
}

static void test_requests(void **state) {
        const struct scratch *s = *state;

        play_one(s,
                 "{\"method\":\"io.irqwatch.monitor.Report\",\"parameters\":{\"sinceUsec\":1700000000000000,"
                 "\"untilUsec\":1700000600000000,\"cpus\":[0,1,2,8]}}",
                 "{\"parameters\":{\"report\":{\"hostname\":\"db1\",\"x\":[1.50,\"a/b\"]}}}", 0,
                 "{\"hostname\":\"db1\",\"x\":[1.50,\"a/b\"]}\n",
                 ARGS("report", "--since", "@1700000000", "--until=@1700000600", "--cpu", "0-2,8", "-j"));
        play_one(s, "{\"method\":\"io.irqwatch.monitor.GetEvent\",\"parameters\":{\"id\":17}}",
                 "{\"parameters\":{\"event\":{\"id\":17}}}", 0, "{\"id\":17}\n", ARGS("-j", "show", "17"));
        play_one(s, "\"sinceUsec\":1700000000250000,\"untilUsec\":1700000000260000,\"limit\":1",
                 "{\"parameters\":{\"events\":[{\"id\":17}]}}", 0, "{\"id\":17}\n",
                 ARGS("show", "-j", "@1700000000.25"));
        play_one(s, "\"limit\":1,\"kinds\":[\"irq-delay\"]", "{\"parameters\":{\"events\":[]}}", 1,
                 "there is no event yet", ARGS("show", "last"));
        play_one(s, "\"source\":\"interrupts\",\"metric\":\"m\"",
                 "{\"parameters\":{\"rates\":{\"source\":\"i\"}}}", 0, "Nothing was counted",
                 ARGS("rates", "interrupts", "--metric", "m"));
        play_one(s, "\"source\":\"netdev\",\"metric\":\"rx-bytes\"",
                 "{\"parameters\":{\"rates\":{\"source\":\"netdev\",\"metric\":\"rx-bytes\"}}}", 0,
                 "netdev rx-bytes per second", ARGS("rates", "netdev", "rx-bytes"));
        play_one(s, "GetHistograms\",\"parameters\":{\"sinceUsec\":1700000000000000,",
                 "{\"parameters\":{\"histograms\":{\"metric\":\"softirq-time\"}}}", 0,
                 "Nothing was measured", ARGS("rates", "softirqs", "--latency", "-S", "@1700000000"));
        play_one(s, "\"source\":\"irq-delay\",\"metric\":\"timer-time\"",
                 "{\"parameters\":{\"histograms\":{\"x\":[1]}}}", 0, "{\"x\":[1]}\n", ARGS("rates", "timers", "-j"));
        play_one(
                s,
                "{\"method\":\"io.irqwatch.monitor.Set\",\"parameters\":{\"name\":\"irq-delay.threshold\","
                "\"value\":\"5ms=\"}}",
                "{\"parameters\":{\"name\":\"irq-delay.threshold\",\"value\":\"5ms\",\"previous\":\"10ms\"}}",
                0, "irq-delay.threshold is 5ms now (was 10ms)", ARGS("set", "irq-delay.threshold=5ms="));
        play_one(s, "GetStatus", "{\"parameters\":{\"status\":{\"version\":\"9\"}}}", 0, "\"version\": \"9\"",
                 ARGS("status", "--json", "pretty"));
}

static void test_flame_usage(void **state) {
        const struct scratch *s = *state;

        expect(s, 2, "neither \"time\" nor \"count\"", ARGS("flame", "--weight=x"));
        expect(s, 2, "--kind: \"alert\" is none of", ARGS("flame", "--kind=irq-delay,alert"));
        expect(s, 2, "A file to read: --input FILE", ARGS("flame", "irq.log"));
        expect(s, 2, "no JSON form", ARGS("flame", "-j"));
        expect(s, 1, "cannot read /nonexistent: No such file", ARGS("flame", "--input", "/nonexistent"));
        expect(s, 1, "/dev/null is empty", ARGS("flame", "--input=/dev/null"));
        expect(s, 1, "neither folded stacks", ARGS("flame", "-i", "/proc/self/status"));
        expect(s, 1, "has NUL bytes", ARGS("flame", "-i", "/proc/self/cmdline"));
        expect(s, 1, "irqwatchd is not running", ARGS("flame", "-o", "/nonexistent/x.svg"));
}

#define WINDOW(comm, ns) \
        "{\"id\":7,\"kind\":\"irq-delay\",\"cpu\":1,\"timeUsec\":1700000001000002,\"comm\":\"" comm \
        "\",\"durationMinNsec\":" ns \
        ",\"kernelStack\":[{\"symbol\":\"spin\",\"offset\":2,\"module\":null}]}"

/* The stream's replies make one graph. */
static void test_flame(void **state) {
        const struct step step = {
                .match = "{\"method\":\"io.irqwatch.monitor.ListEvents\",\"parameters\":{\"sinceUsec\":"
                         "1700000000000000,\"untilUsec\":1700000600000000,\"cpus\":[1],\"kinds\":[\"irq-"
                         "delay\"],"
                         "\"culprit\":\"spin\"},\"more\":true}",
                .replies = (const char *const[]){ "{\"parameters\":{\"events\":[" WINDOW(
                                                          "a", "5000000") "]},\"continues\":true}",
                                                  "{\"parameters\":{\"events\":[" WINDOW(
                                                          "b", "7000") "," WINDOW("a", "1000") "]}}",
                                                  NULL },
        };
        static const char *const common[] = { "flame", "--since=@1700000000", "--until=@1700000600",
                                              "--cpu=1", "--culprit=spin" };
        const struct scratch *s = *state;
        _cleanup_(outcome_done) struct outcome folded = {}, count = {}, svg = {};

        play(&folded, s, &step, 1, NULL, -1,
             ARGS(common[0], common[1], common[2], common[3], common[4], "--folded"));
        assert_int_equal(folded.status, 0);
        assert_string_equal(folded.out.data, "a;spin_[k] 5001\nb;spin_[k] 7\n");

        play(&count, s, &step, 1, NULL, -1,
             ARGS(common[0], common[1], common[2], common[3], common[4], "--folded", "--weight=count"));
        assert_string_equal(count.out.data, "a;spin_[k] 2\nb;spin_[k] 1\n");

        play(&svg, s, &step, 1, NULL, -1, ARGS(common[0], common[1], common[2], common[3], common[4]));
        assert_int_equal(svg.status, 0);
        assert_non_null(
                strstr(svg.out.data, "<title>Interrupts held off: time by stack (lower bounds)</title>"));
        assert_non_null(
                strstr(svg.out.data, "5.0 ms in 3 windows · 2023-11-14 22:13:20 UTC to 2023-11-14 22:23:20"));

        play_one(s, "\"kinds\":[\"softirq\",\"hardirq\"]", "{\"parameters\":{\"events\":[]}}", 1,
                 "there are no such windows", ARGS("flame", "--kind=softirq,hardirq"));
}

static void test_diagnose_tools_format(void **state) {
        play_one(*state, "\"kinds\":[\"irq-delay\"]",
                 "{\"parameters\":{\"events\":[" WINDOW("a", "5000000") "]}}", 0,
                 "中断延迟，PID： 0[a]， CPU：1, 5 ms, 时间：[1700000001:2]\n",
                 ARGS("events", "--format=diagnose-tools"));
}

static void test_refusals(void **state) {
        const struct scratch *s = *state;

        play_one(s, "Set", "{\"error\":\"org.varlink.service.PermissionDenied\",\"parameters\":{}}", 1,
                 "only root may do this", ARGS("set", "a.b=c"));
        play_one(s, "GetEvent", "{\"error\":\"io.irqwatch.monitor.NoSuchEvent\",\"parameters\":{\"id\":3}}",
                 1, "there is no event 3", ARGS("show", "3"));
        play_one(s, "GetRates",
                 "{\"error\":\"io.irqwatch.monitor.NoData\",\"parameters\":{\"source\":\"x\",\"reason\":"
                 "\"y\"}}",
                 1, "no data on x: y", ARGS("rates", "x"));
        play_one(s, "Report", "HTTP/1.1 400 Bad Request", 1, "does not speak varlink", ARGS("report"));
        play_one(s, "Report", "{\"parameters\":{}}", 1, "no \"report\"", ARGS("report"));
}

static void test_closed(void **state) {
        const struct step step = { .match = "Report", .replies = (const char *const[]){ NULL } };
        _cleanup_(outcome_done) struct outcome outcome = {};

        play(&outcome, *state, &step, 1, NULL, -1, ARGS("report"));
        assert_int_equal(outcome.status, 1);
        assert_non_null(strstr(outcome.err.data, "closed the connection"));
}

#define EVENT(id, culprit) "{\"id\":" #id ",\"culprit\":\"" culprit "\"}"

/* The subscription stands before history is asked for; what comes through both is printed once. */
static void test_follow_with_history(void **state) {
        const struct step steps[] = {
                { .match = "\"method\":\"io.irqwatch.monitor.Subscribe\",\"parameters\":{},\"more\":true",
                  .replies = (const char *const[]){ "{\"parameters\":{\"event\":null},\"continues\":true}",
                                                    NULL } },
                { .match = "\"method\":\"io.irqwatch.monitor.ListEvents\"",
                  .replies =
                          (const char *const[]){
                                  "{\"parameters\":{\"events\":[" EVENT(11, "a") "," EVENT(
                                          12, "b") "]},"
                                                   "\"continues\":true}",
                                  "{\"parameters\":{\"events\":[" EVENT(13, "a") "]}}",
                                  NULL,
                          } },
        };
        static const char *const late[] = {
                "{\"parameters\":{\"event\":" EVENT(12, "b") "},\"continues\":true}",
                "{\"parameters\":{\"event\":" EVENT(13, "a") "},\"continues\":true}",
                "{\"parameters\":{\"event\":" EVENT(14, "a") "},\"continues\":true}",
                "{\"parameters\":{\"event\":" EVENT(15, "b") "},\"continues\":true}",
                NULL,
        };
        _cleanup_(outcome_done) struct outcome outcome = {}, chosen = {};

        play(&outcome, *state, steps, ELEMENTSOF(steps), late, -1, ARGS("events", "-jf", "--since", "1h"));
        assert_string_equal(outcome.out.data, EVENT(11, "a") "\n" EVENT(12, "b") "\n" EVENT(
                                                      13, "a") "\n" EVENT(14, "a") "\n" EVENT(15, "b") "\n");
        assert_int_equal(outcome.status, 1);
        assert_non_null(strstr(outcome.err.data, "closed the connection"));

        /* The server selects culprits of the history, the client those of the stream. */
        play(&chosen, *state, steps, ELEMENTSOF(steps), late, -1,
             ARGS("events", "-j", "-f", "-n5", "--culprit", "a"));
        assert_string_equal(chosen.out.data,
                            EVENT(11, "a") "\n" EVENT(12, "b") "\n" EVENT(13, "a") "\n" EVENT(14, "a") "\n");
}

static void test_alerts(void **state) {
        static const char reply[] =
                "{\"parameters\":{\"alerts\":["
                "{\"rule\":\"drops\",\"state\":\"raised\",\"subject\":null,\"cpu\":1,\"priority\":\"err\","
                "\"raisedUsec\":1700000000000000,\"clearedUsec\":null,\"value\":\"150\",\"worst\":\"160\","
                "\"threshold\":\"100\",\"text\":\"net/softnet on CPU 1\",\"eventId\":7,\"told\":true,\"noData\":false},"
                "{\"rule\":\"old\",\"state\":\"cleared\",\"subject\":\"NET\\u001bRX\",\"cpu\":null,\"priority\":\"err\","
                "\"raisedUsec\":1700000000000000,\"clearedUsec\":1700000060000000,\"value\":\"1\",\"worst\":\"160\","
                "\"threshold\":\"100\",\"text\":\"\",\"eventId\":8,\"told\":true,\"noData\":false}],"
                "\"rules\":[{\"name\":\"drops\",\"enabled\":true,\"condition\":\"much\",\"threshold\":\"1\",\"clear\":\"1\","
                "\"forNsec\":0,\"holdNsec\":60000000000,\"priority\":\"err\",\"unit\":\"a.service\"}]}}";
        const struct scratch *s = *state;

        play_one(s, "ListAlerts", reply, 0, "1 alert is raised\nERR       drops, raised ", ARGS("alerts"));
        play_one(s, "ListAlerts", reply, 0, "net/softnet on CPU 1\n", ARGS("alerts"));
        play_one(s, "ListAlerts", reply, 0, "1min", ARGS("alerts"));
        play_one(s, "ListAlerts", reply, 0, "NET?RX", ARGS("alerts"));
        play_one(s, "ListAlerts", reply, 0, "a.service", ARGS("alerts", "--rules"));
        play_one(s, "ListAlerts", "{\"parameters\":{\"alerts\":[],\"rules\":[]}}", 0, "No alert is raised", ARGS("alerts"));
        play_one(s, "ListAlerts", reply, 0, "\"rule\":\"old\"", ARGS("alerts", "-j"));
        /* What was over before the span is left out. */
        play_one(s, "ListAlerts", reply, 0, "\"told\":true,\"noData\":false}],\"rules\"",
                 ARGS("alerts", "-j", "--since", "@1700000061"));
        expect(s, 2, "takes no argument", ARGS("alerts", "x"));
        expect(s, 2, "takes no --cpu", ARGS("alerts", "--cpu", "1"));
}

static void test_full_disk(void **state) {
        const struct step steps[] = {
                { "GetStatus", (const char *const[]){ "{\"parameters\":{\"status\":{}}}", NULL } },
                /* An irqwatchd that knows no alerts is no failure. */
                { "ListAlerts", (const char *const[]){ "{\"error\":\"org.varlink.service.MethodNotFound\"}", NULL } },
        };
        _cleanup_(closep) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        _cleanup_(outcome_done) struct outcome outcome = {};

        assert_true(full >= 0);
        play(&outcome, *state, steps, ELEMENTSOF(steps), NULL, full, ARGS("status"));
        assert_int_equal(outcome.status, 1);
        assert_non_null(strstr(outcome.err.data, "cannot write the output: No space left on device"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_usage),     cmocka_unit_test(test_every_help),
                cmocka_unit_test(test_times),     cmocka_unit_test(test_no_daemon),
                cmocka_unit_test(test_requests),  cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_closed),    cmocka_unit_test(test_follow_with_history),
                cmocka_unit_test(test_full_disk), cmocka_unit_test(test_flame_usage),
                cmocka_unit_test(test_alerts),
                cmocka_unit_test(test_flame),     cmocka_unit_test(test_diagnose_tools_format),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
