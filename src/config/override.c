/* `--set sources.orders.files=x.csv`: the tree is changed before it is checked, so that a value on the
 * command line passes the same checks as one in the job file. */
#include <string.h>
#include <strings.h>

#include "config_impl.h"

#define SET_PARTS_MAX 8

struct path {
    const char *part[SET_PARTS_MAX];
    size_t n_parts;
};

/* The value: YAML when it begins like a list, a map or a quoted text, else the text as it stands. */
static strata_status read_value(const char *value, struct strata_place place,
                                struct strata_arena *arena, struct node **out,
                                struct strata_problems *problems, struct strata_err *err)
{
    if (value[0] != '\0' && strchr("[{\"'", value[0])) {
        return strata_yaml_read(value, strlen(value), place.file, arena, out, problems, err);
    }
    struct node *node = strata_node_new(arena, NODE_TEXT, place);
    if (node) {
        node->length = strlen(value);
        node->text = strata_arena_copy(arena, value, node->length);
    }
    *out = node;
    if (!node || !node->text) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for --set");
    return STRATA_OK;
}

/* The places of a value on the command line are those of the command line. */
static void stamp(struct node *node, struct strata_place place)
{
    for (; node; node = node->next) {
        node->place = place;
        node->last_line = place.line;
        if (node->value) stamp(node->value, place);
        stamp(node->item, place);
    }
}

static struct node *make_key(struct node *map, const char *key, struct strata_place place,
                             struct strata_arena *arena)
{
    struct node *node = strata_node_new(arena, NODE_TEXT, place);
    struct node *value = strata_node_new(arena, NODE_MAP, place);
    if (!node || !value) return NULL;
    node->text = key;
    node->length = strlen(key);
    node->value = value;
    strata_node_append(map, node);
    return node;
}

static struct node *item_named(const struct node *list, const char *name)
{
    for (struct node *item = list->item; item; item = item->next) {
        const struct node *key = strata_node_find(item, "name");
        if (key && strcasecmp(key->value->text, name) == 0) return item;
    }
    return NULL;
}

/* Walk to the map that holds the last part; NULL when there is no such item, or no memory. */
static struct node *walk(struct node *root, const struct path *path, struct strata_place place,
                         struct strata_arena *arena, struct strata_problems *problems, bool *starved)
{
    struct node *at = root;
    for (size_t i = 0; i + 1 < path->n_parts; i++) {
        if (at->kind == NODE_LIST) {
            struct node *item = item_named(at, path->part[i]);
            if (!item || item->kind != NODE_MAP) {
                strata_problems_add(problems, place, STRATA_E_USAGE, "no item there is named \"%s\"",
                                    strata_shown(path->part[i], strlen(path->part[i])).text);
                return NULL;
            }
            at = item;
            continue;
        }
        struct node *key = strata_node_find(at, path->part[i]);
        if (!key) key = make_key(at, path->part[i], place, arena);
        if (key && key->value->kind == NODE_TEXT) { /* `control: off` becomes a map */
            key->value = strata_node_new(arena, NODE_MAP, place);
        }
        if (!key || !key->value) {
            *starved = true;
            return NULL;
        }
        at = key->value;
    }
    if (at->kind == NODE_MAP) return at;
    strata_problems_add(problems, place, STRATA_E_USAGE,
                        "this is a list: name the item, as in sources.NAME.files");
    return NULL;
}

/* Cut "a.b.c=value" at the dots and the first equals sign; false when it has no such form. */
static bool split(char *set, struct path *path, const char **value)
{
    char *equals = strchr(set, '=');
    if (!equals) return false;
    *equals = '\0';
    *value = equals + 1;
    for (char *part = set;; part++) {
        if (path->n_parts == SET_PARTS_MAX) return false;
        path->part[path->n_parts++] = part;
        part += strcspn(part, ".");
        if (path->part[path->n_parts - 1] == part) return false; /* nothing between two dots */
        if (*part == '\0') return true;
        *part = '\0';
    }
}

strata_status strata_override_apply(struct node *root, const char *set, struct strata_arena *keep,
                                    struct strata_arena *arena, struct strata_problems *problems,
                                    struct strata_err *err)
{
    const size_t name_bytes = strcspn(set, "=");
    char *text = strata_arena_copy(arena, set, strlen(set));
    struct strata_place place = {
        strata_arena_print(keep, "--set %s", strata_shown(set, name_bytes).text), 0, 0};
    if (!text || !place.file) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for --set");
    struct path path = {.n_parts = 0};
    const char *value = NULL;
    if (!split(text, &path, &value)) {
        strata_problems_add(problems, place, STRATA_E_USAGE,
                            "must be an option and its value, as in --set model.seed=7");
        return STRATA_OK;
    }
    struct node *node = NULL;
    STRATA_TRY(read_value(value, place, arena, &node, problems, err));
    if (!node) return STRATA_OK; /* told already */
    stamp(node, place);

    bool starved = false;
    struct node *map = walk(root, &path, place, arena, problems, &starved);
    const char *last = path.part[path.n_parts - 1];
    struct node *key = map ? strata_node_find(map, last) : NULL;
    if (map && !key) key = make_key(map, last, place, arena);
    if (starved || (map && !key)) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for --set");
    if (key) key->value = node;
    return STRATA_OK;
}
