/*
 * Switching (SGP.02 3.2 to 3.4, 3.15): notification until it is confirmed, roll-back, fall-back,
 * POL1 at the moment of execution, what the device may do alone.
 */
#include "m2m_bed.h"

#include "asn1/der.h"

/* A change is asked for, answered, and the terminal is reset by the REFRESH. */
static void change(struct m2m_bed *bed, const char *dgi, const char *aid)
{
    m2m_clear(bed);
    assert_int_equal(m2m_platform(bed, dgi, aid), 0x9000);
    assert_true(bed->refreshed);
    m2m_bed_reset(bed);
}

static void expect_note(struct m2m_bed *bed, unsigned type, unsigned sequence, uint16_t aid)
{
    unsigned s;
    uint16_t a;
    assert_int_equal(m2m_note(bed, &s, &a), type);
    assert_int_equal(s, sequence);
    assert_int_equal(a, aid);
}

/* A chip that has declared itself: sequence number 1 is used. */
static struct m2m_bed *settled(void)
{
    struct m2m_bed *bed = m2m_bed_new();
    m2m_bed_attach(bed);
    expect_note(bed, M2M_NOTE_DECLARATION, 1, 0x0010);
    assert_int_equal(m2m_confirm_sw(bed, 1), 0x9000);
    assert_true(m2m_bed_record(bed).declared);
    m2m_clear(bed);
    return bed;
}

/* ---- the good end ------------------------------------------------------------------------------
 */

static void enable(void **state)
{
    (void)state;
    struct m2m_bed *bed = settled();
    change(bed, "3A03", AID_B);
    /* the answer first, then REFRESH */
    const uint8_t *seen = bed->terminal.seen.p;
    size_t sms = 0, refresh = 0;
    for (size_t i = 0; i < bed->terminal.seen.n; i++) {
        sms = seen[i] == CAT_SEND_SHORT_MESSAGE ? i : sms;
        refresh = seen[i] == CAT_REFRESH ? i : refresh;
    }
    assert_true(refresh > sms);
    assert_int_equal(m2m_bed_state(bed, 0x0010), 0x1F);
    assert_int_equal(m2m_bed_state(bed, 0x0011), 0x3F);
    assert_int_equal(m2m_note_count(bed), 0); /* not before there is service */
    assert_true(bed->terminal.events & CAT_EVENT_BIT(CAT_EVENT_LOCATION_STATUS));
    m2m_bed_attach(bed);
    expect_note(bed, M2M_NOTE_CHANGED, 2, 0x0011);
    assert_int_equal(m2m_platform(bed, "3A03", AID_C), 0x6985); /* one at a time */
    assert_int_equal(m2m_platform(bed, "3A04", AID_B), 0x6985);
    assert_int_equal(m2m_es5_sw(bed, "80E40040124F10" AID_A "00"), 0x6985); /* it may come back */
    assert_int_equal(m2m_confirm_sw(bed, 1), 0x9000); /* the last one again: as the first time */
    assert_int_equal(m2m_confirm_sw(bed, 3), 0x6A88);
    assert_int_equal(m2m_bed_record(bed).cause, M2M_BY_ENABLE);
    assert_string_equal(m2m_es5_run(bed, "80E28900073A08044E02000200"), "9000");
    assert_string_equal(m2m_es5_run(bed, "80E28900073A08044E02000200"), "9000");
    assert_int_equal(m2m_bed_record(bed).cause, M2M_SETTLED);
    m2m_clear(bed);
    m2m_advance(bed, 80000);
    assert_int_equal(bed->message_count, 0);
    assert_int_equal(m2m_enabled(bed), 0x0011);
    m2m_check_consistent(bed);
    m2m_bed_free(bed);
}

/* Sheet 9.2. */
static void example_note(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    static const uint8_t imei[] = {0x3A, 0x45, 0x99, 0x00, 0x57, 0x91, 0x85, 0x03};
    struct m2m_state record = {.note = M2M_NOTE_CHANGED, .sequence = 1};
    struct cr_err err = {0};
    cr_buf packet = {0};
    char hex[256];
    memcpy(bed->euicc->m2m->imei, imei, sizeof imei);
    bed->euicc->m2m->imei_size = sizeof imei;
    assert_int_equal(euicc_m2m_note_packet(bed->euicc->m2m, &record, &packet, &err), CR_OK);
    assert_string_equal(
        cr_hex_into(hex, sizeof hex, cr_buf_span(&packet)),
        "004D1502001012000001000000000000D2FD4A3889F9DDD7E1354C10890010120123412340123456789012244D"
        "01024E0200012F10A0000005591010FFFFFFFF890000100014083A45990057918503");
    cr_buf_free(&packet);
    m2m_bed_free(bed);
}

static void disable(void **state)
{
    (void)state;
    struct m2m_bed *bed = settled();
    change(bed, "3A03", AID_B);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_confirm_sw(bed, 2), 0x9000);
    change(bed, "3A04", AID_B);
    assert_int_equal(m2m_enabled(bed), 0x0010);
    m2m_bed_attach(bed);
    expect_note(bed, M2M_NOTE_CHANGED, 3, 0x0010);
    assert_int_equal(m2m_confirm_sw(bed, 3), 0x9000);
    m2m_check_consistent(bed);
    m2m_bed_free(bed);
}

static void disable_type(void **state)
{
    (void)state;
    struct euicc_m2m_options options = {.timing = {.disable_type = 5}};
    struct m2m_bed *bed = m2m_bed_new_with(&options);
    change(bed, "3A03", AID_B);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_confirm_sw(bed, 1), 0x9000);
    change(bed, "3A04", AID_B);
    m2m_bed_attach(bed);
    expect_note(bed, M2M_NOTE_FALL_BACK, 2, 0x0010);
    m2m_bed_free(bed);
}

/* ---- the follow-up of POL1 ---------------------------------------------------------------------
 */

static void auto_delete(void **state)
{
    (void)state;
    struct m2m_bed *bed = settled();
    change(bed, "3A03", AID_B);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_confirm_sw(bed, 2), 0x9000);
    m2m_set_pol1(bed, 0x0011, M2M_POL1_DELETE_DISABLED);
    change(bed, "3A03", AID_C);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_bed_state(bed, 0x0011), 0x1F); /* not before the confirmation */
    assert_string_equal(m2m_es5_run(bed, "80E28900073A08044E02000300"), "80124F10" AID_B "9000");
    assert_int_equal(m2m_bed_state(bed, 0x0011), 0);
    assert_string_equal(m2m_es5_run(bed, "80E28900073A08044E02000300"),
                        "80124F10" AID_B "9000"); /* the answer was lost */
    m2m_check_consistent(bed);
    m2m_bed_free(bed);
}

static void no_auto_delete(void **state)
{
    (void)state;
    static const uint8_t others[] = {0x00, 0x02, 0x06, 0x08};
    struct m2m_bed *bed = settled();
    /* never the fall-back profile */
    m2m_set_pol1(bed, 0x0010, M2M_POL1_DELETE_DISABLED);
    change(bed, "3A03", AID_B);
    m2m_bed_attach(bed);
    assert_string_equal(m2m_es5_run(bed, "80E28900073A08044E02000200"), "9000");
    assert_int_equal(m2m_bed_state(bed, 0x0010), 0x1F);
    unsigned sequence = 2;
    for (size_t i = 0; i < CR_COUNT(others); i++) {
        m2m_set_pol1(bed, 0x0011, others[i]);
        change(bed, "3A03", AID_C);
        m2m_bed_attach(bed);
        assert_int_equal(m2m_confirm_sw(bed, ++sequence), 0x9000);
        assert_int_equal(m2m_bed_state(bed, 0x0011), 0x1F);
        m2m_set_pol1(bed, 0x0011, 0);
        change(bed, "3A03", AID_B);
        m2m_bed_attach(bed);
        assert_int_equal(m2m_confirm_sw(bed, ++sequence), 0x9000);
    }
    m2m_bed_free(bed);
}

/* Each rule, for each operation. */
static void pol1_matrix(void **state)
{
    (void)state;
    for (unsigned rule = 0; rule <= M2M_POL1_ALL; rule++) {
        /* of the profile that is ENABLED */
        struct m2m_bed *bed = settled();
        m2m_set_pol1(bed, 0x0010, (uint8_t)rule);
        assert_int_equal(m2m_platform(bed, "3A03", AID_B), rule & 1 ? 0x69E1 : 0x9000);
        m2m_bed_free(bed);
        /* of the one to be enabled, and then disabled */
        bed = settled();
        m2m_set_pol1(bed, 0x0011, (uint8_t)rule);
        assert_int_equal(m2m_platform(bed, "3A03", AID_B), rule & 8 ? 0x69E1 : 0x9000);
        if (!(rule & 8)) {
            m2m_bed_reset(bed);
            m2m_bed_attach(bed);
            assert_int_equal(m2m_confirm_sw(bed, 2), 0x9000);
            assert_int_equal(m2m_platform(bed, "3A04", AID_B), rule & 1 ? 0x69E1 : 0x9000);
        }
        m2m_bed_free(bed);
        /* of one to be deleted */
        bed = settled();
        m2m_set_pol1(bed, 0x0012, (uint8_t)rule);
        assert_int_equal(m2m_es5_sw(bed, "80E40040124F10" AID_C "00"), rule & 2 ? 0x69E1 : 0x9000);
        m2m_bed_free(bed);
    }
}

/* ---- repetitions and roll-back -----------------------------------------------------------------
 */

static void no_confirmation(void **state)
{
    (void)state;
    struct m2m_bed *bed = settled();
    change(bed, "3A03", AID_B);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_note_count(bed), 1);
    for (unsigned i = 1; i <= 3; i++) {
        m2m_advance(bed, 299);
        assert_int_equal(m2m_note_count(bed), i);
        m2m_advance(bed, 1);
        assert_int_equal(m2m_note_count(bed), i + 1);
        expect_note(bed, M2M_NOTE_CHANGED, 2, 0x0011); /* the same number */
    }
    bed->refreshed = false;
    m2m_advance(bed, 300);
    assert_true(bed->refreshed);
    assert_int_equal(m2m_enabled(bed), 0x0010);
    assert_int_equal(m2m_bed_state(bed, 0x0011), 0x1F);
    m2m_bed_reset(bed);
    m2m_clear(bed);
    m2m_bed_attach(bed);
    expect_note(bed, M2M_NOTE_ROLLED_BACK, 3, 0x0010);
    assert_int_equal(m2m_confirm_sw(bed, 2), 0x6A88); /* too late */
    assert_int_equal(m2m_enabled(bed), 0x0010);
    /* not confirmed: repeated, then once an hour, and nothing rolls */
    m2m_advance(bed, 3 * 300);
    assert_int_equal(m2m_note_count(bed), 4);
    m2m_advance(bed, 3599);
    assert_int_equal(m2m_note_count(bed), 4);
    m2m_advance(bed, 1);
    assert_int_equal(m2m_note_count(bed), 5);
    assert_int_equal(m2m_confirm_sw(bed, 3), 0x9000);
    assert_int_equal(m2m_enabled(bed), 0x0010);
    m2m_check_consistent(bed);
    m2m_bed_free(bed);
}

static void no_attachment(void **state)
{
    (void)state;
    struct m2m_bed *bed = settled();
    bed->terminal.location = CAT_SERVICE_LIMITED;
    change(bed, "3A03", AID_B);
    bed->refreshed = false;
    m2m_advance(bed, 599);
    assert_int_equal(m2m_enabled(bed), 0x0011);
    m2m_advance(bed, 1);
    assert_true(bed->refreshed);
    assert_int_equal(m2m_enabled(bed), 0x0010);
    m2m_bed_reset(bed);
    m2m_clear(bed);
    m2m_bed_attach(bed);
    expect_note(bed, M2M_NOTE_ROLLED_BACK, 3, 0x0010);
    m2m_bed_free(bed);
}

/* A terminal without location events is asked. */
static void asked(void **state)
{
    (void)state;
    struct m2m_bed *bed = settled();
    bed->terminal.profile[4] &= (uint8_t) ~(1U << 4); /* 37: location status */
    m2m_clear(bed);
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x9000);
    m2m_bed_reset(bed);
    assert_int_equal(bed->terminal.events & CAT_EVENT_BIT(CAT_EVENT_LOCATION_STATUS), 0);
    m2m_advance(bed, 60);
    expect_note(bed, M2M_NOTE_CHANGED, 2, 0x0011);
    m2m_bed_free(bed);
}

/* A terminal without timers is counted by its polls. */
static void polled(void **state)
{
    (void)state;
    struct m2m_bed *bed = settled();
    bed->terminal.profile[7] &= 0xFC; /* 57, 58 */
    change(bed, "3A03", AID_B);
    m2m_bed_attach(bed);
    for (unsigned i = 0; i < 9; i++) {
        (void)terminal_status(&bed->terminal);
    }
    assert_int_equal(m2m_note_count(bed), 1);
    (void)terminal_status(&bed->terminal);
    assert_int_equal(m2m_note_count(bed), 2);
    m2m_bed_free(bed);
}

/* A terminal without REFRESH shows the new profile at once. */
static void no_refresh(void **state)
{
    (void)state;
    struct m2m_bed *bed = settled();
    bed->terminal.profile[2] &= 0x7F; /* 24 */
    m2m_bed_reset(bed);
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x9000);
    assert_false(bed->refreshed);
    const struct uicc_fs *fs = uicc_profile(euicc_uicc(bed->euicc));
    assert_memory_equal(fs->prefix, "p/0011/", 7);
    m2m_bed_free(bed);
}

/* The message does not get away: tried again, and the confirmation is waited for all the same. */
static void sms_fails(void **state)
{
    (void)state;
    struct m2m_bed *bed = settled();
    change(bed, "3A03", AID_B);
    terminal_fault(&bed->terminal, CAT_SEND_SHORT_MESSAGE, CAT_RESULT_NETWORK_BUSY, 0, 3);
    m2m_bed_attach(bed);
    m2m_advance(bed, 60);
    assert_int_equal(m2m_note_count(bed), 3);
    m2m_advance(bed, 300);
    assert_int_equal(m2m_note_count(bed), 4);
    assert_int_equal(m2m_confirm_sw(bed, 2), 0x9000);
    m2m_bed_free(bed);
}

/* ---- fall-back ---------------------------------------------------------------------------------
 */

/* B enabled and confirmed; the number given last is 2. */
static struct m2m_bed *on_b(uint8_t pol1)
{
    struct m2m_bed *bed = settled();
    change(bed, "3A03", AID_B);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_confirm_sw(bed, 2), 0x9000);
    m2m_set_pol1(bed, 0x0011, pol1);
    m2m_clear(bed);
    return bed;
}

static void fall_back(void **state)
{
    (void)state;
    struct m2m_bed *bed = on_b(M2M_POL1_DELETE_DISABLED);
    terminal_location(&bed->terminal, CAT_SERVICE_NONE);
    m2m_advance(bed, 299);
    m2m_bed_attach(bed); /* back in time */
    m2m_advance(bed, 1000);
    assert_int_equal(m2m_enabled(bed), 0x0011);
    terminal_location(&bed->terminal, CAT_SERVICE_LIMITED);
    m2m_advance(bed, 200);
    terminal_location(&bed->terminal, CAT_SERVICE_NONE); /* without a break */
    m2m_advance(bed, 100);
    assert_true(bed->refreshed);
    assert_int_equal(m2m_enabled(bed), 0x0010);
    m2m_bed_reset(bed);
    m2m_clear(bed);
    m2m_bed_attach(bed);
    expect_note(bed, M2M_NOTE_FALL_BACK, 3, 0x0010);
    assert_string_equal(m2m_es5_run(bed, "80E28900073A08044E02000300"), "9000");
    assert_int_equal(m2m_bed_state(bed, 0x0011), 0x1F); /* no deletion by fall-back */
    assert_int_equal(m2m_bed_record(bed).pinned, 0);
    /* already there: nothing to fall back to */
    terminal_location(&bed->terminal, CAT_SERVICE_NONE);
    m2m_advance(bed, 80000);
    assert_int_equal(m2m_enabled(bed), 0x0010);
    m2m_check_consistent(bed);
    m2m_bed_free(bed);
}

/* A profile that must not be disabled, left all the same: the only way is back. */
static void pin(void **state)
{
    (void)state;
    struct m2m_bed *bed = on_b(M2M_POL1_NO_DISABLE);
    terminal_location(&bed->terminal, CAT_SERVICE_NONE);
    m2m_advance(bed, 300);
    m2m_bed_reset(bed);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_confirm_sw(bed, 3), 0x9000);
    assert_int_equal(m2m_bed_record(bed).pinned, 0x0011);
    assert_int_equal(m2m_platform(bed, "3A03", AID_C), 0x69E1);
    assert_int_equal(m2m_platform(bed, "3A05", AID_C), 0x69E1);
    assert_int_equal(m2m_platform(bed, "3A05", AID_B), 0x69E1);
    assert_int_equal(m2m_es5_sw(bed, "80E40040124F10" AID_B "00"), 0x69E1);
    assert_int_equal(m2m_es5_sw(bed, "80E40040124F10" AID_C "00"), 0x9000);
    bed = m2m_bed_power_cycle(bed);
    assert_int_equal(m2m_bed_record(bed).pinned, 0x0011);
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x9000);
    assert_int_equal(m2m_bed_record(bed).pinned, 0);
    m2m_check_consistent(bed);
    m2m_bed_free(bed);
}

/* Neither the new one nor the old one: the fall-back profile; nor that: one after the other. */
static void alternation(void **state)
{
    (void)state;
    struct m2m_bed *bed = on_b(0);
    bed->terminal.location = CAT_SERVICE_NONE;
    change(bed, "3A03", AID_C);
    static const uint16_t then[] = {0x0011, 0x0010, 0x0011, 0x0010, 0x0011};
    for (size_t i = 0; i < CR_COUNT(then); i++) {
        m2m_advance(bed, 600);
        assert_int_equal(m2m_enabled(bed), then[i]);
        if (i % 2) {
            bed = m2m_bed_power_cycle(bed); /* also over a reset */
            bed->terminal.location = CAT_SERVICE_NONE;
        } else {
            m2m_bed_reset(bed);
        }
    }
    m2m_clear(bed);
    m2m_bed_attach(bed);
    unsigned sequence;
    uint16_t aid;
    assert_int_equal(m2m_note(bed, &sequence, &aid), M2M_NOTE_FALL_BACK);
    assert_int_equal(aid, 0x0011);
    assert_int_equal(m2m_confirm_sw(bed, sequence), 0x9000);
    m2m_check_consistent(bed);
    m2m_bed_free(bed);
}

/* ---- resets ------------------------------------------------------------------------------------
 */

static void resets(void **state)
{
    (void)state;
    struct m2m_bed *bed = settled();
    change(bed, "3A03", AID_B);
    for (unsigned i = 0; i < 3; i++) {
        bed = m2m_bed_power_cycle(bed);
        m2m_clear(bed);
        m2m_bed_attach(bed);
        expect_note(bed, M2M_NOTE_CHANGED, 2, 0x0011);
    }
    /* tries are counted over resets */
    m2m_bed_reset(bed);
    m2m_bed_attach(bed);
    m2m_advance(bed, 300);
    assert_int_equal(m2m_enabled(bed), 0x0010);
    m2m_bed_free(bed);
}

static void declaration(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    m2m_bed_attach(bed);
    expect_note(bed, M2M_NOTE_DECLARATION, 1, 0x0010);
    bed = m2m_bed_power_cycle(bed);
    m2m_bed_attach(bed);
    expect_note(bed, M2M_NOTE_DECLARATION, 1, 0x0010); /* until it is confirmed */
    assert_int_equal(m2m_confirm_sw(bed, 1), 0x9000);
    bed = m2m_bed_power_cycle(bed);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_note_count(bed), 0);
    m2m_bed_free(bed);
}

/* ---- ESx ---------------------------------------------------------------------------------------
 */

static uicc_sw local(struct m2m_bed *bed, const char *dgi)
{
    uint8_t apdu[64];
    const char *select = "00A4040010" AID_ISDR "00";
    char store[32];
    assert_true(cr_hex_fixed(apdu, strlen(select) / 2, cr_span_str(select)));
    (void)terminal_send(&bed->terminal, cr_span_of(apdu, strlen(select) / 2));
    terminal_serve(&bed->terminal);
    (void)snprintf(store, sizeof store, "80E2880003%s00", dgi);
    assert_true(cr_hex_fixed(apdu, 8, cr_span_str(store)));
    uicc_sw sw = terminal_send(&bed->terminal, cr_span_of(apdu, 8));
    terminal_serve(&bed->terminal);
    return sw >> 8 == 0x91 ? 0x9000 : sw;
}

static struct m2m_bed *with_special(void)
{
    cr_buf packages[3] = {{0}};
    struct euicc_m2m_profile profiles[3] = {{.enabled = true, .fall_back = true}};
    for (unsigned i = 0; i < 3; i++) {
        m2m_package(i + 1, NULL, NULL, &packages[i]);
        profiles[i].package = cr_buf_span(&packages[i]);
    }
    profiles[1].test = true;
    struct euicc_m2m_options options = {.profiles = profiles, .profile_count = 3};
    struct m2m_bed *bed = m2m_bed_new_with(&options);
    for (unsigned i = 0; i < 3; i++) {
        cr_buf_free(&packages[i]);
    }
    return bed;
}

static void local_switch(void **state)
{
    (void)state;
    struct m2m_bed *bed = with_special();
    assert_int_equal(local(bed, "3A0D"), 0x6A88); /* no Emergency Profile yet */
    assert_int_equal(m2m_platform(bed, "3A09", AID_C), 0x9000);
    assert_int_equal(m2m_platform(bed, "3A09", AID_B), 0x6985); /* a Test Profile */
    assert_int_equal(m2m_platform(bed, "3A05", AID_B), 0x6985);
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x6985);
    assert_int_equal(local(bed, "3A0C"), 0x6985); /* not enabled */
    assert_int_equal(local(bed, "3A03"), 0x6982); /* that is the SM-SR's */
    m2m_set_pol1(bed, 0x0010, M2M_POL1_NO_DISABLE);
    assert_int_equal(local(bed, "3A0B"), 0x9000); /* POL1 does not count */
    assert_int_equal(m2m_enabled(bed), 0x0011);
    assert_true(bed->refreshed);
    m2m_bed_reset(bed);
    m2m_clear(bed);
    m2m_bed_attach(bed);
    terminal_location(&bed->terminal, CAT_SERVICE_NONE);
    m2m_advance(bed, 4000);
    assert_int_equal(m2m_note_count(bed), 0); /* no notification, no fall-back */
    assert_int_equal(m2m_enabled(bed), 0x0011);
    assert_int_equal(local(bed, "3A0B"), 0x6985);
    assert_int_equal(m2m_platform(bed, "3A03", AID_A), 0x6985);
    assert_int_equal(m2m_es5_sw(bed, "80E40040124F10" AID_B "00"), 0x6985);
    assert_int_equal(m2m_es5_sw(bed, "80E40040124F10" AID_A "00"), 0x6985);
    assert_int_equal(m2m_es5_sw(bed, "80CAFF2100"), 0x9000);
    assert_int_equal(local(bed, "3A0D"), 0x9000); /* an emergency in the test */
    assert_int_equal(m2m_enabled(bed), 0x0012);
    m2m_bed_reset(bed);
    assert_int_equal(local(bed, "3A0B"), 0x6985);
    bed = m2m_bed_power_cycle(bed);
    assert_int_equal(local(bed, "3A0E"), 0x9000);
    assert_int_equal(m2m_enabled(bed), 0x0010); /* what was enabled before the first of them */
    m2m_bed_reset(bed);
    m2m_check_consistent(bed);
    m2m_bed_free(bed);
}

/* A change that waits gives way to an emergency, and is told of afterwards. */
static void emergency_in_a_change(void **state)
{
    (void)state;
    struct m2m_bed *bed = settled();
    assert_int_equal(m2m_platform(bed, "3A09", AID_C), 0x9000);
    change(bed, "3A03", AID_B);
    m2m_bed_attach(bed);
    assert_int_equal(local(bed, "3A0D"), 0x9000);
    assert_int_equal(m2m_enabled(bed), 0x0012);
    m2m_bed_reset(bed);
    m2m_clear(bed);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_note_count(bed), 0);
    assert_int_equal(m2m_confirm_sw(bed, 2), 0x6A88);
    assert_int_equal(local(bed, "3A0E"), 0x9000);
    assert_int_equal(m2m_enabled(bed), 0x0010);
    m2m_bed_reset(bed);
    m2m_bed_attach(bed);
    expect_note(bed, M2M_NOTE_ROLLED_BACK, 3, 0x0010);
    m2m_check_consistent(bed);
    m2m_bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enable),        cmocka_unit_test(example_note),
        cmocka_unit_test(disable),       cmocka_unit_test(disable_type),
        cmocka_unit_test(auto_delete),   cmocka_unit_test(no_auto_delete),
        cmocka_unit_test(pol1_matrix),   cmocka_unit_test(no_confirmation),
        cmocka_unit_test(no_attachment), cmocka_unit_test(asked),
        cmocka_unit_test(polled),        cmocka_unit_test(no_refresh),
        cmocka_unit_test(sms_fails),     cmocka_unit_test(fall_back),
        cmocka_unit_test(pin),           cmocka_unit_test(alternation),
        cmocka_unit_test(resets),        cmocka_unit_test(declaration),
        cmocka_unit_test(local_switch),  cmocka_unit_test(emergency_in_a_change),
    };
    return cmocka_run_group_tests_name("euicc/m2m_switch", tests, NULL, NULL);
}
