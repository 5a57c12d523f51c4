/*
 * JSON strings.
 *
 * Names of files and arguments of commands are bytes, but JSON is Unicode.  A byte that
 * is not part of valid UTF-8 becomes U+FFFD.
 */
#include "dzctl.h"

#include <string.h>

/* Returns the length of the UTF-8 sequence at text, RFC 3629, or 0 if there is none. */
static size_t sequence(const unsigned char *text)
{
    static const struct {
        unsigned char first, last; /* of the first byte */
        unsigned char low, high;   /* of the second */
        size_t length;
    } forms[] = {
        {0x20, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last)
            continue;
        if (forms[i].length > 1 && (text[1] < forms[i].low || text[1] > forms[i].high))
            return 0;
        for (size_t at = 2; at < forms[i].length; at++)
            if (text[at] < 0x80 || text[at] > 0xbf)
                return 0;
        return forms[i].length;
    }
    return 0;
}

void json_string(const char *string)
{
    const unsigned char *at = (const unsigned char *)string;

    putchar('"');
    while (*at != '\0') {
        size_t length = sequence(at);
        if (*at == '"' || *at == '\\')
            printf("\\%c", *at);
        else if (*at < 0x20)
            printf("\\u%04x", *at);
        else if (length == 0)
            fputs("\\ufffd", stdout);
        else
            fwrite(at, 1, length, stdout);
        at += length > 0 ? length : 1;
    }
    putchar('"');
}

void json_text(const char *string)
{
    if (string != NULL)
        json_string(string);
    else
        fputs("null", stdout);
}
