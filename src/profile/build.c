/*
 * From a plan to elements: header, MF, codes, security domain; the package around them.
 */
#include "profile/build.h"

#include "base/text.h"
#include "profile/build_parts.h"
#include "profile/package_json.h"

const struct profile_build_member *profile_build_members(void)
{
    static const struct profile_build_member members[] = {
        {"version", "version of the package format, 2.1 to 3.4 (2.3)"},
        {"profileType", "text for the header, at most 100 bytes"},
        {"iccid", "18 to 20 digits; needed"},
        {"imsi", "6 to 15 digits; needed"},
        {"mncLength", "digits of the MNC, 2 or 3 (2)"},
        {"msisdn", "telephone number, +..."},
        {"spn", "service provider name"},
        {"spnDisplay", "display condition of EF.SPN, 0 to 3 (1)"},
        {"acc", "access classes, 0001 or 0,11 (from the IMSI)"},
        {"languages", "list of languages, [\"en\", \"de\"]"},
        {"ecc", "list of emergency numbers ([\"112\", \"911\"])"},
        {"smsc", "SMS service centre, +..."},
        {"gid1", "group identifier level 1, hex"},
        {"gid2", "group identifier level 2, hex"},
        {"hpplmn", "interval of the search for the home network, in 6 minutes (10)"},
        {"algorithm", "milenage, tuak or test (milenage)"},
        {"algorithmOptions", "the option byte of the algorithm (1, test 2)"},
        {"k", "subscriber key, hex; needed"},
        {"opc", "OPc of Milenage, hex; or:"},
        {"op", "OP, from which OPc is derived"},
        {"topc", "TOPc of TUAK, hex; or:"},
        {"top", "TOP, from which TOPc is derived"},
        {"rotationConstants", "r1..r5 of Milenage in bits, 5 bytes of hex"},
        {"xoringConstants", "c1..c5 of Milenage, 80 bytes of hex"},
        {"authCounterMax", "limit of authentications, 3 bytes of hex"},
        {"numberOfKeccak", "iterations of TUAK (1)"},
        {"sqnOptions", "1 byte of hex (02)"},
        {"sqnDelta", "6 bytes of hex (000010000000)"},
        {"sqnAgeLimit", "6 bytes of hex (000010000000)"},
        {"pin1", "4 to 8 digits (0000)"},
        {"pin1Enabled", "true when PIN1 is asked for (false)"},
        {"pin2", "4 to 8 digits (0000)"},
        {"puk1", "8 digits; needed"},
        {"puk2", "8 digits; needed"},
        {"adm1", "4 to 8 digits or 16 hex digits; needed"},
        {"plmn.user", "user's networks, [\"999-70:eutran,ngran\"]"},
        {"plmn.operator", "operator's networks"},
        {"plmn.home", "home networks (the one of the IMSI)"},
        {"plmn.equivalent", "equivalent home networks, [\"999-71\"]"},
        {"plmn.forbidden", "forbidden networks"},
        {"services", "numbers of more services for EF.UST"},
        {"usimAid", "AID of the USIM, hex"},
        {"gsmAccess", "with DF.GSM-ACCESS (true)"},
        {"contacts", "entries of a phonebook in DF.TELECOM, 0 to 250 (0)"},
        {"fiveG", "false, true, or an object (true from version 2.3 on)"},
        {"fiveG.routingIndicator", "1 to 4 digits (0)"},
        {"fiveG.accessIdentities", "EF.UAC_AIC, 4 bytes of hex"},
        {"fiveG.suci.byUsim", "the card computes the SUCI (false: the phone does)"},
        {"fiveG.suci.allowNull", "null scheme as the last choice (false)"},
        {"fiveG.suci.keys", "[{\"profile\": \"A\", \"id\": 1, \"key\": \"<hex>\"}]"},
        {"isim", "false, true, or an object (false)"},
        {"isim.aid", "AID of the ISIM, hex"},
        {"isim.impi", "private identity (IMSI@domain)"},
        {"isim.impu", "list of public identities ([sip:impi])"},
        {"isim.domain", "home network domain (from the IMSI)"},
        {"isim.pcscf", "list of P-CSCF names or addresses"},
        {"isim.services", "numbers of more services for EF.IST"},
        {"sd.keys", "[{\"version\": 1, \"type\": \"aes\", \"enc\": .., \"mac\": .., \"dek\": ..}]"},
        {"sd.keys, SCP81", "[{\"version\": 64, \"type\": \"psk\", \"psk\": ..}], a dek if wanted"},
        {"sd.sessionParameters", "of administration sessions: TLVs 84, 85, 86, 89, B3, hex"},
        {"sd.tar", "TAR of the MNO-SD, 3 bytes of hex (B20100)"},
        {"sd.minimumSecurityLevel", "of remote management (22: ciphered, signed, counted)"},
        {"sd.rfm", "with remote file management (true when there are keys)"},
        {"elements", "more elements, as profile show --json prints them"},
        {NULL, NULL},
    };
    return members;
}

/* ------------------------------------------------------------------ MF and codes */

cr_status profile_build_take(struct profile_maker *m, cr_buf *buf, cr_span *out)
{
    *out = cr_arena_copy(m->arena, cr_buf_span(buf));
    bool good = cr_buf_ok(buf) && cr_span_present(*out);
    cr_buf_free(buf);
    return good ? CR_OK : cr_fail_memory(m->err);
}

static cr_status languages_of(struct profile_maker *m, const struct profile_plan *plan,
                              cr_span *out)
{
    cr_buf buf = {0};
    for (size_t i = 0; i < plan->languages.count; i++) {
        cr_buf_append_span(&buf, plan->languages.items[i]);
    }
    return profile_build_take(m, &buf, out);
}

/* EF.DIR: a record for each application, all as long as the longest. */
static cr_status dir_of(struct profile_maker *m, const struct profile_plan *plan, cr_span *out,
                        size_t *record_length)
{
    cr_buf records[2] = {{0}};
    cr_buf all = {0};
    size_t count = plan->isim ? 2 : 1;
    profile_dir_encode(plan->usim_aid, cr_span_str("USIM"), &records[0]);
    profile_dir_encode(plan->isim_aid, cr_span_str("ISIM"), &records[1]);
    *record_length = records[0].n;
    if (plan->isim && records[1].n > *record_length) {
        *record_length = records[1].n;
    }
    for (size_t i = 0; i < count; i++) {
        cr_buf_append_span(&all, cr_buf_span(&records[i]));
        for (size_t n = records[i].n; n < *record_length; n++) {
            cr_buf_append_byte(&all, 0xFF);
        }
    }
    cr_buf_free(&records[0]);
    cr_buf_free(&records[1]);
    return profile_build_take(m, &all, out);
}

static const uint8_t mf_pins[] = {0x01, 0x0A};

static cr_status make_mf(struct profile_maker *m, const struct profile_plan *plan)
{
    static const uint8_t umpc[] = {0x3C, 0x3C, 0x00, 0x00, 0x00};
    struct profile_element *e;
    uint8_t iccid[PROFILE_ICCID];
    cr_span dir;
    cr_span arr;
    cr_span languages;
    size_t dir_record = 0;
    CR_TRY(profile_iccid_encode(plan->iccid, iccid, m->err));
    CR_TRY(dir_of(m, plan, &dir, &dir_record));
    CR_TRY(profile_make_arr(m, &arr));
    CR_TRY(languages_of(m, plan, &languages));
    cr_span copy = cr_arena_copy(m->arena, CR_SPAN_ARRAY(iccid));
    if (!cr_span_present(copy)) {
        return cr_fail_memory(m->err);
    }
    CR_TRY(profile_make_files(m, 1, 1, &e));
    const struct profile_file_spec files[] = {
        {.name = "mf", .pin_status = CR_SPAN_ARRAY(mf_pins)},
        {.name = "ef-pl", .content = languages, .state_size = languages.n > 2},
        {.name = "ef-iccid", .content = copy},
        {.name = "ef-dir", .content = dir, .state_size = true, .record_length = dir_record},
        {.name = "ef-arr",
         .content = arr,
         .state_size = true,
         .record_length = PROFILE_ARR_RECORD,
         .sfi = 6},
        {.name = "ef-umpc", .content = CR_SPAN_ARRAY(umpc)},
    };
    for (size_t i = 0; i < CR_COUNT(files); i++) {
        CR_TRY(profile_make_file(m, e, &files[i]));
    }
    return CR_OK;
}

static cr_status make_puks(struct profile_maker *m, const struct profile_plan *plan)
{
    struct profile_element *e;
    struct profile_puk *puks = cr_arena_alloc_array(m->arena, 2, sizeof(*puks));
    if (!puks) {
        return cr_fail_memory(m->err);
    }
    CR_TRY(profile_make_element(m, PROFILE_PUK_CODES, &e));
    puks[0] = (struct profile_puk){.key_reference = 0x01,
                                   .puk_value = CR_SPAN_ARRAY(plan->puk1),
                                   .max_num_of_attemps_retry_num_left = 0xAA};
    puks[1] = (struct profile_puk){.key_reference = 0x81,
                                   .puk_value = CR_SPAN_ARRAY(plan->puk2),
                                   .max_num_of_attemps_retry_num_left = 0xAA};
    e->puk_codes.codes.items = puks;
    e->puk_codes.codes.count = 2;
    e->puk_codes.codes.present = true;
    return CR_OK;
}

static cr_status make_pins(struct profile_maker *m, const struct profile_pin *from, size_t count)
{
    struct profile_element *e;
    struct profile_pin *pins = cr_arena_alloc_array(m->arena, count, sizeof(*pins));
    if (!pins) {
        return cr_fail_memory(m->err);
    }
    memcpy(pins, from, count * sizeof(*pins));
    CR_TRY(profile_make_element(m, PROFILE_PIN_CODES, &e));
    e->pin_codes.codes.which = PROFILE_PIN_CONFIG;
    e->pin_codes.codes.pinconfig.items = pins;
    e->pin_codes.codes.pinconfig.count = count;
    e->pin_codes.codes.pinconfig.present = true;
    return CR_OK;
}

static cr_status make_global_pins(struct profile_maker *m, const struct profile_plan *plan)
{
    const struct profile_pin pins[] = {
        {.key_reference = 0x01,
         .pin_value = CR_SPAN_ARRAY(plan->pin1),
         .has_unblocking_pin_reference = true,
         .unblocking_pin_reference = 0x01,
         .pin_attributes = (plan->pin1_enabled ? PROFILE_PIN_ENABLED : 0) | PROFILE_PIN_CHANGEABLE |
                           PROFILE_PIN_DISABLEABLE,
         .max_num_of_attemps_retry_num_left = 0x33},
        {.key_reference = 0x0A,
         .pin_value = CR_SPAN_ARRAY(plan->adm1),
         .pin_attributes = PROFILE_PIN_ENABLED | PROFILE_PIN_CHANGEABLE,
         .max_num_of_attemps_retry_num_left = 0xAA},
    };
    return make_pins(m, pins, CR_COUNT(pins));
}

cr_status profile_build_local_pins(struct profile_maker *m, const struct profile_plan *plan)
{
    const struct profile_pin pins[] = {
        {.key_reference = 0x81,
         .pin_value = CR_SPAN_ARRAY(plan->pin2),
         .has_unblocking_pin_reference = true,
         .unblocking_pin_reference = 0x81,
         .pin_attributes = PROFILE_PIN_ENABLED | PROFILE_PIN_CHANGEABLE,
         .max_num_of_attemps_retry_num_left = 0x33},
    };
    return make_pins(m, pins, CR_COUNT(pins));
}

cr_status profile_build_aka(struct profile_maker *m, const struct profile_plan *plan)
{
    struct profile_element *e;
    cr_span options;
    CR_TRY(profile_make_element(m, PROFILE_AKA, &e));
    CR_TRY(profile_make_number(m, (size_t)plan->algorithm_options, 1, &options));
    e->aka.algo_configuration.which = PROFILE_AKA_OWN;
    e->aka.algo_configuration.algo_parameter = (struct profile_aka_algorithm){
        .algorithm_id = plan->algorithm,
        .algorithm_options = options,
        .key = plan->k,
        .opc = plan->opc,
        .rotation_constants = plan->rotation_constants,
        .xoring_constants = plan->xoring_constants,
        .auth_counter_max = plan->auth_counter_max,
        .number_of_keccak = plan->number_of_keccak,
    };
    e->aka.sqn_options = plan->sqn_options;
    e->aka.sqn_delta = plan->sqn_delta;
    e->aka.sqn_age_limit = plan->sqn_age_limit;
    return CR_OK;
}

/* ------------------------------------------------------------------ header and package */

/* Services and templates of what was made, on the first element. */
static cr_status finish_header(struct profile_maker *m, const struct profile_plan *plan)
{
    struct profile_header *h = &m->elements[0].profile_header;
    uint8_t iccid[PROFILE_ICCID];
    cr_span *list = cr_arena_alloc_array(m->arena, m->count, sizeof(*list));
    CR_TRY(profile_iccid_plain(plan->iccid, iccid, m->err));
    h->major_version = plan->major;
    h->minor_version = plan->minor;
    h->profile_type = plan->profile_type;
    h->iccid = cr_arena_copy(m->arena, CR_SPAN_ARRAY(iccid));
    if (!list || !cr_span_present(h->iccid)) {
        return cr_fail_memory(m->err);
    }
    h->services[PROFILE_SERVICE_USIM] = true;
    h->services[PROFILE_SERVICE_ISIM] = plan->isim;
    h->services[PROFILE_SERVICE_MILENAGE] = plan->algorithm == PROFILE_AKA_MILENAGE;
    h->services[PROFILE_SERVICE_TUAK128] = plan->algorithm == PROFILE_AKA_TUAK && plan->k.n == 16;
    h->services[PROFILE_SERVICE_TUAK256] = plan->algorithm == PROFILE_AKA_TUAK && plan->k.n == 32;
    h->services[PROFILE_SERVICE_USIM_TEST_ALGORITHM] = plan->algorithm == PROFILE_AKA_TEST;
    h->services[PROFILE_SERVICE_GET_IDENTITY] = plan->suci.by_usim;
    for (size_t i = 0; plan->suci.by_usim && i < plan->suci.count; i++) {
        h->services[plan->suci.keys[i].scheme == 1 ? PROFILE_SERVICE_PROFILE_A_X25519
                                                   : PROFILE_SERVICE_PROFILE_B_P256] = true;
    }
    h->gfste_list.items = list;
    h->gfste_list.present = true;
    for (size_t i = 0; i < m->count; i++) {
        if (profile_kind_has_files(m->elements[i].kind)) {
            list[h->gfste_list.count++] = m->elements[i].fs.template_id;
        }
    }
    return CR_OK;
}

/* Elements of the description: their identifications are taken. */
static cr_status read_extra(const json_t *description, cr_arena *arena,
                            struct profile_package *extra, struct cr_err *err)
{
    const json_t *elements = json_object_get(description, "elements");
    *extra = (struct profile_package){0};
    return elements ? profile_elements_from_json(elements, arena, extra, err) : CR_OK;
}

static cr_status take_ids(struct profile_maker *m, const struct profile_package *extra)
{
    int64_t *ids = cr_arena_alloc_array(m->arena, extra->count, sizeof(*ids));
    if (!ids) {
        return cr_fail_memory(m->err);
    }
    for (size_t i = 0; i < extra->count; i++) {
        ids[i] = extra->elements[i].header.identification;
    }
    m->taken = ids;
    m->taken_count = extra->count;
    return CR_OK;
}

static cr_status append_extra(struct profile_maker *m, const struct profile_package *extra)
{
    if (extra->count > PROFILE_MAX_ELEMENTS - m->count) {
        return cr_fail(m->err, CR_REFUSED, NULL, "more than %d elements", PROFILE_MAX_ELEMENTS);
    }
    for (size_t i = 0; i < extra->count; i++) {
        if (extra->elements[i].kind == PROFILE_HEADER || extra->elements[i].kind == PROFILE_END) {
            return cr_fail(m->err, CR_MALFORMED, NULL,
                           "elements[%zu]: header and end come from the description", i);
        }
        m->elements[m->count++] = extra->elements[i];
    }
    return CR_OK;
}

static cr_status build_plan(struct profile_maker *m, const struct profile_plan *plan,
                            const struct profile_package *extra)
{
    struct profile_element *e;
    CR_TRY(profile_make_element(m, PROFILE_HEADER, &e));
    CR_TRY(make_mf(m, plan));
    CR_TRY(make_puks(m, plan));
    CR_TRY(make_global_pins(m, plan));
    CR_TRY(profile_build_telecom(m, plan));
    CR_TRY(profile_build_usim(m, plan));
    CR_TRY(profile_build_isim(m, plan));
    CR_TRY(profile_build_domain(m, plan));
    CR_TRY(append_extra(m, extra));
    CR_TRY(profile_make_element(m, PROFILE_END, &e));
    return finish_header(m, plan);
}

static bool is_low_level(const json_t *description)
{
    return json_object_size(description) == 1 && json_object_get(description, "elements");
}

cr_status profile_build(const json_t *description, cr_arena *arena, struct profile_package *out,
                        struct cr_err *err)
{
    struct profile_plan *plan = NULL;
    struct profile_package extra;
    if (!json_is_object(description)) {
        return cr_fail(err, CR_MALFORMED, NULL, "a description is a JSON object");
    }
    CR_TRY(read_extra(description, arena, &extra, err));
    if (is_low_level(description)) {
        *out = extra;
        return CR_OK;
    }
    plan = cr_arena_alloc(arena, sizeof(*plan));
    struct profile_maker m = {.arena = arena, .err = err, .next_id = 1};
    m.elements = cr_arena_alloc_array(arena, PROFILE_MAX_ELEMENTS, sizeof(struct profile_element));
    if (!plan || !m.elements) {
        return cr_fail_memory(err);
    }
    CR_TRY(profile_plan_read(description, arena, plan, err));
    CR_TRY(take_ids(&m, &extra));
    CR_TRY(build_plan(&m, plan, &extra));
    *out = (struct profile_package){.elements = m.elements, .count = m.count};
    return CR_OK;
}

cr_status profile_build_text(cr_span json_text, cr_buf *upp, struct cr_err *err)
{
    json_error_t where;
    struct profile_package package;
    cr_arena arena = {.secret = true};
    if (json_text.n > PROFILE_MAX_DESCRIPTION) {
        return cr_fail(err, CR_MALFORMED, NULL, "a description of %zu bytes, at most %d",
                       json_text.n, PROFILE_MAX_DESCRIPTION);
    }
    json_t *description =
        json_loadb((const char *)json_text.p, json_text.n, JSON_REJECT_DUPLICATES, &where);
    if (!description) {
        return cr_fail(err, CR_MALFORMED, NULL, "line %d, column %d: %s", where.line, where.column,
                       where.text);
    }
    cr_status status = profile_build(description, &arena, &package, err);
    if (status == CR_OK) {
        status = profile_package_encode(&package, upp, err);
    }
    json_decref(description);
    cr_arena_free(&arena);
    return status;
}
