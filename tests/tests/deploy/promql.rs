//! Finds the series that an expression of PromQL names. The one parser of PromQL in Rust brings two dozen packages along;
//! whether an expression is valid, promtool says in `deploy/check.sh`.

/// What PromQL itself calls something, and what Prometheus adds.
const NOT_METRICS: &[&str] =
    &["and", "or", "unless", "by", "without", "offset", "on", "ignoring", "bool", "up", "ALERTS"];

/// A series that an expression names, with the matchers for its labels.
pub(crate) type Series = (String, Vec<(String, String, String)>);

/// The series in an expression of PromQL.
pub(crate) fn series(expression: &str) -> Vec<Series> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found: Vec<Series> = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            rest = rest[1..].split_once('"').expect("a closed text").1;
        } else if first == '[' {
            rest = rest.split_once(']').expect("a closed range").1;
        } else if first == '{' {
            let (inside, after) = rest[1..].split_once('}').expect("closed matchers");
            let matchers =
                inside.split(',').map(str::trim).filter(|matcher| !matcher.is_empty()).map(|matcher| {
                    let at = matcher.find(['=', '!']).unwrap_or_else(|| panic!("{matcher}"));
                    let (label, rest) = matcher.split_at(at);
                    let (operator, value) = rest.split_once('"').unwrap_or_else(|| panic!("{matcher}"));
                    (label.to_owned(), operator.to_owned(), value.trim_end_matches('"').to_owned())
                });
            found.last_mut().expect("matchers follow a name").1.extend(matchers);
            rest = after;
        } else if is_word(first) || first == '$' {
            let end = rest[1..].find(|c| !is_word(c)).map_or(rest.len(), |at| at + 1);
            let (word, after) = rest.split_at(end);
            rest = after;
            // sum(…), sum by (…) (…)
            let is_function =
                ["(", "by ", "without "].iter().any(|next| after.trim_start().starts_with(next));
            if ["by", "without", "on", "ignoring"].contains(&word) {
                // Labels.
                rest = after.split_once(')').expect("closed labels").1;
            } else if first.is_ascii_alphabetic() && !is_function {
                found.push((word.to_owned(), Vec::new()));
            }
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    found.retain(|(name, _)| !NOT_METRICS.contains(&name.as_str()));
    found
}

#[test]
fn the_reader_of_expressions_finds_each_series() {
    let matcher = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(
        series(r#"sum by (le, x) (rate(a_b{c=~"$i",d!="or"}[5m])) / 1024 > b or (c unless c offset 15m)"#),
        [
            ("a_b".to_owned(), vec![matcher("c", "=~", "$i"), matcher("d", "!=", "or")]),
            ("b".to_owned(), Vec::new()),
            ("c".to_owned(), Vec::new()),
            ("c".to_owned(), Vec::new()),
        ]
    );
    assert_eq!(series("rate(x[$__rate_interval]) > 1"), [("x".to_owned(), Vec::new())]);
}
