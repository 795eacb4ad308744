//! What the server says of itself: the welcome, the supported features, counts, help.

use super::channels::CHANNEL_BYTES_MAX;
use super::entrance::IrcDoor;
use super::history::LINES_MAX;
use super::names::{NICK_BYTES_MAX, SERVER};
use super::out::Out;
use super::talk::TARGETS_MAX;
use crate::clients::Session;
use crate::machine::ConnId;
use crate::service::Parts;
use crate::service::limits::CHANNELS_PER_SESSION_MAX;

/// The version of this gateway.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest text of `AWAY`, in bytes.
pub(super) const AWAY_BYTES_MAX: usize = 200;

/// Features in one line of 005.
const FEATURES_PER_LINE: usize = 12;

impl IrcDoor {
    /// Greets a client that has registered.
    pub(super) fn welcome(&self, parts: &Parts<'_>, conn: ConnId, out: &mut Out) {
        let source = IrcDoor::own_source(parts, conn);
        out.numeric(1, &[], &format!("Welcome to Intermud-3, {source}"));
        out.numeric(2, &[], &format!("Your host is {SERVER}, running version {VERSION}"));
        out.numeric(3, &[], "This server passes Intermud-3 on; ask *i3 for help");
        out.bare_numeric(4, &[SERVER, VERSION, "i", "nt"]);
        self.features(parts, conn, out);
        self.counts(parts, conn, out);
        out.numeric(422, &[], "MOTD File is missing");
    }

    /// Writes the supported features.
    pub(super) fn features(&self, parts: &Parts<'_>, conn: ConnId, out: &mut Out) {
        let mud = parts.clients.get(conn).and_then(Session::mud_of_key);
        let network =
            mud.map_or_else(|| "*".to_owned(), |mud| parts.muds[mud].link.router().name.replace(' ', "_"));
        let features = [
            format!("NETWORK={network}"),
            "CASEMAPPING=ascii".to_owned(),
            "CHANTYPES=#".to_owned(),
            "PREFIX=(ov)@+".to_owned(),
            "CHANMODES=b,,,nt".to_owned(),
            "MODES=1".to_owned(),
            format!("NICKLEN={NICK_BYTES_MAX}"),
            format!("CHANNELLEN={CHANNEL_BYTES_MAX}"),
            format!("CHANLIMIT=#:{CHANNELS_PER_SESSION_MAX}"),
            "TOPICLEN=300".to_owned(),
            format!("AWAYLEN={AWAY_BYTES_MAX}"),
            "LINELEN=512".to_owned(),
            format!("MAXTARGETS={TARGETS_MAX}"),
            format!(
                "TARGMAX=PRIVMSG:{TARGETS_MAX},NOTICE:{TARGETS_MAX},TAGMSG:{TARGETS_MAX},WHOIS:1,NAMES:1"
            ),
            "UTF8ONLY".to_owned(),
            format!("CHATHISTORY={LINES_MAX}"),
            "MSGREFTYPES=msgid,timestamp".to_owned(),
        ];
        for some in features.chunks(FEATURES_PER_LINE) {
            let some: Vec<&str> = some.iter().map(String::as_str).collect();
            out.numeric(5, &some, "are supported by this server");
        }
    }

    /// Writes how many users, muds and channels there are.
    pub(super) fn counts(&self, parts: &Parts<'_>, conn: ConnId, out: &mut Out) {
        let mud = parts.clients.get(conn).and_then(Session::mud_of_key);
        let (up, channels) = mud.map_or((0, 0), |mud| {
            let lists = &parts.muds[mud].lists;
            (lists.muds().online(), lists.channels().len())
        });
        let users = parts.clients.iter().filter(|(_, session)| session.person.is_some()).count();
        let text = format!("There are {users} users and 1 services here; {up} muds of the network are up");
        out.numeric(251, &[], &text);
        out.numeric(252, &["0"], "operator(s) online");
        out.numeric(254, &[&channels.to_string()], "channels formed");
        out.numeric(255, &[], &format!("I have {users} clients and {up} servers"));
        let most = parts.cx.settings.api.connections_max;
        out.numeric(
            265,
            &[&users.to_string(), &most.to_string()],
            &format!("Current local users {users}, max {most}"),
        );
    }

    /// `VERSION`.
    pub(super) fn version(&self, parts: &Parts<'_>, conn: ConnId, out: &mut Out) {
        out.numeric(351, &[&format!("i3-gateway-{VERSION}"), SERVER], "a gateway to Intermud-3");
        self.features(parts, conn, out);
    }

    /// `USERS`: the users of the client's mud that are here.
    pub(super) fn users(&self, parts: &Parts<'_>, conn: ConnId, out: &mut Out) {
        let mud = parts.clients.get(conn).and_then(Session::mud_of_key);
        out.numeric(392, &[], "UserID   Terminal  Host");
        let mut is_any = false;
        for (_, session) in parts.clients.iter().filter(|(_, session)| session.mud_of_key() == mud) {
            if let (Some(person), Some(identity)) = (&session.person, &session.identity) {
                is_any = true;
                out.numeric(393, &[], &format!("{:<8} {:<9} {}", person.user, "irc", identity.mud_name));
            }
        }
        match is_any {
            true => out.numeric(394, &[], "End of users"),
            false => out.numeric(395, &[], "Nobody logged in"),
        }
    }
}
