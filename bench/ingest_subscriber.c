/* What a subscriber costs that does nothing: MQTT 5, QoS 1, every message acknowledged, all of one read in one write.

   ingest_subscriber WHERE RECEIVE_MAXIMUM WARM COUNT FILTER...

   WHERE is a Unix socket's path or a port of this machine. A line of JSON is printed once it listens, one after the first WARM messages,
   and one when WARM + COUNT have come, with the time. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static uint8_t in[1 << 19], out[1 << 18];

static void fail(const char *why) {
    fprintf(stderr, "ingest_subscriber: %s (%s)\n", why, strerror(errno));
    exit(1);
}

#include "ingest_wire.h"

static double cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
    if (argc < 6) fail("WHERE RECEIVE_MAXIMUM WARM COUNT FILTER...");
    long maximum = atol(argv[2]), warm = atol(argv[3]), count = atol(argv[4]), seen = 0;
    int s, one = 1;
    if (argv[1][0] == '/') {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        snprintf(a.sun_path, sizeof a.sun_path, "%s", argv[1]);
        s = socket(AF_UNIX, SOCK_STREAM, 0);
        if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof a) != 0) fail("the broker cannot be reached");
    } else {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        s = socket(AF_INET, SOCK_STREAM, 0);
        if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof a) != 0) fail("the broker cannot be reached");
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    /* CONNECT: keep the session for an hour, so many messages under way, keep alive 600 s. */
    const uint8_t connect_packet[] = {0x10, 32, 0, 4, 'M', 'Q', 'T', 'T', 5, 0, 600 >> 8, 600 & 255, 8, 0x11, 0, 0, 0x0e, 0x10, 0x21,
                                      (uint8_t)(maximum >> 8), (uint8_t)maximum, 0, 11, 'c', '-', 's', 'u', 'b', 's', 'c', 'r', 'i', 'b', 'e'};
    send_all(s, connect_packet, sizeof connect_packet);
    expect(s, 0x20);
    for (int i = 5; i < argc; i++) {
        uint8_t packet[160] = {0x82};
        size_t size = strlen(argv[i]);
        packet[1] = (uint8_t)(size + 6);
        packet[3] = 1, packet[6] = (uint8_t)size;
        memcpy(packet + 7, argv[i], size);
        packet[7 + size] = 1;
        send_all(s, packet, size + 8);
        expect(s, 0x90);
    }
    printf("{\"listening\":true}\n");
    fflush(stdout);
    size_t held = 0;
    double began_cpu = 0;
    while (seen < warm + count) {
        ssize_t n = recv(s, in + held, (1 << 18), 0);
        if (n <= 0) fail("the broker closed the connection");
        held += (size_t)n;
        size_t at = 0, made = 0;
        while (held - at >= 5) {
            const uint8_t *p = in + at;
            size_t size = 0, head = 0;
            for (size_t i = 1, shift = 0; i < 5; i++, shift += 7) {
                size |= (size_t)(p[i] & 127) << shift;
                if (!(p[i] & 128)) {
                    head = i + 1;
                    break;
                }
            }
            if (at + head + size > held) break;
            if ((p[0] & 0xf6) == 0x32) {
                size_t topic = (size_t)p[head] << 8 | p[head + 1];
                out[made] = 0x40, out[made + 1] = 2;
                memcpy(out + made + 2, p + head + 2 + topic, 2);
                made += 4;
                seen++;
                if (seen == warm) {
                    began_cpu = cpu();
                    printf("{\"warm\":true}\n");
                    fflush(stdout);
                }
            }
            at += head + size;
        }
        if (made) send_all(s, out, made);
        memmove(in, in + at, held - at);
        held -= at;
    }
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    printf("{\"ended\":%.6f,\"cpu_s\":%.3f}\n", (double)t.tv_sec + (double)t.tv_nsec / 1e9, cpu() - began_cpu);
    return 0;
}
