/* The effective job as YAML: every option of the tables, with the value that it has. */
#include <inttypes.h>
#include <string.h>

#include "config_impl.h"

#define VALUE(type, base, offset) (*(type const *)(const void *)((const char *)(base) + (offset)))

static void print_section(struct writer *writer, const struct section *section, const void *base,
                          int indent, bool after_dash);

static void put_text(struct writer *writer, const char *text)
{
    strata_writer_scalar(writer, text, strlen(text));
}

static void print_texts(struct writer *writer, const char *const *text, size_t n)
{
    strata_writer_put(writer, "[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0) strata_writer_put(writer, ", ");
        put_text(writer, text[i]);
    }
    strata_writer_put(writer, "]");
}

static void print_size(struct writer *writer, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    if (bytes == 0) {
        strata_writer_put(writer, "auto");
        return;
    }
    for (; unit < 4 && bytes % 1024 == 0; unit++) bytes /= 1024;
    strata_writer_put(writer, "%" PRIu64 "%s", bytes, units[unit]);
}

static void print_count(struct writer *writer, const struct option *option, uint32_t count)
{
    if (option->has_auto && count == 0)
        strata_writer_put(writer, "auto");
    else
        strata_writer_put(writer, "%" PRIu32, count);
}

static void print_real(struct writer *writer, const struct option *option, double number)
{
    if (option->has_auto && number < 0)
        strata_writer_put(writer, "auto");
    else
        strata_writer_number(writer, number);
}

static void print_columns(struct writer *writer, const struct strata_source_column *column,
                          size_t n, int indent)
{
    for (size_t i = 0; i < n; i++) {
        strata_writer_put(writer, "\n%*s", indent, "");
        put_text(writer, column[i].name);
        strata_writer_put(writer, ": ");
        put_text(writer, column[i].type);
    }
}

static void print_settings(struct writer *writer, const struct strata_segment_setting *setting,
                           size_t n, int indent)
{
    for (size_t i = 0; i < n; i++) {
        strata_writer_put(writer, "\n%*s", indent, "");
        put_text(writer, setting[i].segment);
        strata_writer_put(writer, ": ");
        put_text(writer, setting[i].value);
    }
}

static void print_items(struct writer *writer, const struct option *option, const void *base,
                        int indent)
{
    const char *item = VALUE(const char *, base, option->at);
    const size_t n = VALUE(size_t, base, option->at_count);
    for (size_t i = 0; i < n; i++) {
        strata_writer_put(writer, "\n%*s- ", indent, "");
        print_section(writer, option->section, item + i * option->section->item_bytes, indent + 2,
                      true);
    }
}

static void print_subsection(struct writer *writer, const struct section *section, const void *base,
                             int indent)
{
    const char *shortcut = section->shortcut_of ? section->shortcut_of(base) : NULL;
    if (shortcut) {
        strata_writer_put(writer, "%s", shortcut);
    } else {
        strata_writer_put(writer, "\n%*s", indent, "");
        print_section(writer, section, base, indent, true);
    }
}

static void print_value(struct writer *writer, const struct option *option, const void *base,
                        int indent)
{
    int word = 0;
    switch (option->kind) {
    case KIND_TEXT:
    case KIND_IDENTIFIER:
    case KIND_MARK:
    case KIND_DATE:
    case KIND_PATH:
    case KIND_MEANING:
        put_text(writer, VALUE(const char *, base, option->at));
        break;
    case KIND_SQL:
        strata_writer_block(writer, VALUE(const char *, base, option->at), indent);
        break;
    case KIND_WORD:
        memcpy(&word, (const char *)base + option->at, sizeof word);
        strata_writer_put(writer, "%s", strata_word_of(option->words, word));
        break;
    case KIND_FLAG:
        strata_writer_put(writer, "%s", VALUE(bool, base, option->at) ? "yes" : "no");
        break;
    case KIND_COUNT:
        print_count(writer, option, VALUE(uint32_t, base, option->at));
        break;
    case KIND_SEED:
        strata_writer_put(writer, "%" PRIu64, VALUE(uint64_t, base, option->at));
        break;
    case KIND_SIZE:
        print_size(writer, VALUE(uint64_t, base, option->at));
        break;
    case KIND_REAL:
        print_real(writer, option, VALUE(double, base, option->at));
        break;
    case KIND_TEXTS:
    case KIND_PATHS:
        print_texts(writer, VALUE(const char *const *, base, option->at),
                    VALUE(size_t, base, option->at_count));
        break;
    case KIND_COLUMNS:
        print_columns(writer, VALUE(const struct strata_source_column *, base, option->at),
                      VALUE(size_t, base, option->at_count), indent);
        break;
    case KIND_NAMES:
    case KIND_PICTURES:
        print_settings(writer, VALUE(const struct strata_segment_setting *, base, option->at),
                       VALUE(size_t, base, option->at_count), indent);
        break;
    case KIND_SECTION:
        print_subsection(writer, option->section, (const char *)base + option->at, indent);
        break;
    case KIND_ITEMS:
        print_items(writer, option, base, indent);
        break;
    case KIND_COUNT_OF_KINDS:
        break;
    }
}

/* Options that were neither given nor have a default are left out. */
static bool is_set(const struct option *option, const void *base)
{
    switch (option->kind) {
    case KIND_TEXT:
    case KIND_IDENTIFIER:
    case KIND_MARK:
    case KIND_DATE:
    case KIND_PATH:
    case KIND_MEANING:
    case KIND_SQL:
        return VALUE(const char *, base, option->at) != NULL;
    case KIND_TEXTS:
    case KIND_PATHS:
    case KIND_COLUMNS:
    case KIND_NAMES:
    case KIND_PICTURES:
    case KIND_ITEMS:
        return VALUE(size_t, base, option->at_count) > 0;
    case KIND_WORD:
    case KIND_FLAG:
    case KIND_COUNT:
    case KIND_SEED:
    case KIND_SIZE:
    case KIND_REAL:
    case KIND_SECTION:
    case KIND_COUNT_OF_KINDS:
        break;
    }
    return true;
}

/* The value begins in the line below its key. */
static bool begins_below(const struct option *option, const void *base)
{
    const struct section *section = option->section;
    if (option->kind == KIND_COLUMNS || option->kind == KIND_NAMES ||
        option->kind == KIND_PICTURES || option->kind == KIND_ITEMS)
        return true;
    if (option->kind != KIND_SECTION) return false;
    return !section->shortcut_of || !section->shortcut_of((const char *)base + option->at);
}

static void print_section(struct writer *writer, const struct section *section, const void *base,
                          int indent, bool after_dash)
{
    bool first = after_dash; /* the first line's indentation is there already */
    for (size_t i = 0; i < section->n_options; i++) {
        const struct option *option = &section->option[i];
        if (!is_set(option, base)) continue;
        if (!first) strata_writer_put(writer, "\n%*s", indent, "");
        first = false;
        strata_writer_put(writer, "%s:%s", option->key, begins_below(option, base) ? "" : " ");
        print_value(writer, option, base, indent + 2);
    }
}

strata_status strata_config_print(const struct strata_config *config, struct strata_arena *keep,
                                  char **text, struct strata_err *err)
{
    struct writer writer;
    if (!strata_writer_init(&writer)) {
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to print the job's options");
    }
    strata_writer_put(&writer, "# The effective job: every option with the value that it has.\n");
    print_section(&writer, &strata_section_job, config, 0, true);
    strata_writer_put(&writer, "\n");
    return strata_writer_end(&writer, keep, text, err);
}
