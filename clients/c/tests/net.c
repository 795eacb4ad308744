/* The client against a gateway that this program plays itself, over a real socket, with a clock that the test sets. */
#define I3_IMPLEMENTATION
#include "../i3.h"

#include <arpa/inet.h>

#include "check.h"

static int listener = -1, peer = -1;
static double now_seconds = 1000;
static char got[1 << 18]; /* what the client has sent since the last look */
static char heard[4096];  /* what the client's functions were told */
static int tell_returns = I3_HOLD, players;
static const char *refuses; /* the words with which tells are refused */

static void hear(const char *what, const char *text)
{
    size_t length = strlen(heard);
    if (length + strlen(what) + strlen(text) + 3 < sizeof heard)
        sprintf(heard + length, "%s:%s;", what, text);
}

static double test_clock(void *data)
{
    (void)data;
    return now_seconds;
}

static int on_tell(i3 *net, const i3_event *e)
{
    char text[600];
    (void)net;
    sprintf(text, "%.80s>%.80s %.300s%s", e->from, e->to_user, e->text, e->replay ? " (late)" : "");
    hear("tell", text);
    if (refuses)
        i3_tell_refuse(net, e->id, refuses);
    return tell_returns;
}

static void on_line(i3 *net, const i3_event *e)
{
    char text[600];
    (void)net;
    sprintf(text, "%.80s %.80s %.300s", e->channel, e->from, e->text);
    hear("line", text);
}

static void on_event(i3 *net, const i3_event *e)
{
    (void)net;
    hear(e->name, e->kind == I3_ERROR ? e->text : e->from);
}

static void on_presence(i3 *net)
{
    int i;
    for (i = 0; i < players; i++) {
        i3_user user;
        memset(&user, 0, sizeof user);
        user.name = "Ann \"the\" Brave";
        user.title = "of a very long title, so that many players need much room in the buffer for what is sent";
        user.level = 2000;
        user.idle = -1;
        CHECK(i3_tell(net, "Ann", "M", "u", "inside the presence", 0) == 0);
        i3_present(net, &user);
    }
}

static void on_log(i3 *net, int what, const char *text)
{
    (void)net;
    if (what != I3_LOG_STATE)
        hear("log", text);
}

static void on_answer(i3 *net, const i3_result *r)
{
    char text[300];
    (void)net;
    sprintf(text, "%d %.60s %.100s %.60s", r->outcome, r->who, r->message, r->reason);
    hear("answer", text);
}

/* Turns of the game, until the bytes have come through the socket. */
static void turn(i3 *net)
{
    int i;
    for (i = 0; i < 20; i++) {
        struct pollfd wait;
        ssize_t n;
        size_t length = strlen(got);
        i3_poll(net);
        if (peer < 0) {
            peer = accept(listener, 0, 0);
            if (peer >= 0)
                fcntl(peer, F_SETFL, O_NONBLOCK);
        }
        if (peer >= 0 && (n = recv(peer, got + length, sizeof got - length - 1, 0)) > 0)
            got[length + (size_t)n] = 0;
        wait.fd = i3_descriptor(net);
        wait.events = POLLIN;
        poll(&wait, wait.fd >= 0, i < 3 ? 5 : 1);
    }
}

static void forget(void)
{
    got[0] = heard[0] = 0;
}

static void say(i3 *net, const char *line)
{
    char whole[8192];
    CHECK(strlen(line) < sizeof whole - 2);
    sprintf(whole, "%s\n", line);
    CHECK(send(peer, whole, strlen(whole), 0) == (ssize_t)strlen(whole));
    turn(net);
}

static void event(i3 *net, const char *name, int id, int replay, const char *members)
{
    char line[1024];
    sprintf(line, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{%s,\"event_id\":%d%s}}", name, members, id,
            replay ? ",\"replay\":true" : "");
    say(net, line);
}

static void tell(i3 *net, int id, int replay, const char *to)
{
    char members[300];
    sprintf(members, "\"from_mud\":\"Far {Mud\",\"from_user\":\"bob\",\"visname\":\"Bob\",\"to_user\":\"%s\",\"message\":\"hi %d\"", to, id);
    event(net, "tell_received", id, replay, members);
}

static void line(i3 *net, int id, int replay)
{
    char members[300];
    sprintf(members, "\"channel\":\"chat\",\"from_mud\":\"Far\",\"from_user\":\"bob\",\"visname\":\"Bob\",\"message\":\"line %d\"", id);
    event(net, "channel_message", id, replay, members);
}

/* The id of the last request of a method that the client has sent. */
static int id_of(const char *method)
{
    char name[64], *at, *found = 0, *id = 0, *p;
    sprintf(name, "\"method\":\"%s\"", method);
    for (at = got; (at = strstr(at, name)) != 0; at++)
        found = at;
    CHECK(found != 0);
    for (p = got; p < found && (p = strstr(p, "\"id\":")) != 0 && p < found; p++)
        id = p;
    return atoi(id + 5);
}

static void answer(i3 *net, const char *method, const char *rest)
{
    char text[1024];
    sprintf(text, "{\"jsonrpc\":\"2.0\",\"id\":%d,%s}", id_of(method), rest);
    say(net, text);
}

static void log_in(i3 *net)
{
    turn(net);
    CHECK(strstr(got, "\"method\":\"authenticate\",\"params\":{\"api_key\":\"k\",\"client\":\"game\",\"text_format\":\"ansi\"}}\n"));
    say(net, "{\"jsonrpc\":\"2.0\",\"method\":\"welcome\",\"params\":{\"service\":\"i3-gateway\"}}");
    answer(net, "authenticate", "\"result\":{\"status\":\"authenticated\",\"mud_name\":\"Mine\",\"session_id\":\"s\"}");
    CHECK(i3_ready(net));
    EQUAL(i3_mud(net), "Mine");
}

static void drop_peer(void)
{
    close(peer);
    peer = -1;
}

static i3_config config_of(int port)
{
    i3_config config;
    i3_config_init(&config);
    config.port = port;
    config.key = "k";
    config.client = "game";
    config.colour = I3_COLOUR_ROM;
    config.tell = on_tell;
    config.line = on_line;
    config.event = on_event;
    config.presence = on_presence;
    config.log = on_log;
    config.clock = test_clock;
    return config;
}

/* A tell for a player who is not here is kept, and nothing from it on is acknowledged until the player has come. */
static void a_kept_tell(i3 *net)
{
    forget();
    tell(net, 10, 1, "ann");
    line(net, 11, 0);
    EQUAL(heard, "tell:Bob@Far {{Mud>ann hi 10 (late);line:chat Bob@Far line 11;");
    CHECK(i3_held(net) == 1);
    now_seconds += 5;
    turn(net);
    CHECK(strstr(got, "\"method\":\"ack\",\"params\":{\"event_id\":9}}\n"));
    forget();
    i3_player_here(net, "Bert");
    turn(net);
    EQUAL(heard, "");
    tell_returns = I3_SHOWN;
    i3_player_here(net, "ANN");
    turn(net);
    EQUAL(heard, "tell:Bob@Far {{Mud>ann hi 10 (late);");
    CHECK(i3_held(net) == 0);
    now_seconds += 3;
    turn(net);
    CHECK(strstr(got, "\"method\":\"ack\",\"params\":{\"event_id\":11}}\n"));
}

/* The connection is lost: a request that waits fails, the client comes back, joins again, and hears nothing twice. */
static void lost_and_back(i3 *net)
{
    forget();
    tell_returns = I3_MINE;
    tell(net, 12, 0, "ann");
    line(net, 13, 0);
    CHECK(i3_tell(net, "Ann", "Far", "bob", "{Rred{x", on_answer) == 1);
    turn(net);
    CHECK(strstr(got, "\"tell\",\"params\":{\"from_user\":\"Ann\",\"target_mud\":\"Far\",\"target_user\":\"bob\",\"message\":"));
    forget();
    drop_peer();
    turn(net);
    EQUAL(heard, "answer:3 Ann The connection to Intermud-3 was lost before the answer came. ;");
    CHECK(!i3_ready(net) && i3_timeout(net) > 0.5 && i3_timeout(net) < 2);
    now_seconds += 2;
    forget();
    log_in(net);
    CHECK(strstr(got, "\"channel_join\",\"params\":{\"channel\":\"chat\"}}\n"));
    forget();
    tell(net, 12, 1, "ann");
    line(net, 13, 1);
    line(net, 14, 0);
    EQUAL(heard, "line:chat Bob@Far line 14;");
    now_seconds += 3;
    turn(net);
    CHECK(strstr(got, "\"event_id\":11}}\n") && !strstr(got, "\"event_id\":14}}\n"));
    i3_seen(net, 12);
    now_seconds += 3;
    turn(net);
    CHECK(strstr(got, "\"event_id\":14}}\n"));
}

/* The sender of a tell is told that the player ignores the sender, if the gateway can do that. */
static void a_refused_tell(i3 *net)
{
    char text[700], *message;
    forget();
    tell_returns = I3_SHOWN;
    refuses = "Ann ignores {Ryou{x.";
    tell(net, 21, 0, "ann");
    turn(net);
    CHECK(strstr(got, "\"tell_refuse\",\"params\":{\"event_id\":21,\"message\":\"Ann ignores you.\"}}\n"));
    answer(net, "tell_refuse", "\"result\":{\"status\":\"refused\",\"event_id\":21}");
    /* Words that are too long are cut, at a whole character: 250 of them have 500 bytes. */
    memset(text, 0, sizeof text);
    while (strlen(text) < 600)
        strcat(text, "\303\244");
    forget();
    refuses = text;
    tell(net, 22, 0, "ann");
    turn(net);
    CHECK((message = strstr(got, "\"message\":\"")) && strspn(message + 11, "\303\244") == 500);
    answer(net, "tell_refuse", "\"error\":{\"code\":-32601,\"message\":\"Method not found\"}");
    /* This gateway cannot do it: it is not asked again, and nobody is bothered with that. */
    forget();
    tell(net, 23, 0, "ann");
    turn(net);
    CHECK(!strstr(got, "tell_refuse"));
    EQUAL(heard, "tell:Bob@Far {{Mud>ann hi 23;");
    refuses = 0;
    CHECK(i3_tell_refuse(net, 0, 0) == 0);
}

/* The gateway counts from the start: what comes is new. */
static void counting_anew(i3 *net)
{
    forget();
    tell_returns = I3_SHOWN;
    tell(net, 2, 0, "ann");
    line(net, 3, 0);
    line(net, 3, 1);
    EQUAL(heard, "tell:Bob@Far {{Mud>ann hi 2;line:chat Bob@Far line 3;");
}

/* Presence comes every 15 seconds, and soon after a player has come. Values are brought into their bounds. */
static void presence(i3 *net)
{
    forget();
    players = 1;
    now_seconds += 15;
    turn(net);
    CHECK(strstr(got, "{\"users\":[{\"name\":\"Ann \\\"the\\\" Brave\",\"title\":"));
    CHECK(strstr(got, "\"level\":1000,\"idle\":0}]}}\n") && !strstr(got, "inside the presence"));
    forget();
    i3_player_gone(net);
    now_seconds += 1;
    turn(net);
    CHECK(strstr(got, "presence_sync"));
}

/* What the gateway says of itself; what it should not send. */
static void words_of_the_gateway(i3 *net)
{
    forget();
    say(net, "{\"jsonrpc\":\"2.0\",\"id\":\"p1\",\"method\":\"ping\"}");
    CHECK(strstr(got, "{\"jsonrpc\":\"2.0\",\"id\":\"p1\",\"result\":{\"pong\":true}}\n"));
    event(net, "shutdown_warning", 20, 0, "\"message\":\"soon\"");
    event(net, "lagged", 21, 0, "\"dropped\":3");
    CHECK(strstr(got, "\"method\":\"resume\""));
    event(net, "error_occurred", 22, 0, "\"error_code\":\"unk-user\",\"error_message\":\"no {such\",\"from_mud\":\"Far\"");
    CHECK(strstr(heard, "log:the gateway shuts down: soon;") && strstr(heard, "error_occurred:no {{such;"));
    forget();
    say(net, "nonsense");
    say(net, "{\"jsonrpc\":\"2.0\",\"method\":5}");
    say(net, "[1,2]");
    say(net, "{\"jsonrpc\":\"2.0\",\"id\":123456,\"result\":{}}");
    say(net, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32003,\"message\":\"ended\"}}");
    EQUAL(heard, "log:a line of the gateway cannot be read: it is not JSON;log:the gateway says: ended;");
    CHECK(i3_ready(net));
}

/* An answer with an error, one in vain, and one that never comes. */
static void answers(i3 *net)
{
    forget();
    i3_say(net, "Ann", "chat", "x", on_answer);
    i3_emote(net, "Bert", "chat", "x", on_answer);
    turn(net);
    answer(net, "channel_send", "\"error\":{\"code\":-32004,\"message\":\"Intermud-3 is {away\",\"data\":{\"reason\":\"router_down\"}}");
    EQUAL(heard, "answer:1 Ann Intermud-3 is {{away router_down;");
    forget();
    now_seconds += I3_ANSWER_SECONDS;
    turn(net);
    CHECK(strstr(heard, "answer:2 Bert There was no answer in time. ;"));
}

/* Silence ends the connection. */
static void silence(i3 *net)
{
    forget();
    now_seconds += I3_SILENCE_SECONDS + 1;
    turn(net); /* the game itself may have stood still: it is given some time */
    for (players = 0; i3_ready(net) && players < 70; players++) {
        now_seconds += 1;
        i3_poll(net);
    }
    CHECK(!i3_ready(net) && players > 20 && players < 70);
}

static void a_session(int port)
{
    i3_config config = config_of(port);
    size_t size = i3_size(&config);
    void *memory = malloc(size);
    i3 *net;
    config.memory = memory;
    config.memory_size = size - 1;
    CHECK(i3_open(&config) == 0);
    config.memory_size = size;
    net = i3_open(&config);
    CHECK(net != 0 && i3_descriptor(net) == -1 && !i3_ready(net));
    CHECK(i3_join(net, "chat", 0) && i3_join(net, "code", 1) && i3_join(net, "chat", 0));
    CHECK(i3_tell(net, "Ann", "M", "u", "too early", on_answer) == 0);
    EQUAL(heard, "answer:4 Ann Intermud-3 is away: the gateway is not connected. ;");
    forget();
    log_in(net);
    turn(net);
    CHECK(strstr(got, "\"method\":\"ack\",\"params\":{\"event_id\":0}}\n"));
    CHECK(strstr(got, "\"method\":\"presence_sync\",\"params\":{\"users\":[]}}\n")); /* nobody plays: published too */
    CHECK(strstr(got, "\"channel_join\",\"params\":{\"channel\":\"chat\"}}\n"));
    CHECK(strstr(got, "\"channel_join\",\"params\":{\"channel\":\"code\",\"listen_only\":true}}\n"));
    a_kept_tell(net);
    lost_and_back(net);
    a_refused_tell(net);
    counting_anew(net);
    presence(net);
    words_of_the_gateway(net);
    answers(net);
    silence(net);
    players = 0;
    drop_peer();
    i3_close(net);
    free(memory);
}

/* Too many requests; too much to send. */
static void full_of_requests(i3 *net)
{
    char big[6000];
    int i, sent = 0;
    forget();
    for (i = 0; i < I3_PENDING_MAX; i++)
        sent += i3_beep(net, "A", "M", "u", on_answer);
    CHECK(sent > 10 && sent < I3_PENDING_MAX && strstr(heard, "answer:5 A "));
    turn(net);
    for (i = 0; i < I3_PENDING_MAX; i++)
        sent += i3_beep(net, "A", "M", "u", on_answer);
    CHECK(sent <= I3_PENDING_MAX - I3__PENDING_RESERVED);
    now_seconds += I3_ANSWER_SECONDS;
    turn(net);
    forget();
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = 0;
    CHECK(i3_say(net, "Ann", "chat", big, on_answer) == 0);
    EQUAL(heard, "answer:5 Ann Too much is waiting to be sent to Intermud-3. Try again in a moment. ;");
    turn(net);
    CHECK(!strstr(got, "xxxx"));
}

/* Presence with more players than there is room for: those that fit. */
static void full_presence(i3 *net)
{
    forget();
    players = 100;
    now_seconds += 15;
    turn(net);
    CHECK(strstr(got, "presence_sync") && strstr(got, "}]}}\n") && strstr(heard, "log:some players are left out"));
    players = 0;
}

/* A line that is too long: the request fails, and the next line is read. */
static void a_long_line(i3 *net)
{
    char big[6000];
    forget();
    i3_begin(net, "mudlist");
    CHECK(i3_send(net, "Ann", on_answer, 0, 0, 0));
    turn(net);
    sprintf(big, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"x\":\"", id_of("mudlist"));
    memset(big + strlen(big), 'y', sizeof big - strlen(big));
    CHECK(send(peer, big, 5999, 0) == 5999);
    say(net, "\"}}");
    CHECK(strstr(heard, "answer:6 Ann The answer is too long for this game. ;"));
    forget();
    line(net, 30, 0);
    EQUAL(heard, "line:chat Bob@Far line 30;");
}

/* Tells that wait: the oldest is given up. */
static void too_many_tells(i3 *net)
{
    int i;
    forget();
    tell_returns = I3_HOLD;
    for (i = 31; i < 41; i++)
        tell(net, i, 0, "ann");
    CHECK(i3_held(net) > 1 && i3_held(net) < 10 && strstr(heard, "log:the oldest tell that waited for its player is given up"));
    forget();
    now_seconds += I3_HOLD_SECONDS + 1;
    turn(net);
    CHECK(i3_held(net) == 0 && strstr(heard, "log:a tell is given up: its player did not come"));
    tell_returns = I3_SHOWN;
}

static void too_many_channels(i3 *net)
{
    char name[64];
    int i;
    for (i = 0; i < I3_CHANNELS_MAX + 5; i++) {
        sprintf(name, "c%d", i);
        CHECK(i3_join(net, name, 0) == (i < I3_CHANNELS_MAX));
    }
    i3_leave(net, "c0");
    CHECK(i3_join(net, "again", 0));
}

static void limits(int port)
{
    i3_config config = config_of(port);
    char big[6000];
    i3 *net;
    config.in_bytes = 4096;
    config.out_bytes = 4096;
    config.hold_bytes = 1024;
    net = i3_open(&config);
    forget();
    log_in(net);
    full_of_requests(net);
    full_presence(net);
    a_long_line(net);
    too_many_tells(net);
    too_many_channels(net);
    i3_close(net);
    drop_peer();

    /* A key that is refused: the next attempt comes after a minute, not at once. */
    net = i3_open(&config);
    forget();
    turn(net);
    answer(net, "authenticate", "\"error\":{\"code\":-32000,\"message\":\"wrong key\"}");
    CHECK(strstr(heard, "log:the gateway refuses the login: wrong key"));
    CHECK(i3_descriptor(net) == -1 && i3_timeout(net) > 40);
    i3_close(net);
    drop_peer();
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = 0;
    config.key = big;
    CHECK(i3_open(&config) == 0);
}

/* Nobody listens: the waits grow, up to a minute, and differ by chance. */
static void nobody(int port)
{
    i3_config config = config_of(port);
    double longest = 0, before;
    int i;
    i3 *net = i3_open(&config);
    for (i = 0; i < 12; i++) {
        struct pollfd wait;
        i3_poll(net);
        wait.fd = i3_descriptor(net);
        wait.events = POLLOUT;
        poll(&wait, wait.fd >= 0, 50);
        i3_poll(net);
        CHECK(i3_descriptor(net) == -1);
        before = i3_timeout(net);
        longest = before > longest ? before : longest;
        now_seconds += before + 0.001;
    }
    CHECK(longest > 44 && longest < 76);
    i3_close(net);
}

int main(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int port;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 5) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    port = ntohs(address.sin_port);
    a_session(port);
    limits(port);
    close(listener);
    nobody(port);
    puts("net: ok");
    return 0;
}
