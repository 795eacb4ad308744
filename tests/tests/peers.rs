//! What deployed routers and muds do, rule by rule, and that the gateway lives with it. Each row names the section of
//! the description of a peer that it is from: the network's users, the Dead Souls router and its clients, the CoffeeMud
//! router and its clients.

use i3_core::i3::Packet;
use i3_tests::hostile::Siege;
use i3_tests::scenario::matches;
use i3_tests::wire;
use std::path::Path;
use std::time::Duration;

/// How a rule is shown to be kept.
enum Proof {
    /// A frame's text, and what is written of what it reads as.
    Reads(&'static [u8], &'static str),
    /// A frame's text that is no packet: dropped and counted, and the link lives.
    Dropped(&'static [u8]),
    /// Played against a gateway whose router and game are scripted:
    ///
    /// ```text
    /// > ({"tell",…})        the router sends this, \r for CR; >> sends it without NUL
    /// < ({"tell",…,*})      it receives this; < nothing
    /// game > {…}            the game sends this, as JSON-RPC
    /// game < {…}            it receives this; game < nothing
    /// again                 the router closes the connection, and is dialed again
    /// ```
    Play(&'static [&'static str]),
    /// Another test or scenario shows it: a file, and a line of it or the name of a test.
    Elsewhere(&'static str, &'static str),
}
use Proof::{Dropped, Elsewhere, Play, Reads};

/// A section, what it says, and the proof.
type Rule = (&'static str, &'static str, Proof);

const PACKETS: &str = "core/src/i3/packet/tests.rs";
const LPC: &str = "core/src/i3/lpc/tests.rs";
const TEXT: &str = "core/src/i3/text.rs";
const FRAME: &str = "core/src/i3/frame.rs";
const COLOUR: &str = "core/src/colour/tests.rs";
const PACER: &str = "core/src/link/pacer.rs";
const ATTEMPTS: &str = "core/src/link/tests/attempts.rs";
const LOGIN: &str = "core/src/link/tests/login.rs";
const LIVENESS: &str = "core/src/link/tests/liveness.rs";
const LEAVING: &str = "core/src/link/tests/leaving.rs";
const MUDLIST: &str = "core/src/network/mudlist.rs";
const CHANLIST: &str = "core/src/network/chanlist.rs";
const PROPERTIES: &str = "tests/tests/properties.rs";
const ROUTER: &str = "tests/tests/hostile/from_the_router.rs";
const VECTORS: &str = "tests/tests/vectors/main.rs";
const BY_HAND: &str = "tests/tests/vectors/by_hand.rs";

/// The network and its users.
const USERS: &[Rule] = &[
    ("1.1", "exact fields of every type", Elsewhere(VECTORS, "one_frame_of_every_type_from_both_networks_reads_as_written_here")),
    ("1.1", "every type survives", Elsewhere(PACKETS, "every_known_type_survives_a_round_trip")),
    (
        "1.1",
        "startup-req-3: 20 elements in all, o_user 0, t_mud the router, the last stored password",
        Play(&[
            "again",
            r#"< ({"startup-req-3",5,"Alpha",0,"*net",0,77,0,0,4000,0,0,"TestLib","TestBase","TestDriver","LP","open","admin@example.org",(["auth":1,*"who":1,]),([]),})"#,
        ]),
    ),
    (
        "1.1",
        "startup-reply comes also when the set of routers changes",
        Play(&[
            r#"> ({"startup-reply",5,"*net",0,"Alpha",0,({({"*net","127.0.0.1 4000",}),({"*new","127.0.0.1 4001",}),}),78,})"#,
            "< nothing",
            "game < nothing",
            "again",
            r#"< ({"startup-req-3",5,"Alpha",0,"*net",0,78,*})"#,
        ]),
    ),
    (
        "1.1",
        "shutdown has exactly 7 elements, 1 = right back",
        Play(&[
            r#"game > {"jsonrpc":"2.0","id":1,"method":"reconnect"}"#,
            r#"< ({"shutdown",5,"Alpha",0,"*net",0,1,})"#,
        ]),
    ),
    (
        "1.1",
        "mudlist: name -> 0 is deleted; t_mud may be 0",
        Play(&[
            r#"> ({"mudlist",5,"*net",0,0,0,2,(["Sage":0,]),})"#,
            r#"game < {"method":"mud_offline","params":{"mud_name":"Sage","info":null}}"#,
        ]),
    ),
    ("1.1", "chanlist-reply: 0 or ({host,type})", Elsewhere(CHANLIST, "the_specification_sends_what_changed")),
    ("1.1", "chanlist-req, chanlist-request: not in the specification, honoured", Elsewhere(PACKETS, "logins_of_three_protocols")),
    (
        "1.1",
        "the full channel list is asked for again",
        Play(&[
            r#"game > {"jsonrpc":"2.0","id":1,"method":"channel_list","params":{"refresh":true}}"#,
            r#"< ({"chanlist-req",5,"Alpha",0,"*net",0,})"#,
        ]),
    ),
    ("1.1", "channel-e holds $N, channel-t $N and $O", Elsewhere("tests/scenarios/channels.txt", "$N pokes $O.")),
    ("1.1", "chan-user-req: o_user 0; the reply has gender 0, 1 or 2", Elsewhere("tests/scenarios/queries-in.txt", r#""ann","Ann",2,})"#)),
    (
        "1.1",
        "who-reply: t_user is the asker",
        Elsewhere("tests/scenarios/queries-in.txt", r#"({"who-reply",5,"Alpha",0,"Sage","bob",({}),})"#),
    ),
    (
        "1.1",
        "finger-reply: any may be 0, idle -1 is off",
        Play(&[
            r#"> ({"finger-reply",5,"Sage",0,"Alpha","Ann","Bob",0,0,0,0,-1,0,0,0,})"#,
            r#"game < {"method":"finger_reply","params":{"user_info":{"name":"Bob","title":"","idle_time":-1,"level":0,"extra":""}}}"#,
        ]),
    ),
    ("1.1", "locate replies of versions 1 and 2 have two fields", Elsewhere("tests/scenarios/queries-out.txt", "Of protocol 1 and 2")),
    (
        "1.1",
        "locate status: words with commas between",
        Play(&[
            r#"> ({"locate-reply",5,"Sage",0,"Alpha","Ann","Sage","Bob",3,"editing,hidden",})"#,
            r#"game < {"method":"locate_reply","params":{"status":"editing,hidden"}}"#,
        ]),
    ),
    ("1.1", "beep is a packet of its own", Elsewhere("tests/scenarios/beep.txt", "beep_received")),
    ("1.1", "ping and auth-mud are answered", Elsewhere("tests/scenarios/queries-in.txt", r#"({"ping-reply",5,"Alpha",0,"Sage",0,*})"#)),
    ("1.1", "chan-adminlist, chan-ack and router-shutdown of Samson's router", Elsewhere(PACKETS, "types_of_other_routers_and_unknown_types")),
    (
        "1.1",
        "irn-* is between routers: ignored",
        Play(&[
            r#"> ({"irn-ping",5,"*net",0,"Alpha",0,1,2,})"#,
            r#"> ({"irn-data",5,"*other",0,"Alpha",0,({"tell",5,"X","x","Alpha","ann","X","y",}),})"#,
            "game < nothing",
        ]),
    ),
    (
        "1.1",
        "error codes are an open set",
        Play(&[
            r#"> ({"error",5,"*net",0,"Alpha","Ann","bad-name","whatever",0,})"#,
            r#"game < {"method":"error_occurred","params":{"error_code":"bad-name","error_message":"whatever","to_user":"Ann"}}"#,
        ]),
    ),
    (
        "1.1",
        "amcp is a version string, other_data any value",
        Reads(
            br#"({"mudlist",5,"*r",0,"A",0,1,(["M":({-1,"1.2.3.4",1,2,3,"l","b","d","t","o","e",(["amcp":"1.1","tell":1,"x":({1,}),]),(["upsince":({1.5,"x",}),]),}),]),})"#,
            r#"({"mudlist",5,"*r",0,"A",0,1,(["M":({-1,"1.2.3.4",1,2,3,"l","b","d","t","o","e",(["amcp":"1.1","tell":1,"x":({1,}),]),(["upsince":({1.500000,"x",}),]),}),]),})"#,
        ),
    ),
    ("1.1", "out-of-band packets have no header, news-read-req has one", Elsewhere(PACKETS, "news-read-req")),
    ("1.2", "u32 length, text, NUL; frames without the NUL", Elsewhere(FRAME, "frames_are_found_however_the_stream_is_cut")),
    (
        "1.2",
        "a frame without NUL",
        Play(&[r#">> ({"tell",5,"Sage","bob","Alpha","ann","Bob","hi",})"#, r#"game < {"params":{"message":"hi"}}"#]),
    ),
    ("1.2", "accept up to 2 MiB", Elsewhere(FRAME, "a_length_beyond_the_limit_is_refused_before_any_byte_is_buffered")),
    ("1.2", "send small frames", Elsewhere("tests/tests/hostile/on_the_line_port.rs", "a_text_that_does_not_fit_a_frame_is_refused_with_its_size")),
    ("1.2", "no white space, a comma after every element", Elsewhere(PROPERTIES, "any_packet_survives_a_round_trip_and_others_can_read_it")),
    ("1.2", "what cannot be saved is written as nothing, read as 0", Elsewhere(LPC, "for an object that cannot be saved")),
    ("1.2", "LF is CR on the wire, any \\x is x", Elsewhere(LPC, "sloppy_peers_are_understood")),
    (
        "1.2",
        "Samson turns CR into NUL: frames hold NULs inside",
        Reads(b"({\"tell\",5,\"A\",\"joe\",\"B\",\"ann\",\"Joe\",\"one\0two\",})\0", r#"({"tell",5,"A","joe","B","ann","Joe","onetwo",})"#),
    ),
    ("1.2", "floats of %f, up to 309 digits", Elsewhere(LPC, "numbers_are_written_as_drivers_write_them")),
    ("1.2", "a float without a point is an int, e+ and e-", Elsewhere(LPC, "FluffOS: an exponent with its sign")),
    ("1.2", "hash order, the last of a key wins, keys may be int", Elsewhere(LPC, "the_last_of_two_equal_keys_counts")),
    ("1.2", "nesting has a limit of 100", Elsewhere(LPC, "nesting_has_a_limit_and_no_stack_overflow")),
    ("1.2", "one frame mixes character sets: each string by itself", Elsewhere(PACKETS, "each_string_of_a_packet_has_its_own_character_set")),
    ("1.2", "no control characters leave", Elsewhere(TEXT, "every_control_character_is_held_back_wherever_it_stands")),
    ("1.2", "pinkfish, %%^^, malformed neighbours", Elsewhere(COLOUR, "%^YELLOW%^B_MAGENTA%^")),
    ("1.2", "ANSI and raw controls arrive", Elsewhere(COLOUR, "only_colours_are_kept_of_escape_sequences")),
    ("1.3.1", "more than 10 packets a second are a flood, a login counts 6", Elsewhere(PACER, "no_second_holds_more_than_the_limit_wherever_it_begins")),
    ("1.3.2", "a connection within a second of another is closed at once", Elsewhere(ATTEMPTS, "a_connection_closed_at_once_is_tried_again_soon_and_counts_as_a_failure_only_when_that_goes_on")),
    ("1.3.4", "the password of every startup-reply is stored", Elsewhere(LOGIN, "the_link_is_ready_once_the_password_is_durable_or_cannot_be")),
    ("1.3.4", "wrong password: a warning, or not-allowed: stop hammering", Elsewhere(ATTEMPTS, "a_refusal_in_words_is_shown_and_waited_out_longer")),
    ("1.3.5", "bad-mojo is an alarm", Elsewhere(ROUTER, "a_rival_for_the_name_and_a_refused_login_become_warnings_with_advice")),
    ("1.3.6", "blocked names get no answer", Elsewhere(ATTEMPTS, "connecting_and_the_answer_to_the_login_have_their_deadlines")),
    (
        "1.3.7",
        "mudlist ids are random: a lower one is no older",
        Play(&[
            r#"> ({"mudlist",5,"*net",0,"Alpha",0,9000000,(["One":({-1,"127.0.0.1",1,0,0,"l","b","d","t","o","e",([]),0,}),]),})"#,
            r#"> ({"mudlist",5,"*net",0,"Alpha",0,78,(["Two":({-1,"127.0.0.1",2,0,0,"l","b","d","t","o","e",([]),0,}),]),})"#,
            r#"> ({"mudlist",5,"*net",0,0,0,78,(["Three":({0,"127.0.0.1",3,0,0,"l","b","d","t","o","e",([]),0,}),]),})"#,
            r#"game > {"jsonrpc":"2.0","id":1,"method":"mudlist"}"#,
            r#"game < {"id":1,"result":{"count":4,"muds":[{"name":"One"},{"name":"Sage"},{"name":"Three","status":"down"},{"name":"Two"}]}}"#,
        ]),
    ),
    ("1.3.8", "the whole channel list each time, removed ones missing", Elsewhere(CHANLIST, "dead_souls_sends_the_whole_list_and_leaves_removed_channels_out")),
    ("1.3.9", "a redirect is opt-in and bounded", Elsewhere(ROUTER, "a_redirect_is_not_followed_unless_that_is_allowed")),
    (
        "1.3.10",
        "warning: speaking tunes in; the link stays",
        Play(&[
            r#"> ({"error",5,"*net",0,"Alpha","Ann","warning","Your mud wasn't listening to code, so I'll start you listening right now.",({"channel-m",5,"Alpha","Ann",0,0,"code","Ann","x",}),})"#,
            r#"game < {"method":"error_occurred","params":{"error_code":"warning"}}"#,
            "< nothing",
        ]),
    ),
    ("1.3.11", "the sender's own message comes back", Elsewhere("tests/scenarios/channels.txt", r#""message":"hello all","self":true"#)),
    ("1.3.12", "router verdicts on channels are reported", Elsewhere("tests/scenarios/hosting.txt", "not-allowed")),
    ("1.3.13", "a tell or a question can vanish: every question has a timeout", Elsewhere("tests/scenarios/waiting.txt", "no_answer")),
    (
        "1.3.14",
        "no error in answer to broadcasts, errors and ucache-updates",
        Play(&[
            r#"> ({"frobnicate",5,"Sage","bob",0,0,1,})"#,
            r#"> ({"error",5,"Sage",0,"Alpha",0,"unk-type","?",({"error",5,"Alpha",0,"Sage",0,"x","y",0,}),})"#,
            r#"> ({"ucache-update",5,"Sage",0,0,0,"bob","Bob",0,})"#,
            r#"> ({"ucache-update",5,"Sage",0,"Alpha",0,"bob","Bob",0,})"#,
            r#"> ({"beep",5,"Sage","bob",0,0,"Bob",})"#,
            "< nothing",
        ]),
    ),
    ("1.3.15", "user names are not verified, mud names hardly", Elsewhere(ROUTER, "a_packet_in_a_false_name_changes_nothing")),
    ("1.3.16", "keepalive: a request to oneself through the router", Elsewhere(LIVENESS, "probes_go_to_ourselves_and_are_counted")),
    ("1.3.18", "names with blanks and signs; lenient lookup", Elsewhere(MUDLIST, "names_are_found_in_any_case_and_by_prefix")),
    (
        "1.3 end",
        "routers neither check nor count ttl: a packet whose time is over is not delivered, and a text says nothing",
        Play(&[
            r#"> ({"tell",0,"Sage","bob","Alpha","ann","Bob","zero",})"#,
            r#"> ({"tell",-5,"Sage","bob","Alpha","ann","Bob","negative",})"#,
            r#"> ({"tell","x","Sage","bob","Alpha","ann","Bob","word",})"#,
            r#"game < {"params":{"message":"word"}}"#,
            "game < nothing",
        ]),
    ),
    (
        "1.3 end",
        "who-req as a broadcast",
        Play(&[
            r#"> ({"who-req",5,"Sage","bob",0,0,})"#,
            r#"< ({"who-reply",5,"Alpha",0,"Sage","bob",({}),})"#,
        ]),
    ),
];

/// The Dead Souls router, its client daemon, and what else speaks to it.
const DEAD_SOULS: &[Rule] = &[
    ("1", "no NUL", Reads(br#"({"who-req",5,"A",0,"B",0,})"#, WHO)),
    ("1", "two NULs", Reads(b"({\"who-req\",5,\"A\",0,\"B\",0,})\0\0", WHO)),
    ("1", "a newline, a CR or garbage after the value", Reads(b"({\"who-req\",5,\"A\",0,\"B\",0,})\r\n, })xyz\"", WHO)),
    ("1", "Samson's client ends with CR and no NUL", Reads(b"({\"who-req\",5,\"A\",0,\"B\",0,})\r", WHO)),
    ("1", "unparsable text costs the packet, not the connection", Dropped(b"({\"tell\",5,")),
    ("1", "no array", Dropped(b"5")),
    ("1", "an empty array", Dropped(b"({})")),
    ("1", "the first element is no string", Dropped(b"({5,5,\"A\",0,\"B\",0,})")),
    ("1", "errors carry the original packet: frames above 10,000 bytes come", Elsewhere(FRAME, "FRAME_BYTES_MAX as u32")),
    ("1", "CR LF comes back as CR CR", Elsewhere(LPC, "Dead Souls: CR LF comes back as CR CR")),
    (
        "1",
        "bytes of any character set are relayed as they are",
        Reads(b"({\"tell\",5,\"A\",\"joe\",\"B\",\"ann\",\"J\xf6e\",\"\x80\xfe\xff \xc3\xa9\",})", "({\"tell\",5,\"A\",\"joe\",\"B\",\"ann\",\"Jöe\",\"€þÿ Ã©\",})"),
    ),
    ("1", "only valid UTF-8 leaves", Elsewhere(VECTORS, "what_is_written_again_is_strict_and_means_the_same")),
    ("1", "64 bits; 2^63 and -2^63 come as -0; 007", Elsewhere(LPC, "FluffOS, for 2^63 and -2^63")),
    (
        "1",
        "-0 where a number belongs",
        Reads(br#"({"auth-mud-reply",5,"A",0,"B",0,-0,})"#, r#"({"auth-mud-reply",5,"A",0,"B",0,0,})"#),
    ),
    (
        "1",
        "beyond 64 bits: the nearest",
        Reads(
            br#"({"startup-reply",5,"*r",0,"A",0,({}),-9223372036854775809,})"#,
            r#"({"startup-reply",5,"*r",0,"A",0,({}),-9223372036854775808,})"#,
        ),
    ),
    (
        "1",
        "2^63-1 is a number",
        Reads(br#"({"auth-mud-reply",5,"A",0,"B",0,9223372036854775807,})"#, r#"({"auth-mud-reply",5,"A",0,"B",0,9223372036854775807,})"#),
    ),
    ("1", "floats as %f", Elsewhere(LPC, "Dead Souls on FluffOS 2.23")),
    ("1", "int and array keys", Elsewhere(LPC, "Dead Souls: integer and array keys")),
    ("1", "({1,,}) reads as 0", Elsewhere(LPC, "({1,,})")),
    ("1", "a class is relayed", Elsewhere(PACKETS, "(/1,/)")),
    ("1", "nesting of 90 is relayed", Elsewhere(LPC, "nesting_has_a_limit_and_no_stack_overflow")),
    ("1", "no value is 0", Elsewhere(LPC, "FluffOS, as key and as value")),
    ("2.1", "the router never speaks first", Elsewhere(ATTEMPTS, "connecting_and_the_answer_to_the_login_have_their_deadlines")),
    ("2.2", "no keepalive: detect a dead link yourself", Elsewhere(LIVENESS, "silence_is_asked_about_twice_and_then_ends_the_session")),
    ("2.3", "startup-req-1 and -2 have 18 elements, -2 with 20 is a 3", Elsewhere(PACKETS, "logins_of_three_protocols")),
    ("2.6", "refusals are silence: time out, close, back off", Elsewhere(ATTEMPTS, "connecting_and_the_answer_to_the_login_have_their_deadlines")),
    ("2.7", "the password is persisted", Elsewhere("tests/scenarios/router-comes-and-goes.txt", "the password still opens the door")),
    (
        "2.10",
        "the mudlist comes twice, then news of ourselves: none of it is news",
        Play(&[
            r#"> ({"mudlist",5,"*net",0,0,0,2,(["Sage":({-1,"127.0.0.1",4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,}),]),})"#,
            r#"> ({"mudlist",5,"*net",0,"Alpha",0,3,(["Alpha":({-1,"127.0.0.1",4000,0,0,"l","b","d","t","o","e",([]),0,}),]),})"#,
            "game < nothing",
        ]),
    ),
    (
        "2.12",
        "the router list can be empty: keep the configured router",
        Play(&[
            "again",
            r#"< ({"startup-req-3",*})"#,
            r#"> ({"startup-reply",5,"*net",0,"Alpha",0,({}),79,})"#,
            r#"game > {"jsonrpc":"2.0","id":1,"method":"status"}"#,
            r#"game < {"id":1,"result":{"connected":true,"router":{"name":"*net"}}}"#,
            "again",
            r#"< ({"startup-req-3",5,"Alpha",0,"*net",0,79,*})"#,
        ]),
    ),
    ("3.3", "a known mud that is away: silence", Elsewhere("tests/scenarios/waiting.txt", "no_answer")),
    (
        "3.3",
        "broadcasts come back to the sender",
        Play(&[
            r#"> ({"locate-req",5,"Alpha","Ann",0,0,"ann",})"#,
            r#"> ({"ucache-update",5,"Alpha",0,0,0,"ann","Ann",2,})"#,
            r#"> ({"auth-mud-req",5,"Alpha",0,"Alpha",0,})"#,
            "< nothing",
            "game < nothing",
        ]),
    ),
    (
        "3.4",
        "a packet without originator is relayed: nobody to answer",
        Play(&[
            r#"> ({"who-req",5,"","bob","Alpha",0,})"#,
            r#"> ({"finger-req",5,"",0,"Alpha",0,"zed",})"#,
            r#"> ({"frobnicate",5,"",0,"Alpha",0,1,})"#,
            "< nothing",
            "game < nothing",
        ]),
    ),
    ("3.5", "unknown types are relayed", Elsewhere("tests/scenarios/queries-in.txt", "frobnicate")),
    ("3.8", "locate-reply has 8 or 10 elements", Elsewhere(PACKETS, "8-element locate-reply of protocol 1 and 2")),
    ("3.9", "no packet but listening beside a login", Elsewhere(PACER, "what_goes_past_the_queue_counts")),
    ("3.11", "shutdown: no reply, the stream ends", Elsewhere(LEAVING, "leaving_says_goodbye_and_comes_back_or_not")),
    ("3.12", "a reconnect yields two ups and no down", Elsewhere(MUDLIST, "only_what_changed_is_reported")),
    ("4.3", "a new channel's type is ({}): read as 0", Elsewhere(PACKETS, "Dead Souls: an array for a new channel's type")),
    (
        "4.3",
        "the type ({}) in a list",
        Play(&[
            r#"> ({"chanlist-reply",5,"*net",0,"Alpha",0,9,(["new":({"Sage",({}),}),"chat":({"Sage",2,}),"word":({"Sage","1",}),]),})"#,
            r#"game > {"jsonrpc":"2.0","id":1,"method":"channel_list"}"#,
            r#"game < {"id":1,"result":{"channels":[{"name":"chat","type":2},{"name":"new","owner":"Sage","type":0},{"name":"word","type":1}]}}"#,
        ]),
    ),
    ("4.4", "no success packet for channel requests", Elsewhere("tests/scenarios/hosting.txt", "Silence is consent")),
    (
        "4.5",
        "errors about listening have target user 0",
        Play(&[
            r#"> ({"error",5,"*net",0,"Alpha",0,"not-allowed","Banned from code",({"channel-listen",5,"Alpha",0,"*net",0,"code",1,}),})"#,
            r#"game < {"method":"error_occurred","params":{"error_code":"not-allowed","error_message":"Banned from code","to_user":""}}"#,
        ]),
    ),
    ("4.5", "a listen again after a reconnect", Elsewhere("tests/scenarios/router-comes-and-goes.txt", "back again")),
    (
        "4.6",
        "a 0 or \"\" visname means the user; an empty message is allowed",
        Play(&[
            r#"> ({"channel-m",5,"Sage","bob",0,0,"chat",0,"hi",})"#,
            r#"> ({"channel-e",5,"Sage","bob",0,0,"chat","","",})"#,
            r#"game < {"method":"channel_message","params":{"visname":"bob","message":"hi"}}"#,
            r#"game < {"method":"channel_emote","params":{"visname":"bob","message":""}}"#,
        ]),
    ),
    (
        "4.6",
        "channel packets have 9 elements, [3] not empty, [4] and [5] 0",
        Play(&[
            r#"game > {"jsonrpc":"2.0","id":1,"method":"channel_send","params":{"channel":"chat","message":"x"}}"#,
            r#"< ({"channel-m",5,"Alpha","Someone",0,0,"chat","Someone","x",})"#,
        ]),
    ),
    (
        "4.7",
        "an emote without $N gets \" (from name@mud)\"",
        Play(&[
            r#"game > {"jsonrpc":"2.0","id":1,"method":"channel_emote","params":{"channel":"chat","message":"grins","from_user":"Ann"}}"#,
            r#"< ({"channel-e",5,"Alpha","Ann",0,0,"chat","Ann","$N grins",})"#,
        ]),
    ),
    (
        "4.9",
        "*giggles* at every answer to a filter request, and does it",
        Play(&[
            r#"> ({"error",5,"*net",0,"Alpha",0,"not-allowed","*giggles*",({"chan-filter-reply",5,"Alpha",0,"*net",0,"ours",({}),}),})"#,
            "game < nothing",
        ]),
    ),
    (
        "4.9",
        "a filter request is answered to the router with the packet",
        Play(&[
            r#"> ({"chan-filter-req",5,"*net",0,"Alpha",0,"ours",({"channel-m",5,"Sage","bob",0,0,"ours","Bob","x",}),})"#,
            r#"< ({"chan-filter-reply",5,"Alpha",0,"*net",0,"ours",({"channel-m",5,"Sage","bob",0,0,"ours","Bob","x",}),})"#,
        ]),
    ),
    ("4.10", "a login in the router's first seconds is forgotten: verify it", Elsewhere(LIVENESS, "ten_seconds_after_a_login_the_registration_is_checked")),
    ("5", "mudlist entries of 13, 12 and 11 fields", Elsewhere(PACKETS, "mudlist_entries_of_11_12_and_13_fields_are_read")),
    (
        "5",
        "other_data is missing",
        Reads(
            br#"({"mudlist",5,"*r",0,"A",0,1,(["M":({0,"1.2.3.4",1,2,3,"l","b","d","t","o","e",([]),}),]),})"#,
            r#"({"mudlist",5,"*r",0,"A",0,1,(["M":({0,"1.2.3.4",1,2,3,"l","b","d","t","o","e",([]),0,}),]),})"#,
        ),
    ),
    ("5", "titles in a who-reply hold colours", Elsewhere("tests/scenarios/text-formats.txt", "%^CYAN%^Fred")),
    ("5", "a level is a word or a number as text; text of several lines", Elsewhere("tests/scenarios/queries-out.txt", r#""Wizard","Plan:\rnone\r""#)),
    (
        "5",
        "DS tells have the capitalised name in [3], others lower case",
        Play(&[
            r#"game > {"jsonrpc":"2.0","id":1,"method":"who","params":{"target_mud":"Sage","from_user":"Ann","wait":true}}"#,
            r#"< ({"who-req",5,"Alpha","Ann","Sage",0,})"#,
            r#"> ({"who-reply",5,"Sage",0,"Alpha","ann",({}),})"#,
            r#"game < {"id":1,"result":{"users":[]}}"#,
        ]),
    ),
    ("5", "mail, news, file have no in-band handler", Elsewhere("tests/scenarios/queries-in.txt", r#""unk-type",*})"#)),
    (
        "6.1",
        "auth-mud-req to itself only; ours get an answer with [3] and [5] 0",
        Play(&[
            r#"> ({"auth-mud-req",5,"Sage",0,"Alpha",0,})"#,
            r#"< ({"auth-mud-reply",5,"Alpha",0,"Sage",0,*})"#,
        ]),
    ),
    ("6.2", "unk-user wraps our packet, and may mean \"not permitted\"", Elsewhere("tests/scenarios/tell-refused.txt", "no such user")),
    ("6.2", "names are looked up in lower case only", Elsewhere("tests/scenarios/queries-out.txt", r#"({"finger-req",5,"Alpha","Ann","Sage",0,"fred",})"#)),
    (
        "6.2",
        "a who too long is one row with a number",
        Play(&[
            r#"> ({"who-reply",5,"Sage",0,"Alpha","Ann",({({"Number of users: 140",0,0,}),}),})"#,
            r#"game < {"method":"who_reply","params":{"users":[{"name":"Number of users: 140","idle":0,"extra":""}]}}"#,
        ]),
    ),
    (
        "6.2",
        "unk-user about a chan-user-req has target user 0",
        Play(&[
            r#"game > {"jsonrpc":"2.0","id":1,"method":"channel_user","params":{"target_mud":"Sage","target_user":"zed"}}"#,
            r#"< ({"chan-user-req",5,"Alpha",0,"Sage",0,"zed",})"#,
            r#"> ({"error",5,"Sage",0,"Alpha",0,"unk-user","?",({"chan-user-req",5,"Alpha",0,"Sage",0,"zed",}),})"#,
            r#"game < {"id":1,"error":{"code":-32004,"data":{"reason":"unk-user"}}}"#,
        ]),
    ),
    (
        "6.3",
        "newlines are CR on the wire, both ways",
        Play(&[
            r#"> ({"tell",5,"Sage","bob","Alpha","ann","Bob","one\rtwo",})"#,
            r#"game < {"params":{"message":"one\ntwo"}}"#,
            r#"game > {"jsonrpc":"2.0","id":1,"method":"tell","params":{"target_mud":"Sage","target_user":"bob","message":"one\r\ntwo\nthree"}}"#,
            r#"< ({"tell",5,"Alpha","Someone","Sage","bob","Someone","one\rtwo\rthree",})"#,
        ]),
    ),
    ("6.4", "out-of-band as implemented", Elsewhere(PACKETS, "oob-file-error")),
    (
        "9",
        "fluffos/imud answers unk-type to every packet",
        Play(&[
            r#"> ({"error",5,"IMUD",0,"Alpha","Ann","unk-type","?",({"locate-req",5,"Alpha","Ann",0,0,"zed",}),})"#,
            r#"> ({"error",5,"IMUD",0,"Alpha",0,"unk-type","?",({"ucache-update",5,"Alpha",0,0,0,"ann","Ann",2,}),})"#,
            "game < nothing",
            "< nothing",
        ]),
    ),
    (
        "9",
        "Samson: [3] is 0, errors carry 0",
        Play(&[
            r#"> ({"tell",5,"Sage",0,"Alpha","ann","Bob","hi",})"#,
            r#"game < {"params":{"from_user":"","visname":"Bob","message":"hi"}}"#,
            r#"> ({"error",5,"Sage",0,"Alpha","Ann","unk-user","no",0,})"#,
            r#"game < {"method":"error_occurred","params":{"error_code":"unk-user"}}"#,
        ]),
    ),
    ("9", "Samson's parser: emit only \\\" and \\\\", Elsewhere("tests/src/wire.rs", "an escape that not every peer takes")),
    ("9", "LIMA sends shutdown with 0 or 1", Elsewhere(BY_HAND, "Body::Shutdown")),
];

/// A question, written strictly.
const WHO: &str = r#"({"who-req",5,"A",0,"B",0,})"#;

/// The CoffeeMud router and its client.
const COFFEEMUD: &[Rule] = &[
    ("1", "no NUL, and segments of one byte", Elsewhere("tests/tests/scenarios.rs", "(3, 1)")),
    (
        "1",
        "at most 65,536 bytes a frame: send less",
        Elsewhere(
            "tests/tests/hostile/on_the_line_port.rs",
            "a_text_that_does_not_fit_a_frame_is_refused_with_its_size",
        ),
    ),
    (
        "1",
        "less than 100 kB under way: paced",
        Elsewhere(PACER, "no_second_holds_more_than_the_limit_wherever_it_begins"),
    ),
    (
        "2",
        "the comma is mandatory, only \\\" and \\\\ are escaped",
        Elsewhere(PROPERTIES, "any_packet_survives_a_round_trip_and_others_can_read_it"),
    ),
    (
        "2",
        "an auth-mud-reply of more than 32 bits",
        Reads(
            br#"({"auth-mud-reply",5,"A",0,"B",0,123456789012,})"#,
            r#"({"auth-mud-reply",5,"A",0,"B",0,123456789012,})"#,
        ),
    ),
    (
        "2",
        "a type in any case",
        Reads(
            br#"({"TELL",5,"A","joe","B","ann","Joe","hi",})"#,
            r#"({"tell",5,"A","joe","B","ann","Joe","hi",})"#,
        ),
    ),
    (
        "3",
        "quotes are relayed without escapes",
        Play(&[
            r#"> ({"tell",5,"Sage","bob","Alpha","ann","Bob","say "hi" now",})"#,
            r#"game < {"params":{"message":"say \"hi\" now"}}"#,
        ]),
    ),
    ("3", "backslashes are relayed without escapes", Elsewhere(LPC, r"c:\new\dir")),
    (
        "3",
        "where the fields shift, the frame is dropped",
        Dropped(br#"({"tell",5,"A","joe","B","jane","Joe","he said "a","b" ok",})"#),
    ),
    (
        "3",
        "an unparsable frame is no reason to disconnect",
        Dropped(br#"({"tell",5,"A","joe","B","jane","Joe","he counted "one", 2 and 3",})"#),
    ),
    ("3", "Latin-1 of one router, UTF-8 of another", Elsewhere(TEXT, "each_string_is_utf_8_or_windows_1252")),
    (
        "3",
        "transliteration for muds that take no more",
        Elsewhere("tests/scenarios/latin-1.txt", "charset=latin-1"),
    ),
    ("3", "\"\" where a header has 0", Reads(br#"({"who-req",5,"A","","B","",})"#, WHO)),
    ("3", "extra fields are cut off", Reads(br#"({"who-req",5,"A",0,"B",0,"more",({1,}),})"#, WHO)),
    (
        "3",
        "texts that look like numbers come as numbers, \"\" as 0",
        Reads(
            br#"({"finger-reply",5,"A",0,"B","joe",123,4.5,-1,0,"x",-1,"",7,"",})"#,
            r#"({"finger-reply",5,"A",0,"B","joe","123","4.5","-1",0,"x",-1,0,"7",0,})"#,
        ),
    ),
    (
        "3",
        "idle as text",
        Reads(
            br#"({"locate-reply",5,"A",0,"B","joe","A","Jane","30","unknown",})"#,
            r#"({"locate-reply",5,"A",0,"B","joe","A","Jane",30,"unknown",})"#,
        ),
    ),
    (
        "3",
        "rows of a who-reply may be cut, or have more",
        Reads(
            br#"({"who-reply",5,"A",0,"B","joe",({({"Jane",1,"x",}),({"Bob",2,}),({"Eve",3,"y","z",}),}),})"#,
            r#"({"who-reply",5,"A",0,"B","joe",({({"Jane",1,"x",}),({"Bob",2,"",}),({"Eve",3,"y",}),}),})"#,
        ),
    ),
    (
        "3",
        "the channel of a chan-who-reply is lost",
        Elsewhere("tests/scenarios/waiting.txt", "A CoffeeMud router loses the name of the channel"),
    ),
    (
        "3",
        "the originator of a chan-user-req is lost: no reply can go back",
        Play(&[r#"> ({"chan-user-req",5,"",0,"Alpha",0,"ann",})"#, "< nothing", "game < nothing"]),
    ),
    (
        "3",
        "an error carries Java's text for a list",
        Elsewhere("tests/scenarios/errors-printed.txt", "prints the packet inside a relayed error"),
    ),
    (
        "3",
        "an error's copy of a packet has \"\" for 0",
        Play(&[
            r#"game > {"jsonrpc":"2.0","id":1,"method":"channel_add","params":{"channel":"new","from_user":"Ann"}}"#,
            r#"< ({"channel-add",5,"Alpha","Ann","*net",0,"new",0,})"#,
            r#"> ({"error",5,"*net","","Alpha","Ann","bad-channel","The channel new already exists.",({"channel-add",5,"Alpha","Ann","","","new",0,}),})"#,
            r#"game < {"id":1,"error":{"code":-32004,"data":{"reason":"bad-channel"}}}"#,
        ]),
    ),
    (
        "4",
        "the password is -1, and is to be sent again",
        Play(&[
            r#"> ({"startup-reply",5,"*net",0,"Alpha",0,({({"*net","127.0.0.1 18787",}),}),-1,})"#,
            "again",
            r#"< ({"startup-req-3",5,"Alpha",0,"*net",0,-1,*})"#,
        ]),
    ),
    (
        "4",
        "the router's name in any case",
        Play(&[
            "again",
            r#"< ({"startup-req-3",*})"#,
            r#"> ({"startup-reply",5,"*NET",0,"Alpha",0,({({"*NET","127.0.0.1 18787",}),}),-1,})"#,
            r#"game > {"jsonrpc":"2.0","id":1,"method":"status"}"#,
            r#"game < {"id":1,"result":{"connected":true}}"#,
        ]),
    ),
    (
        "4",
        "mudlists in batches under one id are merged, and deltas come before the startup-reply",
        Play(&[
            "again",
            r#"> ({"mudlist",5,"*net",0,"Alpha",0,6,(["One":({-1,"127.0.0.1",1,0,0,"l","b","d","t","o","e",([]),0,}),]),})"#,
            r#"> ({"mudlist",5,"*net",0,"Alpha",0,6,(["Two":({0,"127.0.0.1",2,0,0,"l","b","d","t","o","e",([]),0,}),]),})"#,
            r#"> ({"startup-reply",5,"*net",0,"Alpha",0,({({"*net","127.0.0.1 18787",}),}),-1,})"#,
            r#"> ({"mudlist",5,"*net",0,"Alpha",0,6,(["Sage":({-1,"127.0.0.1",4000,0,0,"l","b","d","t","o","e",([]),0,}),]),})"#,
            r#"game > {"jsonrpc":"2.0","id":1,"method":"mudlist"}"#,
            r#"game < {"id":1,"result":{"count":3}}"#,
        ]),
    ),
    (
        "4",
        "chanlist-replies in batches, empty ones at the end",
        Elsewhere(CHANLIST, "coffeemud_sends_batches_and_an_empty_one_at_the_end"),
    ),
    (
        "4",
        "an open socket may be a zombie",
        Elsewhere(LIVENESS, "silence_is_asked_about_twice_and_then_ends_the_session"),
    ),
    (
        "4",
        "a tell to oneself comes back, an auth-mud-req is eaten",
        Elsewhere(LIVENESS, "a_router_that_eats_every_probe_is_judged_by_its_socket_alone"),
    ),
    (
        "4",
        "the router's ping-req has 7 elements and needs no answer",
        Play(&[r#"> ({"ping-req",5,"*net",0,"Alpha",0,0,})"#, "< nothing", "game < nothing"]),
    ),
    (
        "4",
        "the stop is a plain FIN",
        Elsewhere("tests/scenarios/router-comes-and-goes.txt", "closed by the router"),
    ),
    (
        "4",
        "listen again after every reconnect",
        Elsewhere("tests/scenarios/router-comes-and-goes.txt", "back again"),
    ),
    (
        "5",
        "no list after a channel is added: silence is success",
        Elsewhere("tests/scenarios/hosting.txt", "Silence is consent"),
    ),
    (
        "5",
        "no echo of our own channel messages: both are possible",
        Elsewhere("tests/scenarios/channels.txt", r#""self":true"#),
    ),
    (
        "6",
        "unk-dst names the packet as it was parsed",
        Play(&[
            r#"game > {"jsonrpc":"2.0","id":1,"method":"who","params":{"target_mud":"NoSuchMud","from_user":"Ann","wait":true}}"#,
            r#"< ({"who-req",5,"Alpha","Ann","NoSuchMud",0,})"#,
            r#"> ({"error",5,"*net","","Alpha","Ann","unk-dst","Unknown mud 'NoSuchMud'",({"who-req",5,"Alpha","Ann","NoSuchMud","",}),})"#,
            r#"game < {"id":1,"error":{"data":{"reason":"unk-dst"}}}"#,
        ]),
    ),
    (
        "6",
        "ucache-update is refused with not-allowed: no news for a game",
        Play(&[
            r#"> ({"error",5,"*net","","Alpha","","not-allowed","?",({"ucache-update",5,"Alpha","","","","ann","Ann",2,}),})"#,
            "game < nothing",
        ]),
    ),
    ("6", "emoteto never crosses: a tell instead", Elsewhere("tests/scenarios/coffeemud.txt", "Ann waves.")),
    ("7", "the first login has negative ids and password", Elsewhere(BY_HAND, "old_mudlist_id: -1")),
    (
        "7",
        "no type that it does not know goes to a CoffeeMud",
        Elsewhere("tests/scenarios/beep.txt", "not_supported"),
    ),
    (
        "7",
        "chanlist-reply with 0 for the list",
        Reads(
            br#"({"chanlist-reply",5,"*r",0,"A",0,9,0,})"#,
            r#"({"chanlist-reply",5,"*r",0,"A",0,9,([]),})"#,
        ),
    ),
    ("7", "the target user of a tell is upper case: JOE", Elsewhere("tests/scenarios/coffeemud.txt", "ANN")),
    (
        "7",
        "the target mud of its shutdown is the text null",
        Elsewhere(BY_HAND, "The target is the text \"null\"."),
    ),
    (
        "7",
        "null is a name like any other, and not ours",
        Play(&[r#"> ({"who-req",5,"Sage","bob","null",0,})"#, "< nothing", "game < nothing"]),
    ),
    (
        "7",
        "a finger-reply of 14 elements keeps its last text",
        Elsewhere(VECTORS, "coffeemuds_finger_reply_without_a_level_keeps_its_last_text"),
    ),
    (
        "7",
        "errors carry 0 for the packet, tells to nobody are silent",
        Play(&[
            r#"> ({"error",5,"Sage",0,"Alpha","Ann","unk-user","no",0,})"#,
            r#"game < {"method":"error_occurred","params":{"error_code":"unk-user","to_user":"Ann"}}"#,
        ]),
    ),
    ("7", "locate of an unknown user: no reply", Elsewhere("tests/scenarios/waiting.txt", "no_answer")),
    ("8", "forged originators", Elsewhere(ROUTER, "a_packet_in_a_false_name_changes_nothing")),
];

fn rules() -> impl Iterator<Item = (String, &'static Proof)> {
    let of = |peer: &'static str, rules: &'static [Rule]| {
        rules.iter().map(move |(section, says, proof)| (format!("{peer} {section}: {says}"), proof))
    };
    of("users", USERS).chain(of("Dead Souls", DEAD_SOULS)).chain(of("CoffeeMud", COFFEEMUD))
}

#[test]
fn what_peers_write_is_read_as_it_is_meant() {
    let mut siege = Siege::default();
    let mut dropped = 0;
    for (rule, proof) in rules() {
        match proof {
            Reads(text, strict) => {
                // As a frame: what follows the text is cut off there, or passed over by the reader.
                let frame = [&(text.len() as u32).to_be_bytes()[..], text].concat();
                let text = i3_tests::vectors::text(&frame);
                let (packet, _) = Packet::decode(&text).unwrap_or_else(|error| panic!("{rule}: {error}"));
                let mut written = Vec::new();
                packet.encode(&mut written);
                assert_eq!(String::from_utf8(written).unwrap(), *strict, "{rule}");
                wire::strict_lpc(strict).unwrap_or_else(|fault| panic!("{rule}: {fault}"));
            }
            Dropped(text) => {
                siege.world.write(siege.router, &wire::mudmode_frame(text));
                dropped += 1;
                assert_eq!(siege.metrics().frames_unreadable, dropped, "{rule}");
            }
            Play(_) | Elsewhere(..) => {}
        }
    }
    siege.nobody_else_noticed();
}

#[test]
fn the_gateway_lives_with_what_peers_do() {
    for (rule, proof) in rules() {
        let Play(steps) = proof else { continue };
        for chunk in [usize::MAX >> 1, 7] {
            let mut play = Played::new(chunk);
            for step in *steps {
                play.step(step).unwrap_or_else(|fault| panic!("{rule}\n{step}\n{fault}"));
            }
            assert_eq!(play.siege.metrics().frames_unreadable, 0, "{rule}");
        }
    }
}

#[test]
fn what_is_shown_elsewhere_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (rule, proof) in rules() {
        let Elsewhere(file, needle) = proof else { continue };
        let text = std::fs::read_to_string(root.join(file))
            .unwrap_or_else(|error| panic!("{rule}: {file}: {error}"));
        let is_test =
            file.ends_with(".rs") && needle.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
        let found = if is_test { text.contains(&format!("fn {needle}(")) } else { text.contains(needle) };
        assert!(found, "{rule}: {file} does not hold {needle:?}");
    }
}

/// A gateway between a scripted router and a scripted game.
struct Played {
    siege: Siege,
    /// What the router and the game have received and were not asked about.
    sent: Vec<String>,
    told: Vec<String>,
}

/// How long something expected may take.
const PATIENCE: Duration = Duration::from_secs(8);

impl Played {
    fn new(chunk: usize) -> Self {
        let mut siege = Siege::new(chunk, |_| {});
        // What the login brought with it.
        siege.world.wait(Duration::from_secs(1));
        siege.world.received(siege.router).clear();
        siege.read(siege.bystander);
        Played { siege, sent: Vec::new(), told: Vec::new() }
    }

    fn step(&mut self, step: &str) -> Result<(), String> {
        let cr = |text: &str| text.replace("\\r", "\r").into_bytes();
        if step == "again" {
            self.siege.world.close(self.siege.router);
            self.siege.world.wait(PATIENCE);
            self.siege.router = self.siege.world.dialed("*net").ok_or("it was not dialed")?;
            self.told.clear();
            self.siege.read(self.siege.bystander);
        } else if let Some(text) = step.strip_prefix(">> ") {
            let frame = wire::mudmode_frame(&cr(text));
            let length = (frame.len() as u32 - 5).to_be_bytes();
            let bytes = [&length[..], &frame[4..frame.len() - 1]].concat();
            self.siege.world.write(self.siege.router, &bytes);
        } else if let Some(text) = step.strip_prefix("> ") {
            self.siege.world.write(self.siege.router, &wire::mudmode_frame(&cr(text)));
        } else if let Some(line) = step.strip_prefix("game > ") {
            self.siege.ask(self.siege.bystander, line);
        } else if let Some(pattern) = step.strip_prefix("game < ") {
            return self.expect(pattern, |played| &mut played.told);
        } else if let Some(pattern) = step.strip_prefix("< ") {
            return self.expect(pattern, |played| &mut played.sent);
        } else {
            return Err("not understood".to_owned());
        }
        Ok(())
    }

    fn expect(&mut self, pattern: &str, of: fn(&mut Played) -> &mut Vec<String>) -> Result<(), String> {
        for _ in 0..=PATIENCE.as_secs() {
            self.receive();
            let queue = of(self);
            if let Some(at) = queue.iter().position(|message| matches(message, pattern)) {
                queue.remove(at);
                return Ok(());
            }
            if pattern == "nothing" && !queue.is_empty() {
                break;
            }
            self.siege.world.wait(Duration::from_secs(1));
        }
        match (pattern, of(self)) {
            ("nothing", left) if left.is_empty() => Ok(()),
            (_, left) => Err(format!("received {left:#?}")),
        }
    }

    fn receive(&mut self) {
        for frame in wire::mudmode_frames(self.siege.world.received(self.siege.router)) {
            wire::strict_lpc(&frame).unwrap_or_else(|fault| panic!("{fault}"));
            // It asks itself for signs of life.
            if !frame.starts_with(r#"({"auth-mud-req",5,"Alpha",0,"Alpha","#) {
                self.sent.push(frame.replace('\r', "\\r"));
            }
        }
        let answers = self.siege.read(self.siege.bystander);
        self.told.extend(answers.iter().map(ToString::to_string));
    }
}
