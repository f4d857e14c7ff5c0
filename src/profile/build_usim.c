/*
 * ADF.USIM, what is below it, ADF.ISIM, the phonebook in DF.TELECOM.
 */
#include "profile/build_parts.h"
#include "profile/description.h"

#define USIM_FID 0x7FD0 /* temporary ids: not those of a DF that a phone looks for */
#define ISIM_FID 0x7FB0

#define UST_SIZE 19 /* bytes: up to service 152 */
#define IST_SIZE 14

static const uint8_t adf_pins[] = {0x01, 0x81, 0x0A};

/* A field of the description, for messages of encoders that do not know it. */
static cr_status at(struct profile_maker *m, const char *name, cr_status status)
{
    const struct profile_description d = {.path = "", .arena = m->arena, .err = m->err};
    return profile_description_at(&d, name, status);
}

/* Version of a template for the package's version: v2 packages have the first ones. */
static unsigned version_of(const struct profile_plan *plan, unsigned arc)
{
    bool late = plan->major > 3 || (plan->major == 3 && plan->minor >= 3);
    if (plan->major < 3) {
        return 1;
    }
    switch (arc) {
    case 5:
        return late ? 3 : 2;
    case 13:
        return late ? 4 : 3;
    default:
        return 2;
    }
}

/* ------------------------------------------------------------------ contents */

static cr_status plmns_act(struct profile_maker *m, const struct plan_list *list, size_t least,
                           const char *name, cr_span *out)
{
    static const uint8_t none[] = {0xFF, 0xFF, 0xFF, 0x00, 0x00};
    cr_buf buf = {0};
    cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < list->count; i++) {
        status = at(m, name, profile_plmn_act_encode(list->items[i], &buf, m->err));
    }
    while (buf.n < least * sizeof(none) && cr_buf_ok(&buf)) {
        cr_buf_append(&buf, none, sizeof(none));
    }
    if (status != CR_OK) {
        cr_buf_free(&buf);
        return status;
    }
    return profile_build_take(m, &buf, out);
}

static cr_status plmns(struct profile_maker *m, const struct plan_list *list, const char *name,
                       cr_span *out)
{
    cr_buf buf = {0};
    cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < list->count; i++) {
        uint8_t plmn[PROFILE_PLMN];
        status = at(m, name, profile_plmn_encode(list->items[i], plmn, m->err));
        cr_buf_append(&buf, plmn, status == CR_OK ? sizeof(plmn) : 0);
    }
    if (status != CR_OK) {
        cr_buf_free(&buf);
        return status;
    }
    return profile_build_take(m, &buf, out);
}

static cr_status bytes(struct profile_maker *m, size_t n, uint8_t **out)
{
    *out = cr_arena_alloc(m->arena, n);
    return *out ? CR_OK : cr_fail_memory(m->err);
}

static cr_status ecc_of(struct profile_maker *m, const struct profile_plan *plan, cr_span *out)
{
    uint8_t *records;
    CR_TRY(bytes(m, plan->ecc.count * 4, &records));
    for (size_t i = 0; i < plan->ecc.count; i++) {
        CR_TRY(at(m, "ecc",
                  profile_ecc_encode(plan->ecc.items[i], cr_span_str(""), 0, records + i * 4, 4,
                                     m->err)));
    }
    *out = cr_span_of(records, plan->ecc.count * 4);
    return CR_OK;
}

/* ------------------------------------------------------------------ service tables */

/* True when one of the elements from `first` on has this file. */
static bool made(const struct profile_maker *m, size_t first, const char *name, size_t n)
{
    char member[40];
    if (n >= sizeof(member)) {
        return false;
    }
    memcpy(member, name, n);
    member[n] = 0;
    for (size_t i = first; i < m->count; i++) {
        if (profile_kind_has_files(m->elements[i].kind) &&
            profile_element_has_member(&m->elements[i], member)) {
            return true;
        }
    }
    return false;
}

/* All files of a service are there. */
static bool has_files(const struct profile_maker *m, size_t first, const char *files)
{
    while (files && *files) {
        size_t n = strcspn(files, " ");
        if (!made(m, first, files, n)) {
            return false;
        }
        files += n + (files[n] == ' ');
    }
    return files != NULL;
}

static void set_services(const struct profile_maker *m, size_t first,
                         const struct profile_ust_service *services, size_t count, uint8_t *table,
                         size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (has_files(m, first, services[i].files)) {
            (void)profile_table_set(table, size, services[i].number);
        }
    }
}

/* The content of EF.UST points at this table, which is filled when everything else is there. */
static void finish_ust(const struct profile_maker *m, const struct profile_plan *plan, size_t first,
                       uint8_t *ust)
{
    set_services(m, first, profile_ust_services, profile_ust_service_count, ust, UST_SIZE);
    (void)profile_table_set(ust, UST_SIZE, 33); /* "shall be set to 1" */
    if (plan->gsm_access) {
        (void)profile_table_set(ust, UST_SIZE, 38);
    }
    if (plan->key_count > 0) {
        (void)profile_table_set(ust, UST_SIZE, 28);
    }
    if (plan->suci.by_usim) {
        (void)profile_table_set(ust, UST_SIZE, 125);
    }
    for (size_t i = 0; i < plan->service_count; i++) {
        (void)profile_table_set(ust, UST_SIZE, (unsigned)plan->services[i]);
    }
}

/* ------------------------------------------------------------------ USIM */

static cr_status put_all(struct profile_maker *m, struct profile_element *e,
                         const struct profile_file_spec *specs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CR_TRY(profile_make_file(m, e, &specs[i]));
    }
    return CR_OK;
}

struct usim_contents {
    cr_span imsi, arr, ust, spn, acc, ad, ecc, smsp, fplmn, hpplmn;
};

static cr_status usim_contents_of(struct profile_maker *m, const struct profile_plan *plan,
                                  struct usim_contents *c)
{
    uint8_t *p;
    CR_TRY(bytes(m, PROFILE_IMSI, &p));
    CR_TRY(profile_imsi_encode(plan->imsi, p, m->err));
    c->imsi = cr_span_of(p, PROFILE_IMSI);
    CR_TRY(profile_make_arr(m, &c->arr));
    CR_TRY(bytes(m, PROFILE_SPN, &p));
    CR_TRY(at(m, "spn", profile_spn_encode((uint8_t)plan->spn_display, plan->spn, p, m->err)));
    c->spn = cr_span_of(p, PROFILE_SPN);
    c->acc = CR_SPAN_ARRAY(plan->acc);
    CR_TRY(bytes(m, 4, &p));
    p[3] = (uint8_t)plan->mnc_length;
    c->ad = cr_span_of(p, 4);
    CR_TRY(ecc_of(m, plan, &c->ecc));
    CR_TRY(plmns(m, &plan->forbidden_plmn, "plmn.forbidden", &c->fplmn));
    CR_TRY(profile_make_number(m, (size_t)plan->hpplmn, 1, &c->hpplmn));
    if (plan->smsc.n > 0) {
        CR_TRY(bytes(m, 38, &p));
        CR_TRY(at(m, "smsc", profile_smsp_encode(cr_span_str(""), plan->smsc, p, 38, m->err)));
        c->smsp = cr_span_of(p, 38);
    }
    return CR_OK;
}

static cr_status make_usim(struct profile_maker *m, const struct profile_plan *plan, uint8_t *ust)
{
    static const uint8_t none_enabled[] = {0x00};
    struct profile_element *e;
    struct usim_contents c = {0};
    CR_TRY(usim_contents_of(m, plan, &c));
    CR_TRY(profile_make_files(m, 4, version_of(plan, 4), &e));
    const struct profile_file_spec files[] = {
        {.name = "adf-usim",
         .aid = plan->usim_aid,
         .fid = USIM_FID,
         .pin_status = CR_SPAN_ARRAY(adf_pins)},
        {.name = "ef-imsi", .content = c.imsi, .state_size = true},
        {.name = "ef-arr",
         .content = c.arr,
         .state_size = true,
         .record_length = PROFILE_ARR_RECORD},
        {.name = "ef-hpplmn", .content = c.hpplmn},
        {.name = "ef-ust", .content = cr_span_of(ust, UST_SIZE), .state_size = true},
        {.name = "ef-fdn"},
        {.name = "ef-sms"},
        {.name = "ef-smsp", .content = c.smsp},
        {.name = "ef-spn", .content = c.spn},
        {.name = "ef-est", .content = CR_SPAN_ARRAY(none_enabled)},
        {.name = "ef-acc", .content = c.acc},
        {.name = "ef-fplmn", .content = c.fplmn, .state_size = c.fplmn.n > 12},
        {.name = "ef-ad", .content = c.ad},
        {.name = "ef-ecc", .content = c.ecc, .state_size = true, .record_length = 4},
        {.name = "ef-epsloci"},
        {.name = "ef-epsnsc"},
    };
    return put_all(m, e, files, CR_COUNT(files));
}

struct optional_contents {
    cr_span languages, msisdn, user, operator_list, home, equivalent;
};

/* The home network: the one of the IMSI when none is named. */
static cr_status home_of(struct profile_maker *m, const struct profile_plan *plan, cr_span *out)
{
    const struct plan_list *list = &plan->home_plmn;
    struct plan_list own = {.count = 1};
    if (list->count == 0) {
        own.items[0] = cr_span_sub(plan->imsi, 0, 3 + (size_t)plan->mnc_length);
        list = &own;
    }
    return plmns_act(m, list, 1, "plmn.home", out);
}

static cr_status optional_contents_of(struct profile_maker *m, const struct profile_plan *plan,
                                      struct optional_contents *c)
{
    cr_buf languages = {0};
    uint8_t *p;
    for (size_t i = 0; i < plan->languages.count; i++) {
        cr_buf_append_span(&languages, plan->languages.items[i]);
    }
    CR_TRY(profile_build_take(m, &languages, &c->languages));
    if (plan->msisdn.n > 0) {
        CR_TRY(bytes(m, 24, &p));
        CR_TRY(at(m, "msisdn", profile_adn_encode(cr_span_str(""), plan->msisdn, p, 24, m->err)));
        c->msisdn = cr_span_of(p, 24);
    }
    CR_TRY(plmns_act(m, &plan->user_plmn, 8, "plmn.user", &c->user));
    CR_TRY(plmns_act(m, &plan->operator_plmn, 8, "plmn.operator", &c->operator_list));
    CR_TRY(home_of(m, plan, &c->home));
    return plmns(m, &plan->equivalent_plmn, "plmn.equivalent", &c->equivalent);
}

static cr_status make_optional(struct profile_maker *m, const struct profile_plan *plan)
{
    struct profile_element *e;
    struct optional_contents c = {0};
    CR_TRY(optional_contents_of(m, plan, &c));
    CR_TRY(profile_make_files(m, 5, version_of(plan, 5), &e));
    const struct {
        bool wanted;
        struct profile_file_spec spec;
    } files[] = {
        {plan->languages.count > 0,
         {.name = "ef-li", .content = c.languages, .state_size = c.languages.n > 6}},
        {plan->gid1.n > 0, {.name = "ef-gid1", .content = plan->gid1, .state_size = true}},
        {plan->gid2.n > 0, {.name = "ef-gid2", .content = plan->gid2, .state_size = true}},
        {plan->msisdn.n > 0, {.name = "ef-msisdn", .content = c.msisdn}},
        {true, {.name = "ef-plmnwact", .content = c.user, .state_size = true}},
        {true, {.name = "ef-oplmnwact", .content = c.operator_list, .state_size = true}},
        {true, {.name = "ef-hplmnwact", .content = c.home, .state_size = true}},
        {c.equivalent.n > 0,
         {.name = "ef-ehplmn", .content = c.equivalent, .state_size = c.equivalent.n > 15}},
    };
    for (size_t i = 0; i < CR_COUNT(files); i++) {
        if (files[i].wanted) {
            CR_TRY(profile_make_file(m, e, &files[i].spec));
        }
    }
    return CR_OK;
}

/* ------------------------------------------------------------------ below the USIM */

static cr_status make_gsm_access(struct profile_maker *m, const struct profile_plan *plan)
{
    struct profile_element *e;
    if (!plan->gsm_access) {
        return CR_OK;
    }
    CR_TRY(profile_make_files(m, 7, 1, &e));
    const struct profile_file_spec files[] = {
        {.name = "df-gsm-access", .pin_status = CR_SPAN_ARRAY(adf_pins)},
        {.name = "ef-kc"},
        {.name = "ef-kcgprs"},
    };
    return put_all(m, e, files, CR_COUNT(files));
}

/* A0 { scheme, key index }* A1 { 80 key id, 81 key }*: in the order of preference of the list. */
static cr_status suci_of(struct profile_maker *m, const struct plan_suci *suci, cr_span *out)
{
    cr_buf buf = {0};
    size_t mark = der_open(&buf, 0xA0);
    for (size_t i = 0; i < suci->count; i++) {
        cr_buf_append_byte(&buf, suci->keys[i].scheme);
        cr_buf_append_byte(&buf, (uint8_t)(i + 1));
    }
    if (suci->allow_null) {
        cr_buf_append(&buf, "\x00\x00", 2);
    }
    der_close(&buf, mark);
    mark = der_open(&buf, 0xA1);
    for (size_t i = 0; i < suci->count; i++) {
        der_put(&buf, 0x80, cr_span_of(&suci->keys[i].id, 1));
        der_put(&buf, 0x81, suci->keys[i].key);
    }
    der_close(&buf, mark);
    return profile_build_take(m, &buf, out);
}

/* Digits swapped and F filled, then the two RFU bytes of the template. */
static cr_status routing_of(struct profile_maker *m, const struct profile_template *t,
                            cr_span digits, cr_span *out)
{
    uint8_t *p;
    const struct profile_template_member *row =
        profile_template_member_named(t, "ef-routing-indicator");
    CR_TRY(bytes(m, 4, &p));
    memset(p, 0xFF, 4);
    memcpy(p + 2, row->pattern + 2, 2);
    for (size_t i = 0; i < digits.n && i < 4; i++) {
        uint8_t v = (uint8_t)(digits.p[i] - '0');
        p[i / 2] = (uint8_t)(i % 2 ? (p[i / 2] & 0x0F) | v << 4 : 0xF0 | v);
    }
    *out = cr_span_of(p, 4);
    return CR_OK;
}

static cr_status make_five_g(struct profile_maker *m, const struct profile_plan *plan)
{
    static const uint8_t empty[] = {0xFF};
    struct profile_element *e;
    cr_span routing;
    cr_span suci = {0};
    bool by_phone = plan->suci.present && !plan->suci.by_usim;
    if (!plan->five_g) {
        return CR_OK;
    }
    CR_TRY(profile_make_files(m, 13, version_of(plan, 13), &e));
    CR_TRY(routing_of(m, e->fs.template, plan->routing_indicator, &routing));
    if (by_phone) {
        CR_TRY(suci_of(m, &plan->suci, &suci));
    }
    const struct {
        bool wanted;
        struct profile_file_spec spec;
    } files[] = {
        {true, {.name = "df-df-5gs", .pin_status = CR_SPAN_ARRAY(adf_pins)}},
        {true, {.name = "ef-5gs3gpploci"}},
        {true, {.name = "ef-5gsn3gpploci"}},
        {true, {.name = "ef-5gs3gppnsc"}},
        {true, {.name = "ef-5gsn3gppnsc"}},
        {true, {.name = "ef-5gauthkeys", .fill_pattern = CR_SPAN_ARRAY(empty)}},
        {plan->access_identities.n > 0, {.name = "ef-uac-aic", .content = plan->access_identities}},
        {by_phone, {.name = "ef-suci-calc-info", .content = suci, .state_size = true}},
        {true, {.name = "ef-routing-indicator", .content = routing}},
    };
    for (size_t i = 0; i < CR_COUNT(files); i++) {
        if (files[i].wanted) {
            CR_TRY(profile_make_file(m, e, &files[i].spec));
        }
    }
    return CR_OK;
}

static cr_status make_saip(struct profile_maker *m, const struct profile_plan *plan)
{
    struct profile_element *e;
    cr_span suci;
    if (!plan->suci.by_usim) {
        return CR_OK;
    }
    CR_TRY(suci_of(m, &plan->suci, &suci));
    CR_TRY(profile_make_files(m, 14, 1, &e));
    const struct profile_file_spec files[] = {
        {.name = "df-df-saip", .pin_status = CR_SPAN_ARRAY(adf_pins)},
        {.name = "ef-suci-calc-info-usim", .content = suci, .state_size = true},
    };
    return put_all(m, e, files, CR_COUNT(files));
}

cr_status profile_build_usim(struct profile_maker *m, const struct profile_plan *plan)
{
    size_t first = m->count;
    uint8_t *ust;
    CR_TRY(bytes(m, UST_SIZE, &ust));
    CR_TRY(make_usim(m, plan, ust));
    CR_TRY(make_optional(m, plan));
    CR_TRY(profile_build_local_pins(m, plan));
    CR_TRY(profile_build_aka(m, plan));
    CR_TRY(make_gsm_access(m, plan));
    CR_TRY(make_five_g(m, plan));
    CR_TRY(make_saip(m, plan));
    finish_ust(m, plan, first, ust);
    return CR_OK;
}

/* ------------------------------------------------------------------ ISIM */

/* Texts in TLVs, each padded to the longest. */
static cr_status texts_of(struct profile_maker *m, const struct plan_list *list, bool pcscf,
                          cr_span *out, size_t *record_length)
{
    cr_buf all = {0};
    *record_length = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t n = der_header_size(0x80, list->items[i].n + pcscf) + list->items[i].n + pcscf;
        *record_length = n > *record_length ? n : *record_length;
    }
    for (size_t i = 0; i < list->count; i++) {
        cr_buf value = {0};
        size_t start = all.n;
        if (pcscf) {
            cr_buf_append_byte(&value, 0x00); /* a name; addresses of IPv4 and IPv6 are bytes */
        }
        cr_buf_append_span(&value, list->items[i]);
        profile_text_tlv_encode(cr_buf_span(&value), &all);
        cr_buf_free(&value);
        while (cr_buf_ok(&all) && all.n < start + *record_length) {
            cr_buf_append_byte(&all, 0xFF);
        }
    }
    return profile_build_take(m, &all, out);
}

static cr_status too_long(struct profile_maker *m, const char *name, size_t record_length)
{
    return record_length <= PROFILE_MAX_RECORD
               ? CR_OK
               : at(m, name, cr_fail(m->err, CR_REFUSED, NULL, "longer than a record"));
}

static cr_status make_isim(struct profile_maker *m, const struct profile_plan *plan, uint8_t *ist)
{
    struct profile_element *e;
    uint8_t *ad;
    struct plan_list impi = {.count = 1, .items = {plan->impi}};
    struct plan_list domain = {.count = 1, .items = {plan->domain}};
    cr_span contents[3];
    size_t lengths[3];
    cr_span arr;
    CR_TRY(texts_of(m, &impi, false, &contents[0], &lengths[0]));
    CR_TRY(texts_of(m, &plan->impu, false, &contents[1], &lengths[1]));
    CR_TRY(texts_of(m, &domain, false, &contents[2], &lengths[2]));
    CR_TRY(too_long(m, "isim.impu", lengths[1]));
    CR_TRY(profile_make_arr(m, &arr));
    CR_TRY(bytes(m, 3, &ad));
    CR_TRY(profile_make_files(m, 8, 1, &e));
    const struct profile_file_spec files[] = {
        {.name = "adf-isim",
         .aid = plan->isim_aid,
         .fid = ISIM_FID,
         .pin_status = CR_SPAN_ARRAY(adf_pins)},
        {.name = "ef-impi", .content = contents[0], .state_size = true},
        {.name = "ef-impu",
         .content = contents[1],
         .state_size = true,
         .record_length = lengths[1]},
        {.name = "ef-domain", .content = contents[2], .state_size = true},
        {.name = "ef-ist", .content = cr_span_of(ist, IST_SIZE)},
        {.name = "ef-ad", .content = cr_span_of(ad, 3)},
        {.name = "ef-arr", .content = arr, .state_size = true, .record_length = PROFILE_ARR_RECORD},
    };
    return put_all(m, e, files, CR_COUNT(files));
}

static cr_status make_optional_isim(struct profile_maker *m, const struct profile_plan *plan)
{
    struct profile_element *e;
    struct profile_file_spec pcscf = {.name = "ef-pcscf", .state_size = true};
    if (plan->pcscf.count == 0) {
        return CR_OK;
    }
    CR_TRY(texts_of(m, &plan->pcscf, true, &pcscf.content, &pcscf.record_length));
    CR_TRY(too_long(m, "isim.pcscf", pcscf.record_length));
    CR_TRY(profile_make_files(m, 9, version_of(plan, 9), &e));
    return profile_make_file(m, e, &pcscf);
}

cr_status profile_build_isim(struct profile_maker *m, const struct profile_plan *plan)
{
    size_t first = m->count;
    uint8_t *ist;
    if (!plan->isim) {
        return CR_OK;
    }
    CR_TRY(bytes(m, IST_SIZE, &ist));
    CR_TRY(make_isim(m, plan, ist));
    CR_TRY(make_optional_isim(m, plan));
    CR_TRY(profile_build_local_pins(m, plan));
    CR_TRY(profile_build_aka(m, plan));
    set_services(m, first, profile_ist_services, profile_ist_service_count, ist, IST_SIZE);
    for (size_t i = 0; i < plan->isim_service_count; i++) {
        (void)profile_table_set(ist, IST_SIZE, (unsigned)plan->isim_services[i]);
    }
    return CR_OK;
}

/* ------------------------------------------------------------------ phonebook */

#define ADN_FID    0x4F3A
#define ADN_RECORD 28

cr_status profile_build_telecom(struct profile_maker *m, const struct profile_plan *plan)
{
    /* type 1 { ADN: file id, SFI 1 } */
    static const uint8_t pbr[] = {0xA8, 0x05, 0xC0, 0x03, 0x4F, 0x3A, 0x01};
    static const uint8_t pins[] = {0x01, 0x0A};
    struct profile_element *e;
    cr_span arr;
    if (plan->contacts == 0) {
        return CR_OK;
    }
    CR_TRY(profile_make_arr(m, &arr));
    CR_TRY(profile_make_files(m, 3, version_of(plan, 3), &e));
    const struct profile_file_spec files[] = {
        {.name = "df-telecom", .pin_status = CR_SPAN_ARRAY(pins)},
        {.name = "ef-arr", .content = arr, .state_size = true, .record_length = PROFILE_ARR_RECORD},
        {.name = "df-phonebook", .pin_status = CR_SPAN_ARRAY(pins)},
        {.name = "ef-pbr",
         .content = CR_SPAN_ARRAY(pbr),
         .state_size = true,
         .record_length = sizeof(pbr)},
        {.name = "ef-psc", .no_sfi = true},
        {.name = "ef-cc", .no_sfi = true},
        {.name = "ef-puid", .no_sfi = true},
        {.name = "ef-adn",
         .state_size = true,
         .record_length = ADN_RECORD,
         .records = (size_t)plan->contacts,
         .fid = ADN_FID,
         .sfi = 1},
    };
    return put_all(m, e, files, CR_COUNT(files));
}
