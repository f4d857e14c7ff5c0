/*
 * crisp euicc fs: the files of a profile in a chip.
 */
#include "cli/euicc.h"

#include "cli/json_line.h"

#include "base/text.h"
#include "lab/answer.h"
#include "lab/files.h"
#include "rsp/ids.h"

#define CUT      32 /* bytes of a content in the tree */
#define ROW      32 /* bytes of a line of a hex dump */
#define NAME_COL 34 /* columns of indented names */

struct fs_values {
    const char *dir, *path, *profile;
    bool json, dump;
};

struct view {
    struct cli *cli;
    const struct fs_values *v;
    const struct uicc_fs *fs;
    json_t *list; /* JSON: what was printed so far */
    bool single;  /* one EF: all about it */
};

/* A content of which nothing was written: only one value all over. */
static bool is_blank(cr_span content)
{
    for (size_t i = 1; i < content.n; i++) {
        if (content.p[i] != content.p[0]) {
            return false;
        }
    }
    return content.n == 0 || content.p[0] == 0xFF || content.p[0] == 0x00;
}

static bool decoded(const struct lab_file *f, cr_span content, cr_buf *text)
{
    return f->place.depth &&
           profile_ef_text(lab_ef_place(&f->place), f->place.fid[f->place.depth - 1], content,
                           uicc_kind_has_records(f->attr.kind) ? f->attr.record_size : 0, text);
}

/* ---- for people -------------------------------------------------------------------------------
 */

/* The text of files is made by others: nothing in it may steer a terminal. */
static void put_lines(struct view *view, int indent, const char *mark, cr_buf *text)
{
    cr_span rest = cr_buf_span(text);
    while (rest.n > 0) {
        const uint8_t *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        char *line = cr_arena_strn(&view->cli->arena, cr_span_sub(rest, 0, n));
        if (line) {
            cr_text_clean(line);
            (void)fprintf(view->cli->out, "%*s%s%s\n", indent, "", mark, line);
        }
        rest = cr_span_sub(rest, n + 1, rest.n);
    }
}

static void put_hex(struct view *view, int indent, cr_span content)
{
    for (size_t at = 0; at < content.n; at += ROW) {
        cr_buf line = {0};
        cr_hex_append(&line, cr_span_sub(content, at, ROW));
        const char *hex = cr_buf_cstr(&line);
        (void)fprintf(view->cli->out, "%*s%04zX: %s\n", indent, "", at, hex ? hex : "");
        cr_buf_free(&line);
    }
}

/* Each record in hex, and what it says. */
static void put_records(struct view *view, int indent, const struct lab_file *f)
{
    size_t number = 1;
    for (size_t at = 0; at < f->content.n; at += f->attr.record_size, number++) {
        cr_span record = cr_span_sub(f->content, at, f->attr.record_size);
        cr_buf line = {0};
        cr_buf text = {0};
        cr_hex_append(&line, record);
        const char *hex = cr_buf_cstr(&line);
        (void)fprintf(view->cli->out, "%*s%3zu: %s\n", indent, "", number, hex ? hex : "");
        if (decoded(f, record, &text)) {
            put_lines(view, indent + 5, "= ", &text);
        }
        cr_buf_free(&line);
        cr_buf_free(&text);
    }
}

static void put_attributes(struct view *view, const struct lab_file *f)
{
    const struct uicc_file_attr *a = &f->attr;
    FILE *out = view->cli->out;
    char link[LAB_PATH_TEXT];
    cr_buf text = {0};
    (void)fputs(lab_file_kind_name(a->kind), out);
    if (a->kind == UICC_ADF) {
        cr_hex_append(&text, a->aid);
        (void)fprintf(out, " %s", cr_buf_cstr(&text));
    } else if (uicc_kind_has_records(a->kind)) {
        unsigned records = a->size / a->record_size;
        (void)fprintf(out, ", %u record%s of %u bytes", records, records == 1 ? "" : "s",
                      a->record_size);
    } else if (a->kind == UICC_BERTLV) {
        (void)fprintf(out, ", %zu bytes in use", f->content.n);
    } else if (!uicc_kind_is_df(a->kind)) {
        (void)fprintf(out, ", %u byte%s", a->size, a->size == 1 ? "" : "s");
    }
    if (a->sfi) {
        (void)fprintf(out, ", SFI %02X", a->sfi);
    }
    (void)fprintf(out, ", rule %04X/%u", a->arr_fid, a->arr_record);
    cr_buf_reset(&text);
    if (a->lcsi != 0x05) {
        lab_life_cycle_text(a->lcsi, &text);
        (void)fprintf(out, ", %s", cr_buf_cstr(&text));
    }
    if (lab_file_link(view->fs, f, link)) {
        (void)fprintf(out, ", link to %s", link);
    }
    cr_buf_free(&text);
}

static bool is_rules(const struct lab_file *f)
{
    return f->attr.fid == UICC_FID_ARR || f->attr.fid == UICC_FID_ARR_MF;
}

static void put_content(struct view *view, const struct lab_file *f, int indent)
{
    cr_buf text = {0};
    bool whole = view->single || view->v->dump;
    if (whole && uicc_kind_has_records(f->attr.kind)) {
        put_records(view, indent, f);
        return;
    }
    if (!whole && is_rules(f)) {
        return; /* long, and the same in every directory; with a PATH they are shown */
    }
    bool known = decoded(f, f->content, &text);
    put_lines(view, indent, "= ", &text);
    if (whole) {
        put_hex(view, indent, f->content);
    } else if (!known && !is_blank(f->content)) {
        cr_buf hex = {0};
        cr_hex_append(&hex, cr_span_sub(f->content, 0, CUT));
        const char *digits = cr_buf_cstr(&hex);
        (void)fprintf(view->cli->out, "%*s%s%s\n", indent, "", digits ? digits : "",
                      f->content.n > CUT ? "..." : "");
        cr_buf_free(&hex);
    }
    cr_buf_free(&text);
}

static cr_status put_file(void *ctx, const struct lab_file *f, struct cr_err *err)
{
    struct view *view = ctx;
    FILE *out = view->cli->out;
    char name[LAB_NAME];
    char path[LAB_PATH_TEXT];
    (void)err;
    bool df = uicc_kind_is_df(f->attr.kind);
    view->single = view->v->path && f->depth == 0 && !df;
    if (view->single) {
        cr_buf rule = {0};
        (void)fprintf(out, "%s\n", lab_place_text(&f->place, path));
        (void)fprintf(out, "file id     %04X\n", f->attr.fid);
        (void)fprintf(out, "is          ");
        put_attributes(view, f);
        lab_file_rule(view->fs, f, &rule);
        const char *text = rule.n ? cr_buf_cstr(&rule) : "no such record of EF.ARR: never";
        (void)fprintf(out, "\naccess      %s\n", text ? text : "");
        put_content(view, f, 0);
        cr_buf_free(&rule);
        return CR_OK;
    }
    int indent = 2 * (int)f->depth;
    int width = NAME_COL - indent;
    (void)fprintf(out, "%*s%-*s %04X  ", indent, "", width > 0 ? width : 0,
                  lab_file_name(&f->place, name), f->attr.fid);
    put_attributes(view, f);
    (void)fputc('\n', out);
    if (!df) {
        put_content(view, f, indent + 4);
    }
    return CR_OK;
}

/* ---- for programs -----------------------------------------------------------------------------
 */

static json_t *content_json(const struct lab_file *f)
{
    size_t record = uicc_kind_has_records(f->attr.kind) ? f->attr.record_size : 0;
    json_t *list = json_array();
    cr_buf hex = {0};
    for (size_t at = 0; record && at < f->content.n; at += record) {
        cr_buf_reset(&hex);
        cr_hex_append(&hex, cr_span_sub(f->content, at, record));
        (void)json_array_append_new(list, json_string(cr_buf_cstr(&hex)));
    }
    if (!record) {
        cr_hex_append(&hex, f->content);
        json_decref(list);
        list = json_string(cr_buf_cstr(&hex));
    }
    cr_buf_free(&hex);
    return list;
}

static cr_status add_json(void *ctx, const struct lab_file *f, struct cr_err *err)
{
    struct view *view = ctx;
    const struct uicc_file_attr *a = &f->attr;
    char text[LAB_PATH_TEXT];
    cr_buf more = {0};
    json_t *json = json_object();
    (void)err;
    cli_json_text(json, "name", lab_file_name(&f->place, text));
    cli_json_text(json, "path", lab_place_text(&f->place, text));
    (void)snprintf(text, sizeof(text), "%04X", a->fid);
    cli_json_text(json, "fid", text);
    cli_json_text(json, "type", lab_file_kind_name(a->kind));
    cli_json_hex(json, "aid", a->kind == UICC_ADF ? a->aid : (cr_span){0});
    if (!uicc_kind_is_df(a->kind)) {
        (void)json_object_set_new(json, "size", json_integer(a->size));
    }
    if (uicc_kind_has_records(a->kind)) {
        (void)json_object_set_new(json, "recordLength", json_integer(a->record_size));
        (void)json_object_set_new(json, "records", json_integer(a->size / a->record_size));
    }
    if (a->sfi) {
        (void)json_object_set_new(json, "sfi", json_integer(a->sfi));
    }
    (void)snprintf(text, sizeof(text), "%04X/%u", a->arr_fid, a->arr_record);
    cli_json_text(json, "rule", text);
    lab_file_rule(view->fs, f, &more);
    cli_json_text(json, "access", more.n ? cr_buf_cstr(&more) : NULL);
    cr_buf_reset(&more);
    lab_life_cycle_text(a->lcsi, &more);
    cli_json_text(json, "lifeCycle", cr_buf_cstr(&more));
    if (lab_file_link(view->fs, f, text)) {
        cli_json_text(json, "link", text);
    }
    cli_json_hex(json, "pinStatus", uicc_kind_is_df(a->kind) ? a->pin_status : (cr_span){0});
    if (!uicc_kind_is_df(a->kind)) {
        (void)json_object_set_new(json, "content", content_json(f));
        cr_buf_reset(&more);
        if (decoded(f, f->content, &more)) {
            cli_json_span(json, "decoded", cr_buf_span(&more));
        }
    }
    cr_buf_free(&more);
    (void)json_array_append_new(view->list, json);
    return CR_OK;
}

/* ---- the command ------------------------------------------------------------------------------
 */

static cr_status look(struct cli *cli, const struct fs_values *v, struct nvm *nvm,
                      struct cr_err *err)
{
    struct uicc_fs fs;
    char iccid[RSP_ICCID_TEXT];
    struct view view = {.cli = cli, .v = v, .fs = &fs};
    CR_TRY(lab_files_open(nvm, v->profile, &fs, iccid, err));
    view.list = v->json ? json_array() : NULL;
    lab_file_fn fn = v->json ? add_json : put_file;
    if (!v->json && !v->path) {
        (void)fprintf(cli->out, "profile %s\n", iccid);
    }
    cr_status status = v->path ? lab_files_find(&fs, cr_span_str(v->path), true, fn, &view, err)
                               : lab_files_walk(&fs, fn, &view, err);
    if (status == CR_OK && v->json) {
        json_t *json = json_object();
        cli_json_text(json, "iccid", iccid);
        (void)json_object_set(json, "files", view.list);
        cli_put_json(cli, json);
    }
    json_decref(view.list);
    return status;
}

static int fs_run(struct cli *cli, const void *values)
{
    const struct fs_values *v = values;
    struct nvm *nvm = NULL;
    struct cr_err err;
    /* The memory as it lies there: a chip that is powered on would clean up. */
    cr_status status = nvm_open(v->dir, false, &nvm, &err);
    if (status != CR_OK && err.code > 0) {
        status = cr_err_next(&err, status,
                             "stop process %ld, or look through its reader: crisp euicc apdu "
                             "--reader 'Virtual PCD' 'select MF/ADF.USIM/EF.IMSI' 'read binary'",
                             err.code);
    }
    if (status == CR_OK) {
        status = look(cli, v, nvm, &err);
    }
    nvm_close(nvm);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, v->json);
}

#define FIELD(member) .offset = offsetof(struct fs_values, member)
static const struct cli_option arguments[] = {
    {.name = "DIR",
     .kind = CLI_STRING,
     .help = "Chip made by 'crisp euicc create'.",
     .required = true,
     FIELD(dir)},
    {.name = "PATH",
     .kind = CLI_STRING,
     .help = "One file, or one directory with all below it: a path of names or file ids, such as "
             "MF/ADF.USIM/EF.IMSI, ADF.USIM/6F07, A0000000871002/6F07, 3F00/2FE2, or a name alone.",
     FIELD(path)},
};

static const struct cli_option options[] = {
    {.name = "profile",
     .kind = CLI_STRING,
     .metavar = "ICCID",
     .help = "This installed profile instead of the enabled one.",
     FIELD(profile)},
    {.name = "dump",
     .kind = CLI_FLAG,
     .help = "All contents in full, also those that are decoded or empty.",
     FIELD(dump)},
    {.name = "json",
     .kind = CLI_FLAG,
     .help = "One JSON object with a list of the files, contents in full.",
     FIELD(json)},
};

const struct cli_command cli_euicc_fs = {
    .name = "fs",
    .summary = "show the files of a profile in a chip",
    .description =
        "Shows the file system of the enabled profile as a tree: names, file ids, kinds, sizes, "
        "short ids, access rules, links; contents of known files in words, others in hex. With a "
        "PATH: that file or directory alone; a file with its access rule spelled out.\n\n"
        "Nothing is asked of the chip and nothing is changed: the directory is read as it is, PINs "
        "and access rules do not count. A chip that is being served is locked.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct fs_values),
    .run = fs_run,
    .examples = "# the whole tree\n"
                "crisp euicc fs chip\n"
                "# one file of a profile that is not enabled\n"
                "crisp euicc fs chip --profile 8988211000000000017 MF/ADF.USIM/EF.UST",
};
