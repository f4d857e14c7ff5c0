/*
 * A small but complete profile on a card in RAM, and APDUs as hex text: for the tests of uicc and
 * its fuzz target.
 *
 * EF.ARR below the MF and below ADF.USIM, ADF.ISIM (6F06) have the same records:
 *   1 DF: all ADM1           2 read always, rest ADM1       3 read/update PIN1, rest ADM1
 *   4 read PIN1, update PIN2 5 as 3 and INCREASE PIN1       6 never
 *   7 all always             8 read/update PIN1 and PIN2    9 read PIN1 or ADM1
 *  10 read PIN1, rest ADM1
 */
#ifndef CRISP_TESTS_UICC_SIM_H
#define CRISP_TESTS_UICC_SIM_H

#include "base/text.h"
#include "uicc/uicc.h"

#include <stdio.h>
#include <stdlib.h>

#define SIM_UNUSED __attribute__((unused))

#define SIM_PREFIX "p/1/"
#define USIM_AID   "A0000000871002FF49FF0589"
#define ISIM_AID   "A0000000871004FF49FF0589"

#define PIN1 "A406830101950108"
#define PIN2 "A406830181950108"
#define ADM1 "A40683010A950108"

#define K_TEST   "000102030405060708090A0B0C0D0E0F"
#define K_SET1   "465b5ce8b199b49faa5f0a2ee238a6bc"
#define OPC_SET1 "cd63cb71954a9f4e48a5994e37a02baf"

struct sim {
    struct nvm *nvm;
    struct uicc *uicc;
    struct uicc_fs fs;
    struct cr_env env;
    uint8_t random;
    uicc_file mf, usim, isim, telecom;
    cr_buf response;
    char text[2 * 1024];
    struct cr_err err;
};

/* Test set-up that cannot go on is an abort: nothing was tested then. */
#define SIM_MUST(condition)                                                                        \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct sim_bytes {
    uint8_t p[512];
    size_t n;
};

SIM_UNUSED static struct sim_bytes sim_hex(const char *hex)
{
    struct sim_bytes b = {.n = strlen(hex) / 2};
    SIM_MUST(b.n <= sizeof b.p && cr_hex_fixed(b.p, b.n, cr_span_str(hex)));
    return b;
}

static cr_status sim_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)err;
    struct sim *sim = ctx;
    for (size_t i = 0; i < n; i++) {
        p[i] = sim->random++;
    }
    return CR_OK;
}

static int64_t sim_now(void *ctx)
{
    (void)ctx;
    return 0;
}

/* Creates a file with content (hex, from its start; NULL = none). */
SIM_UNUSED static uicc_file sim_file(struct sim *sim, uicc_file parent, struct uicc_file_attr attr,
                                     const char *content)
{
    uicc_file file = 0;
    SIM_MUST(uicc_fs_create(&sim->fs, parent, &attr, &file, &sim->err) == CR_OK);
    if (content) {
        struct sim_bytes b = sim_hex(content);
        SIM_MUST(uicc_fs_write(&sim->fs, file, 0, cr_span_of(b.p, b.n), &sim->err) == CR_OK);
    }
    return file;
}

static void sim_arr(struct sim *sim, uicc_file parent, uint16_t fid, uint8_t sfi)
{
    static const char *const rules[] = {
        "80015E" ADM1,
        "8001019000"
        "80015A" ADM1,
        "800103" PIN1 "800158" ADM1,
        "800101" PIN1 "800102" PIN2 "800158" ADM1,
        "800103" PIN1 "800158" ADM1 "840132" PIN1,
        "80017F9700",
        "80017F9000"
        "840232D49000",
        "800103"
        "AF10" PIN1 PIN2,
        "800101"
        "A010" PIN1 ADM1,
        "800101" PIN1 "80015A" ADM1,
    };
    uicc_file file = sim_file(sim, parent,
                              (struct uicc_file_attr){.kind = UICC_LINEAR,
                                                      .fid = fid,
                                                      .sfi = sfi,
                                                      .arr_record = 2,
                                                      .record_size = 40,
                                                      .size = 40 * CR_COUNT(rules)},
                              NULL);
    for (size_t i = 0; i < CR_COUNT(rules); i++) {
        struct sim_bytes b = sim_hex(rules[i]);
        SIM_MUST(uicc_fs_write(&sim->fs, file, i * 40, cr_span_of(b.p, b.n), &sim->err) == CR_OK);
    }
}

SIM_UNUSED static void sim_pin(struct sim *sim, uicc_file context, uint8_t reference,
                               const char *value, uint8_t puk, uint8_t attributes, uint8_t tries)
{
    struct uicc_pin pin = {.reference = reference,
                           .unblock_reference = puk,
                           .attributes = attributes,
                           .max = tries,
                           .left = tries};
    memset(pin.value, 0xFF, sizeof pin.value);
    memcpy(pin.value, value, strlen(value));
    SIM_MUST(uicc_pin_create(&sim->fs, context, &pin, &sim->err) == CR_OK);
}

static void sim_puk(struct sim *sim, uint8_t reference, const char *value)
{
    struct uicc_puk puk = {.reference = reference, .max = 10, .left = 10};
    memcpy(puk.value, value, sizeof puk.value);
    SIM_MUST(uicc_puk_create(&sim->fs, &puk, &sim->err) == CR_OK);
}

static void sim_usim(struct sim *sim)
{
    static const uint8_t keys[] = {0x01, 0x81, 0x0A, 0x0B};
    struct sim_bytes aid = sim_hex(USIM_AID);
    sim->usim = sim_file(sim, sim->mf,
                         (struct uicc_file_attr){.kind = UICC_ADF,
                                                 .fid = 0x7FD0,
                                                 .arr_record = 1,
                                                 .aid = cr_span_of(aid.p, aid.n),
                                                 .pin_status = CR_SPAN_ARRAY(keys)},
                         NULL);
    uicc_file u = sim->usim;
    sim_arr(sim, u, 0x6F06, 0x17);
    sim_file(sim, u,
             (struct uicc_file_attr){
                 .kind = UICC_TRANSPARENT, .fid = 0x6F07, .sfi = 7, .arr_record = 10, .size = 9},
             "080910101032547698");
    sim_file(sim, u,
             (struct uicc_file_attr){
                 .kind = UICC_TRANSPARENT, .fid = 0x6F38, .sfi = 4, .arr_record = 10, .size = 17},
             "9EFFBF1DFF3E0083410310010400403E39");
    sim_file(sim, u,
             (struct uicc_file_attr){.kind = UICC_LINEAR,
                                     .fid = 0x6FB7,
                                     .sfi = 1,
                                     .arr_record = 8,
                                     .record_size = 14,
                                     .size = 28},
             "11F2FF4D6F766965FFFFFFFFFFFF19F1FF436F7073FFFFFFFFFFFFFF");
    sim_file(sim, u,
             (struct uicc_file_attr){.kind = UICC_CYCLIC,
                                     .fid = 0x6F39,
                                     .sfi = 9,
                                     .arr_record = 5,
                                     .record_size = 3,
                                     .size = 9},
             "000001000002000003");
    static const uint8_t pattern[] = {0x00, 0xAA};
    sim_file(sim, u,
             (struct uicc_file_attr){.kind = UICC_LINEAR,
                                     .fid = 0x6F3B,
                                     .sfi = 0,
                                     .arr_record = 7,
                                     .record_size = 4,
                                     .size = 12,
                                     .pattern_kind = UICC_PATTERN_FILL,
                                     .pattern = CR_SPAN_ARRAY(pattern)},
             NULL);
    sim_file(sim, u,
             (struct uicc_file_attr){.kind = UICC_BERTLV,
                                     .fid = 0x6FC0,
                                     .sfi = 12,
                                     .arr_record = 7,
                                     .size = 0,
                                     .max_size = 0x400},
             NULL);
    sim_file(sim, u,
             (struct uicc_file_attr){.kind = UICC_TRANSPARENT,
                                     .fid = 0x6F7E,
                                     .sfi = 11,
                                     .arr_record = 3,
                                     .size = 11,
                                     .special = UICC_SPECIAL_HIGH_UPDATE},
             "FFFFFFFF42F618FFFEFF01");
    sim_file(sim, u,
             (struct uicc_file_attr){
                 .kind = UICC_TRANSPARENT, .fid = 0x6F45, .sfi = 0, .arr_record = 4, .size = 300},
             NULL);
    sim_file(sim, u,
             (struct uicc_file_attr){
                 .kind = UICC_TRANSPARENT, .fid = 0x6F46, .sfi = 0, .arr_record = 6, .size = 4},
             NULL);
    uicc_file gsm = sim_file(
        sim, u, (struct uicc_file_attr){.kind = UICC_DF, .fid = 0x5F3B, .arr_record = 1}, NULL);
    sim_file(sim, gsm,
             (struct uicc_file_attr){
                 .kind = UICC_TRANSPARENT, .fid = 0x4F20, .sfi = 1, .arr_record = 3, .size = 9},
             NULL);
    sim_pin(sim, u, 0x81, "9999", 0x81, UICC_PIN_ENABLED | UICC_PIN_CHANGEABLE, 3);
}

static void sim_isim(struct sim *sim)
{
    static const uint8_t keys[] = {0x01, 0x81, 0x0A, 0x0B};
    struct sim_bytes aid = sim_hex(ISIM_AID);
    sim->isim = sim_file(sim, sim->mf,
                         (struct uicc_file_attr){.kind = UICC_ADF,
                                                 .fid = 0x7FB0,
                                                 .arr_record = 1,
                                                 .aid = cr_span_of(aid.p, aid.n),
                                                 .pin_status = CR_SPAN_ARRAY(keys)},
                         NULL);
    sim_arr(sim, sim->isim, 0x6F06, 0);
    sim_pin(sim, sim->isim, 0x81, "8888", 0x81, UICC_PIN_ENABLED | UICC_PIN_CHANGEABLE, 3);
}

static void sim_telecom(struct sim *sim)
{
    static const uint8_t keys[] = {0x01, 0x81};
    sim->telecom = sim_file(
        sim, sim->mf,
        (struct uicc_file_attr){
            .kind = UICC_DF, .fid = 0x7F10, .arr_record = 1, .pin_status = CR_SPAN_ARRAY(keys)},
        NULL);
    uicc_file t = sim->telecom;
    sim_arr(sim, t, 0x6F06, 0);
    uicc_file adn = sim_file(
        sim, t,
        (struct uicc_file_attr){
            .kind = UICC_LINEAR, .fid = 0x6F3A, .arr_record = 3, .record_size = 8, .size = 40},
        NULL);
    uicc_file book = sim_file(
        sim, t, (struct uicc_file_attr){.kind = UICC_DF, .fid = 0x5F3A, .arr_record = 1}, NULL);
    sim_file(sim, book,
             (struct uicc_file_attr){
                 .kind = UICC_TRANSPARENT, .fid = 0x4F22, .sfi = 2, .arr_record = 3, .size = 4},
             "00000001");
    sim_file(sim, sim->usim,
             (struct uicc_file_attr){
                 .kind = UICC_LINEAR, .fid = 0x6F3A, .arr_record = 7, .sfi = 20, .link = adn},
             NULL);
    sim_file(sim, sim->usim,
             (struct uicc_file_attr){.kind = UICC_DF, .fid = 0x5F3A, .arr_record = 1, .link = book},
             NULL);
    sim_pin(sim, t, 0x81, "9999", 0x81, UICC_PIN_ENABLED | UICC_PIN_CHANGEABLE, 3);
}

/* Test algorithm on the USIM, RES of 128 bits; the ISIM maps to it. */
static void sim_keys(struct sim *sim)
{
    struct uicc_auth auth;
    struct sim_bytes key = sim_hex(K_TEST), aid = sim_hex(USIM_AID);
    uicc_auth_default(&auth, AKA_TEST);
    memcpy(auth.params.key, key.p, 16);
    SIM_MUST(uicc_auth_apply_options(&auth, 0x02, &sim->err) == CR_OK);
    SIM_MUST(uicc_auth_create(&sim->fs, sim->usim, &auth, &sim->err) == CR_OK);
    auth.mapped = true;
    auth.mapping_source = cr_span_of(aid.p, aid.n);
    SIM_MUST(uicc_auth_create(&sim->fs, sim->isim, &auth, &sim->err) == CR_OK);
}

static void sim_profile(struct sim *sim)
{
    static const uint8_t keys[] = {0x01, 0x0A, 0x0B};
    SIM_MUST(uicc_fs_init(&sim->fs, sim->nvm, cr_span_str(SIM_PREFIX)));
    sim->mf = sim_file(
        sim, 0,
        (struct uicc_file_attr){
            .kind = UICC_MF, .fid = 0x3F00, .arr_record = 1, .pin_status = CR_SPAN_ARRAY(keys)},
        NULL);
    sim_arr(sim, sim->mf, 0x2F06, 6);
    sim_file(sim, sim->mf,
             (struct uicc_file_attr){
                 .kind = UICC_TRANSPARENT, .fid = 0x2FE2, .sfi = 2, .arr_record = 2, .size = 10},
             "98001032547698103214");
    sim_file(sim, sim->mf,
             (struct uicc_file_attr){
                 .kind = UICC_TRANSPARENT, .fid = 0x2F05, .sfi = 5, .arr_record = 7, .size = 2},
             NULL);
    sim_file(sim, sim->mf,
             (struct uicc_file_attr){.kind = UICC_LINEAR,
                                     .fid = 0x2F00,
                                     .sfi = 0x1E,
                                     .arr_record = 2,
                                     .record_size = 20,
                                     .size = 40},
             "61124F0C" USIM_AID "50025531"
             "61124F0C" ISIM_AID "50024931");
    sim_puk(sim, 0x01, "11111111");
    sim_puk(sim, 0x81, "22222222");
    sim_pin(sim, sim->mf, 0x01, "0000", 0x01, UICC_PIN_CHANGEABLE | UICC_PIN_DISABLEABLE, 3);
    sim_pin(sim, sim->mf, 0x0A, "55555555", 0, UICC_PIN_ENABLED | UICC_PIN_CHANGEABLE, 10);
    sim_pin(sim, sim->mf, 0x0B, "66666666", 0, UICC_PIN_ENABLED | UICC_PIN_CHANGEABLE, 10);
    sim_usim(sim);
    sim_isim(sim);
    sim_telecom(sim);
    sim_keys(sim);
}

/* A card over sim->nvm with the profile enabled. */
SIM_UNUSED static void sim_power_on(struct sim *sim)
{
    sim->env = (struct cr_env){.ctx = sim, .now_ms = sim_now, .random = sim_random};
    struct uicc_options options = {.nvm = sim->nvm, .env = &sim->env, .euicc = true};
    SIM_MUST(uicc_fs_init(&sim->fs, sim->nvm, cr_span_str(SIM_PREFIX)));
    SIM_MUST(uicc_new(&options, &sim->uicc, &sim->err) == CR_OK);
    SIM_MUST(uicc_set_profile(sim->uicc, cr_span_str(SIM_PREFIX), &sim->err) == CR_OK);
}

SIM_UNUSED static struct sim *sim_new(void)
{
    struct sim *sim = calloc(1, sizeof *sim);
    SIM_MUST(sim && nvm_open(NULL, true, &sim->nvm, &sim->err) == CR_OK);
    nvm_begin(sim->nvm);
    sim_profile(sim);
    SIM_MUST(nvm_commit(sim->nvm, &sim->err) == CR_OK);
    sim_power_on(sim);
    return sim;
}

SIM_UNUSED static void sim_free(struct sim *sim)
{
    uicc_free(sim->uicc);
    nvm_close(sim->nvm);
    cr_buf_free(&sim->response);
    free(sim);
}

/* Sends hex, gives the response as upper-case hex; valid until the next. */
SIM_UNUSED static const char *sim_send(struct sim *sim, const char *hex)
{
    struct sim_bytes b = sim_hex(hex);
    cr_buf_reset(&sim->response);
    (void)uicc_transmit(sim->uicc, cr_span_of(b.p, b.n), &sim->response, &sim->err);
    SIM_MUST(cr_buf_ok(&sim->response) && sim->response.n >= 2);
    return cr_hex_into(sim->text, sizeof sim->text, cr_buf_span(&sim->response));
}

SIM_UNUSED static uicc_sw sim_sw(struct sim *sim, const char *hex)
{
    (void)sim_send(sim, hex);
    const uint8_t *end = sim->response.p + sim->response.n;
    return (uicc_sw)(end[-2] << 8 | end[-1]);
}

#define SIM_EXPECT(sim, command, answer) assert_string_equal(sim_send((sim), (command)), (answer))
#define SIM_SW(sim, command, sw)         assert_int_equal(sim_sw((sim), (command)), (sw))

#define VERIFY_PIN1 "002000010830303030FFFFFFFF"
#define VERIFY_PIN2 "002000810839393939FFFFFFFF"
#define VERIFY_ADM1 "0020000A083535353535353535"
#define ENABLE_PIN1 "002800010830303030FFFFFFFF"
#define SELECT_USIM "00A4040C0C" USIM_AID
#define SELECT_ISIM "00A4040C0C" ISIM_AID
#define SELECT_MF   "00A4000C023F00"

#endif
