/* The decoder of certificates, what is printed of them, and the chain verifier behind it. */
#include "fuzz.h"

#include "base/text.h"
#include "pki/chain.h"

static void check_inside(cr_span part, cr_span whole)
{
    FUZZ_CHECK(!cr_span_present(part) ||
               (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void check_fields(const struct pki_cert *c)
{
    const cr_span parts[] = {c->tbs,        c->serial,        c->issuer,    c->subject,
                             c->subject_cn, c->subject_o,     c->signature, c->subject_serial,
                             c->point,      c->registered_id, c->ski,       c->aki,
                             c->crl_url,    c->permitted_o};
    for (size_t i = 0; i < CR_COUNT(parts); i++) {
        check_inside(parts[i], c->raw);
    }
    FUZZ_CHECK(c->dns_name_count <= PKI_MAX_DNS_NAMES);
    FUZZ_CHECK(c->ip_address_count <= PKI_MAX_IP_ADDRESSES);
    FUZZ_CHECK(c->permitted_ein_count <= PKI_MAX_PERMITTED_EINS);
    for (size_t i = 0; i < c->dns_name_count; i++) {
        check_inside(c->dns_names[i], c->raw);
    }
    for (size_t i = 0; i < c->permitted_ein_count; i++) {
        check_inside(c->permitted_eins[i], c->raw);
        FUZZ_CHECK(c->permitted_eins[i].n > 0);
    }
    FUZZ_CHECK((c->curve == CRYPTO_CURVE_NONE) == (c->point.n == 0));
    FUZZ_CHECK(c->path_len >= -1);
    FUZZ_CHECK(pki_name_equal(c->subject, c->subject));
    FUZZ_CHECK(pki_name_equal(c->subject, c->issuer) == pki_name_equal(c->issuer, c->subject));
}

static void check_summary(const struct pki_cert *c)
{
    cr_buf text = {0};
    pki_cert_summary(c, &text);
    FUZZ_CHECK(cr_buf_ok(&text) && cr_utf8_valid(cr_buf_span(&text)));
    for (size_t i = 0; i < text.n; i++) {
        FUZZ_CHECK(text.p[i] >= 0x20 && text.p[i] != 0x7F);
    }
    cr_buf_free(&text);
}

/* Whoever trusts the certificate as a CI or nobody at all: no verdict without a reason. */
static void check_chain(const struct pki_cert *c)
{
    struct pki_trust *trust = pki_trust_new();
    FUZZ_CHECK(trust);
    struct cr_err err = {0};
    struct pki_verdict verdict;
    const struct pki_cert chain[2] = {*c, *c};
    const struct pki_expect expect = {.role = c->role, .dns_name = cr_span_str("10.0.0.1")};
    (void)!pki_trust_add_ci(trust, c->raw, &err);
    for (size_t count = 1; count <= 2; count++) {
        cr_status status = pki_chain_verify(trust, chain, count, &expect, &verdict, NULL, &err);
        FUZZ_CHECK(status != CR_OK); /* nothing stands below itself */
        FUZZ_CHECK(verdict.problem != PKI_OK && err.cause[0]);
    }
    pki_trust_free(trust);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pki_cert c;
    struct cr_err err = {0};
    cr_span der = cr_span_of(data, size);
    if (pki_cert_decode(der, &c, &err) != CR_OK) {
        FUZZ_CHECK(err.category == CR_MALFORMED && err.cause[0]);
        return 0;
    }
    FUZZ_CHECK(cr_span_equal(c.raw, der));
    check_fields(&c);
    check_summary(&c);
    check_chain(&c);
    return 0;
}
