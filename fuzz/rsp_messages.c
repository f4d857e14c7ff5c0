/* Every message of SGP.22: what decodes is encoded anew, and is then its own twin. */
#include "fuzz.h"

#include "asn1/json.h"
#include "rsp/es8.h"
#include "rsp/messages.h"
#include "rsp/metadata.h"

static const struct asn1_print_hooks no_hooks;

static void check_twin(const struct asn1_type *t, const void *value, cr_arena *arena)
{
    struct cr_err err;
    cr_buf first = {0};
    cr_buf second = {0};
    FUZZ_CHECK(asn1_encode(t, value, ASN1_ENCODE_NO_RAW, &first, &err) == CR_OK);
    void *again = cr_arena_alloc(arena, t->size);
    FUZZ_CHECK(again);
    /* RAW components go out as they came in, BER lengths included. */
    FUZZ_CHECK(asn1_decode(t, cr_buf_span(&first), ASN1_DECODE_BER_LENGTHS, arena, again, &err) ==
               CR_OK);
    FUZZ_CHECK(asn1_encode(t, again, ASN1_ENCODE_NO_RAW, &second, &err) == CR_OK);
    FUZZ_CHECK(cr_span_equal(cr_buf_span(&first), cr_buf_span(&second)));
    cr_buf_free(&first);
    cr_buf_free(&second);
}

static void check_raw(const struct asn1_type *t, const void *value, cr_span tlv)
{
    cr_buf out = {0};
    if (t->raw_offset != ASN1_NO_OFFSET) {
        FUZZ_CHECK(asn1_encode(t, value, 0, &out, NULL) == CR_OK);
        FUZZ_CHECK(cr_span_equal(cr_buf_span(&out), tlv));
    }
    cr_buf_free(&out);
}

static void show(const struct asn1_type *t, const void *value)
{
    cr_buf text = {.limit = (size_t)16 << 20};
    json_t *json = NULL;
    (void)!asn1_print(t, value, &no_hooks, &text, NULL);
    if (asn1_to_json(t, value, &json, NULL) == CR_OK) {
        json_decref(json);
    }
    cr_buf_free(&text);
}

static void one_message(const struct rsp_message *m, cr_span in)
{
    cr_arena arena = {0};
    struct cr_err err;
    void *value = cr_arena_alloc(&arena, m->type->size);
    FUZZ_CHECK(value);
    if (asn1_decode(m->type, in, ASN1_DECODE_BER_LENGTHS, &arena, value, &err) == CR_OK) {
        check_twin(m->type, value, &arena);
        check_raw(m->type, value, in);
        show(m->type, value);
    } else {
        FUZZ_CHECK(err.category != CR_OK && err.cause[0]);
    }
    cr_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cr_span in = cr_span_of(data, size);
    cr_arena arena = {0};
    struct cr_err err;
    size_t count;
    const struct rsp_message *m = rsp_message_candidates(der_peek(in), &count);
    for (size_t i = 0; i < count; i++) {
        one_message(&m[i], in);
    }
    void *value;
    cr_status status = rsp_message_decode(in, &arena, &m, &value, &err);
    FUZZ_CHECK(status == CR_OK || err.cause[0]);
    rsp_euicc_response_list responses;
    if (rsp_sima_response_decode(in, &arena, &responses, &err) == CR_OK) {
        cr_buf text = {.limit = (size_t)16 << 20};
        rsp_sima_response_text(&responses, &text);
        cr_buf_free(&text);
    }
    struct rsp_ext_card_resource resource;
    (void)!rsp_ext_card_resource_parse(in, &resource, &err);
    (void)rsp_tag_list_has(in, 0xBF76);
    cr_arena_free(&arena);
    return 0;
}
