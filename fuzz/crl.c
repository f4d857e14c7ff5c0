/* The decoder of CRLs and the list that a trust makes of one. */
#include "fuzz.h"

#include "pki/chain.h"
#include "pki/parts.h"

static void check_list(const struct pki_crl *crl)
{
    cr_span left = crl->revoked, serial;
    bool unknown = false;
    size_t count = 0;
    while (left.n > 0 && pki_crl_next(&left, &serial, &unknown)) {
        count++;
        if (count <= 16) { /* each look-up walks the list */
            FUZZ_CHECK(pki_crl_lists(crl, serial));
        }
    }
    FUZZ_CHECK(left.n == 0 && count == crl->revoked_count);
    FUZZ_CHECK(!unknown || crl->unknown_critical);
    FUZZ_CHECK(!pki_crl_lists(crl, (cr_span){0}));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pki_crl crl;
    struct cr_err err = {0};
    cr_span der = cr_span_of(data, size);
    if (pki_crl_decode(der, &crl, &err) != CR_OK) {
        FUZZ_CHECK(err.category == CR_MALFORMED && err.cause[0]);
        return 0;
    }
    check_list(&crl);
    struct pki_trust *trust = pki_trust_new();
    FUZZ_CHECK(trust);
    bool usable = cr_span_present(crl.aki) && cr_span_present(crl.signature) &&
                  !crl.unknown_critical && !crl.indirect && !crl.only_attribute_certs;
    FUZZ_CHECK((pki_trust_add_crl(trust, der, &err) == CR_OK) == usable);
    pki_trust_free(trust);
    return 0;
}
