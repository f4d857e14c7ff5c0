/*
 * The checker: every broken rule of a package (profile/rules.h), element by element.
 */
#ifndef CRISP_PROFILE_CHECK_H
#define CRISP_PROFILE_CHECK_H

#include "profile/package.h"
#include "profile/rules.h"
#include "profile/tree.h"

struct profile_finding {
    enum profile_severity severity;
    enum profile_rule rule; /* profile_rule() has its id, clause and text */
    size_t element;         /* index in the package, from 0 */
    enum profile_element_kind kind;
    bool has_identification;
    int64_t identification;
    const char *file; /* name of the file in question, NULL = none */
    const char *what; /* what is wrong there */
};

struct profile_check_result {
    size_t errors;
    size_t warnings;
};

/* Called for each finding, in no promised order; strings live only during the call. */
typedef void (*profile_finding_fn)(void *ctx, const struct profile_finding *finding);

/* Checks the bytes of a package. Goes on behind an element that does not decode. Fails only when
 * the package cannot be looked at at all: empty, larger than PROFILE_MAX_PACKAGE, no memory. */
cr_status profile_check(cr_span package, cr_arena *arena, profile_finding_fn found, void *ctx,
                        struct profile_check_result *result, struct cr_err *err) CR_MUST_CHECK;

/* "error: element 3 (pinCodes, id 2): pin.value: PINs are 4 to 8 digits ... (TS 102 221 9.5.1): key
 * 01: ..." as one line without newline, appended. */
void profile_finding_text(const struct profile_finding *finding, cr_buf *out);

/* What can be said about one element without the others: values of the header, of PINs and PUKs,
 * key lengths. The chip's installer asks the same. */
void profile_check_element(const struct profile_element *element, size_t index,
                           const struct profile_reporter *reporter);

/* Parts of profile_check(), for those who have the package and its tree already. */
void profile_check_order(const struct profile_package *package,
                         const struct profile_reporter *reporter);
cr_status profile_check_files(const struct profile_package *package,
                              const struct profile_tree *tree, cr_arena *arena,
                              const struct profile_reporter *reporter,
                              struct cr_err *err) CR_MUST_CHECK;
cr_status profile_check_pins(const struct profile_package *package, const struct profile_tree *tree,
                             cr_arena *arena, const struct profile_reporter *reporter,
                             struct cr_err *err) CR_MUST_CHECK;
void profile_check_applications(const struct profile_package *package,
                                const struct profile_tree *tree,
                                const struct profile_reporter *reporter);

/* True for a key reference of a global PIN or ADM key (defined for the MF). */
bool profile_key_is_global(int64_t key_reference);
/* True for a key reference of a local PIN (defined for a DF or ADF). */
bool profile_key_is_local(int64_t key_reference);

/* printf for reporters; shared by the parts. */
void profile_report(const struct profile_reporter *reporter, enum profile_rule rule, size_t element,
                    const char *file, const char *fmt, ...) CR_PRINTF(5, 6);

#endif
