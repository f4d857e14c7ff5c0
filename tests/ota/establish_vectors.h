/*
 * The published key establishments (an ISD-P set, and an ISD-R set in an SM-SR change), and keys
 * for the tests of it.
 */
#ifndef CRISP_TESTS_OTA_ESTABLISH_VECTORS_H
#define CRISP_TESTS_OTA_ESTABLISH_VECTORS_H

#include "../crypto/vector.h"

#include "ota/establish.h"

#define POINT_DP                                                                                   \
    "045B36890DACBD7C9A96BB74A1EE28B3D2D75B72E09A20EF25CF8E6FD8A9F0350D0E14BED8D4682A34D83538BDFF" \
    "5B96E89A6666EC0DB5745D02FA1210072DF75A"
#define POINT_SR                                                                                   \
    "0457E977F6DB7E33C3FE7ACF2842ED987009CAF56D458682FCA447B7D3D762AB34C5AB3770BA573BDFF541406564" \
    "0FFB5B346DFA84DEC4DB4D68E5F59CC471C2EC"
#define POINT_ECASD                                                                                \
    "040217E617F0B6443928278F96999E69A23A4F2C152BDF6D6CDF66E5B80282D4ED194A7DEBCB97712D2DDA3CA85A" \
    "A8765A56F45FC758599652F2897C65306E5794"
#define ONE_TIME_DP                                                                                \
    "04D65A93977CAA3D1B081852FF57A79E465F1660577304BAEAD505DD3A48589CF350185E895372DF6221EA3A1375" \
    "57E473FDDB6755F05BD507C3C533FCE9C91285"
#define ONE_TIME_SR                                                                                \
    "040BBBC5E8BC84BD33D1D3CE03FFAC9A747F4C1993FDDB2EC93A4116A86F022A77C3C17191559A4C2A1AA57E79B8" \
    "D1977DA2C959172F478E341E27028D69FFFB7B"
#define CERTIFICATE                                                                                \
    "7F2181D89301014204A1A1A1A15F2014D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D19501885F250420200101" \
    "5F2404203001017319C80101C914A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A17F4946B041" POINT_DP      \
    "F001005F3740B9C6F2023A8738A93D366D10A1E368317CA97DC4287355DFDEA130C559069BF8A7233B09F8A9AE91" \
    "B1A0BCB39AFDBB34A5D24F3EFDFB87EF7F8EA0D694FC23A5"
#define RC    "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF"
#define DR    "000102030405060708090A0B0C0D0E0F"
#define HOST  "00112233445566778899AABBCCDDEEFF"
#define SIN   "4953444E"
#define SDIN  "0000000102030405"
#define A6_DP "A6159002030A9501108001888101108201018301309100"
#define A6_SR                                                                                      \
    "A6399002030E9501109601008001888101108201018301029105000000000145080000000102030405"           \
    "841000112233445566778899AABBCCDDEEFF"
#define OBJECTS_DP "3A0217" A6_DP "7F4941" ONE_TIME_DP
#define OBJECTS_SR "3A023B" A6_SR "7F4941" ONE_TIME_SR
#define SIGNATURE_DP                                                                               \
    "A4EF311FABB6553A065268CA2D45422566234DD8B25BA8E49E0D01374B7EB35142880B91168DE6E5FDF99FB96D3B" \
    "56C3B0197ED161CB71AB425F96CEE6BD9200"
#define SIGNATURE_SR                                                                               \
    "CED621067D16E599EE9A5C5A8919A7B13563E2A8B6A281C36EA228559373CDBC855BAA58E0224C84260489C4DB8F" \
    "E7F29159081F1B27487EC73EFD2EDE5414C0"

static const struct scene {
    uint8_t static_key, one_time; /* byte of which the scalar is made */
    const char *static_point, *one_time_point, *a6, *objects, *signature, *z;
    const char *receipt_key, *keys[3], *receipt;
    const char *sin, *sdin, *host; /* NULL = none */
    const char *command_2_head;    /* in front of the data */
} scenes[] = {
    {0x44,
     0x22,
     POINT_DP,
     ONE_TIME_DP,
     A6_DP,
     OBJECTS_DP,
     SIGNATURE_DP,
     "CCFC261F58193C98CA4AD4A53BBAC6F0EE29BC4D48438090446908622CA79AF6",
     "FEBCC59C6D536B6FD7A0CD7553C48CBD",
     {"3EF9DE61436E79E678D15459F2DF5DE0", "E6E0EA49CDD5D931745A3614655AFF70",
      "077C8F478632387F8E28E7A0656FC6D9"},
     "D92F9499D777F7ABE127B229ADA3A890",
     NULL,
     NULL,
     NULL,
     "80E28901A1"},
    {0x55,
     0x66,
     POINT_SR,
     ONE_TIME_SR,
     A6_SR,
     OBJECTS_SR,
     SIGNATURE_SR,
     "5F1C591A4BBA11BEE0D5A2A642EEF6385D59AAB8D6A6F151D8D857E2E822A67F",
     "D1D2DC0163AF45AE68E0094E1544EFE7",
     {"CCDE038ED490D555C7841FD5F5E4F8AC", "4BC1992FE66542042F382E37C5295C95",
      "0C7380F3469E378CEDFBDC98B6DAA9A6"},
     "597C66E641FF19704AF8A8B2FE095C4C",
     SIN,
     SDIN,
     HOST,
     "80E28901C5"},
};

static inline struct crypto_private *private_of(enum crypto_curve curve, uint8_t byte)
{
    uint8_t scalar[CRYPTO_SCALAR];
    struct crypto_private *key = NULL;
    memset(scalar, byte, sizeof scalar);
    assert_int_equal(crypto_private_new(curve, CR_SPAN_ARRAY(scalar), &key, NULL), CR_OK);
    return key;
}

static inline struct pki_key *handle_of(enum crypto_curve curve, uint8_t byte)
{
    struct pki_key *key = NULL;
    assert_int_equal(pki_key_of_private(private_of(curve, byte), &key, NULL), CR_OK);
    return key;
}

static inline struct crypto_public *public_of(enum crypto_curve curve, cr_span point)
{
    struct crypto_public *key = NULL;
    assert_int_equal(crypto_public_new(curve, point, &key, NULL), CR_OK);
    return key;
}

/* Randomness is DR. */
static inline cr_status give_dr(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    (void)err;
    assert_int_equal(n, ESTABLISH_DR);
    memcpy(p, vector(DR).p, n);
    return CR_OK;
}

static const cr_env env = {.random = give_dr};

#endif
