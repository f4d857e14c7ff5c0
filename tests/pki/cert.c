/* The decoder of certificates: every field, every way to be malformed. */
#include "rig.h"

#include "asn1/der.h"
#include "base/file.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct rig_party ci, eum, euicc, dptls;

static const char *const dns[] = {"a.example.com", "192.0.2.1", "b.example.com", NULL};

static int make_all(void **state)
{
    (void)state;
    rig_make(&ci,
             (struct pki_request){.role = PKI_ROLE_CI,
                                  .common_name = "Test CI",
                                  .organizational_unit = "TESTCERT",
                                  .organization = "RSPTEST",
                                  .country = "IT",
                                  .registered_id = "2.999.1",
                                  .crl_url = "http://ci.example.com/a.crl"},
             CRYPTO_P256, NULL);
    rig_make(&eum,
             (struct pki_request){.role = PKI_ROLE_EUM,
                                  .organization = "RSP Test EUM",
                                  .ein_prefix = "89049032,8903302"},
             CRYPTO_BRAINPOOL, &ci);
    rig_make(&euicc,
             (struct pki_request){
                 .role = PKI_ROLE_EUICC, .organization = "RSP Test EUM", .eid = RIG_EID},
             CRYPTO_P256, &eum);
    rig_make(&dptls,
             (struct pki_request){.role = PKI_ROLE_DP_TLS,
                                  .common_name = "a.example.com",
                                  .registered_id = "2.999.10",
                                  .dns_names = dns,
                                  .serial = RIG_SPAN(0x00, 0x80, 0x01)},
             CRYPTO_P256, &ci);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    rig_party_free(&ci);
    rig_party_free(&eum);
    rig_party_free(&euicc);
    rig_party_free(&dptls);
    return 0;
}

static void want_text(cr_span got, const char *text)
{
    if (!cr_span_equal(got, cr_span_str(text))) {
        fail_msg("'%.*s' is not '%s'", (int)got.n, (const char *)got.p, text);
    }
}

static void want_hex(cr_span got, const char *hex)
{
    char text[256];
    assert_string_equal(cr_hex_into(text, sizeof(text), got), hex);
}

static void test_fields_of_ci(void **state)
{
    (void)state;
    const struct pki_cert *c = &ci.cert;
    uint8_t id[20];
    assert_ptr_equal(c->raw.p, ci.der.p);
    assert_int_equal(c->raw.n, ci.der.n);
    want_text(c->subject_cn, "Test CI");
    want_text(c->subject_o, "RSPTEST");
    assert_false(cr_span_present(c->subject_serial));
    assert_true(cr_span_equal(c->issuer, c->subject));
    assert_true(c->not_before_ms == RIG_FROM && c->not_after_ms == RIG_TO);
    assert_int_equal(c->curve, CRYPTO_P256);
    assert_true(cr_span_equal(c->point, pki_key_point(ci.key)));
    pki_key_id(c->point, id);
    assert_true(cr_span_equal(c->ski, CR_SPAN_ARRAY(id)));
    assert_false(cr_span_present(c->aki));
    assert_true(c->has_basic_constraints && c->is_ca && c->basic_constraints_critical);
    assert_int_equal(c->path_len, -1);
    assert_true(c->has_key_usage && c->key_usage_critical);
    assert_int_equal(c->key_usage, PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN);
    assert_int_equal(c->role, PKI_ROLE_CI);
    assert_true(c->policies_critical);
    assert_false(c->role_v3);
    assert_false(c->has_eku || c->has_name_constraints || c->unknown_critical);
    want_hex(c->registered_id, "883701");
    want_text(c->crl_url, "http://ci.example.com/a.crl");
    assert_true(cr_span_present(c->signature));
}

static void test_fields_of_eum_and_euicc(void **state)
{
    (void)state;
    const struct pki_cert *c = &eum.cert;
    assert_int_equal(c->curve, CRYPTO_BRAINPOOL);
    assert_true(cr_span_equal(c->aki, ci.cert.ski));
    assert_int_equal(c->path_len, 0);
    assert_true(c->has_name_constraints && c->name_constraints_critical);
    want_text(c->permitted_o, "RSP Test EUM");
    assert_int_equal(c->permitted_ein_count, 2);
    want_text(c->permitted_eins[0], "89049032");
    want_text(c->permitted_eins[1], "8903302");
    assert_false(c->unknown_critical);
    c = &euicc.cert;
    assert_int_equal(c->role, PKI_ROLE_EUICC);
    want_text(c->subject_serial, RIG_EID);
    want_text(c->subject_o, "RSP Test EUM");
    assert_false(cr_span_present(c->subject_cn) || cr_span_present(c->registered_id));
    assert_false(c->has_basic_constraints || c->is_ca);
    assert_int_equal(c->key_usage, PKI_KU_DIGITAL_SIGNATURE);
}

static void test_fields_of_tls(void **state)
{
    (void)state;
    const struct pki_cert *c = &dptls.cert;
    want_hex(c->serial, "008001");
    assert_true(c->has_eku && c->eku_critical && c->eku_server_auth && c->eku_client_auth);
    assert_int_equal(c->dns_name_count, 2);
    want_text(c->dns_names[0], "a.example.com");
    want_text(c->dns_names[1], "b.example.com");
    assert_int_equal(c->ip_address_count, 1);
    want_hex(c->ip_addresses[0], "C0000201");
    want_hex(c->registered_id, "88370A");
}

/* Every role in every version is recognised by its policy. */
static void test_roles(void **state)
{
    (void)state;
    size_t v2 = 0, v3 = 0;
    for (int role = PKI_ROLE_CI; role < PKI_ROLES; role++) {
        assert_int_equal(pki_role_from_name(cr_span_str(pki_role_name((enum pki_role)role))), role);
        for (int version = 0; version < 2; version++) {
            const struct pki_request r = {.role = (enum pki_role)role,
                                          .common_name = "x",
                                          .organization = "y",
                                          .eid = RIG_EID,
                                          .ein_prefix = RIG_PREFIX,
                                          .registered_id = "2.999.10",
                                          .dns_names = dns,
                                          .not_before_ms = RIG_FROM,
                                          .not_after_ms = RIG_TO,
                                          .v3 = version == 1};
            cr_buf der = {0};
            struct pki_cert c;
            bool self = role == PKI_ROLE_CI;
            cr_status status = pki_issue(&r, CRYPTO_P256, pki_key_point(ci.key),
                                         self ? NULL : &ci.cert, ci.key, rig_env(), &der, NULL);
            if (status == CR_OK) {
                assert_int_equal(pki_cert_decode(cr_buf_span(&der), &c, NULL), CR_OK);
                assert_int_equal(c.role, role);
                assert_int_equal(c.role_v3, version == 1 && !self);
                v2 += version == 0;
                v3 += version == 1;
            }
            cr_buf_free(&der);
        }
    }
    assert_int_equal(v2, 8); /* the roles of the two columns of the table of OIDs */
    assert_int_equal(v3, 12);
    assert_string_equal(pki_role_name(PKI_ROLE_DP_AUTH), "dp-auth");
    assert_string_equal(pki_role_name(PKI_ROLES), "unknown");
    assert_int_equal(pki_role_from_name(cr_span_str("king")), PKI_ROLE_NONE);
}

/* --- broken encodings --------------------------------------------------------------------------
 */

static void test_cut_anywhere(void **state)
{
    (void)state;
    const struct rig_party *all[] = {&ci, &eum, &euicc, &dptls};
    for (size_t i = 0; i < CR_COUNT(all); i++) {
        cr_span der = cr_buf_span(&all[i]->der);
        for (size_t n = 0; n < der.n; n++) {
            uint8_t *copy = malloc(n + 1); /* exact size: the sanitizer sees one byte too far */
            assert_non_null(copy);
            memcpy(copy, der.p, n);
            uint8_t *exact = realloc(copy, n ? n : 1);
            struct pki_cert c = {.path_len = 77};
            assert_int_equal(pki_cert_decode(cr_span_of(exact, n), &c, NULL), CR_MALFORMED);
            assert_int_equal(c.path_len, 77); /* outputs only on success */
            free(exact);
        }
        cr_buf longer = {0};
        struct pki_cert c;
        cr_buf_append_span(&longer, der);
        cr_buf_append_byte(&longer, 0);
        assert_int_equal(pki_cert_decode(cr_buf_span(&longer), &c, NULL), CR_MALFORMED);
        cr_buf_free(&longer);
    }
    struct pki_cert c;
    assert_int_equal(pki_cert_decode((cr_span){0}, &c, NULL), CR_MALFORMED);
}

static bool inside(cr_span s, cr_span whole)
{
    return !cr_span_present(s) || (s.p >= whole.p && s.p + s.n <= whole.p + whole.n);
}

static void test_every_byte_changed(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0x01, 0x20, 0x80, 0xFF};
    cr_buf copy = {0};
    size_t accepted = 0, refused = 0;
    cr_buf_append_span(&copy, cr_buf_span(&eum.der));
    cr_span whole = cr_buf_span(&copy);
    for (size_t i = 0; i < whole.n; i++) {
        for (size_t m = 0; m < CR_COUNT(masks); m++) {
            struct pki_cert c;
            copy.p[i] ^= masks[m];
            if (pki_cert_decode(whole, &c, NULL) == CR_OK) {
                accepted++;
                assert_true(inside(c.tbs, whole) && inside(c.serial, whole) &&
                            inside(c.subject, whole) && inside(c.point, whole) &&
                            inside(c.permitted_o, whole) && inside(c.ski, whole) &&
                            inside(c.signature, whole) && inside(c.aki, whole));
                assert_true(c.permitted_ein_count <= PKI_MAX_PERMITTED_EINS);
            } else {
                refused++;
            }
            copy.p[i] ^= masks[m];
        }
    }
    assert_true(accepted > 0 && refused > 0);
    cr_buf_free(&copy);
}

static const uint8_t ski[] = {0x55, 0x1D, 0x0E}, aki[] = {0x55, 0x1D, 0x23},
                     ku[] = {0x55, 0x1D, 0x0F}, bc[] = {0x55, 0x1D, 0x13},
                     eku[] = {0x55, 0x1D, 0x25}, cp[] = {0x55, 0x1D, 0x20},
                     san[] = {0x55, 0x1D, 0x11}, nc[] = {0x55, 0x1D, 0x1E},
                     dp[] = {0x55, 0x1D, 0x1F}, ein[] = {0x67, 0x81, 0x12, 0x01, 0x02, 0x02, 0x00};

#define SET(name, text)                                                                            \
    {                                                                                              \
        {                                                                                          \
            RIG_SET, {(name), sizeof(name)}, true, RIG_STR(text), 0                                \
        }                                                                                          \
    }
#define FIELD(f, text)                                                                             \
    {                                                                                              \
        {                                                                                          \
            RIG_FIELD, {0}, false, RIG_STR(text), f                                                \
        }                                                                                          \
    }

static const struct malformed {
    const char *name;
    struct rig_edit edits[RIG_MAX_EDITS];
    const char *field; /* NULL = decodes */
} malformed[] = {
    {"version 4", FIELD(RIG_VERSION, "\xa0\x03\x02\x01\x03"), "version"},
    {"version 1, written out", FIELD(RIG_VERSION, "\xa0\x03\x02\x01\x00"), "version"},
    {"version of two bytes", FIELD(RIG_VERSION, "\xa0\x04\x02\x02\x00\x02"), "version"},
    {"empty serial", FIELD(RIG_SERIAL, "\x02\x00"), "serialNumber"},
    {"serial not minimal", FIELD(RIG_SERIAL, "\x02\x02\x00\x01"), "serialNumber"},
    {"negative serial not minimal", FIELD(RIG_SERIAL, "\x02\x02\xff\x81"), "serialNumber"},
    {"serial too long",
     FIELD(RIG_SERIAL, "\x02\x21"
                       "0123456789012345678901234567890123456789"),
     "serialNumber"},
    {"no serial", FIELD(RIG_SERIAL, ""), "serialNumber"},
    {"serial of 20 bytes",
     FIELD(RIG_SERIAL, "\x02\x14"
                       "01234567890123456789"),
     NULL},
    {"algorithms differ", FIELD(RIG_ALGORITHM, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"),
     "signature"},
    {"algorithms differ by parameters",
     FIELD(RIG_ALGORITHM, "\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00"), "signature"},
    {"issuer is a SET", FIELD(RIG_ISSUER, "\x31\x00"), "issuer"},
    {"subject RDN is a SEQUENCE", FIELD(RIG_SUBJECT, "\x30\x02\x30\x00"), "subject"},
    {"subject RDN is empty", FIELD(RIG_SUBJECT, "\x30\x02\x31\x00"), "subject"},
    {"attribute without value", FIELD(RIG_SUBJECT, "\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x03"),
     "subject"},
    {"attribute with two values",
     FIELD(RIG_SUBJECT, "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x00\x0c\x00"), "subject"},
    {"attribute in a second element of the RDN is bad",
     FIELD(RIG_SUBJECT, "\x30\x0f\x31\x0d\x30\x07\x06\x03\x55\x04\x03\x0c\x00\x30\x02\x05\x00"),
     "subject"},
    {"empty subject", FIELD(RIG_SUBJECT, "\x30\x00"), NULL},
    {"NUL in the common name",
     FIELD(RIG_SUBJECT, "\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03"
                        "a\x00z"),
     "subject"},
    {"NUL in the serial number",
     FIELD(RIG_SUBJECT, "\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x05\x13\x03"
                        "8\x00z"),
     "subject"},
    {"key without algorithm", FIELD(RIG_SPKI, "\x30\x06\x30\x00\x03\x02\x00\x04"),
     "subjectPublicKeyInfo"},
    {"key with unused bits",
     FIELD(RIG_SPKI, "\x30\x0b\x30\x05\x06\x03\x55\x04\x03\x03\x02\x01\x04"),
     "subjectPublicKeyInfo"},
    {"key without bits", FIELD(RIG_SPKI, "\x30\x07\x30\x05\x06\x03\x55\x04\x03"),
     "subjectPublicKeyInfo"},
    {"something after the key",
     FIELD(RIG_SPKI, "\x30\x0d\x30\x05\x06\x03\x55\x04\x03\x03\x02\x00\x04\x05\x00"),
     "subjectPublicKeyInfo"},
    {"RSA key",
     FIELD(RIG_SPKI, "\x30\x14\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"
                     "\x03\x03\x00\x30\x00"),
     NULL},
    {"extensions empty", FIELD(RIG_EXTENSIONS, "\xa3\x02\x30\x00"), "extensions"},
    {"extensions no SEQUENCE", FIELD(RIG_EXTENSIONS, "\xa3\x02\x31\x00"), "extensions"},
    {"extensions not last", FIELD(RIG_EXTENSIONS, "\xa4\x02\x30\x00"), "tbsCertificate"},
    {"extension without value",
     FIELD(RIG_EXTENSIONS, "\xa3\x09\x30\x07\x30\x05\x06\x03\x55\x1d\x0e"), "extensions"},
    {"critical is 1",
     FIELD(RIG_EXTENSIONS, "\xa3\x0e\x30\x0c\x30\x0a\x06\x03\x55\x1d\x36\x01\x01\x01"
                           "\x04\x00"),
     "extensions"},
    {"critical FALSE written out",
     FIELD(RIG_EXTENSIONS, "\xa3\x0e\x30\x0c\x30\x0a\x06\x03\x55\x1d\x36\x01\x01\x00\x04\x00"),
     NULL},
    {"extension twice",
     FIELD(RIG_EXTENSIONS, "\xa3\x1c\x30\x1a\x30\x0b\x06\x03\x55\x1d\x0e\x04\x04\x04\x02\x01\x02"
                           "\x30\x0b\x06\x03\x55\x1d\x0e\x04\x04\x04\x02\x01\x02"),
     "subjectKeyIdentifier"},
    {"no extensions at all", FIELD(RIG_EXTENSIONS, ""), NULL},
    {"SKI empty", SET(ski, "\x04\x00"), "subjectKeyIdentifier"},
    {"SKI with more behind", SET(ski, "\x04\x01\x01\x05\x00"), "subjectKeyIdentifier"},
    {"AKI empty id", SET(aki, "\x30\x02\x80\x00"), "authorityKeyIdentifier"},
    {"AKI with strange part", SET(aki, "\x30\x03\x83\x01\x01"), "authorityKeyIdentifier"},
    {"keyUsage empty", SET(ku, "\x03\x00"), "keyUsage"},
    {"keyUsage with 8 unused bits", SET(ku, "\x03\x02\x08\x80"), "keyUsage"},
    {"keyUsage unused bits of nothing", SET(ku, "\x03\x01\x01"), "keyUsage"},
    {"keyUsage of 9 bits", SET(ku, "\x03\x03\x07\x06\x80"), NULL},
    {"basicConstraints negative", SET(bc, "\x30\x06\x01\x01\xff\x02\x01\xff"), "basicConstraints"},
    {"basicConstraints trailing", SET(bc, "\x30\x05\x01\x01\xff\x05\x00"), "basicConstraints"},
    {"basicConstraints no SEQUENCE", SET(bc, "\x31\x00"), "basicConstraints"},
    {"huge pathLen", SET(bc, "\x30\x0a\x01\x01\xff\x02\x05\x7f\xff\xff\xff\xff"), NULL},
    {"EKU empty", SET(eku, "\x30\x00"), "extKeyUsage"},
    {"EKU no OID", SET(eku, "\x30\x02\x05\x00"), "extKeyUsage"},
    {"policies empty", SET(cp, "\x30\x00"), "certificatePolicies"},
    {"policy without OID", SET(cp, "\x30\x02\x30\x00"), "certificatePolicies"},
    {"policy with odd qualifiers", SET(cp, "\x30\x09\x30\x07\x06\x03\x55\x1d\x20\x05\x00"),
     "certificatePolicies"},
    {"policy with qualifiers", SET(cp, "\x30\x09\x30\x07\x06\x03\x55\x1d\x20\x30\x00"), NULL},
    {"alternative names empty", SET(san, "\x30\x00"), "subjectAltName"},
    {"registeredID empty", SET(san, "\x30\x02\x88\x00"), "subjectAltName"},
    {"alternative name cut", SET(san, "\x30\x02\x82\x05"), "subjectAltName"},
    {"nameConstraints no SEQUENCE", SET(nc, "\x31\x00"), "nameConstraints"},
    {"nameConstraints trailing", SET(nc, "\x30\x02\x05\x00"), "nameConstraints"},
    {"subtree without base", SET(nc, "\x30\x04\xa0\x02\x30\x00"), "nameConstraints"},
    {"subtree with broken name", SET(nc, "\x30\x08\xa0\x06\x30\x04\xa4\x02\x31\x00"),
     "nameConstraints"},
    {"empty prefix in nameConstraints",
     SET(nc,
         "\x30\x13\xa0\x11\x30\x0f\xa4\x0d\x30\x0b\x31\x09\x30\x07\x06\x03\x55\x04\x05\x13\x00"),
     "nameConstraints"},
    {"permittedEins of UTF8String", SET(ein, "\x30\x03\x0c\x01\x38"),
     NULL /* nameConstraints win */},
    {"distribution points", SET(dp, "\x30\x02\x31\x00"), "cRLDistributionPoints"},
    {"distribution point name cut", SET(dp, "\x30\x08\x30\x06\xa0\x04\xa0\x02\x86\x05"),
     "cRLDistributionPoints"},
};

static void test_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(malformed); i++) {
        const struct malformed *m = &malformed[i];
        cr_buf der = {0};
        struct cr_err err = {0};
        struct pki_cert c;
        rig_forge(eum.cert.raw, m->edits, ci.key, &der);
        cr_status status = pki_cert_decode(cr_buf_span(&der), &c, &err);
        if (status != (m->field ? CR_MALFORMED : CR_OK) ||
            strcmp(err.field, m->field ? m->field : "") != 0) {
            fail_msg("%s: status %d, field '%s'", m->name, status, err.field);
        }
        cr_buf_free(&der);
    }
}

/* permittedEins decide in v3 roles. */
static void test_permitted_eins(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct rig_edit edits[RIG_MAX_EDITS];
        cr_status status;
        size_t count;
    } cases[] = {
        {"one",
         SET(ein, "\x30\x06\x13\x04"
                  "8904"),
         CR_OK, 1},
        {"two",
         SET(ein, "\x30\x09\x13\x04"
                  "8904"
                  "\x13\x01"
                  "8"),
         CR_OK, 2},
        {"none", SET(ein, "\x30\x00"), CR_OK, 0},
        {"an empty prefix would permit everything", SET(ein, "\x30\x02\x13\x00"), CR_MALFORMED, 0},
        {"wrong string", SET(ein, "\x30\x03\x0c\x01\x38"), CR_MALFORMED, 0},
        {"trailing", SET(ein, "\x30\x00\x05\x00"), CR_MALFORMED, 0},
    };
    struct rig_party eum3;
    rig_make(&eum3,
             (struct pki_request){
                 .role = PKI_ROLE_EUM, .organization = "E", .ein_prefix = "8", .v3 = true},
             CRYPTO_P256, &ci);
    assert_true(eum3.cert.has_permitted_eins && !eum3.cert.has_name_constraints);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_buf der = {0};
        struct pki_cert c;
        rig_forge(eum3.cert.raw, cases[i].edits, ci.key, &der);
        assert_int_equal(pki_cert_decode(cr_buf_span(&der), &c, NULL), cases[i].status);
        if (cases[i].status == CR_OK) {
            assert_int_equal(c.permitted_ein_count, cases[i].count);
        }
        cr_buf_free(&der);
    }
    rig_party_free(&eum3);
}

/* One more than the limit: refused where it would widen trust, not seen where it cannot match. */
static void test_limits(void **state)
{
    (void)state;
    for (size_t count = PKI_MAX_PERMITTED_EINS; count <= PKI_MAX_PERMITTED_EINS + 1; count++) {
        cr_buf list = {0}, der = {0};
        struct pki_cert c;
        size_t mark = der_open(&list, 0x30);
        for (size_t i = 0; i < count; i++) {
            der_put(&list, 0x82, cr_span_str("x"));
        }
        der_close(&list, mark);
        const struct rig_edit names[RIG_MAX_EDITS] = {
            {RIG_SET, {san, sizeof(san)}, false, cr_buf_span(&list), 0}};
        rig_forge(eum.cert.raw, names, ci.key, &der);
        assert_int_equal(pki_cert_decode(cr_buf_span(&der), &c, NULL), CR_OK);
        assert_int_equal(c.dns_name_count, PKI_MAX_DNS_NAMES);
        for (size_t i = 0; i < list.n; i++) { /* the same as PrintableStrings */
            list.p[i] = list.p[i] == 0x82 ? 0x13 : list.p[i];
        }
        const struct rig_edit eins[RIG_MAX_EDITS] = {
            {RIG_SET, {ein, sizeof(ein)}, false, cr_buf_span(&list), 0},
            {RIG_DROP, {nc, sizeof(nc)}, false, {0}, 0}};
        cr_buf_reset(&der);
        rig_forge(eum.cert.raw, eins, ci.key, &der);
        bool fits = count <= PKI_MAX_PERMITTED_EINS;
        assert_int_equal(pki_cert_decode(cr_buf_span(&der), &c, NULL), fits ? CR_OK : CR_MALFORMED);
        cr_buf_free(&list);
        cr_buf_free(&der);
    }
}

/* --- time --------------------------------------------------------------------------------------
 */

static void test_times(void **state)
{
    (void)state;
    static const struct {
        uint8_t tag;
        const char *text;
        const char *iso; /* NULL = malformed */
    } times[] = {
        {0x17, "491231235959Z", "2049-12-31T23:59:59Z"},
        {0x17, "500101000000Z", "1950-01-01T00:00:00Z"},
        {0x17, "000229120000Z", "2000-02-29T12:00:00Z"},
        {0x17, "700101000000Z", "1970-01-01T00:00:00Z"},
        {0x18, "74960124094858Z", "7496-01-24T09:48:58Z"},
        {0x18, "99991231235959Z", "9999-12-31T23:59:59Z"},
        {0x18, "20200401000000Z", "2020-04-01T00:00:00Z"}, /* should be UTCTime; seen, harmless */
        {0x17, "230229000000Z", NULL},
        {0x18, "21000229000000Z", NULL},
        {0x17, "231301000000Z", NULL},
        {0x17, "230001000000Z", NULL},
        {0x17, "230100000000Z", NULL},
        {0x17, "230431000000Z", NULL},
        {0x17, "230401240000Z", NULL},
        {0x17, "230401006000Z", NULL},
        {0x17, "230401000060Z", NULL},
        {0x17, "2304010000Z", NULL},
        {0x17, "230401000000", NULL},
        {0x17, "230401000000+", NULL},
        {0x17, "23040100000aZ", NULL},
        {0x17, "-30401000000Z", NULL},
        {0x17, "20230401000000Z", NULL},
        {0x18, "20230401000000.5Z", NULL},
        {0x18, "230401000000Z", NULL},
        {0x18, "20230401000000+", NULL},
        {0x16, "230401000000Z", NULL},
        {0x17, "", NULL},
    };
    for (size_t i = 0; i < CR_COUNT(times); i++) {
        cr_buf validity = {0}, der = {0};
        struct pki_cert c;
        size_t mark = der_open(&validity, 0x30);
        der_put(&validity, times[i].tag, cr_span_str(times[i].text));
        der_put(&validity, 0x18, cr_span_str("99991231235959Z"));
        der_close(&validity, mark);
        const struct rig_edit edits[RIG_MAX_EDITS] = {
            {RIG_FIELD, {0}, false, cr_buf_span(&validity), RIG_VALIDITY}};
        rig_forge(eum.cert.raw, edits, ci.key, &der);
        struct cr_err err = {0};
        cr_status status = pki_cert_decode(cr_buf_span(&der), &c, &err);
        if ((status == CR_OK) != (times[i].iso != NULL)) {
            fail_msg("%s: %d", times[i].text, status);
        }
        if (times[i].iso) {
            char text[CR_TIME_TEXT];
            assert_string_equal(cr_time_format(text, c.not_before_ms), times[i].iso);
        } else {
            assert_string_equal(err.field, "validity");
        }
        cr_buf_free(&validity);
        cr_buf_free(&der);
    }
}

/* --- summary and files -------------------------------------------------------------------------
 */

static void test_summary(void **state)
{
    (void)state;
    cr_buf text = {0}, der = {0};
    struct pki_cert c;
    pki_cert_summary(&euicc.cert, &text);
    assert_string_equal(cr_buf_cstr(&text),
                        "O=RSP Test EUM, serialNumber=" RIG_EID
                        ", role euicc, P-256, 2026-05-28T20:26:40Z to 2030-03-17T17:46:40Z");
    /* Nothing from outside gets at the terminal. */
    static const struct rig_edit edits[RIG_MAX_EDITS] =
        FIELD(RIG_SUBJECT, "\x30\x13\x31\x11\x30\x0f\x06\x03\x55\x04\x03\x0c\x08"
                           "a\x1b[\n\xff\x7f\x01z");
    rig_forge(euicc.cert.raw, edits, eum.key, &der);
    assert_int_equal(pki_cert_decode(cr_buf_span(&der), &c, NULL), CR_OK);
    cr_buf_reset(&text);
    pki_cert_summary(&c, &text);
    const char expected[] = "CN=a?[????z, ";
    assert_memory_equal(cr_buf_cstr(&text), expected, sizeof(expected) - 1);
    cr_buf_free(&text);
    cr_buf_free(&der);
}

static void test_load(void **state)
{
    (void)state;
    char path[] = "/tmp/crisp-cert-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    cr_arena arena = {0};
    cr_buf text = {0};
    struct pki_cert c;
    struct cr_err err = {0};
    assert_int_equal(cr_file_write(path, cr_buf_span(&ci.der), 0600, NULL), CR_OK);
    assert_int_equal(pki_cert_load(path, &arena, &c, NULL), CR_OK);
    assert_true(cr_span_equal(c.raw, ci.cert.raw));
    cr_buf_append_str(&text, "a note\n-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                             "-----END EC PARAMETERS-----\n");
    pki_pem_append(&text, "CERTIFICATE", cr_buf_span(&eum.der));
    pki_pem_append(&text, "CERTIFICATE", cr_buf_span(&ci.der));
    assert_int_equal(cr_file_write(path, cr_buf_span(&text), 0600, NULL), CR_OK);
    assert_int_equal(pki_cert_load(path, &arena, &c, NULL), CR_OK);
    assert_true(cr_span_equal(c.raw, eum.cert.raw)); /* the first */
    const char *const bad[] = {"",
                               "hello",
                               "0",
                               "-----BEGIN CERTIFICATE-----\n",
                               "-----BEGIN CERTIFICATE-----\nMAA=\n",
                               "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
                               "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        assert_int_equal(cr_file_write(path, cr_span_str(bad[i]), 0600, NULL), CR_OK);
        assert_int_equal(pki_cert_load(path, &arena, &c, &err), CR_MALFORMED);
        assert_memory_equal(err.cause, path, strlen(path));
    }
    unlink(path);
    assert_int_equal(pki_cert_load(path, &arena, &c, NULL), CR_RESOURCE);
    cr_buf_free(&text);
    cr_arena_free(&arena);
}

/* --- the published test set, against what its documents and openssl say ------------------------
 */

static void test_sgp26(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum pki_role role;
        enum crypto_curve curve;
        const char *serial, *ski, *aki, *cn, *o, *rid, *from, *to;
    } rows[] = {
        {"NIST/CERT_CI_ECDSA_NIST.der", PKI_ROLE_CI, CRYPTO_P256, "00B874F3ABFA6C44D3",
         "F54172BDF98A95D65CBEB88A38A1C11D800A85C3", "", "Test CI", "RSPTEST", "883701",
         "2020-04-01T08:27:51Z", "2055-04-01T08:27:51Z"},
        {"NIST/CERT_EUM_ECDSA_NIST.der", PKI_ROLE_EUM, CRYPTO_P256, "12345678",
         "DD3DA24D350C1CC5D0AF0965F40EC34C5EE409F1", "F54172BDF98A95D65CBEB88A38A1C11D800A85C3",
         "EUM Test", "RSP Test EUM", "883705", "2020-04-01T09:28:37Z", "2054-03-24T09:28:37Z"},
        {"NIST/CERT_EUICC_ECDSA_NIST.der", PKI_ROLE_EUICC, CRYPTO_P256, "020000000000000001",
         "A52476AF5D50AA376437CCB1DA2172EF45F484F0", "DD3DA24D350C1CC5D0AF0965F40EC34C5EE409F1",
         "Test eUICC", "RSP Test EUM", "", "2020-04-01T09:48:58Z", "7496-01-24T09:48:58Z"},
        {"NIST/CERT_S_SM_DPauth_ECDSA_NIST.der", PKI_ROLE_DP_AUTH, CRYPTO_P256, "0100",
         "BD5A82CC1A96602118BA7560A1FF83A78B210BE5", "F54172BDF98A95D65CBEB88A38A1C11D800A85C3",
         "TEST SM-DP+", "ACME", "88370A", "2020-04-01T08:31:30Z", "2030-03-30T08:31:30Z"},
        {"NIST/CERT_S_SM_DPpb_ECDSA_NIST.der", PKI_ROLE_DP_PB, CRYPTO_P256, "0101",
         "E6EAF71EE0FB9430ECCD1EBB421F881437C13263", "F54172BDF98A95D65CBEB88A38A1C11D800A85C3",
         "TEST SM-DP+", "ACME", "88370A", "2020-04-01T08:34:45Z", "2030-03-30T08:34:45Z"},
        {"BRP/CERT_CI_ECDSA_BRP.der", PKI_ROLE_CI, CRYPTO_BRAINPOOL, NULL,
         "C0BC70BA36929D43B467FF57570530E57AB8FCD8", "", "Test CI", "RSPTEST", "883701",
         "2020-04-01T08:27:51Z", "2055-04-01T08:27:51Z"},
        {"BRP/CERT_EUM_ECDSA_BRP.der", PKI_ROLE_EUM, CRYPTO_BRAINPOOL, "12345678",
         "6FA1E5217363A822BDED988A1A0D0FF5D7620DB7", "C0BC70BA36929D43B467FF57570530E57AB8FCD8",
         "EUM Test", "RSP Test EUM", "883705", "2020-04-01T09:28:37Z", "2054-03-24T09:28:37Z"},
        {"BRP/CERT_EUICC_ECDSA_BRP.der", PKI_ROLE_EUICC, CRYPTO_BRAINPOOL, NULL,
         "C8A64F343B85B7B0578DC57F8F13586DC804ED84", "6FA1E5217363A822BDED988A1A0D0FF5D7620DB7",
         "Test eUICC", "RSP Test EUM", "", "2020-04-01T09:48:58Z", "7496-01-24T09:48:58Z"},
        {"BRP/CERT_S_SM_DPauth_ECDSA_BRP.der", PKI_ROLE_DP_AUTH, CRYPTO_BRAINPOOL, "0100",
         "79A4BD4D78FF4734BC6045CF9196244A1FB84BEB", "C0BC70BA36929D43B467FF57570530E57AB8FCD8",
         "TEST SM-DP+", "ACME", "88370A", "2020-04-01T08:31:30Z", "2030-03-30T08:31:30Z"},
        {"BRP/CERT_S_SM_DPpb_ECDSA_BRP.der", PKI_ROLE_DP_PB, CRYPTO_BRAINPOOL, "0101",
         "A8C68DF449EB71EC723EAC132E40E4B6F54644FE", "C0BC70BA36929D43B467FF57570530E57AB8FCD8",
         "TEST SM-DP+", "ACME", "88370A", "2020-04-01T08:34:46Z", "2030-03-30T08:34:46Z"},
    };
    cr_arena arena = {0};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct pki_cert c;
        uint8_t id[20];
        char text[CR_TIME_TEXT];
        const char *path = rig_data(&arena, rows[i].file);
        if (!path) {
            cr_arena_free(&arena);
            skip();
        }
        assert_int_equal(pki_cert_load(path, &arena, &c, NULL), CR_OK);
        assert_int_equal(c.role, rows[i].role);
        assert_int_equal(c.curve, rows[i].curve);
        if (rows[i].serial) {
            want_hex(c.serial, rows[i].serial);
        }
        want_hex(c.ski, rows[i].ski);
        want_hex(c.aki, rows[i].aki);
        pki_key_id(c.point, id);
        assert_true(cr_span_equal(c.ski, CR_SPAN_ARRAY(id)));
        want_text(c.subject_cn, rows[i].cn);
        want_text(c.subject_o, rows[i].o);
        want_hex(c.registered_id, rows[i].rid);
        assert_string_equal(cr_time_format(text, c.not_before_ms), rows[i].from);
        assert_string_equal(cr_time_format(text, c.not_after_ms), rows[i].to);
        assert_false(c.unknown_critical);
        assert_true(c.policies_critical && c.key_usage_critical);
        if (c.role == PKI_ROLE_EUM) {
            want_text(c.permitted_o, "RSP Test EUM");
            assert_int_equal(c.permitted_ein_count, 1);
            want_text(c.permitted_eins[0], "89049032");
            want_text(c.crl_url, "http://ci.test.example.com/CRL-B.crl");
        } else if (c.role == PKI_ROLE_EUICC) {
            want_text(c.subject_serial, "89049032123451234512345678901235");
        }
    }
    cr_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_ci),  cmocka_unit_test(test_fields_of_eum_and_euicc),
        cmocka_unit_test(test_fields_of_tls), cmocka_unit_test(test_roles),
        cmocka_unit_test(test_cut_anywhere),  cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_malformed),     cmocka_unit_test(test_permitted_eins),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_times),
        cmocka_unit_test(test_summary),       cmocka_unit_test(test_load),
        cmocka_unit_test(test_sgp26),
    };
    return cmocka_run_group_tests_name("pki/cert", tests, make_all, free_all);
}
