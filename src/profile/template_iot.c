/*
 * Template rows of the IoT minimal profile.
 *
 * EF.ICCID and EF.DIR come from the header when the element does not fill them; the geometry and
 * content of the other files are those of their USIM twins (not confirmed by a second source). The
 * ADF gets the reserved id of "the current application" when the element states none; its AID is
 * A000000087 and the pix of the header.
 *
 * Columns: name, member number, type, then what differs from "nothing": file id, geometry, access
 * rule, SFI, DF, initial content, what the package must give. See profile/template.h.
 */
#include "profile/template_rows.h"

/* clang-format off */
const struct profile_template_member profile_rows_iot[] = {
    {"mf", 2, MF, .fid = 0x3F00, .arr = 14, LITERAL("\x01\x0A")},
    {"ef-pl", 3, TR, .fid = 0x2F05, .size = 2, .arr = 1, .sfi = 0x05, PATTERN("\xFF"), .parent = 2},
    {"ef-iccid", 4, TR, .fid = 0x2FE2, .size = 10, .arr = 11, .parent = 2},
    {"ef-dir", 5, LF, .fid = 0x2F00, .arr = 10, .sfi = 0x1E, .parent = 2},
    {"ef-arr", 6, LF, .fid = 0x2F06, .arr = 10, .must = RECORDS | SIZE | CONTENT, .parent = 2},
    {"ef-umpc", 7, TR, .fid = 0x2F08, .size = 5, .arr = 10, .sfi = 0x08, .parent = 2},
    {"adf-usim", 8, ADF, .fid = 0x7FFF, .arr = 14, .parent = 2, LITERAL("\x01\x0A")},
    {"ef-imsi", 9, TR, .fid = 0x6F07, .size = 9, .arr = 2, .sfi = 0x07, .must = SIZE | CONTENT,
     .parent = 8, .mandatory = true},
    {"ef-arr-usim", 10, LF, .fid = 0x6F06, .arr = 10, .sfi = 0x17,
     .must = RECORDS | SIZE | CONTENT, .parent = 8},
    {"ef-keys", 11, TR, .fid = 0x6F08, .size = 33, .arr = 5, .sfi = 0x08, PATTERN("\x07\xFF"),
     .high_update = true, .parent = 8},
    {"ef-keysPS", 12, TR, .fid = 0x6F09, .size = 33, .arr = 5, .sfi = 0x09, PATTERN("\x07\xFF"),
     .high_update = true, .parent = 8},
    {"ef-hpplmn", 13, TR, .fid = 0x6F31, .size = 1, .arr = 2, .sfi = 0x12, LITERAL("\x0A"),
     .parent = 8},
    {"ef-ust", 14, TR, .fid = 0x6F38, .size = 17, .arr = 2, .sfi = 0x04, .must = CONTENT,
     .parent = 8},
    {"ef-start-hfn", 15, TR, .fid = 0x6F5B, .size = 6, .arr = 5, .sfi = 0x0F,
     LITERAL("\xF0\x00\x00\xF0\x00\x00"), .high_update = true, .parent = 8},
    {"ef-threshold", 16, TR, .fid = 0x6F5C, .size = 3, .arr = 2, .sfi = 0x10,
     LITERAL("\xFF\xFF\xFF"), .parent = 8},
    {"ef-psloci", 17, TR, .fid = 0x6F73, .size = 14, .arr = 5, .sfi = 0x0C,
     LITERAL("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\xFF\x01"), .high_update = true,
     .parent = 8},
    {"ef-acc", 18, TR, .fid = 0x6F78, .size = 2, .arr = 2, .sfi = 0x06, .must = CONTENT,
     .parent = 8, .mandatory = true},
    {"ef-fplmn", 19, TR, .fid = 0x6F7B, .size = 12, .arr = 5, .sfi = 0x0D, PATTERN("\xFF"),
     .parent = 8},
    {"ef-loci", 20, TR, .fid = 0x6F7E, .size = 11, .arr = 5, .sfi = 0x0B,
     LITERAL("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\xFF\x01"), .high_update = true, .parent = 8},
    {"ef-ad", 21, TR, .fid = 0x6FAD, .size = 4, .arr = 10, .sfi = 0x03,
     LITERAL("\x00\x00\x00\x02"), .parent = 8},
    {"ef-ecc", 22, LF, .fid = 0x6FB7, .records = 1, .size = 4, .arr = 10, .sfi = 0x01,
     .must = CONTENT, .parent = 8},
    {"ef-netpar", 23, TR, .fid = 0x6FC4, .size = 128, .arr = 5, PATTERN("\xFF"),
     .high_update = true, .parent = 8},
};

const struct profile_template_member profile_rows_opt_iot[] = {
    {"ef-fdn", 2, LF, .fid = 0x6F3B, .records = 20, .size = 26, .arr = 8, PATTERN("\xFF")},
    {"ef-sms", 3, LF, .fid = 0x6F3C, .records = 10, .size = 176, .arr = 5, PATTERN("\x00\xFF")},
    {"ef-smsp", 4, LF, .fid = 0x6F42, .records = 1, .size = 38, .arr = 5, PATTERN("\xFF")},
    {"ef-smss", 5, TR, .fid = 0x6F43, .size = 2, .arr = 5, LITERAL("\xFF\xFF")},
    {"ef-spn", 6, TR, .fid = 0x6F46, .size = 17, .arr = 10, .must = CONTENT},
    {"ef-est", 7, TR, .fid = 0x6F56, .size = 1, .arr = 8, .sfi = 0x05, .must = CONTENT},
    {"ef-oplmnwact", 8, TR, .fid = 0x6F61, .size = 40, .arr = 2, .sfi = 0x11,
     REPEAT("\xFF\xFF\xFF\x00\x00")},
    {"ef-hplmnwact", 9, TR, .fid = 0x6F62, .size = 5, .arr = 2, .sfi = 0x13,
     LITERAL("\xFF\xFF\xFF\x00\x00")},
    {"ef-ehplmn", 10, TR, .fid = 0x6FD9, .size = 15, .arr = 2, .sfi = 0x1D, PATTERN("\xFF")},
    {"ef-epsloci", 11, TR, .fid = 0x6FE3, .size = 18, .arr = 5, .sfi = 0x1E,
     LITERAL("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\x01"),
     .high_update = true},
    {"ef-epsnsc", 12, LF, .fid = 0x6FE4, .records = 1, .size = 80, .arr = 5, .sfi = 0x18,
     PATTERN("\xFF"), .high_update = true},
    {"df-df-5gs", 13, DF, .fid = 0x5FC0, .arr = 14, .must = PIN_STATUS},
    {"ef-5gs3gpploci", 14, TR, .fid = 0x4F01, .size = 20, .arr = 5, .sfi = 0x01,
     LITERAL("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\x00\x01"),
     .high_update = true, .parent = 13},
    {"ef-5gsn3gpploci", 15, TR, .fid = 0x4F02, .size = 20, .arr = 5, .sfi = 0x02,
     LITERAL("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\x00\x01"),
     .high_update = true, .parent = 13},
    {"ef-5gs3gppnsc", 16, LF, .fid = 0x4F03, .records = 2, .size = 62, .arr = 5, .sfi = 0x03,
     PATTERN("\xFF"), .high_update = true, .parent = 13},
    {"ef-5gsn3gppnsc", 17, LF, .fid = 0x4F04, .records = 2, .size = 62, .arr = 5, .sfi = 0x04,
     PATTERN("\xFF"), .high_update = true, .parent = 13},
    {"ef-5gauthkeys", 18, TR, .fid = 0x4F05, .size = 110, .arr = 5, .sfi = 0x05, .must = CONTENT,
     .high_update = true, .parent = 13},
    {"ef-uac-aic", 19, TR, .fid = 0x4F06, .size = 4, .arr = 2, .sfi = 0x06, .must = CONTENT,
     .parent = 13},
    {"ef-suci-calc-info", 20, TR, .fid = 0x4F07, .arr = 2, .sfi = 0x07, PATTERN("\xFF"),
     .parent = 13},
    {"ef-opl5g", 21, LF, .fid = 0x4F08, .size = 10, .arr = 10, .sfi = 0x08, PATTERN("\xFF"),
     .must = RECORDS, .parent = 13},
    {"ef-supi-nai", 22, TR, .fid = 0x4F09, .arr = 2, .sfi = 0x09, .must = SIZE | CONTENT,
     .parent = 13},
    {"ef-routing-indicator", 23, TR, .fid = 0x4F0A, .size = 4, .arr = 2, .sfi = 0x0A,
     LITERAL("\xF0\xFF\x00\x00"), .parent = 13},
    {"ef-ursp", 24, BT, .fid = 0x4F0B, .arr = 2, .parent = 13},
    {"ef-tn3gppsnn", 25, TR, .fid = 0x4F0C, .size = 1, .arr = 2, .sfi = 0x0C, LITERAL("\x00"),
     .parent = 13},
    {"df-df-saip", 26, DF, .fid = 0x5FD0, .arr = 14, .must = PIN_STATUS},
    {"ef-suci-calc-info-usim", 27, TR, .fid = 0x4F01, .arr = 3, PATTERN("\xFF"), .must = SIZE,
     .parent = 26},
};
/* clang-format on */
