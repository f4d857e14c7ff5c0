#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Wrong and right values and what each command leaves in the counter. */
static void verify(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, "0020000100", "63C3");
    SIM_EXPECT(sim, "00200001", "63C3");
    SIM_EXPECT(sim, VERIFY_PIN1, "6984"); /* disabled */
    SIM_EXPECT(sim, ENABLE_PIN1, "9000");
    SIM_EXPECT(sim, ENABLE_PIN1, "6985");
    SIM_EXPECT(sim, VERIFY_PIN1, "9000");
    SIM_EXPECT(sim, "0020000100", "63C3"); /* also when verified */
    SIM_EXPECT(sim, "002000010831323334FFFFFFFF", "63C2");
    SIM_EXPECT(sim, "002000010831323334FFFFFFFF", "63C1");
    SIM_EXPECT(sim, VERIFY_PIN1, "9000");
    SIM_EXPECT(sim, "0020000100", "63C3");
    SIM_EXPECT(sim, "002000010831323334FFFFFFFF", "63C2");
    SIM_EXPECT(sim, "002000010831323334FFFFFFFF", "63C1");
    SIM_EXPECT(sim, "002000010831323334FFFFFFFF", "63C0");
    SIM_EXPECT(sim, "002000010831323334FFFFFFFF", "6983");
    SIM_EXPECT(sim, VERIFY_PIN1, "6983");
    SIM_EXPECT(sim, "0020000100", "63C0");
    /* parameters and lengths */
    SIM_EXPECT(sim, "0020010100", "6A86");
    SIM_EXPECT(sim, "0020000200", "6A88");
    SIM_EXPECT(sim, "0020000000", "6A88");
    SIM_EXPECT(sim, "0020001100", "6A88");
    SIM_EXPECT(sim, "0020008100", "6A88"); /* no local PIN at the MF */
    SIM_EXPECT(sim, "002000010730303030FFFFFF", "6700");
    SIM_EXPECT(sim, "0020000108", "6700");
    SIM_EXPECT(sim, "002000010930303030FFFFFFFFFF", "6700");
    SIM_EXPECT(sim, "8020000100", "6E00");
    sim_free(sim);
}

static void change(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
#define CHANGE(old, new) "0024000110" old "FFFFFFFF" new "FFFFFFFF"
    SIM_EXPECT(sim, CHANGE("30303030", "31313131"), "6984");
    SIM_EXPECT(sim, ENABLE_PIN1, "9000");
    SIM_EXPECT(sim, CHANGE("39303030", "31313131"), "63C2");
    SIM_EXPECT(sim, CHANGE("30303030", "31313131"), "9000");
    SIM_EXPECT(sim, VERIFY_PIN1, "63C2");
    SIM_EXPECT(sim, CHANGE("31313131", "30303030"), "9000");
    SIM_EXPECT(sim, VERIFY_PIN1, "9000");
    SIM_EXPECT(sim, "00240001083030303031313131", "6700");
    SIM_EXPECT(sim, "0024000100", "6700");
    SIM_EXPECT(sim,
               "0024010110"
               "30303030FFFFFFFF30303030FFFFFFFF",
               "6A86");
    SIM_EXPECT(sim,
               "0024000310"
               "30303030FFFFFFFF30303030FFFFFFFF",
               "6A88");
    /* a key that must not be changed */
    sim_pin(sim, sim->mf, 0x0C, "77777777", 0, UICC_PIN_ENABLED, 3);
    SIM_EXPECT(sim,
               "0024000C10"
               "37373737373737373838383838383838",
               "6985");
    sim_free(sim);
}

/* TS 102 221 9.5.1: four to eight digits, padded with FF; nothing is counted for a new value that
 * is none. An administrator's key may be anything. */
static void new_values(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uicc_sw sw;
    } rows[] = {
        {"313131FFFFFFFFFF", 0x6A80}, {"FFFFFFFFFFFFFFFF", 0x6A80}, {"3131313AFFFFFFFF", 0x6A80},
        {"31313131FF31FFFF", 0x6A80}, {"3131313100000000", 0x6A80}, {"31313131FFFFFFFF", 0x9000},
        {"3131313132FFFFFF", 0x9000}, {"3132333435363738", 0x9000},
    };
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, ENABLE_PIN1, "9000");
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        char command[80];
        (void)snprintf(command, sizeof command,
                       "002C000110"
                       "3131313131313131"
                       "%s",
                       rows[i].value);
        SIM_SW(sim, command, rows[i].sw);
        SIM_EXPECT(sim, "002C000100", "63CA");
        (void)snprintf(command, sizeof command,
                       "0024000110"
                       "%s%s",
                       rows[i].sw == 0x9000 ? rows[i].value : "30303030FFFFFFFF", rows[i].value);
        SIM_SW(sim, command, rows[i].sw);
        SIM_EXPECT(sim, "0020000100", "63C3");
    }
    SIM_EXPECT(sim,
               "0024000A10"
               "35353535353535350001020304050607",
               "9000");
    SIM_EXPECT(sim, "0020000A080001020304050607", "9000");
    sim_free(sim);
}

static void disable_and_replace(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
#define DISABLE(p1) "0026" p1 "010830303030FFFFFFFF"
    SIM_EXPECT(sim, DISABLE("00"), "6984");
    SIM_EXPECT(sim, ENABLE_PIN1, "9000");
    uicc_reset(sim->uicc);
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, "00A4000C026F07", "9000");
    SIM_EXPECT(sim, "00B0000009", "6982");
    SIM_EXPECT(sim, "002600010831303030FFFFFFFF", "63C2");
    SIM_EXPECT(sim, DISABLE("00"), "9000");
    SIM_EXPECT(sim, "00B0000009", "0809101010325476989000");
    /* local PINs cannot be disabled here, ADM neither */
    SIM_EXPECT(sim, "002600810839393939FFFFFFFF", "6985");
    SIM_EXPECT(sim, "0026000A083535353535353535", "6985");
    /* replaced by the universal PIN: there is none, it is disabled, it is there */
    SIM_EXPECT(sim, ENABLE_PIN1, "9000");
    SIM_EXPECT(sim, DISABLE("91"), "6A88");
    SIM_EXPECT(sim, DISABLE("11"), "6A86");
    SIM_EXPECT(sim, DISABLE("81"), "6A86");
    SIM_EXPECT(sim, DISABLE("8A"), "6A86"); /* a key of an administrator is no replacement */
    sim_pin(sim, sim->mf, 0x11, "4444", 0, UICC_PIN_CHANGEABLE, 3);
    SIM_EXPECT(sim, DISABLE("91"), "6985");
    SIM_EXPECT(sim, "002800110834343434FFFFFFFF", "9000");
    SIM_EXPECT(sim, DISABLE("91"), "9000");
    SIM_EXPECT(sim, "00B0000009", "0809101010325476989000"); /* ENABLE verified it */
    uicc_reset(sim->uicc);
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, "00A4000C026F07", "9000");
    SIM_EXPECT(sim, "00B0000009", "6982");
    SIM_EXPECT(sim, VERIFY_PIN1, "6984");
    SIM_EXPECT(sim, "002000110834343434FFFFFFFF", "9000");
    SIM_EXPECT(sim, "00B0000009", "0809101010325476989000");
    sim_free(sim);
}

static void unblock(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
#define UNBLOCK(puk) "002C000110" puk "32323232FFFFFFFF"
    SIM_EXPECT(sim, ENABLE_PIN1, "9000");
    for (int i = 0; i < 4; i++) {
        (void)sim_sw(sim, "002000010831323334FFFFFFFF");
    }
    SIM_EXPECT(sim, "002C000100", "63CA");
    SIM_EXPECT(sim, UNBLOCK("3131313131313132"), "63C9");
    SIM_EXPECT(sim, "002C000100", "63C9");
    SIM_EXPECT(sim, UNBLOCK("3131313131313131"), "9000");
    SIM_EXPECT(sim, "002C000100", "63CA");
    SIM_EXPECT(sim, "0020000100", "63C3");
    SIM_EXPECT(sim, "002000010832323232FFFFFFFF", "9000");
    /* enables a disabled PIN */
    SIM_EXPECT(sim, "002600010832323232FFFFFFFF", "9000");
    SIM_EXPECT(sim, UNBLOCK("3131313131313131"), "9000");
    SIM_EXPECT(sim, "002000010832323232FFFFFFFF", "9000");
    /* no PUK, no PIN, lengths */
    SIM_EXPECT(sim, "002C000A00", "6A88");
    SIM_EXPECT(sim, "002C000200", "6A88");
    SIM_EXPECT(sim,
               "002C000108"
               "3131313131313131",
               "6700");
    SIM_EXPECT(sim, "002C010100", "6A86");
    /* blocked for good */
    for (int i = 9; i >= 0; i--) {
        assert_int_equal(sim_sw(sim, UNBLOCK("3131313131313132")), 0x63C0 | i);
    }
    SIM_EXPECT(sim, UNBLOCK("3131313131313131"), "6983");
    SIM_EXPECT(sim, "002C000100", "63C0");
    sim_free(sim);
}

/* PIN2 is the application's own: found from DFs below it, another one in another application. */
static void local_pins(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, VERIFY_PIN2, "9000");
    SIM_EXPECT(sim, "00A4000C025F3B", "9000");
    SIM_EXPECT(sim, "002000810831323334FFFFFFFF", "63C2");
    SIM_EXPECT(sim, SELECT_ISIM, "9000");
    SIM_EXPECT(sim, "0020008100", "63C3");
    SIM_EXPECT(sim, VERIFY_PIN2, "63C2");
    SIM_EXPECT(sim, "002000810838383838FFFFFFFF", "9000");
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, "0020008100", "63C2");
    /* shared ones are the same ones */
    nvm_begin(sim->nvm);
    assert_int_equal(uicc_pin_share(&sim->fs, sim->isim, sim->usim, &sim->err), CR_OK);
    assert_int_equal(uicc_pin_share(&sim->fs, sim->usim, sim->isim, &sim->err), CR_REFUSED);
    assert_int_equal(nvm_commit(sim->nvm, &sim->err), CR_OK);
    SIM_EXPECT(sim, SELECT_ISIM, "9000");
    SIM_EXPECT(sim, "0020008100", "63C2");
    SIM_EXPECT(sim, VERIFY_PIN2, "9000");
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, "0020008100", "63C3");
    sim_free(sim);
}

#define UPDATE_45 "00A4080C047FFF6F45"
/* A local PIN is forgotten when the application ends on its last channel, a global one at reset. */
static void sessions(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, ENABLE_PIN1, "9000");
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, VERIFY_PIN2, "9000");
    SIM_EXPECT(sim, UPDATE_45, "9000");
    SIM_EXPECT(sim, "00D600000101", "9000");
    /* the MF does not end the application */
    SIM_EXPECT(sim, SELECT_MF, "9000");
    SIM_EXPECT(sim, UPDATE_45, "9000");
    SIM_EXPECT(sim, "00D600000102", "9000");
    /* the same application on a second channel has it too, and keeps it alive */
    SIM_EXPECT(sim, "0070000001", "019000");
    SIM_EXPECT(sim, "01A4040C0C" USIM_AID, "9000");
    SIM_EXPECT(sim, "01A4080C047FFF6F45", "9000");
    SIM_EXPECT(sim, "01D600000103", "9000");
    SIM_EXPECT(sim, SELECT_ISIM, "9000");
    SIM_EXPECT(sim, "01D600000104", "9000");
    SIM_EXPECT(sim, "00708001", "9000");
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, UPDATE_45, "9000");
    SIM_EXPECT(sim, "00B0000001", "049000"); /* PIN1 is still there */
    SIM_EXPECT(sim, "00D600000105", "6982");
    uicc_reset(sim->uicc);
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, UPDATE_45, "9000");
    SIM_EXPECT(sim, "00B0000001", "6982");
    /* a failure takes the right away */
    SIM_EXPECT(sim, VERIFY_PIN1, "9000");
    SIM_EXPECT(sim, "00B0000001", "049000");
    SIM_EXPECT(sim, "002000010831323334FFFFFFFF", "63C2");
    SIM_EXPECT(sim, "00B0000001", "6982");
    /* application closed */
    SIM_EXPECT(sim, VERIFY_PIN2, "9000");
    SIM_EXPECT(sim, "00A4044C0C" USIM_AID, "9000");
    SIM_EXPECT(sim, "00A4000C027FFF", "6A82");
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, UPDATE_45, "9000");
    SIM_EXPECT(sim, "00D600000105", "6982");
    sim_free(sim);
}

static bool cut_here(void *ctx, enum nvm_point point)
{
    int *left = ctx;
    (void)point;
    return (*left)-- == 0;
}

/* Power is cut at each write and commit of a wrong VERIFY: the counter is never higher than the
 * number of answers that left allows, and the right PIN works afterwards. */
static void counters_survive_power_cuts(void **state)
{
    (void)state;
    for (int at = 0; at < 3; at++) {
        struct sim *sim = sim_new();
        SIM_EXPECT(sim, ENABLE_PIN1, "9000");
        SIM_EXPECT(sim, "002000010831323334FFFFFFFF", "63C2");
        int left = at;
        nvm_set_fault(sim->nvm, cut_here, &left);
        struct sim_bytes b = sim_hex("002000010831323334FFFFFFFF");
        cr_buf_reset(&sim->response);
        assert_int_equal(uicc_transmit(sim->uicc, cr_span_of(b.p, b.n), &sim->response, &sim->err),
                         CR_RESOURCE);
        struct nvm *again;
        assert_int_equal(nvm_clone_committed(sim->nvm, &again, &sim->err), CR_OK);
        uicc_free(sim->uicc);
        nvm_close(sim->nvm);
        sim->nvm = again;
        sim_power_on(sim);
        /* Write, before and after the commit: only what was committed counts. */
        SIM_EXPECT(sim, "0020000100", at == 2 ? "63C1" : "63C2");
        SIM_EXPECT(sim, VERIFY_PIN1, "9000");
        SIM_EXPECT(sim, "0020000100", "63C3");
        sim_free(sim);
    }
}

static void creation_refuses_what_cannot_be(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    static const struct {
        bool adf;
        uint8_t reference, max, left;
    } cases[] = {
        {false, 0x81, 3, 3}, {true, 0x01, 3, 3},   {true, 0x0A, 3, 3}, {false, 0x00, 3, 3},
        {false, 0x09, 3, 3}, {false, 0x12, 3, 3},  {true, 0x91, 3, 3}, {false, 0x01, 0, 0},
        {false, 0x01, 3, 4}, {false, 0x01, 16, 3},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct uicc_pin pin = {
            .reference = cases[i].reference, .max = cases[i].max, .left = cases[i].left};
        assert_int_equal(
            uicc_pin_create(&sim->fs, cases[i].adf ? sim->usim : sim->mf, &pin, &sim->err),
            CR_REFUSED);
        assert_int_equal(sim->err.code, UICC_SW_WRONG_DATA);
    }
    struct uicc_pin pin = {.reference = 0x01, .max = 3, .left = 3};
    uicc_file ef = uicc_fs_child(&sim->fs, sim->mf, 0x2FE2);
    assert_int_equal(uicc_pin_create(&sim->fs, ef, &pin, &sim->err), CR_REFUSED);
    struct uicc_puk puk = {.reference = 0, .max = 10, .left = 10};
    assert_int_equal(uicc_puk_create(&sim->fs, &puk, &sim->err), CR_REFUSED);
    puk = (struct uicc_puk){.reference = 1, .max = 10, .left = 11};
    assert_int_equal(uicc_puk_create(&sim->fs, &puk, &sim->err), CR_REFUSED);
    /* ADM6 to 10 may stand at the MF */
    pin.reference = 0x8A;
    assert_int_equal(uicc_pin_create(&sim->fs, sim->mf, &pin, &sim->err), CR_OK);
    sim_free(sim);
}

static void the_session_forgets_the_oldest(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct uicc_pin_session session = {.count = 0};
    struct uicc_path path = {0};
    uicc_file df[UICC_MAX_VERIFIED + 1];
    uint8_t right[8] = "9999\xFF\xFF\xFF\xFF";
    for (size_t i = 0; i < CR_COUNT(df); i++) {
        df[i] =
            sim_file(sim, sim->mf,
                     (struct uicc_file_attr){.kind = UICC_DF, .fid = (uint16_t)(0x7F20 + i)}, NULL);
        sim_pin(sim, df[i], 0x81, "9999", 0, UICC_PIN_ENABLED, 3);
        assert_true(uicc_fs_path(&sim->fs, df[i], &path));
        assert_int_equal(uicc_pin_verify(&sim->fs, &session, &path, 0x81, CR_SPAN_ARRAY(right)),
                         UICC_SW_OK);
        assert_true(uicc_pin_met(&sim->fs, &session, &path, 0x81));
    }
    assert_int_equal(session.count, UICC_MAX_VERIFIED);
    assert_true(uicc_fs_path(&sim->fs, df[0], &path));
    assert_false(uicc_pin_met(&sim->fs, &session, &path, 0x81));
    assert_true(uicc_fs_path(&sim->fs, df[1], &path));
    assert_true(uicc_pin_met(&sim->fs, &session, &path, 0x81));
    uicc_pin_forget(&session, df[1]);
    assert_false(uicc_pin_met(&sim->fs, &session, &path, 0x81));
    assert_false(uicc_pin_met(&sim->fs, &session, &path, 0x05));
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify),
        cmocka_unit_test(change),
        cmocka_unit_test(new_values),
        cmocka_unit_test(disable_and_replace),
        cmocka_unit_test(unblock),
        cmocka_unit_test(local_pins),
        cmocka_unit_test(sessions),
        cmocka_unit_test(counters_survive_power_cuts),
        cmocka_unit_test(creation_refuses_what_cannot_be),
        cmocka_unit_test(the_session_forgets_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
