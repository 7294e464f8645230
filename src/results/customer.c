/* One customer, looked up in the assignments by key.
 *
 * Parts are cut by partition, which is a function of the key, and are sorted by key: so one part holds the customer, and
 * of it few row groups are read, whose bounds admit the key. */
#include "strata/customer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "strata/file.h"
#include "strata/hash.h"
#include "strata/log.h"
#include "strata/reasons.h"

#include "customer_impl.h"

#define DUCK_BYTES (UINT64_C(256) << 20)
#define MODEL_BYTES \
    ((size_t)4 << 30) /* addresses only: the largest model fits, packed and unpacked */

struct strata_customers {
    struct strata_arena memory; /* of this struct */
    struct strata_duck *duck;
    const Strata__V1__Result *record;
    const char *directory;
    bool integer_keys;
    unsigned char secret[crypto_generichash_KEYBYTES]; /* the model's hash: in no log */
};

/* --- opening ------------------------------------------------------------------------------------ */

/* What the model knows of keys. */
static strata_status read_model(struct strata_customers *customers, struct strata_arena scratch,
                                struct strata_err *err)
{
    const char *path = strata_path_join(customers->directory, "model.pb", &scratch);
    char *bytes = NULL;
    size_t n_bytes = 0;
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
    STRATA_TRY(strata_file_read(path, STRATA_RECORD_BYTES_MAX, &scratch, &bytes, &n_bytes, err));
    const struct strata_blob blob = {(unsigned char *)bytes, n_bytes};
    const Strata__V1__Model *model = (const Strata__V1__Model *)strata_record_unpack(
        &strata__v1__model__descriptor, &blob, &scratch);
    if (!model) return STRATA_FAIL(err, STRATA_E_DATA, "%s: not a model of strata", path);
    customers->integer_keys = model->key_type == STRATA__V1__KEY_TYPE__KEY_TYPE_INTEGER;
    (void)crypto_generichash(customers->secret, sizeof customers->secret, blob.bytes, blob.n_bytes,
                             NULL, 0); /* cannot fail with these sizes */
    return STRATA_OK;
}

static strata_status open_assignments(struct strata_customers *customers, struct strata_err *err)
{
    struct strata_arena scratch = {0};
    const char *folder = strata_path_join(customers->directory, "assignments", &customers->memory);
    if (!folder) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
    if (access(folder, R_OK | X_OK) != 0)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                           "%s: %s; customers can be looked up only in a run directory that has kept "
                           "its assignments: run the job again to have them",
                           folder, strerror(errno));
    if (!strata_arena_init(&scratch, MODEL_BYTES))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no addresses for the model");
    strata_status status = read_model(customers, scratch, err);
    strata_arena_finish(&scratch);
    const struct strata_duck_options options = {.memory_bytes = DUCK_BYTES, .threads = 1};
    if (status == STRATA_OK) status = strata_duck_open(&options, &customers->duck, err);
    return status;
}

strata_status strata_customers_open(const char *directory, const Strata__V1__Result *record,
                                    struct strata_customers **out, struct strata_err *err)
{
    struct strata_arena memory;
    *out = NULL;
    if (!strata_arena_init(&memory, (size_t)1 << 20))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room to look up customers");
    struct strata_customers *customers = STRATA_NEW(&memory, struct strata_customers, 1);
    STRATA_REQUIRE(customers);
    customers->record = record;
    customers->directory = strata_arena_copy(&memory, directory, strlen(directory));
    customers->memory = memory;
    strata_status status = STRATA_OK;
    if (!customers->directory || sodium_init() < 0)
        status =
            STRATA_FAIL(err, STRATA_E_SYSTEM, "no room, or no random bytes, to look up customers");
    if (status == STRATA_OK) status = open_assignments(customers, err);
    if (status != STRATA_OK) strata_customers_close(&customers);
    *out = customers;
    return status;
}

void strata_customers_close(struct strata_customers **customers)
{
    struct strata_customers *gone = *customers;
    *customers = NULL;
    if (!gone) return;
    strata_duck_close(&gone->duck);
    struct strata_arena memory = gone->memory; /* holds the struct itself */
    strata_arena_finish(&memory);
}

/* --- finding ------------------------------------------------------------------------------------ */

/* The key as the ingest writes it; NULL in *out when no customer can have it. */
static strata_status canonical(struct strata_customers *customers, const char *key,
                               struct strata_arena *arena, char **out, struct strata_err *err)
{
    *out = NULL;
    if (customers->integer_keys) {
        char *end = NULL;
        errno = 0;
        const long long number = strtoll(key, &end, 10);
        if (end == key || *end != '\0' || errno != 0) return STRATA_OK;
        *out = strata_arena_print(arena, "%lld", number);
        return *out ? STRATA_OK : STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a key");
    }
    struct strata_duck_cursor cursor = {0};
    bool more = false;
    STRATA_TRY(strata_duck_query_with(customers->duck, &cursor, &key, 1, err,
                                      "select nfc_normalize($1::varchar)"));
    strata_status status = strata_duck_next(&cursor, &more, err);
    if (status == STRATA_OK && more) {
        size_t n = 0;
        const char *text = strata_duck_text(&cursor, 0, 0, &n);
        *out = strata_arena_copy(arena, text, n);
        if (!*out) status = STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a key");
    }
    strata_duck_cursor_finish(&cursor);
    return status;
}

/* The file that holds a key if any does. */
static const char *part_of(const struct strata_customers *customers, const char *key,
                           struct strata_arena *arena)
{
    const uint32_t n_parts = strata_part_count(customers->record->customers);
    const uint32_t partition = strata_partition_of(strata_hash(key, strlen(key)));
    return strata_arena_print(arena, "%s/assignments/part-%03u.parquet", customers->directory,
                              partition / (STRATA_PARTITION_COUNT / n_parts));
}

/* A column by its name; n_columns when the run, of an older strata, has none. */
static size_t column_of(const struct strata_duck_cursor *cursor, const char *name)
{
    size_t column = 0;
    while (column < cursor->n_columns && strcmp(cursor->column[column].name, name) != 0) column++;
    return column;
}

static double number_of(const struct strata_duck_cursor *cursor, const char *name)
{
    const size_t column = column_of(cursor, name);
    if (column == cursor->n_columns || !strata_duck_is_valid(cursor, column, 0)) return 0;
    const enum strata_duck_type type = cursor->column[column].type;
    return type == STRATA_DUCK_TEXT ? 0 : strata_duck_number(cursor, column, 0);
}

static const char *text_of(const struct strata_duck_cursor *cursor, const char *name,
                           struct strata_arena *arena)
{
    const size_t column = column_of(cursor, name);
    size_t n = 0;
    if (column == cursor->n_columns || !strata_duck_is_valid(cursor, column, 0) ||
        cursor->column[column].type != STRATA_DUCK_TEXT)
        return NULL;
    const char *text = strata_duck_text(cursor, column, 0, &n);
    return strata_arena_copy(arena, text, n);
}

static struct strata_found_customer read_row(const struct strata_duck_cursor *cursor,
                                             struct strata_arena *arena)
{
    static const char *const names[STRATA_REASONS_MAX][4] = {
        {"reason_1", "level_1", "value_1", "share_1"},
        {"reason_2", "level_2", "value_2", "share_2"},
        {"reason_3", "level_3", "value_3", "share_3"}};
    struct strata_found_customer found = {.any = true,
                                          .segment = (uint32_t)number_of(cursor, "segment"),
                                          .runner_up = (uint32_t)number_of(cursor, "runner_up"),
                                          .distance = number_of(cursor, "distance"),
                                          .posterior = number_of(cursor, "posterior"),
                                          .margin = number_of(cursor, "margin")};
    for (size_t i = 0; i < STRATA_REASONS_MAX; i++)
        found.reason[i] = (struct strata_kept_reason){.name = text_of(cursor, names[i][0], arena),
                                                      .level = text_of(cursor, names[i][1], arena),
                                                      .number = number_of(cursor, names[i][2]),
                                                      .share = number_of(cursor, names[i][3])};
    return found;
}

static strata_status find(struct strata_customers *customers, const char *key,
                          struct strata_arena *arena, struct strata_found_customer *found,
                          struct strata_err *err)
{
    const char *path = part_of(customers, key, arena);
    const char *file = path ? strata_duck_literal(path, arena) : NULL;
    if (!file) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the name of a part");
    struct strata_duck_cursor cursor = {0};
    bool more = false;
    STRATA_TRY(strata_duck_query_with(customers->duck, &cursor, &key, 1, err,
                                      "select * from read_parquet(%s) where key = $1 limit 1", file));
    const strata_status status = strata_duck_next(&cursor, &more, err);
    if (status == STRATA_OK && more) *found = read_row(&cursor, arena);
    strata_duck_cursor_finish(&cursor);
    return status;
}

/* --- the reply ---------------------------------------------------------------------------------- */

static void refuse(Strata__V1__Reply *reply, Strata__V1__Code code, const char *text)
{
    reply->code = code;
    reply->text = (char *)(uintptr_t)text; /* only packed */
    reply->body_case = STRATA__V1__REPLY__BODY__NOT_SET;
}

/* Strongest first, up to the first one that is not there. */
static void fill_reasons(struct strata_maker *maker, const Strata__V1__Result *record,
                         const struct strata_found_customer *found, Strata__V1__CustomerReply *out)
{
    size_t n = 0, room = 0;
    while (n < STRATA_REASONS_MAX && found->reason[n].name) n++;
    out->reasons = strata_maker_list(maker, &strata__v1__reason__descriptor, n, &room);
    while (out->n_reasons < room &&
           strata_reason_fill(maker, record, out, &found->reason[out->n_reasons],
                              out->reasons[out->n_reasons]))
        out->n_reasons++;
}

Strata__V1__CustomerReply *strata_customer_reply(const Strata__V1__Result *record,
                                                 const struct strata_found_customer *found,
                                                 struct strata_arena *arena)
{
    struct strata_maker maker = {.keep = arena};
    Strata__V1__CustomerReply *out =
        strata_maker_message(&maker, &strata__v1__customer_reply__descriptor);
    const bool is_of_record = found->segment > 0 && found->segment <= record->n_segments &&
                              found->runner_up <= record->n_segments;
    if (!out || !is_of_record) return NULL;
    const char *rival = found->runner_up ? record->segments[found->runner_up - 1]->name : NULL;
    const bool soft =
        record->evaluation && record->evaluation->has_log_likelihood_case ==
                                  STRATA__V1__EVALUATION__HAS_LOG_LIKELIHOOD_LOG_LIKELIHOOD;
    out->segment = found->segment;
    out->name = record->segments[found->segment - 1]->name;
    out->runner_up = found->runner_up;
    out->runner_up_name = strata_maker_text(&maker, rival);
    out->distance = found->distance;
    out->posterior = found->posterior;
    out->margin = found->margin;
    char *sureness = strata_sureness_sentence(soft, found->posterior, found->margin, rival, arena);
    if (sureness) out->sureness = sureness;
    if (rival) fill_reasons(&maker, record, found, out);
    return maker.full || !sureness ? NULL : out;
}

/* A hash of the key under the run's secret: the same customer gives the same one, and who has the log alone cannot find
 * the key by trying all. */
static void audit(const struct strata_customers *customers, const char *key, const char *who,
                  bool found)
{
    unsigned char hash[16];
    char hex[2 * sizeof hash + 1];
    (void)crypto_generichash(hash, sizeof hash, (const unsigned char *)key, strlen(key),
                             customers->secret, sizeof customers->secret); /* as above */
    (void)sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    STRATA_LOG(INFO, "audit.customer", "who=%s key_hash=%s found=%s", who[0] ? who : "unknown", hex,
               found ? "yes" : "no");
}

void strata_customers_answer(struct strata_customers *customers, const char *key, const char *who,
                             struct strata_arena *arena, Strata__V1__Reply *reply)
{
    struct strata_err err = {0};
    struct strata_found_customer found = {0};
    char *canonical_key = NULL;
    strata_status status = canonical(customers, key, arena, &canonical_key, &err);
    if (status == STRATA_OK && canonical_key)
        status = find(customers, canonical_key, arena, &found, &err);
    audit(customers, canonical_key ? canonical_key : key, who, found.any);
    if (status != STRATA_OK) {
        const char *text = strata_arena_copy(arena, err.text, strlen(err.text));
        refuse(reply,
               status == STRATA_E_USAGE ? STRATA__V1__CODE__CODE_BAD_REQUEST
                                        : STRATA__V1__CODE__CODE_INTERNAL,
               text ? text : "no room for the reply");
        return;
    }
    if (!found.any) {
        refuse(reply, STRATA__V1__CODE__CODE_NOT_FOUND, "no customer of this run has this key");
        return;
    }
    Strata__V1__CustomerReply *body = strata_customer_reply(customers->record, &found, arena);
    if (!body) {
        refuse(reply, STRATA__V1__CODE__CODE_INTERNAL,
               "no room for the reply, or the assignments are of another run than the record");
        return;
    }
    reply->code = STRATA__V1__CODE__CODE_OK;
    reply->body_case = STRATA__V1__REPLY__BODY_CUSTOMER;
    reply->customer = body;
}

strata_status strata_customer_look(const char *directory, const Strata__V1__Result *record,
                                   const char *key, struct strata_arena *arena,
                                   Strata__V1__Reply *reply, struct strata_err *err)
{
    char who[32];
    struct strata_customers *customers = NULL;
    const char *log = strata_path_join(directory, "log.jsonl", arena);
    if (!log) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a path");
    (void)snprintf(who, sizeof who, "uid:%ld", (long)getuid());
    STRATA_TRY(strata_customers_open(directory, record, &customers, err));
    const strata_status status = strata_log_open(log, err);
    if (status == STRATA_OK) strata_customers_answer(customers, key, who, arena, reply);
    strata_log_close();
    strata_customers_close(&customers);
    return status;
}
