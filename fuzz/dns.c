/* The chip's resolver: datagrams behind two bytes of length each; and a message alone. */
#include "fuzz.h"

#include "ota/dns.h"

static cr_status fixed_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    (void)err;
    memset(p, 0x12, n);
    return CR_OK;
}

static void check(const struct ota_dns_address *addresses, size_t count)
{
    FUZZ_CHECK(count <= OTA_DNS_ADDRESSES);
    for (size_t i = 0; i < count; i++) {
        FUZZ_CHECK(addresses[i].n == 4 || addresses[i].n == 16);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const cr_env env = {.random = fixed_random};
    struct ota_dns_answer answer;
    struct ota_dns_resolver r;
    struct ota_dns_step step;
    unsigned queries = 1;
    if (ota_dns_answer_read(cr_span_of(data, size), 0x1234, "smsr.example", OTA_DNS_A, &answer,
                            NULL) == CR_OK) {
        check(answer.addresses, answer.count);
        FUZZ_CHECK(answer.ttl <= OTA_DNS_TTL_MAX);
    }
    FUZZ_CHECK(ota_dns_start(&r, &env, "smsr.example", 2, &step, NULL) == CR_OK);
    for (size_t at = 0; at + 2 <= size && !r.over;) {
        size_t n = (size_t)data[at] << 8 | data[at + 1];
        at += 2;
        n = n < size - at ? n : size - at;
        FUZZ_CHECK(ota_dns_input(&r, cr_span_of(data + at, n), &step, NULL) == CR_OK);
        queries += step.action == OTA_DNS_SEND;
        at += n;
    }
    while (!r.over) {
        FUZZ_CHECK(ota_dns_expired(&r, &step, NULL) == CR_OK);
        queries += step.action == OTA_DNS_SEND;
    }
    FUZZ_CHECK(queries <= 2 * 2 * OTA_DNS_TRIES);
    FUZZ_CHECK((step.action == OTA_DNS_DONE) == (r.count > 0));
    check(r.addresses, r.count);
    return 0;
}
