/*
 * Status words of the UICC (ISO 7816-4, ETSI TS 102 221 clause 10.2, 3GPP TS 31.102 clause 7.3).
 */
#ifndef CRISP_UICC_SW_H
#define CRISP_UICC_SW_H

#include <stdint.h>

typedef uint16_t uicc_sw;

enum {
    UICC_SW_OK = 0x9000,
    UICC_SW_PROACTIVE = 0x9100, /* | length of the waiting command */
    UICC_SW_TOOLKIT_BUSY = 0x9300,
    UICC_SW_MORE = 0x6100, /* | bytes waiting, 00 = 256 or more */
    UICC_SW_END_OF_FILE = 0x6282,
    UICC_SW_DEACTIVATED = 0x6283, /* warning: the selected file is deactivated */
    UICC_SW_TERMINATED = 0x6284,
    UICC_SW_MORE_DATA = 0x62F1,      /* another block can be retrieved */
    UICC_SW_RESPONSE_READY = 0x62F3, /* the answer can be retrieved */
    UICC_SW_REPORT_ERROR = 0x6300,   /* ENVELOPE: the response data is for an RP-ERROR */
    UICC_SW_MORE_EXPECTED = 0x63F1,  /* another block has to be sent */
    UICC_SW_RETRIES = 0x63C0,        /* | tries left */
    UICC_SW_EXECUTION = 0x6400,      /* execution error, memory unchanged */
    UICC_SW_MEMORY = 0x6581,
    UICC_SW_WRONG_LENGTH = 0x6700,
    UICC_SW_NO_CHANNEL = 0x6881,
    UICC_SW_NO_SECURE_MESSAGING = 0x6882,
    UICC_SW_FILE_TYPE = 0x6981,
    UICC_SW_SECURITY = 0x6982,
    UICC_SW_BLOCKED = 0x6983,
    UICC_SW_INVALIDATED = 0x6984, /* PIN disabled, file deactivated */
    UICC_SW_CONDITIONS = 0x6985,
    UICC_SW_NO_EF = 0x6986,
    UICC_SW_WRONG_DATA = 0x6A80,
    UICC_SW_NO_FUNCTION = 0x6A81,
    UICC_SW_NOT_FOUND = 0x6A82, /* file or application */
    UICC_SW_NO_RECORD = 0x6A83,
    UICC_SW_NO_MEMORY = 0x6A84,
    UICC_SW_WRONG_P1P2 = 0x6A86,
    UICC_SW_LC_INCONSISTENT = 0x6A87,
    UICC_SW_NO_REFERENCE = 0x6A88,
    UICC_SW_FID_EXISTS = 0x6A89,
    UICC_SW_WRONG_OFFSET = 0x6B00,
    UICC_SW_WRONG_LE = 0x6C00, /* | the right one */
    UICC_SW_WRONG_INS = 0x6D00,
    UICC_SW_WRONG_CLA = 0x6E00,
    UICC_SW_TECHNICAL = 0x6F00,
    UICC_SW_MAXIMUM = 0x9850, /* INCREASE at its maximum */
    UICC_SW_WRONG_MAC = 0x9862,
    UICC_SW_NO_CONTEXT = 0x9864,   /* security context not supported */
    UICC_SW_NO_GBA_MEMORY = 0x9866 /* no room for what the context has to keep */
};

#endif
