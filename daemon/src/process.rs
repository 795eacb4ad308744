//! Figures of this process from the operating system.

use i3_core::health::Process;
use i3_core::time::{Instant, UnixTime};

/// Returns the current figures, for a report that was due at `due` of a process that was started at `started`.
pub fn figures(due: Instant, started: UnixTime) -> Process {
    let figures =
        Process { due, started: Some(started), log_lines_lost: i3_config::log::lost(), ..Process::default() };
    #[cfg(target_os = "linux")]
    let figures = of_proc(figures);
    figures
}

#[cfg(target_os = "linux")]
fn of_proc(mut figures: Process) -> Process {
    use procfs::process::LimitValue;
    use std::time::Duration;

    let Ok(this) = procfs::process::Process::myself() else { return figures };
    figures.open_files = this.fd_count().ok().and_then(|count| u64::try_from(count).ok());
    figures.open_files_max = this.limits().ok().and_then(|limits| match limits.max_open_files.soft_limit {
        LimitValue::Value(most) => Some(most),
        LimitValue::Unlimited => None,
    });
    let Ok(stat) = this.stat() else { return figures };
    figures.resident_bytes = Some(stat.rss.saturating_mul(procfs::page_size()));
    figures.virtual_bytes = Some(stat.vsize);
    figures.threads = u64::try_from(stat.num_threads).ok();
    let ticks = (stat.utime + stat.stime) as f64;
    figures.cpu = Some(Duration::from_secs_f64(ticks / procfs::ticks_per_second() as f64));
    figures
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_has_all_figures() {
        let figures = figures(Instant::ORIGIN, UnixTime::from_micros(7));
        let page = 4096;
        assert!(figures.resident_bytes.is_some_and(|bytes| bytes > page), "{figures:?}");
        assert!(figures.virtual_bytes >= figures.resident_bytes, "{figures:?}");
        assert!(figures.open_files.is_some_and(|files| files >= 3), "{figures:?}");
        assert!(figures.threads.is_some_and(|threads| threads >= 1), "{figures:?}");
        assert!(figures.cpu.is_some() && figures.started == Some(UnixTime::from_micros(7)), "{figures:?}");
    }
}
