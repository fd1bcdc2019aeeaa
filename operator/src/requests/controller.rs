//! The controller of one request API.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::cache::{Cache, DueByIssuer};
use super::kind::RequestKind;
use super::reconcile::Shell;
use super::{dispatch, watch};
use crate::context::Context;

pub(crate) struct Controller {
    /// Watches and reconciles until the operator stops.
    pub(crate) run: BoxFuture<'static, ()>,
    /// Cancelled once the requests are listed.
    pub(crate) listed: CancellationToken,
    pub(crate) due: CountDue,
}

/// Adds the requests that are due.
pub(crate) type CountDue = Arc<dyn Fn(&mut DueByIssuer) + Send + Sync>;

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
        let cache = Arc::new(Cache::<K>::default());
        let changes = context.wakeups.requests();
        let woken = watch::waiting_for_issuers(cache.clone(), changes);
        let (context, when_listed) = (context.clone(), listed.clone());
        let counted = cache.clone();
        let run = async move {
            let due = watch::due(cache.clone(), when_listed, context.clone());
            let shell = Arc::new(Shell { context, cache });
            dispatch::run(due, woken, shell, stop).await;
        };
        Self {
            run: run.boxed(),
            listed,
            due: Arc::new(move |counts| counted.count_due(counts)),
        }
    }
}
