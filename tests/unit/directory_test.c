/* The run directory is one run's at a time, and goes with the run that made it when that failed. */
#include "job/job_impl.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "strata/file.h"
#include "strata/log.h"

static struct strata_arena arena;
static struct strata_comm comm;
static char folder[64];

static void begin(void)
{
    comm = strata_comm_single();
    cr_assert(strata_arena_init(&arena, (size_t)1 << 24));
    (void)snprintf(folder, sizeof folder, "/tmp/strata-directory-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void end(void)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_directory_remove(folder, &err), STRATA_OK);
    strata_arena_finish(&arena);
}

TestSuite(directory, .init = begin, .fini = end);

static const char *in(const char *directory, const char *name)
{
    const char *path = strata_path_join(directory, name, &arena);
    cr_assert_not_null(path);
    return path;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void put(const char *path)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_file_write(path, "x", 1, false, &err), STRATA_OK, "%s", err.text);
}

static struct strata_job job_in(const char *directory)
{
    return (struct strata_job){
        .comm = &comm, .keep = &arena, .directory = directory, .lock_file = -1};
}

/* The lines of the log that tell this word. */
static int lines_with(const char *directory, const char *word)
{
    char *text = NULL;
    size_t n_bytes = 0;
    int n = 0;
    struct strata_err err = {0};
    cr_assert_eq(strata_file_read(in(directory, "log.jsonl"), 1 << 20, &arena, &text, &n_bytes, &err),
                 STRATA_OK, "%s", err.text);
    for (const char *at = text; (at = strstr(at, word)); at++) n++;
    return n;
}

Test(directory, an_attempt_that_was_overtaken_cannot_lengthen_the_log)
{
    struct strata_err err = {0};
    const char *directory = in(folder, "run");
    struct strata_job first = job_in(directory), second = job_in(directory);
    cr_assert_eq(strata_job_directory_open(&first, &err), STRATA_OK, "%s", err.text);
    STRATA_LOG(WARN, "first.line", "number=%d", 1);
    FILE *old = fopen(in(directory, "log.jsonl"), "a"); /* as the first attempt has it open */
    cr_assert_not_null(old);
    (void)fputs("{\"event\":\"half.a.line", old);
    cr_assert_eq(fflush(old), 0);
    cr_assert_eq(unlink(in(directory, ".lock")), 0); /* another host may not see who has it */
    cr_assert_eq(strata_job_directory_open(&second, &err), STRATA_OK, "%s", err.text);
    STRATA_LOG(WARN, "second.line", "number=%d", 2);
    (void)fputs("late.line\n", old);
    cr_assert_eq(fclose(old), 0);
    strata_job_directory_close(&second, true);
    strata_job_directory_close(&first, true);
    cr_assert_eq(lines_with(directory, "first.line"), 1, "what was logged before stays");
    cr_assert_eq(lines_with(directory, "second.line"), 1);
    cr_assert_eq(lines_with(directory, "late.line"), 0);
    cr_assert_eq(lines_with(directory, "half.a.line"), 0);
}

Test(directory, a_second_run_is_refused_and_takes_nothing_from_the_first)
{
    struct strata_err err = {0};
    const char *directory = in(folder, "run");
    struct strata_job first = job_in(directory), second = job_in(directory);
    cr_assert_eq(strata_job_directory_open(&first, &err), STRATA_OK, "%s", err.text);
    for (int i = 0; i < 2; i++) { /* the refusal must not open the door for the next one */
        err = (struct strata_err){0};
        second = job_in(directory);
        cr_assert_eq(strata_job_directory_open(&second, &err), STRATA_E_CREATE);
        cr_assert_not_null(strstr(err.text, "another run is writing"), "%s", err.text);
        strata_job_directory_close(&second, false);
        cr_assert(is_there(in(directory, ".lock")));
        cr_assert(is_there(in(directory, "log.jsonl")));
    }
    strata_job_directory_close(&first, true);
    cr_assert_not(is_there(in(directory, ".lock")));
    err = (struct strata_err){0};
    second = job_in(directory);
    cr_assert_eq(strata_job_directory_open(&second, &err), STRATA_OK, "%s", err.text);
    strata_job_directory_close(&second, true);
}

Test(directory, a_run_that_lost_the_race_for_a_new_directory_leaves_it)
{
    struct strata_err err = {0};
    const char *directory = in(folder, "run");
    cr_assert_eq(strata_directory_make(directory, &err), STRATA_OK);
    FILE *lock = fopen(in(directory, ".lock"), "w"); /* the winner has not opened its log yet */
    cr_assert_not_null(lock);
    cr_assert_eq(flock(fileno(lock), LOCK_EX), 0);
    struct strata_job job = job_in(directory);
    cr_assert_neq(strata_job_directory_open(&job, &err), STRATA_OK);
    strata_job_directory_close(&job, false);
    cr_assert(is_there(in(directory, ".lock")));
    cr_assert_eq(fclose(lock), 0);
}

Test(directory, a_failed_run_takes_the_directory_that_it_made_and_no_other)
{
    struct strata_err err = {0};
    const char *directory = in(folder, "run");
    struct strata_job job = job_in(directory);
    cr_assert_eq(strata_job_directory_open(&job, &err), STRATA_OK, "%s", err.text);
    strata_job_directory_close(&job, true); /* asked to end: try again */
    cr_assert(is_there(directory));
    put(in(directory, ".result.pb.1.tmp")); /* of a run that was killed */
    job = job_in(directory);
    cr_assert_eq(strata_job_directory_open(&job, &err), STRATA_OK, "%s", err.text);
    cr_assert_not(is_there(in(directory, ".result.pb.1.tmp")));
    strata_job_directory_close(&job, false);
    cr_assert(is_there(in(directory, "log.jsonl")), "it was there before");

    const char *fresh = in(folder, "fresh");
    job = job_in(fresh);
    cr_assert_eq(strata_job_directory_open(&job, &err), STRATA_OK, "%s", err.text);
    strata_job_directory_close(&job, false);
    cr_assert_not(is_there(fresh));
}

Test(directory, a_folder_with_somebody_elses_files_is_refused)
{
    struct strata_err err = {0};
    put(in(folder, "job.yaml")); /* a job file beside its data is no run */
    struct strata_job job = job_in(folder);
    cr_assert_eq(strata_job_directory_open(&job, &err), STRATA_E_CREATE);
    cr_assert_not_null(strstr(err.text, "holds other files"), "%s", err.text);
    cr_assert_not(is_there(in(folder, ".lock")));
}

Test(directory, an_overtaken_run_that_fails_leaves_the_directory_to_the_later_one)
{
    struct strata_err err = {0};
    const char *directory = in(folder, "run");
    struct strata_job job = job_in(directory);
    struct strata_attempt later;
    cr_assert_eq(strata_job_directory_open(&job, &err), STRATA_OK, "%s", err.text);
    cr_assert_eq(strata_attempt_begin(directory, &later, &err), STRATA_OK, "%s", err.text);
    strata_job_directory_close(&job, false);
    cr_assert(is_there(later.tray));
    cr_assert(is_there(in(directory, ".lock")), "whoever has it now");
}
