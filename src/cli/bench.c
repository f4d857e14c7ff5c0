/*
 * crisp bench: speed, as ratios to the bare cryptographic cost of the same run.
 */
#include "cli/bench.h"

static const struct cli_option rsp_options[] = {
    {.name = "clients",
     .letter = 'c',
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Virtual chips that download at the same time.",
     .fallback = "16",
     .offset = offsetof(struct bench_rsp_values, clients),
     .min = 1,
     .max = 1024},
    {.name = "seconds",
     .letter = 's',
     .kind = CLI_INT,
     .metavar = "T",
     .help = "How long they do so.",
     .fallback = "10",
     .offset = offsetof(struct bench_rsp_values, seconds),
     .min = 1,
     .max = 86400},
    {.name = "profiles",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Profiles to make beforehand; the run ends early when they are used up. 0 = 600 for "
             "each second.",
     .fallback = "0",
     .offset = offsetof(struct bench_rsp_values, profiles),
     .min = 0,
     .max = 10000000},
    {.name = "workers",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Worker threads of the server; 0 = 8 for each processor.",
     .fallback = "0",
     .offset = offsetof(struct bench_rsp_values, workers),
     .min = 0,
     .max = 256},
    {.name = "dir",
     .kind = CLI_STRING,
     .metavar = "DIR",
     .help = "Keep certificates and database here; without it a temporary directory is used and "
             "removed.",
     .offset = offsetof(struct bench_rsp_values, dir)},
};

static const struct cli_command bench_rsp = {
    .name = "rsp",
    .summary = "complete SGP.22 downloads a second",
    .description =
        "Starts an SM-DP+ in a process of its own, with SQLite on disk and durable commits, and "
        "lets virtual chips download, check and install profiles from it: InitiateAuthentication, "
        "AuthenticateClient, GetBoundProfilePackage and HandleNotification over one TLS 1.3 "
        "connection for each download.\n\n"
        "The last line is one JSON object: downloads, seconds, downloads_per_second, "
        "server_cpu_ms_per_download, crypto_floor_ms_per_download (the bare OpenSSL cost, measured "
        "in the same run, of what a download cannot do without on the server), efficiency (floor "
        "divided by server CPU), p50_ms, p99_ms, server_rss_mb.",
    .options = rsp_options,
    .option_count = CR_COUNT(rsp_options),
    .values_size = sizeof(struct bench_rsp_values),
    .run = bench_rsp_run,
    .examples = "# ten seconds with sixteen chips\ncrisp bench rsp --clients 16 --seconds 10",
};

static const struct cli_option chips_options[] = {
    {.name = "chips",
     .letter = 'n',
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Chips in memory, each with its own EID.",
     .fallback = "200",
     .offset = offsetof(struct bench_chips_values, chips),
     .min = 1,
     .max = 4096},
    {.name = "seconds",
     .letter = 's',
     .kind = CLI_INT,
     .metavar = "T",
     .help = "How long profiles are installed.",
     .fallback = "10",
     .offset = offsetof(struct bench_chips_values, seconds),
     .min = 1,
     .max = 86400},
    {.name = "profiles",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Profiles to make beforehand; the run ends early when they are used up. 0 = 500 for "
             "each second.",
     .fallback = "0",
     .offset = offsetof(struct bench_chips_values, profiles),
     .min = 0,
     .max = 10000000},
    {.name = "threads",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Threads that share the chips; 0 = one for each processor.",
     .fallback = "0",
     .offset = offsetof(struct bench_chips_values, threads),
     .min = 0,
     .max = 256},
};

static const struct cli_command bench_chips = {
    .name = "chips",
    .summary = "complete installations into many chips a second",
    .description =
        "Makes chips in memory and installs profiles into one after the other, from the first "
        "authentication to the signed result, against an SM-DP+ in the same process without a "
        "network or a disk; what was installed is deleted again. Measured is the chip: CPU time in "
        "its commands, and what it takes of the process's memory.\n\n"
        "The last line is one JSON object: chips, installs, seconds, installs_per_second (with the "
        "server's work on the same processors), chip_cpu_ms_per_install, "
        "crypto_floor_ms_per_install (the bare OpenSSL cost, measured in the same run), efficiency "
        "(floor divided by CPU), memory_kb_per_chip, package_bytes, failed.",
    .options = chips_options,
    .option_count = CR_COUNT(chips_options),
    .values_size = sizeof(struct bench_chips_values),
    .run = bench_chips_run,
    .examples = "# ten seconds, five hundred chips\n"
                "crisp bench chips --chips 500 --seconds 10",
};

static const struct cli_command *const children[] = {&bench_rsp, &bench_chips, NULL};

const struct cli_command cli_bench = {
    .name = "bench",
    .summary = "measure speed",
    .children = children,
};
