/* Only the latest attempt changes the run directory, whenever it begins; what dead ones leave is removed. */
#include "checkpoint_world.h"

#include <pthread.h>

#include "strata/hash.h"
#include "strata/results.h"

TestSuite(attempt, .init = begin, .fini = end);

static struct strata_attempt later;

static void begin_later(void)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_attempt_begin(folder, &later, &err), STRATA_OK, "%s", err.text);
}

/* Names and sizes of all files of the run directory that are not the attempts' own, as one number. */
static uint64_t look(const char *path)
{
    uint64_t sum = 0;
    DIR *entries = opendir(path);
    cr_assert_not_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));) {
        struct stat facts;
        if (entry->d_name[0] == '.') continue;
        const char *inner = strata_path_join(path, entry->d_name, &arena);
        cr_assert_eq(stat(inner, &facts), 0);
        if (S_ISDIR(facts.st_mode))
            sum += look(inner);
        else
            sum += strata_hash(inner, strlen(inner)) + facts.st_ino;
    }
    (void)closedir(entries);
    return sum;
}

Test(attempt, numbers_rise_and_no_number_is_given_twice)
{
    cr_assert_eq(attempt.number, 1);
    for (uint32_t number = 2; number < 20; number++) {
        begin_later();
        cr_assert_eq(later.number, number);
        if (number % 2) cr_assert(strata_attempt_end(&later));
    }
}

static void *begin_in_thread(void *context)
{
    struct strata_err err = {0};
    struct strata_attempt *mine = context;
    if (strata_attempt_begin(folder, mine, &err) != STRATA_OK) {
        if (err.code != STRATA_E_UNAVAILABLE) abort();
        mine->number = 0; /* somebody was later */
    }
    return NULL;
}

Test(attempt, of_many_that_begin_at_once_the_last_alone_can_write)
{
    enum { THREADS = 8, ROUNDS = 30 };
    static struct strata_attempt racer[THREADS];
    io.skips_fsync = true;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        pthread_t thread[THREADS];
        uint32_t last = 0;
        size_t n_wrote = 0;
        for (size_t i = 0; i < THREADS; i++)
            cr_assert_eq(pthread_create(&thread[i], NULL, begin_in_thread, &racer[i]), 0);
        for (size_t i = 0; i < THREADS; i++) cr_assert_eq(pthread_join(thread[i], NULL), 0);
        for (size_t i = 0; i < THREADS; i++) {
            for (size_t j = 0; j < i; j++)
                cr_assert(racer[i].number == 0 || racer[i].number != racer[j].number);
            if (racer[i].number > last) last = racer[i].number;
        }
        for (size_t i = 0; i < THREADS; i++) {
            struct strata_err err = {0};
            if (racer[i].number == 0) continue;
            const strata_status status = write_as(&racer[i], round, &err);
            cr_assert_eq(status == STRATA_OK, racer[i].number == last, "%s", err.text);
            n_wrote += status == STRATA_OK;
        }
        cr_assert_eq(n_wrote, 1);
    }
}

/* --- a host that was cut off goes on writing ------------------------------------------------- */

/* At one call of the older attempt's work, whichever, a later one begins and sees this. */
static uint64_t seen;
static void take_over(void)
{
    begin_later();
    seen = look(folder);
}

typedef strata_status work(struct strata_err *err);

/* The work is overtaken at each of its calls in turn.  It must change nothing from then on. */
static void overtake_everywhere(void (*prepare)(void), work *do_work)
{
    bool hit = true;
    for (size_t at = 1; hit; at++) {
        struct strata_err err = {0};
        end();
        begin();
        prepare();
        io.n_calls = 0;
        io.hook = take_over;
        io.hook_at = at;
        const strata_status status = do_work(&err);
        hit = io.hook_at == 0;
        io.hook_at = 0;
        if (hit) cr_assert_eq(look(folder), seen, "call %zu: %s", at, err.text);
        if (!hit) cr_assert_eq(status, STRATA_OK, "%s", err.text);
        cr_assert(status == STRATA_OK || status == STRATA_E_UNAVAILABLE, "call %zu: %s", at,
                  err.text);
        cr_assert_lt(at, 1000);
    }
}

static void prepare_checkpoints(void)
{
    for (uint64_t generation = 1; generation <= 3; generation++) write_well(generation);
}

static strata_status write_fourth(struct strata_err *err)
{
    return write_as(&attempt, 4, err);
}

static strata_status remove_checkpoints(struct strata_err *err)
{
    return strata_checkpoint_remove(&attempt, err);
}

Test(attempt, an_overtaken_one_writes_no_checkpoint)
{
    overtake_everywhere(prepare_checkpoints, write_fourth);
}

Test(attempt, an_overtaken_one_removes_no_checkpoint)
{
    overtake_everywhere(prepare_checkpoints, remove_checkpoints);
}

static void put_in(const char *directory, const char *name, const char *text)
{
    struct strata_err err = {0};
    const char *path = strata_path_join(directory, name, &arena);
    cr_assert_eq(strata_file_write(path, text, strlen(text), false, &err), STRATA_OK, "%s",
                 err.text);
}

static const char *const result_file[] = {"assignments/part-000.parquet",
                                          "assignments/part-001.parquet",
                                          "job.yaml",
                                          "model.pb",
                                          "result.json",
                                          "manifest.json"};
enum { RESULT_FILES = sizeof result_file / sizeof *result_file };

/* Results of an earlier run, and new ones in the tray. */
static void prepare_results(void)
{
    struct strata_err err = {0};
    const char *old = strata_path_join(folder, "assignments", &arena);
    const char *new = strata_path_join(attempt.tray, "assignments", &arena);
    cr_assert_eq(strata_directory_make(old, &err), STRATA_OK);
    cr_assert_eq(strata_directory_make(new, &err), STRATA_OK);
    for (size_t i = 0; i < RESULT_FILES; i++) {
        put_in(folder, result_file[i], "old");
        put_in(attempt.tray, result_file[i], "new");
    }
    put_in(folder, "result.pb", "old");
}

static strata_status publish(struct strata_err *err)
{
    return strata_results_publish(&attempt, err);
}

Test(attempt, an_overtaken_one_publishes_nothing)
{
    overtake_everywhere(prepare_results, publish);
}

static void prepare_old_file(void)
{
    put_in(folder, "control.json", "old");
}

/* As the control channel is announced. */
static strata_status replace_file(struct strata_err *err)
{
    struct strata_err seen_here = {0};
    const char *path = strata_path_join(attempt.tray, "control.json", &arena);
    const strata_status status = strata_file_write(path, "new", 3, true, &seen_here);
    if (status != STRATA_OK) return strata_attempt_failed(&attempt, status, &seen_here, err);
    return strata_attempt_replace(&attempt, "control.json", "control.json", err);
}

Test(attempt, an_overtaken_one_replaces_nothing)
{
    overtake_everywhere(prepare_old_file, replace_file);
}

static bool holds(const char *name, const char *text)
{
    char *bytes = NULL;
    size_t n = 0;
    struct strata_err err = {0};
    const char *path = strata_path_join(folder, name, &arena);
    return strata_file_read(path, 100, &arena, &bytes, &n, &err) == STRATA_OK &&
           strcmp(bytes, text) == 0;
}

/* A seal over files of two runs would be a lie. */
Test(attempt, where_publishing_fails_there_is_no_seal_or_a_whole_run_under_it)
{
    static const int error_of[] = {ENOSPC, EIO, EDQUOT, EINTR};
    for (size_t e = 0; e < 4; e++) {
        bool hit = true;
        for (size_t at = 1; hit; at++) {
            struct strata_err err = {0};
            end();
            begin();
            prepare_results();
            io.n_calls = 0;
            io.hit = false;
            io.fail_at = at;
            io.fail_errno = error_of[e];
            const strata_status status = publish(&err);
            hit = io.hit;
            io.fail_at = 0;
            cr_assert(status == STRATA_OK || status == STRATA_E_IO || status == STRATA_E_CREATE);
            const char *whole = holds("manifest.json", "new")   ? "new"
                                : holds("manifest.json", "old") ? "old"
                                                                : NULL;
            cr_assert(whole || status != STRATA_OK);
            for (size_t i = 0; whole && i < RESULT_FILES; i++)
                cr_assert(holds(result_file[i], whole), "call %zu: %s", at, result_file[i]);
            if (whole) cr_assert_eq(holds("result.pb", "old"), *whole == 'o');
        }
    }
}

/* --- what is left ---------------------------------------------------------------------------- */

Test(attempt, trays_of_dead_attempts_are_removed)
{
    struct strata_err err = {0};
    put_in(attempt.tray, "half", "x");
    const char *dead = strata_path_join(folder, ".attempts/000001.dead/deep", &arena);
    cr_assert_eq(strata_directory_make(dead, &err), STRATA_OK);
    begin_later();
    cr_assert_neq(access(attempt.tray, F_OK), 0);
    cr_assert_neq(access(dead, F_OK), 0);
    cr_assert_not(strata_attempt_end(&attempt), "it is not its own any more");
    cr_assert(strata_attempt_end(&later));
    cr_assert_neq(access(later.tray, F_OK), 0);
    cr_assert_eq(write_as(&later, 1, &err), STRATA_E_UNAVAILABLE, "it has ended");
}

Test(attempt, temporary_folders_and_segments_of_dead_attempts_are_removed_and_no_others)
{
    struct strata_err err = {0};
    char first[256], second[256], other[256], segment[64];
    struct strata_attempt elsewhere;
    cr_assert_eq(setenv("TMPDIR", strata_path_join(folder, "", &arena), 1), 0);
    cr_assert_eq(strata_attempt_join("/somewhere/else", 1, &elsewhere, &err), STRATA_OK);
    cr_assert_eq(strata_attempt_temporary(&elsewhere, NULL, 0, other, sizeof other, &err),
                 STRATA_OK);
    cr_assert_eq(strata_attempt_temporary(&attempt, NULL, 3, first, sizeof first, &err), STRATA_OK);
    (void)snprintf(segment, sizeof segment, "/dev/shm/strata-test-%ld", (long)getpid());
    put_in("", segment, "shared");
    FILE *list = fopen(strata_path_join(first, "segments", &arena), "w");
    cr_assert_not_null(list);
    (void)fprintf(list, "%s\n/dev/shm/../../etc/passwd\n%s\n", segment, other);
    cr_assert_eq(fclose(list), 0);

    begin_later();
    cr_assert_eq(strata_attempt_temporary(&later, NULL, 0, second, sizeof second, &err), STRATA_OK);
    cr_assert_neq(access(first, F_OK), 0);
    cr_assert_neq(access(segment, F_OK), 0);
    cr_assert_eq(access(other, F_OK), 0);
    cr_assert_eq(access(second, F_OK), 0);
    char third[256]; /* its own attempt's are alive */
    cr_assert_eq(strata_attempt_temporary(&later, NULL, 1, third, sizeof third, &err), STRATA_OK);
    cr_assert_eq(access(second, F_OK), 0);
}
