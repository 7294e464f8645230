/* A start from an earlier run: model.start names its directory, or its model.pb. */
#include <string.h>
#include <sys/stat.h>

#include "strata/file.h"

#include "job/job_impl.h"

#define MODEL_BYTES_MAX ((size_t)256 << 20)

/* Rank 0: the model's path, or NULL when model.start is something else. */
static const char *model_path(const char *start, struct strata_arena *keep)
{
    struct stat facts;
    if (stat(start, &facts) == 0 && S_ISDIR(facts.st_mode))
        return strata_path_join(start, "model.pb", keep);
    const size_t length = strlen(start);
    return length > 3 && strcmp(start + length - 3, ".pb") == 0 ? start : NULL;
}

strata_status strata_job_read_start(struct strata_job *job, const struct strata_start **out,
                                    struct strata_err *err)
{
    const struct strata_config *config = job->plan.config;
    *out = NULL;
    if (!config->model.start_file) return STRATA_OK;
    strata_status status = STRATA_OK;
    const char *path = config->model.start_file;
    char *bytes = NULL;
    size_t n_bytes = 0;
    if (job->comm->rank == 0) {
        const char *start = strata_path_join(config->directory, path, job->keep);
        const char *model = start ? model_path(start, job->keep) : NULL;
        if (!start) status = STRATA_FAIL(err, STRATA_E_MEMORY, "the path of model.start");
        if (model)
            status = strata_file_read(model, MODEL_BYTES_MAX, job->keep, &bytes, &n_bytes, err);
    }
    STRATA_TRY(strata_comm_agree(job->comm, status, err));
    STRATA_TRY(
        strata_comm_broadcast_blob(job->comm, bytes, n_bytes, 0, job->keep, &bytes, &n_bytes, err));
    if (n_bytes == 0) return STRATA_OK; /* a CSV file, which the fit reads */
    struct strata_start *start = NULL;
    const struct strata_blob model = {(unsigned char *)bytes, n_bytes};
    STRATA_TRY(strata_comm_agree(job->comm,
                                 strata_model_start(path, &model, job->keep, &start, err), err));
    *out = start;
    return STRATA_OK;
}
