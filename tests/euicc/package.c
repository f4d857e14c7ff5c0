#include "package.h"

#include "profile/package_json.h"

#include <strings.h>

static const char text[] =
    "{'elements': ["
    "{'header': {'major-version': 2, 'minor-version': 3, 'profileType': 'small',"
    "  'iccid': '89000000000000000000',"
    "  'eUICC-Mandatory-services': {'usim': true, 'milenage': true},"
    "  'eUICC-Mandatory-GFSTEList': ['2.23.143.1.2.1', '2.23.143.1.2.4']}},"
    "{'mf': {'mf-header': {'mandated': true, 'identification': 1},"
    "  'templateID': '2.23.143.1.2.1',"
    "  'mf': [{'fileDescriptor': {'pinStatusTemplateDO': '010A'}}],"
    "  'ef-iccid': [{'fillFileContent': '98000000000000000000'}],"
    "  'ef-dir': [{'fileDescriptor': {'fileDescriptor': '42210020', 'efFileSize': '40'}},"
    "             {'fillFileContent': '61124F0CA0000000871002FF49FF05895002551234'}],"
    "  'ef-arr': [{'fileDescriptor': {'fileDescriptor': '42210028', 'efFileSize': '0230',"
    "              'proprietaryEFInfo': {'fillPattern':"
    "                                    '800101900080015AA40683010A950108FF'}}}]}},"
    "{'pukCodes': {'puk-Header': {'mandated': true, 'identification': 2},"
    "  'pukCodes': [{'keyReference': 1, 'pukValue': '3132333435363738'}]}},"
    "{'pinCodes': {'pin-Header': {'mandated': true, 'identification': 3},"
    "  'pinCodes': {'pinconfig': ["
    "    {'keyReference': 1, 'pinValue': '31323334FFFFFFFF', 'unblockingPINReference': 1,"
    "     'pinAttributes': 6},"
    "    {'keyReference': 10, 'pinValue': '3535353535353535', 'pinAttributes': 3}]}}},"
    "{'usim': {'usim-header': {'mandated': true, 'identification': 4},"
    "  'templateID': '2.23.143.1.2.4',"
    "  'adf-usim': [{'fileDescriptor': {'fileID': '7FD0', 'dfName': '" PACKAGE_USIM_AID "',"
    "                'pinStatusTemplateDO': '01810A'}}],"
    "  'ef-imsi': [{'fillFileContent': '080910101032547698'}],"
    "  'ef-arr': [{'fileDescriptor': {'fileDescriptor': '42210028', 'efFileSize': '0230',"
    "              'proprietaryEFInfo': {'fillPattern':"
    "                                    '800101900080015AA40683010A950108FF'}}}],"
    "  'ef-ust': [{'fillFileContent': '0200000000000000000000000000'}],"
    "  'ef-spn': [{'fillFileContent': '014372697370'}],"
    "  'ef-est': [{'fillFileContent': '00'}],"
    "  'ef-acc': [{'fillFileContent': '0001'}],"
    "  'ef-ecc': [{'fillFileContent': '11F2FF00'}]}},"
    "{'pinCodes': {'pin-Header': {'mandated': true, 'identification': 5},"
    "  'pinCodes': {'pinconfig': ["
    "    {'keyReference': 129, 'pinValue': '39393939FFFFFFFF', 'pinAttributes': 3}]}}},"
    "{'akaParameter': {'aka-header': {'mandated': true, 'identification': 6},"
    "  'algoConfiguration': {'algoParameter': {'algorithmID': 'milenage',"
    "    'algorithmOptions': '01', 'key': '" PACKAGE_K "', 'opc': '" PACKAGE_OPC "'}}}},"
    "{'genericFileManagement': {'gfm-header': {'mandated': true, 'identification': 7},"
    "  'fileManagementCMD': [[{'filePath': ''},"
    "    {'createFCP': {'fileDescriptor': '4121', 'fileID': '2FFC',"
    "                   'securityAttributesReferenced': '01', 'efFileSize': '08'}},"
    "    {'fillFileOffset': 2}, {'fillFileContent': '0102'}]]}},"
    "{'securityDomain': {'sd-Header': {'mandated': true, 'identification': 8},"
    "  'instance': {'applicationLoadPackageAID': 'A0000001515350',"
    "    'classAID': 'A000000151535041', 'instanceAID': 'A000000151000000',"
    "    'applicationPrivileges': '82DC00', 'lifeCycleState': '0F',"
    "    'applicationSpecificParametersC9': '810280008201F0'}}},"
    "{'rfm': {'rfm-header': {'mandated': true, 'identification': 9},"
    "  'instanceAID': 'A00000055910100001', 'tarList': ['B00120'], 'minimumSecurityLevel': '12',"
    "  'uiccAccessDomain': '00', 'uiccAdminAccessDomain': '00'}},"
    "{'end': {'end-header': {'mandated': true, 'identification': 10}}}"
    "]}";

json_t *package_parse(const char *single_quoted)
{
    json_error_t error;
    size_t n = strlen(single_quoted);
    char *copy = malloc(n + 1);
    MUST(copy);
    for (size_t i = 0; i <= n; i++) {
        copy[i] = (char)(single_quoted[i] == '\'' ? '"' : single_quoted[i]);
    }
    json_t *json = json_loads(copy, 0, &error);
    if (!json) {
        (void)fprintf(stderr, "%s at %d\n", error.text, error.position);
    }
    MUST(json);
    free(copy);
    return json;
}

json_t *package_json(cr_span iccid)
{
    char plain[2 * RSP_ICCID + 1] = {0};
    char swapped[2 * RSP_ICCID + 1] = {0};
    json_t *package = package_parse(text);
    MUST(iccid.n == RSP_ICCID);
    (void)cr_hex_into(swapped, sizeof(swapped), iccid);
    for (size_t i = 0; i < sizeof(plain) - 1; i += 2) {
        plain[i] = swapped[i + 1];
        plain[i + 1] = swapped[i];
    }
    MUST(json_object_set_new(package_element(package, PACKAGE_HEADER), "iccid",
                             json_string(plain)) == 0);
    MUST(json_object_set_new(json_array_get(package_file(package, PACKAGE_MF, "ef-iccid"), 0),
                             "fillFileContent", json_string(swapped)) == 0);
    return package;
}

json_t *package_element(json_t *package, size_t n)
{
    json_t *element = json_array_get(json_object_get(package, "elements"), n);
    MUST(json_object_size(element) == 1);
    return json_object_iter_value(json_object_iter(element));
}

json_t *package_file(json_t *package, size_t n, const char *name)
{
    json_t *file = json_object_get(package_element(package, n), name);
    MUST(file);
    return file;
}

void package_mandate(json_t *package, size_t n, bool mandated)
{
    json_t *element = package_element(package, n);
    const char *name;
    json_t *value;
    json_object_foreach(element, name, value)
    {
        const char *end = strrchr(name, '-');
        if (end && strcasecmp(end, "-header") == 0) {
            if (mandated) {
                MUST(json_object_set_new(value, "mandated", json_true()) == 0);
            } else {
                (void)json_object_del(value, "mandated");
            }
            return;
        }
    }
    MUST(false);
}

void package_insert(json_t *package, size_t n, const char *name, json_t *body)
{
    json_t *element = json_object();
    MUST(json_object_set_new(element, name, body) == 0);
    MUST(json_array_insert_new(json_object_get(package, "elements"), n, element) == 0);
}

void package_encode(json_t *package, cr_buf *out)
{
    struct cr_err err = {0};
    cr_arena arena = {0};
    struct profile_package decoded;
    MUST_OK(profile_package_from_json(package, &arena, &decoded, &err));
    MUST_OK(profile_package_encode(&decoded, out, &err));
    cr_arena_free(&arena);
    json_decref(package);
}

void package_small(cr_span iccid, cr_buf *out)
{
    package_encode(package_json(iccid), out);
}
