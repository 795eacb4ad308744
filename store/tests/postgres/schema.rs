//! The tables.

use crate::node::{Node, change, database, entries, identity, open};
use crate::postgres::{Postgres, Setup, Stop};
use i3_store::{Finding, SharedPlace, StoreError, examine_shared, open_shared};
use std::sync::{Arc, Barrier};
use std::thread;

#[test]
fn the_server_of_the_tests_starts_stops_and_starts_again() {
    let Some(postgres) = Postgres::start() else { return };
    postgres.database("one");
    postgres.sql("one", "CREATE TABLE t (x int); INSERT INTO t VALUES (7)");
    for how in [Stop::Immediate, Stop::Fast] {
        postgres.stop(how);
        assert!(postgres.try_sql("one", "SELECT 1").is_err());
        postgres.start_again();
        assert_eq!(postgres.sql("one", "SELECT x FROM t"), "7");
    }
}

#[test]
fn tables_are_made_once_by_whoever_comes_first() {
    let Some((postgres, name, place)) = database() else { return };
    let count = 6;
    let start = Arc::new(Barrier::new(count));
    let nodes: Vec<_> = (0..count)
        .map(|at| {
            let (place, start) = (place.clone(), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                open_shared(&place, identity(&format!("n{at}"))).unwrap().is_new
            })
        })
        .collect();
    let made = nodes.into_iter().map(|node| node.join().unwrap()).filter(|is_new| *is_new).count();
    assert_eq!(made, 1);
    assert_eq!(postgres.sql(&name, "SELECT version FROM i3_version"), "2");
    assert_eq!(postgres.sql(&name, "SELECT count(*) FROM i3_position"), "1");
}

#[test]
fn tables_of_a_newer_version_are_refused() {
    let Some((postgres, name, place)) = database() else { return };
    open(&place, "a");
    postgres.sql(&name, "UPDATE i3_version SET version = 99");
    let error = open_shared(&place, identity("b")).map(drop).unwrap_err().to_string();
    assert!(error.contains("version 99") && error.contains("newer"), "{error}");
    assert_eq!(postgres.sql(&name, "SELECT version FROM i3_version"), "99");
    assert!(faults(&place).iter().any(|fault| fault.contains("version 99")));
}

fn findings(place: &SharedPlace) -> Vec<Finding> {
    examine_shared(place, identity("doctor")).unwrap()
}

fn faults(place: &SharedPlace) -> Vec<String> {
    let fault = |finding| match finding {
        Finding::Fault(warning) => Some(warning.what),
        _ => None,
    };
    findings(place).into_iter().filter_map(fault).collect()
}

#[test]
fn a_database_that_cannot_be_used_is_named_and_the_password_is_not() {
    let Some((postgres, name, place)) = database() else { return };
    let url = &place.url;
    let latin = "CREATE DATABASE latin OWNER gateway ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0";
    postgres.sql("postgres", latin);
    postgres.sql(&name, "REVOKE ALL ON SCHEMA public FROM PUBLIC; ALTER SCHEMA public OWNER TO postgres; GRANT USAGE ON SCHEMA public TO PUBLIC");
    for (url, expected) in [
        (url.replace("own%2Fpassword", "own%2Fwrong"), "authentication failed"),
        (url.replace(&name, "nowhere"), "does not exist"),
        (url.replace(&name, "latin"), "UTF8"),
        (url.replace("sslmode=prefer", "sslmode=verify-full"), "TLS"),
        (url.replace(&format!(":{}/", postgres.port()), ":1/"), "refused"),
        (url.clone(), "permission denied"),
    ] {
        let place = SharedPlace { url, password: None };
        let StoreError(error) = open_shared(&place, identity("a")).map(drop).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("postgres://gateway@127.0.0.1:") && !error.contains("own"), "{error}");
        let found = faults(&place);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(!found[0].contains("own"), "{found:?}");
    }
    let given = SharedPlace {
        url: url.replace(&name, "latin").replace("tests%27%20own%2Fpassword", "wrong"),
        password: Some(crate::postgres::PASSWORD.to_owned()),
    };
    let error = open_shared(&given, identity("a")).map(drop).unwrap_err().to_string();
    assert!(error.contains("UTF8"), "the password that is given apart counts more: {error}");
}

#[test]
fn a_database_in_order_has_no_faults() {
    let Some((_postgres, _, place)) = database() else { return };
    let texts = |place: &SharedPlace| format!("{:?}", findings(place));
    assert!(texts(&place).contains("no state yet"));
    Node::start(&place, "a").save(&[change("s", "k", "v")]);
    let found = texts(&place);
    assert!(found.contains("version 2, and 1 entries") && found.contains("PostgreSQL 1"), "{found}");
    assert!(found.contains("fsync is off") && faults(&place).is_empty(), "{found}");
}

/// The gateway acknowledges nothing that is not durable, whatever the database's default.
#[test]
fn a_save_waits_for_the_disk_where_the_default_is_not_to() {
    let setup = Setup { settings: vec![("synchronous_commit", "off".to_owned())], ..Setup::default() };
    let Some(postgres) = Postgres::start_with(&setup) else { return };
    let place = SharedPlace { url: postgres.database("lazy"), password: None };
    for at in 0..3 {
        Node::start(&place, &format!("a{at}")).save(&[change("s", &format!("{at:02}"), "")]);
        postgres.stop(Stop::Immediate);
        postgres.start_again();
        assert_eq!(entries(&place).len(), at + 1);
    }
    assert!(format!("{:?}", findings(&place)).contains("synchronous_commit is off"));
}

#[test]
fn a_copied_state_fills_an_empty_database_only() {
    let Some((_postgres, _, place)) = database() else { return };
    let entries_of_a_file: Vec<_> =
        (0..2_500).map(|at| change("s", &format!("{at:05}"), at.to_string())).collect();
    open(&place, "copy").fill(&entries_of_a_file, 1_000_000).unwrap();
    assert_eq!(entries(&place), entries_of_a_file);
    let mut node = Node::start(&place, "a");
    assert!(node.start.position >= 1_000_000);
    node.save(&[change("s", "x", "")]);
    assert!(node.told(1)[0].position > node.start.position);
    let error = open(&place, "copy").fill(&[], 0).unwrap_err().to_string();
    assert!(error.contains("holds a state already"), "{error}");
}

#[test]
fn the_certificate_of_the_server_is_checked_where_the_url_says_so() {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let setup = Setup {
        settings: vec![("ssl", "on".to_owned())],
        files: vec![
            ("server.crt", certified.cert.pem()),
            ("server.key", certified.signing_key.serialize_pem()),
        ],
        ..Setup::default()
    };
    let Some(postgres) = Postgres::start_with(&setup) else { return };
    let url = postgres.database("encrypted");
    let directory = tempfile::tempdir().unwrap();
    let authority = |name: &str, pem: String| {
        let file = directory.path().join(name);
        std::fs::write(&file, pem).unwrap();
        file.display().to_string()
    };
    let (right, wrong) =
        (authority("right.pem", certified.cert.pem()), authority("wrong.pem", other.cert.pem()));
    let with = |mode: &str, host: &str| {
        let url = url.replace("sslmode=prefer", mode).replace("127.0.0.1", host);
        SharedPlace { url, password: None }
    };
    for (mode, host, is_good) in [
        (format!("sslmode=verify-full&sslrootcert={right}"), "127.0.0.1", true),
        (format!("sslmode=verify-full&sslrootcert={right}"), "localhost", false),
        (format!("sslmode=verify-ca&sslrootcert={right}"), "localhost", true),
        (format!("sslmode=verify-full&sslrootcert={wrong}"), "127.0.0.1", false),
        ("sslmode=verify-full".to_owned(), "127.0.0.1", false),
        ("sslmode=require".to_owned(), "127.0.0.1", true),
    ] {
        let place = with(&mode, host);
        let opened = open_shared(&place, identity("a"));
        let error = opened.as_ref().err().map(ToString::to_string);
        assert_eq!(opened.is_ok(), is_good, "{mode} {host}: {error:?}");
        assert!(error.is_none_or(|error| !error.contains("password")));
        assert_eq!(faults(&place).is_empty(), is_good);
    }
    let found =
        format!("{:?}", findings(&with(&format!("sslmode=verify-full&sslrootcert={right}"), "127.0.0.1")));
    assert!(found.contains("encrypted (TLSv1.3)"), "{found}");
    // A node saves, beats and listens with it, too.
    let mut node = Node::start(&with(&format!("sslmode=verify-full&sslrootcert={right}"), "127.0.0.1"), "a");
    node.save(&[change("s", "k", "v")]);
    assert_eq!(node.told(1).len(), 1);
    // And over the Unix socket.
    let socket = postgres.socket_directory().display();
    let url = format!("postgres:///encrypted?host={socket}&port={}&user=gateway", postgres.port());
    assert_eq!(entries(&SharedPlace { url, password: None }).len(), 1);
}
