//! What the machines (core, router) must not name: the world outside, the system's randomness, state that is not the
//! machine's own, and conversions between character sets outside the one file that makes them.

use crate::source::mentions::{Brings, Kind, Mentions};
use crate::source::tree::File;
use std::fmt;

/// What a machine must not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Threads, locks, channels between threads.
    Thread,
    /// The monotonic clock, the wall clock.
    Clock,
    /// Files, and what else the operating system offers by name.
    File,
    /// Sockets, name resolution.
    Socket,
    /// Variables, arguments, the working directory.
    Environment,
    /// Other processes, the end of this one.
    Process,
    /// Randomness that does not come from the seed.
    Randomness,
    /// State that outlives a machine or is shared between machines.
    Global,
    /// Collections whose order differs from run to run.
    HashOrder,
    /// The standard streams, and the log.
    Console,
    /// A conversion between bytes and text.
    Charset,
}

/// A path that is banned, with what is under it.
struct Ban {
    fault: Fault,
    path: &'static str,
    /// What is allowed under the path. Where there is something, the path alone may be imported.
    except: &'static [&'static str],
    instead: &'static str,
}

const fn ban(
    fault: Fault,
    path: &'static str,
    except: &'static [&'static str],
    instead: &'static str,
) -> Ban {
    Ban { fault, path, except, instead }
}

const SEED: &str = "randomness comes from the seed given at construction";
const NO_SOCKET: &str = "a connection is a ConnId, its bytes are inputs and outputs";
const NO_FILE: &str = "durable facts come with Saved and leave with Output::Save";
const OWN_STATE: &str = "state belongs to the machine, which is owned by one driver";
const NOTICE: &str = "messages for the operator leave with Output::Notice";

/// `core::` and `alloc::` count as `std::`.
const BANS: &[Ban] = &[
    ban(Fault::Thread, "std::thread", &[], "a machine is owned by one driver, which calls it"),
    ban(Fault::Thread, "std::sync", &["Arc"], OWN_STATE),
    ban(Fault::Thread, "std::task", &[], "a machine does not wait"),
    ban(Fault::Thread, "std::future", &[], "a machine does not wait"),
    ban(Fault::Clock, "std::time", &["Duration"], "time is an input: take Now"),
    ban(Fault::File, "std::fs", &[], NO_FILE),
    ban(Fault::File, "std::path", &[], NO_FILE),
    ban(Fault::File, "std::os", &[], NO_FILE),
    ban(
        Fault::Socket,
        "std::net",
        &["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6", "AddrParseError"],
        NO_SOCKET,
    ),
    ban(Fault::Environment, "std::env", &[], "settings are an input"),
    ban(Fault::Process, "std::process", &[], "only a daemon ends or starts a process"),
    ban(Fault::Process, "std::panic", &[], "a panic is a bug and ends the program"),
    ban(Fault::Randomness, "fastrand", &["Rng"], SEED),
    ban(Fault::Randomness, "fastrand::Rng", &["with_seed"], SEED),
    ban(Fault::Randomness, "getrandom", &[], SEED),
    ban(Fault::Randomness, "rand", &[], SEED),
    ban(Fault::Randomness, "std::hash", &["Hash", "Hasher"], SEED),
    ban(Fault::Randomness, "std::random", &[], SEED),
    ban(
        Fault::HashOrder,
        "std::collections",
        &[
            "BTreeMap",
            "BTreeSet",
            "VecDeque",
            "BinaryHeap",
            "btree_map",
            "btree_set",
            "vec_deque",
            "binary_heap",
            "Bound",
        ],
        "its order differs from run to run: use BTreeMap or BTreeSet",
    ),
    ban(
        Fault::Console,
        "std::io",
        &["Read", "Write", "BufRead", "Cursor", "Error", "ErrorKind", "Result"],
        NOTICE,
    ),
    ban(Fault::Console, "log", &[], NOTICE),
];

/// Macros that are banned, by their last segment.
const MACROS: &[(&str, Fault, &str)] = &[
    ("print", Fault::Console, NOTICE),
    ("println", Fault::Console, NOTICE),
    ("eprint", Fault::Console, NOTICE),
    ("eprintln", Fault::Console, NOTICE),
    ("dbg", Fault::Console, NOTICE),
    ("thread_local", Fault::Global, OWN_STATE),
];

/// What makes a static one whose value changes, by the name of the type.
const INTERIOR: &[&str] = &["Cell", "RefCell", "OnceCell", "LazyCell", "UnsafeCell", "Mutex", "RwLock"];
/// The same by the beginning of the name: `AtomicU64`, `OnceLock`, `LazyLock`.
const INTERIOR_BEGINS: &[&str] = &["Atomic", "Once", "Lazy"];

const CHARSET: &str = "only core/src/i3/text.rs knows character sets: call it";

/// Functions and methods that convert between bytes and text, by name.
const CONVERSIONS: &[&str] = &[
    "from_utf8_lossy",
    "from_utf8_lossy_owned",
    "from_utf8_unchecked",
    "from_utf8_unchecked_mut",
    "utf8_chunks",
    "from_utf16",
    "from_utf16_lossy",
    "encode_utf16",
    "decode_utf16",
    "from_u32_unchecked",
];

/// Functions that read bytes as UTF-8 and fail on any other. They are banned where [`Charset::is_strict`] says so.
const STRICT_CONVERSIONS: &[&str] = &["from_utf8", "from_utf8_mut"];

/// What a file may do with character sets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Charset {
    /// It may convert as it likes.
    pub is_allowed: bool,
    /// It may not even read bytes as UTF-8.
    pub is_strict: bool,
}

/// A place where a machine names what it must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub fault: Fault,
    /// The file, relative to its sources.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// The path, macro or item, with the imports put in.
    pub what: String,
    /// What to do instead.
    pub instead: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { fault, file, line, what, instead } = self;
        write!(f, "{file}:{line}: {what} ({fault:?}): {instead}")
    }
}

/// Everything in a file that a machine must not name, outside tests.
pub fn check(file: &File, charset: Charset) -> Vec<Finding> {
    let mentions = Mentions::of(&file.syntax);
    let mut check = Check { file: &file.path, found: Vec::new() };
    check.imports(&mentions);
    check.paths(&mentions);
    check.statics(&mentions);
    if !charset.is_allowed {
        check.charset(&mentions, charset.is_strict);
    }
    check.found
}

struct Check<'f> {
    file: &'f str,
    found: Vec<Finding>,
}

impl Check<'_> {
    fn report(&mut self, fault: Fault, line: usize, what: String, instead: &'static str) {
        let finding = Finding { fault, file: self.file.to_owned(), line, what, instead };
        if !self.found.contains(&finding) {
            self.found.push(finding);
        }
    }

    fn imports(&mut self, mentions: &Mentions) {
        for import in &mentions.imports {
            for path in mentions.full_paths(&import.path) {
                let path = as_std(&path);
                let banned = if import.brings == Brings::All { banned_under(&path) } else { banned(&path) };
                if let Some(ban) = banned {
                    let star = if import.brings == Brings::All { "::*" } else { "" };
                    let what = format!("use {}{star}", path.join("::"));
                    self.report(ban.fault, import.line, what, ban.instead);
                }
            }
        }
    }

    fn paths(&mut self, mentions: &Mentions) {
        for mention in &mentions.mentions {
            if mention.kind == Kind::Macro {
                let last = mention.path.last().map(String::as_str).unwrap_or_default();
                if let Some((name, fault, instead)) = MACROS.iter().find(|(name, ..)| *name == last) {
                    self.report(*fault, mention.line, format!("{name}!"), instead);
                }
            }
            // The name of a method is no path, and one segment alone is a local name unless it is imported.
            if matches!(mention.kind, Kind::Method | Kind::Cast) {
                continue;
            }
            for path in mentions.full_paths(&mention.path) {
                let path = as_std(&path);
                if path.len() > 1
                    && let Some(ban) = banned(&path)
                {
                    self.report(ban.fault, mention.line, path.join("::"), ban.instead);
                }
            }
        }
    }

    fn statics(&mut self, mentions: &Mentions) {
        for item in &mentions.statics {
            let mut names = item.types.iter().filter_map(|path| path.last());
            let changes = names.any(|name| {
                INTERIOR.contains(&name.as_str())
                    || INTERIOR_BEGINS.iter().any(|begin| name.starts_with(begin))
            });
            if item.is_mutable || changes {
                self.report(Fault::Global, item.line, format!("static {}", item.name), OWN_STATE);
            }
        }
    }

    fn charset(&mut self, mentions: &Mentions, is_strict: bool) {
        let converts =
            |name: &str| CONVERSIONS.contains(&name) || (is_strict && STRICT_CONVERSIONS.contains(&name));
        for import in &mentions.imports {
            if import.path.last().is_some_and(|name| converts(name)) {
                let what = format!("use {}", import.path.join("::"));
                self.report(Fault::Charset, import.line, what, CHARSET);
            }
        }
        for mention in &mentions.mentions {
            let path: Vec<&str> = mention.path.iter().map(String::as_str).collect();
            let is_conversion = match (mention.kind, &path[..]) {
                (Kind::Cast, [.., "char"]) => true,
                (Kind::Path, [.., "char", "from" | "from_u32"]) => true,
                (_, [.., last]) => converts(last),
                _ => false,
            };
            if is_conversion {
                let what = match mention.kind {
                    Kind::Cast => format!("as {}", path.join("::")),
                    _ => path.join("::"),
                };
                self.report(Fault::Charset, mention.line, what, CHARSET);
            }
        }
    }
}

/// `core::` and `alloc::` are parts of `std::`.
fn as_std(path: &[String]) -> Vec<String> {
    let mut path = path.to_vec();
    if path.len() > 1 && ["core", "alloc"].contains(&path[0].as_str()) {
        path[0] = "std".to_owned();
    }
    path
}

fn parts(path: &str) -> Vec<&str> {
    path.split("::").collect()
}

/// The rule that a path breaks.
fn banned(path: &[String]) -> Option<&'static Ban> {
    BANS.iter().find(|ban| {
        let of = parts(ban.path);
        if path.len() < of.len() || !of.iter().zip(path).all(|(of, own)| of == own) {
            return false;
        }
        match path.get(of.len()) {
            None => ban.except.is_empty(),
            Some(next) => !ban.except.contains(&next.as_str()),
        }
    })
}

/// The rule that `path::*` breaks: anything banned is brought in by it.
fn banned_under(path: &[String]) -> Option<&'static Ban> {
    let begins = |ban: &&Ban| {
        let of = parts(ban.path);
        path.len() <= of.len() && path.iter().zip(of).all(|(own, of)| own == of)
    };
    banned(path).or_else(|| BANS.iter().find(begins))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tree::planted;

    fn faults(text: &str, charset: Charset) -> Vec<Fault> {
        let tree = planted(&[("lib.rs", text)]);
        let mut found: Vec<Fault> =
            check(&tree.files["lib.rs"], charset).into_iter().map(|finding| finding.fault).collect();
        found.sort();
        found.dedup();
        found
    }

    #[test]
    fn each_fault_is_found_in_each_spelling() {
        for (fault, texts) in [
            (
                Fault::Thread,
                &[
                    "fn f() { std::thread::spawn(|| ()); }",
                    "use std::thread as t; fn f() { t::spawn(|| ()); }",
                    "use std::thread::Builder;",
                    "use std::{fmt, thread::{self, JoinHandle}};",
                    "use ::std::thread;",
                    "struct S { lock: std::sync::Mutex<u8> }",
                    "use std::sync; fn f(x: &sync::RwLock<u8>) {}",
                    "use std::sync::mpsc::channel;",
                    "fn f() { assert!(std::thread::panicking()); }",
                ][..],
            ),
            (
                Fault::Clock,
                &[
                    "fn f() { let x = std::time::Instant::now(); }",
                    "use std::time::{Duration, SystemTime};",
                    "use std::time; fn f() { time::Instant::now(); }",
                    "fn f() -> core::time::Whatever { x }",
                    "use std as s; fn f() { s::time::UNIX_EPOCH; }",
                    "use std::time::*;",
                ],
            ),
            (
                Fault::File,
                &[
                    "use std::fs::*;",
                    "use std::{fs, net::IpAddr};",
                    "fn f() { vec![std::fs::read(x)]; }",
                    "macro_rules! m { () => { ::std::fs::File::open(x) } }",
                    "macro_rules! m { () => { use std::fs::{read, write}; } }",
                    "impl S { fn f() { mod inner { fn g() { std::fs::remove_file(x); } } } }",
                    "const F: fn() = std::os::unix::fs::symlink;",
                    "#[derive(std::fs::Derived)] struct S;",
                    "fn f(x: &std::path::Path) {}",
                    "extern crate std as s; fn f() { s::fs::read(x); }",
                ],
            ),
            (
                Fault::Socket,
                &["use std::net::TcpStream;", "fn f(x: impl std::net::ToSocketAddrs) {}", "use std::net::*;"],
            ),
            (Fault::Environment, &["fn f() { std::env::var(x); }", "use std::env::args as a;"]),
            (Fault::Process, &["fn f() { std::process::exit(1) }", "use std::process::Command;"]),
            (
                Fault::Randomness,
                &[
                    "fn f() { fastrand::u8(..); }",
                    "fn f() { fastrand::Rng::new(); }",
                    "use fastrand::Rng; fn f() { Rng::default(); }",
                    "use std::hash::RandomState;",
                    "fn f() { rand::random::<u8>(); getrandom::fill(x); }",
                ],
            ),
            (
                Fault::Global,
                &[
                    "static mut X: u8 = 0;",
                    "thread_local! { static X: u8 = 0; }",
                    "static X: core::cell::OnceCell<u8> = x;",
                    "static X: [Holder<AtomicU8>; 2] = x;",
                    "fn f() { static X: LazyCell<u8> = x; }",
                ],
            ),
            (
                Fault::HashOrder,
                &[
                    "use std::collections::HashMap;",
                    "fn f(x: &std::collections::HashSet<u8>) {}",
                    "use std::collections as c; type T = c::HashMap<u8, u8>;",
                    "use std::collections::*;",
                    "fn f() { for x in std::collections::hash_map::HashMap::<u8, u8>::new() {} }",
                ],
            ),
            (
                Fault::Console,
                &[
                    "fn f() { println!(\"x\") }",
                    "fn f() { if x { std::eprintln!() } }",
                    "fn f() { assert!(dbg!(true)); }",
                    "use std::io::stdout;",
                    "use std::io; fn f() { io::stdin(); }",
                    "fn f() { log::warn!(\"x\"); }",
                ],
            ),
            (
                Fault::Charset,
                &[
                    "fn f() { String::from_utf8_lossy(x); }",
                    "use std::str::from_utf8_unchecked as g;",
                    "fn f() { x as char; }",
                    "fn f() { format!(\"{}\", x as char); }",
                    "fn f() { x.map(char::from); }",
                    "fn f() { <char as From<u8>>::from(x); }",
                    "fn f() { std::char::from_u32(x); }",
                    "fn f() { x.encode_utf16(); }",
                    "fn f() { assert!(x.utf8_chunks().next()); }",
                ],
            ),
        ] {
            for text in texts {
                assert!(
                    faults(text, Charset::default()).contains(&fault),
                    "{fault:?} is not found in {text}"
                );
                let hidden = format!("#[cfg(test)] mod tests {{ {text} }}");
                assert_eq!(faults(&hidden, Charset::default()), [], "{hidden}");
            }
        }
    }

    #[test]
    fn what_is_pure_is_let_pass() {
        let text =
            "use std::{collections::{BTreeMap, btree_map::Entry}, io::{self, Write}, time::Duration, net};
             use std::sync::Arc; use crate::time::Instant; use fastrand::Rng;
             fn f(x: &net::IpAddr, now: Instant, y: fastrand::Rng) -> io::Result<()> {
                 let z = Rng::with_seed(1); Instant::now_is_fine(); std::str::from_utf8(b); x.log::<u8>();
                 let thread = 1; let fs = thread; assert_eq!(fs, thread); write!(z, \"std::fs::read\")
             }
             static TABLE: &[(&str, u8)] = &[]; /* std::fs */ // std::thread
             mod log { pub fn it() {} } fn g() { self::log::it() }";
        assert_eq!(faults(text, Charset::default()), []);
    }

    #[test]
    fn character_sets_may_be_allowed_or_wholly_forbidden() {
        let [text, utf8] = ["fn f() { String::from_utf8_lossy(x); }", "fn f() { std::str::from_utf8(x); }"];
        assert_eq!(faults(text, Charset { is_allowed: true, is_strict: false }), []);
        assert_eq!(faults(utf8, Charset { is_allowed: false, is_strict: true }), [Fault::Charset]);
        assert_eq!(faults(utf8, Charset::default()), []);
    }

    #[test]
    fn a_finding_says_where_and_what_to_do() {
        let tree = planted(&[("lib.rs", "use std::fs as f;\n\nfn g() {\n    f::read(x);\n}\n")]);
        let found = check(&tree.files["lib.rs"], Charset::default());
        assert_eq!(found[1].to_string(), format!("lib.rs:4: std::fs::read (File): {NO_FILE}"));
        assert_eq!(found[0].line, 1);
    }
}
