//! What the fleet counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters of all devices together.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Posts that were answered or failed.
    pub posts: Counter,
    /// Posts that settled their events.
    pub posts_settled: Counter,
    /// Posts after which the events were kept, to be sent again.
    pub posts_kept: Counter,
    /// Of the settled ones: posts of events from before the first start.
    pub history_posts: Counter,
    /// Posts sent a second time on purpose.
    pub duplicates: Counter,
    /// Events that the edge acknowledged.
    pub accepted: Counter,
    /// Events that the edge named invalid.
    pub invalid: Counter,
    /// Events given up with a refused post.
    pub given_up: Counter,
    /// Events lost with a frozen disk.
    pub lost: Counter,
    /// Devices that have posted everything that was due when the fleet started.
    pub caught_up: Gauge,
    /// Devices that have nothing more to play.
    pub finished: Gauge,
    /// Devices whose token is refused.
    pub refused: Gauge,
    /// Devices that keep events after a failed post, until their spool is empty again.
    pub holding: Gauge,
}

impl Tally {
    /// Registers everything.
    pub fn register(&self, registry: &mut Registry) {
        let fleet = registry.sub_registry_with_prefix("fleet");
        fleet.register("posts", "posts answered or failed", self.posts.clone());
        fleet.register("posts_settled", "posts that settled their events", self.posts_settled.clone());
        fleet.register("posts_kept", "posts after which the events were kept", self.posts_kept.clone());
        fleet.register("history_posts", "posts of events before the first start", self.history_posts.clone());
        fleet.register("duplicates", "posts sent a second time on purpose", self.duplicates.clone());
        fleet.register("events_accepted", "events acknowledged", self.accepted.clone());
        fleet.register("events_invalid", "events named invalid", self.invalid.clone());
        fleet.register("events_given_up", "events given up with a refused post", self.given_up.clone());
        fleet.register("events_lost", "events lost with frozen disks", self.lost.clone());
        fleet.register("devices_caught_up", "devices past their history", self.caught_up.clone());
        fleet.register("devices_finished", "devices with nothing more to play", self.finished.clone());
        fleet.register("devices_refused", "devices whose token is refused", self.refused.clone());
        fleet.register("devices_holding", "devices that keep events after a failed post", self.holding.clone());
    }
}
