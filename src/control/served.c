/* A finished run, read and unpacked beside the one that is served, so that changing from one to the other is an
 * exchange of pointers. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "strata/control.h"
#include "strata/customer.h"
#include "strata/file.h"
#include "strata/hash.h"
#include "strata/record.h"
#include "strata/results.h"
#include "strata/score.h"

#include "requests.h"

#define FILE_BYTES ((size_t)256 << 20) /* of a packed record */
#define MODEL_BYTES ((size_t)4 << 30)  /* addresses only, as the next */
#define SCRATCH_BYTES ((size_t)4 << 30)

struct strata_served {
    struct strata_arena record; /* of result */
    Strata__V1__Result *result;
    struct strata_arena model; /* of scorer, and of this struct */
    struct strata_scorer *scorer;
    struct strata_snapshot now;
    uint64_t mark;
};

/* --- what is on the disk ------------------------------------------------------------------------- */

uint64_t strata_served_mark(const char *directory)
{
    static const char *const name[] = {"manifest.json", "result.pb", "model.pb"};
    uint64_t fact[3][5] = {{0}};
    for (size_t i = 0; i < 3; i++) {
        char path[STRATA_ATTEMPT_PATH_MAX];
        struct stat seen;
        const int length = snprintf(path, sizeof path, "%s/%s", directory, name[i]);
        if (length < 0 || (size_t)length >= sizeof path || stat(path, &seen) != 0) {
            if (i == 0) return 0;
            continue;
        }
        fact[i][0] = (uint64_t)seen.st_dev;
        fact[i][1] = (uint64_t)seen.st_ino;
        fact[i][2] = (uint64_t)seen.st_size;
        fact[i][3] = (uint64_t)seen.st_mtim.tv_sec;
        fact[i][4] = (uint64_t)seen.st_mtim.tv_nsec;
    }
    return strata_hash(fact, sizeof fact);
}

/* The SHA-256 that the manifest has of a file; NULL: it has none. */
static const char *digest_of(const Strata__V1__Manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->n_files; i++)
        if (strcmp(manifest->files[i]->path, name) == 0) return manifest->files[i]->sha256;
    return NULL;
}

static strata_status check_seal(const char *directory, const char *name,
                                const Strata__V1__Manifest *manifest,
                                const struct strata_blob *file, struct strata_err *err)
{
    char hex[65];
    const char *sealed = digest_of(manifest, name);
    strata_sha256_hex(file->bytes, file->n_bytes, hex);
    if (!sealed || strcmp(sealed, hex) == 0) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_DATA,
                       "%s/%s is not the file that manifest.json has sealed: copy the run again, or "
                       "run the job again",
                       directory, name);
}

static strata_status read_file(const char *directory, const char *name, struct strata_arena *scratch,
                               struct strata_blob *out, struct strata_err *err)
{
    char *bytes = NULL;
    const char *path = strata_path_join(directory, name, scratch);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
    STRATA_TRY(strata_file_read(path, FILE_BYTES, scratch, &bytes, &out->n_bytes, err));
    out->bytes = (unsigned char *)bytes;
    return STRATA_OK;
}

/* --- unpacking ------------------------------------------------------------------------------------ */

/* The snapshot of a run that is over. */
static void fill_snapshot(const Strata__V1__Result *record, struct strata_snapshot *out)
{
    Strata__V1__JobStatus job;
    strata_record_status_fill(record, &job);
    *out = (struct strata_snapshot){
        .state = STRATA_JOB_DONE,
        .fraction = 1,
        .customers = job.customers,
        .features = job.features,
        .iteration = job.iteration,
        .candidates_total = job.candidates_total,
        .k = job.k <= STRATA_MAX_SEGMENTS ? job.k : 0,
        .objective = job.objective,
    };
    (void)snprintf(out->job, sizeof out->job, "%s", job.job); /* a longer name is cut */
    (void)snprintf(out->ending, sizeof out->ending, "%s", job.ending);
}

static strata_status open_record(const char *directory, const Strata__V1__Manifest *manifest,
                                 struct strata_arena scratch, struct strata_served *out,
                                 struct strata_err *err)
{
    struct strata_blob file = {0};
    STRATA_TRY(strata_results_read(directory, &scratch, &file, err));
    STRATA_TRY(check_seal(directory, "result.pb", manifest, &file, err));
    if (strata_arena_init(&out->record, strata_unpack_bytes(file.n_bytes)))
        out->result =
            strata_unpack(&strata__v1__result__descriptor, file.bytes, file.n_bytes, &out->record);
    if (!out->result) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the run's record");
    fill_snapshot(out->result, &out->now);
    return STRATA_OK;
}

static strata_status open_model(const char *directory, const Strata__V1__Manifest *manifest,
                                struct strata_arena scratch, struct strata_served *out,
                                struct strata_err *err)
{
    struct strata_blob file = {0};
    STRATA_TRY(read_file(directory, "model.pb", &scratch, &file, err));
    STRATA_TRY(check_seal(directory, "model.pb", manifest, &file, err));
    const char *path = strata_path_join(directory, "model.pb", &scratch);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
    return strata_scorer_open(path, &file, &out->model, &out->scorer, err);
}

static strata_status open_run(const char *directory, struct strata_arena scratch,
                              struct strata_served *out, struct strata_err *err)
{
    Strata__V1__Manifest *manifest = NULL;
    STRATA_TRY(strata_manifest_read(directory, &scratch, &manifest, err));
    STRATA_TRY(open_record(directory, manifest, scratch, out, err));
    return open_model(directory, manifest, scratch, out, err);
}

strata_status strata_served_open(const char *directory, struct strata_served **out,
                                 struct strata_err *err)
{
    struct strata_arena model = {0}, scratch = {0};
    *out = NULL;
    if (!strata_arena_init(&model, MODEL_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the run");
    struct strata_served *served = STRATA_NEW(&model, struct strata_served, 1);
    STRATA_REQUIRE(served);
    served->model = model;
    served->mark = strata_served_mark(directory);
    strata_status status = STRATA_OK;
    if (strata_arena_init(&scratch, SCRATCH_BYTES))
        status = open_run(directory, scratch, served, err);
    else
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the run");
    strata_arena_finish(&scratch);
    if (status == STRATA_OK && strata_served_mark(directory) != served->mark)
        status =
            STRATA_FAIL(err, STRATA_E_AGAIN, "%s changes while it is read: try again", directory);
    if (status != STRATA_OK) strata_served_close(&served);
    *out = served;
    return status;
}

void strata_served_close(struct strata_served **served)
{
    struct strata_served *gone = *served;
    *served = NULL;
    if (!gone) return;
    strata_arena_finish(&gone->record);
    struct strata_arena model = gone->model; /* holds the struct itself */
    strata_arena_finish(&model);
}

/* --- serving --------------------------------------------------------------------------------------- */

void strata_desk_serve(struct strata_desk *desk, struct strata_served **served)
{
    const struct strata_served *now = *served;
    *served = NULL;
    strata_desk_finish(desk);
    desk->record = now->record;
    desk->result = now->result;
    desk->model = now->model; /* holds *now */
    desk->scorer = now->scorer;
    desk->mark = now->mark;
    strata_board_publish(desk->board, &now->now);
    desk->now = strata_board_read(desk->board, NULL, NULL);
}
