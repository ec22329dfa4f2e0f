// Bad disks, made to order. This library is loaded into a server (LD_PRELOAD) and stands
// between it and the system, for the calls that change the files below one folder. It writes
// each of them to a journal, and delays, fails, shortens or holds those that the test names, or
// ends the process at them. faults.rs builds it and is the other half of all that is said here.
//
// FAULTS_FOLDER: the files that this is about are below it; an absolute path, no link.
// FAULTS_STATE: a folder with what the test and the library share:
//   control   what is to happen, a struct of that name, mapped into memory: the test may write
//             it while the server runs, and a child of the server counts on where that was
//   journal   what happened, one line a call
//   kept/     each file that there was, under the number of its inode; a second link, so that
//             what is deleted or replaced can be looked at and put back

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { FAIL = 1, SHORTEN, DELAY, HOLD, KILL, KILL_AFTER };

struct control {
    uint64_t armed;     // the number of this order; 0 is none
    uint64_t seen;      // how many calls it has met
    uint64_t first;     // the first of them that something happens to, from 1
    uint64_t count;     // to how many it happens
    uint64_t action;
    uint64_t value;     // an errno, a number of bytes, or milliseconds
    char calls[128];    // which calls: " write sync "; empty: all
    char path[128];     // what their paths contain
    char except[128];   // what their paths do not contain, unless this is empty
};

static char folder[PATH_MAX], kept[PATH_MAX];
static volatile struct control *control;
static int journal = -1;
static pid_t server;

__attribute__((constructor)) static void begin(void) {
    char path[PATH_MAX + 16];
    const char *files = getenv("FAULTS_FOLDER"), *state = getenv("FAULTS_STATE");
    if (files == NULL || state == NULL) return;
    snprintf(path, sizeof path, "%s/control", state);
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    snprintf(path, sizeof path, "%s/journal", state);
    journal = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    if (map == MAP_FAILED || journal < 0) _exit(70);
    control = map;
    server = getpid();
    snprintf(folder, sizeof folder, "%s", files);
    snprintf(kept, sizeof kept, "%s/kept", state);
}

// Writes a line to the journal.
__attribute__((format(printf, 1, 2))) static void note(const char *format, ...) {
    char line[2 * PATH_MAX + 200];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    syscall(SYS_write, journal, line, length);
}

static int is_ours(const char *path) {
    size_t length = strlen(folder);
    return length > 0 && strncmp(path, folder, length) == 0 &&
           (path[length] == '/' || path[length] == 0);
}

// The path of an open file. False if it is none of ours.
static int path_of(int fd, char *path) {
    char link[64];
    struct stat file;
    if (journal < 0 || fstat(fd, &file) != 0) return 0;
    if (!S_ISREG(file.st_mode) && !S_ISDIR(file.st_mode)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
    char *deleted = strstr(path, " (deleted)");
    if (deleted != NULL) *deleted = 0;
    return is_ours(path);
}

// `name`, as seen from the folder that `at` has open, from the root. False if it is none of ours.
static int absolute(int at, const char *name, char *path) {
    if (journal < 0) return 0;
    char base[PATH_MAX] = "";
    if (name[0] != '/' && at == AT_FDCWD) syscall(SYS_getcwd, base, sizeof base);
    else if (name[0] != '/' && !path_of(at, base)) return 0;
    while (strncmp(name, "./", 2) == 0) name += 2;
    int length = snprintf(path, PATH_MAX, "%s%s%s", base, base[0] ? "/" : "", name);
    return length < PATH_MAX && is_ours(path);
}

static void end_server(void) {
    kill(server, SIGKILL);
    // This may be a child of it.
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void wait_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

// One call, from its beginning to its end.
struct call {
    const char *name, *path, *to;
    struct stat file;   // before an fsync, after anything else
    off_t at;           // how long the journal was when it began
    int action;
};

// Begins a call. What is to happen before it has happened when this returns.
static struct call begin_call(const char *name, int fd, const char *path, const char *to) {
    struct call call = {name, path, to, {0}, lseek(journal, 0, SEEK_END), 0};
    if (fd < 0) fstatat(AT_FDCWD, path, &call.file, AT_SYMLINK_NOFOLLOW);
    else fstat(fd, &call.file);
    char word[32];
    uint64_t armed = control->armed;
    snprintf(word, sizeof word, " %s ", name);
    if (armed == 0 || (control->calls[0] && !strstr((char *)control->calls, word))) return call;
    if (!strstr(path, (char *)control->path) && !strstr(to, (char *)control->path)) return call;
    if (control->except[0] && strstr(path, (char *)control->except)) return call;
    uint64_t number = __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
    if (number < control->first || number - control->first >= control->count) return call;
    note("fault\t%s\t%s\n", name, path);
    call.action = control->action;
    if (call.action == DELAY) wait_ms(control->value);
    while (call.action == HOLD && control->armed == armed) wait_ms(1);
    if (call.action == KILL) end_server();
    return call;
}

// Journals a call that returned `result`: its name, inode, size, result or negative errno, how
// long the journal was when it began, the unix milliseconds when it ended, and its paths.
static long end_call(struct call *call, int fd, long result) {
    int error = errno;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (fd >= 0 && strcmp(call->name, "sync") != 0) fstat(fd, &call->file);
    note("%s\t%lu\t%ld\t%ld\t%ld\t%ld\t%s\t%s\n", call->name,
         (unsigned long)call->file.st_ino, (long)call->file.st_size,
         result < 0 ? -(long)error : result, (long)call->at,
         (long)now.tv_sec * 1000 + now.tv_nsec / 1000000, call->path, call->to);
    if (call->action == KILL_AFTER) end_server();
    errno = error;
    return result;
}

// A call that fails instead of being done.
static int fails(const struct call *call) {
    if (call->action == FAIL) errno = control->value;
    return call->action == FAIL;
}

static long on_file(const char *name, int fd, long number, long a, long b, long c) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) return syscall(number, fd, a, b, c);
    struct call call = begin_call(name, fd, path, "");
    if (call.action == SHORTEN && number == SYS_writev) {
        const struct iovec *first = (const struct iovec *)a;
        number = SYS_write, a = (long)first->iov_base, b = first->iov_len;
    }
    if (call.action == SHORTEN && b > (long)control->value) b = control->value;
    return end_call(&call, fd, fails(&call) ? -1 : syscall(number, fd, a, b, c));
}

static long on_path(const char *name, int at, const char *file, long number, long b, long c) {
    char path[PATH_MAX];
    if (!absolute(at, file, path)) return syscall(number, at, file, b, c);
    struct call call = begin_call(name, -1, path, "");
    return end_call(&call, -1, fails(&call) ? -1 : syscall(number, at, file, b, c));
}

EXPORT ssize_t write(int fd, const void *bytes, size_t length) {
    return on_file("write", fd, SYS_write, (long)bytes, length, 0);
}
EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) {
    return on_file("write", fd, SYS_pwrite64, (long)bytes, length, at);
}
EXPORT ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    return pwrite64(fd, bytes, length, at);
}
EXPORT ssize_t writev(int fd, const struct iovec *parts, int count) {
    return on_file("write", fd, SYS_writev, (long)parts, count, 0);
}
EXPORT int fsync(int fd) { return on_file("sync", fd, SYS_fsync, 0, 0, 0); }
EXPORT int fdatasync(int fd) { return on_file("sync", fd, SYS_fdatasync, 0, 0, 0); }
EXPORT int ftruncate64(int fd, off_t length) {
    return on_file("truncate", fd, SYS_ftruncate, length, 0, 0);
}
EXPORT int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

EXPORT int unlinkat(int at, const char *name, int flags) {
    return on_path("unlink", at, name, SYS_unlinkat, flags, 0);
}
EXPORT int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
EXPORT int mkdirat(int at, const char *name, mode_t mode) {
    return on_path("mkdir", at, name, SYS_mkdirat, mode, 0);
}
EXPORT int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

EXPORT int rename(const char *from, const char *to) {
    char old[PATH_MAX], new[PATH_MAX];
    if (!absolute(AT_FDCWD, from, old) || !absolute(AT_FDCWD, to, new))
        return syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    struct call call = begin_call("rename", -1, old, new);
    long done = fails(&call) ? -1 : syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    return end_call(&call, -1, done);
}

static int open_at(int at, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX], link[PATH_MAX + 32];
    if (!absolute(at, name, path)) return syscall(SYS_openat, at, name, flags, mode);
    struct call call = begin_call("open", -1, path, "");
    int fd = fails(&call) ? -1 : syscall(SYS_openat, at, name, flags, mode);
    int error = errno;
    if (fd >= 0 && fstat(fd, &call.file) == 0 && S_ISREG(call.file.st_mode)) {
        snprintf(link, sizeof link, "%s/%lu", kept, (unsigned long)call.file.st_ino);
        // Most of them have this link already.
        syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, link, 0);
    }
    errno = error;
    return end_call(&call, fd, fd);
}

// The mode is there if the file may have to be made.
#define MODE(flags) ({                                                \
    va_list more;                                                     \
    va_start(more, flags);                                            \
    mode_t mode = (flags) & O_CREAT ? va_arg(more, mode_t) : 0;       \
    va_end(more);                                                     \
    mode; })
EXPORT int open(const char *name, int flags, ...) {
    return open_at(AT_FDCWD, name, flags, MODE(flags));
}
EXPORT int open64(const char *name, int flags, ...) {
    return open_at(AT_FDCWD, name, flags, MODE(flags));
}
EXPORT int openat(int at, const char *name, int flags, ...) {
    return open_at(at, name, flags, MODE(flags));
}
EXPORT int openat64(int at, const char *name, int flags, ...) {
    return open_at(at, name, flags, MODE(flags));
}

// Redis writes some files through stdio, which does not call the functions above.
EXPORT FILE *fopen64(const char *name, const char *mode) {
    int both = strchr(mode, '+') != NULL;
    int flags = mode[0] == 'r' ? 0 : O_CREAT | (mode[0] == 'w' ? O_TRUNC : O_APPEND);
    flags |= both ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;
    int fd = open_at(AT_FDCWD, name, flags, 0666);
    return fd < 0 ? NULL : fdopen(fd, mode);
}
EXPORT FILE *fopen(const char *name, const char *mode) { return fopen64(name, mode); }
EXPORT int fflush(FILE *file) {
    static int (*flush)(FILE *);
    char path[PATH_MAX];
    if (flush == NULL) flush = (int (*)(FILE *))dlsym(RTLD_NEXT, "fflush");
    int fd = file == NULL ? -1 : fileno(file);
    if (fd < 0 || !path_of(fd, path)) return flush(file);
    struct call call = begin_call("write", fd, path, "");
    if (call.action == SHORTEN) call.action = FAIL;
    return end_call(&call, fd, fails(&call) ? EOF : flush(file));
}
