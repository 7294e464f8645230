#define _GNU_SOURCE /* strchrnul */
/* Which setting or which file is no longer what it was when a run began. */
#include <stdio.h>
#include <string.h>

#include "strata/hash.h"

#include "job/job_impl.h"

#define PATH_MAX_LETTERS 256
#define DEPTH_MAX 8
#define SHOWN 60 /* letters of a value in a sentence */

/* What may change while a run is interrupted: nothing of it shows in a result. */
static const char *const free_setting[] = {"memory",     "threads", "readers", "control",
                                           "checkpoint", "outputs", "output"};

/* A line of a printed job, without its indentation. */
struct line {
    const char *text;
    size_t length;
    size_t indent;
};

/* A walk through a printed job: one setting a line, blocks of SQL line by line. */
struct walk {
    const char *at;
    size_t block_indent; /* of the key of the block that we are in; SIZE_MAX: in none */
    char key[DEPTH_MAX][PATH_MAX_LETTERS / DEPTH_MAX]; /* by depth: indentation / 2 */
    char path[PATH_MAX_LETTERS];
    const char *value;
    size_t value_length;
};

static bool next_line(struct walk *walk, struct line *line)
{
    if (!*walk->at) return false;
    const char *end = strchrnul(walk->at, '\n');
    line->indent = strspn(walk->at, " ");
    line->text = walk->at + line->indent;
    if (line->text > end) line->text = end;
    line->length = (size_t)(end - line->text);
    walk->at = *end ? end + 1 : end;
    return true;
}

static void join_path(struct walk *walk, size_t depth)
{
    size_t at = 0;
    walk->path[0] = '\0';
    for (size_t i = 0; i <= depth && i < DEPTH_MAX; i++) {
        if (!walk->key[i][0] || at >= sizeof walk->path) continue;
        at += (size_t)snprintf(walk->path + at, sizeof walk->path - at, "%s%s", at ? "." : "",
                               walk->key[i]);
    }
}

/* An item of a list goes by its name: its first line is "- name: age". */
static void take_key(struct walk *walk, struct line line)
{
    const bool begins_item = line.length > 2 && strncmp(line.text, "- ", 2) == 0;
    if (begins_item) line = (struct line){line.text + 2, line.length - 2, line.indent + 2};
    const size_t depth = line.indent / 2;
    const char *colon = memchr(line.text, ':', line.length);
    const size_t length = colon ? (size_t)(colon - line.text) : line.length;
    walk->value = colon ? colon + 1 : line.text + line.length;
    walk->value_length = (size_t)(line.text + line.length - walk->value);
    if (walk->value_length && *walk->value == ' ') {
        walk->value++;
        walk->value_length--;
    }
    if (depth >= DEPTH_MAX) return;
    if (begins_item && depth > 0)
        (void)snprintf(walk->key[depth - 1], sizeof walk->key[0], "%.*s", (int)walk->value_length,
                       walk->value);
    (void)snprintf(walk->key[depth], sizeof walk->key[0], "%.*s", (int)length, line.text);
    for (size_t i = depth + 1; i < DEPTH_MAX; i++) walk->key[i][0] = '\0';
    join_path(walk, depth);
    if (walk->value_length && walk->value[0] == '|') walk->block_indent = line.indent;
}

static bool is_free(const struct walk *walk)
{
    for (size_t i = 0; i < sizeof free_setting / sizeof *free_setting; i++)
        if (strcmp(walk->key[0], free_setting[i]) == 0) return true;
    return false;
}

static bool next_setting(struct walk *walk)
{
    struct line line;
    while (next_line(walk, &line)) {
        if (walk->block_indent != SIZE_MAX &&
            (line.length == 0 || line.indent > walk->block_indent)) {
            walk->value = line.text; /* more of the block; its path stays */
            walk->value_length = line.length;
        } else {
            walk->block_indent = SIZE_MAX;
            if (line.length == 0 || line.text[0] == '#') continue;
            take_key(walk, line);
        }
        if (!is_free(walk)) return true;
    }
    walk->path[0] = '\0';
    walk->value_length = 0;
    return false;
}

static struct walk walk_from(const char *text)
{
    return (struct walk){.at = text, .block_indent = SIZE_MAX, .value = ""};
}

static bool has_path(const char *text, const char *path)
{
    struct walk walk = walk_from(text);
    while (next_setting(&walk))
        if (strcmp(walk.path, path) == 0) return true;
    return false;
}

static int shown(const struct walk *walk)
{
    return walk->value_length < SHOWN ? (int)walk->value_length : SHOWN;
}

static void tell_setting(const char *before, const struct walk *was, const char *now_text,
                         const struct walk *now, char *what, size_t room)
{
    if (strcmp(was->path, now->path) == 0 && now->block_indent != SIZE_MAX)
        (void)snprintf(what, room, "\"%s\" has been changed", now->path);
    else if (strcmp(was->path, now->path) == 0)
        (void)snprintf(what, room, "\"%s\" was %.*s and is %.*s", now->path, shown(was), was->value,
                       shown(now), now->value);
    else if (now->path[0] && !has_path(before, now->path))
        (void)snprintf(what, room, "\"%s\" was not set and is %.*s", now->path, shown(now),
                       now->value);
    else if (was->path[0] && !has_path(now_text, was->path))
        (void)snprintf(what, room, "\"%s\" was %.*s and is not set", was->path, shown(was),
                       was->value);
    else
        (void)snprintf(what, room, "\"%s\" stands in another place",
                       now->path[0] ? now->path : was->path);
}

bool strata_job_settings_differ(const char *before, const char *now, char *what, size_t room)
{
    struct walk old = walk_from(before), new = walk_from(now);
    for (bool more = true; more;) {
        const bool has_old = next_setting(&old), has_new = next_setting(&new);
        more = has_old && has_new;
        if (has_old == has_new && strcmp(old.path, new.path) == 0 &&
            old.value_length == new.value_length &&memcmp(old.value, new.value, old.value_length) ==
                0)
            continue;
        tell_setting(before, &old, now, &new, what, room);
        return true;
    }
    return false;
}

/* What has no say in the customer table. */
static bool is_after_table(const struct walk *walk)
{
    static const char *const after[] = {"model", "follows", "names", "pictures"};
    for (size_t i = 0; i < sizeof after / sizeof *after; i++)
        if (strcmp(walk->key[0], after[i]) == 0) return true;
    return false;
}

uint64_t strata_job_data_fingerprint(const char *settings, const char *inputs)
{
    struct walk walk = walk_from(settings);
    uint64_t sum = strata_hash(inputs, strlen(inputs));
    while (next_setting(&walk)) {
        if (is_after_table(&walk)) continue;
        sum = sum * 31 + strata_hash(walk.path, strlen(walk.path));
        sum = sum * 31 + strata_hash(walk.value, walk.value_length);
    }
    return sum;
}

uint64_t strata_job_settings_fingerprint(const char *settings)
{
    struct walk walk = walk_from(settings);
    uint64_t sum = 0;
    while (next_setting(&walk)) {
        sum = sum * 31 + strata_hash(walk.path, strlen(walk.path));
        sum = sum * 31 + strata_hash(walk.value, walk.value_length);
    }
    return sum;
}

/* --- files ----------------------------------------------------------------------------- */

/* Source and path of a line of inputs: all but its last two fields. */
static size_t name_length(const char *line, size_t length)
{
    for (int fields = 0; length > 0; length--)
        if (line[length - 1] == '\t' && ++fields == 2) return length - 1;
    return 0;
}

static bool has_line(const char *text, const char *line, size_t length)
{
    for (const char *at = text; *at;) {
        const char *end = strchrnul(at, '\n');
        if ((size_t)(end - at) >= length && memcmp(at, line, length) == 0) return true;
        at = *end ? end + 1 : end;
    }
    return false;
}

/* The first line of `text` that `other` has not got; what follows the path may differ or must not. */
static bool find_missing(const char *text, const char *other, bool names_only, const char *fate,
                         char *what, size_t room)
{
    for (const char *at = text; *at;) {
        const char *end = strchrnul(at, '\n');
        const size_t length = (size_t)(end - at), name = name_length(at, length);
        if (!has_line(other, at, names_only ? name + 1 : length)) {
            const char *path = memchr(at, '\t', name);
            path = path ? path + 1 : at;
            (void)snprintf(what, room, "%.*s %s", (int)(at + name - path), path, fate);
            return true;
        }
        at = *end ? end + 1 : end;
    }
    return false;
}

bool strata_job_inputs_differ(const char *before, const char *now, char *what, size_t room)
{
    return find_missing(now, before, true, "has come to the inputs since", what, room) ||
           find_missing(before, now, true, "is no longer among the inputs", what, room) ||
           find_missing(now, before, false, "has been changed since", what, room);
}
