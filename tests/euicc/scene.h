/*
 * Packages given to a chip: what an installation answers, what it leaves in the memory, and
 * packages that differ from a good one in one point.
 */
#ifndef CRISP_TESTS_EUICC_SCENE_H
#define CRISP_TESTS_EUICC_SCENE_H

#include "fake_server.h"
#include "package.h"

struct scene {
    struct fake_server *server;
    struct bed *bed;
};

/* Of cmocka_unit_test_setup_teardown(). */
int scene_set_up(void **state);
int scene_tear_down(void **state);
#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)

/* Downloads a package: as bytes, or as JSON, of which it takes the reference. */
struct rsp_profile_installation_result scene_load_bytes(struct scene *c, cr_span upp);
struct rsp_profile_installation_result scene_load(struct scene *c, json_t *package);

/* What the answers of an installation say, "4:9 12:7/1 !6:3" = warnings id:status/additional, then
 * the abort. */
const char *scene_answers(struct scene *c, const struct rsp_profile_installation_result *result);

/* Expects an abort with this reason (0 = PEProcessingError) and these answers, and a memory in
 * which nothing but the result is new. */
void scene_refused(struct scene *c, json_t *package, int64_t reason, const char *expected);
void scene_refused_bytes(struct scene *c, cr_span upp, int64_t reason, const char *expected);
/* Expects an installation with these answers, and deletes the profile. */
void scene_installed(struct scene *c, json_t *package, const char *expected);

/* ---- one change --------------------------------------------------------------------------------
 */

enum change {
    SET,    /* key of element n = text; text is JSON, a bare value as a list of one: [2] */
    DROP,   /* key of element n goes */
    INSERT, /* element "key": text in front of n */
    REMOVE, /* element n goes */
    MOVE    /* element n goes in front of element `to` */
};

struct row {
    enum change change;
    size_t n;
    const char *key, *text;
    const char *answer; /* when the element is mandated; NULL = it is not tried so */
    const char *warned; /* when it is not, and the installation goes on; NULL = it is fatal anyway,
                           or there is nothing to mandate */
    int64_t reason;     /* 0 = PEProcessingError */
};

/* A good package with the ICCID; a new reference. */
typedef json_t *(*scene_package)(cr_span iccid);

void scene_rows(struct scene *c, scene_package package, const struct row *rows, size_t count);

/* Text of an element to insert: its header, which a row's second try takes the mandate from. */
#define PACKAGE_ELEMENT(header, rest)                                                              \
    "{'" header "': {'mandated': true, 'identification': 77}" rest "}"

#endif
