/* Rules between options, and what depends on others. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config_impl.h"

#define MIXTURE_TOLERANCE 1e-7 /* of `tolerance: auto` */

/* --- sources --- */

static bool ends_with(const char *text, const char *suffix)
{
    const size_t n = strlen(text), n_suffix = strlen(suffix);
    return n >= n_suffix && strcasecmp(text + n - n_suffix, suffix) == 0;
}

static const struct {
    const char *suffix;
    enum strata_format format;
} suffixes[] = {{".parquet", STRATA_FORMAT_PARQUET}, {".csv", STRATA_FORMAT_CSV},
                {".tsv", STRATA_FORMAT_CSV},         {".csv.gz", STRATA_FORMAT_CSV},
                {".tsv.gz", STRATA_FORMAT_CSV},      {".json", STRATA_FORMAT_JSON},
                {".jsonl", STRATA_FORMAT_JSON},      {".ndjson", STRATA_FORMAT_JSON},
                {".json.gz", STRATA_FORMAT_JSON},    {".jsonl.gz", STRATA_FORMAT_JSON},
                {".ndjson.gz", STRATA_FORMAT_JSON}};

static int format_of(const char *pattern)
{
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        if (ends_with(pattern, suffixes[i].suffix)) return (int)suffixes[i].format;
    }
    return FORMAT_BY_SUFFIX;
}

static void settle_format(struct reader *reader, struct strata_source *source)
{
    if ((int)source->format != FORMAT_BY_SUFFIX) return;
    source->format = STRATA_FORMAT_PARQUET;
    for (size_t i = 0; i < source->n_patterns; i++) {
        if (!source->pattern[i]) return; /* told already */
        const int format = format_of(source->pattern[i]);
        if (format == FORMAT_BY_SUFFIX) {
            strata_complain(reader, source->files_place,
                            "the suffix does not say what the files are: add `format: parquet`, "
                            "csv or json");
            return;
        }
        if (i > 0 && format != (int)source->format) {
            strata_complain(reader, source->files_place,
                            "the files have different formats: make them sources of their own");
            return;
        }
        source->format = (enum strata_format)format;
    }
}

static void check_source(struct reader *reader, struct strata_source *source)
{
    if (!source->name && source->n_patterns == 0) return; /* told already: it is no map */
    settle_format(reader, source);
    if (source->lookup && source->key) {
        strata_complain(reader, source->key_place,
                        "a lookup has no customer key: leave out `key`, or `lookup`");
    } else if (!source->lookup && !source->key) {
        strata_complain(reader, source->place,
                        "`key` is missing in a source: name the column of the customer's key, or "
                        "say `lookup: yes` for a small table without one");
    }
    const bool dialect = source->delimiter || source->quote || source->escape ||
                         source->header != -1 || source->n_null_texts > 0;
    if (dialect && source->n_patterns > 0 && source->format != STRATA_FORMAT_CSV) {
        strata_complain(reader, source->place,
                        "delimiter, quote, escape, header and null are for CSV files, and these are "
                        "%s",
                        strata_word_of(&strata_words_format, (int)source->format));
    }
}

static void check_sources(struct reader *reader, struct strata_config *config)
{
    size_t n_keyed = 0;
    for (size_t i = 0; i < config->n_sources; i++) {
        struct strata_source *source = &config->source[i];
        check_source(reader, source);
        if (source->lookup) continue;
        n_keyed++;
        if (!config->key && source->key) {
            config->key = source->key;
            config->key_place = source->key_place;
        }
    }
    if (config->n_sources > 0 && n_keyed == 0) {
        strata_complain(reader, config->source[0].place,
                        "every source is a lookup: at least one must have customers, with a `key`");
    }
    if (config->n_sources > 1 && !config->sql_place.file) {
        strata_complain(reader, config->source[1].place,
                        "with more than one source, `customers` must say in SQL how one row per "
                        "customer is made of them");
    }
}

/* --- features --- */

static const char *label_of(struct reader *reader, const char *name)
{
    char *label = strata_keep_text(reader, name, strlen(name));
    for (char *c = label; c && *c; c++) {
        if (*c == '_') *c = ' ';
    }
    return label;
}

static void check_feature(struct reader *reader, struct strata_feature *feature)
{
    const enum strata_feature_type type = feature->type;
    const bool number = type == STRATA_NUMERIC || type == STRATA_COUNT;
    const bool levels = type == STRATA_ORDINAL || type == STRATA_NOMINAL;
    const char *word = strata_feature_type_word(type);
    if (!feature->label && feature->name) feature->label = label_of(reader, feature->name);
    if (!word) return; /* told already */
    if (type == STRATA_ORDINAL && feature->n_levels < 2) {
        strata_complain(reader, feature->place,
                        "an ordinal feature needs at least two `levels`, from low to high");
    }
    if (type == STRATA_BINARY && feature->n_levels > 0 && feature->n_levels != 2) {
        strata_complain(reader, feature->place,
                        "a binary feature has two `levels`, first that of no, then that of yes");
    } else if (number && feature->n_levels > 0) {
        strata_complain(reader, feature->place, "`levels` are for words, and this feature is %s",
                        word);
    }
    if (!levels && feature->missing == STRATA_MISSING_LEVEL) {
        strata_complain(reader, feature->place,
                        "`missing: level` is for ordinal and nominal features, and this one is %s",
                        word);
    }
    if (!number && feature->transform != STRATA_TRANSFORM_NONE) {
        strata_complain(reader, feature->place,
                        "`transform` is for numeric and count features, and this one is %s", word);
    }
}

/* A weight counts customers; it tells nothing about them that could be encoded or named. */
static void check_weight(struct reader *reader, const struct strata_config *config, size_t f)
{
    const struct strata_feature *feature = &config->feature[f];
    const struct strata_feature *first = &config->feature[strata_config_weight(config)];
    if (feature->type != STRATA_NUMERIC && feature->type != STRATA_COUNT &&
        strata_feature_type_word(feature->type))
        strata_complain(reader, feature->place,
                        "a feature with `role: weight` is numeric or count, and this one is %s",
                        strata_feature_type_word(feature->type));
    if (feature->transform != STRATA_TRANSFORM_NONE)
        strata_complain(reader, feature->place,
                        "a feature with `role: weight` has no `transform`: it counts customers");
    if (feature != first)
        strata_complain(reader, feature->place,
                        "only one feature has `role: weight`; the first is in line %d",
                        first->place.line);
}

size_t strata_config_weight(const struct strata_config *config)
{
    for (size_t f = 0; f < config->n_features; f++) {
        if (config->feature[f].role == STRATA_ROLE_WEIGHT) return f;
    }
    return SIZE_MAX;
}

double strata_model_tolerance(const struct strata_model_options *model, bool mixture)
{
    if (model->tolerance >= 0) return model->tolerance;
    return mixture ? MIXTURE_TOLERANCE : 0;
}

static void check_features(struct reader *reader, struct strata_config *config)
{
    size_t n_basis = 0;
    for (size_t i = 0; i < config->n_features; i++) {
        check_feature(reader, &config->feature[i]);
        n_basis += config->feature[i].role == STRATA_ROLE_BASIS;
        if (config->feature[i].role == STRATA_ROLE_WEIGHT) check_weight(reader, config, i);
    }
    if (config->n_features > 0 && n_basis == 0) {
        strata_complain(reader, config->features_place,
                        "no feature has `role: basis`, so there is nothing to cluster on");
    }
}

/* --- model, control, output --- */

static void check_model(struct reader *reader, const struct strata_model_options *model)
{
    const struct strata_place place =
        model->segments_place.file ? model->segments_place : model->place;
    if (model->k_from > model->k_to) {
        strata_complain(reader, place, "`segments` goes from %u to %u: the first must not be larger",
                        model->k_from, model->k_to);
        return;
    }
    const uint32_t candidates = (model->k_to - model->k_from + 1) * model->starts;
    if (candidates > STRATA_MAX_CANDIDATES) {
        strata_complain(reader, place,
                        "%u numbers of segments times %u starts are more than %d fits: "
                        "try fewer",
                        model->k_to - model->k_from + 1, model->starts, STRATA_MAX_CANDIDATES);
    }
    if (model->min_share * model->k_from > 1) {
        strata_complain(reader, place,
                        "%u segments cannot each have a share of at least %g: lower "
                        "`min_share` or `from`",
                        model->k_from, model->min_share);
    }
}

/* tcp://HOST:PORT with PORT a number or *.  Events are one port higher than requests. */
static bool has_port(const char *endpoint)
{
    const char *colon = strrchr(endpoint, ':');
    if (!colon || strcmp(colon, ":*") == 0) return colon != NULL;
    const size_t digits = strspn(colon + 1, "0123456789");
    if (digits < 1 || digits > 5 || colon[1 + digits] != '\0') return false;
    unsigned port = 0;
    for (size_t i = 1; i <= digits; i++) port = 10 * port + (unsigned)(colon[i] - '0');
    return port >= 1 && port <= 65534;
}

enum reach { REACH_NONE, REACH_HOST, REACH_NETWORK };

/* Who can reach tcp://HOST:PORT.  The host is an address, since names may come to mean another one; that of all
 * interfaces is none that a client could use. */
static enum reach reach_of(const char *endpoint)
{
    char host[64];
    const char *start = endpoint + strlen("tcp://");
    const char *colon = strrchr(start, ':');
    struct in_addr v4;
    struct in6_addr v6;
    if (!colon || (size_t)(colon - start) >= sizeof host) return REACH_NONE;
    const size_t length = (size_t)(colon - start);
    const bool brackets = length >= 2 && start[0] == '[' && start[length - 1] == ']';
    memcpy(host, start + brackets, length);
    host[length - (brackets ? 2 : 0)] = '\0';
    if (strcmp(host, "localhost") == 0) return REACH_HOST;
    if (!brackets && inet_pton(AF_INET, host, &v4) == 1 && v4.s_addr != INADDR_ANY)
        return ntohl(v4.s_addr) >> 24 == 127 ? REACH_HOST : REACH_NETWORK;
    if (!brackets || inet_pton(AF_INET6, host, &v6) != 1 || IN6_IS_ADDR_UNSPECIFIED(&v6))
        return REACH_NONE;
    return IN6_IS_ADDR_LOOPBACK(&v6) ? REACH_HOST : REACH_NETWORK;
}

#define NEEDS_KEYS                                                                                  \
    "is open to other hosts, which needs `keys`, a folder made by strata keygen; without keys use " \
    "ipc or tcp://127.0.0.1:*"

static void check_endpoint(struct reader *reader, const struct strata_config *config)
{
    const struct strata_place place = config->control_place;
    const char *endpoint = config->control_endpoint;
    const bool tcp = strncmp(endpoint, "tcp://", 6) == 0;
    const bool ipc = strcmp(endpoint, "ipc") == 0 || strncmp(endpoint, "ipc:///", 7) == 0;
    const enum reach reach = tcp ? reach_of(endpoint) : REACH_HOST;
    if (!tcp && !ipc)
        strata_complain(reader, place,
                        "`endpoint` must be ipc, ipc:///a/path, or tcp://ADDRESS:* with a port or *");
    else if (tcp && !has_port(endpoint))
        strata_complain(reader, place,
                        "`endpoint` must end with a port from 1 to 65534, or with :* for any");
    else if (reach == REACH_NONE)
        strata_complain(reader, place,
                        "`endpoint` must have one address of this host, as in tcp://127.0.0.1:*; "
                        "`interface` takes the name of a network interface");
    else if (reach == REACH_NETWORK && !config->control_keys)
        strata_complain(reader, place, "`endpoint` " NEEDS_KEYS);
}

static void check_control(struct reader *reader, const struct strata_config *config)
{
    const struct strata_place place = config->control_place;
    const uint32_t from = config->control_port_from, to = config->control_port_to;
    const char *endpoint = config->control_endpoint;
    check_endpoint(reader, config);
    if (config->control_interface && strcmp(endpoint, "ipc") != 0)
        strata_complain(reader, place, "`interface` stands instead of `endpoint`: leave one out");
    if (config->control_interface && !config->control_keys)
        strata_complain(reader, place, "`interface` " NEEDS_KEYS);
    if (!from != !to || (from && from >= to))
        strata_complain(reader, place, "`ports` needs `from` and `to`, and two ports at least");
    else if (from && !config->control_interface && !strstr(endpoint, ":*"))
        strata_complain(reader, place, "`ports` is for an `interface`, or an `endpoint` with :*");
}

static bool is_usable_name(const char *job)
{
    for (const char *c = job; *c; c++) {
        if (strchr("/\\:*?\"<>|", *c)) return false;
    }
    return job[0] != '.' && job[0] != '-' && job[0] != ' ';
}

static void settle_output(struct reader *reader, struct strata_config *config)
{
    if (config->job && !is_usable_name(config->job)) {
        strata_complain(reader, config->job_place,
                        "`job` must be usable as a folder's name: no / \\ : * ? \" < > "
                        "|, and no . - or space at its beginning");
    } else if (config->job && !config->output) {
        char path[160];
        (void)snprintf(path, sizeof path, "runs/%s", config->job);
        config->output = strata_keep_path(reader, path);
    }
}

void strata_config_check(struct reader *reader, struct strata_config *config)
{
    check_sources(reader, config);
    check_features(reader, config);
    check_model(reader, &config->model);
    if (config->control_on && config->control_endpoint) check_control(reader, config);
    settle_output(reader, config);
}
