#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static cr_status create(struct sim *sim, uicc_file parent, struct uicc_file_attr attr)
{
    uicc_file file = 0;
    sim->err.code = 0;
    return uicc_fs_create(&sim->fs, parent, &attr, &file, &sim->err);
}

#define REFUSED(sim, parent, attr_, code_)                                                         \
    do {                                                                                           \
        assert_int_equal(create((sim), (parent), (attr_)), CR_REFUSED);                            \
        assert_int_equal((sim)->err.code, (code_));                                                \
    } while (0)

#define ATTR(...) ((struct uicc_file_attr){__VA_ARGS__})

static void creation_refuses_what_cannot_be(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct sim_bytes aid = sim_hex(USIM_AID);
    uicc_file mf = sim->mf;
    REFUSED(sim, 0, ATTR(.kind = UICC_MF, .fid = 0x3F00), UICC_SW_FID_EXISTS);
    REFUSED(sim, mf, ATTR(.kind = UICC_MF, .fid = 0x3F00), UICC_SW_WRONG_DATA);
    REFUSED(sim, mf, ATTR(.kind = (enum uicc_kind)9, .fid = 0x6F01), UICC_SW_WRONG_DATA);
    REFUSED(sim, mf, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x2FE2), UICC_SW_FID_EXISTS);
    REFUSED(sim, 999, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01), UICC_SW_NOT_FOUND);
    uicc_file ef = uicc_fs_child(&sim->fs, mf, 0x2FE2);
    REFUSED(sim, ef, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01), UICC_SW_NOT_FOUND);
    static const uint16_t reserved[] = {0, 0x3F00, 0x7FFF, 0x3FFF, 0xFFFF};
    for (size_t i = 0; i < CR_COUNT(reserved); i++) {
        REFUSED(sim, mf, ATTR(.kind = UICC_DF, .fid = reserved[i]), UICC_SW_WRONG_DATA);
    }
    /* geometry */
    REFUSED(sim, mf, ATTR(.kind = UICC_LINEAR, .fid = 0x6F01, .size = 10), UICC_SW_WRONG_DATA);
    REFUSED(sim, mf, ATTR(.kind = UICC_LINEAR, .fid = 0x6F01, .size = 10, .record_size = 3),
            UICC_SW_WRONG_DATA);
    REFUSED(sim, mf, ATTR(.kind = UICC_LINEAR, .fid = 0x6F01, .size = 255, .record_size = 1),
            UICC_SW_WRONG_DATA);
    REFUSED(sim, mf, ATTR(.kind = UICC_CYCLIC, .fid = 0x6F01, .size = 256, .record_size = 256),
            UICC_SW_WRONG_DATA);
    REFUSED(sim, mf, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01, .size = 4, .record_size = 2),
            UICC_SW_WRONG_DATA);
    REFUSED(sim, mf, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01, .size = 65536),
            UICC_SW_NO_MEMORY);
    /* SFI, AID, pattern, PIN references */
    REFUSED(sim, mf, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01, .size = 4, .sfi = 31),
            UICC_SW_WRONG_DATA);
    REFUSED(sim, mf, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01, .size = 4, .sfi = 2),
            UICC_SW_WRONG_DATA);
    assert_string_equal(sim->err.field, "shortEFID");
    REFUSED(sim, mf, ATTR(.kind = UICC_ADF, .fid = 0x7FAA, .aid = cr_span_of(aid.p, aid.n)),
            UICC_SW_FID_EXISTS);
    REFUSED(sim, mf, ATTR(.kind = UICC_ADF, .fid = 0x7FAA, .aid = cr_span_of(aid.p, 4)),
            UICC_SW_WRONG_DATA);
    REFUSED(sim, sim->usim, ATTR(.kind = UICC_ADF, .fid = 0x7FAA, .aid = cr_span_of(aid.p, 7)),
            UICC_SW_WRONG_DATA);
    REFUSED(sim, mf, ATTR(.kind = UICC_DF, .fid = 0x7FAA, .aid = cr_span_of(aid.p, 7)),
            UICC_SW_WRONG_DATA);
    uint8_t many[UICC_MAX_PATTERN + 1] = {0};
    REFUSED(sim, mf,
            ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01, .size = 4,
                 .pattern_kind = UICC_PATTERN_FILL, .pattern = CR_SPAN_ARRAY(many)),
            UICC_SW_WRONG_DATA);
    REFUSED(
        sim, mf,
        ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01, .size = 4, .pattern_kind = UICC_PATTERN_FILL),
        UICC_SW_WRONG_DATA);
    REFUSED(sim, mf, ATTR(.kind = UICC_DF, .fid = 0x7FAA, .pin_status = cr_span_of(many, 17)),
            UICC_SW_WRONG_DATA);
    /* a full memory */
    nvm_set_capacity(sim->nvm, nvm_used(sim->nvm) + 100);
    REFUSED(sim, mf, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01, .size = 101), UICC_SW_NO_MEMORY);
    sim_free(sim);
}

static void links_refuse_what_cannot_be(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    uicc_file iccid = uicc_fs_child(&sim->fs, sim->mf, 0x2FE2);
    REFUSED(sim, sim->usim, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01, .link = 3999),
            UICC_SW_NOT_FOUND);
    REFUSED(sim, sim->usim, ATTR(.kind = UICC_DF, .fid = 0x6F01, .link = iccid),
            UICC_SW_WRONG_DATA);
    REFUSED(sim, sim->usim, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01, .link = sim->telecom),
            UICC_SW_WRONG_DATA);
    uicc_file book = uicc_fs_child(&sim->fs, sim->telecom, 0x5F3A);
    REFUSED(sim, book, ATTR(.kind = UICC_DF, .fid = 0x5F01, .link = sim->telecom),
            UICC_SW_WRONG_DATA);
    REFUSED(sim, sim->mf, ATTR(.kind = UICC_DF, .fid = 0x5F01, .link = sim->mf), UICC_SW_NOT_FOUND);
    sim_free(sim);
}

static void content_of(struct sim *sim, uicc_file file, const char *expected)
{
    cr_buf scratch = {0};
    char text[1024];
    cr_span v = uicc_fs_content(&sim->fs, file, &scratch);
    assert_true(cr_span_present(v));
    assert_string_equal(cr_hex_into(text, sizeof text, v), expected);
    cr_buf_free(&scratch);
}

static void patterns_fill_by_record(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    static const uint8_t p[] = {0x01, 0x02, 0x03};
    static const struct {
        enum uicc_kind kind;
        uint16_t record_size;
        uint32_t size;
        enum uicc_pattern pattern;
        const char *expected;
    } cases[] = {
        {UICC_TRANSPARENT, 0, 5, UICC_PATTERN_NONE, "FFFFFFFFFF"},
        {UICC_TRANSPARENT, 0, 5, UICC_PATTERN_FILL, "0102030303"},
        {UICC_TRANSPARENT, 0, 2, UICC_PATTERN_FILL, "0102"},
        {UICC_TRANSPARENT, 0, 7, UICC_PATTERN_REPEAT, "01020301020301"},
        {UICC_LINEAR, 4, 8, UICC_PATTERN_FILL, "0102030301020303"},
        {UICC_LINEAR, 4, 8, UICC_PATTERN_REPEAT, "0102030101020301"},
        {UICC_CYCLIC, 2, 6, UICC_PATTERN_REPEAT, "010201020102"},
        {UICC_TRANSPARENT, 0, 0, UICC_PATTERN_NONE, ""},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        size_t before = nvm_used(sim->nvm);
        uicc_file f = sim_file(sim, sim->telecom,
                               ATTR(.kind = cases[i].kind, .fid = (uint16_t)(0x6F80 + i),
                                    .size = cases[i].size, .record_size = cases[i].record_size,
                                    .pattern_kind = cases[i].pattern,
                                    .pattern = cases[i].pattern ? CR_SPAN_ARRAY(p) : (cr_span){0}),
                               NULL);
        content_of(sim, f, cases[i].expected);
        assert_true(nvm_used(sim->nvm) - before < 120); /* the content is not stored */
    }
    /* Written bytes overlay the pattern, also across records. */
    uicc_file f = uicc_fs_child(&sim->fs, sim->telecom, 0x6F84);
    assert_int_equal(uicc_fs_write(&sim->fs, f, 3, cr_span_str("AB"), &sim->err), CR_OK);
    content_of(sim, f, "0102034142020303");
    assert_int_equal(uicc_fs_write(&sim->fs, f, 7, cr_span_str("AB"), &sim->err), CR_REFUSED);
    assert_int_equal(uicc_fs_write(&sim->fs, f, 9, cr_span_str(""), &sim->err), CR_REFUSED);
    assert_int_equal(uicc_fs_replace(&sim->fs, f, cr_span_str("1234567"), &sim->err), CR_REFUSED);
    assert_int_equal(uicc_fs_replace(&sim->fs, f, cr_span_str("12345678"), &sim->err), CR_OK);
    content_of(sim, f, "3132333435363738");
    assert_int_equal(uicc_fs_resize(&sim->fs, f, 12, &sim->err), CR_OK);
    content_of(sim, f, "313233343536373801020303");
    assert_int_equal(uicc_fs_resize(&sim->fs, f, 4, &sim->err), CR_OK);
    content_of(sim, f, "31323334");
    assert_int_equal(uicc_fs_resize(&sim->fs, f, 6, &sim->err), CR_REFUSED);
    assert_int_equal(uicc_fs_write(&sim->fs, sim->mf, 0, cr_span_str("A"), &sim->err), CR_REFUSED);
    sim_free(sim);
}

static void links_share_content_and_descriptor(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    uicc_file adn = uicc_fs_child(&sim->fs, sim->telecom, 0x6F3A);
    uicc_file link = uicc_fs_child(&sim->fs, sim->usim, 0x6F3A);
    struct uicc_file_attr a;
    assert_true(uicc_fs_attr(&sim->fs, link, &a));
    assert_int_equal(a.link, adn);
    assert_int_equal(a.size, 40);
    assert_int_equal(a.record_size, 8);
    assert_int_equal(a.sfi, 20);
    assert_int_equal(a.arr_record, 7);
    assert_int_equal(a.arr_fid, 0x6F06);
    assert_int_equal(uicc_fs_write(&sim->fs, link, 0, cr_span_str("hello"), &sim->err), CR_OK);
    content_of(sim, adn,
               "68656C6C6FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
    /* A link to the link goes to the target. */
    uicc_file second =
        sim_file(sim, sim->isim, ATTR(.kind = UICC_LINEAR, .fid = 0x6F3A, .link = link), NULL);
    assert_true(uicc_fs_attr(&sim->fs, second, &a));
    assert_int_equal(a.link, adn);
    /* DF links show the target's children, with the target as their parent. */
    uicc_file df = uicc_fs_child(&sim->fs, sim->usim, 0x5F3A);
    uicc_file psc = uicc_fs_child(&sim->fs, df, 0x4F22);
    assert_int_not_equal(psc, 0);
    assert_int_equal(psc, uicc_fs_child_sfi(&sim->fs, df, 2));
    assert_int_equal(uicc_fs_parent(&sim->fs, psc), uicc_fs_child(&sim->fs, sim->telecom, 0x5F3A));
    /* The target cannot go while links point to it; the link can. */
    assert_int_equal(uicc_fs_delete(&sim->fs, adn, &sim->err), CR_REFUSED);
    assert_int_equal(uicc_fs_delete(&sim->fs, sim->telecom, &sim->err), CR_REFUSED);
    assert_int_equal(uicc_fs_delete(&sim->fs, second, &sim->err), CR_OK);
    assert_int_equal(uicc_fs_delete(&sim->fs, link, &sim->err), CR_OK);
    assert_int_equal(uicc_fs_delete(&sim->fs, df, &sim->err), CR_OK);
    assert_int_equal(uicc_fs_delete(&sim->fs, sim->telecom, &sim->err), CR_OK);
    sim_free(sim);
}

static void files_are_found(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct sim_bytes path = sim_hex("7FD05F3B4F20"), mf = sim_hex("3F002FE2"), odd = sim_hex("7F");
    uicc_file kc = uicc_fs_resolve(&sim->fs, cr_span_of(path.p, path.n));
    struct uicc_file_attr a;
    assert_true(uicc_fs_attr(&sim->fs, kc, &a));
    assert_int_equal(a.fid, 0x4F20);
    assert_int_equal(a.arr_fid, 0x6F06);
    assert_int_equal(uicc_fs_resolve(&sim->fs, (cr_span){0}), sim->mf);
    assert_int_equal(uicc_fs_resolve(&sim->fs, cr_span_of(mf.p, mf.n)),
                     uicc_fs_child(&sim->fs, sim->mf, 0x2FE2));
    assert_int_equal(uicc_fs_resolve(&sim->fs, cr_span_of(odd.p, odd.n)), 0);
    assert_true(uicc_fs_attr(&sim->fs, sim->usim, &a));
    assert_int_equal(a.arr_fid, 0x2F06);
    /* children in order of FID */
    static const uint16_t expected[] = {0x2F00, 0x2F05, 0x2F06, 0x2FE2, 0x7F10, 0x7FB0, 0x7FD0};
    uint32_t cursor = 0;
    for (size_t i = 0; i < CR_COUNT(expected); i++) {
        uicc_file f = uicc_fs_next_child(&sim->fs, sim->mf, &cursor);
        assert_true(uicc_fs_attr(&sim->fs, f, &a));
        assert_int_equal(a.fid, expected[i]);
    }
    assert_int_equal(uicc_fs_next_child(&sim->fs, sim->mf, &cursor), 0);
    /* ADFs in order of creation */
    struct sim_bytes any = sim_hex("A000000087");
    cr_span rid = cr_span_of(any.p, any.n);
    assert_int_equal(uicc_fs_next_adf(&sim->fs, rid, 0), sim->usim);
    assert_int_equal(uicc_fs_next_adf(&sim->fs, rid, sim->usim), sim->isim);
    assert_int_equal(uicc_fs_next_adf(&sim->fs, rid, sim->isim), 0);
    assert_int_equal(uicc_fs_adf(&sim->fs, rid), 0);
    struct uicc_path way;
    assert_true(uicc_fs_path(&sim->fs, uicc_fs_parent(&sim->fs, kc), &way));
    assert_int_equal(way.depth, 3);
    assert_int_equal(way.df[1], sim->usim);
    sim_free(sim);
}

static void deletion_leaves_nothing_behind(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    size_t count;
    assert_int_equal(uicc_fs_delete(&sim->fs, sim->isim, &sim->err), CR_OK);
    assert_int_equal(uicc_fs_delete(&sim->fs, sim->usim, &sim->err), CR_OK);
    assert_int_equal(uicc_fs_delete(&sim->fs, sim->telecom, &sim->err), CR_OK);
    /* Left: MF, its 4 EFs with entry each, 3 contents, 3 PINs, 2 PUKs, the counter. */
    cr_span key = {0}, value;
    for (count = 0; nvm_next(sim->nvm, cr_span_str(SIM_PREFIX), key, &key, &value); count++) {
    }
    assert_int_equal(count, 1 + 4 * 2 + 3 + 3 + 2 + 1);
    assert_int_equal(uicc_fs_delete(&sim->fs, sim->usim, &sim->err), CR_REFUSED);
    sim_free(sim);
}

static void bertlv_objects(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    uicc_file f = uicc_fs_child(&sim->fs, sim->usim, 0x6FC0);
    struct sim_bytes all = sim_hex("8003010203"
                                   "DF2002AABB"
                                   "8100"),
                     cut = sim_hex("80050102");
    assert_int_equal(uicc_fs_write(&sim->fs, f, 0, cr_span_of(all.p, all.n), &sim->err), CR_OK);
    content_of(sim, f, "8003010203DF2002AABB8100");
    assert_int_equal(uicc_fs_write(&sim->fs, f, 0, cr_span_of(cut.p, cut.n), &sim->err),
                     CR_REFUSED);
    assert_int_equal(uicc_fs_write(&sim->fs, f, 1, cr_span_of(all.p, 5), &sim->err), CR_REFUSED);
    assert_int_equal(uicc_fs_bertlv_find(&sim->fs, f, 0xDF20).n, 5);
    assert_false(cr_span_present(uicc_fs_bertlv_find(&sim->fs, f, 0x82)));
    struct sim_bytes other = sim_hex("800109");
    assert_int_equal(uicc_fs_bertlv_set(&sim->fs, f, cr_span_of(other.p, other.n), &sim->err),
                     CR_OK);
    content_of(sim, f, "800109DF2002AABB8100");
    assert_int_equal(uicc_fs_bertlv_delete(&sim->fs, f, 0xDF20, &sim->err), CR_OK);
    content_of(sim, f, "8001098100");
    assert_int_equal(uicc_fs_bertlv_delete(&sim->fs, f, 0xDF20, &sim->err), CR_REFUSED);
    assert_int_equal(sim->err.code, UICC_SW_NO_REFERENCE);
    uint8_t big[0x401] = {0x85, 0x82, 0x03, 0xFD};
    assert_int_equal(uicc_fs_bertlv_set(&sim->fs, f, CR_SPAN_ARRAY(big), &sim->err), CR_REFUSED);
    assert_int_equal(sim->err.code, UICC_SW_NO_MEMORY);
    uicc_file tr = uicc_fs_child(&sim->fs, sim->usim, 0x6F07);
    assert_int_equal(uicc_fs_bertlv_set(&sim->fs, tr, cr_span_of(other.p, other.n), &sim->err),
                     CR_REFUSED);
    sim_free(sim);
}

static void a_rollback_leaves_no_trace(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    size_t used = nvm_used(sim->nvm);
    nvm_begin(sim->nvm);
    sim_file(sim, sim->mf, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x6F01, .size = 4), "01020304");
    nvm_rollback(sim->nvm);
    assert_int_equal(nvm_used(sim->nvm), used);
    assert_int_equal(uicc_fs_child(&sim->fs, sim->mf, 0x6F01), 0);
    struct uicc_fs other;
    assert_false(uicc_fs_init(&other, sim->nvm, cr_span_str("")));
    assert_false(uicc_fs_init(&other, sim->nvm, cr_span_str("123456789012345678901234567890123")));
    assert_true(uicc_fs_init(&other, sim->nvm, cr_span_str("p/2/")));
    assert_int_equal(uicc_fs_mf(&other), 0);
    sim_free(sim);
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    uicc_file at = sim->mf;
    for (uint16_t depth = 2; depth <= UICC_MAX_DEPTH; depth++) {
        at = sim_file(sim, at, ATTR(.kind = UICC_DF, .fid = (uint16_t)(0x5F00 + depth)), NULL);
    }
    REFUSED(sim, at, ATTR(.kind = UICC_DF, .fid = 0x5FFF), UICC_SW_NO_MEMORY);
    assert_int_equal(create(sim, at, ATTR(.kind = UICC_TRANSPARENT, .fid = 0x4F01)), CR_OK);
    /* Links in a circle: a channel goes as deep as it can, and no further. */
    uicc_file a = sim_file(sim, sim->mf, ATTR(.kind = UICC_DF, .fid = 0x7FA0), NULL);
    uicc_file b = sim_file(sim, sim->mf, ATTR(.kind = UICC_DF, .fid = 0x7FB1), NULL);
    sim_file(sim, a, ATTR(.kind = UICC_DF, .fid = 0x5F01, .link = b), NULL);
    sim_file(sim, b, ATTR(.kind = UICC_DF, .fid = 0x5F01, .link = a), NULL);
    SIM_SW(sim, "00A4000C027FA0", 0x9000);
    for (int i = 2; i < UICC_MAX_DEPTH; i++) {
        SIM_SW(sim, "00A4010C025F01", 0x9000);
    }
    SIM_SW(sim, "00A4010C025F01", 0x6A82);
    SIM_SW(sim, "00A4030C", 0x9000);
    sim_free(sim);
}

/* A channel in a file that goes away under it. */
static void deletion_under_a_channel(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_SW(sim, SELECT_USIM, 0x9000);
    SIM_SW(sim, "00A4000C025F3B", 0x9000);
    SIM_SW(sim, "00A4000C024F20", 0x9000);
    SIM_SW(sim, VERIFY_PIN2, 0x9000);
    SIM_SW(sim, "0070000001", 0x9000);
    SIM_SW(sim, "01A4080C022FE2", 0x9000);
    assert_int_equal(uicc_fs_delete(&sim->fs, sim->usim, &sim->err), CR_OK);
    SIM_SW(sim, "00B0000001", 0x6986);
    uicc_files_changed(sim->uicc);
    SIM_SW(sim, "00B0820001", 0x9000); /* at the MF */
    SIM_SW(sim, "00A4000C027FFF", 0x6A82);
    SIM_SW(sim, "01B0000001", 0x9000);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creation_refuses_what_cannot_be),
        cmocka_unit_test(links_refuse_what_cannot_be),
        cmocka_unit_test(patterns_fill_by_record),
        cmocka_unit_test(links_share_content_and_descriptor),
        cmocka_unit_test(files_are_found),
        cmocka_unit_test(deletion_leaves_nothing_behind),
        cmocka_unit_test(bertlv_objects),
        cmocka_unit_test(a_rollback_leaves_no_trace),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(deletion_under_a_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
