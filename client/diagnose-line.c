/* SPDX-License-Identifier: Apache-2.0 */

#include "client/diagnose-line.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

const char *diagnose_skip(const char *at) {
        static const char *const punctuation[] = { " ", "\t", ":", ",", "[", "：", "，" };

        for (size_t i = 0; i < ELEMENTSOF(punctuation);) {
                size_t n = strlen(punctuation[i]);
                bool found = strncmp(at, punctuation[i], n) == 0;

                at += found ? n : 0;
                i = found ? 0 : i + 1;
        }
        return at;
}

const char *diagnose_after(const char *line, const char *label) {
        const char *found = NULL;

        for (const char *at = line; (at = strstr(at, label)); at++)
                found = at + strlen(label);
        return found ? diagnose_skip(found) : NULL;
}

bool diagnose_number(const char **at, uint64_t *ret) {
        char *end;

        if (!*at || !isdigit((unsigned char)**at))
                return false;
        errno = 0;
        *ret = strtoull(*at, &end, 10);
        *at = end;
        return errno == 0 && *ret <= INT64_MAX;
}

bool diagnose_pair(const char *at, uint64_t *ret_first, uint64_t *ret_second) {
        if (!diagnose_number(&at, ret_first))
                return false;
        at += strspn(at, " ");
        if (*at != ':' && *at != '/')
                return false;
        at++;
        at += strspn(at, " ");
        return diagnose_number(&at, ret_second);
}

char *diagnose_trim(char *text) {
        size_t n;

        text += strspn(text, " \t");
        for (n = strlen(text); n > 0 && isspace((unsigned char)text[n - 1]); n--)
                ;
        text[n] = '\0';
        return text;
}

char *diagnose_name(char *line, uint64_t *ret_address) {
        char *at = line + 2, *bracket = NULL, *end;

        at += strspn(at, " \t");
        *ret_address = strtoull(at, &end, 16); /* saturates, which is no address either */
        at += strcspn(at, " \t");
        for (char *p = at; (p = strstr(p, " (")); p++)
                bracket = p;
        if (bracket)
                *bracket = '\0';
        return diagnose_trim(at);
}

bool diagnose_is_unknown(const char *name) {
        return !*name || strcmp(name, "UNKNOWN") == 0 || strncmp(name, "(unknown)", 9) == 0 ||
               strncmp(name, "0x", 2) == 0;
}

char *diagnose_cut_bracket(char *name) {
        char *open = strrchr(name, '['), *close = strrchr(name, ']');

        if (!open || !close || close[1] != '\0' || close < open)
                return NULL;
        *open = *close = '\0';
        (void)diagnose_trim(name); /* name itself does not begin with blanks */
        return open + 1;
}

uint64_t diagnose_cut_offset(char *name) {
        char *plus = strrchr(name, '+');

        if (!plus || strncmp(plus, "+0x", 3) != 0)
                return 0;
        *plus = '\0';
        return strtoull(plus + 1, NULL, 16) & INT64_MAX;
}

const char *diagnose_file(char *name, uint64_t *ret_offset) {
        size_t n = strlen(name);

        *ret_offset = 0;
        if (n < 3 || name[0] != '[' || name[n - 1] != ']' || !strstr(name, "+0x"))
                return NULL;
        name[n - 1] = '\0';
        *ret_offset = diagnose_cut_offset(name);
        return name + 1;
}

bool diagnose_begins(const char *line, const char *start) {
        return strncmp(line, start, strlen(start)) == 0;
}
