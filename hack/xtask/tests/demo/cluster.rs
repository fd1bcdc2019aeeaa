//! The cluster that a command has left up.

use std::path::Path;
use std::process::Command;

use signet_testbed::controlplane::{Cluster, Toolchain};
use signet_testbed::run;

/// A cluster that is reached as the last line of `output` says.
pub(crate) struct Reached(Cluster);

impl Reached {
    pub(crate) fn by(output: &str) -> Self {
        let line = output.lines().last().unwrap();
        let shell = format!("{line}; printf %s \"$KUBECONFIG\"");
        let kubeconfig = run(Command::new("sh").args(["-c", &shell])).unwrap();
        let kubeconfig = Path::new(&kubeconfig);
        let home = kubeconfig.with_extension("home");
        Self(Cluster::new(kubeconfig, &home, &Toolchain::new().unwrap()).unwrap())
    }

    pub(crate) fn kubeconfig(&self) -> &str {
        self.0.kubeconfig().to_str().unwrap()
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        run(self.0.kubectl().args(arguments)).unwrap()
    }

    pub(crate) fn await_ready(&self, object: &str) {
        let wait = ["wait", "--for=condition=Ready", "--timeout=1h"];
        self.kubectl(&[&wait, &["-n", "default", object][..]].concat());
    }

    /// Everything that the demo could have left.
    pub(crate) fn objects(&self) -> String {
        let kinds = "namespaces,crds,clusterroles,clusterrolebindings,roles,rolebindings,secrets,\
                     certificates,certificaterequests";
        self.kubectl(&["get", kinds, "-A", "-o", "name"])
    }
}
