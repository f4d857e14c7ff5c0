#include "cli/metadata_options.h"

#include "cli/units.h"

#include "base/file.h"
#include "base/text.h"
#include "profile/ef.h"
#include "profile/metadata.h"
#include "rsp/activation_code.h"

#define MAX_ICON_FILE ((size_t)1 << 20)

struct word {
    const char *text;
    uint64_t bits;
};

static const struct word ppr_words[] = {
    {"none", 0},
    {"update-control", RSP_PPR_UPDATE_CONTROL},
    {"ppr1", RSP_PPR1},
    {"ppr2", RSP_PPR2},
};

static const struct word event_words[] = {
    {"install", RSP_EVENT_INSTALL},
    {"enable", RSP_EVENT_LOCAL_ENABLE},
    {"disable", RSP_EVENT_LOCAL_DISABLE},
    {"delete", RSP_EVENT_LOCAL_DELETE},
    {"all",
     RSP_EVENT_INSTALL | RSP_EVENT_LOCAL_ENABLE | RSP_EVENT_LOCAL_DISABLE | RSP_EVENT_LOCAL_DELETE},
};

/* In the order of enum rsp_profile_class. */
const char *const cli_profile_class_words[] = {"test", "provisioning", "operational", NULL};

bool cli_metadata_given(const struct cli_metadata *v)
{
    return v->spn || v->name || v->profile_class || v->icon || v->ppr || v->owner_plmn || v->gid1 ||
           v->gid2 || v->notify_address.count > 0;
}

static cr_status bits_of(const struct word *words, size_t count, const char *text, const char *what,
                         uint64_t *bits, struct cr_err *err)
{
    cr_span list = cr_span_str(text);
    cr_span word;
    *bits = 0;
    while (cli_next_word(&list, &word)) {
        size_t i = 0;
        while (i < count && !cr_span_equal_nocase(word, cr_span_str(words[i].text))) {
            i++;
        }
        if (i < count) {
            *bits |= words[i].bits;
            continue;
        }
        cr_buf known = {0};
        for (size_t k = 0; k < count; k++) {
            cr_buf_appendf(&known, "%s%s", k ? ", " : "", words[k].text);
        }
        const char *names = cr_buf_cstr(&known);
        cr_status status = cr_fail(err, CR_MALFORMED, NULL, "'%.*s' is no %s", (int)word.n,
                                   (const char *)word.p, what);
        status = cr_err_next(err, status, "there are: %s", names ? names : "");
        cr_buf_free(&known);
        return status;
    }
    return CR_OK;
}

static cr_status set_text(cr_span *to, const char *text, size_t limit, const char *what,
                          struct cr_err *err)
{
    if (!text) {
        return CR_OK;
    }
    cr_span s = cr_span_str(text);
    if (!cr_utf8_valid(s)) {
        return cr_fail(err, CR_MALFORMED, NULL, "%s is not UTF-8", what);
    }
    if (s.n > limit) {
        return cr_fail(err, CR_REFUSED, "SGP.22 2.4.4", "%s has %zu bytes; at most %zu fit", what,
                       s.n, limit);
    }
    *to = s;
    return CR_OK;
}

static cr_status set_icon(struct cli *cli, struct rsp_store_metadata *m, const char *path,
                          struct cr_err *err)
{
    if (!path) {
        return CR_OK;
    }
    m->has_icon_type = false;
    m->icon = (cr_span){0};
    if (strcmp(path, "none") == 0) {
        return CR_OK;
    }
    cr_buf file = {0};
    CR_TRY(cr_file_read(path, MAX_ICON_FILE, &file, err));
    cr_status status = profile_icon_check(cr_buf_span(&file), &m->icon_type, err);
    if (status == CR_OK) {
        m->icon = cr_arena_copy(&cli->arena, cr_buf_span(&file));
        m->has_icon_type = true;
        status = m->icon.p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&file);
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "%s", path);
}

static cr_status set_gid(cr_arena *arena, cr_span *to, const char *hex, const char *what,
                         struct cr_err *err)
{
    if (!hex) {
        return CR_OK;
    }
    uint8_t bytes[RSP_MAX_GID];
    size_t n = strlen(hex) / 2;
    if (n == 0 || n > sizeof(bytes) || !cr_hex_fixed(bytes, n, cr_span_str(hex))) {
        return cr_fail(err, CR_MALFORMED, NULL, "%s is 1 to %d bytes in hex, not '%s'", what,
                       RSP_MAX_GID, hex);
    }
    *to = cr_arena_copy(arena, cr_span_of(bytes, n));
    return to->p ? CR_OK : cr_fail_memory(err);
}

static cr_status set_owner(struct cli *cli, const struct cli_metadata *v,
                           struct rsp_store_metadata *m, struct cr_err *err)
{
    if (v->owner_plmn) {
        uint8_t plmn[PROFILE_PLMN];
        cr_status status = profile_plmn_encode(cr_span_str(v->owner_plmn), plmn, err);
        if (status != CR_OK) {
            return cr_err_context(err, status, "owner-plmn");
        }
        m->profile_owner =
            (struct rsp_operator_id){.mcc_mnc = cr_arena_copy(&cli->arena, CR_SPAN_ARRAY(plmn))};
        m->has_profile_owner = m->profile_owner.mcc_mnc.p != NULL;
    }
    if ((v->gid1 || v->gid2) && !m->has_profile_owner) {
        return cr_fail(err, CR_REFUSED, NULL, "a group identifier needs an owner: --owner-plmn");
    }
    CR_TRY(set_gid(&cli->arena, &m->profile_owner.gid1, v->gid1, "gid1", err));
    return set_gid(&cli->arena, &m->profile_owner.gid2, v->gid2, "gid2", err);
}

static cr_status set_rules(const struct cli_metadata *v, struct rsp_store_metadata *m,
                           struct cr_err *err)
{
    if (v->ppr) {
        CR_TRY(bits_of(ppr_words, CR_COUNT(ppr_words), v->ppr, "profile policy rule",
                       &m->profile_policy_rules, err));
        m->has_profile_policy_rules = m->profile_policy_rules != 0;
    }
    if (m->has_profile_policy_rules && !m->has_profile_owner) {
        cr_status status = cr_fail(err, CR_REFUSED, "SGP.22 2.4.12",
                                   "policy rules need a profile owner that the chip can look up");
        return cr_err_next(err, status, "name the owner with --owner-plmn");
    }
    return CR_OK;
}

cr_status cli_metadata_notify(cr_arena *arena, struct rsp_store_metadata *m, uint64_t events,
                              const char *address, struct cr_err *err)
{
    rsp_notification_configuration_list *list = &m->notification_configuration_info;
    struct rsp_notification_configuration *items =
        cr_arena_alloc_array(arena, list->count + 1, sizeof(*items));
    if (!items) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < list->count; i++) {
        items[i] = list->items[i];
    }
    items[list->count].profile_management_operation = events;
    items[list->count].notification_address = cr_span_str(address);
    list->items = items;
    list->count++;
    list->present = true;
    return CR_OK;
}

static cr_status set_addresses(struct cli *cli, const struct cli_metadata *v,
                               struct rsp_store_metadata *m, struct cr_err *err)
{
    if (v->notify_address.count == 0) {
        return CR_OK;
    }
    m->notification_configuration_info = (rsp_notification_configuration_list){0};
    for (size_t i = 0; i < v->notify_address.count; i++) {
        const char *text = v->notify_address.items[i];
        const char *events;
        const char *address;
        uint64_t bits;
        if (strcmp(text, "none") == 0 && v->notify_address.count == 1) {
            return CR_OK;
        }
        CR_TRY(cli_pair(&cli->arena, text, "notification address", &events, &address, err));
        CR_TRY(
            bits_of(event_words, CR_COUNT(event_words), events, "notification event", &bits, err));
        if (!rsp_address_valid(cr_span_str(address))) {
            cr_status status =
                cr_fail(err, CR_MALFORMED, NULL, "'%.80s' is no address of a server", address);
            return cr_err_next(err, status, "give a host name, maybe with :port");
        }
        CR_TRY(cli_metadata_notify(&cli->arena, m, bits, address, err));
    }
    return CR_OK;
}

cr_status cli_metadata_check(struct cli *cli, const struct cli_metadata *values, struct cr_err *err)
{
    /* The profile may have an owner of its own. */
    struct rsp_store_metadata metadata = {.has_profile_owner = true};
    struct cli_metadata alone = *values;
    alone.icon = NULL;
    return cli_metadata_apply(cli, &alone, &metadata, err);
}

cr_status cli_metadata_apply(struct cli *cli, const struct cli_metadata *v,
                             struct rsp_store_metadata *m, struct cr_err *err)
{
    m->raw = (cr_span){0};
    CR_TRY(
        set_text(&m->service_provider_name, v->spn, RSP_MAX_SPN, "the service provider name", err));
    CR_TRY(set_text(&m->profile_name, v->name, RSP_MAX_PROFILE_NAME, "the profile name", err));
    for (int64_t i = 0; v->profile_class && cli_profile_class_words[i]; i++) {
        if (strcmp(cli_profile_class_words[i], v->profile_class) == 0) {
            m->profile_class = i;
        }
    }
    CR_TRY(set_icon(cli, m, v->icon, err));
    CR_TRY(set_owner(cli, v, m, err));
    CR_TRY(set_rules(v, m, err));
    return set_addresses(cli, v, m, err);
}

void cli_ppr_text(uint64_t rules, cr_buf *out)
{
    const char *between = "";
    for (size_t i = 1; i < CR_COUNT(ppr_words); i++) {
        if (rules & ppr_words[i].bits) {
            cr_buf_appendf(out, "%s%s", between, ppr_words[i].text);
            between = ", ";
        }
    }
    if (!*between) {
        cr_buf_append_str(out, "none");
    }
}
