//! Out-of-band packets: what two muds say to each other on a connection of their own, without a router between.
//!
//! Frames and values are the same, but there is no header: the fields follow the type. Layouts are those of the published
//! text, and of Dead Souls where it has its own (`oob-reply`, `oob-test`, `oob-file…`). The answers of a news server
//! have no type at all.

use super::error::PacketError;
use super::field::{Elements, Field, IdMapping, Mapping};
use super::header::Text;
use super::lists::FileRow;
use super::table::packets;
use super::whole::{Packet, Repairs};
use crate::i3::lpc::{self, Kind, Reader, Value};

packets! {
    /// What an out-of-band packet says: one variant for each type. `mail-ok`, which some Dead Souls muds are said to
    /// send for `mail-ack`, has no published layout and is kept as it is.
    OobBody, OOB_KINDS, OOB_SECRETS;

    /// The first packet of a connection.
    "oob-begin" => OobBegin {
        /// The mud that speaks.
        mud: Text<'a>,
        /// 0 without, 1 with a token.
        auth_type: i64,
        /// From an `auth-mud-reply`. Dead Souls does not look at it.
        token: i64,
    }
    /// The last packet of a connection.
    "oob-end" => OobEnd {
        /// The mud that speaks; from Dead Souls also a message.
        mud: Text<'a>,
    }
    /// Dead Souls: the greeting of a server.
    "oob-reply" => OobReply {
        /// For people.
        message: Text<'a>,
    }
    /// Dead Souls: are you there? The answer is an `oob-reply`.
    "oob-test" => OobTest {}
    /// A letter.
    "mail" => Mail {
        /// Named in the answer as it is: a number in the published text, a string of digits from Dead Souls.
        id: Value<'a>,
        /// `user`, or `user@Mud` from Dead Souls.
        from: Text<'a>,
        /// Mud to its users.
        to: Mapping<'a, Vec<Text<'a>>>,
        /// The same.
        cc: Mapping<'a, Vec<Text<'a>>>,
        /// Users of the receiving mud only.
        bcc: Vec<Text<'a>>,
        /// Seconds since 1970; a string of digits from Dead Souls.
        sent: i64,
        /// One line.
        subject: Text<'a>,
        /// Many lines.
        contents: Text<'a>,
    }
    /// Letters have arrived.
    "mail-ack" => MailAck {
        /// The id of each, and whom it did not reach.
        failures: IdMapping<'a, Vec<Text<'a>>>,
    }
    /// What is in a directory?
    "file-list-req" => FileListReq {
        /// The mud that asks.
        mud: Text<'a>,
        /// The user who asks.
        user: Text<'a>,
        /// Below the directory that all may read.
        directory: Text<'a>,
    }
    /// What is in a directory.
    "file-list-reply" => FileListReply {
        /// The user who asked.
        user: Text<'a>,
        /// One row a file.
        files: Vec<FileRow<'a>>,
    }
    /// Take a file.
    "file-put" => FilePut {
        /// Named in the answer.
        id: i64,
        /// The mud that sends.
        mud: Text<'a>,
        /// The user who sends.
        user: Text<'a>,
        /// Below the directory that all may write.
        path: Text<'a>,
        /// All of it.
        contents: Text<'a>,
    }
    /// Whether a file was taken.
    "file-put-ack" => FilePutAck {
        /// That of the request.
        id: i64,
        /// 1 yes, 0 no, -1 bad path, -2 may not be read, -3 may not be written.
        success: i64,
    }
    /// Give a file.
    "file-get-req" => FileGetReq {
        /// Named in the answer.
        id: i64,
        /// The mud that asks.
        mud: Text<'a>,
        /// The user who asks.
        user: Text<'a>,
        /// Below the directory that all may read.
        path: Text<'a>,
    }
    /// A file.
    "file-get-reply" => FileGetReply {
        /// That of the request.
        id: i64,
        /// As in a `file-put-ack`.
        success: i64,
        /// All of it; nothing without success.
        contents: Option<Text<'a>>,
    }
    /// Dead Souls: give a file.
    "oob-file-req" => OobFileReq {
        /// From a list of what may be had.
        path: Text<'a>,
    }
    /// Dead Souls: a line of a file.
    "oob-file" => OobFile {
        /// That of the request.
        path: Text<'a>,
        /// Its number.
        line: i64,
        /// The line.
        text: Text<'a>,
    }
    /// Dead Souls: that was the file.
    "oob-file-end" => OobFileEnd {
        /// For people.
        message: Text<'a>,
    }
    /// Dead Souls: no file.
    "oob-file-error" => OobFileError {
        /// For people.
        message: Text<'a>,
        /// That of the request, or nothing.
        path: Option<Text<'a>>,
    }
    /// Take an article.
    "news-post-req" => NewsPostReq {
        /// The mud that sends.
        mud: Text<'a>,
        /// Where its players connect.
        player_port: i64,
        /// Its name.
        newsgroup: Text<'a>,
        /// The article it answers.
        thread_id: Text<'a>,
        /// One line.
        subject: Text<'a>,
        /// Who wrote it.
        poster: Text<'a>,
        /// Many lines.
        contents: Text<'a>,
    }
    /// Which newsgroups are there?
    "news-grplist-req" => NewsGrplistReq {}
}

/// A packet of an out-of-band connection.
#[derive(Clone, Debug, PartialEq)]
pub enum OobPacket<'a> {
    /// The usual form, without a header.
    Plain(OobBody<'a>),
    /// `news-read-req` and `error`, which have the header of packets that go through a router.
    WithHeader(Packet<'a>),
    /// A value without a type: an article, the number of an article, or a list of newsgroups, by what was asked.
    Untyped(Value<'a>),
}

/// The types that have a header also here.
const WITH_HEADER: &[&str] = &["news-read-req", "error"];

impl<'a> OobPacket<'a> {
    /// Reads a packet, and says what had to be mended.
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
