/* The commands of a steered run, given again: its manifest has them with their iterations. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/file.h"
#include "strata/log.h"

#include "job/job_impl.h"

#define MANIFEST_BYTES_MAX ((size_t)64 << 20)

/* What follows "key": in a manifest, which strata has written: keys do not occur in texts, where quotes are escaped. */
static const char *find_value(const char *text, const char *key)
{
    char quoted[64];
    (void)snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(text, quoted);
    if (!at) return NULL;
    at += strlen(quoted);
    return at + strspn(at, " \n");
}

static bool read_fingerprint(const char *text, const char *key, uint64_t *fingerprint)
{
    const char *value = find_value(text, key);
    char *end = NULL;
    if (!value || *value != '"') return false;
    *fingerprint = strtoull(value + 1, &end, 10);
    return end != value + 1 && *end == '"';
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
static strata_status check(const struct strata_job *job, const char *text, struct strata_err *err)
{
    const char *path = job->request->replay;
    uint64_t inputs = 0, settings = 0;
    char what[512];
    if (!read_fingerprint(text, "inputFingerprint", &inputs) ||
        !read_fingerprint(text, "settingsFingerprint", &settings))
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s is not the manifest of a run that can be replayed", path);
    if (settings != job->settings_fingerprint) {
        name_setting(job, what, sizeof what);
        return STRATA_FAIL(err, STRATA_E_CONFIG,
                           "%s is the manifest of another job (fingerprint %016" PRIx64
                           ", of this one %016" PRIx64 "): %s",
                           path, settings, job->settings_fingerprint, what);
    }
    if (inputs != job->plan.ingest->fingerprint)
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s is the manifest of a run on other inputs (fingerprint %016" PRIx64
                           ", of these %016" PRIx64 ")",
                           path, inputs, job->plan.ingest->fingerprint);
    return STRATA_OK;
}

/* Whether what an order says may be, as a client's was checked. */
static bool is_sound(const struct strata_order *order)
{
    if (order->kind == STRATA_ORDER_TOLERANCE) return order->value >= 0 && order->value <= 0.1;
    if (order->kind == STRATA_ORDER_MAX_ITER) return order->value >= 1 && order->value <= 100000;
    return true;
}

/* The orders that change a result, of a list of JSON texts. */
static strata_status read_orders(struct strata_job *job, const char *list, struct strata_err *err)
{
    struct strata_order *replay =
        STRATA_NEW(job->keep, struct strata_order, STRATA_JOB_COMMANDS_MAX);
    if (!replay) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the commands to replay");
    for (const char *at = list + strcspn(list, "\"]"); *at == '"'; at += strcspn(at, "\"]")) {
        const size_t length = strcspn(++at, "\"");
        const char *line = strata_arena_copy(job->keep, at, length);
        struct strata_order *order = &replay[job->n_replay];
        if (!line || !strata_order_read(line, order) || !is_sound(order))
            return STRATA_FAIL(err, STRATA_E_DATA, "%s: \"%.*s\" is no command that can be replayed",
                               job->request->replay, (int)(length < 80 ? length : 80), at);
        at += length + 1;
        if (!strata_order_changes_result(order->kind)) continue;
        if (++job->n_replay == STRATA_JOB_COMMANDS_MAX) break;
    }
    job->replay = replay;
    return STRATA_OK;
}

strata_status strata_job_replay_read(struct strata_job *job, struct strata_err *err)
{
    char *text = NULL;
    size_t n_bytes = 0;
    if (!job->request->replay) return STRATA_OK;
    STRATA_TRY(strata_file_read(job->request->replay, MANIFEST_BYTES_MAX, job->keep, &text,
                                &n_bytes, err));
    STRATA_TRY(check(job, text, err));
    const char *list = find_value(text, "commands");
    if (!list || *list != '[')
        return STRATA_FAIL(err, STRATA_E_DATA, "%s has no list of commands", job->request->replay);
    STRATA_TRY(read_orders(job, list + 1, err));
    STRATA_LOG(INFO, "replay", "orders=%zu", job->n_replay);
    return STRATA_OK;
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
