/* configs/full.yaml: the table of options as a job file with comments.  What has a default, or must be
 * there, is written; the rest is commented out, with an example. */
#include <string.h>

#include "config_impl.h"

#define LINE_WIDTH 96

/* A comment that is written word by word and broken at LINE_WIDTH. */
struct comment {
    struct writer *writer;
    int indent;
    int column; /* 0: nothing is written yet */
};

static void say(struct comment *comment, const char *text)
{
    while (*text) {
        const size_t length = strcspn(text, " ");
        if (comment->column == 0 || comment->column + 1 + (int)length > LINE_WIDTH) {
            strata_writer_put(comment->writer, "%s%*s#", comment->column ? "\n" : "",
                              comment->indent, "");
            comment->column = comment->indent + 1;
        }
        strata_writer_put(comment->writer, " %.*s", (int)length, text);
        comment->column += 1 + (int)length;
        text += length + (text[length] == ' ');
    }
}

static void write_comment(struct writer *writer, const char *text, int indent)
{
    struct comment comment = {writer, indent, 0};
    say(&comment, text);
    strata_writer_put(writer, "\n");
}

/* Kinds whose range a reader wants to know. */
static bool tells_range(const struct option *option)
{
    return option->kind == KIND_WORD || option->kind == KIND_COUNT || option->kind == KIND_REAL ||
           option->kind == KIND_SIZE || option->kind == KIND_DATE || option->kind == KIND_MARK;
}

static void write_section(struct writer *writer, const struct section *section, int indent,
                          bool after_dash);

static void write_option(struct writer *writer, const struct option *option, int indent)
{
    const bool items = option->kind == KIND_ITEMS && option->required; /* others are samples */
    const bool map = option->kind == KIND_SECTION || items;
    const char *value = option->fallback ? option->fallback : option->sample;
    const bool written = option->fallback || option->required || option->shown || map;
    strata_writer_put(writer, "%*s%s%s:", indent, "", written ? "" : "# ", option->key);
    if (!map) strata_writer_put(writer, " %s", value);
    strata_writer_put(writer, "\n");
    if (items) {
        write_section(writer, option->section, indent + 4, true);
    } else if (option->kind == KIND_SECTION) {
        write_section(writer, option->section, indent + 2, false);
    }
}

static void write_section(struct writer *writer, const struct section *section, int indent,
                          bool after_dash)
{
    for (size_t i = 0; i < section->n_options; i++) {
        const struct option *option = &section->option[i];
        write_comment(writer, option->help, indent);
        if (tells_range(option)) {
            const struct expectation expected = strata_expected(option);
            struct comment comment = {writer, indent, 0};
            say(&comment, "Must be");
            say(&comment, expected.text);
            strata_writer_put(writer, ".\n");
        }
        if (i == 0 && after_dash) { /* the dash takes the place of two columns */
            strata_writer_put(writer, "%*s- %s: %s\n", indent - 2, "", option->key, option->sample);
        } else {
            write_option(writer, option, indent);
        }
    }
}

static void write_meanings(struct writer *writer)
{
    struct comment comment = {writer, 0, 0};
    say(&comment, "Meanings:");
    for (size_t i = 0; strata_meanings[i]; i++) {
        say(&comment, strata_meanings[i]);
        if (strata_meanings[i + 1]) {
            strata_writer_put(writer, ",");
            comment.column++;
        }
    }
    strata_writer_put(writer, ".\n");
}

strata_status strata_config_full(struct strata_arena *keep, char **text, struct strata_err *err)
{
    struct writer writer;
    if (!strata_writer_init(&writer)) {
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to print the options");
    }
    write_comment(&writer,
                  "Every option of a job file, generated from the table in "
                  "src/config/options.c. What stands here without # is a default, or must "
                  "be given; behind # are examples.",
                  0);
    strata_writer_put(&writer, "\n");
    write_section(&writer, &strata_section_job, 0, false);
    strata_writer_put(&writer, "\n");
    write_meanings(&writer);
    return strata_writer_end(&writer, keep, text, err);
}
