/*
 * Words as a shell takes them.
 */
#include "base.h"

#include <string.h>

/* Returns whether a shell takes the character as it is, wherever it stands. */
static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_@%+=:,./-", c) != NULL);
}

/* Returns the length of the printable character at word that is not ASCII, or 0. */
static size_t printable(const char *word)
{
    enum { LONGEST = 4 /* bytes of a character */ };
    uint32_t character = 0;
    size_t length = dz_read_utf8(word, strnlen(word, LONGEST), &character);

    return length > 1 && character > 0x9f ? length : 0;
}

/* How a word has to be written. */
enum form { PLAIN, QUOTED /* '...' */, ESCAPED /* $'...' */ };

static enum form form_of(const char *word)
{
    enum form form = *word == '\0' ? QUOTED : PLAIN;

    while (*word != '\0') {
        unsigned char c = (unsigned char)*word;
        size_t length = c < ' ' || c >= 0x7f ? printable(word) : 1;
        if (length == 0)
            return ESCAPED;
        if (length == 1 && !is_plain(c))
            form = QUOTED;
        word += length;
    }
    return form;
}

bool dz_needs_quotes(const char *word)
{
    return form_of(word) != PLAIN;
}

/* Appends a byte as three octal digits. */
static void add_octal(struct dz_text *text, unsigned char byte)
{
    dz_add_char(text, '\\');
    for (int shift = 6; shift >= 0; shift -= 3)
        dz_add_char(text, (char)('0' + ((byte >> shift) & 7)));
}

static void add_escaped(struct dz_text *text, const char *word)
{
    dz_add(text, "$'");
    while (*word != '\0') {
        unsigned char c = (unsigned char)*word;
        size_t length = c < ' ' || c >= 0x7f ? printable(word) : 1;
        if (c == '\n')
            dz_add(text, "\\n");
        else if (c == '\t')
            dz_add(text, "\\t");
        else if (length == 0)
            add_octal(text, c);
        else if (c == '\\' || c == '\'')
            dz_add_bytes(text, c == '\\' ? "\\\\" : "\\'", 2);
        else
            dz_add_bytes(text, word, length);
        word += length > 0 ? length : 1;
    }
    dz_add(text, "'");
}

void dz_add_quoted(struct dz_text *text, const char *word)
{
    switch (form_of(word)) {
    case PLAIN:
        dz_add(text, word);
        return;
    case ESCAPED:
        add_escaped(text, word);
        return;
    case QUOTED:
        break;
    }
    dz_add(text, "'");
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            dz_add(text, "'\\''");
        else
            dz_add_char(text, *word);
    }
    dz_add(text, "'");
}
