/*
 * HTTP/1.1 load, from one process per core.
 *
 *   load PORT CORE[,CORE...] CONNECTIONS SECONDS REQUEST_FILE [--close] [--rate N] [--tls NAME] [--hold]
 *
 * Closed loop: each connection sends the request of the file, takes the response, and sends it again. --close makes a
 * new connection for each (the server ends the old one). --rate N is an open loop: N requests a second in all, at
 * random times (Poisson) that do not depend on responses; latency counts from the time at which a request was due, so
 * a server that stalls is charged for every request that it keeps waiting. --tls NAME speaks TLS 1.3 with that server
 * name, every handshake a full one. --hold sends one request on each connection, a few at a time, prints `holding`
 * and keeps all of them open until its standard input ends.
 *
 * Prints one line of JSON: {"seconds","requests","errors":{"connect","broken","status","timeout"},"bytes",
 * "latency":{"p50","p99","p999","max"} in microseconds, "late":{"p50","p999"}: how far behind its schedule the
 * generator itself sent, "waiting": requests that were due and not sent at the end, "cpu": share of its core that the
 * busiest process used}.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "histogram.h"

enum { MOST_CORES = 64, MOST_HEAD = 4096, SCRATCH = 256 * 1024, EVENTS = 256, BACKLOG = 1 << 20, HELD_AT_ONCE = 32 };
static const uint64_t SECOND = 1000000000ull, PATIENCE = 5 * 1000000000ull;

enum state { CONNECTING, HANDSHAKE, IDLE, HEAD, BODY, ENDING };

struct connection {
  int fd;
  enum state state;
  SSL *ssl;
  uint64_t since;   /* when its request was due, or its connection begun */
  long long left;   /* bytes of the body to come */
  unsigned length;  /* bytes of the head so far */
  struct connection *next_idle;
  char head[MOST_HEAD];
};

/* What a process has counted; in memory shared with its parent. */
struct result {
  uint64_t requests, connect_errors, broken, bad_status, timeouts, bytes, waiting, answered_once;
  double cpu;
  struct histogram latency, late;
};

static struct options {
  int port, connections, closing, hold;
  double seconds, rate;
  const char *tls;
  char *request;
  size_t request_length;
} options;

static struct result *result;
static struct connection *connections, *idle_first, *idle_last;
static SSL_CTX *tls_context;
static char scratch[SCRATCH];
static int epoll_fd, stopping, opened;
/* Requests that were due while no connection was free. */
static uint64_t *waiting;
static size_t waiting_first, waiting_count;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static void open_connection(struct connection *c);

static void drop(struct connection *c) {
  if (c->ssl != NULL) SSL_free(c->ssl);
  c->ssl = NULL;
  close(c->fd);
  c->fd = -1;
}

/* A connection that failed is made anew: an error costs its request, not the rest of the run. */
static void failed(struct connection *c, uint64_t *counter) {
  if (!stopping) (*counter)++;
  drop(c);
  if (!stopping) open_connection(c);
}

static void send_request(struct connection *c, uint64_t since) {
  c->since = since;
  c->length = 0;
  c->state = HEAD;
  int sent = c->ssl != NULL ? SSL_write(c->ssl, options.request, options.request_length)
                            : (int)send(c->fd, options.request, options.request_length, MSG_NOSIGNAL);
  /* A request is far smaller than any socket's buffer. */
  if (sent != (int)options.request_length) failed(c, &result->broken);
}

static void rest(struct connection *c) {
  c->state = IDLE;
  c->next_idle = NULL;
  if (idle_first == NULL) idle_first = c;
  else idle_last->next_idle = c;
  idle_last = c;
}

/* The connection is free: for a request that waits, for the next one, or to rest. */
static void next(struct connection *c) {
  if (stopping || options.hold) {
    c->state = IDLE;
    return;
  }
  if (options.rate == 0) {
    send_request(c, now());
    return;
  }
  if (waiting_count == 0) {
    rest(c);
    return;
  }
  uint64_t due = waiting[waiting_first];
  waiting_first = (waiting_first + 1) % BACKLOG;
  waiting_count--;
  send_request(c, due);
}

static void handshake(struct connection *c) {
  int done = SSL_do_handshake(c->ssl);
  if (done == 1) {
    if (SSL_session_reused(c->ssl)) failed(c, &result->broken);
    else if (options.closing || options.hold) send_request(c, c->since);
    else next(c);
    return;
  }
  int error = SSL_get_error(c->ssl, done);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) failed(c, &result->connect_errors);
}

static void connected(struct connection *c) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    failed(c, &result->connect_errors);
    return;
  }
  if (options.tls != NULL) {
    c->ssl = SSL_new(tls_context);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_tlsext_host_name(c->ssl, options.tls);
    SSL_set_connect_state(c->ssl);
    c->state = HANDSHAKE;
    handshake(c);
  } else if (options.closing || options.hold) send_request(c, c->since);
  else next(c);
}

static void open_connection(struct connection *c) {
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int on = 1;
  c->since = now();
  c->state = CONNECTING;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) {
    perror("load: socket");
    _exit(1);
  }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connect(c->fd, (struct sockaddr *)&to, sizeof to);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

/* Like recv: -1 with EAGAIN when nothing has come. Bodies outside TLS are discarded in the kernel. */
static ssize_t take(struct connection *c, char *into, size_t room) {
  if (c->ssl == NULL) return recv(c->fd, into, room, c->state == BODY ? MSG_TRUNC : 0);
  int got = SSL_read(c->ssl, into, (int)room);
  if (got > 0) return got;
  int error = SSL_get_error(c->ssl, got);
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
  ERR_clear_error();
  return -1;
}

static void answered(struct connection *c) {
  if (!stopping) {
    result->requests++;
    record(&result->latency, now() - c->since);
  }
  if (options.closing) c->state = ENDING;
  else {
    if (options.hold) {
      result->answered_once++;
      if (opened < options.connections) open_connection(&connections[opened++]);
    }
    next(c);
  }
}

/* Reads a head of which `got` more bytes have come. False when the connection was given up. */
static int head(struct connection *c, ssize_t got) {
  c->length += got;
  char *blank = memmem(c->head, c->length, "\r\n\r\n", 4);
  if (blank == NULL) {
    if (c->length < MOST_HEAD) return 1;
    failed(c, &result->broken);
    return 0;
  }
  unsigned body_at = blank + 4 - c->head;
  *blank = 0;
  char *length = strcasestr(c->head, "\r\ncontent-length:");
  if (memcmp(c->head, "HTTP/1.1 200", 12) != 0 || length == NULL) {
    failed(c, &result->bad_status);
    return 0;
  }
  c->left = atoll(length + 17) - (c->length - body_at);
  c->state = BODY;
  return 1;
}

static void readable(struct connection *c) {
  while (c->fd >= 0 && c->state >= IDLE) {
    int in_head = c->state == HEAD;
    char *into = in_head ? c->head + c->length : scratch;
    size_t room = in_head ? MOST_HEAD - c->length : c->state == BODY && c->left < SCRATCH ? (size_t)c->left : SCRATCH;
    if (c->state == BODY && c->ssl == NULL) room = c->left;
    ssize_t got = take(c, into, room);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      if (c->state == ENDING) {
        drop(c);
        if (!stopping) open_connection(c);
      } else failed(c, &result->broken);
      return;
    }
    result->bytes += got;
    if (in_head) {
      if (!head(c, got)) return;
    } else if (c->state == BODY) c->left -= got;
    else {
      failed(c, &result->broken); /* more than was asked for */
      return;
    }
    if (c->state == BODY && c->left == 0) answered(c);
    else if (c->state == BODY && c->left < 0) failed(c, &result->broken);
    /* A short read has emptied the socket; of TLS there may be more inside. */
    if (c->ssl == NULL && c->state != ENDING && (size_t)got < room) return;
  }
}

static void event_on(struct connection *c, unsigned events) {
  if (c->fd < 0) return;
  if (c->state == CONNECTING) {
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) connected(c);
  } else if (c->state == HANDSHAKE) handshake(c);
  if (c->fd >= 0 && c->state >= IDLE && events & ~EPOLLOUT) readable(c);
}

static double random_share(void) {
  static uint64_t x;
  if (x == 0) x = 88172645463325252ull ^ ((uint64_t)sched_getcpu() << 40);
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return (double)(x >> 11) / (double)(1ull << 53);
}

/* Sends what is due; returns when the next request is. */
static uint64_t send_due(uint64_t due, uint64_t t, double gap) {
  while (due <= t) {
    struct connection *c = idle_first;
    if (c != NULL) {
      idle_first = c->next_idle;
      record(&result->late, now() - due);
      send_request(c, due);
    } else if (waiting_count < BACKLOG) waiting[(waiting_first + waiting_count++) % BACKLOG] = due;
    due += (uint64_t)(-log(1 - random_share()) * gap);
  }
  return due;
}

static void time_out(uint64_t t) {
  for (int i = 0; i < opened; i++) {
    struct connection *c = &connections[i];
    if (c->fd >= 0 && c->state != IDLE && options.rate == 0 && c->since + PATIENCE < t) failed(c, &result->timeouts);
  }
}

static void hold(int mine) {
  struct epoll_event events[EVENTS];
  uint64_t end = now() + 60 * SECOND;
  while (result->answered_once < (uint64_t)mine && now() < end) {
    int n = epoll_wait(epoll_fd, events, EVENTS, 100);
    for (int i = 0; i < n; i++) event_on(events[i].data.ptr, events[i].events);
  }
  char c;
  printf("%s\n", result->answered_once < (uint64_t)mine ? "failed" : "holding");
  fflush(stdout);
  while (read(0, &c, 1) > 0) {}
}

static void work(int processes) {
  uint64_t begin = now(), end = begin + (uint64_t)(options.seconds * SECOND), looked = begin;
  double gap = options.rate > 0 ? SECOND * processes / options.rate : 0;
  uint64_t due = begin + SECOND / 10; /* connections are made first */
  struct epoll_event events[EVENTS];
  for (uint64_t t = begin; t < end; t = now()) {
    uint64_t until = t + SECOND / 20;
    if (options.rate > 0) {
      due = send_due(due, t, gap);
      if (due < until) until = due;
    }
    t = now();
    uint64_t wait = until > t ? until - t : 0;
    struct timespec limit = {.tv_sec = wait / SECOND, .tv_nsec = wait % SECOND};
    int n = epoll_pwait2(epoll_fd, events, EVENTS, &limit, NULL);
    for (int i = 0; i < n; i++) event_on(events[i].data.ptr, events[i].events);
    if (t - looked > SECOND) {
      looked = t;
      time_out(t);
    }
  }
  result->waiting = waiting_count;
}

static void run(int core, int processes) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1);
  /* An open loop has to be on time whoever else wants the core; it needs little of it. Without the right it goes on. */
  struct sched_param urgent = {.sched_priority = 1};
  if (options.rate > 0) sched_setscheduler(0, SCHED_FIFO, &urgent);
  epoll_fd = epoll_create1(0);
  int mine = options.connections /= processes;
  connections = calloc(mine, sizeof *connections);
  waiting = calloc(BACKLOG, sizeof *waiting);
  int first = options.hold && mine > HELD_AT_ONCE ? HELD_AT_ONCE : mine;
  while (opened < first) open_connection(&connections[opened++]);
  if (options.hold) hold(mine);
  else work(processes);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  result->cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
  stopping = 1;
  for (int i = 0; i < opened; i++)
    if (connections[i].fd >= 0) drop(&connections[i]);
}

static void print(const struct result *sum) {
  printf("{\"seconds\":%g,\"requests\":%lu,\"errors\":{\"connect\":%lu,\"broken\":%lu,\"status\":%lu,\"timeout\":%lu},"
         "\"bytes\":%lu,\"latency\":{\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f},"
         "\"late\":{\"p50\":%.1f,\"p999\":%.1f},\"waiting\":%lu,\"cpu\":%.3f}\n",
         options.seconds, sum->requests, sum->connect_errors, sum->broken, sum->bad_status, sum->timeouts, sum->bytes,
         microseconds(&sum->latency, 0.5), microseconds(&sum->latency, 0.99), microseconds(&sum->latency, 0.999),
         sum->latency.highest / 1000.0, microseconds(&sum->late, 0.5), microseconds(&sum->late, 0.999), sum->waiting,
         sum->cpu / options.seconds);
}

static void read_request(const char *path) {
  int fd = open(path, O_RDONLY);
  options.request = malloc(65536);
  ssize_t got = fd < 0 ? -1 : read(fd, options.request, 65536);
  if (got <= 0) {
    perror(path);
    exit(2);
  }
  options.request_length = got;
  close(fd);
}

static void tls(void) {
  tls_context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(tls_context, TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(tls_context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(tls_context, SSL_VERIFY_NONE, NULL); /* its cost is not the proxy's */
  SSL_CTX_set_mode(tls_context, SSL_MODE_RELEASE_BUFFERS);
}

static void usage(void) {
  fprintf(stderr, "usage: load PORT CORES CONNECTIONS SECONDS REQUEST_FILE [--close] [--rate N] [--tls NAME] [--hold]\n");
  exit(2);
}

int main(int argc, char **argv) {
  if (argc < 6) usage();
  options.port = atoi(argv[1]);
  options.connections = atoi(argv[3]);
  options.seconds = atof(argv[4]);
  read_request(argv[5]);
  for (int i = 6; i < argc; i++) {
    if (strcmp(argv[i], "--close") == 0) options.closing = 1;
    else if (strcmp(argv[i], "--hold") == 0) options.hold = 1;
    else if (strcmp(argv[i], "--rate") == 0 && i + 1 < argc) options.rate = atof(argv[++i]);
    else if (strcmp(argv[i], "--tls") == 0 && i + 1 < argc) options.tls = argv[++i];
    else usage();
  }
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files = {65536, 65536};
  setrlimit(RLIMIT_NOFILE, &files);
  if (options.tls != NULL) tls();
  struct result *results =
      mmap(NULL, MOST_CORES * sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int cores[MOST_CORES], processes = 0;
  for (char *core = strtok(argv[2], ","); core != NULL && processes < MOST_CORES; core = strtok(NULL, ","))
    cores[processes++] = atoi(core);
  if (processes == 0 || options.connections < processes) usage();
  for (int i = 0; i < processes; i++)
    if (fork() == 0) {
      result = &results[i];
      run(cores[i], processes);
      fflush(stdout);
      _exit(0);
    }
  int status, bad = 0;
  while (wait(&status) > 0) bad |= status;
  struct result sum = {0};
  for (int i = 0; i < processes; i++) {
    const struct result *r = &results[i];
    sum.requests += r->requests;
    sum.connect_errors += r->connect_errors;
    sum.broken += r->broken;
    sum.bad_status += r->bad_status;
    sum.timeouts += r->timeouts;
    sum.bytes += r->bytes;
    sum.waiting += r->waiting;
    if (r->cpu > sum.cpu) sum.cpu = r->cpu;
    merge(&sum.latency, &r->latency);
    merge(&sum.late, &r->late);
  }
  if (!options.hold) print(&sum);
  return bad != 0;
}
