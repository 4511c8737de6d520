/*
 * UDP round trips, counted.
 *
 *   udp echo PORT                                     sends back what comes
 *   udp ping PORT SECONDS CLIENTS CORE[,CORE...]      keeps one datagram of 100 bytes of each client on its way
 *
 * `ping` prints {"seconds","roundtrips","lost","cpu"}; a datagram that is not back after 200 ms is lost, and the next
 * one is sent.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, SIZE = 2048, PAYLOAD = 100, MOST_CLIENTS = 4096, MOST_CORES = 64 };
static const double LOST_AFTER = 0.2;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int echo(int port) {
  struct sockaddr_in own = loopback(port);
  int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0) {
    perror("udp");
    return 1;
  }
  static char data[BATCH][SIZE];
  struct sockaddr_in from[BATCH];
  struct iovec vector[BATCH];
  struct mmsghdr messages[BATCH];
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      vector[i] = (struct iovec){data[i], SIZE};
      messages[i].msg_hdr = (struct msghdr){
          .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &vector[i], .msg_iovlen = 1};
    }
    int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    if (n <= 0) continue;
    for (int i = 0; i < n; i++) vector[i].iov_len = messages[i].msg_len;
    for (int sent = 0; sent < n;) {
      int k = sendmmsg(fd, messages + sent, n - sent, 0);
      sent += k > 0 ? k : 1; /* the client of this one has gone */
    }
  }
}

struct count {
  long roundtrips, lost;
  double cpu;
};

static void ping(int port, double seconds, int clients, struct count *count) {
  struct sockaddr_in to = loopback(port);
  static int fds[MOST_CLIENTS];
  static double sent_at[MOST_CLIENTS];
  char data[SIZE];
  memset(data, 'x', sizeof data);
  int epoll_fd = epoll_create1(0);
  double begin = now(), swept = begin;
  for (int i = 0; i < clients; i++) {
    fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    connect(fds[i], (struct sockaddr *)&to, sizeof to);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &event);
    send(fds[i], data, PAYLOAD, 0);
    sent_at[i] = begin;
  }
  struct epoll_event events[256];
  for (double t = begin; t < begin + seconds; t = now()) {
    int n = epoll_wait(epoll_fd, events, 256, 50);
    for (int i = 0; i < n; i++) {
      int k = events[i].data.u32;
      while (recv(fds[k], data, sizeof data, 0) == PAYLOAD) count->roundtrips++;
      send(fds[k], data, PAYLOAD, 0);
      sent_at[k] = t;
    }
    if (t - swept < LOST_AFTER / 4) continue;
    swept = t;
    for (int k = 0; k < clients; k++) {
      if (t - sent_at[k] < LOST_AFTER) continue;
      count->lost++;
      send(fds[k], data, PAYLOAD, 0);
      sent_at[k] = t;
    }
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  count->cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static int ping_all(int port, double seconds, int clients, char *cores) {
  struct count *counts = mmap(NULL, MOST_CORES * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int processes = 1;
  for (char *c = cores; *c; c++) processes += *c == ',';
  if (processes > MOST_CORES || clients / processes > MOST_CLIENTS) return 2;
  int index = 0;
  for (char *core = strtok(cores, ","); core != NULL; core = strtok(NULL, ","), index++) {
    if (fork() != 0) continue;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(atoi(core), &set);
    sched_setaffinity(0, sizeof set, &set);
    ping(port, seconds, clients / processes, &counts[index]);
    _exit(0);
  }
  while (wait(NULL) > 0) {}
  struct count sum = {0};
  double most = 0;
  for (int i = 0; i < index; i++) {
    sum.roundtrips += counts[i].roundtrips;
    sum.lost += counts[i].lost;
    if (counts[i].cpu > most) most = counts[i].cpu;
  }
  printf("{\"seconds\":%g,\"roundtrips\":%ld,\"lost\":%ld,\"cpu\":%.3f}\n", seconds, sum.roundtrips, sum.lost, most / seconds);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "echo") == 0) return echo(atoi(argv[2]));
  if (argc == 6 && strcmp(argv[1], "ping") == 0)
    return ping_all(atoi(argv[2]), atof(argv[3]), atoi(argv[4]), argv[5]);
  fprintf(stderr, "usage: udp echo PORT | udp ping PORT SECONDS CLIENTS CORES\n");
  return 2;
}
