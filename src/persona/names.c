/* A name for each segment: at most four words, from its strongest markers, unique in the run.
 *
 * Each marker gives a piece with up to four forms: an adjective ("lapsed"), a noun ("big
 * spenders"), a phrase that stands alone ("high produce share") or a tail ("with garden").
 * Candidates are built from the strongest pieces first: two markers, then other pairs and
 * triples, then degrees ("very frequent big spenders"), then weaker markers.  Segments are named
 * in order; each takes its first candidate that no earlier one has.  Where that ends, as with
 * many segments on one feature, a neutral word is added: there are as many of those as there can
 * be segments, so this cannot run out. Names count as equal when they differ in digits or case
 * only: a numeral never tells two segments apart; nor does the same set of markers said in other
 * words. */
#include <math.h>
#include <string.h>

#include "persona/persona_impl.h"

#define MAX_PIECES 10
#define MAX_WORDS 4
#define MAX_LABEL 40 /* bytes of a label or level that may stand in a name */
#define MAX_LABEL_WORDS 3
#define VERY 1.2   /* |effect| that bears "very" when nobody has the plain word */
#define FAIRLY 0.8 /* |effect| below which "fairly" is true then */

struct piece {
    uint64_t code; /* feature, level, direction and degree: what is said, whatever the words */
    const char *meaning; /* or NULL; also where the words hold the feature's label */
    double effect;
    const char *adjective, *noun, *phrase, *tail;
    bool gradable; /* bears "very" */
    bool is_level; /* the adjective is a level's text, which does not stand without a noun */
};

/* The set of pieces of a name, in falling order; unused ones are 0. */
struct said {
    uint64_t code[3];
};

struct namer {
    const struct strata_plan *plan;
    const char **taken;      /* (k) keys of the names given so far */
    struct said *taken_said; /* (k) */
    double *taken_strength;  /* (k) |effect| of the first piece */
    size_t n_taken;
    struct strata_arena *keep;
    const char *name; /* found for this segment */
    const char *key;
    struct said said; /* by the candidate at hand */
    double strength;
    bool starved; /* memory has ended */
};

/* --- words --------------------------------------------------------- */

static size_t word_count(const char *text)
{
    size_t n = 0;
    for (bool inside = false; *text; text++) {
        if (*text != ' ' && !inside) n++;
        inside = *text != ' ';
    }
    return n;
}

/* What two names must differ in: letters in lower case, without digits. */
static char *key_of(const char *name, struct strata_arena *arena)
{
    char *key = strata_arena_copy(arena, name, strlen(name));
    if (!key) return NULL;
    size_t n = 0;
    for (const char *c = name; *c; c++) {
        if (*c >= '0' && *c <= '9') continue;
        key[n++] = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    key[n] = '\0';
    return key;
}

/* The text without control characters, brackets and double spaces, and its first capital unless
 * more follow. */
static char *plain_text(const char *text, struct strata_arena *arena)
{
    char *plain = strata_arena_copy(arena, text, strlen(text));
    if (!plain) return NULL;
    size_t n = 0;
    for (const char *c = text; *c && *c != '(' && *c != '{'; c++) {
        const bool space = (unsigned char)*c <= ' ' || *c == ',' || *c == '}';
        if (!space)
            plain[n++] = *c;
        else if (n > 0 && plain[n - 1] != ' ')
            plain[n++] = ' ';
    }
    while (n > 0 && plain[n - 1] == ' ') n--;
    plain[n] = '\0';
    const bool capital = plain[0] >= 'A' && plain[0] <= 'Z';
    if (capital && n > 1 && !(plain[1] >= 'A' && plain[1] <= 'Z'))
        plain[0] = (char)(plain[0] - 'A' + 'a');
    return plain;
}

/* Cut text after n words. */
static void cut_words(char *text, size_t n)
{
    for (; *text; text++) {
        if (*text == ' ' && --n == 0) *text = '\0';
        if (!*text) return;
    }
}

/* A feature's label for names: its first three words, if no other feature's label starts with
 * them.  NULL: none. */
static const char *short_label(const struct strata_plan *plan, size_t f, struct strata_arena *arena)
{
    char *label = plain_text(plan->config->feature[f].label, arena);
    if (!label || !label[0]) return NULL;
    if (word_count(label) > MAX_LABEL_WORDS) {
        cut_words(label, MAX_LABEL_WORDS);
        for (size_t other = 0; other < plan->n_features; other++) {
            if (other == f) continue;
            struct strata_arena brief = *arena; /* the others' labels are not kept */
            const char *text = plain_text(plan->config->feature[other].label, &brief);
            if (!text || strncmp(text, label, strlen(label)) == 0) return NULL;
        }
    }
    return strlen(label) <= MAX_LABEL ? label : NULL;
}

/* --- pieces --------------------------------------------------------- */

static const char *fill_form(const char *stem, const char *direction, const char *form,
                             const struct strata_slot *slot, struct strata_arena *arena)
{
    return strata_message_fill(strata_message_at(stem, direction, form), slot, 3, arena);
}

static bool fill_piece(const char *stem, const struct strata_slot *slot, struct strata_arena *arena,
                       struct piece *piece)
{
    const char *direction = piece->effect > 0.0 ? "high" : "low";
    piece->adjective = fill_form(stem, direction, "adjective", slot, arena);
    piece->noun = fill_form(stem, direction, "noun", slot, arena);
    piece->phrase = fill_form(stem, direction, "phrase", slot, arena);
    piece->tail = fill_form(stem, direction, "tail", slot, arena);
    return piece->adjective || piece->noun || piece->phrase || piece->tail;
}

static bool is_gradable(const char *meaning, double effect, struct strata_arena *arena)
{
    const char *list = strata_message("name.gradable");
    const char *word = strata_arena_print(arena, " %s.%s ", meaning, effect > 0.0 ? "high" : "low");
    return list && word && strstr(list, word);
}

static bool is_one_of(const char *text, const char *const *word, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, word[i]) == 0) return true;
    }
    return false;
}

/* Levels that say nothing without their question. */
static bool level_speaks(const char *level)
{
    static const char *const mute[] = {
        "yes",  "no",  "y",   "n",  "true", "false", "on",      "off",   "ja",
        "nein", "oui", "non", "si", "none", "null",  "unknown", "other", "na",
        "n/a",  "any", "all", "-",  "?",    "u",     "missing", "t",     "f"};
    bool letters = false;
    char lower[MAX_LABEL + 1] = {0};
    const size_t length = strlen(level);
    if (length == 0 || length > MAX_LABEL) return false;
    for (size_t i = 0; i < length; i++) {
        lower[i] = (char)(level[i] >= 'A' && level[i] <= 'Z' ? level[i] - 'A' + 'a' : level[i]);
        letters |= (lower[i] >= 'a' && lower[i] <= 'z') || (unsigned char)lower[i] >= 0x80;
    }
    return letters && !is_one_of(lower, mute, sizeof mute / sizeof mute[0]);
}

/* The same for all markers that say the same; never 0. */
static uint64_t code_of(const struct strata_marker *marker)
{
    return ((uint64_t)marker->feature << 32 | (uint64_t)(marker->level + 1) << 8 |
            (marker->effect > 0.0)) +
           1;
}

static bool level_piece(const struct strata_plan *plan, const struct strata_persona *persona,
                        const struct strata_marker *marker, struct strata_arena *arena,
                        struct piece *piece)
{
    const struct strata_feature *feature = &plan->config->feature[marker->feature];
    const char *text = plan->table->column[marker->feature].level[marker->level];
    const char *level = plain_text(text, arena);
    const char *people =
        strata_message_at("name.people", strata_dimension_word(feature->dimension), NULL);
    const double share = persona->cell[marker->feature].share[marker->level];
    if (!level || !level_speaks(level)) return false;
    const struct strata_slot slot[3] = {{"level", level},
                                        {"people", people ? people : strata_message("name.anybody")},
                                        {"label", level}};
    piece->is_level = true;
    const bool most = marker->effect > 0.0 ? share >= 0.5 : share <= 0.1 && word_count(level) == 1;
    return fill_piece(most ? "name.level" : "name.more", slot, arena, piece);
}

/* "grocery share" to "grocery": what people are named by. */
static const char *without_end(const char *label, struct strata_arena *arena)
{
    const char *end = strata_message("name.label_end");
    const size_t n = strlen(label);
    const size_t n_end = end ? strlen(end) : 0;
    if (n_end == 0 || n < n_end + 2 || strcmp(label + n - n_end, end) != 0) return label;
    if (label[n - n_end - 1] != ' ') return label;
    return strata_arena_copy(arena, label, n - n_end - 1);
}

/* The words for a meaning; false when it has none, or they need a label that is not there. */
static bool meaning_piece(const char *meaning, const char *label, struct strata_arena *arena,
                          struct piece *piece)
{
    const char *stem = strata_arena_print(arena, "name.%s", meaning);
    const char *people = label ? without_end(label, arena) : "";
    const struct strata_slot slot[3] = {
        {"label", people ? people : ""}, {"level", ""}, {"people", ""}};
    if (!stem || !fill_piece(stem, slot, arena, piece)) return false;
    const char *direction = piece->effect > 0.0 ? "high" : "low";
    const char *noun = strata_message_at(stem, direction, "noun");
    const char *tail = strata_message_at(stem, direction, "tail");
    const bool labelled = (noun && strstr(noun, "{label}")) || (tail && strstr(tail, "{label}"));
    if (labelled) piece->meaning = NULL;
    piece->gradable = is_gradable(meaning, piece->effect, arena);
    return !labelled || slot[0].text[0];
}

/* What a marker gives to a name; false when it gives nothing. */
static bool piece_make(const struct strata_plan *plan, const struct strata_persona *persona,
                       const struct strata_marker *marker, struct strata_arena *arena,
                       struct piece *piece)
{
    const struct strata_feature *feature = &plan->config->feature[marker->feature];
    *piece = (struct piece){
        .code = code_of(marker), .meaning = feature->meaning, .effect = marker->effect};
    if (plan->as[marker->feature] == STRATA_AS_NOMINAL)
        return level_piece(plan, persona, marker, arena, piece);
    const char *label = short_label(plan, marker->feature, arena);
    const struct strata_slot slot[3] = {{"label", label ? label : ""}, {"level", ""}, {"people", ""}};
    if (feature->meaning && meaning_piece(feature->meaning, label, arena, piece)) return true;
    if (!label) return false;
    const double share = persona->cell[marker->feature].mean;
    const bool yes =
        plan->as[marker->feature] == STRATA_AS_BINARY && (marker->effect > 0.0) == (share >= 0.5);
    piece->gradable = !yes;
    return fill_piece(yes ? "name.yes" : "name.number", slot, arena, piece);
}

/* --- candidates --------------------------------------------------------- */

/* Begin candidates that say a and, unless NULL, b and c; false when another name says just that. */
static bool begin_saying(struct namer *namer, const struct piece *a, const struct piece *b,
                         const struct piece *c)
{
    struct said said = {{a->code, b ? b->code : 0, c ? c->code : 0}};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = i + 1; j < 3; j++) {
            if (said.code[j] <= said.code[i]) continue;
            const uint64_t swap = said.code[i];
            said.code[i] = said.code[j];
            said.code[j] = swap;
        }
    }
    namer->said = said;
    namer->strength = fabs(a->effect);
    for (size_t t = 0; t < namer->n_taken; t++) {
        if (memcmp(&namer->taken_said[t], &said, sizeof said) == 0) return false;
    }
    return true;
}

/* Take the candidate if it is a name and nobody has it.  NULL candidates are no names. */
static bool try_name(struct namer *namer, char *candidate)
{
    if (!candidate) return false;
    const size_t words = word_count(candidate);
    if (words < 1 || words > MAX_WORDS) return false;
    strata_sentence_case(candidate);
    const char *key = key_of(candidate, namer->keep);
    if (!key) {
        namer->starved = true;
        return false;
    }
    for (size_t i = 0; i < namer->n_taken; i++) {
        if (strcmp(namer->taken[i], key) == 0) return false;
    }
    namer->name = candidate;
    namer->key = key;
    return true;
}

/* Put parts together after the pattern of key; nothing when a part is missing. */
static bool try_parts(struct namer *namer, const char *key, const char *first, const char *second,
                      const char *third)
{
    if (!first || !second) return false;
    const struct strata_slot slot[3] = {
        {"first", first}, {"second", second}, {"third", third ? third : ""}};
    char *text = strata_message_fill(strata_message(key), slot, 3, namer->keep);
    if (!text) namer->starved = true;
    return try_name(namer, text);
}

static bool try_text(struct namer *namer, const char *text)
{
    if (!text) return false;
    return try_name(namer, strata_arena_copy(namer->keep, text, strlen(text)));
}

static bool try_one(struct namer *namer, const struct piece *a)
{
    const char *anybody = strata_message("name.anybody");
    if (!begin_saying(namer, a, NULL, NULL)) return false;
    return try_text(namer, a->noun) || try_text(namer, a->phrase) ||
           try_parts(namer, "name.adjective_noun", a->adjective, anybody, NULL) ||
           try_parts(namer, "name.noun_tail", anybody, a->tail, NULL);
}

static bool same_meaning(const struct piece *a, const struct piece *b)
{
    return a->meaning && b->meaning && strcmp(a->meaning, b->meaning) == 0;
}

/* Which of two adjectives comes first: "young online customers". */
static size_t adjective_place(const struct piece *piece)
{
    const char *order = strata_message("name.order");
    const char *at = order && piece->meaning ? strstr(order, piece->meaning) : NULL;
    return piece->is_level ? SIZE_MAX : at ? (size_t)(at - order) : SIZE_MAX - 1;
}

static bool try_adjectives(struct namer *namer, const struct piece *a, const struct piece *b,
                           const char *noun)
{
    if (!a->adjective || !b->adjective || !noun) return false;
    if (adjective_place(b) < adjective_place(a)) {
        const struct piece *swap = a;
        a = b;
        b = swap;
    }
    return try_parts(namer, "name.two_adjectives_noun", a->adjective, b->adjective, noun);
}

static bool try_tail(struct namer *namer, const char *adjective, const char *noun, const char *tail)
{
    return tail && noun && try_parts(namer, "name.adjective_noun_tail", adjective, noun, tail);
}

static bool try_two(struct namer *namer, const struct piece *a, const struct piece *b)
{
    const char *anybody = strata_message("name.anybody");
    if (same_meaning(a, b) || !begin_saying(namer, a, b, NULL)) return false;
    return try_parts(namer, "name.adjective_noun", b->adjective, a->noun, NULL) ||
           try_parts(namer, "name.adjective_noun", a->adjective, b->noun, NULL) ||
           try_parts(namer, "name.noun_tail", a->noun, b->tail, NULL) ||
           try_parts(namer, "name.noun_tail", b->noun, a->tail, NULL) ||
           try_adjectives(namer, a, b, anybody) || try_tail(namer, a->adjective, anybody, b->tail) ||
           try_tail(namer, b->adjective, anybody, a->tail) ||
           try_parts(namer, "name.noun_tail", a->phrase, b->tail, NULL) ||
           try_parts(namer, "name.noun_tail", b->phrase, a->tail, NULL) ||
           try_parts(namer, "name.noun_tail", a->is_level ? NULL : a->adjective, b->tail, NULL) ||
           try_parts(namer, "name.noun_tail", b->is_level ? NULL : b->adjective, a->tail, NULL);
}

/* a gives the noun. */
static bool try_three(struct namer *namer, const struct piece *a, const struct piece *b,
                      const struct piece *c)
{
    if (!a->noun || same_meaning(a, b) || same_meaning(a, c) || same_meaning(b, c)) return false;
    if (!begin_saying(namer, a, b, c)) return false;
    return try_adjectives(namer, b, c, a->noun) || try_tail(namer, b->adjective, a->noun, c->tail) ||
           try_tail(namer, c->adjective, a->noun, b->tail);
}

/* Pairs and triples whose weakest piece is the last of n. */
static bool try_with_last(struct namer *namer, const struct piece *piece, size_t n)
{
    const struct piece *last = &piece[n - 1];
    for (size_t i = 0; i + 1 < n; i++) {
        if (try_two(namer, &piece[i], last)) return true;
    }
    for (size_t j = 1; j + 1 < n; j++) {
        for (size_t i = 0; i < j; i++) {
            const struct piece *a = &piece[i];
            const struct piece *b = &piece[j];
            if (try_three(namer, a, b, last) || try_three(namer, b, a, last) ||
                try_three(namer, last, a, b)) {
                return true;
            }
        }
    }
    return false;
}

static bool try_combinations(struct namer *namer, const struct piece *piece, size_t n)
{
    if (n == 1 && try_one(namer, &piece[0])) return true;
    for (size_t last = 2; last <= n; last++) {
        if (try_with_last(namer, piece, last)) return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (try_one(namer, &piece[i])) return true;
    }
    return false;
}

static const char *graded(const char *pattern, const char *text, struct strata_arena *arena)
{
    if (!text) return NULL;
    return strata_message_fill(strata_message(pattern), &(struct strata_slot){"piece", text}, 1,
                               arena);
}

enum degree { FAIR, VERY_MUCH, SLIGHT, EXTREME, DEGREE_COUNT };
static const char *const degree_words[DEGREE_COUNT] = {
    [FAIR] = "name.fairly", [VERY_MUCH] = "name.very", [SLIGHT] = "name.slightly", [EXTREME] = "name.extremely"};

static uint64_t with_degree(uint64_t code, enum degree degree)
{
    return code | (uint64_t)(degree + 1) << 56;
}

/* Whether a segment is named by this alone; *strength is then its |effect|. */
static bool is_held(const struct namer *namer, uint64_t code, double *strength)
{
    for (size_t t = 0; t < namer->n_taken; t++) {
        if (namer->taken_said[t].code[0] != code || namer->taken_said[t].code[1] != 0) continue;
        *strength = namer->taken_strength[t];
        return true;
    }
    return false;
}

/* The degree by which the piece differs from those who are named by it already; false when there
 * is none left. */
static bool find_degree(const struct namer *namer, const struct piece *piece, enum degree *degree)
{
    const double strength = fabs(piece->effect);
    double held = 0.0;
    if (!is_held(namer, piece->code, &held)) {
        *degree = strength >= VERY ? VERY_MUCH : FAIR;
        return strength >= VERY || strength < FAIRLY;
    }
    const bool more = strength > held;
    *degree = more ? VERY_MUCH : FAIR;
    if (!is_held(namer, with_degree(piece->code, *degree), &held)) return true;
    *degree = more ? EXTREME : SLIGHT;
    return (strength > held) == more;
}

/* "very frequent", "fairly high produce share": the piece with its degree said. */
static bool degree_of(const struct namer *namer, const struct piece *piece, struct piece *out)
{
    enum degree degree = FAIR;
    if (!piece->gradable || !find_degree(namer, piece, &degree)) return false;
    const char *pattern = degree_words[degree];
    *out = (struct piece){.code = with_degree(piece->code, degree),
                          .meaning = piece->meaning,
                          .effect = piece->effect};
    out->adjective = graded(pattern, piece->adjective, namer->keep);
    out->noun = graded(pattern, piece->adjective ? NULL : piece->noun, namer->keep);
    out->phrase = graded(pattern, piece->phrase, namer->keep);
    return out->adjective || out->noun || out->phrase;
}

static bool try_degrees(struct namer *namer, const struct piece *piece, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct piece strong;
        if (!degree_of(namer, &piece[i], &strong)) continue;
        if (try_one(namer, &strong)) return true;
        for (size_t j = 0; j < n; j++) {
            if (j != i && try_two(namer, &strong, &piece[j])) return true;
        }
    }
    return false;
}

/* What the strongest piece says in at most three words. */
static const char *base_of(const struct piece *piece, struct strata_arena *arena)
{
    const char *anybody = strata_message("name.anybody");
    const struct strata_slot adjective[2] = {{"first", piece->adjective}, {"second", anybody}};
    const struct strata_slot tail[2] = {{"first", anybody}, {"second", piece->tail}};
    const char *base = piece->noun ? piece->noun : piece->phrase;
    if (!base && piece->adjective)
        base = strata_message_fill(strata_message("name.adjective_noun"), adjective, 2, arena);
    if (!base && piece->tail)
        base = strata_message_fill(strata_message("name.noun_tail"), tail, 2, arena);
    return base && word_count(base) < MAX_WORDS ? base : anybody;
}

/* A name with a word added that means nothing. */
static bool try_tags(struct namer *namer, const char *base)
{
    const char *tags = strata_message("name.tags");
    namer->said = (struct said){{UINT64_MAX}}; /* of its own: no other name is compared with it */
    for (size_t i = 0; tags && i < STRATA_MAX_SEGMENTS; i++) {
        tags += strspn(tags, " ");
        const size_t length = strcspn(tags, " ");
        const char *tag = strata_arena_copy(namer->keep, tags, length);
        if (!tag || length == 0) return false;
        if (try_parts(namer, "name.tagged", base, tag, NULL)) return true;
        tags += length;
    }
    return false;
}

static bool find_name(struct namer *namer, const struct strata_persona *persona)
{
    struct piece piece[MAX_PIECES];
    size_t n = 0;
    size_t n_noticeable = 0;
    for (size_t m = 0; m < persona->n_markers && n < MAX_PIECES; m++) {
        if (namer->plan->config->feature[persona->marker[m].feature].role == STRATA_ROLE_OUTCOME)
            continue;
        if (!piece_make(namer->plan, persona, &persona->marker[m], namer->keep, &piece[n]))
            continue;
        n++;
        if (fabs(persona->marker[m].effect) >= STRATA_NOTICEABLE) n_noticeable = n;
    }
    namer->said = (struct said){{0}};
    if (namer->plan->k == 1) return try_text(namer, strata_message("name.all"));
    if (n_noticeable == 0 && try_text(namer, strata_message("name.average"))) return true;
    return (n_noticeable > 0 && (try_combinations(namer, piece, n_noticeable) ||
                                 try_degrees(namer, piece, n_noticeable))) ||
           (n_noticeable > 0 && n > n_noticeable && try_combinations(namer, piece, n)) ||
           try_tags(namer, n_noticeable > 0 ? base_of(&piece[0], namer->keep)
                                            : strata_message("name.average"));
}

/* Room for the words of one segment is given back after it: scratch comes by value. */
static strata_status name_segment(struct namer *namer, struct strata_persona *persona,
                                  struct strata_arena scratch, struct strata_arena *keys,
                                  struct strata_arena *keep, struct strata_err *err)
{
    namer->name = namer->key = NULL;
    namer->keep = &scratch;
    const bool found = find_name(namer, persona) && !namer->starved;
    persona->name = found ? strata_arena_copy(keep, namer->name, strlen(namer->name)) : NULL;
    const char *key = persona->name ? key_of(persona->name, keys) : NULL;
    if (!key)
        return STRATA_FAIL(err, STRATA_E_MEMORY,
                           "no room for segment names; give the job more memory");
    namer->taken_said[namer->n_taken] = namer->said;
    namer->taken_strength[namer->n_taken] = namer->strength;
    namer->taken[namer->n_taken++] = key;
    return STRATA_OK;
}

strata_status strata_names_give(const struct strata_plan *plan, struct strata_personas *personas,
                                struct strata_arena scratch, struct strata_arena *keep,
                                struct strata_err *err)
{
    const size_t key_bytes = (size_t)1 << 20; /* 64 names of four words */
    struct strata_arena keys = {0};
    keys.start = keys.next = STRATA_NEW(&scratch, unsigned char, key_bytes);
    if (!keys.start)
        return STRATA_FAIL(err, STRATA_E_MEMORY,
                           "no room for segment names; give the job more memory");
    keys.end = keys.start + key_bytes;
    struct namer namer = {.plan = plan,
                          .taken = STRATA_NEW(&scratch, const char *, plan->k),
                          .taken_said = STRATA_NEW(&scratch, struct said, plan->k),
                          .taken_strength = STRATA_NEW(&scratch, double, plan->k)};
    if (!namer.taken || !namer.taken_said || !namer.taken_strength)
        return STRATA_FAIL(err, STRATA_E_MEMORY,
                           "no room for segment names; give the job more memory");
    for (size_t s = 0; s < plan->k; s++) {
        STRATA_TRY(name_segment(&namer, &personas->segment[s], scratch, &keys, keep, err));
    }
    return STRATA_OK;
}
