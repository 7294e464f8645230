/* configs/full.yaml: the table of options as a job file with comments.  What has a default, or must be
 * there, is written; the rest is commented out, with an example. */
#include <string.h>

#include "config_impl.h"

#define LINE_WIDTH 96

static void write_comment(struct writer *writer, const char *text, int indent)
{
    int column = LINE_WIDTH + 1; /* the first word begins a line */
    while (*text) {
        const size_t length = strcspn(text, " ");
        if (column + 1 + (int)length > LINE_WIDTH) {
            strata_writer_put(writer, "%s%*s#", column > LINE_WIDTH ? "" : "\n", indent, "");
            column = indent + 1;
        }
        strata_writer_put(writer, " %.*s", (int)length, text);
        column += 1 + (int)length;
        text += length + (text[length] == ' ');
    }
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
    const bool map = option->kind == KIND_SECTION || option->kind == KIND_ITEMS;
    const char *value = option->fallback ? option->fallback : option->sample;
    const bool written = option->fallback || option->required || option->shown || map;
    strata_writer_put(writer, "%*s%s%s:", indent, "", written ? "" : "# ", option->key);
    if (!map) strata_writer_put(writer, " %s", value);
    strata_writer_put(writer, "\n");
    if (option->kind == KIND_ITEMS) {
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
            char sentence[200] = "Must be ";
            strncat(sentence, strata_expected(option).text, sizeof sentence - 16);
            write_comment(writer, strcat(sentence, "."), indent);
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
    char sentence[1200] = "Meanings:";
    for (size_t i = 0; strata_meanings[i]; i++) {
        strncat(sentence, i ? ", " : " ", sizeof sentence - strlen(sentence) - 1);
        strncat(sentence, strata_meanings[i], sizeof sentence - strlen(sentence) - 1);
    }
    strncat(sentence, ".", sizeof sentence - strlen(sentence) - 1);
    write_comment(writer, sentence, 0);
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
