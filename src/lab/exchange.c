#include "lab/exchange.h"

#include "asn1/json.h"
#include "base/text.h"
#include "lab/commands.h"
#include "ota/packet.h"
#include "ota/sms.h"
#include "rsp/messages.h"
#include "uicc/cat.h"

#include <stdlib.h>

#define MAX_ANSWER  70000 /* bytes of an answer over all its GET RESPONSE */
#define SHOWN_BYTES 24    /* of what is not known, in one line */
#define SHOWN_TEXT  160   /* of a decoded message, in one line */

enum ins {
    INS_TERMINAL_PROFILE = 0x10,
    INS_FETCH = 0x12,
    INS_TERMINAL_RESPONSE = 0x14,
    INS_VERIFY = 0x20,
    INS_CHANGE = 0x24,
    INS_DISABLE = 0x26,
    INS_ENABLE = 0x28,
    INS_UNBLOCK = 0x2C,
    INS_MANAGE_CHANNEL = 0x70,
    INS_GET_IDENTITY = 0x78,
    INS_AUTHENTICATE = 0x88,
    INS_AUTHENTICATE_ODD = 0x89,
    INS_SEARCH = 0xA2,
    INS_SELECT = 0xA4,
    INS_READ_BINARY = 0xB0,
    INS_READ_RECORD = 0xB2,
    INS_GET_RESPONSE = 0xC0,
    INS_ENVELOPE = 0xC2,
    INS_RETRIEVE = 0xCB,
    INS_UPDATE_BINARY = 0xD6,
    INS_SET_DATA = 0xDB,
    INS_UPDATE_RECORD = 0xDC,
    INS_CREATE = 0xE0,
    INS_STORE_DATA = 0xE2,
    INS_DELETE = 0xE4,
    INS_STATUS = 0xF2
};

/* ---- sessions ----------------------------------------------------------------------------------
 */

static void channel_reset(struct lab_channel *ch, bool open)
{
    cr_buf_free(&ch->answer);
    *ch = (struct lab_channel){.open = open, .df = lab_place_mf()};
    ch->answer.limit = MAX_ANSWER;
}

void lab_session_init(struct lab_session *s)
{
    memset(s, 0, sizeof(*s));
    lab_session_reset(s);
}

void lab_session_reset(struct lab_session *s)
{
    for (size_t i = 0; i < LAB_CHANNELS; i++) {
        channel_reset(&s->channel[i], i == 0);
    }
}

void lab_session_free(struct lab_session *s)
{
    for (size_t i = 0; s && i < LAB_CHANNELS; i++) {
        cr_buf_free(&s->channel[i].answer);
    }
}

unsigned lab_channel_of(uint8_t cla)
{
    return cla & 0x40 ? (cla & 0x0Fu) + 4 : cla & 0x03u;
}

/* ---- the command -------------------------------------------------------------------------------
 */

/* One command taken apart: short lengths, what does not fit is all data. */
struct parts {
    uint8_t cla, ins, p1, p2;
    unsigned channel;
    cr_span data;
    bool has_le;
    unsigned le;
    const struct lab_command *row;
};

static bool parts_of(cr_span command, struct parts *p)
{
    if (command.n < 4) {
        return false;
    }
    *p = (struct parts){.cla = command.p[0],
                        .ins = command.p[1],
                        .p1 = command.p[2],
                        .p2 = command.p[3],
                        .channel = lab_channel_of(command.p[0]),
                        .row = lab_command_of(command)};
    if (command.n == 5) {
        p->has_le = true;
        p->le = command.p[4] ? command.p[4] : 256;
    } else if (command.n > 5) {
        p->data = cr_span_sub(command, 5, command.p[4]);
        p->has_le = command.n == 6u + command.p[4];
        p->le = p->has_le && command.p[command.n - 1] ? command.p[command.n - 1] : 256;
    }
    return true;
}

static void bytes_text(cr_span bytes, cr_buf *out)
{
    cr_hex_append(out, cr_span_sub(bytes, 0, SHOWN_BYTES));
    if (bytes.n > SHOWN_BYTES) {
        cr_buf_appendf(out, "... (%zu bytes)", bytes.n);
    }
}

/* Text of others in a line of ours: no control codes, not longer than most. */
static void clean_text(cr_span text, size_t most, cr_buf *out)
{
    char clean[1024];
    size_t n = most < sizeof(clean) ? most : sizeof(clean) - 1;
    bool whole = cr_str_copy(clean, n, text);
    for (char *at = clean; *at; at++) {
        if (*at == '\n') {
            *at = ';';
        }
    }
    cr_text_clean(clean);
    cr_buf_append_str(out, clean);
    cr_buf_append_str(out, whole ? "" : "...");
}

/* ---- files -------------------------------------------------------------------------------------
 */

static bool fid_is_df(uint16_t fid)
{
    return fid >> 8 == 0x3F || fid >> 8 == 0x7F || fid >> 8 == 0x5F;
}

/* Where SELECT by file id leads, in the order of TS 102 221 8.4.2 as far as the tables can tell. */
static bool place_of_fid(const struct lab_place *df, uint16_t fid, struct lab_place *out)
{
    struct lab_place at = *df;
    if (fid == 0x3F00) {
        *out = lab_place_mf();
        return true;
    }
    if (fid == 0x7FFF) {
        *out = *df;
        out->depth = 0;
        return df->aid_size > 0;
    }
    for (int up = 0; up < 2; up++) {
        struct lab_place child = at;
        if (lab_place_down(&child, fid) && lab_place_known(&child)) {
            *out = child;
            return true;
        }
        if (at.depth && at.fid[at.depth - 1] == fid) {
            *out = at;
            return true;
        }
        if (!lab_place_up(&at)) {
            break;
        }
    }
    *out = *df;
    return lab_place_down(out, fid);
}

static bool place_of_path(struct lab_place from, cr_span path, struct lab_place *out)
{
    if (path.n % 2 != 0 || path.n == 0) {
        return false;
    }
    for (size_t i = 0; i < path.n; i += 2) {
        uint16_t fid = (uint16_t)(path.p[i] << 8 | path.p[i + 1]);
        if (i == 0 && fid == 0x3F00) {
            from = lab_place_mf();
        } else if (!lab_place_down(&from, fid)) {
            return false;
        }
    }
    *out = from;
    return true;
}

/* The file that a SELECT is about; false when the command does not say. */
static bool select_target(const struct lab_channel *ch, const struct parts *p,
                          struct lab_place *out)
{
    cr_span data = p->data;
    struct lab_place mf = lab_place_mf();
    switch (p->p1) {
    case 0x00:
    case 0x01:
        if (data.n != 2) {
            *out = mf;
            return data.n == 0;
        }
        return place_of_fid(&ch->df, (uint16_t)(data.p[0] << 8 | data.p[1]), out);
    case 0x03:
        *out = ch->df;
        return lab_place_up(out);
    case 0x04:
        *out = lab_place_aid(data);
        return data.n > 0;
    case 0x08:
        if (data.n >= 2 && data.p[0] == 0x7F && data.p[1] == 0xFF) {
            mf = ch->df;
            mf.depth = 0;
            *out = mf;
            return data.n == 2 || place_of_path(mf, cr_span_sub(data, 2, data.n), out);
        }
        return place_of_path(mf, data, out);
    case 0x09:
        return place_of_path(ch->df, data, out);
    default:
        return false;
    }
}

static void selected(struct lab_channel *ch, const struct lab_place *place, bool df)
{
    ch->has_ef = !df;
    ch->has_fcp = false;
    ch->df = *place;
    if (!df) {
        ch->ef = *place;
        (void)lab_place_up(&ch->df);
    }
}

/* The FCP says what the place alone does not. */
static void take_fcp(struct lab_channel *ch, const struct lab_fcp *fcp)
{
    if (ch->has_about && (fcp->kind == LAB_DF) == ch->has_ef) {
        selected(ch, &ch->about, fcp->kind == LAB_DF);
    }
    if (fcp->kind == LAB_DF && fcp->aid.n && !ch->df.depth && ch->df.aid_size) {
        ch->df = lab_place_aid(fcp->aid); /* the whole of it */
    }
    ch->has_fcp = true;
    ch->kind = fcp->kind;
    ch->size = fcp->size;
    ch->record_length = fcp->record_length;
    ch->records = fcp->records;
}

static void about_text(const struct lab_channel *ch, cr_buf *out)
{
    char path[LAB_PATH_TEXT];
    cr_buf_append_str(out, ch->has_about ? lab_place_text(&ch->about, path) : "?");
}

static void name_text(const struct lab_place *place, cr_buf *out)
{
    char name[LAB_NAME];
    cr_buf_append_str(out, lab_file_name(place, name));
}

/* ---- messages ----------------------------------------------------------------------------------
 */

/* The parts of a bound profile package, which come without a function around them (SGP.22 2.5.5).
 */
static const struct {
    uint32_t tag;
    const char *text;
} package_parts[] = {
    {0xBF36, "ES8+.InitialiseSecureChannel, begins the package"},
    {0xA0, "ES8+.ConfigureISDP [secured]"},
    {0xA1, "ES8+.StoreMetadata, head"},
    {0x88, "ES8+.StoreMetadata [integrity protected]"},
    {0xA2, "ES8+.ReplaceSessionKeys [secured]"},
    {0xA3, "ES8+.LoadProfileElements, head"},
    {0x86, "ES8+.LoadProfileElements [secured]"},
    {0x87, "ES8+ control [secured]"},
};

static const char *package_part(uint32_t tag)
{
    for (size_t i = 0; i < CR_COUNT(package_parts); i++) {
        if (package_parts[i].tag == tag) {
            return package_parts[i].text;
        }
    }
    return NULL;
}

static const struct rsp_message *message_of(uint32_t tag, enum rsp_direction direction)
{
    size_t count = 0;
    const struct rsp_message *rows = rsp_message_candidates(tag, &count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].direction == direction) {
            return &rows[i];
        }
    }
    return NULL;
}

/* "ES10c.EnableProfile". */
static void function_text(uint32_t tag, cr_buf *out)
{
    const struct rsp_message *m = message_of(tag, RSP_REQUEST);
    const char *part = package_part(tag);
    if (part) {
        cr_buf_append_str(out, part);
    } else if (m) {
        size_t n = strlen(m->name);
        size_t end = n > 7 && strcmp(m->name + n - 7, "Request") == 0 ? n - 7 : n;
        cr_buf_appendf(out, "%s.%.*s", m->interface, (int)end, m->name);
    } else {
        cr_buf_appendf(out, "tag %X", (unsigned)tag);
    }
}

/* A message of the ISD-R in one line. */
static void message_text(cr_span tlv, cr_buf *out)
{
    const struct rsp_message *m = NULL;
    cr_arena arena = {0};
    void *value = NULL;
    json_t *json = NULL;
    if (rsp_message_decode(tlv, &arena, &m, &value, NULL) == CR_OK) {
        cr_buf_append_str(out, m->name);
        if (asn1_to_json(m->type, value, &json, NULL) == CR_OK) {
            char *text = json_dumps(json, JSON_COMPACT);
            if (text) {
                cr_buf_append_byte(out, ' ');
                clean_text(cr_span_str(text), SHOWN_TEXT, out);
            }
            free(text);
        }
        json_decref(json);
    } else {
        bytes_text(tlv, out);
    }
    cr_arena_free(&arena);
}

/* A secured packet in an SMS-PP download (TS 31.115): to whom, under what protection. */
static void packet_text(cr_span envelope, cr_buf *out)
{
    struct der_tlv outer;
    cr_span tpdu;
    struct sms_tpdu sms;
    struct sms_header header;
    struct ota_command_header packet;
    cr_span rest;
    if (der_next(&envelope, DER_BER_LENGTHS, &outer, NULL) != CR_OK ||
        outer.tag != CAT_SMS_PP_DOWNLOAD || !cat_find(outer.value, CAT_TAG_SMS_TPDU, &tpdu) ||
        sms_decode(SMS_TO_CARD, tpdu, &sms, NULL) != CR_OK || !sms.has_header ||
        sms_header_take(sms.ud, &header, &rest, NULL) != CR_OK) {
        return;
    }
    if (header.count > 1) {
        cr_buf_appendf(out, " [secured, part %u of %u]", header.number, header.count);
    } else if (header.packet == SMS_IEI_COMMAND_PACKET &&
               ota_command_read(OTA_SMS, rest, &packet, NULL) == OTA_OK) {
        cr_buf_append_str(out, " [secured, TAR ");
        cr_hex_append(out, CR_SPAN_ARRAY(packet.tar));
        cr_buf_appendf(out, ", SPI %02X%02X, KIc %02X, KID %02X]", packet.spi[0], packet.spi[1],
                       packet.kic, packet.kid);
    }
}

/* ---- what is asked -----------------------------------------------------------------------------
 */

static void key_text(uint8_t reference, cr_buf *out)
{
    cr_buf_appendf(out, "key %02X", reference);
}

static void remember(struct lab_channel *ch, const struct parts *p)
{
    ch->ins = p->ins;
    ch->p1 = p->p1;
    ch->p2 = p->p2;
    ch->data_is_whole = false;
    ch->has_about = ch->has_ef;
    ch->about = ch->ef;
    if (p->ins != INS_STORE_DATA || p->p2 == 0) {
        ch->function_tag = 0;
    }
    cr_buf_reset(&ch->answer);
}

static void file_command(struct lab_channel *ch, const struct parts *p, cr_buf *line)
{
    bool record = p->ins == INS_READ_RECORD || p->ins == INS_UPDATE_RECORD || p->ins == INS_SEARCH;
    bool by_sfi = record ? (p->p2 >> 3) != 0 : (p->p1 & 0x80) != 0;
    if (by_sfi) {
        ch->has_about = false;
        cr_buf_appendf(line, " SFI %02X", record ? p->p2 >> 3 : p->p1 & 0x1F);
    } else if (ch->has_ef) {
        cr_buf_append_byte(line, ' ');
        name_text(&ch->ef, line);
    }
    if (record) {
        static const char *const modes[] = {"", "", "next", "previous", "", "backward", "", ""};
        const char *mode = modes[p->p2 & 7];
        if (*mode) {
            cr_buf_appendf(line, " %s record", mode);
        } else {
            cr_buf_appendf(line, p->p1 ? " record %u" : " current record", p->p1);
        }
        ch->data_is_whole = true;
    } else {
        unsigned offset = by_sfi ? p->p2 : (unsigned)(p->p1 << 8 | p->p2);
        ch->data_is_whole = offset == 0;
        if (offset) {
            cr_buf_appendf(line, " from %u", offset);
        }
    }
    if (p->data.n) {
        cr_buf_append_byte(line, ' ');
        bytes_text(p->data, line);
    }
}

static void store_data_command(struct lab_channel *ch, const struct parts *p, cr_buf *line)
{
    if (p->p2 == 0) {
        ch->function_tag = der_peek(p->data);
    }
    cr_buf_append_byte(line, ' ');
    function_text(ch->function_tag, line);
    if (p->p2 || !(p->p1 & 0x80)) {
        cr_buf_appendf(line, ", block %u%s", p->p2 + 1u, p->p1 & 0x80 ? ", the last" : "");
    }
}

static void authenticate_command(const struct parts *p, cr_buf *line)
{
    static const char *const contexts[] = {"GSM", "3G", "VGCS/VBS", "", "GBA"};
    unsigned context = p->p2 & 7u;
    if (context < CR_COUNT(contexts) && *contexts[context]) {
        cr_buf_appendf(line, " %s context", contexts[context]);
    }
}

static void command_text(struct lab_channel *ch, const struct parts *p, cr_buf *line)
{
    if (p->row) {
        cr_buf_append_str(line, p->row->standard);
    } else {
        cr_buf_appendf(line, "CLA %02X INS %02X P1 %02X P2 %02X", p->cla, p->ins, p->p1, p->p2);
    }
    if ((p->cla & 0x0C) && !(p->cla & 0x40)) {
        cr_buf_append_str(line, " [secured]");
    }
    if (p->ins == INS_GET_RESPONSE) {
        return;
    }
    remember(ch, p);
    switch ((enum ins)p->ins) {
    case INS_SELECT:
        ch->has_about = select_target(ch, p, &ch->about);
        cr_buf_append_byte(line, ' ');
        about_text(ch, line);
        break;
    case INS_READ_BINARY:
    case INS_READ_RECORD:
    case INS_UPDATE_BINARY:
    case INS_UPDATE_RECORD:
    case INS_SEARCH:
        file_command(ch, p, line);
        break;
    case INS_STATUS:
        ch->has_about = false;
        cr_buf_append_byte(line, ' ');
        name_text(&ch->df, line);
        break;
    case INS_VERIFY:
    case INS_CHANGE:
    case INS_DISABLE:
    case INS_ENABLE:
    case INS_UNBLOCK:
        cr_buf_append_byte(line, ' ');
        key_text(p->p2, line);
        cr_buf_append_str(line, p->data.n ? ", value not shown" : ", asks for the tries left");
        break;
    case INS_MANAGE_CHANNEL:
        cr_buf_appendf(line, p->p1 & 0x80 ? " close %u" : p->p2 ? " open %u" : " open", p->p2);
        break;
    case INS_STORE_DATA:
        store_data_command(ch, p, line);
        break;
    case INS_AUTHENTICATE:
    case INS_AUTHENTICATE_ODD:
        authenticate_command(p, line);
        break;
    case INS_ENVELOPE:
        cr_buf_append_byte(line, ' ');
        (void)cat_print_envelope(line, p->data);
        packet_text(p->data, line);
        break;
    case INS_TERMINAL_RESPONSE:
        cr_buf_append_byte(line, ' ');
        (void)cat_print_response(line, p->data);
        break;
    case INS_TERMINAL_PROFILE:
        cr_buf_appendf(line, ", %zu bytes", p->data.n);
        break;
    case INS_RETRIEVE:
    case INS_SET_DATA:
    case INS_CREATE:
    case INS_DELETE:
    case INS_FETCH:
    case INS_GET_IDENTITY:
    case INS_GET_RESPONSE:
    default:
        if (p->data.n) {
            cr_buf_append_byte(line, ' ');
            bytes_text(p->data, line);
        }
        break;
    }
}

/* ---- what is answered --------------------------------------------------------------------------
 */

static void authenticate_answer(const struct lab_channel *ch, cr_span data, cr_buf *out)
{
    if (data.n >= 2 && data.p[0] == 0xDB && data.n >= 2u + data.p[1]) {
        cr_buf_append_str(out, "RES ");
        cr_hex_append(out, cr_span_sub(data, 2, data.p[1]));
        cr_buf_append_str(out, ", keys not shown");
    } else if (data.n >= 2 && data.p[0] == 0xDC) {
        cr_buf_append_str(out, "resynchronisation, AUTS ");
        cr_hex_append(out, cr_span_sub(data, 2, data.p[1]));
    } else if ((ch->p2 & 7) == 0 && data.n >= 5 && data.p[0] == 4) {
        cr_buf_append_str(out, "SRES ");
        cr_hex_append(out, cr_span_sub(data, 1, 4));
        cr_buf_append_str(out, ", Kc not shown");
    } else {
        bytes_text(data, out);
    }
}

/* The content of a known file as text; false when it is not known. */
static bool content_text(const struct lab_channel *ch, cr_span data, cr_buf *out)
{
    bool record = ch->ins == INS_READ_RECORD;
    return ch->has_about && ch->about.depth && ch->data_is_whole &&
           profile_ef_text(lab_ef_place(&ch->about), ch->about.fid[ch->about.depth - 1], data,
                           record ? data.n : 0, out);
}

static void content_line(const struct lab_channel *ch, cr_span data, cr_buf *line)
{
    cr_buf text = {0};
    if (content_text(ch, data, &text)) {
        clean_text(cr_buf_span(&text), SHOWN_TEXT, line);
    } else {
        bytes_text(data, line);
    }
    cr_buf_free(&text);
}

static void data_line(struct lab_channel *ch, cr_span data, bool more, cr_buf *line)
{
    struct lab_fcp fcp;
    switch ((enum ins)ch->ins) {
    case INS_SELECT:
    case INS_STATUS:
        if (lab_fcp_read(data, &fcp)) {
            if (ch->ins == INS_SELECT) {
                take_fcp(ch, &fcp);
            }
            lab_fcp_text(&fcp, line);
        } else if (der_peek(data) == 0x6F) {
            message_text(data, line);
        } else {
            bytes_text(data, line);
        }
        break;
    case INS_READ_BINARY:
    case INS_READ_RECORD:
        content_line(ch, data, line);
        break;
    case INS_AUTHENTICATE:
    case INS_AUTHENTICATE_ODD:
        authenticate_answer(ch, data, line);
        break;
    case INS_FETCH:
        (void)cat_print_command(line, data);
        break;
    case INS_MANAGE_CHANNEL:
        cr_buf_appendf(line, "channel %u", data.p[0]);
        break;
    case INS_STORE_DATA:
        cr_buf_append_span(&ch->answer, data);
        if (more) {
            cr_buf_appendf(line, "%zu bytes", data.n);
        } else {
            message_text(cr_buf_span(&ch->answer), line);
        }
        break;
    case INS_TERMINAL_PROFILE:
    case INS_TERMINAL_RESPONSE:
    case INS_VERIFY:
    case INS_CHANGE:
    case INS_DISABLE:
    case INS_ENABLE:
    case INS_UNBLOCK:
    case INS_SEARCH:
    case INS_GET_RESPONSE:
    case INS_ENVELOPE:
    case INS_RETRIEVE:
    case INS_UPDATE_BINARY:
    case INS_SET_DATA:
    case INS_UPDATE_RECORD:
    case INS_CREATE:
    case INS_DELETE:
    case INS_GET_IDENTITY:
    default:
        bytes_text(data, line);
        break;
    }
}

/* What a successful command did to the selections. */
static void follow(struct lab_session *s, const struct parts *p, cr_span data, uint16_t sw)
{
    struct lab_channel *ch = &s->channel[p->channel];
    if (!lab_sw_ok(sw)) {
        return;
    }
    if (p->ins == INS_SELECT && ch->has_about) {
        struct lab_place place = ch->about;
        bool df = !place.depth || fid_is_df(place.fid[place.depth - 1]);
        selected(ch, &place, df);
    } else if (p->ins == INS_MANAGE_CHANNEL) {
        unsigned number = p->p1 & 0x80 ? p->p2 : data.n ? data.p[0] : p->p2;
        if (number && number < LAB_CHANNELS) {
            channel_reset(&s->channel[number], !(p->p1 & 0x80));
            if (!(p->p1 & 0x80) && p->channel) {
                s->channel[number].df = ch->df; /* opened from another one than the basic one */
            }
        }
    }
}

static uint16_t sw_of(cr_span response, cr_span *data)
{
    *data = cr_span_sub(response, 0, response.n - 2);
    return (uint16_t)(response.p[response.n - 2] << 8 | response.p[response.n - 1]);
}

void lab_exchange_text(struct lab_session *s, cr_span command, cr_span response, cr_buf *line)
{
    struct parts p;
    cr_span data;
    if (!parts_of(command, &p)) {
        cr_buf_append_str(line, "? a command of less than 4 bytes: ");
        bytes_text(command, line);
        return;
    }
    struct lab_channel *ch = &s->channel[p.channel];
    cr_buf_appendf(line, "%u ", p.channel);
    command_text(ch, &p, line);
    if (response.n < 2) {
        cr_buf_append_str(line, " -> no answer");
        return;
    }
    uint16_t sw = sw_of(response, &data);
    follow(s, &p, data, sw);
    cr_buf_append_str(line, " -> ");
    if (data.n) {
        data_line(ch, data, sw >> 8 == 0x61, line);
        cr_buf_append_str(line, "; ");
    }
    cr_buf_appendf(line, "%04X ", sw);
    lab_sw_text(sw, line);
}

/* ---- for a shell -------------------------------------------------------------------------------
 */

static void put_lines(cr_span text, cr_buf *out)
{
    while (text.n > 0) {
        const uint8_t *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        cr_buf_append_str(out, "  ");
        clean_text(cr_span_sub(text, 0, n), 1000, out);
        cr_buf_append_byte(out, '\n');
        text = cr_span_sub(text, n + 1, text.n);
    }
}

static void message_lines(cr_span tlv, cr_buf *text)
{
    const struct rsp_message *m = NULL;
    cr_arena arena = {0};
    void *value = NULL;
    if (rsp_message_decode(tlv, &arena, &m, &value, NULL) == CR_OK) {
        cr_buf_appendf(text, "%s\n", m->name);
        (void)!asn1_print(m->type, value, NULL, text, NULL);
    }
    cr_arena_free(&arena);
}

void lab_answer_text(const struct lab_session *s, cr_span command, cr_span response, cr_buf *out)
{
    struct parts p;
    struct lab_fcp fcp;
    cr_span data;
    cr_buf text = {0};
    if (response.n < 2 || !parts_of(command, &p)) {
        return;
    }
    const struct lab_channel *ch = &s->channel[p.channel];
    uint16_t sw = sw_of(response, &data);
    bool file = ch->ins == INS_SELECT || ch->ins == INS_STATUS;
    if (data.n == 0 || sw >> 8 == 0x61) {
        return;
    }
    if (file && lab_fcp_read(data, &fcp)) {
        if (ch->has_about) {
            about_text(ch, &text);
            cr_buf_append_str(&text, ": ");
        }
        lab_fcp_text(&fcp, &text);
    } else if (ch->ins == INS_READ_BINARY || ch->ins == INS_READ_RECORD) {
        (void)content_text(ch, data, &text);
    } else if (ch->ins == INS_FETCH) {
        (void)cat_print_command(&text, data);
    } else if (ch->ins == INS_AUTHENTICATE || ch->ins == INS_AUTHENTICATE_ODD) {
        authenticate_answer(ch, data, &text);
    } else if (ch->ins == INS_MANAGE_CHANNEL) {
        cr_buf_appendf(&text, "channel %u", data.p[0]);
    } else if (ch->ins == INS_STORE_DATA && ch->answer.n) {
        message_lines(cr_buf_span(&ch->answer), &text);
    } else if (file) {
        message_lines(data, &text);
    }
    put_lines(cr_buf_span(&text), out);
    cr_buf_free(&text);
}
