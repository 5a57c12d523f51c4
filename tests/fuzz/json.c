/* Any bytes as a JSON string: valid UTF-8 without control characters, which reads
 * back as what was written where that was UTF-8. */
#include "../../cli/dzctl/dzctl.h"
#include "fuzz.h"

/* The length of the character at text by the bits of its first byte; 0: none, or
 * not the shortest form, or a surrogate, or beyond Unicode. */
static size_t character(const unsigned char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = text[0] < 0x80           ? 1
                    : (text[0] >> 5) == 0x06 ? 2
                    : (text[0] >> 4) == 0x0e ? 3
                    : (text[0] >> 3) == 0x1e ? 4
                                             : 0;
    uint32_t point = length == 1 ? text[0] : text[0] & (0x7fU >> length);

    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (text[i] & 0x3f);
    }
    return length > 0 && point >= least[length] && point <= 0x10ffff &&
                   (point < 0xd800 || point > 0xdfff)
               ? length
               : 0;
}

/* Read one character of a JSON string to *to; moves both on. */
static void read_back(const char **at, char **to)
{
    size_t length = character((const unsigned char *)*at);

    CHECK(length > 0 && (unsigned char)**at >= ' ' && **at != '"');
    if (**at != '\\') {
        memcpy(*to, *at, length);
        *to += length;
        *at += length;
        return;
    }
    if ((*at)[1] == 'u') {
        char digits[5] = {0};
        memcpy(digits, *at + 2, 4);
        unsigned long point = strtoul(digits, NULL, 16);
        CHECK(point < ' ' || point == 0xfffd);
        *(*to)++ = point < ' ' ? (char)point : '?';
        *at += 6;
        return;
    }
    CHECK((*at)[1] == '"' || (*at)[1] == '\\');
    *(*to)++ = (*at)[1];
    *at += 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    char *string = take_word(&input);
    char *back = malloc(strlen(string) + 1);
    char *to = back;
    char *wanted = string;
    char *printed = NULL;
    size_t length;
    FILE *saved = stdout;

    stdout = open_memstream(&printed, &length);
    CHECK(stdout != NULL);
    json_string(string);
    fclose(stdout);
    stdout = saved;
    CHECK(length >= 2 && printed[0] == '"' && printed[length - 1] == '"');
    for (const char *at = printed + 1; at < printed + length - 1;)
        read_back(&at, &to);
    *to = '\0';
    /* What is no UTF-8 is shown as one mark a byte. */
    while (*wanted != '\0') {
        size_t n = character((const unsigned char *)wanted);
        if (n == 0)
            *wanted = '?';
        wanted += n > 0 ? n : 1;
    }
    CHECK(strcmp(back, string) == 0);
    free(back);
    free(string);
    free(printed);
    return 0;
}
