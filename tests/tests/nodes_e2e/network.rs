//! Hosts of their own for nodes: network namespaces, each with a cable to the host of the test. Needs the rights of root.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

/// A host that has one cable.
#[derive(Debug)]
pub(crate) struct Host {
    name: String,
    /// The end of the cable at the host of the test.
    cable: String,
    number: u8,
}

impl Host {
    /// `None`: this process may not make one.
    pub(crate) fn make() -> Option<Host> {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        // The numbers of another test process must differ.
        let number =
            (std::process::id() as u8).wrapping_mul(29).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let (name, cable) = (format!("i3-test-{number}"), format!("i3t{number}"));
        let host = Host { name, cable, number };
        if !ip(&["netns", "add", &host.name]) {
            // It is another's.
            std::mem::forget(host);
            return None;
        }
        let (outside, inside) = (format!("{}/30", host.outside()), format!("{}/30", host.inside()));
        let (name, cable) = (host.name.as_str(), host.cable.as_str());
        let is_made = ip(&["link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name])
            && ip(&["address", "add", &outside, "dev", cable])
            && ip(&["link", "set", cable, "up"])
            && ip(&["-n", name, "address", "add", &inside, "dev", "eth0"])
            && ip(&["-n", name, "link", "set", "eth0", "up"])
            && ip(&["-n", name, "link", "set", "lo", "up"]);
        is_made.then_some(host)
    }

    /// The address of the host of the test, as this host sees it.
    pub(crate) fn outside(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.number, 1)
    }

    /// The address of this host.
    pub(crate) fn inside(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.number, 2)
    }

    /// Pulls the cable, or plugs it in.
    pub(crate) fn plug(&self, is_in: bool) {
        assert!(ip(&["link", "set", &self.cable, if is_in { "up" } else { "down" }]));
    }

    /// A program on this host.
    pub(crate) fn command(&self, program: &Command) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program.get_program()).args(program.get_args());
        command.current_dir(program.get_current_dir().unwrap());
        command.env_clear().env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin");
        command
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        ip(&["link", "del", &self.cable]);
        ip(&["netns", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> bool {
    let output = Command::new("ip").args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}
