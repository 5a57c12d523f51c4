/* The arguments of a dzctl command: its operands, as many as it takes, are left, or one
 * line says what is wrong. */
#include <getopt.h>

#include "../../cli/dzctl/dzctl.h"
#include "fuzz.h"

static void check_schedule(const char *text)
{
    struct schedule schedule;

    if (text == NULL || parse_schedule(&schedule, text, 1000) != NULL)
        return;
    CHECK(schedule.count >= 1 && schedule.count <= SCHEDULE_MAX);
    for (int i = 0; i < schedule.count; i++) {
        CHECK(schedule.steps[i].signal >= 1 && schedule.steps[i].signal <= 64);
        CHECK(schedule.steps[i].wait >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const allowed[] = {"j", "ts", "t", "fn", ""};
    struct input input = {data, size};
    struct arguments arguments;
    int how = take_byte(&input);
    int least = how / 5 % 2;
    int most = how / 10 % 2 != 0 ? INT_MAX : 1;
    struct ctl_command command = {.name = "status",
                                  .synopsis = "JOB",
                                  .help = "help",
                                  .options = allowed[how % 5],
                                  .least = least,
                                  .most = most};
    int status = -1;
    int count;
    char **argv = take_words(&input, "status", 0, &count);

    optind = 0; /* getopt(3): begin anew */
    if (parse_arguments(&arguments, &command, count, argv, &status)) {
        CHECK(status == 0);
        CHECK(arguments.count >= least && arguments.count <= most);
        CHECK(arguments.names == argv + (count - arguments.count));
        check_schedule(arguments.schedule);
        CHECK(arguments.lines >= 0 && arguments.timeout >= -1);
        CHECK(!arguments.json || how % 5 == 0);
        CHECK(!arguments.follow || how % 5 == 3);
    } else {
        CHECK(status == 0 || status == DZ_EXIT_FAILURE);
    }
    free_words(argv, count);
    return 0;
}
