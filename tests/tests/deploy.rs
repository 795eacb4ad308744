//! The files of `deploy/`: what they name exists, and they agree with each other and with the program. What the tools
//! that read them say of each by itself, `deploy/check.sh` asks.

use i3_core::Gateway;
use i3_core::health::Process;
use i3_core::machine::Listener;
use i3_core::time::UnixTime;
use i3_tests::scenario::Stage;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PROGRAM: &str = "/usr/local/bin/i3-gateway";

fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

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

/// The instructions of the Dockerfile's last stage.
fn image() -> Vec<(String, String)> {
    let text = read("deploy/Dockerfile").replace("\\\n", " ");
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let last = lines.iter().rposition(|line| line.starts_with("FROM ")).expect("a stage");
    let words =
        |line: &&str| line.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.trim().to_owned()));
    lines[last..].iter().filter_map(words).collect()
}

fn instruction(name: &str) -> String {
    let mut found = image().into_iter().filter(|(found, _)| found == name);
    let (_, rest) = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "{name} comes twice");
    rest
}

fn image_environment() -> BTreeMap<String, String> {
    let all = image().into_iter().filter(|(name, _)| name == "ENV");
    all.map(|(_, rest)| rest.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap()).collect()
}

/// The ports that `config/config.yaml` gives where no variable is set: HTTP and lines.
fn ports() -> [u64; 2] {
    let config = one("config/config.yaml");
    ["websocket", "tcp"].map(|part| {
        let value = text(&config["api"][part]["port"]);
        let default = value.split_once(':').unwrap().1.trim_end_matches('}');
        default.parse().unwrap_or_else(|_| panic!("{value}"))
    })
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

/// What PromQL itself calls something, and what Prometheus adds.
const NOT_METRICS: &[&str] =
    &["and", "or", "unless", "by", "without", "offset", "on", "ignoring", "bool", "up", "ALERTS"];

/// A series that an expression names, with the matchers for its labels.
type Series = (String, Vec<(String, String, String)>);

/// The series in an expression of PromQL.
fn series(expression: &str) -> Vec<Series> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found: Vec<Series> = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            rest = rest[1..].split_once('"').expect("a closed text").1;
        } else if first == '[' {
            rest = rest.split_once(']').expect("a closed range").1;
        } else if first == '{' {
            let (inside, after) = rest[1..].split_once('}').expect("closed matchers");
            let matchers =
                inside.split(',').map(str::trim).filter(|matcher| !matcher.is_empty()).map(|matcher| {
                    let at = matcher.find(['=', '!']).unwrap_or_else(|| panic!("{matcher}"));
                    let (label, rest) = matcher.split_at(at);
                    let (operator, value) = rest.split_once('"').unwrap_or_else(|| panic!("{matcher}"));
                    (label.to_owned(), operator.to_owned(), value.trim_end_matches('"').to_owned())
                });
            found.last_mut().expect("matchers follow a name").1.extend(matchers);
            rest = after;
        } else if is_word(first) || first == '$' {
            let end = rest[1..].find(|c| !is_word(c)).map_or(rest.len(), |at| at + 1);
            let (word, after) = rest.split_at(end);
            rest = after;
            // sum(…), sum by (…) (…)
            let is_function =
                ["(", "by ", "without "].iter().any(|next| after.trim_start().starts_with(next));
            if ["by", "without", "on", "ignoring"].contains(&word) {
                // Labels.
                rest = after.split_once(')').expect("closed labels").1;
            } else if first.is_ascii_alphabetic() && !is_function {
                found.push((word.to_owned(), Vec::new()));
            }
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    found.retain(|(name, _)| !NOT_METRICS.contains(&name.as_str()));
    found
}

#[test]
fn the_reader_of_expressions_finds_each_series() {
    let matcher = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(
        series(r#"sum by (le, x) (rate(a_b{c=~"$i",d!="or"}[5m])) / 1024 > b or (c unless c offset 15m)"#),
        [
            ("a_b".to_owned(), vec![matcher("c", "=~", "$i"), matcher("d", "!=", "or")]),
            ("b".to_owned(), Vec::new()),
            ("c".to_owned(), Vec::new()),
            ("c".to_owned(), Vec::new()),
        ]
    );
    assert_eq!(series("rate(x[$__rate_interval]) > 1"), [("x".to_owned(), Vec::new())]);
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
    let explained = read("docs/MONITORING.md");
    let alerts = one("deploy/prometheus/alerts.yml");
    for alert in all_under(&alerts, "alert").into_iter().map(text) {
        assert!(explained.contains(&format!("`{alert}`")), "docs/MONITORING.md says nothing of {alert}");
    }
    let tried = one("deploy/prometheus/alerts_test.yml");
    let all = all_under(&alerts, "alert").len() as u64;
    assert!(
        all_under(&tried, "value").contains(&&Json::from(all)),
        "alerts_test.yml expects another number of alerts"
    );
}

#[test]
fn every_variable_is_one_that_the_settings_read() {
    let config = read("config/config.yaml");
    let mut variables: BTreeSet<String> = image_environment().into_keys().collect();
    let compose = one("deploy/docker-compose.yml");
    variables.extend(section(&compose["services"]["gateway"]["environment"]).map(|(name, _)| name.clone()));
    for file in ["deploy/kubernetes/i3-gateway.yaml", "deploy/kubernetes/secret.example.yaml"] {
        for document in yaml(file).iter().filter(|one| one["kind"] == "ConfigMap" || one["kind"] == "Secret")
        {
            let data = if document["kind"] == "Secret" { &document["stringData"] } else { &document["data"] };
            variables.extend(section(data).map(|(name, _)| name.clone()));
        }
    }
    let supervisor = read("deploy/supervisor/i3-gateway.conf");
    let pairs = ini(&supervisor, "environment").split(',');
    variables.extend(pairs.map(|pair| pair.split_once('=').unwrap().0.to_owned()));
    assert!(variables.len() >= 8, "{variables:?}");
    for name in &variables {
        let read = ["}", ":"].iter().any(|end| config.contains(&format!("${{{name}{end}")));
        assert!(read, "config/config.yaml reads no {name}");
    }
    // What has no default stands in both: the gateway would not start.
    for name in ["MUD_NAME", "I3_GATEWAY_SECRET"] {
        assert!(variables.contains(name), "{name}");
        assert!(read("config/.env.example").contains(&format!("\n{name}=")), "{name}");
    }
}

#[test]
fn ports_agree_and_none_is_taken_twice() {
    let [http, lines] = ports();
    assert_eq!(instruction("EXPOSE"), format!("{http} {lines}"));
    let compose = one("deploy/docker-compose.yml");
    let services = &compose["services"];
    let gateway = &services["gateway"];
    let inside = ["API_WS_PORT", "API_TCP_PORT"].map(|name| text(&gateway["environment"][name]).to_owned());
    assert_eq!(inside, [http, lines].map(|port| port.to_string()));
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
    assert!(read("deploy/nginx/i3-gateway.conf").contains(&format!("server 127.0.0.1:{http};")));

    let kubernetes = yaml("deploy/kubernetes/i3-gateway.yaml");
    let of =
        |kind: &str| kubernetes.iter().find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"));
    let container = &of("Deployment")["spec"]["template"]["spec"]["containers"][0];
    let named: BTreeMap<&str, u64> = list(&container["ports"])
        .iter()
        .map(|port| (text(&port["name"]), port["containerPort"].as_u64().unwrap()))
        .collect();
    assert_eq!(named, BTreeMap::from([("http", http), ("lines", lines)]));
    for port in list(&of("Service")["spec"]["ports"]) {
        assert_eq!(named[text(&port["targetPort"])], port["port"].as_u64().unwrap());
    }
    let annotations = &of("Deployment")["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(annotations["prometheus.io/port"], http.to_string());
}

#[test]
fn the_pages_that_are_asked_for_exist() {
    let mut stage = Stage::new(1, 4096);
    for line in ["router *net", "gateway Alpha"] {
        stage.line(line).unwrap();
    }
    let kubernetes = yaml("deploy/kubernetes/i3-gateway.yaml");
    let deployment = kubernetes.iter().find(|one| one["kind"] == "Deployment").unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let mut pages: Vec<String> = ["startupProbe", "livenessProbe", "readinessProbe"]
        .map(|probe| {
            assert_eq!(container[probe]["httpGet"]["port"], "http");
            text(&container[probe]["httpGet"]["path"]).to_owned()
        })
        .into();
    let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
    pages.push(text(&annotations["prometheus.io/path"]).to_owned());
    let scrape = one("deploy/prometheus/prometheus.yml");
    pages.extend(all_under(&scrape, "metrics_path").into_iter().map(|path| text(path).to_owned()));
    let nginx = read("deploy/nginx/i3-gateway.conf");
    let exact = nginx.lines().filter_map(|line| line.trim().strip_prefix("location = ")?.strip_suffix(" {"));
    pages.extend(exact.map(str::to_owned));
    assert!(pages.len() >= 8, "{pages:?}");
    for page in pages {
        let (status, _) = get(&mut stage, &page);
        // 426: the WebSocket asks for an upgrade.
        assert!(status == 200 || (status == 426 && page == "/ws"), "{page}: {status}");
    }
}

#[test]
fn the_image_can_be_built_from_what_is_sent_to_the_builder() {
    let cargo = read("Cargo.toml");
    let dockerfile = read("deploy/Dockerfile");
    let profile =
        dockerfile.split("--profile ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a profile");
    assert!(cargo.contains(&format!("\n[profile.{profile}]\n")), "there is no profile {profile}");
    assert!(dockerfile.contains(&format!("target/{profile}/i3-gateway")));
    let toolchain = read("rust-toolchain.toml");
    let version =
        dockerfile.split("FROM rust:").nth(1).and_then(|rest| rest.split('-').next()).expect("a version");
    assert!(
        toolchain.contains(&format!("channel = \"{version}")),
        "{version} is not what is pinned: {toolchain}"
    );
    let sent = read("deploy/Dockerfile.dockerignore");
    let members = cargo.split("members = [").nth(1).and_then(|rest| rest.split(']').next()).expect("members");
    let members: Vec<&str> = members.split('"').skip(1).step_by(2).collect();
    assert!(members.len() > 5, "{members:?}");
    for part in members.into_iter().chain(["Cargo.toml", "Cargo.lock"]) {
        assert!(sent.lines().any(|line| line == format!("!{part}")), "the builder does not get {part}");
    }
}

#[test]
fn users_and_paths_agree() {
    let user = instruction("USER");
    let (uid, gid) = user.split_once(':').expect("numbers of user and group");
    assert!(uid != "0" && gid != "0");
    let copies: Vec<_> =
        image().into_iter().filter(|(name, _)| name == "COPY").map(|(_, rest)| rest).collect();
    let state = &image_environment()["STATE_DIRECTORY"];
    assert!(
        copies
            .iter()
            .any(|copy| copy.contains(&format!("--chown={user} ")) && copy.ends_with(&format!(" {state}")))
    );
    assert!(copies.iter().any(|copy| copy.ends_with(&format!(" {PROGRAM}"))));
    // Without options the program looks for config/config.yaml where it is started.
    let directory = instruction("WORKDIR");
    assert!(copies.contains(&format!("config/config.yaml {directory}/config/config.yaml")));
    assert_eq!(instruction("VOLUME"), format!("[\"{state}\"]"));
    assert_eq!(instruction("ENTRYPOINT"), format!("[\"{PROGRAM}\"]"));
    assert!(instruction("HEALTHCHECK").ends_with(&format!("CMD [\"{PROGRAM}\", \"healthcheck\"]")));

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

    let kubernetes = yaml("deploy/kubernetes/i3-gateway.yaml");
    let pod = &kubernetes.iter().find(|one| one["kind"] == "Deployment").unwrap()["spec"];
    assert_eq!((&pod["replicas"], &pod["strategy"]["type"]), (&1.into(), &"Recreate".into()));
    let pod = &pod["template"]["spec"];
    let ids = ["runAsUser", "runAsGroup", "fsGroup"].map(|name| pod["securityContext"][name].to_string());
    assert_eq!(ids, [uid, gid, gid]);
    assert_eq!(pod["containers"][0]["volumeMounts"][0]["mountPath"], state.as_str());

    let unit = read("deploy/systemd/i3-gateway.service");
    let supervisor = read("deploy/supervisor/i3-gateway.conf");
    let name = ini(&unit, "User");
    assert_eq!(ini(&unit, "ExecStart"), ini(&supervisor, "command"));
    assert!(ini(&unit, "ExecStart").starts_with(&format!("{PROGRAM} ")));
    assert_eq!((ini(&unit, "Group"), ini(&supervisor, "user")), (name, name));
    assert!(read("deploy/systemd/i3-gateway.sysusers").contains(&format!("\nu {name} ")));
    let home = format!("/var/lib/{}", ini(&unit, "StateDirectory"));
    assert_eq!([ini(&unit, "WorkingDirectory"), ini(&supervisor, "directory")], [&home; 2]);
    assert_eq!(ini(&supervisor, "environment"), format!("STATE_DIRECTORY=\"{home}\""));
    let logrotate = read("deploy/logrotate/i3-gateway");
    assert!(logrotate.contains(&format!("\n/var/log/{}/*.log {{", ini(&unit, "LogsDirectory"))));
    assert!(
        logrotate.contains(&format!("su {name} {name}\n"))
            && logrotate.contains(&format!("create 0640 {name} {name}\n"))
    );
    // Neither starts again what cannot be mended by that.
    assert_eq!(ini(&unit, "RestartPreventExitStatus"), "64 78");
    assert_eq!(ini(&supervisor, "exitcodes"), "0,64,78");
}
