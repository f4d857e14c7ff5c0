/* A chip with an enabled profile, its ISD-R on channel 1: a sequence of APDUs, each behind a byte
 * with its length. A length of 00 is a reset, behind which the ISD-R is selected again. */
#include "fuzz.h"

#include "../tests/euicc/fake_server.h"
#include "../tests/euicc/package.h"

/* The chip is made once; each input gets a copy of its memory. */
static struct bed *fresh_chip(void)
{
    static struct bed *origin;
    if (!origin) {
        cr_buf upp = {0};
        struct fake_server *server = fake_new(CRYPTO_P256);
        origin = bed_new();
        package_small(server->metadata.iccid, &upp);
        server->upp = cr_buf_span(&upp);
        fake_install(server, origin);
        FUZZ_CHECK(bed_enable(origin, server->metadata.iccid, false) == RSP_PROFILE_OK);
        fake_free(server);
        cr_buf_free(&upp);
    }
    return bed_clone(origin);
}

static void exchange(struct bed *bed, cr_span apdu)
{
    cr_buf response = {0};
    FUZZ_CHECK(euicc_transmit(bed->euicc, apdu, &response, NULL) == CR_OK);
    FUZZ_CHECK(response.n >= 2 && response.n <= 258);
    FUZZ_CHECK(!nvm_in_transaction(euicc_nvm(bed->euicc)));
    uint8_t sw1 = response.p[response.n - 2];
    FUZZ_CHECK(sw1 >= 0x61 && (sw1 <= 0x6F || sw1 >= 0x90));
    cr_buf_free(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bed *bed = fresh_chip();
    for (size_t at = 0; at < size;) {
        size_t n = data[at++];
        n = n < size - at ? n : size - at;
        if (n == 0) {
            bed_reset(bed);
        } else {
            exchange(bed, cr_span_of(data + at, n));
        }
        at += n;
    }
    bed_reset(bed);
    bed_check_consistent(bed);
    bed_free(bed);
    return 0;
}
