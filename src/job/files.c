/* Files that the job file names beside its sources: the model of an earlier run, and pictures.  They are
 * read once, when the job is checked. */
#include <string.h>
#include <sys/stat.h>

#include "strata/file.h"
#include "strata/hash.h"

#include "job/job_impl.h"

#define MODEL_BYTES_MAX ((size_t)256 << 20)

static bool is_directory(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static bool is_model(const char *path)
{
    const size_t length = strlen(path);
    return length > 3 && strcmp(path + length - 3, ".pb") == 0;
}

/* The file that an option names: of a run's directory its model. */
static const char *file_of(const struct strata_config *config, const char *name,
                           struct strata_arena *keep)
{
    const char *path = strata_path_join(config->directory, name, keep);
    return path && is_directory(path) ? strata_path_join(path, "model.pb", keep) : path;
}

/* A model that its readers will take. */
static void read_model(const char *path, const char *option, struct strata_place place,
                       struct strata_arena *keep, struct strata_problems *problems,
                       struct strata_blob *model)
{
    struct strata_err err = {0};
    struct strata_arena scratch;
    struct strata_start *start = NULL;
    char *bytes = NULL;
    strata_status status =
        strata_file_read(path, MODEL_BYTES_MAX, keep, &bytes, &model->n_bytes, &err);
    model->bytes = (unsigned char *)bytes;
    scratch = *keep;
    if (status == STRATA_OK)
        status = strata_model_start(path, option, model, &scratch, &start, &err);
    if (status != STRATA_OK) strata_problems_add(problems, place, status, "%s", err.text);
}

static bool read_models(const struct strata_config *config, struct strata_arena *keep,
                        struct strata_problems *problems, struct strata_job_files *files)
{
    if (config->model.start_file) {
        files->start_path = file_of(config, config->model.start_file, keep);
        if (!files->start_path) return false;
        if (is_model(files->start_path))
            read_model(files->start_path, "model.start", config->model.start_place, keep, problems,
                       &files->start);
    }
    files->followed = files->start;
    if (!config->follows) return true;
    files->followed_path = file_of(config, config->follows, keep);
    if (!files->followed_path) return false;
    read_model(files->followed_path, "follows", config->follows_place, keep, problems,
               &files->followed);
    return true;
}

static bool read_pictures(const struct strata_config *config, struct strata_arena *keep,
                          struct strata_problems *problems, struct strata_job_files *files)
{
    files->picture = STRATA_NEW(keep, struct strata_picture, config->n_pictures);
    if (!files->picture) return false;
    files->n_pictures = config->n_pictures;
    for (size_t i = 0; i < config->n_pictures; i++) {
        const struct strata_segment_setting *setting = &config->picture[i];
        struct strata_err err = {0};
        const strata_status status =
            strata_picture_read(setting->value, keep, &files->picture[i], &err);
        files->picture[i].segment = setting->segment;
        if (status != STRATA_OK)
            strata_problems_add(problems, setting->place, status, "%s", err.text);
    }
    return true;
}

strata_status strata_job_files_read(const struct strata_config *config, struct strata_arena *keep,
                                    struct strata_job_files **out, struct strata_problems *problems,
                                    struct strata_err *err)
{
    struct strata_job_files *files = STRATA_NEW(keep, struct strata_job_files, 1);
    if (!files || !read_models(config, keep, problems, files) ||
        !read_pictures(config, keep, problems, files))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "the files that the job names");
    *out = files;
    return STRATA_OK;
}

/* --- what they are --------------------------------------------------------------------------- */

static strata_status add_line(const char *option, const char *path, struct strata_arena *keep,
                              const char **inputs, struct strata_err *err)
{
    char *line = NULL;
    STRATA_TRY(strata_input_line(option, path, keep, &line, err));
    *inputs = strata_arena_print(keep, "%s%s", *inputs, line);
    return *inputs ? STRATA_OK : STRATA_FAIL(err, STRATA_E_MEMORY, "the list of inputs");
}

strata_status strata_job_files_list(const struct strata_job *job, const char **inputs,
                                    struct strata_err *err)
{
    const struct strata_config *config = job->plan.config;
    const struct strata_job_files *files = job->plan.files;
    if (files->start_path)
        STRATA_TRY(add_line("model.start", files->start_path, job->keep, inputs, err));
    if (files->followed_path)
        STRATA_TRY(add_line("follows", files->followed_path, job->keep, inputs, err));
    for (size_t i = 0; i < config->n_pictures; i++)
        STRATA_TRY(add_line("pictures", config->picture[i].value, job->keep, inputs, err));
    if (job->request->replay) /* its commands are given again */
        STRATA_TRY(add_line("replay", job->request->replay, job->keep, inputs, err));
    return STRATA_OK;
}

static uint64_t with_bytes(uint64_t sum, const void *bytes, size_t n_bytes)
{
    return n_bytes ? sum * 31 + strata_hash(bytes, n_bytes) : sum;
}

uint64_t strata_job_files_fingerprint(const struct strata_job_files *files, uint64_t of_sources)
{
    uint64_t sum = with_bytes(of_sources, files->followed.bytes, files->followed.n_bytes);
    if (files->start.bytes != files->followed.bytes)
        sum = with_bytes(sum, files->start.bytes, files->start.n_bytes);
    for (size_t i = 0; i < files->n_pictures; i++)
        sum = with_bytes(sum, files->picture[i].bytes, files->picture[i].n_bytes);
    return sum;
}
