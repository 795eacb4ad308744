//! Each peculiarity is named after the peer that was seen to have it.

use super::*;

fn parse(text: &str) -> Value<'_> {
    Value::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &[u8]) -> LpcErrorKind {
    Value::parse(text).expect_err("should not parse").kind
}

fn written(value: &Value<'_>) -> String {
    let mut text = Vec::new();
    value.write(&mut text);
    String::from_utf8(text).unwrap()
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
    for (sloppy, strict) in [
        ("({1,2})", "({1,2,})"),                       // no last comma
        ("( { \"tell\" , 5 , } )", "({\"tell\",5,})"), // blanks (CoffeeMud reads them)
        ("({1,,})", "({1,0,})"),                       // an object that could not be saved
        ("({,\"x\",})", "({0,\"x\",})"),
        ("([\"a\":,:1,])", "([\"a\":0,0:1,])"),
        (r#""\n\x\r""#, "\"nxr\""), // any \x reads as x
        ("\"a\nb\"", "\"a\rb\""),   // a raw LF
        ("007", "7"),
        ("-0", "0"), // FluffOS for ±2^63
        ("9223372036854775808", "9223372036854775807"),
        ("-9223372036854775809", "-9223372036854775808"),
        ("1.5e+3", "1500.000000"),
        ("({1,}) xyz", "({1,})"), // garbage after the value
    ] {
        assert_eq!(written(&parse(sloppy)), strict, "{sloppy}");
    }
}

#[test]
fn bare_quotes_are_recovered_where_the_next_byte_shows_that_the_string_goes_on() {
    let mut reader = Reader::new(br#"({"tell","say "hi" now","c:\new",})"#);
    let value = reader.value().unwrap();
    assert_eq!(reader.bare_quotes, 2);
    assert_eq!(written(&value), r#"({"tell","say \"hi\" now","c:new",})"#);
    let mut reader = Reader::new(br#"({"he said "no", then left",})"#);
    assert_eq!(written(&reader.value().unwrap()), r#"({"he said \"no\", then left",})"#);
    // Nobody can tell this from two strings and a word.
    assert_eq!(error(br#"({"a","b"c,})"#), LpcErrorKind::Truncated);
}

#[test]
fn what_is_no_value_says_why() {
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
        (b"([1,2,])", LpcErrorKind::ExpectedColon),
        (b"1e999", LpcErrorKind::BadNumber),
    ] {
        assert_eq!(error(text), kind, "{:?}", String::from_utf8_lossy(text));
    }
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
