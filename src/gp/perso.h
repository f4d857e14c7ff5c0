/*
 * The registry of a profile from its package: SecurityDomain, RFM and Application elements (TCA
 * Interoperable Format).
 */
#ifndef CRISP_GP_PERSO_H
#define CRISP_GP_PERSO_H

#include "gp/registry.h"
#include "profile/elements.h"
#include "rsp/es8.h"

/* What an element came to, for the interpreter's answer. fatal: whatever "mandated" says. */
struct gp_verdict {
    enum rsp_pe_status_code status; /* RSP_PE_OK */
    bool fatal;
};

/* The registry is that of the profile under construction; fs its file system. Inside the caller's
 * transaction; an element that fails leaves nothing behind.
 *
 * The first domain is the MNO-SD, associated with itself. Others hang below a PERSONALIZED one
 * (invalid-parameter, fatal). Duplicates and values that cannot be are bad-values, key types that
 * the card does not have feature-not-supported. */
struct gp_verdict gp_perso_domain(const struct gp_registry *reg,
                                  const struct profile_security_domain *sd);

/* files: where its ADF must exist. */
struct gp_verdict gp_perso_rfm(const struct gp_registry *reg, const struct uicc_fs *files,
                               const struct profile_rfm *rfm);

/* Load files and instances: there is no runtime for them. */
struct gp_verdict gp_perso_application(const struct profile_application *application);

#endif
