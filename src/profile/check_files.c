/*
 * Access rules, identities, tables and services: what the files of a package say together.
 */
#include "base/text.h"
#include "profile/check.h"

#define PATH_TEXT 160

struct files {
    const struct profile_package *package;
    const struct profile_tree *tree;
    const struct profile_reporter *reporter;
};

static const char *path_of(const struct files *f, size_t node, char out[PATH_TEXT])
{
    return profile_tree_name(f->tree, node, out, PATH_TEXT);
}

/* ------------------------------------------------------------------ access rules */

#define AM_FIRST 0x80
#define AM_LAST  0x8F

static bool is_condition(uint32_t tag)
{
    return tag == 0x90 || tag == 0x97 || tag == 0x9E || tag == 0xA4 || tag == 0xA0 || tag == 0xAF ||
           tag == 0xB4 || tag == 0xB6 || tag == 0xB8;
}

/* Access modes and conditions in turn, FF behind them. A proprietary mode (9C) is taken, too. */
static bool rule_is_good(cr_span rule)
{
    struct der_tlv tlv;
    bool condition = false;
    size_t pairs = 0;
    while (rule.n > 0 && rule.p[0] != 0xFF) {
        if (der_next(&rule, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            return false;
        }
        bool mode = (tlv.tag >= AM_FIRST && tlv.tag <= AM_LAST) || tlv.tag == 0x9C;
        if (condition ? !is_condition(tlv.tag) : !mode) {
            return false;
        }
        pairs += condition;
        condition = !condition;
    }
    return pairs > 0 && !condition;
}

static void check_access_rule(const struct files *f, size_t node)
{
    char path[PATH_TEXT];
    const struct profile_node *n = &f->tree->nodes[node];
    size_t arr = profile_tree_arr(f->tree, node);
    cr_span rule = profile_tree_rule(f->tree, node);
    if (arr == PROFILE_NO_NODE) {
        profile_report(f->reporter, PROFILE_RULE_ARR_MISSING, n->element, path_of(f, node, path),
                       "no EF.ARR %04X", profile_arr_fid(&n->file, n->parent == f->tree->mf));
    } else if (rule.n > 0 && rule.p[0] == 0xFF) {
        profile_report(f->reporter, PROFILE_RULE_ARR_EMPTY, n->element, path_of(f, node, path),
                       "record %u of EF.ARR %04X is empty", n->file.arr_record,
                       f->tree->nodes[arr].file.fid);
    } else if (rule.n == 0) {
        profile_report(f->reporter, PROFILE_RULE_ARR_MISSING, n->element, path_of(f, node, path),
                       "EF.ARR %04X has no record %u", f->tree->nodes[arr].file.fid,
                       n->file.arr_record);
    } else if (!rule_is_good(rule)) {
        profile_report(f->reporter, PROFILE_RULE_ARR_RULE, n->element, path_of(f, node, path),
                       "record %u of EF.ARR %04X is broken", n->file.arr_record,
                       f->tree->nodes[arr].file.fid);
    }
}

/* Each rule once, however many files refer to it. */
static cr_status check_access_rules(const struct files *f, cr_arena *arena, struct cr_err *err)
{
    const struct profile_tree *t = f->tree;
    size_t *arr = cr_arena_alloc_array(arena, t->count, sizeof(size_t));
    if (!arr) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < t->count; i++) {
        bool seen = false;
        arr[i] = profile_tree_arr(t, i);
        for (size_t k = 0; k < i && !seen; k++) {
            seen = arr[k] == arr[i] && arr[i] != PROFILE_NO_NODE &&
                   t->nodes[k].file.arr_record == t->nodes[i].file.arr_record;
        }
        if (!seen) {
            check_access_rule(f, i);
        }
    }
    return CR_OK;
}

/* ------------------------------------------------------------------ header and files */

static const struct profile_header *header_of(const struct profile_package *package)
{
    return package->count > 0 && package->elements[0].kind == PROFILE_HEADER
               ? &package->elements[0].profile_header
               : NULL;
}

static void check_iccid(const struct files *f, const struct profile_header *header)
{
    char stated[PROFILE_ICCID_TEXT];
    char held[PROFILE_ICCID_TEXT];
    size_t node = profile_tree_path(f->tree, cr_span_of("\x2F\xE2", 2));
    if (node == PROFILE_NO_NODE || !header) {
        return;
    }
    profile_iccid_plain_text(header->iccid, stated);
    profile_iccid_text(profile_tree_content(f->tree, &f->tree->nodes[node]), held);
    if (*stated && strcmp(stated, held) != 0) {
        profile_report(f->reporter, PROFILE_RULE_ICCID_MISMATCH, f->tree->nodes[node].element,
                       f->tree->nodes[node].name, "%s, and %s in the header",
                       *held ? held : "no digits", stated);
    }
}

/* Services that an element cannot do without. */
static void needs_service(const struct files *f, const struct profile_header *header, size_t i,
                          int service)
{
    if (f->package->elements[i].header.mandated && !header->services[service]) {
        profile_report(f->reporter, PROFILE_RULE_SERVICE_UNLISTED, i, NULL, "%s",
                       profile_service_name(service));
    }
}

static int aka_service(const struct profile_aka_algorithm *a)
{
    switch (a->algorithm_id) {
    case PROFILE_AKA_MILENAGE:
        return PROFILE_SERVICE_MILENAGE;
    case PROFILE_AKA_TUAK:
        return a->key.n == 32 ? PROFILE_SERVICE_TUAK256 : PROFILE_SERVICE_TUAK128;
    case PROFILE_AKA_TEST:
        return PROFILE_SERVICE_USIM_TEST_ALGORITHM;
    default:
        return -1;
    }
}

static int element_service(const struct profile_element *e)
{
    if (e->kind == PROFILE_AKA) {
        return e->aka.algo_configuration.which == PROFILE_AKA_OWN
                   ? aka_service(&e->aka.algo_configuration.algo_parameter)
                   : -1;
    }
    return e->kind == PROFILE_USIM   ? PROFILE_SERVICE_USIM
           : e->kind == PROFILE_IOT  ? PROFILE_SERVICE_USIM
           : e->kind == PROFILE_ISIM ? PROFILE_SERVICE_ISIM
           : e->kind == PROFILE_CSIM ? PROFILE_SERVICE_CSIM
           : e->kind == PROFILE_CDMA ? PROFILE_SERVICE_CAVE
           : e->kind == PROFILE_EAP  ? PROFILE_SERVICE_EAP
                                     : -1;
}

static bool gfste_lists(const struct profile_header *header, cr_span oid)
{
    for (size_t i = 0; i < header->gfste_list.count; i++) {
        if (cr_span_equal(header->gfste_list.items[i], oid)) {
            return true;
        }
    }
    return false;
}

static void check_services(const struct files *f, const struct profile_header *header)
{
    for (size_t i = 0; i < f->package->count; i++) {
        const struct profile_element *e = &f->package->elements[i];
        int service = element_service(e);
        if (service >= 0) {
            needs_service(f, header, i, service);
        }
        if (profile_kind_has_files(e->kind) && e->header.mandated &&
            !gfste_lists(header, e->fs.template_id)) {
            char oid[DER_OID_TEXT];
            bool named = der_oid_text(e->fs.template_id, oid, NULL) == CR_OK;
            profile_report(f->reporter, PROFILE_RULE_TEMPLATE_UNLISTED, i, NULL, "%s",
                           named ? oid : "an OID that is none");
        }
    }
    size_t ber_tlv = PROFILE_NO_NODE; /* one report for an element is enough */
    size_t df_link = PROFILE_NO_NODE;
    for (size_t i = 0; i < f->tree->count; i++) {
        const struct profile_node *n = &f->tree->nodes[i];
        if (n->file.type == PROFILE_TYPE_BT && ber_tlv != n->element) {
            ber_tlv = n->element;
            needs_service(f, header, n->element, PROFILE_SERVICE_BER_TLV);
        }
        if (n->file.is_link && profile_type_is_df(n->file.type) && df_link != n->element) {
            df_link = n->element;
            needs_service(f, header, n->element, PROFILE_SERVICE_DFLINK);
        }
    }
}

/* ------------------------------------------------------------------ contents */

static void check_imsi(const struct files *f, size_t adf)
{
    char text[PROFILE_IMSI_TEXT];
    uint8_t again[PROFILE_IMSI];
    size_t node = profile_tree_child(f->tree, adf, 0x6F07);
    if (node == PROFILE_NO_NODE) {
        return;
    }
    const struct profile_node *n = &f->tree->nodes[node];
    cr_span content = profile_tree_content(f->tree, n);
    cr_span digits = cr_span_str(profile_imsi_text(content, text));
    if (profile_imsi_encode(digits, again, NULL) != CR_OK ||
        !cr_span_equal(cr_span_sub(content, 0, PROFILE_IMSI), CR_SPAN_ARRAY(again))) {
        profile_report(f->reporter, PROFILE_RULE_IMSI, n->element, n->name,
                       "no IMSI, or not as "
                       "it is coded");
    }
}

static bool is_below(const struct profile_tree *t, size_t node, size_t df)
{
    while (node != PROFILE_NO_NODE && node != df) {
        node = t->nodes[node].parent;
    }
    return node == df;
}

static bool has_a_file_of(const struct profile_tree *t, size_t adf,
                          const struct profile_ust_service *service)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct profile_node *n = &t->nodes[i];
        if (profile_ust_service_has_file(service, n->name) && is_below(t, i, adf)) {
            return true;
        }
    }
    return false;
}

/* Every service with files has one of them. */
static void check_table(const struct files *f, size_t adf, uint16_t fid,
                        const struct profile_ust_service *services, size_t count)
{
    size_t node = profile_tree_child(f->tree, adf, fid);
    if (node == PROFILE_NO_NODE) {
        return;
    }
    const struct profile_node *n = &f->tree->nodes[node];
    cr_span table = profile_tree_content(f->tree, n);
    for (size_t i = 0; i < count; i++) {
        const struct profile_ust_service *s = &services[i];
        if (s->files && profile_table_has(table, s->number) && !has_a_file_of(f->tree, adf, s)) {
            profile_report(f->reporter, PROFILE_RULE_SERVICE_TABLE, n->element, n->name,
                           "service %u (%s) without %s", s->number, s->name, s->files);
        }
    }
}

/* AID of a record of EF.DIR; absent when it holds none. */
static cr_span dir_aid(cr_span record)
{
    struct der_tlv application;
    struct der_tlv aid;
    bool found = der_find(record, 0x61, &application) && der_find(application.value, 0x4F, &aid);
    return found ? aid.value : (cr_span){0};
}

static bool dir_lists(cr_span dir, size_t record_length, cr_span aid)
{
    for (size_t at = 0; record_length > 0 && at + record_length <= dir.n; at += record_length) {
        if (cr_span_equal(dir_aid(cr_span_sub(dir, at, record_length)), aid)) {
            return true;
        }
    }
    return false;
}

static void check_dir(const struct files *f)
{
    char hex[33];
    const struct profile_tree *t = f->tree;
    size_t node = profile_tree_path(t, cr_span_of("\x2F\x00", 2));
    const struct profile_node *dir =
        node == PROFILE_NO_NODE ? NULL : profile_tree_target(t, &t->nodes[node]);
    if (!dir || !dir->content) {
        return;
    }
    cr_span content = cr_span_of(dir->content, dir->content_size);
    size_t step = dir->file.record_length;
    for (size_t at = 0; step > 0 && at + step <= content.n; at += step) {
        cr_span aid = dir_aid(cr_span_sub(content, at, step));
        if (aid.n > 0 && profile_tree_aid(t, aid) == PROFILE_NO_NODE) {
            profile_report(f->reporter, PROFILE_RULE_DIR, dir->element, dir->name,
                           "record %zu: no application %s", at / step + 1,
                           cr_hex_into(hex, sizeof(hex), aid));
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        const struct profile_node *n = &t->nodes[i];
        if (n->file.type == PROFILE_TYPE_ADF && n->file.aid.n > 0 &&
            !dir_lists(content, step, n->file.aid)) {
            profile_report(f->reporter, PROFILE_RULE_DIR, n->element, n->name, "%s is not listed",
                           cr_hex_into(hex, sizeof(hex), n->file.aid));
        }
    }
}

cr_status profile_check_files(const struct profile_package *package,
                              const struct profile_tree *tree, cr_arena *arena,
                              const struct profile_reporter *reporter, struct cr_err *err)
{
    const struct files f = {.package = package, .tree = tree, .reporter = reporter};
    const struct profile_header *header = header_of(package);
    CR_TRY(check_access_rules(&f, arena, err));
    check_iccid(&f, header);
    if (header) {
        check_services(&f, header);
    }
    for (size_t i = 0; i < tree->count; i++) {
        if (tree->nodes[i].naa == PROFILE_USIM) {
            check_imsi(&f, i);
            check_table(&f, i, 0x6F38, profile_ust_services, profile_ust_service_count);
        } else if (tree->nodes[i].naa == PROFILE_ISIM) {
            check_table(&f, i, 0x6F07, profile_ist_services, profile_ist_service_count);
        }
    }
    check_dir(&f);
    return CR_OK;
}
