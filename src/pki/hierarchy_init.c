/* A hierarchy as a whole: CI and everybody below it, made aside and then moved to its place. */
#include "pki/hierarchy_files.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PATH    PKI_MAX_PATH
#define MODE_PUBLIC PKI_MODE_PUBLIC

/* --- the whole set -----------------------------------------------------------------------------
 */

/* What was asked for, with the defaults put in. */
static struct pki_hierarchy_options with_defaults(const struct pki_hierarchy_options *options)
{
    struct pki_hierarchy_options o = {0};
    if (options) {
        o = *options;
    }
    const struct {
        const char **field, *value;
    } defaults[] = {
        {&o.dp_host, PKI_DEFAULT_DP_HOST},        {&o.ds_host, PKI_DEFAULT_DS_HOST},
        {&o.operator_name, PKI_DEFAULT_OPERATOR}, {&o.ein_prefix, PKI_DEFAULT_EIN_PREFIX},
        {&o.dp_oid, PKI_DEFAULT_DP_OID},          {&o.ds_oid, PKI_DEFAULT_DS_OID},
        {&o.eum_oid, PKI_DEFAULT_EUM_OID},        {&o.crl_url, PKI_DEFAULT_CRL_URL},
    };
    for (size_t i = 0; i < CR_COUNT(defaults); i++) {
        if (!*defaults[i].field) {
            *defaults[i].field = defaults[i].value;
        }
    }
    return o;
}

static cr_status make_curve_dir(const char *dir, enum crypto_curve curve, struct cr_err *err)
{
    char path[MAX_PATH];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, pki_hierarchy_curve_dir(curve));
    return n > 0 && n < MAX_PATH ? cr_dir_make(path, err)
                                 : cr_fail(err, CR_REFUSED, NULL, "the path is too long");
}

static cr_status write_ci(const char *dir, enum crypto_curve curve, struct pki_request *r,
                          const struct pki_key *key, const cr_env *env, struct cr_err *err)
{
    char path[MAX_PATH];
    cr_buf der = {0};
    CR_TRY(pki_hierarchy_path(path, dir, curve, "ci", ".der", err));
    pki_hierarchy_set_validity(r, NULL, env);
    cr_status status = pki_issue(r, curve, pki_key_point(key), NULL, key, env, &der, err);
    if (status == CR_OK) {
        status = cr_file_write(path, cr_buf_span(&der), MODE_PUBLIC, err);
    }
    cr_buf_free(&der);
    return status;
}

cr_status pki_hierarchy_make_ci(const char *dir, enum crypto_curve curve,
                                const struct pki_request *request, const cr_env *env,
                                struct cr_err *err)
{
    struct pki_request r = *request;
    char path[MAX_PATH];
    struct crypto_private *private = NULL;
    struct pki_key *key = NULL;
    CR_TRY(pki_hierarchy_path(path, dir, curve, "ci", ".key", err));
    CR_TRY(crypto_private_generate(curve, &private, err));
    cr_status status = make_curve_dir(dir, curve, err);
    if (status == CR_OK) {
        status = pki_hierarchy_write_key(path, private, err);
    }
    if (status != CR_OK) {
        crypto_private_free(private);
        return status;
    }
    CR_TRY(pki_key_of_private(private, &key, err)); /* takes it, whatever happens */
    status = write_ci(dir, curve, &r, key, env, err);
    pki_key_free(key);
    return status;
}

static cr_status make_ci(const char *dir, enum crypto_curve curve,
                         const struct pki_hierarchy_options *o, const cr_env *env,
                         struct cr_err *err)
{
    const struct pki_request r = {.role = PKI_ROLE_CI,
                                  .common_name = "Test CI",
                                  .organizational_unit = "TESTCERT",
                                  .organization = "RSPTEST",
                                  .country = "IT",
                                  .registered_id = PKI_DEFAULT_CI_OID,
                                  .crl_url = o->crl_url};
    return pki_hierarchy_make_ci(dir, curve, &r, env, err);
}

static cr_status check_given_ci(const struct pki_cert *ci, const struct crypto_private *key,
                                enum crypto_curve curve, struct cr_err *err)
{
    uint8_t point[CRYPTO_POINT];
    crypto_private_point(key, point);
    if (ci->curve != curve) {
        return cr_fail(err, CR_REFUSED, NULL, "the key of this CI is not on %s",
                       crypto_curve_name(curve));
    }
    if (!cr_span_equal(ci->point, CR_SPAN_ARRAY(point))) {
        return cr_fail(err, CR_REFUSED, NULL, "the key is not the key of the CI's certificate");
    }
    struct pki_trust *trust = pki_trust_new();
    cr_status status = trust ? pki_trust_add_ci(trust, ci->raw, err) : cr_fail_memory(err);
    pki_trust_free(trust);
    return status;
}

static cr_status copy_ci(const char *dir, enum crypto_curve curve, const char *cert_path,
                         const char *key_path, struct cr_err *err)
{
    if (!key_path) {
        return cr_fail(err, CR_REFUSED, NULL, "a CI certificate is given without its key");
    }
    cr_arena arena = {0};
    cr_buf text = {.secret = true};
    struct crypto_private *key = NULL;
    struct pki_cert ci;
    cr_status status = pki_cert_load(cert_path, &arena, &ci, err);
    if (status == CR_OK) {
        status = cr_file_read(key_path, PKI_MAX_CERT, &text, err);
    }
    if (status == CR_OK) {
        status = crypto_private_parse(cr_buf_span(&text), &key, err);
    }
    if (status == CR_OK) {
        status = check_given_ci(&ci, key, curve, err);
    }
    if (status == CR_OK) {
        status = pki_hierarchy_write_pair(dir, curve, "ci", ci.raw, key, err);
    } else {
        status = cr_err_context(err, status, "CI %s", cert_path);
    }
    crypto_private_free(key);
    cr_buf_free(&text);
    cr_arena_free(&arena);
    return status;
}

/* What stands below the CI, one row each. */
enum owner { OWNER_EUM, OWNER_DP, OWNER_DS, OWNER_OPERATOR };

static const struct leaf_row {
    const char *name;
    enum pki_role role;
    enum owner owner;
} leaf_rows[] = {
    {"eum", PKI_ROLE_EUM, OWNER_EUM},
    {"dpauth", PKI_ROLE_DP_AUTH, OWNER_DP},
    {"dppb", PKI_ROLE_DP_PB, OWNER_DP},
    {"dsauth", PKI_ROLE_DS_AUTH, OWNER_DS},
    {"dptls", PKI_ROLE_DP_TLS, OWNER_DP},
    {"dstls", PKI_ROLE_DS_TLS, OWNER_DS},
    {"operator", PKI_ROLE_NONE, OWNER_OPERATOR},
};

static bool is_tls(const struct leaf_row *row)
{
    return row->role == PKI_ROLE_NONE || row->role == PKI_ROLE_DP_TLS ||
           row->role == PKI_ROLE_DS_TLS;
}

static struct pki_request leaf_request(const struct leaf_row *row,
                                       const struct pki_hierarchy_options *o)
{
    struct pki_request r = {.role = row->role, .crl_url = o->crl_url};
    switch (row->owner) {
    case OWNER_EUM:
        r.common_name = "EUM Test";
        r.organization = "RSP Test EUM";
        r.country = "ES";
        r.ein_prefix = o->ein_prefix;
        r.registered_id = o->eum_oid;
        break;
    case OWNER_DP:
        r.common_name = is_tls(row) ? o->dp_host : "TEST SM-DP+";
        r.organization = "ACME";
        r.registered_id = o->dp_oid;
        break;
    case OWNER_DS:
        r.common_name = is_tls(row) ? o->ds_host : "TEST SM-DS";
        r.organization = "ACME";
        r.registered_id = o->ds_oid;
        break;
    case OWNER_OPERATOR:
        r.common_name = o->operator_name;
        r.organization = "Operator";
        r.operator_tls = true;
        break;
    }
    return r;
}

static cr_status make_leaf(const char *dir, enum crypto_curve curve, const struct leaf_row *row,
                           const struct pki_hierarchy_options *o, const cr_env *env,
                           struct cr_err *err)
{
    const char *names[PKI_MAX_DNS_NAMES + 1] = {0};
    struct pki_request r = leaf_request(row, o);
    if (is_tls(row) && !r.operator_tls) {
        names[0] = r.common_name;
        for (size_t i = 0; o->extra_names && o->extra_names[i]; i++) {
            if (i + 1 == PKI_MAX_DNS_NAMES) {
                return cr_fail(err, CR_REFUSED, NULL, "more than %d names of a server",
                               PKI_MAX_DNS_NAMES);
            }
            names[i + 1] = o->extra_names[i];
        }
        r.dns_names = names;
    }
    cr_status status = pki_hierarchy_issue_files(dir, curve, row->name, &r, NULL, true, env, err);
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "%s", row->name);
}

/* Certificates of SM-DP and SM-SR that chips of SGP.02 verify. */
static cr_status make_m2m(const char *dir, enum crypto_curve curve, const cr_env *env,
                          struct cr_err *err)
{
    static const struct {
        const char *name;
        enum gpcert_role role;
    } rows[] = {{"m2mdp", GPCERT_ROLE_DP}, {"m2msr", GPCERT_ROLE_SR}};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        const struct pki_gp_request request = {.role = rows[i].role};
        cr_status status =
            pki_hierarchy_issue_gp_files(dir, curve, rows[i].name, &request, true, env, err);
        if (status != CR_OK) {
            return cr_err_context(err, status, "%s", rows[i].name);
        }
    }
    return CR_OK;
}

static cr_status make_curve(const char *dir, enum crypto_curve curve,
                            const struct pki_hierarchy_options *o, const cr_env *env,
                            struct cr_err *err)
{
    char path[MAX_PATH];
    CR_TRY(make_curve_dir(dir, curve, err));
    CR_TRY(pki_hierarchy_path(path, dir, curve, "ci", ".crl", err));
    (void)unlink(path); /* of the set that is overwritten: its CI is gone, its list is void */
    if (o->ci_cert[curve]) {
        CR_TRY(copy_ci(dir, curve, o->ci_cert[curve], o->ci_key[curve], err));
    } else {
        CR_TRY(make_ci(dir, curve, o, env, err));
    }
    for (size_t i = 0; i < CR_COUNT(leaf_rows); i++) {
        if (!is_tls(&leaf_rows[i]) || curve == CRYPTO_P256) {
            CR_TRY(make_leaf(dir, curve, &leaf_rows[i], o, env, err));
        }
    }
    CR_TRY(make_m2m(dir, curve, env, err));
    return pki_hierarchy_revoke(dir, curve, NULL, 0, env, err);
}

static cr_status json_path(char out[MAX_PATH], const char *dir, struct cr_err *err)
{
    int n = snprintf(out, MAX_PATH, "%s/pki.json", dir);
    return n > 0 && n < MAX_PATH ? CR_OK : cr_fail(err, CR_REFUSED, NULL, "the path is too long");
}

static cr_status write_json(const char *path, const struct pki_hierarchy_options *o,
                            struct cr_err *err)
{
    json_t *names = json_array();
    for (size_t i = 0; o->extra_names && o->extra_names[i]; i++) {
        (void)json_array_append_new(names, json_string(o->extra_names[i]));
    }
    json_t *root = json_pack("{s:i, s:[s,s], s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s}",
                             "version", 1, "curves", pki_hierarchy_curve_dir(CRYPTO_P256),
                             pki_hierarchy_curve_dir(CRYPTO_BRAINPOOL), "dpHost", o->dp_host,
                             "dsHost", o->ds_host, "extraNames", names, "operator",
                             o->operator_name, "einPrefix", o->ein_prefix, "dpOid", o->dp_oid,
                             "dsOid", o->ds_oid, "eumOid", o->eum_oid, "crlUrl", o->crl_url);
    char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    cr_buf file = {0};
    if (text) {
        cr_buf_appendf(&file, "%s\n", text);
    }
    cr_status status = text && cr_buf_ok(&file)
                           ? cr_file_write(path, cr_buf_span(&file), MODE_PUBLIC, err)
                           : cr_fail(err, CR_REFUSED, NULL, "a name or OID is no text in UTF-8");
    cr_buf_free(&file);
    free(text);
    json_decref(root);
    return status;
}

/* --- the set is made aside ---------------------------------------------------------------------
 *
 * A mistake in the options or a full disk neither leaves half a set nor touches the one there. */

static cr_status make_draft(const char *draft, const struct pki_hierarchy_options *o,
                            const cr_env *env, struct cr_err *err)
{
    char path[MAX_PATH];
    for (int c = 1; c < CRYPTO_CURVES; c++) {
        CR_TRY(make_curve(draft, (enum crypto_curve)c, o, env, err));
    }
    CR_TRY(json_path(path, draft, err));
    return write_json(path, o, err);
}

static bool join(char out[MAX_PATH], const char *dir, const char *name)
{
    int n = snprintf(out, MAX_PATH, "%s/%s", dir, name);
    return n > 0 && n < MAX_PATH;
}

/* Moves the files of from to to, or removes them when to is NULL; directories are left alone. */
static bool move_files(const char *from, const char *to)
{
    char source[MAX_PATH];
    char target[MAX_PATH];
    struct stat st;
    DIR *list = opendir(from);
    bool ok = list != NULL;
    const struct dirent *entry;
    while (ok && (entry = readdir(list)) != NULL) {
        ok = join(source, from, entry->d_name) && lstat(source, &st) == 0;
        if (!ok || S_ISDIR(st.st_mode)) {
            continue;
        }
        ok = to ? join(target, to, entry->d_name) && rename(source, target) == 0
                : unlink(source) == 0;
    }
    if (list) {
        (void)closedir(list);
    }
    return ok;
}

static cr_status publish(const char *draft, const char *dir, struct cr_err *err)
{
    char from[MAX_PATH];
    char to[MAX_PATH];
    bool ok = true;
    for (int c = 1; ok && c < CRYPTO_CURVES; c++) {
        ok = join(from, draft, pki_hierarchy_curve_dir((enum crypto_curve)c)) &&
             join(to, dir, pki_hierarchy_curve_dir((enum crypto_curve)c));
        if (ok) {
            CR_TRY(cr_dir_make(to, err));
            ok = move_files(from, to);
        }
    }
    if (!ok || !move_files(draft, dir)) {
        return cr_file_fail(err, "cannot move the new files to", dir);
    }
    return CR_OK;
}

static void drop_draft(const char *draft)
{
    char path[MAX_PATH];
    for (int c = 1; c < CRYPTO_CURVES; c++) {
        if (join(path, draft, pki_hierarchy_curve_dir((enum crypto_curve)c))) {
            (void)move_files(path, NULL);
            (void)rmdir(path);
        }
    }
    (void)move_files(draft, NULL);
    (void)rmdir(draft);
}

cr_status pki_hierarchy_init(const char *dir, const struct pki_hierarchy_options *options,
                             const cr_env *env, struct cr_err *err)
{
    struct pki_hierarchy_options o = with_defaults(options);
    bool was_there = cr_file_exists(dir);
    CR_TRY(cr_dir_make(dir, err));
    for (int c = 1; c < CRYPTO_CURVES; c++) {
        if (!o.force && pki_hierarchy_has(dir, (enum crypto_curve)c)) {
            cr_status status = cr_fail(err, CR_REFUSED, NULL, "%s has a hierarchy already", dir);
            return cr_err_next(err, status, "name another directory, or overwrite it with --force");
        }
    }
    char draft[MAX_PATH];
    int n = snprintf(draft, sizeof(draft), "%s/new.XXXXXX", dir);
    if (n < 0 || n >= MAX_PATH) {
        return cr_fail(err, CR_REFUSED, NULL, "the path is too long");
    }
    if (!mkdtemp(draft)) {
        return cr_file_fail(err, "cannot make a directory in", dir);
    }
    cr_status status = make_draft(draft, &o, env, err);
    if (status == CR_OK) {
        status = publish(draft, dir, err);
    }
    drop_draft(draft);
    if (status != CR_OK && !was_there) {
        (void)rmdir(dir);
    }
    return status;
}
