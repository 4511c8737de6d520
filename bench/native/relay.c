/*
 * A relay that parses nothing: each client's connection is joined to one connection to a server, and bytes are moved
 * with read(2) and write(2). It is the floor of what a proxy in user space can cost: two reads and two writes a
 * request, and one epoll_wait(2) for as many as are ready.
 *
 *   relay PORT SERVER_PORT...        all on 127.0.0.1
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_FDS = 65536, BUFFER = 256 * 1024, EVENTS = 512 };

/* One direction ends here: what `fd` could not take yet is kept until it can. */
struct end {
  int peer; /* descriptor of the other connection; 0 when this one is closed */
  char *rest;
  size_t rest_length, rest_sent;
};

static struct end ends[MOST_FDS];
static char buffer[BUFFER];
static int epoll_fd;

static void watch(int fd, unsigned events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void forget(int fd) {
  close(fd);
  free(ends[fd].rest);
  memset(&ends[fd], 0, sizeof ends[fd]);
}

static void close_both(int fd) {
  int peer = ends[fd].peer;
  forget(fd);
  if (peer != 0) forget(peer);
}

static int try_again(void) { return errno == EAGAIN || errno == ENOTCONN; }

/*
 * Moves what has come on `fd` to its peer, until nothing is left or the peer takes no more. A short read has emptied
 * the socket, unless its end came with the same event (`ended`).
 */
static void move(int fd, int ended) {
  for (;;) {
    int peer = ends[fd].peer;
    if (peer == 0 || ends[peer].rest_length > 0) return;
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got == 0 || (got < 0 && !try_again())) close_both(fd);
    if (got <= 0) return;
    ssize_t sent = write(peer, buffer, got);
    if (sent < 0) {
      if (!try_again()) {
        close_both(fd);
        return;
      }
      sent = 0;
    }
    if (sent < got) {
      struct end *to = &ends[peer];
      if (to->rest == NULL) to->rest = malloc(BUFFER);
      memcpy(to->rest, buffer + sent, got - sent);
      to->rest_length = got - sent;
      to->rest_sent = 0;
      return;
    }
    if (got < BUFFER && !ended) return;
  }
}

static void send_rest(int fd) {
  struct end *to = &ends[fd];
  while (to->rest_sent < to->rest_length) {
    ssize_t sent = write(fd, to->rest + to->rest_sent, to->rest_length - to->rest_sent);
    if (sent < 0) {
      if (!try_again()) close_both(fd);
      return;
    }
    to->rest_sent += sent;
  }
  to->rest_length = 0;
  move(to->peer, 1);
}

static int new_socket(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void accept_all(int listener, struct sockaddr_in *servers, int count) {
  static int turn;
  for (;;) {
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
    if (client < 0) return;
    int server = new_socket();
    if (server < 0 || client >= MOST_FDS || server >= MOST_FDS) {
      close(client);
      if (server >= 0) close(server);
      continue;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in *to = &servers[turn++ % count];
    connect(server, (struct sockaddr *)to, sizeof *to);
    ends[client].peer = server;
    ends[server].peer = client;
    watch(client, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    watch(server, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }
}

int main(int argc, char **argv) {
  struct sockaddr_in servers[64], own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int count = 0, on = 1;
  if (argc < 3 || argc > 66) {
    fprintf(stderr, "usage: relay PORT SERVER_PORT...\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files = {MOST_FDS, MOST_FDS};
  setrlimit(RLIMIT_NOFILE, &files); /* what is allowed already stays when this is not */
  for (int i = 2; i < argc; i++) {
    servers[count] = own;
    servers[count++].sin_port = htons(atoi(argv[i]));
  }
  own.sin_port = htons(atoi(argv[1]));
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&own, sizeof own) < 0 || listen(listener, 4096) < 0) {
    perror("relay");
    return 1;
  }
  epoll_fd = epoll_create1(0);
  watch(listener, EPOLLIN);
  struct epoll_event events[EVENTS];
  for (;;) {
    int n = epoll_wait(epoll_fd, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(listener, servers, count);
        continue;
      }
      if (events[i].events & EPOLLOUT && ends[fd].peer != 0 && ends[fd].rest_length > 0) send_rest(fd);
      if (events[i].events & ~EPOLLOUT && ends[fd].peer != 0)
        move(fd, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    }
  }
}
