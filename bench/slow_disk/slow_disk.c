/*
 * A disk that is slow to say that data is safe, to be preloaded: LD_PRELOAD=slow_disk.so SLOW_DISK_MS=200 postgres …
 *
 * fsync() and fdatasync() take that much longer than they do (200 ms if SLOW_DISK_MS is not set). Writing stays fast:
 * so it is with a network disk, or with one that others keep busy. The delay comes after the real call, as nothing
 * may be relied on before it returns.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static void delay(void) {
  const char *text = getenv("SLOW_DISK_MS");
  const long ms = text != NULL ? atol(text) : 200;
  struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue; /* a signal does not make a disk faster */
}

static int slowly(const char *name, int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  const int result = real(file);
  const int error = errno;
  delay();
  errno = error;
  return result;
}

int fsync(int file) { return slowly("fsync", file); }

int fdatasync(int file) { return slowly("fdatasync", file); }
