#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "strata/clock.h"
#include "strata/file.h"
#include "strata/log.h"

static void make_empty(char *path, struct strata_arena *arena)
{
    const int file = mkstemp(path);
    cr_assert(file >= 0);
    (void)close(file);
    cr_assert(strata_arena_init(arena, 1 << 20));
}

static char *logged(int rank)
{
    static struct strata_arena arena;
    struct strata_err err = {0};
    char path[] = "log_test.XXXXXX", *bytes = NULL;
    size_t n = 0;
    make_empty(path, &arena);
    strata_log_init(rank, STRATA_LOG_ERROR);
    cr_assert_eq(strata_log_open(path, &err), STRATA_OK);
    STRATA_LOG(INFO, "fit.iter", "iter=%d objective=%.17g reason=%s", 3, 1.5, "say \"no\"");
    STRATA_LOG(INFO, "odd.texts", "a=2024-05-01 b=1.2.3 c=007 d=-0.5e-3 e=- f=1e g=0 h=");
    STRATA_LOG(DEBUG, "never.seen", "x=%d", 1);
    strata_log_close();
    cr_assert_eq(strata_file_read(path, 10000, &arena, &bytes, &n, &err), STRATA_OK);
    (void)unlink(path);
    return bytes;
}

Test(log, an_event_is_one_line_of_json_with_numbers_as_numbers)
{
    const char *line = logged(0);
    cr_assert_not_null(
        strstr(line, "\"event\":\"fit.iter\",\"iter\":3,\"objective\":1.5,\"reason\":\"say\""));
    const char *end = strchr(line, '\n');
    cr_assert_not_null(end);
    cr_assert_eq(end[-1], '}');
    cr_assert_eq(strchr(end + 1, '\n'), line + strlen(line) - 1);
}

Test(log, what_only_looks_like_a_number_is_text)
{
    cr_assert_not_null(strstr(logged(0),
                              "\"a\":\"2024-05-01\",\"b\":\"1.2.3\",\"c\":\"007\",\"d\":-0.5e-3,"
                              "\"e\":\"-\",\"f\":\"1e\",\"g\":0,\"h\":\"\"}"));
}

Test(log, other_ranks_are_silent_at_info)
{
    cr_assert_str_empty(logged(3));
}

Test(log, durations_read_well)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0.24, "0.2 s"}, {59, "59 s"}, {125, "2 min 5 s"}, {12000, "3 h 20 min"}, {-1, "unknown"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        strata_duration_text(cases[i].seconds, text);
        cr_expect_str_eq(text, cases[i].text);
    }
}

Test(log, a_line_is_whole_or_not_there_when_the_disk_is_full)
{
    static struct strata_arena arena;
    struct strata_err err = {0};
    char path[] = "log_test.XXXXXX", *bytes = NULL;
    size_t n = 0;
    make_empty(path, &arena);
    (void)signal(SIGXFSZ, SIG_IGN);
    strata_log_init(0, STRATA_LOG_ERROR);
    cr_assert_eq(strata_log_open(path, &err), STRATA_OK);
    for (rlim_t room = 0; room < 1000; room += 37) { /* lines come when there is room again */
        const struct rlimit limit = {.rlim_cur = room, .rlim_max = RLIM_INFINITY};
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        STRATA_LOG(INFO, "room", "bytes=%d", (int)room);
    }
    strata_log_close();
    cr_assert_eq(strata_file_read(path, 10000, &arena, &bytes, &n, &err), STRATA_OK);
    (void)unlink(path);
    int n_lines = 0;
    for (const char *at = bytes; *at; at = strchr(at, '\n') + 1, n_lines++) {
        cr_assert_eq(strncmp(at, "{\"time\":", 8), 0, "%s", at);
        cr_assert_not_null(strchr(at, '\n'), "%s", at);
        cr_assert_eq(strchr(at, '\n')[-1], '}', "%s", at);
    }
    cr_assert(n_lines > 3 && n_lines < 20, "%d", n_lines);
}
