//! `--demo`: a whole network in one process, on loopback: a router, three small muds, and a gateway before them.
//!
//! Nothing is written to disk, and nothing is asked for.

use crate::client::{self, Wanted};
use crate::clock::Clock;
use crate::daemon::{DaemonError, seed};
use crate::driver::{Command, Driver};
use crate::listen::{Bound, bind_or_free};
use crate::signals::{Request, Signals};
use async_io::Timer;
use i3_config::{DEFAULT_ENV_FILE, cli};
use i3_core::Gateway;
use i3_core::machine::{Listener, Machine, Saved};
use i3_core::session::keys;
use i3_core::settings::{
    ApiSettings, KeySettings, LinkSettings, MudSettings, Permissions, RouterSettings, Settings,
};
use i3_router::{DemoMuds, Router};
use serde_json::json;
use smol::LocalExecutor;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

const HOST: &str = "127.0.0.1";
const ROUTER: &str = "*demo";
const MUD: &str = "MyMUD";
const CHANNELS: [&str; 2] = ["demo_chat", "demo_code"];

/// How often the demo asks itself whether the gateway is ready.
const READY_POLL: Duration = Duration::from_millis(100);

/// How long the gateway may take to log in.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Where the demo listens, and the key made for this run.
struct Addresses {
    router: u16,
    websocket: u16,
    lines: u16,
    key: String,
}

/// Runs the demo until SIGINT or SIGTERM.
pub fn run() -> Result<(), DaemonError> {
    let listen = |port| bind_or_free(HOST, port).map_err(|error| DaemonError::Listen(error.to_string()));
    let (router, websocket, lines) = (listen(0)?, listen(8080)?, listen(8081)?);
    let at = Addresses {
        router: router.port,
        websocket: websocket.port,
        lines: lines.port,
        key: format!("{:016x}{:016x}", seed()?, seed()?),
    };
    let clock = Clock::start();
    let network = i3_router::RouterSettings {
        name: ROUTER.to_owned(),
        address: format!("{HOST} {}", at.router),
        channels: CHANNELS.map(|name| (name.to_owned(), 0)).to_vec(),
        ..i3_router::RouterSettings::default()
    };
    let router =
        drive(Router::new(network, Saved::default(), seed()?, clock.now()), clock, [(Listener::Mud, router)]);
    let muds = DemoMuds::new(DemoMuds::trio(), ROUTER, HOST, at.router, seed()?, clock.now());
    let muds = drive(muds, clock, []);
    let gateway = Gateway::new(settings(&at), &Saved::default(), seed()?, clock.now());
    let gateway = gateway.map_err(|error| DaemonError::Settings(error.to_string()))?;
    let gateway = drive(gateway, clock, [(Listener::Http, websocket), (Listener::Lines, lines)]);

    let mut signals = Signals::new().map_err(|error| DaemonError::System(format!("signals: {error}")))?;
    let ends: Vec<_> = [&router.commands(), &muds.commands(), &gateway.commands()].map(Clone::clone).into();
    let ready = gateway.handle();
    let executor = Rc::new(LocalExecutor::new());
    let drivers = [executor.spawn(router.run()), executor.spawn(muds.run()), executor.spawn(gateway.run())];
    let show = executor.spawn(async move {
        let started = clock.now().mono;
        while !ready.with(|gateway, _| gateway.is_ready()).unwrap_or(true) {
            if clock.now().mono.since(started) > READY_WITHIN {
                say("The gateway could not log in at the demo's router within 30 seconds.\n");
                return;
            }
            Timer::after(READY_POLL).await;
        }
        present(&at).await;
    });
    smol::block_on(executor.run(async {
        while let Ok(Request::Reload) = signals.next().await {}
        say("\nThe demo ends.\n");
        drop(show);
        // The gateway says goodbye to the router, so it goes first.
        for end in ends.iter().rev() {
            let _ = end.send(Command::Shutdown).await;
        }
        for driver in drivers {
            driver.await;
        }
    }));
    Ok(())
}

/// A driver for a machine whose saves are good at once: the demo keeps nothing.
fn drive<M: Machine + 'static>(
    machine: M,
    clock: Clock,
    listeners: impl IntoIterator<Item = (Listener, Bound)>,
) -> Driver<M> {
    let mut driver = Driver::new(machine, clock).on_notice(i3_config::log::record);
    for (on, bound) in listeners {
        driver = driver.listen(on, None, bound.listeners);
    }
    let commands = driver.commands();
    driver.on_save(move |ticket, _| drop(commands.try_send(Command::Saved { ticket, outcome: Ok(()) })))
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
            services: services.into_iter().map(|name| (name.to_owned(), 1)).collect(),
            routers: vec![RouterSettings {
                name: ROUTER.to_owned(),
                host: HOST.to_owned(),
                port: at.router,
                charset: i3_core::settings::Charset::Utf8,
            }],
            router_password: 0,
            channels: Vec::new(),
        }],
        link: LinkSettings::default(),
        api: ApiSettings {
            keys: Some(vec![KeySettings {
                digest: keys::digest(&at.key),
                mud_name: MUD.to_owned(),
                permissions: Permissions::ALL,
                requests_per_minute: None,
            }]),
            ..ApiSettings::default()
        },
    }
}

/// Says what there is, sends one tell as a game would, and then shows what happens on the network.
async fn present(at: &Addresses) {
    let trio = DemoMuds::trio();
    let (mud, user) = match trio.first().map(|mud| (mud, mud.users.first())) {
        Some((mud, Some(user))) => (mud.name.as_str(), user.name.as_str()),
        _ => return,
    };
    let url = format!("ws://{HOST}:{}/ws", at.websocket);
    let program = std::env::current_exe().map_or("i3-gateway".to_owned(), |path| shorten(&path));
    // Without the option the client asks the settings first.
    let is_found = url == cli::DEFAULT_URL && !Path::new(DEFAULT_ENV_FILE).exists();
    let options = if is_found { String::new() } else { format!(" --url {url}") };
    say(&format!(
        "\nAn I3 network on this host: the router {ROUTER} (port {}), the muds {}, and this gateway for {MUD}.\n\n\
         \x20 WebSocket  {url}\n\
         \x20 TCP lines  {HOST}:{}\n\
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
        at.key,
        at.key,
        at.websocket,
    ));
    let greet = async {
        // After `watch` has joined.
        Timer::after(Duration::from_secs(1)).await;
        let params = json!({"target_mud": mud, "target_user": user, "from_user": "Me", "message": "Hello, who is there?"});
        if let Err(error) = client::call(client::At::new(&url, Some(&at.key)), "tell", params).await {
            say(&format!("The tell failed: {error}\n"));
        }
        std::future::pending::<()>().await;
    };
    let channels = CHANNELS.map(str::to_owned);
    let mut out = std::io::stdout();
    let watch = async {
        let at = client::At::new(&url, Some(&at.key));
        if let Err(error) = client::watch(at, Wanted::Channels(&channels), &mut out).await {
            say(&format!("Watching ended: {error}\n"));
        }
    };
    futures_lite::future::or(watch, greet).await;
}

/// The path of this program as a person would type it.
fn shorten(path: &std::path::Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.as_ref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    let text = relative.display().to_string();
    if text.contains(' ') { format!("'{text}'") } else { text }
}

/// Writes to standard output; if nobody reads it, the demo goes on.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
