/* Prints a catalogue of messages in a language that nobody speaks: that of messages_en.c with each letter
 * replaced by a Cyrillic one, and other signs within numbers.  Slots stay, and so do lists of meanings. */
#include <stdio.h>
#include <string.h>

#include "persona/messages_en.c"

/* One byte of a C string. */
static void put(unsigned char byte)
{
    (void)printf("\\%03o", (unsigned)byte);
}

static void put_letter(char letter)
{
    const bool small = letter >= 'a' && letter <= 'z';
    const unsigned code =
        small ? 0x430u + (unsigned)(letter - 'a') : 0x410u + (unsigned)(letter - 'A');
    put((unsigned char)(0xc0u | code >> 6));
    put((unsigned char)(0x80u | (code & 0x3fu)));
}

static void put_text(const char *text, bool translated)
{
    bool in_slot = false;
    for (const char *c = text; *c; c++) {
        const bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        in_slot = *c == '{' || (in_slot && *c != '}');
        if (letter && translated && !in_slot)
            put_letter(*c);
        else
            put((unsigned char)*c);
    }
}

static const char *text_of(const struct strata_message *message)
{
    if (strcmp(message->key, "number.thousands") == 0) return "'";
    if (strcmp(message->key, "number.point") == 0) return ";";
    return message->text;
}

int main(void)
{
    static const char *const untranslated[] = {"name.gradable", "name.order"};
    (void)printf("#include \"persona/persona_impl.h\"\n\n"
                 "const struct strata_message strata_messages[] = {\n");
    for (const struct strata_message *message = strata_messages; message->key; message++) {
        bool translated = true;
        for (size_t i = 0; i < sizeof untranslated / sizeof untranslated[0]; i++)
            translated = translated && strcmp(message->key, untranslated[i]) != 0;
        (void)printf("    {\"%s\", \"", message->key);
        put_text(text_of(message), translated);
        (void)printf("\"},\n");
    }
    (void)printf("    {NULL, NULL},\n};\n");
    return 0;
}
