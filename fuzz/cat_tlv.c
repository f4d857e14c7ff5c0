/* The coding of the toolkit: any bytes as proactive command, TERMINAL RESPONSE, ENVELOPE, TERMINAL
 * PROFILE and parameters of a channel. */
#include "fuzz.h"

#include "uicc/cat.h"

static bool inside(cr_span part, cr_span whole)
{
    return !part.p || part.n == 0 ||
           (part.p >= whole.p && part.n <= (size_t)(whole.p + whole.n - part.p));
}

static void one_line(bool (*print)(cr_buf *out, cr_span in), cr_span in, bool good)
{
    cr_buf out = {0};
    FUZZ_CHECK(print(&out, in) == good);
    FUZZ_CHECK(cr_buf_ok(&out) && out.n > 0);
    for (size_t i = 0; i < out.n; i++) {
        FUZZ_CHECK(out.p[i] >= 0x20 && out.p[i] != 0x7F);
    }
    cr_buf_free(&out);
}

static void channel(cr_span in)
{
    struct cat_channel c, again;
    cr_buf b = {0};
    if (cat_channel_read(in, &c, NULL) != CR_OK) {
        return;
    }
    FUZZ_CHECK(inside(c.nan, in) && inside(c.login, in) && inside(c.password, in));
    FUZZ_CHECK(inside(c.address, in) && inside(c.local_address, in) && inside(c.bearer, in));
    cat_channel_put(&b, &c);
    if (cr_buf_ok(&b)) {
        FUZZ_CHECK(cat_channel_read(cr_buf_span(&b), &again, NULL) == CR_OK);
        FUZZ_CHECK(again.buffer_size == c.buffer_size && again.transport == c.transport);
        FUZZ_CHECK(again.port == c.port);
        FUZZ_CHECK(cr_span_equal(again.login, c.login));
        FUZZ_CHECK(cr_span_equal(again.password, c.password));
        FUZZ_CHECK(cr_span_equal(again.bearer, c.bearer));
        FUZZ_CHECK(cr_span_equal(again.address, c.address));
        FUZZ_CHECK(cr_span_equal(again.local_address, c.local_address) || !c.address.p);
    }
    cr_buf_free(&b);
}

static void command(cr_span in)
{
    struct cat_command c;
    bool good = cat_command_read(in, &c, NULL) == CR_OK;
    if (good) {
        FUZZ_CHECK(inside(c.tlvs, in));
        channel(c.tlvs);
    }
    one_line(cat_print_command, in, good);
}

static void response(cr_span in)
{
    struct cat_response r;
    bool good = cat_response_read(in, &r, NULL) == CR_OK;
    FUZZ_CHECK(!good || inside(r.info, in));
    one_line(cat_print_response, in, good);
}

static void envelope(cr_span in)
{
    struct cat_envelope e;
    bool good = cat_envelope_read(in, &e, NULL) == CR_OK;
    FUZZ_CHECK(!good || (inside(e.tlvs, in) && e.tag > CAT_PROACTIVE));
    one_line(cat_print_envelope, in, good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cr_span in = cr_span_of(data, size);
    char name[CAT_MAX_NAN + 1];
    uint32_t seconds, tenths;
    command(in);
    response(in);
    envelope(in);
    channel(in);
    one_line(cat_print_profile, in, size > 0 && size <= CAT_MAX_PROFILE);
    if (cat_nan_read(in, name)) {
        cr_buf b = {0};
        bool dots = false;
        for (size_t i = 1; i < size; i++) {
            dots = dots || data[i] == '.';
        }
        FUZZ_CHECK(cat_nan_write(&b, cr_span_str(name), NULL) == CR_OK || dots);
        FUZZ_CHECK(dots || cr_span_equal(cr_buf_span(&b), in));
        cr_buf_free(&b);
    }
    if (cat_timer_read(in, &seconds)) {
        uint8_t back[3];
        cat_timer_write(back, seconds);
        FUZZ_CHECK(cr_span_equal(CR_SPAN_ARRAY(back), in));
    }
    (void)cat_duration_read(in, &tenths);
    return 0;
}
