/*
 * Certificates for tests of TLS, made on the spot with OpenSSL: the shape of SGP.26, any defect on
 * order. Files live in a directory of their own that test_dir_remove() deletes.
 */
#ifndef CRISP_TESTS_NET_CERTS_H
#define CRISP_TESTS_NET_CERTS_H

#include <openssl/x509.h>
#include <stdbool.h>

#define TEST_PATH 256

struct test_ca {
    X509 *cert;
    EVP_PKEY *key;
};

struct test_leaf {
    const char *cn;
    const char *dns;   /* "a.example,b.example"; NULL = no subjectAltName */
    const char *ip;    /* one address; NULL = none */
    const char *curve; /* NULL = P-256 */
    int from_days;     /* validity relative to now; both 0 = yesterday to in a year */
    int to_days;
    bool client_only;    /* EKU clientAuth alone */
    bool without_policy; /* no SGP.22 role policy */
};

/* A directory in $TMPDIR or /tmp. */
void test_dir_make(char dir[TEST_PATH]);
void test_dir_remove(const char *dir);

/* dir/name.pem; issuer NULL = self-signed root. Aborts the test program when OpenSSL fails. */
void test_ca_make(struct test_ca *ca, const char *cn, const struct test_ca *issuer);
void test_ca_free(struct test_ca *ca);
void test_ca_write(const struct test_ca *ca, const char *dir, const char *name, bool der);

/* dir/name.pem (leaf, then chain when given) and dir/name.key; der: name.der and name.key.der. */
void test_leaf_write(const struct test_leaf *leaf, const struct test_ca *ca, const char *dir,
                     const char *name, const struct test_ca *chain, bool der);

/* "dir/name" in a static ring of texts. */
const char *test_path(const char *dir, const char *name);

#endif
