#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Milenage with the keys of TS 35.208 set 1 on the USIM, an own parameter set on the ISIM too. */
static struct sim *sim_milenage(uint8_t sqn_options, uint32_t counter_max)
{
    struct sim *sim = sim_new();
    struct uicc_auth auth;
    struct sim_bytes key = sim_hex(K_SET1), opc = sim_hex(OPC_SET1);
    uicc_auth_default(&auth, AKA_MILENAGE);
    memcpy(auth.params.key, key.p, 16);
    memcpy(auth.params.opc, opc.p, 16);
    auth.sqn_options = sqn_options;
    auth.counter_max = counter_max;
    assert_int_equal(uicc_auth_create(&sim->fs, sim->usim, &auth, &sim->err), CR_OK);
    assert_int_equal(uicc_auth_create(&sim->fs, sim->isim, &auth, &sim->err), CR_OK);
    SIM_SW(sim, SELECT_USIM, 0x9000);
    return sim;
}

#define RAND1 "23553CBE9637A89D218AE64DAE47BF35"
#define ANSWER                                                                                     \
    "DB08A54211D5E3BA50BF10B40BA9A3C58B2A05BBF0D987B21BF8CB10F769BCD751044604127672711C6D344108"
#define KC1     "EAE4BE823AF9A08B"
#define AUTS_1  "DC0E451E8BECA41BF8EE589D46D835C9"
#define AUTN_20 "AA689C6483508000904CBB451B65DEF8"
#define AUTN_21 "AA689C648351800041ED662AE8C74ECD"
#define AUTN_40 "AA689C64833080001D34C2BEABE680BC"
#define AUTH(autn)                                                                                 \
    "0088008122"                                                                                   \
    "10" RAND1 "10" autn "00"

/* The card-level test: fresh, replayed, next index, next sequence number. */
static void milenage_and_sequence_numbers(void **state)
{
    (void)state;
    struct sim *sim = sim_milenage(UICC_SQN_CHECK_DELTA, 0);
    uint64_t seq[UICC_SQN_COUNT];
    SIM_EXPECT(sim, AUTH(AUTN_20), ANSWER KC1 "9000");
    SIM_EXPECT(sim, AUTH(AUTN_20), AUTS_1 "9000");
    SIM_EXPECT(sim, AUTH(AUTN_21), ANSWER KC1 "9000");
    SIM_EXPECT(sim, AUTH(AUTN_21), AUTS_1 "9000"); /* the first of the highest: IND 0 */
    SIM_EXPECT(sim, AUTH(AUTN_40), ANSWER KC1 "9000");
    assert_true(uicc_auth_sqn(&sim->fs, sim->usim, seq));
    assert_int_equal(seq[0], 2);
    assert_int_equal(seq[1], 1);
    assert_int_equal(seq[2], 0);
    /* without Le: 61xx, then the answer with either class */
    SIM_EXPECT(sim,
               "0088008122"
               "10" RAND1 "10" AUTN_40,
               "6110");
    SIM_SW(sim, "00C0000010", 0x9000);
    /* the ISIM has its own array and no Kc */
    SIM_EXPECT(sim, SELECT_ISIM, "9000");
    SIM_EXPECT(sim,
               "0088008122"
               "10" RAND1 "10" AUTN_20,
               "612C");
    sim_free(sim);
}

static void sequence_numbers_survive_a_reset(void **state)
{
    (void)state;
    struct sim *sim = sim_milenage(UICC_SQN_CHECK_DELTA, 0);
    SIM_EXPECT(sim, AUTH(AUTN_20), ANSWER KC1 "9000");
    uicc_free(sim->uicc);
    struct nvm *again;
    assert_int_equal(nvm_clone_committed(sim->nvm, &again, &sim->err), CR_OK);
    nvm_close(sim->nvm);
    sim->nvm = again;
    sim_power_on(sim);
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, AUTH(AUTN_20), AUTS_1 "9000");
    sim_free(sim);
}

static bool cut_before_commit(void *ctx, enum nvm_point point)
{
    (void)ctx;
    return point == NVM_BEFORE_COMMIT;
}

/* The answer does not leave when the sequence number cannot be stored. */
static void no_answer_without_commit(void **state)
{
    (void)state;
    struct sim *sim = sim_milenage(UICC_SQN_CHECK_DELTA, 0);
    nvm_set_fault(sim->nvm, cut_before_commit, NULL);
    SIM_EXPECT(sim, AUTH(AUTN_20), "6581");
    struct nvm *again;
    assert_int_equal(nvm_clone_committed(sim->nvm, &again, &sim->err), CR_OK);
    uicc_free(sim->uicc);
    nvm_close(sim->nvm);
    sim->nvm = again;
    sim_power_on(sim);
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, AUTH(AUTN_20), ANSWER KC1 "9000");
    sim_free(sim);
}

/* AUTN for a sequence number, made as a network does. */
static void autn_of(struct sim *sim, const struct aka_params *params, uint64_t sqn, bool conceal,
                    char *command)
{
    struct sim_bytes rand = sim_hex(RAND1);
    struct aka_vector v;
    uint8_t s[6], amf[2] = {0x80, 0x00}, autn[40];
    for (int i = 0; i < 6; i++) {
        s[i] = (uint8_t)(sqn >> (40 - 8 * i));
    }
    assert_int_equal(aka_compute(params, rand.p, s, amf, &v, &sim->err), CR_OK);
    for (int i = 0; i < 6; i++) {
        autn[i] = (uint8_t)(s[i] ^ (conceal ? v.ak[i] : 0));
    }
    memcpy(autn + 6, amf, 2);
    memcpy(autn + 8, v.mac_a, params->mac_size);
    char hex[100];
    cr_hex_into(hex, sizeof hex, cr_span_of(autn, 8 + params->mac_size));
    (void)snprintf(command, 256, "00880081%02zX10" RAND1 "%02zX%s00", 18 + 8 + params->mac_size,
                   8 + params->mac_size, hex);
}

static uint8_t first_byte(struct sim *sim, uint64_t sqn, const struct aka_params *params,
                          bool conceal)
{
    char command[256];
    autn_of(sim, params, sqn, conceal, command);
    SIM_SW(sim, command, 0x9000);
    return sim->response.p[0];
}

#define SQN(seq, ind) ((uint64_t)(seq) << 5 | (ind))

static void delta_and_age(void **state)
{
    (void)state;
    static const struct {
        uint8_t options;
        bool conceal;
        struct {
            uint64_t sqn;
            uint8_t tag;
        } steps[6];
    } cases[] = {
        /* delta of 1000 seen from the highest */
        {UICC_SQN_CHECK_DELTA,
         true,
         {{SQN(1000, 3), 0xDB},
          {SQN(2001, 4), 0xDC},
          {SQN(2000, 4), 0xDB},
          {SQN(3001, 3), 0xDC},
          {SQN(1, 5), 0xDB},
          {SQN(1, 5), 0xDC}}},
        /* no check but the one of the index */
        {0,
         true,
         {{SQN(1000, 3), 0xDB},
          {SQN(5000, 4), 0xDB},
          {SQN(1, 5), 0xDB},
          {SQN(1000, 3), 0xDC},
          {SQN(1001, 3), 0xDB},
          {SQN(0x7FFFFFFFFFF, 6), 0xDB}}},
        /* an age of less than 500 */
        {UICC_SQN_CHECK_AGE,
         true,
         {{SQN(1000, 3), 0xDB},
          {SQN(500, 4), 0xDC},
          {SQN(501, 4), 0xDB},
          {SQN(9000, 5), 0xDB},
          {SQN(8500, 6), 0xDC},
          {SQN(8501, 6), 0xDB}}},
        /* SQN in the clear */
        {UICC_SQN_AK_NOT_USED,
         false,
         {{SQN(1, 0), 0xDB},
          {SQN(1, 0), 0xDC},
          {SQN(1, 1), 0xDB},
          {SQN(0, 2), 0xDC},
          {SQN(2, 0), 0xDB},
          {SQN(2, 2), 0xDB}}},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct sim *sim = sim_new();
        struct uicc_auth auth;
        struct sim_bytes key = sim_hex(K_SET1), opc = sim_hex(OPC_SET1);
        uicc_auth_default(&auth, AKA_MILENAGE);
        memcpy(auth.params.key, key.p, 16);
        memcpy(auth.params.opc, opc.p, 16);
        auth.sqn_options = cases[i].options;
        auth.sqn_delta = 1000;
        auth.sqn_age_limit = 500;
        assert_int_equal(uicc_auth_create(&sim->fs, sim->usim, &auth, &sim->err), CR_OK);
        SIM_SW(sim, SELECT_USIM, 0x9000);
        for (size_t k = 0; k < 6; k++) {
            uint8_t tag = first_byte(sim, cases[i].steps[k].sqn, &auth.params, cases[i].conceal);
            if (tag != cases[i].steps[k].tag) {
                fail_msg("case %zu step %zu: %02X", i, k, tag);
            }
        }
        sim_free(sim);
    }
}

/* AUTS leads a network back: SQN_MS can be read from it and MAC-S holds. */
static void resynchronisation_with_clear_sqn(void **state)
{
    (void)state;
    struct sim *sim = sim_milenage(UICC_SQN_AK_NOT_USED, 0);
    struct uicc_auth auth;
    struct sim_bytes key = sim_hex(K_SET1), opc = sim_hex(OPC_SET1), rand = sim_hex(RAND1);
    uicc_auth_default(&auth, AKA_MILENAGE);
    memcpy(auth.params.key, key.p, 16);
    memcpy(auth.params.opc, opc.p, 16);
    assert_int_equal(first_byte(sim, SQN(7, 9), &auth.params, false), 0xDB);
    assert_int_equal(first_byte(sim, SQN(7, 9), &auth.params, false), 0xDC);
    const uint8_t expected[6] = {0, 0, 0, 0, 0, 7 << 5 | 9}, amf[2] = {0, 0};
    uint8_t mac_s[32];
    assert_int_equal(aka_mac_s(&auth.params, rand.p, expected, amf, mac_s, &sim->err), CR_OK);
    assert_memory_equal(sim->response.p + 2, expected, 6);
    assert_memory_equal(sim->response.p + 8, mac_s, 8);
    sim_free(sim);
}

static void refusals(void **state)
{
    (void)state;
    struct sim *sim = sim_milenage(UICC_SQN_CHECK_DELTA, 0);
    SIM_EXPECT(sim, AUTH("AA689C6483508000904CBB451B65DEF9"), "9862");
    SIM_EXPECT(sim, AUTH("AA689C6483508001904CBB451B65DEF8"), "9862");
    SIM_EXPECT(sim,
               "0088008122"
               "10" RAND1 "0F" AUTN_20,
               "6A80");
    SIM_EXPECT(sim,
               "0088008122"
               "0F" RAND1 "10" AUTN_20,
               "6A80");
    SIM_EXPECT(sim,
               "0088008111"
               "10" RAND1,
               "6700");
    SIM_EXPECT(sim, "0088008100", "6700");
    SIM_EXPECT(sim,
               "0088018122"
               "10" RAND1 "10" AUTN_20,
               "6A86");
    SIM_EXPECT(sim,
               "0088008322"
               "10" RAND1 "10" AUTN_20,
               "6A86");
    SIM_EXPECT(sim,
               "0088000122"
               "10" RAND1 "10" AUTN_20,
               "6A86");
    SIM_EXPECT(sim,
               "8088008122"
               "10" RAND1 "10" AUTN_20,
               "6E00");
    SIM_EXPECT(sim,
               "0088008203"
               "010203",
               "9864");
    SIM_EXPECT(sim,
               "0088008403"
               "DD0102",
               "9864");
    /* nothing of this used the sequence number up */
    SIM_EXPECT(sim, AUTH(AUTN_20), ANSWER KC1 "9000");
    /* PIN1 */
    SIM_EXPECT(sim, ENABLE_PIN1, "9000");
    SIM_EXPECT(sim, AUTH(AUTN_21), ANSWER KC1 "9000");
    uicc_reset(sim->uicc);
    SIM_EXPECT(sim, AUTH(AUTN_40), "6985"); /* no application */
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, AUTH(AUTN_40), "6982");
    SIM_EXPECT(sim, VERIFY_PIN1, "9000");
    SIM_EXPECT(sim, SELECT_MF, "9000");
    SIM_EXPECT(sim, AUTH(AUTN_40), "6985"); /* not in the application */
    SIM_EXPECT(sim, "00A4080C047FFF5F3B", "9000");
    SIM_EXPECT(sim, AUTH(AUTN_40), ANSWER KC1 "9000"); /* below it is in it */
    sim_free(sim);
}

/* RES of the GSM context: SRES = c2, Kc = c3; service 38 has to be there. */
static void gsm_context(void **state)
{
    (void)state;
    struct sim *sim = sim_milenage(UICC_SQN_CHECK_DELTA, 0);
    SIM_EXPECT(sim,
               "0088008011"
               "10" RAND1 "00",
               "0446F8416A08" KC1 "9000");
    SIM_EXPECT(sim,
               "0088008011"
               "10" RAND1,
               "610E");
    SIM_EXPECT(sim,
               "0088008011"
               "11" RAND1,
               "6A80");
    SIM_EXPECT(sim, "0088008010" RAND1, "6700");
    SIM_EXPECT(sim,
               "0088008022"
               "10" RAND1 "10" AUTN_20,
               "6700");
    /* no service 38: not supported; no service 27: no Kc */
    uicc_file ust = uicc_fs_child(&sim->fs, sim->usim, 0x6F38);
    uint8_t none = 0;
    assert_int_equal(uicc_fs_write(&sim->fs, ust, 4, cr_span_of(&none, 1), &sim->err), CR_OK);
    SIM_EXPECT(sim,
               "0088008011"
               "10" RAND1,
               "9864");
    assert_int_equal(uicc_fs_write(&sim->fs, ust, 3, cr_span_of(&none, 1), &sim->err), CR_OK);
    SIM_EXPECT(sim,
               "0088008122"
               "10" RAND1 "10" AUTN_20,
               "612C");
    /* an ISIM has no GSM context */
    SIM_EXPECT(sim, SELECT_ISIM, "9000");
    SIM_EXPECT(sim,
               "0088008011"
               "10" RAND1,
               "9864");
    sim_free(sim);
}

/* The test algorithm of the widespread test profiles, and an ISIM that maps to the USIM's. */
static void test_algorithm(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
#define XOR_ANSWER                                                                                 \
    "DB1023543EBD9232AE9A2983EC46A24AB13A10543EBD9232AE9A2983EC46A24AB13A23"                       \
    "103EBD9232AE9A2983EC46A24AB13A2354"
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim,
               "0088008122"
               "10" RAND1 "10"
               "BD9232AE9A09800023543EBD92122E9A",
               "613D");
    SIM_EXPECT(sim, "00C000003D", XOR_ANSWER "080529CB4867BFAADD9000");
    /* any number of times */
    SIM_EXPECT(sim, AUTH("BD9232AE9A09800023543EBD92122E9A"), XOR_ANSWER "080529CB4867BFAADD9000");
    SIM_EXPECT(sim, AUTH("BD9232AE9A09800023543EBD92122E9B"), "9862");
    /* AMF FFFF asks for a resynchronisation: MAC = XDOUT xor SQN AMF, AUTS over what came */
    SIM_EXPECT(sim,
               AUTH("BD9232AE9A09FFFF23543EBD9212"
                    "5165"),
               "DC0EBD9232AE9A0923543EBD9212AE9A9000");
    SIM_EXPECT(sim,
               "0088008011"
               "10" RAND1,
               "610E");
    SIM_EXPECT(sim, SELECT_ISIM, "9000");
    SIM_EXPECT(sim, AUTH("BD9232AE9A09800023543EBD92122E9A"), XOR_ANSWER "9000");
    sim_free(sim);
}

static void tuak(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct uicc_auth auth;
    /* set 1: RES of 32 bits */
    struct sim_bytes topc =
        sim_hex("bd04d9530e87513c5d837ac2ad954623a8e2330c115305a73eb45d1f40cccbff");
    uicc_auth_default(&auth, AKA_TUAK);
    assert_int_equal(uicc_auth_apply_options(&auth, 0x00, &sim->err), CR_OK);
    memset(auth.params.key, 0xAB, 16);
    memcpy(auth.params.opc, topc.p, 32);
    auth.sqn_options = 0;
    assert_int_equal(uicc_auth_create(&sim->fs, sim->usim, &auth, &sim->err), CR_OK);
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    /* SQN 111111111111 xor AK 719f1e9b9054 */
    SIM_EXPECT(sim,
               "0088008122"
               "10"
               "42424242424242424242424242424242"
               "10"
               "608E0F8A8145"
               "FFFF"
               "F9A54E6AEAA8618D"
               "00",
               "DB04657ACD6410D71A1E5C6CAFFE986A26F783E5C78BE110BE849FA2564F869AECEE6F62D4337E72"
               "08"
               "EF56191F0B148D91"
               "9000");
    /* set 2: key of 256 bits, RES 64, MAC 128 */
    struct sim_bytes key2 =
        sim_hex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0");
    struct sim_bytes topc2 =
        sim_hex("305425427e18c503c8a4b294ea72c95d0c36c6c6b29d0c65de5974d5977f8524");
    assert_int_equal(uicc_auth_apply_options(&auth, 0x09, &sim->err), CR_OK);
    auth.params.key_size = 32;
    memcpy(auth.params.key, key2.p, 32);
    memcpy(auth.params.opc, topc2.p, 32);
    assert_int_equal(uicc_auth_create(&sim->fs, sim->isim, &auth, &sim->err), CR_OK);
    SIM_EXPECT(sim, SELECT_ISIM, "9000");
    /* SQN 0123456789ab xor AK 480a9345cc1e */
    SIM_EXPECT(sim,
               "008800812A"
               "10"
               "0123456789ABCDEF0123456789ABCDEF"
               "18"
               "4929D62245B5"
               "ABCD"
               "C0B8C2D4148EC7AA5F1D78A97E4D1D58"
               "00",
               "DB08E9D749DC4EEA003510A4CB6F6529AB17F8337F27BAA8234D47"
               "102274155CCF4199D5E2ABCBF621907F909000");
    /* replayed: AUTS is longer with a MAC of 128 bits */
    SIM_EXPECT(sim,
               "008800812A"
               "10"
               "0123456789ABCDEF0123456789ABCDEF"
               "18"
               "4929D62245B5"
               "ABCD"
               "C0B8C2D4148EC7AA5F1D78A97E4D1D58",
               "6118");
    sim_free(sim);
}

/* All of 256 bits: key, MAC, RES, CK and IK, two rounds of Keccak (TS 35.233 set 6). SQN is
 * a2353a07fe09, AK 6aae8d18c448. */
static void tuak_256(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct uicc_auth auth;
    struct sim_bytes topc =
        sim_hex("b04a66f26c62fcd6c82de22a179ab65506ecf47f56245cd149966cfa9cec7a51");
    struct sim_bytes key =
        sim_hex("1574ca56881d05c189c82880f789c9cd4244955f4426aa2b69c29f15770e5aa5");
    uicc_auth_default(&auth, AKA_TUAK);
    assert_int_equal(uicc_auth_apply_options(&auth, 0x53, &sim->err), CR_OK);
    auth.params.key_size = 32;
    auth.params.keccak_iterations = 2;
    auth.sqn_options = 0;
    memcpy(auth.params.key, key.p, 32);
    memcpy(auth.params.opc, topc.p, 32);
    assert_int_equal(uicc_auth_create(&sim->fs, sim->usim, &auth, &sim->err), CR_OK);
    SIM_EXPECT(sim, SELECT_USIM, "9000");
#define TUAK_RAND "C570AAC68CDE651FB1E3088322498BEF"
#define TUAK_MAC  "90D2289ED1CA1C3DBC2247BB480D431AC71D2E4A7677F6E997CFDDB0CBAD88B"
    SIM_EXPECT(sim,
               "008800813A10" TUAK_RAND "28"
               "A2353A073A41"
               "297D" TUAK_MAC "700",
               "9862");
    SIM_EXPECT(sim,
               "008800813A10" TUAK_RAND "28"
               "A2353A07FE09"
               "297D" TUAK_MAC "700",
               "DB20D67E6E64590D22EECBA7324AFA4AF4460C93F01B24506D6E12047D789A94C867"
               "20EDE57EDFC57CDFFE1AAE75066A1B7479BBC3837438E88D37A801CCCC9F972B89"
               "2048ED9299126E5057402FE01F9201CF25249F9C5C0ED2AFCF084755DAFF1D39999000");
    /* one bit of the MAC's end counts; replayed it asks for a resynchronisation of 38 bytes */
    SIM_EXPECT(sim,
               "008800813A10" TUAK_RAND "28"
               "A2353A07FE09"
               "297D" TUAK_MAC "600",
               "9862");
    SIM_EXPECT(sim,
               "008800813A10" TUAK_RAND "28"
               "A2353A07FE09"
               "297D" TUAK_MAC "7",
               "6128");
    /* 2G has no keys of that size */
    SIM_EXPECT(sim, "008800801110" TUAK_RAND "00", "9864");
    sim_free(sim);
}

static void odd_instruction(void **state)
{
    (void)state;
    struct sim *sim = sim_milenage(UICC_SQN_CHECK_DELTA, 0);
    /* in one block, the answer in two */
    SIM_EXPECT(sim,
               "0089808124"
               "7322"
               "10" RAND1 "10" AUTN_20,
               "62F3");
    SIM_EXPECT(sim, "0089A08110", "7335DB08A54211D5E3BA50BF10B40BA962F1");
    SIM_EXPECT(sim, "0089608110", "7335DB08A54211D5E3BA50BF10B40BA962F1");
    SIM_EXPECT(sim, "0089208100",
               "A3C58B2A05BBF0D987B21BF8CB10F769BCD751044604127672711C6D344108" KC1 "9000");
    SIM_EXPECT(sim, "0089208100", "6985");
    /* in three blocks */
    SIM_EXPECT(sim,
               "0089808101"
               "73",
               "63F1");
    SIM_EXPECT(sim,
               "0089008112"
               "2210" RAND1,
               "63F1");
    SIM_EXPECT(sim,
               "0089008111"
               "10" AUTN_21,
               "62F3");
    SIM_EXPECT(sim, "0089A08100", "7335" ANSWER KC1 "9000");
    /* another command ends it */
    SIM_EXPECT(sim,
               "0089808113"
               "732210" RAND1,
               "63F1");
    SIM_SW(sim, "80F2000C00", 0x9000);
    SIM_EXPECT(sim,
               "0089008111"
               "10" AUTN_40,
               "6985");
    SIM_EXPECT(sim, "0089A08100", "6985");
    /* refusals */
    SIM_EXPECT(sim,
               "0089808124"
               "7222"
               "10" RAND1 "10" AUTN_40,
               "6A80");
    SIM_EXPECT(sim,
               "0089808125"
               "7322"
               "10" RAND1 "10" AUTN_40 "00",
               "6A80");
    SIM_EXPECT(sim,
               "0089808124"
               "7322"
               "10" RAND1 "10" AUTN_20,
               "62F3"); /* resync */
    SIM_EXPECT(sim, "0089A08100", "7310" AUTS_1 "9000");
    SIM_EXPECT(sim, "0089808100", "6700");
    SIM_EXPECT(sim, "0089018100", "6A86");
    SIM_EXPECT(sim,
               "0089808724"
               "7322"
               "10" RAND1 "10" AUTN_20,
               "6A86");
    sim_free(sim);
}

static void counter_and_parameters(void **state)
{
    (void)state;
    struct sim *sim = sim_milenage(UICC_SQN_CHECK_DELTA, 2);
    SIM_EXPECT(sim, AUTH(AUTN_20), ANSWER KC1 "9000");
    SIM_EXPECT(sim,
               "0088008011"
               "10" RAND1,
               "610E");
    SIM_EXPECT(sim, AUTH(AUTN_21), "6985");
    struct uicc_auth auth;
    uicc_auth_default(&auth, AKA_MILENAGE);
    assert_int_equal(auth.sqn_options, 0x02);
    assert_int_equal(auth.sqn_delta, 0x10000000);
    auth.params.key_size = 32;
    assert_int_not_equal(uicc_auth_create(&sim->fs, sim->usim, &auth, &sim->err), CR_OK);
    auth.params.key_size = 16;
    assert_int_equal(uicc_auth_create(&sim->fs, sim->mf, &auth, &sim->err), CR_REFUSED);
    auth.sqn_init[5] = (uint64_t)1 << 43;
    assert_int_equal(uicc_auth_create(&sim->fs, sim->usim, &auth, &sim->err), CR_REFUSED);
    auth.sqn_init[5] = 0;
    auth.sqn_delta = (uint64_t)1 << 43;
    assert_int_equal(uicc_auth_create(&sim->fs, sim->usim, &auth, &sim->err), CR_REFUSED);
    uicc_auth_default(&auth, AKA_TUAK);
    assert_int_equal(uicc_auth_apply_options(&auth, 0x04, &sim->err), CR_REFUSED);
    assert_int_equal(uicc_auth_apply_options(&auth, 0x18, &sim->err), CR_REFUSED);
    assert_int_equal(uicc_auth_apply_options(&auth, 0x53, &sim->err), CR_OK);
    assert_int_equal(auth.params.res_size, 32);
    assert_int_equal(auth.params.mac_size, 32);
    assert_int_equal(auth.params.ck_size, 32);
    auth.mapped = true;
    auth.mapping_source = cr_span_str("nobody");
    assert_int_equal(uicc_auth_create(&sim->fs, sim->isim, &auth, &sim->err), CR_REFUSED);
    struct sim_bytes aid = sim_hex(ISIM_AID);
    auth.mapping_source = cr_span_of(aid.p, aid.n);
    assert_int_equal(uicc_auth_create(&sim->fs, sim->isim, &auth, &sim->err), CR_REFUSED);
    assert_true(uicc_auth_present(&sim->fs, sim->isim));
    assert_false(uicc_auth_present(&sim->fs, sim->mf));
    sim_free(sim);
}

/* sqnInit is where the array begins. */
static void initial_sequence_numbers(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct uicc_auth auth;
    struct sim_bytes key = sim_hex(K_SET1), opc = sim_hex(OPC_SET1);
    uicc_auth_default(&auth, AKA_MILENAGE);
    memcpy(auth.params.key, key.p, 16);
    memcpy(auth.params.opc, opc.p, 16);
    for (size_t i = 0; i < UICC_SQN_COUNT; i++) {
        auth.sqn_init[i] = 1;
    }
    assert_int_equal(uicc_auth_create(&sim->fs, sim->usim, &auth, &sim->err), CR_OK);
    SIM_SW(sim, SELECT_USIM, 0x9000);
    SIM_EXPECT(sim, AUTH(AUTN_20), AUTS_1 "9000");
    SIM_EXPECT(sim, AUTH(AUTN_40), ANSWER KC1 "9000");
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(milenage_and_sequence_numbers),
        cmocka_unit_test(sequence_numbers_survive_a_reset),
        cmocka_unit_test(no_answer_without_commit),
        cmocka_unit_test(delta_and_age),
        cmocka_unit_test(resynchronisation_with_clear_sqn),
        cmocka_unit_test(refusals),
        cmocka_unit_test(gsm_context),
        cmocka_unit_test(test_algorithm),
        cmocka_unit_test(tuak),
        cmocka_unit_test(tuak_256),
        cmocka_unit_test(odd_instruction),
        cmocka_unit_test(counter_and_parameters),
        cmocka_unit_test(initial_sequence_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
