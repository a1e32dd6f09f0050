/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "daemon/symbols/kallsyms.h"
#include "tests/harness/alloc-fail.h"
#include "tests/harness/temp-tree.h"

static const char basic[] = "ffffffff81000000 T _stext\n"
                            "ffffffff81000000 T _text\n"
                            "ffffffff81000010 t __pfx_first\n"
                            "ffffffff81000020 t first\n"
                            "ffffffff81000100 T second\n"
                            "ffffffff81000180 W weak_one\n"
                            "ffffffff81000200 t static_twin\n"
                            "ffffffff81000240 t static_twin\n"
                            "ffffffff81000280 T last_function\n"
                            "ffffffff81000300 T _etext\n"
                            "ffffffff81800000 D some_data\n"
                            "ffffffff82000000 T _sinittext\n"
                            "ffffffff82000010 t start_kernel\n"
                            "ffffffff82000400 T _einittext\n"
                            "ffffffffc0402000 t mod_b\t[zeta]\n"
                            "ffffffffc0401040 t mod_a.cold\t[zeta]\n"
                            "ffffffffc0401000 t mod_a\t[zeta]\n"
                            "ffffffffc0500000 r table\t[zeta]\n"
                            "ffffffffc0600000 t bpf_prog_6deef7357e7b4530_probe\t[bpf]\n"
                            "ffff800012340000 t far_away\t[other]\n";
static const char basic_modules[] = "zeta 8192 1 - Live 0xffffffffc0401000 (OE)\n"
                                    "other 16384 0 zeta, Live 0xffff800012340000\n";

static int build(const char *text, const char *modules, struct kallsyms_table *ret_table) {
        _cleanup_(kallsyms_builder_done) struct kallsyms_builder builder = {};
        int r = kallsyms_builder_feed(&builder, text, strlen(text));

        if (r < 0)
                return r;
        kallsyms_builder_modules(&builder, modules);
        return kallsyms_table_build(&builder, ret_table);
}

static void check(const struct kallsyms_table *table, uint64_t address, const char *name, const char *module,
                  uint64_t offset) {
        struct kallsyms_symbol symbol;

        if (!name) {
                assert_int_equal(kallsyms_table_lookup(table, address, &symbol), -ENOENT);
                return;
        }
        assert_int_equal(kallsyms_table_lookup(table, address, &symbol), 0);
        assert_string_equal(symbol.name, name);
        if (module)
                assert_string_equal(symbol.module, module);
        else
                assert_null(symbol.module);
        assert_int_equal(symbol.offset, offset);
        assert_int_equal(symbol.start + symbol.offset, address);
}

static void test_lookup(void **state) {
        _cleanup_(kallsyms_table_done) struct kallsyms_table table = {};

        assert_int_equal(build(basic, basic_modules, &table), 0);
        check(&table, 0xffffffff81000000, "_stext", NULL, 0);
        check(&table, 0xffffffff81000020, "first", NULL, 0);
        check(&table, 0xffffffff810000ff, "first", NULL, 0xdf);
        check(&table, 0xffffffff81000100, "second", NULL, 0);
        check(&table, 0xffffffff810002ff, "last_function", NULL, 0x7f);
        check(&table, 0xffffffffc0401000, "mod_a", "zeta", 0);
        check(&table, 0xffffffffc0401fff, "mod_a.cold", "zeta", 0xfbf);
        check(&table, 0xffffffffc0402010, "mod_b", "zeta", 0x10);
        check(&table, 0xffffffffc0600042, "bpf_prog_6deef7357e7b4530_probe", "bpf", 0x42);
        check(&table, 0xffff800012340001, "far_away", "other", 1);
}

static void test_bounds(void **state) {
        _cleanup_(kallsyms_table_done) struct kallsyms_table table = {};

        assert_int_equal(build(basic, basic_modules, &table), 0);
        check(&table, 0, NULL, NULL, 0);
        check(&table, 0x400000, NULL, NULL, 0);
        check(&table, 0xffffffff80ffffff, NULL, NULL, 0);
        check(&table, 0xffffffff81000300, NULL, NULL, 0); /* _etext */
        check(&table, 0xffffffff81700000, NULL, NULL, 0);
        check(&table, 0xffffffff82000020, NULL, NULL, 0); /* init text is gone */
        check(&table, 0xffffffffc0402fff, "mod_b", "zeta", 0xfff);
        check(&table, 0xffffffffc0403000, NULL, NULL, 0); /* behind zeta's 8192 bytes */
        check(&table, 0xffffffffc0600000 + KALLSYMS_SPAN_MAX - 1, "bpf_prog_6deef7357e7b4530_probe", "bpf",
              KALLSYMS_SPAN_MAX - 1);
        check(&table, 0xffffffffc0600000 + KALLSYMS_SPAN_MAX, NULL, NULL, 0);
        check(&table, UINT64_MAX, NULL, NULL, 0);
        check(&table, 0xffff800012344000, NULL, NULL, 0);
        check(&table, 0xffff900000000000, NULL, NULL, 0);
}

static void test_padding(void **state) {
        _cleanup_(kallsyms_table_done) struct kallsyms_table table = {};
        struct kallsyms_symbol symbol;

        assert_int_equal(build(basic, basic_modules, &table), 0);
        check(&table, 0xffffffff8100000f, "_stext", NULL, 0xf);
        assert_int_equal(kallsyms_table_lookup(&table, 0xffffffff81000018, &symbol), 0);
        assert_true(symbol.is_padding);
        assert_string_equal(symbol.name, "first");
        assert_int_equal(symbol.offset, 8);
}

/* A __pfx_ line that is not followed by its function is an ordinary symbol, also at the end. */
static void test_padding_alone(void **state) {
        _cleanup_(kallsyms_table_done) struct kallsyms_table table = {};

        assert_int_equal(build("ffffffffc0000010 t __pfx_a\t[m]\n"
                               "ffffffffc0000100 t b\t[m]\n"
                               "ffffffffc0000020 t a\t[m]\n"
                               "ffffffffc0000200 t __pfx_c\t[m]\n",
                               "", &table),
                         0);
        check(&table, 0xffffffffc0000018, "__pfx_a", "m", 8);
        check(&table, 0xffffffffc0000028, "a", "m", 8);
        check(&table, 0xffffffffc0000208, "__pfx_c", "m", 8);
}

/* As a module of arm64 is listed: its mapping symbols first. */
static void test_mapping_symbols(void **state) {
        static const char text[] = "ffff800008010000 T _stext\n"
                                   "ffff800008020000 T _etext\n"
                                   "ffff80007a8c0000 t $x\t[dummy]\n"
                                   "ffff80007a8c2000 d $d\t[dummy]\n"
                                   "ffff80007a8c0100 t $x.4\t[dummy]\n"
                                   "ffff80007a8c0000 t dummy_validate\t[dummy]\n"
                                   "ffff80007a8c0100 t dummy_xmit\t[dummy]\n";
        _cleanup_(kallsyms_table_done) struct kallsyms_table table = {};

        assert_int_equal(build(text, "dummy 16384 0 - Live 0xffff80007a8c0000\n", &table), 0);
        assert_int_equal(table.n_symbols, 4);
        check(&table, UINT64_C(0xffff80007a8c0010), "dummy_validate", "dummy", 0x10);
        check(&table, UINT64_C(0xffff80007a8c0104), "dummy_xmit", "dummy", 4);
}

static void test_find(void **state) {
        _cleanup_(kallsyms_table_done) struct kallsyms_table table = {};
        uint64_t addresses[2] = {};

        assert_int_equal(build(basic, basic_modules, &table), 0);
        assert_int_equal(kallsyms_table_find(&table, "second", addresses, 2), 1);
        assert_int_equal(addresses[0], 0xffffffff81000100);
        assert_int_equal(kallsyms_table_find(&table, "static_twin", addresses, 2), 2);
        assert_int_equal(addresses[0], 0xffffffff81000200);
        assert_int_equal(addresses[1], 0xffffffff81000240);
        assert_int_equal(kallsyms_table_find(&table, "static_twin", addresses, 1), 2);
        assert_int_equal(kallsyms_table_find(&table, "far_away", addresses, 2), 1);
        assert_int_equal(addresses[0], 0xffff800012340000);
        assert_int_equal(kallsyms_table_find(&table, "some_data", addresses, 2), 0);
        assert_int_equal(kallsyms_table_find(&table, "secon", addresses, 2), 0);
}

static void test_bad_text(void **state) {
        static const struct {
                const char *text;
                int error;
        } cases[] = {
                { "", -ENODATA },
                { "ffffffff81800000 D some_data\n", -ENODATA },
                { "0000000000000000 T _stext\n0000000000000000 t first\n", -EPERM },
                { "ffffffff81000000 T _stext\nffffffff810000", -EBADMSG },
                { "garbage\n", -EBADMSG },
                { "\n", -EBADMSG },
                { "ffffffff81000000 T\n", -EBADMSG },
                { "ffffffff81000000 T \n", -EBADMSG },
                { "ffffffff81000000  T x\n", -EBADMSG },
                { "fffffffff81000000 T x\n", -EBADMSG },
                { "ffffffff81000000 T x\t[\n", -EBADMSG },
                { "ffffffff81000000 T x\t[]\n", -EBADMSG },
                { "ffffffff81000000 T x junk\n", -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(kallsyms_table_done) struct kallsyms_table table = {};

                assert_int_equal(build(cases[i].text, "", &table), cases[i].error);
        }
}

static void test_long_names(void **state) {
        static char text[4096], name[1024];
        _cleanup_(kallsyms_table_done) struct kallsyms_table table = {}, refused = {};

        memset(name, 'x', KALLSYMS_NAME_MAX - 1);
        (void)snprintf(text, sizeof(text), "ffffffff81000000 T %s\n", name);
        assert_int_equal(build(text, "", &table), 0);
        check(&table, 0xffffffff81000000, name, NULL, 0);
        name[KALLSYMS_NAME_MAX - 1] = 'x';
        (void)snprintf(text, sizeof(text), "ffffffff81000000 T %s\n", name);
        assert_int_equal(build(text, "", &refused), -EBADMSG);
        memset(name, 'x', sizeof(name) - 1);
        (void)snprintf(text, sizeof(text), "ffffffff81000000 T %s", name);
        assert_int_equal(build(text, "", &refused), -EBADMSG);
}

/* The file arrives in pieces cut anywhere. */
static void test_pieces(void **state) {
        for (size_t piece = 1; piece < 60; piece += 7) {
                _cleanup_(kallsyms_builder_done) struct kallsyms_builder builder = {};
                _cleanup_(kallsyms_table_done) struct kallsyms_table table = {};

                for (size_t i = 0; i < sizeof(basic) - 1; i += piece)
                        assert_int_equal(
                                kallsyms_builder_feed(&builder, basic + i, MIN(piece, sizeof(basic) - 1 - i)),
                                0);
                assert_int_equal(kallsyms_table_build(&builder, &table), 0);
                check(&table, 0xffffffffc0401010, "mod_a", "zeta", 0x10);
        }
}

/* Every one of many symbols is found again, by address and by name. */
static void test_many(void **state) {
        enum { N = 5000 };
        _cleanup_(kallsyms_builder_done) struct kallsyms_builder builder = {};
        _cleanup_(kallsyms_table_done) struct kallsyms_table table = {};
        char text[160];

        for (unsigned i = 0; i < N; i++) {
                unsigned k = (i * 7919) % N; /* out of order */

                (void)snprintf(text, sizeof(text), "%016llx t function_%u\t[module%u]\n",
                               0xffffffffc0000000ULL + k * 0x40, k, k / 100);
                assert_int_equal(kallsyms_builder_feed(&builder, text, strlen(text)), 0);
        }
        assert_int_equal(kallsyms_table_build(&builder, &table), 0);
        for (unsigned i = 0; i < N; i++) {
                char name[32], module[32];

                (void)snprintf(name, sizeof(name), "function_%u", i);
                (void)snprintf(module, sizeof(module), "module%u", i / 100);
                check(&table, 0xffffffffc0000000ULL + i * 0x40 + i % 0x40, name, module, i % 0x40);
        }
}

static void test_base_names(void **state) {
        static const struct {
                const char *name, *base;
        } cases[] = {
                { "schedule", "schedule" },
                { "nf_ct_frag6_expire.cold", "nf_ct_frag6_expire" },
                { "f.constprop.0", "f" },
                { "f.isra.12", "f" },
                { "f.part.0.isra.0", "f" },
                { "f.constprop.0.cold", "f" },
                { "f.cold.12", "f" },
                { "f.llvm.1234567890", "f" },
                { "f.lto_priv.0.cold", "f" },
                { ".kernel_entry", ".kernel_entry" },
                { ".cold", ".cold" },
                { "f.0", "f.0" },
                { "f.1.2.isra.0", "f.1.2" },
                { "_RNvXs.unknown", "_RNvXs.unknown" },
                { "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(symbol_base_length(cases[i].name), strlen(cases[i].base));
}

static int tree_setup(void **state) {
        struct temp_tree *tree = calloc(1, sizeof(*tree));

        assert_non_null(tree);
        temp_tree_init(tree);
        *state = tree;
        return 0;
}

static int tree_teardown(void **state) {
        temp_tree_done(*state);
        free(*state);
        return 0;
}

static uint64_t n_reads(const struct kallsyms *kallsyms) {
        struct kallsyms_stats stats;

        kallsyms_get_stats(kallsyms, &stats);
        return stats.n_reads;
}

static void test_refresh_modules(void **state) {
        const struct temp_tree *tree = *state;
        _cleanup_(kallsyms_freep) struct kallsyms *kallsyms = NULL;
        const uint64_t known = 0xffffffff81000110, s = NSEC_PER_SEC;
        struct kallsyms_symbol symbol;

        temp_tree_write(tree, "proc/kallsyms", basic);
        temp_tree_write(tree, "proc/modules", basic_modules);
        assert_int_equal(kallsyms_new(tree->fd, 100 * s, &kallsyms), 0);
        assert_int_equal(kallsyms_refresh(kallsyms, &known, 1, 102 * s), 0);

        /* reference counts alone are no change */
        temp_tree_write(tree, "proc/modules",
                        "zeta 8192 99 other,more, Live 0xffffffffc0401000 (OE)\n"
                        "other 16384 7 - Live 0xffff800012340000\n");
        assert_int_equal(kallsyms_refresh(kallsyms, &known, 1, 104 * s), 0);

        temp_tree_write(tree, "proc/kallsyms", "ffffffff81000100 T renamed\n");
        temp_tree_write(tree, "proc/modules", "other 16384 7 - Live 0xffff800012340000\n");
        assert_int_equal(kallsyms_refresh(kallsyms, &known, 1, 104 * s + s / 2), 0); /* too early */
        assert_int_equal(kallsyms_refresh(kallsyms, &known, 1, 105 * s), 1);
        assert_int_equal(kallsyms_lookup(kallsyms, known, &symbol), 0);
        assert_string_equal(symbol.name, "renamed");

        /* the same module at another place is a change, and a failed reread keeps the table */
        temp_tree_write(tree, "proc/kallsyms", "truncat");
        temp_tree_write(tree, "proc/modules", "other 16384 7 - Live 0xffff800012350000\n");
        assert_int_equal(kallsyms_refresh(kallsyms, &known, 1, 107 * s), -EBADMSG);
        assert_int_equal(kallsyms_lookup(kallsyms, known, &symbol), 0);
        assert_int_equal(n_reads(kallsyms), 2);
}

static void test_refresh_misses(void **state) {
        const struct temp_tree *tree = *state;
        _cleanup_(kallsyms_freep) struct kallsyms *kallsyms = NULL;
        const uint64_t in_kernel = 0xffffffff81000110, miss = 0xffffffffc0700010, bpf = 0xffffffffc0600010;
        const uint64_t boot = 0xffffffff81800000, other = 0xffffffffc0f00000;
        uint64_t now = 100 * NSEC_PER_SEC;

        temp_tree_write(tree, "proc/kallsyms", basic);
        assert_int_equal(kallsyms_new(tree->fd, now, &kallsyms), 0);
        assert_int_equal(kallsyms_refresh(kallsyms, &in_kernel, 1, now), 0);
        assert_int_equal(kallsyms_refresh(kallsyms, &boot, 1, now), 0);
        assert_int_equal(kallsyms_refresh(kallsyms, &bpf, 1, now), 0);
        assert_int_equal(kallsyms_refresh(kallsyms, &miss, 1, now), 1); /* the first one at once */

        /* nothing new came of it: the next one waits twice as long */
        now += NSEC_PER_SEC;
        assert_int_equal(kallsyms_refresh(kallsyms, &miss, 1, now), 0);
        now += NSEC_PER_SEC;
        temp_tree_write(tree, "proc/kallsyms",
                        "ffffffff81000000 T _stext\nffffffff81000300 T _etext\n"
                        "ffffffffc0700000 t driver_poll\t[driver]\n");
        assert_int_equal(kallsyms_refresh(kallsyms, &miss, 1, now), 1);

        /* that was worth it: the shortest wait again */
        now += NSEC_PER_SEC;
        assert_int_equal(kallsyms_refresh(kallsyms, &other, 1, now), 1);
        assert_int_equal(n_reads(kallsyms), 4);
}

static void test_no_file(void **state) {
        const struct temp_tree *tree = *state;
        struct kallsyms *kallsyms = NULL;

        assert_int_equal(kallsyms_new(tree->fd, 0, &kallsyms), -ENOENT);
        assert_null(kallsyms);
        assert_int_equal(kallsyms_are_hidden(tree->fd), -ENOENT);
        temp_tree_write(tree, "proc/kallsyms", "0000000000000000 T _stext\n");
        assert_int_equal(kallsyms_new(tree->fd, 0, &kallsyms), -EPERM);
        assert_null(kallsyms);
        assert_int_equal(kallsyms_are_hidden(tree->fd), 1);
        temp_tree_write(tree, "proc/kallsyms", "0000000000000000 A percpu\nffffffff81000000 T _stext\n");
        assert_int_equal(kallsyms_are_hidden(tree->fd), 0);
        temp_tree_write(tree, "proc/kallsyms", "");
        assert_int_equal(kallsyms_are_hidden(tree->fd), 0);
}

/* Whichever allocation fails, nothing is published and nothing leaks. */
static void test_no_memory(void **state) {
        const struct temp_tree *tree = *state;
        unsigned nth = 1;

        temp_tree_write(tree, "proc/kallsyms", basic);
        temp_tree_write(tree, "proc/modules", basic_modules);
        for (;; nth++) {
                _cleanup_(kallsyms_freep) struct kallsyms *kallsyms = NULL;
                int r;

                alloc_fail_at(nth);
                r = kallsyms_new(tree->fd, 0, &kallsyms);
                if (!alloc_fail_end()) {
                        assert_int_equal(r, 0);
                        break;
                }
                assert_int_equal(r, -ENOMEM);
                assert_null(kallsyms);
        }
        assert_true(nth > 4);
}

/* Where this kernel lists a function of a module, some function's name is found, not a mapping symbol's. */
static void check_modules(const struct kallsyms *kallsyms) {
        _cleanup_(fclosep) FILE *file = fopen("/proc/kallsyms", "re");
        unsigned long long address;
        char line[1024], name[512];
        unsigned n = 0;

        assert_non_null(file);
        while (fgets(line, sizeof(line), file)) {
                struct kallsyms_symbol symbol;

                if (!strchr(line, '[') || strstr(line, "[bpf]") ||
                    sscanf(line, "%llx %*[tT] %511s", &address, name) != 2 || name[0] == '$')
                        continue;
                if (kallsyms_lookup(kallsyms, address, &symbol) == 0) { /* unless it was loaded just now */
                        assert_int_not_equal(symbol.name[0], '$');
                        n++;
                }
        }
        print_message("%u functions of modules\n", n);
}

/* The kernel that this runs on: the table agrees with a plain search through the file. */
static void test_this_kernel(void **state) {
        _cleanup_(closep) int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(kallsyms_freep) struct kallsyms *kallsyms = NULL;
        struct kallsyms_stats stats;
        uint64_t address;
        int r = kallsyms_new(root_fd, 0, &kallsyms);

        if (r == -EPERM || r == -ENOENT)
                skip(); /* unprivileged, or a kernel without kallsyms */
        assert_int_equal(r, 0);
        kallsyms_get_stats(kallsyms, &stats);
        print_message("%zu symbols in %zu KiB\n", stats.n_symbols, stats.memory_bytes / 1024);
        assert_in_range(stats.memory_bytes / stats.n_symbols, 1, 40);

        for (const char *const *name = (const char *const[]){ "hrtimer_interrupt", "schedule", NULL }; *name;
             name++) {
                struct kallsyms_symbol symbol;

                assert_true(kallsyms_find(kallsyms, *name, &address, 1) >= 1);
                assert_int_equal(kallsyms_lookup(kallsyms, address + 1, &symbol), 0);
                assert_string_equal(symbol.name, *name);
                assert_null(symbol.module);
        }
        check_modules(kallsyms);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lookup),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_padding),
                cmocka_unit_test(test_padding_alone),
                cmocka_unit_test(test_mapping_symbols),
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_bad_text),
                cmocka_unit_test(test_long_names),
                cmocka_unit_test(test_pieces),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_base_names),
                cmocka_unit_test_setup_teardown(test_refresh_modules, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_refresh_misses, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_no_file, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_no_memory, tree_setup, tree_teardown),
                cmocka_unit_test(test_this_kernel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
