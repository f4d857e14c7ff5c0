/* The DER reader and the printer of unknown TLVs. */
#include "fuzz.h"

#include "asn1/asn1.h"

/* What was read can be written, and is then minimal and read as the same. */
static void check_written(const struct der_tlv *tlv)
{
    cr_buf out = {0};
    struct der_tlv again;
    der_put(&out, tlv->tag, tlv->value);
    FUZZ_CHECK(cr_buf_ok(&out) && out.n <= tlv->all.n);
    cr_span in = cr_buf_span(&out);
    FUZZ_CHECK(der_next(&in, DER_STRICT, &again, NULL) == CR_OK && in.n == 0);
    FUZZ_CHECK(again.tag == tlv->tag && cr_span_equal(again.value, tlv->value));
    cr_buf_free(&out);
}

static void walk(cr_span in, enum der_rules rules)
{
    struct cr_err err;
    struct der_tlv tlv;
    while (in.n) {
        cr_span before = in;
        uint32_t tag = der_peek(in);
        if (der_next(&in, rules, &tlv, &err) != CR_OK) {
            FUZZ_CHECK(in.p == before.p && in.n == before.n && err.cause[0]);
            return;
        }
        FUZZ_CHECK(tag == tlv.tag && tlv.all.p == before.p);
        FUZZ_CHECK(tlv.all.n + in.n == before.n && tlv.value.n < tlv.all.n);
        check_written(&tlv);
        int64_t number;
        char oid[DER_OID_TEXT];
        (void)!der_integer(tlv.value, &number, &err);
        (void)!der_oid_text(tlv.value, oid, &err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cr_span in = cr_span_of(data, size);
    cr_buf text = {.limit = (size_t)16 << 20};
    struct cr_err err;
    walk(in, DER_STRICT);
    walk(in, DER_BER_LENGTHS);
    (void)!asn1_print_tlv(in, &text, &err);
    cr_buf_free(&text);
    return 0;
}
