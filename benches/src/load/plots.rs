//! The figures as plots, in SVG: one line for each program, over the load.

use super::report::{Report, Row};
use super::{growth, identities};
use crate::daemon::Outcome;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

const SIZE: (u32, u32) = (760, 420);
const TEXT: (&str, u32) = ("sans-serif", 14);
const COLOURS: [RGBColor; 6] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(127, 127, 127),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(140, 86, 75),
];

/// What is drawn: a scenario, its load over which it is drawn, and one of its figures.
struct Plot {
    file: &'static str,
    title: &'static str,
    scenario: &'static str,
    over: &'static str,
    value: &'static str,
}

const PLOTS: &[Plot] = &[
    Plot {
        file: "fanout",
        title: "A router's flood: lines a second to all clients together",
        scenario: "fanout",
        over: "clients",
        value: "lines/s to all",
    },
    Plot {
        file: "latency",
        title: "Lines at a steady rate: 99th percentile, microseconds",
        scenario: "latency",
        over: "clients",
        value: "p99 us",
    },
    growth_plot("growth-clients", "clients"),
    growth_plot("growth-channels", "channels"),
    growth_plot("growth-muds", "muds in the list"),
    growth_plot("growth-identities", "identities"),
    growth_plot("growth-kept", "kept tells"),
    Plot {
        file: "identities-memory",
        title: "Identities of one gateway: memory after the logins, kB",
        scenario: "growth-identities",
        over: "identities",
        value: identities::MEMORY,
    },
];

const fn growth_plot(scenario: &'static str, over: &'static str) -> Plot {
    let title = "Processor time of a line and client, nanoseconds";
    Plot { file: scenario, title, scenario, over, value: growth::COST }
}

struct Series {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Draws what a report has figures for, and gives the files.
pub fn draw(report: &Report, directory: &Path) -> Outcome<Vec<PathBuf>> {
    fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut files = Vec::new();
    for plot in PLOTS {
        let series = series(plot, report);
        // A line needs two points.
        if series.iter().any(|series| series.points.len() > 1) {
            let file = directory.join(format!("{}.svg", plot.file));
            let text = svg(plot, &series).map_err(|error| format!("{}: {error}", plot.file))?;
            fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
            files.push(file);
        }
    }
    Ok(files)
}

/// A line for each program, and for each other load of it.
fn series(plot: &Plot, report: &Report) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for row in report.of(plot.scenario) {
        let (Some(x), Some(y)) = (row.load_number(plot.over), row.value(plot.value)) else { continue };
        let name = name(plot, row, report);
        match all.iter_mut().find(|series| series.name == name) {
            Some(series) => series.points.push((x, y)),
            None => all.push(Series { name, points: vec![(x, y)] }),
        }
    }
    all
}

/// The program, and the load besides what is drawn over where it differs between rows.
fn name(plot: &Plot, row: &Row, report: &Report) -> String {
    let mut name = row.program.clone();
    for (load, value) in row.load.iter().filter(|(load, _)| *load != plot.over) {
        if report.of(plot.scenario).any(|other| other.load(load) != Some(value)) {
            name += &format!(", {value}");
        }
    }
    name
}

/// From the least to the greatest, and a little further.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, most) = values
        .filter(|value| *value > 0.0)
        .fold((f64::MAX, f64::MIN), |(least, most), value| (value.min(least), value.max(most)));
    if least > most { (1.0, 10.0) } else { (least / 1.5, most * 1.5) }
}

fn svg(plot: &Plot, all: &[Series]) -> Result<String, Box<dyn std::error::Error>> {
    let points = || all.iter().flat_map(|series| series.points.iter().copied());
    let (left, right) = range(points().map(|(x, _)| x));
    let (bottom, top) = range(points().map(|(_, y)| y));
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(plot.title, ("sans-serif", 17))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(84)
            .build_cartesian_2d((left..right).log_scale(), (bottom..top).log_scale())?;
        axes(&mut chart, plot)?;
        for (at, series) in all.iter().enumerate() {
            let colour = COLOURS[at % COLOURS.len()];
            chart
                .draw_series(LineSeries::new(series.points.iter().copied(), colour.stroke_width(2)))?
                .label(&series.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
            chart.draw_series(series.points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.2))
            .label_font(TEXT)
            .draw()?;
        area.present()?;
    }
    Ok(text + "\n")
}

fn axes<X, Y>(
    chart: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<X, Y>>,
    plot: &Plot,
) -> Result<(), Box<dyn std::error::Error>>
where
    X: Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .x_desc(plot.over)
        .label_style(TEXT)
        .light_line_style(BLACK.mix(0.05))
        .bold_line_style(BLACK.mix(0.15))
        .x_label_formatter(&|value| super::report::shown(*value))
        .y_label_formatter(&|value| super::report::shown(*value))
        .draw()
        .map_err(|error| error.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::report::Kind;

    #[test]
    fn a_plot_has_a_line_for_each_program_and_door() {
        let row = |program: &str, door: &str, clients: usize, value| Row {
            scenario: "fanout",
            program: program.to_owned(),
            kind: Kind::Smol,
            load: vec![("door", door.to_owned()), ("clients", clients.to_string())],
            values: vec![("lines/s to all", value)],
        };
        let rows = vec![
            row("a", "lines", 1, 1e5),
            row("a", "lines", 100, 1e6),
            row("a", "tls", 1, 5e4),
            row("a", "tls", 100, 4e5),
        ];
        let folder = tempfile::tempdir().unwrap();
        let files = draw(&Report { rows }, folder.path()).unwrap();
        assert_eq!(files, [folder.path().join("fanout.svg")]);
        let svg = fs::read_to_string(&files[0]).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("a, tls") && svg.contains("clients"), "{svg}");
        for colour in ["#1F77B4", "#D62728"] {
            let lines = svg.lines().filter(|line| line.starts_with("<polyline") && line.contains(colour));
            assert_eq!(lines.count(), 2, "a line and its place in the legend: {svg}");
        }
    }
}
