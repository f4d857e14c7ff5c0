#include "pki/cert.h"
#include "pki/parts.h"

static cr_status malformed(struct cr_err *err, const char *field)
{
    return cr_err_field(
        err, cr_fail(err, CR_MALFORMED, "RFC 5280 5.1", "%s of the CRL is malformed", field),
        field);
}

/* IssuingDistributionPoint (RFC 5280 5.2.5). */
static bool read_scope(struct pki_crl *crl, cr_span value)
{
    cr_span in, skipped;
    crl->scope = value;
    if (!pki_take(&value, TAG_SEQUENCE, &in) || value.n != 0) {
        return false;
    }
    if (der_peek(in) == 0xA0 && !pki_take(&in, 0xA0, &skipped)) {
        return false;
    }
    if (!pki_take_flag(&in, 0x81, &crl->only_user_certs) ||
        !pki_take_flag(&in, 0x82, &crl->only_ca_certs)) {
        return false;
    }
    if (der_peek(in) == 0x83 && !pki_take(&in, 0x83, &skipped)) {
        return false; /* onlySomeReasons: what is listed is revoked all the same */
    }
    return pki_take_flag(&in, 0x84, &crl->indirect) &&
           pki_take_flag(&in, 0x85, &crl->only_attribute_certs) && in.n == 0;
}

static bool read_aki(struct pki_crl *crl, cr_span value)
{
    return pki_read_aki(value, &crl->aki);
}

static bool read_number(struct pki_crl *crl, cr_span value)
{
    return pki_take_integer(&value, &crl->number) && value.n == 0;
}

static bool read_partial_number(struct pki_crl *crl, cr_span value)
{
    crl->partial_number = value;
    return true;
}

static bool read_nothing(struct pki_crl *crl, cr_span value)
{
    (void)crl;
    (void)value;
    return true;
}

static const struct extension_row {
    uint8_t oid[7];
    uint8_t oid_size;
    const char *name;
    bool (*read)(struct pki_crl *crl, cr_span value);
} extension_rows[] = {
    {{0x55, 0x1D, 0x23}, 3, "authorityKeyIdentifier", read_aki},
    {{0x55, 0x1D, 0x14}, 3, "cRLNumber", read_number},
    {{0x55, 0x1D, 0x1C}, 3, "issuingDistributionPoint", read_scope},
    /* rspExt 2.23.146.1.2.0.1 to .3 (v2 partial CRLs) */
    {{0x67, 0x81, 0x12, 0x01, 0x02, 0x00, 0x01}, 7, "expirationDate", read_nothing},
    {{0x67, 0x81, 0x12, 0x01, 0x02, 0x00, 0x02}, 7, "totalPartialCrlNumber", read_nothing},
    {{0x67, 0x81, 0x12, 0x01, 0x02, 0x00, 0x03}, 7, "partialCrlNumber", read_partial_number},
};

static cr_status decode_extensions(struct pki_crl *crl, cr_span explicit, struct cr_err *err)
{
    cr_span list;
    unsigned seen = 0;
    if (!pki_take(&explicit, TAG_SEQUENCE, &list) || explicit.n != 0) {
        return malformed(err, "crlExtensions");
    }
    for (size_t count = 0; list.n > 0; count++) {
        struct pki_extension e;
        if (count == PKI_MAX_EXTENSIONS || !pki_take_extension(&list, &e)) {
            return malformed(err, "crlExtensions");
        }
        size_t i = 0;
        while (i < CR_COUNT(extension_rows) &&
               (extension_rows[i].oid_size != e.oid.n ||
                memcmp(extension_rows[i].oid, e.oid.p, e.oid.n) != 0)) {
            i++;
        }
        if (i == CR_COUNT(extension_rows)) {
            crl->unknown_critical |= e.critical;
        } else if (seen & (1U << i) || !extension_rows[i].read(crl, e.value)) {
            return malformed(err, extension_rows[i].name);
        } else {
            seen |= 1U << i;
        }
    }
    return CR_OK;
}

bool pki_crl_next(cr_span *revoked, cr_span *serial, bool *unknown_critical)
{
    cr_span entry, list;
    int64_t date;
    if (!pki_take(revoked, TAG_SEQUENCE, &entry) || !pki_take_integer(&entry, serial) ||
        !pki_take_time(&entry, &date)) {
        return false;
    }
    if (entry.n == 0) {
        return true;
    }
    if (!pki_take(&entry, TAG_SEQUENCE, &list) || entry.n != 0) {
        return false;
    }
    while (list.n > 0) {
        struct pki_extension e;
        if (!pki_take_extension(&list, &e)) {
            return false;
        }
        *unknown_critical |= e.critical; /* certificateIssuer of an indirect CRL */
    }
    return true;
}

static bool check_entries(struct pki_crl *crl)
{
    cr_span left = crl->revoked, serial;
    while (left.n > 0) {
        if (!pki_crl_next(&left, &serial, &crl->unknown_critical)) {
            return false;
        }
        crl->revoked_count++;
    }
    return true;
}

static cr_status decode_tbs(struct pki_crl *crl, cr_span in, cr_span outer_algorithm,
                            struct cr_err *err)
{
    cr_span version = {0}, algorithm;
    struct der_tlv name;
    if (der_peek(in) == TAG_INTEGER &&
        (!pki_take_integer(&in, &version) || version.n != 1 || version.p[0] != 1)) {
        return malformed(err, "version");
    }
    if (!pki_take(&in, TAG_SEQUENCE, &algorithm) || !cr_span_equal(algorithm, outer_algorithm)) {
        return malformed(err, "signature");
    }
    if (der_expect(&in, DER_STRICT, TAG_SEQUENCE, &name, NULL) != CR_OK) {
        return malformed(err, "issuer");
    }
    crl->issuer = name.all;
    if (!pki_take_time(&in, &crl->this_update_ms)) {
        return malformed(err, "thisUpdate");
    }
    uint32_t tag = der_peek(in);
    if ((tag == TAG_UTC_TIME || tag == TAG_GENERALIZED_TIME) &&
        !pki_take_time(&in, &crl->next_update_ms)) {
        return malformed(err, "nextUpdate");
    }
    if (der_peek(in) == TAG_SEQUENCE &&
        (!pki_take(&in, TAG_SEQUENCE, &crl->revoked) || !check_entries(crl))) {
        return malformed(err, "revokedCertificates");
    }
    if (cr_span_present(version) && der_peek(in) == 0xA0) {
        cr_span explicit;
        if (!pki_take(&in, 0xA0, &explicit)) {
            return malformed(err, "crlExtensions");
        }
        CR_TRY(decode_extensions(crl, explicit, err));
    }
    return in.n == 0 ? CR_OK : malformed(err, "tbsCertList");
}

cr_status pki_crl_decode(cr_span der, struct pki_crl *out, struct cr_err *err)
{
    struct pki_signed s;
    struct pki_crl crl = {.raw = der};
    if (!cr_span_present(der) || !pki_read_signed(der, &s)) {
        return cr_fail(err, CR_MALFORMED, "RFC 5280 5.1", "this is no CRL in DER");
    }
    crl.tbs = s.tbs;
    CR_TRY(decode_tbs(&crl, s.contents, s.algorithm, err));
    if (pki_is_ecdsa_sha256(s.algorithm)) {
        crl.signature = s.bits;
    }
    *out = crl;
    return CR_OK;
}

bool pki_crl_lists(const struct pki_crl *crl, cr_span serial)
{
    cr_span left = crl->revoked, listed;
    bool unknown = false;
    while (left.n > 0 && pki_crl_next(&left, &listed, &unknown)) {
        if (cr_span_equal(listed, serial)) {
            return true;
        }
    }
    return false;
}
