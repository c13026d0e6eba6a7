//! What happens to processes as members of the group: they die, are taken for dead, come and go.

use super::World;
use crate::coverage::Happening;
use crate::log::{MAX_SLOTS, SLOTS, Standing};

/// Processes whose identity was taken, at most.
const ORPHANS: usize = 2;
/// Turns that a process which is told to stop has to write what it folded.
const DRAIN_TURNS: usize = 20;

impl World {
    /// New owners of everything.
    pub(super) fn take_over(&mut self) {
        self.takeover_by = None;
        (0..self.members).for_each(|slot| self.crash(slot));
    }

    pub(super) fn add(&mut self) {
        if self.members < MAX_SLOTS {
            let process = self.start(self.members, None);
            self.processes.insert(self.members, process);
            self.members += 1;
            self.state.borrow_mut().coverage.count(Happening::Added);
        }
    }

    /// It writes, commits and lets go if it can; its place in the group expires.
    pub(super) fn remove(&mut self) {
        if self.members == SLOTS {
            return;
        }
        let index = self.members - 1;
        self.processes[index].paused = false;
        self.processes[index].engine.drain();
        let id = self.processes[index].id;
        for _ in 0..DRAIN_TURNS {
            // A fault that is fatal has put another process in its place.
            if self.processes[index].id != id || self.processes[index].engine.has_drained() {
                break;
            }
            self.turn(index);
        }
        let process = self.processes.remove(index);
        self.members -= 1;
        let drained = process.engine.has_drained();
        let mut state = self.state.borrow_mut();
        state.coverage.count(if drained { Happening::Removed } else { Happening::RemovedUnfinished });
        state.group.expire(process.id);
        state.group.forget(process.id);
    }

    pub(super) fn crash(&mut self, index: usize) {
        let (id, slot, phase) = {
            let process = &self.processes[index];
            (process.id, process.slot, process.engine.phase())
        };
        self.state.borrow_mut().coverage.crash(phase);
        if index >= self.members {
            self.processes.remove(index);
        } else {
            self.processes[index] = self.start(slot, Some(id));
        }
        self.state.borrow_mut().group.forget(id);
    }

    pub(super) fn expire(&self, index: usize) {
        let (mut state, id) = (self.state.borrow_mut(), self.processes[index].id);
        if state.group.sessions.get(&id).is_some_and(|session| session.standing == Standing::Joined) {
            state.coverage.count(Happening::Expired);
            state.group.expire(id);
        }
    }

    pub(super) fn wake(&mut self, index: usize, blind: u8) {
        let process = &mut self.processes[index];
        process.paused = false;
        if let Some(session) = self.state.borrow_mut().group.sessions.get_mut(&process.id) {
            session.blind = if session.standing == Standing::Joined { 0 } else { blind };
        }
    }

    pub(super) fn replace(&mut self, slot: usize) {
        if self.processes.len() == self.members + ORPHANS {
            return;
        }
        self.state.borrow_mut().coverage.count(Happening::Replaced);
        let successor = self.start(slot, Some(self.processes[slot].id));
        let orphan = std::mem::replace(&mut self.processes[slot], successor);
        if let Some(session) = self.state.borrow_mut().group.sessions.get_mut(&orphan.id) {
            session.blind = 3;
        }
        self.processes.push(orphan);
    }
}
