//! Each peculiarity is named after the peer that was observed to have it.

use super::*;
use std::borrow::Cow;

fn parse(text: &str) -> Value<'_> {
    Value::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &[u8]) -> LpcErrorKind {
    Value::parse(text).expect_err("should not parse").kind
}

fn written(value: &Value<'_>) -> String {
    let mut text = Vec::new();
    value.write(&mut text);
    crate::i3::text::decode(text.into()).0.into_owned()
}

#[test]
fn values_read_and_write_alike() {
    for text in [
        "0",
        "-7",
        "2.500000",
        "\"a\"",
        "\"\"",
        "({})",
        "([])",
        "({1,\"x\",({}),})",
        "([\"k\":({1,}),5:\"int key\",({1,}):2,])",
        "(/1,2,/)",
        r#""q \" b \\ e""#,
        "\"line\rline\"",
    ] {
        assert_eq!(written(&parse(text)), text);
    }
}

#[test]
fn sloppy_peers_are_understood() {
    for (peer, sloppy, strict) in [
        ("nobody seen; mudmode.html asks for the comma", "({1,2})", "({1,2,})"),
        ("CoffeeMud reads blanks, people write them", "( { \"tell\" , 5 , } )", "({\"tell\",5,})"),
        ("CoffeeMud, in a mapping", "( [ \"a\" : 1 , ] )", "([\"a\":1,])"),
        ("FluffOS, for an object that cannot be saved", "({1,,})", "({1,0,})"),
        ("FluffOS, as the first element", "({,\"x\",})", "({0,\"x\",})"),
        ("FluffOS, as key and as value", "([\"a\":,:1,])", "([\"a\":0,0:1,])"),
        ("Dead Souls: any \\x is x", r#""\n\x\r\/""#, "\"nxr/\""),
        ("Dead Souls: LF as CR", "\"a\rb\"", "\"a\rb\""),
        ("Dead Souls: CR LF comes back as CR CR", "\"a\r\nb\"", "\"a\r\rb\""),
        ("Dead Souls: a raw LF leaves as CR", "\"a\nb\"", "\"a\rb\""),
        ("an escaped CR", "\"a\\\rb\"", "\"a\rb\""),
        ("Dead Souls: leading zeros", "007", "7"),
        ("FluffOS, for 2^63 and -2^63", "-0", "0"),
        ("the largest that FluffOS writes", "9223372036854775807", "9223372036854775807"),
        ("beyond 64 bits", "9223372036854775808", "9223372036854775807"),
        ("beyond 64 bits", "-9223372036854775809", "-9223372036854775808"),
        (
            "18 and 19 digits",
            "({123456789012345678,-1234567890123456789,})",
            "({123456789012345678,-1234567890123456789,})",
        ),
        ("FluffOS: an exponent with its sign", "1.5e+3", "1500.000000"),
        ("FluffOS: a negative float", "-25.0e-1", "-2.500000"),
        ("CoffeeMud: a float without a sign in the exponent", "1e3", "1000.000000"),
        ("old drivers refuse these, the gateway does not", "({.5,1.,})", "({0.500000,1.000000,})"),
        ("Dead Souls on FluffOS 2.23", "123456792.000000", "123456792.000000"),
        ("Dead Souls: anything after the value", "({1,}) xyz", "({1,})"),
        ("Samson's clients end with CR", "({1,})\r", "({1,})"),
        ("no comma after the last pair", "([1:2])", "([1:2,])"),
        ("an LPC class", "(/1,\"x\",/)", "(/1,\"x\",/)"),
        ("a class without its last comma, and an empty one", "({(/1/),(//),})", "({(/1,/),(//),})"),
        ("Dead Souls: integer and array keys", "([5:1,({1,}):2,([]):3,])", "([5:1,({1,}):2,([]):3,])"),
    ] {
        assert_eq!(written(&parse(sloppy)), strict, "{peer}: {sloppy}");
    }
}

#[test]
fn the_last_of_two_equal_keys_counts() {
    // Drivers keep the last value. The order of a mapping is that of a hash table.
    let map = parse("([\"a\":1,5:2,\"b\":3,\"a\":4,])");
    assert_eq!(map.get("a"), Some(&Value::Int(4)));
    assert_eq!(map.get("b"), Some(&Value::Int(3)));
    assert_eq!(map.get("5"), None);
    assert_eq!(parse("({\"a\",1,})").get("a"), None);
}

#[test]
fn numbers_are_written_as_drivers_write_them() {
    for (value, text) in [
        (Value::Float(2.0), "2.000000"),
        (Value::Float(-0.5), "-0.500000"),
        (Value::Float(1e20), "100000000000000000000.000000"),
        (Value::Float(f64::NAN), "0.000000"),
        (Value::Float(f64::NEG_INFINITY), "0.000000"),
        (Value::Int(i64::MIN), "-9223372036854775808"),
        (Value::Int(10), "10"),
    ] {
        assert_eq!(written(&value), text);
    }
    let longest = written(&Value::Float(f64::MAX));
    assert_eq!((longest.len(), &longest[309..]), (316, ".000000"));
    assert_eq!(parse(&longest), Value::Float(f64::MAX));
}

#[test]
fn every_string_survives() {
    for length in 0..40 {
        for byte in 0..=255u8 {
            let mut text = vec![b'x'; length];
            text.push(byte);
            text.push(b'y');
            let value = Value::Array(vec![Value::Str(text.clone().into()), Value::Int(1)]);
            let mut wire = Vec::new();
            value.write(&mut wire);
            text.retain(|byte| *byte != 0);
            // Every reader takes a CR for a newline.
            text.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
            let expected = Value::Array(vec![Value::Str(text.into()), Value::Int(1)]);
            assert_eq!(Value::parse(&wire), Ok(expected), "{byte} at {length}");
        }
    }
}

#[test]
fn bare_quotes_are_recovered_where_the_next_byte_shows_that_the_string_goes_on() {
    for (peer, text, recovered, quotes) in [
        // vectors/coffeemud/40-esc-quote-toB, 40-esc-backslash-toB
        ("CoffeeMud", r#"({"tell","say "hi" now",})"#, r#"({"tell","say \"hi\" now",})"#, 2),
        ("CoffeeMud", r#"({"tell","c:\new\dir",})"#, r#"({"tell","c:newdir",})"#, 0),
        // vectors/coffeemud/54-quotename: in a header, and as a key
        (
            "CoffeeMud",
            r#"({"mudlist","Quo"te",0,(["Quo"te":({0,}),]),})"#,
            r#"({"mudlist","Quo\"te",0,(["Quo\"te":({0,}),]),})"#,
            2,
        ),
        ("a comma and a word", r#"({"he said "no", then left",})"#, r#"({"he said \"no\", then left",})"#, 2),
        (
            "a colon, where no key is",
            r#"({"he said "no": and left",})"#,
            r#"({"he said \"no\": and left",})"#,
            2,
        ),
        ("a comma, where a key is", r#"(["a","b":1,])"#, r#"(["a\",\"b":1,])"#, 2),
        ("a bracket that ends nothing", r#"({"a "b"} c",})"#, r#"({"a \"b\"} c",})"#, 2),
        ("the quote is the last byte", r#"({"he said "no"",})"#, r#"({"he said \"no\"",})"#, 2),
        ("outside of everything", r#""a" b"#, r#""a""#, 0),
    ] {
        let mut reader = Reader::new(text.as_bytes());
        let value = reader.value().unwrap_or_else(|error| panic!("{peer}: {text}: {error}"));
        assert_eq!(written(&value), recovered, "{peer}");
        assert_eq!(reader.bare_quotes, quotes, "{peer}");
    }
    // This cannot be told apart from two strings and a bare text.
    assert_eq!(error(br#"({"a","b"c,})"#), LpcErrorKind::Truncated);
    assert_eq!(error(br#"({"he counted "one", 2 and 3",})"#), LpcErrorKind::ExpectedComma);
}

/// Without optimisation this takes a second. A quadratic step would take many minutes.
#[test]
fn hostile_text_is_read_in_linear_time() {
    const BYTES: usize = 256 * 1024;
    let largest = "\"".repeat(crate::i3::frame::FRAME_BYTES_MAX);
    assert_eq!(error(["({\"", &largest].concat().as_bytes()), LpcErrorKind::Truncated);
    for unit in [
        "\"", "\" ", "\", x", "\",", "\":", "\"}", "\\", "\\\"", "\r", "a\"b,", " ", "1", "1.", "1,", ",",
        ":", "({", "({})", "({1,", "([1:", "\"\",", "-", "({\"", "/",
    ] {
        for open in ["", "({", "({\"", "(["] {
            let text = [open, &unit.repeat(BYTES / unit.len())].concat();
            let _ = Value::parse(text.as_bytes());
            let _ = Reader::for_texts(text.as_bytes()).skip();
        }
    }
}

#[test]
fn invalid_texts_report_the_reason() {
    for (text, kind) in [
        (&b""[..], LpcErrorKind::Truncated),
        (b"({1,", LpcErrorKind::Truncated),
        (b"\"abc", LpcErrorKind::Truncated),
        (b"\"abc\\", LpcErrorKind::Truncated),
        (b"[tell, 5]", LpcErrorKind::NotAValue),
        (b"(1)", LpcErrorKind::NotAValue),
        (b"({x,})", LpcErrorKind::NotAValue),
        (b"-", LpcErrorKind::BadNumber),
        (b"({1 2,})", LpcErrorKind::ExpectedComma),
        (b"({2|1,2,})", LpcErrorKind::SizePrefix),
        (b"([1|1:2,])", LpcErrorKind::SizePrefix),
        (b"({|1,})", LpcErrorKind::SizePrefix),
        (b"+5", LpcErrorKind::NotAValue),
        (b"({0x10,})", LpcErrorKind::ExpectedComma),
        (b"({1,]", LpcErrorKind::ExpectedComma),
        (b"({1,}", LpcErrorKind::Truncated),
        (b"({1,}x", LpcErrorKind::NotAValue),
        (b"([1,2,])", LpcErrorKind::ExpectedColon),
        (b"1e999", LpcErrorKind::BadNumber),
    ] {
        assert_eq!(error(text), kind, "{:?}", crate::i3::text::decode(text.into()).0);
    }
}

#[test]
fn the_number_of_values_has_a_limit() {
    let list = |values: u32| format!("({{{}}})", "0,".repeat(values as usize - 1));
    assert!(Value::parse(list(VALUES_MAX).as_bytes()).is_ok());
    assert_eq!(error(list(VALUES_MAX + 1).as_bytes()), LpcErrorKind::TooMany);
    // What is skipped takes no memory.
    assert!(Reader::new(list(VALUES_MAX + 1).as_bytes()).skip().is_ok());
}

#[test]
fn nesting_has_a_limit_and_no_stack_overflow() {
    let nested = |depth: usize| ["({".repeat(depth), "})".repeat(depth)].concat();
    assert!(Value::parse(nested(DEPTH_MAX as usize).as_bytes()).is_ok());
    assert_eq!(error(nested(DEPTH_MAX as usize + 1).as_bytes()), LpcErrorKind::TooDeep);
    assert_eq!(error("({".repeat(100_000).as_bytes()), LpcErrorKind::TooDeep);
    assert!(Reader::new("([".repeat(100_000).as_bytes()).skip().is_err());
}

#[test]
fn every_prefix_of_a_value_is_an_error_and_never_a_panic() {
    let text = br#"({"a\"b",-1.5e+3,(["k":({1,}),]),(/0,/),})"#;
    for end in 0..text.len() {
        assert!(Value::parse(&text[..end]).is_err(), "{end}");
    }
}

#[test]
fn strings_without_escapes_borrow() {
    let Value::Array(elements) = parse("({\"plain\",\"esc\\\"aped\",})") else { panic!("an array") };
    assert!(matches!(&elements[0], Value::Str(Cow::Borrowed(_))));
    assert!(matches!(&elements[1], Value::Str(Cow::Owned(_))));
}
