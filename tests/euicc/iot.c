/*
 * IoT minimal profiles: one element makes the file system, the header gives ICCID and AID.
 */
#include "scene.h"

enum { IOT_HEADER, IOT_PUK, IOT_FILES, IOT_PIN, IOT_AKA, IOT_END };

#define PIX     "1002FF49FF0589"
#define IOT_AID "A000000087" PIX
#define ARR                                                                                        \
    "[{'fileDescriptor': {'fileDescriptor': '42210028', 'efFileSize': '0230',"                     \
    "  'proprietaryEFInfo': {'fillPattern':"                                                       \
    "                        '800101900080015AA40683010A950108FF'}}}]"

static const char text[] =
    "{'elements': ["
    "{'header': {'major-version': 3, 'minor-version': 3, 'profileType': 'iot',"
    "  'iccid': '89000000000000000000',"
    "  'eUICC-Mandatory-services': {'usim': true, 'milenage': true},"
    "  'eUICC-Mandatory-GFSTEList': ['2.23.143.1.2.17'],"
    "  'iotOptions': {'pix': '" PIX "'}}},"
    "{'pukCodes': {'puk-Header': {'mandated': true, 'identification': 1},"
    "  'pukCodes': [{'keyReference': 1, 'pukValue': '3132333435363738'}]}},"
    "{'iot': {'iot-header': {'mandated': true, 'identification': 2},"
    "  'templateID': '2.23.143.1.2.17',"
    "  'ef-arr': " ARR ","
    "  'ef-imsi': [{'fillFileContent': '080910101032547698'}],"
    "  'ef-arr-usim': " ARR ","
    "  'ef-ust': [{'fillFileContent': '02'}],"
    "  'ef-acc': [{'fillFileContent': '0001'}]}},"
    "{'pinCodes': {'pin-Header': {'mandated': true, 'identification': 3},"
    "  'pinCodes': {'pinconfig': ["
    "    {'keyReference': 1, 'pinValue': '31323334FFFFFFFF', 'unblockingPINReference': 1},"
    "    {'keyReference': 129, 'pinValue': '39393939FFFFFFFF'},"
    "    {'keyReference': 10, 'pinValue': '3535353535353535', 'pinAttributes': 3}]}}},"
    "{'akaParameter': {'aka-header': {'mandated': true, 'identification': 4},"
    "  'algoConfiguration': {'algoParameter': {'algorithmID': 'milenage',"
    "    'algorithmOptions': '01', 'key': '" PACKAGE_K "', 'opc': '" PACKAGE_OPC "'}}}},"
    "{'end': {'end-header': {'mandated': true, 'identification': 5}}}"
    "]}";

static json_t *iot_json(cr_span iccid)
{
    char swapped[2 * RSP_ICCID + 1] = {0}, plain[2 * RSP_ICCID + 1] = {0};
    json_t *package = package_parse(text);
    (void)cr_hex_into(swapped, sizeof(swapped), iccid);
    for (size_t i = 0; i < 2 * RSP_ICCID; i += 2) {
        plain[i] = swapped[i + 1];
        plain[i + 1] = swapped[i];
    }
    MUST(json_object_set_new(package_element(package, IOT_HEADER), "iccid", json_string(plain)) ==
         0);
    return package;
}

static void test_files(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    char iccid[2 * RSP_ICCID + 1];
    struct rsp_profile_installation_result result =
        scene_load(c, iot_json(c->server->metadata.iccid));
    ASSERT_INSTALLED(result);
    assert_int_equal(bed_enable(bed, c->server->metadata.iccid, false), RSP_PROFILE_OK);
    /* EF.ICCID and EF.DIR by the header */
    assert_int_equal(bed_hex(bed, "00A40004022FE2"), 0x9000);
    assert_int_equal(bed_hex(bed, "00B000000A"), 0x9000);
    bed_expect(bed, cr_hex_into(iccid, sizeof(iccid), c->server->metadata.iccid));
    assert_int_equal(bed_hex(bed, "00A40004022F00"), 0x9000);
    bed_expect(bed, "621A82054221001001"
                    "83022F008A01058B032F060A800200108801F0");
    assert_int_equal(bed_hex(bed, "00B2010410"), 0x9000);
    bed_expect(bed, "610E4F0C" IOT_AID);
    /* the application; its PIN status template by default is 01 0A */
    assert_int_equal(bed_hex(bed, "00A404040C" IOT_AID), 0x9000);
    char fcp[256];
    (void)cr_hex_into(fcp, sizeof(fcp), cr_buf_span(&bed->out));
    assert_non_null(strstr(fcp, "840C" IOT_AID));
    assert_non_null(strstr(fcp, "C6099001C083010183010A"));
    assert_int_equal(bed_hex(bed, "00A40004026F07"), 0x9000);
    assert_int_equal(bed_hex(bed, "00B0000009"), 0x9000);
    bed_expect(bed, "080910101032547698");
    assert_int_equal(bed_hex(bed, "00B0870009"), 0x9000); /* its SFI */
    /* files that the element does not mention */
    assert_int_equal(bed_hex(bed, "00A40804047FFF6F7E"), 0x9000);
    assert_int_equal(bed_hex(bed, "00B000000B"), 0x9000);
    bed_expect(bed, "FFFFFFFFFFFFFF0000FF01");
    assert_int_equal(bed_hex(bed, "00A40804047FFF6FAD"), 0x9000);
    assert_int_equal(bed_hex(bed, "00A40804047FFF6FB7"), 0x6A82); /* EF.ECC: content is needed */
    /* PIN1 and ADM1 are global, PIN2 is the application's */
    assert_int_equal(bed_hex(bed, "00A4000C023F00"), 0x9000);
    assert_int_equal(bed_hex(bed, "002000010831323334FFFFFFFF"), 0x9000);
    assert_int_equal(bed_hex(bed, "0020000A083535353535353535"), 0x9000);
    assert_int_equal(bed_hex(bed, "0020008100"), 0x6A88);
    assert_int_equal(bed_hex(bed, "002C000100"), 0x63CA);
    assert_int_equal(bed_hex(bed, "00A4040C0C" IOT_AID), 0x9000);
    assert_int_equal(bed_hex(bed, "002000810839393939FFFFFFFF"), 0x9000);
    /* and it authenticates */
    assert_int_equal(bed_hex(bed, "0088008122"
                                  "1023553CBE9637A89D218AE64DAE47BF35"
                                  "10AA689C6483508000904CBB451B65DEF800"),
                     0x9000);
    assert_int_equal(bed->out.p[0], 0xDB);
    /* neither the FID of the application nor its alias is a file of the MF */
    assert_int_equal(bed_hex(bed, "00A4000C023F00"), 0x9000);
    assert_int_equal(bed_hex(bed, "00A4010C027FFF"), 0x6A82);
}

/* Files that the element states go before those of the header. */
static void test_stated(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    json_t *package = iot_json(c->server->metadata.iccid);
    json_t *files = package_element(package, IOT_FILES);
    MUST(json_object_set_new(
             files, "ef-dir",
             package_parse("[{'fileDescriptor': {'fileDescriptor': '42210014',"
                           " 'efFileSize': '28'}}, {'fillFileContent': '6105'}]")) == 0);
    MUST(json_object_set_new(files, "adf-usim",
                             package_parse("[{'fileDescriptor': {'fileID': '7FD0',"
                                           " 'dfName': 'A0000000871002AA',"
                                           " 'pinStatusTemplateDO': '010A81'}}]")) == 0);
    MUST(json_object_set_new(files, "ef-pl", package_parse("[{'doNotCreate': true}]")) == 0);
    package_insert(package, IOT_AKA, "opt-iot",
                   package_parse("{'opt-iot-header': {'mandated': true, 'identification': 20},"
                                 " 'templateID': '2.23.143.1.2.18',"
                                 " 'ef-spn': [{'fillFileContent': '01'}],"
                                 " 'df-df-5gs': [{'fileDescriptor':"
                                 " {'pinStatusTemplateDO': '01'}}],"
                                 " 'ef-routing-indicator': []}"));
    struct rsp_profile_installation_result result = scene_load(c, package);
    ASSERT_INSTALLED(result);
    assert_int_equal(bed_enable(bed, c->server->metadata.iccid, false), RSP_PROFILE_OK);
    assert_int_equal(bed_hex(bed, "00A40004022F00"), 0x9000);
    assert_int_equal(bed_hex(bed, "00B2010414"), 0x9000);
    bed_expect(bed, "6105FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
    assert_int_equal(bed_hex(bed, "00A40004022F05"), 0x6A82);
    assert_int_equal(bed_hex(bed, "00A4040C08A0000000871002AA"), 0x9000);
    assert_int_equal(bed_hex(bed, "00A4080C047FFF6F46"), 0x9000);
    assert_int_equal(bed_hex(bed, "00A4080C067FFF5FC04F0A"), 0x9000);
    assert_int_equal(bed_hex(bed, "00B0000004"), 0x9000);
    bed_expect(bed, "F0FF0000");
}

static const struct row rows[] = {
    {DROP, IOT_HEADER, "iotOptions", NULL, "!1:6", NULL, 0},
    {REMOVE, IOT_FILES, NULL, NULL, "!3:6", NULL, 0},
    {MOVE, IOT_FILES, NULL, "3", "!3:6", NULL, 0},
    {DROP, IOT_FILES, "ef-imsi", NULL, "!2:6", NULL, 0},
    {DROP, IOT_FILES, "ef-acc", NULL, "!2:6", NULL, 0},
    {SET, IOT_FILES, "templateID", "['2.23.143.1.2.99']", "!2:9", NULL, 0},
    {SET, IOT_FILES, "mf", "[{'doNotCreate': true}]", "!2:6", NULL, 0},
    {SET, IOT_FILES, "ef-iccid", "[{'fillFileContent': '98000000000000000099'}]", "!5:3", NULL,
     RSP_INSTALL_DATA_MISMATCH},
    {INSERT, IOT_PIN, "mf",
     "{'mf-header': {'mandated': true, 'identification': 77}, 'templateID': '2.23.143.1.2.1'}",
     "!77:6", NULL, 0},
    {INSERT, IOT_FILES, "mf",
     "{'mf-header': {'mandated': true, 'identification': 77}, 'templateID': '2.23.143.1.2.1'}",
     "!77:6", NULL, 0},
    {INSERT, IOT_PIN, "iot",
     "{'iot-header': {'mandated': true, 'identification': 77}, 'templateID': '2.23.143.1.2.17'}",
     "!77:6", NULL, 0},
    {INSERT, IOT_FILES, "opt-iot",
     "{'opt-iot-header': {'mandated': true, 'identification': 77},"
     " 'templateID': '2.23.143.1.2.18'}",
     "!77:6", NULL, 0},
    {REMOVE, IOT_PIN, NULL, NULL, "!5:11/1", NULL, 0},
};

static void test_rows(void **state)
{
    scene_rows(*state, iot_json, rows, CR_COUNT(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(test_files),
        WITH_SCENE(test_stated),
        WITH_SCENE(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
