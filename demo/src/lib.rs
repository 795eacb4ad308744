//! `i3-gateway --demo`: a network in one process, on loopback. It consists of a router, three small muds and a gateway.
//!
//! It needs no settings and writes nothing to the disk.

use async_io::Timer;
use i3_client::{Happening, Options, Role};
use i3_commands::{Look, Watcher};
use i3_config::{DEFAULT_ENV_FILE, cli};
use i3_core::Gateway;
use i3_core::clients::keys;
use i3_core::machine::{Listener, Saved};
use i3_core::settings::{
    ApiSettings, I3Login, KeySettings, LinkSettings, MudSettings, Permissions, RouterSettings, Settings,
};
use i3_daemon::error::DaemonError;
use i3_daemon::seed::seed;
use i3_driver::clock::Clock;
use i3_driver::listen::{Bound, bind_or_free};
use i3_router::{DemoMuds, Router};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOST: &str = "127.0.0.1";
const ROUTER: &str = "*demo";
const MUD: &str = "MyMUD";
const CHANNELS: [&str; 2] = ["demo_chat", "demo_code"];

/// From where a mud may log in at the port for muds.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// How long the gateway stays on the network without a mud on that port. The demo has other clients too.
const DEMO_STAY: Duration = Duration::from_secs(365 * 86_400);

/// The interval of the checks whether the gateway is ready.
const READY_POLL: Duration = Duration::from_millis(100);

/// How long the gateway may take to log in.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The addresses of the demo, and the key of this run.
struct Addresses {
    router: u16,
    websocket: u16,
    lines: u16,
    muds: u16,
    irc: u16,
    key: String,
}

/// The machines of the demo, and its output.
///
/// A runtime drives each machine with a driver of its own, and all with one clock. Saves succeed at once.
pub struct Demo {
    /// The clock that all of them were constructed with.
    pub clock: Clock,
    /// The router, and its listener for muds.
    pub router: (Router, Vec<(Listener, Bound)>),
    /// The three small muds, which have no listener.
    pub muds: DemoMuds,
    /// The gateway, and its listeners.
    pub gateway: (Gateway, Vec<(Listener, Bound)>),
    /// The output on the terminal.
    pub show: Show,
}

impl Demo {
    /// Binds the listeners and constructs the machines.
    pub fn new() -> Result<Demo, DaemonError> {
        let listen = |port| bind_or_free(HOST, port).map_err(DaemonError::listen);
        let (router, websocket, lines) = (listen(0)?, listen(8080)?, listen(8081)?);
        let (own_muds, irc) = (listen(8790)?, listen(6667)?);
        let at = Addresses {
            router: router.port,
            websocket: websocket.port,
            lines: lines.port,
            muds: own_muds.port,
            irc: irc.port,
            key: format!("{:016x}{:016x}", seed()?, seed()?),
        };
        let clock = Clock::start();
        let network = i3_router::RouterSettings {
            name: ROUTER.to_owned(),
            address: format!("{HOST} {}", at.router),
            channels: CHANNELS.map(|name| (name.to_owned(), 0)).to_vec(),
            ..i3_router::RouterSettings::default()
        };
        let machine = Router::new(network, Saved::default(), seed()?, clock.now());
        let muds = DemoMuds::new(DemoMuds::trio(), ROUTER, HOST, at.router, seed()?, clock.now());
        let gateway = Gateway::new(settings(&at), &Saved::default(), seed()?, clock.now());
        let gateway = gateway.map_err(|error| DaemonError::Settings(error.to_string()))?;
        Ok(Demo {
            clock,
            router: (machine, vec![(Listener::Mud, router)]),
            muds,
            gateway: (
                gateway,
                vec![
                    (Listener::Http, websocket),
                    (Listener::Lines, lines),
                    (Listener::Mud, own_muds),
                    (Listener::Irc, irc),
                ],
            ),
            show: Show { at },
        })
    }
}

/// The output of the demo on the terminal.
pub struct Show {
    at: Addresses,
}

impl Show {
    /// Waits until the gateway is ready, explains the demo, and prints the events of the network until it is dropped.
    pub async fn run(self, is_ready: impl Fn() -> bool) {
        let started = Instant::now();
        while !is_ready() {
            if started.elapsed() > READY_WITHIN {
                print("The gateway did not log in at the router of the demo within 30 seconds.\n");
                return;
            }
            Timer::after(READY_POLL).await;
        }
        present(&self.at).await;
    }
}

/// Prints that the demo ends.
pub fn goodbye() {
    print("\nThe demo ends.\n");
}

fn settings(at: &Addresses) -> Settings {
    let services = ["tell", "emoteto", "channel", "who", "finger", "locate", "auth"];
    Settings {
        muds: vec![MudSettings {
            name: MUD.to_owned(),
            player_port: 4000,
            admin_email: "admin@example.org".to_owned(),
            mudlib: "demo".to_owned(),
            base_mudlib: "demo".to_owned(),
            driver: format!("i3-gateway {}", env!("CARGO_PKG_VERSION")),
            mud_type: "Demo".to_owned(),
            open_status: "demonstration".to_owned(),
            services: Arc::new(services.into_iter().map(|name| (name.to_owned(), 1)).collect()),
            routers: vec![RouterSettings {
                name: ROUTER.to_owned(),
                host: HOST.to_owned(),
                port: at.router,
                charset: i3_core::settings::Charset::Utf8,
            }],
            router_password: 0,
            channels: Vec::new(),
            i3: Some(I3Login {
                allow: LOOPBACK.iter().filter_map(|network| network.parse().ok()).collect(),
                stay: DEMO_STAY,
                ..I3Login::default()
            }),
        }],
        link: LinkSettings::default(),
        node: None,
        api: ApiSettings {
            keys: Some(vec![KeySettings {
                name: "demo".to_owned(),
                ..KeySettings::new(keys::digest(&at.key), MUD, Permissions::ALL)
            }]),
            console: i3_config::console(),
            i3_address: format!("{HOST} {}", at.muds),
            ..ApiSettings::default()
        },
    }
}

/// Explains the demo, sends one tell as a game would, and then prints the events of the network.
async fn present(at: &Addresses) {
    let trio = DemoMuds::trio();
    let (mud, user) = match trio.first().map(|mud| (mud, mud.users.first())) {
        Some((mud, Some(user))) => (mud.name.as_str(), user.name.as_str()),
        _ => return,
    };
    let url = format!("ws://{HOST}:{}/ws", at.websocket);
    let program = std::env::current_exe().map_or("i3-gateway".to_owned(), |path| shorten(&path));
    // Without the option, the client would look for settings first.
    let is_found = url == cli::DEFAULT_URL && !Path::new(DEFAULT_ENV_FILE).exists();
    let options = if is_found { String::new() } else { format!(" --url {url}") };
    print(&format!(
        "\nAn I3 network on this host: the router {ROUTER} (port {}), the muds {}, and this gateway for {MUD}.\n\n\
         \x20 WebSocket  {url}\n\
         \x20 TCP lines  {HOST}:{}\n\
         \x20 I3 muds    {HOST}:{}   (a mud named {MUD}, with any router name)\n\
         \x20 IRC        {HOST}:{}   (the key is the server password)\n\
         \x20 API key    {}   (made for this run, with all permissions)\n\n\
         In another terminal:\n\n\
         \x20 export I3_API_KEY={}\n\
         \x20 {program} watch{options}\n\
         \x20 {program} call{options} tell target_mud='{mud}' target_user={user} from_user=Me message='Hello!'\n\
         \x20 curl http://{HOST}:{}/health/ready\n\n\
         A tell goes to {user}; what follows is what a game sees. Ctrl-C ends it.\n\n",
        at.router,
        trio.iter().map(|mud| mud.name.as_str()).collect::<Vec<_>>().join(", "),
        at.lines,
        at.muds,
        at.irc,
        at.key,
        at.key,
        at.websocket,
    ));
    let options = Options {
        key: Some(at.key.clone()),
        role: Role::Observer,
        listen_only: true,
        channels: CHANNELS.map(str::to_owned).to_vec(),
        ..Options::new(url)
    };
    let (client, mut happenings, driver) = match i3_client::smol::client(options) {
        Ok(made) => made,
        Err(error) => return print(&format!("The watch failed: {error}\n")),
    };
    let mut watcher = Watcher::new(Look::of_stdout());
    let show = async {
        while let Some(happening) = happenings.next().await {
            for line in watcher.lines(&happening) {
                print(&format!("{line}\n"));
            }
            if let Happening::Disconnected { error, retry_in: None } = &happening {
                return print(&format!("The watch failed: {error}\n"));
            }
        }
    };
    let greet = async {
        // After the channels have been joined.
        Timer::after(Duration::from_secs(1)).await;
        let params = json!({"target_mud": mud, "target_user": user, "from_user": "Me", "message": "Hello, who is there?"});
        if let Err(error) = client.call_raw("tell", params, Duration::from_secs(10)).await {
            print(&format!("The tell failed: {error}\n"));
        }
        std::future::pending::<()>().await;
    };
    let carry = async {
        driver.run().await;
        std::future::pending::<()>().await;
    };
    futures_lite::future::or(show, futures_lite::future::or(greet, carry)).await;
}

/// Returns the path of this program for a shell.
fn shorten(path: &std::path::Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.as_ref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    let text = relative.display().to_string();
    if text.contains(' ') { format!("'{text}'") } else { text }
}

/// Writes to standard output. Errors are ignored, so the demo continues without a reader.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
