// LD_PRELOAD library: a journal's directory as a disk that forgets, at a power loss, whatever was not synced.
//
//   cc -shared -fPIC -O2 -o disk.so disk.c
//   TORTURE_DISK=DIR TORTURE_SHADOW=DIR2 [TORTURE_SYNC_US=N] [TORTURE_DISK_LIES=1] LD_PRELOAD=disk.so sluice serve …
//
// DIR is used as always; DIR2 keeps what a disk would hold: the bytes of each file as of its last fdatasync (`i<number>`),
// and the names as of the last fsync of the directory (`durable`; `live` has the names as they are now, for the next
// process). disk.py puts DIR back to that after the process was killed. A kill in the middle of a sync leaves the
// shadow half way, as a disk would be. TORTURE_SYNC_US: how long a sync takes at least. TORTURE_DISK_LIES: fdatasync does
// nothing and says that it did, so that the losses which tools/torture has to find can be seen. While DIR2 has a file `fail`,
// fdatasync answers EIO, and what it should have synced never gets to the disk: Linux marks the pages clean.
//
// Only what the journal does is known: openat, unlinkat and renameat relative to the directory, pwrite, ftruncate,
// posix_fallocate, fdatasync, and fsync of the directory. Trouble with the shadow ends the process: a test must not go on
// with a disk that forgets too much.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { files_max = 4096, fds_max = 65536, name_max = 64, names_max = 256 };

// What of a file was changed since its last sync: [dirty_begin, dirty_end).
struct file { off_t dirty_begin, dirty_end; };
struct name { char text[name_max]; int number; };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct file files[files_max];
static int number_of_fd[fds_max];  // 0: not of the directory
static struct name names[names_max];
static int names_count, number_last;
static struct stat directory;
static const char* shadow;
static useconds_t sync_us;
static int lies;
static char fail_path[4096];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void die(const char* what) {
    fprintf(stderr, "disk.c: CHECK failed: %s: %s\n", what, strerror(errno));
    abort();
}

static void path_of(char* path, const char* name) {
    if (snprintf(path, 4096, "%s/%s", shadow, name) >= 4096) die("path too long");
}

static void write_names(const char* to) {
    char path[4096], path_new[4096];
    path_of(path, to);
    path_of(path_new, "names.new");
    FILE* out = fopen(path_new, "w");
    if (out == NULL) die(path_new);
    for (int i = 0; i < names_count; ++i) fprintf(out, "%d %s\n", names[i].number, names[i].text);
    fprintf(out, "%d .\n", number_last);
    if (fclose(out) != 0 || rename(path_new, path) != 0) die(path);
}

__attribute__((constructor)) static void start(void) {
    const char* path = getenv("TORTURE_DISK");
    shadow = getenv("TORTURE_SHADOW");
    if (path == NULL || shadow == NULL || stat(path, &directory) != 0) die("TORTURE_DISK, TORTURE_SHADOW");
    if (getenv("TORTURE_SYNC_US") != NULL) sync_us = (useconds_t)atoi(getenv("TORTURE_SYNC_US"));
    lies = getenv("TORTURE_DISK_LIES") != NULL;
    path_of(fail_path, "fail");
    char live[4096];
    path_of(live, "live");
    FILE* in = fopen(live, "r");
    if (in == NULL) return;
    struct name name;
    while (fscanf(in, "%d %63s", &name.number, name.text) == 2) {
        if (name.number > number_last) number_last = name.number;
        if (strcmp(name.text, ".") != 0) names[names_count++] = name;
    }
    fclose(in);
}

static int is_directory(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && status.st_dev == directory.st_dev && status.st_ino == directory.st_ino;
}

static struct name* find(const char* text) {
    for (int i = 0; i < names_count; ++i)
        if (strcmp(names[i].text, text) == 0) return &names[i];
    return NULL;
}

static void forget(const char* text) {
    struct name* const name = find(text);
    if (name != NULL) *name = names[--names_count];
}

static struct file* file_of(int fd) {
    if (fd < 0 || fd >= fds_max || number_of_fd[fd] == 0) return NULL;
    return &files[number_of_fd[fd]];
}

static void mark(int fd, off_t begin, off_t end) {
    pthread_mutex_lock(&mutex);
    struct file* const file = file_of(fd);
    if (file != NULL && begin < end) {
        if (file->dirty_begin == file->dirty_end) file->dirty_begin = begin, file->dirty_end = end;
        if (begin < file->dirty_begin) file->dirty_begin = begin;
        if (end > file->dirty_end) file->dirty_end = end;
    }
    pthread_mutex_unlock(&mutex);
}

static off_t size_of(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 ? status.st_size : 0;
}

int openat(int at, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    const int fd = REAL(openat)(at, path, flags, mode);
    if (fd < 0 || fd >= fds_max) return fd;
    pthread_mutex_lock(&mutex);
    number_of_fd[fd] = 0;
    const int is_ours = is_directory(at) && (flags & O_DIRECTORY) == 0;
    const struct name* name = is_ours ? find(path) : NULL;
    if (is_ours && name == NULL && (flags & O_CREAT) != 0) {
        if (strlen(path) >= name_max || names_count == names_max || number_last + 1 == files_max) die("too many files");
        names[names_count].number = ++number_last;
        strcpy(names[names_count].text, path);
        name = &names[names_count++];
        write_names("live");
    }
    if (name != NULL) number_of_fd[fd] = name->number;
    const int is_new_here = name != NULL && files[name->number].dirty_end == 0 && (flags & O_ACCMODE) != O_RDONLY;
    pthread_mutex_unlock(&mutex);
    // What a process that was killed has left unsynced gets to the disk with the next sync.
    if (is_new_here) mark(fd, 0, size_of(fd));
    return fd;
}

int unlinkat(int at, const char* path, int flags) {
    const int result = REAL(unlinkat)(at, path, flags);
    if (result == 0 && is_directory(at)) {
        pthread_mutex_lock(&mutex);
        forget(path);
        write_names("live");
        pthread_mutex_unlock(&mutex);
    }
    return result;
}

int renameat(int from_at, const char* from, int to_at, const char* to) {
    const int result = REAL(renameat)(from_at, from, to_at, to);
    if (result == 0 && is_directory(to_at)) {
        pthread_mutex_lock(&mutex);
        forget(to);
        if (find(from) != NULL) strcpy(find(from)->text, to);
        write_names("live");
        pthread_mutex_unlock(&mutex);
    }
    return result;
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
    const ssize_t written = REAL(pwrite)(fd, bytes, count, offset);
    if (written > 0) mark(fd, offset, offset + written);
    return written;
}

int ftruncate(int fd, off_t size) {
    const off_t before = size_of(fd);
    const int result = REAL(ftruncate)(fd, size);
    if (result == 0) mark(fd, size, before);
    return result;
}

static void copy_to_shadow(int fd, int number, off_t begin, off_t end) {
    char name[32], path[4096];
    snprintf(name, sizeof name, "i%d", number);
    path_of(path, name);
    const int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (to < 0) die(path);
    static __thread char buffer[1 << 16];
    while (begin < end) {
        const size_t wanted = end - begin < (off_t)sizeof buffer ? (size_t)(end - begin) : sizeof buffer;
        const ssize_t got = pread(fd, buffer, wanted, begin);
        if (got < 0 || REAL(pwrite)(to, buffer, (size_t)got, begin) != got) die(path);
        if (got == 0) break;
        begin += got;
    }
    if (REAL(ftruncate)(to, size_of(fd)) != 0) die(path);
    close(to);
}

int fdatasync(int fd) {
    if (lies) return 0;
    pthread_mutex_lock(&mutex);
    struct file* const file = file_of(fd);
    const struct file dirty = file != NULL ? *file : (struct file){0, 0};
    if (file != NULL) file->dirty_begin = file->dirty_end = size_of(fd) + 1;  // clean, and not new
    const int number = file != NULL ? number_of_fd[fd] : 0;
    pthread_mutex_unlock(&mutex);
    if (file != NULL && access(fail_path, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    const int result = REAL(fdatasync)(fd);
    if (file == NULL) return result;
    usleep(sync_us);
    if (result == 0) copy_to_shadow(fd, number, dirty.dirty_begin, dirty.dirty_end);
    return result;
}

int fsync(int fd) {
    const int result = REAL(fsync)(fd);
    if (result == 0 && is_directory(fd)) {
        pthread_mutex_lock(&mutex);
        write_names("durable");
        pthread_mutex_unlock(&mutex);
    }
    return result;
}
