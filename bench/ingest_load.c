/* The load of `bench.ingest`: gateways that publish at QoS 1 packets built before, and note when ingest acknowledged each message.

   ingest_load WHERE FILE GATEWAYS CONNECTIONS FROM COUNT WINDOW RATE ACKS

   WHERE is a Unix socket's path or a port of this machine. FILE holds PUBLISH packets of MQTT 3.1.1, one after the other: message n is of
   gateway n % GATEWAYS and has the sequence number 1 + n / GATEWAYS. Messages FROM to FROM + COUNT are sent over so many CONNECTIONS, at
   most WINDOW under way to the broker in all, RATE a second (0: as fast as they go). With ACKS 1 every connection reads its gateways'
   application acknowledgements, and the end is when the last has come. One JSON object is printed. The latency of a message runs from
   when it was due, so that a load that falls behind flatters nobody. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 65536
#define DEADLINE_S 240.0
#define MOST_CONNECTIONS 256

typedef struct {
    int socket;
    uint8_t *out;
    size_t *ends;            /* where each packet of `out` ends */
    size_t sent, packets, at; /* bytes sent; packets in all; packets sent whole */
    size_t answered;          /* bytes of PUBACK */
    uint8_t in[1 << 20];
    size_t held;
    size_t due;               /* packets that may be sent by now */
} Connection;

static long gateways, connections, from, count, window;
static double rate;
static int with_acks;
static char (*names)[80];
static Connection *lines;
static uint8_t *acked;
static double *latency, start;
static size_t acknowledged, refused, latencies;

static void fail(const char *why) {
    fprintf(stderr, "ingest_load: %s (%s)\n", why, strerror(errno));
    exit(1);
}

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_socket(const char *where) {
    int s, one = 1;
    if (where[0] == '/') {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        snprintf(a.sun_path, sizeof a.sun_path, "%s", where);
        s = socket(AF_UNIX, SOCK_STREAM, 0);
        if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof a) != 0) fail("the broker cannot be reached");
    } else {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(where)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        s = socket(AF_INET, SOCK_STREAM, 0);
        if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof a) != 0) fail("the broker cannot be reached");
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    return s;
}

#include "ingest_wire.h"

static void greet(int s, long number) {
    uint8_t packet[64] = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0};
    int size = snprintf((char *)packet + 14, 40, "bench-load-%ld", number);
    packet[13] = (uint8_t)size;
    packet[1] = (uint8_t)(12 + size);
    send_all(s, packet, (size_t)(14 + size));
    expect(s, 0x20);
}

/* Subscribe to a gateway's acknowledgements: its topic with `ack` for `up`. */
static void subscribe(int s, const char *topic) {
    uint8_t packet[160];
    size_t size = strlen(topic);
    packet[0] = 0x82;
    packet[1] = (uint8_t)(size + 5);
    packet[2] = 0, packet[3] = 1, packet[4] = 0, packet[5] = (uint8_t)size;
    memcpy(packet + 6, topic, size);
    packet[6 + size] = 0;
    send_all(s, packet, size + 7);
    expect(s, 0x90);
}

static size_t remaining(const uint8_t *p, size_t have, size_t *head) {
    size_t size = 0;
    for (size_t i = 1, shift = 0; i < have && i < 5; i++, shift += 7) {
        size |= (size_t)(p[i] & 127) << shift;
        if (!(p[i] & 128)) {
            *head = i + 1;
            return size;
        }
    }
    *head = 0;
    return 0;
}

static void note(long gateway, long first, long last) {
    double t = now(CLOCK_MONOTONIC);
    for (long seq = first; seq <= last; seq++) {
        long n = (seq - 1) * gateways + gateway - from;
        if (n < 0 || n >= count || acked[n]) continue;
        acked[n] = 1;
        acknowledged++;
        if (rate > 0) latency[latencies++] = t - start - (double)n / rate;
    }
}

/* Read an acknowledgement's JSON: pairs of numbers after "acked", one "seq" for each message refused. */
static void read_ack(const uint8_t *topic, size_t topic_size, const char *body) {
    long gateway = -1;
    for (long g = 0; g < gateways; g++)
        if (strlen(names[g]) == topic_size && memcmp(names[g], topic, topic_size) == 0) gateway = g;
    const char *at = strstr(body, "\"acked\":[");
    if (gateway < 0 || !at) fail("an acknowledgement cannot be read");
    at += 9;
    long first, last;
    int used;
    while (sscanf(at, " [ %ld , %ld ]%n", &first, &last, &used) == 2) {
        note(gateway, first, last);
        at += used;
        if (*at == ',') at++;
    }
    for (at = strstr(at, "\"refused\""); at && (at = strstr(at, "\"seq\"")); at++) refused++;
}

static void take(Connection *c) {
    for (;;) {
        ssize_t n = recv(c->socket, c->in + c->held, sizeof c->in - c->held - 1, MSG_DONTWAIT);
        if (n == 0) fail("the broker closed the connection");
        if (n < 0) {
            if (errno == EAGAIN) break;
            fail("the connection is lost");
        }
        c->held += (size_t)n;
        size_t at = 0, head;
        while (c->held - at >= 2) {
            uint8_t *p = c->in + at;
            size_t size = remaining(p, c->held - at, &head);
            if (!head || at + head + size > c->held) break;
            if (p[0] == 0x40) {
                c->answered++;
            } else if ((p[0] & 0xf0) == 0x30) {
                size_t topic = (size_t)p[head] << 8 | p[head + 1];
                uint8_t kept = p[head + size];
                p[head + size] = 0;
                read_ack(p + head + 2, topic, (char *)p + head + 2 + topic);
                p[head + size] = kept;
            }
            at += head + size;
        }
        memmove(c->in, c->in + at, c->held - at);
        c->held -= at;
    }
}

/* Send what is due and within the window; tell whether anything went out. */
static int give(Connection *c) {
    size_t until = c->answered + (size_t)(window / connections);
    if (until > c->due) until = c->due;
    size_t stop = until ? c->ends[until - 1] : 0;
    int any = 0;
    while (c->sent < stop) {
        size_t size = stop - c->sent < CHUNK ? stop - c->sent : CHUNK;
        ssize_t n = send(c->socket, c->out + c->sent, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) break;
            fail("the broker closed the connection");
        }
        c->sent += (size_t)n;
        any = 1;
    }
    return any;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void load_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END)) fail("the packets cannot be read");
    size_t size = (size_t)ftell(f);
    uint8_t *all = malloc(size);
    rewind(f);
    if (!all || fread(all, 1, size, f) != size) fail("the packets cannot be read");
    fclose(f);
    for (long c = 0; c < connections; c++) {
        lines[c].out = malloc(size / (size_t)connections * 2 + (1 << 16));
        lines[c].ends = malloc(sizeof(size_t) * ((size_t)count + 1));
    }
    size_t at = 0, head;
    for (long n = 0; at < size && n < from + count; n++) {
        size_t whole = remaining(all + at, size - at, &head);
        whole += head;
        long g = n % gateways;
        uint8_t *p = all + at;
        size_t topic = (size_t)p[head] << 8 | p[head + 1];
        if (n < gateways) {
            memcpy(names[g], p + head + 2, topic - 2);
            strcpy(names[g] + topic - 2, "ack");
        }
        if (n >= from) {
            Connection *c = &lines[g % connections];
            size_t begin = c->packets ? c->ends[c->packets - 1] : 0;
            uint8_t *to = c->out + begin;
            memcpy(to, p, whole);
            size_t id = c->packets % 65000 + 1;
            to[head + 2 + topic] = (uint8_t)(id >> 8);
            to[head + 3 + topic] = (uint8_t)id;
            c->ends[c->packets++] = begin + whole;
        }
        at += whole;
    }
    free(all);
}

int main(int argc, char **argv) {
    if (argc != 10) fail("WHERE FILE GATEWAYS CONNECTIONS FROM COUNT WINDOW RATE ACKS");
    gateways = atol(argv[3]), connections = atol(argv[4]), from = atol(argv[5]), count = atol(argv[6]), window = atol(argv[7]);
    rate = atof(argv[8]), with_acks = atoi(argv[9]);
    if (connections > MOST_CONNECTIONS || gateways % connections) fail("so many connections cannot be shared out");
    names = calloc((size_t)gateways, sizeof *names);
    lines = calloc((size_t)connections, sizeof *lines);
    acked = calloc((size_t)count, 1);
    latency = malloc(sizeof(double) * ((size_t)count + 1));
    if (!names || !lines || !acked || !latency) fail("memory");
    load_file(argv[2]);
    for (long c = 0; c < connections; c++) {
        lines[c].socket = open_socket(argv[1]);
        greet(lines[c].socket, c);
        if (with_acks)
            for (long g = c; g < gateways; g += connections) subscribe(lines[c].socket, names[g]);
    }
    double began = now(CLOCK_REALTIME), sent = 0;
    start = now(CLOCK_MONOTONIC);
    for (;;) {
        double passed = now(CLOCK_MONOTONIC) - start;
        size_t due = rate > 0 ? (size_t)(passed * rate) + 1 : (size_t)count, answered = 0;
        int any = 0;
        if (due > (size_t)count) due = (size_t)count;
        for (long i = 0; i < connections; i++) {
            Connection *c = &lines[i];
            /* The first message of all is of gateway `from % gateways`; so far the due ones are shared out in turn. */
            c->due = rate > 0 ? (due + (size_t)(connections - 1 - (i - from % connections + connections) % connections)) / (size_t)connections : c->packets;
            if (c->due > c->packets) c->due = c->packets;
            any |= give(c);
            take(c);
            answered += c->answered;
        }
        if (!sent && answered >= (size_t)count) sent = now(CLOCK_REALTIME);
        if (answered >= (size_t)count && (!with_acks || acknowledged >= (size_t)count)) break;
        if (passed > DEADLINE_S) {
            fprintf(stderr, "ingest_load: %zu of %ld answered, %zu acknowledged, %zu refused\n", answered, count, acknowledged, refused);
            return 1;
        }
        if (!any || rate > 0) {
            struct timespec pause = {0, rate > 0 ? 500000 : 200000};
            nanosleep(&pause, NULL);
        }
    }
    double ended = now(CLOCK_REALTIME);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    qsort(latency, latencies, sizeof(double), by_size);
#define AT(share) (latencies ? latency[(size_t)((double)(latencies - 1) * (share))] * 1e3 : 0.0)
    printf("{\"began\":%.6f,\"sent\":%.6f,\"ended\":%.6f,\"refused\":%zu,\"cpu_s\":%.3f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
           began, sent, ended, refused, cpu, AT(0.5), AT(0.99), AT(1.0));
    return 0;
}
