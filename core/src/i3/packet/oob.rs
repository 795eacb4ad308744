//! Out-of-band packets, which two muds exchange on a connection of their own, without a router.
//!
//! Frames and values are those of other packets, but there is no header: the fields follow the type. Layouts are those
//! of the published text, and of Dead Souls where it has its own (`oob-reply`, `oob-test`, `oob-file…`). The answers of
//! a news server have no type at all.

use super::error::PacketError;
use super::field::{Elements, Field, IdMapping, Mapping};
use super::header::Text;
use super::lists::FileRow;
use super::table::packets;
use super::whole::{Packet, Repairs};
use crate::i3::lpc::{self, Kind, Reader, Value};

packets! {
    /// The contents of an out-of-band packet: one variant for each type. Some Dead Souls muds are said to send
    /// `mail-ok` for `mail-ack`. It has no published layout and is read as an unknown type.
    OobBody, OOB_KINDS, OOB_SECRETS;

    /// The first packet of a connection.
    "oob-begin" => OobBegin {
        /// The mud that sends the packet.
        mud: Text<'a>,
        /// 0: without a token; 1: with a token.
        auth_type: i64,
        /// From an `auth-mud-reply`. Dead Souls does not check it.
        token: i64,
    }
    /// The last packet of a connection.
    "oob-end" => OobEnd {
        /// The mud that sends the packet. Dead Souls may send a message instead.
        mud: Text<'a>,
    }
    /// Dead Souls: the greeting of a server.
    "oob-reply" => OobReply {
        /// A text for people.
        message: Text<'a>,
    }
    /// Dead Souls: a question whether the server is there. The answer is an `oob-reply`.
    "oob-test" => OobTest {}
    /// A letter.
    "mail" => Mail {
        /// Repeated unchanged in the answer. It is a number in the published text, and a string of digits from Dead
        /// Souls.
        id: Value<'a>,
        /// `user`, or `user@Mud` from Dead Souls.
        from: Text<'a>,
        /// The recipients: users by mud.
        to: Mapping<'a, Vec<Text<'a>>>,
        /// The recipients of copies: users by mud.
        cc: Mapping<'a, Vec<Text<'a>>>,
        /// The hidden recipients, of the receiving mud only.
        bcc: Vec<Text<'a>>,
        /// Seconds since 1970; a string of digits from Dead Souls.
        sent: i64,
        /// The subject, one line.
        subject: Text<'a>,
        /// The text of the letter.
        contents: Text<'a>,
    }
    /// Confirms letters.
    "mail-ack" => MailAck {
        /// The users who could not be reached, by the id of each letter.
        failures: IdMapping<'a, Vec<Text<'a>>>,
    }
    /// A request for the contents of a directory.
    "file-list-req" => FileListReq {
        /// The mud that asks.
        mud: Text<'a>,
        /// The user who asks.
        user: Text<'a>,
        /// A path below the public read directory.
        directory: Text<'a>,
    }
    /// The contents of a directory.
    "file-list-reply" => FileListReply {
        /// The user who asked.
        user: Text<'a>,
        /// One row for each file.
        files: Vec<FileRow<'a>>,
    }
    /// Sends a file.
    "file-put" => FilePut {
        /// Repeated in the answer.
        id: i64,
        /// The mud that sends.
        mud: Text<'a>,
        /// The user who sends.
        user: Text<'a>,
        /// A path below the public write directory.
        path: Text<'a>,
        /// The contents of the whole file.
        contents: Text<'a>,
    }
    /// The answer to a `file-put`.
    "file-put-ack" => FilePutAck {
        /// The id of the request.
        id: i64,
        /// 1: success; 0: failure; -1: bad path; -2: may not be read; -3: may not be written.
        success: i64,
    }
    /// A request for a file.
    "file-get-req" => FileGetReq {
        /// Repeated in the answer.
        id: i64,
        /// The mud that asks.
        mud: Text<'a>,
        /// The user who asks.
        user: Text<'a>,
        /// A path below the public read directory.
        path: Text<'a>,
    }
    /// A file.
    "file-get-reply" => FileGetReply {
        /// The id of the request.
        id: i64,
        /// The outcome, as in a `file-put-ack`.
        success: i64,
        /// The contents of the whole file; `None` without success.
        contents: Option<Text<'a>>,
    }
    /// Dead Souls: a request for a file.
    "oob-file-req" => OobFileReq {
        /// The file, from a list of those available.
        path: Text<'a>,
    }
    /// Dead Souls: a line of a file.
    "oob-file" => OobFile {
        /// The path of the request.
        path: Text<'a>,
        /// The line's number.
        line: i64,
        /// The line's text.
        text: Text<'a>,
    }
    /// Dead Souls: the end of a file.
    "oob-file-end" => OobFileEnd {
        /// A text for people.
        message: Text<'a>,
    }
    /// Dead Souls: the file cannot be sent.
    "oob-file-error" => OobFileError {
        /// A text for people.
        message: Text<'a>,
        /// The path of the request, or `None`.
        path: Option<Text<'a>>,
    }
    /// Posts an article.
    "news-post-req" => NewsPostReq {
        /// The mud that sends.
        mud: Text<'a>,
        /// The port for players of that mud.
        player_port: i64,
        /// The newsgroup's name.
        newsgroup: Text<'a>,
        /// The article that it answers.
        thread_id: Text<'a>,
        /// The subject, one line.
        subject: Text<'a>,
        /// The author.
        poster: Text<'a>,
        /// The text of the article.
        contents: Text<'a>,
    }
    /// A request for the list of newsgroups.
    "news-grplist-req" => NewsGrplistReq {}
}

/// A packet of an out-of-band connection.
#[derive(Clone, Debug, PartialEq)]
pub enum OobPacket<'a> {
    /// The usual form, without a header.
    Plain(OobBody<'a>),
    /// `news-read-req` and `error`, which have the header of routed packets.
    WithHeader(Packet<'a>),
    /// A value without a type: an article, the number of an article, or a list of newsgroups, depending on the request.
    Untyped(Value<'a>),
}

/// The types that have a header here too.
const WITH_HEADER: &[&str] = &["news-read-req", "error"];

impl<'a> OobPacket<'a> {
    /// Decodes a packet. Returns it with the repairs that were needed.
    pub fn decode(text: &'a [u8]) -> Result<(OobPacket<'a>, Repairs), PacketError> {
        let mut reader = Reader::for_texts(text);
        if reader.peek()? == Kind::Array {
            let mut elements = Elements::open(&mut reader)?;
            match elements.packet_type() {
                Ok(kind) if WITH_HEADER.contains(&&*kind) => {
                    let (packet, repairs) = Packet::decode(text)?;
                    return Ok((OobPacket::WithHeader(packet), repairs));
                }
                Ok(kind) => {
                    let body = OobBody::read(kind, &mut elements)?;
                    elements.finish()?;
                    return Ok((OobPacket::Plain(body), Repairs::of(&reader)));
                }
                Err(PacketError::NotAPacket) => reader = Reader::for_texts(text),
                Err(error) => return Err(error),
            }
        }
        let value = reader.value()?;
        Ok((OobPacket::Untyped(value), Repairs::of(&reader)))
    }

    /// Appends the packet as text.
    pub fn encode(&self, into: &mut Vec<u8>) {
        match self {
            OobPacket::Plain(body) => {
                into.extend_from_slice(b"({");
                lpc::write_text(body.kind(), into);
                into.push(b',');
                body.write(into);
                into.extend_from_slice(b"})");
            }
            OobPacket::WithHeader(packet) => packet.encode(into),
            OobPacket::Untyped(value) => value.write_field(into),
        }
    }
}
