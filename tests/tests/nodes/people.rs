//! People with IRC clients at several nodes: each sees those at the others as if they were at one.

use crate::{NODES, cluster};
use i3_core::machine::Listener;
use i3_tests::cluster::Cluster;

/// A person of Alpha with an IRC client.
struct Person(usize);

impl Person {
    fn new(cluster: &mut Cluster, node: &str, nick: &str) -> Person {
        let script = cluster.world.connect(node, Listener::Irc).expect("the node takes people");
        let person = Person(script);
        person.says(cluster, &format!("PASS alpha-key\r\nNICK {nick}\r\nUSER {nick} 0 * :{nick}"));
        let welcome = person.hears(cluster);
        assert!(welcome.iter().any(|line| line.contains(" 001 ")), "{welcome:?}");
        person
    }

    fn says(&self, cluster: &mut Cluster, line: &str) {
        cluster.world.write(self.0, format!("{line}\r\n").as_bytes());
        cluster.wait(2);
    }

    fn hears(&self, cluster: &mut Cluster) -> Vec<String> {
        let bytes = std::mem::take(cluster.world.received(self.0));
        String::from_utf8(bytes).expect("UTF-8").lines().map(str::to_owned).collect()
    }

    /// The lines that name somebody.
    fn hears_of(&self, cluster: &mut Cluster, nick: &str) -> Vec<String> {
        let from = format!(":{nick}!");
        self.hears(cluster).into_iter().filter(|line| line.starts_with(&from)).collect()
    }
}

#[test]
fn who_joins_leaves_or_is_away_at_one_node_is_seen_at_the_others() {
    let (mut cluster, _, _) = cluster();
    let [ann, bea] =
        [("ann", NODES[0]), ("bea", NODES[1])].map(|(nick, node)| Person::new(&mut cluster, node, nick));
    ann.says(&mut cluster, "CAP REQ :away-notify");
    ann.says(&mut cluster, "JOIN #chat");
    ann.hears(&mut cluster);
    bea.says(&mut cluster, "JOIN #chat");
    assert_eq!(ann.hears_of(&mut cluster, "bea"), [":bea!bea@Alpha JOIN #chat"]);
    ann.says(&mut cluster, "WHO *");
    let who = ann.hears(&mut cluster).join("\n");
    assert!(who.contains(" ann H :0 ann of Alpha") && who.contains(" bea H :0 bea of Alpha"), "{who}");
    bea.says(&mut cluster, "AWAY :at lunch");
    assert_eq!(ann.hears_of(&mut cluster, "bea"), [":bea!bea@Alpha AWAY :at lunch"]);
    ann.says(&mut cluster, "WHO bea");
    assert!(ann.hears(&mut cluster).join("\n").contains(" bea G :0 bea of Alpha"));
    bea.says(&mut cluster, "AWAY");
    assert_eq!(ann.hears_of(&mut cluster, "bea"), [":bea!bea@Alpha AWAY"]);
    bea.says(&mut cluster, "PART #chat");
    assert_eq!(ann.hears_of(&mut cluster, "bea"), [":bea!bea@Alpha PART #chat"]);
    bea.says(&mut cluster, "JOIN #chat");
    ann.hears(&mut cluster);
    bea.says(&mut cluster, "QUIT :bye");
    assert_eq!(ann.hears_of(&mut cluster, "bea"), [":bea!bea@Alpha QUIT :Quit"]);
}

#[test]
fn who_is_at_two_nodes_joins_and_leaves_once() {
    let (mut cluster, _, _) = cluster();
    let ann = Person::new(&mut cluster, NODES[0], "ann");
    ann.says(&mut cluster, "JOIN #chat");
    let [here, there] = NODES.map(|node| Person::new(&mut cluster, node, "bea"));
    ann.hears(&mut cluster);
    here.says(&mut cluster, "JOIN #chat");
    there.says(&mut cluster, "JOIN #chat");
    assert_eq!(ann.hears_of(&mut cluster, "bea"), [":bea!bea@Alpha JOIN #chat"]);
    here.says(&mut cluster, "QUIT");
    assert_eq!(ann.hears_of(&mut cluster, "bea"), [] as [&str; 0]);
    // The node of the other connection is lost.
    cluster.world.crash(NODES[1]);
    cluster.until(120, "bea is gone", |cluster| !ann.hears_of(cluster, "bea").is_empty());
    let _ = there;
}
