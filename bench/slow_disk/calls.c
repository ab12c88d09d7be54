/*
 * Clients that repeat a query, one call a millisecond, and say how long each of its calls took.
 *
 *     calls CLIENTS SECONDS LIMIT_MS autocommit|transaction QUERY
 *
 * autocommit: each call is a transaction; transaction: all calls of a client are one. pgbench can do the first alone.
 * Time in which the client or its server process was ready to run and had no CPU does not count, where Linux tells it.
 * Prints one line, tab separated: calls; how many of them took longer than LIMIT_MS; the slowest, in ms; the slowest
 * first call, in ms. A client's first call is in the last figure only: it binds the session to its sequence and may
 * have to wait for the disk. Calls above the limit are listed on stderr.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { most_clients = 64 };

static double seconds, limit_ms;
static const char *query;
static int in_transaction;

typedef struct {
  pthread_t thread;
  int number;
  PGconn *connection;
  int own_schedule, server_schedule; /* files: see cpu_wait_ms() */
  long calls, above;
  double slowest_ms, first_ms;
} Client;

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void run(PGconn *connection, const char *statement) {
  PGresult *result = PQexec(connection, statement);
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    fprintf(stderr, "calls: %s: %s", statement, PQerrorMessage(connection));
    exit(1);
  }
  PQclear(result);
}

static int open_schedule(int process) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/schedstat", process);
  return open(path, O_RDONLY);
}

/* How long a process has been ready to run and had no CPU: the second number of the file, in ns. 0 if unknown. */
static double cpu_wait_ms(int file) {
  char text[128] = "";
  unsigned long long ns = 0;
  if (pread(file, text, sizeof text - 1, 0) <= 0 || sscanf(text, "%*u %llu", &ns) != 1) return 0;
  return ns / 1e6;
}

static double timed_call(const Client *client) {
  const double waited = cpu_wait_ms(client->own_schedule) + cpu_wait_ms(client->server_schedule);
  const double began = now_ms();
  run(client->connection, query);
  const double ms = now_ms() - began;
  return ms - (cpu_wait_ms(client->own_schedule) + cpu_wait_ms(client->server_schedule) - waited);
}

static void count(Client *client, double ms, double at_ms) {
  client->calls++;
  if (ms > client->slowest_ms) client->slowest_ms = ms;
  if (ms <= limit_ms) return;
  client->above++;
  fprintf(stderr, "client %d, after %.3f s: %.1f ms\n", client->number, at_ms / 1e3, ms);
}

static void begin(Client *client) {
  client->connection = PQconnectdb("");
  client->own_schedule = open_schedule(gettid());
  client->server_schedule = open_schedule(PQbackendPID(client->connection));
  if (in_transaction) run(client->connection, "BEGIN");
}

static void end(Client *client) {
  if (in_transaction) run(client->connection, "COMMIT");
  PQfinish(client->connection);
  close(client->own_schedule);
  close(client->server_schedule);
}

static void *work(void *argument) {
  const struct timespec pause = {.tv_nsec = 1000000};
  Client *client = argument;
  const double began = now_ms();
  begin(client);
  client->first_ms = timed_call(client);
  while (now_ms() < began + seconds * 1e3) {
    nanosleep(&pause, NULL);
    const double at_ms = now_ms() - began;
    count(client, timed_call(client), at_ms);
  }
  end(client);
  return NULL;
}

int main(int argc, char **argv) {
  static Client clients[most_clients];
  Client sum = {0};
  const int wanted = argc == 6 ? atoi(argv[1]) : 0;
  if (wanted < 1 || wanted > most_clients) {
    fprintf(stderr, "usage: calls CLIENTS SECONDS LIMIT_MS autocommit|transaction QUERY\n");
    return 2;
  }
  seconds = atof(argv[2]);
  limit_ms = atof(argv[3]);
  in_transaction = strcmp(argv[4], "transaction") == 0;
  query = argv[5];
  for (int i = 0; i < wanted; i++) {
    clients[i].number = i + 1;
    pthread_create(&clients[i].thread, NULL, work, &clients[i]);
  }
  for (int i = 0; i < wanted; i++) {
    const Client *client = &clients[i];
    pthread_join(client->thread, NULL);
    sum.calls += client->calls;
    sum.above += client->above;
    if (client->slowest_ms > sum.slowest_ms) sum.slowest_ms = client->slowest_ms;
    if (client->first_ms > sum.first_ms) sum.first_ms = client->first_ms;
  }
  printf("%ld\t%ld\t%.1f\t%.1f\n", sum.calls, sum.above, sum.slowest_ms, sum.first_ms);
  return 0;
}
