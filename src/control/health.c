/* get_health: is the server well, and does the job move? */
#include "health.h"

#include "strata/clock.h"
#include "strata/host.h"

#include "handlers.h"

#define FORGOTTEN 0.9 /* of the longest silence, at each change */
#define PATIENCE 4    /* times the longest silence of late */
#define LEAST_PATIENCE_S 10.0
#define STAGE_PATIENCE_S 60.0 /* where nothing is told in between, as a rule */

/* --- what was answered -------------------------------------------------------------------------- */

static size_t place_of(Strata__V1__Code code)
{
    const ProtobufCEnumDescriptor *codes = &strata__v1__code__descriptor;
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(codes, (int)code);
    const size_t place = value ? (size_t)(value - codes->values) : 0;
    return place < STRATA_CODES_MAX ? place : 0;
}

void strata_count_reply(struct strata_counts *counts, Strata__V1__Request__BodyCase kind,
                        Strata__V1__Code code)
{
    const struct strata_request_row *row = strata_request_row(kind);
    const size_t i = row ? (size_t)(row - strata_request_rows) : STRATA_KINDS_MAX;
    counts->replies[i][place_of(code)]++;
}

/* --- how long it is silent ---------------------------------------------------------------------- */

void strata_hear(struct strata_hearing *hearing, bool is_news, double now_s)
{
    if (hearing->started_s <= 0) *hearing = (struct strata_hearing){now_s, now_s, 0};
    if (!is_news) return;
    const double silence_s = now_s - hearing->heard_s;
    hearing->usual_s *= FORGOTTEN;
    if (silence_s > hearing->usual_s) hearing->usual_s = silence_s;
    hearing->heard_s = now_s;
}

double strata_silence_s(const struct strata_hearing *hearing, const struct strata_snapshot *now,
                        double now_s)
{
    return strata_job_state_is_final(now->state) ? 0 : now_s - hearing->heard_s;
}

bool strata_is_slow(const struct strata_hearing *hearing, const struct strata_snapshot *now,
                    double now_s)
{
    const bool fits = now->state == STRATA_JOB_FITTING || now->state == STRATA_JOB_STOPPING;
    const double least_s = fits ? LEAST_PATIENCE_S : STAGE_PATIENCE_S;
    if (now->state == STRATA_JOB_PAUSED) return false; /* it tells nothing then */
    return strata_silence_s(hearing, now, now_s) > least_s + PATIENCE * hearing->usual_s;
}

/* --- the answer --------------------------------------------------------------------------------- */

static void count(const struct strata_counts *counts, Strata__V1__HealthReply *body)
{
    const size_t ok = place_of(STRATA__V1__CODE__CODE_OK);
    for (size_t i = 0; i <= STRATA_KINDS_MAX; i++)
        for (size_t j = 0; j < STRATA_CODES_MAX; j++) {
            body->requests += counts->replies[i][j];
            if (j != ok) body->refused += counts->replies[i][j];
        }
}

static const char *text_of(const struct strata_desk *desk, double now_s, struct strata_arena *arena)
{
    char silent[32], usual[32];
    strata_duration_text(strata_silence_s(&desk->hearing, &desk->now, now_s), silent);
    strata_duration_text(desk->hearing.usual_s, usual);
    return strata_arena_print(arena,
                              "nothing has been heard of the job for %s; of late it was silent for "
                              "%s at most (it is %s)",
                              silent, usual, strata_job_state_word(desk->now.state));
}

STRATA_HANDLER(strata_handle_health)
{
    (void)request;
    const double now_s = strata_clock_s();
    const char *text = "";
    Strata__V1__HealthReply *body = STRATA_NEW(arena, Strata__V1__HealthReply, 1);
    if (body) {
        strata__v1__health_reply__init(body);
        body->health = STRATA__V1__HEALTH__HEALTH_WELL;
        if (strata_is_slow(&desk->hearing, &desk->now, now_s)) {
            body->health = STRATA__V1__HEALTH__HEALTH_SLOW;
            text = text_of(desk, now_s, arena);
        }
        if (desk->now.state == STRATA_JOB_FAILED) {
            body->health = STRATA__V1__HEALTH__HEALTH_FAILED;
            text = desk->now.message;
        }
    }
    if (!body || !text) {
        strata_refuse_memory(reply);
        return;
    }
    body->text = (char *)(uintptr_t)text; /* only packed */
    body->uptime_s = now_s - desk->hearing.started_s;
    body->quiet_s = strata_silence_s(&desk->hearing, &desk->now, now_s);
    count(&desk->counts, body);
    body->memory_bytes = strata_host_resident_bytes();
    reply->body_case = STRATA__V1__REPLY__BODY_HEALTH;
    reply->health = body;
}
