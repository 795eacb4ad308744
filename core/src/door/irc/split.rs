//! Cuts a text of the network into pieces that fit into lines.

/// The least room for a text in a line, in bytes. Names that leave less are shortened.
pub(super) const ROOM_BYTES_MIN: usize = 100;

/// Returns the pieces of a text: its lines, each cut at word ends into pieces of at most `room` bytes.
pub(super) fn pieces(text: &str, room: usize) -> Vec<String> {
    let room = room.max(ROOM_BYTES_MIN);
    let mut pieces = Vec::new();
    for line in text.split('\n') {
        let line: String =
            line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| *c != '\r').collect();
        let mut rest = line.trim_end();
        while rest.len() > room {
            let most = rest.floor_char_boundary(room);
            let end =
                rest[..most + usize::from(rest.as_bytes()[most] == b' ')].rfind(' ').filter(|end| *end > 0);
            let (piece, later) = rest.split_at(end.unwrap_or(most));
            pieces.push(piece.to_owned());
            rest = later.trim_start_matches(' ');
        }
        if !rest.is_empty() {
            pieces.push(rest.to_owned());
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_word_ends() {
        let words = "word ".repeat(50);
        let cut = pieces(&words, 102);
        assert!(cut.iter().all(|piece| piece.len() <= 102 && piece.ends_with("word")), "{cut:?}");
        assert_eq!(cut.join(" "), words.trim_end());
        let word = "é".repeat(150);
        let cut = pieces(&word, 101);
        assert_eq!((cut[0].len(), cut.concat()), (100, word));
    }

    #[test]
    fn each_line_is_a_piece() {
        assert_eq!(pieces("one\n\n two\tx \r\n", 400), ["one", " two x"]);
        assert_eq!(pieces("", 400), [""; 0]);
    }
}
