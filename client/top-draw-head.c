/* SPDX-License-Identifier: Apache-2.0 */

#include <inttypes.h>
#include <string.h>

#include "client/field.h"
#include "client/i18n.h"
#include "client/top-layout-parts.h"
#include "common/parse.h"

enum { WIDTH_WITH_WORDS = 101 }; /* narrower screens have the short forms */

static double top_sum(const struct top_rates *rates) {
        double sum = 0;

        for (size_t i = 0; i < rates->n_rows; i++)
                sum += (double)rates->rows[i].total;
        return sum;
}

/* Which time is shown: what lies in the past must not be taken for the present, so it says from when to when.
 */
static unsigned top_draw_moment(const struct top_model *model, const struct top_view *view,
                                const struct top_page *page, struct top_grid *grid, unsigned x) {
        char since[FIELD_TEXT_MAX], until[FIELD_TEXT_MAX], ago[DURATION_TEXT_MAX];
        uint64_t ago_us = page->now_us - MIN(model->until_us, page->now_us);
        bool one_day = same_day(model->since_us, model->until_us);

        (void)format_moment(model->until_us, one_day && view->at_us > 0 ? model->until_us : page->now_us,
                            false, until);
        if (view->at_us > 0)
                return top_grid_printf(grid, 0, x, TOP_NOTICE, _(" %s - %s, %s ago "),
                                       format_moment(model->since_us, page->now_us, false, since), until,
                                       format_duration(ago_us * NSEC_PER_USEC, ago));

        x = top_grid_printf(grid, 0, x, TOP_BOLD, " %s ", until);
        return top_grid_text(grid, 0, x, grid->width, view->frozen ? TOP_NOTICE : TOP_PLAIN,
                             view->frozen ? _(" frozen ") : _("live "));
}

/* What the user chose to see. */
static void top_draw_choice(const struct top_view *view, size_t n_online, struct top_grid *grid, unsigned x) {
        char span[DURATION_TEXT_MAX];

        (void)format_duration_exact(view->span_ns, span);
        x = top_grid_printf(grid, 0, x, TOP_PLAIN, view->totals ? _(" counts of %s") : _(" rates of %s"),
                            span);
        if (n_online > 0) /* none: nothing is known of that time */
                x = top_grid_printf(grid, 0, x, TOP_PLAIN, ngettext(", %zu CPU", ", %zu CPUs", n_online), n_online);
        if (*view->filter)
                (void)top_grid_printf(grid, 0, x, TOP_PLAIN, _(", filter: %s"), view->filter);
}

static void top_draw_title(const struct top_model *model, const struct top_view *view,
                           const struct top_page *page, struct top_grid *grid) {
        size_t n_online = 0;
        unsigned x;

        for (size_t i = 0; i < model->n_cpus; i++)
                n_online += model->cpus[i].online;
        x = top_grid_printf(grid, 0, 0, TOP_BOLD, "irqctl top  %s ", model->hostname ?: "");
        x = top_draw_moment(model, view, page, grid, x);

        if (page->trouble)
                (void)top_grid_printf(grid, 0, x, TOP_WARNING, " %s ", page->trouble);
        else
                top_draw_choice(view, n_online, grid, x);
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
        x = top_grid_printf(grid, 1, x, TOP_PLAIN, "  %s ",
                            grid->width < WIDTH_WITH_WORDS ? (ksoftirqd ? "KSD" : "SI")
                            : ksoftirqd                    ? "ksoftirqd"
                                                           : _("softirq time"));
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

        x = top_grid_printf(grid, 2, 0, TOP_PLAIN, _("timers late: p99 %s, max "),
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
        x = top_grid_printf(grid, 1, x, TOP_PLAIN, "%s ",
                            part == TOP_SOFTIRQS ? _("softirqs") : _("  interrupts"));
        x = top_grid_text(grid, 1, x, grid->width, TOP_BOLD,
                          top_value_text(value, TOP_RATE, view->totals, text));
        return view->totals ? x : top_grid_text(grid, 1, x, grid->width, TOP_PLAIN, "/s");
}

static unsigned top_draw_alerts(const struct top_model *model, struct top_grid *grid, unsigned x) {
        if (model->absent[TOP_ALERTS])
                return x;
        if (model->n_alerts == 0)
                return top_grid_text(grid, 2, x, grid->width, TOP_DIM, _("no active alerts  "));

        x = top_grid_printf(grid, 2, x, TOP_WARNING, ngettext(" %zu alert ", " %zu alerts ", model->n_alerts),
                            model->n_alerts);
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
                [TOP_SOFTIRQS] = N_("softirqs"), [TOP_INTERRUPTS] = N_("interrupts"),
                [TOP_CPU_TIME] = N_("CPU time"), [TOP_KSOFTIRQD] = N_("ksoftirqd"),
                [TOP_LATENCY] = N_("lateness"),  [TOP_WINDOWS] = N_("windows"),
                [TOP_ALERTS] = N_("alerts"),     [TOP_STATUS] = N_("status"),
        };
        bool any = false;

        for (enum top_part part = 0; part < _TOP_PART_MAX; part++) {
                if (!model->absent[part])
                        continue;
                x = top_grid_printf(grid, 2, x, TOP_DIM, "%s%s", any ? ", " : _("not known: "),
                                    _(names[part]));
                any = true;
        }
        for (enum top_part part = 0; part < _TOP_RATES_MAX; part++)
                if (model->rates[part].cut)
                        x = top_grid_printf(grid, 2, x, TOP_NOTICE,
                                            _("%s%s per CPU: too many for one answer, use --cpu"),
                                            any ? "; " : "", _(names[part]));
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

static unsigned top_task_column(const struct top_grid *grid) {
        return grid->width >= WIDTH_WITH_WORDS ? 70 : 56;
}

static void top_draw_window(const struct top_window *window, struct top_grid *grid, unsigned y, bool chosen) {
        char cpu[16] = "-";
        enum top_attr attr = chosen ? TOP_CHOSEN : TOP_PLAIN;
        unsigned task = top_task_column(grid);

        if (window->cpu >= 0)
                (void)snprintf(cpu, sizeof(cpu), "%d", window->cpu);
        top_grid_paint(grid, y, 0, grid->width, attr);
        (void)top_grid_text(grid, y, 0, 8, attr, window->clock);
        top_grid_right(grid, y, 9, 13, attr, cpu);
        top_grid_right(grid, y, 14, 27, attr, window->length);
        (void)top_grid_text(grid, y, 28, 35, attr, window->class ?: "-");
        (void)top_grid_text(grid, y, 36, task - 1, chosen ? attr : TOP_BOLD, window->culprit ?: "-");
        if (window->comm)
                (void)top_grid_printf(grid, y, task, attr, "%s[%" PRId64 "]", window->comm, window->pid);
}

static void top_draw_window_titles(struct top_grid *grid, unsigned y) {
        top_grid_paint(grid, y, 0, grid->width, TOP_HEADING);
        (void)top_grid_text(grid, y, 0, 8, TOP_HEADING, _("WINDOW"));
        top_grid_right(grid, y, 9, 13, TOP_HEADING, "CPU");
        top_grid_right(grid, y, 14, 27, TOP_HEADING, _("DURATION"));
        (void)top_grid_text(grid, y, 28, 35, TOP_HEADING, _("CLASS"));
        (void)top_grid_text(grid, y, 36, top_task_column(grid) - 1, TOP_HEADING, _("CULPRIT"));
        (void)top_grid_text(grid, y, top_task_column(grid), grid->width, TOP_HEADING, _("TASK"));
}

size_t top_draw_windows(const struct top_model *model, const struct top_view *view, struct top_grid *grid,
                        unsigned y, unsigned end) {
        size_t n = 0;

        top_draw_window_titles(grid, y);
        for (size_t i = model->n_windows; i-- > 0 && y + 1 + n < end;)
                if (top_window_wanted(&model->windows[i], view->filter)) {
                        top_draw_window(&model->windows[i], grid, y + 1 + (unsigned)n,
                                        view->mode == TOP_MODE_WINDOWS && n == view->window);
                        n++;
                }

        if (n == 0)
                (void)top_grid_text(grid, y + 1, 0, grid->width, TOP_DIM,
                                    model->absent[TOP_WINDOWS] ? _(model->absent[TOP_WINDOWS])
                                    : *view->filter            ? _("none of what the filter lets through")
                                    : view->at_us > 0          ? _("none in the hour before")
                                                               : _("none in the last hour"));
        return n;
}

void top_draw_foot(const struct top_view *view, const struct top_page *page, struct top_grid *grid,
                   unsigned y) {
        static const char *const hints[] = {
                [TOP_MODE_TABLE] =
                        N_("h help  g group  s sort  / filter  <- -> time  + - span  f freeze  Tab windows"),
                [TOP_MODE_WINDOWS] = N_("up down choose  Enter open with stacks  Escape back"),
                [TOP_MODE_EVENT] = N_("up down PgUp PgDn scroll  Escape back"),
                [TOP_MODE_HELP] = N_("up down PgUp PgDn scroll  Escape back"),
                [TOP_MODE_FILTER] = N_("filter by CPUs or name: "),
                [TOP_MODE_TIME] = N_("time (14:03, 10m ago): "),
        };
        static const char past[] =
                N_("End back to now  <- -> time  [ ] by a minute  @ go to  + - span  Tab windows");
        const char *hint = view->mode == TOP_MODE_TABLE && view->at_us > 0 ? past : hints[view->mode];
        bool input = view->mode == TOP_MODE_FILTER || view->mode == TOP_MODE_TIME;
        unsigned x;

        if (*view->message) {
                (void)top_grid_printf(grid, y, 0, TOP_NOTICE, " %s ", view->message);
                return;
        }

        x = top_grid_text(grid, y, 0, grid->width, input ? TOP_BOLD : TOP_DIM, _(hint));
        if (input)
                (void)top_grid_printf(grid, y, x, TOP_PLAIN, "%s%s", view->input,
                                      page->utf8 ? "\u2588" : "_");
}
