/* SPDX-License-Identifier: Apache-2.0 */

#include "common/cpulist.h"

#include <limits.h>
#include <string.h>

#include "common/fileio.h"

enum { WORD_BITS = 64, LIST_FILE_MAX = 64 * 1024 };

void cpu_set_done(struct cpu_set *set) {
        free(set->words);
        *set = (struct cpu_set){};
}

static int cpu_set_grow(struct cpu_set *set, size_t n_words) {
        uint64_t *words = NULL;

        if (n_words <= set->n_words)
                return 0;

        words = reallocarray(set->words, n_words, sizeof(*words));
        if (!words)
                return -ENOMEM;

        memset(words + set->n_words, 0, (n_words - set->n_words) * sizeof(*words));
        set->words = words;
        set->n_words = n_words;
        return 0;
}

int cpu_set_add(struct cpu_set *set, int cpu) {
        int r;

        if (cpu < 0 || cpu >= CPU_LIMIT)
                return -ERANGE;

        r = cpu_set_grow(set, (size_t)cpu / WORD_BITS + 1);
        if (r < 0)
                return r;

        set->words[cpu / WORD_BITS] |= UINT64_C(1) << (cpu % WORD_BITS);
        return 0;
}

void cpu_set_remove(struct cpu_set *set, int cpu) {
        if (cpu_set_contains(set, cpu))
                set->words[cpu / WORD_BITS] &= ~(UINT64_C(1) << (cpu % WORD_BITS));
}

void cpu_set_clear(struct cpu_set *set) {
        if (set->n_words > 0)
                memset(set->words, 0, set->n_words * sizeof(*set->words));
}

bool cpu_set_contains(const struct cpu_set *set, int cpu) {
        if (cpu < 0 || (size_t)cpu / WORD_BITS >= set->n_words)
                return false;

        return set->words[cpu / WORD_BITS] >> (cpu % WORD_BITS) & 1;
}

bool cpu_set_equal(const struct cpu_set *a, const struct cpu_set *b) {
        for (size_t i = 0; i < MAX(a->n_words, b->n_words); i++)
                if ((i < a->n_words ? a->words[i] : 0) != (i < b->n_words ? b->words[i] : 0))
                        return false;

        return true;
}

size_t cpu_set_count(const struct cpu_set *set) {
        size_t n = 0;

        for (size_t i = 0; i < set->n_words; i++)
                n += (size_t)__builtin_popcountll(set->words[i]);

        return n;
}

int cpu_set_next(const struct cpu_set *set, int from) {
        if (from < 0)
                from = 0;

        for (size_t i = (size_t)from / WORD_BITS; i < set->n_words; i++) {
                uint64_t word = set->words[i];

                if (i == (size_t)from / WORD_BITS)
                        word &= ~UINT64_C(0) << (from % WORD_BITS);
                if (word)
                        return (int)(i * WORD_BITS) + __builtin_ctzll(word);
        }

        return CPU_NONE;
}

int cpu_set_copy(struct cpu_set *dest, const struct cpu_set *src) {
        int r;

        r = cpu_set_grow(dest, src->n_words);
        if (r < 0)
                return r;

        cpu_set_clear(dest);
        if (src->n_words > 0)
                memcpy(dest->words, src->words, src->n_words * sizeof(*src->words));
        return 0;
}

static int parse_cpu(const char **text) {
        char *end = NULL;
        long cpu;

        if (**text < '0' || **text > '9')
                return -EINVAL;

        errno = 0;
        cpu = strtol(*text, &end, 10);
        if (errno != 0 || cpu >= CPU_LIMIT)
                return -ERANGE;

        *text = end;
        return (int)cpu;
}

static int parse_range(const char **text, struct cpu_set *set) {
        int first, last, r;

        first = parse_cpu(text);
        if (first < 0)
                return first;

        last = first;
        if (**text == '-') {
                (*text)++;
                last = parse_cpu(text);
                if (last < 0)
                        return last;
                if (last < first)
                        return -EINVAL;
        }

        for (int cpu = first; cpu <= last; cpu++) {
                r = cpu_set_add(set, cpu);
                if (r < 0)
                        return r;
        }

        return 0;
}

int cpu_list_parse(const char *text, struct cpu_set *set) {
        _cleanup_(cpu_set_done) struct cpu_set parsed = {};
        int r;

        while (*text && *text != '\n') {
                r = parse_range(&text, &parsed);
                if (r < 0)
                        return r;

                if (*text == ',' && text[1] && text[1] != '\n')
                        text++;
                else if (*text && *text != '\n')
                        return -EINVAL;
        }

        if (*text == '\n' && text[1])
                return -EINVAL;

        cpu_set_done(set);
        *set = parsed;
        parsed = (struct cpu_set){};
        return 0;
}

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

static int add_digit(struct cpu_set *set, int digit, int first_cpu) {
        int r;

        for (int bit = 0; bit < 4; bit++) {
                if (!(digit >> bit & 1))
                        continue;
                r = cpu_set_add(set, first_cpu + bit);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* From the last digit on. All groups but the first have eight digits, lib/vsprintf.c: bitmap_string(). */
int cpu_mask_parse(const char *text, struct cpu_set *set) {
        _cleanup_(cpu_set_done) struct cpu_set parsed = {};
        size_t n = strcspn(text, "\n");
        int cpu = 0, r;

        if (n == 0 || (text[n] && text[n + 1]))
                return -EINVAL;

        for (; n > 0; n--) {
                int digit = hex_digit(text[n - 1]);

                if (digit < 0) {
                        if (text[n - 1] != ',' || cpu % 32 != 0 || cpu == 0 || n == 1 || text[n] == ',')
                                return -EINVAL;
                        continue;
                }
                r = add_digit(&parsed, digit, cpu);
                if (r < 0)
                        return r;
                cpu += 4;
        }

        cpu_set_done(set);
        *set = parsed;
        parsed = (struct cpu_set){};
        return 0;
}

int cpu_list_format(const struct cpu_set *set, char **ret_text) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        for (int cpu = cpu_set_next(set, 0), last; cpu >= 0; cpu = cpu_set_next(set, last + 1)) {
                for (last = cpu; cpu_set_contains(set, last + 1); last++)
                        ;
                fprintf(f, "%s%i", ftell(f) > 0 ? "," : "", cpu);
                if (last > cpu)
                        fprintf(f, "-%i", last);
        }

        if (fclose(f) != 0)
                return -ENOMEM;

        *ret_text = TAKE_PTR(text);
        return 0;
}

int cpu_list_read(int root_fd, const char *path, struct cpu_set *set) {
        _cleanup_(text_buffer_done) struct text_buffer buffer = {};
        int r;

        r = text_buffer_read(&buffer, root_fd, path, LIST_FILE_MAX);
        if (r < 0)
                return r;

        return cpu_list_parse(buffer.data, set);
}
