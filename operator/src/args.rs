//! The command-line flags and their environment variables.

mod inspect;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use signet_api::Preset;
use signet_core::request::ServiceAccount;
use signet_core::spiffe::TrustDomain;
use signet_keys::ProxyUrl;

pub use inspect::{Check, Connection, IssuerArgument, Status};

const MIN_LEASE_DURATION: Duration = Duration::from_secs(3);
const MAX_LEASE_DURATION: Duration = Duration::from_secs(3600);

/// Signet signs certificates for a CA whose key it never holds.
#[derive(Debug, Parser)]
#[command(name = "signet", version, about)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The name under which kubectl finds the program as its plugin `signet`.
const PLUGIN: &str = "kubectl-signet";

impl Cli {
    /// Reads the arguments of the process, and exits with a message if they are not valid.
    pub fn from_process() -> Self {
        let mut arguments = std::env::args_os();
        let command = command(&arguments.next().unwrap_or_default());
        let matches = command.get_matches_from(std::env::args_os());
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// Returns the command line as the user calls the program: as a plugin, `kubectl signet …`.
fn command(program: &OsStr) -> clap::Command {
    let is_plugin = Path::new(program).file_name() == Some(OsStr::new(PLUGIN));
    match is_plugin {
        true => Cli::command().bin_name("kubectl signet"),
        false => Cli::command(),
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the operator.
    Run(Box<Run>),
    /// Prints built-in rules.
    #[command(subcommand)]
    Policy(Policy),
    /// Decides on requests in files, without a cluster. The exit code is 0 if all would be granted,
    /// 1 if one would be refused, and 2 if one cannot be decided.
    Decide(Decide),
    /// Checks an installation, as the user of a kubeconfig or as the pod's own ServiceAccount. The
    /// exit code is 0 if nothing is missing, 1 if something is, and 2 if something cannot be checked.
    Check(Box<Check>),
    /// Draws the CA of an issuer as a tree, with what waits for whom. The exit code is 0 if the issuer
    /// is ready, 1 if it is not, and 2 if it cannot be read.
    Status(Box<Status>),
    /// Prints version, commit and features.
    Version(ShowVersion),
    /// Runs the library of one PKCS#11 module. The operator starts it.
    #[cfg(feature = "pkcs11")]
    #[command(name = PKCS11_MODULE, hide = true)]
    Pkcs11Module,
}

/// The command with which the operator starts the process of a PKCS#11 module.
pub const PKCS11_MODULE: &str = "pkcs11-module";

/// The settings of `signet version`.
#[derive(Args, Clone, Copy, Debug)]
pub struct ShowVersion {
    /// The output format.
    #[arg(short = 'o', long, value_enum, default_value_t = OutputFormat::Text)]
    pub output: OutputFormat,
}

/// The commands of `signet policy`.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Prints the rules of a preset in full, as they are below `spec` of an issuer.
    Show(Show),
}

/// The settings of `signet policy show`.
#[derive(Args, Clone, Debug)]
pub struct Show {
    /// The preset.
    #[arg(value_parser = presets())]
    pub preset: Preset,

    /// The trust domain of the issuer.
    #[arg(long, default_value = "example.org", value_parser = TrustDomain::parse)]
    pub trust_domain: TrustDomain,

    /// Print the rules of an issuer without a trust domain.
    #[arg(long)]
    pub plain: bool,
}

/// The settings of `signet decide`.
#[derive(Args, Clone, Debug)]
pub struct Decide {
    /// A file with Issuers, ClusterIssuers, Namespaces, Certificates, CertificateRequests,
    /// CertificateSigningRequests and PodCertificateRequests in YAML or JSON; `-` is the standard
    /// input. Can be repeated.
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// The output format.
    #[arg(short = 'o', long, value_enum, default_value_t = OutputFormat::Text)]
    pub output: OutputFormat,

    /// The ServiceAccount that makes the CertificateRequests and CertificateSigningRequests without
    /// `spec.username`, as `namespace:name`.
    #[arg(long, value_name = "NAMESPACE:NAME", value_parser = service_account)]
    pub requester: Option<ServiceAccount>,

    /// The ServiceAccount of the cert-manager controller, as in `signet run`.
    #[arg(long, default_value = "cert-manager:cert-manager", value_parser = service_account)]
    pub cert_manager_service_account: ServiceAccount,

    /// The namespace of the Secrets of ClusterIssuers, as in `signet run`.
    #[arg(long, default_value = "signet-system")]
    pub cluster_resource_namespace: String,

    /// The namespace of the operator, as in `signet run`.
    #[arg(long, default_value = "signet-system")]
    pub leader_election_namespace: String,
}

impl Decide {
    /// Returns the namespaces of the operator and of what it keeps for ClusterIssuers.
    pub fn own_namespaces(&self) -> BTreeSet<String> {
        own_namespaces([
            &self.leader_election_namespace,
            &self.cluster_resource_namespace,
        ])
    }
}

fn own_namespaces(own: [&String; 2]) -> BTreeSet<String> {
    own.into_iter().cloned().collect()
}

/// How a command prints its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Plain text.
    Text,
    /// A JSON object.
    Json,
}

fn presets() -> impl TypedValueParser<Value = Preset> {
    let names = Preset::ALL.map(Preset::as_str);
    PossibleValuesParser::new(names).try_map(|name| Preset::from_name(&name).ok_or("unknown"))
}

/// The settings of `signet run`.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// The kubeconfig file. By default the file in KUBECONFIG, or the pod's own ServiceAccount.
    #[arg(long, env = "SIGNET_KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,

    /// The namespace of the Secrets and CAGenerations of ClusterIssuers.
    #[arg(
        long,
        env = "SIGNET_CLUSTER_RESOURCE_NAMESPACE",
        default_value = "signet-system"
    )]
    pub cluster_resource_namespace: String,

    /// The ServiceAccount of the cert-manager controller, as `namespace:name`. Its requests are
    /// treated as those of Certificates.
    #[arg(
        long,
        env = "SIGNET_CERT_MANAGER_SERVICE_ACCOUNT",
        default_value = "cert-manager:cert-manager",
        value_parser = service_account
    )]
    pub cert_manager_service_account: ServiceAccount,

    /// The maximum number of writes to the API server in flight. Namespaces are served round-robin.
    #[arg(long, env = "SIGNET_CONCURRENCY", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,

    /// Also reconcile namespaced Issuers and MeshCAs. If false, Signet only needs access to Secrets and
    /// ConfigMaps in the cluster resource namespace.
    #[arg(long, env = "SIGNET_NAMESPACED_ISSUERS", default_value_t = true, action = clap::ArgAction::Set)]
    pub namespaced_issuers: bool,

    /// Let ClusterIssuers use the operator's own credentials, such as its cloud identity.
    #[arg(long, env = "SIGNET_CLUSTER_ISSUER_AMBIENT_CREDENTIALS", default_value_t = true, action = clap::ArgAction::Set)]
    pub cluster_issuer_ambient_credentials: bool,

    /// The HTTP proxy through which the key servers and parents of ClusterIssuers are called, such as
    /// `http://proxy.example.org:3128`. Set one with a user name and a password in the environment
    /// variable, from a Secret. Issuers do not use it. Other variables, such as HTTPS_PROXY, have no
    /// effect on them.
    #[arg(long, env = "SIGNET_CLUSTER_ISSUER_PROXY", hide_env_values = true)]
    pub cluster_issuer_proxy: Option<ProxyUrl>,

    /// What is called without that proxy, separated by commas: hosts, domains with all below them
    /// (`.svc`), IP addresses and CIDR blocks.
    #[arg(
        long,
        env = "SIGNET_CLUSTER_ISSUER_NO_PROXY",
        value_delimiter = ',',
        requires = "cluster_issuer_proxy"
    )]
    pub cluster_issuer_no_proxy: Vec<String>,

    /// Let Issuers use the operator's own credentials. Any user who may create an Issuer in some
    /// namespace can then sign with every key that the operator can reach.
    #[arg(long, env = "SIGNET_ISSUER_AMBIENT_CREDENTIALS", default_value_t = false, action = clap::ArgAction::Set)]
    pub issuer_ambient_credentials: bool,

    /// Let Issuers connect to loopback and link-local addresses and to the API server.
    #[arg(long, env = "SIGNET_ISSUER_LOCAL_ADDRESSES", default_value_t = false, action = clap::ArgAction::Set)]
    pub issuer_local_addresses: bool,

    /// Create the keys of Issuers with `key.software`, for evaluation. Requires permission to create
    /// Secrets in all namespaces. Keys of ClusterIssuers are always created.
    #[arg(long, env = "SIGNET_ISSUER_KEY_CREATION", default_value_t = false, action = clap::ArgAction::Set)]
    pub issuer_key_creation: bool,

    /// Further IP addresses of the API server, separated by commas. Issuers cannot connect to them, to
    /// the address under which Signet calls the API server, and to that of its Service.
    #[arg(long, env = "SIGNET_API_SERVER_ADDRESSES", value_delimiter = ',')]
    pub api_server_addresses: Vec<IpAddr>,

    /// Publish the trust bundles of Issuers in their namespaces, and delete copies of the bundles of
    /// ClusterIssuers in namespaces that are no longer selected. Requires write access to ConfigMaps
    /// in all namespaces.
    #[arg(long, env = "SIGNET_BUNDLES_IN_ALL_NAMESPACES", default_value_t = false, action = clap::ArgAction::Set)]
    pub bundles_in_all_namespaces: bool,

    /// Sign cert-manager's CertificateRequests. If false, Signet does not need access to them, other
    /// than to its own in the cluster resource namespace.
    #[arg(long, env = "SIGNET_CERTIFICATE_REQUESTS", default_value_t = true, action = clap::ArgAction::Set)]
    pub certificate_requests: bool,

    /// Sign Kubernetes' CertificateSigningRequests. If false, Signet does not need access to them.
    #[arg(long, env = "SIGNET_CERTIFICATE_SIGNING_REQUESTS", default_value_t = true, action = clap::ArgAction::Set)]
    pub certificate_signing_requests: bool,

    /// Also sign PodCertificateRequests, if the API server serves them. If false, Signet does not need
    /// access to them and to Pods.
    #[arg(long, env = "SIGNET_POD_CERTIFICATE_REQUESTS", default_value_t = true, action = clap::ArgAction::Set)]
    pub pod_certificate_requests: bool,

    /// Publish the trust bundles of ClusterIssuers as ClusterTrustBundles. If false, Signet neither
    /// reads nor writes ClusterTrustBundles.
    #[arg(long, env = "SIGNET_CLUSTER_TRUST_BUNDLES", default_value_t = true, action = clap::ArgAction::Set)]
    pub cluster_trust_bundles: bool,

    /// Publish the trust bundles of Issuers as ClusterTrustBundles, too. These are objects of the
    /// whole cluster, so any user who may create an Issuer then also creates one of them.
    #[arg(long, env = "SIGNET_ISSUER_CLUSTER_TRUST_BUNDLES", default_value_t = false, action = clap::ArgAction::Set)]
    pub issuer_cluster_trust_bundles: bool,

    /// The maximum number of signatures per second with a key, for each namespace, and for all
    /// ClusterIssuers together. No issuer can exceed it. By default, only the issuers' own limits
    /// and the defaults of their backends apply.
    #[arg(long, env = "SIGNET_MAX_SIGNATURES_PER_SECOND",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_signatures_per_second: Option<u32>,

    /// The maximum number of certificates in flight (being signed and written) with a key, for each
    /// namespace, and for all ClusterIssuers together. No issuer can exceed it.
    #[arg(long, env = "SIGNET_MAX_SIGNATURES_IN_FLIGHT",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub max_signatures_in_flight: Option<u16>,

    /// The file that lists the PKCS#11 modules and tokens that issuers may use. See docs/pkcs11.md.
    #[arg(long, env = "SIGNET_PKCS11_MODULES")]
    pub pkcs11_modules: Option<PathBuf>,

    /// How often each issuer's key and Secrets are checked.
    #[arg(long, env = "SIGNET_ISSUER_RESYNC_INTERVAL", default_value = "60s", value_parser = duration)]
    pub issuer_resync_interval: Duration,

    /// How long a request may be without approval or denial before an event reports what it waits
    /// for.
    #[arg(long, env = "SIGNET_APPROVAL_EVENT_DELAY", default_value = "5m", value_parser = duration)]
    pub approval_event_delay: Duration,

    /// How long an issuer whose CA is missing waits for a restore before it reports the CA as lost.
    /// Nothing is created in its place either way.
    #[arg(long, env = "SIGNET_CA_LOSS_DELAY", default_value = "5m", value_parser = duration)]
    pub ca_loss_delay: Duration,

    /// How long a call to the API server may take. A watch that delivers nothing for three times as
    /// long is opened again.
    #[arg(long, env = "SIGNET_API_SERVER_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub api_server_timeout: Duration,

    /// Run only while holding the Lease, so that other replicas can stand by.
    #[arg(long, env = "SIGNET_LEADER_ELECT", default_value_t = true, action = clap::ArgAction::Set)]
    pub leader_elect: bool,

    /// The namespace of the Lease.
    #[arg(
        long,
        env = "SIGNET_LEADER_ELECTION_NAMESPACE",
        default_value = "signet-system"
    )]
    pub leader_election_namespace: String,

    /// This replica's name in the Lease. By default the host name.
    #[arg(long, env = "SIGNET_LEADER_ELECTION_IDENTITY")]
    pub leader_election_identity: Option<String>,

    /// How long the Lease is valid without renewal: 3s to 1h.
    #[arg(
        long,
        env = "SIGNET_LEADER_ELECTION_LEASE_DURATION",
        default_value = "15s",
        value_parser = lease_duration
    )]
    pub leader_election_lease_duration: Duration,

    /// The address of the admin server, which serves /livez, /readyz and /metrics.
    #[arg(long, env = "SIGNET_ADMIN_ADDRESS", default_value = "[::]:9402")]
    pub admin_address: SocketAddr,

    /// How long to wait for requests in flight after SIGTERM.
    #[arg(long, env = "SIGNET_SHUTDOWN_TIMEOUT", default_value = "20s", value_parser = duration)]
    pub shutdown_timeout: Duration,

    /// The log format.
    #[arg(long, env = "SIGNET_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// The log filter, in the syntax of tracing's filter directives.
    #[arg(long, env = "SIGNET_LOG", default_value = "info,kube_runtime=error")]
    pub log: String,
}

impl Run {
    /// Returns the namespaces of the operator and of what it keeps for ClusterIssuers.
    pub fn own_namespaces(&self) -> BTreeSet<String> {
        own_namespaces([
            &self.leader_election_namespace,
            &self.cluster_resource_namespace,
        ])
    }
}

/// The log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Plain text.
    Text,
}

fn service_account(text: &str) -> Result<ServiceAccount, String> {
    ServiceAccount::from_username(&format!("system:serviceaccount:{text}"))
        .ok_or_else(|| "write it as namespace:name".to_owned())
}

/// Reads a duration of whole seconds, in the syntax of the API's duration fields.
fn duration(text: &str) -> Result<Duration, String> {
    let duration = signet_api::duration::parse(text)?;
    if duration.is_zero() || duration.subsec_nanos() != 0 {
        return Err("must be a whole number of seconds, and at least 1s".to_owned());
    }
    Ok(duration)
}

fn lease_duration(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if (MIN_LEASE_DURATION..=MAX_LEASE_DURATION).contains(&duration) {
        Ok(duration)
    } else {
        Err("must be between 3s and 1h".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_also_an_environment_variable() {
        Cli::command().debug_assert();
        let cli = Cli::command();
        let run = cli.find_subcommand("run").unwrap();
        for flag in run.get_arguments().filter(|flag| flag.get_id() != "help") {
            let name = flag
                .get_env()
                .unwrap_or_else(|| panic!("{} has none", flag.get_id()));
            assert!(name.to_string_lossy().starts_with("SIGNET_"));
        }
    }

    #[test]
    fn a_plugin_is_called_by_kubectl() {
        for (program, usage) in [
            ("signet", "Usage: signet version"),
            ("/usr/bin/signet", "Usage: signet version"),
            ("kubectl-signet", "Usage: kubectl signet version"),
            ("/usr/bin/kubectl-signet", "Usage: kubectl signet version"),
        ] {
            let arguments = [program, "version", "--help"];
            let command = command(OsStr::new(program));
            let help = command.try_get_matches_from(arguments).unwrap_err();
            assert!(help.to_string().contains(usage), "{program}: {help}");
        }
    }

    #[test]
    fn durations_have_the_syntax_of_the_api() {
        let parse = |value: &str| {
            let argument = format!("--shutdown-timeout={value}");
            match Cli::try_parse_from(["signet", "run", &argument])?.command {
                Command::Run(run) => Ok::<_, clap::Error>(run.shutdown_timeout),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(parse("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(parse("1h30m").unwrap(), Duration::from_secs(5400));
        for value in ["20", "0s", "-1s", "1500ms", ""] {
            assert!(parse(value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn accepts_lease_durations_from_3_seconds_to_an_hour() {
        for (value, is_valid) in [("2s", false), ("3s", true), ("1h", true), ("61m", false)] {
            assert_eq!(lease_duration(value).is_ok(), is_valid, "{value}");
        }
    }
}
