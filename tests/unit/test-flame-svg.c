/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The SVG is read back by a small strict reader of XML: every element ends, in order; attributes are quoted
 * and unique; no character that XML 1.0 forbids; '<' and '&' only where they may stand.
 */

#include "tests/unit/test.h"

#include <ctype.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/flame-assets.h"
#include "client/flame-svg.h"
#include "client/flame-text.h"
#include "common/utf8.h"
#include "tests/harness/alloc-fail.h"

enum { DEPTH_MAX = 16, NAME_MAX = 32 };

struct xml {
        const char *at;
        char open[DEPTH_MAX][NAME_MAX];
        size_t depth;
        size_t n_elements;
};

static void xml_check_characters(const char *text) {
        size_t size = strlen(text);

        assert_int_equal(utf8_valid_prefix(text, size), size);
        for (; *text; text++)
                assert_true((unsigned char)*text >= 0x20 || *text == '\n' || *text == '\t');
        /* U+FFFE and U+FFFF */
        assert_null(strstr(text - size, "\xef\xbf\xbe"));
        assert_null(strstr(text - size, "\xef\xbf\xbf"));
}

static void xml_entity(struct xml *xml) {
        static const char *const entities[] = { "&amp;", "&lt;", "&gt;", "&quot;" };

        for (size_t i = 0; i < ELEMENTSOF(entities); i++)
                if (strncmp(xml->at, entities[i], strlen(entities[i])) == 0) {
                        xml->at += strlen(entities[i]);
                        return;
                }
        fail_msg("a bare '&': %.40s", xml->at);
}

static void xml_name(struct xml *xml, char *name) {
        size_t n = strspn(xml->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:");

        assert_true(n > 0 && n < NAME_MAX);
        memcpy(name, xml->at, n);
        name[n] = '\0';
        xml->at += n;
}

static void xml_attributes(struct xml *xml) {
        char names[16][NAME_MAX];
        size_t n = 0;

        while (isspace((unsigned char)*xml->at)) {
                xml->at += strspn(xml->at, " \n");
                if (*xml->at == '/' || *xml->at == '>')
                        break;
                assert_true(n < ELEMENTSOF(names));
                xml_name(xml, names[n]);
                for (size_t i = 0; i < n; i++)
                        assert_string_not_equal(names[i], names[n]);
                n++;
                assert_memory_equal(xml->at, "=\"", 2);
                for (xml->at += 2; *xml->at != '"';) {
                        assert_true(*xml->at != '\0' && *xml->at != '<');
                        if (*xml->at == '&')
                                xml_entity(xml);
                        else
                                xml->at++;
                }
                xml->at++;
        }
}

static void xml_element(struct xml *xml) {
        char name[NAME_MAX];
        bool closing = xml->at[1] == '/';

        xml->at += closing ? 2 : 1;
        xml_name(xml, name);
        if (closing) {
                assert_true(xml->depth > 0);
                assert_string_equal(xml->open[--xml->depth], name);
                assert_int_equal(*xml->at++, '>');
                return;
        }
        xml->n_elements++;
        xml_attributes(xml);
        if (*xml->at == '/')
                xml->at++;
        else {
                assert_true(xml->depth < DEPTH_MAX);
                strcpy(xml->open[xml->depth++], name);
        }
        assert_int_equal(*xml->at++, '>');
}

static size_t xml_check(const char *text) {
        static const char declaration[] = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
        struct xml xml = { .at = text };

        xml_check_characters(text);
        assert_memory_equal(text, declaration, strlen(declaration));
        xml.at += strlen(declaration);
        while (*xml.at) {
                if (strncmp(xml.at, "<![CDATA[", 9) == 0) {
                        xml.at = strstr(xml.at, "]]>");
                        assert_non_null(xml.at);
                        xml.at += 3;
                } else if (*xml.at == '<')
                        xml_element(&xml);
                else if (*xml.at == '&')
                        xml_entity(&xml);
                else {
                        assert_true(xml.depth > 0 || isspace((unsigned char)*xml.at));
                        assert_true(strncmp(xml.at, "]]>", 3) != 0);
                        xml.at++;
                }
        }
        assert_int_equal(xml.depth, 0);
        return xml.n_elements;
}

static int render(const struct flame_tree *tree, const struct flame_caption *caption, char **ret_text) {
        size_t size = 0;
        FILE *out = open_memstream(ret_text, &size);
        int r;

        assert_non_null(out);
        r = flame_svg_write(out, tree, caption);
        assert_int_equal(fclose(out), 0);
        return r;
}

static const struct flame_caption plain = {
        .title = "Title", .subtitle = "Sub", .unit = FLAME_UNIT_TIME, .has_counts = true
};

static void add(struct flame_tree *tree, const char *comm, const char *user, const char *kernel,
                uint64_t ns) {
        const struct flame_frame frames[] = {
                { .name = comm, .context = FLAME_TASK },
                { .name = user, .module = "lib<c>.so", .context = FLAME_USER },
                { .name = kernel, .context = FLAME_INTERRUPT },
        };

        assert_int_equal(flame_tree_add(tree, frames, ELEMENTSOF(frames), ns, 1), 0);
}

static void test_picture(void **state) {
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        _cleanup_(freep) char *text = NULL;

        add(&tree, "sh", "main", "net_rx_action", 90000000);
        add(&tree, "cat", "main", "tick", 10000000);
        assert_int_equal(flame_tree_sort(&tree), 0);
        assert_int_equal(render(&tree, &plain, &text), 0);
        (void)xml_check(text);

        assert_non_null(strstr(text, "<title>net_rx_action\ninterrupt\n90.0 ms, 90.0 %, 1 window</title>"));
        assert_non_null(
                strstr(text, "<title>main\nuser, lib&lt;c&gt;.so\n10.0 ms, 10.0 %, 1 window</title>"));
        assert_non_null(strstr(text, "data-f=\"3 10000000 90000000 1\""));
        assert_non_null(
                strstr(text, "x=\"128\" y=\"84\" width=\"1061.50\"")); /* 10 + 0.1 of 1180; less the gap */
        assert_non_null(strstr(text, ">net_rx_action</text>"));
        assert_non_null(strstr(text, "prefers-color-scheme: dark"));
}

static void test_hostile_names(void **state) {
        static const char *const names[] = {
                "</title><script>alert(1)</script>",
                "]]>",
                "\"/><x y=\"",
                "a&b;&#0;&lt;",
                "\001\002\033[31m\x7f",
                "\xff\xfe\xc0\x80",
                "\xed\xa0\x80",
                "\xef\xbf\xbf",
                "-->",
                "<![CDATA[",
                "\xe2\x80\xaegnp.exe",
                "%s%n%d",
                "",
                "\n",
        };
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        _cleanup_(freep) char *text = NULL;
        struct flame_caption caption = plain;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                for (size_t j = 0; j < ELEMENTSOF(names); j++)
                        add(&tree, names[i], names[j], names[(i + j) % ELEMENTSOF(names)], 1000000);
        caption.title = names[0];
        caption.subtitle = names[5];
        assert_int_equal(render(&tree, &caption, &text), 0);
        (void)xml_check(text);
        assert_null(strstr(text, "<script>alert"));
        assert_null(strstr(strstr(text, "</style>"), "<x y"));
}

/* The file keeps within bounds, and says what it left out. */
static void test_many_frames(void **state) {
        enum { FRAMES = 100000 };
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        _cleanup_(freep) char *text = NULL;
        char name[32], expected[128];

        for (unsigned i = 0; i < FRAMES / 2; i++) {
                (void)snprintf(name, sizeof(name), "function_number_%u", i);
                add(&tree, "sh", i % 100 == 0 ? "wide" : name, name, i % 100 == 0 ? 100000 : 1);
        }
        assert_true(tree.n_nodes >= FRAMES - FRAMES / 100);
        assert_int_equal(render(&tree, &plain, &text), 0);
        (void)xml_check(text);
        assert_true(strlen(text) < 1024 * 1024);
        (void)snprintf(expected, sizeof(expected), "%u frames narrower than 0.1 px",
                       2 * (FRAMES / 2 - FRAMES / 200));
        assert_non_null(strstr(text, expected));
}

static void test_no_weight(void **state) {
        _cleanup_(flame_tree_done) struct flame_tree empty = {}, zero = {};
        _cleanup_(freep) char *a = NULL, *b = NULL;

        add(&zero, "sh", "main", "f", 0);
        assert_int_equal(render(&empty, &plain, &a), 0);
        assert_int_equal(render(&zero, &plain, &b), 0);
        assert_true(xml_check(a) < xml_check(b));
        assert_null(strstr(strstr(b, "</style>"), "nan"));
}

static void test_units(void **state) {
        static const struct {
                uint64_t value;
                enum flame_unit unit;
                const char *expected;
        } cases[] = {
                { 0, FLAME_UNIT_TIME, "0 µs" },
                { 870999, FLAME_UNIT_TIME, "870 µs" },
                { 1000000, FLAME_UNIT_TIME, "1.0 ms" },
                { 99999999, FLAME_UNIT_TIME, "99.9 ms" }, /* a lower bound is never rounded up */
                { 988000000, FLAME_UNIT_TIME, "988 ms" },
                { 9999999999, FLAME_UNIT_TIME, "9999 ms" },
                { 12390000000, FLAME_UNIT_TIME, "12.3 s" },
                { 1, FLAME_UNIT_WINDOWS, "1 window" },
                { 2, FLAME_UNIT_WINDOWS, "2 windows" },
                { UINT64_MAX, FLAME_UNIT_SAMPLES, "18446744073709551615 samples" },
        };
        char buf[FLAME_WEIGHT_TEXT_MAX];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_string_equal(flame_weight_text(cases[i].value, cases[i].unit, buf), cases[i].expected);
}

/* What goes into CDATA must not end it, and nothing is fetched from anywhere. */
static void test_assets(void **state) {
        const char *const assets[] = { flame_js, flame_css };

        for (size_t i = 0; i < ELEMENTSOF(assets); i++) {
                assert_true(strlen(assets[i]) > 1000);
                assert_null(strstr(assets[i], "]]>"));
                assert_null(strstr(assets[i], "url("));
                assert_null(strstr(assets[i], "@import"));
                assert_null(strstr(assets[i], "fetch("));
                for (const char *p = assets[i]; (p = strstr(p, "://")); p++) /* names of XML, not addresses */
                        assert_true(strncmp(p, "://www.w3.org/", 14) == 0);
        }
}

static void test_errors(void **state) {
        _cleanup_(flame_tree_done) struct flame_tree tree = {};
        _cleanup_(freep) char *text = NULL;
        FILE *full = fopen("/dev/full", "w");

        assert_non_null(full);
        add(&tree, "sh", "main", "f", 1000000);
        assert_int_equal(flame_svg_write(full, &tree, &plain), -EIO);
        (void)fclose(full);
        alloc_fail_at(1);
        assert_int_equal(render(&tree, &plain, &text), -ENOMEM);
        assert_true(alloc_fail_end());
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_picture),     cmocka_unit_test(test_hostile_names),
                cmocka_unit_test(test_many_frames), cmocka_unit_test(test_no_weight),
                cmocka_unit_test(test_units),       cmocka_unit_test(test_assets),
                cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
