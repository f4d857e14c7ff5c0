/*
 * Names and numbers of the toolkit, as tables (TS 102 223 clauses 5.2, 8, 9; TS 31.111; TS 101 220
 * 7.2).
 */
#include "uicc/cat.h"

struct row {
    unsigned value;
    const char *name;
};

static const char *name_in(const struct row *rows, size_t n, unsigned value)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i].value == value) {
            return rows[i].name;
        }
    }
    return NULL;
}

#define NAME_IN(rows, value) name_in((rows), CR_COUNT(rows), (value))

static const struct row tags[] = {
    {0x01, "Command details"},
    {0x02, "Device identities"},
    {0x03, "Result"},
    {0x04, "Duration"},
    {0x05, "Alpha identifier"},
    {0x06, "Address"},
    {0x07, "Capability configuration parameters"},
    {0x08, "Subaddress"},
    {0x09, "SS string"},
    {0x0A, "USSD string"},
    {0x0B, "SMS TPDU"},
    {0x0C, "Cell broadcast page"},
    {0x0D, "Text string"},
    {0x0E, "Tone"},
    {0x0F, "Item"},
    {0x10, "Item identifier"},
    {0x11, "Response length"},
    {0x12, "File list"},
    {0x13, "Location information"},
    {0x14, "IMEI"},
    {0x15, "Help request"},
    {0x16, "Network measurement results"},
    {0x17, "Default text"},
    {0x18, "Items next action indicator"},
    {0x19, "Event list"},
    {0x1A, "Cause"},
    {0x1B, "Location status"},
    {0x1C, "Transaction identifier"},
    {0x1D, "BCCH channel list"},
    {0x1E, "Icon identifier"},
    {0x1F, "Item icon identifier list"},
    {0x20, "Card reader status"},
    {0x21, "Card ATR"},
    {0x22, "C-APDU"},
    {0x23, "R-APDU"},
    {0x24, "Timer identifier"},
    {0x25, "Timer value"},
    {0x26, "Date-time and time zone"},
    {0x27, "Call control requested action"},
    {0x28, "AT command"},
    {0x29, "AT response"},
    {0x2A, "BC repeat indicator"},
    {0x2B, "Immediate response"},
    {0x2C, "DTMF string"},
    {0x2D, "Language"},
    {0x2E, "Timing advance"},
    {0x2F, "AID"},
    {0x30, "Browser identity"},
    {0x31, "URL"},
    {0x32, "Bearer"},
    {0x33, "Provisioning reference file"},
    {0x34, "Browser termination cause"},
    {0x35, "Bearer description"},
    {0x36, "Channel data"},
    {0x37, "Channel data length"},
    {0x38, "Channel status"},
    {0x39, "Buffer size"},
    {0x3A, "Card reader identifier"},
    {0x3B, "File update information"},
    {0x3C, "UICC/terminal interface transport level"},
    {0x3E, "Other address"},
    {0x3F, "Access technology"},
    {0x40, "Display parameters / DNS server address"},
    {0x41, "Service record"},
    {0x42, "Device filter"},
    {0x43, "Service search"},
    {0x44, "Attribute information"},
    {0x45, "Service availability"},
    {0x46, "ESN"},
    {0x47, "Network access name"},
    {0x48, "CDMA-SMS-TPDU"},
    {0x49, "Remote entity address"},
    {0x4A, "I-WLAN identifier"},
    {0x4B, "I-WLAN access status"},
    {0x50, "Text attribute"},
    {0x51, "Item text attribute list"},
    {0x52, "PDP context activation parameters"},
    {0x53, "Contactless state request"},
    {0x54, "Contactless functionality state"},
    {0x55, "CSG cell selection status"},
    {0x56, "CSG identifier"},
    {0x57, "HNB name"},
    {0x62, "IMEISV"},
    {0x63, "Battery state"},
    {0x64, "Browsing status"},
    {0x65, "Network search mode"},
    {0x66, "Frame layout"},
    {0x67, "Frames information"},
    {0x68, "Frame identifier"},
    {0x69, "Measurement qualifier"},
    {0x6A, "Multimedia message reference"},
    {0x6B, "Multimedia message identifier"},
    {0x6C, "Multimedia message transfer status"},
    {0x6D, "MEID"},
    {0x6E, "Multimedia message content identifier"},
    {0x6F, "Multimedia message notification"},
    {0x70, "Last envelope"},
    {0x71, "Registry application data"},
    {0x72, "PLMNwAcT list"},
    {0x73, "Routing area information"},
    {0x74, "Update/attach type"},
    {0x75, "Rejection cause code"},
    {0x76, "Geographical location parameters"},
    {0x77, "GAD shapes"},
    {0x78, "NMEA sentence"},
    {0x79, "PLMN list"},
    {0x7A, "Broadcast network information"},
    {0x7B, "ACTIVATE descriptor"},
    {0x7C, "EPS PDN connection activation parameters"},
    {0x7D, "Tracking area identification"},
    {0x7E, "CSG identifier list"},
};

static const struct row outer[] = {
    {CAT_PROACTIVE, "proactive command"},
    {CAT_SMS_PP_DOWNLOAD, "SMS-PP download"},
    {CAT_CELL_BROADCAST_DOWNLOAD, "cell broadcast download"},
    {CAT_MENU_SELECTION, "menu selection"},
    {CAT_CALL_CONTROL, "call control"},
    {CAT_MO_SMS_CONTROL, "MO short message control"},
    {CAT_EVENT_DOWNLOAD, "event download"},
    {CAT_TIMER_EXPIRATION, "timer expiration"},
    {CAT_USSD_DOWNLOAD, "USSD download"},
    {CAT_MMS_TRANSFER_STATUS, "MMS transfer status"},
    {CAT_MMS_NOTIFICATION, "MMS notification download"},
    {CAT_TERMINAL_APPLICATION, "terminal application"},
    {CAT_GEOGRAPHICAL_LOCATION, "geographical location reporting"},
    {CAT_ENVELOPE_CONTAINER, "envelope container"},
    {CAT_PROSE_REPORT, "ProSe report"},
};

#define ANY       0xFFFF /* all qualifiers that have no row of their own */
#define BIT(b, n) (((b)-1) * 8 + (n))

/* Commands, the bit of TERMINAL PROFILE that offers them, and their qualifiers. Rows of a type are
 * together, ANY first (0 = no bit). */
static const struct {
    uint8_t type;
    uint16_t qualifier;
    uint16_t bit;
    const char *name; /* of the command when ANY, else of the qualifier */
} commands[] = {
    {CAT_REFRESH, ANY, BIT(3, 8), "REFRESH"},
    {CAT_REFRESH, CAT_REFRESH_INIT_FULL_CHANGE, BIT(3, 8),
     "NAA initialization and full file change"},
    {CAT_REFRESH, CAT_REFRESH_FILE_CHANGE, BIT(3, 8), "file change"},
    {CAT_REFRESH, CAT_REFRESH_INIT_FILE_CHANGE, BIT(3, 8), "NAA initialization and file change"},
    {CAT_REFRESH, CAT_REFRESH_INIT, BIT(3, 8), "NAA initialization"},
    {CAT_REFRESH, CAT_REFRESH_UICC_RESET, BIT(3, 8), "UICC reset"},
    {CAT_REFRESH, CAT_REFRESH_APPLICATION_RESET, BIT(3, 8), "NAA application reset"},
    {CAT_REFRESH, CAT_REFRESH_SESSION_RESET, BIT(3, 8), "NAA session reset"},
    {CAT_REFRESH, CAT_REFRESH_STEERING, BIT(30, 4), "steering of roaming"},
    {CAT_REFRESH, CAT_REFRESH_STEERING_IWLAN, BIT(30, 8), "steering of roaming for I-WLAN"},
    {CAT_REFRESH, CAT_REFRESH_PROFILE_STATE, BIT(34, 6), "eUICC profile state change"},
    {CAT_REFRESH, CAT_REFRESH_APPLICATION_UPDATE, BIT(35, 4), "application update"},
    {CAT_MORE_TIME, ANY, BIT(3, 4), "MORE TIME"},
    {CAT_POLL_INTERVAL, ANY, BIT(3, 6), "POLL INTERVAL"},
    {CAT_POLLING_OFF, ANY, BIT(3, 7), "POLLING OFF"},
    {CAT_SET_UP_EVENT_LIST, ANY, BIT(5, 1), "SET UP EVENT LIST"},
    {0x10, ANY, BIT(4, 5), "SET UP CALL"},
    {0x11, ANY, BIT(4, 3), "SEND SS"},
    {0x12, ANY, BIT(4, 4), "SEND USSD"},
    {CAT_SEND_SHORT_MESSAGE, ANY, BIT(4, 2), "SEND SHORT MESSAGE"},
    {CAT_SEND_SHORT_MESSAGE, 0x01, BIT(4, 2), "packing required"},
    {0x14, ANY, BIT(9, 2), "SEND DTMF"},
    {0x15, ANY, BIT(9, 7), "LAUNCH BROWSER"},
    {0x16, ANY, BIT(30, 6), "GEOGRAPHICAL LOCATION REQUEST"},
    {0x20, ANY, BIT(3, 5), "PLAY TONE"},
    {CAT_DISPLAY_TEXT, ANY, BIT(3, 1), "DISPLAY TEXT"},
    {CAT_DISPLAY_TEXT, 0x01, BIT(3, 1), "high priority"},
    {CAT_DISPLAY_TEXT, 0x80, BIT(3, 1), "wait for user to clear"},
    {CAT_DISPLAY_TEXT, 0x81, BIT(3, 1), "high priority, wait for user to clear"},
    {0x22, ANY, BIT(3, 2), "GET INKEY"},
    {0x23, ANY, BIT(3, 3), "GET INPUT"},
    {0x24, ANY, BIT(4, 1), "SELECT ITEM"},
    {CAT_SET_UP_MENU, ANY, BIT(4, 6), "SET UP MENU"},
    {CAT_PROVIDE_LOCAL_INFORMATION, ANY, 0, "PROVIDE LOCAL INFORMATION"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_LOCATION, BIT(4, 7), "location"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_IMEI, BIT(4, 7), "IMEI"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_NMR, BIT(4, 8), "network measurement results"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_DATE_TIME, BIT(8, 3), "date, time and time zone"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_LANGUAGE, BIT(9, 4), "language"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_TIMING_ADVANCE, BIT(9, 5), "timing advance"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_ACCESS_TECHNOLOGY, BIT(9, 8), "access technology"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_ESN, BIT(18, 5), "ESN"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_IMEISV, BIT(18, 7), "IMEISV"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_SEARCH_MODE, BIT(18, 8), "search mode"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_BATTERY, BIT(22, 2), "battery state"},
    {CAT_PROVIDE_LOCAL_INFORMATION, CAT_LOCAL_MEID, BIT(23, 6), "MEID"},
    {CAT_TIMER_MANAGEMENT, ANY, BIT(8, 1), "TIMER MANAGEMENT"},
    {CAT_TIMER_MANAGEMENT, CAT_TIMER_START, BIT(8, 1), "start"},
    {CAT_TIMER_MANAGEMENT, CAT_TIMER_DEACTIVATE, BIT(8, 1), "deactivate"},
    {CAT_TIMER_MANAGEMENT, CAT_TIMER_GET, BIT(8, 2), "get current value"},
    {0x28, ANY, BIT(8, 5), "SET UP IDLE MODE TEXT"},
    {0x30, ANY, BIT(7, 3), "PERFORM CARD APDU"},
    {0x31, ANY, BIT(7, 1), "POWER ON CARD"},
    {0x32, ANY, BIT(7, 2), "POWER OFF CARD"},
    {0x33, ANY, BIT(7, 4), "GET READER STATUS"},
    {0x33, 0x01, BIT(7, 5), "identifier"},
    {0x34, ANY, BIT(8, 6), "RUN AT COMMAND"},
    {0x35, ANY, BIT(9, 6), "LANGUAGE NOTIFICATION"},
    {CAT_OPEN_CHANNEL, ANY, BIT(12, 1), "OPEN CHANNEL"},
    {CAT_OPEN_CHANNEL, CAT_OPEN_ON_DEMAND, BIT(12, 1), "on demand"},
    {CAT_OPEN_CHANNEL, CAT_OPEN_IMMEDIATE, BIT(12, 1), "immediate"},
    {CAT_OPEN_CHANNEL, CAT_OPEN_RECONNECT, BIT(12, 1), "on demand, automatic reconnection"},
    {CAT_OPEN_CHANNEL, CAT_OPEN_IMMEDIATE | CAT_OPEN_RECONNECT, BIT(12, 1),
     "immediate, automatic reconnection"},
    {CAT_OPEN_CHANNEL, CAT_OPEN_BACKGROUND, BIT(12, 1), "on demand, in background"},
    {CAT_OPEN_CHANNEL, CAT_OPEN_IMMEDIATE | CAT_OPEN_BACKGROUND, BIT(12, 1),
     "immediate, in background"},
    {CAT_OPEN_CHANNEL, CAT_OPEN_IMMEDIATE | CAT_OPEN_WANTS_DNS, BIT(33, 1),
     "immediate, DNS servers wanted"},
    {CAT_OPEN_CHANNEL, CAT_OPEN_WANTS_DNS, BIT(33, 1), "on demand, DNS servers wanted"},
    {CAT_CLOSE_CHANNEL, ANY, BIT(12, 2), "CLOSE CHANNEL"},
    {CAT_RECEIVE_DATA, ANY, BIT(12, 3), "RECEIVE DATA"},
    {CAT_SEND_DATA, ANY, BIT(12, 4), "SEND DATA"},
    {CAT_SEND_DATA, CAT_SEND_STORE, BIT(12, 4), "store"},
    {CAT_SEND_DATA, CAT_SEND_IMMEDIATELY, BIT(12, 4), "immediately"},
    {CAT_GET_CHANNEL_STATUS, ANY, BIT(12, 5), "GET CHANNEL STATUS"},
    {0x45, ANY, BIT(12, 6), "SERVICE SEARCH"},
    {0x46, ANY, BIT(12, 7), "GET SERVICE INFORMATION"},
    {0x47, ANY, BIT(12, 8), "DECLARE SERVICE"},
    {0x50, ANY, BIT(23, 1), "SET FRAMES"},
    {0x51, ANY, BIT(23, 2), "GET FRAMES STATUS"},
    {0x60, ANY, BIT(22, 6), "RETRIEVE MULTIMEDIA MESSAGE"},
    {0x61, ANY, BIT(22, 7), "SUBMIT MULTIMEDIA MESSAGE"},
    {0x62, ANY, BIT(22, 8), "DISPLAY MULTIMEDIA MESSAGE"},
    {0x70, ANY, BIT(30, 5), "ACTIVATE"},
    {0x71, ANY, BIT(31, 1), "CONTACTLESS STATE CHANGED"},
    {0x72, ANY, BIT(31, 8), "COMMAND CONTAINER"},
    {0x73, ANY, BIT(31, 8), "ENCAPSULATED SESSION CONTROL"},
    {0x81, ANY, 0, "end of the proactive session"},
};

static const struct {
    uint8_t event;
    uint16_t bit;
    const char *name;
} events[] = {
    {CAT_EVENT_MT_CALL, BIT(5, 2), "MT call"},
    {CAT_EVENT_CALL_CONNECTED, BIT(5, 3), "call connected"},
    {CAT_EVENT_CALL_DISCONNECTED, BIT(5, 4), "call disconnected"},
    {CAT_EVENT_LOCATION_STATUS, BIT(5, 5), "location status"},
    {CAT_EVENT_USER_ACTIVITY, BIT(5, 6), "user activity"},
    {CAT_EVENT_IDLE_SCREEN, BIT(5, 7), "idle screen available"},
    {0x06, BIT(5, 8), "card reader status"},
    {CAT_EVENT_LANGUAGE, BIT(6, 1), "language selection"},
    {0x08, BIT(6, 2), "browser termination"},
    {CAT_EVENT_DATA_AVAILABLE, BIT(6, 3), "data available"},
    {CAT_EVENT_CHANNEL_STATUS, BIT(6, 4), "channel status"},
    {CAT_EVENT_ACCESS_TECHNOLOGY, BIT(6, 5), "access technology change"},
    {0x0C, BIT(6, 6), "display parameters changed"},
    {0x0D, BIT(6, 7), "local connection"},
    {0x0E, BIT(6, 8), "network search mode change"},
    {0x0F, BIT(25, 1), "browsing status"},
    {0x10, BIT(25, 3), "frames information change"},
    {0x11, BIT(25, 4), "I-WLAN access status"},
    {CAT_EVENT_NETWORK_REJECTION, BIT(25, 5), "network rejection"},
    {0x13, BIT(25, 6), "HCI connectivity"},
    {0x14, BIT(25, 8), "access technology change, multiple"},
    {0x15, BIT(26, 1), "CSG cell selection"},
    {0x16, BIT(26, 2), "contactless state request"},
    {0x17, BIT(31, 7), "IMS registration"},
    {0x18, BIT(31, 6), "incoming IMS data"},
    {0x19, BIT(31, 8), "profile container"},
    {0x1B, BIT(32, 6), "secured profile container"},
    {0x1C, BIT(33, 3), "poll interval negotiation"},
    {0x1D, BIT(35, 3), "data connection status change"},
};

static const struct row results[] = {
    {0x00, "performed"},
    {0x01, "performed with partial comprehension"},
    {0x02, "performed with missing information"},
    {0x03, "REFRESH performed with additional EFs read"},
    {0x04, "performed, but the icon could not be displayed"},
    {0x05, "performed, but modified by call control"},
    {0x06, "performed, limited service"},
    {0x07, "performed with modification"},
    {0x08, "REFRESH performed, but the indicated NAA was not active"},
    {0x09, "performed, tone not played"},
    {0x10, "session terminated by the user"},
    {0x11, "backward move requested by the user"},
    {0x12, "no response from the user"},
    {0x13, "help information required by the user"},
    {0x14, "USSD or SS transaction terminated by the user"},
    {0x20, "terminal currently unable to process the command"},
    {0x21, "network currently unable to process the command"},
    {0x22, "user did not accept the command"},
    {0x23, "user cleared down the call before connection or release"},
    {0x24, "in contradiction with the current timer state"},
    {0x25, "interaction with call control, temporary problem"},
    {0x26, "launch browser error"},
    {0x27, "MMS temporary problem"},
    {0x30, "beyond the terminal's capabilities"},
    {0x31, "command type not understood by the terminal"},
    {0x32, "command data not understood by the terminal"},
    {0x33, "command number not known by the terminal"},
    {0x34, "SS return error"},
    {0x35, "SMS RP-ERROR"},
    {0x36, "required values are missing"},
    {0x37, "USSD return error"},
    {0x38, "multiple card commands error"},
    {0x39, "interaction with call control, permanent problem"},
    {0x3A, "Bearer Independent Protocol error"},
    {0x3B, "access technology unable to process the command"},
    {0x3C, "frames error"},
    {0x3D, "MMS error"},
};

static const struct {
    uint8_t result, info;
    const char *name;
} result_infos[] = {
    {0x20, 0x00, "no specific cause"},
    {0x20, 0x01, "screen is busy"},
    {0x20, 0x02, "busy on call"},
    {0x20, 0x03, "busy on SS transaction"},
    {0x20, 0x04, "no service"},
    {0x20, 0x05, "access control class bar"},
    {0x20, 0x06, "radio resource not granted"},
    {0x20, 0x07, "not in speech call"},
    {0x20, 0x08, "busy on USSD transaction"},
    {0x20, 0x09, "busy on SEND DTMF"},
    {0x20, 0x0A, "no NAA active"},
    {0x26, 0x00, "no specific cause"},
    {0x26, 0x01, "bearer unavailable"},
    {0x26, 0x02, "browser unavailable"},
    {0x26, 0x03, "provisioning data cannot be read"},
    {0x26, 0x04, "default URL unavailable"},
    {0x38, 0x00, "no specific cause"},
    {0x38, 0x01, "card reader removed or not present"},
    {0x38, 0x02, "card removed or not present"},
    {0x38, 0x03, "card reader busy"},
    {0x38, 0x04, "card powered off"},
    {0x38, 0x05, "C-APDU format error"},
    {0x38, 0x06, "mute card"},
    {0x38, 0x07, "transmission error"},
    {0x38, 0x08, "protocol not supported"},
    {0x38, 0x09, "specified reader not valid"},
    {0x39, 0x00, "no specific cause"},
    {0x39, 0x01, "action not allowed"},
    {0x39, 0x02, "the type of request has changed"},
    {0x3A, CAT_BIP_NO_CAUSE, "no specific cause"},
    {0x3A, CAT_BIP_NO_CHANNEL, "no channel available"},
    {0x3A, CAT_BIP_CHANNEL_CLOSED, "channel closed"},
    {0x3A, CAT_BIP_WRONG_CHANNEL, "channel identifier not valid"},
    {0x3A, CAT_BIP_BUFFER_SIZE, "requested buffer size not available"},
    {0x3A, CAT_BIP_SECURITY, "security error"},
    {0x3A, CAT_BIP_TRANSPORT, "transport level not available"},
    {0x3A, CAT_BIP_NOT_REACHABLE, "remote device is not reachable"},
    {0x3A, CAT_BIP_SERVICE, "service error"},
    {0x3A, CAT_BIP_SERVICE_UNKNOWN, "service identifier unknown"},
    {0x3A, CAT_BIP_PORT, "port not available"},
    {0x3A, 0x11, "launch parameters missing or incorrect"},
    {0x3A, 0x12, "application launch failed"},
    {0x3C, 0x00, "no specific cause"},
    {0x3C, 0x01, "frame identifier is not valid"},
    {0x3C, 0x02, "number of frames beyond the terminal's capabilities"},
    {0x3C, 0x03, "no frame defined"},
    {0x3C, 0x04, "requested size not supported"},
    {0x3C, 0x05, "default active frame is not valid"},
};

/* Bits that offer something else than a command or an event. Numbers that are spread over several
 * bits (soft keys, channels, characters, frames) have no names. */
static const struct row profile_bits[] = {
    {BIT(1, 1), "profile download"},
    {BIT(1, 2), "SMS-PP data download"},
    {BIT(1, 3), "cell broadcast data download"},
    {BIT(1, 4), "menu selection"},
    {BIT(1, 5), "SMS-PP data download, 9E response"},
    {BIT(1, 6), "timer expiration"},
    {BIT(1, 7), "USSD string in call control"},
    {BIT(1, 8), "call control in automatic redial mode"},
    {BIT(2, 1), "command result"},
    {BIT(2, 2), "call control by NAA"},
    {BIT(2, 3), "cell identity in call control"},
    {BIT(2, 4), "MO short message control"},
    {BIT(2, 5), "alpha identifier handling"},
    {BIT(2, 6), "UCS2 entry"},
    {BIT(2, 7), "UCS2 display"},
    {BIT(2, 8), "display of extension text"},
    {BIT(8, 4), "GET INKEY"},
    {BIT(8, 7), "SET UP CALL capability"},
    {BIT(8, 8), "call control by NAA, BC repeat"},
    {BIT(9, 1), "DISPLAY TEXT, sustained"},
    {BIT(9, 3), "PROVIDE LOCAL INFORMATION, BCCH list"},
    {BIT(10, 1), "soft keys for SELECT ITEM"},
    {BIT(10, 2), "soft keys for SET UP MENU"},
    {BIT(13, 1), "CSD bearer"},
    {BIT(13, 2), "GPRS bearer"},
    {BIT(13, 3), "Bluetooth bearer"},
    {BIT(13, 4), "IrDA bearer"},
    {BIT(13, 5), "RS232 bearer"},
    {BIT(14, 6), "no display"},
    {BIT(14, 7), "no keypad"},
    {BIT(14, 8), "screen sizing parameters"},
    {BIT(15, 8), "variable size fonts"},
    {BIT(16, 1), "display can be resized"},
    {BIT(16, 2), "text wrapping"},
    {BIT(16, 3), "text scrolling"},
    {BIT(16, 4), "text attributes"},
    {BIT(17, 1), "TCP client"},
    {BIT(17, 2), "UDP client"},
    {BIT(17, 3), "TCP server"},
    {BIT(17, 4), "TCP client, local connection"},
    {BIT(17, 5), "UDP client, local connection"},
    {BIT(17, 6), "direct communication channel"},
    {BIT(17, 7), "E-UTRAN"},
    {BIT(17, 8), "HSDPA"},
    {BIT(18, 1), "DISPLAY TEXT, variable time out"},
    {BIT(18, 2), "GET INKEY, help with immediate response"},
    {BIT(18, 3), "USB bearer"},
    {BIT(18, 4), "GET INKEY, variable time out"},
    {BIT(18, 6), "call control on GPRS"},
    {BIT(21, 1), "WML"},
    {BIT(21, 2), "XHTML"},
    {BIT(21, 3), "HTML"},
    {BIT(21, 4), "CHTML"},
    {BIT(22, 1), "UTRAN PS with extended parameters"},
    {BIT(22, 3), "PLAY TONE, melody and themed tones"},
    {BIT(22, 4), "multimedia calls in SET UP CALL"},
    {BIT(22, 5), "toolkit-initiated GBA"},
    {BIT(23, 3), "MMS notification download"},
    {BIT(23, 4), "alpha identifier in REFRESH"},
    {BIT(23, 5), "geographical location reporting"},
    {BIT(23, 7), "PROVIDE LOCAL INFORMATION, UTRAN and E-UTRAN measurements"},
    {BIT(23, 8), "USSD data download"},
    {BIT(25, 2), "event: MMS transfer status"},
    {BIT(25, 7), "E-UTRAN in network rejection"},
    {BIT(28, 1), "alignment left"},
    {BIT(28, 2), "alignment centre"},
    {BIT(28, 3), "alignment right"},
    {BIT(28, 4), "font size normal"},
    {BIT(28, 5), "font size large"},
    {BIT(28, 6), "font size small"},
    {BIT(29, 1), "style normal"},
    {BIT(29, 2), "style bold"},
    {BIT(29, 3), "style italic"},
    {BIT(29, 4), "style underlined"},
    {BIT(29, 5), "style strikethrough"},
    {BIT(29, 6), "text foreground colour"},
    {BIT(29, 7), "text background colour"},
    {BIT(30, 1), "I-WLAN bearer"},
    {BIT(30, 2), "PROVIDE LOCAL INFORMATION, WSID"},
    {BIT(30, 3), "terminal applications"},
    {BIT(30, 7), "PROVIDE LOCAL INFORMATION, broadcast network information"},
    {BIT(31, 2), "CSG cell discovery"},
    {BIT(31, 3), "confirmation parameters in server mode"},
    {BIT(31, 4), "communication control for IMS"},
    {BIT(31, 5), "CAT over the modem interface"},
    {BIT(32, 1), "IMS bearer"},
    {BIT(32, 2), "PROVIDE LOCAL INFORMATION, H(e)NB IP address"},
    {BIT(32, 3), "PROVIDE LOCAL INFORMATION, H(e)NB macrocells"},
    {BIT(32, 4), "launch parameters in server mode"},
    {BIT(32, 5), "direct communication channel in server mode"},
    {BIT(32, 7), "CAT service list for eCAT client"},
    {BIT(32, 8), "refresh enforcement policy"},
    {BIT(33, 1), "DNS server address request"},
    {BIT(33, 2), "network access name reuse"},
    {BIT(33, 4), "ProSe usage information reporting"},
    {BIT(33, 5), "PROVIDE LOCAL INFORMATION, supported access technologies"},
    {BIT(33, 6), "event: WLAN access status"},
    {BIT(33, 7), "WLAN bearer"},
    {BIT(33, 8), "PROVIDE LOCAL INFORMATION, WLAN identifier"},
    {BIT(34, 1), "URI for SEND SHORT MESSAGE"},
    {BIT(34, 2), "IMS URI for SET UP CALL"},
    {BIT(34, 3), "media type voice"},
    {BIT(34, 4), "media type video"},
    {BIT(34, 5), "PROVIDE LOCAL INFORMATION, E-UTRAN timing advance"},
    {BIT(34, 7), "extended rejection cause code"},
    {BIT(35, 1), "GET INPUT, variable time out"},
    {BIT(35, 2), "data connection status change, PDP"},
};

static const struct {
    uint8_t transport;
    uint16_t bit;
} transports[] = {
    {CAT_TRANSPORT_UDP_CLIENT, BIT(17, 2)}, {CAT_TRANSPORT_TCP_CLIENT, BIT(17, 1)},
    {CAT_TRANSPORT_TCP_SERVER, BIT(17, 3)}, {CAT_TRANSPORT_UDP_LOCAL, BIT(17, 5)},
    {CAT_TRANSPORT_TCP_LOCAL, BIT(17, 4)},  {CAT_TRANSPORT_DIRECT, BIT(17, 6)},
};

static const struct row devices[] = {
    {CAT_DEVICE_KEYPAD, "keypad"},
    {CAT_DEVICE_DISPLAY, "display"},
    {CAT_DEVICE_EARPIECE, "earpiece"},
    {0x10, "card reader 0"},
    {0x11, "card reader 1"},
    {0x12, "card reader 2"},
    {0x13, "card reader 3"},
    {0x14, "card reader 4"},
    {0x15, "card reader 5"},
    {0x16, "card reader 6"},
    {0x17, "card reader 7"},
    {0x21, "channel 1"},
    {0x22, "channel 2"},
    {0x23, "channel 3"},
    {0x24, "channel 4"},
    {0x25, "channel 5"},
    {0x26, "channel 6"},
    {0x27, "channel 7"},
    {CAT_DEVICE_UICC, "UICC"},
    {CAT_DEVICE_TERMINAL, "terminal"},
    {CAT_DEVICE_NETWORK, "network"},
};

const char *cat_tag_name(unsigned tag)
{
    return NAME_IN(tags, tag <= 0xFF ? tag & 0x7F : tag);
}

const char *cat_outer_name(unsigned tag)
{
    return NAME_IN(outer, tag);
}

const char *cat_device_name(unsigned device)
{
    return NAME_IN(devices, device);
}

const char *cat_result_name(unsigned result)
{
    return NAME_IN(results, result);
}

const char *cat_result_info_name(unsigned result, unsigned info)
{
    for (size_t i = 0; i < CR_COUNT(result_infos); i++) {
        /* 21 has the causes of the network: numbers of TS 24.008, not ours. */
        if (result_infos[i].result == result && result_infos[i].info == info) {
            return result_infos[i].name;
        }
    }
    return NULL;
}

/* Row of the qualifier, of the type, or SIZE_MAX. */
static size_t command_row(unsigned type, unsigned qualifier, bool exact)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        if (commands[i].type != type) {
            continue;
        }
        if (commands[i].qualifier == qualifier) {
            return i;
        }
        if (commands[i].qualifier == ANY && !exact) {
            found = i;
        }
    }
    return found;
}

const char *cat_command_name(unsigned type)
{
    size_t i = command_row(type, ANY, true);
    return i == SIZE_MAX ? NULL : commands[i].name;
}

const char *cat_qualifier_name(unsigned type, unsigned qualifier)
{
    size_t i = qualifier > 0xFF ? SIZE_MAX : command_row(type, qualifier, true);
    return i == SIZE_MAX ? NULL : commands[i].name;
}

static size_t event_row(unsigned event)
{
    size_t i = 0;
    while (i < CR_COUNT(events) && events[i].event != event) {
        i++;
    }
    return i;
}

const char *cat_event_name(unsigned event)
{
    size_t i = event_row(event);
    return i < CR_COUNT(events) ? events[i].name : NULL;
}

const char *cat_profile_name(unsigned bit)
{
    const char *name = NAME_IN(profile_bits, bit);
    for (size_t i = 0; !name && bit && i < CR_COUNT(events); i++) {
        name = events[i].bit == bit ? events[i].name : NULL;
    }
    for (size_t i = 0; !name && bit && i < CR_COUNT(commands); i++) {
        name = commands[i].bit == bit ? commands[i].name : NULL;
    }
    return name;
}

/* --- what a profile offers ---------------------------------------------------------------------
 */

bool cat_profile_bit(cr_span profile, unsigned bit)
{
    return bit && (bit - 1) / 8 < profile.n &&
           (profile.p[(bit - 1) / 8] >> ((bit - 1) % 8) & 1) != 0;
}

void cat_profile_set(uint8_t *profile, size_t size, unsigned bit)
{
    if (bit && (bit - 1) / 8 < size) {
        profile[(bit - 1) / 8] |= (uint8_t)(1U << ((bit - 1) % 8));
    }
}

bool cat_profile_offers(cr_span profile, uint8_t type, uint8_t qualifier)
{
    size_t i = command_row(type, qualifier, false);
    return i == SIZE_MAX || !commands[i].bit || cat_profile_bit(profile, commands[i].bit);
}

bool cat_profile_offers_event(cr_span profile, unsigned event)
{
    size_t i = event_row(event);
    return i < CR_COUNT(events) && cat_profile_bit(profile, events[i].bit);
}

bool cat_profile_offers_transport(cr_span profile, uint8_t transport)
{
    for (size_t i = 0; i < CR_COUNT(transports); i++) {
        if (transports[i].transport == transport) {
            return cat_profile_bit(profile, transports[i].bit);
        }
    }
    return false;
}
