/* Which files a source has: patterns expanded, each file once, sorted by the bytes of its path. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest_impl.h"

/* "**" reaches into folders of any depth, which glob(3) does not know: DuckDB's glob does. */
STRATA_MUST_CHECK static strata_status expand(struct strata_duck *duck, const char *pattern,
                                              struct strata_arena *keep, const char **path,
                                              size_t *n_paths, struct strata_err *err)
{
    struct stat seen;
    if (stat(pattern, &seen) == 0 && !S_ISDIR(seen.st_mode)) {
        if (*n_paths < STRATA_MAX_FILES) path[(*n_paths)++] = pattern;
        return STRATA_OK;
    }
    const char *literal = strata_duck_literal(pattern, keep);
    if (!literal) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for a file name");
    struct strata_duck_cursor cursor;
    STRATA_TRY(
        strata_duck_query(duck, &cursor, err, "SELECT file FROM glob(%s) ORDER BY file", literal));
    bool more = true;
    strata_status rc = strata_duck_next(&cursor, &more, err);
    for (; rc == STRATA_OK && more; rc = strata_duck_next(&cursor, &more, err)) {
        for (size_t row = 0; row < cursor.n_rows && *n_paths < STRATA_MAX_FILES; row++) {
            size_t length = 0;
            const char *text = strata_duck_text(&cursor, 0, row, &length);
            path[*n_paths] = strata_arena_copy(keep, text, length);
            if (!path[(*n_paths)++])
                rc = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for file names");
        }
        if (rc != STRATA_OK) break;
    }
    strata_duck_cursor_finish(&cursor);
    return rc;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_file(struct ingest_source *source, const char *path,
                     struct strata_problems *problems)
{
    struct stat seen;
    const struct strata_source *config = source->config;
    if (stat(path, &seen) != 0 || access(path, R_OK) != 0) {
        const strata_status code = errno == EACCES ? STRATA_E_PERMISSION : STRATA_E_NO_INPUT;
        strata_problems_add(problems, config->files_place, code, "source \"%s\": cannot read %s: %s",
                            config->name, path, strerror(errno));
        return;
    }
    if (S_ISDIR(seen.st_mode)) return;
    source->file[source->n_files++] =
        (struct ingest_file){.path = path, .bytes = (uint64_t)seen.st_size};
}

/* Empty files say nothing about the schema; they are left out unless there is nothing else. */
static void drop_empty(struct ingest_source *source)
{
    size_t n = 0;
    for (size_t i = 0; i < source->n_files; i++)
        if (source->file[i].bytes > 0) source->file[n++] = source->file[i];
    if (n > 0) source->n_files = n;
}

strata_status ingest_files(struct strata_duck *duck, struct ingest_source *source,
                           struct strata_arena *keep, struct strata_problems *problems,
                           struct strata_err *err)
{
    const struct strata_source *config = source->config;
    const char **path = STRATA_NEW(keep, const char *, STRATA_MAX_FILES);
    source->file = STRATA_NEW(keep, struct ingest_file, STRATA_MAX_FILES);
    if (!path || !source->file)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the list of files");
    size_t n_paths = 0;
    for (size_t i = 0; i < config->n_patterns; i++) {
        const size_t before = n_paths;
        STRATA_TRY(expand(duck, config->pattern[i], keep, path, &n_paths, err));
        if (n_paths == before)
            strata_problems_add(problems, config->files_place, STRATA_E_NO_INPUT,
                                "source \"%s\": no file matches %s", config->name,
                                config->pattern[i]);
    }
    if (n_paths >= STRATA_MAX_FILES)
        strata_problems_add(problems, config->files_place, STRATA_E_DATA,
                            "source \"%s\": more than %d files; join small files together",
                            config->name, STRATA_MAX_FILES - 1);
    qsort(path, n_paths, sizeof *path, compare_paths);
    for (size_t i = 0; i < n_paths; i++)
        if (i == 0 || strcmp(path[i - 1], path[i]) != 0) add_file(source, path[i], problems);
    drop_empty(source);
    return STRATA_OK;
}
