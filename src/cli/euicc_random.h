/*
 * Where OpenSSL takes its random numbers from on this thread.
 *
 * A chip's own numbers come through its cr_env, but OpenSSL draws for signatures and keys by
 * itself. A recording needs these, too. Replacing them is a matter of the whole process, so it
 * stands here in the program, and happens only when somebody records or replays.
 */
#ifndef CRISP_CLI_EUICC_RANDOM_H
#define CRISP_CLI_EUICC_RANDOM_H

#include "base/env.h"

/* From now on OpenSSL asks here. */
cr_status cli_random_hook(struct cr_err *err) CR_MUST_CHECK;

typedef cr_status (*cli_random_fn)(void *ctx, uint8_t *p, size_t n, struct cr_err *err);
/* What it draws on this thread comes from fn; NULL = from the system. */
void cli_random_from(cli_random_fn fn, void *ctx);

#endif
