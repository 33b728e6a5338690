//! The soak: one daemon lives for a while, both ends and the receivers in changing moods, and people look at it. What a
//! process holds must not grow for ever.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use snykwatch::sandbox::receivers::Trouble;
use snykwatch::sandbox::{Api, FaultKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::daemon::{Birth, Daemon};
use super::dice::Dice;
use super::problems::Problem;
use super::stage::{Pace, Stage, is_panic};

const EVERY: Duration = Duration::from_secs(5);

/// A mood lasts so many milliseconds.
const SHORTEST_MOOD: u64 = 4_000;
const LONGEST_MOOD: u64 = 40_000;

/// What is filled once is filled by then; it is left out.
const WARMING_UP: Duration = Duration::from_mins(1);

/// An answer of the daemon takes no longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Memory is judged by runs that last so long: an allocator takes its time to settle.
const LONG: Duration = Duration::from_mins(15);

/// The last third may hold so much more memory than the first.
const MEMORY_RATIO: f64 = 1.5;

/// Descriptors and threads come and go with what happens; so many more are no growth.
const SLACK: f64 = 10.0;

/// What a process holds.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    memory: f64,
    descriptors: f64,
    threads: f64,
    store: f64,
    log: f64,
    written: f64,
    waiting: f64,
}

impl Sample {
    const NAMES: [&'static str; 7] = [
        "RSS (MB)",
        "open descriptors",
        "threads",
        "state file (MB)",
        "write-ahead log (MB)",
        "written (MB/min)",
        "notifications that wait",
    ];

    const fn values(self) -> [f64; 7] {
        [self.memory, self.descriptors, self.threads, self.store, self.log, self.written, self.waiting]
    }
}

pub(crate) async fn run(binary: PathBuf, span: Duration, dice: Dice) -> ExitCode {
    let stage = Arc::new(Stage::set(binary, Pace::Lasting).await);
    let mut daemon = stage.start_daemon(Birth::default());
    let moods = tokio::spawn(change_moods(Arc::clone(&stage), daemon.id(), dice));
    let begin = Instant::now();
    let mut samples = Vec::new();
    let mut failures = Vec::new();
    let mut unanswered = 0;
    while begin.elapsed() < span {
        sleep(EVERY).await;
        if let Some(status) = daemon.has_ended() {
            failures.push(format!("the daemon ended by itself: {status}"));
            break;
        }
        // As Prometheus and a person do.
        let metrics = get(stage.port(), "/metrics").await;
        let page = get(stage.port(), "/").await;
        unanswered += usize::from(metrics.is_none()) + usize::from(page.is_none());
        if begin.elapsed() > WARMING_UP {
            samples.push(sample(&daemon, &stage.store_path(), metrics.as_deref().unwrap_or_default()));
        }
    }
    moods.abort();
    stage.receivers.set_trouble(None);
    if daemon.has_ended().is_none() {
        match daemon.terminate(PATIENCE * 2).await {
            Some(status) if status.success() => {}
            ended => failures.push(format!("asked to end, it ended with {ended:?}")),
        }
    }
    failures.extend(stage.said_since(0).lines().filter(|line| is_panic(line)).map(str::to_owned));
    if unanswered > 0 {
        failures.push(format!("{unanswered} questions were not answered within {} s", PATIENCE.as_secs()));
    }
    failures.extend(judge(&samples, span));
    for failure in &failures {
        println!("BREACH {failure}");
    }
    println!("{:.0} s, {} samples, {} breaches", begin.elapsed().as_secs_f64(), samples.len(), failures.len());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the thirds beside each other; gives what grows.
fn judge(samples: &[Sample], span: Duration) -> Vec<String> {
    let third = samples.len() / 3;
    if third == 0 {
        return vec!["it was too short to tell".to_owned()];
    }
    let minutes = EVERY.as_secs_f64() / 60.0;
    let mut failures = Vec::new();
    let [nothing, head_first, head_last, head_ratio, head_most] = ["", "first third", "last third", "ratio", "most"];
    println!("{nothing:<26} {head_first:>12} {head_last:>12} {head_ratio:>8} {head_most:>10}");
    for (place, name) in Sample::NAMES.into_iter().enumerate() {
        let mut series: Vec<f64> =
            samples.iter().map(|sample| sample.values().get(place).copied().unwrap_or_default()).collect();
        if name.starts_with("written") {
            series = series.windows(2).map(|pair| (pair.last().unwrap() - pair.first().unwrap()) / minutes).collect();
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let first = mean(series.get(..third).unwrap_or_default());
        let last = mean(series.get(series.len().saturating_sub(third)..).unwrap_or_default());
        let most = series.iter().copied().fold(0.0, f64::max);
        let ratio = if first > 0.0 { last / first } else { 1.0 };
        println!("{name:<26} {first:>12.2} {last:>12.2} {ratio:>8.2} {most:>10.2}");
        let grows = match place {
            0 => span >= LONG && ratio > MEMORY_RATIO,
            1 | 2 => last > first + SLACK,
            _ => false,
        };
        if grows {
            failures.push(format!("{name}: {first:.2} in the first third, {last:.2} in the last"));
        }
    }
    failures
}

fn sample(daemon: &Daemon, store: &Path, metrics: &str) -> Sample {
    let process = PathBuf::from(format!("/proc/{}", daemon.id()));
    let read = |name: &str| std::fs::read_to_string(process.join(name)).unwrap_or_default();
    let number = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()).and_then(|word| word.parse().ok()).unwrap_or(0.0)
    };
    let megabytes = |path: &Path| std::fs::metadata(path).map_or(0.0, |file| file.len() as f64 / 1e6);
    let status = read("status");
    let mut log = store.as_os_str().to_owned();
    log.push("-wal");
    let waiting = metrics.lines().filter(|line| line.starts_with("snykwatch_notifications_pending{"));
    let waiting = waiting.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    Sample {
        memory: number(&status, "VmRSS:") / 1e3,
        descriptors: std::fs::read_dir(process.join("fd")).map_or(0.0, |open| open.count() as f64),
        threads: number(&status, "Threads:"),
        store: megabytes(store),
        log: megabytes(Path::new(&log)),
        written: number(&read("io"), "write_bytes:") / 1e6,
        waiting: waiting.sum(),
    }
}

/// The body, and what is before it; `None`: no answer in time.
async fn get(port: u16, path: &str) -> Option<String> {
    let asking = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(PATIENCE, asking).await.ok()?.ok()
}

/// Both ends and the receivers are well, ill in one way, ill in another; now and then the configuration is read again.
async fn change_moods(stage: Arc<Stage>, daemon: u32, mut dice: Dice) {
    loop {
        match dice.between(0, 9) {
            0..=4 => {
                let api = if dice.one_in(2) { Api::Snyk } else { Api::Bitbucket };
                stage.set_fault(api, mood(&mut dice));
            }
            5..=6 => {
                let problem = *Problem::ALL.get(dice.below(Problem::ALL.len())).unwrap();
                stage.set_problem(problem, !stage.has_problem(problem));
            }
            7..=8 => {
                let trouble = match dice.between(0, 5) {
                    0 => Some(Trouble::Status(500)),
                    1 => Some(Trouble::Stall),
                    2 => Some(Trouble::AnswerLate(Duration::from_millis(800))),
                    3 => Some(Trouble::Cut),
                    _ => None,
                };
                stage.receivers.set_trouble(trouble.as_ref());
            }
            _ => {
                let command = format!("kill -HUP {daemon}");
                std::process::Command::new("sh").args(["-c", &command]).status().unwrap();
            }
        }
        sleep(dice.milliseconds(SHORTEST_MOOD, LONGEST_MOOD)).await;
    }
}

fn mood(dice: &mut Dice) -> Option<FaultKind> {
    match dice.between(0, 11) {
        0 => Some(FaultKind::Status(503)),
        1 => Some(FaultKind::Hang),
        2 => Some(FaultKind::HtmlWithOk),
        3 => Some(FaultKind::TruncatedJson),
        4 => Some(FaultKind::ConnectionReset),
        5 => Some(FaultKind::Oversized(50_000_000)),
        6 => Some(FaultKind::Trickle(Duration::from_millis(20))),
        7 => Some(FaultKind::RedirectLoop),
        _ => None,
    }
}
