/* YAML text to a tree of nodes with their places, by libyaml's events.  Bounded in bytes, nodes and
 * depth; aliases, anchors and tags are refused, so a small file cannot become a large tree. */
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "config_impl.h"

struct builder {
    const char *text;
    size_t n_bytes;
    const char *file;
    struct strata_arena *arena;
    struct strata_problems *problems;
    struct node *open[DEPTH_MAX]; /* lists and maps that are not finished, outermost first */
    size_t depth;
    struct node *key; /* read, its value not yet, in the innermost map */
    struct node *keys[DEPTH_MAX];
    struct node *root;
    size_t n_nodes;
    const char *line_start; /* of `line`, the last one that was looked for */
    size_t line;
    bool starved;
    bool stop; /* a problem that ends the reading */
};

static void refuse(struct builder *builder, struct strata_place place, const char *sentence)
{
    strata_problems_add(builder->problems, place, STRATA_E_CONFIG, "%s", sentence);
    builder->stop = true;
}

static struct strata_place place_of(const struct builder *builder, yaml_mark_t mark)
{
    return (struct strata_place){builder->file, (int)mark.line + 1, (int)mark.column + 1};
}

/* --- bytes before YAML --- */

/* Bytes of the well-formed UTF-8 letter at text, 0 if there is none. */
static size_t letter_length(const unsigned char *text, size_t n_bytes)
{
    const unsigned char first = text[0];
    if (first < 0x80) return 1;
    const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || length > n_bytes) return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80) return 0;
    }
    if (first == 0xE0 && text[1] < 0xA0) return 0;
    if (first == 0xED && text[1] > 0x9F) return 0;
    if (first == 0xF0 && text[1] < 0x90) return 0;
    if (first == 0xF4 && text[1] > 0x8F) return 0;
    return length;
}

/* The place of byte `at`, for faults below YAML's own marks. */
static struct strata_place place_of_byte(const struct builder *builder, size_t at)
{
    struct strata_place place = {builder->file, 1, 1};
    for (size_t i = 0; i < at && i < builder->n_bytes; i++) {
        const unsigned char c = (unsigned char)builder->text[i];
        if (c == '\n') {
            place.line++;
            place.column = 1;
        } else if ((c & 0xC0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

static void check_bytes(struct builder *builder)
{
    const unsigned char *text = (const unsigned char *)builder->text;
    for (size_t i = 0; i < builder->n_bytes;) {
        const size_t length = letter_length(text + i, builder->n_bytes - i);
        if (length == 0) {
            refuse(builder, place_of_byte(builder, i),
                   "this byte is not UTF-8: save the job file as UTF-8 text");
            return;
        }
        if (text[i] == 0) {
            refuse(builder, place_of_byte(builder, i),
                   "a NUL byte: a job file is text, save it as UTF-8");
            return;
        }
        i += length;
    }
}

/* --- nodes --- */

struct node *strata_node_new(struct strata_arena *arena, enum node_kind kind,
                             struct strata_place place)
{
    struct node *node = STRATA_NEW(arena, struct node, 1);
    if (!node) return NULL;
    node->kind = kind;
    node->place = place;
    node->last_line = place.line;
    node->text = "";
    return node;
}

void strata_node_append(struct node *parent, struct node *item)
{
    if (parent->last_item)
        parent->last_item->next = item;
    else
        parent->item = item;
    parent->last_item = item;
    parent->n_items++;
}

struct node *strata_node_find(const struct node *map, const char *key)
{
    for (struct node *item = map->kind == NODE_MAP ? map->item : NULL; item; item = item->next) {
        if (strcmp(item->text, key) == 0) return item;
    }
    return NULL;
}

static struct node *new_node(struct builder *builder, enum node_kind kind, yaml_mark_t mark)
{
    if (++builder->n_nodes > NODES_MAX) {
        refuse(builder, place_of(builder, mark), "the job file has too many items");
        return NULL;
    }
    struct node *node = strata_node_new(builder->arena, kind, place_of(builder, mark));
    if (!node) builder->starved = true;
    return node;
}

/* Put a node where it belongs: the root, the next item, the next key, or the value of a key. */
static void place_node(struct builder *builder, struct node *node)
{
    if (builder->depth == 0) {
        builder->root = node;
        return;
    }
    struct node *parent = builder->open[builder->depth - 1];
    if (parent->kind == NODE_MAP && builder->key) {
        builder->key->value = node;
        builder->key = NULL;
        return;
    }
    if (parent->kind == NODE_MAP && node->kind != NODE_TEXT) {
        refuse(builder, node->place, "a key must be a word, not a list or a map");
        return;
    }
    strata_node_append(parent, node);
    if (parent->kind == NODE_MAP) builder->key = node;
}

static void open_node(struct builder *builder, enum node_kind kind, yaml_mark_t mark)
{
    if (builder->depth == DEPTH_MAX) {
        refuse(builder, place_of(builder, mark), "the job file is nested too deeply");
        return;
    }
    struct node *node = new_node(builder, kind, mark);
    if (!node) return;
    place_node(builder, node);
    builder->keys[builder->depth] = builder->key;
    builder->open[builder->depth++] = node;
    builder->key = NULL;
}

static void close_node(struct builder *builder)
{
    builder->key = builder->keys[--builder->depth];
}

/* The first byte of line number `line`, counted from 0.  Lines are asked for in ascending order, so
 * that a whole file costs one walk. */
static const char *line_start(struct builder *builder, size_t line)
{
    const char *end = builder->text + builder->n_bytes;
    const char *at = builder->line_start ? builder->line_start : builder->text;
    while (builder->line < line) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline) return end;
        at = newline + 1;
        builder->line++;
    }
    builder->line_start = at;
    return at;
}

/* Columns before the lines of a literal block that follows line `header`: those of its first line
 * that is not blank, less what of them belongs to the text. */
static int block_indent(struct builder *builder, size_t header, const char *text)
{
    size_t blank_lines = 0, inside = 0;
    for (const char *c = text; *c == '\n' || *c == ' '; c++) {
        blank_lines += *c == '\n';
        inside = *c == '\n' ? 0 : inside + 1;
    }
    const char *line = line_start(builder, header + 1 + blank_lines);
    const char *end = builder->text + builder->n_bytes;
    size_t columns = 0;
    while (line + columns < end && line[columns] == ' ') columns++;
    return columns > inside ? (int)(columns - inside) : 0;
}

static enum node_style style_of(yaml_scalar_style_t style)
{
    if (style == YAML_LITERAL_SCALAR_STYLE) return STYLE_LITERAL;
    if (style == YAML_FOLDED_SCALAR_STYLE) return STYLE_FOLDED;
    return style == YAML_PLAIN_SCALAR_STYLE ? STYLE_PLAIN : STYLE_QUOTED;
}

static void add_text(struct builder *builder, const yaml_event_t *event)
{
    struct node *node = new_node(builder, NODE_TEXT, event->start_mark);
    if (!node) return;
    const char *value = (const char *)event->data.scalar.value;
    node->length = event->data.scalar.length;
    node->text = strata_arena_copy(builder->arena, value, node->length);
    if (!node->text) {
        builder->starved = true;
        return;
    }
    node->style = style_of(event->data.scalar.style);
    node->last_line = (int)event->end_mark.line + 1;
    if (node->style == STYLE_LITERAL) {
        node->indent = block_indent(builder, event->start_mark.line, node->text);
    }
    if (strlen(node->text) != node->length) {
        refuse(builder, node->place, "a NUL character (\\0) inside a text: leave it out");
        return;
    }
    place_node(builder, node);
}

/* --- events --- */

static bool has_anchor_or_tag(struct builder *builder, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    const struct strata_place place = place_of(builder, event->start_mark);
    if (anchor) {
        refuse(builder, place,
               "anchors (&name) are not allowed: write the value where it is used, "
               "or put a text that begins with & in quotes");
    } else if (tag) {
        refuse(builder, place,
               "tags (!name) are not allowed: put a text that begins with ! in "
               "quotes");
    }
    return anchor || tag;
}

static void take_event(struct builder *builder, const yaml_event_t *event)
{
    if (has_anchor_or_tag(builder, event)) return;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->root) {
            refuse(builder, place_of(builder, event->start_mark),
                   "a second document begins here: a job file is one");
        }
        break;
    case YAML_ALIAS_EVENT:
        refuse(builder, place_of(builder, event->start_mark),
               "aliases (*name) are not allowed: put a text that begins with * in quotes");
        break;
    case YAML_SCALAR_EVENT:
        add_text(builder, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        open_node(builder, NODE_LIST, event->start_mark);
        break;
    case YAML_MAPPING_START_EVENT:
        open_node(builder, NODE_MAP, event->start_mark);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_node(builder);
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
}

static bool begins_with_tab(struct builder *builder, struct strata_place place)
{
    builder->line = 0; /* this line may come before the last one that was looked for */
    builder->line_start = NULL;
    const char *line = line_start(builder, (size_t)place.line - 1);
    return line < builder->text + builder->n_bytes && *line == '\t';
}

static void tell_syntax_error(struct builder *builder, const yaml_parser_t *parser)
{
    struct strata_place place = place_of(builder, parser->problem_mark);
    if (parser->error == YAML_READER_ERROR) place = place_of_byte(builder, parser->problem_offset);
    char context[120] = "";
    if (parser->context && parser->context_mark.line != parser->problem_mark.line) {
        (void)snprintf(context, sizeof context, " %s that began in line %zu", parser->context,
                       parser->context_mark.line + 1);
    } else if (parser->context) {
        (void)snprintf(context, sizeof context, " %s", parser->context);
    }
    char sentence[300];
    const bool tab = begins_with_tab(builder, place);
    (void)snprintf(sentence, sizeof sentence, "this is not YAML: %s%s%s",
                   parser->problem ? parser->problem : "it cannot be read", context,
                   tab ? " (a tab: YAML is indented with spaces)" : "");
    refuse(builder, place, sentence);
}

static void read_events(struct builder *builder, yaml_parser_t *parser)
{
    bool ended = false;
    while (!ended && !builder->stop && !builder->starved) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            builder->starved = parser->error == YAML_MEMORY_ERROR;
            if (!builder->starved) tell_syntax_error(builder, parser);
            return;
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        take_event(builder, &event);
        yaml_event_delete(&event);
    }
}

strata_status strata_yaml_read(const char *text, size_t n_bytes, const char *file,
                               struct strata_arena *arena, struct node **root,
                               struct strata_problems *problems, struct strata_err *err)
{
    *root = NULL;
    if (n_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* byte order mark */
        text += 3;
        n_bytes -= 3;
    }
    struct builder builder = {
        .text = text, .n_bytes = n_bytes, .file = file, .arena = arena, .problems = problems};
    if (n_bytes > TEXT_BYTES_MAX) {
        refuse(&builder, (struct strata_place){file, 0, 0}, "the job file is larger than 4 MiB");
        return STRATA_OK;
    }
    check_bytes(&builder);
    if (builder.stop) return STRATA_OK;

    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return STRATA_FAIL(err, STRATA_E_MEMORY, "%s: no memory to read YAML", file);
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n_bytes);
    read_events(&builder, &parser);
    yaml_parser_delete(&parser);
    if (builder.starved) {
        return STRATA_FAIL(err, STRATA_E_MEMORY, "%s: no memory for %zu items of YAML", file,
                           builder.n_nodes);
    }
    if (!builder.stop) *root = builder.root;
    return STRATA_OK;
}
