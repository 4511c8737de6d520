/*
 * The servers behind the proxies: one process that listens on several ports and answers every request with a body
 * whose size its path names, `/100`, `/10240`, `/1048576`. It must never be the bottleneck, so it reads a
 * head only as far as it must (requests have no body here), and large bodies leave by sendfile(2).
 *
 *   origin [--any] PORT...        on 127.0.0.1, or on every address: thousands of servers in one
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_FDS = 65536, MOST_HEAD = 8192, MOST_BODY = 16 << 20, IN_LINE = 64 * 1024, EVENTS = 512 };

struct connection {
  unsigned length;      /* bytes of a head that has not come whole */
  unsigned closing;     /* the response under way is the last */
  long long left;       /* bytes of a large body that are not sent */
  char head[MOST_HEAD];
};

static struct connection *connections[MOST_FDS];
static char response[IN_LINE + 512], body[IN_LINE];
static int epoll_fd, body_fd, listeners_end;

static void watch(int fd, unsigned events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void end(int fd) {
  close(fd);
  free(connections[fd]);
  connections[fd] = NULL;
}

/* False when the socket takes no more for now, or the connection has ended. */
static int send_body(int fd) {
  struct connection *c = connections[fd];
  while (c->left > 0) {
    off_t at = 0;
    ssize_t sent = sendfile(fd, body_fd, &at, c->left);
    if (sent < 0 && errno == EAGAIN) return 0;
    if (sent <= 0) {
      end(fd);
      return 0;
    }
    c->left -= sent;
  }
  if (!c->closing) return 1;
  end(fd);
  return 0;
}

static int answer(int fd, const char *head, size_t length) {
  struct connection *c = connections[fd];
  const char *path = memchr(head, ' ', length);
  long size = path == NULL ? 0 : atol(path + 2);
  if (size < 0 || size > MOST_BODY) size = 0;
  c->closing = memmem(head, length, "onnection: close", 16) != NULL;
  int n = sprintf(response,
                  "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\n"
                  "Content-Type: text/plain\r\nContent-Length: %ld\r\nConnection: %s\r\n\r\n",
                  size, c->closing ? "close" : "keep-alive");
  int whole = size <= IN_LINE;
  if (whole) {
    memcpy(response + n, body, size);
    n += size;
  }
  ssize_t sent = send(fd, response, n, whole ? 0 : MSG_MORE);
  if (sent < 0) {
    end(fd);
    return 0;
  }
  /* What of a small response did not go out is all body, and bodies are of one letter. */
  c->left = (whole ? 0 : size) + (n - sent);
  return send_body(fd);
}

/* A short read has emptied the socket, unless its end came with the same event (`ended`). */
static void requests(int fd, int ended) {
  struct connection *c = connections[fd];
  while (c->left == 0) {
    ssize_t got = read(fd, c->head + c->length, sizeof c->head - c->length);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      end(fd);
      return;
    }
    int room = c->length + (size_t)got < sizeof c->head;
    c->length += got;
    char *blank;
    while ((blank = memmem(c->head, c->length, "\r\n\r\n", 4)) != NULL) {
      size_t length = blank + 4 - c->head;
      size_t rest = c->length - length;
      c->length = rest;
      int go_on = answer(fd, c->head, length);
      if (connections[fd] == NULL) return;
      memmove(c->head, c->head + length, rest);
      if (!go_on) return;
    }
    if (c->length == sizeof c->head) {
      end(fd);
      return;
    }
    if (room && !ended) return;
  }
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
    if (fd < 0) return;
    if (fd >= MOST_FDS || (connections[fd] = calloc(1, sizeof(struct connection))) == NULL) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }
}

static void listen_on(int port, in_addr_t address) {
  struct sockaddr_in own = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0 || listen(fd, 4096) < 0) {
    perror("origin");
    exit(1);
  }
  watch(fd, EPOLLIN);
  listeners_end = fd + 1;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: origin [--any] PORT...\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files = {MOST_FDS, MOST_FDS};
  setrlimit(RLIMIT_NOFILE, &files);
  memset(body, 'x', sizeof body);
  body_fd = memfd_create("body", 0);
  for (long at = 0; at < MOST_BODY; at += sizeof body)
    if (write(body_fd, body, sizeof body) != sizeof body) return 1;
  epoll_fd = epoll_create1(0);
  int first = epoll_fd + 1;
  int any = strcmp(argv[1], "--any") == 0;
  for (int i = 1 + any; i < argc; i++) listen_on(atoi(argv[i]), any ? INADDR_ANY : INADDR_LOOPBACK);
  struct epoll_event events[EVENTS];
  for (;;) {
    int n = epoll_wait(epoll_fd, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd >= first && fd < listeners_end) {
        accept_all(fd);
        continue;
      }
      if (connections[fd] != NULL && connections[fd]->left > 0 && !send_body(fd)) continue;
      if (connections[fd] != NULL) requests(fd, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    }
  }
}
