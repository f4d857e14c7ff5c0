/* Activation codes and the identifiers that people type. */
#include "fuzz.h"

#include "rsp/activation_code.h"
#include "rsp/ids.h"

static void check_code(cr_span text)
{
    cr_arena arena = {0};
    struct cr_err err;
    struct rsp_activation_code code;
    struct rsp_activation_code again;
    if (rsp_activation_code_parse(text, &arena, &code, &err) != CR_OK) {
        FUZZ_CHECK(err.cause[0] && err.field[0]);
        cr_arena_free(&arena);
        return;
    }
    FUZZ_CHECK(code.smdp_address.n > 0 && cr_span_present(code.matching_id));
    cr_buf out = {0};
    if (rsp_activation_code_build(&code, true, &out, &err) == CR_OK) {
        FUZZ_CHECK(rsp_activation_code_parse(cr_buf_span(&out), &arena, &again, &err) == CR_OK);
        FUZZ_CHECK(cr_span_equal(code.smdp_address, again.smdp_address));
        FUZZ_CHECK(cr_span_equal(code.matching_id, again.matching_id));
        FUZZ_CHECK(cr_span_equal(code.smdp_oid, again.smdp_oid));
        FUZZ_CHECK(code.confirmation_code_required == again.confirmation_code_required);
        FUZZ_CHECK(cr_span_equal(code.delete_notification, again.delete_notification));
    }
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

static void check_ids(cr_span text)
{
    struct cr_err err;
    uint8_t eid[16];
    uint8_t iccid[RSP_ICCID_BYTES];
    uint8_t imei[8];
    uint8_t tac[4];
    char eid_text[RSP_EID_TEXT];
    char iccid_text[RSP_ICCID_TEXT];
    char imei_text[RSP_IMEI_TEXT];
    char tac_text[RSP_TAC_TEXT];
    struct rsp_version version;
    if (rsp_eid_parse(text, eid, &err) == CR_OK) {
        FUZZ_CHECK(rsp_eid_text(CR_SPAN_ARRAY(eid), eid_text));
        FUZZ_CHECK(rsp_eid_set_check_digits(eid) && rsp_eid_check(CR_SPAN_ARRAY(eid)));
    }
    if (rsp_iccid_parse(text, iccid, &err) == CR_OK) {
        uint8_t again[RSP_ICCID_BYTES];
        FUZZ_CHECK(rsp_iccid_text(CR_SPAN_ARRAY(iccid), iccid_text));
        FUZZ_CHECK(rsp_iccid_parse(cr_span_str(iccid_text), again, &err) == CR_OK);
        FUZZ_CHECK(cr_span_equal(CR_SPAN_ARRAY(iccid), CR_SPAN_ARRAY(again)));
    }
    if (rsp_imei_parse(text, imei, &err) == CR_OK) {
        FUZZ_CHECK(rsp_imei_text(CR_SPAN_ARRAY(imei), imei_text));
    }
    if (rsp_tac_parse(text, tac, &err) == CR_OK) {
        FUZZ_CHECK(rsp_tac_text(CR_SPAN_ARRAY(tac), (cr_span){0}, tac_text));
    }
    (void)!rsp_version_parse(text, &version);
    (void)rsp_iccid_luhn(text);
    (void)rsp_eid_text(text, eid_text);
    (void)rsp_iccid_text(text, iccid_text);
    (void)rsp_imei_text(text, imei_text);
    (void)rsp_tac_text(text, text, tac_text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cr_span text = cr_span_of(data, size);
    check_code(text);
    check_ids(text);
    return 0;
}
