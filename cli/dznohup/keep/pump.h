/*
 * The pump: what the target writes to stdout and stderr goes, line by line, to a file
 * with time stamps or rotation, to syslog, to the journal, or to a command.
 *
 * Needs core and the launcher's room; may use the whole libc.  The keeper owns a pump
 * and calls it in its poll loop; the pump itself never waits.
 *
 * The target writes to a pipe.  From there splice(2) moves bytes into a ring, which
 * lies in a file beside the record; the kernel itself stores how far that went.  Before
 * a write the ring's page says what is going to be written, and where.  Both outlive
 * the keeper.  So the next keeper goes on at the very byte at which the last one was
 * killed.
 */
#ifndef PUMP_H
#define PUMP_H

#include <fcntl.h> /* loff_t */
#include <poll.h>
#include <sys/socket.h>

#include "dznohup.h"

enum {
    PUMP_CHANNELS = 2, /* stdout, perhaps with stderr; stderr */
    PUMP_POLLS = 2 * PUMP_CHANNELS,
    PUMP_LINE_MAX = 65536,  /* longer lines are written in pieces */
    PUMP_SYSLOG_MAX = 8000, /* likewise; syslog daemons cut at 8 KiB */
    PUMP_PREFIX_MAX = 512,  /* what a line begins with */
    PUMP_MESSAGES = 64,     /* the most that one call sends */
    PUMP_RING = 4 * PUMP_LINE_MAX,
    PUMP_OUT = 2 * PUMP_LINE_MAX + 8192, /* two lines with all that is added to one */
    PUMP_SLACK = 32 /* bytes that must be readable behind a line and a prefix */
};

/* ---- lines.c: from bytes to lines ---- */

/* How a line is written. */
enum line_style {
    LINE_RAW,     /* each byte as it is */
    LINE_STAMPED, /* after a prefix */
    LINE_SYSLOG,  /* one message of RFC 3164 */
    LINE_JOURNAL  /* one entry of the journal's protocol */
};

/* The bytes of a ring that are to be written.  Behind prefix and at, PUMP_SLACK bytes
 * more are readable. */
struct lines {
    enum line_style style;
    const char *prefix;
    size_t prefix_length;
    const char *at;
    size_t size;
    bool last;  /* nothing follows: a line without a newline is whole */
    bool ended; /* the byte before at ended a line */
};

/* Where a message of a batch ends. */
struct line_end {
    size_t out; /* in the text */
    size_t in;  /* in the bytes that it was made from */
};

/*
 * Writes the whole lines of these bytes to out, which has PUMP_OUT bytes: at most stop
 * bytes of them, and no second line once soft bytes would be exceeded.  Sets *eaten to
 * the number of given bytes that it has used.  ends, if it is not NULL, gets the end of
 * each of at most PUMP_MESSAGES lines, and *count their number.  Returns the length of
 * the text.
 */
size_t lines_compose(const struct lines *lines, size_t stop, size_t soft, char *out,
                     size_t *eaten, struct line_end *ends, int *count);

/* Returns how many of the raw bytes are whole lines, at most soft bytes unless the
 * first line is longer. */
size_t lines_raw(const struct lines *lines, size_t soft);

/* ---- stamp.c ---- */

/* Writes the time in that format, and a space, to text.  Returns the length, 0 if the
 * format gives nothing or more than size bytes. */
size_t stamp_write(const char *format, char *text, size_t size);

/* Writes "Nov  3 09:05:00 " as syslog wants it. */
size_t stamp_write_syslog(char *text, size_t size);

/* ---- ring.c: what outlives the keeper ---- */

/* What is being written. */
struct batch {
    bool valid;
    bool last;   /* it ends with the last line of a run */
    loff_t from; /* the ring's bytes from..upto */
    loff_t upto;
    uint64_t inode; /* of the log, 0: not a file */
    uint64_t device;
    int64_t size; /* of the log before */
    int64_t skip; /* bytes of the text that another file holds already */
    int messages; /* for a socket: their number, else 0 */
    int prefix_length;
    char prefix[PUMP_PREFIX_MAX + PUMP_SLACK];
};

struct ring_page {
    char magic[8];
    uint64_t pipe; /* the inode of the target's pipe */
    loff_t taken;  /* bytes from done to here wait to be written; splice(2) moves it */
    loff_t done;
    struct batch batch;
    struct mmsghdr heads[PUMP_MESSAGES]; /* the kernel stores what it has sent */
    struct iovec parts[PUMP_MESSAGES];
    loff_t ends[PUMP_MESSAGES]; /* what done becomes when a message is sent */
};

struct ring {
    int file;     /* -1: closed */
    bool refused; /* the kernel refuses splice(2): read(2) takes its place */
    char *bytes;  /* PUMP_RING bytes, twice in a row */
    struct ring_page *page;
};

/*
 * Opens the ring in the file path, which is made if it is missing; NULL: in memory
 * alone.  *old is set if it holds the bytes of a keeper that was killed.
 */
int ring_open(struct ring *ring, const char *path, bool *old, struct dz_fault *fault);
void ring_close(struct ring *ring);

/* Returns the bytes that wait to be written. */
size_t ring_length(const struct ring *ring);
static inline const char *ring_bytes(const struct ring *ring)
{
    return ring->bytes + ring->page->done;
}

/* Returns whether the last byte that was written ended a line. */
bool ring_at_line(const struct ring *ring);

/* Makes ring_at_line() true, after a last line without a newline. */
void ring_end_line(struct ring *ring);

/* Moves bytes from the pipe to the ring, at most that many.  Returns their number, 0 if
 * there are none now or the ring has no room, or -1 and sets errno. */
ssize_t ring_take(struct ring *ring, int pipe, size_t most);

/* Says what is going to be written.  batch.valid and from are set here. */
void ring_begin(struct ring *ring, const struct batch *batch, size_t eaten);

/* Says that bytes up to that place are written, and the batch with them. */
void ring_commit(struct ring *ring, loff_t upto);

/* Returns the place that many bytes after done. */
loff_t ring_place(const struct ring *ring, size_t after);

/* ---- log_file.c: a log as a regular file, or a stream ---- */

struct output {
    enum dz_output_kind kind;
    const char *step; /* "output" or "error", for messages */
    const char *text; /* of the option */
    int fd;           /* the file, socket, or the command's stdin; -1: none */
    bool regular;     /* a file that grows by what we write alone */
    int64_t size;     /* of that file */
    uint64_t inode;
    uint64_t device;
    bool stream;           /* a socket without message boundaries */
    int command_end;       /* COMMAND: the end of its stdin that it reads */
    pid_t command;         /* 0: not running */
    bool command_ended;    /* one has */
    int command_status;    /* its status, as of waitpid(2) */
    int64_t command_after; /* not started again before that time */
    char path[PATH_MAX];   /* of a file; empty: it cannot be reopened */
};

/* Looks at the file that output->fd is open on. */
int output_look(struct output *output);

/* Opens the file anew by its name, and makes it with the mode of the old one if it is
 * missing.  Returns 0, or -1 and sets errno; the old one stays open then. */
int output_reopen(struct output *output);

/* Returns how many of size bytes at text the file holds from batch->size on. */
size_t output_written(const struct output *output, const struct batch *batch,
                      const char *text, size_t size);

/* ---- rotation.c ---- */

/* Renames path to path.1, path.1 to path.2 and so on; keeps count of them.  Returns 0,
 * or -1 and sets errno.  A rotation that was broken off is only completed. */
int rotate_names(const char *path, int count);

/* ---- syslog.c: syslog and the journal ---- */

/* Connects to the socket of syslog or the journal.  Returns 0, or -1 and sets errno. */
int output_connect(struct output *output);

/* Returns the path of that socket. */
const char *output_address(const struct output *output);

/* Writes what each message of a syslog or journal begins with. */
size_t syslog_prefix(int priority, const char *tag, pid_t pid, char *text, size_t size);
size_t journal_prefix(int priority, const char *tag, const char *name, pid_t pid,
                      char *text, size_t size);

/* ---- piped_command.c ---- */

/* Makes the pipe of a command.  Returns 0, or -1 and sets errno. */
int open_piped_command(struct output *output);

/* Starts the command.  Returns 0, or -1 and sets errno. */
int start_piped_command(struct output *output, char **envp);

/* ---- channel.c: one stream on its way ---- */

struct channel {
    int number;         /* 1: stdout, and stderr if it has no channel; 2: stderr */
    bool both;          /* stdout and stderr share this channel */
    int pipe;           /* what we read; non-blocking */
    int target_fd;      /* what becomes a stream of the target */
    int priority;       /* as of syslog(3) */
    const char *stamps; /* the format of time stamps, or NULL */
    int64_t rotate;     /* the log's greatest size, 0: any */
    int keeps;          /* the number of rotated logs */
    struct output output;
    struct ring ring;
    char *room;      /* PUMP_OUT bytes for text */
    const char *out; /* the text of the batch */
    size_t out_length;
    size_t out_done;
    int messages; /* of the batch, for a socket */
    int sent;     /* how many of them */
    struct line_end ends[PUMP_MESSAGES];
    bool waits;           /* until the output takes more */
    bool goes_on;         /* there may be more to do at once */
    bool ending;          /* the target has ended */
    bool torn;            /* its last line had no newline */
    size_t owed;          /* bytes that the target has left in the pipe */
    int trouble;          /* errno of what keeps us from writing, 0: nothing */
    int64_t retry_at;     /* when to look again, dz_milliseconds() */
    int name_trouble;     /* errno of the last rotation or reopening, 0: it worked */
    int64_t rotate_after; /* no rotation before that time, dz_milliseconds() */
    char ring_path[PATH_MAX]; /* of the ring's file; empty: in memory */
};

struct pump;

/* Moves what can be moved without waiting. */
void channel_run(const struct pump *pump, struct channel *channel);

/* Returns whether text of the channel is not yet written. */
bool channel_is_pending(const struct channel *channel);

/* The target has ended: what the pipe holds now is the last of it. */
void channel_end(struct channel *channel);

/* Returns whether all of that is written, and makes the channel ready for another run
 * then. */
bool channel_is_drained(struct channel *channel);

/* Goes on with the batch that a killed keeper has left. */
void channel_recover(struct channel *channel);

/* Opens the log anew by its name, or rotates it and does so.  Failing is a trouble. */
void channel_reopen(struct channel *channel);
void channel_rotate(struct channel *channel);

/* ---- messages_sent.c: a batch for a socket ---- */

/* Readies the messages of the batch to be sent from their beginning. */
void ready_messages(struct channel *channel);

/* Sends the messages of the batch.  Returns 0, or -1 and sets errno: EAGAIN if the
 * socket takes no more now. */
int send_messages(struct channel *channel);

/* Returns how many messages of the page were sent whole. */
int count_sent(const struct ring_page *page);

/* ---- pump.c: what the keeper calls ---- */

struct pump {
    const char *name; /* the job's, or NULL */
    const char *tag;  /* that, or the command's */
    char **envp;      /* of commands */
    pid_t target;     /* for messages; the keeper sets it at each start */
    bool taken;       /* another keeper has started it */
    int count;        /* 0: there is nothing to pump */
    struct channel channels[PUMP_CHANNELS];
};

/*
 * Opens the pump for the streams of start, which dz_open_streams has opened.  The rings
 * are in the files BASE.1 and BASE.2, or in memory alone if base is NULL.  target is
 * the process that writes to the pipes of a killed keeper, or 0.  Returns 0, or -1 with
 * the fault, and leaves nothing open then.
 */
int pump_open(struct pump *pump, const struct dz_start *start, const char *base,
              pid_t target, struct dz_fault *fault);

/* Returns the descriptor that becomes stream 1 or 2 of the target, or -1 if that one is
 * not pumped.  It is close-on-exec, and stays the pump's. */
int pump_target_fd(const struct pump *pump, int number);

/* Returns the descriptor of the log that stream 1 or 2 goes to, or -1. */
int pump_log_fd(const struct pump *pump, int number);

/* Returns the smallest descriptor >= from that the pump needs, or -1. */
int pump_next_fd(const struct pump *pump, int from);

/* Fills in what the keeper's poll(2) has to watch.  Returns their number. */
int pump_polls(const struct pump *pump, struct pollfd polls[PUMP_POLLS]);

/* Returns the milliseconds after which pump_run must be called at the latest, or -1. */
int pump_timeout(const struct pump *pump);

/* Moves what can be moved; after each poll(2). */
void pump_run(struct pump *pump);

/*
 * The target has ended: returns whether what it wrote before that is written.  If not,
 * poll on and ask again.  Then the end may be recorded, and another run begun.
 */
bool pump_drain(struct pump *pump);

/* Adds a line of the keeper's own, without a newline, to what stderr shows. */
void pump_say(struct pump *pump, const char *line);

/* SIGHUP, SIGUSR2: opens the logs anew by name; rotates them. */
void pump_reopen(struct pump *pump);
void pump_rotate(struct pump *pump);

/* Takes note that a child of the keeper's was reaped.  Returns whether it was a command
 * of ours. */
bool pump_reaped(struct pump *pump, pid_t pid, int status);

/* Writes what keeps the pump from writing: "OBJECT: REASON".  Returns whether anything
 * does. */
bool pump_trouble(const struct pump *pump, struct dz_text *text);

/*
 * Ends the pump after the last run: commands see the end of their input, and get until
 * the clock (dz_milliseconds) reaches until to end.  Removes the rings' files.  0: the
 * start has failed; the rings of a job that goes on stay.
 */
void pump_close(struct pump *pump, int64_t until);

#endif
