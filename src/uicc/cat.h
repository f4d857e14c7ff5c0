/*
 * The coding of the Card Application Toolkit (ETSI TS 102 223, 3GPP TS 31.111; tags of ETSI TS 101
 * 220 7.2): proactive commands, TERMINAL RESPONSE, ENVELOPE, TERMINAL PROFILE.
 *
 * Both sides stand on it: the card (uicc/toolkit.h, uicc/bip.h) and whoever plays a terminal. Pure:
 * no state, nothing allocated but in the caller's buffers. What is read points into the input.
 *
 * Two kinds of TLV meet here. The outer ones (D0 proactive command, D1.. ENVELOPE) have one tag
 * byte and a BER length. The COMPREHENSION-TLVs inside have a 7 bit tag whose bit 8 says
 * "comprehension required"; this header names tags without that bit, and readers find both.
 *
 *     struct cat_command c;
 *     CR_TRY(cat_command_read(fetched, &c, err));
 *     if (c.type == CAT_SEND_SHORT_MESSAGE && cat_find(c.tlvs, CAT_TAG_SMS_TPDU, &tpdu)) ...
 *     cat_response_begin(&out, &c, CAT_RESULT_OK, (cr_span){0});
 *     cat_put_byte(&out, CAT_TAG_CHANNEL_DATA_LENGTH, 0xFF);
 */
#ifndef CRISP_UICC_CAT_H
#define CRISP_UICC_CAT_H

#include "base/buf.h"
#include "base/error.h"

#define CAT_MAX_TLVS 64  /* COMPREHENSION-TLVs of one object that a reader accepts */
#define CAT_MAX_DATA 255 /* bytes of an ENVELOPE or TERMINAL RESPONSE: Lc is one byte */
#define CAT_MAX_COMMAND                                                                            \
    256 /* bytes of a proactive command, D0 and length counted: FETCH has one                      \
           byte of Le, 00 = 256 */
#define CAT_MAX_SEND      240 /* bytes of channel data in one SEND DATA of at most 255 bytes */
#define CAT_MAX_RECEIVE   237 /* bytes of channel data in one TERMINAL RESPONSE of 255 bytes */
#define CAT_MAX_PROFILE   255 /* bytes of TERMINAL PROFILE */
#define CAT_TIMERS        8
#define CAT_CHANNELS      7
#define CAT_MAX_TIMER     86399 /* seconds: 23:59:59 */
#define CAT_COMPREHENSION 0x80  /* to be or'ed to a tag that is written */

/* Outer tags. */
enum {
    CAT_PROACTIVE = 0xD0,
    CAT_SMS_PP_DOWNLOAD = 0xD1,
    CAT_CELL_BROADCAST_DOWNLOAD = 0xD2,
    CAT_MENU_SELECTION = 0xD3,
    CAT_CALL_CONTROL = 0xD4,
    CAT_MO_SMS_CONTROL = 0xD5,
    CAT_EVENT_DOWNLOAD = 0xD6,
    CAT_TIMER_EXPIRATION = 0xD7,
    CAT_USSD_DOWNLOAD = 0xD9,
    CAT_MMS_TRANSFER_STATUS = 0xDA,
    CAT_MMS_NOTIFICATION = 0xDB,
    CAT_TERMINAL_APPLICATION = 0xDC,
    CAT_GEOGRAPHICAL_LOCATION = 0xDD,
    CAT_ENVELOPE_CONTAINER = 0xDE,
    CAT_PROSE_REPORT = 0xDF
};

/* Types of proactive commands (TS 102 223 9.4): those the code names; all have rows in the table
 * behind cat_command_name(). */
enum {
    CAT_REFRESH = 0x01,
    CAT_MORE_TIME = 0x02,
    CAT_POLL_INTERVAL = 0x03,
    CAT_POLLING_OFF = 0x04,
    CAT_SET_UP_EVENT_LIST = 0x05,
    CAT_SEND_SHORT_MESSAGE = 0x13,
    CAT_DISPLAY_TEXT = 0x21,
    CAT_SET_UP_MENU = 0x25,
    CAT_PROVIDE_LOCAL_INFORMATION = 0x26,
    CAT_TIMER_MANAGEMENT = 0x27,
    CAT_OPEN_CHANNEL = 0x40,
    CAT_CLOSE_CHANNEL = 0x41,
    CAT_RECEIVE_DATA = 0x42,
    CAT_SEND_DATA = 0x43,
    CAT_GET_CHANNEL_STATUS = 0x44
};

/* Command qualifiers (TS 102 223 8.6). */
enum {
    CAT_REFRESH_INIT_FULL_CHANGE = 0x00,
    CAT_REFRESH_FILE_CHANGE = 0x01,
    CAT_REFRESH_INIT_FILE_CHANGE = 0x02,
    CAT_REFRESH_INIT = 0x03,
    CAT_REFRESH_UICC_RESET = 0x04,
    CAT_REFRESH_APPLICATION_RESET = 0x05,
    CAT_REFRESH_SESSION_RESET = 0x06,
    CAT_REFRESH_STEERING = 0x07,
    CAT_REFRESH_STEERING_IWLAN = 0x08,
    CAT_REFRESH_PROFILE_STATE = 0x09,
    CAT_REFRESH_APPLICATION_UPDATE = 0x0A,

    CAT_LOCAL_LOCATION = 0x00,
    CAT_LOCAL_IMEI = 0x01,
    CAT_LOCAL_NMR = 0x02,
    CAT_LOCAL_DATE_TIME = 0x03,
    CAT_LOCAL_LANGUAGE = 0x04,
    CAT_LOCAL_TIMING_ADVANCE = 0x05,
    CAT_LOCAL_ACCESS_TECHNOLOGY = 0x06,
    CAT_LOCAL_ESN = 0x07,
    CAT_LOCAL_IMEISV = 0x08,
    CAT_LOCAL_SEARCH_MODE = 0x09,
    CAT_LOCAL_BATTERY = 0x0A,
    CAT_LOCAL_MEID = 0x0B,

    CAT_TIMER_START = 0x00,
    CAT_TIMER_DEACTIVATE = 0x01,
    CAT_TIMER_GET = 0x02,

    CAT_OPEN_ON_DEMAND = 0x00, /* bits of OPEN CHANNEL */
    CAT_OPEN_IMMEDIATE = 0x01,
    CAT_OPEN_RECONNECT = 0x02,
    CAT_OPEN_BACKGROUND = 0x04,
    CAT_OPEN_WANTS_DNS = 0x08, /* the answer shall name DNS servers (CAT_TAG_DNS_SERVER) */

    CAT_SEND_STORE = 0x00,
    CAT_SEND_IMMEDIATELY = 0x01
};

/* COMPREHENSION-TLV tags (TS 101 220 table 7.23) that the code names; all have rows in the table
 * behind cat_tag_name(). */
enum {
    CAT_TAG_COMMAND_DETAILS = 0x01,
    CAT_TAG_DEVICE_IDENTITIES = 0x02,
    CAT_TAG_RESULT = 0x03,
    CAT_TAG_DURATION = 0x04,
    CAT_TAG_ALPHA = 0x05,
    CAT_TAG_ADDRESS = 0x06,
    CAT_TAG_SMS_TPDU = 0x0B,
    CAT_TAG_TEXT = 0x0D,
    CAT_TAG_ITEM = 0x0F,
    CAT_TAG_ITEM_ID = 0x10,
    CAT_TAG_FILE_LIST = 0x12,
    CAT_TAG_LOCATION = 0x13,
    CAT_TAG_IMEI = 0x14,
    CAT_TAG_EVENT_LIST = 0x19,
    CAT_TAG_LOCATION_STATUS = 0x1B,
    CAT_TAG_TIMER_ID = 0x24,
    CAT_TAG_TIMER_VALUE = 0x25,
    CAT_TAG_DATE_TIME = 0x26,
    CAT_TAG_AID = 0x2F,
    CAT_TAG_BEARER = 0x35,
    CAT_TAG_CHANNEL_DATA = 0x36,
    CAT_TAG_CHANNEL_DATA_LENGTH = 0x37,
    CAT_TAG_CHANNEL_STATUS = 0x38,
    CAT_TAG_BUFFER_SIZE = 0x39,
    CAT_TAG_TRANSPORT = 0x3C,
    CAT_TAG_OTHER_ADDRESS = 0x3E, /* local address, data destination address */
    CAT_TAG_ACCESS_TECHNOLOGY = 0x3F,
    CAT_TAG_DNS_SERVER = 0x40, /* in the answer to OPEN CHANNEL; display parameters elsewhere */
    CAT_TAG_NETWORK_ACCESS_NAME = 0x47
};

/* Devices (TS 102 223 8.7). Channel n of the terminal is CAT_DEVICE_CHANNEL + n (21..27). */
enum {
    CAT_DEVICE_KEYPAD = 0x01,
    CAT_DEVICE_DISPLAY = 0x02,
    CAT_DEVICE_EARPIECE = 0x03,
    CAT_DEVICE_CHANNEL = 0x20,
    CAT_DEVICE_UICC = 0x81,
    CAT_DEVICE_TERMINAL = 0x82,
    CAT_DEVICE_NETWORK = 0x83
};

/* Events (TS 102 223 8.25). */
enum {
    CAT_EVENT_MT_CALL = 0x00,
    CAT_EVENT_CALL_CONNECTED = 0x01,
    CAT_EVENT_CALL_DISCONNECTED = 0x02,
    CAT_EVENT_LOCATION_STATUS = 0x03,
    CAT_EVENT_USER_ACTIVITY = 0x04,
    CAT_EVENT_IDLE_SCREEN = 0x05,
    CAT_EVENT_LANGUAGE = 0x07,
    CAT_EVENT_DATA_AVAILABLE = 0x09,
    CAT_EVENT_CHANNEL_STATUS = 0x0A,
    CAT_EVENT_ACCESS_TECHNOLOGY = 0x0B,
    CAT_EVENT_NETWORK_REJECTION = 0x12,
    CAT_EVENTS = 0x20 /* events are below this: a set of them is a uint32_t */
};
#define CAT_EVENT_BIT(event) ((uint32_t)1 << (event))

/* Location status (8.27). */
enum { CAT_SERVICE_NORMAL = 0x00, CAT_SERVICE_LIMITED = 0x01, CAT_SERVICE_NONE = 0x02 };

/* General results (8.12). */
enum {
    CAT_RESULT_OK = 0x00,
    CAT_RESULT_PARTIAL = 0x01,
    CAT_RESULT_MISSING_INFORMATION = 0x02,
    CAT_RESULT_MODIFIED = 0x07,
    CAT_RESULT_LAST_SUCCESS = 0x0F,
    CAT_RESULT_TERMINAL_BUSY = 0x20,
    CAT_RESULT_NETWORK_BUSY = 0x21,
    CAT_RESULT_TIMER_CONTRADICTION = 0x24,
    CAT_RESULT_BEYOND_CAPABILITIES = 0x30,
    CAT_RESULT_TYPE_NOT_UNDERSTOOD = 0x31,
    CAT_RESULT_DATA_NOT_UNDERSTOOD = 0x32,
    CAT_RESULT_VALUES_MISSING = 0x36,
    CAT_RESULT_BIP = 0x3A
};

/* Additional information of 20 (8.12.2). */
#define CAT_INFO_NO_SERVICE 0x04

/* Additional information of CAT_RESULT_BIP (8.12.11). */
enum {
    CAT_BIP_NO_CAUSE = 0x00,
    CAT_BIP_NO_CHANNEL = 0x01,
    CAT_BIP_CHANNEL_CLOSED = 0x02,
    CAT_BIP_WRONG_CHANNEL = 0x03,
    CAT_BIP_BUFFER_SIZE = 0x04,
    CAT_BIP_SECURITY = 0x05,
    CAT_BIP_TRANSPORT = 0x06,
    CAT_BIP_NOT_REACHABLE = 0x07,
    CAT_BIP_SERVICE = 0x08,
    CAT_BIP_SERVICE_UNKNOWN = 0x09,
    CAT_BIP_PORT = 0x10
};

/* Bits of TERMINAL PROFILE (5.2), counted from 1: bit 1 is the lowest of the first byte. */
enum {
    CAT_PROFILE_SMS_PP_DOWNLOAD = 2,
    CAT_PROFILE_MENU_SELECTION = 4,
    CAT_PROFILE_TIMER_EXPIRATION = 6,
    CAT_PROFILE_REFRESH = 24,
    CAT_PROFILE_SEND_SHORT_MESSAGE = 26,
    CAT_PROFILE_LOCAL_INFORMATION = 31,
    CAT_PROFILE_EVENT_LIST = 33,
    CAT_PROFILE_TIMER_START = 57,
    CAT_PROFILE_TIMER_GET = 58,
    CAT_PROFILE_OPEN_CHANNEL = 89,
    CAT_PROFILE_GPRS = 98,
    CAT_PROFILE_TCP_CLIENT = 129,
    CAT_PROFILE_UDP_CLIENT = 130
};

/* --- names: NULL when the value has none -------------------------------------------------------
 */

const char *cat_tag_name(unsigned tag);      /* "Device identities"; bit 8 does not matter */
const char *cat_outer_name(unsigned tag);    /* D0.. DF: "SMS-PP download" */
const char *cat_command_name(unsigned type); /* "OPEN CHANNEL" */
const char *cat_qualifier_name(unsigned type, unsigned qualifier); /* of a command type */
const char *cat_device_name(unsigned device);                      /* "terminal", "channel 1" */
const char *cat_event_name(unsigned event);
const char *cat_result_name(unsigned result);
const char *cat_result_info_name(unsigned result, unsigned info); /* its additional information */
const char *cat_profile_name(unsigned bit);                       /* of TERMINAL PROFILE */

/* --- TERMINAL PROFILE --------------------------------------------------------------------------
 */

/* False for bits behind the end of profile. */
bool cat_profile_bit(cr_span profile, unsigned bit);
/* Whether the terminal offers a command with this qualifier. True for types that TERMINAL PROFILE
 * has no bit for. transport: of OPEN CHANNEL, else 0. */
bool cat_profile_offers(cr_span profile, uint8_t type, uint8_t qualifier);
bool cat_profile_offers_event(cr_span profile, unsigned event);
bool cat_profile_offers_transport(cr_span profile, uint8_t transport);
/* Sets a bit, for those who write a profile of size bytes. */
void cat_profile_set(uint8_t *profile, size_t size, unsigned bit);

/* --- COMPREHENSION-TLVs ------------------------------------------------------------------------
 */

struct cat_tlv {
    unsigned tag; /* without the comprehension bit; of the three byte form: its 15 bits */
    bool comprehension;
    cr_span value;
    cr_span all;
};

/* Takes one from the front of *in. CR_MALFORMED: cut off, a length in another form than one byte,
 * 81, 82 or 83, the tags 00, 80 and FF. Outputs written only on CR_OK. */
cr_status cat_next(cr_span *in, struct cat_tlv *out, struct cr_err *err) CR_MUST_CHECK;
/* The first with this tag; false when absent or something before it is malformed. */
bool cat_find(cr_span tlvs, unsigned tag, cr_span *value);
/* The first one behind a value that cat_find() gave. */
bool cat_find_next(cr_span tlvs, unsigned tag, cr_span after, cr_span *value);
/* Value of exactly one byte. */
bool cat_find_byte(cr_span tlvs, unsigned tag, uint8_t *value);

/* Writing, tags of one byte: as given (or CAT_COMPREHENSION to it), the length in one byte or as
 * 81 xx, 82 xxxx. */
void cat_put(cr_buf *b, unsigned tag, cr_span value);
void cat_put_byte(cr_buf *b, unsigned tag, uint8_t value);

/* --- proactive commands ------------------------------------------------------------------------
 */

struct cat_command {
    uint8_t number, type, qualifier; /* command details */
    uint8_t source, target;          /* device identities */
    cr_span tlvs;                    /* all COMPREHENSION-TLVs, command details included */
};

/* Reads a whole D0 TLV. CR_MALFORMED: no D0, trailing bytes, TLVs that do not add up, command
 * details or device identities missing or of another size. The type may be any. */
cr_status cat_command_read(cr_span tlv, struct cat_command *out, struct cr_err *err) CR_MUST_CHECK;

/* Writes D0, command details and device identities; the command's other TLVs are appended by the
 * caller, cat_end() sets the length:
 *     size_t mark = cat_command_begin(&b, &(struct cat_command){.number = 1, ...});
 *     cat_put(&b, CAT_TAG_EVENT_LIST | CAT_COMPREHENSION, list);
 *     cat_end(&b, mark);
 * source and target 0 stand for UICC and terminal. */
size_t cat_command_begin(cr_buf *b, const struct cat_command *command);
void cat_end(cr_buf *b, size_t mark);

/* --- TERMINAL RESPONSE -------------------------------------------------------------------------
 */

struct cat_response {
    uint8_t number, type, qualifier;
    uint8_t result; /* general result */
    cr_span info;   /* its additional information, may be empty */
    cr_span tlvs;   /* all, the above included */
};

/* The data field. CR_MALFORMED as for commands; device identities may be missing (terminals of old
 * leave them out), command details and result may not. */
cr_status cat_response_read(cr_span data, struct cat_response *out,
                            struct cr_err *err) CR_MUST_CHECK;
/* Writes command details, device identities (terminal to UICC) and result of the answer to command;
 * further TLVs are appended by the caller. */
void cat_response_begin(cr_buf *b, const struct cat_command *command, uint8_t result, cr_span info);

/* 00..0F: the command was performed. */
static inline bool cat_result_success(uint8_t result)
{
    return result <= CAT_RESULT_LAST_SUCCESS;
}
/* 20, 21: the same command may succeed later. */
static inline bool cat_result_busy(uint8_t result)
{
    return result == CAT_RESULT_TERMINAL_BUSY || result == CAT_RESULT_NETWORK_BUSY;
}

/* --- ENVELOPE ----------------------------------------------------------------------------------
 */

struct cat_envelope {
    uint8_t tag;            /* D1.. */
    uint8_t source, target; /* 0 when there are no device identities */
    cr_span tlvs;           /* contents */
};

/* The data field: one outer TLV, nothing behind it, contents that add up. D0 is none. */
cr_status cat_envelope_read(cr_span data, struct cat_envelope *out,
                            struct cr_err *err) CR_MUST_CHECK;
/* Writes the outer tag; contents are appended by the caller, then cat_end(). */
size_t cat_envelope_begin(cr_buf *b, uint8_t tag);

/* Whole ENVELOPEs as terminals send them. */
void cat_envelope_sms_pp(cr_buf *b, cr_span smsc,
                         cr_span tpdu); /* smsc: TON/NPI and digits as in
                                           the Address TLV; may be absent */
void cat_envelope_event(cr_buf *b, uint8_t event, uint8_t source, cr_span more); /* more: TLVs */
void cat_envelope_timer(cr_buf *b, uint8_t timer, uint32_t seconds);
void cat_envelope_menu(cr_buf *b, uint8_t item);
void cat_envelope_data_available(cr_buf *b, const uint8_t status[2], uint8_t length);
void cat_envelope_channel_status(cr_buf *b, const uint8_t status[2]);

/* D6: the event and its data. False: no event list of exactly one byte. */
bool cat_envelope_event_of(const struct cat_envelope *envelope, uint8_t *event);

/* --- values ------------------------------------------------------------------------------------
 */

/* Timer value and the like: hour, minute, second, BCD with swapped nibbles (8.38). */
void cat_timer_write(uint8_t out[3], uint32_t seconds);
bool cat_timer_read(cr_span value, uint32_t *seconds);

/* Duration (8.8): unit and count. Written in the unit that says it exactly or rounds up; at most
 * 255 minutes. */
void cat_duration_write(uint8_t out[2], uint32_t seconds);
bool cat_duration_read(cr_span value, uint32_t *tenths); /* in tenths of seconds */

/* Network access name: "internet.example" <-> labels with length bytes. CR_REFUSED: a label of 0 or
 * more than 63 bytes, more than 100 in all. Reading: false when the labels do not add up. */
#define CAT_MAX_NAN 100
cr_status cat_nan_write(cr_buf *out, cr_span text, struct cr_err *err) CR_MUST_CHECK;
bool cat_nan_read(cr_span value, char out[CAT_MAX_NAN + 1]);

enum {
    CAT_TRANSPORT_UDP_CLIENT = 0x01,
    CAT_TRANSPORT_TCP_CLIENT = 0x02,
    CAT_TRANSPORT_TCP_SERVER = 0x03,
    CAT_TRANSPORT_UDP_LOCAL = 0x04,
    CAT_TRANSPORT_TCP_LOCAL = 0x05,
    CAT_TRANSPORT_DIRECT = 0x06
};
enum { CAT_ADDRESS_IPV4 = 0x21, CAT_ADDRESS_IPV6 = 0x57 };

/* What OPEN CHANNEL says, and with the same TLVs a push SMS (TS 102 226), the trigger of an HTTPS
 * session and stored connectivity parameters. Spans are the values of the TLVs. */
struct cat_channel {
    cr_span alpha;         /* 05; absent = none */
    cr_span bearer;        /* 35: bearer type and parameters; 03 = the network's default */
    uint16_t buffer_size;  /* 39; 0 = not given */
    cr_span nan;           /* 47: labels; absent = none */
    cr_span local_address; /* 3E before 3C: type and address, empty = dynamic; absent = none */
    cr_span login;         /* 0D: coding byte and text; absent = none */
    cr_span password;      /* 0D, the second one. Secret: wiped by who owns the bytes */
    uint8_t transport;     /* 3C; 0 = none */
    uint16_t port;
    cr_span address; /* 3E: type and address (CAT_ADDRESS_IPV4 and 4 bytes ..) of the destination;
                        absent = none */
};

/* From TLVs in any order, unknown ones skipped. A 3E before 3C is the local address when another
 * one follows, else the destination. CR_MALFORMED: TLVs that do not add up, wrong sizes. Nothing
 * is mandatory here. */
cr_status cat_channel_read(cr_span tlvs, struct cat_channel *out, struct cr_err *err) CR_MUST_CHECK;
/* Appends the TLVs that are set, in the order of OPEN CHANNEL (6.6.27). */
void cat_channel_put(cr_buf *b, const struct cat_channel *channel);

/* Channel status (8.56): first byte bit 8 = link up, low 3 bits = channel; second byte: 00, or 05 =
 * link dropped. */
struct cat_channel_status {
    uint8_t channel; /* 0..7 */
    bool up;
    uint8_t info;
};
#define CAT_LINK_DROPPED 0x05
bool cat_channel_status_read(cr_span value, struct cat_channel_status *out);
void cat_channel_status_write(uint8_t out[2], const struct cat_channel_status *status);

/* --- for people --------------------------------------------------------------------------------
 */

/* Each appends one line without its end: "OPEN CHANNEL #1 immediate: bearer 03, buffer 1280, TCP
 * 192.0.2.10:8443". Malformed input is said in the line (and false given); bytes of texts are
 * cleaned. Logins and passwords are not shown. */
bool cat_print_command(cr_buf *out, cr_span tlv);     /* D0 */
bool cat_print_response(cr_buf *out, cr_span data);   /* data field of TERMINAL RESPONSE */
bool cat_print_envelope(cr_buf *out, cr_span data);   /* data field of ENVELOPE */
bool cat_print_profile(cr_buf *out, cr_span profile); /* data field of TERMINAL PROFILE: names of
                                                         the bits set, as many as are known */

#endif
