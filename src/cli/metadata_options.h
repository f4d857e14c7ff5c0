/*
 * Options that say what a profile's metadata (SGP.22 2.4.4, BF25) shall be: shared by the commands
 * that import profiles and that order them.
 */
#ifndef CRISP_CLI_METADATA_OPTIONS_H
#define CRISP_CLI_METADATA_OPTIONS_H

#include "cli/cli.h"
#include "rsp/metadata.h"

struct cli_metadata {
    const char *spn, *name, *profile_class, *icon, *ppr, *owner_plmn, *gid1, *gid2;
    struct cli_list notify_address;
};

extern const char *const cli_profile_class_words[];

/* Rows for a table of options; at = offset of the struct cli_metadata in the command's values. */
#define CLI_METADATA_ROWS(at)                                                                      \
    {.name = "spn",                                                                                \
     .kind = CLI_STRING,                                                                           \
     .metavar = "TEXT",                                                                            \
     .help = "Service provider name, at most 32 bytes of UTF-8.",                                  \
     .offset = (at) + offsetof(struct cli_metadata, spn)},                                         \
        {.name = "name",                                                                           \
         .kind = CLI_STRING,                                                                       \
         .metavar = "TEXT",                                                                        \
         .help = "Profile name, at most 64 bytes of UTF-8.",                                       \
         .offset = (at) + offsetof(struct cli_metadata, name)},                                    \
        {.name = "class",                                                                          \
         .kind = CLI_STRING,                                                                       \
         .metavar = "CLASS",                                                                       \
         .help = "Profile class.",                                                                 \
         .one_of = cli_profile_class_words,                                                        \
         .offset = (at) + offsetof(struct cli_metadata, profile_class)},                           \
        {.name = "icon",                                                                           \
         .kind = CLI_STRING,                                                                       \
         .metavar = "FILE",                                                                        \
         .help = "Icon, PNG or JPEG of 64 x 64 pixels and at most 1024 bytes; none "               \
                 "removes it.",                                                                    \
         .offset = (at) + offsetof(struct cli_metadata, icon)},                                    \
        {.name = "ppr",                                                                            \
         .kind = CLI_STRING,                                                                       \
         .metavar = "RULES",                                                                       \
         .help = "Profile policy rules divided by commas: ppr1 (may not be disabled), ppr2 (may "  \
                 "not be deleted), update-control; none removes them. They need --owner-plmn.",    \
         .offset = (at) + offsetof(struct cli_metadata, ppr)},                                     \
        {.name = "owner-plmn",                                                                     \
         .kind = CLI_STRING,                                                                       \
         .metavar = "MCCMNC",                                                                      \
         .help = "Profile owner: 5 or 6 digits, or 999-70.",                                       \
         .offset = (at) + offsetof(struct cli_metadata, owner_plmn)},                              \
        {.name = "gid1",                                                                           \
         .kind = CLI_STRING,                                                                       \
         .metavar = "HEX",                                                                         \
         .help = "Group identifier 1 of the owner, 1 to 8 bytes.",                                 \
         .offset = (at) + offsetof(struct cli_metadata, gid1)},                                    \
        {.name = "gid2",                                                                           \
         .kind = CLI_STRING,                                                                       \
         .metavar = "HEX",                                                                         \
         .help = "Group identifier 2 of the owner, 1 to 8 bytes.",                                 \
         .offset = (at) + offsetof(struct cli_metadata, gid2)},                                    \
    {                                                                                              \
        .name = "notify-address", .kind = CLI_LIST, .metavar = "EVENTS=ADDR",                      \
        .help = "Where the chip's notifications go: install, enable, disable, delete (divided by " \
                "commas) or all, and a host name; none: nowhere.",                                 \
        .offset = (at) + offsetof(struct cli_metadata, notify_address)                             \
    }

/* What can be said about the options by themselves, before a profile or the icon is opened. */
cr_status cli_metadata_check(struct cli *cli, const struct cli_metadata *values,
                             struct cr_err *err) CR_MUST_CHECK;

/* True when one of the options was given. */
bool cli_metadata_given(const struct cli_metadata *values);

/* Puts what the options say into *metadata and leaves the rest; all checked. Memory is the
 * command's. Clears metadata->raw. */
cr_status cli_metadata_apply(struct cli *cli, const struct cli_metadata *values,
                             struct rsp_store_metadata *metadata, struct cr_err *err) CR_MUST_CHECK;

/* One entry of the list of addresses: these events (enum rsp_notification_event) to this address.
 */
cr_status cli_metadata_notify(cr_arena *arena, struct rsp_store_metadata *metadata, uint64_t events,
                              const char *address, struct cr_err *err) CR_MUST_CHECK;

/* "ppr1, ppr2"; "none". */
void cli_ppr_text(uint64_t rules, cr_buf *out);

#endif
