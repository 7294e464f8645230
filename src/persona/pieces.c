/* What a marker gives to a name: an adjective ("lapsed"), a noun ("big spenders"), a phrase that
 * stands alone ("high produce share") or a tail ("with garden"), from the catalogue by meaning and
 * direction, or from the feature's label or level. */
#include <math.h>
#include <string.h>

#include "persona/persona_impl.h"

#define MAX_LABEL 40 /* bytes of a label or level that may stand in a name */
#define MAX_LABEL_WORDS 3
#define MIN_EVERYTHING 3 /* categories that must agree before they are spoken of as one */

/* --- words --------------------------------------------------------- */

size_t strata_word_count(const char *text)
{
    size_t n = 0;
    for (bool inside = false; *text; text++) {
        if (*text != ' ' && !inside) n++;
        inside = *text != ' ';
    }
    return n;
}

/* The text without control characters, brackets and double spaces, and its first capital unless
 * more follow or it is a name. */
static char *plain_text(const char *text, bool is_name, struct strata_arena *arena)
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
    if (capital && !is_name && n > 1 && !(plain[1] >= 'A' && plain[1] <= 'Z'))
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

/* Cut words that only join others from the end: "life style of the". */
static void cut_joining(char *text)
{
    const char *joining = strata_message("name.joining");
    for (char *last = strrchr(text, ' '); last; last = strrchr(text, ' ')) {
        if (!strata_list_has(joining, last + 1, strlen(last + 1))) return;
        *last = '\0';
    }
}

/* A feature's label for names: its first three words, if no other feature's label starts with
 * them.  NULL: none. */
static const char *short_label(const struct strata_plan *plan, size_t f, struct strata_arena *arena)
{
    char *label = plain_text(plan->config->feature[f].label, false, arena);
    if (!label || !label[0]) return NULL;
    if (strata_word_count(label) > MAX_LABEL_WORDS) {
        if (strata_list_has(strata_message("name.joining"), label, strcspn(label, " ")))
            return NULL;
        cut_words(label, MAX_LABEL_WORDS);
        cut_joining(label);
        for (size_t other = 0; other < plan->n_features; other++) {
            if (other == f) continue;
            struct strata_arena brief = *arena; /* the others' labels are not kept */
            const char *text = plain_text(plan->config->feature[other].label, false, &brief);
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
                       struct strata_piece *piece)
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

/* Levels that say nothing without their question. */
static bool level_speaks(const char *level)
{
    bool letters = false;
    char lower[MAX_LABEL + 1] = {0};
    const size_t length = strlen(level);
    if (length == 0 || length > MAX_LABEL) return false;
    for (size_t i = 0; i < length; i++) {
        lower[i] = (char)(level[i] >= 'A' && level[i] <= 'Z' ? level[i] - 'A' + 'a' : level[i]);
        letters |= (lower[i] >= 'a' && lower[i] <= 'z') || (unsigned char)lower[i] >= 0x80;
    }
    return letters && !strata_list_has(strata_message("name.mute"), lower, length);
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
                        struct strata_piece *piece)
{
    const struct strata_feature *feature = &plan->config->feature[marker->feature];
    const char *text = plan->table->column[marker->feature].level[marker->level];
    const char *level = plain_text(text, feature->dimension == STRATA_GEOGRAPHIC, arena);
    const char *people =
        strata_message_at("name.people", strata_dimension_word(feature->dimension), NULL);
    const double share = persona->cell[marker->feature].share[marker->level];
    if (!level || !level_speaks(level)) return false;
    const struct strata_slot slot[3] = {{"level", level},
                                        {"people", people ? people : strata_message("name.anybody")},
                                        {"label", level}};
    piece->is_level = true;
    const bool most =
        marker->effect > 0.0 ? share >= 0.5 : share <= 0.1 && strata_word_count(level) == 1;
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
                          struct strata_piece *piece)
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

/* A yes or no without words of its own: what most of them have, are or did, or more or fewer than elsewhere. */
static bool answer_piece(const struct strata_plan *plan, const struct strata_persona *persona,
                         const struct strata_marker *marker, const char *label,
                         struct strata_arena *arena, struct strata_piece *piece)
{
    const double share = persona->cell[marker->feature].mean;
    const bool most = (marker->effect > 0.0) == (share >= 0.5);
    const char *kind = strata_yes_kind(plan->config->feature[marker->feature].label);
    const bool has = strcmp(kind, "yes") == 0;
    const struct strata_slot slot[3] = {{"label", label}, {"level", label}, {"people", ""}};
    return fill_piece(has    ? (most ? "name.yes" : "name.more")
                      : most ? "name.are"
                             : "name.often",
                      slot, arena, piece);
}

/* What a marker gives to a name; false when it gives nothing. */
bool strata_piece_make(const struct strata_plan *plan, const struct strata_persona *persona,
                       const struct strata_marker *marker, struct strata_arena *arena,
                       struct strata_piece *piece)
{
    const struct strata_feature *feature = &plan->config->feature[marker->feature];
    *piece = (struct strata_piece){
        .code = code_of(marker), .meaning = feature->meaning, .effect = marker->effect};
    if (plan->as[marker->feature] == STRATA_AS_NOMINAL)
        return level_piece(plan, persona, marker, arena, piece);
    const char *label = short_label(plan, marker->feature, arena);
    const struct strata_slot slot[3] = {{"label", label ? label : ""}, {"level", ""}, {"people", ""}};
    if (feature->meaning && meaning_piece(feature->meaning, label, arena, piece)) return true;
    if (!label) return false;
    if (plan->as[marker->feature] == STRATA_AS_BINARY)
        return answer_piece(plan, persona, marker, label, arena, piece);
    piece->gradable = true;
    return fill_piece("name.number", slot, arena, piece);
}

/* Whether this is an amount of one category of goods: shares of a whole cannot all be high. */
static bool is_category_amount(const struct strata_plan *plan, size_t f)
{
    const struct strata_feature *feature = &plan->config->feature[f];
    const bool share = feature->unit && strncmp(feature->unit, "share", 5) == 0;
    return plan->as[f] == STRATA_AS_NUMBER && feature->meaning && !share &&
           strcmp(feature->meaning, "category") == 0;
}

/* Whether this tells how much one thing is wanted. */
static bool is_motive(const struct strata_plan *plan, size_t f)
{
    const char *meaning = plan->config->feature[f].meaning;
    return plan->as[f] != STRATA_AS_NOMINAL && meaning &&
           (strcmp(meaning, "motive") == 0 || strcmp(meaning, "interest") == 0);
}

/* Most features of a kind are high, or most are low, and none is the other. */
static bool all_of_a_kind(const struct strata_plan *plan, const struct strata_persona *persona,
                          bool (*is)(const struct strata_plan *plan, size_t f), bool *high)
{
    size_t n_all = 0, n_high = 0, n_low = 0;
    for (size_t f = 0; f < plan->n_features; f++) n_all += is(plan, f);
    for (size_t m = 0; m < persona->n_markers; m++) {
        const struct strata_marker *marker = &persona->marker[m];
        if (fabs(marker->effect) < STRATA_NOTICEABLE || !is(plan, marker->feature)) continue;
        n_high += marker->effect > 0.0;
        n_low += marker->effect < 0.0;
    }
    *high = n_high > 0;
    const size_t n = n_high + n_low;
    return !(n_high > 0 && n_low > 0) && n >= MIN_EVERYTHING && 2 * n > n_all;
}

/* Spend says better that they buy much or little. */
static bool tells_spend(const struct strata_plan *plan, const struct strata_persona *persona)
{
    for (size_t m = 0; m < persona->n_markers; m++) {
        const struct strata_marker *marker = &persona->marker[m];
        const char *meaning = plan->config->feature[marker->feature].meaning;
        if (fabs(marker->effect) >= STRATA_NOTICEABLE && meaning && strcmp(meaning, "spend") == 0)
            return true;
    }
    return false;
}

bool strata_piece_everything(const struct strata_plan *plan, const struct strata_persona *persona,
                             struct strata_arena *arena, struct strata_piece *piece)
{
    const struct strata_slot slot[3] = {{"label", ""}, {"level", ""}, {"people", ""}};
    bool high = false;
    const bool goods =
        !tells_spend(plan, persona) && all_of_a_kind(plan, persona, is_category_amount, &high);
    if (!goods && !all_of_a_kind(plan, persona, is_motive, &high)) return false;
    const char *meaning = goods ? "everything" : "motives";
    *piece = (struct strata_piece){.code = ((uint64_t)(plan->n_features + !goods) << 32 | high) + 1,
                                   .meaning = meaning,
                                   .effect = fabs(persona->marker[0].effect) * (high ? 1.0 : -1.0)};
    return fill_piece(goods ? "name.everything" : "name.motives", slot, arena, piece);
}
