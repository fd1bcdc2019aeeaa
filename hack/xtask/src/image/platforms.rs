//! Which architectures an image is built for.

use anyhow::{Context, Result};
use signet_testbed::say;

use super::architecture::Architecture;
use super::binary::{Kind, check_toolchain};

/// The chosen architectures, or else all that this machine has a compiler for. Reports which is left
/// out, and why.
///
/// # Errors
/// There is no compiler for one that was chosen.
pub(super) fn choose(chosen: &[Architecture], kind: Kind) -> Result<Vec<Architecture>> {
    match kind {
        // Fails later for another machine's, whatever its compiler.
        Kind::Debug if !chosen.is_empty() => Ok(sorted(chosen)),
        Kind::Debug => {
            let native = Architecture::ALL.into_iter().find(|it| it.is_native());
            let native = native.context("images are built on amd64 and arm64")?;
            Ok(vec![native])
        }
        Kind::Release => {
            let (possible, left_out) = possible(chosen, check_toolchain)?;
            for (architecture, error) in left_out {
                say(format_args!("{architecture} is left out: {error:#}"));
            }
            Ok(possible)
        }
    }
}

type LeftOut = Vec<(Architecture, anyhow::Error)>;

fn possible(
    chosen: &[Architecture],
    check: impl Fn(Architecture) -> Result<()>,
) -> Result<(Vec<Architecture>, LeftOut)> {
    if !chosen.is_empty() {
        let chosen = sorted(chosen);
        chosen.iter().try_for_each(|it| check(*it))?;
        return Ok((chosen, LeftOut::new()));
    }
    let (mut possible, mut left_out) = (Vec::new(), LeftOut::new());
    for architecture in Architecture::ALL {
        match check(architecture) {
            Ok(()) => possible.push(architecture),
            Err(error) if architecture.is_native() => return Err(error),
            Err(error) => left_out.push((architecture, error)),
        }
    }
    Ok((possible, left_out))
}

/// Each once, in the order of the index.
fn sorted(chosen: &[Architecture]) -> Vec<Architecture> {
    let all = Architecture::ALL.into_iter();
    all.filter(|it| chosen.contains(it)).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    /// The toolchain of a machine without a cross compiler.
    fn native_only(architecture: Architecture) -> Result<()> {
        if !architecture.is_native() {
            bail!("install one");
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_built_is_left_out_only_if_it_was_not_chosen() {
        let all = Architecture::ALL;
        let (built, left_out) = possible(&[], |_| Ok(())).unwrap();
        assert_eq!((built.as_slice(), left_out.len()), (&all[..], 0));

        let (built, left_out) = possible(&[], native_only).unwrap();
        assert!(built.len() == 1 && built[0].is_native());
        assert_eq!(left_out.len(), all.len() - 1);
        assert_eq!(left_out[0].1.to_string(), "install one");

        possible(&all, native_only).unwrap_err();
        possible(&[], |_| bail!("no compiler at all")).unwrap_err();
    }

    #[test]
    fn the_debug_build_is_of_this_machine() {
        let chosen = choose(&[], Kind::Debug).unwrap();
        assert!(chosen.len() == 1 && chosen[0].is_native());
        let twice = [
            Architecture::Arm64,
            Architecture::Amd64,
            Architecture::Arm64,
        ];
        assert_eq!(choose(&twice, Kind::Debug).unwrap(), Architecture::ALL);
    }
}
