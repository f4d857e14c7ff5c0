#include "pki/issue.h"

#include "base/text.h"
#include "pki/parts.h"
#include "pki/role.h"

#include <arpa/inet.h>

#define CLAUSE        "SGP.22 4.5.2.1"
#define MAX_ATTRIBUTE 64 /* characters (RFC 5280 A.1, ub-common-name and others) */
#define MAX_DNS_NAME  253
#define EID_DIGITS    32
#define RANDOM_SERIAL 8

static const uint8_t OID_SKI[] = {0x55, 0x1D, 0x0E};
static const uint8_t OID_AKI[] = {0x55, 0x1D, 0x23};
static const uint8_t OID_KEY_USAGE[] = {0x55, 0x1D, 0x0F};
static const uint8_t OID_BASIC_CONSTRAINTS[] = {0x55, 0x1D, 0x13};
static const uint8_t OID_EKU[] = {0x55, 0x1D, 0x25};
static const uint8_t OID_POLICIES[] = {0x55, 0x1D, 0x20};
static const uint8_t OID_ALT_NAME[] = {0x55, 0x1D, 0x11};
static const uint8_t OID_NAME_CONSTRAINTS[] = {0x55, 0x1D, 0x1E};
static const uint8_t OID_CRL_POINTS[] = {0x55, 0x1D, 0x1F};
static const uint8_t OID_CRL_NUMBER[] = {0x55, 0x1D, 0x14};
static const uint8_t OID_CRL_SCOPE[] = {0x55, 0x1D, 0x1C};
static const uint8_t OID_PERMITTED_EINS[] = {0x67, 0x81, 0x12, 0x01, 0x02, 0x02, 0x00};
static const uint8_t OID_SERVER_AUTH[] = {0x2B, 6, 1, 5, 5, 7, 3, 1};
static const uint8_t OID_CLIENT_AUTH[] = {0x2B, 6, 1, 5, 5, 7, 3, 2};

/* --- is the request complete -------------------------------------------------------------------
 */

static cr_status refuse(struct cr_err *err, const char *field, const char *what)
{
    return cr_err_field(
        err, cr_fail(err, CR_REFUSED, CLAUSE, "cannot issue the certificate: %s %s", field, what),
        field);
}

static cr_status check_attribute(const char *text, const char *field, struct cr_err *err)
{
    cr_span s = cr_span_str(text);
    if (cr_span_present(s) && (s.n == 0 || s.n > MAX_ATTRIBUTE || !cr_utf8_valid(s))) {
        return refuse(err, field, "is empty, longer than 64 bytes or no UTF-8");
    }
    return CR_OK;
}

static bool is_country(const char *text)
{
    cr_span s = cr_span_str(text);
    return s.n == 2 && s.p[0] >= 'A' && s.p[0] <= 'Z' && s.p[1] >= 'A' && s.p[1] <= 'Z';
}

static bool is_ip(const char *text, uint8_t bytes[16], size_t *size)
{
    *size = inet_pton(AF_INET, text, bytes) == 1    ? 4
            : inet_pton(AF_INET6, text, bytes) == 1 ? 16
                                                    : 0;
    return *size > 0;
}

static bool is_dns_name(const char *text)
{
    uint8_t ip[16];
    size_t size;
    cr_span s = cr_span_str(text);
    if (is_ip(text, ip, &size)) {
        return true;
    }
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i] | 0x20;
        if (!(c >= 'a' && c <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-' &&
            s.p[i] != '.' && s.p[i] != '_') {
            return false;
        }
    }
    return s.n > 0 && s.n <= MAX_DNS_NAME;
}

/* Takes one of a list with commas; false at the end. */
static bool next_prefix(cr_span *list, cr_span *prefix)
{
    if (!cr_span_present(*list)) {
        return false;
    }
    const uint8_t *comma = list->n ? memchr(list->p, ',', list->n) : NULL;
    size_t n = comma ? (size_t)(comma - list->p) : list->n;
    *prefix = cr_span_sub(*list, 0, n);
    *list = comma ? cr_span_sub(*list, n + 1, list->n) : (cr_span){0};
    return true;
}

static cr_status check_prefixes(const char *list, struct cr_err *err)
{
    cr_span left = cr_span_str(list), prefix;
    size_t count = 0;
    while (next_prefix(&left, &prefix)) {
        if (!cr_is_digits(prefix) || prefix.n > EID_DIGITS || ++count > PKI_MAX_PERMITTED_EINS) {
            return refuse(err, "ein_prefix", "is no list of up to 32 digit strings");
        }
    }
    return CR_OK;
}

static cr_status check_by_role(const struct pki_request *r, struct cr_err *err)
{
    cr_span eid = cr_span_str(r->eid);
    bool euicc = r->role == PKI_ROLE_EUICC;
    if (euicc && (eid.n != EID_DIGITS || !cr_is_digits(eid))) {
        return refuse(err, "eid", "is not 32 digits");
    }
    if ((euicc || r->role == PKI_ROLE_EUM) && !r->organization) {
        return refuse(err, "organization", "is missing");
    }
    if (r->role == PKI_ROLE_EUM && !r->ein_prefix) {
        return refuse(err, "ein_prefix", "is missing");
    }
    if (pki_role_profile(r->role)->needs_registered_id && !r->registered_id) {
        return refuse(err, "registered_id", "is missing");
    }
    if (r->role != PKI_ROLE_NONE && pki_role_policy(r->role, r->v3).n == 0) {
        return refuse(err, "role", "exists in v3 only");
    }
    bool server = pki_role_profile(r->role)->tls && r->role != PKI_ROLE_NONE;
    if (server && (!r->dns_names || !r->dns_names[0])) {
        return refuse(err, "dns_names", "is missing");
    }
    return CR_OK;
}

static cr_status check_request(const struct pki_request *r, struct cr_err *err)
{
    if ((unsigned)r->role >= PKI_ROLES || (r->role == PKI_ROLE_NONE) != r->operator_tls) {
        return refuse(err, "role", "is missing");
    }
    if (!r->common_name && !r->organization) {
        return refuse(err, "common_name", "is missing");
    }
    CR_TRY(check_attribute(r->common_name, "common_name", err));
    CR_TRY(check_attribute(r->organization, "organization", err));
    CR_TRY(check_attribute(r->organizational_unit, "organizational_unit", err));
    CR_TRY(check_attribute(r->permitted_o, "permitted_o", err));
    if (r->country && !is_country(r->country)) {
        return refuse(err, "country", "is not two capital letters");
    }
    CR_TRY(check_prefixes(r->ein_prefix, err));
    for (size_t i = 0; r->dns_names && r->dns_names[i]; i++) {
        if (i == PKI_MAX_DNS_NAMES || !is_dns_name(r->dns_names[i])) {
            return refuse(err, "dns_names", "has too many names or one that is none");
        }
    }
    int64_t end_of_time = cr_time_utc_ms(9999, 12, 31, 23, 59, 59) + 999;
    int64_t earliest = cr_time_utc_ms(1950, 1, 1, 0, 0, 0);
    if (r->not_before_ms < earliest || r->not_after_ms <= r->not_before_ms ||
        r->not_after_ms > end_of_time) {
        return refuse(err, "not_after_ms", "and not_before_ms are no period before the year 10000");
    }
    return check_by_role(r, err);
}

/* --- parts -------------------------------------------------------------------------------------
 */

/* UTCTime until 2049, then GeneralizedTime (RFC 5280 4.1.2.5). */
static void put_time(cr_buf *b, int64_t ms)
{
    char text[CR_TIME_TEXT];
    uint8_t digits[15];
    size_t n = 0;
    for (const char *p = cr_time_format(text, ms); *p && n < 14; p++) {
        if (*p >= '0' && *p <= '9') {
            digits[n++] = (uint8_t)*p;
        }
    }
    digits[n++] = 'Z';
    bool utc = ms < cr_time_utc_ms(2050, 1, 1, 0, 0, 0);
    der_put(b, utc ? TAG_UTC_TIME : TAG_GENERALIZED_TIME,
            utc ? cr_span_of(digits + 2, n - 2) : cr_span_of(digits, n));
}

/* A non-negative INTEGER from its magnitude. */
static void put_unsigned(cr_buf *b, cr_span magnitude)
{
    static const uint8_t zero[1] = {0};
    while (magnitude.n > 1 && magnitude.p[0] == 0) {
        magnitude = cr_span_sub(magnitude, 1, magnitude.n);
    }
    if (magnitude.n == 0) {
        magnitude = CR_SPAN_ARRAY(zero);
    }
    bool pad = (magnitude.p[0] & 0x80) != 0;
    der_put_header(b, TAG_INTEGER, magnitude.n + (pad ? 1 : 0));
    if (pad) {
        cr_buf_append_byte(b, 0);
    }
    cr_buf_append_span(b, magnitude);
}

static void put_attribute(cr_buf *b, cr_span oid, uint32_t tag, cr_span value)
{
    if (!cr_span_present(value)) {
        return;
    }
    size_t set = der_open(b, TAG_SET);
    size_t item = der_open(b, TAG_SEQUENCE);
    der_put(b, TAG_OID, oid);
    der_put(b, tag, value);
    der_close(b, item);
    der_close(b, set);
}

static void put_subject(cr_buf *b, const struct pki_request *r)
{
    const char *eid = r->role == PKI_ROLE_EUICC ? r->eid : NULL;
    size_t name = der_open(b, TAG_SEQUENCE);
    put_attribute(b, CR_SPAN_ARRAY(PKI_OID_C), TAG_PRINTABLE, cr_span_str(r->country));
    put_attribute(b, CR_SPAN_ARRAY(PKI_OID_O), TAG_UTF8, cr_span_str(r->organization));
    put_attribute(b, CR_SPAN_ARRAY(PKI_OID_OU), TAG_UTF8, cr_span_str(r->organizational_unit));
    put_attribute(b, CR_SPAN_ARRAY(PKI_OID_SERIAL), TAG_PRINTABLE, cr_span_str(eid));
    put_attribute(b, CR_SPAN_ARRAY(PKI_OID_CN), TAG_UTF8, cr_span_str(r->common_name));
    der_close(b, name);
}

static void put_algorithm(cr_buf *b)
{
    size_t mark = der_open(b, TAG_SEQUENCE);
    der_put(b, TAG_OID, CR_SPAN_ARRAY(PKI_OID_ECDSA_SHA256));
    der_close(b, mark);
}

static void put_bits(cr_buf *b, cr_span bytes)
{
    der_put_header(b, TAG_BIT_STRING, bytes.n + 1);
    cr_buf_append_byte(b, 0);
    cr_buf_append_span(b, bytes);
}

static void put_public_key(cr_buf *b, enum crypto_curve curve, cr_span point)
{
    size_t spki = der_open(b, TAG_SEQUENCE);
    size_t algorithm = der_open(b, TAG_SEQUENCE);
    der_put(b, TAG_OID, CR_SPAN_ARRAY(PKI_OID_EC_PUBLIC_KEY));
    der_put(b, TAG_OID, crypto_curve_oid(curve));
    der_close(b, algorithm);
    put_bits(b, point);
    der_close(b, spki);
}

struct extension_mark {
    size_t item, octets;
};

static struct extension_mark extension_open(cr_buf *b, cr_span oid, bool critical)
{
    static const uint8_t yes[1] = {0xFF};
    struct extension_mark mark;
    mark.item = der_open(b, TAG_SEQUENCE);
    der_put(b, TAG_OID, oid);
    if (critical) {
        der_put(b, TAG_BOOLEAN, CR_SPAN_ARRAY(yes));
    }
    mark.octets = der_open(b, TAG_OCTET_STRING);
    return mark;
}

static void extension_close(cr_buf *b, struct extension_mark mark)
{
    der_close(b, mark.octets);
    der_close(b, mark.item);
}

/* --- extensions --------------------------------------------------------------------------------
 */

static void put_aki(cr_buf *b, cr_span key_id)
{
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_AKI), false);
    size_t mark = der_open(b, TAG_SEQUENCE);
    der_put(b, 0x80, key_id);
    der_close(b, mark);
    extension_close(b, e);
}

static void put_ski(cr_buf *b, cr_span point)
{
    uint8_t id[20];
    pki_key_id(point, id);
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_SKI), false);
    der_put(b, TAG_OCTET_STRING, CR_SPAN_ARRAY(id));
    extension_close(b, e);
}

static void put_key_usage(cr_buf *b, unsigned usage)
{
    uint8_t bits[2] = {7, 0}; /* unused bits, bits 0 to 7 from the left */
    for (unsigned i = 0; i < 8; i++) {
        if (usage & (1U << i)) {
            bits[1] |= (uint8_t)(0x80U >> i);
            bits[0] = (uint8_t)(7 - i);
        }
    }
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_KEY_USAGE), true);
    der_put(b, TAG_BIT_STRING, CR_SPAN_ARRAY(bits));
    extension_close(b, e);
}

static void put_basic_constraints(cr_buf *b, const struct pki_request *r)
{
    static const uint8_t yes[1] = {0xFF};
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_BASIC_CONSTRAINTS), true);
    size_t mark = der_open(b, TAG_SEQUENCE);
    der_put(b, TAG_BOOLEAN, CR_SPAN_ARRAY(yes));
    if (!pki_role_profile(r->role)->any_depth) {
        der_put_integer(b, TAG_INTEGER, r->sub_cas);
    }
    der_close(b, mark);
    extension_close(b, e);
}

static void put_policy(cr_buf *b, cr_span oid)
{
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_POLICIES), true);
    size_t list = der_open(b, TAG_SEQUENCE);
    size_t item = der_open(b, TAG_SEQUENCE);
    der_put(b, TAG_OID, oid);
    der_close(b, item);
    der_close(b, list);
    extension_close(b, e);
}

static void put_eku(cr_buf *b)
{
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_EKU), true);
    size_t list = der_open(b, TAG_SEQUENCE);
    der_put(b, TAG_OID, CR_SPAN_ARRAY(OID_SERVER_AUTH));
    der_put(b, TAG_OID, CR_SPAN_ARRAY(OID_CLIENT_AUTH));
    der_close(b, list);
    extension_close(b, e);
}

static cr_status put_alt_name(cr_buf *b, const struct pki_request *r, struct cr_err *err)
{
    bool tls = pki_role_profile(r->role)->tls;
    cr_buf oid = {0};
    uint8_t ip[16];
    size_t size;
    if (r->registered_id) {
        cr_status status = der_oid_from_text(&oid, cr_span_str(r->registered_id), err);
        if (status != CR_OK) {
            cr_buf_free(&oid);
            return cr_err_field(err, status, "registered_id");
        }
    }
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_ALT_NAME), false);
    size_t list = der_open(b, TAG_SEQUENCE);
    for (size_t i = 0; tls && r->dns_names && r->dns_names[i]; i++) {
        if (is_ip(r->dns_names[i], ip, &size)) {
            der_put(b, 0x87, cr_span_of(ip, size));
        } else {
            der_put(b, 0x82, cr_span_str(r->dns_names[i]));
        }
    }
    if (r->registered_id) {
        der_put(b, 0x88, cr_buf_span(&oid));
    }
    der_close(b, list);
    extension_close(b, e);
    cr_buf_free(&oid);
    return CR_OK;
}

static void put_point_name(cr_buf *b, cr_span url)
{
    size_t name = der_open(b, 0xA0);
    size_t full = der_open(b, 0xA0);
    der_put(b, 0x86, url);
    der_close(b, full);
    der_close(b, name);
}

static void put_crl_points(cr_buf *b, const char *url)
{
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_CRL_POINTS), false);
    size_t list = der_open(b, TAG_SEQUENCE);
    size_t point = der_open(b, TAG_SEQUENCE);
    put_point_name(b, cr_span_str(url));
    der_close(b, point);
    der_close(b, list);
    extension_close(b, e);
}

static void put_name_constraints(cr_buf *b, const struct pki_request *r)
{
    const char *o = r->permitted_o ? r->permitted_o : r->organization;
    cr_span left = cr_span_str(r->ein_prefix), prefix;
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_NAME_CONSTRAINTS), true);
    size_t all = der_open(b, TAG_SEQUENCE);
    size_t permitted = der_open(b, 0xA0);
    while (next_prefix(&left, &prefix)) {
        size_t subtree = der_open(b, TAG_SEQUENCE);
        size_t directory = der_open(b, 0xA4);
        size_t name = der_open(b, TAG_SEQUENCE);
        put_attribute(b, CR_SPAN_ARRAY(PKI_OID_O), TAG_UTF8, cr_span_str(o));
        put_attribute(b, CR_SPAN_ARRAY(PKI_OID_SERIAL), TAG_PRINTABLE, prefix);
        der_close(b, name);
        der_close(b, directory);
        der_close(b, subtree);
    }
    der_close(b, permitted);
    der_close(b, all);
    extension_close(b, e);
}

static void put_permitted_eins(cr_buf *b, const char *prefixes)
{
    cr_span left = cr_span_str(prefixes), prefix;
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_PERMITTED_EINS), true);
    size_t list = der_open(b, TAG_SEQUENCE);
    while (next_prefix(&left, &prefix)) {
        der_put(b, TAG_PRINTABLE, prefix);
    }
    der_close(b, list);
    extension_close(b, e);
}

static cr_status put_extensions(cr_buf *b, const struct pki_request *r, cr_span point,
                                const struct pki_cert *issuer, struct cr_err *err)
{
    const struct pki_role_profile *profile = pki_role_profile(r->role);
    bool names = profile->tls && r->dns_names && r->dns_names[0];
    size_t explicit = der_open(b, 0xA3);
    size_t list = der_open(b, TAG_SEQUENCE);
    if (issuer) {
        put_aki(b, issuer->ski);
    }
    put_ski(b, point);
    put_key_usage(b, profile->key_usage | (profile->ca ? (unsigned)PKI_KU_CRL_SIGN : 0U));
    if (r->role != PKI_ROLE_NONE) {
        put_policy(b, pki_role_policy(r->role, r->v3));
    }
    if (profile->tls) {
        put_eku(b);
    }
    if (names || r->registered_id) {
        CR_TRY(put_alt_name(b, r, err));
    }
    if (profile->ca) {
        put_basic_constraints(b, r);
    }
    if (r->crl_url) {
        put_crl_points(b, r->crl_url);
    }
    bool eum = r->role == PKI_ROLE_EUM || r->role == PKI_ROLE_EUM_SUBCA;
    if (eum && r->ein_prefix) {
        if (r->v3) {
            put_permitted_eins(b, r->ein_prefix);
        } else {
            put_name_constraints(b, r);
        }
    }
    der_close(b, list);
    der_close(b, explicit);
    return CR_OK;
}

/* --- the certificate ---------------------------------------------------------------------------
 */

static cr_status put_serial(cr_buf *b, cr_span serial, const cr_env *env, struct cr_err *err)
{
    uint8_t bytes[RANDOM_SERIAL];
    if (!cr_span_present(serial)) {
        CR_TRY(cr_random(env, bytes, sizeof(bytes), err));
        bytes[0] = (uint8_t)((bytes[0] & 0x7F) | 0x40); /* always the same length */
        serial = CR_SPAN_ARRAY(bytes);
    }
    if (serial.n == 0 || serial.n >= PKI_MAX_SERIAL) {
        return refuse(err, "serial", "is empty or too long");
    }
    put_unsigned(b, serial);
    return CR_OK;
}

/* Appends SEQUENCE { tbs, algorithm, signature } with the key that is behind the handle. */
static cr_status put_signed(cr_buf *out, cr_span tbs, const struct pki_key *key, struct cr_err *err)
{
    uint8_t plain[CRYPTO_SIGNATURE];
    cr_buf signature = {0};
    CR_TRY(pki_key_sign(key, &tbs, 1, plain, err));
    cr_status status = crypto_signature_to_der(CR_SPAN_ARRAY(plain), &signature, err);
    if (status == CR_OK) {
        size_t all = der_open(out, TAG_SEQUENCE);
        cr_buf_append_span(out, tbs);
        put_algorithm(out);
        put_bits(out, cr_buf_span(&signature));
        der_close(out, all);
        status = cr_buf_ok(out) && cr_buf_ok(&signature) ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&signature);
    return status;
}

static cr_status put_tbs(cr_buf *b, const struct pki_request *r, enum crypto_curve curve,
                         cr_span point, const struct pki_cert *issuer, const cr_env *env,
                         struct cr_err *err)
{
    static const uint8_t version[] = {0xA0, 0x03, 0x02, 0x01, 0x02}; /* v3 */
    size_t tbs = der_open(b, TAG_SEQUENCE);
    cr_buf_append_span(b, CR_SPAN_ARRAY(version));
    CR_TRY(put_serial(b, r->serial, env, err));
    put_algorithm(b);
    if (issuer) {
        cr_buf_append_span(b, issuer->subject);
    } else {
        put_subject(b, r);
    }
    size_t validity = der_open(b, TAG_SEQUENCE);
    put_time(b, r->not_before_ms);
    put_time(b, r->not_after_ms);
    der_close(b, validity);
    put_subject(b, r);
    put_public_key(b, curve, point);
    CR_TRY(put_extensions(b, r, point, issuer, err));
    der_close(b, tbs);
    return cr_buf_ok(b) ? CR_OK : cr_fail_memory(err);
}

static cr_status check_issuer(const struct pki_request *r, enum crypto_curve curve, cr_span point,
                              const struct pki_cert *issuer, const struct pki_key *issuer_key,
                              struct cr_err *err)
{
    if (curve <= CRYPTO_CURVE_NONE || curve >= CRYPTO_CURVES || point.n != CRYPTO_POINT) {
        return refuse(err, "point", "is no key on a supported curve");
    }
    if (!issuer && r->role != PKI_ROLE_CI) {
        return refuse(err, "issuer", "is missing, and only a CI signs itself");
    }
    if (!cr_span_equal(pki_key_point(issuer_key), issuer ? issuer->point : point)) {
        return refuse(err, "issuer_key", "is not the key of the issuer's certificate");
    }
    if (issuer && !cr_span_present(issuer->ski)) {
        return refuse(err, "issuer", "has no subjectKeyIdentifier");
    }
    return CR_OK;
}

cr_status pki_issue(const struct pki_request *request, enum crypto_curve curve, cr_span point,
                    const struct pki_cert *issuer, const struct pki_key *issuer_key,
                    const cr_env *env, cr_buf *out, struct cr_err *err)
{
    CR_TRY(check_request(request, err));
    CR_TRY(check_issuer(request, curve, point, issuer, issuer_key, err));
    cr_buf tbs = {0};
    cr_status status = put_tbs(&tbs, request, curve, point, issuer, env, err);
    if (status == CR_OK) {
        status = put_signed(out, cr_buf_span(&tbs), issuer_key, err);
    }
    cr_buf_free(&tbs);
    return status;
}

/* --- CRLs --------------------------------------------------------------------------------------
 */

static void put_crl_scope(cr_buf *b, const struct pki_cert *issuer)
{
    static const uint8_t yes[1] = {0xFF};
    bool ca_certs = issuer->role == PKI_ROLE_EUM;
    bool user_certs = issuer->role == PKI_ROLE_DP_SUBCA || issuer->role == PKI_ROLE_DS_SUBCA;
    bool url = issuer->role == PKI_ROLE_CI && cr_span_present(issuer->crl_url);
    if (!ca_certs && !user_certs && !url) {
        return; /* an empty one is forbidden (RFC 5280 5.2.5) */
    }
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_CRL_SCOPE), true);
    size_t mark = der_open(b, TAG_SEQUENCE);
    if (url) {
        put_point_name(b, issuer->crl_url);
    }
    if (user_certs) {
        der_put(b, 0x81, CR_SPAN_ARRAY(yes));
    }
    if (ca_certs) {
        der_put(b, 0x82, CR_SPAN_ARRAY(yes));
    }
    der_close(b, mark);
    extension_close(b, e);
}

static void put_crl_extensions(cr_buf *b, const struct pki_cert *issuer, uint64_t number)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    }
    size_t explicit = der_open(b, 0xA0);
    size_t list = der_open(b, TAG_SEQUENCE);
    put_aki(b, issuer->ski);
    struct extension_mark e = extension_open(b, CR_SPAN_ARRAY(OID_CRL_NUMBER), false);
    put_unsigned(b, CR_SPAN_ARRAY(bytes));
    extension_close(b, e);
    put_crl_scope(b, issuer);
    der_close(b, list);
    der_close(b, explicit);
}

cr_status pki_issue_crl(const struct pki_cert *issuer, const struct pki_key *issuer_key,
                        const cr_span *serials, size_t count, uint64_t number,
                        int64_t this_update_ms, int64_t next_update_ms, cr_buf *out,
                        struct cr_err *err)
{
    static const uint8_t version[] = {TAG_INTEGER, 0x01, 0x01}; /* v2 */
    if (!cr_span_equal(pki_key_point(issuer_key), issuer->point) || !cr_span_present(issuer->ski)) {
        return refuse(err, "issuer_key", "is not the key of the issuer's certificate");
    }
    cr_buf tbs = {0};
    size_t mark = der_open(&tbs, TAG_SEQUENCE);
    cr_buf_append_span(&tbs, CR_SPAN_ARRAY(version));
    put_algorithm(&tbs);
    cr_buf_append_span(&tbs, issuer->subject);
    put_time(&tbs, this_update_ms);
    if (next_update_ms != 0) {
        put_time(&tbs, next_update_ms);
    }
    if (count > 0) { /* an empty list is forbidden (RFC 5280 5.1.2.6) */
        size_t list = der_open(&tbs, TAG_SEQUENCE);
        for (size_t i = 0; i < count; i++) {
            size_t entry = der_open(&tbs, TAG_SEQUENCE);
            put_unsigned(&tbs, serials[i]);
            put_time(&tbs, this_update_ms);
            der_close(&tbs, entry);
        }
        der_close(&tbs, list);
    }
    put_crl_extensions(&tbs, issuer, number);
    der_close(&tbs, mark);
    cr_status status =
        cr_buf_ok(&tbs) ? put_signed(out, cr_buf_span(&tbs), issuer_key, err) : cr_fail_memory(err);
    cr_buf_free(&tbs);
    return status;
}
