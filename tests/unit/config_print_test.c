#include "config_cases.h"

static char *printed(const struct strata_config *config, struct strata_arena *keep)
{
    struct strata_err err = {0};
    char *text = NULL;
    cr_assert_eq(strata_config_print(config, keep, &text, &err), STRATA_OK, "%s", err.text);
    return text;
}

/* Printing knows every option, so equal prints are equal jobs. */
static void check_round_trip(const char *text)
{
    struct parsed *first = parse(text);
    cr_assert_eq(first->problems.total, 0, "%s\n%s", text, first->problems.item[0].text);
    const char *once = printed(first->config, &first->keep);
    struct parsed *second = parse(once);
    cr_assert_eq(second->problems.total, 0, "%s\n%d:%d %s", once,
                 second->problems.item[0].place.line, second->problems.item[0].place.column,
                 second->problems.item[0].text);
    cr_assert_str_eq(printed(second->config, &second->keep), once);
    if (first->config->customers_sql) {
        cr_assert_str_eq(first->config->customers_sql, second->config->customers_sql);
    }
    cr_assert_eq(first->config->n_features, second->config->n_features);
    for (size_t i = 0; i < first->config->n_features; i++) {
        const struct strata_feature *a = &first->config->feature[i],
                                    *b = &second->config->feature[i];
        cr_assert_str_eq(a->label, b->label);
        cr_assert(a->weight == b->weight && a->n_levels == b->n_levels);
        for (size_t l = 0; l < a->n_levels; l++) cr_assert_str_eq(a->level[l], b->level[l]);
    }
    cr_assert(first->config->model.tolerance == second->config->model.tolerance);
    forget(first);
    forget(second);
}

/* A small generator of random jobs: numbers, nasty texts, and options that are there or not. */
struct dice {
    uint64_t state;
};

static uint32_t roll(struct dice *dice, uint32_t sides)
{
    dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(dice->state >> 33) % sides;
}

static const char *nasty_text(struct dice *dice)
{
    static const char *const texts[] = {"plain",
                                        "two words",
                                        "a: b",
                                        "#no comment",
                                        "- dash",
                                        "19-24",
                                        "off",
                                        "null",
                                        "~",
                                        "yes",
                                        "1e3",
                                        "'",
                                        "\\\"",
                                        "\\\\",
                                        "[x",
                                        "{y}",
                                        " lead",
                                        "trail ",
                                        "\\u00e4\xC3\xA4",
                                        "\xE2\x82\xAC 5",
                                        "@at",
                                        "%p",
                                        "&a",
                                        "*b",
                                        "!t",
                                        "|",
                                        ">",
                                        "?",
                                        "a # b",
                                        "\\u2028x",
                                        "\\U0001F600",
                                        "\xF0\x9F\x98\x80",
                                        "\\u0085",
                                        "\\uFEFF",
                                        "=",
                                        "<<",
                                        "..."};
    return texts[roll(dice, sizeof texts / sizeof *texts)];
}

static const char *nasty_sql(struct dice *dice)
{
    static const char *const texts[] = {"|\n  select 1\n",
                                        "|\n    select\n  \n      1 -- x\n\n    from t\n",
                                        "|-\n  select 1",
                                        "|+\n  select 1\n\n\n",
                                        "\"select\\t1\\r\\n\"",
                                        "|2\n     select 1\n   from t\n",
                                        "select 'a' as x",
                                        "|\n  select\t1\t\n",
                                        "\"\\n x\"",
                                        "\"\xC3\xA4 \\u2028 x\""};
    return texts[roll(dice, sizeof texts / sizeof *texts)];
}

static void write_job(struct dice *dice, char *text, size_t room)
{
    static const char *const types[] = {"numeric", "count", "binary", "ordinal", "nominal"};
    FILE *out = fmemopen(text, room, "w");
    cr_assert_not_null(out);
    (void)fprintf(out, "job: j%u\n", roll(dice, 99));
    if (roll(dice, 2))
        (void)fprintf(out, "as_of: 20%02u-0%u-1%u\n", roll(dice, 99), 1 + roll(dice, 9),
                      roll(dice, 9));
    if (roll(dice, 2)) (void)fprintf(out, "memory: %uMiB\n", 64 + roll(dice, 99999));
    if (roll(dice, 2)) (void)fprintf(out, "key: \"%s\"\n", nasty_text(dice));
    (void)fprintf(out, "sources:\n- name: s\n  files: [\"%s.csv\", \"/%s.csv\"]\n  key: \"%s\"\n",
                  nasty_text(dice), nasty_text(dice), nasty_text(dice));
    if (roll(dice, 2))
        (void)fprintf(out, "  null: [\"1%s\", \"2%s\", \"\"]\n", nasty_text(dice), nasty_text(dice));
    if (roll(dice, 2))
        (void)fprintf(out, "  columns: {\"1%s\": date, \"2%s\": \"decimal(%u,2)\"}\n",
                      nasty_text(dice), nasty_text(dice), 3 + roll(dice, 30));
    if (roll(dice, 2))
        (void)fprintf(out, "  delimiter: \"%s\"\n  quote: \"\"\n", roll(dice, 2) ? "\\t" : ";");
    if (roll(dice, 2)) (void)fprintf(out, "  header: %s\n", roll(dice, 2) ? "yes" : "no");
    if (roll(dice, 3)) (void)fprintf(out, "customers: %s\n", nasty_sql(dice));
    (void)fprintf(out, "features:\n");
    for (uint32_t i = 0, n = 1 + roll(dice, 5); i < n; i++) {
        const uint32_t type = roll(dice, 5);
        (void)fprintf(out, "- {name: f%u, type: %s, label: \"%s\"", i, types[type],
                      nasty_text(dice));
        if (type > 2)
            (void)fprintf(out, ", levels: [\"1%s\", \"2%s\"]", nasty_text(dice), nasty_text(dice));
        if (roll(dice, 2))
            (void)fprintf(out, ", weight: %u.%ue-%u", roll(dice, 9), 1 + roll(dice, 99999),
                          roll(dice, 4));
        if (roll(dice, 2)) (void)fprintf(out, ", unit: \"%s\"", nasty_text(dice));
        if (type < 2 && i > 0 && i + 1 == n)
            (void)fprintf(out, ", role: weight");
        else if (type < 2 && roll(dice, 2))
            (void)fprintf(out, ", transform: log1p");
        (void)fprintf(out, "}\n");
    }
    (void)fprintf(out,
                  "model: {seed: %u, tolerance: 0.0%u, segments: %u, min_share: 0, weights: "
                  "{geographic: %u.5}, centre_shift: %u.25, seeding: %s}\n",
                  roll(dice, 1u << 30), roll(dice, 1u << 30), 1 + roll(dice, STRATA_MAX_SEGMENTS),
                  roll(dice, 9), roll(dice, 9), roll(dice, 2) ? "sample" : "parallel");
    if (roll(dice, 2)) (void)fprintf(out, "threads: %u\n", 1 + roll(dice, STRATA_MAX_THREADS));
    if (roll(dice, 3) == 0) (void)fprintf(out, "control: off\n");
    if (roll(dice, 3) == 0) (void)fprintf(out, "output: \"%s\"\n", nasty_text(dice));
    (void)fclose(out);
}

Test(config_print, random_jobs_are_read_back_as_they_were_printed, .timeout = 60)
{
    for (uint64_t seed = 0; seed < 800; seed++) {
        struct dice dice = {seed};
        char text[8192] = "";
        write_job(&dice, text, sizeof text - 1);
        check_round_trip(text);
    }
}

Test(config_print, shipped_jobs_are_read_back_as_they_were_printed)
{
    static const char *const names[] = {
        "full",          "grocery-households", "grocery-households-csv",
        "online-retail", "wholesale",          "grocery-households-mixture",
        "telco-churn",   "bank-marketing",     "vacation-motives"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512], text[65536] = "";
        (void)snprintf(path, sizeof path, CONFIGS "/%s.yaml", names[i]);
        FILE *file = fopen(path, "r");
        cr_assert(file && fread(text, 1, sizeof text - 1, file) > 0, "%s", path);
        (void)fclose(file);
        check_round_trip(text);
    }
}

Test(config_print, given_names_come_back)
{
    const char *text = "job: j\nsources: [{name: t, files: t.csv, key: id}]\n"
                       "features: [{name: spend, type: numeric}]\n"
                       "names: {Big spenders: 'a: \"b\"', 'null': Sleeping giants}\n";
    check_round_trip(text);
    const struct strata_config *config = job(text);
    cr_assert_eq(config->n_given_names, 2);
    cr_assert_str_eq(config->given_name[0].segment, "Big spenders");
    cr_assert_str_eq(config->given_name[0].value, "a: \"b\"");
    cr_assert_str_eq(config->given_name[1].value, "Sleeping giants");
}

Test(config_print, pictures_and_the_run_that_is_followed_come_back)
{
    const char *text = "job: j\nsources: [{name: t, files: t.csv, key: id}]\n"
                       "features: [{name: spend, type: numeric}]\nfollows: ../runs/last\n"
                       "pictures: {Big spenders: a.svg, 'x: y': a.svg}\n";
    check_round_trip(text);
    const struct strata_config *config = job(text);
    cr_assert_not_null(strstr(config->follows, "/runs/last"));
    cr_assert_eq(config->n_pictures, 2);
    cr_assert_str_eq(config->picture[1].segment, "x: y");
    cr_assert_eq(config->picture[1].value[0], '/');
    cr_assert_not_null(strstr(config->picture[1].value, "/a.svg"));
}

Test(config_print, full_yaml_is_what_the_table_generates)
{
    struct strata_arena keep;
    struct strata_err err = {0};
    char *generated = NULL, shipped[65536] = "";
    cr_assert(strata_arena_init(&keep, (size_t)1 << 24));
    cr_assert_eq(strata_config_full(&keep, &generated, &err), STRATA_OK, "%s", err.text);
    FILE *file = fopen(CONFIGS "/full.yaml", "r");
    cr_assert(file && fread(shipped, 1, sizeof shipped - 1, file) > 0);
    (void)fclose(file);
    cr_assert_str_eq(shipped, generated, "make it again: strata-options > configs/full.yaml");
    strata_arena_finish(&keep);
}

/* Without the lines that only repeat defaults, it is still the same job. */
Test(config_print, what_full_yaml_writes_out_are_the_defaults)
{
    struct strata_arena keep;
    struct strata_err err = {0};
    char *full = NULL;
    cr_assert(strata_arena_init(&keep, (size_t)1 << 24));
    cr_assert_eq(strata_config_full(&keep, &full, &err), STRATA_OK);
    const struct strata_config *short_job = job(
        "job: my-customers\nsources: [{name: orders, files: data/orders/*.csv, key: customer_id}]\n"
        "features: [{name: spend, type: numeric}]\n");
    cr_assert_str_eq(printed(job(full), &keep), printed(short_job, &keep));
}

/* Every option that full.yaml shows behind # is one that is known. */
Test(config_print, examples_in_full_yaml_are_accepted)
{
    struct strata_arena keep;
    struct strata_err err = {0};
    char *full = NULL, text[65536] = "";
    cr_assert(strata_arena_init(&keep, (size_t)1 << 24));
    cr_assert_eq(strata_config_full(&keep, &full, &err), STRATA_OK);
    size_t shown = 0, used = 0;
    for (char *line = full, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        char *hash = strstr(line, "# ");
        const char *colon = hash ? strstr(hash, ": ") : NULL;
        const size_t word = hash ? strspn(hash + 2, "abcdefghijklmnopqrstuvwxyz_") : 0;
        const bool example = colon && colon == hash + 2 + word && word > 0;
        if (example && strncmp(hash + 2, "levels", 6) != 0) {
            memmove(hash, hash + 2, strlen(hash + 2) + 1);
            shown++;
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "%s\n", line);
    }
    cr_assert_gt(shown, 12);
    (void)job(text);
}
