/*
 * The profile package interpreter (TCA Interoperable Format; SGP.22 2.5.3):
 * executes profile elements one by one into a file system.
 *
 * Works inside the caller's transaction; whoever gets an abort removes the file system. Knows
 * nothing of RSP but the coding of its answer (EUICCResponse).
 */
#ifndef CRISP_EUICC_INSTALLER_H
#define CRISP_EUICC_INSTALLER_H

#include "profile/package.h"
#include "rsp/es8.h"
#include "uicc/fs.h"

struct euicc_installer;

struct euicc_installer_options {
    struct nvm *nvm;
    cr_span prefix;        /* of the file system to be made, empty so far */
    bool strict_test_keys; /* a test profile with keys that are not published ones is refused */
    bool test_profile;     /* class of the metadata */
    cr_span iccid;         /* of the metadata, 10 bytes swapped; absent = the package's (SGP.02) */
};

cr_status euicc_installer_new(const struct euicc_installer_options *options,
                              struct euicc_installer **out, struct cr_err *err) CR_MUST_CHECK;
void euicc_installer_free(struct euicc_installer *installer); /* NULL allowed */

enum euicc_install_step {
    EUICC_INSTALL_MORE,     /* the next element, please */
    EUICC_INSTALL_DONE,     /* the end element went through: the profile is complete */
    EUICC_INSTALL_ABORTED,  /* PE processing error: the response says why */
    EUICC_INSTALL_MISMATCH, /* dataMismatch: ICCID of package and metadata differ */
    EUICC_INSTALL_TEST_KEY, /* testProfileInstallFailedDueToInvalidNaaKey */
    EUICC_INSTALL_MEMORY    /* the chip's memory is full */
};

/* Executes one element. bytes = the complete TLV. */
enum euicc_install_step euicc_installer_element(struct euicc_installer *installer, cr_span bytes,
                                                cr_arena *arena);

/* Ends the installation from outside: what came is no package. */
enum euicc_install_step euicc_installer_abort(struct euicc_installer *installer,
                                              enum rsp_pe_status_code status);

/* What the package's header says for the chip, valid as long as the installer. */
struct euicc_installer_header {
    cr_span iccid;        /* 10 bytes, swapped */
    cr_span pol;          /* POL1; absent = none */
    cr_span connectivity; /* connectivityParameters; absent = none */
};
struct euicc_installer_header euicc_installer_header(const struct euicc_installer *installer);

/* The simaResponse so far: EUICCResponse TLVs, warnings first. */
cr_span euicc_installer_response(const struct euicc_installer *installer);

#endif
