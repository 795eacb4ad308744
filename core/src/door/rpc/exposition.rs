//! `/metrics`: the figures in the OpenMetrics text format, or in Prometheus' older one.

use super::snapshot::Snapshot;
use crate::service::Parts;
use bytes::Bytes;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use std::fmt::{self, Write};

/// The format of a page of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4, for clients that do not ask for OpenMetrics.
    Prometheus,
}

impl Format {
    /// Returns the format that a request's `Accept` header prefers.
    pub fn of_accept(accept: Option<&str>) -> Self {
        let quality = |wanted: &[&str]| {
            let ranges = accept.unwrap_or_default().split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let name = parts.next()?.to_ascii_lowercase();
                let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
                wanted.contains(&name.as_str()).then_some(quality.unwrap_or(1.0))
            });
            ranges.fold(0.0, f64::max)
        };
        let open = quality(&["application/openmetrics-text"]);
        if open > 0.0 && open >= quality(&["text/plain", "text/*", "*/*"]) {
            Format::OpenMetrics
        } else {
            Format::Prometheus
        }
    }

    /// The content type of the answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The bytes of a piece of the page. With hundreds of muds a page has about a megabyte. In one piece, it would leave a hole
/// of that size in the memory of the process.
const PIECE_BYTES: usize = 32 * 1024;

/// Returns the page, in pieces.
pub(crate) fn encode(parts: &Parts<'_>, format: Format) -> Vec<Bytes> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot::of(parts)));
    let mut pieces = Pieces::default();
    // Writing to memory cannot fail.
    let _ = match format {
        Format::OpenMetrics => text::encode(&mut pieces, &registry),
        Format::Prometheus => {
            text::encode(&mut Older { pieces: &mut pieces, line: String::new(), help: None }, &registry)
        }
    };
    pieces.finish()
}

/// What is written, in pieces.
#[derive(Debug, Default)]
struct Pieces {
    full: Vec<Bytes>,
    open: Vec<u8>,
}

impl Pieces {
    fn finish(mut self) -> Vec<Bytes> {
        self.full.push(self.open.into());
        self.full
    }
}

impl Write for Pieces {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.open.len() + text.len() > self.open.capacity() {
            let next = Vec::with_capacity(PIECE_BYTES.max(text.len()));
            let full = std::mem::replace(&mut self.open, next);
            if !full.is_empty() {
                self.full.push(full.into());
            }
        }
        self.open.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Converts OpenMetrics to Prometheus' text format. There, a family has the name of its samples, an info is a gauge,
/// and neither units nor an end mark exist.
#[derive(Debug)]
struct Older<'a> {
    pieces: &'a mut Pieces,
    /// The beginning of a line.
    line: String,
    /// The help of the family whose type comes next.
    help: Option<String>,
}

impl Write for Older<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((end, next)) = rest.split_once('\n') {
            self.line.push_str(end);
            let mut line = std::mem::take(&mut self.line);
            self.convert(&line)?;
            line.clear();
            (self.line, rest) = (line, next);
        }
        self.line.push_str(rest);
        Ok(())
    }
}

impl Older<'_> {
    fn convert(&mut self, line: &str) -> fmt::Result {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            self.help = rest.split_once(' ').map(|(_, help)| help.to_owned());
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (end, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                kind => ("", kind),
            };
            if let Some(help) = self.help.take() {
                writeln!(self.pieces, "# HELP {name}{end} {help}")?;
            }
            writeln!(self.pieces, "# TYPE {name}{end} {kind}")?;
        } else if !line.starts_with('#') {
            writeln!(self.pieces, "{line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_accepts_openmetrics_gets_it() {
        // The headers that Prometheus 2 and 3, curl and a browser send.
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                          application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for (accept, format) in [
            (None, Format::Prometheus),
            (Some("*/*"), Format::Prometheus),
            (Some("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), Format::Prometheus),
            (Some(prometheus), Format::OpenMetrics),
            (Some("Application/OpenMetrics-Text"), Format::OpenMetrics),
            (Some("application/openmetrics-text;q=0"), Format::Prometheus),
            (Some("text/plain, application/openmetrics-text; q=0.9"), Format::Prometheus),
        ] {
            assert_eq!(Format::of_accept(accept), format, "{accept:?}");
        }
    }

    #[test]
    fn the_older_format_names_families_like_their_samples() {
        let text = "# HELP a A.\n# TYPE a counter\na_total{x=\"y\"} 1\n# HELP b_bytes B.\n# TYPE b_bytes gauge\n\
                    # UNIT b_bytes bytes\nb_bytes 2\n# HELP c C.\n# TYPE c info\nc_info{v=\"1\"} 1\n# EOF\n";
        let mut pieces = Pieces::default();
        let mut older = Older { pieces: &mut pieces, line: String::new(), help: None };
        // Lines come in parts.
        text.split_inclusive([' ', '_']).for_each(|part| older.write_str(part).unwrap());
        assert_eq!(
            String::from_utf8(pieces.finish().concat()).unwrap(),
            "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"y\"} 1\n# HELP b_bytes B.\n\
             # TYPE b_bytes gauge\nb_bytes 2\n# HELP c_info C.\n# TYPE c_info gauge\nc_info{v=\"1\"} 1\n"
        );
    }
}
