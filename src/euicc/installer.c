/*
 * The interpreter's loop: header, one element after the other, end, answers.
 */
#include "euicc/installer_context.h"

#include "asn1/asn1.h"

#include <stdio.h>
#include <stdlib.h>

cr_status euicc_installer_new(const struct euicc_installer_options *options,
                              struct euicc_installer **out, struct cr_err *err)
{
    struct euicc_installer *in = calloc(1, sizeof(*in));
    if (!in) {
        return cr_fail_memory(err);
    }
    if (!uicc_fs_init(&in->fs, options->nvm, options->prefix) ||
        !gp_registry_init(&in->registry, options->nvm, options->prefix) ||
        options->iccid.n != sizeof(in->iccid)) {
        free(in);
        return cr_fail(err, CR_INTERNAL, NULL, "the installer was given a bad prefix or ICCID");
    }
    in->strict_test_keys = options->strict_test_keys;
    in->test_profile = options->test_profile;
    memcpy(in->iccid, options->iccid.p, sizeof(in->iccid));
    *out = in;
    return CR_OK;
}

void euicc_installer_free(struct euicc_installer *in)
{
    if (in) {
        cr_buf_free(&in->response);
        free(in);
    }
}

cr_span euicc_installer_response(const struct euicc_installer *in)
{
    return cr_buf_span(&in->response);
}

struct pe_result pe_of_failure(cr_status status, const struct cr_err *err)
{
    if (status == CR_OK) {
        return pe_ok();
    }
    if (status == CR_RESOURCE || err->code == UICC_SW_NO_MEMORY) {
        return pe_fatal(RSP_PE_NOT_ENOUGH_MEMORY);
    }
    return pe_problem(RSP_PE_BAD_VALUES);
}

/* ---- answers -----------------------------------------------------------------------------------
 */

static void add_response(struct euicc_installer *in, struct rsp_pe_status *statuses, size_t count,
                         bool aborted)
{
    struct rsp_euicc_response response = {
        .pe_status = {.items = statuses, .count = count, .present = true},
        .profile_installation_aborted = aborted,
    };
    /* Only a want of memory leaves it out; the verdict stands without it. */
    cr_status status = asn1_encode(&rsp_euicc_response_type, &response, 0, &in->response, NULL);
    (void)status;
}

static struct rsp_pe_status status_of(const struct pe_result *result,
                                      const struct profile_element *element)
{
    struct rsp_pe_status status = {.status = result->status,
                                   .has_additional_information = result->has_additional,
                                   .additional_information = result->additional};
    if (element->kind != PROFILE_HEADER && element->kind != PROFILE_UNKNOWN) {
        status.has_identification = true;
        status.identification = element->header.identification;
    }
    return status;
}

static enum euicc_install_step abort_with(struct euicc_installer *in, struct rsp_pe_status status)
{
    if (in->warning_count) {
        add_response(in, in->warnings, in->warning_count, false);
    }
    status.has_offset = true; /* of the element's first byte: nothing finer is known */
    add_response(in, &status, 1, true);
    in->ended = true;
    return status.status == RSP_PE_NOT_ENOUGH_MEMORY ? EUICC_INSTALL_MEMORY : EUICC_INSTALL_ABORTED;
}

enum euicc_install_step euicc_installer_abort(struct euicc_installer *in,
                                              enum rsp_pe_status_code status)
{
    return in->ended ? EUICC_INSTALL_ABORTED
                     : abort_with(in, (struct rsp_pe_status){.status = status});
}

void installer_warn(struct euicc_installer *in, enum rsp_pe_status_code status)
{
    if (in->warning_count < CR_COUNT(in->warnings)) {
        in->warnings[in->warning_count++] = (struct rsp_pe_status){
            .status = status, .has_identification = true, .identification = in->identification};
    }
}

static enum euicc_install_step complete(struct euicc_installer *in)
{
    struct rsp_pe_status ok = {.status = RSP_PE_OK};
    if (in->warning_count) {
        add_response(in, in->warnings, in->warning_count, false);
    }
    add_response(in, &ok, 1, false);
    in->ended = true;
    return EUICC_INSTALL_DONE;
}

/* ---- header ------------------------------------------------------------------------------------
 */

static bool service_supported(enum profile_service service)
{
    switch (service) {
    case PROFILE_SERVICE_USIM:
    case PROFILE_SERVICE_ISIM:
    case PROFILE_SERVICE_CSIM:
    case PROFILE_SERVICE_MILENAGE:
    case PROFILE_SERVICE_TUAK128:
    case PROFILE_SERVICE_TUAK256:
    case PROFILE_SERVICE_USIM_TEST_ALGORITHM:
    case PROFILE_SERVICE_MULTIPLE_USIM:
    case PROFILE_SERVICE_MULTIPLE_ISIM:
    case PROFILE_SERVICE_MULTIPLE_CSIM:
    case PROFILE_SERVICE_BER_TLV:
    case PROFILE_SERVICE_DFLINK:
    case PROFILE_SERVICE_GET_IDENTITY:
    case PROFILE_SERVICE_PROFILE_A_X25519:
    case PROFILE_SERVICE_PROFILE_B_P256:
        return true;
    case PROFILE_SERVICE_CONTACTLESS:
    case PROFILE_SERVICE_CAVE:
    case PROFILE_SERVICE_GBA_USIM:
    case PROFILE_SERVICE_GBA_ISIM:
    case PROFILE_SERVICE_MBMS:
    case PROFILE_SERVICE_EAP:
    case PROFILE_SERVICE_JAVACARD:
    case PROFILE_SERVICE_MULTOS:
    case PROFILE_SERVICE_CAT_TP:
    case PROFILE_SERVICE_SUCI_CALCULATOR_API:
    case PROFILE_SERVICE_DNS_RESOLUTION:
    case PROFILE_SERVICE_SCP11AC:
    case PROFILE_SERVICE_SCP11C_AUTHORIZATION_MECHANISM:
    case PROFILE_SERVICE_S16MODE:
    case PROFILE_SERVICE_EAKA:
    case PROFILE_SERVICES:
        break;
    }
    return false;
}

/* ICCID of the header is in reading order, the metadata's is swapped. */
static bool iccid_agrees(const struct euicc_installer *in, cr_span iccid)
{
    if (iccid.n != sizeof(in->iccid)) {
        return false;
    }
    for (size_t i = 0; i < iccid.n; i++) {
        if (in->iccid[i] != (uint8_t)(iccid.p[i] << 4 | iccid.p[i] >> 4)) {
            return false;
        }
    }
    return true;
}

static struct pe_result run_header(struct euicc_installer *in, const struct profile_header *header)
{
    if (header->major_version != 2 && header->major_version != 3) {
        return pe_fatal(RSP_PE_UNSUPPORTED_PROFILE_VERSION);
    }
    for (size_t i = 0; i < PROFILE_SERVICES; i++) {
        if (header->services[i] && !service_supported((enum profile_service)i)) {
            bool runtime = i == PROFILE_SERVICE_JAVACARD || i == PROFILE_SERVICE_MULTOS;
            return pe_fatal(runtime ? RSP_PE_RUNTIME_NOT_SUPPORTED : RSP_PE_FEATURE_NOT_SUPPORTED);
        }
    }
    for (size_t i = 0; i < header->gfste_list.count; i++) {
        if (!profile_template_by_oid(header->gfste_list.items[i])) {
            return pe_fatal(RSP_PE_TEMPLATE_NOT_SUPPORTED);
        }
    }
    if (header->mandatory_aids.count > 0) {
        return pe_fatal(RSP_PE_LIB_NOT_SUPPORTED);
    }
    if (header->has_iot_options) {
        return pe_fatal(RSP_PE_FEATURE_NOT_SUPPORTED);
    }
    if (!iccid_agrees(in, header->iccid)) {
        in->special = EUICC_INSTALL_MISMATCH;
        return pe_fatal(RSP_PE_BAD_VALUES);
    }
    return pe_ok();
}

/* ---- security domains, remote file management, what is kept as it is ----------------------------
 */

/* Kept under the profile's prefix for whoever will execute it. */
static struct pe_result keep_element(struct euicc_installer *in, cr_span bytes)
{
    char key[UICC_MAX_PREFIX + 16];
    struct cr_err err = {0};
    (void)snprintf(key, sizeof(key), "%.*sPE%04zX", in->fs.prefix_size, in->fs.prefix, in->count);
    return pe_of_failure(nvm_put(in->fs.nvm, cr_span_str(key), bytes, &err), &err);
}

static struct pe_result of_verdict(struct gp_verdict verdict)
{
    return (struct pe_result){.status = verdict.status, .fatal = verdict.fatal};
}

static struct pe_result run_security_domain(struct euicc_installer *in,
                                            const struct profile_security_domain *sd)
{
    struct pe_result result = of_verdict(gp_perso_domain(&in->registry, sd));
    in->has_sd = in->has_sd || result.status == RSP_PE_OK;
    return result;
}

static struct pe_result run_end(struct euicc_installer *in)
{
    cr_buf scratch = {0};
    uicc_file mf = uicc_fs_mf(&in->fs);
    uicc_file ef = mf ? uicc_fs_child(&in->fs, mf, 0x2FE2) : 0;
    if (!mf) {
        return pe_fatal(RSP_PE_INVALID_PARAMETER);
    }
    struct pe_result result = installer_check_pins(in);
    if (result.status == RSP_PE_OK && ef) {
        cr_span content = uicc_fs_content(&in->fs, ef, &scratch);
        if (!cr_span_equal(content, CR_SPAN_ARRAY(in->iccid))) {
            in->special = EUICC_INSTALL_MISMATCH;
            result = pe_fatal(RSP_PE_BAD_VALUES);
        }
    }
    cr_buf_free(&scratch);
    return result;
}

/* ---- order of the elements --------------------------------------------------------------------
 */

static bool in_order(const struct euicc_installer *in, const struct profile_element *element)
{
    if (in->count == 0 || element->kind == PROFILE_HEADER) {
        return in->count == 0 && element->kind == PROFILE_HEADER;
    }
    bool has_mf = uicc_fs_mf(&in->fs) != 0;
    switch (element->kind) {
    case PROFILE_MF:
        return !has_mf;
    case PROFILE_PUK_CODES:
        return has_mf && !in->has_puk;
    case PROFILE_GFM: /* may create the MF */
    case PROFILE_NON_STANDARD:
    case PROFILE_UNKNOWN:
    case PROFILE_END:
        return true;
    case PROFILE_OPT_USIM:
    case PROFILE_PHONEBOOK:
    case PROFILE_GSM_ACCESS:
    case PROFILE_DF_5GS:
    case PROFILE_DF_SAIP:
    case PROFILE_DF_SNPN:
    case PROFILE_DF_5GPROSE:
        return in->usim != 0;
    case PROFILE_OPT_ISIM:
        return in->isim != 0;
    case PROFILE_OPT_CSIM:
        return in->csim != 0;
    case PROFILE_AKA:
    case PROFILE_EAP:
        return in->naa != 0;
    case PROFILE_CDMA:
        return in->csim != 0;
    case PROFILE_RFM:
    case PROFILE_APPLICATION:
        return in->has_sd;
    case PROFILE_PIN_CODES:
    case PROFILE_SECURITY_DOMAIN:
    case PROFILE_CD:
    case PROFILE_TELECOM:
    case PROFILE_USIM:
    case PROFILE_ISIM:
    case PROFILE_CSIM:
        return has_mf;
    case PROFILE_IOT:
    case PROFILE_OPT_IOT:
        return true; /* answered with what it is: not supported */
    case PROFILE_HEADER:
    case PROFILE_KINDS:
        break;
    }
    return false;
}

/* Identifications are unique in a package. */
static bool identification_is_new(struct euicc_installer *in, const struct profile_element *element)
{
    if (element->kind == PROFILE_HEADER || element->kind == PROFILE_UNKNOWN) {
        return true;
    }
    int64_t id = element->header.identification;
    if (id < 0 || id > 32767) {
        return false;
    }
    uint8_t bit = (uint8_t)(1 << (id & 7));
    /* Zero is given more than once by real packages (a selecting file management element). */
    if (id != 0 && (in->seen_ids[id >> 3] & bit)) {
        return false;
    }
    in->seen_ids[id >> 3] |= bit;
    return true;
}

/* ---- one element -------------------------------------------------------------------------------
 */

static struct pe_result run_element(struct euicc_installer *in,
                                    const struct profile_element *element)
{
    switch (element->kind) {
    case PROFILE_HEADER:
        return run_header(in, &element->profile_header);
    case PROFILE_GFM:
        return installer_gfm(in, &element->gfm);
    case PROFILE_PIN_CODES:
        return installer_pins(in, &element->pin_codes);
    case PROFILE_PUK_CODES:
        in->has_puk = true;
        return installer_puks(in, &element->puk_codes);
    case PROFILE_AKA:
        return installer_aka(in, &element->aka);
    case PROFILE_SECURITY_DOMAIN:
        return run_security_domain(in, &element->sd);
    case PROFILE_RFM:
        return of_verdict(gp_perso_rfm(&in->registry, &in->fs, &element->rfm));
    case PROFILE_CDMA:
        return keep_element(in, element->raw);
    case PROFILE_APPLICATION:
        return of_verdict(gp_perso_application(&element->application));
    case PROFILE_NON_STANDARD:
    case PROFILE_UNKNOWN:
        return pe_problem(RSP_PE_NOT_SUPPORTED);
    case PROFILE_IOT:
    case PROFILE_OPT_IOT:
        return pe_problem(RSP_PE_FEATURE_NOT_SUPPORTED);
    case PROFILE_END:
        return run_end(in);
    case PROFILE_MF:
    case PROFILE_CD:
    case PROFILE_TELECOM:
    case PROFILE_USIM:
    case PROFILE_OPT_USIM:
    case PROFILE_ISIM:
    case PROFILE_OPT_ISIM:
    case PROFILE_PHONEBOOK:
    case PROFILE_GSM_ACCESS:
    case PROFILE_CSIM:
    case PROFILE_OPT_CSIM:
    case PROFILE_EAP:
    case PROFILE_DF_5GS:
    case PROFILE_DF_SAIP:
    case PROFILE_DF_SNPN:
    case PROFILE_DF_5GPROSE:
        return installer_files(in, &element->fs, element->kind);
    case PROFILE_KINDS:
        break;
    }
    return pe_problem(RSP_PE_NOT_SUPPORTED);
}

static enum euicc_install_step
settle(struct euicc_installer *in, const struct profile_element *element, struct pe_result result)
{
    if (result.status != RSP_PE_OK) {
        struct rsp_pe_status status = status_of(&result, element);
        bool mandated = element->header.mandated || element->kind == PROFILE_HEADER;
        if (result.fatal || mandated || in->warning_count == CR_COUNT(in->warnings)) {
            enum euicc_install_step step = abort_with(in, status);
            return in->special ? in->special : step;
        }
        in->warnings[in->warning_count++] = status;
        installer_undo(in);
    }
    in->count++;
    return element->kind == PROFILE_END ? complete(in) : EUICC_INSTALL_MORE;
}

enum euicc_install_step euicc_installer_element(struct euicc_installer *in, cr_span bytes,
                                                cr_arena *arena)
{
    struct profile_element element = {0};
    cr_span rest = bytes;
    if (in->ended) {
        return EUICC_INSTALL_ABORTED;
    }
    cr_status status = profile_element_next(&rest, arena, &element, NULL);
    if (status == CR_RESOURCE) {
        return settle(in, &element, pe_fatal(RSP_PE_NOT_ENOUGH_MEMORY));
    }
    if (status != CR_OK || rest.n > 0) {
        return settle(in, &element, pe_fatal(RSP_PE_INVALID_REQUEST_FORMAT));
    }
    in->mandated = element.header.mandated;
    in->identification = element.header.identification;
    in->created_count = 0;
    if (!in_order(in, &element) || !identification_is_new(in, &element)) {
        return settle(in, &element, pe_fatal(RSP_PE_INVALID_PARAMETER));
    }
    if (element.has_unknown) {
        if (element.header.mandated) {
            return settle(in, &element, pe_problem(RSP_PE_INVALID_PARAMETER));
        }
        installer_warn(in, RSP_PE_INVALID_PARAMETER);
    }
    return settle(in, &element, run_element(in, &element));
}
