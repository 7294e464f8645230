/* Records: what the stages returned arrives, unpacks the same, and keeps its bytes. */
#include "results/results_impl.h"

#include <criterion/criterion.h>
#include <unistd.h>

#include "strata/file.h"
#include "strata/json_view.h"

#include "results_world.h"

static struct strata_arena arena;
static struct world world;

static void begin(void)
{
    cr_assert(strata_arena_init(&arena, (size_t)256 << 20));
    world_make(&world, 0, 1, 10, &arena);
}

static void end(void)
{
    strata_arena_finish(&arena);
}

TestSuite(records, .init = begin, .fini = end);

static struct strata_blob pack(const ProtobufCMessage *message)
{
    struct strata_err err = {0};
    struct strata_blob blob = {0};
    cr_assert_eq(strata_record_pack(message, &arena, &blob, &err), STRATA_OK, "%s", err.text);
    return blob;
}

/* Golden files are the formats, in hexadecimal digits and as JSON; STRATA_WRITE_GOLDEN=1 makes
 * them anew after a change that is meant. */
static void check_golden(const char *name, const void *bytes, size_t n_bytes)
{
    struct strata_err err = {0};
    char *golden = NULL;
    size_t n_golden = 0;
    const char *path =
        strata_arena_print(&arena, "%s/tests/data/golden/%s", STRATA_SOURCE_DIR, name);
    if (getenv("STRATA_WRITE_GOLDEN"))
        cr_assert_eq(strata_file_write(path, bytes, n_bytes, false, &err), STRATA_OK, "%s",
                     err.text);
    cr_assert_eq(strata_file_read(path, (size_t)1 << 20, &arena, &golden, &n_golden, &err),
                 STRATA_OK, "%s", err.text);
    cr_assert_eq(n_golden, n_bytes, "%s changed: %zu bytes, were %zu", name, n_bytes, n_golden);
    cr_assert(memcmp(golden, bytes, n_bytes) == 0, "%s changed", name);
}

static void check_golden_hex(const char *name, struct strata_blob blob)
{
    static const char digit[] = "0123456789abcdef";
    char *hex = STRATA_NEW(&arena, char, 3 * blob.n_bytes + 2);
    size_t at = 0;
    for (size_t i = 0; i < blob.n_bytes; i++) {
        hex[at++] = digit[blob.bytes[i] >> 4];
        hex[at++] = digit[blob.bytes[i] & 15];
        if (i % 32 == 31 || i + 1 == blob.n_bytes) hex[at++] = '\n';
    }
    check_golden(name, hex, at);
}

Test(records, unpacked_messages_pack_to_the_same_bytes)
{
    const ProtobufCMessage *message[] = {&strata_result_record(&world.outcome, &arena)->base,
                                         &strata_model_record(&world.outcome, &arena)->base,
                                         &strata_quality_record(&world.quality, &arena)->base};
    for (size_t i = 0; i < 3; i++) {
        const struct strata_blob blob = pack(message[i]);
        const ProtobufCMessage *again = strata_record_unpack(message[i]->descriptor, &blob, &arena);
        cr_assert(again);
        const struct strata_blob twice = pack(again);
        cr_assert_eq(twice.n_bytes, blob.n_bytes);
        cr_assert(memcmp(twice.bytes, blob.bytes, blob.n_bytes) == 0);
        cr_assert_str_eq(strata_json_view(message[i], STRATA_JSON_LINE, &arena, NULL),
                         strata_json_view(again, STRATA_JSON_LINE, &arena, NULL));
    }
}

Test(records, damaged_bytes_do_not_unpack)
{
    struct strata_blob blob = pack(&strata_result_record(&world.outcome, &arena)->base);
    blob.n_bytes -= 1;
    cr_assert_null(strata_record_unpack(&strata__v1__result__descriptor, &blob, &arena));
}

Test(records, figures_that_do_not_exist_are_absent)
{
    const Strata__V1__Result *result = strata_result_record(&world.outcome, &arena);
    const Strata__V1__Segment *segment = result->segments[0];
    cr_assert_eq(result->evaluation->has_bic_case, 0);
    cr_assert_eq(result->by_k[0]->has_score_case, 0);
    cr_assert_eq(result->by_k[1]->score, 0.125);
    cr_assert_eq(segment->cells[1]->has_median_case, 0);
    cr_assert_neq(segment->cells[0]->has_sd_case, 0, "zero is a figure");
    cr_assert_eq(signbit(segment->cells[0]->median), 0, "no negative zero");
    cr_assert_eq(result->segments[2]->has_silhouette_case, 0);
    cr_assert_eq(segment->statements[0]->has_feature_case, 0);
    cr_assert_eq(segment->statements[0]->has_low_case, 0);
}

Test(records, levels_stand_in_their_declared_order)
{
    const Strata__V1__Result *result = strata_result_record(&world.outcome, &arena);
    const Strata__V1__ProfileCell *age = result->segments[0]->cells[1];
    cr_assert_eq(result->features[1]->n_levels, 2);
    cr_assert_str_eq(result->features[1]->levels[0], "young");
    cr_assert_eq(age->n_shares, 2, "a text that is no declared level has no place");
    cr_assert_eq(age->shares[0]->share, 0.25, "young");
    cr_assert_eq(age->shares[1]->share, 0.75, "old");
    cr_assert_eq(result->segments[0]->statements[1]->level, 1, "old is the second declared level");
}

Test(records, hidden_cells_and_shares_tell_nothing)
{
    const Strata__V1__Result *result = strata_result_record(&world.outcome, &arena);
    const Strata__V1__ProfileCell *hidden = result->segments[2]->cells[2];
    const char *text = strata_json_view(&hidden->base, STRATA_JSON_LINE, &arena, NULL);
    cr_assert_str_eq(text, "{\"count\":\"0\",\"missing\":\"0\",\"hidden\":true,\"shares\":[]}");
    cr_assert_eq(result->segments[0]->cells[2]->n_shares, 1, "the hidden level is not listed");
    cr_assert_eq(result->segments[0]->cells[2]->shares[0]->level, 0);
}

Test(records, portraits_arrive_and_what_is_empty_is_absent)
{
    const Strata__V1__Result *result = strata_result_record(&world.outcome, &arena);
    const Strata__V1__Segment *segment = result->segments[0];
    const Strata__V1__Persona *persona = segment->persona;
    cr_assert_str_eq(persona->name, "Robin");
    cr_assert_str_eq(persona->title, segment->name);
    cr_assert_eq(persona->n_sections, 2);
    cr_assert_eq(persona->sections[1]->topic, STRATA__V1__PERSONA_TOPIC__PERSONA_TOPIC_BUYS);
    cr_assert_str_eq(persona->sections[1]->statements[1]->text, world.statement[1].text);
    cr_assert_eq(persona->offers[0]->kind, STRATA__V1__OFFER_KIND__OFFER_KIND_WIN_BACK);
    cr_assert_eq(persona->offers[0]->reason->n_because, 2);
    cr_assert_eq(persona->channels[0]->index, 250.0);
    cr_assert_eq(persona->typical[1]->level, 1, "in the declared order");
    cr_assert_eq(segment->n_briefs, 1);
    cr_assert_eq(segment->briefs[0]->department, STRATA__V1__DEPARTMENT__DEPARTMENT_SALES);
    cr_assert_eq(segment->attractiveness->has_value_case, 0, "unknown");
    cr_assert_eq(segment->attractiveness->reach, 250.0);
    cr_assert_null(result->segments[1]->persona);
}

Test(records, grid_centres_are_integers_and_other_params_doubles)
{
    const Strata__V1__Model *model = strata_model_record(&world.outcome, &arena);
    cr_assert_eq(model->n_params, 0);
    cr_assert_eq(model->n_centres, WORLD_K * WORLD_COLUMNS);
    for (size_t i = 0; i < model->n_centres; i++)
        cr_assert_eq((double)model->centres[i], world_params[i]);
    double params[WORLD_K * WORLD_COLUMNS];
    memcpy(params, world_params, sizeof params);
    params[3] = 0.5;
    world.clustering.params = params;
    model = strata_model_record(&world.outcome, &arena);
    cr_assert_eq(model->n_centres, 0);
    for (size_t i = 0; i < model->n_params; i++) cr_assert_eq(model->params[i], params[i]);
    cr_assert_eq(model->n_params, WORLD_K * WORLD_COLUMNS);
}

Test(records, weights_are_told_where_there_are_some)
{
    const Strata__V1__Result *result = strata_result_record(&world.outcome, &arena);
    cr_assert_null(result->quality->weight);
    cr_assert_eq(result->segments[0]->has_weight_case, 0);
    world.quality.weight = (struct strata_weight_quality){
        .name = "people", .total = 24.5, .unit = 0x1p-19, .rounded = 3};
    world.personas.weighted = true;
    world.persona[0].weight = 12.25;
    result = strata_result_record(&world.outcome, &arena);
    cr_assert_str_eq(result->quality->weight->name, "people");
    cr_assert_eq(result->quality->weight->total, 24.5);
    cr_assert_eq(result->quality->weight->unit, 0x1p-19);
    cr_assert_eq(result->quality->weight->rounded, 3);
    cr_assert_eq(result->segments[0]->weight, 12.25);
    cr_assert_eq(result->segments[0]->size, 5, "customers");
}

Test(records, every_reason_to_stop_has_a_word_and_a_sentence)
{
    static const enum strata_stop_reason reasons[] = {
        STRATA_STOP_NO_LABEL_MOVED, STRATA_STOP_TOLERANCE, STRATA_STOP_CENTRE_SHIFT,
        STRATA_STOP_MERGED,         STRATA_STOP_MAX_ITER,  STRATA_STOP_ASKED,
        STRATA_STOP_DROPPED};
    bool seen[8] = {false};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        world.candidate[1].reason = reasons[i];
        const Strata__V1__Result *result = strata_result_record(&world.outcome, &arena);
        const size_t word = (size_t)result->candidates[1]->reason;
        cr_assert(word > 0 && word < 8 && !seen[word]);
        seen[word] = true;
        cr_assert_str_eq(result->ending, strata_stop_reason_sentence(reasons[i]));
        cr_assert_eq(result->ending[strlen(result->ending) - 1], '.');
    }
}

Test(records, where_candidates_came_from_and_went_to_is_told)
{
    const Strata__V1__Result *result = strata_result_record(&world.outcome, &arena);
    const Strata__V1__Candidate *first = result->candidates[0], *second = result->candidates[1];
    cr_assert_eq(first->origin, STRATA__V1__CANDIDATE_ORIGIN__CANDIDATE_ORIGIN_SEEDED);
    cr_assert(first->has_raced_case == 0 && second->raced == 4.125);
    cr_assert_eq(first->has_merged_into_case, 0);
    world.candidate[0].reason = STRATA_STOP_MERGED;
    world.candidate[0].merged_into = 1;
    world.candidate[0].origin = STRATA_ORIGIN_JOINED;
    first = strata_result_record(&world.outcome, &arena)->candidates[0];
    cr_assert_eq(first->has_merged_into_case, STRATA__V1__CANDIDATE__HAS_MERGED_INTO_MERGED_INTO);
    cr_assert_eq(first->merged_into, 1);
    cr_assert_eq(first->origin, STRATA__V1__CANDIDATE_ORIGIN__CANDIDATE_ORIGIN_JOINED);
}

/* As many segments as there may be, each with all that one of the world has. */
static void make_most_segments(void)
{
    const size_t k = STRATA_MAX_SEGMENTS, n_params = k * WORLD_COLUMNS;
    struct strata_persona *persona = STRATA_NEW(&arena, struct strata_persona, k);
    double *params = STRATA_NEW(&arena, double, n_params), *figure = STRATA_NEW(&arena, double, k);
    for (size_t s = 0; s < k; s++) {
        persona[s] = world.persona[0];
        persona[s].name = strata_arena_print(&arena, "Segment of kind %zu", s);
        persona[s].share = 1 / (double)k;
    }
    for (size_t i = 0; i < n_params; i++) params[i] = (double)(i % 1000);
    world.clustering.dims.k = world.personas.k = k;
    world.personas.n_apriori = 0; /* its cross table is of the few */
    world.clustering.params = params;
    world.personas.segment = persona;
    world.evaluation.segment_silhouette = world.evaluation.segment_sse = figure;
}

Test(records, a_thousand_segments_are_packed_and_shown_whole)
{
    make_most_segments();
    struct strata_err err = {0};
    char *page = NULL;
    size_t n_page = 0, n_text = 0;
    const Strata__V1__Result *result = strata_result_record(&world.outcome, &arena);
    const Strata__V1__Model *model = strata_model_record(&world.outcome, &arena);
    cr_assert_eq(result->n_segments, STRATA_MAX_SEGMENTS);
    cr_assert_eq(model->n_segment_names, STRATA_MAX_SEGMENTS);
    cr_assert_eq(model->n_centres, (size_t)STRATA_MAX_SEGMENTS * WORLD_COLUMNS);
    const struct strata_blob blob = pack(&result->base);
    cr_assert_gt(pack(&model->base).n_bytes, 0);
    const char *text = strata_json_view(&result->base, STRATA_JSON_LINE, &arena, &n_text);
    cr_assert(strstr(text, "Segment of kind 1023"));
    char path[64];
    (void)snprintf(path, sizeof path, "/tmp/strata-report-%ld.html", (long)getpid());
    cr_assert_eq(strata_report_write(path, &blob, arena, &err), STRATA_OK, "%s", err.text);
    cr_assert_eq(strata_file_read(path, (size_t)1 << 24, &arena, &page, &n_page, &err), STRATA_OK);
    (void)unlink(path);
    cr_assert(strstr(page, "Segment of kind 1023"), "all of them are told of");
    size_t n_told = 0;
    for (const char *at = page; (at = strstr(at, "\"Robin\"")); at++) n_told++;
    cr_assert_eq(n_told, 64, "the largest in detail: %zu", n_told);
}

Test(records, lack_of_room_is_told_at_any_point)
{
    struct strata_arena whole = arena;
    (void)strata_result_record(&world.outcome, &whole);
    const size_t needed = (size_t)(whole.next - arena.next);
    for (size_t room = 0; room < needed; room += 97) {
        struct strata_arena small = arena;
        small.end = small.next + room;
        cr_assert_null(strata_result_record(&world.outcome, &small), "%zu bytes", room);
    }
}

Test(records, bytes_on_disk_and_wire_are_those_of_format_1)
{
    const Strata__V1__Result *result = strata_result_record(&world.outcome, &arena);
    const Strata__V1__Model *model = strata_model_record(&world.outcome, &arena);
    size_t n_bytes = 0;
    const char *text = strata_json_view(&result->base, STRATA_JSON_PRETTY, &arena, &n_bytes);
    check_golden("result.json", text, n_bytes);
    check_golden_hex("result.hex", pack(&result->base));
    check_golden_hex("model.hex", pack(&model->base));
    check_golden_hex("quality.hex", pack(&result->quality->base));
}
