/*
 * Every rule of the package format that a chip holds a package to (TCA Interoperable Format): one
 * row breaks one rule. Each is tried with the element mandated (the installation ends, and nothing
 * stays) and, where the format lets the chip go on, without (a warning).
 *
 * The codes of PEStatus: 1 pe-not-supported, 3 bad-values, 5 invalid-request-format,
 * 6 invalid-parameter, 7 runtime-not-supported, 8 lib-not-supported, 9 template-not-supported,
 * 10 feature-not-supported, 11 pin-code-missing, 31 unsupported-profile-version.
 */
#include "scene.h"

#include "profile/check.h"

/* ---- header ------------------------------------------------------------------------------------
 */

#define SERVICE(name, code)                                                                        \
    {                                                                                              \
        SET, PACKAGE_HEADER, "eUICC-Mandatory-services", "{'" name "': true}", code, NULL, 0       \
    }

/* Always fatal, and without identification: the header has none. */
static const struct row header_rows[] = {
    {SET, PACKAGE_HEADER, "major-version", "[4]", "!31", NULL, 0},
    {SET, PACKAGE_HEADER, "major-version", "[1]", "!31", NULL, 0},
    {SET, PACKAGE_HEADER, "major-version", "[0]", "!31", NULL, 0},
    SERVICE("contactless", "!10"),
    SERVICE("cave", "!10"),
    SERVICE("mbms", "!10"),
    SERVICE("eap", "!10"),
    SERVICE("javacard", "!7"),
    SERVICE("multos", "!7"),
    SERVICE("cat-tp", "!10"),
    SERVICE("suciCalculatorApi", "!10"),
    SERVICE("dns-resolution", "!10"),
    SERVICE("scp11ac", "!10"),
    SERVICE("scp11c-authorization-mechanism", "!10"),
    SERVICE("s16mode", "!10"),
    SERVICE("eaka", "!10"),
    {SET, PACKAGE_HEADER, "eUICC-Mandatory-GFSTEList", "['2.23.143.1.2.99', '2.23.143.1.2.1']",
     "!9", NULL, 0},
    {SET, PACKAGE_HEADER, "eUICC-Mandatory-GFSTEList", "['2.23.143.1.2.1', '2.23.143.1.3.1']", "!9",
     NULL, 0},
    {SET, PACKAGE_HEADER, "eUICC-Mandatory-AIDs", "[{'aid': 'A0000000010203', 'version': '0100'}]",
     "!8", NULL, 0},
    {SET, PACKAGE_HEADER, "iccid", "['89000000000000000002']", "!3", NULL,
     RSP_INSTALL_DATA_MISMATCH},
    {SET, PACKAGE_HEADER, "iccid", "['8900000000000000000A']", "!3", NULL, 0},
    {SET, PACKAGE_HEADER, "iccid", "['89F00000000000000000']", "!3", NULL, 0},
};

/* Services that are there go through: all in one header. */
static void test_services(void **state)
{
    struct scene *c = *state;
    json_t *package = package_json(c->server->metadata.iccid);
    MUST(json_object_set_new(
             package_element(package, PACKAGE_HEADER), "eUICC-Mandatory-services",
             package_parse("{'usim': true, 'isim': true, 'csim': true, 'milenage': true,"
                           " 'tuak128': true, 'tuak256': true, 'gba-usim': true, 'gba-isim': true,"
                           " 'multiple-usim': true, 'multiple-isim': true, 'multiple-csim': true,"
                           " 'usim-test-algorithm': true, 'ber-tlv': true, 'dfLink': true,"
                           " 'get-identity': true, 'profile-a-x25519': true,"
                           " 'profile-b-p256': true}")) == 0);
    scene_installed(c, package, "0");
}

/* A number behind the last known service. */
static void test_unknown_service(void **state)
{
    struct scene *c = *state;
    static const uint8_t services[] = {0xA5, 0x04, 0x81, 0x00, 0x84, 0x00};
    static const uint8_t unknown[] = {0xA5, 0x04, 0x81, 0x00, 0x9E, 0x00};
    cr_buf upp = {0};
    package_small(c->server->metadata.iccid, &upp);
    uint8_t *at = memmem(upp.p, upp.n, services, sizeof(services));
    MUST(at);
    memcpy(at, unknown, sizeof(unknown));
    scene_refused_bytes(c, cr_buf_span(&upp), 0, "!10");
    cr_buf_free(&upp);
}

/* ---- order -------------------------------------------------------------------------------------
 */

#define PUKS   "'pukCodes': [{'keyReference': 2, 'pukValue': '3132333435363738'}]"
#define PIN_ID "'pin-Header': {'mandated': true, 'identification': 77}"
#define TELECOM                                                                                    \
    "'templateID': '2.23.143.1.2.3',"                                                              \
    " 'df-telecom': [{'fileDescriptor': {'pinStatusTemplateDO': '01'}}]"
#define ADF(name, aid, fid)                                                                        \
    "'" name "': [{'fileDescriptor': {'fileID': '" fid "', 'dfName': '" aid "',"                   \
    " 'pinStatusTemplateDO': '010A'}}]"
#define USIM_FILES                                                                                 \
    "'ef-imsi': [{'fillFileContent': '080910101032547698'}],"                                      \
    "'ef-arr': [{'fileDescriptor': {'fileDescriptor': '42210028', 'efFileSize': '28'}}],"          \
    "'ef-ust': [{'fillFileContent': '02'}], 'ef-spn': [{'fillFileContent': '01'}],"                \
    "'ef-est': [{'fillFileContent': '00'}], 'ef-acc': [{'fillFileContent': '0001'}],"              \
    "'ef-ecc': [{'fillFileContent': '11F2FF00'}]"
#define SECOND_USIM                                                                                \
    PACKAGE_ELEMENT("usim-header",                                                                 \
                    ", 'templateID': '2.23.143.1.2.4'," ADF(                                       \
                        "adf-usim", "A0000000871002FF49FF0590", "7FD1") "," USIM_FILES)
#define DF_OF(header, oid, df)                                                                     \
    PACKAGE_ELEMENT(header, ", 'templateID': '2.23.143.1.2." oid "', '" df                         \
                            "': [{'fileDescriptor': {'pinStatusTemplateDO': '01'}}]")
#define AKA(rest)                                                                                  \
    "{'aka-header': {'mandated': true, 'identification': 77},"                                     \
    " 'algoConfiguration': {'algoParameter': {'algorithmID': 'milenage',"                          \
    " 'algorithmOptions': '01', 'key': '" PACKAGE_K "', 'opc': '" PACKAGE_OPC "'}}" rest "}"
#define CDMA PACKAGE_ELEMENT("cdma-header", ", 'authenticationKey': '0000000000000000'")

static const struct row order_rows[] = {
    {REMOVE, PACKAGE_HEADER, NULL, NULL, "!1:6", NULL, 0},
    {MOVE, PACKAGE_HEADER, NULL, "1", "!1:6", NULL, 0},
    {REMOVE, PACKAGE_MF, NULL, NULL, "!2:6", NULL, 0},
    {MOVE, PACKAGE_MF, NULL, "4", "!2:6", NULL, 0},
    {MOVE, PACKAGE_USIM, NULL, "1", "!4:6", NULL, 0},
    {MOVE, PACKAGE_PIN, NULL, "1", "!3:6", NULL, 0},
    {MOVE, PACKAGE_SD, NULL, "1", "!8:6", NULL, 0},
    {INSERT, PACKAGE_PUK, "mf",
     PACKAGE_ELEMENT("mf-header", ", 'templateID': '2.23.143.1.2.1', 'mf': []"), "!77:6", NULL, 0},
    /* file management that makes a second MF */
    {SET, PACKAGE_GFM, "fileManagementCMD",
     "[[{'createFCP': {'fileDescriptor': '7821', 'fileID': '3F00',"
     "   'securityAttributesReferenced': '0E', 'pinStatusTemplateDO': '01'}}]]",
     "!7:3", "7:3 0", 0},
    {INSERT, PACKAGE_PUK, "iot", PACKAGE_ELEMENT("iot-header", ", 'templateID': '2.23.143.1.2.17'"),
     "!77:6", NULL, 0},
    {INSERT, PACKAGE_SD, "opt-iot",
     PACKAGE_ELEMENT("opt-iot-header", ", 'templateID': '2.23.143.1.2.18'"), "!77:6", NULL, 0},
    {SET, PACKAGE_HEADER, "iotOptions", "{'pix': '01020304050607'}", "!1:6", NULL, 0},
    {INSERT, PACKAGE_PIN, "pukCodes", PACKAGE_ELEMENT("puk-Header", ", " PUKS), "!77:6", NULL, 0},
    {MOVE, PACKAGE_PUK, NULL, "1", "!2:6", NULL, 0},
    /* once in a package */
    {INSERT, PACKAGE_END, "telecom", PACKAGE_ELEMENT("telecom-header", ", " TELECOM), NULL, "0", 0},
    /* once for an application, and behind it */
    {INSERT, PACKAGE_USIM, "opt-usim",
     PACKAGE_ELEMENT("optusim-header", ", 'templateID': '2.23.143.1.2.5'"), "!77:6", NULL, 0},
    {INSERT, PACKAGE_USIM, "phonebook", DF_OF("phonebook-header", "6", "df-phonebook"), "!77:6",
     NULL, 0},
    {INSERT, PACKAGE_USIM, "gsm-access", DF_OF("gsm-access-header", "7", "df-gsm-access"), "!77:6",
     NULL, 0},
    {INSERT, PACKAGE_USIM, "df-5gs", DF_OF("df-5gs-header", "13", "df-df-5gs"), "!77:6", NULL, 0},
    {INSERT, PACKAGE_USIM, "df-saip", DF_OF("df-saip-header", "14", "df-df-saip"), "!77:6", NULL,
     0},
    {INSERT, PACKAGE_USIM, "df-snpn", DF_OF("df-snpn-header", "15", "df-df-snpn"), "!77:6", NULL,
     0},
    {INSERT, PACKAGE_USIM, "df-5gprose", DF_OF("df-5gprose-header", "16", "df-df-5g-prose"),
     "!77:6", NULL, 0},
    {INSERT, PACKAGE_END, "opt-isim",
     PACKAGE_ELEMENT("optisim-header", ", 'templateID': '2.23.143.1.2.9'"), "!77:6", NULL, 0},
    {INSERT, PACKAGE_END, "opt-csim",
     PACKAGE_ELEMENT("optcsim-header", ", 'templateID': '2.23.143.1.2.11'"), "!77:6", NULL, 0},
    {INSERT, PACKAGE_END, "cdmaParameter", CDMA, "!77:6", NULL, 0},
    {INSERT, PACKAGE_USIM, "eap",
     PACKAGE_ELEMENT("eap-header", ", 'templateID': '2.23.143.1.2.12'"), "!77:6", NULL, 0},
    {MOVE, PACKAGE_AKA, NULL, "3", "!6:6", NULL, 0},
    {INSERT, PACKAGE_GFM, "akaParameter", AKA(""), "!77:6", NULL, 0},
    {INSERT, PACKAGE_GFM, "usim", SECOND_USIM, "!77:6", NULL, 0},
    {MOVE, PACKAGE_RFM, NULL, "2", "!9:6", NULL, 0},
    {INSERT, PACKAGE_SD, "application", PACKAGE_ELEMENT("app-Header", ""), "!77:6", NULL, 0},
    {INSERT, PACKAGE_END, "end", "{'end-header': {'mandated': true, 'identification': 90}}", "!5",
     NULL, 0},
    {REMOVE, PACKAGE_END, NULL, NULL, "!5", NULL, 0},
    /* identifications */
    {SET, PACKAGE_RFM, "rfm-header", "{'mandated': true, 'identification': 8}", "!8:6", NULL, 0},
    {SET, PACKAGE_RFM, "rfm-header", "{'mandated': true, 'identification': 32768}", "!32768:6",
     NULL, 0},
    {SET, PACKAGE_RFM, "rfm-header", "{'mandated': true, 'identification': -1}", "!-1:6", NULL, 0},
    /* what this chip does not execute */
    {INSERT, PACKAGE_END, "application", PACKAGE_ELEMENT("app-Header", ""), "!77:7", "77:7 0", 0},
    {INSERT, PACKAGE_END, "nonStandard",
     PACKAGE_ELEMENT("nonStandard-header", ", 'issuerID': '2.999.1', 'content': '00'"), "!77:1",
     "77:1 0", 0},
};

/* Elements that may be there twice only for two applications. */
static void test_once_for_each(void **state)
{
    struct scene *c = *state;
    static const struct {
        const char *name, *header, *rest;
    } twice[] = {
        {"opt-usim", "optusim-header", "'templateID': '2.23.143.1.2.5'"},
        {"gsm-access", "gsm-access-header",
         "'templateID': '2.23.143.1.2.7',"
         " 'df-gsm-access': [{'fileDescriptor': {'pinStatusTemplateDO': '01'}}]"},
        {"df-5gs", "df-5gs-header",
         "'templateID': '2.23.143.1.2.13',"
         " 'df-df-5gs': [{'fileDescriptor': {'pinStatusTemplateDO': '01'}}]"},
        {"telecom", "telecom-header", TELECOM},
        {"cd", "cd-header",
         "'templateID': '2.23.143.1.2.2',"
         " 'df-cd': [{'fileDescriptor': {'pinStatusTemplateDO': '01'}}]"},
    };
    for (size_t i = 0; i < CR_COUNT(twice); i++) {
        json_t *package = package_json(c->server->metadata.iccid);
        for (int k = 0; k < 2; k++) {
            char text[512];
            (void)snprintf(text, sizeof(text),
                           "{'%s': {'mandated': true, 'identification': %d}, %s}", twice[i].header,
                           80 + k, twice[i].rest);
            package_insert(package, PACKAGE_SD, twice[i].name, package_parse(text));
        }
        scene_refused(c, package, 0, "!80:6");
    }
    /* With the service a second USIM is good, and has its own elements. */
    json_t *package = package_json(c->server->metadata.iccid);
    MUST(json_object_set_new(
             package_element(package, PACKAGE_HEADER), "eUICC-Mandatory-services",
             package_parse("{'usim': true, 'milenage': true, 'multiple-usim': true}")) == 0);
    package_insert(package, PACKAGE_SD, "akaParameter", package_parse(AKA("")));
    package_insert(package, PACKAGE_SD, "opt-usim",
                   package_parse("{'optusim-header': {'identification': 81},"
                                 " 'templateID': '2.23.143.1.2.5'}"));
    package_insert(
        package, PACKAGE_SD, "usim",
        package_parse("{'usim-header': {'mandated': true, 'identification': 82},"
                      "'templateID': '2.23.143.1.2.4'," ADF("adf-usim", "A0000000871002FF49FF0590",
                                                            "7FD1") "," USIM_FILES "}"));
    package_insert(package, PACKAGE_SD, "opt-usim",
                   package_parse("{'optusim-header': {'identification': 83},"
                                 " 'templateID': '2.23.143.1.2.5'}"));
    scene_installed(c, package, "0");
}

/* The checker of packages sees the same order. */
static void on_finding(void *ctx, const struct profile_finding *finding)
{
    (void)ctx;
    if (finding->rule == PROFILE_RULE_NAA_MISSING || finding->rule == PROFILE_RULE_NAA_ONCE ||
        finding->rule == PROFILE_RULE_NO_DF) {
        fail_msg("element %zu: %s", finding->element, finding->what);
    }
}

/* An application that file management makes is one for the elements behind it. */
static void test_managed_application(void **state)
{
    struct scene *c = *state;
    json_t *package = package_json(c->server->metadata.iccid);
    package_insert(package, PACKAGE_SD, "opt-isim",
                   package_parse("{'optisim-header': {'mandated': true, 'identification': 83},"
                                 " 'templateID': '2.23.143.1.2.9',"
                                 " 'ef-smss': []}"));
    package_insert(package, PACKAGE_SD, "akaParameter", package_parse(AKA("")));
    package_insert(
        package, PACKAGE_SD, "genericFileManagement",
        package_parse("{'gfm-header': {'mandated': true, 'identification': 82},"
                      " 'fileManagementCMD': [[{'createFCP': {'fileDescriptor': '7821',"
                      "  'fileID': '7FB0', 'dfName': 'A0000000871004FF49FF0589',"
                      "  'securityAttributesReferenced': '0E', 'pinStatusTemplateDO': '01'}}]]}"));
    cr_buf upp = {0};
    struct cr_err err = {0};
    struct profile_check_result check;
    package_encode(package, &upp);
    MUST_OK(profile_check(cr_buf_span(&upp), &c->bed->arena, on_finding, NULL, &check, &err));
    struct rsp_profile_installation_result result = scene_load_bytes(c, cr_buf_span(&upp));
    cr_buf_free(&upp);
    ASSERT_INSTALLED(result);
    assert_string_equal(scene_answers(c, &result), "0");
    assert_int_equal(bed_enable(c->bed, c->server->metadata.iccid, false), RSP_PROFILE_OK);
    assert_int_equal(bed_hex(c->bed, "00A4040C0CA0000000871004FF49FF0589"), 0x9000);
    assert_int_equal(bed_hex(c->bed, "00A4000C026F43"), 0x9000);
    assert_int_equal(bed_hex(c->bed, "0088008122"
                                     "1023553CBE9637A89D218AE64DAE47BF35"
                                     "10AA689C6483508000904CBB451B65DEF800"),
                     0x9000);
}

/* From version 3 of DF.5GS on the files of security contexts have two records with service 136,
 * else one; what the package states goes before it. */
static void test_5gs_records(void **state)
{
    struct scene *c = *state;
    static const struct {
        const char *template, *ust, *file, *descriptor;
    } cases[] = {
        {"13", "00", "[]", "8205422100390183024F03"},
        {"13.2", "80", "[]", "8205422100390183024F03"},
        {"13.3", "00", "[]", "82054221003E0183024F03"},
        {"13.3", "80", "[]", "82054221003E0283024F03"},
        {"13.4", "7F", "[]", "82054221003E0183024F03"},
        {"13.4", "80", "[]", "82054221003E0283024F03"},
        {"13.4", "00", "[{'fileDescriptor': {'efFileSize': 'BA'}}]", "82054221003E0383024F03"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        char text[512], fcp[256];
        json_t *package = package_json(c->server->metadata.iccid);
        json_t *usim = package_element(package, PACKAGE_USIM);
        (void)snprintf(text, sizeof(text),
                       "[{'fileDescriptor': {'efFileSize': '11'}},"
                       " {'fillFileContent': '00000000000000000000000000000000%s'}]",
                       cases[i].ust);
        MUST(json_object_set_new(usim, "ef-ust", package_parse(text)) == 0);
        (void)snprintf(text, sizeof(text),
                       "{'df-5gs-header': {'mandated': true, 'identification': 83},"
                       " 'templateID': '2.23.143.1.2.%s',"
                       " 'df-df-5gs': [{'fileDescriptor': {'pinStatusTemplateDO': '01'}}],"
                       " 'ef-5gs3gppnsc': %s}",
                       cases[i].template, cases[i].file);
        package_insert(package, PACKAGE_SD, "df-5gs", package_parse(text));
        struct rsp_profile_installation_result result = scene_load(c, package);
        ASSERT_INSTALLED(result);
        assert_int_equal(bed_enable(c->bed, c->server->metadata.iccid, false), RSP_PROFILE_OK);
        assert_int_equal(bed_hex(c->bed, "00A4040C0CA0000000871002FF49FF0589"), 0x9000);
        assert_int_equal(bed_hex(c->bed, "00A40804067FFF5FC04F03"), 0x9000);
        if (!strstr(cr_hex_into(fcp, sizeof(fcp), cr_buf_span(&c->bed->out)),
                    cases[i].descriptor)) {
            fail_msg("%zu: %s", i, fcp);
        }
        assert_int_equal(bed_disable(c->bed, c->server->metadata.iccid, false), RSP_PROFILE_OK);
        assert_int_equal(bed_delete(c->bed, c->server->metadata.iccid), RSP_PROFILE_OK);
    }
}

/* More files in one element than can be taken back, more DFs than can be checked: no half way. */
static void test_too_many_files(void **state)
{
    struct scene *c = *state;
    static const struct {
        unsigned count;
        const char *descriptor, *rest;
        bool fine;
    } cases[] = {
        {512, "4121", "'efFileSize': '01', 'shortEFID': ''", true},
        {513, "4121", "'efFileSize': '01', 'shortEFID': ''", false},
        {254, "7821", "'pinStatusTemplateDO': '01'", true}, /* and the MF, and ADF.USIM */
        {255, "7821", "'pinStatusTemplateDO': '01'", false},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        json_t *package = package_json(c->server->metadata.iccid);
        json_t *items = json_array(), *commands = json_array();
        for (unsigned n = 0; n < cases[i].count; n++) {
            char text[256];
            (void)snprintf(text, sizeof(text),
                           "{'createFCP': {'fileDescriptor': '%s', 'fileID': '%04X', %s,"
                           " 'securityAttributesReferenced': '01'}}",
                           cases[i].descriptor, 0x5000 + n, cases[i].rest);
            MUST(json_array_append_new(items, package_parse("{'filePath': ''}")) == 0);
            MUST(json_array_append_new(items, package_parse(text)) == 0);
        }
        MUST(json_array_append_new(commands, items) == 0);
        MUST(json_object_set_new(package_element(package, PACKAGE_GFM), "fileManagementCMD",
                                 commands) == 0);
        if (cases[i].fine) {
            scene_installed(c, package, "0");
        } else {
            package_mandate(package, PACKAGE_GFM, false);
            scene_refused(c, package, RSP_INSTALL_INSUFFICIENT_MEMORY, "!7:4");
        }
    }
}

/* The bit of a service that the chip does not have goes from EF.UST; all others stay. */
static void test_cleared_service(void **state)
{
    struct scene *c = *state;
    json_t *package = package_json(c->server->metadata.iccid);
    MUST(json_object_set_new(
             package_element(package, PACKAGE_USIM), "ef-ust",
             package_parse("[{'fillFileContent': 'FFFFFFFFFFFFFFFFFFFFFFFFFFFF'}]")) == 0);
    struct rsp_profile_installation_result result = scene_load(c, package);
    ASSERT_INSTALLED(result);
    assert_int_equal(bed_enable(c->bed, c->server->metadata.iccid, false), RSP_PROFILE_OK);
    assert_int_equal(bed_hex(c->bed, "00A4040C0CA0000000871002FF49FF0589"), 0x9000);
    assert_int_equal(bed_hex(c->bed, "00B084000E"), 0x9000);
    bed_expect(c->bed, "FFFFFFFFFFFFFFFFEFFFFFFFFFFF"); /* 69: byte 9, bit 5 */
}

/* ---- files of templates ------------------------------------------------------------------------
 */

#define EF_AD(items) SET, PACKAGE_USIM, "ef-ad", items
#define FCP(fields)  "[{'fileDescriptor': {" fields "}}]"
#define DF_TELECOM   "'df-telecom': [{'fileDescriptor': {'pinStatusTemplateDO': '01'}}]"
#define TELECOM_FILE(files)                                                                        \
    INSERT, PACKAGE_END, "telecom",                                                                \
        PACKAGE_ELEMENT("telecom-header",                                                          \
                        ", 'templateID': '2.23.143.1.2.3', " DF_TELECOM "," files)

static const struct row file_rows[] = {
    /* templates */
    {SET, PACKAGE_USIM, "templateID", "['2.23.143.1.2.99']", "!4:9", NULL, 0},
    {INSERT, PACKAGE_END, "telecom",
     PACKAGE_ELEMENT("telecom-header", ", 'templateID': '2.23.143.1.2.98'"), "!77:9", "77:9 0", 0},
    {INSERT, PACKAGE_END, "telecom",
     PACKAGE_ELEMENT("telecom-header", ", 'templateID': '2.23.143.1.2.2'"), "!77:3", "77:3 0", 0},
    /* members that have to be there */
    {DROP, PACKAGE_MF, "mf", NULL, "!1:6", NULL, 0},
    {DROP, PACKAGE_MF, "ef-iccid", NULL, "!1:6", NULL, 0},
    {DROP, PACKAGE_MF, "ef-dir", NULL, "!1:6", NULL, 0},
    {DROP, PACKAGE_MF, "ef-arr", NULL, "!1:6", NULL, 0},
    {DROP, PACKAGE_USIM, "adf-usim", NULL, "!4:6", NULL, 0},
    {DROP, PACKAGE_USIM, "ef-imsi", NULL, "!4:6", NULL, 0},
    {DROP, PACKAGE_USIM, "ef-arr", NULL, "!4:6", NULL, 0},
    {DROP, PACKAGE_USIM, "ef-ust", NULL, "!4:6", NULL, 0},
    {DROP, PACKAGE_USIM, "ef-spn", NULL, "!4:6", NULL, 0},
    {DROP, PACKAGE_USIM, "ef-est", NULL, "!4:6", NULL, 0},
    {DROP, PACKAGE_USIM, "ef-acc", NULL, "!4:6", NULL, 0},
    {DROP, PACKAGE_USIM, "ef-ecc", NULL, "!4:6", NULL, 0},
    /* what the package has to state */
    {SET, PACKAGE_MF, "mf", "[{'fileDescriptor': {}}]", "!1:6", NULL, 0},
    {SET, PACKAGE_MF, "ef-dir", "[{'fileDescriptor': {'efFileSize': '40'}}]", "!1:3", NULL, 0},
    {SET, PACKAGE_MF, "ef-dir", "[{'fileDescriptor': {'fileDescriptor': '42210020'}}]", "!1:3",
     NULL, 0},
    {SET, PACKAGE_USIM, "adf-usim", FCP("'fileID': '7FD0', 'dfName': '" PACKAGE_USIM_AID "'"),
     "!4:6", NULL, 0},
    {SET, PACKAGE_USIM, "adf-usim", FCP("'fileID': '7FD0', 'pinStatusTemplateDO': '01'"), "!4:6",
     NULL, 0},
    {SET, PACKAGE_USIM, "adf-usim",
     FCP("'dfName': '" PACKAGE_USIM_AID "', 'pinStatusTemplateDO': '01'"), "!4:6", NULL, 0},
    {TELECOM_FILE("'ef-rma': []"), "!77:3", "77:3 0", 0},
    {TELECOM_FILE("'df-phonebook': [{'fileDescriptor': {'pinStatusTemplateDO': '01'}}],"
                  "'ef-psc': []"),
     "!77:6", "77:6 0", 0},
    {TELECOM_FILE("'df-mmss': [{'fileDescriptor': {'pinStatusTemplateDO': '01'}}],"
                  "'ef-mlpl': []"),
     "!77:6", "77:6 0", 0},
    /* doNotCreate */
    {EF_AD("[{'doNotCreate': true}, {'fillFileContent': '00'}]"), "!4:6", NULL, 0},
    {SET, PACKAGE_MF, "mf", "[{'doNotCreate': true}]", "!1:6", NULL, 0},
    {SET, PACKAGE_USIM, "adf-usim", "[{'doNotCreate': true}]", "!4:6", NULL, 0},
    {TELECOM_FILE("'ef-sume': [{'doNotCreate': true}]"), "!77:6", "77:6 0", 0},
    /* fields */
    {EF_AD(FCP("'fileID': '6F07'")), "!4:3", NULL, 0},
    {EF_AD(FCP("'fileID': '3F00'")), "!4:3", NULL, 0},
    {EF_AD(FCP("'fileDescriptor': '4321'")), "!4:3", NULL, 0},
    {EF_AD(FCP("'fileDescriptor': '42210004'")), "!4:3", NULL, 0},
    {EF_AD(FCP("'efFileSize': '010000'")), "!4:3", NULL, 0},
    {EF_AD(FCP("'securityAttributesReferenced': '00'")), "!4:3", NULL, 0},
    {EF_AD(FCP("'securityAttributesReferenced': '2F06'")), "!4:3", NULL, 0},
    {EF_AD(FCP("'shortEFID': '38'")), "!4:3", NULL, 0}, /* that of EF.IMSI */
    {EF_AD(FCP("'shortEFID': '39'")), "!4:3", NULL, 0},
    {EF_AD(FCP("'shortEFID': '00'")), "!4:3", NULL, 0},
    {EF_AD(FCP("'shortEFID': 'F8'")), "!4:3", NULL, 0},
    {EF_AD(FCP("'proprietaryEFInfo': {'fillPattern': '00', 'repeatPattern': '00'}")), "!4:6", NULL,
     0},
    {EF_AD(FCP("'dfName': 'A000000001'")), "!4:6", NULL, 0},
    {EF_AD(FCP("'pinStatusTemplateDO': '01'")), "!4:6", NULL, 0},
    {SET, PACKAGE_MF, "mf", FCP("'pinStatusTemplateDO': '01', 'efFileSize': '01'"), "!1:6", NULL,
     0},
    {SET, PACKAGE_MF, "mf", FCP("'pinStatusTemplateDO': '01', 'shortEFID': '08'"), "!1:6", NULL, 0},
    {SET, PACKAGE_MF, "mf", FCP("'pinStatusTemplateDO': '01', 'linkPath': '2F05'"), "!1:6", NULL,
     0},
    {SET, PACKAGE_MF, "mf", FCP("'pinStatusTemplateDO': '01', 'fileID': '3F01'"), "!1:3", NULL, 0},
    {SET, PACKAGE_MF, "mf", FCP("'pinStatusTemplateDO': '01', 'proprietaryEFInfo': {}"), "!1:6",
     NULL, 0},
    {INSERT, PACKAGE_END, "telecom",
     PACKAGE_ELEMENT("telecom-header",
                     ", 'templateID': '2.23.143.1.2.3', 'df-telecom': [{'fileDescriptor':"
                     " {'fileDescriptor': '7821', 'pinStatusTemplateDO': '01'}}]"),
     "!77:6", "77:6 0", 0},
    /* records */
    {SET, PACKAGE_USIM, "ef-ecc", FCP("'fileDescriptor': '42210000'"), "!4:3", NULL, 0},
    {SET, PACKAGE_USIM, "ef-ecc", FCP("'fileDescriptor': '42210100'"), "!4:3", NULL, 0},
    {SET, PACKAGE_USIM, "ef-ecc", FCP("'fileDescriptor': '422104'"), "!4:3", NULL, 0},
    {SET, PACKAGE_USIM, "ef-ecc", FCP("'efFileSize': '05'"), "!4:3", NULL, 0},
    {SET, PACKAGE_USIM, "ef-ecc", FCP("'efFileSize': '00'"), "!4:3", NULL, 0},
    {SET, PACKAGE_USIM, "ef-ecc", FCP("'fileDescriptor': '42210001', 'efFileSize': '00FF'"), "!4:3",
     NULL, 0},
    /* content */
    {SET, PACKAGE_USIM, "ef-imsi", "[{'fillFileContent': '08091010103254769800'}]", "!4:3", NULL,
     0},
    {EF_AD("[{'fillFileOffset': 3}, {'fillFileContent': '0002'}]"), "!4:3", NULL, 0},
    {EF_AD("[{'fillFileContent': '00'}, {'fillFileOffset': 3}, {'fillFileContent': '02'}]"), "!4:3",
     NULL, 0},
    {EF_AD("[{'fillFileOffset': 65536}, {'fillFileContent': '02'}]"), "!4:6", NULL, 0},
    {SET, PACKAGE_USIM, "adf-usim",
     "[{'fileDescriptor': {'fileID': '7FD0', 'dfName': '" PACKAGE_USIM_AID
     "', 'pinStatusTemplateDO': '01810A'}}, {'fillFileContent': '00'}]",
     "!4:6", NULL, 0},
    /* links */
    {EF_AD(FCP("'linkPath': '7FFF6F01'")), "!4:6", NULL, 0},
    {EF_AD(FCP("'linkPath': '2FE200'")), "!4:6", NULL, 0},
    {EF_AD(FCP("'linkPath': '7FD0'")), "!4:3", NULL, 0}, /* an EF as a link to a DF */
    {EF_AD(FCP("'linkPath': '2FE2', 'efFileSize': '0A'")), "!4:6", NULL, 0},
    {EF_AD("[{'fileDescriptor': {'linkPath': '2FE2'}}, {'fillFileContent': '00'}]"), "!4:6", NULL,
     0},
    /* files of a feature that is not there */
    {INSERT, PACKAGE_SD, "opt-usim",
     PACKAGE_ELEMENT("optusim-header", ", 'templateID': '2.23.143.1.2.5', 'ef-msk':"
                                       " [{'fileDescriptor': {'fileDescriptor': '42210014',"
                                       " 'efFileSize': '28'}}]"),
     "!77:10/2", "77:10/2 0", 0},
    {INSERT, PACKAGE_SD, "opt-usim",
     PACKAGE_ELEMENT("optusim-header", ", 'templateID': '2.23.143.1.2.5', 'ef-muk':"
                                       " [{'fileDescriptor': {'fileDescriptor': '42210014',"
                                       " 'efFileSize': '28'}}]"),
     "!77:10/2", "77:10/2 0", 0},
    /* the ICCID of the file */
    {SET, PACKAGE_MF, "ef-iccid", "[{'fillFileContent': '98000000000000000099'}]", "!10:3", NULL,
     RSP_INSTALL_DATA_MISMATCH},
};

/* ---- generic file management -------------------------------------------------------------------
 */

#define GFM(items)    SET, PACKAGE_GFM, "fileManagementCMD", "[[" items "]]"
#define CREATE(rest)  "{'createFCP': {" rest "}}"
#define TR_2F10(rest) CREATE("'fileDescriptor': '4121', 'fileID': '2F10'" rest)
#define RULE          ", 'securityAttributesReferenced': '01'"
#define BT_2F10(rest)                                                                              \
    CREATE("'fileDescriptor': '7921', 'fileID': '2F10', 'efFileSize': '08'" RULE rest)

static const struct row gfm_rows[] = {
    {GFM("{'filePath': '6F99'}"), "!7:6", "7:6 0", 0},
    {GFM("{'filePath': '6F'}"), "!7:6", "7:6 0", 0},
    {GFM("{'fillFileContent': '00'}"), "!7:6", "7:6 0", 0},
    {GFM("{'fillFileOffset': 0}"), "!7:6", "7:6 0", 0},
    {GFM("{'filePath': '7FD0'}, {'fillFileContent': '00'}"), "!7:6", "7:6 0", 0},
    {GFM("{'filePath': '2FE2'}, {'fillFileOffset': 10}, {'fillFileContent': '00'}"), "!7:3",
     "7:3 0", 0},
    /* fields that have to be stated */
    {GFM(CREATE("'fileID': '2F10', 'efFileSize': '02'" RULE)), "!7:6", "7:6 0", 0},
    {GFM(CREATE("'fileDescriptor': '4121', 'efFileSize': '02'" RULE)), "!7:6", "7:6 0", 0},
    {GFM(TR_2F10(", 'efFileSize': '02'")), "!7:6", "7:6 0", 0},
    {GFM(TR_2F10(RULE)), "!7:6", "7:6 0", 0},
    {GFM(CREATE("'fileDescriptor': '42210002', 'fileID': '2F10'" RULE)), "!7:3", "7:3 0", 0},
    {GFM(CREATE("'fileDescriptor': '7821', 'fileID': '7F77'" RULE)), "!7:6", "7:6 0", 0},
    {GFM(CREATE("'fileDescriptor': '7821', 'fileID': '7F77', 'dfName': 'A0000000871004'" RULE)),
     "!7:6", "7:6 0", 0},
    /* fields that may not be there */
    {GFM(TR_2F10(", 'efFileSize': '02', 'pinStatusTemplateDO': '01'" RULE)), "!7:6", "7:6 0", 0},
    {GFM(CREATE("'fileDescriptor': '7821', 'fileID': '7F77', 'pinStatusTemplateDO': '01',"
                " 'efFileSize': '02'" RULE)),
     "!7:6", "7:6 0", 0},
    {GFM(CREATE("'fileDescriptor': '7821', 'fileID': '7F77', 'pinStatusTemplateDO': '01',"
                " 'shortEFID': '08'" RULE)),
     "!7:6", "7:6 0", 0},
    /* values */
    {GFM(CREATE("'fileDescriptor': '4F21', 'fileID': '2F10', 'efFileSize': '02'" RULE)), "!7:3",
     "7:3 0", 0},
    {GFM(CREATE("'fileDescriptor': '4121', 'fileID': '7FFF', 'efFileSize': '02'" RULE)), "!7:3",
     "7:3 0", 0},
    {GFM(CREATE("'fileDescriptor': '42210003', 'fileID': '2F10', 'efFileSize': '04'" RULE)), "!7:3",
     "7:3 0", 0},
    {GFM(TR_2F10(", 'efFileSize': '02'" RULE) "," TR_2F10(", 'efFileSize': '02'" RULE)), "!7:3",
     "7:3 0", 0},
    /* the SFI that the file id gives is taken: 2F05 has 05 */
    {GFM(CREATE("'fileDescriptor': '4121', 'fileID': '2F25', 'efFileSize': '02'" RULE)), "!7:3",
     "7:3 0", 0},
    {GFM(CREATE("'fileDescriptor': '7821', 'fileID': '7F77', 'pinStatusTemplateDO': '01',"
                " 'dfName': '" PACKAGE_USIM_AID "'" RULE)),
     "!7:3", "7:3 0", 0},
    /* content */
    {GFM(TR_2F10(", 'efFileSize': '02'" RULE) ", {'fillFileContent': '000102'}"), "!7:3", "7:3 0",
     0},
    {GFM(TR_2F10(", 'efFileSize': '02'" RULE) ", {'fillFileOffset': 65536}"), "!7:6", "7:6 0", 0},
    /* BER-TLV: no offset, whole objects, not more than the file holds */
    {GFM(BT_2F10("") ", {'fillFileOffset': 1}, {'fillFileContent': '8000'}"), "!7:3", "7:3 0", 0},
    {GFM(BT_2F10("") ", {'fillFileContent': '800201'}"), "!7:3", "7:3 0", 0},
    {GFM(BT_2F10("") ", {'fillFileContent': '8007000102030405060708'}"), "!7:3", "7:3 0", 0},
    {GFM(BT_2F10("") ", {'fillFileContent': '80050001020304'}, {'fillFileContent': '8100'}"),
     "!7:3", "7:3 0", 0},
    /* links */
    {GFM(TR_2F10(", 'linkPath': '2F99'" RULE)), "!7:6", "7:6 0", 0},
    {GFM(TR_2F10(", 'linkPath': '7FD0'" RULE)), "!7:3", "7:3 0", 0},
    {GFM(TR_2F10(", 'linkPath': '2FE2', 'efFileSize': '0A'" RULE)), "!7:6", "7:6 0", 0},
    {GFM(TR_2F10(", 'linkPath': '2FE2'" RULE) ", {'fillFileContent': '98'}"), "!7:6", "7:6 0", 0},
    {GFM(CREATE("'fileDescriptor': '7821', 'fileID': '7F77', 'linkPath': '2FE2'" RULE)), "!7:3",
     "7:3 0", 0},
    {GFM(CREATE("'fileDescriptor': '7821', 'fileID': '7F77', 'linkPath': '7FD0',"
                " 'pinStatusTemplateDO': '01'" RULE)),
     "!7:6", "7:6 0", 0},
    {GFM("{'filePath': '7FD0'}," CREATE(
         "'fileDescriptor': '7821', 'fileID': '5F77', 'linkPath': '7FD0'" RULE)),
     "!7:3", "7:3 0", 0}, /* would contain itself */
};

/* ---- codes and keys ----------------------------------------------------------------------------
 */

#define PIN(fields)                                                                                \
    SET, PACKAGE_PIN, "pinCodes",                                                                  \
        "{'pinconfig': [{" fields "},"                                                             \
        " {'keyReference': 10, 'pinValue': '3535353535353535'}]}"
#define PIN2(fields)      SET, PACKAGE_USIM_PIN, "pinCodes", "{'pinconfig': [{" fields "}]}"
#define PUK(fields)       SET, PACKAGE_PUK, "pukCodes", "[{" fields "}]"
#define KEY1              "'keyReference': 1, 'pinValue': '31323334FFFFFFFF'"
#define ALGORITHM(fields) SET, PACKAGE_AKA, "algoConfiguration", "{'algoParameter': {" fields "}}"
#define MILENAGE                                                                                   \
    "'algorithmID': 'milenage', 'algorithmOptions': '01', 'key': '" PACKAGE_K                      \
    "', 'opc': '" PACKAGE_OPC "'"
#define TUAK_OPC PACKAGE_OPC PACKAGE_OPC
#define TUAK(options, key, opc)                                                                    \
    "'algorithmID': 'tuak', 'algorithmOptions': '" options "', 'key': '" key "', 'opc': '" opc "'"

static const struct row code_rows[] = {
    /* PINs: reference, context, digits, tries, unblocking */
    {PIN("'keyReference': 0, 'pinValue': '31323334FFFFFFFF'"), "!3:3", NULL, 0},
    {PIN("'keyReference': 9, 'pinValue': '31323334FFFFFFFF'"), "!3:3", NULL, 0},
    {PIN("'keyReference': 15, 'pinValue': '31323334FFFFFFFF'"), "!3:3", NULL, 0},
    {PIN("'keyReference': 256, 'pinValue': '31323334FFFFFFFF'"), "!3:3", NULL, 0},
    {PIN("'keyReference': -1, 'pinValue': '31323334FFFFFFFF'"), "!3:3", NULL, 0},
    {PIN("'keyReference': 129, 'pinValue': '31323334FFFFFFFF'"), "!3:3", NULL, 0},
    {PIN2("'keyReference': 2, 'pinValue': '31323334FFFFFFFF'"), "!5:3", NULL, 0},
    {PIN2("'keyReference': 137, 'pinValue': '31323334FFFFFFFF'"), "!5:3", NULL, 0},
    {PIN("'keyReference': 1, 'pinValue': '313233FFFFFFFFFF'"), "!3:3", NULL, 0},
    {PIN("'keyReference': 1, 'pinValue': '3132333A35FFFFFF'"), "!3:3", NULL, 0},
    {PIN("'keyReference': 1, 'pinValue': '31323334FFFF3132'"), "!3:3", NULL, 0},
    {PIN(KEY1 ", 'maxNumOfAttemps-retryNumLeft': 0"), "!3:3", NULL, 0},
    {PIN(KEY1 ", 'maxNumOfAttemps-retryNumLeft': 52"), "!3:3", NULL, 0}, /* 4 of 3 */
    {PIN(KEY1 ", 'maxNumOfAttemps-retryNumLeft': 256"), "!3:3", NULL, 0},
    {PIN(KEY1 ", 'unblockingPINReference': 0"), "!3:3", NULL, 0},
    {PIN(KEY1 ", 'unblockingPINReference': 256"), "!3:3", NULL, 0},
    {PIN(KEY1 ", 'unblockingPINReference': 2"), "!10:11/2", NULL, 0},
    {PIN(KEY1 "}, {" KEY1), "!3:3", NULL, 0},
    {SET, PACKAGE_PIN, "pinCodes", "{'filePath': '7F99'}", "!3:6", NULL, 0},
    {SET, PACKAGE_PIN, "pinCodes", "{'filePath': ''}", "!3:6", NULL, 0}, /* its own */
    {SET, PACKAGE_USIM_PIN, "pinCodes", "{'filePath': '7FD0'}", "!5:6", NULL, 0},
    {INSERT, PACKAGE_USIM, "pinCodes",
     "{" PIN_ID ", 'pinCodes': {'pinconfig': [{'keyReference': 2,"
     " 'pinValue': '31323334FFFFFFFF'}]}}",
     "!77:6", NULL, 0}, /* a second one for the MF */
    {REMOVE, PACKAGE_PIN, NULL, NULL, "!10:11/1", NULL, 0},
    {REMOVE, PACKAGE_USIM_PIN, NULL, NULL, "!10:11/129", NULL, 0},
    {REMOVE, PACKAGE_PUK, NULL, NULL, "!10:11/1", NULL, 0},
    /* PUKs */
    {PUK("'keyReference': 0, 'pukValue': '3132333435363738'"), "!2:3", NULL, 0},
    {PUK("'keyReference': 10, 'pukValue': '3132333435363738'"), "!2:3", NULL, 0},
    {PUK("'keyReference': 257, 'pukValue': '3132333435363738'"), "!2:3", NULL, 0},
    {PUK("'keyReference': 1, 'pukValue': '31323334353637FF'"), "!2:3", NULL, 0},
    {PUK("'keyReference': 1, 'pukValue': '3132333435363738',"
         " 'maxNumOfAttemps-retryNumLeft': 171"),
     "!2:3", NULL, 0},
    {PUK("'keyReference': 1, 'pukValue': '3132333435363738'}, {'keyReference': 1,"
         " 'pukValue': '3132333435363738'"),
     "!2:3", NULL, 0},
    /* authentication */
    {ALGORITHM("'algorithmID': 9, 'algorithmOptions': '01', 'key': '" PACKAGE_K
               "', 'opc': '" PACKAGE_OPC "'"),
     "!6:10", "6:10 0", 0},
    {ALGORITHM("'algorithmID': 'milenage', 'algorithmOptions': '01', 'key': '0001020304',"
               " 'opc': '" PACKAGE_OPC "'"),
     "!6:3", "6:3 0", 0},
    {ALGORITHM("'algorithmID': 'milenage', 'algorithmOptions': '01', 'key': '" PACKAGE_K PACKAGE_K
               "', 'opc': '" PACKAGE_OPC "'"),
     "!6:3", "6:3 0", 0},
    {ALGORITHM("'algorithmID': 'milenage', 'algorithmOptions': '01', 'key': '" PACKAGE_K
               "', 'opc': '00'"),
     "!6:3", "6:3 0", 0},
    {ALGORITHM("'algorithmID': 'milenage', 'algorithmOptions': '01', 'key': '" PACKAGE_K "'"),
     "!6:3", "6:3 0", 0},
    {ALGORITHM(TUAK("01", PACKAGE_K "00", TUAK_OPC)), "!6:3", "6:3 0", 0},
    {ALGORITHM(TUAK("01", PACKAGE_K, PACKAGE_OPC)), "!6:3", "6:3 0", 0},
    {ALGORITHM(TUAK("04", PACKAGE_K, TUAK_OPC)), "!6:3", "6:3 0", 0}, /* no size of RES */
    {ALGORITHM(TUAK("18", PACKAGE_K, TUAK_OPC)), "!6:3", "6:3 0", 0}, /* no size of MAC */
    {ALGORITHM(TUAK("01", PACKAGE_K, TUAK_OPC) ", 'numberOfKeccak': 0"), "!6:3", "6:3 0", 0},
    {ALGORITHM(TUAK("01", PACKAGE_K, TUAK_OPC) ", 'numberOfKeccak': 256"), "!6:3", "6:3 0", 0},
    {ALGORITHM("'algorithmID': 'usim-test', 'algorithmOptions': '02', 'key': '00'"), "!6:3",
     "6:3 0", 0},
    {SET, PACKAGE_AKA, "sqnDelta", "['080000000000']", "!6:3", "6:3 0", 0},
    {SET, PACKAGE_AKA, "sqnAgeLimit", "['080000000000']", "!6:3", "6:3 0", 0},
    {SET, PACKAGE_AKA, "algoConfiguration",
     "{'mappingParameter': {'mappingOptions': '06', 'mappingSource': 'A0000000871004'}}", "!6:3",
     "6:3 0", 0},
    {SET, PACKAGE_AKA, "algoConfiguration",
     "{'mappingParameter': {'mappingOptions': '06', 'mappingSource': '" PACKAGE_USIM_AID "'}}",
     "!6:3", "6:3 0", 0}, /* itself */
};

#define ROWS(name)                                                                                 \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        scene_rows(*state, package_json, name##_rows, CR_COUNT(name##_rows));                      \
    }
ROWS(header)
ROWS(order)
ROWS(file)
ROWS(gfm)
ROWS(code)

/* ---- encoding ----------------------------------------------------------------------------------
 */

/* Broken TLVs: at each byte of a package one is cut off, or one bit is wrong. Whatever comes of it,
 * an installation that fails leaves nothing. */
static void test_truncated(void **state)
{
    struct scene *c = *state;
    cr_buf upp = {0};
    package_small(c->server->metadata.iccid, &upp);
    for (size_t n = 1; n < upp.n; n += 7) {
        scene_refused_bytes(c, cr_span_of(upp.p, n), 0, "!5");
    }
    cr_buf_free(&upp);
}

static void test_wrong_bits(void **state)
{
    struct scene *c = *state;
    cr_buf upp = {0};
    unsigned refusals = 0;
    package_small(c->server->metadata.iccid, &upp);
    for (size_t at = 0; at < upp.n; at += 5) {
        upp.p[at] ^= (uint8_t)(1U << (at % 8));
        struct rsp_profile_installation_result result = scene_load_bytes(c, cr_buf_span(&upp));
        if (result.data.final_result.which == RSP_INSTALL_SUCCESS) {
            assert_int_equal(bed_delete(c->bed, c->server->metadata.iccid), RSP_PROFILE_OK);
        } else {
            refusals++;
            assert_int_equal(bed_profile_count(c->bed), 0);
        }
        upp.p[at] ^= (uint8_t)(1U << (at % 8));
    }
    assert_true(refusals > 30);
    cr_buf_free(&upp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(test_header),
        WITH_SCENE(test_services),
        WITH_SCENE(test_unknown_service),
        WITH_SCENE(test_order),
        WITH_SCENE(test_managed_application),
        WITH_SCENE(test_cleared_service),
        WITH_SCENE(test_5gs_records),
        WITH_SCENE(test_too_many_files),
        WITH_SCENE(test_once_for_each),
        WITH_SCENE(test_file),
        WITH_SCENE(test_gfm),
        WITH_SCENE(test_code),
        WITH_SCENE(test_truncated),
        WITH_SCENE(test_wrong_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
