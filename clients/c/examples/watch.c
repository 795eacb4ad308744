/* Prints every tell and every line of the channels, until Ctrl-C.
 *
 *     cc -I.. -o watch watch.c && ./watch [CHANNEL...]
 *
 * It takes I3_GATEWAY_HOST and I3_GATEWAY_PORT (the port for TCP lines), or without them I3_GATEWAY_URL; I3_API_KEY and
 * I3_MUD_NAME. Without channels it listens to all of the network's. It is an observer: the tells that it prints are still kept for the game. */
#define I3_IMPLEMENTATION
#include "i3.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t ended;
static int joins_all, has_asked;

static void end(int signal_number)
{
    (void)signal_number;
    ended = 1;
}

static int on_tell(i3 *net, const i3_event *e)
{
    (void)net;
    printf("%s -> %s: %s%s\n", e->from, e->to_user,
           e->kind == I3_BEEP ? "(beep)" : e->kind == I3_EMOTETO ? "* " : "", e->text);
    return I3_SHOWN;
}

static void on_line(i3 *net, const i3_event *e)
{
    (void)net;
    if (e->kind == I3_MESSAGE)
        printf("[%s] %s: %s\n", e->channel, e->from, e->text);
    else
        printf("[%s] %s (%s)\n", e->channel, e->text, e->from);
}

static void on_log(i3 *net, int what, const char *text)
{
    (void)net;
    (void)what;
    printf("-- %s\n", text);
}

static void join_all(i3 *net, const i3_result *result)
{
    i3_json channels = i3_json_get(result->result, "channels"), one;
    char name[I3_CHANNEL_BYTES];
    int count = 0;
    if (result->outcome != I3_OK)
        printf("-- %s\n", result->message);
    for (one = i3_json_first(channels); one.at; one = i3_json_next(channels, one)) {
        i3_json_text(i3_json_get(one, "name"), name, sizeof name);
        count += i3_join(net, name, 0);
    }
    if (count)
        printf("-- listening to %d channels\n", count);
}

/* Channels may become known later than this program: then they are joined later. */
static void on_event(i3 *net, const i3_event *e)
{
    if (joins_all && strcmp(e->name, "channel_added") == 0)
        i3_join(net, e->channel, 0);
    if (e->kind == I3_NET_UP)
        has_asked = 0;
    if (e->kind == I3_ERROR)
        printf("-- %s\n", e->text);
}

/* A variable of the environment, or 0 if it is not set or empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : 0;
}

/* Where the gateway is. Of the address of a WebSocket only the host is taken: this client speaks lines over TCP. */
static void find_gateway(i3_config *config)
{
    static char host[256];
    const char *url = variable("I3_GATEWAY_URL"), *at, *end;
    if (variable("I3_GATEWAY_HOST"))
        config->host = variable("I3_GATEWAY_HOST");
    if (variable("I3_GATEWAY_PORT"))
        config->port = atoi(variable("I3_GATEWAY_PORT"));
    if (!url || variable("I3_GATEWAY_HOST") || variable("I3_GATEWAY_PORT"))
        return;
    at = strstr(url, "://");
    at = at ? at + 3 : url;
    if (*at == '[') /* an address of IPv6 */
        at++;
    end = at + strcspn(at, at > url && at[-1] == '[' ? "]" : ":/?");
    if (end == at || end - at >= (long)sizeof host)
        return;
    memcpy(host, at, (size_t)(end - at));
    host[end - at] = 0;
    config->host = host;
    if (*end == ']')
        end++;
    if (*end == ':' && strncmp(url, "tcp://", 6) == 0)
        config->port = atoi(end + 1);
}

int main(int argc, char **argv)
{
    i3_config config;
    i3 *net;
    int i;
    const char *mud = variable("I3_MUD_NAME");

    i3_config_init(&config);
    find_gateway(&config);
    config.key = variable("I3_API_KEY");
    config.client = "c-watch";
    config.observer = 1;
    config.colour = I3_COLOUR_ANSI;
    config.tell = on_tell;
    config.line = on_line;
    config.event = on_event;
    config.log = on_log;
    net = i3_open(&config);
    if (!net) {
        fprintf(stderr, "watch: the settings are too long, or there is no memory\n");
        return 1;
    }
    setvbuf(stdout, 0, _IOLBF, 0);
    signal(SIGINT, end);
    signal(SIGTERM, end);
    joins_all = argc == 1;
    for (i = 1; i < argc; i++)
        i3_join(net, argv[i], 0);

    while (!ended) {
        struct pollfd ready;
        i3_poll(net);
        if (i3_ready(net) && !has_asked) {
            has_asked = 1;
            if (mud && !i3_same_name(mud, i3_mud(net)))
                printf("-- the key is for %s, not for %s\n", i3_mud(net), mud);
            if (joins_all) {
                i3_begin(net, "channel_list");
                i3_send(net, 0, join_all, 0, 0, 0);
            }
        }
        ready.fd = i3_descriptor(net);
        ready.events = (short)(POLLIN | (i3_wants_write(net) ? POLLOUT : 0));
        poll(&ready, ready.fd >= 0, (int)(i3_timeout(net) * 1000) + 1);
    }
    i3_close(net);
    return 0;
}
