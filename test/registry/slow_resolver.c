/* To be preloaded: getaddrinfo() takes SLOW_SECONDS for the host SLOW_HOST, as if its name servers were away. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int GetAddrInfo(const char*, const char*, const struct addrinfo*, struct addrinfo**);

int getaddrinfo(const char* host, const char* service, const struct addrinfo* hints,
                struct addrinfo** found) {
  const char* slow = getenv("SLOW_HOST");
  if (host != NULL && slow != NULL && strcmp(host, slow) == 0) {
    sleep((unsigned)atoi(getenv("SLOW_SECONDS")));
    return EAI_AGAIN;
  }
  GetAddrInfo* real = (GetAddrInfo*)dlsym(RTLD_NEXT, "getaddrinfo");
  return real(host, service, hints, found);
}
