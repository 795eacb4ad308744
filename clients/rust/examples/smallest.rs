//! The code of the README: it prints all events.
#![allow(clippy::print_stdout, reason = "this is what it is for")]

fn main() -> Result<(), i3_client::Error> {
    let mut client = i3_client::blocking::Client::connect(i3_client::Options::from_env("my-game")?)?;
    client.join("chat")?;
    while let Some(event) = client.next(None)? {
        println!("{} {}", event.name, event.params);
    }
    Ok(())
}
