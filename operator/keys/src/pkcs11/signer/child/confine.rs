//! What ends this process, and what it keeps to itself.

use std::fs::{self, File};
use std::io::{self, Write};

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getpid, kill_process, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};

/// Ends this process with the operator, even while the library hangs; the end of the stream does the
/// same if the operator has ended before. A crash leaves no file with the PIN in it.
pub(super) fn confine() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // If memory runs out, and the kernel ends one process of the container, it should be this one.
    // Files of a process that is not dumpable are root's, so this comes first.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    // Where the kernel pipes core dumps to a program, there is no limit of their length.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    // The library must not read what the operator sends.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(())
}

/// Ends this process, and says why. A library may have handlers of signals and of exit that hang, so it is the one
/// signal that nothing can handle.
pub(super) fn end(cause: &str) -> ! {
    // The operator's log has it, if there is still an operator.
    let _ = writeln!(io::stderr(), "signet ends this process: {cause}");
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}
