/*
 * An SM-SR without a radio, for black-box tests of those who talk to it and of those who read its
 * directory.
 *
 *     smsr_peer PARTIES.ini DIR CI_FILE PORT_FILE
 *
 * Ends with SIGTERM.
 */
#include "base/file.h"
#include "m2m/service.h"
#include "smsr/smsr.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static cr_status serve(struct smsr *sr, const char *port_file, struct cr_err *err)
{
    const struct m2m_service_options options = {.m2m = smsr_messenger(sr), .workers = 4};
    struct m2m_service *service = NULL;
    char port[16];
    CR_TRY(m2m_service_start(&options, &service, err));
    (void)snprintf(port, sizeof port, "%u\n", m2m_service_port(service));
    cr_status status = cr_file_write(port_file, cr_span_str(port), 0644, err);
    while (status == CR_OK && !stop) {
        (void)usleep(50000);
        status = smsr_tick(sr, err);
    }
    m2m_service_stop(service);
    return status;
}

int main(int argc, char **argv)
{
    struct m2m_parties parties = {0};
    struct smsr *sr = NULL;
    struct cr_err err = {0};
    if (argc != 5) {
        (void)fprintf(stderr, "usage: smsr_peer PARTIES.ini DIR CI_FILE PORT_FILE\n");
        return 2;
    }
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGPIPE, SIG_IGN);
    cr_status status = m2m_parties_load(argv[1], &parties, &err);
    if (status == CR_OK) {
        const struct smsr_options options = {
            .dir = argv[2], .parties = &parties, .ci_file = argv[3], .env = cr_env_system()};
        status = smsr_open(&options, &sr, &err);
    }
    if (status == CR_OK) {
        status = serve(sr, argv[4], &err);
    }
    if (status != CR_OK) {
        (void)fprintf(stderr, "smsr_peer: %s\n", err.cause);
    }
    smsr_close(sr);
    m2m_parties_free(&parties);
    return status == CR_OK ? 0 : 1;
}
