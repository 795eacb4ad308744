/* A head and its commands meet whatever comes: lines of a gateway, and lines that begin with ! as commands of a player.
 *
 * clang -g -fsanitize=fuzzer,address,undefined -I.. -I../heads -Istandins/rom -o fuzz_head fuzz_head.c */
#include "../heads/rom/i3_rom.c"

#include "check.h"

static DESCRIPTOR_DATA desc[2];
static CHAR_DATA character[2];
static PC_DATA pcdata;
static char titles[] = "the Tester", ann[] = "Ann", boss[] = "Boss";
DESCRIPTOR_DATA *descriptor_list = desc;
static double seconds;

/* What a player is shown must be safe to pass on. */
void send_to_char(const char *txt, CHAR_DATA *ch)
{
    size_t length = strlen(txt), i;
    CHECK(ch->name != 0 && length >= 2 && length < I3MUD_LINE_BYTES && strcmp(txt + length - 2, "\r\n") == 0);
    for (i = 0; i + 2 < length; i++)
        CHECK((unsigned char)txt[i] >= 0x20 || txt[i] == '\a' || txt[i] == '\r' || txt[i] == '\n');
}

void log_string(const char *str)
{
    CHECK(strlen(str) < 700);
}

static double fuzz_clock(void *data)
{
    (void)data;
    return seconds;
}

static void set_up(void)
{
    i3_config config;
    int i;
    memset(&i3mud, 0, sizeof i3mud);
    pcdata.title = titles;
    for (i = 0; i < 2; i++) {
        character[i].name = i ? boss : ann;
        character[i].level = (sh_int)(i ? MAX_LEVEL : 1);
        character[i].pcdata = &pcdata;
        character[i].desc = &desc[i];
        desc[i].character = &character[i];
        desc[i].next = i ? 0 : &desc[1];
    }
    i3_config_init(&config);
    config.client = "fuzz";
    config.in_bytes = config.out_bytes = 8192;
    config.hold_bytes = 1024;
    config.colour = I3_COLOUR_ROM;
    config.typed_colours = 1;
    config.clock = fuzz_clock;
    config.tell = i3mud_on_tell;
    config.line = i3mud_on_line;
    config.event = i3mud_on_event;
    config.presence = i3mud_on_presence;
    config.log = i3mud_on_log;
    i3mud_copy(i3mud.data, sizeof i3mud.data, "/dev/null/none"); /* nothing is written */
    i3mud.net = i3_open(&config);
    CHECK(i3mud.net != 0 && i3mud_add_channel("chat") && i3_join(i3mud.net, "chat", 0));
    seconds = 100;
    i3mud.net->now = seconds;
    i3mud.net->state = I3__READY;
    i3mud.net->fd = open("/dev/null", O_RDWR);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    i3 *net;
    set_up();
    net = i3mud.net;
    i3mud_look();
    while (size && net->fd >= 0) {
        const unsigned char *end = (const unsigned char *)memchr(data, '\n', size);
        size_t length = end ? (size_t)(end - data) + 1 : size;
        if (*data == '!' && length > 2) {
            char text[512];
            size_t n = length - 2 < sizeof text - 1 ? length - 2 : sizeof text - 1, i;
            for (i = 0; i < n; i++) /* an engine lets no control characters through */
                text[i] = (char)(data[i + 2] >= 0x20 && data[i + 2] != 0x7F ? data[i + 2] : ' ');
            text[n] = 0;
            i3mud_command(&desc[data[1] / 16 % 2], data[1] % 16, text);
            /* An answer may follow under the number of the request. */
        } else if (length <= net->in_size - net->in_end) {
            memcpy(net->in + net->in_end, data, length);
            net->in_end += length;
            do
                i3__lines(net);
            while (net->has_more);
            i3__offer(net);
        } else {
            net->in_start = net->in_end = 0;
        }
        data += length;
        size -= length;
        seconds += 1;
        net->now = seconds;
        i3__time_out(net);
        i3mud_look();
        i3__publish(net);
        net->out_end = net->out_start = 0;
    }
    i3mud_end();
    return 0;
}
