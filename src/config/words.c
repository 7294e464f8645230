/* The fixed words of a job file, and what is said about a word that is not one of them. */
#include <string.h>

#include "config_impl.h"

#define WORDS(name, ...)                                    \
    static const struct word name##_word[] = {__VA_ARGS__}; \
    const struct words strata_words_##name = {name##_word, sizeof name##_word / sizeof *name##_word}

WORDS(flag, {"yes", 1}, {"no", 0}, {"true", 1}, {"false", 0}, {"on", 1}, {"off", 0});
WORDS(reader, {"all", STRATA_READER_ALL}, {"coordinator", STRATA_READER_COORDINATOR});
WORDS(bad_rows, {"fail", STRATA_BAD_ROWS_FAIL}, {"reject", STRATA_BAD_ROWS_REJECT});
WORDS(key_type, {"text", STRATA_KEY_TEXT}, {"integer", STRATA_KEY_INTEGER});
WORDS(format, {"parquet", STRATA_FORMAT_PARQUET}, {"csv", STRATA_FORMAT_CSV},
      {"json", STRATA_FORMAT_JSON}, {"auto", FORMAT_BY_SUFFIX});
WORDS(header, {"auto", -1}, {"yes", 1}, {"no", 0}, {"true", 1}, {"false", 0}, {"on", 1}, {"off", 0});
WORDS(type, {"numeric", STRATA_NUMERIC}, {"count", STRATA_COUNT}, {"ordinal", STRATA_ORDINAL},
      {"nominal", STRATA_NOMINAL}, {"binary", STRATA_BINARY});
WORDS(dimension, {"demographic", STRATA_DEMOGRAPHIC}, {"geographic", STRATA_GEOGRAPHIC},
      {"psychographic", STRATA_PSYCHOGRAPHIC}, {"behavioural", STRATA_BEHAVIOURAL},
      {"firmographic", STRATA_FIRMOGRAPHIC}, {"technographic", STRATA_TECHNOGRAPHIC});
WORDS(role, {"basis", STRATA_ROLE_BASIS}, {"descriptor", STRATA_ROLE_DESCRIPTOR},
      {"outcome", STRATA_ROLE_OUTCOME}, {"sensitive", STRATA_ROLE_SENSITIVE},
      {"weight", STRATA_ROLE_WEIGHT});
WORDS(transform, {"none", STRATA_TRANSFORM_NONE}, {"log1p", STRATA_TRANSFORM_LOG1P},
      {"sqrt", STRATA_TRANSFORM_SQRT});
WORDS(missing, {"mean", STRATA_MISSING_MEAN}, {"level", STRATA_MISSING_LEVEL},
      {"fail", STRATA_MISSING_FAIL});
WORDS(standardise, {"zscore", STRATA_ZSCORE}, {"range", STRATA_RANGE}, {"none", STRATA_RAW});
WORDS(race, {"auto", STRATA_RACE_AUTO}, {"off", STRATA_RACE_OFF});
WORDS(keep_table, {"until_done", STRATA_TABLE_UNTIL_DONE}, {"always", STRATA_TABLE_ALWAYS},
      {"never", STRATA_TABLE_NEVER});
WORDS(seeding, {"sample", STRATA_SEEDING_SAMPLE}, {"parallel", STRATA_SEEDING_PARALLEL});
WORDS(choose, {"auto", STRATA_CHOOSE_AUTO}, {"elbow", STRATA_CHOOSE_ELBOW},
      {"calinski-harabasz", STRATA_CHOOSE_CALINSKI_HARABASZ},
      {"silhouette", STRATA_CHOOSE_SILHOUETTE}, {"bic", STRATA_CHOOSE_BIC});

const char *const strata_meanings[] = {
    /* who */
    "age", "gender", "income", "education", "occupation", "married", "household_size", "children",
    "homeowner", "language",
    /* where */
    "region", "city_size", "distance", "climate",
    /* what they think */
    "satisfaction", "complaints", "loyalty", "motive", "interest", "price_sensitivity",
    /* how they buy */
    "spend", "frequency", "recency", "tenure", "basket_size", "quantity", "unit_price", "discount",
    "coupon", "full_price", "variety", "private_label", "category", "returns", "campaign",
    "response", "churn", "recent_spend", "earlier_spend",
    /* where they buy and how they are reached */
    "store", "web", "app", "email", "mail", "phone", "social",
    /* firms and what they use */
    "employees", "revenue", "industry", "device", "software", NULL};

const char *strata_word_of(const struct words *words, int value)
{
    for (size_t i = 0; i < words->n; i++) {
        if (words->word[i].value == value) return words->word[i].text;
    }
    return NULL;
}

const char *strata_feature_type_word(enum strata_feature_type type)
{
    return strata_word_of(&strata_words_type, (int)type);
}

const char *strata_dimension_word(enum strata_dimension dimension)
{
    return strata_word_of(&strata_words_dimension, (int)dimension);
}

const char *strata_role_word(enum strata_role role)
{
    return strata_word_of(&strata_words_role, (int)role);
}

const char *strata_seeding_word(enum strata_seeding seeding)
{
    return strata_word_of(&strata_words_seeding, (int)seeding);
}

const char *strata_near(const char *word, const void *first, size_t n, size_t stride)
{
    const char *known[STRATA_MAX_FEATURES];
    size_t n_known = 0;
    for (size_t i = 0; i < n && n_known < STRATA_MAX_FEATURES; i++) {
        const char *text = NULL;
        memcpy(&text, (const char *)first + i * stride, sizeof text);
        if (text) known[n_known++] = text;
    }
    return strata_nearest_word(word, known, n_known);
}

struct shown strata_shown(const char *text, size_t length)
{
    struct shown shown = {{0}};
    size_t n = length < SHOWN_MAX ? length : SHOWN_MAX;
    while (n < length && n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) n--; /* whole letters */
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)text[i];
        shown.text[i] = '?';
        if (c >= 0x20 && c != 0x7F) shown.text[i] = text[i];
    }
    if (n < length) memcpy(shown.text + n, "...", 4);
    return shown;
}
