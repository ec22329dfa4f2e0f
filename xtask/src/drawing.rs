//! Mermaid diagrams as SVG, drawn here, so that the book and the slides need no
//! network and no script.
//!
//! `merman-render` draws them. It does not see the reader's fonts, so a text's
//! width is estimated, and a little too wide rather than cut off. All is in greys
//! on a transparent ground: on a dark page, `filter: invert(1)` is all it takes.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Context, Result};
use merman_core::{Engine, MermaidConfig, OperationControl, ParseOptions};
use merman_render::LayoutOptions;
use merman_render::environment::{
    MeasurementProfileId, RenderEnvironment, TextMeasurementPolicy, TextMeasurementProfile,
    TextMeasurementProfileIdentity,
};
use merman_render::family;
use merman_render::svg::{SvgDebugOptions, SvgRenderOptions};
use merman_render::text::DeterministicTextMeasurer;
use serde_json::json;

/// The widths below are those of Arial; the others have the same, or narrower, letters.
const FONTS: &str = "Arial, Helvetica, 'Liberation Sans', sans-serif";

/// Draws a diagram; the result is an `<svg>` element to be placed in a page. Its ids
/// are those of no other diagram.
pub fn svg(mermaid: &str) -> Result<String> {
    let engine = Engine::new().with_site_config(MermaidConfig::from_value(json!({
        "theme": "neutral",
        "look": "classic",
        "fontFamily": FONTS,
        "themeVariables": { "noteBkgColor": "#fff", "noteTextColor": "#000", "noteBorderColor": "#666" },
        "sequence": {
            "mirrorActors": false, "width": 110, "height": 40, "actorMargin": 24, "boxMargin": 5,
            "noteMargin": 6, "diagramMarginX": 4, "diagramMarginY": 4,
        },
        "flowchart": {
            "nodeSpacing": 22, "rankSpacing": 28, "padding": 8, "diagramPadding": 4,
            "wrappingWidth": 220, "subGraphTitleMargin": { "top": 4, "bottom": 8 },
        },
        "state": { "nodeSpacing": 22, "rankSpacing": 28, "padding": 6 },
    })));
    let diagram = engine
        .parse_diagram_for_render_model_sync(mermaid, ParseOptions::strict())?
        .context("an empty diagram")?;
    let session = environment()?.begin_session_with_control(OperationControl::new())?;
    let layout = family::prepare(diagram, &LayoutOptions::headless_svg_defaults(), session)?;
    let mut hash = DefaultHasher::new();
    mermaid.hash(&mut hash);
    let options = SvgRenderOptions {
        diagram_id: Some(format!("diagram-{:016x}", hash.finish())),
        ..SvgRenderOptions::default()
    };
    let drawn = layout.render_svg(&options, &SvgDebugOptions::default())?;
    let svg = drawn.into_parts().0;
    // A label at the rim may be wider than was estimated; one that is narrower is centred.
    let svg = svg.replacen("style=\"", "style=\"overflow: visible; ", 1);
    Ok(svg.replace(
        "display: table-cell;",
        "display: block; width: max-content; min-width: 100%; text-align: center;",
    ))
}

fn environment() -> Result<RenderEnvironment> {
    let letters = DeterministicTextMeasurer::default().with_width_callback(|text, style| {
        let wide = |c: char| c.is_uppercase() || !c.is_ascii();
        let widths = text.chars().map(|c| if wide(c) { 0.72 } else { 0.53 });
        widths.sum::<f64>() * style.font_size
    });
    let name = TextMeasurementProfileIdentity::new(MeasurementProfileId::new("arial")?, "1")?;
    let profile = TextMeasurementProfile::new(name, letters);
    let policy = TextMeasurementPolicy::uniform(profile);
    Ok(RenderEnvironment::deterministic().with_text_measurement_policy(policy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_drawn() {
        for (diagram, shown) in [
            ("flowchart TD\n  A[accept] --> B[reply]", "reply"),
            ("sequenceDiagram\n  Client->>Server: PING", "PING"),
            ("stateDiagram-v2\n  [*] --> running: bytes", "running"),
        ] {
            let svg = svg(diagram).expect(diagram);
            assert!(svg.starts_with("<svg ") && svg.contains(shown), "{svg}");
        }
        svg("flowchart TD\n  A[x --> B").expect_err("a box that is not closed");
    }
}
