/*
 * A whole world in one process: certificates, an SM-DP+, a chip and an LPA between them, without a
 * socket. For tests of what the parties do together.
 */
#ifndef CRISP_TESTS_E2E_WORLD_H
#define CRISP_TESTS_E2E_WORLD_H

#include "euicc/euicc.h"
#include "lpa/download.h"
#include "lpa/profiles.h"
#include "smdpp/smdpp.h"

#define WORLD_HOST "smdpp.world.example"

struct world {
    char dir[64];
    char pki[96];
    struct smdpp_config config;
    struct smdpp *dp;
    struct nvm *spare; /* a chip that was not opened yet, see world_chip_fault() */
    struct euicc *chip;
    struct card card;
    struct lpa lpa;
    struct lpa_transport transport;
    cr_env env; /* the system's, with a clock that can be moved */
    int64_t clock_offset_ms;
    size_t posts;       /* calls that reached the server */
    size_t fail_post;   /* this one (from 1) fails before it gets there; 0 = none */
    size_t lose_answer; /* the answer to this one is lost; 0 = none */
};

/* NULL or a skip reason is never given: needs nothing but a temporary directory. */
struct world *world_new(void);
void world_free(struct world *w);

/* Takes the package into the inventory, ordered and released under the MatchingID. code NULL = no
 * confirmation code. */
void world_order(struct world *w, cr_span upp, const char *iccid, const char *matching_id,
                 const char *code, int64_t profile_class);
/* The builder's profile for an ICCID, in the arena. */
cr_span world_package(cr_arena *arena, const char *iccid);

/* Opens the LPA on the chip (once more, after a reset). */
void world_open_lpa(struct world *w);
/* Power off and on. */
void world_power_cycle(struct world *w);

/* Runs a download; consent is given, code may be NULL. */
cr_status world_download(struct world *w, const char *matching_id, const char *code,
                         cr_arena *arena, struct lpa_download_result *result, struct cr_err *err);

/* State of a profile at the server; 0 = unknown. */
enum smdpp_state world_state(struct world *w, const char *iccid);

/* Content of a test package under CRISP_TEST_DATA, absent when it is not there. */
cr_span world_data(cr_arena *arena, const char *name);

#endif
