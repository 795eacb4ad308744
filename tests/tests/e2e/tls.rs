//! TLS on the listeners: who is let in, what is said to whom, and what it may cost.

use crate::client::{Client, TRANSPORTS, Transport, read};
use crate::gateway::Gateway;
use crate::process::{PATIENCE, free_port, wait_for};
use crate::programs::Daemon;
use crate::router::Played;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion, version};
use serde_json::{Value as Json, json};
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

mod half_close;

for_both!(
    clients_talk_and_are_told_goodbye,
    each_kind_of_listener_can_differ,
    a_client_that_does_not_trust_the_certificate_is_counted,
    a_client_must_have_a_certificate_where_that_is_required,
    a_client_may_have_a_certificate,
    plain_text_is_answered_in_plain_text,
    tls_where_plain_text_is_spoken_is_counted,
    a_reload_takes_a_new_certificate_over_and_refuses_a_broken_one,
    a_handshake_that_takes_too_long_is_cut_off,
    rubbish_in_the_place_of_records_ends_one_connection,
    a_client_that_never_reads_holds_no_more_than_it_may,
    settings_and_files_that_cannot_be_used_are_named,
    the_tools_speak_it,
);

const DEADLINE_SECONDS: u64 = 1;

/// Somebody who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key.
struct Pair {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Each has its own name, as those of the world have.
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("Authority {}", MADE.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    fn sign(&self, name: &str) -> Pair {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        roots
    }

    /// A client that trusts it.
    fn client(&self) -> TlsClient {
        TlsClient { roots: self.roots(), shows: None, versions: vec![&version::TLS13, &version::TLS12] }
    }
}

impl Pair {
    /// Puts it where the settings of `serving` look for it.
    fn install(&self, gateway: &Gateway) {
        write_secret(&gateway.folder.path().join("key.pem"), &self.key);
        fs::write(gateway.folder.path().join("cert.pem"), &self.certificate).unwrap();
    }
}

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[derive(Clone)]
struct TlsClient {
    roots: RootCertStore,
    shows: Option<Arc<Pair>>,
    versions: Vec<&'static SupportedProtocolVersion>,
}

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

impl TlsClient {
    fn showing(&self, pair: Pair) -> TlsClient {
        TlsClient { shows: Some(Arc::new(pair)), ..self.clone() }
    }

    fn config(&self) -> ClientConfig {
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> =
            WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots.clone()), provider.clone())
                .build()
                .unwrap();
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.shows {
            None => builder.with_no_client_auth(),
            Some(pair) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        config.resumption = Resumption::disabled();
        config
    }

    /// A connection on which nothing has been said, of TLS neither.
    fn stream(&self, port: u16) -> TlsStream {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(self.config()), name).unwrap();
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        StreamOwned::new(connection, socket)
    }

    fn connect(&self, transport: Transport, port: u16) -> Client {
        let stream = self.stream(port);
        let socket = stream.sock.try_clone().unwrap();
        Client::over_wire(transport, socket, Box::new(stream)).begun()
    }

    /// One that has shown its key.
    fn game(&self, gateway: &Gateway, transport: Transport) -> Client {
        let mut client = self.connect(transport, gateway.port(transport));
        client.result("authenticate", &json!([gateway.key()]), &json!({"status": "authenticated"}));
        client
    }

    /// Why a connection does not come about.
    fn refused(&self, port: u16) -> String {
        let mut stream = self.stream(port);
        // In TLS 1.3 the server's opinion of the client comes after the handshake.
        let outcome = stream.write_all(b"\n").and_then(|()| read(&mut stream, &mut [0]));
        match outcome {
            Ok(count) => panic!("it is let in: {count}"),
            Err(error) => error.to_string(),
        }
    }

    fn page(&self, gateway: &Gateway, path: &str) -> String {
        let mut stream = self.stream(gateway.http);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        // It ends with an error unless the gateway says goodbye.
        stream.read_to_string(&mut text).unwrap();
        text
    }

    fn failures(&self, gateway: &Gateway, reason: &str) -> u64 {
        let page = self.page(gateway, "/metrics");
        let name = format!("api_tls_handshakes_failed_total{{reason=\"{reason}\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&*name)).map_or(0, |count| count.parse().unwrap())
    }

    fn counts(&self, gateway: &Gateway, reason: &str, times: u64) {
        wait_for(&format!("{times} of {reason}"), || (self.failures(gateway, reason) == times).then_some(()));
    }
}

/// A gateway with a certificate of this authority. Nobody answers at its router's address.
fn serving(daemon: Daemon, authority: &Authority, more: &Json) -> Gateway {
    serving_with(daemon, authority, ("*test", 1), more)
}

fn serving_with(daemon: Daemon, authority: &Authority, router: (&str, u16), more: &Json) -> Gateway {
    let files = json!({"enabled": true, "cert_file": "cert.pem", "key_file": "key.pem"});
    let gateway = Gateway::new(daemon, "Alpha", &[router]).with(&json!({"api": {"tls": files}})).with(more);
    authority.sign("localhost").install(&gateway);
    fs::write(gateway.folder.path().join("ca.pem"), &authority.pem).unwrap();
    gateway
}

fn clients_talk_and_are_told_goodbye(daemon: Daemon) {
    let authority = Authority::new();
    let second = free_port();
    let router = Played::listen();
    let more = json!({"gateway": {"host": "127.0.0.1", "port": second}});
    let mut gateway = serving_with(daemon, &authority, router.address(), &more).started();
    let (mut link, _) = router.log_in(7);
    link.lists();
    let client = authority.client();
    let mut games = Vec::new();
    for version in [&version::TLS12, &version::TLS13] {
        let client = TlsClient { versions: vec![version], ..client.clone() };
        assert!(client.page(&gateway, "/health/live").ends_with(r#"{"status":"alive"}"#));
        client.connect(Transport::Lines, second);
        games.extend(TRANSPORTS.map(|transport| client.game(&gateway, transport)));
    }
    for game in &mut games {
        // An answer of several records, and a request of several: an id comes back as it is.
        let methods = game.call("rpc.discover", &json!({}))["result"]["methods"].clone();
        assert!(methods.as_array().unwrap().len() > 30);
        let long = "x".repeat(60_000);
        let refused = game.call("tell", &json!(["Sage", "bob", long]));
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
        game.result("ping", &json!({}), &json!({"pong": true}));
    }
    wait_for("the link", || {
        (games[0].call("status", &json!({}))["result"]["connected"] == true).then_some(())
    });
    link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","hello",})"#);
    for game in &mut games {
        assert_eq!(game.event("tell_received")["message"], "hello");
    }
    gateway.signal("TERM");
    for game in &mut games {
        game.event("shutdown_warning");
        // A clean end: rustls makes an error of one without close_notify, and reading panics then.
        game.rest();
    }
    while link.next().is_some() {}
    assert_eq!(gateway.end().code(), Some(0));
}

fn each_kind_of_listener_can_differ(daemon: Daemon) {
    let authority = Authority::new();
    let more = json!({"api": {"websocket": {"tls": {"enabled": false}}}});
    let gateway = serving(daemon, &authority, &more).started();
    gateway.client(Transport::WebSocket);
    authority.client().game(&gateway, Transport::Lines);
    let other = Authority::new();
    let more = json!({"api": {"tcp": {"tls": {"cert_file": "other-cert.pem", "key_file": "other-key.pem"}}}});
    let mut gateway = serving(daemon, &authority, &more);
    let pair = other.sign("localhost");
    fs::write(gateway.folder.path().join("other-cert.pem"), &pair.certificate).unwrap();
    write_secret(&gateway.folder.path().join("other-key.pem"), &pair.key);
    gateway.start();
    authority.client().game(&gateway, Transport::WebSocket);
    other.client().game(&gateway, Transport::Lines);
}

fn a_client_that_does_not_trust_the_certificate_is_counted(daemon: Daemon) {
    let authority = Authority::new();
    let gateway = serving(daemon, &authority, &json!({})).started();
    let suspicious = Authority::new().client();
    for transport in TRANSPORTS {
        let error = suspicious.refused(gateway.port(transport));
        assert!(error.contains("UnknownIssuer"), "{error}");
    }
    authority.client().counts(&gateway, "refused_by_client", 2);
    gateway.logs("TLS handshake with a client failed");
    authority.client().game(&gateway, Transport::Lines);
}

fn a_client_must_have_a_certificate_where_that_is_required(daemon: Daemon) {
    let (authority, clients) = (Authority::new(), Authority::new());
    let more = json!({"api": {"tls": {"client_ca_file": "clients.pem", "require_client_cert": true}}});
    let mut gateway = serving(daemon, &authority, &more);
    fs::write(gateway.folder.path().join("clients.pem"), &clients.pem).unwrap();
    gateway.start();
    let nobody = authority.client();
    let known = nobody.showing(clients.sign("game"));
    let stranger = nobody.showing(authority.sign("game"));
    for version in [&version::TLS12, &version::TLS13] {
        let with = |client: &TlsClient| TlsClient { versions: vec![version], ..client.clone() };
        for transport in TRANSPORTS {
            let port = gateway.port(transport);
            with(&known).game(&gateway, transport);
            with(&nobody).refused(port);
            with(&stranger).refused(port);
        }
    }
    known.counts(&gateway, "no_certificate", 4);
    known.counts(&gateway, "bad_certificate", 4);
    // Its own tool has the gateway's certificate, and no other.
    let health = gateway.command().arg("healthcheck").output().unwrap();
    assert_eq!(health.status.code(), Some(0), "{health:?}");
}

fn a_client_may_have_a_certificate(daemon: Daemon) {
    let (authority, clients) = (Authority::new(), Authority::new());
    let mut gateway =
        serving(daemon, &authority, &json!({"api": {"tls": {"client_ca_file": "clients.pem"}}}));
    fs::write(gateway.folder.path().join("clients.pem"), &clients.pem).unwrap();
    gateway.start();
    let nobody = authority.client();
    nobody.game(&gateway, Transport::Lines);
    nobody.showing(clients.sign("game")).game(&gateway, Transport::Lines);
    nobody.showing(authority.sign("game")).refused(gateway.lines);
    nobody.counts(&gateway, "bad_certificate", 1);
}

fn plain_text_is_answered_in_plain_text(daemon: Daemon) {
    let authority = Authority::new();
    let gateway = serving(daemon, &authority, &json!({})).started();
    let before = authority.client().failures(&gateway, "plain_text");
    let answer = gateway.get("/health");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("speaks TLS"), "{answer}");
    let mut plain = Client::over(Transport::Lines, TcpStream::connect(("127.0.0.1", gateway.lines)).unwrap());
    plain.send(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    let answer = plain.message();
    assert_eq!(answer["error"]["message"], "this port speaks TLS: connect with TLS", "{answer}");
    assert!(plain.rest().is_empty());
    authority.client().counts(&gateway, "plain_text", before + 2);
    gateway.logs("the client plain text");
}

fn tls_where_plain_text_is_spoken_is_counted(daemon: Daemon) {
    let gateway = Gateway::new(daemon, "Alpha", &[("*test", 1)]).started();
    let client = Authority::new().client();
    for transport in TRANSPORTS {
        client.refused(gateway.port(transport));
    }
    wait_for("two to be counted", || {
        gateway.get("/metrics").contains("{reason=\"plain_listener\"} 2\n").then_some(())
    });
    gateway.logs("this listener speaks plain text, the client TLS");
    gateway.client(Transport::Lines);
}

fn a_reload_takes_a_new_certificate_over_and_refuses_a_broken_one(daemon: Daemon) {
    let (old, new) = (Authority::new(), Authority::new());
    let gateway = serving(daemon, &old, &json!({})).started();
    let mut games = TRANSPORTS.map(|transport| old.client().game(&gateway, transport));
    new.sign("localhost").install(&gateway);
    // As some editors write text.
    for file in ["cert.pem", "key.pem"] {
        let path = gateway.folder.path().join(file);
        write_secret(&path, &format!("\u{feff}{}", fs::read_to_string(&path).unwrap()));
    }
    gateway.signal("HUP");
    gateway.logs("TLS: the files were read again");
    for transport in TRANSPORTS {
        new.client().game(&gateway, transport);
        assert!(old.client().refused(gateway.port(transport)).contains("UnknownIssuer"));
    }
    for (broken, named) in [("key.pem", "api.tls.key_file"), ("cert.pem", "api.tls.cert_file")] {
        let kept = fs::read_to_string(gateway.folder.path().join(broken)).unwrap();
        let secret = "-----BEGIN PRIVATE KEY-----\nbm90aGluZyBvZiB1c2U=\nvery secret\n";
        fs::write(gateway.folder.path().join(broken), secret).unwrap();
        let before = gateway.logged("TLS: the former certificates and keys stay in use");
        gateway.signal("HUP");
        gateway.logs_times("TLS: the former certificates and keys stay in use", before + 1);
        gateway.logs(named);
        assert!(!gateway.log().contains("very secret"));
        fs::write(gateway.folder.path().join(broken), kept).unwrap();
        new.client().game(&gateway, Transport::Lines);
    }
    // The key of somebody else.
    write_secret(&gateway.folder.path().join("key.pem"), &new.sign("localhost").key);
    gateway.signal("HUP");
    gateway.logs("is not the key of the certificate in cert.pem");
    new.client().game(&gateway, Transport::WebSocket);
    // Nobody was dropped.
    for game in &mut games {
        game.result("ping", &json!({}), &json!({"pong": true}));
    }
}

/// Whether it says nothing, half of something, or a byte now and then.
fn a_handshake_that_takes_too_long_is_cut_off(daemon: Daemon) {
    let authority = Authority::new();
    let gateway =
        serving(daemon, &authority, &json!({"api": {"handshake_timeout": DEADLINE_SECONDS}})).started();
    // A record of 512 bytes, of which not all come.
    let begun = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), &[0; 100]].concat();
    let mut slow = Vec::new();
    for port in [gateway.http, gateway.lines] {
        for bytes in [b"".as_slice(), b"\x16", &begun] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(bytes).unwrap();
            stream.set_nonblocking(true).unwrap();
            slow.push((stream, bytes == begun));
        }
    }
    for (mut stream, drips) in slow {
        wait_for("a slow one to be cut off", || {
            if drips {
                let _ = stream.write(b"\0");
            }
            match stream.read(&mut [0]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Ok(0) | Err(_) => Some(()),
                Ok(_) => panic!("something was said"),
            }
        });
    }
    authority.client().counts(&gateway, "too_slow", 6);
    authority.client().game(&gateway, Transport::Lines);
}

fn rubbish_in_the_place_of_records_ends_one_connection(daemon: Daemon) {
    let authority = Authority::new();
    let gateway = serving(daemon, &authority, &json!({})).started();
    let client = authority.client();
    let mut game = client.game(&gateway, Transport::Lines);
    // A handshake message that says it has 16 MB, of which more come than are kept.
    let endless = b"\x16\x03\x01\x40\x00\x01\xff\xff\xff".iter().copied().chain([0; 16_380]);
    let handshakes = [
        // No record that there is.
        b"\x16\xff\xff\xff\xff".to_vec(),
        b"\x16\x03\x01\x00\x02\x01\x00\x99\x99\x99\x99".to_vec(),
        endless.collect::<Vec<u8>>().repeat(5),
    ];
    for bytes in &handshakes {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.lines)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(bytes);
        let mut received = Vec::new();
        if let Err(error) = stream.read_to_end(&mut received) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "not cut off: {error}");
        }
        // An alert, or nothing.
        assert!(received.is_empty() || received[0] == 21, "{received:?}");
    }
    client.counts(&gateway, "protocol", handshakes.len() as u64);
    for rubbish in
        [b"\x17\x03\x03\x00\x20".iter().copied().chain([7; 32]).collect::<Vec<u8>>(), vec![b'x'; 50_000]]
    {
        let mut broken = client.game(&gateway, Transport::Lines);
        broken.stream.write_all(&rubbish).unwrap();
        let mut end = Vec::new();
        broken.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        if let Err(error) = broken.stream.read_to_end(&mut end) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "not cut off: {error}");
        }
    }
    game.result("ping", &json!({}), &json!({"pong": true}));
}

fn a_client_that_never_reads_holds_no_more_than_it_may(daemon: Daemon) {
    const ROUNDS: usize = 45;
    const LINES: usize = 20;
    let authority = Authority::new();
    let router = Played::listen();
    let more = json!({"router": {"pacing": {"enabled": false}}});
    let gateway = serving_with(daemon, &authority, router.address(), &more).started();
    let (mut link, _) = router.log_in(7);
    link.lists();
    let client = authority.client();
    let mut reads = client.game(&gateway, Transport::Lines);
    wait_for("the link", || (reads.call("status", &json!({}))["result"]["connected"] == true).then_some(()));
    let mut never = client.game(&gateway, Transport::WebSocket);
    for game in [&mut reads, &mut never] {
        game.result("channel_join", &json!(["chat"]), &json!({"status": "joined"}));
    }
    // Seven megabytes: more than the system holds for one connection.
    let text = "x".repeat(8_000);
    for round in 0..ROUNDS {
        for line in 0..LINES {
            let packet =
                format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","{round} {line} {text}",}})"#);
            link.send(&packet);
        }
        for line in 0..LINES {
            let heard = reads.event("channel_message");
            assert!(heard["message"].as_str().unwrap().starts_with(&format!("{round} {line} ")), "{heard}");
        }
    }
    #[cfg(target_os = "linux")]
    assert!(gateway.process_status("VmHWM") < 64 * 1024, "kB");
    // When it reads at last, what it gets makes sense, and it is told how much it missed.
    let lagged = never.event("lagged");
    assert!(lagged["dropped"].as_u64().unwrap() > 0, "{lagged}");
    reads.result("ping", &json!({}), &json!({"pong": true}));
}

fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

fn settings_and_files_that_cannot_be_used_are_named(daemon: Daemon) {
    let authority = Authority::new();
    let gateway = || serving(daemon, &authority, &json!({}));
    let (code, text) = run(gateway().command().arg("--validate-config"));
    assert_eq!((code, text.trim()), (Some(0), "The settings are valid."));
    type Spoil = fn(&Path) -> io::Result<()>;
    let spoilt: [(Spoil, &str, &str); 5] = [
        (|folder| fs::remove_file(folder.join("cert.pem")), "api.tls.cert_file", "cannot be read"),
        (
            |folder| fs::write(folder.join("cert.pem"), "very secret"),
            "api.tls.cert_file",
            "no certificate in PEM",
        ),
        (
            |folder| fs::write(folder.join("key.pem"), "very secret"),
            "api.tls.key_file",
            "no private key in PEM",
        ),
        (
            |folder| fs::write(folder.join("key.pem"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nvery secret"),
            "api.tls.key_file",
            "encrypted with a password",
        ),
        (
            |folder| fs::write(folder.join("key.pem"), KeyPair::generate().unwrap().serialize_pem()),
            "api.tls.key_file",
            "is not the key of the certificate",
        ),
    ];
    for (spoil, key, what) in spoilt {
        for dry in [true, false] {
            let gateway = gateway();
            spoil(gateway.folder.path()).unwrap();
            let mut command = gateway.command();
            let (code, text) = run(if dry { command.arg("--validate-config") } else { &mut command });
            assert_eq!(code, Some(78), "EX_CONFIG: {text}");
            assert!(text.contains(key) && text.contains(what) && !text.contains("very secret"), "{text}");
        }
    }
    // What is not good, and no reason not to start.
    let readable = gateway();
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(readable.folder.path().join("key.pem"), open).unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let key = KeyPair::generate().unwrap();
    fs::write(readable.folder.path().join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(readable.folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    for how in ["--validate-config", "doctor"] {
        let (_, text) = run(readable.command().arg(how));
        assert!(text.contains("expired at 2021-01-01") && text.contains("mode 644"), "{text}");
    }
    // Settings that contradict each other.
    for (wrong, key) in [
        (json!({"api": {"tls": {"key_file": null}}}), "api.tls.key_file"),
        (json!({"api": {"tls": {"require_client_cert": true}}}), "api.tls.client_ca_file"),
        (
            json!({"api": {"auth": {"require_tls": true}, "tcp": {"host": "0.0.0.0", "tls": {"enabled": false}}}}),
            "api.auth.require_tls",
        ),
    ] {
        let (code, text) = run(&mut gateway().with(&wrong).command());
        assert!(code == Some(78) && text.contains(key), "{code:?} {text}");
    }
    let plain_at_home = json!({"api": {"auth": {"require_tls": true}, "tls": {"enabled": false}}});
    let (code, text) = run(gateway().with(&plain_at_home).command().arg("--validate-config"));
    assert_eq!(code, Some(0), "{text}");
}

fn the_tools_speak_it(daemon: Daemon) {
    let authority = Authority::new();
    let gateway = serving(daemon, &authority, &json!({})).started();
    let (code, text) = run(gateway.command().arg("healthcheck"));
    assert_eq!((code, text.trim()), (Some(0), r#"{"status":"alive"}"#));
    let (_, text) = run(gateway.command().arg("doctor"));
    assert!(
        text.contains("a gateway runs here") && text.contains("the certificate in cert.pem is valid"),
        "{text}"
    );
    // A certificate that is there already and not taken over yet does not make it ill.
    Authority::new().sign("localhost").install(&gateway);
    let (code, text) = run(gateway.command().arg("healthcheck"));
    assert_eq!(code, Some(0), "{text}");
    let lines_only = json!({"api": {"websocket": {"enabled": false}}});
    let mut command =
        serving(daemon, &authority, &lines_only).with(&json!({"api": {"tcp": {"port": gateway.lines}}}));
    command.lines = gateway.lines;
    let (code, text) = run(command.command().arg("healthcheck"));
    assert!(code == Some(0) && text.contains("i3-gateway"), "{text}");
    if daemon == Daemon::Threads {
        return;
    }
    let url = format!("wss://localhost:{}/ws", gateway.http);
    let call = |more: &[&str]| {
        let key = gateway.key();
        let mut command = Command::new(daemon.program());
        command.current_dir(gateway.folder.path()).env_clear().env("NO_PROXY", "*");
        command.args(["call", "--url", &url, "--key", &key]).args(more);
        run(command.arg("ping"))
    };
    let (code, text) = call(&["--ca", "ca.pem"]);
    assert!(code == Some(0) && text.contains("\"pong\": true"), "{text}");
    let (code, text) = call(&[]);
    assert_eq!(code, Some(69), "EX_UNAVAILABLE: {text}");
    fs::write(gateway.folder.path().join("other.pem"), Authority::new().pem).unwrap();
    let (code, text) = call(&["--ca", "other.pem"]);
    assert!(code == Some(69) && text.contains("UnknownIssuer") && text.contains("with --ca"), "{text}");
    let (code, text) = call(&["--ca", "none.pem"]);
    assert!(code == Some(64) && text.contains("none.pem"), "EX_USAGE: {text}");
}
