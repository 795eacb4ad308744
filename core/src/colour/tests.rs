use super::*;
use proptest::prelude::*;

fn plain(text: &str) -> Cow<'_, str> {
    render(text, TextStyle::Plain)
}

fn ansi(text: &str) -> Cow<'_, str> {
    render(text, TextStyle::Ansi)
}

fn html(text: &str) -> Cow<'_, str> {
    render(text, TextStyle::Html)
}

const RED: &str = "<span style=\"color:#c00\">";

#[test]
fn pinkfish_is_understood() {
    for (text, expected_plain, expected_ansi) in [
        ("%^RED%^red%^RESET%^ not", "red not", "\x1b[0;31mred\x1b[0m not"),
        ("%^BOLD%^%^BLUE%^x%^RESET%^", "x", "\x1b[0;1;34mx\x1b[0m"),
        // One mark may close a code and open the next: this is in channel logs.
        ("%^YELLOW%^B_MAGENTA%^x%^RESET%^", "x", "\x1b[0;1;33;45mx\x1b[0m"),
        // Capitals after a code are coloured text.
        ("%^RED%^HELLO%^RESET%^", "HELLO", "\x1b[0;31mHELLO\x1b[0m"),
        // Unknown codes, and codes that are not about colours.
        ("a%^NOSUCH%^b%^INITTERM%^c", "abc", "abc"),
        // A mark without a code.
        ("50%^ of 100%^", "50 of 100", "50 of 100"),
        ("%^%^%^", "", ""),
        // The literal mark.
        ("%%^^RED%%^^", "%^RED%^", "%^RED%^"),
        ("é%%^^é%%%^^", "é%^é%%^", "é%^é%%^"),
        ("100%", "100%", "100%"),
        // A colour that is left open, and a code that is cut off.
        ("%^RED%^x", "x", "\x1b[0;31mx\x1b[0m"),
        ("x%^RED", "x", "x"),
        ("x%^", "x", "x"),
        ("%^red%^", "red", "red"),
    ] {
        assert_eq!(plain(text), expected_plain, "{text}");
        assert_eq!(ansi(text), expected_ansi, "{text}");
        assert_eq!(render(text, TextStyle::Raw), text);
    }
}

#[test]
fn only_colours_are_kept_of_escape_sequences() {
    for (text, expected_plain, expected_ansi) in [
        ("\x1b[31mred\x1b[0m", "red", "\x1b[0;31mred\x1b[0m"),
        ("\x1b[1;91;48;5;200mx\x1b[m", "x", "\x1b[0;1;91;48;5;200mx\x1b[0m"),
        ("\x1b[38;2;1;2;3mx\x1b[39m", "x", "\x1b[0;38;2;1;2;3mx\x1b[0m"),
        // Hidden, fast blinking, a font, a number out of range, a colour without its number.
        ("\x1b[8m\x1b[6m\x1b[12m\x1b[999m\x1b[38;5mx", "x", "x"),
        ("\x1b[8;31mx", "x", "\x1b[0;31mx\x1b[0m"),
        // Clear the screen, move the cursor, request a report, private modes, a sequence with an intermediate.
        ("a\x1b[2Jb\x1b[10;10Hc\x1b[6nd\x1b[?25le\x1b[>0mf\x1b[1 mg", "abcdefg", "abcdefg"),
        // Titles, links, the clipboard and device control, ended by BEL, by ESC \, or by its C1 form.
        (
            "a\x1b]0;evil\x07b\x1b]8;;http://x\x1b\\c\x1bPq#0\u{9c}d\x1b_x\x07e\x1b^x\x07f\x1bXx\x07g",
            "abcdefg",
            "abcdefg",
        ),
        // The C1 forms of these, and of colours.
        ("a\u{9b}2Jb\u{9d}0;evil\u{9c}c\u{90}x\u{9c}d\u{9b}31me\u{84}f", "abcde„f", "abcde„f"),
        // Reset the terminal, select another character set.
        ("a\x1bcb\x1b(0c\x1b#8d", "abcd", "abcd"),
        // Sequences cut off at the end of the text, in every state.
        ("a\x1b", "a", "a"),
        ("a\x1b[", "a", "a"),
        ("a\x1b[31", "a", "a"),
        ("a\x1b]0;evil", "a", "a"),
        ("a\x1b(", "a", "a"),
        ("a\u{9b}", "a", "a"),
        // Sequences cut off by another character, which is kept or begins a sequence of its own.
        ("a\x1b[3\nb", "a\nb", "a\nb"),
        ("a\x1b[3\x1b[31mb", "ab", "a\x1b[0;31mb\x1b[0m"),
        ("a\x1b]0;evil\nb", "a\nb", "a\nb"),
        ("a\x1béb", "aéb", "aéb"),
        ("a\x1b[éb", "aéb", "aéb"),
        // The rest of one sequence does not become another sequence.
        ("\x1b\x1b[2J[2Jx", "[2Jx", "[2Jx"),
        ("\x1b[\x1b[2J31mx", "31mx", "31mx"),
        ("%\x01^RED%\x01^", "%^RED%^", "%^RED%^"),
        // Other control characters.
        ("a\0b\x07c\x08d\x7fe\tf\r\ng\rh\r", "abcde\tf\ng\nh", "abcde\tf\ng\nh"),
    ] {
        assert_eq!(plain(text), expected_plain, "{text:?}");
        assert_eq!(ansi(text), expected_ansi, "{text:?}");
        assert_eq!(
            html(text).replace(|c: char| c.is_control() && c != '\n' && c != '\t', ""),
            html(text),
            "{text:?}"
        );
    }
}

#[test]
fn colours_of_mirc_are_understood_in_every_form() {
    for (text, expected_plain, expected_ansi, expected_pinkfish) in [
        ("\x034red\x03 not", "red not", "\x1b[0;91mred\x1b[0m not", "%^BOLD%^%^RED%^red%^RESET%^ not"),
        ("\x0304,01x\x0f.", "x.", "\x1b[0;91;40mx\x1b[0m.", "%^BOLD%^%^RED%^%^B_BLACK%^x%^RESET%^."),
        // A comma without a number behind it is text, and so is a third digit.
        (
            "\x033,no\x03123",
            ",no3",
            "\x1b[0;32m,no\x1b[0;94m3\x1b[0m",
            "%^GREEN%^,no%^RESET%^%^BOLD%^%^BLUE%^3%^RESET%^",
        ),
        (
            "\x02bold\x02 \x1di\x1d \x1fu\x1f",
            "bold i u",
            "\x1b[0;1mbold\x1b[0m \x1b[0;3mi\x1b[0m \x1b[0;4mu\x1b[0m",
            "%^BOLD%^bold%^RESET%^ %^ITALIC%^i%^RESET%^ %^UNDERLINE%^u%^RESET%^",
        ),
        ("\x16r\x1es\x0f", "rs", "\x1b[0;7mr\x1b[0;7;9ms\x1b[0m", "%^REVERSE%^r%^STRIKETHROUGH%^s%^RESET%^"),
        ("\x04ff0000x\x04y\x11z", "xyz", "\x1b[0;38;2;255;0;0mx\x1b[0myz", "%^RED%^x%^RESET%^yz"),
        ("\x0399x\x0352y\x03", "xy", "x\x1b[0;38;2;255;0;0my\x1b[0m", "x%^RED%^y%^RESET%^"),
        // Cut off at the end.
        ("x\x03", "x", "x", "x"),
        ("x\x0312,", "x,", "x\x1b[0;94m,\x1b[0m", "x%^BOLD%^%^BLUE%^,%^RESET%^"),
        ("x\x04ff00", "xff00", "xff00", "xff00"),
    ] {
        assert_eq!(plain(text), expected_plain, "{text:?}");
        assert_eq!(ansi(text), expected_ansi, "{text:?}");
        assert_eq!(unescape_html(&without_spans(&html(text))), expected_plain, "{text:?}");
        assert_eq!(to_pinkfish(text), expected_pinkfish, "{text:?}");
        assert_eq!(render(text, TextStyle::Raw), expected_pinkfish, "{text:?}");
    }
    // A raw text keeps everything else.
    assert_eq!(
        render("\x1b[2J%^RED%^\x02x\x02\u{202e}", TextStyle::Raw),
        "\x1b[2J%^RED%^%^BOLD%^x%^RESET%^\u{202e}"
    );
}

#[test]
fn a_c1_control_is_a_character_of_windows_1252_unless_a_terminal_acts_on_it() {
    let text = "\u{91}so\u{92} \u{93}it\u{94} \u{97} 5\u{80}\u{85}";
    for shown in [plain(text), ansi(text), html(text), to_pinkfish(text)] {
        assert_eq!(shown, "‘so’ “it” — 5€…");
    }
    assert_eq!(plain("a\u{81}\u{9b}2Jb\u{9d}x\u{9c}c"), "abc");
}

/// All characters that the Unicode Bidirectional Algorithm (UAX #9, section 2) calls explicit or implicit formatting
/// characters.
const DIRECTION: [char; 12] = [
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}',
    '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];

#[test]
fn characters_that_change_the_writing_direction_are_dropped() {
    for c in ('\0'..=char::MAX).filter(|c| !c.is_control()) {
        let text = format!("é{c}é");
        let kept = [plain(&text), ansi(&text), html(&text)].map(|shown| shown != "éé");
        assert_eq!(kept, [!DIRECTION.contains(&c); 3], "U+{:04X}", u32::from(c));
        assert_eq!(render(&text, TextStyle::Raw), text);
    }
    let text = "\u{202e}%^RED%^<\u{2066}x%^RESET%^\u{2069}\u{202c}\u{200f}";
    assert_eq!((&*plain(text), &*ansi(text)), ("<x", "\x1b[0;31m<x\x1b[0m"));
    assert_eq!(html(text), format!("{RED}&lt;x</span>"));
    // Right-to-left letters are text. A text from a local user goes out with these characters unchanged, even with an
    // escape sequence in it.
    for text in ["שלום ‎world", "\u{202e}abc"] {
        assert_eq!(to_pinkfish(text), text);
        assert_eq!(to_pinkfish(&format!("{text}\x1b[2J")), text);
    }
    assert_eq!(plain("שלום"), "שלום");
}

#[test]
fn html_is_escaped_and_its_spans_are_closed() {
    for (text, expected) in [
        ("a < b & \"c\" > 'd'", "a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;".to_owned()),
        ("%^RED%^<b>%^RESET%^x", format!("{RED}&lt;b&gt;</span>x")),
        ("%^RED%^x", format!("{RED}x</span>")),
        // No span is opened for an empty text.
        ("%^RED%^%^BOLD%^%^RESET%^x%^FLASH%^y%^BLUE%^", "xy".to_owned()),
        ("%^RED%^a%^BOLD%^b", format!("{RED}a</span><span style=\"font-weight:bold;color:#f55\">b</span>")),
        ("\x1b[38;5;196;48;2;1;2;255mx", "<span style=\"color:#ff0000;background:#0102ff\">x</span>".into()),
        (
            "\x1b[4;9;3;2mx",
            "<span style=\"opacity:0.7;font-style:italic;text-decoration:underline line-through\">x</span>"
                .into(),
        ),
        ("\x1b[7mx\x1b[27my", "<span style=\"color:#000;background:#aaa\">x</span>y".into()),
        ("\x1b[38;5;244mx", "<span style=\"color:#808080\">x</span>".into()),
    ] {
        assert_eq!(html(text), expected, "{text:?}");
        let [visible, marked] = [plain(text), html(text)];
        assert_eq!(unescape_html(&without_spans(&marked)), visible, "{text:?}");
    }
    for name in ["plain", "Crat's Agony", "a<b>&\"c\"", "&amp;", "&lt", "&", "é&é"] {
        assert_eq!(unescape_html(&html(name)), name);
    }
}

#[test]
fn ansi_colours_leave_as_pinkfish() {
    for (text, expected) in [
        ("plain %^RED%^x", "plain %^RED%^x"),
        ("\x1b[0;31mred\x1b[0m not", "%^RED%^red%^RESET%^ not"),
        ("\x1b[1;33mx", "%^BOLD%^%^ORANGE%^x%^RESET%^"),
        ("\x1b[1;31ma\x1b[22mb\x1b[0m", "%^BOLD%^%^RED%^a%^RESET%^%^RED%^b%^RESET%^"),
        ("\x1b[31ma\x1b[32mb\x1b[m", "%^RED%^a%^RESET%^%^GREEN%^b%^RESET%^"),
        ("\x1b[91ma\x1b[0m", "%^BOLD%^%^RED%^a%^RESET%^"),
        ("\x1b[38;5;196;44mx\x1b[0m", "%^RED%^%^B_BLUE%^x%^RESET%^"),
        ("\x1b[3;4;5;7;9mx", "%^ITALIC%^%^UNDERLINE%^%^FLASH%^%^REVERSE%^%^STRIKETHROUGH%^x%^RESET%^"),
        ("a\x1b[2J\x1b]0;evil\x07\0b\u{9b}31mc\td\n", "abc\td\n"),
        ("\x1b[31m", ""),
    ] {
        assert_eq!(to_pinkfish(text), expected, "{text:?}");
    }
}

#[test]
fn clean_texts_are_borrowed() {
    for text in ["hello é ü\n\tworld 100% ^", ""] {
        for style in [TextStyle::Plain, TextStyle::Ansi, TextStyle::Html] {
            assert!(matches!(render(text, style), Cow::Borrowed(_)));
        }
        assert!(matches!(to_pinkfish(text), Cow::Borrowed(_)));
    }
}

/// Without optimisation this takes a moment. A quadratic step would take hours.
#[test]
fn a_hostile_text_is_rendered_in_linear_time_and_bounded_space() {
    const BYTES: usize = 256 * 1024;
    for unit in [
        "\x1b",
        "\x1b[",
        "\x1b[1",
        "\x1b[1;",
        "\x1b]",
        "\x1b]x\x1b",
        "%",
        "%^",
        "%^RED",
        "%^RED%^",
        "%%^^",
        "%^A",
        "\u{9b}",
        "\u{9d}",
        "\x1b(",
        "<",
        "\x1b[1m<\x1b[m<",
        "\x1b[7;31;42ma\x1b[7;32;41mb",
        "A%^",
    ] {
        let text = unit.repeat(BYTES / unit.len());
        let changed = (CHANGES_MAX + 1) * CHANGE_BYTES_MAX;
        assert!(plain(&text).len() <= text.len(), "{unit:?}");
        assert!(ansi(&text).len() <= text.len() + changed, "{unit:?}");
        assert!(html(&text).len() <= 6 * text.len() + changed, "{unit:?}");
        assert!(to_pinkfish(&text).len() <= text.len() + changed, "{unit:?}");
    }
}

/// Removes the tags that `render` writes. Panics at any other tag, and at one that is not closed.
fn without_spans(html: &str) -> String {
    let (mut out, mut rest, mut is_open) = (String::new(), html, false);
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (tag, later) = rest.split_once('>').expect("a tag is closed");
        assert!(!tag[1..].contains('<'), "{html}");
        if is_open {
            assert_eq!(tag, "</span", "{html}");
        } else {
            let style = tag.strip_prefix("<span style=\"").and_then(|style| style.strip_suffix('"'));
            let style = style.unwrap_or_else(|| panic!("{tag} in {html}"));
            let is_ours =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-:;#. ".contains(&byte);
            assert!(style.bytes().all(is_ours), "{html}");
        }
        is_open = !is_open;
        rest = later;
    }
    assert!(!is_open, "{html}");
    out + rest
}

fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\x1b".to_owned()),
        Just("\x1b[".to_owned()),
        Just("\x1b]".to_owned()),
        Just("%^".to_owned()),
        Just("%%^^".to_owned()),
        prop::sample::select(vec![
            "RED", "BOLD", "RESET", "B_BLUE", "FOO", "m", "31", ";", "38;5;", "38;2;", "J", "<b>", "&"
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        prop::sample::select(DIRECTION.to_vec()).prop_map(String::from),
        (0u32..0xc0).prop_map(|c| char::from_u32(c).unwrap_or(' ').to_string()),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_form_is_safe_for_any_text(text in any_text()) {
        let is_safe = |c: char| (!c.is_control() && !DIRECTION.contains(&c)) || c == '\n' || c == '\t';
        let visible = plain(&text);
        prop_assert!(visible.chars().all(is_safe), "{visible:?}");
        let kept = |text: &str| text.replace(|c: char| c.is_ascii() && irc::is_code(c as u8), "");
        if text.len() == kept(&text).len() {
            prop_assert_eq!(&render(&text, TextStyle::Raw), &text);
        } else {
            prop_assert_eq!(kept(&raw(&text)), raw(&text));
        }

        let coloured = ansi(&text);
        // Each ESC begins a colour sequence of digits, and no colour is left open.
        for sequence in coloured.split('\x1b').skip(1) {
            let sequence = sequence.strip_prefix('[').and_then(|rest| rest.split_once('m'));
            let params = sequence.map(|(params, _)| params);
            prop_assert!(params.is_some_and(|params| params.bytes().all(|b| b.is_ascii_digit() || b == b';')), "{coloured:?}");
        }
        prop_assert!(coloured.chars().all(|c| is_safe(c) || c == '\x1b'));
        let left = Tokens::for_network(&coloured).fold(Style::default(), |mut style, token| {
            if let Token::Sgr(params) = token {
                Op::all(params).for_each(|op| style.apply(op));
            }
            style
        });
        prop_assert_eq!(left, Style::default());

        // All forms show the same text.
        let marked = html(&text);
        prop_assert!(marked.chars().all(is_safe));
        let escaped = without_spans(&marked);
        prop_assert_eq!(&unescape_html(&escaped), &visible);
        let shown: String = Tokens::for_network(&coloured)
            .filter_map(|token| match token { Token::Text(text) => Some(text), _ => None })
            .collect();
        prop_assert_eq!(&shown, &visible);
    }

    #[test]
    fn outgoing_text_holds_no_control_character(text in any_text()) {
        let out = to_pinkfish(&text);
        prop_assert!(out.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'), "{out:?}");
    }
}
