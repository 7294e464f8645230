/* The wire format of the control channel: the bytes and the JSON of each message, and what older bytes still say.
 * STRATA_WRITE_GOLDEN=1 writes tests/data/golden/messages.txt anew after a change that is meant; it refuses one that
 * older bytes do not survive. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>

#include "strata/file.h"
#include "strata/json_view.h"
#include "strata/record.h"
#include "strata/v1/control.pb-c.h"

#include "sample_message.h"

#define GOLDEN "tests/data/golden/messages.txt"
#define LINE_BYTES_MAX ((size_t)1 << 20)

static struct strata_arena arena;
static struct sample_types types;

static void begin(void)
{
    cr_assert(strata_arena_init(&arena, (size_t)256 << 20));
    types.n = 0;
    sample_reach(&types, &strata__v1__request__descriptor);
    sample_reach(&types, &strata__v1__reply__descriptor);
    sample_reach(&types, &strata__v1__event__descriptor);
}

static void end(void)
{
    strata_arena_finish(&arena);
}

TestSuite(messages, .init = begin, .fini = end);

static char *read_text(const char *name)
{
    struct strata_err err = {0};
    char *text = NULL;
    size_t n_bytes = 0;
    const char *path = strata_arena_print(&arena, "%s/%s", STRATA_SOURCE_DIR, name);
    cr_assert_eq(strata_file_read(path, (size_t)4 << 20, &arena, &text, &n_bytes, &err), STRATA_OK,
                 "%s", err.text);
    return strata_arena_copy(&arena, text, n_bytes); /* ends with a NUL */
}

static const char *hex_of(const unsigned char *bytes, size_t n_bytes)
{
    static const char digit[] = "0123456789abcdef";
    char *hex = STRATA_NEW(&arena, char, 2 * n_bytes + 1);
    for (size_t i = 0; i < n_bytes; i++) {
        hex[2 * i] = digit[bytes[i] >> 4];
        hex[2 * i + 1] = digit[bytes[i] & 15];
    }
    return hex;
}

static const char *packed_hex(const ProtobufCMessage *message)
{
    const size_t n_bytes = protobuf_c_message_get_packed_size(message);
    unsigned char *bytes = STRATA_NEW(&arena, unsigned char, n_bytes + 1);
    cr_assert_eq(protobuf_c_message_pack(message, bytes), n_bytes);
    return hex_of(bytes, n_bytes);
}

/* Each sample: its name, its bytes, and its JSON below them. */
static const char *all_samples(void)
{
    char *text = STRATA_NEW(&arena, char, LINE_BYTES_MAX);
    size_t at = 0;
    for (size_t i = 0; i < types.n; i++) {
        for (unsigned which = 0; which < sample_count(types.type[i]); which++) {
            const ProtobufCMessage *message = sample_message(types.type[i], which, true, &arena);
            const char *name = sample_name(types.type[i], which);
            at += (size_t)snprintf(text + at, LINE_BYTES_MAX - at, "%s%s%s %s\n  %s\n",
                                   types.type[i]->name, *name ? "/" : "", name, packed_hex(message),
                                   strata_json_view(message, STRATA_JSON_LINE, &arena, NULL));
            cr_assert_lt(at, LINE_BYTES_MAX);
        }
    }
    return text;
}

static const ProtobufCMessageDescriptor *type_named(const char *name, size_t n_name)
{
    for (size_t i = 0; i < types.n; i++)
        if (strlen(types.type[i]->name) == n_name && memcmp(types.type[i]->name, name, n_name) == 0)
            return types.type[i];
    return NULL;
}

/* What was once written is read without a rest, and means the same. */
static void check_older(char *line)
{
    char *hex = strchr(line, ' ');
    cr_assert(hex, "%s: no bytes", line);
    *hex++ = '\0';
    const ProtobufCMessageDescriptor *type = type_named(line, strcspn(line, "/"));
    cr_assert(type, "%s is gone: messages are never removed", line);
    const size_t n_bytes = strlen(hex) / 2;
    unsigned char *bytes = STRATA_NEW(&arena, unsigned char, n_bytes + 1);
    for (size_t i = 0; i < n_bytes; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    const ProtobufCMessage *message = strata_unpack(type, bytes, n_bytes, &arena);
    cr_assert(message, "%s: older bytes are not read any more", line);
    cr_assert_eq(message->n_unknown_fields, 0, "%s: a field of older bytes is unknown", line);
    cr_assert_str_eq(packed_hex(message), hex, "%s: older bytes mean something else", line);
}

static void check_all_older(char *text)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (line[0] != ' ') check_older(line);
}

/* The line in which two texts begin to differ. */
static const char *first_difference(const char *a, const char *b)
{
    const char *line = a;
    for (; *a && *a == *b; a++, b++)
        if (*a == '\n' && a[1] != ' ') line = a + 1;
    return strata_arena_copy(&arena, line, strcspn(line, " \n"));
}

Test(messages, bytes_on_the_wire_are_those_of_protocol_1)
{
    const char *now = all_samples();
    if (getenv("STRATA_WRITE_GOLDEN")) {
        struct strata_err err = {0};
        const char *path = strata_arena_print(&arena, "%s/%s", STRATA_SOURCE_DIR, GOLDEN);
        struct stat facts;
        if (stat(path, &facts) == 0) check_all_older(read_text(GOLDEN));
        cr_assert_eq(strata_file_write(path, now, strlen(now), false, &err), STRATA_OK, "%s",
                     err.text);
    }
    const char *golden = read_text(GOLDEN);
    cr_assert(strcmp(now, golden) == 0, "%s is new or has changed, or %s is gone",
              first_difference(now, golden), first_difference(golden, now));
}

Test(messages, older_bytes_are_read_without_a_rest)
{
    check_all_older(read_text(GOLDEN));
}

Test(messages, each_message_of_the_file_is_among_them)
{
    char *text = read_text("proto/strata/v1/control.proto");
    char *rest = NULL;
    size_t n_found = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char name[128];
        if (sscanf(line, "message %100[A-Za-z0-9]", name) != 1) continue;
        const char *full = strata_arena_print(&arena, "strata.v1.%s", name);
        cr_assert(type_named(full, strlen(full)), "%s cannot be sent: nothing holds it", name);
        n_found++;
    }
    cr_assert_gt(n_found, 50);
}
