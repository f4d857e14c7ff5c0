/*
 * The builder: descriptions in, clean packages out; every member of a description; messages for bad
 * ones; both examples.
 */
#include "sample.h"

#include "profile/build.h"
#include "profile/check.h"
#include "profile/package_json.h"

#define NEEDED                                                                                     \
    "\"iccid\":\"8988211000000000017\",\"imsi\":\"999700000000001\","                              \
    "\"puk1\":\"12345678\",\"puk2\":\"87654321\",\"adm1\":\"88888888\""
#define KEYS                                                                                       \
    "\"k\":\"465B5CE8B199B49FAA5F0A2EE238A6BC\",\"opc\":\"CD63CB71954A9F4E48A5994E37A02BAF\""

struct built {
    cr_buf upp;
    cr_arena arena;
    struct profile_package package;
    struct profile_tree tree;
};

static void close_built(struct built *b)
{
    cr_buf_free(&b->upp);
    cr_arena_free(&b->arena);
}

static void print_finding(void *ctx, const struct profile_finding *finding)
{
    cr_buf text = {0};
    (void)ctx;
    profile_finding_text(finding, &text);
    print_message("%s\n", cr_buf_cstr(&text));
    cr_buf_free(&text);
}

/* Builds, and expects a package without a finding. */
static struct built build(const char *text)
{
    struct built b = {0};
    struct cr_err err = {0};
    struct profile_check_result result;
    assert_ok(profile_build_text(cr_span_str(text), &b.upp, &err));
    assert_ok(profile_check(cr_buf_span(&b.upp), &b.arena, print_finding, NULL, &result, &err));
    assert_int_equal(result.errors + result.warnings, 0);
    assert_ok(profile_package_read(cr_buf_span(&b.upp), &b.arena, &b.package, &err));
    assert_ok(profile_tree_build(&b.package, &b.arena, NULL, &b.tree, &err));
    for (size_t i = 0; i < b.package.count; i++) {
        assert_true(profile_element_canonical(&b.package.elements[i]));
    }
    return b;
}

static bool has(const struct built *b, enum profile_element_kind kind)
{
    for (size_t i = 0; i < b->package.count; i++) {
        if (b->package.elements[i].kind == kind) {
            return true;
        }
    }
    return false;
}

static const struct profile_element *element(const struct built *b, enum profile_element_kind kind)
{
    for (size_t i = 0; i < b->package.count; i++) {
        if (b->package.elements[i].kind == kind) {
            return &b->package.elements[i];
        }
    }
    fail_msg("no %s", profile_kind_name(kind));
    abort();
}

static cr_span content(const struct built *b, const char *path_hex)
{
    cr_buf path = {0};
    sample_hex(path_hex, &path);
    size_t node = profile_tree_path(&b->tree, cr_buf_span(&path));
    cr_buf_free(&path);
    return node == PROFILE_NO_NODE ? (cr_span){0}
                                   : profile_tree_content(&b->tree, &b->tree.nodes[node]);
}

static void text_is(const struct built *b, enum profile_ef_place place, const char *path,
                    size_t record, const char *expected)
{
    cr_buf fid = {0};
    cr_buf text = {0};
    sample_hex(path, &fid);
    cr_span file = content(b, path);
    uint16_t id = (uint16_t)(fid.p[fid.n - 2] << 8 | fid.p[fid.n - 1]);
    assert_true(cr_span_present(file));
    assert_true(profile_ef_text(place, id, file, record, &text));
    assert_string_equal(cr_buf_cstr(&text), expected);
    cr_buf_free(&fid);
    cr_buf_free(&text);
}

static void test_least(void **state)
{
    (void)state;
    struct built b = build("{" NEEDED "," KEYS "}");
    const struct profile_header *h = &b.package.elements[0].profile_header;
    assert_int_equal(h->major_version, 2);
    assert_int_equal(h->minor_version, 3);
    assert_true(h->services[PROFILE_SERVICE_MILENAGE] && h->services[PROFILE_SERVICE_USIM]);
    assert_false(h->services[PROFILE_SERVICE_ISIM]);
    text_is(&b, PROFILE_EF_MF, "2FE2", 0, "8988211000000000017");
    text_is(&b, PROFILE_EF_USIM, "7FD06F07", 0, "999700000000001");
    text_is(&b, PROFILE_EF_USIM, "7FD06F78", 0, "classes 1");
    text_is(&b, PROFILE_EF_USIM, "7FD06FB7", 4, "112\n911");
    text_is(&b, PROFILE_EF_USIM, "7FD06F62", 0, "999-70:utran,eutran,ngran,gsm");
    assert_false(has(&b, PROFILE_ISIM));
    assert_false(has(&b, PROFILE_TELECOM));
    assert_false(has(&b, PROFILE_RFM));
    assert_true(has(&b, PROFILE_GSM_ACCESS));
    assert_true(has(&b, PROFILE_DF_5GS));
    assert_true(has(&b, PROFILE_SECURITY_DOMAIN));
    /* EF.ARR holds the rules of the templates */
    cr_span arr = content(&b, "7FD06F06");
    for (unsigned n = 1; n <= PROFILE_ARR_RULES; n++) {
        cr_span rule = profile_arr_rule(n);
        assert_memory_equal(arr.p + (size_t)(n - 1) * 33, rule.p, rule.n);
    }
    cr_span ust = content(&b, "7FD06F38");
    static const unsigned on[] = {2, 10, 12, 19, 20, 27, 33, 34, 38, 42, 43, 85, 122, 123, 124};
    static const unsigned off[] = {17, 21, 28, 71, 125, 126, 136};
    for (size_t i = 0; i < CR_COUNT(on); i++) {
        assert_true(profile_table_has(ust, on[i]));
    }
    for (size_t i = 0; i < CR_COUNT(off); i++) {
        assert_false(profile_table_has(ust, off[i]));
    }
    close_built(&b);
}

static void test_everything(void **state)
{
    (void)state;
    struct built b = build(
        "{" NEEDED "," KEYS ",\"version\":\"3.3\",\"profileType\":\"all\",\"mncLength\":3,"
        "\"msisdn\":\"+4912345\",\"spn\":\"Пр\",\"spnDisplay\":3,\"acc\":\"0,11\","
        "\"languages\":[\"en\",\"de\",\"fr\",\"it\"],\"ecc\":[\"110\"],\"smsc\":\"+4913\","
        "\"gid1\":\"AB\",\"gid2\":\"CDEF\",\"hpplmn\":5,\"pin1\":\"1234\",\"pin1Enabled\":true,"
        "\"plmn\":{\"user\":[\"001-01:eutran\"],\"operator\":[\"00102\"],\"home\":[\"999-700:"
        "ngran\"],"
        "\"equivalent\":[\"999-71\"],\"forbidden\":[\"262-01\",\"26202\"]},"
        "\"services\":[91,93],\"usimAid\":\"A0000000871002FF01\",\"contacts\":250,"
        "\"fiveG\":{\"routingIndicator\":\"123\",\"accessIdentities\":\"00000001\","
        "\"suci\":{\"byUsim\":true,\"keys\":[{\"profile\":\"B\",\"id\":7,\"key\":"
        "\"0272DA71976234CE833A6907425867B82E074D44EF907DFB4B3E21C1C2256EBCD1\"}]}},"
        "\"isim\":{\"aid\":\"A0000000871004FF01\",\"impi\":\"u@d\",\"impu\":[\"sip:u@d\",\"tel:+"
        "49\"],"
        "\"domain\":\"d\",\"pcscf\":[\"p.d\"],\"services\":[5]},"
        "\"sd\":{\"tar\":\"B20101\",\"minimumSecurityLevel\":18,\"keys\":[{\"version\":1,\"type\":"
        "\"3des\",\"enc\":\"00112233445566778899AABBCCDDEEFF\",\"mac\":"
        "\"00112233445566778899AABBCCDDEEFF\",\"dek\":\"00112233445566778899AABBCCDDEEFF\"}]}}");
    const struct profile_header *h = &b.package.elements[0].profile_header;
    assert_int_equal(h->major_version, 3);
    assert_true(h->services[PROFILE_SERVICE_GET_IDENTITY]);
    assert_true(h->services[PROFILE_SERVICE_PROFILE_B_P256]);
    assert_false(h->services[PROFILE_SERVICE_PROFILE_A_X25519]);
    /* v3 packages have the later templates */
    assert_hex(element(&b, PROFILE_USIM)->fs.template_id, "67810F01020402");
    assert_hex(element(&b, PROFILE_OPT_USIM)->fs.template_id, "67810F01020503");
    assert_hex(element(&b, PROFILE_DF_5GS)->fs.template_id, "67810F01020D04");
    assert_hex(element(&b, PROFILE_TELECOM)->fs.template_id, "67810F01020302");
    text_is(&b, PROFILE_EF_USIM, "7FD06F40", 24, "+4912345");
    text_is(&b, PROFILE_EF_USIM, "7FD06F42", 38, "service centre +4913");
    text_is(&b, PROFILE_EF_USIM, "7FD06F46", 0, "Пр");
    text_is(&b, PROFILE_EF_USIM, "7FD06F78", 0, "classes 0,11");
    text_is(&b, PROFILE_EF_USIM, "7FD06FAD", 0, "normal operation, MNC of 3 digits");
    text_is(&b, PROFILE_EF_USIM, "7FD06F31", 0, "search every 30 minutes");
    text_is(&b, PROFILE_EF_USIM, "7FD06F05", 0, "en de fr it");
    text_is(&b, PROFILE_EF_MF, "2F05", 0, "en de fr it");
    text_is(&b, PROFILE_EF_USIM, "7FD06F60", 0, "001-01:eutran");
    text_is(&b, PROFILE_EF_USIM, "7FD06F62", 0, "999-700:ngran");
    text_is(&b, PROFILE_EF_USIM, "7FD06FD9", 0, "999-71");
    text_is(&b, PROFILE_EF_USIM, "7FD06F7B", 0, "262-01 262-02");
    text_is(&b, PROFILE_EF_5GS, "7FD05FC04F0A", 0, "123");
    text_is(&b, PROFILE_EF_SAIP, "7FD05FD04F01", 0,
            "profile B with key 1\nkey identifier 7: "
            "0272DA71976234CE833A6907425867B82E074D44EF907DFB4B3E21C1C2256EBCD1");
    assert_hex(content(&b, "7FD06F3E"), "AB");
    assert_hex(content(&b, "7FD05FC04F0A"), "21F30000");
    assert_hex(cr_span_sub(content(&b, "7FD05FD04F01"), 0, 9), "A0020201A126800107");
    cr_span ust = content(&b, "7FD06F38");
    static const unsigned on[] = {17, 18, 21, 28, 71, 91, 93, 125, 126};
    for (size_t i = 0; i < CR_COUNT(on); i++) {
        assert_true(profile_table_has(ust, on[i]));
    }
    text_is(&b, PROFILE_EF_ISIM, "7FB06F02", 0, "u@d");
    text_is(&b, PROFILE_EF_ISIM, "7FB06F04", 9, "sip:u@d\ntel:+49");
    text_is(&b, PROFILE_EF_ISIM, "7FB06F03", 0, "d");
    assert_hex(content(&b, "7FB06F09"), "800400702E64");
    assert_true(profile_table_has(content(&b, "7FB06F07"), 1));
    assert_true(profile_table_has(content(&b, "7FB06F07"), 5));
    const struct profile_security_domain *sd = &element(&b, PROFILE_SECURITY_DOMAIN)->sd;
    assert_int_equal(sd->key_list.count, 3);
    assert_hex(sd->key_list.items[2].key_components.items[0].key_type, "80");
    assert_hex(sd->instance.application_parameters.uicc_toolkit, "010000000002011203B2010100");
    assert_hex(sd->sd_perso_data.items[0],
               "0070326630732E06072A864886FC6B01600B06092A864886FC6B020202630906072A864886FC6B03"
               "640B06092A864886FC6B048000");
    assert_hex(element(&b, PROFILE_RFM)->rfm.minimum_security_level, "12");
    const struct profile_pin *pin =
        &element(&b, PROFILE_PIN_CODES)->pin_codes.codes.pinconfig.items[0];
    assert_hex(pin->pin_value, "31323334FFFFFFFF");
    assert_int_equal(pin->pin_attributes, 7);
    close_built(&b);
}

/* OPc from OP (TS 35.208 set 1), TUAK with both key lengths, the test algorithm. */
static void test_algorithms(void **state)
{
    (void)state;
    struct built b = build("{" NEEDED ",\"k\":\"465b5ce8b199b49faa5f0a2ee238a6bc\","
                           "\"op\":\"cdc202d5123e20f62b6d676ac72cb318\"}");
    assert_hex(element(&b, PROFILE_AKA)->aka.algo_configuration.algo_parameter.opc,
               "cd63cb71954a9f4e48a5994e37a02baf");
    close_built(&b);
    /* TUAK: TOPc of TS 35.233 test set 1 */
    b = build("{" NEEDED ",\"algorithm\":\"tuak\",\"k\":\"abababababababababababababababab\","
              "\"top\":\"5555555555555555555555555555555555555555555555555555555555555555\"}");
    assert_hex(element(&b, PROFILE_AKA)->aka.algo_configuration.algo_parameter.opc,
               "bd04d9530e87513c5d837ac2ad954623a8e2330c115305a73eb45d1f40cccbff");
    assert_true(b.package.elements[0].profile_header.services[PROFILE_SERVICE_TUAK128]);
    close_built(&b);
    b = build("{" NEEDED ",\"algorithm\":\"tuak\",\"numberOfKeccak\":2,\"k\":"
              "\"abababababababababababababababababababababababababababababababab\","
              "\"topc\":\"5555555555555555555555555555555555555555555555555555555555555555\"}");
    assert_true(b.package.elements[0].profile_header.services[PROFILE_SERVICE_TUAK256]);
    assert_int_equal(
        element(&b, PROFILE_AKA)->aka.algo_configuration.algo_parameter.number_of_keccak, 2);
    close_built(&b);
    b = build("{" NEEDED ",\"algorithm\":\"test\",\"k\":\"000102030405060708090A0B0C0D0E0F\","
              "\"sqnOptions\":\"0E\",\"sqnDelta\":\"000010000001\",\"authCounterMax\":\"000064\"}");
    assert_true(b.package.elements[0].profile_header.services[PROFILE_SERVICE_USIM_TEST_ALGORITHM]);
    assert_hex(element(&b, PROFILE_AKA)->aka.sqn_options, "0E");
    assert_hex(element(&b, PROFILE_AKA)->aka.algo_configuration.algo_parameter.algorithm_options,
               "02");
    close_built(&b);
}

/* Versions before 5G have none; parts can be switched off. */
static void test_versions(void **state)
{
    (void)state;
    static const char *const versions[] = {"2.1", "2.2", "2.3", "3.0", "3.1", "3.4"};
    for (size_t i = 0; i < CR_COUNT(versions); i++) {
        char text[512];
        snprintf(text, sizeof(text), "{" NEEDED "," KEYS ",\"version\":\"%s\"}", versions[i]);
        struct built b = build(text);
        assert_int_equal(has(&b, PROFILE_DF_5GS), i >= 2);
        close_built(&b);
    }
    struct built b = build("{" NEEDED "," KEYS ",\"fiveG\":false,\"gsmAccess\":false,"
                           "\"isim\":true,\"contacts\":1}");
    assert_false(has(&b, PROFILE_DF_5GS));
    assert_false(has(&b, PROFILE_GSM_ACCESS));
    text_is(&b, PROFILE_EF_ISIM, "7FB06F02", 0,
            "999700000000001@ims.mnc070.mcc999.3gppnetwork.org");
    cr_span ust = content(&b, "7FD06F38");
    assert_false(profile_table_has(ust, 27) || profile_table_has(ust, 38) ||
                 profile_table_has(ust, 122));
    close_built(&b);
}

static void test_examples(void **state)
{
    (void)state;
    static const char *const names[] = {"private-network-999-70.json", "test-network-001-01.json"};
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        char path[1024];
        cr_buf text = {0};
        struct cr_err err = {0};
        snprintf(path, sizeof(path), "%s/examples/profiles/%s", CRISP_SOURCE_ROOT, names[i]);
        assert_ok(cr_file_read(path, PROFILE_MAX_DESCRIPTION, &text, &err));
        struct built b = build(cr_buf_cstr(&text));
        assert_true(b.package.count >= 10);
        close_built(&b);
        cr_buf_free(&text);
    }
}

/* Low level: what show --json prints is taken as it is; and more elements in a description. */
static void test_elements(void **state)
{
    (void)state;
    cr_buf bytes = {0};
    cr_buf upp = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_package package;
    json_t *json = NULL;
    sample_ts48(SAMPLE_BER_SUCI, &bytes);
    assert_ok(profile_package_read(cr_buf_span(&bytes), &arena, &package, &err));
    assert_ok(profile_package_to_json(&package, &json, &err));
    char *text = json_dumps(json, 0);
    assert_ok(profile_build_text(cr_span_str(text), &upp, &err));
    assert_true(cr_span_equal(cr_buf_span(&upp), cr_buf_span(&bytes)));
    free(text);
    json_decref(json);
    cr_buf_free(&upp);
    cr_buf_free(&bytes);
    cr_arena_free(&arena);

    /* identification 2 is taken by the extra element: the others go round it */
    struct built b =
        build("{" NEEDED "," KEYS ",\"elements\":[{\"nonStandard\":{\"nonStandard-header\":"
              "{\"identification\":2},\"issuerID\":\"1.2.3\",\"content\":\"00\"}}]}");
    assert_int_equal(b.package.elements[b.package.count - 2].kind, PROFILE_NON_STANDARD);
    assert_int_equal(b.package.elements[1].header.identification, 1);
    assert_int_equal(b.package.elements[2].header.identification, 3);
    close_built(&b);
}

static void test_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"", "line 1"},
        {"{\n \"a\" 1}", "line 2, column"},
        {"{\"iccid\":\"1\",\"iccid\":\"2\"}", "line 1"},
        {"[]", "JSON object"},
        {"{\"colour\":1}", "colour: no such member"},
        {"{" NEEDED "}", "k: missing"},
        {"{" KEYS "}", "iccid: missing"},
        {"{\"iccid\":\"8988211000000000017\"}", "imsi: missing"},
        {"{\"iccid\":\"89\"}", "iccid: an ICCID has 18 to 20 digits"},
        {"{\"iccid\":7}", "iccid: not a string"},
        {"{" NEEDED "," KEYS ",\"version\":\"4.0\"}", "version: not 2.1 to 2.3"},
        {"{" NEEDED "," KEYS ",\"version\":\"2.1\",\"fiveG\":true}", "fiveG: needs version 2.3"},
        {"{" NEEDED "," KEYS ",\"mncLength\":4}", "mncLength: not a number from 2 to 3"},
        {"{" NEEDED "," KEYS ",\"acc\":\"x\"}", "acc: "},
        {"{" NEEDED "," KEYS ",\"languages\":\"en\"}", "languages: not a list"},
        {"{" NEEDED "," KEYS ",\"languages\":[\"EN\"]}", "languages: two small letters"},
        {"{" NEEDED "," KEYS ",\"languages\":[1]}", "languages[0]: not a string"},
        {"{" NEEDED "," KEYS ",\"ecc\":[]}", "ecc: at least one"},
        {"{" NEEDED "," KEYS ",\"ecc\":[\"1234567\"]}", "ecc: "},
        {"{" NEEDED "," KEYS ",\"smsc\":\"x\"}", "smsc: "},
        {"{" NEEDED "," KEYS ",\"msisdn\":\"x\"}", "msisdn: "},
        {"{" NEEDED "," KEYS ",\"spn\":\"A very long service provider name\"}", "spn: "},
        {"{" NEEDED "," KEYS ",\"algorithm\":\"comp128\"}", "algorithm: not milenage"},
        {"{" NEEDED ",\"k\":\"00\"}", "k: 1 bytes instead of 16"},
        {"{" NEEDED ",\"k\":\"xx\"}", "k: "},
        {"{" NEEDED ",\"k\":\"00112233445566778899AABBCCDDEEFF\"}", "opc: missing, and no op"},
        {"{" NEEDED "," KEYS ",\"op\":\"00112233445566778899AABBCCDDEEFF\"}", "opc: either"},
        {"{" NEEDED "," KEYS ",\"pin1\":\"12\"}", "pin1: a PIN has 4 to 8 digits"},
        {"{" NEEDED "," KEYS ",\"pin1Enabled\":1}", "pin1Enabled: neither true nor false"},
        {"{" NEEDED "," KEYS ",\"plmn\":{\"home\":[\"99\"]}}", "plmn.home: "},
        {"{" NEEDED "," KEYS ",\"plmn\":{\"user\":[\"99970:6g\"]}}", "plmn.user: 6g is no access"},
        {"{" NEEDED "," KEYS ",\"plmn\":{\"x\":1}}", "plmn.x: no such member"},
        {"{" NEEDED "," KEYS ",\"plmn\":[]}", "plmn: not an object"},
        {"{" NEEDED "," KEYS ",\"services\":[0]}", "services: service numbers are 1 to 146"},
        {"{" NEEDED "," KEYS ",\"services\":[147]}", "services: service numbers are 1 to 146"},
        {"{" NEEDED "," KEYS ",\"usimAid\":\"A0\"}", "usimAid: 5 to 16 bytes"},
        {"{" NEEDED "," KEYS ",\"contacts\":251}", "contacts: not a number from 0 to 250"},
        {"{" NEEDED "," KEYS ",\"fiveG\":{\"routingIndicator\":\"12345\"}}",
         "fiveG.routingIndicator: 1 to 4 digits"},
        {"{" NEEDED "," KEYS ",\"fiveG\":{\"accessIdentities\":\"00\"}}", "fiveG.accessIdentities"},
        {"{" NEEDED "," KEYS ",\"fiveG\":{\"suci\":{}}}", "fiveG.suci.keys: no key"},
        {"{" NEEDED "," KEYS ",\"fiveG\":{\"suci\":{\"keys\":[{\"profile\":\"C\"}]}}}",
         "fiveG.suci.keys[0].profile: not A or B"},
        {"{" NEEDED "," KEYS ",\"fiveG\":{\"suci\":{\"keys\":[{\"profile\":\"A\",\"id\":1,"
         "\"key\":\"00\"}]}}}",
         "fiveG.suci.keys[0].key: 1 bytes instead of 32"},
        {"{" NEEDED "," KEYS ",\"isim\":{\"x\":1}}", "isim.x: no such member"},
        {"{" NEEDED "," KEYS ",\"isim\":{\"impu\":[1]}}", "isim.impu[0]: not a string"},
        {"{" NEEDED "," KEYS ",\"isim\":7}", "isim: not an object"},
        {"{" NEEDED "," KEYS ",\"sd\":{\"rfm\":true}}", "sd.rfm: remote file management needs"},
        {"{" NEEDED "," KEYS ",\"sd\":{\"keys\":[{}]}}", "sd.keys[0].version: missing"},
        {"{" NEEDED "," KEYS ",\"sd\":{\"keys\":[{\"version\":1}]}}", "sd.keys[0].enc: missing"},
        {"{" NEEDED "," KEYS ",\"sd\":{\"keys\":[{\"version\":1,\"type\":\"rsa\"}]}}",
         "sd.keys[0].type: not aes, 3des or psk"},
        {"{" NEEDED "," KEYS ",\"sd\":{\"keys\":[{\"version\":1,\"type\":\"psk\"}]}}",
         "sd.keys[0].version: not 64 to 79"},
        {"{" NEEDED "," KEYS ",\"sd\":{\"keys\":[{\"version\":64,\"type\":\"psk\"}]}}",
         "sd.keys[0].psk: missing"},
        {"{" NEEDED "," KEYS ",\"sd\":{\"keys\":[{\"version\":64,\"type\":\"psk\","
         "\"psk\":\"0011\"}]}}",
         "sd.keys[0].psk: 2 bytes instead of 16 or 32"},
        {"{" NEEDED "," KEYS ",\"sd\":{\"sessionParameters\":\"8\"}}", "sd.sessionParameters: "},
        {"{" NEEDED "," KEYS ",\"sd\":{\"tar\":\"00\"}}", "sd.tar: 1 bytes instead of 3"},
        {"{" NEEDED "," KEYS ",\"elements\":[{\"x\":{}}]}", "elements[0]: x"},
        {"{" NEEDED "," KEYS ",\"elements\":[{\"end\":{\"end-header\":{\"identification\":1}}}]}",
         "elements[0]: header and end"},
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        cr_buf upp = {0};
        struct cr_err err = {0};
        if (profile_build_text(cr_span_str(bad[i].text), &upp, &err) == CR_OK) {
            fail_msg("%s is taken", bad[i].text);
        }
        if (!strstr(err.cause, bad[i].says)) {
            fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].text, err.cause, bad[i].says);
        }
        assert_int_equal(upp.n, 0);
        cr_buf_free(&upp);
    }
    /* The names of members come with the message: all of a short list, else the nearest one and
     * where the list is. Never a list that is cut. */
    static const struct {
        const char *text, *field, *next;
    } unknown[] = {
        {"{\"colour\":1}", "colour", "`crisp profile build --members` lists them all"},
        {"{\"imsy\":1}", "imsy",
         "did you mean imsi? `crisp profile build --members` lists them all"},
        {"{" NEEDED "," KEYS ",\"isim\":{\"x\":1}}", "isim.x",
         "known are aid, impi, impu, domain, pcscf, services"},
    };
    for (size_t i = 0; i < CR_COUNT(unknown); i++) {
        cr_buf upp = {0};
        struct cr_err err = {0};
        assert_int_equal(profile_build_text(cr_span_str(unknown[i].text), &upp, &err),
                         CR_MALFORMED);
        assert_string_equal(err.field, unknown[i].field);
        assert_string_equal(err.next, unknown[i].next);
    }
}

/* The list of members is the one that the reader knows. */
static void test_members_listed(void **state)
{
    (void)state;
    size_t n = 0;
    for (const struct profile_build_member *m = profile_build_members(); m->name; m++) {
        char text[600];
        char name[40];
        cr_buf upp = {0};
        struct cr_err err = {0};
        assert_true(*m->help);
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(m->name, "."), m->name);
        snprintf(text, sizeof(text), "{\"%s\":null}", name);
        assert_int_not_equal(profile_build_text(cr_span_str(text), &upp, &err), CR_OK);
        assert_null(strstr(err.cause, "no such member"));
        cr_buf_free(&upp);
        n++;
    }
    assert_true(n > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least),      cmocka_unit_test(test_everything),
        cmocka_unit_test(test_algorithms), cmocka_unit_test(test_versions),
        cmocka_unit_test(test_examples),   cmocka_unit_test(test_elements),
        cmocka_unit_test(test_messages),   cmocka_unit_test(test_members_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
