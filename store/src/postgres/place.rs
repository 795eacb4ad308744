//! The URL of a database.

use crate::engine::StoreError;
use crate::shared::SharedPlace;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use std::str::FromStr;

/// The parameters of a URL that have an effect.
const PARAMETERS: [&str; 13] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
    "application_name",
];

/// How sessions of gateways appear at the server.
const APPLICATION: &str = "i3-gateway";

/// Reads a URL. Variables such as PGPASSWORD and the file .pgpass add what it leaves out. The error shows no part of it.
pub(super) fn options(place: &SharedPlace) -> Result<PgConnectOptions, StoreError> {
    let query = place.url.split_once('?').map_or("", |(_, query)| query);
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let name = parameter.split('=').next().unwrap_or_default();
        if !PARAMETERS.contains(&name) && !name.starts_with("options[") {
            let known = PARAMETERS.join(", ");
            return Err(StoreError(format!(
                "state.url: the parameter {name:?} is unknown: there are {known}"
            )));
        }
    }
    let options = PgConnectOptions::from_str(&place.url)
        .map_err(|error| StoreError(format!("state.url is not a URL of PostgreSQL: {}", without(&error))))?;
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name(APPLICATION),
    };
    let options = match &place.password {
        Some(password) => options.password(password),
        None => options,
    };
    Ok(options.disable_statement_logging())
}

/// Returns the cause without what a library writes before it.
fn without(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

/// Returns the address for people.
pub(super) fn shown(options: &PgConnectOptions) -> String {
    let user = options.get_username();
    let database = options.get_database().unwrap_or(user);
    match options.get_socket() {
        Some(socket) => format!("postgres:///{database}?host={}&user={user}", socket.display()),
        None => format!("postgres://{user}@{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str, password: Option<&str>) -> SharedPlace {
        SharedPlace { url: url.to_owned(), password: password.map(str::to_owned) }
    }

    #[test]
    fn an_address_for_people_has_no_password() {
        for (url, expected) in [
            (
                "postgres://gw:se%2Fcret@db.example:5433/i3?sslmode=verify-full",
                "postgres://gw@db.example:5433/i3",
            ),
            ("postgresql://gw:secret@db/i3", "postgres://gw@db:5432/i3"),
            ("postgres:///i3?host=/run/pg&user=gw", "postgres:///i3?host=/run/pg&user=gw"),
        ] {
            let options = options(&place(url, Some("other secret"))).unwrap();
            assert_eq!(shown(&options), expected);
        }
    }

    #[test]
    fn an_error_in_a_url_shows_no_password() {
        for url in [
            "postgres://gw:secret@db/i3?sslmod=require",
            "postgres://gw:secret@db:port/i3",
            "postgres://gw:secret@db/i3?sslmode=secret",
            "postgres://gw:sec/ret@db/i3",
        ] {
            let error = options(&place(url, None)).map(drop).unwrap_err().to_string();
            assert!(error.contains("state.url"), "{error}");
            assert!(!error.contains(":secret") && !error.contains("sec/ret"), "{error}");
        }
    }
}
