#include "lpa/device.h"

#include "base/text.h"
#include "rsp/ids.h"

#include <stdio.h>

static const struct capability {
    const char *name;
    size_t offset;   /* of the span in struct rsp_device_capabilities */
    uint8_t release; /* of the default device; 0 = not supported */
} capabilities[LPA_CAPABILITIES] = {
    [LPA_CAPABILITY_GSM] = {"gsm", offsetof(struct rsp_device_capabilities, gsm_supported_release),
                            15},
    [LPA_CAPABILITY_UTRAN] = {"utran",
                              offsetof(struct rsp_device_capabilities, utran_supported_release),
                              15},
    [LPA_CAPABILITY_CDMA2000_1X] = {"cdma2000-1x",
                                    offsetof(struct rsp_device_capabilities,
                                             cdma2000onex_supported_release),
                                    0},
    [LPA_CAPABILITY_CDMA2000_HRPD] = {"cdma2000-hrpd",
                                      offsetof(struct rsp_device_capabilities,
                                               cdma2000hrpd_supported_release),
                                      0},
    [LPA_CAPABILITY_CDMA2000_EHRPD] = {"cdma2000-ehrpd",
                                       offsetof(struct rsp_device_capabilities,
                                                cdma2000ehrpd_supported_release),
                                       0},
    [LPA_CAPABILITY_EUTRAN] =
        {"eutran", offsetof(struct rsp_device_capabilities, eutran_epc_supported_release), 15},
    [LPA_CAPABILITY_CONTACTLESS] =
        {"contactless", offsetof(struct rsp_device_capabilities, contactless_supported_release), 0},
    [LPA_CAPABILITY_RSP_CRL] = {"rsp-crl",
                                offsetof(struct rsp_device_capabilities, rsp_crl_supported_version),
                                0},
    [LPA_CAPABILITY_NR_EPC] = {"nr-epc",
                               offsetof(struct rsp_device_capabilities, nr_epc_supported_release),
                               15},
    [LPA_CAPABILITY_NR_5GC] = {"nr-5gc",
                               offsetof(struct rsp_device_capabilities, nr5gc_supported_release),
                               15},
    [LPA_CAPABILITY_EUTRAN_5GC] =
        {"eutran-5gc", offsetof(struct rsp_device_capabilities, eutran5gc_supported_release), 15},
};

void lpa_device_default(struct lpa_device *device)
{
    memset(device, 0, sizeof(*device));
    cr_status status = rsp_tac_parse(cr_span_str(LPA_DEFAULT_TAC), device->tac, NULL);
    (void)status; /* a constant of eight digits */
    for (size_t i = 0; i < LPA_CAPABILITIES; i++) {
        device->supported[i] = capabilities[i].release != 0;
        device->release[i][0] = capabilities[i].release;
    }
}

cr_status lpa_device_set_imei(struct lpa_device *device, cr_span text, struct cr_err *err)
{
    uint8_t imei[RSP_IMEI];
    CR_TRY(rsp_imei_parse(text, imei, err));
    memcpy(device->imei, imei, sizeof(imei));
    memcpy(device->tac, imei, RSP_TAC);
    device->has_imei = true;
    return CR_OK;
}

cr_status lpa_device_set_tac(struct lpa_device *device, cr_span text, struct cr_err *err)
{
    uint8_t tac[RSP_TAC];
    CR_TRY(rsp_tac_parse(text, tac, err));
    memcpy(device->tac, tac, sizeof(tac));
    return CR_OK;
}

static cr_status bad_capability(cr_span text, struct cr_err *err)
{
    cr_status status = cr_fail(err, CR_MALFORMED, "SGP.22 4.2", "'%.*s' is no device capability",
                               (int)(text.n > 60 ? 60 : text.n), (const char *)text.p);
    char names[200];
    size_t used = 0;
    for (size_t i = 0; i < LPA_CAPABILITIES; i++) {
        int n = snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
                         capabilities[i].name);
        used += n > 0 && used + (size_t)n < sizeof(names) ? (size_t)n : 0;
    }
    return cr_err_next(err, status, "write NAME=RELEASE (eutran=15) or NAME=no; names: %s", names);
}

/* A release may be given as its number alone. */
static bool parse_release(cr_span text, struct rsp_version *out)
{
    if (rsp_version_parse(text, out)) {
        return true;
    }
    if (!cr_is_digits(text) || text.n > 2) {
        return false;
    }
    unsigned major = 0;
    for (size_t i = 0; i < text.n; i++) {
        major = major * 10 + (unsigned)(text.p[i] - '0');
    }
    *out = (struct rsp_version){.major = (uint8_t)major};
    return true;
}

cr_status lpa_device_set_capability(struct lpa_device *device, cr_span text, struct cr_err *err)
{
    if (cr_span_equal_nocase(text, cr_span_str("none"))) {
        memset(device->supported, 0, sizeof(device->supported));
        return CR_OK;
    }
    const uint8_t *equals = text.n ? memchr(text.p, '=', text.n) : NULL;
    if (!equals) {
        return bad_capability(text, err);
    }
    size_t n = (size_t)(equals - text.p);
    cr_span name = cr_span_sub(text, 0, n);
    cr_span value = cr_span_sub(text, n + 1, text.n);
    for (size_t i = 0; i < LPA_CAPABILITIES; i++) {
        if (!cr_span_equal_nocase(name, cr_span_str(capabilities[i].name))) {
            continue;
        }
        struct rsp_version version = {0};
        if (cr_span_equal_nocase(value, cr_span_str("no"))) {
            device->supported[i] = false;
            return CR_OK;
        }
        if (!parse_release(value, &version)) {
            return bad_capability(text, err);
        }
        rsp_version_to_bytes(version, device->release[i]);
        device->supported[i] = true;
        return CR_OK;
    }
    return bad_capability(text, err);
}

void lpa_device_info(const struct lpa_device *device, struct rsp_device_info *out)
{
    memset(out, 0, sizeof(*out));
    out->tac = CR_SPAN_ARRAY(device->tac);
    if (device->has_imei) {
        out->imei = CR_SPAN_ARRAY(device->imei);
    }
    for (size_t i = 0; i < LPA_CAPABILITIES; i++) {
        if (device->supported[i]) {
            cr_span value = CR_SPAN_ARRAY(device->release[i]);
            memcpy((char *)&out->device_capabilities + capabilities[i].offset, &value,
                   sizeof(value));
        }
    }
}
