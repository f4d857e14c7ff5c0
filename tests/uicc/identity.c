/*
 * GET IDENTITY: what the phone gets, and whether the home network finds the subscriber in it.
 */
#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../crypto/home.h"

#define FID_5GS  0x5FC0
#define FID_SAIP 0x5FD0
#define CALC     0x4F01
#define ROUTING  0x4F0A
#define AD       0x6FAD
#define IMSI     0x6F07
#define UST      0x6F38

#define GET_SUCI "8078000100"
#define GET_NSWO "8078000200"

/* IMSI 274012001002086 with an MNC of three digits: the subscriber of TS 33.501 C.4. */
#define IMSI_VECTOR "082947100210000268"
#define NULL_ONLY   "A0020000"
#define ONLY_A      "A0020101A12580011B8120" HOME_PUBLIC_A
#define ONLY_B      "A0020201A1268001FE8121" HOME_PUBLIC_B
#define FULL_B      "A0020201A1468001FE8141" HOME_FULL_B
#define TWO_KEYS    "80011B8120" HOME_PUBLIC_A "8001FE8121" HOME_PUBLIC_B
#define HEAD_A      "01722410F0FF011B"
#define HEAD_B      "01722410F0FF02FE"

/* Writes a file of an EF from its start, FF behind; makes it and its DF when they are not there. */
static uicc_file put(struct sim *sim, uint16_t df, uint16_t fid, const char *hex)
{
    uicc_file parent = df ? uicc_fs_child(&sim->fs, sim->usim, df) : sim->usim;
    if (!parent) {
        parent =
            sim_file(sim, sim->usim,
                     (struct uicc_file_attr){.kind = UICC_DF, .fid = df, .arr_record = 1}, NULL);
    }
    uicc_file file = uicc_fs_child(&sim->fs, parent, fid);
    if (!file) {
        file = sim_file(sim, parent,
                        (struct uicc_file_attr){
                            .kind = UICC_TRANSPARENT, .fid = fid, .arr_record = 6, .size = 200},
                        NULL);
    }
    struct uicc_file_attr a;
    struct sim_bytes b = sim_hex(hex);
    uint8_t content[200];
    assert_true(uicc_fs_attr(&sim->fs, file, &a) && a.size <= sizeof content && b.n <= a.size);
    memset(content, 0xFF, sizeof content);
    memcpy(content, b.p, b.n);
    assert_int_equal(uicc_fs_replace(&sim->fs, file, cr_span_of(content, a.size), &sim->err),
                     CR_OK);
    return file;
}

static void drop(struct sim *sim, uint16_t df, uint16_t fid)
{
    uicc_file parent = df ? uicc_fs_child(&sim->fs, sim->usim, df) : sim->usim;
    assert_int_equal(uicc_fs_delete(&sim->fs, uicc_fs_child(&sim->fs, parent, fid), &sim->err),
                     CR_OK);
}

/* A card that calculates: the USIM is selected. */
static struct sim *sim_calculating(const char *calc)
{
    struct sim *sim = sim_new();
    put(sim, 0, AD, "80000003");
    put(sim, 0, IMSI, IMSI_VECTOR);
    put(sim, FID_5GS, ROUTING, "F0FF0000");
    put(sim, FID_SAIP, CALC, calc);
    SIM_SW(sim, SELECT_USIM, 0x9000);
    return sim;
}

static const char *fixed;

static cr_status fixed_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    return fixed && cr_hex_fixed(p, n, cr_span_str(fixed))
               ? CR_OK
               : cr_fail(err, CR_RESOURCE, NULL, "no random numbers today");
}

/* Upper-case answer for a value in hex. */
static const char *answer(const char *value)
{
    static char text[512];
    (void)snprintf(text, sizeof text, "A1%02zX%s9000", strlen(value) / 2, value);
    for (char *p = text; *p; p++) {
        *p = (char)(*p >= 'a' && *p <= 'f' ? *p - 'a' + 'A' : *p);
    }
    return text;
}

/* The vectors of TS 33.501 C.4 through the whole card. */
static void vectors(void **state)
{
    (void)state;
    static const struct {
        const char *calc, *ephemeral, *value;
    } cases[] = {
        {ONLY_A, HOME_EPHEMERAL_A, HEAD_A HOME_OUTPUT_A},
        {ONLY_B, HOME_EPHEMERAL_B, HEAD_B HOME_OUTPUT_B},
        {FULL_B, HOME_EPHEMERAL_B, HEAD_B HOME_OUTPUT_B},
        /* priority, unknown schemes passed over, second key, long form of a length */
        {"A00401010202A14B" TWO_KEYS, HOME_EPHEMERAL_A, HEAD_A HOME_OUTPUT_A},
        {"A00402020101A14B" TWO_KEYS, HOME_EPHEMERAL_B, HEAD_B HOME_OUTPUT_B},
        {"A0020101A14C" TWO_KEYS, HOME_EPHEMERAL_B, ""},
        {"A0060F0102020000A1814B" TWO_KEYS, HOME_EPHEMERAL_B, HEAD_B HOME_OUTPUT_B},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct sim *sim = sim_calculating(cases[i].calc);
        sim->env.random = fixed_random;
        fixed = cases[i].ephemeral;
        if (cases[i].value[0]) {
            SIM_EXPECT(sim, GET_SUCI, answer(cases[i].value));
        } else {
            SIM_EXPECT(sim, GET_SUCI, "6A88"); /* a list that is cut */
        }
        sim_free(sim);
    }
}

/* Two answers of one card never look alike, and both are the same subscriber. */
static void home_network_finds_the_subscriber(void **state)
{
    (void)state;
    static const struct {
        int scheme;
        const char *calc, *own;
    } cases[] = {{1, ONLY_A, HOME_PRIVATE_A}, {2, ONLY_B, HOME_PRIVATE_B}};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct sim *sim = sim_calculating(cases[i].calc);
        struct sim_bytes own = sim_hex(cases[i].own), msin = sim_hex(HOME_MSIN);
        sim->env.random = cr_env_system()->random;
        char before[sizeof sim->text] = "";
        for (int k = 0; k < 3; k++) {
            uint8_t plain[64];
            size_t n = 0;
            SIM_SW(sim, GET_SUCI, 0x9000);
            assert_string_not_equal(sim->text, before);
            (void)snprintf(before, sizeof before, "%s", sim->text);
            cr_span output = cr_span_of(sim->response.p + 10, sim->response.n - 12);
            assert_int_equal(sim->response.p[1], sim->response.n - 4);
            assert_true(home_reveal(cases[i].scheme, own.p, output, plain, &n));
            assert_int_equal(n, msin.n);
            assert_memory_equal(plain, msin.p, n);
        }
        sim_free(sim);
    }
}

/* IMSIs of all lengths, both sorts of MNC, routing indicators. */
static void coding(void **state)
{
    (void)state;
    static const struct {
        const char *imsi, *ad, *routing, *value;
    } cases[] = {
        {"080910101032547698", "80000002", "F0FF0000", "0100F110F0FF00001032547698"},
        {"080910101032547698", "80000003", "F0FF0000",
         "01000110F0FF0000214365"
         "87F9"},
        {"0801101010325476F8", "80000002", "21F30000", "0100F11021F3000010325476F8"},
        {"04091010103254FFFF", "80000002", "2143FFFF", "0100F1102143000010"},
        {"0401101010FFFFFFFF", "80000002", "FFFFFFFF", ""},
        {"040110101"
         "0F0FFFFFF",
         "80000002", "21FF", ""},
        {"080910101032547698", "80000002", "FFFFFFFF", "0100F110F0FF00001032547698"},
        {"080910101032547698", "80000012", "F5FF0000", "0100F110F5FF00001032547698"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct sim *sim = sim_calculating(NULL_ONLY);
        put(sim, 0, IMSI, cases[i].imsi);
        put(sim, 0, AD, cases[i].ad);
        put(sim, FID_5GS, ROUTING, cases[i].routing);
        const char *want = cases[i].value[0] ? answer(cases[i].value) : "6A88";
        const char *got = sim_send(sim, GET_SUCI);
        if (strcmp(got, want) != 0) {
            fail_msg("case %zu: %s", i, got);
        }
        sim_free(sim);
    }
}

/* What the generic test profile has: the null scheme, F to the end of the file; no file of the
 * routing indicator, no DF.5GS at all. */
static void null_scheme_when_configured(void **state)
{
    (void)state;
    struct sim *sim = sim_calculating("A0020000FF");
    SIM_EXPECT(sim, GET_SUCI, answer("01722410F0FF0000" HOME_MSIN));
    drop(sim, FID_5GS, ROUTING);
    SIM_EXPECT(sim, GET_SUCI, answer("01722410F0FF0000" HOME_MSIN));
    drop(sim, 0, FID_5GS);
    SIM_EXPECT(sim, GET_SUCI, answer("01722410F0FF0000" HOME_MSIN));
    /* first in the list although there are keys */
    put(sim, FID_SAIP, CALC, "A00400000101A12580011B8120" HOME_PUBLIC_A);
    SIM_EXPECT(sim, GET_SUCI, answer("01722410F0FF0000" HOME_MSIN));
    /* without Le by GET RESPONSE */
    SIM_EXPECT(sim, "80780001", "610F");
    SIM_SW(sim, "00C000000F", 0x9000);
    sim_free(sim);
}

/* Nothing that is broken leads to the null scheme, not even one further down the list. */
static void calculation_information_that_is_broken(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",                                         /* never written */
        "A000",                                     /* no scheme */
        "A0020F00",                                 /* none that is known */
        "A0020001",                                 /* null scheme with a key */
        "A00101",                                   /* half an entry */
        "A003010100",                               /* one and a half */
        "A0020101",                                 /* no key list */
        "A00401010000",                             /* the same, null scheme further down */
        "A0020101A100",                             /* no key */
        "A0020102A12580011B8120" HOME_PUBLIC_A,     /* no second key */
        "A0020100A12580011B8120" HOME_PUBLIC_A,     /* keys count from 1 */
        "A00401020000A12580011B8120" HOME_PUBLIC_A, /* no fallback */
        "A0020101A12680021B1B8120" HOME_PUBLIC_A,   /* identifier of two bytes */
        "A0020101A12480008120" HOME_PUBLIC_A,       /* of none */
        "A0020101A122"
        "8120" HOME_PUBLIC_A,                        /* no identifier */
        "A0020101A10380011B",                        /* no key value */
        "A0020101A10580011B8100",                    /* empty */
        "A0020101A1258120" HOME_PUBLIC_A "80011B",   /* the other way round */
        "A0020101A12680011B8120" HOME_PUBLIC_A "00", /* something behind */
        "A0020101A12580011B8120" HOME_PUBLIC_A "00", /* behind the list */
        "A0020101A12580011B8121" HOME_PUBLIC_A,      /* longer than the list */
        "A0020101A1268001FE8121" HOME_PUBLIC_B,      /* key of the other profile */
        "A0020201A12580011B8120" HOME_PUBLIC_A,      /* key of the other profile */
        "A0020201A1468001FE8141"
        "04" HOME_X_B HOME_X_B,                    /* not on the curve */
        "A1268001FE8121" HOME_PUBLIC_B "A0020201", /* lists the other way round */
        "A0FF01",                                  /* longer than the file */
        "A08401000000",                            /* much longer */
        "30020000",                                /* another tag */
    };
    struct sim *sim = sim_calculating(NULL_ONLY);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        put(sim, FID_SAIP, CALC, cases[i]);
        const char *got = sim_send(sim, GET_SUCI);
        if (strcmp(got, "6A88") != 0) {
            fail_msg("case %zu: %s", i, got);
        }
    }
    put(sim, FID_SAIP, CALC, ONLY_A); /* the card is as it was */
    SIM_SW(sim, GET_SUCI, 0x9000);
    sim_free(sim);
}

/* Whatever one byte of the framing becomes, and wherever the file ends: an answer of profile A or
 * an error, never the subscriber in clear. */
static void no_byte_leads_to_the_null_scheme(void **state)
{
    (void)state;
    struct sim *sim = sim_calculating(ONLY_A);
    struct sim_bytes right = sim_hex(ONLY_A);
    uicc_file file = put(sim, FID_SAIP, CALC, ONLY_A);
    size_t framing = right.n - 32, answered = 0;
    for (size_t k = 0; k < framing * 256 + framing; k++) {
        uint8_t content[200];
        memset(content, 0xFF, sizeof content);
        if (k < framing * 256) {
            memcpy(content, right.p, right.n);
            content[k / 256] = (uint8_t)k;
        } else {
            memcpy(content, right.p, k - framing * 256);
        }
        assert_int_equal(uicc_fs_replace(&sim->fs, file, CR_SPAN_ARRAY(content), &sim->err), CR_OK);
        const char *got = sim_send(sim, GET_SUCI);
        if (strncmp(got, "A13501722410F0FF01", 18) == 0) {
            answered++;
        } else if (strcmp(got, "6A88") != 0) {
            fail_msg("byte %zu, value %zu: %s", k / 256, k % 256, got);
        }
    }
    assert_int_equal(answered, framing + 255); /* each byte as it was, each other identifier */
    sim_free(sim);
}

static void identity_that_is_broken(void **state)
{
    (void)state;
    static const struct {
        uint16_t df, fid;
        const char *content;
    } cases[] = {
        {0, IMSI, ""},
        {0, IMSI, "00"},
        {0, IMSI, "092947100210000268"}, /* longer than the file */
        {0, IMSI, "082847100210000268"}, /* no IMSI */
        {0, IMSI, "082A47100210000268"},
        {0, IMSI, "0829471002100002F8"}, /* odd by its bit, even by its filler */
        {0, IMSI,
         "0821471002100002"
         "68"},
        {0, IMSI, "0829471002A0000268"}, /* no digit */
        {0, IMSI, "03294710FFFFFFFFFF"}, /* five digits: no MSIN */
        {0, AD, "800000"},
        {0, AD, "80000000"},
        {0, AD, "80000001"},
        {0, AD, "80000004"},
        {FID_5GS, ROUTING, "FAFF0000"},
        {FID_5GS, ROUTING, "0FFF0000"},
        {FID_5GS, ROUTING, "F01F0000"},
        {FID_5GS, ROUTING, "F0F10000"},
        {FID_5GS, ROUTING, "00A00000"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct sim *sim = sim_calculating(ONLY_B);
        put(sim, cases[i].df, cases[i].fid, cases[i].content);
        const char *got = sim_send(sim, GET_SUCI);
        if (strcmp(got, "6A88") != 0) {
            fail_msg("case %zu: %s", i, got);
        }
        sim_free(sim);
    }
}

static void files_missing_or_out_of_use(void **state)
{
    (void)state;
    static const uint16_t files[][2] = {{FID_SAIP, CALC}, {0, FID_SAIP}, {0, IMSI}, {0, AD}};
    static const uint16_t idle[][2] = {{FID_SAIP, CALC}, {0, FID_SAIP},      {0, IMSI},
                                       {0, AD},          {FID_5GS, ROUTING}, {0, FID_5GS}};
    for (size_t i = 0; i < CR_COUNT(files); i++) {
        struct sim *sim = sim_calculating(ONLY_A);
        drop(sim, files[i][0], files[i][1]);
        SIM_EXPECT(sim, GET_SUCI, "6A88");
        sim_free(sim);
    }
    for (size_t i = 0; i < CR_COUNT(idle); i++) {
        struct sim *sim = sim_calculating(ONLY_A);
        uicc_file df = idle[i][0] ? uicc_fs_child(&sim->fs, sim->usim, idle[i][0]) : sim->usim;
        uicc_file file = uicc_fs_child(&sim->fs, df, idle[i][1]);
        assert_int_equal(uicc_fs_set_lcsi(&sim->fs, file, 0x04, &sim->err), CR_OK);
        SIM_EXPECT(sim, GET_SUCI, "6984");
        assert_int_equal(uicc_fs_set_lcsi(&sim->fs, file, 0x05, &sim->err), CR_OK);
        SIM_SW(sim, GET_SUCI, 0x9000);
        sim_free(sim);
    }
    /* a file of another sort under the FID */
    struct sim *sim = sim_calculating(ONLY_A);
    drop(sim, FID_SAIP, CALC);
    sim_file(sim, uicc_fs_child(&sim->fs, sim->usim, FID_SAIP),
             (struct uicc_file_attr){
                 .kind = UICC_LINEAR, .fid = CALC, .arr_record = 6, .record_size = 5, .size = 5},
             NULL_ONLY);
    SIM_EXPECT(sim, GET_SUCI, "6A88");
    sim_free(sim);
}

/* EF.UST of 18 bytes with these services in its last three. */
static void services(struct sim *sim, const char *tail)
{
    char hex[64];
    (void)snprintf(hex, sizeof hex, "9EFFBF1DFF3E00834103100104%s", tail);
    drop(sim, 0, UST);
    put(sim, 0, UST, hex);
}

static void services_of_the_service_table(void **state)
{
    (void)state;
    static const struct {
        const char *tail, *suci, *nswo;
    } cases[] = {
        {"0040"
         "183920",
         "9000", "9000"}, /* 124, 125, 142 */
        {"0040"
         "183900",
         "9000", "6985"}, /* no 142 */
        {"0040"
         "103920",
         "6985", "6985"}, /* no 124 */
        {"0040"
         "083920",
         "6985", "6985"}, /* no 125 */
        {"0040"
         "183B20",
         "6985", "6985"}, /* 130: the SUPI is no IMSI */
    };
    struct sim *sim = sim_calculating(ONLY_A);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        services(sim, cases[i].tail);
        const char *commands[] = {GET_SUCI, GET_NSWO}, *want[] = {cases[i].suci, cases[i].nswo};
        for (int k = 0; k < 2; k++) {
            const char *got = sim_send(sim, commands[k]);
            if (strcmp(got + strlen(got) - 4, want[k]) != 0) {
                fail_msg("case %zu command %d: %s", i, k, got);
            }
        }
    }
    drop(sim, 0, UST);
    SIM_EXPECT(sim, GET_SUCI, "6985");
    sim_free(sim);
}

static void only_after_the_pin(void **state)
{
    (void)state;
    struct sim *sim = sim_calculating(NULL_ONLY);
    SIM_SW(sim, ENABLE_PIN1, 0x9000);
    uicc_reset(sim->uicc);
    SIM_SW(sim, SELECT_USIM, 0x9000);
    SIM_EXPECT(sim, GET_SUCI, "6982");
    SIM_EXPECT(sim, VERIFY_PIN1, "9000");
    SIM_SW(sim, GET_SUCI, 0x9000);
    /* the terminal itself never sees the calculation information */
    SIM_SW(sim, "00A4080C067FFF5FD04F01", 0x9000);
    SIM_EXPECT(sim, "00B0000004", "6982");
    SIM_SW(sim, GET_SUCI, 0x9000); /* and the command works below the ADF */
    SIM_EXPECT(sim, "00B0000004", "6982");
    sim_free(sim);
}

static void command_form_and_place(void **state)
{
    (void)state;
    struct sim *sim = sim_calculating(NULL_ONLY);
    SIM_EXPECT(sim, "8078010100", "6A86");
    SIM_EXPECT(sim, "8078000000", "6A86");
    SIM_EXPECT(sim, "8078000300", "6A86");
    SIM_EXPECT(sim, "8078008100", "6A86");
    SIM_EXPECT(sim, "0078000100", "6E00");
    SIM_EXPECT(sim, "80780001020000", "6700");
    SIM_SW(sim, SELECT_MF, 0x9000);
    SIM_EXPECT(sim, GET_SUCI, "6985");
    SIM_SW(sim, SELECT_ISIM, 0x9000);
    SIM_EXPECT(sim, GET_SUCI, "6985");
    /* another channel has its own application */
    SIM_EXPECT(sim, "0070000001", "019000");
    SIM_EXPECT(sim, "8178000100", "6985");
    SIM_SW(sim, "01A4040C0C" USIM_AID, 0x9000);
    SIM_SW(sim, "8178000100", 0x9000);
    sim_free(sim);
    sim = sim_new();
    assert_int_equal(uicc_set_profile(sim->uicc, (cr_span){0}, &sim->err), CR_OK);
    SIM_EXPECT(sim, GET_SUCI, "6985");
    sim_free(sim);
}

/* No random numbers: no SUCI, nothing half done in the answer. */
static void without_random_numbers(void **state)
{
    (void)state;
    struct sim *sim = sim_calculating(ONLY_A);
    sim->env.random = fixed_random;
    fixed = NULL;
    SIM_EXPECT(sim, GET_SUCI, "6F00");
    put(sim, FID_SAIP, CALC, ONLY_B);
    SIM_EXPECT(sim, GET_SUCI, "6F00");
    fixed = HOME_EPHEMERAL_B;
    SIM_EXPECT(sim, GET_SUCI, answer(HEAD_B HOME_OUTPUT_B));
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(home_network_finds_the_subscriber),
        cmocka_unit_test(coding),
        cmocka_unit_test(null_scheme_when_configured),
        cmocka_unit_test(calculation_information_that_is_broken),
        cmocka_unit_test(no_byte_leads_to_the_null_scheme),
        cmocka_unit_test(identity_that_is_broken),
        cmocka_unit_test(files_missing_or_out_of_use),
        cmocka_unit_test(services_of_the_service_table),
        cmocka_unit_test(only_after_the_pin),
        cmocka_unit_test(command_form_and_place),
        cmocka_unit_test(without_random_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
