#include "profile/metadata.h"

#include "base/text.h"
#include "profile/description.h"
#include "profile/tree.h"

#define CLAUSE "SGP.22 5.5.3"

/* ------------------------------------------------------------------ icon */

#define PNG_HEADER 24 /* signature, and IHDR up to width and height */

static bool png_size(cr_span icon, unsigned *width, unsigned *height)
{
    static const uint8_t start[] = {0x89, 'P', 'N', 'G', 0x0D, 0x0A, 0x1A, 0x0A,
                                    0,    0,   0,   13,  'I',  'H',  'D',  'R'};
    if (icon.n < PNG_HEADER || memcmp(icon.p, start, sizeof(start)) != 0) {
        return false;
    }
    const uint8_t *p = icon.p + sizeof(start);
    *width = (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
    *height = (unsigned)p[4] << 24 | (unsigned)p[5] << 16 | (unsigned)p[6] << 8 | p[7];
    return true;
}

/* Segments up to the frame header: SOF0 to SOF15 without DHT, JPG and DAC. */
static bool jpeg_size(cr_span icon, unsigned *width, unsigned *height)
{
    size_t at = 2;
    if (icon.n < 4 || icon.p[0] != 0xFF || icon.p[1] != 0xD8) {
        return false;
    }
    while (at + 9 <= icon.n && icon.p[at] == 0xFF) {
        uint8_t marker = icon.p[at + 1];
        size_t length = (size_t)(icon.p[at + 2] << 8 | icon.p[at + 3]);
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 &&
            marker != 0xCC) {
            *height = (unsigned)(icon.p[at + 5] << 8 | icon.p[at + 6]);
            *width = (unsigned)(icon.p[at + 7] << 8 | icon.p[at + 8]);
            return true;
        }
        at += 2 + length;
    }
    return false;
}

cr_status profile_icon_check(cr_span icon, int64_t *type, struct cr_err *err)
{
    unsigned width = 0;
    unsigned height = 0;
    bool png = png_size(icon, &width, &height);
    if (!png && !jpeg_size(icon, &width, &height)) {
        return cr_err_field(err, cr_fail(err, CR_REFUSED, CLAUSE, "neither a PNG nor a JPEG file"),
                            "icon");
    }
    if (width != PROFILE_ICON_SIDE || height != PROFILE_ICON_SIDE) {
        return cr_err_field(err,
                            cr_fail(err, CR_REFUSED, CLAUSE,
                                    "an icon of %u x %u pixels, it has to have %d x %d", width,
                                    height, PROFILE_ICON_SIDE, PROFILE_ICON_SIDE),
                            "icon");
    }
    if (icon.n > RSP_MAX_ICON) {
        return cr_err_field(err,
                            cr_fail(err, CR_REFUSED, CLAUSE, "an icon of %zu bytes, at most %d",
                                    icon.n, RSP_MAX_ICON),
                            "icon");
    }
    *type = png ? RSP_ICON_PNG : RSP_ICON_JPEG;
    return CR_OK;
}

/* ------------------------------------------------------------------ from a package */

/* MCC and MNC of the first USIM. */
static cr_status owner_of(const struct profile_tree *tree, cr_arena *arena, size_t adf,
                          struct profile_metadata *out)
{
    char imsi[PROFILE_IMSI_TEXT];
    size_t node = profile_tree_child(tree, adf, 0x6F07);
    size_t ad = profile_tree_child(tree, adf, 0x6FAD);
    cr_span content =
        node == PROFILE_NO_NODE ? (cr_span){0} : profile_tree_content(tree, &tree->nodes[node]);
    cr_span admin =
        ad == PROFILE_NO_NODE ? (cr_span){0} : profile_tree_content(tree, &tree->nodes[ad]);
    size_t mnc = admin.n >= 4 && admin.p[3] == 3 ? 3 : 2;
    cr_span digits = cr_span_str(profile_imsi_text(content, imsi));
    if (digits.n > 3 + mnc) {
        out->owner = cr_arena_copy(arena, cr_span_sub(digits, 0, 3 + mnc));
    }
    return CR_OK;
}

static cr_status spn_of(const struct profile_tree *tree, cr_arena *arena, size_t adf,
                        struct profile_metadata *out, struct cr_err *err)
{
    cr_buf text = {0};
    size_t node = profile_tree_child(tree, adf, 0x6F46);
    if (node == PROFILE_NO_NODE) {
        return CR_OK;
    }
    cr_span content = profile_tree_content(tree, &tree->nodes[node]);
    profile_alpha_text(cr_span_sub(content, 1, content.n), &text);
    if (cr_buf_ok(&text) && text.n > 0) {
        out->service_provider_name = cr_arena_copy(arena, cr_buf_span(&text));
    }
    cr_status status = cr_buf_ok(&text) ? CR_OK : cr_fail_memory(err);
    cr_buf_free(&text);
    return status;
}

cr_status profile_metadata_of_package(const struct profile_package *package, cr_arena *arena,
                                      struct profile_metadata *out, struct cr_err *err)
{
    struct profile_metadata metadata = {.profile_class = RSP_CLASS_OPERATIONAL};
    struct profile_tree tree;
    char iccid[PROFILE_ICCID_TEXT];
    if (package->count == 0 || package->elements[0].kind != PROFILE_HEADER) {
        return cr_fail(err, CR_REFUSED, "TCA IFT: ProfileHeader", "a package without header");
    }
    profile_iccid_plain_text(package->elements[0].profile_header.iccid, iccid);
    metadata.iccid = cr_arena_copy(arena, cr_span_str(iccid));
    CR_TRY(profile_tree_build(package, arena, NULL, &tree, err));
    for (size_t i = 0; i < tree.count; i++) {
        if (tree.nodes[i].naa == PROFILE_USIM) {
            CR_TRY(owner_of(&tree, arena, i, &metadata));
            CR_TRY(spn_of(&tree, arena, i, &metadata, err));
            break;
        }
    }
    metadata.profile_name = metadata.service_provider_name;
    *out = metadata;
    return CR_OK;
}

/* ------------------------------------------------------------------ from JSON */

static cr_status read_bits(const struct profile_description *d, const char *name,
                           const struct asn1_name *names, uint64_t *bits)
{
    const json_t *array;
    CR_TRY(profile_description_array(d, name, &array));
    for (size_t i = 0; i < json_array_size(array); i++) {
        cr_span text;
        size_t n = 0;
        CR_TRY(profile_description_item(d, name, array, i, &text));
        while (names[n].name && !cr_span_equal(text, cr_span_str(names[n].name))) {
            n++;
        }
        if (!names[n].name) {
            return profile_description_fail(d, name, "%.*s is not known", (int)text.n,
                                            (const char *)text.p);
        }
        *bits |= (uint64_t)1 << names[n].value;
    }
    return CR_OK;
}

static cr_status read_notifications(const struct profile_description *d, struct profile_metadata *m)
{
    static const char *const names[] = {"events", "address", NULL};
    const json_t *array;
    CR_TRY(profile_description_array(d, "notifications", &array));
    if (!array) {
        return CR_OK;
    }
    m->notification_count = 0;
    if (json_array_size(array) > PROFILE_MAX_NOTIFICATIONS) {
        return profile_description_fail(d, "notifications", "more than %d",
                                        PROFILE_MAX_NOTIFICATIONS);
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct profile_description item;
        struct profile_notification n = {0};
        CR_TRY(profile_description_sub_item(d, "notifications", array, i, &item));
        CR_TRY(profile_description_known(&item, names));
        CR_TRY(read_bits(&item, "events", rsp_notification_event_names, &n.events));
        CR_TRY(profile_description_text(&item, "address", &n.address));
        m->notifications[m->notification_count++] = n;
    }
    return CR_OK;
}

static cr_status read_class(const struct profile_description *d, struct profile_metadata *m)
{
    cr_span text;
    CR_TRY(profile_description_text(d, "profileClass", &text));
    if (!cr_span_present(text)) {
        return CR_OK;
    }
    for (const struct asn1_name *n = rsp_profile_class_names; n->name; n++) {
        if (cr_span_equal(text, cr_span_str(n->name))) {
            m->profile_class = n->value;
            return CR_OK;
        }
    }
    return profile_description_fail(d, "profileClass", "not test, provisioning or operational");
}

static cr_status read_icon(const struct profile_description *d, struct profile_metadata *m)
{
    cr_span text;
    cr_buf icon = {0};
    CR_TRY(profile_description_text(d, "icon", &text));
    if (!cr_span_present(text)) {
        return CR_OK;
    }
    cr_status status = profile_description_at(d, "icon", cr_base64_decode(&icon, text, d->err));
    if (status == CR_OK) {
        m->icon = cr_arena_copy(d->arena, cr_buf_span(&icon));
        status = cr_span_present(m->icon) ? CR_OK : cr_fail_memory(d->err);
    }
    cr_buf_free(&icon);
    return status;
}

cr_status profile_metadata_from_json(const json_t *json, cr_arena *arena,
                                     struct profile_metadata *metadata, struct cr_err *err)
{
    static const char *const names[] = {
        "iccid",        "serviceProviderName", "profileName", "icon",
        "profileClass", "notifications",       "owner",       "gid1",
        "gid2",         "policyRules",         NULL};
    const struct profile_description d = {.object = json, .path = "", .arena = arena, .err = err};
    struct profile_metadata m = *metadata;
    struct {
        const char *name;
        cr_span *value;
        bool hex;
    } const members[] = {
        {"iccid", &m.iccid, false},
        {"serviceProviderName", &m.service_provider_name, false},
        {"profileName", &m.profile_name, false},
        {"owner", &m.owner, false},
        {"gid1", &m.gid1, true},
        {"gid2", &m.gid2, true},
    };
    CR_TRY(profile_description_known(&d, names));
    for (size_t i = 0; i < CR_COUNT(members); i++) {
        cr_span value;
        CR_TRY(members[i].hex ? profile_description_hex(&d, members[i].name, &value)
                              : profile_description_text(&d, members[i].name, &value));
        if (cr_span_present(value)) {
            *members[i].value = value;
        }
    }
    CR_TRY(read_icon(&d, &m));
    CR_TRY(read_class(&d, &m));
    CR_TRY(read_notifications(&d, &m));
    CR_TRY(read_bits(&d, "policyRules", rsp_ppr_names, &m.rules));
    *metadata = m;
    return CR_OK;
}

/* ------------------------------------------------------------------ to BF25 */

static cr_status refuse(struct cr_err *err, const char *field, const char *cause)
{
    return cr_err_field(err, cr_fail(err, CR_REFUSED, CLAUSE, "%s: %s", field, cause), field);
}

static cr_status check_name(cr_span name, size_t most, const char *field, struct cr_err *err)
{
    if (!cr_utf8_valid(name)) {
        return refuse(err, field, "not UTF-8");
    }
    if (name.n > most) {
        return cr_err_field(
            err,
            cr_fail(err, CR_REFUSED, CLAUSE, "%s: %zu bytes, at most %zu", field, name.n, most),
            field);
    }
    return CR_OK;
}

/* Letters, digits, dots, hyphens, a port. */
static bool address_is_good(cr_span a)
{
    for (size_t i = 0; i < a.n; i++) {
        uint8_t c = a.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '-' || c == ':';
        if (!good) {
            return false;
        }
    }
    return a.n > 0 && a.n <= PROFILE_MAX_ADDRESS;
}

static cr_status fill_owner(const struct profile_metadata *m, uint8_t plmn[PROFILE_PLMN],
                            struct rsp_store_metadata *out, struct cr_err *err)
{
    if (!cr_span_present(m->owner) || m->owner.n == 0) {
        return m->rules || m->gid1.n || m->gid2.n
                   ? refuse(err, "profileOwner", "needed with policy rules and group identifiers")
                   : CR_OK;
    }
    cr_status status = profile_plmn_encode(m->owner, plmn, err);
    if (status != CR_OK) {
        return cr_err_context(err, status, "profileOwner");
    }
    if (m->gid1.n > RSP_MAX_GID || m->gid2.n > RSP_MAX_GID) {
        return refuse(err, "profileOwner", "group identifiers have at most 8 bytes");
    }
    out->has_profile_owner = true;
    out->profile_owner = (struct rsp_operator_id){
        .mcc_mnc = cr_span_of(plmn, PROFILE_PLMN), .gid1 = m->gid1, .gid2 = m->gid2};
    return CR_OK;
}

static cr_status fill_notifications(const struct profile_metadata *m,
                                    struct rsp_notification_configuration *rows,
                                    struct rsp_store_metadata *out, struct cr_err *err)
{
    for (size_t i = 0; i < m->notification_count; i++) {
        const struct profile_notification *n = &m->notifications[i];
        if (n->events == 0 || !address_is_good(n->address)) {
            return refuse(err, "notificationConfigurationInfo",
                          n->events ? "an address is a host name" : "no event");
        }
        rows[i].profile_management_operation = n->events;
        rows[i].notification_address = n->address;
    }
    out->notification_configuration_info.items = rows;
    out->notification_configuration_info.count = m->notification_count;
    out->notification_configuration_info.present = m->notification_count > 0;
    return CR_OK;
}

cr_status profile_metadata_encode(const struct profile_metadata *m, cr_buf *out, struct cr_err *err)
{
    uint8_t iccid[PROFILE_ICCID];
    uint8_t plmn[PROFILE_PLMN];
    struct rsp_notification_configuration rows[PROFILE_MAX_NOTIFICATIONS] = {0};
    struct rsp_store_metadata metadata = {
        .iccid = CR_SPAN_ARRAY(iccid),
        .service_provider_name =
            m->service_provider_name.p ? m->service_provider_name : cr_span_str(""),
        .profile_name = m->profile_name.p ? m->profile_name : cr_span_str(""),
        .profile_class = m->profile_class,
        .has_profile_policy_rules = m->rules != 0,
        .profile_policy_rules = m->rules,
    };
    cr_status status = profile_iccid_encode(m->iccid, iccid, err);
    if (status != CR_OK) {
        return cr_err_field(err, cr_err_context(err, status, "iccid"), "iccid");
    }
    CR_TRY(check_name(metadata.service_provider_name, RSP_MAX_SPN, "serviceProviderName", err));
    CR_TRY(check_name(metadata.profile_name, RSP_MAX_PROFILE_NAME, "profileName", err));
    if (m->profile_class < RSP_CLASS_TEST || m->profile_class > RSP_CLASS_OPERATIONAL) {
        return refuse(err, "profileClass", "not test, provisioning or operational");
    }
    if (cr_span_present(m->icon)) {
        CR_TRY(profile_icon_check(m->icon, &metadata.icon_type, err));
        metadata.has_icon_type = true;
        metadata.icon = m->icon;
    }
    CR_TRY(fill_owner(m, plmn, &metadata, err));
    CR_TRY(fill_notifications(m, rows, &metadata, err));
    return asn1_encode(&rsp_store_metadata_type, &metadata, 0, out, err);
}
