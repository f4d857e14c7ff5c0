/*
 * Who may call what on whose Profile (SGP.02 3.20, 5.7): pure decisions, no store.
 *
 * The role of the caller and the interface were checked before (soap/functions.h). Here is the
 * relation to one Profile: its owner; the SM-DP of the Profile, which acts for the owner on ES3;
 * whoever the owner granted the function for that type of Profile (PLMA) on ES4.
 */
#ifndef CRISP_SMSR_RIGHTS_H
#define CRISP_SMSR_RIGHTS_H

#include "smsr/grants.h"

struct smsr_claim {
    enum soap_interface interface; /* ES3, ES4 */
    enum soap_name name;
    const char *caller; /* OID */
    unsigned roles;     /* enum soap_party bits of the caller */
    const char *owner;  /* of the Profile */
    const char *smdp;   /* of the Profile; NULL = none */
    bool relay;         /* the owner's configuration names the caller as its SM-DP */
    bool has_plma;      /* the owner granted something to the caller for this type */
    smsr_grant granted;
};

/* CR_REFUSED: 8.2.1/1.2 neither owner nor its SM-DP nor a grantee; 8.11/3.9 an M2M SP without PLMA;
 * 1.6/1.2 a PLMA without this function, or a function that cannot be granted. */
cr_status smsr_rights_check(const struct smsr_claim *claim, struct cr_err *err) CR_MUST_CHECK;

/* The consent that an attribute may be taken from a Profile of another owner (SGP.02 3.24): claim
 * is about the holder, consent the Unset operation. An SM-DP needs it for the operator that it acts
 * for: claim.caller is that operator then. Same codes. */
cr_status smsr_rights_consent(const struct smsr_claim *holder, smsr_grant consent,
                              struct cr_err *err) CR_MUST_CHECK;

/* The functions that concern one Profile, for the tables of tests and documentation: end with 0. */
struct smsr_right {
    enum soap_name name;
    bool owner; /* on ES4 */
    bool smdp;  /* on ES3 */
    bool grant; /* can be granted */
};
extern const struct smsr_right smsr_rights[];

#endif
