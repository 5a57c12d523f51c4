/* The environment as the shim changes it: no DZ_* and no libdz.so is left, and all
 * the rest is there in its order. */
#include "fuzz.h"

/* Whether that entry of LD_PRELOAD is libdz.so; told by its end. */
static bool is_library(const char *entry)
{
    size_t length = strlen(entry);

    return strcmp(entry, "libdz.so") == 0 ||
           (length > 8 && strcmp(entry + length - 9, "/libdz.so") == 0);
}

/* The entries of an LD_PRELOAD value that are not libdz.so, with one blank behind
 * each.  Allocated; *had becomes whether there was one. */
static char *others(const char *value, bool *had)
{
    char *copy = strdup(value);
    char *result = calloc(2 * strlen(value) + 2, 1);
    char *rest = NULL;

    CHECK(copy != NULL && result != NULL);
    for (char *at = strtok_r(copy, ": ", &rest); at != NULL;
         at = strtok_r(NULL, ": ", &rest)) {
        if (is_library(at)) {
            *had = true;
            continue;
        }
        strcat(strcat(result, at), " ");
    }
    free(copy);
    return result;
}

/* Whether the entry before became the entry after, NULL for being gone. */
static bool is_right(const char *before, const char *after, bool leave, bool listens)
{
    static const char key[] = "LD_PRELOAD=";
    bool had = false;
    bool right;

    if (strncmp(before, "DZ_", 3) == 0)
        return after == NULL;
    if (leave && listens && strncmp(before, "LISTEN_PIDFDID=", 15) == 0)
        return after == NULL;
    if (strncmp(before, key, sizeof key - 1) != 0)
        return after != NULL && strcmp(before, after) == 0;
    char *wanted = others(before + sizeof key - 1, &had);
    if (!had) {
        right = after != NULL && strcmp(before, after) == 0;
    } else if (wanted[0] == '\0') {
        right = after == NULL;
    } else {
        bool again = false;
        char *left = after != NULL && strncmp(after, key, sizeof key - 1) == 0
                         ? others(after + sizeof key - 1, &again)
                         : strdup("");
        right = !again && strcmp(left, wanted) == 0;
        free(left);
    }
    free(wanted);
    return right;
}

static void scrub(struct dz_start *start, int count)
{
    char **before = calloc((size_t)count + 1, sizeof *before);
    char **after = start->envp;
    struct dz_fault fault;

    for (int i = 0; i < count; i++)
        before[i] = strdup(start->envp[i]);
    CHECK(dz_clean_environment(start, &fault) == 0);
    CHECK(!dz_is_preloaded(start->envp));
    for (int i = 0; i < count; i++) {
        bool leave = start->mode == DZ_LEAVE;
        bool listens = start->listen_fds > 0;
        if (*after != NULL && is_right(before[i], *after, leave, listens))
            after++;
        else
            CHECK(is_right(before[i], NULL, leave, listens));
    }
    for (; after <= start->envp + count; after++)
        CHECK(*after == NULL);
    free_words(before, count);
}

/* What is set is there, once, and nothing but DZ_* was lost for it. */
static void set_one(struct dz_start *start, int *count)
{
    static char entry[] = "NOTIFY_SOCKET=@dz";
    struct dz_fault fault;
    bool had = dz_env(start->envp, "NOTIFY_SOCKET") != NULL;
    bool room = had || start->env_spare > 0;

    for (char **at = start->envp; *at != NULL; at++)
        room |= strncmp(*at, "DZ_", 3) == 0;
    if (dz_set_variable(start, "NOTIFY_SOCKET", entry, &fault) < 0) {
        check_fault(&fault);
        CHECK(!room);
        return;
    }
    CHECK(room && strcmp(dz_env(start->envp, "NOTIFY_SOCKET"), "@dz") == 0);
    for (*count = 0; start->envp[*count] != NULL;)
        ++*count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dz_plan plan;
    static struct dz_start start;
    struct input input = {data, size};
    int how = take_byte(&input);
    int count;
    int now;
    char **words = take_words(&input, NULL, 1, &count);
    char **owned = calloc((size_t)count + 1, sizeof *owned);

    memcpy(owned, words, (size_t)count * sizeof *words);
    fresh_plan(&plan);
    fresh_start(&start, &plan, words);
    start.mode = (how & 1) != 0 ? DZ_LEAVE : DZ_STAY;
    start.listen_fds = (how & 2) != 0;
    start.env_spare = (how & 4) != 0;
    now = count;
    if ((how & 8) != 0)
        set_one(&start, &now);
    scrub(&start, now);
    free(words);
    free_words(owned, count);
    return 0;
}
