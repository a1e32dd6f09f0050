/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/query/finding-rule.h"

#include <inttypes.h>
#include <string.h>

#include "common/parse.h"
#include "daemon/query/window-caller.h"

enum {
        FINDING_SLOW_MAX = 4, /* of one rule; all are in "irqctl events" */
        SLOW_WARNING_MS = 10, /* one run as long as what counts as a window with interrupts off */
        STARVED_WARNING_MS =
                20, /* a softirq waits for ksoftirqd's turn among other tasks: some wait is normal */
        STARVED_CRITICAL_MS = 50, /* as for windows */
};

static const char *evidence_string(const struct event *event, const char *name) {
        const struct evidence *evidence = event_find_evidence(event, name);

        return evidence && evidence->type == EVIDENCE_STRING ? evidence->string : NULL;
}

/* "; 12 such runs on CPUs 0-1, 30.0 ms in total", or nothing when there was one. */
static int format_again(const struct slow_group *group, char **ret_text) {
        bool wait = group->kind == EVENT_SOFTIRQ_LATENCY, several = cpu_set_count(&group->cpus) > 1;
        _cleanup_(freep) char *cpus = NULL;
        char total[DURATION_TEXT_MAX];
        int r;

        if (group->count == 1) {
                *ret_text = strdup("");
                return *ret_text ? 0 : -ENOMEM;
        }

        r = finding_format_cpus(&group->cpus, &cpus);
        if (r < 0)
                return r;
        r = asprintf(ret_text, "; %" PRIu64 " such %s%s%s%s%s%s", group->count, wait ? "waits" : "runs",
                     several ? " on " : "", several ? cpus : "", wait ? "" : ", ",
                     wait ? "" : format_duration(group->total_ns, total), wait ? "" : " in total");
        return r < 0 ? -ENOMEM : 0;
}

static int format_place(const struct event *event, char **ret_text) {
        int r;

        r = event->cpu == CPU_NONE ? asprintf(ret_text, "A CPU") : asprintf(ret_text, "CPU %d", event->cpu);
        return r < 0 ? -ENOMEM : 0;
}

/* "e1000_intr of IRQ 24 (eth0)" */
static int format_handler(const struct event *event, char **ret_text) {
        const struct evidence *irq = event_find_evidence(event, "irq");
        const char *device = evidence_string(event, "spanName");
        char number[32] = "";
        int r;

        if (device && (!*device || (event->culprit && strcmp(device, event->culprit) == 0)))
                device = NULL;
        if (irq)
                (void)snprintf(number, sizeof(number), " of IRQ %" PRId64, irq->integer); /* fits */
        r = asprintf(ret_text, "%s%s%s%s%s", event->culprit ?: "without a name", number, device ? " (" : "",
                     device ?: "", device ? ")" : "");
        return r < 0 ? -ENOMEM : 0;
}

static int set_hardirq_words(struct finding *finding, const struct slow_group *group, const char *where,
                             const char *again) {
        const struct event *event = group->worst;
        _cleanup_(freep) char *handler = NULL;
        char length[DURATION_TEXT_MAX];
        int r;

        r = format_handler(event, &handler);
        if (r < 0)
                return r;
        r = finding_set_text(finding, "%s spent %s in one run of the interrupt handler %s%s", where,
                             format_duration(event->duration_min_ns, length), handler, again);
        if (r < 0)
                return r;
        return finding_set_advice(
                finding,
                "Meanwhile this CPU took no other interrupt. \"irqctl rates hardirqs --latency\" "
                "(free) shows whether this handler is always slow or was once; \"irqctl show %" PRId64
                "\" has this run. Always slow is the driver's or the device's fault: look for a newer "
                "driver or firmware. Until then /proc/irq/NUMBER/smp_affinity_list keeps it off CPUs "
                "that must not wait.",
                event->id);
}

/* What to look at next depends on what the vector runs. */
static const char *softirq_advice(const char *softirq) {
        static const struct {
                const char *softirq, *advice;
        } table[] = {
                { "NET_RX",
                  "One run ends when net.core.netdev_budget packets or netdev_budget_usecs are used up, but "
                  "never within a driver's poll or a packet's way through netfilter, tc and XDP: long rule "
                  "lists there are the usual cause." },
                { "TIMER", "\"irqctl rates timers --latency\" (free) names the callback." },
                { "HRTIMER", "\"irqctl rates timers --latency\" (free) names the callback." },
                { "TASKLET", "\"irqctl rates tasklets --latency\" (free) names the tasklet." },
                { "HI", "\"irqctl rates tasklets --latency\" (free) names the tasklet." },
                { "RCU", "Many objects were freed at once. The boot parameter rcu_nocbs=LIST moves that work "
                         "off CPUs that "
                         "must not wait, into threads." },
        };

        for (size_t i = 0; softirq && i < ELEMENTSOF(table); i++)
                if (strcmp(table[i].softirq, softirq) == 0)
                        return table[i].advice;

        return "\"irqctl rates softirqs --latency\" (free) shows whether its runs are always long or were "
               "once.";
}

/* ", seen in nft_do_chain [nf_tables]"; of another run of the same kind where the worst one's stack names
 * nobody. An empty stack is one that the kernel could not follow: the timer interrupted code that belongs to
 * no function. */
static int format_seen(const struct slow_group *group, char **ret_text) {
        const struct event *worst = group->worst, *named = slow_is_named(worst) ? worst : group->named;
        const struct frame *frames;
        char length[DURATION_TEXT_MAX];
        const char *module;
        size_t n = 0;
        int r;

        if (named) {
                frames = window_culprit_frames(named, &n);
                module = frames ? frames[0].module : NULL;
                if (named == worst)
                        r = asprintf(ret_text, ", seen in %s%s%s%s", named->culprit, module ? " [" : "",
                                     module ?: "", module ? "]" : "");
                else
                        r = asprintf(ret_text, "; one of %s was seen in %s%s%s%s",
                                     format_duration(named->duration_min_ns, length), named->culprit,
                                     module ? " [" : "", module ?: "", module ? "]" : "");
        } else if (worst->kernel_stack && worst->kernel_stack->n_frames == 0)
                r = asprintf(ret_text, ", seen in code that has no name, as filters of packet sockets");
        else
                r = asprintf(ret_text, "%s", "");
        return r < 0 ? -ENOMEM : 0;
}

/* "for eth0", "for the backlog of veth, loopback or RPS" */
static int format_device(const struct event *event, char **ret_text) {
        const char *device = evidence_string(event, "device");
        int r;

        if (device && strcmp(device, "backlog") == 0)
                device = "the backlog, where packets of veth, loopback and RPS wait";
        r = asprintf(ret_text, "%s%s", device ? " for " : "", device ?: "");
        return r < 0 ? -ENOMEM : 0;
}

static int set_softirq_advice(struct finding *finding, const struct slow_group *group) {
        const struct event *event =
                slow_is_named(group->worst) || !group->named ? group->worst : group->named;
        const char *softirq = slow_softirq(event);
        bool unnamed = event->kernel_stack && event->kernel_stack->n_frames == 0;

        return finding_set_advice(
                finding,
                "Meanwhile no other softirq and no task ran there. %s%s \"irqctl show %" PRId64 "\" has %s.",
                softirq_advice(softirq),
                unnamed && softirq && strcmp(softirq, "NET_RX") == 0
                        ? " \"ss -0pb\" (free) lists packet sockets with their filters."
                        : "",
                event->id,
                event->kernel_stack && !unnamed ? "the stack that was taken inside this run" : "this run");
}

static int set_softirq_words(struct finding *finding, const struct slow_group *group, const char *where,
                             const char *again) {
        const struct event *event = group->worst;
        const char *context = evidence_string(event, "context");
        _cleanup_(freep) char *device = NULL, *seen = NULL;
        char length[DURATION_TEXT_MAX];
        int r;

        r = format_device(event, &device);
        if (r < 0)
                return r;
        r = format_seen(group, &seen);
        if (r < 0)
                return r;
        r = finding_set_text(
                finding, "%s spent %s in one run of the softirq %s%s%s%s%s", where,
                format_duration(event->duration_min_ns, length), slow_softirq(event) ?: "that is not known",
                device, context && strcmp(context, "ksoftirqd") == 0 ? " in ksoftirqd" : "", seen, again);
        if (r == 0 && group->named)
                r = finding_add_text(finding, "seenIn", group->named->culprit);
        if (r == 0 && group->named)
                r = finding_add_integer(finding, "seenId", (uint64_t)group->named->id);
        if (r == 0 && group->named)
                r = finding_add_integer(finding, "seenNsec", group->named->duration_min_ns);
        return r < 0 ? r : set_softirq_advice(finding, group);
}

/* " while node (pid 25319) ran in f [m]": only if it was seen before the softirq started. */
static int format_instead(const struct event *event, char **ret_text) {
        const struct frame *frames;
        const char *module;
        size_t n = 0;
        int r;

        if (!event->has_task || !event->kernel_stack) {
                *ret_text = strdup("");
                return *ret_text ? 0 : -ENOMEM;
        }

        frames = window_culprit_frames(event, &n);
        module = frames ? frames[0].module : NULL;
        r = asprintf(ret_text, " while %.*s (pid %d) ran%s%s%s%s%s", EVENT_COMM_MAX, event->comm,
                     (int)event->pid, event->culprit ? " in " : "", event->culprit ?: "", module ? " [" : "",
                     module ?: "", module ? "]" : "");
        return r < 0 ? -ENOMEM : 0;
}

static int set_starved_words(struct finding *finding, const struct slow_group *group, const char *where,
                             const char *again) {
        const struct event *event = group->worst;
        _cleanup_(freep) char *instead = NULL;
        char length[DURATION_TEXT_MAX];
        int r;

        r = format_instead(event, &instead);
        if (r < 0)
                return r;
        r = finding_set_text(finding, "%s let the softirq %s wait for %s%s%s", where,
                             slow_softirq(event) ?: "that is not known",
                             format_duration(event->duration_min_ns, length), instead, again);
        if (r < 0)
                return r;
        return finding_set_advice(
                finding,
                "Either code that runs with softirqs disabled took that long, or the work was left to "
                "ksoftirqd and that task got no CPU. \"irqctl show %" PRId64
                "\" has who ran instead, \"irqctl rates softirqs --latency\" the share that ksoftirqd "
                "runs (both free). If a real-time task holds the CPU (\"ps -eLo psr,cls,rtprio,comm\"), "
                "move either that or the interrupts to another.",
                event->id);
}

typedef int (*words_fn)(struct finding *finding, const struct slow_group *group, const char *where,
                        const char *again);

static enum severity group_severity(const struct report *report, const struct slow_group *group) {
        uint64_t worst_ns = group->worst->duration_min_ns;

        if (group->kind == EVENT_SOFTIRQ_LATENCY) {
                if (worst_ns >= STARVED_CRITICAL_MS * NSEC_PER_MSEC)
                        return SEVERITY_CRITICAL;
                return worst_ns >= STARVED_WARNING_MS * NSEC_PER_MSEC ? SEVERITY_WARNING : SEVERITY_INFO;
        }

        if (finding_window_severity(report, worst_ns, group->total_ns) == SEVERITY_CRITICAL)
                return SEVERITY_CRITICAL;
        return worst_ns >= SLOW_WARNING_MS * NSEC_PER_MSEC ? SEVERITY_WARNING : SEVERITY_INFO;
}

static int add_evidence(struct finding *finding, const struct slow_group *group) {
        int r;

        r = finding_add_integer(finding, "count", group->count);
        if (r == 0)
                r = finding_add_integer(finding, "worstNsec", group->worst->duration_min_ns);
        if (r == 0)
                r = finding_add_integer(finding, "worstId", (uint64_t)group->worst->id);
        /* Vectors wait beside one another: their sum is no time that was lost. */
        if (r == 0 && group->kind != EVENT_SOFTIRQ_LATENCY)
                r = finding_add_integer(finding, "totalNsec", group->total_ns);
        if (r == 0)
                r = finding_add_cpus(finding, "cpus", &group->cpus);
        return r;
}

static const char *group_subject(const struct event *event) {
        if (event->kind == EVENT_HARDIRQ)
                return event->culprit ?: "hardirq";
        return slow_softirq(event) ?: "softirq";
}

static int add_group(struct finding_context *context, const struct slow_group *group, words_fn set_words) {
        _cleanup_(freep) char *where = NULL, *again = NULL;
        struct finding *finding;
        int r;

        r = format_place(group->worst, &where);
        if (r < 0)
                return r;
        r = format_again(group, &again);
        if (r < 0)
                return r;
        r = finding_add(context, group_severity(context->report, group), group_subject(group->worst),
                        &finding);
        if (r < 0)
                return r;
        r = set_words(finding, group, where, again);
        if (r == 0)
                r = cpu_set_copy(&finding->cpus, &group->cpus);
        if (r < 0)
                return r;
        finding_set_time(finding, group->worst->time_us - group->worst->duration_min_ns / NSEC_PER_USEC,
                         group->worst->time_us);
        return add_evidence(finding, group);
}

static int add_kind(struct finding_context *context, enum event_kind kind, words_fn set_words) {
        const struct slow *slow = context->report->slow;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < slow->n_groups && n < FINDING_SLOW_MAX; i++) {
                if (slow->groups[i].kind != kind)
                        continue;
                r = add_group(context, &slow->groups[i], set_words);
                if (r < 0)
                        return r;
                n++;
        }

        return 0;
}

int finding_slow_hardirqs(struct finding_context *context) {
        return add_kind(context, EVENT_HARDIRQ, set_hardirq_words);
}

int finding_slow_softirqs(struct finding_context *context) {
        return add_kind(context, EVENT_SOFTIRQ, set_softirq_words);
}

int finding_starved_softirqs(struct finding_context *context) {
        return add_kind(context, EVENT_SOFTIRQ_LATENCY, set_starved_words);
}
