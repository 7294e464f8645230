/* Questions as one call: the request is made, sent (or answered from the record), the reply unpacked and viewed. */
#include "client_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/file.h"
#include "strata/record.h"

#define PIECES_MOST 1024
#define ROUNDS_MOST 3 /* of collecting pieces, when the job goes on meanwhile */

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
    if (strata_file_read(manifest, STRATA_RECORD_BYTES_MAX, memory, &seal, &n_seal, &reading) !=
        STRATA_OK)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE, "%s: not a finished run", directory);
    STRATA_TRY(strata_file_read(path, STRATA_RECORD_BYTES_MAX, memory, &bytes, &n_bytes, err));
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
    if (!client->want.look)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                           "customers of a finished run are told by `strata serve` or `stratactl`");
    if (strlen(key) > STRATA_REQUEST_KEY_BYTES_MAX)
        return STRATA_FAIL(err, STRATA_E_USAGE, "a customer's key has at most %d bytes",
                           STRATA_REQUEST_KEY_BYTES_MAX);
    return client->want.look(client->directory, client->record, key, keep, reply, err);
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
    const bool scores = request->body_case == STRATA__V1__REQUEST__BODY_ASSIGN ||
                        request->body_case == STRATA__V1__REQUEST__BODY_EXPLAIN;
    if (scores && client->want.score)
        return client->want.score(client->directory, client->record, request, keep, reply, err);
    if (request->body_case == STRATA__V1__REQUEST__BODY_GET_MANIFEST) {
        reply->code = STRATA__V1__CODE__CODE_OK;
        reply->body_case = STRATA__V1__REPLY__BODY_MANIFEST;
        return strata_manifest_read(client->directory, keep, &reply->manifest, err);
    }
    if (strata_record_answer(client->record, request, keep, reply)) return STRATA_OK;
    if (request->body_case != STRATA__V1__REQUEST__BODY_GET_STATUS)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                           request->piece == 0 /* a command */
                               ? "the job is over (DONE): there is nothing left to steer"
                               : "the job is over (DONE) and no server is there: start strata serve");
    strata_record_status_fill(client->record, status);
    reply->body_case = STRATA__V1__REPLY__BODY_STATUS;
    reply->status = status;
    return STRATA_OK;
}

/* --- answers of a server ------------------------------------------------------------------------ */

/* One exchange with the server that the client is connected to. */
static strata_status exchange(struct strata_client *client, const Strata__V1__Request *request,
                              struct strata_arena *keep, Strata__V1__Reply **out,
                              struct strata_err *err)
{
    const size_t n_request = strata__v1__request__get_packed_size(request);
    if (n_request > STRATA_REQUEST_BYTES_MAX)
        return STRATA_FAIL(err, STRATA_E_USAGE,
                           "the request has %zu bytes, %d are the most: ask about fewer customers",
                           n_request, STRATA_REQUEST_BYTES_MAX);
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

/* The pieces of a reply whose first one is there, one after the other; *whole is NULL when the job has gone on meanwhile,
 * so that they do not belong together. */
static strata_status collect(struct strata_client *client, Strata__V1__Request *request,
                             const Strata__V1__Reply *first, struct strata_arena *keep,
                             Strata__V1__Reply **whole, struct strata_err *err)
{
    const uint32_t n = first->pieces;
    *whole = NULL;
    if (n > PIECES_MOST || (size_t)n * first->piece.len > STRATA_RECORD_BYTES_MAX)
        return STRATA_FAIL(err, STRATA_E_DATA, "the reply has %u pieces: that is too much", n);
    const size_t most = (size_t)n * first->piece.len; /* all but the last are as long */
    unsigned char *bytes = STRATA_NEW(keep, unsigned char, most);
    if (!bytes) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the answer");
    const Strata__V1__Reply *piece = first;
    size_t n_bytes = 0;
    for (uint32_t number = 1;; number++) {
        if (piece->seq != first->seq || piece->pieces != n ||
            strcmp(piece->incarnation, first->incarnation) != 0)
            return STRATA_OK;
        if (piece->piece.len > most - n_bytes)
            return STRATA_FAIL(err, STRATA_E_DATA, "the pieces of the reply do not fit together");
        memcpy(bytes + n_bytes, piece->piece.data, piece->piece.len);
        n_bytes += piece->piece.len;
        if (number == n) break;
        struct strata_arena scratch = *keep; /* the next piece lies where the last one lay */
        Strata__V1__Reply *next = NULL;
        request->id = client->next_id++;
        request->piece = number + 1;
        STRATA_TRY(exchange(client, request, &scratch, &next, err));
        piece = next;
    }
    *whole = strata_unpack(&strata__v1__reply__descriptor, bytes, n_bytes, keep);
    if (*whole) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_DATA, "the pieces of the reply do not fit together");
}

/* An exchange, and the other pieces of a reply that comes in several. */
static strata_status exchange_whole(struct strata_client *client, Strata__V1__Request *request,
                                    struct strata_arena *keep, Strata__V1__Reply **out,
                                    struct strata_err *err)
{
    for (int round = 0; round < ROUNDS_MOST; round++) {
        Strata__V1__Reply *first = NULL;
        STRATA_TRY(exchange(client, request, keep, &first, err));
        *out = first;
        if (first->code != STRATA__V1__CODE__CODE_OK || first->pieces == 0) return STRATA_OK;
        STRATA_TRY(collect(client, request, first, keep, out, err));
        if (*out) return STRATA_OK;
        request->id = client->next_id++;
        request->piece = 1;
    }
    return STRATA_FAIL(err, STRATA_E_AGAIN, "the job changes too fast for so long an answer");
}

/* Say which server is meant, so that a command that comes late, or again, changes nothing in another one. */
static strata_status address_server(struct strata_client *client, enum strata_question question,
                                    Strata__V1__Request *request, struct strata_arena *keep,
                                    struct strata_err *err)
{
    if (question == STRATA_ASK_HELLO) return STRATA_OK;
    if (!client->channel.incarnation || !client->channel.incarnation[0]) {
        struct strata_answer answer;
        STRATA_TRY(strata_client_question(client, STRATA_ASK_HELLO, NULL, keep, &answer, err));
        client->channel.incarnation =
            strata_arena_copy(&client->memory, answer.incarnation, strlen(answer.incarnation));
    }
    request->incarnation = (char *)(uintptr_t)client->channel.incarnation; /* only packed */
    if (!request->incarnation) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for an answer");
    return STRATA_OK;
}

static strata_status was_restarted(struct strata_err *err)
{
    return STRATA_FAIL(
        err, STRATA_E_UNAVAILABLE,
        "the job was started again before it answered: the command was not sent to "
        "it again; look what it does, and give the command anew if it is still wanted");
}

/* The server is silent or gone: a question goes to the one that has come in its place, or to the record; a command does
 * not. */
static strata_status ask_successor(struct strata_client *client, enum strata_question question,
                                   Strata__V1__Request *request, struct strata_arena *keep,
                                   Strata__V1__Reply **out, struct strata_err *err)
{
    struct strata_err none = {0};
    bool is_other = false;
    if (!client->want.run || client->follow.begun) return STRATA_E_UNAVAILABLE; /* err says why */
    if (strata_client_find(client, &is_other, &none) != STRATA_OK || !is_other)
        return STRATA_E_UNAVAILABLE;
    *err = (struct strata_err){0};
    if (strata_question_is_command(question)) return was_restarted(err);
    if (client->record) return answer_offline(client, request, keep, out, err);
    request->id = client->next_id++;
    STRATA_TRY(address_server(client, question, request, keep, err));
    return exchange_whole(client, request, keep, out, err);
}

static strata_status answer_online(struct strata_client *client, enum strata_question question,
                                   Strata__V1__Request *request, struct strata_arena *keep,
                                   Strata__V1__Reply **out, struct strata_err *err)
{
    STRATA_TRY(address_server(client, question, request, keep, err));
    const strata_status status = exchange_whole(client, request, keep, out, err);
    if (status == STRATA_E_UNAVAILABLE)
        return ask_successor(client, question, request, keep, out, err);
    if (status == STRATA_OK && strata_question_is_command(question) &&
        (*out)->code == STRATA__V1__CODE__CODE_UNAVAILABLE && request->incarnation[0] &&
        strcmp((*out)->incarnation, request->incarnation) != 0)
        return was_restarted(err);
    return status;
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
    switch ((int)reply->body_case) {
    case STRATA__V1__REPLY__BODY_STATUS:
        strata_view_job(reply->status, &answer->job);
        return true;
    case STRATA__V1__REPLY__BODY_SEGMENTS:
        return strata_view_segments(reply->segments, keep, &answer->segments);
    case STRATA__V1__REPLY__BODY_SEGMENT:
        return strata_view_segment(reply->segment, keep, &answer->segments);
    case STRATA__V1__REPLY__BODY_PERSONAS:
        return strata_view_personas(reply->personas->personas, reply->personas->n_personas, keep,
                                    &answer->segments);
    case STRATA__V1__REPLY__BODY_PERSONA:
        return strata_view_personas(&reply->persona->persona, reply->persona->persona ? 1 : 0, keep,
                                    &answer->segments);
    case STRATA__V1__REPLY__BODY_CUSTOMER:
        return strata_view_customers((Strata__V1__CustomerReply *const[]){reply->customer}, 1, keep,
                                     answer);
    case STRATA__V1__REPLY__BODY_EXPLAIN:
        return strata_view_customers(reply->explain->customers, reply->explain->n_customers, keep,
                                     answer);
    case STRATA__V1__REPLY__BODY_HEALTH:
        strata_view_health(reply->health, &answer->health);
        return true;
    case STRATA__V1__REPLY__BODY_EVALUATION:
        return strata_view_evaluation(reply->evaluation, keep, &answer->evaluation);
    case STRATA__V1__REPLY__BODY_QUALITY:
        return strata_view_quality(reply->quality, keep, &answer->quality);
    case STRATA__V1__REPLY__BODY_MANIFEST:
        return strata_view_manifest(reply->manifest, keep, &answer->manifest);
    case STRATA__V1__REPLY__BODY_METRICS:
        answer->metrics = reply->metrics->text;
        return true;
    case STRATA__V1__REPLY__BODY_SNAPSHOT:
        if (reply->snapshot->status) strata_view_job(reply->snapshot->status, &answer->job);
        return true;
    default:
        return true; /* the others say all in their message */
    }
}

/* In which iteration a command took effect; 0 of a question. */
static uint64_t iteration_of(const Strata__V1__Reply *reply)
{
    switch ((int)reply->body_case) {
    case STRATA__V1__REPLY__BODY_STOP:
        return reply->stop->iteration;
    case STRATA__V1__REPLY__BODY_CHECKPOINT:
        return reply->checkpoint->iteration;
    case STRATA__V1__REPLY__BODY_PAUSE:
        return reply->pause->iteration;
    case STRATA__V1__REPLY__BODY_RESUME:
        return reply->resume->iteration;
    case STRATA__V1__REPLY__BODY_CANCEL:
        return reply->cancel->iteration;
    case STRATA__V1__REPLY__BODY_SET:
        return reply->set->iteration;
    default:
        return 0;
    }
}

/* --- asking ------------------------------------------------------------------------------------- */

static strata_status ask(struct strata_client *client, const struct strata_asking *asking,
                         struct strata_arena *keep, struct strata_answer *answer,
                         struct strata_err *err)
{
    struct strata_request_room room = {.which = ""};
    Strata__V1__Request request;
    Strata__V1__Reply *reply = NULL;
    STRATA_TRY(strata_request_make(client, asking, keep, &room, &request, err));
    if (client->record)
        STRATA_TRY(answer_offline(client, &request, keep, &reply, err));
    else
        STRATA_TRY(answer_online(client, asking->question, &request, keep, &reply, err));
    STRATA_REQUIRE(reply);
    *answer = (struct strata_answer){.seq = reply->seq,
                                     .incarnation = reply->incarnation,
                                     .text = reply->text,
                                     .message = &reply->base,
                                     .iteration = iteration_of(reply)};
    answer->segments.job = "";
    if (reply->code != STRATA__V1__CODE__CODE_OK) return refusal(reply, err);
    if ((int)reply->body_case != strata_question_number(asking->question))
        return STRATA_FAIL(err, STRATA_E_DATA, "the server answered something that was not asked");
    if (!view_body(reply, keep, answer))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the answer");
    return STRATA_OK;
}

strata_status strata_client_question(struct strata_client *client, enum strata_question question,
                                     const char *which, struct strata_arena *keep,
                                     struct strata_answer *answer, struct strata_err *err)
{
    STRATA_REQUIRE((unsigned)question < STRATA_QUESTION_COUNT);
    STRATA_REQUIRE(question != STRATA_ASK_ASSIGN && question != STRATA_ASK_EXPLAIN);
    STRATA_REQUIRE(which || (question != STRATA_ASK_SEGMENT && question != STRATA_ASK_PERSONA &&
                             question != STRATA_ASK_CUSTOMER && question != STRATA_ASK_SET &&
                             question != STRATA_ASK_EVENTS));
    const struct strata_asking asking = {.question = question, .which = which};
    return ask(client, &asking, keep, answer, err);
}

strata_status strata_client_score(struct strata_client *client, enum strata_question question,
                                  const struct strata_ask_batch *batch, struct strata_arena *keep,
                                  struct strata_answer *answer, struct strata_err *err)
{
    STRATA_REQUIRE(question == STRATA_ASK_ASSIGN || question == STRATA_ASK_EXPLAIN);
    const struct strata_asking asking = {.question = question, .batch = batch};
    STRATA_TRY(ask(client, &asking, keep, answer, err));
    const Strata__V1__Reply *reply = (const Strata__V1__Reply *)answer->message;
    if (question == STRATA_ASK_EXPLAIN)
        answer->assignment = (struct strata_assignment_view){
            .model_hash = reply->explain->model_hash, .n_invalid = reply->explain->invalid};
    const bool whole = question == STRATA_ASK_EXPLAIN
                           ? answer->n_customers == batch->n_customers
                           : strata_view_assignment(reply->assign, &answer->assignment) &&
                                 answer->assignment.n_customers == batch->n_customers;
    if (whole) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_DATA, "the server answered about other customers");
}
