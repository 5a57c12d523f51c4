/* The library's own variable, DZ_INSIDE: what was written is read, and whatever else
 * somebody has put there makes no path without an end and no power that there is not.
 */
#include "fuzz.h"

static void check_plan(const struct dz_plan *plan)
{
    CHECK(plan->buffer <= DZ_BUFFER_FULL && plan->pin <= DZ_PIN_SECCOMP);
}

static bool is_same_path(const struct dz_inside *one, const struct dz_inside *other,
                         int which)
{
    size_t length = one->paths[which].length;

    return length == other->paths[which].length &&
           memcmp(one->paths[which].path, other->paths[which].path, length) == 0;
}

/* What a plan says is what another one reads. */
static void check_return(const struct dz_plan *plan, const struct dz_inside *inside)
{
    static struct dz_plan again;
    struct dz_inside read;
    char powers[DZ_POWERS_MAX];

    dz_powers_text(plan, false, powers);
    size_t size = dz_inside_size(powers, inside);
    char *variable = malloc(size);
    CHECK(variable != NULL);
    struct dz_text text = dz_text(variable, size);
    dz_inside_write(powers, inside, &text);
    CHECK(!text.cut);
    fresh_plan(&again);
    CHECK(dz_inside_read(&again, strchr(variable, '=') + 1, &read) == 0);
    CHECK(read.kind == inside->kind && read.fd == inside->fd);
    CHECK(read.held == inside->held && read.ignored == inside->ignored);
    CHECK(memcmp(read.logs, inside->logs, sizeof read.logs) == 0);
    for (int i = 0; i < DZ_INSIDE_PATHS; i++)
        CHECK(is_same_path(&read, inside, i));
    CHECK(again.buffer == plan->buffer && again.pin == plan->pin);
    CHECK(again.no_daemon == plan->no_daemon && again.inherit == plan->inherit);
    CHECK(again.reopen == plan->reopen);
    free(variable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dz_plan plan;
    struct dz_inside inside;
    struct input input = {data, size};
    char *value = take_word(&input);

    fresh_plan(&plan);
    if (dz_inside_read(&plan, value, &inside) == 0) {
        const char *end = value + strlen(value);
        for (int i = 0; i < DZ_INSIDE_PATHS; i++)
            CHECK(inside.paths[i].length < PATH_MAX &&
                  inside.paths[i].path + inside.paths[i].length <= end);
        check_plan(&plan);
        check_return(&plan, &inside);
    }
    free(value);
    return 0;
}
