/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/demangle.h"

#include <libiberty/demangle.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"

/* What the demangler has said so far. Names can grow exponentially: what does not fit is not kept. */
struct text {
        char data[DEMANGLE_OUTPUT_MAX + 1];
        size_t size;
        bool cut;
};

static void text_add(const char *piece, size_t size, void *userdata) {
        struct text *text = userdata;
        size_t n = MIN(size, (size_t)DEMANGLE_OUTPUT_MAX - text->size);

        memcpy(text->data + text->size, piece, n);
        text->size += n;
        text->cut = text->cut || n < size;
}

/* Rust first: its older mangling is C++'s with a hash at the end. */
static bool text_demangle(struct text *text, const char *symbol) {
        if (strncmp(symbol, "_Z", 2) != 0 && strncmp(symbol, "_R", 2) != 0)
                return false;
        if (strlen(symbol) > DEMANGLE_INPUT_MAX)
                return false;
        if (rust_demangle_callback(symbol, DMGL_NO_OPTS, text_add, text))
                return true;

        *text = (struct text){};
        return cplus_demangle_v3_callback(symbol, DMGL_PARAMS | DMGL_ANSI, text_add, text);
}

int demangle(const char *symbol, char **ret_name) {
        struct text text = {};

        if (!text_demangle(&text, symbol)) {
                text = (struct text){};
                text_add(symbol, strlen(symbol), &text);
        }
        if (text.cut)
                memcpy(text.data + DEMANGLE_OUTPUT_MAX - 3, "...", 3);

        *ret_name = strndup(text.data, text.size);
        return *ret_name ? 0 : -ENOMEM;
}
