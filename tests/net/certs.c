#include "certs.h"

#include <dirent.h>
#include <openssl/conf.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            ERR_print_errors_fp(stderr);                                                           \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

void test_dir_make(char dir[TEST_PATH])
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(dir, TEST_PATH, "%s/crisp-test-XXXXXX", base && *base ? base : "/tmp");
    MUST(mkdtemp(dir));
}

void test_dir_remove(const char *dir)
{
    DIR *open = opendir(dir);
    for (struct dirent *entry = open ? readdir(open) : NULL; entry; entry = readdir(open)) {
        if (entry->d_name[0] != '.') {
            (void)unlink(test_path(dir, entry->d_name));
        }
    }
    if (open) {
        (void)closedir(open);
    }
    (void)rmdir(dir);
}

const char *test_path(const char *dir, const char *name)
{
    static char ring[16][TEST_PATH * 2];
    static size_t at;
    char *text = ring[at++ % 16];
    (void)snprintf(text, sizeof(ring[0]), "%s/%s", dir, name);
    return text;
}

static X509 *begin(EVP_PKEY *key, const char *cn, int from_days, int to_days)
{
    static long serial = 1000;
    X509 *cert = X509_new();
    MUST(cert && X509_set_version(cert, 2) && X509_set_pubkey(cert, key));
    MUST(ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial));
    MUST(X509_time_adj_ex(X509_getm_notBefore(cert), from_days, 0, NULL));
    MUST(X509_time_adj_ex(X509_getm_notAfter(cert), to_days, 0, NULL));
    X509_NAME *name = X509_get_subject_name(cert);
    MUST(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"crisp tests",
                                    -1, -1, 0));
    MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1,
                                    0));
    return cert;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    CONF *empty = NCONF_new(NULL); /* policies are not parsed without one */
    MUST(empty);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509V3_set_nconf(&ctx, empty);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    MUST(extension && X509_add_ext(cert, extension, -1));
    X509_EXTENSION_free(extension);
    NCONF_free(empty);
}

void test_ca_make(struct test_ca *ca, const char *cn, const struct test_ca *issuer)
{
    ca->key = EVP_EC_gen("P-256");
    MUST(ca->key);
    ca->cert = begin(ca->key, cn, -2, 3650);
    X509 *above = issuer ? issuer->cert : ca->cert;
    MUST(X509_set_issuer_name(ca->cert, X509_get_subject_name(above)));
    extend(ca->cert, above, NID_subject_key_identifier, "hash");
    if (issuer) {
        extend(ca->cert, above, NID_authority_key_identifier, "keyid");
    }
    extend(ca->cert, above, NID_certificate_policies, "critical,2.23.146.1.2.1.0");
    extend(ca->cert, above, NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(ca->cert, above, NID_subject_alt_name, "RID:2.999.1");
    extend(ca->cert, above, NID_basic_constraints, "critical,CA:TRUE");
    MUST(X509_sign(ca->cert, issuer ? issuer->key : ca->key, EVP_sha256()));
}

void test_ca_free(struct test_ca *ca)
{
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key);
    *ca = (struct test_ca){0};
}

static FILE *create(const char *dir, const char *name, const char *suffix)
{
    char file[TEST_PATH];
    (void)snprintf(file, sizeof(file), "%s%s", name, suffix);
    FILE *out = fopen(test_path(dir, file), "wb");
    MUST(out);
    return out;
}

void test_ca_write(const struct test_ca *ca, const char *dir, const char *name, bool der)
{
    FILE *out = create(dir, name, der ? ".der" : ".pem");
    MUST(der ? i2d_X509_fp(out, ca->cert) : PEM_write_X509(out, ca->cert));
    MUST(fclose(out) == 0);
}

static void alternative_names(const struct test_leaf *leaf, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "RID:2.999.10");
    char copy[256];
    (void)snprintf(copy, sizeof(copy), "%s", leaf->dns ? leaf->dns : "");
    char *rest = NULL;
    for (char *name = strtok_r(copy, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        used += (size_t)snprintf(out + used, size - used, ",DNS:%s", name);
    }
    if (leaf->ip) {
        (void)snprintf(out + used, size - used, ",IP:%s", leaf->ip);
    }
}

void test_leaf_write(const struct test_leaf *leaf, const struct test_ca *ca, const char *dir,
                     const char *name, const struct test_ca *chain, bool der)
{
    EVP_PKEY *key = EVP_EC_gen(leaf->curve ? leaf->curve : "P-256");
    MUST(key);
    bool given = leaf->from_days || leaf->to_days;
    X509 *cert = begin(key, leaf->cn, given ? leaf->from_days : -1, given ? leaf->to_days : 365);
    MUST(X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)));
    extend(cert, ca->cert, NID_authority_key_identifier, "keyid");
    extend(cert, ca->cert, NID_subject_key_identifier, "hash");
    extend(cert, ca->cert, NID_key_usage, "critical,digitalSignature");
    extend(cert, ca->cert, NID_ext_key_usage,
           leaf->client_only ? "critical,clientAuth" : "critical,serverAuth,clientAuth");
    if (!leaf->without_policy) {
        extend(cert, ca->cert, NID_certificate_policies, "critical,2.23.146.1.2.1.3");
    }
    if (leaf->dns || leaf->ip) {
        char names[512];
        alternative_names(leaf, names, sizeof(names));
        extend(cert, ca->cert, NID_subject_alt_name, names);
    }
    MUST(X509_sign(cert, ca->key, EVP_sha256()));
    FILE *out = create(dir, name, der ? ".der" : ".pem");
    MUST(der ? i2d_X509_fp(out, cert) : PEM_write_X509(out, cert));
    MUST(der || !chain || PEM_write_X509(out, chain->cert));
    MUST(fclose(out) == 0);
    out = create(dir, name, der ? ".key.der" : ".key");
    MUST(der ? i2d_PrivateKey_fp(out, key)
             : PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL));
    MUST(fclose(out) == 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}
