//! One stop signal for all tasks of a process.

use tokio::sync::watch;

/// Resolves when the process has been asked to stop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// Asks the process to stop.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

impl Trigger {
    /// Asks every holder of the matching [`Shutdown`] to stop; may be called again.
    pub fn fire(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// A signal and its trigger.
    #[must_use]
    pub fn new() -> (Trigger, Shutdown) {
        let (sender, receiver) = watch::channel(false);
        (Trigger(sender), Shutdown(receiver))
    }

    /// A signal that fires on SIGTERM or SIGINT.
    ///
    /// # Errors
    /// The signal handlers cannot be installed.
    pub fn on_signals() -> std::io::Result<Shutdown> {
        use tokio::signal::unix::{SignalKind, signal};
        let (trigger, shutdown) = Shutdown::new();
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(async move {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            trigger.fire();
            // Kept so that receivers see the value, not a closed channel.
            std::future::pending::<()>().await;
        });
        Ok(shutdown)
    }

    /// It has been fired, or its trigger is gone.
    #[must_use]
    pub fn is_fired(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it is fired, or its trigger is gone.
    pub async fn fired(&self) {
        let mut receiver = self.0.clone();
        // An error means that the trigger is gone: stop as well.
        drop(receiver.wait_for(|fired| *fired).await);
    }
}
