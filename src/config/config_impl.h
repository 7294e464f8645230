/* What the files of this folder share: the tree that YAML is read into, and the table of options
 * from which reading, defaults, suggestions, printing and configs/full.yaml all come. */
#ifndef STRATA_CONFIG_IMPL_H
#define STRATA_CONFIG_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "strata/config.h"

#define TEXT_BYTES_MAX ((size_t)4 << 20) /* of a job file */
#define NODES_MAX 500000
#define DEPTH_MAX 16
#define COLUMN_NAME_MAX 255
#define PATH_MAX_BYTES 4000
#define AUTO_REAL (-1.0) /* what `auto` of a number is held as */
#define SHOWN_MAX 72     /* bytes of a user's word that a message repeats */

/* --- the tree -------------------------------------------------------------------------------- */

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };
enum node_style { STYLE_PLAIN, STYLE_QUOTED, STYLE_LITERAL, STYLE_FOLDED };

struct node {
    enum node_kind kind;
    enum node_style style;     /* of a text */
    struct strata_place place; /* first character; of a literal block, its `|` */
    int last_line;             /* where a text ends */
    int indent;                /* columns before each line of a literal block */
    const char *text;          /* NUL-terminated */
    size_t length;             /* bytes of text; it may contain NUL */
    struct node *item;         /* first item of a list, first key of a map */
    struct node *last_item;
    struct node *next;  /* after this item or key */
    struct node *value; /* of a key */
    size_t n_items;
};

/* Read one YAML document of a bounded size and depth, without aliases, anchors and tags.
 * *root is NULL when a problem was found.  Fails only for lack of memory. */
STRATA_MUST_CHECK strata_status strata_yaml_read(const char *text, size_t n_bytes, const char *file,
                                                 struct strata_arena *arena, struct node **root,
                                                 struct strata_problems *problems,
                                                 struct strata_err *err);

struct node *strata_node_new(struct strata_arena *arena, enum node_kind kind,
                             struct strata_place place);
void strata_node_append(struct node *parent, struct node *item);
struct node *strata_node_find(const struct node *map, const char *key); /* the key, or NULL */

/* Apply "model.seed=7" to the tree, whose nodes are in arena; their places are in keep.  Fails only for
 * lack of memory. */
STRATA_MUST_CHECK strata_status strata_override_apply(struct node *root, const char *set,
                                                      struct strata_arena *keep,
                                                      struct strata_arena *arena,
                                                      struct strata_problems *problems,
                                                      struct strata_err *err);

/* --- words ----------------------------------------------------------------------------------- */

struct word {
    const char *text;
    int value; /* several words may share one; the first is printed */
};

struct words {
    const struct word *word;
    size_t n;
};

#define FORMAT_BY_SUFFIX 99 /* `format: auto`, until check.c has seen the file names */

extern const struct words strata_words_flag, strata_words_reader, strata_words_bad_rows;
extern const struct words strata_words_key_type, strata_words_format, strata_words_header;
extern const struct words strata_words_type, strata_words_dimension, strata_words_role;
extern const struct words strata_words_transform, strata_words_missing, strata_words_standardise;
extern const struct words strata_words_choose, strata_words_race, strata_words_seeding;
extern const struct words strata_words_keep_table;

const char *strata_word_of(const struct words *words, int value); /* NULL if unknown */

/* The nearest of n words, each `stride` bytes after the one before; NULL if none is near. */
const char *strata_near(const char *word, const void *first, size_t n, size_t stride);

/* A user's word as a message may repeat it: short, without control characters. */
struct shown {
    char text[SHOWN_MAX + 4];
};
struct shown strata_shown(const char *text, size_t length);

/* --- the table of options -------------------------------------------------------------------- */

enum option_kind {
    KIND_TEXT,       /* const char *; min..max bytes, no control characters */
    KIND_IDENTIFIER, /* const char *; a bare SQL identifier */
    KIND_MARK,       /* const char *; min..max bytes: delimiter, quote, escape */
    KIND_DATE,       /* const char * */
    KIND_MEANING,    /* const char * of strata_meanings */
    KIND_PATH,       /* const char *, made absolute */
    KIND_SQL,        /* const char *customers_sql and its place */
    KIND_WORD,       /* enum or int, of words */
    KIND_FLAG,       /* bool */
    KIND_COUNT,      /* uint32_t in min..max, or auto */
    KIND_SEED,       /* uint64_t */
    KIND_SIZE,       /* uint64_t bytes in min..max, 0 for auto */
    KIND_REAL,       /* double in min..max, or auto */
    KIND_TEXTS,      /* const char *const * and count: one text or a list; min..max items */
    KIND_PATHS,      /* the same, made absolute */
    KIND_COLUMNS,    /* struct strata_source_column * and count: name: type */
    KIND_NAMES,      /* struct strata_segment_setting * and count: segment: name */
    KIND_PICTURES,   /* the same: segment: path, made absolute */
    KIND_SECTION,    /* keys of another table, in a struct inside this one */
    KIND_ITEMS,      /* list of maps, each a struct; at most max */
    KIND_COUNT_OF_KINDS
};

struct section;

struct option {
    const char *key;
    enum option_kind kind;
    bool required;
    bool shown;           /* full.yaml writes it although it may be left out */
    bool has_auto;        /* KIND_COUNT, KIND_REAL: `auto` is 0 of a count, AUTO_REAL of a real */
    size_t at;            /* offset of the value */
    size_t at_count;      /* offset of the count of a list */
    size_t at_place;      /* offset of a struct strata_place; 0: none is kept */
    double min, max;      /* of a number; of the bytes of a text; of the items of a list */
    const char *fallback; /* default, as YAML text; NULL: none */
    const char *sample;   /* what full.yaml shows where there is no default */
    const struct words *words;
    const struct section *section;
    const char *help; /* what it is for, one or two sentences without the default */
};

struct section {
    const char *where; /* in sentences: "a source", "model" */
    const struct option *option;
    size_t n_options;
    size_t item_bytes;    /* KIND_ITEMS: of one struct */
    size_t item_place;    /* KIND_ITEMS: offset of its place */
    const char *shortcut; /* what a text instead of keys means */
    bool (*take_shortcut)(const struct node *node, void *base); /* false: not that text */
    const char *(*shortcut_of)(const void *base);               /* NULL: print the keys */
};

extern const struct section strata_section_job;
extern const struct section strata_section_control; /* one of its keys */

/* --- reading --------------------------------------------------------------------------------- */

struct reader {
    const char *directory; /* absolute */
    struct strata_arena *keep;
    struct strata_problems *problems;
    bool starved; /* keep had no room */
};

typedef void strata_kind_reader(struct reader *reader, const struct option *option,
                                const struct node *node, void *base);
strata_kind_reader *strata_kind_reader_of(enum option_kind kind);
strata_kind_reader strata_read_texts, strata_read_columns, strata_read_settings;

/* The value at an offset of a struct. */
#define AT(type, base, offset) ((type *)(void *)((char *)(base) + (offset)))

/* True for the word auto where the option knows it. */
bool strata_node_is_auto(const struct option *option, const struct node *node);

/* True for a text that is there; `key:` and `key: ~` say nothing. */
bool strata_node_is_given(const struct node *node);
bool strata_node_has_controls(const struct node *node);

/* "`starts` must be a whole number from 1 to 1000, not ..." */
void strata_complain_kind(struct reader *reader, const struct option *option,
                          const struct node *node);

/* What a value of the option must be, for sentences: "a whole number from 1 to 8". */
struct expectation {
    char text[160];
};
struct expectation strata_expected(const struct option *option);

/* Read the keys of a map (NULL: all defaults) into a struct. */
void strata_section_read(struct reader *reader, const struct section *section,
                         const struct node *map, struct strata_place place, void *base);

/* Rules between options; fills what depends on others (key, format, label, output). */
void strata_config_check(struct reader *reader, struct strata_config *config);

char *strata_keep_text(struct reader *reader, const char *text, size_t length);
char *strata_keep_path(struct reader *reader, const char *path);
void strata_complain(struct reader *reader, struct strata_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- writing --------------------------------------------------------------------------------- */

struct writer {
    struct strata_arena arena; /* one growing text */
    bool starved;
};

STRATA_MUST_CHECK bool strata_writer_init(struct writer *writer);
void strata_writer_put(struct writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void strata_writer_scalar(struct writer *writer, const char *text, size_t length);
void strata_writer_block(struct writer *writer, const char *text, int indent); /* SQL */
void strata_writer_number(struct writer *writer, double number);
/* The text in keep; finishes the writer. */
STRATA_MUST_CHECK strata_status strata_writer_end(struct writer *writer, struct strata_arena *keep,
                                                  char **text, struct strata_err *err);

#endif
