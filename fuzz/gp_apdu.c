/*
 * Security domains on a channel: a sequence of records, each a kind, a length and bytes.
 *   0  an APDU as it is
 *   1  an APDU through the session that is open, if one is
 *   2  a session: the first byte chooses domain, key version and level
 *   3  a reset
 */
#include "fuzz.h"

#include "../tests/gp/bed.h"

/* The registry is built once; each input gets a copy of the memory. */
static struct nvm *fresh_memory(void)
{
    static struct bed *origin;
    struct nvm *copy;
    if (!origin) {
        origin = bed_new();
    }
    FUZZ_CHECK(nvm_clone_committed(origin->sim->nvm, &copy, NULL) == CR_OK);
    return copy;
}

static void exchange(struct bed *bed, cr_span apdu)
{
    struct sim *sim = bed->sim;
    cr_buf_reset(&sim->response);
    FUZZ_CHECK(uicc_transmit(sim->uicc, apdu, &sim->response, &sim->err) == CR_OK);
    FUZZ_CHECK(cr_buf_ok(&sim->response));
    FUZZ_CHECK(sim->response.n >= 2 && sim->response.n <= 258);
    FUZZ_CHECK(!nvm_in_transaction(sim->nvm));
}

static void through_session(struct bed *bed, cr_span apdu)
{
    cr_buf wrapped = {0};
    if (bed->host.state == SCP_STATE_OPEN &&
        scp_wrap_command(&bed->host, apdu, &wrapped, NULL) == CR_OK) {
        exchange(bed, cr_buf_span(&wrapped));
        bed->host.command_open = false; /* the answer is not looked into */
    }
    cr_buf_free(&wrapped);
}

static void open_session(struct bed *bed, uint8_t choice)
{
    static const struct {
        const char *select;
        uint8_t kvn, level;
    } ways[] = {{SELECT_MNO, 0x20, 0x00}, {SELECT_MNO, 0x20, 0x01}, {SELECT_MNO, 0x30, 0x00},
                {SELECT_MNO, 0x30, 0x03}, {SELECT_SUB, 0x31, 0x00}, {SELECT_SUB, 0x31, 0x01}};
    size_t i = choice % CR_COUNT(ways);
    struct sim_bytes select = sim_hex(ways[i].select);
    exchange(bed, cr_span_of(select.p, select.n));
    (void)bed_authenticate(bed, ways[i].kvn, ways[i].level);
}

/* Whatever came: the root is there, every object can be read, below a domain that is there, and no
 * AID or TAR is given twice. */
static void registry_holds(const struct bed *bed)
{
    struct gp_object o, other;
    size_t count = 0;
    FUZZ_CHECK(gp_object_get(bed->reg, 1, &o) && o.kind == GP_DOMAIN && !(o.state & GP_LOCKED));
    for (uint16_t id = 0; gp_object_next(bed->reg, id, &o); id = o.id) {
        count++;
        FUZZ_CHECK(gp_object_get(bed->reg, o.domain, &other) && other.kind == GP_DOMAIN);
        FUZZ_CHECK(gp_object_below(bed->reg, o.id, 1));
        FUZZ_CHECK(gp_object_by_aid(bed->reg, gp_aid_span(&o.aid), &other) && other.id == o.id);
        for (size_t i = 0; i < o.tar_count; i++) {
            FUZZ_CHECK(gp_object_by_tar(bed->reg, o.tars[i], &other) && other.id == o.id);
        }
        FUZZ_CHECK(gp_key_count(bed->reg, o.id) <= GP_MAX_KEYS);
    }
    FUZZ_CHECK(count == gp_object_count(bed->reg) && count <= GP_MAX_OBJECTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bed *bed = bed_open_memory(fresh_memory());
    for (size_t at = 0; at + 2 <= size;) {
        uint8_t kind = data[at] % 4;
        size_t n = data[at + 1];
        at += 2;
        n = n < size - at ? n : size - at;
        cr_span bytes = cr_span_of(data + at, n);
        at += n;
        if (kind == 0 && n) {
            exchange(bed, bytes);
        } else if (kind == 1 && n) {
            through_session(bed, bytes);
        } else if (kind == 2 && n) {
            open_session(bed, bytes.p[0]);
        } else if (kind == 3) {
            uicc_reset(bed->sim->uicc);
            scp_end(&bed->host);
        }
    }
    registry_holds(bed);
    uicc_reset(bed->sim->uicc);
    FUZZ_CHECK(bed_sw(bed, SELECT_MNO) == UICC_SW_OK);
    bed_free(bed);
    return 0;
}
