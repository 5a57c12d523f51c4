/* What a kept program says by sd_notify(3), in each phase of its keeper: the manager
 * gets lines of it alone, and none that is the keeper's; the watchdog's clock stays a
 * time. */
#include <sys/socket.h>
#include <sys/un.h>

#include "../../cli/dznohup/keep/keep.h"
#include "fuzz.h"

static int manager;
static char variable[64];
static char *envp[] = {variable, NULL};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address;

    (void)argc;
    (void)argv;
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK(manager >= 0);
    CHECK(bind(manager, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
    CHECK(getsockname(manager, (struct sockaddr *)&address, &length) == 0);
    snprintf(variable, sizeof variable, "NOTIFY_SOCKET=@%.*s",
             (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
             address.sun_path + 1);
    return 0;
}

/* Whether the text has that line. */
static bool has_line(const char *text, const char *line, size_t length)
{
    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n')
        if (strcspn(text, "\n") == length && memcmp(text, line, length) == 0)
            return true;
    return false;
}

static bool begins(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0;
}

/* Checks one line that the manager got. */
static void check_line(const struct keeper *keeper, const char *line)
{
    bool last =
        keeper->stopping || keeper->start->plan->restart.policy == DZ_RESTART_NEVER;

    CHECK(!begins(line, "MAINPID") && !begins(line, "FDSTORE") &&
          !begins(line, "BARRIER"));
    CHECK(!begins(line, "NOTIFYACCESS"));
    CHECK(last || !begins(line, "STOPPING"));
    if (keeper->start->plan->watchdog > 0)
        CHECK(!begins(line, "WATCHDOG=trigger") && !begins(line, "WATCHDOG_USEC"));
    if (keeper->phase == PHASE_STARTING && keeper->start->plan->wait.count > 0)
        CHECK(!begins(line, "READY"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dz_start start;
    static struct keeper keeper;
    struct input input = {data, size};
    int kind = take_byte(&input);
    struct dz_plan plan = {
        .mode = (kind & 1) != 0 ? DZ_LEAVE : DZ_STAY,
        .watchdog = (kind & 2) != 0 ? 5000 : 0,
        .restart = {.policy = (kind & 4) != 0 ? DZ_RESTART_ALWAYS : DZ_RESTART_NEVER},
        .wait = {.count = (kind & 8) != 0}};
    struct dz_fault fault;
    char got[8192];
    ssize_t n;

    fresh_start(&start, &plan, envp);
    memset(&keeper, 0, sizeof keeper);
    keeper.start = &start;
    keeper.phase = (kind & 16) != 0 ? PHASE_STARTING : PHASE_RUNNING;
    keeper.stopping = (kind & 32) != 0;
    keeper.told = (kind & 64) != 0;
    manager_find(&keeper);
    CHECK(keeper.manager.there && open_hearing(&keeper, &fault) == 0);
    watchdog_begin(&keeper);
    char *text = take_word(&input);
    if (strlen(text) <= 4096) /* what is longer is not read */
        start.notify.hear(start.notify.hearer, text);
    CHECK(keeper.watchdog.within >= 0);
    CHECK(keeper.watchdog.until == INT64_MAX || plan.watchdog > 0);
    n = recv(manager, got, sizeof got - 1, 0);
    got[n > 0 ? n : 0] = '\0';
    CHECK(n < 0 || plan.mode == DZ_STAY || keeper.told);
    for (char *line = got; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        CHECK(length > 0 && has_line(text, line, length));
        check_line(&keeper, line);
        line += length + (line[length] == '\n');
    }
    CHECK(recv(manager, got, sizeof got, 0) < 0);
    dz_close_fd(&start.notify.fd);
    free(text);
    return 0;
}
