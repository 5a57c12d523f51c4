/*
 * What a job listens on, for a message: "it listens on 80, 443".
 */
#include "job.h"

#include <errno.h>
#include <string.h>

struct heard {
    struct dz_text *text;
    size_t begin; /* of the list in text */
};

/* Returns whether the list holds name already: workers inherit their sockets. */
static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static int add_listener(const struct dz_listener *listener, void *data)
{
    struct heard *heard = data;
    char number[16];
    struct dz_text digits = dz_text(number, sizeof number);
    const char *name = listener->path;

    if (listener->port > 0) {
        dz_add_number(&digits, listener->port);
        name = number;
    }
    if (*name == '\0' || is_listed(heard->text->at + heard->begin, name))
        return 0;
    dz_add(heard->text, heard->text->length == heard->begin ? "" : ", ");
    dz_add(heard->text, name);
    return 0;
}

void dz_add_listeners(dz_each_listener each, void *job, struct dz_text *text)
{
    struct dz_text before = *text;
    struct heard heard = {.text = text};

    dz_add(text, " (it listens on ");
    heard.begin = text->length;
    int result = each(job, add_listener, &heard);
    if (text->length > heard.begin) {
        dz_add(text, ")");
        return;
    }
    *text = before;
    text->at[text->length] = '\0';
    if (result < 0) {
        dz_add(text, " (its descriptors are hidden: ");
        dz_add_error(text, errno);
        dz_add(text, ")");
    }
}
