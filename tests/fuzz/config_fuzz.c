/* Any bytes as a job file: no crash, either problems or a job, and a job that is printed is read back as
 * the same job. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "strata/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static char *printed(const char *text, size_t n_bytes, struct strata_arena *keep)
{
    static struct strata_problems problems;
    problems.count = problems.total = 0;
    struct strata_err err = {0};
    struct strata_config *config = NULL;
    if (strata_config_parse(text, n_bytes, "/somewhere/job.yaml", NULL, 0, keep, &config, &problems,
                            &err) != STRATA_OK) {
        abort(); /* only for lack of memory */
    }
    for (size_t i = 0; i < problems.count; i++) {
        if (problems.item[i].text[0] == '\0' || problems.item[i].place.line < 0) abort();
    }
    if (problems.total > 0) return NULL;
    char *out = NULL;
    if (strata_config_print(config, keep, &out, &err) != STRATA_OK) abort();
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct strata_arena keep;
    if (!strata_arena_init(&keep, (size_t)1 << 30)) abort();
    const char *first = printed((const char *)bytes, n_bytes, &keep);
    if (first) {
        const char *second = printed(first, strlen(first), &keep);
        if (!second || strcmp(first, second) != 0) abort();
    }
    strata_arena_finish(&keep);
    return 0;
}
