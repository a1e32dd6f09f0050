/* SPDX-License-Identifier: Apache-2.0 */

#include <inttypes.h>
#include <string.h>

#include "client/field.h"
#include "client/top-layout-parts.h"
#include "common/parse.h"

static double top_sum(const struct top_rates *rates) {
        double sum = 0;

        for (size_t i = 0; i < rates->n_rows; i++)
                sum += (double)rates->rows[i].total;
        return sum;
}

static void top_draw_title(const struct top_model *model, const struct top_view *view,
                           const struct top_page *page, struct top_grid *grid) {
        char moment[FIELD_TEXT_MAX], span[DURATION_TEXT_MAX], ago[DURATION_TEXT_MAX];
        uint64_t until_us = model->until_us;
        size_t n_online = 0;
        unsigned x;

        for (size_t i = 0; i < model->n_cpus; i++)
                n_online += model->cpus[i].online;
        (void)format_moment(until_us, page->now_us, false, moment);
        x = top_grid_printf(grid, 0, 0, TOP_BOLD, "irqctl top  %s  %s ", model->hostname ?: "", moment);

        if (page->trouble)
                (void)top_grid_printf(grid, 0, x, TOP_WARNING, " %s ", page->trouble);
        else {
                if (view->at_us > 0)
                        x = top_grid_printf(
                                grid, 0, x, TOP_NOTICE, " %s ago ",
                                format_duration((page->now_us - MIN(until_us, page->now_us)) * NSEC_PER_USEC,
                                                ago));
                else
                        x = top_grid_text(grid, 0, x, grid->width, view->frozen ? TOP_NOTICE : TOP_PLAIN,
                                          view->frozen ? " frozen " : "live ");
                (void)top_grid_printf(
                        grid, 0, x, TOP_PLAIN, " %s of %s, %zu CPU%s%s%s", view->totals ? "counts" : "rates",
                        format_duration_exact(view->span_ns, span), n_online, n_online == 1 ? "" : "s",
                        *view->filter ? ", filter: " : "", view->filter);
        }
}

struct worst {
        double share;
        int cpu;
};

static struct worst top_worst(const struct top_model *model, bool ksoftirqd) {
        struct worst worst = { .share = -1, .cpu = -1 };

        for (size_t i = 0; i < model->n_cpus; i++) {
                const struct top_cpu *cpu = &model->cpus[i];
                double share = ksoftirqd ? cpu->ksoftirqd_share : cpu->softirq_share;

                if (share > worst.share)
                        worst = (struct worst){ share, cpu->cpu };
        }

        return worst;
}

static unsigned top_draw_share(const struct top_model *model, struct top_grid *grid, unsigned x,
                               bool ksoftirqd) {
        struct worst worst = top_worst(model, ksoftirqd);
        char text[FIELD_TEXT_MAX];

        if (worst.cpu < 0)
                return x;
        x = top_grid_printf(grid, 1, x, TOP_PLAIN, "  %s ", ksoftirqd ? "ksoftirqd" : "softirq time");
        x = top_grid_printf(grid, 1, x, worst.share >= 0.5 ? TOP_WARNING : TOP_BOLD, "%s",
                            format_share(MIN(worst.share, 1.0), text));
        return worst.share > 0 ? top_grid_printf(grid, 1, x, TOP_PLAIN, " (CPU%d)", worst.cpu) : x;
}

static unsigned top_draw_lateness(const struct top_model *model, struct top_grid *grid) {
        const struct top_cpu *worst = NULL;
        char text[TOP_VALUE_MAX];
        uint64_t p99_ns = 0;
        unsigned x;

        for (size_t i = 0; i < model->n_cpus; i++) {
                if (!worst || model->cpus[i].max_ns > worst->max_ns)
                        worst = &model->cpus[i];
                p99_ns = MAX(p99_ns, model->cpus[i].p99_ns);
        }
        if (!worst || worst->max_ns == 0)
                return 0;

        x = top_grid_printf(grid, 2, 0, TOP_PLAIN, "timers late: p99 %s, max ",
                            top_value_text((double)p99_ns, TOP_NSEC, false, text));
        x = top_grid_printf(grid, 2, x, worst->max_ns >= 10 * NSEC_PER_MSEC ? TOP_WARNING : TOP_BOLD, "%s",
                            top_value_text((double)worst->max_ns, TOP_NSEC, false, text));
        return top_grid_printf(grid, 2, x, TOP_PLAIN, " (CPU%d)  ", worst->cpu);
}

static unsigned top_draw_rate(const struct top_model *model, const struct top_view *view,
                              struct top_grid *grid, unsigned x, enum top_part part) {
        const struct top_rates *rates = &model->rates[part];
        double value = top_sum(rates);
        char text[TOP_VALUE_MAX];

        if (model->absent[part])
                return x;
        if (!view->totals)
                value = rates->seconds > 0 ? value / rates->seconds : 0;
        x = top_grid_printf(grid, 1, x, TOP_PLAIN, "%s ", part == TOP_SOFTIRQS ? "softirqs" : "  interrupts");
        x = top_grid_text(grid, 1, x, grid->width, TOP_BOLD,
                          top_value_text(value, TOP_RATE, view->totals, text));
        return view->totals ? x : top_grid_text(grid, 1, x, grid->width, TOP_PLAIN, "/s");
}

static unsigned top_draw_alerts(const struct top_model *model, struct top_grid *grid, unsigned x) {
        if (model->absent[TOP_ALERTS])
                return x;
        if (model->n_alerts == 0)
                return top_grid_text(grid, 2, x, grid->width, TOP_DIM, "no active alerts  ");

        x = top_grid_printf(grid, 2, x, TOP_WARNING, " %zu alert%s ", model->n_alerts,
                            model->n_alerts == 1 ? "" : "s");
        for (size_t i = 0; i < model->n_alerts; i++) {
                const struct top_alert *alert = &model->alerts[i];

                x = top_grid_printf(grid, 2, x, TOP_BOLD, " %s", alert->name);
                if (alert->text)
                        x = top_grid_printf(grid, 2, x, TOP_PLAIN, " (%s)", alert->text);
        }

        return top_grid_text(grid, 2, x, grid->width, TOP_PLAIN, "  ");
}

/* What the daemon does not give, so that an empty place is not taken for zero. */
static void top_draw_absent(const struct top_model *model, struct top_grid *grid, unsigned x) {
        static const char *const names[_TOP_PART_MAX] = {
                [TOP_SOFTIRQS] = "softirqs",   [TOP_INTERRUPTS] = "interrupts", [TOP_CPU_TIME] = "CPU time",
                [TOP_KSOFTIRQD] = "ksoftirqd", [TOP_LATENCY] = "lateness",      [TOP_WINDOWS] = "windows",
                [TOP_ALERTS] = "alerts",       [TOP_STATUS] = "status",
        };
        bool any = false;

        for (enum top_part part = 0; part < _TOP_PART_MAX; part++) {
                if (!model->absent[part])
                        continue;
                x = top_grid_printf(grid, 2, x, TOP_DIM, "%s%s", any ? ", " : "not known: ", names[part]);
                any = true;
        }
        for (enum top_part part = 0; part < _TOP_RATES_MAX; part++)
                if (model->rates[part].cut)
                        x = top_grid_printf(grid, 2, x, TOP_NOTICE,
                                            "%s%s per CPU: too many for one answer, use --cpu",
                                            any ? "; " : "", names[part]);
}

void top_draw_head(const struct top_model *model, const struct top_view *view, const struct top_page *page,
                   struct top_grid *grid) {
        unsigned x;

        top_draw_title(model, view, page, grid);
        x = top_draw_rate(model, view, grid, 0, TOP_SOFTIRQS);
        x = top_draw_rate(model, view, grid, x, TOP_INTERRUPTS);
        x = top_draw_share(model, grid, x, false);
        (void)top_draw_share(model, grid, x, true);
        x = top_draw_lateness(model, grid);
        x = top_draw_alerts(model, grid, x);
        top_draw_absent(model, grid, x);
}

static void top_draw_window(const struct top_window *window, const struct top_page *page,
                            struct top_grid *grid, unsigned y, bool chosen) {
        char moment[FIELD_TEXT_MAX], cpu[16] = "-", length[DURATION_RANGE_TEXT_MAX];
        enum top_attr attr = chosen ? TOP_CHOSEN : TOP_PLAIN;
        unsigned task = grid->width > 100 ? 70 : 56;

        if (window->cpu >= 0)
                (void)snprintf(cpu, sizeof(cpu), "%d", window->cpu);
        top_grid_paint(grid, y, 0, grid->width, attr);
        (void)top_grid_text(grid, y, 0, 8, attr,
                            format_moment(window->time_us, page->now_us, false, moment) +
                                    (strlen(moment) > 8 ? strlen(moment) - 8 : 0));
        top_grid_right(grid, y, 9, 13, attr, cpu);
        top_grid_right(grid, y, 14, 27, attr, format_duration_range(window->min_ns, window->max_ns, length));
        (void)top_grid_text(grid, y, 28, 35, attr, window->class ?: "-");
        (void)top_grid_text(grid, y, 36, task - 1, chosen ? attr : TOP_BOLD, window->culprit ?: "-");
        if (window->comm)
                (void)top_grid_printf(grid, y, task, attr, "%s[%" PRId64 "]", window->comm, window->pid);
}

size_t top_draw_windows(const struct top_model *model, const struct top_view *view,
                        const struct top_page *page, struct top_grid *grid, unsigned y, unsigned end) {
        size_t n = 0;

        top_grid_paint(grid, y, 0, grid->width, TOP_HEADING);
        (void)top_grid_text(grid, y, 0, grid->width, TOP_HEADING,
                            "WINDOW    CPU      DURATION CLASS   CULPRIT");
        (void)top_grid_text(grid, y, grid->width > 100 ? 70 : 56, grid->width, TOP_HEADING, "TASK");
        for (size_t i = model->n_windows; i-- > 0 && y + 1 + n < end;)
                if (top_window_wanted(&model->windows[i], view->filter)) {
                        top_draw_window(&model->windows[i], page, grid, y + 1 + (unsigned)n,
                                        view->mode == TOP_MODE_WINDOWS && n == view->window);
                        n++;
                }

        if (n == 0)
                (void)top_grid_text(grid, y + 1, 0, grid->width, TOP_DIM,
                                    model->absent[TOP_WINDOWS] ? model->absent[TOP_WINDOWS]
                                    : *view->filter            ? "none of what the filter lets through"
                                                               : "none in the last hour");
        return n;
}

void top_draw_foot(const struct top_view *view, const struct top_page *page, struct top_grid *grid,
                   unsigned y) {
        static const char *const hints[] = {
                [TOP_MODE_TABLE] =
                        "h help  g group  s sort  / filter  <- -> time  + - span  f freeze  Tab windows",
                [TOP_MODE_WINDOWS] = "up down choose  Enter open with stacks  Escape back",
                [TOP_MODE_EVENT] = "up down PgUp PgDn scroll  Escape back",
                [TOP_MODE_HELP] = "up down PgUp PgDn scroll  Escape back",
                [TOP_MODE_FILTER] = "filter by CPUs or name: ",
                [TOP_MODE_TIME] = "time (14:03, 10m ago): ",
        };
        bool input = view->mode == TOP_MODE_FILTER || view->mode == TOP_MODE_TIME;
        unsigned x;

        if (*view->message) {
                (void)top_grid_printf(grid, y, 0, TOP_NOTICE, " %s ", view->message);
                return;
        }

        x = top_grid_text(grid, y, 0, grid->width, input ? TOP_BOLD : TOP_DIM, hints[view->mode]);
        if (input)
                (void)top_grid_printf(grid, y, x, TOP_PLAIN, "%s%s", view->input,
                                      page->utf8 ? "\u2588" : "_");
}
