//! The controller of one request API.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::runtime::reflector::{self, Store};
use tokio_util::sync::CancellationToken;

use super::kind::RequestKind;
use super::object::Observed;
use super::reconcile::Shell;
use super::{dispatch, watch};
use crate::context::Context;

pub(crate) struct Controller {
    /// Watches and reconciles until the operator stops.
    pub(crate) run: BoxFuture<'static, ()>,
    /// Cancelled once the requests are listed.
    pub(crate) listed: CancellationToken,
    pub(crate) due: Box<dyn Fn() -> usize + Send + Sync>,
}

/// Counts the requests that are due.
pub(super) type CountDue = Arc<dyn Fn() -> usize + Send + Sync>;

impl Controller {
    /// Returns the controller of `K`. Changes of issuers count from now on.
    pub(super) fn new<K: RequestKind>(context: &Arc<Context>) -> Self {
        Self::until::<K>(context, context.stop.clone(), CancellationToken::new())
    }

    /// Returns the controller of `K`, which ends when `stop` is cancelled, at the latest with the
    /// operator.
    pub(super) fn until<K: RequestKind>(
        context: &Arc<Context>,
        stop: CancellationToken,
        listed: CancellationToken,
    ) -> Self {
        let (store, cache) = reflector::store();
        let changes = context.wakeups.requests();
        let woken = watch::waiting_for_issuers(store.clone(), changes);
        let (context, when_listed) = (context.clone(), listed.clone());
        let due = count_due::<K>(store.clone());
        let run = async move {
            let due = watch::due(cache, when_listed, context.clone());
            let shell = Arc::new(Shell { context, store });
            dispatch::run(due, woken, shell, stop).await;
        };
        Self {
            run: run.boxed(),
            listed,
            due,
        }
    }
}

fn count_due<K: RequestKind>(store: Store<Observed<K>>) -> Box<dyn Fn() -> usize + Send + Sync> {
    Box::new(move || store.state_filter(|object| object.due().is_some()).len())
}
