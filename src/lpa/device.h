/*
 * The device as the LPA describes it to servers: deviceInfo of ctxParams1 (SGP.22 4.2).
 *
 * Some servers refuse a device with an implausible TAC or without capabilities (8.2.5/4.3), so the
 * defaults describe an ordinary phone.
 */
#ifndef CRISP_LPA_DEVICE_H
#define CRISP_LPA_DEVICE_H

#include "rsp/types.h"

enum lpa_capability {
    LPA_CAPABILITY_GSM,
    LPA_CAPABILITY_UTRAN,
    LPA_CAPABILITY_CDMA2000_1X,
    LPA_CAPABILITY_CDMA2000_HRPD,
    LPA_CAPABILITY_CDMA2000_EHRPD,
    LPA_CAPABILITY_EUTRAN,
    LPA_CAPABILITY_CONTACTLESS,
    LPA_CAPABILITY_RSP_CRL,
    LPA_CAPABILITY_NR_EPC,
    LPA_CAPABILITY_NR_5GC,
    LPA_CAPABILITY_EUTRAN_5GC,
    LPA_CAPABILITIES
};

struct lpa_device {
    uint8_t tac[RSP_TAC];
    bool has_imei;
    uint8_t imei[RSP_IMEI];
    uint8_t release[LPA_CAPABILITIES][RSP_VERSION];
    bool supported[LPA_CAPABILITIES];
};

#define LPA_DEFAULT_TAC "35290611"

/* A phone with LPA_DEFAULT_TAC, no IMEI, GSM to 5G of release 15. */
void lpa_device_default(struct lpa_device *device);

/* Sets the IMEI, and the TAC from it. */
cr_status lpa_device_set_imei(struct lpa_device *device, cr_span text,
                              struct cr_err *err) CR_MUST_CHECK;
cr_status lpa_device_set_tac(struct lpa_device *device, cr_span text,
                             struct cr_err *err) CR_MUST_CHECK;
/* "eutran=15.0.0", "nr-5gc=15"; "eutran=no" takes a capability away, "none" takes all. */
cr_status lpa_device_set_capability(struct lpa_device *device, cr_span text,
                                    struct cr_err *err) CR_MUST_CHECK;

/* Fills *out with spans into device. */
void lpa_device_info(const struct lpa_device *device, struct rsp_device_info *out);

#endif
