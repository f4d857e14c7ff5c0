/*
 * What the tests of the chip stand on: a hierarchy of certificates in a temporary directory, chips
 * in RAM made from one, APDUs, STORE DATA with its blocks, and functions of ES10 as structs.
 *
 * Set-up that cannot go on aborts the program: nothing was tested then.
 */
#ifndef CRISP_TESTS_EUICC_BED_H
#define CRISP_TESTS_EUICC_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"
#include "euicc/chip.h"
#include "pki/hierarchy.h"
#include "rsp/es10a.h"
#include "rsp/es10b.h"
#include "rsp/es10c.h"
#include "rsp/segment.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* For calls that fill `err`. */
#define MUST_OK(call)                                                                              \
    do {                                                                                           \
        if ((call) != CR_OK) {                                                                     \
            (void)fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, err.cause);        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define BED_EID "89049032123451234512345678901235"

/* The hierarchy of this program; made at the first call, removed at exit. */
const char *bed_pki(void);

struct bed {
    struct euicc *euicc;
    unsigned channel; /* where the ISD-R is selected; 0 = not yet */
    size_t block;     /* bytes of a STORE DATA block */
    cr_buf out;       /* response data of the last command */
    cr_arena arena;   /* of what was decoded */
    cr_status status; /* of the last exchange */
    jmp_buf *cut;     /* where to go when the memory fails; NULL = nowhere */
};

/* A chip in RAM with everything by default, its ISD-R selected. */
struct bed *bed_new(void);
/* With options of its own (eid NULL = BED_EID); slower, certificates are issued for it. */
struct bed *bed_new_with(const struct euicc_options *options);
/* Opens a memory (taken). isdr: select the ISD-R. */
struct bed *bed_open(struct nvm *nvm, bool isdr);
/* A new chip with the committed memory of another one: a power cut and power on. */
struct bed *bed_power_cycle(struct bed *bed); /* frees the old one */
struct bed *bed_clone(struct bed *bed);
void bed_free(struct bed *bed);

/* Reset of the card; the ISD-R is selected again. */
void bed_reset(struct bed *bed);
/* A new channel with the ISD-R on it. */
void bed_isdr(struct bed *bed);
void bed_close_channel(struct bed *bed);

/* One command APDU as it is, GET RESPONSE and 6Cxx followed; the answer's status word. Response
 * data in bed->out. */
uint16_t bed_apdu(struct bed *bed, cr_span command);
uint16_t bed_hex(struct bed *bed, const char *hex);
/* One exchange, nothing followed. */
uint16_t bed_raw(struct bed *bed, cr_span command);
/* A command to the ISD-R in blocks. */
uint16_t bed_store(struct bed *bed, cr_span command);
uint16_t bed_store_hex(struct bed *bed, const char *hex);
/* Asserts the response data of the last command. */
void bed_expect(const struct bed *bed, const char *hex);

/* A function: request encoded, response decoded into *response (zeroed first). The status word. */
uint16_t bed_call(struct bed *bed, const struct asn1_type *request_type, const void *request,
                  const struct asn1_type *response_type, void *response);

/* Short forms. */
cr_span bed_challenge(struct bed *bed);
int64_t bed_enable(struct bed *bed, cr_span iccid, bool refresh);
int64_t bed_disable(struct bed *bed, cr_span iccid, bool refresh);
int64_t bed_delete(struct bed *bed, cr_span iccid);
int64_t bed_memory_reset(struct bed *bed, uint64_t options);
/* State of a profile: RSP_STATE_..., -1 = not there. */
int64_t bed_state(struct bed *bed, cr_span iccid);
size_t bed_profile_count(struct bed *bed);
/* All pending notifications; the list lives in bed->arena. */
rsp_pending_notification_list bed_notifications(struct bed *bed);

/* The chip holds nothing half done: no work record, no file system without a profile, every profile
 * with a file system, at most one enabled and that one is the one recorded. */
void bed_check_consistent(struct bed *bed);
/* The same of the memory of any chip that has been powered on. */
void bed_check_memory(const struct nvm *nvm);

/* Test data outside of the repository, or skip. */
void bed_ts48(const char *name, cr_buf *out);
#define BED_TS48_BER    "ts48-v7-bertlv-suci.der"
#define BED_TS48_NO_BER "ts48-v7-nobertlv-noramrfm.der"

#endif
