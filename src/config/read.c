/* From the tree to the config, by the table of options. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config_impl.h"

#include "strata/file.h"

#define SECTION_OPTIONS_MAX 32
#define TREE_BYTES_MAX ((size_t)256 << 20) /* of addresses: NODES_MAX nodes and their texts */

/* --- sections --------------------------------------------------------------------------------- */

static const struct option *find_option(const struct section *section, const char *key)
{
    for (size_t i = 0; i < section->n_options; i++) {
        if (strcmp(section->option[i].key, key) == 0) return &section->option[i];
    }
    return NULL;
}

static void complain_unknown(struct reader *reader, const struct section *section,
                             const struct node *key)
{
    const char *near = NULL;
    if (reader->problems->count < STRATA_PROBLEMS_MAX) { /* else it would not be told anyway */
        near = strata_near(key->text, &section->option->key, section->n_options,
                           sizeof *section->option);
    }
    char known[200] = "";
    for (size_t i = 0; i < section->n_options && !near; i++) {
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                       section->option[i].key);
    }
    const struct shown shown = strata_shown(key->text, key->length);
    if (near) {
        strata_complain(reader, key->place, "unknown key \"%s\" in %s; did you mean \"%s\"?",
                        shown.text, section->where, near);
    } else {
        strata_complain(reader, key->place, "unknown key \"%s\" in %s; known: %s", shown.text,
                        section->where, known);
    }
}

static void read_section_option(struct reader *reader, const struct option *option,
                                const struct node *node, void *base)
{
    const struct section *section = option->section;
    void *inside = (char *)base + option->at;
    if (node->kind == NODE_TEXT && section->take_shortcut && section->take_shortcut(node, inside)) {
        return;
    }
    if (node->kind == NODE_MAP) {
        strata_section_read(reader, section, node, node->place, inside);
        return;
    }
    const struct expectation expected = strata_expected(option);
    strata_complain(reader, node->place, "`%s` must be %s", option->key, expected.text);
}

/* Names are compared as SQL compares them, without case. */
static void complain_same_names(struct reader *reader, const struct option *option,
                                const struct node *list)
{
    for (const struct node *item = list->item; item; item = item->next) {
        const struct node *name = strata_node_find(item, "name");
        if (!name || name->value->kind != NODE_TEXT || name->value->length == 0) continue;
        for (const struct node *other = list->item; other != item; other = other->next) {
            const struct node *same = strata_node_find(other, "name");
            if (!same || strcasecmp(same->value->text, name->value->text) != 0) continue;
            const struct shown shown = strata_shown(name->value->text, name->value->length);
            strata_complain(reader, name->value->place,
                            "the name \"%s\" is in `%s` twice; the other is in line %d", shown.text,
                            option->key, same->value->place.line);
            break;
        }
    }
}

static void read_items(struct reader *reader, const struct option *option, const struct node *node,
                       void *base)
{
    const struct section *section = option->section;
    if (node->kind != NODE_LIST || node->n_items < 1 || (double)node->n_items > option->max) {
        const struct expectation expected = strata_expected(option);
        strata_complain(reader, node->place, "`%s` must be %s", option->key, expected.text);
        return;
    }
    char *items =
        strata_arena_take(reader->keep, section->item_bytes, _Alignof(max_align_t), node->n_items);
    if (!items) {
        reader->starved = true;
        return;
    }
    char *at = items;
    for (const struct node *item = node->item; item; item = item->next, at += section->item_bytes) {
        memcpy(at + section->item_place, &item->place, sizeof item->place);
        if (item->kind == NODE_MAP) {
            strata_section_read(reader, section, item, item->place, at);
        } else {
            strata_complain(reader, item->place, "an item of `%s` must be a map with a `name`",
                            option->key);
        }
    }
    complain_same_names(reader, option, node);
    memcpy((char *)base + option->at, &items, sizeof items);
    memcpy((char *)base + option->at_count, &node->n_items, sizeof node->n_items);
}

static void read_option(struct reader *reader, const struct option *option, const struct node *node,
                        void *base)
{
    if (option->at_place) memcpy((char *)base + option->at_place, &node->place, sizeof node->place);
    if (option->kind == KIND_SECTION)
        read_section_option(reader, option, node, base);
    else if (option->kind == KIND_ITEMS)
        read_items(reader, option, node, base);
    else
        strata_kind_reader_of(option->kind)(reader, option, node, base);
}

static void take_defaults(struct reader *reader, const struct section *section,
                          struct strata_place place, void *base)
{
    for (size_t i = 0; i < section->n_options; i++) {
        const struct option *option = &section->option[i];
        if (option->kind == KIND_WORD && !option->fallback) {
            const int unknown = -1; /* required: until it is read, checks leave it alone */
            memcpy((char *)base + option->at, &unknown, sizeof unknown);
        } else if (option->kind == KIND_SECTION) {
            take_defaults(reader, option->section, place, (char *)base + option->at);
        } else if (option->fallback) {
            const struct node node = {
                .text = option->fallback, .length = strlen(option->fallback), .place = place};
            strata_kind_reader_of(option->kind)(reader, option, &node, base);
        }
    }
}

void strata_section_read(struct reader *reader, const struct section *section,
                         const struct node *map, struct strata_place place, void *base)
{
    const struct node *seen[SECTION_OPTIONS_MAX] = {0};
    take_defaults(reader, section, place, base);
    for (const struct node *key = map ? map->item : NULL; key; key = key->next) {
        const struct option *option = find_option(section, key->text);
        if (!option) {
            complain_unknown(reader, section, key);
            continue;
        }
        const size_t index = (size_t)(option - section->option);
        if (seen[index]) {
            strata_complain(reader, key->place, "`%s` is in %s twice; the first is in line %d",
                            option->key, section->where, seen[index]->place.line);
            continue;
        }
        seen[index] = key;
        read_option(reader, option, key->value, base);
    }
    for (size_t i = 0; i < section->n_options; i++) {
        const struct option *option = &section->option[i];
        if (!option->required || seen[i]) continue;
        const struct expectation expected = strata_expected(option);
        strata_complain(reader, place, "`%s` is missing in %s: %s", option->key, section->where,
                        expected.text);
    }
}

/* --- the whole file --------------------------------------------------------------------------- */

/* The absolute folder that relative files are relative to, without a slash at its end. */
static const char *directory_of(const char *path, struct strata_arena *keep)
{
    char folder[PATH_MAX], absolute[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const int length = !slash ? 1 : slash == path ? 1 : (int)(slash - path);
    (void)snprintf(folder, sizeof folder, "%.*s", length, slash ? path : ".");
    if (realpath(folder, absolute)) return strata_arena_copy(keep, absolute, strlen(absolute));
    if (folder[0] == '/' || !getcwd(absolute, sizeof absolute)) {
        return strata_arena_copy(keep, folder, strlen(folder));
    }
    return strata_path_join(absolute, folder, keep);
}

static strata_status read_tree(const char *text, size_t n_bytes, const char *path,
                               const char *const *set, size_t n_set, struct strata_arena *keep,
                               struct strata_arena *tree, struct node **root,
                               struct strata_problems *problems, struct strata_err *err)
{
    STRATA_TRY(strata_yaml_read(text, n_bytes, path, tree, root, problems, err));
    if (!*root && problems->total > 0) return STRATA_OK;
    if (!*root || (*root)->kind != NODE_MAP) {
        const struct strata_place place = *root ? (*root)->place : (struct strata_place){path, 1, 1};
        strata_problems_add(problems, place, STRATA_E_CONFIG,
                            "a job file is a map of options, such as `job: my-customers`; "
                            "configs/full.yaml has all of them");
        *root = NULL;
        return STRATA_OK;
    }
    for (size_t i = 0; i < n_set; i++) {
        STRATA_TRY(strata_override_apply(*root, set[i], keep, tree, problems, err));
    }
    return STRATA_OK;
}

strata_status strata_config_parse(const char *text, size_t n_bytes, const char *path,
                                  const char *const *set, size_t n_set, struct strata_arena *keep,
                                  struct strata_config **out, struct strata_problems *problems,
                                  struct strata_err *err)
{
    struct strata_config *config = STRATA_NEW(keep, struct strata_config, 1);
    const char *kept_path = strata_arena_copy(keep, path, strlen(path));
    const char *directory = directory_of(path, keep);
    const char *kept_text = strata_arena_copy(keep, text, n_bytes);
    struct strata_arena tree;
    if (!config || !kept_path || !directory || !kept_text ||
        !strata_arena_init(&tree, TREE_BYTES_MAX)) {
        return STRATA_FAIL(err, STRATA_E_MEMORY, "%s: no memory to read the job file", path);
    }
    *config = (struct strata_config){.path = kept_path,
                                     .directory = directory,
                                     .text = kept_text,
                                     .text_bytes = n_bytes,
                                     .control_on = true};
    struct node *root = NULL;
    strata_status status =
        read_tree(kept_text, n_bytes, kept_path, set, n_set, keep, &tree, &root, problems, err);
    if (status == STRATA_OK && root) {
        struct reader reader = {.directory = directory, .keep = keep, .problems = problems};
        strata_section_read(&reader, &strata_section_job, root, root->place, config);
        if (!reader.starved) strata_config_check(&reader, config);
        if (reader.starved) {
            status = STRATA_FAIL(err, STRATA_E_MEMORY, "%s: no memory for the job", path);
        }
    }
    strata_arena_finish(&tree);
    *out = config;
    return status;
}

strata_status strata_config_read(const char *path, const char *const *set, size_t n_set,
                                 struct strata_arena *keep, struct strata_config **out,
                                 struct strata_problems *problems, struct strata_err *err)
{
    char *text = NULL;
    size_t n_bytes = 0;
    STRATA_TRY(strata_file_read(path, TEXT_BYTES_MAX, keep, &text, &n_bytes, err));
    return strata_config_parse(text, n_bytes, path, set, n_set, keep, out, problems, err);
}
