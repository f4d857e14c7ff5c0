/*
 * A card and a server that say what a test tells them to, and remember what they were told.
 *
 * The card speaks APDUs as a real one does (channels, SELECT, STORE DATA chains, 61xx, 6Cxx, 91xx);
 * what its functions answer is a script by outer tag. The server answers by path.
 */
#ifndef CRISP_TESTS_LPA_FAKE_H
#define CRISP_TESTS_LPA_FAKE_H

#include "base/test.h"

#include "base/text.h"
#include "lpa/discover.h"
#include "lpa/download.h"
#include "lpa/install.h"
#include "net/card.h"

#define FAKE_MAX 256

/* One answer of the card's script. The first unused one with the tag of the command is taken; the
 * last one with a tag stays. */
struct fake_answer {
    uint32_t tag; /* of the command */
    cr_span data;
    unsigned sw;
    bool gone; /* the card does not answer at all */
    bool used;
};

struct fake_card {
    struct card card;
    cr_arena arena;
    /* habits */
    size_t chunk;           /* longest answer at once, the rest by GET RESPONSE; 0 = everything */
    int get_response_class; /* 0x00 or 0x80: the other one is 6E00; -1 = both */
    bool wants_le;          /* SELECT without Le gives no data */
    bool refuses_le;        /* Le behind data: 6700 */
    bool wrong_le_once;     /* the next GET RESPONSE is answered with 6Cxx */
    bool no_channels;       /* MANAGE CHANNEL: 6881 */
    uint8_t aid[16];        /* the one that can be selected */
    size_t aid_size;
    cr_span select_answer;
    /* script */
    struct fake_answer answers[FAKE_MAX];
    size_t answer_count;
    cr_span bpp_answer;   /* given with segment number bpp_at */
    size_t bpp_at;        /* SIZE_MAX = never */
    unsigned bpp_sw;      /* status word of that segment */
    cr_span proactive[8]; /* fetched one after the other, announced with the next 9000 */
    size_t proactive_count, proactive_at;
    /* what happened */
    cr_span apdus[4096];
    size_t apdu_count;
    cr_span commands[1024]; /* complete STORE DATA chains */
    size_t command_count;
    cr_span segments[512]; /* of BPPs */
    size_t segment_count;
    unsigned resets, channels_open;
    /* inside */
    cr_buf chain, pending;
    bool in_bpp, selected, gone;
};

void fake_card_init(struct fake_card *card);
void fake_card_free(struct fake_card *card);
/* hex may have blanks; NULL = no data. */
void fake_card_says(struct fake_card *card, uint32_t tag, const char *hex, unsigned sw);
void fake_card_gives(struct fake_card *card, uint32_t tag, cr_span data);
/* How many complete commands with this tag arrived; the last of them. */
size_t fake_card_count(const struct fake_card *card, uint32_t tag);
cr_span fake_card_last(const struct fake_card *card, uint32_t tag);
/* True when an APDU with exactly these bytes was received. */
bool fake_card_got(const struct fake_card *card, const char *hex);

struct fake_reply {
    enum rsp_function_id function;
    int status;
    cr_span body;
    bool gone;
    bool used;
};

struct fake_call {
    char server[ES9_MAX_ADDRESS + 1];
    const struct rsp_function *function;
    cr_span body;
};

struct fake_server {
    struct lpa_transport transport;
    cr_arena arena;
    struct fake_reply replies[FAKE_MAX];
    size_t reply_count;
    struct fake_call calls[FAKE_MAX];
    size_t call_count;
    const char *refused_host; /* notifications to it fail with 500 */
};

void fake_server_init(struct fake_server *server);
void fake_server_free(struct fake_server *server);
/* response as the function's struct; NULL: notification (204). */
void fake_server_gives(struct fake_server *server, enum rsp_function_id function,
                       const void *response);
void fake_server_refuses(struct fake_server *server, enum rsp_function_id function,
                         const char *subject, const char *reason);
void fake_server_says(struct fake_server *server, enum rsp_function_id function, int status,
                      const char *body);
void fake_server_gone(struct fake_server *server, enum rsp_function_id function);
size_t fake_server_count(const struct fake_server *server, enum rsp_function_id function);
/* The request struct of the last call of a function; fails the test when there was none. */
void *fake_server_last(struct fake_server *server, enum rsp_function_id function);

/* Bytes of hex text in the arena. */
cr_span fake_hex(cr_arena *arena, const char *hex);
cr_span fake_encode(cr_arena *arena, const struct asn1_type *type, const void *value);

/* ---- a world in which a download succeeds, to be broken by tests ---- */

struct fake_world {
    struct fake_card card;
    struct fake_server server;
    cr_arena arena;
    struct lpa lpa;
    struct es10_options options;
    /* parts, to be changed before fake_world_start() */
    struct rsp_initiate_authentication_response initiated;
    struct rsp_authenticate_server_response authenticated;
    struct rsp_authenticate_client_response offered;
    struct rsp_prepare_download_response prepared;
    struct rsp_get_bound_profile_package_response bound;
    struct rsp_store_metadata metadata, bpp_metadata;
    struct rsp_profile_installation_result result;
    struct rsp_get_rat_response rat;
    const char *rat_error; /* hex of a whole GetRAT answer instead */
    bool no_metadata;      /* the server does not tell */
    bool started;
};

#define FAKE_HOST "smdp.example.com"

/* role: of the server's certificate. */
void fake_world_init(struct fake_world *world, enum pki_role role);
/* Puts the parts into the scripts and opens the card. */
void fake_world_start(struct fake_world *world);
void fake_world_free(struct fake_world *world);
/* A package around BF25 in two '88' TLVs and three '86' TLVs. */
cr_span fake_bpp(cr_arena *arena, cr_span metadata);

#endif
