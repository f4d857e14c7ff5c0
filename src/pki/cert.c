#include "pki/cert.h"

#include "base/file.h"
#include "base/text.h"
#include "pki/issue.h"
#include "pki/parts.h"
#include "pki/role.h"

#include <limits.h>

#define CLAUSE "SGP.22 4.5.2.1"

/* What is decoded after the extensions are all seen, because the role decides how. */
struct decoding {
    struct pki_cert *cert;
    cr_span name_constraints, permitted_eins;
};

static cr_status malformed(struct cr_err *err, const char *field)
{
    return cr_err_field(
        err, cr_fail(err, CR_MALFORMED, CLAUSE, "%s of the certificate is malformed", field),
        field);
}

/* --- extensions --------------------------------------------------------------------------------
 */

static bool read_ski(struct decoding *d, cr_span value, bool critical)
{
    (void)critical;
    return pki_take(&value, TAG_OCTET_STRING, &d->cert->ski) && value.n == 0 && d->cert->ski.n > 0;
}

static bool read_aki(struct decoding *d, cr_span value, bool critical)
{
    (void)critical;
    return pki_read_aki(value, &d->cert->aki);
}

static bool read_key_usage(struct decoding *d, cr_span value, bool critical)
{
    cr_span bits;
    if (!pki_take(&value, TAG_BIT_STRING, &bits) || value.n != 0 || bits.n < 1 || bits.n > 3 ||
        bits.p[0] > 7 || (bits.n == 1 && bits.p[0] != 0)) {
        return false;
    }
    unsigned usage = 0;
    size_t count = (bits.n - 1) * 8 - bits.p[0];
    for (size_t i = 0; i < count; i++) {
        if (bits.p[1 + i / 8] & (0x80U >> (i % 8))) {
            usage |= 1U << i;
        }
    }
    d->cert->has_key_usage = true;
    d->cert->key_usage_critical = critical;
    d->cert->key_usage = usage;
    return true;
}

static bool read_basic_constraints(struct decoding *d, cr_span value, bool critical)
{
    cr_span in;
    bool ca;
    int64_t path_len = -1;
    if (!pki_take(&value, TAG_SEQUENCE, &in) || value.n != 0 ||
        !pki_take_flag(&in, TAG_BOOLEAN, &ca)) {
        return false;
    }
    if (in.n > 0) {
        cr_span number;
        if (!pki_take_integer(&in, &number) || in.n != 0 ||
            der_integer(number, &path_len, NULL) != CR_OK || path_len < 0) {
            return false;
        }
    }
    d->cert->has_basic_constraints = true;
    d->cert->basic_constraints_critical = critical;
    d->cert->is_ca = ca;
    d->cert->path_len = path_len > INT_MAX ? INT_MAX : (int)path_len;
    return true;
}

static bool read_eku(struct decoding *d, cr_span value, bool critical)
{
    static const uint8_t server_auth[] = {0x2B, 6, 1, 5, 5, 7, 3, 1}; /* 1.3.6.1.5.5.7.3.1 */
    static const uint8_t client_auth[] = {0x2B, 6, 1, 5, 5, 7, 3, 2};
    cr_span list, oid;
    if (!pki_take(&value, TAG_SEQUENCE, &list) || value.n != 0 || list.n == 0) {
        return false;
    }
    while (list.n > 0) {
        if (!pki_take(&list, TAG_OID, &oid)) {
            return false;
        }
        d->cert->eku_server_auth |= cr_span_equal(oid, CR_SPAN_ARRAY(server_auth));
        d->cert->eku_client_auth |= cr_span_equal(oid, CR_SPAN_ARRAY(client_auth));
    }
    d->cert->has_eku = true;
    d->cert->eku_critical = critical;
    return true;
}

static bool read_policies(struct decoding *d, cr_span value, bool critical)
{
    cr_span list;
    if (!pki_take(&value, TAG_SEQUENCE, &list) || value.n != 0 || list.n == 0) {
        return false;
    }
    while (list.n > 0) {
        cr_span item, oid, qualifiers;
        if (!pki_take(&list, TAG_SEQUENCE, &item) || !pki_take(&item, TAG_OID, &oid) ||
            (item.n > 0 && !pki_take(&item, TAG_SEQUENCE, &qualifiers)) || item.n != 0) {
            return false;
        }
        if (d->cert->role == PKI_ROLE_NONE) {
            d->cert->role = pki_role_from_policy(oid, &d->cert->role_v3);
        }
    }
    d->cert->policies_critical = critical;
    return true;
}

static bool read_alt_name(struct decoding *d, cr_span value, bool critical)
{
    (void)critical;
    struct pki_cert *c = d->cert;
    cr_span names;
    if (!pki_take(&value, TAG_SEQUENCE, &names) || value.n != 0 || names.n == 0) {
        return false;
    }
    while (names.n > 0) {
        struct der_tlv name;
        if (der_next(&names, DER_STRICT, &name, NULL) != CR_OK) {
            return false;
        }
        if (name.tag == 0x82 && c->dns_name_count < PKI_MAX_DNS_NAMES) {
            c->dns_names[c->dns_name_count++] = name.value;
        } else if (name.tag == 0x87 && c->ip_address_count < PKI_MAX_IP_ADDRESSES) {
            c->ip_addresses[c->ip_address_count++] = name.value;
        } else if (name.tag == 0x88 && !cr_span_present(c->registered_id)) {
            if (name.value.n == 0) {
                return false;
            }
            c->registered_id = name.value;
        }
    }
    return true;
}

static bool read_name_constraints(struct decoding *d, cr_span value, bool critical)
{
    d->name_constraints = value;
    d->cert->has_name_constraints = true;
    d->cert->name_constraints_critical = critical;
    return true;
}

static bool read_permitted_eins(struct decoding *d, cr_span value, bool critical)
{
    (void)critical;
    d->permitted_eins = value;
    d->cert->has_permitted_eins = true;
    return true;
}

static bool read_distribution_points(struct decoding *d, cr_span value, bool critical)
{
    (void)critical;
    cr_span list, point, name;
    if (!pki_take(&value, TAG_SEQUENCE, &list) || value.n != 0) {
        return false;
    }
    while (list.n > 0) {
        if (!pki_take(&list, TAG_SEQUENCE, &point)) {
            return false;
        }
        if (der_peek(point) == 0xA0 &&
            (!pki_take(&point, 0xA0, &name) || !pki_read_point_url(name, &d->cert->crl_url))) {
            return false;
        }
    }
    return true;
}

static const struct extension_row {
    uint8_t oid[7];
    uint8_t oid_size;
    const char *name;
    bool (*read)(struct decoding *d, cr_span value, bool critical);
} extension_rows[] = {
    {{0x55, 0x1D, 0x0E}, 3, "subjectKeyIdentifier", read_ski},
    {{0x55, 0x1D, 0x23}, 3, "authorityKeyIdentifier", read_aki},
    {{0x55, 0x1D, 0x0F}, 3, "keyUsage", read_key_usage},
    {{0x55, 0x1D, 0x13}, 3, "basicConstraints", read_basic_constraints},
    {{0x55, 0x1D, 0x25}, 3, "extKeyUsage", read_eku},
    {{0x55, 0x1D, 0x20}, 3, "certificatePolicies", read_policies},
    {{0x55, 0x1D, 0x11}, 3, "subjectAltName", read_alt_name},
    {{0x55, 0x1D, 0x1E}, 3, "nameConstraints", read_name_constraints},
    {{0x55, 0x1D, 0x1F}, 3, "cRLDistributionPoints", read_distribution_points},
    /* 2.23.146.1.2.2.0 */
    {{0x67, 0x81, 0x12, 0x01, 0x02, 0x02, 0x00}, 7, "permittedEins", read_permitted_eins},
};

static bool add_ein(struct pki_cert *c, cr_span ein)
{
    /* An empty prefix would let every EID through. */
    if (ein.n == 0 || c->permitted_ein_count == PKI_MAX_PERMITTED_EINS) {
        return false;
    }
    c->permitted_eins[c->permitted_ein_count++] = ein;
    return true;
}

/* PermittedEins ::= SEQUENCE OF PrintableString */
static bool decode_permitted_eins(struct pki_cert *c, cr_span value)
{
    cr_span list, ein;
    if (!pki_take(&value, TAG_SEQUENCE, &list) || value.n != 0) {
        return false;
    }
    while (list.n > 0) {
        if (!pki_take(&list, TAG_PRINTABLE, &ein) || !add_ein(c, ein)) {
            return false;
        }
    }
    return true;
}

/* One directoryName of permittedSubtrees: O and serialNumber prefixes. */
static bool decode_subtree_name(struct pki_cert *c, cr_span name, bool with_eins)
{
    struct pki_name_walk walk = {0};
    struct pki_attribute a;
    if (!pki_take(&name, TAG_SEQUENCE, &walk.rdns) || name.n != 0) {
        return false;
    }
    while (pki_name_next(&walk, &a)) {
        if (cr_span_equal(a.oid, CR_SPAN_ARRAY(PKI_OID_O))) {
            if (!cr_span_present(c->permitted_o)) {
                c->permitted_o = a.value;
            } else if (!pki_name_value_equal(c->permitted_o, a.value)) {
                c->unknown_critical = true; /* more than one O: not understood, so not believed */
            }
        } else if (cr_span_equal(a.oid, CR_SPAN_ARRAY(PKI_OID_SERIAL))) {
            if (with_eins && !add_ein(c, a.value)) {
                return false;
            }
        }
    }
    return pki_name_ended(&walk);
}

static bool decode_name_constraints(struct pki_cert *c, cr_span value, bool with_eins)
{
    cr_span in, permitted = {0}, excluded = {0};
    if (!pki_take(&value, TAG_SEQUENCE, &in) || value.n != 0) {
        return false;
    }
    if (der_peek(in) == 0xA0 && !pki_take(&in, 0xA0, &permitted)) {
        return false;
    }
    if (der_peek(in) == 0xA1 && !pki_take(&in, 0xA1, &excluded)) {
        return false;
    }
    if (in.n != 0) {
        return false;
    }
    c->unknown_critical |= cr_span_present(excluded) && c->name_constraints_critical;
    while (permitted.n > 0) {
        cr_span subtree;
        struct der_tlv base;
        if (!pki_take(&permitted, TAG_SEQUENCE, &subtree) ||
            der_next(&subtree, DER_STRICT, &base, NULL) != CR_OK) {
            return false;
        }
        if (base.tag == 0xA4) {
            if (!decode_subtree_name(c, base.value, with_eins)) {
                return false;
            }
        }
        /* other name forms, and minimum or maximum, are not in the profile */
        c->unknown_critical |= c->name_constraints_critical && (base.tag != 0xA4 || subtree.n != 0);
    }
    return true;
}

static cr_status decode_constraints(struct decoding *d, struct cr_err *err)
{
    struct pki_cert *c = d->cert;
    bool by_eins = c->has_permitted_eins && (c->role_v3 || !c->has_name_constraints);
    if (by_eins && !decode_permitted_eins(c, d->permitted_eins)) {
        return malformed(err, "permittedEins");
    }
    if (c->has_name_constraints && !decode_name_constraints(c, d->name_constraints, !by_eins)) {
        return malformed(err, "nameConstraints");
    }
    return CR_OK;
}

static cr_status decode_extensions(struct pki_cert *c, cr_span explicit, struct cr_err *err)
{
    struct decoding d = {.cert = c};
    cr_span list;
    unsigned seen = 0;
    if (!pki_take(&explicit, TAG_SEQUENCE, &list) || explicit.n != 0 || list.n == 0) {
        return malformed(err, "extensions");
    }
    for (size_t count = 0; list.n > 0; count++) {
        struct pki_extension e;
        if (count == PKI_MAX_EXTENSIONS || !pki_take_extension(&list, &e)) {
            return malformed(err, "extensions");
        }
        size_t i = 0;
        while (i < CR_COUNT(extension_rows) &&
               (extension_rows[i].oid_size != e.oid.n ||
                memcmp(extension_rows[i].oid, e.oid.p, e.oid.n) != 0)) {
            i++;
        }
        if (i == CR_COUNT(extension_rows)) {
            c->unknown_critical |= e.critical;
            continue;
        }
        if (seen & (1U << i) || !extension_rows[i].read(&d, e.value, e.critical)) {
            return malformed(err, extension_rows[i].name);
        }
        seen |= 1U << i;
    }
    return decode_constraints(&d, err);
}

/* --- the certificate ---------------------------------------------------------------------------
 */

static bool read_subject(struct pki_cert *c)
{
    cr_span name = c->subject;
    struct pki_name_walk walk = {0};
    struct pki_attribute a;
    if (!pki_take(&name, TAG_SEQUENCE, &walk.rdns)) {
        return false;
    }
    while (pki_name_next(&walk, &a)) {
        cr_span *field = cr_span_equal(a.oid, CR_SPAN_ARRAY(PKI_OID_CN))       ? &c->subject_cn
                         : cr_span_equal(a.oid, CR_SPAN_ARRAY(PKI_OID_O))      ? &c->subject_o
                         : cr_span_equal(a.oid, CR_SPAN_ARRAY(PKI_OID_SERIAL)) ? &c->subject_serial
                                                                               : NULL;
        if (field && memchr(a.value.p, 0, a.value.n)) {
            return false; /* read as a C string it would be somebody else's name */
        }
        if (field && !cr_span_present(*field)) {
            *field = a.value;
        }
    }
    return pki_name_ended(&walk);
}

/* A key that is no uncompressed point on a known curve leaves curve NONE. */
static bool read_public_key(struct pki_cert *c, cr_span spki)
{
    cr_span algorithm, oid, curve = {0}, bits;
    if (!pki_take(&spki, TAG_SEQUENCE, &algorithm) || !pki_take_bits(&spki, &bits) || spki.n != 0 ||
        !pki_take(&algorithm, TAG_OID, &oid)) {
        return false;
    }
    if (!cr_span_equal(oid, CR_SPAN_ARRAY(PKI_OID_EC_PUBLIC_KEY)) ||
        !pki_take(&algorithm, TAG_OID, &curve) || algorithm.n != 0) {
        return true;
    }
    enum crypto_curve known = crypto_curve_from_oid(curve);
    if (known != CRYPTO_CURVE_NONE && bits.n == CRYPTO_POINT && bits.p[0] == 0x04) {
        c->curve = known;
        c->point = bits;
    }
    return true;
}

static bool take_name(cr_span *in, cr_span *all)
{
    struct der_tlv tlv;
    if (der_peek(*in) != TAG_SEQUENCE || der_next(in, DER_STRICT, &tlv, NULL) != CR_OK) {
        return false;
    }
    *all = tlv.all;
    return true;
}

static bool take_version(cr_span *in, unsigned *version)
{
    cr_span explicit, number;
    *version = 1;
    if (der_peek(*in) != 0xA0) {
        return true;
    }
    if (!pki_take(in, 0xA0, &explicit) || !pki_take_integer(&explicit, &number) ||
        explicit.n != 0 || number.n != 1 || number.p[0] < 1 || number.p[0] > 2) {
        return false;
    }
    *version = number.p[0] + 1U;
    return true;
}

static cr_status decode_tbs(struct pki_cert *c, cr_span in, cr_span outer_algorithm,
                            struct cr_err *err)
{
    unsigned version;
    cr_span algorithm, validity, spki, unique;
    if (!take_version(&in, &version)) {
        return malformed(err, "version");
    }
    if (!pki_take_integer(&in, &c->serial)) {
        return malformed(err, "serialNumber");
    }
    if (!pki_take(&in, TAG_SEQUENCE, &algorithm) || !cr_span_equal(algorithm, outer_algorithm)) {
        return malformed(err, "signature");
    }
    if (!take_name(&in, &c->issuer)) {
        return malformed(err, "issuer");
    }
    if (!pki_take(&in, TAG_SEQUENCE, &validity) || !pki_take_time(&validity, &c->not_before_ms) ||
        !pki_take_time(&validity, &c->not_after_ms) || validity.n != 0) {
        return malformed(err, "validity");
    }
    if (!take_name(&in, &c->subject) || !read_subject(c)) {
        return malformed(err, "subject");
    }
    if (!pki_take(&in, TAG_SEQUENCE, &spki) || !read_public_key(c, spki)) {
        return malformed(err, "subjectPublicKeyInfo");
    }
    for (uint32_t tag = 0x81; tag <= 0x82; tag++) {
        if (version >= 2 && der_peek(in) == tag && !pki_take(&in, tag, &unique)) {
            return malformed(err, "uniqueID");
        }
    }
    if (version == 3 && der_peek(in) == 0xA3) {
        cr_span explicit;
        if (!pki_take(&in, 0xA3, &explicit)) {
            return malformed(err, "extensions");
        }
        CR_TRY(decode_extensions(c, explicit, err));
    }
    return in.n == 0 ? CR_OK : malformed(err, "tbsCertificate");
}

cr_status pki_cert_decode(cr_span der, struct pki_cert *out, struct cr_err *err)
{
    struct pki_signed s;
    struct pki_cert c = {.raw = der, .path_len = -1};
    if (!cr_span_present(der) || !pki_read_signed(der, &s)) {
        return cr_fail(err, CR_MALFORMED, CLAUSE, "this is no X.509 certificate in DER");
    }
    c.tbs = s.tbs;
    CR_TRY(decode_tbs(&c, s.contents, s.algorithm, err));
    if (pki_is_ecdsa_sha256(s.algorithm)) {
        c.signature = s.bits;
    }
    *out = c;
    return CR_OK;
}

/* --- for people --------------------------------------------------------------------------------
 */

static void append_text(cr_buf *out, cr_span text)
{
    bool utf8 = cr_utf8_valid(text);
    for (size_t i = 0; i < text.n; i++) {
        uint8_t b = text.p[i];
        bool plain = b >= 0x20 && b != 0x7F && (b < 0x80 || utf8);
        cr_buf_append_byte(out, plain ? b : (uint8_t)'?');
    }
}

void pki_cert_summary(const struct pki_cert *cert, cr_buf *out)
{
    const struct {
        const char *label;
        cr_span value;
    } parts[] = {{"CN=", cert->subject_cn},
                 {"O=", cert->subject_o},
                 {"serialNumber=", cert->subject_serial}};
    for (size_t i = 0; i < CR_COUNT(parts); i++) {
        if (cr_span_present(parts[i].value)) {
            cr_buf_append_str(out, parts[i].label);
            append_text(out, parts[i].value);
            cr_buf_append_str(out, ", ");
        }
    }
    char from[CR_TIME_TEXT], to[CR_TIME_TEXT];
    cr_buf_appendf(
        out, "role %s%s, %s, %s to %s", pki_role_name(cert->role), cert->role_v3 ? " (v3)" : "",
        cert->curve == CRYPTO_CURVE_NONE ? "unsupported key" : crypto_curve_name(cert->curve),
        cr_time_format(from, cert->not_before_ms), cr_time_format(to, cert->not_after_ms));
}

cr_status pki_cert_load(const char *path, cr_arena *arena, struct pki_cert *out, struct cr_err *err)
{
    cr_buf file = {0}, der = {0};
    cr_status status = cr_file_read(path, PKI_MAX_CERT, &file, err);
    if (status != CR_OK) { /* says the path itself */
        cr_buf_free(&file);
        return status;
    }
    status = pki_pem_decode(cr_buf_span(&file), "CERTIFICATE", &der, err);
    if (status == CR_OK) {
        cr_span kept = cr_arena_copy(arena, cr_buf_span(&der));
        status = cr_span_present(kept) ? pki_cert_decode(kept, out, err) : cr_fail_memory(err);
    }
    if (status != CR_OK) {
        status = cr_err_context(err, status, "%s", path);
    }
    cr_buf_free(&file);
    cr_buf_free(&der);
    return status;
}

void pki_key_id(cr_span point, uint8_t out[20])
{
    crypto_sha1(point, out);
}
