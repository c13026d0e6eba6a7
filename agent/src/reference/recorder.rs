//! Turns what the agent sees into numbered events. Pure but for the spool that it is given.

use crate::logic::heartbeat::{self, Interval, Seen};
use schemas::event::{Burst, Event, Power, PowerKind, Stream};

/// Numbers the events of one boot and remembers what has been acknowledged.
#[derive(Debug)]
pub struct Recorder {
    /// Scripted activity; on-time is added as it passes.
    script: Seen,
    start_ms: i64,
    next_seq: [u32; 4],
    acknowledged_ms: i64,
    /// Heartbeats on their way: number and moment.
    pending: Vec<(u32, i64)>,
}

impl Recorder {
    /// A boot that begins at `start_ms` of the agent's clock.
    #[must_use]
    pub fn new(start_ms: i64, script: Seen) -> Recorder {
        Recorder { script, start_ms, next_seq: [0; 4], acknowledged_ms: i64::MIN, pending: Vec::new() }
    }

    /// The edge has this event of the activity stream. Only a heartbeat vouches for what came before it.
    pub fn acknowledge(&mut self, seq: u32) {
        if let Some(index) = self.pending.iter().position(|(pending, _)| *pending == seq) {
            let (_, at_ms) = self.pending.swap_remove(index);
            self.acknowledged_ms = self.acknowledged_ms.max(at_ms);
        }
    }

    /// A power event.
    pub fn power(&mut self, at_ms: i64, kind: PowerKind) -> Event {
        let seq = self.take(Stream::Activity, 1);
        Event::Power(Power { seq, at_ms, kind })
    }

    /// A measured burst, numbered here.
    pub fn burst(&mut self, burst: Burst) -> Event {
        let seq = self.take(Stream::Network, 1);
        Event::Burst(Burst { seq, ..burst })
    }

    /// The heartbeats of this moment.
    pub fn heartbeat(&mut self, at_ms: i64) -> Vec<Event> {
        let on = vec![Interval { from_ms: self.start_ms, to_ms: at_ms }];
        let begun = |spans: &[Interval]| spans.iter().filter(|span| span.from_ms < at_ms).copied().collect();
        let apps = self.script.apps.iter().map(|(app, spans)| (app.clone(), begun(spans)));
        let seen = Seen { on, active: begun(&self.script.active), apps: apps.collect() };
        let beats = heartbeat::build(at_ms, self.next_seq[Stream::Activity as usize], &seen, self.acknowledged_ms);
        let first = self.take(Stream::Activity, beats.len() as u32);
        // Several heartbeats of one moment vouch for it together: the last one goes last.
        self.pending.push((first + beats.len() as u32 - 1, at_ms));
        beats.into_iter().map(Event::Heartbeat).collect()
    }

    fn take(&mut self, stream: Stream, count: u32) -> u32 {
        let next = &mut self.next_seq[stream as usize];
        *next += count;
        *next - count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(event: &Event) -> usize {
        let Event::Heartbeat(beat) = event else { return 0 };
        beat.active.len()
    }

    #[test]
    fn what_is_acknowledged_is_not_asserted_again() {
        let span = |from_ms, to_ms| Interval { from_ms, to_ms };
        let script = Seen { active: vec![span(1_000, 2_000), span(5_000, 99_000)], ..Seen::default() };
        let mut recorder = Recorder::new(0, script);
        assert_eq!(active(&recorder.heartbeat(3_000)[0]), 1);
        assert_eq!(active(&recorder.heartbeat(6_000)[0]), 2, "nothing was acknowledged yet");
        let power = recorder.power(6_500, PowerKind::Sleep);
        assert!(matches!(power, Event::Power(Power { seq: 2, .. })));
        recorder.acknowledge(2);
        assert_eq!(active(&recorder.heartbeat(6_600)[0]), 2, "negative control: a power event vouches for nothing");
        recorder.acknowledge(1);
        let beat = recorder.heartbeat(7_000).remove(0);
        assert_eq!(active(&beat), 1, "the running one stays");
        let Event::Heartbeat(beat) = beat else { unreachable!() };
        assert_eq!((beat.seq, beat.on[0].from_ms_ago), (4, 7_000));
    }
}
