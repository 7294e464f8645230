/* What a job takes over from an earlier run: centres to start from, and the names of its segments. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "job/job_impl.h"

#define LISTED 8 /* names that a note repeats */
#define NOTE_BYTES 1400

/* Rank 0's model on all ranks; *out stays NULL where there is none. */
static strata_status share_model(struct strata_job *job, const struct strata_blob *mine,
                                 const char *path, const char *option, struct strata_start **out,
                                 struct strata_err *err)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    STRATA_TRY(strata_comm_broadcast_blob(job->comm, mine ? mine->bytes : NULL,
                                          mine ? mine->n_bytes : 0, 0, job->keep, &bytes, &n_bytes,
                                          err));
    *out = NULL;
    if (n_bytes == 0) return STRATA_OK;
    const struct strata_blob model = {(unsigned char *)bytes, n_bytes};
    return strata_comm_agree(job->comm,
                             strata_model_start(path, option, &model, job->keep, out, err), err);
}

strata_status strata_job_read_start(struct strata_job *job, const struct strata_start **out,
                                    struct strata_err *err)
{
    const char *path = job->plan.config->model.start_file;
    const struct strata_job_files *files = job->plan.files; /* rank 0's */
    struct strata_start *start = NULL;
    if (path)
        STRATA_TRY(share_model(job, files ? &files->start : NULL, path, "model.start", &start, err));
    *out = start; /* NULL also of a CSV file, which the fit reads */
    return STRATA_OK;
}

/* --- names ----------------------------------------------------------------------------------- */

static strata_status find_names(struct strata_job *job, const struct strata_clustering *clustering,
                                struct strata_followed *followed, struct strata_err *err)
{
    const struct strata_start *run = followed->run;
    const size_t k = clustering->dims.k;
    size_t *earlier = STRATA_NEW(job->keep, size_t, k);
    struct strata_earlier_name *name = STRATA_NEW(job->keep, struct strata_earlier_name, k);
    if (!earlier || !name)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the names of the run followed");
    STRATA_TRY(
        strata_clustering_match(clustering, &job->features->recipe, run, *job->keep, earlier, err));
    for (size_t s = 0; s < k; s++) {
        const size_t e = earlier[s];
        if (e < run->k)
            name[s] = (struct strata_earlier_name){run->name[e], run->name_given[e], run->job};
    }
    followed->earlier = earlier;
    followed->name = name;
    return STRATA_OK;
}

strata_status strata_job_follow(struct strata_job *job, const struct strata_clustering *clustering,
                                struct strata_followed *out, struct strata_err *err)
{
    const struct strata_config *config = job->plan.config;
    const struct strata_job_files *files = job->plan.files; /* rank 0's */
    const char *path = config->follows ? config->follows : config->model.start_file;
    const char *option = config->follows ? "follows" : "model.start";
    struct strata_start *run = NULL;
    *out = (struct strata_followed){0};
    if (path)
        STRATA_TRY(share_model(job, files ? &files->followed : NULL, path, option, &run, err));
    if (!run) return STRATA_OK;
    out->run = run;
    return strata_comm_agree(job->comm, find_names(job, clustering, out, err), err);
}

/* --- what came of them ----------------------------------------------------------------------- */

/* Names as a note lists them: the first few. */
struct list {
    char text[NOTE_BYTES];
    size_t n_bytes, n;
};

static void list_name(struct list *list, const char *name)
{
    if (++list->n > LISTED || list->n_bytes >= sizeof list->text) return;
    const int length = snprintf(list->text + list->n_bytes, sizeof list->text - list->n_bytes,
                                "%s\"%s\"", list->n > 1 ? ", " : "", name);
    if (length > 0) list->n_bytes += (size_t)length;
}

/* 'Of the names these fit no segment: "One", "Two" and 3 more.' */
static void add_note(struct strata_job *job, const struct list *list, const char *of,
                     struct strata_quality *quality)
{
    if (list->n == 0 || quality->n_notes >= STRATA_MAX_NOTES) return;
    const char *more =
        list->n > LISTED ? strata_arena_print(job->keep, " and %zu more", list->n - LISTED) : "";
    const char *note = strata_arena_print(job->keep, "Of %s these fit no segment: %s%s.", of,
                                          list->text, more ? more : "");
    if (note) quality->note[quality->n_notes++] = note;
}

static bool is_given(const struct strata_personas *personas, const char *name)
{
    for (size_t s = 0; s < personas->k; s++) {
        const struct strata_persona *persona = &personas->segment[s];
        if (persona->name_given && strcasecmp(persona->name, name) == 0) return true;
    }
    return false;
}

static bool is_called(const struct strata_personas *personas, const char *name)
{
    for (size_t s = 0; s < personas->k; s++)
        if (strata_persona_is_called(&personas->segment[s], name)) return true;
    return false;
}

static bool goes_on(const struct strata_followed *followed, size_t k, size_t e)
{
    for (size_t s = 0; s < k; s++)
        if (followed->earlier[s] == e) return true;
    return false;
}

void strata_job_note_names(struct strata_job *job, const struct strata_followed *followed,
                           const struct strata_personas *personas, struct strata_quality *quality)
{
    const struct strata_config *config = job->plan.config;
    struct list unused = {.n = 0}, unshown = {.n = 0}, lost = {.n = 0};
    for (size_t i = 0; i < config->n_given_names; i++)
        if (!is_given(personas, config->given_name[i].value))
            list_name(&unused, config->given_name[i].segment);
    for (size_t i = 0; i < config->n_pictures; i++)
        if (!is_called(personas, config->picture[i].segment))
            list_name(&unshown, config->picture[i].segment);
    for (size_t e = 0; followed->run && e < followed->run->k; e++)
        if (followed->run->name_given[e] && !goes_on(followed, personas->k, e))
            list_name(&lost, followed->run->name[e]);
    add_note(job, &unused, "the job file's `names`", quality);
    add_note(job, &unshown, "the job file's `pictures`", quality);
    add_note(job, &lost, "the names given in the run that this one follows", quality);
}
