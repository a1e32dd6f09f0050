/* SPDX-License-Identifier: Apache-2.0 */

#include <inttypes.h>
#include <string.h>

#include "client/diagnose-tools.h"
#include "client/flame-text.h"

/* The 14 digits are theirs: the address of lines that have none. */
static const char no_address[] = "0xffffffffffffff";

static struct json_object *diagnose_member(struct json_object *event, const char *name) {
        struct json_object *value = NULL;

        if (!json_object_is_type(event, json_type_object))
                return NULL;
        return json_object_object_get_ex(event, name, &value) ? value : NULL;
}

static const char *diagnose_string(struct json_object *object, const char *name) {
        struct json_object *value = diagnose_member(object, name);

        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static uint64_t diagnose_integer(struct json_object *object, const char *name) {
        struct json_object *value = diagnose_member(object, name);

        return json_object_is_type(value, json_type_int) ? json_object_get_uint64(value) : 0;
}

static void diagnose_write_head(FILE *out, struct json_object *event, const char *comm, const char *cgroup) {
        uint64_t pid = diagnose_integer(event, "pid"), time_us = diagnose_integer(event, "timeUsec");
        uint64_t min_ns = diagnose_integer(event, "durationMinNsec");
        uint64_t max_ns = diagnose_integer(event, "durationMaxNsec");
        uint64_t seconds = time_us / USEC_PER_SEC, micro = time_us % USEC_PER_SEC;

        (void)fprintf(out, "中断延迟，PID： %" PRIu64 "[", pid); /* ferror() is checked at the end */
        flame_text_write_line(out, comm);
        (void)fprintf(out, "]， CPU：%" PRIu64 ", %" PRIu64 " ms, 时间：[%" PRIu64 ":%" PRIu64 "]\n",
                      diagnose_integer(event, "cpu"), min_ns / NSEC_PER_MSEC, seconds, micro);
        (void)fprintf(out, "    时间：[%" PRIu64 ":%" PRIu64 "].\n    进程信息： [", seconds, micro);
        flame_text_write_line(out, cgroup);
        (void)fputs(" / ", out);
        flame_text_write_line(out, comm);
        (void)fprintf(out, "]， PID： %" PRIu64 " / %" PRIu64 "\n", diagnose_integer(event, "tgid"), pid);
        (void)fprintf(out, "    关中断时长(纳秒)： [%" PRIu64 ":%" PRIu64 "].\n", min_ns, max_ns);
        (void)fputs("##CGROUP:[", out);
        flame_text_write_line(out, cgroup);
        (void)fprintf(out, "]  %" PRIu64 "      [%03" PRIu64 "]  采样命中\n", pid,
                      diagnose_integer(event, "id"));
}

static void diagnose_write_kernel_frame(FILE *out, struct json_object *frame) {
        const char *symbol = diagnose_string(frame, "symbol"), *module = diagnose_string(frame, "module");

        (void)fprintf(out, "#@        %s ", no_address);
        flame_text_write_line(out, symbol ?: "UNKNOWN");
        if (module) {
                (void)fputs("\t[", out);
                flame_text_write_line(out, module);
                (void)fputc(']', out);
        }
        (void)fputs("  ([kernel.kallsyms])\n", out);
}

static void diagnose_write_user_frame(FILE *out, struct json_object *frame) {
        const char *symbol = diagnose_string(frame, "symbol"), *file = diagnose_string(frame, "file");
        uint64_t address = diagnose_integer(frame, "address");
        char text[32];

        (void)snprintf(text, sizeof(text), "0x%" PRIx64, address); /* fits */
        (void)fprintf(out, "#~        %s ", address ? text : no_address);
        if (symbol)
                flame_text_write_line(out, symbol);
        else if (file) {
                (void)fputc('[', out);
                flame_text_write_line(out, file);
                (void)fprintf(out, "+0x%" PRIx64 "]", diagnose_integer(frame, "offset"));
        } else
                (void)fputs(address ? text : "UNKNOWN", out);
        (void)fputs(" ([symbol])\n", out);
}

static void diagnose_write_stack(FILE *out, struct json_object *stack,
                                 void (*write)(FILE *out, struct json_object *frame)) {
        if (!json_object_is_type(stack, json_type_array))
                return;
        for (size_t i = 0; i < json_object_array_length(stack); i++)
                write(out, json_object_array_get_idx(stack, i));
}

int diagnose_tools_write(FILE *out, struct json_object *event) {
        const char *kind = diagnose_string(event, "kind");
        const char *comm = diagnose_string(event, "comm") ?: "",
                   *cgroup = diagnose_string(event, "cgroup") ?: "";

        if (!kind || strcmp(kind, "irq-delay") != 0)
                return 1;

        diagnose_write_head(out, event, comm, cgroup);
        (void)fputs("    内核态堆栈：\n", out);
        diagnose_write_stack(out, diagnose_member(event, "kernelStack"), diagnose_write_kernel_frame);
        (void)fputs("    用户态堆栈：\n", out);
        diagnose_write_stack(out, diagnose_member(event, "userStack"), diagnose_write_user_frame);
        (void)fprintf(out, "#*        %s ", no_address);
        flame_text_write_line(out, comm);
        (void)fputs(" (UNKNOWN)\n##\n", out);
        return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
