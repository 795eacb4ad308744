/* i3.h - Intermud-3 for games in C and C++: a client of the Intermud-3 gateway, in one file.
 *
 * In ONE source file, best one of its own, before any other include:
 *
 *     #define I3_IMPLEMENTATION
 *     #include "i3.h"
 *
 * Everywhere else only #include "i3.h". It is C89 and C++, needs POSIX sockets, and no other library. It has no thread,
 * no global variable, and never calls exit(), rand() or signal().
 *
 *     i3_config config;
 *     i3_config_init(&config);
 *     config.key = "the key from the gateway's .env";
 *     config.client = "mygame";                 a name of your game's own
 *     config.tell = on_tell;                    tells, emotes and beeps for a player
 *     config.line = on_line;                    lines of channels
 *     config.presence = on_presence;            who is playing, every 15 seconds
 *     i3 *net = i3_open(&config);
 *     i3_join(net, "imud_gossip", 0);
 *     ...each turn of the game loop:  i3_poll(net);
 *
 * WHAT i3_poll DOES. It connects without blocking, comes back after a loss (1 to 60 seconds, with chance in it), logs
 * in, joins the channels again, publishes presence, reads, calls your functions, times requests out, acknowledges what
 * was seen, and writes. It never blocks. One call handles at most I3_EVENTS_PER_POLL events. The only call that can
 * block is i3_open, and only if config.host is a name that must be looked up: an address such as 127.0.0.1 need not.
 *
 * WHILE THE GAME SLEEPS. An engine that waits in select() until a player comes must go on calling i3_poll: put
 * i3_descriptor() into the set of descriptors (and into the set for writing while i3_wants_write() says so), and wait
 * no longer than i3_timeout() says. Then the game goes on publishing presence, with no players in it. Without presence
 * the gateway does not answer who, finger and locate for the game, and passes on tells that nobody will read; with it
 * the sender of a tell learns at once that the player is not there.
 *
 * MEMORY. i3_open takes one block, from config.memory or from malloc, and nothing is allocated later. The limits are
 * below; each can be set before the include. What happens when a limit is reached is told to config.log.
 */
#ifndef I3_H
#define I3_H

#ifdef I3_IMPLEMENTATION
/* The names that -std=c89 hides. Only where hiding is the rule: without -std=, and on a BSD, all is shown. */
#if (defined(__linux__) || defined(__CYGWIN__) || defined(__GNU__)) && defined(__STRICT_ANSI__) && \
    !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE) && !defined(_XOPEN_SOURCE)
#define _POSIX_C_SOURCE 200112L
#endif
#if defined(__sun) && !defined(__EXTENSIONS__)
#define __EXTENSIONS__ 1
#endif
#endif

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Limits ----------------------------------------------------------------------------------------------------- */

/* Bytes of the longest line from the gateway. A longer one is skipped; if it was the answer to a request, the request
 * fails with I3_TOO_LONG. The lists in the gateway's answers have up to 262,144 bytes. config.in_bytes goes before. */
#ifndef I3_IN_BYTES
#define I3_IN_BYTES 327680
#endif
/* Bytes that wait to be sent. A request that has no room fails at once, with I3_FULL. config.out_bytes goes before. */
#ifndef I3_OUT_BYTES
#define I3_OUT_BYTES 131072
#endif
/* Bytes of tells that wait for their player. When they are full, the oldest is given up. config.hold_bytes goes
 * before. */
#ifndef I3_HOLD_BYTES
#define I3_HOLD_BYTES 32768
#endif
/* Seconds that a tell waits for its player, from when it came. */
#ifndef I3_HOLD_SECONDS
#define I3_HOLD_SECONDS 3600
#endif
/* Bytes of a text that is passed to your functions. A longer one is cut. */
#ifndef I3_TEXT_BYTES
#define I3_TEXT_BYTES 8192
#endif
/* Bytes of a name that is passed to your functions. A longer one is cut. */
#ifndef I3_NAME_BYTES
#define I3_NAME_BYTES 256
#endif
/* Requests that wait for their answers. A further one fails at once, with I3_FULL. The gateway allows 64. */
#ifndef I3_PENDING_MAX
#define I3_PENDING_MAX 64
#endif
/* Channels that the game listens to. i3_join returns 0 for a further one. */
#ifndef I3_CHANNELS_MAX
#define I3_CHANNELS_MAX 64
#endif
/* Bytes of a channel's name, with the 0 at its end. */
#define I3_CHANNEL_BYTES 132
/* Players in one presence. The gateway takes no more; the others are left out. */
#define I3_PRESENCE_MAX 512
/* Events and answers that one i3_poll handles. The rest waits for the next one. */
#ifndef I3_EVENTS_PER_POLL
#define I3_EVENTS_PER_POLL 32
#endif
/* Nesting of lists and objects in a JSON text. A deeper text is refused. */
#define I3_JSON_DEPTH 32
/* Seconds: between presences; for connecting; for an answer; of silence until the connection counts as lost; the
 * shortest and longest wait before the next attempt to connect; between acknowledgements. */
#define I3_PRESENCE_SECONDS 15
#define I3_CONNECT_SECONDS 10
#define I3_ANSWER_SECONDS 20
#define I3_SILENCE_SECONDS 60
#define I3_RETRY_MIN_SECONDS 1
#define I3_RETRY_MAX_SECONDS 60
#define I3_ACK_SECONDS 2

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

/* A value inside a JSON text that i3_json_check has accepted. `at` is 0 for a value that is not there. Every function
 * below takes such a value and returns its fallback. */
typedef struct i3_json {
    const char *at, *end;
} i3_json;

enum {
    I3_JSON_OK,
    I3_JSON_SYNTAX,    /* it is not JSON */
    I3_JSON_TOO_DEEP,  /* it nests deeper than I3_JSON_DEPTH */
    I3_JSON_UTF8,      /* a string is not UTF-8 */
    I3_JSON_SURROGATE, /* a \u escape is half of a pair */
    I3_JSON_CONTROL    /* a string holds a control character that is not escaped */
};

/* Checks that a text of `length` bytes is one JSON value. Only then may the functions below read it. */
int i3_json_check(const char *text, size_t length);
/* The value of a whole text that i3_json_check has accepted. */
i3_json i3_json_value(const char *text, size_t length);
/* '{', '[', '"', '0' for a number, 't', 'f', 'n' for null, or 0 if it is not there. */
char i3_json_type(i3_json value);
/* The member of an object. If several have the name, the last counts. */
i3_json i3_json_get(i3_json object, const char *name);
/* Goes through a list: for (e = i3_json_first(list); e.at; e = i3_json_next(list, e)). */
i3_json i3_json_first(i3_json list);
i3_json i3_json_next(i3_json list, i3_json element);
/* Copies a string as UTF-8, whole characters only, and a 0. NUL characters are left out. Returns the bytes copied. */
size_t i3_json_text(i3_json value, char *out, size_t size);
/* A number. Whole numbers are exact up to 9,007,199,254,740,992 (2 to the 53rd). */
double i3_json_number(i3_json value, double fallback);
/* 1 for true, 0 for all else. */
int i3_json_true(i3_json value);
/* 1 if it is a string that is equal to `text`. */
int i3_json_is(i3_json value, const char *text);

/* ---- The connection --------------------------------------------------------------------------------------------- */

typedef struct i3 i3;
typedef double i3_id; /* the gateway numbers events with whole numbers, exact up to 2 to the 53rd */

/* How the game's colours are written. Texts from the network arrive with these codes, and whatever in them could be
 * taken for a code is doubled: a player of another mud cannot colour, ring or clear the screens of yours. */
enum {
    I3_COLOUR_NONE,   /* no colours; nothing is special */
    I3_COLOUR_ANSI,   /* ESC [ ... m */
    I3_COLOUR_CIRCLE, /* &r &R ... &n; a & is written && (CircleMUD with a colour patch) */
    I3_COLOUR_TBA,    /* @r @R ... @n; a @ is written @@ (tbaMUD to 3.61) */
    I3_COLOUR_TAB,    /* TAB r, TAB R ... TAB n (tbaMUD from 3.62, LuminariMUD) */
    I3_COLOUR_ROM,    /* {r {R ... {x; a { is written {{ */
    I3_COLOUR_SMAUG,  /* &r &R ... &w; &, ^ and } are doubled (SMAUG, SmaugFUSS) */
    I3_COLOUR_AFKMUD  /* &r &R ... &d; &, { and } are doubled (AFKMud, engines with OVERLANDCODE) */
};

enum { I3_UTF8, I3_LATIN1 };

/* What kind of event it is. */
enum {
    I3_TELL = 1, I3_EMOTETO, I3_BEEP,               /* to config.tell */
    I3_MESSAGE, I3_EMOTE, I3_TARGETED,              /* to config.line */
    I3_ERROR,                                       /* something that the game sent failed */
    I3_MUD_UP, I3_MUD_DOWN, I3_NET_UP, I3_NET_DOWN, /* other muds; the link to the network */
    I3_OTHER                                        /* see name and params */
};

typedef struct i3_event {
    int kind;
    i3_id id;
    int replay;           /* 1: it came while the game was away */
    int self;             /* 1: a line of this game's own, as the network sent it back */
    const char *name;     /* the event's name */
    const char *channel;  /* the channel, as i3_join takes it */
    const char *from_mud, *from_user; /* the sender, as i3_tell takes it: NOT for showing, colour codes are in there */
    const char *to_user;  /* the player it is for */
    const char *from;     /* for showing: Visname@Mud */
    const char *visname;  /* for showing: the sender's name alone */
    const char *text;     /* for showing: the text. In an emote the sender's name is in it already */
    const char *text_target; /* for showing, of I3_TARGETED: the text for the target; to_user is the target here,
                                if target_mud is this game's */
    const char *target_mud;
    i3_json params;       /* all members */
} i3_event;

/* What config.tell returns. */
enum {
    I3_HOLD,  /* the player is not here: keep it, and offer it again at i3_player_here */
    I3_SHOWN, /* the player has seen it, or nobody shall (see i3_tell_refuse): acknowledge it */
    I3_MINE   /* the game keeps it itself, and calls i3_seen when the player has seen it */
};

/* How a request ended. `message` is a line for the player in every case. */
enum {
    I3_OK,
    I3_REFUSED,  /* the gateway or the other mud refused it; see code, reason */
    I3_LATE,     /* no answer in time */
    I3_LOST,     /* the connection was lost before the answer came; it may have been done */
    I3_AWAY,     /* there is no connection to the gateway now; nothing was sent */
    I3_FULL,     /* a limit of this client is reached; nothing was sent */
    I3_TOO_LONG  /* the answer was longer than in_bytes */
};

typedef struct i3_result {
    int outcome;
    const char *message; /* why it failed, as text for the player, in the game's colours; empty after I3_OK */
    int code;            /* of I3_REFUSED: the error code, such as -32004 */
    const char *reason;  /* of I3_REFUSED: such as router_down, unk-user; may be empty */
    i3_json result;      /* of I3_OK */
    const char *who;     /* as given with the request: the player who asked */
    int tag;             /* as given with the request */
    const char *note;    /* as given with the request */
} i3_result;

typedef void (*i3_answer)(i3 *net, const i3_result *result);

/* What config.log is told. */
enum {
    I3_LOG_STATE,   /* connected, lost, logged in */
    I3_LOG_REFUSED, /* the gateway refuses the key, or a channel */
    I3_LOG_LIMIT,   /* a limit above was reached, and what was lost by it */
    I3_LOG_BAD,     /* the gateway sent what is not JSON */
    I3_LOG_NOTE     /* words of the gateway: it shuts down, too many requests, somebody else uses the mud's name */
};

typedef struct i3_config {
    const char *host;   /* 127.0.0.1 */
    int port;           /* 8081, the port for TCP lines */
    const char *key;    /* the API key; 0 where the gateway needs none */
    const char *client; /* a name for this game, under which the gateway remembers what it has received */
    int observer;       /* 1: a tool that only looks; what it receives is still kept for the game */
    int charset;        /* I3_UTF8 or I3_LATIN1: how the game writes. Both ways are converted */
    int colour;         /* I3_COLOUR_...: how the game writes colours */
    int act;            /* 1: texts are passed to act(): $ is doubled in what arrives */
    int typed_dollars;  /* 1: the engine doubles $ in what players type: $$ is sent as $ */
    int typed_colours;  /* 1: colour codes that players type are sent as colours; 0: as they stand */
    void *data;         /* yours: i3_data() returns it */
    int (*tell)(i3 *net, const i3_event *event);
    void (*line)(i3 *net, const i3_event *event);
    void (*event)(i3 *net, const i3_event *event); /* all other events */
    void (*presence)(i3 *net);                     /* call i3_present for each player who may be seen */
    void (*log)(i3 *net, int what, const char *text);
    void *memory;       /* a block of i3_size() bytes, aligned for any type; 0: malloc */
    size_t memory_size;
    size_t in_bytes, out_bytes, hold_bytes;
    double (*clock)(void *data); /* seconds that never go back; 0: the system's clock. For tests */
} i3_config;

/* Fills in the defaults. Call it first. */
void i3_config_init(i3_config *config);
/* Bytes that i3_open needs for this configuration. */
size_t i3_size(const i3_config *config);
/* Begins. Returns 0 if there is not enough memory or the client's name or key is too long. All texts of `config` are
 * copied. Nothing is sent before the first i3_poll. */
i3 *i3_open(const i3_config *config);
/* Ends the connection at once, and frees what i3_open has allocated. Not to be called from a function that i3_poll
 * calls. */
void i3_close(i3 *net);
/* Does what is to be done, without waiting. Returns the number of events and answers handled. */
int i3_poll(i3 *net);
/* For select() or poll(): the descriptor, or -1 if there is none now; whether to wait until it can be written; the
 * seconds after which i3_poll has something to do in any case. */
int i3_descriptor(const i3 *net);
int i3_wants_write(const i3 *net);
double i3_timeout(const i3 *net);
/* 1 once the gateway has accepted the key. i3_mud is then the name of this mud on the network. */
int i3_ready(const i3 *net);
const char *i3_mud(const i3 *net);
void *i3_data(const i3 *net);

/* ---- Channels, tells, presence ---------------------------------------------------------------------------------- */

/* Listens to a channel, now and after each reconnect. Returns 0 if there are too many, or the name is too long. */
int i3_join(i3 *net, const char *channel, int listen_only);
void i3_leave(i3 *net, const char *channel);

/* A player has come into the game and can be shown texts: the next i3_poll offers the tells that wait for the player to
 * config.tell again, and presence is published soon. */
void i3_player_here(i3 *net, const char *name);
/* A player has left: publishes presence soon. */
void i3_player_gone(i3 *net);
/* The player has seen a tell for which config.tell returned I3_MINE. */
void i3_seen(i3 *net, i3_id id);
/* Tells the sender of a tell, an emote or a beep that the player does not get it: the player ignores the sender, for
 * instance. Call it in config.tell with event->id, and return I3_SHOWN. The sender reads `text`, of which 500 bytes
 * are sent, or with 0 that the player is not online. Returns 1 if it is sent; nothing happens with a gateway that has
 * no method tell_refuse. */
int i3_tell_refuse(i3 *net, i3_id id, const char *text);
/* Number of tells that wait for their players. */
int i3_held(const i3 *net);

/* What the network may know of a player. The game's colour codes are left out, and a text that is too long is cut. */
typedef struct i3_user {
    const char *name, *title, *race, *guild, *location, *status; /* 0: left out */
    int level;       /* 0 to 1000 */
    long idle;       /* seconds */
    long login_time; /* seconds since 1970; 0: left out */
} i3_user;
/* Adds one player to the presence. Only to be called by config.presence. */
void i3_present(i3 *net, const i3_user *user);

/* ---- Requests --------------------------------------------------------------------------------------------------- */

/* Every request names the player who asks (`who`, may be 0), and a function that is told how it ended (may be 0). The
 * function gets the name, not a pointer: look the player up again, the player may have left meanwhile. Each returns
 * 1, or 0 if it has failed already; the function has then been called. */
int i3_tell(i3 *net, const char *who, const char *mud, const char *user, const char *text, i3_answer answer);
int i3_emoteto(i3 *net, const char *who, const char *mud, const char *user, const char *text, i3_answer answer);
int i3_beep(i3 *net, const char *who, const char *mud, const char *user, i3_answer answer);
int i3_say(i3 *net, const char *who, const char *channel, const char *text, i3_answer answer);
int i3_emote(i3 *net, const char *who, const char *channel, const char *text, i3_answer answer);

/* Any other request: i3_begin, its parameters, i3_send. A parameter that does not fit makes i3_send fail. */
void i3_begin(i3 *net, const char *method);
/* A text of the game: charset and colours are converted. A name: only the charset is. A whole number. A truth value. */
void i3_put_text(i3 *net, const char *name, const char *text);
void i3_put_plain(i3 *net, const char *name, const char *text);
void i3_put_number(i3 *net, const char *name, double number);
void i3_put_true(i3 *net, const char *name, int value);
/* An object as a parameter begins and ends. At most 8 in each other. */
void i3_put_open(i3 *net, const char *name);
void i3_put_close(i3 *net);
/* `seconds` until it counts as late (0: I3_ANSWER_SECONDS); `who`, `note` (at most 63 bytes each) and `tag` are passed
 * to the function. */
int i3_send(i3 *net, const char *who, i3_answer answer, int tag, const char *note, double seconds);

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

/* A text in UTF-8, with colours in ANSI, as the game shows it: in its charset, with its colour codes, all else escaped.
 * Line breaks become blanks, or with `lines` "\r\n". Other control characters are left out. Returns the bytes
 * written. */
size_t i3_show(const i3 *net, const char *utf8, char *out, size_t size, int lines);
/* The same of a value in an answer; and without its colours, for a player who wants none. */
size_t i3_show_json(const i3 *net, i3_json value, char *out, size_t size, int lines);
size_t i3_show_plain(const i3 *net, i3_json value, char *out, size_t size, int lines);
/* The code of a colour in the game's own writing: 0 to 7 black, red, green, yellow, blue, magenta, cyan, white; 8 to 15
 * the same in bright; -1 ends colours. `out` has at least 8 bytes. */
void i3_colour(const i3 *net, int colour, char *out);
/* A name in an answer, as the game writes it, with nothing escaped: for comparing, and for giving back in a request. */
void i3_name(const i3 *net, i3_json value, char *out, size_t size);
/* 1 if two names are equal but for the case of the letters A to Z. */
int i3_same_name(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif /* I3_H */

/* ================================================================================================================= */
#ifdef I3_IMPLEMENTATION
#ifndef I3_IMPLEMENTED
#define I3_IMPLEMENTED

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#ifndef AI_NUMERICHOST
#error "put I3_IMPLEMENTATION and i3.h before all other includes, or into a source file of their own"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Addresses of the gateway's host that are tried in turn. */
#define I3__ADDRESSES_MAX 4
/* Requests of the client itself that fit beside those of players. */
#define I3__PENDING_RESERVED 8
/* Seconds after the last answer about the login and channels until acknowledgements begin: the replays are in then. */
#define I3__QUIET_SECONDS 1
/* Seconds until a channel that was refused is tried again, and between two requests for a replay. */
#define I3__REJOIN_SECONDS 60
/* Bytes of a request's `who` and `note`, with the 0. */
#define I3__NOTE_BYTES 64
/* Bytes of the words of a refusal. The gateway takes no more. */
#define I3__REFUSAL_BYTES 500
/* The error code for a method that the gateway does not have. */
#define I3__NO_METHOD (-32601)
/* The error code for what the gateway cannot do now. */
#define I3__NOT_NOW (-32004)
/* Bytes of a failure's text for the player. */
#define I3__MESSAGE_BYTES 512
/* Bytes of the key, the client's name and the host, with the 0. */
#define I3__SETTING_BYTES 512

/* ---- Reading JSON ----------------------------------------------------------------------------------------------- */

typedef struct i3__check {
    const char *p, *end;
    int fault;
} i3__check;

static int i3__blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void i3__skip_blanks(i3__check *k)
{
    while (k->p < k->end && i3__blank(*k->p))
        k->p++;
}

static int i3__fault(i3__check *k, int fault)
{
    if (!k->fault)
        k->fault = fault;
    return 0;
}

static int i3__hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Four hexadecimal digits at p, or -1. */
static long i3__hex4(const char *p, const char *end)
{
    long value = 0;
    int i;
    if (end - p < 4)
        return -1;
    for (i = 0; i < 4; i++) {
        int digit = i3__hex(p[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The bytes of the UTF-8 character at p, and the character; 0 if there is none. */
static int i3__utf8(const char *p, const char *end, long *character)
{
    const unsigned char *u = (const unsigned char *)p;
    long c;
    int i, more;
    if (p >= end)
        return 0;
    if (u[0] < 0x80) {
        *character = u[0];
        return 1;
    }
    if (u[0] >= 0xC2 && u[0] <= 0xDF) {
        more = 1;
        c = u[0] & 0x1F;
    } else if (u[0] >= 0xE0 && u[0] <= 0xEF) {
        more = 2;
        c = u[0] & 0x0F;
    } else if (u[0] >= 0xF0 && u[0] <= 0xF4) {
        more = 3;
        c = u[0] & 0x07;
    } else
        return 0;
    if (end - p <= more)
        return 0;
    for (i = 1; i <= more; i++) {
        if ((u[i] & 0xC0) != 0x80)
            return 0;
        c = (c << 6) | (u[i] & 0x3F);
    }
    if ((more == 2 && c < 0x800) || (more == 3 && (c < 0x10000 || c > 0x10FFFF)) || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    *character = c;
    return more + 1;
}

static int i3__check_escape(i3__check *k)
{
    long unit, low;
    k->p++;
    if (k->p >= k->end)
        return i3__fault(k, I3_JSON_SYNTAX);
    if (*k->p != 'u') {
        if (*k->p == 0 || !strchr("\"\\/bfnrt", *k->p))
            return i3__fault(k, I3_JSON_SYNTAX);
        k->p++;
        return 1;
    }
    unit = i3__hex4(k->p + 1, k->end);
    if (unit < 0)
        return i3__fault(k, I3_JSON_SYNTAX);
    k->p += 5;
    if (unit >= 0xDC00 && unit <= 0xDFFF)
        return i3__fault(k, I3_JSON_SURROGATE);
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        low = k->end - k->p >= 6 && k->p[0] == '\\' && k->p[1] == 'u' ? i3__hex4(k->p + 2, k->end) : -1;
        if (low < 0xDC00 || low > 0xDFFF)
            return i3__fault(k, I3_JSON_SURROGATE);
        k->p += 6;
    }
    return 1;
}

static int i3__check_string(i3__check *k)
{
    long character;
    int bytes;
    k->p++;
    while (k->p < k->end) {
        if (*k->p == '"') {
            k->p++;
            return 1;
        }
        if (*k->p == '\\') {
            if (!i3__check_escape(k))
                return 0;
            continue;
        }
        if ((unsigned char)*k->p < 0x20)
            return i3__fault(k, I3_JSON_CONTROL);
        bytes = i3__utf8(k->p, k->end, &character);
        if (!bytes)
            return i3__fault(k, I3_JSON_UTF8);
        k->p += bytes;
    }
    return i3__fault(k, I3_JSON_SYNTAX);
}

static int i3__check_digits(i3__check *k)
{
    if (k->p >= k->end || *k->p < '0' || *k->p > '9')
        return i3__fault(k, I3_JSON_SYNTAX);
    while (k->p < k->end && *k->p >= '0' && *k->p <= '9')
        k->p++;
    return 1;
}

static int i3__check_number(i3__check *k)
{
    if (*k->p == '-')
        k->p++;
    if (k->p < k->end && *k->p == '0')
        k->p++;
    else if (!i3__check_digits(k))
        return 0;
    if (k->p < k->end && *k->p == '.') {
        k->p++;
        if (!i3__check_digits(k))
            return 0;
    }
    if (k->p < k->end && (*k->p == 'e' || *k->p == 'E')) {
        k->p++;
        if (k->p < k->end && (*k->p == '+' || *k->p == '-'))
            k->p++;
        if (!i3__check_digits(k))
            return 0;
    }
    return 1;
}

static int i3__check_word(i3__check *k, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(k->end - k->p) < length || memcmp(k->p, word, length) != 0)
        return i3__fault(k, I3_JSON_SYNTAX);
    k->p += length;
    return 1;
}

static int i3__check_value(i3__check *k, int depth);

/* A list, or an object with `is_object`. */
static int i3__check_members(i3__check *k, int depth, int is_object)
{
    char closing = is_object ? '}' : ']';
    if (depth >= I3_JSON_DEPTH)
        return i3__fault(k, I3_JSON_TOO_DEEP);
    k->p++;
    i3__skip_blanks(k);
    if (k->p < k->end && *k->p == closing) {
        k->p++;
        return 1;
    }
    for (;;) {
        if (is_object) {
            i3__skip_blanks(k);
            if (k->p >= k->end || *k->p != '"')
                return i3__fault(k, I3_JSON_SYNTAX);
            if (!i3__check_string(k))
                return 0;
            i3__skip_blanks(k);
            if (k->p >= k->end || *k->p != ':')
                return i3__fault(k, I3_JSON_SYNTAX);
            k->p++;
        }
        if (!i3__check_value(k, depth + 1))
            return 0;
        i3__skip_blanks(k);
        if (k->p < k->end && *k->p == ',') {
            k->p++;
            continue;
        }
        if (k->p < k->end && *k->p == closing) {
            k->p++;
            return 1;
        }
        return i3__fault(k, I3_JSON_SYNTAX);
    }
}

static int i3__check_value(i3__check *k, int depth)
{
    i3__skip_blanks(k);
    if (k->p >= k->end)
        return i3__fault(k, I3_JSON_SYNTAX);
    switch (*k->p) {
    case '{':
        return i3__check_members(k, depth, 1);
    case '[':
        return i3__check_members(k, depth, 0);
    case '"':
        return i3__check_string(k);
    case 't':
        return i3__check_word(k, "true");
    case 'f':
        return i3__check_word(k, "false");
    case 'n':
        return i3__check_word(k, "null");
    default:
        if (*k->p == '-' || (*k->p >= '0' && *k->p <= '9'))
            return i3__check_number(k);
        return i3__fault(k, I3_JSON_SYNTAX);
    }
}

int i3_json_check(const char *text, size_t length)
{
    i3__check k;
    k.p = text;
    k.end = text + length;
    k.fault = I3_JSON_OK;
    if (i3__check_value(&k, 0)) {
        i3__skip_blanks(&k);
        if (k.p != k.end)
            i3__fault(&k, I3_JSON_SYNTAX);
    }
    return k.fault;
}

static i3_json i3__none(void)
{
    i3_json none;
    none.at = none.end = 0;
    return none;
}

/* Behind the string that begins at p. */
static const char *i3__skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\' && p + 1 < end)
            p++;
    return p < end ? p + 1 : end;
}

/* Behind the value that begins at p. */
static const char *i3__skip_value(const char *p, const char *end)
{
    int depth = 0;
    while (p < end) {
        char c = *p;
        if (c == '"') {
            p = i3__skip_string(p, end);
        } else if (c == '{' || c == '[') {
            depth++;
            p++;
        } else if (c == '}' || c == ']') {
            depth--;
            p++;
        } else if (depth == 0) {
            while (p < end && *p != ',' && *p != '}' && *p != ']' && !i3__blank(*p))
                p++;
        } else {
            p++;
        }
        if (depth <= 0)
            return p;
    }
    return end;
}

static const char *i3__skip_space(const char *p, const char *end)
{
    while (p < end && (i3__blank(*p) || *p == ',' || *p == ':'))
        p++;
    return p;
}

i3_json i3_json_value(const char *text, size_t length)
{
    i3_json value;
    value.end = text + length;
    value.at = i3__skip_space(text, value.end);
    value.end = i3__skip_value(value.at, value.end);
    if (value.at == value.end)
        return i3__none();
    return value;
}

char i3_json_type(i3_json value)
{
    if (!value.at)
        return 0;
    return *value.at == '-' || (*value.at >= '0' && *value.at <= '9') ? '0' : *value.at;
}

/* The element at p of a container that ends before `end`. */
static i3_json i3__element(const char *p, const char *end)
{
    i3_json value;
    value.at = i3__skip_space(p, end);
    if (value.at >= end || *value.at == ']' || *value.at == '}')
        return i3__none();
    value.end = i3__skip_value(value.at, end);
    return value;
}

i3_json i3_json_first(i3_json list)
{
    return i3_json_type(list) == '[' ? i3__element(list.at + 1, list.end) : i3__none();
}

i3_json i3_json_next(i3_json list, i3_json element)
{
    return i3_json_type(list) == '[' && element.at ? i3__element(element.end, list.end) : i3__none();
}

/* The next character of a text: of a JSON string behind its first quote, or of plain UTF-8. -1 at the end. */
typedef struct i3__reader {
    const char *p, *end;
    int is_json;
} i3__reader;

static long i3__next_escape(i3__reader *r)
{
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    const char *at;
    long unit, low;
    char c = r->p + 1 < r->end ? r->p[1] : '\\';
    if (c != 'u') {
        r->p += r->p + 1 < r->end ? 2 : 1;
        at = strchr(names, c);
        return at && *at ? values[at - names] : (long)(unsigned char)c;
    }
    unit = i3__hex4(r->p + 2, r->end);
    r->p = r->end - r->p >= 6 ? r->p + 6 : r->end;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        low = r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u' ? i3__hex4(r->p + 2, r->end) : -1;
        if (low < 0xDC00 || low > 0xDFFF)
            return 0xFFFD;
        r->p += 6;
        return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    return unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF) ? 0xFFFD : unit;
}

static long i3__next(i3__reader *r)
{
    long character;
    int bytes;
    if (r->p >= r->end || (r->is_json && *r->p == '"'))
        return -1;
    if (r->is_json && *r->p == '\\')
        return i3__next_escape(r);
    bytes = i3__utf8(r->p, r->end, &character);
    if (!bytes) {
        character = (unsigned char)*r->p; /* Latin-1, most likely */
        bytes = 1;
    }
    r->p += bytes;
    return character;
}

static i3__reader i3__reader_of(i3_json value)
{
    i3__reader r;
    r.is_json = 1;
    r.p = r.end = 0;
    if (i3_json_type(value) == '"') {
        r.p = value.at + 1;
        r.end = value.end;
    }
    return r;
}

/* Writes a character as UTF-8. Returns its bytes. */
static int i3__encode(long c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

size_t i3_json_text(i3_json value, char *out, size_t size)
{
    i3__reader r = i3__reader_of(value);
    size_t length = 0;
    long c;
    if (!size)
        return 0;
    while ((c = i3__next(&r)) >= 0) {
        char bytes[4];
        int n = i3__encode(c, bytes);
        if (c == 0)
            continue;
        if (length + (size_t)n >= size)
            break;
        memcpy(out + length, bytes, (size_t)n);
        length += (size_t)n;
    }
    out[length] = 0;
    return length;
}

int i3_json_is(i3_json value, const char *text)
{
    i3__reader a = i3__reader_of(value), b;
    long c;
    if (i3_json_type(value) != '"')
        return 0;
    b.p = text;
    b.end = text + strlen(text);
    b.is_json = 0;
    do {
        c = i3__next(&a);
        if (c != i3__next(&b))
            return 0;
    } while (c >= 0);
    return 1;
}

i3_json i3_json_get(i3_json object, const char *name)
{
    i3_json found = i3__none(), key, value;
    const char *p;
    if (i3_json_type(object) != '{')
        return found;
    p = object.at + 1;
    for (;;) {
        key = i3__element(p, object.end);
        if (!key.at)
            return found;
        value = i3__element(key.end, object.end);
        if (!value.at)
            return found;
        if (i3_json_is(key, name))
            found = value;
        p = value.end;
    }
}

double i3_json_number(i3_json value, double fallback)
{
    const char *p = value.at;
    double number = 0, power = 1;
    int negative = 0, exponent = 0, down = 0;
    if (i3_json_type(value) != '0')
        return fallback;
    if (*p == '-') {
        negative = 1;
        p++;
    }
    for (; p < value.end && *p >= '0' && *p <= '9'; p++)
        number = number * 10 + (*p - '0');
    if (p < value.end && *p == '.')
        for (p++; p < value.end && *p >= '0' && *p <= '9'; p++) {
            power /= 10;
            number += (*p - '0') * power;
        }
    if (p < value.end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < value.end && (*p == '-' || *p == '+'))
            down = *p++ == '-';
        for (; p < value.end && *p >= '0' && *p <= '9'; p++)
            if (exponent < 400)
                exponent = exponent * 10 + (*p - '0');
        for (; exponent > 0; exponent--)
            number = down ? number / 10 : number * 10;
    }
    return negative ? -number : number;
}

int i3_json_true(i3_json value)
{
    return i3_json_type(value) == 't';
}

/* ---- Colours and characters ------------------------------------------------------------------------------------- */

typedef struct i3__palette {
    char lead;           /* what a code begins with */
    const char *letters; /* black red green yellow blue magenta cyan white, then the same in bright */
    char reset;
    const char *doubled; /* what is special in a text, and escaped by being doubled */
} i3__palette;

/* Black is written as dark grey: nobody can read it otherwise. */
static const i3__palette *i3__palette_of(int colour)
{
    static const i3__palette palettes[] = {
        {0, "", 0, ""},
        {'\033', "", 0, ""},
        {'&', "LrgybmcwLRGYBMCW", 'n', "&"},
        {'@', "DrgybmcwDRGYBMCW", 'n', "@"},
        {'\t', "DrgybmcwDRGYBMCW", 'n', ""},
        {'{', "DrgybmcwDRGYBMCW", 'x', "{"},
        {'&', "zrgObpcwzRGYBPCW", 'w', "&^}"},
        {'&', "zrgObpcwzRGYBPCW", 'd', "&{}"}};
    return &palettes[colour >= 0 && colour <= I3_COLOUR_AFKMUD ? colour : 0];
}

/* A text on its way to the game. */
typedef struct i3__shown {
    char *out;
    size_t size, length;
    int charset, colour, act, is_plain, is_full;
    int foreground, is_bold; /* what the text asks for; -1: the default */
    int written;             /* the colour that was written last, 0 to 15; -1: none */
} i3__shown;

/* Bytes that are kept free for the code that ends all colours. */
#define I3__RESET_BYTES 4

static void i3__put_shown(i3__shown *s, const char *bytes, size_t n)
{
    if (s->is_full || s->length + n + I3__RESET_BYTES >= s->size) {
        s->is_full = 1;
        return;
    }
    memcpy(s->out + s->length, bytes, n);
    s->length += n;
}

/* Writes the code of a colour, 0 to 15, or -1 for the end of colours. Returns its bytes. */
static size_t i3__colour_code(int style, int wanted, char *code)
{
    const i3__palette *palette = i3__palette_of(style);
    if (style == I3_COLOUR_NONE)
        return 0;
    if (style == I3_COLOUR_ANSI) {
        memcpy(code, wanted < 0 ? "\033[0m" : "\033[0;30m", wanted < 0 ? 4 : 7);
        if (wanted < 0)
            return 4;
        code[2] = wanted >= 8 ? '1' : '0';
        code[5] = (char)('0' + wanted % 8);
        return 7;
    }
    code[0] = palette->lead;
    code[1] = wanted < 0 ? palette->reset : palette->letters[wanted];
    return 2;
}

/* Writes the colour that the text asks for, if it is another one. */
static void i3__colour_changed(i3__shown *s)
{
    char code[8];
    int wanted = s->foreground;
    if (wanted < 0 && s->is_bold)
        wanted = 15;
    else if (wanted >= 0 && wanted < 8 && s->is_bold)
        wanted += 8;
    if (wanted == s->written || s->colour == I3_COLOUR_NONE || s->is_plain)
        return;
    i3__put_shown(s, code, i3__colour_code(s->colour, wanted, code));
    if (!s->is_full)
        s->written = wanted;
}

/* The nearest of the 16 colours to one of 256. */
static int i3__of_256(int n)
{
    int r, g, b, most;
    if (n < 16)
        return n < 0 ? -1 : n;
    if (n >= 232)
        return n < 240 ? 8 : n < 248 ? 7 : 15;
    n -= 16;
    r = n / 36;
    g = n / 6 % 6;
    b = n % 6;
    most = r > g ? r : g;
    most = most > b ? most : b;
    if (most == 0)
        return 8;
    return (2 * r > most ? 1 : 0) + (2 * g > most ? 2 : 0) + (2 * b > most ? 4 : 0) + (most > 3 ? 8 : 0);
}

static void i3__sgr(i3__shown *s, const int *numbers, int count)
{
    int i;
    for (i = 0; i < count; i++) {
        int n = numbers[i];
        if (n == 0) {
            s->foreground = -1;
            s->is_bold = 0;
        } else if (n == 1) {
            s->is_bold = 1;
        } else if (n == 2 || n == 22) {
            s->is_bold = 0;
        } else if (n >= 30 && n <= 37) {
            s->foreground = n - 30;
        } else if (n >= 90 && n <= 97) {
            s->foreground = n - 90 + 8;
        } else if (n == 39) {
            s->foreground = -1;
        } else if ((n == 38 || n == 48) && i + 1 < count) {
            if (numbers[i + 1] == 5 && i + 2 < count) {
                if (n == 38)
                    s->foreground = i3__of_256(numbers[i + 2]);
                i += 2;
            } else {
                i += 4;
            }
        }
    }
    i3__colour_changed(s);
}

/* Reads what follows an ESC, and does what it says about colours. All other sequences are left out. */
static void i3__escape_sequence(i3__shown *s, i3__reader *r)
{
    int numbers[16], count = 0, bytes = 0;
    long c;
    i3__reader ahead = *r;
    if (i3__next(&ahead) != '[')
        return;
    *r = ahead;
    numbers[0] = 0;
    while ((c = i3__next(r)) >= 0 && ++bytes < 64) {
        if (c >= '0' && c <= '9') {
            if (numbers[count] < 1000)
                numbers[count] = numbers[count] * 10 + (int)(c - '0');
        } else if (c == ';' || c == ':') {
            if (count < 15)
                numbers[++count] = 0;
        } else if (c >= 0x40 && c <= 0x7E) {
            if (c == 'm')
                i3__sgr(s, numbers, count + 1);
            return;
        }
    }
}

/* Whether a trigger for sounds of a player's program follows ("!!SOUND(", "!!MUSIC("), behind its first character. */
static int i3__is_sound(i3__reader ahead)
{
    static const char *const names[] = {"!SOUND(", "!MUSIC("};
    int i, k;
    for (i = 0; i < 2; i++) {
        i3__reader r = ahead;
        for (k = 0; names[i][k]; k++)
            if (i3__next(&r) != names[i][k])
                break;
        if (!names[i][k])
            return 1;
    }
    return 0;
}

/* What stands for a character that Latin-1 does not have. */
static const char *i3__like(long c)
{
    switch (c) {
    case 0x2018: case 0x2019: case 0x201A: case 0x2032:
        return "'";
    case 0x201C: case 0x201D: case 0x201E: case 0x2033:
        return "\"";
    case 0x2010: case 0x2011: case 0x2012: case 0x2013: case 0x2014: case 0x2015: case 0x2212:
        return "-";
    case 0x2026:
        return "...";
    case 0x2022: case 0x25CF:
        return "*";
    case 0x20AC:
        return "EUR";
    case 0x2122:
        return "(TM)";
    case 0x0152:
        return "OE";
    case 0x0153:
        return "oe";
    case 0x0160:
        return "S";
    case 0x0161:
        return "s";
    case 0x017D:
        return "Z";
    case 0x017E:
        return "z";
    case 0x0178:
        return "Y";
    case 0x2002: case 0x2003: case 0x2009: case 0x202F:
        return " ";
    case 0x200B: case 0x200C: case 0x200D: case 0xFE0F: case 0xFEFF:
        return "";
    default:
        return "?";
    }
}

static void i3__put_character(i3__shown *s, long c)
{
    const i3__palette *palette = i3__palette_of(s->colour);
    char bytes[4];
    int n;
    if ((c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069))
        return; /* these would turn the rest of the player's line around */
    if (s->charset == I3_LATIN1) {
        if (c > 0xFF) {
            const char *like = i3__like(c);
            i3__put_shown(s, like, strlen(like));
            return;
        }
        bytes[0] = (char)c;
        n = 1;
    } else {
        n = i3__encode(c, bytes);
    }
    if (c < 0x80 && (strchr(palette->doubled, (int)c) || (c == '$' && s->act))) {
        bytes[1] = bytes[0];
        n = 2;
    }
    i3__put_shown(s, bytes, (size_t)n);
}

static size_t i3__show(i3__shown *s, i3__reader r, int lines)
{
    long c;
    s->foreground = s->written = -1;
    s->is_bold = s->is_full = 0;
    s->length = 0;
    if (!s->size)
        return 0;
    while (!s->is_full && (c = i3__next(&r)) >= 0) {
        if (c == 27)
            i3__escape_sequence(s, &r);
        else if (c == '\n')
            i3__put_shown(s, lines ? "\r\n" : " ", lines ? 2 : 1);
        else if (c == '\t')
            i3__put_shown(s, " ", 1);
        else if (c == '!' && i3__is_sound(r))
            i3__put_shown(s, "! ", 2);
        else if (c >= 0x20 && !(c >= 0x7F && c <= 0x9F))
            i3__put_character(s, c);
    }
    if (s->written >= 0)
        s->length += i3__colour_code(s->colour, -1, s->out + s->length);
    s->out[s->length] = 0;
    return s->length;
}

static char i3__lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int i3_same_name(const char *a, const char *b)
{
    while (*a && i3__lower(*a) == i3__lower(*b)) {
        a++;
        b++;
    }
    return i3__lower(*a) == i3__lower(*b);
}

/* Copies as much of a text as fits. */
static void i3__copy(char *out, size_t size, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    if (length >= size)
        length = size - 1;
    if (length)
        memcpy(out, text, length);
    out[length] = 0;
}

/* ---- The client's state ----------------------------------------------------------------------------------------- */

enum { I3__DOWN, I3__CONNECTING, I3__AUTHENTICATING, I3__READY };

/* What the client itself asks for. */
enum { I3__NOTHING, I3__BY_GAME, I3__LOGIN, I3__JOIN, I3__ACK, I3__PRESENCE, I3__REFUSAL, I3__QUIETLY };

typedef struct i3__pending {
    double id, deadline; /* id 0: free */
    int purpose, tag;
    i3_answer answer;
    char who[I3__NOTE_BYTES], note[I3__NOTE_BYTES];
} i3__pending;

typedef struct i3__channel {
    char name[I3_CHANNEL_BYTES];
    int listen_only, is_asked;
    double retry; /* when it may be asked for */
    i3_id last;   /* the last event of it */
} i3__channel;

/* In the memory for held tells, each followed by `length` bytes of the event's text. */
typedef struct i3__held {
    i3_id id;
    double until;
    size_t length;
    int is_due;
} i3__held;

struct i3 {
    i3_config config;
    char host[I3__SETTING_BYTES], key[I3__SETTING_BYTES], client[I3__SETTING_BYTES], mud[I3_NAME_BYTES];
    void *allocated;
    struct sockaddr_storage addresses[I3__ADDRESSES_MAX];
    socklen_t address_lengths[I3__ADDRESSES_MAX];
    int address_count, address;

    int fd, state, is_at_end;
    double now, next_attempt, delay, deadline, heard, ready_since;
    unsigned long random;

    char *in;
    size_t in_size, in_start, in_end;
    int is_skipping, has_more;
    char *out;
    size_t out_size, out_start, out_end;
    char *hold;
    size_t hold_size, hold_end;

    /* The request that is being written. */
    size_t request;
    int is_building, is_bad, needs_comma, nest, in_presence, is_nested;
    double last_id;
    i3__pending pending[I3_PENDING_MAX];
    int pending_count;

    i3__channel channels[I3_CHANNELS_MAX];
    int channel_count;

    double next_presence, next_ack, quiet_until, next_resume;
    int presence_refused; /* the code of the last refusal */
    int presence_count;
    int cannot_refuse; /* the gateway has no method tell_refuse */
    i3_id tells_last, answers_last, seen_through, acked;
    i3_id lowest_id; /* of held tells that have no number of the gateway: each has one below 0 */

    char text[I3_TEXT_BYTES], text_target[I3_TEXT_BYTES];
    char name[64], channel[I3_NAME_BYTES], from_mud[I3_NAME_BYTES], from_user[I3_NAME_BYTES], to_user[I3_NAME_BYTES];
    char target_mud[I3_NAME_BYTES], visname[I3_NAME_BYTES], from[2 * I3_NAME_BYTES + 2];
    char message[I3__MESSAGE_BYTES];
};

static void i3__log(i3 *c, int what, const char *a, const char *b)
{
    char text[I3__MESSAGE_BYTES];
    size_t length;
    if (!c->config.log)
        return;
    i3__copy(text, sizeof text, a);
    length = strlen(text);
    i3__copy(text + length, sizeof text - length, b);
    c->config.log(c, what, text);
}

static double i3__clock(const i3 *c)
{
    struct timespec t;
    if (c->config.clock)
        return c->config.clock(c->config.data);
#ifdef CLOCK_MONOTONIC
    if (clock_gettime(CLOCK_MONOTONIC, &t) == 0)
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
#else
    (void)t;
#endif
    return (double)time(0);
}

/* Between 0 and 1. Its state is the client's own: the game's random numbers stay as they are. */
static double i3__chance(i3 *c)
{
    c->random ^= (c->random << 13) & 0xFFFFFFFFUL;
    c->random ^= c->random >> 17;
    c->random ^= (c->random << 5) & 0xFFFFFFFFUL;
    return (double)(c->random & 0xFFFFFFFFUL) / 4294967295.0;
}

static size_t i3__round(size_t n)
{
    return (n + 15) / 16 * 16;
}

static size_t i3__size_or(size_t given, size_t fallback, size_t least)
{
    size_t size = given ? given : fallback;
    return i3__round(size < least ? least : size);
}

size_t i3_size(const i3_config *config)
{
    return i3__round(sizeof(struct i3)) + i3__size_or(config->in_bytes, I3_IN_BYTES, 4096) +
           i3__size_or(config->out_bytes, I3_OUT_BYTES, 4096) + i3__size_or(config->hold_bytes, I3_HOLD_BYTES, 1024);
}

void i3_config_init(i3_config *config)
{
    memset(config, 0, sizeof *config);
    config->host = "127.0.0.1";
    config->port = 8081;
}

static void i3__look_up(i3 *c)
{
    struct addrinfo hints, *list = 0, *one;
    char port[8];
    int i, at = 0, number = c->config.port, digits[6], count = 0;
    do {
        digits[count++] = number % 10;
        number /= 10;
    } while (number > 0 && count < 6);
    for (i = count - 1; i >= 0; i--)
        port[at++] = (char)('0' + digits[i]);
    port[at] = 0;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST;
    if (getaddrinfo(c->host, port, &hints, &list) != 0) {
        hints.ai_flags = 0;
        if (getaddrinfo(c->host, port, &hints, &list) != 0)
            list = 0;
    }
    for (one = list; one && c->address_count < I3__ADDRESSES_MAX; one = one->ai_next)
        if (one->ai_addrlen <= sizeof c->addresses[0]) {
            memcpy(&c->addresses[c->address_count], one->ai_addr, one->ai_addrlen);
            c->address_lengths[c->address_count++] = one->ai_addrlen;
        }
    if (list)
        freeaddrinfo(list);
}

i3 *i3_open(const i3_config *config)
{
    size_t size = i3_size(config);
    void *block = config->memory;
    i3 *c;
    if (block && config->memory_size < size)
        return 0;
    if ((config->key && strlen(config->key) >= I3__SETTING_BYTES) ||
        (config->client && strlen(config->client) >= I3__SETTING_BYTES) ||
        (config->host && strlen(config->host) >= I3__SETTING_BYTES))
        return 0;
    if (!block)
        block = malloc(size);
    if (!block)
        return 0;
    c = (i3 *)block;
    memset(c, 0, sizeof *c);
    c->config = *config;
    c->allocated = config->memory ? 0 : block;
    i3__copy(c->host, sizeof c->host, config->host ? config->host : "127.0.0.1");
    i3__copy(c->key, sizeof c->key, config->key);
    i3__copy(c->client, sizeof c->client, config->client);
    c->config.host = c->host;
    c->config.key = c->key;
    c->config.client = c->client;
    c->in_size = i3__size_or(config->in_bytes, I3_IN_BYTES, 4096);
    c->out_size = i3__size_or(config->out_bytes, I3_OUT_BYTES, 4096);
    c->hold_size = i3__size_or(config->hold_bytes, I3_HOLD_BYTES, 1024);
    c->in = (char *)block + i3__round(sizeof *c);
    c->out = c->in + c->in_size;
    c->hold = c->out + c->out_size;
    c->fd = -1;
    c->delay = I3_RETRY_MIN_SECONDS;
    c->random = (unsigned long)time(0) ^ ((unsigned long)getpid() << 16) ^ (unsigned long)(size_t)block;
    c->random &= 0xFFFFFFFFUL;
    if (!c->random)
        c->random = 1;
    i3__look_up(c);
    c->now = c->next_attempt = i3__clock(c);
    return c;
}

int i3_ready(const i3 *c)
{
    return c->state == I3__READY;
}

const char *i3_mud(const i3 *c)
{
    return c->mud;
}

void *i3_data(const i3 *c)
{
    return c->config.data;
}

int i3_descriptor(const i3 *c)
{
    return c->fd;
}

int i3_wants_write(const i3 *c)
{
    return c->state == I3__CONNECTING || (c->fd >= 0 && c->out_start < c->out_end);
}

static i3__shown i3__shown_to(const i3 *c, char *out, size_t size)
{
    i3__shown s;
    memset(&s, 0, sizeof s);
    s.out = out;
    s.size = size;
    s.charset = c->config.charset;
    s.colour = c->config.colour;
    s.act = c->config.act;
    return s;
}

size_t i3_show(const i3 *c, const char *utf8, char *out, size_t size, int lines)
{
    i3__shown s = i3__shown_to(c, out, size);
    i3__reader r;
    r.p = utf8;
    r.end = utf8 + strlen(utf8);
    r.is_json = 0;
    return i3__show(&s, r, lines);
}

size_t i3_show_json(const i3 *c, i3_json value, char *out, size_t size, int lines)
{
    i3__shown s = i3__shown_to(c, out, size);
    return i3__show(&s, i3__reader_of(value), lines);
}

size_t i3_show_plain(const i3 *c, i3_json value, char *out, size_t size, int lines)
{
    i3__shown s = i3__shown_to(c, out, size);
    s.is_plain = 1;
    return i3__show(&s, i3__reader_of(value), lines);
}

void i3_colour(const i3 *c, int colour, char *out)
{
    out[i3__colour_code(c->config.colour, colour < 0 || colour > 15 ? -1 : colour, out)] = 0;
}

void i3_name(const i3 *c, i3_json value, char *out, size_t size)
{
    i3__shown s = i3__shown_to(c, out, size);
    s.colour = I3_COLOUR_NONE;
    s.act = 0;
    i3__show(&s, i3__reader_of(value), 0);
}

/* ---- Writing requests ------------------------------------------------------------------------------------------- */

static void i3__put(i3 *c, const char *bytes, size_t n)
{
    /* Some bytes stay free for what closes the request. */
    if (c->is_bad || c->out_end + n + 32 > c->out_size) {
        c->is_bad = 1;
        return;
    }
    memcpy(c->out + c->out_end, bytes, n);
    c->out_end += n;
}

static void i3__puts(i3 *c, const char *text)
{
    i3__put(c, text, strlen(text));
}

static void i3__put_whole(i3 *c, double number)
{
    char digits[24];
    int at = sizeof digits, negative = number < 0;
    if (negative)
        number = -number;
    if (!(number < 9007199254740992.0))
        number = 9007199254740992.0;
    do {
        double rest = number / 10, whole;
        /* The whole part, without the library for mathematics. */
        whole = rest < 4294967295.0 ? (double)(unsigned long)rest
                                    : (double)(unsigned long)(rest / 1000000000.0) * 1000000000.0;
        if (rest >= 4294967295.0)
            whole += (double)(unsigned long)(rest - whole);
        digits[--at] = (char)('0' + (int)(number - whole * 10));
        number = whole;
    } while (number >= 1 && at > 1);
    if (negative)
        digits[--at] = '-';
    i3__put(c, digits + at, sizeof digits - (size_t)at);
}

static void i3__put_character_json(i3 *c, long character)
{
    static const char hex[] = "0123456789abcdef";
    char bytes[6];
    if (character == '"' || character == '\\') {
        bytes[0] = '\\';
        bytes[1] = (char)character;
        i3__put(c, bytes, 2);
    } else if (character < 0x20) {
        memcpy(bytes, "\\u00", 4);
        bytes[4] = hex[character / 16];
        bytes[5] = hex[character % 16];
        i3__put(c, bytes, 6);
    } else {
        i3__put(c, bytes, (size_t)i3__encode(character, bytes));
    }
}

/* The next character of a text of the game. */
static long i3__next_typed(const i3 *c, i3__reader *r)
{
    if (c->config.charset == I3_LATIN1)
        return r->p < r->end ? (long)(unsigned char)*r->p++ : -1;
    return i3__next(r);
}

/* What a code of the game's colours means: 0 to 15, 16 for the end of colours, 17 for what is left out, -1 for none. */
static int i3__code(const i3__palette *palette, char letter)
{
    const char *at;
    int first;
    if (!letter)
        return -1;
    if (letter == palette->reset)
        return 16;
    for (first = 8; first >= 0; first -= 8) {
        at = (const char *)memchr(palette->letters + first, letter, 8);
        if (at)
            return first + (int)(at - (palette->letters + first));
    }
    return -1;
}

/* How a text of the game is written into a request. */
enum { I3__PLAIN, I3__COLOURED, I3__STRIPPED };

/* Reads the code behind the character that begins codes. Returns whether there was one. */
static int i3__typed_code(i3 *c, i3__reader *r, long lead, int how)
{
    const i3__palette *palette = i3__palette_of(c->config.colour);
    char code[8];
    int meaning;
    if (r->p >= r->end)
        return 0;
    if (*r->p == (char)lead) {
        r->p++;
        i3__put_character_json(c, lead);
        return 1;
    }
    meaning = i3__code(palette, *r->p);
    if (meaning < 0)
        return 0;
    r->p++;
    if (lead != palette->lead || how == I3__STRIPPED)
        return 1; /* a background, or blinking: the network has none */
    if (meaning == 16) {
        i3__puts(c, "\\u001b[0m");
    } else {
        memcpy(code, "[0;30m", 7);
        code[1] = meaning >= 8 ? '1' : '0';
        code[4] = (char)('0' + meaning % 8);
        i3__puts(c, "\\u001b");
        i3__puts(c, code);
    }
    return 1;
}

/* Writes at most `most` characters of a text. */
static void i3__put_string(i3 *c, const char *text, int how, int most)
{
    const i3__palette *palette = i3__palette_of(c->config.colour);
    int codes = palette->letters[0] && (how == I3__STRIPPED || (how == I3__COLOURED && c->config.typed_colours));
    int dollars = how == I3__COLOURED && c->config.typed_dollars;
    long character;
    i3__reader r;
    r.p = text;
    r.end = text + strlen(text);
    r.is_json = 0;
    i3__puts(c, "\"");
    while (most > 0 && (character = i3__next_typed(c, &r)) >= 0) {
        if (codes && (character == palette->lead || (character < 0x80 && strchr(palette->doubled, (int)character))) &&
            i3__typed_code(c, &r, character, how)) {
            most--;
            continue;
        }
        if (dollars && character == '$' && r.p < r.end && *r.p == '$')
            r.p++;
        if (character == '\t')
            character = ' ';
        if (character >= 0x20 || character == '\n' ||
            (character == 27 && c->config.colour == I3_COLOUR_ANSI && how != I3__STRIPPED)) {
            i3__put_character_json(c, character);
            most--;
        }
    }
    i3__puts(c, "\"");
}

static void i3__put_name(i3 *c, const char *name)
{
    if (c->needs_comma)
        i3__puts(c, ",");
    c->needs_comma = 1;
    i3__puts(c, "\"");
    i3__puts(c, name);
    i3__puts(c, "\":");
}

void i3_put_text(i3 *c, const char *name, const char *text)
{
    if (!c->is_building || c->is_nested || !text)
        return;
    i3__put_name(c, name);
    i3__put_string(c, text, I3__COLOURED, 1 << 20);
}

void i3_put_plain(i3 *c, const char *name, const char *text)
{
    if (!c->is_building || c->is_nested || !text)
        return;
    i3__put_name(c, name);
    i3__put_string(c, text, I3__PLAIN, 1 << 20);
}

void i3_put_number(i3 *c, const char *name, double number)
{
    if (!c->is_building || c->is_nested)
        return;
    i3__put_name(c, name);
    i3__put_whole(c, number);
}

void i3_put_true(i3 *c, const char *name, int value)
{
    if (!c->is_building || c->is_nested)
        return;
    i3__put_name(c, name);
    i3__puts(c, value ? "true" : "false");
}

void i3_put_open(i3 *c, const char *name)
{
    if (!c->is_building || c->is_nested)
        return;
    if (++c->nest > 8) {
        c->is_bad = 1;
        return;
    }
    i3__put_name(c, name);
    i3__puts(c, "{");
    c->needs_comma = 0;
}

void i3_put_close(i3 *c)
{
    if (!c->is_building || c->is_nested)
        return;
    if (--c->nest < 0)
        c->is_bad = 1;
    i3__puts(c, "}");
    c->needs_comma = 1;
}

void i3_begin(i3 *c, const char *method)
{
    if (c->in_presence) { /* a request cannot begin inside the presence */
        c->is_nested = 1;
        return;
    }
    if (c->is_building) /* what was begun and never sent is given up */
        c->out_end = c->request;
    if (c->out_start > 0) {
        memmove(c->out, c->out + c->out_start, c->out_end - c->out_start);
        c->out_end -= c->out_start;
        c->out_start = 0;
    }
    c->request = c->out_end;
    c->is_building = 1;
    c->is_bad = c->nest = 0;
    c->last_id++;
    i3__puts(c, "{\"jsonrpc\":\"2.0\",\"id\":");
    i3__put_whole(c, c->last_id);
    i3__puts(c, ",\"method\":\"");
    i3__puts(c, method);
    i3__puts(c, "\",\"params\":{");
    c->needs_comma = 0;
}

/* Tells the one who asked that it failed. */
static int i3__failed(i3 *c, const char *who, i3_answer answer, int tag, const char *note, int outcome, const char *why)
{
    i3_result result;
    if (!answer)
        return 0;
    memset(&result, 0, sizeof result);
    result.outcome = outcome;
    result.message = why;
    result.reason = "";
    result.who = who ? who : "";
    result.tag = tag;
    result.note = note ? note : "";
    answer(c, &result);
    return 0;
}

static i3__pending *i3__free_pending(i3 *c, int purpose)
{
    int i, is_games = purpose == I3__BY_GAME || purpose == I3__REFUSAL;
    if (c->pending_count >= I3_PENDING_MAX - (is_games ? I3__PENDING_RESERVED : 0))
        return 0;
    for (i = 0; i < I3_PENDING_MAX; i++)
        if (c->pending[i].id == 0)
            return &c->pending[i];
    return 0;
}

static int i3__send(i3 *c, int purpose, const char *who, i3_answer answer, int tag, const char *note, double seconds)
{
    i3__pending *p;
    int is_bad = c->is_bad || c->nest != 0;
    if (c->is_nested) {
        c->is_nested = 0;
        return i3__failed(c, who, answer, tag, note, I3_FULL, "That cannot be sent just now.");
    }
    if (!c->is_building)
        return 0;
    c->is_building = 0;
    if (purpose == I3__BY_GAME && c->state != I3__READY) {
        c->out_end = c->request;
        return i3__failed(c, who, answer, tag, note, I3_AWAY, "Intermud-3 is away: the gateway is not connected.");
    }
    p = i3__free_pending(c, purpose);
    if (is_bad || !p) {
        c->out_end = c->request;
        return i3__failed(c, who, answer, tag, note, I3_FULL,
                          p ? "Too much is waiting to be sent to Intermud-3. Try again in a moment."
                            : "Too many requests wait for Intermud-3. Try again in a moment.");
    }
    memcpy(c->out + c->out_end, "}}\n", 3);
    c->out_end += 3;
    memset(p, 0, sizeof *p);
    p->id = c->last_id;
    p->deadline = c->now + (seconds > 0 ? seconds : I3_ANSWER_SECONDS);
    p->purpose = purpose;
    p->tag = tag;
    p->answer = answer;
    i3__copy(p->who, sizeof p->who, who);
    i3__copy(p->note, sizeof p->note, note);
    c->pending_count++;
    return 1;
}

int i3_send(i3 *c, const char *who, i3_answer answer, int tag, const char *note, double seconds)
{
    return i3__send(c, I3__BY_GAME, who, answer, tag, note, seconds);
}

static int i3__message(i3 *c, const char *method, const char *who, const char *mud, const char *user,
                       const char *channel, const char *name, const char *text, i3_answer answer)
{
    i3_begin(c, method);
    i3_put_plain(c, "from_user", who);
    i3_put_plain(c, "target_mud", mud);
    i3_put_plain(c, "target_user", user);
    i3_put_plain(c, "channel", channel);
    if (name)
        i3_put_text(c, name, text);
    return i3_send(c, who, answer, 0, channel ? channel : user, 0);
}

int i3_tell(i3 *c, const char *who, const char *mud, const char *user, const char *text, i3_answer answer)
{
    return i3__message(c, "tell", who, mud, user, 0, "message", text, answer);
}

int i3_emoteto(i3 *c, const char *who, const char *mud, const char *user, const char *text, i3_answer answer)
{
    return i3__message(c, "emoteto", who, mud, user, 0, "emote", text, answer);
}

int i3_beep(i3 *c, const char *who, const char *mud, const char *user, i3_answer answer)
{
    return i3__message(c, "beep", who, mud, user, 0, 0, 0, answer);
}

int i3_say(i3 *c, const char *who, const char *channel, const char *text, i3_answer answer)
{
    return i3__message(c, "channel_send", who, 0, 0, channel, "message", text, answer);
}

int i3_emote(i3 *c, const char *who, const char *channel, const char *text, i3_answer answer)
{
    return i3__message(c, "channel_emote", who, 0, 0, channel, "emote", text, answer);
}

/* The characters of a text of the game that fit into so many bytes of UTF-8. */
static int i3__characters_in(const i3 *c, const char *text, int bytes)
{
    char encoded[6];
    long character;
    int characters = 0;
    i3__reader r;
    r.p = text;
    r.end = text + strlen(text);
    r.is_json = 0;
    while ((character = i3__next_typed(c, &r)) >= 0 && (bytes -= (int)i3__encode(character, encoded)) >= 0)
        characters++;
    return characters;
}

int i3_tell_refuse(i3 *c, i3_id id, const char *text)
{
    if (c->state != I3__READY || c->cannot_refuse || id <= 0)
        return 0;
    i3_begin(c, "tell_refuse");
    i3_put_number(c, "event_id", id);
    if (text && c->is_building && !c->is_nested) {
        i3__put_name(c, "message");
        i3__put_string(c, text, I3__STRIPPED, i3__characters_in(c, text, I3__REFUSAL_BYTES));
    }
    return i3__send(c, I3__REFUSAL, 0, 0, 0, 0, 0);
}

/* ---- Channels and presence -------------------------------------------------------------------------------------- */

static i3__channel *i3__find_channel(i3 *c, const char *name)
{
    int i;
    for (i = 0; i < c->channel_count; i++)
        if (strcmp(c->channels[i].name, name) == 0)
            return &c->channels[i];
    return 0;
}

int i3_join(i3 *c, const char *channel, int listen_only)
{
    i3__channel *known = i3__find_channel(c, channel);
    if (known) {
        if (known->listen_only != listen_only)
            known->is_asked = 0;
        known->listen_only = listen_only;
        return 1;
    }
    if (c->channel_count >= I3_CHANNELS_MAX || strlen(channel) >= I3_CHANNEL_BYTES)
        return 0;
    known = &c->channels[c->channel_count++];
    memset(known, 0, sizeof *known);
    i3__copy(known->name, sizeof known->name, channel);
    known->listen_only = listen_only;
    return 1;
}

void i3_leave(i3 *c, const char *channel)
{
    i3__channel *known = i3__find_channel(c, channel);
    if (!known)
        return;
    if (c->state == I3__READY && !c->in_presence) {
        i3_begin(c, "channel_leave");
        i3_put_plain(c, "channel", channel);
        i3__send(c, I3__QUIETLY, 0, 0, 0, channel, 0);
    }
    *known = c->channels[--c->channel_count];
}

static void i3__join_some(i3 *c)
{
    int i, sent = 0;
    for (i = 0; i < c->channel_count && sent < 8; i++) {
        i3__channel *channel = &c->channels[i];
        if (channel->is_asked || c->now < channel->retry)
            continue;
        i3_begin(c, "channel_join");
        i3_put_plain(c, "channel", channel->name);
        if (channel->listen_only)
            i3_put_true(c, "listen_only", 1);
        if (!i3__send(c, I3__JOIN, 0, 0, 0, channel->name, 0)) {
            channel->retry = c->now + 1;
            return;
        }
        channel->is_asked = 1;
        c->quiet_until = c->now + I3__QUIET_SECONDS;
        sent++;
    }
}

/* A member of a user in the presence: without colours, and not longer than the gateway takes it. */
static void i3__put_member(i3 *c, const char *name, const char *text, int most)
{
    if (!text)
        return;
    i3__put_name(c, name);
    i3__put_string(c, text, I3__STRIPPED, most);
}

void i3_present(i3 *c, const i3_user *user)
{
    size_t before = c->out_end;
    if (!c->in_presence || c->is_bad || !user->name || !user->name[0] || c->presence_count >= I3_PRESENCE_MAX)
        return;
    c->is_nested = 0;
    i3__puts(c, c->presence_count ? ",{" : "{");
    c->needs_comma = 0;
    i3__put_member(c, "name", user->name, 128);
    i3__put_member(c, "title", user->title, 256);
    i3__put_member(c, "race", user->race, 128);
    i3__put_member(c, "guild", user->guild, 128);
    i3__put_member(c, "location", user->location, 256);
    i3__put_member(c, "status", user->status, 256);
    i3_put_number(c, "level", user->level < 0 ? 0 : user->level > 1000 ? 1000 : user->level);
    i3_put_number(c, "idle", user->idle < 0 ? 0 : user->idle > 31536000 ? 31536000 : (double)user->idle);
    if (user->login_time > 0)
        i3_put_number(c, "login_time", (double)user->login_time);
    i3__puts(c, "}");
    if (c->is_bad) /* no room: this player and those after are left out of this presence */
        c->out_end = before;
    else
        c->presence_count++;
}

static void i3__publish(i3 *c)
{
    c->next_presence = c->now + I3_PRESENCE_SECONDS;
    if (!c->config.presence || c->presence_refused == -32002) { /* the key has no permission for it */
        i3_begin(c, "heartbeat");
        i3__send(c, I3__QUIETLY, 0, 0, 0, 0, 0);
        return;
    }
    i3_begin(c, "presence_sync");
    i3__puts(c, "\"users\":[");
    if (!c->is_bad) {
        c->in_presence = 1;
        c->presence_count = 0;
        c->config.presence(c);
        c->in_presence = c->is_nested = 0;
        if (c->is_bad)
            i3__log(c, I3_LOG_LIMIT, "some players are left out of the presence: out_bytes is too small", "");
        memcpy(c->out + c->out_end, "]", 1); /* i3__put keeps this room free */
        c->out_end++;
        c->is_bad = 0;
    }
    if (!i3__send(c, I3__PRESENCE, 0, 0, 0, 0, 0))
        c->next_presence = c->now + 1;
}

void i3_player_gone(i3 *c)
{
    if (c->next_presence > c->now + 1)
        c->next_presence = c->now + 1;
}

/* ---- Tells that wait for their players -------------------------------------------------------------------------- */

static void i3__read_held(const i3 *c, size_t at, i3__held *held)
{
    memcpy(held, c->hold + at, sizeof *held);
}

static size_t i3__held_bytes(const i3__held *held)
{
    return sizeof *held + i3__round(held->length);
}

static void i3__drop_held(i3 *c, size_t at)
{
    i3__held held;
    size_t bytes;
    i3__read_held(c, at, &held);
    bytes = i3__held_bytes(&held);
    memmove(c->hold + at, c->hold + at + bytes, c->hold_end - at - bytes);
    c->hold_end -= bytes;
}

/* The place of a held tell, or hold_end. */
static size_t i3__find_held(const i3 *c, i3_id id)
{
    i3__held held;
    size_t at;
    for (at = 0; at < c->hold_end; at += i3__held_bytes(&held)) {
        i3__read_held(c, at, &held);
        if (held.id == id)
            return at;
    }
    return c->hold_end;
}

/* Keeps a tell until its player comes; of one that the game keeps itself only the number, with `length` 0. */
static void i3__keep(i3 *c, i3_id id, const char *line, size_t length)
{
    i3__held held;
    if (id > 0 && i3__find_held(c, id) < c->hold_end)
        return;
    memset(&held, 0, sizeof held);
    held.id = id > 0 ? id : --c->lowest_id;
    held.until = c->now + I3_HOLD_SECONDS;
    held.length = length;
    if (i3__held_bytes(&held) > c->hold_size) {
        i3__log(c, I3_LOG_LIMIT, "a tell is too long to be kept for its player: hold_bytes is too small", "");
        return;
    }
    while (c->hold_end + i3__held_bytes(&held) > c->hold_size) {
        i3__log(c, I3_LOG_LIMIT, "the oldest tell that waited for its player is given up: hold_bytes is too small", "");
        i3__drop_held(c, 0);
    }
    memcpy(c->hold + c->hold_end, &held, sizeof held);
    if (length)
        memcpy(c->hold + c->hold_end + sizeof held, line, length);
    c->hold_end += i3__held_bytes(&held);
}

int i3_held(const i3 *c)
{
    i3__held held;
    size_t at;
    int count = 0;
    for (at = 0; at < c->hold_end; at += i3__held_bytes(&held)) {
        i3__read_held(c, at, &held);
        count++;
    }
    return count;
}

void i3_seen(i3 *c, i3_id id)
{
    size_t at = i3__find_held(c, id);
    if (at < c->hold_end)
        i3__drop_held(c, at);
}

void i3_player_here(i3 *c, const char *name)
{
    i3__held held;
    size_t at;
    i3_json params;
    char user[I3_NAME_BYTES];
    for (at = 0; at < c->hold_end; at += i3__held_bytes(&held)) {
        i3__read_held(c, at, &held);
        if (!held.length)
            continue;
        params = i3_json_get(i3_json_value(c->hold + at + sizeof held, held.length), "params");
        i3_name(c, i3_json_get(params, "to_user"), user, sizeof user);
        if (i3_same_name(user, name)) {
            held.is_due = 1;
            memcpy(c->hold + at, &held, sizeof held);
        }
    }
    i3_player_gone(c); /* publishes presence soon */
}

/* The event up to which all is seen. */
static i3_id i3__ack_point(const i3 *c)
{
    i3__held held;
    size_t at;
    i3_id point = c->seen_through;
    for (at = 0; at < c->hold_end; at += i3__held_bytes(&held)) {
        i3__read_held(c, at, &held);
        if (held.id > 0 && held.id - 1 < point)
            point = held.id - 1;
    }
    return point;
}

static void i3__acknowledge(i3 *c)
{
    i3_id point = i3__ack_point(c);
    if (point <= c->acked || c->now < c->next_ack || c->now < c->quiet_until || c->has_more || !c->client[0])
        return;
    c->next_ack = c->now + I3_ACK_SECONDS;
    i3_begin(c, "ack");
    i3_put_number(c, "event_id", point);
    if (i3__send(c, I3__ACK, 0, 0, 0, 0, 0))
        c->acked = point;
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

static int i3__kind_of(const char *name)
{
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {{"tell_received", I3_TELL},          {"emoteto_received", I3_EMOTETO},
                 {"beep_received", I3_BEEP},          {"channel_message", I3_MESSAGE},
                 {"channel_emote", I3_EMOTE},         {"channel_targeted_emote", I3_TARGETED},
                 {"error_occurred", I3_ERROR},        {"mud_online", I3_MUD_UP},
                 {"mud_offline", I3_MUD_DOWN},        {"gateway_reconnected", I3_NET_UP},
                 {"gateway_disconnected", I3_NET_DOWN}};
    size_t i;
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(name, kinds[i].name) == 0)
            return kinds[i].kind;
    return I3_OTHER;
}

static void i3__fill(i3 *c, i3_event *e, i3_json params)
{
    size_t length;
    memset(e, 0, sizeof *e);
    i3_name(c, i3_json_get(params, "channel"), c->channel, sizeof c->channel);
    i3_name(c, i3_json_get(params, "from_mud"), c->from_mud, sizeof c->from_mud);
    i3_name(c, i3_json_get(params, "from_user"), c->from_user, sizeof c->from_user);
    i3_name(c, i3_json_get(params, "to_user"), c->to_user, sizeof c->to_user);
    i3_name(c, i3_json_get(params, "target_mud"), c->target_mud, sizeof c->target_mud);
    i3_show_json(c, i3_json_get(params, "visname"), c->visname, sizeof c->visname, 0);
    if (!c->visname[0])
        i3_show_json(c, i3_json_get(params, "from_user"), c->visname, sizeof c->visname, 0);
    length = strlen(c->visname);
    memcpy(c->from, c->visname, length);
    if (c->config.colour == I3_COLOUR_TBA)
        c->from[length++] = '@';
    c->from[length++] = '@';
    i3_show_json(c, i3_json_get(params, "from_mud"), c->from + length, sizeof c->from - length, 0);
    i3_show_json(c, i3_json_get(params, "message"), c->text, sizeof c->text, 0);
    i3_show_json(c, i3_json_get(params, "message_target"), c->text_target, sizeof c->text_target, 0);
    e->id = i3_json_number(i3_json_get(params, "event_id"), 0);
    e->replay = i3_json_true(i3_json_get(params, "replay"));
    e->self = i3_json_true(i3_json_get(params, "self"));
    e->name = c->name;
    e->channel = c->channel;
    e->from_mud = c->from_mud;
    e->from_user = c->from_user;
    e->to_user = c->to_user;
    e->from = c->from;
    e->visname = c->visname;
    e->text = c->text;
    e->text_target = c->text_target;
    e->target_mud = c->target_mud;
    e->params = params;
}

static void i3__to_player(i3 *c, const i3_event *e, const char *line, size_t length)
{
    int what = c->config.tell ? c->config.tell(c, e) : I3_SHOWN;
    if (what == I3_HOLD)
        i3__keep(c, e->id, line, length);
    else if (what == I3_MINE)
        i3__keep(c, e->id, line, 0);
}

/* The place where the last event of this one's class is noted, or 0 for an event that is never replayed. The events of
 * a class come in the order of their numbers. */
static i3_id *i3__last_of(i3 *c, const i3_event *e)
{
    static const char *const answers[] = {"who_reply",         "finger_reply",   "locate_reply",
                                          "channel_who_reply", "error_occurred", "identity_warning"};
    size_t i;
    if (e->kind == I3_TELL || e->kind == I3_EMOTETO || e->kind == I3_BEEP)
        return &c->tells_last;
    if (e->kind == I3_MESSAGE || e->kind == I3_EMOTE || e->kind == I3_TARGETED) {
        i3__channel *channel = i3__find_channel(c, e->channel);
        return channel ? &channel->last : 0;
    }
    for (i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (strcmp(e->name, answers[i]) == 0)
            return &c->answers_last;
    return 0;
}

/* The gateway has lost its state, and counts from the start: what is known of numbers is worth nothing. */
static void i3__start_over(i3 *c)
{
    i3__held held;
    size_t at;
    int i;
    c->tells_last = c->answers_last = c->seen_through = c->acked = 0;
    for (i = 0; i < c->channel_count; i++)
        c->channels[i].last = 0;
    for (at = 0; at < c->hold_end; at += i3__held_bytes(&held)) {
        i3__read_held(c, at, &held);
        if (held.id > 0)
            held.id = --c->lowest_id;
        memcpy(c->hold + at, &held, sizeof held);
    }
}

/* Notes the event's number. Returns 0 if the event has been handled before: after a reconnect the gateway replays what
 * is not acknowledged yet. */
static int i3__is_new(i3 *c, const i3_event *e)
{
    i3_id *last = i3__last_of(c, e);
    if (e->id <= 0)
        return 1;
    if (last && e->id <= *last) {
        if (e->replay)
            return 0;
        i3__start_over(c);
    }
    if (last)
        *last = e->id;
    if (e->id > c->seen_through)
        c->seen_through = e->id;
    return 1;
}

/* The gateway has dropped events because this client did not read: asks for those that are kept. */
static void i3__lagged(i3 *c)
{
    i3__log(c, I3_LOG_LIMIT, "the gateway left out events, because the game did not read them in time", "");
    if (c->now < c->next_resume)
        return;
    c->next_resume = c->now + I3__REJOIN_SECONDS;
    i3_begin(c, "resume");
    i3__send(c, I3__QUIETLY, 0, 0, 0, 0, 0);
}

static void i3__event(i3 *c, i3_json method, i3_json params, const char *line, size_t length)
{
    i3_event e;
    int kind;
    i3_json_text(method, c->name, sizeof c->name);
    kind = i3__kind_of(c->name);
    i3__fill(c, &e, params);
    e.kind = kind;
    if (!i3__is_new(c, &e))
        return;
    if (kind == I3_TELL || kind == I3_EMOTETO || kind == I3_BEEP) {
        i3__to_player(c, &e, line, length);
        return;
    }
    if (kind == I3_MESSAGE || kind == I3_EMOTE || kind == I3_TARGETED) {
        if (c->config.line)
            c->config.line(c, &e);
        return;
    }
    if (strcmp(c->name, "lagged") == 0)
        i3__lagged(c);
    else if (strcmp(c->name, "shutdown_warning") == 0)
        i3__log(c, I3_LOG_NOTE, "the gateway shuts down: ", c->text);
    else if (strcmp(c->name, "identity_warning") == 0)
        i3__log(c, I3_LOG_NOTE, "Intermud-3 warns: ", c->text);
    else if (strcmp(c->name, "rate_limit_warning") == 0)
        i3__log(c, I3_LOG_NOTE, "the gateway refuses requests, because too many come", "");
    if (kind == I3_ERROR) {
        i3_show_json(c, i3_json_get(params, "error_message"), c->text, sizeof c->text, 0);
        e.text = c->text;
    }
    if (kind == I3_MUD_UP || kind == I3_MUD_DOWN) {
        i3_name(c, i3_json_get(params, "mud_name"), c->from_mud, sizeof c->from_mud);
        i3_show_json(c, i3_json_get(params, "mud_name"), c->from, sizeof c->from, 0);
    }
    if (c->config.event && strcmp(c->name, "welcome") != 0)
        c->config.event(c, &e);
}

/* Offers tells again whose players have come. */
static int i3__offer(i3 *c)
{
    i3__held held;
    i3_event e;
    i3_json value;
    size_t at;
    int offered = 0, what;
    for (at = 0; at < c->hold_end && offered < I3_EVENTS_PER_POLL;) {
        i3__read_held(c, at, &held);
        if (c->now > held.until) {
            i3__log(c, I3_LOG_LIMIT, "a tell is given up: its player did not come", "");
            i3__drop_held(c, at);
            continue;
        }
        if (held.is_due && held.length) {
            held.is_due = 0;
            memcpy(c->hold + at, &held, sizeof held);
            offered++;
            value = i3_json_value(c->hold + at + sizeof held, held.length);
            i3_json_text(i3_json_get(value, "method"), c->name, sizeof c->name);
            i3__fill(c, &e, i3_json_get(value, "params"));
            e.kind = i3__kind_of(c->name);
            e.replay = 1;
            what = c->config.tell ? c->config.tell(c, &e) : I3_SHOWN;
            at = i3__find_held(c, held.id); /* the function may have changed what is held */
            if (at >= c->hold_end) {
                at = 0;
            } else if (what == I3_SHOWN) {
                i3__drop_held(c, at);
            } else {
                i3__read_held(c, at, &held);
                at += i3__held_bytes(&held);
            }
            continue;
        }
        at += i3__held_bytes(&held);
    }
    return offered;
}

/* ---- Answers ---------------------------------------------------------------------------------------------------- */

static void i3__lost(i3 *c, const char *why, double wait);

static void i3__login_answered(i3 *c, i3_json result, int code)
{
    if (!result.at) {
        /* What the gateway cannot do now it can do soon. */
        double wait = code == I3__NOT_NOW ? 0 : I3_RETRY_MAX_SECONDS;
        i3__log(c, I3_LOG_REFUSED, "the gateway refuses the login: ", c->message);
        i3__lost(c, "the login was refused", wait);
        return;
    }
    i3_name(c, i3_json_get(result, "mud_name"), c->mud, sizeof c->mud);
    c->state = I3__READY;
    c->ready_since = c->now;
    c->next_presence = c->now;
    c->next_ack = c->now;
    c->quiet_until = c->now + I3__QUIET_SECONDS;
    c->acked = 0;
    c->presence_refused = c->cannot_refuse = 0;
    i3__log(c, I3_LOG_STATE, "logged in at the gateway as ", c->mud);
    if (c->client[0]) {
        /* From now on only what is acknowledged counts as received. */
        i3_begin(c, "ack");
        i3_put_number(c, "event_id", 0);
        i3__send(c, I3__QUIETLY, 0, 0, 0, 0, 0);
    }
}

static void i3__join_answered(i3 *c, const char *name, i3_json result)
{
    i3__channel *channel = i3__find_channel(c, name);
    c->quiet_until = c->now + I3__QUIET_SECONDS;
    if (result.at) {
        i3_show_json(c, i3_json_get(result, "warning"), c->message, sizeof c->message, 0);
        if (c->message[0])
            i3__log(c, I3_LOG_NOTE, "", c->message);
    } else {
        i3__log(c, I3_LOG_REFUSED, "the gateway refuses a channel: ", c->message);
        if (channel) {
            channel->is_asked = 0;
            channel->retry = c->now + I3__REJOIN_SECONDS;
        }
    }
}

/* Ends a request: with a result, or with an error that is in c->message. */
static void i3__finish(i3 *c, i3__pending *pending, const i3_result *result)
{
    i3__pending p = *pending;
    i3_result told = *result;
    memset(pending, 0, sizeof *pending);
    c->pending_count--;
    told.who = p.who;
    told.tag = p.tag;
    told.note = p.note;
    if (!told.message)
        told.message = "";
    if (!told.reason)
        told.reason = "";
    if (told.outcome != I3_OK)
        told.result = i3__none();
    switch (p.purpose) {
    case I3__LOGIN:
        if (told.outcome != I3_LOST)
            i3__login_answered(c, told.result, told.code);
        break;
    case I3__JOIN:
        if (told.outcome != I3_LOST)
            i3__join_answered(c, p.note, told.result);
        break;
    case I3__ACK:
        if (told.outcome != I3_OK) {
            c->acked = 0;
            c->next_ack = c->now + 5 * I3_ACK_SECONDS;
        }
        break;
    case I3__PRESENCE:
        if (told.outcome == I3_REFUSED && c->presence_refused != told.code) {
            c->presence_refused = told.code; /* said once */
            i3__log(c, I3_LOG_REFUSED, "the gateway refuses the presence: ", c->message);
        }
        break;
    case I3__REFUSAL:
        if (told.outcome == I3_REFUSED && told.code == I3__NO_METHOD)
            c->cannot_refuse = 1;
        break;
    default:
        if (p.answer)
            p.answer(c, &told);
    }
}

static i3__pending *i3__find_pending(i3 *c, double id)
{
    int i;
    for (i = 0; i < I3_PENDING_MAX; i++)
        if (id > 0 && c->pending[i].id == id)
            return &c->pending[i];
    return 0;
}

static void i3__answer(i3 *c, i3_json value, i3_json id)
{
    i3_json error = i3_json_get(value, "error");
    i3__pending *pending = i3__find_pending(c, i3_json_number(id, 0));
    i3_result result;
    char reason[64];
    double code;
    memset(&result, 0, sizeof result);
    c->message[0] = reason[0] = 0;
    if (error.at) {
        result.outcome = I3_REFUSED;
        code = i3_json_number(i3_json_get(error, "code"), 0);
        result.code = code > -1e9 && code < 1e9 ? (int)code : 0;
        i3_show_json(c, i3_json_get(error, "message"), c->message, sizeof c->message, 0);
        i3_json_text(i3_json_get(i3_json_get(error, "data"), "reason"), reason, sizeof reason);
    }
    if (!pending) {
        if (error.at && i3_json_type(id) != '0')
            i3__log(c, I3_LOG_NOTE, "the gateway says: ", c->message);
        return;
    }
    result.message = c->message;
    result.reason = reason;
    result.result = i3_json_get(value, "result");
    if (!error.at && !result.result.at) {
        result.outcome = I3_REFUSED;
        result.message = "The gateway's answer makes no sense.";
    }
    i3__finish(c, pending, &result);
}

static void i3__too_long(i3 *c, double id)
{
    i3__pending *pending = i3__find_pending(c, id);
    i3_result result;
    i3__log(c, I3_LOG_LIMIT, "a line of the gateway is left out: it is longer than in_bytes", "");
    if (!pending)
        return;
    memset(&result, 0, sizeof result);
    result.outcome = I3_TOO_LONG;
    i3__copy(c->message, sizeof c->message, "The answer is too long for this game.");
    result.message = c->message;
    i3__finish(c, pending, &result);
}

static void i3__time_out(i3 *c)
{
    i3_result result;
    int i;
    for (i = 0; i < I3_PENDING_MAX && c->pending_count; i++)
        if (c->pending[i].id != 0 && c->now >= c->pending[i].deadline) {
            memset(&result, 0, sizeof result);
            result.outcome = I3_LATE;
            i3__copy(c->message, sizeof c->message, "There was no answer in time.");
            result.message = c->message;
            i3__finish(c, &c->pending[i], &result);
        }
}

/* A request of the gateway: it has none today, but one that checks a connection can be answered. */
static void i3__asked(i3 *c, i3_json id)
{
    size_t length = (size_t)(id.end - id.at);
    if (c->is_building || length > 64)
        return;
    c->is_bad = 0;
    c->request = c->out_end;
    i3__puts(c, "{\"jsonrpc\":\"2.0\",\"id\":");
    i3__put(c, id.at, length);
    i3__puts(c, ",\"result\":{\"pong\":true}}\n");
    if (c->is_bad)
        c->out_end = c->request;
    c->is_bad = 0;
}

static void i3__line(i3 *c, const char *line, size_t length)
{
    static const char *const faults[] = {"",
                                         "it is not JSON",
                                         "it nests too deep",
                                         "it is not UTF-8",
                                         "half of a surrogate pair",
                                         "a control character in a string"};
    i3_json value, method, id;
    int fault = i3_json_check(line, length);
    if (fault) {
        i3__log(c, I3_LOG_BAD, "a line of the gateway cannot be read: ", faults[fault]);
        return;
    }
    value = i3_json_value(line, length);
    method = i3_json_get(value, "method");
    id = i3_json_get(value, "id");
    if (i3_json_type(method) != '"') {
        i3__answer(c, value, id);
    } else if (id.at && i3_json_type(id) != 'n') {
        if (i3_json_is(method, "ping"))
            i3__asked(c, id);
    } else {
        i3__event(c, method, i3_json_get(value, "params"), line, length);
    }
}

/* ---- The socket ------------------------------------------------------------------------------------------------- */

static void i3__lost(i3 *c, const char *why, double wait)
{
    i3_result result;
    int i, was_ready = c->state == I3__READY;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->state = I3__DOWN;
    c->in_start = c->in_end = c->out_start = c->out_end = 0;
    c->is_skipping = c->has_more = c->is_at_end = c->is_building = 0;
    if (was_ready && c->now - c->ready_since >= I3_SILENCE_SECONDS)
        c->delay = I3_RETRY_MIN_SECONDS;
    if (wait <= 0) {
        wait = c->delay;
        c->delay = c->delay * 2 > I3_RETRY_MAX_SECONDS ? I3_RETRY_MAX_SECONDS : c->delay * 2;
    }
    c->next_attempt = c->now + wait * (0.75 + 0.5 * i3__chance(c));
    for (i = 0; i < c->channel_count; i++) {
        c->channels[i].is_asked = 0;
        c->channels[i].retry = 0;
    }
    i3__log(c, I3_LOG_STATE, "no connection to the gateway: ", why);
    for (i = 0; i < I3_PENDING_MAX && c->pending_count; i++)
        if (c->pending[i].id != 0) {
            memset(&result, 0, sizeof result);
            result.outcome = I3_LOST;
            i3__copy(c->message, sizeof c->message, "The connection to Intermud-3 was lost before the answer came.");
            result.message = c->message;
            i3__finish(c, &c->pending[i], &result);
        }
}

static void i3__connect(i3 *c)
{
    const struct sockaddr *address;
    int flags, one = 1;
    if (c->address_count == 0) {
        i3__lost(c, "the host is unknown", I3_RETRY_MAX_SECONDS);
        return;
    }
    c->address = (c->address + 1) % c->address_count;
    address = (const struct sockaddr *)&c->addresses[c->address];
    c->fd = socket(address->sa_family, SOCK_STREAM, 0);
    if (c->fd < 0) {
        i3__lost(c, strerror(errno), 0);
        return;
    }
    flags = fcntl(c->fd, F_GETFL, 0);
    fcntl(c->fd, F_SETFL, flags | O_NONBLOCK);
    fcntl(c->fd, F_SETFD, FD_CLOEXEC); /* a copyover of the game begins anew */
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, (const char *)&one, sizeof one);
#ifdef SO_NOSIGPIPE
    setsockopt(c->fd, SOL_SOCKET, SO_NOSIGPIPE, (const char *)&one, sizeof one);
#endif
    c->state = I3__CONNECTING;
    c->deadline = c->now + I3_CONNECT_SECONDS;
    if (connect(c->fd, address, c->address_lengths[c->address]) < 0 && errno != EINPROGRESS && errno != EINTR)
        i3__lost(c, strerror(errno), 0);
}

/* A socket that dials a port of its own host on which nobody listens can reach itself. */
static int i3__is_itself(int fd)
{
    struct sockaddr_storage here, there;
    socklen_t here_length = sizeof here, there_length = sizeof there;
    memset(&here, 0, sizeof here);
    memset(&there, 0, sizeof there);
    return getsockname(fd, (struct sockaddr *)&here, &here_length) == 0 &&
           getpeername(fd, (struct sockaddr *)&there, &there_length) == 0 && here_length == there_length &&
           memcmp(&here, &there, here_length) == 0;
}

static void i3__connected(i3 *c)
{
    struct pollfd ready;
    int fault = 0;
    socklen_t length = sizeof fault;
    ready.fd = c->fd;
    ready.events = POLLOUT;
    ready.revents = 0;
    if (poll(&ready, 1, 0) <= 0 || !ready.revents) {
        if (c->now >= c->deadline)
            i3__lost(c, "nobody answers", 0);
        return;
    }
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (char *)&fault, &length) < 0)
        fault = errno;
    if (fault || i3__is_itself(c->fd)) {
        i3__lost(c, strerror(fault ? fault : ECONNREFUSED), 0);
        return;
    }
    c->state = I3__AUTHENTICATING;
    c->heard = c->now;
    i3_begin(c, "authenticate");
    if (c->key[0])
        i3_put_plain(c, "api_key", c->key);
    if (c->client[0])
        i3_put_plain(c, "client", c->client);
    i3_put_plain(c, "text_format", c->config.colour == I3_COLOUR_NONE ? "plain" : "ansi");
    if (c->config.observer)
        i3_put_plain(c, "role", "observer");
    i3__send(c, I3__LOGIN, 0, 0, 0, 0, 0);
}

static void i3__write(i3 *c)
{
#ifdef MSG_NOSIGNAL
    const int flags = MSG_NOSIGNAL;
#else
    const int flags = 0;
#endif
    while (c->fd >= 0 && c->out_start < c->out_end) {
        ssize_t n = send(c->fd, c->out + c->out_start, c->out_end - c->out_start, flags);
        if (n > 0) {
            c->out_start += (size_t)n;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else {
            if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
                i3__lost(c, strerror(errno), 0);
            return;
        }
    }
    if (c->out_start == c->out_end)
        c->out_start = c->out_end = 0;
}

/* Reads what is there, as far as there is room. */
static void i3__read(i3 *c)
{
    ssize_t n;
    while (!c->is_at_end) {
        if (c->in_start > 0 && c->in_end == c->in_size) {
            memmove(c->in, c->in + c->in_start, c->in_end - c->in_start);
            c->in_end -= c->in_start;
            c->in_start = 0;
        }
        if (c->in_end == c->in_size)
            return;
        n = recv(c->fd, c->in + c->in_end, c->in_size - c->in_end, 0);
        if (n > 0) {
            c->in_end += (size_t)n;
            c->heard = c->now;
        } else if (n == 0) {
            c->is_at_end = 1;
        } else if (errno != EINTR) {
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                c->is_at_end = 1;
            return;
        }
    }
}

/* The id of an answer whose beginning is at p; 0 if it is none. */
static double i3__id_at(const char *p, size_t length)
{
    static const char name[] = "\"id\":";
    size_t i, n = sizeof name - 1;
    double id = 0;
    for (i = 0; i + n < length && i < 64; i++)
        if (memcmp(p + i, name, n) == 0) {
            for (i += n; i < length && p[i] >= '0' && p[i] <= '9'; i++)
                id = id * 10 + (p[i] - '0');
            return id;
        }
    return 0;
}

/* Handles the lines that are there. Returns their number. */
static int i3__lines(i3 *c)
{
    int handled = 0;
    while (c->fd >= 0 && handled < I3_EVENTS_PER_POLL) {
        char *start = c->in + c->in_start;
        char *end = (char *)memchr(start, '\n', c->in_end - c->in_start);
        size_t length;
        if (!end) {
            if (c->is_skipping) {
                c->in_start = c->in_end = 0;
            } else if (c->in_start == 0 && c->in_end == c->in_size) {
                double id = i3__id_at(start, c->in_end);
                c->is_skipping = 1;
                c->in_end = 0;
                i3__too_long(c, id);
            }
            break;
        }
        length = (size_t)(end - start);
        c->in_start += length + 1;
        if (c->is_skipping) {
            c->is_skipping = 0;
            continue;
        }
        if (length && start[length - 1] == '\r')
            length--;
        if (length) {
            i3__line(c, start, length);
            handled++;
        }
    }
    if (c->in_start == c->in_end)
        c->in_start = c->in_end = 0;
    c->has_more = c->fd >= 0 && memchr(c->in + c->in_start, '\n', c->in_end - c->in_start) != 0;
    return handled;
}

int i3_poll(i3 *c)
{
    double before = c->now;
    int handled = 0;
    c->now = i3__clock(c);
    if (c->now < before)
        c->now = before;
    if (c->now - before > I3_PRESENCE_SECONDS && c->heard < c->now - I3_PRESENCE_SECONDS)
        c->heard = c->now - I3_PRESENCE_SECONDS; /* the game itself has stood still, not the gateway */
    if (c->state == I3__DOWN && c->now >= c->next_attempt)
        i3__connect(c);
    if (c->state == I3__CONNECTING)
        i3__connected(c);
    if (c->fd >= 0 && c->state != I3__CONNECTING) {
        i3__read(c);
        handled = i3__lines(c);
        if (c->fd >= 0 && c->is_at_end && !c->has_more)
            i3__lost(c, "the gateway has closed it", 0);
        else if (c->fd >= 0 && c->now - c->heard > I3_SILENCE_SECONDS)
            i3__lost(c, "the gateway is silent", 0);
    }
    i3__time_out(c);
    handled += i3__offer(c);
    if (c->state == I3__READY) {
        if (c->now >= c->next_presence)
            i3__publish(c);
        i3__join_some(c);
        i3__acknowledge(c);
    }
    if (c->state != I3__CONNECTING)
        i3__write(c);
    return handled;
}

double i3_timeout(const i3 *c)
{
    double until = c->now + I3_PRESENCE_SECONDS, now = i3__clock(c);
    int i;
    if (c->has_more)
        return 0;
    if (c->state == I3__DOWN)
        until = c->next_attempt;
    else if (c->state == I3__CONNECTING)
        until = c->deadline;
    else if (c->state == I3__READY) {
        until = c->next_presence;
        if (i3__ack_point(c) > c->acked && c->client[0]) {
            double due = c->next_ack > c->quiet_until ? c->next_ack : c->quiet_until;
            until = due < until ? due : until;
        }
        for (i = 0; i < c->channel_count; i++)
            if (!c->channels[i].is_asked && c->channels[i].retry < until)
                until = c->channels[i].retry;
    }
    for (i = 0; i < I3_PENDING_MAX && c->pending_count; i++)
        if (c->pending[i].id != 0 && c->pending[i].deadline < until)
            until = c->pending[i].deadline;
    return until > now ? until - now : 0;
}

void i3_close(i3 *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    if (c->allocated)
        free(c->allocated);
}

#ifdef __cplusplus
}
#endif
#endif /* I3_IMPLEMENTED */
#endif /* I3_IMPLEMENTATION */

/* Licence: MIT or Apache-2.0, at your choice. */
