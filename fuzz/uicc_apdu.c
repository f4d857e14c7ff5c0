/* A card with a small profile: a sequence of APDUs, each behind a byte with its length. A length of
 * 00 is a reset. */
#include "fuzz.h"

#include "../tests/uicc/sim.h"

/* The profile is built once; each input gets a copy of the memory. */
static struct nvm *fresh_memory(void)
{
    static struct sim *origin;
    struct nvm *copy;
    if (!origin) {
        origin = sim_new();
    }
    FUZZ_CHECK(nvm_clone_committed(origin->nvm, &copy, NULL) == CR_OK);
    return copy;
}

static void exchange(struct sim *sim, cr_span apdu)
{
    cr_buf_reset(&sim->response);
    FUZZ_CHECK(uicc_transmit(sim->uicc, apdu, &sim->response, &sim->err) == CR_OK);
    FUZZ_CHECK(cr_buf_ok(&sim->response));
    FUZZ_CHECK(sim->response.n >= 2 && sim->response.n <= 258);
    FUZZ_CHECK(!nvm_in_transaction(sim->nvm));
    uint8_t sw1 = sim->response.p[sim->response.n - 2];
    FUZZ_CHECK(sw1 >= 0x61 && (sw1 <= 0x6F || sw1 >= 0x90));
    FUZZ_CHECK(sw1 < 0x64 || sw1 > 0x6F || sim->response.n == 2);
}

static void pins_hold(const struct sim *sim)
{
    struct uicc_pin pin;
    FUZZ_CHECK(uicc_pin_get(&sim->fs, uicc_fs_mf(&sim->fs), 0x01, &pin));
    FUZZ_CHECK(pin.left <= pin.max && pin.max == 3);
    FUZZ_CHECK(uicc_pin_get(&sim->fs, uicc_fs_mf(&sim->fs), 0x0A, &pin));
    FUZZ_CHECK(pin.left <= pin.max && pin.max == 10);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim sim = {.nvm = fresh_memory()};
    sim_power_on(&sim);
    for (size_t at = 0; at < size;) {
        size_t n = data[at++];
        n = n < size - at ? n : size - at;
        if (n == 0) {
            uicc_reset(sim.uicc);
        } else {
            exchange(&sim, cr_span_of(data + at, n));
        }
        at += n;
    }
    pins_hold(&sim);
    uicc_reset(sim.uicc);
    FUZZ_CHECK(sim_sw(&sim, SELECT_MF) == UICC_SW_OK);
    FUZZ_CHECK(sim_sw(&sim, "00B082000A") == UICC_SW_OK); /* EF.ICCID */
    uicc_free(sim.uicc);
    nvm_close(sim.nvm);
    cr_buf_free(&sim.response);
    return 0;
}
