/*
 * The checker: a clean package for each sort, and for each rule a package that breaks it and
 * nothing else (what follows from it of necessity is listed beside it).
 */
#include "sample.h"

#include "profile/build.h"
#include "profile/check.h"

static const char description[] =
    "{\"iccid\":\"8988211000000000017\",\"imsi\":\"999700000000001\",\"msisdn\":\"+4912\","
    "\"languages\":[\"en\"],\"spn\":\"Test\",\"k\":\"465B5CE8B199B49FAA5F0A2EE238A6BC\","
    "\"opc\":\"CD63CB71954A9F4E48A5994E37A02BAF\",\"puk1\":\"12345678\",\"puk2\":\"87654321\","
    "\"adm1\":\"88888888\",\"contacts\":10,\"isim\":true,\"sd\":{\"keys\":[{\"version\":1,"
    "\"enc\":\"000102030405060708090A0B0C0D0E0F\",\"mac\":\"000102030405060708090A0B0C0D0E0F\","
    "\"dek\":\"000102030405060708090A0B0C0D0E0F\"}]}}";

/* A package that can be changed. */
struct bench {
    cr_arena arena;
    struct profile_element elements[64];
    struct profile_package package;
};

static void open_bench(struct bench *b)
{
    struct cr_err err = {0};
    json_t *json = json_loads(description, 0, NULL);
    assert_non_null(json);
    memset(b, 0, sizeof(*b));
    assert_ok(profile_build(json, &b->arena, &b->package, &err));
    assert_true(b->package.count < CR_COUNT(b->elements) - 8);
    memcpy(b->elements, b->package.elements, b->package.count * sizeof(b->elements[0]));
    b->package.elements = b->elements;
    json_decref(json);
}

/* Element n (from 0) of a kind. */
static struct profile_element *element(struct bench *b, enum profile_element_kind kind, size_t n)
{
    for (size_t i = 0; i < b->package.count; i++) {
        if (b->elements[i].kind == kind && n-- == 0) {
            return &b->elements[i];
        }
    }
    fail_msg("no element %s", profile_kind_name(kind));
    abort();
}

static size_t index_of(const struct bench *b, const struct profile_element *e)
{
    return (size_t)(e - b->elements);
}

static void insert(struct bench *b, size_t at, struct profile_element e)
{
    memmove(&b->elements[at + 1], &b->elements[at], (b->package.count - at) * sizeof(e));
    b->elements[at] = e;
    b->package.count++;
}

static void drop(struct bench *b, const struct profile_element *e)
{
    size_t at = index_of(b, e);
    memmove(&b->elements[at], &b->elements[at + 1], (b->package.count - at - 1) * sizeof(*e));
    b->package.count--;
}

static struct profile_element new_element(enum profile_element_kind kind, int64_t id)
{
    return (struct profile_element){.kind = kind, .header = {.identification = id}};
}

static cr_span bytes(struct bench *b, const char *hex)
{
    cr_buf buf = {0};
    sample_hex(hex, &buf);
    cr_span copy = cr_arena_copy(&b->arena, cr_buf_span(&buf));
    cr_buf_free(&buf);
    return copy;
}

static void insert_last(struct bench *b, struct profile_element e)
{
    insert(b, b->package.count - 1, e);
}

/* The File of a member. */
static struct profile_file *file(struct bench *b, enum profile_element_kind kind, const char *name)
{
    struct profile_files *fs = &element(b, kind, 0)->fs;
    for (size_t i = 0; i < fs->count; i++) {
        if (strcmp(fs->files[i].row->name, name) == 0) {
            return &fs->files[i];
        }
    }
    fail_msg("no file %s", name);
    abort();
}

static void drop_file(struct bench *b, enum profile_element_kind kind, const char *name)
{
    struct profile_files *fs = &element(b, kind, 0)->fs;
    size_t at = (size_t)(file(b, kind, name) - fs->files);
    memmove(&fs->files[at], &fs->files[at + 1], (fs->count - at - 1) * sizeof(fs->files[0]));
    fs->count--;
}

/* EF.LI of the optional USIM files with a new Fcp and its content. */
static struct profile_fcp *li(struct bench *b)
{
    struct profile_file *f = file(b, PROFILE_OPT_USIM, "ef-li");
    struct profile_file_item *items = cr_arena_alloc_array(&b->arena, 2, sizeof(*items));
    assert_non_null(items);
    items[0].which = PROFILE_ITEM_FCP;
    items[1].which = PROFILE_ITEM_CONTENT;
    items[1].fill_file_content = bytes(b, "656E");
    f->items.items = items;
    f->items.count = 2;
    return &items[0].fcp;
}

/* Generic file management with count items, in front of the end. */
static struct profile_gfm_item *gfm(struct bench *b, size_t at, size_t count)
{
    struct profile_element e = new_element(PROFILE_GFM, 900);
    struct profile_gfm_command *command = cr_arena_alloc(&b->arena, sizeof(*command));
    struct profile_gfm_item *items = cr_arena_alloc_array(&b->arena, count + 1, sizeof(*items));
    assert_true(command && items);
    command->items.items = items;
    command->items.count = count;
    command->items.present = true;
    e.gfm.commands.items = command;
    e.gfm.commands.count = 1;
    e.gfm.commands.present = true;
    insert(b, at, e);
    return items;
}

static struct profile_fcp *gfm_file(struct bench *b, const char *descriptor, const char *fid)
{
    struct profile_gfm_item *items = gfm(b, b->package.count - 1, 2);
    items[0].which = PROFILE_GFM_PATH;
    items[0].file_path = bytes(b, "");
    items[1].which = PROFILE_GFM_FCP;
    items[1].create_fcp = (struct profile_fcp){.file_descriptor = bytes(b, descriptor),
                                               .file_id = bytes(b, fid),
                                               .security_attributes_referenced = bytes(b, "2F060A"),
                                               .ef_file_size = bytes(b, "10")};
    return &items[1].create_fcp;
}

/* A fifteenth record in EF.ARR of the USIM, which EF.LI refers to. */
static void rule_15(struct bench *b, const char *hex)
{
    struct profile_file *f = file(b, PROFILE_USIM, "ef-arr");
    struct profile_file_item *items = cr_arena_alloc_array(&b->arena, 20, sizeof(*items));
    uint8_t *image = cr_arena_alloc(&b->arena, 15 * 33);
    cr_span rule = bytes(b, hex);
    assert_true(items && image);
    memset(image, 0xFF, 15 * 33);
    for (unsigned n = 1; n <= PROFILE_ARR_RULES; n++) {
        memcpy(image + (size_t)(n - 1) * 33, profile_arr_rule(n).p, profile_arr_rule(n).n);
    }
    memcpy(image + (size_t)14 * 33, rule.p, rule.n);
    items[0] = f->items.items[0];
    items[0].fcp.ef_file_size = bytes(b, "01EF");
    items[1].which = PROFILE_ITEM_CONTENT;
    items[1].fill_file_content = cr_span_of(image, 15 * 33);
    f->items.items = items;
    f->items.count = 2;
    li(b)->security_attributes_referenced = bytes(b, "0F");
}

static struct profile_pin *more_pins(struct bench *b)
{
    struct profile_pin_codes_choice *codes = &element(b, PROFILE_PIN_CODES, 0)->pin_codes.codes;
    size_t n = codes->pinconfig.count;
    struct profile_pin *pins = cr_arena_alloc_array(&b->arena, n + 1, sizeof(*pins));
    assert_non_null(pins);
    memcpy(pins, codes->pinconfig.items, n * sizeof(*pins));
    pins[n] = pins[0];
    codes->pinconfig.items = pins;
    codes->pinconfig.count = n + 1;
    return &pins[n];
}

static struct profile_aka_algorithm *keys(struct bench *b)
{
    return &element(b, PROFILE_AKA, 0)->aka.algo_configuration.algo_parameter;
}

/* ------------------------------------------------------------------ the ways to break it */

static void break_decode(struct bench *b)
{
    element(b, PROFILE_RFM, 2)->raw = bytes(b, "A702A000");
}

static void break_unknown_element(struct bench *b)
{
    struct profile_element e = new_element(PROFILE_UNKNOWN, 0);
    e.raw = bytes(b, "AB00");
    insert_last(b, e);
}

static void break_unknown_component(struct bench *b)
{
    element(b, PROFILE_END, 0)->raw = bytes(b, "AA0AA00580008101639F7F00");
}

static void break_der(struct bench *b)
{
    element(b, PROFILE_END, 0)->raw = bytes(b, "AA8107A0058000810163");
}

static void break_header_first(struct bench *b)
{
    drop(b, &b->elements[0]);
}

static void break_header_once(struct bench *b)
{
    insert(b, 1, b->elements[0]);
}

static void break_end_last(struct bench *b)
{
    struct profile_element e = new_element(PROFILE_NON_STANDARD, 900);
    e.non_standard.issuer_id = bytes(b, "2A");
    e.non_standard.content = bytes(b, "00");
    insert(b, b->package.count, e);
}

static void break_end_missing(struct bench *b)
{
    drop(b, element(b, PROFILE_END, 0));
}

static void break_mf_once(struct bench *b)
{
    struct profile_fcp *fcp = gfm_file(b, "7821", "3F00");
    fcp->ef_file_size = (cr_span){0};
    fcp->security_attributes_referenced = bytes(b, "0E");
    fcp->pin_status_template_do = bytes(b, "01");
}

static void break_mf_missing(struct bench *b)
{
    b->elements[1] = *element(b, PROFILE_END, 0);
    b->package.count = 2;
}

static void break_mf_first(struct bench *b)
{
    (void)gfm(b, 1, 0);
}

static void break_iot_options(struct bench *b)
{
    b->elements[0].profile_header.has_iot_options = true;
    b->elements[0].profile_header.iot_options.pix = bytes(b, "1002FFFFFFFF89");
}

static void break_puk_once(struct bench *b)
{
    struct profile_element e = *element(b, PROFILE_PUK_CODES, 0);
    e.header.identification = 900;
    insert_last(b, e);
}

static void break_puk_place(struct bench *b)
{
    struct profile_element e = *element(b, PROFILE_PUK_CODES, 0);
    drop(b, element(b, PROFILE_PUK_CODES, 0));
    insert_last(b, e);
}

static void break_element_once(struct bench *b)
{
    struct profile_element e = *element(b, PROFILE_TELECOM, 0);
    e.header.identification = 900;
    insert(b, index_of(b, element(b, PROFILE_TELECOM, 0)) + 1, e);
}

static void break_multiple_naa(struct bench *b)
{
    struct profile_element usim = *element(b, PROFILE_USIM, 0);
    struct profile_element pins = *element(b, PROFILE_PIN_CODES, 1);
    struct profile_element aka = *element(b, PROFILE_AKA, 0);
    struct profile_file *files = cr_arena_alloc_array(&b->arena, usim.fs.count, sizeof(*files));
    struct profile_file_item *items = cr_arena_alloc_array(&b->arena, 1, sizeof(*items));
    assert_true(files && items);
    memcpy(files, usim.fs.files, usim.fs.count * sizeof(*files));
    *items = files[0].items.items[0];
    items->fcp.df_name = bytes(b, "A0000000871002FF01");
    items->fcp.file_id = bytes(b, "7FD1");
    files[0].items.items = items;
    usim.fs.files = files;
    usim.header.identification = 900;
    pins.header.identification = 901;
    aka.header.identification = 902;
    insert_last(b, usim);
    insert_last(b, pins);
    insert_last(b, aka);
}

static void break_naa_missing(struct bench *b)
{
    struct profile_element e = new_element(PROFILE_OPT_CSIM, 900);
    e.fs.template_id = bytes(b, "67810F01020B");
    insert_last(b, e);
}

static void break_naa_once(struct bench *b)
{
    struct profile_element e = new_element(PROFILE_OPT_USIM, 900);
    e.fs.template_id = bytes(b, "67810F010205");
    insert_last(b, e);
}

static void break_aka_missing(struct bench *b)
{
    drop(b, element(b, PROFILE_AKA, 1));
}

static void break_sd_first(struct bench *b)
{
    struct profile_element e = *element(b, PROFILE_RFM, 2);
    drop(b, element(b, PROFILE_RFM, 2));
    insert(b, index_of(b, element(b, PROFILE_SECURITY_DOMAIN, 0)), e);
}

static void break_id_range(struct bench *b)
{
    element(b, PROFILE_END, 0)->header.identification = 40000;
}

static void break_id_unique(struct bench *b)
{
    element(b, PROFILE_END, 0)->header.identification = 1;
}

static void break_version(struct bench *b)
{
    b->elements[0].profile_header.major_version = 4;
}

static void break_header_iccid(struct bench *b)
{
    b->elements[0].profile_header.iccid = bytes(b, "8988211000000000A17F");
}

static void break_iccid_mismatch(struct bench *b)
{
    b->elements[0].profile_header.iccid = bytes(b, "8988211000000000027F");
}

static void break_service_unlisted(struct bench *b)
{
    b->elements[0].profile_header.services[PROFILE_SERVICE_MILENAGE] = false;
}

static void break_gfste_unknown(struct bench *b)
{
    struct profile_header *h = &b->elements[0].profile_header;
    cr_span *list = cr_arena_alloc_array(&b->arena, h->gfste_list.count + 1, sizeof(*list));
    assert_non_null(list);
    memcpy(list, h->gfste_list.items, h->gfste_list.count * sizeof(*list));
    list[h->gfste_list.count++] = bytes(b, "67810F01027F");
    h->gfste_list.items = list;
}

static void break_template_unlisted(struct bench *b)
{
    b->elements[0].profile_header.gfste_list.count--;
}

static void break_template_unknown(struct bench *b)
{
    struct profile_element e = new_element(PROFILE_CD, 900);
    e.fs.template_id = bytes(b, "67810F01027F");
    insert_last(b, e);
}

static void break_template_kind(struct bench *b)
{
    struct profile_element e = new_element(PROFILE_CD, 900);
    e.fs.template_id = bytes(b, "67810F010203");
    insert_last(b, e);
}

static void break_member_missing(struct bench *b)
{
    drop_file(b, PROFILE_USIM, "ef-acc");
}

static void break_do_not_create(struct bench *b)
{
    struct profile_file *f = file(b, PROFILE_OPT_USIM, "ef-li");
    f->items.items[0] =
        (struct profile_file_item){.which = PROFILE_ITEM_DO_NOT_CREATE, .do_not_create = true};
    f->items.count = 1;
}

static void break_do_not_create_alone(struct bench *b)
{
    struct profile_file *f = file(b, PROFILE_USIM, "ef-fplmn");
    struct profile_file_item *items = cr_arena_alloc_array(&b->arena, 2, sizeof(*items));
    assert_non_null(items);
    items[0] =
        (struct profile_file_item){.which = PROFILE_ITEM_DO_NOT_CREATE, .do_not_create = true};
    items[1] = (struct profile_file_item){.which = PROFILE_ITEM_OFFSET};
    f->items.items = items;
    f->items.count = 2;
}

static void break_file_bad(struct bench *b)
{
    li(b)->file_descriptor = bytes(b, "4221000A");
}

static void break_must_give(struct bench *b)
{
    file(b, PROFILE_GSM_ACCESS, "df-gsm-access")->items.count = 0;
}

static void break_must_fill(struct bench *b)
{
    file(b, PROFILE_USIM, "ef-acc")->items.count = 0;
}

static void break_forbidden_field(struct bench *b)
{
    li(b)->pin_status_template_do = bytes(b, "01");
}

static void break_content(struct bench *b)
{
    (void)li(b);
    file(b, PROFILE_OPT_USIM, "ef-li")->items.items[1].fill_file_content =
        bytes(b, "656E6465667200");
}

static void break_ber_tlv_content(struct bench *b)
{
    (void)gfm_file(b, "7921", "2F99");
    struct profile_gfm *g = &b->elements[b->package.count - 2].gfm;
    g->commands.items->items.items[2] = (struct profile_gfm_item){
        .which = PROFILE_GFM_CONTENT, .fill_file_content = bytes(b, "80")};
    g->commands.items->items.count = 3;
}

static void break_no_df(struct bench *b)
{
    drop_file(b, PROFILE_TELECOM, "df-phonebook");
}

static void break_fid_collision(struct bench *b)
{
    li(b)->file_id = bytes(b, "6F07");
}

static void break_sfi_collision(struct bench *b)
{
    li(b)->short_efid = bytes(b, "38");
}

static void break_path_missing(struct bench *b)
{
    struct profile_gfm_item *items = gfm(b, b->package.count - 1, 1);
    items[0].which = PROFILE_GFM_PATH;
    items[0].file_path = bytes(b, "7F99");
}

static void break_gfm_order(struct bench *b)
{
    struct profile_gfm_item *items = gfm(b, b->package.count - 1, 1);
    items[0].which = PROFILE_GFM_CONTENT;
    items[0].fill_file_content = bytes(b, "00");
}

static void break_link_target(struct bench *b)
{
    struct profile_fcp *fcp = gfm_file(b, "4121", "2F98");
    fcp->ef_file_size = (cr_span){0};
    fcp->link_path = bytes(b, "7F99");
}

static void break_link_field(struct bench *b)
{
    gfm_file(b, "4121", "2F98")->link_path = bytes(b, "2FE2");
}

static void break_arr_missing(struct bench *b)
{
    li(b)->security_attributes_referenced = bytes(b, "6F0620");
}

static void break_arr_missing_file(struct bench *b)
{
    li(b)->security_attributes_referenced = bytes(b, "6F9901");
}

static void break_arr_empty(struct bench *b)
{
    rule_15(b, "FF");
}

static void break_arr_rule(struct bench *b)
{
    rule_15(b, "800101 800102");
}

static void break_arr_pin(struct bench *b)
{
    rule_15(b, "800101 A406830102950108");
}

static void break_pin_reference(struct bench *b)
{
    more_pins(b)->key_reference = 0x09;
}

static void break_pin_context(struct bench *b)
{
    more_pins(b)->key_reference = 0x82;
}

static void break_pin_context_twice(struct bench *b)
{
    struct profile_element *pins = element(b, PROFILE_PIN_CODES, 1);
    struct profile_element e = *pins;
    e.header.identification = 900;
    insert(b, index_of(b, pins), e);
}

static void break_pin_duplicate(struct bench *b)
{
    more_pins(b)->key_reference = 0x0A;
}

static void break_puk_duplicate(struct bench *b)
{
    element(b, PROFILE_PUK_CODES, 0)->puk_codes.codes.items[0].key_reference = 0x81;
    element(b, PROFILE_PIN_CODES, 0)->pin_codes.codes.pinconfig.items[0].unblocking_pin_reference =
        0x81;
}

static void break_pin_value(struct bench *b)
{
    element(b, PROFILE_PIN_CODES, 0)->pin_codes.codes.pinconfig.items[0].pin_value =
        bytes(b, "31323334FF35FFFF");
}

static void break_puk_value(struct bench *b)
{
    element(b, PROFILE_PUK_CODES, 0)->puk_codes.codes.items[0].puk_value =
        bytes(b, "31323334353637FF");
}

static void break_pin_retries(struct bench *b)
{
    element(b, PROFILE_PIN_CODES, 0)
        ->pin_codes.codes.pinconfig.items[0]
        .max_num_of_attemps_retry_num_left = 0x35;
}

static void break_pin_path(struct bench *b)
{
    struct profile_element e = new_element(PROFILE_PIN_CODES, 900);
    e.pin_codes.codes.which = PROFILE_PIN_FILE_PATH;
    e.pin_codes.codes.file_path = bytes(b, "7F99");
    insert(b, index_of(b, element(b, PROFILE_TELECOM, 0)) + 1, e);
}

static void break_puk_missing(struct bench *b)
{
    element(b, PROFILE_PIN_CODES, 0)->pin_codes.codes.pinconfig.items[0].unblocking_pin_reference =
        5;
}

static void break_pin_status(struct bench *b)
{
    file(b, PROFILE_MF, "mf")->items.items[0].fcp.pin_status_template_do = bytes(b, "01020A");
}

static void break_pin_status_local(struct bench *b)
{
    file(b, PROFILE_TELECOM, "df-telecom")->items.items[0].fcp.pin_status_template_do =
        bytes(b, "0181");
}

static void break_aka_algorithm(struct bench *b)
{
    keys(b)->algorithm_id = 9;
}

static void break_aka_key(struct bench *b)
{
    keys(b)->key = bytes(b, "000102");
}

static void break_aka_opc(struct bench *b)
{
    keys(b)->opc = bytes(b, "000102");
}

static void break_aka_sqn(struct bench *b)
{
    element(b, PROFILE_AKA, 0)->aka.sqn_delta = bytes(b, "080000000000");
}

static void break_aka_mapping(struct bench *b)
{
    struct profile_aka_choice *c = &element(b, PROFILE_AKA, 1)->aka.algo_configuration;
    c->which = PROFILE_AKA_MAPPED;
    c->mapping_parameter = (struct profile_aka_mapping){.mapping_options = bytes(b, "06"),
                                                        .mapping_source = bytes(b, "A000000001")};
}

static void break_aid_unique(struct bench *b)
{
    element(b, PROFILE_RFM, 0)->rfm.instance_aid =
        element(b, PROFILE_SECURITY_DOMAIN, 0)->sd.instance.instance_aid;
}

static void break_sd_state(struct bench *b)
{
    element(b, PROFILE_SECURITY_DOMAIN, 0)->sd.instance.life_cycle_state = bytes(b, "07");
}

static void break_sd_missing(struct bench *b)
{
    element(b, PROFILE_RFM, 0)->rfm.security_domain_aid = bytes(b, "A000000001");
}

static void break_key_duplicate(struct bench *b)
{
    struct profile_security_domain *sd = &element(b, PROFILE_SECURITY_DOMAIN, 0)->sd;
    sd->key_list.items[1].key_identifier = sd->key_list.items[0].key_identifier;
}

static void break_key_length(struct bench *b)
{
    element(b, PROFILE_SECURITY_DOMAIN, 0)->sd.key_list.items[0].key_components.items[0].key_data =
        bytes(b, "0001");
}

static void break_rfm_adf(struct bench *b)
{
    element(b, PROFILE_RFM, 1)->rfm.adf_rfm_access.adf_aid = bytes(b, "A000000001");
}

static void break_tar_unique(struct bench *b)
{
    element(b, PROFILE_RFM, 1)->rfm.tar_list = element(b, PROFILE_RFM, 0)->rfm.tar_list;
}

static void break_application_empty(struct bench *b)
{
    insert_last(b, new_element(PROFILE_APPLICATION, 900));
}

static void set_content(struct bench *b, struct profile_file *f, const char *hex)
{
    f->items.items[f->items.count - 1] = (struct profile_file_item){
        .which = PROFILE_ITEM_CONTENT, .fill_file_content = bytes(b, hex)};
}

static void break_imsi(struct bench *b)
{
    set_content(b, file(b, PROFILE_USIM, "ef-imsi"), "0891990700000000 10");
}

static void break_dir(struct bench *b)
{
    struct profile_file *f = file(b, PROFILE_MF, "ef-dir");
    f->items.count = 2; /* without what follows the first content */
    set_content(b, f, "61184F10A0000000871002FFFFFFFF890709000150045553494D");
}

static void break_service_table(struct bench *b)
{
    struct profile_file *f = file(b, PROFILE_USIM, "ef-ust");
    cr_span ust = f->items.items[f->items.count - 1].fill_file_content;
    uint8_t *table = cr_arena_alloc(&b->arena, ust.n);
    assert_non_null(table);
    memcpy(table, ust.p, ust.n);
    assert_true(profile_table_set(table, ust.n, 17));
    f->items.items[f->items.count - 1].fill_file_content = cr_span_of(table, ust.n);
}

#define ALSO_MAX 4

static const struct breakage {
    enum profile_rule rule;
    void (*mutate)(struct bench *b);
    enum profile_rule also[ALSO_MAX]; /* what it brings with it; unused = 0 = PROFILE_RULE_DECODE,
                                         which no other row brings */
} breakages[] = {
    {PROFILE_RULE_DECODE, break_decode, {0}},
    {PROFILE_RULE_UNKNOWN_ELEMENT, break_unknown_element, {0}},
    {PROFILE_RULE_UNKNOWN_COMPONENT, break_unknown_component, {0}},
    {PROFILE_RULE_NOT_DER, break_der, {0}},
    {PROFILE_RULE_HEADER_FIRST, break_header_first, {0}},
    {PROFILE_RULE_HEADER_ONCE, break_header_once, {0}},
    {PROFILE_RULE_END_LAST, break_end_last, {0}},
    {PROFILE_RULE_END_MISSING, break_end_missing, {0}},
    {PROFILE_RULE_MF_ONCE, break_mf_once, {PROFILE_RULE_FID_COLLISION, PROFILE_RULE_ARR_MISSING}},
    {PROFILE_RULE_MF_MISSING, break_mf_missing, {0}},
    {PROFILE_RULE_MF_FIRST, break_mf_first, {0}},
    {PROFILE_RULE_IOT_OPTIONS, break_iot_options, {PROFILE_RULE_PUK_PLACE}},
    {PROFILE_RULE_PUK_ONCE, break_puk_once, {0}},
    {PROFILE_RULE_PUK_PLACE, break_puk_place, {0}},
    {PROFILE_RULE_ELEMENT_ONCE, break_element_once, {PROFILE_RULE_FID_COLLISION}},
    {PROFILE_RULE_MULTIPLE_NAA, break_multiple_naa, {PROFILE_RULE_DIR, PROFILE_RULE_SERVICE_TABLE}},
    {PROFILE_RULE_NAA_MISSING, break_naa_missing, {0}},
    {PROFILE_RULE_NAA_ONCE, break_naa_once, {0}},
    {PROFILE_RULE_AKA_MISSING, break_aka_missing, {0}},
    {PROFILE_RULE_SD_FIRST, break_sd_first, {0}},
    {PROFILE_RULE_ID_RANGE, break_id_range, {0}},
    {PROFILE_RULE_ID_UNIQUE, break_id_unique, {0}},
    {PROFILE_RULE_VERSION, break_version, {0}},
    {PROFILE_RULE_HEADER_ICCID, break_header_iccid, {0}},
    {PROFILE_RULE_ICCID_MISMATCH, break_iccid_mismatch, {0}},
    {PROFILE_RULE_SERVICE_UNLISTED, break_service_unlisted, {0}},
    {PROFILE_RULE_GFSTE_UNKNOWN, break_gfste_unknown, {0}},
    {PROFILE_RULE_TEMPLATE_UNLISTED, break_template_unlisted, {0}},
    {PROFILE_RULE_TEMPLATE_UNKNOWN, break_template_unknown, {0}},
    {PROFILE_RULE_TEMPLATE_KIND, break_template_kind, {0}},
    {PROFILE_RULE_MEMBER_MISSING, break_member_missing, {0}},
    {PROFILE_RULE_DO_NOT_CREATE, break_do_not_create, {0}},
    {PROFILE_RULE_DO_NOT_CREATE, break_do_not_create_alone, {0}},
    {PROFILE_RULE_FILE_BAD, break_file_bad, {0}},
    {PROFILE_RULE_MUST_GIVE, break_must_give, {0}},
    {PROFILE_RULE_MUST_FILL, break_must_fill, {0}},
    {PROFILE_RULE_FORBIDDEN_FIELD, break_forbidden_field, {0}},
    {PROFILE_RULE_CONTENT, break_content, {0}},
    {PROFILE_RULE_BER_TLV_CONTENT, break_ber_tlv_content, {0}},
    {PROFILE_RULE_NO_DF, break_no_df, {0}},
    {PROFILE_RULE_FID_COLLISION, break_fid_collision, {0}},
    {PROFILE_RULE_SFI_COLLISION, break_sfi_collision, {0}},
    {PROFILE_RULE_PATH_MISSING, break_path_missing, {0}},
    {PROFILE_RULE_GFM_ORDER, break_gfm_order, {0}},
    {PROFILE_RULE_LINK_TARGET, break_link_target, {0}},
    {PROFILE_RULE_LINK_FIELD, break_link_field, {0}},
    {PROFILE_RULE_ARR_MISSING, break_arr_missing, {0}},
    {PROFILE_RULE_ARR_MISSING, break_arr_missing_file, {0}},
    {PROFILE_RULE_ARR_EMPTY, break_arr_empty, {0}},
    {PROFILE_RULE_ARR_RULE, break_arr_rule, {0}},
    {PROFILE_RULE_ARR_PIN, break_arr_pin, {0}},
    {PROFILE_RULE_PIN_REFERENCE, break_pin_reference, {0}},
    {PROFILE_RULE_PIN_CONTEXT, break_pin_context, {0}},
    {PROFILE_RULE_PIN_CONTEXT, break_pin_context_twice, {0}},
    {PROFILE_RULE_PIN_DUPLICATE, break_pin_duplicate, {0}},
    {PROFILE_RULE_PIN_DUPLICATE, break_puk_duplicate, {0}},
    {PROFILE_RULE_PIN_VALUE, break_pin_value, {0}},
    {PROFILE_RULE_PIN_VALUE, break_puk_value, {0}},
    {PROFILE_RULE_PIN_RETRIES, break_pin_retries, {0}},
    {PROFILE_RULE_PIN_PATH, break_pin_path, {0}},
    {PROFILE_RULE_PUK_MISSING, break_puk_missing, {0}},
    {PROFILE_RULE_PIN_STATUS, break_pin_status, {0}},
    {PROFILE_RULE_PIN_STATUS, break_pin_status_local, {0}},
    {PROFILE_RULE_AKA_ALGORITHM, break_aka_algorithm, {0}},
    {PROFILE_RULE_AKA_KEY, break_aka_key, {0}},
    {PROFILE_RULE_AKA_OPC, break_aka_opc, {0}},
    {PROFILE_RULE_AKA_SQN, break_aka_sqn, {0}},
    {PROFILE_RULE_AKA_MAPPING, break_aka_mapping, {0}},
    {PROFILE_RULE_AID_UNIQUE, break_aid_unique, {0}},
    {PROFILE_RULE_SD_STATE, break_sd_state, {0}},
    {PROFILE_RULE_SD_MISSING, break_sd_missing, {0}},
    {PROFILE_RULE_KEY_DUPLICATE, break_key_duplicate, {0}},
    {PROFILE_RULE_KEY_LENGTH, break_key_length, {0}},
    {PROFILE_RULE_RFM_ADF, break_rfm_adf, {0}},
    {PROFILE_RULE_TAR_UNIQUE, break_tar_unique, {0}},
    {PROFILE_RULE_APPLICATION_EMPTY, break_application_empty, {0}},
    {PROFILE_RULE_IMSI, break_imsi, {0}},
    {PROFILE_RULE_DIR, break_dir, {0}},
    {PROFILE_RULE_SERVICE_TABLE, break_service_table, {0}},
};

/* ------------------------------------------------------------------ tests */

struct found {
    bool rules[PROFILE_RULES];
    size_t count;
    cr_buf text;
};

static void collect(void *ctx, const struct profile_finding *finding)
{
    struct found *f = ctx;
    f->rules[finding->rule] = true;
    f->count++;
    profile_finding_text(finding, &f->text);
    cr_buf_append_byte(&f->text, '\n');
}

static struct profile_check_result check_package(const struct profile_package *package,
                                                 struct found *found)
{
    cr_buf upp = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_check_result result;
    assert_ok(profile_package_encode(package, &upp, &err));
    assert_ok(profile_check(cr_buf_span(&upp), &arena, collect, found, &result, &err));
    assert_int_equal(result.errors + result.warnings, found->count);
    cr_arena_free(&arena);
    cr_buf_free(&upp);
    return result;
}

static bool is_listed(const struct breakage *row, enum profile_rule rule)
{
    bool listed = rule == row->rule;
    for (size_t i = 0; i < ALSO_MAX; i++) {
        listed = listed || (row->also[i] == rule && rule != PROFILE_RULE_DECODE);
    }
    return listed;
}

static void test_clean(void **state)
{
    (void)state;
    struct bench *b = malloc(sizeof(*b));
    assert_non_null(b);
    struct found found = {0};
    open_bench(b);
    check_package(&b->package, &found);
    if (found.count) {
        fail_msg("%s", cr_buf_cstr(&found.text));
    }
    cr_buf_free(&found.text);
    cr_arena_free(&b->arena);
    free(b);
}

static void test_each_rule(void **state)
{
    (void)state;
    bool broken[PROFILE_RULES] = {false};
    struct bench *b = malloc(sizeof(*b));
    assert_non_null(b);
    for (size_t i = 0; i < CR_COUNT(breakages); i++) {
        const struct breakage *row = &breakages[i];
        struct found found = {0};
        open_bench(b);
        row->mutate(b);
        struct profile_check_result result = check_package(&b->package, &found);
        for (int rule = 0; rule < PROFILE_RULES; rule++) {
            bool expected = is_listed(row, (enum profile_rule)rule);
            if (found.rules[rule] != expected) {
                fail_msg("row %zu: %s %s:\n%s", i, profile_rule((enum profile_rule)rule)->id,
                         expected ? "is not found" : "is found, too", cr_buf_cstr(&found.text));
            }
        }
        bool error = profile_rule(row->rule)->severity == PROFILE_ERROR;
        assert_true(error ? result.errors > 0 : result.errors + result.warnings > 0);
        broken[row->rule] = true;
        cr_buf_free(&found.text);
        cr_arena_free(&b->arena);
    }
    for (int rule = 0; rule < PROFILE_RULES; rule++) {
        if (!broken[rule]) {
            fail_msg("no package breaks %s", profile_rule((enum profile_rule)rule)->id);
        }
    }
    free(b);
}

/* Rows of the table are complete, ids unique. */
static void test_table(void **state)
{
    (void)state;
    for (int i = 0; i < PROFILE_RULES; i++) {
        const struct profile_rule_row *row = profile_rule((enum profile_rule)i);
        assert_true(row->id && row->clause && row->text);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(profile_rule((enum profile_rule)k)->id, row->id);
        }
    }
    assert_int_equal(profile_rule_severity(PROFILE_RULE_UNKNOWN_COMPONENT, true), PROFILE_ERROR);
    assert_int_equal(profile_rule_severity(PROFILE_RULE_UNKNOWN_COMPONENT, false), PROFILE_WARNING);
}

/* Generic test profiles: no errors; the warnings are true of them. */
static void test_ts48(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t warnings;
    } samples[] = {{SAMPLE_BER_SUCI, 3}, {SAMPLE_NO_BER, 2}};
    for (size_t i = 0; i < CR_COUNT(samples); i++) {
        cr_buf upp = {0};
        cr_arena arena = {0};
        struct cr_err err = {0};
        struct found found = {0};
        struct profile_check_result result;
        sample_ts48(samples[i].name, &upp);
        assert_ok(profile_check(cr_buf_span(&upp), &arena, collect, &found, &result, &err));
        if (result.errors) {
            fail_msg("%s", cr_buf_cstr(&found.text));
        }
        assert_int_equal(result.warnings, samples[i].warnings);
        assert_true(found.rules[PROFILE_RULE_SERVICE_UNLISTED]);       /* cave */
        assert_true(found.rules[PROFILE_RULE_MUST_FILL]);              /* EF.5GAUTHKEYS */
        assert_int_equal(found.rules[PROFILE_RULE_ARR_EMPTY], i == 0); /* ISIM record 4 */
        cr_buf_free(&found.text);
        cr_arena_free(&arena);
        cr_buf_free(&upp);
    }
}

/* What is right although it looks like what is wrong. */
static void test_allowed(void **state)
{
    (void)state;
    struct bench *b = malloc(sizeof(*b));
    assert_non_null(b);
    struct found found = {0};
    open_bench(b);
    /* keys of the ISIM mapped to those of the USIM */
    struct profile_aka_choice *c = &element(b, PROFILE_AKA, 1)->aka.algo_configuration;
    c->which = PROFILE_AKA_MAPPED;
    c->mapping_parameter = (struct profile_aka_mapping){
        .mapping_options = bytes(b, "06"),
        .mapping_source = file(b, PROFILE_USIM, "adf-usim")->items.items[0].fcp.df_name};
    /* PINs of the ISIM shared with the USIM */
    struct profile_pin_codes_choice *pins = &element(b, PROFILE_PIN_CODES, 2)->pin_codes.codes;
    *pins = (struct profile_pin_codes_choice){.which = PROFILE_PIN_FILE_PATH,
                                              .file_path = bytes(b, "7FD0")};
    /* a link, a remote file management instance of the MNO-SD by name */
    struct profile_fcp *fcp = gfm_file(b, "4121", "2F98");
    fcp->ef_file_size = (cr_span){0};
    fcp->link_path = bytes(b, "7FD06F07");
    element(b, PROFILE_RFM, 0)->rfm.security_domain_aid =
        element(b, PROFILE_SECURITY_DOMAIN, 0)->sd.instance.instance_aid;
    /* doNotCreate of a file that is created by default */
    struct profile_file *f = file(b, PROFILE_USIM, "ef-fplmn");
    f->items.items[0] =
        (struct profile_file_item){.which = PROFILE_ITEM_DO_NOT_CREATE, .do_not_create = true};
    f->items.count = 1;
    check_package(&b->package, &found);
    if (found.count) {
        fail_msg("%s", cr_buf_cstr(&found.text));
    }
    cr_buf_free(&found.text);
    cr_arena_free(&b->arena);
    free(b);
}

/* An IoT minimal profile: what it leaves out comes from its header. */
static void test_iot(void **state)
{
    (void)state;
    cr_buf upp = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct found found = {0};
    struct profile_check_result result;
    struct profile_package package;
    struct profile_tree tree;
    static const char *const elements[] = {
        /* version 3.3, usim, milenage, template 17, pix */
        "A030 800103 810103 830A89000123456789012341 A504 8100 8400 A608 060667810F010211"
        "A90D 800B 1002FFFFFFFF8907090000",
        "A318 A005 8000 810101 A10F 300D 800101 8108 3131313131313131",
        /* mf, ef-arr 14 x 33 with rule 1 to 14, adf-usim, imsi, arr, ust, acc, ecc */
        NULL,
        "A22C A005 8000 810103 A126 A024 3010 800101 8108 30303030FFFFFFFF 820101"
        "3010 80010A 8108 3535353535353535 830103",
        "A437 A005 8000 810104 A12C A12A 800101 810101 8210 000102030405060708090A0B0C0D0E0F 8310"
        "000102030405060708090A0B0C0D0E0F",
        "AA07 A005 8000 810105",
    };
    for (size_t i = 0; i < CR_COUNT(elements); i++) {
        cr_buf one = {0};
        if (elements[i]) {
            sample_hex(elements[i], &one);
            one.p[1] = (uint8_t)(one.n - 2); /* lengths are counted here */
            cr_buf_append_span(&upp, cr_buf_span(&one));
        } else {
            size_t mark = der_open(&upp, 0xBF20);
            sample_hex("A005 8000 810102 8106 67810F010211", &one);
            cr_buf_append_span(&upp, cr_buf_span(&one));
            for (unsigned member = 6; member <= 22; member++) {
                if (member == 6 || member == 10) { /* EF.ARR */
                    size_t file_mark = der_open(&upp, profile_tag_of_member(member));
                    sample_hex("A10A 82044221 0021 800201CE", &one);
                    cr_buf_append_span(&upp, cr_buf_span(&one));
                    size_t content = der_open(&upp, 0x83);
                    for (unsigned n = 1; n <= PROFILE_ARR_RULES; n++) {
                        cr_span rule = profile_arr_rule(n);
                        cr_buf_append_span(&upp, rule);
                        memset(cr_buf_extend(&upp, 33 - rule.n), 0xFF, 33 - rule.n);
                    }
                    der_close(&upp, content);
                    der_close(&upp, file_mark);
                } else if (member == 9) {
                    sample_hex("A90B 8309 080910101032547698", &one);
                    cr_buf_append_span(&upp, cr_buf_span(&one));
                } else if (member == 18) {
                    sample_hex("B204 8302 0001", &one);
                    cr_buf_append_span(&upp, cr_buf_span(&one));
                }
            }
            der_close(&upp, mark);
        }
        cr_buf_free(&one);
    }
    assert_ok(profile_check(cr_buf_span(&upp), &arena, collect, &found, &result, &err));
    if (found.count) {
        fail_msg("%s", cr_buf_cstr(&found.text));
    }
    assert_ok(profile_package_read(cr_buf_span(&upp), &arena, &package, &err));
    assert_ok(profile_tree_build(&package, &arena, NULL, &tree, &err));
    size_t iccid = profile_tree_path(&tree, cr_span_of("\x2F\xE2", 2));
    assert_int_not_equal(iccid, PROFILE_NO_NODE);
    assert_hex(profile_tree_content(&tree, &tree.nodes[iccid]), "98001032547698103214");
    size_t dir = profile_tree_path(&tree, cr_span_of("\x2F\x00", 2));
    assert_int_not_equal(dir, PROFILE_NO_NODE);
    assert_hex(profile_tree_content(&tree, &tree.nodes[dir]),
               "61124F10A0000000871002FFFFFFFF8907090000");
    /* PIN context behind PE-IoT is the ADF */
    assert_int_equal(tree.nodes[profile_tree_pin_context(&tree, &package, 3)].file.type,
                     PROFILE_TYPE_ADF);
    cr_buf_free(&found.text);
    cr_arena_free(&arena);
    cr_buf_free(&upp);
}

static void test_hostile(void **state)
{
    (void)state;
    cr_buf upp = {0};
    struct cr_err err = {0};
    struct profile_check_result result;
    sample_ts48(SAMPLE_BER_SUCI, &upp);
    for (size_t i = 0; i < upp.n; i += 11) {
        cr_arena arena = {0};
        uint8_t kept = upp.p[i];
        upp.p[i] = (uint8_t)(kept ^ (1u << (i % 8)));
        assert_ok(profile_check(cr_buf_span(&upp), &arena, NULL, NULL, &result, &err));
        upp.p[i] = kept;
        cr_arena_free(&arena);
    }
    for (size_t n = 1; n < upp.n; n += 97) {
        cr_arena arena = {0};
        uint8_t *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, upp.p, n);
        assert_ok(profile_check(cr_span_of(copy, n), &arena, NULL, NULL, &result, &err));
        assert_true(result.errors > 0);
        free(copy);
        cr_arena_free(&arena);
    }
    cr_arena arena = {0};
    assert_int_equal(profile_check((cr_span){0}, &arena, NULL, NULL, &result, &err), CR_MALFORMED);
    cr_arena_free(&arena);
    cr_buf_free(&upp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),   cmocka_unit_test(test_each_rule),
        cmocka_unit_test(test_table),   cmocka_unit_test(test_ts48),
        cmocka_unit_test(test_allowed), cmocka_unit_test(test_iot),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
