/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/proc-net-snmp.h"

#include "common/cleanup.h"

static bool is_word(struct text_slice name) {
        for (size_t i = 0; i < name.size; i++)
                if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
                        return false;

        return true;
}

/* Takes "TcpExt:" off the line. */
static int read_group(struct text_slice *line, struct text_slice *ret_group) {
        struct text_slice word;

        if (!text_next_word(line, &word) || word.size < 2 || word.data[word.size - 1] != ':' ||
            !is_word(word))
                return -EBADMSG;

        word.size--;
        *ret_group = word;
        return 0;
}

static int read_value(struct text_slice *values, struct proc_net_snmp_value *value) {
        struct text_slice word;

        if (!text_next_word(values, &word))
                return -EBADMSG;

        value->negative = word.data[0] == '-';
        return text_slice_to_u64(text_slice_skip(word, value->negative), &value->value);
}

static int read_pair(struct text_slice names, struct text_slice values, proc_net_snmp_fn fn, void *userdata) {
        struct proc_net_snmp_value value = {};
        struct text_slice group;
        int r;

        r = read_group(&names, &value.group);
        if (r >= 0)
                r = read_group(&values, &group);
        if (r < 0)
                return r;
        if (!text_slice_same(group, value.group))
                return -EBADMSG;

        while (text_next_word(&names, &value.name)) {
                r = is_word(value.name) ? read_value(&values, &value) : -EBADMSG;
                if (r >= 0)
                        r = fn(&value, userdata);
                if (r < 0)
                        return r;
        }

        return text_next_word(&values, &value.name) ? -EBADMSG : 0;
}

int proc_net_snmp_parse(const char *text, size_t size, proc_net_snmp_fn fn, void *userdata) {
        const char *end = text + size;
        struct text_slice names, values;
        size_t n_pairs = 0;
        int r;

        for (; (r = text_next_line(&text, end, &names)) > 0; n_pairs++) {
                if (text_next_line(&text, end, &values) <= 0)
                        return -EBADMSG;

                r = read_pair(names, values, fn, userdata);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        return n_pairs > 0 ? 0 : -EBADMSG;
}
