//! The Deployment: what runs, and with which rights over its node.

use clap::Parser;
use serde_json::json;
use signet::args::Cli;
use signet_keys::{ModuleConfig, ModulesConfig, PinSecret, PinSource, TokenConfig};

use crate::render::{REQUIRED, Rendered, refusal, strings};

/// The standard's rules for pods, as far as a chart can meet them.
#[test]
fn the_pod_meets_the_restricted_standard() {
    let rendered = Rendered::with(&[]);
    rendered.assert_pod(&[
        ("/spec/securityContext/runAsNonRoot", json!(true)),
        (
            "/spec/securityContext/seccompProfile/type",
            json!("RuntimeDefault"),
        ),
        (
            "/spec/containers/0/securityContext",
            json!({
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            }),
        ),
    ]);
    for field in [
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "volumes",
        "initContainers",
    ] {
        assert!(rendered.pod()["spec"].get(field).is_none(), "{field}");
    }
    let ports = rendered.container()["ports"].as_array().unwrap();
    assert!(ports.iter().all(|port| port.get("hostPort").is_none()));
}

#[test]
fn signet_takes_the_arguments() {
    for set in [
        &[][..],
        &[
            "clusterResourceNamespace=ca-secrets",
            "concurrency=1024",
            "leaderElection.leaseDuration=3s",
            "issuerResyncInterval=1m30s",
            "approvalEventDelay=1h",
            "shutdownTimeout=1s",
            "admin.host=0.0.0.0",
            "admin.port=8080",
            "log.format=text",
            r"log.filter=info\,signet=debug",
            "extraArgs={--kubeconfig=/etc/signet/kubeconfig}",
            "namespacedIssuers.ambientCredentials=true",
            "namespacedIssuers.localAddresses=true",
            "namespacedIssuers.apiServerAddresses={192.0.2.1,2001:db8::1}",
            "clusterIssuers.ambientCredentials=false",
            "clusterIssuers.proxy.url=http://proxy.example.org:3128",
            "clusterIssuers.proxy.noProxy={.svc,10.0.0.0/8}",
            "bundles.allNamespaces=true",
            "bundles.secrets=true",
            "keyLimits.maxSignaturesPerSecond=100000",
            "keyLimits.maxSignaturesInFlight=1024",
            "pkcs11.modules[0].name=hsm",
            "pkcs11.modules[0].path=/usr/lib/hsm.so",
            "pkcs11.modules[0].tokens[0].name=signet",
            "pkcs11.modules[0].tokens[0].label=signet",
            "pkcs11.modules[0].tokens[0].pin.file=/pin",
        ],
    ] {
        let rendered = Rendered::with(set);
        let arguments = strings(&rendered.container()["args"]);
        let parsed = Cli::try_parse_from([&["signet"], &arguments[..]].concat());
        assert!(parsed.is_ok(), "{arguments:?}: {}", parsed.unwrap_err());
    }
}

#[test]
fn key_limits_become_arguments_where_they_are_set() {
    let arguments = |set: &[&str]| {
        let rendered = Rendered::with(set);
        strings(&rendered.container()["args"])
            .into_iter()
            .filter(|argument| argument.starts_with("--max-signatures"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert!(arguments(&[]).is_empty());
    let both = [
        "keyLimits.maxSignaturesPerSecond=100000",
        "keyLimits.maxSignaturesInFlight=8",
    ];
    assert_eq!(
        arguments(&both),
        [
            "--max-signatures-per-second=100000",
            "--max-signatures-in-flight=8"
        ]
    );
}

/// A password is in no argument, which everyone who may read Deployments can read.
#[test]
fn the_url_of_a_proxy_is_an_argument_or_comes_from_a_secret() {
    const PROXY: &str = "clusterIssuers.proxy";
    let has = |rendered: &Rendered, argument: &str| {
        strings(&rendered.container()["args"]).contains(&argument)
    };
    let no_proxy = format!("{PROXY}.noProxy={{.svc,10.0.0.0/8}}");
    let by_url = format!("{PROXY}.url=http://proxy.example.org:3128");
    let rendered = Rendered::with(&[&by_url, &no_proxy]);
    assert!(has(
        &rendered,
        "--cluster-issuer-proxy=http://proxy.example.org:3128"
    ));
    assert!(has(&rendered, "--cluster-issuer-no-proxy=.svc,10.0.0.0/8"));
    let by_secret = format!("{PROXY}.secretName=proxy");
    let rendered = Rendered::with(&[&by_secret, &no_proxy]);
    let variables = rendered.container()["env"].as_array().unwrap();
    let url = variables
        .iter()
        .find(|it| it["name"] == "SIGNET_CLUSTER_ISSUER_PROXY");
    let expected = json!({ "secretKeyRef": { "name": "proxy", "key": "url" } });
    assert_eq!(url.unwrap()["valueFrom"], expected);
    assert!(
        !rendered.container()["args"]
            .to_string()
            .contains("issuer-proxy")
    );
    for (set, word) in [
        (vec![by_url.as_str(), &by_secret], "set one of them"),
        (vec![no_proxy.as_str()], "requires url or secretName"),
        (
            vec!["clusterIssuers.proxy.url=http://user:password@proxy"],
            "proxy",
        ),
    ] {
        let output = refusal(&[&[REQUIRED], &set[..]].concat());
        assert!(output.contains(word), "{output}");
    }
}

#[test]
fn the_addresses_of_the_api_server_become_one_argument() {
    let argument = |set: &[&str]| {
        let rendered = Rendered::with(set);
        let arguments = strings(&rendered.container()["args"]);
        let mut arguments = arguments.into_iter().map(str::to_owned);
        arguments.find(|argument| argument.starts_with("--api-server-addresses"))
    };
    assert_eq!(argument(&[]), None);
    assert_eq!(
        argument(&["namespacedIssuers.apiServerAddresses={192.0.2.1,2001:db8::1}"]).as_deref(),
        Some("--api-server-addresses=192.0.2.1,2001:db8::1")
    );
}

/// The list reaches the pod as the operator reads it, and another list is another pod.
#[test]
fn the_operator_reads_the_modules_and_tokens_that_are_listed() {
    let token = |number: usize, fields: &[&str]| -> Vec<String> {
        let token = format!("pkcs11.modules[0].tokens[{number}]");
        fields
            .iter()
            .map(|field| format!("{token}.{field}"))
            .collect()
    };
    let mut set = vec![
        "pkcs11.modules[0].name=hsm".to_owned(),
        "pkcs11.modules[0].path=/usr/lib/hsm.so".to_owned(),
        "pkcs11.modules[0].maxSessions=8".to_owned(),
        "pkcs11.modules[0].maxSessionsPerNamespace=3".to_owned(),
    ];
    set.extend(token(
        0,
        &[
            "name=signet",
            "label=Signet CA",
            "pin.secret.name=pins",
            "namespaces={team-a,team-b}",
        ],
    ));
    set.extend(token(
        1,
        &["name=spare", "serial=0a1b", "pin.file=/pins/spare"],
    ));
    set.extend(token(
        2,
        &["name=third", "label=third", "pin.env=THIRD_PIN"],
    ));
    let set: Vec<_> = set.iter().map(String::as_str).collect();
    let rendered = Rendered::with(&set);
    let map = rendered.get("ConfigMap", "signet-pkcs11-modules");
    let list = map["data"]["modules.yaml"].as_str().unwrap();
    let read: ModulesConfig = serde_saphyr::from_str(list).unwrap();
    let listed = |name: &str, label: Option<&str>, serial: Option<&str>, pin| TokenConfig {
        name: name.to_owned(),
        label: label.map(str::to_owned),
        serial: serial.map(str::to_owned),
        pin,
        namespaces: Vec::new(),
    };
    let secret = PinSecret {
        name: "pins".to_owned(),
        key: "pin".to_owned(),
    };
    let first = listed("signet", Some("Signet CA"), None, PinSource::Secret(secret));
    let module = ModuleConfig {
        name: "hsm".to_owned(),
        path: "/usr/lib/hsm.so".into(),
        max_sessions: 8,
        max_sessions_per_key: 4,
        max_sessions_per_namespace: Some(3),
        tokens: vec![
            TokenConfig {
                namespaces: vec!["team-a".to_owned(), "team-b".to_owned()],
                ..first
            },
            listed(
                "spare",
                None,
                Some("0a1b"),
                PinSource::File("/pins/spare".into()),
            ),
            listed(
                "third",
                Some("third"),
                None,
                PinSource::Env("THIRD_PIN".to_owned()),
            ),
        ],
    };
    assert_eq!(read.modules, [module]);
    let volume = &rendered.pod()["spec"]["volumes"][0];
    assert_eq!(volume["configMap"]["name"], "signet-pkcs11-modules");
    assert_eq!(
        rendered.container()["volumeMounts"][0]["mountPath"],
        "/etc/signet/pkcs11"
    );
    assert!(rendered.pod()["metadata"]["annotations"]["signet.dev/pkcs11-modules"].is_string());
}

/// With no value set, the pod's own namespace, wherever the chart is rendered for.
#[test]
fn the_namespaces_are_the_pods_own_by_default() {
    let rendered = Rendered::with(&[]);
    let arguments = strings(&rendered.container()["args"]);
    for argument in [
        "--cluster-resource-namespace=$(POD_NAMESPACE)",
        "--leader-election-namespace=$(POD_NAMESPACE)",
        "--leader-election-identity=$(POD_NAME)",
    ] {
        assert!(arguments.contains(&argument), "{argument}: {arguments:?}");
    }
    let field = |path: &str| json!({ "fieldRef": { "fieldPath": path } });
    rendered.assert_pod(&[
        ("/spec/containers/0/env/0/name", json!("POD_NAMESPACE")),
        (
            "/spec/containers/0/env/0/valueFrom",
            field("metadata.namespace"),
        ),
        ("/spec/containers/0/env/1/name", json!("POD_NAME")),
        ("/spec/containers/0/env/1/valueFrom", field("metadata.name")),
    ]);
    let elsewhere = Rendered::with(&["clusterResourceNamespace=ca-secrets"]);
    let arguments = strings(&elsewhere.container()["args"]);
    assert!(
        arguments.contains(&"--cluster-resource-namespace=ca-secrets"),
        "{arguments:?}"
    );
}

#[test]
fn probes_and_metrics_meet_the_admin_server() {
    let rendered = Rendered::with(&["admin.port=8080"]);
    let probe = |path: &str| json!({ "path": path, "port": "admin" });
    rendered.assert_pod(&[
        ("/spec/containers/0/ports/0/name", json!("admin")),
        ("/spec/containers/0/ports/0/containerPort", json!(8080)),
        ("/spec/containers/0/livenessProbe/httpGet", probe("/livez")),
        (
            "/spec/containers/0/readinessProbe/httpGet",
            probe("/readyz"),
        ),
    ]);
    let arguments = strings(&rendered.container()["args"]);
    assert!(arguments.contains(&"--admin-address=[::]:8080"));
    let service = rendered.get("Service", "signet-metrics");
    assert_eq!(service["spec"]["ports"][0]["targetPort"], "admin");
}

#[test]
fn the_grace_period_is_longer_than_the_shutdown_timeout() {
    for (timeout, seconds) in [("45s", 45), ("2m", 120), ("1h1m1s", 3661)] {
        let rendered = Rendered::with(&[&format!("shutdownTimeout={timeout}")]);
        let grace = &rendered.pod()["spec"]["terminationGracePeriodSeconds"];
        assert_eq!(grace.as_i64(), Some(seconds + 10), "{timeout}");
    }
}

#[test]
fn the_image_is_named_by_tag_or_digest() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let set = format!("image.digest={digest}");
    let version = env!("CARGO_PKG_VERSION");
    for (set, expected) in [
        (vec![], format!("registry.example.com/signet:{version}")),
        (
            vec!["image.tag=v2"],
            "registry.example.com/signet:v2".to_owned(),
        ),
        (
            vec![set.as_str()],
            format!("registry.example.com/signet:{version}@{digest}"),
        ),
    ] {
        assert_eq!(Rendered::with(&set).container()["image"], expected);
    }
}

#[test]
fn the_replica_count_may_be_zero() {
    for replicas in [0, 1, 3] {
        let rendered = Rendered::with(&[&format!("replicaCount={replicas}")]);
        assert_eq!(
            rendered.get("Deployment", "signet")["spec"]["replicas"],
            replicas
        );
    }
}
