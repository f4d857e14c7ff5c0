/*
 * The openssl command line tool as an independent stranger: it verifies what we sign, we verify
 * what it signs, it reads the keys we write, we read the keys it writes, and both agree on Z.
 * Skipped when the tool is not installed.
 */
#include "base/file.h"
#include "crypto/ec.h"

#include "vector.h"

#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define MAX_ARGS 24

static char dir[] = "/tmp/crisp-stranger-XXXXXX";

/* "openssl ARGS...", in the directory of this test; true when it exits with 0. A missing tool exits
 * with 127. */
static int tool(const char *const *args)
{
    char *argv[MAX_ARGS + 2] = {cr_arena_strn(&vector_arena, cr_span_str("openssl"))};
    for (size_t i = 0; i < MAX_ARGS && args[i]; i++) {
        argv[i + 1] = cr_arena_strn(&vector_arena, cr_span_str(args[i]));
    }
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = 0;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addchdir_np(&actions, dir), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0 /* read */, 0), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1 /* write */, 0),
        0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO), 0);
    int spawned = posix_spawnp(&pid, "openssl", &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (spawned != 0) {
        return 127;
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

#define TOOL(...) tool((const char *const[]){__VA_ARGS__, NULL})

static const char *path_of(const char *name)
{
    const char *path = cr_arena_printf(&vector_arena, "%s/%s", dir, name);
    assert_non_null(path);
    return path;
}

static void put(const char *name, cr_span content)
{
    assert_int_equal(cr_file_write(path_of(name), content, 0600, NULL), CR_OK);
}

static cr_span get(const char *name)
{
    cr_buf b = {0};
    assert_int_equal(cr_file_read(path_of(name), 1U << 16, &b, NULL), CR_OK);
    cr_span copy = cr_arena_copy(&vector_arena, cr_buf_span(&b));
    cr_buf_free(&b);
    return copy;
}

static void put_private(const char *name, const struct crypto_private *key)
{
    cr_buf pem = {.secret = true};
    assert_int_equal(crypto_private_pem(key, &pem, NULL), CR_OK);
    put(name, cr_buf_span(&pem));
    cr_buf_free(&pem);
}

static struct crypto_public *public_of(const struct crypto_private *key)
{
    uint8_t point[CRYPTO_POINT];
    struct crypto_public *pub = NULL;
    crypto_private_point(key, point);
    assert_int_equal(crypto_public_new(crypto_private_curve(key), CR_SPAN_ARRAY(point), &pub, NULL),
                     CR_OK);
    return pub;
}

static const enum crypto_curve curves[] = {CRYPTO_P256, CRYPTO_BRAINPOOL};
static const char *const tool_names[] = {
    [CRYPTO_P256] = "prime256v1", [CRYPTO_BRAINPOOL] = "brainpoolP256r1"};

static void test_we_sign(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        struct crypto_private *key = NULL;
        const cr_span parts[] = {cr_span_str("smdpSigned2"), cr_span_str("euiccSignature1")};
        uint8_t sig[CRYPTO_SIGNATURE];
        cr_buf der = {0};
        assert_int_equal(crypto_private_generate(curves[i], &key, NULL), CR_OK);
        put_private("ours.pem", key);
        assert_int_equal(crypto_sign(key, parts, 2, sig, NULL), CR_OK);
        assert_int_equal(crypto_signature_to_der(CR_SPAN_ARRAY(sig), &der, NULL), CR_OK);
        put("data", cr_span_str("smdpSigned2euiccSignature1"));
        put("sig", cr_buf_span(&der));
        assert_int_equal(TOOL("pkey", "-in", "ours.pem", "-check", "-noout"), 0);
        assert_int_equal(TOOL("pkey", "-in", "ours.pem", "-pubout", "-out", "ours.pub"), 0);
        assert_int_equal(
            TOOL("dgst", "-sha256", "-verify", "ours.pub", "-signature", "sig", "data"), 0);
        put("data", cr_span_str("smdpSigned2euiccSignature2"));
        assert_int_not_equal(
            TOOL("dgst", "-sha256", "-verify", "ours.pub", "-signature", "sig", "data"), 0);
        cr_buf_free(&der);
        crypto_private_free(key);
    }
}

static void test_they_sign(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        struct crypto_private *key = NULL;
        cr_span data = cr_span_str("euiccSigned1");
        uint8_t plain[CRYPTO_SIGNATURE];
        put("data", data);
        /* with the EC PARAMETERS block in front */
        assert_int_equal(
            TOOL("ecparam", "-name", tool_names[curves[i]], "-genkey", "-out", "theirs.pem"), 0);
        assert_int_equal(TOOL("dgst", "-sha256", "-sign", "theirs.pem", "-out", "sig", "data"), 0);
        assert_int_equal(crypto_private_parse(get("theirs.pem"), &key, NULL), CR_OK);
        assert_int_equal(crypto_private_curve(key), curves[i]);
        struct crypto_public *pub = public_of(key);
        assert_int_equal(crypto_verify_der(pub, data, get("sig"), NULL), CR_OK);
        assert_int_equal(crypto_signature_from_der(get("sig"), plain, NULL), CR_OK);
        assert_int_equal(crypto_verify(pub, &data, 1, CR_SPAN_ARRAY(plain), NULL), CR_OK);
        plain[40] ^= 1;
        assert_int_equal(crypto_verify(pub, &data, 1, CR_SPAN_ARRAY(plain), NULL), CR_REFUSED);
        crypto_public_free(pub);
        crypto_private_free(key);
    }
}

static void test_their_key_files(void **state)
{
    (void)state;
    static const char *const forms[][2] = {{"PEM", "pkcs8.pem"}, {"DER", "pkcs8.der"}};
    struct crypto_private *key = NULL;
    struct cr_err err = {0};
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        uint8_t want[CRYPTO_SCALAR];
        uint8_t got[CRYPTO_SCALAR];
        assert_int_equal(crypto_private_generate(curves[i], &key, NULL), CR_OK);
        crypto_private_scalar(key, want);
        put_private("key.pem", key);
        crypto_private_free(key);
        key = NULL;
        for (size_t f = 0; f < CR_COUNT(forms); f++) {
            assert_int_equal(TOOL("pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-outform",
                                  forms[f][0], "-out", forms[f][1]),
                             0);
            assert_int_equal(crypto_private_parse(get(forms[f][1]), &key, NULL), CR_OK);
            crypto_private_scalar(key, got);
            assert_memory_equal(got, want, sizeof got);
            crypto_private_free(key);
            key = NULL;
            assert_int_equal(TOOL("ec", "-in", "key.pem", "-outform", forms[f][0], "-out", "sec1"),
                             0);
            assert_int_equal(crypto_private_parse(get("sec1"), &key, NULL), CR_OK);
            crypto_private_scalar(key, got);
            assert_memory_equal(got, want, sizeof got);
            crypto_private_free(key);
            key = NULL;
        }
        assert_int_equal(TOOL("pkcs8", "-topk8", "-in", "key.pem", "-passout", "pass:secret",
                              "-out", "locked.pem"),
                         0);
        assert_int_equal(crypto_private_parse(get("locked.pem"), &key, &err), CR_REFUSED);
        assert_true(err.next[0] != '\0');
        assert_int_equal(TOOL("pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"), 0);
        assert_int_equal(crypto_private_parse(get("public.pem"), &key, NULL), CR_MALFORMED);
        assert_null(key);
    }
}

static void test_agreement(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        struct crypto_private *a = NULL;
        struct crypto_private *b = NULL;
        uint8_t z[CRYPTO_SCALAR];
        assert_int_equal(crypto_private_generate(curves[i], &a, NULL), CR_OK);
        assert_int_equal(crypto_private_generate(curves[i], &b, NULL), CR_OK);
        struct crypto_public *qb = public_of(b);
        put_private("a.pem", a);
        put_private("b.pem", b);
        assert_int_equal(TOOL("pkey", "-in", "b.pem", "-pubout", "-out", "b.pub"), 0);
        assert_int_equal(
            TOOL("pkeyutl", "-derive", "-inkey", "a.pem", "-peerkey", "b.pub", "-out", "z"), 0);
        assert_int_equal(crypto_ecka(a, qb, z, NULL), CR_OK);
        assert_true(cr_span_equal(get("z"), CR_SPAN_ARRAY(z)));
        crypto_public_free(qb);
        crypto_private_free(a);
        crypto_private_free(b);
    }
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const files[] = {"data",       "sig",        "ours.pem",   "ours.pub",
                                        "theirs.pem", "key.pem",    "pkcs8.pem",  "pkcs8.der",
                                        "sec1",       "locked.pem", "public.pem", "a.pem",
                                        "b.pem",      "b.pub",      "z"};
    for (size_t i = 0; i < CR_COUNT(files); i++) {
        (void)unlink(path_of(files[i]));
    }
    (void)rmdir(dir);
    return vector_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_we_sign),
        cmocka_unit_test(test_they_sign),
        cmocka_unit_test(test_their_key_files),
        cmocka_unit_test(test_agreement),
    };
    if (setup(NULL) != 0) {
        return 1;
    }
    if (TOOL("version") != 0) {
        (void)teardown(NULL);
        printf("skipped: the openssl command line tool is not installed\n");
        return 77; /* meson: skipped */
    }
    return cmocka_run_group_tests(tests, NULL, teardown);
}
