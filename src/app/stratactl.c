/* stratactl: asks, watches and steers jobs, and shows what finished runs found.  Links no MPI. */
#include "stratactl.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/customer.h"
#include "strata/json_view.h"
#include "strata/score.h"

#include "terminal.h"

#define MEMORY_BYTES ((size_t)4 << 30) /* addresses only: the largest reply fits */

static const struct command {
    const char *name, *operand, *summary;
    strata_status (*run)(struct strata_session *session, struct strata_err *err);
} commands[] = {
    {"status", "", "what the job is doing", strata_ctl_status},
    {"watch", "", "follow the job until it is over, also when it is started again", strata_ctl_watch},
    {"events", "", "every event in a line: stages, candidates, checkpoints, warnings",
     strata_ctl_events},
    {"health", "", "whether the job moves and the server is well", strata_ctl_health},
    {"metrics", "", "OpenMetrics text, for a collector", strata_ctl_metrics},
    {"segments", "", "the segments: names, sizes, who they are (interim sizes while it runs)",
     strata_ctl_segments},
    {"persona", "[SEGMENT]", "one segment in words, by number or name; or all of them",
     strata_ctl_persona},
    {"customer", "KEY", "one customer of a finished run: which segment, how sure, and why",
     strata_ctl_customer},
    {"evaluation", "", "how the number of segments was chosen, and how good they are",
     strata_ctl_evaluation},
    {"quality", "", "what was wrong, missing or odd in the data, counted", strata_ctl_quality},
    {"manifest", "", "how the run was made: versions, stages, commands, files", strata_ctl_manifest},
    {"assign", "FILE", "new customers' segments: a CSV or Parquet file, or - for CSV; gives CSV",
     strata_ctl_assign},
    {"explain", "FILE", "the same with reasons", strata_ctl_explain},
    {"stop", "", "finish with the best model so far", strata_ctl_stop},
    {"checkpoint", "", "write a checkpoint at once, and go on", strata_ctl_checkpoint},
    {"pause", "", "wait at the end of an iteration, with the state on disk", strata_ctl_pause},
    {"resume", "", "go on after a pause", strata_ctl_resume},
    {"cancel", "", "end without a result; checkpoints stay", strata_ctl_cancel},
    {"set", "KEY=VALUE",
     "of the fit: tolerance=X, max_iter=N, drop=K[/START], freeze=K, log_level=L", strata_ctl_set},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static void help(FILE *stream)
{
    (void)fprintf(stream,
                  "stratactl %s: asks, watches and steers Strata's jobs\n\n"
                  "usage: stratactl (--run DIR | --endpoint E) [options] COMMAND\n\n"
                  "commands:\n",
                  STRATA_VERSION);
    for (size_t i = 0; i < N_COMMANDS; i++)
        (void)fprintf(stream, "  %-10s %-10s %s\n", commands[i].name, commands[i].operand,
                      commands[i].summary);
    (void)fputs(
        "\noptions:\n"
        "  -r, --run DIR         the job's run directory; a finished run answers without a server\n"
        "  -e, --endpoint E      where it listens, for example tcp://127.0.0.1:7001\n"
        "  -k, --keys DIR        your keys, as strata keygen made them (default: $STRATA_KEYS)\n"
        "  -j, --json            one line of JSON an answer (of strata.v1.Reply and Event)\n"
        "  -t, --timeout S       seconds to wait for an answer (default 5)\n"
        "  -w, --wait S          watch, events: seconds for a job that is gone to come back (default 60)\n"
        "  -h, --help            this text\n"
        "      --version         the version\n\n"
        "Exit codes: 0 done, 64 usage, 65 data, 66 no such segment or customer, 69 nobody answers, or not now,\n"
        "            75 ask again, or accepted but not yet in effect, 77 not allowed, 78 keys that are no good,\n"
        "            130 interrupted, or the watched job was cancelled\n",
        stream);
}

strata_status strata_ctl_json(const struct ProtobufCMessage *message, struct strata_arena scratch,
                              struct strata_err *err)
{
    const char *text = strata_json_view(message, STRATA_JSON_LINE, &scratch, NULL);
    if (!text) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the answer as JSON");
    (void)puts(text); /* seen at the end, with everything that was printed */
    (void)fflush(stdout);
    return STRATA_OK;
}

/* --- arguments ---------------------------------------------------------------------------------- */

static strata_status parse_timeout(const char *text, int *timeout_ms, struct strata_err *err)
{
    char *end = NULL;
    const double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !(seconds >= 0.001 && seconds <= 3600))
        return STRATA_FAIL(err, STRATA_E_USAGE, "--timeout takes seconds, from 0.001 to 3600");
    *timeout_ms = (int)(seconds * 1000 + 0.5);
    return STRATA_OK;
}

static strata_status parse_wait(const char *text, int *wait_s, struct strata_err *err)
{
    char *end = NULL;
    const long seconds = strtol(text, &end, 10);
    if (end == text || *end != '\0' || seconds < 0 || seconds > 1000000)
        return STRATA_FAIL(err, STRATA_E_USAGE, "--wait takes whole seconds, from 0 to 1000000");
    *wait_s = (int)seconds;
    return STRATA_OK;
}

static strata_status find_command(int argc, char **argv, const struct command **command,
                                  struct strata_session *session, struct strata_err *err)
{
    if (optind >= argc)
        return STRATA_FAIL(err, STRATA_E_USAGE, "a command is missing; see stratactl --help");
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, argv[optind]) == 0) *command = &commands[i];
    if (!*command)
        return STRATA_FAIL(err, STRATA_E_USAGE, "unknown command \"%s\"; see stratactl --help",
                           argv[optind]);
    const int most = (*command)->operand[0] ? 2 : 1;
    if (argc - optind > most)
        return STRATA_FAIL(err, STRATA_E_USAGE, "usage: stratactl (--run DIR | --endpoint E) %s %s",
                           (*command)->name, (*command)->operand);
    session->operand = argc - optind == 2 ? argv[optind + 1] : NULL;
    if (!session->target.run == !session->target.endpoint)
        return STRATA_FAIL(err, STRATA_E_USAGE,
                           "give either --run DIR or --endpoint E; see stratactl --help");
    return STRATA_OK;
}

enum { OPTION_VERSION = 256 };

/* What an argument list asks for; *command stays NULL when help or the version was all. */
static strata_status parse(int argc, char **argv, const struct command **command,
                           struct strata_session *session, struct strata_err *err)
{
    static const struct option options[] = {
        {"run", required_argument, NULL, 'r'},
        {"endpoint", required_argument, NULL, 'e'},
        {"keys", required_argument, NULL, 'k'},
        {"json", no_argument, NULL, 'j'},
        {"timeout", required_argument, NULL, 't'},
        {"wait", required_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, OPTION_VERSION},
        {NULL, 0, NULL, 0},
    };
    opterr = 0;
    const char *keys = getenv("STRATA_KEYS");
    if (keys && *keys) session->target.keys = keys;
    for (int option; (option = getopt_long(argc, argv, ":r:e:k:jt:w:h", options, NULL)) != -1;) {
        switch (option) {
        case 'r':
            session->target.run = optarg;
            break;
        case 'e':
            session->target.endpoint = optarg;
            break;
        case 'k':
            session->target.keys = optarg;
            break;
        case 'j':
            session->json = true;
            break;
        case 't':
            STRATA_TRY(parse_timeout(optarg, &session->target.timeout_ms, err));
            break;
        case 'w':
            STRATA_TRY(parse_wait(optarg, &session->wait_s, err));
            break;
        case 'h':
            help(stdout);
            return STRATA_OK;
        case OPTION_VERSION:
            (void)printf("stratactl %s\n", STRATA_VERSION);
            return STRATA_OK;
        default:
            return STRATA_FAIL(err, STRATA_E_USAGE, "%s %s; see stratactl --help",
                               option == ':' ? "a value is missing after" : "unknown option",
                               argv[optind - 1]);
        }
    }
    return find_command(argc, argv, command, session, err);
}

/* --- main --------------------------------------------------------------------------------------- */

static strata_status run(int argc, char **argv, struct strata_err *err)
{
    struct strata_session session = {
        .target = {.look = strata_customer_look, .score = strata_score_look}, .wait_s = 60};
    const struct command *command = NULL;
    STRATA_TRY(parse(argc, argv, &command, &session, err));
    if (!command) return STRATA_OK;
    if (!strata_arena_init(&session.memory, MEMORY_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY,
                           "the system gives no address space; is there a limit (ulimit -v)?");
    strata_status status = strata_client_open(&session.target, &session.client, err);
    if (status == STRATA_OK) status = command->run(&session, err);
    strata_client_close(&session.client);
    strata_arena_finish(&session.memory);
    return status;
}

int main(int argc, char **argv)
{
    static struct strata_err err;
    strata_status status = run(argc, argv, &err);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (status == STRATA_OK)
            status = STRATA_FAIL(&err, STRATA_E_IO, "the output cannot be written");
    }
    if (status != STRATA_OK && status != STRATA_E_CANCELLED) {
        struct strata_line line = {.width = 0};
        strata_line_text(&line, err.text[0] ? err.text : strata_status_word(status), 4000,
                         strata_terminal_of(stderr).utf8);
        (void)fprintf(stderr, "stratactl: %s\n", line.text);
    }
    return strata_status_exit_code(status);
}
