#include "cli/cert_text.h"

#include "asn1/der.h"
#include "base/text.h"
#include "rsp/ids.h"

#include <arpa/inet.h>

/* A certificate as a list of lines; text and JSON are both written from it. */
struct writer {
    cr_buf *text; /* NULL = JSON */
    json_t *json;
    int indent;
};

static void line(struct writer *w, const char *name, const char *key, const char *value)
{
    if (!value || !value[0]) {
        return;
    }
    if (w->text) {
        cr_buf_appendf(w->text, "%*s%-15s %s\n", w->indent, "", name, value);
    } else if (key) {
        (void)json_object_set_new(w->json, key, json_string(value));
    }
}

static void hex_line(struct writer *w, const char *name, const char *key, cr_span bytes)
{
    char hex[129];
    if (bytes.n > 0 && bytes.n <= 64) {
        line(w, name, key, cr_hex_into(hex, sizeof(hex), bytes));
    }
}

static void text_line(struct writer *w, const char *name, const char *key, cr_span s)
{
    char text[256];
    if (s.p && cr_utf8_valid(s)) {
        (void)cr_str_copy(text, sizeof(text), s);
        for (char *c = text; *c; c++) {
            if ((unsigned char)*c < ' ') {
                *c = '?'; /* no control codes on the terminal */
            }
        }
        line(w, name, key, text);
    } else {
        hex_line(w, name, key, s);
    }
}

static void time_line(struct writer *w, const char *name, const char *key, int64_t ms,
                      const char *remark)
{
    char when[CR_TIME_TEXT + 64];
    char time[CR_TIME_TEXT];
    (void)snprintf(when, sizeof(when), "%s%s", cr_time_format(time, ms), remark);
    line(w, name, key, when);
}

static void oid_line(struct writer *w, const char *name, const char *key, cr_span oid)
{
    char text[DER_OID_TEXT];
    if (oid.p && der_oid_text(oid, text, NULL) == CR_OK) {
        line(w, name, key, text);
    }
}

static void key_usage_line(struct writer *w, const struct pki_cert *cert)
{
    static const struct {
        unsigned bit;
        const char *name;
    } uses[] = {{PKI_KU_DIGITAL_SIGNATURE, "digitalSignature"},
                {PKI_KU_KEY_CERT_SIGN, "keyCertSign"},
                {PKI_KU_CRL_SIGN, "cRLSign"}};
    char text[128] = "";
    size_t n = 0;
    for (size_t i = 0; i < CR_COUNT(uses); i++) {
        if (cert->key_usage & uses[i].bit) {
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", uses[i].name);
        }
    }
    line(w, "key usage", "keyUsage", text);
    if (cert->has_eku) {
        (void)snprintf(text, sizeof(text), "%s%s%s", cert->eku_server_auth ? "serverAuth" : "",
                       cert->eku_server_auth && cert->eku_client_auth ? ", " : "",
                       cert->eku_client_auth ? "clientAuth" : "");
        line(w, "used for TLS as", "extendedKeyUsage", text);
    }
}

static void add_name(cr_buf *names, const char *name)
{
    cr_buf_appendf(names, "%s%s", names->n ? ", " : "", name);
}

static void names_line(struct writer *w, const struct pki_cert *cert)
{
    cr_buf names = {0};
    char name[256];
    for (size_t i = 0; i < cert->dns_name_count; i++) {
        if (cr_utf8_valid(cert->dns_names[i])) {
            (void)cr_str_copy(name, sizeof(name), cert->dns_names[i]);
            add_name(&names, name);
        }
    }
    for (size_t i = 0; i < cert->ip_address_count; i++) {
        int family = cert->ip_addresses[i].n == 4 ? AF_INET : AF_INET6;
        if (inet_ntop(family, cert->ip_addresses[i].p, name, sizeof(name))) {
            add_name(&names, name);
        }
    }
    line(w, "host names", "hostNames", cr_buf_cstr(&names));
    cr_buf_free(&names);
}

static void eins_line(struct writer *w, const struct pki_cert *cert)
{
    cr_buf eins = {0};
    char ein[40];
    for (size_t i = 0; i < cert->permitted_ein_count; i++) {
        (void)cr_str_copy(ein, sizeof(ein), cert->permitted_eins[i]);
        add_name(&eins, ein);
    }
    line(w, "EIDs begin with", "permittedEins", cr_buf_cstr(&eins));
    cr_buf_free(&eins);
}

static void eid_note(struct writer *w, cr_span eid)
{
    bool right = rsp_eid_text_check(eid);
    if (!w->text) {
        (void)json_object_set_new(w->json, "eidCheckDigits", json_boolean(right));
    } else if (!right) {
        line(w, "note", NULL, "the check digits of the EID are wrong");
    }
}

static void write_cert(struct writer *w, const struct pki_cert *cert, int64_t now_ms)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "%s%s", pki_role_name(cert->role),
                   cert->role_v3 ? " (v3)" : "");
    text_line(w, "subject", "commonName", cert->subject_cn);
    text_line(w, "organisation", "organization", cert->subject_o);
    text_line(w, cert->role == PKI_ROLE_EUICC ? "EID" : "serialNumber", "subjectSerialNumber",
              cert->subject_serial);
    if (cert->role == PKI_ROLE_EUICC) {
        eid_note(w, cert->subject_serial);
    }
    line(w, "role", "role", text);
    line(w, "key", "curve",
         cert->curve == CRYPTO_CURVE_NONE ? "unsupported" : crypto_curve_name(cert->curve));
    bool early = now_ms && now_ms < cert->not_before_ms;
    bool late = now_ms && now_ms > cert->not_after_ms;
    time_line(w, "valid from", "notBefore", cert->not_before_ms, early ? " (not yet)" : "");
    time_line(w, "valid until", "notAfter", cert->not_after_ms, late ? " (expired)" : "");
    hex_line(w, "serial", "serial", cert->serial);
    hex_line(w, "key id", "subjectKeyIdentifier", cert->ski);
    hex_line(w, "issuer's key id", "authorityKeyIdentifier", cert->aki);
    if (cert->is_ca) {
        (void)snprintf(text, sizeof(text), "%d", cert->path_len);
        line(w, "CAs below", "pathLen", cert->path_len < 0 ? "any number" : text);
    }
    key_usage_line(w, cert);
    oid_line(w, "registered id", "registeredId", cert->registered_id);
    names_line(w, cert);
    eins_line(w, cert);
    text_line(w, "for organisation", "permittedOrganization", cert->permitted_o);
    text_line(w, "CRL", "crl", cert->crl_url);
    line(w, "note", NULL,
         cert->unknown_critical ? "has a critical extension that is not understood" : NULL);
}

static void date_line(struct writer *w, const char *name, const char *key, uint32_t date,
                      const char *remark)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "%04u-%02u-%02u%s", date / 10000, date / 100 % 100,
                   date % 100, remark);
    line(w, name, key, date ? text : NULL);
}

static void gp_usage_line(struct writer *w, const struct gpcert *cert)
{
    char text[64];
    bool agreement = cert->usage_size == 2 && cert->usage == GPCERT_USAGE_AGREEMENT;
    bool signing = cert->usage_size == 1 &&
                   (cert->usage == GPCERT_USAGE_SIGNING || cert->usage == GPCERT_USAGE_VERIFYING);
    (void)snprintf(text, sizeof(text), "%0*X (%s)", (int)cert->usage_size * 2, cert->usage,
                   agreement ? "key agreement"
                   : signing ? "signatures"
                             : "not known");
    line(w, "key usage", "keyUsage", text);
}

static void write_gpcert(struct writer *w, const struct gpcert *cert, int64_t now_ms)
{
    char text[48];
    bool ecasd = cert->role == GPCERT_ROLE_NONE && cert->subject.n == 16;
    hex_line(w, ecasd ? "EID" : "subject", ecasd ? "eid" : "subject", cert->subject);
    if (ecasd) {
        cr_span digits = cr_span_str(cr_hex_into(text, sizeof(text), cert->subject));
        eid_note(w, digits);
    }
    (void)snprintf(text, sizeof(text), "%02X, unknown", cert->role);
    line(w, "role", "role",
         cert->role <= GPCERT_ROLE_SR ? gpcert_role_name((enum gpcert_role)cert->role) : text);
    line(w, "key", "curve",
         cert->curve == CRYPTO_CURVE_NONE ? "unsupported" : crypto_curve_name(cert->curve));
    bool early = now_ms && cert->effective && now_ms < gpcert_day_begins_ms(cert->effective);
    bool late = now_ms && now_ms > gpcert_day_ends_ms(cert->expiry);
    date_line(w, "valid from", "notBefore", cert->effective, early ? " (not yet)" : "");
    date_line(w, "valid until", "notAfter", cert->expiry, late ? " (expired)" : "");
    hex_line(w, "serial", "serial", cert->serial);
    if (der_oid_text(cert->ca_id, (char[DER_OID_TEXT]){0}, NULL) == CR_OK) {
        oid_line(w, "issuer", "caIdentifier", cert->ca_id);
    } else {
        hex_line(w, "issuer", "caIdentifier", cert->ca_id);
    }
    hex_line(w, "issuer's key id", "authorityKeyIdentifier", cert->authority);
    gp_usage_line(w, cert);
}

/* Number of a CRL, at most 8 bytes of it. */
static void number_line(struct writer *w, const char *name, const char *key, cr_span bytes)
{
    char text[24];
    int64_t value;
    if (bytes.p && der_integer(bytes, &value, NULL) == CR_OK) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)value);
        line(w, name, key, text);
    }
}

static void write_crl(struct writer *w, const struct pki_crl *crl, int64_t now_ms)
{
    char text[24];
    number_line(w, "CRL number", "number", crl->number);
    number_line(w, "partial number", "partialNumber", crl->partial_number);
    hex_line(w, "issuer's key id", "authorityKeyIdentifier", crl->aki);
    time_line(w, "issued", "thisUpdate", crl->this_update_ms, "");
    if (crl->next_update_ms) {
        time_line(w, "next one", "nextUpdate", crl->next_update_ms,
                  now_ms > crl->next_update_ms ? " (overdue)" : "");
    }
    line(w, "covers", "covers",
         crl->only_user_certs ? "end entities only"
         : crl->only_ca_certs ? "CAs only"
                              : "all certificates");
    (void)snprintf(text, sizeof(text), "%zu", crl->revoked_count);
    line(w, "revoked", "revokedCount", text);
}

void cli_cert_text(const struct pki_cert *cert, int indent, int64_t now_ms, cr_buf *out)
{
    struct writer w = {.text = out, .indent = indent};
    write_cert(&w, cert, now_ms);
}

void cli_gpcert_text(const struct gpcert *cert, int indent, int64_t now_ms, cr_buf *out)
{
    struct writer w = {.text = out, .indent = indent};
    write_gpcert(&w, cert, now_ms);
}

json_t *cli_gpcert_json(const struct gpcert *cert)
{
    struct writer w = {.json = json_object()};
    (void)json_object_set_new(w.json, "type", json_string("gpCertificate"));
    write_gpcert(&w, cert, 0);
    return w.json;
}

/* Serial of the next entry: SEQUENCE { INTEGER, ... }. */
static bool next_revoked(cr_span *list, cr_span *serial)
{
    struct der_tlv entry;
    struct der_tlv number;
    if (list->n == 0 || der_next(list, DER_STRICT, &entry, NULL) != CR_OK ||
        !der_find(entry.value, 0x02, &number)) {
        return false;
    }
    *serial = number.value;
    return true;
}

void cli_crl_text(const struct pki_crl *crl, int indent, int64_t now_ms, cr_buf *out)
{
    struct writer w = {.text = out, .indent = indent};
    cr_span list = crl->revoked;
    cr_span serial;
    write_crl(&w, crl, now_ms);
    while (next_revoked(&list, &serial)) {
        hex_line(&w, "  serial", NULL, serial);
    }
}

json_t *cli_cert_json(const struct pki_cert *cert)
{
    struct writer w = {.json = json_object()};
    (void)json_object_set_new(w.json, "type", json_string("certificate"));
    write_cert(&w, cert, 0);
    return w.json;
}

json_t *cli_crl_json(const struct pki_crl *crl)
{
    struct writer w = {.json = json_object()};
    json_t *serials = json_array();
    cr_span list = crl->revoked;
    cr_span serial;
    char hex[2 * PKI_MAX_SERIAL + 1];
    (void)json_object_set_new(w.json, "type", json_string("crl"));
    write_crl(&w, crl, 0);
    while (next_revoked(&list, &serial)) {
        (void)json_array_append_new(serials, json_string(cr_hex_into(hex, sizeof(hex), serial)));
    }
    (void)json_object_set_new(w.json, "revoked", serials);
    return w.json;
}
