/* The library's own variable, DZ_INSIDE: what was written is read, and whatever else
 * somebody has put there makes no path without an end and no power that there is not.
 */
#include "fuzz.h"

static void check_plan(const struct dz_plan *plan)
{
    CHECK(plan->buffer <= DZ_BUFFER_FULL && plan->pin <= DZ_PIN_SECCOMP);
    CHECK(memchr(plan->log.path, '\0', sizeof plan->log.path) != NULL);
    CHECK(memchr(plan->error_log.path, '\0', sizeof plan->error_log.path) != NULL);
}

/* The path of a stream's log, "" for none. */
static const char *log_of(const struct dz_plan *plan, int number)
{
    const char *path = dz_stream_log(plan, number);

    return path != NULL ? path : "";
}

/* What a plan says is what another one reads. */
static void check_return(const struct dz_plan *plan, int fd)
{
    static char *nothing[] = {NULL};
    static char variable[DZ_INSIDE_MAX];
    static struct dz_plan again;
    int read_fd;

    dz_inside_write(plan, fd, variable);
    fresh_plan(&again, NULL, nothing);
    CHECK(dz_inside_read(&again, strchr(variable, '=') + 1, &read_fd) == 0);
    CHECK(read_fd == fd);
    CHECK(again.buffer == plan->buffer && again.pin == plan->pin);
    CHECK(again.no_daemon == plan->no_daemon && again.inherit == plan->inherit);
    CHECK(again.reopen == plan->reopen);
    for (int i = 1; i <= 2 && plan->reopen; i++)
        CHECK(strcmp(log_of(plan, i), log_of(&again, i)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *nothing[] = {NULL};
    static struct dz_plan plan;
    struct input input = {data, size};
    char *value = take_word(&input);
    int fd;

    fresh_plan(&plan, NULL, nothing);
    if (dz_inside_read(&plan, value, &fd) == 0) {
        check_plan(&plan);
        check_return(&plan, fd);
    }
    free(value);
    return 0;
}
