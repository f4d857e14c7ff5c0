/*
 * Making elements in memory: template files from plain contents, elements with fresh
 * identifications. Private to builder and personaliser.
 */
#ifndef CRISP_PROFILE_MAKER_H
#define CRISP_PROFILE_MAKER_H

#include "profile/files.h"
#include "profile/package.h"

struct profile_maker {
    cr_arena *arena;
    struct cr_err *err;
    struct profile_element *elements; /* PROFILE_MAX_ELEMENTS */
    size_t count;
    const int64_t *taken; /* identifications that others have */
    size_t taken_count;
    int64_t next_id;
};

/* A template file as the maker takes it. Zero = what the template says. */
struct profile_file_spec {
    const char *name;     /* member of the template */
    cr_span content;      /* whole content; shorter ones leave the rest as the template has it */
    bool state_size;      /* the Fcp states size or geometry: that of content, or: */
    size_t record_length; /* LF, CY */
    size_t records;       /* LF, CY; 0 = as many as content has */
    size_t size;          /* TR, BT; 0 = length of content */
    cr_span fill_pattern; /* instead of the template's */
    cr_span aid;          /* ADF */
    cr_span pin_status;   /* MF, DF, ADF */
    uint16_t fid;         /* 0 = template */
    uint8_t sfi;          /* 1..30; 0 = template */
    bool no_sfi;          /* states that there is none */
};

/* A new element of this kind behind the others, mandated, with the next free identification. */
cr_status profile_make_element(struct profile_maker *m, enum profile_element_kind kind,
                               struct profile_element **out) CR_MUST_CHECK;

/* The same for an element with files of a template. */
cr_status profile_make_files(struct profile_maker *m, unsigned arc, unsigned version,
                             struct profile_element **out) CR_MUST_CHECK;

/* Adds a file; members have to be added in the order of the template. */
cr_status profile_make_file(struct profile_maker *m, struct profile_element *element,
                            const struct profile_file_spec *spec) CR_MUST_CHECK;

/* True when the element has this member. */
bool profile_element_has_member(const struct profile_element *element, const char *name);

/* Content items that write `content` over a file filled with `fill` bytes: runs of at least
 * PROFILE_RUN fill bytes become offsets, trailing ones vanish. Items are appended to `items`, which
 * has room for profile_items_needed(). */
#define PROFILE_RUN 4
size_t profile_items_needed(cr_span content);
size_t profile_items_write(cr_span content, const uint8_t *under, struct profile_file_item *items);

/* n bytes of size, big endian, as short as DER efFileSize is written. */
cr_status profile_make_number(struct profile_maker *m, size_t value, size_t least,
                              cr_span *out) CR_MUST_CHECK;

/* EF.ARR with the template's rules: one record for each, FF padded. */
#define PROFILE_ARR_RECORD 33
cr_status profile_make_arr(struct profile_maker *m, cr_span *content) CR_MUST_CHECK;

#endif
