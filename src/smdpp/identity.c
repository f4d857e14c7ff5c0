#include "smdpp/identity.h"

#include "base/file.h"
#include "base/text.h"
#include "pki/issue.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TRUST       32
#define MAX_TRUST_FILE  ((size_t)1 << 20) /* bytes of a file with CIs or a CRL */
#define MAX_CONFIG_FILE 65536
#define MAX_CONFIG_LINE 190 /* what the INI parser of the distribution takes */

/* What the INI file says, before anything is opened. */
struct settings {
    struct smdpp_config *config;
    const char *dir; /* of the file, for relative paths */
    const char *trust[MAX_TRUST];
    size_t trust_count;
    const char *crl[MAX_TRUST];
    size_t crl_count;
    struct {
        const char *name, *auth_cert, *auth_key, *pb_cert, *pb_key;
    } identity[SMDPP_MAX_IDENTITIES];
    size_t identity_count;
    char problem[160]; /* first one, empty = none */
};

static const char *resolve(struct settings *s, const char *value)
{
    if (value[0] == '/') {
        return cr_arena_printf(&s->config->arena, "%s", value);
    }
    return cr_arena_printf(&s->config->arena, "%s/%s", s->dir, value);
}

static void add_list(struct settings *s, const char *value, const char **list, size_t *count)
{
    while (*value) {
        size_t n = strcspn(value, " \t,");
        if (n > 0) {
            const char *one = cr_arena_strn(&s->config->arena, cr_span_of(value, n));
            if (!one || *count == MAX_TRUST) {
                (void)snprintf(s->problem, sizeof(s->problem), "too many files in one list");
                return;
            }
            list[(*count)++] = resolve(s, one);
        }
        value += n + (value[n] ? 1 : 0);
    }
}

static bool set_tls(struct settings *s, const char *name, const char *value)
{
    bool key = strncmp(name, "tls-key", 7) == 0;
    const char *rest = name + (key ? 7 : 8);
    if (!key && strncmp(name, "tls-cert", 8) != 0) {
        return false;
    }
    long number = *rest == '.' ? strtol(rest + 1, NULL, 10) : 1;
    if ((*rest && *rest != '.') || number < 1 || number > SMDPP_MAX_TLS) {
        return false;
    }
    size_t i = (size_t)number - 1;
    if (key) {
        s->config->tls[i].key = resolve(s, value);
    } else {
        s->config->tls[i].cert = resolve(s, value);
    }
    if (s->config->tls_count < i + 1) {
        s->config->tls_count = i + 1;
    }
    return true;
}

static bool set_main(struct settings *s, const char *name, const char *value)
{
    if (strcmp(name, "address") == 0) {
        s->config->address = cr_arena_printf(&s->config->arena, "%s", value);
    } else if (strcmp(name, "public-address") == 0) {
        s->config->public_address = cr_arena_printf(&s->config->arena, "%s", value);
    } else if (strcmp(name, "trust") == 0) {
        add_list(s, value, s->trust, &s->trust_count);
    } else if (strcmp(name, "crl") == 0) {
        add_list(s, value, s->crl, &s->crl_count);
    } else if (strcmp(name, "operator-ca") == 0) {
        s->config->operator_ca = resolve(s, value);
    } else {
        return set_tls(s, name, value);
    }
    return true;
}

static bool set_identity(struct settings *s, const char *section, const char *name,
                         const char *value)
{
    size_t i = 0;
    while (i < s->identity_count && strcmp(s->identity[i].name, section) != 0) {
        i++;
    }
    if (i == SMDPP_MAX_IDENTITIES) {
        return false;
    }
    if (i == s->identity_count) {
        s->identity[i].name = cr_arena_printf(&s->config->arena, "%s", section);
        s->identity_count++;
    }
    if (!s->identity[i].name) {
        return false;
    }
    if (strcmp(name, "dpauth-cert") == 0) {
        s->identity[i].auth_cert = resolve(s, value);
    } else if (strcmp(name, "dpauth-key") == 0) {
        s->identity[i].auth_key = resolve(s, value);
    } else if (strcmp(name, "dppb-cert") == 0) {
        s->identity[i].pb_cert = resolve(s, value);
    } else if (strcmp(name, "dppb-key") == 0) {
        s->identity[i].pb_key = resolve(s, value);
    } else {
        return false;
    }
    return true;
}

static bool set_operator(struct settings *s, const char *section, const char *name,
                         const char *value)
{
    const char *operator_name = section + strlen("operator");
    operator_name += strspn(operator_name, " ");
    if (strcmp(name, "notify") == 0) {
        return smdpp_operator_set(s->config, operator_name, value, NULL, NULL) == CR_OK;
    }
    if (strcmp(name, "ca") == 0) {
        return smdpp_operator_set(s->config, operator_name, NULL, resolve(s, value), NULL) == CR_OK;
    }
    return false;
}

static int on_setting(void *user, const char *section, const char *name, const char *value)
{
    struct settings *s = user;
    bool known = false;
    if (strcmp(section, "smdpp") == 0) {
        known = set_main(s, name, value);
    } else if (strncmp(section, "identity", 8) == 0) {
        known = set_identity(s, section, name, value);
    } else if (strncmp(section, "operator ", 9) == 0) {
        known = set_operator(s, section, name, value);
    }
    if (!known && !s->problem[0]) {
        (void)snprintf(s->problem, sizeof(s->problem), "[%.40s] has no setting '%.60s'", section,
                       name);
    }
    return known && !s->problem[0];
}

static cr_status open_key(const char *path, const struct pki_cert *cert, struct pki_key **out,
                          struct cr_err *err)
{
    CR_TRY(pki_key_open_file(path, out, err));
    if (!cr_span_equal(pki_key_point(*out), cert->point)) {
        pki_key_free(*out);
        *out = NULL;
        cr_status status =
            cr_fail(err, CR_REFUSED, NULL, "%s is not the key of the certificate beside it", path);
        return cr_err_next(err, status, "give the private key that belongs to the certificate");
    }
    return CR_OK;
}

static const char *chain_advice(enum pki_problem problem)
{
    switch (problem) {
    case PKI_UNKNOWN_CI:
        return "name the CI that issued this certificate under 'trust'";
    case PKI_EXPIRED:
        return "renew the certificate, or set the clock";
    case PKI_REVOKED:
        return "get a new certificate: the CI has withdrawn this one";
    case PKI_WRONG_ROLE:
        return "dpauth-cert needs a certificate of role dp-auth, dppb-cert one of role dp-pb";
    case PKI_OK:
    case PKI_BAD_SIGNATURE:
    case PKI_BAD_PROFILE:
    case PKI_WRONG_CURVE:
    case PKI_EID_RANGE:
    case PKI_MALFORMED:
        break;
    }
    return "use a certificate that its CI issued for an SM-DP+";
}

static cr_status check_cert(struct smdpp_config *c, const char *path, const struct pki_cert *cert,
                            enum pki_role role, cr_span ci, int64_t now_ms, struct cr_err *err)
{
    struct pki_expect expect = {.role = role, .now_ms = now_ms, .ci_key_id = ci};
    struct pki_verdict verdict;
    cr_status status = pki_chain_verify(c->trust, cert, 1, &expect, &verdict, NULL, err);
    if (status != CR_OK) {
        status = cr_err_context(err, status, "%s", path);
        return cr_err_next(err, status, "%s", chain_advice(verdict.problem));
    }
    if (!c->oid.p) {
        c->oid = cert->registered_id;
    } else if (!cr_span_equal(c->oid, cert->registered_id)) {
        status = cr_fail(err, CR_REFUSED, "SGP.22 4.5.2.1", "%s carries another OID than the rest",
                         path);
        return cr_err_next(err, status,
                           "an SM-DP+ has one OID: use certificates with the same registeredID");
    }
    return CR_OK;
}

/* Cuts the time in which the certificate is valid out of that of its identity. notAfter names a
 * second that still belongs to it (RFC 5280 4.1.2.5). */
static void cut_life(struct smdpp_identity *id, const struct pki_cert *cert)
{
    id->from_ms = cert->not_before_ms > id->from_ms ? cert->not_before_ms : id->from_ms;
    id->until_ms =
        cert->not_after_ms + 1000 < id->until_ms ? cert->not_after_ms + 1000 : id->until_ms;
}

static cr_status load_identity(struct smdpp_config *c, const char *name, const char *auth_cert,
                               const char *auth_key, const char *pb_cert, const char *pb_key,
                               int64_t now_ms, struct cr_err *err)
{
    if (!auth_cert || !auth_key || !pb_cert || !pb_key) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "[%s] is not complete", name);
        return cr_err_next(err, status, "it needs dpauth-cert, dpauth-key, dppb-cert and dppb-key");
    }
    struct smdpp_identity *id = &c->identities[c->identity_count];
    id->name = name;
    CR_TRY(pki_cert_load(auth_cert, &c->arena, &id->auth, err));
    CR_TRY(pki_cert_load(pb_cert, &c->arena, &id->pb, err));
    id->ci_key_id = id->auth.aki;
    CR_TRY(check_cert(c, auth_cert, &id->auth, PKI_ROLE_DP_AUTH, id->ci_key_id, now_ms, err));
    CR_TRY(check_cert(c, pb_cert, &id->pb, PKI_ROLE_DP_PB, id->ci_key_id, now_ms, err));
    if (smdpp_identity_under(c, id->ci_key_id)) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL,
                                   "[%s] stands under the same CI as another identity", name);
        return cr_err_next(err, status, "leave one of them out: there is one identity for each CI");
    }
    id->from_ms = INT64_MIN;
    id->until_ms = INT64_MAX;
    cut_life(id, &id->auth);
    cut_life(id, &id->pb);
    cut_life(id, pki_trust_ci(c->trust, id->ci_key_id)); /* the chains end in it */
    c->identity_count++; /* from here on free() has to look at the keys */
    CR_TRY(open_key(auth_key, &id->auth, &id->auth_key, err));
    return open_key(pb_key, &id->pb, &id->pb_key, err);
}

static cr_status add_ci(void *trust, cr_span der, struct cr_err *err)
{
    return pki_trust_add_ci(trust, der, err);
}

static cr_status add_crl(void *trust, cr_span der, struct cr_err *err)
{
    return pki_trust_add_crl(trust, der, err);
}

static cr_status add_trust(struct smdpp_config *c, const char *path, bool crl, struct cr_err *err)
{
    cr_buf content = {0};
    cr_status status = cr_file_read(path, MAX_TRUST_FILE, &content, err);
    if (status == CR_OK) {
        status = pki_pem_each(cr_buf_span(&content), crl ? "X509 CRL" : "CERTIFICATE",
                              crl ? add_crl : add_ci, c->trust, err);
        if (status != CR_OK) {
            status = cr_err_context(err, status, "%s", path);
        }
    }
    cr_buf_free(&content);
    return status;
}

static cr_status check_complete(const struct settings *s, struct cr_err *err)
{
    const struct smdpp_config *c = s->config;
    if (!c->address || !c->address[0]) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "this SM-DP+ has no address");
        return cr_err_next(err, status,
                           "set 'address' in [smdpp] to the host name that is in "
                           "activation codes");
    }
    if (s->trust_count == 0) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "no CI is trusted");
        return cr_err_next(err, status, "name CI certificates under 'trust' in [smdpp]");
    }
    if (s->identity_count == 0) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "there is no [identity ...] section");
        return cr_err_next(err, status, "add one for each CI with its certificates and keys");
    }
    for (size_t i = 0; i < c->tls_count; i++) {
        if (!c->tls[i].cert != !c->tls[i].key) {
            cr_status status = cr_fail(err, CR_REFUSED, NULL, "TLS certificate %zu has no %s",
                                       i + 1, c->tls[i].cert ? "key" : "certificate");
            return cr_err_next(err, status,
                               "set tls-cert and tls-key (tls-cert.2 and tls-key.2, "
                               "...) in pairs");
        }
    }
    return CR_OK;
}

static cr_status load_settings(struct settings *s, const cr_env *env, struct cr_err *err)
{
    struct smdpp_config *c = s->config;
    c->trust = pki_trust_new();
    if (!c->trust) {
        return cr_fail_memory(err);
    }
    CR_TRY(check_complete(s, err));
    for (size_t i = 0; i < s->trust_count; i++) {
        CR_TRY(add_trust(c, s->trust[i], false, err));
    }
    for (size_t i = 0; i < s->crl_count; i++) {
        CR_TRY(add_trust(c, s->crl[i], true, err));
    }
    for (size_t i = 0; i < s->identity_count; i++) {
        CR_TRY(load_identity(c, s->identity[i].name, s->identity[i].auth_cert,
                             s->identity[i].auth_key, s->identity[i].pb_cert, s->identity[i].pb_key,
                             cr_now_ms(env), err));
    }
    return CR_OK;
}

static char *directory_of(cr_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return cr_arena_printf(arena, ".");
    }
    return cr_arena_strn(arena, cr_span_of(path, slash == path ? 1 : (size_t)(slash - path)));
}

/* The number of a line that the parser would cut in two, 0 = none. */
static int too_long_line(cr_span text)
{
    int line = 1;
    size_t column = 0;
    for (size_t i = 0; i < text.n; i++) {
        column++;
        if (text.p[i] == '\n') {
            line++;
            column = 0;
        } else if (column > MAX_CONFIG_LINE) {
            return line;
        }
    }
    return 0;
}

static cr_status parse_settings(struct settings *s, cr_buf *content, const char *path,
                                struct cr_err *err)
{
    int line = too_long_line(cr_buf_span(content));
    if (line > 0) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "%s line %d: longer than %d characters",
                                   path, line, MAX_CONFIG_LINE);
        return cr_err_next(err, status,
                           "go on with the value in the next line, behind a blank at its start");
    }
    const char *text = cr_buf_cstr(content);
    line = text ? ini_parse_string(text, on_setting, s) : -1;
    if (line < 0) {
        return cr_fail_memory(err);
    }
    if (line > 0) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "%s line %d: %s", path, line,
                                   s->problem[0] ? s->problem : "not a setting");
        return cr_err_next(err, status,
                           "correct the line; the sections are [smdpp], [identity NAME] and "
                           "[operator NAME]");
    }
    return CR_OK;
}

cr_status smdpp_config_load(const char *path, const cr_env *env, struct smdpp_config *out,
                            struct cr_err *err)
{
    *out = (struct smdpp_config){0};
    struct settings s = {.config = out, .dir = directory_of(&out->arena, path)};
    cr_buf content = {0};
    cr_status status =
        s.dir ? cr_file_read(path, MAX_CONFIG_FILE, &content, err) : cr_fail_memory(err);
    if (status == CR_OK) {
        status = parse_settings(&s, &content, path, err);
    }
    cr_buf_free(&content);
    if (status == CR_OK) {
        status = load_settings(&s, env, err);
        if (status != CR_OK) {
            status = cr_err_context(err, status, "%s", path);
        }
    }
    if (status != CR_OK) {
        status =
            cr_err_advise(err, status, "correct the path or what it names in the configuration");
        smdpp_config_free(out);
    }
    return status;
}

/* A file of the hierarchy, NULL when it is not there. */
static const char *member(struct settings *s, const char *curve, const char *name)
{
    const char *path = cr_arena_printf(&s->config->arena, "%s/%s/%s", s->dir, curve, name);
    return path && cr_file_exists(path) ? path : NULL;
}

static const char *host_of_tls(struct smdpp_config *c, struct cr_err *err)
{
    struct pki_cert tls;
    if (c->tls_count == 0 || pki_cert_load(c->tls[0].cert, &c->arena, &tls, err) != CR_OK ||
        tls.dns_name_count == 0) {
        return NULL;
    }
    return cr_arena_strn(&c->arena, tls.dns_names[0]);
}

static cr_status fail_no_set(const char *dir, struct cr_err *err)
{
    cr_status status = cr_dir_look(dir, err);
    if (status == CR_OK) {
        status = cr_fail(err, CR_RESOURCE, NULL, "%s holds no certificates of an SM-DP+", dir);
    }
    return cr_err_advise(err, status, "make a set with 'crisp pki init %s'", dir);
}

cr_status smdpp_config_from_pki(const char *dir, const cr_env *env, struct smdpp_config *out,
                                struct cr_err *err)
{
    static const char *const curves[] = {"nist", "brainpool"};
    *out = (struct smdpp_config){0};
    struct settings s = {.config = out, .dir = dir};
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        const char *ci = member(&s, curves[i], "ci.der");
        const char *crl = member(&s, curves[i], "ci.crl");
        if (ci) {
            s.trust[s.trust_count++] = ci;
        }
        if (crl) {
            s.crl[s.crl_count++] = crl;
        }
        if (member(&s, curves[i], "dpauth.der")) {
            size_t n = s.identity_count++;
            s.identity[n].name = curves[i];
            s.identity[n].auth_cert = member(&s, curves[i], "dpauth.der");
            s.identity[n].auth_key = member(&s, curves[i], "dpauth.key");
            s.identity[n].pb_cert = member(&s, curves[i], "dppb.der");
            s.identity[n].pb_key = member(&s, curves[i], "dppb.key");
        }
    }
    out->tls[0].cert = member(&s, "nist", "dptls.der");
    out->tls[0].key = member(&s, "nist", "dptls.key");
    out->tls_count = out->tls[0].cert && out->tls[0].key ? 1 : 0;
    out->operator_ca = member(&s, "nist", "ci.der");
    cr_status status = CR_OK;
    if (s.identity_count == 0) {
        status = fail_no_set(dir, err);
    } else {
        out->address = host_of_tls(out, NULL);
        status = load_settings(&s, env, err);
    }
    if (status != CR_OK) {
        status = cr_err_advise(err, status, "make the set anew with 'crisp pki init'");
        smdpp_config_free(out);
    }
    return status;
}

void smdpp_config_free(struct smdpp_config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->identity_count; i++) {
        pki_key_free(config->identities[i].auth_key);
        pki_key_free(config->identities[i].pb_key);
    }
    pki_trust_free(config->trust);
    cr_arena_free(&config->arena);
    *config = (struct smdpp_config){0};
}

const struct smdpp_operator *smdpp_operator_named(const struct smdpp_config *config,
                                                  const char *name)
{
    for (size_t i = 0; i < config->operator_count; i++) {
        if (strcmp(config->operators[i].name, name) == 0) {
            return &config->operators[i];
        }
    }
    return NULL;
}

cr_status smdpp_operator_set(struct smdpp_config *config, const char *name, const char *notify,
                             const char *ca, struct cr_err *err)
{
    size_t i = 0;
    while (i < config->operator_count && strcmp(config->operators[i].name, name) != 0) {
        i++;
    }
    if (i == SMDPP_MAX_OPERATORS || !name[0]) {
        return cr_fail(err, CR_REFUSED, NULL, "no room for operator '%s'", name);
    }
    struct smdpp_operator op = config->operators[i];
    if (i == config->operator_count) {
        op = (struct smdpp_operator){.name = cr_arena_printf(&config->arena, "%s", name)};
    }
    op.notify = notify ? cr_arena_printf(&config->arena, "%s", notify) : op.notify;
    op.ca = ca ? cr_arena_printf(&config->arena, "%s", ca) : op.ca;
    if (!op.name || (notify && !op.notify) || (ca && !op.ca)) {
        return cr_fail_memory(err);
    }
    config->operators[i] = op;
    config->operator_count += i == config->operator_count;
    return CR_OK;
}

const struct smdpp_identity *smdpp_identity_under(const struct smdpp_config *config,
                                                  cr_span ci_key_id)
{
    for (size_t i = 0; i < config->identity_count; i++) {
        if (cr_span_equal(config->identities[i].ci_key_id, ci_key_id)) {
            return &config->identities[i];
        }
    }
    return NULL;
}

const struct smdpp_identity *smdpp_identity_for(const struct smdpp_config *config,
                                                const cr_span *ci_key_ids, size_t count,
                                                int64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        const struct smdpp_identity *id = smdpp_identity_under(config, ci_key_ids[i]);
        if (id && now_ms >= id->from_ms && now_ms < id->until_ms) {
            return id;
        }
    }
    return NULL;
}
