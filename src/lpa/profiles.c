#include "lpa/profiles.h"

#include "base/text.h"
#include "rsp/ids.h"

/* Everything an LPA can show: the default set leaves out rules, owner and notifications. */
static const uint8_t list_tags[] = {0x5A, 0x4F, 0x9F, 0x70, 0x90, 0x91, 0x92, 0x93, 0x94,
                                    0x95, 0xB6, 0xB7, 0x99, 0x9F, 0x24, 0x9F, 0x25};

cr_status lpa_profile_list(struct lpa *lpa, cr_arena *arena, rsp_profile_info_list *out,
                           struct cr_err *err)
{
    lpa->where.stage = LPA_STAGE_MANAGE;
    cr_status status =
        es10c_get_profiles_info(lpa->card, NULL, CR_SPAN_ARRAY(list_tags), arena, out, err);
    if (status != CR_REFUSED) {
        return status;
    }
    /* A card that does not like the tagList may still give its default set. */
    return es10c_get_profiles_info(lpa->card, NULL, (cr_span){0}, arena, out, err);
}

bool lpa_profile_enabled(const struct rsp_profile_info *profile)
{
    return profile->has_profile_state && profile->profile_state == RSP_STATE_ENABLED;
}

int64_t lpa_profile_class(const struct rsp_profile_info *profile)
{
    return profile->has_profile_class ? profile->profile_class : RSP_CLASS_OPERATIONAL;
}

/* ---- find ---- */

static const struct rsp_profile_info *find_iccid(const rsp_profile_info_list *list, cr_span iccid)
{
    for (size_t i = 0; i < list->count; i++) {
        if (cr_span_equal(list->items[i].iccid, iccid)) {
            return &list->items[i];
        }
    }
    return NULL;
}

static const struct rsp_profile_info *find_aid(const rsp_profile_info_list *list, cr_span aid)
{
    for (size_t i = 0; i < list->count; i++) {
        if (cr_span_equal(list->items[i].isdp_aid, aid)) {
            return &list->items[i];
        }
    }
    return NULL;
}

static const struct rsp_profile_info *find_nickname(const rsp_profile_info_list *list,
                                                    cr_span nickname, size_t *matches)
{
    const struct rsp_profile_info *found = NULL;
    *matches = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (nickname.n > 0 && cr_span_equal(list->items[i].profile_nickname, nickname)) {
            found = &list->items[i];
            (*matches)++;
        }
    }
    return found;
}

/* A failure from here on is the LPA's own finding, not one of the function that ran last. */
static void own_finding(struct lpa *lpa)
{
    lpa_where_enter(&lpa->where, NULL);
}

cr_status lpa_profile_find(const rsp_profile_info_list *list, cr_span text,
                           const struct rsp_profile_info **out, struct cr_err *err)
{
    uint8_t iccid[RSP_ICCID_BYTES];
    struct es10_aid aid;
    size_t matches = 0;
    const struct rsp_profile_info *found = NULL;
    if (rsp_iccid_parse(text, iccid, NULL) == CR_OK) {
        found = find_iccid(list, CR_SPAN_ARRAY(iccid));
    }
    if (!found && es10_aid_parse(text, &aid)) {
        found = find_aid(list, cr_span_of(aid.bytes, aid.size));
    }
    if (!found) {
        found = find_nickname(list, text, &matches);
    }
    int shown = (int)(text.n > 64 ? 64 : text.n);
    if (matches > 1) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "%zu profiles have the nickname '%.*s'",
                                   matches, shown, (const char *)text.p);
        return cr_err_next(err, status, "name the profile by its ICCID (`crisp lpa list`)");
    }
    if (!found) {
        cr_status status = cr_fail(err, CR_REFUSED, "SGP.22 5.7.15",
                                   "no profile on this eUICC has the ICCID, AID or nickname '%.*s'",
                                   shown, text.p ? (const char *)text.p : "");
        return cr_err_next(err, status, "%s",
                           list->count ? "`crisp lpa list` shows the profiles"
                                       : "there are no profiles on this eUICC");
    }
    *out = found;
    return CR_OK;
}

/* ---- change ---- */

enum verb { VERB_ENABLE, VERB_DISABLE, VERB_DELETE };

static const struct {
    const char *done; /* what the profile is then */
    const char *function;
} verbs[] = {
    [VERB_ENABLE] = {"enabled", "ES10c.EnableProfile"},
    [VERB_DISABLE] = {"disabled", "ES10c.DisableProfile"},
    [VERB_DELETE] = {"deleted", "ES10c.DeleteProfile"},
};

/* Ways to say it, in the order in which they are tried. */
static const struct way {
    bool by_aid, refresh;
} ways[] = {{false, true}, {false, false}, {true, true}, {true, false}};

struct change {
    struct lpa *lpa;
    enum verb verb;
    const struct lpa_change_options *options;
    cr_arena *arena;
    struct lpa_change *out;
};

static bool way_fits(const struct change *c, const struct way *way)
{
    cr_span id = way->by_aid ? c->out->profile.isdp_aid : c->out->profile.iccid;
    if (id.n == 0) {
        return false;
    }
    if (c->verb == VERB_DELETE) {
        return !way->refresh; /* there is no flag: one way for each identifier */
    }
    return c->options->refresh == LPA_REFRESH_AUTO ||
           way->refresh == (c->options->refresh == LPA_REFRESH_YES);
}

static cr_status call(const struct change *c, const struct way *way, struct cr_err *err)
{
    struct rsp_profile_identifier id = {.which = RSP_PROFILE_BY_ICCID,
                                        .iccid = c->out->profile.iccid};
    if (way->by_aid) {
        id = (struct rsp_profile_identifier){.which = RSP_PROFILE_BY_AID,
                                             .isdp_aid = c->out->profile.isdp_aid};
    }
    switch (c->verb) {
    case VERB_ENABLE:
        return es10c_enable_profile(c->lpa->card, &id, way->refresh, err);
    case VERB_DISABLE:
        return es10c_disable_profile(c->lpa->card, &id, way->refresh, err);
    case VERB_DELETE:
        return es10c_delete_profile(c->lpa->card, &id, err);
    }
    return CR_INTERNAL;
}

/* Reads back whether the profile is as wanted. */
static cr_status verify(struct change *c, bool *reached, struct cr_err *err)
{
    rsp_profile_info_list list = {0};
    CR_TRY(lpa_profile_list(c->lpa, c->arena, &list, err));
    const struct rsp_profile_info *now = c->out->profile.iccid.n
                                             ? find_iccid(&list, c->out->profile.iccid)
                                             : find_aid(&list, c->out->profile.isdp_aid);
    *reached =
        c->verb == VERB_DELETE ? !now : now && lpa_profile_enabled(now) == (c->verb == VERB_ENABLE);
    return CR_OK;
}

enum outcome { OUTCOME_DONE, OUTCOME_OTHER_FLAG, OUTCOME_OTHER_IDENTIFIER, OUTCOME_FINAL };

/* What a failed call means for the ways that are left. */
static enum outcome judge(struct change *c, cr_status status)
{
    const struct lpa_where *where = &c->lpa->where;
    if (where->has_result) {
        switch (where->result) {
        case RSP_PROFILE_ICCID_OR_AID_NOT_FOUND:
            return OUTCOME_OTHER_IDENTIFIER;
        case RSP_PROFILE_NOT_IN_EXPECTED_STATE:
            c->out->already = c->verb != VERB_DELETE;
            return c->out->already ? OUTCOME_DONE : OUTCOME_FINAL;
        case RSP_PROFILE_CAT_BUSY:
        case RSP_PROFILE_COMMAND_ERROR:
        case RSP_PROFILE_UNDEFINED:
            return OUTCOME_OTHER_FLAG;
        default:
            return OUTCOME_FINAL;
        }
    }
    /* A card that switches may drop the channel before it answers: look at the state. */
    bool dropped = where->status_word == 0x6F00 || where->status_word == 0x6881 ||
                   (where->status_word == 0 && status == CR_RESOURCE);
    bool reached = false;
    struct lpa_where here = *where;
    if (dropped && es10_reset(c->lpa->card, NULL) == CR_OK && verify(c, &reached, NULL) == CR_OK &&
        reached) {
        return OUTCOME_DONE;
    }
    c->lpa->where = here;
    return OUTCOME_OTHER_FLAG;
}

/* Tries the ways; the error of the first is the one that says most. */
static cr_status try_ways(struct change *c, struct cr_err *err)
{
    struct cr_err first = {.category = CR_REFUSED};
    struct lpa_where where = {0};
    cr_status result = CR_INTERNAL;
    bool skip_identifier = false;
    bool skipped_aid = false;
    for (size_t i = 0; i < CR_COUNT(ways); i++) {
        if (!way_fits(c, &ways[i]) || (skip_identifier && ways[i].by_aid == skipped_aid)) {
            continue;
        }
        struct cr_err own;
        cr_status status = call(c, &ways[i], &own);
        enum outcome outcome = status == CR_OK ? OUTCOME_DONE : judge(c, status);
        if (outcome == OUTCOME_DONE) {
            c->out->by_aid = ways[i].by_aid;
            c->out->refresh = ways[i].refresh;
            return CR_OK;
        }
        if (result == CR_INTERNAL) {
            first = own;
            where = c->lpa->where;
            result = status;
        }
        if (outcome == OUTCOME_FINAL) {
            first = own;
            where = c->lpa->where;
            result = status;
            break;
        }
        skip_identifier = outcome == OUTCOME_OTHER_IDENTIFIER;
        skipped_aid = ways[i].by_aid;
    }
    if (result == CR_INTERNAL) {
        return cr_fail(err, CR_MALFORMED, "SGP.22 5.7.15",
                       "the eUICC tells neither ICCID nor AID of the profile");
    }
    if (err) {
        *err = first;
    }
    c->lpa->where = where;
    return result;
}

/* Brings the card to its new state: a REFRESH did it, or a reset does. */
static cr_status settle(struct change *c, unsigned refreshes_before, struct cr_err *err)
{
    if (c->verb != VERB_DELETE && es10_refreshes(c->lpa->card) == refreshes_before) {
        cr_status status = es10_reset(c->lpa->card, err);
        if (status != CR_OK) {
            return cr_err_context(err, status,
                                  "the profile is %s, but the card cannot be reached now",
                                  verbs[c->verb].done);
        }
    }
    CR_TRY(verify(c, &c->out->verified, err));
    if (c->out->verified) {
        return CR_OK;
    }
    own_finding(c->lpa);
    cr_status status =
        cr_fail(err, CR_RESOURCE, "SGP.22 3.2", "%s succeeded, but the profile is not %s",
                verbs[c->verb].function, verbs[c->verb].done);
    return cr_err_next(err, status, "reset the card or the device and look at `crisp lpa list`");
}

/* Not being able to send is no failure of the change. */
static void send_new(struct lpa *lpa, const struct lpa_change_options *options,
                     const struct lpa_notification_list *before, struct lpa_change *out)
{
    if (options->notify == LPA_NOTIFY_NONE || !lpa->server) {
        return;
    }
    struct cr_err err;
    out->notified = true;
    if (lpa_notification_send_new(lpa, options->notify, before, options->report, options->ctx,
                                  &out->send, &err) != CR_OK) {
        out->send.failed++;
        out->send.first = err;
        out->send.where = lpa->where;
    }
}

static cr_status refuse_enabled(struct cr_err *err)
{
    cr_status status =
        cr_fail(err, CR_REFUSED, "SGP.22 3.2.3", "the profile is enabled and cannot be deleted");
    return cr_err_next(err, status, "disable it first: `crisp lpa disable`");
}

static cr_status change(struct change *c, cr_span text, struct cr_err *err)
{
    static const struct lpa_change_options defaults = {0};
    memset(c->out, 0, sizeof(*c->out));
    memset(&c->lpa->where, 0, sizeof(c->lpa->where));
    c->options = c->options ? c->options : &defaults;
    rsp_profile_info_list list = {0};
    struct lpa_notification_list before = {0};
    const struct rsp_profile_info *profile = NULL;
    CR_TRY(lpa_profile_list(c->lpa, c->arena, &list, err));
    own_finding(c->lpa);
    CR_TRY(lpa_profile_find(&list, text, &profile, err));
    c->out->profile = *profile;
    if (c->verb == VERB_DELETE && lpa_profile_enabled(profile)) {
        return refuse_enabled(err);
    }
    if (c->verb != VERB_DELETE && profile->has_profile_state &&
        lpa_profile_enabled(profile) == (c->verb == VERB_ENABLE)) {
        c->out->already = true;
        c->out->verified = true;
        return CR_OK;
    }
    if (c->options->notify == LPA_NOTIFY_OPERATION) {
        CR_TRY(lpa_notification_list(c->lpa, c->arena, &before, err));
    }
    c->lpa->where.stage = LPA_STAGE_MANAGE;
    unsigned refreshes = es10_refreshes(c->lpa->card);
    CR_TRY(try_ways(c, err));
    CR_TRY(settle(c, refreshes, err));
    send_new(c->lpa, c->options, &before, c->out);
    return CR_OK;
}

cr_status lpa_profile_enable(struct lpa *lpa, cr_span profile,
                             const struct lpa_change_options *options, cr_arena *arena,
                             struct lpa_change *out, struct cr_err *err)
{
    struct change c = {.lpa = lpa, .verb = VERB_ENABLE, .options = options, .arena = arena};
    c.out = out;
    return change(&c, profile, err);
}

cr_status lpa_profile_disable(struct lpa *lpa, cr_span profile,
                              const struct lpa_change_options *options, cr_arena *arena,
                              struct lpa_change *out, struct cr_err *err)
{
    struct change c = {.lpa = lpa, .verb = VERB_DISABLE, .options = options, .arena = arena};
    c.out = out;
    return change(&c, profile, err);
}

cr_status lpa_profile_delete(struct lpa *lpa, cr_span profile,
                             const struct lpa_change_options *options, cr_arena *arena,
                             struct lpa_change *out, struct cr_err *err)
{
    struct change c = {.lpa = lpa, .verb = VERB_DELETE, .options = options, .arena = arena};
    c.out = out;
    return change(&c, profile, err);
}

/* ---- nickname, reset ---- */

cr_status lpa_profile_nickname(struct lpa *lpa, cr_span profile, cr_span nickname, cr_arena *arena,
                               struct lpa_change *out, struct cr_err *err)
{
    memset(out, 0, sizeof(*out));
    memset(&lpa->where, 0, sizeof(lpa->where));
    lpa->where.stage = LPA_STAGE_MANAGE;
    if (nickname.n > RSP_MAX_NICKNAME || !cr_utf8_valid(nickname)) {
        cr_status status = cr_fail(err, CR_REFUSED, "SGP.22 5.7.21",
                                   "a nickname is UTF-8 text of at most %d bytes, not %zu",
                                   RSP_MAX_NICKNAME, nickname.n);
        return cr_err_field(err, status, "profileNickname");
    }
    rsp_profile_info_list list = {0};
    const struct rsp_profile_info *found = NULL;
    CR_TRY(lpa_profile_list(lpa, arena, &list, err));
    own_finding(lpa);
    CR_TRY(lpa_profile_find(&list, profile, &found, err));
    out->profile = *found;
    return es10c_set_nickname(lpa->card, found->iccid, nickname, err);
}

cr_status lpa_memory_reset(struct lpa *lpa, uint64_t reset_options,
                           const struct lpa_change_options *options, cr_arena *arena,
                           struct lpa_change *out, struct cr_err *err)
{
    static const struct lpa_change_options defaults = {0};
    options = options ? options : &defaults;
    memset(out, 0, sizeof(*out));
    memset(&lpa->where, 0, sizeof(lpa->where));
    lpa->where.stage = LPA_STAGE_MANAGE;
    struct lpa_notification_list before = {0};
    if (options->notify == LPA_NOTIFY_OPERATION) {
        CR_TRY(lpa_notification_list(lpa, arena, &before, err));
    }
    unsigned refreshes = es10_refreshes(lpa->card);
    cr_status status = es10c_memory_reset(lpa->card, reset_options, err);
    if (status != CR_OK && lpa->where.has_result &&
        lpa->where.result == RSP_RESET_NOTHING_TO_DELETE) {
        out->already = true;
        return CR_OK;
    }
    bool dropped = status == CR_RESOURCE && !lpa->where.has_result; /* it may be resetting itself */
    if (status != CR_OK && !dropped) {
        return status;
    }
    struct cr_err own;
    if (dropped || es10_refreshes(lpa->card) == refreshes) {
        if (es10_reset(lpa->card, &own) != CR_OK) {
            if (err && !dropped) {
                *err = own;
            }
            return CR_RESOURCE;
        }
    }
    rsp_profile_info_list list = {0};
    CR_TRY(lpa_profile_list(lpa, arena, &list, err));
    out->verified = true;
    for (size_t i = 0; i < list.count && (reset_options & RSP_RESET_DELETE_OPERATIONAL_PROFILES);
         i++) {
        out->verified &= lpa_profile_class(&list.items[i]) != RSP_CLASS_OPERATIONAL;
    }
    if (!out->verified) {
        own_finding(lpa);
        status = cr_fail(err, CR_RESOURCE, "SGP.22 3.3.2",
                         "the memory reset did not take place: profiles are still there");
        return cr_err_next(err, status, "try again");
    }
    send_new(lpa, options, &before, out);
    return CR_OK;
}
