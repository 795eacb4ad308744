//! The manifests for Kubernetes: one gateway with a volume, and two that share a database.

use crate::{Image, PROGRAM, Variables, list, name_and_key, one, ports, settings, text, variables, yaml};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The manifest of one gateway.
pub(crate) const ONE: &str = "deploy/kubernetes/i3-gateway.yaml";

/// The manifest of two gateways.
const CLUSTER: &str = "deploy/kubernetes/cluster.yaml";

pub(crate) const MANIFESTS: [&str; 2] = [ONE, CLUSTER];

/// What a manifest calls by this kind.
fn of_kind(manifest: &str, kind: &str) -> Json {
    let mut documents = yaml(manifest).into_iter();
    documents.find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("{manifest} has no {kind}"))
}

fn pod_of(manifest: &str) -> Json {
    of_kind(manifest, "Deployment")["spec"]["template"].clone()
}

fn container_of(manifest: &str) -> Json {
    pod_of(manifest)["spec"]["containers"][0].clone()
}

/// The variables that its ConfigMap gives the gateway.
pub(crate) fn variables_of(manifest: &str) -> Variables {
    variables(&of_kind(manifest, "ConfigMap")["data"])
}

/// Those of two gateways, with the files of the secret in a folder of this host.
pub(crate) fn variables_of_cluster(folder: &Path) -> Variables {
    let files = yaml("deploy/kubernetes/cluster-secret.example.yaml").remove(1);
    for file in variables(&files["stringData"]).into_keys() {
        fs::write(folder.join(file), "filled in").unwrap();
    }
    let mount = container_of(CLUSTER)["volumeMounts"][0]["mountPath"].clone();
    let here = |value: String| value.replace(text(&mount), folder.to_str().unwrap());
    variables_of(CLUSTER).into_iter().map(|(name, value)| (name, here(value))).collect()
}

/// The pages that are asked for.
pub(crate) fn pages_of(manifest: &str) -> Vec<String> {
    let container = container_of(manifest);
    let probes = ["startupProbe", "livenessProbe", "readinessProbe"].map(|probe| {
        assert_eq!(container[probe]["httpGet"]["port"], "http");
        text(&container[probe]["httpGet"]["path"]).to_owned()
    });
    let metrics = text(&pod_of(manifest)["metadata"]["annotations"]["prometheus.io/path"]).to_owned();
    probes.into_iter().chain([metrics]).collect()
}

#[test]
fn ports_agree() {
    let [http, lines] = ports();
    for manifest in MANIFESTS {
        let container = container_of(manifest);
        let named: BTreeMap<&str, u64> = list(&container["ports"])
            .iter()
            .map(|port| (text(&port["name"]), port["containerPort"].as_u64().unwrap()))
            .collect();
        assert_eq!(named, BTreeMap::from([("http", http), ("lines", lines)]));
        for port in list(&of_kind(manifest, "Service")["spec"]["ports"]) {
            assert_eq!(named[text(&port["targetPort"])], port["port"].as_u64().unwrap());
        }
        let annotations = &pod_of(manifest)["metadata"]["annotations"];
        assert_eq!(annotations["prometheus.io/port"], http.to_string());
    }
}

#[test]
fn users_and_paths_agree() {
    let image = Image::inspect();
    let (uid, gid) = image.user.split_once(':').expect("numbers of user and group");
    for manifest in MANIFESTS {
        let pod = &pod_of(manifest)["spec"];
        let ids = ["runAsUser", "runAsGroup", "fsGroup"].map(|name| pod["securityContext"][name].to_string());
        assert_eq!(ids, [uid, gid, gid], "{manifest}");
    }
    let of_one = &of_kind(ONE, "Deployment")["spec"];
    assert_eq!((&of_one["replicas"], &of_one["strategy"]["type"]), (&1.into(), &"Recreate".into()));
    let state = &image.environment()["STATE_DIRECTORY"];
    assert_eq!(container_of(ONE)["volumeMounts"][0]["mountPath"], state.as_str());
}

#[test]
fn labels_select_the_pods() {
    for manifest in MANIFESTS {
        let pod = pod_of(manifest);
        let labels = &pod["metadata"]["labels"];
        assert_eq!(&of_kind(manifest, "Service")["spec"]["selector"], labels, "{manifest}");
        assert_eq!(&of_kind(manifest, "Deployment")["spec"]["selector"]["matchLabels"], labels, "{manifest}");
        // Both have the same names: one takes the place of the other.
        for document in yaml(manifest) {
            assert_eq!(document["metadata"]["name"], "i3-gateway", "{manifest}");
            assert_eq!(&document["metadata"]["labels"], labels, "{manifest}");
        }
    }
}

/// What is to be filled in is in the secrets, and nothing starts before that.
#[test]
fn secrets_are_to_be_filled_in() {
    let first = one("deploy/kubernetes/secret.example.yaml");
    let of_cluster = yaml("deploy/kubernetes/cluster-secret.example.yaml");
    assert_eq!((of_cluster.len(), &of_cluster[0]), (2, &first));
    for (name, value) in variables(&first["stringData"]) {
        assert!(name_and_key().contains_key(&name), "{name}");
        assert!(settings(&[name_and_key(), [(name, value)].into()].into_iter().flatten().collect()).is_err());
    }
    for manifest in MANIFESTS {
        let sources = &container_of(manifest)["envFrom"];
        assert_eq!(
            sources,
            &json!([{"configMapRef": {"name": "i3-gateway"}}, {"secretRef": {"name": "i3-gateway"}}])
        );
    }
    // The second secret has the files that STATE_URL and STATE_PASSWORD_FILE name, in the folder where it is mounted.
    let volume = &pod_of(CLUSTER)["spec"]["volumes"][0];
    assert_eq!(volume["secret"]["secretName"], of_cluster[1]["metadata"]["name"]);
    let mount = &container_of(CLUSTER)["volumeMounts"][0];
    assert_eq!(mount["name"], volume["name"]);
    let files = variables(&of_cluster[1]["stringData"]);
    assert!(files.values().all(String::is_empty), "{files:?}");
    let folder = text(&mount["mountPath"]);
    let mounted: BTreeSet<String> = files.keys().map(|file| format!("{folder}/{file}")).collect();
    let of_map = variables_of(CLUSTER);
    let (_, authority) = of_map["STATE_URL"].split_once("&sslrootcert=").expect("an authority");
    let named = [authority, &of_map["STATE_PASSWORD_FILE"]].map(str::to_owned);
    assert_eq!(mounted, BTreeSet::from(named));
}

/// Two pods on two hosts, of which one is always there: at an upgrade, and when hosts are emptied.
#[test]
fn one_of_two_stays() {
    let labels = &pod_of(CLUSTER)["metadata"]["labels"];
    let deployment = &of_kind(CLUSTER, "Deployment")["spec"];
    assert_eq!(deployment["replicas"], 2);
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
    assert_eq!(deployment["strategy"], rolling);
    let pod = &pod_of(CLUSTER)["spec"];
    let apart = &pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    assert_eq!(
        apart,
        &json!([{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}}])
    );
    let budget = &of_kind(CLUSTER, "PodDisruptionBudget")["spec"];
    assert_eq!((&budget["maxUnavailable"], &budget["selector"]["matchLabels"]), (&1.into(), labels));
    // A host has one pod, so its name is that of one node only.
    let container = container_of(CLUSTER);
    let name = json!([{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]);
    assert_eq!(container["env"], name);
    assert_eq!(container["lifecycle"]["preStop"]["exec"]["command"], json!([PROGRAM, "drain"]));
    // Games go to pods that are ready, and no pod has a volume that only one may use.
    assert_eq!(of_kind(CLUSTER, "Service")["spec"].get("publishNotReadyAddresses"), None);
    assert!(yaml(CLUSTER).iter().all(|document| document["kind"] != "PersistentVolumeClaim"));
}
