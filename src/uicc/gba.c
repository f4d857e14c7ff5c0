#include "uicc/gba.h"

#include "asn1/der.h"

/* Keys: g ADF = RAND and Ks; j ADF record = turn of the derivation (4 bytes) and Ks_int_NAF. */
#define TURN    4
#define NAF_ROW (TURN + GBA_NAF_KEY)

#define TAG_SUCCESS 0xDB
#define TAG_NAF_ID  0x80
#define TAG_BTID    0x81

static uicc_sw failed(cr_status status)
{
    return status == CR_REFUSED ? UICC_SW_NO_GBA_MEMORY : UICC_SW_MEMORY;
}

/* --- EF.GBABP ----------------------------------------------------------------------------------
 */

static uicc_file ef_of(const struct uicc_gba *gba, uint16_t fid, enum uicc_kind kind,
                       struct uicc_file_attr *attr)
{
    uicc_file file = uicc_fs_child(gba->fs, gba->adf, fid);
    return file && uicc_fs_attr(gba->fs, file, attr) && attr->kind == kind ? file : 0;
}

bool uicc_gba_ready(const struct uicc_gba *gba)
{
    struct uicc_file_attr a;
    return ef_of(gba, gba->fid_gbabp, UICC_TRANSPARENT, &a) && a.size > UICC_GBA_RAND;
}

/* Length and RAND, length and B-TID, length and key lifetime; the rest FF. */
static cr_status write_gbabp(const struct uicc_gba *gba, const uint8_t rand[UICC_GBA_RAND])
{
    struct uicc_file_attr a;
    cr_buf content = {0};
    uicc_file file = ef_of(gba, gba->fid_gbabp, UICC_TRANSPARENT, &a);
    cr_buf_append_byte(&content, UICC_GBA_RAND);
    cr_buf_append(&content, rand, UICC_GBA_RAND);
    while (content.n < a.size && content.n < UICC_GBA_RAND + 3U && cr_buf_ok(&content)) {
        cr_buf_append_byte(&content, 0x00);
    }
    while (content.n < a.size && cr_buf_ok(&content)) {
        cr_buf_append_byte(&content, 0xFF);
    }
    cr_status status = cr_buf_ok(&content)
                           ? uicc_fs_replace(gba->fs, file, cr_buf_span(&content), NULL)
                           : CR_RESOURCE;
    cr_buf_free(&content);
    return status;
}

/* The B-TID that the terminal has written, over scratch; empty when there is none. */
static cr_span b_tid(const struct uicc_gba *gba, cr_buf *scratch)
{
    struct uicc_file_attr a;
    uicc_file file = ef_of(gba, gba->fid_gbabp, UICC_TRANSPARENT, &a);
    cr_span content = file ? uicc_fs_content(gba->fs, file, scratch) : (cr_span){0};
    size_t at = content.n ? 1U + content.p[0] : 0;
    if (at == 0 || at >= content.n || content.p[at] == 0xFF || content.p[at] > content.n - at - 1) {
        return (cr_span){0};
    }
    return cr_span_sub(content, at + 1, content.p[at]);
}

uicc_sw uicc_gba_bootstrapped(const struct uicc_gba *gba, const uint8_t rand[UICC_GBA_RAND],
                              cr_span ks)
{
    uint8_t record[UICC_GBA_RAND + GBA_MAX_KS];
    char key[UICC_KEY_SIZE];
    if (ks.n > GBA_MAX_KS || !uicc_gba_ready(gba)) {
        return UICC_SW_CONDITIONS;
    }
    memcpy(record, rand, UICC_GBA_RAND);
    memcpy(record + UICC_GBA_RAND, ks.p, ks.n);
    cr_status status = nvm_put(gba->fs->nvm, uicc_fs_key(gba->fs, key, 'g', gba->adf, -1),
                               cr_span_of(record, UICC_GBA_RAND + ks.n), NULL);
    cr_wipe(record, sizeof record);
    if (status == CR_OK) {
        status = write_gbabp(gba, rand);
    }
    return status == CR_OK ? UICC_SW_OK : failed(status);
}

/* --- EF.GBANL ----------------------------------------------------------------------------------
 */

static cr_span naf_row(const struct uicc_gba *gba, unsigned record)
{
    char key[UICC_KEY_SIZE];
    cr_span v = nvm_get(gba->fs->nvm, uicc_fs_key(gba->fs, key, 'j', gba->adf, (int)record));
    return v.n == NAF_ROW ? v : (cr_span){0};
}

static uint32_t turn_of(cr_span row)
{
    return row.n ? (uint32_t)row.p[0] << 24 | (uint32_t)row.p[1] << 16 | (uint32_t)row.p[2] << 8 |
                       row.p[3]
                 : 0;
}

/* One more than the turn of any derivation so far. */
static uint32_t next_turn(const struct uicc_gba *gba, unsigned records)
{
    uint32_t turn = 0;
    for (unsigned n = 1; n <= records; n++) {
        uint32_t at = turn_of(naf_row(gba, n));
        turn = at > turn ? at : turn;
    }
    return turn + 1;
}

/* The record for a NAF: its own, else the first empty one, else the oldest. */
static unsigned choose_record(const struct uicc_gba *gba, cr_span content, size_t size,
                              cr_span naf_id)
{
    unsigned empty = 0, oldest = 1, records = (unsigned)(content.n / size);
    for (unsigned n = 1; n <= records; n++) {
        struct der_tlv id;
        cr_span record = cr_span_sub(content, (n - 1) * size, size);
        if (der_find(record, TAG_NAF_ID, &id) && cr_span_equal(id.value, naf_id)) {
            return n;
        }
        if (!empty && record.p[0] == 0xFF) {
            empty = n;
        }
        if (turn_of(naf_row(gba, n)) < turn_of(naf_row(gba, oldest))) {
            oldest = n;
        }
    }
    return empty ? empty : oldest;
}

/* Writes the record of the NAF; *number is 0 when the application has no EF.GBANL. */
static cr_status note_naf(const struct uicc_gba *gba, cr_span naf_id, unsigned *number,
                          uint32_t *turn)
{
    struct uicc_file_attr a;
    cr_buf scratch = {0}, record = {0}, tid = {0};
    uicc_file file = ef_of(gba, gba->fid_gbanl, UICC_LINEAR, &a);
    *number = 0;
    *turn = 1;
    if (!file) {
        return CR_OK;
    }
    cr_span content = uicc_fs_content(gba->fs, file, &scratch);
    *number = choose_record(gba, content, a.record_size, naf_id);
    *turn = next_turn(gba, (unsigned)(content.n / a.record_size));
    der_put(&record, TAG_NAF_ID, naf_id);
    der_put(&record, TAG_BTID, b_tid(gba, &tid));
    cr_status status = cr_buf_ok(&record) && content.p ? CR_OK : CR_RESOURCE;
    if (status == CR_OK && record.n > a.record_size) {
        status = CR_REFUSED;
    }
    while (status == CR_OK && record.n < a.record_size) {
        cr_buf_append_byte(&record, 0xFF);
        status = cr_buf_ok(&record) ? CR_OK : CR_RESOURCE;
    }
    if (status == CR_OK) {
        status = uicc_fs_write(gba->fs, file, (*number - 1U) * (size_t)a.record_size,
                               cr_buf_span(&record), NULL);
    }
    cr_buf_free(&scratch);
    cr_buf_free(&record);
    cr_buf_free(&tid);
    return status;
}

/* --- derivation --------------------------------------------------------------------------------
 */

static bool take(cr_span *in, cr_span *out)
{
    if (in->n < 1 || in->p[0] == 0 || in->p[0] > in->n - 1) {
        return false;
    }
    *out = cr_span_sub(*in, 1, in->p[0]);
    *in = cr_span_sub(*in, 1U + in->p[0], in->n);
    return true;
}

static cr_status keep_int_key(const struct uicc_gba *gba, unsigned record, uint32_t turn,
                              const uint8_t key[GBA_NAF_KEY])
{
    uint8_t row[NAF_ROW] = {(uint8_t)(turn >> 24), (uint8_t)(turn >> 16), (uint8_t)(turn >> 8),
                            (uint8_t)turn};
    char name[UICC_KEY_SIZE];
    memcpy(row + TURN, key, GBA_NAF_KEY);
    cr_status status = nvm_put(gba->fs->nvm, uicc_fs_key(gba->fs, name, 'j', gba->adf, (int)record),
                               CR_SPAN_ARRAY(row), NULL);
    cr_wipe(row, sizeof row);
    return status;
}

uicc_sw uicc_gba_derive(const struct uicc_gba *gba, cr_span data, cr_buf *out)
{
    cr_span naf_id, impi;
    char name[UICC_KEY_SIZE];
    uint8_t stored[UICC_GBA_RAND + GBA_MAX_KS], external[GBA_NAF_KEY], internal[GBA_NAF_KEY];
    unsigned record = 0;
    uint32_t turn = 0;
    if (!take(&data, &naf_id) || !take(&data, &impi) || data.n) {
        return UICC_SW_WRONG_DATA;
    }
    cr_span v = nvm_get(gba->fs->nvm, uicc_fs_key(gba->fs, name, 'g', gba->adf, -1));
    if (v.n <= UICC_GBA_RAND || v.n > sizeof stored) {
        return UICC_SW_CONDITIONS;
    }
    /* The memory changes below: what it holds is copied first. */
    size_t ks_size = v.n - UICC_GBA_RAND;
    memcpy(stored, v.p, v.n);
    cr_span rand = cr_span_of(stored, UICC_GBA_RAND);
    cr_span ks = cr_span_of(stored + UICC_GBA_RAND, ks_size);
    cr_status status = gba_naf_key(GBA_KS_EXT_NAF, ks, rand, impi, naf_id, external, NULL);
    if (status == CR_OK) {
        status = gba_naf_key(GBA_KS_INT_NAF, ks, rand, impi, naf_id, internal, NULL);
    }
    if (status == CR_OK) {
        status = note_naf(gba, naf_id, &record, &turn);
    }
    if (status == CR_OK && record) {
        status = keep_int_key(gba, record, turn, internal);
    }
    if (status == CR_OK) {
        cr_buf_append_byte(out, TAG_SUCCESS);
        cr_buf_append_byte(out, GBA_NAF_KEY);
        cr_buf_append(out, external, sizeof external);
    }
    cr_wipe(stored, sizeof stored);
    cr_wipe(external, sizeof external);
    cr_wipe(internal, sizeof internal);
    return status == CR_OK ? UICC_SW_OK : failed(status);
}

bool uicc_gba_int_key(const struct uicc_gba *gba, uint8_t record, uint8_t key[GBA_NAF_KEY])
{
    cr_span row = naf_row(gba, record);
    if (row.n) {
        memcpy(key, row.p + TURN, GBA_NAF_KEY);
    }
    return row.n != 0;
}
