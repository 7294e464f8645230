#include "strata/json_view.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "strata/random.h"
#include "strata/v1/manifest.pb-c.h"
#include "strata/v1/quality.pb-c.h"
#include "strata/v1/result.pb-c.h"

static struct strata_arena arena;

static void begin(void)
{
    cr_assert(strata_arena_init(&arena, (size_t)64 << 20));
}

static void end(void)
{
    strata_arena_finish(&arena);
}

TestSuite(json_view, .init = begin, .fini = end);

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t to_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

Test(json_view, doubles_read_back_the_same_whatever_their_bits)
{
    size_t tried = 0;
    for (uint64_t i = 0; i < 200000; i++) {
        uint64_t bits = strata_random_bits(1, STRATA_PURPOSE_TEST, i, 0);
        if (i % 4 == 0) bits &= UINT64_C(0x800fffffffffffff); /* subnormal */
        const double value = from_bits(bits);
        if (!isfinite(value)) continue;
        char text[STRATA_JSON_DOUBLE_BYTES];
        strata_json_double(value, text);
        cr_assert_eq(to_bits(strtod(text, NULL)), bits, "%s", text);
        tried++;
    }
    cr_assert_gt(tried, 190000);
}

Test(json_view, doubles_are_as_short_as_they_can_be)
{
    static const struct {
        double value;
        const char *text;
    } known[] = {{0.1, "0.1"},    {1.0 / 3, "0.3333333333333333"},
                 {1e16, "1e+16"}, {5e-324, "5e-324"},
                 {100, "100"},    {0.1 + 0.2, "0.30000000000000004"},
                 {-2.5, "-2.5"},  {1.7976931348623157e308, "1.7976931348623157e+308"},
                 {0, "0"},        {2.2250738585072014e-308, "2.2250738585072014e-308"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[STRATA_JSON_DOUBLE_BYTES];
        strata_json_double(known[i].value, text);
        cr_expect_str_eq(text, known[i].text);
    }
}

Test(json_view, shape_is_that_of_the_mapping)
{
    char path[] = "a/\"b\"\n<script>\x01\xc3\xa9\xff\xed\xa0\x80";
    Strata__V1__FileDigest file;
    strata__v1__file_digest__init(&file);
    Strata__V1__FileDigest *files[] = {&file};
    Strata__V1__Manifest manifest;
    strata__v1__manifest__init(&manifest);
    file.path = path;
    file.bytes = UINT64_MAX;
    manifest.ranks = UINT32_MAX;
    manifest.files = files;
    manifest.n_files = 1;
    const char *text = strata_json_view(&manifest.base, STRATA_JSON_LINE, &arena, NULL);
    cr_assert_str_eq(
        text,
        "{\"formatVersion\":0,\"job\":\"\",\"estimator\":\"\",\"seed\":\"0\",\"strataVersion\":\"\","
        "\"duckdbVersion\":\"\",\"compiler\":\"\",\"ranks\":4294967295,\"inputFingerprint\":\"0\","
        "\"started\":\"\",\"ended\":\"\",\"stages\":[],\"reductions\":\"0\",\"reducedBytes\":\"0\","
        "\"commands\":[],\"files\":[{\"path\":\"a/\\\"b\\\"\\n\\u003cscript>\\u0001\xc3\xa9"
        "\\ufffd\\ufffd\\ufffd\\ufffd\",\"bytes\":\"18446744073709551615\",\"sha256\":\"\"}],"
        "\"settingsFingerprint\":\"0\"}");
}

Test(json_view, absent_figures_are_absent_and_zero_is_not)
{
    Strata__V1__ProfileCell cell;
    strata__v1__profile_cell__init(&cell);
    cell.has_mean_case = STRATA__V1__PROFILE_CELL__HAS_MEAN_MEAN;
    cr_assert_str_eq(strata_json_view(&cell.base, STRATA_JSON_LINE, &arena, NULL),
                     "{\"count\":\"0\",\"missing\":\"0\",\"hidden\":false,\"mean\":0,\"shares\":[]}");
}

Test(json_view, pretty_text_has_two_spaces_a_level_and_ends_its_line)
{
    Strata__V1__SourceQuality source;
    strata__v1__source_quality__init(&source);
    Strata__V1__SourceQuality *sources[] = {&source};
    Strata__V1__Quality quality;
    strata__v1__quality__init(&quality);
    quality.sources = sources;
    quality.n_sources = 1;
    size_t n_bytes = 0;
    const char *text = strata_json_view(&quality.base, STRATA_JSON_PRETTY, &arena, &n_bytes);
    cr_assert_eq(strlen(text), n_bytes);
    cr_assert(strstr(text,
                     "{\n  \"formatVersion\": 0,\n  \"customers\": \"0\",\n  \"sources\": [\n    "
                     "{\n      \"name\": \"\",\n      \"rows\": \"0\",\n") == text);
    cr_assert_str_eq(text + n_bytes - 16, "  \"notes\": []\n}\n");
}

Test(json_view, lack_of_room_is_told)
{
    struct strata_arena small;
    Strata__V1__Quality quality;
    strata__v1__quality__init(&quality);
    cr_assert(strata_arena_init(&small, 4096));
    while (strata_arena_take(&small, 1, 1, 64)) continue;
    cr_assert_null(strata_json_view(&quality.base, STRATA_JSON_LINE, &small, NULL));
    strata_arena_finish(&small);
}

Test(json_view, unknown_enum_values_stand_as_numbers)
{
    Strata__V1__DimensionShare share;
    strata__v1__dimension_share__init(&share);
    share.dimension = (Strata__V1__Dimension)99;
    cr_assert_str_eq(strata_json_view(&share.base, STRATA_JSON_LINE, &arena, NULL),
                     "{\"dimension\":99,\"share\":0}");
    share.dimension = STRATA__V1__DIMENSION__DIMENSION_GEOGRAPHIC;
    cr_assert_str_eq(strata_json_view(&share.base, STRATA_JSON_LINE, &arena, NULL),
                     "{\"dimension\":\"DIMENSION_GEOGRAPHIC\",\"share\":0}");
}

/* No message of ours has bytes or floats yet: a message type made by hand. */
struct odd {
    ProtobufCMessage base;
    ProtobufCBinaryData blob;
    float ratio;
};

static const ProtobufCFieldDescriptor odd_field[] = {
    {.name = "raw_blob",
     .id = 1,
     .label = PROTOBUF_C_LABEL_NONE,
     .type = PROTOBUF_C_TYPE_BYTES,
     .offset = offsetof(struct odd, blob)},
    {.name = "ratio",
     .id = 2,
     .label = PROTOBUF_C_LABEL_NONE,
     .type = PROTOBUF_C_TYPE_FLOAT,
     .offset = offsetof(struct odd, ratio)},
};
static const ProtobufCMessageDescriptor odd_type = {.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
                                                    .name = "odd",
                                                    .n_fields = 2,
                                                    .fields = odd_field,
                                                    .sizeof_message = sizeof(struct odd)};

Test(json_view, bytes_are_base64_and_floats_short)
{
    static const char *const text[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                       "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    uint8_t bytes[] = "foobar"; /* the vectors of RFC 4648 */
    for (size_t n = 0; n <= 6; n++) {
        struct odd odd = {.base = {.descriptor = &odd_type}, .blob = {n, bytes}, .ratio = 0.1F};
        const char *wanted =
            strata_arena_print(&arena, "{\"rawBlob\":\"%s\",\"ratio\":0.1}", text[n]);
        cr_expect_str_eq(strata_json_view(&odd.base, STRATA_JSON_LINE, &arena, NULL), wanted);
    }
}
