/*
 * The interpreter of profile packages: elements that fail without being mandated, unknown
 * components, memory that is full at any moment. What each broken rule is answered: rules.c.
 */
#include "scene.h"

/* Elements that failed without being mandated leave no files, and no context. */
static void test_undone_elements(void **state)
{
    struct scene *c = *state;
    json_t *package = package_json(c->server->metadata.iccid);
    package_insert(
        package, PACKAGE_GFM, "telecom",
        package_parse("{'telecom-header': {'identification': 70},"
                      " 'templateID': '2.23.143.1.2.3',"
                      " 'df-telecom': [{'fileDescriptor': {'pinStatusTemplateDO': '01'}}],"
                      " 'ef-sume': [{'fillFileContent': "
                      "'00112233445566778899AABBCCDDEEFF00112233445566778899'}]}"));
    struct rsp_profile_installation_result result = scene_load(c, package);
    ASSERT_INSTALLED(result);
    assert_string_equal(scene_answers(c, &result), "70:3 0");
    assert_int_equal(bed_enable(c->bed, c->server->metadata.iccid, false), RSP_PROFILE_OK);
    assert_int_equal(bed_hex(c->bed, "00A40004027F10"), 0x6A82);
    assert_int_equal(bed_hex(c->bed, "00A40004022FFC"), 0x9000);
}

/* A component of an element that nobody knows. */
static void test_unknown_components(void **state)
{
    struct scene *c = *state;
    for (int round = 0; round < 2; round++) {
        cr_buf upp = {0};
        package_small(c->server->metadata.iccid, &upp);
        /* AA 07 A0 05 80 00 81 01 0A: one more component behind the header */
        static const uint8_t with[] = {0xAA, 0x0A, 0xA0, 0x05, 0x80, 0x00,
                                       0x81, 0x01, 0x0A, 0x8A, 0x01, 0x00};
        static const uint8_t without[] = {0xAA, 0x08, 0xA0, 0x03, 0x81,
                                          0x01, 0x0A, 0x8A, 0x01, 0x00};
        MUST(upp.n > 9 && upp.p[upp.n - 9] == 0xAA);
        upp.n -= 9;
        cr_buf_append_span(&upp, round ? CR_SPAN_ARRAY(without) : CR_SPAN_ARRAY(with));
        c->server->upp = cr_buf_span(&upp);
        crypto_private_free(c->server->otsk);
        c->server->otsk = NULL;
        struct rsp_profile_installation_result result = fake_download(c->server, c->bed);
        assert_int_equal(result.data.final_result.which,
                         round ? RSP_INSTALL_SUCCESS : RSP_INSTALL_FAILURE);
        assert_string_equal(scene_answers(c, &result), round ? "10:6 0" : "!10:6");
        cr_buf_free(&upp);
    }
}

/* ---- test profiles with strict keys ------------------------------------------------------------
 */

static void test_strict_test_keys(void **state)
{
    (void)state;
    struct euicc_options options = {.strict_test_keys = true};
    struct scene c = {.server = fake_new(CRYPTO_P256), .bed = bed_new_with(&options)};
    static const struct {
        const char *key;
        int64_t profile_class;
        bool fine;
    } cases[] = {
        {PACKAGE_K, RSP_CLASS_OPERATIONAL, true},
        {PACKAGE_K, RSP_CLASS_TEST, false},
        {"00000000000000000000000000000000", RSP_CLASS_TEST, true},
        {"000102030405060708090A0B0C0D0E0F", RSP_CLASS_TEST, true},
        {"000102030405060708090A0B0C0D0E10", RSP_CLASS_TEST, false},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        char text[300];
        (void)snprintf(text, sizeof(text),
                       "{'algoParameter': {'algorithmID': 'milenage', 'algorithmOptions': '01',"
                       " 'key': '%s', 'opc': '" PACKAGE_OPC "'}}",
                       cases[i].key);
        json_t *package = package_json(c.server->metadata.iccid);
        MUST(json_object_set_new(package_element(package, PACKAGE_AKA), "algoConfiguration",
                                 package_parse(text)) == 0);
        c.server->metadata.profile_class = cases[i].profile_class;
        if (cases[i].fine) {
            scene_installed(&c, package, "0");
        } else {
            scene_refused(&c, package, RSP_INSTALL_TEST_PROFILE_INVALID_NAA_KEY, "!6:3");
        }
    }
    fake_free(c.server);
    bed_free(c.bed);
}

/* ---- memory ------------------------------------------------------------------------------------
 */

/* From no room at all to enough: error 10 and nothing left but the result, until it fits. */
static void test_memory_full(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    cr_buf upp = {0};
    package_small(s->metadata.iccid, &upp);
    s->upp = cr_buf_span(&upp);
    fake_run_authenticate(s, c->bed); /* the one-time key takes its place once */
    fake_run_prepare(s, c->bed);
    bool through = false;
    size_t refusals = 0;
    size_t used = nvm_used(euicc_nvm(c->bed->euicc));
    for (size_t room = 0; !through; room += 24) {
        struct bed *bed = bed_clone(c->bed);
        struct nvm *nvm = euicc_nvm(bed->euicc);
        nvm_set_capacity(nvm, used + EUICC_RESERVE + room);
        crypto_private_free(s->otsk);
        s->otsk = NULL;
        struct rsp_profile_installation_result result = fake_download(s, bed);
        through = result.data.final_result.which == RSP_INSTALL_SUCCESS;
        bed_check_consistent(bed);
        rsp_pending_notification_list list = bed_notifications(bed);
        assert_int_equal(list.count, 1);
        if (!through) {
            assert_int_equal(result.data.final_result.error_result.error_reason,
                             RSP_INSTALL_INSUFFICIENT_MEMORY);
            assert_int_equal(bed_profile_count(bed), 0);
            refusals++;
        } else {
            /* full as it is, everything can be done to the profile */
            assert_int_equal(bed_enable(bed, s->metadata.iccid, false), RSP_PROFILE_OK);
            assert_int_equal(bed_store_hex(bed, "BF29105A0A9800000000000000001090026869"), 0x9000);
            assert_int_equal(bed_disable(bed, s->metadata.iccid, false), RSP_PROFILE_OK);
            assert_int_equal(bed_delete(bed, s->metadata.iccid), RSP_PROFILE_OK);
        }
        bed_free(bed);
    }
    assert_true(refusals > 50);
    cr_buf_free(&upp);
}

/* Notifications that fill the memory go, the oldest first; a result is always kept. */
static void test_memory_full_of_notifications(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    struct nvm *nvm = euicc_nvm(c->bed->euicc);
    struct rsp_notification_configuration events = {
        .profile_management_operation = RSP_EVENT_LOCAL_ENABLE | RSP_EVENT_LOCAL_DISABLE,
        .notification_address = cr_span_str("notify.example.com")};
    s->metadata.notification_configuration_info.items = &events;
    s->metadata.notification_configuration_info.count = 1;
    s->metadata.notification_configuration_info.present = true;
    cr_buf upp = {0};
    package_small(s->metadata.iccid, &upp);
    s->upp = cr_buf_span(&upp);
    fake_install(s, c->bed);
    nvm_set_capacity(nvm, nvm_used(nvm) + EUICC_RESERVE);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(bed_enable(c->bed, s->metadata.iccid, false), RSP_PROFILE_OK);
        assert_int_equal(bed_disable(c->bed, s->metadata.iccid, false), RSP_PROFILE_OK);
    }
    rsp_pending_notification_list list = bed_notifications(c->bed);
    assert_in_range(list.count, 1, 10);
    assert_int_equal(rsp_pending_notification_metadata(&list.items[list.count - 1])->seq_number,
                     41);
    /* and a download still gets its answer */
    crypto_private_free(s->otsk);
    s->otsk = NULL;
    s->metadata.iccid = fake_iccid(s, 2);
    cr_buf_reset(&upp);
    package_small(s->metadata.iccid, &upp);
    s->upp = cr_buf_span(&upp);
    ASSERT_REFUSED(fake_download(s, c->bed), RSP_BPP_LOAD_PROFILE_ELEMENTS,
                   RSP_INSTALL_INSUFFICIENT_MEMORY);
    cr_buf_free(&upp);
}

/* ---- what the package said ---------------------------------------------------------------------
 */

static void test_defaults(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    struct rsp_profile_installation_result result =
        scene_load(c, package_json(c->server->metadata.iccid));
    ASSERT_INSTALLED(result);
    assert_int_equal(bed_enable(bed, c->server->metadata.iccid, false), RSP_PROFILE_OK);
    /* file management: offset, then content, the rest FF; SFI from the file id */
    assert_int_equal(bed_hex(bed, "00A40004022FFC"), 0x9000);
    assert_int_equal(bed_hex(bed, "00B0000008"), 0x9000);
    bed_expect(bed, "FFFF0102FFFFFFFF");
    assert_int_equal(bed_hex(bed, "00B09C0008"), 0x9000);
    /* a template file that the package does not mention: EF.AD, EF.LOCI */
    assert_int_equal(bed_hex(bed, "00A4040C0CA0000000871002FF49FF0589"), 0x9000);
    assert_int_equal(bed_hex(bed, "00A40004026FAD"), 0x9000);
    assert_int_equal(bed_hex(bed, "00B0000004"), 0x9000);
    bed_expect(bed, "00000002");
    assert_int_equal(bed_hex(bed, "00A40004026F7E"), 0x9000);
    assert_int_equal(bed_hex(bed, "00B000000B"), 0x9000);
    bed_expect(bed, "FFFFFFFFFFFFFF0000FF01");
    assert_int_equal(bed_hex(bed, "00A40004026F46"), 0x9000);
    assert_int_equal(bed_hex(bed, "00B0000011"), 0x9000);
    bed_expect(bed, "014372697370FFFFFFFFFFFFFFFFFFFFFF");
    /* PIN1 is disabled, PIN2 is not */
    assert_int_equal(bed_hex(bed, "002000010831323334FFFFFFFF"), 0x6984);
    assert_int_equal(bed_hex(bed, "002000810839393939FFFFFFFF"), 0x9000);
    assert_int_equal(bed_hex(bed, "0020008108FFFFFFFFFFFFFFFF"), 0x63C2);
    /* Milenage with test set 1 of TS 35.208: the MAC is right, its SEQ is farther ahead than
     * sqnDelta allows by default */
    assert_int_equal(bed_hex(bed, "0088008122"
                                  "1023553CBE9637A89D218AE64DAE47BF35"
                                  "1055F328B43577B9B94A9FFAC354DFAFB300"),
                     0x9000);
    assert_int_equal(bed->out.n, 16);
    assert_int_equal(bed->out.p[0], 0xDC);
    assert_int_equal(bed_hex(bed, "0088008122"
                                  "1023553CBE9637A89D218AE64DAE47BF35"
                                  "1055F328B43577B9B94A9FFAC354DFAFB400"),
                     0x9862);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(test_undone_elements),
        WITH_SCENE(test_unknown_components),
        cmocka_unit_test(test_strict_test_keys),
        WITH_SCENE(test_memory_full),
        WITH_SCENE(test_memory_full_of_notifications),
        WITH_SCENE(test_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
