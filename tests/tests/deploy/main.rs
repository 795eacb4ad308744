//! The files of `deploy/`: what they name exists, and they agree with each other and with the program. The settings are
//! read by the program's own reader, and the Dockerfile by `deploy/image-rootfs.sh`, which CI also runs to build and start
//! the image. What the tools that read the other files say of each by itself, `deploy/check.sh` asks.

#![cfg(unix)]

mod kubernetes;
mod promql;

use i3_config::{Config, Sources};
use i3_core::Gateway;
use i3_core::health::Process;
use i3_core::machine::Listener;
use i3_core::time::UnixTime;
use i3_tests::scenario::Stage;
use i3_tests::source::workspace::{packages, root as tree};
use promql::series;
use pulldown_cmark::{Event, Parser};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PROGRAM: &str = "/usr/local/bin/i3-gateway";

fn read(path: &str) -> String {
    fs::read_to_string(tree().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a YAML file.
fn yaml(path: &str) -> Vec<Json> {
    let text = read(path);
    let documents = serde_yaml::Deserializer::from_str(&text).map(Json::deserialize);
    documents.map(|document| document.unwrap_or_else(|error| panic!("{path}: {error}"))).collect()
}

fn one(path: &str) -> Json {
    let mut documents = yaml(path);
    assert_eq!(documents.len(), 1, "{path}");
    documents.remove(0)
}

fn json(path: &str) -> Json {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn list(value: &Json) -> &[Json] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

fn section(value: &Json) -> impl Iterator<Item = (&String, &Json)> {
    value.as_object().unwrap_or_else(|| panic!("no section: {value}")).iter()
}

/// Every value under a name, however deep.
fn under<'j>(value: &'j Json, name: &str, found: &mut Vec<&'j Json>) {
    match value {
        Json::Object(entries) => entries.iter().for_each(|(key, value)| {
            if key == name {
                found.push(value);
            }
            under(value, name, found);
        }),
        Json::Array(items) => items.iter().for_each(|item| under(item, name, found)),
        _ => {}
    }
}

fn all_under<'j>(value: &'j Json, name: &str) -> Vec<&'j Json> {
    let mut found = Vec::new();
    under(value, name, &mut found);
    found
}

/// The one value of a setting of an INI file, such as a systemd unit.
fn ini<'t>(text: &'t str, name: &str) -> &'t str {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = values.next().unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(values.next(), None, "{name} comes twice");
    value
}

/// What the Dockerfile says, as `deploy/image-rootfs.sh --inspect` prints it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    /// The base of each stage.
    stages: Vec<String>,
    /// What is run in the stages before the last.
    commands: Vec<String>,
    user: String,
    working_dir: String,
    env: Vec<String>,
    exposed_ports: Vec<String>,
    volumes: Vec<String>,
    healthcheck: Vec<String>,
    entrypoint: Vec<String>,
}

impl Image {
    fn inspect() -> Image {
        Image::of(Command::new(tree().join("deploy/image-rootfs.sh")).arg("--inspect"))
    }

    /// Its file system is laid out in a folder, with an empty file for the program.
    fn laid_out(folder: &Path) -> Image {
        let mut script = Command::new(tree().join("deploy/image-rootfs.sh"));
        Image::of(script.arg("--inspect").arg("--keep").arg(folder))
    }

    fn of(script: &mut Command) -> Image {
        let output = script.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn environment(&self) -> Variables {
        self.env
            .iter()
            .map(|pair| pair.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap())
            .collect()
    }
}

/// Variables of an environment.
type Variables = BTreeMap<String, String>;

/// What has no default.
fn name_and_key() -> Variables {
    let pairs = [("MUD_NAME", "YourMUD"), ("I3_GATEWAY_SECRET", "0123456789abcdef0123456789abcdef")];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The settings that the shipped file gives with these variables, or what is wrong with them. Each must be read.
fn settings(variables: &Variables) -> Result<Config, String> {
    let env: String = variables.iter().map(|(name, value)| format!("{name}=\"{value}\"\n")).collect();
    let config = i3_config::load(Sources {
        yaml_text: Some(("config/config.yaml".to_owned(), read("config/config.yaml"))),
        env_file_text: Some((".env".to_owned(), env)),
        process_env: BTreeMap::new(),
    });
    let config =
        config.map_err(|problems| problems.0.iter().map(|one| one.text() + "\n").collect::<String>())?;
    let unread = config.warnings.iter().find(|warning| variables.contains_key(&warning.path));
    assert!(unread.is_none(), "no setting is read from this variable: {unread:?}");
    Ok(config)
}

/// The port of a kind of listener.
fn port(config: &Config, listener: Listener) -> u64 {
    let found = config.listeners.iter().find(|at| at.listener == listener);
    found.unwrap_or_else(|| panic!("nothing listens for {listener:?}")).port.into()
}

/// The ports where no variable is set: HTTP and lines.
fn ports() -> [u64; 2] {
    let config = settings(&name_and_key()).unwrap();
    [Listener::Http, Listener::Lines].map(|listener| port(&config, listener))
}

fn variables(section_of: &Json) -> Variables {
    section(section_of).map(|(name, value)| (name.clone(), text(value).to_owned())).collect()
}

#[test]
fn every_file_parses() {
    let mut folders = vec![tree().join("deploy")];
    let mut parsed = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(tree()).unwrap().to_str().unwrap().to_owned();
            match path.extension().and_then(|end| end.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("yml" | "yaml") => parsed += yaml(&name).len(),
                Some("json") => parsed += usize::from(json(&name).is_object()),
                _ => {}
            }
        }
    }
    assert!(parsed >= 10, "{parsed}");
}

/// A page of metrics: the names of its samples, and the labels of each that has some.
struct Page {
    samples: BTreeSet<String>,
    labels: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

/// What a gateway with a router and two games shows.
fn scrape() -> Page {
    let mut stage = Stage::new(1, 4096);
    for line in ["router *net", "gateway Alpha", "client a Alpha lines", "client b Alpha websocket"] {
        stage.line(line).unwrap();
    }
    let one = Some(1);
    let process = Process {
        resident_bytes: one,
        virtual_bytes: one,
        open_files: one,
        open_files_max: one,
        threads: one,
        cpu: Some(Duration::from_secs(1)),
        started: Some(UnixTime::default()),
        ..Process::default()
    };
    stage.world.with("Alpha", |gateway: &mut Gateway, now| gateway.report(now, process));
    let page = get(&mut stage, "/metrics").1;
    let mut found = Page { samples: BTreeSet::new(), labels: BTreeMap::new() };
    for line in page.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            // A family may have no sample yet.
            let ends: &[&str] = if kind == "histogram" { &["_bucket", "_count", "_sum"] } else { &[""] };
            found.samples.extend(ends.iter().map(|end| format!("{name}{end}")));
        } else if let Some((name, rest)) = line.split_once('{').filter(|_| !line.starts_with('#')) {
            let labels = found.labels.entry(name.to_owned()).or_default();
            let (set, _) = rest.rsplit_once('}').unwrap();
            for (label, value) in set.split("\",").filter_map(|pair| pair.split_once("=\"")) {
                labels.entry(label.to_owned()).or_default().insert(value.trim_end_matches('"').to_owned());
            }
        }
    }
    found
}

fn get(stage: &mut Stage, path: &str) -> (u16, String) {
    let script = stage.world.connect("Alpha", Listener::Http).unwrap();
    stage.world.write(script, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
    let answer = String::from_utf8(std::mem::take(stage.world.received(script))).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn every_metric_that_dashboard_and_alerts_name_exists() {
    let page = scrape();
    let dashboard = json("deploy/grafana/dashboards/i3-gateway.json");
    let alerts = one("deploy/prometheus/alerts.yml");
    let tries = one("deploy/prometheus/alerts_test.yml");
    let mut expressions: Vec<&str> = Vec::new();
    for (value, name) in [(&dashboard, "expr"), (&alerts, "expr"), (&tries, "series")] {
        let found = all_under(value, name);
        assert!(found.len() > 10, "{name}: {}", found.len());
        expressions.extend(found.into_iter().map(text));
    }
    // label_values(metric, label)
    let queries: Vec<&str> = list(&dashboard["templating"]["list"])
        .iter()
        .filter_map(|one| one["query"]["query"].as_str())
        .collect();
    assert_eq!(queries.len(), 2);
    expressions.extend(queries.iter().map(|query| query.rsplit_once(", ").expect("a label").0));
    let added = ["instance", "job", "le"];
    for expression in expressions {
        let expression = expression.strip_prefix("label_values(").unwrap_or(expression);
        for (name, matchers) in series(expression) {
            assert!(page.samples.contains(&name), "{name} is not on the page of metrics: {expression}");
            let Some(labels) = page.labels.get(&name) else { continue };
            for (label, _, value) in matchers.iter().filter(|(label, ..)| !added.contains(&label.as_str())) {
                let values =
                    labels.get(label).unwrap_or_else(|| panic!("{name} has no label {label}: {expression}"));
                // Of a family whose members are all there from the start.
                if name == "i3_packets_dropped_total" {
                    assert!(
                        value.split('|').all(|value| values.contains(value)),
                        "{value} is none of {values:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_panels_have_their_own_places_and_the_provisioned_source() {
    let dashboard = json("deploy/grafana/dashboards/i3-gateway.json");
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in list(&dashboard["panels"]) {
        assert!(ids.insert(panel["id"].as_u64()), "{panel}");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= 24, "{panel}");
        for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(place), "{} lies on another panel", panel["title"]);
        }
    }
    let source = &one("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"][0];
    let variable = &dashboard["templating"]["list"][0];
    assert_eq!((&variable["query"], &variable["current"]["value"]), (&source["type"], &source["uid"]));
    for uid in all_under(&dashboard, "uid").into_iter().map(text) {
        assert!(["${datasource}", "-- Grafana --", "i3-gateway"].contains(&uid), "{uid}");
    }
}

#[test]
fn each_alert_is_explained() {
    let document = read("docs/MONITORING.md");
    let explained: BTreeSet<String> = Parser::new(&document)
        .filter_map(|event| match event {
            Event::Code(text) => Some(text.into_string()),
            _ => None,
        })
        .collect();
    let alerts = one("deploy/prometheus/alerts.yml");
    for alert in all_under(&alerts, "alert").into_iter().map(text) {
        assert!(explained.contains(alert), "docs/MONITORING.md does not explain {alert}");
    }
    let tried = one("deploy/prometheus/alerts_test.yml");
    let all = all_under(&alerts, "alert").len() as u64;
    assert!(
        all_under(&tried, "value").contains(&&Json::from(all)),
        "alerts_test.yml expects another number of alerts"
    );
}

#[test]
fn each_way_to_deploy_gives_settings_that_a_gateway_starts_with() {
    let image = Image::inspect().environment();
    let [http, lines] = ports();
    let compose = one("deploy/docker-compose.yml");
    let compose = variables(&compose["services"]["gateway"]["environment"]);
    let kubernetes = kubernetes::variables_of(kubernetes::ONE);
    let supervisor = read("deploy/supervisor/i3-gateway.conf");
    let pairs = ini(&supervisor, "environment").split(',').map(|pair| pair.split_once('=').unwrap());
    let supervisor =
        pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect();
    let secrets = tempfile::tempdir().unwrap();
    for (what, of_image, own) in [
        ("image", true, Variables::new()),
        ("compose", true, compose),
        ("Kubernetes", true, kubernetes.clone()),
        ("Kubernetes, two nodes", true, kubernetes::variables_of_cluster(secrets.path())),
        ("supervisor", false, supervisor),
    ] {
        let mut all = name_and_key();
        all.extend(of_image.then(|| image.clone()).into_iter().flatten());
        all.extend(own);
        let config = settings(&all).unwrap_or_else(|problems| panic!("{what}: {problems}"));
        assert_eq!([Listener::Http, Listener::Lines].map(|one| port(&config, one)), [http, lines], "{what}");
        assert_eq!(config.state_directory, Path::new(&all["STATE_DIRECTORY"]), "{what}");
        // In a container every address is its own; who reaches it is said outside.
        let everywhere = config.listeners.iter().all(|at| at.host == "0.0.0.0");
        assert_eq!(everywhere, of_image, "{what}: {:?}", config.listeners);
    }
    // The name and the key are to be filled in, and nothing starts before that.
    assert!(kubernetes.contains_key("MUD_NAME"));
    for missing in name_and_key().into_keys() {
        let mut rest = name_and_key();
        rest.remove(&missing);
        assert!(settings(&rest).is_err(), "{missing} has a default");
    }
}

#[test]
fn ports_agree_and_none_is_taken_twice() {
    let [http, lines] = ports();
    assert_eq!(Image::inspect().exposed_ports, [http, lines].map(|port| port.to_string()));
    let compose = one("deploy/docker-compose.yml");
    let services = &compose["services"];
    let mut published = BTreeMap::new();
    for (name, service) in section(services) {
        for port in list(&service["ports"]).iter().map(text) {
            // ADDRESS:OUTSIDE:INSIDE, the first two perhaps with a variable: ${NAME:-default}.
            let plain = port.split("${").fold(String::new(), |plain, part| match part.split_once('}') {
                Some((variable, after)) => plain + variable.split_once(":-").expect("a default").1 + after,
                None => plain + part,
            });
            let [address, outside, inside] = plain.split(':').collect::<Vec<_>>()[..] else {
                panic!("{port}")
            };
            assert_eq!(address, "127.0.0.1", "{port}");
            let other = published.insert(outside.to_owned(), name.clone());
            assert_eq!(other, None, "{outside} is published twice");
            if name == "gateway" {
                assert!([http, lines].contains(&inside.parse().unwrap()), "{port}");
            }
        }
    }
    assert_eq!(published.len(), 4);

    let scrape = one("deploy/prometheus/prometheus.yml");
    assert_eq!(all_under(&scrape, "targets"), [&Json::from(vec![format!("gateway:{http}")])]);
    let source = one("deploy/grafana/provisioning/datasources/prometheus.yml");
    assert_eq!(all_under(&source, "url"), ["http://prometheus:9090"]);
    assert_eq!(published["9090"], "prometheus");
    let nginx = read("deploy/nginx/i3-gateway.conf");
    let servers = words_after(&nginx, &["server"]).filter(|word| word.contains(':'));
    assert_eq!(servers.collect::<Vec<_>>(), [format!("127.0.0.1:{http};")]);
}

#[test]
fn the_pages_that_are_asked_for_exist() {
    let mut stage = Stage::new(1, 4096);
    for line in ["router *net", "gateway Alpha"] {
        stage.line(line).unwrap();
    }
    let mut pages: Vec<String> = kubernetes::MANIFESTS.into_iter().flat_map(kubernetes::pages_of).collect();
    let scrape = one("deploy/prometheus/prometheus.yml");
    pages.extend(all_under(&scrape, "metrics_path").into_iter().map(|path| text(path).to_owned()));
    let nginx = read("deploy/nginx/i3-gateway.conf");
    pages.extend(words_after(&nginx, &["location", "="]).map(str::to_owned));
    assert!(pages.len() >= 12, "{pages:?}");
    for page in pages {
        let (status, _) = get(&mut stage, &page);
        // 426: the WebSocket asks for an upgrade.
        assert!(status == 200 || (status == 426 && page == "/ws"), "{page}: {status}");
    }
}

/// The word after each run of these words, wherever comments let it be read.
fn words_after<'t>(text: &'t str, before: &[&str]) -> impl Iterator<Item = &'t str> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let found = words.windows(before.len() + 1).filter(|words| words.starts_with(before));
    found.map(|words| words[words.len() - 1]).collect::<Vec<_>>().into_iter()
}

#[test]
fn the_image_can_be_built_from_what_is_sent_to_the_builder() {
    let image = Image::inspect();
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let builds: Vec<&String> = image.commands.iter().filter(|line| line.contains("cargo build")).collect();
    assert_eq!(builds.len(), 1, "{builds:?}");
    let profile = words_after(builds[0], &["--profile"]).next().expect("a profile");
    assert!(manifest["profile"].as_table().unwrap().contains_key(profile), "there is no profile {profile}");
    assert!(builds[0].contains(&format!(" target/{profile}/i3-gateway ")), "{builds:?}");
    // The compiler that is pinned.
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().unwrap();
    let pinned = toolchain["toolchain"]["channel"].as_str().unwrap();
    let base = image.stages[0].strip_prefix("rust:").and_then(|rest| rest.split('-').next());
    assert!(base.is_some_and(|base| pinned.starts_with(base)), "{:?} is not {pinned}", image.stages);
    let sent = read("deploy/Dockerfile.dockerignore");
    let members = packages().into_iter().map(|package| package.folder);
    for part in members.chain(["Cargo.toml", "Cargo.lock"].map(str::to_owned)) {
        assert!(sent.lines().any(|line| line == format!("!{part}")), "the builder does not get {part}");
    }
}

#[test]
fn the_image_has_what_its_program_reads() {
    let folder = tempfile::tempdir().unwrap();
    let image = Image::laid_out(folder.path());
    let inside = |path: &str| folder.path().join(path.trim_start_matches('/'));
    assert_eq!(image.entrypoint, [PROGRAM]);
    assert_eq!(image.healthcheck, [PROGRAM, "healthcheck"]);
    assert!(inside(PROGRAM).is_file());
    // Without options the program looks for its settings where it is started.
    let settings = inside(&image.working_dir).join(i3_config::DEFAULT_CONFIG_FILE);
    assert_eq!(fs::read_to_string(settings).unwrap(), read("config/config.yaml"));
    let state = image.environment()["STATE_DIRECTORY"].clone();
    assert_eq!(image.volumes, [state.as_str()]);
    assert!(inside(&state).is_dir());
}

#[test]
fn users_and_paths_agree() {
    let image = Image::inspect();
    let (uid, gid) = image.user.split_once(':').expect("numbers of user and group");
    assert!(uid != "0" && gid != "0");
    let state = &image.environment()["STATE_DIRECTORY"];
    let compose = one("deploy/docker-compose.yml");
    let gateway = &compose["services"]["gateway"];
    assert_eq!(gateway["environment"]["STATE_DIRECTORY"], state.as_str());
    assert_eq!(gateway["volumes"][0], format!("state:{state}"));
    for volume in all_under(&compose["services"], "volumes").into_iter().flat_map(list).map(text) {
        let source = volume.split(':').next().unwrap();
        match source.strip_prefix("./") {
            Some(path) => assert!(tree().join("deploy").join(path).is_dir(), "{volume}"),
            None => assert!(compose["volumes"].as_object().unwrap().contains_key(source), "{volume}"),
        }
    }
    let provider = one("deploy/grafana/provisioning/dashboards/i3-gateway.yml");
    let dashboards = text(&provider["providers"][0]["options"]["path"]);
    let grafana = &compose["services"]["grafana"];
    assert!(list(&grafana["volumes"]).contains(&format!("./grafana/dashboards:{dashboards}:ro").into()));
    let home = text(&grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]);
    let name = home.strip_prefix(dashboards).expect("a dashboard that is mounted");
    assert!(tree().join(format!("deploy/grafana/dashboards{name}")).is_file());
    assert!(list(&one("deploy/prometheus/prometheus.yml")["rule_files"]).contains(&"alerts.yml".into()));

    let unit = read("deploy/systemd/i3-gateway.service");
    let supervisor = read("deploy/supervisor/i3-gateway.conf");
    let name = ini(&unit, "User");
    assert_eq!(ini(&unit, "ExecStart"), ini(&supervisor, "command"));
    assert!(ini(&unit, "ExecStart").starts_with(&format!("{PROGRAM} ")));
    assert_eq!((ini(&unit, "Group"), ini(&supervisor, "user")), (name, name));
    let sysusers = read("deploy/systemd/i3-gateway.sysusers");
    assert_eq!(words_after(&sysusers, &["u"]).collect::<Vec<_>>(), [name]);
    let home = format!("/var/lib/{}", ini(&unit, "StateDirectory"));
    assert_eq!([ini(&unit, "WorkingDirectory"), ini(&supervisor, "directory")], [&home; 2]);
    assert_eq!(ini(&supervisor, "environment"), format!("STATE_DIRECTORY=\"{home}\""));
    let logrotate = read("deploy/logrotate/i3-gateway");
    let logs = format!("/var/log/{}/*.log", ini(&unit, "LogsDirectory"));
    assert!(logrotate.split_whitespace().any(|word| word == logs), "{logs}");
    for before in [&["su"][..], &["create", "0640"]] {
        let user: Vec<&str> = words_after(&logrotate, before).collect();
        assert_eq!(user, [name], "{before:?}");
    }
    // Neither starts again what cannot be mended by that.
    assert_eq!(ini(&unit, "RestartPreventExitStatus"), "64 78");
    assert_eq!(ini(&supervisor, "exitcodes"), "0,64,78");
    // supervisor heeds the exit codes of a program that has run for so long.
    assert_eq!(ini(&supervisor, "startsecs"), "0");
    // logrotate tells the gateway under either of them.
    for told in ["systemctl reload i3-gateway", "supervisorctl signal HUP i3-gateway"] {
        assert!(logrotate.contains(told), "{told}");
    }
}
