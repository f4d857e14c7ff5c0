#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* FCPs as real cards with a TS.48 profile answer them (free memory aside). */
static void real_answers(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    char expected[256];
    unsigned free_bytes = (unsigned)(nvm_capacity(sim->nvm) - nvm_used(sim->nvm));
    (void)snprintf(expected, sizeof expected,
                   "622C8202782183023F00A50C8001718304%08X8701018A01058B032F0601"
                   "C60C90016083010183010A83010B9000",
                   free_bytes);
    SIM_EXPECT(sim, "00A40004023F0000", expected);
    SIM_EXPECT(sim, "00A40004023F00", "612E");
    SIM_EXPECT(sim, "00C000002E", expected);
    (void)snprintf(expected, sizeof expected,
                   "623D8202782183027FD0840C" USIM_AID "A50C8001718304%08X8701018A01058B032F0601"
                   "C60F90017083010183018183010A83010B9000",
                   free_bytes);
    SIM_EXPECT(sim, "00A404040C" USIM_AID "00", expected);
    SIM_EXPECT(sim, "00A40004026F0700",
               "62178202412183026F078A01058B036F060A8002000988"
               "01389000");
    SIM_EXPECT(sim, "00A40004026FB700",
               "621A82054221000E0283026FB78A01058B036F06088002001C8801089000");
    /* without SFI; BER-TLV; special information; a cyclic file; a DF without PIN status */
    SIM_EXPECT(sim, "00A40004026F4500", "62168202412183026F458A01058B036F06048002012C88009000");
    SIM_EXPECT(sim, "00A40004026FC000",
               "62248202792183026FC0A50B850200008401018602"
               "04008A01058B036F060780020000"
               "8801609000");
    SIM_EXPECT(sim, "00A40004026F7E00",
               "621C8202412183026F7EA503C001808A01058B036F06038002000B8801589000");
    SIM_EXPECT(sim, "00A40004026F3900",
               "621A8205462100030383026F398A01058B036F0605800200098801489000");
    /* a link: descriptor of the target, the rest its own */
    SIM_EXPECT(sim, "00A40004026F3A00",
               "621A8205422100080583026F3A8A01058B036F0607800200288801A09000");
    /* PIN1 enabled shows */
    SIM_EXPECT(sim, ENABLE_PIN1, "9000");
    (void)sim_send(sim, "80F2000000");
    assert_non_null(strstr(sim->text, "C60F9001F0"));
    sim_free(sim);
}

static void universal_pin_in_the_template(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    static const uint8_t keys[] = {0x01, 0x11};
    sim_file(
        sim, sim->mf,
        (struct uicc_file_attr){
            .kind = UICC_DF, .fid = 0x7F77, .arr_record = 1, .pin_status = CR_SPAN_ARRAY(keys)},
        NULL);
    sim_pin(sim, sim->mf, 0x11, "4444", 0, UICC_PIN_ENABLED, 3);
    (void)sim_send(sim, "00A40004027F7700");
    assert_non_null(strstr(sim->text, "C60C900140830101950100830111"));
    SIM_EXPECT(sim, ENABLE_PIN1, "9000");
    SIM_EXPECT(sim, "002691010830303030FFFFFFFF", "9000");
    (void)sim_send(sim, "80F2000000");
    assert_non_null(strstr(sim->text, "C60C900140830101950108830111"));
    sim_free(sim);
}

static void by_file_identifier(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    static const struct {
        const char *command;
        uicc_sw sw;
    } steps[] = {
        {"00A4000C022FE2", 0x9000}, /* child of the MF */
        {"00A4000C022F00", 0x9000}, /* its sibling: the current DF is still the MF */
        {"00A4000C026F07", 0x6A82},
        {"00B2010400", 0x9000},     /* a failed selection changes nothing */
        {"00A4000C027FFF", 0x6A82}, /* no application yet */
        {"00A4000C027FD0", 0x6A82}, /* an ADF is not selected by its temporary identifier */
        {"00A4000C027F10", 0x9000},
        {"00A4000C025F3A", 0x9000},
        {"00A4000C024F22", 0x9000},
        {"00A4000C027F10", 0x9000}, /* the parent */
        {"00A4000C027F10", 0x9000}, /* itself */
        {"00A4000C022FE2", 0x6A82}, /* an EF of the parent is not in reach */
        {"00A4000C023F00", 0x9000},
        {SELECT_USIM, 0x9000},
        {"00A4000C026F07", 0x9000},
        {"00A4000C025F3B", 0x9000},
        {"00A4000C025F3A", 0x9000}, /* a DF beside it */
        {"00A4000C027FFF", 0x9000},
        {"00A4000C026F07", 0x9000},
        {"00A4000C027F10", 0x9000}, /* a DF beside the ADF */
        {"00A4000C023F00", 0x9000},
        {"00A4000C027FFF", 0x9000},
        {"00A4000C026F38", 0x9000},
        /* wrong forms */
        {"00A4000C0100", 0x6700},
        {"00A4000C033F0000", 0x6700},
        {"00A4000C", 0x6700},
        {"00A4000C00", 0x6700},
        {"00A4000802"
         "3F00",
         0x6A86},
        {"00A4001402"
         "3F00",
         0x6A86},
        {"00A4008402"
         "3F00",
         0x6A86},
        {"00A4000502"
         "3F00",
         0x6A86},
        {"00A4004402"
         "3F00",
         0x6A86},
        {"00A4002402"
         "3F00",
         0x6A86},
        {"00A4020C02"
         "3F00",
         0x6A86},
        {"00A4050C02"
         "3F00",
         0x6A86},
        {"80A4000C02"
         "3F00",
         0x6E00},
        {"A0A4000002"
         "3F00",
         0x6E00},
        /* child DF, parent */
        {"00A4010C025F3B", 0x9000},
        {"00A4010C025F3B", 0x6A82},
        {"00A4030C", 0x9000},
        {"00A4010C026F07", 0x6A82},
        {"00A4030C00", 0x9000},
        {"00A4030C", 0x6A82}, /* the MF has none */
        {"00A4030C023F00", 0x6700},
        {"00A4010C027FD0", 0x6A82},
        {"00A4010C017F", 0x6700},
    };
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        uicc_sw sw = sim_sw(sim, steps[i].command);
        if (sw != steps[i].sw) {
            fail_msg("step %zu %s: %04X", i, steps[i].command, sw);
        }
    }
    sim_free(sim);
}

static void by_path(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    static const struct {
        const char *command;
        uicc_sw sw;
    } steps[] = {
        {"00A4080C022FE2", 0x9000},
        {"00A4080C047F105F3A", 0x9000},
        {"00A4080C067F105F3A4F22", 0x9000},
        {"00A4080C067FFF5F3B4F20", 0x6A82}, /* no application on this channel */
        {SELECT_USIM, 0x9000},
        {SELECT_MF, 0x9000},
        {"00A4080C067FFF5F3B4F20", 0x9000},
        {"00A4080C067FFF5F3A4F22", 0x9000}, /* through the DF link */
        {"00B0000004", 0x9000},
        {"00A4080C027FFF", 0x9000},
        {"00A4090C026F07", 0x9000},
        {"00A4090C045F3B4F20", 0x9000},
        {"00A4090C024F20", 0x9000},
        {"00A4090C025F3A", 0x6A82}, /* children only */
        {"00A4080C067FFF6F075F3B", 0x6A82},
        {"00A4080C047FD06F07", 0x6A82},
        {"00A4080C022FE9", 0x6A82},
        {"00A4080C032FE200", 0x6700},
        {"00A4080C", 0x6700},
        {"00A4090C00", 0x6700},
        {"00B0000009", 0x9000}, /* Kc is still the current EF */
    };
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        uicc_sw sw = sim_sw(sim, steps[i].command);
        if (sw != steps[i].sw) {
            fail_msg("step %zu %s: %04X", i, steps[i].command, sw);
        }
    }
    sim_free(sim);
}

/* --- a registered application ------------------------------------------------------------------
 */

struct app {
    int selected, deselected, processed, reset, aborted;
    uicc_sw sw;
    size_t answer;
    bool hidden;
    bool write;   /* process() writes to the memory */
    bool discard; /* and undoes it */
};

static uicc_sw app_select(void *ctx, struct uicc_call *call)
{
    struct app *app = ctx;
    app->selected++;
    cr_buf_append(call->out, "\x6F\x02\x84\x00", 4);
    return app->sw;
}

static uicc_sw app_process(void *ctx, struct uicc_call *call)
{
    struct app *app = ctx;
    app->processed++;
    if (call->apdu->ins != 0xE2) {
        return UICC_SW_WRONG_INS;
    }
    for (size_t i = 0; i < app->answer; i++) {
        cr_buf_append_byte(call->out, (uint8_t)i);
    }
    if (app->write) {
        if (nvm_put(uicc_nvm(call->uicc), cr_span_str("app"), cr_span_str("x"), NULL) != CR_OK) {
            return UICC_SW_MEMORY;
        }
        call->discard = app->discard;
    }
    return UICC_SW_OK;
}

static void app_deselect(void *ctx, unsigned channel)
{
    (void)channel;
    ((struct app *)ctx)->deselected++;
}

static void app_reset(void *ctx)
{
    ((struct app *)ctx)->reset++;
}

static void app_aborted(void *ctx)
{
    ((struct app *)ctx)->aborted++;
}

static bool app_selectable(void *ctx)
{
    return !((struct app *)ctx)->hidden;
}

#define ISDR_AID  "A0000005591010FFFFFFFF8900000100"
#define OTHER_AID "A0000005591010FFFFFFFF8900000200"

static void app_register(struct sim *sim, struct app *app, const char *aid)
{
    struct sim_bytes b = sim_hex(aid);
    struct uicc_app a = {.ctx = app,
                         .aid_size = (uint8_t)b.n,
                         .selectable = app_selectable,
                         .select = app_select,
                         .process = app_process,
                         .deselect = app_deselect,
                         .reset = app_reset,
                         .aborted = app_aborted};
    memcpy(a.aid, b.p, b.n);
    app->sw = UICC_SW_OK;
    assert_int_equal(uicc_register(sim->uicc, &a, &sim->err), CR_OK);
    assert_int_equal(uicc_register(sim->uicc, &a, &sim->err), CR_REFUSED);
}

static void by_name(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct app isdr = {0}, other = {0};
    app_register(sim, &isdr, ISDR_AID);
    app_register(sim, &other, OTHER_AID);
    /* the first of several; next and previous, last */
    SIM_EXPECT(sim, "00A4040C05A000000087", "9000");
    SIM_EXPECT(sim, "80F2000100", "840C" USIM_AID "9000");
    SIM_EXPECT(sim, "00A4040E05A000000087", "9000");
    SIM_EXPECT(sim, "80F2000100", "840C" ISIM_AID "9000");
    SIM_EXPECT(sim, "00A4040E05A000000087", "6A82");
    SIM_EXPECT(sim, "00A4040F05A000000087", "9000");
    SIM_EXPECT(sim, "80F2000100", "840C" USIM_AID "9000");
    SIM_EXPECT(sim, "00A4040F05A000000087", "6A82");
    SIM_EXPECT(sim, "00A4040D05A000000087", "9000");
    SIM_EXPECT(sim, "80F2000100", "840C" ISIM_AID "9000");
    SIM_EXPECT(sim, "00A4040E05A000000559", "9000"); /* next from something else: the first */
    SIM_EXPECT(sim, "80F2000100", "8410" ISDR_AID "9000");
    SIM_EXPECT(sim, "00A4040E05A000000559", "9000");
    SIM_EXPECT(sim, "80F2000100", "8410" OTHER_AID "9000");
    SIM_EXPECT(sim, "00A4040F05A000000559", "9000");
    SIM_EXPECT(sim, "80F2000100", "8410" ISDR_AID "9000");
    /* not found, too short, too long, hidden */
    SIM_EXPECT(sim, "00A4040C05A000000151", "6A82");
    SIM_EXPECT(sim, "00A4040C04A0000000", "6A82");
    SIM_EXPECT(sim, "00A4040C00", "6A82");
    SIM_EXPECT(sim, "00A4040C11" ISDR_AID "00", "6700");
    SIM_EXPECT(sim, "00A4040C0D" USIM_AID "00", "6A82");
    isdr.hidden = true;
    SIM_EXPECT(sim, "00A4040C10" ISDR_AID, "6A82");
    /* closing an application that is not the current one */
    SIM_EXPECT(sim, "00A404400C" USIM_AID, "6985");
    SIM_EXPECT(sim, "00A4044005A000000151", "6A82");
    SIM_EXPECT(sim, "80F2000100", "8410" ISDR_AID "9000");
    sim_free(sim);
}

static void applications(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct app isdr = {0};
    app_register(sim, &isdr, ISDR_AID);
    SIM_EXPECT(sim, "00A4040010" ISDR_AID, "6104");
    SIM_EXPECT(sim, "00C0000004", "6F0284009000");
    SIM_EXPECT(sim, "00A4040C10" ISDR_AID, "9000");
    assert_int_equal(isdr.selected, 2);
    assert_int_equal(isdr.deselected, 0);
    /* its commands; large answers in parts; the class of GET RESPONSE does not matter */
    SIM_EXPECT(sim, "80E2910001AA", "9000");
    isdr.answer = 300;
    SIM_EXPECT(sim, "80E2910001AA", "6100");
    (void)sim_send(sim, "80C0000000");
    assert_int_equal(sim->response.n, 258);
    assert_memory_equal(sim->response.p + 256, "\x61\x2C", 2);
    (void)sim_send(sim, "00C000002C");
    assert_int_equal(sim->response.n, 0x2C + 2);
    assert_int_equal(sim->response.p[0], 0);
    assert_memory_equal(sim->response.p + 0x2C, "\x90\x00", 2);
    SIM_EXPECT(sim, "00C0000000", "6985");
    /* more than the answer buffer takes */
    isdr.answer = UICC_MAX_RESPONSE + 1;
    SIM_EXPECT(sim, "80E2910001AA", "6581");
    isdr.answer = 0;
    /* the card's own commands stay the card's */
    int processed = isdr.processed;
    SIM_EXPECT(sim, "80100000021122", "9000");
    SIM_EXPECT(sim, "80F2000C00", "9000");
    SIM_EXPECT(sim,
               "00700000"
               "01",
               "019000");
    assert_int_equal(isdr.processed, processed);
    SIM_EXPECT(sim, "00B0000001", "6D00");
    assert_int_equal(isdr.processed, processed + 1);
    /* a selection that the application refuses leaves the channel as it was */
    isdr.sw = UICC_SW_CONDITIONS;
    SIM_EXPECT(sim, "01A4040C10" ISDR_AID, "6985");
    SIM_EXPECT(sim, "81F2000100", "6A88");
    isdr.sw = UICC_SW_OK;
    /* a file takes the channel back; closing the channel too */
    SIM_EXPECT(sim, "00A4080C022FE2", "9000");
    assert_int_equal(isdr.deselected, 1);
    SIM_EXPECT(sim, "80E2910001AA", "6D00");
    SIM_EXPECT(sim, "01A4040C10" ISDR_AID, "9000");
    SIM_EXPECT(sim, "00708001", "9000");
    assert_int_equal(isdr.deselected, 2);
    /* SELECT with another application, reset */
    SIM_EXPECT(sim, "00A4040C10" ISDR_AID, "9000");
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    assert_int_equal(isdr.deselected, 3);
    SIM_EXPECT(sim, "00A4040C10" ISDR_AID, "9000");
    uicc_reset(sim->uicc);
    assert_int_equal(isdr.deselected, 4);
    assert_int_equal(isdr.reset, 1);
    /* gone */
    struct sim_bytes aid = sim_hex(ISDR_AID);
    SIM_EXPECT(sim, "00A4040C10" ISDR_AID, "9000");
    uicc_unregister(sim->uicc, cr_span_of(aid.p, aid.n));
    assert_int_equal(isdr.deselected, 5);
    SIM_EXPECT(sim, "00A4040C10" ISDR_AID, "6A82");
    sim_free(sim);
}

static bool cut_before_commit(void *ctx, enum nvm_point point)
{
    return point == NVM_BEFORE_COMMIT && (*(int *)ctx)-- == 0;
}

static void transactions(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct app isdr = {.write = true, .discard = true, .answer = 2};
    app_register(sim, &isdr, ISDR_AID);
    SIM_EXPECT(sim, "00A4040C10" ISDR_AID, "9000");
    SIM_EXPECT(sim, "80E2910001AA00", "00019000");
    assert_false(cr_span_present(nvm_get(sim->nvm, cr_span_str("app"))));
    isdr.discard = false;
    SIM_EXPECT(sim, "80E2910001AA00", "00019000");
    assert_true(cr_span_present(nvm_get(sim->nvm, cr_span_str("app"))));
    assert_int_equal(isdr.aborted, 0);
    int left = 0;
    nvm_set_fault(sim->nvm, cut_before_commit, &left);
    SIM_EXPECT(sim, "80E2910001AA00", "6581");
    assert_int_equal(isdr.aborted, 1);
    sim_free(sim);
}

/* A full memory is no power cut: the command fails as a whole, the card goes on. */
static void full_memory(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, "00A4000C026F3B", "9000");
    nvm_set_capacity(sim->nvm, nvm_used(sim->nvm));
    SIM_EXPECT(sim,
               "00DC010404"
               "01020304",
               "6581");
    SIM_EXPECT(sim, "00B2010400", "00AAAAAA9000");
    struct sim_bytes b = sim_hex("00DC01040401020304");
    assert_int_equal(uicc_transmit(sim->uicc, cr_span_of(b.p, b.n), &sim->response, &sim->err),
                     CR_OK);
    nvm_set_capacity(sim->nvm, 1 << 20);
    SIM_EXPECT(sim,
               "00DC010404"
               "01020304",
               "9000");
    SIM_EXPECT(sim, "00B2010400", "010203049000");
    sim_free(sim);
}

static void status(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, "80F2000100", "6A88");
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, "00A4000C026F07", "9000");
    SIM_EXPECT(sim, "80F201010E", "840C" USIM_AID "9000");
    SIM_EXPECT(sim, "80F2010112", "6C0E");
    SIM_EXPECT(sim, "80F20201", "610E"); /* no Le at all */
    SIM_EXPECT(sim, "80F2000C", "9000");
    SIM_EXPECT(sim, "80F2000C00", "9000");
    SIM_EXPECT(sim, "80F2030000", "6A86");
    SIM_EXPECT(sim, "80F2000200", "6A86");
    SIM_EXPECT(sim, "00F2000000", "6E00");
    SIM_EXPECT(sim, "80F2000001AA", "6700");
    (void)sim_send(sim, "80F2000000"); /* the DF, not the EF */
    assert_memory_equal(sim->text, "623D8202782183027FD0", 20);
    SIM_EXPECT(sim, "80F2000010", "6C3F");
    sim_free(sim);
}

/* No profile: an MF, nothing in it, and no crash at any command. */
static void bare_card(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    assert_int_equal(uicc_set_profile(sim->uicc, (cr_span){0}, &sim->err), CR_OK);
    assert_null(uicc_profile(sim->uicc));
    static const struct {
        const char *command;
        uicc_sw sw;
    } steps[] = {
        {"00A40004023F0000", 0x9000},
        {"80F2000000", 0x9000},
        {"80F2000100", 0x6A88},
        {"00A4080C022FE2", 0x6A82},
        {"00A4000C022F00", 0x6A82},
        {"00A4000C027FFF", 0x6A82},
        {"00A4030C", 0x6A82},
        {SELECT_USIM, 0x6A82},
        {"00A4010C027F10", 0x6A82},
        {"00B0000001", 0x6986},
        {"00B0820001", 0x6A82},
        {"00B2010400", 0x6986},
        {"00D6000001FF", 0x6986},
        {"0020000100", 0x6A88},
        {"002C000100", 0x6A88},
        {VERIFY_PIN1, 0x6A88},
        {ENABLE_PIN1, 0x6A88},
        {"00040000", 0x6A82},
        {"0044080002"
         "2FE2",
         0x6A82},
        {"00E40000022FE2", 0x6A82},
        {"00E00000026200", 0x6A82},
        {"002600010830303030FFFFFFFF", 0x6A88},
        {"0088008111"
         "1000000000000000000000000000000000",
         0x6985},
        {"0070000001", 0x9000},
        {"01A4000C023F00", 0x9000},
        {"00708001", 0x9000},
        {"0084000008", 0x9000},
        {"80D40000028000", 0x6A80},
        {"80CB008001"
         "5C",
         0x6986},
    };
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        uicc_sw sw = sim_sw(sim, steps[i].command);
        if (sw != steps[i].sw) {
            fail_msg("step %zu %s: %04X", i, steps[i].command, sw);
        }
    }
    (void)sim_send(sim, "00A40004023F0000");
    assert_memory_equal(sim->text, "62268202782183023F00A50C8001718304", 34);
    /* a prefix under which there is nothing is the same */
    assert_int_equal(uicc_set_profile(sim->uicc, cr_span_str("p/9/"), &sim->err), CR_OK);
    assert_null(uicc_profile(sim->uicc));
    SIM_EXPECT(sim, SELECT_USIM, "6A82");
    assert_int_equal(uicc_set_profile(sim->uicc, cr_span_str(""), &sim->err), CR_REFUSED);
    /* and back: selections start at the MF */
    assert_int_equal(uicc_set_profile(sim->uicc, cr_span_str(SIM_PREFIX), &sim->err), CR_OK);
    SIM_EXPECT(sim, "00B0820000", "980010325476981032149000");
    sim_free(sim);
}

static void life_cycle(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, "00A4000C026F07", "9000");
    SIM_EXPECT(sim, "00040000", "6982");
    SIM_EXPECT(sim, VERIFY_ADM1, "9000");
    SIM_EXPECT(sim, "00040000", "9000");
    SIM_EXPECT(sim, "00040000", "9000");
    SIM_EXPECT(sim, "00B0000009", "6984");
    SIM_EXPECT(sim, "00D600000108", "6984");
    SIM_EXPECT(sim, "00A4000C026F07", "6283");
    SIM_EXPECT(sim, "00A40004026F07", "6119");
    SIM_EXPECT(sim, "00C0000019",
               "62178202412183026F078A01048B036F060A8002000988"
               "01386283");
    SIM_EXPECT(sim,
               "0044000002"
               "6F07",
               "9000");
    SIM_EXPECT(sim, "00B0000009", "0809101010325476989000");
    /* by path */
    SIM_EXPECT(sim,
               "0004080004"
               "7FFF6F07",
               "9000");
    SIM_EXPECT(sim,
               "0044090002"
               "6F07",
               "9000");
    SIM_EXPECT(sim,
               "0004080002"
               "6F07",
               "6A82");
    SIM_EXPECT(sim,
               "0004010002"
               "6F07",
               "6A86");
    SIM_EXPECT(sim,
               "0004000102"
               "6F07",
               "6A86");
    SIM_EXPECT(sim,
               "0004000001"
               "6F",
               "6700");
    SIM_EXPECT(sim,
               "0004080001"
               "6F",
               "6700");
    SIM_EXPECT(sim, "00A4000C025F3B", "9000");
    SIM_EXPECT(sim, "00040000", "6986");
    /* readable while deactivated, if the file says so */
    uicc_file f = sim_file(sim, sim->usim,
                           (struct uicc_file_attr){.kind = UICC_TRANSPARENT,
                                                   .fid = 0x6F99,
                                                   .arr_record = 7,
                                                   .size = 1,
                                                   .special = UICC_SPECIAL_DEACTIVATED},
                           "42");
    assert_int_equal(uicc_fs_set_lcsi(&sim->fs, f, 0x04, &sim->err), CR_OK);
    SIM_EXPECT(sim, "00A4080C047FFF6F99", "6283");
    SIM_EXPECT(sim, "00B0000001", "429000");
    SIM_EXPECT(sim, "00D600000143", "9000");
    /* a deactivated DF closes what is below it */
    SIM_EXPECT(sim, "00A4080C047FFF5F3B", "9000");
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim,
               "0004000002"
               "5F3B",
               "9000");
    SIM_EXPECT(sim, "00A4080C047FFF5F3B", "6283");
    SIM_EXPECT(sim, "00A4000C024F20", "9000");
    SIM_EXPECT(sim, "00B0000009", "6985");
    SIM_EXPECT(sim,
               "0044080004"
               "7FFF5F3B",
               "9000");
    SIM_EXPECT(sim, "00B0000009", "FFFFFFFFFFFFFFFFFF9000");
    /* terminated for good */
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim,
               "00E6000002"
               "6F99",
               "6981");
    SIM_EXPECT(sim,
               "00E8000002"
               "5F3B",
               "6981");
    SIM_EXPECT(sim,
               "00E8000002"
               "6F99",
               "9000");
    SIM_EXPECT(sim, "00A4000C026F99", "6284");
    SIM_EXPECT(sim, "00B0000001", "6984");
    SIM_EXPECT(sim, "00440000", "6985");
    sim_free(sim);
}

static void files_that_are_not_shared(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    sim_file(sim, sim->mf,
             (struct uicc_file_attr){.kind = UICC_TRANSPARENT,
                                     .fid = 0x6F01,
                                     .arr_record = 7,
                                     .size = 1,
                                     .not_shareable = true},
             NULL);
    SIM_EXPECT(sim, "00A40004026F0100", "62168202012183026F018A01058B032F06078002000188009000");
    SIM_EXPECT(sim, "0070000001", "019000");
    SIM_EXPECT(sim, "01A4000C026F01", "6985");
    SIM_EXPECT(sim, "00A4000C022FE2", "9000");
    SIM_EXPECT(sim, "01A4000C026F01", "9000");
    SIM_EXPECT(sim, "00A4000C026F01", "6985");
    SIM_EXPECT(sim, "00708001", "9000");
    SIM_EXPECT(sim, "00A4000C026F01", "9000");
    sim_free(sim);
}

static void atr(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    char text[100];
    cr_buf b = {0};
    uicc_atr(sim->uicc, &b);
    assert_string_equal(cr_hex_into(text, sizeof text, cr_buf_span(&b)),
                        "3B9796803FC7828031E073FE211315");
    struct uicc *plain;
    struct uicc_options options = {.nvm = sim->nvm, .env = &sim->env};
    assert_int_equal(uicc_new(&options, &plain, &sim->err), CR_OK);
    cr_buf_reset(&b);
    uicc_atr(plain, &b);
    assert_string_equal(cr_hex_into(text, sizeof text, cr_buf_span(&b)),
                        "3B9796801FC78031E073FE2113B7");
    uicc_free(plain);
    struct sim_bytes history = sim_hex("8031E073FE2113575645554943433174");
    options.euicc = true;
    options.historical = cr_span_of(history.p, history.n);
    assert_int_equal(uicc_new(&options, &plain, &sim->err), CR_REFUSED);
    history = sim_hex("8031E073FE21135756455549434331");
    options.historical = cr_span_of(history.p, history.n);
    assert_int_equal(uicc_new(&options, &plain, &sim->err), CR_OK);
    cr_buf_reset(&b);
    uicc_atr(plain, &b);
    assert_string_equal(cr_hex_into(text, sizeof text, cr_buf_span(&b)),
                        "3B9F96803FC7828031E073FE2113575645554943433174");
    uicc_free(plain);
    uicc_free(NULL);
    options.channels = 21;
    assert_int_equal(uicc_new(&options, &plain, &sim->err), CR_REFUSED);
    cr_buf_free(&b);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_answers),
        cmocka_unit_test(universal_pin_in_the_template),
        cmocka_unit_test(by_file_identifier),
        cmocka_unit_test(by_path),
        cmocka_unit_test(by_name),
        cmocka_unit_test(applications),
        cmocka_unit_test(transactions),
        cmocka_unit_test(full_memory),
        cmocka_unit_test(status),
        cmocka_unit_test(bare_card),
        cmocka_unit_test(life_cycle),
        cmocka_unit_test(files_that_are_not_shared),
        cmocka_unit_test(atr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
