/* What a run read, so that a later one can tell which file has changed since. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "ingest/ingest_impl.h"

strata_status strata_input_line(const char *source, const char *path, struct strata_arena *keep,
                                char **line, struct strata_err *err)
{
    struct stat facts;
    if (stat(path, &facts) != 0)
        return STRATA_FAIL(err, STRATA_E_NO_INPUT, "%s: cannot be read any more: %s", path,
                           strerror(errno));
    *line = strata_arena_print(keep, "%s\t%s\t%" PRIu64 "\t%" PRId64 ".%09ld\n", source, path,
                               (uint64_t)facts.st_size, (int64_t)facts.st_mtim.tv_sec,
                               facts.st_mtim.tv_nsec);
    return *line ? STRATA_OK : STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the list of inputs");
}

strata_status strata_ingest_inputs(const struct strata_ingest_plan *plan, struct strata_arena *keep,
                                   char **text, struct strata_err *err)
{
    const struct ingest_detail *detail = plan->detail;
    const char *none = "no memory for the list of inputs";
    size_t n_files = 0, n_bytes = 0, at = 0;
    for (size_t i = 0; i < detail->n_sources; i++) n_files += detail->source[i].n_files;
    char **line = STRATA_NEW(keep, char *, n_files + 1);
    if (!line) return STRATA_FAIL(err, STRATA_E_MEMORY, "%s", none);
    for (size_t i = 0, n = 0; i < detail->n_sources; i++) {
        const struct ingest_source *source = &detail->source[i];
        for (size_t j = 0; j < source->n_files; j++, n++) {
            STRATA_TRY(
                strata_input_line(source->config->name, source->file[j].path, keep, &line[n], err));
            n_bytes += strlen(line[n]);
        }
    }
    char *all = STRATA_NEW(keep, char, n_bytes + 1);
    if (!all) return STRATA_FAIL(err, STRATA_E_MEMORY, "%s", none);
    for (size_t n = 0; n < n_files; n++) {
        const size_t length = strlen(line[n]);
        memcpy(all + at, line[n], length);
        at += length;
    }
    *text = all;
    return STRATA_OK;
}
