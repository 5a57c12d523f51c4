/* The library's own variable, DZ_INSIDE: what was written is read, and whatever else
 * somebody has put there makes no path without an end and no power that there is not.
 */
#include "fuzz.h"

static void check_plan(const struct dz_plan *plan)
{
    CHECK(plan->buffer <= DZ_BUFFER_FULL && plan->pin <= DZ_PIN_SECCOMP);
}

/* What a plan says is what another one reads. */
static void check_return(const struct dz_plan *plan, const char *out, const char *err,
                         int fd)
{
    static char variable[DZ_INSIDE_MAX];
    static char out_again[PATH_MAX];
    static char err_again[PATH_MAX];
    static struct dz_plan again;
    int read_fd;

    dz_inside_write(plan, out[0] != '\0' ? out : NULL, err[0] != '\0' ? err : NULL, fd,
                    variable);
    fresh_plan(&again);
    CHECK(dz_inside_read(&again, strchr(variable, '=') + 1, out_again, err_again,
                         &read_fd) == 0);
    CHECK(read_fd == fd);
    CHECK(again.buffer == plan->buffer && again.pin == plan->pin);
    CHECK(again.no_daemon == plan->no_daemon && again.inherit == plan->inherit);
    CHECK(again.reopen == plan->reopen);
    CHECK(strcmp(out, out_again) == 0 && strcmp(err, err_again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dz_plan plan;
    static char out[PATH_MAX];
    static char err[PATH_MAX];
    struct input input = {data, size};
    char *value = take_word(&input);
    int fd;

    fresh_plan(&plan);
    if (dz_inside_read(&plan, value, out, err, &fd) == 0) {
        CHECK(memchr(out, '\0', sizeof out) != NULL);
        CHECK(memchr(err, '\0', sizeof err) != NULL);
        check_plan(&plan);
        check_return(&plan, out, err, fd);
    }
    free(value);
    return 0;
}
