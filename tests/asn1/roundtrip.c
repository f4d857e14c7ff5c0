/* Every sample through decoder, encoder, JSON and printer; cut and mutated at every byte. */
#include "asn1/json.h"
#include "sample.h"

static void check_encoding(cr_arena *a, const struct all *value, cr_span der)
{
    static const unsigned flags[] = {0, ASN1_ENCODE_NO_RAW};
    for (size_t i = 0; i < CR_COUNT(flags); i++) {
        cr_buf out = {0};
        struct cr_err err = {0};
        cr_buf_append_byte(&out, 0x55);
        if (asn1_encode(&all_type, value, flags[i], &out, &err) != CR_OK) {
            fail_msg("%s: %s", cr_hex(a, der), err.cause);
        }
        assert_string_equal(cr_hex(a, cr_span_sub(cr_buf_span(&out), 1, out.n)), cr_hex(a, der));
        cr_buf_free(&out);
        cr_span span;
        assert_int_equal(asn1_encode_arena(&all_type, value, flags[i], a, &span, NULL), CR_OK);
        assert_true(cr_span_equal(span, der));
    }
}

static void check_json(cr_arena *a, const struct all *value, cr_span der)
{
    json_t *json = NULL;
    struct cr_err err = {0};
    assert_int_equal(asn1_to_json(&all_type, value, &json, &err), CR_OK);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_non_null(text);
    json_decref(json);
    json = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    struct all back;
    if (asn1_from_json(&all_type, json, a, &back, &err) != CR_OK) {
        fail_msg("%s: %s", text, err.cause);
    }
    json_decref(json);
    cr_span again;
    assert_int_equal(asn1_encode_arena(&all_type, &back, 0, a, &again, &err), CR_OK);
    assert_string_equal(cr_hex(a, again), cr_hex(a, der));
    free(text);
}

static void samples_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(all_samples); i++) {
        cr_arena a = {0};
        cr_span der = hex(&a, all_samples[i]);
        struct all value;
        struct cr_err err = {0};
        if (asn1_decode(&all_type, der, 0, &a, &value, &err) != CR_OK) {
            fail_msg("%s: %s", all_samples[i], err.cause);
        }
        assert_true(cr_span_equal(value.raw, der));
        check_encoding(&a, &value, der);
        check_json(&a, &value, der);
        cr_buf text = {0};
        assert_int_equal(asn1_print(&all_type, &value, NULL, &text, NULL), CR_OK);
        assert_int_equal(asn1_print_tlv(der, &text, NULL), CR_OK);
        cr_buf_free(&text);
        cr_arena_free(&a);
    }
}

static void samples_cut_are_refused(void **state)
{
    (void)state;
    cr_arena a = {0};
    for (size_t i = 0; i < CR_COUNT(all_samples); i++) {
        cr_span der = hex(&a, all_samples[i]);
        for (size_t n = 0; n < der.n; n++) {
            uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees a read behind the end */
            assert_non_null(exact);
            memcpy(exact, der.p, n);
            struct all value;
            assert_int_equal(asn1_decode(&all_type, cr_span_of(exact, n), ASN1_DECODE_BER_LENGTHS,
                                         &a, &value, NULL),
                             CR_MALFORMED);
            free(exact);
        }
    }
    cr_arena_free(&a);
}

/* What the decoder takes, the encoder writes, and that decodes to the same encoding. */
static void check_accepted(cr_arena *a, cr_span input)
{
    struct all value;
    struct cr_err err = {0};
    cr_span first;
    cr_span second;
    if (asn1_decode(&all_type, input, ASN1_DECODE_BER_LENGTHS, a, &value, NULL) != CR_OK) {
        return;
    }
    if (asn1_encode_arena(&all_type, &value, ASN1_ENCODE_NO_RAW, a, &first, &err) != CR_OK) {
        fail_msg("%s: %s", cr_hex(a, input), err.cause);
    }
    cr_buf text = {0};
    assert_int_equal(asn1_print(&all_type, &value, NULL, &text, NULL), CR_OK);
    cr_buf_free(&text);
    check_json(a, &value, first);
    if (asn1_decode(&all_type, first, ASN1_DECODE_BER_LENGTHS, a, &value, &err) != CR_OK) {
        fail_msg("%s: %s", cr_hex(a, input), err.cause);
    }
    assert_int_equal(asn1_encode_arena(&all_type, &value, ASN1_ENCODE_NO_RAW, a, &second, NULL),
                     CR_OK);
    assert_true(cr_span_equal(first, second));
}

static void samples_mutated_stay_consistent(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0x01, 0x02, 0x03, 0x30, 0x7F, 0x80, 0x81,
                                     0x84, 0x9F, 0xA1, 0xA8, 0xAA, 0xBF, 0xFF};
    cr_arena a = {0};
    for (size_t i = 0; i < CR_COUNT(all_samples); i++) {
        cr_span der = hex(&a, all_samples[i]);
        uint8_t copy[64];
        assert_true(der.n <= sizeof(copy));
        for (size_t at = 0; at < der.n; at++) {
            for (size_t v = 0; v < CR_COUNT(values); v++) {
                cr_arena each = {0};
                memcpy(copy, der.p, der.n);
                copy[at] = values[v];
                check_accepted(&each, cr_span_of(copy, der.n));
                cr_arena_free(&each);
            }
        }
    }
    cr_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_come_back),
        cmocka_unit_test(samples_cut_are_refused),
        cmocka_unit_test(samples_mutated_stay_consistent),
    };
    return cmocka_run_group_tests_name("asn1/roundtrip", tests, NULL, NULL);
}
