/*
 * The EUM's signature over the EumSignedInfo of an EIS (SGP.02 2.5.1 and annex E): a detached XML
 * signature whose only Reference has no URI.
 *
 * Written: exclusive canonical XML, SHA-256, ECDSA over P-256 or brainpoolP256r1, value r || s.
 * Read: exclusive or inclusive canonical XML 1.0 (no Transform = inclusive), without comments.
 */
#ifndef CRISP_SOAP_EUM_SIGNATURE_H
#define CRISP_SOAP_EUM_SIGNATURE_H

#include "pki/key.h"
#include "soap/types.h"

/* Verifies eis->eum_signature over eis->signed_info.raw with the EUM's key; certificate (DER) is
 * the EUM's: one in the signature has to be the same. CR_REFUSED with 8.6/6.1 when it is not so
 * signed, or signed in a way that is not supported. */
cr_status soap_eum_verify(const struct soap_eis *eis, const struct crypto_public *key,
                          cr_span certificate, cr_arena *arena, struct cr_err *err) CR_MUST_CHECK;

/* Writes signed_info (its members; raw is filled) and signs it: eis->eum_signature and
 * eis->signed_info.raw are set, in the arena. certificate (DER) and subject (text, may be absent)
 * go into the signature. */
cr_status soap_eum_sign(struct soap_eis *eis, const struct pki_key *key, cr_span certificate,
                        cr_span subject, cr_arena *arena, struct cr_err *err) CR_MUST_CHECK;

#endif
