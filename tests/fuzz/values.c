/* The values of single options: what is accepted is what was written, told by
 * writing it anew and reading that. */
#include "fuzz.h"

static const struct dz_option *find(const char *name)
{
    const struct dz_option *option = dz_options;

    while (option->name == NULL || strcmp(option->name, name) != 0)
        option++;
    return option;
}

static bool set(struct dz_plan *plan, const char *name, const char *value)
{
    struct dz_fault fault;

    fresh_plan(plan);
    if (dz_plan_set(plan, find(name), value, name, &fault) == 0)
        return true;
    check_fault(&fault);
    CHECK(strcmp(fault.step, name) == 0);
    return false;
}

static void try_signals(struct dz_plan *plan, const char *value)
{
    char words[1024];
    struct dz_text text = dz_text(words, sizeof words);
    uint64_t wanted = plan->ignore;

    if (!set(plan, "ignore", value))
        return;
    wanted = plan->ignore;
    CHECK(wanted != 0);
    for (int number = 1; number <= 64; number++)
        if ((wanted >> (number - 1) & 1) != 0) {
            CHECK(number != 9 && number != 19);
            if (text.length > 0)
                dz_add_char(&text, ',');
            dz_add_signal(&text, number);
        }
    CHECK(!text.cut && set(plan, "ignore", words) && plan->ignore == wanted);
}

/* The smallest descriptor of the list that is at least from, or -1. */
static long next_in_list(const char *list, long from)
{
    long smallest = -1;

    while (*list != '\0') {
        char *end;
        long fd = strtol(list, &end, 10);
        if (fd >= from && (smallest < 0 || fd < smallest))
            smallest = fd;
        list = *end == ',' ? end + 1 : end;
    }
    return smallest;
}

static void try_descriptors(struct dz_plan *plan, const char *value)
{
    static struct dz_start start;
    static char *nothing[] = {NULL};

    if (!set(plan, "keep-fd", value))
        return;
    fresh_start(&start, plan, nothing);
    for (int fd = 0, steps = 0; steps < 20; steps++) {
        int next = dz_next_kept(&start, fd);
        CHECK(next == next_in_list(value, fd));
        CHECK(next < 0 || next >= 3);
        if (next < 0 || next == INT_MAX)
            break;
        fd = next + 1;
    }
}

/* What is shown is what was asked for. */
static void try_conditions(struct dz_plan *plan, const char *value)
{
    static char shown[DZ_SHOWN_MAX];
    struct dz_conditions first;

    if (!set(plan, "wait", value))
        return;
    first = plan->wait;
    CHECK(dz_plan_show(plan, find("wait"), DZ_CLI, shown) == shown);
    CHECK(strcmp(shown, value) == 0);
    CHECK(set(plan, "wait", shown) && plan->wait.count == first.count);
    for (int i = 0; i < first.count; i++) {
        CHECK(plan->wait.list[i].kind == first.list[i].kind);
        CHECK(plan->wait.list[i].number == first.list[i].number);
        CHECK(first.list[i].kind == DZ_WAIT_ALIVE ||
              first.list[i].kind == DZ_WAIT_SETTLE || first.list[i].number < 65536 ||
              first.list[i].kind == DZ_WAIT_FD);
        CHECK(first.list[i].path_length < PATH_MAX);
    }
}

static void try_seconds(struct dz_plan *plan, const char *value)
{
    if (!set(plan, "timeout", value))
        return;
    double seconds = strtod(value, NULL);
    CHECK(plan->timeout >= 0 && plan->timeout <= INT_MAX);
    CHECK((double)plan->timeout <= seconds * 1000 + 1 &&
          (double)plan->timeout >= seconds * 1000 - 1);
    CHECK((plan->timeout == 0) == !(seconds > 0));
}

static void try_rest(struct dz_plan *plan, const char *value)
{
    if (set(plan, "umask", value))
        CHECK(plan->umask == strtol(value, NULL, 8));
    if (set(plan, "name", value))
        CHECK(strpbrk(value, "/ \n\t") == NULL && value[0] != '.' && value[0] != '-' &&
              value[strspn(value, "0123456789")] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct dz_plan *, const char *) = {
        try_signals, try_descriptors, try_conditions, try_seconds, try_rest};
    static struct dz_plan plan;
    struct input input = {data, size};
    int which = take_byte(&input) % (int)(sizeof tries / sizeof tries[0]);
    char *value = take_word(&input);

    tries[which](&plan, value);
    free(value);
    return 0;
}
