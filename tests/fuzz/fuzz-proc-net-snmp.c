/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as /proc/net/snmp or /proc/net/netstat: no read outside them; what is accepted reads the same
 * after it was printed again as the kernel prints it, and is refused when cut.
 */

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/proc-net-snmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

struct printer {
        FILE *out;
        const char *text, *end;
};

static int print_value(const struct proc_net_snmp_value *value, void *userdata) {
        const struct printer *printer = userdata;

        CHECK(value->group.size > 0 && value->name.size > 0);
        CHECK(value->group.data >= printer->text && value->name.data + value->name.size < printer->end);
        fprintf(printer->out, "%.*s: %.*s\n%.*s: %s%llu\n", (int)value->group.size, value->group.data,
                (int)value->name.size, value->name.data, (int)value->group.size, value->group.data,
                value->negative ? "-" : "", (unsigned long long)value->value);
        return 0;
}

static int print(const char *text, size_t size, char **ret_text, size_t *ret_size) {
        struct printer printer = { open_memstream(ret_text, ret_size), text, text + size };
        int r;

        CHECK(printer.out);
        r = proc_net_snmp_parse(text, size, print_value, &printer);
        CHECK(fclose(printer.out) == 0);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *once = NULL, *twice = NULL, *cut = NULL;
        size_t once_size = 0, twice_size = 0, cut_size = 0;
        const char *text = (const char *)data;

        if (print(text, size, &once, &once_size) < 0 || once_size == 0)
                return 0;

        CHECK(print(once, once_size, &twice, &twice_size) == 0);
        CHECK(once_size == twice_size && memcmp(once, twice, once_size) == 0);
        CHECK(print(once, once_size - 1, &cut, &cut_size) == -EBADMSG);
        return 0;
}
