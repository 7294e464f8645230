/* strata: the engine.  One program for one rank and for many; `strata help` lists what it does. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve.h"
#include "strata/host.h"
#include "strata/job.h"
#include "strata/log.h"
#include "strata/watch.h"
#include "strata_app.h"

static strata_status serve(struct strata_comm *comm, const struct strata_arguments *arguments,
                           struct strata_arena *keep, struct strata_err *err)
{
    (void)keep;
    if (comm->rank != 0) return STRATA_OK;
    return strata_app_serve(arguments->operand, arguments->endpoint, arguments->keys, err);
}

static const struct command {
    const char *name, *operand, *summary;
    strata_status (*run)(struct strata_comm *comm, const struct strata_arguments *arguments,
                         struct strata_arena *keep, struct strata_err *err);
} commands[] = {
    {"check", "JOB", "tell all problems of a job file, its plan and the memory it needs; run nothing",
     strata_app_check},
    {"run", "JOB", "segment: read, fit, describe, write the run directory", strata_app_run},
    {"report", "RUN", "write a finished run's report.html again, or print it as Markdown",
     strata_app_report},
    {"serve", "RUN", "answer control clients from a finished run", serve},
    {"keygen", "DIR", "make keys of the control channel, for a server and its clients",
     strata_app_keygen},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static void help(FILE *stream)
{
    (void)fprintf(stream, "strata %s: segments customers and explains the segments\n\nusage:\n",
                  STRATA_VERSION);
    for (size_t i = 0; i < N_COMMANDS; i++)
        (void)fprintf(stream, "  strata %-6s %s   %s\n", commands[i].name, commands[i].operand,
                      commands[i].summary);
    (void)fputs(
        "\noptions:\n"
        "  -o, --output DIR      run: the run directory, instead of the job's own\n"
        "  -s, --set KEY=VALUE   run, check: override a key of the job file, for example model.seed=7\n"
        "  -n, --ranks N         check: plan for N ranks (default 1)\n"
        "      --format F        report: html (default), or markdown on standard output\n"
        "  -e, --endpoint E      serve: where to listen, for example tcp://127.0.0.1:*\n"
        "      --client N:ROLE   keygen: a client N, a viewer, analyst or operator; again for more\n"
        "  -k, --keys DIR        serve: the server's keys, for clients of other hosts\n"
        "      --stall-limit S   run: end with 75 when a rank has not answered for S seconds (60; 0 never)\n"
        "      --replay FILE     run: give the commands of an earlier run again, from its manifest.json\n"
        "      --fresh           run: start anew, even if the run directory holds an unfinished run\n"
        "      --max-runtime S   run: stop in time to end within S seconds, with exit code 75\n"
        "      --deadline T      run: the same by T, seconds since 1970 (default: $STRATA_DEADLINE)\n"
        "  -q, --quiet           no progress and no table\n"
        "  -v, --verbose         events on standard error\n"
        "  -h, --help            this text\n"
        "      --version         the version\n\n"
        "Many ranks: mpirun -n 4 strata run JOB\n"
        "Exit codes: 0 done, 64 usage, 65 data, 66 no input, 69 unavailable, 70 bug, 71 system,\n"
        "            73 cannot create, 74 input/output, 75 try again, 77 permission,\n"
        "            78 configuration, 130 cancelled\n",
        stream);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

enum {
    OPTION_VERSION = 256,
    OPTION_STALL_LIMIT,
    OPTION_FRESH,
    OPTION_REPLAY,
    OPTION_MAX_RUNTIME,
    OPTION_DEADLINE,
    OPTION_FORMAT,
    OPTION_CLIENT
};

/* What else an argument list may ask for than a command. */
struct asked {
    bool help, version, verbose;
};

static strata_status take_ranks(const char *text, int *ranks, struct strata_err *err)
{
    char *end = NULL;
    const long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 1 || number > 4096)
        return STRATA_FAIL(err, STRATA_E_USAGE, "--ranks takes a number from 1 to 4096");
    *ranks = (int)number;
    return STRATA_OK;
}

static strata_status take_stall_limit(const char *text, double *limit_s, struct strata_err *err)
{
    char *end = NULL;
    const long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 0 || number > 86400)
        return STRATA_FAIL(err, STRATA_E_USAGE,
                           "--stall-limit takes seconds from 1 to 86400, or 0 for none");
    *limit_s = (double)number;
    return STRATA_OK;
}

static strata_status take_seconds(const char *text, const char *option, double *seconds,
                                  struct strata_err *err)
{
    char *end = NULL;
    *seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !(*seconds > 0 && *seconds < 1e12))
        return STRATA_FAIL(err, STRATA_E_USAGE, "%s takes seconds above 0", option);
    return STRATA_OK;
}

static strata_status take_option(int option, char **argv, struct strata_arguments *arguments,
                                 struct asked *asked, struct strata_err *err)
{
    switch (option) {
    case 'o':
        arguments->output = optarg;
        return STRATA_OK;
    case 's':
        if (arguments->n_set == STRATA_SET_MAX)
            return STRATA_FAIL(err, STRATA_E_USAGE, "more than %d --set options", STRATA_SET_MAX);
        arguments->set[arguments->n_set++] = optarg;
        return STRATA_OK;
    case 'n':
        return take_ranks(optarg, &arguments->ranks, err);
    case 'e':
        arguments->endpoint = optarg;
        return STRATA_OK;
    case 'k':
        arguments->keys = optarg;
        return STRATA_OK;
    case OPTION_STALL_LIMIT:
        return take_stall_limit(optarg, &arguments->stall_limit_s, err);
    case OPTION_REPLAY:
        arguments->replay = optarg;
        return STRATA_OK;
    case OPTION_FRESH:
        arguments->fresh = true;
        return STRATA_OK;
    case OPTION_MAX_RUNTIME:
        return take_seconds(optarg, "--max-runtime", &arguments->max_runtime_s, err);
    case OPTION_DEADLINE:
        return take_seconds(optarg, "--deadline", &arguments->deadline_s, err);
    case OPTION_FORMAT:
        arguments->markdown = strcmp(optarg, "markdown") == 0;
        if (arguments->markdown || strcmp(optarg, "html") == 0) return STRATA_OK;
        return STRATA_FAIL(err, STRATA_E_USAGE, "--format takes html or markdown");
    case OPTION_CLIENT:
        if (arguments->n_clients == STRATA_CLIENT_MAX)
            return STRATA_FAIL(err, STRATA_E_USAGE, "more than %d --client options",
                               STRATA_CLIENT_MAX);
        arguments->client[arguments->n_clients++] = optarg;
        return STRATA_OK;
    case 'q':
        arguments->quiet = true;
        return STRATA_OK;
    case 'v':
        asked->verbose = true;
        return STRATA_OK;
    case 'h':
        asked->help = true;
        return STRATA_OK;
    case OPTION_VERSION:
        asked->version = true;
        return STRATA_OK;
    default:
        return STRATA_FAIL(err, STRATA_E_USAGE, "%s %s; see strata --help",
                           option == ':' ? "a value is missing after" : "unknown option",
                           argv[optind - 1]);
    }
}

static strata_status take_options(int argc, char **argv, struct strata_arguments *arguments,
                                  struct asked *asked, struct strata_err *err)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"set", required_argument, NULL, 's'},
        {"ranks", required_argument, NULL, 'n'},
        {"endpoint", required_argument, NULL, 'e'},
        {"quiet", no_argument, NULL, 'q'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"stall-limit", required_argument, NULL, OPTION_STALL_LIMIT},
        {"fresh", no_argument, NULL, OPTION_FRESH},
        {"replay", required_argument, NULL, OPTION_REPLAY},
        {"max-runtime", required_argument, NULL, OPTION_MAX_RUNTIME},
        {"deadline", required_argument, NULL, OPTION_DEADLINE},
        {"keys", required_argument, NULL, 'k'},
        {"client", required_argument, NULL, OPTION_CLIENT},
        {"format", required_argument, NULL, OPTION_FORMAT},
        {"version", no_argument, NULL, OPTION_VERSION},
        {NULL, 0, NULL, 0},
    };
    opterr = 0;
    arguments->ranks = 1;
    arguments->stall_limit_s = STRATA_STALL_LIMIT_S;
    const char *deadline = getenv("STRATA_DEADLINE"); /* what a batch file knows of its allocation */
    if (deadline && *deadline)
        STRATA_TRY(take_seconds(deadline, "STRATA_DEADLINE", &arguments->deadline_s, err));
    for (int option; (option = getopt_long(argc, argv, ":o:s:n:e:k:qvh", options, NULL)) != -1;)
        STRATA_TRY(take_option(option, argv, arguments, asked, err));
    return STRATA_OK;
}

/* What an argument list asks for: a command with its arguments, or help or the version (then *command is NULL). */
static strata_status parse(int argc, char **argv, const struct command **command,
                           struct strata_arguments *arguments, bool *verbose, struct strata_err *err)
{
    struct asked asked = {0};
    *command = NULL;
    STRATA_TRY(take_options(argc, argv, arguments, &asked, err));
    *verbose = asked.verbose;
    if (asked.version) {
        (void)printf("strata %s\n", STRATA_VERSION);
        return STRATA_OK;
    }
    const char *name = optind < argc ? argv[optind] : NULL;
    if (asked.help || (name && strcmp(name, "help") == 0)) {
        help(stdout);
        return STRATA_OK;
    }
    if (!name) return STRATA_FAIL(err, STRATA_E_USAGE, "a command is missing; see strata --help");
    const struct command *found = find_command(name);
    if (!found)
        return STRATA_FAIL(err, STRATA_E_USAGE, "unknown command \"%s\"; see strata --help", name);
    if (optind + 2 != argc)
        return STRATA_FAIL(err, STRATA_E_USAGE, "usage: strata %s [options] %s", found->name,
                           found->operand);
    arguments->operand = argv[optind + 1];
    *command = found;
    return STRATA_OK;
}

/* Addresses for all stages; pages cost memory only once touched. */
static size_t arena_bytes(void)
{
    const size_t floor_bytes = (size_t)1 << 32;
    const size_t bytes = (size_t)strata_host_memory_bytes();
    return bytes > floor_bytes ? bytes : floor_bytes;
}

static strata_status run_command(struct strata_comm *comm, int argc, char **argv,
                                 struct strata_err *err)
{
    static struct strata_arguments arguments;
    const struct command *command = NULL;
    bool verbose = false;
    STRATA_TRY(parse(argc, argv, &command, &arguments, &verbose, err)); /* alike on all ranks */
    if (!command) return STRATA_OK;
    strata_log_init(comm->rank, verbose ? STRATA_LOG_INFO : STRATA_LOG_ERROR);
    strata_job_signals_install();
    struct strata_arena keep;
    strata_status status = STRATA_OK;
    if (!strata_arena_init(&keep, arena_bytes()))
        status = STRATA_FAIL(err, STRATA_E_MEMORY,
                             "the system gives no address space; is there a limit (ulimit -v)?");
    if (comm->size > 1) strata_watch_await(arguments.stall_limit_s);
    status = strata_comm_agree(comm, status, err);
    strata_watch_await(0);
    if (status == STRATA_OK) status = command->run(comm, &arguments, &keep, err);
    strata_arena_finish(&keep);
    return status;
}

/* One message, from one rank: the lowest that failed tells rank 0. */
static void tell(const struct strata_comm *comm, strata_status status, const struct strata_err *err)
{
    if (comm->rank != 0 || status == STRATA_OK) return;
    const char *text = err->text[0] ? err->text : strata_status_word(status);
    if (err->rank > 0)
        (void)fprintf(stderr, "strata: rank %d: %s\n", err->rank, text);
    else
        (void)fprintf(stderr, "strata: %s\n", text);
}

int main(int argc, char **argv)
{
    static struct strata_err err;
    struct strata_comm comm = strata_comm_single();
    const bool launched = strata_comm_launched();
    strata_status status = STRATA_OK;
    if (launched) status = strata_comm_mpi_init(&comm, &argc, &argv, &err);
    if (status == STRATA_OK) {
        if (comm.rank != 0) (void)!freopen("/dev/null", "w", stdout); /* rank 0 speaks for all */
        status = comm.size <= 4096 ? run_command(&comm, argc, argv, &err)
                                   : STRATA_FAIL(&err, STRATA_E_USAGE, "at most 4096 ranks");
        tell(&comm, status, &err);
        if (launched) strata_comm_mpi_finish(&comm);
    } else {
        tell(&comm, status, &err);
    }
    return strata_status_exit_code(status);
}
