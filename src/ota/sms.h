/*
 * Short messages at the level of the TPDU (3GPP TS 23.040): SMS-DELIVER, SMS-SUBMIT,
 * SMS-DELIVER-REPORT, their addresses and user data headers; cutting a secured packet into segments
 * (TS 31.115) and putting segments together.
 *
 * Everything is decoded from a span into a struct whose spans point into it, and encoded from the
 * same struct. What carries a TPDU (ENVELOPE, SEND SHORT MESSAGE, SMPP) is not here.
 */
#ifndef CRISP_OTA_SMS_H
#define CRISP_OTA_SMS_H

#include "base/buf.h"
#include "base/error.h"

#define SMS_USER_DATA_MAX   140 /* bytes of TP-UD of a message, header included */
#define SMS_REPORT_DATA_MAX 159 /* of SMS-DELIVER-REPORT for RP-ACK; one less for RP-ERROR */
#define SMS_TPDU_MAX        176 /* bytes of the longest TPDU handled: 36 of header and TP-UD */
#define SMS_ADDRESS_MAX     20  /* digits of an address */
#define SMS_ADDRESS_BYTES   12  /* TP-OA on the wire */
#define SMS_SEGMENTS_MAX    255

/* ---- addresses, 9.1.2.5 ---- */

#define SMS_TON_NPI_UNKNOWN       0x81 /* unknown type, ISDN numbering plan */
#define SMS_TON_NPI_INTERNATIONAL 0x91
#define SMS_TON_NPI_ALPHANUMERIC  0xD0

/* A number: digits of 0-9 * # a b c, NUL-terminated. An alphanumeric address (TON 5): up to 11
 * characters of the GSM alphabet, UTF-8 here. */
struct sms_address {
    uint8_t ton_npi; /* bit 80 is always set on the wire */
    char text[3 * 11 + 1];
};

/* "+4512345678", "12345", or with letters alphanumeric, to an address. CR_MALFORMED when it has no
 * form or is too long. */
cr_status sms_address_parse(cr_span text, struct sms_address *out,
                            struct cr_err *err) CR_MUST_CHECK;
/* The same backwards: "+" for international numbers. out has SMS_ADDRESS_TEXT bytes. */
#define SMS_ADDRESS_TEXT 36
void sms_address_text(const struct sms_address *a, char out[SMS_ADDRESS_TEXT]);
/* The same subscriber: digits alike, whatever type of number. */
bool sms_address_same(const struct sms_address *a, const struct sms_address *b);

/* TP-OA and TP-DA: count of digits, TON/NPI, swapped digits. put appends; take moves *in on. */
cr_status sms_address_put(const struct sms_address *a, cr_buf *out,
                          struct cr_err *err) CR_MUST_CHECK;
cr_status sms_address_take(cr_span *in, struct sms_address *out, struct cr_err *err) CR_MUST_CHECK;
/* The form of RP addresses and of tag 06 (TS 102 223 8.1): TON/NPI, swapped digits, its length
 * given from outside. */
cr_status sms_address_put_rp(const struct sms_address *a, cr_buf *out,
                             struct cr_err *err) CR_MUST_CHECK;
cr_status sms_address_take_rp(cr_span value, struct sms_address *out,
                              struct cr_err *err) CR_MUST_CHECK;

/* ---- TPDUs ---- */

enum sms_type {
    SMS_DELIVER,              /* network to card */
    SMS_SUBMIT,               /* card to network */
    SMS_DELIVER_REPORT_ACK,   /* card to network, RP-ACK */
    SMS_DELIVER_REPORT_ERROR, /* RP-ERROR, with TP-FCS */
};

#define SMS_PID_USIM_DOWNLOAD 0x7F
#define SMS_DCS_8BIT          0x04
#define SMS_DCS_8BIT_CLASS2   0xF6
/* TP-FCS, 9.2.3.22. */
#define SMS_FCS_SIM_BUSY    0xD4
#define SMS_FCS_SIM_ERROR   0xD5 /* (U)SIM data download error */
#define SMS_FCS_SIM_STORAGE 0xD0

/* TP-SCTS: local time and the offset from UTC in quarters of an hour. */
struct sms_time {
    uint8_t year, month, day, hour, minute, second; /* year: two digits */
    int8_t quarters;                                /* -79..79 */
};

enum sms_validity {
    SMS_VP_NONE = 0,
    SMS_VP_ENHANCED = 1, /* 7 bytes, not looked into */
    SMS_VP_RELATIVE = 2, /* 1 byte */
    SMS_VP_ABSOLUTE = 3, /* 7 bytes, as SCTS */
};

struct sms_tpdu {
    enum sms_type type;
    bool more_to_send;          /* DELIVER: messages wait (TP-MMS is 0 then) */
    bool loop_prevention;       /* DELIVER */
    bool reply_path;            /* DELIVER, SUBMIT */
    bool status_report;         /* DELIVER: indication, SUBMIT: request */
    bool reject_duplicates;     /* SUBMIT */
    bool has_header;            /* TP-UDHI: ud begins with a user data header */
    uint8_t reference;          /* SUBMIT: TP-MR */
    struct sms_address address; /* DELIVER: TP-OA, SUBMIT: TP-DA */
    uint8_t pid, dcs;
    bool has_pid, has_dcs,
        has_ud;                 /* reports only: which of them are there; TP-PI is made of them */
    uint8_t cause;              /* DELIVER-REPORT for RP-ERROR: TP-FCS */
    struct sms_time time;       /* DELIVER: TP-SCTS */
    enum sms_validity validity; /* SUBMIT */
    uint8_t vp[7];              /* SUBMIT: as on the wire */
    uint8_t udl; /* TP-UDL as on the wire: septets when the DCS is the GSM alphabet, else bytes */
    cr_span ud;  /* TP-UD, header and all, see SMS_USER_DATA_MAX */
};

/* Which way a TPDU went: the same first octet means DELIVER one way and a report the other way. For
 * a report, error says that it came in an RP-ERROR. */
enum sms_way { SMS_TO_CARD, SMS_FROM_CARD, SMS_FROM_CARD_ERROR };

/* Decodes a whole TPDU; bytes left over are CR_MALFORMED. */
cr_status sms_decode(enum sms_way way, cr_span tpdu, struct sms_tpdu *out,
                     struct cr_err *err) CR_MUST_CHECK;

/* Encodes; udl is taken from the struct for the GSM alphabet and made of ud.n otherwise. */
cr_status sms_encode(const struct sms_tpdu *t, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* True when user data under this DCS is counted in septets (uncompressed GSM alphabet). */
bool sms_dcs_is_7bit(uint8_t dcs);
/* True for 8 bit data, class 2 (F6, 16, 96 and others): with PID 7F what TS 31.111 sends to the
 * card by ENVELOPE. */
bool sms_dcs_is_8bit_class2(uint8_t dcs);

/* Text of user data behind its header: GSM alphabet or UCS2 as UTF-8. False when the DCS is of no
 * text or is compressed. */
bool sms_text(const struct sms_tpdu *t, cr_buf *out);

/* ---- user data header, 9.2.3.24 ---- */

#define SMS_IEI_CONCAT_8        0x00
#define SMS_IEI_CONCAT_16       0x08
#define SMS_IEI_PORT_16         0x05
#define SMS_IEI_COMMAND_PACKET  0x70 /* TS 31.115: secured command; 71: secured response */
#define SMS_IEI_RESPONSE_PACKET 0x71

struct sms_header {
    bool concatenated;
    bool wide; /* 16-bit reference */
    uint16_t reference;
    uint8_t count, number; /* 1 of 1 when not concatenated; number 1..count */
    uint8_t packet;        /* IEI 70 or 71 when there, else 0 */
    bool has_port;
    uint16_t port_to, port_from; /* IEI 05 */
};

/* Reads the header at the front of ud; *rest is what follows. Unknown elements are passed over. An
 * element that is cut or of a wrong length, count 0 and number out of range are CR_MALFORMED; of
 * repeated elements the last counts (9.2.3.24). */
cr_status sms_header_take(cr_span ud, struct sms_header *out, cr_span *rest,
                          struct cr_err *err) CR_MUST_CHECK;

/* ---- segments ---- */

/* Cuts a secured packet (IEI packet = 70 or 71; 0 = any other 8-bit data) into user data: one when
 * it fits, else each with a concatenation element of the 8-bit (wide: 16-bit) reference, the packet
 * element in the first only. Calls emit for each in order, with the user data (valid during the
 * call; with a header, except the only one of other data); a failure of emit ends it. CR_MALFORMED
 * beyond max_segments (1..SMS_SEGMENTS_MAX). */
typedef cr_status (*sms_emit)(void *ctx, uint8_t number, uint8_t count, cr_span ud,
                              struct cr_err *err);
struct sms_cut {
    uint8_t packet; /* IEI */
    bool wide;
    uint16_t reference;
    unsigned max_segments;
};
cr_status sms_segment(const struct sms_cut *cut, cr_span packet, sms_emit emit, void *ctx,
                      struct cr_err *err) CR_MUST_CHECK;
/* How many segments n bytes make. */
size_t sms_segment_count(const struct sms_cut *cut, size_t n);

/* The table of messages that are not complete yet: keyed by sender, reference (and its width) and
 * count. Bounded in messages, bytes and age; when a bound is met the oldest message goes. One
 * thread at a time. */
struct sms_assembler;
struct sms_assembler_limits {
    size_t messages;   /* at the same time; 0 = 8 */
    size_t bytes;      /* of all segments kept; 0 = 16384 */
    unsigned segments; /* of one message; 0 = 255 */
    int64_t age_ms;    /* since its first segment came; 0 = 5 minutes */
};
cr_status sms_assembler_new(const struct sms_assembler_limits *limits, struct sms_assembler **out,
                            struct cr_err *err) CR_MUST_CHECK;
void sms_assembler_free(struct sms_assembler *a); /* wipes; NULL allowed */
size_t sms_assembler_pending(const struct sms_assembler *a);
size_t sms_assembler_bytes(const struct sms_assembler *a);
/* Forgets all (reset of a card). */
void sms_assembler_clear(struct sms_assembler *a);

enum sms_assembly {
    SMS_ASSEMBLED, /* *whole is complete */
    SMS_WAITING,   /* kept; others are missing */
    SMS_DUPLICATE, /* had it, the same bytes; nothing changed */
    SMS_DROPPED /* refused: too large, or other bytes than the segment had that was here under the
                   same number: the message is forgotten, for one of the two is not genuine */
};

/* Takes the user data of one message (a whole one comes back at once, without a table entry). whole
 * is appended: the content of all segments in order, without headers; *packet: IEI 70 or 71 of any
 * segment, or 0. now_ms: any clock that does not run backwards. Status not OK: header broken
 * (CR_MALFORMED) or no memory. */
cr_status sms_assembler_add(struct sms_assembler *a, const struct sms_address *sender,
                            bool has_header, cr_span ud, int64_t now_ms, enum sms_assembly *result,
                            uint8_t *packet, cr_buf *whole, struct cr_err *err) CR_MUST_CHECK;

#endif
