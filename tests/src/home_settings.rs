//! The settings of a mud that logs in at its gateway, as scenarios write them.

use i3_core::settings::{Charset, I3Login};
use std::time::Duration;

/// Changes a setting. `i3` takes all of them away.
pub fn set(login: &mut Option<I3Login>, what: &str, value: &str) -> Result<(), String> {
    if what == "i3" {
        *login = None;
        return Ok(());
    }
    let login = login.get_or_insert_with(I3Login::default);
    let number = || value.parse::<u32>().map_err(|_| "no number".to_owned());
    match what {
        "i3_stay" => login.stay = Duration::from_secs(number()?.into()),
        "i3_late_tells" => login.late_tells = value == "yes",
        "i3_late_lines" => login.late_lines = number()? as usize,
        "i3_admin" => login.admin = Some(value.to_owned()),
        "i3_password" => login.password = Some(number()?.into()),
        "i3_charset" => login.charset = Charset::Latin1,
        "i3_away_who" => login.away_who = value == "yes",
        "i3_allow" => {
            let networks = value.split(',').filter(|one| !one.is_empty()).map(str::parse);
            login.allow = networks.collect::<Result<_, _>>().map_err(|_| "no network")?;
        }
        _ => return Err("no such setting".to_owned()),
    }
    Ok(())
}
