/* The commands of a steered run, given again: its manifest has them with their iterations. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "strata/file.h"
#include "strata/log.h"

#include "job/job_impl.h"

#define MANIFEST_BYTES_MAX ((size_t)64 << 20)

/* A 64-bit number, which JSON has as a text. */
static bool read_fingerprint(const json_t *manifest, const char *key, uint64_t *fingerprint)
{
    const char *text = json_string_value(json_object_get(manifest, key));
    char *end = NULL;
    if (!text || text[0] < '0' || text[0] > '9') return false;
    *fingerprint = strtoull(text, &end, 10);
    return *end == '\0';
}

/* The settings that the manifest's run was made with lie beside it, if it is where it was made. */
static void name_setting(const struct strata_job *job, char *what, size_t room)
{
    struct strata_arena scratch = *job->keep;
    struct strata_err none = {0};
    char *settings = NULL;
    size_t n_bytes = 0;
    const char *path = job->request->replay, *slash = strrchr(path, '/');
    const char *folder = slash ? strata_arena_copy(&scratch, path, (size_t)(slash - path)) : ".";
    const char *beside = folder ? strata_path_join(folder, "job.yaml", &scratch) : NULL;
    (void)snprintf(what, room, "its settings are others");
    if (beside && strata_file_read(beside, MANIFEST_BYTES_MAX, &scratch, &settings, &n_bytes,
                                   &none) == STRATA_OK)
        (void)strata_job_settings_differ(settings, job->settings, what, room);
}

/* The same commands in the same iterations are the same run only of the same job. */
static strata_status check(const struct strata_job *job, const json_t *manifest,
                           struct strata_err *err)
{
    const char *path = job->request->replay;
    const uint64_t of_these =
        strata_job_files_fingerprint(job->plan.files, job->plan.ingest->fingerprint);
    uint64_t inputs = 0, settings = 0;
    char what[512];
    if (!read_fingerprint(manifest, "inputFingerprint", &inputs) ||
        !read_fingerprint(manifest, "settingsFingerprint", &settings))
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s is not the manifest of a run that can be replayed", path);
    if (settings != job->settings_fingerprint) {
        name_setting(job, what, sizeof what);
        return STRATA_FAIL(err, STRATA_E_CONFIG,
                           "%s is the manifest of another job (fingerprint %016" PRIx64
                           ", of this one %016" PRIx64 "): %s",
                           path, settings, job->settings_fingerprint, what);
    }
    if (inputs != of_these)
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s is the manifest of a run on other inputs (fingerprint %016" PRIx64
                           ", of these %016" PRIx64 ")",
                           path, inputs, of_these);
    return STRATA_OK;
}

/* Whether what an order says may be, as a client's was checked. */
static bool is_sound(const struct strata_order *order)
{
    if (order->kind == STRATA_ORDER_TOLERANCE) return order->value >= 0 && order->value <= 0.1;
    if (order->kind == STRATA_ORDER_MAX_ITER) return order->value >= 1 && order->value <= 100000;
    return true;
}

/* The orders that change a result, of a list of texts. */
static strata_status read_orders(struct strata_job *job, const json_t *list, struct strata_err *err)
{
    const size_t n = json_array_size(list);
    struct strata_order *replay = STRATA_NEW(job->keep, struct strata_order, n + 1);
    if (!replay) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the commands to replay");
    if (!json_is_array(list) || n > STRATA_JOB_COMMANDS_MAX)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s has no list of at most %d commands",
                           job->request->replay, STRATA_JOB_COMMANDS_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *line = json_string_value(json_array_get(list, i));
        struct strata_order *order = &replay[job->n_replay];
        if (!line || !strata_order_read(line, order) || !is_sound(order))
            return STRATA_FAIL(err, STRATA_E_DATA,
                               "%s: \"%.80s\" is no command that can be replayed",
                               job->request->replay, line ? line : "");
        job->n_replay += strata_order_changes_result(order->kind);
    }
    job->replay = replay;
    return STRATA_OK;
}

static strata_status read_manifest(struct strata_job *job, const json_t *manifest,
                                   struct strata_err *err)
{
    STRATA_TRY(check(job, manifest, err));
    return read_orders(job, json_object_get(manifest, "commands"), err);
}

strata_status strata_job_replay_read(struct strata_job *job, struct strata_err *err)
{
    char *text = NULL;
    size_t n_bytes = 0;
    if (!job->request->replay) return STRATA_OK;
    STRATA_TRY(strata_file_read(job->request->replay, MANIFEST_BYTES_MAX, job->keep, &text,
                                &n_bytes, err));
    json_t *manifest = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, NULL);
    const strata_status status = read_manifest(job, manifest, err); /* NULL has no field */
    json_decref(manifest);
    STRATA_LOG(INFO, "replay", "orders=%zu", job->n_replay);
    return status;
}

strata_status strata_job_replay_share(struct strata_job *job, struct strata_fit_watch *watch,
                                      struct strata_err *err)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    STRATA_TRY(strata_comm_broadcast_blob(job->comm, job->replay, job->n_replay * sizeof *job->replay,
                                          0, job->keep, &bytes, &n_bytes, err));
    struct strata_order *replay =
        STRATA_NEW(job->keep, struct strata_order, n_bytes / sizeof(struct strata_order) + 1);
    strata_status status = STRATA_OK;
    if (!replay) status = STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the commands to replay");
    STRATA_TRY(strata_comm_agree(job->comm, status, err));
    if (n_bytes) memcpy(replay, bytes, n_bytes);
    watch->replay = replay;
    watch->n_replay = n_bytes / sizeof *replay;
    return STRATA_OK;
}
