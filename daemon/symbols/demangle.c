/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/demangle.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"

/* From the Itanium C++ ABI; of libsupc++, which has no C header. The result is malloc()ed. */
char *__cxa_demangle(const char *mangled, char *buffer, size_t *size, int *ret_status);

enum { RUST_HASH_LENGTH = 3 + 16 }; /* "::h" and 16 digits */

/* True when the name ends in "::h" and 16 hex digits: Rust's legacy mangling. */
static bool is_rust_legacy(const char *name, size_t length) {
        const char *hash;

        if (length <= RUST_HASH_LENGTH)
                return false;
        hash = name + length - RUST_HASH_LENGTH;
        if (memcmp(hash, "::h", 3) != 0)
                return false;
        for (const char *p = hash + 3; *p; p++)
                if (!isxdigit((unsigned char)*p) || isupper((unsigned char)*p))
                        return false;
        return true;
}

/* One "$LT$"-like escape at p: its text and length, or 0. */
static size_t rust_escape(const char *p, char *ret_char) {
        static const struct {
                const char *escape;
                char c;
        } escapes[] = {
                { "$SP$", '@' }, { "$BP$", '*' }, { "$RF$", '&' }, { "$LT$", '<' },
                { "$GT$", '>' }, { "$LP$", '(' }, { "$RP$", ')' }, { "$C$", ',' },
        };
        unsigned long code;
        char *end;

        for (size_t i = 0; i < ELEMENTSOF(escapes); i++)
                if (strncmp(p, escapes[i].escape, strlen(escapes[i].escape)) == 0) {
                        *ret_char = escapes[i].c;
                        return strlen(escapes[i].escape);
                }
        if (p[0] != '$' || p[1] != 'u' || !isxdigit((unsigned char)p[2]))
                return 0;
        code = strtoul(p + 2, &end, 16);
        if (*end != '$' || code < 0x20 || code > 0x7e)
                return 0;
        *ret_char = (char)code;
        return (size_t)(end + 1 - p);
}

/* Resolves Rust's escapes in place; the result is never longer. */
static void rust_unescape(char *name) {
        char *out = name;

        for (const char *p = name; *p;) {
                char c;
                size_t length = rust_escape(p, &c);

                if (length > 0) {
                        *out++ = c;
                        p += length;
                } else if (p[0] == '.' && p[1] == '.') {
                        *out++ = ':';
                        *out++ = ':';
                        p += 2;
                } else if (p[0] == '_' && p[1] == '$' && (p == name || p[-1] == ':')) {
                        p++; /* an identifier may not begin with an escape: "_$LT$" */
                } else {
                        *out++ = *p++;
                }
        }
        *out = '\0';
}

static void cut(char *name) {
        if (strlen(name) > DEMANGLE_OUTPUT_MAX)
                (void)strcpy(name + DEMANGLE_OUTPUT_MAX - 3, "...");
}

int demangle(const char *symbol, char **ret_name, const char **ret_note) {
        size_t length = strlen(symbol);
        const char *note = NULL;
        char *name = NULL;
        int status = 0;

        if (strncmp(symbol, "_Z", 2) == 0 && length <= DEMANGLE_INPUT_MAX) {
                name = __cxa_demangle(symbol, NULL, NULL, &status);
                if (!name && status == -1)
                        return -ENOMEM;
        } else if (strncmp(symbol, "_R", 2) == 0 && isupper((unsigned char)symbol[2])) {
                note = "name in Rust's v0 mangling, not demangled";
        }

        if (!name)
                name = strdup(symbol);
        else if (is_rust_legacy(name, strlen(name))) {
                name[strlen(name) - RUST_HASH_LENGTH] = '\0';
                rust_unescape(name);
        }
        if (!name)
                return -ENOMEM;

        cut(name);
        *ret_name = name;
        if (ret_note)
                *ret_note = note;
        return 0;
}
