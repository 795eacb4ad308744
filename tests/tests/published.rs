//! Every field of every packet has the type that the published tables give, also where there is nothing to say.

use i3_core::i3::packet::{KINDS, Packet};
use i3_tests::{published, wire};

#[test]
fn every_type_of_packet_is_in_the_table() {
    let table: Vec<&str> = published::PACKETS.iter().map(|(kind, _)| *kind).collect();
    for kind in KINDS {
        assert!(table.contains(kind), "{kind}");
    }
    assert_eq!(table.len(), KINDS.len());
}

#[test]
fn packets_without_values_have_fields_of_the_right_types() {
    for (kind, fields) in published::PACKETS {
        // What is read from zeros is what the gateway has where it knows nothing.
        let text = format!("({{\"{kind}\",0,\"Alpha\",0,0,0,{}}})", fields.empty());
        let (packet, _) = Packet::decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        let written = String::from_utf8(bytes).unwrap();
        let value = wire::strict_lpc(&written).unwrap();
        assert_eq!(published::fault(&value), None, "{written}");
    }
}

#[test]
fn the_table_finds_a_number_where_a_text_belongs() {
    for (text, is_good) in [
        (r#"({"who-reply",5,"A",0,"B","joe",({({"Bob",0,"",}),}),})"#, true),
        (r#"({"who-reply",5,"A",0,"B","joe",({({"Bob",0,0,}),}),})"#, false),
        (r#"({"tell",5,"A","joe","B","bob","Joe",0,})"#, false),
        (r#"({"tell",5,"A","joe","B","bob","Joe",})"#, false),
        (r#"({"tell",5,0,"joe","B","bob","Joe","hi",})"#, false),
        (r#"({"locate-reply",5,"A",0,"B","joe","A","Bob",0,0,})"#, true),
        (r#"({"some-day",5,"A",0,"B",0,0,})"#, true),
    ] {
        assert_eq!(published::fault(&wire::strict_lpc(text).unwrap()).is_none(), is_good, "{text}");
    }
}
