/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

#include "common/json-build.h"
#include "common/utf8.h"
#include "common/varlink-frame.h"

static int parse_bytes(const char *text, size_t size, struct json_object **ret_object) {
        _cleanup_(freep) char *copy = malloc(size ? size : 1); /* exact: the sanitizer sees a read beyond */

        assert_non_null(copy);
        memcpy(copy, text, size);
        return varlink_parse(copy, size, ret_object);
}

static void check_bad(const char *text) {
        struct json_object *object = NULL;
        int r;

        r = parse_bytes(text, strlen(text), &object);
        if (r != -EBADMSG)
                fail_msg("accepted (%i): %s", r, text);
        assert_null(object);
}

static void check_good(const char *text, const char *expected) {
        _cleanup_(json_putp) struct json_object *object = NULL;
        _cleanup_(freep) char *out = NULL;
        size_t size;
        int r;

        r = parse_bytes(text, strlen(text), &object);
        if (r != 0)
                fail_msg("refused (%i): %s", r, text);
        assert_int_equal(varlink_serialize(object, &out, &size), 0);
        assert_string_equal(out, expected);
        assert_int_equal(size, strlen(expected));
}

static void test_parse_good(void **state) {
        check_good("{}", "{}");
        check_good(" \t\r\n{ } \n", "{}");
        check_good("{\"a\":[1,2,{\"b\":null}],\"c\":true,\"d\":false}",
                   "{\"a\":[1,2,{\"b\":null}],\"c\":true,\"d\":false}");
        check_good("{\"a\":\"/\\/\\\"\\\\\\b\\f\\n\\r\\t\"}", "{\"a\":\"//\\\"\\\\\\b\\f\\n\\r\\t\"}");
        check_good("{\"a\":\"\\u00e9\\ud83d\\uDE00\"}", "{\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\"}");
        check_good("{\"\xc3\xa9\":\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\x7f\"}",
                   "{\"\xc3\xa9\":\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\x7f\"}");
        check_good("{\"a\":-0,\"b\":1.5,\"c\":-1e3,\"d\":1E+2,\"e\":0.5e-1}",
                   "{\"a\":0,\"b\":1.5,\"c\":-1e3,\"d\":1E+2,\"e\":0.5e-1}");
        check_good("{\"a\":9223372036854775807,\"b\":-9223372036854775808}",
                   "{\"a\":9223372036854775807,\"b\":-9223372036854775808}");
        check_good("{\"a\":{\"a\":1},\"b\":[{\"a\":\":\"},{\"a\":null}]}",
                   "{\"a\":{\"a\":1},\"b\":[{\"a\":\":\"},{\"a\":null}]}");
        check_good("{\"\":1}", "{\"\":1}");
}

static void test_parse_bad(void **state) {
        static const char *const bad[] = {
                "",
                " ",
                "null",
                "1",
                "\"x\"",
                "true",
                "[]",
                "[{}]",
                "{",
                "}",
                "{\"a\"",
                "{\"a\":",
                "{\"a\":1",
                "{\"a\":1,}",
                "{,}",
                "{\"a\":[1,]}",
                "{\"a\" 1}",
                "{\"a\":1,\"a\":1}",
                "{\"a\":1,\"\\u0061\":2}",
                "{\"b\":[{\"a\":{},\"c\":0,\"a\":null}]}",
                "{\"a\":1 2}",
                "{\"a\":1 \"b\":2}",
                "{\"a\":1]",
                "{} x",
                "{}{}",
                "{} {}",
                "{},",
                "{}]",
                "{}}",
                "]{}",
                ",{}",
                "{1:2}",
                "{a:1}",
                "{null:1}",
                "{true}",
                "{'a':1}",
                "{\"a\":'b'}",
                "/**/{}",
                "{}//x",
                "{ /*x*/ }",
                "#\n{}",
                "\xef\xbb\xbf{}",
                "{\"a\":NaN}",
                "{\"a\":nan}",
                "{\"a\":Infinity}",
                "{\"a\":-Infinity}",
                "{\"a\":inf}",
                "{\"a\":1e999}",
                "{\"a\":-1e999}",
                "{\"a\":TRUE}",
                "{\"a\":True}",
                "{\"a\":nul}",
                "{\"a\":nulll}",
                "{\"a\":truefalse}",
                "{\"a\":01}",
                "{\"a\":-01}",
                "{\"a\":+1}",
                "{\"a\":.5}",
                "{\"a\":1.}",
                "{\"a\":1.e1}",
                "{\"a\":1e}",
                "{\"a\":1e+}",
                "{\"a\":-}",
                "{\"a\":--1}",
                "{\"a\":1-1}",
                "{\"a\":0x10}",
                "{\"a\":1_0}",
                "{\"a\":1a}",
                "{\"a\":1.2.3}",
                "{\"a\":1\v}",
                "{\f}",
                "{\"a\":\"\t\"}",
                "{\"a\":\"\n\"}",
                "{\"a\":\"\x01\"}",
                "{\"a\":\"\\u0000\"}",
                "{\"a\\u0000b\":1}",
                "{\"a\":\"\\ud800\"}",
                "{\"a\":\"\\udc00\"}",
                "{\"a\":\"\\ud800\\u0041\"}",
                "{\"a\":\"\\ud800\\ud800\"}",
                "{\"a\":\"\\ud83d",
                "{\"a\":\"\\u12g4\"}",
                "{\"a\":\"\\x41\"}",
                "{\"a\":\"\\\"}",
                "{\"a\":\"\\u12",
                "{\"a\":\"b}",
                "{\"a\":\"\xff\"}",
                "{\"\xff\":1}",
                "{\"a\":\"\xc3\"}",
                "{\"a\":\"\xc0\x80\"}",
                "{\"a\":\"\xe0\x80\x80\"}",
                "{\"a\":\"\xed\xa0\x80\"}",
                "{\"a\":\"\xf4\x90\x80\x80\"}",
                "{\"a\":\"\xf0\x8f\xbf\xbf\"}",
                "{\"a\":\"\xf8\x88\x80\x80\x80\"}",
                "{\"a\":\"\x80\"}",
                "{\xc3\xa9:1}",
                "{\"a\":\xc2\xa0 1}",
                "{\"a\":9223372036854775808",
                "{\"a\":9223372036854775808 1}",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                check_bad(bad[i]);
}

static void test_parse_embedded_nul(void **state) {
        static const char text[] = "{\"a\":\"b\0c\"}", outside[] = "{}\0", between[] = "{\"a\":\0 1}";
        struct json_object *object = NULL;

        assert_int_equal(parse_bytes(text, sizeof(text) - 1, &object), -EBADMSG);
        assert_int_equal(parse_bytes(outside, sizeof(outside) - 1, &object), -EBADMSG);
        assert_int_equal(parse_bytes(between, sizeof(between) - 1, &object), -EBADMSG);
}

/* Every proper prefix of a good message is bad, whatever token it cuts. */
static void test_parse_prefixes(void **state) {
        static const char text[] =
                "{\"a\\u00e9\":[-12.5e+3,true,null,\"\xf0\x9f\x98\x80\",99999999999999999999],\"b\":{}}";
        struct json_object *object = NULL;

        for (size_t i = 0; i < strlen(text); i++)
                assert_int_equal(parse_bytes(text, i, &object), -EBADMSG);
        assert_int_equal(parse_bytes(text, strlen(text), &object), 0);
        (void)json_object_put(object);
}

/* Never another integer: what does not fit becomes a double. */
static void test_parse_large_integers(void **state) {
        static const char *const large[] = { "9223372036854775808",         "-9223372036854775809",
                                             "18446744073709551615",        "18446744073709551616",
                                             "-99999999999999999999999999", "10000000000000000000" };

        for (size_t i = 0; i < ELEMENTSOF(large); i++) {
                _cleanup_(json_putp) struct json_object *object = NULL;
                struct json_object *array, *value;
                char text[128];

                (void)snprintf(text, sizeof(text), "{\"a\":[%s , 7,%s],\"b\":%s}", large[i], large[i],
                               large[i]);
                assert_int_equal(parse_bytes(text, strlen(text), &object), 0);
                assert_true(json_object_object_get_ex(object, "a", &array));
                assert_int_equal(json_object_array_length(array), 3);
                value = json_object_array_get_idx(array, 0);
                assert_true(json_object_is_type(value, json_type_double));
                assert_true(json_object_get_double(value) == strtod(large[i], NULL));
                assert_true(json_object_is_type(json_object_array_get_idx(array, 2), json_type_double));
                assert_int_equal(json_object_get_int64(json_object_array_get_idx(array, 1)), 7);
                assert_true(json_object_is_type(json_object_object_get(object, "b"), json_type_double));
        }
}

static char *nested(unsigned depth) {
        char *text = calloc(1, 6 * depth + 1);

        assert_non_null(text);
        for (unsigned i = 0; i < depth; i++)
                strcat(text, i % 2 ? "[" : "{\"a\":");
        if (depth % 2)
                text[strlen(text) - 4] = '\0'; /* an object at the bottom is empty */
        for (unsigned i = depth; i-- > 0;)
                strcat(text, i % 2 ? "]" : "}");
        return text;
}

static void test_parse_depth(void **state) {
        for (unsigned depth = 1; depth < 3 * VARLINK_DEPTH_MAX; depth++) {
                _cleanup_(json_putp) struct json_object *object = NULL;
                _cleanup_(freep) char *text = nested(depth);

                assert_int_equal(parse_bytes(text, strlen(text), &object),
                                 depth <= VARLINK_DEPTH_MAX ? 0 : -EBADMSG);
        }
}

static void test_parse_size(void **state) {
        _cleanup_(freep) char *text = malloc(VARLINK_MESSAGE_MAX + 1);
        struct json_object *object = NULL;

        assert_non_null(text);
        memset(text, ' ', VARLINK_MESSAGE_MAX + 1);
        memcpy(text, "{}", 2);
        assert_int_equal(varlink_parse(text, VARLINK_MESSAGE_MAX + 1, &object), -EBADMSG);
        assert_int_equal(varlink_parse(text, VARLINK_MESSAGE_MAX, &object), 0);
        (void)json_object_put(object);
}

static void test_serialize(void **state) {
        _cleanup_(json_putp) struct json_object *object = json_object_new_object();
        _cleanup_(freep) char *text = NULL;
        size_t size;

        assert_int_equal(json_add_text(object, "a/b", "x\x01\xff\xc3\xa9\xed\xa0\x80y"), 0);
        assert_int_equal(json_add_null(object, "n"), 0);
        assert_int_equal(varlink_serialize(object, &text, &size), 0);
        assert_string_equal(
                text,
                "{\"a/b\":\"x\\u0001\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdy\",\"n\":null}");
        assert_int_equal(size, strlen(text));
}

static void check_not_finite(double value) {
        _cleanup_(json_putp) struct json_object *object = json_object_new_object();
        struct json_object *array = json_object_new_array();
        char *text = NULL;
        size_t size;

        assert_int_equal(json_add(object, "a", array), 0);
        assert_int_equal(json_array_append(array, json_object_new_double(value)), 0);
        assert_int_equal(varlink_serialize(object, &text, &size), -EDOM);
        assert_null(text);
}

static void test_serialize_not_finite(void **state) {
        check_not_finite(NAN);
        check_not_finite(INFINITY);
        check_not_finite(-INFINITY);
}

static void check_serialize_size(size_t n, char fill, int expected) {
        _cleanup_(json_putp) struct json_object *object = json_object_new_object();
        _cleanup_(freep) char *value = malloc(n), *text = NULL;
        size_t size;

        assert_non_null(value);
        memset(value, fill, n);
        assert_int_equal(json_add(object, "a", json_object_new_string_len(value, (int)n)), 0);
        assert_int_equal(varlink_serialize(object, &text, &size), expected);
}

static void test_serialize_size(void **state) {
        const size_t n = VARLINK_MESSAGE_MAX - strlen("{\"a\":\"\"}");

        check_serialize_size(n, 'x', 0);
        check_serialize_size(n + 1, 'x', -EMSGSIZE);
        check_serialize_size(n, '\xff', -EMSGSIZE); /* grows when repaired */
        check_serialize_size(n / 3, '\xff', 0);
}

static void test_utf8(void **state) {
        _cleanup_(freep) char *text = NULL;
        size_t size;

        assert_int_equal(utf8_sequence("", 0), 0);
        assert_int_equal(utf8_sequence("\xf0\x9f\x98\x80", 4), 4);
        assert_int_equal(utf8_sequence("\xf0\x9f\x98\x80", 3), 0);
        assert_int_equal(utf8_valid_prefix("ab\xc3\xa9\xc3", 5), 4);
        assert_int_equal(utf8_make_valid("\xc3(\0\xe2\x82", 5, &text, &size), 0);
        assert_int_equal(size, 3 + 1 + 1 + 3 + 3);
        assert_memory_equal(text, "\xef\xbf\xbd(\0\xef\xbf\xbd\xef\xbf\xbd", size + 1);
}

static void feed(struct varlink_input *input, const char *text, size_t size) {
        char *space;

        assert_int_equal(varlink_input_reserve(input, size, &space), 0);
        if (size > 0) /* a reservation of nothing has no memory, and memcpy() wants some all the same */
                memcpy(space, text, size);
        varlink_input_commit(input, size);
}

static void check_next(struct varlink_input *input, const char *expected) {
        const char *text;
        size_t size;

        assert_int_equal(varlink_input_next(input, &text, &size), 1);
        assert_int_equal(size, strlen(expected));
        assert_string_equal(text, expected);
}

static void check_none(struct varlink_input *input) {
        const char *text;
        size_t size;

        assert_false(varlink_input_has_message(input));
        assert_int_equal(varlink_input_next(input, &text, &size), 0);
}

static void test_input_splits(void **state) {
        static const char stream[] = "first\0\0second one\0x";

        for (size_t cut = 0; cut <= sizeof(stream); cut++) {
                _cleanup_(varlink_input_done) struct varlink_input input = {};
                static const char *const expected[] = { "first", "", "second one", "x" };
                const char *text;
                size_t size, n = 0;

                feed(&input, stream, cut);
                while (varlink_input_next(&input, &text, &size) > 0)
                        assert_string_equal(text, expected[n++]);
                check_none(&input);
                feed(&input, stream + cut, sizeof(stream) - cut);
                while (n < ELEMENTSOF(expected))
                        check_next(&input, expected[n++]);
                check_none(&input);
        }
}

static void test_input_bytewise(void **state) {
        _cleanup_(varlink_input_done) struct varlink_input input = {};
        static const char stream[] = "{\"method\":\"a.b\"}\0{}";
        unsigned n = 0;

        for (size_t i = 0; i < sizeof(stream); i++) {
                feed(&input, stream + i, 1);
                if (stream[i] == '\0')
                        check_next(&input, n++ ? "{}" : "{\"method\":\"a.b\"}");
                check_none(&input);
        }
        assert_int_equal(n, 2);
}

static void test_input_limit(void **state) {
        _cleanup_(freep) char *text = malloc(VARLINK_MESSAGE_MAX + 1);
        _cleanup_(varlink_input_done) struct varlink_input input = {};
        const char *message;
        char *space;
        size_t size;

        assert_non_null(text);
        memset(text, 'x', VARLINK_MESSAGE_MAX + 1);

        feed(&input, text, VARLINK_MESSAGE_MAX);
        check_none(&input);
        feed(&input, "", 1);
        assert_int_equal(varlink_input_next(&input, &message, &size), 1);
        assert_int_equal(size, VARLINK_MESSAGE_MAX);

        feed(&input, text, VARLINK_MESSAGE_MAX + 1);
        assert_true(input.allocated < 2 * VARLINK_MESSAGE_MAX + 2);
        assert_int_equal(varlink_input_next(&input, &message, &size), -EMSGSIZE);
        assert_int_equal(varlink_input_reserve(&input, 1, &space), -EMSGSIZE);
}

/* The NUL comes with the bytes that are too many. */
static void test_input_limit_with_end(void **state) {
        _cleanup_(freep) char *text = calloc(1, VARLINK_MESSAGE_MAX + 2);
        _cleanup_(varlink_input_done) struct varlink_input input = {};
        const char *message;
        size_t size;

        assert_non_null(text);
        memset(text, 'x', VARLINK_MESSAGE_MAX + 1);
        feed(&input, text, VARLINK_MESSAGE_MAX + 2);
        assert_int_equal(varlink_input_next(&input, &message, &size), -EMSGSIZE);
}

static void test_input_gives_memory_back(void **state) {
        _cleanup_(freep) char *text = calloc(1, 100000);
        _cleanup_(varlink_input_done) struct varlink_input input = {};
        const char *message;
        size_t size;

        assert_non_null(text);
        memset(text, 'x', 99999);
        feed(&input, text, 100000);
        assert_int_equal(varlink_input_next(&input, &message, &size), 1);
        feed(&input, "a", 2);
        assert_true(input.allocated < 10000);
        check_next(&input, "a");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse_good),
                cmocka_unit_test(test_parse_bad),
                cmocka_unit_test(test_parse_embedded_nul),
                cmocka_unit_test(test_parse_prefixes),
                cmocka_unit_test(test_parse_large_integers),
                cmocka_unit_test(test_parse_depth),
                cmocka_unit_test(test_parse_size),
                cmocka_unit_test(test_serialize),
                cmocka_unit_test(test_serialize_not_finite),
                cmocka_unit_test(test_serialize_size),
                cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_input_splits),
                cmocka_unit_test(test_input_bytewise),
                cmocka_unit_test(test_input_limit),
                cmocka_unit_test(test_input_limit_with_end),
                cmocka_unit_test(test_input_gives_memory_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
