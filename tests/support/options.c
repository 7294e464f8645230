/* What the config folder knows, for tests and for making configs/full.yaml:
 *   strata-options                          every option as a commented job file
 *   strata-options JOB [OPTION=VALUE]...    the effective job, or its problems with exit code 78 */
#include <stdio.h>

#include "strata/config.h"

static int print_job(struct strata_arena *keep, const char *path, const char *const *set,
                     size_t n_set, char **text, struct strata_err *err)
{
    struct strata_problems problems = {0};
    struct strata_config *config = NULL;
    const strata_status status = strata_config_read(path, set, n_set, keep, &config, &problems, err);
    if (status != STRATA_OK) return strata_status_exit_code(status);
    strata_problems_print(&problems, stderr);
    if (problems.total > 0) return strata_status_exit_code(strata_problems_status(&problems, err));
    return strata_status_exit_code(strata_config_print(config, keep, text, err));
}

int main(int argc, char **argv)
{
    struct strata_err err = {0};
    struct strata_arena keep;
    char *text = NULL;
    if (!strata_arena_init(&keep, (size_t)1 << 30)) return 71;
    int code = 0;
    if (argc < 2) {
        code = strata_status_exit_code(strata_config_full(&keep, &text, &err));
    } else {
        code =
            print_job(&keep, argv[1], (const char *const *)&argv[2], (size_t)argc - 2, &text, &err);
    }
    if (code == 0)
        (void)fputs(text, stdout);
    else if (err.text[0])
        (void)fprintf(stderr, "%s\n", err.text);
    strata_arena_finish(&keep);
    return code;
}
