/* The client reads whatever a gateway might send: bytes of the fuzzer, as if they came through the socket.
 *
 * With libFuzzer:  clang -g -fsanitize=fuzzer,address,undefined -o fuzz fuzz.c && ./fuzz -max_total_time=20 corpus
 * Without it:      cc -g -fsanitize=address,undefined -DI3_OWN_MUTATIONS -o fuzz fuzz.c && ./fuzz SECONDS FILE... */
#define I3_IMPLEMENTATION
#define I3_TEXT_BYTES 64
#define I3_NAME_BYTES 16
#include "../i3.h"

#include "check.h"

static double seconds;

static double fuzz_clock(void *data)
{
    (void)data;
    return seconds;
}

/* Reads all of a value, in every way. */
static void walk(i3 *net, i3_json v, int depth)
{
    i3_json one;
    char out[24];
    CHECK(depth <= I3_JSON_DEPTH);
    CHECK(i3_json_text(v, out, sizeof out) == strlen(out));
    CHECK(i3_show_json(net, v, out, sizeof out, depth % 2) == strlen(out));
    i3_json_number(v, 0);
    i3_json_true(v);
    i3_json_is(v, "x");
    i3_json_get(v, "message");
    for (one = i3_json_first(v); one.at; one = i3_json_next(v, one)) {
        CHECK(one.at < one.end && one.end <= v.end);
        walk(net, one, depth + 1);
    }
}

static int on_tell(i3 *net, const i3_event *e)
{
    CHECK(strlen(e->text) < I3_TEXT_BYTES && strlen(e->from_mud) < I3_NAME_BYTES);
    walk(net, e->params, 0);
    return (int)strlen(e->text) % 3;
}

static void on_event(i3 *net, const i3_event *e)
{
    walk(net, e->params, 0);
    i3_say(net, e->to_user, e->channel, e->text, 0);
}

static void on_answer(i3 *net, const i3_result *r)
{
    CHECK(r->message && r->reason && r->who && r->note);
    walk(net, r->result, 0);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    i3_config config;
    i3 *net;
    size_t at = 0;
    unsigned how = size ? data[0] : 0;
    i3_config_init(&config);
    config.client = "fuzz";
    config.in_bytes = 4096;
    config.out_bytes = 4096;
    config.hold_bytes = 1024;
    config.colour = (int)(how % 8);
    config.charset = (int)(how / 8 % 2);
    config.act = (int)(how / 16 % 2);
    config.typed_colours = (int)(how / 32 % 2);
    config.tell = on_tell;
    config.line = on_event;
    config.event = on_event;
    config.clock = fuzz_clock;
    seconds = 100;
    net = i3_open(&config);
    CHECK(net != 0);
    i3_join(net, "chat", 0);
    net->now = seconds;
    net->state = I3__READY;
    net->fd = open("/dev/null", O_RDWR); /* so that it counts as connected; nothing is read from it here */
    i3_begin(net, "who");
    i3_send(net, "Ann", on_answer, 7, "note", 0);
    while (at < size && net->fd >= 0) {
        size_t room, n;
        if (net->in_start > 0 && net->in_end == net->in_size) {
            memmove(net->in, net->in + net->in_start, net->in_end - net->in_start);
            net->in_end -= net->in_start;
            net->in_start = 0;
        }
        room = net->in_size - net->in_end;
        n = size - at < room ? size - at : room;
        memcpy(net->in + net->in_end, data + at, n);
        net->in_end += n;
        at += n;
        do
            i3__lines(net);
        while (net->has_more);
        net->out_end = net->out_start = 0;
        i3_player_here(net, "ann");
        i3__offer(net);
        i3__acknowledge(net);
        seconds += 3;
        net->now = seconds;
        CHECK(net->hold_end <= net->hold_size && net->in_end <= net->in_size);
    }
    i3_close(net);
    return 0;
}

#ifdef I3_OWN_MUTATIONS
int main(int argc, char **argv)
{
    static unsigned char seed[1 << 16], text[1 << 16];
    unsigned long random = 88172645, runs = 0;
    time_t end = time(0) + (argc > 1 ? atoi(argv[1]) : 10);
    int file = 2;
    CHECK(argc > 2);
    while (time(0) < end) {
        FILE *f = fopen(argv[file], "rb");
        size_t length, i, changes;
        int round;
        CHECK(f != 0);
        length = fread(seed, 1, sizeof seed - 64, f);
        fclose(f);
        file = file + 1 < argc ? file + 1 : 2;
        for (round = 0; round < 200; round++) {
            memcpy(text, seed, length);
            random = random * 1103515245UL + 12345UL;
            changes = random / 65536 % 8;
            for (i = 0; i < changes && length; i++) {
                random = random * 1103515245UL + 12345UL;
                text[random / 65536 % length] =
                    (unsigned char)((random >> 8) % 3 ? (unsigned char)"\"\\{}[]:,\n0u\033\xff"[random / 4096 % 13] : random / 512);
            }
            LLVMFuzzerTestOneInput(text, round % 5 ? length : random / 65536 % (length + 1));
            runs++;
        }
    }
    printf("fuzz: %lu runs\n", runs);
    return 0;
}
#endif
