/*
 * Names and modes of the files in a hierarchy's directory. Internal to the folder.
 */
#ifndef CRISP_PKI_HIERARCHY_FILES_H
#define CRISP_PKI_HIERARCHY_FILES_H

#include "pki/hierarchy.h"

#define PKI_MAX_PATH    4096
#define PKI_GP_SUFFIX   ".gp"
#define PKI_MODE_KEY    0600U
#define PKI_MODE_PUBLIC 0644U
#define PKI_DAY_MS      ((int64_t)24 * 3600 * 1000)

/* DIR/<curve>/<name><suffix>. name: a plain name; nothing that leads out of the directory. */
cr_status pki_hierarchy_path(char out[PKI_MAX_PATH], const char *dir, enum crypto_curve curve,
                             const char *name, const char *suffix,
                             struct cr_err *err) CR_MUST_CHECK;

/* <name>.key and <name>.der. */
cr_status pki_hierarchy_write_pair(const char *dir, enum crypto_curve curve, const char *name,
                                   cr_span cert, const struct crypto_private *key,
                                   struct cr_err *err) CR_MUST_CHECK;

/* Fills a validity that is left out by what is usual for the role. issuer NULL = a CI. */
void pki_hierarchy_set_validity(struct pki_request *request, const struct pki_cert *issuer,
                                const cr_env *env);

/* Whatever is issued under a certificate that is not valid now is believed by nobody. */
cr_status pki_hierarchy_check_valid(const char *dir, const struct pki_cert *issuer,
                                    const cr_env *env, struct cr_err *err) CR_MUST_CHECK;

cr_status pki_hierarchy_write_key(const char *path, const struct crypto_private *key,
                                  struct cr_err *err) CR_MUST_CHECK;

#endif
