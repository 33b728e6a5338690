//! Attacks on what reads a stored state: its file may be of another version, of another hand, or of a failing disk.

use chrono::TimeDelta;

use super::{Assembly, Changes};
use crate::domain::state::State;
use crate::health;
use crate::hostile::{Attack, told};
use crate::snapshot::sample;

/// Between two parts of an input, each of which is a kind, a key and a value on lines of their own.
const BETWEEN: &str = "\n\n";

fn written(state: &State) -> Vec<String> {
    let parts = Changes::between(&State::default(), state).unwrap().written;
    parts.iter().map(|part| format!("{}\n{}\n{}", part.kind.as_str(), part.key, part.json)).collect()
}

#[test]
fn stored() {
    let told_state = sample::told_state();
    let parts = written(&told_state);
    let mut examples: Vec<Vec<u8>> = parts.iter().map(|part| part.clone().into_bytes()).collect();
    examples.push(parts.join(BETWEEN).into_bytes());
    let fleet = sample::fleet();
    Attack {
        name: "stored",
        examples,
        words: &["null", "-1", "\"since\"", "\"at\"", "true", "\"2026-11-23T09:00:00Z\"", "\n\n", "\"group\"", "{}"],
        runs: 2_000,
    }
    .run(|input| {
        let text = String::from_utf8_lossy(input);
        let mut assembly = Assembly::default();
        let mut problem = None;
        for part in text.split(BETWEEN) {
            let mut lines = part.splitn(3, '\n');
            let [kind, key, json] = [(); 3].map(|()| lines.next().unwrap_or_default());
            if let Err(unreadable) = assembly.add(kind, key, json) {
                problem = Some(unreadable.source.to_string());
                break;
            }
        }
        if let Some(problem) = problem {
            return told(problem.split(" at line ").next());
        }
        let Ok(mut state) = assembly.finish() else { return told("orphan") };
        let again = written(&state);
        for later in [TimeDelta::zero(), TimeDelta::hours(2), TimeDelta::days(200)] {
            health::evaluate(&mut state, &fleet, sample::now() + later);
            health::incidents::evaluate(&mut state, &fleet, sample::now() + later);
            crate::snapshot::Snapshot::build(&fleet, &state, sample::now() + later, sample::own());
        }
        let statuses: Vec<_> = state
            .integrations
            .values()
            .map(|integration| integration.status.as_ref().map(|status| status.status))
            .collect();
        told((again.len(), statuses, state.incidents.len()))
    });
}
