/*
 * A failure as data, and as the one line that users read.
 *
 * strerror(3) is not async-signal-safe.  Before main() libc's locale is not set up
 * either.  So this file names the errors of our system calls, and those that a program
 * may report by ERRNO=, sd_notify(3).  Any other error is shown as a number.
 */
#include "base.h"

#include <errno.h>
#include <string.h>

static const struct {
    int err;
    const char *text;
} errors[] = {
    {EPERM, "Operation not permitted"},
    {ENOENT, "No such file or directory"},
    {ESRCH, "No such process"},
    {EINTR, "Interrupted system call"},
    {EIO, "Input/output error"},
    {ENXIO, "No such device or address"},
    {E2BIG, "Argument list too long"},
    {ENOEXEC, "Exec format error"},
    {EBADF, "Bad file descriptor"},
    {ECHILD, "No child processes"},
    {EAGAIN, "Resource temporarily unavailable"},
    {ENOMEM, "Cannot allocate memory"},
    {EACCES, "Permission denied"},
    {EFAULT, "Bad address"},
    {EBUSY, "Device or resource busy"},
    {EEXIST, "File exists"},
    {ENODEV, "No such device"},
    {ENOTDIR, "Not a directory"},
    {EISDIR, "Is a directory"},
    {EINVAL, "Invalid argument"},
    {ENFILE, "Too many open files in system"},
    {EMFILE, "Too many open files"},
    {ENOTTY, "Inappropriate ioctl for device"},
    {ETXTBSY, "Text file busy"},
    {EFBIG, "File too large"},
    {ENOSPC, "No space left on device"},
    {EROFS, "Read-only file system"},
    {EPIPE, "Broken pipe"},
    {ENAMETOOLONG, "File name too long"},
    {ERANGE, "Numerical result out of range"},
    {ENOLCK, "No locks available"},
    {ENOSYS, "Function not implemented"},
    {ELOOP, "Too many levels of symbolic links"},
    {ELIBBAD, "Accessing a corrupted shared library"},
    {EOPNOTSUPP, "Operation not supported"},
    {EDQUOT, "Disk quota exceeded"},
    {ESTALE, "Stale file handle"},
    {EDOM, "Numerical argument out of domain"},
    {EDEADLK, "Resource deadlock avoided"},
    {ENOTEMPTY, "Directory not empty"},
    {EXDEV, "Invalid cross-device link"},
    {EMLINK, "Too many links"},
    {ESPIPE, "Illegal seek"},
    {ENOTBLK, "Block device required"},
    {EOVERFLOW, "Value too large for defined data type"},
    {EILSEQ, "Invalid or incomplete multibyte or wide character"},
    {EPROTO, "Protocol error"},
    {EBADMSG, "Bad message"},
    {ENODATA, "No data available"},
    {ETIME, "Timer expired"},
    {ENOMSG, "No message of desired type"},
    {EIDRM, "Identifier removed"},
    {ENOLINK, "Link has been severed"},
    {ECOMM, "Communication error on send"},
    {EREMOTEIO, "Remote I/O error"},
    {ENOTUNIQ, "Name not unique on network"},
    {ENOTSOCK, "Socket operation on non-socket"},
    {EDESTADDRREQ, "Destination address required"},
    {EMSGSIZE, "Message too long"},
    {EPROTOTYPE, "Protocol wrong type for socket"},
    {ENOPROTOOPT, "Protocol not available"},
    {EPROTONOSUPPORT, "Protocol not supported"},
    {ESOCKTNOSUPPORT, "Socket type not supported"},
    {EPFNOSUPPORT, "Protocol family not supported"},
    {EAFNOSUPPORT, "Address family not supported by protocol"},
    {EADDRINUSE, "Address already in use"},
    {EADDRNOTAVAIL, "Cannot assign requested address"},
    {ENETDOWN, "Network is down"},
    {ENETUNREACH, "Network is unreachable"},
    {ENETRESET, "Network dropped connection on reset"},
    {ECONNABORTED, "Software caused connection abort"},
    {ECONNRESET, "Connection reset by peer"},
    {ENOBUFS, "No buffer space available"},
    {EISCONN, "Transport endpoint is already connected"},
    {ENOTCONN, "Transport endpoint is not connected"},
    {ESHUTDOWN, "Cannot send after transport endpoint shutdown"},
    {ETIMEDOUT, "Connection timed out"},
    {ECONNREFUSED, "Connection refused"},
    {EHOSTDOWN, "Host is down"},
    {EHOSTUNREACH, "No route to host"},
    {EALREADY, "Operation already in progress"},
    {EINPROGRESS, "Operation now in progress"},
    {EUCLEAN, "Structure needs cleaning"},
    {ENOMEDIUM, "No medium found"},
    {ECANCELED, "Operation canceled"},
    {ENOKEY, "Required key not available"},
    {EKEYEXPIRED, "Key has expired"},
    {EKEYREVOKED, "Key has been revoked"},
    {EKEYREJECTED, "Key was rejected by service"},
    {EOWNERDEAD, "Owner died"},
    {ENOTRECOVERABLE, "State not recoverable"},
    {ERFKILL, "Operation not possible due to RF-kill"},
    {EMEDIUMTYPE, "Wrong medium type"},
};

/* Copies string, or as much as fits; then "..." is its end. */
static void copy_or_cut(char *at, size_t size, const char *string)
{
    static const char dots[] = "...";
    struct dz_text text = dz_text(at, size);

    if (string != NULL)
        dz_add(&text, string);
    if (text.cut)
        memcpy(at + dz_whole_characters(string, size - sizeof dots), dots, sizeof dots);
}

int dz_fault(struct dz_fault *fault, const char *step, const char *object, int err,
             const char *reason)
{
    fault->err = err;
    fault->status = DZ_EXIT_FAILURE;
    fault->running = 0;
    copy_or_cut(fault->step, sizeof fault->step, step);
    copy_or_cut(fault->object, sizeof fault->object, object);
    copy_or_cut(fault->reason, sizeof fault->reason, reason);
    return -1;
}

int dz_fault_number(struct dz_fault *fault, const char *step, long object, int err,
                    const char *reason)
{
    char digits[24];
    struct dz_text text = dz_text(digits, sizeof digits);

    dz_add_number(&text, object);
    return dz_fault(fault, step, digits, err, reason);
}

void dz_add_error(struct dz_text *text, int err)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].err == err) {
            dz_add(text, errors[i].text);
            return;
        }
    dz_add(text, "error ");
    dz_add_number(text, err);
}

int dz_fault_running(struct dz_fault *fault, const char *step, const char *object,
                     pid_t pid)
{
    char reason[64];
    struct dz_text text = dz_text(reason, sizeof reason);

    dz_add(&text, "already running as PID ");
    dz_add_number(&text, pid);
    dz_fault(fault, step, object, 0, reason);
    fault->running = pid;
    fault->status = DZ_EXIT_RUNNING;
    return -1;
}

int dz_fault_unknown(struct dz_fault *fault, const char *step, const char *object,
                     pid_t pid, const char *why)
{
    char reason[sizeof fault->reason];
    struct dz_text text = dz_text(reason, sizeof reason);

    dz_add(&text, "cannot tell whether PID ");
    dz_add_number(&text, pid);
    dz_add(&text, " runs: ");
    dz_add(&text, why);
    return dz_fault(fault, step, object, 0, reason);
}

size_t dz_fault_text(const struct dz_fault *fault, const char *program,
                     char text[DZ_MESSAGE_MAX])
{
    struct dz_text line = dz_text(text, DZ_MESSAGE_MAX - 1);

    dz_add(&line, program);
    dz_add(&line, ": ");
    if (fault->step[0] != '\0') {
        dz_add(&line, fault->step);
        dz_add(&line, ": ");
    }
    if (fault->object[0] != '\0') {
        dz_add(&line, fault->object);
        dz_add(&line, ": ");
    }
    if (fault->reason[0] != '\0')
        dz_add(&line, fault->reason);
    else
        dz_add_error(&line, fault->err);

    dz_one_line(text);
    text[line.length] = '\n'; /* line is one byte shorter than text */
    text[line.length + 1] = '\0';
    return line.length + 1;
}

void dz_fault_write(const struct dz_fault *fault, const char *program, int fd)
{
    char text[DZ_MESSAGE_MAX];

    /* If that descriptor fails, there is no other place to report the failure. */
    dz_write(fd, text, dz_fault_text(fault, program, text));
}
