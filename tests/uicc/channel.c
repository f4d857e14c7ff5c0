#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void opening_and_closing(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, "0070000001", "019000");
    SIM_EXPECT(sim, "0070000000", "029000");
    SIM_EXPECT(sim, "00700000", "6C01");
    SIM_EXPECT(sim, "0070000002", "6C01");
    SIM_EXPECT(sim, "0070000300", "9000"); /* with a number: no data */
    SIM_EXPECT(sim, "00700003", "6881");
    SIM_EXPECT(sim, "00700013", "9000");
    SIM_EXPECT(sim, "00700014", "6A86");
    SIM_EXPECT(sim, "0070400001", "6A86");
    SIM_EXPECT(sim, "0070000001AA", "6700");
    SIM_EXPECT(sim, "8070000001", "6E00");
    SIM_EXPECT(sim, "00708004", "6881");
    SIM_EXPECT(sim, "00708002", "9000");
    SIM_EXPECT(sim, "00708002", "6881");
    SIM_EXPECT(sim, "00708000", "6A86"); /* the basic channel stays */
    SIM_EXPECT(sim, "0070000001", "029000");
    SIM_EXPECT(sim, "02708000", "9000"); /* "this one" */
    SIM_EXPECT(sim, "02A4000C023F00", "6881");
    /* all of them, by both classes */
    for (int i = 2; i < UICC_CHANNELS; i++) {
        if (i != 3 && i != 19) {
            SIM_SW(sim, "0070000001", 0x9000);
            assert_int_equal(sim->response.p[0], i);
        }
    }
    SIM_EXPECT(sim, "0070000001", "6881");
    SIM_EXPECT(sim, "4FA4000C023F00", "9000");
    SIM_EXPECT(sim, "CFF2000C00", "9000");
    SIM_EXPECT(sim, "40A4000C022FE2", "9000");
    SIM_EXPECT(sim, "40B0000001", "989000");
    uicc_reset(sim->uicc);
    SIM_EXPECT(sim, "01A4000C023F00", "6881");
    SIM_EXPECT(sim, "4FA4000C023F00", "6881");
    sim_free(sim);
}

static void few_channels(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct uicc *small;
    struct uicc_options options = {.nvm = sim->nvm, .env = &sim->env, .channels = 2};
    assert_int_equal(uicc_new(&options, &small, &sim->err), CR_OK);
    struct uicc *whole = sim->uicc;
    sim->uicc = small;
    SIM_EXPECT(sim, "0070000001", "019000");
    SIM_EXPECT(sim, "0070000001", "6881");
    SIM_EXPECT(sim, "00700005", "6881");
    SIM_EXPECT(sim, "43A4000C023F00", "6881");
    sim->uicc = whole;
    uicc_free(small);
    sim_free(sim);
}

/* Each channel has its own file, record, application and pending answer. */
static void isolation(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, "00A4000C026F39", "9000");
    SIM_EXPECT(sim, "00B2000200", "0000019000");
    SIM_EXPECT(sim, "0070000001", "019000");
    SIM_EXPECT(sim, "01B2000200", "6986"); /* at the MF, nothing selected */
    SIM_EXPECT(sim, "01A4000C027FFF", "6A82");
    SIM_EXPECT(sim, "01A4040C0C" USIM_AID, "9000");
    SIM_EXPECT(sim, "01A4000C026F39", "9000");
    SIM_EXPECT(sim, "01B2000300", "0000039000");
    SIM_EXPECT(sim, "01B2000300", "0000029000");
    SIM_EXPECT(sim, "00B2000200", "0000029000");
    SIM_EXPECT(sim, "01B2000400", "0000029000");
    /* pending answers do not mix */
    SIM_EXPECT(sim, "00A40004026F07", "6119");
    SIM_EXPECT(sim, "01A40004023F00", "612E");
    SIM_EXPECT(sim, "00C0000019",
               "62178202412183026F078A01058B036F060A80020009880138"
               "9000");
    SIM_SW(sim, "81C000002E", 0x9000);
    SIM_EXPECT(sim, "00A40004026F07", "6119");
    SIM_EXPECT(sim, "01B0000001", "6986");
    SIM_SW(sim, "00C0000019", 0x9000); /* survives commands of another channel */
    SIM_EXPECT(sim, "00A40004026F07", "6119");
    SIM_EXPECT(sim, "00B0000001", "089000");
    SIM_EXPECT(sim, "00C0000019", "6985"); /* but not those of its own */
    /* what one writes the other reads */
    SIM_EXPECT(sim, "00A4000C026F3B", "9000");
    SIM_EXPECT(sim, "01A4000C027FFF", "9000");
    SIM_EXPECT(sim, "01A4000C026F3B", "9000");
    SIM_EXPECT(sim, "01DC01040401020304", "9000");
    SIM_EXPECT(sim, "00B2010400", "010203049000");
    /* a channel opened from another one inherits its directory */
    SIM_EXPECT(sim, "0170000001", "029000");
    SIM_EXPECT(sim, "02B2010400", "6986");
    SIM_EXPECT(sim, "02A4000C026F38", "9000");
    SIM_EXPECT(sim, "82F2000100", "840C" USIM_AID "9000");
    sim_free(sim);
}

static void get_response(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, "00C0000010", "6985");
    SIM_EXPECT(sim, "00A40004023F00", "612E");
    SIM_EXPECT(sim, "00C000002F", "6C2E");
    SIM_EXPECT(sim, "00C0010000", "6A86");
    SIM_EXPECT(sim, "00C0000001AA", "6700");
    SIM_EXPECT(sim, "00C0000004", "622C8202612A");
    SIM_EXPECT(sim, "80C0000004", "782183026126");
    SIM_SW(sim, "00C00000", 0x9000);
    assert_int_equal(sim->response.n, 0x28);
    SIM_EXPECT(sim, "00C0000000", "6985");
    /* Le smaller than the answer: the rest is kept */
    SIM_EXPECT(sim, "00A40004023F0004", "622C8202612A");
    SIM_EXPECT(sim, "03C0000004", "6881");
    SIM_SW(sim, "00C000002A", 0x9000);
    SIM_EXPECT(sim, "0CC0000004", "6882");
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_and_closing),
        cmocka_unit_test(few_channels),
        cmocka_unit_test(isolation),
        cmocka_unit_test(get_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
