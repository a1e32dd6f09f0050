/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/finding-rule.h"

#include <inttypes.h>
#include <string.h>

#include "common/parse.h"
#include "daemon/query/window-caller.h"

/* More are in the report's windows by culprit; a list of findings that nobody reads to its end helps nobody.
 */
enum { FINDING_CULPRITS_MAX = 8 };

/* All windows of one class, or of one culprit. */
struct window_sum {
        uint64_t count, total_min_ns;
        const struct window_group *worst;
        struct cpu_set cpus;
};

static void window_sum_done(struct window_sum *sum) {
        cpu_set_done(&sum->cpus);
}

static int window_sum_add(struct window_sum *sum, const struct window_group *group) {
        int r = 0;

        sum->count += group->count;
        sum->total_min_ns += group->total_min_ns;
        if (!sum->worst || group->worst_min_ns > sum->worst->worst_min_ns)
                sum->worst = group;
        for (int cpu = cpu_set_next(&group->cpus, 0); cpu >= 0 && r == 0;
             cpu = cpu_set_next(&group->cpus, cpu + 1))
                r = cpu_set_add(&sum->cpus, cpu);

        return r;
}

static int window_sum_class(const struct report *report, enum event_class class, struct window_sum *sum) {
        int r;

        for (size_t i = 0; i < report->windows->n_by_culprit; i++) {
                if (report->windows->by_culprit[i].class != class)
                        continue;
                r = window_sum_add(sum, &report->windows->by_culprit[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int add_window_evidence(struct finding *finding, const struct window_sum *sum) {
        int r;

        r = finding_add_integer(finding, "count", sum->count);
        if (r == 0)
                r = finding_add_integer(finding, "worstMinNsec", sum->worst->worst_min_ns);
        if (r == 0)
                r = finding_add_integer(finding, "worstMaxNsec", sum->worst->worst_max_ns);
        if (r == 0)
                r = finding_add_integer(finding, "worstId", (uint64_t)sum->worst->worst_id);
        if (r == 0)
                r = finding_add_integer(finding, "totalMinNsec", sum->total_min_ns);
        if (r == 0)
                r = finding_add_cpus(finding, "cpus", &sum->cpus);
        return r;
}

/* "; 3 such windows on CPUs 0-1, at least 102 ms in total", or nothing when there was one. */
static int format_recurrence(const struct window_sum *sum, char **ret_text) {
        _cleanup_(freep) char *cpus = NULL;
        char total[DURATION_TEXT_MAX];
        bool several = cpu_set_count(&sum->cpus) > 1;
        int r;

        if (sum->count == 1) {
                *ret_text = strdup("");
                return *ret_text ? 0 : -ENOMEM;
        }

        r = finding_format_cpus(&sum->cpus, &cpus);
        if (r < 0)
                return r;
        if (asprintf(ret_text, "; %" PRIu64 " such windows%s%s, at least %s in total", sum->count,
                     several ? " on " : "", several ? cpus : "",
                     format_duration(sum->total_min_ns, total)) < 0)
                return -ENOMEM;
        return 0;
}

/* The module that the culprit's frame names: what modinfo wants. */
static const char *culprit_module(const struct event *event) {
        const struct frame *frames;
        size_t n;

        frames = window_culprit_frames(event, &n);
        return frames ? frames[0].module : NULL;
}

/* ", called by insmod (pid 25319)": for a handler the task is only whom it interrupted. */
static int format_task(const struct event *event, char **ret_text) {
        bool caller = event->class == CLASS_IRQ_OFF;
        const char *before = caller ? "called by" : "while", *after = caller ? "" : " was running";
        int r;

        if (!event->has_task)
                r = asprintf(ret_text, "%s", "");
        else if (event->pid == 0)
                r = asprintf(ret_text, ", %s the idle task%s", before, after);
        else
                r = asprintf(ret_text, ", %s %.*s (pid %d)%s", before, EVENT_COMM_MAX, event->comm,
                             (int)event->pid, after);
        return r < 0 ? -ENOMEM : 0;
}

static int format_place(const struct event *event, char **ret_text) {
        int r;

        if (event->cpu == CPU_NONE)
                r = asprintf(ret_text, "A CPU");
        else
                r = asprintf(ret_text, "CPU %d", event->cpu);
        return r < 0 ? -ENOMEM : 0;
}

static const struct culprit_words {
        const char *did;     /* CPU 1 ... for 50 ms */
        const char *unnamed; /* when nothing is known of the culprit */
} culprit_words[_EVENT_CLASS_MAX] = {
        [CLASS_IRQ_OFF] = { "ran with interrupts off for", "a function that could not be named" },
        [CLASS_HARDIRQ] = { "was held by an interrupt handler for", "a handler that could not be named" },
        [CLASS_SOFTIRQ] = { "was held by a softirq for", "a softirq that could not be named" },
        [CLASS_IPI] = { "was held by a call from another CPU for", "a function that could not be named" },
};

/* Two CPUs that were late over the same moment may have waited for one lock, or something below the kernel held both: the
 * record says which is likelier, and how sure it is. */
static bool is_shared_doubt(const struct event *event) {
        return event->confidence == CONFIDENCE_LOW && event_find_evidence(event, "otherCpus");
}

static int set_culprit_text(struct finding *finding, const struct window_sum *sum) {
        const struct event *event = sum->worst->worst;
        const struct culprit_words *words = &culprit_words[event->class];
        const char *module = culprit_module(event), *caller = sum->worst->caller;
        _cleanup_(freep) char *task = NULL, *again = NULL, *where = NULL;
        char bounds[DURATION_RANGE_TEXT_MAX];
        int r;

        r = format_task(event, &task);
        if (r < 0)
                return r;
        r = format_recurrence(sum, &again);
        if (r < 0)
                return r;
        r = format_place(event, &where);
        if (r < 0)
                return r;

        return finding_set_text(finding, "%s %s %s in %s%s%s%s%s%s%s%s%s", where, words->did,
                                format_duration_range(event->duration_min_ns, event->duration_max_ns, bounds),
                                event->culprit ?: words->unnamed, module ? " [" : "", module ?: "",
                                module ? "]" : "", caller ? " under " : "", caller ?: "", task, again,
                                is_shared_doubt(event) ? "; another CPU was late over the same moment, so that the cause "
                                                         "may lie below the kernel"
                                                       : "");
}

/* Only the first culprit gets the lesson in profiling: it is the same for all, and there may be eight. */
static int set_culprit_advice(struct finding *finding, const struct window_sum *sum, bool first) {
        const struct event *event = sum->worst->worst;
        const char *module = culprit_module(event);
        bool is_bpf = module && strcmp(module, "bpf") == 0;
        const char *owner = "";
        _cleanup_(freep) char *profiling = NULL;
        char cpu[32] = "-a";

        /* BPF programs are no module: their loader is found by the kernel's list of programs. */
        if (module)
                owner = is_bpf ? " and whose program it is with \"bpftool prog show"
                               : " and whose code it is with \"modinfo ";
        if (event->cpu != CPU_NONE)
                (void)snprintf(cpu, sizeof(cpu), "-C %d", event->cpu); /* fits */
        if (asprintf(&profiling,
                     " (both only read what is there). If it comes back, \"perf record -e cycles %s -g -- "
                     "sleep 10\" "
                     "while it happens shows where the time goes: it costs about a percent of that CPU, and "
                     "sees code "
                     "that runs with interrupts off only where the PMU raises NMIs, so rarely in virtual "
                     "machines.",
                     cpu) < 0)
                return -ENOMEM;

        return finding_set_advice(
                finding, "See the whole stack and task with \"irqctl show %" PRId64 "\"%s%s%s%s", event->id,
                owner, module && !is_bpf ? module : "", module ? "\"" : "", first ? profiling : ".");
}

static int add_culprit(struct finding_context *context, const struct window_group *group, bool first) {
        _cleanup_(window_sum_done) struct window_sum sum = {};
        enum severity severity = finding_window_severity(context->report, group->worst_min_ns, group->total_min_ns);
        struct finding *finding;
        int r;

        r = window_sum_add(&sum, group);
        if (r < 0)
                return r;
        r = finding_add(context, is_shared_doubt(group->worst) ? SEVERITY_INFO : severity,
                        group->culprit ?: event_class_to_string(group->class), &finding);
        if (r < 0)
                return r;
        r = set_culprit_text(finding, &sum);
        if (r < 0)
                return r;
        r = set_culprit_advice(finding, &sum, first);
        if (r < 0)
                return r;
        return add_window_evidence(finding, &sum);
}

int finding_culprits(struct finding_context *context) {
        const struct windows *windows = context->report->windows;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < windows->n_by_culprit && n < FINDING_CULPRITS_MAX; i++) {
                if (!culprit_words[windows->by_culprit[i].class].did)
                        continue;
                r = add_culprit(context, &windows->by_culprit[i], n == 0);
                if (r < 0)
                        return r;
                n++;
        }

        return 0;
}

/* What a finding about all windows of a class says: "CPU 1 DID 48.2-51.0 ms WHY". */
struct class_words {
        const char *did, *why;
        const char *advice;
};

static int set_class_text(struct finding *finding, const struct window_sum *sum,
                          const struct class_words *words) {
        const struct event *event = sum->worst->worst;
        _cleanup_(freep) char *again = NULL, *where = NULL;
        char bounds[DURATION_RANGE_TEXT_MAX];
        int r;

        r = format_place(event, &where);
        if (r < 0)
                return r;
        r = format_recurrence(sum, &again);
        if (r < 0)
                return r;

        r = finding_set_text(finding, "%s %s %s%s%s", where, words->did,
                             format_duration_range(event->duration_min_ns, event->duration_max_ns, bounds),
                             words->why, again);
        if (r < 0)
                return r;
        return finding_set_advice(finding,
                                  "%s \"irqctl show %" PRId64 "\" has the evidence for the worst one.",
                                  words->advice, event->id);
}

static int add_class(struct finding_context *context, enum event_class class, bool info,
                     const struct class_words *words) {
        _cleanup_(window_sum_done) struct window_sum sum = {};
        _cleanup_(freep) char *cpus = NULL;
        enum severity severity = SEVERITY_INFO;
        struct finding *finding;
        int r;

        r = window_sum_class(context->report, class, &sum);
        if (r < 0 || sum.count == 0)
                return r;
        r = finding_format_cpus(&sum.cpus, &cpus);
        if (r < 0)
                return r;

        if (!info)
                severity =
                        finding_window_severity(context->report, sum.worst->worst_min_ns, sum.total_min_ns);
        r = finding_add(context, severity, cpus, &finding);
        if (r < 0)
                return r;
        r = set_class_text(finding, &sum, words);
        if (r < 0)
                return r;
        return add_window_evidence(finding, &sum);
}

int finding_unexplained(struct finding_context *context) {
        static const struct class_words words = {
                .did = "took its timer interrupts late by",
                .why = ", and the evidence does not say why",
                .advice = "The stack was taken when interrupts came back and may still point at the cause.",
        };

        return add_class(context, CLASS_UNKNOWN, false, &words);
}

int finding_steal(struct finding_context *context) {
        static const struct class_words words = {
                .did = "stood still for",
                .why = " because the hypervisor ran something else in its place",
                .advice =
                        "Nothing inside this machine caused it. \"vmstat 1\" (column st, costs nothing) "
                        "shows "
                        "whether it goes on; then ask whoever runs the host about overcommitted CPUs and CPU "
                        "quotas, or move to an instance with CPUs of its own.",
        };

        return add_class(context, CLASS_STEAL, false, &words);
}

static const char platform_advice[] =
        "In a virtual machine, compare the time with migrations, snapshots and backups on the host. On "
        "hardware, suspect firmware: \"turbostat --show SMI\" counts SMIs for next to nothing; the hwlat "
        "tracer measures them but keeps CPUs busy with interrupts off, so not in production.";

/* One CPU may be stopped alone, where nothing accounts it as steal. */
int finding_platform(struct finding_context *context) {
        static const struct class_words several = {
                .did = "and others stood still over the same moment, for",
                .why = ": something below the kernel held the whole machine",
                .advice = platform_advice,
        };
        static const struct class_words one = {
                .did = "stood still for",
                .why = ": something below the kernel held it, the hypervisor, firmware or a device that was "
                       "accessed",
                .advice = platform_advice,
        };
        static const struct class_words timer = {
                .did = "took its timer interrupt late by",
                .why = " though other interrupts came in: the timer itself was late, as an emulated one is "
                       "whose host is busy",
                .advice = platform_advice,
        };
        _cleanup_(window_sum_done) struct window_sum sum = {};
        const struct class_words *words = &one;
        int r;

        r = window_sum_class(context->report, CLASS_PLATFORM, &sum);
        if (r < 0 || sum.count == 0)
                return r;

        if (event_find_evidence(sum.worst->worst, "otherCpus"))
                words = &several;
        else if (event_find_evidence(sum.worst->worst, "interruptBeforeEndNsec"))
                words = &timer;
        return add_class(context, CLASS_PLATFORM, false, words);
}

int finding_idle_exit(struct finding_context *context) {
        static const struct class_words words = {
                .did = "left idle late by",
                .why = "",
                .advice = "Nothing ran late but the wake-up itself. If that matters, \"cpupower idle-info\" "
                          "(free) "
                          "shows the exit latencies; a process that holds /dev/cpu_dma_latency open forbids "
                          "the deep "
                          "states, at the price of power and turbo headroom.",
        };

        return add_class(context, CLASS_IDLE_EXIT, true, &words);
}
