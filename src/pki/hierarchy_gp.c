/* GlobalPlatform certificates in a hierarchy: issued under its CI and its EUM, kept as files. */
#include "pki/hierarchy_files.h"

#include "base/file.h"
#include "base/text.h"

#define SUFFIX    PKI_GP_SUFFIX
#define EID_BYTES 16

static cr_status check_together(const struct gpcert *cert, const struct pki_key *key,
                                const char *name, struct cr_err *err)
{
    return cr_span_equal(pki_key_point(key), cert->point)
               ? CR_OK
               : cr_fail(err, CR_REFUSED, NULL, "%s.key is not the key of %s" SUFFIX, name, name);
}

cr_status pki_gpcert_load(const char *path, cr_arena *arena, struct gpcert *out, struct cr_err *err)
{
    cr_buf file = {0};
    cr_status status = cr_file_read(path, GPCERT_MAX, &file, err);
    if (status == CR_OK) {
        cr_span kept = cr_arena_copy(arena, cr_buf_span(&file));
        status = cr_span_present(kept) ? gpcert_decode(kept, out, err) : cr_fail_memory(err);
        status = status == CR_OK ? CR_OK : cr_err_context(err, status, "%s", path);
    }
    cr_buf_free(&file);
    return status;
}

cr_status pki_hierarchy_load_gp(const char *dir, enum crypto_curve curve, const char *name,
                                cr_arena *arena, struct gpcert *cert, struct pki_key **key,
                                struct cr_err *err)
{
    char path[PKI_MAX_PATH];
    struct gpcert loaded;
    struct pki_key *opened = NULL;
    CR_TRY(pki_hierarchy_path(path, dir, curve, name, SUFFIX, err));
    cr_status status = pki_gpcert_load(path, arena, &loaded, err);
    if (status == CR_OK && key) {
        status = pki_hierarchy_path(path, dir, curve, name, ".key", err);
        if (status == CR_OK) {
            status = pki_key_open_file(path, &opened, err);
        }
        if (status == CR_OK) {
            status = check_together(&loaded, opened, name, err);
        }
    }
    if (status != CR_OK) {
        pki_key_free(opened);
        return cr_err_next(err, status,
                           "make the hierarchy with `crisp pki init`, a single certificate with "
                           "`crisp pki issue`");
    }
    *cert = loaded;
    if (key) {
        *key = opened;
    }
    return CR_OK;
}

/* --- issuing -----------------------------------------------------------------------------------
 */

/* 32 digits as 16 bytes, and in the range of the EUM. */
static cr_status read_eid(const char *text, const struct pki_cert *eum, uint8_t eid[EID_BYTES],
                          struct cr_err *err)
{
    cr_span digits = cr_span_str(text);
    cr_status status = CR_OK;
    if (!cr_is_digits(digits) || !cr_hex_fixed(eid, EID_BYTES, digits)) {
        status = cr_fail(err, CR_REFUSED, "SGP.02 2.3.2", "an ECASD needs an EID of 32 digits");
    } else if (!pki_eum_permits(eum, digits)) {
        status = cr_fail(err, CR_REFUSED, "SGP.02 2.3.2",
                         "the EID is outside of the range that the EUM may issue");
    }
    return status == CR_OK ? CR_OK : cr_err_field(err, status, "eid");
}

static void set_dates(const struct pki_gp_request *request, const struct pki_cert *issuer,
                      const cr_env *env, struct gpcert_request *r)
{
    r->effective =
        request->effective ? request->effective : gpcert_date(cr_now_ms(env) - PKI_DAY_MS);
    r->expiry = request->expiry;
    if (!r->expiry && request->role == GPCERT_ROLE_NONE) {
        r->expiry = GPCERT_FOREVER; /* that of a chip ends with the chip */
    } else if (!r->expiry) {
        int64_t end = cr_now_ms(env) + PKI_DAYS_LONG * PKI_DAY_MS;
        r->expiry = gpcert_date(end < issuer->not_after_ms ? end : issuer->not_after_ms);
    }
}

static cr_status issue_for(const struct pki_gp_request *request, const struct pki_cert *issuer,
                           const struct pki_key *issuer_key, enum crypto_curve curve,
                           const struct crypto_private *key, const cr_env *env, cr_buf *out,
                           struct cr_err *err)
{
    uint8_t point[CRYPTO_POINT];
    uint8_t eid[EID_BYTES];
    struct gpcert_request r = {.serial = request->serial, .role = request->role, .curve = curve};
    crypto_private_point(key, point);
    r.point = CR_SPAN_ARRAY(point);
    if (request->role == GPCERT_ROLE_NONE) {
        CR_TRY(read_eid(request->eid, issuer, eid, err));
        r.subject = CR_SPAN_ARRAY(eid);
    }
    set_dates(request, issuer, env, &r);
    CR_TRY(gpcert_request_issuer(&r, issuer, err));
    return gpcert_issue(&r, issuer_key, env, out, err);
}

cr_status pki_hierarchy_issue_gp(const char *dir, enum crypto_curve curve,
                                 const struct pki_gp_request *request, const cr_env *env,
                                 cr_buf *cert, struct crypto_private **key, struct cr_err *err)
{
    cr_arena arena = {0};
    struct pki_cert issuer;
    struct pki_key *issuer_key = NULL;
    struct crypto_private *fresh = NULL;
    cr_status status =
        pki_hierarchy_load(dir, curve, request->role == GPCERT_ROLE_NONE ? "eum" : "ci", &arena,
                           &issuer, &issuer_key, err);
    if (status == CR_OK) {
        status = pki_hierarchy_check_valid(dir, &issuer, env, err);
    }
    if (status == CR_OK) {
        status = crypto_private_generate(curve, &fresh, err);
    }
    if (status == CR_OK) {
        status = issue_for(request, &issuer, issuer_key, curve, fresh, env, cert, err);
    }
    if (status == CR_OK) {
        *key = fresh;
        fresh = NULL;
    }
    crypto_private_free(fresh);
    pki_key_free(issuer_key);
    cr_arena_free(&arena);
    return status;
}

cr_status pki_hierarchy_issue_gp_files(const char *dir, enum crypto_curve curve, const char *name,
                                       const struct pki_gp_request *request, bool force,
                                       const cr_env *env, struct cr_err *err)
{
    char cert_path[PKI_MAX_PATH];
    char key_path[PKI_MAX_PATH];
    struct crypto_private *key = NULL;
    cr_buf cert = {0};
    CR_TRY(pki_hierarchy_path(cert_path, dir, curve, name, ".der", err));
    if (cr_file_exists(cert_path)) {
        return cr_fail(err, CR_REFUSED, NULL, "%s is there, an X.509 certificate with its key",
                       cert_path);
    }
    CR_TRY(pki_hierarchy_path(cert_path, dir, curve, name, SUFFIX, err));
    CR_TRY(pki_hierarchy_path(key_path, dir, curve, name, ".key", err));
    if (!force && (cr_file_exists(cert_path) || cr_file_exists(key_path))) {
        return cr_fail(err, CR_REFUSED, NULL, "%s or its key is there already", cert_path);
    }
    cr_status status = pki_hierarchy_issue_gp(dir, curve, request, env, &cert, &key, err);
    if (status == CR_OK) {
        /* The key first: a certificate without its key is of no use to anybody. */
        status = pki_hierarchy_write_key(key_path, key, err);
    }
    if (status == CR_OK) {
        status = cr_file_write(cert_path, cr_buf_span(&cert), PKI_MODE_PUBLIC, err);
    }
    crypto_private_free(key);
    cr_buf_free(&cert);
    return status;
}
