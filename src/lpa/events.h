/*
 * What an LPA tells programs: one JSON object for each event (docs/lpa-json.md is the promise).
 *
 * Each function appends one line with its line end. Names, once published, keep their meaning; new
 * members may be added. Absent values are left out, never null.
 */
#ifndef CRISP_LPA_EVENTS_H
#define CRISP_LPA_EVENTS_H

#include "lpa/crl.h"
#include "lpa/discover.h"
#include "lpa/info.h"
#include "lpa/profiles.h"

/* {"event":"progress"} */
void lpa_event_progress(cr_buf *out, const struct lpa_progress *progress);
/* {"event":"metadata"}: what the person is asked about */
void lpa_event_metadata(cr_buf *out, const struct lpa_offer *offer);
/* {"event":"result","command":"download"} */
void lpa_event_download(cr_buf *out, const struct lpa_download_result *result);
/* {"event":"result","command":...}: enable, disable, delete, nickname, memory-reset */
void lpa_event_change(cr_buf *out, const char *command, const struct lpa_change *change);
/* {"event":"result","command":...} without anything else but a count when it is not negative */
void lpa_event_done(cr_buf *out, const char *command, int64_t count);
/* {"event":"error"} */
void lpa_event_error(cr_buf *out, const struct cr_err *err, const struct lpa_where *where);
/* {"event":"profile"}: one of the list */
void lpa_event_profile(cr_buf *out, const struct rsp_profile_info *profile);
/* {"event":"notification"}: one of the list (outcome NULL), or what became of it */
void lpa_event_notification(cr_buf *out, const struct lpa_notification *notification,
                            const enum lpa_sent *outcome, const struct cr_err *err);
/* {"event":"info"} */
void lpa_event_info(cr_buf *out, const struct lpa_info *info);
/* {"event":"crl"}: a list that an eUICC was given; file as the user named it */
void lpa_event_crl(cr_buf *out, const char *file, const struct lpa_crl_loaded *loaded);
/* {"event":"default-smdp"} */
void lpa_event_default_smdp(cr_buf *out, cr_span default_smdp, cr_span root_smds);
/* {"event":"waiting"}: a profile that waits somewhere */
void lpa_event_waiting(cr_buf *out, const struct lpa_event *event);

#endif
