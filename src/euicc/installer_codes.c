/*
 * Elements with secrets: PINs, PUKs, network authentication.
 */
#include "euicc/installer_context.h"

#include "profile/check.h"

struct pe_result installer_puks(struct euicc_installer *in, const struct profile_puk_codes *codes)
{
    for (size_t i = 0; i < codes->codes.count; i++) {
        const struct profile_puk *p = &codes->codes.items[i];
        struct cr_err err = {0};
        struct uicc_puk puk = {
            .reference = (uint8_t)p->key_reference,
            .max = (uint8_t)(p->max_num_of_attemps_retry_num_left >> 4 & 15),
            .left = (uint8_t)(p->max_num_of_attemps_retry_num_left & 15),
        };
        if (p->puk_value.n != UICC_PIN_SIZE || p->key_reference < 0 || p->key_reference > 0xFF) {
            return pe_problem(RSP_PE_BAD_VALUES);
        }
        memcpy(puk.value, p->puk_value.p, UICC_PIN_SIZE);
        cr_status status = uicc_puk_create(&in->fs, &puk, &err);
        cr_wipe(&puk, sizeof(puk));
        if (status != CR_OK) {
            return pe_of_failure(status, &err);
        }
    }
    return pe_ok();
}

static struct pe_result one_pin(struct euicc_installer *in, const struct profile_pin *p)
{
    /* An IoT minimal profile has one context, ADF.USIM, and defines its global PINs there. */
    bool global = in->iot && profile_key_is_global(p->key_reference);
    uicc_file context = global ? uicc_fs_mf(&in->fs) : in->pin_context;
    struct cr_err err = {0};
    struct uicc_pin pin = {
        .reference = (uint8_t)p->key_reference,
        .unblock_reference =
            p->has_unblocking_pin_reference ? (uint8_t)p->unblocking_pin_reference : 0,
        .attributes = (uint8_t)p->pin_attributes,
        .max = (uint8_t)(p->max_num_of_attemps_retry_num_left >> 4 & 15),
        .left = (uint8_t)(p->max_num_of_attemps_retry_num_left & 15),
    };
    if (p->pin_value.n != UICC_PIN_SIZE || p->key_reference < 0 || p->key_reference > 0xFF ||
        (p->has_unblocking_pin_reference &&
         (p->unblocking_pin_reference < 1 || p->unblocking_pin_reference > 0xFF))) {
        return pe_problem(RSP_PE_BAD_VALUES);
    }
    memcpy(pin.value, p->pin_value.p, UICC_PIN_SIZE);
    cr_status status = uicc_pin_create(&in->fs, context, &pin, &err);
    cr_wipe(&pin, sizeof(pin));
    if (status == CR_OK && p->has_unblocking_pin_reference) {
        uint8_t puk = (uint8_t)p->unblocking_pin_reference;
        in->puk_wanted[puk >> 3] |= (uint8_t)(1 << (puk & 7));
    }
    return pe_of_failure(status, &err);
}

/* The PINs of another DF, which has some. */
static struct pe_result share_pins(struct euicc_installer *in, cr_span path)
{
    struct cr_err err = {0};
    uicc_file source = uicc_fs_resolve(&in->fs, path);
    bool has_pins = false;
    for (size_t i = 0; i < in->pin_context_count; i++) {
        has_pins = has_pins || (source && in->pin_contexts[i] == source);
    }
    if (!has_pins) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    return pe_of_failure(uicc_pin_share(&in->fs, in->pin_context, source, &err), &err);
}

struct pe_result installer_pins(struct euicc_installer *in, const struct profile_pin_codes *codes)
{
    struct pe_result result = pe_ok();
    if (!in->pin_context) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    for (size_t i = 0; i < in->pin_context_count; i++) {
        if (in->pin_contexts[i] == in->pin_context) {
            return pe_problem(RSP_PE_INVALID_PARAMETER); /* has its PINs already */
        }
    }
    if (codes->codes.which == PROFILE_PIN_FILE_PATH) {
        result = share_pins(in, codes->codes.file_path);
    } else {
        for (size_t i = 0; result.status == RSP_PE_OK && i < codes->codes.pinconfig.count; i++) {
            result = one_pin(in, &codes->codes.pinconfig.items[i]);
        }
    }
    if (result.status == RSP_PE_OK && in->pin_context_count < CR_COUNT(in->pin_contexts)) {
        in->pin_contexts[in->pin_context_count++] = in->pin_context;
    }
    return result;
}

/* ---- network authentication --------------------------------------------------------------------
 */

static uint64_t big_endian(cr_span s, uint64_t absent)
{
    uint64_t value = 0;
    if (!s.p) {
        return absent;
    }
    for (size_t i = 0; i < s.n && i < 8; i++) {
        value = value << 8 | s.p[i];
    }
    return value;
}

/* The keys that the test specifications publish: all zero, and 00 01 02 ... */
static bool is_published_key(cr_span key)
{
    bool zero = true;
    bool counting = true;
    for (size_t i = 0; i < key.n; i++) {
        zero = zero && key.p[i] == 0;
        counting = counting && key.p[i] == (uint8_t)i;
    }
    return zero || counting;
}

static bool copy_exactly(uint8_t *to, size_t size, cr_span from)
{
    if (from.n > size) {
        return false;
    }
    memcpy(to, from.p, from.n);
    return true;
}

static struct pe_result fill_algorithm(struct euicc_installer *in,
                                       const struct profile_aka_algorithm *a,
                                       struct uicc_auth *auth)
{
    struct aka_params *params = &auth->params;
    struct cr_err err = {0};
    if (a->algorithm_id < PROFILE_AKA_MILENAGE || a->algorithm_id > PROFILE_AKA_TEST) {
        return pe_problem(RSP_PE_FEATURE_NOT_SUPPORTED);
    }
    uicc_auth_default(auth, (enum aka_algorithm)a->algorithm_id);
    size_t opc_size = a->algorithm_id == PROFILE_AKA_TUAK ? 32 : 16;
    bool test = a->algorithm_id == PROFILE_AKA_TEST;
    if (!copy_exactly(params->key, sizeof(params->key), a->key) ||
        (!test && a->opc.n != opc_size) ||
        !copy_exactly(params->opc, sizeof(params->opc), a->opc)) {
        return pe_problem(RSP_PE_BAD_VALUES);
    }
    params->key_size = a->key.n;
    if (a->rotation_constants.p && a->rotation_constants.n == sizeof(params->rotation)) {
        memcpy(params->rotation, a->rotation_constants.p, sizeof(params->rotation));
    }
    if (a->xoring_constants.p && a->xoring_constants.n == sizeof(params->constants)) {
        memcpy(params->constants, a->xoring_constants.p, sizeof(params->constants));
    }
    if (a->number_of_keccak < 1 || a->number_of_keccak > 255) {
        return pe_problem(RSP_PE_BAD_VALUES);
    }
    params->keccak_iterations = (unsigned)a->number_of_keccak;
    auth->counter_max = (uint32_t)big_endian(a->auth_counter_max, 0);
    if (in->strict_test_keys && in->test_profile && !test && !is_published_key(a->key)) {
        in->special = EUICC_INSTALL_TEST_KEY;
        return pe_fatal(RSP_PE_BAD_VALUES);
    }
    uint8_t options = a->algorithm_options.n ? a->algorithm_options.p[0] : 0;
    return pe_of_failure(uicc_auth_apply_options(auth, options, &err), &err);
}

static void fill_sequence(const struct profile_aka *aka, struct uicc_auth *auth)
{
    auth->sqn_options = aka->sqn_options.n ? aka->sqn_options.p[0] : PROFILE_SQN_OPTIONS_DEFAULT;
    auth->sqn_delta = big_endian(aka->sqn_delta, PROFILE_SQN_LIMIT_DEFAULT);
    auth->sqn_age_limit = big_endian(aka->sqn_age_limit, PROFILE_SQN_LIMIT_DEFAULT);
    for (size_t i = 0; i < aka->sqn_init.count && i < UICC_SQN_COUNT; i++) {
        auth->sqn_init[i] = big_endian(aka->sqn_init.items[i], 0);
    }
}

struct pe_result installer_aka(struct euicc_installer *in, const struct profile_aka *aka)
{
    struct uicc_auth auth = {0};
    struct cr_err err = {0};
    struct pe_result result = pe_ok();
    if (uicc_auth_present(&in->fs, in->naa)) {
        return pe_problem(RSP_PE_INVALID_PARAMETER);
    }
    if (aka->algo_configuration.which == PROFILE_AKA_MAPPED) {
        const struct profile_aka_mapping *m = &aka->algo_configuration.mapping_parameter;
        auth.mapped = true;
        auth.mapping_options = m->mapping_options.n ? m->mapping_options.p[0] : 0;
        auth.mapping_source = m->mapping_source;
    } else {
        result = fill_algorithm(in, &aka->algo_configuration.algo_parameter, &auth);
        fill_sequence(aka, &auth);
    }
    if (result.status == RSP_PE_OK) {
        result = pe_of_failure(uicc_auth_create(&in->fs, in->naa, &auth, &err), &err);
    }
    cr_wipe(&auth, sizeof(auth));
    return result;
}

/* ---- final check -------------------------------------------------------------------------------
 */

static struct pe_result pin_missing(unsigned reference)
{
    return (struct pe_result){.status = RSP_PE_PIN_CODE_MISSING,
                              .fatal = true,
                              .has_additional = true,
                              .additional = reference};
}

struct pe_result installer_check_pins(const struct euicc_installer *in)
{
    struct uicc_puk puk;
    for (unsigned reference = 0; reference < 8 * sizeof(in->puk_wanted); reference++) {
        bool wanted = in->puk_wanted[reference >> 3] >> (reference & 7) & 1;
        if (wanted && !uicc_puk_get(&in->fs, (uint8_t)reference, &puk)) {
            return pin_missing(reference);
        }
    }
    cr_wipe(&puk, sizeof(puk));
    for (size_t i = 0; i < in->df_count; i++) {
        struct uicc_file_attr attr;
        struct uicc_path path;
        if (!uicc_fs_attr(&in->fs, in->dfs[i], &attr) ||
            !uicc_fs_path(&in->fs, in->dfs[i], &path)) {
            continue;
        }
        for (size_t k = 0; k < attr.pin_status.n; k++) {
            uint8_t reference = attr.pin_status.p[k];
            if (reference != UICC_PIN_UNIVERSAL && !uicc_pin_context(&in->fs, &path, reference)) {
                return pin_missing(reference);
            }
        }
    }
    return pe_ok();
}
