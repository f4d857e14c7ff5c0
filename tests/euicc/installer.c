/*
 * The interpreter of profile packages: what each broken element is answered, warnings against
 * aborts, order, memory that is full at any moment.
 */
#include "fake_server.h"
#include "package.h"

struct scene {
    struct fake_server *server;
    struct bed *bed;
};

static int set_up(void **state)
{
    struct scene *c = calloc(1, sizeof(*c));
    MUST(c);
    c->server = fake_new(CRYPTO_P256);
    c->bed = bed_new();
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *c = *state;
    fake_free(c->server);
    bed_free(c->bed);
    free(c);
    return 0;
}

/* Downloads the package; takes the reference. */
static struct rsp_profile_installation_result load(struct scene *c, json_t *package)
{
    cr_buf upp = {0};
    struct fake_server *s = c->server;
    package_encode(package, &upp);
    s->upp = cr_buf_span(&upp);
    crypto_private_free(s->otsk);
    s->otsk = NULL;
    struct rsp_profile_installation_result result = fake_download(s, c->bed);
    s->upp = (cr_span){0};
    cr_buf_free(&upp);
    bed_check_consistent(c->bed);
    return result;
}

/* What the answers of an installation say, "4:9 12:7/1 !6:3" = warnings id:status/additional, then
 * the abort. */
static const char *answers(struct scene *c, const struct rsp_profile_installation_result *result)
{
    static char text[512];
    struct cr_err err = {0};
    rsp_euicc_response_list list;
    const struct rsp_final_result *final = &result->data.final_result;
    cr_span response = final->which == RSP_INSTALL_SUCCESS ? final->success_result.sima_response
                                                           : final->error_result.sima_response;
    size_t at = 0;
    text[0] = 0;
    MUST_OK(rsp_sima_response_decode(response, &c->bed->arena, &list, &err));
    for (size_t i = 0; i < list.count; i++) {
        for (size_t k = 0; k < list.items[i].pe_status.count; k++) {
            const struct rsp_pe_status *s = &list.items[i].pe_status.items[k];
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? " " : "",
                                   list.items[i].profile_installation_aborted ? "!" : "");
            if (s->has_identification) {
                at += (size_t)snprintf(text + at, sizeof(text) - at, "%d:", (int)s->identification);
            }
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%d", (int)s->status);
            if (s->has_additional_information) {
                at += (size_t)snprintf(text + at, sizeof(text) - at, "/%d",
                                       (int)s->additional_information);
            }
        }
    }
    return text;
}

/* Expects an abort with this reason and these answers. */
static void refused(struct scene *c, json_t *package, int64_t reason, const char *expected)
{
    struct rsp_profile_installation_result result = load(c, package);
    if (result.data.final_result.which != RSP_INSTALL_FAILURE ||
        result.data.final_result.error_result.error_reason != reason ||
        strcmp(answers(c, &result), expected) != 0) {
        fail_msg("%s instead of %d, %s", fake_result_text(&result), (int)reason, expected);
    }
    assert_int_equal(result.data.final_result.error_result.bpp_command_id,
                     RSP_BPP_LOAD_PROFILE_ELEMENTS);
    assert_int_equal(bed_profile_count(c->bed), 0);
}

/* Expects an installation with these answers, and deletes the profile. */
static void installed(struct scene *c, json_t *package, const char *expected)
{
    struct rsp_profile_installation_result result = load(c, package);
    if (result.data.final_result.which != RSP_INSTALL_SUCCESS ||
        strcmp(answers(c, &result), expected) != 0) {
        fail_msg("%s instead of %s", fake_result_text(&result), expected);
    }
    assert_int_equal(bed_delete(c->bed, c->server->metadata.iccid), RSP_PROFILE_OK);
}

/* ---- one change --------------------------------------------------------------------------------
 */

enum change {
    SET,    /* key of element n = text */
    DROP,   /* key of element n goes */
    INSERT, /* element "key": text in front of n */
    REMOVE, /* element n goes */
    MOVE    /* element n goes in front of element `to` */
};

struct row {
    enum change change;
    size_t n;
    const char *key, *text;
    const char *answer; /* when the element is mandated */
    const char *warned; /* when it is not, and the installation goes on; NULL = it is fatal anyway,
                           or there is nothing to mandate */
    int64_t reason;     /* 0 = PEProcessingError */
};

static json_t *changed(struct scene *c, const struct row *row)
{
    json_t *package = package_json(c->server->metadata.iccid);
    json_t *elements = json_object_get(package, "elements");
    switch (row->change) {
    case SET:
        MUST(json_object_set_new(package_element(package, row->n), row->key,
                                 package_parse(row->text)) == 0);
        break;
    case DROP:
        MUST(json_object_del(package_element(package, row->n), row->key) == 0);
        break;
    case INSERT:
        package_insert(package, row->n, row->key, package_parse(row->text));
        break;
    case REMOVE:
        MUST(json_array_remove(elements, row->n) == 0);
        break;
    case MOVE: {
        json_t *element = json_incref(json_array_get(elements, row->n));
        MUST(json_array_remove(elements, row->n) == 0);
        MUST(json_array_insert_new(elements, (size_t)strtoul(row->text, NULL, 10), element) == 0);
        break;
    }
    }
    return package;
}

#define PACKAGE_ELEMENT(header, rest)                                                              \
    "{'" header "': {'mandated': true, 'identification': 77}" rest "}"

/* A security domain below the MNO-SD, and a key of it. */
#define DOMAIN_AS(aid, privileges, rest, more)                                                     \
    PACKAGE_ELEMENT("sd-Header", ", 'instance': {'applicationLoadPackageAID': 'A0000001515350',"   \
                                 "'classAID': 'A000000151535041', 'instanceAID': '" aid "',"       \
                                 "'applicationPrivileges': '" privileges "',"                      \
                                 "'applicationSpecificParametersC9': ''" rest "}" more)
#define DOMAIN_WITH(more) DOMAIN_AS("A000000151000001", "80C000", "", more)
#define KEY(kvn, kid, components)                                                                  \
    "{'keyUsageQualifier': '18', 'keyIdentifier': '" kid "', 'keyVersionNumber': '" kvn "',"       \
    " 'keyCompontents': [" components "]}"
#define COMPONENT(type, value) "{'keyType': '" type "', 'keyData': '" value "'}"
#define KEY_16                 "000102030405060708090A0B0C0D0E0F"
#define RFM_AS(aid, rest)                                                                          \
    PACKAGE_ELEMENT("rfm-header", ", 'instanceAID': '" aid "', 'minimumSecurityLevel': '12',"      \
                                  "'uiccAccessDomain': '00', 'uiccAdminAccessDomain': '00'" rest)

static const struct row rows[] = {
    /* header: always fatal, without identification */
    {SET, PACKAGE_HEADER, "major-version", "[4]", "!31", NULL, 0},
    {SET, PACKAGE_HEADER, "major-version", "[1]", "!31", NULL, 0},
    {SET, PACKAGE_HEADER, "eUICC-Mandatory-services", "{'javacard': true}", "!7", NULL, 0},
    {SET, PACKAGE_HEADER, "eUICC-Mandatory-services", "{'contactless': true}", "!10", NULL, 0},
    {SET, PACKAGE_HEADER, "eUICC-Mandatory-services", "{'gba-usim': true}", "!10", NULL, 0},
    {SET, PACKAGE_HEADER, "eUICC-Mandatory-GFSTEList", "['2.23.143.1.2.99']", "!9", NULL, 0},
    {SET, PACKAGE_HEADER, "eUICC-Mandatory-AIDs", "[{'aid': 'A0000000010203', 'version': '0100'}]",
     "!8", NULL, 0},
    {SET, PACKAGE_HEADER, "iotOptions", "{'pix': '01020304050607'}", "!10", NULL, 0},
    {SET, PACKAGE_HEADER, "iccid", "['89000000000000000002']", "!3", NULL,
     RSP_INSTALL_DATA_MISMATCH},
    /* elements that this chip does not execute */
    {INSERT, PACKAGE_END, "application", PACKAGE_ELEMENT("app-Header", ""), "!77:7", "77:7 0", 0},
    {INSERT, PACKAGE_END, "nonStandard",
     PACKAGE_ELEMENT("nonStandard-header", ", 'issuerID': '2.999.1', 'content': '00'"), "!77:1",
     "77:1 0", 0},
    /* templates */
    {SET, PACKAGE_USIM, "templateID", "['2.23.143.1.2.99']", "!4:9", NULL, 0},
    {INSERT, PACKAGE_END, "telecom",
     PACKAGE_ELEMENT("telecom-header", ", 'templateID': '2.23.143.1.2.98'"), "!77:9", "77:9 0", 0},
    {DROP, PACKAGE_MF, "ef-dir", NULL, "!1:6", NULL, 0},
    {DROP, PACKAGE_USIM, "ef-imsi", NULL, "!4:6", NULL, 0},
    /* files */
    {SET, PACKAGE_USIM, "ef-imsi", "[{'fillFileContent': '08091010103254769800'}]", "!4:3", NULL,
     0},
    {SET, PACKAGE_USIM, "ef-ad", "[{'fillFileOffset': 3}, {'fillFileContent': '0002'}]", "!4:3",
     NULL, 0},
    {SET, PACKAGE_USIM, "ef-ad", "[{'fileDescriptor': {'fileID': '6F07'}}]", "!4:3", NULL, 0},
    {SET, PACKAGE_USIM, "ef-ad", "[{'fileDescriptor': {'fileDescriptor': '4321'}}]", "!4:3", NULL,
     0},
    {SET, PACKAGE_USIM, "ef-ad", "[{'fileDescriptor': {'linkPath': '7FFF6F01'}}]", "!4:6", NULL, 0},
    {SET, PACKAGE_GFM, "fileManagementCMD", "[[{'filePath': '6F99'}]]", "!7:6", "7:6 0", 0},
    {SET, PACKAGE_GFM, "fileManagementCMD", "[[{'fillFileContent': '00'}]]", "!7:6", "7:6 0", 0},
    {SET, PACKAGE_GFM, "fileManagementCMD",
     "[[{'createFCP': {'fileDescriptor': '4121', 'fileID': '2F10', 'efFileSize': '02',"
     "   'securityAttributesReferenced': '01'}},"
     "  {'createFCP': {'fileDescriptor': '4121', 'fileID': '2F10', 'efFileSize': '02',"
     "   'securityAttributesReferenced': '01'}}]]",
     "!7:3", "7:3 0", 0},
    /* codes and keys */
    {SET, PACKAGE_PIN, "pinCodes", "{'filePath': '7F99'}", "!3:6", NULL, 0},
    {REMOVE, PACKAGE_PIN, NULL, NULL, "!10:11/1", NULL, 0},
    {REMOVE, PACKAGE_USIM_PIN, NULL, NULL, "!10:11/129", NULL, 0},
    {SET, PACKAGE_AKA, "algoConfiguration",
     "{'algoParameter': {'algorithmID': 'milenage', 'algorithmOptions': '01',"
     " 'key': '0001020304', 'opc': '" PACKAGE_OPC "'}}",
     "!6:3", "6:3 0", 0},
    {SET, PACKAGE_AKA, "algoConfiguration",
     "{'algoParameter': {'algorithmID': 'milenage', 'algorithmOptions': '01',"
     " 'key': '" PACKAGE_K "', 'opc': '00'}}",
     "!6:3", "6:3 0", 0},
    {SET, PACKAGE_AKA, "algoConfiguration",
     "{'algoParameter': {'algorithmID': 9, 'algorithmOptions': '01',"
     " 'key': '" PACKAGE_K "', 'opc': '" PACKAGE_OPC "'}}",
     "!6:10", "6:10 0", 0},
    {SET, PACKAGE_AKA, "algoConfiguration",
     "{'mappingParameter': {'mappingOptions': '06', 'mappingSource': 'A0000000871004'}}", "!6:3",
     "6:3 0", 0},
    /* order */
    {REMOVE, PACKAGE_HEADER, NULL, NULL, "!1:6", NULL, 0},
    {REMOVE, PACKAGE_MF, NULL, NULL, "!2:6", NULL, 0},
    {MOVE, PACKAGE_MF, NULL, "4", "!2:6", NULL, 0},
    {MOVE, PACKAGE_AKA, NULL, "3", "!6:6", NULL, 0},
    {MOVE, PACKAGE_RFM, NULL, "2", "!9:6", NULL, 0},
    {MOVE, PACKAGE_USIM, NULL, "1", "!4:6", NULL, 0},
    {INSERT, PACKAGE_PIN, "pukCodes",
     PACKAGE_ELEMENT("puk-Header",
                     ", 'pukCodes': [{'keyReference': 2, 'pukValue': '3132333435363738'}]"),
     "!77:6", NULL, 0},
    {INSERT, PACKAGE_USIM, "opt-usim",
     PACKAGE_ELEMENT("optusim-header", ", 'templateID': '2.23.143.1.2.5'"), "!77:6", NULL, 0},
    {INSERT, PACKAGE_END, "end", "{'end-header': {'mandated': true, 'identification': 90}}", "!5",
     NULL, 0},
    {SET, PACKAGE_RFM, "rfm-header", "{'mandated': true, 'identification': 8}", "!8:6", NULL, 0},
    /* the ICCID of the file */
    {SET, PACKAGE_MF, "ef-iccid", "[{'fillFileContent': '98000000000000000099'}]", "!10:3", NULL,
     RSP_INSTALL_DATA_MISMATCH},
    /* security domains: the second one needs a personalized first one */
    {INSERT, PACKAGE_RFM, "securityDomain",
     PACKAGE_ELEMENT("sd-Header",
                     ", 'instance': {'applicationLoadPackageAID': 'A0000001515350',"
                     "'classAID': 'A000000151535041', 'instanceAID': 'A000000151000001',"
                     "'applicationPrivileges': '82DC00',"
                     "'applicationSpecificParametersC9': '8102'}"),
     NULL, "0", 0},
    {SET, PACKAGE_SD, "instance",
     "{'applicationLoadPackageAID': 'A0000001515350', 'classAID': 'A000000151535041',"
     " 'instanceAID': 'A000000151000000', 'applicationPrivileges': '82DC00',"
     " 'applicationSpecificParametersC9': ''}",
     "!9:6", NULL, 0},
    {SET, PACKAGE_SD, "instance",
     "{'applicationLoadPackageAID': 'A0000001515350', 'classAID': 'A000000151535041',"
     " 'instanceAID': 'A000000151000000', 'applicationPrivileges': '82DC00',"
     " 'extraditeSecurityDomainAID': 'A000000151000009', 'lifeCycleState': '0F',"
     " 'applicationSpecificParametersC9': ''}",
     "!8:6", NULL, 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_AS("A000000151000001", "80C000", ", 'extraditeSecurityDomainAID': 'A000000151000009'",
               ""),
     "!77:6", NULL, 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_AS("A000000151000000", "80C000", "", ""),
     "!77:3", "77:3 0", 0}, /* the AID is the MNO-SD's */
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_AS("A000000151000001", "00C000", "", ""),
     "!77:3", "77:3 0", 0}, /* no domain */
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_AS("A000000151000001", "80C0", "", ""), "!77:3",
     "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_AS("A000000151000001", "80C000", ", 'lifeCycleState': '83'", ""), "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_AS("A000000151000001", "80C000",
               ", 'applicationParameters':"
               " {'uiccToolkitApplicationSpecificParametersField': '0100000000020102'}",
               ""),
     NULL, "0", 0}, /* as older packages end it */
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_AS("A000000151000001", "80C000",
               ", 'applicationParameters':"
               " {'uiccToolkitApplicationSpecificParametersField': '010000000002010203B201'}",
               ""),
     "!77:3", "77:3 0", 0},
    /* keys */
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("01", "01", COMPONENT("88", KEY_16)) "," KEY(
         "01", "02", COMPONENT("85", KEY_16)) "]"),
     NULL, "0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("01", "01", COMPONENT("88", KEY_16)) "," KEY(
         "01", "01", COMPONENT("80", KEY_16)) "]"),
     "!77:3", "77:3 0", 0}, /* version and identifier twice */
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("01", "01", COMPONENT("A1", KEY_16)) "]"), "!77:10",
     "77:10 0", 0}, /* RSA */
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("01", "01", COMPONENT("B0", KEY_16)) "]"), "!77:10",
     "77:10 0", 0}, /* ECC */
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(
         ", 'keyList': [" KEY("01", "01", COMPONENT("88", KEY_16) "," COMPONENT("88", KEY_16)) "]"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(
         ", 'keyList': [" KEY("01", "01", COMPONENT("88", KEY_16) "," COMPONENT("80", KEY_16)) "]"),
     "!77:10", "77:10 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("01", "01", COMPONENT("88", "000102")) "]"), "!77:3",
     "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'keyList': [" KEY("01", "01", "") "]"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("00", "01", COMPONENT("88", KEY_16)) "]"), "!77:3", "77:3 0",
     0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("80", "01", COMPONENT("88", KEY_16)) "]"), "!77:3", "77:3 0",
     0},
    /* what STORE DATA would bring */
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'sdPersoData': ['0070054203A1A2A3']"),
     NULL, "0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'sdPersoData': ['0070044203A1A2']"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'sdPersoData': ['0070064203A1A2A3']"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'sdPersoData': ['0070']"), "!77:3",
     "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'sdPersoData': ['3A0603810103']"),
     "!77:10", "77:10 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'openPersoData': {'restrictParameter': '01'}"), "!77:6", "77:6 0", 0},
    {SET, PACKAGE_SD, "openPersoData", "{'restrictParameter': '01'}", NULL, "0", 0},
    {SET, PACKAGE_SD, "catTpParameters", "{'catTpMaxSduSize': 1024, 'catTpMaxPduSize': 512}", NULL,
     "0", 0},
    /* remote file management: AID and TAR are its own, ADF and domain exist */
    {INSERT, PACKAGE_END, "rfm", RFM_AS("A00000055910100001", ", 'tarList': ['B00121']"), "!77:3",
     "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm", RFM_AS("A00000055910100009", ", 'tarList': ['B00120']"), "!77:3",
     "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm", RFM_AS("A00000055910100009", ", 'tarList': ['B00121', 'B00121']"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm", RFM_AS("A00000055910100009", ""), "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm", RFM_AS("A0000005591010FFFFFFFF89B0012200", ""), NULL, "0", 0},
    {INSERT, PACKAGE_END, "rfm",
     RFM_AS("A00000055910100009",
            ", 'tarList': ['B00121'], 'securityDomainAID': 'A000000151000009'"),
     "!77:6", NULL, 0},
    {INSERT, PACKAGE_END, "rfm",
     RFM_AS("A00000055910100009",
            ", 'tarList': ['B00121'], 'adfRFMAccess': {'adfAID': 'A0000000871009',"
            " 'adfAccessDomain': '00', 'adfAdminAccessDomain': '00'}"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm",
     RFM_AS("A00000055910100009",
            ", 'tarList': ['B00121'], 'adfRFMAccess': {'adfAID': '" PACKAGE_USIM_AID "',"
            " 'adfAccessDomain': '0200', 'adfAdminAccessDomain': '00'}"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm",
     RFM_AS("A00000055910100009",
            ", 'tarList': ['B00121'], 'adfRFMAccess': {'adfAID': '" PACKAGE_USIM_AID "',"
            " 'adfAccessDomain': '02010203', 'adfAdminAccessDomain': 'FF'}"),
     NULL, "0", 0},
    {SET, PACKAGE_RFM, "uiccAccessDomain", "['01']", "!9:3", NULL, 0},
};

static void test_rows(void **state)
{
    struct scene *c = *state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct row fixed = *row;
        char text[1024];
        if (row->change == SET && row->text[0] == '[' &&
            (strcmp(row->key, "major-version") == 0 || strcmp(row->key, "iccid") == 0 ||
             strcmp(row->key, "templateID") == 0 || strcmp(row->key, "uiccAccessDomain") == 0)) {
            /* jansson reads no bare values: they come in a list of one */
            json_t *package = package_json(c->server->metadata.iccid);
            json_t *list = package_parse(row->text);
            MUST(json_object_set(package_element(package, row->n), row->key,
                                 json_array_get(list, 0)) == 0);
            json_decref(list);
            refused(c, package, row->reason ? row->reason : RSP_INSTALL_PE_PROCESSING_ERROR,
                    row->answer);
            continue;
        }
        if (row->answer) {
            refused(c, changed(c, row), row->reason ? row->reason : RSP_INSTALL_PE_PROCESSING_ERROR,
                    row->answer);
        }
        if (row->warned && row->change == INSERT) {
            const char *mandated = strstr(row->text, "'mandated': true, ");
            MUST(mandated);
            (void)snprintf(text, sizeof(text), "%.*s%s", (int)(mandated - row->text), row->text,
                           mandated + strlen("'mandated': true, "));
            fixed.text = text;
            installed(c, changed(c, &fixed), row->warned);
        } else if (row->warned) {
            json_t *package = changed(c, row);
            package_mandate(package, row->n, false);
            installed(c, package, row->warned);
        }
    }
    installed(c, package_json(c->server->metadata.iccid), "0");
}

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
    struct rsp_profile_installation_result result = load(c, package);
    ASSERT_INSTALLED(result);
    assert_string_equal(answers(c, &result), "70:3 0");
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
        assert_string_equal(answers(c, &result), round ? "10:6 0" : "!10:6");
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
        struct row row = {
            .change = SET, .n = PACKAGE_AKA, .key = "algoConfiguration", .text = text};
        c.server->metadata.profile_class = cases[i].profile_class;
        if (cases[i].fine) {
            installed(&c, changed(&c, &row), "0");
        } else {
            refused(&c, changed(&c, &row), RSP_INSTALL_TEST_PROFILE_INVALID_NAA_KEY, "!6:3");
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
        load(c, package_json(c->server->metadata.iccid));
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

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(test_rows),
        WITH_SCENE(test_undone_elements),
        WITH_SCENE(test_unknown_components),
        cmocka_unit_test(test_strict_test_keys),
        WITH_SCENE(test_memory_full),
        WITH_SCENE(test_memory_full_of_notifications),
        WITH_SCENE(test_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
