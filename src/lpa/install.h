/*
 * LoadBoundProfilePackage (SGP.22 3.1.3.3, 2.5.5, 5.7.6): the package goes into the eUICC, the
 * signed result comes back. A part of download.c of its own.
 */
#ifndef CRISP_LPA_INSTALL_H
#define CRISP_LPA_INSTALL_H

#include "lpa/es10.h"
#include "rsp/segment.h"

struct lpa_install {
    bool has_result; /* the eUICC gave its ProfileInstallationResult */
    struct rsp_profile_installation_result result;
    cr_span sima_text; /* absent: none given */
    bool warnings;
    size_t segments; /* sent */
    size_t bytes;    /* sent */
};

/* Checks that the package can be cut: a failure has to be answered with CancelSession 5 before
 * anything is sent (its code is 5). */
cr_status lpa_install_check(cr_span bpp, struct rsp_segmenter *out,
                            struct cr_err *err) CR_MUST_CHECK;

/* Metadata of the package: BF25 out of its '88' TLVs, which are not encrypted. CR_MALFORMED when
 * they hold none. */
cr_status lpa_install_metadata(cr_span bpp, cr_arena *arena, struct rsp_store_metadata *out,
                               struct cr_err *err) CR_MUST_CHECK;

/* Sends segment after segment and stops at the first answer that holds a result. CR_OK only when
 * the profile is installed; a failure with out->has_result is the eUICC's own signed verdict (its
 * session is over, nothing is to be cancelled), one without calls for CancelSession 5. progress may
 * be NULL. */
cr_status lpa_install(struct es10 *card, struct lpa_where *where, struct rsp_segmenter *segmenter,
                      void (*progress)(void *ctx, size_t done, size_t total), void *ctx,
                      cr_arena *arena, struct lpa_install *out, struct cr_err *err) CR_MUST_CHECK;

/* Decodes a ProfileInstallationResult: CR_OK when it says success. */
cr_status lpa_install_result(struct lpa_where *where, cr_span bf37, cr_arena *arena,
                             struct lpa_install *out, struct cr_err *err) CR_MUST_CHECK;

#endif
