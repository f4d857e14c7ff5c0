/*
 * Waiting profiles (SGP.22 3.6, 4.4): at the default SM-DP+ and as events of an SM-DS.
 */
#ifndef CRISP_LPA_DISCOVER_H
#define CRISP_LPA_DISCOVER_H

#include "lpa/download.h"

#define LPA_MAX_CASCADE 3 /* SM-DS that point to another SM-DS */

struct lpa_event {
    cr_span address;   /* SM-DP+, or another SM-DS */
    cr_span event_id;  /* absent: ask that server for whatever waits (default SM-DP+) */
    bool from_default; /* the default SM-DP+ of the eUICC, not an event */
};

struct lpa_event_list {
    struct lpa_event *items; /* in the order of the server */
    size_t count;
};

/* Events that an SM-DS has for this eUICC. event_id absent = all. In the arena. */
cr_status lpa_discover_events(struct lpa *lpa, cr_span smds_address, cr_span event_id,
                              const struct lpa_device *device, cr_arena *arena,
                              struct lpa_event_list *out, struct cr_err *err) CR_MUST_CHECK;

/* The addresses configured in the eUICC: the default SM-DP+ (if any) first, then the events of the
 * root SM-DS. smds_address present: that SM-DS instead of the configured one. CR_OK with
 * *smds_failed when the default SM-DP+ is known but the SM-DS does not answer. */
cr_status lpa_discover(struct lpa *lpa, cr_span smds_address, const struct lpa_device *device,
                       cr_arena *arena, struct lpa_event_list *out, bool *smds_failed,
                       struct cr_err *err) CR_MUST_CHECK;

/* Downloads what an event stands for; an event that leads to another SM-DS is followed. */
cr_status lpa_discover_download(struct lpa *lpa, const struct lpa_event *event,
                                const struct lpa_download_options *options,
                                const struct lpa_download_hooks *hooks, cr_arena *arena,
                                struct lpa_download_result *result,
                                struct cr_err *err) CR_MUST_CHECK;

#endif
