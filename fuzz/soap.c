/* SOAP messages of SGP.02: what is read is written, and what is written is read as the same; a
 * signature from outside is refused or right, never a crash. */
#include "fuzz.h"

#include "soap/envelope.h"
#include "soap/eum_signature.h"

static void verify_somehow(const struct soap_eis *eis, cr_arena *arena)
{
    static const uint8_t generator[] = {
        0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5,
        0x63, 0xA4, 0x40, 0xF2, 0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4,
        0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A,
        0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE, 0x33,
        0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5};
    struct crypto_public *key = NULL;
    struct cr_err err = {0};
    FUZZ_CHECK(crypto_public_new(CRYPTO_P256, CR_SPAN_ARRAY(generator), &key, &err) == CR_OK);
    if (soap_eum_verify(eis, key, CR_SPAN_ARRAY(generator), arena, &err) != CR_OK) {
        FUZZ_CHECK(err.cause[0] && (err.subject[0] || err.category == CR_RESOURCE));
    }
    crypto_public_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct soap_message m, back;
    cr_buf first = {0}, second = {0}, third = {0};
    if (soap_parse(cr_span_of(data, size), &arena, &m, &err) != CR_OK) {
        FUZZ_CHECK(err.cause[0] && (err.subject[0] || err.category == CR_RESOURCE));
    } else if (m.function) {
        if (m.body.has_eis) {
            verify_somehow(&m.body.eis, &arena);
        }
        /* What came with white space that XML normalises may be written once more. */
        if (soap_build(&m, NULL, &first, &err) == CR_OK) {
            FUZZ_CHECK(soap_parse(cr_buf_span(&first), &arena, &back, &err) == CR_OK);
            FUZZ_CHECK(back.function == m.function && back.kind == m.kind);
            FUZZ_CHECK(soap_build(&back, NULL, &second, &err) == CR_OK);
            FUZZ_CHECK(soap_parse(cr_buf_span(&second), &arena, &back, &err) == CR_OK);
            FUZZ_CHECK(soap_build(&back, NULL, &third, &err) == CR_OK);
            FUZZ_CHECK(cr_span_equal(cr_buf_span(&second), cr_buf_span(&third)));
        }
    }
    cr_buf_free(&first);
    cr_buf_free(&second);
    cr_buf_free(&third);
    cr_arena_free(&arena);
    return 0;
}
