#include "strata/results.h"

#include <string.h>

#include "strata/fault.h"
#include "strata/file.h"
#include "strata/json_view.h"

#include "results_impl.h"

static strata_status no_room(struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the records of the run");
}

static strata_status write_file(const char *directory, const char *name, const void *bytes,
                                size_t n_bytes, bool private_mode, struct strata_arena scratch,
                                struct strata_err *err)
{
    const char *path = strata_path_join(directory, name, &scratch);
    if (!path) return no_room(err);
    return strata_file_write(path, bytes, n_bytes, private_mode, err);
}

static strata_status write_json(const char *directory, const char *name,
                                const ProtobufCMessage *message, struct strata_arena scratch,
                                struct strata_err *err)
{
    size_t n_bytes = 0;
    const char *text = strata_json_view(message, STRATA_JSON_PRETTY, &scratch, &n_bytes);
    if (!text) return no_room(err);
    return write_file(directory, name, text, n_bytes, false, scratch, err);
}

static strata_status write_model(const char *directory, const struct strata_outcome *outcome,
                                 struct strata_arena scratch, struct strata_err *err)
{
    struct strata_blob blob = {0};
    const Strata__V1__Model *model = strata_model_record(outcome, &scratch);
    if (!model) return no_room(err);
    STRATA_TRY(strata_record_pack(&model->base, &scratch, &blob, err));
    /* Private: the secret of the audit lines follows from it, and a centre may be one customer. */
    return write_file(directory, "model.pb", blob.bytes, blob.n_bytes, true, scratch, err);
}

static strata_status write_report(const char *directory, const struct strata_blob *result,
                                  struct strata_arena scratch, struct strata_err *err)
{
    const char *path = strata_path_join(directory, "report.html", &scratch);
    if (!path) return no_room(err);
    return strata_report_write(path, result, scratch, err);
}

/* Rank 0's files: the records and their views. */
static strata_status write_records(const char *directory, const struct strata_outcome *outcome,
                                   const char *temporary_dir, struct strata_arena *keep,
                                   struct strata_arena scratch, struct strata_blob *result,
                                   struct strata_err *err)
{
    const Strata__V1__Result *record = strata_result_record(outcome, &scratch);
    const Strata__V1__Quality *quality = strata_quality_record(outcome->quality, &scratch);
    if (!record || !quality) return no_room(err);
    STRATA_TRY(strata_record_pack(&record->base, keep, result, err));
    STRATA_FAULT("results.model.before");
    STRATA_TRY(write_model(directory, outcome, scratch, err));
    STRATA_FAULT("results.record.before");
    STRATA_TRY(
        write_file(directory, "result.pb", result->bytes, result->n_bytes, false, scratch, err));
    STRATA_FAULT("results.view.before");
    STRATA_TRY(write_json(directory, "result.json", &record->base, scratch, err));
    STRATA_FAULT("results.quality.before");
    STRATA_TRY(write_json(directory, "quality.json", &quality->base, scratch, err));
    STRATA_TRY(strata_rejects_write(directory, outcome->quality, temporary_dir, scratch, err));
    STRATA_FAULT("results.report.before");
    return write_report(directory, result, scratch, err);
}

strata_status strata_results_write(struct strata_comm *comm, const char *directory,
                                   const struct strata_outcome *outcome, const char *temporary_dir,
                                   struct strata_arena *keep, struct strata_blob *result,
                                   struct strata_err *err)
{
    strata_status mine = STRATA_OK;
    if (comm->rank == 0) {
        struct strata_arena scratch;
        if (strata_arena_init(&scratch, STRATA_SCRATCH_BYTES))
            mine = write_records(directory, outcome, temporary_dir, keep, scratch, result, err);
        else
            mine = no_room(err);
        strata_arena_finish(&scratch);
    }
    STRATA_TRY(strata_comm_agree(comm, mine, err));
    return strata_parts_write(comm, directory, outcome, temporary_dir, err);
}

/* --- reading --------------------------------------------------------------------------------- */

static strata_status check_record(const char *path, const struct strata_blob *blob,
                                  struct strata_arena scratch, struct strata_err *err)
{
    const ProtobufCMessage *message =
        strata_record_unpack(&strata__v1__result__descriptor, blob, &scratch);
    if (!message)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s is damaged: run the job again to write it", path);
    const uint32_t version = ((const Strata__V1__Result *)message)->format_version;
    if (version > STRATA_FORMAT_VERSION)
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s has format version %u and this program reads up to %u: use a newer "
                           "strata",
                           path, version, STRATA_FORMAT_VERSION);
    return STRATA_OK;
}

strata_status strata_results_read(const char *directory, struct strata_arena *keep,
                                  struct strata_blob *result, struct strata_err *err)
{
    char *text = NULL, *manifest = NULL;
    size_t n_bytes = 0;
    const char *seal = strata_path_join(directory, "manifest.json", keep);
    const char *path = strata_path_join(directory, "result.pb", keep);
    if (!seal || !path) return no_room(err);
    struct strata_arena scratch = *keep;
    struct strata_err missing = {0};
    if (strata_file_read(seal, STRATA_RECORD_BYTES_MAX, &scratch, &manifest, &n_bytes, &missing) !=
        STRATA_OK)
        return STRATA_FAIL(err, STRATA_E_NO_INPUT,
                           "%s is not a finished run: it has no manifest.json", directory);
    STRATA_TRY(strata_file_read(path, STRATA_RECORD_BYTES_MAX, keep, &text, &n_bytes, err));
    *result = (struct strata_blob){(unsigned char *)text, n_bytes};
    return check_record(path, result, *keep, err);
}
