/* The levels of a text column, the same list on all ranks. */
#include <stdlib.h>
#include <string.h>

#include "derive.h"

/* A rank's levels on the wire: texts, each ended by a NUL. */
struct level_blob {
    char *bytes;
    size_t n_bytes;
};

STRATA_MUST_CHECK static strata_status too_many(const struct strata_feature *feature,
                                                struct strata_err *err)
{
    const struct strata_place place = feature->place;
    return STRATA_FAIL(
        err, STRATA_E_DATA,
        "%s:%d:%d: feature \"%s\" has more than %d different texts; group rare ones in the SQL, or make it "
        "numeric",
        place.file ? place.file : "job", place.line, place.column, feature->name, STRATA_MAX_LEVELS);
}

STRATA_MUST_CHECK static strata_status own_levels(const struct strata_feature *feature,
                                                  struct strata_duck *duck,
                                                  struct strata_arena *scratch,
                                                  struct level_blob *blob, struct strata_err *err)
{
    const char *name = strata_duck_identifier(feature->name, scratch);
    char *text = NULL;
    int64_t n = 0;
    if (!name) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a name");
    STRATA_TRY(strata_duck_scalar(
        duck, &n, err, "SELECT count(DISTINCT " DERIVE_TEXT ") FROM " DERIVE_TABLE, name));
    if (n > STRATA_MAX_LEVELS) return too_many(feature, err);
    STRATA_TRY(strata_duck_scalar_text(
        duck, scratch, &text, err,
        "SELECT coalesce(string_agg(t || chr(0), '' ORDER BY t), '') FROM "
        "(SELECT DISTINCT " DERIVE_TEXT " AS t FROM " DERIVE_TABLE ") WHERE t IS NOT NULL",
        name));
    blob->bytes = text;
    blob->n_bytes = 0;
    for (int64_t i = 0; i < n; i++) blob->n_bytes += strlen(text + blob->n_bytes) + 1;
    return STRATA_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted and each once; the same work on the same bytes on every rank. */
STRATA_MUST_CHECK static strata_status merge(const struct strata_feature *feature,
                                             const unsigned char *all, uint64_t n_bytes,
                                             struct strata_arena *keep, struct strata_arena scratch,
                                             struct strata_column *column, struct strata_err *err)
{
    size_t n = 0;
    for (uint64_t i = 0; i < n_bytes; i++) n += all[i] == '\0';
    const char **text = STRATA_NEW(&scratch, const char *, n + 1);
    const char **level = STRATA_NEW(keep, const char *, STRATA_MAX_LEVELS);
    if (!text || !level)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the levels of \"%s\"",
                           feature->name);
    const char *at = (const char *)all;
    for (size_t i = 0; i < n; i++, at += strlen(at) + 1) text[i] = at;
    qsort(text, n, sizeof *text, by_bytes);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(text[i - 1], text[i]) == 0) continue;
        if (column->n_levels == STRATA_MAX_LEVELS) return too_many(feature, err);
        level[column->n_levels] = strata_arena_copy(keep, text[i], strlen(text[i]));
        if (!level[column->n_levels++])
            return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for levels");
    }
    column->level = level;
    return STRATA_OK;
}

strata_status levels_unify(struct strata_comm *comm, const struct strata_feature *feature,
                           struct strata_duck *duck, struct strata_arena *keep,
                           struct strata_arena scratch, struct strata_column *column,
                           struct strata_err *err)
{
    struct level_blob blob = {0};
    unsigned char *all = NULL;
    uint64_t *offset = NULL;
    strata_status rc = own_levels(feature, duck, &scratch, &blob, err);
    STRATA_TRY(strata_comm_agree(comm, rc, err));
    STRATA_TRY(
        strata_comm_gather_blobs(comm, blob.bytes, blob.n_bytes, &scratch, &all, &offset, err));
    rc = merge(feature, all, offset[comm->size], keep, scratch, column, err);
    return strata_comm_agree(comm, rc, err);
}
