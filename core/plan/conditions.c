/*
 * The conditions of --wait: their names, and the parser.
 *
 * The table has a row for each condition.  core/wait/ready.c looks whether they hold.
 */
#include "plan.h"

#include <string.h>

/* ---- the value after the colon: each returns NULL, or the reason of a refusal ---- */

typedef const char *parser(struct dz_condition *condition, const char *at,
                           const char *end);

static const char *parse_settle(struct dz_condition *condition, const char *at,
                                const char *end)
{
    int64_t milliseconds;

    if (dz_read_seconds(&at, &milliseconds) < 0 || at != end)
        return "settle takes a number of seconds";
    condition->number = (int)milliseconds;
    return NULL;
}

static const char *parse_alive(struct dz_condition *condition, const char *at,
                               const char *end)
{
    int64_t milliseconds;

    if (dz_read_seconds(&at, &milliseconds) < 0 || at != end)
        return "alive takes a number of seconds";
    condition->number = (int)milliseconds;
    return NULL;
}

static const char *parse_path(struct dz_condition *condition, const char *at,
                              const char *end)
{
    condition->path = at;
    condition->path_length = (int)(end - at);
    return end > at && end - at < PATH_MAX ? NULL : "path takes the name of a file";
}

static const char *parse_log(struct dz_condition *condition, const char *at,
                             const char *end)
{
    condition->path = at;
    condition->path_length = (int)(end - at);
    return end > at && memchr(at, '\n', (size_t)(end - at)) == NULL
               ? NULL
               : "log takes a text of one line";
}

static const char *parse_cmd(struct dz_condition *condition, const char *at,
                             const char *end)
{
    condition->path = at;
    condition->path_length = (int)(end - at);
    return end > at ? NULL : "cmd takes a shell command";
}

static const char *parse_listen(struct dz_condition *condition, const char *at,
                                const char *end)
{
    if (*at == '/' || *at == '@')
        return parse_path(condition, at, end);
    condition->number = dz_read_number(&at);
    if (at == end && condition->number > 0 && condition->number < 65536)
        return NULL;
    return "listen takes a port from 1 to 65535, an absolute path or @NAME";
}

static const char *parse_fd(struct dz_condition *condition, const char *at,
                            const char *end)
{
    condition->number = dz_read_number(&at);
    return at == end && condition->number >= 3 ? NULL : "fd takes a number from 3";
}

/* ---- the table ---- */

enum value { NONE, OPTIONAL, REQUIRED };

enum { SETTLE_MS = 1000 /* the longest that settle waits if no MAX is given */ };

static const struct form {
    const char *name;
    const char *shown; /* as messages write it */
    enum value value;
    bool commas; /* the value may hold some */
    int number;  /* the condition's, if no value is given */
    parser *parse;
    /* For messages: what has not happened; what stands before the value if there is
     * one; what stands after it. */
    const char *unmet[3];
} forms[] = {
    [DZ_WAIT_EXEC] = {.name = "exec",
                      .shown = "exec",
                      .unmet = {"was not executed", "", ""}},
    [DZ_WAIT_SETTLE] = {.name = "settle",
                        .shown = "settle[:MAX]",
                        .value = OPTIONAL,
                        .number = SETTLE_MS,
                        .parse = parse_settle,
                        .unmet = {"has not settled", " for ", " s"}},
    [DZ_WAIT_ALIVE] = {.name = "alive",
                       .shown = "alive:SEC",
                       .value = REQUIRED,
                       .parse = parse_alive,
                       .unmet = {"has not lived", " for ", " s"}},
    [DZ_WAIT_MAIN] = {.name = "main",
                      .shown = "main",
                      .unmet = {"libdz.so has not answered", "", ""}},
    [DZ_WAIT_LISTEN] = {.name = "listen",
                        .shown = "listen[:PORT|:PATH]",
                        .value = OPTIONAL,
                        .parse = parse_listen,
                        .unmet = {"does not listen", " on ", ""}},
    [DZ_WAIT_NOTIFY] = {.name = "notify",
                        .shown = "notify",
                        .unmet = {"has not sent READY=1", "", ""}},
    [DZ_WAIT_FD] = {.name = "fd",
                    .shown = "fd:N",
                    .value = REQUIRED,
                    .parse = parse_fd,
                    .unmet = {"has written no newline", " to descriptor ", ""}},
    [DZ_WAIT_PATH] = {.name = "path",
                      .shown = "path:FILE",
                      .value = REQUIRED,
                      .parse = parse_path,
                      .unmet = {"", "", " has not appeared"}},
    [DZ_WAIT_LOG] = {.name = "log",
                     .shown = "log:TEXT",
                     .value = REQUIRED,
                     .commas = true,
                     .parse = parse_log,
                     .unmet = {"has not written", " '", "'"}},
    [DZ_WAIT_CMD] = {.name = "cmd",
                     .shown = "cmd:COMMAND",
                     .value = REQUIRED,
                     .commas = true,
                     .parse = parse_cmd,
                     .unmet = {"", "'", "' has not succeeded"}},
};
enum { FORMS = sizeof forms / sizeof forms[0] };
_Static_assert(FORMS == DZ_WAIT_CMD + 1, "a row for each kind");

const char *dz_condition_forms(char *scratch)
{
    struct dz_text text = dz_text(scratch, DZ_CONDITION_MAX);

    for (size_t i = 0; i < FORMS; i++) {
        dz_add(&text, i == 0 ? "" : ", ");
        dz_add(&text, forms[i].shown);
    }
    return scratch;
}

bool dz_condition_names(const struct dz_condition *condition, int port,
                        const char *path)
{
    if (condition->number > 0 && port != condition->number)
        return false;
    return condition->path == NULL ||
           (strlen(path) == (size_t)condition->path_length &&
            memcmp(path, condition->path, (size_t)condition->path_length) == 0);
}

void dz_add_unmet_condition(const struct dz_condition *condition, struct dz_text *text)
{
    const char *const *unmet = forms[condition->kind].unmet;
    const char *colon = memchr(condition->text, ':', (size_t)condition->length);
    const char *end = condition->text + condition->length;

    dz_add(text, unmet[0]);
    if (colon == NULL)
        return;
    dz_add(text, unmet[1]);
    dz_add_bytes(text, colon + 1, (size_t)(end - colon - 1));
    dz_add(text, unmet[2]);
}

static int find_form(const char *text, size_t length)
{
    for (int i = 0; i < FORMS; i++)
        if (strlen(forms[i].name) == length && memcmp(forms[i].name, text, length) == 0)
            return i;
    return -1;
}

/* Returns the length of the first condition of a list.  A comma in the text of log and
 * cmd ends it only if the name of a condition follows. */
static size_t length_of_first(const char *list)
{
    int kind = find_form(list, strcspn(list, ":,"));
    size_t length = strcspn(list, ",");

    while (kind >= 0 && forms[kind].commas && list[length] == ',') {
        const char *next = list + length + 1;
        if (find_form(next, strcspn(next, ":,")) >= 0)
            break;
        length += 1 + strcspn(next, ",");
    }
    return length;
}

/* Parses one condition.  Returns NULL, or the reason of a refusal; "" if the name is
 * unknown. */
static const char *parse_one(struct dz_condition *condition, const char *text,
                             size_t length)
{
    size_t name = strcspn(text, ":,");
    int kind = find_form(text, name);

    memset(condition, 0, sizeof *condition);
    if (kind < 0)
        return "";
    if (length >= DZ_CONDITION_MAX)
        return "a condition is longer than a path can be";
    condition->kind = (enum dz_condition_kind)kind;
    condition->text = text;
    condition->length = (int)length;
    condition->number = forms[kind].number;
    if (name == length && forms[kind].value != REQUIRED)
        return NULL;
    if (forms[kind].value == NONE)
        return "exec, main and notify take no value";
    /* Without a colon the value is empty, and its parser says what it takes. */
    return forms[kind].parse(condition, text + name + (name < length), text + length);
}

static int refuse(struct dz_fault *fault, const char *value, const char *wrong)
{
    char scratch[DZ_CONDITION_MAX];
    char words[sizeof fault->reason];
    struct dz_text text = dz_text(words, sizeof words);

    if (*wrong != '\0')
        return dz_fault(fault, NULL, value, 0, wrong);
    dz_add(&text, "must be one of ");
    dz_add(&text, dz_condition_forms(scratch));
    return dz_fault(fault, NULL, value, 0, words);
}

int dz_parse_conditions(void *field, const char *value, struct dz_fault *fault)
{
    struct dz_conditions *conditions = field;
    const char *at = value;

    if (conditions->defaults)
        conditions->count = 0;
    conditions->defaults = false;
    for (;;) {
        size_t length = length_of_first(at);
        if (conditions->count == DZ_CONDITIONS)
            return dz_fault(fault, NULL, value, 0, "more than 8 conditions");
        struct dz_condition *condition = &conditions->list[conditions->count];
        const char *wrong = parse_one(condition, at, length);
        if (wrong != NULL)
            return refuse(fault, value, wrong);
        if (condition->kind == DZ_WAIT_FD &&
            dz_condition(conditions, DZ_WAIT_FD) != NULL)
            return dz_fault(fault, NULL, value, 0, "more than one fd:N");
        if (condition->kind == DZ_WAIT_CMD &&
            dz_condition(conditions, DZ_WAIT_CMD) != NULL)
            return dz_fault(fault, NULL, value, 0,
                            "more than one cmd:COMMAND; join them with &&");
        conditions->count++;
        if (at[length] == '\0')
            return 0;
        at += length + 1;
    }
}

const char *dz_show_conditions(const void *field, char *scratch)
{
    const struct dz_conditions *conditions = field;
    struct dz_text text = dz_text(scratch, DZ_SHOWN_MAX);

    for (int i = 0; i < conditions->count; i++) {
        dz_add(&text, i == 0 ? "" : ",");
        dz_add_bytes(&text, conditions->list[i].text,
                     (size_t)conditions->list[i].length);
    }
    return conditions->count > 0 ? scratch : NULL;
}

const struct dz_condition *dz_condition(const struct dz_conditions *conditions,
                                        enum dz_condition_kind kind)
{
    for (int i = 0; i < conditions->count; i++)
        if (conditions->list[i].kind == kind)
            return &conditions->list[i];
    return NULL;
}

const struct dz_conditions *dz_wait_of(const struct dz_plan *plan)
{
    static const struct dz_conditions fallback = {
        .count = 1,
        .list = {{.kind = DZ_WAIT_SETTLE,
                  .text = "settle",
                  .length = 6,
                  .number = SETTLE_MS}},
    };

    return plan->wait.count > 0 ? &plan->wait : &fallback;
}
