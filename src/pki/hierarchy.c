#include "pki/hierarchy.h"

#include "base/file.h"
#include "pki/hierarchy_files.h"
#include "pki/parts.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_PATH    PKI_MAX_PATH
#define MAX_NAME    64
#define DAY_MS      PKI_DAY_MS
#define CRL_DAYS    365
#define BACKDATE_MS ((int64_t)3600 * 1000) /* clocks of peers may be a little late */
#define MAX_REVOKED 100000
#define MODE_KEY    PKI_MODE_KEY
#define MODE_PUBLIC PKI_MODE_PUBLIC

static const char *const curve_dirs[CRYPTO_CURVES] = {
    [CRYPTO_P256] = "nist",
    [CRYPTO_BRAINPOOL] = "brainpool",
};

const char *pki_hierarchy_curve_dir(enum crypto_curve curve)
{
    return (unsigned)curve < CRYPTO_CURVES ? curve_dirs[curve] : NULL;
}

/* --- files -------------------------------------------------------------------------------------
 */

cr_status pki_hierarchy_path(char out[MAX_PATH], const char *dir, enum crypto_curve curve,
                             const char *name, const char *suffix, struct cr_err *err)
{
    const char *sub = pki_hierarchy_curve_dir(curve);
    if (!sub || !name || !*name || *name == '.' || strlen(name) > MAX_NAME || strchr(name, '/')) {
        return cr_fail(err, CR_REFUSED, NULL, "not a usable curve or name in a hierarchy");
    }
    int n = snprintf(out, MAX_PATH, "%s/%s/%s%s", dir, sub, name, suffix);
    return n > 0 && n < MAX_PATH ? CR_OK : cr_fail(err, CR_REFUSED, NULL, "the path is too long");
}

cr_status pki_hierarchy_write_key(const char *path, const struct crypto_private *key,
                                  struct cr_err *err)
{
    cr_buf pem = {.secret = true};
    cr_status status = crypto_private_pem(key, &pem, err);
    if (status == CR_OK) {
        status = cr_file_write(path, cr_buf_span(&pem), MODE_KEY, err);
    }
    cr_buf_free(&pem);
    return status;
}

cr_status pki_hierarchy_write_pair(const char *dir, enum crypto_curve curve, const char *name,
                                   cr_span cert, const struct crypto_private *key,
                                   struct cr_err *err)
{
    char path[MAX_PATH];
    /* The key first: a certificate without its key is of no use to anybody. */
    CR_TRY(pki_hierarchy_path(path, dir, curve, name, ".key", err));
    CR_TRY(pki_hierarchy_write_key(path, key, err));
    CR_TRY(pki_hierarchy_path(path, dir, curve, name, ".der", err));
    return cr_file_write(path, cert, MODE_PUBLIC, err);
}

bool pki_hierarchy_has(const char *dir, enum crypto_curve curve)
{
    char path[MAX_PATH];
    return pki_hierarchy_path(path, dir, curve, "ci", ".der", NULL) == CR_OK &&
           cr_file_exists(path);
}

cr_status pki_hierarchy_absent(const char *dir, struct cr_err *err)
{
    cr_status status = cr_dir_look(dir, err);
    if (status == CR_OK) {
        status = cr_fail(err, CR_RESOURCE, NULL, "there is no CI in %s", dir);
    }
    return cr_err_advise(err, status, "make a set with 'crisp pki init %s'", dir);
}

static cr_status load_key(const char *path, struct pki_key **key, struct cr_err *err)
{
    cr_status status = pki_key_open_file(path, key, err);
    return status == CR_OK ? CR_OK
                           : cr_err_advise(err, status, "make the set anew with 'crisp pki init'");
}

cr_status pki_hierarchy_load(const char *dir, enum crypto_curve curve, const char *name,
                             cr_arena *arena, struct pki_cert *cert, struct pki_key **key,
                             struct cr_err *err)
{
    char path[MAX_PATH];
    struct pki_cert loaded;
    struct pki_key *opened;
    if (cert) {
        CR_TRY(pki_hierarchy_path(path, dir, curve, name, ".der", err));
        cr_status status = pki_cert_load(path, arena, &loaded, err);
        if (status != CR_OK) {
            return cr_err_advise(err, status, "make the set anew with 'crisp pki init'");
        }
    }
    if (key) {
        CR_TRY(pki_hierarchy_path(path, dir, curve, name, ".key", err));
        CR_TRY(load_key(path, &opened, err));
        if (cert && !cr_span_equal(pki_key_point(opened), loaded.point)) {
            pki_key_free(opened);
            return cr_fail(err, CR_REFUSED, NULL, "%s is not the key of the certificate beside it",
                           path);
        }
        *key = opened;
    }
    if (cert) {
        *cert = loaded;
    }
    return CR_OK;
}

/* Appends the DER of DIR/<curve>/<name><suffix>. */
static cr_status read_der(const char *dir, enum crypto_curve curve, const char *name,
                          const char *suffix, const char *label, cr_buf *out, struct cr_err *err)
{
    char path[MAX_PATH];
    cr_buf file = {0};
    CR_TRY(pki_hierarchy_path(path, dir, curve, name, suffix, err));
    cr_status status = cr_file_read(path, PKI_MAX_CRL, &file, err);
    if (status == CR_OK) {
        status = pki_pem_decode(cr_buf_span(&file), label, out, err);
    }
    cr_buf_free(&file);
    return status;
}

static cr_status trust_curve(const char *dir, enum crypto_curve curve, struct pki_trust *trust,
                             struct cr_err *err)
{
    char path[MAX_PATH];
    cr_buf der = {0};
    cr_status status = read_der(dir, curve, "ci", ".der", "CERTIFICATE", &der, err);
    if (status == CR_OK) {
        status = pki_trust_add_ci(trust, cr_buf_span(&der), err);
    }
    if (status == CR_OK) {
        status = pki_hierarchy_path(path, dir, curve, "ci", ".crl", err);
    }
    if (status == CR_OK && cr_file_exists(path)) {
        cr_buf_reset(&der);
        status = read_der(dir, curve, "ci", ".crl", "X509 CRL", &der, err);
        if (status == CR_OK) {
            status = pki_trust_add_crl(trust, cr_buf_span(&der), err);
        }
    }
    cr_buf_free(&der);
    return status;
}

cr_status pki_hierarchy_trust(const char *dir, struct pki_trust *trust, struct cr_err *err)
{
    size_t found = 0;
    for (int c = 1; c < CRYPTO_CURVES; c++) {
        if (pki_hierarchy_has(dir, (enum crypto_curve)c)) {
            CR_TRY(trust_curve(dir, (enum crypto_curve)c, trust, err));
            found++;
        }
    }
    return found > 0 ? CR_OK : pki_hierarchy_absent(dir, err);
}

/* --- issuing -----------------------------------------------------------------------------------
 */

static int64_t role_days(enum pki_role role)
{
    switch (role) {
    case PKI_ROLE_NONE:
    case PKI_ROLE_DP_TLS:
    case PKI_ROLE_DS_TLS:
        return PKI_DAYS_TLS;
    case PKI_ROLE_EUICC:
        return PKI_DAYS_EUICC;
    case PKI_ROLE_CI:
    case PKI_ROLE_CI_SUBCA:
    case PKI_ROLE_EUM:
    case PKI_ROLE_EUM_SUBCA:
    case PKI_ROLE_DP_SUBCA:
    case PKI_ROLE_DP_AUTH:
    case PKI_ROLE_DP_PB:
    case PKI_ROLE_DS_SUBCA:
    case PKI_ROLE_DS_AUTH:
    case PKI_ROLES:
        break;
    }
    return PKI_DAYS_LONG;
}

void pki_hierarchy_set_validity(struct pki_request *r, const struct pki_cert *issuer,
                                const cr_env *env)
{
    if (r->not_before_ms == 0) {
        r->not_before_ms = (cr_now_ms(env) - BACKDATE_MS) / 1000 * 1000;
    }
    if (r->not_after_ms == 0) {
        /* both ends belong to the period */
        r->not_after_ms = r->not_before_ms + role_days(r->role) * DAY_MS - 1000;
        /* A certificate that outlives its CI promises too much; that of a chip is for ever anyhow
         * (SGP.26 does the same). */
        if (issuer && r->role != PKI_ROLE_EUICC && r->not_after_ms > issuer->not_after_ms) {
            r->not_after_ms = issuer->not_after_ms;
        }
    }
}

/* Would a verifier who trusts the issuer believe it? */
static cr_status check_believed(const struct pki_cert *chain, size_t count,
                                const struct pki_cert *issuer, const struct pki_request *r,
                                struct cr_err *err)
{
    struct pki_trust *trust = pki_trust_new();
    if (!trust) {
        return cr_fail_memory(err);
    }
    struct pki_expect expect = {.role = r->role};
    cr_status status = pki_trust_add_ci(trust, issuer->raw, err);
    if (status == CR_OK) {
        status = pki_chain_verify(trust, chain, count, &expect, NULL, NULL, err);
    }
    pki_trust_free(trust);
    return status;
}

struct issuing {
    const char *dir;
    enum crypto_curve curve;
    struct pki_request request;
    struct pki_cert chain[2]; /* the new one, its issuer */
    struct pki_cert ci;
    struct pki_key *issuer_key;
    cr_arena arena;
    bool under_ci;
};

static cr_status open_issuer(struct issuing *i, const char *issuer_name, struct cr_err *err)
{
    const char *name = issuer_name ? issuer_name : i->request.role == PKI_ROLE_EUICC ? "eum" : "ci";
    i->under_ci = strcmp(name, "ci") == 0;
    if (!cr_file_exists(i->dir)) {
        return pki_hierarchy_absent(i->dir, err);
    }
    CR_TRY(
        pki_hierarchy_load(i->dir, i->curve, name, &i->arena, &i->chain[1], &i->issuer_key, err));
    return pki_hierarchy_load(i->dir, i->curve, "ci", &i->arena, &i->ci, NULL, err);
}

static cr_status set_eum_organization(struct issuing *i, struct cr_err *err)
{
    const struct pki_cert *eum = &i->chain[1];
    cr_span o = cr_span_present(eum->permitted_o) ? eum->permitted_o : eum->subject_o;
    if (i->request.role == PKI_ROLE_EUICC && !i->request.organization && cr_span_present(o)) {
        i->request.organization = cr_arena_strn(&i->arena, o);
        return i->request.organization ? CR_OK : cr_fail_memory(err);
    }
    return CR_OK;
}

cr_status pki_hierarchy_check_valid(const char *dir, const struct pki_cert *issuer,
                                    const cr_env *env, struct cr_err *err)
{
    int64_t now = cr_now_ms(env);
    bool early = now < issuer->not_before_ms;
    if (!early && now <= issuer->not_after_ms) {
        return CR_OK;
    }
    cr_status status =
        cr_fail(err, CR_REFUSED, "SGP.22 4.5.2.2", "the %s of %s %s", pki_role_name(issuer->role),
                dir, early ? "is not valid yet" : "has expired");
    return cr_err_next(err, status,
                       "check this machine's clock; else make a new set with 'crisp pki init'");
}

static cr_status issue_checked(struct issuing *i, const struct crypto_private *key,
                               const cr_env *env, cr_buf *der, struct cr_err *err)
{
    uint8_t point[CRYPTO_POINT];
    crypto_private_point(key, point);
    CR_TRY(pki_hierarchy_check_valid(i->dir, &i->chain[1], env, err));
    CR_TRY(pki_hierarchy_check_valid(i->dir, &i->ci, env, err));
    pki_hierarchy_set_validity(&i->request, &i->chain[1], env);
    CR_TRY(set_eum_organization(i, err));
    CR_TRY(pki_issue(&i->request, i->curve, CR_SPAN_ARRAY(point), &i->chain[1], i->issuer_key, env,
                     der, err));
    CR_TRY(pki_cert_decode(cr_buf_span(der), &i->chain[0], err));
    bool direct = cr_span_equal(i->chain[1].aki, i->ci.ski) || i->under_ci;
    if (!direct) {
        return CR_OK; /* deeper: the certificates between are not kept by name */
    }
    return check_believed(i->chain, i->under_ci ? 1 : 2, &i->ci, &i->request, err);
}

static void issuing_end(struct issuing *i)
{
    pki_key_free(i->issuer_key);
    cr_arena_free(&i->arena);
}

cr_status pki_hierarchy_issue(const char *dir, enum crypto_curve curve,
                              const struct pki_request *request, const char *issuer_name,
                              const cr_env *env, cr_buf *cert_der, struct crypto_private **key,
                              struct cr_err *err)
{
    struct issuing i = {.dir = dir, .curve = curve, .request = *request};
    struct crypto_private *fresh = NULL;
    cr_buf der = {0};
    cr_status status = open_issuer(&i, issuer_name, err);
    if (status == CR_OK) {
        status = crypto_private_generate(curve, &fresh, err);
    }
    if (status == CR_OK) {
        status = issue_checked(&i, fresh, env, &der, err);
    }
    if (status == CR_OK && cert_der) {
        cr_buf_append_span(cert_der, cr_buf_span(&der));
        status = cr_buf_ok(cert_der) ? CR_OK : cr_fail_memory(err);
    }
    if (status == CR_OK && key) {
        *key = fresh;
        fresh = NULL;
    }
    crypto_private_free(fresh);
    cr_buf_free(&der);
    issuing_end(&i);
    return status;
}

cr_status pki_hierarchy_issue_files(const char *dir, enum crypto_curve curve, const char *name,
                                    const struct pki_request *request, const char *issuer_name,
                                    bool force, const cr_env *env, struct cr_err *err)
{
    char path[MAX_PATH];
    CR_TRY(pki_hierarchy_path(path, dir, curve, name, PKI_GP_SUFFIX, err));
    if (cr_file_exists(path)) {
        return cr_fail(err, CR_REFUSED, NULL, "%s is there, a GlobalPlatform certificate", path);
    }
    CR_TRY(pki_hierarchy_path(path, dir, curve, name, ".der", err));
    if (!force && cr_file_exists(path)) {
        return cr_fail(err, CR_REFUSED, NULL, "%s is there already", path);
    }
    struct crypto_private *key = NULL;
    cr_buf der = {0};
    cr_status status = pki_hierarchy_issue(dir, curve, request, issuer_name, env, &der, &key, err);
    if (status == CR_OK) {
        status = pki_hierarchy_write_pair(dir, curve, name, cr_buf_span(&der), key, err);
    }
    crypto_private_free(key);
    cr_buf_free(&der);
    return status;
}

cr_status pki_issue_euicc(const char *dir, enum crypto_curve curve, const char *eid,
                          const cr_env *env, cr_buf *cert_der, cr_buf *eum_der,
                          struct crypto_private **key, struct cr_err *err)
{
    const struct pki_request request = {.role = PKI_ROLE_EUICC, .common_name = "eUICC", .eid = eid};
    if (eum_der) {
        CR_TRY(read_der(dir, curve, "eum", ".der", "CERTIFICATE", eum_der, err));
    }
    return pki_hierarchy_issue(dir, curve, &request, NULL, env, cert_der, key, err);
}

/* --- CRL ---------------------------------------------------------------------------------------
 */

struct crl_list {
    cr_span *serials;
    size_t count, cap;
    uint64_t number;
};

static bool crl_list_add(struct crl_list *list, cr_span serial)
{
    for (size_t i = 0; i < list->count; i++) {
        if (cr_span_equal(list->serials[i], serial)) {
            return true;
        }
    }
    if (list->count == list->cap) {
        return false;
    }
    list->serials[list->count++] = serial;
    return true;
}

static cr_status crl_list_old(struct crl_list *list, const struct pki_crl *old, struct cr_err *err)
{
    cr_span left = old->revoked, serial;
    bool unknown = false;
    while (left.n > 0 && pki_crl_next(&left, &serial, &unknown)) {
        if (!crl_list_add(list, serial)) {
            return cr_fail(err, CR_INTERNAL, NULL, "the old CRL has more entries than it said");
        }
    }
    for (size_t i = 0; i < old->number.n; i++) {
        list->number = list->number << 8 | old->number.p[i];
    }
    return CR_OK;
}

static cr_status write_crl(const char *dir, enum crypto_curve curve, const struct crl_list *list,
                           const struct pki_cert *ci, const struct pki_key *key, const cr_env *env,
                           struct cr_err *err)
{
    char path[MAX_PATH];
    cr_buf der = {0};
    int64_t now = cr_now_ms(env) / 1000 * 1000;
    CR_TRY(pki_hierarchy_path(path, dir, curve, "ci", ".crl", err));
    cr_status status = pki_issue_crl(ci, key, list->serials, list->count, list->number + 1, now,
                                     now + CRL_DAYS * DAY_MS, &der, err);
    if (status == CR_OK) {
        status = cr_file_write(path, cr_buf_span(&der), MODE_PUBLIC, err);
    }
    cr_buf_free(&der);
    return status;
}

static cr_status revoke_with(const char *dir, enum crypto_curve curve, const struct pki_crl *old,
                             const cr_span *serials, size_t count, const struct pki_cert *ci,
                             const struct pki_key *key, const cr_env *env, struct cr_err *err)
{
    struct crl_list list = {.cap = old->revoked_count + count};
    if (list.cap > MAX_REVOKED) {
        return cr_fail(err, CR_REFUSED, NULL, "more than %d revoked certificates", MAX_REVOKED);
    }
    list.serials = calloc(list.cap + 1, sizeof(*list.serials));
    if (!list.serials) {
        return cr_fail_memory(err);
    }
    cr_status status = crl_list_old(&list, old, err);
    for (size_t i = 0; status == CR_OK && i < count; i++) {
        (void)crl_list_add(&list, serials[i]); /* cap has room for all */
    }
    if (status == CR_OK) {
        status = write_crl(dir, curve, &list, ci, key, env, err);
    }
    free(list.serials);
    return status;
}

cr_status pki_hierarchy_revoke(const char *dir, enum crypto_curve curve, const cr_span *serials,
                               size_t count, const cr_env *env, struct cr_err *err)
{
    cr_arena arena = {0};
    cr_buf old_der = {0};
    char path[MAX_PATH];
    struct pki_cert ci;
    struct pki_key *key = NULL;
    struct pki_crl old = {0};
    cr_status status = pki_hierarchy_path(path, dir, curve, "ci", ".crl", err);
    if (status == CR_OK) {
        status = pki_hierarchy_load(dir, curve, "ci", &arena, &ci, &key, err);
    }
    if (status == CR_OK && cr_file_exists(path)) {
        status = read_der(dir, curve, "ci", ".crl", "X509 CRL", &old_der, err);
        if (status == CR_OK) {
            status = pki_crl_decode(cr_buf_span(&old_der), &old, err);
        }
    }
    if (status == CR_OK) {
        status = revoke_with(dir, curve, &old, serials, count, &ci, key, env, err);
    }
    pki_key_free(key);
    cr_buf_free(&old_der);
    cr_arena_free(&arena);
    return status;
}
