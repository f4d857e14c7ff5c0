#include "lpa/advice.h"

#include "rsp/es10a.h"
#include "rsp/es10b.h"
#include "rsp/es10c.h"

#include <stdio.h>
#include <string.h>

/* ---- servers ---- */

struct pair {
    const char *subject;
    const char *reason;
    const char *text; /* NULL: the names of the codes say enough */
    const char *next;
};

static const struct pair pairs[] = {
    {"8.1", "4.8", "the eUICC has not enough memory for this profile",
     "delete a profile that is not needed (`crisp lpa list`), then use the same code again"},
    {"8.1", "6.1", "the server does not accept the eUICC's signature",
     "the server may not know the eUICC's certificate issuer: tell its operator the EID"},
    {"8.1.1", "3.8", "the profile is meant for another eUICC (EID), or none waits for this one",
     "check the activation code: one that was once used with another eUICC is bound to it; "
     "without a code, the operator has to order for this EID (`crisp lpa info` shows it)"},
    {"8.1.2", "6.1", "the server does not accept the certificate of the eUICC's maker",
     "a test eUICC only works with servers that trust the test CI; a revoked maker with none"},
    {"8.1.2", "6.3", "the certificate of the eUICC's maker has expired", "tell the eUICC's maker"},
    {"8.1.3", "6.1", "the server does not accept the eUICC's certificate",
     "a test eUICC only works with servers that trust the test CI; a revoked one with none"},
    {"8.1.3", "6.3", "the eUICC's certificate has expired", "tell the eUICC's maker"},
    {"8.2", "1.2", "the profile is not released for download",
     "ask the operator to release it, then use the same code again"},
    {"8.2", "3.7", "the profile was bound to another attempt and cannot be bound again",
     "ask the operator for a new activation code"},
    {"8.2.5", "4.3", "the server does not find the device or the eUICC eligible for this profile",
     "try with the real IMEI (--imei) and the device's capabilities (--capability); a test profile "
     "needs a test eUICC, one with policy rules an eUICC that allows them (`crisp lpa info`)"},
    {"8.2.6", "3.8", "the server does not know this code, or it was used already",
     "check the activation code letter by letter; a used one has to be issued anew by the "
     "operator"},
    {"8.2.6", "3.9", "the server does not know this code, or it was used already",
     "check the activation code letter by letter; a used one has to be issued anew by the "
     "operator"},
    {"8.2.7", "2.2", "the server wants a confirmation code",
     "give the code that the operator sent apart from the activation code: --confirmation-code"},
    {"8.2.7", "3.8", "the confirmation code is wrong",
     "try again with the right one; after a few wrong codes the order is closed"},
    {"8.2.7", "6.4", "too many wrong confirmation codes: the server closed the order",
     "ask the operator for a new activation code"},
    {"8.8.1", "3.8", "the server does not go by this address",
     "check the SM-DP+ address; it has to be the name the server is configured with"},
    {"8.8.2", "3.1", "server and eUICC have no certificate issuer in common",
     "`crisp lpa info` shows the CIs of the eUICC: the server needs certificates of one of them"},
    {"8.8.3", "3.1", "the server does not support the eUICC's version of SGP.22",
     "`crisp lpa info` shows the version; the server has to be newer or configured for it"},
    {"8.8.4", "3.7", "the server has no certificate that this eUICC can verify",
     "`crisp lpa info` shows the CIs of the eUICC: the server needs certificates of one of them"},
    {"8.8.5", "4.10", "the order has expired", "ask the operator for a new activation code"},
    {"8.8.5", "6.4", "the profile was tried too often: the server closed the order",
     "ask the operator for a new activation code"},
    {"8.9.1", "3.8", "the SM-DS does not go by this address", "check the SM-DS address"},
    {"8.9.2", "3.1", "SM-DS and eUICC have no certificate issuer in common",
     "`crisp lpa info` shows the CIs of the eUICC"},
    {"8.9.5", "3.9", "the SM-DS has no such event for this eUICC",
     "the event may be used up or deleted: run discover again"},
    {"8.10.1", "3.9", "the server does not know the session (any more)",
     "it may have timed out: start again"},
    {"8.11.1", "3.9", "the server does not know the certificate issuer (CI) of the eUICC",
     "`crisp lpa info` shows the CIs of the eUICC: the server needs one of them"},
    {"1.6", "2.1", "the server calls the request invalid and does not say why",
     "often it misses device data: try with --imei and --capability; else ask the server's "
     "operator "
     "for its log"},
    {"1.2", "3.7", "the server cannot serve at the moment",
     "try again in a few minutes; if that does not help, tell the server's operator"},
    {"1.3.2", "3.1", "the server does not support this version of the protocol",
     "the server is too old or too new for this program: tell its operator"},
};

void lpa_advise_server(struct cr_err *err, enum rsp_function_id function)
{
    if (!err || !err->subject[0]) {
        return;
    }
    for (size_t i = 0; i < CR_COUNT(pairs); i++) {
        const struct pair *pair = &pairs[i];
        if (strcmp(pair->subject, err->subject) != 0 || strcmp(pair->reason, err->reason) != 0) {
            continue;
        }
        if (pair->text) {
            char cause[sizeof(err->cause)];
            memcpy(cause, err->cause, sizeof(cause));
            int n = snprintf(err->cause, sizeof(err->cause), "%s (", pair->text);
            if (n > 0 && (size_t)n < sizeof(err->cause)) {
                (void)snprintf(err->cause + n, sizeof(err->cause) - (size_t)n, "%s)", cause);
            }
        }
        if (!err->next[0]) {
            (void)snprintf(err->next, sizeof(err->next), "%s", pair->next);
        }
        return;
    }
    if (!err->next[0]) {
        (void)snprintf(err->next, sizeof(err->next),
                       "tell the server's operator the codes %s/%s of %s", err->subject,
                       err->reason, rsp_function(function)->name);
    }
}

/* ---- error numbers of the eUICC ---- */

struct function_advice {
    const char *function;
    struct lpa_number_advice advice;
};

static const struct function_advice numbers[] = {
    {"ES10b.AuthenticateServer",
     {RSP_AUTHENTICATE_INVALID_CERTIFICATE, "the eUICC does not accept the server's certificate",
      "the server's CERT.DPauth is no valid one under a CI of this eUICC (`crisp lpa info`): tell "
      "the server's operator"}},
    {"ES10b.AuthenticateServer",
     {RSP_AUTHENTICATE_INVALID_SIGNATURE, "the eUICC does not accept the server's signature",
      "the server signs with a key that is not of its certificate: tell its operator"}},
    {"ES10b.AuthenticateServer",
     {RSP_AUTHENTICATE_UNSUPPORTED_CURVE,
      "the eUICC does not support the curve of the server's key",
      "the server needs a certificate on another curve: tell its operator"}},
    {"ES10b.AuthenticateServer",
     {RSP_AUTHENTICATE_NO_SESSION, "the eUICC lost its session",
      "another program may use the same card: close it and try again"}},
    {"ES10b.AuthenticateServer",
     {RSP_AUTHENTICATE_INVALID_OID, "the server's OID is not the one expected",
      "check the activation code"}},
    {"ES10b.AuthenticateServer",
     {RSP_AUTHENTICATE_EUICC_CHALLENGE_MISMATCH,
      "the server signed another challenge than the eUICC's",
      "another program may use the same card, or the server answers from a cache: try again"}},
    {"ES10b.AuthenticateServer",
     {RSP_AUTHENTICATE_CI_PK_UNKNOWN, "the eUICC does not know the certificate issuer (CI)",
      "`crisp lpa info` shows the CIs of the eUICC: the server needs certificates of one of them"}},
    {"ES10b.PrepareDownload",
     {RSP_DOWNLOAD_INVALID_CERTIFICATE,
      "the eUICC does not accept the server's profile binding certificate",
      "CERT.DPpb has to be valid and of the same server as CERT.DPauth: tell the server's "
      "operator"}},
    {"ES10b.PrepareDownload",
     {RSP_DOWNLOAD_INVALID_SIGNATURE, "the eUICC does not accept the server's second signature",
      "it has to be made with the key of CERT.DPpb: tell the server's operator"}},
    {"ES10b.PrepareDownload",
     {RSP_DOWNLOAD_NO_SESSION, "the eUICC lost its session",
      "another program may use the same card: close it and try again"}},
    {"ES10b.PrepareDownload",
     {RSP_DOWNLOAD_UNDEFINED, "the eUICC refused for a reason it does not tell",
      "if the server asks for a confirmation code, give it with --confirmation-code"}},
    {"ES10b.LoadCRL",
     {RSP_LOAD_CRL_INVALID_SIGNATURE, "the CI that the CRL names has not signed it",
      "get the list from the CI again; this one is damaged or forged"}},
    {"ES10b.LoadCRL",
     {RSP_LOAD_CRL_INVALID_CRL_FORMAT, "the eUICC cannot read this CRL",
      "`crisp pki show FILE` tells what it is; eUICCs want X.509 version 2 lists of a CI"}},
    {"ES10b.LoadCRL",
     {RSP_LOAD_CRL_NOT_ENOUGH_MEMORY_SPACE, "the list does not fit into the eUICC's memory",
      "delete a profile that is not needed, or take a list in parts"}},
    {"ES10b.LoadCRL",
     {RSP_LOAD_CRL_VERIFICATION_KEY_NOT_FOUND, "the eUICC does not know the CI of this CRL",
      "`crisp lpa info` shows the CIs that it trusts: give a CRL of one of them"}},
    {"ES10b.LoadCRL",
     {RSP_LOAD_CRL_BASE_CRL_MISSING, "this is a part of a list whose base is not loaded",
      "load the base list first"}},
    {"ES10c.EnableProfile",
     {RSP_PROFILE_ICCID_OR_AID_NOT_FOUND, "the eUICC does not have this profile",
      "`crisp lpa list` shows the profiles"}},
    {"ES10c.EnableProfile",
     {RSP_PROFILE_NOT_IN_EXPECTED_STATE, "the profile is enabled already", NULL}},
    {"ES10c.EnableProfile",
     {RSP_PROFILE_DISALLOWED_BY_POLICY,
      "the enabled profile may not be disabled (its policy rule PPR1)",
      "only its operator can lift the rule"}},
    {"ES10c.EnableProfile",
     {RSP_PROFILE_WRONG_REENABLING,
      "while a test profile is enabled only the profile enabled before it can follow",
      "disable the test profile first"}},
    {"ES10c.EnableProfile",
     {RSP_PROFILE_CAT_BUSY, "the card is in the middle of a proactive session",
      "try again in a moment, or with --refresh no"}},
    {"ES10c.DisableProfile",
     {RSP_PROFILE_ICCID_OR_AID_NOT_FOUND, "the eUICC does not have this profile",
      "`crisp lpa list` shows the profiles"}},
    {"ES10c.DisableProfile",
     {RSP_PROFILE_NOT_IN_EXPECTED_STATE, "the profile is disabled already", NULL}},
    {"ES10c.DisableProfile",
     {RSP_PROFILE_DISALLOWED_BY_POLICY, "the profile may not be disabled (its policy rule PPR1)",
      "only its operator can lift the rule"}},
    {"ES10c.DisableProfile",
     {RSP_PROFILE_CAT_BUSY, "the card is in the middle of a proactive session",
      "try again in a moment, or with --refresh no"}},
    {"ES10c.DeleteProfile",
     {RSP_PROFILE_ICCID_OR_AID_NOT_FOUND, "the eUICC does not have this profile",
      "`crisp lpa list` shows the profiles"}},
    {"ES10c.DeleteProfile",
     {RSP_PROFILE_NOT_IN_EXPECTED_STATE, "the profile is enabled", "disable it first"}},
    {"ES10c.DeleteProfile",
     {RSP_PROFILE_DISALLOWED_BY_POLICY, "the profile may not be deleted (its policy rule PPR2)",
      "only its operator can lift the rule; memory-reset deletes it all the same"}},
    {"ES10c.eUICCMemoryReset", {RSP_RESET_NOTHING_TO_DELETE, "there is nothing to delete", NULL}},
    {"ES10c.eUICCMemoryReset",
     {RSP_RESET_CAT_BUSY, "the card is in the middle of a proactive session",
      "try again in a moment"}},
    {"ES10c.SetNickname",
     {RSP_SET_NICKNAME_ICCID_NOT_FOUND, "the eUICC does not have this profile",
      "`crisp lpa list` shows the profiles"}},
    {"ES10c.GetProfilesInfo",
     {RSP_PROFILES_INFO_PROFILE_CHANGE_ONGOING, "a change of profile is still under way",
      "try again in a moment, or reset the card"}},
    {"ES10a.SetDefaultDpAddress",
     {RSP_SET_DEFAULT_DP_UNDEFINED, "the eUICC did not take the address",
      "check the address: a host name without https:// and without a path"}},
};

const struct lpa_number_advice *lpa_advise_card(const char *function, int64_t number)
{
    for (size_t i = 0; i < CR_COUNT(numbers); i++) {
        if (numbers[i].advice.number == number && strcmp(numbers[i].function, function) == 0) {
            return &numbers[i].advice;
        }
    }
    return NULL;
}

/* ---- installation results ---- */

#define TELL_OPERATOR "the package does not fit this eUICC: tell the server's operator the codes"

static const struct lpa_number_advice installs[] = {
    {RSP_INSTALL_INCORRECT_INPUT_VALUES, "the eUICC calls something in the package wrong",
     TELL_OPERATOR},
    {RSP_INSTALL_INVALID_SIGNATURE,
     "the package is not signed by the server that was authenticated", TELL_OPERATOR},
    {RSP_INSTALL_INVALID_TRANSACTION_ID, "the package is of another session", "start again"},
    {RSP_INSTALL_UNSUPPORTED_CRT_VALUES, "the package uses keys of a kind the eUICC does not know",
     TELL_OPERATOR},
    {RSP_INSTALL_UNSUPPORTED_REMOTE_OPERATION_TYPE, "the package is no installation of a profile",
     TELL_OPERATOR},
    {RSP_INSTALL_UNSUPPORTED_PROFILE_CLASS, "the eUICC does not take profiles of this class",
     "a test profile needs an eUICC with test profile support (`crisp lpa info`)"},
    {RSP_INSTALL_BSP_STRUCTURE_ERROR, "the protected part of the package has a wrong structure",
     TELL_OPERATOR},
    {RSP_INSTALL_BSP_SECURITY_ERROR,
     "the protected part of the package does not belong to this eUICC or was changed",
     "the download may be damaged, or bound to other keys: ask the operator for a new activation "
     "code"},
    {RSP_INSTALL_ICCID_ALREADY_EXISTS, "a profile with this ICCID is installed already",
     "`crisp lpa list` shows it; to install it again, delete it first and ask for a new code"},
    {RSP_INSTALL_INSUFFICIENT_MEMORY, "the eUICC has not enough memory for this profile",
     "delete a profile that is not needed (`crisp lpa list`), then use the same code again"},
    {RSP_INSTALL_INTERRUPTION, "the installation was interrupted",
     "use the same code again and leave the card powered"},
    {RSP_INSTALL_PE_PROCESSING_ERROR, "the eUICC could not process an element of the profile",
     "the profile does not fit this make of eUICC: tell the operator the element and its status"},
    {RSP_INSTALL_DATA_MISMATCH, "the ICCID inside the profile is not the one announced",
     TELL_OPERATOR},
    {RSP_INSTALL_TEST_PROFILE_INVALID_NAA_KEY, "the test profile has keys that are no test keys",
     "a test profile may only carry the published test keys: tell the server's operator"},
    {RSP_INSTALL_PPR_NOT_ALLOWED, "the eUICC does not allow the profile's policy rules",
     "ask the operator for a profile without policy rules"},
    {RSP_INSTALL_LPR_NOT_SUPPORTED, "the eUICC does not support the profile's LPR configuration",
     TELL_OPERATOR},
    {RSP_INSTALL_UNKNOWN_TLV_IN_METADATA, "the eUICC does not know an object in the metadata",
     "the server sends metadata of a newer version: tell its operator"},
    {RSP_INSTALL_FAILED_DUE_TO_UNKNOWN_ERROR,
     "the eUICC could not install the profile and does not say why",
     "try again after a reset of the card; then tell the operator"},
};

const struct lpa_number_advice *lpa_advise_install(int64_t reason)
{
    static const struct lpa_number_advice other = {0, "the eUICC refused the profile",
                                                   "tell the server's operator the codes"};
    for (size_t i = 0; i < CR_COUNT(installs); i++) {
        if (installs[i].number == reason) {
            return &installs[i];
        }
    }
    return &other;
}
