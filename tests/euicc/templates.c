/*
 * Every file of every template on a chip: an element with all its members, each with no more than
 * the template asks for, is what the template says.
 */
#include "compare.h"
#include "scene.h"

#include "profile/template.h"

#define RECORD 20 /* bytes of a record where the template leaves it open */

/* Files that this chip leaves out (MBMS). */
static bool left_out(const struct profile_template *t, const struct profile_template_member *row)
{
    return t->kind == PROFILE_OPT_USIM && (row->fid == 0x6FD7 || row->fid == 0x6FD8);
}

static void put(json_t *object, const char *name, const char *value)
{
    MUST(json_object_set_new(object, name, json_string(value)) == 0);
}

static void put_geometry(json_t *fcp, const struct profile_template_member *row)
{
    char text[16];
    if (row->type == PROFILE_TYPE_LF || row->type == PROFILE_TYPE_CY) {
        unsigned record = row->size ? row->size : RECORD;
        if (!row->size) {
            (void)snprintf(text, sizeof(text), "%02X21%04X",
                           profile_type_descriptor((enum profile_file_type)row->type), record);
            put(fcp, "fileDescriptor", text);
        }
        if (!row->records) {
            (void)snprintf(text, sizeof(text), "%04X", 2 * record);
            put(fcp, "efFileSize", text);
        }
    } else if (!row->size) {
        put(fcp, "efFileSize", "20");
    }
}

/* The items of one member: an Fcp, and content where the template has none. */
static json_t *items_of(const struct profile_template_member *row, const char *aid)
{
    json_t *items = json_array(), *item = json_object(), *fcp = json_object();
    if (profile_type_is_df((enum profile_file_type)row->type)) {
        put(fcp, "pinStatusTemplateDO", "010A");
        if (row->type == PROFILE_TYPE_ADF) {
            put(fcp, "dfName", aid);
        }
        if (row->must & PROFILE_MUST_FID) {
            put(fcp, "fileID", row->type == PROFILE_TYPE_ADF ? "7FE0" : "5F77");
        }
    } else {
        put_geometry(fcp, row);
        if (row->must & PROFILE_MUST_SFI) {
            put(fcp, "shortEFID", "");
        }
        if (row->fid == 0x6F38) { /* EF.UST: no services, as the chip clears some */
            MUST(json_object_set_new(fcp, "proprietaryEFInfo",
                                     package_parse("{'fillPattern': '00'}")) == 0);
        }
    }
    MUST(json_object_set_new(item, "fileDescriptor", fcp) == 0);
    MUST(json_array_append_new(items, item) == 0);
    if (row->must & PROFILE_MUST_CONTENT) {
        json_t *content = json_object();
        put(content, "fillFileContent", row->type == PROFILE_TYPE_BT ? "8000" : "00");
        MUST(json_array_append_new(items, content) == 0);
    }
    return items;
}

/* {"<kind>-header": ..., "templateID": ..., all members} */
static json_t *element_of(const struct profile_template *t, int id, const char *aid)
{
    char oid[DER_OID_TEXT], header[64];
    uint8_t bytes[PROFILE_TEMPLATE_OID];
    struct cr_err err = {0};
    json_t *element = json_object();
    const char *name = t->kind == PROFILE_OPT_USIM   ? "optusim"
                       : t->kind == PROFILE_OPT_ISIM ? "optisim"
                       : t->kind == PROFILE_OPT_CSIM
                           ? "optcsim"
                           : profile_kind_name((enum profile_element_kind)t->kind);
    (void)snprintf(header, sizeof(header), "%s-header", name);
    MUST_OK(der_oid_text(profile_template_oid(t, bytes), oid, &err));
    json_t *pe = json_object();
    MUST(json_object_set_new(pe, "mandated", json_true()) == 0);
    MUST(json_object_set_new(pe, "identification", json_integer(id)) == 0);
    MUST(json_object_set_new(element, header, pe) == 0);
    put(element, "templateID", oid);
    for (unsigned m = 2; m < 2U + t->count; m++) {
        const struct profile_template_member *row = profile_template_member(t, m);
        if (!left_out(t, row)) {
            MUST(json_object_set_new(element, row->name, items_of(row, aid)) == 0);
        }
    }
    return element;
}

static const struct profile_template *first_of(enum profile_element_kind kind)
{
    for (size_t i = 0; i < profile_template_count; i++) {
        if (profile_templates[i].kind == kind) {
            return &profile_templates[i];
        }
    }
    MUST(false);
    return NULL;
}

/* What a template needs before it, in front of the small package's security domain. */
static void put_base(json_t *package, const struct profile_template *t, size_t *at)
{
    bool isim = t->base == PROFILE_BASE_ISIM, csim = t->base == PROFILE_BASE_CSIM;
    if (isim || csim) {
        enum profile_element_kind kind = isim ? PROFILE_ISIM : PROFILE_CSIM;
        package_insert(package, (*at)++, profile_kind_name(kind),
                       element_of(first_of(kind), 100, "A000000001"));
    }
}

static json_t *package_with(struct scene *c, const struct profile_template *t)
{
    json_t *package = package_json(c->server->metadata.iccid);
    size_t at = PACKAGE_SD;
    json_t *elements = json_object_get(package, "elements");
    if (t->kind == PROFILE_MF) {
        char iccid[2 * RSP_ICCID + 1];
        json_t *mf = element_of(t, 1, NULL);
        (void)cr_hex_into(iccid, sizeof(iccid), c->server->metadata.iccid);
        put(json_array_get(json_object_get(mf, "ef-iccid"), 1), "fillFileContent", iccid);
        MUST(json_array_remove(elements, PACKAGE_MF) == 0);
        package_insert(package, PACKAGE_MF, "mf", mf);
    } else if (t->kind == PROFILE_USIM) {
        MUST(json_array_remove(elements, PACKAGE_USIM) == 0);
        package_insert(package, PACKAGE_USIM, "usim", element_of(t, 4, PACKAGE_USIM_AID));
    } else {
        put_base(package, t, &at);
        package_insert(package, at, profile_kind_name((enum profile_element_kind)t->kind),
                       element_of(t, 101, "A000000002"));
    }
    return package;
}

static json_t *iot_with(struct scene *c, const struct profile_template *t)
{
    char swapped[2 * RSP_ICCID + 1], plain[2 * RSP_ICCID + 1] = {0};
    json_t *package = package_parse(
        "{'elements': ["
        "{'header': {'major-version': 3, 'minor-version': 3, 'iccid': '',"
        "  'eUICC-Mandatory-services': {}, 'eUICC-Mandatory-GFSTEList': [],"
        "  'iotOptions': {'pix': '1002FF49FF0589'}}},"
        "{'pinCodes': {'pin-Header': {'mandated': true, 'identification': 3},"
        "  'pinCodes': {'pinconfig': [{'keyReference': 1, 'pinValue': '31323334FFFFFFFF'},"
        "    {'keyReference': 10, 'pinValue': '3535353535353535'}]}}},"
        "{'end': {'end-header': {'mandated': true, 'identification': 5}}}]}");
    (void)cr_hex_into(swapped, sizeof(swapped), c->server->metadata.iccid);
    for (size_t i = 0; i < 2 * RSP_ICCID; i += 2) {
        plain[i] = swapped[i + 1];
        plain[i + 1] = swapped[i];
    }
    put(package_element(package, 0), "iccid", plain);
    json_t *iot = element_of(first_of(PROFILE_IOT), 1, "A0000000871002FF49FF0589");
    package_insert(package, 1, "iot", iot);
    if (t->kind == PROFILE_OPT_IOT) {
        package_insert(package, 3, "opt-iot", element_of(t, 2, NULL));
    }
    return package;
}

static void test_templates(void **state)
{
    struct scene *c = *state;
    for (size_t i = 0; i < profile_template_count; i++) {
        const struct profile_template *t = &profile_templates[i];
        bool iot = t->kind == PROFILE_IOT || t->kind == PROFILE_OPT_IOT;
        cr_buf upp = {0};
        package_encode(iot ? iot_with(c, t) : package_with(c, t), &upp);
        struct rsp_profile_installation_result result = scene_load_bytes(c, cr_buf_span(&upp));
        if (result.data.final_result.which != RSP_INSTALL_SUCCESS ||
            strcmp(scene_answers(c, &result), "0") != 0) {
            fail_msg("%s: %s (%s)", t->name, fake_result_text(&result), scene_answers(c, &result));
        }
        size_t files = compare_with_package(c->bed, cr_buf_span(&upp));
        print_message("%s: %zu files\n", t->name, files);
        assert_true(files >= t->count - (t->kind == PROFILE_OPT_USIM ? 2U : 0U));
        assert_int_equal(bed_delete(c->bed, c->server->metadata.iccid), RSP_PROFILE_OK);
        cr_buf_free(&upp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(test_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
