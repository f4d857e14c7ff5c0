/*
 * Template rows of ADF.ISIM and DF.EAP.
 *
 * Columns: name, member number, type, then what differs from "nothing": file id, geometry, access
 * rule, SFI, DF, initial content, what the package must give. See profile/template.h.
 */
#include "profile/template_rows.h"

/* clang-format off */
const struct profile_template_member profile_rows_isim[] = {
    {"adf-isim", 2, ADF, .arr = 14, .must = AID | FID | PIN_STATUS, .mandatory = true},
    {"ef-impi", 3, TR, .fid = 0x6F02, .arr = 2, .sfi = 0x02, .parent = 2, .must = SIZE | CONTENT,
     .mandatory = true},
    {"ef-impu", 4, LF, .fid = 0x6F04, .records = 1, .arr = 2, .sfi = 0x04, .parent = 2,
     .must = SIZE | CONTENT, .mandatory = true},
    {"ef-domain", 5, TR, .fid = 0x6F03, .arr = 2, .sfi = 0x05, .parent = 2,
     .must = SIZE | CONTENT, .mandatory = true},
    {"ef-ist", 6, TR, .fid = 0x6F07, .size = 14, .arr = 2, .sfi = 0x07, .parent = 2,
     .must = CONTENT, .mandatory = true},
    {"ef-ad", 7, TR, .fid = 0x6FAD, .size = 3, .arr = 10, .sfi = 0x03, .parent = 2,
     LITERAL("\x00\x00\x00")},
    {"ef-arr", 8, LF, .fid = 0x6F06, .arr = 10, .sfi = 0x06, .parent = 2,
     .must = RECORDS | SIZE | CONTENT, .mandatory = true},
};

const struct profile_template_member profile_rows_opt_isim[] = {
    {"ef-pcscf", 2, LF, .fid = 0x6F09, .records = 1, .arr = 2, .must = SIZE | CONTENT},
    {"ef-sms", 3, LF, .fid = 0x6F3C, .records = 10, .size = 176, .arr = 5, PATTERN("\x00\xFF")},
    {"ef-smsp", 4, LF, .fid = 0x6F42, .records = 1, .size = 38, .arr = 5, PATTERN("\xFF")},
    {"ef-smss", 5, TR, .fid = 0x6F43, .size = 2, .arr = 5, LITERAL("\xFF\xFF")},
    {"ef-smsr", 6, LF, .fid = 0x6F47, .records = 10, .size = 30, .arr = 5, PATTERN("\x00\xFF")},
    {"ef-gbabp", 7, TR, .fid = 0x6FD5, .arr = 5, PATTERN("\xFF"), .must = SIZE},
    {"ef-gbanl", 8, LF, .fid = 0x6FD7, .arr = 2, PATTERN("\xFF"), .must = RECORDS | SIZE},
    {"ef-nafkca", 9, LF, .fid = 0x6FDD, .arr = 2, PATTERN("\xFF"), .must = RECORDS | SIZE},
    {"ef-uicciari", 10, LF, .fid = 0x6FE7, .arr = 2, .must = RECORDS | SIZE | CONTENT},
    {"ef-frompreferred", 11, TR, .fid = 0x6FF7, .size = 1, .arr = 2, LITERAL("\x00")},
    {"ef-imsconfigdata", 12, BT, .fid = 0x6FF8, .arr = 2, .must = SIZE | CONTENT},
    {"ef-xcapconfigdata", 13, BT, .fid = 0x6FFC, .arr = 2, .must = SIZE | CONTENT},
    {"ef-webrtcuri", 14, LF, .fid = 0x6FFA, .arr = 2, .must = RECORDS | SIZE | CONTENT},
    {"ef-mudmidconfigdata", 15, BT, .fid = 0x6FFE, .arr = 2, .must = SIZE | CONTENT},
};

const struct profile_template_member profile_rows_eap[] = {
    {"df-eap", 2, DF, .arr = 14, .must = FID | PIN_STATUS, .mandatory = true},
    {"ef-eapkeys", 3, TR, .fid = 0x4F01, .arr = 2, .parent = 2, .must = SIZE | CONTENT,
     .high_update = true},
    {"ef-eapstatus", 4, TR, .fid = 0x4F02, .size = 1, .arr = 2, .parent = 2, LITERAL("\x00"),
     .mandatory = true, .high_update = true},
    {"ef-puid", 5, TR, .fid = 0x4F03, .arr = 2, .parent = 2, .must = SIZE | CONTENT},
    {"ef-ps", 6, TR, .fid = 0x4F04, .arr = 5, .parent = 2, PATTERN("\xFF"), .must = SIZE,
     .high_update = true},
    {"ef-curid", 7, TR, .fid = 0x4F20, .arr = 5, .parent = 2, PATTERN("\xFF"), .must = SIZE,
     .high_update = true},
    {"ef-reid", 8, TR, .fid = 0x4F21, .arr = 5, .parent = 2, .must = SIZE | CONTENT},
    {"ef-realm", 9, TR, .fid = 0x4F22, .arr = 5, .parent = 2, .must = SIZE | CONTENT},
};
/* clang-format on */
