/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "client/diagnose-line.h"
#include "client/diagnose-tools.h"
#include "common/json-build.h"

/* The record at hand. */
struct diagnose_reader {
        struct json_object *events;        /* owned */
        struct json_object *event;         /* owned; NULL: between records */
        struct json_object *kernel, *user; /* of event; NULL: no frames yet */
        bool has_comm;                     /* the "#*" line was seen, stacks are complete */
};

static void diagnose_reader_done(struct diagnose_reader *reader) {
        (void)json_object_put(reader->events); /* the count of references is of no interest */
        (void)json_object_put(reader->event);
}

static int diagnose_set_nulls(struct json_object *object, const char *const *names) {
        for (; *names; names++)
                if (json_add_null(object, *names) < 0)
                        return -ENOMEM;
        return 0;
}

/* An Event with every member the interface has; what the text never says is null. */
static int diagnose_begin(struct diagnose_reader *reader, const char *kind) {
        static const char *const nulls[] = { "cpu",
                                             "durationMinNsec",
                                             "durationMaxNsec",
                                             "class",
                                             "confidence",
                                             "culprit",
                                             "pid",
                                             "tgid",
                                             "comm",
                                             "cgroup",
                                             "container",
                                             "kernelStack",
                                             "userStack",
                                             NULL };
        int r;

        reader->kernel = reader->user = NULL;
        reader->has_comm = false;
        reader->event = json_object_new_object();
        if (!reader->event)
                return -ENOMEM;

        r = json_add(reader->event, "id",
                     json_object_new_int64((int64_t)json_object_array_length(reader->events) + 1));
        if (r >= 0)
                r = json_add(reader->event, "kind", json_object_new_string(kind));
        if (r >= 0)
                r = json_add(reader->event, "timeUsec", json_object_new_int64(0));
        if (r >= 0)
                r = json_add(reader->event, "bootId",
                             json_object_new_string("00000000000000000000000000000000"));
        if (r >= 0)
                r = diagnose_set_nulls(reader->event, nulls);
        if (r >= 0)
                r = json_add(reader->event, "parents", json_object_new_array());
        if (r >= 0)
                r = json_add(reader->event, "evidence", json_object_new_object());
        return r;
}

/* Frames that every one of its stacks begins with: its module, then the path of the timer interrupt. */
static bool diagnose_is_own_frame(struct json_object *frame) {
        static const char *const names[] = {
                "save_stack_trace_tsk",
                "__hrtimer_run_queues",
                "hrtimer_interrupt",
                /* x86, newest kernels first */
                "__sysvec_apic_timer_interrupt",
                "asm_call_irq_on_stack",
                "asm_call_sysvec_on_stack",
                "sysvec_apic_timer_interrupt",
                "asm_sysvec_apic_timer_interrupt",
                "local_apic_timer_interrupt",
                "smp_apic_timer_interrupt",
                "apic_timer_interrupt",
                /* arm64 */
                "arch_timer_handler_virt",
                "arch_timer_handler_phys",
                "handle_percpu_devid_irq",
                "generic_handle_irq",
                "generic_handle_domain_irq",
                "handle_domain_irq",
                "__handle_domain_irq",
                "gic_handle_irq",
                "call_on_irq_stack",
                "do_interrupt_handler",
                "el1_interrupt",
                "el1h_64_irq_handler",
                "el1h_64_irq",
                "el1_irq",
                "__el0_irq_handler_common",
                "el0_interrupt",
                "el0t_64_irq_handler",
                "el0t_64_irq",
                "el0_irq",
                "el0_irq_naked",
        };
        const char *name = json_object_get_string(json_object_object_get(frame, "symbol"));
        const char *module = json_object_get_string(json_object_object_get(frame, "module"));

        if (module && strcmp(module, "diagnose") == 0)
                return true;
        for (size_t i = 0; name && i < ELEMENTSOF(names); i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

/* The interrupt that found the window is not part of it. Without a frame of the module in front, the stack
 * is of another command, whose timer frames mean something. */
static int diagnose_strip(struct json_object *frames) {
        bool has_module = false;
        size_t n = 0;

        for (; n < json_object_array_length(frames); n++) {
                struct json_object *frame = json_object_array_get_idx(frames, n);
                struct json_object *module = json_object_object_get(frame, "module");

                if (!diagnose_is_own_frame(frame))
                        break;
                has_module |= module && strcmp(json_object_get_string(module), "diagnose") == 0;
        }
        if (!has_module)
                return 0;
        return json_object_array_del_idx(frames, 0, n) < 0 ? -EINVAL : 0;
}

static int diagnose_end(struct diagnose_reader *reader) {
        int r;

        if (!reader->event)
                return 0;
        if (reader->kernel) {
                r = diagnose_strip(reader->kernel);
                if (r < 0)
                        return r;
        }
        reader->kernel = reader->user = NULL;
        return json_array_append(reader->events, TAKE_PTR(reader->event));
}

static int diagnose_set_number(struct json_object *event, const char *name, uint64_t value) {
        return json_add(event, name, json_object_new_int64((int64_t)value));
}

static int diagnose_read_time(struct json_object *event, const char *line) {
        uint64_t seconds, micro, us;

        if (!diagnose_pair(diagnose_after(line, "时间"), &seconds, &micro) ||
            __builtin_mul_overflow(seconds, USEC_PER_SEC, &us) || __builtin_add_overflow(us, micro, &us) ||
            us > INT64_MAX)
                return 0;
        return diagnose_set_number(event, "timeUsec", us);
}

/* "中断延迟，PID： 164390[comm]， CPU：39, 96 ms, 时间：[1583993047:186455]" */
static int diagnose_read_head(struct diagnose_reader *reader, const char *line) {
        const char *at = diagnose_after(line, "CPU"), *pid_at = diagnose_after(line, "PID");
        uint64_t pid, cpu, ms, ns;
        int r;

        r = diagnose_end(reader);
        if (r >= 0)
                r = diagnose_begin(reader, "irq-delay");
        if (r >= 0)
                r = diagnose_read_time(reader->event, line);
        if (r >= 0 && diagnose_number(&pid_at, &pid))
                r = diagnose_set_number(reader->event, "pid", pid);
        if (r >= 0 && diagnose_number(&at, &cpu)) {
                r = diagnose_set_number(reader->event, "cpu", cpu);
                at = diagnose_skip(at);
                if (r >= 0 && diagnose_number(&at, &ms) && strncmp(at + strspn(at, " "), "ms", 2) == 0 &&
                    !__builtin_mul_overflow(ms, NSEC_PER_MSEC, &ns) && ns <= INT64_MAX)
                        r = diagnose_set_number(reader->event, "durationMinNsec", ns);
        }
        return r;
}

/* "    进程信息： [/ / comm]， PID： tgid / pid" */
static int diagnose_read_task(struct diagnose_reader *reader, const char *line) {
        uint64_t tgid, pid;
        int r;

        if (!diagnose_pair(diagnose_after(line, "PID"), &tgid, &pid))
                return 0;
        r = diagnose_set_number(reader->event, "tgid", tgid);
        return r < 0 ? r : diagnose_set_number(reader->event, "pid", pid);
}

static int diagnose_read_bounds(struct diagnose_reader *reader, const char *line) {
        uint64_t min_ns, max_ns;
        int r;

        if (!diagnose_pair(diagnose_after(line, "(纳秒)"), &min_ns, &max_ns))
                return 0;
        r = diagnose_set_number(reader->event, "durationMinNsec", min_ns);
        return r < 0 ? r : diagnose_set_number(reader->event, "durationMaxNsec", max_ns);
}

/* "##CGROUP:[/]  164390      [001]  采样命中": also the first line of other commands' records. */
static int diagnose_read_cgroup(struct diagnose_reader *reader, const char *line) {
        const char *cgroup = strchr(line, '['), *end = cgroup ? strchr(cgroup, ']') : NULL, *at;
        uint64_t pid, id;
        int r = 0;

        if (!end)
                return 0;
        if (end > cgroup + 1)
                r = json_add(reader->event, "cgroup",
                             json_object_new_string_len(cgroup + 1, (int)(end - cgroup - 1)));
        at = end + 1 + strspn(end + 1, " \t");
        if (r >= 0 && diagnose_number(&at, &pid))
                r = diagnose_set_number(reader->event, "pid", pid);
        at = strchr(at, '[');
        at = at ? at + 1 : NULL;
        if (r >= 0 && diagnose_number(&at, &id))
                r = diagnose_set_number(reader->event, "id", id);
        return r;
}

/* Adds a member that may be null. */
static int diagnose_set_string(struct json_object *object, const char *name, const char *text) {
        return text ? json_add_text(object, name, text) : json_add_null(object, name);
}

/* The array of frames, made when its first frame comes. */
static int diagnose_stack(struct json_object *event, const char *name, struct json_object **stack) {
        int r;

        if (*stack)
                return 0;
        r = json_add(event, name, json_object_new_array());
        if (r < 0)
                return r;
        *stack = json_object_object_get(event, name);
        return 0;
}

static int diagnose_read_kernel(struct diagnose_reader *reader, char *line) {
        struct json_object *frame;
        char *name, *module;
        uint64_t address, offset;
        int r;

        name = diagnose_name(line, &address);
        module = diagnose_cut_bracket(name);
        offset = diagnose_cut_offset(name);
        r = diagnose_stack(reader->event, "kernelStack", &reader->kernel);
        if (r < 0)
                return r;
        frame = json_object_new_object();
        r = json_array_append(reader->kernel, frame);
        if (r >= 0)
                r = diagnose_set_string(frame, "symbol", diagnose_is_unknown(name) ? NULL : name);
        if (r >= 0)
                r = diagnose_set_number(frame, "offset", offset);
        if (r >= 0)
                r = diagnose_set_string(frame, "module", module);
        return r;
}

static int diagnose_read_user(struct diagnose_reader *reader, char *line) {
        static const char *const nulls[] = { "buildId", "address", "note", NULL };
        const uint64_t no_address = UINT64_C(0xffffffffffffff);
        struct json_object *frame;
        uint64_t address, offset;
        const char *file;
        char *name;
        int r;

        name = diagnose_name(line, &address);
        file = diagnose_file(name, &offset);
        r = diagnose_stack(reader->event, "userStack", &reader->user);
        if (r < 0)
                return r;
        frame = json_object_new_object();
        r = json_array_append(reader->user, frame);
        if (r >= 0)
                r = diagnose_set_string(frame, "symbol", file || diagnose_is_unknown(name) ? NULL : name);
        if (r >= 0)
                r = diagnose_set_number(frame, "offset", offset);
        if (r >= 0)
                r = diagnose_set_string(frame, "file", file);
        if (r >= 0)
                r = diagnose_set_nulls(frame, nulls);
        if (r >= 0 && address != 0 && address != no_address && address <= INT64_MAX)
                r = diagnose_set_number(frame, "address", address);
        return r;
}

static int diagnose_read_comm(struct diagnose_reader *reader, char *line) {
        uint64_t address;
        char *name;

        name = diagnose_name(line, &address);
        reader->has_comm = true;
        return diagnose_set_string(reader->event, "comm", *name ? name : NULL);
}

/* Lines that only make sense within a record. */
static int diagnose_read_inside(struct diagnose_reader *reader, char *line) {
        if (diagnose_begins(line, "#@"))
                return diagnose_read_kernel(reader, line);
        if (diagnose_begins(line, "#~"))
                return diagnose_read_user(reader, line);
        if (diagnose_begins(line, "#*"))
                return diagnose_read_comm(reader, line);
        if (diagnose_begins(line, "##CGROUP:"))
                return diagnose_read_cgroup(reader, line);
        if (strstr(line, "进程信息"))
                return diagnose_read_task(reader, line);
        if (strstr(line, "关中断时长"))
                return diagnose_read_bounds(reader, line);
        return 0;
}

static int diagnose_read_line(struct diagnose_reader *reader, char *line) {
        bool begins = diagnose_begins(line, "##CGROUP:") || diagnose_begins(line, "#@") ||
                      diagnose_begins(line, "#~");
        bool complete = reader->kernel || reader->user || reader->has_comm;
        int r;

        if (diagnose_begins(line, "中断延迟"))
                return diagnose_read_head(reader, line);
        if (strcmp(line, "##") == 0)
                return diagnose_end(reader);

        /* A record whose end is missing, then one that has no head of its own. */
        if ((complete && diagnose_begins(line, "##CGROUP:")) || (reader->has_comm && begins)) {
                r = diagnose_end(reader);
                if (r < 0)
                        return r;
        }
        if (!reader->event && begins) {
                r = diagnose_begin(reader, "other");
                if (r < 0)
                        return r;
        }
        return reader->event ? diagnose_read_inside(reader, line) : 0;
}

bool diagnose_tools_is_line(const char *line) {
        static const char *const starts[] = { "##CGROUP:", "中断延迟", "#@  ", "#~  ", "#*  " };

        line += strspn(line, " \t");
        for (size_t i = 0; i < ELEMENTSOF(starts); i++)
                if (diagnose_begins(line, starts[i]))
                        return true;
        return false;
}

int diagnose_tools_read(const char *text, struct json_object **ret_events) {
        _cleanup_(diagnose_reader_done) struct diagnose_reader reader = {};
        _cleanup_(freep) char *copy = NULL;
        int r;

        copy = strdup(text);
        reader.events = json_object_new_array();
        if (!copy || !reader.events)
                return -ENOMEM;

        for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
                r = diagnose_read_line(&reader, diagnose_trim(line));
                if (r < 0)
                        return r;
        }
        r = diagnose_end(&reader);
        if (r < 0)
                return r;

        *ret_events = TAKE_PTR(reader.events);
        return 0;
}
