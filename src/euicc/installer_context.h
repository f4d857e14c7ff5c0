/*
 * What the files of the interpreter share: the file system under construction and what elements
 * refer to ("the nearest preceding USIM", "the PIN context").
 */
#ifndef CRISP_EUICC_INSTALLER_CONTEXT_H
#define CRISP_EUICC_INSTALLER_CONTEXT_H

#include "euicc/installer.h"
#include "gp/perso.h"
#include "profile/files.h"
#include "uicc/auth.h"
#include "uicc/pin.h"

#define INSTALLER_MAX_DFS     256 /* DFs and ADFs whose PIN status templates are checked at the end */
#define INSTALLER_MAX_CREATED 512 /* files of one element that are taken back when it fails */

struct euicc_installer {
    struct uicc_fs fs;
    struct gp_registry registry;
    bool strict_test_keys, test_profile;
    uint8_t iccid[10];        /* swapped */
    bool iccid_given;         /* by the metadata; else it is the header's */
    cr_buf pol, connectivity; /* of the header */

    bool iot; /* an IoT minimal profile, by its header */
    uint8_t iot_aid[PROFILE_IOT_AID];
    size_t iot_aid_size;
    bool services[PROFILE_SERVICES]; /* of the header */

    size_t count;           /* elements executed */
    bool mandated;          /* of the element under way */
    int64_t identification; /* of the element under way */
    bool ended;

    /* Context of the elements to come; 0 = none. */
    uicc_file usim, isim, csim;
    uicc_file naa;         /* the nearest preceding ADF of any kind */
    uicc_file pin_context; /* first DF or ADF of the nearest element that created one */
    bool has_sd;
    unsigned seen[PROFILE_KINDS]; /* elements of a kind; those of an application count from it on */
    uicc_file pin_contexts[INSTALLER_MAX_DFS]; /* that have a PINCodes element */
    size_t pin_context_count;
    uint8_t puk_wanted[32]; /* bit set of the unblocking PINs that PINs name */

    uicc_file dfs[INSTALLER_MAX_DFS];
    size_t df_count;
    uint8_t seen_ids[4096]; /* bit set of identifications */

    uicc_file created[INSTALLER_MAX_CREATED]; /* by the element under way */
    size_t created_count;

    struct rsp_pe_status warnings[64];
    size_t warning_count;
    enum euicc_install_step special; /* how it ended when not by a PEStatus */
    cr_buf response;
};

/* What an element came to: RSP_PE_OK or a code, with the answer's details. */
struct pe_result {
    int64_t status; /* enum rsp_pe_status_code or a status word */
    bool fatal;     /* abort whatever "mandated" says */
    bool has_additional;
    int64_t additional;
};

static inline struct pe_result pe_ok(void)
{
    return (struct pe_result){.status = RSP_PE_OK};
}

/* A problem that aborts when the element is mandated, and is a warning otherwise. */
static inline struct pe_result pe_problem(enum rsp_pe_status_code status)
{
    return (struct pe_result){.status = status};
}

static inline struct pe_result pe_fatal(enum rsp_pe_status_code status)
{
    return (struct pe_result){.status = status, .fatal = true};
}

/* A failure of the file system as a result: full memory, wrong values. */
struct pe_result pe_of_failure(cr_status status, const struct cr_err *err);

/* Keeps a problem that does not end the installation; the element goes on. */
void installer_warn(struct euicc_installer *in, enum rsp_pe_status_code status);
void installer_warn_about(struct euicc_installer *in, const struct pe_result *result);

/* installer_files.c */

/* Makes the file that profile_file_resolve() described: below parent, the MF and ADFs where they
 * belong. row NULL = file management. The initial content is there, that of the package is not. */
struct pe_result installer_make_file(struct euicc_installer *in, uicc_file parent,
                                     const struct profile_template_member *row,
                                     const struct profile_fcp *fcp,
                                     const struct profile_file_attributes *file, uicc_file *out);

/* Writes that follow one Fcp: a position that offsets and contents move. BER-TLV content may come
 * in pieces: it is written when it is whole. Begin with {0}; free pieces. */
struct installer_filler {
    uicc_file file; /* 0 = none, or one that takes no content: a DF, a link */
    size_t position;
    bool bertlv;
    size_t room;   /* bytes a BER-TLV file takes */
    cr_buf pieces; /* of a BER-TLV file */
};
void installer_filler_start(const struct euicc_installer *in, struct installer_filler *f,
                            uicc_file file);
struct pe_result installer_filler_content(struct euicc_installer *in, struct installer_filler *f,
                                          cr_span data);
struct pe_result installer_filler_offset(struct installer_filler *f, int64_t offset);
struct pe_result installer_filler_end(struct euicc_installer *in, struct installer_filler *f);

struct pe_result installer_files(struct euicc_installer *in, const struct profile_files *fs,
                                 enum profile_element_kind kind);
/* Takes back the files of an element that failed without ending the installation. */
void installer_undo(struct euicc_installer *in);

/* installer_gfm.c */
struct pe_result installer_gfm(struct euicc_installer *in, const struct profile_gfm *gfm);

/* installer_codes.c: PINs, PUKs, network authentication */
struct pe_result installer_pins(struct euicc_installer *in, const struct profile_pin_codes *codes);
struct pe_result installer_puks(struct euicc_installer *in, const struct profile_puk_codes *codes);
struct pe_result installer_aka(struct euicc_installer *in, const struct profile_aka *aka);
/* Every key reference of every PIN status template is defined, and every unblocking PIN that a PIN
 * names: else pin-code-missing. */
struct pe_result installer_check_pins(const struct euicc_installer *in);

#endif
