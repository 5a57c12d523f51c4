/* The words of a dzctl command: what is left are its operands, as many as it takes,
 * or one line says what is wrong. */
#include <getopt.h>

#include "../../cli/dzctl/dzctl.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const allowed[] = {"j", "ts", "t", "fn", ""};
    struct input input = {data, size};
    struct words words;
    int how = take_byte(&input);
    int least = how / 5 % 2;
    int most = how / 10 % 2 != 0 ? INT_MAX : 1;
    int status = -1;
    int count;
    char **argv = take_words(&input, "status", 0, &count);

    optind = 0; /* getopt(3): begin anew */
    if (parse_words(&words, count, argv, allowed[how % 5], least, most, &status)) {
        CHECK(status == 0);
        CHECK(words.count >= least && words.count <= most);
        CHECK(words.names == argv + (count - words.count));
        CHECK(words.signal >= 1 && words.signal <= 64);
        CHECK(words.lines >= 0 && words.timeout >= -1);
        CHECK(!words.json || how % 5 == 0);
        CHECK(!words.follow || how % 5 == 3);
    } else {
        CHECK(status == 0 || status == DZ_EXIT_FAILURE);
    }
    free_words(argv, count);
    return 0;
}
