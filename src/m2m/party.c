#include "m2m/party.h"

#include "base/file.h"
#include "base/text.h"
#include "pki/cert.h"
#include "pki/issue.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_CONFIG_FILE 1048576
#define MAX_URL         512

struct reader {
    struct m2m_parties *out;
    const char *dir; /* of the file, for relative paths */
    char problem[200];
};

static void problem(struct reader *r, const char *section, const char *setting, const char *what)
{
    if (!r->problem[0]) {
        (void)snprintf(r->problem, sizeof r->problem, "[%s] %s %s", section, setting, what);
    }
}

static const char *keep(struct reader *r, const char *value)
{
    const char *text = cr_arena_printf(&r->out->arena, "%s", value);
    if (!text) {
        problem(r, "", "", "does not fit into memory");
    }
    return text;
}

static const char *keep_path(struct reader *r, const char *value)
{
    const char *path =
        value[0] == '/' ? keep(r, value) : cr_arena_printf(&r->out->arena, "%s/%s", r->dir, value);
    return path ? path : keep(r, value);
}

static bool is_oid(const char *text)
{
    static const struct soap_row row = {.kind = SOAP_OID};
    cr_span s = cr_span_str(text);
    return soap_row_check(&row, &s) == NULL;
}

static bool is_url(const char *text)
{
    return (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://127.", 11) == 0) &&
           strlen(text) < MAX_URL && strpbrk(text, "?# \t") == NULL;
}

/* "operator, m2m-sp" */
static unsigned roles_of(const char *value)
{
    unsigned roles = 0;
    while (*value) {
        size_t n = strcspn(value, " \t,");
        if (n) {
            enum soap_party role = soap_party_from_name(cr_span_of(value, n));
            if (!role) {
                return 0;
            }
            roles |= role;
        }
        value += n + (value[n] ? 1 : 0);
    }
    return roles;
}

static cr_status read_certificate(struct reader *r, const char *path, cr_span *out)
{
    cr_buf text = {0}, der = {0};
    struct cr_err err = {0};
    struct pki_cert cert;
    cr_status status = cr_file_read(path, (size_t)4 * PKI_MAX_CERT, &text, &err);
    if (status == CR_OK && text.n && text.p[0] == '-') {
        status = pki_pem_decode(cr_buf_span(&text), "CERTIFICATE", &der, &err);
    } else if (status == CR_OK) {
        cr_buf_append_span(&der, cr_buf_span(&text));
    }
    if (status == CR_OK) {
        status = pki_cert_decode(cr_buf_span(&der), &cert, &err);
    }
    if (status == CR_OK) {
        *out = cr_arena_copy(&r->out->arena, cr_buf_span(&der));
        status = out->p ? CR_OK : cr_fail_memory(&err);
    }
    cr_buf_free(&text);
    cr_buf_free(&der);
    if (status != CR_OK && !r->problem[0]) {
        (void)snprintf(r->problem, sizeof r->problem, "certificate %.100s: %.80s", path, err.cause);
    }
    return status;
}

static bool set_self(struct reader *r, const char *name, const char *value)
{
    struct m2m_parties *p = r->out;
    if (strcmp(name, "oid") == 0) {
        p->oid = is_oid(value) ? keep(r, value) : NULL;
        return p->oid != NULL;
    }
    if (strcmp(name, "role") == 0) {
        p->role = soap_party_from_name(cr_span_str(value));
        return p->role != 0;
    }
    if (strcmp(name, "address") == 0) {
        p->address = is_url(value) ? keep(r, value) : NULL;
        return p->address != NULL;
    }
    const struct {
        const char *name;
        const char **where;
        bool path;
    } texts[] = {{"name", &p->name, false},
                 {"tls-cert", &p->tls_cert, true},
                 {"tls-key", &p->tls_key, true},
                 {"client-ca", &p->client_ca, true}};
    for (size_t i = 0; i < CR_COUNT(texts); i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].where = texts[i].path ? keep_path(r, value) : keep(r, value);
            return true;
        }
    }
    return false;
}

static struct m2m_party *party_of_section(struct reader *r, const char *section)
{
    struct m2m_parties *p = r->out;
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->parties[i].name, section) == 0) {
            return &p->parties[i];
        }
    }
    if (p->count == M2M_MAX_PARTIES) {
        problem(r, section, "", "is one party too many");
        return NULL;
    }
    if (!p->parties) {
        p->parties = cr_arena_alloc_array(&p->arena, M2M_MAX_PARTIES, sizeof *p->parties);
    }
    const char *name = keep(r, section);
    if (!p->parties || !name) {
        return NULL;
    }
    p->parties[p->count].name = name;
    return &p->parties[p->count++];
}

static bool set_url(struct reader *r, struct m2m_party *party, const char *name, const char *value)
{
    if (!is_url(value)) {
        return false;
    }
    if (strcmp(name, "url") == 0) {
        party->url = keep(r, value);
        return true;
    }
    enum soap_interface interface = soap_interface_from_name(cr_span_str(name + 4));
    if (name[3] != '.' || !interface) {
        return false;
    }
    party->urls[interface] = keep(r, value);
    return true;
}

static bool set_party(struct reader *r, struct m2m_party *party, const char *name,
                      const char *value)
{
    if (strncmp(name, "url", 3) == 0) {
        return set_url(r, party, name, value);
    }
    if (strcmp(name, "oid") == 0 || strcmp(name, "through") == 0) {
        if (!is_oid(value)) {
            return false;
        }
        *(name[0] == 'o' ? &party->oid : &party->through) = keep(r, value);
        return true;
    }
    if (strcmp(name, "role") == 0) {
        party->roles = roles_of(value);
        return party->roles != 0;
    }
    if (strcmp(name, "certificate") == 0) {
        return read_certificate(r, keep_path(r, value), &party->certificate) == CR_OK;
    }
    if (strcmp(name, "eum-certificate") == 0) {
        return read_certificate(r, keep_path(r, value), &party->eum_certificate) == CR_OK;
    }
    if (strcmp(name, "transport-key") == 0) {
        party->transport_key = keep_path(r, value);
        return true;
    }
    if (strcmp(name, "subject") == 0) {
        party->subject = keep(r, value);
        return true;
    }
    if (strcmp(name, "ca") == 0) {
        party->ca = keep_path(r, value);
        return true;
    }
    if (strcmp(name, "group") == 0) {
        party->dialect.group = keep(r, value);
        return true;
    }
    if (strcmp(name, "call-identifiers") == 0) {
        party->free_calls = strcmp(value, "free") == 0;
        return party->free_calls || strcmp(value, "unique") == 0;
    }
    return false;
}

static int on_setting(void *ctx, const char *section, const char *name, const char *value)
{
    static const char prefix[] = "party ";
    struct reader *r = ctx;
    bool good = false;
    if (strcmp(section, "self") == 0) {
        good = set_self(r, name, value);
    } else if (strncmp(section, prefix, sizeof prefix - 1) == 0) {
        struct m2m_party *party = party_of_section(r, section + sizeof prefix - 1);
        good = party && set_party(r, party, name, value);
    }
    if (!good) {
        problem(r, section, name, "is no setting, or its value is wrong");
    }
    return good;
}

/* What is missing, once all is read. */
static void check_complete(struct reader *r)
{
    const struct m2m_parties *p = r->out;
    if (!p->oid || !p->role || !p->address || !p->tls_cert || !p->tls_key || !p->client_ca) {
        problem(r, "self", "needs oid, role, address, tls-cert, tls-key and client-ca", "");
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct m2m_party *party = &p->parties[i];
        if (!party->oid || !party->roles) {
            problem(r, party->name, "needs oid and role", "");
        }
        if (!party->certificate.p && !party->subject) {
            problem(r, party->name, "needs certificate or subject", "");
        }
        for (size_t k = 0; k < i && party->oid; k++) {
            if (p->parties[k].oid && strcmp(p->parties[k].oid, party->oid) == 0) {
                problem(r, party->name, "oid", "is that of another party");
            }
        }
    }
}

cr_status m2m_parties_load(const char *path, struct m2m_parties *out, struct cr_err *err)
{
    cr_buf text = {0};
    *out = (struct m2m_parties){0};
    CR_TRY(cr_file_read(path, MAX_CONFIG_FILE, &text, err));
    const char *slash = strrchr(path, '/');
    const char *dir = slash ? cr_arena_printf(&out->arena, "%.*s", (int)(slash - path), path) : ".";
    struct reader r = {.out = out, .dir = dir ? dir : "."};
    const char *ini = cr_buf_cstr(&text);
    int line = ini ? ini_parse_string(ini, on_setting, &r) : -1;
    cr_buf_free(&text);
    if (line == 0) {
        check_complete(&r);
    }
    if (line != 0 || r.problem[0]) {
        m2m_parties_free(out);
        return line > 0 ? cr_fail(err, CR_REFUSED, NULL, "%s, line %d: %s", path, line, r.problem)
                        : cr_fail(err, CR_REFUSED, NULL, "%s: %s", path, r.problem);
    }
    return CR_OK;
}

void m2m_parties_free(struct m2m_parties *parties)
{
    if (parties) {
        cr_arena_free(&parties->arena);
        *parties = (struct m2m_parties){0};
    }
}

const struct m2m_party *m2m_party_by_oid(const struct m2m_parties *parties, cr_span oid)
{
    for (size_t i = 0; i < parties->count; i++) {
        if (cr_span_equal(cr_span_str(parties->parties[i].oid), oid)) {
            return &parties->parties[i];
        }
    }
    return NULL;
}

const struct m2m_party *m2m_party_named(const struct m2m_parties *parties, const char *name)
{
    for (size_t i = 0; i < parties->count; i++) {
        if (strcmp(parties->parties[i].name, name) == 0) {
            return &parties->parties[i];
        }
    }
    return m2m_party_by_oid(parties, cr_span_str(name));
}

const struct m2m_party *m2m_party_of_certificate(const struct m2m_parties *parties, cr_span der)
{
    struct pki_cert cert;
    if (!der.p || pki_cert_decode(der, &cert, NULL) != CR_OK) {
        return NULL;
    }
    const struct m2m_party *found = NULL;
    for (size_t i = 0; i < parties->count; i++) {
        const struct m2m_party *party = &parties->parties[i];
        if (party->certificate.p ? cr_span_equal(party->certificate, der)
                                 : cr_span_equal(cr_span_str(party->subject), cert.subject_cn)) {
            /* One that names the certificate itself wins over one that names a subject. */
            if (party->certificate.p) {
                return party;
            }
            found = found ? found : party;
        }
    }
    return found;
}

const char *m2m_party_url(const struct m2m_party *party, enum soap_interface interface)
{
    const char *own = interface < M2M_MAX_INTERFACES ? party->urls[interface] : NULL;
    return own ? own : party->url;
}

cr_status m2m_party_transport_key(const struct m2m_party *party, uint8_t out[M2M_TRANSPORT_KEY],
                                  struct cr_err *err)
{
    if (!party->transport_key) {
        return cr_err_next(err,
                           cr_refuse(err, "8.4", "4.2", "SGP.02 5.2.1",
                                     "no transport key is agreed with %s", party->name),
                           "Add transport-key = FILE to [party %s] of the configuration.",
                           party->name);
    }
    cr_buf text = {.secret = true}, key = {.secret = true};
    cr_status status = cr_file_read(party->transport_key, 256, &text, err);
    if (status == CR_OK) {
        status = cr_hex_decode(&key, cr_buf_span(&text), err);
    }
    if (status == CR_OK && key.n != M2M_TRANSPORT_KEY) {
        status = cr_fail(err, CR_MALFORMED, NULL, "%s does not hold %d hex digits",
                         party->transport_key, 2 * M2M_TRANSPORT_KEY);
    }
    if (status == CR_OK) {
        memcpy(out, key.p, M2M_TRANSPORT_KEY);
    }
    cr_buf_free(&text);
    cr_buf_free(&key);
    return status;
}
