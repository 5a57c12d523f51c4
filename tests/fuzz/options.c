/* The environment's settings and the command line: whatever they are, they make a
 * plan that fits together, or one line that says what is wrong. */
#include <getopt.h>

#include "../../cli/dznohup/dznohup.h"
#include "fuzz.h"

/* The words in front of the operands are options and their arguments; what a
 * message is about is in one of those that were read. */
static void parse(struct dz_plan *plan, char **argv, int argc)
{
    struct dz_fault fault;
    int operand = -1;

    optind = 0; /* getopt(3): begin anew */
    CHECK(getopt(1, argv, "+") == -1 && optind == 1);
    if (parse_options(plan, argc, argv, &operand, &fault) < 0) {
        check_fault(&fault);
        /* What is told to be unknown is an option. */
        CHECK(strcmp(fault.step, "options") != 0 || fault.object[0] == '-');
        return;
    }
    CHECK(operand >= 1 && operand <= argc);
    CHECK(operand == argc || argv[operand][0] != '-' || argv[operand][1] == '\0' ||
          strcmp(argv[operand - 1], "--") == 0);
    if (dz_plan_check(plan, &fault) < 0)
        check_fault(&fault);
}

static void check_plan(const struct dz_plan *plan)
{
    CHECK(plan->umask >= -1 && plan->umask <= 0777);
    CHECK(plan->timeout >= 0);
    CHECK(plan->mode == DZ_STAY || plan->mode == DZ_LEAVE);
    CHECK(plan->output.kind == DZ_OUTPUT_UNSET || plan->output.text[0] != '\0');
    CHECK(plan->name == NULL || strchr(plan->name, '/') == NULL);
    CHECK(plan->wait.count >= 0 && plan->wait.count <= DZ_CONDITIONS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dz_plan plan;
    struct input input = {data, size};
    struct dz_fault fault;
    int how = take_byte(&input);
    int count;
    char **words = take_words(&input, "dznohup", 0, &count);

    if (how % 4 < 2) {
        fresh_plan(&plan);
        if (dz_plan_environment(&plan, words + 1, how % 2 == 0 ? DZ_CLI : DZ_SHIM,
                                &fault) < 0)
            check_fault(&fault);
        else
            check_plan(&plan);
    } else {
        fresh_plan(&plan);
        parse(&plan, words, count);
        check_plan(&plan);
    }
    free_words(words, count);
    return 0;
}
