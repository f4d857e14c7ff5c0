#include "profile/show.h"

#include "base/text.h"
#include "profile/tree.h"

#include <stdio.h>

#define CONTENT_CUT 24 /* bytes of a content shown in hex without PROFILE_SHOW_CONTENT */

struct show {
    const struct profile_package *package;
    const struct profile_tree *tree;
    unsigned flags;
    cr_buf *out;
};

static void hex(const struct show *s, cr_span bytes)
{
    cr_hex_append(s->out, bytes);
}

static void secret(const struct show *s, cr_span bytes)
{
    if (s->flags & PROFILE_SHOW_SECRETS) {
        hex(s, bytes);
    } else {
        cr_buf_appendf(s->out, "(%zu bytes)", bytes.n);
    }
}

/* Text from a package: control characters do not reach the terminal. */
static void plain(const struct show *s, cr_span text)
{
    for (size_t i = 0; i < text.n; i++) {
        bool control = text.p[i] < 0x20 || text.p[i] == 0x7F;
        cr_buf_append_byte(s->out, control ? '?' : text.p[i]);
    }
}

/* ------------------------------------------------------------------ header, elements */

static void show_oid(const struct show *s, cr_span oid)
{
    char text[DER_OID_TEXT];
    const struct profile_template *t = profile_template_by_oid(oid);
    if (t) {
        cr_buf_append_str(s->out, t->name);
    } else if (der_oid_text(oid, text, NULL) == CR_OK) {
        cr_buf_append_str(s->out, text);
    } else {
        hex(s, oid);
    }
}

static void show_header(const struct show *s, const struct profile_header *h)
{
    char iccid[PROFILE_ICCID_TEXT];
    const char *divider = "";
    cr_buf_appendf(s->out, "version %lld.%lld, ICCID %s", (long long)h->major_version,
                   (long long)h->minor_version, profile_iccid_plain_text(h->iccid, iccid));
    if (cr_span_present(h->profile_type)) {
        cr_buf_append_str(s->out, ", \"");
        plain(s, h->profile_type);
        cr_buf_append_byte(s->out, '"');
    }
    cr_buf_append_str(s->out, "\n  services: ");
    for (int i = 0; i < PROFILE_SERVICES; i++) {
        if (h->services[i]) {
            cr_buf_appendf(s->out, "%s%s", divider, profile_service_name(i));
            divider = ", ";
        }
    }
    cr_buf_append_str(s->out, "\n  templates: ");
    for (size_t i = 0; i < h->gfste_list.count; i++) {
        cr_buf_append_str(s->out, i ? ", " : "");
        show_oid(s, h->gfste_list.items[i]);
    }
    cr_buf_append_byte(s->out, '\n');
}

static void show_elements(const struct show *s)
{
    cr_buf_append_str(s->out, "\nelements\n");
    for (size_t i = 0; i < s->package->count; i++) {
        const struct profile_element *e = &s->package->elements[i];
        cr_buf_appendf(s->out, "%4zu  %-22s", i + 1, profile_kind_name(e->kind));
        if (e->kind == PROFILE_HEADER || e->kind == PROFILE_UNKNOWN) {
            cr_buf_append_str(s->out, "           ");
        } else {
            cr_buf_appendf(s->out, "id %-5lld %s", (long long)e->header.identification,
                           e->header.mandated ? "  " : "? ");
        }
        if (cr_span_present(e->raw)) {
            cr_buf_appendf(s->out, " %6zu bytes", e->raw.n);
        }
        if (profile_kind_has_files(e->kind)) {
            cr_buf_append_str(s->out, "  ");
            show_oid(s, e->fs.template_id);
        } else if (e->kind == PROFILE_UNKNOWN) {
            cr_buf_appendf(s->out, "  tag %X", e->tag);
        }
        cr_buf_append_str(s->out, e->has_unknown ? "  (unknown components)\n" : "\n");
    }
}

/* ------------------------------------------------------------------ files */

static void indent(const struct show *s, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        cr_buf_append_str(s->out, "  ");
    }
}

static void show_kind(const struct show *s, const struct profile_node *n)
{
    const struct profile_file_attributes *f = &n->file;
    if (f->is_link) {
        cr_buf_append_str(s->out, "link to ");
        hex(s, f->link_path);
    } else if (profile_type_is_df(f->type)) {
        cr_buf_append_str(s->out, profile_type_name(f->type));
        if (f->aid.n > 0) {
            cr_buf_append_byte(s->out, ' ');
            hex(s, f->aid);
        }
        cr_buf_append_str(s->out, ", PINs ");
        hex(s, f->pin_status);
    } else if (profile_type_has_records(f->type)) {
        cr_buf_appendf(s->out, "%s %zu x %zu", profile_type_name(f->type), f->records,
                       f->record_length);
    } else {
        cr_buf_appendf(s->out, "%s %zu", profile_type_name(f->type), f->size);
    }
    if (f->has_sfi) {
        cr_buf_appendf(s->out, ", SFI %02X", f->sfi);
    }
}

/* The text of the content, line by line; else its bytes. */
static void show_content(const struct show *s, size_t index, unsigned depth)
{
    const struct profile_node *n = &s->tree->nodes[index];
    cr_span content = profile_tree_content(s->tree, n);
    const struct profile_node *target = profile_tree_target(s->tree, n);
    cr_buf text = {0};
    size_t record = target ? target->file.record_length : 0;
    bool known = target && profile_ef_text(profile_tree_place(s->tree, index), n->file.fid, content,
                                           record, &text);
    cr_span rest = cr_buf_span(&text);
    while (known && rest.n > 0) {
        const uint8_t *end = memchr(rest.p, '\n', rest.n);
        size_t line = end ? (size_t)(end - rest.p) : rest.n;
        indent(s, depth + 2);
        cr_buf_append_str(s->out, "= ");
        plain(s, cr_span_sub(rest, 0, line));
        cr_buf_append_byte(s->out, '\n');
        rest = cr_span_sub(rest, line + 1, rest.n);
    }
    bool whole = (s->flags & PROFILE_SHOW_CONTENT) != 0;
    if (content.n > 0 && (whole || (!known && target && target->filled && !n->file.is_link))) {
        indent(s, depth + 2);
        hex(s, cr_span_sub(content, 0, whole ? content.n : CONTENT_CUT));
        cr_buf_append_str(s->out, !whole && content.n > CONTENT_CUT ? "...\n" : "\n");
    }
    cr_buf_free(&text);
}

static void show_node(const struct show *s, size_t index, unsigned depth)
{
    const struct profile_node *n = &s->tree->nodes[index];
    char fid[8];
    int width = depth < 8 ? 26 - 2 * (int)depth : 10;
    indent(s, depth + 1);
    snprintf(fid, sizeof(fid), "%04X", n->file.fid);
    cr_buf_appendf(s->out, "%s %-*s ", fid, width, strcmp(n->name, fid) == 0 ? "" : n->name);
    show_kind(s, n);
    cr_buf_appendf(s->out, ", rule %04X/%u\n", profile_arr_fid(&n->file, n->parent == s->tree->mf),
                   n->file.arr_record);
    if (!profile_type_is_df(n->file.type)) {
        show_content(s, index, depth);
    }
}

#define MAX_DEPTH 12

/* Children in the order of creation: files first, then the DFs with theirs. */
static void show_below(const struct show *s, size_t df, unsigned depth)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < s->tree->count; i++) {
            const struct profile_node *n = &s->tree->nodes[i];
            bool is_df = profile_type_is_df(n->file.type);
            if (n->parent != df || is_df != (pass == 1)) {
                continue;
            }
            show_node(s, i, depth);
            if (is_df && depth < MAX_DEPTH) {
                show_below(s, i, depth + 1);
            }
        }
    }
}

/* ------------------------------------------------------------------ codes, keys, applications */

static void show_pins(const struct show *s, size_t index)
{
    char path[160];
    const struct profile_pin_codes *codes = &s->package->elements[index].pin_codes;
    size_t df = profile_tree_pin_context(s->tree, s->package, index);
    cr_buf_appendf(s->out, "  PINs of %s\n",
                   df == PROFILE_NO_NODE ? "nothing"
                                         : profile_tree_name(s->tree, df, path, sizeof(path)));
    if (codes->codes.which == PROFILE_PIN_FILE_PATH) {
        cr_buf_append_str(s->out, "    those of ");
        hex(s, codes->codes.file_path);
        cr_buf_append_byte(s->out, '\n');
        return;
    }
    for (size_t i = 0; i < codes->codes.pinconfig.count; i++) {
        const struct profile_pin *pin = &codes->codes.pinconfig.items[i];
        cr_buf_appendf(s->out, "    %02llX ", (long long)pin->key_reference);
        secret(s, pin->pin_value);
        cr_buf_appendf(s->out, ", %s, attributes %lld, retries %lld/%lld",
                       pin->pin_attributes & PROFILE_PIN_ENABLED ? "enabled" : "disabled",
                       (long long)pin->pin_attributes,
                       (long long)(pin->max_num_of_attemps_retry_num_left & 0x0F),
                       (long long)(pin->max_num_of_attemps_retry_num_left >> 4));
        if (pin->has_unblocking_pin_reference) {
            cr_buf_appendf(s->out, ", PUK %02llX", (long long)pin->unblocking_pin_reference);
        }
        cr_buf_append_byte(s->out, '\n');
    }
}

static void show_puks(const struct show *s, const struct profile_puk_codes *puks)
{
    cr_buf_append_str(s->out, "  PUKs\n");
    for (size_t i = 0; i < puks->codes.count; i++) {
        const struct profile_puk *puk = &puks->codes.items[i];
        cr_buf_appendf(s->out, "    %02llX ", (long long)puk->key_reference);
        secret(s, puk->puk_value);
        cr_buf_appendf(s->out, ", retries %lld/%lld\n",
                       (long long)(puk->max_num_of_attemps_retry_num_left & 0x0F),
                       (long long)(puk->max_num_of_attemps_retry_num_left >> 4));
    }
}

static void show_aka(const struct show *s, const struct profile_aka *aka)
{
    static const char *const names[] = {"", "Milenage", "TUAK", "USIM test algorithm"};
    const struct profile_aka_algorithm *a = &aka->algo_configuration.algo_parameter;
    cr_buf_append_str(s->out, "  authentication: ");
    if (aka->algo_configuration.which == PROFILE_AKA_MAPPED) {
        cr_buf_append_str(s->out, "that of application ");
        hex(s, aka->algo_configuration.mapping_parameter.mapping_source);
    } else {
        bool known = a->algorithm_id >= PROFILE_AKA_MILENAGE && a->algorithm_id <= PROFILE_AKA_TEST;
        cr_buf_append_str(s->out, known ? names[a->algorithm_id] : "unknown algorithm");
        cr_buf_append_str(s->out, ", K ");
        secret(s, a->key);
        if (cr_span_present(a->opc) && a->algorithm_id != PROFILE_AKA_TEST) {
            cr_buf_append_str(s->out, a->algorithm_id == PROFILE_AKA_TUAK ? ", TOPc " : ", OPc ");
            secret(s, a->opc);
        }
    }
    cr_buf_append_byte(s->out, '\n');
}

static void show_key(const struct show *s, const struct profile_key *key)
{
    cr_buf_append_str(s->out, "    key ");
    hex(s, key->key_identifier);
    cr_buf_append_str(s->out, " version ");
    hex(s, key->key_version_number);
    for (size_t i = 0; i < key->key_components.count; i++) {
        const struct profile_key_component *c = &key->key_components.items[i];
        uint8_t type = c->key_type.n ? c->key_type.p[0] : 0;
        cr_buf_appendf(s->out, ", %s ",
                       type == PROFILE_KEY_TYPE_AES       ? "AES"
                       : type == PROFILE_KEY_TYPE_DES     ? "DES"
                       : type == PROFILE_KEY_TYPE_TLS_PSK ? "TLS-PSK"
                                                          : "other");
        secret(s, c->key_data);
    }
    cr_buf_append_byte(s->out, '\n');
}

static void show_domain(const struct show *s, const struct profile_security_domain *sd)
{
    cr_buf_append_str(s->out, "  security domain ");
    hex(s, sd->instance.instance_aid);
    cr_buf_append_str(s->out, ", privileges ");
    hex(s, sd->instance.application_privileges);
    cr_buf_append_byte(s->out, '\n');
    for (size_t i = 0; i < sd->key_list.count; i++) {
        show_key(s, &sd->key_list.items[i]);
    }
}

static void show_rfm(const struct show *s, const struct profile_rfm *rfm)
{
    cr_buf_append_str(s->out, "  remote file management ");
    hex(s, rfm->instance_aid);
    for (size_t i = 0; i < rfm->tar_list.count; i++) {
        cr_buf_append_str(s->out, i ? ", " : ", TAR ");
        hex(s, rfm->tar_list.items[i]);
    }
    cr_buf_append_str(s->out, ", security level ");
    hex(s, rfm->minimum_security_level);
    cr_buf_append_str(s->out, rfm->has_adf_rfm_access ? ", of application " : ", of the MF");
    hex(s, rfm->adf_rfm_access.adf_aid);
    cr_buf_append_byte(s->out, '\n');
}

static void show_application(const struct show *s, const struct profile_application *app)
{
    if (app->has_load_block) {
        cr_buf_append_str(s->out, "  load package ");
        hex(s, app->load_block.load_package_aid);
        cr_buf_appendf(s->out, ", %zu bytes\n", app->load_block.load_block_object.n);
    }
    for (size_t i = 0; i < app->instance_list.count; i++) {
        cr_buf_append_str(s->out, "  application ");
        hex(s, app->instance_list.items[i].instance_aid);
        cr_buf_append_byte(s->out, '\n');
    }
}

static void show_codes(const struct show *s)
{
    cr_buf_append_str(s->out, "\ncodes, keys, applications\n");
    for (size_t i = 0; i < s->package->count; i++) {
        const struct profile_element *e = &s->package->elements[i];
        if (e->kind == PROFILE_PIN_CODES) {
            show_pins(s, i);
        } else if (e->kind == PROFILE_PUK_CODES) {
            show_puks(s, &e->puk_codes);
        } else if (e->kind == PROFILE_AKA) {
            show_aka(s, &e->aka);
        } else if (e->kind == PROFILE_CDMA) {
            cr_buf_append_str(s->out, "  CDMA authentication key ");
            secret(s, e->cdma.authentication_key);
            cr_buf_append_byte(s->out, '\n');
        } else if (e->kind == PROFILE_SECURITY_DOMAIN) {
            show_domain(s, &e->sd);
        } else if (e->kind == PROFILE_RFM) {
            show_rfm(s, &e->rfm);
        } else if (e->kind == PROFILE_APPLICATION) {
            show_application(s, &e->application);
        }
    }
}

cr_status profile_show(const struct profile_package *package, unsigned flags, cr_buf *out,
                       struct cr_err *err)
{
    struct profile_tree tree;
    cr_arena arena = {.secret = true};
    cr_status status = profile_tree_build(package, &arena, NULL, &tree, err);
    if (status == CR_OK) {
        const struct show s = {.package = package, .tree = &tree, .flags = flags, .out = out};
        cr_buf_appendf(out, "package of %zu elements", package->count);
        if (cr_span_present(package->bytes)) {
            cr_buf_appendf(out, ", %zu bytes", package->bytes.n);
        }
        cr_buf_append_byte(out, '\n');
        if (package->count > 0 && package->elements[0].kind == PROFILE_HEADER) {
            show_header(&s, &package->elements[0].profile_header);
        }
        show_elements(&s);
        cr_buf_append_str(out, "\nfiles\n");
        if (tree.mf != PROFILE_NO_NODE) {
            show_node(&s, tree.mf, 0);
            show_below(&s, tree.mf, 1);
        }
        show_codes(&s);
        status = cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
    }
    cr_arena_free(&arena);
    return status;
}
