/* What the load and the subscriber of bench.ingest share; each has its own `fail`. */
#pragma once

static void send_all(int s, const uint8_t *data, size_t size) {
    while (size) {
        ssize_t n = send(s, data, size, 0);
        if (n <= 0) fail("the broker took nothing");
        data += n;
        size -= (size_t)n;
    }
}

static void expect(int s, uint8_t kind) {
    uint8_t head[2], rest[256];
    if (recv(s, head, 2, MSG_WAITALL) != 2 || head[0] != kind || recv(s, rest, head[1], MSG_WAITALL) != head[1]) fail("the broker refuses");
}
