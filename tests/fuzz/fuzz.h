/*
 * What the fuzz targets share: an input taken apart, and a check that ends the
 * run.  Each target is one file; it feeds what reads outside input with bytes
 * that libFuzzer makes up, and compares the answer with something simpler.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wait.h"

/* What libFuzzer calls. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not an assert: it holds in every build.  libFuzzer shows where it was called. */
#define CHECK(condition) ((condition) ? (void)0 : abort())

/* dz_plan_init, of a plan that was used before. */
static inline void fresh_plan(struct dz_plan *plan)
{
    memset(plan, 0, sizeof *plan);
    dz_plan_init(plan, NULL);
}

/* dz_start_init, of a start that was used before. */
static inline void fresh_start(struct dz_start *start, const struct dz_plan *plan,
                               char **envp)
{
    memset(start, 0, sizeof *start);
    dz_start_init(start, plan, envp);
}

struct input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t take_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

/* The bytes before the next zero or the end: a copy of exactly that size, so that
 * the sanitizer sees a read beyond it. */
static inline char *take_word(struct input *input)
{
    size_t length = strnlen((const char *)input->at, input->left);
    size_t used = length < input->left ? length + 1 : length;
    char *word = malloc(length + 1);

    CHECK(word != NULL);
    memcpy(word, input->at, length);
    word[length] = '\0';
    input->at += used;
    input->left -= used;
    return word;
}

/* All that is left as words, behind first unless that is NULL; ended by a NULL,
 * with room for spare more. */
static inline char **take_words(struct input *input, const char *first, size_t spare,
                                int *count)
{
    size_t most = 2 + spare;
    char **words;

    for (size_t i = 0; i < input->left; i++)
        most += input->at[i] == 0;
    words = calloc(most + 1, sizeof *words);
    CHECK(words != NULL);
    *count = 0;
    if (first != NULL)
        words[(*count)++] = strdup(first);
    while (input->left > 0)
        words[(*count)++] = take_word(input);
    return words;
}

static inline void free_words(char **words, int count)
{
    for (int i = 0; i < count; i++)
        free(words[i]);
    free(words);
}

/* Make what is in the file that of data. */
static inline void fill(int fd, const void *data, size_t size)
{
    CHECK(ftruncate(fd, 0) == 0);
    CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
}

/* A folder below $TMPDIR, which is removed by who runs the targets. */
static inline void make_folder(char path[PATH_MAX])
{
    const char *temporary = getenv("TMPDIR");

    snprintf(path, PATH_MAX, "%s/dz-fuzz-XXXXXX",
             temporary != NULL ? temporary : "/tmp");
    CHECK(mkdtemp(path) != NULL);
}

/* A fault is told in one line, and is of a kind that main can end with. */
static inline void check_fault(const struct dz_fault *fault)
{
    char text[DZ_MESSAGE_MAX];
    size_t length = dz_fault_text(fault, "fuzz", text);

    CHECK(length == strlen(text) && length > 0);
    CHECK(strchr(text, '\n') == text + length - 1);
    CHECK(fault->status == DZ_EXIT_FAILURE);
    CHECK(fault->step[0] != '\0');
}

#endif
