/* The seal of a run: manifest.json, written last. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "strata/duck.h"
#include "strata/fault.h"
#include "strata/file.h"
#include "strata/hash.h"
#include "strata/json_view.h"

#include "results_impl.h"

#define FILE_BYTES_MAX ((size_t)32 << 30) /* of one sealed file */
#define PARTS_MAX 256
#define SEALED_MAX (16 + 2 * PARTS_MAX)

#ifndef STRATA_VERSION
#    define STRATA_VERSION "0"
#endif
#ifdef __clang__
#    define COMPILER "clang " __clang_version__
#else
#    define COMPILER "gcc " __VERSION__
#endif

const char *const strata_sealed_file[] = {
    "assignments/",    "features/",   "job.yaml",    "model.pb",  "quality.json",
    "rejects.parquet", "report.html", "result.json", "result.pb", NULL};

struct sealing {
    const char *directory;
    struct strata_maker maker;
    Strata__V1__Manifest *manifest;
};

static bool is_there(const struct sealing *sealing, const char *name, struct strata_arena scratch)
{
    struct stat seen;
    const char *path = strata_path_join(sealing->directory, name, &scratch);
    return path && stat(path, &seen) == 0 && S_ISREG(seen.st_mode);
}

/* `scratch` by value: the file's bytes are forgotten at once. */
static strata_status digest(const struct sealing *sealing, const char *name, char hex[65],
                            uint64_t *n, struct strata_arena scratch, struct strata_err *err)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    const char *path = strata_path_join(sealing->directory, name, &scratch);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
    STRATA_TRY(strata_file_read(path, FILE_BYTES_MAX, &scratch, &bytes, &n_bytes, err));
    strata_sha256_hex(bytes, n_bytes, hex);
    *n = n_bytes;
    return STRATA_OK;
}

static strata_status seal_file(struct sealing *sealing, const char *name, struct strata_err *err)
{
    char hex[65] = "";
    if (!is_there(sealing, name, *sealing->maker.keep)) return STRATA_OK;
    Strata__V1__FileDigest *item = sealing->manifest->files[sealing->manifest->n_files];
    STRATA_TRY(digest(sealing, name, hex, &item->bytes, *sealing->maker.keep, err));
    item->path = strata_maker_text(&sealing->maker, name);
    item->sha256 = strata_maker_text(&sealing->maker, hex);
    sealing->manifest->n_files++;
    return STRATA_OK;
}

static strata_status seal_files(struct sealing *sealing, struct strata_err *err)
{
    for (size_t i = 0; strata_sealed_file[i]; i++) {
        const char *name = strata_sealed_file[i];
        if (name[strlen(name) - 1] != '/') {
            STRATA_TRY(seal_file(sealing, name, err));
            continue;
        }
        for (unsigned part = 0; part < PARTS_MAX; part++) {
            char path[64];
            (void)snprintf(path, sizeof path, "%spart-%03u.parquet", name, part);
            STRATA_TRY(seal_file(sealing, path, err));
        }
    }
    return STRATA_OK;
}

static void fill_facts(struct strata_maker *maker, const struct strata_config *config,
                       const struct strata_run_facts *facts, Strata__V1__Manifest *out)
{
    out->format_version = STRATA_FORMAT_VERSION;
    out->job = strata_maker_text(maker, config->job);
    out->estimator = strata_maker_text(maker, config->model.estimator);
    out->seed = config->model.seed;
    out->strata_version = strata_maker_text(maker, STRATA_VERSION);
    out->duckdb_version = strata_maker_text(maker, strata_duck_version());
    out->compiler = strata_maker_text(maker, COMPILER);
    out->ranks = (uint32_t)facts->ranks;
    out->input_fingerprint = facts->input_fingerprint;
    out->settings_fingerprint = facts->settings_fingerprint;
    out->started = strata_maker_text(maker, facts->started);
    out->ended = strata_maker_text(maker, facts->ended);
    out->reductions = facts->n_sums;
    out->reduced_bytes = facts->sum_bytes;
    out->stages = strata_maker_list(maker, &strata__v1__stage_time__descriptor, facts->n_stages,
                                    &out->n_stages);
    for (size_t i = 0; i < out->n_stages; i++) {
        out->stages[i]->stage = strata_maker_text(maker, facts->stage[i].stage);
        out->stages[i]->seconds = facts->stage[i].seconds;
    }
    out->commands = facts->n_commands ? STRATA_NEW(maker->keep, char *, facts->n_commands) : NULL;
    if (facts->n_commands && !out->commands) maker->full = true;
    out->n_commands = out->commands ? facts->n_commands : 0;
    for (size_t i = 0; i < out->n_commands; i++)
        out->commands[i] = strata_maker_text(maker, facts->command[i]);
}

strata_status strata_results_seal(const char *directory, const struct strata_config *config,
                                  const struct strata_run_facts *facts, struct strata_arena scratch,
                                  struct strata_err *err)
{
    struct sealing sealing = {.directory = directory, .maker = {.keep = &scratch}};
    size_t n_room = 0, n_bytes = 0;
    sealing.manifest = strata_maker_message(&sealing.maker, &strata__v1__manifest__descriptor);
    if (!sealing.manifest) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the manifest");
    sealing.manifest->files =
        strata_maker_list(&sealing.maker, &strata__v1__file_digest__descriptor, SEALED_MAX, &n_room);
    if (n_room) STRATA_TRY(seal_files(&sealing, err));
    fill_facts(&sealing.maker, config, facts, sealing.manifest);
    const char *path = strata_path_join(directory, "manifest.json", &scratch);
    const char *text =
        strata_json_view(&sealing.manifest->base, STRATA_JSON_PRETTY, &scratch, &n_bytes);
    if (sealing.maker.full || !path || !text)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the manifest");
    STRATA_FAULT("results.seal.before");
    return strata_file_write(path, text, n_bytes, false, err);
}
