/* manifest.json of a made-up run, with all kinds of fields. */
#ifndef STRATA_TESTS_FAKE_MANIFEST_H
#define STRATA_TESTS_FAKE_MANIFEST_H

#include <stdlib.h>

#include "strata/arena.h"
#include "strata/file.h"
#include "strata/json_view.h"
#include "strata/v1/manifest.pb-c.h"

static inline Strata__V1__Manifest *fake_manifest_message(struct strata_arena *arena)
{
    static char job[] = "fake-households", stage[] = "FITTING", path[] = "model.pb",
                sha256[] = "00ff", started[] = "2026-11-22T12:00:00.000Z",
                command[] = "set drop 5/2 in attempt 1 while FITTING at iteration 7",
                compiler[] = "gcc \"12\" \\ <Gr\u00F6\u00DFe>";
    static char *commands[] = {command, command};
    static Strata__V1__StageTime time, *times[] = {&time};
    static Strata__V1__FileDigest file, *files[] = {&file, &file, &file};
    Strata__V1__Manifest *manifest = STRATA_NEW(arena, Strata__V1__Manifest, 1);
    if (!manifest) abort();
    strata__v1__manifest__init(manifest);
    strata__v1__stage_time__init(&time);
    strata__v1__file_digest__init(&file);
    time.stage = stage;
    time.seconds = 0.1;
    file.path = path;
    file.bytes = UINT64_MAX;
    file.sha256 = sha256;
    manifest->format_version = 1;
    manifest->job = job;
    manifest->compiler = compiler;
    manifest->started = started;
    manifest->seed = UINT64_C(1) << 63;
    manifest->ranks = 4;
    manifest->input_fingerprint = UINT64_C(0xfedcba9876543210);
    manifest->stages = times;
    manifest->n_stages = 1;
    manifest->commands = commands;
    manifest->n_commands = 2;
    manifest->files = files;
    manifest->n_files = 3;
    return manifest;
}

static inline void fake_manifest(const char *directory, struct strata_arena *arena)
{
    struct strata_err err = {0};
    size_t n_bytes = 0;
    const char *text =
        strata_json_view(&fake_manifest_message(arena)->base, STRATA_JSON_PRETTY, arena, &n_bytes);
    if (!text || strata_file_write(strata_path_join(directory, "manifest.json", arena), text,
                                   n_bytes, false, &err) != STRATA_OK)
        abort();
}

#endif
