//! What one process measures of one library.

use crate::library::set_up;
use crate::{BURST, SECONDS};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: it only counts, and the system's allocator does the rest.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: handed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: handed on.
        unsafe { System.realloc(memory, layout, size) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: handed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What callgrind counts: the calls, on their own thread.
#[inline(never)]
fn timed_burst(run: fn(usize), calls: usize) {
    run(std::hint::black_box(calls));
}

/// Seconds of processor time of this process.
fn processor() -> f64 {
    let of = |path: std::path::PathBuf| -> f64 {
        let text = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0.0)
    };
    let threads =
        std::fs::read_dir("/proc/self/task").map(|tasks| tasks.flatten().map(|task| of(task.path())).sum());
    threads.unwrap_or(f64::NAN) / 1e9
}

/// Nanoseconds and allocations of a call.
pub(crate) fn burst(name: &str, address: &str) -> Result<(), Box<dyn Error>> {
    let library = set_up(name, address)?;
    let mut times = Vec::new();
    let mut allocations = 0;
    for _ in 0..100 {
        let (before, start) = (ALLOCATIONS.get(), Instant::now());
        timed_burst(library.run, BURST);
        times.push(start.elapsed().as_secs_f64() * 1e9 / BURST as f64);
        allocations = ALLOCATIONS.get() - before;
        (library.flush)();
    }
    times.sort_unstable_by(f64::total_cmp);
    writeln!(std::io::stdout(), "{} {}", times[times.len() / 2], allocations as f64 / BURST as f64)?;
    (library.end)();
    Ok(())
}

/// So many bursts and nothing else, for callgrind.
pub(crate) fn bursts(name: &str, address: &str, times: usize) -> Result<(), Box<dyn Error>> {
    let library = set_up(name, address)?;
    for _ in 0..times {
        timed_burst(library.run, BURST);
        (library.flush)();
    }
    (library.end)();
    Ok(())
}

/// Calls at a steady rate, or as fast as they go; processor time of the whole process, calls made.
pub(crate) fn pace(name: &str, address: &str, rate: usize) -> Result<(), Box<dyn Error>> {
    let library = set_up(name, address)?;
    (library.run)(64);
    (library.flush)();
    let (before, start, mut made) = (processor(), Instant::now(), 64);
    while start.elapsed() < Duration::from_secs(SECONDS) {
        let due =
            if rate == 0 { 64 } else { (start.elapsed().as_secs_f64() * rate as f64) as usize + 64 - made };
        (library.run)(due);
        made += due;
        if rate > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    (library.flush)();
    writeln!(std::io::stdout(), "{} {made}", processor() - before)?;
    (library.end)();
    Ok(())
}
