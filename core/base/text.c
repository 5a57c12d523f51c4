/*
 * Bounded text and numbers without stdio or locale.
 *
 * A text is always terminated.  If a string does not fit, its end is cut off and the
 * cut flag is set, which the caller looks at.
 */
#include "base.h"

#include <string.h>

struct dz_text dz_text(char *at, size_t size)
{
    struct dz_text text = {.at = at, .size = size};

    at[0] = '\0';
    return text;
}

void dz_add_bytes(struct dz_text *text, const char *bytes, size_t length)
{
    size_t room = text->size - text->length - 1;

    if (length > room) {
        text->cut = true;
        length = dz_whole_characters(bytes, room);
    }
    memcpy(text->at + text->length, bytes, length);
    text->length += length;
    text->at[text->length] = '\0';
}

void dz_add(struct dz_text *text, const char *string)
{
    dz_add_bytes(text, string, strlen(string));
}

void dz_add_char(struct dz_text *text, char c)
{
    dz_add_bytes(text, &c, 1);
}

void dz_add_number(struct dz_text *text, int64_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0)
        digits[--at] = '-';
    dz_add(text, digits + at);
}

void dz_add_seconds(struct dz_text *text, int64_t milliseconds)
{
    int64_t rest = milliseconds % 1000;

    dz_add_number(text, milliseconds / 1000);
    if (rest > 0)
        dz_add(text, ".");
    for (int64_t unit = 100; rest > 0; unit /= 10) {
        dz_add_number(text, rest / unit);
        rest %= unit;
    }
}

/* Returns the number of bytes of a UTF-8 character that begins with first, or 0. */
static size_t utf8_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t dz_read_utf8(const char *text, size_t size, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = size > 0 ? utf8_length((unsigned char)text[0]) : 0;

    if (length == 0 || length > size)
        return 0;
    *character = (unsigned char)text[0];
    if (length > 1)
        *character &= 0xffU >> (length + 1);
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
        *character = *character << 6 | ((unsigned char)text[i] & 0x3f);
    }
    bool surrogate = *character >= 0xd800 && *character <= 0xdfff;
    return *character < least[length] || *character > 0x10ffff || surrogate ? 0
                                                                            : length;
}

size_t dz_whole_characters(const char *text, size_t length)
{
    enum { LONGEST = 4 };
    size_t at = length;

    while (at > 0 && length - at < LONGEST && ((unsigned char)text[at] & 0xc0) == 0x80)
        at--;
    /* More continuation bytes than a character has: this is not UTF-8. */
    return ((unsigned char)text[at] & 0xc0) == 0x80 ? length : at;
}

/* Masks the bytes of control characters.  keep: a control character to keep, or 0. */
static void mask(char *bytes, size_t size, char keep)
{
    for (size_t i = 0; i < size;) {
        uint32_t character = (unsigned char)bytes[i];
        size_t length = dz_read_utf8(bytes + i, size - i, &character);
        if (length == 0) {
            length = 1;
            character = (unsigned char)bytes[i];
        }
        if ((character < ' ' && character != (unsigned char)keep) ||
            (character >= 0x7f && character <= 0x9f))
            memset(bytes + i, '?', length);
        i += length;
    }
}

void dz_mask_controls(char *bytes, size_t size)
{
    mask(bytes, size, '\t');
}

size_t dz_until(const char *text, const char *ends)
{
    size_t length = 0;

    for (; text[length] != '\0'; length++)
        for (const char *end = ends; *end != '\0'; end++)
            if (text[length] == *end)
                return length;
    return length;
}

void dz_one_line(char *text)
{
    mask(text, strlen(text), '\0');
}

int dz_read_long(const char **at, int64_t *number)
{
    *number = 0;
    if (**at < '0' || **at > '9')
        return -1;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        int digit = **at - '0';
        if (*number > (INT64_MAX - digit) / 10)
            return -1;
        *number = *number * 10 + digit;
    }
    return 0;
}

int dz_read_number(const char **at)
{
    int64_t number;

    return dz_read_long(at, &number) == 0 && number <= INT_MAX ? (int)number : -1;
}
