/*
 * The functions that an SM-SR offers: one table for its messenger.
 */
#ifndef CRISP_SMSR_HANDLERS_H
#define CRISP_SMSR_HANDLERS_H

#include "m2m/messenger.h"

extern const struct m2m_row smsr_rows[]; /* ends with interface 0; ctx is the struct smsr */

/* es1.c */
cr_status smsr_register_eis(void *ctx, struct m2m_call *call, const struct soap_body *request,
                            struct soap_body *response, struct cr_err *err);
cr_status smsr_update_properties(void *ctx, struct m2m_call *call, const struct soap_body *request,
                                 struct soap_body *response, struct cr_err *err);
/* reading.c */
cr_status smsr_get_eis(void *ctx, struct m2m_call *call, const struct soap_body *request,
                       struct soap_body *response, struct cr_err *err);
cr_status smsr_audit_eis(void *ctx, struct m2m_call *call, const struct soap_body *request,
                         struct soap_body *response, struct cr_err *err);
/* downloading.c */
cr_status smsr_create_isdp(void *ctx, struct m2m_call *call, const struct soap_body *request,
                           struct soap_body *response, struct cr_err *err);
cr_status smsr_send_data(void *ctx, struct m2m_call *call, const struct soap_body *request,
                         struct soap_body *response, struct cr_err *err);
cr_status smsr_download_completed(void *ctx, struct m2m_call *call, const struct soap_body *request,
                                  struct soap_body *response, struct cr_err *err);
cr_status smsr_update_connectivity(void *ctx, struct m2m_call *call,
                                   const struct soap_body *request, struct soap_body *response,
                                   struct cr_err *err);
/* records.c */
cr_status smsr_update_policy(void *ctx, struct m2m_call *call, const struct soap_body *request,
                             struct soap_body *response, struct cr_err *err);
cr_status smsr_update_address(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err);
/* platform.c */
cr_status smsr_enable_profile(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err);
cr_status smsr_disable_profile(void *ctx, struct m2m_call *call, const struct soap_body *request,
                               struct soap_body *response, struct cr_err *err);
cr_status smsr_delete_profile(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err);
cr_status smsr_set_fallback(void *ctx, struct m2m_call *call, const struct soap_body *request,
                            struct soap_body *response, struct cr_err *err);
cr_status smsr_set_emergency(void *ctx, struct m2m_call *call, const struct soap_body *request,
                             struct soap_body *response, struct cr_err *err);
/* granting.c */
cr_status smsr_set_plma(void *ctx, struct m2m_call *call, const struct soap_body *request,
                        struct soap_body *response, struct cr_err *err);
cr_status smsr_get_plma(void *ctx, struct m2m_call *call, const struct soap_body *request,
                        struct soap_body *response, struct cr_err *err);
cr_status smsr_set_onc(void *ctx, struct m2m_call *call, const struct soap_body *request,
                       struct soap_body *response, struct cr_err *err);
cr_status smsr_get_onc(void *ctx, struct m2m_call *call, const struct soap_body *request,
                       struct soap_body *response, struct cr_err *err);
/* change_to.c */
cr_status smsr_prepare_change(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err);
cr_status smsr_handover(void *ctx, struct m2m_call *call, const struct soap_body *request,
                        struct soap_body *response, struct cr_err *err);
/* change_from.c */
cr_status smsr_change(void *ctx, struct m2m_call *call, const struct soap_body *request,
                      struct soap_body *response, struct cr_err *err);
cr_status smsr_authenticate(void *ctx, struct m2m_call *call, const struct soap_body *request,
                            struct soap_body *response, struct cr_err *err);
cr_status smsr_create_key_set(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err);

#endif
