/*
 * The interpreter's loop: header, one element after the other, end, answers.
 */
#include "euicc/installer_context.h"

#include "asn1/asn1.h"
#include "asn1/der.h"
#include "profile/check.h"
#include "profile/ef.h"

#include <stdio.h>
#include <stdlib.h>

#define FID_UST  0x6F38
#define UST_MBMS 69

cr_status euicc_installer_new(const struct euicc_installer_options *options,
                              struct euicc_installer **out, struct cr_err *err)
{
    struct euicc_installer *in = calloc(1, sizeof(*in));
    if (!in) {
        return cr_fail_memory(err);
    }
    if (!uicc_fs_init(&in->fs, options->nvm, options->prefix) ||
        !gp_registry_init(&in->registry, options->nvm, options->prefix) ||
        (options->iccid.p && options->iccid.n != sizeof(in->iccid))) {
        free(in);
        return cr_fail(err, CR_INTERNAL, NULL, "the installer was given a bad prefix or ICCID");
    }
    in->strict_test_keys = options->strict_test_keys;
    in->test_profile = options->test_profile;
    in->iccid_given = options->iccid.p != NULL;
    if (in->iccid_given) {
        memcpy(in->iccid, options->iccid.p, sizeof(in->iccid));
    }
    *out = in;
    return CR_OK;
}

void euicc_installer_free(struct euicc_installer *in)
{
    if (in) {
        cr_buf_free(&in->response);
        cr_buf_free(&in->pol);
        cr_buf_free(&in->connectivity);
        free(in);
    }
}

struct euicc_installer_header euicc_installer_header(const struct euicc_installer *in)
{
    return (struct euicc_installer_header){.iccid = CR_SPAN_ARRAY(in->iccid),
                                           .pol = cr_buf_span(&in->pol),
                                           .connectivity = cr_buf_span(&in->connectivity)};
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

void installer_warn_about(struct euicc_installer *in, const struct pe_result *result)
{
    if (in->warning_count < CR_COUNT(in->warnings)) {
        in->warnings[in->warning_count++] =
            (struct rsp_pe_status){.status = result->status,
                                   .has_identification = in->count > 0, /* no header */
                                   .identification = in->identification,
                                   .has_additional_information = result->has_additional,
                                   .additional_information = result->additional};
    }
}

void installer_warn(struct euicc_installer *in, enum rsp_pe_status_code status)
{
    const struct pe_result result = pe_problem(status);
    installer_warn_about(in, &result);
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
    case PROFILE_SERVICE_GBA_USIM:
    case PROFILE_SERVICE_GBA_ISIM:
    case PROFILE_SERVICE_GET_IDENTITY:
    case PROFILE_SERVICE_PROFILE_A_X25519:
    case PROFILE_SERVICE_PROFILE_B_P256:
        return true;
    case PROFILE_SERVICE_CONTACTLESS:
    case PROFILE_SERVICE_CAVE:
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

#define TAG_SERVICES 0xA5

/* A service listed by a number that nobody knows: it may mean anything. */
static bool unknown_service(cr_span raw)
{
    struct der_tlv header, services, service;
    if (der_next(&raw, DER_BER_LENGTHS, &header, NULL) != CR_OK ||
        !der_find(header.value, TAG_SERVICES, &services)) {
        return false;
    }
    for (cr_span in = services.value; in.n;) {
        if (der_next(&in, DER_BER_LENGTHS, &service, NULL) != CR_OK ||
            service.tag - 0x80 >= PROFILE_SERVICES) {
            return true;
        }
    }
    return false;
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
    char iccid[PROFILE_ICCID_TEXT];
    if (!*profile_iccid_plain_text(header->iccid, iccid)) {
        return pe_fatal(RSP_PE_BAD_VALUES);
    }
    in->iot = header->has_iot_options;
    in->iot_aid_size = profile_iot_aid(header, in->iot_aid).n;
    memcpy(in->services, header->services, sizeof(in->services));
    for (size_t i = 0; !in->iccid_given && i < sizeof(in->iccid); i++) {
        uint8_t byte = i < header->iccid.n ? header->iccid.p[i] : 0xFF;
        in->iccid[i] = (uint8_t)(byte << 4 | byte >> 4);
    }
    cr_buf_append_span(&in->pol, header->pol);
    cr_buf_append_span(&in->connectivity, header->connectivity_parameters);
    if (!cr_buf_ok(&in->pol) || !cr_buf_ok(&in->connectivity)) {
        return pe_fatal(RSP_PE_NOT_ENOUGH_MEMORY);
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

/* The bits of services that this chip does not have are cleared in EF.UST of every application. */
static struct pe_result clear_services(struct euicc_installer *in)
{
    static const unsigned services[] = {UST_MBMS};
    struct cr_err err = {0};
    cr_status status = CR_OK;
    for (uicc_file adf = 0; (adf = uicc_fs_next_adf(&in->fs, (cr_span){0}, adf)) != 0;) {
        for (size_t i = 0; i < CR_COUNT(services) && status == CR_OK; i++) {
            size_t at = (services[i] - 1) / 8;
            cr_buf scratch = {0};
            uicc_file ust = uicc_usim_service(&in->fs, adf, services[i])
                                ? uicc_fs_child(&in->fs, adf, FID_UST)
                                : 0;
            cr_span table = ust ? uicc_fs_content(&in->fs, ust, &scratch) : (cr_span){0};
            if (at < table.n) {
                uint8_t bits = (uint8_t)(table.p[at] & ~(1U << ((services[i] - 1) % 8)));
                status = uicc_fs_write(&in->fs, ust, at, cr_span_of(&bits, 1), &err);
            }
            cr_buf_free(&scratch);
        }
    }
    return pe_of_failure(status, &err);
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
    return result.status == RSP_PE_OK ? clear_services(in) : result;
}

/* ---- order of the elements --------------------------------------------------------------------
 */

/* How often a kind of element may come, and what has to be there before it. */
enum place { ANYWHERE, BEHIND_MF, BEHIND_USIM, BEHIND_ISIM, BEHIND_CSIM, BEHIND_NAA, BEHIND_SD };
enum times { MANY, ONCE, ONCE_FOR_NAA };

static const struct order {
    uint8_t place, times;
} orders[PROFILE_KINDS] = {
    [PROFILE_GFM] = {ANYWHERE, MANY}, /* may create the MF */
    [PROFILE_NON_STANDARD] = {ANYWHERE, MANY},
    [PROFILE_UNKNOWN] = {ANYWHERE, MANY},
    [PROFILE_END] = {ANYWHERE, ONCE},
    [PROFILE_MF] = {ANYWHERE, ONCE},
    [PROFILE_IOT] = {ANYWHERE, ONCE},
    [PROFILE_PUK_CODES] = {BEHIND_MF, ONCE},
    [PROFILE_PIN_CODES] = {BEHIND_MF, MANY},
    [PROFILE_CD] = {BEHIND_MF, ONCE},
    [PROFILE_TELECOM] = {BEHIND_MF, ONCE},
    [PROFILE_USIM] = {BEHIND_MF, MANY},
    [PROFILE_ISIM] = {BEHIND_MF, MANY},
    [PROFILE_CSIM] = {BEHIND_MF, MANY},
    [PROFILE_OPT_USIM] = {BEHIND_USIM, ONCE_FOR_NAA},
    [PROFILE_PHONEBOOK] = {BEHIND_USIM, ONCE_FOR_NAA},
    [PROFILE_GSM_ACCESS] = {BEHIND_USIM, ONCE_FOR_NAA},
    [PROFILE_DF_5GS] = {BEHIND_USIM, ONCE_FOR_NAA},
    [PROFILE_DF_SAIP] = {BEHIND_USIM, ONCE_FOR_NAA},
    [PROFILE_DF_SNPN] = {BEHIND_USIM, ONCE_FOR_NAA},
    [PROFILE_DF_5GPROSE] = {BEHIND_USIM, ONCE_FOR_NAA},
    [PROFILE_OPT_IOT] = {BEHIND_USIM, ONCE_FOR_NAA},
    [PROFILE_OPT_ISIM] = {BEHIND_ISIM, ONCE_FOR_NAA},
    [PROFILE_OPT_CSIM] = {BEHIND_CSIM, ONCE_FOR_NAA},
    [PROFILE_CDMA] = {BEHIND_CSIM, ONCE_FOR_NAA},
    [PROFILE_AKA] = {BEHIND_NAA, ONCE_FOR_NAA},
    [PROFILE_EAP] = {BEHIND_NAA, MANY},
    [PROFILE_SECURITY_DOMAIN] = {BEHIND_MF, MANY},
    [PROFILE_RFM] = {BEHIND_SD, MANY},
    [PROFILE_APPLICATION] = {BEHIND_SD, MANY},
};

static bool place_is_good(const struct euicc_installer *in, enum profile_element_kind kind)
{
    bool has_mf = uicc_fs_mf(&in->fs) != 0;
    switch ((enum place)orders[kind].place) {
    case ANYWHERE:
        return kind != PROFILE_MF && kind != PROFILE_IOT
                   ? true
                   : !has_mf && in->iot == (kind == PROFILE_IOT);
    case BEHIND_MF:
        /* The codes of an IoT minimal profile may stand between the header and its files. */
        return has_mf || (in->iot && kind == PROFILE_PUK_CODES);
    case BEHIND_USIM:
        return in->usim && (kind == PROFILE_OPT_IOT) <= in->iot;
    case BEHIND_ISIM:
        return in->isim != 0;
    case BEHIND_CSIM:
        return in->csim != 0;
    case BEHIND_NAA:
        return in->naa != 0;
    case BEHIND_SD:
        return in->has_sd;
    }
    return false;
}

/* A second application of a kind needs the service. */
static bool multiple_is_good(const struct euicc_installer *in, enum profile_element_kind kind)
{
    static const struct {
        enum profile_element_kind kind;
        enum profile_service service;
    } naas[] = {{PROFILE_USIM, PROFILE_SERVICE_MULTIPLE_USIM},
                {PROFILE_ISIM, PROFILE_SERVICE_MULTIPLE_ISIM},
                {PROFILE_CSIM, PROFILE_SERVICE_MULTIPLE_CSIM}};
    for (size_t i = 0; i < CR_COUNT(naas); i++) {
        if (naas[i].kind == kind && in->seen[kind] > 0) {
            return in->services[naas[i].service];
        }
    }
    return true;
}

static bool in_order(const struct euicc_installer *in, const struct profile_element *element)
{
    enum profile_element_kind kind = element->kind;
    if (in->count == 0 || kind == PROFILE_HEADER) {
        return in->count == 0 && kind == PROFILE_HEADER;
    }
    return place_is_good(in, kind) && (orders[kind].times == MANY || in->seen[kind] == 0) &&
           multiple_is_good(in, kind);
}

/* The applications that elements refer to. */
struct naas {
    uicc_file usim, isim, csim, any;
};

static struct naas naas_of(const struct euicc_installer *in)
{
    return (struct naas){in->usim, in->isim, in->csim, in->naa};
}

/* Counts an element that went through. With a new application those that it may have begin anew. */
static void note_element(struct euicc_installer *in, enum profile_element_kind kind,
                         struct naas before)
{
    const bool is_new[] = {[BEHIND_USIM] = in->usim != before.usim,
                           [BEHIND_ISIM] = in->isim != before.isim,
                           [BEHIND_CSIM] = in->csim != before.csim,
                           [BEHIND_NAA] = in->naa != before.any};
    in->seen[kind]++;
    for (size_t k = 0; k < PROFILE_KINDS; k++) {
        if (orders[k].times == ONCE_FOR_NAA && is_new[orders[k].place]) {
            in->seen[k] = 0;
        }
    }
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

/* ---- values of one element ---------------------------------------------------------------------
 */

struct findings {
    struct pe_result result; /* of the first */
};

static void on_finding(void *ctx, enum profile_rule rule, size_t element, const char *file,
                       const char *what)
{
    struct findings *f = ctx;
    (void)element;
    (void)file;
    (void)what;
    if (f->result.status == RSP_PE_OK) {
        f->result = pe_problem(rule == PROFILE_RULE_AKA_ALGORITHM ? RSP_PE_FEATURE_NOT_SUPPORTED
                                                                  : RSP_PE_BAD_VALUES);
    }
}

/* What the checker of packages says about codes and keys. The header has its own codes, and an
 * application is refused whatever it holds. */
static struct pe_result check_values(const struct profile_element *element)
{
    struct findings findings = {.result = pe_ok()};
    const struct profile_reporter reporter = {.report = on_finding, .ctx = &findings};
    if (element->kind != PROFILE_HEADER && element->kind != PROFILE_APPLICATION) {
        profile_check_element(element, 0, &reporter);
    }
    return findings.result;
}

/* ---- one element -------------------------------------------------------------------------------
 */

static struct pe_result run_element(struct euicc_installer *in,
                                    const struct profile_element *element)
{
    struct pe_result values = check_values(element);
    if (values.status != RSP_PE_OK) {
        return values;
    }
    switch (element->kind) {
    case PROFILE_HEADER:
        return run_header(in, &element->profile_header);
    case PROFILE_GFM:
        return installer_gfm(in, &element->gfm);
    case PROFILE_PIN_CODES:
        return installer_pins(in, &element->pin_codes);
    case PROFILE_PUK_CODES:
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
    case PROFILE_IOT:
    case PROFILE_OPT_IOT:
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
    if (element.kind == PROFILE_HEADER && unknown_service(element.raw)) {
        return settle(in, &element, pe_fatal(RSP_PE_FEATURE_NOT_SUPPORTED));
    }
    if (element.has_unknown) {
        if (element.header.mandated) {
            return settle(in, &element, pe_problem(RSP_PE_INVALID_PARAMETER));
        }
        installer_warn(in, RSP_PE_INVALID_PARAMETER);
    }
    struct naas before = naas_of(in);
    struct pe_result result = run_element(in, &element);
    if (result.status == RSP_PE_OK) {
        note_element(in, element.kind, before);
    }
    return settle(in, &element, result);
}
