/*
 * Power that is cut at every write of a machine's chip: a switch and its confirmation, deletion by
 * POL1, a roll-back, a platform command. What was answered stands, what was not is whole or not
 * there, and the chip ends well from everywhere.
 */
#include "m2m_bed.h"

struct cut {
    long left;
    bool fired;
};

static bool cut_hook(void *ctx, enum nvm_point point)
{
    struct cut *cut = ctx;
    (void)point;
    if (cut->left > 0) {
        cut->left--;
        return false;
    }
    cut->fired = true;
    return true;
}

/* One life: what it was answered, step by step; stops at the first thing that fails. */
typedef size_t (*life)(struct m2m_bed *bed);

static size_t life_enable(struct m2m_bed *bed)
{
    if (m2m_platform(bed, "3A03", AID_B) != 0x9000) {
        return 0;
    }
    m2m_bed_reset(bed);
    m2m_bed_attach(bed);
    unsigned sequence;
    if (m2m_note(bed, &sequence, NULL) != M2M_NOTE_CHANGED ||
        m2m_confirm_sw(bed, sequence) != 0x9000) {
        return 1;
    }
    return 2;
}

static size_t life_roll_back(struct m2m_bed *bed)
{
    bed->terminal.location = CAT_SERVICE_NONE;
    if (m2m_platform(bed, "3A03", AID_B) != 0x9000) {
        return 0;
    }
    m2m_bed_reset(bed);
    m2m_advance(bed, 700);
    if (m2m_enabled(bed) != 0x0010) {
        return 1;
    }
    m2m_bed_reset(bed);
    m2m_bed_attach(bed);
    return m2m_note(bed, NULL, NULL) == M2M_NOTE_ROLLED_BACK ? 2 : 1;
}

static size_t life_platform(struct m2m_bed *bed)
{
    static const char *const create =
        "80E60C004510A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010" AID_NEW
        "0380C0000CC90481020370EF04830208000000";
    return m2m_es5_sw(bed, create) != 0x9000                        ? 0
           : m2m_platform(bed, "3A05", AID_C) != 0x9000             ? 1
           : m2m_es5_sw(bed, "80E40040124F10" AID_B "00") != 0x9000 ? 1
           : m2m_es5_sw(bed, "80E4000005F20301010300") != 0x9000    ? 1
                                                                    : 2;
}

/* From wherever it is, the chip comes to rest: it has service and the SM-SR confirms. */
static void end_well(struct m2m_bed *bed)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned sequence;
        m2m_clear(bed);
        m2m_bed_reset(bed);
        m2m_bed_attach(bed);
        if (m2m_note(bed, &sequence, NULL)) {
            assert_int_equal(m2m_confirm_sw(bed, sequence), 0x9000);
        }
    }
    struct m2m_state state = m2m_bed_record(bed);
    assert_int_equal(state.note, 0);
    assert_int_equal(state.cause, M2M_SETTLED);
    assert_true(m2m_enabled(bed) != 0);
    m2m_check_consistent(bed);
    /* what shows is what is enabled */
    char prefix[EUICC_PREFIX];
    const struct uicc_fs *fs = uicc_profile(euicc_uicc(bed->euicc));
    assert_true(cr_span_equal(euicc_profile_prefix(m2m_enabled(bed), prefix),
                              cr_span_of(fs->prefix, fs->prefix_size)));
}

static void cut_everywhere(life run, uint8_t pol1, uint16_t at_the_end)
{
    struct m2m_bed *origin = m2m_bed_new();
    size_t done = 0;
    m2m_set_pol1(origin, 0x0010, pol1);
    if (pol1) {
        /* POL1 deletes what is not the Fall-Back Profile */
        assert_int_equal(m2m_platform(origin, "3A05", AID_C), 0x9000);
    }
    m2m_bed_attach(origin);
    assert_int_equal(m2m_confirm_sw(origin, 1), 0x9000);
    for (long n = 0; done < 2; n++) {
        struct nvm *nvm;
        assert_int_equal(nvm_clone_committed(euicc_nvm(origin->euicc), &nvm, NULL), CR_OK);
        struct m2m_bed *bed = m2m_bed_open(nvm, origin->counter);
        struct cut cut = {.left = n};
        nvm_set_fault(euicc_nvm(bed->euicc), cut_hook, &cut);
        done = run(bed);
        bed = m2m_bed_power_cycle(bed);
        m2m_check_consistent(bed);
        /* no counter is good twice */
        struct gp_counters counters;
        gp_counters_get(&bed->euicc->m2m->reg, bed->euicc->m2m->isdr, 1, &counters);
        assert_true(done == 0 || counters.packets >= origin->counter);
        bed->counter += 10;
        end_well(bed);
        if (done == 2) {
            assert_int_equal(m2m_enabled(bed), at_the_end);
            assert_true(n > 5);
        }
        assert_true(n < 600);
        m2m_bed_free(bed);
    }
    m2m_bed_free(origin);
}

static void enable(void **state)
{
    (void)state;
    cut_everywhere(life_enable, 0, 0x0011);
}

static void enable_and_delete(void **state)
{
    (void)state;
    cut_everywhere(life_enable, M2M_POL1_DELETE_DISABLED, 0x0011);
}

static void roll_back(void **state)
{
    (void)state;
    cut_everywhere(life_roll_back, 0, 0x0010);
}

static void platform(void **state)
{
    (void)state;
    cut_everywhere(life_platform, 0, 0x0010);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enable),
        cmocka_unit_test(enable_and_delete),
        cmocka_unit_test(roll_back),
        cmocka_unit_test(platform),
    };
    return cmocka_run_group_tests_name("euicc/m2m_power", tests, NULL, NULL);
}
