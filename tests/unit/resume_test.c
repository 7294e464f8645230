/* What a run directory holds of an unfinished run is gone on from, or it is said why not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/job_impl.h"
#include "strata/file.h"
#include "strata/versions.h"

static struct strata_arena arena;
static struct strata_comm comm;
static char folder[64];
static char versions[STRATA_VERSIONS_BYTES];
static char told[4096]; /* what the job has warned of */

static const char *put(const char *name, const char *text)
{
    struct strata_err err = {0};
    const char *path = strata_path_join(folder, name, &arena);
    cr_assert_eq(strata_file_write(path, text, strlen(text), false, &err), STRATA_OK);
    return path;
}

static void begin(void)
{
    comm = strata_comm_single();
    strata_versions(versions);
    told[0] = '\0';
    cr_assert(strata_arena_init(&arena, (size_t)1 << 32));
    (void)snprintf(folder, sizeof folder, "/tmp/strata-resume-XXXXXX");
    cr_assert(mkdtemp(folder));
    (void)put("rows.csv", "id,x\na,1\nb,2\nc,3\n");
    (void)put("job.yaml",
              "job: small\n"
              "sources:\n  - {name: rows, files: rows.csv, key: id, columns: {x: double}}\n"
              "features:\n  - {name: x, type: numeric}\nmodel: {segments: 2, seed: 7}\n"
              "output: run\n");
}

static void end(void)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_directory_remove(folder, &err), STRATA_OK);
    strata_arena_finish(&arena);
}

TestSuite(resume, .init = begin, .fini = end);

static void warn(void *context, const char *sentence)
{
    (void)context;
    (void)snprintf(told + strlen(told), sizeof told - strlen(told), "%s\n", sentence);
}

static const struct strata_job_host host = {.warn = warn};
static struct strata_job_request request;

/* A start of the job that has come to the question what there is to go on from. */
static struct strata_job *start(void)
{
    struct strata_err err = {0};
    struct strata_problems problems = {0};
    struct strata_job *job = STRATA_NEW(&arena, struct strata_job, 1);
    request = (struct strata_job_request){.path = strata_path_join(folder, "job.yaml", &arena)};
    *job = (struct strata_job){.comm = &comm,
                               .request = &request,
                               .host = &host,
                               .keep = &arena,
                               .directory = strata_path_join(folder, "run", &arena),
                               .lock_file = -1};
    cr_assert_eq(strata_job_check(&request, 1, &arena, &job->plan, &problems, &err), STRATA_OK);
    cr_assert_eq(problems.total, 0u);
    cr_assert_eq(strata_job_directory_open(job, &err), STRATA_OK, "%s", err.text);
    cr_assert_eq(strata_job_resume(job, &err), STRATA_OK, "%s", err.text);
    return job;
}

static void leave(struct strata_job *job)
{
    strata_job_directory_close(job, true);
}

/* What a run by these versions (NULL: one that did not tell them) leaves when it is stopped in the fit. */
static void leave_checkpoint(const char *by)
{
    struct strata_err err = {0};
    struct strata_job *job = start();
    const uint64_t iteration = 5;
    const struct strata_section section[] = {{"settings", job->settings, strlen(job->settings)},
                                             {"inputs", job->inputs, strlen(job->inputs)},
                                             {"iteration", &iteration, sizeof iteration},
                                             {"fit", "state", 5},
                                             {"versions", by, by ? strlen(by) : 0}};
    cr_assert_eq(strata_checkpoint_write(&job->attempt, job->generation, section, by ? 5 : 4, &err),
                 STRATA_OK, "%s", err.text);
    leave(job);
}

Test(resume, the_same_job_goes_on)
{
    leave_checkpoint(versions);
    struct strata_job *job = start();
    cr_assert(job->resumed);
    cr_assert_eq(job->state_bytes, 5u);
    cr_assert_eq(job->generation, 2u);
    cr_assert_str_empty(told);
    leave(job);
}

Test(resume, a_picture_is_an_input_like_the_sources)
{
    char what[512] = "";
    const char *text = "<svg/>";
    (void)put("a.svg", text);
    (void)put("job.yaml",
              "job: small\n"
              "sources:\n  - {name: rows, files: rows.csv, key: id, columns: {x: double}}\n"
              "features:\n  - {name: x, type: numeric}\nmodel: {segments: 2, seed: 7}\n"
              "pictures: {Anybody: a.svg}\noutput: run\n");
    struct strata_job *job = start();
    const char *before = job->inputs;
    const uint64_t fingerprint = strata_job_files_fingerprint(job->plan.files, 1);
    leave(job);
    (void)put("a.svg", "<svg></svg>");
    job = start();
    cr_assert(strata_job_inputs_differ(before, job->inputs, what, sizeof what));
    cr_assert_not_null(strstr(what, "a.svg has been changed since"), "%s", what);
    cr_assert_neq(fingerprint, strata_job_files_fingerprint(job->plan.files, 1));
    leave(job);
    (void)put("a.svg", text);
    job = start();
    cr_assert_eq(fingerprint, strata_job_files_fingerprint(job->plan.files, 1));
    leave(job);
}

Test(resume, what_earlier_attempts_were_told_stays_with_the_run)
{
    struct strata_err err = {0};
    struct strata_job *job = start();
    for (int i = 0; i < STRATA_JOB_COMMANDS_MAX + 6; i++)
        strata_job_add_command(job, strata_arena_print(&arena, "checkpoint %d", i));
    cr_assert_eq(job->n_commands, (size_t)STRATA_JOB_COMMANDS_MAX);
    const char *commands = strata_job_commands(job);
    const struct strata_section section[] = {{"settings", job->settings, strlen(job->settings)},
                                             {"inputs", job->inputs, strlen(job->inputs)},
                                             {"versions", versions, strlen(versions)},
                                             {"commands", commands, strlen(commands)}};
    cr_assert_eq(strata_checkpoint_write(&job->attempt, 1, section, 4, &err), STRATA_OK);
    leave(job);
    job = start();
    cr_assert_eq(job->n_commands, (size_t)STRATA_JOB_COMMANDS_MAX);
    cr_assert_str_eq(job->command[0], "checkpoint 6", "the oldest go");
    strata_job_add_command(job, "stop");
    cr_assert_str_eq(job->command[job->n_commands - 2],
                     strata_arena_print(&arena, "checkpoint %d", STRATA_JOB_COMMANDS_MAX + 5));
    cr_assert_str_eq(job->command[job->n_commands - 1], "stop");
    leave(job);
}

Test(resume, however_many_commands_come_they_take_no_more_memory)
{
    struct strata_job *job = start();
    for (int i = 0; i < STRATA_JOB_COMMANDS_MAX; i++)
        strata_job_add_command(job, "set log_level debug in attempt 1 while FITTING at iteration 7");
    const size_t used = strata_arena_used(job->keep);
    for (int i = 0; i < 10000; i++) {
        strata_job_add_command(job, "set log_level info in attempt 1 while FITTING at iteration 8");
        cr_assert_not_null(strstr(strata_job_commands(job), "iteration 8\n"));
    }
    cr_assert_eq(strata_arena_used(job->keep), used);
    leave(job);
}

Test(resume, bytes_of_two_versions_are_never_mixed)
{
    static const char *const other[] = {"strata 0.0.1 with DuckDB v1.0.0", NULL};
    for (size_t i = 0; i < 2; i++) {
        told[0] = '\0';
        leave_checkpoint(other[i]);
        struct strata_job *job = start();
        cr_assert_not(job->resumed);
        cr_assert_eq(job->state_bytes, 0u);
        cr_assert(strstr(told, other[i] ? other[i] : "an earlier strata") &&
                      strstr(told, versions) && strstr(told, ".checkpoint was written by") &&
                      strstr(told, "the fit begins anew"),
                  "%s", told);
        leave(job);
    }
}
