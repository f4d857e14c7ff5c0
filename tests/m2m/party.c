/* The parties' file: good ones, and each thing that can be wrong with one. */
#include "../base/test.h"

#include "base/file.h"
#include "m2m/party.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SELF                                                                                       \
    "[self]\noid = 1.2.20\nname = B\nrole = smsr\naddress = https://b.example/\n"                  \
    "tls-cert = b.pem\ntls-key = /keys/b.key\nclient-ca = ca.pem\n"
#define PARTY "[party a]\noid = 1.2.10\nrole = operator, m2m-sp\nsubject = Operator A\n"

static cr_status load(const char *text, struct m2m_parties *out, struct cr_err *err)
{
    char path[] = "/tmp/crisp-parties-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    *err = (struct cr_err){0};
    assert_int_equal(cr_file_write(path, cr_span_str(text), 0600, err), CR_OK);
    cr_status status = m2m_parties_load(path, out, err);
    (void)unlink(path);
    return status;
}

static void test_good(void **state)
{
    (void)state;
    struct m2m_parties p;
    struct cr_err err;
    assert_int_equal(load(SELF PARTY "url = https://a.example/\nurl.es4 = https://a.example/es4\n"
                                     "through = 1.2.30\ngroup = ProfileManagement\nca = a.pem\n"
                                     "[party d]\noid = 1.2.30\nrole = smdp\nsubject = D\n"
                                     "call-identifiers = free\n",
                          &p, &err),
                     CR_OK);
    assert_string_equal(p.tls_cert, "/tmp/b.pem");
    assert_string_equal(p.tls_key, "/keys/b.key");
    assert_int_equal(p.count, 2);
    const struct m2m_party *a = m2m_party_named(&p, "a");
    assert_ptr_equal(a, m2m_party_named(&p, "1.2.10"));
    assert_int_equal(a->roles, SOAP_OPERATOR | SOAP_M2MSP);
    assert_string_equal(m2m_party_url(a, SOAP_ES4), "https://a.example/es4");
    assert_string_equal(m2m_party_url(a, SOAP_ES2), "https://a.example/");
    assert_null(m2m_party_url(m2m_party_named(&p, "d"), SOAP_ES3));
    assert_null(m2m_party_named(&p, "nobody"));
    assert_string_equal(a->dialect.group, "ProfileManagement");
    assert_false(a->free_calls);
    assert_true(m2m_party_named(&p, "d")->free_calls);
    m2m_parties_free(&p);
    assert_int_equal(load(SELF PARTY "call-identifiers = some\n", &p, &err), CR_REFUSED);
}

/* The key that an EUM and an SM-SR agreed on. */
static void test_transport_key(void **state)
{
    static const struct {
        const char *content;
        cr_status status;
    } files[] = {
        {"000102030405060708090A0B0C0D0E0F\n", CR_OK},
        {"000102030405060708090A0B0C0D0E", CR_MALFORMED},
        {"000102030405060708090A0B0C0D0E0F10", CR_MALFORMED},
        {"no key", CR_MALFORMED},
    };
    struct m2m_parties p;
    struct cr_err err;
    uint8_t key[M2M_TRANSPORT_KEY];
    (void)state;
    assert_int_equal(load(SELF "[party e]\noid = 1.2.50\nrole = eum\nsubject = E\n"
                               "transport-key = crisp-no-such.key\n",
                          &p, &err),
                     CR_OK);
    struct m2m_party *e = &p.parties[0];
    assert_string_equal(e->transport_key, "/tmp/crisp-no-such.key");
    assert_int_equal(m2m_party_transport_key(e, key, &err), CR_RESOURCE);
    for (size_t i = 0; i < CR_COUNT(files); i++) {
        char path[] = "/tmp/crisp-transport-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        (void)close(fd);
        assert_int_equal(cr_file_write(path, cr_span_str(files[i].content), 0600, &err), CR_OK);
        e->transport_key = path;
        assert_int_equal(m2m_party_transport_key(e, key, &err), files[i].status);
        (void)unlink(path);
    }
    assert_int_equal(key[15], 0x0F);
    e->transport_key = NULL;
    assert_int_equal(m2m_party_transport_key(e, key, &err), CR_REFUSED);
    assert_string_equal(err.subject, "8.4");
    m2m_parties_free(&p);
}

static void refused(const char *text, const char *word)
{
    struct m2m_parties p;
    struct cr_err err;
    assert_int_equal(load(text, &p, &err), CR_REFUSED);
    if (!strstr(err.cause, word)) {
        fail_msg("\"%s\" does not say %s", err.cause, word);
    }
}

static void test_bad(void **state)
{
    (void)state;
    refused(PARTY, "[self]");
    refused("[self]\noid = 1..2\n", "oid");
    refused("[self]\nrole = king\n", "role");
    refused("[self]\naddress = ftp://x\n", "address");
    refused("[self]\naddress = http://example.com/\n", "address");
    refused("[self]\naddress = https://x/?y=1\n", "address");
    refused("[self]\nnonsense = 1\n", "nonsense");
    refused("[other]\nx = 1\n", "[other]");
    refused("x = 1\n", "x");
    refused(SELF "[party a]\nrole = operator\nsubject = A\n", "oid");
    refused(SELF "[party a]\noid = 1.2\nsubject = A\n", "role");
    refused(SELF "[party a]\noid = 1.2\nrole = operator\n", "certificate");
    refused(SELF "[party a]\noid = 1.2\nrole = operator, king\nsubject = A\n", "role");
    refused(SELF PARTY "[party b]\noid = 1.2.10\nrole = eum\nsubject = B\n", "another party");
    refused(SELF "[party e]\noid = 1.2\nrole = eum\nsubject = E\neum-certificate = none.der\n",
            "none.der");
    refused(SELF PARTY "url.es9 = https://a/\n", "url.es9");
    refused(SELF PARTY "certificate = /dev/null\n", "certificate");
    refused(SELF PARTY "certificate = /nowhere/x.der\n", "certificate");
    struct m2m_parties p;
    struct cr_err err = {0};
    assert_int_equal(m2m_parties_load("/nowhere/parties.ini", &p, &err), CR_RESOURCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_transport_key),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
