/* JSON texts: what is read, and what is refused. */
#include "rsp/json_tree.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static cr_status parse(cr_arena *arena, const char *text, const struct rsp_json **out,
                       struct cr_err *err)
{
    /* On the heap without a NUL: reading too far is found out. */
    size_t n = strlen(text);
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    cr_span kept = cr_arena_copy(arena, cr_span_of(copy, n));
    const struct rsp_json *unused = NULL;
    cr_arena other = {0};
    struct cr_err ignored;
    (void)!rsp_json_parse(cr_span_of(copy, n), &other, &unused, &ignored);
    cr_arena_free(&other);
    free(copy);
    return rsp_json_parse(kept, arena, out, err);
}

static const struct rsp_json *parsed(cr_arena *arena, const char *text)
{
    const struct rsp_json *value = NULL;
    struct cr_err err = {0};
    if (parse(arena, text, &value, &err) != CR_OK) {
        fail_msg("%s: %s", text, err.cause);
    }
    return value;
}

static void values(void **state)
{
    (void)state;
    cr_arena arena = {0};
    const struct rsp_json *v = parsed(
        &arena, " {\"a\" : [ 1,-2 ,0, 9223372036854775807, -9223372036854775808,1.5,2e9 ],"
                "\n\"b\":\"QUJD\", \"c\":{}, \"d\":[], \"t\":true,\"f\":false,\"n\":null } ");
    static const int64_t integers[] = {1, -2, 0, INT64_MAX, INT64_MIN};
    assert_int_equal(v->type, RSP_JSON_T_OBJECT);
    assert_int_equal(v->count, 7);
    const struct rsp_json *a = rsp_json_member(v, "a");
    assert_int_equal(a->type, RSP_JSON_T_ARRAY);
    assert_int_equal(a->count, 7);
    const struct rsp_json *item = a->first;
    for (size_t i = 0; i < CR_COUNT(integers); i++, item = item->next) {
        assert_int_equal(item->type, RSP_JSON_T_INTEGER);
        assert_true(item->integer == integers[i]);
    }
    assert_int_equal(item->type, RSP_JSON_T_REAL);
    assert_int_equal(item->next->type, RSP_JSON_T_REAL);
    assert_null(item->next->next);
    assert_true(cr_span_equal(rsp_json_text(rsp_json_member(v, "b")), cr_span_str("QUJD")));
    assert_int_equal(rsp_json_member(v, "c")->type, RSP_JSON_T_OBJECT);
    assert_int_equal(rsp_json_member(v, "d")->count, 0);
    assert_int_equal(rsp_json_member(v, "t")->type, RSP_JSON_T_TRUE);
    assert_int_equal(rsp_json_member(v, "f")->type, RSP_JSON_T_FALSE);
    assert_int_equal(rsp_json_member(v, "n")->type, RSP_JSON_T_NULL);
    assert_null(rsp_json_member(v, "z"));
    assert_null(rsp_json_member(NULL, "a"));
    assert_null(rsp_json_member(a, "a"));
    assert_false(cr_span_present(rsp_json_text(a)));
    assert_false(cr_span_present(rsp_json_text(NULL)));
    assert_int_equal(parsed(&arena, "7")->integer, 7);
    cr_arena_free(&arena);
}

static void strings(void **state)
{
    (void)state;
    cr_arena arena = {0};
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"\"\"", ""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"a\\u0041\\u00e9\\u20AC\\uD83D\\uDE00z\"", "aA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"},
        {"\"gr\xC3\xBC\xC3\x9F\"", "gr\xC3\xBC\xC3\x9F"},
        {"\"\x7F\"", "\x7F"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_span text = rsp_json_text(parsed(&arena, rows[i].json));
        assert_true(cr_span_present(text));
        assert_true(cr_span_equal(text, cr_span_str(rows[i].text)));
    }
    /* names are unescaped before they are compared */
    assert_non_null(rsp_json_member(parsed(&arena, "{\"\\u0061\":1}"), "a"));
    cr_arena_free(&arena);
}

static void refused(void **state)
{
    (void)state;
    cr_arena arena = {0};
    static const char *const bad[] = {"",
                                      " ",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,]",
                                      "[1 2]",
                                      "{\"a\"",
                                      "{\"a\":",
                                      "{\"a\":1",
                                      "{\"a\":1,",
                                      "{\"a\":1,}",
                                      "{\"a\" 1}",
                                      "{a:1}",
                                      "{1:1}",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\":1]",
                                      "[1}",
                                      "1 2",
                                      "{} x",
                                      "nul",
                                      "nulll",
                                      "tru",
                                      "True",
                                      "fals",
                                      "'a'",
                                      "\"",
                                      "\"a",
                                      "\"\\",
                                      "\"\\\"",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u12G4\"",
                                      "\"\\uD83D\"",
                                      "\"\\uD83Dx\"",
                                      "\"\\uD83D\\n\"",
                                      "\"\\uD83D\\u0041\"",
                                      "\"\\uDE00\"",
                                      "\"\\u0000\"",
                                      "\"a\nb\"",
                                      "\"\x1F\"",
                                      "\"\x80\"",
                                      "\"\xC3\"",
                                      "\"\xC0\x80\"",
                                      "\"\xED\xA0\x80\"",
                                      "-",
                                      "+1",
                                      "01",
                                      "-01",
                                      ".5",
                                      "1.",
                                      "1.e5",
                                      "1e",
                                      "1e+",
                                      "0x10",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "100000000000000000000",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":1,\"b\":2,\"\\u0061\":3}",
                                      "\xEF\xBB\xBF{}",
                                      "\"a\\",
                                      "// x",
                                      "[1/**/]",
                                      "NaN"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        const struct rsp_json *value = NULL;
        struct cr_err err = {0};
        if (parse(&arena, bad[i], &value, &err) != CR_MALFORMED) {
            fail_msg("row %zu was taken: %s", i, bad[i]);
        }
        assert_null(value);
        assert_non_null(strstr(err.cause, "line "));
    }
    const struct rsp_json *value = NULL;
    struct cr_err err = {0};
    assert_int_equal(parse(&arena, "{\"a\":1,\n \"b\":x}", &value, &err), CR_MALFORMED);
    assert_non_null(strstr(err.cause, "line 2 column 6"));
    cr_arena_free(&arena);
}

static cr_status parse_nested(cr_arena *arena, size_t depth)
{
    char text[2 * RSP_JSON_MAX_DEPTH + 8];
    const struct rsp_json *value = NULL;
    size_t n = 0;
    for (size_t i = 0; i < depth; i++) {
        text[n++] = '[';
    }
    for (size_t i = 0; i < depth; i++) {
        text[n++] = ']';
    }
    text[n] = 0;
    return parse(arena, text, &value, NULL);
}

static cr_status parse_members(cr_arena *arena, int count)
{
    cr_buf text = {0};
    const struct rsp_json *value = NULL;
    cr_buf_append_str(&text, "{");
    for (int i = 0; i < count; i++) {
        cr_buf_appendf(&text, "%s\"m%d\":0", i ? "," : "", i);
    }
    cr_buf_append_str(&text, "}");
    cr_status status = parse(arena, cr_buf_cstr(&text), &value, NULL);
    cr_buf_free(&text);
    return status;
}

static void limits(void **state)
{
    (void)state;
    cr_arena arena = {0};
    assert_int_equal(parse_nested(&arena, RSP_JSON_MAX_DEPTH), CR_OK);
    assert_int_equal(parse_nested(&arena, RSP_JSON_MAX_DEPTH + 1), CR_MALFORMED);
    assert_int_equal(parse_members(&arena, RSP_JSON_MAX_MEMBERS), CR_OK);
    assert_int_equal(parse_members(&arena, RSP_JSON_MAX_MEMBERS + 1), CR_MALFORMED);
    cr_arena tiny = {.limit = 8};
    const struct rsp_json *value = NULL;
    assert_int_equal(rsp_json_parse(cr_span_str("[1]"), &tiny, &value, NULL), CR_RESOURCE);
    cr_arena_free(&tiny);
    cr_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(strings),
        cmocka_unit_test(refused),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
