/*
 * Local profile management (SGP.22 3.2, 3.3, 5.7.15 to 5.7.22): list, enable, disable, delete,
 * nickname, memory reset.
 *
 * Cards differ in what they like: an ICCID or an AID, refreshFlag set or not. Each way is tried, in
 * that order, as long as the answer says that another way may work; then the card is brought to the
 * new state (REFRESH or reset) and the state is read back.
 */
#ifndef CRISP_LPA_PROFILES_H
#define CRISP_LPA_PROFILES_H

#include "lpa/notifications.h"

/* All profiles of all classes with every component an LPA can show. Works when none is enabled and
 * when there is none at all. */
cr_status lpa_profile_list(struct lpa *lpa, cr_arena *arena, rsp_profile_info_list *out,
                           struct cr_err *err) CR_MUST_CHECK;

/* Finds a profile by ICCID (18 to 20 digits, with or without F), ISD-P AID (hex), or nickname, if
 * that names one profile only. CR_REFUSED tells what there is instead. */
cr_status lpa_profile_find(const rsp_profile_info_list *list, cr_span text,
                           const struct rsp_profile_info **out, struct cr_err *err) CR_MUST_CHECK;

bool lpa_profile_enabled(const struct rsp_profile_info *profile);
/* Absent counts as operational. */
int64_t lpa_profile_class(const struct rsp_profile_info *profile);

enum lpa_refresh {
    LPA_REFRESH_AUTO, /* set; not set when the card does not like that */
    LPA_REFRESH_YES,
    LPA_REFRESH_NO
};

struct lpa_change_options {
    enum lpa_refresh refresh;
    enum lpa_notify notify;
    lpa_sent_fn *report; /* what became of notifications; NULL = none */
    void *ctx;
};

struct lpa_change {
    struct rsp_profile_info profile; /* as it was before; in the arena */
    bool already;                    /* nothing had to be done */
    bool verified;                   /* the new state was read back */
    bool by_aid, refresh;            /* the way that worked */
    bool notified;                   /* notifications were looked after; see send */
    struct lpa_send_result send;
};

/* profile: as lpa_profile_find() takes it. */
cr_status lpa_profile_enable(struct lpa *lpa, cr_span profile,
                             const struct lpa_change_options *options, cr_arena *arena,
                             struct lpa_change *out, struct cr_err *err) CR_MUST_CHECK;
cr_status lpa_profile_disable(struct lpa *lpa, cr_span profile,
                              const struct lpa_change_options *options, cr_arena *arena,
                              struct lpa_change *out, struct cr_err *err) CR_MUST_CHECK;
/* An enabled profile is refused before the card is asked. */
cr_status lpa_profile_delete(struct lpa *lpa, cr_span profile,
                             const struct lpa_change_options *options, cr_arena *arena,
                             struct lpa_change *out, struct cr_err *err) CR_MUST_CHECK;
/* Empty nickname removes it. CR_REFUSED when it has more than 64 bytes or is no UTF-8. */
cr_status lpa_profile_nickname(struct lpa *lpa, cr_span profile, cr_span nickname, cr_arena *arena,
                               struct lpa_change *out, struct cr_err *err) CR_MUST_CHECK;

/* enum rsp_reset_option bits. *already: there was nothing to delete. */
cr_status lpa_memory_reset(struct lpa *lpa, uint64_t reset_options,
                           const struct lpa_change_options *options, cr_arena *arena,
                           struct lpa_change *out, struct cr_err *err) CR_MUST_CHECK;

#endif
