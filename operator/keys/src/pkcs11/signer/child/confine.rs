//! What ends this process, and what it keeps to itself.

use std::fs::File;
use std::io;

use rustix::process::{
    Resource, Rlimit, Signal, getpid, kill_process, set_parent_process_death_signal, setrlimit,
};

/// Ends this process with the operator, even while the library hangs; the end of the stream does the
/// same if the operator has ended before. A crash leaves no file with the PIN in it.
pub(super) fn confine() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    // The library must not read what the operator sends.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(())
}

/// Ends this process. A library may have handlers of signals and of exit that hang, so it is the one
/// signal that nothing can handle.
pub(super) fn end() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}
