//! How a link knows that its session lives, as it is shown.

/// How the link knows that its session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// There is no session.
    NotConnected,
    /// No probe has come back yet in this session.
    NotProbed,
    /// A probe has come back in this session.
    AnswersProbes,
    /// The router drops probes. The session counts as alive as long as its connection is open.
    NoAnswers,
}

impl Liveness {
    /// Every one.
    pub const ALL: [Liveness; 4] =
        [Liveness::NotConnected, Liveness::NotProbed, Liveness::AnswersProbes, Liveness::NoAnswers];

    /// As clients show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Liveness::NotConnected => "not connected",
            Liveness::NotProbed => "not yet probed",
            Liveness::AnswersProbes => "answers probes",
            Liveness::NoAnswers => "answers no probe; judged by the socket alone",
        }
    }
}
