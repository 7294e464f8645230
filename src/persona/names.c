/* A name for each segment: at most four words, from its strongest markers, unique in the run.
 *
 * Each marker gives a piece with up to four forms: an adjective ("lapsed"), a noun ("big
 * spenders"), a phrase that stands alone ("high produce share") or a tail ("with garden").
 * Candidates are built from the strongest pieces first: the strongest one with another that gives a
 * noun ("frequent big spenders" rather than "frequent active customers"), then other pairs and
 * triples, then degrees ("very frequent big spenders"), then weaker markers.  Segments are named
 * in order; each takes its first candidate that no earlier one has.  Where that ends, as with
 * many segments on one feature, a neutral word is added, or two: there are more pairs of those than there
 * can be segments, so this cannot run out. Names count as equal when they differ in digits or case
 * only: a numeral never tells two segments apart; nor does the same set of markers said in other
 * words.
 *
 * What is taken is kept as 64-bit hashes, so that a candidate costs the same with 1,024 segments as with
 * two; if two names should ever have one hash, the later is passed over, on every machine alike. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "persona/persona_impl.h"
#include "strata/hash.h"

#define MAX_PIECES 10
#define MAX_WORDS 4
#define NOUN_PIECES 4 /* the strongest ones, among which a noun comes before two adjectives */
#define VERY 1.2      /* |effect| that bears "very" when nobody has the plain word */
#define FAIRLY 0.8    /* |effect| below which "fairly" is true then */

/* The set of pieces of a name, in falling order; unused ones are 0. */
struct said {
    uint64_t code[3];
};

/* A set of hashes by open addressing; 0 is an empty slot. */
struct hash_set {
    uint64_t *slot; /* (n_slots) a power of two, at least twice as many as there will be hashes */
    size_t n_slots;
};

static size_t slots_for(size_t n)
{
    size_t n_slots = 4;
    while (n_slots < 2 * n) n_slots *= 2;
    return n_slots;
}

/* Where the hash is, or would be. */
static uint64_t *slot_of(const struct hash_set *set, uint64_t hash)
{
    size_t at = (size_t)hash & (set->n_slots - 1);
    while (set->slot[at] != 0 && set->slot[at] != hash) at = (at + 1) & (set->n_slots - 1);
    return &set->slot[at];
}

static uint64_t hash_of(const void *bytes, size_t n_bytes)
{
    const uint64_t hash = strata_hash(bytes, n_bytes);
    return hash ? hash : 1;
}

struct namer {
    const struct strata_plan *plan;
    struct hash_set keys;    /* of the names given so far */
    struct hash_set sayings; /* of what they say */
    struct said *taken_said; /* (k) */
    double *taken_strength;  /* (k) |effect| of the first piece */
    size_t n_taken;
    struct strata_own_names own;
    struct strata_arena *keep;
    const char *name;  /* found for this segment */
    uint64_t key_hash; /* its key's */
    struct said said;  /* by the candidate at hand */
    double strength;
    bool starved; /* memory has ended */
};

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

/* --- candidates --------------------------------------------------------- */

/* Begin candidates that say a and, unless NULL, b and c; false when another name says just that. */
static bool begin_saying(struct namer *namer, const struct strata_piece *a,
                         const struct strata_piece *b, const struct strata_piece *c)
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
    return *slot_of(&namer->sayings, hash_of(&said, sizeof said)) == 0;
}

/* Whether a word stands twice: two features can have levels of one name. */
static bool repeats_word(const char *text)
{
    const char *word[MAX_WORDS];
    size_t length[MAX_WORDS];
    for (size_t n = 0; n < MAX_WORDS && *text; n++) {
        word[n] = text;
        length[n] = strcspn(text, " ,");
        for (size_t i = 0; i < n; i++)
            if (length[i] == length[n] && strncasecmp(word[i], word[n], length[n]) == 0)
                return true;
        text += strcspn(text, " ");
        text += strspn(text, " ");
    }
    return false;
}

/* Take the candidate if it is a name and nobody has it.  NULL candidates are no names. */
static bool try_name(struct namer *namer, char *candidate)
{
    if (!candidate) return false;
    const size_t words = strata_word_count(candidate);
    if (words < 1 || words > MAX_WORDS || repeats_word(candidate)) return false;
    strata_sentence_case(candidate);
    const char *key = key_of(candidate, namer->keep);
    if (!key) {
        namer->starved = true;
        return false;
    }
    const uint64_t hash = hash_of(key, strlen(key));
    if (*slot_of(&namer->keys, hash) != 0) return false;
    namer->name = candidate;
    namer->key_hash = hash;
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

static bool try_one(struct namer *namer, const struct strata_piece *a)
{
    const char *anybody = strata_message("name.anybody");
    if (!begin_saying(namer, a, NULL, NULL)) return false;
    const bool with = a->tail && a->tail[0] == ' '; /* "customers with a garden" */
    return try_text(namer, a->noun) ||
           (with && try_parts(namer, "name.noun_tail", anybody, a->tail, NULL)) ||
           try_text(namer, a->phrase) ||
           try_parts(namer, "name.adjective_noun", a->adjective, anybody, NULL) ||
           try_parts(namer, "name.noun_tail", anybody, a->tail, NULL);
}

static bool same_meaning(const struct strata_piece *a, const struct strata_piece *b)
{
    return a->meaning && b->meaning && strcmp(a->meaning, b->meaning) == 0;
}

/* Which of two adjectives comes first: "young online customers". */
static size_t adjective_place(const struct strata_piece *piece)
{
    const char *order = strata_message("name.order");
    const char *at = order && piece->meaning ? strstr(order, piece->meaning) : NULL;
    return piece->is_level ? SIZE_MAX : at ? (size_t)(at - order) : SIZE_MAX - 1;
}

static bool try_adjectives(struct namer *namer, const struct strata_piece *a,
                           const struct strata_piece *b, const char *noun)
{
    if (!a->adjective || !b->adjective || !noun) return false;
    if (adjective_place(b) < adjective_place(a)) {
        const struct strata_piece *swap = a;
        a = b;
        b = swap;
    }
    return try_parts(namer, "name.two_adjectives_noun", a->adjective, b->adjective, noun);
}

static bool try_tail(struct namer *namer, const char *adjective, const char *noun, const char *tail)
{
    return tail && noun && try_parts(namer, "name.adjective_noun_tail", adjective, noun, tail);
}

/* The two with a noun of their own: "frequent big spenders". */
static bool try_noun(struct namer *namer, const struct strata_piece *a, const struct strata_piece *b)
{
    if (same_meaning(a, b) || !begin_saying(namer, a, b, NULL)) return false;
    return try_parts(namer, "name.adjective_noun", b->adjective, a->noun, NULL) ||
           try_parts(namer, "name.adjective_noun", a->adjective, b->noun, NULL) ||
           try_parts(namer, "name.noun_tail", a->noun, b->tail, NULL) ||
           try_parts(namer, "name.noun_tail", b->noun, a->tail, NULL);
}

static bool try_two(struct namer *namer, const struct strata_piece *a, const struct strata_piece *b)
{
    const char *anybody = strata_message("name.anybody");
    if (try_noun(namer, a, b)) return true;
    if (same_meaning(a, b) || !begin_saying(namer, a, b, NULL)) return false;
    return try_adjectives(namer, a, b, anybody) || try_tail(namer, a->adjective, anybody, b->tail) ||
           try_tail(namer, b->adjective, anybody, a->tail) ||
           try_parts(namer, "name.noun_tail", a->phrase, b->tail, NULL) ||
           try_parts(namer, "name.noun_tail", b->phrase, a->tail, NULL) ||
           try_parts(namer, "name.noun_tail", a->is_level ? NULL : a->adjective, b->tail, NULL) ||
           try_parts(namer, "name.noun_tail", b->is_level ? NULL : b->adjective, a->tail, NULL);
}

/* a gives the noun. */
static bool try_three(struct namer *namer, const struct strata_piece *a,
                      const struct strata_piece *b, const struct strata_piece *c)
{
    if (!a->noun || same_meaning(a, b) || same_meaning(a, c) || same_meaning(b, c)) return false;
    if (!begin_saying(namer, a, b, c)) return false;
    return try_adjectives(namer, b, c, a->noun) || try_tail(namer, b->adjective, a->noun, c->tail) ||
           try_tail(namer, c->adjective, a->noun, b->tail);
}

/* Pairs and triples whose weakest piece is the last of n. */
static bool try_with_last(struct namer *namer, const struct strata_piece *piece, size_t n)
{
    const struct strata_piece *last = &piece[n - 1];
    for (size_t i = 0; i + 1 < n; i++) {
        if (try_two(namer, &piece[i], last)) return true;
    }
    for (size_t j = 1; j + 1 < n; j++) {
        for (size_t i = 0; i < j; i++) {
            const struct strata_piece *a = &piece[i];
            const struct strata_piece *b = &piece[j];
            if (try_three(namer, a, b, last) || try_three(namer, b, a, last) ||
                try_three(namer, last, a, b)) {
                return true;
            }
        }
    }
    return false;
}

static bool try_combinations(struct namer *namer, const struct strata_piece *piece, size_t n)
{
    if (n == 1 && try_one(namer, &piece[0])) return true;
    for (size_t i = 1; i < n && i < NOUN_PIECES; i++) {
        if (try_noun(namer, &piece[0], &piece[i])) return true;
    }
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
static bool find_degree(const struct namer *namer, const struct strata_piece *piece,
                        enum degree *degree)
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
static bool degree_of(const struct namer *namer, const struct strata_piece *piece,
                      struct strata_piece *out)
{
    enum degree degree = FAIR;
    if (!piece->gradable || !find_degree(namer, piece, &degree)) return false;
    const char *pattern = degree_words[degree];
    *out = (struct strata_piece){.code = with_degree(piece->code, degree),
                                 .meaning = piece->meaning,
                                 .effect = piece->effect};
    out->adjective = graded(pattern, piece->adjective, namer->keep);
    out->noun = graded(pattern, piece->adjective ? NULL : piece->noun, namer->keep);
    out->phrase = graded(pattern, piece->phrase, namer->keep);
    return out->adjective || out->noun || out->phrase;
}

static bool try_degrees(struct namer *namer, const struct strata_piece *piece, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct strata_piece strong;
        if (!degree_of(namer, &piece[i], &strong)) continue;
        if (try_one(namer, &strong)) return true;
        for (size_t j = 0; j < n; j++) {
            if (j != i && try_two(namer, &strong, &piece[j])) return true;
        }
    }
    return false;
}

/* What the strongest piece says in at most three words. */
static const char *base_of(const struct strata_piece *piece, struct strata_arena *arena)
{
    const char *anybody = strata_message("name.anybody");
    const struct strata_slot adjective[2] = {{"first", piece->adjective}, {"second", anybody}};
    const struct strata_slot tail[2] = {{"first", anybody}, {"second", piece->tail}};
    const char *base = piece->noun ? piece->noun : piece->phrase;
    if (!base && piece->adjective)
        base = strata_message_fill(strata_message("name.adjective_noun"), adjective, 2, arena);
    if (!base && piece->tail)
        base = strata_message_fill(strata_message("name.noun_tail"), tail, 2, arena);
    return base && strata_word_count(base) < MAX_WORDS ? base : anybody;
}

/* The i-th word of a list, copied; NULL behind the last one and without memory. */
static const char *word_of(const char *list, size_t i, struct strata_arena *arena)
{
    list += strspn(list, " ");
    for (; i > 0 && *list; i--) {
        list += strcspn(list, " ");
        list += strspn(list, " ");
    }
    const size_t length = strcspn(list, " ");
    return length ? strata_arena_copy(arena, list, length) : NULL;
}

/* A name with one word of the list added, behind the word `before` unless that is NULL. */
static bool try_words(struct namer *namer, const char *base, const char *list, const char *before)
{
    const char *word = NULL;
    for (size_t i = 0; (word = word_of(list, i, namer->keep)) != NULL; i++) {
        const struct strata_slot slot[2] = {{"first", before}, {"second", word}};
        if (before && strcmp(before, word) == 0) continue;
        if (before)
            word = strata_message_fill(strata_message("name.two_tags"), slot, 2, namer->keep);
        if (try_parts(namer, "name.tagged", base, word, NULL)) return true;
    }
    return false;
}

/* A name with a word or two added that mean nothing. */
static bool try_tags(struct namer *namer, const char *base)
{
    const char *tags = strata_message("name.tags");
    namer->said = (struct said){{UINT64_MAX}}; /* of its own: no other name is compared with it */
    if (!tags) return false;
    if (try_words(namer, base, tags, NULL)) return true;
    const bool short_enough = strata_word_count(base) + 2 <= MAX_WORDS;
    const char *first = NULL;
    for (size_t i = 0; (first = word_of(tags, i, namer->keep)) != NULL; i++) {
        if (try_words(namer, short_enough ? base : strata_message("name.anybody"), tags, first))
            return true;
    }
    return false;
}

/* Pieces of a segment in the order in which names use them. */
struct pieces {
    struct strata_piece piece[MAX_PIECES];
    size_t n, n_noticeable;
    bool all_low; /* the first one says that they buy little of everything */
};

/* Add the markers that are noticeable or not, of contacts or not. */
static void add_pieces(const struct namer *namer, const struct strata_persona *persona,
                       bool noticeable, bool contact, struct pieces *pieces)
{
    for (size_t m = 0; m < persona->n_markers && pieces->n < MAX_PIECES; m++) {
        const struct strata_marker *marker = &persona->marker[m];
        const struct strata_feature *feature = &namer->plan->config->feature[marker->feature];
        if (feature->role == STRATA_ROLE_OUTCOME) continue;
        if ((fabs(marker->effect) >= STRATA_NOTICEABLE) != noticeable) continue;
        if (strata_is_contact(feature->meaning) != contact) continue;
        if (strata_piece_make(namer->plan, persona, marker, namer->keep, &pieces->piece[pieces->n]))
            pieces->n++;
    }
}

/* What they do before what is done to them: a name tells who they are. */
static void gather_pieces(const struct namer *namer, const struct strata_persona *persona,
                          struct pieces *pieces)
{
    *pieces = (struct pieces){.n = 0};
    if (strata_piece_everything(namer->plan, persona, namer->keep, &pieces->piece[0])) {
        pieces->n = 1;
        pieces->all_low = pieces->piece[0].effect < 0.0;
    }
    add_pieces(namer, persona, true, false, pieces);
    add_pieces(namer, persona, true, true, pieces);
    pieces->n_noticeable = pieces->n;
    add_pieces(namer, persona, false, false, pieces);
    add_pieces(namer, persona, false, true, pieces);
}

static bool find_name(struct namer *namer, const struct strata_persona *persona)
{
    struct pieces pieces;
    gather_pieces(namer, persona, &pieces);
    const struct strata_piece *piece = pieces.piece;
    const size_t n = pieces.n;
    const size_t n_noticeable = pieces.n_noticeable;
    namer->said = (struct said){{0}};
    if (namer->plan->k == 1) return try_text(namer, strata_message("name.all"));
    const char *nothing =
        strata_message(strata_is_untold(namer->plan, persona) ? "name.untold" : "name.average");
    if (n_noticeable == 0 && try_text(namer, nothing)) return true;
    if (pieces.all_low && try_one(namer, &piece[0])) return true;
    return (n_noticeable > 0 && (try_combinations(namer, piece, n_noticeable) ||
                                 try_degrees(namer, piece, n_noticeable))) ||
           (n_noticeable > 0 && n > n_noticeable && try_combinations(namer, piece, n)) ||
           try_tags(namer, n_noticeable > 0 ? base_of(&piece[0], namer->keep) : nothing);
}

/* --- the whole --------------------------------------------------------- */

/* Nobody is called so without the user, unless that is what it is a name for. */
static bool reserve(struct namer *namer, const char *name, const char *segment,
                    struct strata_arena scratch)
{
    const char *key = key_of(name, &scratch);
    const char *free_key = key_of(segment, &scratch);
    if (!key || !free_key) return false;
    const uint64_t hash = hash_of(key, strlen(key));
    if (strcmp(key, free_key) != 0) *slot_of(&namer->keys, hash) = hash;
    return true;
}

/* No other segment gets a name that the user has given. */
static bool reserve_given(struct namer *namer, struct strata_arena scratch)
{
    const struct strata_config *config = namer->plan->config;
    for (size_t i = 0; i < config->n_given_names; i++) {
        const struct strata_segment_setting *given = &config->given_name[i];
        if (!reserve(namer, given->value, given->segment, scratch)) return false;
    }
    for (size_t s = 0; s < namer->plan->k; s++)
        if (namer->own.name[s] && !reserve(namer, namer->own.name[s], "", scratch)) return false;
    return true;
}

static const char *kept_text(const char *text, struct strata_arena *keep)
{
    return text ? strata_arena_copy(keep, text, strlen(text)) : NULL;
}

/* The name that was found, or the user's in its place. */
static bool put_name(struct namer *namer, size_t s, struct strata_arena *keep,
                     struct strata_persona *persona)
{
    const char *given = strata_own_name(&namer->own, s, namer->name);
    persona->automatic_name = kept_text(namer->name, keep);
    persona->name = given ? kept_text(given, keep) : persona->automatic_name;
    persona->name_given = given != NULL;
    if (!persona->automatic_name || !persona->name) return false;
    if (!given) return true;
    persona->name_origin = strata_own_name_origin(&namer->own, s, persona->automatic_name, keep);
    return persona->name_origin != NULL;
}

/* Room for the words of one segment is given back after it: scratch comes by value. */
static strata_status name_segment(struct namer *namer, size_t s, struct strata_persona *persona,
                                  struct strata_arena scratch, struct strata_arena *keep,
                                  struct strata_err *err)
{
    namer->name = NULL;
    namer->keep = &scratch;
    const bool found = find_name(namer, persona) && !namer->starved;
    if (!found || !put_name(namer, s, keep, persona))
        return STRATA_FAIL(err, STRATA_E_MEMORY,
                           "no room for segment names; give the job more memory");
    const uint64_t said_hash = hash_of(&namer->said, sizeof namer->said);
    *slot_of(&namer->keys, namer->key_hash) = namer->key_hash;
    *slot_of(&namer->sayings, said_hash) = said_hash;
    namer->taken_said[namer->n_taken] = namer->said;
    namer->taken_strength[namer->n_taken++] = namer->strength;
    return STRATA_OK;
}

strata_status strata_names_give(const struct strata_plan *plan,
                                const struct strata_earlier_name *earlier,
                                struct strata_personas *personas, struct strata_arena scratch,
                                struct strata_arena *keep, struct strata_err *err)
{
    const size_t n_slots = slots_for(2 * plan->k + plan->config->n_given_names);
    struct namer namer = {.plan = plan,
                          .keys = {STRATA_NEW(&scratch, uint64_t, n_slots), n_slots},
                          .sayings = {STRATA_NEW(&scratch, uint64_t, n_slots), n_slots},
                          .taken_said = STRATA_NEW(&scratch, struct said, plan->k),
                          .taken_strength = STRATA_NEW(&scratch, double, plan->k)};
    if (!namer.keys.slot || !namer.sayings.slot || !namer.taken_said || !namer.taken_strength ||
        !strata_own_names_make(&namer.own, plan->config, earlier, plan->k, &scratch) ||
        !reserve_given(&namer, scratch))
        return STRATA_FAIL(err, STRATA_E_MEMORY,
                           "no room for segment names; give the job more memory");
    for (size_t s = 0; s < plan->k; s++) {
        STRATA_TRY(name_segment(&namer, s, &personas->segment[s], scratch, keep, err));
    }
    return STRATA_OK;
}
