/*
 * crisp bench: speed, as ratios to the bare cryptographic cost of the same run.
 */
#include "cli/bench.h"

#include "device/run.h"

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

static const struct cli_option fleet_options[] = {
    {.name = "chips",
     .letter = 'n',
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Chips in this process, each in a modem, that the procedures are for.",
     .fallback = "1000",
     .offset = offsetof(struct bench_fleet_values, chips),
     .min = 1,
     .max = DEVICE_MAX_CHIPS},
    {.name = "parallel",
     .letter = 'p',
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Procedures under way at the same time, each for another chip.",
     .fallback = "64",
     .offset = offsetof(struct bench_fleet_values, parallel),
     .min = 1,
     .max = 4096},
    {.name = "seconds",
     .letter = 's',
     .kind = CLI_INT,
     .metavar = "T",
     .help = "How long each campaign lasts.",
     .fallback = "10",
     .offset = offsetof(struct bench_fleet_values, seconds),
     .min = 1,
     .max = 86400},
    {.name = "fleet",
     .kind = CLI_STRING,
     .metavar = "N,...",
     .help = "Chips that are registered at the SM-SR: a campaign of enabling for each number, "
             "rising. At least as many as there are chips.",
     .fallback = "1000,10000,100000",
     .offset = offsetof(struct bench_fleet_values, fleet)},
    {.name = "workers",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Worker threads of each server; 0 = as many as it has by itself.",
     .fallback = "0",
     .offset = offsetof(struct bench_fleet_values, workers),
     .min = 0,
     .max = 256},
    {.name = "dir",
     .kind = CLI_STRING,
     .metavar = "DIR",
     .help = "Keep certificates and databases here, in an empty directory; without it a temporary "
             "one is used and removed.",
     .offset = offsetof(struct bench_fleet_values, dir)},
};

static const struct cli_command bench_fleet = {
    .name = "fleet",
    .summary = "SGP.02 procedures on many chips a second, in fleets of several sizes",
    .description =
        "Starts an SM-SR and an SM-DP in processes of their own, with SQLite on disk and durable "
        "commits, and puts chips in modems, their SMSC and an operator into this one. For each "
        "size of the fleet the operator has the profiles of the chips enabled, back and forth: "
        "EnableProfile by ES4, all over SMS. Then it has profiles downloaded: DownloadProfile by "
        "ES2, over HTTPS sessions, and deleted again. Fleets larger than the number of chips are "
        "filled with neighbours that are registered and have no chip.\n\n"
        "The last line is one JSON object. Of enables (in the largest fleet), downloads and "
        "deletes: how many, enables_per_second, enable_p50_ms, enable_p99_ms, CPU of both servers "
        "(smsr_cpu_ms_per_enable, smdp_cpu_ms_per_download and so on). "
        "smsr_crypto_floor_ms_per_enable, smsr_crypto_floor_ms_per_download, "
        "smdp_crypto_floor_ms_per_download: the bare OpenSSL cost, measured in the same run, of "
        "what the server cannot do without, while connections between parties last; "
        "smsr_efficiency_enable and its kin: floor divided by CPU. procedures and failed count all "
        "of them. fleet has an object for each size: registered, the figures of its campaign, "
        "memory of the SM-SR (smsr_rss_mb_begin, smsr_rss_mb), smsr_disk_kb_per_chip; "
        "smsr_memory_kb_per_chip is what a registered chip adds to the memory from the smallest "
        "size to the largest.",
    .options = fleet_options,
    .option_count = CR_COUNT(fleet_options),
    .values_size = sizeof(struct bench_fleet_values),
    .run = bench_fleet_run,
    .examples = "# three sizes of the fleet, some minutes\n"
                "crisp bench fleet --chips 1000 --seconds 10\n"
                "# a look\n"
                "crisp bench fleet --chips 50 --fleet 100 --seconds 2",
};

static const struct cli_command *const children[] = {&bench_rsp, &bench_chips, &bench_fleet, NULL};

const struct cli_command cli_bench = {
    .name = "bench",
    .summary = "measure speed",
    .children = children,
};
