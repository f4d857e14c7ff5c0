/* Every table of rsp, walked: what a table must be, and that what is encoded from it decodes to
 * the same. */
#include "common.h"

#include "asn1/json.h"
#include "rsp/es2plus.h"
#include "rsp/json_binding.h"
#include "rsp/messages.h"
#include "rsp/types.h"

#define ROUNDS    16
#define MAX_TYPES 512

static size_t kind_size(const struct asn1_field *row)
{
    switch ((enum asn1_kind)row->kind) {
    case ASN1_BOOLEAN:
    case ASN1_NULL:
        return sizeof(bool);
    case ASN1_INTEGER:
    case ASN1_BITS:
        return 8;
    case ASN1_OCTETS:
    case ASN1_UTF8:
    case ASN1_STRING:
    case ASN1_OID:
    case ASN1_TIME:
    case ASN1_RAW:
        return sizeof(cr_span);
    case ASN1_SEQUENCE:
    case ASN1_CHOICE:
        return row->type->size;
    case ASN1_SEQUENCE_OF:
        return sizeof(struct asn1_list);
    }
    return 0;
}

static void check_names(const char *where, const struct asn1_name *names)
{
    for (size_t i = 0; names && names[i].name; i++) {
        for (size_t k = 0; k < i; k++) {
            if (names[i].value == names[k].value || strcmp(names[i].name, names[k].name) == 0) {
                fail_msg("%s: %s and %s", where, names[i].name, names[k].name);
            }
        }
    }
}

static void check_row(const struct asn1_type *t, const struct asn1_field *row)
{
    bool silent = row->kind == ASN1_BOOLEAN || row->kind == ASN1_INTEGER ||
                  row->kind == ASN1_BITS || row->kind == ASN1_SEQUENCE;
    bool optional = (row->flags & (ASN1_OPTIONAL | ASN1_SINCE_V3)) != 0;
    bool marked = row->has != ASN1_NO_OFFSET;
    bool structured =
        row->kind == ASN1_SEQUENCE || row->kind == ASN1_CHOICE || row->kind == ASN1_SEQUENCE_OF;
    if (!row->name || !row->name[0]) {
        fail_msg("%s: a row without a name", t->name);
    }
    if (structured && !row->type) {
        fail_msg("%s.%s: no type", t->name, row->name);
    }
    if (row->kind != ASN1_SEQUENCE_OF && structured && row->type->kind != row->kind) {
        fail_msg("%s.%s: kind is not the kind of its type", t->name, row->name);
    }
    if (row->offset + kind_size(row) > t->size || (marked && row->has >= t->size)) {
        fail_msg("%s.%s: outside the struct", t->name, row->name);
    }
    if (t->kind == ASN1_SEQUENCE && silent && optional && !(row->flags & ASN1_DEFAULT) && !marked) {
        fail_msg("%s.%s: optional, but nothing says whether it is there", t->name, row->name);
    }
    if (marked && (!silent || !optional)) {
        fail_msg("%s.%s: a mark that nobody looks at", t->name, row->name);
    }
    if (marked && row->has >= row->offset && row->has < row->offset + kind_size(row)) {
        fail_msg("%s.%s: the mark lies in the value", t->name, row->name);
    }
    if (row->max && row->min > row->max) {
        fail_msg("%s.%s: limits", t->name, row->name);
    }
    check_names(row->name, row->names);
}

static void check_type(const struct asn1_type *t)
{
    if (t->raw_offset != ASN1_NO_OFFSET && t->raw_offset + sizeof(cr_span) > t->size) {
        fail_msg("%s: raw outside the struct", t->name);
    }
    if (t->kind == ASN1_CHOICE && t->raw_offset != ASN1_NO_OFFSET) {
        assert_true(t->raw_offset >= sizeof(int));
    }
    for (size_t i = 0; i < t->field_count; i++) {
        check_row(t, &t->fields[i]);
        if (t->kind == ASN1_CHOICE) {
            assert_true(t->fields[i].offset >= sizeof(int));
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(t->fields[i].name, t->fields[k].name) == 0) {
                fail_msg("%s: two rows %s", t->name, t->fields[i].name);
            }
            bool same_tag = t->fields[i].tag && t->fields[i].tag == t->fields[k].tag;
            if (t->kind == ASN1_CHOICE && same_tag) {
                fail_msg("%s: two alternatives with tag %X", t->name, t->fields[i].tag);
            }
        }
    }
}

static void walk(const struct asn1_type *t, const struct asn1_type **seen, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        if (seen[i] == t) {
            return;
        }
    }
    assert_true(*count < MAX_TYPES);
    seen[(*count)++] = t;
    check_type(t);
    if (t->element) {
        walk(t->element, seen, count);
    }
    for (size_t i = 0; i < t->field_count; i++) {
        if (t->fields[i].type && t->fields[i].type != t) {
            walk(t->fields[i].type, seen, count);
        }
    }
}

static void tables_are_sound(void **state)
{
    (void)state;
    const struct asn1_type *seen[MAX_TYPES];
    size_t count = 0;
    for (size_t i = 0; i < rsp_message_count; i++) {
        walk(rsp_messages[i].type, seen, &count);
    }
    assert_true(count > 150);
}

static void messages_are_ordered_and_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < rsp_message_count; i++) {
        const struct rsp_message *m = &rsp_messages[i];
        size_t count;
        const struct rsp_message *first = rsp_message_candidates(m->tag, &count);
        assert_true(first <= m && m < first + count);
        assert_true(m->type->tag == m->tag || m->type->tag == 0);
        if (m->type->tag) {
            assert_ptr_equal(rsp_message_by_name(cr_span_str(m->name)), m);
        }
        assert_true(i == 0 || rsp_messages[i - 1].tag <= m->tag);
    }
    size_t count = 7;
    assert_null(rsp_message_candidates(0xBF77, &count));
    assert_int_equal(count, 0);
    assert_null(rsp_message_by_name(cr_span_str("NoSuchMessage")));
    assert_non_null(rsp_message_by_name(cr_span_str("euiccinfo2")));
}

/* Through JSON and back to the same bytes. */
static void check_json(cr_arena *arena, const struct asn1_type *t, cr_span der)
{
    struct cr_err err = {0};
    json_t *json = NULL;
    void *value = cr_arena_alloc(arena, t->size);
    assert_int_equal(asn1_decode(t, der, 0, arena, value, NULL), CR_OK);
    assert_int_equal(asn1_to_json(t, value, &json, NULL), CR_OK);
    void *again = cr_arena_alloc(arena, t->size);
    if (asn1_from_json(t, json, arena, again, &err) != CR_OK) {
        fail_msg("%s: %s", t->name, err.cause);
    }
    json_decref(json);
    cr_span out;
    assert_int_equal(asn1_encode_arena(t, again, 0, arena, &out, &err), CR_OK);
    assert_bytes(arena, out, der);
}

static void check_prefixes(cr_arena *arena, const struct asn1_type *t, cr_span der, void *value)
{
    for (size_t n = 0; n < der.n; n += 1 + der.n / 100) {
        struct cr_err err = {0};
        assert_int_equal(asn1_decode(t, cr_span_sub(der, 0, n), 0, arena, value, &err),
                         CR_MALFORMED);
        assert_true(err.cause[0]);
    }
}

static void check_flips(cr_arena *arena, const struct asn1_type *t, cr_span der, void *value)
{
    for (size_t i = 0; i < der.n; i += 1 + der.n / 60) {
        cr_span copy = cr_arena_copy(arena, der);
        uint8_t *at = (uint8_t *)(uintptr_t)(copy.p + i);
        for (unsigned bit = 0; bit < 8; bit++) {
            *at ^= (uint8_t)(1U << bit);
            (void)!asn1_decode(t, copy, ASN1_DECODE_BER_LENGTHS, arena, value, NULL);
            *at ^= (uint8_t)(1U << bit);
        }
    }
}

/* Fills, encodes, decodes, encodes: the same bytes from the fields and from raw. */
static void check_twin(cr_arena *arena, const struct rsp_message *m, size_t round, bool everything)
{
    const struct asn1_type *t = m->type;
    const struct filling filling = {arena, round, everything};
    struct cr_err err = {0};
    void *value = cr_arena_alloc(arena, t->size);
    cr_span der;
    fill_type(&filling, t, value, 0);
    if (asn1_encode_arena(t, value, 0, arena, &der, &err) != CR_OK) {
        fail_msg("%s: %s", m->name, err.cause);
    }
    void *read = cr_arena_alloc(arena, t->size);
    if (asn1_decode(t, der, 0, arena, read, &err) != CR_OK) {
        fail_msg("%s: %s", m->name, err.cause);
    }
    cr_span again;
    assert_int_equal(asn1_encode_arena(t, read, ASN1_ENCODE_NO_RAW, arena, &again, &err), CR_OK);
    assert_bytes(arena, again, der);
    assert_int_equal(asn1_encode_arena(t, read, 0, arena, &again, &err), CR_OK);
    assert_bytes(arena, again, der);
    const struct rsp_message *found = NULL;
    void *found_value = NULL;
    assert_int_equal(rsp_message_decode(der, arena, &found, &found_value, &err), CR_OK);
    assert_int_equal(
        asn1_encode_arena(found->type, found_value, ASN1_ENCODE_NO_RAW, arena, &again, &err),
        CR_OK);
    assert_bytes(arena, again, der);
    cr_buf text = {0};
    assert_int_equal(asn1_print(t, read, NULL, &text, &err), CR_OK);
    cr_buf_free(&text);
    check_json(arena, t, der);
    check_prefixes(arena, t, der, read);
    check_flips(arena, t, der, read);
}

static void every_message_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < rsp_message_count; i++) {
        for (size_t round = 0; round < ROUNDS; round++) {
            cr_arena arena = {0};
            check_twin(&arena, &rsp_messages[i], round, false);
            check_twin(&arena, &rsp_messages[i], round, true);
            cr_arena_free(&arena);
        }
    }
}

/* What a v2 peer gets has nothing of v3 in it, and it still decodes. */
static void v2_peers_get_v2(void **state)
{
    (void)state;
    for (size_t i = 0; i < rsp_message_count; i++) {
        const struct asn1_type *t = rsp_messages[i].type;
        cr_arena arena = {0};
        const struct filling filling = {&arena, 0, true};
        void *value = cr_arena_alloc(&arena, t->size);
        cr_span der;
        fill_type(&filling, t, value, 0);
        if (t->kind == ASN1_CHOICE && t->tag == 0) {
            cr_arena_free(&arena);
            continue;
        }
        assert_int_equal(asn1_encode_arena(t, value, ASN1_ENCODE_V2, &arena, &der, NULL), CR_OK);
        void *read = cr_arena_alloc(&arena, t->size);
        assert_int_equal(asn1_decode(t, der, 0, &arena, read, NULL), CR_OK);
        cr_span again;
        assert_int_equal(asn1_encode_arena(t, read, ASN1_ENCODE_NO_RAW, &arena, &again, NULL),
                         CR_OK);
        assert_bytes(&arena, again, der);
        cr_arena_free(&arena);
    }
}

/* ---- JSON tables ---- */

static size_t json_size(const struct rsp_json_field *f)
{
    switch ((enum rsp_json_kind)f->kind) {
    case RSP_JSON_TEXT:
    case RSP_JSON_EID:
    case RSP_JSON_ICCID:
    case RSP_JSON_HEX:
    case RSP_JSON_BASE64:
        return sizeof(cr_span);
    case RSP_JSON_TLV:
        return f->type->size;
    case RSP_JSON_TLV_LIST:
    case RSP_JSON_OBJECT_LIST:
        return sizeof(struct asn1_list);
    case RSP_JSON_BOOL:
        return sizeof(bool);
    case RSP_JSON_INTEGER:
        return sizeof(int64_t);
    case RSP_JSON_STATUS:
        return sizeof(struct rsp_function_status);
    case RSP_JSON_OBJECT:
        return f->message->size;
    }
    return 0;
}

static void check_json_message(const struct rsp_json_message *m)
{
    for (const struct rsp_json_field *f = m->fields; f->name; f++) {
        if (f->offset + json_size(f) > m->size) {
            fail_msg("%s.%s: outside the struct", m->name, f->name);
        }
        if (f->kind == RSP_JSON_TLV_LIST) {
            assert_int_equal(f->type->kind, ASN1_RAW);
        }
        if (f->subject) {
            assert_non_null(rsp_subject_name(f->subject));
        }
        if (f->when) {
            assert_true(m->which != ASN1_NO_OFFSET);
        }
        for (const struct rsp_json_field *g = m->fields; g < f; g++) {
            if (strcmp(f->name, g->name) == 0 && f->when == g->when) {
                fail_msg("%s: two members %s", m->name, f->name);
            }
        }
        if (f->message) {
            check_json_message(f->message);
        }
    }
}

static void functions_are_sound(void **state)
{
    (void)state;
    size_t count;
    const struct rsp_function *rows = rsp_function_table(&count);
    assert_int_equal(count, RSP_FUNCTIONS);
    for (size_t i = 0; i < count; i++) {
        const struct rsp_function *f = &rows[i];
        assert_int_equal(f->id, i);
        assert_ptr_equal(rsp_function(f->id), f);
        assert_ptr_equal(rsp_function_by_path(f->interface, cr_span_str(f->path)), f);
        assert_ptr_equal(rsp_function_by_name(f->interface, cr_span_str(f->name)), f);
        assert_int_equal(f->json_request->size, f->request_size);
        check_json_message(f->json_request);
        assert_true(f->notification == (f->json_response == NULL));
        if (f->json_response) {
            assert_int_equal(f->json_response->size, f->response_size);
            check_json_message(f->json_response);
        }
        if (f->asn1_request) {
            assert_int_equal(f->asn1_request->size, f->request_size);
            assert_true(f->notification == (f->asn1_response == NULL));
        }
        if (f->asn1_response) {
            assert_int_equal(f->asn1_response->size, f->response_size);
            assert_true(f->errors != RSP_ERRORS_NONE);
            assert_non_null(rsp_error_numbers(f->errors)->name);
        }
    }
    cr_span es11 = cr_span_str("/gsma/rsp2/es11/authenticateClient");
    assert_ptr_equal(rsp_function_by_path(RSP_ES11, es11),
                     rsp_function(RSP_ES11_AUTHENTICATE_CLIENT));
    assert_null(rsp_function_by_path(RSP_ES9PLUS, es11));
    assert_null(rsp_function_by_path(RSP_ES9PLUS, cr_span_str("/gsma/rsp2/es9plus/")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(messages_are_ordered_and_named),
        cmocka_unit_test(every_message_comes_back),
        cmocka_unit_test(v2_peers_get_v2),
        cmocka_unit_test(functions_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
