/* RAND_set_rand_method() is deprecated; a provider of random numbers, its successor, would have to
 * be in place before OpenSSL draws for the first time, and serves no single thread. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "cli/euicc_random.h"

#include <openssl/rand.h>

static _Thread_local struct {
    cli_random_fn fn;
    void *ctx;
} source;

static int draw(unsigned char *p, int n)
{
    if (n < 0) {
        return 0;
    }
    cr_status status = source.fn ? source.fn(source.ctx, p, (size_t)n, NULL)
                                 : cr_random(cr_env_system(), p, (size_t)n, NULL);
    return status == CR_OK;
}

static int ready(void)
{
    return 1;
}

cr_status cli_random_hook(struct cr_err *err)
{
    static const RAND_METHOD method = {.bytes = draw, .pseudorand = draw, .status = ready};
    return RAND_set_rand_method(&method) == 1
               ? CR_OK
               : cr_fail(err, CR_INTERNAL, NULL, "OpenSSL does not take other random numbers");
}

void cli_random_from(cli_random_fn fn, void *ctx)
{
    source.fn = fn;
    source.ctx = ctx;
}
