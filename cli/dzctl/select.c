/*
 * The jobs that a command is about, and the name that a user may have meant.
 */
#include "dzctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the nearest name ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Returns how many characters are to be changed, added or removed to make one of the
 * other. */
static size_t distance(const char *one, const char *other)
{
    size_t row[NAME_MAX + 1];
    size_t length = strnlen(other, NAME_MAX);

    for (size_t i = 0; i <= length; i++)
        row[i] = i;
    for (; *one != '\0'; one++) {
        size_t diagonal = row[0]++;
        for (size_t i = 1; i <= length; i++) {
            size_t changed = diagonal + (*one != other[i - 1]);
            diagonal = row[i];
            row[i] = least(changed, least(row[i], row[i - 1]) + 1);
        }
    }
    return row[length];
}

void take_nearer(struct nearest *nearest, const char *name)
{
    size_t length = strlen(nearest->word);
    size_t far = distance(nearest->word, name);

    if (far > (length + 2) / 3 && strncmp(name, nearest->word, length) != 0)
        return;
    if (nearest->name[0] == '\0' || far < nearest->distance) {
        nearest->distance = far;
        snprintf(nearest->name, sizeof nearest->name, "%s", name);
    }
}

static int look_at_name(const char *name, int directory, void *data)
{
    (void)directory;
    /* Locks begin with a dot, and records of jobs without a name are numbers. */
    if (name[0] != '.' && name[0] != DZ_KEPT_PREFIX &&
        name[strspn(name, "0123456789")] != '\0')
        take_nearer(data, name);
    return 0;
}

int fault_no_job(const char *command, const char *word, struct dz_fault *fault)
{
    struct nearest nearest = {.word = word};
    char path[PATH_MAX];
    char reason[sizeof fault->reason];
    struct dz_fault unheard;
    int directory = -1;

    if (word[strspn(word, "0123456789")] != '\0' && strlen(word) <= NAME_MAX)
        directory = dz_state_open(environ, false, path, &unheard);
    if (directory >= 0)
        dz_each_entry(directory, ".", look_at_name, &nearest);
    dz_close_fd(&directory);
    snprintf(reason, sizeof reason, "no such job");
    if (strchr(word, '/') == NULL && access(word, F_OK) == 0)
        snprintf(reason, sizeof reason,
                 "no such job; to name a pidfile here, begin with ./");
    else if (nearest.name[0] != '\0')
        snprintf(reason, sizeof reason, "no such job; did you mean %.100s?",
                 nearest.name);
    dz_fault(fault, command, word, 0, reason);
    fault->status = CTL_NOT_RUNNING;
    return -1;
}

/* ---- selecting ---- */

static int out_of_memory(int failure)
{
    struct dz_fault fault;

    dz_fault(&fault, "jobs", NULL, ENOMEM, NULL);
    fault.status = failure != 0 ? failure : CTL_FAILED;
    return ctl_tell(&fault);
}

static int select_all(int failure, struct choice **choices, size_t *count)
{
    struct dz_fault fault;
    struct job *jobs;

    if (job_list(&jobs, count, &fault) < 0) {
        fault.status = failure != 0 ? failure : CTL_FAILED;
        return ctl_tell(&fault);
    }
    *choices = calloc(*count + 1, sizeof **choices);
    for (size_t i = 0; i < *count; i++) {
        if (*choices == NULL) {
            job_free(&jobs[i]);
            continue;
        }
        (*choices)[i].job = jobs[i];
        (*choices)[i].word = job_called(&jobs[i], (*choices)[i].digits);
    }
    free(jobs);
    if (*choices != NULL)
        return 0;
    *count = 0;
    return out_of_memory(failure);
}

int select_jobs(const struct arguments *arguments, int first, int failure,
                struct choice **choices, size_t *count)
{
    struct dz_fault fault;
    int status = 0;

    *choices = NULL;
    *count = 0;
    if (arguments->all)
        return select_all(failure, choices, count);
    *choices = calloc((size_t)arguments->count + 1, sizeof **choices);
    if (*choices == NULL)
        return out_of_memory(failure);
    for (int i = first; i < arguments->count; i++) {
        struct choice *choice = &(*choices)[*count];
        choice->word = arguments->names[i];
        if (job_find(&choice->job, choice->word, &fault) == 0) {
            ++*count;
            continue;
        }
        if (failure != 0 && fault.status == CTL_FAILED)
            fault.status = failure;
        status = ctl_worst(status, ctl_tell(&fault));
    }
    return status;
}

void keep_running(struct choice *choices, size_t *count)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) {
        if (choices[i].job.state != JOB_RUNS) {
            job_free(&choices[i].job);
            continue;
        }
        choices[kept] = choices[i];
        choices[kept].word = job_called(&choices[kept].job, choices[kept].digits);
        kept++;
    }
    *count = kept;
}

void measure_choices(struct choice *choices, size_t count)
{
    struct job **jobs = calloc(count + 1, sizeof *jobs);

    for (size_t i = 0; jobs != NULL && i < count; i++)
        jobs[i] = &choices[i].job;
    if (jobs != NULL)
        job_measure(jobs, count);
    free(jobs);
}

void free_choices(struct choice *choices, size_t count)
{
    for (size_t i = 0; i < count; i++)
        job_free(&choices[i].job);
    free(choices);
}
