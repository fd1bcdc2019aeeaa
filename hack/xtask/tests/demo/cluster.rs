//! The cluster that a command has left up.

use std::path::PathBuf;
use std::process::Command;

use signet_testbed::controlplane::Toolchain;

/// A cluster that can be reached as the last line of `output` says.
pub(crate) struct Reached {
    kubectl: PathBuf,
    pub(crate) kubeconfig: PathBuf,
}

impl Reached {
    pub(crate) fn by(output: &str) -> Self {
        let line = output.lines().last().unwrap();
        let shell = format!("{line}; printf %s \"$KUBECONFIG\"");
        let shell = Command::new("sh").args(["-c", &shell]).output().unwrap();
        Self {
            kubectl: Toolchain::new().unwrap().kubectl().unwrap(),
            kubeconfig: String::from_utf8(shell.stdout).unwrap().into(),
        }
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.kubectl)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.kubeconfig.with_extension("cache"))
            .args(arguments)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
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
