//! `demo`: a scenario on the embedded sandbox, told on the terminal.

use std::sync::Arc;

use serde_json::json;

use super::arguments::{DemoOptions, Output};
use super::terminal::{Tone, printable};
use super::{Exit, Terminal};
use crate::demo::narrator::{Mood, Narrator};
use crate::demo::player::{Performance, Tempo, play};
use crate::demo::{self, Scenario};

/// Plays a scenario, or lists them.
pub(super) async fn demo(options: DemoOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    if options.list {
        list(terminal);
        return Ok(Exit::Ok);
    }
    let Some(scenario) = demo::find(&options.scenario) else {
        terminal.error(&format!("there is no scenario {}", options.scenario));
        terminal.note("\nhint: `snykwatch demo --list` lists them");
        return Ok(Exit::Usage);
    };
    let narrator = match options.output {
        Output::Table => narrator(*terminal),
        Output::Json => Narrator::default(),
    };
    let tempo = if options.fast { Tempo::Fast } else { Tempo::Told };
    let ending = Box::pin(play(&scenario, Performance { tempo, listen: options.listen }, &narrator)).await?;
    let missed: Vec<_> = ending
        .disappointments
        .iter()
        .map(|missed| {
            json!({
                "after_minutes": missed.after.num_minutes(), "expected": missed.expected, "found": missed.found,
            })
        })
        .collect();
    match options.output {
        Output::Json => terminal.data(&serde_json::to_string_pretty(&json!({
            "scenario": scenario.name, "line": scenario.line, "checked": ending.checked, "missed": missed,
        }))?),
        Output::Table => conclude(&scenario, ending.checked, &missed, terminal),
    }
    if options.keep_running {
        terminal.note(&format!("still running on http://{}/ (Ctrl-C ends it)", ending.stage.daemon.address()));
        tokio::signal::ctrl_c().await?;
    }
    ending.stage.strike().await;
    Ok(if missed.is_empty() { Exit::Ok } else { Exit::Problems })
}

fn list(terminal: &Terminal) {
    for scenario in demo::all() {
        let line = scenario.line.map_or_else(|| "  ".to_owned(), |line| format!("{line:2}"));
        terminal.data(&format!("{line}  {:32} {}", scenario.name, scenario.title));
    }
}

fn narrator(terminal: Terminal) -> Narrator {
    Narrator::to(Arc::new(move |mood, line| {
        let line = printable(line);
        let tone = match mood {
            Mood::Deed => Tone::Strong,
            Mood::Good => Tone::Good,
            Mood::Bad => Tone::Bad,
            Mood::Doubtful => Tone::Doubtful,
            Mood::Quiet => Tone::Quiet,
        };
        terminal.data(&terminal.tone(tone, &line));
    }))
}

fn conclude(scenario: &Scenario, checked: usize, missed: &[serde_json::Value], terminal: &Terminal) {
    if missed.is_empty() {
        let line = format!("the end: all {checked} expectations of scenario {} were met", scenario.name);
        terminal.data(&terminal.tone(Tone::Good, &line));
        return;
    }
    for missed in missed {
        let line = format!("expected {} but found {}", missed["expected"], missed["found"]);
        terminal.data(&terminal.tone(Tone::Bad, &printable(&line)));
    }
}
