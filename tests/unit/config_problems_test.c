#include "config_cases.h"

static bool told(const struct parsed *p, int line, int column, const char *words)
{
    for (size_t i = 0; i < p->problems.count; i++) {
        const struct strata_problem *problem = &p->problems.item[i];
        if (problem->place.line == line && problem->place.column == column &&
            strstr(problem->text, words)) {
            return true;
        }
    }
    return false;
}

/* The shortest job takes three lines, so what is added begins in line 4. */
static const struct fault {
    const char *added;
    int line, column;
    const char *words;
} added_faults[] = {
    {"memroy: 4GiB\n", 4, 1, "unknown key \"memroy\" in the job file; did you mean \"memory\"?"},
    {"job: k\n", 4, 1, "`job` is in the job file twice; the first is in line 1"},
    {"as_of: 2023-02-29\n", 4, 8, "a day as YYYY-MM-DD, not \"2023-02-29\""},
    {"as_of: 2100-02-29\n", 4, 8, "a day"},
    {"as_of: 2024-1-1\n", 4, 8, "a day"},
    {"as_of:\n", 4, 7, "`as_of` has no value"},
    {"as_of: ~\n", 4, 8, "`as_of` must be a day"},
    {"names: [a]\n", 4, 8, "a map of at most 1024 segment names"},
    {"names: {a: b, A: c}\n", 4, 15, "in `names` twice"},
    {"names: {a: b, c: B}\n", 4, 18, "in `names` twice"},
    {"names: {a: ''}\n", 4, 9, "1 to 100 bytes"},
    {"pictures: a.svg\n", 4, 11, "a map of at most 64 segment names"},
    {"pictures: {a: ''}\n", 4, 12, "the path of an image"},
    {"pictures: {a: b.svg, A: c.svg}\n", 4, 22, "in `pictures` twice"},
    {"follows: [a]\n", 4, 10, "must be a path, not a list"},
    {"memory: 4Gb\n", 4, 9, "a size such as"},
    {"memory: 1MiB\n", 4, 9, "from 64MiB"},
    {"memory: 99999999999TiB\n", 4, 9, "to 1024TiB"},
    {"memory: [1]\n", 4, 9, "not a list"},
    {"readers: coordinater\n", 4, 10, "did you mean \"coordinator\"?"},
    {"on_bad_rows: 3\n", 4, 14, "one of fail, reject, not \"3\""},
    {"key_type: {a: b}\n", 4, 11, "not a map"},
    {"key: [a]\n", 4, 6, "`key` must be a text"},
    {"key: \"a\\nb\"\n", 4, 6, "in one line"},
    {"customers: >\n  select 1\n  from x\n", 4, 12, "literal block"},
    {"customers: select 1\n  from x\n", 4, 12, "literal block"},
    {"customers: \" ; \"\n", 4, 12, "must be SQL"},
    {"customers: []\n", 4, 12, "not a list"},
    {"model: 5\n", 4, 8, "`model` must be a map of options"},
    {"model: {sed: 1}\n", 4, 9, "did you mean \"seed\"?"},
    {"model: {seed: -1}\n", 4, 15, "from 0 to 18446744073709551615"},
    {"model: {seed: 18446744073709551616}\n", 4, 15, "from 0 to"},
    {"model: {seed: 1.0}\n", 4, 15, "a whole number"},
    {"model: {starts: 0}\n", 4, 17, "from 1 to 1000, not \"0\""},
    {"model: {starts: 1001}\n", 4, 17, "from 1 to 1000"},
    {"model: {starts: ten}\n", 4, 17, "from 1 to 1000"},
    {"model: {max_iter: 4294967297}\n", 4, 19, "from 1 to 100000"},
    {"model: {min_share: 0.51}\n", 4, 20, "from 0 to 0.5"},
    {"model: {min_share: -0.1}\n", 4, 20, "from 0 to 0.5"},
    {"model: {min_share: nan}\n", 4, 20, "from 0 to 0.5"},
    {"model: {min_share: 0.1x}\n", 4, 20, "from 0 to 0.5"},
    {"model: {tolerance: 1e999}\n", 4, 20, "auto, or a number from 0 to 0.1"},
    {"model: {tolerance: -1}\n", 4, 20, "from 0 to 0.1, not \"-1\""},
    {"model: {centre_shift: -1}\n", 4, 23, "a number from 0 to 1e+06"},
    {"model: {centre_shift: auto}\n", 4, 23, "a number from 0 to 1e+06"},
    {"model: {race: on}\n", 4, 15, "auto"},
    {"model: {seeding: paralel}\n", 4, 18, "did you mean \"parallel\"?"},
    {"threads: 0\n", 4, 10, "auto, or a whole number from 1 to 256, not \"0\""},
    {"threads: 257\n", 4, 10, "from 1 to 256"},
    {"threads: [auto]\n", 4, 10, "not a list"},
    {"model: {segments: {from: 8, to: 2}}\n", 4, 19, "goes from 8 to 2"},
    {"model: {segments: 0}\n", 4, 19, "a number from 1 to 1024"},
    {"model: {segments: 1025}\n", 4, 19, "a number from 1 to 1024"},
    {"model: {segments: 99999}\n", 4, 19, "a number from 1 to 1024"},
    {"model: {segments: 1024}\n", 4, 19, "cannot each have"},
    {"model: {segments: {from: 2, too: 4}}\n", 4, 29, "did you mean \"to\"?"},
    {"model: {segments: {from: 1, to: 64}, starts: 1000}\n", 4, 19, "more than 4096 fits"},
    {"model: {segments: 4, min_share: 0.3}\n", 4, 19, "cannot each have"},
    {"model: {standardise: z-score}\n", 4, 22, "did you mean \"zscore\"?"},
    {"model: {choose: gap}\n", 4, 17, "one of auto, elbow"},
    {"model: {weights: {behavioral: 2}}\n", 4, 19, "did you mean \"behavioural\"?"},
    {"model: {weights: {behavioural: -2}}\n", 4, 32, "`behavioural` must be a number from"},
    {"model: {weights: {behavioural: 0}}\n", 4, 32, "`behavioural` must be a number from"},
    {"model: {start: ''}\n", 4, 16, "`start` has no value: it must be a path"},
    {"control: maybe\n", 4, 10, "or on or off"},
    {"control: {endpoint: \"tcp://0.0.0.0:*\"}\n", 4, 10, "one address of this host"},
    {"control: {endpoint: \"tcp://[::]:*\", keys: k}\n", 4, 10, "one address of this host"},
    {"control: {endpoint: \"tcp://*:5555\"}\n", 4, 10, "one address of this host"},
    {"control: {endpoint: \"tcp://127.evil.example:5555\"}\n", 4, 10, "one address of this host"},
    {"control: {endpoint: \"tcp://10.0.0.1:5555\"}\n", 4, 10, "open to other hosts"},
    {"control: {endpoint: \"tcp://[fd00::1]:5555\"}\n", 4, 10, "open to other hosts"},
    {"control: {interface: eth0}\n", 4, 10, "open to other hosts"},
    {"control: {interface: eth0, keys: k, endpoint: \"tcp://127.0.0.1:*\"}\n", 4, 10,
     "leave one out"},
    {"control: {ports: {from: 7000, to: 7099}}\n", 4, 10, "an `endpoint` with"},
    {"control: {endpoint: \"tcp://127.0.0.1:*\", ports: {from: 7000}}\n", 4, 10, "two ports"},
    {"control: {endpoint: \"tcp://127.0.0.1:*\", ports: {from: 7000, to: 7000}}\n", 4, 10,
     "two ports"},
    {"control: {endpoint: \"tcp://127.0.0.1\"}\n", 4, 10, "port from 1 to 65534"},
    {"control: {endpoint: \"tcp://127.0.0.1:70000\"}\n", 4, 10, "port from 1 to 65534"},
    {"control: {endpoint: \"tcp://127.0.0.1:65535\"}\n", 4, 10, "port from 1 to 65534"},
    {"control: {endpoint: udp}\n", 4, 10, "must be ipc"},
    {"outputs: {features: perhaps}\n", 4, 21, "yes or no"},
    {"output: [x]\n", 4, 9, "a path"},
    {"a: &x 1\n", 4, 4, "anchors"},
    {"a: *x\n", 4, 4, "aliases"},
    {"a: !!str x\n", 4, 4, "tags"},
    {"? [a]\n: b\n", 4, 3, "a key must be a word"},
    {"<<: {job: x}\n", 4, 1, "unknown key \"<<\""},
    {"a: [1\nb: 2\n", 5, 2, "not YAML"},
    {"a: \"b\n", 5, 1, "not YAML"},
    {"\tkey: b\n", 4, 1, "a tab"},
    {"a: \x01\n", 4, 4, "control characters"},
    {"a: \xC3\n", 4, 4, "not UTF-8"},
    {"\xC3\xA4: \xED\xA0\x80\n", 4, 4, "not UTF-8"},
    {"---\njob: y\n", 4, 1, "second document"},
    {"a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n", 4, 19, "nested too deeply"},
    {"job: \"a\\0b\"\n", 4, 6, "NUL"},
};

/* Sources and features with one fault each, in the place of X. */
static const struct fault source_faults[] = {
    {"{files: t.csv, key: id}", 2, 11, "`name` is missing in a source"},
    {"{name: t, key: id}", 2, 11, "`files` is missing in a source"},
    {"{name: t, files: t.csv}", 2, 11, "`key` is missing in a source"},
    {"{name: t, files: t.csv, key: id, lookup: yes}", 2, 40, "a lookup has no customer key"},
    {"{name: t, files: t.csv, lookup: yes}", 2, 11, "every source is a lookup"},
    {"{name: 1t, files: t.csv, key: id}", 2, 18, "a name of letters"},
    {"{name: a b, files: t.csv, key: id}", 2, 18, "a name of letters"},
    {"{name: \"a;drop\", files: t.csv, key: id}", 2, 18, "a name of letters"},
    {"{name: Order, files: t.csv, key: id}", 2, 18, "SQL keeps that word"},
    {"{name: t, files: t.dat, key: id}", 2, 28, "suffix"},
    {"{name: t, files: [a.csv, b.parquet], key: id}", 2, 28, "different formats"},
    {"{name: t, files: [], key: id}", 2, 28, "a list of 1 to"},
    {"{name: t, files: [a.csv, [b]], key: id}", 2, 36, "an item of `files`"},
    {"{name: t, files: [a.csv, \"\"], key: id}", 2, 36, "an item of `files`"},
    {"{name: t, files: t.csv, key: id, format: xls}", 2, 52, "one of parquet, csv, json, auto"},
    {"{name: t, files: t.csv, key: id, delimeter: ;}", 2, 44, "did you mean \"delimiter\"?"},
    {"{name: t, files: t.csv, key: id, quote: ab}", 2, 51, "one character"},
    {"{name: t, files: t.csv, key: id, quote: \xC3\xA4}", 2, 51, "one character"},
    {"{name: t, files: t.parquet, key: id, delimiter: \";\"}", 2, 11, "these are parquet"},
    {"{name: t, files: t.csv, key: id, header: 2}", 2, 52, "one of auto, yes, no"},
    {"{name: t, files: t.csv, key: id, null: {a: b}}", 2, 50, "`null` must be a text or a list"},
    {"{name: t, files: t.csv, key: id, columns: [a]}", 2, 53, "a map of column names"},
    {"{name: t, files: t.csv, key: id, columns: {a: intger}}", 2, 57, "did you mean \"integer\"?"},
    {"{name: t, files: t.csv, key: id, columns: {a: 'int; drop'}}", 2, 57, "not an SQL type"},
    {"{name: t, files: t.csv, key: id, columns: {a: 'decimal(1,'}}", 2, 57, "not an SQL type"},
    {"{name: t, files: t.csv, key: id, columns: {a: date, A: date}}", 2, 63, "in `columns` twice"},
    {"just text", 2, 11, "must be a map with a `name`"},
    {"{name: t, files: t.csv, key: id}, {name: u, files: u.csv, key: id}", 2, 45,
     "`customers` must say in SQL"},
    {"{name: t, files: t.csv, key: id}, {name: T, files: u.csv, key: id}", 2, 52,
     "the name \"T\" is in `sources` twice; the other is in line 2"},
};

static const struct fault feature_faults[] = {
    {"{type: numeric}", 3, 12, "`name` is missing in a feature"},
    {"{name: x}", 3, 12, "`type` is missing in a feature: one of numeric, count"},
    {"{name: x, type: nominl}", 3, 28, "did you mean \"nominal\"?"},
    {"{name: x, type: numeric, role: base}", 3, 43, "did you mean \"basis\"?"},
    {"{name: x, type: numeric, role: descriptor}", 3, 11, "no feature has `role: basis`"},
    {"{name: x, type: numeric, dimension: behavioral}", 3, 48, "did you mean \"behavioural\"?"},
    {"{name: x, type: numeric, weight: -1}", 3, 45, "`weight` must be a number from"},
    {"{name: x, type: numeric, weight: heavy}", 3, 45, "`weight` must be a number from"},
    {"{name: x, type: numeric, meaning: incom}", 3, 46, "did you mean \"income\"?"},
    {"{name: x, type: numeric, transform: log}", 3, 48, "did you mean \"log1p\"?"},
    {"{name: x, type: binary, transform: sqrt}", 3, 12, "`transform` is for numeric"},
    {"{name: x, type: numeric, missing: level}", 3, 12, "`missing: level` is for ordinal"},
    {"{name: x, type: numeric}, {name: w, type: binary, role: weight}", 3, 38,
     "`role: weight` is numeric or count, and this one is binary"},
    {"{name: x, type: numeric}, {name: w, type: count, role: weight, transform: sqrt}", 3, 38,
     "`role: weight` has no `transform`"},
    {"{name: x, type: numeric}, {name: w, type: count, role: weight}, {name: v, type: count, role: "
     "weight}",
     3, 76, "only one feature has `role: weight`; the first is in line 3"},
    {"{name: w, type: count, role: weight}", 3, 11, "no feature has `role: basis`"},
    {"{name: x, type: numeric, levels: [a, b]}", 3, 12, "`levels` are for words"},
    {"{name: x, type: binary, levels: [a, b, c]}", 3, 12, "has two `levels`"},
    {"{name: x, type: ordinal}", 3, 12, "needs at least two `levels`"},
    {"{name: x, type: ordinal, levels: [a]}", 3, 12, "needs at least two `levels`"},
    {"{name: x, type: ordinal, levels: [a, b, a]}", 3, 52, "\"a\" is in `levels` twice"},
    {"{name: x, type: ordinal, levels: [a, \"\"]}", 3, 49, "an item of `levels`"},
    {"{name: x, type: nominal, unit: ''}", 3, 43, "`unit` has no value: it must be a text"},
    {"{name: x, type: numeric}, {name: X, type: count}", 3, 45,
     "the name \"X\" is in `features` twice"},
};

static void check(const char *text, const struct fault *fault)
{
    struct parsed *p = parse(text);
    struct strata_problem *first = &p->problems.item[0];
    cr_expect(told(p, fault->line, fault->column, fault->words),
              "%s: not told at %d:%d: %s\nbut %d:%d: %s", text, fault->line, fault->column,
              fault->words, first->place.line, first->place.column, first->text);
    for (size_t i = 0; i < p->problems.count; i++) {
        cr_expect_eq(p->problems.item[i].code, STRATA_E_CONFIG);
        cr_expect_str_eq(p->problems.item[i].place.file, "/jobs/here/job.yaml");
    }
    forget(p);
}

Test(config_problems, each_fault_is_told_where_it_stands)
{
    char text[1024];
    for (size_t i = 0; i < sizeof added_faults / sizeof *added_faults; i++) {
        (void)snprintf(text, sizeof text, SHORTEST "%s", added_faults[i].added);
        check(text, &added_faults[i]);
    }
    for (size_t i = 0; i < sizeof source_faults / sizeof *source_faults; i++) {
        (void)snprintf(text, sizeof text,
                       "job: j\nsources: [%s]\nfeatures: [{name: x, type: numeric}]\n",
                       source_faults[i].added);
        check(text, &source_faults[i]);
    }
    for (size_t i = 0; i < sizeof feature_faults / sizeof *feature_faults; i++) {
        (void)snprintf(text, sizeof text,
                       "job: j\nsources: [{name: t, files: t.csv, key: id}]\nfeatures: [%s]\n",
                       feature_faults[i].added);
        check(text, &feature_faults[i]);
    }
}

Test(config_problems, one_fault_is_told_once)
{
    static const char *const texts[] = {
        "job: a/b\nsources: [{name: t, files: t.csv, key: id}]\nfeatures: [{name: x, type: numeric}]\n",
        "job: j\nsources: [{name: t, files: t.dat, key: id}]\nfeatures: [{name: x, type: numeric}]\n",
        "job: j\nsources: [{name: t, files: t.csv, key: id}]\nfeatures: [{name: x, type: nope}]\n",
        "job: j\nsources: [{name: t, files: t.csv, key: id}]\nfeatures: 3\n",
        "job: j\nsources: []\nfeatures: [{name: x, type: numeric}]\n",
        "job: j\nfeatures: [{name: x, type: numeric}]\n",
        "[]\n",
        "text\n",
        "",
        "# nothing\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct parsed *p = parse(texts[i]);
        cr_expect_eq(p->problems.total, 1, "%s: %zu problems, the last %s", texts[i],
                     p->problems.total,
                     p->problems.total ? p->problems.item[p->problems.count - 1].text : "");
        forget(p);
    }
}

Test(config_problems, all_of_them_are_told_at_once)
{
    struct parsed *p =
        parse("jobb: x\nsources: [{nam: t}]\nfeatures: [{name: x, type: numeric, rol: basis}]\n"
              "model: {sed: 1, starts: -1}\n");
    cr_assert(told(p, 1, 1, "unknown key \"jobb\""));
    cr_assert(told(p, 1, 1, "`job` is missing"));
    cr_assert(told(p, 2, 12, "unknown key \"nam\""));
    cr_assert(told(p, 2, 11, "`name` is missing"));
    cr_assert(told(p, 2, 11, "`files` is missing"));
    cr_assert(told(p, 3, 37, "unknown key \"rol\""));
    cr_assert(told(p, 4, 9, "unknown key \"sed\""));
    cr_assert(told(p, 4, 25, "`starts` must be"));
}

Test(config_problems, overrides_are_told_by_their_name)
{
    static const char *const set[] = {
        "model.sed=1",  "features.y.role=basis", "seed", "model.starts=0", "sources=x", "a..b=1",
        "features.x=1", "model.segments={from: "};
    struct parsed *p = parse_set(SHORTEST, set, sizeof set / sizeof *set);
    static const char *const words[][2] = {{"--set model.sed", "did you mean \"seed\"?"},
                                           {"--set features.y.role", "no item there is named \"y\""},
                                           {"--set seed", "must be an option and its value"},
                                           {"--set model.starts", "from 1 to 1000"},
                                           {"--set sources", "must be a list"},
                                           {"--set a..b", "must be an option"},
                                           {"--set features.x", "name the item"},
                                           {"--set model.segments", "not YAML"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        bool found = false;
        for (size_t j = 0; j < p->problems.count; j++) {
            const struct strata_problem *problem = &p->problems.item[j];
            found = found || (strcmp(problem->place.file, words[i][0]) == 0 &&
                              strstr(problem->text, words[i][1]));
        }
        cr_expect(found, "%s: %s", words[i][0], words[i][1]);
    }
}

/* A text with n times `item` in it. */
static char *large(const char *before, const char *item, size_t n, const char *after)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    cr_assert_not_null(out);
    (void)fputs(before, out);
    for (size_t i = 0; i < n; i++) (void)fputs(item, out);
    (void)fputs(after, out);
    cr_assert_eq(fclose(out), 0);
    return text;
}

Test(config_problems, large_files_cost_bounded_time_and_are_refused, .timeout = 60)
{
    static const struct {
        const char *before, *item, *after;
        size_t n;
    } cases[] = {
        {"a: [", "1,", "1]\n", 600000},                /* too many items */
        {"a: ", "x", "\n", (size_t)4 << 20},           /* too many bytes */
        {"", "k: v\n", "", 200000},                    /* one unknown key, again and again */
        {"", "job: v\n", "", 200000},                  /* a known one */
        {"sources: [", "{name: a},", "{}]\n", 100000}, /* too many sources */
        {"features: [{levels: [", "a,", "b]}]\n", 400000},
        {"sources: [{columns: {", "a: date,", "b: date}}]\n", 100000},
        {"", "- |\n  x\n", "", 200000}, /* literal blocks */
        {"a: ", "[", "\n", 1000000},
        {"", "? ", "\n", 1000000},
        {"a: ", "- ", "\n", 1000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = large(cases[i].before, cases[i].item, cases[i].n, cases[i].after);
        struct parsed *p = parse(text);
        cr_expect_gt(p->problems.total, 0, "case %zu", i);
        forget(p);
        free(text);
    }
}

Test(config_problems, billion_laughs_are_refused_at_the_first)
{
    struct parsed *p =
        parse("a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n"
              "c: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c]\n");
    cr_assert_eq(p->problems.total, 1);
    cr_assert(told(p, 1, 4, "anchors"));
}

Test(config_problems, long_words_are_shortened_at_a_letter)
{
    char *text = large(SHORTEST, "\xC3\xA4", 400, ": 1\n");
    struct parsed *p = parse(text);
    cr_assert_eq(p->problems.total, 1);
    cr_assert_not_null(strstr(p->problems.item[0].text, "\xC3\xA4...\" in the job file"));
    free(text);
}
