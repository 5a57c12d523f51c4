/*
 * All records of the state directory.
 *
 * Opening the files takes most of the time.  If there are many, threads do that side by
 * side.
 */
#include "dzctl.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The names of the files, one behind the other, each with its zero. */
struct names {
    char *bytes;
    size_t length;
    size_t room;
    size_t count;
};

/* What the threads share.  Each thread takes the next few files when it has none. */
struct reading {
    int directory;
    const char *path;
    const char **files;
    struct job *jobs; /* JOB_NONE: not a record that can be trusted */
    size_t count;
    atomic_size_t next;
};

enum {
    A_TIME = 32,     /* files that a thread takes at a time */
    THREADS_MAX = 8, /* beside the main thread */
    A_THREAD = 500   /* files that are worth another thread */
};

static int add_name(const char *name, int directory, void *data)
{
    struct names *names = data;
    size_t size = strlen(name) + 1;

    (void)directory;
    if (name[0] == '.') /* locks, and files that are being written */
        return 0;
    if (names->room - names->length < size) {
        size_t room = 2 * names->room + 4096;
        char *more = realloc(names->bytes, room);
        if (more == NULL)
            return -1;
        names->bytes = more;
        names->room = room;
    }
    memcpy(names->bytes + names->length, name, size);
    names->length += size;
    names->count++;
    return 0;
}

static void read_next(struct reading *reading)
{
    struct text_room room = {0};
    size_t at;

    while ((at = atomic_fetch_add(&reading->next, A_TIME)) < reading->count)
        for (size_t end = at + A_TIME; at < end && at < reading->count; at++)
            job_read_by(&reading->jobs[at], reading->directory, reading->path,
                        reading->files[at], &room);
    free(room.text);
}

static void *read_beside(void *data)
{
    /* Two threads with one table of descriptors would wait for each other. */
    unshare(CLONE_FILES); /* if this fails, it only takes longer */
    read_next(data);
    return NULL;
}

/* Reads the records by as many threads as are of use and can be had. */
static void read_all(struct reading *reading)
{
    pthread_t threads[THREADS_MAX];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t started = 0;

    /* This process reads its own namespaces once.  That must be before the threads. */
    dz_is_here(&(struct dz_identity){0});
    while (started < THREADS_MAX && (long)started + 1 < processors &&
           (started + 1) * A_THREAD < reading->count &&
           pthread_create(&threads[started], NULL, read_beside, reading) == 0)
        started++;
    read_next(reading);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

/*
 * A job without a name that has ended is forgotten after a day.  The time of its end is
 * known only if a process waited for that.  So the first list after the end notes the
 * time.  Returns whether the job is forgotten.
 */
static bool is_outdated(const struct job *job, int directory, const char *file)
{
    enum { DAY = 24 * 60 * 60 };
    int64_t over = job->ended > 0 ? job->ended : job->noticed;

    if (job->name != NULL || job->state != JOB_ENDED)
        return false;
    if (over == 0)
        dz_record_add_notice(directory, file, &job->record);
    if (over == 0 || dz_now() - over < DAY)
        return false;
    job_forget(job);
    return true;
}

/* Keeps the records that could be read, and are not outdated.  Returns how many. */
static size_t keep_records(struct reading *reading)
{
    size_t kept = 0;

    for (size_t i = 0; i < reading->count; i++) {
        struct job *job = &reading->jobs[i];
        if (job->state == JOB_NONE)
            continue;
        if (is_outdated(job, reading->directory, reading->files[i]))
            job_free(job);
        else if (i == kept++)
            continue;
        else
            reading->jobs[kept - 1] = *job;
    }
    return kept;
}

/* Reads all records of the state directory.  Returns 0, or -1 and sets errno. */
static int read_directory(int directory, const char *path, struct job **jobs,
                          size_t *count)
{
    struct reading reading = {.directory = directory, .path = path};
    struct names names = {0};
    int result = dz_each_entry(directory, ".", add_name, &names);

    if (result == 0) {
        reading.files = malloc((names.count + 1) * sizeof *reading.files);
        reading.jobs = calloc(names.count + 1, sizeof *reading.jobs);
        result = reading.files == NULL || reading.jobs == NULL ? -1 : 0;
    }
    if (result == 0) {
        for (const char *at = names.bytes; reading.count < names.count;
             at += strlen(at) + 1)
            reading.files[reading.count++] = at;
        read_all(&reading);
        *count = keep_records(&reading);
        *jobs = reading.jobs;
    } else {
        free(reading.jobs);
    }
    free(reading.files);
    free(names.bytes);
    return result;
}

/* ---- the order ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Skips zeros at *at, and returns the number of digits that follow. */
static size_t skip_zeros(const char **at)
{
    size_t length = 0;

    while (**at == '0')
        ++*at;
    while (is_digit((*at)[length]))
        length++;
    return length;
}

/* Compares names, in which numbers count as such: "w2" is before "w10". */
static int compare_names(const char *one, const char *other)
{
    const char *a = one;
    const char *b = other;

    for (;;) {
        while (*a == *b && *a > '9')
            a++, b++;
        if (*a == '\0' || *b == '\0')
            break;
        if (is_digit(*a) && is_digit(*b)) {
            size_t length = skip_zeros(&a);
            size_t other_length = skip_zeros(&b);
            if (length != other_length)
                return length < other_length ? -1 : 1;
            int order = memcmp(a, b, length);
            if (order != 0)
                return order;
            a += length;
            b += length;
        } else if (*a++ != *b++) {
            return (unsigned char)a[-1] < (unsigned char)b[-1] ? -1 : 1;
        }
    }
    if (*a != *b)
        return *a == '\0' ? -1 : 1;
    return strcmp(one, other); /* "w1" and "w01" */
}

/* A job's place in the order. */
struct place {
    const char *name;
    pid_t pid;
    size_t from; /* where the job is */
};

static int by_name(const void *a, const void *b)
{
    const struct place *one = a;
    const struct place *other = b;

    if (one->name != NULL && other->name != NULL)
        return compare_names(one->name, other->name);
    if (one->name != NULL || other->name != NULL)
        return one->name != NULL ? -1 : 1;
    return (one->pid > other->pid) - (one->pid < other->pid);
}

/* Moves each job to its place, in circles of jobs that take each other's. */
static void move_jobs(struct job *jobs, struct place *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct job first = jobs[i];
        size_t to = i;
        while (order[to].from != i) {
            size_t from = order[to].from;
            jobs[to] = jobs[from];
            order[to].from = to;
            to = from;
        }
        jobs[to] = first;
        order[to].from = to;
    }
}

/* Sorts places, and moves each job once: a job is large.  Returns 0, or -1 and sets
 * errno. */
static int sort_jobs(struct job *jobs, size_t count)
{
    struct place *order = malloc((count + 1) * sizeof *order);

    if (order == NULL)
        return -1;
    for (size_t i = 0; i < count; i++)
        order[i] = (struct place){jobs[i].name, jobs[i].record.who.pid, i};
    qsort(order, count, sizeof *order, by_name);
    move_jobs(jobs, order, count);
    free(order);
    return 0;
}

int job_list(struct job **jobs, size_t *count, struct dz_fault *fault)
{
    char path[PATH_MAX];
    int directory = dz_state_open(environ, false, path, fault);
    int result;

    *jobs = NULL;
    *count = 0;
    if (directory < 0)
        return fault->err == ENOENT ? 0 : -1;
    result = read_directory(directory, path, jobs, count);
    if (result == 0)
        result = sort_jobs(*jobs, *count);
    if (result < 0)
        dz_fault(fault, "state", path, errno, NULL);
    dz_close(directory);
    return result;
}
