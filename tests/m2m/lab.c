/* The lab of `crisp pki m2m-parties`: every file is read by those who will read it, and two of its
 * parties meet over TLS; what cannot be a lab leaves nothing behind. */
#include "../base/test.h"

#include "base/file.h"
#include "m2m/lab.h"
#include "m2m/service.h"
#include "net/http_client.h"
#include "pki/hierarchy.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH 256

static char base[] = "/tmp/crisp-lab-XXXXXX";
static char dir[64];

static int make_all(void **state)
{
    (void)state;
    const struct m2m_lab lab = m2m_lab_usual(0);
    if (!mkdtemp(base)) {
        return 1;
    }
    (void)snprintf(dir, sizeof dir, "%s/lab", base);
    return m2m_lab_make(dir, &lab, cr_env_system(), NULL) == CR_OK ? 0 : 1;
}

static int free_all(void **state)
{
    char command[PATH];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -r %s", base);
    return system(command);
}

static void load(const char *name, struct m2m_parties *out)
{
    char path[PATH];
    struct cr_err err = {0};
    (void)snprintf(path, sizeof path, "%s/%s.ini", dir, name);
    if (m2m_parties_load(path, out, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
}

/* Everybody knows everybody else by certificate, name, role and address. */
static void test_files(void **state)
{
    (void)state;
    const struct m2m_lab lab = m2m_lab_usual(0);
    for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
        const struct m2m_lab_party *self = &lab.parties[i];
        struct m2m_parties p;
        char url[PATH];
        load(self->name, &p);
        (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", self->port);
        assert_string_equal(p.oid, self->oid);
        assert_string_equal(p.name, self->title);
        assert_int_equal(p.role, self->role);
        assert_string_equal(p.address, url);
        assert_int_equal(p.count, M2M_LAB_PARTIES - 1);
        for (size_t k = 0; k < M2M_LAB_PARTIES; k++) {
            const struct m2m_lab_party *other = &lab.parties[k];
            const struct m2m_party *found = m2m_party_by_oid(&p, cr_span_str(other->oid));
            if (k == i) {
                assert_null(found);
                continue;
            }
            assert_string_equal(found->name, other->name);
            assert_int_equal(found->roles, other->role);
            (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", other->port);
            assert_string_equal(m2m_party_url(found, SOAP_ES3), url);
            assert_ptr_equal(m2m_party_of_certificate(&p, found->certificate), found);
        }
        m2m_parties_free(&p);
    }
}

/* The EUM and each SM-SR have a key of their own, that nobody else reads; and the EUM is known by
 * what it signs with, where that is told. */
static void test_agreements(void **state)
{
    (void)state;
    static const char *const names[] = {"smsr-1", "smsr-2"};
    uint8_t keys[2][2][M2M_TRANSPORT_KEY];
    struct m2m_parties eum, smsr;
    struct stat file;
    load("eum", &eum);
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        const struct m2m_party *there = m2m_party_named(&eum, names[i]);
        load(names[i], &smsr);
        const struct m2m_party *here = m2m_party_named(&smsr, "eum");
        assert_int_equal(m2m_party_transport_key(there, keys[i][0], NULL), CR_OK);
        assert_int_equal(m2m_party_transport_key(here, keys[i][1], NULL), CR_OK);
        assert_memory_equal(keys[i][0], keys[i][1], M2M_TRANSPORT_KEY);
        assert_int_equal(stat(here->transport_key, &file), 0);
        assert_int_equal(file.st_mode & 0777, 0600);
        assert_false(here->eum_certificate.n); /* not told */
        m2m_parties_free(&smsr);
    }
    assert_memory_not_equal(keys[0][0], keys[1][0], M2M_TRANSPORT_KEY);
    assert_null(m2m_party_named(&eum, "smdp")->transport_key);
    m2m_parties_free(&eum);
}

static void test_eum_certificate(void **state)
{
    (void)state;
    struct m2m_lab lab = m2m_lab_usual(0);
    struct m2m_parties parties;
    char path[PATH];
    char ini[2 * PATH];
    cr_buf der = {0};
    (void)snprintf(path, sizeof path, "%s/nist/eum.der", dir);
    assert_int_equal(cr_file_read(path, 4096, &der, NULL), CR_OK);
    lab.eum_certificate = cr_buf_span(&der);
    (void)snprintf(path, sizeof path, "%s/told", base);
    assert_int_equal(m2m_lab_make(path, &lab, cr_env_system(), NULL), CR_OK);
    (void)snprintf(ini, sizeof ini, "%s/smsr-2.ini", path);
    assert_int_equal(m2m_parties_load(ini, &parties, NULL), CR_OK);
    assert_true(
        cr_span_equal(m2m_party_named(&parties, "eum")->eum_certificate, cr_buf_span(&der)));
    m2m_parties_free(&parties);
    cr_buf_free(&der);
}

/* Certificates stand under the CA of the lab, for their host, and end with the names of the lab. */
static void test_certificates(void **state)
{
    (void)state;
    const struct m2m_lab lab = m2m_lab_usual(0);
    struct pki_trust *trust = pki_trust_new();
    cr_arena arena = {0};
    assert_int_equal(pki_hierarchy_trust(dir, trust, NULL), CR_OK);
    for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
        struct pki_cert cert;
        struct pki_key *key = NULL;
        struct pki_expect expect = {.now_ms = cr_now_ms(cr_env_system()),
                                    .dns_name = cr_span_str("127.0.0.1")};
        assert_int_equal(
            pki_hierarchy_load(dir, CRYPTO_P256, lab.parties[i].name, &arena, &cert, &key, NULL),
            CR_OK);
        assert_int_equal(pki_chain_verify(trust, &cert, 1, &expect, NULL, NULL, NULL), CR_OK);
        expect.tls_client = true;
        assert_int_equal(pki_chain_verify(trust, &cert, 1, &expect, NULL, NULL, NULL), CR_OK);
        expect.dns_name = cr_span_str("127.0.0.2");
        expect.tls_client = false;
        assert_int_equal(pki_chain_verify(trust, &cert, 1, &expect, NULL, NULL, NULL), CR_REFUSED);
        pki_key_free(key);
    }
    pki_trust_free(trust);
    cr_arena_free(&arena);
}

/* --- TLS ---------------------------------------------------------------------------------------
 */

static cr_status post(const struct m2m_parties *as, const char *url, int *status,
                      struct cr_err *err)
{
    const struct http_client_options options = {
        .ca_file = as->client_ca, .client_cert = as->tls_cert, .client_key = as->tls_key};
    struct http_client *client = NULL;
    cr_buf response = {0};
    assert_int_equal(http_client_new(&options, &client, err), CR_OK);
    cr_status result =
        http_client_post(client, url, NULL, cr_span_str("<x/>"), status, &response, err);
    http_client_free(client);
    cr_buf_free(&response);
    return result;
}

static void test_meeting(void **state)
{
    (void)state;
    static const struct store_migration steps[] = {{1, m2m_schema}};
    static const struct m2m_row none[] = {{0, 0, NULL}};
    const struct store_options store_options = {
        .url = ":memory:", .migrations = steps, .migration_count = 1};
    struct m2m_parties server;
    struct m2m_parties client;
    struct store *store = NULL;
    struct m2m *m2m = NULL;
    struct m2m_service *service = NULL;
    struct cr_err err = {0};
    char url[PATH];
    int status = 0;
    load("smsr-1", &server);
    load("operator-a", &client);
    assert_int_equal(store_open(&store_options, &store, &err), CR_OK);
    const struct m2m_options m2m_options = {
        .store = store, .parties = &server, .env = cr_env_system(), .rows = none};
    assert_int_equal(m2m_new(&m2m_options, &m2m, &err), CR_OK);
    const struct m2m_service_options options = {.m2m = m2m, .workers = 2};
    assert_int_equal(m2m_service_start(&options, &service, &err), CR_OK);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", m2m_service_port(service));
    /* let in as a party, though what it says is no SOAP */
    if (post(&client, url, &status, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    assert_int_not_equal(status, 403);
    assert_in_range(status, 400, 599);
    /* another lab has the same names and another CA */
    const struct m2m_lab lab = m2m_lab_usual(0);
    char other[PATH];
    char path[2 * PATH];
    struct m2m_parties stranger;
    (void)snprintf(other, sizeof other, "%s/other", base);
    assert_int_equal(m2m_lab_make(other, &lab, cr_env_system(), NULL), CR_OK);
    (void)snprintf(path, sizeof path, "%s/operator-a.ini", other);
    assert_int_equal(m2m_parties_load(path, &stranger, NULL), CR_OK);
    assert_int_not_equal(post(&stranger, url, &status, &err), CR_OK); /* does not trust us */
    stranger.client_ca = server.client_ca;
    assert_int_not_equal(post(&stranger, url, &status, &err), CR_OK); /* is not trusted */
    m2m_service_stop(service);
    m2m_free(m2m);
    store_close(store);
    m2m_parties_free(&server);
    m2m_parties_free(&client);
    m2m_parties_free(&stranger);
}

/* --- refusals ----------------------------------------------------------------------------------
 */

static void assert_refused(const struct m2m_lab *lab, const char *field)
{
    char path[PATH];
    char command[2 * PATH];
    struct cr_err err = {0};
    (void)snprintf(path, sizeof path, "%s/bad", base);
    assert_int_equal(m2m_lab_make(path, lab, cr_env_system(), &err), CR_REFUSED);
    assert_string_equal(err.field, field);
    (void)snprintf(command, sizeof command, "! ls -d %s/bad* >/dev/null 2>&1", base);
    assert_int_equal(system(command), 0);
}

static void test_refusals(void **state)
{
    (void)state;
    struct m2m_lab lab = m2m_lab_usual(9000);
    struct m2m_lab_party *p = m2m_lab_named(&lab, cr_span_str("smdp"));
    const struct m2m_lab_party good = *p;
    assert_null(m2m_lab_named(&lab, cr_span_str("smdp2")));
    assert_int_equal(good.port, 9004);
    p->oid = "2.999.x";
    assert_refused(&lab, "oid");
    p->oid = NULL;
    assert_refused(&lab, "oid");
    p->oid = lab.parties[0].oid;
    assert_refused(&lab, "oid");
    *p = good;
    p->port = 0;
    assert_refused(&lab, "port");
    p->port = 9000;
    assert_refused(&lab, "port");
    *p = good;
    p->host = "";
    assert_refused(&lab, "host");
    p->host = "no host";
    assert_refused(&lab, "dns_names"); /* the issuer says so, with work done already */
    *p = good;
    struct cr_err err = {0};
    assert_int_equal(m2m_lab_make(dir, &lab, cr_env_system(), &err), CR_REFUSED);
    assert_non_null(strstr(err.cause, "there already"));
    assert_int_equal(m2m_lab_make("/dev/null/lab", &lab, cr_env_system(), &err), CR_RESOURCE);
}

/* The same port on another host is another place, and an IPv6 address has brackets in its URL. */
static void test_hosts(void **state)
{
    (void)state;
    struct m2m_lab lab = m2m_lab_usual(9000);
    struct m2m_parties parties;
    char path[PATH];
    char ini[2 * PATH];
    lab.parties[1].host = "::1";
    lab.parties[1].port = 9000;
    lab.parties[2].host = "b.example.com";
    (void)snprintf(path, sizeof path, "%s/hosts/", base);
    assert_int_equal(m2m_lab_make(path, &lab, cr_env_system(), NULL), CR_OK);
    (void)snprintf(ini, sizeof ini, "%s/hosts/smdp.ini", base);
    assert_int_equal(m2m_parties_load(ini, &parties, NULL), CR_OK);
    assert_string_equal(m2m_party_named(&parties, "operator-a")->url, "https://[::1]:9000/");
    assert_string_equal(m2m_party_named(&parties, "operator-b")->url,
                        "https://b.example.com:9002/");
    m2m_parties_free(&parties);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),      cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_agreements), cmocka_unit_test(test_eum_certificate),
        cmocka_unit_test(test_meeting),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_hosts),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
