/* view_record RESULT.pb OUT.html|OUT.json: a packed Result as the page or as JSON. */
#include <stdio.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "strata/file.h"
#include "strata/json_view.h"
#include "strata/results.h"
#include "strata/v1/result.pb-c.h"

static strata_status write_json(const struct strata_blob *blob, const char *path,
                                struct strata_arena *keep, struct strata_err *err)
{
    size_t n_bytes = 0;
    Strata__V1__Result *result = strata__v1__result__unpack(NULL, blob->n_bytes, blob->bytes);
    if (!result) return STRATA_FAIL(err, STRATA_E_DATA, "not a Result");
    const char *text = strata_json_view(&result->base, STRATA_JSON_PRETTY, keep, &n_bytes);
    strata__v1__result__free_unpacked(result, NULL);
    if (!text) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room");
    return strata_file_write(path, text, n_bytes, false, err);
}

int main(int argc, char **argv)
{
    struct strata_arena arena;
    struct strata_err err = {0};
    char *bytes = NULL;
    size_t n_bytes = 0;
    if (argc != 3 || !strata_arena_init(&arena, (size_t)1 << 32)) return 64;
    strata_status status =
        strata_file_read(argv[1], (size_t)1 << 28, &arena, &bytes, &n_bytes, &err);
    const struct strata_blob blob = {(unsigned char *)bytes, n_bytes};
    if (status == STRATA_OK && strstr(argv[2], ".json"))
        status = write_json(&blob, argv[2], &arena, &err);
    else if (status == STRATA_OK)
        status = strata_report_write(argv[2], &blob, arena, &err);
    if (status != STRATA_OK) (void)fprintf(stderr, "view_record: %s\n", err.text);
    strata_arena_finish(&arena);
    return strata_status_exit_code(status);
}
