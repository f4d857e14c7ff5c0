/*
 * The EUM's signature: what is signed is verified, also after a trip through an envelope, and each
 * way of breaking it is noticed.
 */
#include "../base/test.h"

#include "base/text.h"
#include "fill.h"
#include "soap/eum_signature.h"
#include "soap/xml.h"

#include <stdio.h>
#include <stdlib.h>

static const uint8_t certificate[] = {0x30, 0x03, 0x02, 0x01, 0x05}; /* stands for the EUM's */

struct rig {
    cr_arena arena;
    struct pki_key *key;
    struct crypto_public *public;
    struct soap_message message; /* RegisterEIS */
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    struct crypto_private *private = NULL;
    assert_int_equal(crypto_private_generate(CRYPTO_P256, &private, NULL), CR_OK);
    assert_int_equal(pki_key_of_private(private, &r->key, NULL), CR_OK);
    assert_int_equal(crypto_public_new(CRYPTO_P256, pki_key_point(r->key), &r->public, NULL),
                     CR_OK);
    fill_message(&r->message, soap_function(SOAP_ES1, SOAP_REGISTER_EIS), SOAP_REQUEST, false,
                 &r->arena);
    assert_int_equal(soap_eum_sign(&r->message.body.eis, r->key, CR_SPAN_ARRAY(certificate),
                                   cr_span_str("CN=EUM <1> & 2"), &r->arena, NULL),
                     CR_OK);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    crypto_public_free(r->public);
    pki_key_free(r->key);
    cr_arena_free(&r->arena);
    free(r);
    return 0;
}

static cr_status verify(struct rig *r, const struct soap_eis *eis, struct cr_err *err)
{
    return soap_eum_verify(eis, r->public, CR_SPAN_ARRAY(certificate), &r->arena, err);
}

static void refused(struct rig *r, const struct soap_eis *eis)
{
    struct cr_err err = {0};
    assert_int_not_equal(verify(r, eis, &err), CR_OK);
    assert_true(err.subject[0] && err.reason[0]);
}

static void test_good(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    assert_int_equal(verify(r, &r->message.body.eis, &err), CR_OK);
    /* Through an envelope, and from there through another one, with other prefixes in scope. */
    struct soap_message back = r->message;
    for (int hop = 0; hop < 3; hop++) {
        cr_buf text = {0};
        assert_int_equal(soap_build(&back, NULL, &text, &err), CR_OK);
        assert_int_equal(soap_parse(cr_buf_span(&text), &r->arena, &back, &err), CR_OK);
        assert_int_equal(verify(r, &back.body.eis, &err), CR_OK);
        cr_buf_free(&text);
    }
}

/* Every change of a character of the signed part or of the signature, that leaves XML behind. */
static void test_every_change(void **state)
{
    struct rig *r = *state;
    struct soap_eis eis = r->message.body.eis;
    cr_span *parts[] = {&eis.signed_info.raw, &eis.eum_signature};
    for (size_t p = 0; p < CR_COUNT(parts); p++) {
        cr_span whole = *parts[p];
        uint8_t *copy = malloc(whole.n);
        size_t start = 0, end = whole.n;
        if (p == 1) {
            /* What is around SignedInfo and its value is not signed; KeyInfo is a hint whose
             * certificate has a test of its own; the last base64 digits hold bits that mean
             * nothing. */
            start = (size_t)((uint8_t *)memmem(whole.p, whole.n, "<ds:SignedInfo", 14) - whole.p);
            end = (size_t)((uint8_t *)memmem(whole.p, whole.n, "==</ds:Sign", 11) - whole.p) - 1;
        }
        for (size_t i = start; i < end; i++) {
            memcpy(copy, whole.p, whole.n);
            copy[i] = copy[i] == 'B' ? 'C' : 'B';
            *parts[p] = cr_span_of(copy, whole.n);
            struct cr_err err = {0};
            if (verify(r, &eis, &err) == CR_OK) {
                fail_msg("a change of byte %zu of part %zu was not noticed", i, p);
            }
        }
        free(copy);
        *parts[p] = whole;
    }
}

/* The signature with one text replaced by another. */
static void with(struct rig *r, const char *from, const char *to)
{
    struct soap_eis eis = r->message.body.eis;
    cr_span s = eis.eum_signature;
    const uint8_t *at = memmem(s.p, s.n, from, strlen(from));
    assert_non_null(at);
    size_t before = (size_t)(at - s.p);
    cr_buf text = {0};
    cr_buf_append(&text, s.p, before);
    cr_buf_append_str(&text, to);
    cr_buf_append(&text, at + strlen(from), s.n - before - strlen(from));
    eis.eum_signature = cr_buf_span(&text);
    refused(r, &eis);
    cr_buf_free(&text);
}

static void test_algorithms(void **state)
{
    struct rig *r = *state;
    with(r, "<ds:Reference>", "<ds:Reference URI=\"\">");
    with(r, "<ds:Reference>", "<ds:Reference URI=\"#x\">");
    with(r, "</ds:Reference>", "</ds:Reference><ds:Reference></ds:Reference>");
    with(r, "xmldsig-more#ecdsa-sha256", "xmldsig-more#ecdsa-sha1");
    with(r, "xmlenc#sha256", "xmldsig#sha1");
    with(r, "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"",
         "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/x\"");
    with(r, "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"",
         "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"");
    with(r, "<ds:X509Certificate>MAMCAQU=", "<ds:X509Certificate>MAMCAQY=");
    with(r, "<ds:SignatureValue", "<ds:Other");
}

static void test_absent(void **state)
{
    struct rig *r = *state;
    struct soap_eis eis = r->message.body.eis;
    eis.eum_signature = (cr_span){0};
    refused(r, &eis);
    eis = r->message.body.eis;
    eis.signed_info.raw = (cr_span){0};
    refused(r, &eis);
    eis = r->message.body.eis;
    eis.has_signed_info = false;
    refused(r, &eis);
}

static void test_other_key(void **state)
{
    struct rig *r = *state;
    struct crypto_private *private = NULL;
    uint8_t point[CRYPTO_POINT];
    struct crypto_public *other = NULL;
    assert_int_equal(crypto_private_generate(CRYPTO_P256, &private, NULL), CR_OK);
    crypto_private_point(private, point);
    assert_int_equal(crypto_public_new(CRYPTO_P256, CR_SPAN_ARRAY(point), &other, NULL), CR_OK);
    struct cr_err err = {0};
    assert_int_equal(
        soap_eum_verify(&r->message.body.eis, other, CR_SPAN_ARRAY(certificate), &r->arena, &err),
        CR_REFUSED);
    assert_string_equal(err.subject, "8.6");
    assert_string_equal(err.reason, "6.1");
    crypto_public_free(other);
    crypto_private_free(private);
}

/* A peer that canonicalises inclusively, without a Transform: made here step by step. */
static void test_inclusive(void **state)
{
    struct rig *r = *state;
    static const char inner[] =
        "<rps3:EumSignedInfo><rps3:Eid>89001012012341234012345678901224</rps3:Eid>"
        "</rps3:EumSignedInfo>";
    /* What inclusive canonical XML makes of it below an envelope with these three prefixes. */
    static const char canonical[] =
        "<rps3:EumSignedInfo xmlns:rps3=\"" SOAP_NS_RPS "\" "
        "xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
        "xmlns:wsa=\"http://www.w3.org/2005/08/addressing\">"
        "<rps3:Eid>89001012012341234012345678901224</rps3:Eid></rps3:EumSignedInfo>";
    uint8_t digest[CRYPTO_SHA256], value[CRYPTO_SIGNATURE];
    crypto_sha256(cr_span_str(canonical), digest);
    cr_buf b64 = {0}, value64 = {0}, signed_info = {0}, text = {0};
    cr_base64_append(&b64, CR_SPAN_ARRAY(digest));
#define INFO                                                                                       \
    "<ds:CanonicalizationMethod "                                                                  \
    "Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"></ds:CanonicalizationMethod>"   \
    "<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256\">"       \
    "</ds:SignatureMethod><ds:Reference><ds:DigestMethod "                                         \
    "Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>%s"   \
    "</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    cr_buf_appendf(&signed_info,
                   "<ds:SignedInfo xmlns:ds=\"" SOAP_NS_DSIG "\" xmlns:rps3=\"" SOAP_NS_RPS "\" "
                   "xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
                   "xmlns:wsa=\"http://www.w3.org/2005/08/addressing\">" INFO,
                   cr_buf_cstr(&b64));
    cr_span part = cr_buf_span(&signed_info);
    assert_int_equal(pki_key_sign(r->key, &part, 1, value, NULL), CR_OK);
    cr_base64_append(&value64, CR_SPAN_ARRAY(value));
    cr_buf_appendf(
        &text,
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
        "xmlns:wsa=\"http://www.w3.org/2005/08/addressing\" "
        "xmlns:rps3=\"" SOAP_NS_RPS "\"><s:Header><wsa:From><wsa:Address>"
        "x?EntityId=1.2</wsa:Address></wsa:From><wsa:MessageID>//1/2</wsa:MessageID>"
        "<wsa:Action>x/ES1-RegisterEIS</wsa:Action></s:Header><s:Body>"
        "<rps3:ES1-RegisterEISRequest><rps3:FunctionCallIdentifier>1"
        "</rps3:FunctionCallIdentifier><rps3:Eis>%s<ds:Signature xmlns:ds=\"" SOAP_NS_DSIG
        "\"><ds:SignedInfo>" INFO "<ds:SignatureValue>%s</ds:SignatureValue>"
        "</ds:Signature></rps3:Eis></rps3:ES1-RegisterEISRequest></s:Body>"
        "</s:Envelope>",
        inner, cr_buf_cstr(&b64), cr_buf_cstr(&value64));
    struct soap_message m;
    struct cr_err err = {0};
    assert_int_equal(soap_parse(cr_buf_span(&text), &r->arena, &m, &err), CR_OK);
    if (verify(r, &m.body.eis, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    cr_buf_free(&b64);
    cr_buf_free(&value64);
    cr_buf_free(&signed_info);
    cr_buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_algorithms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_absent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inclusive, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
