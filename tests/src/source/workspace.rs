//! The packages of this workspace, as cargo sees them.

use crate::source::tree::{Tree, read_texts};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A direct dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The name of the package.
    pub name: String,
    /// The name under which the code knows it, if it is another.
    pub rename: Option<String>,
    /// Whether it is only for tests, examples and benchmarks, or for a build script.
    pub is_normal: bool,
    /// Whether its default features are on.
    pub uses_default_features: bool,
}

/// A member of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// As its manifest says.
    pub name: String,
    /// Relative to the root of the workspace, such as `core`.
    pub folder: String,
    /// Its library and its programs: the name of the crate, and the file relative to `src`. A program may have the name
    /// of the library, so its own begins with `bin:`.
    pub roots: Vec<(String, String)>,
    /// Its direct dependencies.
    pub dependencies: Vec<Dependency>,
}

impl Package {
    /// Where its sources are, relative to the root of the workspace.
    pub fn sources(&self) -> String {
        format!("{}/src", self.folder)
    }

    /// Its library and programs, parsed.
    ///
    /// # Panics
    ///
    /// If a file cannot be read or does not parse.
    pub fn tree(&self) -> Tree {
        let texts = read_texts(&root().join(self.sources())).unwrap_or_else(|error| panic!("{error}"));
        Tree::parse(&texts, &self.roots).unwrap_or_else(|error| panic!("{}/{error}", self.sources()))
    }
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace").to_owned()
}

/// A command of cargo in the root of the workspace, which reaches for nothing on the network.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).arg("--offline").arg("--locked");
    cargo
}

/// The members of the workspace, in the order of cargo.
///
/// # Panics
///
/// If cargo does not run, or its answer is not what it documents.
pub fn packages() -> Vec<Package> {
    let output = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let of = Path::new(text(&metadata["workspace_root"])).to_owned();
    list(&metadata["packages"]).iter().map(|package| read(package, &of)).collect()
}

/// The members that make up the programs: all but the tests and the benchmarks.
pub fn shipped_packages() -> Vec<Package> {
    packages()
        .into_iter()
        .filter(|package| !["tests", "benches"].contains(&package.folder.as_str()))
        .collect()
}

/// The member in a folder.
///
/// # Panics
///
/// If there is none.
pub fn package(folder: &str) -> Package {
    let found = packages().into_iter().find(|package| package.folder == folder);
    found.unwrap_or_else(|| panic!("no member of the workspace is in {folder}/"))
}

fn read(package: &Value, workspace: &Path) -> Package {
    let folder = Path::new(text(&package["manifest_path"])).parent().expect("a manifest is in a folder");
    let sources = folder.join("src");
    let roots = list(&package["targets"]).iter().filter_map(|target| {
        let file = Path::new(text(&target["src_path"])).strip_prefix(&sources).ok()?;
        let name = text(&target["name"]).replace('-', "_");
        let krate = match list(&target["kind"]).first().map(text)? {
            "lib" => name,
            "bin" => format!("bin:{name}"),
            _ => return None,
        };
        Some((krate, file.to_string_lossy().replace('\\', "/")))
    });
    let dependencies = list(&package["dependencies"]).iter().map(|one| Dependency {
        name: text(&one["name"]).to_owned(),
        rename: one["rename"].as_str().map(str::to_owned),
        is_normal: one["kind"].is_null(),
        uses_default_features: one["uses_default_features"] == true,
    });
    Package {
        name: text(&package["name"]).to_owned(),
        folder: folder.strip_prefix(workspace).unwrap_or(folder).to_string_lossy().replace('\\', "/"),
        roots: roots.collect(),
        dependencies: dependencies.collect(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("cargo metadata has no text where one is documented: {value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("cargo metadata has no list where one is documented: {value}"))
}
