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
        length = room;
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

void dz_one_line(char *text)
{
    for (; *text != '\0'; text++) {
        /* U+0080 to U+009F are control characters too, two bytes in UTF-8. */
        bool high = (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] >= 0x80 &&
                    (unsigned char)text[1] <= 0x9f;
        if ((unsigned char)*text < ' ' || *text == '\177' || high)
            *text = '?';
        if (high)
            *++text = '?';
    }
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
