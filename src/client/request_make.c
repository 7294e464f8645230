/* Requests: the message that belongs to a question, and what it is about. */
#include "client_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/protocol_limits.h"

#define COLUMNS_MOST 512
#define CUSTOMERS_MOST 4096
#define EXPLAINED_MOST 64

/* A question's kind of request; its reply's body has the same number. */
static const Strata__V1__Request__BodyCase kinds[STRATA_QUESTION_COUNT] = {
    [STRATA_ASK_HELLO] = STRATA__V1__REQUEST__BODY_HELLO,
    [STRATA_ASK_STATUS] = STRATA__V1__REQUEST__BODY_GET_STATUS,
    [STRATA_ASK_SEGMENTS] = STRATA__V1__REQUEST__BODY_GET_SEGMENTS,
    [STRATA_ASK_SEGMENT] = STRATA__V1__REQUEST__BODY_GET_SEGMENT,
    [STRATA_ASK_PERSONAS] = STRATA__V1__REQUEST__BODY_GET_PERSONAS,
    [STRATA_ASK_PERSONA] = STRATA__V1__REQUEST__BODY_GET_PERSONA,
    [STRATA_ASK_STOP] = STRATA__V1__REQUEST__BODY_STOP,
    [STRATA_ASK_CHECKPOINT] = STRATA__V1__REQUEST__BODY_CHECKPOINT,
    [STRATA_ASK_PAUSE] = STRATA__V1__REQUEST__BODY_PAUSE,
    [STRATA_ASK_RESUME] = STRATA__V1__REQUEST__BODY_RESUME,
    [STRATA_ASK_CANCEL] = STRATA__V1__REQUEST__BODY_CANCEL,
    [STRATA_ASK_SET] = STRATA__V1__REQUEST__BODY_SET,
    [STRATA_ASK_CUSTOMER] = STRATA__V1__REQUEST__BODY_GET_CUSTOMER,
    [STRATA_ASK_HEALTH] = STRATA__V1__REQUEST__BODY_GET_HEALTH,
    [STRATA_ASK_EVALUATION] = STRATA__V1__REQUEST__BODY_GET_EVALUATION,
    [STRATA_ASK_QUALITY] = STRATA__V1__REQUEST__BODY_GET_QUALITY,
    [STRATA_ASK_MANIFEST] = STRATA__V1__REQUEST__BODY_GET_MANIFEST,
    [STRATA_ASK_METRICS] = STRATA__V1__REQUEST__BODY_GET_METRICS,
    [STRATA_ASK_SNAPSHOT] = STRATA__V1__REQUEST__BODY_GET_SNAPSHOT,
    [STRATA_ASK_EVENTS] = STRATA__V1__REQUEST__BODY_GET_EVENTS,
    [STRATA_ASK_ASSIGN] = STRATA__V1__REQUEST__BODY_ASSIGN,
    [STRATA_ASK_EXPLAIN] = STRATA__V1__REQUEST__BODY_EXPLAIN,
};

int strata_question_number(enum strata_question question)
{
    return (int)kinds[question];
}

bool strata_question_is_command(enum strata_question question)
{
    return question >= STRATA_ASK_STOP && question <= STRATA_ASK_SET;
}

/* "3" is a number, anything else a name; a name that is too long is refused by the server as unknown. */
static uint32_t read_which(const char *which, char name[STRATA_REQUEST_NAME_BYTES_MAX + 1])
{
    char *end = NULL;
    const unsigned long id = strtoul(which, &end, 10);
    if (which[0] >= '0' && which[0] <= '9' && *end == '\0' && id <= UINT32_MAX && id > 0)
        return (uint32_t)id;
    (void)snprintf(name, STRATA_REQUEST_NAME_BYTES_MAX + 1, "%s", which); /* a cut name is nobody's */
    return 0;
}

/* --- what set takes ------------------------------------------------------------------------------- */

static bool read_count(const char *text, char end, uint32_t *count, const char **rest)
{
    char *after = NULL;
    const unsigned long value = strtoul(text, &after, 10);
    *rest = after;
    *count = (uint32_t)value;
    return text[0] >= '1' && text[0] <= '9' && value <= 1000000 && (*after == '\0' || *after == end);
}

static bool read_level(const char *text, Strata__V1__LogLevel *level)
{
    static const char *const words[] = {"error", "warn", "info", "debug"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]) != 0) continue;
        *level = (Strata__V1__LogLevel)(STRATA__V1__LOG_LEVEL__LOG_LEVEL_ERROR + i);
        return true;
    }
    return false;
}

/* "drop=5/2" as the message; false when it is none of what can be set. */
static bool read_setting(const char *key, size_t n_key, const char *value,
                         struct strata_request_room *room)
{
    const char *rest = "";
    char *end = NULL;
    Strata__V1__Set *set = &room->body.set;
#define IS(word) (n_key == strlen(word) && strncmp(key, (word), n_key) == 0)
    if (IS("tolerance")) {
        set->what_case = STRATA__V1__SET__WHAT_TOLERANCE;
        set->tolerance = strtod(value, &end);
        return end != value && *end == '\0';
    }
    if (IS("max_iter")) {
        set->what_case = STRATA__V1__SET__WHAT_MAX_ITER;
        return read_count(value, '\0', &set->max_iter, &rest);
    }
    if (IS("freeze")) {
        set->what_case = STRATA__V1__SET__WHAT_FREEZE_K;
        return read_count(value, '\0', &set->freeze_k, &rest);
    }
    if (IS("log_level")) {
        set->what_case = STRATA__V1__SET__WHAT_LOG_LEVEL;
        return read_level(value, &set->log_level);
    }
    set->what_case = STRATA__V1__SET__WHAT_DROP;
    set->drop = &room->drop;
    strata__v1__drop__init(&room->drop);
    return IS("drop") && read_count(value, '/', &room->drop.k, &rest) &&
           (*rest == '\0' || read_count(rest + 1, '\0', &room->drop.start, &rest));
#undef IS
}

static strata_status fill_set(const char *which, struct strata_request_room *room,
                              struct strata_err *err)
{
    const char *equals = strchr(which, '=');
    if (equals && read_setting(which, (size_t)(equals - which), equals + 1, room)) return STRATA_OK;
    return STRATA_FAIL(
        err, STRATA_E_USAGE,
        "%s cannot be set; use tolerance=X, max_iter=N, drop=K or drop=K/START, freeze=K "
        "or log_level=error|warn|info|debug",
        which);
}

/* --- new customers -------------------------------------------------------------------------------- */

/* The texts of a column; those that are missing go into a list of their own. */
static bool fill_texts(const char *const *text, size_t n, struct strata_arena *keep,
                       Strata__V1__Column *column)
{
    char **texts = STRATA_NEW(keep, char *, n);
    uint32_t *missing = STRATA_NEW(keep, uint32_t, n);
    if (!texts || !missing) return false;
    for (size_t i = 0; i < n; i++) {
        texts[i] = (char *)(uintptr_t)(text[i] ? text[i] : ""); /* only packed */
        if (!text[i]) missing[column->n_missing++] = (uint32_t)i;
    }
    column->texts = texts;
    column->n_texts = n;
    column->missing = missing;
    return true;
}

static Strata__V1__Column **columns_of(const struct strata_ask_batch *batch,
                                       struct strata_arena *keep)
{
    Strata__V1__Column *column = STRATA_NEW(keep, Strata__V1__Column, batch->n_columns);
    Strata__V1__Column **list = STRATA_NEW(keep, Strata__V1__Column *, batch->n_columns);
    if (!column || !list) return NULL;
    for (size_t i = 0; i < batch->n_columns; i++) {
        const struct strata_ask_column *given = &batch->column[i];
        strata__v1__column__init(&column[i]);
        column[i].feature = (char *)(uintptr_t)given->feature; /* only packed, as all of these */
        column[i].numbers = (double *)(uintptr_t)given->number;
        column[i].n_numbers = given->number ? batch->n_customers : 0;
        if (given->text && !fill_texts(given->text, batch->n_customers, keep, &column[i]))
            return NULL;
        list[i] = &column[i];
    }
    return list;
}

static strata_status fill_batch(const struct strata_ask_batch *batch, enum strata_question question,
                                struct strata_arena *keep, struct strata_request_room *room,
                                struct strata_err *err)
{
    const bool explain = question == STRATA_ASK_EXPLAIN;
    const size_t most = explain ? EXPLAINED_MOST : CUSTOMERS_MOST;
    if (batch->n_columns > COLUMNS_MOST || batch->n_customers > most)
        return STRATA_FAIL(err, STRATA_E_USAGE, "a batch has at most %zu customers and %d columns",
                           most, COLUMNS_MOST);
    Strata__V1__Column **columns = columns_of(batch, keep);
    if (!columns) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the customers");
    if (explain) {
        room->body.explain.columns = columns;
        room->body.explain.n_columns = batch->n_columns;
        room->body.explain.customers = (uint32_t)batch->n_customers;
    } else {
        room->body.assign.columns = columns;
        room->body.assign.n_columns = batch->n_columns;
        room->body.assign.customers = (uint32_t)batch->n_customers;
        room->body.assign.details = batch->details;
    }
    return STRATA_OK;
}

/* --- requests ------------------------------------------------------------------------------------- */

/* What the body says beyond its kind. */
static strata_status fill_body(const struct strata_asking *asking, struct strata_arena *keep,
                               struct strata_request_room *room, struct strata_err *err)
{
    static char client[] = "strata-client " STRATA_VERSION;
    switch ((int)asking->question) {
    case STRATA_ASK_HELLO:
        room->body.hello.client = client;
        return STRATA_OK;
    case STRATA_ASK_SEGMENT:
        room->body.segment.id = read_which(asking->which, room->which);
        room->body.segment.name = room->which;
        return STRATA_OK;
    case STRATA_ASK_PERSONA:
        room->body.persona.id = read_which(asking->which, room->which);
        room->body.persona.name = room->which;
        return STRATA_OK;
    case STRATA_ASK_CUSTOMER:
        room->body.customer.key = (char *)(uintptr_t)asking->which; /* only packed */
        return STRATA_OK;
    case STRATA_ASK_EVENTS:
        room->body.events.after = strtoull(asking->which, NULL, 10);
        return STRATA_OK;
    case STRATA_ASK_SET:
        return fill_set(asking->which, room, err);
    case STRATA_ASK_ASSIGN:
    case STRATA_ASK_EXPLAIN:
        return fill_batch(asking->batch, asking->question, keep, room, err);
    default:
        return STRATA_OK; /* the others are their kind and nothing else */
    }
}

/* All bodies are pointers in one union: the message of a kind goes where its field lies. */
static void point_at_body(Strata__V1__Request *request, Strata__V1__Request__BodyCase kind,
                          struct strata_request_room *room)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(&strata__v1__request__descriptor, (unsigned)kind);
    STRATA_REQUIRE(field);
    protobuf_c_message_init(field->descriptor, &room->body);
    void *body = &room->body;
    memcpy((unsigned char *)request + field->offset, &body, sizeof body);
    request->body_case = kind;
}

strata_status strata_request_make(struct strata_client *client, const struct strata_asking *asking,
                                  struct strata_arena *keep, struct strata_request_room *room,
                                  Strata__V1__Request *request, struct strata_err *err)
{
    strata__v1__request__init(request);
    request->id = client->next_id++;
    /* the server tells that a command has not yet taken effect while somebody listens */
    request->deadline_ms = (uint32_t)(client->timeout_ms - client->timeout_ms / 5);
    request->piece = strata_question_is_command(asking->question) ? 0 : 1; /* if it is too long */
    point_at_body(request, kinds[asking->question], room);
    return fill_body(asking, keep, room, err);
}
