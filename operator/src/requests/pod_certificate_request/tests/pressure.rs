//! Kubelets that restart request a certificate for every pod of their nodes at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use parking_lot::Mutex;
use serde_json::json;
use signet_keys::FairSemaphore;

use super::Object;
use crate::requests::tenant::tenant;

const NODES: usize = 20;
const PODS_OF_A_NODE: usize = 100;

/// The namespace of a pod: nine of ten are in the largest one.
fn namespace(pod: usize) -> String {
    match pod % 10 {
        0 => format!("team-{}", pod / 10),
        _ => "batch".to_owned(),
    }
}

fn request(node: usize, pod: usize) -> Object {
    let object = json!({
        "metadata": {
            "name": format!("req-{node}-{pod}"), "namespace": namespace(pod),
            "uid": format!("uid-{node}-{pod}"),
        },
        "spec": {
            "signerName": "clusterissuers.signet.dev/corp",
            "podName": format!("pod-{node}-{pod}"),
            "nodeName": format!("node-{node}"),
        },
    });
    serde_json::from_value(object).unwrap()
}

/// A namespace with many pods delays the others by no more than a request each time.
#[tokio::test(start_paused = true)]
async fn two_thousand_requests_of_twenty_nodes_are_served_by_namespace_in_turn() {
    let permits = FairSemaphore::new(1);
    let held = permits.acquire("earlier").await;
    let served = Arc::new(Mutex::new(Vec::new()));
    let requests = (0..NODES).flat_map(|node| (0..PODS_OF_A_NODE).map(move |pod| (node, pod)));
    let answers = requests.map(|(node, pod)| {
        let (permits, served) = (&permits, served.clone());
        async move {
            let object = request(node, pod);
            let tenant = tenant(&object.due().unwrap().request);
            let _permit = permits.acquire(&tenant).await;
            served.lock().push(tenant);
        }
    });
    let all = join_all(answers);
    let release = async {
        tokio::task::yield_now().await;
        assert_eq!(permits.waiting(), NODES * PODS_OF_A_NODE);
        drop(held);
    };
    tokio::join!(all, release);

    let served = served.lock();
    assert_eq!(served.len(), NODES * PODS_OF_A_NODE, "none is lost");
    // Eleven namespaces; while all have requests, each gets every eleventh permit.
    let (shared, rest) = served.split_at(11 * NODES);
    for round in shared.chunks(11) {
        let mut counts = BTreeMap::new();
        for tenant in round {
            *counts.entry(tenant).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 11, "{counts:?}");
    }
    assert!(rest.iter().all(|tenant| tenant == "batch"));
}
