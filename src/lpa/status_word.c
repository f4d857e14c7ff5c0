#include "lpa/status_word.h"

struct row {
    unsigned sw;
    unsigned mask;
    cr_status category;
    const char *text;
    const char *next;
};

static const struct row rows[] = {
    {0x6283, 0xFFFF, CR_REFUSED, "the application is deactivated", NULL},
    {0x6300, 0xFF00, CR_REFUSED, "the card gave a warning instead of an answer", NULL},
    {0x6581, 0xFFFF, CR_RESOURCE, "the card's memory failed",
     "the card may be worn out: try again, then another card"},
    {0x6700, 0xFFFF, CR_REFUSED, "the card does not accept the length of the command",
     "try --le always (or --le never), or a smaller --block-size"},
    {0x6881, 0xFFFF, CR_REFUSED, "the card does not know this logical channel",
     "the card may be restarting after a change of profile: try again"},
    {0x6882, 0xFFFF, CR_REFUSED, "secure messaging is not supported", NULL},
    {0x6982, 0xFFFF, CR_REFUSED, "the security status is not satisfied",
     "another LPA may hold the card, or the eUICC waits for TERMINAL CAPABILITY"},
    {0x6985, 0xFFFF, CR_REFUSED, "the conditions of use are not satisfied",
     "a download, a change of profile or a proactive session may be under way: wait, or reset the "
     "card, then try again"},
    {0x6999, 0xFFFF, CR_REFUSED, "the application cannot be selected", NULL},
    {0x6A80, 0xFFFF, CR_REFUSED, "the card calls the data wrong",
     "the eUICC may be of another version of SGP.22; `crisp lpa info` shows which"},
    {0x6A81, 0xFFFF, CR_REFUSED, "the card does not have the function or has no free channel",
     "close other programs that use the card, or reset it"},
    {0x6A82, 0xFFFF, CR_REFUSED, "the card has no such application",
     "it is not an eUICC, or its ISD-R has an AID of the vendor's own: give it with --isdr-aid"},
    {0x6A84, 0xFFFF, CR_RESOURCE, "the card has not enough memory",
     "delete a profile that is not needed"},
    {0x6A86, 0xFFFF, CR_REFUSED, "the card calls P1 or P2 wrong", NULL},
    {0x6A88, 0xFFFF, CR_REFUSED, "the card does not know this function or does not expect it now",
     "the eUICC may be too old for it (`crisp lpa info` shows its version), or its session was "
     "ended by another program"},
    {0x6B00, 0xFFFF, CR_REFUSED, "the card calls P1 or P2 wrong", NULL},
    {0x6C00, 0xFF00, CR_REFUSED, "the card wants another Le each time", "try --le never"},
    {0x6D00, 0xFFFF, CR_REFUSED, "the card does not know the instruction",
     "the ISD-R is not selected, or it is not an eUICC"},
    {0x6E00, 0xFFFF, CR_REFUSED, "the card does not know the class",
     "the ISD-R is not selected, or it is not an eUICC"},
    {0x6F00, 0xFFFF, CR_RESOURCE, "the card failed without saying why",
     "reset the card and try again"},
    {0x9300, 0xFFFF, CR_RESOURCE, "the card is busy", "try again in a moment"},
};

static const struct row *find(unsigned sw)
{
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        if ((sw & rows[i].mask) == rows[i].sw) {
            return &rows[i];
        }
    }
    return NULL;
}

const char *lpa_status_word_text(unsigned sw)
{
    const struct row *row = find(sw);
    return row ? row->text : "the card refused";
}

cr_status lpa_status_word_fail(struct cr_err *err, const char *function, unsigned sw)
{
    const struct row *row = find(sw);
    cr_status status =
        cr_fail(err, row ? row->category : CR_REFUSED, NULL, "%s: %s (status word %04X)",
                function ? function : "the card", lpa_status_word_text(sw), sw);
    if (row && row->next) {
        status = cr_err_next(err, status, "%s", row->next);
    }
    return cr_err_code(err, status, (long)sw);
}
