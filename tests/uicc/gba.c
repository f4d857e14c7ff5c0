/*
 * GBA on the card: bootstrapping, NAF derivation, what it leaves in EF.GBABP and EF.GBANL, on a
 * USIM and on an ISIM. Keys of TS 35.208 set 1; how the expected values come about:
 * tests/crypto/gba.c.
 */
#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "uicc/gba.h"

#define RAND1 "23553CBE9637A89D218AE64DAE47BF35"
#define NAF   "6E61662E6578616D706C652E636F6D0100000001"
#define IMPI                                                                                       \
    "30303130313031323334353637383940696D732E6D6E633030312E6D63633030312E336770706E6574776F726B2E" \
    "6F7267"
#define EXT_KEY "5129F8B653D6316E87E75BB94C562156ED2D6A5F7F9011B57C88F7C34604620E"
#define INT_KEY "C838126A087E7849D6B5DE808B0C7C7BBC10443D6FBE7E3CCF728262FE0159E2"

/* Challenges of SQN 20, 21 and 40 with MAC*, and the first one with the plain MAC. */
#define BOOTSTRAP(autn) "0088008423DD10" RAND1 "10" autn "00"
#define GBA_20          "AA689C648350800056AC7E8B3D85C30F"
#define GBA_21          "AA689C6483518000870DA3E4CE27533A"
#define GBA_40          "AA689C6483308000DBD407708D069D4B"
#define PLAIN_20        "AA689C6483508000904CBB451B65DEF8"
#define RES             "DB08A54211D5E3BA50BF"
#define DERIVE          "0088008448DE14" NAF "31" IMPI "00"

#define GBABP_SIZE 40
#define GBANL_SIZE 64
#define NO_FILE    0

struct place {
    uicc_file adf;
    uint16_t gbabp, gbanl;
    const char *select;
};

static void make_files(struct sim *sim, const struct place *place, uint32_t gbabp, uint32_t records,
                       uint16_t record_size)
{
    if (gbabp) {
        sim_file(sim, place->adf,
                 (struct uicc_file_attr){
                     .kind = UICC_TRANSPARENT, .fid = place->gbabp, .arr_record = 7, .size = gbabp},
                 NULL);
    }
    if (records) {
        sim_file(sim, place->adf,
                 (struct uicc_file_attr){.kind = UICC_LINEAR,
                                         .fid = place->gbanl,
                                         .arr_record = 7,
                                         .record_size = record_size,
                                         .size = records * record_size},
                 NULL);
    }
}

static void set_key(struct sim *sim, uicc_file adf)
{
    struct uicc_auth auth;
    struct sim_bytes key = sim_hex(K_SET1), opc = sim_hex(OPC_SET1);
    uicc_auth_default(&auth, AKA_MILENAGE);
    memcpy(auth.params.key, key.p, 16);
    memcpy(auth.params.opc, opc.p, 16);
    assert_int_equal(uicc_auth_create(&sim->fs, adf, &auth, &sim->err), CR_OK);
}

/* A card whose USIM and ISIM have the service; the USIM's files as asked for. */
static struct sim *gba_sim(struct place *usim, struct place *isim, uint32_t gbabp, uint32_t records,
                           uint16_t record_size)
{
    struct sim *sim = sim_new();
    *usim = (struct place){sim->usim, 0x6FD6, 0x6FDA, SELECT_USIM};
    *isim = (struct place){sim->isim, 0x6FD5, 0x6FD7, SELECT_ISIM};
    set_key(sim, sim->usim);
    set_key(sim, sim->isim);
    make_files(sim, usim, gbabp, records, record_size);
    make_files(sim, isim, GBABP_SIZE, 2, GBANL_SIZE);
    uicc_file ust = uicc_fs_child(&sim->fs, sim->usim, 0x6F38);
    struct sim_bytes service = sim_hex("49"); /* 68: byte 9, bit 4 */
    assert_int_equal(uicc_fs_write(&sim->fs, ust, 8, cr_span_of(service.p, service.n), &sim->err),
                     CR_OK);
    sim_file(sim, sim->isim,
             (struct uicc_file_attr){
                 .kind = UICC_TRANSPARENT, .fid = 0x6F07, .sfi = 7, .arr_record = 7, .size = 2},
             "0200");
    SIM_SW(sim, usim->select, 0x9000);
    return sim;
}

static void int_key_is(struct sim *sim, const struct place *place, uint8_t record,
                       const char *expected)
{
    uint8_t key[GBA_NAF_KEY];
    char hex[2 * GBA_NAF_KEY + 1];
    const struct uicc_gba gba = {
        .fs = &sim->fs, .adf = place->adf, .fid_gbabp = place->gbabp, .fid_gbanl = place->gbanl};
    assert_int_equal(uicc_gba_int_key(&gba, record, key), expected != NULL);
    if (expected) {
        assert_string_equal(cr_hex_into(hex, sizeof hex, CR_SPAN_ARRAY(key)), expected);
    }
}

static void select_ef(struct sim *sim, uint16_t fid)
{
    char command[16];
    (void)snprintf(command, sizeof command, "00A4000C02%04X", fid);
    SIM_EXPECT(sim, command, "9000");
}

static void bootstrap_and_derive(struct sim *sim, const struct place *place)
{
    SIM_SW(sim, place->select, 0x9000);
    SIM_EXPECT(sim, DERIVE, "6985"); /* nothing bootstrapped */
    SIM_EXPECT(sim, BOOTSTRAP(PLAIN_20), "9862");
    SIM_EXPECT(sim, BOOTSTRAP(GBA_20), RES "9000");
    select_ef(sim, place->gbabp);
    SIM_EXPECT(sim, "00B0000028",
               "10" RAND1 "0000"
               "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
               "9000");
    /* The terminal adds the B-TID ("btid@bsf") and a lifetime. */
    SIM_EXPECT(sim, "00D600110B086274696440627366010F", "9000");
    SIM_EXPECT(sim, DERIVE, "DB20" EXT_KEY "9000");
    select_ef(sim, place->gbanl);
    SIM_EXPECT(sim, "00B2010440",
               "8014" NAF "81086274696440627366"
               "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
               "9000");
    int_key_is(sim, place, 1, INT_KEY);
    int_key_is(sim, place, 2, NULL);
    /* An old challenge: resynchronisation, and what was bootstrapped stays. */
    SIM_EXPECT(sim, BOOTSTRAP(GBA_20), "DC0E451E8BECA41BF8EE589D46D835C99000");
    SIM_EXPECT(sim, DERIVE, "DB20" EXT_KEY "9000");
    /* With the same RAND the same Ks; the B-TID goes. */
    SIM_EXPECT(sim, BOOTSTRAP(GBA_21), RES "9000");
    select_ef(sim, place->gbabp);
    SIM_EXPECT(sim, "00B0001102", "00009000");
    SIM_EXPECT(sim, DERIVE, "DB20" EXT_KEY "9000");
    select_ef(sim, place->gbanl);
    SIM_EXPECT(sim, "00A201040180", "6101"); /* one record has a NAF: the same as before */
}

static void on_the_usim(void **state)
{
    (void)state;
    struct place usim, isim;
    struct sim *sim = gba_sim(&usim, &isim, GBABP_SIZE, 2, GBANL_SIZE);
    bootstrap_and_derive(sim, &usim);
    sim_free(sim);
}

static void on_the_isim(void **state)
{
    (void)state;
    struct place usim, isim;
    struct sim *sim = gba_sim(&usim, &isim, GBABP_SIZE, 2, GBANL_SIZE);
    bootstrap_and_derive(sim, &isim);
    /* and the USIM has nothing of it */
    SIM_SW(sim, usim.select, 0x9000);
    SIM_EXPECT(sim, DERIVE, "6985");
    sim_free(sim);
}

/* Ks is in the chip's memory: a reset changes nothing, the end of the application's file does. */
static void survives_a_reset(void **state)
{
    (void)state;
    struct place usim, isim;
    struct sim *sim = gba_sim(&usim, &isim, GBABP_SIZE, 2, GBANL_SIZE);
    SIM_EXPECT(sim, BOOTSTRAP(GBA_20), RES "9000");
    uicc_reset(sim->uicc);
    SIM_SW(sim, usim.select, 0x9000);
    SIM_EXPECT(sim, DERIVE, "DB20" EXT_KEY "9000");
    assert_int_equal(uicc_fs_delete(&sim->fs, sim->usim, &sim->err), CR_OK);
    int_key_is(sim, &usim, 1, NULL);
    sim_free(sim);
}

/* NAF n derives; the card answers 9000. */
static void derive_naf(struct sim *sim, unsigned n)
{
    char command[64];
    (void)snprintf(command, sizeof command, "0088008408DE046E61%02X00014100", n);
    SIM_SW(sim, command, 0x9000);
}

/* A NAF has one record; when all are taken the one derived longest ago goes. */
static void naf_list(void **state)
{
    (void)state;
    struct place usim, isim;
    struct sim *sim = gba_sim(&usim, &isim, GBABP_SIZE, 2, 16);
    SIM_EXPECT(sim, BOOTSTRAP(GBA_20), RES "9000");
    derive_naf(sim, 1);
    derive_naf(sim, 2);
    derive_naf(sim, 1); /* again: record 2 is now the older one */
    derive_naf(sim, 3);
    select_ef(sim, usim.gbanl);
    SIM_EXPECT(sim, "00B2010410", "80046E6101008100FFFFFFFFFFFFFFFF9000");
    SIM_EXPECT(sim, "00B2020410", "80046E6103008100FFFFFFFFFFFFFFFF9000");
    derive_naf(sim, 4);
    SIM_EXPECT(sim, "00B2010410", "80046E6104008100FFFFFFFFFFFFFFFF9000");
    /* a NAF_Id that the record does not hold */
    SIM_EXPECT(sim, DERIVE, "9866");
    sim_free(sim);
}

static void without_files(void **state)
{
    (void)state;
    struct place usim, isim;
    struct sim *sim = gba_sim(&usim, &isim, NO_FILE, 0, 0);
    SIM_EXPECT(sim, BOOTSTRAP(GBA_20), "6985");
    sim_free(sim);
    sim = gba_sim(&usim, &isim, 16, 2, GBANL_SIZE); /* no room for the RAND */
    SIM_EXPECT(sim, BOOTSTRAP(GBA_20), "6985");
    sim_free(sim);
    /* EF.GBANL is not needed for the key of the terminal */
    sim = gba_sim(&usim, &isim, 17, 0, 0);
    SIM_EXPECT(sim, BOOTSTRAP(GBA_20), RES "9000");
    SIM_EXPECT(sim, DERIVE, "DB20" EXT_KEY "9000");
    int_key_is(sim, &usim, 1, NULL);
    sim_free(sim);
}

static void bad_input(void **state)
{
    (void)state;
    static const struct {
        const char *command, *answer;
    } rows[] = {
        {"00880084010000", "6A80"},
        {"0088008401DD00", "6700"},
        {"0088008401DE00", "6A80"},
        {"0088008422DD10" RAND1 "10AA689C648350800056AC7E8B3D85C300", "6700"},
        {"0088008423DD0F" RAND1 "10" GBA_20 "00", "6A80"},
        {"0088008423DD10" RAND1 "0F" GBA_20 "00", "6A80"},
        {"0088008423DC10" RAND1 "10" GBA_20 "00", "6A80"},
        {"0088008403DE000000", "6A80"},       /* empty NAF_Id */
        {"0088008405DE0141000000", "6A80"},   /* empty IMPI, and more */
        {"0088008404DE01410000", "6A80"},     /* empty IMPI */
        {"0088008405DE0141014200", "6985"},   /* well formed: nothing bootstrapped */
        {"0088008406DE014101424300", "6A80"}, /* more behind it */
        {"0088008404DE02410100", "6A80"},     /* NAF_Id longer than the data */
        {"0088008505DE0141014200", "9864"},   /* MBMS */
        {"0088008605DE0141014200", "9864"},   /* local key establishment */
        {"0088008705DE0141014200", "6A86"},
    };
    struct place usim, isim;
    struct sim *sim = gba_sim(&usim, &isim, GBABP_SIZE, 2, GBANL_SIZE);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        print_message("%s\n", rows[i].command);
        SIM_EXPECT(sim, rows[i].command, rows[i].answer);
    }
    SIM_EXPECT(sim, BOOTSTRAP(GBA_40), RES "9000"); /* nothing of it has used a sequence number */
    sim_free(sim);
}

/* Without the service in EF.UST or EF.IST there is no such context. */
static void service_tables(void **state)
{
    (void)state;
    struct place usim, isim;
    struct sim *sim = gba_sim(&usim, &isim, GBABP_SIZE, 2, GBANL_SIZE);
    uicc_file ust = uicc_fs_child(&sim->fs, sim->usim, 0x6F38);
    uicc_file ist = uicc_fs_child(&sim->fs, sim->isim, 0x6F07);
    static const uint8_t nothing[1];
    assert_int_equal(uicc_fs_write(&sim->fs, ust, 8, CR_SPAN_ARRAY(nothing), &sim->err), CR_OK);
    assert_int_equal(uicc_fs_write(&sim->fs, ist, 0, CR_SPAN_ARRAY(nothing), &sim->err), CR_OK);
    SIM_EXPECT(sim, BOOTSTRAP(GBA_20), "9864");
    SIM_SW(sim, isim.select, 0x9000);
    SIM_EXPECT(sim, BOOTSTRAP(GBA_20), "9864");
    sim_free(sim);
}

/* Odd instruction: the same in BER-TLV blocks. */
static void odd_instruction(void **state)
{
    (void)state;
    struct place usim, isim;
    struct sim *sim = gba_sim(&usim, &isim, GBABP_SIZE, 2, GBANL_SIZE);
    SIM_EXPECT(sim, "00898084257323DD10" RAND1 "10" GBA_20, "62F3");
    SIM_EXPECT(sim, "0089A08400", "730A" RES "9000");
    sim_free(sim);
}

static bool cut_before_commit(void *ctx, enum nvm_point point)
{
    (void)ctx;
    return point == NVM_BEFORE_COMMIT;
}

/* Power lost while Ks is stored: neither Ks nor the sequence number nor the answer. */
static void no_answer_without_commit(void **state)
{
    (void)state;
    struct place usim, isim;
    struct sim *sim = gba_sim(&usim, &isim, GBABP_SIZE, 2, GBANL_SIZE);
    nvm_begin(sim->nvm);
    assert_int_equal(nvm_commit(sim->nvm, &sim->err), CR_OK);
    nvm_set_fault(sim->nvm, cut_before_commit, NULL);
    SIM_EXPECT(sim, BOOTSTRAP(GBA_20), "6581");
    struct nvm *again;
    assert_int_equal(nvm_clone_committed(sim->nvm, &again, &sim->err), CR_OK);
    uicc_free(sim->uicc);
    nvm_close(sim->nvm);
    sim->nvm = again;
    sim_power_on(sim);
    SIM_SW(sim, usim.select, 0x9000);
    SIM_EXPECT(sim, DERIVE, "6985");
    SIM_EXPECT(sim, BOOTSTRAP(GBA_20), RES "9000");
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_the_usim),
        cmocka_unit_test(on_the_isim),
        cmocka_unit_test(survives_a_reset),
        cmocka_unit_test(naf_list),
        cmocka_unit_test(without_files),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(service_tables),
        cmocka_unit_test(odd_instruction),
        cmocka_unit_test(no_answer_without_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
