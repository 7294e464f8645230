/* Questions as one call: the request is made, sent (or answered from the record), the reply unpacked and viewed. */
#include "client_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/file.h"
#include "strata/protocol_limits.h"
#include "strata/record.h"

#define RECORD_BYTES_MAX ((size_t)256 << 20)

/* All bodies that a question may need, so that the request can point at them. */
struct bodies {
    Strata__V1__Hello hello;
    Strata__V1__GetStatus status;
    Strata__V1__GetSegments segments;
    Strata__V1__GetSegment segment;
    Strata__V1__GetPersonas personas;
    Strata__V1__GetPersona persona;
    Strata__V1__Stop stop;
    Strata__V1__Checkpoint checkpoint;
    Strata__V1__GetCustomer customer;
    Strata__V1__Pause pause;
    Strata__V1__Resume resume;
    Strata__V1__Cancel cancel;
    Strata__V1__Set set;
    Strata__V1__Drop drop;
    char which[STRATA_REQUEST_NAME_BYTES_MAX + 1];
};

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
static bool read_setting(const char *key, size_t n_key, const char *value, struct bodies *body)
{
    const char *rest = "";
    char *end = NULL;
    Strata__V1__Set *set = &body->set;
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
    set->drop = &body->drop;
    strata__v1__drop__init(&body->drop);
    return IS("drop") && read_count(value, '/', &body->drop.k, &rest) &&
           (*rest == '\0' || read_count(rest + 1, '\0', &body->drop.start, &rest));
#undef IS
}

static strata_status read_set(const char *which, struct bodies *body, struct strata_err *err)
{
    const char *equals = strchr(which, '=');
    strata__v1__set__init(&body->set);
    if (equals && read_setting(which, (size_t)(equals - which), equals + 1, body)) return STRATA_OK;
    return STRATA_FAIL(
        err, STRATA_E_USAGE,
        "%s cannot be set; use tolerance=X, max_iter=N, drop=K or drop=K/START, freeze=K "
        "or log_level=error|warn|info|debug",
        which);
}

static void fill_command(Strata__V1__Request *request, enum strata_question question,
                         struct bodies *body)
{
    switch ((int)question) {
    case STRATA_ASK_STOP:
        strata__v1__stop__init(&body->stop);
        request->body_case = STRATA__V1__REQUEST__BODY_STOP;
        request->stop = &body->stop;
        break;
    case STRATA_ASK_CHECKPOINT:
        strata__v1__checkpoint__init(&body->checkpoint);
        request->body_case = STRATA__V1__REQUEST__BODY_CHECKPOINT;
        request->checkpoint = &body->checkpoint;
        break;
    case STRATA_ASK_PAUSE:
        strata__v1__pause__init(&body->pause);
        request->body_case = STRATA__V1__REQUEST__BODY_PAUSE;
        request->pause = &body->pause;
        break;
    case STRATA_ASK_RESUME:
        strata__v1__resume__init(&body->resume);
        request->body_case = STRATA__V1__REQUEST__BODY_RESUME;
        request->resume = &body->resume;
        break;
    case STRATA_ASK_CANCEL:
        strata__v1__cancel__init(&body->cancel);
        request->body_case = STRATA__V1__REQUEST__BODY_CANCEL;
        request->cancel = &body->cancel;
        break;
    case STRATA_ASK_SET:
        request->body_case = STRATA__V1__REQUEST__BODY_SET;
        request->set = &body->set; /* read_set has filled it */
        break;
    default:
        break;
    }
}

static void fill_request(Strata__V1__Request *request, enum strata_question question,
                         const char *which, struct bodies *body)
{
    static char client[] = "strata-client " STRATA_VERSION;
    switch (question) {
    case STRATA_ASK_HELLO:
        strata__v1__hello__init(&body->hello);
        body->hello.client = client;
        request->body_case = STRATA__V1__REQUEST__BODY_HELLO;
        request->hello = &body->hello;
        return;
    case STRATA_ASK_STATUS:
        strata__v1__get_status__init(&body->status);
        request->body_case = STRATA__V1__REQUEST__BODY_GET_STATUS;
        request->get_status = &body->status;
        return;
    case STRATA_ASK_SEGMENTS:
        strata__v1__get_segments__init(&body->segments);
        request->body_case = STRATA__V1__REQUEST__BODY_GET_SEGMENTS;
        request->get_segments = &body->segments;
        return;
    case STRATA_ASK_SEGMENT:
        strata__v1__get_segment__init(&body->segment);
        body->segment.id = read_which(which, body->which);
        body->segment.name = body->which;
        request->body_case = STRATA__V1__REQUEST__BODY_GET_SEGMENT;
        request->get_segment = &body->segment;
        return;
    case STRATA_ASK_PERSONAS:
        strata__v1__get_personas__init(&body->personas);
        request->body_case = STRATA__V1__REQUEST__BODY_GET_PERSONAS;
        request->get_personas = &body->personas;
        return;
    case STRATA_ASK_PERSONA:
        strata__v1__get_persona__init(&body->persona);
        body->persona.id = read_which(which, body->which);
        body->persona.name = body->which;
        request->body_case = STRATA__V1__REQUEST__BODY_GET_PERSONA;
        request->get_persona = &body->persona;
        return;
    case STRATA_ASK_STOP:
    case STRATA_ASK_CHECKPOINT:
    case STRATA_ASK_PAUSE:
    case STRATA_ASK_RESUME:
    case STRATA_ASK_CANCEL:
    case STRATA_ASK_SET:
        fill_command(request, question, body);
        return;
    case STRATA_ASK_CUSTOMER:
        strata__v1__get_customer__init(&body->customer);
        body->customer.key = (char *)(uintptr_t)which; /* only packed */
        request->body_case = STRATA__V1__REQUEST__BODY_GET_CUSTOMER;
        request->get_customer = &body->customer;
        return;
    case STRATA_QUESTION_COUNT:
        break;
    }
    STRATA_REQUIRE(question < STRATA_QUESTION_COUNT);
}

/* --- answers of a finished run ------------------------------------------------------------------ */

strata_status strata_client_open_record(struct strata_client *client, const char *directory,
                                        struct strata_err *err)
{
    struct strata_arena *memory = &client->memory;
    const char *manifest = strata_path_join(directory, "manifest.json", memory);
    const char *path = strata_path_join(directory, "result.pb", memory);
    char *bytes = NULL;
    size_t n_bytes = 0;
    struct strata_err reading = {0};
    if (!manifest || !path)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the run's record");
    /* the manifest is written last: without it the run is not finished, whatever else is there */
    char *seal = NULL;
    size_t n_seal = 0;
    if (strata_file_read(manifest, RECORD_BYTES_MAX, memory, &seal, &n_seal, &reading) != STRATA_OK)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "%s: not a finished run", directory);
    STRATA_TRY(strata_file_read(path, RECORD_BYTES_MAX, memory, &bytes, &n_bytes, err));
    client->directory = strata_arena_copy(memory, directory, strlen(directory));
    if (!client->directory)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the run's record");
    client->record = strata_unpack(&strata__v1__result__descriptor, bytes, n_bytes, memory);
    if (!client->record) return STRATA_FAIL(err, STRATA_E_DATA, "%s: not a record of strata", path);
    return STRATA_OK;
}

static strata_status look_offline(const struct strata_client *client,
                                  const Strata__V1__Request *request, struct strata_arena *keep,
                                  Strata__V1__Reply *reply, struct strata_err *err)
{
    const char *key = request->get_customer->key;
    if (!client->look)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                           "customers of a finished run are told by `strata serve` or `stratactl`");
    if (strlen(key) > STRATA_REQUEST_KEY_BYTES_MAX)
        return STRATA_FAIL(err, STRATA_E_USAGE, "a customer's key has at most %d bytes",
                           STRATA_REQUEST_KEY_BYTES_MAX);
    return client->look(client->directory, client->record, key, keep, reply, err);
}

static strata_status answer_offline(const struct strata_client *client,
                                    const Strata__V1__Request *request, struct strata_arena *keep,
                                    Strata__V1__Reply **out, struct strata_err *err)
{
    Strata__V1__Reply *reply = STRATA_NEW(keep, Strata__V1__Reply, 1);
    Strata__V1__JobStatus *status = STRATA_NEW(keep, Strata__V1__JobStatus, 1);
    if (!reply || !status) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the answer");
    strata__v1__reply__init(reply);
    reply->id = request->id;
    *out = reply;
    if (request->body_case == STRATA__V1__REQUEST__BODY_GET_CUSTOMER)
        return look_offline(client, request, keep, reply, err);
    if (strata_record_answer(client->record, request, keep, reply)) return STRATA_OK;
    if (request->body_case != STRATA__V1__REQUEST__BODY_GET_STATUS)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                           "the job is over (DONE): there is nothing left to steer");
    strata_record_status_fill(client->record, status);
    reply->body_case = STRATA__V1__REPLY__BODY_STATUS;
    reply->status = status;
    return STRATA_OK;
}

/* --- answers of a server ------------------------------------------------------------------------ */

static strata_status answer_online(struct strata_client *client, const Strata__V1__Request *request,
                                   struct strata_arena *keep, Strata__V1__Reply **out,
                                   struct strata_err *err)
{
    const size_t n_request = strata__v1__request__get_packed_size(request);
    unsigned char *packed = STRATA_NEW(keep, unsigned char, n_request);
    if (!packed) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the request");
    (void)strata__v1__request__pack(request, packed); /* its size is known */
    unsigned char *bytes = NULL;
    size_t n_bytes = 0;
    STRATA_TRY(
        strata_client_ask(client, packed, n_request, request->id, keep, &bytes, &n_bytes, err));
    *out = strata_unpack(&strata__v1__reply__descriptor, bytes, n_bytes, keep);
    if (!*out)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s: the reply is not one of strata's",
                           client->channel.requests);
    return STRATA_OK;
}

static const struct {
    Strata__V1__Code code;
    strata_status status;
    const char *word;
} refusals[] = {
    {STRATA__V1__CODE__CODE_BAD_REQUEST, STRATA_E_USAGE, "bad request"},
    {STRATA__V1__CODE__CODE_UNKNOWN_REQUEST, STRATA_E_UNAVAILABLE,
     "the server is older and does not know this"},
    {STRATA__V1__CODE__CODE_NOT_FOUND, STRATA_E_NO_INPUT, "not found"},
    {STRATA__V1__CODE__CODE_UNAVAILABLE, STRATA_E_UNAVAILABLE, "unavailable"},
    {STRATA__V1__CODE__CODE_BUSY, STRATA_E_AGAIN, "busy"},
    {STRATA__V1__CODE__CODE_ACCEPTED, STRATA_E_AGAIN, "accepted, but not yet in effect"},
    {STRATA__V1__CODE__CODE_TOO_LARGE, STRATA_E_DATA, "the reply is too large"},
    {STRATA__V1__CODE__CODE_FORBIDDEN, STRATA_E_PERMISSION, "your role does not allow this"},
};

/* The status of a reply that is no answer, with the server's own sentence. */
static strata_status refusal(const Strata__V1__Reply *reply, struct strata_err *err)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        if (reply->code != refusals[i].code) continue;
        return STRATA_FAIL(err, refusals[i].status, "%s",
                           reply->text[0] ? reply->text : refusals[i].word);
    }
    return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "the server could not answer: %s",
                       reply->text[0] ? reply->text : "it did not say why");
}

/* Fill the views that belong to the reply's body. */
static bool view_body(const Strata__V1__Reply *reply, struct strata_arena *keep,
                      struct strata_answer *answer)
{
    struct strata_segments_view *view = &answer->segments;
    switch ((int)reply->body_case) {
    case STRATA__V1__REPLY__BODY_STATUS:
        strata_view_job(reply->status, &answer->job);
        return true;
    case STRATA__V1__REPLY__BODY_SEGMENTS:
        return strata_view_segments(reply->segments, keep, view);
    case STRATA__V1__REPLY__BODY_SEGMENT:
        return strata_view_personas(&reply->segment->segment, reply->segment->segment ? 1 : 0, keep,
                                    view);
    case STRATA__V1__REPLY__BODY_PERSONAS:
        return strata_view_personas(reply->personas->personas, reply->personas->n_personas, keep,
                                    view);
    case STRATA__V1__REPLY__BODY_PERSONA:
        return strata_view_personas(&reply->persona->persona, reply->persona->persona ? 1 : 0, keep,
                                    view);
    case STRATA__V1__REPLY__BODY_STOP:
        answer->iteration = reply->stop->iteration;
        return true;
    case STRATA__V1__REPLY__BODY_CHECKPOINT:
        answer->iteration = reply->checkpoint->iteration;
        return true;
    case STRATA__V1__REPLY__BODY_PAUSE:
        answer->iteration = reply->pause->iteration;
        return true;
    case STRATA__V1__REPLY__BODY_RESUME:
        answer->iteration = reply->resume->iteration;
        return true;
    case STRATA__V1__REPLY__BODY_CANCEL:
        answer->iteration = reply->cancel->iteration;
        return true;
    case STRATA__V1__REPLY__BODY_SET:
        answer->iteration = reply->set->iteration;
        return true;
    case STRATA__V1__REPLY__BODY_CUSTOMER:
        strata_view_customer(reply->customer, &answer->customer);
        return true;
    default:
        return true; /* the others say all in their message */
    }
}

static Strata__V1__Reply__BodyCase expected_body(enum strata_question question)
{
    static const Strata__V1__Reply__BodyCase body[STRATA_QUESTION_COUNT] = {
        [STRATA_ASK_HELLO] = STRATA__V1__REPLY__BODY_HELLO,
        [STRATA_ASK_STATUS] = STRATA__V1__REPLY__BODY_STATUS,
        [STRATA_ASK_SEGMENTS] = STRATA__V1__REPLY__BODY_SEGMENTS,
        [STRATA_ASK_SEGMENT] = STRATA__V1__REPLY__BODY_SEGMENT,
        [STRATA_ASK_PERSONAS] = STRATA__V1__REPLY__BODY_PERSONAS,
        [STRATA_ASK_PERSONA] = STRATA__V1__REPLY__BODY_PERSONA,
        [STRATA_ASK_STOP] = STRATA__V1__REPLY__BODY_STOP,
        [STRATA_ASK_CHECKPOINT] = STRATA__V1__REPLY__BODY_CHECKPOINT,
        [STRATA_ASK_CUSTOMER] = STRATA__V1__REPLY__BODY_CUSTOMER,
        [STRATA_ASK_PAUSE] = STRATA__V1__REPLY__BODY_PAUSE,
        [STRATA_ASK_RESUME] = STRATA__V1__REPLY__BODY_RESUME,
        [STRATA_ASK_CANCEL] = STRATA__V1__REPLY__BODY_CANCEL,
        [STRATA_ASK_SET] = STRATA__V1__REPLY__BODY_SET,
    };
    return body[question];
}

/* Say which server is meant, so that a command that comes late, or again, changes nothing in another one. */
static strata_status address_server(struct strata_client *client, enum strata_question question,
                                    Strata__V1__Request *request, struct strata_arena *keep,
                                    struct strata_err *err)
{
    if (client->record || question == STRATA_ASK_HELLO) return STRATA_OK;
    if (!client->channel.incarnation[0]) {
        struct strata_answer answer;
        STRATA_TRY(strata_client_question(client, STRATA_ASK_HELLO, NULL, keep, &answer, err));
        client->channel.incarnation =
            strata_arena_copy(&client->memory, answer.incarnation, strlen(answer.incarnation));
    }
    request->incarnation = (char *)(uintptr_t)client->channel.incarnation; /* only packed */
    if (!request->incarnation) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for an answer");
    return STRATA_OK;
}

strata_status strata_client_question(struct strata_client *client, enum strata_question question,
                                     const char *which, struct strata_arena *keep,
                                     struct strata_answer *answer, struct strata_err *err)
{
    STRATA_REQUIRE((unsigned)question < STRATA_QUESTION_COUNT);
    STRATA_REQUIRE(which || (question != STRATA_ASK_SEGMENT && question != STRATA_ASK_PERSONA &&
                             question != STRATA_ASK_CUSTOMER && question != STRATA_ASK_SET));
    struct bodies bodies = {.which = ""};
    Strata__V1__Request request;
    Strata__V1__Reply *reply = NULL;
    strata__v1__request__init(&request);
    request.id = client->next_id++;
    /* the server tells that a command has not yet taken effect while somebody listens */
    request.deadline_ms = (uint32_t)(client->timeout_ms - client->timeout_ms / 5);
    if (question == STRATA_ASK_SET) STRATA_TRY(read_set(which, &bodies, err));
    fill_request(&request, question, which, &bodies);
    STRATA_TRY(address_server(client, question, &request, keep, err));
    if (client->record)
        STRATA_TRY(answer_offline(client, &request, keep, &reply, err));
    else
        STRATA_TRY(answer_online(client, &request, keep, &reply, err));
    STRATA_REQUIRE(reply);
    *answer = (struct strata_answer){.seq = reply->seq,
                                     .incarnation = reply->incarnation,
                                     .text = reply->text,
                                     .message = &reply->base};
    answer->segments.job = "";
    if (reply->code != STRATA__V1__CODE__CODE_OK) return refusal(reply, err);
    if (reply->body_case != expected_body(question))
        return STRATA_FAIL(err, STRATA_E_DATA, "the server answered something that was not asked");
    if (!view_body(reply, keep, answer))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the answer");
    return STRATA_OK;
}
