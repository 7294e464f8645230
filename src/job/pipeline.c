/* The walk of the data: each stage takes immutable values and returns one. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "job/job_impl.h"
#include "strata/attempt.h"
#include "strata/clock.h"
#include "strata/evaluate.h"
#include "strata/features.h"
#include "strata/file.h"
#include "strata/log.h"
#include "strata/persona.h"
#include "strata/sampled.h"

/* The run directory is rank 0's: options and the folder it was started in may have a say. */
static strata_status share_directory(struct strata_job *job, struct strata_err *err)
{
    char *output = NULL;
    size_t n_bytes = 0;
    const char *mine = job->plan.config->output;
    STRATA_TRY(strata_comm_broadcast_blob(job->comm, mine, strlen(mine), 0, job->keep, &output,
                                          &n_bytes, err));
    job->plan.config->output = output;
    job->directory = output;
    return STRATA_OK;
}

/* Rank 0 reads and checks the job; the others get its text and parse the same. */
static strata_status read_job(struct strata_job *job, struct strata_err *err)
{
    const struct strata_job_request *request = job->request;
    strata_status status = STRATA_OK;
    struct strata_problems *problems = STRATA_NEW(job->keep, struct strata_problems, 1);
    if (!problems) status = STRATA_FAIL(err, STRATA_E_MEMORY, "the list of problems");
    if (problems && job->comm->rank == 0) {
        status = strata_job_check(request, job->comm->size, job->keep, &job->plan, problems, err);
        if (status == STRATA_OK) status = strata_problems_status(problems, err);
    }
    STRATA_TRY(strata_comm_agree(job->comm, status, err));
    char *text = NULL;
    size_t n_bytes = 0;
    const struct strata_config *config = job->plan.config;
    STRATA_TRY(strata_comm_broadcast_blob(job->comm, config ? config->text : NULL,
                                          config ? config->text_bytes : 0, 0, job->keep, &text,
                                          &n_bytes, err));
    if (job->comm->rank != 0) {
        status = strata_config_parse(text, n_bytes, request->path, request->set, request->n_set,
                                     job->keep, &job->plan.config, problems, err);
        if (status == STRATA_OK) status = strata_problems_status(problems, err);
    }
    STRATA_TRY(strata_comm_agree(job->comm, status, err));
    return share_directory(job, err);
}

/* Room for what the stages will count. */
static strata_status make_quality(struct strata_job *job, struct strata_quality *quality,
                                  struct strata_err *err)
{
    const struct strata_config *config = job->plan.config;
    quality->source = STRATA_NEW(job->keep, struct strata_source_quality, config->n_sources);
    quality->feature = STRATA_NEW(job->keep, struct strata_feature_quality, config->n_features);
    quality->note = STRATA_NEW(job->keep, const char *, STRATA_MAX_NOTES);
    if (!quality->source || !quality->feature || !quality->note)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "the quality record");
    quality->n_sources = config->n_sources;
    quality->n_features = config->n_features;
    for (size_t i = 0; i < config->n_sources; i++) quality->source[i].name = config->source[i].name;
    for (size_t i = 0; i < config->n_features; i++)
        quality->feature[i].name = config->feature[i].name;
    return STRATA_OK;
}

/* The run directory is rank 0's to open; all ranks learn the attempt's number and make their temporary directories. */
static strata_status open_directory(struct strata_job *job, struct strata_err *err)
{
    strata_status status = STRATA_OK;
    if (job->comm->rank == 0) status = strata_job_directory_open(job, err);
    STRATA_TRY(strata_comm_agree(job->comm, status, err));
    uint32_t number = job->attempt.number;
    strata_comm_broadcast(job->comm, &number, sizeof number, 0);
    STRATA_TRY(strata_attempt_join(job->directory, number, &job->attempt, err)); /* alike on all */
    status = strata_attempt_temporary(&job->attempt, NULL, job->comm->rank, job->temporary_dir,
                                      sizeof job->temporary_dir, err);
    STRATA_TRY(strata_comm_agree(job->comm, status, err));
    strata_job_note_hosts(job);
    return STRATA_OK;
}

/* The run directory, this rank's temporary directory, and the channel. */
static strata_status open_run(struct strata_job *job, struct strata_quality *quality,
                              struct strata_err *err)
{
    STRATA_TRY(open_directory(job, err));
    strata_status status = make_quality(job, quality, err);
    if (job->comm->rank == 0) {
        strata_job_limit_start(job);
        if (status == STRATA_OK) status = strata_job_resume(job, err);
        (void)snprintf(job->snapshot.job, sizeof job->snapshot.job, "%s", job->plan.config->job);
        strata_job_publish(job);
        if (status == STRATA_OK && job->host->open)
            status = job->host->open(job->host->context, job->plan.config, &job->attempt, err);
        STRATA_LOG(INFO, "run.begin", "ranks=%d sources=%zu features=%zu attempt=%u",
                   job->comm->size, job->plan.config->n_sources, job->plan.config->n_features,
                   job->attempt.number);
    }
    STRATA_TRY(strata_comm_agree(job->comm, status, err));
    strata_job_limit_share(job);
    return STRATA_OK;
}

strata_status strata_job_must_end(const struct strata_job *job, struct strata_err *err)
{
    const unsigned asked = strata_job_asked();
    const char *state = strata_job_state_word(job->snapshot.state);
    if ((asked & STRATA_ASKED_CANCEL) || strata_job_is_cancelled(job))
        return STRATA_FAIL(err, STRATA_E_CANCELLED, "cancelled while %s", state);
    if ((asked & STRATA_ASKED_LIMIT) || strata_job_limit_reached(job, 0))
        return STRATA_FAIL(err, STRATA_E_AGAIN, "asked to end while %s; run the same command again",
                           state);
    return STRATA_OK;
}

/* The next stage begins on all ranks, or on none when one of them was asked to end. */
static strata_status begin(struct strata_job *job, enum strata_job_event event,
                           struct strata_err *err)
{
    const strata_status status = strata_job_must_end(job, err);
    STRATA_TRY(strata_comm_agree(job->comm, status, err));
    strata_job_enter(job, event);
    return STRATA_OK;
}

static strata_status write_job_file(struct strata_job *job, struct strata_err *err)
{
    char *text = NULL;
    STRATA_TRY(strata_config_print(job->plan.config, job->keep, &text, err));
    const char *path = strata_path_join(job->attempt.tray, "job.yaml", job->keep);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "a path");
    return strata_file_write(path, text, strlen(text), false, err);
}

static strata_status seal(struct strata_job *job, struct strata_err *err)
{
    char ended[32];
    strata_clock_utc(ended);
    const struct strata_run_facts facts = {
        .ranks = job->comm->size,
        .input_fingerprint =
            strata_job_files_fingerprint(job->plan.files, job->plan.ingest->fingerprint),
        .started = job->started_utc,
        .ended = ended,
        .stage = job->stage,
        .n_stages = job->n_stages,
        .n_sums = job->comm->n_sums,
        .sum_bytes = job->comm->sum_bytes,
        .command = job->command,
        .n_commands = job->n_commands,
        .settings_fingerprint = job->settings_fingerprint,
    };
    return strata_results_seal(job->attempt.tray, job->plan.config, &facts, *job->keep, err);
}

/* What failed on all ranks may be the sign that a later attempt has removed the tray: then nobody is to try again. */
static strata_status unless_overtaken(struct strata_job *job, strata_status status,
                                      struct strata_err *err)
{
    struct strata_err really = {0};
    if (status == STRATA_OK) return STRATA_OK;
    if (job->comm->rank == 0) (void)strata_attempt_failed(&job->attempt, status, err, &really);
    strata_comm_broadcast(job->comm, &really, sizeof really, 0);
    if (really.code != status) *err = really;
    return err->code;
}

/* Results are made in the tray and put in place together: not a finished run until the seal is there. */
static strata_status write_results(struct strata_job *job, const struct strata_outcome *outcome,
                                   struct strata_blob *result, struct strata_err *err)
{
    strata_status status = STRATA_OK;
    if (job->comm->rank == 0) status = write_job_file(job, err);
    STRATA_TRY(unless_overtaken(job, strata_comm_agree(job->comm, status, err), err));
    status = strata_results_write(job->comm, job->attempt.tray, outcome, job->temporary_dir,
                                  job->keep, result, err);
    STRATA_TRY(unless_overtaken(job, status, err));
    if (job->comm->rank == 0) {
        status = seal(job, err);
        if (status == STRATA_OK) status = strata_results_publish(&job->attempt, err);
        if (status == STRATA_OK && job->host->board)
            strata_board_publish_result(job->host->board, result->bytes, result->n_bytes);
    }
    return strata_comm_agree(job->comm, status, err);
}

/* What interim sizes count. */
static void tell_weights(struct strata_job *job, const struct strata_quality *quality)
{
    const struct strata_weight_quality *weight = &quality->weight;
    job->weight_unit = weight->unit;
    job->snapshot.weight_total = weight->total;
    (void)snprintf(job->snapshot.weight, sizeof job->snapshot.weight, "%s",
                   weight->name ? weight->name : ""); /* names are shorter */
}

/* From now on the snapshot is of the chosen candidate. */
static void tell_choice(struct strata_job *job, const struct strata_clustering *clustering)
{
    const size_t chosen = clustering->by_k[clustering->chosen_k].candidate;
    struct strata_snapshot *now = &job->snapshot;
    now->k = (uint32_t)clustering->dims.k;
    now->objective = clustering->objective;
    now->n_live = now->candidates_live = 0;
    for (size_t segment = 0; segment < clustering->dims.k && segment < STRATA_MAX_SEGMENTS;
         segment++)
        now->segment_size[segment] = clustering->mass[segment] * job->weight_unit;
    (void)snprintf(now->ending, sizeof now->ending, "%s",
                   strata_stop_reason_sentence(clustering->candidate[chosen].reason));
    strata_job_publish(job);
    strata_job_tell_chosen(job, clustering);
}

static void tell_matrix(const struct strata_job *job)
{
    const struct strata_rows *rows = &job->features->rows;
    if (job->comm->rank == 0)
        STRATA_LOG(INFO, "features.matrix", "rows=%zu columns=%zu mib=%zu place=%s", rows->n,
                   rows->d, rows->n * rows->d * sizeof(float) >> 20,
                   rows->mapping ? "file" : "memory");
}

static strata_status walk(struct strata_job *job, struct strata_blob *result, struct strata_err *err)
{
    struct strata_quality quality = {0};
    struct strata_table *table = NULL;
    struct strata_features *features = NULL;
    struct strata_clustering *clustering = NULL;
    struct strata_evaluation *evaluation = NULL;
    struct strata_personas *personas = NULL;
    struct strata_sampled sampled = {0};
    struct strata_followed followed = {0};
    struct strata_comm *comm = job->comm;

    STRATA_TRY(read_job(job, err));
    const struct strata_config *config = job->plan.config;
    STRATA_TRY(open_run(job, &quality, err));

    STRATA_TRY(begin(job, STRATA_EVENT_NEXT, err));
    STRATA_TRY(strata_job_table(job, &table, &quality, err));
    job->snapshot.customers = table->n_rows_global;

    STRATA_TRY(begin(job, STRATA_EVENT_NEXT, err));
    const struct strata_matrix_room room = strata_job_matrix_room(job, table);
    STRATA_TRY(strata_features_make(comm, config, table, &room, job->keep, &features, &quality, err));
    job->features = features;
    tell_matrix(job);
    job->snapshot.features = (uint32_t)features->recipe.d;
    strata_job_tell_notes(job, &quality);
    tell_weights(job, &quality);

    STRATA_TRY(begin(job, STRATA_EVENT_NEXT, err));
    STRATA_TRY(strata_job_fit(job, &clustering, &quality, err));
    if (job->snapshot.state == STRATA_JOB_SEEDING) strata_job_enter(job, STRATA_EVENT_NEXT);
    if (job->host && job->host->board) strata_board_close(job->host->board, false);
    tell_choice(job, clustering);
    strata_job_tell_notes(job, &quality);

    STRATA_TRY(begin(job, STRATA_EVENT_NEXT, err));
    STRATA_TRY(strata_evaluate(comm, features, clustering, job->keep, &evaluation, err));

    STRATA_TRY(begin(job, STRATA_EVENT_NEXT, err));
    STRATA_TRY(strata_job_follow(job, clustering, &followed, err));
    STRATA_TRY(strata_describe(comm, config, table, &features->rows, clustering, followed.name,
                               job->keep, &personas, err));
    STRATA_TRY(strata_sampled_make(comm, features, clustering, job->keep, &sampled, err));
    strata_job_note_names(job, &followed, personas, &quality);
    strata_job_tell_notes(job, &quality);

    STRATA_TRY(begin(job, STRATA_EVENT_NEXT, err));
    const struct strata_job_files *files = job->plan.files; /* rank 0's */
    const struct strata_outcome outcome = {config,
                                           table,
                                           features,
                                           clustering,
                                           evaluation,
                                           personas,
                                           &quality,
                                           &sampled,
                                           files ? files->picture : NULL,
                                           files ? files->n_pictures : 0};
    STRATA_TRY(write_results(job, &outcome, result, err));
    if (comm->rank == 0) {
        strata_job_forget_checkpoints(job);
        strata_job_forget_table(job);
    }
    strata_job_enter(job, STRATA_EVENT_NEXT);
    return STRATA_OK;
}

/* Clients that wait for an answer get one. */
static void answer_clients(const struct strata_job *job, strata_status status)
{
    struct strata_board *board = job->host ? job->host->board : NULL;
    const struct strata_outcome_of_command cancelled = {
        .number = board ? strata_board_cancelled(board) : 0,
        .effect = STRATA_EFFECT_TAKEN,
        .iteration = job->snapshot.iteration};
    if (!board) return;
    if (status == STRATA_E_CANCELLED && cancelled.number) strata_board_answer(board, cancelled);
    strata_board_close(board, true);
}

/* The last state, the last words, and the directory as it should be left. */
static void leave(struct strata_job *job, strata_status status, const struct strata_err *err)
{
    struct strata_err why = {0};
    (void)strata_keeper_stop(&job->keeper, true, &job->n_checkpoints, &why); /* it has told the log */
    if (status != STRATA_OK) {
        const bool cancelled = status == STRATA_E_CANCELLED;
        const enum strata_job_event event = cancelled ? STRATA_EVENT_CANCEL : STRATA_EVENT_FAIL;
        (void)snprintf(job->snapshot.message, sizeof job->snapshot.message, "%.*s",
                       (int)strcspn(err->text, "\n"), err->text);
        if (strata_job_next(job->snapshot.state, event) != STRATA_JOB_STATE_COUNT)
            strata_job_enter(job, event);
        STRATA_LOG(INFO, "run.failed", "status=%d rank=%d", strata_status_exit_code(status),
                   err->rank);
    } else {
        STRATA_LOG(INFO, "run.end", "seconds=%.3f", strata_clock_s() - job->started_s);
    }
    answer_clients(job, status);
    const bool may_go_on =
        job->n_checkpoints > 0 && (status != STRATA_E_CANCELLED || strata_job_is_cancelled(job));
    if (job->comm->rank == 0 && strata_job_is_cancelled(job) && status == STRATA_E_CANCELLED)
        strata_job_forget_table(job); /* a client wants nothing but checkpoints to stay */
    if (job->host && job->host->close) job->host->close(job->host->context);
    strata_features_finish(job->features);
    strata_job_directory_close(job, status == STRATA_OK || status == STRATA_E_AGAIN || may_go_on);
}

strata_status strata_job_run(struct strata_comm *comm, const struct strata_job_request *request,
                             struct strata_arena *keep, struct strata_job_summary *summary,
                             struct strata_err *err)
{
    static const struct strata_job_host nobody = {0};
    struct strata_job job = {
        .comm = comm,
        .request = request,
        .host = comm->rank != 0 ? NULL
                : request->host ? request->host
                                : &nobody,
        .keep = keep,
        .snapshot = {.state = STRATA_JOB_PENDING, .ranks = comm->size, .remaining_s = -1},
        .started_s = strata_clock_s(),
        .stage_started_s = strata_clock_s(),
        .lock_file = -1,
        .end_s = HUGE_VAL,
    };
    struct strata_blob result = {0};
    strata_clock_utc(job.started_utc);
    const strata_status walked = walk(&job, &result, err);
    const strata_status status = strata_job_keep_last(&job, walked, err);
    leave(&job, status, err);
    *summary = (struct strata_job_summary){job.directory, result.bytes, result.n_bytes,
                                           strata_clock_s() - job.started_s};
    return status;
}
