//! What the run was measured on: the machine, and how much of it other programs took meanwhile.

use std::collections::HashMap;

/// Clock ticks of all cores since the machine started, and what this program and its servers had of them.
pub struct Ticks {
    all: f64,
    idle: f64,
    stolen: f64,
    own: f64,
    load: String,
}

impl Ticks {
    /// Those of this program with its children, and of another process with its own.
    pub fn now(beside: Option<u32>) -> Self {
        let stat = read("/proc/stat");
        let fields: Vec<f64> =
            stat.lines().next().unwrap_or("").split_whitespace().skip(1).take(8).filter_map(number).collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or(0.0);
        let load = read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ");
        Self {
            all: fields.iter().sum(),
            idle: field(3) + field(4),
            stolen: field(7),
            own: own_ticks(std::process::id()) + beside.map_or(0.0, own_ticks),
            load,
        }
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn number(word: &str) -> Option<f64> {
    word.parse().ok()
}

/// Processor time of a process and of all that descend from it.
fn own_ticks(root: u32) -> f64 {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut ticks: HashMap<u32, f64> = HashMap::new();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let stat = read(&format!("/proc/{process}/stat"));
        // The name may hold spaces, and ends at the last parenthesis.
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let words: Vec<&str> = rest.split(' ').collect();
        let word = |at: usize| words.get(at).copied().and_then(number).unwrap_or(0.0);
        children.entry(word(1) as u32).or_default().push(process);
        // Its own time and that of children that ended.
        ticks.insert(process, word(11) + word(12) + word(13) + word(14));
    }
    let (mut sum, mut todo) = (0.0, vec![root]);
    while let Some(process) = todo.pop() {
        sum += ticks.get(&process).copied().unwrap_or(0.0);
        todo.extend(children.remove(&process).unwrap_or_default());
    }
    sum
}

/// The machine in one line.
pub fn facts() -> String {
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches([' ', '\t', ':']);
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let memory = read("/proc/meminfo");
    let memory = memory.split_whitespace().nth(1).and_then(number).unwrap_or(0.0) / 1024.0 / 1024.0;
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} × {model}, {memory:.0} GiB of memory, Linux {}", kernel.trim())
}

/// What happened between two moments that was not this program's doing.
pub fn others(start: &Ticks, end: &Ticks) -> String {
    let all = (end.all - start.all).max(1.0);
    let busy = all - (end.idle - start.idle) - (end.stolen - start.stolen);
    let other = (busy - (end.own - start.own)).max(0.0);
    format!(
        "Load average {} at the start, {} at the end; other programs used {:.0} % of the processors meanwhile, the host withheld {:.0} %",
        start.load,
        end.load,
        100.0 * other / all,
        100.0 * (end.stolen - start.stolen) / all
    )
}
