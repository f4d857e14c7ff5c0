/*
 * The two generic test profiles of GSMA TS.48: installed through a bound package, enabled, and
 * authenticated; every file that the package makes against what the chip holds.
 */
#include "fake_server.h"

#include "profile/tree.h"

static struct fake_server *ts48_server(const char *name, enum crypto_curve curve, cr_buf *upp)
{
    static const uint8_t iccid[] = {0x98, 0x00, 0x10, 0x32, 0x54, 0x76, 0x98, 0x10, 0x32, 0x14};
    bed_ts48(name, upp);
    struct fake_server *s = fake_new(curve);
    s->upp = cr_buf_span(upp);
    s->metadata.iccid = CR_SPAN_ARRAY(iccid);
    s->metadata.profile_class = RSP_CLASS_TEST;
    return s;
}

/* TS 34.108 8.1.2 with the vector. */
static void authenticate(struct bed *bed)
{
    assert_int_equal(bed_hex(bed, "00A4040C0CA0000000871002FF49FF0589"), 0x9000);
    assert_int_equal(bed_hex(bed, "0088008122"
                                  "1023553CBE9637A89D218AE64DAE47BF35"
                                  "10BD9232AE9A09800023543EBD92122E9A00"),
                     0x9000);
    bed_expect(bed, "DB1023543EBD9232AE9A2983EC46A24AB13A"
                    "10543EBD9232AE9A2983EC46A24AB13A23"
                    "103EBD9232AE9A2983EC46A24AB13A2354"
                    "080529CB4867BFAADD");
}

static void download_enable_authenticate(const char *name, enum crypto_curve curve, bool random)
{
    cr_buf upp = {0};
    struct fake_server *s = ts48_server(name, curve, &upp);
    struct bed *bed = bed_new();
    s->random_keys = random;
    struct rsp_profile_installation_result result = fake_download(s, bed);
    ASSERT_INSTALLED(result);
    assert_int_equal(bed_enable(bed, s->metadata.iccid, false), RSP_PROFILE_OK);
    bed_reset(bed);
    authenticate(bed);
    bed_check_consistent(bed);
    bed = bed_power_cycle(bed);
    authenticate(bed);
    bed_free(bed);
    fake_free(s);
    cr_buf_free(&upp);
}

static void test_ber_nist(void **state)
{
    (void)state;
    download_enable_authenticate(BED_TS48_BER, CRYPTO_P256, true);
}

static void test_ber_brainpool(void **state)
{
    (void)state;
    download_enable_authenticate(BED_TS48_BER, CRYPTO_BRAINPOOL, false);
}

static void test_no_ber_nist(void **state)
{
    (void)state;
    download_enable_authenticate(BED_TS48_NO_BER, CRYPTO_P256, false);
}

static void test_no_ber_brainpool(void **state)
{
    (void)state;
    download_enable_authenticate(BED_TS48_NO_BER, CRYPTO_BRAINPOOL, true);
}

/* ---- every file --------------------------------------------------------------------------------
 */

static enum uicc_kind kind_of(enum profile_file_type type)
{
    static const enum uicc_kind kinds[] = {
        [PROFILE_TYPE_MF] = UICC_MF,     [PROFILE_TYPE_DF] = UICC_DF,
        [PROFILE_TYPE_ADF] = UICC_ADF,   [PROFILE_TYPE_TR] = UICC_TRANSPARENT,
        [PROFILE_TYPE_LF] = UICC_LINEAR, [PROFILE_TYPE_CY] = UICC_CYCLIC,
        [PROFILE_TYPE_BT] = UICC_BERTLV,
    };
    return kinds[type];
}

struct comparison {
    const struct profile_tree *tree;
    struct uicc_fs fs;
    uicc_file *files; /* of the nodes */
    char name[160];   /* of the node under way */
};

#define SAME(what, got, wanted)                                                                    \
    do {                                                                                           \
        if ((uint64_t)(got) != (uint64_t)(wanted)) {                                               \
            fail_msg("%s: %s is %llx, the package says %llx", c->name, what,                       \
                     (unsigned long long)(got), (unsigned long long)(wanted));                     \
        }                                                                                          \
    } while (0)

static void compare_content(const struct comparison *c, const struct profile_node *node,
                            uicc_file file)
{
    cr_buf scratch = {0};
    cr_span got = uicc_fs_content(&c->fs, file, &scratch);
    cr_span wanted = profile_tree_content(c->tree, node);
    if (!cr_span_equal(got, wanted)) {
        cr_arena arena = {0};
        fail_msg("%s: content is %s, the package says %s", c->name, cr_hex(&arena, got),
                 cr_hex(&arena, wanted));
    }
    cr_buf_free(&scratch);
}

static void compare_node(struct comparison *c, size_t index)
{
    const struct profile_node *node = &c->tree->nodes[index];
    const struct profile_node *target = profile_tree_target(c->tree, node);
    const struct profile_file_attributes *wanted = &node->file;
    struct uicc_file_attr got;
    (void)profile_tree_name(c->tree, index, c->name, sizeof(c->name));
    uicc_file parent = node->parent == PROFILE_NO_NODE ? 0 : c->files[node->parent];
    uicc_file file = parent ? uicc_fs_child(&c->fs, parent, wanted->fid) : uicc_fs_mf(&c->fs);
    if (!file || !uicc_fs_attr(&c->fs, file, &got)) {
        fail_msg("%s is not on the chip", c->name);
    }
    c->files[index] = file;
    SAME("kind", got.kind, kind_of(target->file.type));
    SAME("fid", got.fid, wanted->fid);
    SAME("lcsi", got.lcsi, wanted->lcsi);
    SAME("shareable", !got.not_shareable, target->file.shareable);
    SAME("record of EF.ARR", got.arr_record, wanted->arr_record);
    if (wanted->arr_fid) {
        SAME("EF.ARR", got.arr_fid, wanted->arr_fid);
    } else {
        SAME("EF.ARR", got.arr_fid,
             profile_arr_fid(wanted, node->parent == c->tree->mf || parent == 0));
    }
    SAME("link", got.link ? got.link : 0, node->link == PROFILE_NO_NODE ? 0 : c->files[node->link]);
    if (profile_type_is_df(target->file.type)) {
        assert_true(cr_span_equal(got.pin_status, target->file.pin_status));
        assert_true(cr_span_equal(got.aid, wanted->aid));
        return;
    }
    SAME("sfi", got.sfi, wanted->has_sfi ? wanted->sfi : 0);
    SAME("special information", got.special, target->file.special);
    if (target->file.type != PROFILE_TYPE_BT) {
        SAME("size", got.size, target->file.size);
        SAME("record length", got.record_size, target->file.record_length);
    } else {
        SAME("file details", got.file_details, target->file.file_details);
    }
    compare_content(c, node, file);
}

static void count_files(const struct uicc_fs *fs, uicc_file df, size_t *count)
{
    uint32_t cursor = 0;
    uicc_file child;
    while ((child = uicc_fs_next_child(fs, df, &cursor)) != 0) {
        struct uicc_file_attr attr;
        assert_true(uicc_fs_attr(fs, child, &attr));
        (*count)++;
        if (uicc_kind_is_df(attr.kind) && !attr.link) {
            count_files(fs, child, count);
        }
    }
}

static void compare_files(const char *name, size_t least)
{
    cr_buf upp = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_package package;
    struct profile_tree tree;
    struct fake_server *s = ts48_server(name, CRYPTO_P256, &upp);
    struct bed *bed = bed_new();
    fake_install(s, bed);
    MUST_OK(profile_package_read(cr_buf_span(&upp), &arena, &package, &err));
    MUST_OK(profile_tree_build(&package, &arena, NULL, &tree, &err));
    struct comparison c = {.tree = &tree};
    char prefix[EUICC_PREFIX];
    MUST(
        uicc_fs_init(&c.fs, euicc_nvm(bed->euicc), euicc_profile_prefix(EUICC_FIRST_ISDP, prefix)));
    c.files = cr_arena_alloc_array(&arena, tree.count, sizeof(uicc_file));
    MUST(c.files);
    for (size_t i = 0; i < tree.count; i++) {
        compare_node(&c, i);
    }
    size_t count = 1;
    count_files(&c.fs, uicc_fs_mf(&c.fs), &count);
    assert_int_equal(count, tree.count); /* and nothing else */
    assert_true(tree.count >= least);
    print_message("%s: %zu files, %zu bytes of memory\n", name, tree.count,
                  nvm_size_prefix(euicc_nvm(bed->euicc), cr_span_str("p/"), NULL));
    bed_free(bed);
    fake_free(s);
    cr_arena_free(&arena);
    cr_buf_free(&upp);
}

static void test_files_ber(void **state)
{
    (void)state;
    compare_files(BED_TS48_BER, 250);
}

static void test_files_no_ber(void **state)
{
    (void)state;
    compare_files(BED_TS48_NO_BER, 240);
}

/* ---- secrets -----------------------------------------------------------------------------------
 */

static void test_codes_and_keys(void **state)
{
    (void)state;
    cr_buf upp = {0};
    struct fake_server *s = ts48_server(BED_TS48_BER, CRYPTO_P256, &upp);
    struct bed *bed = bed_new();
    struct uicc_fs fs;
    struct uicc_pin pin;
    struct uicc_puk puk;
    char prefix[EUICC_PREFIX];
    fake_install(s, bed);
    MUST(uicc_fs_init(&fs, euicc_nvm(bed->euicc), euicc_profile_prefix(EUICC_FIRST_ISDP, prefix)));
    uicc_file mf = uicc_fs_mf(&fs);
    assert_true(uicc_pin_get(&fs, mf, 0x01, &pin));
    assert_memory_equal(pin.value, "0000\xFF\xFF\xFF\xFF", 8);
    assert_int_equal(pin.attributes, 6);
    assert_int_equal(pin.unblock_reference, 1);
    assert_int_equal(pin.max, 3);
    assert_true(uicc_pin_get(&fs, mf, 0x0A, &pin));
    assert_memory_equal(pin.value, "55555555", 8);
    assert_int_equal(pin.left, 10);
    assert_true(uicc_pin_get(&fs, mf, 0x0B, &pin));
    assert_true(uicc_puk_get(&fs, 0x01, &puk));
    assert_memory_equal(puk.value, "11111111", 8);
    assert_true(uicc_puk_get(&fs, 0x81, &puk));
    /* Each of telecom, USIM, CSIM and ISIM has a PIN2 of its own. */
    static const uint16_t contexts[] = {0x7F10, 0x7FD0, 0x7FC0, 0x7FB0};
    for (size_t i = 0; i < CR_COUNT(contexts); i++) {
        assert_true(uicc_pin_get(&fs, uicc_fs_child(&fs, mf, contexts[i]), 0x81, &pin));
        assert_memory_equal(pin.value, "9999\xFF\xFF\xFF\xFF", 8);
    }
    assert_true(uicc_auth_present(&fs, uicc_fs_child(&fs, mf, 0x7FD0)));
    assert_true(uicc_auth_present(&fs, uicc_fs_child(&fs, mf, 0x7FB0)));
    assert_false(uicc_auth_present(&fs, uicc_fs_child(&fs, mf, 0x7FC0)));
    bed_free(bed);
    fake_free(s);
    cr_buf_free(&upp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ber_nist),       cmocka_unit_test(test_ber_brainpool),
        cmocka_unit_test(test_no_ber_nist),    cmocka_unit_test(test_no_ber_brainpool),
        cmocka_unit_test(test_files_ber),      cmocka_unit_test(test_files_no_ber),
        cmocka_unit_test(test_codes_and_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
