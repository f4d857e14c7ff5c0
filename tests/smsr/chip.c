#include "chip.h"

#include "asn1/der.h"

#include <string.h>

void chip_init(struct chip *chip)
{
    *chip = (struct chip){.memory = 500000, .pinned = -1};
}

struct chip_isdp *chip_add(struct chip *chip, cr_span aid, uint8_t state)
{
    for (int i = 0; i < CHIP_ISDPS; i++) {
        struct chip_isdp *d = &chip->isdps[i];
        if (!d->used) {
            *d = (struct chip_isdp){.used = true, .state = state, .granted = 1000};
            memcpy(d->aid, aid.p, sizeof d->aid);
            return d;
        }
    }
    return NULL;
}

struct chip_isdp *chip_find(struct chip *chip, cr_span aid)
{
    for (int i = 0; i < CHIP_ISDPS; i++) {
        if (chip->isdps[i].used && cr_span_equal(CR_SPAN_ARRAY(chip->isdps[i].aid), aid)) {
            return &chip->isdps[i];
        }
    }
    return NULL;
}

struct chip_isdp *chip_enabled(struct chip *chip)
{
    for (int i = 0; i < CHIP_ISDPS; i++) {
        if (chip->isdps[i].used && chip->isdps[i].state == 0x3F) {
            return &chip->isdps[i];
        }
    }
    return NULL;
}

static struct chip_isdp *fallback_of(struct chip *chip)
{
    for (int i = 0; i < CHIP_ISDPS; i++) {
        if (chip->isdps[i].used && chip->isdps[i].fallback) {
            return &chip->isdps[i];
        }
    }
    return NULL;
}

static void switch_to(struct chip *chip, struct chip_isdp *to)
{
    struct chip_isdp *from = chip_enabled(chip);
    chip->from = from ? (int)(from - chip->isdps) : -1;
    chip->to = (int)(to - chip->isdps);
    if (from) {
        from->state = 0x1F;
    }
    to->state = 0x3F;
    if (chip->pinned == chip->to) {
        chip->pinned = -1;
    }
}

void chip_roll_back(struct chip *chip)
{
    struct chip_isdp *back = &chip->isdps[chip->from];
    switch_to(chip, back);
    chip->pending = false;
}

void chip_fall_back(struct chip *chip)
{
    const struct chip_isdp *lost = chip_enabled(chip);
    if (lost && (lost->pol1 & POL1_NO_DISABLE)) {
        chip->pinned = (int)(lost - chip->isdps);
    }
    switch_to(chip, fallback_of(chip));
    chip->pending = false;
}

static uint16_t enable(struct chip *chip, struct chip_isdp *d)
{
    const struct chip_isdp *e = chip_enabled(chip);
    if (!d) {
        return 0x6A88;
    }
    if (d->state != 0x1F || chip->pending || d->emergency) {
        return 0x6985;
    }
    if ((e && (e->pol1 & POL1_NO_DISABLE)) || (d->pol1 & POL1_NO_ENABLE) ||
        (chip->pinned >= 0 && chip->pinned != (int)(d - chip->isdps))) {
        return 0x69E1;
    }
    switch_to(chip, d);
    chip->pending = true;
    return 0x9000;
}

static uint16_t disable(struct chip *chip, struct chip_isdp *d)
{
    if (!d) {
        return 0x6A88;
    }
    if (d->state != 0x3F || d->fallback || chip->pending) {
        return 0x6985;
    }
    if (d->pol1 & POL1_NO_DISABLE) {
        return 0x69E1;
    }
    switch_to(chip, fallback_of(chip));
    chip->pending = true;
    return 0x9000;
}

static uint16_t drop(struct chip *chip, struct chip_isdp *d, bool master)
{
    if (!d || (master && d->no_token)) {
        return 0x6A88;
    }
    if (d->state == 0x3F || d->fallback || (master && d->state != 0x1F)) {
        return 0x6985;
    }
    if (!master && ((d->pol1 & POL1_NO_DELETE) || chip->pinned == (int)(d - chip->isdps))) {
        return 0x69E1;
    }
    if (chip->pinned == (int)(d - chip->isdps)) {
        chip->pinned = -1;
    }
    d->used = false;
    return 0x9000;
}

static uint16_t move(struct chip *chip, struct chip_isdp *d, bool emergency)
{
    if (!d) {
        return 0x6A88;
    }
    if (emergency ? d->state != 0x1F || d->fallback : d->emergency) {
        return 0x6985;
    }
    if (!emergency && chip->pinned >= 0) {
        return 0x69E1;
    }
    for (int i = 0; i < CHIP_ISDPS; i++) {
        *(emergency ? &chip->isdps[i].emergency : &chip->isdps[i].fallback) = false;
    }
    *(emergency ? &d->emergency : &d->fallback) = true;
    return 0x9000;
}

static uint16_t confirm(struct chip *chip, cr_span content, cr_buf *data)
{
    struct der_tlv n;
    if (!der_find(content, 0x4E, &n) || n.value.n != 2 ||
        (n.value.p[0] << 8 | n.value.p[1]) != chip->number) {
        return 0x6A88;
    }
    if (chip->pending) {
        chip->pending = false;
        struct chip_isdp *old = chip->from >= 0 ? &chip->isdps[chip->from] : NULL;
        if (old && (old->pol1 & POL1_AUTO_DELETE) && !(old->pol1 & POL1_NO_DELETE) &&
            !old->fallback) {
            const size_t mark = der_open(data, 0x80);
            der_put(data, 0x4F, CR_SPAN_ARRAY(old->aid));
            der_close(data, mark);
            old->used = false;
        }
    }
    return 0x9000;
}

static uint16_t list(struct chip *chip, bool next, cr_buf *data)
{
    int count = 0;
    chip->listed = next ? chip->listed : 0;
    for (; chip->listed < CHIP_ISDPS; chip->listed++) {
        const struct chip_isdp *d = &chip->isdps[chip->listed];
        if (!d->used) {
            continue;
        }
        if (chip->page && count++ == chip->page) {
            return 0x6310;
        }
        const uint8_t properties = (uint8_t)((d->fallback ? 1 : 0) | (d->emergency ? 2 : 0));
        const uint8_t granted[4] = {(uint8_t)(d->granted >> 24), (uint8_t)(d->granted >> 16),
                                    (uint8_t)(d->granted >> 8), (uint8_t)d->granted};
        const size_t mark = der_open(data, 0xE3);
        der_put(data, 0x4F, CR_SPAN_ARRAY(d->aid));
        der_put(data, 0x9F70, cr_span_of(&d->state, 1));
        der_put(data, 0x53, cr_span_of(&properties, 1));
        der_put(data, 0x8F, CR_SPAN_ARRAY(granted));
        der_close(data, mark);
    }
    return 0x9000;
}

static uint16_t create(struct chip *chip, cr_span data, cr_buf *out)
{
    /* Load file and module, then the AID. */
    const uint8_t *aid = data.p + 34;
    if (data.n < 51 || data.p[0] != 16 || data.p[17] != 16 || aid[0] != 16) {
        return 0x6A80;
    }
    if (chip_find(chip, cr_span_of(aid + 1, 16))) {
        return 0x6A80;
    }
    (void)chip_add(chip, cr_span_of(aid + 1, 16), 0x07);
    cr_buf_append_byte(out, 0);
    return 0x9000;
}

static uint16_t store_data(struct chip *chip, cr_span data, cr_buf *out)
{
    struct der_tlv aid = {0};
    if (data.n < 3) {
        return 0x6A80;
    }
    const int dgi = data.p[0] << 8 | data.p[1];
    const cr_span content = cr_span_sub(data, 3, data.n);
    (void)der_find(content, 0x4F, &aid);
    switch (dgi) {
    case 0x3A03:
        return enable(chip, chip_find(chip, aid.value));
    case 0x3A04:
        return disable(chip, chip_find(chip, aid.value));
    case 0x3A05:
        return move(chip, chip_find(chip, aid.value), false);
    case 0x3A09:
        return move(chip, chip_find(chip, aid.value), true);
    case 0x3A08:
        return confirm(chip, content, out);
    case 0x3A01:
    case 0x3A02:
    case 0x3A07:
        return 0x9000;
    default:
        return 0x6A80;
    }
}

static uint16_t execute(struct chip *chip, cr_span apdu, cr_buf *out)
{
    struct der_tlv aid = {0}, token;
    const cr_span data = apdu.n > 5 ? cr_span_sub(apdu, 5, apdu.p[4]) : (cr_span){0};
    const unsigned header = (unsigned)apdu.p[1] << 16 | (unsigned)apdu.p[2] << 8 | apdu.p[3];
    const uint8_t free_memory[] = {(uint8_t)(chip->memory >> 24), (uint8_t)(chip->memory >> 16),
                                   (uint8_t)(chip->memory >> 8), (uint8_t)chip->memory};
    chip->executed++;
    switch (header) {
    case 0xE60C00:
        return create(chip, data, out);
    case 0xE40040:
        (void)der_find(data, 0x4F, &aid);
        return drop(chip, chip_find(chip, aid.value), der_find(data, 0xB6, &token));
    case 0xCAFF21: {
        const size_t mark = der_open(out, 0xFF21);
        der_put(out, 0x82, CR_SPAN_ARRAY(free_memory));
        der_close(out, mark);
        return 0x9000;
    }
    case 0xF24002:
    case 0xF24003:
        return list(chip, (header & 1) != 0, out);
    case 0xE62000:
        return 0x9000;
    default:
        return header >> 16 == 0xE2 ? store_data(chip, data, out) : 0x6D00;
    }
}

void chip_execute(struct chip *chip, cr_span commands, cr_buf *out)
{
    struct der_tlv tlv;
    while (commands.n && der_next(&commands, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if (tlv.tag != 0x22) { /* SCP03t: an empty answer of the same tag */
            der_put(out, tlv.tag, cr_span_str(""));
            chip->executed++;
            continue;
        }
        cr_buf data = {0};
        const uint16_t sw = execute(chip, tlv.value, &data);
        cr_buf_append_be(&data, sw, 2);
        der_put(out, 0x23, cr_buf_span(&data));
        cr_buf_free(&data);
        if (sw != 0x9000 && sw >> 8 != 0x62 && sw >> 8 != 0x63) {
            return;
        }
    }
}
