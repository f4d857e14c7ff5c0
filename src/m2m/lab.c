#include "m2m/lab.h"

#include "base/file.h"
#include "base/text.h"
#include "pki/hierarchy.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PATH 4096
#define MAX_NAME 64 /* of a file */
#define MAX_HOST 200
#define MODE_INI 0644U
#define MODE_KEY 0600U

#define EUM_CERTIFICATE "eum-certificate.der"

static const struct m2m_lab_party usual[M2M_LAB_PARTIES] = {
    {"eum", "EUM", SOAP_EUM, PKI_DEFAULT_EUM_OID, M2M_LAB_HOST, 0},
    {"operator-a", "Operator A", SOAP_OPERATOR, "2.999.101", M2M_LAB_HOST, 0},
    {"operator-b", "Operator B", SOAP_OPERATOR, "2.999.102", M2M_LAB_HOST, 0},
    {"m2m-sp", "M2M SP", SOAP_M2MSP, "2.999.103", M2M_LAB_HOST, 0},
    {"smdp", "SM-DP", SOAP_SMDP, "2.999.110", M2M_LAB_HOST, 0},
    {"smsr-1", "SM-SR 1", SOAP_SMSR, "2.999.121", M2M_LAB_HOST, 0},
    {"smsr-2", "SM-SR 2", SOAP_SMSR, "2.999.122", M2M_LAB_HOST, 0},
};

struct m2m_lab m2m_lab_usual(uint16_t first_port)
{
    struct m2m_lab lab = {.eum_certificate = {0}};
    uint16_t port = first_port ? first_port : M2M_LAB_FIRST_PORT;
    for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
        lab.parties[i] = usual[i];
        lab.parties[i].port = (uint16_t)(port + i);
    }
    return lab;
}

struct m2m_lab_party *m2m_lab_named(struct m2m_lab *lab, cr_span name)
{
    for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
        if (cr_span_equal(cr_span_str(lab->parties[i].name), name)) {
            return &lab->parties[i];
        }
    }
    return NULL;
}

/* --- is it one ---------------------------------------------------------------------------------
 */

static cr_status refuse(struct cr_err *err, const struct m2m_lab_party *party, const char *field,
                        const char *what)
{
    return cr_err_field(
        err, cr_fail(err, CR_REFUSED, NULL, "the %s of %s %s", field, party->name, what), field);
}

static cr_status check_party(const struct m2m_lab_party *p, struct cr_err *err)
{
    static const struct soap_row oid = {.kind = SOAP_OID};
    cr_span text = cr_span_str(p->oid);
    if (!p->oid || soap_row_check(&oid, &text)) {
        return refuse(err, p, "oid", "is no OID");
    }
    if (!p->host || !p->host[0] || strlen(p->host) > MAX_HOST) {
        return refuse(err, p, "host", "is missing or too long");
    }
    return p->port ? CR_OK : refuse(err, p, "port", "is missing");
}

static cr_status check_lab(const struct m2m_lab *lab, struct cr_err *err)
{
    for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
        const struct m2m_lab_party *p = &lab->parties[i];
        CR_TRY(check_party(p, err));
        for (size_t k = 0; k < i; k++) {
            const struct m2m_lab_party *other = &lab->parties[k];
            if (strcmp(p->oid, other->oid) == 0) {
                return refuse(err, p, "oid", "is that of another party");
            }
            if (p->port == other->port && strcmp(p->host, other->host) == 0) {
                return refuse(err, p, "port", "is that of another party");
            }
        }
    }
    return CR_OK;
}

/* --- certificates ------------------------------------------------------------------------------
 */

static cr_status make_certificates(const char *dir, const struct m2m_lab *lab, const cr_env *env,
                                   struct cr_err *err)
{
    const struct pki_request ca = {.role = PKI_ROLE_CI,
                                   .common_name = "CA of the M2M parties",
                                   .organization = "crisp lab",
                                   .registered_id = PKI_DEFAULT_CI_OID};
    CR_TRY(pki_hierarchy_make_ci(dir, CRYPTO_P256, &ca, env, err));
    for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
        const struct m2m_lab_party *p = &lab->parties[i];
        const char *const names[] = {p->host, NULL};
        const struct pki_request request = {.operator_tls = true,
                                            .common_name = p->title,
                                            .organization = "crisp lab",
                                            .dns_names = names};
        cr_status status =
            pki_hierarchy_issue_files(dir, CRYPTO_P256, p->name, &request, NULL, false, env, err);
        if (status != CR_OK) {
            return cr_err_context(err, status, "%s", p->name);
        }
    }
    return CR_OK;
}

static cr_status write_file(const char *dir, const char *name, cr_span content, mode_t mode,
                            struct cr_err *err)
{
    char path[MAX_PATH];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
    return n < 0 || n >= MAX_PATH ? cr_fail(err, CR_REFUSED, NULL, "the path is too long")
                                  : cr_file_write(path, content, mode, err);
}

/* --- what the EUM and the SM-SRs agreed on -----------------------------------------------------
 */

static void transport_file(const struct m2m_lab_party *smsr, char out[MAX_NAME])
{
    (void)snprintf(out, MAX_NAME, "transport-%s.key", smsr->name);
}

static cr_status make_transport_key(const char *dir, const struct m2m_lab_party *smsr,
                                    const cr_env *env, struct cr_err *err)
{
    uint8_t key[M2M_TRANSPORT_KEY];
    char name[MAX_NAME];
    cr_buf text = {.secret = true};
    transport_file(smsr, name);
    cr_status status = cr_random(env, key, sizeof key, err);
    if (status == CR_OK) {
        cr_hex_append(&text, CR_SPAN_ARRAY(key));
        cr_buf_append_byte(&text, '\n');
        status = cr_buf_ok(&text) ? write_file(dir, name, cr_buf_span(&text), MODE_KEY, err)
                                  : cr_fail_memory(err);
    }
    cr_wipe(key, sizeof key);
    cr_buf_free(&text);
    return status;
}

static cr_status make_agreements(const char *dir, const struct m2m_lab *lab, const cr_env *env,
                                 struct cr_err *err)
{
    for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
        if (lab->parties[i].role == SOAP_SMSR) {
            CR_TRY(make_transport_key(dir, &lab->parties[i], env, err));
        }
    }
    return lab->eum_certificate.n
               ? write_file(dir, EUM_CERTIFICATE, lab->eum_certificate, MODE_INI, err)
               : CR_OK;
}

/* --- files of parties --------------------------------------------------------------------------
 */

static void put_url(cr_buf *out, const char *setting, const struct m2m_lab_party *p)
{
    bool bare = strchr(p->host, ':') != NULL; /* an IPv6 address */
    cr_buf_appendf(out, "%s = https://%s%s%s:%u/\n", setting, bare ? "[" : "", p->host,
                   bare ? "]" : "", p->port);
}

static void put_self(cr_buf *out, const struct m2m_lab_party *p)
{
    const char *curve = pki_hierarchy_curve_dir(CRYPTO_P256);
    cr_buf_appendf(out, "[self]\noid = %s\nname = %s\nrole = %s\n", p->oid, p->title,
                   soap_party_name(p->role));
    put_url(out, "address", p);
    cr_buf_appendf(out,
                   "tls-cert = %s/%s.der\ntls-key = %s/%s.key\n"
                   "client-ca = %s/ci.der\n",
                   curve, p->name, curve, p->name, curve);
}

static void put_peer(cr_buf *out, const struct m2m_lab_party *p)
{
    cr_buf_appendf(out, "\n[party %s]\noid = %s\nrole = %s\ncertificate = %s/%s.der\n", p->name,
                   p->oid, soap_party_name(p->role), pki_hierarchy_curve_dir(CRYPTO_P256), p->name);
    put_url(out, "url", p);
}

/* What registering a chip needs, at both ends. */
static void put_agreement(cr_buf *out, const struct m2m_lab *lab, const struct m2m_lab_party *self,
                          const struct m2m_lab_party *p)
{
    char name[MAX_NAME];
    const bool at_smsr = self->role == SOAP_SMSR && p->role == SOAP_EUM;
    const bool at_eum = self->role == SOAP_EUM && p->role == SOAP_SMSR;
    if (at_smsr && lab->eum_certificate.n) {
        cr_buf_append_str(out, "eum-certificate = " EUM_CERTIFICATE "\n");
    }
    if (at_smsr || at_eum) {
        transport_file(at_smsr ? self : p, name);
        cr_buf_appendf(out, "transport-key = %s\n", name);
    }
}

static cr_status write_ini(const char *dir, const struct m2m_lab *lab, size_t self,
                           struct cr_err *err)
{
    char name[MAX_NAME];
    cr_buf text = {0};
    (void)snprintf(name, sizeof(name), "%s.ini", lab->parties[self].name);
    put_self(&text, &lab->parties[self]);
    for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
        if (i != self) {
            put_peer(&text, &lab->parties[i]);
            put_agreement(&text, lab, &lab->parties[self], &lab->parties[i]);
        }
    }
    cr_status status = cr_buf_ok(&text) ? write_file(dir, name, cr_buf_span(&text), MODE_INI, err)
                                        : cr_fail_memory(err);
    cr_buf_free(&text);
    return status;
}

/* --- made aside --------------------------------------------------------------------------------
 */

/* The files of a directory, and the directory. */
static void drop_dir(const char *dir)
{
    char path[MAX_PATH];
    DIR *list = opendir(dir);
    const struct dirent *entry;
    while (list && (entry = readdir(list)) != NULL) {
        int n = snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        if (n > 0 && n < MAX_PATH && entry->d_name[0] != '.') {
            (void)unlink(path); /* fails for directories */
        }
    }
    if (list) {
        (void)closedir(list);
    }
    (void)rmdir(dir);
}

static void drop_draft(const char *draft)
{
    char path[MAX_PATH];
    int n = snprintf(path, sizeof(path), "%s/%s", draft, pki_hierarchy_curve_dir(CRYPTO_P256));
    if (n > 0 && n < MAX_PATH) {
        drop_dir(path);
    }
    drop_dir(draft);
}

static cr_status fill(const char *draft, const struct m2m_lab *lab, const cr_env *env,
                      struct cr_err *err)
{
    CR_TRY(make_certificates(draft, lab, env, err));
    CR_TRY(make_agreements(draft, lab, env, err));
    for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
        CR_TRY(write_ini(draft, lab, i, err));
    }
    return CR_OK;
}

cr_status m2m_lab_make(const char *dir, const struct m2m_lab *lab, const cr_env *env,
                       struct cr_err *err)
{
    char draft[MAX_PATH];
    size_t length = strlen(dir);
    while (length > 1 && dir[length - 1] == '/') {
        length--;
    }
    CR_TRY(check_lab(lab, err));
    if (cr_file_exists(dir)) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "%.200s is there already", dir);
        return cr_err_next(err, status, "name another directory, or remove it");
    }
    int n = snprintf(draft, sizeof(draft), "%.*s.new.XXXXXX", (int)length, dir);
    if (n < 0 || n >= MAX_PATH) {
        return cr_fail(err, CR_REFUSED, NULL, "the path is too long");
    }
    if (!mkdtemp(draft)) {
        return cr_fail(err, CR_RESOURCE, NULL, "cannot make %.180s: %s", dir, strerror(errno));
    }
    cr_status status = fill(draft, lab, env, err);
    if (status == CR_OK && rename(draft, dir) != 0) {
        status = cr_fail(err, CR_RESOURCE, NULL, "cannot make %.180s: %s", dir, strerror(errno));
    }
    if (status != CR_OK) {
        drop_draft(draft);
    }
    return status;
}
