//! The tables as bars, in SVG files: one panel for each column.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

/// The size of a panel, in pixels.
const PANEL: (u32, u32) = (280, 240);
const BAR: RGBColor = RGBColor(70, 110, 170);

/// A column of a table: a title with its unit, and a value for each row.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) bars: Vec<(String, f64)>,
}

impl Panel {
    pub(crate) fn new<'a, T: 'a>(
        title: &'static str,
        rows: &'a [T],
        bar: impl Fn(&'a T) -> (String, Option<f64>),
    ) -> Self {
        let bars = rows.iter().map(bar);
        let bars = bars.filter_map(|(name, value)| Some((name, value?)));
        Self {
            title,
            bars: bars.collect(),
        }
    }
}

/// Draws the panels side by side, and returns the SVG.
pub(crate) fn svg(panels: &[Panel]) -> Result<String> {
    let mut text = String::new();
    let columns = u32::try_from(panels.len())?;
    let area = SVGBackend::with_string(&mut text, (PANEL.0 * columns, PANEL.1));
    let area = area.into_drawing_area();
    area.fill(&WHITE)?;
    for (panel, area) in panels.iter().zip(area.split_evenly((1, panels.len()))) {
        draw(panel, &area).map_err(|error| anyhow!("{}: {error}", panel.title))?;
    }
    area.present()?;
    drop(area);
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw(panel: &Panel, area: &Area<'_>) -> Result<(), Box<dyn std::error::Error>> {
    let highest = panel
        .bars
        .iter()
        .map(|(_, value)| *value)
        .fold(0.0, f64::max);
    let last = panel.bars.len().saturating_sub(1);
    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, ("sans-serif", 14))
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(40)
        .build_cartesian_2d((0..last).into_segmented(), 0.0..highest * 1.15)?;
    let name = |at: &SegmentValue<usize>| match at {
        SegmentValue::CenterOf(index) => panel.bars.get(*index).map(|bar| bar.0.clone()),
        SegmentValue::Exact(_) | SegmentValue::Last => None,
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(panel.bars.len())
        .x_label_formatter(&|at| name(at).unwrap_or_default())
        .y_labels(5)
        .draw()?;
    let bars = Histogram::vertical(&chart).style(BAR.filled()).margin(12);
    let values = panel.bars.iter().enumerate();
    chart.draw_series(bars.data(values.map(|(index, (_, value))| (index, *value))))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_name_and_a_bar_as_high_as_its_value() {
        let rows = [
            ("ceiling", None),
            ("cert-manager", Some(96.0)),
            ("signet", Some(24.0)),
        ];
        let panel = Panel::new("memory, MB", &rows, |(name, value)| {
            ((*name).to_owned(), *value)
        });
        assert_eq!(panel.bars.len(), 2, "the ceiling has no process");
        let svg = svg(&[panel]).unwrap();
        for text in ["memory, MB", "cert-manager", "signet"] {
            assert!(svg.contains(text), "{text}");
        }
        let mut heights: Vec<f64> = svg
            .lines()
            .filter(|line| line.contains("<rect") && line.contains("#466EAA"))
            .map(|line| {
                let (_, rest) = line.split_once("height=\"").unwrap();
                rest.split('"').next().unwrap().parse().unwrap()
            })
            .collect();
        heights.sort_by(f64::total_cmp);
        let ratio = heights[1] / heights[0];
        assert!((ratio - 4.0).abs() < 0.1, "{heights:?}");
    }
}
